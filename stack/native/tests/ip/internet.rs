//! Several whole hosts and routers: what their errors, redirects and estimates do to each other.

use crate::support::Lab;
use fairway_native::event::EventId;
use fairway_native::ip::multicast::Command;
use fairway_native::route::{Origin, Prefix, Route, RouteQuery};
use fairway_native::sock::{MtuDiscovery, SocketOptions};
use fairway_native::{Departure, Errno, InterfaceId, SocketId};
use fairway_wire::{Protocol, icmp, ipv4};
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

const A: usize = 0;
const NEAR: usize = 1;
const FAR: usize = 2;
const B: usize = 3;

/// The first interface beside the loopback one, and the second.
const FIRST: InterfaceId = InterfaceId(2);
const SECOND: InterfaceId = InterfaceId(3);

/// a (10.0.1.1) — near — 10.0.2.0/24 — far — b (10.0.3.2)
fn chain() -> Lab {
    let mut lab = Lab::new();
    for (name, router) in [("a", false), ("near", true), ("far", true), ("b", false)] {
        if router {
            lab.router(name);
        } else {
            lab.host(name);
        }
    }
    lab.ethernet(&[(A, "10.0.1.1"), (NEAR, "10.0.1.254")]);
    lab.ethernet(&[(NEAR, "10.0.2.1"), (FAR, "10.0.2.2")]);
    lab.ethernet(&[(FAR, "10.0.3.254"), (B, "10.0.3.2")]);
    route(&mut lab, A, "0.0.0.0/0", "10.0.1.254", FIRST);
    route(&mut lab, NEAR, "10.0.3.0/24", "10.0.2.2", SECOND);
    route(&mut lab, FAR, "10.0.1.0/24", "10.0.2.1", FIRST);
    route(&mut lab, B, "0.0.0.0/0", "10.0.3.254", FIRST);
    lab.pass(Duration::from_secs(5));
    lab.carried.clear();
    lab
}

fn route(lab: &mut Lab, host: usize, prefix: &str, gateway: &str, interface: InterfaceId) {
    let (address, length) = prefix.split_once('/').unwrap();
    let prefix = Prefix::new(address.parse().unwrap(), length.parse().unwrap()).unwrap();
    let route = Route::new(prefix, Some(gateway.parse().unwrap()), interface);
    let now = lab.now;
    lab.hosts[host].add_route(now, route).unwrap();
}

/// A socket of `a` connected to `b`.
fn connected(lab: &mut Lab, port: u16) -> SocketId {
    let socket = lab.udp(A, "0.0.0.0:1000");
    let now = lab.now;
    let peer = SocketAddrV4::new(Ipv4Addr::new(10, 0, 3, 2), port);
    lab.hosts[A].connect(now, socket, peer).unwrap();
    socket
}

fn send(lab: &mut Lab, socket: SocketId, ttl: Option<u8>, length: usize) -> Result<usize, Errno> {
    let departure = Departure {
        ttl,
        ..Departure::default()
    };
    let data = vec![7; length];
    let now = lab.now;
    let sent = lab.hosts[A].send_msg(now, socket, &[IoSlice::new(&data)], &departure);
    lab.settle();
    sent
}

/// RFC 1812 §5.3.1, RFC 1122 §3.2.2.4: what a route tracer sees, hop by hop.
#[test]
fn a_route_can_be_traced() {
    let mut lab = chain();
    let socket = connected(&mut lab, 33_434);
    let raw = lab.hosts[A].raw_socket(Protocol::ICMP).unwrap();
    let mut way = Vec::new();
    for ttl in 1..=3 {
        send(&mut lab, socket, Some(ttl), 8).unwrap();
        let mut octets = [0; 1500];
        let (length, arrival) = lab.hosts[A].recv_msg(raw, &mut octets, false).unwrap();
        let (_, _, payload) = ipv4::Header::parse_verified(&octets[..length]).unwrap();
        let (message, _) = icmp::Message::parse(payload).unwrap();
        let _told = lab.hosts[A].take_error(socket);
        way.push((arrival.peer.ip().to_string(), message.message_type()));
    }
    let expected = [
        ("10.0.1.254", icmp::Type::TIME_EXCEEDED),
        ("10.0.2.2", icmp::Type::TIME_EXCEEDED),
        ("10.0.3.2", icmp::Type::DESTINATION_UNREACHABLE),
    ];
    assert_eq!(way, expected.map(|(from, kind)| (from.to_owned(), kind)));
}

/// RFC 1191: the host learns what the narrow link further on carries, sends that much, and tries more later.
#[test]
fn a_narrow_link_is_found() {
    let mut lab = chain();
    let now = lab.now;
    lab.hosts[NEAR].set_mtu(now, SECOND, 900).unwrap();
    lab.hosts[FAR].set_mtu(now, FIRST, 900).unwrap();
    let socket = connected(&mut lab, 9);
    let receiver = lab.udp(B, "0.0.0.0:9");
    let whole = |options: &mut SocketOptions| options.mtu_discovery = MtuDiscovery::Always;
    lab.hosts[A].set_options(now, socket, whole).unwrap();
    assert_eq!(send(&mut lab, socket, None, 1400), Ok(1400));
    assert!(lab.recv(B, receiver).is_none());
    assert_eq!(lab.hosts[A].take_error(socket), Ok(Some(Errno::MsgSize)));
    assert_eq!(lab.hosts[A].path_mtu(socket), Ok(900));
    assert_eq!(send(&mut lab, socket, None, 1400), Err(Errno::MsgSize));
    assert_eq!(send(&mut lab, socket, None, 872), Ok(872));
    assert_eq!(lab.recv(B, receiver).unwrap().0.len(), 872);
    lab.pass(Duration::from_secs(600));
    assert_eq!(lab.hosts[A].path_mtu(socket), Ok(1500));
    // Without the bit, the router cuts, and the far host puts together.
    let cut = |options: &mut SocketOptions| options.mtu_discovery = MtuDiscovery::Off;
    let now = lab.now;
    lab.hosts[A].set_options(now, socket, cut).unwrap();
    assert_eq!(send(&mut lab, socket, None, 1400), Ok(1400));
    assert_eq!(lab.recv(B, receiver).unwrap().0.len(), 1400);
}

/// RFC 1122 §3.2.2.2, RFC 1812 §5.2.7.2: a router tells the host of the better one, and the host listens.
#[test]
fn a_redirect_shortens_the_way() {
    let mut lab = chain();
    // The far router is on the network of `a` too, and knows a way of its own.
    lab.ethernet(&[(FAR, "10.0.1.253")]);
    let there = lab.segments.pop().unwrap();
    lab.segments[0].extend(there);
    route(&mut lab, NEAR, "10.0.3.0/25", "10.0.1.253", FIRST);
    let receiver = lab.udp(B, "0.0.0.0:9");
    let socket = connected(&mut lab, 9);
    send(&mut lab, socket, None, 8).unwrap();
    assert!(lab.recv(B, receiver).is_some());
    let routes = lab.hosts[A].routes();
    let learned: Vec<_> = routes
        .iter()
        .filter(|it| it.origin == Origin::Redirect)
        .collect();
    assert_eq!(learned.len(), 1);
    assert_eq!(learned[0].gateway, Some(Ipv4Addr::new(10, 0, 1, 253)));
    let near = lab.hosts[NEAR].events().count_of(EventId::IpForward);
    send(&mut lab, socket, None, 8).unwrap();
    assert!(lab.recv(B, receiver).is_some());
    assert_eq!(lab.hosts[NEAR].events().count_of(EventId::IpForward), near);
}

/// RFC 1122 §3.3.1.4: when the better router dies, the way over the other one is taken again.
#[test]
fn a_dead_router_is_left() {
    let mut lab = chain();
    lab.ethernet(&[(FAR, "10.0.1.253")]);
    let there = lab.segments.pop().unwrap();
    let short_cut = there[0];
    lab.segments[0].extend(there);
    route(&mut lab, NEAR, "10.0.3.0/25", "10.0.1.253", FIRST);
    let receiver = lab.udp(B, "0.0.0.0:9");
    let socket = connected(&mut lab, 9);
    send(&mut lab, socket, None, 8).unwrap();
    assert!(lab.recv(B, receiver).is_some());
    // The short cut breaks, and the near router is told of a longer way.
    let now = lab.now;
    lab.segments[0].retain(|end| *end != short_cut);
    let network = Prefix::new(Ipv4Addr::new(10, 0, 3, 0), 25).unwrap();
    lab.hosts[NEAR]
        .delete_route(now, &RouteQuery::new(network))
        .unwrap();
    // Entries of neighbours in use are asked about before they end; then the redirect goes.
    let mut waited = 0;
    while lab.recv(B, receiver).is_none() {
        let _lost = send(&mut lab, socket, None, 8);
        let _told = lab.hosts[A].take_error(socket);
        lab.pass(Duration::from_secs(10));
        waited += 10;
        assert!(waited < 1300, "it went on sending to the dead router");
    }
}

/// Every address of a path can be taken for a while by nobody: the error comes from the router that found out.
#[test]
fn who_cannot_be_reached_is_told_by_the_last_router() {
    let mut lab = chain();
    let raw = lab.hosts[A].raw_socket(Protocol::ICMP).unwrap();
    let socket = lab.udp(A, "0.0.0.0:1000");
    lab.send(A, socket, "10.0.3.99:9", b"x").unwrap();
    lab.pass(Duration::from_secs(6));
    let mut octets = [0; 1500];
    let (length, arrival) = lab.hosts[A].recv_msg(raw, &mut octets, false).unwrap();
    assert_eq!(arrival.peer.ip().to_string(), "10.0.2.2");
    let (_, _, payload) = ipv4::Header::parse_verified(&octets[..length]).unwrap();
    let (message, _) = icmp::Message::parse(payload).unwrap();
    let icmp::Message::DestinationUnreachable { code, .. } = message else {
        panic!("{message:?}");
    };
    assert_eq!(code, icmp::UnreachableCode::HOST);
}

/// A loop of routes ends with the time to live, and the sender is told once per packet.
#[test]
fn a_loop_of_routes_ends() {
    let mut lab = chain();
    route(&mut lab, NEAR, "203.0.113.0/24", "10.0.2.2", SECOND);
    route(&mut lab, FAR, "203.0.113.0/24", "10.0.2.1", FIRST);
    let socket = lab.udp(A, "0.0.0.0:1000");
    lab.send(A, socket, "203.0.113.1:9", b"x").unwrap();
    let between = lab
        .carried
        .iter()
        .filter(|(segment, frame)| *segment == 1 && frame.get(30..34) == Some(&[203, 0, 113, 1]));
    assert_eq!(between.count(), 63);
    let expired: u64 = [NEAR, FAR]
        .iter()
        .map(|router| lab.hosts[*router].events().count_of(EventId::IpForwardTtl))
        .sum();
    assert_eq!(expired, 1);
    assert_eq!(lab.hosts[A].events().count_of(EventId::IcmpIn), 1);
}

/// A router between sender and listener, who asks who listens: packets follow who joins and who leaves.
#[test]
fn multicast_reaches_who_has_joined() {
    let mut lab = chain();
    let group = Ipv4Addr::new(239, 7, 7, 7);
    let now = lab.now;
    let near = &mut lab.hosts[NEAR];
    for command in [
        Command::Init,
        Command::Membership(true),
        vif(0, "10.0.1.254"),
        vif(1, "10.0.2.1"),
    ] {
        near.multicast_command(now, command).unwrap();
    }
    lab.settle();
    let listener = lab.udp(FAR, "0.0.0.0:5000");
    let sender = lab.udp(A, "0.0.0.0:1000");
    let far_enough = |options: &mut SocketOptions| options.multicast_ttl = 5;
    lab.hosts[A].set_options(now, sender, far_enough).unwrap();
    lab.send(A, sender, "239.7.7.7:5000", b"nobody").unwrap();
    assert!(lab.recv(FAR, listener).is_none());
    lab.hosts[FAR]
        .join(now, listener, group, Some(FIRST), None)
        .unwrap();
    lab.settle();
    lab.send(A, sender, "239.7.7.7:5000", b"somebody").unwrap();
    let (data, from) = lab.recv(FAR, listener).unwrap();
    assert_eq!(
        (data.as_slice(), from.ip().to_string()),
        (&b"somebody"[..], "10.0.1.1".to_owned())
    );
    // Only from that sender (RFC 3376).
    lab.hosts[FAR]
        .leave(now, listener, group, Some(FIRST), None)
        .unwrap();
    let other = Some(Ipv4Addr::new(10, 0, 1, 77));
    lab.hosts[FAR]
        .join(now, listener, group, Some(FIRST), other)
        .unwrap();
    lab.pass(Duration::from_secs(5));
    lab.carried.clear();
    lab.send(A, sender, "239.7.7.7:5000", b"not me").unwrap();
    assert!(lab.recv(FAR, listener).is_none());
    let on = lab.carried.iter().filter(|(segment, _)| *segment == 1);
    assert_eq!(on.count(), 0, "the router does not even send it");
}

fn vif(index: u8, address: &str) -> Command {
    Command::AddVif {
        index,
        address: address.parse().unwrap(),
        threshold: 0,
        tunnel: false,
    }
}
