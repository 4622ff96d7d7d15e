//! RFC 2747, RFC 3097: keys, numbers, challenges.

use super::*;
use crate::integrity::{Algorithm, Key, Signature, sign};
use crate::msg::{Ack, IntegrityChallenge};
use crate::notice::Why;
use crate::wire::{AckKind, Challenge, Epoch, HeaderFlags, Id, KeyId, MessageIdAck};

fn key(id: u64, secret: &[u8]) -> SecurityKey {
    SecurityKey {
        id: KeyId::new(id).unwrap(),
        key: Key::new(Algorithm::HmacMd5, secret),
        neighbour: None,
        starts: 0,
        ends: u64::MAX,
    }
}

fn secured(handshake: bool, keys: Vec<SecurityKey>) -> Settings {
    Settings {
        security: Some(Security {
            keys,
            required: true,
            handshake,
            window: 32,
        }),
        ..Settings::default()
    }
}

fn simple(handshake: bool) -> Settings {
    secured(handshake, vec![key(1, b"rsvp-example-key")])
}

fn pair(handshake: bool) -> Pair {
    Pair::new([simple(handshake), simple(handshake)])
}

fn dropped(node: &Neighbours, reason: &str) -> u64 {
    node.counters().dropped.get(reason).copied().unwrap_or(0)
}

fn sequence(transmit: &Transmit) -> u64 {
    read(transmit).integrity.unwrap().sequence
}

/// The vector: Ack of id 7, key 1, number 0x100000007.
#[test]
fn golden_octets_are_believed() {
    const SIGNED: [u8; 56] = [
        0x11, 0x0d, 0, 0, 0x40, 0, 0, 0x38, 0, 0x24, 4, 1, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1,
        0, 0, 0, 7, 0x74, 0x32, 0x23, 0xb6, 0x28, 0xa0, 0x19, 0x4b, 0xf8, 0xb5, 0xe3, 0xd9, 0x14,
        0xdb, 0x74, 0xde, 0, 0x0c, 0x18, 1, 0, 0x12, 0x34, 0x56, 0, 0, 0, 7,
    ];
    let mut node = node_of(1, a(), simple(false));
    let octets = Bytes::from_static(&SIGNED);
    node.handle_datagram(ms(0), &raw(b(), a(), 64), &octets);
    assert_eq!(node.counters().received[&MessageType::ACK], 1);
    assert_eq!(
        node.neighbours().next().unwrap().security,
        SecurityRow::Established
    );
    node.handle_datagram(ms(0), &raw(b(), a(), 64), &octets);
    assert_eq!(dropped(&node, "replayed"), 1);
    let ack = MessageIdAck {
        kind: AckKind::Ack,
        epoch: Epoch::new(0x12_3456),
        id: Id(7),
    };
    let message = Message {
        flags: HeaderFlags::REFRESH_REDUCTION,
        acks: vec![ack],
        ..Message::new(64, Body::Ack(Ack))
    };
    let signature = Signature {
        key_id: KeyId::new(1).unwrap(),
        sequence: 0x1_0000_0007,
        handshake: true,
    };
    let key = Key::new(Algorithm::HmacMd5, b"rsvp-example-key");
    assert_eq!(sign(message, signature, &key).unwrap(), SIGNED);
}

/// RFC 2747 §3: numbers rise, seconds above, a counter below.
#[test]
fn numbers_are_made_of_the_clock() {
    let mut node = node_of(1, a(), simple(false));
    let mut numbers = vec![];
    for at in [0, 0, 0, 1500, 1500, 900_000] {
        node.send(ms(at), to(b(), None, true, path_err(a(), 1)));
        numbers.extend(transmits(&mut node).iter().map(sequence));
    }
    let seconds: Vec<_> = numbers.iter().map(|number| number >> 32).collect();
    let start = 1_000_000;
    assert_eq!(
        seconds,
        [start, start, start, start + 1, start + 1, start + 900]
    );
    assert!(numbers.is_sorted_by(|a, b| a < b));
}

#[test]
fn what_is_not_signed_or_badly_is_dropped() {
    let mut node = node_of(1, a(), simple(false));
    let plain = octets(&Message::new(255, resv(b(), 1)));
    node.handle_datagram(ms(0), &raw(b(), a(), 255), &plain);
    assert_eq!(dropped(&node, "unsigned"), 1);
    for (id, secret) in [(1, &b"another"[..]), (2, b"rsvp-example-key")] {
        let mut other = node_of(2, b(), secured(false, vec![key(id, secret)]));
        other.send(ms(0), to(a(), None, true, resv(b(), 1)));
        let sent = other.poll_transmit().unwrap();
        node.handle_datagram(ms(0), &arrival(&sent), &sent.payload);
    }
    assert_eq!(dropped(&node, "signature"), 2);
    // Whoever operates the node hears which neighbour, and which key.
    let told: Vec<_> = core::iter::from_fn(|| node.poll_notice())
        .map(|notice| {
            assert_eq!(notice.about.neighbour, Some(b()));
            assert_eq!(notice.about.message_type, Some(MessageType::RESV));
            let Why::Signature { fault, key } = notice.why else {
                panic!("{notice:?}");
            };
            (fault.get(..15).unwrap(), key.map(KeyId::number))
        })
        .collect();
    let expected = [
        ("not signed, and", None),
        ("the signature i", Some(1)),
        ("signed with a k", Some(2)),
    ];
    assert_eq!(told, expected);
    assert_eq!(node.poll_delivery(), None);
    assert_eq!(node.neighbours().count(), 0);
}

#[test]
fn unsigned_messages_can_be_let_in() {
    let mut settings = simple(false);
    settings.security.as_mut().unwrap().required = false;
    let mut node = node_of(1, a(), settings);
    let plain = octets(&Message::new(255, resv(b(), 1)));
    node.handle_datagram(ms(0), &raw(b(), a(), 255), &plain);
    assert!(node.poll_delivery().is_some());
}

mod first_message {
    use super::*;

    /// Without a handshake, it sets the number.
    #[test]
    fn sets_the_number_without_handshake() {
        let mut pair = pair(false);
        pair.send(0, to(b(), None, true, path_err(a(), 1)));
        pair.settle();
        assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1]);
        assert_eq!(pair.row(1).security, SecurityRow::Established);
        // What came before is old.
        let old = pair.sent[0][0].1.clone();
        pair.nodes[1].handle_datagram(ms(0), &arrival(&old), &old.payload);
        assert_eq!(dropped(&pair.nodes[1], "replayed"), 1);
    }

    /// RFC 2747 §4.3: is challenged, answered, and the next is believed.
    #[test]
    fn is_challenged() {
        let mut pair = pair(true);
        pair.send(0, to(b(), None, true, path_err(a(), 1)));
        pair.settle();
        // It came again, behind the answer.
        assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1]);
        assert_eq!(dropped(&pair.nodes[1], "challenged"), 1);
        let challenge = read(&pair.sent[1][0].1);
        assert_eq!(challenge.integrity, None);
        let Body::Challenge(IntegrityChallenge { challenge }) = challenge.body else {
            panic!();
        };
        assert_eq!(challenge.cookie.len(), 8);
        let response = &pair.sent[0][1].1;
        assert_eq!(read(response).body.message_type(), MessageType::RESPONSE);
        pair.send(0, to(b(), None, true, path_err(a(), 2)));
        pair.settle();
        assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1, 2]);
        assert_eq!(pair.nodes[1].poll_timeout(), Some(ms(900_000)));
        // What was sent before the answer stays old; another answer means nothing.
        for sent in [pair.sent[0][0].1.clone(), pair.sent[0][1].1.clone()] {
            pair.nodes[1].handle_datagram(ms(0), &arrival(&sent), &sent.payload);
        }
        assert_eq!(dropped(&pair.nodes[1], "replayed"), 1);
        assert_eq!(dropped(&pair.nodes[1], "handshake"), 1);
    }

    /// RFC 2747 §4.3: only who answers challenges is challenged.
    #[test]
    fn of_who_does_not_answer_sets_the_number() {
        let mut pair = Pair::new([simple(false), simple(true)]);
        pair.send(0, to(b(), None, true, path_err(a(), 1)));
        pair.settle();
        assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1]);
    }

    /// RFC 2747 §4.3: again, with another cookie; the answer to the one before means nothing.
    #[test]
    fn is_challenged_again_if_there_is_no_answer() {
        let mut pair = pair(true);
        pair.send(0, to(b(), None, true, path_err(a(), 1)));
        pair.run_losing(ms(60_000), |node, _| node == 1);
        let times: Vec<_> = pair.sent[1]
            .iter()
            .map(|sent| sent.0.since_start().as_secs())
            .collect();
        assert_eq!(times, [0, 1, 3, 7, 15]);
        let cookies: std::collections::BTreeSet<_> = pair.sent[1]
            .iter()
            .map(|sent| sent.1.payload.clone())
            .collect();
        assert_eq!(cookies.len(), 5);
        // Given up; the next message begins anew.
        assert_eq!(pair.row_of_security(1), SecurityRow::None);
        pair.send(0, to(b(), None, true, path_err(a(), 2)));
        pair.settle();
        pair.send(0, to(b(), None, true, path_err(a(), 3)));
        pair.settle();
        assert_eq!(pair.ports(1, MessageType::PATH_ERR), [2, 3]);
    }

    #[test]
    fn is_not_challenged_again_under_a_key_that_is_gone() {
        let mut pair = pair(true);
        pair.send(0, to(b(), None, true, path_err(a(), 1)));
        pair.run_losing(ms(500), |node, _| node == 1);
        let other = secured(true, vec![key(2, b"secret")]);
        pair.nodes[1].set_interface(ms(500), &interface(b(), other));
        pair.run_losing(ms(60_000), |node, _| node == 1);
        assert_eq!(pair.sent[1].len(), 1);
    }

    impl Pair {
        /// By what the counters and a message make of it: a neighbour that was never believed has no row.
        fn row_of_security(&self, node: usize) -> SecurityRow {
            self.nodes[node]
                .neighbours()
                .next()
                .map_or(SecurityRow::None, |row| row.security)
        }
    }

    #[test]
    fn answer_to_an_older_challenge_means_nothing() {
        let mut pair = pair(true);
        pair.send(0, to(b(), None, true, path_err(a(), 1)));
        pair.poll();
        let first = pair.way[0].pop_front().unwrap();
        pair.nodes[1].handle_datagram(ms(0), &arrival(&first), &first.payload);
        pair.poll();
        let challenge = pair.way[1].pop_front().unwrap();
        pair.nodes[0].handle_datagram(ms(0), &arrival(&challenge), &challenge.payload);
        pair.poll();
        let response = pair.way[0].pop_front().unwrap();
        pair.nodes[1].handle_timeout(ms(1000));
        pair.nodes[1].handle_datagram(ms(1000), &arrival(&response), &response.payload);
        assert_eq!(dropped(&pair.nodes[1], "handshake"), 1);
        pair.now = ms(1000);
        pair.settle();
        pair.send(0, to(b(), None, true, path_err(a(), 2)));
        pair.settle();
        assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1, 2]);
    }

    /// However often somebody says to be the neighbour and to have missed it.
    #[test]
    fn is_repeated_for_so_many_challenges() {
        let mut node = node_of(1, a(), simple(true));
        node.send(ms(0), to(b(), None, true, path_err(a(), 1)));
        node.send(ms(0), to(ip("10.0.0.3"), None, true, path_err(a(), 2)));
        transmits(&mut node);
        let challenge = octets(&Message::new(
            255,
            Body::Challenge(IntegrityChallenge {
                challenge: Challenge {
                    key_id: KeyId::new(1).unwrap(),
                    cookie: Bytes::from_static(&[1; 8]),
                },
            }),
        ));
        let mut counts = vec![];
        for _ in 0..6 {
            node.handle_datagram(ms(0), &raw(b(), a(), 255), &challenge);
            let sent = transmits(&mut node);
            assert_eq!(read(&sent[0]).body.message_type(), MessageType::RESPONSE);
            assert!(sent.iter().all(|sent| sent.destination == b()));
            counts.push(sent.len());
        }
        assert_eq!(counts, [2, 2, 2, 2, 1, 1]);
        // And for so long.
        node.send(ms(0), to(b(), None, true, path_err(a(), 3)));
        transmits(&mut node);
        node.handle_datagram(ms(5001), &raw(b(), a(), 255), &challenge);
        assert_eq!(transmits(&mut node).len(), 1);
    }
}

/// Who has no such key, or answers none, does not answer.
#[test]
fn challenge_for_another_key_is_dropped() {
    let challenge = octets(&Message::new(
        255,
        Body::Challenge(IntegrityChallenge {
            challenge: Challenge {
                key_id: KeyId::new(9).unwrap(),
                cookie: Bytes::from_static(&[1; 8]),
            },
        }),
    ));
    for settings in [simple(true), simple(false), Settings::default()] {
        let mut node = node_of(1, a(), settings);
        node.handle_datagram(ms(0), &raw(b(), a(), 255), &challenge);
        assert_eq!(node.poll_transmit(), None);
        assert_eq!(dropped(&node, "handshake"), 1);
    }
}

/// RFC 2747 §4.2: out of order by less than the window is borne, twice is not.
#[test]
fn reordered_messages_are_believed_once() {
    let mut pair = pair(true);
    for port in 1..3 {
        pair.send(0, to(b(), None, true, path_err(a(), port)));
        pair.settle();
    }
    for port in 3..8 {
        pair.send(0, to(b(), None, true, path_err(a(), port)));
        pair.poll();
    }
    let sent: Vec<_> = pair.way[0].drain(..).collect();
    for transmit in sent.iter().rev().chain(&sent) {
        pair.nodes[1].handle_datagram(ms(0), &arrival(transmit), &transmit.payload);
    }
    pair.poll();
    assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1, 2, 7, 6, 5, 4, 3]);
    assert_eq!(dropped(&pair.nodes[1], "replayed"), 5);
}

/// RFC 2747 §3: numbers rise over a restart, and who restarts asks for them.
#[test]
fn restart_of_either_is_mended() {
    let mut pair = pair(true);
    for port in 1..3 {
        pair.send(0, to(b(), None, true, path_err(a(), port)));
        pair.settle();
    }
    let old = pair.sent[0].last().unwrap().1.clone();
    // The sender, two seconds later.
    pair.nodes[0] = Neighbours::new(7, 1_000_002, &Limits::default());
    pair.nodes[0].set_interface(ms(0), &interface(a(), simple(true)));
    pair.send(0, to(b(), None, true, path_err(a(), 3)));
    pair.settle();
    assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1, 2, 3]);
    // The receiver: an old message does not pass.
    pair.nodes[1] = node_of(8, b(), simple(true));
    pair.nodes[1].handle_datagram(ms(0), &arrival(&old), &old.payload);
    pair.poll();
    assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1, 2, 3]);
    pair.now = ms(10_000);
    pair.settle();
    pair.send(0, to(b(), None, true, path_err(a(), 4)));
    pair.settle();
    assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1, 2, 3, 4]);
}

mod keys {
    use super::*;

    fn alive(id: u64, starts: u64, ends: u64) -> SecurityKey {
        SecurityKey {
            starts,
            ends,
            ..key(id, b"secret")
        }
    }

    /// The key that a message is signed with, at these seconds.
    fn used(keys: &[SecurityKey], neighbour: Option<IpAddr>, at: u64) -> Option<u64> {
        let mut node = Neighbours::new(1, at, &Limits::default());
        node.set_interface(ms(0), &interface(a(), secured(false, keys.to_vec())));
        node.send(ms(0), towards(neighbour, None, true, path(a(), 1)));
        let sent = node.poll_transmit()?;
        Some(read(&sent).integrity?.key_id.number())
    }

    /// RFC 2747 §5.1: the sender changes over in the middle.
    #[test]
    fn change_over_is_in_the_middle() {
        let keys = [alive(2, 100, u64::MAX), alive(1, 0, 199)];
        for (at, id) in [(0, 1), (99, 1), (100, 1), (148, 1), (149, 2), (250, 2)] {
            assert_eq!(used(&keys, None, at), Some(id), "{at}");
        }
    }

    /// RFC 2747 §5.3: the last goes on, and somebody must be told.
    #[test]
    fn last_key_goes_on_when_it_is_over() {
        let keys = vec![alive(1, 0, 50), alive(2, 0, 100)];
        assert_eq!(used(&keys, None, 500), Some(2));
        let settings = secured(false, keys);
        let mut pair = Pair::new([settings.clone(), settings]);
        pair.send(0, to(b(), None, true, path_err(a(), 1)));
        pair.settle();
        assert_eq!(pair.ports(1, MessageType::PATH_ERR), [1]);
        assert!(pair.nodes[0].counters().expired_keys_used > 0);
    }

    #[test]
    fn key_that_has_not_begun_is_not_used() {
        assert_eq!(used(&[alive(1, 100, 200)], None, 50), None);
    }

    #[test]
    fn neighbour_may_have_a_key_of_its_own() {
        let own = |id, neighbour| SecurityKey {
            neighbour: Some(neighbour),
            ..key(id, b"secret")
        };
        let keys = [key(1, b"secret"), own(2, b())];
        assert_eq!(used(&keys, Some(b()), 0), Some(2));
        assert_eq!(used(&keys, Some(ip("10.0.0.3")), 0), Some(1));
        assert_eq!(used(&keys, None, 0), Some(1));
        // If there can be only one, it is for this one.
        assert_eq!(used(&keys[1..], None, 0), Some(2));
        let two = [own(2, b()), own(3, ip("10.0.0.3"))];
        assert_eq!(used(&two, None, 0), None);
    }

    /// RFC 2747 §5.1: both are believed while they are shared, and neither afterwards.
    #[test]
    fn receiver_takes_both_while_they_live() {
        let both = [alive(1, 0, 1_000_100), alive(2, 999_900, u64::MAX)];
        for (id, at, good) in [(1, 0, true), (2, 0, true), (1, 200, false), (2, 200, true)] {
            let mut sender = node_of(1, a(), secured(false, vec![alive(id, 0, u64::MAX)]));
            let mut receiver = node_of(2, b(), secured(false, both.to_vec()));
            let now = ms(at * 1000);
            sender.send(now, to(b(), None, true, path_err(a(), 1)));
            let sent = sender.poll_transmit().unwrap();
            receiver.handle_datagram(now, &arrival(&sent), &sent.payload);
            assert_eq!(receiver.poll_delivery().is_some(), good, "{id} {at}");
        }
    }

    #[test]
    fn numbers_of_keys_that_are_gone_are_forgotten() {
        let mut pair = pair(false);
        pair.send(0, to(b(), None, true, path_err(a(), 1)));
        pair.settle();
        assert_eq!(pair.row(1).security, SecurityRow::Established);
        let other = secured(false, vec![key(2, b"secret")]);
        pair.nodes[1].set_interface(ms(0), &interface(b(), other));
        assert_eq!(pair.row(1).security, SecurityRow::None);
    }
}

/// RFC 2747 §4.2: the sender of a Path is its hop, and not the source of the packet.
#[test]
fn path_is_of_its_hop() {
    let mut pair = pair(true);
    for port in 1..3 {
        pair.send(0, towards(None, None, true, path(a(), port)));
        pair.settle();
    }
    let challenge = &pair.sent[1][0].1;
    assert_eq!(challenge.destination, a());
    assert_eq!(pair.ports(1, MessageType::PATH), [1, 2]);
}

/// RFC 2961 §3: what is in a Bundle is signed, and the Bundle is not. In order of the numbers.
#[test]
fn bundles_hold_signed_messages() {
    let mut settings = simple(true);
    settings.security.as_mut().unwrap().window = 1;
    let mut pair = Pair::new([settings.clone(), settings]);
    for _ in 0..3 {
        pair.acquaint();
    }
    for port in 1..4 {
        pair.send(
            0,
            towards(None, Some(100 + u64::from(port)), true, path(a(), port)),
        );
        pair.send(0, to(b(), Some(port.into()), true, resv(a(), port)));
    }
    pair.settle();
    assert_eq!(
        types(
            &pair.sent[0]
                .iter()
                .map(|sent| sent.1.clone())
                .collect::<Vec<_>>()
        )[..4],
        [
            MessageType::PATH,
            MessageType::BUNDLE,
            MessageType::PATH,
            MessageType::PATH
        ]
    );
    assert_eq!(pair.ports(1, MessageType::RESV), [1, 2, 3]);
    assert_eq!(pair.ports(1, MessageType::PATH), [1, 2, 3]);
    assert_eq!(pair.row(0).unacknowledged, 0);
}

/// Messages that cannot be read are believed no more than others.
#[test]
fn unreadable_message_is_verified_first() {
    let mut node = node_of(1, a(), simple(false));
    let mut octets = octets(&Message::new(255, resv(b(), 1))).to_vec();
    octets[8 + 12 + 12 + 2] = 120;
    crate::wire::fill_checksum(&mut octets);
    node.handle_datagram(ms(0), &raw(b(), a(), 255), &octets.into());
    assert_eq!(node.poll_delivery(), None);
    assert_eq!(dropped(&node, "unsigned"), 1);
}
