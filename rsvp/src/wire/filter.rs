//! FILTER_SPEC and SENDER_TEMPLATE: RFC 2205 §A.9, §A.10. Both have the same forms.

use core::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{CType, ClassNum, Content, Object, ObjectError, Reader};

/// A sender's data packets: where they come from.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   SrcAddress (4 octets; C-Types 2 and 3: IPv6, 16 octets)     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |            zero               |            SrcPort            |   C-Types 1, 2
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     zero      |                  Flow Label                   |   C-Type 3
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sender {
    /// C-Type 1: IPv4 address and port, zero for none.
    V4(Ipv4Addr, u16),
    /// C-Type 2: IPv6 address and port, zero for none.
    V6(Ipv6Addr, u16),
    /// C-Type 3: IPv6 address and flow label, 24 bits.
    V6FlowLabel(Ipv6Addr, u32),
}

impl Sender {
    /// The source address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        match self {
            Self::V4(address, _) => IpAddr::V4(address),
            Self::V6(address, _) | Self::V6FlowLabel(address, _) => IpAddr::V6(address),
        }
    }

    /// The source port, zero for none; a flow label takes a port's place and has none.
    #[must_use]
    pub const fn port(self) -> Option<u16> {
        match self {
            Self::V4(_, port) | Self::V6(_, port) => Some(port),
            Self::V6FlowLabel(..) => None,
        }
    }

    const fn c_type(self) -> CType {
        match self {
            Self::V4(..) => CType(1),
            Self::V6(..) => CType(2),
            Self::V6FlowLabel(..) => CType(3),
        }
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        let mut reader = Reader::new(body.octets());
        let mut fields = || {
            let sender = match c_type {
                CType(1) => Self::V4(reader.ipv4()?, port(reader.u32()?)),
                CType(2) => Self::V6(reader.ipv6()?, port(reader.u32()?)),
                _ => Self::V6FlowLabel(reader.ipv6()?, reader.u32()? & 0x00ff_ffff),
            };
            reader.done(sender)
        };
        if !(1..=3).contains(&c_type.0) {
            return Err(ObjectError::CType);
        }
        let sender = fields().ok_or(ObjectError::Size)?;
        // RFC 2205 §A.9: the source address must be non-zero.
        if sender.address().is_unspecified() {
            return Err(ObjectError::Value("source address is zero"));
        }
        Ok(sender)
    }

    fn emit(self, out: &mut Vec<u8>) {
        match self {
            Self::V4(address, port) => {
                out.extend_from_slice(&address.octets());
                out.extend_from_slice(&u32::from(port).to_be_bytes());
            }
            Self::V6(address, port) => {
                out.extend_from_slice(&address.octets());
                out.extend_from_slice(&u32::from(port).to_be_bytes());
            }
            Self::V6FlowLabel(address, label) => {
                out.extend_from_slice(&address.octets());
                out.extend_from_slice(&(label & 0x00ff_ffff).to_be_bytes());
            }
        }
    }
}

/// Address and port, or address and flow label: `10.0.0.2:6000`, `2001:db8::2 label 0xabcde`.
impl fmt::Display for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V4(address, port) => fmt::Display::fmt(&SocketAddr::from((address, port)), f),
            Self::V6(address, port) => fmt::Display::fmt(&SocketAddr::from((address, port)), f),
            Self::V6FlowLabel(address, label) => write!(f, "{address} label {label:#x}"),
        }
    }
}

impl From<SocketAddr> for Sender {
    fn from(address: SocketAddr) -> Self {
        match address {
            SocketAddr::V4(v4) => Self::V4(*v4.ip(), v4.port()),
            SocketAddr::V6(v6) => Self::V6(*v6.ip(), v6.port()),
        }
    }
}

/// The low 16 of 32 bits; the others are unused and ignored.
const fn port(word: u32) -> u16 {
    let [_, _, high, low] = word.to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// The packets that a reservation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilterSpec(pub Sender);

/// The packets that a sender sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SenderTemplate(pub Sender);

impl fmt::Display for FilterSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Object for FilterSpec {
    const CLASS: ClassNum = ClassNum::FILTER_SPEC;

    fn c_type(&self) -> CType {
        self.0.c_type()
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        Sender::parse(c_type, body).map(Self)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        self.0.emit(out);
    }
}

impl fmt::Display for SenderTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Object for SenderTemplate {
    const CLASS: ClassNum = ClassNum::SENDER_TEMPLATE;

    fn c_type(&self) -> CType {
        self.0.c_type()
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        Sender::parse(c_type, body).map(Self)
    }

    fn emit(&self, out: &mut Vec<u8>) {
        self.0.emit(out);
    }
}
