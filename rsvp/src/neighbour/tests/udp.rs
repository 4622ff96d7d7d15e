//! RFC 2205 appendix C: UDP encapsulation.

use super::*;
use crate::interface::UdpEncapsulation;

fn with(udp: UdpEncapsulation) -> Settings {
    Settings {
        udp,
        ..Settings::default()
    }
}

fn ways(node: &mut Neighbours) -> Vec<(Via, IpAddr, IpAddr, bool)> {
    transmits(node)
        .into_iter()
        .map(|sent| (sent.via, sent.source, sent.destination, sent.router_alert))
        .collect()
}

fn to_group(body: Body) -> Outgoing {
    let group = ip("239.1.1.1");
    Outgoing {
        to: Destination::Towards {
            end: group,
            neighbour: None,
        },
        ..towards(None, None, true, body)
    }
}

/// Figures 13 and 14: raw, and if UDP is on, to D at Pu′.
#[test]
fn router_sends_raw_and_udp() {
    let mut node = node_of(1, a(), with(UdpEncapsulation::Always));
    let (sender, end) = (ip("10.8.8.8"), ip("10.9.9.9"));
    node.send(ms(0), towards(None, None, true, path(a(), 1)));
    assert_eq!(
        ways(&mut node),
        [
            (Via::Raw, sender, end, true),
            (Via::Udp(1699), a(), end, false)
        ]
    );
    node.send(ms(0), to_group(path(a(), 1)));
    let group = ip("239.1.1.1");
    assert_eq!(
        ways(&mut node),
        [
            (Via::Raw, sender, group, true),
            (Via::Udp(1699), a(), group, false)
        ]
    );
    // To a neighbour that was heard raw, raw only.
    node.send(ms(0), to(b(), None, true, resv(a(), 1)));
    assert_eq!(ways(&mut node), [(Via::Raw, a(), b(), false)]);
}

/// A Path to Pu turns it on; its TTL is believed; who sent it is answered in UDP.
#[test]
fn router_turns_udp_on_when_it_hears_it() {
    let mut node = node_of(1, a(), with(UdpEncapsulation::WhenHeard));
    let from_host = Arrival {
        via: Via::Udp(1698),
        ttl: None,
        ..raw(b(), ip("224.0.0.14"), 0)
    };
    let tear = octets(&Message::new(42, path_tear(b(), 1)));
    node.handle_datagram(ms(0), &from_host, &tear);
    node.send(ms(0), towards(None, None, true, path(a(), 1)));
    assert_eq!(ways(&mut node).len(), 1);
    deliveries(&mut node);
    let body = octets(&Message::new(42, path(b(), 1)));
    node.handle_datagram(ms(0), &from_host, &body);
    let Some(Delivery::Message { ttl: 42, .. }) = node.poll_delivery() else {
        panic!();
    };
    node.send(ms(0), towards(None, None, true, path(a(), 1)));
    assert_eq!(ways(&mut node).len(), 2);
    node.send(ms(0), to(b(), None, true, resv(a(), 1)));
    assert_eq!(ways(&mut node), [(Via::Udp(1699), a(), b(), false)]);
}

/// Notes 1 and 2: to D or Ra at Pu, to groups at G*.
#[test]
fn host_sends_udp_only() {
    let router = Some(ip("10.0.0.254"));
    let mut node = node_of(1, a(), with(UdpEncapsulation::Only { router }));
    node.send(ms(0), towards(None, None, true, path(a(), 1)));
    node.send(ms(0), to_group(path(a(), 1)));
    node.send(ms(0), to(b(), None, true, resv(a(), 1)));
    let pu = Via::Udp(1698);
    assert_eq!(
        ways(&mut node),
        [
            (pu, a(), ip("10.0.0.254"), false),
            (pu, a(), ip("224.0.0.14"), false),
            (pu, a(), b(), false)
        ]
    );
    let mut node = node_of(1, a(), with(UdpEncapsulation::Only { router: None }));
    node.send(ms(0), towards(None, None, true, path(a(), 1)));
    assert_eq!(ways(&mut node), [(pu, a(), ip("10.9.9.9"), false)]);
}

#[test]
fn each_hears_what_is_meant_for_it() {
    let router = UdpEncapsulation::Only { router: None };
    for (setting, via, heard) in [
        (UdpEncapsulation::Never, Via::Raw, true),
        (UdpEncapsulation::Never, Via::Udp(1698), false),
        (UdpEncapsulation::WhenHeard, Via::Raw, true),
        (UdpEncapsulation::WhenHeard, Via::Udp(1698), true),
        (UdpEncapsulation::WhenHeard, Via::Udp(1699), false),
        (UdpEncapsulation::Always, Via::Udp(1698), true),
        (UdpEncapsulation::Always, Via::Udp(1699), false),
        (router, Via::Raw, false),
        (router, Via::Udp(1698), true),
        (router, Via::Udp(1699), true),
    ] {
        let mut node = node_of(1, a(), with(setting));
        let arrival = Arrival {
            via,
            ..raw(b(), a(), 63)
        };
        let octets = octets(&Message::new(63, path(b(), 1)));
        node.handle_datagram(ms(0), &arrival, &octets);
        assert_eq!(node.poll_delivery().is_some(), heard, "{setting:?} {via:?}");
        let dropped = node.counters().dropped.get("encapsulation").copied();
        assert_eq!(dropped, (!heard).then_some(1));
    }
}

/// A host and a router do refresh reduction in UDP as others do raw.
#[test]
fn host_and_router_are_neighbours_in_udp() {
    let host = with(UdpEncapsulation::Only { router: Some(b()) });
    let mut pair = Pair::new([host, with(UdpEncapsulation::WhenHeard)]);
    pair.acquaint();
    pair.send(0, to(b(), Some(1), true, resv(a(), 1)));
    pair.send(0, to(b(), Some(2), true, resv(a(), 2)));
    pair.send(1, to(a(), Some(1), true, resv(b(), 3)));
    pair.settle();
    assert!(
        pair.sent
            .iter()
            .flatten()
            .all(|sent| sent.1.via != Via::Raw)
    );
    assert_eq!(pair.ports(1, MessageType::RESV), [1, 2]);
    assert_eq!(pair.ports(0, MessageType::RESV), [3]);
    assert!(pair.row(1).udp && pair.row(1).refresh_reduction);
    assert_eq!(
        (pair.row(0).unacknowledged, pair.row(1).unacknowledged),
        (0, 0)
    );
}
