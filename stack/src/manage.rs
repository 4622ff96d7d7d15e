//! What a host knows of itself: its interfaces.

use crate::error::NetError;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::SockaddrStorage;
use std::net::IpAddr;

/// An interface and its addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interface {
    /// Its name: `eth0`.
    pub name: String,
    /// Its number, as arrivals and group memberships give it.
    pub index: u32,
    /// It is on.
    pub up: bool,
    /// It is on and has a carrier.
    pub running: bool,
    /// It leads back to this host.
    pub loopback: bool,
    /// It can broadcast.
    pub broadcast: bool,
    /// It has exactly one peer.
    pub point_to_point: bool,
    /// It can carry multicast.
    pub multicast: bool,
    /// Its addresses, in the system's order.
    pub addresses: Vec<InterfaceAddress>,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct InterfaceAddress {
    /// The address.
    pub address: IpAddr,
    /// How many leading bits name the network.
    pub prefix: u8,
    /// The broadcast address of that network (IPv4).
    pub broadcast: Option<IpAddr>,
    /// The address of the other end of a point-to-point link.
    pub peer: Option<IpAddr>,
}

/// The machine's interfaces, by index.
pub(crate) fn system_interfaces() -> Result<Vec<Interface>, NetError> {
    let mut interfaces: Vec<Interface> = Vec::new();
    for entry in getifaddrs()? {
        let known = interfaces
            .iter()
            .position(|interface| interface.name == entry.interface_name);
        let interface = match known.and_then(|at| interfaces.get_mut(at)) {
            Some(interface) => interface,
            None => {
                // It may have gone since the list was made.
                let Ok(index) = if_nametoindex(entry.interface_name.as_str()) else {
                    continue;
                };
                let has = |flag| entry.flags.contains(flag);
                interfaces.push(Interface {
                    name: entry.interface_name.clone(),
                    index,
                    up: has(InterfaceFlags::IFF_UP),
                    running: has(InterfaceFlags::IFF_RUNNING),
                    loopback: has(InterfaceFlags::IFF_LOOPBACK),
                    broadcast: has(InterfaceFlags::IFF_BROADCAST),
                    point_to_point: has(InterfaceFlags::IFF_POINTOPOINT),
                    multicast: has(InterfaceFlags::IFF_MULTICAST),
                    addresses: Vec::new(),
                });
                let Some(interface) = interfaces.last_mut() else {
                    continue;
                };
                interface
            }
        };
        if let Some(address) = ip(entry.address.as_ref()) {
            interface.addresses.push(InterfaceAddress {
                address,
                prefix: ip(entry.netmask.as_ref()).map_or(0, prefix),
                broadcast: ip(entry.broadcast.as_ref()),
                peer: ip(entry.destination.as_ref()),
            });
        }
    }
    interfaces.sort_by_key(|interface| interface.index);
    Ok(interfaces)
}

fn ip(address: Option<&SockaddrStorage>) -> Option<IpAddr> {
    crate::system::control::socket_addr(address?).map(|address| address.ip())
}

/// The length of a netmask.
fn prefix(mask: IpAddr) -> u8 {
    let ones = match mask {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    u8::try_from(ones).unwrap_or(0)
}
