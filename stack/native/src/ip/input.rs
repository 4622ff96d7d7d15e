//! IP input: from frames to transports (RFC 1122 §3.2, the events `ipintr-*`).

use super::{Carried, Cast, Inbound};
use crate::dropped;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::iface::{InterfaceId, Medium};
use crate::ip::options::{self, Verdict};
use crate::ip::reassembly::Outcome;
use crate::ip::{Unreachable, checksum};
use crate::pkt::{ChecksumState, PacketBuf};
use crate::stack::Stack;
use crate::tcp;
use fairway_wire::{EtherType, Protocol, ethernet, ipv4};
use std::net::Ipv4Addr;

impl Stack {
    /// Takes a frame of an interface.
    pub(crate) fn frame_input(&mut self, id: InterfaceId, mut frame: PacketBuf) {
        let Some(interface) = self.routing.interface_mut(id) else {
            dropped!(
                self.events,
                self.now,
                DropReason::LinkUnknown,
                interface = id.0,
                len = frame.len()
            );
            return;
        };
        if !interface.is_running() {
            interface.counters.in_discards += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::LinkDown,
                interface = id.0,
                len = frame.len()
            );
            return;
        }
        interface.counters.in_octets += u64::try_from(frame.len()).unwrap_or(0);
        let Medium::Ethernet(own) = interface.medium else {
            interface.counters.in_unicast += 1;
            return self.ip_input(id, Carried::ToOne, frame);
        };
        let Ok((header, _)) = ethernet::Header::parse(frame.as_slice()) else {
            interface.counters.in_errors += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::LinkShort,
                interface = id.0,
                len = frame.len()
            );
            return;
        };
        let unicast = !header.destination.is_multicast();
        if unicast && header.destination != own {
            // For another: only a promiscuous interface even hears it, and it is not ours to process.
            interface.counters.in_discards += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::LinkNotOurs,
                interface = id.0,
                len = frame.len()
            );
            return;
        }
        let carried = if unicast {
            interface.counters.in_unicast += 1;
            Carried::ToOne
        } else {
            interface.counters.in_multicast += 1;
            Carried::ToMany
        };
        frame.pull_front(ethernet::Header::LEN);
        match header.ether_type {
            EtherType::IPV4 => self.ip_input(id, carried, frame),
            EtherType::ARP => self.arp_input(id, &frame),
            EtherType(other) => {
                interface.counters.in_unknown += 1;
                dropped!(
                    self.events,
                    self.now,
                    DropReason::LinkBadType,
                    interface = id.0,
                    len = frame.len(),
                    detail = other
                );
            }
        }
    }

    /// Takes an IP packet that came in by that interface, or is to be taken as if it had.
    pub(crate) fn ip_input(&mut self, id: InterfaceId, carried: Carried, mut packet: PacketBuf) {
        self.ip_counters.received += 1;
        let octets = packet.as_slice();
        let (header, ip_options) = match ipv4::Header::parse(octets) {
            Ok((header, ip_options, _)) => (header, ip_options),
            Err(error) => return self.ip_bad_header(id, error, &packet),
        };
        if packet.checksum == ChecksumState::Unknown && !ipv4::Header::verify_checksum(octets) {
            self.ip_counters.bad_checksum += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::IpBadChecksum,
                interface = id.0,
                source = header.source,
                destination = header.destination
            );
            return;
        }
        event!(
            self.events,
            self.now,
            EventId::IpIn,
            interface = id.0,
            source = header.source,
            destination = header.destination,
            protocol = header.protocol.0,
            len = header.total_len
        );
        let has_options = !ip_options.is_empty();
        packet.truncate(usize::from(header.total_len));
        let Some(inbound) = self.classify(id, carried, header) else {
            return;
        };
        // Of packets for others they are obeyed when it is known by which interface they leave.
        let passes = inbound.cast == Cast::Unicast && !inbound.for_us;
        if has_options && !passes && !self.process_options(&inbound, inbound.local, &mut packet) {
            return;
        }
        match inbound.cast {
            Cast::Unicast if inbound.for_us => self.ip_deliver(inbound, packet),
            Cast::Unicast => self.ip_forward(inbound, packet),
            Cast::Broadcast => self.ip_deliver(inbound, packet),
            Cast::Multicast => self.multicast_input(inbound, packet),
        }
    }

    /// What the packet is to this host; `None` if it was dropped.
    fn classify(
        &mut self,
        id: InterfaceId,
        carried: Carried,
        header: ipv4::Header,
    ) -> Option<Inbound> {
        let destination = header.destination;
        let looped = id == InterfaceId::LOOPBACK;
        let source = header.source;
        // RFC 1122 §3.2.1.3: nobody sends from a group or from all, 127/8 never leaves a host, and what this host sent
        // does not come back by a link: who says so (the "land" attack) wants it to talk to itself.
        let impossible = source.is_multicast()
            || source.is_broadcast()
            || source.to_bits() >= 0xf000_0000
            || !looped && (source.is_loopback() || destination.is_loopback())
            || carried != Carried::ByItself && self.routing.is_local(source)
            || self.routing.broadcast_on(source).is_some()
            // "This host on this network" is only for who does not know its address yet, and asks all.
            || source.octets()[0] == 0
                && !(source.is_unspecified()
                    && (destination.is_broadcast() || destination.is_multicast()));
        if impossible {
            self.ip_counters.bad_source += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::IpBadSource,
                interface = id.0,
                source = source,
                destination = destination
            );
            return None;
        }
        let interface = self.routing.interface(id)?;
        let holder = self.routing.holder(destination);
        // RFC 1122 §3.3.4.2: by the strong model an address is its interface's, by the weak one its host's.
        let strong = self.config.ip.strong_host && !looped;
        let for_us = holder.is_some_and(|holder| !strong || holder == id);
        let cast = if for_us {
            Cast::Unicast
        } else if destination.is_broadcast() || interface.is_broadcast(destination) {
            Cast::Broadcast
        } else if destination.is_multicast() {
            Cast::Multicast
        } else {
            Cast::Unicast
        };
        let local = if for_us {
            destination
        } else {
            interface
                .source_for(source)
                .unwrap_or(Ipv4Addr::UNSPECIFIED)
        };
        Some(Inbound {
            header,
            interface: id,
            cast,
            for_us,
            link_unicast: carried != Carried::ToMany,
            local,
        })
    }

    /// Counts a packet whose header makes no sense, with what can be read of it; `detail` is the field at fault.
    fn ip_bad_header(&mut self, id: InterfaceId, error: ipv4::ParseError, packet: &PacketBuf) {
        use ipv4::ParseError;
        let counters = &mut self.ip_counters;
        let (counter, reason, detail) = match error {
            ParseError::Short => (&mut counters.too_small, DropReason::IpShort, None),
            ParseError::Version(version) => (
                &mut counters.bad_version,
                DropReason::IpBadVersion,
                Some(u16::from(version)),
            ),
            ParseError::HeaderLength(length) => (
                &mut counters.bad_header_length,
                DropReason::IpBadHeaderLength,
                Some(u16::from(length)),
            ),
            ParseError::TotalLength { total_len, .. } => (
                &mut counters.bad_length,
                DropReason::IpBadLength,
                Some(total_len),
            ),
            ParseError::Truncated {
                total_len,
                available,
            } => {
                let version_ihl = packet.as_slice().first().copied().unwrap_or_default();
                let header_len = u16::from(version_ihl & 0x0f) * 4;
                // The dictionary tells a header that is cut short from data that are.
                if available < usize::from(header_len) {
                    (
                        &mut counters.bad_header_length,
                        DropReason::IpBadHeaderLength,
                        Some(header_len),
                    )
                } else {
                    (
                        &mut counters.too_short,
                        DropReason::IpTruncated,
                        Some(total_len),
                    )
                }
            }
            ParseError::Checksum => (&mut counters.bad_checksum, DropReason::IpBadChecksum, None),
        };
        *counter += 1;
        let address = |at: usize| {
            let octets = packet.as_slice().get(at..)?.first_chunk::<4>()?;
            Some(Ipv4Addr::from_octets(*octets))
        };
        dropped!(
            self.events,
            self.now,
            reason,
            interface = id.0,
            source = address(12),
            destination = address(16),
            len = packet.len(),
            detail = detail
        );
    }

    /// Obeys the options of a packet (RFC 791 §3.1), writing into it what they ask for, `local` being this host's
    /// address on the way. Says whether the packet goes on: if not, it was refused.
    pub(crate) fn process_options(
        &mut self,
        inbound: &Inbound,
        local: Ipv4Addr,
        packet: &mut PacketBuf,
    ) -> bool {
        let header = &inbound.header;
        let for_us = inbound.cast != Cast::Unicast || inbound.for_us;
        let clock = options::Stamper {
            local,
            now: self.now,
            is_local: &|address| self.routing.is_local(address),
        };
        let header_len = usize::from(header.header_len);
        let Some(octets) = packet.as_mut_slice().get_mut(..header_len) else {
            return false;
        };
        let result = options::process(octets, for_us, &clock);
        match result {
            Verdict::Pass { changed } => {
                if changed {
                    ipv4::fill_checksum(packet.as_mut_slice());
                }
                true
            }
            Verdict::Refuse { pointer, option } => {
                self.ip_counters.bad_options += 1;
                dropped!(
                    self.events,
                    self.now,
                    DropReason::IpBadOptions,
                    interface = inbound.interface.0,
                    source = header.source,
                    destination = header.destination,
                    detail = pointer,
                    request = option
                );
                self.parameter_problem(inbound, packet, pointer);
                false
            }
            Verdict::SourceRouteRefused { option } => {
                self.ip_counters.bad_options += 1;
                dropped!(
                    self.events,
                    self.now,
                    DropReason::IpSourceRoute,
                    interface = inbound.interface.0,
                    source = header.source,
                    destination = header.destination,
                    request = option
                );
                let whole = packet.clone();
                self.unreachable_whole(inbound, &whole, Unreachable::SourceRoute);
                false
            }
        }
    }

    /// Puts a packet together if it is a fragment, and gives it back if it is whole.
    pub(crate) fn reassemble(
        &mut self,
        inbound: &mut Inbound,
        mut packet: PacketBuf,
    ) -> Option<PacketBuf> {
        if !inbound.header.is_fragment() {
            return Some(packet);
        }
        self.ip_counters.fragments += 1;
        checksum::complete(&mut packet);
        let events = &mut self.events;
        match self
            .reassembly
            .handle_fragment(self.now, inbound.interface, packet, events)
        {
            Outcome::Whole(whole) => {
                let (header, _, _) = ipv4::Header::parse(whole.as_slice()).ok()?;
                self.ip_counters.reassembled += 1;
                event!(
                    self.events,
                    self.now,
                    EventId::IpReass,
                    interface = inbound.interface.0,
                    source = header.source,
                    destination = header.destination,
                    len = whole.len()
                );
                inbound.header = header;
                Some(whole)
            }
            Outcome::Waiting => None,
            Outcome::Dropped => {
                self.ip_counters.fragments_dropped += 1;
                None
            }
        }
    }

    /// Gives a packet for this host to its protocol, once it is whole.
    pub(crate) fn ip_deliver(&mut self, mut inbound: Inbound, packet: PacketBuf) {
        let Some(mut packet) = self.reassemble(&mut inbound, packet) else {
            return;
        };
        let raw = self.raw_input(&inbound, &packet);
        let header = &inbound.header;
        let header_len = usize::from(header.header_len);
        packet.pull_front(header_len);
        self.ip_counters.delivered += 1;
        match header.protocol {
            Protocol::TCP => self.tcp_input(&inbound, packet),
            Protocol::UDP => self.udp_input(&inbound, packet),
            Protocol::ICMP => self.icmp_input(&inbound, packet, raw),
            Protocol::IGMP => self.igmp_input(&inbound, &packet, raw),
            _ if raw => {}
            _ => {
                self.ip_counters.no_protocol += 1;
                dropped!(
                    self.events,
                    self.now,
                    DropReason::IpNoProtocol,
                    interface = inbound.interface.0,
                    source = header.source,
                    destination = header.destination,
                    protocol = header.protocol.0
                );
                // RFC 1122 §3.2.2.1: protocol unreachable.
                self.unreachable(&inbound, packet, Unreachable::Protocol);
            }
        }
    }

    fn tcp_input(&mut self, inbound: &Inbound, packet: PacketBuf) {
        let header = &inbound.header;
        let info = tcp::IpInfo {
            source: header.source,
            destination: header.destination,
            ttl: header.ttl,
            tos: header.dscp_ecn,
            interface: inbound.interface.0,
            // RFC 9293 §3.9.2.3: TCP has nothing to say to groups and to all.
            unicast: inbound.cast == Cast::Unicast && inbound.link_unicast,
        };
        let cx = &mut tcp_context!(self);
        self.tcp.handle_packet(cx, &info, packet);
    }
}
