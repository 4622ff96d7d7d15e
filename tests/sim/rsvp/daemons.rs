//! The whole service: a daemon on each node, applications that speak to theirs by RAPI, and the data between them.

use super::flow::{Bucket, greedy, steady};
use super::lab::Lab;
use fairway_rsvp::api::client::{Notice, Rapi};
use fairway_rsvp::api::{Event, ReserveCall, SOCKET_PATH, SenderCall, Service};
use fairway_rsvp::daemon::config::{Config, Loaded, ReadSecret};
use fairway_rsvp::daemon::platform::Platform;
use fairway_rsvp::daemon::service::Daemon;
use fairway_rsvp::intserv::request::{Wish, guaranteed};
use fairway_rsvp::wire::{Sender, Session};
use fairway_sim::fairway_stack::LocalAddr;
use fairway_wire::Protocol;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

/// Three routers in a row, and whoever fills the links between them.
const ROW: &str = "
    host   sender receiver  west middle
    router r1 r2 r3
    link   sender r1    100Mbit/s 100us
    link   west   r1    100us
    link   middle r2    100us
    link   r1 r2        10Mbit/s 5ms
    link   r2 r3        10Mbit/s 3ms
    link   r3 receiver  10Mbit/s 1ms
";

const NODES: [&str; 5] = ["sender", "r1", "r2", "r3", "receiver"];
const PORT: u16 = 5000;

/// The configurations name no files.
struct NoFiles;

impl ReadSecret for NoFiles {
    fn read(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        Err(format!("{}: no files here", file.display()))
    }
}

/// What an administrator writes for a node: how fast and how long its links are.
fn configuration(lab: &Lab, name: &str) -> Loaded {
    let mut text = String::new();
    for (interface, settings) in lab.interfaces(name) {
        writeln!(text, "[interface.{}]", interface.name).unwrap();
        if let Some(rate) = settings.link_rate {
            writeln!(text, "bandwidth = \"{}bit/s\"", rate.wide() * 8.0).unwrap();
        }
        writeln!(text, "latency = \"{}us\"", settings.latency_micros).unwrap();
    }
    let file = Path::new("rsvpd.toml");
    let config = Config::parse(file, &text).unwrap();
    config.load(file, &text, &mut NoFiles).unwrap()
}

fn start(lab: &Lab, name: &str) -> Daemon {
    let net = lab.node(name).net();
    let platform = Platform::native(&net, false).unwrap();
    Daemon::start(&net, configuration(lab, name), platform).unwrap()
}

async fn rapi(lab: &Lab, name: &str) -> Rapi {
    let path = LocalAddr::path(SOCKET_PATH);
    Rapi::connect(&lab.node(name).net(), &path).await.unwrap()
}

/// RSVP-4, RSVP-5, RSVP-10: sender and receiver call their daemons, the network does the rest: the path is found, the
/// bound is reserved and kept through a flood, and the end of the daemons leaves nothing behind.
#[test]
fn applications_reserve_through_their_daemons() {
    let lab = Lab::new(6, ROW);
    lab.greet();
    let bucket = Bucket {
        rate: 125_000,
        size: 15_000,
        peak: None,
        shortest: 1_500,
        longest: 1_500,
    };
    let session = Session {
        destination: lab.address("receiver"),
        protocol: Protocol::UDP,
        e_police: false,
        port: PORT,
    };
    lab.network.run(async {
        let daemons = NODES.map(|name| start(&lab, name));
        let (near, far) = (rapi(&lab, "sender").await, rapi(&lab, "receiver").await);
        let mut receiving = far.open(session).await.unwrap();
        let mut sending = near.open(session).await.unwrap();
        let begun = lab.network.now();
        let sender = SenderCall {
            template: Sender::V4(Ipv4Addr::UNSPECIFIED, PORT),
            interface: None,
            tspec: bucket.tspec(),
            adspec: None,
            policy: Vec::new(),
            ttl: 63,
        };
        sending.sender(sender).await.unwrap();
        let senders = loop {
            match receiving.next_event().await {
                Some(Notice::Event(Event::Path(senders))) if !senders.is_empty() => break senders,
                Some(Notice::Event(Event::Path(_))) => {}
                other => panic!("{other:?}"),
            }
        };
        // RSVP-4: from call to event, less the 9.1 ms that the way takes.
        let took = lab.network.now() - begun;
        assert!(took < Duration::from_millis(14), "{took:?}");

        let wish = Wish::EndToEnd(Duration::from_millis(150));
        let adspec = senders[0].adspec.as_ref().unwrap();
        let promised = guaranteed(&senders[0].tspec, adspec, wish).unwrap();
        let call = ReserveCall::fixed(&senders, Service::Guaranteed(wish)).unwrap();
        receiving.reserve(call).await.unwrap();
        match sending.next_event().await {
            Some(Notice::Event(Event::Resv { flowspec, .. })) => {
                assert_eq!(flowspec, Some(promised.flowspec));
            }
            other => panic!("{other:?}"),
        }

        let span = Duration::from_secs(3);
        for (port, from) in (20..).zip(["west", "middle"]) {
            lab.send((from, port), ("receiver", 9), steady(2_500_000, 1500, span));
        }
        let plan = greedy(&bucket, span);
        let sent = plan.len();
        let mut sink = lab.sink("receiver", PORT);
        lab.send(("sender", PORT), ("receiver", PORT), plan);
        sink.until(lab.network.now() + span + Duration::from_secs(2))
            .await;
        let arrived = sink.arrived();
        assert_eq!(arrived.numbers.len(), sent, "data was lost");
        let (slowest, bound) = (arrived.slowest, promised.end_to_end.unwrap());
        assert!(slowest <= bound, "{slowest:?} > {bound:?}");
        assert!(slowest > bound / 2, "{slowest:?} of {bound:?}: of no worth");

        receiving.release().await.unwrap();
        match sending.next_event().await {
            Some(Notice::Event(Event::Resv { flowspec: None, .. })) => {}
            other => panic!("{other:?}"),
        }
        drop(sending);
        for daemon in daemons {
            daemon.shutdown().await;
        }
        for pair in NODES.windows(2) {
            assert!(lab.reserved(pair[0], pair[1]).is_empty(), "{pair:?}");
        }
    });
}
