//! Octets that nobody meant as a packet: nothing panics, and what is understood is written as it was read.

use fairway_wire::ipv4::options::{
    Options, RecordRoute, SourceRoute, Timestamp, copied_to_fragments,
};
use fairway_wire::{icmp, igmp, ipv4, pretty, tcp};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::any;

/// The most characters that a line has: a frame with forty octets of options in both headers.
const LONGEST_LINE: usize = 2_000;

/// A packet that is whole, with a payload that need not be, of a protocol that is looked into.
fn odd_packet() -> impl Strategy<Value = Vec<u8>> {
    let options = vec(
        prop_oneof![any::<u8>(), 0_u8..12, Just(68), Just(131)],
        0..=40,
    );
    let payload = prop_oneof![
        vec(any::<u8>(), 0..120),
        (vec(any::<u8>(), 12), vec(0_u8..10, 60)).prop_map(|(head, tail)| [head, tail].concat()),
    ];
    (options, payload).prop_flat_map(|(options, payload)| {
        let header = any::ipv4(options.len(), payload.len());
        let protocol = prop::sample::select(vec![1_u8, 2, 6, 17, 46]);
        (header, protocol, any::<bool>()).prop_map(move |(mut header, protocol, whole)| {
            header.protocol.0 = protocol;
            if whole {
                (header.more_fragments, header.fragment_offset) = (false, 0);
            }
            any::packet_octets(&header, &options, &payload)
        })
    })
}

proptest! {
    #[test]
    fn frames_are_printed_on_one_line(octets in vec(any::<u8>(), 0..200)) {
        let line = pretty::Frame(&octets).to_string();
        prop_assert!(line.len() <= LONGEST_LINE && !line.contains('\n'), "{}", line);
    }

    #[test]
    fn packets_are_printed_on_one_line(octets in odd_packet(), cut: prop::sample::Index) {
        for octets in [&octets[..], &octets[..cut.index(octets.len())]] {
            let line = pretty::Packet(octets).to_string();
            prop_assert!(line.len() <= LONGEST_LINE && !line.contains('\n'), "{}", line);
        }
    }

    /// Canonical octets: what was understood, written again, is what was there, but for ignored bits and the checksum.
    #[test]
    fn packets_are_written_as_they_were_read(octets in odd_packet()) {
        let (header, options, payload) = ipv4::Header::parse(&octets).unwrap();
        prop_assert_eq!(any::packet_octets(&header, options, payload), octets);
    }

    #[test]
    fn segments_are_written_as_they_were_read(octets in vec(any::<u8>(), 20..100), words in 5_u8..16) {
        let mut octets = octets;
        octets[12] = words << 4;
        let Ok((header, options, data)) = tcp::Header::parse(&octets) else {
            prop_assert!(octets.len() < usize::from(words) * 4);
            return Ok(());
        };
        let mut again = vec![0; usize::from(header.header_len)];
        header.emit(options, &mut again);
        again.extend(data);
        prop_assert_eq!(again, octets);
    }

    #[test]
    fn messages_are_understood_again(octets in vec(any::<u8>(), 0..100), kind in 0_u8..20) {
        let mut octets = octets;
        if let Some(first) = octets.first_mut() {
            *first = kind;
        }
        if let Ok((message, payload)) = icmp::Message::parse(&octets) {
            let again = any::icmp_octets(&message, payload);
            prop_assert_eq!(again.len(), octets.len());
            prop_assert_eq!(icmp::Message::parse(&again), Ok((message, payload)));
        }
        if let Some(first) = octets.first_mut() {
            *first = [0x11, 0x12, 0x16, 0x17, 0x22][usize::from(kind) % 5];
        }
        if let Ok(message) = igmp::Message::parse(&octets) {
            let mut again = vec![0; message.wire_len()];
            message.emit(&mut again);
            prop_assert_eq!(igmp::Message::parse(&again), Ok(message));
        }
        let _ = icmp::split_extensions(&octets).1.map(Iterator::count);
        let _ = icmp::Original::parse(&octets).map(|original| (original.ports(), original.tcp_seq()));
    }

    /// Recording into any octets changes nothing but the place it goes to, the pointer and the overflow.
    #[test]
    fn recording_keeps_within_the_option(
        octets in vec(prop_oneof![any::<u8>(), 0_u8..40], 0..=40),
        address in any::address(),
        form in 0_u8..4,
    ) {
        let mut octets = octets;
        if let Some(flags) = octets.get_mut(3) {
            *flags = *flags & 0xf0 | form;
        }
        for which in 0..3 {
            let mut option = octets.clone();
            let pointer = octets.get(2).copied().map_or(0, usize::from);
            let changed = match which {
                0 => RecordRoute::record(&mut option, address).is_ok(),
                1 => SourceRoute::advance(&mut option, address).is_ok(),
                _ => Timestamp::record(&mut option, address, 7, |_| true).is_ok(),
            };
            prop_assert_eq!(option.len(), octets.len());
            for (at, (after, before)) in option.iter().zip(&octets).enumerate() {
                let may_change = changed
                    && (at == 2 || at == 3 || (at + 1 >= pointer && at + 1 < pointer + 8));
                prop_assert!(may_change || after == before, "octet {}", at);
            }
        }
    }

    #[test]
    fn options_end_whatever_they_are(octets in vec(prop_oneof![any::<u8>(), 0_u8..12], 0..=40)) {
        let entries: Vec<_> = Options::new(&octets).collect();
        prop_assert!(entries.len() <= octets.len());
        let end = entries.iter().filter_map(|entry| entry.ok()).map(|entry| entry.range().end).max();
        prop_assert!(end.unwrap_or(0) <= octets.len());
        let sound = entries.iter().all(Result::is_ok);
        prop_assert_eq!(copied_to_fragments(&octets).is_ok(), sound);
    }
}
