//! What holds for all lines: nothing makes a parser fail, and what is written well is read back.

use jiff::civil::date;
use proptest::collection::vec;
use proptest::prelude::*;

use super::{context, whole};
use crate::list::{
    Context, Entry, Format, Kind, Line, Precision, detect_line, parse_line, parse_line_as,
};

fn present() -> Context {
    context("2026-07-01T12:00:00Z", "CET-1CEST,M3.5.0,M10.5.0/3")
}

fn utc() -> Context {
    context("2026-07-01T12:00:00Z", "UTC")
}

/// Words of all dialects, so that lines get deep into the parsers.
fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let words = prop::sample::select(vec![
        &b" "[..],
        b"  ",
        b"\t",
        b"\r\n",
        b"\n",
        b"-rw-r--r--",
        b"drwxr-xr-x+12",
        b"lrwxrwxrwx",
        b"crw-rw-rw-",
        b"1",
        b"4096",
        b"8,",
        b"1,2",
        b"Jan",
        b"29",
        b"Feb",
        b"M\xe4rz",
        b"12:34",
        b"12:34:56.789",
        b"1999",
        b"2024-02-30",
        b"31-12-99",
        b"99/12/31",
        b"1.2.2003",
        b"+0200",
        b"12\xe6\x9c\x88",
        b"3\xed\xef",
        b"2003\x94\x4e",
        b" -> ",
        b"<DIR>",
        b"<JUNCTION>",
        b"AM",
        b"09:09PM",
        b"[RWCE]",
        b"folder",
        b"A.B;1",
        b"1-JAN-2000",
        b"[A,B]",
        b"(RWED,,,)",
        b"*DIR",
        b"*MEM",
        b"3390",
        b"2004/06/23",
        b"PS",
        b"PO",
        b"VSAM",
        b"Migrated",
        b"01.02",
        b"00B308",
        b"JOB01906",
        b"OUTPUT",
        b"\"nunu\"",
        b"255,",
        b"101",
        b"+i1,",
        b"m1,",
        b"s9,",
        b"type=file;",
        b"size=",
        b"modify=20240229120000;",
        b"total",
        b"Directory ",
        b"X:[Y]",
        b"V",
        b"F",
        b"DIR",
        b"-",
        b"'x'",
        b"w",
        b"seq",
        b"128W",
        b"FB",
        b"<A>B.C.1;P7;A,",
        b"0100644",
        b"20.20",
        b"18446744073709551615",
        b"99999999999999999999",
        b"\xff",
        b"\0",
        b":",
        b";",
        b"=",
    ]);
    vec(words, 0..24).prop_map(|words| words.concat())
}

/// A name that fills no column by itself.
fn name() -> impl Strategy<Value = String> {
    "[a-zA-Z0-9_.äß日-][a-zA-Z0-9_.äß日 -]{0,30}"
}

fn only(line: &str, format: Format) -> Entry {
    match detect_line(line.as_bytes(), &utc()) {
        (Line::Entry(entry), Some(found)) if found == format => entry,
        other => panic!("{line}: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_octets_are_read_without_a_panic(octets in vec(any::<u8>(), 0..200)) {
        let _ = parse_line(&octets, &present());
        whole(&octets, 7, &present(), None);
    }

    #[test]
    fn any_words_are_read_without_a_panic_in_every_dialect(octets in pieces()) {
        let _ = parse_line(&octets, &present());
        for format in Format::ALL {
            let _ = parse_line_as(&octets, &present(), format);
        }
        whole(&octets, 11, &present(), None);
    }

    #[test]
    fn pieces_of_any_size_make_no_difference(octets in vec(pieces(), 0..8), piece in 1_usize..40) {
        let octets = octets.join(&b"\r\n"[..]);
        prop_assert_eq!(whole(&octets, piece, &present(), None), whole(&octets, octets.len().max(1), &present(), None));
    }

    #[test]
    fn unix_lines_are_read_back(
        name in name(), size in any::<u64>(), links in 1_u32..100_000, mode in 0_u16..0o1000,
        year in 1900_i16..2026, month in 1_i8..=12, day in 1_i8..=28, kind in prop::sample::select(vec!['-', 'd', 'p', 's']),
    ) {
        let letters: String = (0..9).rev().map(|bit| if mode >> bit & 1 == 1 { ['x', 'w', 'r'][bit % 3] } else { '-' }).collect();
        let day_of = date(year, month, day);
        let line = format!("{kind}{letters} {links:>4} ada      staff {size:>10} {} {name}", day_of.strftime("%b %e  %Y"));
        let entry = only(&line, Format::Unix);
        prop_assert_eq!(&entry.name, name.as_bytes());
        prop_assert_eq!((entry.size, entry.mode, entry.links), (Some(size), Some(mode), Some(u64::from(links))));
        let modified = entry.modified.unwrap();
        prop_assert_eq!((modified.at, modified.precision), (jiff::tz::TimeZone::UTC.to_timestamp(day_of.at(0, 0, 0, 0)).unwrap(), Precision::Day));
    }

    #[test]
    fn a_time_without_a_year_is_the_latest_that_is_not_ahead(minutes in -1440_i64..524_160) {
        let now = utc().now();
        let at = now - jiff::SignedDuration::from_mins(minutes);
        let line = format!("-rw-r--r--   1 ada      staff     1815 {} x", at.strftime("%b %e %H:%M"));
        prop_assert_eq!(only(&line, Format::Unix).modified.unwrap().at, at);
    }

    #[test]
    fn mlsd_lines_are_read_back(name in "[^\\r\\n\\x00]{1,40}", size in any::<u64>(), seconds in 0_i64..4_000_000_000, is_dir in any::<bool>()) {
        let at = jiff::Timestamp::from_second(seconds).unwrap();
        let kind = if is_dir { "dir" } else { "file" };
        let line = format!("Type={kind};Size={size};Modify={}; {name}", at.strftime("%Y%m%d%H%M%S"));
        let entry = only(&line, Format::Mlsx);
        prop_assert_eq!(&entry.name, name.as_bytes());
        prop_assert_eq!((entry.size, entry.modified.unwrap().at), (Some(size), at));
        prop_assert_eq!(entry.kind, if is_dir { Kind::Directory } else { Kind::File });
    }

    #[test]
    fn dos_lines_are_read_back(name in name(), size in prop::option::of(0_u64..10_000_000_000), seconds in 0_i64..1_700_000_000) {
        let at = jiff::Timestamp::from_second(seconds - seconds % 60).unwrap();
        let what = size.map_or("      <DIR>         ".to_owned(), |size| format!("{size:>19}"));
        let line = format!("{}  {} {what} {name}", at.strftime("%m-%d-%y"), at.strftime("%I:%M%p"));
        let entry = only(&line, Format::Dos);
        prop_assert_eq!(&entry.name, name.as_bytes());
        prop_assert_eq!((entry.size, entry.kind), (size, if size.is_some() { Kind::File } else { Kind::Directory }));

        let modified = entry.modified.unwrap();
        prop_assert_eq!(modified.precision, Precision::Minute);
        prop_assert_eq!(modified.at, at);
    }
}
