//! The User Datagram Protocol: RFC 768, RFC 1122 §4.1.

use core::fmt;
use core::net::Ipv4Addr;

use crate::{Protocol, checksum};

/// The eight octets in front of every datagram.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          Source port          |       Destination port        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |            Length             |           Checksum            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Port of the sender; zero if it expects no answer.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// Octets of header and data, at least eight.
    pub length: u16,
    /// Checksum over pseudo-header, header and data; zero if the sender made none.
    pub checksum: u16,
}

impl Header {
    /// Octets of the header.
    pub const LEN: usize = 8;

    /// The header and its data, cut to what the length field says.
    ///
    /// # Errors
    ///
    /// [`ParseError`] if there are fewer than eight octets or the length field contradicts what is there.
    #[inline]
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let Some((header, rest)) = octets.split_first_chunk::<{ Self::LEN }>() else {
            return Err(ParseError::Short);
        };
        let [s0, s1, d0, d1, l0, l1, c0, c1] = *header;
        let length = u16::from_be_bytes([l0, l1]);
        let payload = usize::from(length)
            .checked_sub(Self::LEN)
            .and_then(|len| rest.get(..len));
        let Some(payload) = payload else {
            return Err(ParseError::Length {
                length,
                available: octets.len(),
            });
        };
        let header = Self {
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
            length,
            checksum: u16::from_be_bytes([c0, c1]),
        };
        Ok((header, payload))
    }

    /// Writes the header with its checksum field as it is; [`fill_checksum`] then computes it.
    #[inline]
    pub fn emit(&self, out: &mut [u8; Self::LEN]) {
        let [s0, s1] = self.source_port.to_be_bytes();
        let [d0, d1] = self.destination_port.to_be_bytes();
        let [l0, l1] = self.length.to_be_bytes();
        let [c0, c1] = self.checksum.to_be_bytes();
        *out = [s0, s1, d0, d1, l0, l1, c0, c1];
    }
}

/// Whether the checksum of `datagram` (header and data, cut to the length field) is right or absent.
#[inline]
#[must_use]
pub fn verify_checksum(source: Ipv4Addr, destination: Ipv4Addr, datagram: &[u8]) -> bool {
    // RFC 768: an all zero transmitted checksum means that the transmitter generated none.
    if let [_, _, _, _, _, _, 0, 0, ..] = datagram {
        return true;
    }
    let pseudo = checksum::pseudo_header(source, destination, Protocol::UDP, datagram.len());
    (pseudo + datagram).is_valid()
}

/// Computes the checksum of `datagram` (header and data) and writes it into the header.
///
/// Fewer than eight octets are left as they are.
#[inline]
pub fn fill_checksum(source: Ipv4Addr, destination: Ipv4Addr, datagram: &mut [u8]) {
    let pseudo = checksum::pseudo_header(source, destination, Protocol::UDP, datagram.len());
    if let Some(field) = datagram.get_mut(6..8) {
        field.fill(0);
    }
    let computed = (pseudo + &*datagram).finish();
    // RFC 768: a computed zero is transmitted as all ones, its equivalent, since zero means "none".
    let sent = if computed == 0 { u16::MAX } else { computed };
    if let Some(field) = datagram.get_mut(6..8) {
        field.copy_from_slice(&sent.to_be_bytes());
    }
}

/// Why octets are no datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer than eight octets.
    Short,
    /// The length field is below eight, or above what there is.
    Length {
        /// The field.
        length: u16,
        /// Octets that the IP packet carries.
        available: usize,
    },
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("datagram shorter than its header"),
            Self::Length { length, available } => {
                write!(f, "length field {length} in {available} octets")
            }
        }
    }
}

impl core::error::Error for ParseError {}
