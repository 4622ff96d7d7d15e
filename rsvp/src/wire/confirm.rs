//! RESV_CONFIRM: RFC 2205 §A.14.

use std::net::IpAddr;

use super::session::put_address;
use super::{CType, ClassNum, Content, Object, ObjectError, Reader};

/// The receiver that wants to hear that its reservation stands.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Receiver Address (4 octets; C-Type 2: IPv6, 16 octets)    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ResvConfirm {
    /// Where the ResvConf goes.
    pub receiver: IpAddr,
}

impl Object for ResvConfirm {
    const CLASS: ClassNum = ClassNum::RESV_CONFIRM;

    fn c_type(&self) -> CType {
        CType::of(self.receiver)
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        let v6 = c_type.family()?;
        let mut reader = Reader::new(body.octets());
        let receiver = reader.address(v6).ok_or(ObjectError::Size)?;
        reader.done(Self { receiver }).ok_or(ObjectError::Size)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        put_address(self.receiver, out);
    }
}
