use core::net::Ipv4Addr;

use super::{Header, ParseError, decrease_ttl, fill_checksum};
use crate::Protocol;

/// A fragment with a router alert and one octet of padding behind its payload.
const OCTETS: [u8; 31] = [
    0x46, 0xb8, 0x00, 0x1e, // version, header length, DSCP and ECN, total length
    0x12, 0x34, 0x20, 0xb9, // identification, flags and offset
    0x40, 0x11, 0xc5, 0xee, // time to live, protocol, checksum
    0xc0, 0x00, 0x02, 0x01, // source
    0xc6, 0x33, 0x64, 0x02, // destination
    0x94, 0x04, 0x00, 0x00, // router alert
    1, 2, 3, 4, 5, 6, // payload
    0xee,
];
const HEADER: Header = Header {
    dscp_ecn: 0xb8,
    total_len: 30,
    id: 0x1234,
    dont_fragment: false,
    more_fragments: true,
    fragment_offset: 0xb9 * 8,
    ttl: 64,
    protocol: Protocol::UDP,
    source: Ipv4Addr::new(192, 0, 2, 1),
    destination: Ipv4Addr::new(198, 51, 100, 2),
    header_len: 24,
};

/// The packet with one octet changed.
fn with(at: usize, octet: u8) -> [u8; 31] {
    let mut octets = OCTETS;
    octets[at] = octet;
    octets
}

#[test]
fn golden_octets_both_ways() {
    let (header, options, payload) = Header::parse_verified(&OCTETS).unwrap();
    assert_eq!(header, HEADER);
    assert_eq!(options, [0x94, 4, 0, 0]);
    assert_eq!(payload, [1, 2, 3, 4, 5, 6]);
    assert_eq!(header.payload_len(), payload.len());
    let mut out = [0xee; 24];
    header.emit(options, &mut out);
    assert_eq!(out, OCTETS[..24]);
}

#[test]
fn an_offset_is_in_octets() {
    // RFC 791 §3.1: the field counts units of eight octets.
    let largest = Header {
        fragment_offset: 65_528,
        more_fragments: false,
        dont_fragment: true,
        header_len: 20,
        ..HEADER
    };
    let mut out = [0; 20];
    largest.emit(&[], &mut out);
    assert_eq!(out[6..8], [0x5f, 0xff]);
    let mut packet = [0; 30];
    packet[..20].copy_from_slice(&out);
    assert_eq!(Header::parse(&packet).unwrap().0, largest);
    assert!(largest.is_fragment());
}

#[test]
fn the_reserved_bit_is_ignored() {
    let (header, ..) = Header::parse(&with(6, 0xa0)).unwrap();
    assert_eq!(header, HEADER);
}

#[test]
fn options_are_padded_with_end_of_list() {
    // RFC 791 §3.1: the padding is zero.
    let mut out = [0xee; 24];
    HEADER.emit(&[1], &mut out);
    assert_eq!(out[20..], [1, 0, 0, 0]);
    assert!(Header::verify_checksum(&out));
}

#[test]
fn each_fault_has_its_error() {
    assert_eq!(Header::parse(&OCTETS[..19]), Err(ParseError::Short));
    assert_eq!(Header::parse(&with(0, 0x65)), Err(ParseError::Version(6)));
    assert_eq!(
        Header::parse(&with(0, 0x44)),
        Err(ParseError::HeaderLength(16))
    );
    assert_eq!(
        Header::parse(&with(3, 23)),
        Err(ParseError::TotalLength {
            total_len: 23,
            header_len: 24
        })
    );
    assert_eq!(
        Header::parse(&OCTETS[..29]),
        Err(ParseError::Truncated {
            total_len: 30,
            available: 29
        })
    );
    assert_eq!(
        Header::parse_verified(&with(8, 63)),
        Err(ParseError::Checksum)
    );
}

#[test]
fn a_header_length_beyond_the_octets_is_told_as_truncation() {
    let mut octets = [0; 20];
    octets[..20].copy_from_slice(&OCTETS[..20]);
    assert_eq!(
        Header::parse(&octets),
        Err(ParseError::Truncated {
            total_len: 30,
            available: 20
        })
    );
    assert!(!Header::verify_checksum(&octets));
}

mod quoted {
    use super::{HEADER, Header, OCTETS, ParseError};

    #[test]
    fn a_packet_may_be_cut_anywhere_behind_its_header() {
        for len in 24..=OCTETS.len() {
            let (header, options, payload) = Header::parse_quoted(&OCTETS[..len]).unwrap();
            assert_eq!(header, HEADER);
            assert_eq!(options, [0x94, 4, 0, 0]);
            assert_eq!(payload, &OCTETS[24..len.min(30)]);
        }
    }

    #[test]
    fn header_and_options_must_be_there() {
        for len in 20..24 {
            assert_eq!(
                Header::parse_quoted(&OCTETS[..len]),
                Err(ParseError::Truncated {
                    total_len: 30,
                    available: len
                })
            );
        }
        assert_eq!(Header::parse_quoted(&OCTETS[..19]), Err(ParseError::Short));
    }
}

mod forwarding {
    use super::{Header, OCTETS, decrease_ttl, fill_checksum};

    #[test]
    fn a_hop_leaves_the_checksum_right() {
        // RFC 1812 §5.3.1, RFC 1624: from every time to live down to zero.
        for ttl in 1..=255 {
            let mut packet = OCTETS;
            packet[8] = ttl;
            fill_checksum(&mut packet);
            assert_eq!(decrease_ttl(&mut packet, 1), Some(ttl - 1));
            assert!(Header::verify_checksum(&packet), "{ttl}");
            assert_eq!(packet[8], ttl - 1);
        }
    }

    #[test]
    fn no_hop_is_taken_that_is_not_left() {
        let mut packet = OCTETS;
        packet[8] = 1;
        let before = packet;
        assert_eq!(decrease_ttl(&mut packet, 2), None);
        assert_eq!(packet, before);
        assert_eq!(decrease_ttl(&mut packet[..11], 1), None);
    }

    #[test]
    fn the_checksum_is_written_over_the_header_only() {
        let mut packet = OCTETS;
        packet[10] = 0;
        fill_checksum(&mut packet);
        assert_eq!(packet, OCTETS);
        fill_checksum(&mut packet[..23]);
        assert_eq!(packet, OCTETS);
    }
}

#[test]
fn header_lengths_are_whole_words_up_to_sixty() {
    assert_eq!(Header::len_with_options(0), Some(20));
    assert_eq!(Header::len_with_options(1), Some(24));
    assert_eq!(Header::len_with_options(40), Some(60));
    assert_eq!(Header::len_with_options(41), None);
    assert_eq!(Header::len_with_options(usize::MAX), None);
}
