//! `portmapd`: maps RPC programs to addresses, in the place of rpcbind.

mod access_files;
mod args;
mod listen;
mod privileges;
mod state;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser as _;
use fairway_portmap::Portmapper;
use fairway_portmap::config::Config;
use fairway_portmap::core::Core;
use fairway_rpc::Server;
use fairway_service::{Exit, Log, Program, Signals, Told, notify, serve};
use fairway_stack::Net;
use listenfd::ListenFd;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tracing::{debug, error, info, warn};

use crate::access_files::{Lookups, read_access, watch_files};
use crate::args::{Args, hint, load};
use crate::listen::{adopted, join_group, made, register};
use crate::privileges::{check_state_directory, drop_privileges, make_state_directory};
use crate::state::{load_state, save_state};

/// Calls that run when the daemon is told to end get this long.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// A change of the table is saved this much later, with those that follow it.
const SAVE_AFTER: Duration = Duration::from_secs(1);

const PORTMAPD: Program = Program("portmapd");

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(usage) => {
            let exit = PORTMAPD.usage(&usage);
            if let Some(hint) = hint(&usage) {
                PORTMAPD.say(hint);
            }
            return exit.into();
        }
    };
    let config = match load(&args) {
        Ok(config) => config,
        Err(error) => return PORTMAPD.failed(Exit::Usage, error).into(),
    };
    if args.print_config {
        return PORTMAPD.print_config(&config.to_toml()).into();
    }
    if args.check_config {
        return PORTMAPD.config_is_good().into();
    }
    let _log = Log::to_stderr(if args.debug { "debug" } else { "info" });
    if args.abort && !args.debug {
        warn!("-a without -d has no effect");
    }
    serve(run(args, config)).into()
}

async fn run(args: Args, config: Config) -> Exit {
    let net = Net::system();
    // All signals are caught before anything can be lost to one.
    let signals = (Signals::catch(), signal(SignalKind::user_defined1()));
    let (Ok(mut signals), Ok(mut usr1)) = signals else {
        error!("cannot catch signals");
        return Exit::System;
    };

    let activated = ListenFd::from_env();
    let listeners = if activated.len() > 0 {
        adopted(activated)
    } else {
        made(&net, &config)
    };
    let listeners = match listeners {
        Ok(listeners) => listeners,
        Err(error) => {
            error!(error, "cannot listen");
            return Exit::System;
        }
    };
    // Kept for as long as the daemon runs: the group is left with the socket.
    let _group = config.multicast.then(|| join_group(&net));
    if config.warm_start {
        make_state_directory(&config);
    }
    if let Err(error) = drop_privileges(&config) {
        error!(error, "cannot drop privileges");
        return Exit::System;
    }
    if config.warm_start {
        check_state_directory(&config);
    }

    let access = read_access(&net, &config).await;
    let mut core = Core::new(config.limits.registry(), access);
    apply(&mut core, &config);
    for listener in &listeners {
        register(&mut core, listener);
    }
    if config.warm_start {
        load_state(&net, &config, &mut core).await;
    }
    let mut saved = core.changes();
    let portmapper = Portmapper::new(&net, core);

    let mut builder = Server::builder(&net)
        .registry(portmapper.services())
        .limits(config.limits.server());
    for listener in listeners {
        builder = builder.adopt(listener);
    }
    let server = match builder.start().await {
        Ok(server) => server,
        Err(error) => {
            error!(%error, "cannot start");
            return Exit::System;
        }
    };
    let mut lookups = Lookups::default();
    lookups.begin(&net, &portmapper);
    let files_changed = Arc::new(Notify::new());
    watch_files(&config, &files_changed);
    notify(&net, "READY=1").await;
    info!("ready");

    let mut config = config;
    let clock = net.clock();
    let mut save = clock.timer();
    loop {
        tokio::select! { biased;
            told = signals.next() => match told {
                Told::End => break,
                Told::Reload => {
                    notify(&net, "RELOADING=1").await;
                    match load(&args) {
                        Ok(new) => {
                            config = new;
                            let access = read_access(&net, &config).await;
                            lookups.replace(&net, &portmapper, access);
                            apply(&mut portmapper.core(), &config);
                            info!("configuration read again");
                        }
                        Err(error) => error!(error, "configuration kept: the new one is wrong"),
                    }
                    notify(&net, "READY=1").await;
                }
            },
            _ = usr1.recv() => log_counters(&portmapper, &server),
            () = files_changed.notified() => {
                let access = read_access(&net, &config).await;
                lookups.replace(&net, &portmapper, access);
                info!("access files read again");
            }
            () = &mut save => {
                save.reset(None);
                saved = save_state(&net, &config, &portmapper, saved).await;
            }
            () = portmapper.changed(), if config.warm_start => {
                if save.deadline().is_none() && portmapper.core().changes() != saved {
                    save.reset(Some(clock.now() + SAVE_AFTER));
                }
            }
        }
    }
    info!("ending");
    notify(&net, "STOPPING=1").await;
    server.shutdown(SHUTDOWN_GRACE).await;
    if config.warm_start {
        save_state(&net, &config, &portmapper, saved.wrapping_sub(1)).await;
    }
    log_counters(&portmapper, &server);
    Exit::Done
}

/// What can change while running.
fn apply(core: &mut Core, config: &Config) {
    core.registry.set_limits(config.limits.registry());
    core.statistics.set_limit(config.limits.statistics);
    core.indirect = config.indirect;
    core.log_calls = config.log_calls;
}

fn log_counters(portmapper: &Portmapper, server: &Server) {
    let core = portmapper.core();
    let (refused, full) = (core.counters(), core.registry.refusals());
    info!(
        mappings = core.registry.len(),
        refused_not_local = refused.not_local,
        refused_hosts = refused.hosts,
        refused_amplification = refused.amplification,
        refused_forward = refused.never_forwarded,
        full_forwards_of_address = refused.forwards_of_address,
        full_forwards = refused.forwards_in_all,
        full_mappings = full.mappings,
        full_owner = full.mappings_per_owner,
        full_text = full.text,
        not_listed = core.statistics.not_listed(),
        "counters"
    );
    let server = server.counters();
    debug!(
        calls = server.procedures.iter().map(|of| of.calls).sum::<u64>(),
        errors = server.procedures.iter().map(|of| of.errors).sum::<u64>(),
        connections = server.connections_accepted,
        open = server.connections_open,
        refused = server.connections_refused + server.connections_refused_per_address,
        lost = server.connections_lost,
        datagrams = server.datagrams_received,
        garbage = server.garbage,
        panics = server.handler_panics,
        "counters of the server"
    );
}
