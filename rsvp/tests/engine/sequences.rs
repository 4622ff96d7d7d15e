//! Sequences that reach what single messages do not: RFC 2205 §2.4, §2.5, §3.5, §3.6; RFC 2209, RESV; RFC 2961 §5.

use std::net::IpAddr;
use std::time::Duration;

use fairway_rsvp::api::{ApiError, Call, Event};
use fairway_rsvp::engine::{Config, Limits};
use fairway_rsvp::intserv::{Flowspec, Tspec};
use fairway_rsvp::msg::{Body, Flows, Message, Srefresh};
use fairway_rsvp::wire::{
    AckKind, Epoch, ErrorCode, HeaderFlags, Id, IdEntries, MessageId, MessageIdList, ResvConfirm,
};

use crate::one::{A, C, D, One, b, ff, se, wf};

/// Controlled load of that rate, with that shortest packet.
fn shortest(kilo: f32, m: u32) -> Flowspec {
    Flowspec::ControlledLoad(Tspec::new(kilo * 1000.0, 10_000.0, f32::INFINITY, m, 1500).unwrap())
}

/// One router; data of S1 and S2 from a to c and d.
fn router() -> One {
    let mut one = One::new();
    for sender in [1, 2] {
        one.route(sender, A, &[C, D]);
        one.announce(A, sender, 100.0);
    }
    one.sent();
    one
}

#[test]
fn of_requests_that_are_not_ordered_the_greatest_rate_is_left_out() {
    // RFC 2205 §2.5, killer reservation II: the request merged of both is greater than each, and fails.
    let mut one = router();
    let (big, small) = (shortest(10.0, 100), shortest(5.0, 50));
    one.reserve(C, 2, Flows::Wf(big.to_object()));
    one.reserve(D, 3, Flows::Wf(small.to_object()));
    one.sent();
    let merged = big.merge(&small).unwrap();
    one.refuse(
        A,
        fairway_rsvp::wire::ErrorFlags::NONE,
        ErrorCode::ADMISSION_CONTROL,
        2,
        Flows::Wf(Some(merged.to_object())),
    );
    let asked: Vec<Flows> = one
        .replies()
        .into_iter()
        .filter_map(|(_, body)| match body {
            Body::Resv(resv) => Some(resv.flows),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [Flows::Wf(small.to_object())]);
}

fn named(body: Body, id: u32) -> Message {
    let mut message = Message::new(64, body);
    message.flags = HeaderFlags::REFRESH_REDUCTION;
    message.message_id = Some(MessageId {
        ack_desired: true,
        epoch: Epoch::new(7),
        id: Id(id),
    });
    message
}

#[test]
fn what_a_message_had_refused_is_not_refreshed_by_its_name() {
    // RFC 2961 §5.3, §5.4: else the part that was refused would never be asked for again.
    let mut one = One::in_session(One::new().session, Config::default());
    one.settings.refresh_reduction = true;
    for interface in 1..=4 {
        one.set_interface(interface, true);
    }
    one.route(1, A, &[C]);
    one.announce(A, 1, 10.0);
    one.sent();
    let hop = one.neighbour(C, 2);
    let whole = ff(&[(one.sender(1), 1.0), (one.sender(2), 1.0)]);
    let resv = one.resv(C, 2, whole);
    one.hear_message(C, hop, &named(Body::Resv(resv), 3));
    assert_eq!(one.installed().on(C).len(), 1);
    one.sent_messages();
    let lists = vec![MessageIdList {
        epoch: Epoch::new(7),
        entries: IdEntries::Ids(vec![Id(3)]),
    }];
    let mut summary = Message::new(1, Body::Srefresh(Srefresh { lists }));
    summary.flags = HeaderFlags::REFRESH_REDUCTION;
    one.hear_message(C, hop, &summary);
    let nacks: Vec<_> = one
        .sent_messages()
        .into_iter()
        .flat_map(|message| message.acks)
        .filter(|ack| ack.kind == AckKind::Nack)
        .map(|ack| ack.id)
        .collect();
    assert_eq!(nacks, [Id(3)]);
}

#[test]
fn a_neighbour_changes_the_service_of_several_senders_at_once() {
    // RFC 2205 §3.1.4: a Resv takes the place of the one before.
    let mut one = router();
    let (s1, s2) = (one.sender(1), one.sender(2));
    one.reserve(C, 2, ff(&[(s1, 1.0), (s2, 1.0)]));
    let guaranteed = Flowspec::guaranteed(*b(1.0).tspec(), 20_000.0, 0).unwrap();
    let flows = Flows::Ff(
        [s1, s2]
            .map(|sender| fairway_rsvp::msg::FfDescriptor {
                flowspec: guaranteed.to_object(),
                filter: fairway_rsvp::wire::FilterSpec(sender),
            })
            .to_vec(),
    );
    one.sent();
    one.reserve(C, 2, flows);
    let errors = one
        .replies()
        .iter()
        .filter(|(_, body)| matches!(body, Body::ResvErr(_)))
        .count();
    assert_eq!(errors, 0);
    let installed = one.installed();
    let on = installed.on(C);
    assert_eq!(on.len(), 2);
    assert!(on.iter().all(|(request, _)| request.flowspec == guaranteed));
}

#[test]
fn a_change_that_is_refused_keeps_what_there_is_alive() {
    // RFC 2209, RESV: the lifetime begins anew before traffic control is asked.
    let mut one = router();
    one.installed()
        .capacity
        .insert(fairway_rsvp::interface::IfIndex(C), 60_000.0);
    let short = fairway_rsvp::wire::TimeValues {
        refresh_millis: 30_000,
    };
    let ask = |one: &mut One, times: f32| {
        let mut resv = one.resv(C, 2, wf(times));
        resv.time_values = short;
        one.hear_resv(C, resv);
    };
    ask(&mut one, 5.0);
    for _ in 0..20 {
        one.wait(Duration::from_secs(30));
        ask(&mut one, 10.0);
    }
    assert_eq!(one.installed().on(C)[0].0.flowspec, b(5.0));
}

#[test]
fn a_confirmation_goes_to_a_host_or_nowhere() {
    // RFC 2205 §3.1.9: it is sent to that address.
    let mut one = router();
    let mut resv = one.resv(C, 2, wf(1.0));
    resv.confirm = Some(ResvConfirm {
        receiver: "224.0.0.1".parse().unwrap(),
    });
    one.hear_resv(C, resv);
    assert_eq!(one.dropped("confirmation address"), 1);
    let asked = one.replies().into_iter().any(|(_, body)| match body {
        Body::Resv(resv) => resv.confirm.is_some(),
        Body::ResvConf(_) => true,
        _ => false,
    });
    assert!(!asked);
    assert_eq!(one.installed().on(C).len(), 1);
}

#[test]
fn state_of_all_sessions_is_bounded() {
    let mut one = One::in_session(
        One::new().session,
        Config {
            limits: Limits {
                senders_in_all: 2,
                reservations_in_all: 1,
                applications: 1,
                ..Limits::default()
            },
            ..Config::default()
        },
    );
    for sender in 1..=3 {
        one.route(sender, A, &[C, D]);
        one.announce(A, sender, 10.0);
    }
    assert_eq!(one.dropped("limit: senders in all"), 1);
    let (s1, s2) = (one.sender(1), one.sender(2));
    one.reserve(C, 2, se(1.0, &[s1]));
    one.reserve(D, 3, se(1.0, &[s2]));
    assert_eq!(one.dropped("limit: reservations"), 1);
    assert_eq!(one.installed().reservations.len(), 1);
    let session = one.session;
    assert_eq!(one.call(1, Call::Open(session)), Ok(()));
    assert_eq!(
        one.call(2, Call::Open(session)),
        Err(ApiError::TooManySessions)
    );
    // What ends makes room.
    let tear = one.path_tear(one.neighbour(A, 2), 1);
    let source: IpAddr = one.sender(1).address();
    one.hear(A, source, Body::PathTear(tear));
    one.announce(A, 3, 10.0);
    assert_eq!(one.dropped("limit: senders in all"), 1);
    let s3 = one.sender(3);
    one.reserve(D, 3, se(1.0, &[s3]));
    assert_eq!(one.installed().reservations.len(), 1);
}

#[test]
fn an_application_that_waits_keeps_no_sender_out() {
    // RFC 2205 §3.2: conflicting ports are those of sessions with senders.
    let mut one = One::new();
    let session = fairway_rsvp::wire::Session {
        port: 0,
        ..one.session
    };
    one.call(1, Call::Open(session)).unwrap();
    one.route(1, A, &[C]);
    one.announce(A, 1, 10.0);
    let now = one.now;
    let with_senders = one
        .engine
        .sessions(now)
        .iter()
        .filter(|session| !session.senders.is_empty())
        .count();
    assert_eq!(with_senders, 1);
    assert!(
        one.events
            .iter()
            .all(|(_, event)| !matches!(event, Event::Path(_)))
    );
}
