//! The host: every layer in one value, and the calls by which it is told and asked.
//!
//! ```text
//!   socket calls ──► sockets ──► udp · tcp · raw · local      calls.rs tcp_calls.rs local_calls.rs
//!                                   │  ▲
//!   routes, addresses ──────────► ip output/input · forwarding · icmp · igmp      manage.rs
//!                                   │  ▲
//!                        queue of the interface · arp
//!                                   │  ▲
//!                        poll_frame()  handle_frame()
//! ```
//!
//! The law (STYLE §1): whoever holds a [`Stack`] tells it what happened (`handle_…`, socket calls), then takes what it
//! wants sent ([`output_pending`](Stack::output_pending), [`poll_frame`](Stack::poll_frame)), takes the wakers and wakes
//! them once the stack is unlocked, and comes back at [`poll_timeout`](Stack::poll_timeout) at the latest. Time never
//! goes back; an earlier `now` than one before counts as that one.
//!
//! A packet for this host itself goes through a queue and is taken up at the end of the call that sent it, never from
//! within: no call recurses, however long the exchange. What a call does that way is bounded; what is left over is
//! taken up at once when the stack is next called, which [`poll_timeout`](Stack::poll_timeout) then asks for.

mod calls;
mod check;
mod control;
mod groups;
mod icmp;
mod igmp;
mod local_calls;
mod manage;
mod mroute;
mod neighbors;
mod readiness;
mod sysctl;
mod tcp_calls;
mod traffic;
mod usage;
mod ways;

pub use check::Inconsistency;
pub(crate) use check::ensure;
pub use control::{Answer, ArpRequest, Control};
pub use readiness::Ready;
pub use sysctl::{Clear, Old};
pub use traffic::{Offer, TrafficError};
pub use usage::Usage;
use ways::Watchers;
pub use ways::Way;

use crate::config::Config;
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId, Events};
use crate::hash::Key;
use crate::icmp::{IcmpCounters, RateLimiter};
use crate::iface::{Interface, InterfaceAddress, InterfaceConfig, InterfaceId, Medium};
use crate::igmp::Igmp;
use crate::ip::ident::Idents;
use crate::ip::multicast::MulticastForwarder;
use crate::ip::reassembly::Reassembly;
use crate::ip::{Carried, HopCache, IpCounters, Recent, Routing, checksum};
use crate::limits::Limits;
use crate::local::Local;
use crate::neigh::ArpCache;
use crate::pkt::{ChecksumState, PacketBuf};
use crate::raw::Protocols;
use crate::rng::Rng;
use crate::route::{PathMtuCache, RouteTable};
use crate::sock::{Interest, Kind, SocketId, SocketOptions, Table};
use crate::tcp::Tcp;
use crate::udp::{Ports, UdpCounters};
use fairway_wire::{Instant, ethernet};
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::task::Waker;

/// How many packets to itself and segments a host handles before a call returns.
const BUDGET: usize = 4096;

/// How to make a host.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Its name.
    pub name: String,
    /// Its tunables.
    pub config: Config,
    /// What strangers may make grow, and how far.
    pub limits: Limits,
    /// What its randomness and its secrets are drawn from. Who knows it can guess them.
    pub seed: [u8; 32],
    /// Which life of the host this is, counted from 0: names of sockets of an earlier life name nothing now.
    pub incarnation: u32,
}

impl Setup {
    /// A host with the defaults.
    #[must_use]
    pub fn new(name: &str, seed: [u8; 32]) -> Self {
        Self {
            name: name.into(),
            config: Config::default(),
            limits: Limits::default(),
            seed,
            incarnation: 0,
        }
    }
}

/// A host.
#[derive(Debug)]
pub struct Stack {
    pub(crate) name: String,
    host_id: Option<Ipv4Addr>,
    pub(crate) now: Instant,
    pub(crate) config: Config,
    pub(crate) limits: Limits,
    pub(crate) events: Events,
    /// For ports; every component that needs randomness has its own.
    port_rng: Rng,
    pub(crate) tcp_rng: Rng,
    /// For choices that must be the same for the same peer.
    pub(crate) key: Key,
    pub(crate) routing: Routing,
    pub(crate) hops: HopCache,
    pub(crate) recent: Recent,
    /// Interfaces that have frames to send.
    pub(crate) pending: VecDeque<InterfaceId>,
    /// When the first of the queues that hold packets back lets one go.
    held_until: Option<Instant>,
    pub(crate) neighbors: ArpCache,
    /// Addresses that are not used before nobody else turns out to have them.
    pub(crate) tentative: BTreeMap<(InterfaceId, Ipv4Addr), InterfaceAddress>,
    pub(crate) reassembly: Reassembly,
    pub(crate) idents: Idents,
    pub(crate) igmp: Igmp,
    pub(crate) multicast: MulticastForwarder,
    pub(crate) icmp_limit: RateLimiter,
    pub(crate) redirect_limit: RateLimiter,
    pub(crate) icmp_counters: IcmpCounters,
    pub(crate) ip_counters: IpCounters,
    pub(crate) udp_counters: UdpCounters,
    pub(crate) udp: Ports,
    pub(crate) raw: Protocols,
    pub(crate) tcp: Tcp,
    pub(crate) local: Local,
    pub(crate) sockets: Table,
    /// Packets to this host itself.
    pub(crate) loopback: VecDeque<(InterfaceId, PacketBuf)>,
    pub(crate) woken: Vec<Waker>,
    watchers: Watchers,
}

impl Stack {
    /// A host with a loopback interface, `lo`, that has 127.0.0.1/8.
    #[must_use]
    pub fn new(setup: Setup) -> Self {
        let mut rng = Rng::from_seed(setup.seed);
        let limits = setup.limits;
        let routing = Routing::new(
            RouteTable::new(limits.route.clone()),
            PathMtuCache::new(
                limits.route.clone(),
                setup.config.ip.path_mtu_time,
                rng.key(),
            ),
        );
        let mut stack = Self {
            name: setup.name,
            host_id: None,
            now: Instant::ZERO,
            events: Events::for_readers(),
            port_rng: Rng::from_seed(rng.seed()),
            tcp_rng: Rng::from_seed(rng.seed()),
            key: rng.key(),
            routing,
            hops: HopCache::new(),
            pending: VecDeque::new(),
            held_until: None,
            neighbors: ArpCache::new(
                setup.config.arp.clone(),
                limits.neighbours.clone(),
                Rng::from_seed(rng.seed()),
            ),
            tentative: BTreeMap::new(),
            reassembly: Reassembly::new(
                limits.reassembly.clone(),
                setup.config.ip.fragment_time,
                rng.key(),
            ),
            idents: Idents::new(rng.key(), &mut rng),
            igmp: Igmp::new(
                setup.config.igmp.clone(),
                limits.igmp.clone(),
                Rng::from_seed(rng.seed()),
            ),
            multicast: MulticastForwarder::new(limits.multicast.clone()),
            icmp_limit: RateLimiter::new(rng.key()),
            redirect_limit: RateLimiter::new(rng.key()),
            recent: Recent::new(rng.key()),
            icmp_counters: IcmpCounters::default(),
            ip_counters: IpCounters::default(),
            udp_counters: UdpCounters::default(),
            udp: Ports::default(),
            raw: Protocols::default(),
            tcp: Tcp::new(&mut rng),
            local: Local::new(limits.local.clone()),
            sockets: Table::new(limits.socket.sockets, setup.incarnation),
            loopback: VecDeque::new(),
            woken: Vec::new(),
            watchers: Watchers::default(),
            config: setup.config,
            limits,
        };
        let several = stack.config.ip.multiple_default_routes;
        stack.routing.routes.set_several_defaults(several);
        let mut loopback = InterfaceConfig::point("lo", 65_535);
        loopback.medium = Medium::Loopback;
        loopback.trusted = true;
        loopback.segmentation = true;
        stack.add_interface(loopback);
        stack
    }

    /// The name it was given.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The latest time it was told.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Takes the time of a call; it never goes back.
    #[inline]
    pub(crate) fn tell(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// A frame has arrived on an interface: from its link header on, or an IP packet where there is none. Anything may
    /// be in it; what cannot be used is dropped, counted, and raises an event.
    pub fn handle_frame(&mut self, now: Instant, interface: InterfaceId, frame: PacketBuf) {
        self.tell(now);
        event!(
            self.events,
            self.now,
            EventId::LinkIn,
            interface = interface.0,
            len = frame.len()
        );
        self.frame_input(interface, frame);
        self.settle();
    }

    /// Frames have arrived on an interface at once, in this order: as [`handle_frame`](Self::handle_frame) for each, but
    /// what they call for is sent once, for all of them. A stream of segments so costs one acknowledgment.
    pub fn handle_frames(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        frames: impl IntoIterator<Item = PacketBuf>,
    ) {
        self.tell(now);
        for frame in frames {
            event!(
                self.events,
                self.now,
                EventId::LinkIn,
                interface = interface.0,
                len = frame.len()
            );
            self.frame_input(interface, frame);
        }
        self.settle();
    }

    /// The next interface that may have frames to send, each named once until [`poll_frame`](Self::poll_frame) gave
    /// `None` for it.
    #[must_use]
    pub fn output_pending(&mut self) -> Option<InterfaceId> {
        self.pending.front().copied()
    }

    /// The next frame to send by an interface; `None` if there is none now.
    #[must_use]
    pub fn poll_frame(&mut self, now: Instant, id: InterfaceId) -> Option<PacketBuf> {
        self.tell(now);
        let now = self.now;
        let interface = self.routing.interface_mut(id)?;
        if !interface.pending {
            return None;
        }
        let mut frame = interface.queue.dequeue(now);
        if let Some(frame) = &mut frame
            && !interface.trusted
            && frame.checksum == ChecksumState::Trusted
        {
            // It was queued when the link was still trusted, or waited for its neighbour since then.
            let link = match interface.medium {
                Medium::Ethernet(_) => ethernet::Header::LEN,
                Medium::Point | Medium::Loopback => 0,
            };
            frame.pull_front(link);
            checksum::complete(frame);
            frame.push_front(link);
        }
        if frame.is_none() {
            interface.held_until = interface.queue.next_ready(now);
            // One whose queue holds packets back is on the list again when their time has come.
            interface.pending = interface.held_until.is_some();
            if self.pending.front() == Some(&id) {
                self.pending.pop_front();
            } else {
                self.pending.retain(|other| *other != id);
            }
            if let Some(until) = interface.held_until {
                self.held_until = Some(self.held_until.map_or(until, |other| other.min(until)));
            }
        }
        frame
    }

    /// Whoever drives an interface could not pass on a frame that [`poll_frame`](Self::poll_frame) gave: it is lost, as
    /// on a wire, but counted.
    pub fn handle_refused(&mut self, now: Instant, id: InterfaceId, frame: &PacketBuf) {
        self.tell(now);
        if let Some(interface) = self.routing.interface_mut(id) {
            interface.counters.out_errors += 1;
        }
        dropped!(
            self.events,
            self.now,
            DropReason::QueueRefused,
            interface = id.0,
            len = frame.len()
        );
    }

    /// Puts interfaces whose queues held packets back on the list when the time of those has come.
    fn release_held(&mut self) {
        let now = self.now;
        self.held_until = None;
        for interface in &mut self.routing.interfaces {
            match interface.held_until {
                Some(until) if until <= now => {
                    interface.held_until = None;
                    if !interface.suspended {
                        self.pending.push_back(interface.id);
                    }
                }
                Some(until) => {
                    self.held_until = Some(self.held_until.map_or(until, |other| other.min(until)));
                }
                None => {}
            }
        }
    }

    /// Puts an interface that cannot send now behind the others, or takes it off the list until something new is
    /// queued or [`resume`](Self::resume) puts it back: for drivers whose transmitter is busy.
    pub fn suspend(&mut self, id: InterfaceId) {
        if let Some(interface) = self.routing.interface_mut(id) {
            interface.suspended = true;
        }
        self.pending.retain(|other| *other != id);
    }

    /// The transmitter of an interface is free again.
    pub fn resume(&mut self, id: InterfaceId) {
        if let Some(interface) = self.routing.interface_mut(id)
            && std::mem::take(&mut interface.suspended)
            && interface.pending
            && interface.held_until.is_none()
        {
            self.pending.push_back(id);
        }
    }

    /// Time has passed; does nothing before [`poll_timeout`](Self::poll_timeout).
    pub fn handle_timeout(&mut self, now: Instant) {
        self.tell(now);
        let now = self.now;
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
        if due(self.held_until) {
            self.release_held();
        }
        if due(self.tcp.poll_timeout()) {
            let cx = &mut tcp_context!(self);
            self.tcp.handle_timeout(cx);
        }
        if due(self.neighbors.poll_timeout()) {
            self.neighbors.handle_timeout(now);
            self.flush_neighbors();
        }
        if due(self.reassembly.poll_timeout()) {
            self.reassembly.handle_timeout(now, &mut self.events);
            self.flush_reassembly();
        }
        if due(self.igmp.poll_timeout()) {
            self.igmp.handle_timeout(now);
            self.flush_igmp();
        }
        if due(self.multicast.poll_timeout()) {
            self.multicast.handle_timeout(now, &mut self.events);
        }
        if due(self.routing.routes.poll_timeout()) {
            self.routing.routes.handle_timeout(now);
        }
        while due(self.routing.path_mtu.poll_timeout()) {
            if self.routing.path_mtu.poll_expired(now).is_none() {
                break;
            }
            self.routing.changed();
        }
        self.settle();
    }

    /// When it next wants to be called, if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        if !self.loopback.is_empty() || self.tcp.has_output() {
            return Some(self.now); // Left over by a long call.
        }
        [
            self.held_until,
            self.tcp.poll_timeout(),
            self.neighbors.poll_timeout(),
            self.reassembly.poll_timeout(),
            self.igmp.poll_timeout(),
            self.multicast.poll_timeout(),
            self.routing.routes.poll_timeout(),
            self.routing.path_mtu.poll_timeout(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Moves the wakers of those who have waited for what has happened to `into`. Wake them when the stack is
    /// unlocked.
    #[inline]
    pub fn take_wakers(&mut self, into: &mut Vec<Waker>) {
        if self.ways_changed() {
            self.wake_watchers();
        }
        if !self.woken.is_empty() {
            into.append(&mut self.woken);
        }
        self.events.take_wakers(into);
    }

    /// Lets what the call has begun run to its end: packets to this host itself, and the segments that TCP owes.
    #[inline]
    pub(crate) fn settle(&mut self) {
        if !self.loopback.is_empty() || !self.tcp.is_quiet() {
            self.settle_all();
        }
    }

    fn settle_all(&mut self) {
        for _ in 0..BUDGET {
            if let Some((interface, packet)) = self.loopback.pop_front() {
                if interface == InterfaceId::LOOPBACK
                    && let Some(interface) = self.routing.interface_mut(interface)
                {
                    interface.counters.in_unicast += 1;
                    interface.counters.in_octets += u64::try_from(packet.len()).unwrap_or(0);
                }
                self.ip_input(interface, Carried::ByItself, packet);
                continue;
            }
            let cx = &mut tcp_context!(self);
            match self.tcp.poll_packet(cx) {
                Some(outgoing) => self.tcp_output(outgoing),
                None => break,
            }
        }
        self.flush_notices();
    }

    /// Wakes those who wait for what TCP has noticed.
    fn flush_notices(&mut self) {
        while let Some(notice) = self.tcp.poll_notice() {
            let Some(owner) = notice.owner else {
                continue;
            };
            let id = SocketId::from_token(owner);
            let Ok(socket) = self.sockets.get_mut(id) else {
                continue;
            };
            let ready = notice.readiness;
            let all = ready.error || ready.closed;
            if ready.readable || all {
                socket.waiters.wake(Interest::Read, &mut self.woken);
            }
            if ready.writable || all {
                socket.waiters.wake(Interest::Write, &mut self.woken);
            }
            if ready.exceptional || all {
                socket.waiters.wake(Interest::Urgent, &mut self.woken);
            }
        }
    }

    /// Adds a socket to the table, or says why there is no room.
    pub(crate) fn add_socket(
        &mut self,
        kind: Kind,
        options: SocketOptions,
    ) -> Result<SocketId, Errno> {
        match self.sockets.add(kind, options) {
            Ok(id) => {
                event!(
                    self.events,
                    self.now,
                    EventId::SocketCreate,
                    socket = id.token()
                );
                Ok(id)
            }
            Err(errno) => {
                event!(
                    self.events,
                    self.now,
                    EventId::SocketLimit,
                    errno = errno,
                    detail = self.sockets.len()
                );
                Err(errno)
            }
        }
    }

    /// A random number for choosing a port.
    pub(crate) fn port_draw(&mut self) -> u16 {
        self.port_rng.next_u16()
    }

    /// Ends the host as a power failure would: every socket is gone, nobody is told, and those who wait are woken.
    pub fn crash(&mut self) {
        let mut woken = std::mem::take(&mut self.woken);
        self.sockets.wake_all(&mut woken);
        self.woken = woken;
        self.wake_watchers();
        self.loopback.clear();
        self.pending.clear();
    }

    /// Its interfaces, in the order of their numbers.
    #[must_use]
    pub fn interfaces(&self) -> &[Interface] {
        &self.routing.interfaces
    }

    /// The events: counters, selection, the ring of records.
    #[must_use]
    pub const fn events(&self) -> &Events {
        &self.events
    }

    /// The events, to select or to take.
    pub const fn events_mut(&mut self) -> &mut Events {
        &mut self.events
    }

    /// The tunables.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }
}
