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

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::{Flags, Header, ParseError, SeqNumber, fill_checksum, verify_checksum};

    const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const DESTINATION: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
    const OCTETS: [u8; 26] = [
        0x9c, 0x40, 0x00, 0x50, // ports
        0x01, 0x02, 0x03, 0x04, // sequence number
        0x05, 0x06, 0x07, 0x08, // acknowledgment number
        0x60, 0x1a, 0x20, 0x00, // offset, flags, window
        0xab, 0xcd, 0x00, 0x05, // checksum, urgent pointer
        0x02, 0x04, 0x05, 0xb4, // maximum segment size
        0x68, 0x69, // data
    ];
    const HEADER: Header = Header {
        source_port: 40_000,
        destination_port: 80,
        seq: SeqNumber(0x0102_0304),
        ack: SeqNumber(0x0506_0708),
        header_len: 24,
        flags: Flags(0x1a),
        window: 0x2000,
        checksum: 0xabcd,
        urgent: 5,
    };

    #[test]
    fn golden_octets_both_ways() {
        let (header, options, data) = Header::parse(&OCTETS).unwrap();
        assert_eq!(header, HEADER);
        assert_eq!(header.flags, Flags::SYN | Flags::PSH | Flags::ACK);
        assert_eq!((options, data), (&OCTETS[20..24], &b"hi"[..]));
        let mut out = [0xee; 24];
        header.emit(options, &mut out);
        assert_eq!(out, OCTETS[..24]);
    }

    #[test]
    fn options_are_padded_with_end_of_list() {
        // RFC 9293 §3.1 (MUST-69): the header padding must be composed of zeros.
        let mut out = [0xee; 24];
        HEADER.emit(&[3, 3, 7], &mut out);
        assert_eq!(out[20..], [3, 3, 7, 0]);
    }

    #[test]
    fn a_header_must_all_be_there() {
        assert_eq!(Header::parse(&OCTETS[..19]), Err(ParseError::Short));
        assert_eq!(
            Header::parse(&OCTETS[..23]),
            Err(ParseError::HeaderLength(24))
        );
        let mut octets = OCTETS;
        octets[12] = 0x40;
        assert_eq!(Header::parse(&octets), Err(ParseError::HeaderLength(16)));
        octets[12] = 0xf0;
        assert_eq!(Header::parse(&octets), Err(ParseError::HeaderLength(60)));
    }

    #[test]
    fn reserved_bits_are_ignored() {
        // RFC 9293 §3.1: reserved bits must be ignored in received segments.
        let mut octets = OCTETS;
        octets[12] |= 0x0f;
        assert_eq!(Header::parse(&octets).unwrap().0, HEADER);
    }

    #[test]
    fn checksum_covers_the_pseudo_header() {
        // RFC 9293 §3.1 (MUST-2, MUST-3).
        let mut segment = OCTETS;
        assert!(!verify_checksum(SOURCE, DESTINATION, &segment));
        fill_checksum(SOURCE, DESTINATION, &mut segment);
        assert!(verify_checksum(SOURCE, DESTINATION, &segment));
        assert!(!verify_checksum(SOURCE, SOURCE, &segment));
        segment[25] ^= 0x80;
        assert!(!verify_checksum(SOURCE, DESTINATION, &segment));
    }

    #[test]
    fn sequence_numbers_of_a_segment_are_those_of_its_data_and_flags() {
        // RFC 9293 §3.4: SEG.LEN counts SYN and FIN.
        assert_eq!(HEADER.sequence_len(2), 3);
        let finished = Header {
            flags: Flags::FIN | Flags::ACK,
            ..HEADER
        };
        assert_eq!(finished.sequence_len(0), 1);
    }
}
