//! Reservations for a group: Paths along a multicast tree, reservations that merge on the way back (RFC 2205 §2).

use super::flow::{Bucket, Sink, greedy, steady};
use super::lab::Lab;
use super::speaker::Speaker;
use fairway_rsvp::api::{Call, Event, PathSender, ReserveCall, SenderCall};
use fairway_rsvp::intserv::Flowspec;
use fairway_rsvp::wire::{Sender, Session, Style};
use fairway_sim::fairway_stack::{MulticastRoute, option};
use fairway_wire::Protocol;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// A tree with a branch: one receiver behind a slow link, one behind a fast one.
const TREE: &str = "
    host   sender near far  crowd
    router r1 r2 r3
    link   sender r1  100Mbit/s 100us
    link   crowd r1   100us
    link   r1 r2      10Mbit/s 2ms
    link   r2 near    10Mbit/s 1ms
    link   r2 r3      10Mbit/s 3ms
    link   r3 far     10Mbit/s 1ms
";

const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(239, 1, 1, 1));
const PORT: u16 = 5000;
const APP: u64 = 1;

/// Sets the way of the group's data through each router.
fn grow(lab: &Lab) {
    let ways: [(&str, &str, &[&str]); 3] = [
        ("r1", "sender", &["r2"]),
        ("r2", "r1", &["near", "r3"]),
        ("r3", "r2", &["far"]),
    ];
    for (router, from, to) in ways {
        let manage = lab.node(router).net().manage();
        let incoming = lab.interface(router, from).0;
        let outgoing: Vec<u32> = to.iter().map(|to| lab.interface(router, to).0).collect();
        let mut all = vec![incoming];
        all.extend(&outgoing);
        manage.start_multicast(&all).unwrap();
        let route = MulticastRoute {
            source: lab.address("sender"),
            group: GROUP,
            incoming,
            outgoing,
        };
        manage.set_multicast_route(&route).unwrap();
    }
}

fn bucket(rate: u64) -> Bucket {
    Bucket {
        rate,
        size: 9_000,
        peak: None,
        shortest: 1_000,
        longest: 1_000,
    }
}

async fn senders(speaker: &Speaker) -> Vec<PathSender> {
    loop {
        match speaker.event(APP).await {
            Event::Path(senders) if senders.is_empty() => {}
            Event::Path(senders) => return senders,
            other => panic!("{other:?}"),
        }
    }
}

/// Reserves controlled load of that rate for the one sender.
fn reserve(speaker: &Speaker, sender: &PathSender, rate: u64) {
    let call = ReserveCall {
        style: Style::FF,
        filters: vec![sender.template],
        flowspecs: vec![Flowspec::ControlledLoad(bucket(rate).tspec())],
        confirm: false,
        interface: None,
        policy: Vec::new(),
    };
    speaker.call(APP, Call::Reserve(Box::new(call))).unwrap();
}

/// A sink that is a member of the group.
fn member(lab: &Lab, node: &str) -> Sink {
    let sink = lab.sink(node, PORT);
    sink.join(GROUP);
    sink
}

/// RFC 2205 §2.1, §2.2: the Path goes to each receiver once; on each link the larger of what is asked behind it is
/// reserved, and upstream the larger of all. Data of the group is spared the flood on every branch.
#[test]
fn reservations_merge_at_a_branch() {
    let lab = Lab::new(5, TREE);
    lab.greet();
    grow(&lab);
    let start = |name| Speaker::start(&lab, name, |_, _| ());
    let [source, _r1, _r2, _r3, near, far] = ["sender", "r1", "r2", "r3", "near", "far"].map(start);
    let session = Session {
        destination: GROUP,
        protocol: Protocol::UDP,
        e_police: false,
        port: PORT,
    };
    for speaker in [&near, &far, &source] {
        speaker.call(APP, Call::Open(session)).unwrap();
    }
    let wide = bucket(100_000);
    let sender = SenderCall {
        template: Sender::V4(Ipv4Addr::UNSPECIFIED, PORT),
        interface: None,
        tspec: wide.tspec(),
        adspec: None,
        policy: Vec::new(),
        ttl: 63,
    };
    let settle = Duration::from_millis(100);
    lab.network.run(async {
        // Members make themselves known first.
        lab.network.clock().sleep(settle).await;
        source.call(APP, Call::Sender(Box::new(sender))).unwrap();
        for (speaker, latency) in [(&near, 3_100), (&far, 6_100)] {
            let known = senders(speaker).await;
            assert_eq!(known.len(), 1);
            let adspec = known[0].adspec.as_ref().unwrap();
            assert_eq!(adspec.general.values.latency.micros(), latency);
            assert!(!adspec.general.is_broken);
        }
        let template = Sender::V4(lab.node("sender").address(), PORT);
        let known = PathSender {
            template,
            tspec: wide.tspec(),
            adspec: None,
        };
        // A router that forwarded a Path beside its daemon would show as a second message.
        for speaker in [&near, &far] {
            let log = speaker.log();
            let paths = log.iter().filter(|line| line.contains("Path")).count();
            assert_eq!(paths, 1, "{log:#?}");
        }

        reserve(&near, &known, 40_000);
        lab.network.clock().sleep(settle).await;
        assert_eq!(lab.reserved("r2", "near"), [40_000]);
        assert_eq!(lab.reserved("r1", "r2"), [40_000]);
        assert!(lab.reserved("r2", "r3").is_empty());
        reserve(&far, &known, 100_000);
        lab.network.clock().sleep(settle).await;
        assert_eq!(lab.reserved("r2", "near"), [40_000]);
        assert_eq!(lab.reserved("r2", "r3"), [100_000]);
        assert_eq!(lab.reserved("r3", "far"), [100_000]);
        assert_eq!(lab.reserved("r1", "r2"), [100_000]);
        assert_eq!(lab.reserved("sender", "r1"), [100_000]);
        // The smaller one asks for as much.
        reserve(&near, &known, 100_000);
        lab.network.clock().sleep(settle).await;
        assert_eq!(lab.reserved("r2", "near"), [100_000]);

        let span = Duration::from_secs(2);
        lab.send(("crowd", 20), ("far", 9), steady(2_500_000, 1500, span));
        lab.send(("crowd", 21), ("near", 9), steady(2_500_000, 1500, span));
        let plan = greedy(&wide, span);
        let sent = plan.len();
        let sinks = ["near", "far"].map(|name| member(&lab, name));
        lab.send_to_group(("sender", PORT), (GROUP, PORT), plan);
        let end = lab.network.now() + span + Duration::from_secs(2);
        let tasks = sinks.map(|mut sink| {
            lab.node("sender").spawn(async move {
                sink.until(end).await;
                sink.arrived()
            })
        });
        for (task, name) in tasks.into_iter().zip(["near", "far"]) {
            let arrived = task.await.unwrap();
            assert_eq!(arrived.numbers.len(), sent, "{name} lost data");
        }

        // One leaves: what the other asked for stays.
        far.call(APP, Call::Release).unwrap();
        lab.network.clock().sleep(settle).await;
        assert!(lab.reserved("r2", "r3").is_empty() && lab.reserved("r3", "far").is_empty());
        assert_eq!(lab.reserved("r2", "near"), [100_000]);
        assert_eq!(lab.reserved("r1", "r2"), [100_000]);
        source.call(APP, Call::Release).unwrap();
        lab.network.clock().sleep(settle).await;
        for (node, peer) in [("sender", "r1"), ("r1", "r2"), ("r2", "near")] {
            assert!(lab.reserved(node, peer).is_empty(), "{node} to {peer}");
        }
    });
}

impl Lab {
    /// As [`send`](Self::send), to a group.
    fn send_to_group(&self, from: (&str, u16), to: (IpAddr, u16), plan: super::flow::Plan) {
        let socket = self.plan_socket(from);
        socket.set(option::MulticastTtl, 63).unwrap();
        self.send_by(from.0, socket, to.into(), plan);
    }
}
