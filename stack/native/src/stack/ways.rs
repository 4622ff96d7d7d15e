//! Which way packets go, and when that changes: what protocols that follow the routes ask (RFC 2205 §3.11.3).

use super::Stack;
use crate::iface::InterfaceId;
use crate::ip::{Cast, Send};
use fairway_wire::Protocol;
use std::net::Ipv4Addr;
use std::task::Waker;

/// Where packets for an address go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// They are for this host.
    Here,
    /// They leave.
    By {
        /// The interface they leave by.
        interface: InterfaceId,
        /// The router that takes them; `None` if the address is on that interface's network, or is a group.
        gateway: Option<Ipv4Addr>,
        /// The address that packets of this host have there, unless they say.
        source: Ipv4Addr,
    },
}

/// Who waits for the ways to change.
#[derive(Debug, Default)]
pub(super) struct Watchers {
    wakers: Vec<Waker>,
    /// The generation they know.
    seen: u64,
}

impl Stack {
    /// Where packets for `destination` go, as the tables are now; `None` if there is no way, its interface is down, or
    /// the route says that they are refused. For a group, the interface that this host sends to it by.
    #[must_use]
    pub fn way_to(&self, destination: Ipv4Addr) -> Option<Way> {
        let send = Send {
            transparent: true,
            ..Send::plain(destination, Protocol::RAW, 64)
        };
        let hop = self.routing.hop(&send).ok()?;
        if hop.interface == InterfaceId::LOOPBACK && hop.cast == Cast::Unicast {
            return Some(Way::Here);
        }
        Some(Way::By {
            interface: hop.interface,
            gateway: (hop.next != destination).then_some(hop.next),
            source: hop.source,
        })
    }

    /// Differs after any change of interfaces, their addresses, the routes, or the multicast routes; and sometimes when
    /// nothing has changed that matters.
    #[must_use]
    pub const fn ways_generation(&self) -> u64 {
        self.routing
            .generation()
            .wrapping_add(self.multicast.generation())
    }

    /// The generation, if it is not `seen` any more; otherwise `waker` is woken when it changes, or the host crashes.
    pub fn poll_ways(&mut self, seen: u64, waker: &Waker) -> Option<u64> {
        let generation = self.ways_generation();
        if generation != seen {
            return Some(generation);
        }
        let watchers = &mut self.watchers;
        if watchers.wakers.is_empty() {
            watchers.seen = generation;
        }
        if !watchers.wakers.iter().any(|other| other.will_wake(waker)) {
            watchers.wakers.push(waker.clone());
        }
        None
    }

    /// Whether those who wait for the ways to change are to be woken.
    #[inline]
    pub(super) fn ways_changed(&self) -> bool {
        !self.watchers.wakers.is_empty() && self.watchers.seen != self.ways_generation()
    }

    #[cold]
    pub(super) fn wake_watchers(&mut self) {
        self.woken.append(&mut self.watchers.wakers);
    }
}
