//! IPv4 options: RFC 791 §3.1, RFC 2113 (router alert).
//!
//! [`Options`] walks over the options of a header; each [`Entry`] knows its place, so that a router can rewrite an
//! option where it is: [`RecordRoute::record`], [`SourceRoute::advance`], [`Timestamp::record`]. [`OptionBuffer`]
//! builds options, and [`copied_to_fragments`] selects those that every fragment repeats.

mod buffer;
mod record;
mod route;
mod timestamp;

use core::fmt;
use core::ops::Range;

pub use buffer::OptionBuffer;
pub use record::Recorded;
pub use route::{RecordRoute, SourceRoute};
pub use timestamp::{Stamp, Timestamp, TimestampForm};

use crate::list::List;

/// The most octets that options can take up.
pub const MAX_LEN: usize = 40;

/// The type octet of an option: a copied flag, a class of two bits, a number of five.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Kind(pub u8);

impl Kind {
    /// End of option list; a single octet.
    pub const END_OF_LIST: Self = Self(0);
    /// No operation; a single octet.
    pub const NO_OPERATION: Self = Self(1);
    /// Record route.
    pub const RECORD_ROUTE: Self = Self(7);
    /// Internet timestamp.
    pub const TIMESTAMP: Self = Self(68);
    /// Security; 11 octets in RFC 791, other lengths in RFC 1108.
    pub const SECURITY: Self = Self(130);
    /// Loose source and record route.
    pub const LOOSE_SOURCE_ROUTE: Self = Self(131);
    /// Stream identifier; 4 octets, obsolete (RFC 6814).
    pub const STREAM_ID: Self = Self(136);
    /// Strict source and record route.
    pub const STRICT_SOURCE_ROUTE: Self = Self(137);
    /// Router alert; 4 octets, RFC 2113.
    pub const ROUTER_ALERT: Self = Self(148);

    /// Whether every fragment repeats the option (RFC 791 §3.1, copied flag).
    #[inline]
    #[must_use]
    pub const fn is_copied(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// Whether the option is its type octet only.
    #[inline]
    #[must_use]
    pub const fn is_single_octet(self) -> bool {
        matches!(self, Self::END_OF_LIST | Self::NO_OPERATION)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "option {}", self.0)
    }
}

/// An option that makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OptionError {
    /// The octet at fault, counted from the beginning of what was examined: the options of a header, or one option.
    ///
    /// The pointer of an ICMP parameter problem is this plus 20 (and the offset of the option).
    pub offset: usize,
    /// What is wrong with it.
    pub fault: OptionFault,
}

/// What is wrong with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptionFault {
    /// The length octet is missing, below what the option needs, or above what there is.
    Length,
    /// The pointer is below its smallest value.
    Pointer,
    /// There is room left, but not enough for what is to be recorded.
    Room,
    /// The timestamp option cannot count more nodes that found it full.
    Overflow,
    /// A timestamp option of no known form.
    Form,
}

impl OptionError {
    /// The same error seen from `base` octets further to the front.
    #[must_use]
    pub const fn behind(self, base: usize) -> Self {
        Self {
            offset: self.offset + base,
            fault: self.fault,
        }
    }

    const fn new(offset: usize, fault: OptionFault) -> Self {
        Self { offset, fault }
    }
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fault = match self.fault {
            OptionFault::Length => "length of an option makes no sense",
            OptionFault::Pointer => "pointer of an option below its smallest value",
            OptionFault::Room => "too little room left in an option",
            OptionFault::Overflow => "overflow counter of a timestamp option is full",
            OptionFault::Form => "timestamp option of unknown form",
        };
        write!(f, "{fault}, at octet {}", self.offset)
    }
}

impl core::error::Error for OptionError {}

/// The options of a header one after the other; ends after an end-of-list or an error.
///
/// ```
/// use fairway_wire::ipv4::options::{IpOption, Options};
///
/// // RFC 2113 §2.1: router alert.
/// let mut options = Options::new(&[148, 4, 0, 0]);
/// let alert = options.next().unwrap()?;
/// assert_eq!(alert.option, IpOption::RouterAlert(0));
/// assert_eq!(alert.range(), 0..4);
/// # Ok::<(), fairway_wire::ipv4::options::OptionError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Options<'a> {
    /// Over the options of a header.
    #[must_use]
    pub const fn new(octets: &'a [u8]) -> Self {
        Self {
            rest: octets,
            offset: 0,
        }
    }
}

/// An option and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where it begins in the options.
    pub offset: usize,
    /// All of its octets, with type and length.
    pub octets: &'a [u8],
    /// What it says.
    pub option: IpOption<'a>,
}

impl Entry<'_> {
    /// Its type.
    #[must_use]
    pub fn kind(&self) -> Kind {
        Kind(self.octets.first().copied().unwrap_or_default())
    }

    /// Its place in the options.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.offset..self.offset + self.octets.len()
    }
}

/// What an option says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IpOption<'a> {
    /// Nothing follows.
    EndOfList,
    /// A filler.
    NoOperation,
    /// Routers write their addresses here.
    RecordRoute(RecordRoute<'a>),
    /// Goes by the addresses given, with other routers between them.
    LooseSourceRoute(SourceRoute<'a>),
    /// Goes by the addresses given and by no others.
    StrictSourceRoute(SourceRoute<'a>),
    /// Routers write the time here.
    Timestamp(Timestamp<'a>),
    /// Routers shall look at the packet; the value is 0 (RFC 2113 §2.1).
    RouterAlert(u16),
    /// An option not known here.
    Other {
        /// Its type.
        kind: Kind,
        /// What follows the length octet.
        data: &'a [u8],
    },
}

impl<'a> Iterator for Options<'a> {
    type Item = Result<Entry<'a>, OptionError>;

    fn next(&mut self) -> Option<Self::Item> {
        // Whatever ends the walk early leaves nothing to go on with.
        let rest = core::mem::take(&mut self.rest);
        let offset = self.offset;
        let kind = Kind(*rest.first()?);
        let Some((octets, after)) =
            option_len(kind, rest).and_then(|len| rest.split_at_checked(len))
        else {
            return Some(Err(OptionError::new(offset + 1, OptionFault::Length)));
        };
        let option = match IpOption::read(kind, octets) {
            Ok(option) => option,
            Err(error) => return Some(Err(error.behind(offset))),
        };
        if kind != Kind::END_OF_LIST {
            self.rest = after;
        }
        self.offset = offset + octets.len();
        Some(Ok(Entry {
            offset,
            octets,
            option,
        }))
    }
}

/// Octets of the option that `rest` begins with, by its length octet; it need not be all there.
fn option_len(kind: Kind, rest: &[u8]) -> Option<usize> {
    if kind.is_single_octet() {
        return Some(1);
    }
    // The length counts type and length octets.
    rest.get(1)
        .map(|len| usize::from(*len))
        .filter(|len| *len >= 2)
}

impl<'a> IpOption<'a> {
    /// Reads one option; `octets` are all of it.
    fn read(kind: Kind, octets: &'a [u8]) -> Result<Self, OptionError> {
        Ok(match kind {
            Kind::END_OF_LIST => Self::EndOfList,
            Kind::NO_OPERATION => Self::NoOperation,
            Kind::RECORD_ROUTE => Self::RecordRoute(RecordRoute::new(octets)?),
            Kind::LOOSE_SOURCE_ROUTE => Self::LooseSourceRoute(SourceRoute::new(octets)?),
            Kind::STRICT_SOURCE_ROUTE => Self::StrictSourceRoute(SourceRoute::new(octets)?),
            Kind::TIMESTAMP => Self::Timestamp(Timestamp::new(octets)?),
            Kind::ROUTER_ALERT => match *octets {
                [_, _, a, b] => Self::RouterAlert(u16::from_be_bytes([a, b])),
                _ => return Err(OptionError::new(1, OptionFault::Length)),
            },
            kind => Self::Other {
                kind,
                data: octets.get(2..).unwrap_or_default(),
            },
        })
    }
}

/// As in a trace: `rr{192.0.2.1}`, `lsrr{192.0.2.1|192.0.2.9}` with what is still to be visited behind the bar,
/// `ts{1000}`, `ra`, `nop`, `eol`.
impl fmt::Display for IpOption<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EndOfList => f.write_str("eol"),
            Self::NoOperation => f.write_str("nop"),
            Self::RecordRoute(route) => write!(f, "rr{{{}}}", List(route.recorded())),
            Self::LooseSourceRoute(route) => write!(f, "lsrr{route}"),
            Self::StrictSourceRoute(route) => write!(f, "ssrr{route}"),
            Self::Timestamp(option) => write!(f, "ts{option}"),
            Self::RouterAlert(0) => f.write_str("ra"),
            Self::RouterAlert(value) => write!(f, "ra {value}"),
            Self::Other { kind, data } => {
                write!(f, "option {} ({} octets)", kind.0, data.len() + 2)
            }
        }
    }
}

/// The options that go into every fragment but the first: those with the copied flag (RFC 791 §3.1).
///
/// # Errors
///
/// The first option that makes no sense.
pub fn copied_to_fragments(options: &[u8]) -> Result<OptionBuffer, OptionError> {
    let mut copied = OptionBuffer::new();
    for entry in Options::new(options) {
        let entry = entry?;
        if entry.kind().is_copied() && !copied.push(entry.octets) {
            return Err(OptionError::new(entry.offset, OptionFault::Length));
        }
    }
    Ok(copied)
}

#[cfg(test)]
mod tests;
