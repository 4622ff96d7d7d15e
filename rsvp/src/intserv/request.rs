//! For applications: from what a sender says and what the path can do to a reservation, or to why there is none.
//!
//! ```
//! use std::time::Duration;
//! use fairway_rsvp::intserv::request::{Wish, guaranteed};
//! use fairway_rsvp::intserv::{Adspec, Bandwidth, ErrorTerms, LocalElement, LocalGuaranteed, LocalValues, Latency, Tspec};
//!
//! let tspec = Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap();
//! let router = LocalElement {
//!     general: LocalValues {
//!         bandwidth: Bandwidth::new(1.25e6).unwrap(),
//!         latency: Latency::from_micros(100),
//!         mtu: 1500,
//!     },
//!     guaranteed: Some(LocalGuaranteed { terms: ErrorTerms::new(4500, 3000), ..LocalGuaranteed::default() }),
//!     controlled_load: None,
//!     after_non_is_hop: false,
//! };
//! let adspec = Adspec::of_link(Bandwidth::new(1.25e6).unwrap(), 1500).with_guaranteed(true).compose(&router);
//!
//! let reservation = guaranteed(&tspec, &adspec, Wish::Queueing(Duration::from_millis(60))).unwrap();
//! assert_eq!(reservation.flowspec.rate().get(), 184_000.0);
//! assert_eq!(reservation.end_to_end, Some(Duration::from_micros(60_100)));
//! ```

use crate::shown;
use core::time::Duration;

use super::delay::{self, queueing_delay, rate_for_delay};
use super::{Adspec, Bandwidth, BytesPerSec, Flowspec, PathValues, Rspec, ServiceNumber, Tspec};

/// How late packets may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// In queues, on top of the least time that the path takes.
    Queueing(Duration),
    /// From end to end, the least time that the path takes among it.
    EndToEnd(Duration),
}

/// What to ask for, and what one gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reservation {
    /// What to ask for.
    pub flowspec: Flowspec,
    /// The longest that a conforming packet waits in queues, slack used up.
    pub queueing: Duration,
    /// The longest that it takes end to end, if the latency of the path is known.
    pub end_to_end: Option<Duration>,
}

/// Why there is no reservation to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoReservation {
    /// A hop does not know Integrated Services: nothing can be promised on this path.
    #[error("a hop on the path has no integrated services")]
    NonIsHop,
    /// The sender left the service out: it is not to be used.
    #[error("the sender does not offer the service")]
    NotOffered,
    /// An element on the path lacks the service.
    #[error("an element on the path lacks the service")]
    ServiceBroken,
    /// The path's error terms are not known, or beyond what can be said.
    #[error("the error terms of the path are not known")]
    TermsUnknown,
    /// A wish from end to end needs the latency of the path, which is not known.
    #[error("the latency of the path is not known")]
    LatencyUnknown,
    /// No rate makes packets that fast.
    #[error("the path alone takes {}", shown::span(*least))]
    TooSoon {
        /// What the wish must be more than, in the same sense as the wish.
        least: Duration,
    },
    /// The path has not that much.
    #[error("{needed} needed, at most {available} on the path")]
    Bandwidth {
        /// The rate that would have to be reserved.
        needed: BytesPerSec,
        /// What the path has, at most.
        available: BytesPerSec,
    },
}

/// What to ask for to be treated as if the network were not loaded: RFC 2211.
///
/// # Errors
///
/// [`NoReservation`].
pub fn controlled_load(tspec: &Tspec, adspec: &Adspec) -> Result<Flowspec, NoReservation> {
    let is_broken = adspec
        .controlled_load
        .as_ref()
        .map(|fragment| fragment.is_broken);
    let values = usable(adspec, ServiceNumber::CONTROLLED_LOAD, is_broken)?;
    enough(tspec.rate(), values.bandwidth)?;
    // RFC 2210 §3.2.1: M is the path's MTU if that is smaller.
    Ok(Flowspec::ControlledLoad(tspec.within_mtu(values.mtu)))
}

/// What to ask for so that no conforming packet is later than wished: RFC 2212.
///
/// If the least rate, r, does it, what time is over becomes slack, which routers may use; else slack is zero.
///
/// # Errors
///
/// [`NoReservation`].
pub fn guaranteed(
    tspec: &Tspec,
    adspec: &Adspec,
    wish: Wish,
) -> Result<Reservation, NoReservation> {
    let fragment = adspec.guaranteed.as_ref();
    let values = usable(
        adspec,
        ServiceNumber::GUARANTEED,
        fragment.map(|fragment| fragment.is_broken),
    )?;
    let terms = fragment
        .and_then(|fragment| fragment.terms)
        .map(|terms| terms.total)
        .filter(|total| total.is_exact())
        .ok_or(NoReservation::TermsUnknown)?;
    let latency = values.latency.known();
    // Time the wish has to spare for something else than queues.
    let (wished, fixed) = match wish {
        Wish::Queueing(wished) => (wished, Duration::ZERO),
        Wish::EndToEnd(wished) => (wished, latency.ok_or(NoReservation::LatencyUnknown)?),
    };
    let too_soon = NoReservation::TooSoon {
        least: fixed + Duration::from_micros(terms.d_micros.into()),
    };
    let wished = wished.checked_sub(fixed).ok_or(too_soon)?;
    let tspec = tspec.within_mtu(values.mtu).with_peak_of_rate();
    let rate = rate_for_delay(&tspec, terms, wished).ok_or(too_soon)?;
    enough(rate, values.bandwidth)?;
    let slack_micros = if rate == tspec.rate() {
        delay::slack(&tspec, rate, terms, wished)
    } else {
        0
    };
    let queueing = queueing_delay(&tspec, rate, terms) + Duration::from_micros(slack_micros.into());
    Ok(Reservation {
        flowspec: Flowspec::Guaranteed(tspec, Rspec { rate, slack_micros }),
        queueing,
        end_to_end: latency.map(|latency| queueing + latency),
    })
}

/// The values of a service that can be relied on.
fn usable(
    adspec: &Adspec,
    service: ServiceNumber,
    is_broken: Option<bool>,
) -> Result<PathValues, NoReservation> {
    if adspec.general.is_broken {
        return Err(NoReservation::NonIsHop);
    }
    let values = adspec.service(service).ok_or(NoReservation::NotOffered)?;
    match is_broken {
        None => Err(NoReservation::NotOffered),
        Some(true) => Err(NoReservation::ServiceBroken),
        Some(false) => Ok(values),
    }
}

fn enough(needed: BytesPerSec, bandwidth: Bandwidth) -> Result<(), NoReservation> {
    match bandwidth.known() {
        // What is not known cannot refuse.
        Some(available) if available < needed => {
            Err(NoReservation::Bandwidth { needed, available })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
