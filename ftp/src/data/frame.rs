//! What modes B and C, and records in mode S, have in common: parts that a file on the wire is made of.

use super::block::{BlockReader, write_blocks};
use super::compressed::{RunReader, write_runs};
use super::error::CodecErrorKind;
use super::record::{EscapeReader, write_escaped};

/// Longest restart marker, in octets. A marker has to fit into a `REST` command, and into one string of mode C.
pub const MARKER_LIMIT: usize = 127;

/// A part of a file as its frame shows it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Octets of the file.
    Data(&'a [u8]),
    /// An octet of the file, so many times.
    Run(u8, u8),
    /// The record ends here.
    EndOfRecord,
    /// The file ends here.
    EndOfFile,
    /// A restart marker.
    Marker(Vec<u8>),
    /// The sender doubts the next octets, so many.
    Suspect(u16),
}

/// Descriptor codes of modes B and C (RFC 959 §3.4.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Descriptor(pub(super) u8);

impl Descriptor {
    pub(super) const NONE: Self = Self(0);
    /// End of data block is EOR.
    pub(super) const EOR: Self = Self(128);
    /// End of data block is EOF.
    pub(super) const EOF: Self = Self(64);
    /// Suspected errors in data block.
    pub(super) const SUSPECT: Self = Self(32);
    /// Data block is a restart marker.
    pub(super) const MARKER: Self = Self(16);

    /// A descriptor of a peer's. The low four bits have no meaning, and are taken for a sign that the octet is not a
    /// descriptor at all: behind a wrong count there is no other.
    pub(super) const fn new(octet: u8) -> Result<Self, CodecErrorKind> {
        match octet & 0x0f {
            0 => Ok(Self(octet)),
            _ => Err(CodecErrorKind::Descriptor(octet)),
        }
    }

    pub(super) const fn has(self, bit: Self) -> bool {
        self.0 & bit.0 != 0
    }

    pub(super) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Takes `bit` out; says whether it was there.
    pub(super) const fn take(&mut self, bit: Self) -> bool {
        let had = self.has(bit);
        self.0 &= !bit.0;
        had
    }

    /// What comes at the end of a block, bit by bit.
    pub(super) const fn take_end(&mut self) -> Option<Part<'static>> {
        if self.take(Self::EOR) {
            Some(Part::EndOfRecord)
        } else if self.take(Self::EOF) {
            Some(Part::EndOfFile)
        } else {
            None
        }
    }
}

/// Whether `marker` is a restart marker: printable, without a space, neither empty nor too long (RFC 959 §3.4.2).
pub(super) fn check_marker(marker: &[u8]) -> Result<(), CodecErrorKind> {
    let length = 1..=MARKER_LIMIT;
    if length.contains(&marker.len()) && marker.iter().all(u8::is_ascii_graphic) {
        Ok(())
    } else {
        Err(CodecErrorKind::Marker)
    }
}

/// Takes up to `most` octets off the front of `input`.
pub(super) fn take<'a>(input: &mut &'a [u8], most: usize) -> &'a [u8] {
    let (head, rest) = input.split_at_checked(most).unwrap_or((*input, &[]));
    *input = rest;
    head
}

/// Takes one octet off the front of `input`.
pub(super) fn take_octet(input: &mut &[u8]) -> Option<u8> {
    let (first, rest) = input.split_first()?;
    *input = rest;
    Some(*first)
}

/// How a file lies in the octets of the connection, seen by who reads it.
#[derive(Clone, Debug)]
pub(super) enum FrameReader {
    /// As it is: mode S, structure F.
    Plain,
    /// With escapes: mode S, structure R.
    Escapes(EscapeReader),
    /// Mode B.
    Blocks(BlockReader),
    /// Mode C.
    Runs(RunReader),
}

impl FrameReader {
    /// The next part, taken off the front of `input`; `None` when more input is needed. Data is at most `most` octets,
    /// which are not 0.
    pub(super) fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        most: usize,
    ) -> Result<Option<Part<'a>>, CodecErrorKind> {
        match self {
            Self::Plain => Ok(match take(input, most) {
                [] => None,
                data => Some(Part::Data(data)),
            }),
            Self::Escapes(reader) => reader.next(input, most),
            Self::Blocks(reader) => reader.next(input, most),
            Self::Runs(reader) => reader.next(input, most),
        }
    }

    /// The connection has ended without an end of file having been seen: is that one all the same?
    pub(super) fn may_end(&self) -> bool {
        match self {
            Self::Plain => true,
            Self::Escapes(_) | Self::Blocks(_) => false,
            Self::Runs(reader) => reader.may_end(),
        }
    }

    /// And is it the end of a record besides?
    pub(super) fn record_may_end(&self) -> bool {
        matches!(self, Self::Runs(reader) if reader.record_may_end())
    }
}

/// How a file lies in the octets of the connection, seen by who writes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FrameWriter {
    /// As it is: mode S, structure F.
    Plain,
    /// With escapes: mode S, structure R.
    Escapes,
    /// Mode B.
    Blocks,
    /// Mode C, with the filler of the type.
    Runs(u8),
}

impl FrameWriter {
    /// Appends `data`, at whose end is what `end` says.
    pub(super) fn write(self, data: &[u8], end: Descriptor, out: &mut Vec<u8>) {
        match self {
            Self::Plain => out.extend_from_slice(data),
            Self::Escapes => write_escaped(data, end, out),
            Self::Blocks => write_blocks(data, end, out),
            Self::Runs(filler) => write_runs(data, end, filler, out),
        }
    }
}
