//! What a stranger could make grow, and how far it may: a field, a default and a counter each.

use std::time::Duration;

/// What waits at a socket to be read holds on to no more memory than this many times its receive buffer, and a packet
/// more, however small the segments or datagrams and however large the frames they came in. TCP keeps as much again for
/// what came out of order.
///
/// Windows and buffers are reckoned in octets of data. Packets keep the buffers they came in, which are larger, by half
/// for full frames; where that comes to more than this, what waits is moved to buffers of its own size, and only where
/// that is not enough, dropped.
pub const HELD: usize = 4;

/// The limits of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Of TCP.
    pub tcp: TcpLimits,
    /// Of the table of routes.
    pub route: RouteLimits,
    /// Of the table of neighbours.
    pub neighbours: NeighbourLimits,
    /// Of the reassembly of fragments.
    pub reassembly: ReassemblyLimits,
    /// Of sockets.
    pub socket: SocketLimits,
    /// Of IGMP.
    pub igmp: IgmpLimits,
    /// Of multicast forwarding.
    pub multicast: MulticastLimits,
    /// Of local sockets.
    pub local: LocalLimits,
}

/// The limits of the table of routes, of redirects and of path-MTU estimates.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RouteLimits {
    /// Routes of all kinds; beyond, adding one fails.
    pub routes: usize,
    /// Routes learned from redirects; beyond, the oldest goes.
    pub redirects: usize,
    /// How long a redirect is believed.
    pub redirect_life: Duration,
    /// Destinations with a path-MTU estimate of their own; beyond, the oldest goes.
    pub path_mtus: usize,
    /// No report makes an estimate lower than this, in octets, so that a forged one does little harm.
    pub path_mtu_floor: u16,
}

impl Default for RouteLimits {
    fn default() -> Self {
        Self {
            routes: 1 << 20,
            redirects: 1024,
            redirect_life: Duration::from_secs(600),
            path_mtus: 4096,
            path_mtu_floor: 552,
        }
    }
}

/// The limits of the table of neighbours (ARP).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NeighbourLimits {
    /// Entries of all interfaces; beyond, the one that was not used for the longest time goes, except those set by
    /// hand.
    pub entries: usize,
    /// Packets that wait for the answer of one neighbour; beyond, the oldest is dropped.
    pub waiting: usize,
    /// Octets of memory that waiting packets hold on to, of all neighbours; beyond, the oldest of the same neighbour
    /// are dropped.
    pub waiting_octets: usize,
    /// ARP packets that wait to be sent; beyond, answers are not made.
    pub output: usize,
}

impl Default for NeighbourLimits {
    fn default() -> Self {
        Self {
            entries: 1024,
            // The fragments of the longest datagram over Ethernet are 45.
            waiting: 64,
            waiting_octets: 4 << 20,
            output: 256,
        }
    }
}

/// The limits of the reassembly of IP fragments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReassemblyLimits {
    /// Octets of memory for all fragments; beyond, the oldest datagram goes.
    pub memory: usize,
    /// Octets of memory for the fragments of one source; beyond, that source's oldest datagram goes.
    pub memory_per_source: usize,
    /// Datagrams that miss something; beyond, the oldest goes.
    pub datagrams: usize,
    /// Fragments of one datagram; a datagram with more is dropped.
    pub fragments: usize,
}

impl Default for ReassemblyLimits {
    fn default() -> Self {
        Self {
            memory: 4 << 20,
            memory_per_source: 1 << 20,
            datagrams: 1024,
            // 65 535 octets in pieces of the smallest MTU, 68, need 1365.
            fragments: 1536,
        }
    }
}

/// The limits of TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpLimits {
    /// Endpoints: sockets, and connections that wait to be accepted; beyond, none is made.
    pub endpoints: usize,
    /// Handshakes that a listener remembers; beyond, it answers with cookies.
    pub syn_cache: usize,
    /// Connections that only wait out twice the longest segment lifetime; beyond, the oldest goes.
    pub time_wait: usize,
    /// Segments that arrived before what comes ahead of them, per connection.
    pub out_of_order: usize,
    /// Connections that were closed and still have something to send or to hear; beyond, one more is reset instead.
    pub orphans: usize,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            endpoints: 1 << 20,
            syn_cache: 4096,
            time_wait: 32_768,
            out_of_order: 4096,
            orphans: 8192,
        }
    }
}

/// The limits of sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketLimits {
    /// Sockets of all kinds; beyond, making one fails (SOC-2).
    pub sockets: usize,
    /// The largest buffer that a socket may be given, in octets.
    pub buffer: usize,
    /// Groups that one socket may join, and senders of each that it may ask for (MUL-3).
    pub groups: usize,
    /// Packets of a host to itself that wait to be taken up; beyond, they are dropped.
    pub loopback: usize,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self {
            sockets: 1 << 20,
            buffer: 64 << 20,
            groups: 20,
            loopback: 1 << 16,
        }
    }
}

/// The limits of IGMP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IgmpLimits {
    /// Groups that the host listens to, on all interfaces; beyond, joining fails (MUL-3).
    pub groups: usize,
    /// Senders that one filter names; beyond, setting it fails.
    pub sources: usize,
    /// Groups that a multicast router remembers of others, per interface; reports of more are not heard.
    pub heard_groups: usize,
    /// Senders that it remembers of each.
    pub heard_sources: usize,
}

impl Default for IgmpLimits {
    fn default() -> Self {
        Self {
            groups: 320,
            sources: 128,
            heard_groups: 1024,
            heard_sources: 128,
        }
    }
}

/// The limits of multicast forwarding.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MulticastLimits {
    /// Routes of (sender, group); beyond, adding one fails.
    pub routes: usize,
    /// Packets that wait for the route of one (sender, group); beyond, new ones are dropped.
    pub waiting: usize,
    /// Pairs of sender and group whose packets wait; beyond, packets of others are dropped.
    pub unresolved: usize,
    /// How long they wait.
    pub unresolved_life: Duration,
}

impl Default for MulticastLimits {
    fn default() -> Self {
        Self {
            routes: 4096,
            waiting: 3,
            unresolved: 64,
            unresolved_life: Duration::from_secs(10),
        }
    }
}

/// The limits of local sockets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalLimits {
    /// Sockets, connections that wait to be accepted included; beyond, making one fails.
    pub sockets: usize,
    /// Connections that wait at one listener, and one more; a larger backlog is this. Beyond, connecting waits.
    pub backlog: usize,
    /// Datagrams that wait at one socket; beyond, senders wait.
    pub datagrams: usize,
}

impl Default for LocalLimits {
    fn default() -> Self {
        Self {
            sockets: 65_536,
            backlog: 4096,
            datagrams: 256,
        }
    }
}
