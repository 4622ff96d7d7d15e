//! `struct sockaddr_in` and `struct sockaddr_in6`, as Linux has them.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use crate::code::Code;
use crate::fields::{Fields, Octets};

pub(crate) const AF_INET: u16 = 2;
pub(crate) const AF_INET6: u16 = 10;
/// Octets of `struct sockaddr_in`.
pub(crate) const LEN_V4: usize = 16;
/// Octets of `struct sockaddr_in6`.
pub(crate) const LEN_V6: usize = 28;

/// Octets of the structure of a family; `RAPI_ERR_INVAL` if it is neither of the two.
pub(crate) const fn len(family: u16) -> Result<usize, Code> {
    match family {
        AF_INET => Ok(LEN_V4),
        AF_INET6 => Ok(LEN_V6),
        _ => Err(Code::INVAL),
    }
}

/// Reads a structure by its family.
pub(crate) fn read(octets: &[u8]) -> Result<SocketAddr, Code> {
    match Fields::new(octets).u16()? {
        AF_INET => read_v4(octets),
        AF_INET6 => read_v6(octets),
        _ => Err(Code::INVAL),
    }
}

/// Reads a `sockaddr_in`, whatever its family field says.
pub(crate) fn read_v4(octets: &[u8]) -> Result<SocketAddr, Code> {
    let mut fields = Fields::new(octets);
    let _family = fields.u16()?;
    let port = u16::from_be_bytes(fields.array()?);
    let address: [u8; 4] = fields.array()?;
    let _zero: [u8; 8] = fields.array()?;
    Ok((address, port).into())
}

/// Reads a `sockaddr_in6`, whatever its family field says.
pub(crate) fn read_v6(octets: &[u8]) -> Result<SocketAddr, Code> {
    let mut fields = Fields::new(octets);
    let _family = fields.u16()?;
    let port = u16::from_be_bytes(fields.array()?);
    let flow = u32::from_be_bytes(fields.array()?);
    let address: [u8; 16] = fields.array()?;
    let scope = fields.u32()?;
    Ok(SocketAddrV6::new(address.into(), port, flow, scope).into())
}

/// Appends the structure of an address.
pub(crate) fn put(address: SocketAddr, out: &mut Octets) {
    match address {
        SocketAddr::V4(v4) => {
            out.u16(AF_INET).raw(&v4.port().to_be_bytes());
            out.raw(&v4.ip().octets()).pad(8);
        }
        SocketAddr::V6(v6) => {
            out.u16(AF_INET6).raw(&v6.port().to_be_bytes());
            out.raw(&v6.flowinfo().to_be_bytes()).raw(&v6.ip().octets());
            out.u32(v6.scope_id());
        }
    }
}

/// An address that is one of this host's own interfaces; the wildcard address is none in particular.
pub(crate) fn specified(address: SocketAddr) -> Option<IpAddr> {
    Some(address.ip()).filter(|ip| !ip.is_unspecified())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_they_were_written() {
        for address in ["10.0.0.1:5000", "[2001:db8::1]:6000"] {
            let address: SocketAddr = address.parse().unwrap();
            let mut out = Octets::default();
            put(address, &mut out);
            assert_eq!(read(&out.0), Ok(address));
            assert_eq!(read(&out.0[..out.0.len() - 1]), Err(Code::OBJLEN));
        }
        assert_eq!(read(&[1, 0, 0, 0]), Err(Code::INVAL));
    }
}
