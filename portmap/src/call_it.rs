//! Indirect calls (RFC 1833 §2.2.1, §2.2.2, §3.2): calls that the portmapper makes for somebody else. Off unless asked for.
//!
//! They let a caller hide behind this host, so some are never made (the list is rpcbind's): the portmapper's own procedures, mounting,
//! NFS, passwords, quotas, and tables of NIS. Procedure 0 of anything may be called.
//!
//! CALLIT and BCAST are for broadcasts and answer only if the call succeeded; INDIRECT answers errors too.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use fairway_rpc::{AuthStat, Refusal};

use crate::address::Netid;
use crate::registry::PORTMAP_PROGRAM;

/// How long a forwarded call may take. The caller over UDP asks again sooner than that.
pub const FORWARD_WITHIN: Duration = Duration::from_secs(25);
/// Octets of the longest answer that is passed on over TCP: what a datagram could carry.
pub const FORWARDED_ANSWER: usize = 65_535;
/// Calls that are being forwarded at one time, as many as rpcbind's; further ones fail.
pub const FORWARDS: usize = 64;
/// Of these, calls for one caller's address: one that asks for programs that never answer leaves room for the others.
pub const FORWARDS_PER_ADDRESS: usize = 8;

/// Which of the procedures was called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// CALLIT of versions 2 and 3, BCAST of version 4.
    Broadcast,
    /// INDIRECT of version 4.
    Indirect,
}

impl Kind {
    pub(crate) const fn procedure(self) -> (u32, &'static str) {
        match self {
            Self::Broadcast => (5, "callit"),
            Self::Indirect => (10, "indirect"),
        }
    }
}

/// A call to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where the program listens, seen from this host.
    pub to: SocketAddr,
    /// The kind of transport: that of the question.
    pub netid: Netid,
    /// Where the program listens, seen by the caller.
    pub address: String,
}

/// Why a call is not made, or did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotForwarded {
    /// Not for this caller, or not this procedure.
    Denied,
    /// The program is not registered on this transport.
    NoProgram,
    /// Not in this version.
    NoVersion {
        /// Lowest version on this transport.
        low: u32,
        /// Highest version on this transport.
        high: u32,
    },
    /// Indirect calls are off, or cannot be made.
    Off,
    /// The program did not answer with results.
    Failed,
}

impl NotForwarded {
    /// What the caller is told (RFC 1833 §2.2.2): nothing after CALLIT and BCAST.
    #[must_use]
    pub fn refusal(self, kind: Kind) -> Refusal {
        if kind == Kind::Broadcast {
            // RFC 1833 §2.2.1: "only sends a response if the procedure was successfully executed and is silent … otherwise".
            return Refusal::Drop;
        }
        match self {
            Self::Denied => Refusal::Auth(AuthStat::TOOWEAK),
            Self::NoProgram => Refusal::ProgUnavail,
            Self::NoVersion { low, high } => Refusal::ProgMismatch { low, high },
            Self::Off | Self::Failed => Refusal::SystemErr,
        }
    }
}

/// Whether a procedure is never called for others.
#[must_use]
pub fn is_denied(program: u32, procedure: u32, insecure: bool) -> bool {
    const NFS: u32 = 100_003;
    const YPPROG: u32 = 100_004;
    const MOUNT: u32 = 100_005;
    const YPBIND: u32 = 100_007;
    const YPPASSWD: u32 = 100_009;
    const RQUOTA: u32 = 100_011;
    if procedure == 0 {
        return false;
    }
    match program {
        PORTMAP_PROGRAM => !insecure,
        NFS | YPPASSWD | RQUOTA => true,
        MOUNT => matches!(procedure, 1 | 3), // MNT, UMNT
        YPBIND => procedure == 2,            // SETDOM
        YPPROG => matches!(procedure, 3 | 4 | 5 | 8), // MATCH, FIRST, NEXT, ALL
        _ => false,
    }
}

/// The address of this host through which a service on `address` is reached from within.
pub(crate) fn loopback_of(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(host) if host.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(host) if host.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        host => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_what_is_never_called() {
        for (program, procedure, denied) in [
            (100_000, 0, false),
            (100_000, 4, true),
            (100_003, 1, true),
            (100_003, 0, false),
            (100_005, 1, true),
            (100_005, 2, false),
            (100_005, 3, true),
            (100_007, 1, false),
            (100_007, 2, true),
            (100_009, 1, true),
            (100_011, 1, true),
            (100_004, 3, true),
            (100_004, 1, false),
            (100_004, 8, true),
            (100_001, 1, false),
        ] {
            assert_eq!(
                is_denied(program, procedure, false),
                denied,
                "{program} {procedure}"
            );
        }
        assert!(!is_denied(100_000, 4, true));
    }

    #[test]
    fn broadcasts_fail_silently() {
        for why in [
            NotForwarded::Denied,
            NotForwarded::NoProgram,
            NotForwarded::NoVersion { low: 1, high: 2 },
            NotForwarded::Off,
            NotForwarded::Failed,
        ] {
            assert!(matches!(why.refusal(Kind::Broadcast), Refusal::Drop));
            assert!(!matches!(why.refusal(Kind::Indirect), Refusal::Drop));
        }
    }
}
