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

use super::claim::Claim;
use super::{Output, Resolution};
use crate::config::ArpConfig;
use crate::counters::ArpCounters;
use crate::hash::Key;
use crate::iface::InterfaceId;
use crate::limits::NeighbourLimits;
use crate::pkt::PacketBuf;
use crate::rng::Rng;
use fairway_wire::arp::{self, Operation};
use fairway_wire::{Instant, MacAddr};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::Ipv4Addr;

mod manage;
mod own;
mod receive;

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
                Resolution::Queued {
                    dropped,
                    full: false,
                }
            }
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

    /// The next thing to do; ask until `None`.
    pub fn poll_output(&mut self) -> Option<Output> {
        let output = self.output.pop_front()?;
        if matches!(output, Output::Transmit { .. }) {
            self.transmits -= 1;
        }
        Some(output)
    }

    /// Makes the entry of a neighbour that nothing is known of, and asks for it.
    fn ask(&mut self, now: Instant, place: Place, packet: PacketBuf) -> Resolution {
        if !self.make_room() {
            self.counters.dropped_waiting += 1;
            return Resolution::Queued {
                dropped: 1,
                full: true,
            };
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
                self.output.push_back(Output::Forgotten {
                    interface: place.0,
                    address: place.1,
                    len: packet.len(),
                });
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

/// Whether a host can have that address: not 0.0.0.0/8, 127.0.0.0/8, nor classes D and E.
fn may_be_neighbour(address: Ipv4Addr) -> bool {
    let [first, ..] = address.octets();
    first != 0 && first != 127 && first < 224
}

#[cfg(test)]
mod tests;
