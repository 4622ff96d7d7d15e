//! SESSION: RFC 2205 §A.1.

use core::fmt;
use std::net::{IpAddr, SocketAddr};

use fairway_wire::Protocol;

use super::{CType, ClassNum, Content, Object, ObjectError, Reader};

/// Which data flow a message is about: destination, protocol and port.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      DestAddress (4 octets; C-Type 2: IPv6, 16 octets)        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Protocol Id  |     Flags     |            DstPort            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Session {
    /// Where the data goes, unicast or multicast; never the unspecified address.
    pub destination: IpAddr,
    /// Its IP protocol; never zero.
    pub protocol: Protocol,
    /// Flag 0x01: no node on the way has policed the data yet. Not part of the session's identity.
    pub e_police: bool,
    /// Its destination port; zero stands for none.
    pub port: u16,
}

impl Session {
    const E_POLICE: u8 = 0x01;

    /// Whether both are one session: the flag is not looked at.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.destination == other.destination
            && self.protocol == other.protocol
            && self.port == other.port
    }
}

/// Protocol, address and port: `udp 239.1.2.3:5000`.
impl fmt::Display for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}",
            self.protocol,
            SocketAddr::new(self.destination, self.port)
        )
    }
}

impl Object for Session {
    const CLASS: ClassNum = ClassNum::SESSION;

    fn c_type(&self) -> CType {
        CType::of(self.destination)
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        let v6 = c_type.family()?;
        let mut reader = Reader::new(body.octets());
        let mut fields = || {
            let session = Self {
                destination: reader.address(v6)?,
                protocol: Protocol(reader.u8()?),
                e_police: reader.u8()? & Self::E_POLICE != 0,
                port: reader.u16()?,
            };
            reader.done(session)
        };
        let session = fields().ok_or(ObjectError::Size)?;
        // RFC 2205 §A.1: both must be non-zero.
        if session.destination.is_unspecified() {
            return Err(ObjectError::Value("destination is zero"));
        }
        if session.protocol.0 == 0 {
            return Err(ObjectError::Value("protocol is zero"));
        }
        Ok(session)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        put_address(self.destination, out);
        out.extend_from_slice(&[
            self.protocol.0,
            if self.e_police { Self::E_POLICE } else { 0 },
        ]);
        out.extend_from_slice(&self.port.to_be_bytes());
    }
}

/// Appends an address of either family.
pub(super) fn put_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(address) => out.extend_from_slice(&address.octets()),
        IpAddr::V6(address) => out.extend_from_slice(&address.octets()),
    }
}
