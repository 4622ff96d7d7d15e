//! The Internet Protocol, version 4: RFC 791 §3.1.

pub mod options;

use core::fmt;
use core::net::Ipv4Addr;

use crate::{Protocol, checksum};

/// A packet's header without its options.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |Version|  IHL  |   DSCP    |ECN|         Total length          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |         Identification        |0|D|M|     Fragment offset     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Time to live |    Protocol   |        Header checksum        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        Source address                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Destination address                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Options and padding …                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// The reserved bit is sent as zero and ignored when received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The octet once called type of service: DSCP (RFC 2474) above two bits of ECN (RFC 3168).
    pub dscp_ecn: u8,
    /// Octets of header, options and payload.
    pub total_len: u16,
    /// Identification, common to the fragments of one datagram.
    pub id: u16,
    /// Whether routers must not fragment.
    pub dont_fragment: bool,
    /// Whether fragments follow this one.
    pub more_fragments: bool,
    /// Where the payload belongs in the datagram, in *octets*: a multiple of eight, at most 65 528.
    pub fragment_offset: u16,
    /// Hops that are left.
    pub ttl: u8,
    /// What the payload is.
    pub protocol: Protocol,
    /// Who sent it.
    pub source: Ipv4Addr,
    /// Whom it is for.
    pub destination: Ipv4Addr,
    /// Octets of header and options: 20 to 60, a multiple of four.
    pub header_len: u8,
}

/// Bit of the fragment word: don't fragment.
const DONT_FRAGMENT: u16 = 0x4000;
/// Bit of the fragment word: more fragments.
const MORE_FRAGMENTS: u16 = 0x2000;
/// Bits of the fragment word: offset in units of eight octets.
const OFFSET_MASK: u16 = 0x1fff;

impl Header {
    /// Octets of a header without options.
    pub const LEN: usize = 20;
    /// The most octets of header and options.
    pub const MAX_LEN: usize = 60;

    /// The header, its options, and its payload cut to the total length.
    ///
    /// The checksum is not looked at: see [`verify_checksum`](Self::verify_checksum) and
    /// [`parse_verified`](Self::parse_verified).
    ///
    /// # Errors
    ///
    /// [`ParseError`] says which check failed first, in the order of its variants; never `Checksum`.
    #[inline]
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8], &[u8]), ParseError> {
        let header = Self::read(octets)?;
        let parts = octets
            .get(..usize::from(header.total_len))
            .and_then(|packet| header.split(packet));
        match parts {
            Some((options, payload)) => Ok((header, options, payload)),
            None => Err(ParseError::Truncated {
                total_len: header.total_len,
                available: octets.len(),
            }),
        }
    }

    /// As [`parse`](Self::parse), of a packet that may be cut anywhere behind its header: what an ICMP error quotes.
    ///
    /// # Errors
    ///
    /// [`ParseError`]; `Truncated` if header and options are not all there.
    pub fn parse_quoted(octets: &[u8]) -> Result<(Self, &[u8], &[u8]), ParseError> {
        let header = Self::read(octets)?;
        let packet = octets
            .get(..usize::from(header.total_len))
            .unwrap_or(octets);
        match header.split(packet) {
            Some((options, payload)) => Ok((header, options, payload)),
            None => Err(ParseError::Truncated {
                total_len: header.total_len,
                available: octets.len(),
            }),
        }
    }

    /// The fixed part, with the checks that need no more than it.
    #[inline]
    fn read(octets: &[u8]) -> Result<Self, ParseError> {
        let Some(fixed) = octets.first_chunk::<{ Self::LEN }>() else {
            return Err(ParseError::Short);
        };
        let [
            version_ihl,
            dscp_ecn,
            l0,
            l1,
            i0,
            i1,
            f0,
            f1,
            ttl,
            protocol,
            _,
            _,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ] = *fixed;
        let version = version_ihl >> 4;
        if version != 4 {
            return Err(ParseError::Version(version));
        }
        let header_len = (version_ihl & 0x0f) * 4;
        if usize::from(header_len) < Self::LEN {
            return Err(ParseError::HeaderLength(header_len));
        }
        let total_len = u16::from_be_bytes([l0, l1]);
        if total_len < u16::from(header_len) {
            return Err(ParseError::TotalLength {
                total_len,
                header_len,
            });
        }
        let fragment = u16::from_be_bytes([f0, f1]);
        Ok(Self {
            dscp_ecn,
            total_len,
            id: u16::from_be_bytes([i0, i1]),
            dont_fragment: fragment & DONT_FRAGMENT != 0,
            more_fragments: fragment & MORE_FRAGMENTS != 0,
            fragment_offset: (fragment & OFFSET_MASK) * 8,
            ttl,
            protocol: Protocol(protocol),
            source: Ipv4Addr::new(s0, s1, s2, s3),
            destination: Ipv4Addr::new(d0, d1, d2, d3),
            header_len,
        })
    }

    /// Options and payload of the packet that this is the header of.
    #[inline]
    fn split<'a>(&self, packet: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (header, payload) = packet.split_at_checked(usize::from(self.header_len))?;
        Some((header.get(Self::LEN..)?, payload))
    }

    /// As [`parse`](Self::parse), and the checksum of the header must be right.
    ///
    /// # Errors
    ///
    /// [`ParseError`].
    #[inline]
    pub fn parse_verified(octets: &[u8]) -> Result<(Self, &[u8], &[u8]), ParseError> {
        let parsed = Self::parse(octets)?;
        if !Self::verify_checksum(octets) {
            return Err(ParseError::Checksum);
        }
        Ok(parsed)
    }

    /// Whether the checksum of the header that `octets` begin with is right.
    #[inline]
    #[must_use]
    pub fn verify_checksum(octets: &[u8]) -> bool {
        // The usual header has a length that the compiler knows.
        if let Some((header @ [0x45, ..], _)) = octets.split_first_chunk::<{ Self::LEN }>() {
            return checksum::sum(header).is_valid();
        }
        let header = octets
            .first()
            .and_then(|version_ihl| octets.get(..usize::from(version_ihl & 0x0f) * 4));
        header.is_some_and(|header| checksum::sum(header).is_valid())
    }

    /// Writes the header, `options` and the checksum over both.
    ///
    /// `out` is `header_len` octets, which are 20 and those of the options rounded up to a multiple of four
    /// ([`len_with_options`](Self::len_with_options)); what the options leave is filled with end-of-list octets. Less
    /// room is a mistake of the caller: nothing is written into fewer than 20 octets, and options are cut.
    #[inline]
    pub fn emit(&self, options: &[u8], out: &mut [u8]) {
        debug_assert_eq!(out.len(), usize::from(self.header_len));
        debug_assert!(Self::LEN + options.len() <= out.len());
        let Some((fixed, rest)) = out.split_first_chunk_mut::<{ Self::LEN }>() else {
            return;
        };
        let [l0, l1] = self.total_len.to_be_bytes();
        let [i0, i1] = self.id.to_be_bytes();
        let mut fragment = (self.fragment_offset / 8) & OFFSET_MASK;
        if self.dont_fragment {
            fragment |= DONT_FRAGMENT;
        }
        if self.more_fragments {
            fragment |= MORE_FRAGMENTS;
        }
        let [f0, f1] = fragment.to_be_bytes();
        let [s0, s1, s2, s3] = self.source.octets();
        let [d0, d1, d2, d3] = self.destination.octets();
        let version_ihl = 0x40 | (self.header_len / 4);
        *fixed = [
            version_ihl,
            self.dscp_ecn,
            l0,
            l1,
            i0,
            i1,
            f0,
            f1,
            self.ttl,
            self.protocol.0,
            0,
            0,
            s0,
            s1,
            s2,
            s3,
            d0,
            d1,
            d2,
            d3,
        ];
        let mut sum = checksum::sum(fixed);
        if !rest.is_empty() {
            crate::put_padded(rest, options);
            sum += &*rest;
        }
        let sum = sum.finish();
        let [c0, c1] = sum.to_be_bytes();
        let [_, _, _, _, _, _, _, _, _, _, high, low, ..] = fixed;
        (*high, *low) = (c0, c1);
    }

    /// The header length for options of so many octets; `None` above 40.
    #[must_use]
    pub fn len_with_options(options: usize) -> Option<u8> {
        let len = Self::LEN
            .checked_add(options)?
            .checked_next_multiple_of(4)?;
        u8::try_from(len).ok().filter(|_| len <= Self::MAX_LEN)
    }

    /// Whether this is a piece of a datagram and not a whole one.
    #[inline]
    #[must_use]
    pub const fn is_fragment(&self) -> bool {
        self.more_fragments || self.fragment_offset != 0
    }

    /// Octets behind the header.
    #[inline]
    #[must_use]
    pub fn payload_len(&self) -> usize {
        usize::from(self.total_len).saturating_sub(usize::from(self.header_len))
    }
}

/// Writes the checksum of the header that `packet` begins with, after a change in place.
///
/// A header that is not all there is left as it is.
pub fn fill_checksum(packet: &mut [u8]) {
    let header = packet
        .first()
        .map(|version_ihl| usize::from(version_ihl & 0x0f) * 4)
        .and_then(|len| packet.get_mut(..len));
    let Some(header) = header else { return };
    if let Some(field) = header.get_mut(10..12) {
        field.fill(0);
    }
    let sum = checksum::sum(header).finish();
    if let Some(field) = header.get_mut(10..12) {
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

/// Takes `hops` from the time to live of the packet and brings its checksum up to date; gives what is left.
///
/// `None`, and nothing is changed, if there are fewer hops left than that or fewer than twelve octets.
/// RFC 1812 §5.3.1; RFC 1624 for the checksum.
#[inline]
pub fn decrease_ttl(packet: &mut [u8], hops: u8) -> Option<u8> {
    let [_, _, _, _, _, _, _, _, ttl, protocol, c0, c1, ..] = packet else {
        return None;
    };
    let left = ttl.checked_sub(hops)?;
    let checksum = checksum::update(
        u16::from_be_bytes([*c0, *c1]),
        u16::from_be_bytes([*ttl, *protocol]),
        u16::from_be_bytes([left, *protocol]),
    );
    *ttl = left;
    [*c0, *c1] = checksum.to_be_bytes();
    Some(left)
}

/// Why octets are no IPv4 packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer than 20 octets.
    Short,
    /// A version that is not 4.
    Version(u8),
    /// A header length in octets below 20.
    HeaderLength(u8),
    /// A total length below the header length.
    TotalLength {
        /// The field.
        total_len: u16,
        /// Octets of header and options.
        header_len: u8,
    },
    /// Fewer octets than the total length.
    Truncated {
        /// The field.
        total_len: u16,
        /// Octets there are.
        available: usize,
    },
    /// The header's checksum is wrong.
    Checksum,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("packet shorter than its header"),
            Self::Version(version) => write!(f, "version {version}"),
            Self::HeaderLength(len) => write!(f, "header length of {len} octets"),
            Self::TotalLength {
                total_len,
                header_len,
            } => write!(
                f,
                "total length {total_len} below header length {header_len}"
            ),
            Self::Truncated {
                total_len,
                available,
            } => write!(f, "{available} octets of total length {total_len}"),
            Self::Checksum => f.write_str("header checksum wrong"),
        }
    }
}

impl core::error::Error for ParseError {}

#[cfg(test)]
mod tests;
