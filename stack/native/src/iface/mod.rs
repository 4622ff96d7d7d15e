//! Interfaces: what a host sends and receives frames by.

use crate::mgmt::InterfaceFlags;
use crate::qos::{Fifo, Qdisc};
use fairway_wire::{Instant, MacAddr};
use std::fmt;
use std::net::Ipv4Addr;

/// The number of an interface: 1 is the first. 0 stands for "any" where a number is asked for (sockets, routes).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceId(pub u32);

impl InterfaceId {
    /// The loopback interface, which every host has.
    pub const LOOPBACK: Self = Self(1);

    /// Where it is in a list.
    pub(crate) fn index(self) -> Option<usize> {
        usize::try_from(self.0).ok()?.checked_sub(1)
    }
}

impl fmt::Display for InterfaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl fmt::Debug for InterfaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

/// What is at the other end of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Medium {
    /// An Ethernet; this host's address on it.
    Ethernet(MacAddr),
    /// Exactly one peer, and IP packets without a link header: a TUN device, a serial line.
    Point,
    /// This host itself.
    Loopback,
}

/// An address of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InterfaceAddress {
    /// The address.
    pub address: Ipv4Addr,
    /// How many leading bits name the network, 0 to 32.
    pub prefix: u8,
    /// The address of the peer, on a point-to-point interface.
    pub peer: Option<Ipv4Addr>,
    /// The broadcast address, where it is not the last of the network.
    pub broadcast_address: Option<Ipv4Addr>,
}

impl InterfaceAddress {
    /// `address` in the network of its first `prefix` bits; more than 32 count as 32.
    #[must_use]
    pub fn new(address: Ipv4Addr, prefix: u8) -> Self {
        Self {
            address,
            prefix: prefix.min(32),
            peer: None,
            broadcast_address: None,
        }
    }

    /// The mask of the network's bits.
    #[must_use]
    pub fn mask(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(mask(self.prefix))
    }

    /// The network it is in.
    #[must_use]
    pub fn network(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address.to_bits() & mask(self.prefix))
    }

    /// The broadcast address of that network; none for networks of one or two addresses (RFC 3021).
    #[must_use]
    pub fn broadcast(&self) -> Option<Ipv4Addr> {
        if self.broadcast_address.is_some() {
            return self.broadcast_address;
        }
        let all = self.address.to_bits() | !mask(self.prefix);
        (self.prefix < 31).then(|| Ipv4Addr::from_bits(all))
    }

    /// Whether `address` is in the same network.
    #[must_use]
    pub fn covers(&self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & mask(self.prefix) == 0
    }
}

fn mask(prefix: u8) -> u32 {
    u32::MAX
        .checked_shl(32 - u32::from(prefix.min(32)))
        .unwrap_or(0)
}

/// How to make an interface.
#[derive(Clone, Debug)]
pub struct InterfaceConfig {
    /// Its name: `eth0`.
    pub name: String,
    /// What is at its other end.
    pub medium: Medium,
    /// The longest IP packet it carries, in octets: 68 to 65 535.
    pub mtu: usize,
    /// Whether frames stay in memory that can be trusted, so that transport checksums need not be computed.
    pub trusted: bool,
    /// Whether it cuts segments longer than its MTU by itself (segmentation offload).
    pub segmentation: bool,
    /// Most frames that wait to be sent, first come, first served; beyond, new ones are dropped. Another discipline is
    /// set by [`Stack::set_queue`](crate::Stack::set_queue).
    pub queue: usize,
}

impl InterfaceConfig {
    /// An Ethernet of 1500 octets.
    #[must_use]
    pub fn ethernet(name: &str, address: MacAddr) -> Self {
        Self::new(name, Medium::Ethernet(address), 1500)
    }

    /// A point-to-point interface.
    #[must_use]
    pub fn point(name: &str, mtu: usize) -> Self {
        Self::new(name, Medium::Point, mtu)
    }

    fn new(name: &str, medium: Medium, mtu: usize) -> Self {
        Self {
            name: name.into(),
            medium,
            mtu: mtu.clamp(68, 65_535),
            trusted: false,
            segmentation: false,
            queue: 1000,
        }
    }
}

/// What an interface has counted (`ifmib` of sockets.md §11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct InterfaceCounters {
    /// Octets received, link headers included.
    pub in_octets: u64,
    /// Frames received for this host alone.
    pub in_unicast: u64,
    /// Frames received for several hosts.
    pub in_multicast: u64,
    /// Frames received and dropped though nothing was wrong with them.
    pub in_discards: u64,
    /// Frames received that were damaged.
    pub in_errors: u64,
    /// Frames received of protocols not known here.
    pub in_unknown: u64,
    /// Octets sent, link headers included.
    pub out_octets: u64,
    /// Frames sent to one host.
    pub out_unicast: u64,
    /// Frames sent to several hosts.
    pub out_multicast: u64,
    /// Frames not sent because the queue was full.
    pub out_discards: u64,
    /// Frames not sent because of an error.
    pub out_errors: u64,
}

/// An interface of a host.
#[derive(Debug)]
pub struct Interface {
    pub(crate) id: InterfaceId,
    pub(crate) name: String,
    pub(crate) medium: Medium,
    pub(crate) mtu: usize,
    pub(crate) up: bool,
    pub(crate) running: bool,
    pub(crate) promiscuous: bool,
    /// Redirects are sent to hosts on it.
    pub(crate) redirects: bool,
    /// The metric of the routes to its networks.
    pub(crate) metric: u32,
    pub(crate) trusted: bool,
    pub(crate) segmentation: bool,
    pub(crate) addresses: Vec<InterfaceAddress>,
    pub(crate) counters: InterfaceCounters,
    pub(crate) queue: Qdisc,
    /// Its queue holds packets back until then.
    pub(crate) held_until: Option<Instant>,
    /// It has something to send.
    pub(crate) pending: bool,
    /// Its transmitter is busy: nothing is taken from it until it is free again.
    pub(crate) suspended: bool,
}

impl Interface {
    pub(crate) fn new(id: InterfaceId, config: InterfaceConfig) -> Self {
        Self {
            id,
            name: config.name,
            medium: config.medium,
            mtu: config.mtu,
            up: true,
            running: true,
            promiscuous: false,
            redirects: true,
            metric: 0,
            trusted: config.trusted,
            segmentation: config.segmentation,
            addresses: Vec::new(),
            counters: InterfaceCounters::default(),
            queue: Fifo::new(config.queue, u64::MAX).into(),
            held_until: None,
            pending: false,
            suspended: false,
        }
    }

    /// Its number.
    #[must_use]
    pub const fn id(&self) -> InterfaceId {
        self.id
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What is at its other end.
    #[must_use]
    pub const fn medium(&self) -> Medium {
        self.medium
    }

    /// The longest IP packet it carries, in octets.
    #[must_use]
    pub const fn mtu(&self) -> usize {
        self.mtu
    }

    /// Whether it is switched on.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// Whether it is on and has a carrier.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        self.up && self.running
    }

    /// Its addresses, the first being the one it sends from by preference.
    #[must_use]
    pub fn addresses(&self) -> &[InterfaceAddress] {
        &self.addresses
    }

    /// What waits to be sent.
    #[must_use]
    pub const fn queue(&self) -> &Qdisc {
        &self.queue
    }

    /// What it has counted.
    #[must_use]
    pub const fn counters(&self) -> &InterfaceCounters {
        &self.counters
    }

    /// Whether it can reach all hosts of its network at once.
    #[must_use]
    pub const fn can_broadcast(&self) -> bool {
        matches!(self.medium, Medium::Ethernet(_))
    }

    /// Whether it was asked to hear frames for others too (`IFF_PROMISC`).
    #[must_use]
    pub const fn is_promiscuous(&self) -> bool {
        self.promiscuous
    }

    /// Whether it carries multicast.
    #[must_use]
    pub const fn can_multicast(&self) -> bool {
        true
    }

    /// The metric of the routes to its networks: among routes to the same place, the lowest is taken.
    #[must_use]
    pub const fn metric(&self) -> u32 {
        self.metric
    }

    /// Its flags (`IFF_…`).
    #[must_use]
    pub fn flags(&self) -> InterfaceFlags {
        let kind = match self.medium {
            Medium::Ethernet(_) => InterfaceFlags::BROADCAST,
            Medium::Point => InterfaceFlags::POINT_TO_POINT,
            Medium::Loopback => InterfaceFlags::LOOPBACK,
        };
        [
            (self.up, InterfaceFlags::UP),
            (self.is_running(), InterfaceFlags::RUNNING),
            (self.promiscuous, InterfaceFlags::PROMISCUOUS),
            (self.can_multicast(), InterfaceFlags::MULTICAST),
        ]
        .into_iter()
        .filter(|(set, _)| *set)
        .fold(kind, |flags, (_, flag)| flags | flag)
    }

    /// The address to send to `destination` from: one in its network, or else the first.
    pub(crate) fn source_for(&self, destination: Ipv4Addr) -> Option<Ipv4Addr> {
        let near = self
            .addresses
            .iter()
            .find(|address| address.covers(destination));
        near.or(self.addresses.first())
            .map(|address| address.address)
    }

    /// Whether `address` reaches every host of a network of this interface.
    pub(crate) fn is_broadcast(&self, address: Ipv4Addr) -> bool {
        self.can_broadcast()
            && self.addresses.iter().any(|own| {
                own.broadcast() == Some(address) || own.prefix < 31 && own.network() == address
            })
    }
}

#[cfg(test)]
mod tests {
    use super::InterfaceAddress;
    use std::net::Ipv4Addr;

    #[test]
    fn networks_follow_from_address_and_prefix() {
        let address = InterfaceAddress::new(Ipv4Addr::new(10, 1, 2, 3), 24);
        assert_eq!(address.network(), Ipv4Addr::new(10, 1, 2, 0));
        assert_eq!(address.mask(), Ipv4Addr::new(255, 255, 255, 0));
        assert_eq!(address.broadcast(), Some(Ipv4Addr::new(10, 1, 2, 255)));
        assert!(address.covers(Ipv4Addr::new(10, 1, 2, 200)));
        assert!(!address.covers(Ipv4Addr::new(10, 1, 3, 3)));
        for prefix in [31, 32] {
            assert_eq!(
                InterfaceAddress::new(Ipv4Addr::LOCALHOST, prefix).broadcast(),
                None
            );
        }
        assert!(InterfaceAddress::new(Ipv4Addr::LOCALHOST, 0).covers(Ipv4Addr::BROADCAST));
    }
}
