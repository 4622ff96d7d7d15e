//! `portmapd`: maps RPC programs to addresses, in the place of rpcbind.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use fairway_portmap::Portmapper;
use fairway_portmap::access::Access;
use fairway_portmap::address::{self, Netid};
use fairway_portmap::config::{self, Config};
use fairway_portmap::core::Core;
use fairway_portmap::hosts::{Network, Rules};
use fairway_portmap::warm::{self, RPCBIND_FILES, STATE_FILE};
use fairway_rpc::{Listener, Server};
use fairway_stack::{Family, LocalAddr, LocalListener, Net, NetError, TcpListener, UdpSocket};
use listenfd::ListenFd;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{User, chown, geteuid, setgid, setgroups, setuid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tracing::{debug, error, info, warn};
use tracing_subscriber::EnvFilter;

/// rpcbind's multicast group: libtirpc's broadcasts over IPv6 go there.
const RPCB_MULTICAST: &str = "ff02::202";
/// Calls that run when the daemon is told to end get this long.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// A change of the table is saved this much later, with those that follow it.
const SAVE_AFTER: Duration = Duration::from_secs(1);

/// Maps RPC program numbers to addresses: portmap 2 and rpcbind 3 and 4 (RFC 1833), in the place of rpcbind.
///
/// Takes rpcbind's flags and takes over its registrations. Does not go into the background: a service manager looks after that.
#[derive(Debug, Parser)]
#[command(name = "portmapd", version, disable_help_flag = true, after_long_help = LONG_HELP)]
struct Args {
    /// Accepted for rpcbind's sake, where it makes -d abort on errors: no error is left here to abort on
    #[arg(short = 'a', long = "abort-on-error")]
    abort: bool,

    /// Log debugging lines
    #[arg(short = 'd', long)]
    debug: bool,

    /// Stay in the foreground: always so, accepted for rpcbind's sake
    #[arg(short = 'f', long)]
    foreground: bool,

    /// Serve UDP on this address only; may be repeated; 127.0.0.1 and ::1 are added. Not used under socket activation
    #[arg(short = 'h', long = "host", value_name = "ADDRESS")]
    hosts: Vec<IpAddr>,

    /// Insecure: accept registrations from any host
    #[arg(short = 'i', long)]
    insecure: bool,

    /// Log every call
    #[arg(short = 'l', long = "log-calls")]
    log_calls: bool,

    /// Make calls on behalf of others (CALLIT, BCAST, INDIRECT); over UDP for trusted networks only
    #[arg(short = 'r', long = "remote-calls")]
    remote_calls: bool,

    /// Become the user `daemon` once the sockets are there
    #[arg(short = 's', long = "as-daemon", conflicts_with = "user")]
    as_daemon: bool,

    /// Warm start: load registrations at the start, save them while running and at the end
    #[arg(short = 'w', long = "warm-start")]
    warm_start: bool,

    /// Become this user once the sockets are there; empty to stay
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// A network that may ask for lists and indirect calls over UDP; may be repeated
    #[arg(long = "trust", value_name = "NETWORK")]
    trust: Vec<String>,

    /// Port of TCP and UDP
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    /// Path of the local socket; empty for none
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,

    /// Directory of the state file
    #[arg(long, value_name = "PATH")]
    state_directory: Option<PathBuf>,

    /// Configuration file [default: /etc/portmapd.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Check the configuration and exit
    #[arg(long)]
    check_config: bool,

    /// Print the effective configuration and exit
    #[arg(long)]
    print_config: bool,

    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,
}

const LONG_HELP: &str = "\
Examples:
  portmapd -w                       as Debian starts rpcbind
  portmapd -r --trust 192.0.2.0/24  answer that network's broadcasts
  portmapd --print-config -i -h 192.0.2.1

Signals:
  TERM, INT  save the registrations and end     HUP   read configuration and access files again
  USR1       log counters

Exit status:
  0  ended as told                  1  the system said no (port taken, no permission)
  2  wrong usage or configuration

Files:
  /etc/portmapd.toml                configuration
  /etc/hosts.allow, /etc/hosts.deny access, as in hosts_access(5): daemon rpcbind or portmap
  /run/rpcbind.sock                 local socket
  /run/rpcbind/portmapd.state       registrations (-w)
  /run/rpcbind/rpcbind.xdr, portmap.xdr
                                    those of rpcbind, read once and removed

See also:
  rpcinfo(8), rpcbind(8), hosts_access(5), RFC 1833
";

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
    let config = match load(&args) {
        Ok(config) => config,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "portmapd: {error}");
            return Exit::Usage.into();
        }
    };
    if args.print_config {
        // A closed pipe is a quiet success.
        let _ = std::io::stdout().write_all(config.to_toml().as_bytes());
        return Exit::Done.into();
    }
    if args.check_config {
        return Exit::Done.into();
    }
    log_to_stderr(args.debug);
    if args.abort && !args.debug {
        warn!("-a without -d has no effect");
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let exit = match runtime {
        Ok(runtime) => runtime.block_on(run(args, config)),
        Err(error) => {
            error!(%error, "cannot start");
            Exit::System
        }
    };
    exit.into()
}

fn log_to_stderr(debug: bool) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new(if debug { "debug" } else { "info" }));
    // The journal has its own times.
    let journal = std::env::var_os("JOURNAL_STREAM").is_some();
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    if journal {
        builder.without_time().init();
    } else {
        builder.init();
    }
}

/// The file, and the flags over it.
fn load(args: &Args) -> Result<Config, String> {
    let path = args
        .config
        .clone()
        .unwrap_or_else(|| PathBuf::from(config::DEFAULT_PATH));
    let mut config = match std::fs::read_to_string(&path) {
        Ok(text) => Config::parse(&path, &text).map_err(|error| error.to_string())?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && args.config.is_none() => {
            Config::default()
        }
        Err(error) => return Err(format!("{}: {error}", path.display())),
    };
    for network in &args.trust {
        if Network::parse(network).is_none() {
            return Err(format!(
                "--trust {network}: address or address/bits expected"
            ));
        }
    }
    config.trusted.extend(args.trust.iter().cloned());
    if !args.hosts.is_empty() {
        config.listen_udp.clone_from(&args.hosts);
    }
    config.insecure |= args.insecure;
    config.log_calls |= args.log_calls;
    config.indirect |= args.remote_calls;
    config.warm_start |= args.warm_start;
    if args.as_daemon {
        config.user = vec!["daemon".to_owned()];
    }
    if let Some(user) = &args.user {
        config.user = Some(user.clone())
            .into_iter()
            .filter(|user| !user.is_empty())
            .collect();
        if let Some(user) = config.user.first()
            && !matches!(User::from_name(user), Ok(Some(_)))
        {
            return Err(format!("--user {user}: no such user"));
        }
    }
    if let Some(port) = args.port {
        config.port = port;
    }
    if let Some(socket) = &args.socket {
        config.socket.clone_from(socket);
    }
    if let Some(directory) = &args.state_directory {
        config.state_directory.clone_from(directory);
    }
    Ok(config)
}

async fn run(args: Args, config: Config) -> Exit {
    let net = Net::system();
    // All signals are caught before anything can be lost to one.
    let signals = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
        signal(SignalKind::quit()),
        signal(SignalKind::hangup()),
        signal(SignalKind::user_defined1()),
    );
    let (Ok(mut term), Ok(mut int), Ok(mut quit), Ok(mut hup), Ok(mut usr1)) = signals else {
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
    if let Err(error) = become_user(&config) {
        error!(error, "cannot drop privileges");
        return Exit::System;
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
    for address in server.addresses() {
        debug!(?address, "serving");
    }
    let files_changed = Arc::new(Notify::new());
    watch_files(&config, &files_changed);
    notify(&net, "READY=1").await;
    info!("ready");

    let mut config = config;
    let clock = net.clock();
    let mut save = clock.timer();
    loop {
        tokio::select! { biased;
            _ = term.recv() => break,
            _ = int.recv() => break,
            _ = quit.recv() => break,
            _ = hup.recv() => {
                notify(&net, "RELOADING=1").await;
                match load(&args) {
                    Ok(new) => {
                        config = new;
                        let access = read_access(&net, &config).await;
                        let mut core = portmapper.core();
                        core.access = access;
                        apply(&mut core, &config);
                        info!("configuration read again");
                    }
                    Err(error) => error!(error, "configuration kept: the new one is wrong"),
                }
                notify(&net, "READY=1").await;
            }
            _ = usr1.recv() => log_counters(&portmapper, &server),
            () = files_changed.notified() => {
                let access = read_access(&net, &config).await;
                portmapper.core().access = access;
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

/// Sockets from a service manager.
fn adopted(mut activated: ListenFd) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    for at in 0..activated.len() {
        // Each kind is tried in turn; what does not fit is left in place.
        let listener = if let Ok(Some(listener)) = activated.take_tcp_listener(at) {
            TcpListener::from_std(listener).map(Listener::from)
        } else if let Ok(Some(socket)) = activated.take_udp_socket(at) {
            UdpSocket::from_std(socket).map(Listener::from)
        } else if let Ok(Some(listener)) = activated.take_unix_listener(at) {
            LocalListener::from_std(listener).map(Listener::from)
        } else {
            return Err(format!("descriptor {} is no socket to serve on", at + 3));
        };
        listeners.push(listener.map_err(|error| format!("descriptor {}: {error}", at + 3))?);
    }
    Ok(listeners)
}

/// Sockets of our own, in the order in which rpcbind makes them.
fn made(net: &Net, config: &Config) -> Result<Vec<Listener>, String> {
    let mut listeners = Vec::new();
    if !config.socket.as_os_str().is_empty() {
        listeners.push(local_listener(net, &config.socket)?.into());
        if config.abstract_socket {
            let name = config.socket.as_os_str().as_encoded_bytes();
            match net.listen_local(&LocalAddr::abstract_name(name)) {
                Ok(listener) => listeners.push(listener.into()),
                // Two network namespaces may share one; the path is what matters.
                Err(error) => warn!(%error, "cannot listen on the abstract socket"),
            }
        }
    }
    for v6 in [false, true] {
        let mut served = false;
        let of_family =
            |addresses: Vec<IpAddr>| addresses.into_iter().filter(move |a| a.is_ipv6() == v6);
        for address in of_family(config.udp_addresses()) {
            let address = SocketAddr::new(address, config.port);
            served |= kept("udp", address, net.bind_udp(address), &mut listeners)?;
        }
        for address in of_family(config.listen.clone()) {
            let address = SocketAddr::new(address, config.port);
            served |= kept("tcp", address, net.listen_tcp(address), &mut listeners)?;
        }
        if !served {
            debug!(v6, "no address of this family");
        }
    }
    if listeners.is_empty() {
        return Err("no address to serve on".to_owned());
    }
    Ok(listeners)
}

/// Keeps a listener that came to be. A machine without IPv6, or an address that is not there, is no reason not to serve on the others.
fn kept(
    kind: &str,
    address: SocketAddr,
    made: Result<impl Into<Listener>, NetError>,
    listeners: &mut Vec<Listener>,
) -> Result<bool, String> {
    match made {
        Ok(listener) => {
            listeners.push(listener.into());
            Ok(true)
        }
        Err(error @ (NetError::AfNoSupport | NetError::AddrNotAvail)) => {
            warn!(%error, kind, %address, "cannot listen");
            Ok(false)
        }
        Err(error) => Err(format!("{kind} {address}: {error}")),
    }
}

/// The local socket, writable for everybody from its first moment: who connects is told by the system.
fn local_listener(net: &Net, path: &Path) -> Result<LocalListener, String> {
    let old = umask(Mode::S_IXUSR | Mode::S_IXGRP | Mode::S_IXOTH);
    let listener = net.listen_local(&LocalAddr::path(path));
    umask(old);
    listener.map_err(|error| format!("{}: {error}", path.display()))
}

/// Joins rpcbind's group on every interface that can; on those that come later, the next start does.
fn join_group(net: &Net) -> Option<UdpSocket> {
    let group: IpAddr = RPCB_MULTICAST.parse().ok()?;
    let socket = net.udp_socket(Family::V6).ok()?;
    for interface in net.interfaces().unwrap_or_default() {
        let v6 = interface.addresses.iter().any(|a| a.address.is_ipv6());
        if !(interface.multicast && v6) {
            continue;
        }
        match socket.join_group(group, interface.index) {
            Ok(()) => debug!(interface = interface.name, "joined rpcbind's group"),
            Err(error) => debug!(interface = interface.name, %error, "cannot join rpcbind's group"),
        }
    }
    Some(socket)
}

/// The user to become, if there is one to become.
fn wanted_user(config: &Config) -> Option<User> {
    if !geteuid().is_root() {
        return None;
    }
    config
        .user
        .iter()
        .find_map(|name| User::from_name(name).ok().flatten())
}

fn make_state_directory(config: &Config) {
    let directory = &config.state_directory;
    if directory.exists() {
        return;
    }
    if let Err(error) = std::fs::DirBuilder::new().mode(0o755).create(directory) {
        warn!(%error, directory = %directory.display(), "cannot make the state directory");
        return;
    }
    if let Some(user) = wanted_user(config)
        && let Err(error) = chown(directory, Some(user.uid), Some(user.gid))
    {
        warn!(%error, directory = %directory.display(), "cannot give the state directory away");
    }
}

/// Drops groups, group and user, in this order: without the user there is no right to the others.
fn become_user(config: &Config) -> Result<(), String> {
    let Some(user) = wanted_user(config) else {
        if geteuid().is_root() && !config.user.is_empty() {
            return Err(format!("none of the users {:?} exists", config.user));
        }
        return Ok(());
    };
    let said = |what: &'static str| move |error: nix::Error| format!("{what}: {error}");
    setgroups(&[]).map_err(said("setgroups"))?;
    setgid(user.gid).map_err(said("setgid"))?;
    setuid(user.uid).map_err(said("setuid"))?;
    debug!(user = user.name, "privileges dropped");
    Ok(())
}

/// Puts the portmapper's own registration for a listener into the table.
fn register(core: &mut Core, listener: &Listener) {
    let ip = |v4: Netid, v6: Netid, address: Result<SocketAddr, NetError>| {
        let address = address.ok()?;
        let netid = if address.is_ipv4() { v4 } else { v6 };
        Some((netid, address::universal(address)))
    };
    let own = match listener {
        Listener::Tcp(listener) => ip(Netid::Tcp, Netid::Tcp6, listener.local_addr()),
        Listener::Udp(socket) => ip(Netid::Udp, Netid::Udp6, socket.local_addr()),
        Listener::Local(listener) => match listener.local_addr() {
            Ok(LocalAddr::Path(path)) => Some((Netid::Local, path.display().to_string())),
            _ => None,
        },
        _ => None,
    };
    if let Some((netid, address)) = own {
        core.register_self(&netid, &address);
    }
}

/// The rules, with what the hosts files say now.
async fn read_access(net: &Net, config: &Config) -> Access {
    let allow = read_text(net, &config.hosts_allow).await;
    let deny = read_text(net, &config.hosts_deny).await;
    let name = |path: &Path| path.display().to_string();
    let (mut rules, remarks) = Rules::parse(
        (&name(&config.hosts_allow), &allow),
        (&name(&config.hosts_deny), &deny),
    );
    for remark in remarks {
        warn!(file = remark.file, line = remark.line, "{}", remark.text);
    }
    let mut addresses = BTreeMap::new();
    for host in rules.names() {
        match net.lookup(&host).await {
            Ok(found) => {
                addresses.insert(host, found);
            }
            Err(error) => warn!(host, %error, "host of the access files not found"),
        }
    }
    rules.resolve(&addresses);
    Access {
        insecure: config.insecure,
        trusted: config.trusted_networks(),
        hosts: rules,
    }
}

/// A file's text; empty if it is not there. One that cannot be read lets nobody in by mistake: it denies all.
async fn read_text(net: &Net, path: &Path) -> String {
    if path.as_os_str().is_empty() {
        return String::new();
    }
    match net.files().read(path).await {
        Ok(octets) => String::from_utf8_lossy(&octets).into_owned(),
        Err(NetError::NotFound) => String::new(),
        Err(error) => {
            error!(%error, file = %path.display(), "cannot read an access file: nobody is let in");
            "ALL: ALL: deny\n".to_owned()
        }
    }
}

/// Watches the access files' directories, as files are often replaced; a thread that sleeps in the system.
fn watch_files(config: &Config, changed: &Arc<Notify>) {
    let files: Vec<PathBuf> = [&config.hosts_allow, &config.hosts_deny]
        .into_iter()
        .filter(|path| path.file_name().is_some())
        .cloned()
        .collect();
    if files.is_empty() {
        return;
    }
    let watch = || -> nix::Result<Inotify> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC)?;
        let what = AddWatchFlags::IN_CLOSE_WRITE
            | AddWatchFlags::IN_MOVED_TO
            | AddWatchFlags::IN_MOVED_FROM
            | AddWatchFlags::IN_DELETE;
        for file in &files {
            let directory = file.parent().filter(|path| !path.as_os_str().is_empty());
            inotify.add_watch(directory.unwrap_or_else(|| Path::new(".")), what)?;
        }
        Ok(inotify)
    };
    let inotify = match watch() {
        Ok(inotify) => inotify,
        Err(error) => {
            warn!(%error, "cannot watch the access files: send SIGHUP after changes");
            return;
        }
    };
    let changed = Arc::clone(changed);
    let thread = std::thread::Builder::new()
        .name("watch".to_owned())
        .stack_size(64 << 10)
        .spawn(move || {
            while let Ok(events) = inotify.read_events() {
                let ours = events.iter().filter_map(|event| event.name.as_deref());
                if ours
                    .into_iter()
                    .any(|name| files.iter().any(|file| file.file_name() == Some(name)))
                {
                    changed.notify_one();
                }
            }
        });
    if let Err(error) = thread {
        warn!(%error, "cannot watch the access files: send SIGHUP after changes");
    }
}

/// Loads the state file, or takes over from rpcbind.
async fn load_state(net: &Net, config: &Config, core: &mut Core) {
    let path = config.state_directory.join(STATE_FILE);
    match net.files().read(&path).await {
        Ok(octets) => match warm::decode(&octets) {
            Ok(mappings) => {
                let loaded = mappings.len();
                for mapping in mappings {
                    let _ = core.registry.set(mapping);
                }
                info!(loaded, "registrations loaded");
            }
            Err(error) => warn!(%error, file = %path.display(), "state file not used"),
        },
        Err(NetError::NotFound) => take_over(net, config, core).await,
        Err(error) => warn!(%error, file = %path.display(), "cannot read the state file"),
    }
}

/// Reads rpcbind's files once: they go when their content is safe in ours.
async fn take_over(net: &Net, config: &Config, core: &mut Core) {
    if config.take_over.as_os_str().is_empty() {
        return;
    }
    let [rpcbind, portmap] = RPCBIND_FILES.map(|name| config.take_over.join(name));
    let files = net.files();
    let Ok(list) = files.read(&rpcbind).await else {
        return;
    };
    let ports = files.read(&portmap).await.ok().map(Bytes::from);
    match warm::decode_rpcbind(&Bytes::from(list), ports.as_ref()) {
        Ok(mappings) => {
            for mapping in mappings {
                let _ = core.registry.set(mapping);
            }
            info!(
                registrations = core.registry.len(),
                "taken over from rpcbind"
            );
        }
        Err(error) => {
            warn!(%error, "rpcbind's files not used");
            return;
        }
    }
    if write_state(net, config, core).await {
        for file in [rpcbind, portmap] {
            if let Err(error) = files.remove(&file).await
                && error != NetError::NotFound
            {
                warn!(%error, file = %file.display(), "cannot remove");
            }
        }
    }
}

async fn write_state(net: &Net, config: &Config, core: &Core) -> bool {
    let path = config.state_directory.join(STATE_FILE);
    let Ok(octets) = warm::encode(&core.registry) else {
        return false;
    };
    match net.files().write(&path, octets).await {
        Ok(()) => true,
        Err(error) => {
            warn!(%error, file = %path.display(), "registrations not saved");
            false
        }
    }
}

/// Saves the table unless it is as it was; gives the change that is safe now.
async fn save_state(net: &Net, config: &Config, portmapper: &Portmapper, saved: u64) -> u64 {
    let (octets, changes) = {
        let core = portmapper.core();
        if core.changes() == saved {
            return saved;
        }
        (warm::encode(&core.registry), core.changes())
    };
    let path = config.state_directory.join(STATE_FILE);
    let Ok(octets) = octets else { return saved };
    match net.files().write(&path, octets).await {
        Ok(()) => {
            debug!("registrations saved");
            changes
        }
        Err(error) => {
            warn!(%error, file = %path.display(), "registrations not saved");
            saved
        }
    }
}

/// Tells the service manager, if there is one that wants to know (sd_notify(3)).
async fn notify(net: &Net, state: &str) {
    let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
        return;
    };
    let address = match socket.as_encoded_bytes().split_first() {
        Some((b'@', name)) => LocalAddr::abstract_name(name),
        _ => LocalAddr::path(socket),
    };
    let told = async {
        let datagram = net.local_datagram()?;
        datagram.send_to(state.as_bytes(), &address).await?;
        Ok::<(), std::io::Error>(())
    };
    if let Err(error) = told.await {
        warn!(%error, "cannot tell the service manager");
    }
}

fn log_counters(portmapper: &Portmapper, server: &Server) {
    let core = portmapper.core();
    info!(
        mappings = core.registry.len(),
        refusals = ?core.counters(),
        limits = ?core.registry.refusals(),
        not_listed = core.statistics.not_listed(),
        "counters"
    );
    debug!(server = ?server.counters(), "counters");
}
