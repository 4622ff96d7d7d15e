//! Token buckets: RFC 2215 §3.6, RFC 2210 §3.1; order and sums: RFC 2211 §8, RFC 2212 "Ordering and Merging".

use core::cmp::Ordering;
use core::time::Duration;

use super::words::{FormError, ParameterNumber, RawFragment, ServiceNumber, Writer, fragments};
use super::{BucketSize, BytesPerSec, PeakRate};
use crate::wire::{CType, Opaque, SenderTspecObject};

/// What a flow sends at most.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | 0     |        0              |          7 words              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   service 1   |0|     0       |          6 words              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | parameter 127 |       0       |          5 words              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |         Token bucket rate r (IEEE single precision)           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |         Token bucket size b (IEEE single precision)           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |            Peak data rate p (IEEE single precision)           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Minimum policed unit m                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Maximum packet size M                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Always legal: r from 1 to 40 · 10¹² B/s, b from 1 to 250 · 10⁹ octets, p as r or unknown, 1 ≤ m ≤ M. A peak below the
/// rate is possible in what senders say; it is read as the rate where it would matter.
///
/// A ≥ B if r, b, p and M are ≥ and m is ≤; other pairs have no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tspec {
    rate: BytesPerSec,
    bucket: BucketSize,
    peak: PeakRate,
    min_policed_unit: u32,
    max_packet_size: u32,
}

/// How strictly a received Tspec is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// As RFC 2210 has it: m = 0 is an error, and so is m > M.
    Strict,
    /// As deployed routers send it: m = 0 becomes 1; M = 0 and M above 65535, which mean "any", become this MTU.
    Deployed {
        /// MTU of the path, as far as it is known; else of the interface.
        mtu: u32,
    },
}

/// Why five values are no Tspec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TspecError {
    /// Not an object that holds a Tspec.
    #[error("{0}")]
    Form(#[from] FormError),
    /// r is no number from 1 to 40 · 10¹².
    #[error("bucket rate out of range")]
    Rate,
    /// b is no number from 1 to 250 · 10⁹.
    #[error("bucket size out of range")]
    Bucket,
    /// p is no number from 1 to 40 · 10¹², nor +∞.
    #[error("peak rate out of range")]
    Peak,
    /// m is zero, or greater than M.
    #[error("minimum policed unit {min_policed_unit}B, maximum packet size {max_packet_size}B")]
    Sizes {
        /// m
        min_policed_unit: u32,
        /// M
        max_packet_size: u32,
    },
}

/// Limits are compared with the accuracy that RFC 2212 asks of rates: 0.1 %.
const TOLERANCE: f32 = 1.001;

/// Whether a rate is one that RFC 2212 and 2215 allow.
pub(super) fn is_rate(value: f32) -> bool {
    (1.0..=BytesPerSec::MAX.get() * TOLERANCE).contains(&value)
}

/// `r 1Mbit/s, b 10kB, p 2Mbit/s, m 100B, M 1500B`.
impl core::fmt::Display for Tspec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Self {
            rate, bucket, peak, ..
        } = self;
        let (least, most) = (self.min_policed_unit(), self.max_packet_size());
        write!(f, "r {rate}, b {bucket}, p {peak}, m {least}B, M {most}B")
    }
}

impl Tspec {
    /// The shortest IP packet there is, octets.
    pub const LEAST_PACKET: u32 = 20;

    /// A Tspec of r (B/s), b (octets), p (B/s), m and M (octets).
    ///
    /// # Errors
    ///
    /// [`TspecError`] if a value is not in its range.
    pub fn new(
        rate: f32,
        bucket: f32,
        peak: f32,
        min_policed_unit: u32,
        max_packet_size: u32,
    ) -> Result<Self, TspecError> {
        if !is_rate(rate) {
            return Err(TspecError::Rate);
        }
        if !(1.0..=BucketSize::MAX.get() * TOLERANCE).contains(&bucket) {
            return Err(TspecError::Bucket);
        }
        if !is_rate(peak) && peak != f32::INFINITY {
            return Err(TspecError::Peak);
        }
        if min_policed_unit == 0 || min_policed_unit > max_packet_size {
            return Err(TspecError::Sizes {
                min_policed_unit,
                max_packet_size,
            });
        }
        Ok(Self {
            rate: BytesPerSec::new(rate).ok_or(TspecError::Rate)?,
            bucket: BucketSize::new(bucket).ok_or(TspecError::Bucket)?,
            peak: PeakRate::new(peak).ok_or(TspecError::Peak)?,
            min_policed_unit,
            max_packet_size,
        })
    }

    /// *r*: the rate at which tokens come.
    #[must_use]
    pub const fn rate(&self) -> BytesPerSec {
        self.rate
    }

    /// *b*: how many tokens are kept.
    #[must_use]
    pub const fn bucket(&self) -> BucketSize {
        self.bucket
    }

    /// *p*: the rate of a burst.
    #[must_use]
    pub const fn peak(&self) -> PeakRate {
        self.peak
    }

    /// *m*: shorter packets count as this many octets.
    #[must_use]
    pub const fn min_policed_unit(&self) -> u32 {
        self.min_policed_unit
    }

    /// *M*: longer packets do not belong to the flow.
    #[must_use]
    pub const fn max_packet_size(&self) -> u32 {
        self.max_packet_size
    }

    /// The same for packets no longer than `mtu`, which is at least 1.
    #[must_use]
    pub fn within_mtu(self, mtu: u32) -> Self {
        let max_packet_size = self.max_packet_size.min(mtu.max(1));
        Self {
            max_packet_size,
            min_policed_unit: self.min_policed_unit.min(max_packet_size),
            ..self
        }
    }

    /// The same with p no less than r, as guaranteed service wants it.
    #[must_use]
    pub fn with_peak_of_rate(self) -> Self {
        Self {
            peak: self.peak.max(self.rate.as_peak()),
            ..self
        }
    }

    /// A Tspec that is enough for either flow, but not for both at once: "least common Tspec", RFC 2211 §8.
    #[must_use]
    pub fn least_upper_bound(&self, other: &Self) -> Self {
        Self {
            max_packet_size: self.max_packet_size.max(other.max_packet_size),
            ..self.merge(other)
        }
    }

    /// What travels upstream for two requests of one flow: as the least upper bound, but the smaller M, so that senders
    /// learn a size that all receivers' paths carry. Therefore the result may not be ≥ both (RFC 2211 §8, RFC 2212).
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        Self {
            rate: self.rate.max(other.rate),
            bucket: self.bucket.max(other.bucket),
            peak: self.peak.max(other.peak),
            min_policed_unit: self.min_policed_unit.min(other.min_policed_unit),
            max_packet_size: self.max_packet_size.min(other.max_packet_size),
        }
    }

    /// What two flows send together. Sums beyond the RFC's ranges are the greatest values; peaks, unknown.
    #[must_use]
    pub fn sum(&self, other: &Self) -> Self {
        Self {
            rate: BytesPerSec::nearest(self.rate.wide() + other.rate.wide()),
            bucket: BucketSize::nearest(self.bucket.wide() + other.bucket.wide()),
            peak: PeakRate::nearest(self.peak.wide() + other.peak.wide()),
            min_policed_unit: self.min_policed_unit.min(other.min_policed_unit),
            max_packet_size: self.max_packet_size.max(other.max_packet_size),
        }
    }

    /// What all these flows send together (`Path_Te` of RFC 2209); `None` of none.
    pub fn sum_of<'a>(flows: impl IntoIterator<Item = &'a Self>) -> Option<Self> {
        flows.into_iter().copied().reduce(|a, b| a.sum(&b))
    }

    /// The smaller of two; of two without order, the smaller r, p, m and M and the **greater** b (RFC 2211 §8).
    #[must_use]
    pub fn minimum(&self, other: &Self) -> Self {
        match self.partial_cmp(other) {
            Some(Ordering::Less | Ordering::Equal) => *self,
            Some(Ordering::Greater) => *other,
            None => Self {
                rate: self.rate.min(other.rate),
                bucket: self.bucket.max(other.bucket),
                peak: self.peak.min(other.peak),
                min_policed_unit: self.min_policed_unit.min(other.min_policed_unit),
                max_packet_size: self.max_packet_size.min(other.max_packet_size),
            },
        }
    }

    /// The greatest Tspec that is ≤ both. No RFC has it; it follows from the order.
    ///
    /// Of flows where one's m is above the other's M there is none; then m is that M, so that the result is legal.
    #[must_use]
    pub fn greatest_lower_bound(&self, other: &Self) -> Self {
        let max_packet_size = self.max_packet_size.min(other.max_packet_size);
        Self {
            rate: self.rate.min(other.rate),
            bucket: self.bucket.min(other.bucket),
            peak: self.peak.min(other.peak),
            min_policed_unit: self
                .min_policed_unit
                .max(other.min_policed_unit)
                .min(max_packet_size),
            max_packet_size,
        }
    }

    /// Octets that conform to guaranteed service in any span of this length: M + min(p·T, r·T + b − M), RFC 2212.
    #[must_use]
    pub fn guaranteed_curve(&self, span: Duration) -> f64 {
        let (t, size) = (span.as_secs_f64(), f64::from(self.max_packet_size));
        let burst = self.bucket.wide().max(size) - size;
        // 0 · ∞ is no number; an unknown peak limits nothing.
        let peak = if self.peak == PeakRate::UNKNOWN {
            f64::INFINITY
        } else {
            self.peak.wide() * t
        };
        size + peak.min(self.rate.wide() * t + burst)
    }

    /// Octets that conform to controlled load in any span of this length: r·T + b, RFC 2211 §5.
    #[must_use]
    pub fn controlled_load_curve(&self, span: Duration) -> f64 {
        self.rate.wide() * span.as_secs_f64() + self.bucket.wide()
    }

    /// By how much r, R and b are more on a link that puts `header` octets in front of each packet: (m + header)/m times.
    ///
    /// An m below [`LEAST_PACKET`](Self::LEAST_PACKET) counts as that.
    #[must_use]
    pub fn on_link(&self, header: u32) -> f64 {
        let m = f64::from(self.min_policed_unit.max(Self::LEAST_PACKET));
        (m + f64::from(header)) / m
    }

    /// The same, of packets that have an IP header: m is [`LEAST_PACKET`](Self::LEAST_PACKET) at least, as far as M lets it.
    #[must_use]
    pub fn with_least_packet(self) -> Self {
        let least = self.min_policed_unit.max(Self::LEAST_PACKET);
        Self {
            min_policed_unit: least.min(self.max_packet_size),
            ..self
        }
    }

    /// Reads a SENDER_TSPEC.
    ///
    /// # Errors
    ///
    /// [`TspecError`]; [`Disposition::of_tspec`](crate::Disposition::of_tspec) has the answer.
    pub fn from_object(object: &SenderTspecObject, reading: Reading) -> Result<Self, TspecError> {
        for fragment in fragments(object.0.body())? {
            let fragment = fragment?;
            if fragment.service == ServiceNumber::GENERAL {
                return Self::from_fragment(fragment, reading);
            }
        }
        Err(FormError::NoService(ServiceNumber::GENERAL).into())
    }

    /// The SENDER_TSPEC that says this.
    #[must_use]
    pub fn to_object(&self) -> SenderTspecObject {
        let mut writer = Writer::new();
        writer.fragment(ServiceNumber::GENERAL, false);
        self.emit(&mut writer);
        SenderTspecObject(opaque(writer))
    }

    pub(super) fn from_fragment(
        fragment: RawFragment<'_>,
        reading: Reading,
    ) -> Result<Self, TspecError> {
        let parameter = fragment.parameter(ParameterNumber::TOKEN_BUCKET)?;
        let [r, b, p, min, max] = parameter.words()?;
        let (min, max) = match reading {
            Reading::Strict => (min, max),
            Reading::Deployed { mtu } => {
                let unlimited = max == 0 || max > 65_535;
                let size = if unlimited { mtu.max(1) } else { max };
                // What was filled in cannot make a good m bad.
                (
                    min.max(1).min(if unlimited { size } else { u32::MAX }),
                    size,
                )
            }
        };
        Self::new(
            f32::from_bits(r),
            f32::from_bits(b),
            f32::from_bits(p),
            min,
            max,
        )
    }

    pub(super) fn emit(&self, writer: &mut Writer) {
        writer.parameter(
            ParameterNumber::TOKEN_BUCKET,
            &[
                self.rate.get().to_bits(),
                self.bucket.get().to_bits(),
                self.peak.get().to_bits(),
                self.min_policed_unit,
                self.max_packet_size,
            ],
        );
    }
}

/// The object with these words, C-Type 2.
pub(super) fn opaque(writer: Writer) -> Opaque {
    Opaque::whole_words(CType(2), writer.finish())
}

impl PartialOrd for Tspec {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        // Smaller units to police and to send are more to serve: m counts the other way.
        [
            self.rate.cmp(&other.rate),
            self.bucket.cmp(&other.bucket),
            self.peak.cmp(&other.peak),
            other.min_policed_unit.cmp(&self.min_policed_unit),
            self.max_packet_size.cmp(&other.max_packet_size),
        ]
        .into_iter()
        .try_fold(Ordering::Equal, join)
    }
}

/// The order of two pairs taken together, if it is not one against the other.
pub(super) fn join(a: Ordering, b: Ordering) -> Option<Ordering> {
    match (a, b) {
        (Ordering::Equal, order) | (order, Ordering::Equal) => Some(order),
        (a, b) if a == b => Some(a),
        _ => None,
    }
}

#[cfg(test)]
pub(super) mod tests;
