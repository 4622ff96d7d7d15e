//! The table of neighbours.
//!
//! ```text
//!  a packet to send ──► Incomplete ──── answer ────► Reachable ◄──── answer ───┐
//!                        │  5 requests,                │ used, and about to end │
//!                        │  1 s apart                  └──────► Probing ────────┘
//!                        ▼                                        │ 5 unicast requests
//!                     Suspended ── 20 s ──► forgotten ◄───────────┘
//! ```
//!
//! Entries come from our own need to send, and from requests that ask for an address of ours; never from replies that
//! nobody asked for. Every other packet only brings existing entries up to date, as RFC 826 says. Packets wait in their
//! entry until the answer comes.
//!
//! One timer per entry, kept in an ordered set; the order of use is kept lazily (an entry is filed under the time of
//! its use when it was filed, and filed again when it comes up for eviction), so that sending costs one hash lookup.

use super::claim::{Answer, Claim, MAX_CONFLICTS, RATE_LIMIT_INTERVAL, Step};
use super::{
    ClaimMode, ClaimState, ConflictPolicy, Heard, Misuse, Neighbour, NeighbourState, Output,
    Resolution,
};
use crate::config::ArpConfig;
use crate::counters::ArpCounters;
use crate::hash::Key;
use crate::iface::InterfaceId;
use crate::limits::NeighbourLimits;
use crate::pkt::PacketBuf;
use crate::rng::Rng;
use crate::stack::{Inconsistency, ensure};
use fairway_wire::arp::{self, Operation};
use fairway_wire::{Instant, MacAddr};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::Ipv4Addr;

type Place = (InterfaceId, Ipv4Addr);

#[derive(Debug)]
enum State {
    Incomplete {
        tries: u8,
        waiting: VecDeque<PacketBuf>,
    },
    Reachable {
        mac: MacAddr,
        confirmed: Instant,
    },
    Probing {
        mac: MacAddr,
        tries: u8,
    },
    Suspended {
        until: Instant,
    },
    Permanent {
        mac: MacAddr,
    },
}

#[derive(Debug)]
struct Entry {
    state: State,
    /// When its timer is due.
    timer: Option<Instant>,
    /// When it was used last, and the time that it is filed under in the order of use.
    used: Instant,
    filed: Instant,
}

#[derive(Debug)]
struct Link {
    mac: MacAddr,
    claims: Vec<Claim>,
    conflicts: u32,
    /// When an address was last probed for the first time.
    probed_at: Option<Instant>,
}

impl Link {
    /// The address to ask as: one in the neighbour's network, else the first.
    fn sender_for(&self, target: Ipv4Addr) -> Option<Ipv4Addr> {
        let mut usable = self.claims.iter().filter(|claim| claim.is_usable());
        let first = usable.clone().next()?;
        let same = usable.find(|claim| covers(claim, target));
        Some(same.unwrap_or(first).address)
    }
}

fn covers(claim: &Claim, address: Ipv4Addr) -> bool {
    let different = claim.address.to_bits() ^ address.to_bits();
    different.leading_zeros() >= u32::from(claim.prefix)
}

/// The table of neighbours of one host, and its own addresses on Ethernets.
///
/// After any `handle_*`, any change and [`ArpCache::resolve`], drain [`ArpCache::poll_output`].
#[derive(Debug)]
pub struct ArpCache {
    /// Grows whenever a hardware address that was given out may be wrong.
    generation: u64,
    /// When the first of the claims has something to do.
    claims_due: Option<Instant>,
    config: ArpConfig,
    limits: NeighbourLimits,
    links: BTreeMap<InterfaceId, Link>,
    /// Never iterated.
    entries: HashMap<Place, Entry, Key>,
    order: BTreeSet<Place>,
    timers: BTreeSet<(Instant, Place)>,
    /// Entries that may be evicted, by the time they are filed under.
    by_use: BTreeSet<(Instant, Place)>,
    /// Octets that waiting packets hold on to.
    waiting_octets: usize,
    output: VecDeque<Output>,
    /// ARP packets among `output`.
    transmits: usize,
    rng: Rng,
    /// What was counted.
    pub counters: ArpCounters,
}

impl ArpCache {
    /// An empty table.
    #[must_use]
    pub fn new(config: ArpConfig, limits: NeighbourLimits, mut rng: Rng) -> Self {
        Self {
            generation: 0,
            claims_due: None,
            config,
            limits,
            links: BTreeMap::new(),
            entries: HashMap::with_hasher(rng.key()),
            order: BTreeSet::new(),
            timers: BTreeSet::new(),
            by_use: BTreeSet::new(),
            waiting_octets: 0,
            output: VecDeque::new(),
            transmits: 0,
            rng,
            counters: ArpCounters::default(),
        }
    }

    /// Changes the tunables; what is under way keeps its times.
    pub fn set_config(&mut self, config: ArpConfig) {
        self.config = config;
    }

    /// An Ethernet: ARP is spoken there as `mac`.
    pub fn add_interface(&mut self, interface: InterfaceId, mac: MacAddr) {
        self.links.entry(interface).or_insert(Link {
            mac,
            claims: Vec::new(),
            conflicts: 0,
            probed_at: None,
        });
    }

    /// No such interface any more.
    pub fn remove_interface(&mut self, interface: InterfaceId) {
        self.flush(Some(interface), true);
        self.links.remove(&interface);
        self.plan_claims();
    }

    /// An address of this host on that interface, in a network of `prefix` leading bits. With [`ClaimMode::Probe`] it
    /// may be used once [`Output::Ready`] says so.
    pub fn add_address(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        address: Ipv4Addr,
        prefix: u8,
        mode: ClaimMode,
        policy: ConflictPolicy,
    ) {
        self.remove_address(interface, address);
        // What we thought a neighbour had is ours.
        self.forget((interface, address));
        let Some(link) = self.links.get_mut(&interface) else {
            return;
        };
        let mut not_before = now;
        if mode == ClaimMode::Probe {
            // RFC 5227 §2.1.1: "if the host experiences MAX_CONFLICTS or more address conflicts on a given interface,
            // then the host MUST limit the rate at which it probes for new addresses".
            if let Some(at) = link.probed_at
                && link.conflicts >= MAX_CONFLICTS
            {
                not_before = now.max(at + RATE_LIMIT_INTERVAL);
            }
            link.probed_at = Some(not_before);
        }
        let rng = &mut self.rng;
        link.claims.push(Claim::new(
            now, rng, address, prefix, mode, policy, not_before,
        ));
        self.run_claims(now);
    }

    /// No address of this host any more.
    pub fn remove_address(&mut self, interface: InterfaceId, address: Ipv4Addr) {
        if let Some(link) = self.links.get_mut(&interface) {
            link.claims.retain(|claim| claim.address != address);
            self.plan_claims();
        }
    }

    /// How far the claim to an address is; `None` if there is none.
    #[must_use]
    pub fn claim_state(&self, interface: InterfaceId, address: Ipv4Addr) -> Option<ClaimState> {
        let claims = &self.links.get(&interface)?.claims;
        let claim = claims.iter().find(|claim| claim.address == address)?;
        Some(claim.state())
    }

    /// Grows whenever a hardware address that [`resolve`](Self::resolve) gave may be wrong: who remembers one need not
    /// ask again until then, but should from time to time, so that the table knows which neighbours are talked to.
    #[inline]
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.generation
    }

    /// Where to send a packet for the neighbour `address`; asks for it if that is not known.
    pub fn resolve(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        address: Ipv4Addr,
        packet: PacketBuf,
    ) -> Resolution {
        let place = (interface, address);
        let Some(entry) = self.entries.get_mut(&place) else {
            let link = self.links.get(&interface);
            if link.and_then(|link| link.sender_for(address)).is_none() {
                return Resolution::NoSource(packet);
            }
            return self.ask(now, place, packet);
        };
        entry.used = now;
        match &mut entry.state {
            State::Reachable { mac, .. }
            | State::Probing { mac, .. }
            | State::Permanent { mac } => Resolution::Known(*mac, packet),
            State::Suspended { until } => Resolution::Suspended {
                packet,
                until: *until,
            },
            State::Incomplete { waiting, .. } => {
                // RFC 1122 §2.3.2.2: "SHOULD save (rather than discard) at least one (the latest) packet".
                let mut dropped = 0;
                while waiting.len() >= self.limits.waiting.max(1)
                    || (self.waiting_octets + packet.memory() > self.limits.waiting_octets
                        && !waiting.is_empty())
                {
                    let Some(oldest) = waiting.pop_front() else {
                        break;
                    };
                    self.waiting_octets -= oldest.memory();
                    dropped += 1;
                }
                if self.waiting_octets + packet.memory() <= self.limits.waiting_octets {
                    self.waiting_octets += packet.memory();
                    waiting.push_back(packet);
                } else {
                    dropped += 1;
                }
                self.counters.dropped_waiting += u64::try_from(dropped).unwrap_or(0);
                Resolution::Queued { dropped }
            }
        }
    }

    /// An ARP packet came by `interface`.
    pub fn handle_arp(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        packet: &arp::Packet,
    ) -> Heard {
        let Some(link) = self.links.get_mut(&interface) else {
            return Heard::Nothing;
        };
        match packet.operation {
            Operation::REQUEST => self.counters.requests_received += 1,
            Operation::REPLY => self.counters.replies_received += 1,
            _ => return Heard::Nothing,
        }
        let &arp::Packet {
            sender_mac,
            sender_ip,
            target_ip,
            ..
        } = packet;
        if sender_mac.is_multicast() || sender_mac == MacAddr::default() {
            self.counters.bad_received += 1;
            return Heard::BroadcastSource;
        }
        if !packet.is_probe() && !may_be_neighbour(sender_ip) {
            self.counters.bad_received += 1;
            return Heard::BadSender;
        }
        if sender_mac == link.mac {
            // Our own packet, repeated by the network (RFC 5227 §2.1.1, the note).
            return Heard::Nothing;
        }
        // RFC 5227 §2.1.1 and §2.4: the sender has an address of ours, or asks for one that we ask for too.
        let conflict = link.claims.iter_mut().find(|claim| {
            claim.address == sender_ip
                || (packet.is_probe() && claim.address == target_ip && claim.is_probing())
        });
        if let Some(claim) = conflict
            && claim.state() != ClaimState::Lost
        {
            let address = claim.address;
            let answer = claim.handle_conflict(now);
            link.conflicts = link.conflicts.saturating_add(1);
            self.counters.conflicts += 1;
            if answer == Answer::Defend {
                let packet = announcement(link.mac, address);
                self.transmit(interface, MacAddr::BROADCAST, packet);
            }
            self.plan_claims();
            return Heard::Conflict {
                address,
                mac: sender_mac,
                lost: answer == Answer::GiveUp,
            };
        }
        let our_mac = link.mac;
        let for_us = link
            .claims
            .iter()
            .any(|claim| claim.address == target_ip && claim.is_usable());
        let on_link = link.claims.iter().any(|claim| covers(claim, sender_ip));
        // RFC 826, "Packet Reception": first the merge, then, if the target is us, the new entry, then the reply.
        let mut heard = Heard::Nothing;
        let asks_us = for_us && packet.operation == Operation::REQUEST;
        if !packet.is_probe() {
            let place = (interface, sender_ip);
            if self.entries.contains_key(&place) {
                heard = self.learn(now, place, sender_mac);
            } else if asks_us && on_link && self.make_room() {
                // Whoever asks for us is about to send to us, and will want an answer.
                self.insert(now, place);
                heard = self.learn(now, place, sender_mac);
            } else if asks_us && on_link {
                self.counters.no_room += 1;
            }
        }
        if asks_us {
            let reply = arp::Packet {
                operation: Operation::REPLY,
                sender_mac: our_mac,
                sender_ip: target_ip,
                target_mac: sender_mac,
                target_ip: sender_ip,
            };
            if self.transmits < self.limits.output {
                self.counters.replies_sent += 1;
                self.transmit(interface, sender_mac, reply);
            } else {
                self.counters.replies_suppressed += 1;
            }
        }
        heard
    }

    /// A packet of a higher layer shows that the neighbour is there: its entry holds as if it had just answered
    /// (RFC 1122 §2.3.2.1 (4)).
    pub fn confirm(&mut self, now: Instant, interface: InterfaceId, address: Ipv4Addr) {
        let place = (interface, address);
        if let Some(State::Reachable { mac, .. } | State::Probing { mac, .. }) =
            self.entries.get(&place).map(|entry| &entry.state)
        {
            let mac = *mac;
            self.set_reachable(now, place, mac);
        }
    }

    /// Does what is due: asks again, suspends, forgets, probes.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(&(at, place)) = self.timers.first()
            && at <= now
        {
            self.run_timer(now, place);
        }
        self.run_claims(now);
    }

    /// When something is due next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let first_entry = self.timers.first().map(|&(at, _)| at);
        match (self.claims_due, first_entry) {
            (Some(claim), Some(entry)) => Some(claim.min(entry)),
            (one, other) => one.or(other),
        }
    }

    /// Finds out when the first of the claims has something to do; to be called when one has changed.
    fn plan_claims(&mut self) {
        let claims = self.links.values().flat_map(|link| &link.claims);
        self.claims_due = claims.filter_map(Claim::poll_timeout).min();
    }

    /// The next thing to do; ask until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.output.pop_front()?;
        if matches!(output, Output::Transmit { .. }) {
            self.transmits -= 1;
        }
        Some(output)
    }

    /// Asks by every Ethernet who has `address`, without making an entry (`SIOCARP`).
    pub fn request(&mut self, address: Ipv4Addr) {
        let interfaces: Vec<_> = self.links.keys().copied().collect();
        for interface in interfaces {
            self.send_request(interface, address, None);
        }
    }

    /// Sets a neighbour by hand (`SIOCSARP`): for ever, or as if it had just answered.
    ///
    /// # Errors
    /// [`Misuse::BadAddress`] if there can be no such neighbour there, [`Misuse::Full`].
    pub fn add(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        address: Ipv4Addr,
        mac: MacAddr,
        permanent: bool,
    ) -> Result<(), Misuse> {
        let known = self.links.contains_key(&interface);
        if !known || mac.is_multicast() || !may_be_neighbour(address) {
            return Err(Misuse::BadAddress);
        }
        let place = (interface, address);
        if !self.entries.contains_key(&place) {
            if !self.make_room() {
                return Err(Misuse::Full);
            }
            self.insert(now, place);
        }
        self.release(place, mac);
        if permanent {
            self.set_timer(place, None);
            if let Some(entry) = self.entries.get_mut(&place) {
                self.by_use.remove(&(entry.filed, place));
                entry.state = State::Permanent { mac };
                self.generation += 1;
            }
        } else {
            if let Some(entry) = self.entries.get_mut(&place) {
                self.by_use.insert((entry.filed, place));
            }
            self.set_reachable(now, place, mac);
        }
        Ok(())
    }

    /// Forgets a neighbour (`SIOCDARP`).
    ///
    /// # Errors
    /// [`Misuse::NoEntry`].
    pub fn delete(&mut self, interface: InterfaceId, address: Ipv4Addr) -> Result<(), Misuse> {
        if self.forget((interface, address)) {
            Ok(())
        } else {
            Err(Misuse::NoEntry)
        }
    }

    /// A neighbour (`SIOCGARP`); does not count as use.
    #[must_use]
    pub fn lookup(&self, interface: InterfaceId, address: Ipv4Addr) -> Option<Neighbour> {
        let entry = self.entries.get(&(interface, address))?;
        let (mac, state) = match entry.state {
            State::Incomplete { .. } => (None, NeighbourState::Incomplete),
            State::Reachable { mac, .. } => (Some(mac), NeighbourState::Reachable),
            State::Probing { mac, .. } => (Some(mac), NeighbourState::Probing),
            State::Suspended { .. } => (None, NeighbourState::Suspended),
            State::Permanent { mac } => (Some(mac), NeighbourState::Permanent),
        };
        Some(Neighbour {
            interface,
            address,
            mac,
            state,
        })
    }

    /// All neighbours, by interface and address.
    pub fn list(&self) -> impl Iterator<Item = Neighbour> {
        self.order
            .iter()
            .filter_map(|&(interface, address)| self.lookup(interface, address))
    }

    /// How many there are (`SIOSTATCNTAT`).
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Octets that packets which wait for an answer hold on to.
    #[must_use]
    pub const fn waiting_octets(&self) -> usize {
        self.waiting_octets
    }

    /// Whether the table, its orders and its timers name the same neighbours, within the limits.
    pub(crate) fn check(&self) -> Result<(), Inconsistency> {
        ensure!(
            self.order.len() == self.entries.len() && self.order.len() <= self.limits.entries,
            "{} neighbours in order, {} in the table, at most {}",
            self.order.len(),
            self.entries.len(),
            self.limits.entries
        );
        let (mut octets, mut timers, mut evictable) = (0, 0, 0);
        for place in &self.order {
            let entry = self.entries.get(place);
            let Some(entry) = entry else {
                return Err(Inconsistency(format!(
                    "neighbour {place:?} is not in the table"
                )));
            };
            if let State::Incomplete { waiting, .. } = &entry.state {
                ensure!(
                    waiting.len() <= self.limits.waiting.max(1),
                    "{} packets wait for {place:?}, at most {}",
                    waiting.len(),
                    self.limits.waiting
                );
                octets += waiting.iter().map(PacketBuf::memory).sum::<usize>();
            }
            let permanent = matches!(entry.state, State::Permanent { .. });
            ensure!(
                permanent != entry.timer.is_some(),
                "neighbour {place:?} is {:?} and has the timer {:?}",
                entry.state,
                entry.timer
            );
            if let Some(at) = entry.timer {
                timers += 1;
                ensure!(
                    self.timers.contains(&(at, *place)),
                    "no timer for {place:?}"
                );
            }
            let filed = self.by_use.contains(&(entry.filed, *place));
            ensure!(
                filed != permanent,
                "neighbour {place:?} cannot be evicted, or must not be"
            );
            evictable += usize::from(filed);
        }
        ensure!(
            timers == self.timers.len(),
            "{} timers of {timers} neighbours",
            self.timers.len()
        );
        ensure!(
            evictable == self.by_use.len(),
            "{} places in the order of use for {evictable} neighbours",
            self.by_use.len()
        );
        ensure!(
            octets == self.waiting_octets && octets <= self.limits.waiting_octets,
            "{octets} octets wait for neighbours, {} are accounted for, at most {}",
            self.waiting_octets,
            self.limits.waiting_octets
        );
        ensure!(
            self.output.is_empty() && self.transmits == 0,
            "{} things to do for neighbours were left undone, {} of them packets",
            self.output.len(),
            self.transmits
        );
        Ok(())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// Forgets the neighbours on that interface, or on all, and drops what waits for them; those set by hand only if
    /// `permanent`. How many those were.
    pub fn flush(&mut self, interface: Option<InterfaceId>, permanent: bool) -> usize {
        let doomed: Vec<_> = self
            .list()
            .filter(|it| interface.is_none_or(|wanted| wanted == it.interface))
            .filter(|it| permanent || it.state != NeighbourState::Permanent)
            .map(|it| (it.interface, it.address))
            .collect();
        doomed.iter().filter(|&&place| self.forget(place)).count()
    }

    /// Makes the entry of a neighbour that nothing is known of, and asks for it.
    fn ask(&mut self, now: Instant, place: Place, packet: PacketBuf) -> Resolution {
        if !self.make_room() {
            self.counters.dropped_waiting += 1;
            return Resolution::Queued { dropped: 1 };
        }
        self.insert(now, place);
        self.set_timer(place, Some(now + self.config.retry_time));
        self.send_request(place.0, place.1, None);
        self.resolve(now, place.0, place.1, packet)
    }

    /// Makes room for an entry: evicts the one that was not used for the longest time. Whether there is room.
    fn make_room(&mut self) -> bool {
        while self.order.len() >= self.limits.entries {
            let Some((filed, place)) = self.by_use.pop_first() else {
                return false;
            };
            match self.entries.get_mut(&place) {
                // It was used since it was filed.
                Some(entry) if entry.used > filed => {
                    entry.filed = entry.used;
                    self.by_use.insert((entry.used, place));
                }
                _ => {
                    self.forget(place);
                    self.counters.evicted += 1;
                }
            }
        }
        true
    }

    fn insert(&mut self, now: Instant, place: Place) {
        let entry = Entry {
            state: State::Incomplete {
                tries: 1,
                waiting: VecDeque::new(),
            },
            timer: None,
            used: now,
            filed: now,
        };
        self.entries.insert(place, entry);
        self.order.insert(place);
        self.by_use.insert((now, place));
    }

    /// Takes an entry out; whether there was one.
    fn forget(&mut self, place: Place) -> bool {
        let Some(entry) = self.entries.remove(&place) else {
            return false;
        };
        self.generation += 1;
        self.order.remove(&place);
        self.by_use.remove(&(entry.filed, place));
        if let Some(at) = entry.timer {
            self.timers.remove(&(at, place));
        }
        if let State::Incomplete { waiting, .. } = entry.state {
            for packet in waiting {
                self.waiting_octets -= packet.memory();
                self.counters.dropped_waiting += 1;
            }
        }
        true
    }

    fn set_timer(&mut self, place: Place, at: Option<Instant>) {
        let Some(entry) = self.entries.get_mut(&place) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut entry.timer, at) {
            self.timers.remove(&(old, place));
        }
        if let Some(at) = at {
            self.timers.insert((at, place));
        }
    }

    /// The neighbour of an entry said what its hardware address is.
    fn learn(&mut self, now: Instant, place: Place, mac: MacAddr) -> Heard {
        let known = match self.entries.get(&place).map(|entry| &entry.state) {
            // What was set by hand stays.
            None | Some(State::Permanent { .. }) => return Heard::Nothing,
            Some(State::Reachable { mac, .. } | State::Probing { mac, .. }) => Some(*mac),
            Some(State::Incomplete { .. } | State::Suspended { .. }) => None,
        };
        self.generation += u64::from(known.is_some_and(|known| known != mac));
        self.release(place, mac);
        self.set_reachable(now, place, mac);
        let address = place.1;
        match known {
            None => Heard::Resolved { address, mac },
            Some(from) if from != mac => Heard::Moved {
                address,
                from,
                to: mac,
            },
            Some(_) => Heard::Nothing,
        }
    }

    fn set_reachable(&mut self, now: Instant, place: Place, mac: MacAddr) {
        if let Some(entry) = self.entries.get_mut(&place) {
            entry.state = State::Reachable {
                mac,
                confirmed: now,
            };
        }
        let ahead = self.config.retry_time * u32::from(self.config.tries);
        let at = now + self.config.complete_time.saturating_sub(ahead);
        self.set_timer(place, Some(at));
    }

    /// Gives back the packets that wait in an entry.
    fn release(&mut self, place: Place, mac: MacAddr) {
        let Some(entry) = self.entries.get_mut(&place) else {
            return;
        };
        if let State::Incomplete { waiting, .. } = &mut entry.state {
            for packet in std::mem::take(waiting) {
                self.waiting_octets -= packet.memory();
                self.output.push_back(Output::Release {
                    interface: place.0,
                    destination: mac,
                    packet,
                });
            }
        }
    }

    /// The timer of an entry is due.
    fn run_timer(&mut self, now: Instant, place: Place) {
        let (interface, address) = place;
        let retry = now + self.config.retry_time;
        self.set_timer(place, None);
        let Some(entry) = self.entries.get_mut(&place) else {
            return;
        };
        match &mut entry.state {
            State::Incomplete { tries, .. } if *tries < self.config.tries => {
                *tries += 1;
                self.set_timer(place, Some(retry));
                self.send_request(interface, address, None);
            }
            State::Incomplete { waiting, .. } => {
                let until = now + self.config.incomplete_time;
                let waiting = std::mem::take(waiting);
                entry.state = State::Suspended { until };
                self.counters.suspended += 1;
                self.set_timer(place, Some(until));
                self.output.push_back(Output::Suspended {
                    interface,
                    address,
                    until,
                });
                for packet in waiting {
                    self.waiting_octets -= packet.memory();
                    self.counters.dropped_waiting += 1;
                    self.output.push_back(Output::Unreachable {
                        interface,
                        address,
                        packet,
                    });
                }
            }
            // RFC 1122 §2.3.2.1 (2): "actively poll the remote host by periodically sending a point-to-point ARP
            // Request to it", but only if it is talked to.
            State::Reachable { mac, confirmed } if entry.used > *confirmed => {
                let mac = *mac;
                entry.state = State::Probing { mac, tries: 1 };
                self.set_timer(place, Some(retry));
                self.send_request(interface, address, Some(mac));
            }
            State::Probing { mac, tries } if *tries < self.config.tries => {
                *tries += 1;
                let mac = *mac;
                self.set_timer(place, Some(retry));
                self.send_request(interface, address, Some(mac));
            }
            State::Reachable { .. } | State::Probing { .. } => {
                self.forget(place);
                self.counters.expired += 1;
                self.output
                    .push_back(Output::Expired { interface, address });
            }
            State::Suspended { .. } => {
                self.forget(place);
            }
            State::Permanent { .. } => {}
        }
    }

    /// Does what is due for addresses of our own.
    fn run_claims(&mut self, now: Instant) {
        let mut steps = Vec::new();
        for (&interface, link) in &mut self.links {
            for claim in &mut link.claims {
                while let Some(step) = claim.handle_timeout(now, &mut self.rng) {
                    steps.push((interface, link.mac, claim.address, step));
                }
            }
        }
        for (interface, mac, address, step) in steps {
            let mut packet = announcement(mac, address);
            match step {
                // RFC 5227 §2.1.1: "The 'sender IP address' field MUST be set to all zeroes".
                Step::Probe => packet.sender_ip = Ipv4Addr::UNSPECIFIED,
                Step::Ready => self.output.push_back(Output::Ready { interface, address }),
                Step::Announce => {}
            }
            self.counters.requests_sent += 1;
            self.transmit(interface, MacAddr::BROADCAST, packet);
        }
        self.plan_claims();
    }

    /// Asks who has `target`: everybody, or the one that had it.
    fn send_request(&mut self, interface: InterfaceId, target: Ipv4Addr, to: Option<MacAddr>) {
        let Some(link) = self.links.get(&interface) else {
            return;
        };
        let Some(sender_ip) = link.sender_for(target) else {
            // Without an address of our own nobody could answer: the entry will end.
            return;
        };
        let packet = arp::Packet {
            operation: Operation::REQUEST,
            sender_mac: link.mac,
            sender_ip,
            target_mac: to.unwrap_or_default(),
            target_ip: target,
        };
        self.counters.requests_sent += 1;
        self.transmit(interface, to.unwrap_or(MacAddr::BROADCAST), packet);
    }

    fn transmit(&mut self, interface: InterfaceId, destination: MacAddr, packet: arp::Packet) {
        self.transmits += 1;
        self.output.push_back(Output::Transmit {
            interface,
            destination,
            packet,
        });
    }
}

/// RFC 5227 §2.3: "both set to the host's newly selected IPv4 address".
fn announcement(mac: MacAddr, address: Ipv4Addr) -> arp::Packet {
    arp::Packet {
        operation: Operation::REQUEST,
        sender_mac: mac,
        sender_ip: address,
        target_mac: MacAddr::default(),
        target_ip: address,
    }
}

/// Whether a host can have that address: not 0.0.0.0/8, 127.0.0.0/8, nor classes D and E.
fn may_be_neighbour(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first != 127 && first < 224
}

#[cfg(test)]
mod tests;
