//! What is installed, read by the tools everybody has.

use std::net::{SocketAddr, UdpSocket};

use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::tc::linux::{LinuxTc, TcState};
use fairway_rsvp::tc::{Bound, RHandle, TcError, TcMode, TcSettings, TrafficControl as _};
use fairway_rsvp::wire::Sender;
use fairway_tests::rsvp::{Machine, possible};
use fairway_tests::{Namespace, built, until};
use fairway_wire::Protocol;
use nix::sys::signal::Signal;
use serde_json::Value;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::lab::{LIMIT, controlled_load, guaranteed, interface, json, session, settings, told};

/// A namespace with an interface `out`.
fn namespace() -> Namespace {
    let namespace = Namespace::new();
    let line = "link add name out type veth peer name far";
    built(namespace.command("ip").args(line.split(' ')));
    for name in ["out", "far"] {
        let line = format!("link set dev {name} up");
        built(namespace.command("ip").args(line.split(' ')));
    }
    namespace
}

/// A class, as `tc` tells of it. Rates are octets per second, as exact as it prints them.
#[derive(Debug)]
struct Class {
    name: String,
    priority: Option<u32>,
    rate: u64,
    ceil: u64,
}

fn classes() -> Vec<Class> {
    let text = told("tc class show dev out");
    let class = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let behind = |key| {
            words
                .iter()
                .skip_while(|word| **word != key)
                .nth(1)
                .copied()
        };
        let rate = |key| {
            let text = behind(key).unwrap();
            let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
            let bits = match &text[digits.len()..] {
                "bit" => 1,
                "Kbit" => 1000,
                "Mbit" => 1_000_000,
                "Gbit" => 1_000_000_000,
                unit => panic!("{unit}: {line}"),
            };
            digits.parse::<u64>().unwrap() * bits / 8
        };
        Class {
            name: words[2].into(),
            priority: behind("prio").and_then(|prio| prio.parse().ok()),
            rate: rate("rate"),
            ceil: rate("ceil"),
        }
    };
    text.lines().map(class).collect()
}

fn class(name: &str) -> Option<Class> {
    classes().into_iter().find(|class| class.name == name)
}

/// The rate of a class, in whole kilobits per second, as `tc` prints it.
fn kilobits(name: &str) -> u64 {
    class(name).unwrap().rate * 8 / 1000
}

/// The elements of a set or map of our table.
pub(super) fn elements(set: &str) -> Vec<Value> {
    let all = json("nft -j list table inet fairway_rsvp");
    let found = all["nftables"].as_array().unwrap().iter().find_map(|item| {
        ["set", "map"]
            .into_iter()
            .map(|kind| &item[kind])
            .find(|item| item["name"] == set)
    });
    let found = found.unwrap_or_else(|| panic!("{set}: {all}"));
    found["elem"].as_array().cloned().unwrap_or_default()
}

pub(super) fn with_link(
    test: &str,
    megabits: f32,
    work: impl FnOnce(&mut LinuxTc, IfIndex) + Send,
) {
    if !possible(test) {
        return;
    }
    let namespace = namespace();
    namespace.enter(|| {
        let mut tc = LinuxTc::new().unwrap();
        let link = interface("out");
        tc.set_interface(&link, &settings(megabits));
        let status = tc.status();
        assert_eq!(status.interfaces[0].state, TcState::Installed, "{status:?}");
        work(&mut tc, link.index);
        drop(tc);
        // RSVP-5: nothing is left.
        assert!(!told("tc qdisc show dev out").contains("htb"));
        assert!(!told("nft list tables").contains("fairway"));
    });
}

/// RFC 2205 §3.11.2: a reservation is made, changed and removed; `rsvp.md` §6.5: controlled load has more than r.
#[test]
fn reservations_come_change_and_go() {
    with_link("reservations_come_change_and_go", 20.0, |tc, link| {
        let session = session("10.0.0.2", 5004);
        let sender = Some(Sender::V4([10, 0, 0, 1].into(), 6000));
        let request = controlled_load(625_000.0, 20_000.0);
        let granted = tc
            .install(link, None, &request, &session, &[sender])
            .unwrap();
        let made = class("5250:10").unwrap();
        // 625 000 B/s · 514/500 · 9/8 = 5 782.5 kbit/s.
        assert_eq!(made.rate * 8 / 1000, 5782, "{made:?}");
        assert_eq!(made.ceil, 2_500_000);
        assert_eq!(made.priority, Some(1));
        let flows = elements("v4_flows");
        assert_eq!(flows.len(), 1, "{flows:?}");
        let text = told("nft list map inet fairway_rsvp v4_flows");
        assert!(
            text.contains("\"out\" . 10.0.0.2 . 10.0.0.1 . udp . 0x"),
            "{text}"
        );
        assert!(text.contains(": 5250:10"), "{text}");
        let bucket = told("nft list set inet fairway_rsvp buckets");
        assert!(
            bucket.contains("limit rate 625000 bytes/second"),
            "{bucket}"
        );

        let larger = controlled_load(1_250_000.0, 20_000.0);
        let any = [None];
        let changed = tc
            .install(link, Some(granted.handle), &larger, &session, &any)
            .unwrap();
        assert_eq!(changed.handle, granted.handle);
        assert_eq!(kilobits("5250:10"), 11_565);
        assert!(elements("v4_flows").is_empty());
        assert_eq!(elements("v4_ports").len(), 1);
        let bucket = told("nft list set inet fairway_rsvp buckets");
        assert!(
            bucket.contains("limit rate 1250000 bytes/second"),
            "{bucket}"
        );

        // What is refused leaves all as it was.
        let huge = controlled_load(2_000_000.0, 20_000.0);
        let refused = tc.install(link, Some(granted.handle), &huge, &session, &[sender]);
        assert_eq!(refused, Err(TcError::Bandwidth));
        assert_eq!(kilobits("5250:10"), 11_565);
        assert_eq!(elements("v4_ports").len(), 1);

        tc.remove(link, granted.handle);
        assert!(class("5250:10").is_none());
        assert!(elements("v4_ports").is_empty() && elements("buckets").is_empty());
        // One that is not there is no error.
        tc.remove(link, granted.handle);
    });
}

/// RFC 2205 §1.3, §3.2: filters of both families, without ports, for any sender, by flow label.
#[test]
fn each_form_of_filter_is_installed() {
    with_link("each_form_of_filter_is_installed", 20.0, |tc, link| {
        let address = "2001:db8::1".parse().unwrap();
        let v4 = |port| Some(Sender::V4([10, 0, 0, 1].into(), port));
        let v6 = |port| Some(Sender::V6(address, port));
        let label = Some(Sender::V6FlowLabel(address, 0xa_bcde));
        let mut handles = Vec::new();
        for (map, destination, port, sender) in [
            ("v4_flows", "10.0.0.2", 1, v4(6000)),
            ("v4_senders_to_port", "10.0.0.2", 2, v4(0)),
            ("v4_ports", "10.0.0.2", 3, None),
            ("v4_senders", "10.0.0.3", 0, v4(0)),
            ("v4_destinations", "10.0.0.4", 0, None),
            ("v6_flows", "2001:db8::2", 1, v6(6000)),
            ("v6_senders_to_port", "2001:db8::2", 2, v6(0)),
            ("v6_ports", "2001:db8::2", 3, None),
            ("v6_labels_to_port", "2001:db8::2", 4, label),
            ("v6_senders", "2001:db8::3", 0, v6(0)),
            ("v6_labels", "2001:db8::4", 0, label),
            ("v6_destinations", "2001:db8::5", 0, None),
        ] {
            let request = controlled_load(10_000.0, 5000.0);
            let session = session(destination, port);
            let granted = tc.install(link, None, &request, &session, &[sender]);
            handles.push(granted.unwrap().handle);
            assert_eq!(elements(map).len(), 1, "{map}");
        }
        let text = told("nft list map inet fairway_rsvp v6_senders");
        assert!(text.contains("2001:db8::3 . 2001:db8::1 . udp"), "{text}");
        for handle in handles {
            tc.remove(link, handle);
        }
        assert!(elements("v6_labels").is_empty() && elements("buckets").is_empty());
    });
}

/// Style SE (RFC 2205 §1.3): a reservation for several senders; the filters of two reservations meet, and part.
#[test]
fn filters_are_shared_and_given_back() {
    with_link("filters_are_shared_and_given_back", 20.0, |tc, link| {
        let session = session("10.0.0.2", 5004);
        let senders: Vec<_> = (1..=4)
            .map(|last| Some(Sender::V4([10, 0, 0, last].into(), 6000)))
            .collect();
        let request = controlled_load(10_000.0, 5000.0);
        let install = |tc: &mut LinuxTc, handle, filters: &[Option<Sender>]| {
            tc.install(link, handle, &request, &session, filters)
                .unwrap()
                .handle
        };
        let shared = install(tc, None, &senders[..3]);
        assert_eq!(elements("v4_flows").len(), 3);
        let other = install(tc, None, &senders[2..]);
        assert_eq!(elements("v4_flows").len(), 4);
        let list = || told("nft list map inet fairway_rsvp v4_flows");
        assert!(list().matches("5250:11").count() == 2, "{}", list());
        tc.remove(link, other);
        assert!(list().matches("5250:10").count() == 3, "{}", list());
        install(tc, Some(shared), &senders[1..2]);
        assert_eq!(elements("v4_flows").len(), 1);
    });
}

/// RSVP-13: many reservations on one interface.
#[test]
fn a_thousand_reservations_are_installed_and_removed() {
    let test = "a_thousand_reservations_are_installed_and_removed";
    with_link(test, 1000.0, |tc, link| {
        let handles: Vec<RHandle> = (0..1000u16)
            .map(|n| {
                let session = session("10.0.0.2", 5000 + n);
                let sender = Some(Sender::V4([10, 0, 0, 1].into(), 6000));
                let request = guaranteed(50_000.0, 5000.0);
                tc.install(link, None, &request, &session, &[sender])
                    .unwrap()
                    .handle
            })
            .collect();
        assert_eq!(classes().len(), 1004);
        assert_eq!(elements("v4_flows").len(), 1000);
        let status = tc.status();
        assert_eq!(status.interfaces[0].reservations.len(), 1000);
        assert!(class("5250:438").is_some_and(|class| class.priority == Some(0)));
        for handle in handles {
            tc.remove(link, handle);
        }
        assert_eq!(classes().len(), 4);
        assert!(elements("v4_flows").is_empty());
    });
}

/// What cannot be reserved is for best effort and for RSVP itself; nothing exceeds the link in sum (HTB would not hold
/// that back).
#[test]
fn the_rest_of_the_link_is_guaranteed_to_best_effort() {
    let test = "the_rest_of_the_link_is_guaranteed_to_best_effort";
    with_link(test, 20.0, |tc, link| {
        let rate = |name| class(name).unwrap().rate;
        assert_eq!(rate("5250:1"), 2_500_000);
        let (best_effort, control) = (rate("5250:2"), rate("5250:3"));
        assert!(best_effort >= 350_000 && control == 25_000);
        let control = control + rate("5250:4");
        let request = controlled_load(1_800_000.0, 5000.0);
        tc.install(link, None, &request, &session("10.0.0.2", 1), &[None])
            .unwrap();
        assert!(rate("5250:10") + best_effort + control <= 2_500_001);
        let element = tc.advertise(link);
        assert!(element.guaranteed.is_some() && element.controlled_load.is_some());
        assert_eq!(element.general.mtu, 1500);
    });
}

/// The settings change while there are reservations: they stay, and are installed as the link now is.
#[test]
fn reservations_outlive_a_change_of_settings() {
    with_link(
        "reservations_outlive_a_change_of_settings",
        20.0,
        |tc, link| {
            let request = controlled_load(100_000.0, 5000.0);
            let session = session("10.0.0.2", 5004);
            let granted = tc.install(link, None, &request, &session, &[None]).unwrap();
            tc.set_interface(&interface("out"), &settings(100.0));
            assert_eq!(class("5250:1").unwrap().rate, 12_500_000);
            assert!(class("5250:10").is_some());
            assert_eq!(elements("v4_ports").len(), 1);
            // Somebody removed the scheduler: telling of the interface again brings it back.
            told("tc qdisc del dev out root");
            tc.set_interface(&interface("out"), &settings(100.0));
            assert!(class("5250:10").is_some());
            tc.interface_gone(link);
            assert!(elements("v4_ports").is_empty());
            assert!(!told("tc qdisc show dev out").contains("htb"));
            // Its name is from before; it comes back with the interface.
            tc.set_interface(&interface("out"), &settings(100.0));
            tc.install(link, Some(granted.handle), &request, &session, &[None])
                .unwrap();
            assert!(class("5250:10").is_some());
        },
    );
}

/// Packets that have gone out by each class: of control, of network control, of the first reservation.
fn sent(tc: &mut LinuxTc) -> [u64; 3] {
    let status = tc.status();
    let link = &status.interfaces[0];
    let reserved = link.reservations.first();
    [
        link.control.packets,
        link.network_control.packets,
        reserved.map_or(0, |one| one.counters.packets),
    ]
}

/// Waits until so many packets more have gone out by those classes. None are under way then.
fn await_sent(tc: &mut LinuxTc, before: [u64; 3], more: [u64; 3]) {
    let wanted = [0, 1, 2].map(|class| before[class] + more[class]);
    until(&format!("{wanted:?} packets"), LIMIT, || {
        let sent = sent(tc);
        assert!(
            sent.iter().zip(wanted).all(|(sent, most)| *sent <= most),
            "{sent:?}"
        );
        (sent == wanted).then_some(())
    });
}

/// A neighbour at the other end of the link, who need not be looked for. IPv6 would send by itself.
fn with_neighbour() {
    for line in [
        "sysctl -qw net.ipv6.conf.out.disable_ipv6=1",
        "ip address add 10.0.0.1/24 dev out",
        "ip neighbour add 10.0.0.2 lladdr 02:00:00:00:00:02 dev out nud permanent",
    ] {
        told(line);
    }
}

/// Sends a packet of a protocol that has no ports, or, if it is UDP, to that port.
fn send(protocol: i32, port: u16, traffic_class: u32) {
    let to = SocketAddr::from(([10, 0, 0, 2], port));
    if protocol == 17 {
        let socket = UdpSocket::bind(("10.0.0.1", 0)).unwrap();
        SockRef::from(&socket).set_tos_v4(traffic_class).unwrap();
        socket.send_to(b"data", to).unwrap();
    } else {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(protocol.into())).unwrap();
        socket.set_tos_v4(traffic_class).unwrap();
        socket.send_to(b"data", &SockAddr::from(to)).unwrap();
    }
}

/// RSVP-13, `rsvp.md` §11: what anybody can send, however it is marked, does not wait in one queue with RSVP.
#[test]
fn nobody_shares_the_class_of_rsvp() {
    with_link("nobody_shares_the_class_of_rsvp", 20.0, |tc, _| {
        with_neighbour();
        // CS6, CS7, and what is not quite.
        for (traffic_class, network_control) in [(0xc0, 1), (0xe0, 1), (0xb8, 0), (0xc8, 0)] {
            let before = sent(tc);
            send(17, 9, traffic_class);
            await_sent(tc, before, [0, network_control, 0]);
        }
        // RSVP, in UDP too; OSPF.
        for (protocol, port, classes) in [
            (46, 0, [1, 0, 0]),
            (17, 1698, [1, 0, 0]),
            (17, 1699, [1, 0, 0]),
            (17, 1700, [0, 0, 0]),
            (89, 0, [0, 1, 0]),
        ] {
            let before = sent(tc);
            send(protocol, port, 0);
            await_sent(tc, before, classes);
        }
        // Anybody can send to such a port.
        let before = sent(tc);
        let flood = "echo data > /dev/udp/10.0.0.2/1698";
        let mut command = std::process::Command::new("setpriv");
        command.args(["--reuid=65534", "--clear-groups", "bash", "-c", flood]);
        built(&mut command);
        await_sent(tc, before, [0, 0, 0]);
    });
}

/// A packet keeps the name of its class when the interface below sends it: that one must have no such class.
#[test]
fn what_is_reserved_on_an_interface_is_no_others_below_it() {
    let test = "what_is_reserved_on_an_interface_is_no_others_below_it";
    with_link(test, 20.0, |tc, link| {
        with_neighbour();
        told("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
        let made = "ip link add link out name upper type macvlan mode bridge";
        let mut command = std::process::Command::new("sh");
        if !command.args(["-c", made]).status().unwrap().success() {
            eprintln!("{test}: skipped, this system has no macvlan");
            return;
        }
        for line in [
            "link set dev upper up",
            "address add 10.1.0.1/24 dev upper",
            "neighbour add 10.1.0.2 lladdr 02:00:00:00:00:02 dev upper nud permanent",
        ] {
            told(&format!("ip {line}"));
        }
        let upper = interface("upper");
        tc.set_interface(&upper, &settings(20.0));
        let request = controlled_load(10_000.0, 5000.0);
        for (index, to) in [(link, "10.0.0.2"), (upper.index, "10.1.0.2")] {
            let session = session(to, 5004);
            tc.install(index, None, &request, &session, &[None])
                .unwrap();
        }
        let socket = UdpSocket::bind("10.1.0.1:0").unwrap();
        let mut counted = || {
            let status = tc.status();
            let of = |index| status.interfaces.iter().find(|one| one.index == index);
            let [below, above] = [link, upper.index].map(|index| of(index).unwrap().clone());
            [
                above.reservations[0].counters.packets,
                below.best_effort.packets,
                below.reservations[0].counters.packets,
            ]
        };
        let before = counted();
        assert_eq!((before[0], before[2]), (0, 0));
        socket.send_to(b"data", "10.1.0.2:5004").unwrap();
        until("the packet below", LIMIT, || {
            let after = counted();
            let all = after.iter().sum::<u64>() - before.iter().sum::<u64>();
            (all == 2).then(|| assert_eq!(after, [1, before[1] + 1, 0]))
        });
    });
}

/// A socket that is opened after a reload is that of the daemon's user.
#[test]
fn what_the_daemons_user_sends_is_rsvp() {
    if !possible("what_the_daemons_user_sends_is_rsvp") {
        return;
    }
    let namespace = namespace();
    namespace.enter(|| {
        with_neighbour();
        let mut tc = LinuxTc::for_user(65_534).unwrap();
        tc.set_interface(&interface("out"), &settings(20.0));
        for (user, control) in [(65_533, 0), (65_534, 1), (0, 1)] {
            let before = sent(&mut tc);
            let line = "echo data > /dev/udp/10.0.0.2/1698";
            let user = format!("--reuid={user}");
            let mut command = std::process::Command::new("setpriv");
            built(command.args([user.as_str(), "--clear-groups", "bash", "-c", line]));
            await_sent(&mut tc, before, [control, 0, 0]);
        }
    });
}

/// A reservation for RSVP, or for the protocol of neighbour discovery or of routers, takes none of their messages.
#[test]
fn no_reservation_takes_what_is_control() {
    with_link("no_reservation_takes_what_is_control", 20.0, |tc, link| {
        with_neighbour();
        for (protocol, classes) in [(46, [1, 0, 0]), (89, [0, 1, 0]), (253, [0, 0, 1])] {
            let mut session = session("10.0.0.2", 0);
            session.protocol = Protocol(protocol);
            let request = controlled_load(10_000.0, 5000.0);
            let granted = tc.install(link, None, &request, &session, &[None]).unwrap();
            let before = sent(tc);
            send(protocol.into(), 0, 0xc0);
            await_sent(tc, before, classes);
            tc.remove(link, granted.handle);
        }
    });
}

/// The same for neighbour discovery, which is a part of ICMPv6 only.
#[test]
fn no_reservation_takes_neighbour_discovery() {
    with_link(
        "no_reservation_takes_neighbour_discovery",
        20.0,
        |tc, link| {
            for line in [
                "ip address add fd00::1/64 dev out nodad",
                "ip neighbour add fd00::2 lladdr 02:00:00:00:00:02 dev out nud permanent",
            ] {
                told(line);
            }
            let mut session = session("fd00::2", 0);
            session.protocol = Protocol(58);
            let request = controlled_load(10_000.0, 5000.0);
            tc.install(link, None, &request, &session, &[None]).unwrap();
            let socket = Socket::new(Domain::IPV6, Type::RAW, Some(58.into())).unwrap();
            let to: SocketAddr = "[fd00::2]:0".parse().unwrap();
            let mut solicitation = [0; 24];
            solicitation[0] = 135;
            for _ in 0..3 {
                socket.send_to(&solicitation, &SockAddr::from(to)).unwrap();
            }
            // An echo is not, and comes last.
            socket
                .send_to(&[128, 0, 0, 0, 0, 0, 0, 0], &SockAddr::from(to))
                .unwrap();
            until("the echo", LIMIT, || (sent(tc)[2] > 0).then_some(()));
            let [control, _, reserved] = sent(tc);
            assert!(control >= 3 && reserved == 1, "{control} {reserved}");
        },
    );
}

/// What was granted while nothing was counted is admitted when it is, oldest first; the rest is lost.
#[test]
fn what_was_not_counted_is_admitted() {
    with_link("what_was_not_counted_is_admitted", 20.0, |tc, link| {
        let off = TcSettings {
            mode: TcMode::Off,
            ..settings(20.0)
        };
        assert_eq!(tc.set_interface(&interface("out"), &off), []);
        let request = controlled_load(800_000.0, 5000.0);
        let handles: Vec<RHandle> = (1..=4)
            .map(|port| {
                let session = session("10.0.0.2", port);
                let granted = tc.install(link, None, &request, &session, &[None]);
                granted.unwrap().handle
            })
            .collect();
        // 1 875 000 of the link, 822 400 each.
        let lost = tc.set_interface(&interface("out"), &settings(20.0));
        let refused = |at: usize| (handles[at], TcError::Bandwidth);
        assert_eq!(lost, [refused(2), refused(3)]);
        assert!(class("5250:11").is_some() && class("5250:12").is_none());
        assert_eq!(elements("v4_ports").len(), 2);
        let summary = tc.summary(link).unwrap();
        assert_eq!(summary.reservations, 2);
        assert!(summary.reserved <= summary.share, "{summary:?}");
    });
}

/// One whose queue would be too long is lost, and takes no other with it: neither when a link is installed, nor when it
/// changes.
#[test]
fn one_that_cannot_be_installed_takes_no_other_with_it() {
    let test = "one_that_cannot_be_installed_takes_no_other_with_it";
    with_link(test, 20.0, |tc, link| {
        let counted = TcSettings {
            mode: TcMode::AdmissionOnly,
            ..settings(20.0)
        };
        tc.set_interface(&interface("out"), &counted);
        let session = session("10.0.0.2", 5004);
        let install = |tc: &mut LinuxTc, bucket| {
            let request = controlled_load(10_000.0, bucket);
            let granted = tc.install(link, None, &request, &session, &[None]);
            granted.unwrap().handle
        };
        install(tc, 5000.0);
        let long = install(tc, 1e8);
        let lost = tc.set_interface(&interface("out"), &settings(20.0));
        assert_eq!(lost, [(long, TcError::Bandwidth)]);
        // Bandwidth there is.
        let asked = controlled_load(10_000.0, 1e8);
        let shortage = tc.shortage(link, None, &asked).unwrap();
        let Bound::Queue { wanted, most } = shortage.bound else {
            panic!("{shortage:?}");
        };
        assert!(wanted > 100_000_000 && most == 64 << 20, "{shortage:?}");
        assert_eq!(tc.summary(link).unwrap().state, TcState::Installed);
        assert!(class("5250:10").is_some() && class("5250:11").is_none());
        // It just fits while the link has no headers.
        let plain = TcSettings {
            link_header: Some(0),
            ..settings(20.0)
        };
        tc.set_interface(&interface("out"), &plain);
        let long = install(tc, 67_000_000.0);
        let lost = tc.set_interface(&interface("out"), &settings(20.0));
        assert_eq!(lost, [(long, TcError::Bandwidth)]);
        assert_eq!(tc.summary(link).unwrap().state, TcState::Installed);
        assert_eq!((classes().len(), elements("buckets").len()), (5, 1));
    });
}

/// RFC 2211 §6, RFC 2212: a link that becomes slower keeps what is reserved; who operates it is told.
#[test]
fn a_link_that_becomes_too_slow_is_told_of() {
    if !possible("a_link_that_becomes_too_slow_is_told_of") {
        return;
    }
    let mut nodes = [Machine::new(), Machine::new()];
    nodes[0].connect(("one", "10.8.0.1/24"), &nodes[1], ("two", "10.8.0.2/24"));
    let config = |rate| format!("[defaults]\nbandwidth = \"{rate}Mbit/s\"\nrefresh = \"1s\"\n");
    for node in &mut nodes {
        node.start(&config(20));
    }
    let [sender, receiver] = &nodes;
    let send = sender.hold("send 10.8.0.2:5004 --from :5004 --rate 5Mbit/s --min-packet 140B");
    let reserve = receiver.hold("reserve 10.8.0.2:5004");
    reserve.says("confirmed by 10.8.0.1");
    let told = "more is reserved than the link has";
    assert!(!nodes[0].log().contains(told));
    nodes[0].configure(&config(4));
    nodes[0].daemon().signal(Signal::SIGHUP);
    until("a warning", LIMIT, || {
        let log = nodes[0].log();
        let line = log.lines().find(|line| line.contains(told))?;
        for word in [" WARN ", "name=\"one\"", "5.5Mbit/s", "3Mbit/s"] {
            assert!(line.contains(word), "{line}");
        }
        Some(())
    });
    assert_eq!(nodes[0].classes("one"), 1);
    drop((send, reserve));
}
