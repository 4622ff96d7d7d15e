//! Conversions between the widths of octet counts, and spans of time that are cheap to compute with.

use core::time::Duration;

use fairway_wire::Instant;

/// A span of time in nanoseconds: what every acknowledgment computes with. ([`Duration`] keeps seconds apart, which costs
/// a division each way.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Nanos(pub(crate) u64);

impl Nanos {
    pub(crate) const ZERO: Self = Self(0);

    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// From `earlier` to `later`; zero if it is the other way round.
    #[inline]
    pub(crate) const fn between(earlier: Instant, later: Instant) -> Self {
        Self(later.as_nanos().saturating_sub(earlier.as_nanos()))
    }

    /// The instant so long after `start`.
    #[inline]
    pub(crate) const fn after(self, start: Instant) -> Instant {
        Instant::from_nanos(start.as_nanos().saturating_add(self.0))
    }

    #[inline]
    pub(crate) const fn plus(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }

    #[inline]
    pub(crate) const fn times(self, factor: u64) -> Self {
        Self(self.0.saturating_mul(factor))
    }

    pub(crate) const fn duration(self) -> Duration {
        Duration::from_nanos(self.0)
    }
}

impl From<Duration> for Nanos {
    #[inline]
    fn from(span: Duration) -> Self {
        Self(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
    }
}

/// A count of octets as sequence numbers count them. No queue here is longer than 2^32.
#[inline]
pub(crate) fn seq_len(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX)
}

/// A count of sequence numbers as memory counts octets.
#[inline]
pub(crate) fn octets(len: u32) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// How far `a` lies after `b`, where it is known that it does not lie before; 0 if it does.
#[inline]
pub(crate) fn span(a: fairway_wire::SeqNumber, b: fairway_wire::SeqNumber) -> u32 {
    u32::try_from(a - b).unwrap_or(0)
}

/// `a * b / c`, without overflow, at most `u32::MAX`; `c` 0 counts as 1.
#[inline]
pub(crate) fn scale(a: u32, b: u32, c: u32) -> u32 {
    u32::try_from(u64::from(a) * u64::from(b) / u64::from(c.max(1))).unwrap_or(u32::MAX)
}
