//! What whoever operates a node is told, and what is counted by interface.

use std::net::Ipv4Addr;

use fairway_rsvp::engine::Config;
use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::neighbour::{Arrival, Via};
use fairway_rsvp::notice::{Notice, Why};
use fairway_rsvp::tc::TcError;
use fairway_rsvp::wire::{ErrorCode, MessageType, Style};

use crate::net::udp;
use crate::one::{A, B, C, One, ff};

fn notices(one: &mut One) -> Vec<Notice> {
    core::iter::from_fn(|| one.engine.poll_notice()).collect()
}

/// S1 behind a, its data leaves by c.
fn node() -> One {
    let mut one = One::new();
    one.route(1, A, &[C]);
    one.announce(A, 1, 100.0);
    one
}

#[test]
fn a_resv_that_is_refused_is_told_with_all_that_is_known() {
    let mut one = node();
    let nobody = one.sender(7);
    one.reserve(C, 2, ff(&[(nobody, 1.0)]));
    let all = notices(&mut one);
    let [notice] = &all[..] else {
        panic!("{all:?}");
    };
    let about = &notice.about;
    assert_eq!(about.interface, IfIndex(C));
    assert_eq!(about.neighbour, Some(one.neighbour(C, 2)));
    assert_eq!(about.message_type, Some(MessageType::RESV));
    assert_eq!(about.session.unwrap().port, one.session.port);
    assert_eq!((about.style, about.sender), (Some(Style::FF), Some(nobody)));
    let why = Why::Refused {
        code: ErrorCode::NO_SENDER,
        value: 0,
    };
    assert_eq!(notice.why, why);
}

#[test]
fn what_traffic_control_refuses_is_told_once() {
    let mut one = node();
    one.installed().capacity.insert(IfIndex(C), 1.0);
    let sender = one.sender(1);
    one.reserve(C, 2, ff(&[(sender, 1.0)]));
    let all = notices(&mut one);
    let [notice] = &all[..] else {
        panic!("{all:?}");
    };
    assert!(
        matches!(
            &notice.why,
            Why::NotAdmitted {
                error: TcError::Bandwidth,
                flowspec: Some(_),
                ..
            }
        ),
        "{notice:?}"
    );
    assert_eq!(notice.about.sender, Some(sender));
    assert_eq!(notice.about.neighbour, Some(one.neighbour(C, 2)));
}

#[test]
fn a_path_that_is_refused_names_its_sender_and_hop() {
    let mut one = node();
    // RFC 2205 §3.2: one sender, with a port and without.
    let mut path = one.path(A, 1, crate::net::tspec(1.0));
    if let Some(sender) = &mut path.sender {
        let address = sender.template.0.address();
        sender.template.0 = std::net::SocketAddr::new(address, 0).into();
    }
    one.hear_path(A, path);
    let all = notices(&mut one);
    let [notice] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(notice.about.message_type, Some(MessageType::PATH));
    assert_eq!(notice.about.neighbour, Some(one.neighbour(A, 2)));
    assert!(notice.about.sender.is_some());
    assert!(notice.why.to_string().contains("port"), "{}", notice.why);
}

/// STYLE §6: a cap is documented; who meets it is told which.
#[test]
fn a_limit_is_told_by_its_name() {
    let mut config = Config::default();
    config.limits.sessions = 1;
    config.limits.senders = 1;
    config.limits.reservations = 1;
    let mut one = One::in_session(udp(Ipv4Addr::new(224, 1, 1, 1), 5000), config);
    one.route(1, A, &[C]);
    one.announce(A, 1, 1.0);
    one.announce(A, 2, 1.0);
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    one.reserve(C, 3, ff(&[(s1, 1.0)]));
    one.session.port = 5001;
    one.announce(A, 1, 1.0);
    let met: Vec<_> = notices(&mut one)
        .into_iter()
        .map(|notice| match notice.why {
            Why::Limit { limit, most } => (limit, most),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(met, [("senders", 1), ("reservations", 1), ("sessions", 1)]);
}

#[test]
fn what_cannot_be_read_is_told_with_the_place() {
    let mut one = node();
    let arrival = Arrival {
        interface: IfIndex(A),
        source: one.neighbour(A, 2),
        destination: one.neighbour(A, 1),
        ttl: Some(64),
        via: Via::Raw,
    };
    // A Resv of a header alone, without checksum.
    one.hear_octets(&arrival, vec![0x10, 2, 0, 0, 64, 0, 0, 8]);
    let all = notices(&mut one);
    let [notice] = &all[..] else {
        panic!("{all:?}");
    };
    assert_eq!(notice.about.message_type, Some(MessageType::RESV));
    assert!(
        matches!(notice.why, Why::Unreadable { offset: 8, .. }),
        "{notice:?}"
    );
}

/// What passes and what is dropped is counted by interface, type and reason.
#[test]
fn messages_are_counted_by_interface_and_type() {
    let mut one = node();
    one.announce(B, 1, 100.0);
    let sender = one.sender(1);
    one.reserve(C, 2, ff(&[(sender, 1.0)]));
    let other = one.sender(9);
    let torn = one.path_tear(one.neighbour(A, 2), 9);
    one.hear(A, other.address(), fairway_rsvp::msg::Body::PathTear(torn));
    one.wait(core::time::Duration::ZERO);
    let between = one.engine.neighbour_counters();
    let count = |interface, message| {
        let at = (IfIndex(interface), message);
        let of = |map: &std::collections::BTreeMap<_, u64>| map.get(&at).copied().unwrap_or(0);
        (of(&between.received_at), of(&between.sent_at))
    };
    assert_eq!(count(A, MessageType::PATH), (1, 0));
    assert_eq!(count(B, MessageType::PATH), (1, 0));
    assert_eq!(count(C, MessageType::RESV), (1, 0));
    assert!(count(C, MessageType::PATH).1 >= 1);
    assert!(between.received_at.values().sum::<u64>() == between.received.values().sum::<u64>());
    assert!(between.sent_at.values().sum::<u64>() == between.sent.values().sum::<u64>());
    let dropped = &one.engine.counters().dropped_at;
    let at = (IfIndex(A), MessageType::PATH_TEAR, "PathTear without state");
    assert_eq!(dropped.get(&at), Some(&1), "{dropped:?}");
}
