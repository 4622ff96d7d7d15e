//! `rpcinfo`: asks portmappers what is registered, and programs whether they answer.

use std::convert::Infallible;
use std::fmt;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::Duration;

use bytes::Bytes;
use clap::Parser;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use fairway_portmap::address::{self, Netid};
use fairway_portmap::client::{self, At, Failure};
use fairway_portmap::pmap::PmapV2Client;
use fairway_portmap::report::{Addresses, Answer, Mappings, Names, Ping, Ports, Statistics};
use fairway_portmap::rpcb::{Rpcb, RpcbV3Client, RpcbV4Client};
use fairway_rpc::programs::Programs;
use fairway_rpc::{
    BroadcastOptions, CallError, CallOptions, Client, ClientConfig, Procedure, broadcast,
};
use fairway_stack::Net;
use serde::Serialize;

/// Program number of the portmapper.
const PORTMAP: u32 = 100_000;
/// A list may take this long.
const LIST_WITHIN: Duration = Duration::from_secs(60);
/// An answer to a call of procedure 0 may take this long.
const PING_WITHIN: Duration = Duration::from_secs(10);
/// Versions tried one by one if a program names a range; the classic tool would try four billion.
const MOST_VERSIONS: u32 = 1024;
/// As often as this the time for one call may pass while versions are tried: a server that names many and then is silent is left.
const PATIENCE: u32 = 6;
/// Broadcast answers that wait for their hosts' names; further ones are lost, as datagrams are.
const WAITING_ANSWERS: usize = 256;

/// Reports RPC programs: what a host's portmapper has registered, and whether a program answers.
#[derive(Debug, Parser)]
#[command(name = "rpcinfo", version, disable_help_flag = true, after_long_help = LONG_HELP, override_usage = USAGE)]
struct Args {
    /// List the registrations version 2 knows
    #[arg(short = 'p')]
    ports: bool,

    /// List them all, a line for each program
    #[arg(short = 's')]
    short: bool,

    /// Show the portmapper's statistics
    #[arg(short = 'm')]
    statistics: bool,

    /// List the addresses of a program
    #[arg(short = 'l')]
    list: bool,

    /// Call procedure 0 over TCP
    #[arg(short = 't')]
    tcp: bool,

    /// Call procedure 0 over UDP
    #[arg(short = 'u')]
    udp: bool,

    /// Call it at this port, without asking the portmapper
    #[arg(short = 'n', value_name = "PORTNUM")]
    port: Option<String>,

    /// Call procedure 0 at this universal address (with -T)
    #[arg(short = 'a', value_name = "SERV_ADDRESS")]
    address: Option<String>,

    /// Kind of transport: tcp, udp, tcp6, udp6, local
    #[arg(short = 'T', value_name = "NETID")]
    netid: Option<String>,

    /// Call procedure 0 on all hosts in reach
    #[arg(short = 'b')]
    broadcast: bool,

    /// Delete registrations
    #[arg(short = 'd')]
    delete: bool,

    /// Ask the portmapper at this address, as 127.0.0.1:10111 or a socket's path
    #[arg(long, value_name = "ADDR")]
    portmapper: Option<At>,

    /// Print JSON: one document, or one per line
    #[arg(long)]
    json: bool,

    /// Seconds that a call may take [default: 60 for lists, 10 for procedure 0]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,

    /// Print help
    #[arg(long, action = clap::ArgAction::HelpLong)]
    help: Option<bool>,

    /// `[host] [program [version]]`
    #[arg(value_name = "ARGUMENT")]
    words: Vec<String>,
}

const USAGE: &str = "rpcinfo [-m | -s] [host]
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

Exit status:
  0  done                           1  wrong usage, no answer, or the answer was no

Files:
  /etc/rpc                          names of programs
  /run/rpcbind.sock                 this machine's portmapper

See also:
  portmapd(8), rpcbind(8), rpc(5), RFC 1833
";

/// Why the tool ends with status 1.
enum End {
    /// The usage is to be shown.
    Usage,
    /// This is to be said.
    Said(String),
    /// All is said.
    Quiet,
}

type Outcome = Result<(), End>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Function {
    Ports,
    Short,
    Statistics,
    List,
    Tcp,
    Udp,
    Address,
    Broadcast,
    Delete,
}

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => return usage_error(&error),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(run(&args)),
        Err(error) => Err(End::Said(format!("rpcinfo: {error}"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(end) => {
            match end {
                End::Usage => say(&format!("Usage: {USAGE}")),
                End::Said(text) => say(&text),
                End::Quiet => {}
            }
            ExitCode::FAILURE
        }
    }
}

/// Complaints about options in the words of getopt(3), then the usage.
fn usage_error(error: &clap::Error) -> ExitCode {
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

fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Everything a function needs.
struct Tool<'a> {
    net: Net,
    args: &'a Args,
    programs: Programs,
}

async fn run(args: &Args) -> Outcome {
    let net = Net::system();
    let chosen = [
        (args.ports, Function::Ports),
        (args.short, Function::Short),
        (args.statistics, Function::Statistics),
        (args.list, Function::List),
        (args.tcp, Function::Tcp),
        (args.udp, Function::Udp),
        (args.address.is_some(), Function::Address),
        (args.broadcast, Function::Broadcast),
        (args.delete, Function::Delete),
    ];
    let mut functions = chosen.iter().filter(|(is, _)| *is).map(|(_, f)| *f);
    let function = functions.next();
    let port = match &args.port {
        None => None,
        Some(text) => match text.trim_start().parse::<u16>() {
            Ok(port) => Some(port).filter(|port| *port != 0),
            Err(_) => return Err(End::Said(format!("rpcinfo: {text} is illegal port number"))),
        },
    };
    if functions.next().is_some() || (function == Some(Function::Address) && args.netid.is_none()) {
        return Err(End::Usage);
    }
    let programs = Programs::load(&net).await;
    let tool = Tool {
        net,
        args,
        programs,
    };
    match function {
        Some(Function::Ports) if port.is_some() => Err(End::Usage),
        Some(Function::Ports) => tool.ports().await,
        Some(Function::Short) => tool.mappings(true).await,
        Some(Function::Statistics) => tool.statistics().await,
        Some(Function::List) => tool.addresses().await,
        Some(Function::Tcp) => tool.ip_ping([Netid::Tcp, Netid::Tcp6], port).await,
        Some(Function::Udp) => tool.ip_ping([Netid::Udp, Netid::Udp6], port).await,
        Some(Function::Address) => tool.address_ping().await,
        Some(Function::Broadcast) => tool.broadcast().await,
        Some(Function::Delete) => tool.delete().await,
        None if args.words.len() > 1 => tool.program_ping().await,
        None => tool.mappings(false).await,
    }
}

/// Prints a report; a closed pipe is a quiet success.
fn print(args: &Args, report: &(impl fmt::Display + Serialize)) {
    let mut out = std::io::stdout().lock();
    let _ = if args.json {
        let line = serde_json::to_string(report).unwrap_or_default();
        writeln!(out, "{line}")
    } else {
        write!(out, "{report}")
    };
    let _ = out.flush();
}

/// The C library's words for a failed call.
fn words(error: &CallError) -> String {
    client::without_number(&error.classic_text())
}

impl Tool<'_> {
    fn names(&self) -> impl Fn(u32) -> Option<String> {
        |number| {
            self.programs
                .by_number(number)
                .map(|program| program.name.clone())
        }
    }

    fn config(&self, within: Duration) -> ClientConfig {
        let within = self
            .args
            .timeout
            .map_or(within, |seconds| Duration::from_secs(seconds.into()));
        ClientConfig::default()
            .deadline(within)
            .connect_time(within)
    }

    fn program(&self, text: &str) -> Result<u32, End> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text
                .parse()
                .map_err(|_| End::Said(format!("rpcinfo: {text} is illegal program number")));
        }
        match self.programs.by_name(text) {
            Some(program) => Ok(program.number),
            None => Err(End::Said(format!("rpcinfo: {text} is unknown service"))),
        }
    }

    fn netid(&self, complaint: impl Fn(&str) -> String) -> Result<Option<Netid>, End> {
        let Some(text) = &self.args.netid else {
            return Ok(None);
        };
        match Netid::new(text) {
            Netid::Other(_) => Err(End::Said(complaint(text))),
            netid => Ok(Some(netid)),
        }
    }

    /// The portmapper that lists: the one named, the host's, or this machine's; and the address it was reached at.
    async fn portmapper(&self, host: Option<&str>) -> Result<(Client, Option<SocketAddr>), End> {
        let complaint = |_: &str| {
            "rpcinfo: invalid transport: Netid not found in netconfig database".to_owned()
        };
        let netid = match host {
            Some(_) => self.netid(complaint)?,
            None => None,
        };
        let config = self.config(LIST_WITHIN);
        let contact =
            |failure: Failure| End::Said(format!("rpcinfo: can't contact rpcbind: {failure}"));
        if let Some(at) = &self.args.portmapper {
            return client::reach(&self.net, at, netid.as_ref(), config)
                .await
                .map_err(contact);
        }
        let Some(host) = host else {
            let client = client::local(&self.net, config).await.map_err(contact)?;
            return Ok((client, None));
        };
        let tried = match netid {
            Some(netid) => vec![netid],
            None => vec![Netid::Tcp, Netid::Tcp6, Netid::Udp, Netid::Udp6],
        };
        let mut last = Failure::translation();
        for netid in tried {
            match client::portmapper_of(&self.net, &netid, host, config.clone()).await {
                Ok((client, address)) => return Ok((client, address)),
                Err(failure) if failure.is_unknown_host() => {}
                Err(failure) => last = failure,
            }
        }
        Err(contact(last))
    }

    async fn ports(&self) -> Outcome {
        if self.args.words.len() > 1 {
            return Err(End::Usage);
        }
        let host = self.args.words.first().map(String::as_str);
        let config = self.config(LIST_WITHIN);
        let contact =
            |failure: Failure| End::Said(format!("rpcinfo: can't contact portmapper: {failure}"));
        let client = match (host, &self.args.portmapper) {
            (_, Some(at)) => {
                client::reach(&self.net, at, None, config)
                    .await
                    .map_err(contact)?
                    .0
            }
            (None, None) => client::local(&self.net, config).await.map_err(contact)?,
            (Some(host), None) => {
                self.client_of(&[Netid::Tcp, Netid::Tcp6], host, PORTMAP, 2, LIST_WITHIN)
                    .await?
            }
        };
        let list = match PmapV2Client::new(client).dump().await {
            Ok(list) => list,
            Err(CallError::ProgMismatch { low, .. }) => {
                let host = host.unwrap_or("localhost");
                return Err(if low > 2 {
                    End::Said(format!(
                        "{host} does not support portmapper.  Try rpcinfo {host} instead"
                    ))
                } else {
                    End::Quiet
                });
            }
            Err(CallError::ProgUnavail) => return Err(End::Quiet),
            Err(error) => {
                return Err(End::Said(format!(
                    "rpcinfo: can't contact portmapper: {}",
                    words(&error)
                )));
            }
        };
        let names = self.names();
        print(self.args, &Ports::new(&list, &names));
        Ok(())
    }

    async fn mappings(&self, short: bool) -> Outcome {
        if self.args.words.len() > 1 {
            return Err(End::Usage);
        }
        let host = self.args.words.first().map(String::as_str);
        let (client, _) = self.portmapper(host).await?;
        let report = self
            .all_mappings(client, &self.names())
            .await
            .map_err(|error| {
                End::Said(format!(
                    "rpcinfo: can't contact rpcbind: : {}",
                    words(&error)
                ))
            })?;
        if short {
            print(self.args, &report.by_program());
        } else {
            print(self.args, &report);
        }
        Ok(())
    }

    /// Version 3's list, or that of the version the portmapper has.
    async fn all_mappings(&self, client: Client, names: Names<'_>) -> Result<Mappings, CallError> {
        match RpcbV3Client::new(client.clone()).dump().await {
            Err(CallError::ProgMismatch { low: 4, .. }) => {
                let list = RpcbV4Client::new(client).dump().await?;
                Ok(Mappings::new(&list, names))
            }
            Err(CallError::ProgMismatch { high: 2, .. }) => {
                let list = PmapV2Client::new(client).dump().await?;
                Ok(Mappings::of_ports(&list, names))
            }
            list => Ok(Mappings::new(&list?, names)),
        }
    }

    async fn statistics(&self) -> Outcome {
        let host = self.args.words.first().map(String::as_str);
        let (client, _) = self.portmapper(host).await?;
        let all = RpcbV4Client::new(client).getstat().await.map_err(|error| {
            End::Said(format!(
                "rpcinfo: can't contact rpcbind: : {}",
                words(&error)
            ))
        })?;
        let names = self.names();
        print(self.args, &Statistics::new(&all, &names));
        Ok(())
    }

    async fn addresses(&self) -> Outcome {
        let [host, program, version] = self.args.words.as_slice() else {
            return Err(End::Usage);
        };
        let (client, reached) = self.portmapper(Some(host)).await?;
        let program = self.program(program)?;
        let version = version_number(version)?;
        let question = Rpcb {
            r_prog: program,
            r_vers: version,
            r_netid: self.args.netid.clone().unwrap_or_else(|| "tcp".to_owned()),
            // The address the portmapper was reached at may help it to say how its host is reached.
            r_addr: reached.map(address::universal).unwrap_or_default(),
            r_owner: String::new(),
        };
        let list = RpcbV4Client::new(client)
            .getaddrlist(&question)
            .await
            .map_err(|error| {
                End::Said(format!(
                    "rpcinfo: can't contact rpcbind: : {}",
                    words(&error)
                ))
            })?;
        let names = self.names();
        print(self.args, &Addresses::new(program, version, &list, &names));
        Ok(())
    }

    /// A client of a program over the first of the transports for which the host has an address.
    async fn client_of(
        &self,
        netids: &[Netid],
        host: &str,
        program: u32,
        version: u32,
        within: Duration,
    ) -> Result<Client, End> {
        let mut last = Failure::translation();
        for netid in netids {
            let config = self.config(within);
            let at = self.args.portmapper.as_ref();
            match client::dial(&self.net, at, netid, host, program, version, config).await {
                Ok(client) => return Ok(client),
                Err(failure) if failure.is_unknown_host() => last = failure,
                Err(failure) => return Err(End::Said(format!("{host}: {failure}"))),
            }
        }
        Err(End::Said(format!("{host}: {last}")))
    }

    async fn ip_ping(&self, netids: [Netid; 2], port: Option<u16>) -> Outcome {
        let (host, program, version) = match self.args.words.as_slice() {
            [host, program] => (host, program, None),
            [host, program, version] => (host, program, Some(version)),
            _ => return Err(End::Usage),
        };
        let program = self.program(program)?;
        let version = version.map(|text| version_number(text)).transpose()?;
        let client = match port {
            None => {
                self.client_of(&netids, host, program, version.unwrap_or(0), PING_WITHIN)
                    .await?
            }
            Some(port) => {
                let failed = |failure: Failure| End::Said(format!("{host}: {failure}"));
                let [v4, v6] = netids;
                let config = self.config(PING_WITHIN);
                match client::connect(&self.net, &v4, host, port, config.clone()).await {
                    Err(failure) if failure.is_unknown_host() => {
                        client::connect(&self.net, &v6, host, port, config).await
                    }
                    other => other,
                }
                .map_err(failed)?
            }
        };
        self.ping(&client, program, version).await
    }

    async fn program_ping(&self) -> Outcome {
        let (host, program, version) = match self.args.words.as_slice() {
            [host, program] => (host, program, None),
            [host, program, version] => (host, program, Some(version)),
            _ => return Err(End::Usage),
        };
        if self.args.netid.is_none() {
            return Err(End::Usage);
        }
        let program = self.program(program)?;
        let version = version.map(|text| version_number(text)).transpose()?;
        let Some(netid) = self.netid(|text| format!("rpcinfo: Could not find {text}"))? else {
            return Err(End::Usage);
        };
        let at = self.args.portmapper.as_ref();
        let config = self.config(PING_WITHIN);
        let client = client::dial(
            &self.net,
            at,
            &netid,
            host,
            program,
            version.unwrap_or(0),
            config,
        )
        .await
        .map_err(|failure| End::Said(format!("rpcinfo: {failure}")))?;
        self.ping(&client, program, version).await
    }

    async fn address_ping(&self) -> Outcome {
        let (program, version) = match self.args.words.as_slice() {
            [program] => (program, None),
            [program, version] => (program, Some(version)),
            _ => return Err(End::Usage),
        };
        let Some(netid) = self.netid(|text| format!("rpcinfo: Could not find {text}"))? else {
            return Err(End::Usage);
        };
        let program = self.program(program)?;
        let version = version.map(|text| version_number(text)).transpose()?;
        let address = self.args.address.as_deref().unwrap_or_default();
        let client = client::at_universal(&self.net, &netid, address, self.config(PING_WITHIN))
            .await
            .map_err(|failure| match failure {
                Some(failure) => End::Said(format!("rpcinfo: {failure}")),
                None => End::Said("rpcinfo: rpcinfo: no address for client handle".to_owned()),
            })?;
        self.ping(&client, program, version).await
    }

    /// Calls procedure 0 of a version, or of all versions the program says it has.
    async fn ping(&self, client: &Client, program: u32, version: Option<u32>) -> Outcome {
        if let Some(version) = version {
            return self.ping_one(client, program, version).await;
        }
        // Version 0 exists nowhere: the refusal tells which versions do. Where it does exist, the highest may not.
        let mut range = None;
        for version in [0, u32::MAX] {
            match null_call(client, program, version).await {
                Ok(()) => {}
                Err(CallError::ProgMismatch { low, high }) => {
                    range = Some((low, high));
                    break;
                }
                Err(error) => {
                    self.tell(program, version, Some(&error));
                    return Err(End::Quiet);
                }
            }
        }
        let (low, high) = range.unwrap_or((0, u32::MAX));
        let last = high.min(low.saturating_add(MOST_VERSIONS - 1));
        let within = self
            .args
            .timeout
            .map_or(PING_WITHIN, |seconds| Duration::from_secs(seconds.into()));
        let clock = self.net.clock();
        let until = clock.now() + within.saturating_mul(PATIENCE);
        let mut outcome = Ok(());
        let mut left = None;
        for version in low..=last {
            if clock.now() >= until {
                left = Some(version);
                break;
            }
            if let Err(end) = self.ping_one(client, program, version).await {
                outcome = Err(end);
            }
        }
        if last < high {
            left = left.or(Some(last + 1));
        }
        if let Some(left) = left {
            say(&format!("rpcinfo: versions {left} to {high} are not tried"));
        }
        outcome
    }

    async fn ping_one(&self, client: &Client, program: u32, version: u32) -> Outcome {
        let answer = null_call(client, program, version).await;
        self.tell(program, version, answer.as_ref().err());
        answer.map_err(|_| End::Quiet)
    }

    fn tell(&self, program: u32, version: u32, error: Option<&CallError>) {
        let error = error.map(words);
        if let Some(error) = &error
            && !self.args.json
        {
            say(&format!("rpcinfo: {error}"));
        }
        let available = error.is_none();
        print(
            self.args,
            &Ping {
                program,
                version,
                available,
                error,
            },
        );
    }

    async fn broadcast(&self) -> Outcome {
        let [program, version] = self.args.words.as_slice() else {
            return Err(End::Usage);
        };
        let program = self.program(program)?;
        let version = version_number(version)?;
        // The C library's rhythm: 1, 2, 4, 8 seconds, or as much as there is time.
        let mut options = BroadcastOptions::default().repeats(true).rounds(
            4,
            Duration::from_secs(1),
            Duration::from_secs(2),
        );
        if let Some(seconds) = self.args.timeout {
            options = options.rounds(1, Duration::from_secs(seconds.into()), Duration::ZERO);
        }
        match &self.args.portmapper {
            Some(At::Ip(address)) => options = options.only([address.ip()]).port(address.port()),
            Some(At::Path(_)) => {
                return Err(End::Said(
                    "rpcinfo: broadcasts go to IP addresses".to_owned(),
                ));
            }
            None => {}
        }
        let (send, mut answers) = tokio::sync::mpsc::channel::<SocketAddr>(WAITING_ANSWERS);
        let asking = async {
            let each = move |(): (), address: SocketAddr| {
                let _ = send.try_send(address);
                ControlFlow::Continue(())
            };
            broadcast(
                &self.net,
                Procedure::new(program, version, 0),
                &(),
                &options,
                each,
            )
            .await
        };
        let printing = async {
            while let Some(address) = answers.recv().await {
                let host = self.host_name(address.ip()).await;
                let address = address::universal(address);
                print(self.args, &Answer { address, host });
            }
        };
        let (asked, ()) = tokio::join!(asking, printing);
        match asked {
            // Nobody ever says stop.
            Ok(()) | Err(CallError::TimedOut) => Ok(()),
            Err(error) => Err(End::Said(format!(
                "rpcinfo: broadcast failed: {}",
                error.stat()
            ))),
        }
    }

    async fn host_name(&self, address: IpAddr) -> Option<String> {
        let name = self.net.reverse_lookup(address).await?;
        Some(fairway_portmap::report::clean(&name))
    }

    async fn delete(&self) -> Outcome {
        let [program, version] = self.args.words.as_slice() else {
            return Err(End::Usage);
        };
        let netid = self.netid(|text| format!("rpcinfo: netid {text} not supported"))?;
        let question = Rpcb {
            r_prog: self.program(program)?,
            r_vers: version_number(version)?,
            r_netid: netid.as_ref().map_or("", |netid| netid.as_str()).to_owned(),
            r_addr: String::new(),
            r_owner: String::new(),
        };
        let config = self.config(LIST_WITHIN);
        let client = match &self.args.portmapper {
            Some(at) => client::reach(&self.net, at, None, config)
                .await
                .map(|(client, _)| client),
            None => client::local(&self.net, config).await,
        };
        let done = match client {
            Ok(client) => RpcbV3Client::new(client)
                .unset(&question)
                .await
                .unwrap_or(false),
            Err(_) => false,
        };
        if done {
            return Ok(());
        }
        Err(End::Said(format!(
            "rpcinfo: Could not delete registration for prog {program} version {version}"
        )))
    }
}

/// Calls procedure 0; results that should not be there are overlooked, as the classic tool does.
async fn null_call(client: &Client, program: u32, version: u32) -> Result<(), CallError> {
    let null = Procedure::new(program, version, 0);
    client
        .call_raw(null, Bytes::new(), &CallOptions::default())
        .await
        .map(drop)
}

fn version_number(text: &str) -> Result<u32, End> {
    let number = text.trim_start();
    let number = number.strip_prefix('+').unwrap_or(number);
    number.parse().map_err(|_: std::num::ParseIntError| {
        End::Said(format!("rpcinfo: {text} is illegal version number"))
    })
}

/// `Infallible` keeps clap's parser of [`At`] honest: every text is an address or a path.
const _: fn(&str) -> Result<At, Infallible> = |text| text.parse();
