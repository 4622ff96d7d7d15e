//! The Internet Protocol, version 4 (RFC 791): from frames to transports, from transports to frames, and on to others.

pub(crate) mod checksum;
mod forward;
pub mod fragment;
pub mod ident;
mod input;
pub mod multicast;
pub(crate) mod options;
mod output;
pub mod reassembly;
mod recent;
mod routing;
pub mod segment;

pub(crate) use output::{Send, flow_of};
pub(crate) use recent::{Flow, Recent};
pub(crate) use routing::{Hop, HopCache, Routing};

use crate::iface::InterfaceId;
use fairway_wire::ipv4;
use std::net::Ipv4Addr;

/// How many hosts a packet is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cast {
    /// One.
    Unicast,
    /// All of a network.
    Broadcast,
    /// The members of a group.
    Multicast,
}

/// How a packet came to this host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// By a link, for this host alone.
    ToOne,
    /// By a link, for several.
    ToMany,
    /// It never left.
    ByItself,
}

/// What is known of a packet for this host once IP has looked at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inbound {
    pub(crate) header: ipv4::Header,
    /// The interface it came in by.
    pub(crate) interface: InterfaceId,
    pub(crate) cast: Cast,
    /// Its destination is an address of this host.
    pub(crate) for_us: bool,
    /// The link carried it to one host only.
    pub(crate) link_unicast: bool,
    /// The address of this host it came in by: the destination, unless that is a group or broadcast address.
    pub(crate) local: Ipv4Addr,
}

/// What makes a destination unreachable (RFC 792), for the errors this host sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreachable {
    Network,
    Host,
    Protocol,
    Port,
    /// It is too long for the next link, of which the MTU is given, and must not be cut.
    FragmentationNeeded(u16),
    /// A source route.
    SourceRoute,
}

/// What IP has counted (`ipstat` of sockets.md §11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IpCounters {
    /// Packets received, good and bad.
    pub received: u64,
    /// With a wrong header checksum.
    pub bad_checksum: u64,
    /// Longer than the data present.
    pub too_short: u64,
    /// Without a complete header.
    pub too_small: u64,
    /// With an impossible header length.
    pub bad_header_length: u64,
    /// With a total length below the header's.
    pub bad_length: u64,
    /// Of another version.
    pub bad_version: u64,
    /// With malformed or refused options.
    pub bad_options: u64,
    /// From an address nobody can have, or this host's own from elsewhere.
    pub bad_source: u64,
    /// Fragments received.
    pub fragments: u64,
    /// Fragments dropped.
    pub fragments_dropped: u64,
    /// Packets of which fragments did not come in time.
    pub fragments_timed_out: u64,
    /// Packets put together from fragments.
    pub reassembled: u64,
    /// Packets forwarded.
    pub forwarded: u64,
    /// Packets for others that were not forwarded.
    pub cannot_forward: u64,
    /// Packets forwarded to several interfaces (multicast).
    pub forwarded_multicast: u64,
    /// Redirects sent.
    pub redirects_sent: u64,
    /// Packets for a protocol nobody has.
    pub no_protocol: u64,
    /// Packets given to a protocol.
    pub delivered: u64,
    /// Packets made here.
    pub sent: u64,
    /// Packets not sent for lack of room or of a usable address.
    pub output_dropped: u64,
    /// Packets cut.
    pub fragmented: u64,
    /// Fragments made.
    pub fragments_created: u64,
    /// Packets too long that must not be cut.
    pub cannot_fragment: u64,
    /// Packets without a route.
    pub no_route: u64,
    /// Packets of raw sockets with their headers included.
    pub raw_output: u64,
}
