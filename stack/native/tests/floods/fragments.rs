//! Fragments: RFC 791, RFC 5722.

use super::*;

/// A fragment of a datagram to the victim.
fn fragment(source: Ipv4Addr, id: u16, offset: u16, more: bool, data: &[u8]) -> Vec<u8> {
    let header = ipv4::Header {
        id,
        fragment_offset: offset,
        more_fragments: more,
        ..frames::header(source, ip("10.0.0.2"), Protocol::UDP)
    };
    frames::packet(header, &[], data)
}

#[test]
fn of_many_sources_take_no_more_memory_than_there_is_for_them() {
    let mut flooded = Flooded::new();
    for n in 0..2000 {
        let source = number(0x0b00_0000, n);
        flooded.packet(&fragment(source, 1, 0, true, &[0; 1024]));
    }
    let usage = flooded.stack().usage();
    assert!(
        (1..=64).contains(&usage.fragmented) && usage.fragment_octets <= 256 << 10,
        "{usage:?}"
    );
    assert_eq!(flooded.count(EventId::ReassAllocNomem), 2000 - 64);
    flooded.serve();
}

#[test]
fn of_one_source_take_only_its_share() {
    let mut flooded = Flooded::new();
    for id in 0..500 {
        flooded.packet(&fragment(ip("10.0.0.99"), id, 0, true, &[0; 1024]));
    }
    let usage = flooded.stack().usage();
    assert!(usage.fragment_octets <= 64 << 10, "{usage:?}");
    assert_eq!(
        flooded.count(EventId::ReassAllocNomem),
        500 - u64::try_from(usage.fragmented).unwrap()
    );
    flooded.serve();
}

/// RFC 1858: overlaps pass what filters; RFC 5722's answer to them.
#[test]
fn that_overlap_are_dropped_with_all_of_their_datagram() {
    let mut flooded = Flooded::new();
    for id in 0..100 {
        let source = ip("10.0.0.99");
        for (offset, more) in [(0, true), (8, true), (16, false), (0, true)] {
            flooded.packet(&fragment(source, id, offset, more, &[1; 16]));
        }
    }
    assert_eq!(flooded.count(EventId::IpReassOverlap), 100 * 3);
    assert_eq!(
        flooded.count(EventId::IpReass),
        2 - 1,
        "only what is honest"
    );
    assert_eq!(flooded.stack().usage().fragment_octets, 0);
    flooded.serve();
}

/// 1535 fragments of eight octets are a datagram; more are none.
#[test]
fn that_are_tiny_are_put_together_or_refused_by_their_number() {
    let mut flooded = Flooded::new();

    let source = ip("10.0.0.99");
    for n in (0..4000).rev() {
        flooded.packet(&fragment(source, 1, n * 8, n != 3999, &[0; 8]));
    }
    let usage = flooded.stack().usage();
    assert!(usage.fragment_octets <= 64 << 10, "{usage:?}");
    flooded.serve();
}

/// The "ping of death".
#[test]
fn that_reach_past_the_longest_packet_are_dropped() {
    let mut flooded = Flooded::new();
    for id in 0..100 {
        let source = ip("10.0.0.99");
        flooded.packet(&fragment(source, id, 0, true, &[0; 1480]));
        flooded.packet(&fragment(source, id, 65_528, false, &[0; 1480]));
    }
    assert_eq!(flooded.count(EventId::IpReassToolong), 100);
    assert_eq!(flooded.stack().usage().fragment_octets, 0);
    flooded.serve();
}

/// Nothing waits for ever, and the errors about what has waited are limited too (RFC 1812 §4.3.2.8).
#[test]
fn time_out_together_without_a_burst_of_errors() {
    let mut flooded = Flooded::new();
    for n in 0..60 {
        let source = number(ip("10.0.0.100").to_bits(), n);
        flooded.packet(&fragment(source, 1, 0, true, &[0; 512]));
    }
    let before = flooded.count(EventId::IcmpErrorStart);
    flooded.lab.now += Duration::from_secs(61);
    let now = flooded.lab.now;
    flooded.stack().handle_timeout(now);
    flooded.stack().check().unwrap();
    assert_eq!(flooded.stack().usage().fragmented, 0);
    assert_eq!(flooded.count(EventId::IpReassTimeout), 60);
    assert!(flooded.count(EventId::IcmpErrorStart) - before <= 50);
    flooded.serve();
}
