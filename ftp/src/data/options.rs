//! What the parameters of a transfer leave open: the local side of a file, and limits.

use super::{CodePage, NewLine, Structure, Type, Unsupported};

/// Choices on the local side. The default is Unix text in UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// How lines end in local text (types A and E), and local records under STRU R.
    pub line_end: LineEnd,
    /// A CR that ends no line, type A.
    pub lone_cr: LoneCr,
    /// The EBCDIC of type E.
    pub code_page: CodePage,
    /// Which EBCDIC control ends a line, type E.
    pub new_line: NewLine,
    /// How characters are stored locally, type E. Type A takes octets as they are.
    pub charset: LocalCharset,
    /// What becomes of characters that the other set does not have, type E.
    pub unmappable: Unmappable,
    /// What local records are, STRU R.
    pub records: RecordForm,
    /// Effort of mode Z from 0, none, to 9; 6.
    pub level: Level,
    /// What a peer cannot make grow.
    pub limits: Limits,
}

impl Options {
    /// Whether there are codecs for that.
    pub(super) fn check(&self, kind: Type, structure: Structure) -> Result<(), Unsupported> {
        match (structure, self.records) {
            (Structure::Page, _) => Err(Unsupported::Structure(structure)),
            (Structure::Record, RecordForm::Fixed(_)) if kind.is_text() => {
                Err(Unsupported::FixedText)
            }
            _ => Ok(()),
        }
    }
}

/// Effort of compression, 0 to 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level(u8);

impl Level {
    /// A level, if there is such.
    #[must_use]
    pub const fn new(level: u8) -> Option<Self> {
        if level <= 9 { Some(Self(level)) } else { None }
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl Default for Level {
    fn default() -> Self {
        Self(6)
    }
}

/// How lines end in a local file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LineEnd {
    /// LF, as in Unix.
    #[default]
    Lf,
    /// CR LF, as on the wire.
    CrLf,
}

impl LineEnd {
    pub(super) const fn octets(self) -> &'static [u8] {
        match self {
            Self::Lf => b"\n",
            Self::CrLf => b"\r\n",
        }
    }
}

/// What becomes of a CR that no LF follows, in type A.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LoneCr {
    /// It is sent as it is, and a NUL behind a CR is an octet like others: what vsftpd, ProFTPD and Pure-FTPd do. Any
    /// file, text or not, comes back as it went.
    #[default]
    Bare,
    /// It is CR NUL on the wire and CR here, as an NVT has it (RFC 854). BSD's servers understand it and do not send
    /// it. Any file comes back as it went from a server that does the same.
    Nul,
}

/// Characters of a local text file, type E.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LocalCharset {
    /// UTF-8.
    #[default]
    Utf8,
    /// ISO 8859-1, an octet to a character.
    Latin1,
}

/// What becomes of characters that the other set does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Unmappable {
    /// An error.
    #[default]
    Fail,
    /// The control SUB, U+001A.
    Substitute,
}

/// What a record is in a local file (RFC 959 §3.1.2, STRU R).
///
/// RFC 1123 §4.1.2.4 asks for a form that goes back to the same records, "to the extent possible while making the
/// result useful".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RecordForm {
    /// A line, whatever the type. Goes back to the same records unless one holds a line end. A last line without an
    /// end is sent as a record (RFC 959 §3.4: the final EOR is explicit too), and comes back with one.
    #[default]
    Lines,
    /// Nothing: records follow each other without a mark, and a file is sent as one record. For reading only.
    Joined,
    /// So many octets, types I and L. A shorter record is filled with zeros (RFC 959 §3.1.1.3), a longer one is an
    /// error; a short rest of a file is sent as a short record. Goes back to the same records but for their filling.
    Fixed(std::num::NonZeroU16),
}

/// What a peer cannot make grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Local octets of one call of [`Decoder::decode`](super::Decoder::decode); 262 144. It stops there and wants to
    /// be called again; it may write up to 65 536 octets more.
    pub output: usize,
    /// Local octets of a file; no limit. More are an error.
    pub total: Option<u64>,
    /// Local octets for each of a zlib stream (mode Z); 256. More are an error, beyond [`ratio_from`](Self::ratio_from).
    pub ratio: u32,
    /// Local octets that may be had before [`ratio`](Self::ratio) counts; 1 GiB, since a file of zeros shrinks to a
    /// thousandth and many a file of zeros is honest.
    pub ratio_from: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            output: 256 * 1024,
            total: None,
            ratio: 256,
            ratio_from: 1 << 30,
        }
    }
}
