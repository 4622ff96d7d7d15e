//! The engine: its inputs, its sessions, and what leads from one to the other.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use bytes::Bytes;
use fairway_wire::Instant;

use super::io::{Config, Counters, Output};
use super::node::Node;
use super::refresh::Cause;
use crate::api::{ApiError, ApiId, Call};
use crate::interface::{IfIndex, Interface};
use crate::msg::Body;
use crate::neighbour::{Arrival, Delivery, IdOfState, StateKey};
use crate::notice::Notice;
use crate::routing::Routing;
use crate::state::{Phop, SessionKey, SessionState};
use crate::tc::TrafficControl;
use crate::timers::Timers;
use crate::wire::{ErrorCode, Session};
use crate::{DecodeError, Disposition};

/// An RSVP node. See [the module](super) for the law of its methods.
#[derive(Debug)]
pub struct Engine {
    pub(super) node: Node,
    /// By index; a place is used again after its session has ended.
    pub(super) sessions: Vec<Option<Box<SessionState>>>,
    free: Vec<u32>,
    pub(super) by_key: BTreeMap<SessionKey, u32>,
    by_app: BTreeMap<ApiId, u32>,
    /// The same applications, by the destination of their session.
    apps_of: BTreeSet<(IpAddr, ApiId)>,
    timers: Timers<u32>,
}

impl Engine {
    /// A node without interfaces and without state.
    #[must_use]
    pub fn new(
        config: Config,
        routing: Box<dyn Routing>,
        traffic_control: Box<dyn TrafficControl>,
    ) -> Self {
        Self {
            node: Node::new(config, routing, traffic_control),
            sessions: Vec::new(),
            free: Vec::new(),
            by_key: BTreeMap::new(),
            by_app: BTreeMap::new(),
            apps_of: BTreeSet::new(),
            timers: Timers::new(),
        }
    }

    /// An interface has come, or is not as it was: its addresses, its MTU, its settings.
    ///
    /// One that is down or not enabled is as good as none: what was reserved there is given up.
    pub fn handle_interface(&mut self, now: Instant, interface: Interface) {
        let index = interface.index;
        if index.is_local() {
            return;
        }
        let works = interface.up && interface.settings.enabled;
        let worked = self.node.interface(index).is_some();
        self.node.neighbours.set_interface(now, &interface);
        let is_other = self
            .node
            .interfaces
            .get(&index)
            .is_none_or(|old| says_other_things(old, &interface));
        let old = self.node.interfaces.insert(index, interface);
        self.node.note_addresses();
        if worked && !works {
            self.each_session(now, |node, session| {
                node.lose_interface(now, session, index);
            });
        } else if works {
            if is_other || !worked {
                self.each_session(now, |node, session| {
                    node.touch_interface(now, session, index);
                });
            }
            let moved = old.is_none_or(|old| {
                !worked
                    || self
                        .node
                        .interfaces
                        .get(&index)
                        .is_none_or(|new| new.addresses != old.addresses)
            });
            if moved {
                self.handle_routes_changed(now, None);
            }
        }
        self.flush(now);
    }

    /// An interface is no more. What was reserved there is given up; what came in by it is left to time out.
    pub fn handle_interface_gone(&mut self, now: Instant, index: IfIndex) {
        if self.node.interfaces.remove(&index).is_none() {
            return;
        }
        self.node.note_addresses();
        self.node.neighbours.remove_interface(now, index);
        self.node.forget_counts(index);
        self.each_session(now, |node, session| {
            node.lose_interface(now, session, index);
        });
        self.flush(now);
    }

    /// Routes to these destinations have changed; `None`: to any. Paths are sent along the new ones after *W*
    /// (RFC 2205 §3.6, local repair).
    pub fn handle_routes_changed(&mut self, now: Instant, prefix: Option<(IpAddr, u8)>) {
        self.each_session(now, |node, session| {
            let destination = session.key.destination;
            // A multicast tree depends on the routes to its sources.
            let concerns = prefix.is_none_or(|(network, length)| {
                destination.is_multicast() || is_within(destination, network, length)
            });
            if concerns {
                node.reroute(now, session);
            }
        });
        self.flush(now);
    }

    /// A datagram has come: an RSVP message without its IP and UDP headers, in a buffer of its own.
    pub fn handle_datagram(&mut self, now: Instant, arrival: &Arrival, datagram: &Bytes) {
        self.node.neighbours.handle_datagram(now, arrival, datagram);
        self.flush(now);
    }

    /// An application asks for something.
    ///
    /// # Errors
    /// [`ApiError`]; nothing has changed then.
    pub fn handle_call(&mut self, now: Instant, api: ApiId, call: Call) -> Result<(), ApiError> {
        let done = self.call(now, api, call);
        self.flush(now);
        done
    }

    /// This node stops: what its applications have announced and reserved is torn down, and nothing stays reserved on
    /// its interfaces. State of others is left to time out elsewhere. Send what comes out, and drop the engine.
    pub fn handle_shutdown(&mut self, now: Instant) {
        let apps: Vec<ApiId> = self.by_app.keys().copied().collect();
        for app in apps {
            // It is there: nothing to be wrong with.
            let _ = self.call(now, app, Call::Release);
        }
        self.each_session(now, |node, session| node.release_traffic_control(session));
        self.flush(now);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.node.neighbours.handle_timeout(now);
        while let Some(index) = self.timers.pop_due(now) {
            self.with(now, index, |node, session| {
                session.armed = Instant::MAX;
                node.run_timers(now, session);
                session.next = session.deadline();
            });
        }
        self.flush(now);
    }

    /// The next thing to be done; ask until there is none.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.node.outputs.pop_front()
    }

    /// The next thing that was refused or left out, for whoever operates the node; ask until there is none. Who does not ask
    /// misses them, and nothing else.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        let node = &mut self.node;
        node.notices.pop().or_else(|| node.neighbours.poll_notice())
    }

    /// The next reservation that has come, changed or gone in traffic control, if that is not too many to tell of.
    pub fn poll_installed(&mut self) -> Option<Notice> {
        self.node.installs.pop()
    }

    /// How many notices were not kept until they were asked for.
    #[must_use]
    pub const fn notices_left_out(&self) -> u64 {
        let node = &self.node;
        node.notices.left_out() + node.installs.left_out() + node.neighbours.notices_left_out()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), if ever.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let neighbours = self.node.neighbours.poll_timeout();
        [self.timers.next(), neighbours].into_iter().flatten().min()
    }

    /// What has been counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.node.counters
    }

    /// How many sessions there are.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.by_key.len()
    }

    /// Traffic control, for whoever reports on it.
    #[must_use]
    pub fn traffic_control(&self) -> &dyn TrafficControl {
        &*self.node.tc
    }

    /// Whether [`Output::Log`] is wanted.
    pub const fn set_logs(&mut self, logs: bool) {
        self.node.config.logs = logs;
    }

    /// What neighbours have brought, and what goes to them.
    pub(super) fn flush(&mut self, now: Instant) {
        let mut asked = Flows::new();
        while let Some(delivery) = self.node.neighbours.poll_delivery() {
            if !matches!(delivery, Delivery::Refreshed { .. }) {
                asked.clear();
            }
            self.deliver(now, delivery, &mut asked);
        }
        while let Some(transmit) = self.node.neighbours.poll_transmit() {
            self.node.outputs.push_back(Output::Transmit(transmit));
        }
    }

    fn deliver(&mut self, now: Instant, delivery: Delivery, asked: &mut Flows) {
        match delivery {
            Delivery::Message {
                arrival,
                message,
                id,
                late,
                ack,
                ttl,
                non_rsvp_hop,
            } => {
                self.node.note_received(now, &arrival, &message);
                let how = How {
                    ttl,
                    non_rsvp: non_rsvp_hop,
                    named: (id, late),
                };
                let in_order = self.message(now, &arrival, message.body, how);
                self.node.about = None;
                if let (true, Some(ack)) = (in_order, ack) {
                    self.node.neighbours.acknowledge(now, ack);
                }
            }
            Delivery::Unreadable {
                arrival,
                neighbour,
                error,
            } => {
                self.node.note_unreadable(&arrival, neighbour, &error);
                self.unreadable(now, &arrival, &error);
                self.node.about = None;
            }
            Delivery::Refreshed {
                interface,
                id,
                flow,
            } => self.refreshed(now, interface, id, flow, asked),
            Delivery::Resend(key) => self.resend(now, key),
            Delivery::Unlisted(keys) => self.unlisted(now, &keys),
            Delivery::Lost {
                interface,
                neighbour,
            } => self.neighbour_lost(now, interface, neighbour),
        }
    }

    /// Processes a message; whether it was not out of order.
    fn message(&mut self, now: Instant, arrival: &Arrival, body: Body, how: How) -> bool {
        let Some(session) = body.session() else {
            return true;
        };
        let key = SessionKey::of(session);
        if let Some(hop) = body.hop()
            && (self.node.is_own(hop.address) || hop.address.is_ipv4() != key.destination.is_ipv4())
        {
            self.node.drop_message("hop address");
            return true;
        }
        // RFC 2205 §3.1: all but Path, PathTear and ResvConf are addressed to the node that is to process them.
        let end_to_end = matches!(body, Body::Path(_) | Body::PathTear(_) | Body::ResvConf(_));
        if !end_to_end
            && !arrival.destination.is_multicast()
            && !self.node.is_own(arrival.destination)
        {
            self.node.drop_message("not for this node");
            return true;
        }
        let mut in_order = true;
        match body {
            Body::Path(path) => {
                let Some(index) = self.session_for_path(now, arrival, key, &path) else {
                    return true;
                };
                self.with_unheard(now, index, |node, session| {
                    in_order = node.handle_path(now, session, arrival, &path, how);
                });
            }
            Body::PathTear(tear) => self.with_key(now, key, "PathTear without state", |node, s| {
                in_order = node.handle_path_tear(now, s, arrival, &tear, how.named);
            }),
            Body::PathErr(error) => self.with_key(now, key, "PathErr without state", |node, s| {
                node.handle_path_err(now, s, error);
            }),
            Body::Resv(resv) => {
                if let Some(&index) = self.by_key.get(&key) {
                    self.with(now, index, |node, session| {
                        in_order = node.handle_resv(now, session, arrival, &resv, how.named);
                    });
                } else {
                    // RFC 2205 §3.2: a port is used for one of the destination and not for another.
                    let code = if self.has_port_conflict(key, SessionState::has_remote_senders) {
                        ErrorCode::CONFLICTING_DEST_PORTS
                    } else {
                        ErrorCode::NO_PATH
                    };
                    self.node.refuse_resv(now, arrival, &resv, code, 0);
                }
            }
            Body::ResvTear(tear) => self.with_key(now, key, "ResvTear without state", |node, s| {
                in_order = node.handle_resv_tear(now, s, arrival, &tear, how.named);
            }),
            Body::ResvErr(error) => self.with_key(now, key, "ResvErr without state", |node, s| {
                node.handle_resv_err(now, s, arrival, &error);
            }),
            Body::ResvConf(confirm) => {
                if self.node.is_own(confirm.confirm.receiver) {
                    self.with_key(now, key, "ResvConf without state", |node, s| {
                        node.handle_resv_conf(s, &confirm);
                    });
                } else {
                    self.node.forward_resv_conf(now, arrival, how.ttl, confirm);
                }
            }
            // RFC 2961 and others: the layer below keeps them.
            Body::Bundle(_)
            | Body::Ack(_)
            | Body::Srefresh(_)
            | Body::Hello(_)
            | Body::Challenge(_)
            | Body::Response(_) => {}
        }
        in_order
    }

    /// A message that could not be read is counted, or answered.
    fn unreadable(&mut self, now: Instant, arrival: &Arrival, error: &DecodeError) {
        match (Disposition::of_message(error), error.refused()) {
            (Disposition::Answer { code, value }, Some(refused)) => {
                let to_this = self.node.is_own(arrival.destination);
                if matches!(refused.body, Body::Resv(_)) && !to_this {
                    return self.node.drop_message("not for this node");
                }
                let own = refused
                    .body
                    .hop()
                    .is_none_or(|hop| self.node.is_own(hop.address));
                match &refused.body {
                    _ if own => self.node.drop_message("hop address"),
                    Body::Path(path) => {
                        self.node.refuse_path(now, arrival, path, code, value);
                    }
                    Body::Resv(resv) => {
                        self.node.refuse_resv(now, arrival, resv, code, value);
                    }
                    _ => self.node.drop_message("unknown object"),
                }
            }
            (Disposition::Drop(fault), _) => self.node.drop_unreadable(fault.name()),
            (Disposition::Answer { .. }, None) => self.node.drop_message("unknown object"),
        }
    }

    /// A neighbour refreshed some state by name: RFC 2961 §5.
    fn refreshed(
        &mut self,
        now: Instant,
        interface: IfIndex,
        id: IdOfState,
        flow: Option<(IpAddr, IpAddr)>,
        asked: &mut Flows,
    ) {
        if self.node.hear_name(now, id) {
            self.node.counters.summary_refreshes += 1;
        } else {
            // RFC 2961 §5.4: of a multicast list only those answer that data of that flow goes through.
            // So do those whose applications want it.
            let concerned = flow.is_none_or(|(source, group)| {
                *asked.entry((source, group)).or_insert_with(|| {
                    self.node.forwards_flow(source, group) || self.has_application(group)
                })
            });
            if concerned {
                self.node.neighbours.nack(now, interface, id);
            }
        }
    }

    /// A neighbour has lost its state, or is out of reach: what it was told is told again, soon.
    fn neighbour_lost(&mut self, now: Instant, interface: IfIndex, neighbour: IpAddr) {
        let concerned: Vec<u32> = self
            .sessions
            .iter()
            .flatten()
            .filter(|session| self.node.has_told(session, interface, neighbour))
            .map(|session| session.index)
            .collect();
        for index in concerned {
            self.with(now, index, |node, session| {
                node.tell_again(now, session, interface, neighbour);
            });
        }
    }

    /// Whether an application of this node takes part in a session of that destination.
    fn has_application(&self, destination: IpAddr) -> bool {
        // One look-up: a neighbour asks it of each flow that it lists.
        let first = (destination, ApiId(0));
        let mut from = self.apps_of.range(first..);
        from.next().is_some_and(|(of, _)| *of == destination)
    }

    fn at(&self, index: u32) -> Option<&SessionState> {
        self.sessions.get(usize::try_from(index).ok()?)?.as_deref()
    }

    fn resend(&mut self, now: Instant, key: StateKey) {
        self.with(now, session_of(key), |node, session| {
            // Should it not be sent now, it is refreshed at the usual pace all the same.
            node.pace(now, session, &[key]);
            let phop = session
                .resvs
                .iter()
                .find(|(_, resv)| resv.key == key)
                .map(|(phop, _)| *phop);
            match phop {
                Some(phop) => node.refresh_resv(now, session, phop, Cause::Resend),
                None => node.resend_path(now, session, key),
            }
        });
    }

    /// Summaries do not refresh these states any more: each is refreshed by itself again.
    fn unlisted(&mut self, now: Instant, keys: &[StateKey]) {
        // In order, those of a session are side by side.
        for keys in keys.chunk_by(|a, b| session_of(*a) == session_of(*b)) {
            if let Some(first) = keys.first() {
                self.with_unheard(now, session_of(*first), |node, session| {
                    node.pace(now, session, keys);
                });
            }
        }
    }

    /// The session a Path is for: port rules, and room.
    fn session_for_path(
        &mut self,
        now: Instant,
        arrival: &Arrival,
        key: SessionKey,
        path: &crate::msg::Path,
    ) -> Option<u32> {
        // A Path without a sender is allowed, and makes no state (`rsvp.md` §2).
        path.sender.as_ref()?;
        if self.has_port_conflict(key, SessionState::has_remote_senders) {
            let code = ErrorCode::CONFLICTING_DEST_PORTS;
            self.node.refuse_path(now, arrival, path, code, 0);
            return None;
        }
        let found = self.session_index(key);
        if found.is_none() {
            self.node.drop_message("limit: sessions");
        }
        found
    }

    /// RFC 2205 §3.2: of one destination and protocol, all sessions have ports or none has; whether one that `counts` is of the
    /// other kind.
    ///
    /// A session without path state counts nowhere: an application that waits for senders keeps nobody out. One whose
    /// senders are all on this node counts against senders on this node, and against nothing that comes from others.
    pub(super) fn has_port_conflict(
        &self,
        key: SessionKey,
        counts: impl Fn(&SessionState) -> bool,
    ) -> bool {
        let with_port = |port| SessionKey { port, ..key };
        let others = if key.port == 0 {
            with_port(1)..=with_port(u16::MAX)
        } else {
            with_port(0)..=with_port(0)
        };
        self.by_key
            .range(others)
            .filter_map(|(_, index)| self.at(*index))
            .any(counts)
    }

    /// Whether an application that has not announced a sender yet may not: see [`has_port_conflict`](Self::has_port_conflict).
    fn must_not_send(&self, index: u32, api: ApiId) -> bool {
        self.at(index).is_some_and(|session| {
            let is_new = session
                .apps
                .get(&api)
                .is_some_and(|app| app.sender.is_none());
            is_new && self.has_port_conflict(session.key, |other| !other.psbs.is_empty())
        })
    }

    /// Finds or makes a session; `None` if there are too many.
    fn session_index(&mut self, key: SessionKey) -> Option<u32> {
        if let Some(&index) = self.by_key.get(&key) {
            return Some(index);
        }
        if self.by_key.len() >= self.node.config.limits.sessions {
            return None;
        }
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.sessions.len()).ok()?;
                self.sessions.push(None);
                index
            }
        };
        let place = self.sessions.get_mut(usize::try_from(index).ok()?)?;
        *place = Some(Box::new(SessionState::new(index, key)));
        self.by_key.insert(key, index);
        Some(index)
    }

    /// Does something with a session, and what is due after: its timer set, or its place given up.
    pub(super) fn with(
        &mut self,
        now: Instant,
        index: u32,
        work: impl FnOnce(&mut Node, &mut SessionState),
    ) {
        self.with_unheard(now, index, |node, session| {
            node.note_heard(session);
            work(node, session);
        });
    }

    /// As [`with`](Self::with), for what needs not know when state ends: what its names have heard is not noted first.
    fn with_unheard(
        &mut self,
        now: Instant,
        index: u32,
        work: impl FnOnce(&mut Node, &mut SessionState),
    ) {
        let Some(place) = usize::try_from(index)
            .ok()
            .and_then(|index| self.sessions.get_mut(index))
        else {
            return;
        };
        let Some(mut session) = place.take() else {
            return;
        };
        work(&mut self.node, &mut session);
        if core::mem::take(&mut session.next_hops_changed) {
            self.node.follow_next_hops(now, &mut session);
        }
        if session.is_empty() {
            self.node.end_session(now, &mut session);
            self.timers.stop(&index);
            self.by_key.remove(&session.key);
            self.free.push(index);
        } else {
            if session.next < session.armed {
                session.armed = session.next;
                self.timers.set(index, session.next);
            }
            *place = Some(session);
        }
    }

    fn with_key(
        &mut self,
        now: Instant,
        key: SessionKey,
        missing: &'static str,
        work: impl FnOnce(&mut Node, &mut SessionState),
    ) {
        match self.by_key.get(&key) {
            Some(&index) => self.with(now, index, work),
            None => self.node.drop_message(missing),
        }
    }

    pub(super) fn each_session(
        &mut self,
        now: Instant,
        mut work: impl FnMut(&mut Node, &mut SessionState),
    ) {
        for index in 0..self.sessions.len() {
            if let Ok(index) = u32::try_from(index) {
                self.with(now, index, &mut work);
            }
        }
    }

    fn call(&mut self, now: Instant, api: ApiId, call: Call) -> Result<(), ApiError> {
        let index = self.by_app.get(&api).copied();
        if let Call::Open(session) = call {
            return match index {
                Some(_) => Err(ApiError::Invalid),
                None => self.open(now, api, &session),
            };
        }
        let index = index.ok_or(ApiError::BadSession)?;
        if matches!(call, Call::Sender(_)) && self.must_not_send(index, api) {
            return Err(ApiError::DestinationPorts);
        }
        let destination = self.at(index).map(|session| session.key.destination);
        let mut done = Ok(());
        let mut release = false;
        self.with(now, index, |node, session| match call {
            Call::Open(_) => {}
            Call::Sender(sender) => done = node.call_sender(now, session, api, *sender),
            Call::WithdrawSender => node.call_withdraw(now, session, api),
            Call::Reserve(reserve) => done = node.call_reserve(now, session, api, &reserve),
            Call::Release => {
                node.call_release(now, session, api);
                release = true;
            }
        });
        if release {
            self.by_app.remove(&api);
            if let Some(destination) = destination {
                self.apps_of.remove(&(destination, api));
            }
        }
        done
    }

    fn open(&mut self, now: Instant, api: ApiId, session: &Session) -> Result<(), ApiError> {
        let key = SessionKey::of(session);
        if key.protocol == 0 || key.destination.is_unspecified() {
            return Err(ApiError::Invalid);
        }
        if self.has_port_conflict(key, SessionState::has_remote_senders) {
            return Err(ApiError::DestinationPorts);
        }
        let most = self.node.config.limits.applications;
        let is_full = self
            .by_key
            .get(&key)
            .and_then(|index| self.at(*index))
            .is_some_and(|session| session.apps.len() >= most);
        if is_full {
            return Err(ApiError::TooManySessions);
        }
        let index = self.session_index(key).ok_or(ApiError::TooManySessions)?;
        self.by_app.insert(api, index);
        self.apps_of.insert((key.destination, api));
        self.with(now, index, |node, session| node.call_open(session, api));
        Ok(())
    }
}

/// Whether messages that leave by an interface say other things than before.
fn says_other_things(old: &Interface, new: &Interface) -> bool {
    let said = |interface: &Interface| {
        let settings = &interface.settings;
        (
            interface.addresses.clone(),
            interface.mtu,
            interface.point_to_point,
            settings.refresh_period,
            settings.ttl_limit,
            settings.udp,
            settings.refresh_reduction,
        )
    };
    said(old) != said(new)
}

fn is_within(address: IpAddr, network: IpAddr, length: u8) -> bool {
    fn same(a: u128, b: u128, width: u32, length: u8) -> bool {
        let rest = width.saturating_sub(length.into());
        a.checked_shr(rest).unwrap_or(0) == b.checked_shr(rest).unwrap_or(0)
    }
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => same(a.to_bits().into(), b.to_bits().into(), 32, length),
        (IpAddr::V6(a), IpAddr::V6(b)) => same(a.to_bits(), b.to_bits(), 128, length),
        _ => false,
    }
}

/// Whether data of a flow, source and group, concerns this node: what names that follow each other have in common.
type Flows = BTreeMap<(IpAddr, IpAddr), bool>;

/// The engine's queue of outputs.
pub(super) type Outputs = VecDeque<Output>;

/// The identifier of a message, and whether it is less than the largest: RFC 2961 §4.
pub(super) type Named = (Option<IdOfState>, bool);

/// How a message came in, as far as state depends on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    pub(super) ttl: u8,
    pub(super) non_rsvp: bool,
    pub(super) named: Named,
}

/// The session that has given that name.
fn session_of(key: StateKey) -> u32 {
    u32::try_from(key.0 >> 32).unwrap_or(u32::MAX)
}

/// All previous hops of a session.
pub(super) fn phops(session: &SessionState) -> Vec<Phop> {
    let mut phops: Vec<Phop> = session.psbs.values().flat_map(|psb| psb.hops()).collect();
    phops.extend(session.resvs.keys().copied());
    phops.sort_unstable();
    phops.dedup();
    phops
}

#[cfg(test)]
mod tests {
    use super::is_within;

    #[test]
    fn prefixes_of_any_length_are_compared() {
        let within = |address: &str, network: &str, length| {
            is_within(address.parse().unwrap(), network.parse().unwrap(), length)
        };
        assert!(within("10.1.2.3", "10.1.0.0", 16) && !within("10.2.2.3", "10.1.0.0", 16));
        assert!(within("10.1.2.3", "0.0.0.0", 0) && within("::1", "::", 0));
        assert!(within("10.1.2.3", "10.1.2.3", 32) && !within("10.1.2.2", "10.1.2.3", 32));
        assert!(!within("::1", "0.0.0.0", 0) && within("2001:db8::1", "2001:db8::", 32));
    }
}
