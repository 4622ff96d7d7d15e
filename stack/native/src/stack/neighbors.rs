//! Neighbours as a host uses them: what ARP hears and says, and the packets that wait for it.

use super::Stack;
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId, MessageKind};
use crate::iface::{InterfaceId, Medium};
use crate::ip::{Cast, Hop, Inbound, Unreachable};
use crate::neigh::{Heard, Output, Resolution};
use crate::pkt::PacketBuf;
use fairway_wire::{EtherType, Instant, MacAddr, arp, ipv4};
use std::net::Ipv4Addr;

impl Stack {
    /// Takes an ARP packet.
    pub(crate) fn arp_input(&mut self, id: InterfaceId, frame: &PacketBuf) {
        let Ok(packet) = arp::Packet::parse(frame.as_slice()) else {
            if let Some(interface) = self.routing.interface_mut(id) {
                interface.counters.in_errors += 1;
            }
            dropped!(
                self.events,
                self.now,
                DropReason::ArpMalformed,
                interface = id.0,
                len = frame.len()
            );
            return;
        };
        event!(
            self.events,
            self.now,
            EventId::ArpIn,
            interface = id.0,
            source = packet.sender_ip,
            destination = packet.target_ip,
            detail = packet.operation.0
        );
        let before = self.neighbors.counters;
        let heard = self.neighbors.handle_arp(self.now, id, &packet);
        let after = self.neighbors.counters;
        for (reason, refused) in [
            (DropReason::ArpNoRoom, after.no_room > before.no_room),
            (
                DropReason::ArpNoAnswer,
                after.replies_suppressed > before.replies_suppressed,
            ),
        ] {
            if refused {
                dropped!(
                    self.events,
                    self.now,
                    reason,
                    interface = id.0,
                    source = packet.sender_ip
                );
            }
        }
        match heard {
            Heard::Nothing => {}
            Heard::Resolved { address, .. } | Heard::Moved { address, .. } => {
                self.routing.routes.handle_live_gateway(address);
                event!(
                    self.events,
                    self.now,
                    EventId::ArpResolved,
                    interface = id.0,
                    source = address
                );
            }
            Heard::Conflict { address, mac, lost } => {
                if lost && self.tentative.remove(&(id, address)).is_none() {
                    // It was used before the link was down. That there is such an interface is known.
                    let _used = self.drop_address(id, address);
                }
                let news = MessageKind::DuplicateAddress {
                    address,
                    link_address: mac.0,
                };
                self.events.publish(self.now, &news);
                event!(
                    self.events,
                    self.now,
                    EventId::ArpInputDupaddr,
                    interface = id.0,
                    source = address,
                    detail = mac,
                    reason = if lost { "given up" } else { "kept" }
                );
            }
            Heard::BroadcastSource => {
                let news = MessageKind::BroadcastLinkAddress {
                    address: packet.sender_ip,
                };
                self.events.publish(self.now, &news);
                dropped!(
                    self.events,
                    self.now,
                    DropReason::ArpGroupSender,
                    interface = id.0,
                    source = packet.sender_ip
                );
            }
            Heard::BadSender => self.arp_useless(id, &packet, DropReason::ArpBadSender),
            Heard::BadOperation => self.arp_useless(id, &packet, DropReason::ArpBadOperation),
            Heard::Own => self.arp_useless(id, &packet, DropReason::ArpOwn),
        }
        self.flush_neighbors();
    }

    fn arp_useless(&mut self, id: InterfaceId, packet: &arp::Packet, reason: DropReason) {
        dropped!(
            self.events,
            self.now,
            reason,
            interface = id.0,
            source = packet.sender_ip,
            detail = packet.operation.0
        );
    }

    /// The link address of the next host, or nothing while it is being asked for.
    pub(crate) fn resolve(
        &mut self,
        hop: Hop,
        packet: PacketBuf,
    ) -> Result<Option<(MacAddr, PacketBuf)>, Errno> {
        match self
            .neighbors
            .resolve(self.now, hop.interface, hop.next, packet)
        {
            Resolution::Known(address, packet) => Ok(Some((address, packet))),
            Resolution::Queued { dropped, full } => {
                let reason = if full {
                    DropReason::NeighbourNoRoom
                } else {
                    DropReason::NeighbourWaiting
                };
                for _ in 0..dropped {
                    self.drop_outbound(hop.interface);
                    dropped!(
                        self.events,
                        self.now,
                        reason,
                        interface = hop.interface.0,
                        destination = hop.next,
                        errno = Errno::NoBufs
                    );
                }
                self.flush_neighbors();
                Ok(None)
            }
            Resolution::Suspended { packet, until } => {
                self.rejected(
                    hop.interface,
                    hop.next,
                    until,
                    DropReason::NeighbourSuspended,
                );
                self.tell_others_host_unreachable(hop.interface, &packet);
                Err(Errno::HostDown)
            }
            Resolution::NoSource(packet) => {
                if let Some(interface) = self.routing.interface_mut(hop.interface) {
                    interface.counters.out_errors += 1;
                }
                dropped!(
                    self.events,
                    self.now,
                    DropReason::NeighbourNoSource,
                    interface = hop.interface.0,
                    destination = hop.next,
                    errno = Errno::HostUnreach
                );
                self.tell_others_host_unreachable(hop.interface, &packet);
                Err(Errno::HostUnreach)
            }
        }
    }

    /// Tells the sender of a forwarded packet that the next host cannot be reached (RFC 1812 §5.2.7.1); a sender here
    /// has the error of its call.
    fn tell_others_host_unreachable(&mut self, id: InterfaceId, packet: &PacketBuf) {
        if let Ok((header, _, _)) = ipv4::Header::parse(packet.as_slice())
            && !self.routing.is_local(header.source)
        {
            self.host_unreachable(id, header, packet);
        }
    }

    fn drop_outbound(&mut self, id: InterfaceId) {
        if let Some(interface) = self.routing.interface_mut(id) {
            interface.counters.out_discards += 1;
        }
    }

    fn rejected(&mut self, id: InterfaceId, address: Ipv4Addr, until: Instant, reason: DropReason) {
        if let Some(interface) = self.routing.interface_mut(id) {
            interface.counters.out_errors += 1;
        }
        dropped!(
            self.events,
            self.now,
            reason,
            interface = id.0,
            destination = address,
            errno = Errno::HostDown,
            detail = until.as_nanos()
        );
    }

    /// Does what the table of neighbours wants done: questions, answers, packets that waited.
    pub(crate) fn flush_neighbors(&mut self) {
        while let Some(output) = self.neighbors.poll_output() {
            match output {
                Output::Transmit {
                    interface,
                    destination,
                    packet,
                } => {
                    event!(
                        self.events,
                        self.now,
                        EventId::ArpOut,
                        interface = interface.0,
                        source = packet.sender_ip,
                        destination = packet.target_ip,
                        detail = packet.operation.0
                    );
                    let mut frame = PacketBuf::new(arp::Packet::LEN);
                    if let Some(octets) = frame.grow(arp::Packet::LEN).as_mut_array() {
                        packet.emit(octets);
                    }
                    self.link_frame(interface, destination, EtherType::ARP, frame);
                }
                Output::Release {
                    interface,
                    destination,
                    packet,
                } => self.link_frame(interface, destination, EtherType::IPV4, packet),
                Output::Unreachable {
                    interface,
                    address,
                    packet,
                } => self.neighbor_unreachable(interface, address, &packet),
                Output::Forgotten {
                    interface,
                    address,
                    len,
                } => {
                    self.drop_outbound(interface);
                    dropped!(
                        self.events,
                        self.now,
                        DropReason::NeighbourForgotten,
                        interface = interface.0,
                        destination = address,
                        len = len
                    );
                }
                Output::Suspended { address, until, .. } => {
                    // RFC 1122 §3.3.1.4: routes by a dead router are bad.
                    self.routing.routes.handle_dead_gateway(address, until);
                }
                Output::Expired { interface, address } => {
                    event!(
                        self.events,
                        self.now,
                        EventId::ArpExpired,
                        interface = interface.0,
                        source = address
                    );
                }
                Output::Ready { interface, address } => {
                    if let Some(address) = self.tentative.remove(&(interface, address)) {
                        // It was checked when it was first asked for.
                        let _taken = self.take_address(interface, address);
                    }
                }
            }
        }
    }

    /// Queues a frame; one that cannot be queued is counted and lost, as on a wire.
    fn link_frame(
        &mut self,
        id: InterfaceId,
        to: MacAddr,
        ether_type: EtherType,
        frame: PacketBuf,
    ) {
        let Some(interface) = self.routing.interface_mut(id) else {
            return;
        };
        let Medium::Ethernet(own) = interface.medium else {
            return;
        };
        if interface.is_running() {
            let _queued = self.ethernet_output(id, own, to, ether_type, frame);
        } else {
            interface.counters.out_errors += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::OutputDown,
                interface = id.0,
                len = frame.len()
            );
        }
    }

    /// A packet waited in vain for its neighbour: its sender is told (RFC 1812 §5.2.7.1, RFC 1122 §2.3.2.2).
    fn neighbor_unreachable(&mut self, id: InterfaceId, address: Ipv4Addr, packet: &PacketBuf) {
        self.rejected(id, address, self.now, DropReason::NeighbourSilent);
        let Ok((header, _, _)) = ipv4::Header::parse(packet.as_slice()) else {
            return;
        };
        self.host_unreachable(id, header, packet);
    }

    fn host_unreachable(&mut self, id: InterfaceId, header: ipv4::Header, packet: &PacketBuf) {
        let local = self
            .routing
            .interface(id)
            .and_then(|interface| interface.source_for(header.source));
        let inbound = Inbound {
            header,
            interface: id,
            cast: Cast::Unicast,
            for_us: true,
            link_unicast: true,
            local: local.unwrap_or(Ipv4Addr::UNSPECIFIED),
        };
        self.unreachable_whole(&inbound, packet, Unreachable::Host);
    }
}
