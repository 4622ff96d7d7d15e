//! Who may ask what: the one place that decides, pure.
//!
//! | from | register | look up, null, time, convert | dump, statistics, address lists, indirect calls |
//! |---|---|---|---|
//! | local socket | yes, as its user | yes | yes |
//! | loopback through `lo` | yes, as the superuser from a port below 1024, else as unknown | yes | yes |
//! | elsewhere over TCP | no | yes | yes |
//! | elsewhere over UDP | no | yes, if the answer is at most 3 times the question | only from trusted networks |
//!
//! Beside that, `hosts.allow` and `hosts.deny` are asked about everything but the local socket and null calls, as rpcbind does. *No* is
//! always MSG_DENIED with AUTH_ERROR and AUTH_TOOWEAK (24 octets), rpcbind's answer, except to indirect calls that must stay silent.
//!
//! The last row keeps the portmapper from being used to flood somebody whose address the question bears: UDP proves nobody's
//! address.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use crate::address::Netid;
use crate::hosts::{Network, Rules};
use crate::registry::Owner;

/// Ports below belong to the superuser.
const RESERVED_PORTS: u16 = 1024;
/// Over UDP a stranger is answered with at most this many octets for each of the question's.
pub const AMPLIFICATION: usize = 3;

/// How a call came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The local socket; the user at its other end, if the system knows.
    Local {
        /// The caller's user.
        uid: Option<u32>,
    },
    /// A TCP connection.
    Tcp {
        /// The caller.
        peer: SocketAddr,
        /// The address that was called.
        local: Option<IpAddr>,
    },
    /// A datagram.
    Udp {
        /// The caller, if the address is true.
        peer: SocketAddr,
        /// The address that was called.
        local: Option<IpAddr>,
        /// Whether it came in through the loopback interface.
        through_lo: bool,
    },
    /// A call from within the process.
    Memory,
}

impl Origin {
    /// The caller's address, if it has one.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp { peer, .. } | Self::Udp { peer, .. } => Some(*peer),
            Self::Local { .. } | Self::Memory => None,
        }
    }

    /// The address of this host that was called.
    #[must_use]
    pub fn local(&self) -> Option<IpAddr> {
        match self {
            Self::Tcp { local, .. } | Self::Udp { local, .. } => *local,
            Self::Local { .. } | Self::Memory => None,
        }
    }

    /// The netid of the transport: what a lookup of versions 3 and 4 is about (RFC 1833 §2.2.1).
    #[must_use]
    pub fn netid(&self) -> Netid {
        let v4 = self
            .peer()
            .is_none_or(|peer| peer.ip().to_canonical().is_ipv4());
        match self {
            Self::Tcp { .. } if v4 => Netid::Tcp,
            Self::Tcp { .. } => Netid::Tcp6,
            Self::Udp { .. } if v4 => Netid::Udp,
            Self::Udp { .. } => Netid::Udp6,
            Self::Local { .. } | Self::Memory => Netid::Local,
        }
    }

    /// Whether the caller is on this machine.
    ///
    /// A datagram must have come through `lo`. A connection tells no interface, but both its ends do: the system lets no packet of
    /// loopback's addresses in from outside, and an answer to one would not leave.
    #[must_use]
    pub fn is_local(&self) -> bool {
        match self {
            Self::Local { .. } | Self::Memory => true,
            Self::Tcp { peer, local } => is_loopback(peer.ip()) && local.is_some_and(is_loopback),
            Self::Udp {
                peer,
                local,
                through_lo,
            } => *through_lo && is_loopback(peer.ip()) && local.is_some_and(is_loopback),
        }
    }

    /// In whose name the caller registers.
    #[must_use]
    pub fn owner(&self) -> Owner {
        match self {
            Self::Local { uid: Some(0) } | Self::Memory => Owner::Superuser,
            Self::Local { uid: Some(uid) } => Owner::Uid(*uid),
            Self::Local { uid: None } => Owner::Unknown,
            Self::Tcp { peer, .. } | Self::Udp { peer, .. } => {
                if self.is_local() && peer.port() < RESERVED_PORTS {
                    Owner::Superuser
                } else {
                    Owner::Unknown
                }
            }
        }
    }
}

impl fmt::Display for Origin {
    /// `udp 192.0.2.1:1023`, `local uid 0`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local { uid: Some(uid) } => write!(f, "local uid {uid}"),
            Self::Local { uid: None } => f.write_str("local"),
            Self::Tcp { peer, .. } => write!(f, "tcp {peer}"),
            Self::Udp { peer, .. } => write!(f, "udp {peer}"),
            Self::Memory => f.write_str("memory"),
        }
    }
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request {
    /// Procedure 0.
    Null,
    /// SET, UNSET.
    Change,
    /// GETPORT, GETADDR, GETVERSADDR, GETTIME, UADDR2TADDR, TADDR2UADDR: short answers.
    Lookup,
    /// DUMP, GETSTAT, GETADDRLIST: answers that the caller's question does not bound.
    List,
    /// CALLIT, BCAST, INDIRECT.
    Indirect,
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denied {
    /// SET or UNSET from elsewhere.
    NotLocal,
    /// `hosts.allow` and `hosts.deny` say no.
    Hosts,
    /// A stranger asks over UDP for what could flood somebody else.
    Amplification,
}

impl Denied {
    /// The reason in words, for the log.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotLocal => "declined (non-loopback sender)",
            Self::Hosts => "request from unauthorized host",
            Self::Amplification => "declined over UDP (not a trusted network)",
        }
    }
}

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub struct Access {
    /// rpcbind's `-i`: SET and UNSET from anywhere.
    pub insecure: bool,
    /// Networks that may ask for lists and indirect calls over UDP.
    pub trusted: Vec<Network>,
    /// `hosts.allow` and `hosts.deny`.
    pub hosts: Rules,
}

impl Access {
    /// Decides about a request.
    ///
    /// # Errors
    /// Why not.
    pub fn check(&self, origin: &Origin, request: Request) -> Result<(), Denied> {
        if request == Request::Change && !self.insecure && !origin.is_local() {
            return Err(Denied::NotLocal);
        }
        let Some(peer) = origin.peer() else {
            return Ok(());
        };
        if request != Request::Null && !self.hosts.grants(peer.ip()) {
            return Err(Denied::Hosts);
        }
        if matches!(request, Request::List | Request::Indirect) && self.is_stranger(origin) {
            return Err(Denied::Amplification);
        }
        Ok(())
    }

    /// Whether answers to this caller must be short: it came over UDP, is not local and not listed.
    #[must_use]
    pub fn is_stranger(&self, origin: &Origin) -> bool {
        match origin {
            Origin::Udp { peer, .. } => {
                !origin.is_local() && !self.trusted.iter().any(|net| net.contains(peer.ip()))
            }
            Origin::Local { .. } | Origin::Tcp { .. } | Origin::Memory => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(peer: &str, local: &str, through_lo: bool) -> Origin {
        Origin::Udp {
            peer: peer.parse().unwrap(),
            local: Some(local.parse().unwrap()),
            through_lo,
        }
    }

    fn tcp(peer: &str, local: &str) -> Origin {
        Origin::Tcp {
            peer: peer.parse().unwrap(),
            local: Some(local.parse().unwrap()),
        }
    }

    /// The table in the module's documentation, row by row.
    #[test]
    fn the_whole_table() {
        let access = Access {
            trusted: vec![Network::parse("192.0.2.0/24").unwrap()],
            ..Access::default()
        };
        let insecure = Access {
            insecure: true,
            ..access.clone()
        };
        // origin; null, change, lookup, list, indirect; change with -i; owner
        let (yes, no) = (true, false);
        #[rustfmt::skip]
        let rows = [
            (Origin::Local { uid: Some(0) },                  [yes, yes, yes, yes, yes], yes, Owner::Superuser),
            (Origin::Local { uid: Some(5) },                  [yes, yes, yes, yes, yes], yes, Owner::Uid(5)),
            (Origin::Local { uid: None },                     [yes, yes, yes, yes, yes], yes, Owner::Unknown),
            (Origin::Memory,                                  [yes, yes, yes, yes, yes], yes, Owner::Superuser),
            (udp("127.0.0.1:1023", "127.0.0.1", true),        [yes, yes, yes, yes, yes], yes, Owner::Superuser),
            (udp("127.0.0.1:1024", "127.0.0.1", true),        [yes, yes, yes, yes, yes], yes, Owner::Unknown),
            (udp("[::1]:700", "::1", true),                   [yes, yes, yes, yes, yes], yes, Owner::Superuser),
            (udp("127.0.0.1:700", "127.0.0.1", false),        [yes, no,  yes, no,  no],  yes, Owner::Unknown),
            (udp("127.0.0.1:700", "198.51.100.1", true),      [yes, no,  yes, no,  no],  yes, Owner::Unknown),
            (udp("198.51.100.1:700", "198.51.100.1", true),   [yes, no,  yes, no,  no],  yes, Owner::Unknown),
            (udp("198.51.100.7:700", "198.51.100.1", false),  [yes, no,  yes, no,  no],  yes, Owner::Unknown),
            (udp("192.0.2.7:700", "198.51.100.1", false),     [yes, no,  yes, yes, yes], yes, Owner::Unknown),
            (tcp("127.0.0.1:1023", "127.0.0.1"),              [yes, yes, yes, yes, yes], yes, Owner::Superuser),
            (tcp("127.0.0.1:5000", "127.0.0.1"),              [yes, yes, yes, yes, yes], yes, Owner::Unknown),
            (tcp("[::ffff:127.0.0.1]:99", "::ffff:127.0.0.1"),[yes, yes, yes, yes, yes], yes, Owner::Superuser),
            (tcp("127.0.0.1:700", "198.51.100.1"),            [yes, no,  yes, yes, yes], yes, Owner::Unknown),
            (tcp("198.51.100.7:700", "198.51.100.1"),         [yes, no,  yes, yes, yes], yes, Owner::Unknown),
        ];
        let requests = [
            Request::Null,
            Request::Change,
            Request::Lookup,
            Request::List,
            Request::Indirect,
        ];
        for (origin, may, with_i, owner) in rows {
            let told = requests.map(|request| access.check(&origin, request).is_ok());
            assert_eq!(told, may, "{origin:?}");
            assert_eq!(
                insecure.check(&origin, Request::Change).is_ok(),
                with_i,
                "{origin:?}"
            );
            assert_eq!(origin.owner(), owner, "{origin:?}");
        }
    }

    #[test]
    fn hosts_files_concern_everything_but_the_local_socket_and_null() {
        let (hosts, _) = Rules::parse(("a", ""), ("d", "rpcbind: ALL"));
        let access = Access {
            hosts,
            ..Access::default()
        };
        for origin in [
            tcp("192.0.2.1:9", "192.0.2.2"),
            udp("127.0.0.1:9", "127.0.0.1", true),
        ] {
            assert_eq!(access.check(&origin, Request::Null), Ok(()));
            assert_eq!(access.check(&origin, Request::Lookup), Err(Denied::Hosts));
        }
        let local = Origin::Local { uid: Some(1) };
        assert_eq!(access.check(&local, Request::List), Ok(()));
    }

    #[test]
    fn lookups_are_about_the_transport_they_come_by() {
        assert_eq!(tcp("127.0.0.1:1", "127.0.0.1").netid(), Netid::Tcp);
        assert_eq!(tcp("[::1]:1", "::1").netid(), Netid::Tcp6);
        assert_eq!(udp("[::ffff:1.2.3.4]:1", "::1", true).netid(), Netid::Udp);
        assert_eq!(udp("[2001:db8::1]:1", "::1", true).netid(), Netid::Udp6);
        assert_eq!(Origin::Local { uid: None }.netid(), Netid::Local);
    }
}
