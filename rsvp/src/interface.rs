//! Interfaces, as RSVP sees them: RFC 2205 §3.11.4, §3.11.6.

use core::fmt;
use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::neighbour::Security;
use crate::timing::{KEEP_MULTIPLIER, REFRESH_PERIOD, Retransmission};

/// Names an interface of this node: the system's index. Zero is [`LOCAL`](Self::LOCAL).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IfIndex(pub u32);

impl IfIndex {
    /// The applications of this node, as if they were behind an interface of their own: senders' data comes in by it,
    /// receivers' data goes out by it (RFC 2209 §1: the API).
    pub const LOCAL: Self = Self(0);

    /// Whether it is the applications' side.
    #[must_use]
    pub const fn is_local(self) -> bool {
        self.0 == 0
    }
}

/// The index, or `local`.
impl fmt::Display for IfIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_local() {
            f.write_str("local")
        } else {
            fmt::Display::fmt(&self.0, f)
        }
    }
}

/// An interface: what the system says of it, and what the administrator wants of it.
#[derive(Clone, Debug)]
pub struct Interface {
    /// The system's index.
    pub index: IfIndex,
    /// Its name.
    pub name: String,
    /// Its addresses, the first of each family being the one RSVP uses as its own there.
    pub addresses: Vec<IpAddr>,
    /// The longest IP packet, octets.
    pub mtu: u32,
    /// It is on and has a carrier.
    pub up: bool,
    /// It has exactly one peer.
    pub point_to_point: bool,
    /// What is wanted of it.
    pub settings: Settings,
}

impl Interface {
    /// The address of the family of `like` that RSVP uses here.
    #[must_use]
    pub fn address(&self, like: IpAddr) -> Option<IpAddr> {
        self.addresses
            .iter()
            .copied()
            .find(|address| address.is_ipv4() == like.is_ipv4())
    }

    /// Its IPv4 address.
    #[must_use]
    pub fn v4(&self) -> Option<Ipv4Addr> {
        self.addresses.iter().find_map(|address| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        })
    }

    /// Its IPv6 address.
    #[must_use]
    pub fn v6(&self) -> Option<Ipv6Addr> {
        self.addresses.iter().find_map(|address| match address {
            IpAddr::V6(address) => Some(*address),
            IpAddr::V4(_) => None,
        })
    }
}

/// Whether messages go in UDP, too: RFC 2205 appendix C.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UdpEncapsulation {
    /// Never.
    #[default]
    Never,
    /// From the first Path that came in UDP there.
    WhenHeard,
    /// Always.
    Always,
    /// Only: this is a host without raw sockets (Hu). Unicast goes to the router given, else to the destination.
    Only {
        /// *Ra*: the first RSVP router.
        router: Option<IpAddr>,
    },
}

/// What an administrator wants of one interface. All have defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// RSVP is spoken there. What arrives on others is dropped without a word. Default yes.
    pub enabled: bool,
    /// *R*: RFC 2205 §3.7. Default 30 s.
    pub refresh_period: Duration,
    /// *K*: default 3.
    pub keep_multiplier: u32,
    /// *Kb*: blockade state lives Kb · R. Default 4 (RFC 2206).
    pub blockade_multiplier: u32,
    /// *W*: wait after a route change until the new path is refreshed: RFC 2205 §3.6. Default 2 s.
    pub local_repair_wait: Duration,
    /// No forwarded message leaves with a greater IP TTL. Default 255.
    pub ttl_limit: u8,
    /// UDP encapsulation. Default never.
    pub udp: UdpEncapsulation,
    /// Message identifiers, acknowledgements, Bundles and summary refreshes (RFC 2961) with neighbours that know them.
    /// Default yes.
    pub refresh_reduction: bool,
    /// How a message that is to be acknowledged is sent again.
    pub retransmission: Retransmission,
    /// Hello (RFC 3209 §5): how often; `None`, the default: requests are answered, none are made,
    /// and nothing is concluded from what neighbours say.
    pub hello_interval: Option<Duration>,
    /// Signatures (RFC 2747); `None`, the default: none are made or wanted.
    pub security: Option<Security>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            refresh_period: REFRESH_PERIOD,
            keep_multiplier: KEEP_MULTIPLIER,
            blockade_multiplier: 4,
            local_repair_wait: Duration::from_secs(2),
            ttl_limit: 255,
            udp: UdpEncapsulation::default(),
            refresh_reduction: true,
            retransmission: Retransmission::default(),
            hello_interval: None,
            security: None,
        }
    }
}
