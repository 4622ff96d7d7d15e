//! The Internet Group Management Protocol: RFC 1112 appendix I (version 1), RFC 2236 (2), RFC 9776 (3, which obsoletes
//! RFC 3376).

mod report;

use core::fmt;
use core::net::Ipv4Addr;

pub use report::{Record, RecordType, Records, Report, ReportWriter};

use crate::checksum;

/// A message of any version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message<'a> {
    /// Type 0x11: a router asks who listens.
    Query(Query<'a>),
    /// Type 0x12: a host of version 1 listens to a group.
    V1Report {
        /// The group.
        group: Ipv4Addr,
    },
    /// Type 0x16: a host of version 2 listens to a group.
    V2Report {
        /// The group.
        group: Ipv4Addr,
    },
    /// Type 0x17: a host of version 2 leaves a group.
    Leave {
        /// The group.
        group: Ipv4Addr,
    },
    /// Type 0x22: what a host of version 3 listens to.
    V3Report(Report<'a>),
    /// A type not known here.
    Other {
        /// The type.
        message_type: Type,
        /// The octet behind it.
        code: u8,
        /// What follows the checksum.
        rest: &'a [u8],
    },
}

/// The type octet; unknown ones survive and print as numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Type(pub u8);

impl Type {
    /// Membership query of all versions.
    pub const QUERY: Self = Self(0x11);
    /// Membership report of version 1.
    pub const V1_REPORT: Self = Self(0x12);
    /// Membership report of version 2.
    pub const V2_REPORT: Self = Self(0x16);
    /// Leave group, of version 2.
    pub const LEAVE: Self = Self(0x17);
    /// Membership report of version 3.
    pub const V3_REPORT: Self = Self(0x22);
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::QUERY => f.pad("query"),
            Self::V1_REPORT => f.pad("v1-report"),
            Self::V2_REPORT => f.pad("v2-report"),
            Self::LEAVE => f.pad("leave"),
            Self::V3_REPORT => f.pad("v3-report"),
            Self(number) => write!(f, "type {number:#04x}"),
        }
    }
}

impl fmt::Debug for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A membership query.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Type = 0x11  | Max resp code |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         Group address                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Flags |S| QRV |     QQIC      |     Number of sources (N)     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Source address [1..N] …                   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Versions 1 and 2 end after the group; version 1 has zero for the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query<'a> {
    /// The time within which to answer, as [`decode_float`] reads it: tenths of a second; zero in version 1, which
    /// means ten seconds.
    pub max_response_code: u8,
    /// The group asked for; 0.0.0.0 in a general query.
    pub group: Ipv4Addr,
    /// What version 3 adds; `None` in a query of versions 1 and 2.
    pub v3: Option<QueryV3<'a>>,
}

/// What version 3 adds to a query (RFC 9776 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueryV3<'a> {
    /// Whether other routers shall not take this as a reason to change their timers (S flag).
    pub suppress_router_processing: bool,
    /// The querier's robustness variable, 0 to 7; zero if it is greater than 7 (QRV).
    pub robustness: u8,
    /// The querier's query interval in seconds, as [`decode_float`] reads it (QQIC).
    pub query_interval_code: u8,
    /// The sources asked for; empty in general and group-specific queries.
    pub sources: Addresses<'a>,
}

/// Octets of a query of versions 1 and 2, of reports of these and of leaves.
pub const LEN: usize = 8;
/// Octets of a query of version 3 without sources.
pub const V3_QUERY_LEN: usize = 12;

impl<'a> Query<'a> {
    /// The version of a query (RFC 9776 §7.1): by its length, then by its code.
    #[must_use]
    pub const fn version(&self) -> u8 {
        match self {
            Self { v3: Some(_), .. } => 3,
            Self {
                max_response_code: 0,
                ..
            } => 1,
            Self { .. } => 2,
        }
    }

    /// The time within which to answer, in tenths of a second.
    ///
    /// RFC 2236 §4 and RFC 9776 §7.2.1: of version 1 it is ten seconds; only version 3 knows the long form.
    #[must_use]
    pub fn max_response_tenths(&self) -> u16 {
        match self.version() {
            1 => 100,
            2 => u16::from(self.max_response_code),
            _ => decode_float(self.max_response_code),
        }
    }

    fn parse(octets: &'a [u8], code: u8, group: Ipv4Addr) -> Result<Self, ParseError> {
        // RFC 9776 §7.1: a query of 8 octets is of version 1 or 2, one of 12 and more of version 3; others MUST be
        // silently ignored.
        if octets.len() == LEN {
            return Ok(Self {
                max_response_code: code,
                group,
                v3: None,
            });
        }
        let Some((&[_, _, _, _, _, _, _, _, flags, interval, n0, n1], rest)) =
            octets.split_first_chunk::<V3_QUERY_LEN>()
        else {
            return Err(ParseError::QueryLength(octets.len()));
        };
        let count = u16::from_be_bytes([n0, n1]);
        let Some((sources, _)) = Addresses::split(rest, count) else {
            return Err(ParseError::Truncated);
        };
        Ok(Self {
            max_response_code: code,
            group,
            v3: Some(QueryV3 {
                suppress_router_processing: flags & 0x08 != 0,
                robustness: flags & 0x07,
                query_interval_code: interval,
                sources,
            }),
        })
    }
}

impl<'a> Message<'a> {
    /// Reads a message. The checksum is not looked at: see [`verify_checksum`].
    ///
    /// Octets behind what the message says it has are ignored, but they count for its checksum (RFC 9776 §4.1.10).
    ///
    /// # Errors
    ///
    /// [`ParseError`] if it is not all there.
    pub fn parse(octets: &'a [u8]) -> Result<Self, ParseError> {
        let Some((&[message_type, code, _, _, a, b, c, d], _)) = octets.split_first_chunk::<LEN>()
        else {
            return Err(ParseError::Short);
        };
        let group = Ipv4Addr::new(a, b, c, d);
        Ok(match Type(message_type) {
            Type::QUERY => Self::Query(Query::parse(octets, code, group)?),
            Type::V1_REPORT => Self::V1Report { group },
            Type::V2_REPORT => Self::V2Report { group },
            Type::LEAVE => Self::Leave { group },
            Type::V3_REPORT => Self::V3Report(Report::parse(octets)?),
            message_type => Self::Other {
                message_type,
                code,
                rest: octets.get(4..).unwrap_or_default(),
            },
        })
    }

    /// Octets that [`emit`](Self::emit) writes.
    #[must_use]
    pub fn wire_len(&self) -> usize {
        match self {
            Self::Query(Query { v3: Some(v3), .. }) => V3_QUERY_LEN + 4 * v3.sources.len(),
            Self::Query(_) | Self::V1Report { .. } | Self::V2Report { .. } | Self::Leave { .. } => {
                LEN
            }
            Self::V3Report(report) => LEN + report.as_octets().len(),
            Self::Other { rest, .. } => 4 + rest.len(),
        }
    }

    /// Writes the message and its checksum; `out` is [`wire_len`](Self::wire_len) octets.
    ///
    /// Another length is a mistake of the caller: what does not fit is cut, what is left is zero.
    pub fn emit(&self, out: &mut [u8]) {
        debug_assert_eq!(out.len(), self.wire_len());
        out.fill(0);
        match self {
            Self::Query(query) => {
                put(out, 0, &[Type::QUERY.0, query.max_response_code]);
                put(out, 4, &query.group.octets());
                if let Some(v3) = query.v3 {
                    let suppress = u8::from(v3.suppress_router_processing) << 3;
                    let flags = suppress | (v3.robustness & 0x07);
                    let [n0, n1] = v3.sources.count().to_be_bytes();
                    put(out, 8, &[flags, v3.query_interval_code, n0, n1]);
                    put(out, V3_QUERY_LEN, v3.sources.0.as_flattened());
                }
            }
            Self::V1Report { group } | Self::V2Report { group } | Self::Leave { group } => {
                put(out, 0, &[self.message_type().0]);
                put(out, 4, &group.octets());
            }
            Self::V3Report(report) => {
                put(out, 0, &[Type::V3_REPORT.0]);
                put(out, 6, &report.count().to_be_bytes());
                put(out, LEN, report.as_octets());
            }
            Self::Other {
                message_type,
                code,
                rest,
            } => {
                put(out, 0, &[message_type.0, *code]);
                put(out, 4, rest);
            }
        }
        put_checksum(out);
    }

    /// The type octet.
    #[must_use]
    pub const fn message_type(&self) -> Type {
        match self {
            Self::Query(_) => Type::QUERY,
            Self::V1Report { .. } => Type::V1_REPORT,
            Self::V2Report { .. } => Type::V2_REPORT,
            Self::Leave { .. } => Type::LEAVE,
            Self::V3Report(_) => Type::V3_REPORT,
            Self::Other { message_type, .. } => *message_type,
        }
    }
}

/// Writes `octets` at `offset`, as far as they fit.
fn put(out: &mut [u8], offset: usize, octets: &[u8]) {
    for (place, octet) in out.iter_mut().skip(offset).zip(octets) {
        *place = *octet;
    }
}

/// Writes the checksum over all of `message`, whose field is zero.
fn put_checksum(message: &mut [u8]) {
    let checksum = checksum::sum(message).finish();
    put(message, 2, &checksum.to_be_bytes());
}

/// Whether the checksum over the whole IP payload is right.
#[must_use]
pub fn verify_checksum(octets: &[u8]) -> bool {
    checksum::sum(octets).is_valid()
}

/// Reads a code of the floating-point form (RFC 9776 §4.1.1, §4.1.7): itself below 128, up to 31 744 above.
///
/// ```text
///  0 1 2 3 4 5 6 7
/// +-+-+-+-+-+-+-+-+
/// |1| exp | mant  |    (mant | 0x10) << (exp + 3)
/// +-+-+-+-+-+-+-+-+
/// ```
#[must_use]
pub const fn decode_float(code: u8) -> u16 {
    let value = u16::from_be_bytes([0, code]);
    if code < 128 {
        return value;
    }
    let exponent = (value >> 4) & 0x07;
    let mantissa = value & 0x0f;
    (mantissa | 0x10) << (exponent + 3)
}

/// The code of the greatest value that can be expressed and is not above `value`.
#[must_use]
pub const fn encode_float(value: u16) -> u8 {
    if value < 128 {
        let [_, code] = value.to_be_bytes();
        return code;
    }
    if value > 31_744 {
        return 0xff;
    }
    // The highest bit set is number 7 to 14: the implied one of the mantissa, four places above its lowest.
    let exponent = value.ilog2() - 7;
    let [.., exponent] = exponent.to_be_bytes();
    let [_, mantissa] = (value >> (exponent + 3)).to_be_bytes();
    0x80 | (exponent << 4) | (mantissa & 0x0f)
}

/// IPv4 addresses as they stand in a message.
///
/// ```
/// use core::net::Ipv4Addr;
/// use fairway_wire::igmp::Addresses;
///
/// let octets = [[192, 0, 2, 1], [192, 0, 2, 2]];
/// let addresses = Addresses::new(&octets);
/// assert_eq!(addresses.iter().next(), Some(Ipv4Addr::new(192, 0, 2, 1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Addresses<'a>(&'a [[u8; 4]]);

impl<'a> Addresses<'a> {
    /// The addresses of these octets.
    ///
    /// More than 65 535 cannot be sent; no packet has room for them.
    #[must_use]
    pub const fn new(octets: &'a [[u8; 4]]) -> Self {
        Self(octets)
    }

    /// The first `count` addresses of `octets` and what follows.
    fn split(octets: &'a [u8], count: u16) -> Option<(Self, &'a [u8])> {
        let (addresses, rest) = octets.split_at_checked(usize::from(count) * 4)?;
        let (addresses, _) = addresses.as_chunks::<4>();
        Some((Self(addresses), rest))
    }

    /// One after the other.
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = Ipv4Addr> + ExactSizeIterator + Clone + use<'a> {
        self.0.iter().copied().map(Ipv4Addr::from)
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many, as the field of a message.
    fn count(&self) -> u16 {
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }
}

impl fmt::Debug for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Why octets are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer than eight octets.
    Short,
    /// A query of 9 to 11 octets, which no version has.
    QueryLength(usize),
    /// Fewer octets than the sources or records announced.
    Truncated,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("message shorter than eight octets"),
            Self::QueryLength(len) => write!(f, "query of {len} octets"),
            Self::Truncated => f.write_str("message shorter than it announces"),
        }
    }
}

impl core::error::Error for ParseError {}

#[cfg(test)]
mod tests;
