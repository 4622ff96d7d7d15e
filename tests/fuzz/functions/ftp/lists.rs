//! What a server may send for a listing.

use std::cell::RefCell;

use fairway_ftp::list::{
    Context, Format, Item, Limits, Line, Listing, Report, parse_line, parse_line_as,
};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use stats_alloc::Region;

/// Octets at a time, in the run whose memory is looked at.
const PIECE: usize = 512;

/// However cut, in a dialect that is known or found: the same entries, no more than there are lines, each line read by
/// itself without harm, and no more kept than the limits say.
pub(in super::super) fn lists(input: &[u8]) -> bool {
    let context = context();
    let whole = read(input, input.len().max(1), &context, None);
    assert_eq!(whole, read(input, 7, &context, None), "the pieces matter");
    check(input, &whole);
    let sum = input.iter().fold(0_usize, |sum, octet| {
        sum.wrapping_mul(31).wrapping_add(usize::from(*octet))
    });
    let known = Format::ALL.get(sum % Format::ALL.len()).copied();
    let forced = read(input, input.len().max(1), &context, known);
    assert_eq!(
        forced,
        read(input, 11, &context, known),
        "the pieces matter"
    );
    check(input, &forced);
    for line in input.split(|octet| *octet == b'\n') {
        // Only that it comes back matters.
        let _ = parse_line(line, &context);
        if let Some(format) = known
            && let Line::Entry(entry) = parse_line_as(line, &context, format)
        {
            assert!(entry.name.len() <= line.len());
        }
    }
    keeps_little(input, &context);
    whole.1.entries > 0
}

thread_local! {
    static CONTEXT: RefCell<Option<Context>> = const { RefCell::new(None) };
}

/// A server in Berlin.
fn context() -> Context {
    CONTEXT.with_borrow_mut(|context| {
        let context = context.get_or_insert_with(|| {
            let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
            let now = Timestamp::from_second(1_783_000_000).expect("a time");
            Context::new(now, zone)
        });
        context.clone()
    })
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.line = 256;
    limits.held = 16;
    limits.unknown = 4;
    limits
}

/// The items of a listing, and what is said of it.
fn read(
    input: &[u8],
    step: usize,
    context: &Context,
    format: Option<Format>,
) -> (Vec<Item>, Report) {
    let mut listing = Listing::with_limits(context.clone(), format, limits());
    let mut items = Vec::new();
    for piece in input.chunks(step) {
        listing.push(piece);
        items.extend(std::iter::from_fn(|| listing.next_item()));
    }
    listing.finish();
    items.extend(std::iter::from_fn(|| listing.next_item()));
    assert!(listing.next_item().is_none());
    (items, listing.report().clone())
}

fn check(input: &[u8], (items, report): &(Vec<Item>, Report)) {
    let mut lines = input.split(|octet| *octet == b'\n').count() as u64;
    if input.last().is_none_or(|octet| *octet == b'\n') {
        lines -= 1;
    }
    assert_eq!(report.lines, lines);
    assert!(report.entries + report.skipped + report.unknown <= lines);
    let entries = items.iter().filter(|item| matches!(item, Item::Entry(_)));
    assert_eq!(entries.count() as u64, report.entries);
    assert_eq!(items.len() as u64, report.entries + report.unknown);
    let mut before = 0;
    for item in items {
        match item {
            Item::Unknown(line) => {
                assert!(line.number > before && line.number <= lines, "their order");
                before = line.number;
                // Up to four lines are joined, and the end of a line is not counted.
                assert!(line.octets.len() <= 4 * (limits().line + 3));
            }
            Item::Entry(entry) => {
                assert!(entry.name.len() <= input.len());
                assert!(entry.mode.is_none_or(|mode| mode <= 0o7777));
                if entry.is_safe_name() {
                    assert!(!entry.name.contains(&b'/'));
                }
            }
            _ => {}
        }
    }
    assert!(report.first_unknown.len() <= limits().unknown);
}

/// What a listing of any length leaves in memory: the lines held back, a piece, and room to read more into.
fn keeps_little(input: &[u8], context: &Context) {
    let limits = limits();
    let lines = limits.held + limits.unknown + 4;
    let most = lines * (limits.line + 256) + 8 * PIECE;
    let region = Region::new(crate::COUNTED);
    let mut listing = Listing::with_limits(context.clone(), None, limits);
    for _ in 0..4 {
        for piece in input.chunks(PIECE) {
            listing.push(piece);
            while listing.next_item().is_some() {}
            let change = region.change();
            let kept = change
                .bytes_allocated
                .saturating_sub(change.bytes_deallocated);
            assert!(kept <= most, "keeps {kept} octets, at most {most}");
        }
    }
}
