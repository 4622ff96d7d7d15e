use super::{Channel, ChannelConfig, DropReason, Fate, Narrow, Queue};
use crate::impair::{Corrupt, Delayed, Duplicated, Lost, Nth, Swapped, Verdict, When};
use crate::{BitsPerSec, Frame, Framing, testing};
use fairway_native::PacketBuf;
use fairway_native::pkt::ChecksumState;
use fairway_stack::Instant;
use fairway_wire::{icmp, ipv4, udp};
use std::net::Ipv4Addr;
use std::time::Duration;

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn at(millis: u64) -> Instant {
    Instant::ZERO + ms(millis)
}

/// A frame of that many octets, which begins with `mark`.
fn frame(mark: u8, length: usize) -> PacketBuf {
    let mut octets = vec![0; length];
    octets[0] = mark;
    PacketBuf::from_slice(&octets)
}

fn link(config: ChannelConfig) -> Channel {
    Channel::new(config, [42; 32])
}

/// Sends frames of 1000 octets marked 0, 1, … at the given times (milliseconds); gives when (milliseconds) which arrive.
fn arrivals(link: &mut Channel, times: &[u64]) -> Vec<(u64, u8)> {
    let mut deliveries = Vec::new();
    for (mark, &millis) in (0..).zip(times) {
        link.handle_timeout(at(millis), &mut deliveries);
        link.transmit(at(millis), frame(mark, 1000), &mut deliveries);
    }
    link.handle_timeout(at(1_000_000), &mut deliveries);
    deliveries
        .into_iter()
        .map(|delivery| {
            let millis = u64::try_from(delivery.at.since_start().as_millis()).unwrap();
            (millis, delivery.frame.as_slice()[0])
        })
        .collect()
}

/// 8000 bits take a millisecond.
fn megabit() -> ChannelConfig {
    ChannelConfig {
        rate: Some(BitsPerSec::mega(8)),
        ..ChannelConfig::default()
    }
}

#[test]
fn an_ideal_link_delivers_at_once() {
    assert_eq!(
        arrivals(&mut link(ChannelConfig::default()), &[0, 0, 5]),
        [(0, 0), (0, 1), (5, 2)]
    );
}

#[test]
fn sending_and_travelling_take_their_time() {
    let mut link = link(ChannelConfig {
        delay: ms(10),
        queue: Queue::frames(10),
        ..megabit()
    });
    assert_eq!(
        arrivals(&mut link, &[0, 0, 0, 100]),
        [(11, 0), (12, 1), (13, 2), (111, 3)]
    );
}

#[test]
fn without_a_queue_it_takes_a_frame_only_when_it_is_free() {
    let mut link = link(megabit());
    assert_eq!(arrivals(&mut link, &[0, 0, 1]), [(1, 0), (2, 2)]);
    assert_eq!(link.ready_at(), at(2));
    assert_eq!(link.counters().queue_full, 1);
}

#[test]
fn a_full_queue_drops_what_comes_last() {
    let mut by_frames = link(ChannelConfig {
        queue: Queue::frames(2),
        ..megabit()
    });
    // One is being sent, two wait; a millisecond later one more can.
    assert_eq!(
        arrivals(&mut by_frames, &[0, 0, 0, 0, 1, 1]),
        [(1, 0), (2, 1), (3, 2), (4, 4)]
    );
    assert_eq!(by_frames.counters().queue_full, 2);
    let mut by_octets = link(ChannelConfig {
        queue: Queue::octets(1999),
        ..megabit()
    });
    assert_eq!(arrivals(&mut by_octets, &[0, 0, 0]), [(1, 0), (2, 1)]);
}

#[test]
fn jitter_changes_times_but_not_the_order() {
    let config = ChannelConfig {
        delay: ms(10),
        jitter: ms(50),
        ..ChannelConfig::default()
    };
    let times: Vec<u64> = (0..100).collect();
    let arrived = arrivals(&mut link(config.clone()), &times);
    assert!(arrived.is_sorted());
    let mut late: Vec<u64> = (0..)
        .zip(&arrived)
        .map(|(sent, (at, _))| at - sent)
        .collect();
    assert!(late.iter().all(|late| (10..=60).contains(late)));
    late.dedup();
    assert!(late.len() > 20);
    // The same seed gives the same times, another one others.
    assert_eq!(arrivals(&mut link(config.clone()), &times), arrived);
    assert_ne!(
        arrivals(&mut Channel::new(config, [43; 32]), &times),
        arrived
    );
}

#[test]
fn a_link_that_is_down_carries_nothing_and_loses_what_is_under_way() {
    let mut link = link(ChannelConfig {
        delay: ms(10),
        ..ChannelConfig::default()
    });
    let mut deliveries = Vec::new();
    link.transmit(at(0), frame(0, 100), &mut deliveries);
    link.set_up(at(5), false);
    let fate = link.transmit(at(6), frame(1, 100), &mut deliveries);
    assert_eq!(fate.dropped, Some(DropReason::Down));
    link.set_up(at(7), true);
    link.transmit(at(8), frame(2, 100), &mut deliveries);
    let arrived: Vec<bool> = deliveries
        .iter()
        .map(|delivery| link.is_carrying(delivery.carriage))
        .collect();
    assert_eq!(arrived, [false, true]);
    let counters = link.counters();
    assert_eq!(
        (counters.frames, counters.delivered, counters.down),
        (3, 1, 2)
    );
}

mod faults {
    use super::*;

    fn with(fault: impl crate::impair::Fault + 'static) -> Channel {
        let mut link = link(ChannelConfig::default());
        link.add_fault(Box::new(fault));
        link
    }

    #[test]
    fn loss_is_a_function_of_the_seed() {
        let times = [0; 200];
        let mut one = with(Lost(0.1.into()));
        let lost = arrivals(&mut one, &times);
        assert_eq!(arrivals(&mut with(Lost(0.1.into())), &times), lost);
        assert!((10..30).contains(&one.counters().lost));
        // Another fault does not change which frames are lost.
        let mut both = with(Lost(0.1.into()));
        both.add_fault(Box::new(Corrupt(1.0.into(), 0)));
        assert_eq!(arrivals(&mut both, &times), lost);
    }

    #[test]
    fn the_frames_one_names_are_lost() {
        let mut link = with(Nth::new([1, 3]));
        assert_eq!(arrivals(&mut link, &[0, 1, 2, 3]), [(1, 1), (3, 3)]);
    }

    #[test]
    fn a_predicate_sees_the_frame() {
        let mut link = with(When(|frame: &Frame<'_>| match frame.octets() {
            [2, ..] => Verdict::Drop,
            [1, ..] => Verdict::Duplicate,
            _ => Verdict::Pass,
        }));
        assert_eq!(
            arrivals(&mut link, &[0, 1, 2, 3]),
            [(0, 0), (1, 1), (1, 1), (3, 3)]
        );
        let counters = link.counters();
        assert_eq!(
            (counters.lost, counters.duplicated, counters.delivered),
            (1, 1, 4)
        );
    }

    #[test]
    fn duplicates_arrive_together() {
        let mut link = with(Duplicated(1.0.into()));
        assert_eq!(arrivals(&mut link, &[4]), [(4, 0), (4, 0)]);
    }

    #[test]
    fn a_delayed_frame_is_overtaken() {
        let mut link = with(Nothing);
        link.add_fault(Box::new(When(|frame: &Frame<'_>| match frame.octets() {
            [1, ..] => Verdict::Delay(ms(5)),
            _ => Verdict::Pass,
        })));
        assert_eq!(arrivals(&mut link, &[0, 1, 2]), [(0, 0), (6, 1), (2, 2)]);
        assert_eq!(link.counters().delayed, 1);
        let mut all = with(Delayed(1.0.into(), ms(3)));
        assert_eq!(arrivals(&mut all, &[0, 1]), [(3, 0), (4, 1)]);
    }

    struct Nothing;

    impl crate::impair::Fault for Nothing {
        fn judge(&mut self, _: &Frame<'_>, _: &mut fairway_native::rng::Rng) -> Verdict {
            Verdict::Pass
        }

        fn name(&self) -> &'static str {
            "nothing"
        }
    }

    #[test]
    fn a_swapped_frame_arrives_behind_the_next() {
        // While one waits, the next is what it waits for.
        let mut link = with(Swapped(1.0.into(), ms(100)));
        assert_eq!(arrivals(&mut link, &[0, 7, 20]), [(7, 1), (7, 0), (120, 2)]);
        assert_eq!(link.counters().swapped, 2);
    }

    #[test]
    fn a_corrupted_frame_fails_its_checksum_even_if_it_had_none() {
        let mut link = with(Corrupt(1.0.into(), 1));
        for _ in 0..50 {
            let mut packet = testing::datagram(Framing::Ethernet, 7, b"hello");
            packet.checksum = ChecksumState::Trusted;
            let before = packet.as_slice()[..14].to_vec();
            let mut deliveries = Vec::new();
            let fate = link.transmit(at(0), packet, &mut deliveries);
            assert_eq!(fate.corrupted, 1);
            let octets = deliveries[0].frame.as_slice();
            assert_eq!(deliveries[0].frame.checksum, ChecksumState::Unknown);
            assert_eq!(octets[..14], before);
            let whole =
                ipv4::Header::parse_verified(&octets[14..]).is_ok_and(|(header, _, data)| {
                    udp::verify_checksum(header.source, header.destination, data)
                });
            assert!(!whole);
        }
        assert_eq!(link.counters().corrupted, 50);
    }

    #[test]
    fn the_comment_says_what_happened() {
        let fate = Fate {
            corrupted: 3,
            delayed: ms(5),
            ..Fate::default()
        };
        assert_eq!(fate.to_string(), "corrupted (3 bits), 5ms late");
        let mut link = with(Nth::new([1]));
        let fate = link.transmit(at(0), frame(0, 9), &mut Vec::new());
        assert_eq!(fate.to_string(), "lost by link: chosen loss");
        assert!(fate.is_remarkable() && !Fate::default().is_remarkable());
    }
}

mod narrow {
    use super::*;

    fn narrow(framing: Framing, reported_by: Option<Ipv4Addr>) -> Channel {
        link(ChannelConfig {
            framing,
            delay: ms(3),
            narrow: Some(Narrow {
                mtu: 576,
                reported_by,
            }),
            ..ChannelConfig::default()
        })
    }

    #[test]
    fn a_black_hole_swallows_long_packets_and_no_others() {
        let mut link = narrow(Framing::Ip, None);
        let mut deliveries = Vec::new();
        for data in [548, 549] {
            let packet = testing::datagram(Framing::Ip, 7, &vec![0; data]);
            link.transmit(at(0), packet, &mut deliveries);
        }
        assert_eq!(deliveries.len(), 1);
        assert_eq!(link.counters().too_long, 1);
    }

    // RFC 1191 §4.
    #[test]
    fn a_narrow_place_reports_what_passes() {
        for framing in [Framing::Ethernet, Framing::Ip] {
            let router = Ipv4Addr::new(10, 9, 9, 9);
            let mut link = narrow(framing, Some(router));
            let mut deliveries = Vec::new();
            let packet = testing::datagram(framing, 7, &[0; 1000]);
            link.transmit(at(0), packet, &mut deliveries);
            let [delivery] = &deliveries[..] else {
                panic!("one report");
            };
            assert!(delivery.back);
            assert_eq!(delivery.at, at(3));
            let view = Frame::new(framing, delivery.frame.as_slice());
            let (header, message) = view.ipv4().unwrap();
            assert_eq!(header.source, router);
            assert_eq!(header.destination, Ipv4Addr::new(10, 0, 0, 1));
            assert!(icmp::verify_checksum(message));
            let (message, about) = view.icmp().unwrap();
            assert_eq!(
                message,
                icmp::Message::DestinationUnreachable {
                    code: icmp::UnreachableCode::FRAGMENTATION_NEEDED,
                    next_hop_mtu: 576,
                }
            );
            assert_eq!(about.len(), 28);
        }
    }
}
