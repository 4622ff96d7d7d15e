//! How many errors a host sends (RFC 1812 §4.3.2.8): so many a second in all, and fewer to one destination.

use crate::hash::Key;
use fairway_wire::Instant;
use std::net::Ipv4Addr;

/// Nanoseconds in a second.
const SECOND: u64 = 1_000_000_000;

/// Destinations are told apart by a hash to so many buckets; two that share one share its allowance.
const BUCKETS: usize = 256;

/// Of the whole allowance, what one bucket of destinations may use.
const SHARE: u64 = 4;

/// A token bucket counted in nanoseconds: an error costs its share of a second.
#[derive(Clone, Copy, Debug, Default)]
struct Bucket {
    /// When it will have been full again.
    full_at: u64,
}

impl Bucket {
    fn take(&mut self, now: u64, cost: u64, burst: u64) -> bool {
        let after = self.full_at.max(now) + cost;
        if after - now > cost.saturating_mul(burst.max(1)) {
            return false;
        }
        self.full_at = after;
        true
    }
}

/// The allowances.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    all: Bucket,
    each: Box<[Bucket; BUCKETS]>,
    key: Key,
}

impl RateLimiter {
    pub(crate) fn new(key: Key) -> Self {
        Self {
            all: Bucket::default(),
            each: Box::new([Bucket::default(); BUCKETS]),
            key,
        }
    }

    /// Whether an error may be sent to `destination` now, at `rate` errors a second (0 for none) and `burst` at once.
    pub(crate) fn allow(
        &mut self,
        now: Instant,
        destination: Ipv4Addr,
        rate: u32,
        burst: u32,
    ) -> bool {
        let Some(cost) = SECOND.checked_div(u64::from(rate)) else {
            return false;
        };
        let (now, burst) = (now.as_nanos(), u64::from(burst));
        let hash = self.key.strong(&[u64::from(destination.to_bits())]);
        let place = usize::try_from(hash % 256).unwrap_or(0);
        let Some(own) = self.each.get_mut(place) else {
            return false;
        };
        let before = *own;
        if !own.take(now, cost.saturating_mul(SHARE), burst / SHARE) {
            return false;
        }
        if self.all.take(now, cost, burst) {
            return true;
        }
        *own = before;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::RateLimiter;
    use crate::hash::Key;
    use fairway_wire::Instant;
    use std::net::Ipv4Addr;
    use std::time::Duration;

    fn allowed(
        limiter: &mut RateLimiter,
        now: Instant,
        destination: Ipv4Addr,
        tries: u32,
    ) -> usize {
        (0..tries)
            .filter(|_| limiter.allow(now, destination, 1000, 50))
            .count()
    }

    /// RFC 1812 §4.3.2.8.
    #[test]
    fn a_flood_is_answered_at_the_rate_and_no_more() {
        let mut limiter = RateLimiter::new(Key([1, 2]));
        let flooder = Ipv4Addr::new(10, 0, 0, 1);
        let mut now = Instant::from_nanos(5_000_000_000);
        assert_eq!(
            allowed(&mut limiter, now, flooder, 1000),
            12,
            "a quarter of the burst"
        );
        let mut answered = 0;
        for _ in 0..1000 {
            now += Duration::from_millis(1);
            answered += allowed(&mut limiter, now, flooder, 10);
        }
        assert_eq!(answered, 250, "one destination gets a quarter of the rate");
    }

    #[test]
    fn one_destination_does_not_use_up_what_others_need() {
        let mut limiter = RateLimiter::new(Key([1, 2]));
        let mut now = Instant::ZERO;
        let (flooder, other) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2));
        for _ in 0..100 {
            now += Duration::from_millis(10);
            allowed(&mut limiter, now, flooder, 100);
            assert!(limiter.allow(now, other, 1000, 50));
        }
    }

    #[test]
    fn a_rate_of_zero_allows_nothing() {
        let mut limiter = RateLimiter::new(Key([1, 2]));
        assert!(!limiter.allow(Instant::ZERO, Ipv4Addr::LOCALHOST, 0, 50));
    }
}
