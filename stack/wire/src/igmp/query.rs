//! Membership queries: RFC 9776 §4.1, and those of older versions.

use core::net::Ipv4Addr;

use super::{Addresses, LEN, ParseError};

/// Octets of a query of version 3 without sources.
pub const V3_QUERY_LEN: usize = 12;

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
    /// The time within which to answer, as it is coded; [`max_response_tenths`](Self::max_response_tenths) reads it.
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

    /// Reads the query; its first eight octets were, and are not looked at again.
    pub(super) fn parse(octets: &'a [u8], code: u8, group: Ipv4Addr) -> Result<Self, ParseError> {
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
