use core::net::Ipv4Addr;
use std::vec::Vec;

use super::{
    AddressMaskMessage, Message, Original, ParameterCode, ParseError, RedirectCode,
    TimeExceededCode, TimestampMessage, Type, UnreachableCode, split_extensions, verify_checksum,
};

const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

const TIMES: TimestampMessage = TimestampMessage {
    id: 1,
    seq: 2,
    originate: 3,
    receive: 4,
    transmit: 5,
};

/// Both ways, with the checksum.
#[track_caller]
fn golden(message: &Message, payload: &[u8], octets: &[u8]) {
    assert_eq!(Message::parse(octets), Ok((*message, payload)));
    assert!(verify_checksum(octets));
    let mut out = [&[0xee; 20][..message.header_len()], payload].concat();
    message.emit(&mut out);
    assert_eq!(out, octets);
}

mod golden_octets {
    use super::{
        A, AddressMaskMessage, Ipv4Addr, Message, ParameterCode, RedirectCode, TIMES,
        TimeExceededCode, Type, UnreachableCode, golden,
    };

    #[test]
    fn of_echo() {
        golden(
            &Message::EchoRequest { id: 0x1234, seq: 7 },
            &[1, 2, 3],
            &[8, 0, 0xe1, 0xc2, 0x12, 0x34, 0, 7, 1, 2, 3],
        );
        golden(
            &Message::EchoReply { id: 0x1234, seq: 7 },
            &[],
            &[0, 0, 0xed, 0xc4, 0x12, 0x34, 0, 7],
        );
    }

    #[test]
    fn of_destination_unreachable() {
        // RFC 1191 §4: the MTU is in the low 16 bits of the second word.
        golden(
            &Message::DestinationUnreachable {
                code: UnreachableCode::FRAGMENTATION_NEEDED,
                next_hop_mtu: 1500,
            },
            &[0x45],
            &[3, 4, 0xb2, 0x1f, 0, 0, 0x05, 0xdc, 0x45],
        );
    }

    #[test]
    fn of_redirect() {
        golden(
            &Message::Redirect {
                code: RedirectCode::HOST,
                gateway: A,
            },
            &[],
            &[5, 1, 0x38, 0xfd, 192, 0, 2, 1],
        );
    }

    #[test]
    fn of_time_exceeded() {
        golden(
            &Message::TimeExceeded {
                code: TimeExceededCode::TTL,
            },
            &[],
            &[11, 0, 0xf4, 0xff, 0, 0, 0, 0],
        );
    }

    #[test]
    fn of_parameter_problem() {
        golden(
            &Message::ParameterProblem {
                code: ParameterCode::POINTER,
                pointer: 21,
            },
            &[],
            &[12, 0, 0xde, 0xff, 21, 0, 0, 0],
        );
    }

    #[test]
    fn of_source_quench() {
        golden(&Message::SourceQuench, &[], &[4, 0, 0xfb, 0xff, 0, 0, 0, 0]);
    }

    #[test]
    fn of_timestamps() {
        golden(
            &Message::TimestampRequest(TIMES),
            &[],
            &[
                13, 0, 0xf2, 0xf0, 0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5,
            ],
        );
        golden(
            &Message::TimestampReply(TIMES),
            &[],
            &[
                14, 0, 0xf1, 0xf0, 0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5,
            ],
        );
    }

    #[test]
    fn of_information() {
        golden(
            &Message::InformationRequest { id: 1, seq: 2 },
            &[],
            &[15, 0, 0xf0, 0xfc, 0, 1, 0, 2],
        );
        golden(
            &Message::InformationReply { id: 1, seq: 2 },
            &[],
            &[16, 0, 0xef, 0xfc, 0, 1, 0, 2],
        );
    }

    #[test]
    fn of_address_masks() {
        // RFC 950 appendix I.
        let mask = |mask| AddressMaskMessage {
            id: 1,
            seq: 2,
            mask,
        };
        golden(
            &Message::AddressMaskRequest(mask(Ipv4Addr::UNSPECIFIED)),
            &[],
            &[17, 0, 0xee, 0xfc, 0, 1, 0, 2, 0, 0, 0, 0],
        );
        golden(
            &Message::AddressMaskReply(mask(Ipv4Addr::new(255, 255, 255, 0))),
            &[],
            &[18, 0, 0xee, 0xfb, 0, 1, 0, 2, 255, 255, 255, 0],
        );
    }

    #[test]
    fn of_a_type_not_known() {
        golden(
            &Message::Other {
                message_type: Type::ROUTER_ADVERTISEMENT,
                code: 16,
                rest: [1, 2, 7, 8],
            },
            &[],
            &[9, 16, 0xee, 0xe5, 1, 2, 7, 8],
        );
    }
}

#[test]
fn a_message_is_as_long_as_its_type_needs() {
    for (message_type, len) in [
        (0, 8),
        (3, 8),
        (13, 20),
        (14, 20),
        (17, 12),
        (18, 12),
        (99, 8),
    ] {
        let mut octets = [0; 20];
        octets[0] = message_type;
        assert_eq!(
            Message::parse(&octets[..len - 1]),
            Err(ParseError::Short),
            "{message_type}"
        );
        let (message, payload) = Message::parse(&octets[..len]).unwrap();
        assert_eq!((message.header_len(), payload), (len, &[][..]));
        assert_eq!(message.message_type(), Type(message_type));
    }
}

#[test]
fn unknown_codes_survive() {
    let octets = [3, 77, 0, 0, 0, 0, 0, 0];
    let (message, _) = Message::parse(&octets).unwrap();
    assert_eq!(message.code(), 77);
}

#[test]
fn errors_are_told_from_queries() {
    // RFC 1122 §3.2.2: no ICMP error is sent about an ICMP error.
    for message_type in 0..=255 {
        let mut octets = [0; 20];
        octets[0] = message_type;
        let (message, _) = Message::parse(&octets).unwrap();
        let expected = [3, 4, 5, 11, 12].contains(&message_type);
        assert_eq!(message.is_error(), expected, "{message_type}");
    }
}

mod original {
    use super::{A, Original, Vec};
    use crate::{SeqNumber, ipv4};

    /// A header and the first eight octets of a segment.
    const QUOTE: [u8; 28] = [
        0x45, 0, 0x05, 0xdc, 0, 1, 0x40, 0, 1, 6, 0, 0, 10, 0, 0, 1, 192, 0, 2, 1, // header
        0x9c, 0x40, 0, 80, 1, 2, 3, 4, // ports, sequence number
    ];

    #[test]
    fn eight_octets_tell_the_connection() {
        // RFC 1122 §3.2.2: at least the first 8 octets of the data are there to find the process.
        let original = Original::parse(&QUOTE).unwrap();
        assert_eq!(original.destination(), A);
        assert_eq!(original.header.total_len, 1500);
        assert_eq!(original.ports(), Some((40_000, 80)));
        assert_eq!(original.tcp_seq(), Some(SeqNumber(0x0102_0304)));
    }

    #[test]
    fn less_tells_less() {
        let original = Original::parse(&QUOTE[..27]).unwrap();
        assert_eq!(original.ports(), Some((40_000, 80)));
        assert_eq!(original.tcp_seq(), None);
        let original = Original::parse(&QUOTE[..23]).unwrap();
        assert_eq!(original.ports(), None);
        assert_eq!(Original::parse(&QUOTE[..19]), Err(ipv4::ParseError::Short));
    }

    #[test]
    fn a_later_fragment_and_other_protocols_have_no_ports() {
        let mut fragment: Vec<u8> = QUOTE.to_vec();
        fragment[7] = 1;
        let original = Original::parse(&fragment).unwrap();
        assert_eq!((original.ports(), original.tcp_seq()), (None, None));
        let mut icmp: Vec<u8> = QUOTE.to_vec();
        icmp[9] = 1;
        let original = Original::parse(&icmp).unwrap();
        assert_eq!((original.ports(), original.tcp_seq()), (None, None));
    }
}

mod extensions {
    use super::{Vec, split_extensions};

    /// A message of `message_type` that quotes 128 octets and has one MPLS object.
    fn message(message_type: u8) -> Vec<u8> {
        let mut message = std::vec![message_type, 0, 0, 0, 0, 32, 0, 0];
        message.extend([0x45; 128]);
        message.extend([0x20, 0, 0xda, 0xf0, 0, 8, 1, 1, 1, 2, 3, 4]);
        message
    }

    #[test]
    fn begin_where_the_length_says() {
        // RFC 4884 §4, §7, §8.
        for message_type in [3, 11, 12] {
            let message = message(message_type);
            let (original, extensions) = split_extensions(&message);
            assert_eq!(original, [0x45; 128]);
            let objects: Vec<_> = extensions.unwrap().collect();
            assert_eq!(objects.len(), 1);
            assert_eq!((objects[0].class, objects[0].class_type), (1, 1));
            assert_eq!(objects[0].data, [1, 2, 3, 4]);
        }
    }

    #[test]
    fn other_messages_have_none() {
        for message_type in [0, 4, 5, 8, 13] {
            let message = message(message_type);
            let (original, extensions) = split_extensions(&message);
            assert_eq!(original.len(), message.len() - 8);
            assert!(extensions.is_none());
        }
    }

    #[test]
    fn without_the_length_all_is_quoted() {
        let mut message = message(3);
        message[5] = 0;
        let (original, extensions) = split_extensions(&message);
        assert_eq!(original.len(), 140);
        assert!(extensions.is_none());
        message[5] = 36; // four octets more than there are
        let (original, extensions) = split_extensions(&message);
        assert_eq!(original.len(), 140);
        assert!(extensions.is_none());
        assert_eq!(split_extensions(&message[..7]).0, []);
    }

    #[test]
    fn damaged_or_of_another_version_they_are_left_out() {
        let mut damaged = message(11);
        *damaged.last_mut().unwrap() ^= 1;
        assert!(split_extensions(&damaged).1.is_none());
        let mut unsummed = message(11);
        unsummed[138..140].fill(0);
        assert!(split_extensions(&unsummed).1.is_some());
        unsummed[136] = 0x10;
        assert!(split_extensions(&unsummed).1.is_none());
    }

    #[test]
    fn an_object_whose_length_makes_no_sense_ends_them() {
        for len in [0, 3, 9, 255] {
            let mut message = message(11);
            message[138..140].fill(0);
            message[141] = len;
            assert_eq!(split_extensions(&message).1.unwrap().count(), 0, "{len}");
        }
    }
}
