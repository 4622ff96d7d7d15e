//! Which way a packet goes: this host's addresses, its interfaces and its routes, asked together.

use super::{Cast, Send};
use crate::errno::Errno;
use crate::event::DropReason;
use crate::iface::{Interface, InterfaceId};
use crate::route::{PathMtuCache, Route, RouteKind, RouteTable};
use crate::tcp;
use fairway_wire::{Instant, MacAddr};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The next step of a packet's way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hop {
    /// The interface it leaves by; the loopback interface if it is for this host.
    pub(crate) interface: InterfaceId,
    /// Who on that interface takes it.
    pub(crate) next: Ipv4Addr,
    /// The address to send from, for those who do not say.
    pub(crate) source: Ipv4Addr,
    /// The longest packet that way, in octets.
    pub(crate) mtu: usize,
    pub(crate) cast: Cast,
}

/// Why there is no way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoWay {
    pub(crate) errno: Errno,
    pub(crate) reason: DropReason,
}

const NO_ROUTE: NoWay = NoWay {
    errno: Errno::NetUnreach,
    reason: DropReason::OutputNoRoute,
};

/// Interfaces, addresses and routes of a host.
#[derive(Debug)]
pub(crate) struct Routing {
    /// In the order of their numbers.
    pub(crate) interfaces: Vec<Interface>,
    pub(crate) routes: RouteTable,
    pub(crate) path_mtu: PathMtuCache,
    /// The addresses of the interfaces, in order.
    locals: Vec<(Ipv4Addr, InterfaceId)>,
    /// The broadcast addresses of the interfaces' networks, in order.
    broadcasts: Vec<(Ipv4Addr, InterfaceId)>,
    /// Grows whenever addresses, interfaces or path MTUs change; the routes count for themselves.
    changes: u64,
}

impl Routing {
    pub(crate) const fn new(routes: RouteTable, path_mtu: PathMtuCache) -> Self {
        Self {
            interfaces: Vec::new(),
            routes,
            path_mtu,
            locals: Vec::new(),
            broadcasts: Vec::new(),
            changes: 0,
        }
    }

    /// Grows with every change of the ways.
    #[inline]
    pub(crate) const fn generation(&self) -> u64 {
        self.changes.wrapping_add(self.routes.generation())
    }

    /// To be called when an interface, an address or a path MTU has changed.
    pub(crate) fn changed(&mut self) {
        self.changes = self.changes.wrapping_add(1);
        self.locals.clear();
        self.broadcasts.clear();
        for interface in &self.interfaces {
            for own in &interface.addresses {
                self.locals.push((own.address, interface.id));
                if interface.can_broadcast() && own.prefix < 31 {
                    // The network's own address is the broadcast of old (RFC 1122 §3.2.1.3).
                    let all = own.broadcast().into_iter().chain([own.network()]);
                    self.broadcasts
                        .extend(all.map(|address| (address, interface.id)));
                }
            }
        }
        self.locals.sort_unstable();
        self.broadcasts.sort_unstable();
    }

    /// The interface of that number.
    #[inline]
    pub(crate) fn interface(&self, id: InterfaceId) -> Option<&Interface> {
        self.interfaces.get(id.index()?)
    }

    /// The interface of that number, to change.
    #[inline]
    pub(crate) fn interface_mut(&mut self, id: InterfaceId) -> Option<&mut Interface> {
        self.interfaces.get_mut(id.index()?)
    }

    /// The interface that has `address`, if it is one of this host's; all of 127.0.0.0/8 is.
    #[inline]
    pub(crate) fn holder(&self, address: Ipv4Addr) -> Option<InterfaceId> {
        if address.is_loopback() {
            return Some(InterfaceId::LOOPBACK);
        }
        let place = self
            .locals
            .binary_search_by(|(own, _)| own.cmp(&address))
            .ok()?;
        self.locals.get(place).map(|(_, interface)| *interface)
    }

    /// Whether `address` is one of this host's.
    #[inline]
    pub(crate) fn is_local(&self, address: Ipv4Addr) -> bool {
        self.holder(address).is_some()
    }

    /// The addresses of this host.
    pub(crate) fn local_addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.locals.iter().map(|(address, _)| *address)
    }

    /// Whether any interface has an address beside the loopback one.
    pub(crate) fn has_address(&self) -> bool {
        self.local_addresses().any(|address| !address.is_loopback())
    }

    /// An interface on whose network `address` reaches every host.
    pub(crate) fn broadcast_on(&self, address: Ipv4Addr) -> Option<InterfaceId> {
        let at = self.broadcasts.partition_point(|(own, _)| own < &address);
        let (found, interface) = self.broadcasts.get(at)?;
        (*found == address).then_some(*interface)
    }

    /// An interface that has an address whose network `address` is in.
    pub(crate) fn neighbourhood(&self, address: Ipv4Addr) -> Option<&Interface> {
        self.interfaces
            .iter()
            .filter(|interface| interface.is_running())
            .find(|interface| {
                let near = |own: &crate::iface::InterfaceAddress| {
                    own.covers(address) || own.peer == Some(address)
                };
                interface.addresses.iter().any(near)
            })
    }

    /// The way of a packet.
    pub(crate) fn hop(&self, send: &Send) -> Result<Hop, NoWay> {
        let destination = send.destination;
        if destination.is_unspecified() {
            return Err(NoWay {
                errno: Errno::AddrNotAvail,
                ..NO_ROUTE
            });
        }
        if destination.is_broadcast() || self.broadcast_on(destination).is_some() {
            return self.broadcast_hop(send);
        }
        if destination.is_multicast() {
            return self.multicast_hop(send);
        }
        if self.is_local(destination) {
            return self.hop_by(
                InterfaceId::LOOPBACK,
                destination,
                Some(destination),
                send,
                None,
            );
        }
        if send.dont_route {
            // SO_DONTROUTE: only hosts of the networks this one is in.
            let near = self.neighbourhood(destination).ok_or(NoWay {
                reason: DropReason::OutputNotNear,
                ..NO_ROUTE
            })?;
            return self.hop_by(near.id, destination, None, send, None);
        }
        let route = match send.interface {
            None => self.usable_route(destination),
            Some(wanted) => self
                .routes
                .lookup_where(destination, |route| route.interface == wanted),
        };
        match (route, send.interface) {
            (Some(route), _) => match route.kind {
                RouteKind::Unicast => {
                    let next = route.next_hop(destination);
                    self.hop_by(route.interface, next, route.source, send, route.mtu)
                }
                RouteKind::Reject => Err(NoWay {
                    errno: Errno::HostUnreach,
                    reason: DropReason::OutputRejected,
                }),
                RouteKind::Blackhole => Err(NoWay {
                    errno: Errno::Inval,
                    reason: DropReason::OutputBlackHole,
                }),
            },
            // Told the interface and without a route, the destination is taken to be right there.
            (None, Some(wanted)) => self.hop_by(wanted, destination, None, send, None),
            (None, None) => Err(NO_ROUTE),
        }
    }

    /// The best route whose interface is up; if there is none, the best one, which then says what is wrong.
    fn usable_route(&self, destination: Ipv4Addr) -> Option<&Route> {
        let usable = |route: &Route| {
            let by = self.interface(route.interface);
            route.kind != RouteKind::Unicast || by.is_some_and(Interface::is_running)
        };
        let best = self.routes.lookup(destination)?;
        if usable(best) {
            return Some(best);
        }
        let second = self.routes.lookup_where(destination, usable);
        second.or(Some(best))
    }

    fn broadcast_hop(&self, send: &Send) -> Result<Hop, NoWay> {
        let destination = send.destination;
        if !send.broadcast {
            return Err(NoWay {
                errno: Errno::Access,
                reason: DropReason::OutputBadType,
            });
        }
        let able = |interface: &&Interface| interface.can_broadcast() && interface.is_running();
        let by_route = || {
            let route = self.routes.lookup(Ipv4Addr::UNSPECIFIED)?;
            self.interface(route.interface)
                .filter(able)
                .map(|interface| interface.id)
        };
        let interface = send
            .interface
            .or_else(|| self.broadcast_on(destination))
            .or_else(by_route)
            .or_else(|| {
                self.interfaces
                    .iter()
                    .find(able)
                    .map(|interface| interface.id)
            })
            .ok_or(NO_ROUTE)?;
        if !self
            .interface(interface)
            .is_some_and(Interface::can_broadcast)
        {
            return Err(NoWay {
                errno: Errno::AddrNotAvail,
                reason: DropReason::OutputBadType,
            });
        }
        let hop = self.hop_by(interface, destination, None, send, None)?;
        Ok(Hop {
            cast: Cast::Broadcast,
            ..hop
        })
    }

    fn multicast_hop(&self, send: &Send) -> Result<Hop, NoWay> {
        let destination = send.destination;
        let by_route = || self.routes.lookup(destination).map(|route| route.interface);
        let first = || {
            let able = |interface: &&Interface| {
                interface.is_running() && interface.id != InterfaceId::LOOPBACK
            };
            self.interfaces
                .iter()
                .find(able)
                .map(|interface| interface.id)
        };
        let of_source = || send.source.and_then(|source| self.holder(source));
        let interface = send
            .interface
            .or_else(by_route)
            .or_else(of_source)
            .or_else(first)
            .ok_or(NO_ROUTE)?;
        let hop = self.hop_by(interface, destination, None, send, None)?;
        Ok(Hop {
            cast: Cast::Multicast,
            ..hop
        })
    }

    fn hop_by(
        &self,
        interface: InterfaceId,
        next: Ipv4Addr,
        source: Option<Ipv4Addr>,
        send: &Send,
        mtu: Option<u16>,
    ) -> Result<Hop, NoWay> {
        let interface = self.interface(interface).ok_or(NoWay {
            errno: Errno::NxIo,
            ..NO_ROUTE
        })?;
        if !interface.is_running() {
            return Err(NoWay {
                errno: Errno::NetDown,
                reason: DropReason::OutputDown,
            });
        }
        let fallback = || {
            // An interface without an address of its own sends from another's (RFC 1122 §3.3.4.2, weak hosts).
            let others = self
                .interfaces
                .iter()
                .filter(|other| other.id != InterfaceId::LOOPBACK);
            others.filter_map(|other| other.source_for(next)).next()
        };
        let source = source
            .or_else(|| interface.source_for(next))
            .or_else(fallback)
            .unwrap_or(Ipv4Addr::UNSPECIFIED);
        let mut longest = interface.mtu;
        for bound in [mtu, self.path_mtu.get(send.destination)]
            .into_iter()
            .flatten()
        {
            longest = longest.min(usize::from(bound));
        }
        Ok(Hop {
            interface: interface.id,
            next,
            source,
            mtu: longest,
            cast: Cast::Unicast,
        })
    }
}

impl tcp::Paths for Routing {
    fn path(&self, source: Option<Ipv4Addr>, peer: Ipv4Addr) -> Result<tcp::PathInfo, Errno> {
        let mut send = Send::plain(peer, fairway_wire::Protocol::TCP, 64);
        send.source = source;
        let hop = self.hop(&send).map_err(|no| no.errno)?;
        let interface = self.interface(hop.interface).ok_or(Errno::NetUnreach)?;
        Ok(tcp::PathInfo {
            source: source.unwrap_or(hop.source),
            mtu: hop.mtu,
            trusted_checksums: interface.trusted,
            gso_max: if interface.segmentation { 65_535 } else { 0 },
        })
    }

    fn generation(&self) -> u64 {
        Routing::generation(self)
    }
}

/// Slots of the cache: a power of two.
const SLOTS: usize = 64;

/// How long a link address is used without asking the table of neighbours, which counts who is talked to.
const LINK_LIFE: Duration = Duration::from_secs(1);

/// A way of late.
#[derive(Clone, Copy, Debug)]
struct Slot {
    destination: Ipv4Addr,
    hop: Hop,
    /// The link address of the next host, the state of the table it comes from, and until when it is used.
    link: Option<(MacAddr, u64, Instant)>,
}

/// The ways of late, by destination, for packets that leave the choice to the routes.
#[derive(Debug)]
pub(crate) struct HopCache {
    generation: u64,
    slots: Box<[Option<Slot>; SLOTS]>,
}

impl HopCache {
    pub(crate) fn new() -> Self {
        Self {
            generation: 0,
            slots: Box::new([None; SLOTS]),
        }
    }

    #[inline]
    fn place(destination: Ipv4Addr) -> usize {
        // Fibonacci hashing: neighbours in a network go to different slots.
        let spread = destination.to_bits().wrapping_mul(0x9e37_79b9) >> 26;
        usize::try_from(spread).unwrap_or(0)
    }

    #[inline]
    fn slot(&mut self, destination: Ipv4Addr) -> Option<&mut Slot> {
        let slot = self.slots.get_mut(Self::place(destination))?.as_mut()?;
        (slot.destination == destination).then_some(slot)
    }

    /// The way to `destination`, if it is known and the ways have not changed.
    #[inline]
    pub(crate) fn get(&mut self, generation: u64, destination: Ipv4Addr) -> Option<Hop> {
        if generation != self.generation {
            self.generation = generation;
            *self.slots = [None; SLOTS];
            return None;
        }
        self.slot(destination).map(|slot| slot.hop)
    }

    pub(crate) fn put(&mut self, destination: Ipv4Addr, hop: Hop) {
        if let Some(slot) = self.slots.get_mut(Self::place(destination)) {
            *slot = Some(Slot {
                destination,
                hop,
                link: None,
            });
        }
    }

    /// The link address of the next host on the way to `destination` by `hop`, if it is known.
    #[inline]
    pub(crate) fn link(
        &mut self,
        now: Instant,
        neighbors: u64,
        destination: Ipv4Addr,
        hop: &Hop,
    ) -> Option<MacAddr> {
        let slot = self.slot(destination)?;
        let (address, of, until) = slot.link?;
        let same = slot.hop.next == hop.next && slot.hop.interface == hop.interface;
        (of == neighbors && now < until && same).then_some(address)
    }

    /// Remembers it.
    pub(crate) fn put_link(
        &mut self,
        now: Instant,
        neighbors: u64,
        destination: Ipv4Addr,
        hop: &Hop,
        address: MacAddr,
    ) {
        if let Some(slot) = self.slot(destination)
            && slot.hop.next == hop.next
            && slot.hop.interface == hop.interface
        {
            slot.link = Some((address, neighbors, now + LINK_LIFE));
        }
    }
}
