//! The packet that an error message is about: RFC 792, RFC 1122 §3.2.2.

use core::net::Ipv4Addr;

use crate::ipv4;
use crate::{Protocol, SeqNumber};

/// What an error message quotes of the packet in error: its header and at least the first eight octets behind it.
///
/// RFC 1122 §3.2.2: enough to find the user process that the error is for. RFC 1812 §4.3.2.3 has routers quote as
/// much as fits into 576 octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Original<'a> {
    /// Its header, as the sender of the error saw it.
    pub header: ipv4::Header,
    /// Its options.
    pub options: &'a [u8],
    /// What is quoted of its payload.
    pub payload: &'a [u8],
}

impl<'a> Original<'a> {
    /// Reads what follows the header of an error message.
    ///
    /// Its checksum is not looked at: routers change the header before they send the error.
    ///
    /// # Errors
    ///
    /// [`ipv4::ParseError`] if it does not begin with a whole IPv4 header.
    pub fn parse(octets: &'a [u8]) -> Result<Self, ipv4::ParseError> {
        let (header, options, payload) = ipv4::Header::parse_quoted(octets)?;
        Ok(Self {
            header,
            options,
            payload,
        })
    }

    /// Where the packet was going: the address to which an error applies.
    #[must_use]
    pub const fn destination(&self) -> Ipv4Addr {
        self.header.destination
    }

    /// Source and destination port of TCP or UDP, unless this is a later fragment or too little is quoted.
    #[must_use]
    pub fn ports(&self) -> Option<(u16, u16)> {
        if self.header.fragment_offset != 0
            || !matches!(self.header.protocol, Protocol::TCP | Protocol::UDP)
        {
            return None;
        }
        let [s0, s1, d0, d1] = *self.payload.first_chunk::<4>()?;
        Some((u16::from_be_bytes([s0, s1]), u16::from_be_bytes([d0, d1])))
    }

    /// The sequence number of TCP, which tells whether the error is about something in flight (RFC 5927 §4.1).
    #[must_use]
    pub fn tcp_seq(&self) -> Option<SeqNumber> {
        if self.header.fragment_offset != 0 || self.header.protocol != Protocol::TCP {
            return None;
        }
        let [.., a, b, c, d] = *self.payload.first_chunk::<8>()?;
        Some(SeqNumber(u32::from_be_bytes([a, b, c, d])))
    }
}
