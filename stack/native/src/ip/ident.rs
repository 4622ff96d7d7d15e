//! The identification of packets (RFC 791 §3.2, RFC 6864).
//!
//! Identifications must not repeat while fragments with the old one are about; they should tell strangers nothing
//! about how much a host sends, nor let them forge fragments. Each (source, destination, protocol) draws from one of a
//! fixed number of counters, chosen by a keyed hash and offset by it, and a counter that has rested jumps ahead by a
//! random step, so that neither differences nor values can be predicted from another address.

use crate::hash::Key;
use crate::rng::Rng;
use fairway_wire::{Instant, Protocol};
use std::net::Ipv4Addr;

/// How many counters there are.
const COUNTERS: usize = 1024;

/// The source of identifications of one host.
#[derive(Debug)]
pub struct Idents {
    key: Key,
    rng: Rng,
    /// The next number of each counter and the millisecond it was last used in.
    counters: Vec<(u16, u64)>,
}

impl Idents {
    /// Counters that begin anywhere; `key` chooses among them.
    #[must_use]
    pub fn new(key: Key, rng: &mut Rng) -> Self {
        Self {
            key,
            rng: Rng::from_seed(rng.seed()),
            counters: Vec::new(),
        }
    }

    /// The identification of the next packet.
    ///
    /// For an atomic packet (one that is whole and must not be cut) the field has no meaning (RFC 6864 §4.1): it is 0,
    /// unless `number_atomic`.
    pub fn next(
        &mut self,
        now: Instant,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        protocol: Protocol,
        dont_fragment: bool,
        number_atomic: bool,
    ) -> u16 {
        if dont_fragment && !number_atomic {
            return 0;
        }
        if self.counters.is_empty() {
            // Made when it is first needed: most hosts send what must not be cut only.
            let rng = &mut self.rng;
            self.counters = std::iter::repeat_with(|| (rng.next_u16(), 0))
                .take(COUNTERS)
                .collect();
        }
        let addresses = (u64::from(source.to_bits()) << 32) | u64::from(destination.to_bits());
        let hash = self.key.strong(&[addresses, u64::from(protocol.0)]);
        let [a, b, c, d, ..] = hash.to_be_bytes();
        let offset = u16::from_be_bytes([c, d]);
        let index = usize::from(u16::from_be_bytes([a, b])) % COUNTERS;
        let Some((counter, last)) = self.counters.get_mut(index) else {
            return 0;
        };
        let milli = now.as_nanos() / 1_000_000;
        let rested = milli.saturating_sub(*last).min(1 << 12);
        *last = milli;
        let step = u16::try_from(1 + self.rng.below(rested)).unwrap_or(1);
        *counter = counter.wrapping_add(step);
        counter.wrapping_add(offset)
    }
}

#[cfg(test)]
mod tests {
    use super::Idents;
    use crate::hash::Key;
    use crate::rng::Rng;
    use fairway_wire::{Instant, Protocol};
    use std::collections::BTreeSet;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    const US: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

    fn idents() -> Idents {
        Idents::new(Key([1, 2]), &mut Rng::from_seed([5; 32]))
    }

    /// RFC 6864 §4.3: not repeated within the time that packets live, at moderate speed.
    #[test]
    fn packets_to_one_host_have_different_numbers() {
        let mut idents = idents();
        let peer = Ipv4Addr::new(10, 0, 0, 2);
        let seen: BTreeSet<_> = (0..60_000)
            .map(|_| idents.next(Instant::ZERO, US, peer, Protocol::UDP, false, false))
            .collect();
        assert_eq!(seen.len(), 60_000);
    }

    /// RFC 6864 §4.1.
    #[test]
    fn packets_that_must_not_be_cut_have_none_unless_asked() {
        let mut idents = idents();
        let peer = Ipv4Addr::new(10, 0, 0, 2);
        assert_eq!(
            idents.next(Instant::ZERO, US, peer, Protocol::TCP, true, false),
            0
        );
        let one = idents.next(Instant::ZERO, US, peer, Protocol::TCP, true, true);
        let other = idents.next(Instant::ZERO, US, peer, Protocol::TCP, true, true);
        assert_ne!(one, other);
    }

    #[test]
    fn another_address_sees_neither_the_same_numbers_nor_equal_steps() {
        let mut idents = idents();
        let mut steps = BTreeSet::new();
        let mut last = 0_u16;
        for second in 1..50 {
            let now = Instant::ZERO + Duration::from_secs(second);
            let observer = Ipv4Addr::new(10, 0, 0, 9);
            let seen = idents.next(now, US, observer, Protocol::ICMP, false, false);
            steps.insert(seen.wrapping_sub(last));
            last = seen;
        }
        assert!(steps.len() > 40, "{steps:?}");
    }
}
