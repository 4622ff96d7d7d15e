//! `[[sender]]` and `[[reservation]]`: what the daemon itself asks for, on behalf of programs that cannot.
//!
//! The same words go over the control socket, for `rsvpctl send` and `rsvpctl reserve`.

use core::fmt;
use core::str::FromStr;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::unit::{NotUnderstood, Octets, Rate, Span, as_text};
use crate::wire;

/// An address, perhaps with a port: `"192.0.2.1:5004"`, `"[2001:db8::1]:5004"`, `"192.0.2.1"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    /// The address.
    pub address: IpAddr,
    /// The port; 0 for none.
    pub port: u16,
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            0 => self.address.fmt(f),
            port => SocketAddr::new(self.address, port).fmt(f),
        }
    }
}

impl FromStr for Endpoint {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        if let Ok(address) = text.parse() {
            return Ok(Self { address, port: 0 });
        }
        let both: SocketAddr = text.parse().map_err(|_| NotUnderstood)?;
        Ok(Self {
            address: both.ip(),
            port: both.port(),
        })
    }
}

as_text!(
    Endpoint,
    "an address with its port, such as \"192.0.2.1:5004\" or \"[2001:db8::1]:5004\""
);

impl From<Endpoint> for wire::Sender {
    fn from(endpoint: Endpoint) -> Self {
        match endpoint.address {
            IpAddr::V4(address) => Self::V4(address, endpoint.port),
            IpAddr::V6(address) => Self::V6(address, endpoint.port),
        }
    }
}

/// A transport protocol: `"udp"`, `"tcp"`, or its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

impl Default for Protocol {
    fn default() -> Self {
        Self(17)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            6 => f.write_str("tcp"),
            17 => f.write_str("udp"),
            132 => f.write_str("sctp"),
            number => number.fmt(f),
        }
    }
}

impl FromStr for Protocol {
    type Err = NotUnderstood;

    fn from_str(text: &str) -> Result<Self, NotUnderstood> {
        match text {
            "tcp" => Ok(Self(6)),
            "udp" => Ok(Self(17)),
            "sctp" => Ok(Self(132)),
            text => match text.parse() {
                Ok(number @ 1..) => Ok(Self(number)),
                _ => Err(NotUnderstood),
            },
        }
    }
}

as_text!(
    Protocol,
    "\"udp\", \"tcp\", or a protocol's number in quotes"
);

/// What a sender sends: a Tspec with units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// *r*.
    pub rate: Rate,
    /// *b*.
    #[serde(default = "bucket")]
    pub bucket: Octets,
    /// *p*; without: not known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub peak: Option<Rate>,
    /// *m*: shorter packets count as this long.
    #[serde(default = "min_packet")]
    pub min_packet: Octets,
    /// *M*: longer ones are no part of it.
    #[serde(default = "max_packet")]
    pub max_packet: Octets,
}

const fn bucket() -> Octets {
    Octets(15_000)
}

const fn min_packet() -> Octets {
    Octets(64)
}

const fn max_packet() -> Octets {
    Octets(1500)
}

impl Traffic {
    /// That rate, and the rest as if nothing was said of it.
    #[must_use]
    pub const fn of_rate(rate: Rate) -> Self {
        Self {
            rate,
            bucket: bucket(),
            peak: None,
            min_packet: min_packet(),
            max_packet: max_packet(),
        }
    }
}

/// `[[sender]]`: somebody who sends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderEntry {
    /// Where the data goes.
    pub destination: Endpoint,
    /// In which protocol.
    #[serde(default)]
    pub protocol: Protocol,
    /// Where it comes from; without: this node, without a port.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<Endpoint>,
    /// What is sent.
    pub traffic: Traffic,
    /// The IP TTL of the data.
    #[serde(default = "ttl")]
    pub ttl: u8,
}

/// That of most systems' data.
const fn ttl() -> u8 {
    64
}

/// Reservation styles: RFC 2205 §1.3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StyleName {
    /// Fixed filter: a reservation for each sender.
    #[default]
    Ff,
    /// Shared explicit: one for the senders named.
    Se,
    /// Wildcard filter: one for whoever sends.
    Wf,
}

/// Services of RFC 2210.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceName {
    /// As if the network were not loaded: RFC 2211.
    #[default]
    ControlledLoad,
    /// With a bound on the delay: RFC 2212.
    Guaranteed,
}

/// `[[reservation]]`: somebody who receives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReservationEntry {
    /// Where the data goes: here, or to a group.
    pub destination: Endpoint,
    /// In which protocol.
    #[serde(default)]
    pub protocol: Protocol,
    /// How senders share.
    #[serde(default)]
    pub style: StyleName,
    /// The senders; none: all that there are.
    #[serde(default)]
    pub senders: Vec<Endpoint>,
    /// The service.
    #[serde(default)]
    pub service: ServiceName,
    /// What is to be carried; without: what each sender says it sends.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub traffic: Option<Traffic>,
    /// *R* of guaranteed service; without: as `delay` needs, or *r*.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reserve: Option<Rate>,
    /// The longest that a packet may take from end to end, in guaranteed service.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub delay: Option<Span>,
    /// A confirmation is wanted.
    #[serde(default)]
    pub confirm: bool,
}

impl ReservationEntry {
    /// What is wrong with it, as key and words.
    pub(in crate::daemon) fn fault(&self) -> Option<(&'static str, &'static str)> {
        let guaranteed = self.service == ServiceName::Guaranteed;
        if self.reserve.is_some() && !guaranteed {
            return Some(("reserve", "only guaranteed service has a rate of its own"));
        }
        if self.delay.is_some() && !guaranteed {
            return Some(("delay", "only guaranteed service bounds the delay"));
        }
        if self.delay.is_some() && self.reserve.is_some() {
            return Some(("reserve", "the delay says what is reserved"));
        }
        if self.style == StyleName::Wf && !self.senders.is_empty() {
            return Some(("senders", "wf is for whoever sends"));
        }
        let v4 = self.destination.address.is_ipv4();
        if self
            .senders
            .iter()
            .any(|sender| sender.address.is_ipv4() != v4)
        {
            return Some(("senders", "of another family than the destination"));
        }
        None
    }
}

impl SenderEntry {
    /// What is wrong with it, as key and words.
    pub(in crate::daemon) fn fault(&self) -> Option<(&'static str, &'static str)> {
        let source = self.source?;
        if source.address.is_ipv4() != self.destination.address.is_ipv4() {
            return Some(("source", "of another family than the destination"));
        }
        if source.port != 0 && self.destination.port == 0 {
            return Some((
                "source",
                "a port, and none in the destination (RFC 2205 §3.2)",
            ));
        }
        None
    }
}
