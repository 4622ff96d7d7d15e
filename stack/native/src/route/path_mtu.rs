//! What is known of the longest packet that goes whole to a destination (RFC 1191).

use crate::hash::Key;
use crate::limits::RouteLimits;
use crate::stack::{Inconsistency, ensure};
use fairway_wire::Instant;
use std::collections::{BTreeSet, HashMap};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The smallest MTU that a link of the Internet may have, in octets (RFC 791 §3.2). No report makes an estimate lower
/// (RFC 1191 §3).
pub const MIN_PATH_MTU: u16 = 68;

/// MTUs that links are known to have, in octets, from the largest down: what to try next when a router does not say
/// what fits (RFC 1191 §7.1).
const PLATEAUS: [u16; 10] = [
    32_000,
    17_914,
    8166,
    4352,
    2002,
    1492,
    1006,
    508,
    296,
    MIN_PATH_MTU,
];

#[derive(Clone, Copy, Debug)]
struct Estimate {
    mtu: u16,
    /// When it is forgotten, so that a path that got better is noticed (RFC 1191 §6.3).
    until: Instant,
}

/// Path-MTU estimates by destination.
///
/// A destination without one has the MTU of its first hop. Told of the time so that estimates age.
#[derive(Clone, Debug)]
pub struct PathMtuCache {
    /// Never iterated.
    estimates: HashMap<Ipv4Addr, Estimate, Key>,
    expiry: BTreeSet<(Instant, Ipv4Addr)>,
    limits: RouteLimits,
    life: Duration,
}

impl PathMtuCache {
    /// An empty one, whose table is keyed by `key` and whose estimates hold for `life` before longer packets are tried
    /// again (RFC 1191 §6.3: ten minutes).
    #[must_use]
    pub fn new(limits: RouteLimits, life: Duration, key: Key) -> Self {
        Self {
            estimates: HashMap::with_hasher(key),
            expiry: BTreeSet::new(),
            limits,
            life,
        }
    }

    /// How long estimates made from now on hold.
    pub const fn set_life(&mut self, life: Duration) {
        self.life = life;
    }

    /// How many estimates there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.estimates.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.estimates.is_empty()
    }

    /// The estimate for a destination, in octets; `None` means that of the first hop.
    #[inline]
    #[must_use]
    pub fn get(&self, destination: Ipv4Addr) -> Option<u16> {
        if self.estimates.is_empty() {
            return None;
        }
        self.estimates.get(&destination).map(|it| it.mtu)
    }

    /// A router could not forward a packet of `packet_len` octets to `destination`: the next hop carries `next_hop_mtu`
    /// (0 if it did not say, RFC 1191 §5), and `current` is what was used so far. The new estimate if it is lower.
    pub fn handle_too_big(
        &mut self,
        now: Instant,
        destination: Ipv4Addr,
        packet_len: u16,
        next_hop_mtu: u16,
        current: u16,
    ) -> Option<u16> {
        let known = self.get(destination).unwrap_or(current).min(current);
        let reported = if next_hop_mtu == 0 {
            // RFC 1191 §7.1: the next plateau below the length of the packet that was too long. Some routers report
            // that length with the header's counted twice; the estimate in use bounds it.
            let too_long = if packet_len == 0 {
                known
            } else {
                packet_len.min(known)
            };
            PLATEAUS
                .into_iter()
                .find(|&plateau| plateau < too_long)
                .unwrap_or(MIN_PATH_MTU)
        } else {
            next_hop_mtu
        };
        // RFC 1191 §3: "A host MUST never reduce its estimate of the Path MTU below 68 octets." The floor of the limits
        // is higher, so that forged reports cannot make every packet a dozen.
        let mtu = reported.max(MIN_PATH_MTU).max(self.limits.path_mtu_floor);
        // RFC 1191 §3: "a host MUST NOT increase its estimate of the Path MTU in response to the contents of a Datagram
        // Too Big message".
        if mtu >= known {
            return None;
        }
        self.set(now, destination, mtu);
        Some(mtu)
    }

    /// Sets an estimate, for as long as reported ones hold.
    pub fn set(&mut self, now: Instant, destination: Ipv4Addr, mtu: u16) {
        self.forget(destination);
        while self.estimates.len() >= self.limits.path_mtus.max(1) {
            let Some(&(_, oldest)) = self.expiry.first() else {
                break;
            };
            self.forget(oldest);
        }
        let until = now + self.life;
        self.estimates.insert(destination, Estimate { mtu, until });
        self.expiry.insert((until, destination));
    }

    /// Forgets the estimate for a destination.
    pub fn forget(&mut self, destination: Ipv4Addr) {
        if let Some(old) = self.estimates.remove(&destination) {
            self.expiry.remove(&(old.until, destination));
        }
    }

    /// Forgets all estimates: the routes changed.
    pub fn clear(&mut self) {
        self.estimates.clear();
        self.expiry.clear();
    }

    /// Forgets the next estimate whose time is over; its destination, for those who use it to try longer packets.
    /// Ask until `None`.
    pub fn poll_expired(&mut self, now: Instant) -> Option<Ipv4Addr> {
        let &(at, destination) = self.expiry.first()?;
        if now < at {
            return None;
        }
        self.forget(destination);
        Some(destination)
    }

    /// Whether each estimate has its end, and there are no more than there may be.
    pub(crate) fn check(&self) -> Result<(), Inconsistency> {
        ensure!(
            self.estimates.len() == self.expiry.len()
                && self.estimates.len() <= self.limits.path_mtus.max(1),
            "{} path MTUs, {} of which end, at most {}",
            self.estimates.len(),
            self.expiry.len(),
            self.limits.path_mtus
        );
        for (until, destination) in &self.expiry {
            let estimate = self.estimates.get(destination);
            ensure!(
                estimate.is_some_and(|it| it.until == *until && it.mtu >= MIN_PATH_MTU),
                "the path MTU to {destination}, which ends at {until:?}, is {estimate:?}"
            );
        }
        Ok(())
    }

    /// When the next estimate is forgotten.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.expiry.first().map(|&(at, _)| at)
    }
}

#[cfg(test)]
mod tests {
    use super::PathMtuCache;
    use crate::hash::Key;
    use crate::limits::RouteLimits;
    use fairway_wire::Instant;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    const PEER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
    const NOW: Instant = Instant::ZERO;
    const LIFE: Duration = Duration::from_secs(600);

    fn cache() -> PathMtuCache {
        let limits = RouteLimits {
            path_mtu_floor: 0,
            ..RouteLimits::default()
        };
        PathMtuCache::new(limits, LIFE, Key([1, 2]))
    }

    /// RFC 1191 §3: estimates go down only.
    #[test]
    fn a_report_lowers_the_estimate_and_never_raises_it() {
        let mut cache = cache();
        assert_eq!(cache.get(PEER), None);
        assert_eq!(
            cache.handle_too_big(NOW, PEER, 1500, 1400, 1500),
            Some(1400)
        );
        assert_eq!(cache.handle_too_big(NOW, PEER, 1400, 1450, 1500), None);
        assert_eq!(cache.handle_too_big(NOW, PEER, 1400, 1400, 1500), None);
        assert_eq!(cache.handle_too_big(NOW, PEER, 1400, 9000, 1500), None);
        assert_eq!(cache.get(PEER), Some(1400));
    }

    /// RFC 1191 §3: "MUST never reduce its estimate of the Path MTU below 68 octets".
    #[test]
    fn no_report_goes_below_the_floor() {
        let mut low = cache();
        assert_eq!(low.handle_too_big(NOW, PEER, 1500, 20, 1500), Some(68));
        let mut guarded = PathMtuCache::new(RouteLimits::default(), LIFE, Key([1, 2]));
        assert_eq!(guarded.handle_too_big(NOW, PEER, 1500, 20, 1500), Some(552));
    }

    /// RFC 1191 §7.1: the plateau table, for routers that do not say.
    #[test]
    fn without_a_number_the_next_plateau_is_tried() {
        let mut cache = cache();
        let mut current = 1500;
        let mut steps = Vec::new();
        while let Some(next) = cache.handle_too_big(NOW, PEER, current, 0, 1500) {
            steps.push(next);
            current = next;
        }
        assert_eq!(steps, [1492, 1006, 508, 296, 68]);
    }

    /// RFC 1191 §6.3: ten minutes after the last decrease, a longer packet is tried.
    #[test]
    fn estimates_are_forgotten_after_ten_minutes() {
        let mut cache = cache();
        cache.handle_too_big(NOW, PEER, 1500, 1000, 1500);
        let at = NOW + Duration::from_secs(600);
        assert_eq!(cache.poll_timeout(), Some(at));
        assert_eq!(cache.poll_expired(at - Duration::from_nanos(1)), None);
        assert_eq!(cache.poll_expired(at), Some(PEER));
        assert_eq!(cache.poll_expired(at), None);
        assert!(cache.is_empty() && cache.poll_timeout().is_none());
    }

    #[test]
    fn a_flood_of_reports_keeps_the_newest_within_the_limit() {
        let limits = RouteLimits {
            path_mtus: 10,
            ..RouteLimits::default()
        };
        let mut cache = PathMtuCache::new(limits, LIFE, Key([1, 2]));
        for number in 0..1000 {
            let peer = Ipv4Addr::from_bits(number);
            cache.handle_too_big(Instant::from_nanos(number.into()), peer, 1500, 1000, 1500);
            assert!(cache.len() <= 10 && cache.expiry.len() == cache.len());
        }
        assert_eq!(cache.get(Ipv4Addr::from_bits(999)), Some(1000));
        assert_eq!(cache.get(Ipv4Addr::from_bits(0)), None);
    }
}
