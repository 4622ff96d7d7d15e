//! What receivers ask for: RFC 2210 §3.2, RFC 2211, RFC 2212.

use core::time::Duration;

use crate::shown;
use core::cmp::Ordering;

use super::tspec::{is_rate, join, opaque};
use super::words::{FormError, ParameterNumber, ServiceNumber, Writer, fragments};
use super::{BytesPerSec, Reading, Tspec, TspecError};
use crate::wire::{CType, FlowspecObject};

/// Rate and slack of guaranteed service.
///
/// A ≥ B if R is ≥ and S is ≤; other pairs have no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rspec {
    /// *R*: the rate that is reserved; at least the Tspec's r.
    pub rate: BytesPerSec,
    /// *S* in microseconds: how much later than R promises packets may be.
    pub slack_micros: u32,
}

impl Rspec {
    /// The greater R and the smaller S: good for both.
    #[must_use]
    pub fn merge(&self, other: &Self) -> Self {
        Self {
            rate: self.rate.max(other.rate),
            slack_micros: self.slack_micros.min(other.slack_micros),
        }
    }

    /// The smaller R and the greater S.
    #[must_use]
    pub fn greatest_lower_bound(&self, other: &Self) -> Self {
        Self {
            rate: self.rate.min(other.rate),
            slack_micros: self.slack_micros.max(other.slack_micros),
        }
    }
}

impl PartialOrd for Rspec {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        join(
            self.rate.cmp(&other.rate),
            other.slack_micros.cmp(&self.slack_micros),
        )
    }
}

/// A reservation that is asked for.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | 0     |        0              |    7 words; guaranteed: 10    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   5; g.: 2    |0|     0       |    6 words; guaranteed: 9     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | parameter 127 |       0       |          5 words              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// //                  r, b, p, m, M: see Tspec                   //
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | parameter 130 |       0       |          2 words              |  guaranteed only
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                Rate R (IEEE single precision)                 |  guaranteed only
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                 Slack term S (microseconds)                   |  guaranteed only
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Requests of one service are ordered if both parts are ordered the same way (RFC 2216 §3.8); of different services,
/// never.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Flowspec {
    /// As if the network had nothing else to do: RFC 2211.
    ControlledLoad(Tspec),
    /// With a bound on the delay: RFC 2212.
    Guaranteed(Tspec, Rspec),
}

/// `controlled load (r …)`, `guaranteed R 1.5Mbit/s, slack 0us (r …)`.
impl core::fmt::Display for Flowspec {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::ControlledLoad(tspec) => write!(f, "controlled load ({tspec})"),
            Self::Guaranteed(tspec, rspec) => write!(
                f,
                "guaranteed R {}, slack {} ({tspec})",
                rspec.rate,
                shown::span(Duration::from_micros(rspec.slack_micros.into()))
            ),
        }
    }
}

/// Why an object is no flowspec.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FlowspecError {
    /// Not the C-Type of Integrated Services.
    #[error("C-Type {}", .0.0)]
    CType(CType),
    /// The headers are wrong, or something is missing.
    #[error("{0}")]
    Form(#[from] FormError),
    /// A service that is neither guaranteed nor controlled load.
    #[error("{0} is not to be had")]
    Service(ServiceNumber),
    /// The token bucket is illegal.
    #[error("{0}")]
    Tspec(TspecError),
    /// R is no rate, or less than r.
    #[error("rate R of {0} for a bucket rate of {1}")]
    Rate(WireFloat, BytesPerSec),
    /// RFC 2212: guaranteed service wants p ≥ r.
    #[error("peak {peak} below {rate}")]
    PeakBelowRate {
        /// p
        peak: super::PeakRate,
        /// r
        rate: BytesPerSec,
    },
}

/// A number as it came, compared by its bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WireFloat(u32);

impl core::fmt::Debug for WireFloat {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&f32::from_bits(self.0), f)
    }
}

impl core::fmt::Display for WireFloat {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        // What is none is shown as the number it is.
        match BytesPerSec::new(f32::from_bits(self.0)) {
            Some(rate) => rate.fmt(f),
            None => write!(f, "{} bytes/s", f32::from_bits(self.0)),
        }
    }
}

/// Two services that have no reservation in common: error 21, value 1 (RFC 2205 appendix B).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("requests of different services do not merge")]
pub struct ServiceConflict;

impl Flowspec {
    /// A request for guaranteed service.
    ///
    /// # Errors
    ///
    /// [`FlowspecError`] if R is not a rate, R < r, or p < r.
    pub fn guaranteed(tspec: Tspec, rate: f32, slack_micros: u32) -> Result<Self, FlowspecError> {
        if tspec.peak() < tspec.rate().as_peak() {
            return Err(FlowspecError::PeakBelowRate {
                peak: tspec.peak(),
                rate: tspec.rate(),
            });
        }
        let bad = FlowspecError::Rate(WireFloat(rate.to_bits()), tspec.rate());
        let rate = BytesPerSec::new(rate)
            .filter(|rate| is_rate(rate.get()) && *rate >= tspec.rate())
            .ok_or(bad)?;
        Ok(Self::Guaranteed(tspec, Rspec { rate, slack_micros }))
    }

    /// The service.
    #[must_use]
    pub const fn service(&self) -> ServiceNumber {
        match self {
            Self::ControlledLoad(_) => ServiceNumber::CONTROLLED_LOAD,
            Self::Guaranteed(..) => ServiceNumber::GUARANTEED,
        }
    }

    /// The token bucket.
    #[must_use]
    pub const fn tspec(&self) -> &Tspec {
        match self {
            Self::ControlledLoad(tspec) | Self::Guaranteed(tspec, _) => tspec,
        }
    }

    /// Rate and slack, of guaranteed service.
    #[must_use]
    pub const fn rspec(&self) -> Option<&Rspec> {
        match self {
            Self::ControlledLoad(_) => None,
            Self::Guaranteed(_, rspec) => Some(rspec),
        }
    }

    /// The rate that admission counts: R, or r of controlled load.
    #[must_use]
    pub const fn rate(&self) -> BytesPerSec {
        match self {
            Self::ControlledLoad(tspec) => tspec.rate(),
            Self::Guaranteed(_, rspec) => rspec.rate,
        }
    }

    /// The request that stands for both upstream ("LUB" where RFC 2205 speaks of requests); see [`Tspec::merge`].
    ///
    /// # Errors
    ///
    /// [`ServiceConflict`] if the services differ.
    pub fn merge(&self, other: &Self) -> Result<Self, ServiceConflict> {
        self.with(other, Tspec::merge, Rspec::merge)
    }

    /// The greatest request that is no more than either.
    ///
    /// # Errors
    ///
    /// [`ServiceConflict`] if the services differ.
    pub fn greatest_lower_bound(&self, other: &Self) -> Result<Self, ServiceConflict> {
        self.with(
            other,
            Tspec::greatest_lower_bound,
            Rspec::greatest_lower_bound,
        )
    }

    fn with(
        &self,
        other: &Self,
        tspec: impl Fn(&Tspec, &Tspec) -> Tspec,
        rspec: impl Fn(&Rspec, &Rspec) -> Rspec,
    ) -> Result<Self, ServiceConflict> {
        match (self, other) {
            (Self::ControlledLoad(a), Self::ControlledLoad(b)) => {
                Ok(Self::ControlledLoad(tspec(a, b)))
            }
            (Self::Guaranteed(a, ra), Self::Guaranteed(b, rb)) => {
                Ok(Self::Guaranteed(tspec(a, b), rspec(ra, rb)))
            }
            (Self::ControlledLoad(_), Self::Guaranteed(..))
            | (Self::Guaranteed(..), Self::ControlledLoad(_)) => Err(ServiceConflict),
        }
    }

    /// What is installed of this request, if the senders together send `path`: RFC 2205 §2.3, `min(Path_Te, Resv_Te)`.
    #[must_use]
    pub fn effective(&self, path: &Tspec) -> Self {
        match self {
            Self::ControlledLoad(tspec) => Self::ControlledLoad(path.minimum(tspec)),
            Self::Guaranteed(tspec, rspec) => {
                Self::Guaranteed(path.minimum(tspec).with_peak_of_rate(), *rspec)
            }
        }
    }

    /// Whether this request, which failed, keeps `request` from being tried: unless it is strictly greater, or of another
    /// service.
    ///
    /// RFC 2205 §3.5, read by the order of RFC 2211 §8 and RFC 2212: component by component, one that shares a value
    /// with the failed request would never be tried, however small. But the rate that it reserves has to be smaller (r, or
    /// R of guaranteed service, whose r is the senders' and mostly the same): a merged request that failed is greater than each of those it was merged of where they are
    /// not ordered, and one of them, the one with the greatest rate, has to be left out for the others to be tried.
    #[must_use]
    pub fn blockades(&self, request: &Self) -> bool {
        if self.service() != request.service() {
            // It was not part of what failed: requests of different services do not merge.
            return false;
        }
        let larger_rate = match (self, request) {
            (Self::Guaranteed(_, rspec), Self::Guaranteed(_, asked)) => rspec.rate > asked.rate,
            _ => self.tspec().rate() > request.tspec().rate(),
        };
        !(larger_rate && self.partial_cmp(request) == Some(Ordering::Greater))
    }

    /// Reads a FLOWSPEC.
    ///
    /// # Errors
    ///
    /// [`FlowspecError`]; [`Disposition::of_flowspec`](crate::Disposition::of_flowspec) has the answer.
    pub fn from_object(object: &FlowspecObject, reading: Reading) -> Result<Self, FlowspecError> {
        if object.0.c_type() != CType(2) {
            return Err(FlowspecError::CType(object.0.c_type()));
        }
        let fragment = fragments(object.0.body())?
            .next()
            .ok_or(FormError::NoService(ServiceNumber::CONTROLLED_LOAD))??;
        let tspec = || Tspec::from_fragment(fragment, reading).map_err(FlowspecError::Tspec);
        match fragment.service {
            ServiceNumber::CONTROLLED_LOAD => Ok(Self::ControlledLoad(tspec()?)),
            ServiceNumber::GUARANTEED => {
                let [rate, slack_micros] = fragment.parameter(ParameterNumber::RSPEC)?.words()?;
                Self::guaranteed(tspec()?, f32::from_bits(rate), slack_micros)
            }
            other => Err(FlowspecError::Service(other)),
        }
    }

    /// The FLOWSPEC that says this.
    #[must_use]
    pub fn to_object(&self) -> FlowspecObject {
        let mut writer = Writer::new();
        writer.fragment(self.service(), false);
        self.tspec().emit(&mut writer);
        if let Self::Guaranteed(_, rspec) = self {
            writer.parameter(
                ParameterNumber::RSPEC,
                &[rspec.rate.get().to_bits(), rspec.slack_micros],
            );
        }
        FlowspecObject(opaque(writer))
    }
}

impl PartialOrd for Flowspec {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::ControlledLoad(a), Self::ControlledLoad(b)) => a.partial_cmp(b),
            (Self::Guaranteed(a, ra), Self::Guaranteed(b, rb)) => {
                join(a.partial_cmp(b)?, ra.partial_cmp(rb)?)
            }
            (Self::ControlledLoad(_), Self::Guaranteed(..))
            | (Self::Guaranteed(..), Self::ControlledLoad(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests;
