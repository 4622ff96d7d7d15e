//! What a host of our own stack knows of itself.

use super::Host;
use crate::error::NetError;
use crate::manage::{Interface, InterfaceAddress};
use fairway_native::{InterfaceAddress as Address, Medium};
use std::net::IpAddr;

impl Host {
    /// Its interfaces, by index.
    pub(crate) fn interfaces(&self) -> Result<Vec<Interface>, NetError> {
        self.look(NetError::NetDown, |stack| {
            Ok(stack.interfaces().iter().map(interface).collect())
        })
    }
}

fn interface(interface: &fairway_native::Interface) -> Interface {
    let medium = interface.medium();
    let broadcast = interface.can_broadcast();
    Interface {
        name: interface.name().to_owned(),
        index: interface.id().0,
        up: interface.is_up(),
        running: interface.is_running(),
        loopback: medium == Medium::Loopback,
        broadcast,
        point_to_point: medium == Medium::Point,
        multicast: interface.can_multicast(),
        addresses: interface
            .addresses()
            .iter()
            .map(|own| address(own, broadcast))
            .collect(),
    }
}

fn address(own: &Address, broadcast: bool) -> InterfaceAddress {
    InterfaceAddress {
        address: IpAddr::V4(own.address),
        prefix: own.prefix,
        broadcast: own.broadcast().filter(|_| broadcast).map(IpAddr::V4),
        peer: own.peer.map(IpAddr::V4),
    }
}
