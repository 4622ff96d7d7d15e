//! RFC 2961 §5: summaries.

use super::*;
use crate::msg::{Ack, Srefresh};
use crate::wire::{AckKind, Epoch, HeaderFlags, Id, IdEntries, MessageIdAck, MessageIdList, SrcId};

fn known(pair: &mut Pair, states: u64) {
    for key in 1..=states {
        pair.send(0, to(b(), Some(key), true, resv(a(), 1)));
    }
    pair.settle();
    pair.delivered[1].clear();
    pair.sent[0].clear();
}

fn refreshed(pair: &Pair, node: usize) -> Vec<u32> {
    pair.delivered[node]
        .iter()
        .filter_map(|delivery| match delivery {
            Delivery::Refreshed { id, .. } => Some(id.id.0),
            _ => None,
        })
        .collect()
}

/// RFC 2961 §5.3: within a second, all in one.
#[test]
fn states_are_refreshed_by_one_message() {
    let mut pair = Pair::acquainted();
    known(&mut pair, 3);
    for key in [1, 2, 3, 2] {
        let now = pair.now;
        assert!(pair.nodes[0].can_summarise(LINK, StateKey(key), Some(b())));
        pair.nodes[0].summarise(now, LINK, StateKey(key));
    }
    let start = pair.now;
    pair.run(start + Duration::from_secs(1));
    assert_eq!(pair.sent[0].len(), 1);
    let Body::Srefresh(Srefresh { lists }) = read(&pair.sent[0][0].1).body else {
        panic!();
    };
    let IdEntries::Ids(ids) = &lists[0].entries else {
        panic!();
    };
    assert_eq!(ids.len(), 3);
    assert_eq!(
        refreshed(&pair, 1),
        ids.iter().map(|id| id.0).collect::<Vec<_>>()
    );
    let Delivery::Refreshed { id, flow, .. } = &pair.delivered[1][0] else {
        panic!();
    };
    assert_eq!((id.generator, *flow), (a(), None));
}

#[test]
fn many_states_fill_packets() {
    let mut pair = Pair::acquainted();
    known(&mut pair, 1000);
    for key in 1..=1000 {
        let now = pair.now;
        pair.nodes[0].summarise(now, LINK, StateKey(key));
    }
    let start = pair.now;
    pair.run(start + Duration::from_secs(1));
    assert_eq!(refreshed(&pair, 1).len(), 1000);
    assert_eq!(pair.sent[0].len(), 3);
    assert!(pair.sent[0].iter().all(|sent| sent.1.payload.len() <= 1472));
    assert_eq!(pair.nodes[0].counters().summarised, 1000);
}

/// RFC 2961 §5.4: what is not known is asked for, and sent in full once.
#[test]
fn unknown_state_is_sent_in_full() {
    let mut pair = Pair::acquainted();
    known(&mut pair, 2);
    for key in [1, 2] {
        let now = pair.now;
        pair.nodes[0].summarise(now, LINK, StateKey(key));
    }
    let start = pair.now;
    pair.run(start + Duration::from_secs(1));
    let Delivery::Refreshed { id, interface, .. } = pair.delivered[1][1] else {
        panic!();
    };
    let now = pair.now;
    // Nor by whom it was not sent to.
    let mut strange = Message::new(255, Body::Ack(Ack));
    strange.flags = HeaderFlags::REFRESH_REDUCTION;
    strange.acks = vec![MessageIdAck {
        kind: AckKind::Nack,
        epoch: id.epoch,
        id: id.id,
    }];
    let strange = octets(&strange);
    pair.nodes[0].handle_datagram(now, &raw(ip("10.0.0.3"), a(), 255), &strange);
    pair.settle();
    assert_eq!(resends(&pair, 0), []);
    pair.nodes[1].nack(now, interface, id);
    pair.nodes[1].nack(now, interface, id);
    pair.settle();
    assert_eq!(resends(&pair, 0), [StateKey(2)]);
    assert!(!pair.nodes[0].can_summarise(LINK, StateKey(2), Some(b())));
    pair.send(0, to(b(), Some(2), false, resv(a(), 1)));
    pair.settle();
    assert!(pair.nodes[0].can_summarise(LINK, StateKey(2), Some(b())));
    assert_eq!(pair.ports(1, MessageType::RESV), [1]);
    // Not again before an answer can have come.
    let now = pair.now;
    pair.nodes[1].nack(now, interface, id);
    pair.settle();
    assert_eq!(resends(&pair, 0), [StateKey(2)]);
    pair.run(now + Duration::from_secs(1));
    let now = pair.now;
    pair.nodes[1].nack(now, interface, id);
    pair.settle();
    assert_eq!(resends(&pair, 0), [StateKey(2), StateKey(2)]);
}

/// The neighbour has changed its mind before the summary went.
#[test]
fn state_of_who_is_not_capable_any_more_is_sent_in_full() {
    let mut pair = Pair::acquainted();
    known(&mut pair, 1);
    let now = pair.now;
    pair.nodes[0].summarise(now, LINK, StateKey(1));
    let plain = octets(&Message::new(255, path_err(b(), 5)));
    pair.nodes[0].handle_datagram(now, &raw(b(), a(), 255), &plain);
    pair.run(now + Duration::from_secs(1));
    assert!(pair.delivered[0].contains(&Delivery::Unlisted(vec![StateKey(1)])));
    assert!(!pair.nodes[0].is_summarised(StateKey(1)));
    assert!(pair.sent[0].is_empty());
    pair.nodes[0].summarise(now, LINK, StateKey(77));
    pair.poll();
    assert_eq!(resends(&pair, 0), [StateKey(77)]);
}

/// RFC 2961 §5.1: C-Types 2 to 5 tell source and group.
#[test]
fn lists_of_sources_and_groups_are_read() {
    let mut node = node_of(1, a(), Settings::default());
    let list = MessageIdList {
        epoch: Epoch::new(5),
        entries: IdEntries::SrcV4(vec![SrcId {
            id: Id(3),
            source: [10, 8, 8, 8].into(),
        }]),
    };
    let octets = octets(&Message {
        flags: HeaderFlags::REFRESH_REDUCTION,
        ..Message::new(64, Body::Srefresh(Srefresh { lists: vec![list] }))
    });
    node.handle_datagram(ms(0), &raw(b(), ip("239.1.1.1"), 64), &octets);
    let flow = Some((ip("10.8.8.8"), ip("239.1.1.1")));
    let id = IdOfState {
        interface: LINK,
        generator: b(),
        epoch: Epoch::new(5),
        id: Id(3),
    };
    assert_eq!(
        node.poll_delivery(),
        Some(Delivery::Refreshed {
            interface: LINK,
            id,
            flow
        })
    );
}

/// RFC 2961 §5.3: an identifier names one message, so to name it again says nothing.
#[test]
fn identifier_is_refreshed_once_by_a_message() {
    let mut node = node_of(1, a(), Settings::default());
    let list = |epoch, entries| MessageIdList {
        epoch: Epoch::new(epoch),
        entries,
    };
    let source = |last| SrcId {
        id: Id(8),
        source: [10, 8, 8, last].into(),
    };
    let mut ids = vec![Id(9); 10_000];
    ids.push(Id(7));
    let lists = vec![
        list(5, IdEntries::Ids(ids)),
        list(5, IdEntries::Ids(vec![Id(7); 10])),
        list(6, IdEntries::Ids(vec![Id(7)])),
    ];
    let sources = vec![list(5, IdEntries::SrcV4((0..99).map(source).collect()))];
    for (lists, expected) in [
        (lists.clone(), vec![(5, 9), (5, 7), (6, 7)]),
        (lists, vec![(5, 9), (5, 7), (6, 7)]),
        (sources, vec![(5, 8)]),
    ] {
        let octets = octets(&Message {
            flags: HeaderFlags::REFRESH_REDUCTION,
            ..Message::new(64, Body::Srefresh(Srefresh { lists }))
        });
        node.handle_datagram(ms(0), &raw(b(), a(), 64), &octets);
        let ids: Vec<_> = deliveries(&mut node)
            .into_iter()
            .map(|delivery| match delivery {
                Delivery::Refreshed { id, .. } => (id.epoch.number(), id.id.0),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(ids, expected);
    }
}

/// RFC 2961 §5.3: Path states of multicast sessions, on a link with one peer, by C-Type 4.
#[test]
fn multicast_sessions_are_listed_with_source_and_group() {
    let mut pair = Pair::acquainted();
    let Body::Path(mut path) = path(a(), 1) else {
        panic!();
    };
    path.session.destination = ip("239.1.1.1");
    pair.send(0, towards(Some(b()), Some(1), true, Body::Path(path)));
    // It went to a group, so the answer takes its time.
    pair.run(ms(400));
    pair.delivered[1].clear();
    let now = pair.now;
    pair.nodes[0].summarise(now, LINK, StateKey(1));
    pair.run(now + Duration::from_secs(1));
    let Delivery::Refreshed { flow, .. } = pair.delivered[1][0] else {
        panic!();
    };
    assert_eq!(flow, Some((ip("10.8.8.8"), ip("239.1.1.1"))));
}

/// The vector: ids 7 and 9, epoch 0x123456, TTL 64.
#[test]
fn golden_octets_are_read() {
    const SREFRESH: [u8; 24] = [
        0x11, 0x0f, 0x61, 0x4f, 0x40, 0, 0, 0x18, 0, 0x10, 0x19, 1, 0, 0x12, 0x34, 0x56, 0, 0, 0,
        7, 0, 0, 0, 9,
    ];
    let mut node = node_of(1, a(), Settings::default());
    node.handle_datagram(ms(0), &raw(b(), a(), 64), &Bytes::from_static(&SREFRESH));
    let ids: Vec<_> = deliveries(&mut node)
        .into_iter()
        .map(|delivery| match delivery {
            Delivery::Refreshed { id, .. } => (id.epoch.number(), id.id.0),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(ids, [(0x12_3456, 7), (0x12_3456, 9)]);
}

/// A neighbour that is back has been told nothing yet; but what it is told counts.
#[test]
fn interface_that_comes_back_is_told_anew() {
    let mut pair = Pair::acquainted();
    known(&mut pair, 2);
    let now = pair.now;
    pair.nodes[0].summarise(now, LINK, StateKey(1));
    pair.nodes[0].remove_interface(now, LINK);
    pair.nodes[0].set_interface(now, &interface(a(), Settings::default()));
    pair.acquaint();
    assert_eq!(pair.row(0).named, 0);
    for key in [1, 2] {
        assert!(!pair.nodes[0].can_summarise(LINK, StateKey(key), Some(b())));
        pair.send(0, to(b(), Some(key), false, resv(a(), 1)));
        pair.settle();
        assert!(pair.nodes[0].can_summarise(LINK, StateKey(key), Some(b())));
        let now = pair.now;
        pair.nodes[0].summarise(now, LINK, StateKey(key));
    }
    assert_eq!(pair.row(0).named, 2);
    let end = pair.now + Duration::from_secs(1);
    pair.run(end);
    assert_eq!(refreshed(&pair, 1).len(), 2);
    pair.nodes[0].forget(StateKey(1));
    assert_eq!(pair.row(0).named, 1);
}

/// RFC 2961 §5.3: another next hop knows nothing of what the one before has acknowledged; nor who it is, if not known.
#[test]
fn another_neighbour_is_told_in_full() {
    let mut pair = Pair::acquainted();
    pair.send(0, towards(Some(b()), Some(1), true, path(a(), 1)));
    pair.settle();
    for (neighbour, expected) in [
        (Some(b()), true),
        (Some(ip("10.0.0.3")), false),
        (None, false),
    ] {
        let can = pair.nodes[0].can_summarise(LINK, StateKey(1), neighbour);
        assert_eq!(can, expected);
    }
}

/// RFC 2961 §5.3, §5.5: once in each period, and sent in full meanwhile under the name that is known.
#[test]
fn listed_state_is_named_in_every_period() {
    let mut pair = Pair::acquainted();
    known(&mut pair, 1000);
    for key in 1..=1000 {
        let now = pair.now;
        pair.nodes[0].summarise(now, LINK, StateKey(key));
    }
    let start = pair.now;
    pair.run(start + Duration::from_secs(1));
    pair.delivered[1].clear();
    pair.sent[0].clear();
    let mut last: std::collections::BTreeMap<u32, u32> = std::collections::BTreeMap::new();
    for second in 1..=1200 {
        if second % 300 == 0 {
            assert!(pair.nodes[0].is_summarised(StateKey(1)));
            pair.send(0, to(b(), Some(1), false, resv(a(), 1)));
        }
        pair.run(start + Duration::from_secs(1 + u64::from(second)));
        for id in refreshed(&pair, 1) {
            let gap = second - last.insert(id, second).unwrap_or(0);
            assert!(gap <= 60, "{id} after {gap} s");
        }
        pair.delivered[1].clear();
    }
    assert_eq!(last.len(), 1000);
    let (full, summaries): (Vec<_>, Vec<_>) = pair.sent[0]
        .iter()
        .map(|(_, sent)| read(sent))
        .partition(|message| matches!(message.body, Body::Resv(_)));
    // Three pages a turn, of thirty seconds on average.
    assert!(
        (100..=150).contains(&summaries.len()),
        "{}",
        summaries.len()
    );
    let names: Vec<_> = full
        .iter()
        .map(|message| message.message_id.unwrap())
        .collect();
    assert_eq!(names.len(), 4);
    assert!(names.iter().all(|id| *id == names[0] && !id.ack_desired));
}

/// What is said anew is not refreshed by the name it had; nor what is gone.
#[test]
fn state_comes_off_the_roll_when_it_is_named_anew_or_forgotten() {
    let mut pair = Pair::acquainted();
    known(&mut pair, 3);
    for key in 1..=3 {
        let now = pair.now;
        pair.nodes[0].summarise(now, LINK, StateKey(key));
    }
    pair.nodes[0].forget(StateKey(1));
    pair.send(0, to(b(), Some(2), true, resv(a(), 2)));
    assert!(!pair.nodes[0].is_summarised(StateKey(2)));
    let start = pair.now;
    pair.run(start + Duration::from_secs(200));
    let ids = refreshed(&pair, 1);
    assert!(
        ids.len() > 3 && ids.iter().all(|id| *id == ids[0]),
        "{ids:?}"
    );
    assert!(pair.nodes[0].is_summarised(StateKey(3)));
    pair.nodes[0].forget(StateKey(3));
    pair.delivered[1].clear();
    pair.run(start + Duration::from_secs(400));
    assert!(refreshed(&pair, 1).is_empty());
}
