//! How files are on the wire: RFC 959 §3.1 (types and structures) and §3.4 (modes), written from the text of the RFC
//! for a server to test against.
//!
//! What is in a file is taken for ISO 8859-1 text with LF at the end of lines where text is meant. Records are lines
//! for text; for TYPE I and L the file remembers where they end.

use super::ebcdic::CodePage;
use super::files::Node;
use flate2::Compression;
use flate2::write::{ZlibDecoder, ZlibEncoder};
use std::fmt;
use std::io::Write as _;
use std::ops::Range;
use std::sync::Arc;

/// TYPE, RFC 959 §3.1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A: lines end with CR LF.
    Ascii,
    /// E: lines end with NL.
    Ebcdic,
    /// I, and L: octets.
    Image,
}

/// STRU, RFC 959 §3.1.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Structure {
    /// F: no records.
    File,
    /// R: records.
    Record,
}

/// MODE, RFC 959 §3.4.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// S.
    Stream,
    /// B.
    Block,
    /// C.
    Compressed,
    /// Z: a stream, deflated (draft-preston-ftpext-deflate).
    Deflate,
}

/// What the three commands and the server's settings say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// TYPE.
    pub kind: Type,
    /// STRU.
    pub structure: Structure,
    /// MODE.
    pub mode: Mode,
    /// The code page of TYPE E.
    pub page: CodePage,
    /// Octets in a block of MODE B, at most.
    pub block: usize,
    /// Whether the ends of records and of the file have blocks (escapes) of their own instead of going with data.
    pub ends_apart: bool,
    /// Octets of the file between two restart markers, if there are any; in MODE B and C.
    pub markers: Option<usize>,
}

impl Default for Format {
    fn default() -> Self {
        Self {
            kind: Type::Ascii,
            structure: Structure::File,
            mode: Mode::Stream,
            page: CodePage::Ibm1047,
            block: 4096,
            ends_apart: false,
            markers: None,
        }
    }
}

/// Codes of a descriptor, RFC 959 §3.4.2.
const EOR: u8 = 128;
const EOF: u8 = 64;
const SUSPECT: u8 = 32;
const MARKER: u8 = 16;

/// A part of a file as it is sent.
struct Part {
    descriptor: u8,
    octets: Vec<u8>,
}

/// A place in a file, as a restart marker of this server has it: `x` and the offset in hexadecimal, and `c` if a CR
/// was the last octet received and is not yet written (RFC 1123 §4.1.3.4: with all state that is needed).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) offset: usize,
    pub(super) after_cr: bool,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "x{:X}{}",
            self.offset,
            if self.after_cr { "c" } else { "" }
        )
    }
}

impl Place {
    /// Reads a marker.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.strip_prefix('x')?;
        let (digits, after_cr) = match text.strip_suffix('c') {
            Some(digits) => (digits, true),
            None => (text, false),
        };
        let offset = usize::from_str_radix(digits, 16).ok()?;
        Some(Self { offset, after_cr })
    }
}

impl Format {
    /// Filler of MODE C, RFC 959 §3.4.3.
    const fn filler(&self) -> u8 {
        match self.kind {
            Type::Ascii => b' ',
            Type::Ebcdic => 0x40,
            Type::Image => 0,
        }
    }

    /// `node` from octet `start` on, as it is sent.
    pub(super) fn encode(&self, node: &Node, start: usize) -> Arc<Vec<u8>> {
        let content = node.content.clone().unwrap_or_default();
        let whole = self.kind == Type::Image && self.structure == Structure::File;
        if whole && self.mode == Mode::Stream && start == 0 {
            return content;
        }
        let parts = self.parts(node, &content, start);
        Arc::new(match self.mode {
            Mode::Stream => self.stream(&parts),
            Mode::Block => self.blocks(parts),
            Mode::Compressed => self.compressed(parts),
            Mode::Deflate => deflated(&self.stream(&parts)),
        })
    }

    /// The parts of a file, without an end: octets of the type, ends of records, markers.
    fn parts(&self, node: &Node, content: &[u8], start: usize) -> Vec<Part> {
        let table = self.page.table();
        let marked = matches!(self.mode, Mode::Block | Mode::Compressed);
        let step = self.markers.filter(|_| marked).unwrap_or(usize::MAX).max(1);
        let mut parts = Vec::new();
        let mut since = 0;
        for record in self.records(node, content) {
            let end = record.end;
            let text = self.structure == Structure::Record && self.kind != Type::Image;
            let body_end = if text && content.get(end.wrapping_sub(1)) == Some(&b'\n') {
                end - 1
            } else {
                end
            };
            let mut at = record.start.max(start);
            // A record that ends before the start was sent.
            if end <= start && end != 0 {
                continue;
            }
            loop {
                let stop = at.saturating_add(step - since).min(body_end).max(at);
                let octets = content.get(at..stop).unwrap_or_default();
                since += octets.len();
                let last = stop >= body_end;
                let descriptor = if last && self.structure == Structure::Record {
                    EOR
                } else {
                    0
                };
                parts.push(Part {
                    descriptor,
                    octets: self.convert(octets, &table),
                });
                at = stop;
                let place = if last { end } else { at };
                if since >= step && place < content.len() {
                    since = 0;
                    let place = Place {
                        offset: place,
                        after_cr: false,
                    };
                    parts.push(Part {
                        descriptor: MARKER,
                        octets: place.to_string().into_bytes(),
                    });
                }
                if last {
                    break;
                }
            }
        }
        parts
    }

    /// Where the records of `content` are; a file without records is one.
    fn records(&self, node: &Node, content: &[u8]) -> Vec<Range<usize>> {
        if self.structure == Structure::File {
            return std::iter::once(0..content.len()).collect();
        }
        let mut ends: Vec<usize> = match &node.records {
            Some(ends) => ends.clone(),
            None => (1..=content.len())
                .filter(|&end| content.get(end - 1) == Some(&b'\n'))
                .collect(),
        };
        if ends.last().copied().unwrap_or(0) < content.len() {
            ends.push(content.len());
        }
        let starts = std::iter::once(0).chain(ends.clone());
        starts.zip(ends).map(|(start, end)| start..end).collect()
    }

    /// Octets of the file as octets of the type.
    fn convert(&self, octets: &[u8], table: &[u8; 256]) -> Vec<u8> {
        match self.kind {
            Type::Image => octets.to_vec(),
            Type::Ascii => {
                let mut out = Vec::with_capacity(octets.len() + octets.len() / 16);
                for &octet in octets {
                    if octet == b'\n' {
                        out.push(b'\r');
                    }
                    out.push(octet);
                }
                out
            }
            Type::Ebcdic => octets
                .iter()
                .filter_map(|&octet| table.get(usize::from(octet)).copied())
                .collect(),
        }
    }

    /// RFC 959 §3.4.1: octets, or with records octets and escapes.
    fn stream(&self, parts: &[Part]) -> Vec<u8> {
        if self.structure == Structure::File {
            return parts
                .iter()
                .flat_map(|part| &part.octets)
                .copied()
                .collect();
        }
        let mut out = Vec::new();
        for part in parts {
            for &octet in &part.octets {
                out.push(octet);
                if octet == 0xff {
                    out.push(octet);
                }
            }
            if part.descriptor & EOR != 0 {
                out.extend([0xff, 1]);
            }
        }
        match parts.last() {
            Some(last) if last.descriptor & EOR != 0 && !self.ends_apart => {
                let _eor = out.pop();
                out.push(3);
            }
            _ => out.extend([0xff, 2]),
        }
        out
    }

    /// Marks the end of the file, and gives ends parts of their own if they are to have them.
    fn ended(&self, parts: Vec<Part>) -> Vec<Part> {
        let mut out = Vec::new();
        for part in parts {
            if self.ends_apart && part.descriptor & EOR != 0 && !part.octets.is_empty() {
                out.push(Part {
                    descriptor: part.descriptor & !EOR,
                    octets: part.octets,
                });
                out.push(Part {
                    descriptor: EOR,
                    octets: Vec::new(),
                });
            } else {
                out.push(part);
            }
        }
        match out.last_mut() {
            Some(last) if last.descriptor & MARKER == 0 && !self.ends_apart => {
                last.descriptor |= EOF;
            }
            _ => out.push(Part {
                descriptor: EOF,
                octets: Vec::new(),
            }),
        }
        out
    }

    /// RFC 959 §3.4.2.
    fn blocks(&self, parts: Vec<Part>) -> Vec<u8> {
        let mut out = Vec::new();
        for part in self.ended(parts) {
            let mut pieces: Vec<&[u8]> = part.octets.chunks(self.block.clamp(1, 65_535)).collect();
            let last = pieces.pop().unwrap_or_default();
            for piece in pieces {
                block(&mut out, 0, piece);
            }
            block(&mut out, part.descriptor, last);
        }
        out
    }

    /// RFC 959 §3.4.3. The escape precedes the string that its codes apply to; where there is none it is an empty
    /// one (no filler octets).
    fn compressed(&self, parts: Vec<Part>) -> Vec<u8> {
        let mut out = Vec::new();
        for part in self.ended(parts) {
            let mut strings = if part.descriptor & MARKER == 0 {
                self.strings(&part.octets)
            } else {
                let mut text = vec![u8::try_from(part.octets.len()).unwrap_or(0) & 127];
                text.extend(&part.octets);
                vec![text]
            };
            let last = strings.pop().unwrap_or_else(|| vec![0xc0]);
            out.extend(strings.concat());
            if part.descriptor != 0 {
                out.extend([0, part.descriptor]);
                out.extend(last);
            } else if last != [0xc0] {
                out.extend(last);
            }
        }
        out
    }

    /// Strings of octets, replications and filler.
    fn strings(&self, octets: &[u8]) -> Vec<Vec<u8>> {
        let (mut out, mut plain) = (Vec::new(), Vec::new());
        let mut rest = octets;
        while let Some(&octet) = rest.first() {
            let run = rest
                .iter()
                .take(63)
                .take_while(|&&next| next == octet)
                .count();
            let count = u8::try_from(run).unwrap_or(63);
            let short = if octet == self.filler() { 2 } else { 3 };
            if run < short {
                plain.push(octet);
                if plain.len() == 127 {
                    flush(&mut out, &mut plain);
                }
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            flush(&mut out, &mut plain);
            out.push(if octet == self.filler() {
                vec![0xc0 | count]
            } else {
                vec![0x80 | count, octet]
            });
            rest = rest.get(run..).unwrap_or_default();
        }
        flush(&mut out, &mut plain);
        out
    }

    /// How many octets of `content` are the first `sent` octets of a stream of this type: where a transfer goes on
    /// after REST in MODE S (RFC 3659 §5.2).
    pub(super) fn place_in(&self, content: &[u8], sent: usize) -> Place {
        if self.kind != Type::Ascii {
            return Place {
                offset: sent,
                after_cr: false,
            };
        }
        let mut wire = 0;
        for (offset, &octet) in content.iter().enumerate() {
            if wire >= sent {
                return Place {
                    offset,
                    after_cr: false,
                };
            }
            wire += if octet == b'\n' { 2 } else { 1 };
            if wire > sent {
                return Place {
                    offset,
                    after_cr: true,
                };
            }
        }
        Place {
            offset: content.len().saturating_add(sent.saturating_sub(wire)),
            after_cr: false,
        }
    }
}

fn block(out: &mut Vec<u8>, descriptor: u8, octets: &[u8]) {
    let count = u16::try_from(octets.len()).unwrap_or(u16::MAX);
    out.push(descriptor);
    out.extend(count.to_be_bytes());
    out.extend(octets);
}

fn flush(out: &mut Vec<Vec<u8>>, plain: &mut Vec<u8>) {
    if let Ok(count @ 1..) = u8::try_from(plain.len()) {
        plain.insert(0, count);
        out.push(std::mem::take(plain));
    }
}

fn deflated(octets: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // A Vec takes everything.
    drop(encoder.write_all(octets));
    encoder.finish().unwrap_or_default()
}

/// What arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    Octets(Vec<u8>),
    EndOfRecord,
    EndOfFile,
    Marker(Vec<u8>),
}

/// Why what arrived is no file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FormatError {
    #[error("the connection ended before the file")]
    Truncated,
    #[error("an escape that there is none of")]
    BadEscape,
    #[error("not deflated")]
    NotDeflated,
}

/// Reads what a peer sends, octets in any portions.
pub(super) struct Reader {
    format: Format,
    state: State,
    ended: bool,
    /// Codes that wait for the string they apply to.
    descriptor: u8,
    /// Octets of the string or the marker.
    string: Vec<u8>,
    inflate: Option<ZlibDecoder<Vec<u8>>>,
    /// Blocks that were marked as suspect.
    pub(super) suspect: u64,
}

/// What the next octet is.
enum State {
    /// Data, or the beginning of an escape or a string.
    Start,
    /// MODE S: behind all ones. MODE C: behind all zeros.
    Escape,
    /// MODE B: the second and third octet of a header.
    High,
    Low(u8),
    /// So many octets are to come.
    Counted(usize),
    /// MODE C: what is repeated.
    Repeated(usize),
}

impl Reader {
    pub(super) fn new(format: Format) -> Self {
        Self {
            format,
            state: State::Start,
            ended: false,
            descriptor: 0,
            string: Vec::new(),
            inflate: (format.mode == Mode::Deflate).then(|| ZlibDecoder::new(Vec::new())),
            suspect: 0,
        }
    }

    /// Whether only an escape for the end was read and nothing it applies to: some send no empty string behind it.
    pub(super) fn may_have_ended(&self) -> bool {
        self.format.mode == Mode::Compressed
            && self.descriptor & EOF != 0
            && matches!(self.state, State::Start)
    }

    /// Takes octets; gives what they say. Octets behind the end of the file are left.
    pub(super) fn read(&mut self, octets: &[u8]) -> Result<Vec<Event>, FormatError> {
        let mut events = Vec::new();
        match (self.format.mode, self.format.structure) {
            (Mode::Stream, Structure::File) => events.push(Event::Octets(octets.to_vec())),
            (Mode::Deflate, _) => {
                if let Some(inflate) = &mut self.inflate {
                    let written = inflate.write_all(octets).and_then(|()| inflate.flush());
                    written.map_err(|_| FormatError::NotDeflated)?;
                    let plain = std::mem::take(inflate.get_mut());
                    if self.format.structure == Structure::File {
                        events.push(Event::Octets(plain));
                    } else {
                        self.records(&plain, &mut events)?;
                    }
                }
            }
            (Mode::Stream, Structure::Record) => self.records(octets, &mut events)?,
            (Mode::Block, _) => self.blocks(octets, &mut events),
            (Mode::Compressed, _) => self.compressed(octets, &mut events),
        }
        Ok(events)
    }

    /// The connection ended.
    pub(super) fn end(&mut self) -> Result<Vec<Event>, FormatError> {
        let mut events = Vec::new();
        let by_close = self.format.structure == Structure::File
            && matches!(self.format.mode, Mode::Stream | Mode::Deflate);
        if by_close {
            if let Some(inflate) = &mut self.inflate {
                inflate.try_finish().map_err(|_| FormatError::NotDeflated)?;
                events.push(Event::Octets(std::mem::take(inflate.get_mut())));
            }
            events.push(Event::EndOfFile);
        } else if self.may_have_ended() {
            self.apply(&mut events);
        } else if !self.ended {
            return Err(FormatError::Truncated);
        }
        Ok(events)
    }

    fn records(&mut self, octets: &[u8], events: &mut Vec<Event>) -> Result<(), FormatError> {
        let mut plain = Vec::new();
        for &octet in octets {
            if self.ended {
                break;
            }
            match (&self.state, octet) {
                (State::Escape, 0xff) => plain.push(octet),
                (State::Escape, code @ 1..=3) => {
                    events.push(Event::Octets(std::mem::take(&mut plain)));
                    if code & 1 != 0 {
                        events.push(Event::EndOfRecord);
                    }
                    if code & 2 != 0 {
                        events.push(Event::EndOfFile);
                        self.ended = true;
                    }
                }
                (State::Escape, _) => return Err(FormatError::BadEscape),
                (_, 0xff) => {
                    self.state = State::Escape;
                    continue;
                }
                (_, octet) => plain.push(octet),
            }
            self.state = State::Start;
        }
        events.push(Event::Octets(plain));
        Ok(())
    }

    fn blocks(&mut self, octets: &[u8], events: &mut Vec<Event>) {
        let mut rest = octets;
        while let (Some((&octet, behind)), false) = (rest.split_first(), self.ended) {
            match self.state {
                State::High => {
                    self.state = State::Low(octet);
                    rest = behind;
                }
                State::Low(high) => {
                    let count = usize::from(u16::from_be_bytes([high, octet]));
                    self.counted(count, events);
                    rest = behind;
                }
                State::Counted(count) => rest = self.take(count, rest, events),
                State::Start | State::Escape | State::Repeated(_) => {
                    self.descriptor = octet;
                    self.state = State::High;
                    rest = behind;
                }
            }
        }
    }

    fn compressed(&mut self, octets: &[u8], events: &mut Vec<Event>) {
        let mut rest = octets;
        while let (Some((&octet, behind)), false) = (rest.split_first(), self.ended) {
            match self.state {
                State::Escape => {
                    self.descriptor |= octet;
                    self.state = State::Start;
                    rest = behind;
                }
                State::Counted(count) => rest = self.take(count, rest, events),
                State::Repeated(count) => {
                    self.string.extend(std::iter::repeat_n(octet, count));
                    self.apply(events);
                    rest = behind;
                }
                State::Start | State::High | State::Low(_) => {
                    let count = usize::from(octet & 63);
                    rest = behind;
                    match octet {
                        0 => self.state = State::Escape,
                        1..=127 => self.state = State::Counted(octet.into()),
                        128..=191 => self.state = State::Repeated(count),
                        192..=255 => {
                            let filler = self.format.filler();
                            self.string.extend(std::iter::repeat_n(filler, count));
                            self.apply(events);
                        }
                    }
                }
            }
        }
    }

    /// A count was read.
    fn counted(&mut self, count: usize, events: &mut Vec<Event>) {
        if count == 0 {
            self.apply(events);
        } else {
            self.state = State::Counted(count);
        }
    }

    /// Takes what is there of `count` octets.
    fn take<'a>(&mut self, count: usize, octets: &'a [u8], events: &mut Vec<Event>) -> &'a [u8] {
        let (these, rest) = octets.split_at(count.min(octets.len()));
        self.string.extend(these);
        if these.len() == count {
            self.apply(events);
        } else {
            self.state = State::Counted(count - these.len());
        }
        rest
    }

    /// A block or a string is complete: its codes apply.
    fn apply(&mut self, events: &mut Vec<Event>) {
        let octets = std::mem::take(&mut self.string);
        let descriptor = std::mem::take(&mut self.descriptor);
        self.state = State::Start;
        if descriptor & SUSPECT != 0 {
            self.suspect += 1;
        }
        events.push(if descriptor & MARKER != 0 {
            Event::Marker(octets)
        } else {
            Event::Octets(octets)
        });
        if descriptor & EOR != 0 && self.format.structure == Structure::Record {
            events.push(Event::EndOfRecord);
        }
        if descriptor & EOF != 0 {
            events.push(Event::EndOfFile);
            self.ended = true;
        }
    }
}

/// Writes what arrived into a file.
pub(super) struct Writer {
    format: Format,
    after_cr: bool,
}

impl Writer {
    pub(super) fn new(format: Format, place: Place) -> Self {
        Self {
            format,
            after_cr: place.after_cr,
        }
    }

    /// Where the next octet received goes.
    pub(super) fn place(&self, node: &Node) -> Place {
        Place {
            offset: node.len(),
            after_cr: self.after_cr,
        }
    }

    /// Octets of the type.
    pub(super) fn octets(&mut self, octets: &[u8], node: &mut Node) {
        let content = Arc::make_mut(node.content.get_or_insert_default());
        match self.format.kind {
            Type::Image => content.extend(octets),
            Type::Ebcdic => {
                let page = self.format.page;
                content.extend(octets.iter().map(|&octet| page.to_latin(octet)));
            }
            Type::Ascii => {
                for &octet in octets {
                    if self.after_cr && octet != b'\n' {
                        content.push(b'\r');
                    }
                    self.after_cr = octet == b'\r';
                    if !self.after_cr {
                        content.push(octet);
                    }
                }
            }
        }
    }

    /// A record ended.
    pub(super) fn end_of_record(&mut self, node: &mut Node) {
        self.end(node);
        if self.format.kind == Type::Image {
            let end = node.len();
            node.records.get_or_insert_default().push(end);
        } else {
            Arc::make_mut(node.content.get_or_insert_default()).push(b'\n');
        }
    }

    /// The file, or a record, ended.
    pub(super) fn end(&mut self, node: &mut Node) {
        if std::mem::take(&mut self.after_cr) {
            Arc::make_mut(node.content.get_or_insert_default()).push(b'\r');
        }
    }
}

#[cfg(test)]
mod tests;
