//! Values with units, as they stand in the file: `"10Mbit/s"`, `"30s"`, `"75%"`, `"10kB"`.
//!
//! Each is read from a text and written as one that reads as the same.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};

/// Makes a type with `FromStr` and `Display` a text in the file; the parser knows the line of what a visitor refuses.
macro_rules! as_text {
    ($name:ident, $expected:literal) => {
        impl $name {
            /// What one is, with an example: for messages to whom has typed something else.
            pub const EXPECTED: &'static str = $expected;
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;

                impl serde::de::Visitor<'_> for Text {
                    type Value = $name;

                    fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                        f.write_str($expected)
                    }

                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse()
                            .map_err(|_| E::custom(format!("`{text}` is not {}", $expected)))
                    }
                }

                deserializer.deserialize_str(Text)
            }
        }
    };
}
pub(super) use as_text;

/// What is not a value of the wanted kind; the message names the kind, not the reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not understood")]
pub struct NotUnderstood;

/// A number without sign and exponent, perhaps with a fraction, and what follows it without the space between.
fn number(text: &str) -> Option<(f64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(end)?;
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some((number.parse().ok()?, unit.trim_start()))
}

/// The nearest whole number, if it is within what is kept exactly.
fn whole(value: f64) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked"
    )]
    (0.0..=9e15).contains(&value).then(|| value.round() as u64)
}

/// Writes `value` with the largest of `units` that leaves a whole number.
fn write_scaled(f: &mut fmt::Formatter<'_>, value: u64, units: &[(&str, u64)]) -> fmt::Result {
    let fits = units
        .iter()
        .find(|(_, size)| value != 0 && value.is_multiple_of(*size))
        .or(units.last());
    match fits {
        Some((unit, size)) => write!(f, "{}{unit}", value.checked_div(*size).unwrap_or(value)),
        None => write!(f, "{value}"),
    }
}

/// A rate: whole bits per second. `"10Mbit/s"`, `"1.5 Mbit/s"`, `"125kB/s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rate {
    bits_per_sec: u64,
}

impl Rate {
    /// That many bits per second.
    #[must_use]
    pub const fn from_bits_per_sec(bits_per_sec: u64) -> Self {
        Self { bits_per_sec }
    }

    /// Bits per second.
    #[must_use]
    pub const fn bits_per_sec(self) -> u64 {
        self.bits_per_sec
    }

    /// Octets per second, as traffic control counts; the nearest `f32`.
    #[must_use]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        reason = "0.1 % is enough (RFC 2215)"
    )]
    pub fn octets_per_sec(self) -> f32 {
        (self.bits_per_sec as f64 / 8.0) as f32
    }
}

const RATE_UNITS: &[(&str, u64)] = &[
    ("Tbit/s", 1_000_000_000_000),
    ("Gbit/s", 1_000_000_000),
    ("Mbit/s", 1_000_000),
    ("kbit/s", 1000),
    ("bit/s", 1),
];

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.bits_per_sec, RATE_UNITS)
    }
}

impl FromStr for Rate {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        let (number, unit) = number(text).ok_or(NotUnderstood)?;
        let (prefix, of_unit) = match (unit.strip_suffix("bit/s"), unit.strip_suffix("B/s")) {
            (Some(prefix), _) => (prefix, 1.0),
            (None, Some(prefix)) => (prefix, 8.0),
            (None, None) => return Err(NotUnderstood),
        };
        let scale = match prefix {
            "" => 1.0,
            "k" => 1e3,
            "M" => 1e6,
            "G" => 1e9,
            "T" => 1e12,
            _ => return Err(NotUnderstood),
        };
        whole(number * of_unit * scale)
            .map(Self::from_bits_per_sec)
            .ok_or(NotUnderstood)
    }
}

as_text!(Rate, "a rate, such as \"10Mbit/s\" or \"125kB/s\"");

/// A span of time: whole microseconds. `"500ms"`, `"30s"`, `"6m"`, `"1h"`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub Duration);

const SPAN_UNITS: &[(&str, u64)] = &[
    ("h", 3_600_000_000),
    ("m", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1000),
    ("us", 1),
];

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = u64::try_from(self.0.as_micros()).unwrap_or(u64::MAX);
        if micros == 0 {
            return f.write_str("0s");
        }
        write_scaled(f, micros, SPAN_UNITS)
    }
}

impl FromStr for Span {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        let (number, unit) = number(text).ok_or(NotUnderstood)?;
        let scale = match unit {
            "us" | "µs" => 1.0,
            "ms" => 1e3,
            "s" => 1e6,
            "m" | "min" => 60e6,
            "h" => 3600e6,
            _ => return Err(NotUnderstood),
        };
        whole(number * scale)
            .map(|micros| Self(Duration::from_micros(micros)))
            .ok_or(NotUnderstood)
    }
}

as_text!(Span, "a span of time, such as \"500ms\", \"30s\" or \"1h\"");

/// A number of octets. `"10kB"`, `"1500B"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Octets(pub u64);

const OCTET_UNITS: &[(&str, u64)] = &[
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("kB", 1000),
    ("B", 1),
];

impl Octets {
    /// The nearest `f32`.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "0.1 % is enough (RFC 2215)")]
    pub const fn get(self) -> f32 {
        self.0 as f32
    }
}

impl fmt::Display for Octets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_scaled(f, self.0, OCTET_UNITS)
    }
}

impl FromStr for Octets {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        let (number, unit) = number(text).ok_or(NotUnderstood)?;
        let scale = match unit {
            "B" => 1.0,
            "kB" => 1e3,
            "MB" => 1e6,
            "GB" => 1e9,
            "KiB" => 1024.0,
            "MiB" => 1024.0 * 1024.0,
            _ => return Err(NotUnderstood),
        };
        whole(number * scale).map(Self).ok_or(NotUnderstood)
    }
}

as_text!(Octets, "a number of octets, such as \"10kB\" or \"1500B\"");

/// A part of something, or a rate of its own. `"75%"`, `"5Mbit/s"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Share {
    /// Hundredths.
    Percent(u32),
    /// So much, whatever there is.
    Rate(Rate),
}

impl Share {
    /// The rate that it is of `whole`; no more than that.
    #[must_use]
    pub fn of(self, whole: Rate) -> Rate {
        let bits = match self {
            Self::Percent(percent) => {
                let bits = u128::from(whole.bits_per_sec) * u128::from(percent) / 100;
                u64::try_from(bits).unwrap_or(u64::MAX)
            }
            Self::Rate(rate) => rate.bits_per_sec,
        };
        Rate::from_bits_per_sec(bits.min(whole.bits_per_sec))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(percent) => write!(f, "{percent}%"),
            Self::Rate(rate) => rate.fmt(f),
        }
    }
}

impl FromStr for Share {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        match text.strip_suffix('%') {
            Some(percent) => match percent.trim_end().parse() {
                Ok(percent @ 0..=100) => Ok(Self::Percent(percent)),
                _ => Err(NotUnderstood),
            },
            None => text.parse().map(Self::Rate),
        }
    }
}

as_text!(
    Share,
    "a share from \"0%\" to \"100%\", or a rate such as \"5Mbit/s\""
);

/// Permissions of a file, octal digits. `"0660"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mode(pub u32);

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl FromStr for Mode {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        match u32::from_str_radix(text, 8) {
            Ok(mode @ 0..=0o777) => Ok(Self(mode)),
            _ => Err(NotUnderstood),
        }
    }
}

as_text!(Mode, "permissions in octal digits, such as \"0660\"");

/// A moment: `"2026-07-01T00:00:00Z"`, with the offset of its time zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Moment {
    /// Since 1970.
    pub seconds: u64,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = i64::try_from(self.seconds).unwrap_or(i64::MAX);
        match jiff::Timestamp::from_second(seconds) {
            Ok(moment) => moment.fmt(f),
            Err(_) => f.write_str("9999-12-30T22:00:00Z"), // the last that can be said
        }
    }
}

impl FromStr for Moment {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        let moment: jiff::Timestamp = text.parse().map_err(|_| NotUnderstood)?;
        u64::try_from(moment.as_second())
            .map(|seconds| Self { seconds })
            .map_err(|_| NotUnderstood)
    }
}

as_text!(
    Moment,
    "a moment with its offset from UTC, such as \"2026-07-01T00:00:00Z\""
);

/// A value, or a text that is empty for none: in the file, where every key has a default.
pub(super) mod empty_is_none {
    use super::{Deserializer, FromStr, Serializer, fmt};
    use serde::de::Visitor;

    pub(in crate::daemon::config) fn serialize<S: Serializer, T: fmt::Display>(
        value: &Option<T>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(value),
            None => serializer.serialize_str(""),
        }
    }

    pub(in crate::daemon::config) fn deserialize<'de, D: Deserializer<'de>, T: FromStr>(
        deserializer: D,
    ) -> Result<Option<T>, D::Error> {
        struct Text<T>(core::marker::PhantomData<T>);

        impl<T: FromStr> Visitor<'_> for Text<T> {
            type Value = Option<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an address in quotes")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Option<T>, E> {
                if text.is_empty() {
                    return Ok(None);
                }
                text.parse()
                    .map(Some)
                    .map_err(|_| E::custom(format!("`{text}` is no address")))
            }
        }

        deserializer.deserialize_str(Text(core::marker::PhantomData))
    }
}

/// Octets that are nobody's business: not shown by `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("****")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.is_empty() {
            return Err(D::Error::custom("a key of no octets is none"));
        }
        Ok(Self(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round<T: FromStr<Err = NotUnderstood> + fmt::Display + PartialEq + fmt::Debug>(
        text: &str,
        shown: &str,
    ) -> T {
        let value: T = text.parse().unwrap();
        assert_eq!(value.to_string(), shown);
        assert_eq!(shown.parse::<T>().unwrap(), value);
        value
    }

    /// STYLE: durations and rates carry units.
    #[test]
    fn rates_are_bits_or_octets() {
        assert_eq!(
            round::<Rate>("10Mbit/s", "10Mbit/s").bits_per_sec(),
            10_000_000
        );
        round::<Rate>("1.5 Mbit/s", "1500kbit/s");
        round::<Rate>("125kB/s", "1Mbit/s");
        round::<Rate>("0bit/s", "0bit/s");
        assert!((round::<Rate>("1Mbit/s", "1Mbit/s").octets_per_sec() - 125e3).abs() < 1e-3);
        for wrong in [
            "",
            "10",
            "10Mbit",
            "-1bit/s",
            "x kbit/s",
            "1e3bit/s",
            ".5Mbit/s",
            "1.2.3bit/s",
            "10Xbit/s",
            "99999999Tbit/s",
        ] {
            assert_eq!(wrong.parse::<Rate>(), Err(NotUnderstood), "{wrong}");
        }
    }

    #[test]
    fn spans_are_in_their_largest_unit() {
        assert_eq!(
            round::<Span>("500ms", "500ms").0,
            Duration::from_millis(500)
        );
        round::<Span>("90s", "90s");
        round::<Span>("60s", "1m");
        round::<Span>("1.5s", "1500ms");
        round::<Span>("10us", "10us");
        round::<Span>("0ms", "0s");
        for wrong in ["", "5", "5 fortnights", "s"] {
            assert_eq!(wrong.parse::<Span>(), Err(NotUnderstood), "{wrong}");
        }
    }

    #[test]
    fn shares_are_of_a_whole_and_no_more_than_it() {
        let whole = Rate::from_bits_per_sec(10_000_000);
        assert_eq!(
            round::<Share>("75%", "75%").of(whole).bits_per_sec(),
            7_500_000
        );
        assert_eq!(round::<Share>("20Mbit/s", "20Mbit/s").of(whole), whole);
        for wrong in ["101%", "-1%", "%", "7.5%"] {
            assert_eq!(wrong.parse::<Share>(), Err(NotUnderstood), "{wrong}");
        }
    }

    #[test]
    fn octets_modes_and_moments_read_as_they_are_written() {
        round::<Octets>("1500B", "1500B");
        round::<Octets>("10kB", "10kB");
        round::<Octets>("2KiB", "2048B");
        round::<Mode>("660", "0660");
        assert_eq!("1777".parse::<Mode>(), Err(NotUnderstood));
        assert_eq!("0899".parse::<Mode>(), Err(NotUnderstood));
        let moment = round::<Moment>("2026-07-01T02:00:00+02:00", "2026-07-01T00:00:00Z");
        assert_eq!(moment.seconds, 1_782_864_000);
        assert_eq!("2026-07-01".parse::<Moment>(), Err(NotUnderstood));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(format!("{:?}", Secret::from("hush".to_owned())), "****");
    }
}
