//! The core: what it holds, time, and what it is asked.

use core::cmp::Ordering;
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use fairway_wire::Instant;

use super::counters::{HelloRow, NeighbourCounters, NeighbourRow};
use super::flush::Departure;
use super::hello::HelloState;
use super::ids::Ids;
use super::io::{Delivery, IdOfState, Transmit, Verdict};
use super::peer::{Peer, PeerKey};
use super::recent::Recent;
use super::roll::Roll;
use super::secret::Secret;
use super::signatures::{AssociationKey, Associations, Sequence};
use crate::engine::Limits;
use crate::interface::{IfIndex, Interface};
use crate::notice::{About, Notice, Notices, Why};
use crate::timers::Timers;
use crate::timing::lifetime;
use crate::wire::{Id, MessageIdAck};

/// A neighbour that says nothing for so long, or as long as its state would live, is forgotten unless it holds state.
const IDLE: Duration = Duration::from_secs(900);

/// What this core waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Timer {
    /// This message was not acknowledged: send it again.
    Retransmit(Id),
    /// What is new on a roll goes in a summary.
    Summary(PeerKey),
    /// The next page of a roll is called.
    Roll(PeerKey),
    /// What a group was told has waited a random time for its answer.
    DelayedAck(PeerKey),
    /// Ask whether the neighbour is there, or notice that it is not.
    Hello(PeerKey),
    /// The challenge was not answered.
    Challenge(AssociationKey),
}

/// An interface, and what was seen there.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) interface: Interface,
    /// A Path came in UDP: others may hear nothing else (RFC 2205 appendix C).
    pub(super) udp_heard: bool,
    /// What was said here lately, for who has not believed it yet.
    pub(super) recent: Recent,
}

/// Neighbours and what passes between them and this node.
///
/// One law: after any call that takes `now`, ask [`poll_delivery`](Self::poll_delivery) and then
/// [`poll_transmit`](Self::poll_transmit) until there is nothing; then wait for the next input or
/// [`poll_timeout`](Self::poll_timeout). `now` never goes back. What was handed in since the transmissions were last
/// asked for goes out together: answers on board of other messages, messages for one neighbour in one Bundle.
///
/// # Where it leaves the RFCs, and why
///
/// * Messages are named for neighbours only that are known to be capable. RFC 2961 allows to try others; one that does
///   not know identifiers refuses the whole message with error 13, and a reservation waits for it.
/// * Summaries go to neighbours, never to a session's address: where the next hop is not known, nobody is known to
///   understand them. They are read in every form.
/// * A message that is dropped for want of a sequence number is sent again by who answers the challenge (RFC 2747 §4.3
///   leaves it to the next refresh, which is half a minute away at each hop).
/// * The PathErr or ResvErr that ends retransmission is told by neighbour, session and sender; it has no identifier.
#[derive(Debug)]
pub struct Neighbours {
    pub(super) wall_seconds: u64,
    pub(super) limits: Limits,
    pub(super) secret: Secret,
    pub(super) links: BTreeMap<IfIndex, Link>,
    pub(super) peers: BTreeMap<PeerKey, Peer>,
    peers_made: u64,
    /// Of every peer: when it has been idle too long. So the first is the one not heard for longest.
    idle: Timers<PeerKey>,
    pub(super) timers: Timers<Timer>,
    pub(super) ids: Ids,
    pub(super) associations: Associations,
    pub(super) sequence: Sequence,
    pub(super) deliveries: VecDeque<Delivery>,
    /// Answers that go with the next flush.
    pub(super) acks: BTreeMap<PeerKey, Vec<MessageIdAck>>,
    /// Answers to what went to a group.
    pub(super) delayed_acks: BTreeMap<PeerKey, Vec<MessageIdAck>>,
    /// States that summaries refresh.
    pub(super) rolls: BTreeMap<PeerKey, Roll>,
    /// In order, not yet encoded.
    pub(super) departures: Vec<Departure>,
    pub(super) transmits: VecDeque<Transmit>,
    pub(super) counters: NeighbourCounters,
    pub(super) notices: Notices,
    /// What time it was last.
    pub(super) now: Instant,
}

impl Neighbours {
    /// A node that knows nobody. `wall_seconds` are the seconds since 1970 at `Instant` zero.
    #[must_use]
    pub fn new(seed: u64, wall_seconds: u64, limits: &Limits) -> Self {
        let secret = Secret::new(seed, wall_seconds);
        Self {
            wall_seconds,
            limits: *limits,
            ids: Ids::new(secret.epoch()),
            secret,
            links: BTreeMap::new(),
            peers: BTreeMap::new(),
            peers_made: 0,
            idle: Timers::new(),
            timers: Timers::new(),
            associations: Associations::new(limits.neighbours.saturating_mul(2)),
            sequence: Sequence::new(wall_seconds),
            deliveries: VecDeque::new(),
            acks: BTreeMap::new(),
            delayed_acks: BTreeMap::new(),
            rolls: BTreeMap::new(),
            departures: Vec::new(),
            transmits: VecDeque::new(),
            counters: NeighbourCounters::default(),
            notices: Notices::default(),
            now: Instant::ZERO,
        }
    }

    /// There is this interface, or it has changed.
    pub fn set_interface(&mut self, now: Instant, interface: &Interface) {
        self.now = now;
        match self.links.get_mut(&interface.index) {
            Some(link) => link.interface.clone_from(interface),
            None => {
                let link = Link {
                    interface: interface.clone(),
                    udp_heard: false,
                    recent: Recent::default(),
                };
                self.links.insert(interface.index, link);
            }
        }
        let keys = interface
            .settings
            .security
            .iter()
            .flat_map(|security| &security.keys);
        self.associations.keep_keys(interface.index, keys);
        let peers: Vec<PeerKey> = self.peers_at(interface.index);
        for peer in peers {
            self.start_hello(now, peer);
        }
    }

    /// There is no such interface any more: its neighbours are forgotten, what waited to go there does not go.
    pub fn remove_interface(&mut self, now: Instant, index: IfIndex) {
        self.now = now;
        self.links.remove(&index);
        for peer in self.peers_at(index) {
            self.remove_peer(peer);
        }
        self.associations.remove_interface(index);
        self.counters.forget(index);
        self.acks.retain(|(at, _), _| *at != index);
        self.delayed_acks.retain(|(at, _), _| *at != index);
        self.departures
            .retain(|departure| departure.interface != index);
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.now = now;
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Retransmit(id) => self.retransmit(now, id),
                Timer::Summary(peer) => self.call_new(peer),
                Timer::Roll(peer) => self.call_page(now, peer),
                Timer::DelayedAck(peer) => {
                    if let Some(mut list) = self.delayed_acks.remove(&peer) {
                        self.acks.entry(peer).or_default().append(&mut list);
                    }
                }
                Timer::Hello(peer) => self.hello_timeout(now, peer),
                // Its key may have gone meanwhile.
                Timer::Challenge(key) => {
                    if self.associations.is_known(&key) {
                        self.challenge(now, key);
                    }
                }
            }
        }
        while let Some(peer) = self.idle.pop_due(now) {
            if self.peers.get(&peer).is_some_and(Peer::is_in_use) {
                self.keep(now, peer);
            } else {
                self.remove_peer(peer);
            }
        }
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to do.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        [self.timers.next(), self.idle.next()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next thing for the engine.
    pub fn poll_delivery(&mut self) -> Option<Delivery> {
        self.deliveries.pop_front()
    }

    /// The next datagram to be sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        if self.transmits.is_empty() {
            self.flush();
        }
        self.transmits.pop_front()
    }

    /// What the identifier of a message says about it: RFC 2961 §4.4.
    ///
    /// `stored` is that of the state the message is about, `arriving` that of the message, `late` of its delivery.
    #[must_use]
    pub fn judge(stored: Option<IdOfState>, arriving: Option<IdOfState>, late: bool) -> Verdict {
        let (Some(stored), Some(arriving)) = (stored, arriving) else {
            return Verdict::Process;
        };
        if !stored.is_of_row(&arriving) {
            return Verdict::Process;
        }
        match arriving.id.compare(stored.id) {
            Some(Ordering::Equal) => Verdict::Refresh,
            Some(Ordering::Less) if late => Verdict::OutOfOrder,
            Some(Ordering::Less | Ordering::Greater) | None => Verdict::Process,
        }
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &NeighbourCounters {
        &self.counters
    }

    /// The neighbours, by interface and address.
    pub fn neighbours(&self) -> impl Iterator<Item = NeighbourRow> {
        self.peers.iter().map(|(key, peer)| {
            let (interface, address) = *key;
            let hello = peer.says_hello.then(|| match peer.hello.state() {
                HelloState::Down => HelloRow::Down,
                HelloState::Up { instance, .. } => HelloRow::Up(instance),
            });
            NeighbourRow {
                interface,
                address,
                refresh_reduction: self.is_capable(*key),
                udp: peer.udp,
                hello,
                unacknowledged: peer.waiting,
                named: peer.named,
                last_heard: peer.last_heard,
                security: self.associations.state_of(interface, address),
            }
        })
    }

    /// The next thing that was refused or left out here.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        self.notices.pop()
    }

    /// How many notices found no room.
    #[must_use]
    pub const fn notices_left_out(&self) -> u64 {
        self.notices.left_out()
    }

    /// Something of, or for, a neighbour was left out.
    pub(super) fn note(&mut self, (interface, neighbour): PeerKey, why: Why) {
        let about = About {
            neighbour: Some(neighbour),
            message_type: self.counters.message_type(),
            ..About::on(interface)
        };
        self.notices.push(about, why);
    }

    /// Seconds since 1970.
    pub(super) const fn wall(&self, now: Instant) -> u64 {
        self.wall_seconds
            .saturating_add(now.since_start().as_secs())
    }

    /// Whether Bundles, identifiers and summaries may be sent there.
    pub(super) fn is_capable(&self, peer: PeerKey) -> bool {
        self.links.get(&peer.0).is_some_and(|link| {
            let settings = &link.interface.settings;
            settings.enabled && settings.refresh_reduction
        }) && self.peers.get(&peer).is_some_and(Peer::is_capable)
    }

    /// The peer with this key, made if there is none and `make`. `None` also if there are too many.
    pub(super) fn peer_mut(&mut self, now: Instant, key: PeerKey, make: bool) -> Option<&mut Peer> {
        if !self.peers.contains_key(&key) {
            if !make {
                return None;
            }
            if self.peers.len() >= self.limits.neighbours && !self.make_room(now) {
                self.counters.dropped("neighbours");
                let why = Why::limit("neighbours", self.limits.neighbours);
                self.note(key, why);
                return None;
            }
            self.peers_made += 1;
            self.peers.insert(key, Peer::new(now, self.peers_made));
            self.start_hello(now, key);
        }
        self.keep(now, key);
        self.peers.get_mut(&key)
    }

    /// Forgets the neighbour that was not heard for longest and holds nothing; looks at a few only.
    fn make_room(&mut self, now: Instant) -> bool {
        for _ in 0..8 {
            let Some(peer) = self.idle.pop_due(Instant::MAX) else {
                return false;
            };
            if !self.peers.get(&peer).is_some_and(Peer::is_in_use) {
                self.remove_peer(peer);
                return true;
            }
            self.keep(now, peer);
        }
        false
    }

    fn keep(&mut self, now: Instant, peer: PeerKey) {
        let alive = self.links.get(&peer.0).map_or(IDLE, |link| {
            let settings = &link.interface.settings;
            lifetime(settings.refresh_period, settings.keep_multiplier).max(IDLE)
        });
        self.idle.set(peer, now + alive);
    }

    /// Forgets a neighbour. Names that were given for it stay with their states; they are nobody's.
    fn remove_peer(&mut self, peer: PeerKey) {
        self.peers.remove(&peer);
        self.idle.stop(&peer);
        self.timers.stop(&Timer::Hello(peer));
        self.close_roll(peer);
        for id in self.ids.waiting_for(peer) {
            self.timers.stop(&Timer::Retransmit(id));
            self.ids.stop(id);
        }
    }

    fn peers_at(&self, interface: IfIndex) -> Vec<PeerKey> {
        let from = (interface, IpAddr::from([0; 4]));
        self.peers
            .range(from..)
            .map(|(key, _)| *key)
            .take_while(|key| key.0 == interface)
            .collect()
    }
}
