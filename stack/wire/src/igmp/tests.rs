use core::net::Ipv4Addr;
use std::vec;
use std::vec::Vec;

use super::{
    Addresses, Message, ParseError, Query, QueryV3, Record, RecordType, ReportWriter, Type,
    decode_float, encode_float, verify_checksum,
};

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 2, 3);

/// Both ways, with the checksum.
#[track_caller]
fn golden(message: &Message<'_>, octets: &[u8]) {
    assert_eq!(Message::parse(octets).as_ref(), Ok(message));
    assert!(verify_checksum(octets));
    assert_eq!(message.wire_len(), octets.len());
    let mut out = vec![0xee; octets.len()];
    message.emit(&mut out);
    assert_eq!(out, octets);
}

#[track_caller]
fn query(octets: &[u8]) -> Query<'_> {
    match Message::parse(octets) {
        Ok(Message::Query(query)) => query,
        other => panic!("{other:?}"),
    }
}

/// A report of two records.
const REPORT: [u8; 28] = [
    0x22, 0, 0x30, 0xf0, 0, 0, 0, 2, // header
    4, 0, 0, 0, 239, 1, 2, 3, // to exclude nothing
    5, 0, 0, 1, 239, 1, 2, 4, 192, 0, 2, 1, // allow one source
];

mod golden_octets {
    use super::{Addresses, GROUP, Ipv4Addr, Message, Query, QueryV3, REPORT, Type, golden, query};

    #[test]
    fn of_a_query_of_version_1() {
        // RFC 1112 appendix I; RFC 2236 §4: the response time is ten seconds.
        let octets = [0x11, 0, 0xee, 0xff, 0, 0, 0, 0];
        golden(
            &Message::Query(Query {
                max_response_code: 0,
                group: Ipv4Addr::UNSPECIFIED,
                v3: None,
            }),
            &octets,
        );
        assert_eq!(query(&octets).version(), 1);
        assert_eq!(query(&octets).max_response_tenths(), 100);
    }

    #[test]
    fn of_a_query_of_version_2() {
        // RFC 2236 §2.2: tenths of a second.
        let octets = [0x11, 100, 0xfd, 0x96, 239, 1, 2, 3];
        golden(
            &Message::Query(Query {
                max_response_code: 100,
                group: GROUP,
                v3: None,
            }),
            &octets,
        );
        assert_eq!(query(&octets).version(), 2);
        assert_eq!(query(&octets).max_response_tenths(), 100);
    }

    #[test]
    fn of_a_query_of_version_3() {
        let octets = [
            0x11, 0x84, 0x6e, 0xf3, 239, 1, 2, 3, 0x0a, 125, 0, 2, 192, 0, 2, 1, 192, 0, 2, 2,
        ];
        golden(
            &Message::Query(Query {
                max_response_code: 0x84,
                group: GROUP,
                v3: Some(QueryV3 {
                    suppress_router_processing: true,
                    robustness: 2,
                    query_interval_code: 125,
                    sources: Addresses::new(&[[192, 0, 2, 1], [192, 0, 2, 2]]),
                }),
            }),
            &octets,
        );
        assert_eq!(query(&octets).version(), 3);
        assert_eq!(query(&octets).max_response_tenths(), 160);
    }

    #[test]
    fn of_reports_and_leaves_of_versions_1_and_2() {
        golden(
            &Message::V1Report { group: GROUP },
            &[0x12, 0, 0xfc, 0xfa, 239, 1, 2, 3],
        );
        golden(
            &Message::V2Report { group: GROUP },
            &[0x16, 0, 0xf8, 0xfa, 239, 1, 2, 3],
        );
        golden(
            &Message::Leave { group: GROUP },
            &[0x17, 0, 0xf7, 0xfa, 239, 1, 2, 3],
        );
    }

    #[test]
    fn of_a_report_of_version_3() {
        golden(&Message::parse(&REPORT).unwrap(), &REPORT);
    }

    #[test]
    fn of_a_type_not_known() {
        golden(
            &Message::Other {
                message_type: Type(0x13),
                code: 2,
                rest: &[1, 2, 3, 4],
            },
            &[0x13, 2, 0xe8, 0xf7, 1, 2, 3, 4],
        );
    }
}

mod query_versions {
    use super::{Message, ParseError, query};

    #[test]
    fn nine_to_eleven_octets_are_a_query_of_no_version() {
        // RFC 9776 §7.1: such queries MUST be silently ignored.
        for len in 9..12 {
            let mut octets = [0; 12];
            octets[0] = 0x11;
            assert_eq!(
                Message::parse(&octets[..len]),
                Err(ParseError::QueryLength(len))
            );
        }
    }

    #[test]
    fn a_query_of_version_2_has_no_floating_point() {
        // RFC 2236 §2.2: the field is a plain number.
        assert_eq!(
            query(&[0x11, 0xff, 0, 0, 0, 0, 0, 0]).max_response_tenths(),
            255
        );
        let v3 = [0x11, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(query(&v3).max_response_tenths(), 31_744);
    }

    #[test]
    fn version_3_with_a_code_of_zero_answers_at_once() {
        let v3 = [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(query(&v3).max_response_tenths(), 0);
    }

    #[test]
    fn octets_behind_the_sources_are_ignored() {
        // RFC 9776 §4.1.10.
        let octets = [
            0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 192, 0, 2, 1, 0xee, 0xee, 0xee,
        ];
        assert_eq!(query(&octets).v3.unwrap().sources.len(), 1);
    }

    #[test]
    fn announced_sources_must_be_there() {
        let octets = [0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 192, 0, 2, 1, 192];
        assert_eq!(Message::parse(&octets), Err(ParseError::Truncated));
        assert_eq!(Message::parse(&octets[..7]), Err(ParseError::Short));
    }
}

mod reports {
    use super::{
        GROUP, Ipv4Addr, Message, ParseError, REPORT, Record, RecordType, ReportWriter, Vec,
    };

    fn records(octets: &[u8]) -> Vec<Record<'_>> {
        match Message::parse(octets) {
            Ok(Message::V3Report(report)) => {
                assert_eq!(usize::from(report.count()), report.records().count());
                report.records().collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn records_come_with_their_sources() {
        let records = records(&REPORT);
        assert_eq!(records[0].record_type, RecordType::CHANGE_TO_EXCLUDE);
        assert_eq!(records[0].group, GROUP);
        assert!(records[0].sources.is_empty());
        assert_eq!(records[1].record_type, RecordType::ALLOW_NEW_SOURCES);
        assert!(records[1].sources.iter().eq([Ipv4Addr::new(192, 0, 2, 1)]));
    }

    #[test]
    fn the_writer_writes_what_is_read() {
        let mut room = [0xee; 28];
        let mut writer = ReportWriter::new(&mut room);
        assert!(writer.push(RecordType::CHANGE_TO_EXCLUDE, GROUP, []));
        assert!(writer.push(
            RecordType::ALLOW_NEW_SOURCES,
            Ipv4Addr::new(239, 1, 2, 4),
            [Ipv4Addr::new(192, 0, 2, 1)]
        ));
        assert_eq!(writer.count(), 2);
        assert_eq!(writer.finish(), 28);
        assert_eq!(room, REPORT);
    }

    #[test]
    fn a_record_that_does_not_fit_is_not_begun() {
        // RFC 9776 §4.2.17: reports are split over packets.
        let mut room = [0xee; 23];
        let mut writer = ReportWriter::new(&mut room);
        assert!(writer.push(RecordType::CHANGE_TO_EXCLUDE, GROUP, []));
        assert!(!writer.push(RecordType::MODE_IS_EXCLUDE, GROUP, []));
        assert_eq!(writer.finish(), 16);
        let mut room = [0xee; 19];
        let mut writer = ReportWriter::new(&mut room);
        assert!(!writer.push(
            RecordType::MODE_IS_INCLUDE,
            GROUP,
            [Ipv4Addr::new(192, 0, 2, 1)]
        ));
        assert_eq!(writer.finish(), 8);
        let mut room = [0xee; 7];
        assert_eq!(ReportWriter::new(&mut room).finish(), 0);
    }

    #[test]
    fn auxiliary_data_is_passed_over() {
        // RFC 9776 §4.2.11: MUST ignore any auxiliary data.
        let octets = [
            0x22, 0, 0, 0, 0, 0, 0, 2, // header
            1, 1, 0, 0, 239, 1, 2, 3, 0xca, 0xfe, 0xca, 0xfe, // one word of it
            2, 0, 0, 0, 239, 1, 2, 4,
        ];
        let records = records(&octets);
        assert_eq!(records[0].auxiliary, [0xca, 0xfe, 0xca, 0xfe]);
        assert_eq!(records[1].record_type, RecordType::MODE_IS_EXCLUDE);
    }

    #[test]
    fn octets_behind_the_records_are_ignored() {
        // RFC 9776 §4.2.12.
        let mut octets = REPORT.to_vec();
        octets.extend([0xee; 5]);
        assert_eq!(records(&octets).len(), 2);
    }

    #[test]
    fn announced_records_must_be_there() {
        for len in 8..REPORT.len() {
            assert_eq!(
                Message::parse(&REPORT[..len]),
                Err(ParseError::Truncated),
                "{len}"
            );
        }
        let mut octets = REPORT;
        octets[9] = 200;
        assert_eq!(Message::parse(&octets), Err(ParseError::Truncated));
    }
}

mod floating_point {
    use super::{decode_float, encode_float};

    #[test]
    fn small_values_are_themselves() {
        for code in 0..128 {
            assert_eq!(decode_float(code), u16::from(code));
            assert_eq!(encode_float(u16::from(code)), code);
        }
    }

    #[test]
    fn codes_from_128_on_are_mantissa_and_exponent() {
        // RFC 9776 §4.1.1: (mant | 0x10) << (exp + 3).
        assert_eq!(decode_float(0x80), 128);
        assert_eq!(decode_float(0x8f), 248);
        assert_eq!(decode_float(0x90), 256);
        assert_eq!(decode_float(0xff), 31_744);
    }

    #[test]
    fn every_code_is_that_of_its_value() {
        for code in 0..=255 {
            assert_eq!(encode_float(decode_float(code)), code);
        }
    }

    #[test]
    fn a_value_between_two_takes_the_lower() {
        for value in 0..=u16::MAX {
            let code = encode_float(value);
            assert!(decode_float(code) <= value);
            let above = code.checked_add(1).map(decode_float);
            assert!(above.is_none_or(|above| above > value), "{value}");
        }
    }
}
