//! What only route netlink tells of an interface (rtnetlink(7)).

use nix::libc::{AF_NETLINK, IFLA_MTU, NETLINK_ROUTE, NLM_F_REQUEST, RTM_GETLINK, RTM_NEWLINK};
use socket2::{Domain, Protocol, Socket, Type};
use std::io::{self, Read as _, Write as _};

/// Octets of `struct nlmsghdr`, of `struct ifinfomsg`, and of what precedes an attribute's value.
const HEADER: usize = 16;
const LINK: usize = 16;
const ATTRIBUTE: usize = 4;
/// The kernel writes no longer datagram to whoever can take as much.
const LONGEST: usize = 32 << 10;

/// Asks the kernel for the interfaces of the network namespace that it was made in, one at a time. `/sys` shows those of
/// another where nobody has mounted it anew.
#[derive(Debug)]
pub(crate) struct Links {
    socket: Socket,
    answer: Vec<u8>,
}

impl Links {
    pub(crate) fn new() -> io::Result<Self> {
        let (domain, protocol) = (Domain::from(AF_NETLINK), Protocol::from(NETLINK_ROUTE));
        Ok(Self {
            socket: Socket::new(domain, Type::RAW, Some(protocol))?,
            answer: vec![0; LONGEST],
        })
    }

    /// The longest packet that an interface carries, octets.
    pub(crate) fn mtu(&mut self, index: u32) -> io::Result<Option<u32>> {
        self.socket.write_all(&question(index))?;
        // The answer is there when the question has been written.
        let n = self.socket.read(&mut self.answer)?;
        Ok(mtu_of(self.answer.get(..n).unwrap_or_default(), index))
    }
}

/// `RTM_GETLINK` for one interface.
fn question(index: u32) -> Vec<u8> {
    let flags = u16::try_from(NLM_F_REQUEST).unwrap_or_default();
    let mut octets = Vec::with_capacity(HEADER + LINK);
    octets.extend(32_u32.to_ne_bytes()); // the length of all
    octets.extend(RTM_GETLINK.to_ne_bytes());
    octets.extend(flags.to_ne_bytes());
    octets.extend([0; 8]); // the number of the question, and who asks
    octets.extend([0; 4]); // family and type: any
    octets.extend(index.to_ne_bytes());
    octets.extend([0; 8]); // flags, and which of them to change
    octets
}

/// `IFLA_MTU` of an `RTM_NEWLINK` for this interface.
fn mtu_of(answer: &[u8], index: u32) -> Option<u32> {
    let is_link = u16_at(answer, 4)? == RTM_NEWLINK && u32_at(answer, HEADER + 4)? == index;
    let mut rest = answer.get(HEADER + LINK..).filter(|_| is_link)?;
    loop {
        let length = usize::from(u16_at(rest, 0)?);
        if u16_at(rest, 2)? == IFLA_MTU {
            return u32_at(rest.get(..length)?, ATTRIBUTE);
        }
        // One begins at every fourth octet; a length that leads nowhere ends it.
        rest = rest.get(length.max(ATTRIBUTE).next_multiple_of(4)..)?;
    }
}

fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    let octets = octets.get(at..)?.first_chunk()?;
    Some(u16::from_ne_bytes(*octets))
}

fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    let octets = octets.get(at..)?.first_chunk()?;
    Some(u32::from_ne_bytes(*octets))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer for interface 7: a name, and an MTU of 1400.
    fn answer() -> Vec<u8> {
        let mut octets = question(7);
        octets[4..6].copy_from_slice(&RTM_NEWLINK.to_ne_bytes());
        for (kind, value) in [(3_u16, &b"eth9\0"[..]), (IFLA_MTU, &1400_u32.to_ne_bytes())] {
            octets.extend(u16::try_from(4 + value.len()).unwrap().to_ne_bytes());
            octets.extend(kind.to_ne_bytes());
            octets.extend(value);
            octets.resize(octets.len().next_multiple_of(4), 0);
        }
        octets
    }

    #[test]
    fn the_mtu_is_found_behind_other_attributes() {
        assert_eq!(mtu_of(&answer(), 7), Some(1400));
        assert_eq!(mtu_of(&answer(), 8), None);
    }

    #[test]
    fn an_answer_that_is_cut_or_an_error_has_none() {
        let whole = answer();
        for end in 0..whole.len() {
            assert_eq!(mtu_of(&whole[..end], 7), None, "{end} octets");
        }
        let mut error = whole;
        error[4..6].copy_from_slice(&2_u16.to_ne_bytes());
        assert_eq!(mtu_of(&error, 7), None);
    }

    #[test]
    fn a_length_of_nothing_ends_the_search() {
        let mut octets = question(7);
        octets[4..6].copy_from_slice(&RTM_NEWLINK.to_ne_bytes());
        octets.extend([0; 64]);
        assert_eq!(mtu_of(&octets, 7), None);
    }

    #[test]
    fn the_kernel_knows_loopback_and_no_interface_without_a_number() {
        let mut links = Links::new().unwrap();
        let lo = nix::net::if_::if_nametoindex("lo").unwrap();
        assert!(links.mtu(lo).unwrap().is_some_and(|mtu| mtu >= 1280));
        assert_eq!(links.mtu(u32::MAX >> 1).unwrap(), None);
        assert!(links.mtu(lo).unwrap().is_some());
    }
}
