//! Fairway beside other implementations: what is measured, how, and whether it is good enough.
//!
//! Everything talks over loopback inside a network and mount namespace of its own, so that port 111, `/run/rpcbind.sock` and the machine's
//! own services are untouched. Ours and the peers are measured in turn in one run, because rates move with whatever else the machine does;
//! ratios and CPU time per call move less, and counted instructions not at all. A figure is the median of the runs' medians.

mod goals;
mod groups;
mod lab;
mod ours;
mod readings;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use serde_json::json;

use crate::goals::{Goal, Line, table};
use crate::lab::{Error, Lab, Peers};

/// Measures Fairway beside other implementations.
///
/// Compiles the peers of tests/bench/peers and Fairway's own programs on the first run, which needs the network; then measures in a private
/// namespace, which needs root or the right to make user namespaces, and Debian's gcc, make, libtirpc-dev, rpcsvc-proto, rpcbind, iproute2,
/// util-linux, valgrind and strace; for the network stack, iproute2, iperf3 and ethtool; for FTP, curl, lftp and the servers that
/// `tests/run --install` unpacks.
#[derive(Debug, Parser)]
#[command(name = "bench", after_long_help = AFTER)]
struct Args {
    #[command(subcommand)]
    what: What,
}

const AFTER: &str = "\
Examples:
  bench rpc                 everything, ten minutes or so
  bench rpc --quick codec   the codec, in short rounds: an impression, no verdict worth quoting
  bench rpc --json server   the servers, as JSON
  bench stack               the network stack in memory, in virtual time, and on a TAP device
  bench stack engine wire   what needs nothing but the processor
  bench ftp --quick         the FTP client beside curl, lftp and suppaftp
  bench rsvp                RSVP's engine with many sessions, and rsvpd in namespaces, which needs root

Exit status:
  0  measured, whether or not every goal is met
  2  something needed is missing, or did not start";

#[derive(Debug, Subcommand)]
enum What {
    /// ONC RPC: codec, calls, server, portmapper, rpcgen, and the socket layer under them.
    Rpc {
        /// Print one JSON document instead of the table.
        #[arg(long)]
        json: bool,
        /// Short rounds, once each.
        #[arg(long)]
        quick: bool,
        /// What to measure; nothing named is everything.
        groups: Vec<Group>,
    },
    /// The network stack: its engine, sockets on it, goodput on impaired paths, forwarding, simulation, a TAP device, headers.
    Stack {
        /// Print one JSON document instead of the table.
        #[arg(long)]
        json: bool,
        /// Short rounds, once each.
        #[arg(long)]
        quick: bool,
        /// What to measure; nothing named is everything.
        groups: Vec<StackGroup>,
    },
    /// FTP: large and small files, listings, latency, TLS, transfers between servers.
    Ftp {
        /// Print one JSON document instead of the table.
        #[arg(long)]
        json: bool,
        /// Smaller files, fewer rounds.
        #[arg(long)]
        quick: bool,
        /// What to measure; nothing named is everything.
        groups: Vec<FtpGroup>,
    },
    /// RSVP: many sessions; calls, data and sessions through daemons in namespaces.
    Rsvp {
        /// Print one JSON document instead of the table.
        #[arg(long)]
        json: bool,
        /// Short rounds, once each.
        #[arg(long)]
        quick: bool,
        /// What to measure; nothing named is everything.
        groups: Vec<RsvpGroup>,
    },
    #[command(flatten)]
    Part(Part),
}

/// What is measured together of RSVP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RsvpGroup {
    Scale,
    Paths,
}

/// What is measured together of FTP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FtpGroup {
    Plain,
    Tls,
    Copies,
}

/// What is measured together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Group {
    Codec,
    Calls,
    Server,
    Portmap,
    Rpcgen,
    Stack,
}

/// What is measured together of the network stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum StackGroup {
    Engine,
    Facade,
    Goodput,
    Forward,
    Sim,
    Tap,
    Wire,
}

/// Parts that the benchmark starts as processes of their own.
#[derive(Debug, Subcommand)]
#[command(hide = true)]
enum Part {
    #[command(hide = true)]
    Echod {
        udp: u16,
        tcp: u16,
        #[arg(long, default_value_t = 1)]
        workers: usize,
    },
    #[command(hide = true)]
    Client {
        prefix: String,
        udp: u16,
        tcp: u16,
        #[arg(long, default_value_t = 1)]
        workers: usize,
        cases: Vec<String>,
    },
    #[command(hide = true)]
    Codec { folder: PathBuf },
    #[command(hide = true)]
    Count {
        folder: PathBuf,
        shape: String,
        way: String,
        times: u64,
    },
    #[command(hide = true)]
    Bombs,
    #[command(hide = true)]
    Slow { tcp: u16 },
    #[command(hide = true)]
    Idle { tcp: u16, many: usize },
    #[command(hide = true)]
    Answers { host: String },
    #[command(hide = true)]
    Amplify { host: String, name: String },
    #[command(hide = true)]
    Exchange {
        who: String,
        protocol: String,
        times: u32,
    },
    #[command(hide = true)]
    Native { cases: Vec<String> },
    #[command(hide = true, name = "rsvp-engine")]
    RsvpEngine { cases: Vec<String> },
    #[command(hide = true, name = "ftp-client")]
    FtpClient {
        prefix: String,
        operation: String,
        #[command(flatten)]
        place: ours::ftp::Where,
        #[arg(last = true)]
        arguments: Vec<String>,
    },
}

/// Measures a group.
type Run = fn(&mut Lab) -> Result<(), Error>;

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match args.what {
        What::Rpc {
            json,
            quick,
            groups,
        } => rpc(json, quick, &groups),
        What::Stack {
            json,
            quick,
            groups,
        } => stack(json, quick, &groups),
        What::Ftp {
            json,
            quick,
            groups,
        } => ftp(json, quick, &groups),
        What::Rsvp {
            json,
            quick,
            groups,
        } => rsvp(json, quick, &groups),
        What::Part(part) => run_part(part).map(|()| ExitCode::SUCCESS),
    };
    done.unwrap_or_else(|error| {
        lab::talk(&error.to_string());
        ExitCode::from(2)
    })
}

fn rpc(json: bool, quick: bool, groups: &[Group]) -> Result<ExitCode, Error> {
    let wanted = |group| groups.is_empty() || groups.contains(&group);
    if std::env::var_os(lab::INSIDE).is_none() {
        let mut ours = Vec::new();
        if wanted(Group::Portmap) {
            ours.push("fairway-portmap");
        }
        if wanted(Group::Rpcgen) {
            ours.push("fairway-rpcgen");
        }
        // libvirt's file comes over the network, which the namespace has not.
        if wanted(Group::Rpcgen) {
            groups::rpcgen::fetch();
        }
        lab::build(Peers::Rpc, &ours)?;
    }
    if let Some(code) = lab::enter_namespace()? {
        return Ok(code);
    }
    let mut lab = Lab::new(quick)?;
    let runs: [(Group, Run); 6] = [
        (Group::Codec, groups::codec::run),
        (Group::Calls, groups::calls::run),
        (Group::Server, groups::server::run),
        (Group::Portmap, groups::portmap::run),
        (Group::Rpcgen, groups::rpcgen::run),
        (Group::Stack, groups::stack::run),
    ];
    for (group, run) in runs {
        if wanted(group) {
            lab.attempt(&format!("{group:?}"), run);
        }
    }
    report(&lab, goals::RPC, json)
}

fn stack(json: bool, quick: bool, groups: &[StackGroup]) -> Result<ExitCode, Error> {
    if std::env::var_os(lab::INSIDE).is_none() {
        lab::build(Peers::Stack, &[])?;
    }
    if let Some(code) = lab::enter_namespace()? {
        return Ok(code);
    }
    let mut lab = Lab::new(quick)?;
    let runs: [(StackGroup, Run); 7] = [
        (StackGroup::Engine, groups::native::engine),
        (StackGroup::Facade, groups::native::facade),
        (StackGroup::Goodput, groups::native::goodput),
        (StackGroup::Forward, groups::native::forward),
        (StackGroup::Sim, groups::native::sim),
        (StackGroup::Tap, groups::native::tap),
        (StackGroup::Wire, groups::native::wire),
    ];
    for (group, run) in runs {
        if groups.is_empty() || groups.contains(&group) {
            lab.attempt(&format!("{group:?}"), run);
        }
    }
    report(&lab, goals::STACK, json)
}

fn ftp(json: bool, quick: bool, groups: &[FtpGroup]) -> Result<ExitCode, Error> {
    if std::env::var_os(lab::INSIDE).is_none() {
        lab::build(Peers::Ftp, &[])?;
    }
    if let Some(code) = lab::enter_namespace()? {
        return Ok(code);
    }
    let mut lab = Lab::new(quick)?;
    let runs: [(FtpGroup, Run); 3] = [
        (FtpGroup::Plain, groups::ftp::plain),
        (FtpGroup::Tls, groups::ftp::tls),
        (FtpGroup::Copies, groups::ftp::copies),
    ];
    for (group, run) in runs {
        if groups.is_empty() || groups.contains(&group) {
            lab.attempt(&format!("{group:?}"), run);
        }
    }
    report(&lab, goals::FTP, json)
}

fn rsvp(json: bool, quick: bool, groups: &[RsvpGroup]) -> Result<ExitCode, Error> {
    let wanted = |group| groups.is_empty() || groups.contains(&group);
    if std::env::var_os(lab::INSIDE).is_none() && wanted(RsvpGroup::Paths) {
        let folder = fairway_tests::rsvp::programs();
        lab::talk(&format!("rsvpd is in {}", folder.display()));
    }
    if let Some(code) = lab::enter_namespace()? {
        return Ok(code);
    }
    let mut lab = Lab::new(quick)?;
    let runs: [(RsvpGroup, Run); 2] = [
        (RsvpGroup::Scale, groups::rsvp::scale),
        (RsvpGroup::Paths, groups::rsvp::paths),
    ];
    for (group, run) in runs {
        if wanted(group) {
            lab.attempt(&format!("{group:?}"), run);
        }
    }
    report(&lab, goals::RSVP, json)
}

#[expect(clippy::print_stdout, reason = "the report")]
fn report(lab: &Lab, goals: &[Goal], json: bool) -> Result<ExitCode, Error> {
    let lines: Vec<Line> = goals
        .iter()
        .filter_map(|goal| goal.line(&lab.readings))
        .collect();
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let load = load.split(' ').next().unwrap_or_default();
    if json {
        let figures: Vec<_> = lab
            .readings
            .all()
            .map(|(name, value, unit, readings)| json!({"name": name, "median": value, "unit": unit, "readings": readings}))
            .collect();
        let document = json!({"goals": lines, "figures": figures, "notes": lab.notes, "quick": lab.quick(), "load_at_end": load});
        println!("{}", serde_json::to_string_pretty(&document)?);
        return Ok(ExitCode::SUCCESS);
    }
    print!("{}", table(&lines));
    let judged = |verdict| {
        lines
            .iter()
            .filter(|line| line.met == Some(verdict))
            .count()
    };
    println!(
        "\n{} met, {} missed; load at the end {load}.",
        judged(true),
        judged(false)
    );
    if lab.quick() {
        println!("Short rounds: an impression, not a measurement.");
    }
    for note in &lab.notes {
        println!("note: {note}");
    }
    Ok(ExitCode::SUCCESS)
}

fn run_part(part: Part) -> Result<(), Error> {
    match part {
        Part::Echod { udp, tcp, workers } => runtime(workers)?.block_on(ours::echod::run(udp, tcp)),
        Part::Client {
            prefix,
            udp,
            tcp,
            workers,
            cases,
        } => runtime(workers)?.block_on(ours::client::run(&prefix, udp, tcp, &cases)),
        Part::Codec { folder } => ours::codec::run(&folder),
        Part::Count {
            folder,
            shape,
            way,
            times,
        } => ours::codec::count(&folder, &shape, &way, times),
        Part::Bombs => ours::bombs::run(),
        Part::Slow { tcp } => ours::slow::run(tcp),
        Part::Idle { tcp, many } => ours::idle::run(tcp, many),
        Part::Answers { host } => ours::amplify::wait(&host),
        Part::Amplify { host, name } => ours::amplify::run(&host, &name),
        Part::Exchange {
            who,
            protocol,
            times,
        } => runtime(1)?.block_on(ours::exchange::run(who == "ours", protocol == "tcp", times)),
        Part::Native { cases } => ours::native::run(&cases),
        Part::RsvpEngine { cases } => ours::rsvp::run(&cases),
        Part::FtpClient {
            prefix,
            operation,
            place,
            arguments,
        } => runtime(1)?.block_on(ours::ftp::run(&prefix, &operation, &place, &arguments)),
    }
}

/// A runtime on this thread, or one with worker threads.
fn runtime(workers: usize) -> std::io::Result<tokio::runtime::Runtime> {
    let mut builder = if workers == 1 {
        tokio::runtime::Builder::new_current_thread()
    } else {
        tokio::runtime::Builder::new_multi_thread()
    };
    builder.worker_threads(workers).enable_all().build()
}
