//! One sender, one receiver, a router or two between.

use std::time::Duration;

use fairway_rsvp::api::Event;
use fairway_rsvp::wire::{Sender, Style};

use crate::net::{Net, cl, tspec, udp};

/// Sender, two routers, receiver.
fn line() -> Net {
    Net::of(
        &["S", "R1", "R2", "D"],
        &[&["S", "R1"], &["R1", "R2"], &["R2", "D"]],
    )
}

#[test]
fn a_path_reaches_the_receiver_and_a_reservation_the_sender() {
    let mut net = line();
    let session = udp(net.home("D"), 5000);
    net.call("D", 1, fairway_rsvp::api::Call::Open(session))
        .unwrap();
    net.send("S", 1, session, 4000, tspec(100.0));
    net.settle();
    let events = net.events("D", 1);
    let [Event::Path(senders)] = events.as_slice() else {
        panic!("{events:?}");
    };
    let source = Sender::V4(net.home("S"), 4000);
    assert_eq!(senders.len(), 1);
    assert_eq!(
        (senders[0].template, senders[0].tspec),
        (source, tspec(100.0))
    );
    let adspec = senders[0].adspec.as_ref().unwrap();
    // Three links, each with its C and D.
    assert_eq!(adspec.general.values.hops, 3);
    assert!(!adspec.general.is_broken);
    assert_eq!(
        adspec
            .guaranteed
            .as_ref()
            .unwrap()
            .terms
            .unwrap()
            .total
            .c_octets,
        4500
    );

    net.reserve("D", 1, Style::FF, &[source], &[cl(100.0)]);
    net.settle();
    for (node, link) in [("S", 1), ("R1", 2), ("R2", 3)] {
        let installed = net.installed(node);
        let on = installed.on(link);
        assert_eq!(on.len(), 1, "{node}");
        assert_eq!(on[0].0.flowspec, cl(100.0));
        assert_eq!(on[0].1, [Some(source)]);
    }
    let events = net.events("S", 1);
    let [
        Event::Resv {
            style,
            filters,
            flowspec,
        },
    ] = events.as_slice()
    else {
        panic!("{events:?}");
    };
    assert_eq!(
        (*style, filters.as_slice(), *flowspec),
        (Style::FF, &[source][..], Some(cl(100.0)))
    );
    // Ten minutes of refreshes change nothing.
    net.run(Duration::from_secs(600));
    assert_eq!(net.events("S", 1), []);
    assert_eq!(net.events("D", 1), []);
    assert_eq!(net.installed("R1").on(2).len(), 1);
}

#[test]
fn tears_free_every_hop_at_once() {
    let mut net = line();
    let session = udp(net.home("D"), 5000);
    net.call("D", 1, fairway_rsvp::api::Call::Open(session))
        .unwrap();
    net.send("S", 1, session, 4000, tspec(100.0));
    net.settle();
    let source = Sender::V4(net.home("S"), 4000);
    net.reserve("D", 1, Style::SE, &[source], &[cl(50.0)]);
    net.settle();
    assert_eq!(net.installed("R1").on(2).len(), 1);
    net.reserve("D", 1, Style::SE, &[source], &[]);
    net.settle();
    for node in ["S", "R1", "R2"] {
        assert!(net.installed(node).reservations.is_empty(), "{node}");
    }
    assert!(matches!(
        net.events("S", 1).as_slice(),
        [
            Event::Resv {
                flowspec: Some(_),
                ..
            },
            Event::Resv { flowspec: None, .. }
        ]
    ));
    net.reserve("D", 1, Style::WF, &[], &[cl(50.0)]);
    net.settle();
    assert_eq!(net.installed("R1").on(2).len(), 1);
    net.call("S", 1, fairway_rsvp::api::Call::Release).unwrap();
    net.settle();
    for node in ["S", "R1", "R2"] {
        assert!(net.installed(node).reservations.is_empty(), "{node}");
    }
    assert!(matches!(net.events("D", 1).last(), Some(Event::Path(list)) if list.is_empty()));
    assert_eq!(net.engine("R1").session_count(), 0);
}

#[test]
fn state_that_is_not_refreshed_ends() {
    let mut net = line();
    let session = udp(net.home("D"), 5000);
    net.call("D", 1, fairway_rsvp::api::Call::Open(session))
        .unwrap();
    net.send("S", 1, session, 4000, tspec(100.0));
    net.settle();
    let source = Sender::V4(net.home("S"), 4000);
    net.reserve("D", 1, Style::FF, &[source], &[cl(100.0)]);
    net.settle();
    net.crash("S");
    // RSVP-6: gone between (K + 0.5) · R and (K + 0.5) · 1.5 · R, R = 30 s, K = 3.
    net.run(Duration::from_secs(105));
    assert_eq!(net.installed("R1").on(2).len(), 1);
    net.run(Duration::from_secs(55));
    for node in ["R1", "R2"] {
        assert!(net.installed(node).reservations.is_empty(), "{node}");
        assert_eq!(net.engine(node).session_count(), 0, "{node}");
    }
}
