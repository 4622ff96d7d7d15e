//! What was typed, and what it means: the configuration file with the flags over it.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use clap::error::{ContextKind, ContextValue};
use fairway_portmap::config::{self, Config, ConfigError};
use fairway_portmap::hosts::Network;
use fairway_service::{read_config, user_of_flag};
use nix::unistd::User;

/// Maps RPC program numbers to addresses: portmap 2 and rpcbind 3 and 4 (RFC 1833), in the place of rpcbind.
///
/// Takes the flags of rpcbind and, with -w, the registrations it saved. Flags win over the configuration file. Logs go to standard error.
#[derive(Debug, Parser)]
#[command(name = "portmapd", version, disable_help_flag = true, after_long_help = LONG_HELP)]
pub(crate) struct Args {
    /// No effect: accepted because rpcbind has it
    #[arg(short = 'a', long = "abort-on-error")]
    pub(crate) abort: bool,

    /// Log debugging lines
    #[arg(short = 'd', long)]
    pub(crate) debug: bool,

    /// No effect: portmapd always stays in the foreground
    #[arg(short = 'f', long)]
    foreground: bool,

    /// Serve UDP on this address only; may be repeated; 127.0.0.1 and ::1 are added. Not used under socket activation
    #[arg(short = 'h', long = "host", value_name = "ADDRESS")]
    hosts: Vec<IpAddr>,

    /// Insecure: let any host register and unregister programs, and so redirect any service
    #[arg(short = 'i', long)]
    insecure: bool,

    /// Log every call
    #[arg(short = 'l', long = "log-calls")]
    log_calls: bool,

    /// Make calls on behalf of others (CALLIT, BCAST, INDIRECT); over UDP for trusted networks only
    #[arg(short = 'r', long = "remote-calls")]
    remote_calls: bool,

    /// The same as --user daemon
    #[arg(short = 's', long = "as-daemon", conflicts_with = "user")]
    as_daemon: bool,

    /// Warm start: load the saved registrations, and save them a second after each change and at the end
    #[arg(short = 'w', long = "warm-start")]
    warm_start: bool,

    /// Become this user once the sockets are there, if started as root; "" to stay root [default: _rpc, rpc or daemon]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// A network that may ask for lists and indirect calls over UDP; may be repeated
    #[arg(long = "trust", value_name = "NETWORK")]
    trust: Vec<String>,

    /// Port of TCP and UDP [default: 111]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    /// Path of the local socket; "" for none [default: /run/rpcbind.sock]
    #[arg(long, value_name = "PATH", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    socket: Option<PathBuf>,

    /// Directory of the saved registrations [default: /run/rpcbind]
    #[arg(long, value_name = "PATH")]
    state_directory: Option<PathBuf>,

    /// Configuration file [default: /etc/portmapd.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Check the configuration, flags included, and exit: status 0 if it is good
    #[arg(long)]
    pub(crate) check_config: bool,

    /// Print the effective configuration and exit
    #[arg(long)]
    pub(crate) print_config: bool,

    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,
}

const LONG_HELP: &str = "\
Examples:
  portmapd -w                       as Debian starts rpcbind
  portmapd -r --trust 192.0.2.0/24  answer that network's broadcasts
  portmapd --print-config -h 192.0.2.1
                                    what these flags mean, as a configuration file

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

Environment:
  RUST_LOG                          what is logged (trace, debug, info, warn, error); wins over -d
  NOTIFY_SOCKET, LISTEN_FDS         set by systemd: readiness, sockets to serve on

See also:
  rpcinfo --help, rpcbind(8), hosts_access(5), RFC 1833
";

/// What to say beside clap's words: whoever wants help by `-h`, as elsewhere, is told that rpcbind's `-h` is another.
pub(crate) fn hint(usage: &clap::Error) -> Option<&'static str> {
    match usage.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(flag)) if flag.starts_with("--host") => {
            Some("-h takes an address to serve on, as rpcbind's; help is --help")
        }
        _ => None,
    }
}

/// The file, and the flags over it.
pub(crate) fn load(args: &Args) -> Result<Config, String> {
    let words = |error: ConfigError| error.to_string();
    let usual = Path::new(config::DEFAULT_PATH);
    let (path, text) = read_config(args.config.as_deref(), usual).map_err(words)?;
    let mut config = Config::parse(&path, &text).map_err(words)?;
    if args.check_config {
        check_users(&config, &path, &text)?;
    }
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
        config.user = user_of_flag(user)?;
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

/// Whether one of the users that the file names exists. A daemon that is not started as root does not care.
fn check_users(config: &Config, path: &Path, text: &str) -> Result<(), String> {
    let exists = |name: &String| matches!(User::from_name(name), Ok(Some(_)));
    if config.user.is_empty()
        || config.user == Config::default().user
        || config.user.iter().any(exists)
    {
        return Ok(());
    }
    let names = config.user.join(", ");
    let what = format!("no such user: {names}");
    Err(ConfigError::of_key(path, text, ("", 0), "user", what).to_string())
}
