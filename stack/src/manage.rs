//! What a host knows of itself, and what an administrator changes: interfaces, addresses, routes, neighbours, queues,
//! counters, parameters, messages.

use crate::backend::Backend;
use crate::error::NetError;
use crate::native::Host;
use crate::system::link::Links;
use fairway_native::mgmt::{Counters, PARAMETERS, Parameter, Setting};
use fairway_native::stack::{Clear, Old};
use fairway_wire::MacAddr;
use nix::ifaddrs::getifaddrs;
use nix::net::if_::{InterfaceFlags, if_nametoindex};
use nix::sys::socket::SockaddrStorage;
use std::net::IpAddr;

pub(crate) mod queue;
pub(crate) mod ways;

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
    /// It takes frames for others, too.
    pub promiscuous: bool,
    /// The longest packet it carries, octets, where the stack tells.
    pub mtu: Option<u32>,
    /// Its link address, if its link has such.
    pub link: Option<MacAddr>,
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

impl InterfaceAddress {
    /// `address` in the network of its first `prefix` bits.
    #[must_use]
    pub const fn new(address: IpAddr, prefix: u8) -> Self {
        Self {
            address,
            prefix,
            broadcast: None,
            peer: None,
        }
    }
}

/// A route: where packets to a network go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Route {
    /// The network.
    pub destination: IpAddr,
    /// How many leading bits of it count; 0 for the default route.
    pub prefix: u8,
    /// The next host on the way; `None` if the network is that of the interface itself.
    pub gateway: Option<IpAddr>,
    /// The index of the interface.
    pub interface: u32,
    /// Of two routes to one network, the one with less is taken.
    pub metric: u32,
    /// Where it came from.
    pub origin: RouteOrigin,
}

/// Where a route came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RouteOrigin {
    /// Somebody set it.
    #[default]
    Static,
    /// The interface has an address in that network.
    Connected,
    /// A router said so (ICMP redirect).
    Redirect,
}

impl Route {
    /// A route to the network of the first `prefix` bits of `destination`.
    #[must_use]
    pub const fn new(
        destination: IpAddr,
        prefix: u8,
        gateway: Option<IpAddr>,
        interface: u32,
    ) -> Self {
        Self {
            destination,
            prefix,
            gateway,
            interface,
            metric: 0,
            origin: RouteOrigin::Static,
        }
    }
}

/// A neighbour: a host on the same link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Neighbor {
    /// The index of the interface it is on.
    pub interface: u32,
    /// Its address.
    pub address: IpAddr,
    /// Its link address, if known.
    pub link: Option<MacAddr>,
    /// It was entered by hand, and stays.
    pub permanent: bool,
    /// It did not answer, and is left alone for a while.
    pub unreachable: bool,
}

/// The administrator's side of a host: [`Net::manage`](crate::Net::manage).
///
/// On the native back end everything is here. On the system back end there are the interfaces; the rest is
/// [`NetError::OpNotSupp`] as long as this crate does not speak netlink. Changes need no privilege on a native host: who
/// holds its `Net` is its superuser.
#[derive(Clone, Debug)]
pub struct Manage {
    inner: Backend<(), Host>,
}

impl Manage {
    pub(crate) const fn system() -> Self {
        Self {
            inner: Backend::System(()),
        }
    }

    pub(crate) const fn native(host: Host) -> Self {
        Self {
            inner: Backend::Native(host),
        }
    }

    fn host(&self) -> Result<&Host, NetError> {
        on_backend!(&self.inner,
            () => Err(NetError::OpNotSupp),
            host => Ok(host),
        )
    }

    /// The interfaces, by index (`SIOCGIFCONF`, `SIOCGIFADDR`, `SIOCGIFFLAGS`, `SIOCGIFMTU` …).
    ///
    /// # Errors
    /// The system's.
    pub fn interfaces(&self) -> Result<Vec<Interface>, NetError> {
        on_backend!(&self.inner,
            () => system_interfaces(),
            host => host.interfaces(),
        )
    }

    /// The interface of that name.
    ///
    /// # Errors
    /// [`NetError::Nxio`] if there is none.
    pub fn interface(&self, name: &str) -> Result<Interface, NetError> {
        let mut all = self.interfaces()?.into_iter();
        all.find(|one| one.name == name).ok_or(NetError::Nxio)
    }

    /// Switches an interface on or off (`SIOCSIFFLAGS`).
    ///
    /// # Errors
    /// [`NetError::Nxio`] if there is none of that index; [`NetError::OpNotSupp`] on the system back end.
    pub fn set_up(&self, interface: u32, up: bool) -> Result<(), NetError> {
        self.host()?.set_up(interface, up)
    }

    /// Makes an interface take frames for others, too. This is the dedicated call that the reference of sockets wants:
    /// flags do not change it.
    ///
    /// # Errors
    /// [`NetError::NetDown`] if it is off, [`NetError::Nxio`], [`NetError::OpNotSupp`] on the system back end.
    pub fn set_promiscuous(&self, interface: u32, on: bool) -> Result<(), NetError> {
        self.host()?.set_promiscuous(interface, on)
    }

    /// Sets the longest packet of an interface, octets (`SIOCSIFMTU`).
    ///
    /// # Errors
    /// [`NetError::Inval`] out of range, [`NetError::Nxio`], [`NetError::OpNotSupp`] on the system back end.
    pub fn set_mtu(&self, interface: u32, mtu: u32) -> Result<(), NetError> {
        self.host()?.set_mtu(interface, mtu)
    }

    /// Sets whether hosts on an interface are told of better first hops (`SIOCSIFYESREDIR`, `SIOCSIFNOREDIR`).
    ///
    /// # Errors
    /// [`NetError::Nxio`], [`NetError::OpNotSupp`] on the system back end.
    pub fn set_redirects(&self, interface: u32, on: bool) -> Result<(), NetError> {
        self.host()?.set_redirects(interface, on)
    }

    /// Gives an interface an address, and the network around it a route (`SIOCAIFADDR`).
    ///
    /// # Errors
    /// [`NetError::Exists`] if it has it, [`NetError::AddrNotAvail`] if no host can have it, [`NetError::Nxio`],
    /// [`NetError::OpNotSupp`] on the system back end.
    pub fn add_address(&self, interface: u32, address: InterfaceAddress) -> Result<(), NetError> {
        self.host()?.add_address(interface, &address)
    }

    /// Takes an address from an interface, and the routes that came with it (`SIOCDIFADDR`).
    ///
    /// # Errors
    /// [`NetError::AddrNotAvail`] if it does not have it, [`NetError::Nxio`], [`NetError::OpNotSupp`] on the system
    /// back end.
    pub fn remove_address(&self, interface: u32, address: IpAddr) -> Result<(), NetError> {
        self.host()?.remove_address(interface, address)
    }

    /// The routes (`NET_RT_DUMP`, `SIOSTATRT`), most specific first within each network.
    ///
    /// # Errors
    /// [`NetError::OpNotSupp`] on the system back end.
    pub fn routes(&self) -> Result<Vec<Route>, NetError> {
        self.host()?.routes()
    }

    /// Adds a route (`SIOCADDRT`).
    ///
    /// # Errors
    /// [`NetError::Exists`], [`NetError::NetUnreach`] if the gateway is on no network of this host, [`NetError::Nxio`],
    /// [`NetError::Inval`], [`NetError::NoBufs`] when the table is full, [`NetError::OpNotSupp`] on the system back end.
    pub fn add_route(&self, route: &Route) -> Result<(), NetError> {
        self.host()?.add_route(route)
    }

    /// Deletes a route (`SIOCDELRT`); metric and origin do not matter.
    ///
    /// # Errors
    /// [`NetError::Srch`] if there is none, [`NetError::OpNotSupp`] on the system back end.
    pub fn delete_route(&self, route: &Route) -> Result<(), NetError> {
        self.host()?.delete_route(route)
    }

    /// Deletes the routes that were set or learned, of one interface or of all (`SIOFLUSHRT`, `SIOFLUSHRTIFP`); says
    /// how many.
    ///
    /// # Errors
    /// [`NetError::OpNotSupp`] on the system back end.
    pub fn flush_routes(&self, interface: Option<u32>) -> Result<usize, NetError> {
        self.host()?.flush_routes(interface)
    }

    /// The neighbours (`SIOSTATARP`, `NET_RT_LLINFO`), by interface and address.
    ///
    /// # Errors
    /// [`NetError::OpNotSupp`] on the system back end.
    pub fn neighbors(&self) -> Result<Vec<Neighbor>, NetError> {
        self.host()?.neighbors()
    }

    /// Enters a neighbour by hand (`SIOCSARP`); it stays until it is deleted.
    ///
    /// # Errors
    /// [`NetError::NetUnreach`] if the address is on no network of that interface, [`NetError::AfNoSupport`] if its
    /// link has no such addresses, [`NetError::Nxio`], [`NetError::OpNotSupp`] on the system back end.
    pub fn set_neighbor(
        &self,
        interface: u32,
        address: IpAddr,
        link: MacAddr,
    ) -> Result<(), NetError> {
        self.host()?.set_neighbor(interface, address, link)
    }

    /// Deletes a neighbour (`SIOCDARP`).
    ///
    /// # Errors
    /// [`NetError::AddrNotAvail`] if there is none, [`NetError::OpNotSupp`] on the system back end.
    pub fn delete_neighbor(&self, interface: u32, address: IpAddr) -> Result<(), NetError> {
        self.host()?.delete_neighbor(interface, address)
    }

    /// Everything that was counted, at one moment (`SIOSTATTCP` … `SIOSTATIF`, SYS-7).
    ///
    /// # Errors
    /// [`NetError::OpNotSupp`] on the system back end.
    pub fn counters(&self) -> Result<Counters, NetError> {
        self.host()?.counters()
    }

    /// [`counters`](Self::counters), of which those of `what` start from zero again (`SIOSTATTCPZ` …).
    ///
    /// # Errors
    /// [`NetError::OpNotSupp`] on the system back end.
    pub fn clear_counters(&self, what: Clear) -> Result<Counters, NetError> {
        self.host()?.clear_counters(what)
    }

    /// The parameters there are, by name and with their limits (sockets.md §10.2).
    #[must_use]
    pub const fn parameters(&self) -> &'static [Parameter] {
        PARAMETERS
    }

    /// A parameter by its dotted name (`net.inet.tcp.keepcnt`) or symbol (`TCPCTL_KEEPCNT`), with its limits.
    ///
    /// # Errors
    /// [`NetError::NotFound`] if there is none, [`NetError::Inval`] if it is no number, [`NetError::OpNotSupp`] on the
    /// system back end.
    pub fn parameter(&self, name: &str) -> Result<Setting, NetError> {
        self.host()?.parameter(name)
    }

    /// Sets a parameter.
    ///
    /// # Errors
    /// [`NetError::NotFound`] if there is none, [`NetError::Perm`] if it is read only, [`NetError::Inval`] outside its
    /// limits, [`NetError::OpNotSupp`] on the system back end.
    pub fn set_parameter(&self, name: &str, value: i64) -> Result<(), NetError> {
        self.host()?.set_parameter(name, value)
    }

    /// `sysctl` as it ever was: by a path of numbers, old value and new value as octets (SYS-1 … SYS-8). Says how many
    /// octets the old value has, or how many were copied.
    ///
    /// # Errors
    /// SYS-11: [`NetError::NoProtoOpt`], [`NetError::NotDir`], [`NetError::OpNotSupp`], [`NetError::Inval`],
    /// [`NetError::Perm`]; [`NetError::NoMem`] if the buffer is too small, which then holds as much as fits.
    pub fn sysctl(
        &self,
        path: &[i32],
        old: Old<'_>,
        new: Option<&[u8]>,
    ) -> Result<usize, NetError> {
        self.host()?.sysctl(path, old, new)
    }

    /// Subscribes to the messages to the operator: at most `capacity` wait, further ones are lost and counted.
    ///
    /// # Errors
    /// [`NetError::NoBufs`] if there are as many subscriptions as there may be, [`NetError::OpNotSupp`] on the system
    /// back end.
    pub fn messages(&self, capacity: usize) -> Result<crate::native::Messages, NetError> {
        self.host()?.messages(capacity)
    }
}

/// The machine's interfaces, by index.
pub(crate) fn system_interfaces() -> Result<Vec<Interface>, NetError> {
    let mut interfaces: Vec<Interface> = Vec::new();
    let mut links = Links::new()?;
    for entry in getifaddrs()? {
        // An IPv4 address with a label, `eth0:1`, comes by that name; those of interfaces have no colon.
        let name = entry.interface_name.split(':').next().unwrap_or_default();
        let known = interfaces
            .iter()
            .position(|interface| interface.name == name);
        let interface = match known.and_then(|at| interfaces.get_mut(at)) {
            Some(interface) => interface,
            None => {
                // It may have gone since the list was made.
                let Ok(index) = if_nametoindex(name) else {
                    continue;
                };
                let has = |flag| entry.flags.contains(flag);
                interfaces.push(Interface {
                    name: name.to_owned(),
                    index,
                    up: has(InterfaceFlags::IFF_UP),
                    // IFF_RUNNING says the same up to a second later.
                    running: has(InterfaceFlags::IFF_UP) && has(InterfaceFlags::IFF_LOWER_UP),
                    loopback: has(InterfaceFlags::IFF_LOOPBACK),
                    broadcast: has(InterfaceFlags::IFF_BROADCAST),
                    point_to_point: has(InterfaceFlags::IFF_POINTOPOINT),
                    multicast: has(InterfaceFlags::IFF_MULTICAST),
                    promiscuous: has(InterfaceFlags::IFF_PROMISC),
                    mtu: links.mtu(index)?,
                    link: None,
                    addresses: Vec::new(),
                });
                let Some(interface) = interfaces.last_mut() else {
                    continue;
                };
                interface
            }
        };
        if let Some(link) = entry.address.as_ref().and_then(link_address) {
            interface.link = Some(link);
        }
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

fn link_address(address: &SockaddrStorage) -> Option<MacAddr> {
    let octets = address.as_link_addr()?.addr()?;
    (octets != [0; 6]).then_some(MacAddr(octets))
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
