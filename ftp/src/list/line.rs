//! One line by itself.

use bytes::Bytes;

use super::context::{Context, Orders, Reader};
use super::entry::Entry;
use super::format::Format;
use super::notice::{self, Skip};
use super::text::Words;

/// What a line of a listing is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// A name, with what the server told about it.
    Entry(Entry),
    /// Part of the listing, but no entry.
    Skip(Skip),
    /// Nothing that listings contain: an error message, a banner, or a dialect that is not known.
    Unknown,
}

/// Reads one line and finds out its dialect.
///
/// `line` comes without its line end; LF and CR LF are cut off if they are there, a CR alone is part of the name. Lines
/// that were folded may have CR LF inside. A [`Listing`](super::Listing) knows more than one line does: which dialect
/// the server speaks, and in which order it writes day and month.
#[must_use]
pub fn parse_line(line: &[u8], context: &Context) -> Line {
    read(line, context, None).0
}

/// Reads one line of a known dialect. With [`Format::Names`] every line that is not empty is an entry.
#[must_use]
pub fn parse_line_as(line: &[u8], context: &Context, format: Format) -> Line {
    read(line, context, Some(format)).0
}

/// Reads one line and tells the dialect that was found.
#[must_use]
pub fn detect_line(line: &[u8], context: &Context) -> (Line, Option<Format>) {
    read(line, context, None)
}

fn read(line: &[u8], context: &Context, format: Option<Format>) -> (Line, Option<Format>) {
    let reader = Reader::new(context, Orders::ALL);
    match examine(&Bytes::copy_from_slice(cut(line)), &reader, format) {
        Found::Entry(entry, format) => (Line::Entry(entry), Some(format)),
        Found::Skip(skip, format) => (Line::Skip(skip), format),
        Found::Unknown => (Line::Unknown, None),
    }
}

/// Without LF or CR LF at the end.
pub(super) fn cut(line: &[u8]) -> &[u8] {
    match line.strip_suffix(b"\n") {
        Some(line) => line.strip_suffix(b"\r").unwrap_or(line),
        None => line,
    }
}

/// What [`examine`] found.
pub(super) enum Found {
    Entry(Entry, Format),
    Skip(Skip, Option<Format>),
    Unknown,
}

/// Reads a line without its end, as one dialect or as any.
pub(super) fn examine(line: &Bytes, reader: &Reader<'_>, format: Option<Format>) -> Found {
    // Nearly all lines are of this kind, and it needs no list of words.
    if matches!(format, None | Some(Format::Unix))
        && let Some(draft) = super::unix::usual(line, reader)
    {
        return Found::Entry(draft.into_entry(line), Format::Unix);
    }
    let words = Words::new(line);
    // A name can be a blank or more: with MLSx behind the one that ends the facts, with NLST by itself.
    let may_be_blank = match format {
        Some(Format::Names) => !line.is_empty(),
        Some(Format::Mlsx) => line.len() > 1,
        _ => false,
    };
    if words.len() == 0 && !may_be_blank {
        return Found::Skip(Skip::Blank, None);
    }
    let found = match format {
        Some(format) => format.parse(&words, reader).map(|draft| (format, draft)),
        None => Format::detect(&words, reader),
    };
    match found {
        Some((format, draft)) => Found::Entry(draft.into_entry(line), format),
        None => {
            notice::of(&words).map_or(Found::Unknown, |(skip, format)| Found::Skip(skip, format))
        }
    }
}
