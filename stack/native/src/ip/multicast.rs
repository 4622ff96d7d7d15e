//! Multicast forwarding: which packets for groups go on by which interfaces.
//!
//! The interfaces that take part are *virtual interfaces* with an index, as DVMRP daemons know them. A packet of sender
//! S to group G goes on by
//!
//! * the route for (S, G) that was set: it names the interface that such packets come by and those they leave by; and
//! * in *membership mode*, besides, by every virtual interface with a listener (IGMP's router side), if the packet came
//!   by the interface that leads back to S (reverse path forwarding).
//!
//! Without a route, and outside membership mode, whoever sets routes is asked ([`Upcall`]), and the first packets wait
//! for the answer. What is sent on has a time to live above the threshold of its interface.

use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId, Events};
use crate::iface::InterfaceId;
use crate::limits::MulticastLimits;
use crate::pkt::PacketBuf;
use fairway_wire::{Instant, ipv4};
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

/// How many virtual interfaces there can be.
pub const MAX_VIFS: u8 = 32;

/// A virtual interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vif {
    /// The interface behind it.
    pub interface: InterfaceId,
    /// The address that it was named by.
    pub address: Ipv4Addr,
    /// Packets leave by it only with a time to live above this.
    pub threshold: u8,
    /// Packets that came by it.
    pub packets_in: u64,
    /// Packets that left by it.
    pub packets_out: u64,
}

/// A route for the packets of one sender to one group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MulticastRoute {
    /// The sender.
    pub source: Ipv4Addr,
    /// The group.
    pub group: Ipv4Addr,
    /// The virtual interface that they must come by.
    pub incoming: u8,
    /// The virtual interfaces that they leave by, each with the time to live that they must have more than (0: that of
    /// the virtual interface alone).
    pub outgoing: Vec<(u8, u8)>,
}

/// The way of the packets of one sender to one group through this host, by interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// The interface that they must come by.
    pub incoming: InterfaceId,
    /// The interfaces that they leave by, in the order of their virtual interfaces; those whose time to live is too short
    /// for a threshold go by fewer.
    pub outgoing: Vec<InterfaceId>,
}

/// A route and what was counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteState {
    /// The route.
    pub route: MulticastRoute,
    /// Packets that came.
    pub packets: u64,
    /// Octets of them.
    pub octets: u64,
    /// Packets that came by another interface.
    pub wrong_interface: u64,
}

/// A command to the multicast router (the raw-socket options from 100 on).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// `DVMRP_INIT`, 100: begin to forward.
    Init,
    /// `DVMRP_DONE`, 101: forget everything, and forward no more.
    Done,
    /// `DVMRP_ADD_VIF`, 102: add a virtual interface.
    AddVif {
        /// Its index, below [`MAX_VIFS`].
        index: u8,
        /// The address of the interface, which must be this host's.
        address: Ipv4Addr,
        /// Packets leave by it only with a time to live above this.
        threshold: u8,
        /// Whether it is a tunnel (`VIFF_TUNNEL`); those are not supported.
        tunnel: bool,
    },
    /// `DVMRP_DEL_VIF`, 103: forget the virtual interface with that index.
    DeleteVif(u8),
    /// `DVMRP_ADD_MRT`, 106: set a route, in the place of the one there was.
    AddRoute(MulticastRoute),
    /// `DVMRP_DEL_MRT`, 107: forget the route of that sender to that group.
    DeleteRoute(Ipv4Addr, Ipv4Addr),
    /// Turn membership mode on or off.
    Membership(bool),
    /// A code that means nothing.
    Other(u32),
}

impl Command {
    /// Its number among the options.
    #[must_use]
    pub const fn code(&self) -> u32 {
        match self {
            Self::Init => 100,
            Self::Done => 101,
            Self::AddVif { .. } => 102,
            Self::DeleteVif(_) => 103,
            Self::AddRoute(_) => 106,
            Self::DeleteRoute(..) => 107,
            Self::Membership(_) => 108,
            Self::Other(code) => *code,
        }
    }
}

/// What whoever sets routes should know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Upcall {
    /// Why.
    pub reason: UpcallReason,
    /// The virtual interface that the packet came by.
    pub incoming: u8,
    /// The sender.
    pub source: Ipv4Addr,
    /// The group.
    pub group: Ipv4Addr,
}

/// Why whoever sets routes is told of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpcallReason {
    /// There is no route for it (`IGMPMSG_NOCACHE`); it waits.
    NoRoute,
    /// It came by another interface than its route says (`IGMPMSG_WRONGVIF`).
    WrongInterface,
}

/// What the forwarder asks of the host around it.
pub trait Surroundings {
    /// The interface that has `address`, and whether it carries multicast.
    fn interface_of(&self, address: Ipv4Addr) -> Option<(InterfaceId, bool)>;
    /// The interface that packets to `source` leave by, or that has it.
    fn reverse_path(&self, source: Ipv4Addr) -> Option<InterfaceId>;
    /// Whether anybody on the network of `interface` listens to `source` of `group`.
    fn is_wanted(&self, interface: InterfaceId, group: Ipv4Addr, source: Ipv4Addr) -> bool;
}

/// A packet to be sent on, its time to live not yet decreased.
pub type Forward = (InterfaceId, PacketBuf);

/// What is known of a packet for a group when it comes.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The interface that it came by, or was sent by from here.
    pub interface: InterfaceId,
    /// Its header.
    pub header: &'a ipv4::Header,
    /// Somebody has it already, and it is no loss if nobody else wants it.
    pub kept: bool,
}

/// Packets that wait for a route.
#[derive(Debug)]
struct Waiting {
    until: Instant,
    packets: Vec<(InterfaceId, PacketBuf)>,
}

impl Waiting {
    fn drop_all(self, now: Instant, pair: Pair, reason: DropReason, events: &mut Events) {
        for (interface, packet) in self.packets {
            dropped!(
                events,
                now,
                reason,
                interface = interface.0,
                source = pair.0,
                destination = pair.1,
                len = packet.len()
            );
        }
    }
}

/// Source and group.
type Pair = (Ipv4Addr, Ipv4Addr);

/// The multicast router of a host.
#[derive(Debug)]
pub struct MulticastForwarder {
    limits: MulticastLimits,
    enabled: bool,
    membership: bool,
    vifs: BTreeMap<u8, Vif>,
    routes: BTreeMap<Pair, RouteState>,
    waiting: BTreeMap<Pair, Waiting>,
    upcalls: VecDeque<Upcall>,
    /// Packets that waited for a route in vain, or had no room to wait.
    unresolved: u64,
    /// Grows with every command that changed something.
    generation: u64,
}

impl MulticastForwarder {
    /// One that does not forward yet.
    #[must_use]
    pub const fn new(limits: MulticastLimits) -> Self {
        Self {
            limits,
            enabled: false,
            membership: false,
            vifs: BTreeMap::new(),
            routes: BTreeMap::new(),
            waiting: BTreeMap::new(),
            upcalls: VecDeque::new(),
            unresolved: 0,
            generation: 0,
        }
    }

    /// Grows with every command that changed something. Listeners that come and go in membership mode are not seen here.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Whether it forwards.
    #[inline]
    #[must_use]
    pub const fn is_enabled(&self) -> bool {
        self.enabled
    }

    /// Whether packets that come by an interface matter to it.
    #[must_use]
    pub fn is_interested(&self, interface: InterfaceId) -> bool {
        self.enabled && self.vif_of(interface).is_some()
    }

    /// Whether it decides what becomes of packets to `group` that come by `interface`.
    #[must_use]
    pub fn takes(&self, interface: InterfaceId, group: Ipv4Addr) -> bool {
        // RFC 1112 §7.2: groups of the link stay there.
        self.is_interested(interface) && !stays_on_link(group)
    }

    /// Does what a command says; the packets that waited for it.
    ///
    /// # Errors
    /// Each raises the event of its name: `ip_mrouter_cmd-notinit` ([`Errno::Access`]), `ip_mrouter_cmd-badcmd`,
    /// `add_vif-badif` ([`Errno::OpNotSupp`]), `add_vif-badindex`, `del_vif-badindex` ([`Errno::Inval`]),
    /// `add_vif-badentry`, a second `Init` ([`Errno::AddrInUse`]), `add_vif-badaddr` ([`Errno::AddrNotAvail`]),
    /// `add_mrt-nomem` ([`Errno::NoBufs`]). A route with an unknown virtual interface or no group is [`Errno::Inval`],
    /// deleting one that is not there [`Errno::AddrNotAvail`].
    pub fn command(
        &mut self,
        now: Instant,
        command: Command,
        surroundings: &impl Surroundings,
        events: &mut Events,
    ) -> Result<Vec<Forward>, Errno> {
        let code = command.code();
        if !self.enabled && !matches!(command, Command::Init | Command::Other(_)) {
            event!(
                events,
                now,
                EventId::IpMrouterCmdNotinit,
                detail = code,
                errno = Errno::Access
            );
            return Err(Errno::Access);
        }
        match command {
            Command::Init if self.enabled => return Err(Errno::AddrInUse),
            Command::Init => self.enabled = true,
            Command::Done => {
                for (pair, waiting) in std::mem::take(&mut self.waiting) {
                    waiting.drop_all(now, pair, DropReason::MulticastEnded, events);
                }
                *self = Self {
                    generation: self.generation,
                    ..Self::new(self.limits.clone())
                };
            }
            Command::AddVif {
                index,
                address,
                threshold,
                tunnel,
            } => {
                let vif = self.check_vif(index, address, tunnel, surroundings);
                let interface = vif.map_err(|(id, errno)| {
                    event!(
                        events,
                        now,
                        id,
                        detail = index,
                        source = address,
                        errno = errno
                    );
                    errno
                })?;
                let vif = Vif {
                    interface,
                    address,
                    threshold,
                    packets_in: 0,
                    packets_out: 0,
                };
                self.vifs.insert(index, vif);
            }
            Command::DeleteVif(index) => {
                if self.vifs.remove(&index).is_none() {
                    let errno = Errno::Inval;
                    event!(
                        events,
                        now,
                        EventId::DelVifBadindex,
                        detail = index,
                        errno = errno
                    );
                    return Err(errno);
                }
                // What came by it leads nowhere; what left by it leaves by the others.
                self.routes.retain(|_, it| it.route.incoming != index);
                for state in self.routes.values_mut() {
                    state.route.outgoing.retain(|(vif, _)| *vif != index);
                }
            }
            Command::AddRoute(route) => {
                let released = self.add_route(now, route, surroundings, events)?;
                self.generation += 1;
                return Ok(released);
            }
            Command::DeleteRoute(source, group) => {
                let removed = self.routes.remove(&(source, group));
                removed.ok_or(Errno::AddrNotAvail)?;
                event!(
                    events,
                    now,
                    EventId::MrtDel,
                    source = source,
                    destination = group
                );
            }
            Command::Membership(on) => self.membership = on,
            Command::Other(_) => {
                let errno = Errno::OpNotSupp;
                event!(
                    events,
                    now,
                    EventId::IpMrouterCmdBadcmd,
                    detail = code,
                    errno = errno
                );
                return Err(errno);
            }
        }
        self.generation += 1;
        Ok(Vec::new())
    }

    /// The interface for a new virtual interface, or what is wrong with it.
    fn check_vif(
        &self,
        index: u8,
        address: Ipv4Addr,
        tunnel: bool,
        surroundings: &impl Surroundings,
    ) -> Result<InterfaceId, (EventId, Errno)> {
        if index >= MAX_VIFS {
            return Err((EventId::AddVifBadindex, Errno::Inval));
        }
        if self.vifs.contains_key(&index) {
            return Err((EventId::AddVifBadentry, Errno::AddrInUse));
        }
        let (interface, multicast) = surroundings
            .interface_of(address)
            .ok_or((EventId::AddVifBadaddr, Errno::AddrNotAvail))?;
        if !multicast || tunnel {
            return Err((EventId::AddVifBadif, Errno::OpNotSupp));
        }
        Ok(interface)
    }

    fn add_route(
        &mut self,
        now: Instant,
        route: MulticastRoute,
        surroundings: &impl Surroundings,
        events: &mut Events,
    ) -> Result<Vec<Forward>, Errno> {
        let mut vifs = std::iter::once(route.incoming).chain(route.outgoing.iter().map(|it| it.0));
        if !route.group.is_multicast() || !vifs.all(|index| self.vifs.contains_key(&index)) {
            return Err(Errno::Inval);
        }
        let pair = (route.source, route.group);
        if self.routes.len() >= self.limits.routes && !self.routes.contains_key(&pair) {
            let errno = Errno::NoBufs;
            event!(
                events,
                now,
                EventId::AddMrtNomem,
                source = route.source,
                destination = route.group,
                errno = errno
            );
            return Err(errno);
        }
        event!(
            events,
            now,
            EventId::MrtAdd,
            source = route.source,
            destination = route.group
        );
        let state = RouteState {
            route,
            packets: 0,
            octets: 0,
            wrong_interface: 0,
        };
        self.routes.insert(pair, state);
        let waiting = self
            .waiting
            .remove(&pair)
            .map(|it| it.packets)
            .unwrap_or_default();
        let mut released = Vec::new();
        for (interface, packet) in waiting {
            if let Ok((header, _, _)) = ipv4::Header::parse(packet.as_slice()) {
                let incoming = Incoming {
                    interface,
                    header: &header,
                    kept: false,
                };
                released.extend(self.handle_packet(now, &incoming, packet, surroundings, events));
            }
        }
        Ok(released)
    }

    /// A packet for a group has come: the copies to be sent on.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        incoming: &Incoming<'_>,
        packet: PacketBuf,
        surroundings: &impl Surroundings,
        events: &mut Events,
    ) -> Vec<Forward> {
        let Incoming {
            interface,
            header,
            kept,
        } = *incoming;
        let (source, group) = (header.source, header.destination);
        let Some(incoming) = self
            .vif_of(interface)
            .filter(|_| self.takes(interface, group))
        else {
            dropped!(
                events,
                now,
                DropReason::MulticastEnded,
                interface = interface.0,
                source = source,
                destination = group
            );
            return Vec::new();
        };
        // RFC 1812 §5.3.1: no ICMP error tells that time ran out.
        if header.ttl <= 1 {
            dropped!(
                events,
                now,
                DropReason::MulticastTtl,
                interface = interface.0,
                source = source,
                destination = group
            );
            return Vec::new();
        }
        if let Some(vif) = self.vifs.get_mut(&incoming) {
            vif.packets_in += 1;
        }
        let mut outgoing = Vec::new();
        if let Some(state) = self.routes.get_mut(&(source, group)) {
            if state.route.incoming != incoming {
                state.wrong_interface += 1;
                let expected = state.route.incoming;
                return self.wrong_interface(now, header, incoming, expected, events);
            }
            state.packets += 1;
            state.octets += u64::from(header.total_len);
            outgoing.clone_from(&state.route.outgoing);
        } else if !self.membership {
            self.wait(now, interface, header, incoming, packet, events);
            return Vec::new();
        } else if surroundings.reverse_path(source) != Some(interface) {
            // RFC 1812 §5.2.1.3: reverse path forwarding; a copy that comes another way would loop.
            let expected = surroundings.reverse_path(source).map_or(0, |it| it.0);
            dropped!(
                events,
                now,
                DropReason::MulticastOffPath,
                interface = interface.0,
                source = source,
                destination = group,
                detail = expected
            );
            return Vec::new();
        }
        self.add_listeners(source, group, incoming, surroundings, &mut outgoing);
        let copies = self.copies(header, incoming, &outgoing, packet);
        if copies.is_empty() && !kept {
            dropped!(
                events,
                now,
                DropReason::MulticastUnwanted,
                interface = interface.0,
                source = source,
                destination = group
            );
        }
        copies
    }

    /// In membership mode, the virtual interfaces with listeners that no route names.
    fn add_listeners(
        &self,
        source: Ipv4Addr,
        group: Ipv4Addr,
        incoming: u8,
        surroundings: &impl Surroundings,
        outgoing: &mut Vec<(u8, u8)>,
    ) {
        if !self.membership {
            return;
        }
        for (&index, vif) in &self.vifs {
            let new = index != incoming && outgoing.iter().all(|(other, _)| *other != index);
            if new && surroundings.is_wanted(vif.interface, group, source) {
                outgoing.push((index, 0));
            }
        }
    }

    /// Which way packets of `source` to `group` go on; `None` if there is no route for them, and, in membership mode, no
    /// way back to `source` by a virtual interface.
    pub fn tree(
        &self,
        source: Ipv4Addr,
        group: Ipv4Addr,
        surroundings: &impl Surroundings,
    ) -> Option<Tree> {
        if !self.enabled || stays_on_link(group) {
            return None;
        }
        let (incoming, mut outgoing) = match self.routes.get(&(source, group)) {
            Some(state) => (state.route.incoming, state.route.outgoing.clone()),
            None if self.membership => {
                let back = surroundings.reverse_path(source)?;
                (self.vif_of(back)?, Vec::new())
            }
            None => return None,
        };
        self.add_listeners(source, group, incoming, surroundings, &mut outgoing);
        let outgoing = outgoing
            .iter()
            .filter(|(index, _)| *index != incoming)
            .filter_map(|(index, _)| Some(self.vifs.get(index)?.interface))
            .collect();
        Some(Tree {
            incoming: self.vifs.get(&incoming)?.interface,
            outgoing,
        })
    }

    fn copies(
        &mut self,
        header: &ipv4::Header,
        incoming: u8,
        outgoing: &[(u8, u8)],
        packet: PacketBuf,
    ) -> Vec<Forward> {
        let mut targets = Vec::new();
        for &(index, threshold) in outgoing {
            if let Some(vif) = self.vifs.get_mut(&index)
                && index != incoming
                && header.ttl > threshold.max(vif.threshold)
            {
                vif.packets_out += 1;
                targets.push(vif.interface);
            }
        }
        let mut copies = Vec::with_capacity(targets.len());
        if let Some((last, others)) = targets.split_last() {
            copies.extend(others.iter().map(|&interface| (interface, packet.clone())));
            copies.push((*last, packet));
        }
        copies
    }

    fn wrong_interface(
        &mut self,
        now: Instant,
        header: &ipv4::Header,
        incoming: u8,
        expected: u8,
        events: &mut Events,
    ) -> Vec<Forward> {
        dropped!(
            events,
            now,
            DropReason::MulticastOffRoute,
            source = header.source,
            destination = header.destination,
            detail = expected
        );
        self.upcall(now, UpcallReason::WrongInterface, header, incoming, events);
        Vec::new()
    }

    /// Keeps a packet until there is a route for it.
    fn wait(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        header: &ipv4::Header,
        incoming: u8,
        packet: PacketBuf,
        events: &mut Events,
    ) {
        let pair = (header.source, header.destination);
        if !self.waiting.contains_key(&pair) {
            if self.waiting.len() >= self.limits.unresolved {
                self.unresolved += 1;
                return dropped!(
                    events,
                    now,
                    DropReason::MulticastNoRoom,
                    source = header.source,
                    destination = header.destination
                );
            }
            let waiting = Waiting {
                until: now + self.limits.unresolved_life,
                packets: Vec::new(),
            };
            self.waiting.insert(pair, waiting);
            self.upcall(now, UpcallReason::NoRoute, header, incoming, events);
        }
        match self.waiting.get_mut(&pair) {
            Some(waiting) if waiting.packets.len() < self.limits.waiting => {
                waiting.packets.push((interface, packet));
                event!(
                    events,
                    now,
                    EventId::IpMforwardNoroute,
                    source = header.source,
                    destination = header.destination,
                    reason = "it waits"
                );
            }
            _ => {
                self.unresolved += 1;
                dropped!(
                    events,
                    now,
                    DropReason::MulticastNoRoom,
                    source = header.source,
                    destination = header.destination
                );
            }
        }
    }

    fn upcall(
        &mut self,
        now: Instant,
        reason: UpcallReason,
        header: &ipv4::Header,
        incoming: u8,
        events: &mut Events,
    ) {
        // As many as there can be pairs that wait; whoever sets routes learns of the others by the next packet.
        if self.upcalls.len() < self.limits.unresolved {
            self.upcalls.push_back(Upcall {
                reason,
                incoming,
                source: header.source,
                group: header.destination,
            });
        } else {
            dropped!(
                events,
                now,
                DropReason::MulticastUpcall,
                source = header.source,
                destination = header.destination
            );
        }
    }

    /// Drops the packets that waited for a route in vain.
    pub fn handle_timeout(&mut self, now: Instant, events: &mut Events) {
        for (pair, waiting) in self.waiting.extract_if(.., |_, it| it.until <= now) {
            self.unresolved += u64::try_from(waiting.packets.len()).unwrap_or(0);
            waiting.drop_all(now, pair, DropReason::MulticastNoRoute, events);
        }
    }

    /// When the next packets have waited long enough.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.values().map(|it| it.until).min()
    }

    /// The next thing that whoever sets routes should know.
    pub fn poll_upcall(&mut self) -> Option<Upcall> {
        self.upcalls.pop_front()
    }

    /// The virtual interfaces, by index.
    pub fn vifs(&self) -> impl Iterator<Item = (u8, &Vif)> {
        self.vifs.iter().map(|(index, vif)| (*index, vif))
    }

    /// The routes, by sender and group.
    pub fn routes(&self) -> impl Iterator<Item = &RouteState> {
        self.routes.values()
    }

    /// How many packets were dropped for want of a route.
    #[must_use]
    pub const fn unresolved(&self) -> u64 {
        self.unresolved
    }

    fn vif_of(&self, interface: InterfaceId) -> Option<u8> {
        let mut vifs = self.vifs.iter();
        vifs.find(|(_, vif)| vif.interface == interface)
            .map(|(index, _)| *index)
    }
}

/// Whether packets to a group never leave the link they were sent on: 224.0.0.0/24 (RFC 1112 §4, RFC 5771 §4).
#[must_use]
pub const fn stays_on_link(group: Ipv4Addr) -> bool {
    let [a, b, c, _] = group.octets();
    a == 224 && b == 0 && c == 0
}

#[cfg(test)]
mod tests;
