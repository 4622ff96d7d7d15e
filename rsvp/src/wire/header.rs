//! The common header: RFC 2205 §3.1.1, RFC 2961 §2, RFC 3209 §5.

use fairway_wire::checksum;

use crate::error::DecodeErrorKind;
use fairway_wire::numbers;

numbers! {
    /// What a message is (RFC 2205 §3.1.1, IANA "Message Types"); unknown ones survive and print as numbers.
    MessageType(u8), "message type {}" {
        /// Path, RFC 2205 §3.1.3.
        PATH = 1, "Path";
        /// Resv, RFC 2205 §3.1.4.
        RESV = 2, "Resv";
        /// PathErr, RFC 2205 §3.1.7.
        PATH_ERR = 3, "PathErr";
        /// ResvErr, RFC 2205 §3.1.8.
        RESV_ERR = 4, "ResvErr";
        /// PathTear, RFC 2205 §3.1.5.
        PATH_TEAR = 5, "PathTear";
        /// ResvTear, RFC 2205 §3.1.6.
        RESV_TEAR = 6, "ResvTear";
        /// ResvConf, RFC 2205 §3.1.9.
        RESV_CONF = 7, "ResvConf";
        /// Diagnostic request, RFC 2745; named, not read.
        DREQ = 8, "DREQ";
        /// Diagnostic reply, RFC 2745; named, not read.
        DREP = 9, "DREP";
        /// Bundle, RFC 2961 §3.
        BUNDLE = 12, "Bundle";
        /// Ack, RFC 2961 §4.4.
        ACK = 13, "Ack";
        /// Srefresh, RFC 2961 §5.1.
        SREFRESH = 15, "Srefresh";
        /// Hello, RFC 3209 §5.
        HELLO = 20, "Hello";
        /// Integrity Challenge, RFC 2747 §4.3 with the number of RFC 3097.
        CHALLENGE = 25, "Challenge";
        /// Integrity Response, RFC 2747 §4.3 with the number of RFC 3097.
        RESPONSE = 26, "Response";
    }
}

/// The flags of the header, four bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct HeaderFlags(u8);

impl HeaderFlags {
    /// No flag, as RFC 2205 alone has it.
    pub const NONE: Self = Self(0);
    /// The sender understands Bundle, message identifiers, Ack and Srefresh: RFC 2961 §2.
    pub const REFRESH_REDUCTION: Self = Self(1);

    /// Whether the sender does refresh reduction. Other bits mean nothing and are not kept.
    #[must_use]
    pub const fn refresh_reduction(self) -> bool {
        self.0 & 1 != 0
    }
}

/// The eight octets in front of every message.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Vers=1| Flags |   Msg Type    |         RSVP Checksum         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Send_TTL    |   Reserved    |          RSVP Length          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the sender can do.
    pub flags: HeaderFlags,
    /// What follows.
    pub message_type: MessageType,
    /// One's complement of the one's complement sum of the message; zero if the sender made none.
    pub checksum: u16,
    /// The IP TTL with which the message was sent; another one on arrival tells of a hop without RSVP.
    pub send_ttl: u8,
    /// Octets of the whole message, this header among them.
    pub length: u16,
}

impl Header {
    /// Octets of the header.
    pub const LEN: usize = 8;
    /// RFC 2205 §3.1.1: the protocol version.
    pub const VERSION: u8 = 1;

    /// The header and the objects behind it, if `message` is one whole message.
    ///
    /// `message` is the payload of one IP (or UDP) datagram. The checksum is not looked at: [`verify_checksum`] does.
    ///
    /// # Errors
    ///
    /// Fewer octets than a header, another version, a length that is not that of the datagram or no multiple of four.
    #[inline]
    pub fn parse(message: &[u8]) -> Result<(Self, &[u8]), DecodeErrorKind> {
        let Some((octets, objects)) = message.split_first_chunk::<{ Self::LEN }>() else {
            return Err(DecodeErrorKind::Short);
        };
        // RFC 2205 appendix A: unused fields are ignored on receipt; so is the reserved octet.
        let [first, message_type, c0, c1, send_ttl, _reserved, l0, l1] = *octets;
        if first >> 4 != Self::VERSION {
            return Err(DecodeErrorKind::Version(first >> 4));
        }
        let length = u16::from_be_bytes([l0, l1]);
        if usize::from(length) != message.len() || !length.is_multiple_of(4) {
            return Err(DecodeErrorKind::Length {
                length,
                actual: message.len(),
            });
        }
        let header = Self {
            flags: HeaderFlags(first & HeaderFlags::REFRESH_REDUCTION.0),
            message_type: MessageType(message_type),
            checksum: u16::from_be_bytes([c0, c1]),
            send_ttl,
            length,
        };
        Ok((header, objects))
    }

    /// Writes the header, its checksum field as it is; [`fill_checksum`] then computes it.
    #[inline]
    pub fn emit(&self, out: &mut [u8; Self::LEN]) {
        let [c0, c1] = self.checksum.to_be_bytes();
        let [l0, l1] = self.length.to_be_bytes();
        *out = [
            Self::VERSION << 4 | self.flags.0,
            self.message_type.0,
            c0,
            c1,
            self.send_ttl,
            0,
            l0,
            l1,
        ];
    }
}

/// Whether the checksum of a whole message is right or was not sent.
#[inline]
#[must_use]
pub fn verify_checksum(message: &[u8]) -> bool {
    // RFC 2205 §3.1.1: an all-zero value means that no checksum was transmitted.
    if let [_, _, 0, 0, ..] = message {
        return true;
    }
    checksum::sum(message).is_valid()
}

/// Computes the checksum of a whole message and writes it into the header.
///
/// Fewer than eight octets are left as they are.
#[inline]
pub fn fill_checksum(message: &mut [u8]) {
    if message.len() < Header::LEN {
        return;
    }
    if let Some(field) = message.get_mut(2..4) {
        field.fill(0);
    }
    let computed = checksum::sum(message).finish();
    // Zero would mean "none": its other form in one's complement says the same.
    let sent = if computed == 0 { u16::MAX } else { computed };
    if let Some(field) = message.get_mut(2..4) {
        field.copy_from_slice(&sent.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An Srefresh of ids 7 and 9, epoch 0x123456, TTL 64.
    const SREFRESH: [u8; 24] = [
        0x11, 0x0f, 0x61, 0x4f, 0x40, 0, 0, 0x18, 0, 0x10, 0x19, 1, 0, 0x12, 0x34, 0x56, 0, 0, 0,
        7, 0, 0, 0, 9,
    ];

    #[test]
    fn golden_octets_both_ways() {
        let (header, objects) = Header::parse(&SREFRESH).unwrap();
        assert_eq!(objects.len(), 16);
        assert_eq!(
            header,
            Header {
                flags: HeaderFlags::REFRESH_REDUCTION,
                message_type: MessageType::SREFRESH,
                checksum: 0x614f,
                send_ttl: 64,
                length: 24,
            }
        );
        let mut out = [0; 8];
        header.emit(&mut out);
        assert_eq!(out, SREFRESH[..8]);
    }

    /// RFC 2205 §3.1.1.
    #[test]
    fn checksum_zero_is_none_and_others_count() {
        assert!(verify_checksum(&SREFRESH));
        let mut message = SREFRESH;
        message[23] ^= 1;
        assert!(!verify_checksum(&message));
        message[2..4].fill(0);
        assert!(verify_checksum(&message));
        fill_checksum(&mut message);
        assert!(verify_checksum(&message));
        let mut again = SREFRESH;
        fill_checksum(&mut again);
        assert_eq!(again, SREFRESH);
    }

    #[test]
    fn computed_zero_is_sent_as_all_ones() {
        // The rest of this header sums to 0xffff, so the complement is zero.
        let mut message = [0x10, 1, 0, 0, 0, 0, 0xef, 0xfe];
        fill_checksum(&mut message);
        assert_eq!(message[2..4], [0xff, 0xff]);
        assert!(verify_checksum(&message));
    }

    /// RFC 2205 §3.1.1: what is no message.
    #[test]
    fn broken_headers_say_what_is_wrong() {
        assert_eq!(Header::parse(&SREFRESH[..7]), Err(DecodeErrorKind::Short));
        assert!(matches!(
            Header::parse(&SREFRESH[..20]),
            Err(DecodeErrorKind::Length {
                length: 24,
                actual: 20
            })
        ));
        let mut message = SREFRESH;
        message[0] = 0x21;
        assert_eq!(Header::parse(&message), Err(DecodeErrorKind::Version(2)));
        let odd = [0x10, 1, 0, 0, 0, 0, 0, 9, 0];
        assert!(matches!(
            Header::parse(&odd),
            Err(DecodeErrorKind::Length {
                length: 9,
                actual: 9
            })
        ));
    }
}
