//! HELLO: RFC 3209 §5.2.

use super::{CType, ClassNum, Content, Object, ObjectError, Reader};

/// Which of the two forms a HELLO has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HelloKind {
    /// C-Type 1: the other end answers.
    Request,
    /// C-Type 2: the answer.
    Ack,
}

/// Both ends' instances, each changed by a restart.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         Src_Instance                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         Dst_Instance                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Hello {
    /// Asked or answered.
    pub kind: HelloKind,
    /// The sender's instance; zero is not used by those who keep the rules, and is for the receiver to judge.
    pub source_instance: u32,
    /// The receiver's instance as the sender last saw it; zero if it never did.
    pub destination_instance: u32,
}

impl Object for Hello {
    const CLASS: ClassNum = ClassNum::HELLO;

    fn c_type(&self) -> CType {
        match self.kind {
            HelloKind::Request => CType(1),
            HelloKind::Ack => CType(2),
        }
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        let kind = match c_type {
            CType(1) => HelloKind::Request,
            CType(2) => HelloKind::Ack,
            _ => return Err(ObjectError::CType),
        };
        let mut reader = Reader::new(body.octets());
        let mut fields = || {
            let hello = Self {
                kind,
                source_instance: reader.u32()?,
                destination_instance: reader.u32()?,
            };
            reader.done(hello)
        };
        fields().ok_or(ObjectError::Size)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.source_instance.to_be_bytes());
        out.extend_from_slice(&self.destination_instance.to_be_bytes());
    }
}
