//! Universal addresses and network identifiers (RFC 5665), as rpcbind versions 3 and 4 carry them.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// What calls travel over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transport {
    /// TCP, over IPv4 or IPv6.
    Tcp,
    /// UDP, over IPv4 or IPv6.
    Udp,
    /// A local (Unix) stream socket.
    Local,
}

/// A network identifier, RFC 5665 §5.1: the transport, with its address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Netid {
    /// `udp`: UDP over IPv4.
    Udp,
    /// `tcp`: TCP over IPv4.
    Tcp,
    /// `udp6`: UDP over IPv6.
    Udp6,
    /// `tcp6`: TCP over IPv6.
    Tcp6,
    /// `local`: a local stream socket, as in rpcbind; its address is a path.
    Local,
}

impl Netid {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Udp, Self::Tcp, Self::Udp6, Self::Tcp6, Self::Local];

    /// The identifier of a transport to or at this address.
    #[must_use]
    pub fn of(transport: Transport, address: IpAddr) -> Self {
        match (transport, address) {
            (Transport::Local, _) => Self::Local,
            (Transport::Tcp, IpAddr::V4(_)) => Self::Tcp,
            (Transport::Tcp, IpAddr::V6(_)) => Self::Tcp6,
            (Transport::Udp, IpAddr::V4(_)) => Self::Udp,
            (Transport::Udp, IpAddr::V6(_)) => Self::Udp6,
        }
    }

    /// Its name in the registry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Udp6 => "udp6",
            Self::Tcp6 => "tcp6",
            Self::Local => "local",
        }
    }

    /// The protocol number that portmapper version 2 knows it by, if it does (RFC 1833 §3.1).
    #[must_use]
    pub const fn protocol(self) -> Option<u32> {
        match self {
            Self::Tcp => Some(6),
            Self::Udp => Some(17),
            Self::Tcp6 | Self::Udp6 | Self::Local => None,
        }
    }
}

impl fmt::Display for Netid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The name is of no network identifier known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown network identifier")]
pub struct UnknownNetid;

impl FromStr for Netid {
    type Err = UnknownNetid;

    fn from_str(name: &str) -> Result<Self, UnknownNetid> {
        let mut all = Self::ALL.into_iter();
        all.find(|netid| netid.name() == name).ok_or(UnknownNetid)
    }
}

/// The universal address of an address and port, RFC 5665 §5.2.3.3 and §5.2.3.4: the address as text, then
/// the two octets of the port in decimal, most significant first, each after a dot.
///
/// ```
/// use fairway_rpc::bind::universal;
///
/// assert_eq!(universal(&"10.1.3.7:2049".parse().unwrap()), "10.1.3.7.8.1");
/// assert_eq!(universal(&"[::1]:111".parse().unwrap()), "::1.0.111");
/// ```
#[must_use]
pub fn universal(address: &SocketAddr) -> String {
    let [high, low] = address.port().to_be_bytes();
    format!("{}.{high}.{low}", address.ip())
}

/// The address and port of a universal address, of IPv4 or IPv6; `None` if it is neither.
///
/// ```
/// use fairway_rpc::bind::parse_universal;
///
/// assert_eq!(parse_universal("10.1.3.7.8.1"), Some("10.1.3.7:2049".parse().unwrap()));
/// assert_eq!(parse_universal("/run/rpcbind.sock"), None);
/// ```
#[must_use]
pub fn parse_universal(text: &str) -> Option<SocketAddr> {
    let (rest, low) = text.rsplit_once('.')?;
    let (address, high) = rest.rsplit_once('.')?;
    let port = u16::from_be_bytes([octet(high)?, octet(low)?]);
    // The longest is an IPv6 address with an IPv4 one in it: nothing else is looked at.
    let address: IpAddr = address.parse().ok()?;
    Some(SocketAddr::new(address, port))
}

/// A decimal octet: digits only, no sign, no leading zero but in "0".
fn octet(text: &str) -> Option<u8> {
    let plain = !text.is_empty() && text.bytes().all(|octet| octet.is_ascii_digit());
    (plain && (text == "0" || !text.starts_with('0')))
        .then(|| text.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// RFC 5665 §5.2.3.
    mod section_5_2_3 {
        use super::*;

        #[test]
        fn ports_are_two_octets_high_first() {
            for (text, address) in [
                ("127.0.0.1.0.111", "127.0.0.1:111"),
                ("0.0.0.0.255.255", "0.0.0.0:65535"),
                ("::.0.111", "[::]:111"),
                ("fe80::1.8.1", "[fe80::1]:2049"),
                ("::ffff:10.0.0.1.1.2", "[::ffff:10.0.0.1]:258"),
            ] {
                let address: SocketAddr = address.parse().unwrap();
                assert_eq!(parse_universal(text), Some(address), "{text}");
                assert_eq!(universal(&address), text);
            }
        }

        #[test]
        fn what_is_no_address_is_refused() {
            for text in [
                "",
                ".",
                "..",
                "1.2",
                "1.2.3.4",
                "1.2.3.4.5",
                "1.2.3.4.256.1",
                "1.2.3.4.1.256",
                "1.2.3.4.+1.1",
                "1.2.3.4.01.1",
                "1.2.3.4..1",
                "1.2.3.4.1.",
                "1.2.3.4.1.1.1",
                "[::1].1.1",
                "fe80::1%lo.1.1",
                "/run/rpcbind.sock",
                "host.1.1",
            ] {
                assert_eq!(parse_universal(text), None, "{text}");
            }
        }

        proptest! {
            #[test]
            fn every_address_survives(ip: IpAddr, port: u16) {
                let address = SocketAddr::new(ip, port);
                prop_assert_eq!(parse_universal(&universal(&address)), Some(address));
            }

            #[test]
            fn no_text_panics(text in ".{0,60}") {
                let _ = parse_universal(&text);
            }
        }
    }

    #[test]
    fn names_of_netids_are_read_back() {
        for netid in Netid::ALL {
            assert_eq!(netid.name().parse(), Ok(netid));
        }
        assert_eq!("ticlts".parse::<Netid>(), Err(UnknownNetid));
    }
}
