//! INTEGRITY: RFC 2747 §2.1.

use core::fmt;

use bytes::Bytes;

use super::{CType, ClassNum, Content, Object, ObjectError, Reader};

/// Which key a message is signed with: 48 bits, unique for a sender.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 6]);

impl KeyId {
    /// The identifier with this number; `None` if it has more than 48 bits.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        let [0, 0, octets @ ..] = number.to_be_bytes() else {
            return None;
        };
        Some(Self(octets))
    }

    /// The identifier as it is sent.
    #[must_use]
    pub const fn from_octets(octets: [u8; 6]) -> Self {
        Self(octets)
    }

    /// The octets that are sent.
    #[must_use]
    pub const fn octets(self) -> [u8; 6] {
        self.0
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        let [a, b, c, d, e, f] = self.0;
        u64::from_be_bytes([0, 0, a, b, c, d, e, f])
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.number())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// Key, sequence number and digest of the message that holds it.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |H|  Flags: 0   |   Reserved    |                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               +
/// |                        Key Identifier                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                        Sequence Number                        |
/// +                                                               +
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// //         Keyed Message Digest, a multiple of 4 octets        //
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// H is sent as 0x80, as the RFC numbers bits, and read there and at 0x01, where some have it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Integrity {
    /// Flag H: the sender answers challenges.
    pub handshake: bool,
    /// The key.
    pub key_id: KeyId,
    /// Rises from message to message under one key.
    pub sequence: u64,
    /// The digest: 16 octets of HMAC-MD5, 20 of HMAC-SHA-1.
    pub digest: Bytes,
}

impl Integrity {
    /// Flag H as it is sent.
    const HANDSHAKE: u8 = 0x80;
    /// Flag H for those who number bits from the other end.
    const HANDSHAKE_OTHERS: u8 = 0x01;
    /// Where the digest begins, counted from the begin of the message: RFC 2747 §2 puts the object behind the header.
    pub(crate) const DIGEST_OFFSET: usize = 28;
}

impl Object for Integrity {
    const CLASS: ClassNum = ClassNum::INTEGRITY;

    fn c_type(&self) -> CType {
        CType(1)
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        if c_type != CType(1) {
            return Err(ObjectError::CType);
        }
        let mut reader = Reader::new(body.octets());
        let mut fields = || {
            let [flags, _reserved] = reader.array()?;
            Some((
                flags,
                KeyId(reader.array()?),
                reader.array().map(u64::from_be_bytes)?,
            ))
        };
        let (flags, key_id, sequence) = fields().ok_or(ObjectError::Size)?;
        if reader.is_empty() {
            return Err(ObjectError::Size);
        }
        Ok(Self {
            handshake: flags & (Self::HANDSHAKE | Self::HANDSHAKE_OTHERS) != 0,
            key_id,
            sequence,
            digest: body.rest(reader).share(),
        })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[if self.handshake { Self::HANDSHAKE } else { 0 }, 0]);
        out.extend_from_slice(&self.key_id.0);
        out.extend_from_slice(&self.sequence.to_be_bytes());
        out.extend_from_slice(&self.digest);
    }
}
