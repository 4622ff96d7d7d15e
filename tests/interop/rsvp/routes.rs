//! Routes, interfaces and their changes, made by `ip` and asked of the kernel.

use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::process::{Command, Stdio};

use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::routing::{Change, LinuxRouting, LinuxWatch, Route, Routing as _, Tree};
use fairway_stack::Net;
use fairway_tests::rsvp::{Machine, possible};
use fairway_tests::{Child, Namespace, have, scratch, until};

use super::lab::{LIMIT, interface, told};

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// Runs `work` in a namespace with interfaces `a` and `b`, and routes by `a`.
fn with_routes(test: &str, work: impl FnOnce(IfIndex, IfIndex) + Send) {
    if !possible(test) {
        return;
    }
    let namespace = Namespace::new();
    namespace.enter(|| {
        told("sysctl -qw net.ipv6.conf.default.accept_dad=0");
        for name in ["a", "b"] {
            told(&format!(
                "ip link add name {name} type veth peer name {name}-far"
            ));
            told(&format!("ip link set dev {name}-far up"));
            told(&format!("ip link set dev {name} up"));
        }
        for line in [
            "address add 10.1.0.1/24 dev a",
            "address add 10.2.0.1/24 dev b",
            "address add 2001:db8:1::1/64 dev a",
            "route add 10.9.0.0/16 via 10.1.0.2",
            "route add 10.8.0.0/16 via inet6 2001:db8:1::8 dev a",
            "route add unreachable 10.7.0.0/16",
            "route add 2001:db8:9::/48 via 2001:db8:1::2",
            "route add 239.0.0.0/8 dev a",
        ] {
            told(&format!("ip {line}"));
        }
        work(interface("a").index, interface("b").index);
    });
}

/// RFC 2205 §3.11.3: the interface that data leaves by.
#[test]
fn unicast_routes_are_those_of_the_kernel() {
    with_routes("unicast_routes_are_those_of_the_kernel", |a, b| {
        let mut routing = LinuxRouting::new(true).unwrap();
        let mut to = |destination| routing.unicast(address(destination), None);
        let by = |interface, gateway: Option<&str>| {
            Some(Route {
                interface,
                gateway: gateway.map(address),
            })
        };
        assert_eq!(to("10.9.1.1"), by(a, Some("10.1.0.2")));
        assert_eq!(to("10.8.1.1"), by(a, Some("2001:db8:1::8")));
        assert_eq!(to("10.1.0.7"), by(a, None));
        assert_eq!(to("10.2.0.7"), by(b, None));
        assert_eq!(to("10.1.0.1"), by(IfIndex::LOCAL, None));
        assert_eq!(to("10.7.0.1"), None);
        assert_eq!(to("192.0.2.1"), None);
        assert_eq!(to("2001:db8:9::1"), by(a, Some("2001:db8:1::2")));
        assert_eq!(to("2001:db8:1::7"), by(a, None));
        assert_eq!(to("2001:db8:1::1"), by(IfIndex::LOCAL, None));
        // Senders elsewhere: the kernel knows no source that is not its own.
        let from = |source| Some(address(source));
        let answer = routing.unicast(address("10.9.1.1"), from("192.0.2.1"));
        assert_eq!(answer, by(a, Some("10.1.0.2")));
        let answer = routing.unicast(address("2001:db8:9::1"), from("2001:db8:77::1"));
        assert_eq!(answer, by(a, Some("2001:db8:1::2")));
        // Rules by source count for our own.
        told("ip rule add from 10.2.0.1 table 7");
        told("ip route add default via 10.2.0.9 dev b table 7");
        let answer = routing.unicast(address("10.9.1.1"), from("10.2.0.1"));
        assert_eq!(answer, by(b, Some("10.2.0.9")));
    });
}

/// A host: what it sends leaves by the route to the group; what it has joined comes in.
#[test]
fn a_host_has_trees_for_what_it_sends_and_joins() {
    with_routes("a_host_has_trees_for_what_it_sends_and_joins", |a, _| {
        let mut routing = LinuxRouting::new(true).unwrap();
        let group = address("239.1.2.3");
        let sends = routing.multicast(address("10.1.0.1"), group);
        assert_eq!(
            sends,
            Some(Tree {
                incoming: Some(IfIndex::LOCAL),
                outgoing: vec![a]
            })
        );
        let far = address("10.9.0.5");
        assert_eq!(routing.multicast(far, group), None);
        let receives = Some(Tree {
            incoming: Some(a),
            outgoing: Vec::new(),
        });
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        let own: Ipv4Addr = [10, 1, 0, 1].into();
        socket
            .join_multicast_v4(&[239, 1, 2, 3].into(), &own)
            .unwrap();
        assert_eq!(routing.multicast(far, group), receives);
        let socket = UdpSocket::bind("[::]:0").unwrap();
        let group = "ff0e::1234".parse().unwrap();
        socket.join_multicast_v6(&group, a.0).unwrap();
        let answer = routing.multicast(address("2001:db8:9::5"), group.into());
        assert_eq!(answer, receives);
    });
}

/// A multicast router: its forwarding cache says what comes in where, and leaves.
#[test]
fn a_multicast_router_has_the_trees_of_its_forwarding_cache() {
    let test = "a_multicast_router_has_the_trees_of_its_forwarding_cache";
    if !have(test, &["smcrouted"]) {
        return;
    }
    with_routes(test, |a, b| {
        let file = scratch(test).join("smcroute.conf");
        let config = "phyint a enable\nphyint b enable\n\
                      mroute from a source 10.9.0.5 group 239.1.2.3 to b\n";
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("smcrouted");
        command
            .args(["-n", "-N", "-f"])
            .arg(&file)
            .args([
                "-u",
                "/run/fairway-smcroute.sock",
                "-P",
                "/run/fairway-smcroute.pid",
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let daemon = Child::spawn(&mut command);
        let mut routing = LinuxRouting::new(true).unwrap();
        let (source, group) = (address("10.9.0.5"), address("239.1.2.3"));
        let tree = until("the forwarding cache", LIMIT, || {
            routing.multicast(source, group)
        });
        assert_eq!(
            tree,
            Tree {
                incoming: Some(a),
                outgoing: vec![b]
            }
        );
        assert_eq!(routing.multicast(source, address("239.1.2.4")), None);
        drop(daemon);
    });
}

/// RFC 2205 §3.6, §3.11.3: changes are told.
#[test]
fn changes_of_links_addresses_and_routes_are_told() {
    with_routes("changes_of_links_addresses_and_routes_are_told", |a, b| {
        let mut watch = LinuxWatch::new().unwrap();
        assert_eq!(watch.try_next().unwrap(), None);
        let mut told_of = |wanted| {
            until("a change", LIMIT, || {
                let change = watch.try_next().unwrap()?;
                (change == wanted).then_some(())
            });
        };
        told("ip route add 10.20.0.0/16 via 10.1.0.9");
        told_of(Change::Routes {
            prefix: address("10.20.0.0"),
            length: 16,
        });
        told("ip route del 2001:db8:9::/48");
        told_of(Change::Routes {
            prefix: address("2001:db8:9::"),
            length: 48,
        });
        told("ip address add 10.1.0.77/24 dev a");
        told_of(Change::Interface(a));
        told("ip rule add from 10.2.0.1 table 7");
        told_of(Change::Routes {
            prefix: address("0.0.0.0"),
            length: 0,
        });
        let link = |name| {
            let all = Net::system().interfaces().unwrap();
            all.into_iter().find(|link| link.name == name)
        };
        let found = link("a").unwrap();
        assert_eq!((found.index, found.running), (a.0, true));
        for of in ["10.1.0.1", "10.1.0.77", "2001:db8:1::1"] {
            let mut addresses = found.addresses.iter();
            assert!(addresses.any(|found| found.address == address(of)), "{of}");
        }
        told("ip link set dev b-far down");
        told_of(Change::Interface(b));
        assert!(!link("b").unwrap().running);
        told("ip link del dev b");
        told_of(Change::Interface(b));
        until("b to go", LIMIT, || link("b").is_none().then_some(()));
    });
}

/// `ifconfig` and ifupdown give the second address of an interface a label, by which it is no interface of its own.
#[test]
fn an_address_with_a_label_is_one_of_its_interface() {
    with_routes("an_address_with_a_label_is_one_of_its_interface", |a, _| {
        told("ip address add 10.1.0.77/24 dev a label a:1");
        let all = Net::system().interfaces().unwrap();
        let names: Vec<_> = all.iter().map(|link| &link.name).collect();
        let mut found = all.iter().filter(|link| link.index == a.0);
        let (Some(link), None) = (found.next(), found.next()) else {
            panic!("{names:?}");
        };
        assert_eq!(link.name, "a");
        for of in ["10.1.0.1", "10.1.0.77", "2001:db8:1::1"] {
            let mut addresses = link.addresses.iter();
            assert!(addresses.any(|found| found.address == address(of)), "{of}");
        }
    });
}

/// RFC 2205 §3.6: when a link goes, data turns to the next best route, of which the system does not tell; so do Paths, and
/// what is reserved.
#[test]
fn a_link_that_goes_down_or_away_is_repaired_around() {
    if !possible("a_link_that_goes_down_or_away_is_repaired_around") {
        return;
    }
    for cut in ["ip link set first down", "ip link del first"] {
        let mut nodes = [Machine::new(), Machine::new(), Machine::new()];
        let [host, router, receiver] = &nodes;
        host.connect(("right", "10.8.0.1/24"), router, ("left", "10.8.0.2/24"));
        router.connect(("first", "10.8.1.1/24"), receiver, ("one", "10.8.1.2/24"));
        router.connect(("second", "10.8.2.1/24"), receiver, ("two", "10.8.2.2/24"));
        router.forward();
        for (at, line) in [
            (0, "ip route add default via 10.8.0.2"),
            (1, "ip route add 10.8.3.1 via 10.8.1.2 metric 10"),
            (1, "ip route add 10.8.3.1 via 10.8.2.2 metric 20"),
            (2, "ip address add 10.8.3.1/32 dev lo"),
            (2, "ip route add 10.8.0.0/24 via 10.8.1.1 metric 10"),
            (2, "ip route add 10.8.0.0/24 via 10.8.2.1 metric 20"),
        ] {
            nodes[at].run(line);
        }
        for node in &mut nodes {
            // Nothing but the repair is soon enough.
            node.start("[defaults]\nbandwidth = \"20Mbit/s\"\nrefresh = \"300s\"\n");
        }
        let [host, router, receiver] = &nodes;
        let send = host.hold("send 10.8.3.1:5004 --from 10.8.0.1:5004 --rate 5Mbit/s");
        let reserve = receiver.hold("reserve 10.8.3.1:5004");
        reserve.says("confirmed by 10.8.0.1");
        assert_eq!(router.classes("first"), 1);
        router.run(cut);
        until(&format!("the other way after {cut}"), LIMIT, || {
            (router.classes("second") == 1).then_some(())
        });
        assert!(
            !send.said().contains("no longer reserved"),
            "{}",
            send.said()
        );
        drop((send, reserve));
    }
}
