//! Plain messages, as RFC 2205 alone has them.

use super::*;
use crate::wire::HeaderFlags;

fn plain() -> Settings {
    Settings {
        refresh_reduction: false,
        ..Settings::default()
    }
}

/// RFC 2205 §3.1.3, §3.1.5: with the sender's address and router alert; §3.1.4: hop by hop, without.
#[test]
fn path_goes_towards_the_destination_and_resv_to_the_hop() {
    let mut node = node_of(1, a(), plain());
    node.send(ms(0), towards(None, Some(1), true, path(a(), 1)));
    node.send(ms(0), to(b(), Some(2), true, resv(a(), 1)));
    let sent = transmits(&mut node);
    let [path, resv] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(path.source, ip("10.8.8.8"));
    assert_eq!(path.destination, ip("10.9.9.9"));
    assert!(path.router_alert && path.pinned);
    assert_eq!((path.ttl, read(path).send_ttl), (63, 63));
    assert_eq!(resv.source, a());
    assert_eq!(resv.destination, b());
    assert!(!resv.router_alert && !resv.pinned);
    assert_eq!(read(resv).flags, HeaderFlags::NONE);
    assert_eq!(read(resv).message_id, None);
}

/// RFC 2961 §2: the flag is in every message of who can.
#[test]
fn flag_is_in_every_message() {
    let mut node = node_of(1, a(), Settings::default());
    node.send(ms(0), towards(None, Some(1), true, path(a(), 1)));
    let sent = transmits(&mut node);
    assert_eq!(read(&sent[0]).flags, HeaderFlags::REFRESH_REDUCTION);
    // And nothing is named for who is not known to understand it.
    assert_eq!(read(&sent[0]).message_id, None);
    assert_eq!(node.poll_timeout(), None);
}

#[test]
fn messages_reach_the_engine_in_order() {
    let mut pair = Pair::new([plain(), plain()]);
    for port in 1..4 {
        pair.send(0, towards(None, Some(port.into()), true, path(a(), port)));
    }
    pair.send(0, to(b(), None, true, path_err(a(), 1)));
    pair.settle();
    assert_eq!(pair.ports(1, MessageType::PATH), [1, 2, 3]);
    assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1]);
    let Delivery::Message {
        ttl, non_rsvp_hop, ..
    } = pair.delivered[1][0]
    else {
        panic!();
    };
    assert_eq!((ttl, non_rsvp_hop), (63, false));
    assert_eq!(pair.row(1).address, a());
}

#[test]
fn what_is_not_for_rsvp_is_counted() {
    let mut node = node_of(1, a(), plain());
    let good = octets(&Message::new(63, path(b(), 1)));
    let hear = |node: &mut Neighbours, arrival: Arrival, octets: &Bytes, reason| {
        node.handle_datagram(ms(0), &arrival, octets);
        assert_eq!(node.counters().dropped.get(reason), Some(&1), "{reason}");
        assert_eq!(node.poll_delivery(), None);
        assert_eq!(node.poll_transmit(), None);
    };
    let arrival = raw(b(), a(), 63);
    let elsewhere = Arrival {
        interface: IfIndex(7),
        ..arrival
    };
    hear(&mut node, elsewhere, &good, "interface");
    hear(&mut node, raw(ip("224.0.0.1"), a(), 63), &good, "source");
    hear(&mut node, arrival, &good.slice(..4), "length");
    hear(
        &mut node,
        arrival,
        &Bytes::from_static(&[0x20; 8]),
        "version",
    );
    let own = octets(&Message::new(63, path(a(), 1)));
    hear(&mut node, arrival, &own, "own");
}

/// RFC 2205 §3.10: the engine answers what it can.
#[test]
fn what_cannot_be_read_is_told_to_the_engine() {
    let mut node = node_of(1, a(), plain());
    let mut octets = octets(&Message::new(63, path(b(), 1))).to_vec();
    // The class of TIME_VALUES becomes one that is not known.
    octets[8 + 12 + 12 + 2] = 120;
    crate::wire::fill_checksum(&mut octets);
    node.handle_datagram(ms(0), &raw(b(), a(), 63), &octets.into());
    assert!(matches!(
        node.poll_delivery(),
        Some(Delivery::Unreadable { .. })
    ));
}

#[test]
fn interface_that_is_off_says_and_hears_nothing() {
    let mut node = node_of(
        1,
        a(),
        Settings {
            enabled: false,
            ..plain()
        },
    );
    node.send(ms(0), to(b(), None, true, path_err(a(), 1)));
    let octets = octets(&Message::new(63, path(b(), 1)));
    node.handle_datagram(ms(0), &raw(b(), a(), 63), &octets);
    assert_eq!(node.poll_transmit(), None);
    assert_eq!(node.poll_delivery(), None);
    assert_eq!(node.counters().dropped["interface"], 2);
}

/// An address of the family is needed to send from.
#[test]
fn no_address_no_message() {
    let mut node = node_of(1, a(), plain());
    node.send(ms(0), to(ip("fe80::1"), None, true, path_err(a(), 1)));
    assert_eq!(node.poll_transmit(), None);
    assert_eq!(node.counters().dropped["no_address"], 1);
}
