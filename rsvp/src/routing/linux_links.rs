//! The interfaces of the system, over rtnetlink.

use std::collections::BTreeMap;
use std::io;
use std::net::IpAddr;

use netlink_sys::protocols::NETLINK_ROUTE;

use crate::interface::IfIndex;
use crate::netlink::{Attributes, Channel, Writer, address, text, u32_at};

/// `RTM_GETLINK`, `RTM_GETADDR`, and their answers.
pub(super) const NEW_LINK: u16 = 16;
const GET_LINK: u16 = 18;
const NEW_ADDRESS: u16 = 20;
const GET_ADDRESS: u16 = 22;
/// Octets of `struct ifinfomsg` and `struct ifaddrmsg`.
const LINK: usize = 16;
const ADDRESS: usize = 8;
/// `IFLA_IFNAME`, `IFLA_MTU`
const NAME: u16 = 3;
const MTU: u16 = 4;
/// `IFA_ADDRESS`, `IFA_LOCAL`, `IFA_FLAGS`
const PEER: u16 = 1;
const LOCAL: u16 = 2;
const FLAGS: u16 = 8;
/// `IFF_UP`, `IFF_LOWER_UP`: it is on and has a carrier.
const UP: u32 = 0x1_0001;
/// `IFF_LOOPBACK`, `IFF_POINTOPOINT`
const LOOPBACK: u32 = 0x8;
const POINT_TO_POINT: u32 = 0x10;
/// `IFA_F_SECONDARY` (of IPv4), `IFA_F_DADFAILED`, `IFA_F_DEPRECATED`, `IFA_F_TENTATIVE`
const SECONDARY: u32 = 0x01;
const UNUSABLE: u32 = 0x48;
const DEPRECATED: u32 = 0x20;

/// An interface, as the system tells of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub index: IfIndex,
    /// Its name.
    pub name: String,
    /// Its addresses, those that RSVP is to use first: IPv4 before IPv6, primary before secondary, those that can be
    /// reached from elsewhere before those of the link.
    pub addresses: Vec<IpAddr>,
    /// The longest IP packet, octets.
    pub mtu: u32,
    /// It is on and has a carrier.
    pub up: bool,
    /// It has exactly one peer.
    pub point_to_point: bool,
    /// It leads back to this machine.
    pub loopback: bool,
}

/// All interfaces of the calling thread's network namespace, by index.
///
/// # Errors
/// What the system says.
pub fn links() -> io::Result<Vec<Link>> {
    let mut channel = Channel::open(NETLINK_ROUTE)?;
    let everything = |octets| move |out: &mut Writer| out.octets(&vec![0; octets]);
    let links = channel
        .dump(GET_LINK, everything(LINK), |kind, body| {
            (kind == NEW_LINK).then(|| link(body)).flatten()
        })
        .map_err(io::Error::other)?;
    let mut links: BTreeMap<IfIndex, (Link, Vec<(u8, IpAddr)>)> = links
        .into_iter()
        .map(|link| (link.index, (link, Vec::new())))
        .collect();
    let addresses = channel
        .dump(GET_ADDRESS, everything(ADDRESS), |kind, body| {
            let is_address = kind == NEW_ADDRESS;
            is_address.then(|| interface_address(body)).flatten()
        })
        .map_err(io::Error::other)?;
    for (index, found) in addresses {
        if let Some((_, addresses)) = links.get_mut(&index) {
            addresses.push(found);
        }
    }
    let with_addresses = |(mut link, mut addresses): (Link, Vec<(u8, IpAddr)>)| {
        // The sort keeps the system's order of equals.
        addresses.sort_by_key(|(rank, _)| *rank);
        link.addresses = addresses.into_iter().map(|(_, address)| address).collect();
        link
    };
    Ok(links.into_values().map(with_addresses).collect())
}

/// What a message says of an interface.
fn link(body: &[u8]) -> Option<Link> {
    let (index, flags) = (u32_at(body, 4)?, u32_at(body, 8)?);
    let attributes = Attributes::behind(body, LINK);
    Some(Link {
        index: IfIndex(index),
        name: text(attributes.find(NAME)?),
        addresses: Vec::new(),
        mtu: attributes
            .find(MTU)
            .and_then(|octets| u32_at(octets, 0))
            .unwrap_or(0),
        up: flags & UP == UP,
        point_to_point: flags & POINT_TO_POINT != 0,
        loopback: flags & LOOPBACK != 0,
    })
}

/// What a message says of an address: its interface, and its rank, the lowest being used first.
fn interface_address(body: &[u8]) -> Option<(IfIndex, (u8, IpAddr))> {
    let index = IfIndex(u32_at(body, 4)?);
    let attributes = Attributes::behind(body, ADDRESS);
    // On links with one peer, the address is the peer's, and the local one beside it.
    let found = attributes.find(LOCAL).or_else(|| attributes.find(PEER));
    let found = address(found?)?;
    let short = body.get(2).copied().map(u32::from);
    let long = attributes.find(FLAGS).and_then(|octets| u32_at(octets, 0));
    let flags = long.or(short)?;
    let of_link = match found {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    if found.is_ipv6() && flags & UNUSABLE != 0 {
        return None;
    }
    let rank = [
        found.is_ipv6(),
        of_link,
        flags & DEPRECATED != 0,
        found.is_ipv4() && flags & SECONDARY != 0,
    ];
    let rank = rank.iter().fold(0, |rank, bit| rank << 1 | u8::from(*bit));
    Some((index, (rank, found)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whatever the machine has, it has loopback, and tells of it as `ip` does.
    #[test]
    fn loopback_is_there() {
        let links = links().unwrap();
        let lo = links.iter().find(|link| link.name == "lo").unwrap();
        assert!(lo.loopback && !lo.point_to_point && lo.mtu > 0);
        assert!(lo.index.0 > 0);
    }

    fn message(index: u8, flags: u8, kind: u16, address: &[u8]) -> Vec<u8> {
        let mut body = vec![2, 24, flags, 0, index, 0, 0, 0];
        let length = u16::try_from(4 + address.len()).unwrap();
        body.extend_from_slice(&length.to_ne_bytes());
        body.extend_from_slice(&kind.to_ne_bytes());
        body.extend_from_slice(address);
        body
    }

    #[test]
    fn addresses_that_are_to_be_used_come_first() {
        let rank = |flags, address: &str| {
            let octets = match address.parse().unwrap() {
                IpAddr::V4(address) => address.octets().to_vec(),
                IpAddr::V6(address) => address.octets().to_vec(),
            };
            interface_address(&message(2, flags, PEER, &octets)).map(|(_, (rank, _))| rank)
        };
        let ranks = [
            rank(0, "10.0.0.1").unwrap(),
            rank(1, "10.0.0.2").unwrap(),
            rank(0, "169.254.0.1").unwrap(),
            rank(0, "2001:db8::1").unwrap(),
            rank(0x20, "2001:db8::2").unwrap(),
            rank(0, "fe80::1").unwrap(),
        ];
        assert!(ranks.is_sorted_by(|a, b| a < b), "{ranks:?}");
        // One that is not known to be unique is not used.
        assert_eq!(rank(0x40, "2001:db8::3"), None);
    }
}
