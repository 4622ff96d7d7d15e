//! The constants of the classic API (`ftp-api` §2), as types.

use super::trace::TraceError;
use crate::data::{self, CodePage, Format, Type};
use crate::error::{Error, ErrorKind};
use crate::stream::Representation;

/// Type of a transfer (`ftp-api` §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransferType {
    /// Text, line ends converted (`TYPE A`).
    Ascii = 1,
    /// Text in EBCDIC, converted by the table that [`Calls::xlate`](super::Calls::xlate) chose (`TYPE E`).
    Ebcdic = 2,
    /// Octets as they are (`TYPE I`).
    Binary = 3,
}

/// Text.
pub const T_ASCII: TransferType = TransferType::Ascii;
/// Text in EBCDIC.
pub const T_EBCDIC: TransferType = TransferType::Ebcdic;
/// Octets as they are.
pub const T_BINARY: TransferType = TransferType::Binary;

impl TransferType {
    /// The type of that number: 1, 2 or 3.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Ascii),
            2 => Some(Self::Ebcdic),
            3 => Some(Self::Binary),
            _ => None,
        }
    }

    /// The argument of `TYPE`.
    pub(super) const fn argument(self) -> &'static str {
        match self {
            Self::Ascii => "A",
            Self::Ebcdic => "E",
            Self::Binary => "I",
        }
    }

    pub(super) fn representation(self, table: Option<CodePage>) -> Result<Representation, Error> {
        Ok(match self {
            Self::Ascii => Representation::text(),
            Self::Binary => Representation::default(),
            Self::Ebcdic => Representation {
                ty: Type::Ebcdic(Format::NonPrint),
                options: data::Options {
                    code_page: table.ok_or(ErrorKind::NoTranslation)?,
                    ..data::Options::default()
                },
                ..Representation::default()
            },
        })
    }
}

/// What becomes of a local file that is there (`ftp-api` §2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LocalMode {
    /// `w`: it is replaced.
    Overwrite,
    /// `a`: it is extended.
    Append,
}

impl LocalMode {
    /// Reads `w` or `a`.
    #[must_use]
    pub fn new(mode: &str) -> Option<Self> {
        match mode {
            "w" => Some(Self::Overwrite),
            "a" => Some(Self::Append),
            _ => None,
        }
    }
}

/// What [`Calls::restart`](super::Calls::restart) resumes (`ftp-api` §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Restart {
    /// A get.
    Get = 1,
    /// A put.
    Put = 2,
}

/// A get is resumed.
pub const REST_GET: Restart = Restart::Get;
/// A put is resumed.
pub const REST_PUT: Restart = Restart::Put;

impl Restart {
    /// What that number says.
    #[must_use]
    pub const fn new(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Get),
            2 => Some(Self::Put),
            _ => None,
        }
    }
}

/// What becomes of a trace file that is there (`ftp-api` §2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TraceMode {
    /// It is overwritten.
    Overlay = 1,
    /// It is extended.
    Append = 2,
}

/// The trace file is overwritten.
pub const M_OVERLAY: TraceMode = TraceMode::Overlay;
/// The trace file is extended.
pub const M_APPEND: TraceMode = TraceMode::Append;

impl TraceMode {
    /// The mode of that number.
    ///
    /// # Errors
    /// [`TraceError::Mode`] if there is none.
    pub const fn new(number: u32) -> Result<Self, TraceError> {
        match number {
            1 => Ok(Self::Overlay),
            2 => Ok(Self::Append),
            _ => Err(TraceError::Mode),
        }
    }
}

/// The code page of that number, or else of that name; `None` for neither.
pub(super) fn table(number: u32, name: &str) -> Result<Option<CodePage>, Error> {
    let number = match (number, name.trim()) {
        (0, "") => return Ok(None),
        (0, name) => {
            let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
            digits.parse().map_err(|_| ErrorKind::NoTranslation)?
        }
        (number, _) => number,
    };
    let page = u16::try_from(number).ok().and_then(CodePage::new);
    Ok(Some(page.ok_or(ErrorKind::NoTranslation)?))
}

#[cfg(test)]
mod tests {
    use super::{LocalMode, Restart, T_ASCII, T_BINARY, T_EBCDIC, TraceMode, TransferType, table};
    use crate::calls::TraceError;
    use crate::data::CodePage;
    use crate::error::ErrorNumber;

    // ftp-api §2.1, §2.2, §2.5.
    #[test]
    fn numbers_are_the_classic_ones() {
        assert_eq!(
            (T_ASCII as u32, T_EBCDIC as u32, T_BINARY as u32),
            (1, 2, 3)
        );
        for number in 1..=3 {
            assert_eq!(TransferType::new(number).unwrap() as u32, number);
        }
        assert_eq!((TransferType::new(0), TransferType::new(4)), (None, None));
        assert_eq!(LocalMode::new("w"), Some(LocalMode::Overwrite));
        assert_eq!(LocalMode::new("a"), Some(LocalMode::Append));
        assert_eq!(LocalMode::new("r"), None);
        assert_eq!(Restart::new(1), Some(Restart::Get));
        assert_eq!(Restart::new(2), Some(Restart::Put));
        assert_eq!(TraceMode::new(2), Ok(TraceMode::Append));
        assert_eq!(TraceMode::new(3).unwrap_err().number(), 1);
        assert_eq!(TraceMode::new(0), Err(TraceError::Mode));
    }

    // ftp-api §2.3, §5: `ftpxlate` and error 12.
    #[test]
    fn tables_have_numbers_and_names() {
        assert_eq!(table(500, "").unwrap(), Some(CodePage::Cp500));
        assert_eq!(table(0, "IBM-1047").unwrap(), Some(CodePage::Cp1047));
        assert_eq!(table(0, "cp037").unwrap(), Some(CodePage::Cp037));
        assert_eq!(table(0, " ").unwrap(), None);
        for (number, name) in [(1, ""), (0, "latin"), (65_536 + 37, "")] {
            let error = table(number, name).unwrap_err();
            assert_eq!(error.number(), ErrorNumber::NOXLATETBL);
            assert_eq!(error.number().get(), 12);
        }
        let error = T_EBCDIC.representation(None).unwrap_err();
        assert_eq!(error.number(), ErrorNumber::NOXLATETBL);
    }
}
