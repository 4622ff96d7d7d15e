//! Numbers with units, for people, written as the configuration writes them: `5.5Mbit/s`, `15kB`, `1.5ms`.
//!
//! Three digits are enough; what is shown can be typed, and means nearly the same.

use core::time::Duration;

/// A rate, in bits, as people speak of links.
#[must_use]
pub fn rate(octets_per_sec: f32) -> String {
    if octets_per_sec.is_infinite() {
        return "unlimited".to_owned();
    }
    let bits = f64::from(octets_per_sec) * 8.0;
    let (scaled, unit) = match bits {
        bits if bits >= 1e12 => (bits / 1e12, "Tbit/s"),
        bits if bits >= 1e9 => (bits / 1e9, "Gbit/s"),
        bits if bits >= 1e6 => (bits / 1e6, "Mbit/s"),
        bits if bits >= 1e3 => (bits / 1e3, "kbit/s"),
        bits => (bits, "bit/s"),
    };
    format!("{}{unit}", short(scaled))
}

/// A size, in octets.
#[must_use]
pub fn octets(size: f32) -> String {
    match f64::from(size) {
        size if size >= 1e9 => format!("{}GB", short(size / 1e9)),
        size if size >= 1e6 => format!("{}MB", short(size / 1e6)),
        size if size >= 1e4 => format!("{}kB", short(size / 1e3)),
        size => format!("{}B", short(size)),
    }
}

/// A span of time, roughly.
#[must_use]
pub fn span(span: Duration) -> String {
    match span {
        span if span.as_secs() >= 7200 => format!("{}h", span.as_secs() / 3600),
        span if span.as_secs() >= 120 => format!("{}m", span.as_secs() / 60),
        span if span.as_secs() >= 10 => format!("{}s", span.as_secs()),
        span if span.as_millis() >= 1000 => format!("{}s", short(span.as_secs_f64())),
        span if span.as_micros() >= 1000 => format!("{}ms", short(span.as_secs_f64() * 1e3)),
        span => format!("{}us", span.as_micros()),
    }
}

/// With as many digits behind the point as tell something.
fn short(value: f64) -> String {
    let digits = match value {
        value if value >= 99.95 => 0,
        value if value >= 9.995 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_short_and_have_units() {
        for (octets_per_sec, shown) in [
            (125e3, "1Mbit/s"),
            (687_500.0, "5.5Mbit/s"),
            (1.25e9, "10Gbit/s"),
            (15.0, "120bit/s"),
            (0.0, "0bit/s"),
            (12_345.0, "98.8kbit/s"),
            (f32::INFINITY, "unlimited"),
        ] {
            assert_eq!(rate(octets_per_sec), shown);
        }
        assert_eq!(octets(1500.0), "1500B");
        assert_eq!(octets(20e3), "20kB");
        for (micros, shown) in [
            (0, "0us"),
            (1500, "1.5ms"),
            (30_100, "30.1ms"),
            (157_500_000, "2m"),
            (61_000_000, "61s"),
            (259_200_000_000, "72h"),
        ] {
            assert_eq!(span(Duration::from_micros(micros)), shown);
        }
    }

    /// What is shown can be typed.
    #[cfg(feature = "service")]
    #[test]
    fn the_configuration_reads_what_is_shown() {
        use crate::daemon::config::{Octets, Rate, Span};
        for value in [0.0, 15.0, 12_345.0, 687_500.0, 1.25e9, 4e12] {
            assert!(rate(value).parse::<Rate>().is_ok(), "{}", rate(value));
        }
        for value in [1500.0, 20e3, 3e6, 4e9] {
            assert!(octets(value).parse::<Octets>().is_ok());
        }
        for micros in [0, 1500, 61_000_000, 157_500_000, 1_000_000_000_000] {
            let shown = span(Duration::from_micros(micros));
            assert!(shown.parse::<Span>().is_ok(), "{shown}");
        }
    }
}
