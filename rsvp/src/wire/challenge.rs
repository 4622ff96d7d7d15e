//! CHALLENGE: RFC 2747 §4.3.

use bytes::Bytes;

use super::{CType, ClassNum, Content, KeyId, Object, ObjectError, Reader};

/// What one asks to be signed, to learn the present sequence number of a key.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |           Reserved            |                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+                               +
/// |                        Key Identifier                         |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                       Challenge Cookie                        |
/// +                                                               +
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// RFC 2747 draws a cookie of 64 bits, RFC 3097 speaks of 32: any multiple of 32 is read, and given back as it came.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Challenge {
    /// The key to sign with.
    pub key_id: KeyId,
    /// Cannot be guessed; eight octets when we ask.
    pub cookie: Bytes,
}

impl Object for Challenge {
    const CLASS: ClassNum = ClassNum::CHALLENGE;

    fn c_type(&self) -> CType {
        CType(1)
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        if c_type != CType(1) {
            return Err(ObjectError::CType);
        }
        let mut reader = Reader::new(body.octets());
        let mut fields = || {
            let _reserved: [u8; 2] = reader.array()?;
            Some(KeyId::from_octets(reader.array()?))
        };
        let key_id = fields().ok_or(ObjectError::Size)?;
        if reader.is_empty() {
            return Err(ObjectError::Size);
        }
        Ok(Self {
            key_id,
            cookie: body.rest(reader).share(),
        })
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&self.key_id.octets());
        out.extend_from_slice(&self.cookie);
    }
}
