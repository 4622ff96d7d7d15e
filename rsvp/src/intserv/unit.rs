//! Values with a unit, checked once.

use core::cmp::Ordering;
use core::fmt;
use core::time::Duration;

use crate::shown;

/// Whether the bits are those of a number from +0 up to, perhaps, +∞ (RFC 2210: no NaN, no sign, so no −0).
const fn is_plain(value: f32, infinite: bool) -> bool {
    value.is_sign_positive() && !value.is_nan() && (infinite || !value.is_infinite())
}

macro_rules! unit {
    ($(#[$doc:meta])* $name:ident, infinite: $infinite:literal, $format:literal, $shown:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq)]
        pub struct $name(f32);

        impl $name {
            /// The value; `None` for NaN, negative numbers and −0, and for infinity where the type has none.
            #[must_use]
            pub const fn new(value: f32) -> Option<Self> {
                if is_plain(value, $infinite) { Some(Self(value)) } else { None }
            }

            /// The number.
            #[must_use]
            pub const fn get(self) -> f32 {
                self.0
            }

            /// The number with twice the digits, for arithmetic.
            #[must_use]
            pub const fn wide(self) -> f64 {
                self.0 as f64
            }
        }

        // No NaN and no −0, so the order of the numbers is total and agrees with equality.
        impl Eq for $name {}

        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                self.0.total_cmp(&other.0)
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl core::hash::Hash for $name {
            fn hash<H: core::hash::Hasher>(&self, state: &mut H) {
                self.0.to_bits().hash(state);
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&shown::$shown(self.0))
            }
        }
    };
}

unit! {
    /// A rate of octets; finite.
    BytesPerSec, infinite: false, "{} B/s", rate
}
unit! {
    /// A peak rate of octets; +∞ if it is not known.
    PeakRate, infinite: true, "{} B/s", rate
}
unit! {
    /// The bandwidth of a path: an estimate, perhaps too high. 0 if unknown, +∞ if nothing has limited it yet.
    Bandwidth, infinite: true, "{} B/s", rate
}
unit! {
    /// The size of a token bucket, in octets; finite.
    BucketSize, infinite: false, "{} B", octets
}

impl BytesPerSec {
    /// The greatest rate that RFC 2212 and 2215 allow: 40 · 10¹² B/s, as `f32` has it.
    pub const MAX: Self = Self(40e12);

    /// The nearest value to a number that is neither NaN nor negative; [`MAX`](Self::MAX) at most.
    pub(crate) fn nearest(value: f64) -> Self {
        Self(narrow(value).min(Self::MAX.0))
    }

    /// The next greater value there is.
    pub(crate) const fn next_up(self) -> Self {
        Self(self.0.next_up())
    }

    pub(crate) const fn as_peak(self) -> PeakRate {
        PeakRate(self.0)
    }
}

impl PeakRate {
    /// Not known, or not limited: +∞.
    pub const UNKNOWN: Self = Self(f32::INFINITY);

    pub(crate) fn nearest(value: f64) -> Self {
        let value = narrow(value);
        // Beyond what can be said, a peak is not known.
        if value > BytesPerSec::MAX.0 {
            Self::UNKNOWN
        } else {
            Self(value)
        }
    }
}

impl BucketSize {
    /// The greatest size that RFC 2212 allows: 250 · 10⁹ octets, as `f32` has it.
    pub const MAX: Self = Self(250e9);

    pub(crate) fn nearest(value: f64) -> Self {
        Self(narrow(value).min(Self::MAX.0))
    }
}

impl Bandwidth {
    /// Not known.
    pub const UNKNOWN: Self = Self(0.0);

    /// The rate, if it is known and limited.
    #[must_use]
    pub fn known(self) -> Option<BytesPerSec> {
        (self.0 > 0.0).then(|| BytesPerSec::new(self.0)).flatten()
    }
}

impl From<BytesPerSec> for Bandwidth {
    fn from(rate: BytesPerSec) -> Self {
        Self(rate.0)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "rounding to the nearest f32 is what is wanted"
)]
const fn narrow(value: f64) -> f32 {
    // `max` turns NaN and −0 into +0; nothing here computes either.
    (value as f32).max(0.0)
}

/// The least latency of a path: microseconds, or not known.
///
/// RFC 2215 §3.4: without queueing, the smallest that is possible.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Latency(u32);

impl Latency {
    /// Not known: 2³² − 1.
    pub const INDETERMINATE: Self = Self(u32::MAX);

    /// The value as it is sent.
    #[must_use]
    pub const fn from_micros(micros: u32) -> Self {
        Self(micros)
    }

    /// The value as it is sent.
    #[must_use]
    pub const fn micros(self) -> u32 {
        self.0
    }

    /// The span, if it is known.
    #[must_use]
    pub const fn known(self) -> Option<Duration> {
        match self {
            Self::INDETERMINATE => None,
            Self(micros) => Some(Duration::from_micros(micros as u64)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2210 §3.1, RFC 2212: what a rate can be.
    #[test]
    fn floats_are_checked() {
        for (bits, rate, peak) in [
            (0x3f80_0000, true, true),
            (0x8000_0000, false, false),
            (0x7fc0_0000, false, false),
            (0x7f80_0000, false, true),
            (0xff80_0000, false, false),
            (0, true, true),
        ] {
            let value = f32::from_bits(bits);
            assert_eq!(BytesPerSec::new(value).is_some(), rate, "{bits:#x}");
            assert_eq!(PeakRate::new(value).is_some(), peak, "{bits:#x}");
        }
    }

    #[test]
    fn limits_are_what_f32_stores() {
        assert_eq!(BytesPerSec::MAX.get().to_bits(), 0x5611_84e7);
        assert_eq!(BucketSize::MAX.get().to_bits(), 0x5268_d4a5);
    }
}
