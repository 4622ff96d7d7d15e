//! `parse(emit(x)) == x` and, for octets in canonical form, `emit(parse(octets)) == octets`.

use std::net::Ipv4Addr;

use fairway_wire::checksum::{self, Sum};
use fairway_wire::igmp::{self, Addresses, Query, QueryV3, RecordType, ReportWriter};
use fairway_wire::ipv4::options::{IpOption, OptionBuffer, Options, copied_to_fragments};
use fairway_wire::tcp::OptionIter;
use fairway_wire::{MacAddr, SeqNumber, arp, ethernet, icmp, ipv4, tcp, udp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::any;

proptest! {
    #[test]
    fn ethernet_frames(header in any::ethernet(), payload in any::payload()) {
        let mut octets = [0xee; 14];
        header.emit(&mut octets);
        let octets = [&octets[..], &payload].concat();
        prop_assert_eq!(ethernet::Header::parse(&octets), Ok((header, &payload[..])));
    }

    #[test]
    fn hardware_addresses_as_text(octets: [u8; 6]) {
        let address = MacAddr(octets);
        prop_assert_eq!(address.to_string().parse(), Ok(address));
    }

    #[test]
    fn arp_packets(packet in any::arp()) {
        let mut octets = [0xee; 28];
        packet.emit(&mut octets);
        prop_assert_eq!(arp::Packet::parse(&octets), Ok(packet));
    }

    #[test]
    fn ipv4_packets((header, options, payload) in any::packet()) {
        let octets = any::packet_octets(&header, options.as_slice(), &payload);
        prop_assert_eq!(
            ipv4::Header::parse_verified(&octets),
            Ok((header, options.as_slice(), &payload[..]))
        );
    }

    /// Options that were built are all read, without gaps, and go into a buffer again as they are.
    #[test]
    fn ipv4_options(options in any::ip_options()) {
        let mut again = OptionBuffer::new();
        let mut end = 0;
        for entry in Options::new(options.as_slice()) {
            let entry = entry.unwrap();
            prop_assert_eq!(entry.offset, end);
            prop_assert_eq!(&options.as_slice()[entry.range()], entry.octets);
            end = entry.range().end;
            if entry.option != IpOption::EndOfList {
                prop_assert!(again.push(entry.octets));
            }
        }
        prop_assert_eq!(again.as_slice(), options.as_slice());
    }

    /// What goes into fragments is what has the copied flag, in order.
    #[test]
    fn ipv4_options_of_fragments(options in any::ip_options()) {
        let copied = copied_to_fragments(options.as_slice()).unwrap();
        let expected = Options::new(options.as_slice())
            .map(Result::unwrap)
            .filter(|entry| entry.kind().is_copied())
            .map(|entry| entry.octets);
        let found = Options::new(copied.as_slice())
            .map(Result::unwrap)
            .filter(|entry| entry.option != IpOption::EndOfList)
            .map(|entry| entry.octets);
        prop_assert!(found.eq(expected));
    }

    #[test]
    fn udp_datagrams(
        (header, payload) in any::payload()
            .prop_flat_map(|payload| (any::udp(payload.len()), Just(payload))),
        source in any::address(),
        destination in any::address(),
    ) {
        let mut octets = [0xee; 8];
        header.emit(&mut octets);
        let mut octets = [&octets[..], &payload].concat();
        prop_assert_eq!(udp::Header::parse(&octets), Ok((header, &payload[..])));
        udp::fill_checksum(source, destination, &mut octets);
        prop_assert!(udp::verify_checksum(source, destination, &octets));
        prop_assert_ne!(udp::Header::parse(&octets).unwrap().0.checksum, 0);
    }

    #[test]
    fn tcp_segments(
        (header, options) in any::tcp_with_options(),
        data in any::payload(),
        source in any::address(),
        destination in any::address(),
    ) {
        let mut octets = any::segment_octets(&header, &options, &data);
        let (found, raw, rest) = tcp::Header::parse(&octets).unwrap();
        prop_assert_eq!(found, header);
        prop_assert_eq!(tcp::Options::parse(raw), options);
        prop_assert_eq!(rest, &data[..]);
        tcp::fill_checksum(source, destination, &mut octets);
        prop_assert!(tcp::verify_checksum(source, destination, &octets));
    }

    /// The fast path reads what the iterator reads, whatever comes.
    #[test]
    fn tcp_options_either_way(octets in prop_oneof![
        vec(any::<u8>(), 0..=40),
        vec(0_u8..11, 0..=40),
        any::<[u8; 8]>().prop_map(|times| [&[1, 1, 8, 10], &times[..]].concat()),
    ]) {
        let mut expected = tcp::Options::default();
        for option in OptionIter::new(&octets) {
            match option {
                tcp::TcpOption::MaxSegmentSize(size) => expected.max_segment_size = Some(size),
                tcp::TcpOption::WindowScale(shift) => expected.window_scale = Some(shift),
                tcp::TcpOption::SackPermitted => expected.sack_permitted = true,
                tcp::TcpOption::Timestamps(times) => expected.timestamps = Some(times),
                tcp::TcpOption::Sack(blocks) => expected.sack = blocks,
                tcp::TcpOption::EndOfList
                | tcp::TcpOption::NoOperation
                | tcp::TcpOption::Other { .. } => {}
            }
        }
        prop_assert_eq!(tcp::Options::parse(&octets), expected);
    }

    #[test]
    fn icmp_messages(message in any::icmp(), payload in any::payload()) {
        let octets = any::icmp_octets(&message, &payload);
        prop_assert!(icmp::verify_checksum(&octets));
        prop_assert_eq!(icmp::Message::parse(&octets), Ok((message, &payload[..])));
    }

    #[test]
    fn igmp_queries(
        max_response_code: u8,
        group in any::address(),
        (flags, interval) in any::<(bool, u8)>(),
        robustness in 0_u8..8,
        sources in vec(any::<[u8; 4]>(), 0..20),
        old: bool,
    ) {
        let v3 = (!old).then_some(QueryV3 {
            suppress_router_processing: flags,
            robustness,
            query_interval_code: interval,
            sources: Addresses::new(&sources),
        });
        let message = igmp::Message::Query(Query { max_response_code, group, v3 });
        let mut octets = vec![0xee; message.wire_len()];
        message.emit(&mut octets);
        prop_assert!(igmp::verify_checksum(&octets));
        prop_assert_eq!(igmp::Message::parse(&octets), Ok(message));
    }

    #[test]
    fn igmp_reports(
        records in vec((any::<u8>(), any::address(), vec(any::address(), 0..5)), 0..10),
    ) {
        let mut room = [0xee; 400];
        let mut writer = ReportWriter::new(&mut room);
        for (record_type, group, sources) in &records {
            prop_assert!(writer.push(RecordType(*record_type), *group, sources.iter().copied()));
        }
        let len = writer.finish();
        prop_assert!(igmp::verify_checksum(&room[..len]));
        let message = igmp::Message::parse(&room[..len]).unwrap();
        let igmp::Message::V3Report(report) = message else {
            return Err(TestCaseError::fail("not a report"));
        };
        let found: Vec<(u8, Ipv4Addr, Vec<Ipv4Addr>)> = report
            .records()
            .map(|record| (record.record_type.0, record.group, record.sources.iter().collect()))
            .collect();
        prop_assert_eq!(found, records);
        let mut again = vec![0xee; message.wire_len()];
        message.emit(&mut again);
        prop_assert_eq!(&again[..], &room[..len]);
    }

    /// RFC 9293 §3.4: of two numbers that are not opposite one comes first, and the distance leads from one to the other.
    #[test]
    fn sequence_numbers(a: u32, b: u32, len: u32) {
        let (a, b) = (SeqNumber(a), SeqNumber(b));
        prop_assert_eq!(b + (a - b), a);
        prop_assert_eq!(a + len - len, a);
        prop_assert_eq!(a.le(b), a == b || a.lt(b));
        prop_assert!(!(a + len).is_within(a, len));
        prop_assert_eq!(a.is_within(a, len), len > 0);
        prop_assume!(a - b != i32::MIN);
        prop_assert_eq!(a.lt(b), b.gt(a));
        prop_assert_eq!(a.ge(b), !a.lt(b));
        prop_assert_eq!((a.min(b), a.max(b)), (b.min(a), b.max(a)));
    }

    #[test]
    fn sums_of_pieces(pieces in vec(vec(any::<u8>(), 0..50), 0..6)) {
        let joined = pieces.iter().fold(Sum::ZERO, |sum, piece| sum + &piece[..]);
        prop_assert_eq!(joined, checksum::sum(&pieces.concat()));
    }

    #[test]
    fn checksums_brought_up_to_date(words in vec(any::<u16>(), 2..20), at: prop::sample::Index, to: u16) {
        let octets = |words: &[u16]| -> Vec<u8> {
            words.iter().flat_map(|word| word.to_be_bytes()).collect()
        };
        let before = checksum::sum(&octets(&words)).finish();
        let mut changed = words.clone();
        let place = at.get_mut(&mut changed);
        let updated = checksum::update(before, *place, to);
        *place = to;
        // Where nothing but zeros is left, a sum over the data is +0 and an updated one -0 (RFC 1624 §3); such packets
        // do not exist.
        prop_assume!(changed.iter().any(|word| *word != 0));
        prop_assert_eq!(updated, checksum::sum(&octets(&changed)).finish());
    }
}
