//! Round-trip times and the retransmission timeout: RFC 6298.

use fairway_wire::Instant;

use super::config::TcpConfig;
use super::num::Nanos;

/// How long the smallest round-trip time is believed before a new one replaces it.
const MIN_RTT_LIFE: Nanos = Nanos::from_millis(300_000);

/// The estimator of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rtt {
    /// SRTT, nanoseconds; 0 before the first measurement.
    smoothed: u64,
    /// RTTVAR, nanoseconds.
    variation: u64,
    /// The smallest of the last minutes, nanoseconds; `u64::MAX` before the first.
    least: u64,
    least_at: Instant,
    /// The timeout without back-off.
    rto: u64,
    /// The least that the timeout has beyond the mean, and the longest timeout.
    floor: u64,
    most: u64,
}

impl Rtt {
    pub(crate) fn new(config: &TcpConfig) -> Self {
        Self {
            smoothed: 0,
            variation: 0,
            least: u64::MAX,
            least_at: Instant::ZERO,
            rto: Nanos::from(config.initial_rto).0,
            floor: Nanos::from(config.min_rto).0,
            most: Nanos::from(config.max_rto).0,
        }
    }

    /// Takes a measurement of a segment that was sent once (RFC 6298 §3, Karn's algorithm), or that a timestamp vouches
    /// for.
    #[inline]
    pub(crate) fn sample(&mut self, now: Instant, measured: Nanos) {
        let measured = measured.0.max(1);
        self.note_least(now, measured);
        if self.smoothed == 0 {
            // RFC 6298 §2.2
            self.smoothed = measured;
            self.variation = measured / 2;
        } else {
            // RFC 6298 §2.3, with the variation first, since it uses the old mean.
            let error = self.smoothed.abs_diff(measured);
            self.variation = self.variation - self.variation / 4 + error / 4;
            self.smoothed = self.smoothed - self.smoothed / 8 + measured / 8;
        }
        // RFC 6298 §2.3 and §2.4; the minimum is kept between the mean and the timeout, so that a long path is no
        // nearer to a spurious one than a short path is.
        let margin = (self.variation.saturating_mul(4)).max(self.floor);
        self.rto = self.smoothed.saturating_add(margin).min(self.most);
    }

    fn note_least(&mut self, now: Instant, measured: u64) {
        if measured <= self.least || Nanos::between(self.least_at, now) > MIN_RTT_LIFE {
            self.least = measured;
            self.least_at = now;
        }
    }

    /// RFC 6298 §5.7: the SYN was sent again before anything was measured, so data begin with three seconds.
    pub(crate) fn after_lost_syn(&mut self) {
        if self.smoothed == 0 {
            self.rto = self.rto.max(3_000_000_000);
        }
    }

    /// Whether something was measured.
    #[inline]
    pub(crate) const fn is_known(&self) -> bool {
        self.smoothed != 0
    }

    /// The retransmission timeout after `backoff` timeouts in a row: doubled for each (RFC 6298 §5.5).
    #[inline]
    pub(crate) fn timeout(&self, backoff: u8) -> Nanos {
        let doubled = if backoff >= 32 {
            self.most
        } else {
            self.rto.saturating_mul(1 << backoff)
        };
        Nanos(doubled.min(self.most))
    }

    /// SRTT; zero before the first measurement.
    #[inline]
    pub(crate) const fn smoothed(&self) -> Nanos {
        Nanos(self.smoothed)
    }

    /// RTTVAR.
    pub(crate) const fn variation(&self) -> Nanos {
        Nanos(self.variation)
    }

    /// The smallest round-trip time of the last minutes; zero before the first measurement.
    #[inline]
    pub(crate) const fn least(&self) -> Nanos {
        if self.least == u64::MAX {
            Nanos::ZERO
        } else {
            Nanos(self.least)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Nanos, Rtt, TcpConfig};
    use fairway_wire::Instant;

    const fn ms(millis: u64) -> Nanos {
        Nanos::from_millis(millis)
    }

    // RFC 6298 §2.1
    #[test]
    fn before_a_measurement_the_timeout_is_one_second() {
        let config = TcpConfig::default();
        assert_eq!(Rtt::new(&config).timeout(0), ms(1000));
    }

    // RFC 6298 §2.2
    #[test]
    fn the_first_measurement_counts_half_as_variation() {
        let config = TcpConfig::default();
        let mut rtt = Rtt::new(&config);
        rtt.sample(Instant::ZERO, ms(500));
        assert_eq!(rtt.smoothed(), ms(500));
        assert_eq!(rtt.variation(), ms(250));
        assert_eq!(rtt.timeout(0), ms(1500));
    }

    // RFC 6298 §2.3
    #[test]
    fn later_measurements_are_smoothed() {
        let config = TcpConfig::default();
        let mut rtt = Rtt::new(&config);
        rtt.sample(Instant::ZERO, ms(800));
        rtt.sample(Instant::ZERO, ms(1600));
        assert_eq!(rtt.variation(), ms(500));
        assert_eq!(rtt.smoothed(), ms(900));
        assert_eq!(rtt.least(), ms(800));
    }

    // RFC 6298 §2.4, §5.5, §2.5
    #[test]
    fn the_timeout_has_a_floor_doubles_and_has_a_ceiling() {
        let config = TcpConfig::default();
        let mut rtt = Rtt::new(&config);
        for _ in 0..100 {
            rtt.sample(Instant::ZERO, ms(10));
        }
        let once = rtt.timeout(0);
        assert!(once >= ms(209) && once <= ms(211), "{once:?}");
        assert_eq!(rtt.timeout(3), once.times(8));
        assert_eq!(rtt.timeout(40), config.max_rto.into());
        assert_eq!(rtt.timeout(12), config.max_rto.into());
    }
}
