//! What the table of neighbours says.

use crate::iface::InterfaceId;
use crate::pkt::PacketBuf;
use fairway_wire::{Instant, MacAddr, arp};
use std::net::Ipv4Addr;

/// What becomes of a packet for a neighbour.
#[derive(Debug)]
pub enum Resolution {
    /// Send it to that hardware address.
    Known(MacAddr, PacketBuf),
    /// It waits for the answer; [`Output::Release`] gives it back.
    Queued {
        /// Packets dropped to make room, or for want of it: the event `ether_output-nomem`, once for each.
        dropped: usize,
        /// It is this one that was dropped: the table has no room for its neighbour.
        full: bool,
    },
    /// This host has no address on that network to ask as: the event `ether_output-noroute`.
    NoSource(PacketBuf),
    /// The neighbour does not answer: the event `ether_output-rtreject`.
    Suspended {
        /// The packet.
        packet: PacketBuf,
        /// When it is asked again.
        until: Instant,
    },
}

/// What an ARP packet told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Nothing that matters.
    Nothing,
    /// The hardware address of a neighbour that had none: the event `arp-resolved`.
    Resolved {
        /// Whose.
        address: Ipv4Addr,
        /// What it is.
        mac: MacAddr,
    },
    /// A neighbour has another hardware address than before.
    Moved {
        /// Who.
        address: Ipv4Addr,
        /// The address before.
        from: MacAddr,
        /// The address now.
        to: MacAddr,
    },
    /// Another host uses an address of ours: the event `arp_input-dupaddr`.
    Conflict {
        /// Which.
        address: Ipv4Addr,
        /// Who.
        mac: MacAddr,
        /// Whether we do not use it any more.
        lost: bool,
    },
    /// The sender's hardware address is that of a group or of all: the event `arp_input-bcastsrc`.
    BroadcastSource,
    /// The sender's protocol address is nobody's: the event `arp_input-badmsg`.
    BadSender,
    /// It is neither request nor reply: the event `arp_input-badmsg`.
    BadOperation,
    /// It is our own, repeated by the network: the event `arp_input-badmsg`.
    Own,
}

/// What the table wants done.
#[derive(Debug)]
pub enum Output {
    /// Send an ARP packet.
    Transmit {
        /// By which interface.
        interface: InterfaceId,
        /// To whom.
        destination: MacAddr,
        /// What.
        packet: arp::Packet,
    },
    /// Send a packet that waited.
    Release {
        /// By which interface.
        interface: InterfaceId,
        /// To whom.
        destination: MacAddr,
        /// The packet, as it was given to [`ArpCache::resolve`](super::ArpCache::resolve).
        packet: PacketBuf,
    },
    /// A packet's neighbour did not answer: the event `ether_output-rtreject`, and host unreachable to its sender.
    Unreachable {
        /// On which interface.
        interface: InterfaceId,
        /// Who.
        address: Ipv4Addr,
        /// The packet.
        packet: PacketBuf,
    },
    /// A packet waited for a neighbour that was forgotten: the event `ether_output-noroute`.
    Forgotten {
        /// On which interface.
        interface: InterfaceId,
        /// Who.
        address: Ipv4Addr,
        /// How long the packet was.
        len: usize,
    },
    /// A neighbour does not answer: routes by it are bad (RFC 1122 §3.3.1.4).
    Suspended {
        /// On which interface.
        interface: InterfaceId,
        /// Who.
        address: Ipv4Addr,
        /// When it is asked again.
        until: Instant,
    },
    /// A neighbour was forgotten: the event `arp-expired`.
    Expired {
        /// On which interface.
        interface: InterfaceId,
        /// Who.
        address: Ipv4Addr,
    },
    /// Nobody else has an address that was probed: it may be used.
    Ready {
        /// On which interface.
        interface: InterfaceId,
        /// Which.
        address: Ipv4Addr,
    },
}

/// A neighbour, for those who manage the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Neighbour {
    /// The interface it is on.
    pub interface: InterfaceId,
    /// Its address.
    pub address: Ipv4Addr,
    /// Its hardware address, if known.
    pub mac: Option<MacAddr>,
    /// How it is.
    pub state: NeighbourState,
}

/// How a neighbour is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NeighbourState {
    /// It was asked.
    Incomplete,
    /// It answered.
    Reachable,
    /// It answered, and is asked again.
    Probing,
    /// It did not answer.
    Suspended,
    /// It was set by hand.
    Permanent,
}

/// Why the table was not changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Misuse {
    /// There is no such neighbour: the event `arpioctl-noentry`.
    #[error("no such neighbour")]
    NoEntry,
    /// The interface does not speak ARP, or the address is not one of a neighbour's.
    #[error("not an address of a neighbour")]
    BadAddress,
    /// The table is full of entries set by hand.
    #[error("the table is full")]
    Full,
}
