//! What was typed, and what it means: the configuration file with the flags over it.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use clap::Parser;
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use fairway_rsvp::daemon::config::{self, Config, ConfigError, Loaded, NoKey, ReadSecret};
use fairway_service::{check_directives, read_config, user_of_flag};
use fairway_stack::Net;

/// Reserves network resources for flows of data: RSVP (RFC 2205), as host or as router.
///
/// Installs what is reserved in the system's traffic control, and removes it at its end. Logs go to standard error.
#[derive(Debug, Parser)]
#[command(name = "rsvpd", version, after_long_help = LONG_HELP, max_term_width = 100)]
pub(crate) struct Args {
    /// Configuration file [default: /etc/rsvpd.toml, if it is there]
    #[arg(short = 'c', long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// Check the configuration, the files of keys included, and exit: status 0 if it is good; of interfaces that this machine
    /// does not have it only warns
    #[arg(long)]
    pub(crate) check_config: bool,

    /// Print the effective configuration and exit
    #[arg(long)]
    pub(crate) print_config: bool,

    /// Remove from traffic control what a killed rsvpd left there, say what that was, and exit; refused while one runs
    #[arg(long, conflicts_with_all = ["check_config", "print_config"])]
    pub(crate) remove_traffic_control: bool,

    /// Log debugging lines
    #[arg(short = 'd', long)]
    debug: bool,

    /// What is logged, in the words of RUST_LOG: a level for all, TARGET=LEVEL for a part, separated by commas
    #[arg(short = 'l', long, value_name = "FILTER", conflicts_with = "debug", value_parser = directives)]
    log: Option<String>,

    /// Become this user once the sockets are there, if started as root; "" to stay root [default: _rsvp, if there is one]
    #[arg(long, value_name = "NAME")]
    user: Option<String>,

    /// Where rsvpctl finds this daemon; "" for nowhere [default: /run/rsvp/control.sock]
    #[arg(long, value_name = "PATH", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    control_socket: Option<PathBuf>,

    /// Where applications find this daemon; "" for nowhere [default: /run/rsvp/rapi.sock]
    #[arg(long, value_name = "PATH", value_parser = OsStringValueParser::new().map(PathBuf::from))]
    rapi_socket: Option<PathBuf>,

    /// No effect: rsvpd always stays in the foreground
    #[arg(short = 'D', long, visible_short_alias = 'f')]
    foreground: bool,
}

fn directives(typed: &str) -> Result<String, String> {
    check_directives(typed).map(|()| typed.to_owned())
}

const LONG_HELP: &str = "\
Examples:
  rsvpd                      as /etc/rsvpd.toml says, or on all interfaces if it is not there
  rsvpd -d -c ./rsvpd.toml   with another file, and many words
  rsvpd --print-config       what holds, as a configuration file that says all: its keys, too
  rsvpctl sessions           what it knows

Signals:
  TERM, INT  tear down what this node announced and reserved, and end, within two seconds
  HUP        read the configuration again: all of it or, if it is wrong, nothing

Privileges:
  Needs CAP_NET_RAW for its packets and CAP_NET_ADMIN for traffic control and for passing on messages with their
  senders' addresses. Started as root it keeps these two and drops all others, and root's name if one of the configured
  users exists.

  Only one rsvpd can run in a network namespace. One that is killed leaves its queues and filters behind; the next one
  removes them, and so does --remove-traffic-control.

Exit status:
  0  ended as told                  1  the system said no (no privilege, socket taken, one runs already)
  2  wrong usage or configuration

Files:
  /etc/rsvpd.toml                   configuration
  /run/rsvp/control.sock            local socket of rsvpctl
  /run/rsvp/rapi.sock               local socket of applications (RAPI)

Environment:
  RUST_LOG                          what is logged; wins over -d and -l
  NOTIFY_SOCKET                     set by systemd: readiness

See also:
  rsvpctl --help, tc(8), RFC 2205, RFC 2209, RFC 2210, RFC 2747, RFC 2961
";

/// Reads key files that nobody else can read.
struct Files;

impl ReadSecret for Files {
    fn read(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        let others = others_can_read(file).map_err(|error| error.to_string())?;
        if others {
            return Err("others can read it: chmod o-rwx".to_owned());
        }
        std::fs::read(file).map_err(|error| error.to_string())
    }
}

fn others_can_read(file: &Path) -> std::io::Result<bool> {
    Ok(std::fs::metadata(file)?.permissions().mode() & 0o007 != 0)
}

/// Interfaces may come later: that one is not there is no error.
fn warn_of_missing(config: &Config, path: &Path, text: &str) {
    let Ok(list) = Net::system().interfaces() else {
        return;
    };
    let machine: Vec<String> = list.into_iter().map(|one| one.name).collect();
    for (name, line) in config.missing_interfaces(text, &machine) {
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        let _ = writeln!(
            std::io::stderr(),
            "rsvpd: warning: {}{line}: key `interface.{name}`: this machine has no interface of that name; it has {}",
            path.display(),
            machine.join(", "),
        );
    }
}

/// Time passes: that no key is valid now is no error of the file.
fn warn_of_keys(loaded: &Loaded) {
    let wall = Net::system().clock().wall();
    let Ok(now) = wall.duration_since(std::time::UNIX_EPOCH) else {
        return;
    };
    for NoKey { key, line, what } in loaded.without_key(now.as_secs()) {
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        let _ = writeln!(
            std::io::stderr(),
            "rsvpd: warning: {}{line}: key `{key}`: {what}",
            loaded.file().display(),
        );
    }
}

/// The file, and the flags over it.
pub(crate) fn load(args: &Args) -> Result<Loaded, String> {
    let words = |error: ConfigError| error.to_string();
    let usual = Path::new(config::DEFAULT_PATH);
    let (path, text) = read_config(args.config.as_deref(), usual).map_err(words)?;
    let mut config = Config::parse(&path, &text).map_err(words)?;
    if config.holds_secrets() && others_can_read(&path).unwrap_or(true) {
        let what = "there are keys in it, and others can read it: chmod o-rwx, or use secret_file";
        return Err(words(ConfigError::of_file(&path, what)));
    }
    if args.check_config {
        warn_of_missing(&config, &path, &text);
    }
    if let Some(user) = &args.user {
        config.user = user_of_flag(user)?;
    }
    if let Some(socket) = &args.control_socket {
        config.control_socket.clone_from(socket);
    }
    if let Some(socket) = &args.rapi_socket {
        config.rapi_socket.clone_from(socket);
    }
    if args.debug {
        "debug".clone_into(&mut config.log);
    }
    if let Some(log) = &args.log {
        config.log.clone_from(log);
    }
    let loaded = config.load(&path, &text, &mut Files).map_err(words)?;
    if args.check_config {
        warn_of_keys(&loaded);
    }
    Ok(loaded)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A level misspelt would be taken for a target, and nothing logged.
    #[test]
    fn a_filter_without_a_level_is_wrong_usage() {
        let parse = |filter| Args::try_parse_from(["rsvpd", "-l", filter]);
        for wrong in ["debgu", "foo=bar"] {
            let told = parse(wrong).unwrap_err().to_string();
            assert!(told.contains("has none of the levels off, error"), "{told}");
        }
        let args = parse("warn,fairway_rsvp=debug").unwrap();
        assert_eq!(args.log.as_deref(), Some("warn,fairway_rsvp=debug"));
    }
}
