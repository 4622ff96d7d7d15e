//! What holds whatever the network does.

use proptest::prelude::*;
use std::collections::BTreeMap;

use super::*;

/// What the engine does with a Resv: one state for each port, judged by its identifier.
#[derive(Debug, Default)]
struct States {
    /// Port: identifier, and the handle that stands for what was said.
    held: BTreeMap<u16, (Option<IdOfState>, u32)>,
}

impl States {
    fn take(&mut self, node: &mut Neighbours, now: Instant, delivery: &Delivery) {
        let Delivery::Message {
            message,
            id,
            late,
            ack,
            ..
        } = delivery
        else {
            return;
        };
        let Body::Resv(resv) = &message.body else {
            return;
        };
        let held = self.held.get(&resv.session.port);
        let verdict = Neighbours::judge(held.and_then(|held| held.0), *id, *late);
        if verdict == Verdict::OutOfOrder {
            return;
        }
        self.held.insert(resv.session.port, (*id, resv.hop.handle));
        if let Some(ack) = ack {
            node.acknowledge(now, *ack);
        }
    }
}

/// A Resv that says `value`.
fn saying(port: u16, value: u32) -> Body {
    match resv(a(), port) {
        Body::Resv(mut resv) => {
            resv.hop.handle = value;
            Body::Resv(resv)
        }
        other => other,
    }
}

/// Carries datagrams both ways, some lost, some late, some twice, as `fates` says in turn; gives what the receiver has.
fn carry(fates: &[(u8, u64)], changes: &[(u16, u64)], least: usize) -> States {
    let mut pair = Pair::acquainted();
    let mut states = States::default();
    let mut fates = fates.iter().copied().cycle();
    // Time of arrival and order; the sender, and what it sent.
    let mut way: BTreeMap<(Instant, usize), (usize, Transmit)> = BTreeMap::new();
    let mut tries: BTreeMap<u32, usize> = BTreeMap::new();
    let mut changes: BTreeMap<Instant, Vec<(u16, u32)>> = changes.iter().zip(1..).fold(
        BTreeMap::new(),
        |mut all: BTreeMap<_, Vec<_>>, ((port, at), value)| {
            all.entry(ms(*at)).or_default().push((*port, value));
            all
        },
    );
    let mut order = 0;
    loop {
        let deadlines = pair.nodes.iter().filter_map(Neighbours::poll_timeout);
        let next = deadlines
            .chain(way.keys().next().map(|key| key.0))
            .chain(changes.keys().next().copied())
            .filter(|at| *at < ms(60_000))
            .min();
        let Some(now) = next else {
            return states;
        };
        for (port, value) in changes.remove(&now).unwrap_or_default() {
            pair.nodes[0].send(now, to(b(), Some(port.into()), true, saying(port, value)));
        }
        while let Some(first) = way.first_entry()
            && first.key().0 <= now
        {
            let (node, transmit) = first.remove();
            let arrival = arrival(&transmit);
            pair.nodes[1 - node].handle_datagram(now, &arrival, &transmit.payload);
        }
        for node in 0..2 {
            pair.nodes[node].handle_timeout(now);
            for delivery in deliveries(&mut pair.nodes[node]) {
                if node == 1 {
                    states.take(&mut pair.nodes[1], now, &delivery);
                }
            }
            for transmit in transmits(&mut pair.nodes[node]) {
                let (fate, delay) = fates.next().unwrap();
                // Of each message, the transmission number `least` gets through; as does all that is answered.
                let is_due = node == 1
                    || ids(&transmit).into_iter().any(|id| {
                        let tries = tries.entry(id).or_default();
                        *tries += 1;
                        *tries == least
                    });
                let copies = match fate % 4 {
                    0 => usize::from(is_due),
                    1 => 2,
                    _ => 1,
                };
                for copy in 0..copies {
                    let at = now + Duration::from_millis(1 + delay * (1 + copy as u64));
                    way.insert((at, order), (node, transmit.clone()));
                    order += 1;
                }
            }
        }
    }
}

/// The identifiers of the messages in a datagram.
fn ids(transmit: &Transmit) -> Vec<u32> {
    let message = read(transmit);
    match message.body {
        Body::Bundle(bundle) => bundle
            .messages(&crate::msg::Limits::default())
            .filter_map(|message| message.unwrap().message_id)
            .map(|id| id.id.0)
            .collect(),
        _ => message.message_id.iter().map(|id| id.id.0).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// RFC 2961 §4.4, §6: as long as one of the Rl transmissions gets through, however late, what was said last about a
    /// state is what the neighbour has.
    #[test]
    fn last_word_gets_through(
        fates in prop::collection::vec((any::<u8>(), 0_u64..700), 1..40),
        changes in prop::collection::vec((1_u16..5, 0_u64..8000), 1..24),
        least in 1_usize..=3,
    ) {
        let states = carry(&fates, &changes, least);
        let mut last: BTreeMap<u16, (u64, u32)> = BTreeMap::new();
        for ((port, at), value) in changes.iter().zip(1..) {
            let newest = last.entry(*port).or_default();
            if *at >= newest.0 {
                *newest = (*at, value);
            }
        }
        for (port, (_, value)) in last {
            prop_assert_eq!(states.held.get(&port).map(|held| held.1), Some(value), "port {}", port);
        }
    }

    /// Whatever comes in, nothing panics, and nothing is said to who is not there.
    #[test]
    fn noise_is_borne(octets in prop::collection::vec(any::<u8>(), 0..200), message_type in 0_u8..32) {
        let mut node = node_of(1, a(), Settings::default());
        let mut octets = octets;
        if octets.len() >= 8 {
            octets.truncate(octets.len() / 4 * 4);
            let length = u16::try_from(octets.len()).unwrap();
            octets[0] = 0x11;
            octets[1] = message_type;
            octets[2..4].fill(0);
            octets[6..8].copy_from_slice(&length.to_be_bytes());
        }
        node.handle_datagram(ms(0), &raw(b(), a(), 63), &octets.into());
        deliveries(&mut node);
        transmits(&mut node);
    }

    /// The same inputs give the same outputs.
    #[test]
    fn seed_decides(seed: u64) {
        let run = || {
            let mut pair = Pair::new([Settings::default(), Settings::default()]);
            pair.nodes[0] = node_of(seed, a(), Settings::default());
            pair.acquaint();
            for port in 1..20 {
                pair.send(0, to(b(), Some(port.into()), true, resv(a(), port)));
            }
            pair.run_losing(ms(2000), |node, _| node == 1);
            pair.run(ms(9000));
            pair.sent
        };
        prop_assert_eq!(run(), run());
    }
}
