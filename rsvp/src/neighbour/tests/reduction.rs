//! RFC 2961: names, answers, repetition, Bundles.

use super::*;
use crate::msg::Ack;
use crate::wire::{AckKind, Epoch, HeaderFlags, Id, MessageId, MessageIdAck};

/// The times at which a node sent a message of this type, alone.
fn times(pair: &Pair, node: usize, message_type: MessageType) -> Vec<u64> {
    pair.sent[node]
        .iter()
        .filter(|(_, transmit)| read(transmit).body.message_type() == message_type)
        .map(|(at, _)| at.as_nanos() / 1_000_000)
        .collect()
}

mod capability {
    use super::*;

    /// RFC 2961 §2: by the flag of its messages.
    #[test]
    fn neighbours_learn_it_from_the_first_message() {
        let mut pair = Pair::new([Settings::default(), Settings::default()]);
        pair.send(0, towards(None, Some(1), true, path(a(), 1)));
        pair.settle();
        assert!(pair.row(1).refresh_reduction);
        pair.send(1, to(a(), Some(1), true, resv(b(), 1)));
        pair.settle();
        assert!(pair.row(0).refresh_reduction);
        // The Resv was named already, and acknowledged.
        assert!(pair.nodes[1].can_summarise(LINK, StateKey(1), Some(a())));
        assert!(!pair.nodes[0].can_summarise(LINK, StateKey(1), Some(b())));
        assert_eq!(types_sent(&pair, 0), [MessageType::PATH, MessageType::ACK]);
    }

    fn types_sent(pair: &Pair, node: usize) -> Vec<MessageType> {
        let sent: Vec<_> = pair.sent[node].iter().map(|sent| sent.1.clone()).collect();
        types(&sent)
    }

    /// RFC 2961 §2: lost at once when a message comes without. What waited goes without a name.
    #[test]
    fn capability_is_lost_with_the_flag() {
        let mut pair = Pair::acquainted();
        pair.send(0, to(b(), Some(1), true, resv(a(), 1)));
        pair.send(0, to(b(), None, true, path_err(a(), 2)));
        pair.settle_losing(|node, _| node == 0);
        let plain = octets(&Message::new(255, path_err(b(), 5)));
        let now = pair.now;
        pair.nodes[0].handle_datagram(now, &raw(b(), a(), 255), &plain);
        pair.sent[0].clear();
        pair.settle();
        assert_eq!(resends(&pair, 0), [StateKey(1)]);
        assert_eq!(pair.ports(1, MessageType::PATH_ERR), [2]);
        assert_eq!(read(&pair.sent[0][0].1).message_id, None);
        assert!(!pair.row(0).refresh_reduction);
        assert_eq!(pair.row(0).unacknowledged, 0);
        // And what the engine sends then has none either.
        pair.send(0, to(b(), Some(1), false, resv(a(), 1)));
        pair.settle();
        assert_eq!(read(&pair.sent[0][1].1).message_id, None);
        assert!(!pair.nodes[0].can_summarise(LINK, StateKey(1), Some(b())));
    }

    /// RFC 2961 §3.3: behind a hop without RSVP, a change of the neighbour would go unnoticed.
    #[test]
    fn neighbour_behind_a_hop_without_rsvp_is_not_capable() {
        let mut node = node_of(1, a(), Settings::default());
        let flagged = |ttl, body| {
            octets(&Message {
                flags: HeaderFlags::REFRESH_REDUCTION,
                ..Message::new(ttl, body)
            })
        };
        node.handle_datagram(ms(0), &raw(b(), a(), 61), &flagged(63, path(b(), 1)));
        assert!(!node.neighbours().next().unwrap().refresh_reduction);
        node.handle_datagram(ms(0), &raw(b(), a(), 255), &flagged(255, resv(b(), 1)));
        assert!(!node.neighbours().next().unwrap().refresh_reduction);
        node.handle_datagram(ms(0), &raw(b(), a(), 63), &flagged(63, path(b(), 1)));
        assert!(node.neighbours().next().unwrap().refresh_reduction);
    }

    /// RFC 2961 §3.3: one downstream sends no Path; what it sends tells as well.
    #[test]
    fn neighbour_behind_a_hop_without_rsvp_tells_by_all_it_sends() {
        for body in [
            resv(b(), 1),
            path_err(b(), 1),
            resv_err(b(), 1),
            path_tear(b(), 1),
            Body::Ack(Ack),
        ] {
            let mut node = node_of(1, a(), Settings::default());
            let message = octets(&Message {
                flags: HeaderFlags::REFRESH_REDUCTION,
                ..Message::new(255, body)
            });
            for (ttl, expected) in [(254, false), (255, true), (253, false)] {
                node.handle_datagram(ms(0), &raw(b(), a(), ttl), &message);
                let row = node.neighbours().next().unwrap();
                assert_eq!(row.refresh_reduction, expected);
            }
        }
    }
}

mod retransmission {
    use super::*;

    /// RFC 2961 §6.3: sent at 0, 0.5, 1.5; over at 3.5.
    #[test]
    fn message_goes_again_until_it_is_given_up() {
        let mut pair = Pair::acquainted();
        pair.send(0, to(b(), Some(1), true, resv(a(), 1)));
        pair.run_losing(ms(3499), |_, _| true);
        assert_eq!(times(&pair, 0, MessageType::RESV), [0, 500, 1500]);
        assert_eq!(pair.row(0).unacknowledged, 1);
        pair.run(ms(10_000));
        assert_eq!(times(&pair, 0, MessageType::RESV), [0, 500, 1500]);
        assert_eq!(pair.row(0).unacknowledged, 0);
        assert_eq!(pair.nodes[0].counters().unanswered, 1);
        assert!(!pair.nodes[0].can_summarise(LINK, StateKey(1), Some(b())));
    }

    #[test]
    fn answer_ends_it() {
        let mut pair = Pair::acquainted();
        pair.send(0, to(b(), Some(1), true, resv(a(), 1)));
        // The first is lost, and the answer to the second.
        let mut messages = 0;
        pair.run_losing(ms(10_000), |_, _| {
            messages += 1;
            messages == 1 || messages == 3
        });
        assert_eq!(times(&pair, 0, MessageType::RESV), [0, 500, 1500]);
        assert_eq!(times(&pair, 1, MessageType::ACK), [500, 1500]);
        assert_eq!(pair.nodes[0].counters().retransmitted, 2);
        assert!(pair.nodes[0].can_summarise(LINK, StateKey(1), Some(b())));
    }

    /// RFC 2961 §4.6: an error message is an answer.
    #[test]
    fn error_message_ends_it() {
        for (sent, error) in [
            (resv(a(), 1), resv_err(b(), 1)),
            (path(a(), 1), path_err(b(), 1)),
        ] {
            let mut pair = Pair::acquainted();
            pair.send(0, to(b(), Some(1), true, sent));
            pair.settle_losing(|_, _| true);
            pair.send(1, to(a(), None, true, resv_err(b(), 2)));
            pair.send(1, to(a(), None, true, path_err(b(), 2)));
            pair.settle_losing(|node, _| node == 0);
            assert_eq!(pair.row(0).unacknowledged, 1);
            pair.send(1, to(a(), None, true, error));
            pair.settle_losing(|node, _| node == 0);
            assert_eq!(pair.row(0).unacknowledged, 0);
        }
    }

    /// RFC 2961 §4, §6: a Path without a name does not tell that the tear before it is older.
    #[test]
    fn tear_is_not_repeated_behind_a_path_of_its_sender() {
        let tear = |port, template| {
            let Body::PathTear(mut tear) = path_tear(a(), port) else {
                panic!();
            };
            tear.sender = Some(TornSender {
                template,
                tspec: None,
                adspec: None,
            });
            towards(Some(b()), None, true, Body::PathTear(tear))
        };
        let own = sender().template;
        let other = SenderTemplate(Sender::V4([10, 8, 8, 9].into(), 4000));
        for (port, template, repeats) in [(1, own, 0), (1, other, 2), (2, own, 2)] {
            let mut pair = Pair::acquainted();
            pair.send(0, tear(port, template));
            pair.run_losing(ms(200), |_, _| true);
            pair.send(0, towards(None, Some(1), true, path(a(), 1)));
            pair.run_losing(ms(10_000), |_, _| true);
            assert_eq!(pair.nodes[0].counters().retransmitted, repeats);
            assert_eq!(pair.row(0).unacknowledged, 0);
        }
    }

    #[test]
    fn forgotten_state_is_not_repeated() {
        let mut pair = Pair::acquainted();
        pair.send(0, to(b(), Some(1), true, resv(a(), 1)));
        pair.settle_losing(|_, _| true);
        pair.nodes[0].forget(StateKey(1));
        pair.run(ms(5000));
        assert_eq!(times(&pair, 0, MessageType::RESV), [0]);
        assert_eq!(pair.row(0).named, 0);
    }

    #[test]
    fn newer_message_takes_the_place_of_the_older() {
        let mut pair = Pair::acquainted();
        pair.send(0, to(b(), Some(1), true, resv(a(), 1)));
        pair.settle_losing(|_, _| true);
        pair.send(0, to(b(), Some(1), true, resv(a(), 2)));
        pair.run(ms(5000));
        assert_eq!(pair.ports(1, MessageType::RESV), [2]);
    }

    /// RFC 2961 §4.5: a tear is repeated, too, and has a name above the state's.
    #[test]
    fn tear_is_repeated() {
        let mut pair = Pair::acquainted();
        pair.send(0, towards(Some(b()), Some(1), true, path(a(), 1)));
        pair.settle();
        pair.send(0, towards(Some(b()), None, true, path_tear(a(), 1)));
        pair.nodes[0].forget(StateKey(1));
        let mut first = true;
        pair.run_losing(ms(5000), |_, _| core::mem::take(&mut first));
        assert_eq!(pair.ports(1, MessageType::PATH_TEAR), [1]);
        assert_eq!(pair.row(0).unacknowledged, 0);
    }

    /// RFC 2961 §4.2: the same name for the same state; no answer is wanted once there was one.
    #[test]
    fn refresh_has_the_name_of_the_state() {
        let mut pair = Pair::acquainted();
        for trigger in [true, false, true] {
            pair.send(0, to(b(), Some(1), trigger, resv(a(), 1)));
            pair.settle();
        }
        let ids: Vec<_> = pair.sent[0]
            .iter()
            .map(|(_, sent)| read(sent).message_id.unwrap())
            .collect();
        assert_eq!(ids[0].id, ids[1].id);
        assert_eq!(ids[0].id.next(), ids[2].id);
        assert_eq!(
            ids.iter().map(|id| id.ack_desired).collect::<Vec<_>>(),
            [true, false, true]
        );
        assert_eq!(pair.row(0).named, 1);
    }

    #[test]
    fn what_waits_is_limited() {
        let limits = Limits {
            unacknowledged: 2,
            ..Limits::default()
        };
        let mut pair = Pair::new([Settings::default(), Settings::default()]);
        pair.nodes[0] = Neighbours::new(1, 0, &limits);
        pair.nodes[0].set_interface(ms(0), &interface(a(), Settings::default()));
        pair.acquaint();
        for key in 1..4 {
            pair.send(0, to(b(), Some(key), true, resv(a(), 1)));
        }
        pair.settle_losing(|_, _| true);
        assert_eq!(pair.row(0).unacknowledged, 2);
        assert_eq!(pair.nodes[0].counters().dropped["unacknowledged"], 1);
        // It went all the same, but asks for no answer.
        assert_eq!(asks_for_answers(&pair.sent[0][0].1), [true, true, false]);
    }

    /// Who answers nothing does not take the room of who does.
    #[test]
    fn what_waits_for_one_neighbour_is_limited() {
        let limits = Limits {
            unacknowledged: 1024,
            ..Limits::default()
        };
        let mut pair = Pair::new([Settings::default(), Settings::default()]);
        pair.nodes[0] = Neighbours::new(1, 0, &limits);
        pair.nodes[0].set_interface(ms(0), &interface(a(), Settings::default()));
        pair.acquaint();
        let other = ip("10.0.0.3");
        let heard = octets(&Message {
            flags: HeaderFlags::REFRESH_REDUCTION,
            ..Message::new(255, resv(other, 1))
        });
        pair.nodes[0].handle_datagram(ms(0), &raw(other, a(), 255), &heard);
        for _ in 0..1024 {
            pair.send(0, to(b(), None, true, path_err(a(), 1)));
        }
        pair.send(0, to(other, None, true, path_err(a(), 1)));
        let waiting: Vec<_> = pair.nodes[0]
            .neighbours()
            .map(|row| row.unacknowledged)
            .collect();
        assert_eq!(waiting, [128, 1]);
        assert_eq!(pair.nodes[0].counters().dropped["unacknowledged"], 896);
        let asking: usize = transmits(&mut pair.nodes[0])
            .iter()
            .filter(|sent| sent.destination == b())
            .map(|sent| asks_for_answers(sent).iter().filter(|asks| **asks).count())
            .sum();
        assert_eq!(asking, 128);
    }

    /// Of the messages in a Bundle.
    fn asks_for_answers(transmit: &Transmit) -> Vec<bool> {
        let Body::Bundle(bundle) = read(transmit).body else {
            panic!("no bundle");
        };
        bundle
            .messages(&crate::msg::Limits::default())
            .map(|message| message.unwrap().message_id.unwrap().ack_desired)
            .collect()
    }
}

mod answers {
    use super::*;

    fn named(id: u32, body: Body) -> Bytes {
        octets(&Message {
            flags: HeaderFlags::REFRESH_REDUCTION,
            message_id: Some(MessageId {
                ack_desired: true,
                epoch: Epoch::new(0x12_3456),
                id: Id(id),
            }),
            ..Message::new(255, body)
        })
    }

    /// RFC 2961 §4.6: on board of what goes to the same neighbour by itself, and not of a Path.
    #[test]
    fn answers_go_on_board() {
        let mut node = node_of(1, a(), Settings::default());
        node.handle_datagram(ms(0), &raw(b(), a(), 255), &named(7, resv(b(), 1)));
        let Some(Delivery::Message { ack: Some(ack), .. }) = node.poll_delivery() else {
            panic!();
        };
        node.acknowledge(ms(0), ack);
        node.send(ms(0), towards(None, Some(1), true, path(a(), 3)));
        node.send(ms(0), to(b(), None, true, path_err(a(), 1)));
        let sent = transmits(&mut node);
        assert_eq!(types(&sent), [MessageType::PATH, MessageType::PATH_ERR]);
        assert_eq!(read(&sent[0]).acks, []);
        let answer = MessageIdAck {
            kind: AckKind::Ack,
            epoch: Epoch::new(0x12_3456),
            id: Id(7),
        };
        assert_eq!(read(&sent[1]).acks, [answer]);
    }

    /// RFC 2961 §4.4: the layout is that of the vectors; here, what the node makes of it.
    #[test]
    fn answer_by_itself_is_an_ack() {
        let mut node = node_of(1, a(), Settings::default());
        node.handle_datagram(ms(0), &raw(b(), a(), 255), &named(7, resv(b(), 1)));
        let Some(Delivery::Message { ack: Some(ack), .. }) = node.poll_delivery() else {
            panic!();
        };
        node.acknowledge(ms(0), ack);
        let sent = transmits(&mut node);
        assert_eq!(types(&sent), [MessageType::ACK]);
        assert_eq!((sent[0].source, sent[0].destination), (a(), b()));
        assert!(!sent[0].router_alert);
        let answer = &sent[0].payload[8..];
        assert_eq!(answer, [0, 12, 24, 1, 0, 0x12, 0x34, 0x56, 0, 0, 0, 7]);
    }

    /// RFC 2961 §4.6: others answer, too, so a random time goes by.
    #[test]
    fn answer_to_a_group_waits() {
        let mut node = node_of(1, a(), Settings::default());
        let arrival = raw(b(), ip("224.1.1.1"), 255);
        node.handle_datagram(ms(0), &arrival, &named(7, path(b(), 1)));
        let Some(Delivery::Message { ack: Some(ack), .. }) = node.poll_delivery() else {
            panic!();
        };
        assert!(ack.multicast);
        node.acknowledge(ms(0), ack);
        assert_eq!(node.poll_transmit(), None);
        let at = node.poll_timeout().unwrap();
        assert!(at < ms(250));
        node.handle_timeout(at);
        assert_eq!(types(&transmits(&mut node)), [MessageType::ACK]);
    }

    /// RFC 2961 §4.4: the table.
    #[test]
    fn identifiers_tell_old_from_new() {
        let mut node = node_of(1, a(), Settings::default());
        let mut hear = |id, epoch: u32| {
            let octets = octets(&Message {
                message_id: Some(MessageId {
                    ack_desired: false,
                    epoch: Epoch::new(epoch),
                    id: Id(id),
                }),
                ..Message::new(255, resv(b(), 1))
            });
            node.handle_datagram(ms(0), &raw(b(), a(), 255), &octets);
            match node.poll_delivery() {
                Some(Delivery::Message { id, late, .. }) => (id, late),
                other => panic!("{other:?}"),
            }
        };
        let stored = hear(u32::MAX, 1);
        assert_eq!(
            Neighbours::judge(None, stored.0, stored.1),
            Verdict::Process
        );
        let mut judge = |id, epoch| {
            let (id, late) = hear(id, epoch);
            Neighbours::judge(stored.0, id, late)
        };
        assert_eq!(judge(u32::MAX, 1), Verdict::Refresh);
        // Across the wrap.
        assert_eq!(judge(1, 1), Verdict::Process);
        assert_eq!(judge(u32::MAX - 1, 1), Verdict::OutOfOrder);
        assert_eq!(judge(u32::MAX, 1), Verdict::Refresh);
        // Another epoch is a restart, whatever the identifier.
        assert_eq!(judge(5, 2), Verdict::Process);
        assert_eq!(Neighbours::judge(stored.0, None, false), Verdict::Process);
    }

    #[test]
    fn old_message_of_another_state_is_not_out_of_order() {
        let id = |id| {
            Some(IdOfState {
                interface: LINK,
                generator: b(),
                epoch: Epoch::new(1),
                id: Id(id),
            })
        };
        assert_eq!(Neighbours::judge(id(3), id(5), true), Verdict::Process);
        assert_eq!(Neighbours::judge(None, id(5), true), Verdict::Process);
        assert_eq!(Neighbours::judge(id(6), id(5), true), Verdict::OutOfOrder);
    }

    /// An answer to another epoch or interface, or to nothing, is none.
    #[test]
    fn strange_answers_change_nothing() {
        let mut pair = Pair::acquainted();
        pair.send(0, to(b(), Some(1), true, resv(a(), 1)));
        pair.settle_losing(|_, _| true);
        let id = read(&pair.sent[0][0].1).message_id.unwrap();
        for (kind, epoch, id) in [
            (AckKind::Ack, Epoch::new(id.epoch.number() ^ 1), id.id),
            (AckKind::Nack, Epoch::new(id.epoch.number() ^ 1), id.id),
            (AckKind::Ack, id.epoch, id.id.next()),
        ] {
            let octets = octets(&Message {
                flags: HeaderFlags::REFRESH_REDUCTION,
                acks: vec![MessageIdAck { kind, epoch, id }],
                ..Message::new(255, Body::Ack(Ack))
            });
            pair.nodes[0].handle_datagram(ms(0), &raw(b(), a(), 255), &octets);
        }
        assert_eq!(pair.nodes[0].poll_delivery(), None);
        assert_eq!(pair.row(0).unacknowledged, 1);
    }
}

mod bundles {
    use super::*;

    /// RFC 2961 §3.3: for one neighbour, in order, no router alert.
    #[test]
    fn one_flush_for_one_neighbour_is_one_bundle() {
        let mut pair = Pair::acquainted();
        pair.send(0, towards(Some(b()), Some(1), true, path(a(), 1)));
        pair.send(0, to(b(), Some(2), true, resv(a(), 2)));
        pair.send(0, towards(None, Some(3), true, path(a(), 3)));
        pair.send(0, to(b(), None, true, path_err(a(), 4)));
        pair.settle();
        let sent: Vec<_> = pair.sent[0].iter().map(|sent| sent.1.clone()).collect();
        assert_eq!(types(&sent), [MessageType::BUNDLE, MessageType::PATH]);
        assert_eq!(
            bundled(&sent[0]),
            [MessageType::PATH, MessageType::RESV, MessageType::PATH_ERR]
        );
        assert_eq!((sent[0].source, sent[0].destination), (a(), b()));
        assert!(!sent[0].router_alert);
        assert_eq!(pair.ports(1, MessageType::PATH), [1, 3]);
        // RFC 2961 §3.4: no hop in between was without RSVP.
        for delivery in &pair.delivered[1] {
            if let Delivery::Message {
                ttl,
                non_rsvp_hop,
                message,
                ..
            } = delivery
            {
                assert_eq!((*ttl, *non_rsvp_hop), (message.send_ttl, false));
            }
        }
    }

    #[test]
    fn hops_without_rsvp_are_those_of_the_bundle() {
        let mut pair = Pair::acquainted();
        pair.send(0, towards(Some(b()), Some(1), true, path(a(), 1)));
        pair.send(0, to(b(), Some(2), true, resv(a(), 2)));
        pair.poll();
        let sent = pair.sent[0][0].1.clone();
        let arrival = raw(a(), b(), sent.ttl - 2);
        pair.nodes[1].handle_datagram(ms(0), &arrival, &sent.payload);
        let Some(Delivery::Message {
            ttl, non_rsvp_hop, ..
        }) = pair.nodes[1].poll_delivery()
        else {
            panic!();
        };
        assert_eq!((ttl, non_rsvp_hop), (61, true));
    }

    /// RFC 2961 §3.4: the Bundle has crossed more hops than its part says it had left.
    #[test]
    fn ttl_does_not_wrap() {
        let mut node = node_of(1, a(), Settings::default());
        let part = Message::new(10, path(b(), 1)).encode().unwrap().into();
        let bundle = crate::msg::Bundle::of_encoded(vec![part]).unwrap();
        let bundle = octets(&Message::new(255, Body::Bundle(bundle)));
        let alone = octets(&Message::new(10, path(b(), 1)));
        // And what comes with more than it says has crossed something, but nobody knows how much.
        for (octets, came) in [(bundle, 240), (alone, 20)] {
            node.handle_datagram(ms(0), &raw(b(), a(), came), &octets);
            let Some(Delivery::Message {
                ttl, non_rsvp_hop, ..
            }) = node.poll_delivery()
            else {
                panic!();
            };
            let expected = if came == 240 { 0 } else { 10 };
            assert_eq!((ttl, non_rsvp_hop), (expected, true));
        }
    }

    #[test]
    fn bundles_keep_to_the_mtu() {
        let mut pair = Pair::acquainted();
        for key in 1..=100 {
            pair.send(0, to(b(), Some(key), true, resv(a(), 1)));
        }
        pair.settle();
        let sizes: Vec<_> = pair.sent[0]
            .iter()
            .map(|sent| sent.1.payload.len())
            .collect();
        assert!(sizes.len() >= 6, "{sizes:?}");
        assert!(sizes.iter().all(|size| *size <= 1472), "{sizes:?}");
        assert_eq!(pair.ports(1, MessageType::RESV).len(), 100);
        assert_eq!(pair.row(0).unacknowledged, 0);
    }

    #[test]
    fn broken_part_spoils_no_other() {
        let mut pair = Pair::acquainted();
        for port in 1..=3 {
            pair.send(0, to(b(), Some(port.into()), true, resv(a(), port)));
        }
        pair.poll();
        let sent = pair.sent[0][0].1.clone();
        let mut payload = sent.payload.to_vec();
        let middle = payload.len() / 2;
        payload[middle] ^= 0xff;
        // RFC 2961 §3.1: the Bundle's checksum may be left out.
        payload[2..4].fill(0);
        pair.nodes[1].handle_datagram(ms(0), &arrival(&sent), &payload.into());
        pair.settle();
        assert_eq!(pair.ports(1, MessageType::RESV)[..2], [1, 3]);
    }
}
