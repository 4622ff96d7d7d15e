//! `rsvpd`: the RSVP daemon.

mod args;
mod notify;
mod privileges;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;
use fairway_rsvp::daemon::config::Loaded;
use fairway_rsvp::daemon::platform::Platform;
use fairway_rsvp::daemon::service::Daemon;
use fairway_rsvp::tc::linux::LinuxTc;
use fairway_stack::Net;
use tokio::signal::unix::{SignalKind, signal};
use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::Subscriber;
use tracing_subscriber::reload;

use crate::args::{Args, load};
use crate::notify::notify;
use crate::privileges::{drop_privileges, make_directories};

/// Exit codes, as the help lists them.
#[derive(Clone, Copy, Debug)]
enum Exit {
    Done,
    System,
    Usage,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::System => 1,
            Exit::Usage => 2,
        })
    }
}

/// What a killed one left.
fn remove_traffic_control() -> Exit {
    match LinuxTc::remove_left_over() {
        Ok(()) => Exit::Done,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "rsvpd: {error}");
            Exit::System
        }
    }
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(usage) => {
            let _ = usage.print();
            return if usage.use_stderr() {
                Exit::Usage.into()
            } else {
                Exit::Done.into()
            };
        }
    };
    if args.remove_traffic_control {
        // Whatever is configured now.
        return remove_traffic_control().into();
    }
    let loaded = match load(&args) {
        Ok(loaded) => loaded,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "rsvpd: {error}");
            return Exit::Usage.into();
        }
    };
    if args.print_config {
        // A closed pipe is a quiet success.
        let _ = std::io::stdout().write_all(loaded.config().to_toml().as_bytes());
        return Exit::Done.into();
    }
    if args.check_config {
        let _ = writeln!(std::io::stderr(), "rsvpd: configuration is good");
        return Exit::Done.into();
    }
    let log = Log::to_stderr(&loaded.config().log);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let exit = match runtime {
        Ok(runtime) => runtime.block_on(run(&args, loaded, &log)),
        Err(error) => {
            error!(%error, "cannot start");
            Exit::System
        }
    };
    exit.into()
}

/// The filter of the log, to be changed while it runs.
struct Log(reload::Handle<EnvFilter, FmtSubscriber>);

/// Lines on standard error.
type FmtSubscriber = tracing_subscriber::fmt::Formatter<
    tracing_subscriber::fmt::format::DefaultFields,
    tracing_subscriber::fmt::format::Format,
    fn() -> std::io::Stderr,
>;

impl Log {
    fn to_stderr(directives: &str) -> Self {
        // The journal has its own times.
        let _journal = std::env::var_os("JOURNAL_STREAM").is_some();
        let builder = Subscriber::builder()
            .with_env_filter(filter(directives))
            .with_target(false)
            .with_ansi(false)
            .with_writer(std::io::stderr as fn() -> std::io::Stderr)
            .with_filter_reloading();
        let handle = builder.reload_handle();
        builder.init();
        Self(handle)
    }

    fn change(&self, directives: &str) {
        if let Err(error) = self.0.reload(filter(directives)) {
            warn!(%error, "the log stays as it was");
        }
    }
}

/// `RUST_LOG` wins over what is configured; what makes no sense is as if it were not said.
fn filter(directives: &str) -> EnvFilter {
    EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new(directives))
        .unwrap_or_else(|_| EnvFilter::new("info"))
}

async fn run(args: &Args, loaded: Loaded, log: &Log) -> Exit {
    let net = Net::system();
    // All signals are caught before anything can be lost to one.
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::quit()),
        signal(SignalKind::hangup()),
    );
    let (Ok(mut term), Ok(mut int), Ok(mut quit), Ok(mut hup)) = signals else {
        error!("cannot catch signals");
        return Exit::System;
    };
    make_directories(loaded.config());
    let config = loaded.config().clone();
    let started = match Platform::linux() {
        Ok(platform) => Daemon::start(&net, loaded, platform).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    let mut daemon = match started {
        Ok(daemon) => daemon,
        Err(error) => {
            error!(error, "cannot start");
            return Exit::System;
        }
    };
    if let Err(error) = drop_privileges(&config) {
        error!(error, "cannot drop privileges");
        return Exit::System;
    }
    notify(&net, "READY=1").await;
    loop {
        tokio::select! { biased;
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = quit.recv() => break,
            () = daemon.ended() => {
                error!("ended by itself");
                return Exit::System;
            }
            _ = hup.recv() => {
                notify(&net, "RELOADING=1").await;
                match load(args) {
                    Ok(loaded) => {
                        log.change(&loaded.config().log);
                        daemon.reload(loaded).await;
                        info!("configuration read again");
                    }
                    Err(error) => error!(error, "configuration kept: the new one is wrong"),
                }
                notify(&net, "READY=1").await;
            }
        }
    }
    notify(&net, "STOPPING=1").await;
    daemon.shutdown().await;
    Exit::Done
}
