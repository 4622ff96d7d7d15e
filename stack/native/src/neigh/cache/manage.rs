//! Reading and changing the table by hand (`sockets.md` §8.5).

use super::{ArpCache, State, may_be_neighbour};
use crate::iface::InterfaceId;
use crate::neigh::{Misuse, Neighbour, NeighbourState};
use crate::pkt::PacketBuf;
use crate::stack::{Inconsistency, ensure};
use fairway_wire::{Instant, MacAddr};
use std::net::Ipv4Addr;

impl ArpCache {
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
}
