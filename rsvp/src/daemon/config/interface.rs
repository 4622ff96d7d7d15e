//! `[defaults]` and `[interface.NAME]`.

use core::fmt;
use core::str::FromStr;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::unit::{Moment, NotUnderstood, Octets, Rate, Secret, Share, Span, as_text};
use crate::integrity::{Algorithm, Key};
use crate::interface::{Settings, UdpEncapsulation};
use crate::intserv::BytesPerSec;
use crate::neighbour::{Security, SecurityKey};
use crate::tc::{self, Portion, TcMode, TcSettings};
use crate::timing::Retransmission;
use crate::wire::KeyId;

/// Declares the keys once: as they may stand in a table, and as they are in the end.
macro_rules! keys {
    ($($(#[$doc:meta])+ $name:ident: $type:ty = $default:expr,)+) => {
        /// The keys of a table that are there.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct InterfaceTable {
            $($(#[$doc])+ #[serde(skip_serializing_if = "Option::is_none")] pub $name: Option<$type>,)+
        }

        /// Every key of an interface, as it is in the end.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct InterfaceKeys {
            $($(#[$doc])+ pub $name: $type,)+
        }

        impl Default for InterfaceKeys {
            fn default() -> Self {
                Self { $($name: $default,)+ }
            }
        }

        impl InterfaceTable {
            /// These keys, and those of `base` where there are none.
            #[must_use]
            pub fn over(self, base: &InterfaceKeys) -> InterfaceKeys {
                InterfaceKeys { $($name: self.$name.unwrap_or_else(|| base.$name.clone()),)+ }
            }
        }

        impl From<InterfaceKeys> for InterfaceTable {
            fn from(keys: InterfaceKeys) -> Self {
                Self { $($name: Some(keys.$name),)+ }
            }
        }
    };
}

keys! {
    /// RSVP is spoken there.
    enabled: bool = true,
    /// What the link carries. `auto`: what the system says.
    bandwidth: LinkRate = LinkRate::Auto,
    /// How much of it may be reserved.
    reservable: Share = Share::Percent(75),
    /// How much of that one reservation may have.
    per_flow: Share = Share::Percent(100),
    /// What the link puts in front of each packet. `auto`: what the system says.
    link_header: LinkHeader = LinkHeader(None),
    /// What is done about reservations.
    traffic_control: TrafficControlMode = TrafficControlMode::Auto,
    /// A root queueing discipline that somebody set up is replaced.
    replace_qdisc: bool = false,
    /// What becomes of packets beyond their reservation.
    excess: Excess = Excess::BestEffort,
    /// The least time that packets take through this node and over the link.
    latency: Span = Span(core::time::Duration::ZERO),
    /// *D* of guaranteed service: the greatest delay that does not depend on the rate.
    delay_variation: Span = Span(core::time::Duration::from_millis(10)),
    /// *R*: the period of refreshes.
    refresh: Span = Span(crate::timing::REFRESH_PERIOD),
    /// *K*: K − 1 refreshes in a row may be lost.
    keep_multiplier: u32 = crate::timing::KEEP_MULTIPLIER,
    /// *Kb*: a blockade lasts Kb periods.
    blockade_multiplier: u32 = 4,
    /// *W*: the wait after a change of routes.
    local_repair_wait: Span = Span(core::time::Duration::from_secs(2)),
    /// The greatest IP TTL of forwarded messages.
    ttl_limit: u8 = 255,
    /// Encapsulation in UDP. Never, unless asked for: a port that strangers reach is not opened unasked.
    udp: Udp = Udp(UdpEncapsulation::Never),
    /// Identifiers, acknowledgements, Bundles, summary refreshes.
    refresh_reduction: bool = true,
    /// *Rf*: the first wait for an acknowledgement.
    retransmit_after: Span = Span(core::time::Duration::from_millis(500)),
    /// *Δ*: each wait is longer by that many hundredths.
    retransmit_growth: u32 = 100,
    /// *Rl*: transmissions in all.
    retransmit_limit: u32 = 3,
    /// How often neighbours are asked whether they are there.
    hello: HelloInterval = HelloInterval(None),
    /// Whether messages are signed, and must be.
    authentication: Authentication = Authentication::Off,
    /// Sequence numbers are asked for by a challenge.
    authentication_handshake: bool = true,
    /// *N*: sequence numbers remembered for messages that overtake each other.
    authentication_window: u32 = 32,
    /// Keys of signatures.
    key: Vec<KeyEntry> = Vec::new(),
}

/// The rate of a link: `"auto"`, or a rate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkRate {
    /// What the system says.
    Auto,
    /// This.
    Rate(Rate),
}

impl fmt::Display for LinkRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Rate(rate) => rate.fmt(f),
        }
    }
}

impl FromStr for LinkRate {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        match text {
            "auto" => Ok(Self::Auto),
            text => match text.parse()? {
                rate if rate > Rate::from_bits_per_sec(0) => Ok(Self::Rate(rate)),
                _ => Err(NotUnderstood),
            },
        }
    }
}

as_text!(LinkRate, "\"auto\", or a rate such as \"10Mbit/s\"");

/// What a link puts in front of each packet: `"auto"`, or octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkHeader(pub Option<Octets>);

impl fmt::Display for LinkHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("auto"),
            Some(octets) => octets.fmt(f),
        }
    }
}

impl FromStr for LinkHeader {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        match text {
            "auto" => Ok(Self(None)),
            text => match text.parse()? {
                Octets(octets) if octets > 1024 => Err(NotUnderstood),
                octets => Ok(Self(Some(octets))),
            },
        }
    }
}

as_text!(
    LinkHeader,
    "\"auto\", or a number of octets such as \"14B\""
);

/// What is done about reservations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrafficControlMode {
    /// They are admitted and carried out where the system can, and admitted where it cannot.
    Auto,
    /// They are counted against the share, and nothing else.
    AdmissionOnly,
    /// Nothing: all are admitted, and Adspecs say so.
    Off,
}

/// What becomes of packets beyond their reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Excess {
    /// They are best effort.
    BestEffort,
    /// They wait behind their reservation, and are dropped when its queue is full.
    Drop,
}

/// UDP encapsulation: `"never"`, `"when-heard"`, `"always"`, `"only"`, `"only via ADDRESS"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Udp(pub UdpEncapsulation);

impl fmt::Display for Udp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            UdpEncapsulation::Never => f.write_str("never"),
            UdpEncapsulation::WhenHeard => f.write_str("when-heard"),
            UdpEncapsulation::Always => f.write_str("always"),
            UdpEncapsulation::Only { router: None } => f.write_str("only"),
            UdpEncapsulation::Only {
                router: Some(router),
            } => write!(f, "only via {router}"),
        }
    }
}

impl FromStr for Udp {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        Ok(Self(match text {
            "never" => UdpEncapsulation::Never,
            "when-heard" => UdpEncapsulation::WhenHeard,
            "always" => UdpEncapsulation::Always,
            "only" => UdpEncapsulation::Only { router: None },
            text => {
                let router = text.strip_prefix("only via ").ok_or(NotUnderstood)?;
                let router = router.parse().map_err(|_| NotUnderstood)?;
                UdpEncapsulation::Only {
                    router: Some(router),
                }
            }
        }))
    }
}

as_text!(
    Udp,
    "\"never\", \"when-heard\", \"always\", \"only\" or \"only via ADDRESS\""
);

/// `"off"`, or a span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloInterval(pub Option<Span>);

impl fmt::Display for HelloInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => f.write_str("off"),
            Some(span) => span.fmt(f),
        }
    }
}

impl FromStr for HelloInterval {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        match text {
            "off" => Ok(Self(None)),
            text => match text.parse()? {
                Span(span) if span.is_zero() => Err(NotUnderstood),
                span => Ok(Self(Some(span))),
            },
        }
    }
}

as_text!(HelloInterval, "\"off\", or a span of time such as \"1s\"");

/// Whether messages are signed (RFC 2747).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authentication {
    /// They are not.
    Off,
    /// Ours are; others' are checked if they have a signature.
    Optional,
    /// They are, and what is not is dropped.
    Required,
}

/// How a key signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlgorithmName {
    /// HMAC-MD5, which every implementation has.
    #[default]
    HmacMd5,
    /// HMAC-SHA-1.
    HmacSha1,
}

/// `[[interface.NAME.key]]`: a key of signatures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEntry {
    /// Its name: 0 to 2⁴⁸ − 1.
    pub id: u64,
    /// How it signs.
    #[serde(default)]
    pub algorithm: AlgorithmName,
    /// The key itself. The file must not be readable for others then.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<Secret>,
    /// Or the file it is in: all of its octets, without the line end behind them.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret_file: Option<PathBuf>,
    /// Only for this neighbour.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub neighbour: Option<IpAddr>,
    /// When its life begins; without: always.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub starts: Option<Moment>,
    /// When its life ends; without: never.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub ends: Option<Moment>,
}

impl KeyEntry {
    /// What is wrong with it, as key and words.
    pub(super) fn fault(&self) -> Option<(&'static str, String)> {
        if KeyId::new(self.id).is_none() {
            return Some(("id", format!("{} is more than 2^48 - 1", self.id)));
        }
        match (&self.secret, &self.secret_file) {
            (None, None) => Some(("id", "a key needs a secret or a secret_file".to_owned())),
            (Some(_), Some(_)) => Some((
                "secret_file",
                "a key has a secret or a secret_file, not both".to_owned(),
            )),
            _ => None,
        }
        .or_else(|| match (self.starts, self.ends) {
            (Some(starts), Some(ends)) if ends <= starts => {
                Some(("ends", "the key ends before it begins".to_owned()))
            }
            _ => None,
        })
    }

    /// `None` if its number is none, which `fault` finds first.
    fn security_key(&self, secret: &[u8]) -> Option<SecurityKey> {
        let algorithm = match self.algorithm {
            AlgorithmName::HmacMd5 => Algorithm::HmacMd5,
            AlgorithmName::HmacSha1 => Algorithm::HmacSha1,
        };
        Some(SecurityKey {
            id: KeyId::new(self.id)?,
            key: Key::new(algorithm, secret),
            neighbour: self.neighbour,
            starts: self.starts.map_or(0, |moment| moment.seconds),
            ends: self.ends.map_or(u64::MAX, |moment| moment.seconds),
        })
    }
}

fn portion(share: Share) -> Portion {
    match share {
        Share::Percent(percent) => Portion::Percent(percent),
        Share::Rate(rate) => {
            BytesPerSec::new(rate.octets_per_sec()).map_or(Portion::Percent(100), Portion::Rate)
        }
    }
}

impl InterfaceKeys {
    /// What the engine is told of it. `secret_of` gives the octets of a file that was read.
    pub(super) fn settings<'a>(&'a self, secret_of: impl Fn(&Path) -> &'a [u8]) -> Settings {
        let keys = self.key.iter().filter_map(|entry| {
            let secret = match (&entry.secret, &entry.secret_file) {
                (Some(secret), _) => secret.reveal().as_bytes(),
                (None, Some(file)) => secret_of(file),
                (None, None) => &[],
            };
            entry.security_key(secret)
        });
        let security = (self.authentication != Authentication::Off).then(|| Security {
            keys: keys.collect(),
            required: self.authentication == Authentication::Required,
            handshake: self.authentication_handshake,
            window: usize::try_from(self.authentication_window).unwrap_or(usize::MAX),
        });
        Settings {
            enabled: self.enabled,
            refresh_period: self.refresh.0,
            keep_multiplier: self.keep_multiplier,
            blockade_multiplier: self.blockade_multiplier,
            local_repair_wait: self.local_repair_wait.0,
            ttl_limit: self.ttl_limit,
            udp: self.udp.0,
            refresh_reduction: self.refresh_reduction,
            retransmission: Retransmission {
                rapid_period: self.retransmit_after.0,
                delta_percent: self.retransmit_growth,
                limit: self.retransmit_limit,
            },
            hello_interval: self.hello.0.map(|span| span.0),
            security,
        }
    }

    /// What traffic control is told of it.
    #[must_use]
    pub fn traffic_control(&self) -> TcSettings {
        let micros = |span: Span| u32::try_from(span.0.as_micros()).unwrap_or(u32::MAX);
        TcSettings {
            mode: match self.traffic_control {
                TrafficControlMode::Auto => TcMode::Auto,
                TrafficControlMode::AdmissionOnly => TcMode::AdmissionOnly,
                TrafficControlMode::Off => TcMode::Off,
            },
            link_rate: match self.bandwidth {
                LinkRate::Auto => None,
                LinkRate::Rate(rate) => BytesPerSec::new(rate.octets_per_sec()),
            },
            reservable: portion(self.reservable),
            per_flow: portion(self.per_flow),
            excess: match self.excess {
                Excess::BestEffort => tc::Excess::BestEffort,
                Excess::Drop => tc::Excess::Drop,
            },
            delay_micros: micros(self.delay_variation),
            latency_micros: micros(self.latency),
            link_header: self
                .link_header
                .0
                .and_then(|Octets(octets)| u32::try_from(octets).ok()),
            replace_qdisc: self.replace_qdisc,
            ..TcSettings::default()
        }
    }

    /// What is wrong with values that are good by themselves, as key and words. `is_used`: an interface lives by them as they
    /// are; else their parts may come together elsewhere.
    pub(super) fn fault(&self, is_used: bool) -> Option<(&'static str, String)> {
        let millis = self.refresh.0.as_millis();
        if !(100..=65_535_000).contains(&millis) {
            return Some(("refresh", "from 100ms to 65535s".to_owned()));
        }
        let least_one = [
            ("keep_multiplier", self.keep_multiplier),
            ("blockade_multiplier", self.blockade_multiplier),
            ("retransmit_limit", self.retransmit_limit),
            ("authentication_window", self.authentication_window),
        ];
        if let Some((key, _)) = least_one.iter().find(|(_, value)| *value == 0) {
            return Some((key, "at least 1 expected".to_owned()));
        }
        if self.authentication_window > 4096 {
            return Some(("authentication_window", "at most 4096 expected".to_owned()));
        }
        if self.ttl_limit == 0 {
            return Some(("ttl_limit", "at least 1 expected".to_owned()));
        }
        if is_used && self.authentication != Authentication::Off && self.key.is_empty() {
            return Some(("authentication", "there is no key to sign with".to_owned()));
        }
        None
    }
}
