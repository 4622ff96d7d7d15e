//! Why octets could not be coded.

use super::{Mode, Structure};

/// A fault in what was decoded or encoded, and where. Whatever follows it is not looked at: the codec says the same
/// again when asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at octet {offset}")]
pub struct CodecError {
    /// Octets before the fault: of the wire when decoding, of the local file when encoding. In mode Z, of the
    /// compressed stream as far as it had been read.
    pub offset: u64,
    /// What it is.
    pub kind: CodecErrorKind,
}

/// What is wrong with an octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodecErrorKind {
    /// The peer's, STRU R in mode S: 255 is followed by something else than 1, 2, 3 or 255 (RFC 959 §3.4.1).
    #[error("control code {0} that does not exist")]
    ControlCode(u8),
    /// The peer's, modes B and C: a bit of a descriptor that has no meaning (RFC 959 §3.4.2).
    #[error("descriptor {0:#04x} with a bit of no meaning")]
    Descriptor(u8),
    /// A restart marker that is empty, longer than [`MARKER_LIMIT`](super::MARKER_LIMIT) or not printable: the peer's
    /// when decoding, the caller's when encoding.
    #[error("restart marker that is empty, too long or not printable")]
    Marker,
    /// The caller's: the mode has no restart markers (RFC 959 §3.5: only B and C have).
    #[error("no restart markers in mode {0}")]
    NoMarkers(Mode),
    /// The peer's, mode Z: not a zlib stream, or its checksum is wrong.
    #[error("broken zlib stream")]
    Zlib,
    /// The peer's: the connection ended before the file did.
    #[error("connection ended inside the file")]
    Cut,
    /// The peer's: octets behind the end of the file in a mode that has one file to a connection.
    #[error("octets behind the end of the file")]
    Trailing,
    /// The file is larger than [`Limits::total`](super::Limits::total).
    #[error("file of more than {0} octets")]
    TooLarge(u64),
    /// The file shrank more than [`Limits::ratio`](super::Limits::ratio) allows.
    #[error("compressed to less than one part in {0}")]
    Ratio(u32),
    /// A record longer than [`RecordForm::Fixed`](super::RecordForm::Fixed) says.
    #[error("record of more than {0} octets")]
    RecordTooLong(u16),
    /// Local text that is not UTF-8.
    #[error("text that is not UTF-8")]
    NotUtf8,
    /// A character that the other side's set does not have.
    #[error("character {0:?} that the other character set does not have")]
    NoSuchCharacter(char),
}

impl CodecErrorKind {
    pub(super) const fn at(self, offset: u64) -> CodecError {
        CodecError { offset, kind: self }
    }
}

/// A combination of parameters that there is no codec for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// A structure: [`Structure::Page`].
    #[error("structure {0} is not supported")]
    Structure(Structure),
    /// Records of fixed length in text, where an octet is not a character.
    #[error("records of fixed length are for types I and L")]
    FixedText,
}
