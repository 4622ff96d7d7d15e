//! CUBIC: RFC 9438.
//!
//! The window is a cubic function of the time since the last loss: flat where the loss was, steep far from it. All
//! arithmetic is in integers, so that a run is the same on every machine: time in milliseconds, windows in octets, and
//! segments in thousandths where a constant of the RFC counts in segments.

use fairway_wire::Instant;

use super::Ack;
use crate::tcp::num::{Nanos, scale};

/// β_cubic of §4.6 in 1024ths: 0.7.
const BETA: u32 = 717;
/// What a window is halved less by when it did not reach the last one (fast convergence, §4.7): (1 + β) / 2.
const BETA_FAST: u32 = (1024 + BETA) / 2;

/// State of §4.1.2; windows in octets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cubic {
    /// When this stage of congestion avoidance began.
    epoch: Option<Instant>,
    /// W_max; 0 before the first loss.
    w_max: u32,
    /// cwnd_prior: the window before the last reduction.
    prior: u32,
    /// K, milliseconds.
    k: u32,
    /// What W_cubic grows towards: W_max, or the window at the epoch if that is more.
    origin: u32,
    /// W_est, the window of an AIMD flow (§4.3).
    w_est: u32,
    /// Octets acknowledged that W_est has not grown for yet.
    w_est_fraction: u32,
}

impl Cubic {
    /// §4.2 to §4.5. Returns the part of an octet, in `window`ths, that is left over.
    pub(super) fn grow(&mut self, window: &mut u32, fraction: u32, octets: u32, ack: &Ack) -> u32 {
        let mss = ack.mss.max(1);
        let epoch = *self.epoch.get_or_insert_with(|| {
            (self.k, self.origin) = start(self.w_max, *window, mss);
            self.w_est = *window;
            self.w_est_fraction = 0;
            ack.now
        });
        // §4.2: the target for a round trip from now, not below the window, and at most half more than it.
        let elapsed = Nanos::between(epoch, ack.now);
        let t = elapsed.plus(ack.smoothed);
        let target =
            w_cubic(t, self.k, self.origin, mss).clamp(*window, window.saturating_add(*window / 2));
        // §4.3, equation (4): alpha is 3 (1 - beta) / (1 + beta) = 9/17 until the window before the loss is reached.
        let (numerator, denominator) = if self.w_est < self.prior {
            (9, 17)
        } else {
            (1, 1)
        };
        let earned = self
            .w_est_fraction
            .saturating_add(scale(octets, numerator, denominator));
        self.w_est_fraction = earned % (*window).max(1);
        self.w_est = self
            .w_est
            .saturating_add((earned / (*window).max(1)).saturating_mul(mss));
        if w_cubic(elapsed, self.k, self.origin, mss) < self.w_est && self.w_est > *window {
            // The Reno-friendly region.
            *window = self.w_est;
            return 0;
        }
        // §4.4 and §4.5: (target - cwnd) / cwnd for each segment acknowledged.
        let gain = u64::from(target - *window) * u64::from(octets) + u64::from(fraction);
        let divisor = u64::from((*window).max(1));
        *window = window.saturating_add(u32::try_from(gain / divisor).unwrap_or(0));
        u32::try_from(gain % divisor).unwrap_or(0)
    }

    /// §4.6 and §4.7: the threshold after a loss.
    pub(super) fn threshold(&mut self, _now: Instant, window: u32, flight: u32, mss: u32) -> u32 {
        self.epoch = None;
        self.prior = window;
        self.w_max = if window < self.w_max {
            scale(window, BETA_FAST, 1024)
        } else {
            window
        };
        // §4.6 takes what was outstanding; a window that was never filled says nothing (§5.8, RFC 7661 in spirit).
        scale(window.min(flight.max(window / 2)), BETA, 1024).max(2 * mss)
    }

    /// §5.8: time in which the window was not used does not count.
    pub(super) const fn restart(&mut self, _now: Instant) {
        self.epoch = None;
    }
}

/// §4.2, equation (2): K in milliseconds, and the window at which W_cubic is flat.
fn start(w_max: u32, window: u32, mss: u32) -> (u32, u32) {
    if window >= w_max {
        return (0, window);
    }
    // K = cbrt((W_max - cwnd) / C) seconds, with C = 0.4 in segments.
    let milli_segments = u64::from(w_max - window) * 1000 / u64::from(mss);
    let cubed_ms = milli_segments.saturating_mul(2_500_000); // (d / 0.4) s³ = d·2.5·10⁹ ms³
    (cube_root(cubed_ms), w_max)
}

/// §4.2, equation (1): W_cubic(t) = C (t - K)³ + W_max.
fn w_cubic(t: Nanos, k: u32, origin: u32, mss: u32) -> u32 {
    const FAR: i64 = 1_000_000; // 16 minutes: any window is reached
    let t = i64::try_from(t.0 / 1_000_000).unwrap_or(FAR);
    let offset = (t - i64::from(k)).clamp(-FAR, FAR);
    // 0.4 · (offset / 1000)³ segments = offset³ · 0.4 / 10⁶ thousandths of a segment.
    let milli_segments = offset * offset * offset / 2_500_000;
    let octets = milli_segments * i64::from(mss) / 1000;
    u32::try_from((i64::from(origin) + octets).max(0)).unwrap_or(u32::MAX)
}

/// The integer cube root, rounded down, by bisection on its 22 bits.
fn cube_root(value: u64) -> u32 {
    let mut root = 0_u128;
    for bit in (0..22).rev() {
        let tried = root | 1 << bit;
        if tried * tried * tried <= u128::from(value) {
            root = tried;
        }
    }
    u32::try_from(root).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Nanos, cube_root, start, w_cubic};

    #[test]
    fn cube_roots_are_rounded_down() {
        for (value, root) in [
            (0, 0),
            (1, 1),
            (7, 1),
            (8, 2),
            (26, 2),
            (27, 3),
            (1_000_000_000, 1000),
        ] {
            assert_eq!(cube_root(value), root, "{value}");
        }
        assert_eq!(cube_root(u64::MAX), 2_642_245);
    }

    // RFC 9438 §4.2: from 0.7 W_max, W_max is reached after K, and the curve is flat there.
    #[test]
    fn the_old_maximum_is_reached_after_k() {
        let (w_max, mss) = (100 * 1000, 1000);
        let window = 70 * 1000;
        let (k, origin) = start(w_max, window, mss);
        assert_eq!(k, 4217); // cbrt(30 / 0.4) s
        let at = |ms| w_cubic(Nanos::from_millis(ms), k, origin, mss);
        assert!(at(0).abs_diff(window) < 100, "{}", at(0));
        assert_eq!(at(4217), w_max);
        assert!(at(5217) - w_max < 500 && at(5217) > w_max);
        assert!(at(9217) > w_max + 40 * mss);
    }
}
