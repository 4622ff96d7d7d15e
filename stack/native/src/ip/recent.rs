//! To whom long packets were sent of late: what a report that one of them was too long is checked against.
//!
//! RFC 5927 §7: whoever sees nothing of a host's packets must not be able to shrink them. TCP knows what it has under
//! way; datagrams leave nothing behind but this. It is a table of fixed size in which the later entry wins, so that a
//! host which sends to very many at once may overlook a report and gets the next one.

use crate::hash::Key;
use fairway_wire::{Instant, Protocol};
use std::net::Ipv4Addr;
use std::time::Duration;

/// How long a report about a packet may take.
const LIFE: Duration = Duration::from_secs(60);
/// Places, 16 octets each.
const PLACES: usize = 1024;
/// Every link carries that much (RFC 791 §3.2): nobody reports packets that are no longer.
const SHORT: usize = 68;

/// What the packets of one sender and receiver have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Flow {
    pub(crate) protocol: Protocol,
    pub(crate) destination: Ipv4Addr,
    /// Of UDP; else zero.
    pub(crate) ports: (u16, u16),
}

/// The flows of late.
#[derive(Debug)]
pub(crate) struct Recent {
    key: Key,
    /// None until the first.
    places: Vec<(u64, Instant)>,
}

impl Recent {
    pub(crate) const fn new(key: Key) -> Self {
        Self {
            key,
            places: Vec::new(),
        }
    }

    /// What stands for a flow, and its place.
    fn mark(&self, flow: &Flow) -> (u64, usize) {
        let (from, to) = flow.ports;
        let mark = self.key.strong(&[
            u64::from(flow.protocol.0) << 32 | u64::from(flow.destination.to_bits()),
            u64::from(from) << 16 | u64::from(to),
        ]);
        let place = usize::from(u16::try_from(mark >> 48).unwrap_or(0)) % PLACES;
        (mark, place)
    }

    /// A packet of that length was sent.
    pub(crate) fn note(&mut self, now: Instant, flow: &Flow, len: usize) {
        if len <= SHORT {
            return;
        }
        if self.places.is_empty() {
            self.places = vec![(0, Instant::ZERO); PLACES];
        }
        let (mark, place) = self.mark(flow);
        if let Some(it) = self.places.get_mut(place) {
            *it = (mark, now);
        }
    }

    /// Whether a packet like that was sent of late.
    pub(crate) fn has(&self, now: Instant, flow: &Flow) -> bool {
        let (mark, place) = self.mark(flow);
        let there = self.places.get(place);
        there.is_some_and(|&(held, at)| held == mark && now <= at + LIFE)
    }
}

#[cfg(test)]
mod tests {
    use super::{Flow, LIFE, Recent};
    use crate::hash::Key;
    use fairway_wire::{Instant, Protocol};
    use std::net::Ipv4Addr;

    #[test]
    fn what_was_sent_is_known_for_a_minute() {
        let mut recent = Recent::new(Key([1, 2]));
        let flow = |port| Flow {
            protocol: Protocol::UDP,
            destination: Ipv4Addr::new(10, 0, 0, 1),
            ports: (1000, port),
        };
        let at = Instant::from_nanos(5);
        assert!(!recent.has(at, &flow(7)));
        recent.note(at, &flow(7), 1400);
        recent.note(at, &flow(8), 68);
        assert!(recent.has(at + LIFE, &flow(7)));
        assert!(!recent.has(at + LIFE * 2, &flow(7)));
        assert!(!recent.has(at, &flow(8)), "nobody reports what is as short");
        assert!(!recent.has(at, &flow(9)));
    }
}
