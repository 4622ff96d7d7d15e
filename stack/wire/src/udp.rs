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

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::{Header, ParseError, fill_checksum, verify_checksum};

    const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const DESTINATION: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
    const OCTETS: [u8; 11] = [
        0x0f, 0xa0, 0x00, 0x35, 0x00, 0x0b, 0x67, 0xfd, // header
        0x01, 0x02, 0x03, // data
    ];
    const HEADER: Header = Header {
        source_port: 4000,
        destination_port: 53,
        length: 11,
        checksum: 0x67fd,
    };

    #[test]
    fn golden_octets_both_ways() {
        assert_eq!(Header::parse(&OCTETS), Ok((HEADER, &[1, 2, 3][..])));
        let mut out = [0xee; Header::LEN];
        HEADER.emit(&mut out);
        assert_eq!(out, OCTETS[..8]);
    }

    #[test]
    fn data_ends_where_the_length_says() {
        let mut longer = [0xee; 20];
        longer[..11].copy_from_slice(&OCTETS);
        assert_eq!(Header::parse(&longer), Ok((HEADER, &[1, 2, 3][..])));
    }

    #[test]
    fn a_length_that_contradicts_the_packet_is_told() {
        assert_eq!(Header::parse(&OCTETS[..7]), Err(ParseError::Short));
        assert_eq!(
            Header::parse(&OCTETS[..10]),
            Err(ParseError::Length {
                length: 11,
                available: 10
            })
        );
        let mut short = OCTETS;
        short[5] = 7;
        assert_eq!(
            Header::parse(&short),
            Err(ParseError::Length {
                length: 7,
                available: 11
            })
        );
        short[5] = 8;
        assert_eq!(Header::parse(&short).unwrap().1, []);
    }

    #[test]
    fn checksum_covers_the_pseudo_header() {
        let mut datagram = OCTETS;
        datagram[6..8].fill(0xee);
        fill_checksum(SOURCE, DESTINATION, &mut datagram);
        assert_eq!(datagram, OCTETS);
        assert!(verify_checksum(SOURCE, DESTINATION, &datagram));
        assert!(!verify_checksum(SOURCE, SOURCE, &datagram));
        datagram[10] ^= 1;
        assert!(!verify_checksum(SOURCE, DESTINATION, &datagram));
    }

    #[test]
    fn no_checksum_is_right_always() {
        // RFC 768: zero means that the transmitter generated no checksum.
        let mut datagram = OCTETS;
        datagram[6..8].fill(0);
        assert!(verify_checksum(SOURCE, DESTINATION, &datagram));
    }

    #[test]
    fn a_checksum_of_zero_is_sent_as_ones() {
        // RFC 768; the last word brings the sum to all ones.
        let mut datagram = [0, 0, 0, 0, 0, 10, 0, 0, 0, 0];
        fill_checksum(SOURCE, DESTINATION, &mut datagram);
        let checksum = [datagram[6], datagram[7]];
        datagram[8..10].copy_from_slice(&checksum);
        fill_checksum(SOURCE, DESTINATION, &mut datagram);
        assert_eq!(datagram[6..8], [0xff, 0xff]);
        assert!(verify_checksum(SOURCE, DESTINATION, &datagram));
    }

    #[test]
    fn a_piece_of_a_header_is_left_alone() {
        let mut piece = [1, 2, 3, 4, 5, 6, 7];
        fill_checksum(SOURCE, DESTINATION, &mut piece);
        assert_eq!(piece, [1, 2, 3, 4, 5, 6, 7]);
    }
}
