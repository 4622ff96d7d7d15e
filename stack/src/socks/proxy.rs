//! Which proxy, and where through it.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

/// The version of the protocol that a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// IPv4 addresses only; names are looked up here.
    V4,
    /// 4, with names that the proxy looks up.
    V4a,
    /// RFC 1928.
    V5,
}

/// A proxy, and how to speak to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    pub(super) version: Version,
    pub(super) address: SocketAddr,
    pub(super) user: Option<Vec<u8>>,
    pub(super) password: Option<Vec<u8>>,
    pub(super) names_here: bool,
}

impl Proxy {
    /// The proxy at `address` (port 1080 by custom), which wants to know nobody's name.
    #[must_use]
    pub const fn new(version: Version, address: SocketAddr) -> Self {
        Self {
            version,
            address,
            user: None,
            password: None,
            names_here: false,
        }
    }

    /// Says who asks: the user id of version 4 (without zero octets), or the user and password of RFC 1929, which a
    /// version 5 proxy may ask for and 4 never sees. All go in clear text.
    #[must_use]
    pub fn login(self, user: impl Into<Vec<u8>>, password: impl Into<Vec<u8>>) -> Self {
        Self {
            user: Some(user.into()),
            password: Some(password.into()),
            ..self
        }
    }

    /// Looks names up here instead of asking the proxy to, as version 4 does anyway. The first address that suits is
    /// taken.
    #[must_use]
    pub fn names_here(self) -> Self {
        Self {
            names_here: true,
            ..self
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it speaks.
    #[must_use]
    pub const fn version(&self) -> Version {
        self.version
    }
}

impl fmt::Debug for Proxy {
    /// Without user and password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy")
            .field("version", &self.version)
            .field("address", &self.address)
            .field("login", &self.user.is_some())
            .field("names_here", &self.names_here)
            .finish()
    }
}

/// A host, by address or by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// By address.
    Address(IpAddr),
    /// By name.
    Name(String),
}

impl From<&str> for Host {
    fn from(host: &str) -> Self {
        match host.parse() {
            Ok(ip) => Self::Address(ip),
            Err(_) => Self::Name(host.to_owned()),
        }
    }
}

/// A place to be reached through a proxy: made of a [`SocketAddr`], or of a host and a port. Names that are numeric
/// addresses are addresses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// The host.
    pub host: Host,
    /// The port.
    pub port: u16,
}

impl Target {
    /// The address, if it is not a name, or none at all (all zeros).
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        match self.host {
            Host::Address(ip) if !ip.is_unspecified() => Some(SocketAddr::new(ip, self.port)),
            Host::Address(_) | Host::Name(_) => None,
        }
    }
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        (address.ip(), address.port()).into()
    }
}

impl From<(IpAddr, u16)> for Target {
    fn from((ip, port): (IpAddr, u16)) -> Self {
        Self {
            host: Host::Address(ip),
            port,
        }
    }
}

impl From<(&str, u16)> for Target {
    fn from((host, port): (&str, u16)) -> Self {
        let host = host.into();
        Self { host, port }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(ip) => fmt::Display::fmt(&SocketAddr::new(*ip, self.port), f),
            Host::Name(name) => write!(f, "{name}:{}", self.port),
        }
    }
}
