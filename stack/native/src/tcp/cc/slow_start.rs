//! HyStart++: leaving slow start before the queue overflows. RFC 9406.
//!
//! When the round-trip time of a round is clearly longer than that of the round before, a queue is building up: for some
//! rounds the window grows at a quarter of the speed (conservative slow start), and if the delay does not go down again,
//! slow start is over.

use fairway_wire::SeqNumber;

use super::Ack;
use crate::tcp::num::Nanos;

/// MIN_RTT_THRESH, MAX_RTT_THRESH, MIN_RTT_DIVISOR, N_RTT_SAMPLE, CSS_GROWTH_DIVISOR, CSS_ROUNDS of RFC 9406 §4.3.
const MIN_RTT_THRESH: Nanos = Nanos::from_millis(4);
const MAX_RTT_THRESH: Nanos = Nanos::from_millis(16);
const MIN_RTT_DIVISOR: u64 = 8;
const SAMPLES: u8 = 8;
const GROWTH_DIVISOR: u32 = 4;
const ROUNDS: u8 = 5;

#[derive(Clone, Copy, Debug)]
pub(super) struct SlowStart {
    /// windowEnd: the round ends when it is acknowledged.
    round_end: SeqNumber,
    last_least: Nanos,
    least: Nanos,
    samples: u8,
    /// Conservative slow start: rounds left, and the round-trip time to compare with.
    conservative: Option<(u8, Nanos)>,
    over: bool,
}

impl SlowStart {
    pub(super) const fn new(start: SeqNumber) -> Self {
        Self {
            round_end: start,
            last_least: Nanos::MAX,
            least: Nanos::MAX,
            samples: 0,
            conservative: None,
            over: false,
        }
    }

    pub(super) fn on_ack(&mut self, ack: &Ack) {
        if let Some(rtt) = ack.rtt {
            self.least = self.least.min(rtt);
            self.samples = self.samples.saturating_add(1);
        }
        if self.samples >= SAMPLES && self.last_least != Nanos::MAX {
            match self.conservative {
                None => {
                    let threshold = Nanos(self.last_least.0 / MIN_RTT_DIVISOR)
                        .clamp(MIN_RTT_THRESH, MAX_RTT_THRESH);
                    if self.least >= self.last_least.plus(threshold) {
                        self.conservative = Some((ROUNDS, self.least));
                    }
                }
                Some((_, baseline)) if self.least < baseline => self.conservative = None,
                Some(_) => {}
            }
        }
        if ack.una.gt(self.round_end) {
            self.round_end = ack.nxt;
            self.last_least = self.least;
            self.least = Nanos::MAX;
            self.samples = 0;
            if let Some((rounds, _)) = &mut self.conservative {
                *rounds -= 1;
                self.over = *rounds == 0;
            }
        }
    }

    pub(super) const fn is_over(&self) -> bool {
        self.over
    }

    /// What the window grows by for so many octets acknowledged.
    #[inline]
    pub(super) const fn growth(&self, octets: u32) -> u32 {
        match self.conservative {
            None => octets,
            Some(_) => octets / GROWTH_DIVISOR,
        }
    }
}
