//! What TCP and its host say to each other.

use core::fmt;
use core::time::Duration;
use std::net::Ipv4Addr;

use fairway_wire::Instant;

use super::config::TcpConfig;
use super::table::ConnId;
use crate::errno::Errno;
use crate::event::Events;
use crate::limits::TcpLimits;
use crate::pkt::PacketBuf;
use crate::rng::Rng;

/// What TCP is lent for the time of a call.
pub struct Context<'a> {
    /// The time; it never goes back.
    pub now: Instant,
    /// What is tuned.
    pub config: &'a TcpConfig,
    /// What is limited.
    pub limits: &'a TcpLimits,
    /// Where events are raised.
    pub events: &'a mut Events,
    /// Randomness.
    pub rng: &'a mut Rng,
    /// The ways to other hosts.
    pub paths: &'a dyn Paths,
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// The ways to other hosts, as routing knows them.
pub trait Paths {
    /// The way to `peer`, from the address `source` if that is fixed already.
    ///
    /// # Errors
    /// [`Errno::NetUnreach`] or [`Errno::HostUnreach`] if there is none.
    fn path(&self, source: Option<Ipv4Addr>, peer: Ipv4Addr) -> Result<PathInfo, Errno>;

    /// Changes whenever an answer of [`path`](Self::path) may have changed.
    fn generation(&self) -> u64;
}

/// A way to another host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathInfo {
    /// Our address on it.
    pub source: Ipv4Addr,
    /// The longest IP packet it carries, octets.
    pub mtu: usize,
    /// It cannot damage anything: checksums are neither computed nor verified.
    pub trusted_checksums: bool,
    /// The longest segment with its header that it takes at once and cuts itself, octets; 0 if it cuts none.
    pub gso_max: usize,
}

/// What the IP header of an arriving segment says.
#[derive(Clone, Copy, Debug)]
pub struct IpInfo {
    /// The peer.
    pub source: Ipv4Addr,
    /// Our address.
    pub destination: Ipv4Addr,
    /// Time to live.
    pub ttl: u8,
    /// Type of service, with the congestion marks.
    pub tos: u8,
    /// Number of the interface.
    pub interface: u32,
    /// Both addresses are those of single hosts, also on the link.
    pub unicast: bool,
}

/// What a socket has chosen about its packets, beside TCP's own options.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IpChoices {
    /// The only interface to use.
    pub device: Option<u32>,
    /// Straight to the destination, past the routes.
    pub dont_route: bool,
    /// The traffic class.
    pub class: u32,
    /// IP options.
    pub ip_options: Option<Box<[u8]>>,
    /// The source address need not be ours.
    pub transparent: bool,
    /// Routers may fragment its packets: no discovery of the path's maximum transmission unit.
    pub may_fragment: bool,
}

/// A segment on its way out, to be put into an IP packet.
#[derive(Debug)]
pub struct Outgoing {
    /// Our address.
    pub source: Ipv4Addr,
    /// The peer's.
    pub destination: Ipv4Addr,
    /// Type of service.
    pub tos: u8,
    /// Time to live.
    pub ttl: u8,
    /// Routers may not fragment it.
    pub dont_fragment: bool,
    /// The segment from its TCP header on. Its checksum is right, or the packet is trusted. With a `segment_size` it is
    /// longer than the path's packets and is to be cut.
    pub packet: PacketBuf,
    /// Whose it is, if a connection's.
    pub connection: Option<ConnId>,
    /// IP options.
    pub ip_options: Option<Box<[u8]>>,
    /// Straight to the destination.
    pub dont_route: bool,
    /// Traffic class.
    pub class: u32,
    /// The only interface to use.
    pub bound_interface: Option<u32>,
    /// The source address need not be ours.
    pub transparent: bool,
}

/// What an endpoint is ready for, or has become ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "they are independent")]
pub struct Readiness {
    /// A receive, or an accept, would not wait.
    pub readable: bool,
    /// A send would not wait; a connect has ended.
    pub writable: bool,
    /// Urgent data was announced (OOB-5).
    pub exceptional: bool,
    /// An error waits to be told.
    pub error: bool,
    /// The connection is over; what lingers need linger no more.
    pub closed: bool,
}

impl Readiness {
    pub(crate) const READABLE: Self = Self {
        readable: true,
        writable: false,
        exceptional: false,
        error: false,
        closed: false,
    };
    pub(crate) const WRITABLE: Self = Self {
        readable: false,
        writable: true,
        ..Self::READABLE
    };
    pub(crate) const EXCEPTIONAL: Self = Self {
        readable: false,
        exceptional: true,
        ..Self::READABLE
    };
    pub(crate) const CLOSED: Self = Self {
        readable: false,
        closed: true,
        ..Self::READABLE
    };

    /// Adds what `other` has.
    #[inline]
    pub(crate) const fn add(&mut self, other: Self) {
        self.readable |= other.readable;
        self.writable |= other.writable;
        self.exceptional |= other.exceptional;
        self.error |= other.error;
        self.closed |= other.closed;
    }

    /// Whether there is something.
    #[inline]
    pub(crate) const fn any(self) -> bool {
        self.readable || self.writable || self.exceptional || self.error || self.closed
    }
}

/// News of an endpoint for whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The endpoint.
    pub id: ConnId,
    /// Its owner's name for it ([`Tcp::set_owner`](super::Tcp::set_owner)).
    pub owner: Option<u64>,
    /// What became true since the last notice.
    pub readiness: Readiness,
}

/// Which direction to end (SHD-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// No more receiving.
    Read,
    /// No more sending.
    Write,
    /// Neither.
    Both,
}

/// Flags of a send (`sockets.md` §6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendFlags {
    /// `MSG_OOB`: the last octet is urgent.
    pub oob: bool,
    /// `MSG_EOF`: nothing follows.
    pub eof: bool,
    /// More follows soon: a segment that is not full may wait for it.
    pub more: bool,
}

/// Flags of a receive (`sockets.md` §6).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecvFlags {
    /// `MSG_PEEK`: leave it there.
    pub peek: bool,
    /// `MSG_OOB`: the urgent octet.
    pub oob: bool,
    /// `MSG_WAITALL`: not before the buffers can be filled.
    pub wait_all: bool,
}

/// What an ICMP error about a segment means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// What a program is told.
    pub errno: Errno,
    /// Trying again is of no use (RFC 1122 §4.2.3.9). A connection that is established survives it all the same (RFC
    /// 5927 §5.2).
    pub hard: bool,
}

/// What a close has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It is done, as far as the program can see; the identity is no longer valid.
    Done,
    /// It lingers: a notice with `closed` says when it is over, at the latest after that time. The identity is no longer
    /// valid for calls.
    Lingering(Duration),
}

impl Outgoing {
    /// An answer to a packet from the host at large, not from a connection.
    pub(crate) fn reply(ip: &IpInfo, config: &TcpConfig, packet: PacketBuf) -> Self {
        Self {
            source: ip.destination,
            destination: ip.source,
            tos: 0,
            ttl: config.ttl,
            dont_fragment: config.path_mtu_discovery,
            packet,
            connection: None,
            ip_options: None,
            dont_route: false,
            class: 0,
            bound_interface: None,
            transparent: false,
        }
    }
}
