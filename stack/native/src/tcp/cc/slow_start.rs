//! HyStart++: leaving slow start before the queue overflows. RFC 9406.
//!
//! When the round-trip time of a round is clearly longer than that of the round before, a queue is building up: for some
//! rounds the window grows at a quarter of the speed (conservative slow start), and if the delay does not go down again,
//! slow start is over.

use fairway_wire::SeqNumber;

use super::Ack;

/// MIN_RTT_THRESH, MAX_RTT_THRESH, MIN_RTT_DIVISOR, N_RTT_SAMPLE, CSS_GROWTH_DIVISOR, CSS_ROUNDS of RFC 9406 §4.3; times in microseconds.
const MIN_RTT_THRESH: u32 = 4000;
const MAX_RTT_THRESH: u32 = 16_000;
const MIN_RTT_DIVISOR: u32 = 8;
const SAMPLES: u8 = 8;
const GROWTH_DIVISOR: u32 = 4;
const ROUNDS: u8 = 5;

/// Round-trip times are kept in microseconds, which 32 bits hold for more than an hour.
#[derive(Clone, Copy, Debug)]
pub(super) struct SlowStart {
    /// windowEnd: the round ends when it is acknowledged.
    round_end: SeqNumber,
    /// lastRoundMinRTT, currentRoundMinRTT, cssBaselineMinRtt.
    last_least: u32,
    least: u32,
    baseline: u32,
    samples: u8,
    /// Rounds of conservative slow start that are left; 0 outside of it.
    conservative: u8,
    over: bool,
}

/// No round-trip time was measured.
const UNKNOWN: u32 = u32::MAX;

impl SlowStart {
    pub(super) const fn new(start: SeqNumber) -> Self {
        Self {
            round_end: start,
            last_least: UNKNOWN,
            least: UNKNOWN,
            baseline: UNKNOWN,
            samples: 0,
            conservative: 0,
            over: false,
        }
    }

    pub(super) fn on_ack(&mut self, ack: &Ack) {
        if let Some(rtt) = ack.rtt {
            let rtt = u32::try_from(rtt.0 / 1000).unwrap_or(UNKNOWN - 1);
            self.least = self.least.min(rtt);
            self.samples = self.samples.saturating_add(1);
        }
        if self.samples >= SAMPLES && self.last_least != UNKNOWN {
            if self.conservative > 0 {
                if self.least < self.baseline {
                    self.conservative = 0;
                }
            } else {
                let threshold =
                    (self.last_least / MIN_RTT_DIVISOR).clamp(MIN_RTT_THRESH, MAX_RTT_THRESH);
                if self.least >= self.last_least.saturating_add(threshold) {
                    self.conservative = ROUNDS;
                    self.baseline = self.least;
                }
            }
        }
        if ack.una.gt(self.round_end) {
            self.round_end = ack.nxt;
            self.last_least = self.least;
            self.least = UNKNOWN;
            self.samples = 0;
            if self.conservative > 0 {
                self.conservative -= 1;
                self.over = self.conservative == 0;
            }
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// What the window grows by for so many octets acknowledged.
    #[inline]
    pub(super) const fn growth(&self, octets: u32) -> u32 {
        if self.conservative > 0 {
            octets / GROWTH_DIVISOR
        } else {
            octets
        }
    }
}
