use core::net::Ipv4Addr;
use std::string::ToString as _;
use std::vec::Vec;

use super::{
    IpOption, Kind, OptionBuffer, OptionError, OptionFault, Options, Recorded, SourceRoute, Stamp,
    Timestamp, TimestampForm, copied_to_fragments,
};

const A: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const B: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const C: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 3);

/// The only option of `octets`, which may be followed by its end.
#[track_caller]
fn only(octets: &[u8]) -> IpOption<'_> {
    Options::new(octets).next().unwrap().unwrap().option
}

fn error(offset: usize, fault: OptionFault) -> OptionError {
    OptionError { offset, fault }
}

mod walking {
    use super::{IpOption, Kind, OptionFault, Options, Vec, error};

    #[test]
    fn every_option_comes_with_its_place() {
        let octets = [1, 148, 4, 0, 0, 130, 3, 7, 0, 9];
        let entries: Vec<_> = Options::new(&octets).map(Result::unwrap).collect();
        let kinds: Vec<_> = entries.iter().map(|entry| entry.kind().0).collect();
        let ranges: Vec<_> = entries.iter().map(|entry| entry.range()).collect();
        assert_eq!(kinds, [1, 148, 130, 0]);
        assert_eq!(ranges, [0..1, 1..5, 5..8, 8..9]);
        assert_eq!(
            entries[2].option,
            IpOption::Other {
                kind: Kind::SECURITY,
                data: &[7]
            }
        );
    }

    #[test]
    fn a_length_that_makes_no_sense_is_told_with_its_octet_and_ends_the_walk() {
        for octets in [
            &[1, 7][..],       // none
            &[1, 7, 0, 4],     // zero
            &[1, 7, 1, 4],     // below two
            &[1, 7, 5, 4],     // more than there is
            &[1, 130, 255, 0], // far more
            &[1, 7, 2],        // no pointer
            &[1, 68, 3, 5],    // no flags
            &[1, 148, 3, 0],   // a router alert is four octets
            &[1, 148, 5, 0, 0, 0],
        ] {
            let mut options = Options::new(octets);
            assert!(options.next().unwrap().is_ok());
            assert_eq!(
                options.next(),
                Some(Err(error(2, OptionFault::Length))),
                "{octets:?}"
            );
            assert_eq!(options.next(), None);
        }
    }

    #[test]
    fn a_pointer_into_the_head_of_an_option_is_told_with_its_octet() {
        // RFC 791 §3.1: the smallest legal value is 4, of a timestamp option 5.
        for octets in [
            [7, 7, 3, 0, 0, 0, 0, 0],
            [131, 7, 0, 0, 0, 0, 0, 0],
            [137, 7, 1, 0, 0, 0, 0, 0],
            [68, 8, 4, 0, 0, 0, 0, 0],
        ] {
            assert_eq!(
                Options::new(&octets).next(),
                Some(Err(error(2, OptionFault::Pointer)))
            );
        }
    }

    #[test]
    fn nothing_behind_an_end_of_list_counts() {
        let mut options = Options::new(&[0, 7, 0]);
        assert_eq!(options.next().unwrap().unwrap().option, IpOption::EndOfList);
        assert_eq!(options.next(), None);
    }
}

mod record_route {
    use super::super::RecordRoute;
    use super::{A, B, C, IpOption, OptionBuffer, OptionFault, Recorded, error, only};

    #[test]
    fn golden_octets_of_an_empty_one() {
        let mut options = OptionBuffer::new();
        assert!(options.push_record_route(2));
        assert_eq!(options.as_slice(), [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn routers_write_their_addresses_until_it_is_full() {
        let mut option = [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(RecordRoute::record(&mut option, A), Ok(Recorded::Written));
        assert_eq!(option, [7, 11, 8, 192, 0, 2, 1, 0, 0, 0, 0]);
        let IpOption::RecordRoute(route) = only(&option) else {
            panic!("not a route")
        };
        assert_eq!(route.pointer(), 8);
        assert!(!route.is_full());
        assert!(route.recorded().eq([A]));
        assert_eq!(RecordRoute::record(&mut option, B), Ok(Recorded::Written));
        // RFC 791 §3.1: a full option is forwarded without inserting the address.
        let full = option;
        assert_eq!(RecordRoute::record(&mut option, C), Ok(Recorded::Full));
        assert_eq!(option, full);
        let IpOption::RecordRoute(route) = only(&option) else {
            panic!("not a route")
        };
        assert!(route.is_full());
        assert!(route.recorded().eq([A, B]));
    }

    #[test]
    fn room_for_a_piece_of_an_address_is_an_error() {
        // RFC 791 §3.1: the original datagram is considered to be in error.
        let mut option = [7, 9, 8, 192, 0, 2, 1, 0, 0];
        let before = option;
        assert_eq!(
            RecordRoute::record(&mut option, B),
            Err(error(2, OptionFault::Room))
        );
        assert_eq!(option, before);
    }

    #[test]
    fn octets_that_are_no_option_are_an_error() {
        for len in 0..3 {
            assert_eq!(
                RecordRoute::record(&mut [7, 2, 3][..len], A),
                Err(error(2, OptionFault::Pointer))
            );
        }
    }
}

mod source_route {
    use super::{A, B, C, IpOption, OptionBuffer, SourceRoute, only};

    #[test]
    fn golden_octets() {
        let mut options = OptionBuffer::new();
        assert!(options.push_no_operation());
        assert!(options.push_source_route(true, [A, B]));
        assert_eq!(
            options.as_slice(),
            [1, 137, 11, 4, 192, 0, 2, 1, 192, 0, 2, 2]
        );
        let mut options = OptionBuffer::new();
        assert!(options.push_source_route(false, [A]));
        assert_eq!(options.as_slice(), [131, 7, 4, 192, 0, 2, 1, 0]);
    }

    #[test]
    fn each_hop_is_exchanged_for_the_address_of_the_router() {
        // RFC 791 §3.1: the address in the source route replaces the destination, the recorded route address replaces
        // the source address just used, and the pointer is increased by four.
        let mut option = [131, 11, 4, 192, 0, 2, 1, 192, 0, 2, 2];
        assert_eq!(SourceRoute::advance(&mut option, C), Ok(Some(A)));
        assert_eq!(option, [131, 11, 8, 192, 0, 2, 3, 192, 0, 2, 2]);
        let IpOption::LooseSourceRoute(route) = only(&option) else {
            panic!("not a route")
        };
        assert!(route.recorded().eq([C]));
        assert!(route.remaining().eq([B]));
        assert!(!route.is_complete());
        assert_eq!(SourceRoute::advance(&mut option, C), Ok(Some(B)));
        assert_eq!(SourceRoute::advance(&mut option, C), Ok(None));
        let IpOption::LooseSourceRoute(route) = only(&option) else {
            panic!("not a route")
        };
        assert!(route.is_complete());
        assert_eq!(route.remaining().next(), None);
    }

    #[test]
    fn a_reply_goes_back_along_the_route() {
        // RFC 1122 §3.2.1.8(c): the recorded route is reversed, and the source of the packet ends it.
        let option = [131, 11, 12, 192, 0, 2, 1, 192, 0, 2, 2];
        let IpOption::LooseSourceRoute(route) = only(&option) else {
            panic!("not a route")
        };
        let (first, way) = route.reversed(C);
        assert_eq!(first, B);
        assert!(way.eq([A, C]));
        let empty = [131, 3, 4];
        let IpOption::LooseSourceRoute(route) = only(&empty) else {
            panic!("not a route")
        };
        let (first, way) = route.reversed(C);
        assert_eq!(first, C);
        assert_eq!(way.count(), 0);
    }
}

mod timestamp {
    use super::{
        A, B, IpOption, OptionBuffer, OptionFault, Recorded, Stamp, Timestamp, TimestampForm,
        error, only,
    };

    fn stamp(address: Option<core::net::Ipv4Addr>, time: u32) -> Stamp {
        Stamp { address, time }
    }

    #[track_caller]
    fn read(octets: &[u8]) -> Timestamp<'_> {
        match only(octets) {
            IpOption::Timestamp(option) => option,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn golden_octets_of_empty_ones() {
        let mut options = OptionBuffer::new();
        assert!(options.push_timestamp(TimestampForm::Times, 2));
        assert_eq!(options.as_slice(), [68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut options = OptionBuffer::new();
        assert!(options.push_timestamp(TimestampForm::Addressed, 1));
        assert_eq!(options.as_slice(), [68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        let mut options = OptionBuffer::new();
        assert!(options.push_prespecified_timestamp([A]));
        assert_eq!(options.as_slice(), [68, 12, 5, 3, 192, 0, 2, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn times_only() {
        let mut option = [68, 8, 5, 0, 0, 0, 0, 0];
        let recorded = Timestamp::record(&mut option, A, 0x0102_0304, |_| false);
        assert_eq!(recorded, Ok(Recorded::Written));
        assert_eq!(option, [68, 8, 9, 0, 1, 2, 3, 4]);
        assert!(read(&option).recorded().eq([stamp(None, 0x0102_0304)]));
        assert!(read(&option).is_full());
    }

    #[test]
    fn times_with_addresses() {
        let mut option = [68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let recorded = Timestamp::record(&mut option, A, 7, |_| false);
        assert_eq!(recorded, Ok(Recorded::Written));
        assert_eq!(option, [68, 12, 13, 1, 192, 0, 2, 1, 0, 0, 0, 7]);
        assert!(read(&option).recorded().eq([stamp(Some(A), 7)]));
    }

    #[test]
    fn only_the_node_named_next_writes_into_a_prespecified_one() {
        let mut option = [
            68, 20, 5, 3, 192, 0, 2, 1, 0, 0, 0, 0, 192, 0, 2, 2, 0, 0, 0, 0,
        ];
        let before = option;
        // The second node must wait for the first.
        let recorded = Timestamp::record(&mut option, B, 7, |named| named == B);
        assert_eq!(recorded, Ok(Recorded::NotForUs));
        assert_eq!(option, before);
        let recorded = Timestamp::record(&mut option, B, 7, |named| named == A);
        assert_eq!(recorded, Ok(Recorded::Written));
        assert_eq!(option[2..12], [13, 3, 192, 0, 2, 1, 0, 0, 0, 7]);
        assert!(read(&option).recorded().eq([stamp(Some(A), 7)]));
        assert!(read(&option).remaining().eq([stamp(Some(B), 0)]));
    }

    #[test]
    fn a_full_one_counts_nodes_up_to_fifteen() {
        // RFC 791 §3.1: the overflow count is incremented; if it itself overflows, the datagram is in error.
        let mut option = [68, 8, 9, 0xe0, 1, 2, 3, 4];
        let record = |option: &mut [u8]| Timestamp::record(option, A, 7, |_| true);
        assert_eq!(record(&mut option), Ok(Recorded::Full));
        assert_eq!(read(&option).overflow(), 15);
        assert_eq!(record(&mut option), Err(error(3, OptionFault::Overflow)));
        assert_eq!(option, [68, 8, 9, 0xf0, 1, 2, 3, 4]);
    }

    #[test]
    fn room_for_a_piece_of_an_entry_is_an_error() {
        let mut option = [68, 8, 5, 1, 0, 0, 0, 0];
        assert_eq!(
            Timestamp::record(&mut option, A, 7, |_| true),
            Err(error(2, OptionFault::Room))
        );
    }

    #[test]
    fn an_unknown_form_is_read_and_not_written() {
        let mut option = [68, 8, 5, 2, 0, 0, 0, 0];
        assert_eq!(read(&option).form(), TimestampForm::Unknown(2));
        assert_eq!(
            Timestamp::record(&mut option, A, 7, |_| true),
            Err(error(3, OptionFault::Form))
        );
    }
}

mod fragments {
    use super::{A, Kind, OptionBuffer, OptionFault, TimestampForm, copied_to_fragments, error};

    #[test]
    fn options_with_the_copied_flag_are_repeated() {
        // RFC 791 §3.1: record route and timestamp are not copied, source routes and security are.
        let mut options = OptionBuffer::new();
        assert!(options.push_record_route(1));
        assert!(options.push_no_operation());
        assert!(options.push_source_route(false, [A]));
        assert!(options.push_timestamp(TimestampForm::Times, 1));
        assert!(options.push_router_alert(0));
        let copied = copied_to_fragments(options.as_slice()).unwrap();
        assert_eq!(
            copied.as_slice(),
            [131, 7, 4, 192, 0, 2, 1, 148, 4, 0, 0, 0]
        );
    }

    #[test]
    fn without_such_options_there_are_none() {
        let copied = copied_to_fragments(&[1, 7, 3, 4, 0]).unwrap();
        assert!(copied.is_empty());
        assert_eq!(copied.as_slice(), []);
    }

    #[test]
    fn an_option_that_makes_no_sense_is_told() {
        assert_eq!(
            copied_to_fragments(&[148, 4, 0, 0, 7, 9]),
            Err(error(5, OptionFault::Length))
        );
    }

    #[test]
    fn the_flag_is_the_highest_bit_of_the_type() {
        assert!(Kind::SECURITY.is_copied() && Kind::STREAM_ID.is_copied());
        assert!(!Kind::NO_OPERATION.is_copied() && !Kind::RECORD_ROUTE.is_copied());
    }
}

mod buffer {
    use super::{A, OptionBuffer, TimestampForm};

    #[test]
    fn what_does_not_fit_is_not_begun() {
        let mut options = OptionBuffer::new();
        assert!(options.push_record_route(9));
        assert_eq!(options.as_slice().len(), 40);
        let before = options;
        assert!(!options.push_router_alert(0));
        assert!(!options.push_source_route(false, [A]));
        assert!(!options.push_prespecified_timestamp([A]));
        assert!(!options.push_timestamp(TimestampForm::Times, 0));
        assert_eq!(options, before);
        assert!(options.push_no_operation());
        assert!(!options.push_no_operation());
    }

    #[test]
    fn more_slots_than_a_header_has_are_refused() {
        let mut options = OptionBuffer::new();
        assert!(!options.push_record_route(10));
        assert!(!options.push_record_route(255));
        assert!(!options.push_timestamp(TimestampForm::Times, 10));
        assert!(!options.push_timestamp(TimestampForm::Addressed, 5));
        assert!(!options.push_source_route(true, [A; 10]));
        assert!(!options.push_prespecified_timestamp([A; 5]));
        assert!(options.is_empty());
        assert!(options.push_timestamp(TimestampForm::Times, 9));
        assert_eq!(options.as_slice().len(), 40);
    }
}

#[test]
fn every_option_prints() {
    let octets = [
        7, 11, 8, 192, 0, 2, 1, 0, 0, 0, 0, // record route
        1, 131, 11, 8, 192, 0, 2, 3, 192, 0, 2, 2, // loose source route
        148, 4, 0, 0, 130, 3, 9, 0,
    ];
    let texts: Vec<_> = Options::new(&octets)
        .map(|entry| entry.unwrap().option.to_string())
        .collect();
    assert_eq!(
        texts,
        [
            "rr{192.0.2.1}",
            "nop",
            "lsrr{192.0.2.3|192.0.2.2}",
            "ra",
            "option 130 (3 octets)",
            "eol"
        ]
    );
    let prespecified = [
        68, 20, 13, 0x23, 192, 0, 2, 1, 0, 0, 0, 7, 192, 0, 2, 2, 0, 0, 0, 0,
    ];
    assert_eq!(
        only(&prespecified).to_string(),
        "ts{192.0.2.1@7|192.0.2.2+2}"
    );
    assert_eq!(
        only(&[68, 12, 13, 0, 0, 0, 0, 7, 0, 0, 0, 9]).to_string(),
        "ts{7,9}"
    );
    assert_eq!(
        error(2, OptionFault::Room).behind(20).to_string(),
        "too little room left in an option, at octet 22"
    );
}
