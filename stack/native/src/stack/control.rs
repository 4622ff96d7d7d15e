//! Control operations by name of interface (`sockets.md` §8.3, §8.5), and what comes as octets: names of sockets,
//! messages about routes, frames of a program's own.

use super::Stack;
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::iface::{InterfaceAddress, InterfaceId, Medium};
use crate::mgmt::{InterfaceFlags, Request};
use crate::pkt::PacketBuf;
use crate::route::{Prefix, Route, RouteQuery};
use crate::sock::{Kind, SocketId};
use fairway_wire::{Instant, MacAddr};
use std::net::{Ipv4Addr, SocketAddrV4};

/// `AF_UNSPEC`.
const AF_UNSPEC: u16 = 0;
/// `AF_INET`.
const AF_INET: u16 = 2;

/// An operation on the table of neighbours (`arpreq`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ArpRequest {
    /// Family of the protocol address: 2, `AF_INET`.
    pub protocol_family: u16,
    /// The protocol address.
    pub address: Ipv4Addr,
    /// Family of the hardware address: 0, `AF_UNSPEC`.
    pub hardware_family: u16,
    /// The hardware address; only to set it.
    pub link: MacAddr,
}

impl ArpRequest {
    /// About an Internet address and an Ethernet address.
    #[must_use]
    pub const fn new(address: Ipv4Addr, link: MacAddr) -> Self {
        Self {
            protocol_family: AF_INET,
            address,
            hardware_family: AF_UNSPEC,
            link,
        }
    }
}

/// A control operation on an interface. Where it is about an address of several, that is the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// `SIOCGIFADDR`.
    GetAddress,
    /// `SIOCSIFADDR`: instead of the first address.
    SetAddress(InterfaceAddress),
    /// `SIOCAIFADDR`.
    AddAddress(InterfaceAddress),
    /// `SIOCDIFADDR`.
    DeleteAddress(Ipv4Addr),
    /// `SIOCGIFDSTADDR`.
    GetDestination,
    /// `SIOCSIFDSTADDR`.
    SetDestination(Ipv4Addr),
    /// `SIOCGIFBRDADDR`.
    GetBroadcast,
    /// `SIOCSIFBRDADDR`.
    SetBroadcast(Ipv4Addr),
    /// `SIOCGIFNETMASK`.
    GetNetmask,
    /// `SIOCSIFNETMASK`: the length of the network's prefix.
    SetNetmask(u8),
    /// `SIOCGIFFLAGS`.
    GetFlags,
    /// `SIOCSIFFLAGS`.
    SetFlags(InterfaceFlags),
    /// `SIOCGIFMTU`.
    GetMtu,
    /// `SIOCSIFMTU`.
    SetMtu(usize),
    /// `SIOCGIFMETRIC`.
    GetMetric,
    /// `SIOCSIFMETRIC`.
    SetMetric(u32),
    /// `SIOCSARP`.
    SetArp(ArpRequest),
    /// `SIOCGARP`.
    GetArp(ArpRequest),
    /// `SIOCDARP`.
    DeleteArp(ArpRequest),
}

/// What a control operation gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Answer {
    /// It is done.
    Done,
    /// An address.
    Address(Ipv4Addr),
    /// Flags.
    Flags(InterfaceFlags),
    /// An MTU, in octets.
    Mtu(usize),
    /// A metric.
    Metric(u32),
    /// A link address.
    Link(MacAddr),
}

impl Control {
    /// Its number.
    #[must_use]
    pub const fn request(&self) -> Request {
        match self {
            Self::GetAddress => Request::GET_ADDRESS,
            Self::SetAddress(_) => Request::SET_ADDRESS,
            Self::AddAddress(_) => Request::ADD_ADDRESS,
            Self::DeleteAddress(_) => Request::DELETE_ADDRESS,
            Self::GetDestination => Request::GET_DESTINATION,
            Self::SetDestination(_) => Request::SET_DESTINATION,
            Self::GetBroadcast => Request::GET_BROADCAST,
            Self::SetBroadcast(_) => Request::SET_BROADCAST,
            Self::GetNetmask => Request::GET_NETMASK,
            Self::SetNetmask(_) => Request::SET_NETMASK,
            Self::GetFlags => Request::GET_FLAGS,
            Self::SetFlags(_) => Request::SET_FLAGS,
            Self::GetMtu => Request::GET_MTU,
            Self::SetMtu(_) => Request::SET_MTU,
            Self::GetMetric => Request::GET_METRIC,
            Self::SetMetric(_) => Request::SET_METRIC,
            Self::SetArp(_) => Request::SET_ARP,
            Self::GetArp(_) => Request::GET_ARP,
            Self::DeleteArp(_) => Request::DELETE_ARP,
        }
    }
}

impl Stack {
    /// Carries out a control operation on the interface of that name, by a socket of the Internet.
    ///
    /// # Errors
    /// [`Errno::NotSock`]; [`Errno::OpNotSupp`] by a socket of another domain (`ifioctl-noproto`); [`Errno::NxIo`] if
    /// there is no such interface (`ifioctl-badifname`); [`Errno::AddrNotAvail`] if it has no such address
    /// (`in_control-noifdata`) or nobody is known there (`arpioctl-noentry`, also [`Errno::NetUnreach`]);
    /// [`Errno::Inval`] if the interface is not of that kind, or the flag is not to be changed so
    /// (`in_control-badflags`); [`Errno::AfNoSupport`] for wrong families (`arpioctl-badreq`); and those of the calls
    /// that do the same.
    pub fn control(
        &mut self,
        now: Instant,
        socket: SocketId,
        interface: &str,
        control: &Control,
    ) -> Result<Answer, Errno> {
        self.tell(now);
        let request = control.request();
        if let Kind::Local(_) = self.sockets.get(socket)?.kind {
            event!(
                self.events,
                self.now,
                EventId::IfioctlNoproto,
                socket = socket.token(),
                request = request,
                errno = Errno::OpNotSupp
            );
            return Err(Errno::OpNotSupp);
        }
        let found = self
            .routing
            .interfaces
            .iter()
            .find(|one| one.name == interface);
        let Some(id) = found.map(|one| one.id) else {
            event!(
                self.events,
                self.now,
                EventId::IfioctlBadifname,
                socket = socket.token(),
                request = request,
                errno = Errno::NxIo
            );
            return Err(Errno::NxIo);
        };
        match *control {
            Control::GetAddress
            | Control::SetAddress(_)
            | Control::AddAddress(_)
            | Control::DeleteAddress(_)
            | Control::GetDestination
            | Control::SetDestination(_)
            | Control::GetBroadcast
            | Control::SetBroadcast(_)
            | Control::GetNetmask
            | Control::SetNetmask(_) => self.control_address(id, request, control),
            Control::GetFlags
            | Control::SetFlags(_)
            | Control::GetMtu
            | Control::SetMtu(_)
            | Control::GetMetric
            | Control::SetMetric(_) => self.control_link(id, request, control),
            Control::SetArp(arp) | Control::GetArp(arp) | Control::DeleteArp(arp) => {
                self.control_arp(id, request, control, arp)
            }
        }
    }

    fn flags_of(&self, id: InterfaceId) -> InterfaceFlags {
        self.routing
            .interface(id)
            .map_or(InterfaceFlags::default(), |interface| interface.flags())
    }

    /// The interface's first address.
    fn first_address(
        &mut self,
        id: InterfaceId,
        request: Request,
    ) -> Result<InterfaceAddress, Errno> {
        let first = self
            .routing
            .interface(id)
            .and_then(|interface| interface.addresses.first().copied());
        first.ok_or_else(|| self.no_address(id, request, None))
    }

    fn no_address(
        &mut self,
        id: InterfaceId,
        request: Request,
        address: Option<Ipv4Addr>,
    ) -> Errno {
        event!(
            self.events,
            self.now,
            EventId::InControlNoifdata,
            interface = id,
            source = address,
            request = request,
            errno = Errno::AddrNotAvail
        );
        Errno::AddrNotAvail
    }

    /// Says that the interface's flags do not allow it.
    fn allowed<T>(
        &mut self,
        id: InterfaceId,
        request: Request,
        by: Result<T, Errno>,
    ) -> Result<T, Errno> {
        if let Err(errno) = by {
            let flags = self.flags_of(id);
            event!(
                self.events,
                self.now,
                EventId::InControlBadflags,
                interface = id,
                request = request,
                errno = errno,
                detail = flags.0
            );
        }
        by
    }

    fn control_address(
        &mut self,
        id: InterfaceId,
        request: Request,
        control: &Control,
    ) -> Result<Answer, Errno> {
        let flags = self.flags_of(id);
        match *control {
            Control::GetAddress => {
                let own = self.first_address(id, request)?;
                Ok(Answer::Address(own.address))
            }
            Control::GetNetmask => Ok(Answer::Address(self.first_address(id, request)?.mask())),
            Control::GetBroadcast => {
                self.allowed(id, request, flags.allow_broadcast())?;
                let broadcast = self.first_address(id, request)?.broadcast();
                broadcast
                    .map(Answer::Address)
                    .ok_or_else(|| self.no_address(id, request, None))
            }
            Control::GetDestination => {
                self.allowed(id, request, flags.allow_destination())?;
                let peer = self.first_address(id, request)?.peer;
                peer.map(Answer::Address)
                    .ok_or_else(|| self.no_address(id, request, None))
            }
            Control::AddAddress(own) => {
                self.add_address(self.now, id, own)?;
                Ok(Answer::Done)
            }
            Control::DeleteAddress(address) => {
                let has = self
                    .routing
                    .interface(id)
                    .is_some_and(|one| one.addresses.iter().any(|own| own.address == address));
                if !has {
                    return Err(self.no_address(id, request, Some(address)));
                }
                self.remove_address(self.now, id, address)?;
                Ok(Answer::Done)
            }
            Control::SetAddress(own) => self.replace_first(id, own),
            Control::SetNetmask(prefix) => {
                let mut own = self.first_address(id, request)?;
                own.prefix = prefix.min(32);
                self.replace_first(id, own)
            }
            Control::SetBroadcast(address) => {
                self.allowed(id, request, flags.allow_broadcast())?;
                let mut own = self.first_address(id, request)?;
                own.broadcast_address = Some(address);
                self.replace_first(id, own)
            }
            Control::SetDestination(address) => {
                self.allowed(id, request, flags.allow_destination())?;
                let mut own = self.first_address(id, request)?;
                own.peer = Some(address);
                self.replace_first(id, own)
            }
            Control::GetFlags
            | Control::SetFlags(_)
            | Control::GetMtu
            | Control::SetMtu(_)
            | Control::GetMetric
            | Control::SetMetric(_)
            | Control::SetArp(_)
            | Control::GetArp(_)
            | Control::DeleteArp(_) => Err(Errno::OpNotSupp),
        }
    }

    /// Puts `own` in the place of the interface's first address, if it has one.
    fn replace_first(&mut self, id: InterfaceId, own: InterfaceAddress) -> Result<Answer, Errno> {
        let interface = self.routing.interface(id).ok_or(Errno::NxIo)?;
        let old = interface.addresses.first().copied();
        if let Some(old) = old {
            self.remove_address(self.now, id, old.address)?;
        }
        let added = self.add_address(self.now, id, own);
        if let (Err(_), Some(old)) = (added, old) {
            self.add_address(self.now, id, old)?;
        }
        if let Some(interface) = self.routing.interface_mut(id) {
            // It was added behind the others.
            interface.addresses.rotate_right(1);
        }
        self.routing.changed();
        added.map(|()| Answer::Done)
    }

    fn control_link(
        &mut self,
        id: InterfaceId,
        request: Request,
        control: &Control,
    ) -> Result<Answer, Errno> {
        let flags = self.flags_of(id);
        match *control {
            Control::GetFlags => Ok(Answer::Flags(flags)),
            Control::SetFlags(wanted) => {
                let flags = self.allowed(id, request, flags.request(wanted))?;
                self.set_up(self.now, id, flags.contains(InterfaceFlags::UP))?;
                Ok(Answer::Done)
            }
            Control::SetMtu(mtu) => {
                self.set_mtu(self.now, id, mtu)?;
                Ok(Answer::Done)
            }
            Control::SetMetric(metric) => {
                self.set_metric(self.now, id, metric)?;
                Ok(Answer::Done)
            }
            Control::GetMetric => {
                let interface = self.routing.interface(id).ok_or(Errno::NxIo)?;
                Ok(Answer::Metric(interface.metric))
            }
            _ => {
                let interface = self.routing.interface(id).ok_or(Errno::NxIo)?;
                Ok(Answer::Mtu(interface.mtu))
            }
        }
    }

    fn control_arp(
        &mut self,
        id: InterfaceId,
        request: Request,
        control: &Control,
        arp: ArpRequest,
    ) -> Result<Answer, Errno> {
        if arp.protocol_family != AF_INET || arp.hardware_family != AF_UNSPEC {
            let wrong = if arp.protocol_family == AF_INET {
                arp.hardware_family
            } else {
                arp.protocol_family
            };
            event!(
                self.events,
                self.now,
                EventId::ArpioctlBadreq,
                interface = id,
                request = request,
                errno = Errno::AfNoSupport,
                detail = wrong
            );
            return Err(Errno::AfNoSupport);
        }
        match control {
            Control::SetArp(_) => {
                self.set_neighbor(self.now, id, arp.address, arp.link)?;
                Ok(Answer::Done)
            }
            Control::DeleteArp(_) => {
                self.delete_neighbor(self.now, id, arp.address)?;
                Ok(Answer::Done)
            }
            _ => {
                let known = self.neighbors.lookup(id, arp.address);
                known
                    .and_then(|one| one.mac)
                    .map(Answer::Link)
                    .ok_or_else(|| {
                        event!(
                            self.events,
                            self.now,
                            EventId::ArpioctlNoentry,
                            interface = id,
                            destination = arp.address,
                            request = request,
                            errno = Errno::AddrNotAvail
                        );
                        Errno::AddrNotAvail
                    })
            }
        }
    }

    /// Gives a socket its name, which comes as a `sockaddr_in` of 16 octets (BND-2): length, family, port and address in
    /// the byte order of the network, eight octets of zero.
    ///
    /// # Errors
    /// [`Errno::Inval`] if it has another length (`in_pcbbind-badaddrlen`) or ends in anything but zeros,
    /// [`Errno::AfNoSupport`] if the family is not 2, and those of [`bind`](Self::bind).
    pub fn bind_octets(&mut self, now: Instant, id: SocketId, name: &[u8]) -> Result<(), Errno> {
        self.tell(now);
        self.sockets.get(id)?;
        let Ok(name) = <&[u8; 16]>::try_from(name) else {
            event!(
                self.events,
                self.now,
                EventId::InPcbbindBadaddrlen,
                socket = id.token(),
                len = name.len(),
                errno = Errno::Inval
            );
            return Err(Errno::Inval);
        };
        let [_, family, p, q, a, b, c, d, zeros @ ..] = *name;
        if u16::from(family) != AF_INET {
            return Err(Errno::AfNoSupport);
        }
        if zeros != [0; 8] {
            return Err(Errno::Inval);
        }
        let name = SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), u16::from_be_bytes([p, q]));
        self.bind(now, id, name)
    }

    /// A message about routes, of 20 octets, all in the byte order of the network: what to do (1 octet: 1 add, 2
    /// delete), three of zero, destination (4), length of its prefix (4), gateway (4, zero for none), interface (4).
    ///
    /// # Errors
    /// [`Errno::Inval`] for any other message (`route_output-error`), and those of [`add_route`](Self::add_route) and
    /// [`delete_route`](Self::delete_route).
    pub fn route_message(&mut self, now: Instant, message: &[u8]) -> Result<(), Errno> {
        self.tell(now);
        let Some((add, route)) = parse_route_message(message) else {
            event!(
                self.events,
                self.now,
                EventId::RouteOutputError,
                len = message.len(),
                errno = Errno::Inval,
                detail = message.first().copied()
            );
            return Err(Errno::Inval);
        };
        if add {
            return self.add_route(now, route);
        }
        let query = RouteQuery {
            destination: route.destination,
            gateway: route.gateway,
            interface: Some(route.interface),
            metric: None,
        };
        self.delete_route(now, &query).map(drop)
    }

    /// Sends what a program made itself by an interface: a frame with its link header (family 0, `AF_UNSPEC`), or, where
    /// frames have none, an IP packet (family 2, `AF_INET`).
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface, [`Errno::NetDown`] if it is not running (`ether_output-ifdown`),
    /// [`Errno::AfNoSupport`] for another family, or one that the interface does not carry (`ether_output-afnotsupp`),
    /// [`Errno::NoBufs`] if its queue is full.
    pub fn send_frame(
        &mut self,
        now: Instant,
        id: InterfaceId,
        family: u16,
        frame: PacketBuf,
    ) -> Result<(), Errno> {
        self.tell(now);
        let interface = self.routing.interface(id).ok_or(Errno::NxIo)?;
        let (medium, running) = (interface.medium, interface.is_running());
        if !running {
            dropped!(
                self.events,
                self.now,
                DropReason::OutputDown,
                interface = id,
                len = frame.len(),
                errno = Errno::NetDown
            );
            return Err(Errno::NetDown);
        }
        let carried = match medium {
            Medium::Ethernet(_) => family == AF_UNSPEC,
            Medium::Point => family == AF_INET,
            Medium::Loopback => false,
        };
        if !carried {
            dropped!(
                self.events,
                self.now,
                DropReason::OutputBadFamily,
                interface = id,
                errno = Errno::AfNoSupport,
                detail = family
            );
            return Err(Errno::AfNoSupport);
        }
        self.enqueue(id, frame, true)
    }
}

/// The parts of a message about routes: whether to add it, and the route.
fn parse_route_message(message: &[u8]) -> Option<(bool, Route)> {
    let (&[what, 0, 0, 0], rest) = message.split_first_chunk()? else {
        return None;
    };
    let [destination, length, gateway, interface] =
        <&[[u8; 4]; 4]>::try_from(rest.as_chunks().0).ok()?;
    if rest.len() != 16 {
        return None;
    }
    let add = match what {
        1 => true,
        2 => false,
        _ => return None,
    };
    let length = u8::try_from(u32::from_be_bytes(*length)).ok()?;
    let gateway = Some(Ipv4Addr::from(*gateway)).filter(|gateway| !gateway.is_unspecified());
    let network = Prefix::new(Ipv4Addr::from(*destination), length)?;
    let interface = InterfaceId(u32::from_be_bytes(*interface));
    Some((add, Route::new(network, gateway, interface)))
}
