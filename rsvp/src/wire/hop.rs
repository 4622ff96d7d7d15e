//! RSVP_HOP: RFC 2205 §A.2.

use core::fmt;
use std::net::IpAddr;

use super::session::put_address;
use super::{CType, ClassNum, Content, Object, ObjectError, Reader};

/// The interface by which the last node that knows RSVP sent the message.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Next/Previous Hop Address (4 octets; C-Type 2: IPv6, 16)     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                   Logical Interface Handle                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RsvpHop {
    /// Address of that interface; unicast.
    pub address: IpAddr,
    /// The handle that the sender of the Path made; whoever answers echoes it. Zero if there is none.
    pub handle: u32,
}

/// Address, and the handle if there is one: `10.0.0.1 handle 0x8000403`.
impl fmt::Display for RsvpHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        match self.handle {
            0 => Ok(()),
            handle => write!(f, " handle {handle:#x}"),
        }
    }
}

impl Object for RsvpHop {
    const CLASS: ClassNum = ClassNum::RSVP_HOP;

    fn c_type(&self) -> CType {
        CType::of(self.address)
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        let v6 = c_type.family()?;
        let mut reader = Reader::new(body.octets());
        let mut fields = || {
            let hop = Self {
                address: reader.address(v6)?,
                handle: reader.u32()?,
            };
            reader.done(hop)
        };
        let hop = fields().ok_or(ObjectError::Size)?;
        // RFC 2205 §3.1.3: messages go to this address, so it has to be one host's. An illegal one is logged only.
        let broadcast = matches!(hop.address, IpAddr::V4(address) if address.is_broadcast());
        if hop.address.is_unspecified() || hop.address.is_multicast() || broadcast {
            return Err(ObjectError::Value("illegal hop address"));
        }
        Ok(hop)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        put_address(self.address, out);
        out.extend_from_slice(&self.handle.to_be_bytes());
    }
}
