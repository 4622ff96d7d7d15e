//! The token bucket: how much may be sent at a moment, and when enough will be.

use core::time::Duration;

use fairway_wire::Instant;

const NANOS_PER_SEC: u64 = 1_000_000_000;

/// A bucket that fills with tokens, an octet each, at a steady rate up to its depth.
///
/// It lets through at most `depth + rate × T` octets in any span `T` (RFC 2212's arrival curve with M = 0), exactly:
/// tokens are kept to the billionth of an octet, so that nothing is lost to rounding however often it is asked.
///
/// ```
/// use core::time::Duration;
/// use fairway_native::qos::TokenBucket;
/// use fairway_wire::Instant;
///
/// let mut bucket = TokenBucket::new(1000, 500);   // 1000 octets a second, 500 at once
/// let start = Instant::ZERO;
/// assert!(bucket.take(start, 500));
/// assert!(!bucket.take(start, 100));
/// assert_eq!(bucket.ready_at(start, 100), start + Duration::from_millis(100));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenBucket {
    /// Octets per second.
    rate: u64,
    /// Octets.
    depth: u64,
    /// Billionths of an octet. Below zero after a packet longer than the bucket is deep.
    tokens: i128,
    updated: Instant,
}

impl TokenBucket {
    /// A full bucket that fills with `rate` octets per second up to `depth` octets.
    #[must_use]
    pub fn new(rate: u64, depth: u64) -> Self {
        Self {
            rate,
            depth,
            tokens: i128::from(depth) * i128::from(NANOS_PER_SEC),
            updated: Instant::ZERO,
        }
    }

    /// Octets per second.
    #[must_use]
    pub const fn rate(&self) -> u64 {
        self.rate
    }

    /// Octets that may pass at once.
    #[must_use]
    pub const fn depth(&self) -> u64 {
        self.depth
    }

    /// Changes rate and depth; the tokens that fit stay.
    pub fn set(&mut self, now: Instant, rate: u64, depth: u64) {
        self.fill(now);
        self.rate = rate;
        self.depth = depth;
        self.tokens = self.tokens.min(self.full());
    }

    /// Whether `octets` may pass now; a packet longer than the bucket is deep may when it is full.
    pub fn has(&mut self, now: Instant, octets: u64) -> bool {
        self.fill(now);
        self.tokens >= self.needed(octets)
    }

    /// Takes the tokens of `octets`, whether there are enough or not: check with [`has`](Self::has) before.
    pub fn spend(&mut self, octets: u64) {
        self.tokens -= i128::from(octets) * i128::from(NANOS_PER_SEC);
    }

    /// Takes the tokens of `octets` if they may pass now.
    pub fn take(&mut self, now: Instant, octets: u64) -> bool {
        let pass = self.has(now, octets);
        if pass {
            self.spend(octets);
        }
        pass
    }

    /// When `octets` may pass, if nothing passes before; [`Instant::MAX`] for never.
    #[must_use]
    pub fn ready_at(&self, now: Instant, octets: u64) -> Instant {
        let missing = self.needed(octets) - self.tokens;
        if missing <= 0 {
            return now;
        }
        let Ok(missing) = u128::try_from(missing) else {
            return now;
        };
        if self.rate == 0 {
            return Instant::MAX;
        }
        let nanos = missing.div_ceil(u128::from(self.rate));
        let wait = u64::try_from(nanos).unwrap_or(u64::MAX);
        (self.updated + Duration::from_nanos(wait)).max(now)
    }

    fn full(&self) -> i128 {
        i128::from(self.depth) * i128::from(NANOS_PER_SEC)
    }

    fn needed(&self, octets: u64) -> i128 {
        i128::from(octets.min(self.depth)) * i128::from(NANOS_PER_SEC)
    }

    fn fill(&mut self, now: Instant) {
        let span = now.as_nanos().saturating_sub(self.updated.as_nanos());
        if span != 0 {
            self.updated = now;
            let gained = i128::from(span) * i128::from(self.rate);
            self.tokens = (self.tokens + gained).min(self.full());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::TokenBucket;
    use core::time::Duration;
    use fairway_wire::Instant;
    use proptest::prelude::*;

    #[test]
    fn a_packet_longer_than_the_bucket_passes_when_it_is_full_and_is_paid_for() {
        let mut bucket = TokenBucket::new(1000, 100);
        assert!(bucket.take(Instant::ZERO, 300));
        let again = bucket.ready_at(Instant::ZERO, 300);
        assert_eq!(again, Instant::ZERO + Duration::from_millis(300));
        assert!(!bucket.has(again - Duration::from_nanos(1), 300));
        assert!(bucket.has(again, 300));
    }

    #[test]
    fn a_rate_of_zero_never_refills() {
        let mut bucket = TokenBucket::new(0, 10);
        assert!(bucket.take(Instant::ZERO, 10));
        assert_eq!(bucket.ready_at(Instant::ZERO, 1), Instant::MAX);
    }

    proptest! {
        /// What passes in any span stays within depth + rate × span, and waiting until told suffices.
        #[test]
        fn what_passes_stays_within_the_envelope(
            rate in 1..10_000_000_u64,
            depth in 1500..100_000_u64,
            packets in prop::collection::vec((0..5_000_000_u64, 1..1500_u64), 1..200),
        ) {
            let mut bucket = TokenBucket::new(rate, depth);
            let mut now = Instant::ZERO;
            let mut passed: Vec<(Instant, u64)> = Vec::new();
            for (gap, len) in packets {
                now += Duration::from_nanos(gap);
                if !bucket.has(now, len) {
                    now = bucket.ready_at(now, len);
                    prop_assert!(bucket.has(now, len));
                }
                bucket.spend(len);
                passed.push((now, len));
            }
            for first in 0..passed.len() {
                let mut sum = 0_u128;
                for (time, len) in &passed[first..] {
                    sum += u128::from(*len) * 1_000_000_000;
                    let span = u128::from(time.as_nanos() - passed[first].0.as_nanos());
                    prop_assert!(sum <= u128::from(depth) * 1_000_000_000 + span * u128::from(rate));
                }
            }
        }
    }
}
