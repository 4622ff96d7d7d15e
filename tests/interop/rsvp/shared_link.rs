//! A router's link that too much is sent to: who keeps what was reserved, and who does not.
//!
//! ```text
//!   sender ══ reserved, at the rate of its shaper ══╗
//!          ══ flood, twice the link ════════════════╬══ router ── 20 Mbit/s ── receiver
//!          ══ second reserved flow ═════════════════╝
//! ```
//!
//! Senders send as fast as their shapers let them, so nothing here depends on time: only what arrives is looked at.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::tc::linux::{InterfaceStatus, LinuxTc};
use fairway_rsvp::tc::{Excess, TcSettings, TrafficControl as _};
use fairway_tests::rsvp::{possible, receive_late};
use fairway_tests::{Namespace, built, quiet, uninterrupted};

use super::lab::{controlled_load, guaranteed, interface, session, settings};

/// Octets of UDP in a packet: 1000 with the headers of IPv4 and UDP.
const PAYLOAD: usize = 972;
/// The link, in Mbit/s.
const LINK: f32 = 20.0;
/// A packet that says that there are no more.
const END: u32 = u32::MAX;

/// Addresses of the ways from sender to router, and of the receiver.
#[derive(Clone, Copy)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn sender(self, way: u8) -> IpAddr {
        match self {
            Self::V4 => [10, 1, way, 1].into(),
            Self::V6 => [0x2001, 0xdb8, 1, way.into(), 0, 0, 0, 1].into(),
        }
    }

    fn router(self, way: u8) -> IpAddr {
        match self {
            Self::V4 => [10, 1, way, 2].into(),
            Self::V6 => [0x2001, 0xdb8, 1, way.into(), 0, 0, 0, 2].into(),
        }
    }

    fn receiver(self) -> IpAddr {
        match self {
            Self::V4 => [10, 2, 0, 2].into(),
            Self::V6 => [0x2001, 0xdb8, 2, 0, 0, 0, 0, 2].into(),
        }
    }

    const fn length(self) -> u8 {
        match self {
            Self::V4 => 24,
            Self::V6 => 64,
        }
    }
}

/// A flow: the way it takes to the router, its rate there, how many packets, its destination port.
struct Source {
    way: u8,
    megabits: u32,
    packets: u32,
    port: u16,
}

impl Source {
    /// The port it sends from.
    const fn own_port(&self) -> u16 {
        self.port + 1000
    }
}

/// A flow that takes a quarter of the link.
const QUARTER: Source = Source {
    way: 1,
    megabits: 5,
    packets: 1500,
    port: 5004,
};

struct Lab {
    /// Names a run, so that what is left of one is not taken for the next's.
    runs: AtomicU32,
    family: Family,
    sender: Namespace,
    router: Namespace,
    receiver: Namespace,
}

impl Lab {
    fn new(family: Family, sources: &[Source], flood: u32) -> Self {
        let lab = Self {
            runs: AtomicU32::new(0),
            family,
            sender: Namespace::new(),
            router: Namespace::new(),
            receiver: Namespace::new(),
        };
        let ip = |namespace: &Namespace, line: &str| {
            built(namespace.command("ip").args(line.split_whitespace()));
        };
        let with = |address: IpAddr| format!("{address}/{}", family.length());
        let router = match family {
            Family::V4 => [10, 2, 0, 1].into(),
            Family::V6 => [0x2001, 0xdb8, 2, 0, 0, 0, 0, 1].into(),
        };
        for forwarding in ["net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"] {
            built(lab.router.command("sysctl").args(["-qw", forwarding]));
        }
        for namespace in [&lab.sender, &lab.router, &lab.receiver] {
            let no_wait = "net.ipv6.conf.default.accept_dad=0";
            built(namespace.command("sysctl").args(["-qw", no_wait]));
        }
        lab.router.connect(
            ("out", &with(router)),
            &lab.receiver,
            ("in", &with(family.receiver())),
        );
        ip(
            &lab.receiver,
            &format!("route add default via {router} dev in"),
        );
        let ways = sources.iter().map(|source| (source.way, source.megabits));
        for (way, megabits) in ways.chain((flood > 0).then_some((0, flood))) {
            let (here, there) = (format!("way{way}"), format!("from{way}"));
            let (own, next) = (family.sender(way), family.router(way));
            lab.sender
                .connect((&here, &with(own)), &lab.router, (&there, &with(next)));
            // The route depends on the source, and a source on the way.
            let v = if own.is_ipv4() { "-4" } else { "-6" };
            let table = 100 + u32::from(way);
            ip(
                &lab.sender,
                &format!("{v} rule add from {own} table {table}"),
            );
            ip(
                &lab.sender,
                &format!("{v} route add default via {next} dev {here} table {table}"),
            );
            let shaper = format!(
                "qdisc add dev {here} root tbf rate {megabits}mbit burst 4000 limit 4000000"
            );
            built(lab.sender.command("tc").args(shaper.split(' ')));
        }
        lab
    }

    /// Sends all, and a flood until they are through, with no compiler beside them. How many packets of each source arrived.
    fn run(&self, sources: &[Source], flood: bool) -> Vec<u32> {
        let (family, over) = (self.family, AtomicBool::new(false));
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let packet = |number: u32| {
            let mut packet = [0; PAYLOAD];
            packet[..4].copy_from_slice(&run.to_be_bytes());
            packet[4..8].copy_from_slice(&number.to_be_bytes());
            packet
        };
        let target = |port| SocketAddr::new(family.receiver(), port);
        let _quiet = quiet();
        let open = |way, port| UdpSocket::bind(SocketAddr::new(family.sender(way), port)).unwrap();
        std::thread::scope(|scope| {
            let over = &over;
            let receivers: Vec<_> = sources
                .iter()
                .map(|source| {
                    let socket = self.receiver.enter(|| UdpSocket::bind(target(source.port)));
                    let socket = socket.unwrap();
                    receive_late(&socket);
                    let (packets, port) = (source.packets, source.port);
                    scope.spawn(move || arrived(&socket, run, packets, port))
                })
                .collect();
            if flood {
                let socket = self.sender.enter(|| open(0, 9));
                scope.spawn(move || {
                    while !over.load(Ordering::Relaxed) {
                        socket.send_to(&[0; PAYLOAD], target(9)).unwrap();
                    }
                });
            }
            let senders: Vec<_> = sources
                .iter()
                .map(|source| {
                    let socket = self.sender.enter(|| open(source.way, source.own_port()));
                    let (packets, port) = (source.packets, source.port);
                    scope.spawn(move || {
                        for number in 0..packets {
                            socket.send_to(&packet(number), target(port)).unwrap();
                        }
                        socket
                    })
                })
                .collect();
            let sockets: Vec<_> = senders.into_iter().map(|s| s.join().unwrap()).collect();
            over.store(true, Ordering::Relaxed);
            // What was queued goes first; what says the end may be lost, and is said until it is heard.
            let mut pending: Vec<_> = receivers.into_iter().map(Some).collect();
            fairway_tests::until("the ends to arrive", super::lab::LIMIT, || {
                for (socket, source) in sockets.iter().zip(sources) {
                    socket.send_to(&packet(END), target(source.port)).unwrap();
                }
                let all = pending.iter().flatten().all(|r| r.is_finished());
                all.then_some(())
            });
            pending
                .iter_mut()
                .map(|receiver| receiver.take().unwrap().join().unwrap())
                .collect()
        })
    }
}

/// Counts the different packets of a run until one says that there are no more.
fn arrived(socket: &UdpSocket, run: u32, packets: u32, port: u16) -> u32 {
    socket
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let mut seen = vec![false; usize::try_from(packets).unwrap()];
    let mut packet = [0; 2000];
    loop {
        let n = uninterrupted(|| socket.recv(&mut packet))
            .unwrap_or_else(|error| panic!("port {port}: {error}"));
        assert_eq!(n, PAYLOAD);
        let [from, number] =
            [0, 4].map(|at| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap()));
        if from != run {
            continue;
        }
        if number == END {
            let count = seen.iter().filter(|seen| **seen).count();
            return u32::try_from(count).unwrap();
        }
        seen[usize::try_from(number).unwrap()] = true;
    }
}

/// The lab, and traffic control at the router's link, with the link.
fn scene(family: Family, sources: &[Source], flood: u32) -> (Lab, (LinuxTc, IfIndex)) {
    let lab = Lab::new(family, sources, flood);
    let tc = lab.router.enter(|| {
        let mut tc = LinuxTc::new().unwrap();
        let link = interface("out");
        tc.set_interface(&link, &settings(LINK));
        (tc, link.index)
    });
    (lab, tc)
}

/// Reserves for a source; r in octets of IP per second.
fn reserve(lab: &Lab, (tc, link): &mut (LinuxTc, IfIndex), source: &Source, rate: f32) {
    let sender = SocketAddr::new(lab.family.sender(source.way), source.own_port()).into();
    let destination = lab.family.receiver().to_string();
    let session = session(&destination, source.port);
    let request = controlled_load(rate, 20_000.0);
    tc.install(*link, None, &request, &session, &[Some(sender)])
        .unwrap();
}

fn status((tc, _): &mut (LinuxTc, IfIndex)) -> InterfaceStatus {
    let mut interfaces = tc.status().interfaces;
    interfaces.remove(0)
}

fn loss(source: &Source, arrived: u32) -> f64 {
    1.0 - f64::from(arrived) / f64::from(source.packets)
}

/// RSVP-9: a reserved flow loses nothing under a flood of twice the link, where without it loses a tenth and more.
fn isolation(test: &str, family: Family) {
    if !possible(test) {
        return;
    }
    let sources = [QUARTER];
    let (lab, mut tc) = scene(family, &sources, 40);
    let without = loss(&sources[0], lab.run(&sources, true)[0]);
    assert!(without >= 0.1, "without a reservation, {without} was lost");
    // 5 Mbit/s are 625 000 B/s with link headers; what is reserved is IP.
    reserve(&lab, &mut tc, &sources[0], 625_000.0);
    let arrived = lab.run(&sources, true)[0];
    let status = status(&mut tc);
    assert_eq!(arrived, sources[0].packets, "{status:?}");
    let counted = status.reservations[0].counters;
    assert!(counted.packets >= 1500 && counted.drops == 0, "{counted:?}");
    assert_eq!(counted.excess_packets, 0, "{counted:?}");
    assert!(status.best_effort.drops > 0, "{status:?}");
}

#[test]
fn a_reserved_flow_loses_nothing_under_a_flood() {
    isolation("a_reserved_flow_loses_nothing_under_a_flood", Family::V4);
}

#[test]
fn a_reserved_flow_of_ipv6_loses_nothing_under_a_flood() {
    isolation(
        "a_reserved_flow_of_ipv6_loses_nothing_under_a_flood",
        Family::V6,
    );
}

/// RSVP-11: of who sends more than is reserved, what is reserved arrives, the rest is best effort, and another
/// reservation loses nothing.
#[test]
fn who_sends_too_much_harms_nobody_else() {
    if !possible("who_sends_too_much_harms_nobody_else") {
        return;
    }
    let sources = [
        Source {
            way: 1,
            megabits: 8,
            packets: 4000,
            port: 5004,
        },
        Source {
            way: 2,
            megabits: 4,
            packets: 2000,
            port: 5006,
        },
    ];
    let (lab, mut tc) = scene(Family::V4, &sources, 40);
    reserve(&lab, &mut tc, &sources[0], 250_000.0);
    reserve(&lab, &mut tc, &sources[1], 500_000.0);
    let arrived = lab.run(&sources, true);
    let status = status(&mut tc);
    assert_eq!(arrived[1], sources[1].packets, "{status:?}");
    let [over, within] = [0, 1].map(|n| status.reservations[n].counters);
    assert_eq!(within.excess_packets, 0, "{within:?}");
    // 8 Mbit/s for four seconds, of which 2 Mbit/s are reserved, and the bucket begins with a second's more.
    assert!(over.excess_packets > 1000, "{over:?}");
    assert_eq!(over.drops, 0, "{over:?}");
    let passed = f64::from(arrived[0]);
    assert!(passed >= 0.25 * 4000.0, "{passed} {status:?}");
    // What is beyond shares the lot of best effort: more than half of that is lost here.
    assert!(loss(&sources[0], arrived[0]) > 0.25, "{passed} {status:?}");
}

/// A bound on excess that is to be dropped holds even where the link is free; best effort is what a free link gives.
#[test]
fn excess_has_a_free_link_unless_it_is_to_be_dropped() {
    if !possible("excess_has_a_free_link_unless_it_is_to_be_dropped") {
        return;
    }
    let sources = [Source {
        way: 1,
        megabits: 8,
        packets: 3000,
        port: 5004,
    }];
    let (lab, mut tc) = scene(Family::V4, &sources, 0);
    reserve(&lab, &mut tc, &sources[0], 250_000.0);
    let free = lab.run(&sources, false)[0];
    assert_eq!(free, sources[0].packets, "{:?}", status(&mut tc));
    let drop = TcSettings {
        excess: Excess::Drop,
        ..settings(LINK)
    };
    let link = lab.router.enter(|| interface("out"));
    lab.router.enter(|| tc.0.set_interface(&link, &drop));
    let held = loss(&sources[0], lab.run(&sources, false)[0]);
    assert!(held > 0.5, "{held} was lost");
}

/// RFC 2212 "Policing": where flows merge, what leaves is reshaped to R, and nothing that conforms is lost.
#[test]
fn guaranteed_service_loses_nothing_when_it_is_reshaped() {
    if !possible("guaranteed_service_loses_nothing_when_it_is_reshaped") {
        return;
    }
    let sources = [QUARTER];
    let (lab, mut tc) = scene(Family::V4, &sources, 40);
    let session = session("10.2.0.2", 5004);
    let mut request = guaranteed(625_000.0, 20_000.0);
    request.policing.merge = true;
    let (tc_, link) = (&mut tc.0, tc.1);
    tc_.install(link, None, &request, &session, &[None])
        .unwrap();
    let arrived = lab.run(&sources, true)[0];
    assert_eq!(arrived, sources[0].packets, "{:?}", status(&mut tc));
}
