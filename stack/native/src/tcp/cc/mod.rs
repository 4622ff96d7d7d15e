//! Congestion control: RFC 5681, and the algorithms that say how the window grows and by how much it shrinks.
//!
//! The recovery of losses is the same whatever the algorithm ([`super::recovery`]); an algorithm is asked three things:
//! how the window grows when data is acknowledged, what the slow-start threshold becomes when some is lost, and to take
//! note of idle times. It is an enum and not a trait object: the set is closed, and the fast path calls it.

mod cubic;
mod newreno;
mod slow_start;

use core::fmt;

use fairway_wire::{Instant, SeqNumber};

use self::cubic::Cubic;
use self::slow_start::SlowStart;
use super::num::Nanos;

/// The algorithms on offer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Congestion {
    /// RFC 5681 with RFC 6582.
    NewReno,
    /// RFC 9438.
    #[default]
    Cubic,
}

impl fmt::Display for Congestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NewReno => "newreno",
            Self::Cubic => "cubic",
        })
    }
}

/// No threshold is known: slow start goes on until something is lost.
const UNLIMITED: u32 = u32::MAX;

/// The congestion window of one connection with its algorithm.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Control {
    /// cwnd, octets.
    pub(crate) window: u32,
    /// ssthresh, octets.
    pub(crate) threshold: u32,
    /// Octets acknowledged that the window has not grown for yet.
    fraction: u32,
    slow_start: SlowStart,
    algorithm: Algorithm,
}

#[derive(Clone, Copy, Debug)]
enum Algorithm {
    NewReno,
    Cubic(Cubic),
}

/// An acknowledgment as congestion control sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ack {
    pub(crate) now: Instant,
    /// Octets newly acknowledged.
    pub(crate) octets: u32,
    /// SND.UNA and SND.NXT after it.
    pub(crate) una: SeqNumber,
    pub(crate) nxt: SeqNumber,
    /// A round-trip time, if one was measured.
    pub(crate) rtt: Option<Nanos>,
    /// SRTT.
    pub(crate) smoothed: Nanos,
    /// The sender's maximum segment size, octets.
    pub(crate) mss: u32,
}

impl Control {
    pub(crate) fn new(congestion: Congestion, window: u32, start: SeqNumber) -> Self {
        Self {
            window,
            threshold: UNLIMITED,
            fraction: 0,
            slow_start: SlowStart::new(start),
            algorithm: match congestion {
                Congestion::NewReno => Algorithm::NewReno,
                Congestion::Cubic => Algorithm::Cubic(Cubic::default()),
            },
        }
    }

    pub(crate) const fn congestion(&self) -> Congestion {
        match self.algorithm {
            Algorithm::NewReno => Congestion::NewReno,
            Algorithm::Cubic(_) => Congestion::Cubic,
        }
    }

    /// Changes the algorithm; window and threshold stay.
    pub(crate) fn set_congestion(&mut self, congestion: Congestion) {
        if self.congestion() != congestion {
            self.algorithm = Self::new(congestion, self.window, SeqNumber(0)).algorithm;
        }
    }

    /// RFC 5681 §3.1: whether the window grows by as much as is acknowledged.
    #[inline]
    pub(crate) const fn in_slow_start(&self) -> bool {
        self.window < self.threshold
    }

    /// Data was acknowledged, nothing is being recovered, and the window was what limited the sender.
    pub(crate) fn on_ack(&mut self, ack: &Ack) {
        let mut octets = ack.octets;
        if self.in_slow_start() {
            octets = self.grow_slowly(ack);
            if octets == 0 {
                return;
            }
        }
        self.fraction = match &mut self.algorithm {
            Algorithm::NewReno => newreno::grow(&mut self.window, self.fraction + octets, ack.mss),
            Algorithm::Cubic(cubic) => cubic.grow(&mut self.window, self.fraction, octets, ack),
        };
    }

    /// Slow start; returns the octets that are left once the threshold is reached.
    fn grow_slowly(&mut self, ack: &Ack) -> u32 {
        if matches!(self.algorithm, Algorithm::Cubic(_)) && self.threshold == UNLIMITED {
            self.slow_start.on_ack(ack);
            if self.slow_start.is_over() {
                self.threshold = self.window;
                return ack.octets;
            }
        }
        // RFC 3465 with no limit: one acknowledgment may stand for a whole burst (RFC 9438 §4.10 leaves it open).
        let octets = self.slow_start.growth(ack.octets);
        let grown = self.window.saturating_add(octets).min(self.threshold);
        let used = grown - self.window;
        self.window = grown;
        octets - used
    }

    /// Something was lost: what the threshold becomes. `flight`: octets that were outstanding.
    pub(crate) fn on_loss(&mut self, now: Instant, flight: u32, mss: u32) -> u32 {
        self.fraction = 0;
        self.threshold = match &mut self.algorithm {
            Algorithm::NewReno => newreno::threshold(flight.min(self.window), mss),
            Algorithm::Cubic(cubic) => cubic.threshold(now, self.window, flight, mss),
        };
        self.threshold
    }

    /// Nothing was sent for a while, or the window was not what limited the sender.
    pub(crate) fn on_idle(&mut self, now: Instant) {
        if let Algorithm::Cubic(cubic) = &mut self.algorithm {
            cubic.restart(now);
        }
    }
}

#[cfg(test)]
mod tests;
