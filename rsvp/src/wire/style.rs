//! STYLE: RFC 2205 §A.7.

use core::fmt;

use super::{CType, ClassNum, Content, Object, ObjectError, Reader};

/// How reservations are shared and senders chosen.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Flags     |  Option Vector: reserved 19     |Shar.|Select.|
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Only the five low bits are kept: the RFC lets a node ignore fields that may be defined later.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Style(u8);

impl Style {
    /// Wildcard filter: one reservation, shared by all senders.
    pub const WF: Self = Self(0b10_001);
    /// Fixed filter: a reservation of its own for each sender named.
    pub const FF: Self = Self(0b01_010);
    /// Shared explicit: one reservation, shared by the senders named.
    pub const SE: Self = Self(0b10_010);

    /// The option vector, as error 5 tells its low half.
    #[must_use]
    pub const fn option_vector(self) -> u16 {
        self.0 as u16
    }

    /// Whether this is one of the three styles there are.
    #[must_use]
    pub const fn is_known(self) -> bool {
        matches!(self, Self::WF | Self::FF | Self::SE)
    }

    /// Whether the senders of one reservation share it.
    #[must_use]
    pub const fn is_shared(self) -> bool {
        self.0 >> 3 == 0b10
    }
}

impl fmt::Debug for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::WF => f.pad("WF"),
            Self::FF => f.pad("FF"),
            Self::SE => f.pad("SE"),
            Self(other) => write!(f, "style {other:#04x}"),
        }
    }
}

impl fmt::Display for Style {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

impl Object for Style {
    const CLASS: ClassNum = ClassNum::STYLE;

    fn c_type(&self) -> CType {
        CType(1)
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        if c_type != CType(1) {
            return Err(ObjectError::CType);
        }
        let mut reader = Reader::new(body.octets());
        let [_flags, _, _, low] = reader.array().ok_or(ObjectError::Size)?;
        reader.done(Self(low & 0b11_111)).ok_or(ObjectError::Size)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0, 0, 0, self.0]);
    }
}
