//! Netids and universal addresses (RFC 1833 §1, RFC 5665 §5): the words in which a registration says where it listens.

use std::fmt;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::sync::Arc;

/// The octets of a local socket's path in the system's `struct sockaddr_un`.
const SUN_PATH_LEN: usize = 108;
/// Length of `struct sockaddr_un`.
const SOCKADDR_UN_LEN: u32 = 110;
const AF_UNIX: u16 = 1;
const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// The kind of transport a program listens on (RFC 5665 §4).
///
/// Two netids are equal if they differ in case only, as rpcbind compares them.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Netid {
    /// UDP over IPv4.
    Udp,
    /// TCP over IPv4.
    Tcp,
    /// UDP over IPv6.
    Udp6,
    /// TCP over IPv6.
    Tcp6,
    /// Stream sockets of this machine.
    Local,
    /// Any other name, in lower case.
    Other(Arc<String>),
}

/// What a netid says about its transport: the fields of an `rpcb_entry` (RFC 1833 §2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Semantics {
    /// NC_TPI_CLTS (1) for datagrams, NC_TPI_COTS_ORD (3) for connections.
    pub semantics: u32,
    /// Family of protocols: `inet`, `inet6`, `loopback`.
    pub family: &'static str,
    /// Protocol in that family, or `-`.
    pub protocol: &'static str,
}

impl Netid {
    /// Those that a system has.
    pub const KNOWN: [Self; 5] = [Self::Udp, Self::Tcp, Self::Udp6, Self::Tcp6, Self::Local];

    /// The netid of that name, whatever its case.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self::KNOWN
            .into_iter()
            .find(|known| known.as_str().eq_ignore_ascii_case(name))
            .unwrap_or_else(|| Self::Other(Arc::new(name.to_ascii_lowercase())))
    }

    /// Its name, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Udp6 => "udp6",
            Self::Tcp6 => "tcp6",
            Self::Local => "local",
            Self::Other(name) => name,
        }
    }

    /// The netid that version 2 knows by the number of an IP protocol: 6 is TCP, 17 UDP (RFC 1833 §3.1).
    #[must_use]
    pub fn of_protocol(protocol: u32) -> Option<Self> {
        match protocol {
            IPPROTO_TCP => Some(Self::Tcp),
            IPPROTO_UDP => Some(Self::Udp),
            _ => None,
        }
    }

    /// The number of the IP protocol under which version 2 shows it.
    #[must_use]
    pub const fn protocol(&self) -> Option<u32> {
        match self {
            Self::Tcp => Some(IPPROTO_TCP),
            Self::Udp => Some(IPPROTO_UDP),
            Self::Udp6 | Self::Tcp6 | Self::Local | Self::Other(_) => None,
        }
    }

    /// What `/etc/netconfig` says about it on a usual system; `None` for names that are not in it.
    #[must_use]
    pub const fn semantics(&self) -> Option<Semantics> {
        let (semantics, family, protocol) = match self {
            Self::Udp => (1, "inet", "udp"),
            Self::Tcp => (3, "inet", "tcp"),
            Self::Udp6 => (1, "inet6", "udp"),
            Self::Tcp6 => (3, "inet6", "tcp"),
            Self::Local => (3, "loopback", "-"),
            Self::Other(_) => return None,
        };
        Some(Semantics {
            semantics,
            family,
            protocol,
        })
    }
}

/// Number of TCP in the IP header.
pub const IPPROTO_TCP: u32 = 6;
/// Number of UDP in the IP header.
pub const IPPROTO_UDP: u32 = 17;

impl fmt::Debug for Netid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Netid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Reads a universal address of TCP or UDP: the host's address, then the port's two octets, all in decimal and divided by
/// points (RFC 5665 §5.2.3.3 and §5.2.3.4). As rpcbind does, and unlike [`fairway_rpc::bind::parse_universal`], it takes octets of the
/// port with zeros in front.
#[must_use]
pub fn parse(universal: &str) -> Option<SocketAddr> {
    let (host, port) = split_port(universal)?;
    Some(SocketAddr::new(host.parse().ok()?, port))
}

/// The port at the end of a universal address, whatever stands before it.
#[must_use]
pub fn port_of(universal: &str) -> Option<u16> {
    split_port(universal).map(|(_, port)| port)
}

fn split_port(universal: &str) -> Option<(&str, u16)> {
    let (rest, low) = universal.rsplit_once('.')?;
    let (host, high) = rest.rsplit_once('.')?;
    Some((host, u16::from_be_bytes([octet(high)?, octet(low)?])))
}

fn octet(text: &str) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Writes a universal address of TCP or UDP (RFC 5665 §5.2.3.3 and §5.2.3.4).
#[must_use]
pub fn universal(address: SocketAddr) -> String {
    fairway_rpc::bind::universal(&address)
}

/// The address under which a service is reached by a caller who reached this host as `used`: the host of `used`, the port of
/// `registered`. `None` if `registered` is no such address; callers then get it as it was registered.
#[must_use]
pub fn merge(registered: &str, used: IpAddr) -> Option<String> {
    let registered = parse(registered)?;
    (registered.is_ipv4() == used.is_ipv4())
        .then(|| universal(SocketAddr::new(used, registered.port())))
}

/// An address in the form of the transport, as RPCBPROC_UADDR2TADDR answers with and RPCBPROC_TADDR2UADDR asks with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransportAddress {
    /// Octets that the form may take.
    pub max_len: u32,
    /// `struct sockaddr` of this machine.
    pub octets: Vec<u8>,
}

/// Turns a universal address into this machine's `struct sockaddr` for a transport; empty if it is none.
#[must_use]
pub fn to_transport(netid: &Netid, universal: &str) -> TransportAddress {
    let mut octets = Vec::with_capacity(28);
    let max_len = match netid {
        Netid::Udp | Netid::Tcp => {
            let Some(SocketAddr::V4(address)) = parse(universal) else {
                return TransportAddress::default();
            };
            octets.extend(AF_INET.to_ne_bytes());
            octets.extend(address.port().to_be_bytes());
            octets.extend(address.ip().octets());
            octets.extend([0; 8]);
            16
        }
        Netid::Udp6 | Netid::Tcp6 => {
            let Some(SocketAddr::V6(address)) = parse(universal) else {
                return TransportAddress::default();
            };
            octets.extend(AF_INET6.to_ne_bytes());
            octets.extend(address.port().to_be_bytes());
            octets.extend([0; 4]);
            octets.extend(address.ip().octets());
            octets.extend(address.scope_id().to_ne_bytes());
            28
        }
        Netid::Local => {
            if universal.len() >= SUN_PATH_LEN {
                return TransportAddress::default();
            }
            octets.extend(AF_UNIX.to_ne_bytes());
            octets.extend(universal.as_bytes());
            SOCKADDR_UN_LEN
        }
        Netid::Other(_) => return TransportAddress::default(),
    };
    TransportAddress { max_len, octets }
}

/// Turns this machine's `struct sockaddr` for a transport into a universal address; `None` if it is none.
#[must_use]
pub fn from_transport(netid: &Netid, octets: &[u8]) -> Option<String> {
    let (family, rest) = octets.split_first_chunk::<2>()?;
    let family = u16::from_ne_bytes(*family);
    match (netid, family) {
        (Netid::Udp | Netid::Tcp, AF_INET) => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let host = rest.first_chunk::<4>()?;
            let address = SocketAddrV4::new((*host).into(), u16::from_be_bytes(*port));
            Some(universal(address.into()))
        }
        (Netid::Udp6 | Netid::Tcp6, AF_INET6) => {
            let (port, rest) = rest.split_first_chunk::<2>()?;
            let (_flow, rest) = rest.split_first_chunk::<4>()?;
            let host = rest.first_chunk::<16>()?;
            let address = SocketAddrV6::new((*host).into(), u16::from_be_bytes(*port), 0, 0);
            Some(universal(address.into()))
        }
        (Netid::Local, AF_UNIX) => {
            let path = rest.split(|&b| b == 0).next()?;
            let path = path.get(..path.len().min(SUN_PATH_LEN))?;
            String::from_utf8(path.to_vec()).ok()
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    mod rfc5665_section_5_2_3 {
        use super::*;

        #[test]
        fn the_port_is_the_last_two_octets() {
            assert_eq!(
                parse("10.1.3.7.2.15"),
                Some("10.1.3.7:527".parse().unwrap())
            );
            assert_eq!(parse("::1.8.1"), Some("[::1]:2049".parse().unwrap()));
            assert_eq!(universal("[fe80::1]:111".parse().unwrap()), "fe80::1.0.111");
        }

        #[test]
        fn what_is_no_universal_address_is_refused() {
            for text in [
                "",
                ".",
                "..",
                "1.2",
                "1.2.3.4",
                "1.2.3.4.5",
                "1.2.3.4.5.256",
                "1.2.3.4.5.-1",
                "1.2.3.4.+5.6",
                "1.2.3.4.5.",
                "hello",
                "/run/rpcbind.sock",
                "1.2.3.4.5.6.7",
                "::1.8",
                "1.2.3.4. 5.6",
            ] {
                assert_eq!(parse(text), None, "{text:?}");
            }
        }
    }

    #[test]
    fn netids_are_equal_whatever_their_case() {
        assert_eq!(Netid::new("TCP6"), Netid::Tcp6);
        assert_eq!(Netid::new("Foo"), Netid::new("fOO"));
        assert_ne!(Netid::new("foo"), Netid::new("tcp"));
    }

    #[test]
    fn merging_takes_the_host_the_caller_used_and_the_port_of_the_service() {
        let lo = "127.0.0.1".parse().unwrap();
        assert_eq!(merge("0.0.0.0.8.1", lo).as_deref(), Some("127.0.0.1.8.1"));
        assert_eq!(merge("::.8.1", lo), None);
        assert_eq!(merge("/run/x", lo), None);
    }

    #[test]
    fn transport_addresses_are_the_systems() {
        let v4 = to_transport(&Netid::Tcp, "1.2.3.4.5.6");
        assert_eq!(v4.max_len, 16);
        assert_eq!(v4.octets[2..8], [5, 6, 1, 2, 3, 4]);
        assert_eq!(
            from_transport(&Netid::Udp, &v4.octets).as_deref(),
            Some("1.2.3.4.5.6")
        );
        assert_eq!(from_transport(&Netid::Udp6, &v4.octets), None);
        let v6 = to_transport(&Netid::Tcp6, "fe80::1.5.6");
        assert_eq!(v6.octets.len(), 28);
        assert_eq!(
            from_transport(&Netid::Tcp6, &v6.octets).as_deref(),
            Some("fe80::1.5.6")
        );
        let local = to_transport(&Netid::Local, "/run/rpcbind.sock");
        assert_eq!((local.max_len, local.octets.len()), (110, 19));
        assert_eq!(
            from_transport(&Netid::Local, &local.octets).as_deref(),
            Some("/run/rpcbind.sock")
        );
        assert_eq!(to_transport(&Netid::Tcp, "zz"), TransportAddress::default());
    }

    proptest! {
        #[test]
        fn universal_addresses_come_back(host in any::<[u8; 4]>(), six in any::<[u8; 16]>(), port in any::<u16>()) {
            let v4 = SocketAddr::new(IpAddr::from(host), port);
            prop_assert_eq!(parse(&universal(v4)), Some(v4));
            let v6 = SocketAddr::new(IpAddr::from(six), port);
            prop_assert_eq!(parse(&universal(v6)), Some(v6));
        }

        #[test]
        fn no_octets_disturb_the_readers(octets in proptest::collection::vec(any::<u8>(), 0..150), text in ".{0,40}") {
            for netid in [Netid::Tcp, Netid::Udp6, Netid::Local, Netid::new("x")] {
                let _ = from_transport(&netid, &octets);
                let _ = to_transport(&netid, &text);
            }
            let _ = parse(&text);
        }
    }
}
