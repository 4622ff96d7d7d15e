//! `ftp`: copies files from, to and between FTP servers.

mod args;
mod between;
mod change;
mod cp;
mod exit;
mod get;
mod glob;
mod jobs;
mod ls;
mod mirror;
mod netrc;
mod output;
mod ping;
mod plan;
mod progress;
mod prompt;
mod proxy;
mod put;
mod shell;
mod size;
mod tool;
mod transfer;
mod tree;
mod url;
mod walk;

use crate::args::{Args, Command};
use crate::exit::{Exit, Failure, Outcome};
use crate::progress::Board;
use crate::tool::Tool;
use clap::Parser as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

/// How long saying goodbye to the servers may take.
const GOODBYE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            if let Some(word) = args::mistyped(&error, std::env::args_os().skip(1)) {
                let shown = output::name(word.as_bytes());
                Board::new(false).say(&format!(
                    "ftp: {shown}: no such command; ftp --help lists them"
                ));
                return Exit::Usage.into();
            }
            error.exit()
        }
    };
    let board = Board::new(args.options.quiet);
    subscribe(args.options.verbose, &board);
    let runtime = match runtime(&args) {
        Ok(runtime) => runtime,
        Err(error) => {
            board.say(&format!("ftp: {error}"));
            return Exit::Usage.into();
        }
    };
    let json = args.options.json;
    let outcome = runtime.block_on(run(args, &board));
    // A read of stdin or of the terminal may still wait.
    runtime.shutdown_background();
    let exit = match outcome {
        Ok(()) => Exit::Done,
        Err(failure) => {
            if !failure.text.is_empty() {
                board.say(&format!("ftp: {}", failure.text));
                if json {
                    output::print_failure(&failure.text);
                }
            }
            failure.exit
        }
    };
    exit.into()
}

/// One thread is fastest for one file; several files use several.
fn runtime(args: &Args) -> std::io::Result<tokio::runtime::Runtime> {
    let jobs = match &args.command {
        Some(Command::Get(get)) => get.transfer.jobs,
        Some(Command::Put(put)) => put.transfer.jobs,
        Some(Command::Mirror(mirror)) => mirror.transfer.jobs,
        Some(Command::Cp(cp)) => cp.transfer.jobs,
        _ => 1,
    };
    if jobs > 1 {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        let threads = usize::from(jobs).min(cores);
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .enable_all()
            .build()
    } else {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    }
}

/// Shows what goes on inside, above the bars.
fn subscribe(verbose: u8, board: &Board) {
    let default = if verbose > 1 { "debug" } else { "off" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let board = board.clone();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(move || Lines(board.clone()))
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
}

/// Lines of the log, on the board.
struct Lines(Board);

impl std::io::Write for Lines {
    fn write(&mut self, octets: &[u8]) -> std::io::Result<usize> {
        let text = String::from_utf8_lossy(octets);
        self.0.say(text.trim_end_matches('\n'));
        Ok(octets.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Runs the command until it ends or is interrupted.
async fn run(args: Args, board: &Board) -> Outcome {
    if let (Some(url), Some(_)) = (&args.url, &args.command) {
        let shown = output::name(url.as_bytes());
        return Err(Failure::usage(format!(
            "{shown}: the command comes first; see --help"
        )));
    }
    let tool = Tool::new(args.options.clone(), board.clone()).await?;
    if let Some(shell) = args.shell() {
        // Ctrl-C there ends a command, and not the program.
        let outcome = shell::run(&tool, &shell, &args.options).await;
        let _ = tool.net.clock().timeout(GOODBYE, tool.client.close()).await;
        return outcome;
    }
    let ended = tokio::select! { biased;
        () = interrupted() => None,
        outcome = command(&tool, &args) => Some(outcome),
    };
    let outcome = ended.unwrap_or_else(|| {
        board.end_bars();
        for file in tool.interrupted() {
            let hint = if file.goes_on {
                "; -c goes on with it"
            } else {
                ""
            };
            tool.say(&format!("{} is not complete{hint}", file.what));
        }
        Err(Failure::interrupted())
    });
    // Whether all servers say goodbye too does not matter.
    let _ = tool.net.clock().timeout(GOODBYE, tool.client.close()).await;
    outcome
}

/// Waits for Ctrl-C, or the end of the session.
pub(crate) async fn interrupted() {
    let both = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    );
    let (Ok(mut interrupt), Ok(mut terminate)) = both else {
        // Without handlers the system ends us.
        return std::future::pending().await;
    };
    tokio::select! { biased;
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

async fn command(tool: &Arc<Tool>, args: &Args) -> Outcome {
    match &args.command {
        Some(Command::Get(get)) => get::get(tool, get).await,
        Some(Command::Put(put)) => put::put(tool, put).await,
        Some(Command::Ls(ls)) => ls::ls(tool, ls).await,
        Some(Command::Tree(tree)) => tree::tree(tool, tree).await,
        Some(Command::Rm(rm)) => change::rm(tool, rm).await,
        Some(Command::Mv(mv)) => change::mv(tool, mv).await,
        Some(Command::Mkdir(mkdir)) => change::mkdir(tool, mkdir).await,
        Some(Command::Rmdir(rmdir)) => change::rmdir(tool, rmdir).await,
        Some(Command::Cat(cat)) => get::cat(tool, cat).await,
        Some(Command::Quote(quote)) => change::quote(tool, quote).await,
        Some(Command::Ping(ping)) => ping::ping(tool, ping).await,
        Some(Command::Size(size)) => change::size(tool, size).await,
        Some(Command::Chmod(chmod)) => change::chmod(tool, chmod).await,
        Some(Command::Mirror(args)) => mirror::mirror(tool, args).await,
        Some(Command::Cp(args)) => cp::cp(tool, args).await,
        Some(Command::Shell(_)) | None => Err(Failure::usage("not built yet")),
    }
}
