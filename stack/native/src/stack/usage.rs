//! How full the tables are that strangers can fill.

use super::Stack;

/// How much of what is limited is in use: to be read beside [`Limits`](crate::Limits).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Sockets of all kinds; at most [`SocketLimits::sockets`](crate::limits::SocketLimits::sockets).
    pub sockets: usize,
    /// Packets of the host to itself that wait; at most
    /// [`SocketLimits::loopback`](crate::limits::SocketLimits::loopback).
    pub loopback: usize,
    /// Endpoints of TCP, those included that no socket has any more; at most
    /// [`TcpLimits::endpoints`](crate::limits::TcpLimits::endpoints).
    pub endpoints: usize,
    /// Handshakes that listeners remember; at most [`TcpLimits::syn_cache`](crate::limits::TcpLimits::syn_cache).
    pub handshakes: usize,
    /// Connections in TIME-WAIT; at most [`TcpLimits::time_wait`](crate::limits::TcpLimits::time_wait).
    pub time_wait: usize,
    /// Neighbours; at most [`NeighbourLimits::entries`](crate::limits::NeighbourLimits::entries).
    pub neighbours: usize,
    /// Octets that wait for neighbours to answer; at most
    /// [`NeighbourLimits::waiting_octets`](crate::limits::NeighbourLimits::waiting_octets).
    pub neighbour_octets: usize,
    /// Routes of all kinds; at most [`RouteLimits::routes`](crate::limits::RouteLimits::routes).
    pub routes: usize,
    /// Routes learned from redirects; at most [`RouteLimits::redirects`](crate::limits::RouteLimits::redirects).
    pub redirects: usize,
    /// Path-MTU estimates; at most [`RouteLimits::path_mtus`](crate::limits::RouteLimits::path_mtus).
    pub path_mtus: usize,
    /// Packets that miss fragments; at most
    /// [`ReassemblyLimits::datagrams`](crate::limits::ReassemblyLimits::datagrams).
    pub fragmented: usize,
    /// Octets of memory that fragments hold on to; at most
    /// [`ReassemblyLimits::memory`](crate::limits::ReassemblyLimits::memory).
    pub fragment_octets: usize,
    /// Frames that wait in the queues of the interfaces; at most what those were made for.
    pub queued: usize,
}

impl Stack {
    /// How full its tables are.
    #[must_use]
    pub fn usage(&self) -> Usage {
        let (endpoints, handshakes, time_wait) = self.tcp.sizes();
        let queues = self.routing.interfaces.iter();
        Usage {
            sockets: self.sockets.len(),
            loopback: self.loopback.len(),
            endpoints,
            handshakes,
            time_wait,
            neighbours: self.neighbors.len(),
            neighbour_octets: self.neighbors.waiting_octets(),
            routes: self.routing.routes.len(),
            redirects: self.routing.routes.redirects(),
            path_mtus: self.routing.path_mtu.len(),
            fragmented: self.reassembly.len(),
            fragment_octets: self.reassembly.memory(),
            queued: queues.map(|interface| interface.queue.len()).sum(),
        }
    }
}
