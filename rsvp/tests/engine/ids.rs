//! Names of messages, as far as state depends on them: RFC 2961 §4, §5.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fairway_rsvp::api::Call;
use fairway_rsvp::engine::Config;
use fairway_rsvp::intserv::Tspec;
use fairway_rsvp::msg::{Ack, Body, LooseFlows, Message, ResvTear, Srefresh};
use fairway_rsvp::wire::{
    AckKind, Epoch, HeaderFlags, Id, IdEntries, McastId, MessageId, MessageIdAck, MessageIdList,
    MessageType, RsvpHop, Style,
};

use crate::net::{tspec, udp};
use crate::one::{A, C, One, ff, loose, se};

pub(crate) fn named(body: Body, id: u32) -> Message {
    let mut message = Message::new(64, body);
    message.flags = HeaderFlags::REFRESH_REDUCTION;
    message.message_id = Some(MessageId {
        ack_desired: true,
        epoch: Epoch::new(7),
        id: Id(id),
    });
    message
}

fn node() -> One {
    let session = One::new().session;
    let mut one = One::in_session(session, Config::default());
    one.settings.refresh_reduction = true;
    for interface in 1..=4 {
        one.set_interface(interface, true);
    }
    for sender in [1, 2] {
        one.route(sender, A, &[C]);
    }
    one
}

fn path(one: &mut One, id: u32, sender: u8, tspec: Tspec) {
    let path = one.path(A, sender, tspec);
    let source = one.sender(sender).address();
    one.hear_message(A, source, &named(Body::Path(path), id));
}

#[test]
fn messages_that_were_overtaken_are_dropped_and_not_acknowledged() {
    // RFC 2961 §4.6.
    let mut one = node();
    path(&mut one, 5, 1, tspec(5.0));
    path(&mut one, 9, 1, tspec(9.0));
    one.sent();
    path(&mut one, 7, 1, tspec(7.0));
    assert_eq!(one.sent(), []);
    let now = one.now;
    assert_eq!(one.engine.sessions(now)[0].senders[0].tspec, tspec(9.0));
    // A tear that was overtaken by a new Path does not end it.
    let tear = one.path_tear(one.neighbour(A, 2), 1);
    let source = one.sender(1).address();
    one.hear_message(A, source, &named(Body::PathTear(tear.clone()), 8));
    let now = one.now;
    assert_eq!(one.engine.sessions(now).len(), 1);
    // Another state may be named by a number that is less than the largest.
    path(&mut one, 6, 2, tspec(6.0));
    let now = one.now;
    assert_eq!(one.engine.sessions(now)[0].senders.len(), 2);
    one.hear_message(A, source, &named(Body::PathTear(tear), 10));
    let now = one.now;
    assert_eq!(one.engine.sessions(now)[0].senders.len(), 1);
}

#[test]
fn of_style_ff_the_last_message_decides_what_was_overtaken() {
    // RFC 2961 §4.6; RFC 2205 §3.1.4: each descriptor is a state of its own, and they come in one message.
    let mut one = node();
    path(&mut one, 1, 1, tspec(100.0));
    path(&mut one, 2, 2, tspec(100.0));
    let (s1, s2) = (one.sender(1), one.sender(2));
    let from = one.neighbour(C, 2);
    let hear = |one: &mut One, id: u32, list: &[(fairway_rsvp::wire::Sender, f32)]| {
        let resv = one.resv(C, 2, ff(list));
        one.hear_message(C, from, &named(Body::Resv(resv), id));
    };
    hear(&mut one, 5, &[(s1, 1.0), (s2, 1.0)]);
    hear(&mut one, 9, &[(s2, 3.0)]);
    hear(&mut one, 7, &[(s1, 2.0), (s2, 2.0)]);
    let now = one.now;
    let rates: Vec<f32> = one.engine.sessions(now)[0]
        .reservations
        .iter()
        .map(|one| one.flowspec.rate().get())
        .collect();
    assert_eq!(rates, [10_000.0, 30_000.0]);
}

#[test]
fn of_style_ff_a_tear_that_was_overtaken_in_part_does_the_rest() {
    // RFC 2961 §4.6; RFC 2205 §3.1.6: what is torn here goes on.
    let mut one = node();
    path(&mut one, 1, 1, tspec(100.0));
    path(&mut one, 2, 2, tspec(100.0));
    let (s1, s2) = (one.sender(1), one.sender(2));
    let from = one.neighbour(C, 2);
    for (id, list) in [(5, &[(s1, 1.0), (s2, 1.0)][..]), (8, &[(s2, 1.0)])] {
        let resv = one.resv(C, 2, ff(list));
        one.hear_message(C, from, &named(Body::Resv(resv), id));
    }
    one.wait(Duration::from_millis(10));
    one.sent();
    let tear = |one: &mut One| {
        let body = Body::ResvTear(ResvTear {
            session: one.session,
            hop: RsvpHop {
                address: from,
                handle: C,
            },
            scope: None,
            flows: loose(Style::FF, None, &[s1, s2]),
            unknown: Vec::new(),
        });
        one.hear_message(C, from, &named(body, 7));
        one.wait(Duration::from_millis(10));
        let messages = one.sent_messages();
        let acks: Vec<u32> = messages
            .iter()
            .flat_map(|message| &message.acks)
            .map(|ack| ack.id.0)
            .collect();
        let torn: Vec<LooseFlows> = messages
            .into_iter()
            .filter_map(|message| match message.body {
                Body::ResvTear(tear) => Some(tear.flows),
                _ => None,
            })
            .collect();
        (torn, acks)
    };
    assert_eq!(
        tear(&mut one),
        (vec![loose(Style::FF, None, &[s1])], vec![7])
    );
    let now = one.now;
    assert_eq!(one.engine.sessions(now)[0].reservations.len(), 1);
    // Nothing is left that is older.
    assert_eq!(tear(&mut one), (vec![], vec![]));
}

fn summary(one: &mut One, id: u32) {
    summary_from(one, C, id);
}

/// Neighbour 2 of an interface refreshes something by name.
pub(crate) fn summary_from(one: &mut One, interface: u32, id: u32) {
    let from = one.neighbour(interface, 2);
    let list = MessageIdList {
        epoch: Epoch::new(7),
        entries: IdEntries::Ids(vec![Id(id)]),
    };
    let mut message = Message::new(64, Body::Srefresh(Srefresh { lists: vec![list] }));
    message.flags = HeaderFlags::REFRESH_REDUCTION;
    one.hear_message(interface, from, &message);
}

/// Neighbour 2 of an interface answers a name.
fn answer(one: &mut One, interface: u32, kind: AckKind, name: MessageId) {
    let mut message = Message::new(64, Body::Ack(Ack));
    message.flags = HeaderFlags::REFRESH_REDUCTION;
    message.acks = vec![MessageIdAck {
        kind,
        epoch: name.epoch,
        id: name.id,
    }];
    let from = one.neighbour(interface, 2);
    one.hear_message(interface, from, &message);
}

/// Neighbour 2 of an interface acknowledges the last message of a type that was sent.
pub(crate) fn acknowledge(one: &mut One, interface: u32, wanted: MessageType) -> MessageId {
    let sent = names(one, wanted);
    let name = sent.last().copied().flatten().expect("a named message");
    answer(one, interface, AckKind::Ack, name);
    name
}

/// Neighbour 2 of an interface does not know a name.
pub(crate) fn refuse(one: &mut One, interface: u32, name: MessageId) {
    answer(one, interface, AckKind::Nack, name);
}

#[test]
fn a_summary_keeps_only_the_filters_that_its_message_named() {
    // RFC 2961 §5.3 with RFC 2209 §1.2: it stands for that message.
    let mut one = node();
    path(&mut one, 1, 1, tspec(100.0));
    path(&mut one, 2, 2, tspec(100.0));
    let (s1, s2) = (one.sender(1), one.sender(2));
    let from = one.neighbour(C, 2);
    for (id, senders) in [(5, &[s1, s2][..]), (6, &[s2])] {
        let mut resv = one.resv(C, 2, se(1.0, senders));
        resv.time_values.refresh_millis = 1000;
        one.hear_message(C, from, &named(Body::Resv(resv), id));
        one.wait(Duration::from_secs(1));
    }
    for _ in 0..8 {
        summary(&mut one, 6);
        one.wait(Duration::from_secs(1));
    }
    assert_eq!(one.installed().on(C)[0].1, [Some(s2)]);
}

#[test]
fn unknown_names_are_refused_and_a_refused_name_brings_the_whole_message() {
    // RFC 2961 §5.3, §5.4.
    let mut one = node();
    path(&mut one, 1, 1, tspec(100.0));
    one.sent();
    let s1 = one.sender(1);
    summary(&mut one, 99);
    let from = one.neighbour(C, 2);
    let resv = one.resv(C, 2, ff(&[(s1, 1.0)]));
    one.hear_message(C, from, &named(Body::Resv(resv), 100));
    one.wait(Duration::from_millis(10));
    let answers: Vec<(AckKind, u32)> = one
        .sent_messages()
        .iter()
        .flat_map(|message| &message.acks)
        .map(|ack| (ack.kind, ack.id.0))
        .collect();
    assert!(answers.contains(&(AckKind::Nack, 99)), "{answers:?}");
    assert!(answers.contains(&(AckKind::Ack, 100)), "{answers:?}");
    // What the previous hop was told is told again when it says it does not know it.
    path(&mut one, 3, 1, tspec(200.0));
    one.sent();
    let resv = one.resv(C, 2, ff(&[(s1, 2.0)]));
    one.hear_message(C, from, &named(Body::Resv(resv), 101));
    let sent = one.sent_messages();
    let name = sent
        .iter()
        .find(|message| matches!(message.body, Body::Resv(_)))
        .and_then(|message| message.message_id)
        .expect("a named Resv");
    refuse(&mut one, A, name);
    let again = one.sent_messages();
    assert!(again.iter().any(
        |message| matches!(&message.body, Body::Resv(resv) if resv.flows == ff(&[(s1, 2.0)]))
    ));
}

#[test]
fn a_name_is_of_the_interface_it_came_in_by() {
    // RFC 2747: where nothing is signed, anybody may send a summary under a neighbour's address.
    let mut one = node();
    path(&mut one, 5, 1, tspec(100.0));
    for (interface, refused) in [(A, false), (C, true)] {
        let list = MessageIdList {
            epoch: Epoch::new(7),
            entries: IdEntries::Ids(vec![Id(5)]),
        };
        let mut message = Message::new(64, Body::Srefresh(Srefresh { lists: vec![list] }));
        message.flags = HeaderFlags::REFRESH_REDUCTION;
        let from = one.neighbour(A, 2);
        one.wait(Duration::from_millis(10));
        one.sent();
        one.hear_message(interface, from, &message);
        let messages = one.sent_messages();
        let mut acks = messages.iter().flat_map(|message| &message.acks);
        assert_eq!(acks.any(|ack| ack.kind == AckKind::Nack), refused);
    }
}

#[test]
fn of_many_names_of_one_flow_routing_is_asked_once() {
    // RFC 2961 §5.4: who does not forward that data does not answer.
    let mut one = node();
    let session = one.session;
    let from = one.neighbour(A, 2);
    let (IpAddr::V4(source), IpAddr::V4(group)) = (one.sender(1).address(), session.destination)
    else {
        panic!("IPv4");
    };
    let refused = |one: &mut One, source: Ipv4Addr| {
        let entries = (0..1000).map(|number| McastId {
            id: Id(number),
            source,
            group,
        });
        let list = MessageIdList {
            epoch: Epoch::new(7),
            entries: IdEntries::McastV4(entries.collect()),
        };
        let mut message = Message::new(64, Body::Srefresh(Srefresh { lists: vec![list] }));
        message.flags = HeaderFlags::REFRESH_REDUCTION;
        one.table().asked = 0;
        one.hear_message(A, from, &message);
        let messages = one.sent_messages();
        let acks: usize = messages.iter().map(|message| message.acks.len()).sum();
        let asked = one.table().asked;
        (acks, asked)
    };
    assert_eq!(refused(&mut one, source), (1000, 1));
    let other = Ipv4Addr::new(10, 9, 0, 77);
    assert_eq!(refused(&mut one, other), (0, 1));
    // Now an application of this node wants it.
    one.call(1, Call::Open(session)).unwrap();
    assert_eq!(refused(&mut one, other), (1000, 1));
    // And another, of another session of that destination; until the last of them goes.
    one.call(2, Call::Open(udp(group, 5001))).unwrap();
    for (gone, asked) in [(1, 1000), (2, 0)] {
        one.call(gone, Call::Release).unwrap();
        assert_eq!(refused(&mut one, other), (asked, 1), "{gone}");
    }
}

/// Which messages of a type have left since this was last asked: their names, if they have one.
fn names(one: &mut One, wanted: MessageType) -> Vec<Option<MessageId>> {
    one.sent_messages()
        .iter()
        .filter(|message| message.body.message_type() == wanted)
        .map(|message| message.message_id)
        .collect()
}

#[test]
fn a_second_next_hop_hears_the_paths_that_summaries_refresh_at_the_first() {
    // RFC 2961 §5.3: a summary goes to one neighbour. Both are on one link; who takes the data on, nobody knows.
    let session = udp(Ipv4Addr::new(10, 8, 8, 8), 5000);
    let mut one = One::in_session(session, Config::default());
    one.settings.refresh_reduction = true;
    for interface in 1..=4 {
        one.set_interface(interface, true);
    }
    one.route(1, A, &[C]);
    path(&mut one, 1, 1, tspec(100.0));
    let s1 = one.sender(1);
    for (number, id) in [(2, 100), (3, 100)] {
        let from = one.neighbour(C, number);
        let resv = one.resv(C, number, ff(&[(s1, 1.0)]));
        one.hear_message(C, from, &named(Body::Resv(resv), id));
        names(&mut one, MessageType::PATH);
        one.wait(Duration::from_secs(46));
        // Within a refresh period it goes out: to one neighbour under a name, to two under none.
        let sent = names(&mut one, MessageType::PATH);
        let first = *sent.first().expect("a Path");
        assert_eq!(first.is_some(), number == 2, "{sent:?}");
        if let Some(name) = first {
            answer(&mut one, C, AckKind::Ack, name);
            one.wait(Duration::from_secs(60));
            one.sent();
            one.wait(Duration::from_secs(100));
            let messages = one.sent_messages();
            let is = |kind| move |message: &&Message| message.body.message_type() == kind;
            assert!(messages.iter().filter(is(MessageType::SREFRESH)).count() >= 2);
            assert_eq!(messages.iter().filter(is(MessageType::PATH)).count(), 0);
        }
    }
}
