//! The Internet Group Management Protocol: RFC 1112 appendix I (version 1), RFC 2236 (2), RFC 9776 (3, which obsoletes
//! RFC 3376).

mod address;
mod query;
mod report;

use core::fmt;
use core::net::Ipv4Addr;

pub use address::Addresses;
pub use query::{Query, QueryV3, V3_QUERY_LEN, decode_float, encode_float};
pub use report::{Record, RecordType, Records, Report, ReportWriter};

use crate::checksum;
use crate::numbers;

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

numbers! {
    /// The type octet; unknown ones survive and print as numbers.
    Type(u8), "type {:#04x}" {
        /// Membership query of all versions.
        QUERY = 0x11, "query";
        /// Membership report of version 1.
        V1_REPORT = 0x12, "v1-report";
        /// Membership report of version 2.
        V2_REPORT = 0x16, "v2-report";
        /// Leave group, of version 2.
        LEAVE = 0x17, "leave";
        /// Membership report of version 3.
        V3_REPORT = 0x22, "v3-report";
    }
}

/// Octets of a query of versions 1 and 2, of reports of these and of leaves.
pub const LEN: usize = 8;

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
                    put(out, V3_QUERY_LEN, v3.sources.as_octets());
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
