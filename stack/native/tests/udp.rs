//! UDP between hosts: names, delivery, what ICMP tells.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use fairway_native::route::{Prefix, Route};
use fairway_native::{Departure, Errno, InterfaceAddress, InterfaceConfig, InterfaceId};
use fairway_wire::{MacAddr, ipv4, udp};
use std::io::IoSlice;
use std::time::Duration;
use support::{Lab, ip};

fn two_hosts() -> (Lab, usize, usize) {
    let mut lab = Lab::new();
    let (a, b) = (lab.host("a"), lab.host("b"));
    lab.ethernet(&[(a, "10.0.0.1"), (b, "10.0.0.2")]);
    lab.settle();
    (lab, a, b)
}

/// a — r — b, with default routes.
fn routed() -> (Lab, usize, usize, usize) {
    let mut lab = Lab::new();
    let (a, b, r) = (lab.host("a"), lab.host("b"), lab.router("r"));
    lab.ethernet(&[(a, "10.0.1.1"), (r, "10.0.1.254")]);
    lab.ethernet(&[(b, "10.0.2.1"), (r, "10.0.2.254")]);
    for (host, gateway) in [(a, "10.0.1.254"), (b, "10.0.2.254")] {
        let route = Route::new(Prefix::DEFAULT, Some(ip(gateway)), InterfaceId(2));
        lab.hosts[host].add_route(lab.now, route).unwrap();
    }
    lab.settle();
    (lab, a, b, r)
}

#[test]
fn a_datagram_crosses_an_ethernet_after_arp() {
    let (mut lab, a, b) = two_hosts();
    let (one, other) = (lab.udp(a, "0.0.0.0:1000"), lab.udp(b, "10.0.0.2:2000"));
    lab.send(a, one, "10.0.0.2:2000", b"hello").unwrap();
    let (octets, from) = lab.recv(b, other).unwrap();
    assert_eq!(
        (octets.as_slice(), from),
        (&b"hello"[..], support::addr("10.0.0.1:1000"))
    );
    lab.send(b, other, "10.0.0.1:1000", b"back").unwrap();
    assert_eq!(lab.recv(a, one).unwrap().0, b"back");
}

/// Fragments: 4000 octets over links of 1500, and put together again.
#[test]
fn long_datagrams_are_cut_and_put_together() {
    let (mut lab, a, b, _) = routed();
    let (one, other) = (lab.udp(a, "0.0.0.0:1000"), lab.udp(b, "0.0.0.0:2000"));
    lab.hosts[a]
        .set_options(lab.now, one, |options| {
            options.mtu_discovery = fairway_native::sock::MtuDiscovery::Off;
        })
        .unwrap();
    for length in [0, 1, 1472, 1473, 4000, 65_507] {
        let octets: Vec<u8> = (0..length)
            .map(|i| u8::try_from(i % 251).unwrap())
            .collect();
        lab.send(a, one, "10.0.2.1:2000", &octets).unwrap();
        let (got, from) = lab.recv(b, other).unwrap();
        assert!(got == octets, "{length}");
        assert_eq!(from, support::addr("10.0.1.1:1000"));
    }
    // SND-6: nothing is sent.
    assert_eq!(
        lab.send(a, one, "10.0.2.1:2000", &[0; 65_508]),
        Err(Errno::MsgSize)
    );
}

/// RFC 1122 §4.1.3.1, CON-9.
#[test]
fn a_port_that_nobody_has_is_reported_to_a_connected_socket() {
    let (mut lab, a, _, _) = routed();
    let one = lab.udp(a, "0.0.0.0:0");
    lab.hosts[a]
        .connect(lab.now, one, support::addr("10.0.2.1:9"))
        .unwrap();
    let none = Departure::default();
    lab.hosts[a].send_msg(lab.now, one, &[], &none).unwrap();
    lab.settle();
    assert_eq!(
        lab.hosts[a].recv_msg(one, &mut [0; 8], false).err(),
        Some(Errno::ConnRefused)
    );
    assert_eq!(
        lab.hosts[a].recv_msg(one, &mut [0; 8], false).err(),
        Some(Errno::WouldBlock)
    );
}

/// `ether_output-rtreject`: five questions, then twenty seconds of silence.
#[test]
fn a_neighbour_that_does_not_answer_is_left_alone_for_a_while() {
    let (mut lab, a, _) = two_hosts();
    let one = lab.udp(a, "0.0.0.0:1000");
    lab.send(a, one, "10.0.0.77:9", b"?").unwrap();
    lab.pass(Duration::from_secs(6));
    assert_eq!(lab.send(a, one, "10.0.0.77:9", b"?"), Err(Errno::HostDown));
    lab.pass(Duration::from_secs(20));
    lab.send(a, one, "10.0.0.77:9", b"?").unwrap();
}

#[test]
fn packets_to_this_host_itself_never_leave_it() {
    let (mut lab, a, _) = two_hosts();
    let before = lab.carried.len();
    for name in ["127.0.0.1", "10.0.0.1", "127.9.9.9"] {
        let one = lab.udp(a, "0.0.0.0:1000");
        let other = lab.udp(a, "0.0.0.0:2000");
        lab.send(a, one, &format!("{name}:2000"), b"self").unwrap();
        assert_eq!(lab.recv(a, other).unwrap().0, b"self");
        for id in [one, other] {
            lab.hosts[a].close(lab.now, id).unwrap();
        }
    }
    assert_eq!(lab.carried.len(), before);
}

/// SND-5, RFC 1122 §3.3.6.
#[test]
fn broadcasts_reach_every_host_of_the_network_and_need_the_option() {
    let (mut lab, a, b) = two_hosts();
    let (one, other) = (lab.udp(a, "0.0.0.0:1000"), lab.udp(b, "0.0.0.0:1000"));
    for all in ["255.255.255.255:1000", "10.0.0.255:1000"] {
        assert_eq!(lab.send(a, one, all, b"?"), Err(Errno::Access));
    }
    lab.hosts[a]
        .set_options(lab.now, one, |options| options.broadcast = true)
        .unwrap();
    for all in ["255.255.255.255:1000", "10.0.0.255:1000"] {
        lab.send(a, one, all, b"all").unwrap();
        assert_eq!(lab.recv(b, other).unwrap().0, b"all");
        assert_eq!(
            lab.recv(a, one).unwrap().0,
            b"all",
            "this host is one of them"
        );
    }
}

/// RFC 1812 §5.2.7.1, and that nothing lives for ever.
#[test]
fn a_packet_that_has_come_far_enough_is_dropped_and_reported() {
    let (mut lab, a, _, r) = routed();
    let one = lab.udp(a, "0.0.0.0:0");
    lab.hosts[a]
        .set_options(lab.now, one, |options| options.ttl = 1)
        .unwrap();
    lab.hosts[a]
        .connect(lab.now, one, support::addr("10.0.2.1:9"))
        .unwrap();
    lab.hosts[a]
        .send_msg(lab.now, one, &[], &Departure::default())
        .unwrap();
    lab.settle();
    assert_eq!(
        lab.hosts[a].take_error(one).unwrap(),
        Some(Errno::HostUnreach)
    );
    assert_eq!(
        lab.hosts[r]
            .events()
            .count_of(fairway_native::event::EventId::IpForwardTtl),
        1
    );
}

/// sockets.md §7.1.
#[test]
fn names_are_shared_by_the_rules() {
    let (mut lab, a, _) = two_hosts();
    let now = lab.now;
    let bind = |lab: &mut Lab, name: &str, port: bool, addr: bool| {
        let id = lab.hosts[a].udp_socket().unwrap();
        lab.hosts[a]
            .set_options(now, id, |options| {
                options.reuse_port = port;
                options.reuse_addr = addr;
            })
            .unwrap();
        let bound = lab.hosts[a].bind(now, id, support::addr(name));
        if bound.is_err() {
            lab.hosts[a].close(now, id).unwrap();
        }
        bound
    };
    assert_eq!(bind(&mut lab, "0.0.0.0:1", false, false), Ok(()));
    assert_eq!(
        bind(&mut lab, "10.0.0.1:1", false, false),
        Err(Errno::AddrInUse)
    );
    assert_eq!(
        bind(&mut lab, "10.0.0.1:1", true, true),
        Err(Errno::AddrInUse)
    );
    assert_eq!(bind(&mut lab, "0.0.0.0:2", true, false), Ok(()));
    assert_eq!(bind(&mut lab, "0.0.0.0:2", true, false), Ok(()));
    assert_eq!(bind(&mut lab, "0.0.0.0:3", false, true), Ok(()));
    assert_eq!(
        bind(&mut lab, "10.0.0.1:3", false, true),
        Ok(()),
        "wildcard and specific"
    );
    assert_eq!(
        bind(&mut lab, "10.0.0.1:3", false, true),
        Err(Errno::AddrInUse),
        "C-6"
    );
    assert_eq!(bind(&mut lab, "224.1.1.1:4", false, true), Ok(()));
    assert_eq!(bind(&mut lab, "224.1.1.1:4", true, false), Ok(()), "MUL-10");
    assert_eq!(
        bind(&mut lab, "10.0.0.9:5", false, false),
        Err(Errno::AddrNotAvail),
        "BND-4"
    );
    assert_eq!(bind(&mut lab, "10.0.0.1:6", false, false), Ok(()));
    assert_eq!(
        bind(&mut lab, "127.0.0.1:6", false, false),
        Ok(()),
        "another address"
    );
}

/// A link that is trusted no longer carries nothing without a checksum, however long it has waited.
#[test]
fn what_waits_for_a_link_that_is_trusted_no_longer_gets_its_checksum() {
    let (mut lab, a, _) = two_hosts();
    let (eth, now) = (InterfaceId(2), lab.now);
    let mut tunnel = InterfaceConfig::point("tun0", 1500);
    tunnel.trusted = true;
    let host = &mut lab.hosts[a];
    let tunnel = host.add_interface(tunnel);
    let own = InterfaceAddress::new(ip("10.8.0.1"), 24);
    host.add_address(now, tunnel, own).unwrap();
    host.set_trusted(eth, true).unwrap();
    let peer = MacAddr([2, 0, 0, 0, 1, 1]);
    host.set_neighbor(now, eth, ip("10.0.0.2"), peer).unwrap();
    let _announced = host.poll_frame(now, eth);
    let socket = host.udp_socket().unwrap();
    for (interface, to, link) in [(tunnel, "10.8.0.9:7", 0), (eth, "10.0.0.2:7", 14)] {
        for trusted in [true, false] {
            let departure = Departure {
                peer: Some(support::addr(to)),
                ..Departure::default()
            };
            host.set_trusted(interface, true).unwrap();
            host.send_msg(now, socket, &[IoSlice::new(b"data")], &departure)
                .unwrap();
            host.set_trusted(interface, trusted).unwrap();
            let frame = host.poll_frame(now, interface).unwrap();
            let packet = &frame.as_slice()[link..];
            let (header, _, datagram) = ipv4::Header::parse_verified(packet).unwrap();
            let right = udp::verify_checksum(header.source, header.destination, datagram);
            assert!(right, "{to}");
            assert_eq!(datagram[6..8] == [0, 0], trusted, "{to}");
        }
    }
}
