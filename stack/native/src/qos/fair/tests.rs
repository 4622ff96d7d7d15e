use core::time::Duration;
use std::net::Ipv4Addr;

use fairway_wire::{Instant, Protocol, ipv4};
use proptest::prelude::*;

use super::{Excess, FairQueue, FlowId, Policing, ReserveOptions};
use crate::hash::Key;
use crate::pkt::PacketBuf;
use crate::qos::{AdmissionError, DropReason, Filter, Flowspec, Service, Tspec};

/// 10 Mbit/s.
const LINK: u64 = 1_250_000;
const MTU: u32 = 1500;
const KEY: Key = Key([1, 2]);

/// A UDP packet of `len` octets to `port`, behind `header` octets of link header.
fn packet(port: u16, len: usize, header: usize) -> PacketBuf {
    let mut octets = vec![0; header + len];
    ipv4::Header {
        dscp_ecn: 0,
        total_len: u16::try_from(len).unwrap(),
        id: 0,
        dont_fragment: false,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol: Protocol::UDP,
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(10, 0, 0, 2),
        header_len: 20,
    }
    .emit(&[], &mut octets[header..header + 20]);
    octets[header + 22..header + 24].copy_from_slice(&port.to_be_bytes());
    PacketBuf::from_slice(&octets)
}

fn to_port(port: u16) -> Filter {
    Filter {
        destination_port: Some(port),
        ..Filter::default()
    }
}

fn spec(rate: u64, bucket: u64, service: Service) -> Flowspec {
    let tspec = Tspec {
        rate,
        bucket,
        peak: None,
        min_policed: 64,
        max_packet: 1500,
    };
    Flowspec { tspec, service }
}

fn guaranteed(rate: u64, bucket: u64, reserved: u64) -> Flowspec {
    spec(rate, bucket, Service::Guaranteed { rate: reserved })
}

const DROP: ReserveOptions = ReserveOptions {
    policing: Policing::Police,
    excess: Excess::Drop,
    upstream_c: 0,
    upstream_d_micros: 0,
};

/// When each packet left, its flow, and its octets.
fn drain(queue: &mut FairQueue, mut now: Instant, until: Instant) -> Vec<(Instant, FlowId, usize)> {
    let mut left = Vec::new();
    while let Some(ready) = queue.next_ready(now) {
        if ready > until {
            break;
        }
        now = ready;
        let packet = queue.dequeue(now).expect("said to be ready");
        left.push((now, FlowId(packet.class), packet.len()));
    }
    left
}

mod control {
    use super::*;

    /// A frame of that type, with a packet of `len` octets to `port`.
    fn frame(ether_type: [u8; 2], port: u16, tos: u8, len: usize) -> PacketBuf {
        let mut frame = packet(port, len, 14);
        frame.as_mut_slice()[12..14].copy_from_slice(&ether_type);
        frame.as_mut_slice()[15] = tos;
        frame
    }

    const IPV4: [u8; 2] = [0x08, 0x00];
    const ARP: [u8; 2] = [0x08, 0x06];

    /// RFC 2474 §4.2.2.2, RFC 4594 §3.1: what holds the network together passes through any overload.
    #[test]
    fn network_control_is_spared_what_a_flood_does() {
        let mut queue = FairQueue::new(LINK, MTU, 14, KEY);
        // Most of the link is reserved, and used; best effort has more than it can send.
        let much = guaranteed(LINK / 2, 200_000, LINK / 2);
        let flow = queue.reserve(much, DROP).unwrap();
        queue.add_filter(flow, to_port(7)).unwrap();
        for _ in 0..100 {
            queue
                .enqueue(Instant::ZERO, frame(IPV4, 7, 0, 1400))
                .unwrap();
            queue
                .enqueue(Instant::ZERO, frame(IPV4, 8, 0, 1400))
                .unwrap();
        }
        for control in [
            frame(ARP, 9, 0, 28),
            frame(IPV4, 9, 0xc0, 100),
            frame(IPV4, 9, 0xe0, 100),
        ] {
            queue.enqueue(Instant::ZERO, control).unwrap();
        }
        queue
            .enqueue(Instant::ZERO, frame(IPV4, 9, 0xb8, 100))
            .unwrap();
        let left = drain(&mut queue, Instant::ZERO, Instant::MAX);
        let of_control = left.iter().filter(|(_, id, _)| *id == FlowId::CONTROL);
        let times: Vec<u64> = of_control.map(|(at, ..)| at.as_nanos()).collect();
        // 270 octets at a hundredth of 1.25 MB/s, and the longest frame.
        assert_eq!(times.len(), 3);
        assert!(times.iter().all(|&at| at < 24_000_000), "{times:?}");
    }

    /// Whoever marks packets so gets no more of the link by it than control has, and no service is harmed.
    #[test]
    fn marking_all_gets_a_hundredth() {
        let mut queue = FairQueue::new(LINK, MTU, 14, KEY);
        for _ in 0..500 {
            queue
                .enqueue(Instant::ZERO, frame(IPV4, 9, 0xc0, 1000))
                .unwrap();
            queue
                .enqueue(Instant::ZERO, frame(IPV4, 8, 0, 1000))
                .unwrap();
        }
        assert_eq!(queue.len_of(FlowId::CONTROL), FairQueue::MOST_CONTROL);
        let left = drain(&mut queue, Instant::ZERO, Instant::from_nanos(300_000_000));
        let control = left.iter().filter(|(_, id, _)| *id == FlowId::CONTROL);
        assert!(control.count() <= 1 + left.len() / 100);
    }

    /// A reservation for such packets comes first.
    #[test]
    fn a_filter_claims_control_too() {
        let mut queue = FairQueue::new(LINK, MTU, 14, KEY);
        let flow = queue.reserve(guaranteed(1000, 5000, 1000), DROP).unwrap();
        let filter = Filter {
            dscp: Some(48),
            ..Filter::default()
        };
        queue.add_filter(flow, filter).unwrap();
        queue
            .enqueue(Instant::ZERO, frame(IPV4, 9, 0xc0, 100))
            .unwrap();
        assert_eq!((queue.len_of(flow), queue.len_of(FlowId::CONTROL)), (1, 0));
    }
}

mod excess {
    use super::*;

    /// RFC 2212 "Policing": marked at the edge, excess is told from the rest further on.
    #[test]
    fn what_is_marked_uses_no_reservation() {
        let options = ReserveOptions {
            excess: Excess::LowerEffort,
            ..DROP
        };
        let made = || {
            let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
            let id = queue.reserve(guaranteed(1000, 1500, 1000), options);
            let id = id.unwrap();
            queue.add_filter(id, to_port(9)).unwrap();
            (queue, id)
        };
        let (mut edge, id) = made();
        for _ in 0..3 {
            edge.enqueue(Instant::ZERO, packet(9, 1000, 0)).unwrap();
        }
        assert_eq!(edge.flow_stats(id).unwrap().demoted, 2);
        let (mut next, id) = made();
        let mut now = Instant::ZERO;
        while let Some(ready) = edge.next_ready(now) {
            now = ready;
            let packet = edge.dequeue(now).unwrap();
            let (header, _, _) = ipv4::Header::parse_verified(packet.as_slice()).unwrap();
            let excess = packet.class == FlowId::BEST_EFFORT.0;
            assert_eq!(header.dscp_ecn, if excess { 4 } else { 0 });
            next.enqueue(now, packet).unwrap();
        }
        assert_eq!((next.len_of(id), next.len_of(FlowId::BEST_EFFORT)), (1, 2));
        assert_eq!(next.flow_stats(id).unwrap().demoted, 0);
    }
}

mod admission {
    use super::*;

    #[test]
    fn reservations_get_their_share_and_no_more() {
        let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
        queue.set_share(50);
        assert_eq!(queue.available(64), LINK / 2);
        let half = guaranteed(100_000, 5000, LINK / 4);
        let one = queue.reserve(half, DROP).unwrap();
        queue.reserve(half, DROP).unwrap();
        assert_eq!(queue.available(64), 0);
        let more = queue.reserve(spec(1, 1500, Service::ControlledLoad), DROP);
        assert_eq!(more, Err(AdmissionError::Bandwidth { available: 0 }));
        assert!(queue.release(Instant::ZERO, one));
        assert!(!queue.release(Instant::ZERO, one));
        assert_eq!(queue.available(64), LINK / 4);
    }

    #[test]
    fn no_share_exceeds_the_most() {
        let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
        queue.set_share(100);
        assert_eq!(queue.available(64), LINK * 87 / 100);
    }

    #[test]
    fn link_headers_make_a_reservation_larger() {
        // rsvp.md §14: r 100000, m 100, header 14 → 114000.
        let mut queue = FairQueue::new(LINK, MTU, 14, KEY);
        let mut wanted = spec(100_000, 10_000, Service::ControlledLoad);
        wanted.tspec.min_policed = 100;
        queue.reserve(wanted, DROP).unwrap();
        let left = (LINK * 87 / 100 - 114_000) * 100 / 114;
        assert_eq!(queue.available(100), left);
    }

    #[test]
    fn a_change_that_fails_leaves_the_old_one() {
        let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
        let old = guaranteed(100_000, 5000, 500_000);
        let id = queue.reserve(old, DROP).unwrap();
        let larger = guaranteed(100_000, 5000, LINK);
        queue.modify(Instant::ZERO, id, larger, DROP).unwrap_err();
        assert_eq!(queue.reservation(id), Some(&old));
        // rsvp.md §6.1: one smaller than what is installed should never be refused.
        queue.set_share(10);
        let smaller = guaranteed(100_000, 5000, 400_000);
        queue.modify(Instant::ZERO, id, smaller, DROP).unwrap();
        assert_eq!(queue.reservation(id), Some(&smaller));
        let nobody = queue.modify(Instant::ZERO, FlowId(99), smaller, DROP);
        assert_eq!(nobody, Err(AdmissionError::NoSuchFlow));
    }

    #[test]
    fn values_are_checked() {
        let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
        let good = guaranteed(1000, 5000, 1000);
        let mut long = good;
        long.tspec.max_packet = 1501;
        let too_long = AdmissionError::PacketTooLong {
            max_packet: 1501,
            mtu: 1500,
        };
        assert_eq!(queue.reserve(long, DROP), Err(too_long));
        let malformed: [fn(&mut Tspec); 4] = [
            |tspec| tspec.rate = 0,
            |tspec| tspec.max_packet = 0,
            |tspec| tspec.min_policed = 1501,
            |tspec| tspec.peak = Some(999),
        ];
        for spoil in malformed {
            let mut bad = good;
            spoil(&mut bad.tspec);
            let refused = queue.reserve(bad, DROP);
            assert!(
                matches!(refused, Err(AdmissionError::Malformed(_))),
                "{bad:?}"
            );
        }
        let low = queue.reserve(guaranteed(1000, 5000, 999), DROP);
        assert!(matches!(low, Err(AdmissionError::Malformed(_))));
        // Controlled load has no rule p >= r.
        let mut below = spec(1000, 5000, Service::ControlledLoad);
        below.tspec.peak = Some(999);
        queue.reserve(below, DROP).unwrap();
    }

    #[test]
    fn filters_belong_to_one_reservation() {
        let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
        let one = queue.reserve(guaranteed(1000, 5000, 1000), DROP).unwrap();
        let other = queue.reserve(guaranteed(1000, 5000, 1000), DROP).unwrap();
        let filter = queue.add_filter(one, to_port(9)).unwrap();
        assert_eq!(
            queue.add_filter(other, to_port(9)),
            Err(AdmissionError::FilterInUse)
        );
        assert_eq!(
            queue.add_filter(FlowId(9), to_port(1)),
            Err(AdmissionError::NoSuchFlow)
        );
        assert!(queue.remove_filter(filter));
        queue.add_filter(other, to_port(9)).unwrap();
        // Giving a reservation up removes its filters.
        assert!(queue.release(Instant::ZERO, other));
        queue.add_filter(one, to_port(9)).unwrap();
    }

    #[test]
    fn error_terms_are_those_of_fair_queueing() {
        // RFC 2212: C = M, D = MTU / link rate.
        let terms = FairQueue::new(LINK, MTU, 0, KEY).error_terms(1000);
        assert_eq!((terms.c, terms.d_micros), (1000, 1201));
    }
}

mod policing {
    use super::*;

    fn reserved(options: ReserveOptions) -> (FairQueue, FlowId) {
        let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
        let id = queue
            .reserve(guaranteed(100_000, 3000, 100_000), options)
            .unwrap();
        queue.add_filter(id, to_port(9)).unwrap();
        (queue, id)
    }

    #[test]
    fn what_exceeds_the_bucket_is_dropped_if_so_wanted() {
        let (mut queue, id) = reserved(DROP);
        for _ in 0..3 {
            queue.enqueue(Instant::ZERO, packet(9, 1000, 0)).unwrap();
        }
        let dropped = queue
            .enqueue(Instant::ZERO, packet(9, 1000, 0))
            .unwrap_err();
        assert_eq!((dropped.0.class, dropped.1), (id.0, DropReason::Policed));
        // Ten milliseconds earn a thousand octets.
        let later = Instant::ZERO + Duration::from_millis(10);
        queue.enqueue(later, packet(9, 1000, 0)).unwrap();
        assert_eq!(queue.flow_stats(id).unwrap().dropped, 1);
    }

    #[test]
    fn or_goes_as_best_effort() {
        let (mut queue, id) = reserved(ReserveOptions::default());
        for _ in 0..5 {
            queue.enqueue(Instant::ZERO, packet(9, 1000, 0)).unwrap();
        }
        assert_eq!(queue.flow_stats(id).unwrap().demoted, 2);
        let left = drain(&mut queue, Instant::ZERO, Instant::MAX);
        assert_eq!(left.iter().filter(|(_, flow, _)| *flow == id).count(), 3);
        assert_eq!(left.len(), 5);
    }

    #[test]
    fn a_packet_longer_than_agreed_never_conforms_and_a_short_one_counts_as_m() {
        let (mut queue, id) = reserved(DROP);
        let mut small = *queue.reservation(id).unwrap();
        small.tspec.max_packet = 500;
        small.tspec.min_policed = 500;
        queue.modify(Instant::ZERO, id, small, DROP).unwrap();
        let dropped = queue.enqueue(Instant::ZERO, packet(9, 501, 0)).unwrap_err();
        assert_eq!(dropped.1, DropReason::Policed);
        let taken = (0..10).filter(|_| queue.enqueue(Instant::ZERO, packet(9, 100, 0)).is_ok());
        assert_eq!(taken.count(), 6);
    }

    #[test]
    fn the_peak_rate_is_policed_too() {
        let (mut queue, id) = reserved(DROP);
        let mut peaked = *queue.reservation(id).unwrap();
        peaked.tspec.peak = Some(1_000_000);
        queue.modify(Instant::ZERO, id, peaked, DROP).unwrap();
        queue.enqueue(Instant::ZERO, packet(9, 1500, 0)).unwrap();
        queue
            .enqueue(Instant::ZERO, packet(9, 1000, 0))
            .unwrap_err();
        let later = Instant::ZERO + Duration::from_millis(1);
        queue.enqueue(later, packet(9, 1000, 0)).unwrap();
    }

    #[test]
    fn a_reshaped_flow_is_delayed_instead() {
        let options = ReserveOptions {
            policing: Policing::Reshape,
            upstream_c: 10_000,
            ..ReserveOptions::default()
        };
        let (mut queue, id) = reserved(options);
        for _ in 0..6 {
            queue.enqueue(Instant::ZERO, packet(9, 1000, 0)).unwrap();
        }
        let left = drain(&mut queue, Instant::ZERO, Instant::MAX);
        assert!(left.iter().all(|(_, flow, _)| *flow == id));
        let millis: Vec<u128> = left
            .iter()
            .map(|(at, ..)| at.since_start().as_micros() / 100)
            .collect();
        // The bucket lets three through, then one every ten milliseconds; the link takes 0.8 ms each.
        assert_eq!(millis, [0, 8, 16, 100, 200, 300]);
    }

    #[test]
    fn an_inner_node_does_not_police() {
        let options = ReserveOptions {
            policing: Policing::None,
            upstream_c: 10_000,
            ..DROP
        };
        let (mut queue, id) = reserved(options);
        let taken = (0..30).filter(|_| queue.enqueue(Instant::ZERO, packet(9, 1000, 0)).is_ok());
        // b + Csum + own C + D·R = 3000 + 10000 + 1500 + 121.
        assert_eq!(taken.count(), 14);
        assert_eq!(queue.flow_stats(id).unwrap().dropped, 16);
    }

    #[test]
    fn what_waits_of_a_flow_given_up_is_best_effort() {
        let (mut queue, id) = reserved(DROP);
        for _ in 0..3 {
            queue.enqueue(Instant::ZERO, packet(9, 1000, 0)).unwrap();
        }
        queue.release(Instant::ZERO, id);
        assert_eq!((queue.len(), queue.octets()), (3, 3000));
        let left = drain(&mut queue, Instant::ZERO, Instant::MAX);
        assert!(left.iter().all(|(_, flow, _)| *flow == FlowId::BEST_EFFORT));
        assert_eq!((left.len(), queue.octets()), (3, 0));
    }
}

mod scheduling {
    use super::*;

    #[test]
    fn the_link_is_never_driven_faster_than_its_rate() {
        let mut queue = FairQueue::new(LINK, MTU, 14, KEY);
        for _ in 0..10 {
            queue.enqueue(Instant::ZERO, packet(1, 1486, 14)).unwrap();
        }
        assert!(queue.dequeue(Instant::ZERO).is_some());
        assert!(queue.dequeue(Instant::ZERO).is_none());
        let next = Instant::ZERO + Duration::from_micros(1200);
        assert_eq!(queue.next_ready(Instant::ZERO), Some(next));
        let left = drain(&mut queue, Instant::ZERO, Instant::MAX);
        assert_eq!(
            left.last().unwrap().0,
            Instant::ZERO + Duration::from_micros(9 * 1200)
        );
        assert_eq!(queue.next_ready(next), None);
    }

    #[test]
    fn flows_that_have_packets_share_by_their_rates() {
        let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
        let options = ReserveOptions {
            policing: Policing::None,
            upstream_c: 10_000_000,
            ..DROP
        };
        let rates = [(9, LINK / 2), (8, LINK / 4)];
        for (port, rate) in rates {
            let id = queue
                .reserve(guaranteed(rate, 1500, rate), options)
                .unwrap();
            queue.add_filter(id, to_port(port)).unwrap();
        }
        for _ in 0..900 {
            for port in [9, 8, 7] {
                queue.enqueue(Instant::ZERO, packet(port, 1000, 0)).unwrap();
            }
        }
        // One second: 50, 25 and 24 of 99 parts, for network control has nothing to send.
        let left = drain(
            &mut queue,
            Instant::ZERO,
            Instant::ZERO + Duration::from_secs(1),
        );
        let served = |flow| {
            left.iter()
                .filter(|(_, of, _)| of.0 == flow)
                .map(|one| one.2)
                .sum::<usize>()
        };
        for (flow, share) in [(1, 631_313_usize), (2, 315_656), (0, 303_030)] {
            assert!(
                served(flow).abs_diff(share) <= 2000,
                "{flow}: {}",
                served(flow)
            );
        }
    }

    #[test]
    fn nobody_is_made_to_wait_for_what_was_sent_when_the_link_was_idle() {
        let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
        let options = ReserveOptions {
            policing: Policing::None,
            upstream_c: 1_000_000,
            ..DROP
        };
        let id = queue
            .reserve(guaranteed(10_000, 1500, 10_000), options)
            .unwrap();
        queue.add_filter(id, to_port(9)).unwrap();
        // The flow alone sends a hundred times what it reserved.
        for _ in 0..100 {
            queue.enqueue(Instant::ZERO, packet(9, 1000, 0)).unwrap();
        }
        let left = drain(&mut queue, Instant::ZERO, Instant::MAX);
        let now = left.last().unwrap().0 + Duration::from_secs(1);
        for _ in 0..200 {
            queue.enqueue(now, packet(1, 1000, 0)).unwrap();
        }
        queue.enqueue(now, packet(9, 1000, 0)).unwrap();
        let left = drain(&mut queue, now, Instant::MAX);
        let sent = left.iter().find(|(_, flow, _)| *flow == id).unwrap().0;
        // b/R + C/R + D would be 0.15 + 0.15 + …; alone it needs M/R.
        assert!(sent - now <= Duration::from_millis(102), "{:?}", sent - now);
    }
}

/// A source that sends as much as its Tspec allows, as early as it may: when, and how many octets.
fn greedy(tspec: &Tspec, lengths: &[u64], start: Instant) -> Vec<(Instant, u64)> {
    let mut bucket =
        crate::qos::TokenBucket::new(tspec.rate, tspec.bucket.max(tspec.max_packet.into()));
    let mut peak = tspec
        .peak
        .map(|peak| crate::qos::TokenBucket::new(peak, tspec.max_packet.into()));
    let mut now = start;
    let mut sent = Vec::new();
    for &len in lengths {
        let len = len.min(tspec.max_packet.into());
        let policed = len.max(tspec.min_policed.into());
        bucket.has(now, policed);
        now = bucket.ready_at(now, policed);
        if let Some(peak) = &mut peak {
            peak.has(now, policed);
            now = peak.ready_at(now, policed);
            assert!(peak.take(now, policed));
        }
        assert!(bucket.take(now, policed));
        sent.push((now, len));
    }
    sent
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// RFC 2212: a flow that keeps to its Tspec loses nothing, and no packet of it waits longer than the bound, whatever
    /// the others do.
    #[test]
    fn the_bound_of_guaranteed_service_is_kept(
        rate in 20_000..200_000_u64,
        burst in 1500..20_000_u64,
        faster in 0..300_000_u64,
        peak in prop::option::of(1..20_u64),
        header in prop::sample::select(vec![0_u32, 14]),
        lengths in prop::collection::vec(64..1500_u64, 20..80),
        others in prop::collection::vec((1..4_u64, 64..1500_usize), 1..40),
        start in 0..5_000_000_u64,
        policing in prop::sample::select(vec![Policing::None, Policing::Police, Policing::Reshape]),
    ) {
        let reserved = rate + faster;
        let mut wanted = guaranteed(rate, burst, reserved);
        wanted.tspec.peak = peak.map(|times| rate * times);
        let mut queue = FairQueue::new(LINK, MTU, header, KEY);
        let id = queue.reserve(wanted, ReserveOptions { policing, ..DROP }).unwrap();
        queue.add_filter(id, to_port(9)).unwrap();
        // Two more reservations that send more than they may, and best effort without end.
        let rough = ReserveOptions { policing: Policing::None, ..ReserveOptions::default() };
        for port in [8, 7] {
            let other = queue.reserve(guaranteed(100_000, 9000, 150_000), rough).unwrap();
            queue.add_filter(other, to_port(port)).unwrap();
        }
        let sent = greedy(&wanted.tspec, &lengths, Instant::from_nanos(start));
        let mut due: std::collections::VecDeque<_> = sent.iter().copied().collect();
        let mut arrived: std::collections::VecDeque<_> = std::collections::VecDeque::new();
        let header_len = usize::try_from(header).unwrap();
        let mut now = Instant::ZERO;
        let mut next_other = others.iter().cycle();
        let terms = queue.error_terms(1500);
        // The bound of rsvp.md §6.3 in seconds, with C and D of this queue.
        let (r, b, big, c) = (rate as f64, burst.max(1500) as f64, 1500.0, terms.c as f64);
        let (big_r, d) = (reserved as f64, terms.d_micros as f64 / 1e6);
        let bound = match wanted.tspec.peak.map(|peak| peak as f64) {
            Some(p) if p <= big_r => big / big_r,
            Some(p) => (b - big) / big_r * (p - big_r) / (p - r) + big / big_r,
            None => b / big_r,
        } + c / big_r + d;
        while !due.is_empty() || !arrived.is_empty() {
            // The others always have more waiting.
            while queue.len() < 50 {
                let &(port, len) = next_other.next().unwrap();
                let port = [8, 7, 1][usize::try_from(port - 1).unwrap()];
                queue.enqueue(now, packet(port, len, header_len)).unwrap();
            }
            let ready = queue.next_ready(now).unwrap();
            if let Some(&(at, len)) = due.front() && at <= ready {
                now = at.max(now);
                due.pop_front();
                let taken = queue.enqueue(at, packet(9, usize::try_from(len).unwrap(), header_len));
                prop_assert!(taken.is_ok(), "lost a packet that conforms");
                arrived.push_back(at);
                continue;
            }
            now = ready;
            let packet = queue.dequeue(now).unwrap();
            if packet.class == id.0 {
                let nanos = packet.len() as f64 / LINK as f64;
                let at = arrived.pop_front().unwrap();
                let delay = (now - at).as_secs_f64() + nanos;
                prop_assert!(delay <= bound + 1e-6, "{delay} > {bound}");
            }
        }
        let stats = queue.flow_stats(id).unwrap();
        prop_assert_eq!((stats.demoted, stats.dropped), (0, 0));
    }

    /// WF²Q+: flows that always have packets are served in proportion to their rates, in every span of time, to within
    /// two packets of each and one of the link; and none gets less than its rate but for its own packet and the bound's D.
    #[test]
    fn flows_that_always_have_packets_get_their_shares(
        rates in prop::collection::vec(10_000..300_000_u64, 2..4),
        lengths in prop::collection::vec(64..1500_usize, 30..31),
    ) {
        let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
        let options = ReserveOptions {
            policing: Policing::None,
            upstream_c: 1 << 30,
            ..DROP
        };
        for (port, &rate) in (1..).zip(&rates) {
            let id = queue.reserve(guaranteed(rate, 1500, rate), options).unwrap();
            queue.add_filter(id, to_port(port)).unwrap();
        }
        let mut next = lengths.iter().cycle();
        let mut now = Instant::ZERO;
        let mut served: Vec<Vec<f64>> = vec![vec![0.0; rates.len()]];
        let mut times = vec![now];
        for _ in 0..400 {
            for (flow, _) in (1_u16..).zip(&rates) {
                while queue.len_of(FlowId(flow.into())) < 3 {
                    queue.enqueue(now, packet(flow, *next.next().unwrap(), 0)).unwrap();
                }
            }
            while queue.len_of(FlowId::BEST_EFFORT) < 3 {
                queue.enqueue(now, packet(999, *next.next().unwrap(), 0)).unwrap();
            }
            now = queue.next_ready(now).unwrap();
            let packet = queue.dequeue(now).unwrap();
            let mut sums = served.last().unwrap().clone();
            if let Some(sum) = usize::try_from(packet.class).unwrap().checked_sub(1).and_then(|flow| sums.get_mut(flow)) {
                *sum += packet.len() as f64;
            }
            served.push(sums);
            times.push(now);
        }
        let longest = 1500.0;
        for from in (0..served.len()).step_by(37) {
            for to in (from + 1..served.len()).step_by(29) {
                let work: Vec<f64> = (0..rates.len()).map(|flow| served[to][flow] - served[from][flow]).collect();
                let span = (times[to] - times[from]).as_secs_f64();
                for (flow, &rate) in rates.iter().enumerate() {
                    let rate = rate as f64;
                    prop_assert!(
                        work[flow] >= rate * span - 2.0 * longest - rate * longest / LINK as f64,
                        "flow {flow}: {} in {span}", work[flow]
                    );
                    for (other, &theirs) in rates.iter().enumerate() {
                        let theirs = theirs as f64;
                        let apart = (work[flow] / rate - work[other] / theirs).abs();
                        let bound = 2.0 * longest / rate + 2.0 * longest / theirs + longest / LINK as f64;
                        prop_assert!(apart <= bound, "flows {flow} and {other}: {apart} > {bound}");
                    }
                }
            }
        }
    }

    /// Nothing is lost but what is reported, in whatever order calls come; what waits is counted right.
    #[test]
    fn packets_are_conserved(
        steps in prop::collection::vec((0..4_u8, 1..4_u16, 64..1500_usize, 0..3_000_000_u64), 1..300),
    ) {
        let mut queue = FairQueue::new(LINK, MTU, 0, KEY);
        queue.set_best_effort_limit(20, 20_000);
        let mut flows = Vec::new();
        let (mut now, mut inside, mut octets) = (Instant::ZERO, 0_usize, 0_usize);
        for (what, port, len, gap) in steps {
            now += Duration::from_nanos(gap);
            match what {
                0 | 1 => {
                    if queue.enqueue(now, packet(port, len, 0)).is_ok() {
                        inside += 1;
                        octets += len;
                    }
                }
                2 => {
                    let was = queue.next_ready(now).is_some_and(|ready| ready <= now);
                    let packet = queue.dequeue(now);
                    prop_assert_eq!(packet.is_some(), was);
                    if let Some(packet) = packet {
                        inside -= 1;
                        octets -= packet.len();
                    }
                }
                _ if flows.len() < 3 => {
                    let policing = [Policing::None, Policing::Police, Policing::Reshape][usize::from(port - 1)];
                    let options = ReserveOptions { policing, ..ReserveOptions::default() };
                    let id = queue.reserve(guaranteed(50_000, 6000, 80_000), options).unwrap();
                    if queue.add_filter(id, to_port(port)).is_err() {
                        prop_assert!(queue.release(now, id));
                    } else {
                        flows.push(id);
                    }
                }
                _ => {
                    let before = queue.stats().dropped;
                    let held = queue.octets();
                    prop_assert!(queue.release(now, flows.remove(0)));
                    inside -= usize::try_from(queue.stats().dropped - before).unwrap();
                    octets -= usize::try_from(held - queue.octets()).unwrap();
                }
            }
            prop_assert_eq!((queue.len(), queue.octets()), (inside, u64::try_from(octets).unwrap()));
        }
        drain(&mut queue, now, Instant::MAX);
        prop_assert!(queue.is_empty());
    }
}
