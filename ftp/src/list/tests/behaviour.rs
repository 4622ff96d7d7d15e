//! Behaviour that no single line shows.

use super::{context, describe, whole};
use crate::list::{
    Context, DateOrder, Format, Item, Limits, Line, Listing, parse_line, parse_line_as,
};

fn present() -> Context {
    context("2026-07-01T12:00:00Z", "UTC")
}

fn entry(line: &[u8]) -> crate::list::Entry {
    match parse_line(line, &present()) {
        Line::Entry(entry) => entry,
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_that_leave_the_directory_are_not_safe() {
    for (name, safe) in [
        ("notes.txt", true),
        ("...", true),
        ("a\\b", true),
        (" ", true),
        (".", false),
        ("..", false),
        ("../notes.txt", false),
        ("/etc/passwd", false),
        ("a/b", false),
        ("a\0b", false),
        ("a\rb", false),
    ] {
        let line = format!("-rw-r--r--   1 ada      staff       1815 Dec 10 09:30 {name}");
        assert_eq!(entry(line.as_bytes()).is_safe_name(), safe, "{name:?}");
    }
}

#[test]
fn the_directory_itself_and_its_parent_are_flagged() {
    assert!(entry(b"drwxr-xr-x   1 ada      staff       0 Dec 10 09:30 .").is_dot());
    assert!(entry(b"type=pdir; /pub").is_dot());
    assert!(entry(b"type=cdir; /pub/ada").kind.is_directory());
    assert!(!entry(b"type=dir; sub").is_dot());
}

#[test]
fn line_ends_are_cut_off_and_a_carriage_return_is_not_one() {
    for (end, name) in [
        ("", "x"),
        ("\n", "x"),
        ("\r\n", "x"),
        ("\r", "x\r"),
        ("\r\r\n", "x\r"),
    ] {
        let line = format!("-rw-r--r--   1 ada      staff       1815 Dec 10 09:30 x{end}");
        assert_eq!(entry(line.as_bytes()).name, name.as_bytes(), "{end:?}");
    }
}

#[test]
fn names_that_are_not_utf_8_are_shown_with_replacements() {
    let entry = entry(b"-rw-r--r--   1 ada      staff       1815 Dec 10 09:30 \xe4");
    assert_eq!(
        (entry.name.as_ref(), entry.name_lossy().as_ref()),
        (&b"\xe4"[..], "\u{fffd}")
    );
}

#[test]
fn a_fixed_order_of_dates_wins_over_custom() {
    let line = b"01-02-03  10:00       <DIR>          a";
    for (order, expected) in [
        (DateOrder::DayMonthYear, "dir | - | 2003-02-01 10:00 | a"),
        (DateOrder::MonthDayYear, "dir | - | 2003-01-02 10:00 | a"),
        (DateOrder::YearMonthDay, "dir | - | 2001-02-03 10:00 | a"),
    ] {
        let Line::Entry(entry) = parse_line(line, &present().with_date_order(order)) else {
            panic!()
        };
        assert_eq!(describe(&entry), expected);
        assert_eq!(
            whole(line, 5, &present().with_date_order(order), None)[0],
            expected
        );
    }
}

#[test]
fn a_dialect_that_is_given_reads_nothing_else() {
    let line = b"-rw-r--r--   1 ada      staff       1815 Dec 10 09:30 notes.txt";
    assert!(matches!(
        parse_line_as(line, &present(), Format::Unix),
        Line::Entry(_)
    ));
    assert_eq!(parse_line_as(line, &present(), Format::Dos), Line::Unknown);
    let Line::Entry(name) = parse_line_as(line, &present(), Format::Names) else {
        panic!()
    };
    assert_eq!(name.name, line.as_slice());
    let mut listing = Listing::new(present(), Some(Format::Dos));
    listing.push(line);
    listing.finish();
    assert!(matches!(listing.next_item(), Some(Item::Unknown(line)) if line.number == 1));
    assert_eq!(listing.report().format, Some(Format::Dos));
}

#[test]
fn the_last_line_needs_no_end() {
    let mut listing = Listing::new(present(), None);
    listing.push(b"-rw-r--r--   1 ada      staff       1815 Dec 10 09:30 notes");
    assert_eq!(listing.next_item(), None);
    listing.push(b".txt");
    assert_eq!(listing.next_item(), None);
    listing.finish();
    assert_eq!(listing.next_entry().unwrap().name, b"notes.txt".as_slice());
    assert_eq!(listing.next_item(), None);
}

#[test]
fn a_line_that_is_too_long_is_reported_with_its_beginning_and_the_next_is_read() {
    let mut text = vec![b'x'; 100_000];
    text.extend_from_slice(
        b"\r\n-rw-r--r--   1 ada      staff       1815 Dec 10 09:30 notes.txt\r\n",
    );
    for piece in [1, 1000, text.len()] {
        let mut listing = Listing::new(present(), None);
        let mut items = Vec::new();
        for piece in text.chunks(piece) {
            listing.push(piece);
            items.extend(std::iter::from_fn(|| listing.next_item()));
        }
        let [Item::Unknown(long), Item::Entry(entry)] = items.as_slice() else {
            panic!("{items:?}")
        };
        assert_eq!(
            (long.number, long.octets.len(), long.too_long),
            (1, Limits::default().line, true)
        );
        assert_eq!(entry.name, b"notes.txt".as_slice());
        assert_eq!((listing.report().lines, listing.report().unknown), (2, 1));
    }
}

#[test]
fn only_the_first_unknown_lines_are_kept() {
    let mut listing = Listing::new(present(), None);
    for _ in 0..100 {
        listing.push(b"what is this\n");
    }
    listing.finish();
    assert_eq!(listing.next_entry(), None);
    let report = listing.report();
    assert_eq!(
        (report.unknown, report.first_unknown.len(), report.lines),
        (100, Limits::default().unknown, 100)
    );
    assert_eq!(report.first_unknown[15].number, 16);
}

#[test]
fn no_more_lines_wait_for_the_order_of_dates_than_the_limit() {
    let mut listing = Listing::new(present(), None);
    let held = Limits::default().held;
    for index in 1..held {
        listing.push(format!("01-02-03  10:00       <DIR>          {index}\r\n").as_bytes());
    }
    assert_eq!(listing.next_item(), None);
    listing.push(b"01-02-03  10:00       <DIR>          last\r\n");
    let names: Vec<_> = std::iter::from_fn(|| listing.next_entry())
        .map(|entry| entry.name)
        .collect();
    assert_eq!((names.len(), names[0].as_ref()), (held, &b"1"[..]));
    assert_eq!(listing.report().entries, u64::try_from(held).unwrap());
    // From now on none waits.
    listing.push(b"25-02-03  10:00       <DIR>          more\r\n");
    assert!(listing.next_entry().is_some());
}

#[test]
fn counts_add_up_to_the_lines() {
    let mut listing = Listing::new(present(), None);
    listing.push(b"total 3\r\n\r\n01-02-03  10:00       <DIR>          a\r\nwhat\r\n25-02-03  10:00  <DIR>  b\r\n");
    listing.finish();
    while listing.next_item().is_some() {}
    let report = listing.report();
    assert_eq!(
        (report.lines, report.entries, report.skipped, report.unknown),
        (5, 2, 2, 1)
    );
}

#[test]
fn what_is_not_understood_is_counted_once_even_if_it_has_a_date() {
    let mut listing = Listing::new(present(), Some(Format::PcTcp));
    listing
        .push(b"4-0---r--:30     5\r05-6-07 0:0  <>\x07\n3-04  093A           1       25,      M");
    listing.finish();
    while listing.next_item().is_some() {}
    let report = listing.report();
    assert_eq!((report.lines, report.unknown), (2, 2));
    assert_eq!(report.first_unknown.len(), 2);
}

#[test]
fn after_some_entries_another_dialect_is_unknown() {
    let mut text =
        b"-rw-r--r--   1 ada      staff       1815 Dec 10 09:30 notes.txt\r\n".repeat(10);
    text.extend_from_slice(b"04-27-00  09:09PM       <DIR>          licensed\r\n");
    let found = whole(&text, 50, &present(), None);
    assert_eq!(found[10], "unknown 11");
    assert_eq!(found.last().unwrap(), "Unix, 0 skipped");
}

#[test]
fn names_of_dialects_are_all_different() {
    let mut names: Vec<_> = Format::ALL.iter().map(ToString::to_string).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), Format::ALL.len());
}
