//! `portmapd.toml`: what the daemon is told beside its flags.
//!
//! Every key has a default; unknown keys are errors. The shipped `etc/portmapd.toml` explains each and shows the defaults, commented out.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use fairway_service::ConfigError;
use serde::{Deserialize, Serialize};

use crate::hosts::Network;
use crate::registry;

/// Where the daemon looks for its file if no flag names one; it need not be there.
pub const DEFAULT_PATH: &str = "/etc/portmapd.toml";

/// The effective configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Addresses to serve UDP and TCP on.
    #[serde(deserialize_with = "addresses")]
    pub listen: Vec<IpAddr>,
    /// Addresses to serve UDP on, in place of `listen`; 127.0.0.1 and ::1 are added (rpcbind's `-h`).
    #[serde(deserialize_with = "addresses")]
    pub listen_udp: Vec<IpAddr>,
    /// Port of TCP and UDP.
    pub port: u16,
    /// Path of the local socket; empty for none.
    pub socket: PathBuf,
    /// Whether to serve on the abstract socket of the same name too.
    pub abstract_socket: bool,
    /// Whether to join the multicast group of rpcbind, ff02::202, on all interfaces.
    pub multicast: bool,
    /// The user to become after binding, if started as root; the first of these that exists. Empty: stay.
    pub user: Vec<String>,
    /// Whether to load and save registrations.
    pub warm_start: bool,
    /// Directory of the state file.
    pub state_directory: PathBuf,
    /// Directory of rpcbind's warm-start files, taken over if there is no state file; empty for none.
    pub take_over: PathBuf,
    /// SET and UNSET from anywhere.
    pub insecure: bool,
    /// Indirect calls.
    pub indirect: bool,
    /// A line for each call.
    pub log_calls: bool,
    /// Networks that may ask for lists and indirect calls over UDP.
    pub trusted: Vec<String>,
    /// Access files; empty for none.
    pub hosts_allow: PathBuf,
    /// The other one.
    pub hosts_deny: PathBuf,
    /// Bounds.
    pub limits: Limits,
}

/// Bounds on what others can make grow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Mappings in all.
    pub mappings: usize,
    /// Mappings of one user.
    pub mappings_per_owner: usize,
    /// Octets of an address or a netid.
    pub text: usize,
    /// Entries of each list of the statistics.
    pub statistics: usize,
    /// Connections at one time.
    pub connections: usize,
    /// Connections at one time from one address.
    pub connections_per_address: usize,
    /// Octets of one call.
    pub record: usize,
    /// A connection without calls is closed after this time.
    #[serde(with = "duration")]
    pub idle_close: Duration,
    /// Time for the rest of a record once its first octet is there.
    #[serde(with = "duration")]
    pub record_within: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![
                std::net::Ipv4Addr::UNSPECIFIED.into(),
                std::net::Ipv6Addr::UNSPECIFIED.into(),
            ],
            listen_udp: Vec::new(),
            port: 111,
            socket: PathBuf::from("/run/rpcbind.sock"),
            abstract_socket: true,
            multicast: true,
            user: ["_rpc", "rpc", "daemon"].map(String::from).to_vec(),
            warm_start: false,
            state_directory: PathBuf::from("/run/rpcbind"),
            take_over: PathBuf::from("/run/rpcbind"),
            insecure: false,
            indirect: false,
            log_calls: false,
            trusted: Vec::new(),
            hosts_allow: PathBuf::from("/etc/hosts.allow"),
            hosts_deny: PathBuf::from("/etc/hosts.deny"),
            limits: Limits::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let table = registry::Limits::default();
        Self {
            mappings: table.mappings,
            mappings_per_owner: table.mappings_per_owner,
            text: table.text,
            statistics: crate::stats::DEFAULT_LIST,
            connections: 4096,
            connections_per_address: 1024,
            record: 64 << 10,
            idle_close: Duration::from_secs(360),
            record_within: Duration::from_secs(60),
        }
    }
}

impl Limits {
    /// Bounds of the table.
    #[must_use]
    pub fn registry(&self) -> registry::Limits {
        registry::Limits {
            mappings: self.mappings,
            mappings_per_owner: self.mappings_per_owner,
            text: self.text,
        }
    }

    /// Bounds of the RPC server.
    #[must_use]
    pub fn server(&self) -> fairway_rpc::Limits {
        fairway_rpc::Limits {
            max_connections: self.connections,
            max_connections_per_address: self.connections_per_address,
            max_record: self.record,
            idle_close: Some(self.idle_close),
            record_within: self.record_within,
            ..fairway_rpc::Limits::default()
        }
    }
}

/// Addresses; one that is none is named.
fn addresses<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<IpAddr>, D::Error> {
    struct Address(IpAddr);

    // The parser knows the line of what a visitor refuses.
    struct Text;

    impl serde::de::Visitor<'_> for Text {
        type Value = Address;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an address in quotes")
        }

        fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Address, E> {
            let address = text.parse();
            address
                .map(Address)
                .map_err(|_| E::custom(format!("`{text}` is no IPv4 or IPv6 address")))
        }
    }

    impl<'de> Deserialize<'de> for Address {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            d.deserialize_str(Text)
        }
    }

    let addresses = Vec::<Address>::deserialize(d)?;
    Ok(addresses
        .into_iter()
        .map(|Address(address)| address)
        .collect())
}

impl Config {
    /// Reads a configuration; `file` is for the messages.
    ///
    /// # Errors
    /// Syntax, unknown keys, values that are none; with file, line and key.
    pub fn parse(file: &Path, text: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|error| ConfigError::of_parser(file, text, &error).without_table())?;
        config.check(file, text)?;
        Ok(config)
    }

    fn check(&self, file: &Path, text: &str) -> Result<(), ConfigError> {
        let wrong = |table: &str, key: &str, what: String| {
            ConfigError::of_key(file, text, (table, 0), key, what).without_table()
        };
        for network in &self.trusted {
            if Network::parse(network).is_none() {
                return Err(wrong(
                    "",
                    "trusted",
                    format!("`{network}` is no network: address or address/bits expected"),
                ));
            }
        }
        if self.port == 0 {
            return Err(wrong(
                "",
                "port",
                "0 is no port that callers could know".to_owned(),
            ));
        }
        let limits = &self.limits;
        for (key, value, least) in [
            ("mappings", limits.mappings, 1),
            ("mappings_per_owner", limits.mappings_per_owner, 1),
            ("text", limits.text, 64),
            ("connections", limits.connections, 1),
            ("connections_per_address", limits.connections_per_address, 1),
            ("record", limits.record, 1024),
        ] {
            if value < least {
                return Err(wrong("limits", key, format!("at least {least} expected")));
            }
        }
        Ok(())
    }

    /// The file that parses to this configuration.
    #[must_use]
    pub fn to_toml(&self) -> String {
        // Numbers beyond i64 cannot be written; no limit comes near.
        toml::to_string(self).unwrap_or_default()
    }

    /// The networks of [`trusted`](Self::trusted).
    #[must_use]
    pub fn trusted_networks(&self) -> Vec<Network> {
        self.trusted
            .iter()
            .filter_map(|text| Network::parse(text))
            .collect()
    }

    /// The addresses to serve UDP on.
    #[must_use]
    pub fn udp_addresses(&self) -> Vec<IpAddr> {
        if self.listen_udp.is_empty() {
            return self.listen.clone();
        }
        let mut addresses = self.listen_udp.clone();
        for own in [
            IpAddr::from(std::net::Ipv4Addr::LOCALHOST),
            IpAddr::from(std::net::Ipv6Addr::LOCALHOST),
        ] {
            if !addresses.contains(&own) {
                addresses.push(own);
            }
        }
        addresses
    }
}

/// Spans of time with a unit: `"500ms"`, `"30s"`, `"6m"`, `"1h"`.
mod duration {
    use std::time::Duration;

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(span: &Duration, s: S) -> Result<S::Ok, S::Error> {
        let text = if span.subsec_millis() == 0 {
            format!("{}s", span.as_secs())
        } else {
            format!("{}ms", span.as_millis())
        };
        s.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(d)?;
        parse(&text).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is no span of time: a number and ms, s, m or h expected"
            ))
        })
    }

    fn parse(text: &str) -> Option<Duration> {
        let unit = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at_checked(unit)?;
        let number: u64 = number.parse().ok()?;
        match unit {
            "ms" => Some(Duration::from_millis(number)),
            "s" => Some(Duration::from_secs(number)),
            "m" => number.checked_mul(60).map(Duration::from_secs),
            "h" => number.checked_mul(3600).map(Duration::from_secs),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        Config::parse(Path::new("p.toml"), text)
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn nothing_is_the_default() {
        assert_eq!(
            Config::parse(Path::new("x"), "").unwrap(),
            Config::default()
        );
    }

    #[test]
    fn what_is_printed_parses_to_the_same() {
        let mut config = Config::default();
        assert_eq!(
            Config::parse(Path::new("x"), &config.to_toml()).unwrap(),
            config
        );
        config.listen_udp = vec!["192.0.2.1".parse().unwrap()];
        config.trusted = vec!["10.0.0.0/8".to_owned()];
        config.limits.idle_close = Duration::from_millis(1500);
        config.user = vec![];
        assert_eq!(
            Config::parse(Path::new("x"), &config.to_toml()).unwrap(),
            config
        );
    }

    #[test]
    fn the_shipped_file_shows_the_defaults() {
        let shipped = include_str!("../etc/portmapd.toml");
        assert_eq!(
            Config::parse(Path::new("x"), shipped).unwrap(),
            Config::default()
        );
        let shown: String = shipped
            .lines()
            .filter_map(|line| match line.strip_prefix('#') {
                Some(shown) if shown.starts_with(|c: char| c.is_ascii_lowercase()) => {
                    Some(format!("{shown}\n"))
                }
                Some(_) => None,
                None => Some(format!("{line}\n")),
            })
            .collect();
        assert_eq!(
            Config::parse(Path::new("x"), &shown).unwrap(),
            Config::default()
        );
        let all: toml::Table = toml::from_str(&Config::default().to_toml()).unwrap();
        let told: toml::Table = toml::from_str(&shown).unwrap();
        assert_eq!(
            all.keys().collect::<Vec<_>>(),
            told.keys().collect::<Vec<_>>()
        );
        let limits = |t: &toml::Table| {
            t["limits"]
                .as_table()
                .unwrap()
                .keys()
                .cloned()
                .collect::<Vec<_>>()
        };
        assert_eq!(limits(&all), limits(&told));
    }

    #[test]
    fn errors_name_file_line_and_key() {
        for (text, expected) in [
            (
                "port = 111\nlissen = []\n",
                "p.toml:2: key `lissen`: unknown field `lissen`",
            ),
            (
                "\nport = \"x\"\n",
                "p.toml:2: key `port`: invalid type: string \"x\", expected a number from 0 to 65535",
            ),
            (
                "port = 70000\n",
                "p.toml:1: key `port`: invalid value: integer `70000`, expected a number from 0 to 65535",
            ),
            (
                "[limits]\nrecord = -1\n",
                "p.toml:2: key `record`: invalid value: integer `-1`, expected a number, 0 or more",
            ),
            (
                "listen = \"::\"\n",
                "p.toml:1: key `listen`: invalid type: string \"::\", expected a list",
            ),
            (
                "warm_start = 1\n",
                "p.toml:1: key `warm_start`: invalid type: integer `1`, expected true or false",
            ),
            (
                "listen_udp = [\"::g\"]\n",
                "p.toml:1: key `listen_udp`: `::g` is no IPv4 or IPv6 address",
            ),
            ("port = 0\n", "p.toml:1: key `port`: 0 is no port"),
            (
                "listen = [\n  \"0.0.0.0\",\n  \"300.0.0.1\",\n]\n",
                "p.toml:3: key `listen`: `300.0.0.1` is no IPv4 or IPv6 address",
            ),
            (
                "[limits]\nmappings = 5\nidle_close = \"6 fortnights\"\n",
                "p.toml:3: key `idle_close`: `6 fortnights` is no span of time",
            ),
            (
                "[limits]\nmapings = 5\n",
                "p.toml:2: key `mapings`: unknown field `mapings`",
            ),
            (
                "[limits]\nrecord = 5\n",
                "p.toml:2: key `record`: at least 1024",
            ),
            (
                "indirect = false\ntrusted = [\"10/8\"]\n",
                "p.toml:2: key `trusted`: `10/8` is no network",
            ),
            (
                "port = 1\n[limts]\n",
                "p.toml:2: key `limts`: unknown field `limts`",
            ),
            (
                "limits = 5\n",
                "p.toml:1: key `limits`: invalid type: integer `5`, expected a table",
            ),
            ("indirect = yes\n", "p.toml:1: key `indirect`: "),
        ] {
            let told = error(text);
            assert!(told.starts_with(expected), "{told} for {text:?}");
        }
    }

    #[test]
    fn udp_on_given_addresses_keeps_loopback() {
        let config = Config {
            listen_udp: vec!["192.0.2.1".parse().unwrap()],
            ..Config::default()
        };
        let shown: Vec<_> = config
            .udp_addresses()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(shown, ["192.0.2.1", "127.0.0.1", "::1"]);
    }
}
