//! TYPE, STRU and MODE: what the parameters of a transfer are called (RFC 959 §3.1, §3.4; their commands §4.1.2).

use std::fmt;

/// Representation type (RFC 959 §3.1.1), the argument of `TYPE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// `A`: NVT-ASCII, lines end with CR LF (§3.1.1.1). What servers start with.
    Ascii(Format),
    /// `E`: EBCDIC, lines end with NL (§3.1.1.2).
    Ebcdic(Format),
    /// `I`: octets (§3.1.1.3).
    Image,
    /// `L`: logical bytes of so many bits (§3.1.1.4). They are kept as they come, packed into octets: for 8 bits that
    /// is `I` (RFC 1123 §4.1.2.1), for others a form that goes back unchanged.
    Local(u8),
}

impl Type {
    /// What servers take for granted until told otherwise: `A N`.
    pub const INITIAL: Self = Self::Ascii(Format::NonPrint);

    /// Whether it is made of characters and lines.
    #[must_use]
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Ascii(_) | Self::Ebcdic(_))
    }

    /// A `TYPE` argument, in any case: `A`, `E C`, `I`, `L 8`.
    #[must_use]
    pub fn parse(argument: &str) -> Option<Self> {
        let mut words = argument.split_ascii_whitespace();
        let (first, second) = (words.next()?, words.next());
        if words.next().is_some() {
            return None;
        }
        let format = || match second {
            None => Some(Format::NonPrint),
            Some(word) => Format::parse(word),
        };
        match first {
            "A" | "a" => format().map(Self::Ascii),
            "E" | "e" => format().map(Self::Ebcdic),
            "I" | "i" => second.is_none().then_some(Self::Image),
            "L" | "l" => {
                let size = second?.parse().ok()?;
                (size != 0).then_some(Self::Local(size))
            }
            _ => None,
        }
    }

    /// SP in text, zero in the rest: what compressed mode has the shortest code for (§3.4.3).
    pub(super) const fn filler(self) -> u8 {
        match self {
            Self::Ascii(_) => b' ',
            Self::Ebcdic(_) => 0x40,
            Self::Image | Self::Local(_) => 0,
        }
    }
}

impl fmt::Display for Type {
    /// The argument of `TYPE`: `A N`, `L 8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The default format is left out by convention: some servers know "A" and not "A N".
            Self::Ascii(Format::NonPrint) => f.write_str("A"),
            Self::Ebcdic(Format::NonPrint) => f.write_str("E"),
            Self::Ascii(format) => write!(f, "A {format}"),
            Self::Ebcdic(format) => write!(f, "E {format}"),
            Self::Image => f.write_str("I"),
            Self::Local(size) => write!(f, "L {size}"),
        }
    }
}

/// Vertical format control of text (RFC 959 §3.1.1.5): for whom prints it. No octet of a transfer depends on it here
/// (RFC 1123 §4.1.2.2 allows that for `T`; ASA controls of `C` are ordinary first characters of lines).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Format {
    /// `N`: no controls.
    #[default]
    NonPrint,
    /// `T`: CR, LF, NL, VT and FF move the paper.
    Telnet,
    /// `C`: the first character of a line does, as in FORTRAN (ASA; RFC 740 appendix C).
    Carriage,
}

impl Format {
    fn parse(argument: &str) -> Option<Self> {
        match argument {
            "N" | "n" => Some(Self::NonPrint),
            "T" | "t" => Some(Self::Telnet),
            "C" | "c" => Some(Self::Carriage),
            _ => None,
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NonPrint => "N",
            Self::Telnet => "T",
            Self::Carriage => "C",
        })
    }
}

/// Structure of a file (RFC 959 §3.1.2), the argument of `STRU`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Structure {
    /// `F`: octets one after the other.
    #[default]
    File,
    /// `R`: records one after the other.
    Record,
    /// `P`: pages with an index. It has a name here to be refused by (RFC 1123 §4.1.2.3: NOT RECOMMENDED).
    Page,
}

impl Structure {
    /// A `STRU` argument, in any case.
    #[must_use]
    pub fn parse(argument: &str) -> Option<Self> {
        match argument {
            "F" | "f" => Some(Self::File),
            "R" | "r" => Some(Self::Record),
            "P" | "p" => Some(Self::Page),
            _ => None,
        }
    }
}

impl fmt::Display for Structure {
    /// The argument of `STRU`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "F",
            Self::Record => "R",
            Self::Page => "P",
        })
    }
}

/// Transmission mode (RFC 959 §3.4), the argument of `MODE`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Mode {
    /// `S`: as it is; the end of the connection is the end of a file without records (§3.4.1).
    #[default]
    Stream,
    /// `B`: blocks with a header (§3.4.2).
    Block,
    /// `C`: runs of an octet made short (§3.4.3).
    Compressed,
    /// `Z`: mode S inside a zlib stream (draft-preston-ftpext-deflate).
    Deflate,
}

impl Mode {
    /// A `MODE` argument, in any case.
    #[must_use]
    pub fn parse(argument: &str) -> Option<Self> {
        match argument {
            "S" | "s" => Some(Self::Stream),
            "B" | "b" => Some(Self::Block),
            "C" | "c" => Some(Self::Compressed),
            "Z" | "z" => Some(Self::Deflate),
            _ => None,
        }
    }

    /// Whether a file has an end of its own, so that the connection can stay for the next one (RFC 959 §3.3).
    #[must_use]
    pub const fn keeps_connection(self) -> bool {
        matches!(self, Self::Block | Self::Compressed)
    }
}

impl fmt::Display for Mode {
    /// The argument of `MODE`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Stream => "S",
            Self::Block => "B",
            Self::Compressed => "C",
            Self::Deflate => "Z",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_read_as_written() {
        // RFC 959 §5.3.2.
        for argument in ["A", "A T", "A C", "E", "E T", "E C", "I", "L 8", "L 36"] {
            let parsed = Type::parse(argument).unwrap();
            assert_eq!(parsed.to_string(), argument);
        }
        assert_eq!(Type::parse("a n"), Some(Type::INITIAL));
        for bad in ["", "X", "L", "L 0", "L 256", "I N", "A X", "A N N"] {
            assert_eq!(Type::parse(bad), None, "{bad}");
        }
        for argument in ["F", "R", "P"] {
            assert_eq!(Structure::parse(argument).unwrap().to_string(), argument);
        }
        for argument in ["S", "B", "C", "Z"] {
            assert_eq!(Mode::parse(argument).unwrap().to_string(), argument);
        }
    }
}
