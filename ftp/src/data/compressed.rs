//! Mode C (RFC 959 §3.4.3): runs of the same octet are made short.
//!
//! ```text
//!   +-+-+-+-+-+-+-+-+ +-+-+-+-+-+-+-+-+     +-+-+-+-+-+-+-+-+
//!   |0|       n     | |    d(1)       | ... |      d(n)     |     n octets, n > 0
//!   +-+-+-+-+-+-+-+-+ +-+-+-+-+-+-+-+-+     +-+-+-+-+-+-+-+-+
//!   +-+-+-+-+-+-+-+-+ +-+-+-+-+-+-+-+-+
//!   |1 0|     n     | |       d       |                           n times the octet d
//!   +-+-+-+-+-+-+-+-+ +-+-+-+-+-+-+-+-+
//!   +-+-+-+-+-+-+-+-+
//!   |1 1|     n     |                                             n times the filler: SP in types A and E, zero in I and L
//!   +-+-+-+-+-+-+-+-+
//!   +-+-+-+-+-+-+-+-+ +-+-+-+-+-+-+-+-+
//!   |0 0 0 0 0 0 0 0| |   descriptor  |                           as in mode B, for the string that follows
//!   +-+-+-+-+-+-+-+-+ +-+-+-+-+-+-+-+-+
//! ```
//!
//! A descriptor says what the end of the *following* string is. Where nothing is left to follow, as behind an empty
//! record or at the end of a file, zero fillers follow here (0xC0), the one string that the RFC lets be empty. A sender
//! that puts nothing there is understood when it closes the connection or goes on with another descriptor.

use super::error::CodecErrorKind;
use super::frame::{Descriptor, Part, check_marker, take, take_octet};

/// Most octets of a string, and of a run; the second is the mask of its count, too.
const STRING_LIMIT: usize = 0x7f;
const RUN_LIMIT: u8 = 0x3f;
const RUN: u8 = 0x80;
const FILLER: u8 = 0xc0;

/// Reads strings.
#[derive(Clone, Debug)]
pub(super) struct RunReader {
    filler: u8,
    state: State,
    /// For the string that comes or is being read.
    descriptor: Descriptor,
    marker: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between strings.
    Head,
    /// A descriptor comes.
    Escape,
    /// So many octets come.
    String(u8),
    /// The octet of a run comes, which is that long.
    RunOf(u8),
    /// A run is due: octet, length.
    Run(u8, u8),
    /// Behind a string: what its descriptor says is due.
    End,
}

impl RunReader {
    pub(super) const fn new(filler: u8) -> Self {
        Self {
            filler,
            state: State::Head,
            descriptor: Descriptor::NONE,
            marker: Vec::new(),
        }
    }

    pub(super) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        most: usize,
    ) -> Result<Option<Part<'a>>, CodecErrorKind> {
        loop {
            let marker = self.descriptor.has(Descriptor::MARKER);
            match self.state {
                State::Head => {
                    let Some(head) = take_octet(input) else {
                        return Ok(None);
                    };
                    let count = match head {
                        0 => {
                            self.state = State::Escape;
                            continue;
                        }
                        1..RUN => {
                            self.state = State::String(head);
                            head
                        }
                        RUN..FILLER => {
                            self.state = State::RunOf(head & RUN_LIMIT);
                            head & RUN_LIMIT
                        }
                        FILLER.. => {
                            self.state = State::Run(self.filler, head & RUN_LIMIT);
                            head & RUN_LIMIT
                        }
                    };
                    if self.descriptor.take(Descriptor::SUSPECT) && !marker && count > 0 {
                        return Ok(Some(Part::Suspect(count.into())));
                    }
                }
                State::Escape => {
                    let Some(octet) = take_octet(input) else {
                        return Ok(None);
                    };
                    // Two descriptors before one string both speak of it.
                    self.descriptor = self.descriptor.with(Descriptor::new(octet)?);
                    self.state = State::Head;
                }
                State::String(0) => self.state = State::End,
                State::String(left) => {
                    let data = take(input, most.min(left.into()));
                    if data.is_empty() {
                        return Ok(None);
                    }
                    // No longer than `left`.
                    self.state = State::String(left - u8::try_from(data.len()).unwrap_or(left));
                    if !marker {
                        return Ok(Some(Part::Data(data)));
                    }
                    self.marker.extend_from_slice(data);
                }
                State::RunOf(count) => {
                    let Some(octet) = take_octet(input) else {
                        return Ok(None);
                    };
                    self.state = State::Run(octet, count);
                }
                State::Run(octet, count) => {
                    self.state = State::End;
                    if marker {
                        let length = self.marker.len() + usize::from(count);
                        self.marker.resize(length, octet);
                    } else if count > 0 {
                        return Ok(Some(Part::Run(octet, count)));
                    }
                }
                State::End => {
                    if self.descriptor.take(Descriptor::MARKER) {
                        let marker = std::mem::take(&mut self.marker);
                        check_marker(&marker)?;
                        return Ok(Some(Part::Marker(marker)));
                    }
                    if let Some(end) = self.descriptor.take_end() {
                        return Ok(Some(end));
                    }
                    self.state = State::Head;
                }
            }
        }
    }

    /// The connection ends here: is that proper? After an EOF with no string it is.
    pub(super) fn may_end(&self) -> bool {
        self.state == State::Head
            && self.descriptor.has(Descriptor::EOF)
            && !self.descriptor.has(Descriptor::MARKER)
    }

    /// Whether a record ends with the connection, too.
    pub(super) fn record_may_end(&self) -> bool {
        self.may_end() && self.descriptor.has(Descriptor::EOR)
    }
}

/// Appends `data` in strings, the last of which ends as `end` says.
pub(super) fn write_runs(data: &[u8], end: Descriptor, filler: u8, out: &mut Vec<u8>) {
    let mut rest = data;
    let mut last = None;
    while let Some(string) = next_string(&mut rest, filler) {
        if let Some(string) = last.replace(string) {
            write_string(string, out);
        }
    }
    if end != Descriptor::NONE {
        out.extend_from_slice(&[0, end.0]);
    }
    match last {
        Some(string) => write_string(string, out),
        None if end != Descriptor::NONE => out.push(FILLER),
        None => {}
    }
}

#[derive(Clone, Copy)]
enum Piece<'a> {
    Octets(&'a [u8]),
    Run(u8, usize),
    Fillers(usize),
}

fn next_string<'a>(rest: &mut &'a [u8], filler: u8) -> Option<Piece<'a>> {
    let first = *rest.first()?;
    // A run interrupts a string when that saves something: its own octets and the head of the string behind it.
    let worth = |octet| if octet == filler { 3 } else { 4 };
    let run = run_length(rest);
    if run >= worth(first) {
        let run = take(rest, run).len();
        return Some(if first == filler {
            Piece::Fillers(run)
        } else {
            Piece::Run(first, run)
        });
    }
    let mut end = run;
    while let Some(tail) = rest.get(end..).filter(|tail| !tail.is_empty()) {
        let run = run_length(tail);
        if end >= STRING_LIMIT || tail.first().is_some_and(|octet| run >= worth(*octet)) {
            break;
        }
        end += run;
    }
    Some(Piece::Octets(take(rest, end.min(STRING_LIMIT))))
}

fn run_length(octets: &[u8]) -> usize {
    let first = octets.first();
    let run = octets.iter().take(RUN_LIMIT.into());
    run.take_while(|octet| Some(*octet) == first).count()
}

fn write_string(string: Piece<'_>, out: &mut Vec<u8>) {
    // None is longer than its limit, so that the count fits beside the code.
    let head = |code: u8, count: usize| code | u8::try_from(count).unwrap_or_default();
    match string {
        Piece::Octets(octets) => {
            out.push(head(0, octets.len()));
            out.extend_from_slice(octets);
        }
        Piece::Run(octet, count) => out.extend_from_slice(&[head(RUN, count), octet]),
        Piece::Fillers(count) => out.push(head(FILLER, count)),
    }
}
