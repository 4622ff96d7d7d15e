//! Routing, as far as RSVP asks: RFC 2205 §3.11.3.

use std::net::IpAddr;

use crate::interface::IfIndex;

#[cfg(feature = "service")]
mod native;

#[cfg(feature = "service")]
pub use native::NativeRouting;
#[cfg(all(feature = "linux-tc", target_os = "linux"))]
mod linux;
#[cfg(all(feature = "linux-tc", target_os = "linux"))]
mod linux_watch;

#[cfg(all(feature = "linux-tc", target_os = "linux"))]
pub use linux::LinuxRouting;
#[cfg(all(feature = "linux-tc", target_os = "linux"))]
pub use linux_watch::{Change, LinuxWatch};

/// The way to a unicast destination.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The interface data leaves by; [`IfIndex::LOCAL`] if the destination is this node.
    pub interface: IfIndex,
    /// The next router; `None` if the destination is on that link.
    pub gateway: Option<IpAddr>,
}

/// The part of a multicast tree at this node, for one source and group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tree {
    /// The interface its data is expected from; `None` if that is not known.
    pub incoming: Option<IfIndex>,
    /// The interfaces its data leaves by. Applications of this node are not among them.
    pub outgoing: Vec<IfIndex>,
}

/// Where data goes. Questions are answered at once.
///
/// Changes are told to the engine by `Engine::handle_routes_changed`.
pub trait Routing: Send + core::fmt::Debug {
    /// `Ucast_Route_Query`.
    fn unicast(&mut self, destination: IpAddr, source: Option<IpAddr>) -> Option<Route>;

    /// `Mcast_Route_Query`; `None` if this node does not forward that group.
    fn multicast(&mut self, source: IpAddr, group: IpAddr) -> Option<Tree>;

    /// Whether changes are told. If not, the engine asks anew at each refresh.
    fn notifies(&self) -> bool;

    /// Whether multicast trees are shared among senders, so that WF needs no SCOPE (RFC 2205 §2.4).
    fn has_shared_trees(&self) -> bool {
        false
    }
}
