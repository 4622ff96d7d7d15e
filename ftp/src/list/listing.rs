//! A whole listing, as it comes from the data connection.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::context::{Context, Orders, Reader};
use super::entry::Entry;
use super::format::Format;
use super::line::{Found, cut, examine};
use super::{vms, vos};

/// After so many entries of one dialect no line is taken for another.
const SETTLED: u64 = 8;
/// A line is continued at most so many times.
const MOST_PARTS: usize = 4;

/// Caps on what a server can make a [`Listing`] keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Octets of a line; what is longer is an [`UnknownLine`] with its first octets.
    pub line: usize,
    /// Lines held back until the order of day and month in their dates is known. Default 256.
    pub held: usize,
    /// Unknown lines kept in the [`Report`].
    pub unknown: usize,
}

impl Default for Limits {
    /// 32 KiB of a line, 256 lines held back, 16 unknown lines kept.
    fn default() -> Self {
        Self {
            line: 32 * 1024,
            held: 256,
            unknown: 16,
        }
    }
}

/// A line of a listing that is reported: an entry, or something that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Item {
    /// A name, with what the server told about it.
    Entry(Entry),
    /// A line that is no entry and no known part of a listing.
    Unknown(UnknownLine),
}

/// A line that was not understood.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UnknownLine {
    /// Number of the line, counted from 1.
    pub number: u64,
    /// The line without its end; only its beginning if it was too long.
    pub octets: Bytes,
    /// Whether it was longer than [`Limits::line`].
    pub too_long: bool,
}

/// What a listing consisted of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// The dialect; the last one if there were several.
    pub format: Option<Format>,
    /// Lines in all.
    pub lines: u64,
    /// Entries among them.
    pub entries: u64,
    /// Headings, totals and blank lines.
    pub skipped: u64,
    /// Lines that were not understood.
    pub unknown: u64,
    /// The first of those.
    pub first_unknown: Vec<UnknownLine>,
}

/// What the buffer had next.
enum Next {
    Line(Bytes),
    TooLong(Bytes),
}

/// Reads a listing piece by piece.
///
/// Octets go in by [`push`](Self::push), entries come out of [`next_item`](Self::next_item) or
/// [`next_entry`](Self::next_entry) in the order of their lines; after [`finish`](Self::finish) the rest comes. Take
/// all that is ready before pushing more: then what is kept in memory is one piece, one line, and the lines that wait
/// for the order of day and month to show ([`Limits`]).
///
/// The dialect is that of the first line that has one, and later lines are read in it. While there have been few
/// entries a line that is only understood in another dialect changes it; after that it is unknown.
///
/// ```
/// use fairway_ftp::list::{Context, Kind, Listing};
/// use jiff::{Timestamp, tz::TimeZone};
///
/// let now: Timestamp = "2026-03-01T00:00:00Z".parse()?;
/// let mut listing = Listing::new(Context::new(now, TimeZone::UTC), None);
/// listing.push(b"total 8\r\n-rw-r--r--   1 ada   staff     1815 Dec 10 09:30 notes");
/// listing.push(b".txt\r\n");
/// listing.finish();
/// let entry = listing.next_entry().unwrap();
/// assert_eq!((entry.name.as_ref(), entry.kind, entry.size), (&b"notes.txt"[..], Kind::File, Some(1815)));
/// assert_eq!(entry.modified.unwrap().at, "2025-12-10T09:30:00Z".parse()?);
/// assert!(listing.next_entry().is_none());
/// # Ok::<(), jiff::Error>(())
/// ```
#[derive(Debug)]
pub struct Listing {
    context: Context,
    limits: Limits,
    fixed: bool,
    format: Option<Format>,
    in_format: u64,
    orders: Orders,
    settled: bool,
    buffer: BytesMut,
    /// How much of `buffer` is known to have no line end.
    scanned: usize,
    /// Whether the rest of a line that was too long is being dropped.
    dropping: bool,
    finished: bool,
    /// An entry that the next line may continue, and of how many lines it is.
    carry: Option<(u64, Bytes, usize)>,
    held: VecDeque<(u64, Bytes)>,
    ready: VecDeque<Item>,
    report: Report,
}

impl Listing {
    /// A listing of which nothing has come yet; `format` is its dialect if the caller knows it.
    #[must_use]
    pub fn new(context: Context, format: Option<Format>) -> Self {
        Self::with_limits(context, format, Limits::default())
    }

    /// The same with other limits.
    #[must_use]
    pub fn with_limits(context: Context, format: Option<Format>, limits: Limits) -> Self {
        let settled = context.date_order().is_some();
        Self {
            context,
            limits,
            fixed: format.is_some(),
            format,
            in_format: 0,
            orders: Orders::ALL,
            settled,
            buffer: BytesMut::new(),
            scanned: 0,
            dropping: false,
            finished: false,
            carry: None,
            held: VecDeque::new(),
            ready: VecDeque::new(),
            report: Report {
                format,
                ..Report::default()
            },
        }
    }

    /// Takes the next octets of the listing, in pieces of any size.
    pub fn push(&mut self, octets: &[u8]) {
        self.buffer.extend_from_slice(octets);
    }

    /// Says that no more octets come; the last line need not have an end.
    pub fn finish(&mut self) {
        self.finished = true;
    }

    /// What the listing has been so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// The dialect, once it is known.
    #[must_use]
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// The next entry; lines that were not understood are counted in the [`Report`].
    pub fn next_entry(&mut self) -> Option<Entry> {
        loop {
            if let Item::Entry(entry) = self.next_item()? {
                return Some(entry);
            }
        }
    }

    /// The next entry or line that was not understood; `None` if that needs more octets, or after the last.
    pub fn next_item(&mut self) -> Option<Item> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            if let Some(next) = self.next_line() {
                let item = match next {
                    Next::Line(line) => self.physical(line),
                    Next::TooLong(line) => self.too_long(line),
                };
                if let Some(item) = self.in_order(item) {
                    return Some(item);
                }
            } else if self.finished && self.carry.is_some() {
                let (number, line, _) = self.carry.take()?;
                let item = self.logical(number, line);
                if let Some(item) = self.in_order(item) {
                    return Some(item);
                }
            } else if self.finished && !self.held.is_empty() {
                self.release();
            } else {
                return None;
            }
        }
    }

    /// Puts an item behind those that are ready.
    fn in_order(&mut self, item: Option<Item>) -> Option<Item> {
        if self.ready.is_empty() {
            return item;
        }
        self.ready.extend(item);
        None
    }

    /// The next line without its end.
    fn next_line(&mut self) -> Option<Next> {
        loop {
            let fresh = self.buffer.get(self.scanned..)?;
            let end = fresh
                .iter()
                .position(|&octet| octet == b'\n')
                .map(|at| self.scanned + at + 1);
            let length = end.unwrap_or(self.buffer.len());
            if self.dropping {
                drop(self.buffer.split_to(length));
                self.scanned = 0;
                self.dropping = end.is_none();
                if self.dropping {
                    return None;
                }
                continue;
            }
            if length > self.limits.line.saturating_add(2) {
                let line = self.buffer.split_to(length);
                self.scanned = 0;
                self.dropping = end.is_none();
                self.report.lines += 1;
                // A copy, so that the long line is not kept for its beginning.
                return Some(Next::TooLong(Bytes::copy_from_slice(
                    line.get(..self.limits.line)?,
                )));
            }
            if end.is_none() && (!self.finished || length == 0) {
                self.scanned = length;
                return None;
            }
            let mut line = self.buffer.split_to(length).freeze();
            self.scanned = 0;
            self.report.lines += 1;
            line.truncate(cut(&line).len());
            return Some(Next::Line(line));
        }
    }

    /// Reports the beginning of a line that was too long, behind what was waiting.
    fn too_long(&mut self, octets: Bytes) -> Option<Item> {
        let number = self.report.lines;
        if let Some((first, front, _)) = self.carry.take() {
            let item = self.logical(first, front);
            self.ready.extend(item);
        }
        self.release();
        let item = self.unknown(UnknownLine {
            number,
            octets,
            too_long: true,
        });
        Some(item)
    }

    /// Joins lines that belong together.
    fn physical(&mut self, line: Bytes) -> Option<Item> {
        let number = self.report.lines;
        if let Some((first, front, parts)) = self.carry.take() {
            if let Some(joined) = self.joined(&front, &line).filter(|_| parts < MOST_PARTS) {
                self.carry = Some((first, joined, parts + 1));
                return None;
            }
            let item = self.logical(first, front);
            self.ready.extend(item);
        }
        if self.may_continue(&line) {
            self.carry = Some((number, line, 1));
            return None;
        }
        self.logical(number, line)
    }

    /// Whether the next line can belong to this one.
    fn may_continue(&self, line: &[u8]) -> bool {
        match self.format {
            None => vms::starts_entry(line) || vos::is_half_link(line),
            Some(Format::Vms) => vms::starts_entry(line),
            Some(Format::Vos) => vos::is_half_link(line),
            Some(_) => false,
        }
    }

    /// Both lines as one, if that makes sense.
    fn joined(&self, front: &Bytes, line: &Bytes) -> Option<Bytes> {
        let reader = Reader::new(&self.context, self.orders);
        let is = |joined: &Bytes, format| {
            matches!(examine(joined, &reader, Some(format)), Found::Entry(..))
        };
        if vms::starts_entry(front) {
            if vms::starts_entry(line) {
                return None;
            }
            let joined = Bytes::from([front.as_ref(), b" ", line.trim_ascii()].concat());
            return Some(joined)
                .filter(|joined| !line.trim_ascii().is_empty() && is(joined, Format::Vms));
        }
        let joined = Bytes::from([front.as_ref(), line.strip_prefix(b"+")?].concat());
        Some(joined).filter(|joined| is(joined, Format::Vos))
    }

    /// Reads a whole line, or holds it back.
    fn logical(&mut self, number: u64, line: Bytes) -> Option<Item> {
        if self.settled {
            return self.read(number, line).0;
        }
        if self.held.is_empty() {
            let (orders, before) = (self.orders, self.counters());
            let (item, seen) = self.read(number, line.clone());
            self.narrow(seen);
            // What is no entry in any order is none in the one to be found.
            let waits = !matches!(item, Some(Item::Unknown(_)));
            if waits && seen.and(orders).is_open() && self.orders.is_open() {
                // It will be read again when the order is known.
                self.restore(before);
                self.held.push_back((number, line));
                return None;
            }
            return item;
        }
        let reader = Reader::new(&self.context, self.orders);
        examine(&line, &reader, self.format);
        let seen = reader.seen();
        self.narrow(seen);
        self.held.push_back((number, line));
        if !self.orders.is_open() || self.held.len() >= self.limits.held {
            self.release();
        }
        None
    }

    /// Leaves the orders that this line allows too. One that allows none of those left proves nothing.
    fn narrow(&mut self, seen: Orders) {
        let both = self.orders.and(seen);
        if !both.is_none() {
            self.orders = both;
            self.settled |= !both.is_open();
        }
    }

    /// Reads what was held back; no line is from now on.
    fn release(&mut self) {
        self.settled = true;
        while let Some((number, line)) = self.held.pop_front() {
            if let Some(item) = self.read(number, line).0 {
                self.ready.push_back(item);
            }
        }
    }

    fn counters(&self) -> (u64, u64, u64) {
        (self.report.entries, self.report.skipped, self.in_format)
    }

    fn restore(&mut self, counters: (u64, u64, u64)) {
        (self.report.entries, self.report.skipped, self.in_format) = counters;
    }

    /// Reads a line in the dialect of the listing, or finds that out.
    fn read(&mut self, number: u64, line: Bytes) -> (Option<Item>, Orders) {
        let reader = Reader::new(&self.context, self.orders);
        let mut found = examine(&line, &reader, self.format);
        if matches!(found, Found::Unknown)
            && self.format.is_some()
            && !self.fixed
            && self.in_format < SETTLED
        {
            found = examine(&line, &reader, None);
        }
        let seen = reader.seen();
        let item = match found {
            Found::Entry(entry, format) => {
                self.adopt(format);
                self.in_format += 1;
                self.report.entries += 1;
                Some(Item::Entry(entry))
            }
            Found::Skip(_, format) => {
                self.report.skipped += 1;
                if let Some(format) = format
                    && self.in_format == 0
                {
                    self.adopt(format);
                }
                None
            }
            Found::Unknown => Some(self.unknown(UnknownLine {
                number,
                octets: line,
                too_long: false,
            })),
        };
        (item, seen)
    }

    fn adopt(&mut self, format: Format) {
        if !self.fixed && self.format != Some(format) {
            self.format = Some(format);
            self.report.format = Some(format);
            self.in_format = 0;
        }
    }

    fn unknown(&mut self, line: UnknownLine) -> Item {
        self.report.unknown += 1;
        if self.report.first_unknown.len() < self.limits.unknown {
            self.report.first_unknown.push(line.clone());
        }
        Item::Unknown(line)
    }
}
