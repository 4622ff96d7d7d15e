//! IGMP on all interfaces of a host.

use super::Sent;
use super::filter::SourceFilter;
use super::host::Host;
use super::router::Router;
use crate::config::IgmpConfig;
use crate::counters::IgmpCounters;
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId, Events};
use crate::iface::InterfaceId;
use crate::limits::IgmpLimits;
use crate::pkt::PacketBuf;
use crate::rng::Rng;
use fairway_wire::Instant;
use fairway_wire::igmp::{Message, ParseError, Query, verify_checksum};
use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;

/// A message to be sent, with a time to live of 1 and a router alert.
#[derive(Debug)]
pub struct Output {
    /// By which interface.
    pub interface: InterfaceId,
    /// To whom.
    pub destination: Ipv4Addr,
    /// The message, without an IP header.
    pub packet: PacketBuf,
}

#[derive(Debug)]
struct Side {
    host: Host,
    router: Option<Router>,
}

/// Who listens to which group, on every interface of a host.
///
/// After any `handle_*` and any change, drain [`Igmp::poll_output`].
#[derive(Debug)]
pub struct Igmp {
    config: IgmpConfig,
    limits: IgmpLimits,
    rng: Rng,
    sides: BTreeMap<InterfaceId, Side>,
    output: VecDeque<Output>,
    /// When anything is due, so that asking costs nothing.
    next: Option<Instant>,
    router_changes: u64,
    /// What was counted.
    pub counters: IgmpCounters,
}

impl Igmp {
    /// Without interfaces.
    #[must_use]
    pub fn new(config: IgmpConfig, limits: IgmpLimits, rng: Rng) -> Self {
        Self {
            config,
            limits,
            rng,
            sides: BTreeMap::new(),
            output: VecDeque::new(),
            next: None,
            router_changes: 0,
            counters: IgmpCounters::default(),
        }
    }

    /// Changes the tunables.
    pub fn set_config(&mut self, config: IgmpConfig) {
        self.config = config;
    }

    /// An interface that carries multicast.
    pub fn add_interface(&mut self, interface: InterfaceId) {
        self.sides.entry(interface).or_insert_with(|| Side {
            host: Host::new(),
            router: None,
        });
    }

    /// No such interface any more; what is listened to on it is forgotten.
    pub fn remove_interface(&mut self, interface: InterfaceId) {
        self.sides.remove(&interface);
        self.settle();
    }

    /// The interface is up again: routers are told everything anew.
    pub fn handle_up(&mut self, now: Instant, interface: InterfaceId) {
        let mut out = Vec::new();
        if let Some(side) = self.sides.get_mut(&interface) {
            side.host
                .handle_up(now, &self.config, &mut self.rng, &mut out);
        }
        self.send(now, interface, out);
    }

    /// A socket changes its filter for a group on an interface from `before` to `after`; `None` stands for not
    /// listening. Joining is `(None, Some(&SourceFilter::ALL))`, leaving the reverse.
    ///
    /// # Errors
    /// [`Errno::NoBufs`] if the host listens to as many groups as it may, or the filter names too many senders;
    /// [`Errno::NoDev`] if there is no such interface. Nothing is changed then. Leaving never fails.
    pub fn change(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        group: Ipv4Addr,
        before: Option<&SourceFilter>,
        after: Option<&SourceFilter>,
    ) -> Result<(), Errno> {
        let total: usize = self.sides.values().map(|side| side.host.len()).sum();
        let Some(side) = self.sides.get_mut(&interface) else {
            return if after.is_some() {
                Err(Errno::NoDev)
            } else {
                Ok(())
            };
        };
        if let Some(after) = after {
            let new = !side.host.knows(group);
            if new && total >= self.limits.groups || after.sources.len() > self.limits.sources {
                return Err(Errno::NoBufs);
            }
        }
        let mut out = Vec::new();
        let (config, rng) = (&self.config, &mut self.rng);
        side.host
            .change(now, config, rng, group, (before, after), &mut out);
        self.send(now, interface, out);
        Ok(())
    }

    /// Whether anybody on this host listens to the group on that interface.
    #[must_use]
    pub fn is_member(&self, interface: InterfaceId, group: Ipv4Addr) -> bool {
        self.sides
            .get(&interface)
            .is_some_and(|side| side.host.is_member(group))
    }

    /// Whether anybody on this host listens to that sender of the group on that interface.
    #[must_use]
    pub fn accepts(&self, interface: InterfaceId, group: Ipv4Addr, source: Ipv4Addr) -> bool {
        self.sides
            .get(&interface)
            .is_some_and(|side| side.host.wants(group, source))
    }

    /// The groups that are listened to on an interface, in order.
    #[must_use]
    pub fn memberships(&self, interface: InterfaceId) -> Vec<Ipv4Addr> {
        let side = self.sides.get(&interface);
        side.map(|side| side.host.members().collect())
            .unwrap_or_default()
    }

    /// The version spoken on an interface, 1 to 3.
    #[must_use]
    pub fn version(&self, interface: InterfaceId) -> Option<u8> {
        Some(self.sides.get(&interface)?.host.version(&self.config))
    }

    /// Acts as a multicast router on an interface, with that address of it.
    pub fn enable_router(&mut self, now: Instant, interface: InterfaceId, address: Ipv4Addr) {
        let Some(side) = self.sides.get_mut(&interface) else {
            return;
        };
        let mut router = Router::new(now, &self.config, address);
        // What this host listens to counts too.
        let mut out = Vec::new();
        router.handle_timeout(now, &self.config, &mut out);
        side.router = Some(router);
        self.router_changes += 1;
        self.send(now, interface, out);
        // Tell the router's side, and every other router, of this host's own groups.
        self.handle_up(now, interface);
    }

    /// Does so no more.
    pub fn disable_router(&mut self, interface: InterfaceId) {
        if let Some(side) = self.sides.get_mut(&interface) {
            side.router = None;
            self.router_changes += 1;
        }
        self.settle();
    }

    /// Whether this host asks the others on that interface; `None` if it is no multicast router there.
    #[must_use]
    pub fn is_querier(&self, interface: InterfaceId) -> Option<bool> {
        Some(self.sides.get(&interface)?.router.as_ref()?.is_querier())
    }

    /// Whether anybody on the network of that interface listens to that sender of the group, as far as the router's
    /// side knows.
    #[must_use]
    pub fn is_wanted(&self, interface: InterfaceId, group: Ipv4Addr, source: Ipv4Addr) -> bool {
        let router = self
            .sides
            .get(&interface)
            .and_then(|side| side.router.as_ref());
        router.is_some_and(|router| router.wants(group, source))
    }

    /// The groups that somebody on the network of that interface listens to, as far as the router's side knows.
    #[must_use]
    pub fn heard_groups(&self, interface: InterfaceId) -> Vec<Ipv4Addr> {
        let router = self
            .sides
            .get(&interface)
            .and_then(|side| side.router.as_ref());
        router
            .map(|router| router.groups().collect())
            .unwrap_or_default()
    }

    /// Changes whenever an answer of [`Igmp::is_wanted`] may have changed.
    #[must_use]
    pub const fn router_generation(&self) -> u64 {
        self.router_changes
    }

    /// A message came from `source` by `interface`: what follows the IP header. Raises `igmp_input-shortmsg`, `-badsum`
    /// and `-badmsg`; one of an unknown type is no loss if somebody else has `heard` it.
    pub fn handle_message(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        source: Ipv4Addr,
        octets: &[u8],
        heard: bool,
        events: &mut Events,
    ) {
        self.counters.received += 1;
        let message = match Message::parse(octets) {
            Ok(message) => message,
            Err(error) => {
                let (counter, reason) = match error {
                    ParseError::Short | ParseError::Truncated => {
                        (&mut self.counters.too_short, DropReason::IgmpShort)
                    }
                    // RFC 3376 §7.1: a query of such a length "MUST be silently ignored".
                    ParseError::QueryLength(_) => {
                        (&mut self.counters.bad_queries, DropReason::IgmpBadLength)
                    }
                };
                *counter += 1;
                dropped!(
                    events,
                    now,
                    reason,
                    interface = interface.0,
                    source = source,
                    len = octets.len()
                );
                return;
            }
        };
        if !verify_checksum(octets) {
            self.counters.bad_checksum += 1;
            dropped!(
                events,
                now,
                DropReason::IgmpBadChecksum,
                interface = interface.0,
                source = source
            );
            return;
        }
        event!(
            events,
            now,
            EventId::IgmpIn,
            interface = interface.0,
            source = source,
            len = octets.len(),
            detail = message.message_type().0
        );
        if !self.is_sensible(&message) {
            dropped!(
                events,
                now,
                DropReason::IgmpNoGroup,
                interface = interface.0,
                source = source,
                len = octets.len()
            );
            return;
        }
        if let Message::Other { .. } = message
            && !heard
        {
            dropped!(
                events,
                now,
                DropReason::IgmpUnknown,
                interface = interface.0,
                source = source,
                detail = message.message_type().0
            );
        }
        let full = self.counters.groups_without_room;
        self.take(now, interface, source, &message, false);
        for _ in full..self.counters.groups_without_room {
            dropped!(
                events,
                now,
                DropReason::IgmpNoRoom,
                interface = interface.0,
                source = source
            );
        }
    }

    /// Counts a message by its kind; whether its groups are groups.
    fn is_sensible(&mut self, message: &Message<'_>) -> bool {
        let (good, bad) = match message {
            Message::Query(Query { group, .. }) => {
                self.counters.queries += 1;
                (
                    group.is_multicast() || group.is_unspecified(),
                    &mut self.counters.bad_queries,
                )
            }
            Message::V1Report { group }
            | Message::V2Report { group }
            | Message::Leave { group } => {
                self.counters.reports += 1;
                (group.is_multicast(), &mut self.counters.bad_reports)
            }
            Message::V3Report(report) => {
                self.counters.reports += 1;
                let all = report.records().all(|record| record.group.is_multicast());
                (all, &mut self.counters.bad_reports)
            }
            // RFC 2236 §2.1: "Unrecognized message types should be silently ignored."
            Message::Other { .. } => return true,
        };
        *bad += u64::from(!good);
        good
    }

    /// Does what a message says; with `own`, it is one of this host's, for the router's side only.
    fn take(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        source: Ipv4Addr,
        message: &Message<'_>,
        own: bool,
    ) {
        let Some(side) = self.sides.get_mut(&interface) else {
            return;
        };
        let (config, limits, rng) = (&self.config, &self.limits, &mut self.rng);
        let mut out = Vec::new();
        let Side { host, router } = side;
        match message {
            Message::Query(query) => {
                if let Some(router) = router {
                    router.handle_query(now, config, source, query);
                }
                host.handle_query(now, config, rng, query);
            }
            Message::V1Report { group } | Message::V2Report { group } => {
                let version = if matches!(message, Message::V1Report { .. }) {
                    1
                } else {
                    2
                };
                if !own && host.handle_report(config, *group) {
                    self.counters.reports_for_own_groups += 1;
                }
                if let Some(router) = router {
                    let room = router.handle_old_report(now, limits, version, *group);
                    self.counters.groups_without_room += u64::from(!room);
                }
            }
            Message::Leave { group } => {
                if let Some(router) = router {
                    router.handle_leave(now, config, limits, *group, &mut out);
                }
            }
            Message::V3Report(report) => {
                for record in report.records() {
                    if !own && host.is_member(record.group) {
                        self.counters.reports_for_own_groups += 1;
                    }
                    if let Some(router) = router {
                        let (kind, sources) = (record.record_type, record.sources.iter());
                        let room = router.handle_record(
                            now,
                            config,
                            limits,
                            kind,
                            record.group,
                            sources,
                            &mut out,
                        );
                        self.counters.groups_without_room += u64::from(!room);
                    }
                }
            }
            Message::Other { .. } => return,
        }
        self.router_changes += u64::from(router.is_some());
        self.send(now, interface, out);
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.next.is_none_or(|at| now < at) {
            return;
        }
        let mut all = Vec::new();
        for (&interface, side) in &mut self.sides {
            let mut out = Vec::new();
            let (config, rng) = (&self.config, &mut self.rng);
            side.host.handle_timeout(now, config, rng, &mut out);
            if let Some(router) = &mut side.router {
                let changed = router.handle_timeout(now, config, &mut out);
                self.router_changes += u64::from(changed);
            }
            all.push((interface, out));
        }
        for (interface, out) in all {
            self.send(now, interface, out);
        }
        self.settle();
    }

    /// When anything is due next.
    #[must_use]
    pub const fn poll_timeout(&self) -> Option<Instant> {
        self.next
    }

    /// The next message to send; ask until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.output.pop_front()
    }

    /// Queues messages. The router's side on the same interface hears its own host's reports, and the host's side its
    /// own router's queries.
    fn send(&mut self, now: Instant, interface: InterfaceId, out: Vec<Sent>) {
        for Sent {
            destination,
            packet,
        } in out
        {
            if let Ok(message) = Message::parse(packet.as_slice()) {
                match message {
                    Message::Query(_) => self.counters.queries_sent += 1,
                    _ => self.counters.reports_sent += 1,
                }
                let routing = self
                    .sides
                    .get(&interface)
                    .is_some_and(|side| side.router.is_some());
                if routing {
                    self.take(now, interface, Ipv4Addr::UNSPECIFIED, &message, true);
                }
            }
            self.output.push_back(Output {
                interface,
                destination,
                packet,
            });
        }
        self.settle();
    }

    fn settle(&mut self) {
        let sides = self.sides.values();
        let all = sides.flat_map(|side| {
            [
                side.host.poll_timeout(),
                side.router.as_ref().and_then(Router::poll_timeout),
            ]
        });
        self.next = all.flatten().min();
    }
}

#[cfg(test)]
mod tests;
