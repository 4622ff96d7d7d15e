//! Which way packets go, single ones and those for groups, and when that changes: RFC 2205 §3.11.3.

use super::Manage;
use crate::error::NetError;
use crate::native::Changes;
use std::net::IpAddr;

/// Where packets for an address go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// They are for this host.
    Here,
    /// They leave.
    By {
        /// The index of the interface they leave by.
        interface: u32,
        /// The router that takes them; `None` if the address is on that interface's network, or is a group.
        gateway: Option<IpAddr>,
        /// The address that packets of this host have there, unless their sender chooses.
        source: IpAddr,
    },
}

/// A multicast route: how the packets of one sender to one group go through this host.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct MulticastRoute {
    /// The sender.
    pub source: IpAddr,
    /// The group.
    pub group: IpAddr,
    /// The index of the interface that they must come by.
    pub incoming: u32,
    /// The indices of the interfaces that they leave by.
    pub outgoing: Vec<u32>,
}

/// Questions about ways, and multicast routes. On the system back end all of it is [`NetError::OpNotSupp`].
impl Manage {
    /// Where packets for `destination` go, as the tables are now; `None` if there is no way, its interface is down, or a
    /// route says that they are refused. For a group, the interface that this host sends to it by. Routes do not depend
    /// on the source.
    ///
    /// # Errors
    /// [`NetError::AfNoSupport`] for IPv6, [`NetError::OpNotSupp`] on the system back end.
    pub fn way_to(&self, destination: IpAddr) -> Result<Option<Way>, NetError> {
        self.host()?.way_to(destination)
    }

    /// Tells of changes of interfaces, their addresses, routes and multicast routes from now on.
    ///
    /// # Errors
    /// [`NetError::OpNotSupp`] on the system back end.
    pub fn changes(&self) -> Result<Changes, NetError> {
        self.host()?.changes()
    }

    /// Begins to forward packets for groups between `interfaces`, by routes that are set one by one. On these, hosts are
    /// asked which groups they want (IGMP's querier).
    ///
    /// # Errors
    /// [`NetError::AddrInUse`] if that is on already, or an interface is named twice, [`NetError::Inval`] for more than
    /// 32 of them, [`NetError::Nxio`], [`NetError::AddrNotAvail`] if one has no address, [`NetError::OpNotSupp`] on the
    /// system back end, or if one carries no multicast.
    pub fn start_multicast(&self, interfaces: &[u32]) -> Result<(), NetError> {
        self.host()?.start_multicast(interfaces)
    }

    /// Ends that, and forgets the multicast routes.
    ///
    /// # Errors
    /// [`NetError::Access`] if it was not begun, [`NetError::OpNotSupp`] on the system back end.
    pub fn stop_multicast(&self) -> Result<(), NetError> {
        self.host()?.stop_multicast()
    }

    /// The interfaces that packets for groups are forwarded between, in the order in which they were named; none if that
    /// was not begun.
    ///
    /// # Errors
    /// [`NetError::OpNotSupp`] on the system back end.
    pub fn multicast_interfaces(&self) -> Result<Vec<u32>, NetError> {
        self.host()?.multicast_interfaces()
    }

    /// Besides the routes that are set, forwards packets for groups to wherever somebody listens, if they came by the
    /// interface that leads back to their sender (reverse path forwarding).
    ///
    /// # Errors
    /// [`NetError::Access`] if forwarding for groups was not begun, [`NetError::OpNotSupp`] on the system back end.
    pub fn follow_members(&self, on: bool) -> Result<(), NetError> {
        self.host()?.follow_members(on)
    }

    /// Sets a multicast route, in the place of the one there was for that sender and group.
    ///
    /// # Errors
    /// [`NetError::Inval`] if an interface is none of those that packets for groups are forwarded between, or the group is
    /// none, [`NetError::Access`] if that was not begun, [`NetError::NoBufs`] when the table is full,
    /// [`NetError::AfNoSupport`] for IPv6, [`NetError::OpNotSupp`] on the system back end.
    pub fn set_multicast_route(&self, route: &MulticastRoute) -> Result<(), NetError> {
        self.host()?.set_multicast_route(route)
    }

    /// Deletes a multicast route.
    ///
    /// # Errors
    /// [`NetError::AddrNotAvail`] if there is none, [`NetError::Access`], [`NetError::AfNoSupport`],
    /// [`NetError::OpNotSupp`].
    pub fn delete_multicast_route(&self, source: IpAddr, group: IpAddr) -> Result<(), NetError> {
        self.host()?.delete_multicast_route(source, group)
    }

    /// How packets of `source` to `group` go through this host: by a route that is set, and to members if those are
    /// [followed](Self::follow_members); `None` if they do not.
    ///
    /// # Errors
    /// [`NetError::AfNoSupport`] for IPv6, [`NetError::OpNotSupp`] on the system back end.
    pub fn multicast_way(
        &self,
        source: IpAddr,
        group: IpAddr,
    ) -> Result<Option<MulticastRoute>, NetError> {
        self.host()?.multicast_way(source, group)
    }
}
