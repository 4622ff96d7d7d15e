//! Periods and lifetimes in numbers: RFC 2205 §3.7, RFC 2961 §6.

use core::time::Duration;

/// Refresh period *R*, RFC 2205 §3.7.
pub const REFRESH_PERIOD: Duration = Duration::from_secs(30);

/// *K*: K − 1 refreshes in a row may be lost, RFC 2205 §3.7.
pub const KEEP_MULTIPLIER: u32 = 3;

/// How long state lives without a refresh: *L* = (K + 0.5) · 1.5 · R, RFC 2205 §3.7.
///
/// `refresh_period` is the R of the TIME_VALUES that came. The longest span there is, should it not fit.
#[must_use]
pub fn lifetime(refresh_period: Duration, keep_multiplier: u32) -> Duration {
    refresh_period
        .checked_mul(quarters(keep_multiplier))
        .map_or(Duration::MAX, |span| span / 4)
}

/// The R of state that lives so long.
pub(crate) fn period_of(lifetime: Duration, keep_multiplier: u32) -> Duration {
    lifetime.saturating_mul(4) / quarters(keep_multiplier)
}

/// (K + 0.5) · 1.5, in quarters: never zero.
const fn quarters(keep_multiplier: u32) -> u32 {
    keep_multiplier
        .saturating_mul(2)
        .saturating_add(1)
        .saturating_mul(3)
}

/// The time to the next refresh, uniform from 0.5 · R to 1.5 · R: RFC 2205 §3.7.
///
/// `random` is drawn anew each time, from all of its values.
#[must_use]
pub fn next_refresh(refresh_period: Duration, random: u32) -> Duration {
    let fraction = f64::from(random) / f64::from(u32::MAX);
    let seconds = refresh_period.as_secs_f64() * (0.5 + fraction);
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// How a message with ACK_Desired is sent again until it is answered: RFC 2961 §6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retransmission {
    /// *Rf*: the wait after the first transmission. Default 500 ms.
    pub rapid_period: Duration,
    /// *Δ* in hundredths: each wait is 1 + Δ times the one before. Default 100.
    pub delta_percent: u32,
    /// *Rl*: transmissions in all. Default 3.
    pub limit: u32,
}

impl Default for Retransmission {
    fn default() -> Self {
        Self {
            rapid_period: Duration::from_millis(500),
            delta_percent: 100,
            limit: 3,
        }
    }
}

impl Retransmission {
    /// The waits after each transmission; after the last, the message is given up.
    pub fn waits(self) -> impl Iterator<Item = Duration> {
        let mut wait = self.rapid_period;
        (0..self.limit).map(move |_| {
            let this = wait;
            wait = wait.saturating_add(wait.saturating_mul(self.delta_percent) / 100);
            this
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 2205 §3.7.
    #[test]
    fn lifetimes() {
        for (seconds, k, millis) in [
            (30, 3, 157_500),
            (1, 3, 5250),
            (30, 6, 292_500),
            (45, 3, 236_250),
        ] {
            assert_eq!(
                lifetime(Duration::from_secs(seconds), k),
                Duration::from_millis(millis)
            );
            let period = period_of(Duration::from_millis(millis), k);
            assert_eq!(period, Duration::from_secs(seconds));
        }
        assert_eq!(lifetime(Duration::MAX, u32::MAX), Duration::MAX);
    }

    #[test]
    fn refreshes_are_spread_from_half_to_one_and_a_half() {
        let next = |random| next_refresh(REFRESH_PERIOD, random);
        assert_eq!(next(0), Duration::from_secs(15));
        assert_eq!(next(u32::MAX), Duration::from_secs(45));
        assert!((next(1 << 31).as_secs_f64() - 30.0).abs() < 1e-6);
        assert_eq!(next_refresh(Duration::MAX, u32::MAX), Duration::MAX);
    }

    /// RFC 2961 §6.3: sent at 0, 0.5, 1.5 s; over at 3.5 s.
    #[test]
    fn waits_grow() {
        let waits: Vec<u128> = Retransmission::default()
            .waits()
            .map(|wait| wait.as_millis())
            .collect();
        assert_eq!(waits, [500, 1000, 2000]);
    }
}
