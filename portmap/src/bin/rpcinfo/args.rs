//! What was typed.

use std::convert::Infallible;
use std::process::ExitCode;

use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use fairway_portmap::client::At;

use crate::tool::say;

/// Reports RPC programs: what a host's portmapper has registered, and whether a program answers.
#[derive(Debug, Parser)]
#[command(name = "rpcinfo", version, disable_help_flag = true, after_long_help = LONG_HELP, override_usage = USAGE)]
pub(crate) struct Args {
    /// List what version 2 (portmap) knows: programs on TCP and UDP over IPv4
    #[arg(short = 'p')]
    pub(crate) ports: bool,

    /// List all registrations in short: a line for each program
    #[arg(short = 's')]
    pub(crate) short: bool,

    /// Show the portmapper's statistics
    #[arg(short = 'm')]
    pub(crate) statistics: bool,

    /// List the addresses of a program, as version 4 gives them
    #[arg(short = 'l')]
    pub(crate) list: bool,

    /// Call procedure 0 of the program over TCP: of all its versions if none is given
    #[arg(short = 't')]
    pub(crate) tcp: bool,

    /// Call procedure 0 of the program over UDP
    #[arg(short = 'u')]
    pub(crate) udp: bool,

    /// Call it at this port, without asking the portmapper (with -t or -u)
    #[arg(short = 'n', value_name = "PORTNUM")]
    pub(crate) port: Option<String>,

    /// Call procedure 0 at this universal address (with -T)
    #[arg(short = 'a', value_name = "SERV_ADDRESS")]
    pub(crate) address: Option<String>,

    /// Kind of transport: tcp, udp, tcp6, udp6, local
    #[arg(short = 'T', value_name = "NETID")]
    pub(crate) netid: Option<String>,

    /// Broadcast a call of procedure 0, and list the hosts that answer
    #[arg(short = 'b')]
    pub(crate) broadcast: bool,

    /// Delete registrations of this machine: your own, as root all
    #[arg(short = 'd')]
    pub(crate) delete: bool,

    /// Ask the portmapper at this address, as 127.0.0.1:10111 or a socket's path
    #[arg(long, value_name = "ADDR")]
    pub(crate) portmapper: Option<At>,

    /// Print JSON: one document, or one per line; a failure as {"error": …}
    #[arg(long)]
    pub(crate) json: bool,

    /// Seconds that a call may take [default: 60 for lists, 10 for procedure 0]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<u32>,

    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    pub(crate) help: Option<bool>,

    /// Host, program (a name or a number) and version, as the usage has them
    #[arg(value_name = "ARGUMENT")]
    pub(crate) words: Vec<String>,
}

fn seconds(text: &str) -> Result<u32, &'static str> {
    match text.parse() {
        Ok(seconds) if seconds > 0 => Ok(seconds),
        _ => Err("seconds as a whole number expected, 1 or more"),
    }
}

pub(crate) const USAGE: &str = "rpcinfo [-m | -s] [host]
       rpcinfo -p [host]
       rpcinfo -T netid host prognum [versnum]
       rpcinfo -l host prognum versnum
       rpcinfo [-n portnum] -u | -t host prognum [versnum]
       rpcinfo -a serv_address -T netid prognum [version]
       rpcinfo -b prognum versnum
       rpcinfo -d [-T netid] prognum versnum";

const LONG_HELP: &str = "\
Examples:
  rpcinfo                           all registrations of this machine
  rpcinfo -p server                 those of a server, as version 2 shows them
  rpcinfo -t server nfs             which versions of NFS answer over TCP
  rpcinfo --portmapper 127.0.0.1:10111 --json
  rpcinfo -n 4242 -u host 0x2000004a 1
                                    procedure 0 of a program by its number, without the portmapper

Exit status:
  0  done                           1  wrong usage, no answer, or the answer was no

Files:
  /etc/rpc                          names of programs
  /run/rpcbind.sock                 this machine's portmapper

See also:
  portmapd --help, rpcbind(8), rpc(5), RFC 1833
";

/// Complaints about options in the words of getopt(3), then the usage.
pub(crate) fn usage_error(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let name = std::env::args_os().next().unwrap_or_default();
    let name = name.to_string_lossy();
    let option = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(option)) => option.as_str(),
        _ => "",
    };
    let letter = |option: &str| {
        option
            .strip_prefix('-')
            .and_then(|rest| rest.chars().next())
            .filter(|c| *c != '-')
    };
    match (error.kind(), letter(option)) {
        (ErrorKind::UnknownArgument, Some(c)) => say(&format!("{name}: invalid option -- '{c}'")),
        (ErrorKind::UnknownArgument, None) => {
            say(&format!("{name}: unrecognized option '{option}'"));
        }
        (ErrorKind::InvalidValue, Some(c))
            if error.get(ContextKind::InvalidValue).is_none_or(is_empty) =>
        {
            say(&format!("{name}: option requires an argument -- '{c}'"));
        }
        // Said twice, an option is a second function.
        (ErrorKind::ArgumentConflict, _) => {}
        _ => say(error.to_string().lines().next().unwrap_or_default()),
    }
    say(&format!("Usage: {USAGE}"));
    ExitCode::FAILURE
}

fn is_empty(value: &ContextValue) -> bool {
    matches!(value, ContextValue::String(text) if text.is_empty())
}

/// `Infallible` keeps clap's parser of [`At`] honest: every text is an address or a path.
const _: fn(&str) -> Result<At, Infallible> = |text| text.parse();
