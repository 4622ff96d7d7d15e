//! Endpoints of datagrams, UDP and raw alike: names, a queue of arrivals, the groups they joined.

use crate::errno::Errno;
use crate::iface::InterfaceId;
use crate::igmp::SourceFilter;
use crate::limits::{HELD, SocketLimits};
use crate::pkt::{PacketBuf, copy};
use crate::stack::{Inconsistency, ensure};
use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

/// What is known of a datagram beside its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Who sent it.
    pub peer: SocketAddrV4,
    /// The destination address in its header.
    pub destination: Ipv4Addr,
    /// The address of this host it came in by: the destination, unless that is a group or broadcast address.
    pub local: Ipv4Addr,
    /// The interface it came in by.
    pub interface: InterfaceId,
    /// Its time to live when it arrived.
    pub ttl: u8,
    /// Its octet of differentiated services and congestion marks.
    pub tos: u8,
    /// It was longer than the buffer: the rest is lost (RCV-3).
    pub truncated: bool,
}

/// Where and how to send a datagram. Fields left `None` are the engine's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Departure {
    /// The destination; `None` on a connected socket.
    pub peer: Option<SocketAddrV4>,
    /// The address of this host to send from.
    pub source: Option<Ipv4Addr>,
    /// The interface to send by.
    pub interface: Option<InterfaceId>,
    /// The time to live.
    pub ttl: Option<u8>,
    /// `MSG_DONTROUTE`: [`dont_route`](crate::sock::SocketOptions::dont_route) for this datagram.
    pub dont_route: bool,
}

/// What a queued datagram is charged beside its octets. The buffers that datagrams come in are larger, and used again;
/// where that comes to too much ([`HELD`]), what follows is kept in buffers of its size.
const OVERHEAD: usize = 256;

#[derive(Debug)]
struct Datagram {
    packet: PacketBuf,
    arrival: Arrival,
}

/// A group a socket has joined on an interface, and whose packets it wants to hear there (RFC 3678).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Membership {
    pub(crate) group: Ipv4Addr,
    pub(crate) interface: InterfaceId,
    pub(crate) filter: SourceFilter,
}

/// The filter of a socket for a group on an interface, before a change and after; `None` is no membership.
pub(crate) type FilterChange = (Option<SourceFilter>, Option<SourceFilter>);

/// An endpoint of datagrams.
#[derive(Debug)]
pub(crate) struct Endpoint {
    /// Its name; the wildcard address and port 0 as long as it has none.
    pub(crate) local: SocketAddrV4,
    /// It was given its name by `bind`, not by connecting or sending.
    pub(crate) bound: bool,
    /// The address of its name came with the peer, and goes with it.
    pub(crate) connected_address: bool,
    pub(crate) peer: Option<SocketAddrV4>,
    queue: VecDeque<Datagram>,
    charged: usize,
    /// Octets of memory that the queue holds on to.
    memory: usize,
    /// The error an earlier datagram met (CON-9).
    pub(crate) error: Option<Errno>,
    pub(crate) memberships: Vec<Membership>,
    pub(crate) read_shutdown: bool,
    pub(crate) write_shutdown: bool,
    /// Datagrams dropped because the queue was full.
    pub(crate) overflowed: u64,
}

impl Endpoint {
    pub(crate) const fn new() -> Self {
        Self {
            local: SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0),
            bound: false,
            connected_address: false,
            peer: None,
            queue: VecDeque::new(),
            charged: 0,
            memory: 0,
            error: None,
            memberships: Vec::new(),
            read_shutdown: false,
            write_shutdown: false,
            overflowed: 0,
        }
    }

    /// Queues an arrival, unless `room` octets are taken; says whether it did.
    pub(crate) fn push(&mut self, room: usize, mut packet: PacketBuf, arrival: Arrival) -> bool {
        let charge = packet.len() + OVERHEAD;
        // One datagram always fits, as in BSD, however small the buffer.
        if self.read_shutdown || !self.queue.is_empty() && self.charged + charge > room {
            self.overflowed += 1;
            return false;
        }
        self.charged += charge;
        // What is kept so is no longer than what is charged: that is the last of the parts that HELD counts.
        if self.memory + packet.memory() > room.saturating_mul(HELD - 1) {
            packet = packet.compact();
        }
        self.memory += packet.memory();
        self.queue.push_back(Datagram { packet, arrival });
        true
    }

    /// Copies the first arrival into `buf`, and forgets it unless it is only looked at.
    pub(crate) fn receive(
        &mut self,
        buf: &mut [u8],
        peek: bool,
    ) -> Result<(usize, Arrival), Errno> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some(first) = self.queue.front() else {
            return if self.read_shutdown {
                // The end, as for streams (RCV-2).
                let nobody = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
                Ok((0, Arrival::of_nothing(self.peer.unwrap_or(nobody))))
            } else {
                Err(Errno::WouldBlock)
            };
        };
        let octets = first.packet.as_slice();
        let length = octets.len().min(buf.len());
        if let (Some(to), Some(from)) = (buf.get_mut(..length), octets.get(..length)) {
            copy(to, from);
        }
        let mut arrival = first.arrival;
        arrival.truncated = length < octets.len();
        if !peek && let Some(taken) = self.queue.pop_front() {
            self.charged -= taken.packet.len() + OVERHEAD;
            self.memory -= taken.packet.memory();
        }
        Ok((length, arrival))
    }

    /// The octets of the first arrival.
    pub(crate) fn first_length(&self) -> Option<usize> {
        self.queue.front().map(|first| first.packet.len())
    }

    /// Whether a receiving call would not wait.
    pub(crate) fn is_readable(&self) -> bool {
        !self.queue.is_empty() || self.error.is_some() || self.read_shutdown
    }

    /// Forgets what has arrived.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.charged = 0;
        self.memory = 0;
    }

    /// Whether what is accounted for is what waits, and no group was joined twice.
    pub(crate) fn check(&self, limits: &SocketLimits) -> Result<(), Inconsistency> {
        let octets = |datagram: &Datagram| datagram.packet.len() + OVERHEAD;
        let there: usize = self.queue.iter().map(octets).sum();
        ensure!(
            there == self.charged,
            "{there} octets wait at {}, {} are accounted for",
            self.local,
            self.charged
        );
        let held = self.queue.iter().map(|datagram| datagram.packet.memory());
        let held: usize = held.sum();
        ensure!(
            held == self.memory,
            "{held} octets of memory are held at {}, {} are accounted for",
            self.local,
            self.memory
        );
        ensure!(
            self.memberships.len() <= limits.groups,
            "{} groups joined, at most {}",
            self.memberships.len(),
            limits.groups
        );
        for (place, joined) in self.memberships.iter().enumerate() {
            let (group, interface) = (joined.group, joined.interface);
            ensure!(
                self.membership(group, interface) == Some(place),
                "{group} was joined twice on interface {interface}"
            );
            ensure!(
                joined.filter.sources.len() <= limits.groups,
                "{} senders of {group}, at most {}",
                joined.filter.sources.len(),
                limits.groups
            );
        }
        Ok(())
    }

    /// Whether it wants what `source` sends to `group`, on the interface it arrived by (MUL-5).
    pub(crate) fn wants_group(
        &self,
        group: Ipv4Addr,
        interface: InterfaceId,
        source: Ipv4Addr,
        all: bool,
    ) -> bool {
        let joined = self
            .memberships
            .iter()
            .find(|joined| joined.group == group && joined.interface == interface);
        // Without a membership of its own it hears what the host has joined for others (IP_MULTICAST_ALL).
        joined.map_or(all, |joined| {
            joined.filter.sources.contains(&source) == joined.filter.include
        })
    }

    fn membership(&self, group: Ipv4Addr, interface: InterfaceId) -> Option<usize> {
        self.memberships
            .iter()
            .position(|joined| joined.group == group && joined.interface == interface)
    }

    /// Joins a group, or hears one more sender of it; at most `most` groups (MUL-3), and as many senders of each.
    pub(crate) fn join(
        &mut self,
        group: Ipv4Addr,
        interface: InterfaceId,
        source: Option<Ipv4Addr>,
        most: usize,
    ) -> Result<FilterChange, Errno> {
        let Some(place) = self.membership(group, interface) else {
            if self.memberships.len() >= most {
                return Err(Errno::NoBufs);
            }
            let filter = SourceFilter {
                include: source.is_some(),
                sources: source.into_iter().collect(),
            };
            self.memberships.push(Membership {
                group,
                interface,
                filter: filter.clone(),
            });
            return Ok((None, Some(filter)));
        };
        let joined = self.memberships.get_mut(place).ok_or(Errno::NoBufs)?;
        let Some(source) = source else {
            return Err(Errno::AddrInUse);
        };
        let before = joined.filter.clone();
        let filter = &mut joined.filter;
        match (
            filter.include,
            filter.sources.iter().position(|heard| *heard == source),
        ) {
            (true, Some(_)) => return Err(Errno::AddrNotAvail),
            (true, None) if filter.sources.len() >= most => return Err(Errno::NoBufs),
            (true, None) => filter.sources.push(source),
            // RFC 3678 §4.1.3: one who hears all but some has no use for it.
            (false, _) => return Err(Errno::Inval),
        }
        Ok((Some(before), Some(joined.filter.clone())))
    }

    /// Leaves a group, or hears one sender of it no longer.
    pub(crate) fn leave(
        &mut self,
        group: Ipv4Addr,
        interface: InterfaceId,
        source: Option<Ipv4Addr>,
    ) -> Result<FilterChange, Errno> {
        let place = self
            .membership(group, interface)
            .ok_or(Errno::AddrNotAvail)?;
        let joined = self.memberships.get_mut(place).ok_or(Errno::AddrNotAvail)?;
        let before = joined.filter.clone();
        if let Some(source) = source {
            if !joined.filter.include {
                return Err(Errno::Inval);
            }
            let heard = joined
                .filter
                .sources
                .iter()
                .position(|heard| *heard == source);
            joined
                .filter
                .sources
                .remove(heard.ok_or(Errno::AddrNotAvail)?);
            if !joined.filter.sources.is_empty() {
                return Ok((Some(before), Some(joined.filter.clone())));
            }
        }
        self.memberships.remove(place);
        Ok((Some(before), None))
    }

    /// Takes back a change that the host could not follow.
    pub(crate) fn restore(
        &mut self,
        group: Ipv4Addr,
        interface: InterfaceId,
        before: Option<SourceFilter>,
    ) {
        let Some(place) = self.membership(group, interface) else {
            return;
        };
        match (before, self.memberships.get_mut(place)) {
            (Some(filter), Some(joined)) => joined.filter = filter,
            _ => {
                self.memberships.remove(place);
            }
        }
    }
}

impl Arrival {
    const fn of_nothing(peer: SocketAddrV4) -> Self {
        Self {
            peer,
            destination: Ipv4Addr::UNSPECIFIED,
            local: Ipv4Addr::UNSPECIFIED,
            interface: InterfaceId(0),
            ttl: 0,
            tos: 0,
            truncated: false,
        }
    }
}
