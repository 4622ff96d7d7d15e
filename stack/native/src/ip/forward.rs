//! Packets for others (RFC 1812 §5.2, §5.3).

use super::options;
use super::routing::NoWay;
use super::segment;
use super::{Cast, Hop, Inbound, Send, Unreachable};
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::iface::InterfaceId;
use crate::pkt::PacketBuf;
use crate::sock::SocketId;
use crate::stack::Stack;
use fairway_wire::icmp::Message;
use fairway_wire::{Protocol, ipv4};
use std::net::Ipv4Addr;

impl Stack {
    /// Passes a packet on towards its destination; `packet` begins with its IP header.
    pub(crate) fn ip_forward(&mut self, inbound: Inbound, packet: PacketBuf) {
        let header = inbound.header;
        if !self.config.ip.forwarding {
            self.ip_counters.cannot_forward += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::IpNotOurs,
                interface = inbound.interface.0,
                source = header.source,
                destination = header.destination
            );
            return;
        }
        // RFC 1812 §5.3.4: what the link sent to all is for nobody further on; §4.2.3.1: classes D and E, networks 0
        // and 127, are never forwarded.
        let never = |address: Ipv4Addr| {
            let [first, ..] = address.octets();
            first == 0 || first == 127 || first >= 224
        };
        if !inbound.link_unicast || never(header.destination) || never(header.source) {
            return self.cannot_forward(&header, DropReason::ForwardNever);
        }
        let to_all = self.routing.broadcast_on(header.destination);
        if to_all.is_some() && !self.config.ip.directed_broadcasts {
            // RFC 2644: directed broadcasts stop here, unless asked for.
            return self.cannot_forward(&header, DropReason::ForwardDirected);
        }
        // RFC 2113 §2.1: a router looks at it more closely, however far it could still go and whether there is a way.
        let Some(mut packet) = self.take_alert(&inbound, packet) else {
            return;
        };
        if header.ttl <= 1 {
            dropped!(
                self.events,
                self.now,
                DropReason::ForwardTtl,
                interface = inbound.interface.0,
                source = header.source,
                destination = header.destination
            );
            self.ip_counters.cannot_forward += 1;
            return self.time_exceeded(&inbound, &packet);
        }
        if let Some(interface) = to_all {
            return self.forward_to_all(&inbound, interface, packet);
        }
        let send = Send {
            transparent: true,
            ..Send::plain(header.destination, header.protocol, header.ttl)
        };
        let hop = match self.way_for(&send) {
            Ok(hop) => hop,
            Err(no) => {
                self.ip_counters.cannot_forward += 1;
                self.no_way_for_others(&inbound, no);
                let code = match no.errno {
                    Errno::NetUnreach => Unreachable::Network,
                    Errno::Inval => return, // A black hole says nothing.
                    _ => Unreachable::Host,
                };
                return self.unreachable_whole(&inbound, &packet, code);
            }
        };
        if usize::from(header.header_len) > ipv4::Header::LEN {
            let leaves_by = self.routing.interface(hop.interface);
            let local = leaves_by.and_then(|interface| interface.source_for(hop.next));
            let local = local.unwrap_or(inbound.local);
            if !self.process_options(&inbound, local, &mut packet) {
                return;
            }
        }
        if hop.interface == inbound.interface {
            self.consider_redirect(&inbound, &hop, &packet);
        }
        self.forward_by(&inbound, hop, packet);
    }

    /// Gives a packet for others that carries router alert to the sockets that asked for those of its protocol, instead
    /// of forwarding it; gives it back if there are none.
    ///
    /// They get whole packets: what comes in fragments, each of which carries the option (RFC 2113 §2.1), is put
    /// together first, within the limits of reassembly. RFC 6398 §5: what nobody asked for passes as if it had no option,
    /// and costs no more than a look.
    fn take_alert(&mut self, inbound: &Inbound, packet: PacketBuf) -> Option<PacketBuf> {
        let receivers = self.alerted(inbound, &packet);
        if receivers.is_empty() {
            return Some(packet);
        }
        let mut inbound = *inbound;
        if let Some(whole) = self.reassemble(&mut inbound, packet) {
            for id in receivers {
                self.raw_deliver(id, &inbound, &whole);
            }
        }
        None
    }

    /// The sockets that a packet in transit with router alert is for instead of whoever comes next.
    pub(crate) fn alerted(&self, inbound: &Inbound, packet: &PacketBuf) -> Vec<SocketId> {
        let header_len = usize::from(inbound.header.header_len);
        let options = packet.as_slice().get(..header_len);
        let alerts = header_len > ipv4::Header::LEN
            && self.config.ip.forwarding
            && options.is_some_and(options::alerts_routers);
        if alerts {
            self.raw_alert_receivers(inbound)
        } else {
            Vec::new()
        }
    }

    /// A packet for all hosts of another network that this one is in: they get it, and this one does.
    fn forward_to_all(&mut self, inbound: &Inbound, interface: InterfaceId, packet: PacketBuf) {
        let header = inbound.header;
        let Some(mtu) = self.routing.interface(interface).map(|it| it.mtu) else {
            return;
        };
        let hop = Hop {
            interface,
            next: header.destination,
            source: header.source,
            mtu,
            cast: Cast::Broadcast,
        };
        let for_us = Inbound {
            cast: Cast::Broadcast,
            ..*inbound
        };
        self.forward_by(inbound, hop, packet.clone());
        self.ip_deliver(for_us, packet);
    }

    /// Tells of a packet for others that there is no way for.
    fn no_way_for_others(&mut self, inbound: &Inbound, no: NoWay) {
        let header = &inbound.header;
        let reason = match no.reason {
            DropReason::OutputRejected => DropReason::ForwardRejected,
            DropReason::OutputBlackHole => DropReason::ForwardBlackHole,
            DropReason::OutputDown => DropReason::ForwardDown,
            _ => DropReason::ForwardNoRoute,
        };
        if no.errno == Errno::NetUnreach {
            self.route_missed(header.destination);
        }
        dropped!(
            self.events,
            self.now,
            reason,
            interface = inbound.interface.0,
            source = header.source,
            destination = header.destination,
            errno = no.errno
        );
    }

    fn cannot_forward(&mut self, header: &ipv4::Header, reason: DropReason) {
        self.ip_counters.cannot_forward += 1;
        dropped!(
            self.events,
            self.now,
            reason,
            source = header.source,
            destination = header.destination
        );
    }

    /// RFC 1812 §5.2.7.2: the sender has a better first hop, on the network it is on itself.
    fn consider_redirect(&mut self, inbound: &Inbound, hop: &Hop, packet: &PacketBuf) {
        let Some(interface) = self.routing.interface(inbound.interface) else {
            return;
        };
        let near = interface
            .addresses
            .iter()
            .any(|own| own.covers(inbound.header.source));
        let source_routed = inbound.header.header_len > 20;
        if self.config.ip.send_redirects && interface.redirects && near && !source_routed {
            self.redirect(inbound, packet, hop.next);
        }
    }

    /// Sends on by `hop`: one hop fewer to live, cut or refused if it is too long.
    pub(crate) fn forward_by(&mut self, inbound: &Inbound, hop: Hop, mut packet: PacketBuf) {
        let header = inbound.header;
        // Of a segment that is still to be cut, it is the pieces that must fit.
        if header.dont_fragment && packet.len() > hop.mtu && segment::longest(&packet) > hop.mtu {
            self.ip_counters.cannot_forward += 1;
            self.ip_counters.cannot_fragment += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::ForwardTooLong,
                interface = hop.interface.0,
                source = header.source,
                destination = header.destination,
                len = packet.len(),
                detail = hop.mtu
            );
            // RFC 1191 §4: with the MTU of the next hop.
            let mtu = u16::try_from(hop.mtu).unwrap_or(u16::MAX);
            let what = Unreachable::FragmentationNeeded(mtu);
            return match segment::segment(&packet, usize::MAX).first() {
                // The sender is told of what it would have sent without offload.
                Some(first) if packet.segment_size != 0 => {
                    self.unreachable_whole(inbound, first, what);
                }
                _ => self.unreachable_whole(inbound, &packet, what),
            };
        }
        // RFC 1812 §5.3.1.
        if ipv4::decrease_ttl(packet.as_mut_slice(), 1).is_none() {
            return;
        }
        // For a source quench, should there be no room: by then the packet is gone.
        let copy = self.config.icmp.source_quench.then(|| packet.clone());
        let length = packet.len();
        let long = length > hop.mtu && packet.segment_size == 0;
        let sent = if long {
            let mut header = header;
            header.ttl -= 1;
            self.ip_fragment(hop, &header, packet)
        } else if length > hop.mtu {
            let mut header = header;
            header.ttl -= 1;
            self.ip_emit(hop, &header, false, packet)
        } else {
            self.link_output(hop, header.destination, packet)
        };
        match sent {
            Ok(()) => {
                self.ip_counters.forwarded += 1;
                event!(
                    self.events,
                    self.now,
                    EventId::IpForward,
                    interface = hop.interface.0,
                    source = header.source,
                    destination = header.destination,
                    protocol = header.protocol.0,
                    len = length
                );
            }
            // Its queue is full (counted there), or the next host does not answer ARP.
            Err(errno) => {
                self.ip_counters.cannot_forward += 1;
                if errno == Errno::NoBufs
                    && let Some(copy) = copy
                {
                    self.icmp_error(inbound, &copy, Message::SourceQuench);
                }
            }
        }
    }

    /// A packet for a group: to members on this host, and to networks with members further on.
    pub(crate) fn multicast_input(&mut self, inbound: Inbound, packet: PacketBuf) {
        let header = inbound.header;
        let igmp = header.protocol == Protocol::IGMP;
        // The forwarder says itself what becomes of what it takes. Messages of IGMP are about one network and stay there
        // (RFC 2236 §2, "All IGMP messages ... are sent with IP TTL 1"), whatever their time to live.
        let routes = !igmp
            && inbound.interface != InterfaceId::LOOPBACK
            && self.multicast.takes(inbound.interface, header.destination);
        // A querier and its rivals hear what is sent to any group (RFC 3376 §6).
        let member = igmp || self.igmp.is_member(inbound.interface, header.destination);
        if member {
            // RFC 2113 §2.1, as below: who asked for it gets it with all other members, and decides where it goes on.
            let passes = routes && self.alerted(&inbound, &packet).is_empty();
            let copy = passes.then(|| packet.clone());
            self.ip_deliver(inbound, packet);
            if let Some(copy) = copy {
                self.multicast_forward(&inbound, copy, true);
            }
            return;
        }
        // RFC 2113 §2.1: whoever asked for it decides where it goes on.
        let Some(packet) = self.take_alert(&inbound, packet) else {
            return;
        };
        if routes {
            self.multicast_forward(&inbound, packet, false);
        } else {
            self.ip_counters.cannot_forward += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::IpNoMember,
                interface = inbound.interface.0,
                source = header.source,
                destination = header.destination
            );
        }
    }
}
