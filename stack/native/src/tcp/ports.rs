//! Local names in use: which may be bound again, and which port to choose. `sockets.md` §3 and §7.1, RFC 6056.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use super::num::octets;
use super::table::ConnId;
use crate::errno::Errno;
use crate::hash::Key;
use crate::rng::Rng;

/// The ports that are chosen for those who do not care (RFC 6335 §6).
const EPHEMERAL: core::ops::RangeInclusive<u16> = 49_152..=65_535;

/// Who uses a local address and port.
#[derive(Clone, Debug)]
struct Usage {
    address: Ipv4Addr,
    /// Sockets bound to it, and how many of them set the options.
    bound: u32,
    reuse_addr: u32,
    reuse_port: u32,
    /// Connections that hold it without a bound socket (accepted, or in TIME-WAIT), and how many of them came from
    /// sockets with `SO_REUSEADDR`.
    held: u32,
    held_reusable: u32,
    /// Connections whose port was chosen for them.
    chosen: u32,
    listeners: Vec<ConnId>,
}

/// The two options that allow sharing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reuse {
    pub(crate) addr: bool,
    pub(crate) port: bool,
}

/// All local names of TCP, by port.
#[derive(Debug)]
pub(crate) struct Ports {
    by_port: HashMap<u16, Vec<Usage>, Key>,
}

impl Usage {
    const fn new(address: Ipv4Addr) -> Self {
        Self {
            address,
            bound: 0,
            reuse_addr: 0,
            reuse_port: 0,
            held: 0,
            held_reusable: 0,
            chosen: 0,
            listeners: Vec::new(),
        }
    }

    /// The table of `sockets.md` §7.1.
    fn allows(&self, address: Ipv4Addr, reuse: Reuse) -> bool {
        let same = self.address == address;
        if !same && !self.address.is_unspecified() && !address.is_unspecified() {
            return true;
        }
        let bound_allow = self.bound == 0
            || reuse.port && self.reuse_port == self.bound
            || reuse.addr && self.reuse_addr == self.bound && !same;
        // Connections of the past or of another listener do not stand in the way of those who say so.
        let held_allow =
            self.held == 0 || (reuse.addr || reuse.port) && self.held_reusable == self.held;
        bound_allow && held_allow && (self.chosen == 0 || reuse.addr)
    }

    const fn is_unused(&self) -> bool {
        self.bound == 0 && self.held == 0 && self.chosen == 0
    }
}

impl Ports {
    pub(crate) fn new(key: Key) -> Self {
        Self {
            by_port: HashMap::with_hasher(key),
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "the place was found, or made, just before"
    )]
    fn usage(&mut self, address: Ipv4Addr, port: u16) -> &mut Usage {
        let usages = self.by_port.entry(port).or_default();
        let at = match usages.iter().position(|usage| usage.address == address) {
            Some(at) => at,
            None => {
                // Nearly every port is used at one address.
                usages.reserve_exact(1);
                usages.push(Usage::new(address));
                usages.len() - 1
            }
        };
        &mut usages[at]
    }

    /// How many endpoints hold a name, TIME-WAIT included.
    pub(crate) fn held(&self) -> usize {
        let usages = self.by_port.values().flatten();
        let held = usages.map(|usage| usage.bound + usage.held + usage.chosen);
        octets(held.sum())
    }

    fn tidy(&mut self, port: u16) {
        if let Some(usages) = self.by_port.get_mut(&port) {
            usages.retain(|usage| !usage.is_unused());
            if usages.is_empty() {
                self.by_port.remove(&port);
            }
        }
    }

    /// Binds; port 0 for any that is free. Returns the port.
    ///
    /// # Errors
    /// [`Errno::AddrInUse`]; [`Errno::AddrNotAvail`] if no port is free.
    pub(crate) fn bind(
        &mut self,
        address: Ipv4Addr,
        port: u16,
        reuse: Reuse,
        rng: &mut Rng,
    ) -> Result<u16, Errno> {
        let port = if port == 0 {
            self.choose(rng, |ports, port| ports.is_free(port))
                .ok_or(Errno::AddrNotAvail)?
        } else {
            let allowed = self
                .by_port
                .get(&port)
                .is_none_or(|usages| usages.iter().all(|usage| usage.allows(address, reuse)));
            if !allowed {
                return Err(Errno::AddrInUse);
            }
            port
        };
        let usage = self.usage(address, port);
        usage.bound += 1;
        usage.reuse_addr += u32::from(reuse.addr);
        usage.reuse_port += u32::from(reuse.port);
        Ok(port)
    }

    /// Undoes a bind with the options it was made with.
    pub(crate) fn unbind(&mut self, address: Ipv4Addr, port: u16, reuse: Reuse) {
        let usage = self.usage(address, port);
        usage.bound = usage.bound.saturating_sub(1);
        usage.reuse_addr = usage.reuse_addr.saturating_sub(u32::from(reuse.addr));
        usage.reuse_port = usage.reuse_port.saturating_sub(u32::from(reuse.port));
        self.tidy(port);
    }

    /// A connection holds the name without being bound to it.
    pub(crate) fn hold(&mut self, address: Ipv4Addr, port: u16, reusable: bool) {
        let usage = self.usage(address, port);
        usage.held += 1;
        usage.held_reusable += u32::from(reusable);
    }

    /// Undoes a [`hold`](Self::hold).
    pub(crate) fn release(&mut self, address: Ipv4Addr, port: u16, reusable: bool) {
        let usage = self.usage(address, port);
        usage.held = usage.held.saturating_sub(1);
        usage.held_reusable = usage.held_reusable.saturating_sub(u32::from(reusable));
        self.tidy(port);
    }

    /// A connection got that port by [`choose_for`](Self::choose_for).
    pub(crate) fn hold_chosen(&mut self, address: Ipv4Addr, port: u16) {
        self.usage(address, port).chosen += 1;
    }

    /// Undoes a [`hold_chosen`](Self::hold_chosen).
    pub(crate) fn release_chosen(&mut self, address: Ipv4Addr, port: u16) {
        let usage = self.usage(address, port);
        usage.chosen = usage.chosen.saturating_sub(1);
        self.tidy(port);
    }

    fn is_free(&self, port: u16) -> bool {
        !self.by_port.contains_key(&port)
    }

    /// RFC 6056 §3.3.1: a random port, then those after it.
    fn choose(&self, rng: &mut Rng, fits: impl Fn(&Self, u16) -> bool) -> Option<u16> {
        let (first, last) = (*EPHEMERAL.start(), *EPHEMERAL.end());
        let count = u64::from(last - first) + 1;
        let start = u16::try_from(rng.below(count)).unwrap_or(0);
        (first + start..=last)
            .chain(first..first + start)
            .find(|&port| fits(self, port))
    }

    /// A port for a connection: one that nobody uses, or one that only such connections use and where `is_new` says that
    /// the four-tuple would be new.
    pub(crate) fn choose_for(&self, rng: &mut Rng, is_new: impl Fn(u16) -> bool) -> Option<u16> {
        // A few tries find a free one unless nearly all are taken.
        for _ in 0..8 {
            let one = self.choose(rng, |_, _| true)?;
            if self.is_free(one) && is_new(one) {
                return Some(one);
            }
        }
        self.choose(rng, |ports, port| {
            let shared = ports
                .by_port
                .get(&port)
                .is_none_or(|usages| usages.iter().all(|usage| usage.bound == 0));
            shared && is_new(port)
        })
    }

    /// Notes a listener at the name it is bound to.
    pub(crate) fn add_listener(&mut self, address: Ipv4Addr, port: u16, id: ConnId) {
        self.usage(address, port).listeners.push(id);
    }

    pub(crate) fn remove_listener(&mut self, address: Ipv4Addr, port: u16, id: ConnId) {
        self.usage(address, port)
            .listeners
            .retain(|&other| other != id);
        self.tidy(port);
    }

    /// Who listens at that address: the most particular name first; of several that share it, the one that `hash` picks.
    pub(crate) fn listener(&self, address: Ipv4Addr, port: u16, hash: u32) -> Option<ConnId> {
        let usages = self.by_port.get(&port)?;
        let at = |wanted: Ipv4Addr| {
            usages
                .iter()
                .find(|usage| usage.address == wanted && !usage.listeners.is_empty())
        };
        let usage = at(address).or_else(|| at(Ipv4Addr::UNSPECIFIED))?;
        let count = u32::try_from(usage.listeners.len()).unwrap_or(u32::MAX);
        let pick = usize::try_from(hash % count.max(1)).unwrap_or(0);
        usage.listeners.get(pick).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::{ConnId, EPHEMERAL, Errno, Ipv4Addr, Key, Ports, Reuse, Rng};

    const ANY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
    const ONE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const OTHER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
    const NO: Reuse = Reuse {
        addr: false,
        port: false,
    };
    const ADDR: Reuse = Reuse {
        addr: true,
        port: false,
    };
    const PORT: Reuse = Reuse {
        addr: false,
        port: true,
    };

    fn second(first: (Ipv4Addr, Reuse), then: (Ipv4Addr, Reuse)) -> Result<u16, Errno> {
        let (mut ports, mut rng) = (Ports::new(Key([1, 2])), Rng::from_seed([0; 32]));
        ports.bind(first.0, 80, first.1, &mut rng).unwrap();
        ports.bind(then.0, 80, then.1, &mut rng)
    }

    // sockets.md §7.1, the table of sharing
    #[test]
    fn names_are_shared_as_the_options_allow() {
        let taken = Err(Errno::AddrInUse);
        for (first, then, result) in [
            ((ONE, NO), (ONE, NO), taken),
            ((ONE, NO), (ONE, ADDR), taken),
            ((ONE, NO), (OTHER, NO), Ok(80)),
            ((ANY, NO), (ONE, NO), taken),
            ((ANY, ADDR), (ONE, ADDR), Ok(80)),
            ((ONE, ADDR), (ANY, ADDR), Ok(80)),
            ((ANY, ADDR), (ONE, NO), taken),
            ((ONE, ADDR), (ONE, ADDR), taken),
            ((ONE, PORT), (ONE, PORT), Ok(80)),
            ((ONE, PORT), (ONE, NO), taken),
            ((ANY, PORT), (ONE, PORT), Ok(80)),
        ] {
            assert_eq!(second(first, then), result, "{first:?} {then:?}");
        }
    }

    #[test]
    fn connections_of_the_past_need_reuse_on_both_sides() {
        let (mut ports, mut rng) = (Ports::new(Key([1, 2])), Rng::from_seed([0; 32]));
        ports.hold(ONE, 80, false);
        assert_eq!(ports.bind(ANY, 80, ADDR, &mut rng), Err(Errno::AddrInUse));
        ports.release(ONE, 80, false);
        ports.hold(ONE, 80, true);
        assert_eq!(ports.bind(ANY, 80, NO, &mut rng), Err(Errno::AddrInUse));
        assert_eq!(ports.bind(ANY, 80, ADDR, &mut rng), Ok(80));
        ports.unbind(ANY, 80, ADDR);
        ports.release(ONE, 80, true);
        assert!(ports.is_free(80));
    }

    // PRT-3
    #[test]
    fn chosen_ports_are_ephemeral_until_none_is_left() {
        let (mut ports, mut rng) = (Ports::new(Key([1, 2])), Rng::from_seed([0; 32]));
        let mut chosen: Vec<u16> = (0..16_384)
            .map(|_| ports.bind(ANY, 0, NO, &mut rng).unwrap())
            .collect();
        assert!(chosen.iter().all(|port| EPHEMERAL.contains(port)));
        chosen.sort_unstable();
        chosen.dedup();
        assert_eq!(chosen.len(), 16_384);
        assert_eq!(ports.bind(ANY, 0, NO, &mut rng), Err(Errno::AddrNotAvail));
    }

    // PRT-4
    #[test]
    fn the_particular_listener_comes_before_the_general() {
        let (mut ports, mut rng) = (Ports::new(Key([1, 2])), Rng::from_seed([0; 32]));
        let id = |index| ConnId {
            index,
            generation: 0,
        };
        ports.bind(ANY, 80, ADDR, &mut rng).unwrap();
        ports.bind(ONE, 80, ADDR, &mut rng).unwrap();
        ports.add_listener(ANY, 80, id(1));
        ports.add_listener(ONE, 80, id(2));
        assert_eq!(ports.listener(ONE, 80, 9), Some(id(2)));
        assert_eq!(ports.listener(OTHER, 80, 9), Some(id(1)));
        ports.remove_listener(ONE, 80, id(2));
        assert_eq!(ports.listener(ONE, 80, 9), Some(id(1)));
        assert_eq!(ports.listener(ONE, 81, 9), None);
    }
}
