use std::string::ToString as _;
use std::vec::Vec;

use super::{
    OptionIter, OptionKind, Options, SackBlock, SackBlocks, SeqNumber, TcpOption, Timestamps,
};

const TIMESTAMPS: Timestamps = Timestamps {
    value: 0x0102_0304,
    echo: 0x0506_0708,
};

fn block(left: u32, right: u32) -> SackBlock {
    SackBlock {
        left: SeqNumber(left),
        right: SeqNumber(right),
    }
}

/// Both ways.
#[track_caller]
fn golden(options: &Options, octets: &[u8]) {
    let mut out = [0xee; 40];
    let len = options.emit(&mut out);
    assert_eq!(&out[..len], octets);
    assert_eq!(options.len(), len);
    assert_eq!(Options::parse(octets), *options);
}

mod golden_octets {
    use super::{Options, SackBlocks, TIMESTAMPS, block, golden};

    #[test]
    fn of_a_syn() {
        golden(
            &Options {
                max_segment_size: Some(1460),
                sack_permitted: true,
                timestamps: Some(TIMESTAMPS),
                window_scale: Some(7),
                sack: SackBlocks::default(),
            },
            &[
                2, 4, 0x05, 0xb4, // maximum segment size
                4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, // SACK permitted, timestamps
                1, 3, 3, 7, // window scale
            ],
        );
    }

    #[test]
    fn of_a_syn_without_timestamps() {
        golden(
            &Options {
                max_segment_size: Some(1460),
                sack_permitted: true,
                window_scale: Some(7),
                ..Options::default()
            },
            &[2, 4, 0x05, 0xb4, 1, 1, 4, 2, 1, 3, 3, 7],
        );
    }

    #[test]
    fn of_a_data_segment() {
        golden(
            &Options {
                timestamps: Some(TIMESTAMPS),
                ..Options::default()
            },
            &[1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8],
        );
    }

    #[test]
    fn of_a_selective_acknowledgment() {
        golden(
            &Options {
                timestamps: Some(TIMESTAMPS),
                sack: [block(1, 2), block(5, 9)].into_iter().collect(),
                ..Options::default()
            },
            &[
                1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, // timestamps
                1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 5, 0, 0, 0, 9, // two blocks
            ],
        );
    }

    #[test]
    fn of_none() {
        golden(&Options::default(), &[]);
        assert!(Options::default().is_empty());
    }
}

#[test]
fn as_many_blocks_are_written_as_there_is_room_for() {
    // RFC 2018 §3: four blocks fit, three beside timestamps.
    let sack: SackBlocks = (0..5).map(|at| block(at * 10, at * 10 + 1)).collect();
    assert_eq!(sack.len(), 4);
    let mut out = [0; 40];
    let without = Options {
        sack,
        ..Options::default()
    };
    assert_eq!(without.emit(&mut out), 36);
    assert_eq!(without.len(), 36);
    assert_eq!(Options::parse(&out[..36]).sack, sack);
    let beside = Options {
        timestamps: Some(TIMESTAMPS),
        ..without
    };
    assert_eq!(beside.emit(&mut out), 40);
    assert_eq!(beside.len(), 40);
    assert_eq!(Options::parse(&out).sack.as_slice(), &sack.as_slice()[..3]);
}

#[test]
fn a_full_syn_leaves_room_for_two_blocks() {
    let all = Options {
        max_segment_size: Some(536),
        window_scale: Some(0),
        sack_permitted: true,
        timestamps: Some(TIMESTAMPS),
        sack: [block(1, 2), block(3, 4), block(5, 6)]
            .into_iter()
            .collect(),
    };
    let mut out = [0; 40];
    assert_eq!(all.emit(&mut out), 40);
    assert_eq!(all.len(), 40);
    assert_eq!(
        Options::parse(&out).sack.as_slice(),
        [block(1, 2), block(3, 4)]
    );
}

mod section_3_1 {
    use super::{Options, TIMESTAMPS};

    #[test]
    fn any_length_that_makes_no_sense_ends_the_reading_and_keeps_what_came_before() {
        // RFC 9293 §3.1 (MUST-7): be prepared to handle an illegal option length.
        let mss = [2, 4, 0x05, 0xb4];
        for tail in [
            &[8][..],                      // no length
            &[8, 0, 1, 1],                 // zero
            &[8, 1, 1, 1],                 // below two
            &[8, 10, 1, 2, 3, 4, 5, 6, 7], // more than there is
            &[254, 255],
        ] {
            let options = Options::parse(&[&mss, tail].concat());
            assert_eq!(options.max_segment_size, Some(1460), "{tail:?}");
            assert_eq!(options.timestamps, None, "{tail:?}");
        }
    }

    #[test]
    fn a_known_option_of_the_wrong_length_is_passed_over() {
        let options = Options::parse(&[
            2, 3, 9, // maximum segment size of one octet
            3, 4, 1, 1, // window scale of two
            4, 3, 0, // SACK permitted with data
            5, 9, 1, 2, 3, 4, 5, 6, 7, // most of a block
            5, 2, // no block
            8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 0,
        ]);
        assert_eq!(
            options,
            Options {
                timestamps: Some(TIMESTAMPS),
                ..Options::default()
            }
        );
    }

    #[test]
    fn unknown_options_are_passed_over() {
        // RFC 9293 §3.1 (MUST-6): ignore without error any TCP option it does not implement.
        let options = Options::parse(&[253, 4, 0xca, 0xfe, 34, 2, 3, 3, 5]);
        assert_eq!(options.window_scale, Some(5));
    }

    #[test]
    fn nothing_behind_an_end_of_list_counts() {
        let options = Options::parse(&[3, 3, 5, 0, 2, 4, 0x05, 0xb4]);
        assert_eq!(options.window_scale, Some(5));
        assert_eq!(options.max_segment_size, None);
    }

    #[test]
    fn options_may_begin_at_any_octet() {
        // RFC 9293 §3.1 (MUST-64): an option may begin on any octet boundary.
        let options = Options::parse(&[1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1]);
        assert_eq!(options.timestamps, Some(TIMESTAMPS));
    }
}

#[test]
fn the_fast_path_takes_nothing_but_aligned_timestamps() {
    let aligned = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8];
    assert_eq!(Options::parse(&aligned).timestamps, Some(TIMESTAMPS));
    let mut with_more = aligned.to_vec();
    with_more.extend([1, 3, 3, 9]);
    assert_eq!(Options::parse(&with_more).window_scale, Some(9));
    assert_eq!(Options::parse(&aligned[..11]), Options::default());
}

#[test]
fn a_window_scale_above_14_is_told_as_it_came() {
    // RFC 7323 §2.3: who uses it logs the error and takes 14.
    assert_eq!(Options::parse(&[3, 3, 15, 0]).window_scale, Some(15));
}

#[test]
fn of_an_option_twice_the_last_counts() {
    assert_eq!(Options::parse(&[3, 3, 1, 3, 3, 2]).window_scale, Some(2));
}

#[test]
fn every_option_prints_as_in_a_packet_script() {
    let octets = [
        2, 4, 0x05, 0xb4, 4, 2, 8, 10, 0, 0, 0, 7, 0, 0, 0, 9, 1, 3, 3, 7, 5, 10, 0, 0, 0, 1, 0, 0,
        0, 2, 254, 3, 1, 0,
    ];
    let texts: Vec<_> = OptionIter::new(&octets)
        .map(|option| option.to_string())
        .collect();
    assert_eq!(
        texts,
        [
            "mss 1460",
            "sackOK",
            "TS val 7 ecr 9",
            "nop",
            "wscale 7",
            "sack 1:2",
            "kind 254 (3 octets)",
            "eol"
        ]
    );
}

#[test]
fn the_iterator_shows_what_the_options_leave_out() {
    let mut iter = OptionIter::new(&[30, 3, 0xab, 3, 2, 0]);
    assert_eq!(
        iter.next(),
        Some(TcpOption::Other {
            kind: OptionKind(30),
            data: &[0xab]
        })
    );
    assert_eq!(
        iter.next(),
        Some(TcpOption::Other {
            kind: OptionKind::WINDOW_SCALE,
            data: &[]
        })
    );
    assert_eq!(iter.next(), Some(TcpOption::EndOfList));
    assert_eq!(iter.next(), None);
}
