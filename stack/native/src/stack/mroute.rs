//! Multicast routing (DVMRP's commands, `events.md` §5.4) and forwarding.

use super::Stack;
use crate::dropped;
use crate::errno::Errno;
use crate::event::DropReason;
use crate::iface::InterfaceId;
use crate::igmp::Igmp;
use crate::ip::multicast::{
    Command, Forward, Incoming, RouteState, Surroundings, Tree, Upcall, Vif,
};
use crate::ip::{Cast, Hop, Inbound, Routing};
use crate::pkt::PacketBuf;
use fairway_wire::{Instant, ipv4};
use std::net::Ipv4Addr;

/// What multicast forwarding asks of this host.
struct Here<'a> {
    routing: &'a Routing,
    igmp: &'a Igmp,
}

impl Surroundings for Here<'_> {
    fn interface_of(&self, address: Ipv4Addr) -> Option<(InterfaceId, bool)> {
        let interface = self.routing.interface(self.routing.holder(address)?)?;
        // The loopback interface leads to nobody else's members.
        let others = interface.id != InterfaceId::LOOPBACK;
        Some((interface.id, interface.can_multicast() && others))
    }

    fn reverse_path(&self, source: Ipv4Addr) -> Option<InterfaceId> {
        self.routing
            .holder(source)
            .or_else(|| Some(self.routing.routes.lookup(source)?.interface))
    }

    fn is_wanted(&self, interface: InterfaceId, group: Ipv4Addr, source: Ipv4Addr) -> bool {
        self.igmp.is_wanted(interface, group, source)
    }
}

impl Stack {
    /// Changes what is forwarded of packets for groups.
    ///
    /// A virtual interface asks who listens on its network (IGMP's querier), until it is deleted.
    ///
    /// # Errors
    /// Those of [`MulticastForwarder::command`](crate::ip::multicast::MulticastForwarder::command).
    pub fn multicast_command(&mut self, now: Instant, command: Command) -> Result<(), Errno> {
        self.tell(now);
        let before = self.vif_interfaces();
        let here = Here {
            routing: &self.routing,
            igmp: &self.igmp,
        };
        let events = &mut self.events;
        let released = self.multicast.command(self.now, command, &here, events)?;
        let after = self.vif_interfaces();
        for (interface, _) in before.iter().filter(|it| !after.contains(it)) {
            self.igmp.disable_router(*interface);
        }
        for (interface, address) in after.iter().filter(|it| !before.contains(it)) {
            self.igmp.enable_router(self.now, *interface, *address);
        }
        self.flush_igmp();
        for (interface, packet) in released {
            self.multicast_send(interface, packet);
        }
        self.settle();
        Ok(())
    }

    fn vif_interfaces(&self) -> Vec<(InterfaceId, Ipv4Addr)> {
        self.multicast
            .vifs()
            .map(|(_, vif)| (vif.interface, vif.address))
            .collect()
    }

    /// The virtual interfaces of multicast routing, by index.
    pub fn multicast_vifs(&self) -> impl Iterator<Item = (u8, &Vif)> {
        self.multicast.vifs()
    }

    /// The multicast routes, by sender and group.
    pub fn multicast_routes(&self) -> impl Iterator<Item = &RouteState> {
        self.multicast.routes()
    }

    /// Which way packets of `source` to `group` go through this host.
    #[must_use]
    pub fn multicast_tree(&self, source: Ipv4Addr, group: Ipv4Addr) -> Option<Tree> {
        let here = Here {
            routing: &self.routing,
            igmp: &self.igmp,
        };
        self.multicast.tree(source, group, &here)
    }

    /// The next thing that whoever sets multicast routes should know.
    pub fn poll_multicast_upcall(&mut self) -> Option<Upcall> {
        self.multicast.poll_upcall()
    }

    /// Forwards a packet for a group by every interface that wants it; `kept` if somebody has it anyway.
    pub(crate) fn multicast_forward(&mut self, inbound: &Inbound, packet: PacketBuf, kept: bool) {
        let here = Here {
            routing: &self.routing,
            igmp: &self.igmp,
        };
        let incoming = Incoming {
            interface: inbound.interface,
            header: &inbound.header,
            kept,
        };
        let events = &mut self.events;
        let copies: Vec<Forward> = self
            .multicast
            .handle_packet(self.now, &incoming, packet, &here, events);
        for (interface, copy) in copies {
            self.multicast_send(interface, copy);
        }
    }

    /// Sends a forwarded packet for a group by an interface, with one hop fewer to live.
    fn multicast_send(&mut self, interface: InterfaceId, mut packet: PacketBuf) {
        if ipv4::decrease_ttl(packet.as_mut_slice(), 1).is_none() {
            return;
        }
        let Ok((header, _, _)) = ipv4::Header::parse(packet.as_slice()) else {
            return;
        };
        let Some(mtu) = self.routing.interface(interface).map(|it| it.mtu) else {
            return;
        };
        let hop = Hop {
            interface,
            next: header.destination,
            source: header.source,
            mtu,
            cast: Cast::Multicast,
        };
        let sent = if packet.len() <= mtu {
            self.link_output(hop, header.destination, packet)
        } else if header.dont_fragment {
            // RFC 1122 §3.2.2: no error tells of a packet to a group.
            self.ip_counters.cannot_fragment += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::MulticastTooLong,
                interface = interface.0,
                source = header.source,
                destination = header.destination,
                len = packet.len(),
                detail = mtu
            );
            Err(Errno::MsgSize)
        } else {
            self.ip_fragment(hop, &header, packet)
        };
        self.ip_counters.forwarded_multicast += u64::from(sent.is_ok());
    }
}
