//! Guaranteed service in numbers: delay, rate, slack, room for queues. RFC 2212.
//!
//! With rates in octets per second, sizes in octets and times in seconds, the queueing delay of a conforming packet is
//! at most
//!
//! ```text
//! r ≤ R < p        (b − M)/R · (p − R)/(p − r) + M/R + Ctot/R + Dtot
//! r ≤ p ≤ R        M/R                               + Ctot/R + Dtot
//! p not known      b/R                               + Ctot/R + Dtot
//! ```
//!
//! A bucket smaller than M is taken as M, and a peak below r as r.

use core::time::Duration;

use super::{BytesPerSec, PeakRate, Rspec, Tspec};

/// How far an element, or a path, falls behind a flow's own wire of rate R.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ErrorTerms {
    /// *C*: octets; C/R is the delay that depends on the rate. 2³² − 1 stands for that and more.
    pub c_octets: u32,
    /// *D*: microseconds; the delay that does not. 2³² − 1 stands for that and more.
    pub d_micros: u32,
}

impl ErrorTerms {
    /// Terms of so many octets and microseconds.
    #[must_use]
    pub const fn new(c_octets: u32, d_micros: u32) -> Self {
        Self { c_octets, d_micros }
    }

    /// Of weighted fair queueing on a link: C is the longest packet, D the time that the link's MTU takes.
    ///
    /// RFC 2212 "Exported Information"; microseconds are rounded up.
    #[must_use]
    pub fn of_fair_queueing(max_packet_size: u32, link_mtu: u32, link_rate: BytesPerSec) -> Self {
        let micros = f64::from(link_mtu) / link_rate.wide() * 1e6;
        Self::new(max_packet_size, ceil_to_u32(micros))
    }

    /// These and those of a next element, as RFC 2212 composes them.
    #[must_use]
    pub const fn plus(self, next: Self) -> Self {
        Self {
            c_octets: self.c_octets.saturating_add(next.c_octets),
            d_micros: self.d_micros.saturating_add(next.d_micros),
        }
    }

    /// Whether both are numbers and not "that and more".
    #[must_use]
    pub const fn is_exact(self) -> bool {
        self.c_octets != u32::MAX && self.d_micros != u32::MAX
    }

    fn c(self) -> f64 {
        f64::from(self.c_octets)
    }

    fn d(self) -> f64 {
        seconds(self.d_micros)
    }
}

/// A token bucket for arithmetic: M ≤ b, r ≤ p.
struct Flow {
    r: f64,
    b: f64,
    p: f64,
    m: f64,
}

impl Flow {
    fn of(tspec: &Tspec) -> Self {
        let m = f64::from(tspec.max_packet_size());
        let r = tspec.rate().wide();
        Self {
            r,
            b: tspec.bucket().wide().max(m),
            p: if tspec.peak() == PeakRate::UNKNOWN {
                f64::INFINITY
            } else {
                tspec.peak().wide().max(r)
            },
            m,
        }
    }

    /// How long a burst lasts: (b − M)/(p − r); `None` if p = r, where there is none.
    fn burst(&self) -> Option<f64> {
        (self.p > self.r).then(|| (self.b - self.m) / (self.p - self.r))
    }

    fn bound(&self, rate: f64, terms: ErrorTerms) -> f64 {
        let rate = rate.max(self.r);
        let own = if self.p.is_infinite() {
            self.b / rate
        } else if rate < self.p {
            (self.b - self.m) / rate * (self.p - rate) / (self.p - self.r) + self.m / rate
        } else {
            self.m / rate
        };
        own + terms.c() / rate + terms.d()
    }
}

fn seconds(micros: u32) -> f64 {
    f64::from(micros) / 1e6
}

/// A span of so many seconds, which are neither NaN nor negative; the longest there is, if need be.
fn span(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, as is wanted"
)]
const fn floor_to_u32(value: f64) -> u32 {
    value as u32
}

fn ceil_to_u32(value: f64) -> u32 {
    floor_to_u32((value - EXACT).ceil())
}

/// Microseconds that a computation may miss a whole number by.
const EXACT: f64 = 1e-3;

/// Whole microseconds in so many seconds, rounded down but for the last digits of the computation.
fn floor_micros(seconds: f64) -> u32 {
    floor_to_u32((seconds * 1e6 + EXACT).floor())
}

/// The longest that a conforming packet waits in queues end to end when R is reserved all the way.
///
/// The path's least latency comes on top. R below r is taken as r: such a reservation does not exist.
#[must_use]
pub fn queueing_delay(tspec: &Tspec, rate: BytesPerSec, terms: ErrorTerms) -> Duration {
    span(Flow::of(tspec).bound(rate.wide(), terms))
}

/// The smallest R, at least r, for which [`queueing_delay`] is no more than `wished`.
///
/// `None` if no rate does it: the terms alone take longer, or the rate is beyond 40 · 10¹² B/s.
#[must_use]
pub fn rate_for_delay(tspec: &Tspec, terms: ErrorTerms, wished: Duration) -> Option<BytesPerSec> {
    let flow = Flow::of(tspec);
    let wished = wished.as_secs_f64();
    let left = wished - terms.d();
    if left <= 0.0 {
        return None;
    }
    // Above the peak, only one packet and the terms count.
    let above_peak = (flow.m + terms.c()) / left;
    let rate = if flow.p.is_infinite() {
        (flow.b + terms.c()) / left
    } else {
        match flow.burst() {
            None => above_peak,
            Some(h) => {
                let rate = (flow.p * h + flow.m + terms.c()) / (h + left);
                if rate > flow.p { above_peak } else { rate }
            }
        }
    };
    let rate = rate.max(flow.r);
    if rate > BytesPerSec::MAX.wide() {
        return None;
    }
    // The nearest number may be a little too small; then the next one is not.
    let mut nearest = BytesPerSec::nearest(rate);
    if flow.bound(nearest.wide(), terms) > wished * (1.0 + 1e-12) {
        nearest = nearest.next_up();
    }
    Some(nearest)
}

/// Slack in microseconds, rounded down, when `rate` is reserved and `wished` would do: zero if it is not met.
#[must_use]
pub fn slack(tspec: &Tspec, rate: BytesPerSec, terms: ErrorTerms, wished: Duration) -> u32 {
    let bound = Flow::of(tspec).bound(rate.wide(), terms);
    floor_micros((wished.as_secs_f64() - bound).max(0.0))
}

/// Octets of queue with which an element never loses a conforming packet.
///
/// `since_reshaper` are Csum and Dsum, the element's own C and D among them; `slack_handed_on` is the S of the request
/// that it sends upstream, since packets may come that much later.
#[must_use]
pub fn buffer(
    tspec: &Tspec,
    rate: BytesPerSec,
    since_reshaper: ErrorTerms,
    slack_handed_on: u32,
) -> f64 {
    let flow = Flow::of(tspec);
    let rate = rate.wide().max(flow.r);
    let d_sum = since_reshaper.d() + seconds(slack_handed_on);
    if flow.p.is_infinite() {
        return flow.b + since_reshaper.c() + d_sum * rate;
    }
    let d = since_reshaper.c() / rate + d_sum;
    let Some(h) = flow.burst() else {
        return flow.m + d * flow.p;
    };
    let x = if h < d {
        flow.r
    } else if flow.p > rate {
        rate
    } else {
        flow.p
    };
    flow.m + h * (flow.p - x) + d * x
}

/// Octets of queue of a reshaper: b + Csum + Dsum · r.
#[must_use]
pub fn reshaper_queue(tspec: &Tspec, since_reshaper: ErrorTerms) -> f64 {
    let flow = Flow::of(tspec);
    flow.b + since_reshaper.c() + since_reshaper.d() * flow.r
}

/// The slack that is left for the nodes upstream when this one reserves `rate` of a request for more.
///
/// `None` if `rate` is below r or above the request's R, or the slack does not suffice. `c_so_far` is the sum of C of
/// all nodes from the sender to this one, its own among them. RFC 2212:
/// `Sout + (b + C)/Rout ≤ Sin + (b + C)/Rin`.
#[must_use]
pub fn slack_left(tspec: &Tspec, c_so_far: u32, request: Rspec, rate: BytesPerSec) -> Option<u32> {
    if rate < tspec.rate() || rate > request.rate {
        return None;
    }
    let octets = Flow::of(tspec).b + f64::from(c_so_far);
    let left = seconds(request.slack_micros) + octets / request.rate.wide() - octets / rate.wide();
    // R is stored with 24 bits: a rate made to leave nothing may miss that by less than a microsecond.
    (left > -1e-6).then(|| floor_micros(left.max(0.0)))
}

/// The request with as low a rate as its slack allows, for this node and those upstream; what cannot be used stays.
#[must_use]
pub fn spend_slack(tspec: &Tspec, c_so_far: u32, request: Rspec) -> Rspec {
    let octets = Flow::of(tspec).b + f64::from(c_so_far);
    let time = seconds(request.slack_micros) + octets / request.rate.wide();
    let exact = octets / time;
    let mut rate = BytesPerSec::nearest(exact);
    if rate.wide() < exact * (1.0 - 1e-12) {
        rate = rate.next_up();
    }
    let rate = rate.max(tspec.rate()).min(request.rate);
    Rspec {
        rate,
        slack_micros: slack_left(tspec, c_so_far, request, rate).unwrap_or(0),
    }
}

/// The request when this node takes `micros` of the slack for itself, for a scheduler with delay apart from rate.
///
/// `None` if there is not that much.
#[must_use]
pub fn take_slack(request: Rspec, micros: u32) -> Option<Rspec> {
    Some(Rspec {
        slack_micros: request.slack_micros.checked_sub(micros)?,
        ..request
    })
}

#[cfg(test)]
mod tests;
