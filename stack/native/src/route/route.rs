//! Routes, and how one is named.

use super::Prefix;
use crate::errno::Errno;
use crate::iface::InterfaceId;
use std::net::Ipv4Addr;

/// A way to the addresses of a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The addresses it leads to.
    pub destination: Prefix,
    /// The router to send to; `None` if the destinations are neighbours themselves.
    pub gateway: Option<Ipv4Addr>,
    /// The interface to send by.
    pub interface: InterfaceId,
    /// The source address for packets that have none yet, if not the interface's first.
    pub source: Option<Ipv4Addr>,
    /// Of several routes to one prefix, the one with the lowest number is used.
    pub metric: u32,
    /// The longest packet this way carries, in octets, where that is less than the interface does.
    pub mtu: Option<u16>,
    /// What happens to packets.
    pub kind: RouteKind,
    /// Where it came from.
    pub origin: Origin,
}

impl Route {
    /// A route set by hand, with metric 0 and nothing special.
    #[must_use]
    pub const fn new(
        destination: Prefix,
        gateway: Option<Ipv4Addr>,
        interface: InterfaceId,
    ) -> Self {
        Self {
            destination,
            gateway,
            interface,
            source: None,
            metric: 0,
            mtu: None,
            kind: RouteKind::Unicast,
            origin: Origin::Static,
        }
    }

    /// The neighbour to send a packet for `destination` to.
    #[inline]
    #[must_use]
    pub fn next_hop(&self, destination: Ipv4Addr) -> Ipv4Addr {
        self.gateway.unwrap_or(destination)
    }

    /// Whether it leads to one address only (`RTF_HOST`).
    #[must_use]
    pub const fn is_host(&self) -> bool {
        self.destination.len() == 32
    }

    /// What two routes must differ in to stand beside each other.
    pub(super) fn same_place(&self, other: &Self) -> bool {
        self.metric == other.metric && self.is_redirect() == other.is_redirect()
    }

    pub(super) const fn is_redirect(&self) -> bool {
        matches!(self.origin, Origin::Redirect)
    }

    /// The order within an entry: redirects first, then by metric.
    pub(super) fn rank(&self) -> (bool, u32) {
        (!self.is_redirect(), self.metric)
    }
}

/// What happens to packets on a route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RouteKind {
    /// They go that way.
    #[default]
    Unicast,
    /// They are refused, and the sender hears of it (`RTF_REJECT`).
    Reject,
    /// They vanish (`RTF_BLACKHOLE`).
    Blackhole,
}

/// Where a route came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Somebody set it (`RTF_STATIC`).
    #[default]
    Static,
    /// An interface has an address in that network.
    Connected,
    /// A router said so in an ICMP redirect (`RTF_DYNAMIC`); it expires.
    Redirect,
}

/// Which route is meant: what is `None` may be anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteQuery {
    /// The addresses it leads to.
    pub destination: Prefix,
    /// The router.
    pub gateway: Option<Ipv4Addr>,
    /// The interface.
    pub interface: Option<InterfaceId>,
    /// The metric.
    pub metric: Option<u32>,
}

impl RouteQuery {
    /// The best route to exactly that prefix.
    #[must_use]
    pub const fn new(destination: Prefix) -> Self {
        Self {
            destination,
            gateway: None,
            interface: None,
            metric: None,
        }
    }

    pub(super) fn is_met_by(&self, route: &Route) -> bool {
        self.destination == route.destination
            && (self.gateway.is_none() || self.gateway == route.gateway)
            && self.interface.is_none_or(|it| it == route.interface)
            && self.metric.is_none_or(|it| it == route.metric)
    }
}

/// Why the table was not changed: the event `rtrequest-error`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// There is a route to that prefix with that metric.
    #[error("there is such a route")]
    Exists,
    /// There is none to change or to delete.
    #[error("no such route")]
    NoSuch,
    /// The router is not a neighbour on that interface.
    #[error("the router is not directly reachable")]
    GatewayUnreachable,
    /// The table holds as many routes as it may.
    #[error("the table is full")]
    Full,
}

impl RouteError {
    /// The error of the call.
    #[must_use]
    pub const fn errno(self) -> Errno {
        match self {
            Self::Exists => Errno::Exist,
            Self::NoSuch => Errno::Srch,
            Self::GatewayUnreachable => Errno::NetUnreach,
            Self::Full => Errno::NoBufs,
        }
    }
}
