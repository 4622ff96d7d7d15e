//! Changing the host: interfaces, addresses, routes, neighbours (sockets.md §8).

use super::Stack;
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId, LinkState, MessageKind, StateCause};
use crate::iface::{Interface, InterfaceAddress, InterfaceConfig, InterfaceId, Medium};
use crate::mgmt::Request;
use crate::neigh::Neighbour;
use crate::neigh::{ClaimMode, ClaimState, ConflictPolicy, Misuse};
use crate::qos::Qdisc;
use crate::route::{Origin, Prefix, Route, RouteQuery};
use fairway_wire::{Instant, MacAddr};
use std::net::Ipv4Addr;

impl Stack {
    /// Adds an interface; it is up.
    pub fn add_interface(&mut self, config: InterfaceConfig) -> InterfaceId {
        let count = u32::try_from(self.routing.interfaces.len()).unwrap_or(u32::MAX - 1);
        let id = InterfaceId(count + 1);
        let medium = config.medium;
        self.routing.interfaces.push(Interface::new(id, config));
        match medium {
            Medium::Ethernet(address) => self.neighbors.add_interface(id, address),
            Medium::Point | Medium::Loopback => {}
        }
        self.igmp.add_interface(id);
        self.routing.changed();
        if medium == Medium::Loopback {
            let own = InterfaceAddress::new(Ipv4Addr::LOCALHOST, 8);
            if let Some(interface) = self.routing.interface_mut(id) {
                interface.addresses.push(own);
            }
            self.routing.changed();
            // Its network is this host: no packet to it ever leaves.
            let _added = self.add_connected(id, own);
        }
        id
    }

    /// Gives an interface an address (SIOCAIFADDR), and the network around it a route.
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface, [`Errno::Exist`] if it has the address already,
    /// [`Errno::AddrNotAvail`] if no host can have it, [`Errno::Inval`] for a peer's address where the link has more
    /// than one (`in_control-badflags`).
    pub fn add_address(
        &mut self,
        now: Instant,
        id: InterfaceId,
        address: InterfaceAddress,
    ) -> Result<(), Errno> {
        self.tell(now);
        self.check_new_address(id, &address)?;
        // RFC 5227 §2.3: neighbours hear of it; who uses it already will say so.
        let mode = if self.config.arp.announce {
            ClaimMode::Announce
        } else {
            ClaimMode::Silent
        };
        self.take_address(id, address)?;
        self.claim_address(id, address, mode);
        self.settle();
        Ok(())
    }

    /// As [`add_address`](Self::add_address), but the address is used only once it is known that nobody else on an
    /// Ethernet has it: some seconds later (RFC 5227 §2.1), which `if_addr-add` tells. If somebody has it, it is not
    /// added at all, and `arp_input-dupaddr` tells. See [`address_claim`](Self::address_claim).
    ///
    /// When the link comes up again it is asked anew. Until that is over the neighbours are not spoken to as that
    /// address; if somebody has it meanwhile, it is taken away, and `if_addr-del` tells.
    ///
    /// # Errors
    /// As [`add_address`](Self::add_address).
    pub fn probe_address(
        &mut self,
        now: Instant,
        id: InterfaceId,
        address: InterfaceAddress,
    ) -> Result<(), Errno> {
        self.tell(now);
        self.check_new_address(id, &address)?;
        if !matches!(self.known(id)?.medium, Medium::Ethernet(_)) {
            return self.add_address(now, id, address);
        }
        self.tentative.insert((id, address.address), address);
        self.claim_address(id, address, ClaimMode::Probe);
        self.settle();
        Ok(())
    }

    /// How far the claim to an address on an Ethernet is; `None` if there is none.
    #[must_use]
    pub fn address_claim(&self, id: InterfaceId, address: Ipv4Addr) -> Option<ClaimState> {
        self.neighbors.claim_state(id, address)
    }

    /// Whether an interface may be given that address.
    fn check_new_address(
        &mut self,
        id: InterfaceId,
        address: &InterfaceAddress,
    ) -> Result<(), Errno> {
        let ip = address.address;
        if ip.is_unspecified() || ip.is_multicast() || ip.is_broadcast() {
            return Err(Errno::AddrNotAvail);
        }
        let interface = self.known(id)?;
        if interface.addresses.iter().any(|own| own.address == ip) {
            return Err(Errno::Exist);
        }
        if address.peer.is_some() && interface.can_broadcast() {
            // The address of the other end is for links that have one (IFF_POINTOPOINT).
            event!(
                self.events,
                self.now,
                EventId::InControlBadflags,
                interface = id.0,
                source = ip,
                errno = Errno::Inval,
                request = Request::SET_DESTINATION.0
            );
            return Err(Errno::Inval);
        }
        Ok(())
    }

    /// Uses an address from now on.
    pub(crate) fn take_address(
        &mut self,
        id: InterfaceId,
        address: InterfaceAddress,
    ) -> Result<(), Errno> {
        self.known(id)?.addresses.push(address);
        self.routing.changed();
        self.add_connected(id, address)?;
        event!(
            self.events,
            self.now,
            EventId::IfAddrAdd,
            interface = id.0,
            source = address.address
        );
        Ok(())
    }

    /// Lays claim to an address before the neighbours on an Ethernet.
    fn claim_address(&mut self, id: InterfaceId, address: InterfaceAddress, mode: ClaimMode) {
        let (ip, prefix) = (address.address, address.prefix);
        let policy = ConflictPolicy::Keep;
        self.neighbors
            .add_address(self.now, id, ip, prefix, mode, policy);
        self.flush_neighbors();
    }

    fn add_connected(&mut self, id: InterfaceId, address: InterfaceAddress) -> Result<(), Errno> {
        let networks = [
            Prefix::new(address.network(), address.prefix),
            address.peer.map(Prefix::host),
        ];
        let metric = self.known(id)?.metric;
        for network in networks.into_iter().flatten() {
            let mut route = Route::new(network, None, id);
            route.metric = metric;
            route.origin = Origin::Connected;
            route.source = Some(address.address);
            // Another address of the same network has made the route already.
            match self.routing.routes.add(route) {
                Ok(()) => {}
                Err(error) if error.errno() == Errno::Exist => {}
                Err(error) => return Err(error.errno()),
            }
        }
        Ok(())
    }

    /// Takes an address from an interface (SIOCDIFADDR), with the routes that came with it.
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface, [`Errno::AddrNotAvail`] if it does not have the address.
    pub fn remove_address(
        &mut self,
        now: Instant,
        id: InterfaceId,
        address: Ipv4Addr,
    ) -> Result<(), Errno> {
        self.tell(now);
        if self.tentative.remove(&(id, address)).is_some() {
            self.neighbors.remove_address(id, address);
            return Ok(());
        }
        if !self.drop_address(id, address)? {
            event!(
                self.events,
                self.now,
                EventId::InControlNoifdata,
                interface = id.0,
                source = address,
                errno = Errno::AddrNotAvail,
                request = Request::DELETE_ADDRESS.0
            );
            return Err(Errno::AddrNotAvail);
        }
        self.neighbors.remove_address(id, address);
        Ok(())
    }

    /// Uses an address no longer; whether it was in use.
    pub(crate) fn drop_address(
        &mut self,
        id: InterfaceId,
        address: Ipv4Addr,
    ) -> Result<bool, Errno> {
        let interface = self.known(id)?;
        let mut addresses = interface.addresses.iter();
        let Some(place) = addresses.position(|own| own.address == address) else {
            return Ok(false);
        };
        interface.addresses.remove(place);
        let left = interface.addresses.clone();
        self.routing.changed();
        self.routing
            .routes
            .flush(|route| route.source == Some(address) && route.interface == id);
        for own in left {
            self.add_connected(id, own)?;
        }
        event!(
            self.events,
            self.now,
            EventId::IfAddrDel,
            interface = id.0,
            source = address
        );
        Ok(true)
    }

    fn known(&mut self, id: InterfaceId) -> Result<&mut Interface, Errno> {
        self.routing.interface_mut(id).ok_or(Errno::NxIo)
    }

    /// Switches an interface on or off (IFF_UP). Off, it neither sends nor receives, and its queue is dropped; routes by
    /// it stay and lead nowhere.
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface.
    pub fn set_up(&mut self, now: Instant, id: InterfaceId, up: bool) -> Result<(), Errno> {
        self.tell(now);
        let interface = self.known(id)?;
        if interface.up == up {
            return Ok(());
        }
        interface.up = up;
        self.link_changed(id, StateCause::Operator);
        Ok(())
    }

    /// The carrier of an interface has come or gone (IFF_RUNNING).
    pub fn handle_carrier(&mut self, now: Instant, id: InterfaceId, running: bool) {
        self.tell(now);
        if let Some(interface) = self.routing.interface_mut(id)
            && interface.running != running
        {
            interface.running = running;
            let cause = if running {
                StateCause::Recovery
            } else {
                StateCause::Error
            };
            self.link_changed(id, cause);
        }
    }

    fn link_changed(&mut self, id: InterfaceId, cause: StateCause) {
        let Some(interface) = self.routing.interface_mut(id) else {
            return;
        };
        let running = interface.is_running();
        if !running {
            let cleared = interface.queue.clear();
            self.queue_lost(id, cleared, DropReason::QueueDown);
        }
        let event = if running {
            EventId::IfUp
        } else {
            EventId::IfDown
        };
        event!(self.events, self.now, event, interface = id.0);
        let (old, new) = if running {
            (LinkState::Down, LinkState::Up)
        } else {
            (LinkState::Up, LinkState::Down)
        };
        let change = MessageKind::StateChange {
            interface: id.0,
            old,
            new,
            cause,
        };
        self.events.publish(self.now, &change);
        self.neighbors.flush(Some(id), false);
        if running {
            self.neighbors.handle_up(self.now, id);
        }
        self.flush_neighbors();
        self.routing.changed();
        if running {
            self.igmp.handle_up(self.now, id);
            self.flush_igmp();
        }
        self.settle();
    }

    /// Tells of the frames that waited in a queue which is no more.
    pub(super) fn queue_lost(&mut self, id: InterfaceId, frames: usize, reason: DropReason) {
        if let Some(interface) = self.routing.interface_mut(id) {
            interface.counters.out_discards += u64::try_from(frames).unwrap_or(0);
        }
        for _ in 0..frames {
            dropped!(self.events, self.now, reason, interface = id.0);
        }
    }

    /// Changes the longest packet of an interface (SIOCSIFMTU).
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface, [`Errno::Inval`] below 68 (RFC 791) or above 65 535 octets.
    pub fn set_mtu(&mut self, now: Instant, id: InterfaceId, mtu: usize) -> Result<(), Errno> {
        self.tell(now);
        if !(68..=65_535).contains(&mtu) {
            return Err(Errno::Inval);
        }
        let interface = self.known(id)?;
        interface.mtu = mtu;
        if let Some(fair) = interface.queue.as_fair_mut() {
            fair.set_mtu(u32::try_from(mtu).unwrap_or(u32::MAX));
        }
        self.routing.changed();
        Ok(())
    }

    /// Changes the metric of an interface (SIOCSIFMETRIC): that of the routes to its networks.
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface.
    pub fn set_metric(&mut self, now: Instant, id: InterfaceId, metric: u32) -> Result<(), Errno> {
        self.tell(now);
        let interface = self.known(id)?;
        interface.metric = metric;
        let addresses = interface.addresses.clone();
        self.routing
            .routes
            .flush(|route| route.origin == Origin::Connected && route.interface == id);
        for own in addresses {
            self.add_connected(id, own)?;
        }
        self.routing.changed();
        Ok(())
    }

    /// The groups that are listened to on an interface, in order (SIOCGMCAST).
    #[must_use]
    pub fn memberships(&self, id: InterfaceId) -> Vec<Ipv4Addr> {
        self.igmp.memberships(id)
    }

    /// Asks on every Ethernet who has an address (SIOCARP); who is in the table of neighbours already is seen to be there
    /// by the answer.
    pub fn ask_for(&mut self, now: Instant, address: Ipv4Addr) {
        self.tell(now);
        self.neighbors.request(address);
        self.flush_neighbors();
        self.settle();
    }

    /// The address that names the host: the one set, or else its first that is not the loopback's.
    #[must_use]
    pub fn host_id(&self) -> Option<Ipv4Addr> {
        let first = || {
            let interfaces = self.routing.interfaces.iter();
            let mut addresses = interfaces.flat_map(|interface| &interface.addresses);
            addresses
                .find(|own| !own.address.is_loopback())
                .map(|own| own.address)
        };
        self.host_id.or_else(first)
    }

    /// Sets the address that names the host (SIOCSHOSTID); it need not be one of its own.
    pub const fn set_host_id(&mut self, address: Option<Ipv4Addr>) {
        self.host_id = address;
    }

    /// Sets whether transport checksums of packets by that interface may be left out. What waits without them gets them
    /// when it leaves.
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface.
    pub fn set_trusted(&mut self, id: InterfaceId, trusted: bool) -> Result<(), Errno> {
        self.known(id)?.trusted = trusted;
        self.routing.changed();
        Ok(())
    }

    /// Gives an interface another queueing discipline. What waits in the old one is dropped.
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface.
    pub fn set_queue(&mut self, id: InterfaceId, queue: impl Into<Qdisc>) -> Result<(), Errno> {
        let interface = self.known(id)?;
        let cleared = interface.queue.clear();
        interface.queue = queue.into();
        interface.held_until = None;
        // The first frame of the new one puts it on the list again.
        interface.pending = false;
        self.queue_lost(id, cleared, DropReason::QueueReplaced);
        self.pending.retain(|other| *other != id);
        Ok(())
    }

    /// The queueing discipline of an interface, to change what it does: reservations are made there.
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface.
    pub fn queue_mut(&mut self, id: InterfaceId) -> Result<&mut Qdisc, Errno> {
        Ok(&mut self.known(id)?.queue)
    }

    /// `IFF_PROMISC`.
    ///
    /// # Errors
    /// [`Errno::NetDown`] if the interface is down (`ifpromisc-ifdown`), [`Errno::NxIo`] if there is none.
    pub fn set_promiscuous(
        &mut self,
        now: Instant,
        id: InterfaceId,
        on: bool,
    ) -> Result<(), Errno> {
        self.tell(now);
        let interface = self.known(id)?;
        if !interface.up {
            event!(
                self.events,
                self.now,
                EventId::IfpromiscIfdown,
                interface = id.0,
                errno = Errno::NetDown,
                detail = u64::from(on)
            );
            return Err(Errno::NetDown);
        }
        interface.promiscuous = on;
        Ok(())
    }

    /// Sets whether redirects are sent to hosts on an interface (SIOCSIFNOREDIR, SIOCSIFYESREDIR).
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is no such interface.
    pub fn set_redirects(&mut self, id: InterfaceId, on: bool) -> Result<(), Errno> {
        self.known(id)?.redirects = on;
        Ok(())
    }

    /// The interface of that name.
    ///
    /// # Errors
    /// [`Errno::NxIo`] if there is none (`ifioctl-badifname`).
    pub fn interface_by_name(&mut self, name: &str) -> Result<InterfaceId, Errno> {
        let found = self
            .routing
            .interfaces
            .iter()
            .find(|interface| interface.name == name);
        found.map(|interface| interface.id).ok_or_else(|| {
            event!(
                self.events,
                self.now,
                EventId::IfioctlBadifname,
                errno = Errno::NxIo,
                request = Request::GET_FLAGS.0
            );
            Errno::NxIo
        })
    }

    /// Adds a route (SIOCADDRT).
    ///
    /// # Errors
    /// [`Errno::Exist`], [`Errno::NetUnreach`] if the gateway is not on a network of this host, [`Errno::NoBufs`] when
    /// the table is full (`rtrequest-error`); [`Errno::NxIo`] if there is no such interface, [`Errno::Inval`] if the
    /// gateway is no host's address (`route_output-error`).
    pub fn add_route(&mut self, now: Instant, route: Route) -> Result<(), Errno> {
        self.tell(now);
        let gateway = route.gateway;
        let near = gateway.is_none_or(|gateway| {
            let interface = self.routing.interface(route.interface);
            interface.is_some_and(|interface| {
                matches!(interface.medium, Medium::Point)
                    || interface
                        .addresses
                        .iter()
                        .any(|own| own.covers(gateway) || own.peer == Some(gateway))
            })
        });
        let destination = route.destination;
        let nobody =
            gateway.is_some_and(|it| it.is_unspecified() || it.is_multicast() || it.is_broadcast());
        if nobody || self.routing.interface(route.interface).is_none() {
            let errno = if nobody { Errno::Inval } else { Errno::NxIo };
            event!(
                self.events,
                self.now,
                EventId::RouteOutputError,
                interface = route.interface.0,
                destination = destination.address(),
                source = gateway,
                errno = errno,
                request = Request::ADD_ROUTE.0
            );
            return Err(errno);
        }
        let result = if near {
            self.routing
                .routes
                .add(route)
                .map_err(crate::route::RouteError::errno)
        } else {
            Err(Errno::NetUnreach)
        };
        self.route_result(result, EventId::RtAdd, destination, gateway)
    }

    /// Deletes a route (SIOCDELRT).
    ///
    /// # Errors
    /// [`Errno::Srch`] if there is none.
    pub fn delete_route(&mut self, now: Instant, query: &RouteQuery) -> Result<Route, Errno> {
        self.tell(now);
        let deleted = self
            .routing
            .routes
            .delete(query)
            .map_err(crate::route::RouteError::errno);
        let result = deleted.as_ref().map(|_| ()).map_err(|errno| *errno);
        self.route_result(result, EventId::RtDel, query.destination, query.gateway)?;
        deleted
    }

    fn route_result(
        &mut self,
        result: Result<(), Errno>,
        event: EventId,
        destination: Prefix,
        gateway: Option<Ipv4Addr>,
    ) -> Result<(), Errno> {
        match result {
            Ok(()) => {
                event!(
                    self.events,
                    self.now,
                    event,
                    destination = destination.address(),
                    source = gateway,
                    detail = destination.len()
                );
            }
            Err(errno) => {
                if errno == Errno::NoBufs {
                    event!(self.events, self.now, EventId::RtAllocNomem);
                }
                event!(
                    self.events,
                    self.now,
                    EventId::RtrequestError,
                    destination = destination.address(),
                    source = gateway,
                    errno = errno,
                    detail = destination.len()
                );
            }
        }
        result
    }

    /// The routes, most specific first within each network.
    #[must_use]
    pub fn routes(&self) -> Vec<&Route> {
        self.routing.routes.dump()
    }

    /// Takes away the routes that were set or learned, of one interface or of all (SIOFLUSHRT, SIOFLUSHRTIFP); those that
    /// come with its addresses stay. Says how many.
    pub fn flush_routes(&mut self, now: Instant, interface: Option<InterfaceId>) -> usize {
        self.tell(now);
        let concerned = |route: &Route| interface.is_none_or(|only| route.interface == only);
        let flushed = self
            .routing
            .routes
            .flush(|route| route.origin != Origin::Connected && concerned(route));
        self.routing.changed();
        flushed
    }

    /// The neighbours, by interface and address.
    pub fn neighbors(&self) -> impl Iterator<Item = Neighbour> {
        self.neighbors.list()
    }

    /// Enters a neighbour by hand (SIOCSARP); it stays until it is deleted.
    ///
    /// # Errors
    /// [`Errno::NetUnreach`] if the address is on no network of that interface (`arpioctl-noentry`),
    /// [`Errno::AfNoSupport`] if its link has no such addresses (`arpioctl-badreq`), [`Errno::NxIo`].
    pub fn set_neighbor(
        &mut self,
        now: Instant,
        id: InterfaceId,
        address: Ipv4Addr,
        link: MacAddr,
    ) -> Result<(), Errno> {
        self.tell(now);
        let interface = self.known(id)?;
        if !matches!(interface.medium, Medium::Ethernet(_)) {
            event!(
                self.events,
                self.now,
                EventId::ArpioctlBadreq,
                interface = id.0,
                destination = address,
                errno = Errno::AfNoSupport,
                request = Request::SET_ARP.0
            );
            return Err(Errno::AfNoSupport);
        }
        let near = interface.addresses.iter().any(|own| own.covers(address));
        if !near {
            event!(
                self.events,
                self.now,
                EventId::ArpioctlNoentry,
                interface = id.0,
                destination = address,
                errno = Errno::NetUnreach,
                request = Request::SET_ARP.0
            );
            return Err(Errno::NetUnreach);
        }
        let added = self.neighbors.add(self.now, id, address, link, true);
        self.flush_neighbors();
        self.settle();
        if added == Err(Misuse::Full) {
            event!(
                self.events,
                self.now,
                EventId::ArpAllocNomem,
                interface = id.0,
                destination = address
            );
        }
        added.map_err(|misuse| match misuse {
            Misuse::NoEntry | Misuse::BadAddress => Errno::Inval,
            Misuse::Full => Errno::NoBufs,
        })
    }

    /// Deletes a neighbour (SIOCDARP).
    ///
    /// # Errors
    /// [`Errno::AddrNotAvail`] if there is none (`arpioctl-noentry`).
    pub fn delete_neighbor(
        &mut self,
        now: Instant,
        id: InterfaceId,
        address: Ipv4Addr,
    ) -> Result<(), Errno> {
        self.tell(now);
        if self.neighbors.delete(id, address).is_ok() {
            self.flush_neighbors();
            return Ok(());
        }
        event!(
            self.events,
            self.now,
            EventId::ArpioctlNoentry,
            interface = id.0,
            destination = address,
            errno = Errno::AddrNotAvail,
            request = Request::DELETE_ARP.0
        );
        Err(Errno::AddrNotAvail)
    }
}
