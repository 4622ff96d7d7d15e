//! What all of the engine's rules work with: interfaces, routing, traffic control, the way out.

use core::time::Duration;
use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, Hasher as _};
use std::net::IpAddr;

use fairway_wire::Instant;

use super::core::Outputs;
use super::io::{Config, Counters, Direction, LogEntry, Output};
use super::refresh::later;
use crate::api::{ApiId, Event};
use crate::interface::{IfIndex, Interface};
use crate::msg::{Body, Message};
use crate::neighbour::{Arrival, Destination, IdOfState, Neighbours, Outgoing};
use crate::notice::{About, Notices, Why};
use crate::random::Random;
use crate::routing::Routing;
use crate::state::{Phop, SessionState};
use crate::tc::{RHandle, Request, TcError, TrafficControl};
use crate::timing::next_refresh;
use crate::wire::{
    ErrorCode, ErrorFlags, ErrorSpec, MessageType, RsvpHop, Sender, Style, TimeValues,
    UnknownObject,
};
use crate::{DecodeError, Disposition};

/// The names that state is kept under, and when a summary last named each. The state takes note of that when something
/// else is done with its session. Never walked: the order does not matter.
type Ids = HashMap<IdOfState, Instant, Hashing>;

/// Neighbours choose the names: what hashes them starts from a number that they do not know, and is the same in every
/// run with the same seed.
#[derive(Clone, Copy, Debug)]
struct Hashing(u64);

impl BuildHasher for Hashing {
    type Hasher = DefaultHasher;

    fn build_hasher(&self) -> DefaultHasher {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.0);
        hasher
    }
}

/// No two refreshes of one state are closer.
const LEAST_WAIT: Duration = Duration::from_millis(1);

/// Everything but the sessions.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) config: Config,
    pub(super) interfaces: BTreeMap<IfIndex, Interface>,
    /// Their addresses: each message asks for some.
    own: HashMap<IpAddr, IfIndex, BuildHasherDefault<DefaultHasher>>,
    pub(super) routing: Box<dyn Routing>,
    pub(super) tc: Box<dyn TrafficControl>,
    pub(super) neighbours: Neighbours,
    pub(super) random: Random,
    ids: Ids,
    /// What the ResvTear that is processed now has that is not understood here.
    pub(super) torn_along: Vec<UnknownObject>,
    /// Path state, and reservation state, of all sessions.
    pub(super) senders: usize,
    pub(super) reservations: usize,
    pub(super) outputs: Outputs,
    pub(super) counters: Counters,
    /// The message that is processed now.
    pub(super) about: Option<About>,
    pub(super) notices: Notices,
    /// What came and went of reservations.
    pub(super) installs: Notices,
}

impl Node {
    pub(super) fn new(
        config: Config,
        routing: Box<dyn Routing>,
        tc: Box<dyn TrafficControl>,
    ) -> Self {
        let mut random = Random::new(config.seed);
        let hashing = Hashing(config.seed);
        let neighbours = Neighbours::new(random.u64(), config.wall_seconds, &config.limits);
        Self {
            config,
            interfaces: BTreeMap::new(),
            own: HashMap::default(),
            routing,
            tc,
            neighbours,
            random,
            ids: Ids::with_hasher(hashing),
            senders: 0,
            reservations: 0,
            torn_along: Vec::new(),
            outputs: Outputs::new(),
            counters: Counters::default(),
            about: None,
            notices: Notices::default(),
            installs: Notices::default(),
        }
    }

    /// An interface that works: up, and enabled.
    pub(super) fn interface(&self, index: IfIndex) -> Option<&Interface> {
        self.interfaces
            .get(&index)
            .filter(|interface| interface.up && interface.settings.enabled)
    }

    /// The interfaces are others now, or have other addresses.
    pub(super) fn note_addresses(&mut self) {
        self.own.clear();
        for interface in self.interfaces.values() {
            for address in &interface.addresses {
                self.own.entry(*address).or_insert(interface.index);
            }
        }
    }

    /// Whether it is an address of this node.
    pub(super) fn is_own(&self, address: IpAddr) -> bool {
        self.own.contains_key(&address)
    }

    /// The interface that has this address.
    pub(super) fn interface_of(&self, address: IpAddr) -> Option<IfIndex> {
        self.own.get(&address).copied()
    }

    /// This node as the hop that sends by `interface`, to or about an address of the family of `like`.
    pub(super) fn hop(&self, interface: IfIndex, handle: u32, like: IpAddr) -> Option<RsvpHop> {
        let address = self.interface(interface)?.address(like)?;
        Some(RsvpHop { address, handle })
    }

    /// An error found here; the node is the address of `interface`, or any where that has none.
    pub(super) fn error_spec(
        &self,
        interface: IfIndex,
        like: IpAddr,
        flags: ErrorFlags,
        code: ErrorCode,
        value: u16,
    ) -> Option<ErrorSpec> {
        let own = self
            .interfaces
            .get(&interface)
            .and_then(|interface| interface.address(like));
        let node = own.or_else(|| {
            self.interfaces
                .values()
                .find_map(|interface| interface.address(like))
        })?;
        Some(ErrorSpec {
            node,
            flags,
            code,
            value,
        })
    }

    /// TIME_VALUES of an interface.
    pub(super) fn time_values(&self, interface: IfIndex) -> TimeValues {
        let period = self
            .interfaces
            .get(&interface)
            .map_or(crate::timing::REFRESH_PERIOD, |interface| {
                interface.settings.refresh_period
            });
        TimeValues {
            refresh_millis: u32::try_from(period.as_millis()).unwrap_or(u32::MAX),
        }
    }

    /// When to refresh next on an interface: drawn anew each time.
    pub(super) fn refresh_at(&mut self, now: Instant, interface: IfIndex) -> Instant {
        self.refresh_after(now, self.time_values(interface))
    }

    /// As [`refresh_at`](Self::refresh_at), of an interface with that period.
    pub(super) fn refresh_after(&mut self, now: Instant, period: TimeValues) -> Instant {
        // Whatever is configured, time passes between two refreshes.
        let wait = next_refresh(period.refresh_period(), self.random.u32()).max(LEAST_WAIT);
        now.checked_add(wait).unwrap_or(Instant::MAX)
    }

    /// Some time in the next refresh period of an interface.
    pub(super) fn soon(&mut self, now: Instant, interface: IfIndex) -> Instant {
        let period = self.time_values(interface).refresh_period();
        later(now, period.saturating_mul(self.random.u32() >> 22) / 1024)
    }

    /// When to refresh in full what summaries refresh meanwhile, if the next refresh would be at `next`: RFC 2961 §5.5.
    /// That is at whole seconds: what is due in one second goes in Bundles.
    pub(super) fn in_full_at(&self, next: Instant, interface: IfIndex) -> Instant {
        const FULL_REFRESH_EVERY: u32 = 20;
        let period = self.time_values(interface).refresh_period();
        let at = later(next, period.saturating_mul(FULL_REFRESH_EVERY - 1));
        later(
            Instant::ZERO,
            Duration::from_secs(at.since_start().as_secs().saturating_add(1)),
        )
    }

    /// A message, or a part of one, is left out.
    pub(super) fn drop_message(&mut self, why: &'static str) {
        if let Some(about) = self.count_dropped(why) {
            let limits = self.config.limits;
            let why = match why {
                "limit: sessions" => Why::limit("sessions", limits.sessions),
                "limit: senders" => Why::limit("senders", limits.senders),
                "limit: senders in all" => Why::limit("senders_in_all", limits.senders_in_all),
                "limit: blockades" => Why::limit("blockades", limits.blockades),
                "limit: carried octets" => Why::limit("carried_octets", limits.carried_octets),
                // It has come back to where it was made: nothing is wrong.
                "own Path" => return,
                // It is not dropped.
                "confirmation address" => return,
                why => Why::Dropped(why),
            };
            let is_of_state = matches!(
                about.message_type,
                Some(MessageType::PATH | MessageType::RESV)
            );
            if is_of_state || matches!(why, Why::Limit { .. }) {
                self.notices.push(about, why);
            }
        }
    }

    /// A message that could not be read is left out, which is noted already.
    pub(super) fn drop_unreadable(&mut self, why: &'static str) {
        self.count_dropped(why);
    }

    /// An interface is gone: what was counted there stays in the sums.
    pub(super) fn forget_counts(&mut self, interface: IfIndex) {
        let counters = &mut self.counters;
        counters.dropped_at.retain(|(at, _, _), _| *at != interface);
    }

    fn count_dropped(&mut self, why: &'static str) -> Option<About> {
        *self.counters.dropped.entry(why).or_default() += 1;
        let about = self.about?;
        if let Some(message_type) = about.message_type {
            let at = (about.interface, message_type, why);
            *self.counters.dropped_at.entry(at).or_default() += 1;
        }
        Some(about)
    }

    /// A reservation is left out: there may be no more.
    pub(super) fn over_limit(
        &mut self,
        session: &SessionState,
        why: &'static str,
        (limit, most): (&'static str, usize),
    ) {
        // Without a message, it is an application's.
        let about = self.count_dropped(why).unwrap_or(About {
            session: Some(session.key.session()),
            ..About::on(IfIndex::LOCAL)
        });
        self.notices.push(about, Why::limit(limit, most));
    }

    /// A message could not be read.
    pub(super) fn note_unreadable(
        &mut self,
        arrival: &Arrival,
        neighbour: IpAddr,
        error: &DecodeError,
    ) {
        let about = About {
            message_type: error.message_type.filter(|of| of.name().is_some()),
            neighbour: Some(neighbour),
            ..About::on(arrival.interface)
        };
        self.about = Some(match error.refused() {
            Some(refused) => about_message(arrival, &refused.body),
            None => about,
        });
        // What is answered is told with its answer.
        let is_dropped = matches!(Disposition::of_message(error), Disposition::Drop(_));
        let is_of_state = matches!(
            about.message_type,
            Some(MessageType::PATH | MessageType::RESV) | None
        );
        if is_dropped && is_of_state {
            let why = Why::Unreadable {
                offset: error.offset,
                kind: error.kind.clone(),
            };
            self.notices.push(about, why);
        }
    }

    /// A message, or a part of one, is answered with an error.
    pub(super) fn note_refused(
        &mut self,
        code: ErrorCode,
        value: u16,
        senders: impl ExactSizeIterator<Item = Sender>,
    ) {
        if let Some(mut about) = self.about {
            if senders.len() > 0 {
                about = about.of_senders(senders);
            }
            self.notices.push(about, Why::Refused { code, value });
        }
    }

    /// Traffic control does not do what is asked of it for this session.
    pub(super) fn note_not_admitted(
        &mut self,
        session: &SessionState,
        (interface, handle): (IfIndex, Option<RHandle>),
        (style, senders): (Option<Style>, &[Option<Sender>]),
        request: Option<&Request>,
        error: &TcError,
    ) {
        let shortage = request
            .filter(|_| *error == TcError::Bandwidth)
            .and_then(|request| self.tc.shortage(interface, handle, request));
        let about = About {
            session: Some(session.key.session()),
            style,
            interface,
            sender: None,
            others: 0,
            // What stands already has no message.
            ..self
                .about
                .filter(|about| about.message_type == Some(MessageType::RESV))
                .unwrap_or(About::on(interface))
        };
        let named: Vec<Sender> = senders.iter().flatten().copied().collect();
        let why = Why::NotAdmitted {
            error: error.clone(),
            flowspec: request.map(|request| request.flowspec),
            shortage,
        };
        self.notices.push(about.of_senders(named.into_iter()), why);
    }

    /// A reservation has come, changed or gone in traffic control.
    pub(super) fn note_installed(
        &mut self,
        session: &SessionState,
        interface: IfIndex,
        (style, senders): (Style, &[Option<Sender>]),
        why: Why,
    ) {
        let about = About {
            interface,
            session: Some(session.key.session()),
            style: Some(style),
            sender: senders.iter().flatten().next().copied(),
            others: senders.iter().flatten().count().saturating_sub(1),
            // Whose message it was; none: an application's call, or time.
            ..self.about.unwrap_or(About::on(interface))
        };
        self.installs.push(about, why);
    }

    pub(super) fn tell(&mut self, to: ApiId, event: Event) {
        self.outputs.push_back(Output::Event { to, event });
    }

    pub(super) fn send(&mut self, now: Instant, outgoing: Outgoing) {
        let message_type = outgoing.body.message_type();
        *self.counters.sent.entry(message_type).or_default() += 1;
        if self.config.logs {
            let peer = match outgoing.to {
                Destination::Neighbour(peer) => peer,
                Destination::Towards { end, .. } => end,
            };
            self.log(
                now,
                Direction::Out,
                outgoing.interface,
                peer,
                &outgoing.body,
            );
        }
        self.neighbours.send(now, outgoing);
    }

    pub(super) fn note_received(&mut self, now: Instant, arrival: &Arrival, message: &Message) {
        let message_type = message.body.message_type();
        *self.counters.received.entry(message_type).or_default() += 1;
        self.about = Some(about_message(arrival, &message.body));
        if self.config.logs {
            // Who sent it is the hop; the source of a Path is its sender.
            let peer = message.body.hop().map_or(arrival.source, |hop| hop.address);
            self.log(now, Direction::In, arrival.interface, peer, &message.body);
        }
    }

    fn log(
        &mut self,
        at: Instant,
        direction: Direction,
        interface: IfIndex,
        peer: IpAddr,
        body: &Body,
    ) {
        let entry = LogEntry {
            at,
            direction,
            interface,
            peer,
            message_type: body.message_type(),
            session: body.session().copied(),
            summary: super::summary::of(body),
        };
        self.outputs.push_back(Output::Log(entry));
    }

    /// Notes that there is state under this identifier.
    pub(super) fn keep_id(&mut self, id: Option<IdOfState>) {
        if let Some(id) = id {
            self.ids.insert(id, Instant::ZERO);
        }
    }

    /// Forgets an identifier that no state of the session is kept under any more.
    pub(super) fn drop_id(&mut self, session: &SessionState, id: Option<IdOfState>) {
        let Some(id) = id else {
            return;
        };
        let used = session.psbs.values().any(|psb| psb.is_named(id))
            || session.rsbs.values().any(|rsb| rsb.id == Some(id));
        if !used {
            self.ids.remove(&id);
        }
    }

    /// A neighbour has refreshed by name what it once sent under that identifier; whether there is such state.
    ///
    /// Of many sessions this is the commonest input of all: nothing but the name is looked at.
    pub(super) fn hear_name(&mut self, now: Instant, id: IdOfState) -> bool {
        self.ids.get_mut(&id).map(|heard| *heard = now).is_some()
    }

    /// Does for a session's state what its names have [heard](Self::hear_name).
    pub(super) fn note_heard(&self, session: &mut SessionState) {
        let heard = |id: Option<IdOfState>| self.ids.get(&id?).copied();
        for (_, psb) in session.psbs.iter_mut() {
            psb.note_heard(heard);
        }
        for (_, rsb) in session.rsbs.iter_mut() {
            if let Some(at) = heard(rsb.id) {
                rsb.note_heard(at);
            }
        }
    }

    /// What a message left out, or what is not as it said any more, is not refreshed by its name: the neighbour is asked
    /// for it in full instead (RFC 2961 §5.4).
    pub(super) fn unname(&mut self, session: &mut SessionState, id: Option<IdOfState>) {
        let Some(id) = id else {
            return;
        };
        for (_, rsb) in session.rsbs.iter_mut() {
            if rsb.id == Some(id) {
                rsb.id = None;
            }
        }
        self.drop_id(session, Some(id));
    }

    /// Whether data from `source` to `group` goes through this node.
    pub(super) fn forwards_flow(&mut self, source: IpAddr, group: IpAddr) -> bool {
        self.routing
            .multicast(source, group)
            .is_some_and(|tree| !tree.outgoing.is_empty())
    }

    /// A session has no state left: what was sent for it is forgotten.
    pub(super) fn end_session(&mut self, now: Instant, session: &mut SessionState) {
        let phops: Vec<Phop> = session.resvs.keys().copied().collect();
        for phop in phops {
            self.refresh_resv(now, session, phop, super::refresh::Cause::Gone);
        }
        self.release_traffic_control(session);
    }
}

/// What a message is about: who sent it, and what it names first.
fn about_message(arrival: &Arrival, body: &Body) -> About {
    let about = About {
        message_type: Some(body.message_type()),
        session: body.session().copied(),
        neighbour: Some(body.hop().map_or(arrival.source, |hop| hop.address)),
        ..About::on(arrival.interface)
    };
    match body {
        Body::Path(path) => About {
            sender: path.sender.as_ref().map(|sender| sender.template.0),
            ..about
        },
        Body::Resv(resv) => About {
            style: Some(resv.flows.style()),
            ..about
        },
        _ => about,
    }
}
