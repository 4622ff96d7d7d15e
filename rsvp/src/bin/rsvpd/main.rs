//! `rsvpd`: the RSVP daemon.

mod args;
mod privileges;

use std::process::ExitCode;

use clap::Parser as _;
use fairway_rsvp::daemon::config::Loaded;
use fairway_rsvp::daemon::platform::Platform;
use fairway_rsvp::daemon::service::Daemon;
use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::tc::linux::{LeftOver, LinuxTc};
use fairway_service::{Exit, Log, Program, Signals, Told, notify, serve, wanted_user};
use fairway_stack::Net;
use tracing::error;

use crate::args::{Args, load};
use crate::privileges::{drop_privileges, make_directories};

const RSVPD: Program = Program("rsvpd");

/// What a killed one left.
fn remove_traffic_control() -> Exit {
    match LinuxTc::remove_left_over() {
        Ok(removed) => {
            let interfaces = Net::system().interfaces().unwrap_or_default();
            let name = |index: IfIndex| {
                let of = interfaces.iter().find(|one| one.index == index.0);
                of.map_or_else(|| format!("interface {index}"), |one| one.name.clone())
            };
            RSVPD.say(in_words(&removed, name));
            Exit::Done
        }
        Err(error) => RSVPD.failed(Exit::System, error),
    }
}

fn in_words(removed: &LeftOver, name: impl Fn(IfIndex) -> String) -> String {
    let names: Vec<String> = removed.queues.iter().copied().map(name).collect();
    let queues = (!names.is_empty()).then(|| format!("the queues of {}", names.join(", ")));
    let table = removed.table.then(|| "the table of nftables".to_owned());
    let all: Vec<String> = queues.into_iter().chain(table).collect();
    if all.is_empty() {
        return "nothing was left behind in traffic control".to_owned();
    }
    format!("removed what was left behind: {}", all.join(" and "))
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(usage) => return RSVPD.usage(&usage).into(),
    };
    if args.remove_traffic_control {
        // Whatever is configured now.
        return remove_traffic_control().into();
    }
    let loaded = match load(&args) {
        Ok(loaded) => loaded,
        Err(error) => return RSVPD.failed(Exit::Usage, error).into(),
    };
    if args.print_config {
        return RSVPD.print_config(&loaded.config().to_toml()).into();
    }
    if args.check_config {
        return RSVPD.config_is_good().into();
    }
    let log = Log::to_stderr(&loaded.config().log);
    serve(run(&args, loaded, &log)).into()
}

async fn run(args: &Args, loaded: Loaded, log: &Log) -> Exit {
    let net = Net::system();
    // All signals are caught before anything can be lost to one.
    let Ok(mut signals) = Signals::catch() else {
        error!("cannot catch signals");
        return Exit::System;
    };
    make_directories(loaded.config());
    let config = loaded.config().clone();
    let user = wanted_user(&config.user).map(|user| user.uid.as_raw());
    let started = match Platform::linux(user) {
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
            told = signals.next() => match told {
                Told::End => break,
                Told::Reload => {
                    notify(&net, "RELOADING=1").await;
                    match load(args) {
                        Ok(loaded) => {
                            log.change(&loaded.config().log);
                            daemon.reload(loaded).await;
                        }
                        Err(error) => error!(error, "configuration kept: the new one is wrong"),
                    }
                    notify(&net, "READY=1").await;
                }
            },
            () = daemon.ended() => {
                error!("ended by itself");
                return Exit::System;
            }
        }
    }
    notify(&net, "STOPPING=1").await;
    daemon.shutdown().await;
    Exit::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_said_in_one_line() {
        for (queues, table, words) in [
            (&[][..], false, "nothing was left behind in traffic control"),
            (
                &[2, 3],
                true,
                "removed what was left behind: the queues of eth2, eth3 and the table of nftables",
            ),
            (
                &[2],
                false,
                "removed what was left behind: the queues of eth2",
            ),
            (
                &[],
                true,
                "removed what was left behind: the table of nftables",
            ),
        ] {
            let queues = queues.iter().copied().map(IfIndex).collect();
            let removed = LeftOver { queues, table };
            assert_eq!(in_words(&removed, |index| format!("eth{index}")), words);
        }
    }
}
