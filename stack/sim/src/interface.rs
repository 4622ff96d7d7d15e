//! The interfaces that a link adds to its hosts, and their addresses.

use crate::Framing;
use crate::node::Node;
use crate::topology::{Topology, mac};
use fairway_native::iface::{InterfaceAddress, InterfaceConfig, InterfaceId};
use std::net::Ipv4Addr;

/// What the interfaces at a link are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InterfaceNature {
    pub(crate) framing: Framing,
    pub(crate) mtu: usize,
    /// Checksums may be left out.
    pub(crate) trusted: bool,
    /// Long segments go uncut.
    pub(crate) segmentation: bool,
}

/// Adds an interface to a host, still without an address, and to the plan of the host, with it.
pub(crate) fn add_interface(
    node: &Node,
    nature: InterfaceNature,
    address: InterfaceAddress,
) -> InterfaceId {
    let index = node.index();
    let (id, config) = node.with(|stack, _| {
        // The loopback interface is number 1: the first of these is called 0.
        let count = u32::try_from(stack.interfaces().len()).unwrap_or(u32::MAX);
        let number = count.saturating_sub(1);
        let mut config = match nature.framing {
            Framing::Ethernet => {
                InterfaceConfig::ethernet(&format!("eth{number}"), mac(index, count))
            }
            Framing::Ip => InterfaceConfig::point(&format!("p2p{number}"), nature.mtu),
        };
        config.mtu = nature.mtu.clamp(68, 65_535);
        config.trusted = nature.trusted;
        config.segmentation = nature.segmentation;
        (stack.add_interface(config.clone()), config)
    });
    node.remember(config, address);
    id
}

/// The address of a host in a network, by number.
pub(crate) fn nth(network: Ipv4Addr, host: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(network.to_bits() + host)
}

/// The next network of the plan.
///
/// # Panics
/// If all are taken.
pub(crate) fn free_network(topology: &mut Topology) -> Ipv4Addr {
    #[expect(clippy::expect_used, reason = "documented where it is called")]
    topology
        .free_network()
        .expect("a network of 10.0.0.0/8 is free")
}

/// Reads `10.0.0.1/24`.
///
/// # Panics
/// If it is something else.
pub(crate) fn address(text: &str) -> InterfaceAddress {
    let read = || {
        let (address, prefix) = text.split_once('/')?;
        let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        Some(InterfaceAddress::new(address.parse().ok()?, prefix))
    };
    #[expect(clippy::panic, reason = "documented where it is called")]
    read().unwrap_or_else(|| panic!("{text:?} is not an address and a prefix length"))
}
