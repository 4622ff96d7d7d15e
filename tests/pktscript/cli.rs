//! `pktscript`: runs timed scripts of socket calls and segments on a TCP/IP stack.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use fairway_tests::pktscript::corpus::{self, Verdict};

/// Runs packet scripts.
///
/// A script is a file of timed lines: calls of a program, segments of its peer, and the segments that the stack has to
/// answer. The language is on the reference card, tests/pktscript/README.md.
#[derive(Debug, Parser)]
#[command(
    name = "pktscript",
    after_long_help = "Examples:\n  \
        pktscript tests/pktscript/scripts/handshake/passive.pkt\n  \
        pktscript --trace tests/pktscript/scripts/handshake\n\n\
        Exit status:\n  \
        0  every script did what is written\n  \
        1  one did not\n  \
        2  wrong usage\n  \
        3  scripts cannot be run here"
)]
struct Args {
    /// Run on Fairway's engine, in virtual time (the default)
    #[arg(long, conflicts_with = "kernel")]
    native: bool,

    /// Run on the kernel, through TUN devices in network namespaces; needs root
    #[arg(long)]
    kernel: bool,

    /// Show what happened, not only what went wrong
    #[arg(long)]
    trace: bool,

    /// Scripts that run at the same time
    #[arg(long, default_value_t = 16, value_name = "N")]
    jobs: usize,

    /// Run one script in a network namespace that this process makes for itself
    #[arg(long, hide = true)]
    inside: bool,

    /// Scripts, or folders of them
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let mut out = std::io::stdout().lock();
    if args.inside {
        let Some(file) = args.files.first() else {
            return ExitCode::from(2);
        };
        let (text, status) = match corpus::inside(file) {
            Ok(Ok(trace)) => (trace, 0),
            Ok(Err(failure)) => (failure, corpus::FAILED),
            Err(why) => (why, corpus::CANNOT),
        };
        drop(writeln!(out, "{text}"));
        return ExitCode::from(status);
    }
    let mut paths = Vec::new();
    for file in &args.files {
        if file.is_dir() {
            paths.extend(corpus::scripts(file));
        } else {
            paths.push(file.clone());
        }
    }
    if paths.is_empty() {
        drop(writeln!(out, "no scripts there: they end in .pkt"));
        return ExitCode::from(corpus::CANNOT);
    }
    let Ok(program) = std::env::current_exe() else {
        return ExitCode::from(corpus::CANNOT);
    };
    let mut failed = 0;
    let results = if args.kernel {
        corpus::kernel(&program, &paths, args.jobs)
    } else {
        corpus::native(&paths)
    };
    for result in &results {
        if matches!(result.verdict, Verdict::Failed(_)) {
            failed += 1;
        }
        drop(writeln!(
            out,
            "{}: {}",
            result.path.display(),
            result.verdict
        ));
        if let (true, Verdict::Passed(trace, _)) = (args.trace, &result.verdict) {
            drop(writeln!(out, "{trace}"));
        }
    }
    drop(writeln!(out, "{} scripts, {failed} failed", results.len()));
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(corpus::FAILED)
    }
}
