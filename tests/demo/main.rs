//! The demo: what Fairway does, in one command.
//!
//! Builds an internetwork of hosts and routers on our own TCP/IP stack in this process, starts a portmapper on port 111 of one, registers a
//! service that rpcgen made from `harbour.x`, calls it from another over TCP and UDP, cuts a link and mends it, copies a file from one FTP
//! server to another, gets it over a link that breaks, reserves a way for a video through a crowd, and prints what happened.
//! Needs neither root nor anything but the Rust toolchain. With `--system`, the same on this machine's stack.

mod files;
mod harbour;
mod report;
mod stage;
mod story;
mod video;

use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use fairway_portmap::core::Core;
use fairway_portmap::pmap::PmapV2Client;
use fairway_portmap::report::Ports;
use fairway_portmap::{Portmapper, access, address, registry};
use fairway_rpc::bind::universal;
use fairway_rpc::programs::Programs;
use fairway_rpc::{CallError, Client, ClientConfig, Procedure, Server, Transport, portmapper};
use fairway_stack::Net;
use fairway_tests::generated::harbour::{
    Answer, HARBOUR_PROG, HARBOUR_VERS, HarbourV1Client, HarbourV1Service, Ship,
};

use crate::harbour::Harbour;
use crate::stage::{Between, MAP, Stage};
use crate::story::{Story, Unwritten};

/// What can go wrong, told as it is.
type Error = Box<dyn std::error::Error>;

/// Calls one after another, and calls at a time.
const CALLS: usize = 1000;
/// How long the trunk is cut.
const CUT: Duration = Duration::from_secs(3);

/// Shows what Fairway does, in a few seconds.
///
/// Builds hosts and routers on Fairway's own TCP/IP stack in this process, starts a portmapper and a service from a .x file on one, calls it
/// from another over TCP and UDP, one by one and a thousand at a time, through a link that loses packets and is cut for a while, shows what
/// happens to calls that cannot be served, copies a file between two FTP servers, plays a video through a crowd without and with a reservation, and ends. Needs neither root nor any other program, and opens no socket of the machine.
#[derive(Debug, Parser)]
#[command(name = "demo", bin_name = "cargo demo", after_long_help = AFTER)]
struct Args {
    /// On this machine's own stack, by 127.0.0.1, instead of an internetwork of our own.
    #[arg(long)]
    system: bool,
    /// What the internetwork's losses are drawn from: the same number gives the same packets.
    #[arg(long, default_value_t = 1, conflicts_with = "system")]
    seed: u64,
}

const AFTER: &str = "\
Exit status:
  0  all went as told
  1  something did not; standard error says what
  2  wrong usage

Files:
  in the folder for temporary files:
  fairway-demo-trunk.pcapng  what crossed the long link
  fairway-demo-video.pcapng  what crossed the first of the crowded links
  fairway-demo.html          the delays of the video, as plots

Environment:
  NO_COLOR  if set, nothing is printed in colour

See also:
  tests/demo/harbour.x, what is served; tests/demo/main.rs, the whole of it";

fn main() -> ExitCode {
    let args = Args::parse();
    let story = Story::new();
    let done = if args.system {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::from)
            .and_then(|runtime| runtime.block_on(demo(&Stage::machine(), &story)))
    } else {
        let stage = Stage::internetwork(args.seed);
        match &stage.between {
            Some(between) => between
                .network
                .run(demo(&stage, &story))
                .and_then(|()| reserve(args.seed, &story)),
            None => Ok(()),
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            story::failed(&error.to_string());
            ExitCode::FAILURE
        }
    }
}

/// The part that has a network of its own.
fn reserve(seed: u64, story: &Story) -> Result<(), Error> {
    let left = video::play(seed, story)?;
    story.say(&format!(
        "\nThe delays as plots, and what the first link carried:\n{}\n{}",
        left.report.display(),
        left.capture.display()
    ))?;
    Ok(())
}

/// Whether whoever read the story has left.
fn is_closed_pipe(error: &Error) -> bool {
    error
        .downcast_ref::<Unwritten>()
        .is_some_and(Unwritten::is_closed_pipe)
}

async fn demo(stage: &Stage, story: &Story) -> Result<(), Error> {
    // How long all this takes those who wait for it.
    let watch = Net::system().clock();
    let started = watch.now();
    story.title("Fairway: calls, files and reservations")?;

    if stage.between.is_some() {
        story.step("An internetwork, in this process")?;
        story.code(MAP)?;
        story.say(
            "Five hosts on our own TCP/IP stack, in virtual time: no root, no sockets of\n\
             this machine, and the same packets at every run. (`--system` for this\n\
             machine's stack, `--seed` for other losses.)",
        )?;
    }

    story.step("A portmapper")?;
    let (portmapper_server, portmapper_at) = start_portmapper(stage).await?;
    match stage.portmapper_port {
        Some(port) => story.say(&format!(
            "On the host \"office\", port {port}, where callers look; versions 2, 3 and 4, over\n\
             TCP and UDP."
        ))?,
        None => story.say(&format!(
            "It answers versions 2, 3 and 4 on {portmapper_at}, over TCP and UDP.\n\
             (Port 111, where callers look, would need root.)"
        ))?,
    }
    let config = ClientConfig::new()
        .portmapper_port(portmapper_at.port())
        // An answer that is not there by then was lost.
        .first_wait(Duration::from_millis(20));

    story.step("A service, from tests/demo/harbour.x")?;
    story.code(program_of(include_str!("harbour.x")))?;
    story.say(
        "From this, rpcgen wrote the type HarbourV1Client, which makes the calls, the\n\
         trait HarbourV1, which the service implements, and types with their codecs.",
    )?;
    let office = Server::builder(&stage.office)
        .service(HarbourV1Service::new(Harbour::new(2)))
        .listen_tcp(stage.any)
        .listen_udp(stage.any)
        .start()
        .await?;
    // Registrations come from the portmapper's own host only.
    let own = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), portmapper_at.port());
    let registrar =
        portmapper::Portmapper::at(&stage.office, own, Transport::Tcp, config.clone()).await?;
    office.register(&registrar).await?;
    story.say("Started and registered. Here is what `rpcinfo -p` shows now:")?;
    story.table(&ports(&stage.office, own).await?.to_string())?;

    story.step("Calls")?;
    let net = &stage.ship;
    let dial = |transport| HarbourV1Client::dial(net, stage.name, transport, config.clone());
    let by_tcp = dial(Transport::Tcp).await?;
    let by_udp = dial(Transport::Udp).await?;
    for name in ["Endurance", "Fram", "Terra Nova"] {
        let ship = Ship {
            name: name.to_owned(),
            length: 44,
            draught: 4.5,
        };
        let answer = match by_tcp.moor(&ship).await? {
            Answer::Free(berth) => format!("berth {berth}"),
            Answer::Taken => "no berth is free".to_owned(),
        };
        story.exchange(&format!("moor {name}"), &answer)?;
    }
    let height = by_udp.tide(6 * 60).await?;
    story.exchange("tide at 06:00, over UDP", &format!("{height} mm"))?;

    story.step("Many calls")?;
    if stage.between.is_some() {
        story.say(
            "Told in the network's time: there and back takes 2 ms, and who loses a packet\n\
             waits until it is sent again.",
        )?;
    }
    for (name, client) in [("TCP", &by_tcp), ("UDP", &by_udp)] {
        one_by_one(net, story, name, client).await?;
        at_once(net, story, name, client).await?;
    }

    if let Some(between) = &stage.between {
        cut_and_mend(stage, between, story, &by_tcp).await?;
    }

    story.step("Calls that cannot be served, and what the caller is told")?;
    let client = by_tcp.client();
    let options = fairway_rpc::CallOptions::default();
    for (what, version, procedure) in [
        ("a version that is not there", 9, 1),
        ("a procedure that is not there", HARBOUR_VERS, 99),
        ("a call without its arguments", HARBOUR_VERS, 1),
    ] {
        let call = Procedure::new(HARBOUR_PROG, version, procedure);
        let refused: Result<(), CallError> = client.call(call, &(), &options).await;
        let error = refused.err().ok_or("it was not refused")?;
        story.exchange(what, &error.to_string())?;
    }

    files::copy_and_get(stage, story).await?;

    story.step("The end")?;
    let served = office.counters();
    if !office.shutdown(Duration::from_secs(5)).await {
        return Err("calls were still running".into());
    }
    story.say("The service has unregistered and ended. What it was called for:")?;
    for procedure in served.procedures {
        let name = procedure.name.unwrap_or("(no such procedure)");
        story.counted(name, procedure.calls, procedure.errors)?;
    }
    let left = ports(&stage.office, own).await?;
    if left
        .registrations
        .iter()
        .any(|row| row.program == HARBOUR_PROG)
    {
        return Err("the service is still registered".into());
    }
    story.say("`rpcinfo -p` no longer shows it.")?;
    portmapper_server.shutdown(Duration::from_secs(5)).await;
    if let Some(between) = &stage.between {
        let file = between.save()?;
        story.say(&format!(
            "{:.1} s of the network's time took {:.2} s. What the trunk\ncarried, {} packets, is in\n{}\nwireshark -o rpc.dissect_unknown_programs:TRUE shows the calls in it.",
            between.network.now().since_start().as_secs_f64(),
            (watch.now() - started).as_secs_f64(),
            between.capture.packets(),
            file.display()
        ))?;
    }
    Ok(())
}

/// A call made while the only way is cut is answered when it is mended: TCP sends until it gets through.
async fn cut_and_mend(
    stage: &Stage,
    between: &Between,
    story: &Story,
    client: &HarbourV1Client,
) -> Result<(), Error> {
    story.step("A link is cut, and mended")?;
    let clock = stage.ship.clock();
    let cut_at = clock.now();
    between.trunk.down();
    let call = stage.ship.spawn({
        let client = client.clone();
        async move { client.tide(18 * 60).await }
    });
    clock.sleep(CUT).await;
    if call.is_finished() {
        return Err("a call was answered over a link that is cut".into());
    }
    between.trunk.up();
    let height = call.await??;
    let waited = clock.now() - cut_at;
    story.exchange("tide at 18:00, the trunk cut", &format!("{height} mm"))?;
    story.say(&format!(
        "It was cut for {} s. The caller noticed nothing but the wait, {:.1} s: TCP sent\n\
         again until it got through.",
        CUT.as_secs(),
        waited.as_secs_f64()
    ))?;
    Ok(())
}

/// A portmapper on the office's port 111, or on one free port of this machine; TCP and UDP.
async fn start_portmapper(stage: &Stage) -> Result<(Server, SocketAddr), Error> {
    let net = &stage.office;
    let portmapper = Portmapper::new(
        net,
        Core::new(registry::Limits::default(), access::Access::default()),
    );
    let server = loop {
        // A UDP port first: it is then wanted for TCP, too, and somebody else may have that one.
        let at = match stage.portmapper_port {
            Some(port) => SocketAddr::new(stage.any.ip(), port),
            None => net.bind_udp(stage.any)?.local_addr()?,
        };
        let builder = Server::builder(net).registry(portmapper.services());
        match builder.listen_udp(at).listen_tcp(at).start().await {
            Ok(server) => break server,
            Err(error)
                if error.to_string().contains("in use") && stage.portmapper_port.is_none() => {}
            Err(error) => return Err(error.into()),
        }
    };
    let at = server.tcp_addr().ok_or("no TCP address")?;
    for netid in ["tcp", "udp"] {
        portmapper
            .core()
            .register_self(&address::Netid::new(netid), &universal(&at));
    }
    Ok((server, at))
}

/// What `rpcinfo -p` prints for a portmapper.
async fn ports(net: &Net, at: SocketAddr) -> Result<Ports, Error> {
    let client = PmapV2Client::new(Client::tcp(net, at, ClientConfig::new()).await?);
    let programs = Programs::built_in();
    let names = |number| {
        let name = programs
            .by_number(number)
            .map(|program| program.name.clone());
        name.or_else(|| (number == HARBOUR_PROG).then(|| "harbour".to_owned()))
    };
    Ok(Ports::new(&client.dump().await?, &names))
}

async fn one_by_one(
    net: &Net,
    story: &Story,
    name: &str,
    client: &HarbourV1Client,
) -> Result<(), Error> {
    let clock = net.clock();
    let since = clock.now();
    for minute in 0..CALLS {
        tide(client, minute).await?;
    }
    let took = clock.now() - since;
    story.figures(&format!("{name}, one by one"), CALLS, took)?;
    Ok(())
}

async fn at_once(
    net: &Net,
    story: &Story,
    name: &str,
    client: &HarbourV1Client,
) -> Result<(), Error> {
    let clock = net.clock();
    let since = clock.now();
    let calls: Vec<_> = (0..CALLS)
        .map(|minute| {
            let client = client.clone();
            net.spawn(async move { tide(&client, minute).await })
        })
        .collect();
    for call in calls {
        call.await??;
    }
    let took = clock.now() - since;
    story.figures(&format!("{name}, {CALLS} at a time"), CALLS, took)?;
    let resent = client.client().counters().resent;
    if resent > 0 {
        story.say(&format!(
            "  (Datagrams get lost: {resent} were sent again, and each call was served once.)"
        ))?;
    }
    Ok(())
}

/// One call, its answer checked.
async fn tide(client: &HarbourV1Client, minute: usize) -> Result<(), CallError> {
    let minute = u32::try_from(minute).unwrap_or(0);
    let height = client.tide(minute).await?;
    debug_assert_eq!(height, harbour::tide(minute));
    Ok(())
}

/// The lines of a `.x` file from `program` on.
fn program_of(x: &str) -> &str {
    x.find("program ").and_then(|at| x.get(at..)).unwrap_or(x)
}
