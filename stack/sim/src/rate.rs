//! How fast a link is.

use std::fmt;
use std::num::NonZeroU64;
use std::time::Duration;

/// A rate in bits per second: at least 1.
///
/// ```
/// use fairway_sim::BitsPerSec;
///
/// assert_eq!(BitsPerSec::mega(100).to_string(), "100 Mbit/s");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BitsPerSec(NonZeroU64);

impl BitsPerSec {
    /// That many bits per second; `None` for 0.
    #[must_use]
    pub const fn new(bits: u64) -> Option<Self> {
        match NonZeroU64::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// That many thousand bits per second; 1 bit per second for 0.
    #[must_use]
    pub const fn kilo(thousands: u32) -> Self {
        Self::at_least_one(thousands, 1_000)
    }

    /// That many million bits per second; 1 bit per second for 0.
    #[must_use]
    pub const fn mega(millions: u32) -> Self {
        Self::at_least_one(millions, 1_000_000)
    }

    /// That many thousand million bits per second; 1 bit per second for 0.
    #[must_use]
    pub const fn giga(milliards: u32) -> Self {
        Self::at_least_one(milliards, 1_000_000_000)
    }

    const fn at_least_one(count: u32, unit: u32) -> Self {
        let bits = count as u64 * unit as u64;
        match NonZeroU64::new(bits) {
            Some(bits) => Self(bits),
            None => Self(NonZeroU64::MIN),
        }
    }

    /// As a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// How long `octets` take, with what is left of an earlier division: the parts of a nanosecond, in units of one
    /// nanosecond divided by the rate, which are not lost that way.
    pub(crate) fn time_for(self, octets: usize, remainder: u64) -> (Duration, u64) {
        let octets = u128::try_from(octets).unwrap_or(u128::MAX);
        let bits_nanos = octets
            .saturating_mul(8_000_000_000)
            .saturating_add(u128::from(remainder));
        let rate = u128::from(self.get());
        (
            Duration::from_nanos(u64::try_from(bits_nanos / rate).unwrap_or(u64::MAX)),
            u64::try_from(bits_nanos % rate).unwrap_or(0),
        )
    }
}

impl fmt::Display for BitsPerSec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.get();
        for (unit, name) in [(1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")] {
            if bits.is_multiple_of(unit) {
                return write!(f, "{} {name}bit/s", bits / unit);
            }
        }
        write!(f, "{bits} bit/s")
    }
}

impl fmt::Debug for BitsPerSec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::BitsPerSec;

    #[test]
    fn parts_of_a_nanosecond_are_not_lost() {
        let rate = BitsPerSec::new(3_000_000_000).unwrap();
        let (mut total, mut remainder) = (std::time::Duration::ZERO, 0);
        for _ in 0..3_000 {
            let (span, left) = rate.time_for(1, remainder);
            total += span;
            remainder = left;
        }
        assert_eq!(total.as_nanos(), 8_000);
        assert_eq!(remainder, 0);
    }
}
