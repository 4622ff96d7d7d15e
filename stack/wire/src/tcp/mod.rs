//! The Transmission Control Protocol's segments: RFC 9293 §3.1.

mod flags;
mod options;
mod seq;

use core::fmt;
use core::net::Ipv4Addr;

pub use flags::Flags;
pub use options::{
    MAX_OPTIONS_LEN, OptionIter, OptionKind, Options, SackBlock, SackBlocks, TcpOption, Timestamps,
};
pub use seq::SeqNumber;

use crate::{Protocol, checksum};

/// The fixed part of a segment's header.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          Source port          |       Destination port        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        Sequence number                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Acknowledgment number                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Data  |       |C|E|U|A|P|R|S|F|                               |
/// | offset| Rsrvd |W|C|R|C|S|S|Y|I|            Window             |
/// |       |       |R|E|G|K|H|T|N|N|                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Checksum            |        Urgent pointer         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                          Options …                            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// RFC 9293 §3.1: the reserved bits are sent as zero and ignored when received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Port of the sender.
    pub source_port: u16,
    /// Port of the receiver.
    pub destination_port: u16,
    /// Number of the first octet of data, or of the SYN.
    pub seq: SeqNumber,
    /// The next number expected; meaningful with [`Flags::ACK`].
    pub ack: SeqNumber,
    /// Octets of the header with its options: the data offset times four, 20 to 60.
    pub header_len: u8,
    /// Control bits.
    pub flags: Flags,
    /// Receive window, not yet scaled (RFC 7323 §2).
    pub window: u16,
    /// Checksum over pseudo-header, header and data.
    pub checksum: u16,
    /// Offset of the urgent data; meaningful with [`Flags::URG`].
    pub urgent: u16,
}

impl Header {
    /// Octets of a header without options.
    pub const LEN: usize = 20;

    /// The header, its options and the data.
    ///
    /// # Errors
    ///
    /// [`ParseError`] if the header is not all there.
    #[inline]
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8], &[u8]), ParseError> {
        let Some((fixed, rest)) = octets.split_first_chunk::<{ Self::LEN }>() else {
            return Err(ParseError::Short);
        };
        let [
            s0,
            s1,
            d0,
            d1,
            q0,
            q1,
            q2,
            q3,
            a0,
            a1,
            a2,
            a3,
            offset,
            flags,
            w0,
            w1,
            c0,
            c1,
            u0,
            u1,
        ] = *fixed;
        let header_len = (offset >> 4) * 4;
        let split = usize::from(header_len)
            .checked_sub(Self::LEN)
            .and_then(|len| rest.split_at_checked(len));
        let Some((options, payload)) = split else {
            return Err(ParseError::HeaderLength(header_len));
        };
        let header = Self {
            source_port: u16::from_be_bytes([s0, s1]),
            destination_port: u16::from_be_bytes([d0, d1]),
            seq: SeqNumber(u32::from_be_bytes([q0, q1, q2, q3])),
            ack: SeqNumber(u32::from_be_bytes([a0, a1, a2, a3])),
            header_len,
            flags: Flags(flags),
            window: u16::from_be_bytes([w0, w1]),
            checksum: u16::from_be_bytes([c0, c1]),
            urgent: u16::from_be_bytes([u0, u1]),
        };
        Ok((header, options, payload))
    }

    /// Writes the header and `options`, with the checksum field as it is; [`fill_checksum`] then computes it.
    ///
    /// `out` is `header_len` octets, which are 20 and those of the options rounded up to a multiple of four; what
    /// the options leave is filled with end-of-list octets. Less room is a mistake of the caller: nothing is written
    /// into fewer than 20 octets, and options are cut.
    #[inline]
    pub fn emit(&self, options: &[u8], out: &mut [u8]) {
        debug_assert_eq!(out.len(), usize::from(self.header_len));
        debug_assert!(Self::LEN + options.len() <= out.len());
        let Some((fixed, rest)) = out.split_first_chunk_mut::<{ Self::LEN }>() else {
            return;
        };
        let [s0, s1] = self.source_port.to_be_bytes();
        let [d0, d1] = self.destination_port.to_be_bytes();
        let [q0, q1, q2, q3] = self.seq.0.to_be_bytes();
        let [a0, a1, a2, a3] = self.ack.0.to_be_bytes();
        let offset = (self.header_len / 4) << 4;
        let [w0, w1] = self.window.to_be_bytes();
        let [c0, c1] = self.checksum.to_be_bytes();
        let [u0, u1] = self.urgent.to_be_bytes();
        *fixed = [
            s0,
            s1,
            d0,
            d1,
            q0,
            q1,
            q2,
            q3,
            a0,
            a1,
            a2,
            a3,
            offset,
            self.flags.0,
            w0,
            w1,
            c0,
            c1,
            u0,
            u1,
        ];
        crate::put_padded(rest, options);
    }

    /// Sequence numbers that a segment with this header and `payload_len` octets of data takes up: SEG.LEN of
    /// RFC 9293 §3.4.
    #[inline]
    #[must_use]
    pub fn sequence_len(&self, payload_len: usize) -> u32 {
        let end = SeqNumber(self.flags.sequence_len()) + payload_len;
        end.0
    }
}

/// Whether the checksum of `segment` (header and data) is right.
#[inline]
#[must_use]
pub fn verify_checksum(source: Ipv4Addr, destination: Ipv4Addr, segment: &[u8]) -> bool {
    let pseudo = checksum::pseudo_header(source, destination, Protocol::TCP, segment.len());
    (pseudo + segment).is_valid()
}

/// Computes the checksum of `segment` (header and data) and writes it into the header.
///
/// Fewer than 18 octets are left as they are.
#[inline]
pub fn fill_checksum(source: Ipv4Addr, destination: Ipv4Addr, segment: &mut [u8]) {
    let pseudo = checksum::pseudo_header(source, destination, Protocol::TCP, segment.len());
    if let Some(field) = segment.get_mut(16..18) {
        field.fill(0);
    }
    let computed = (pseudo + &*segment).finish();
    if let Some(field) = segment.get_mut(16..18) {
        field.copy_from_slice(&computed.to_be_bytes());
    }
}

/// Why octets are no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer than 20 octets.
    Short,
    /// The header length in octets is below 20, or above what there is.
    HeaderLength(u8),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("segment shorter than its header"),
            Self::HeaderLength(len) => write!(f, "header length of {len} octets"),
        }
    }
}

impl core::error::Error for ParseError {}
