//! IP output: from a transport's packet to frames in the queue of an interface.

use super::routing::NoWay;
use super::{Cast, Flow, Hop, Inbound, checksum};
use crate::datagram::Departure;
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::iface::{InterfaceId, Medium};
use crate::ip::{fragment, segment};
use crate::pkt::{ChecksumState, PacketBuf};
use crate::qos::Dropped;
use crate::sock::{MtuDiscovery, SocketOptions};
use crate::stack::Stack;
use fairway_wire::checksum::update_u32;
use fairway_wire::{EtherType, MacAddr, Protocol, ethernet, ipv4};
use std::net::Ipv4Addr;

/// How a packet is to go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Send {
    /// The address to send from; `None` for that of the way.
    pub(crate) source: Option<Ipv4Addr>,
    pub(crate) destination: Ipv4Addr,
    pub(crate) protocol: Protocol,
    pub(crate) tos: u8,
    pub(crate) ttl: u8,
    /// Marked so if it fits.
    pub(crate) dont_fragment: bool,
    /// Refused if it does not fit.
    pub(crate) never_fragment: bool,
    /// The interface to send by; `None` for that of the route.
    pub(crate) interface: Option<InterfaceId>,
    /// Only to hosts of the networks this one is in.
    pub(crate) dont_route: bool,
    /// Members on this host get it too.
    pub(crate) multicast_loop: bool,
    /// It may go to all of a network.
    pub(crate) broadcast: bool,
    /// To 255.255.255.255, it goes out on every interface.
    pub(crate) everywhere: bool,
    /// The source need not be an address of this host.
    pub(crate) transparent: bool,
    pub(crate) class: u32,
}

impl Send {
    /// To `destination`, without anything special.
    pub(crate) const fn plain(destination: Ipv4Addr, protocol: Protocol, ttl: u8) -> Self {
        Self {
            source: None,
            destination,
            protocol,
            tos: 0,
            ttl,
            dont_fragment: false,
            never_fragment: false,
            interface: None,
            dont_route: false,
            multicast_loop: true,
            broadcast: false,
            everywhere: false,
            transparent: false,
            class: 0,
        }
    }

    /// As the options of a socket and the call want it; `bound` is the socket's own address.
    pub(crate) fn new(
        options: &SocketOptions,
        departure: &Departure,
        bound: Option<Ipv4Addr>,
        destination: Ipv4Addr,
        protocol: Protocol,
    ) -> Self {
        let group = destination.is_multicast();
        let ttl = if group {
            options.multicast_ttl
        } else {
            options.ttl
        };
        let by_group = options.multicast_interface.filter(|_| group);
        Self {
            source: departure.source.or(bound),
            destination,
            protocol,
            tos: options.tos,
            ttl: departure.ttl.unwrap_or(ttl),
            dont_fragment: options.mtu_discovery != MtuDiscovery::Off,
            never_fragment: matches!(
                options.mtu_discovery,
                MtuDiscovery::Always | MtuDiscovery::Probe
            ),
            interface: departure.interface.or(options.device).or(by_group),
            dont_route: options.dont_route || departure.dont_route,
            multicast_loop: options.multicast_loop,
            broadcast: options.broadcast,
            everywhere: options.limited_broadcast_everywhere,
            transparent: options.transparent,
            class: options.class,
        }
    }
}

/// The flow of a packet; `payload` is what follows its IP header.
pub(crate) fn flow_of(header: &ipv4::Header, payload: &[u8]) -> Flow {
    let ports = match payload {
        &[a, b, c, d, ..] if header.protocol == Protocol::UDP => {
            (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
        }
        _ => (0, 0),
    };
    Flow {
        protocol: header.protocol,
        destination: header.destination,
        ports,
    }
}

/// Gives a packet the source and the mark against fragmentation of `header`, and makes its checksums right again.
fn readdress(packet: &mut PacketBuf, header: &ipv4::Header) {
    let computed = packet.checksum == ChecksumState::Unknown;
    let octets = packet.as_mut_slice();
    let (Some(flags), true) = (octets.get(6).copied(), octets.len() >= ipv4::Header::LEN) else {
        return;
    };
    let mut old = [0; 4];
    if let Some(source) = octets.get_mut(12..16) {
        old.copy_from_slice(source);
        source.copy_from_slice(&header.source.octets());
    }
    if let Some(it) = octets.get_mut(6) {
        *it = flags & !0x40 | u8::from(header.dont_fragment) << 6;
    }
    ipv4::fill_checksum(octets);
    // The pseudo-header of UDP has the source, too (RFC 768).
    let udp = usize::from(header.header_len) + 6;
    if header.protocol == Protocol::UDP
        && computed
        && let Some(field) = octets.get_mut(udp..udp + 2)
        && let &mut [high, low] = field
        && (high, low) != (0, 0)
    {
        let (from, to) = (u32::from_be_bytes(old), header.source.to_bits());
        let sum = update_u32(u16::from_be_bytes([high, low]), from, to);
        // RFC 768: "If the computed checksum is zero, it is transmitted as all ones".
        let sum = if sum == 0 { u16::MAX } else { sum };
        field.copy_from_slice(&sum.to_be_bytes());
    }
}

impl Stack {
    /// The way of a packet, from the cache where the routes decide alone.
    #[inline]
    pub(crate) fn way_for(&mut self, send: &Send) -> Result<Hop, NoWay> {
        let plain =
            send.interface.is_none() && !send.dont_route && !send.destination.is_multicast();
        if plain && let Some(hop) = self.hops.get(self.routing.generation(), send.destination) {
            return Ok(hop);
        }
        let hop = self.routing.hop(send)?;
        if plain && hop.cast == Cast::Unicast {
            self.hops.put(send.destination, hop);
        }
        Ok(hop)
    }

    /// Tells that no route leads to an address.
    pub(crate) fn route_missed(&mut self, destination: Ipv4Addr) {
        event!(
            self.events,
            self.now,
            EventId::Rtalloc1Miss,
            destination = destination
        );
    }

    /// The way of a packet of this host; that there is none is counted and told.
    #[inline]
    pub(crate) fn hop_for(&mut self, send: &Send) -> Result<Hop, Errno> {
        match self.way_for(send) {
            Ok(hop) => Ok(hop),
            Err(no) => {
                if no.errno == Errno::NetUnreach {
                    self.route_missed(send.destination);
                }
                match no.reason.event() {
                    EventId::IpOutputBadaddr => self.ip_counters.no_route += 1,
                    _ => self.ip_counters.output_dropped += 1,
                }
                dropped!(
                    self.events,
                    self.now,
                    no.reason,
                    source = send.source,
                    destination = send.destination,
                    errno = no.errno
                );
                Err(no.errno)
            }
        }
    }

    /// Whether what goes that way needs no transport checksum.
    #[inline]
    pub(crate) fn is_trusted(&self, hop: &Hop) -> bool {
        self.routing
            .interface(hop.interface)
            .is_some_and(|interface| interface.trusted)
    }

    /// The identification of a packet (RFC 6864).
    pub(crate) fn ip_ident(
        &mut self,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        protocol: Protocol,
        dont_fragment: bool,
    ) -> u16 {
        let number_atomic = self.config.ip.number_atomic;
        self.idents.next(
            self.now,
            source,
            destination,
            protocol,
            dont_fragment,
            number_atomic,
        )
    }

    /// Sends a transport's packet that way.
    pub(crate) fn ip_send(
        &mut self,
        send: &Send,
        hop: Hop,
        source: Ipv4Addr,
        options: Option<&[u8]>,
        mut packet: PacketBuf,
    ) -> Result<(), Errno> {
        let elsewhere = hop.interface != InterfaceId::LOOPBACK;
        let not_ours = !source.is_unspecified() && !self.routing.is_local(source);
        let stays = source.is_loopback() && elsewhere;
        if stays || not_ours && !send.transparent {
            // RFC 1122 §3.2.1.3: a host sends from its own addresses, and those of 127.0.0.0/8 do not leave it.
            let reason = if stays {
                DropReason::OutputLoopback
            } else {
                DropReason::OutputForeign
            };
            return self.bad_source(source, send.destination, reason);
        }
        let options = options.unwrap_or(&[]);
        let header_len = ipv4::Header::LEN + options.len().next_multiple_of(4);
        let whole = packet.len() + header_len;
        let Ok(total_len) = u16::try_from(whole) else {
            self.ip_counters.output_dropped += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::OutputPast,
                source = source,
                destination = send.destination,
                len = whole,
                errno = Errno::MsgSize
            );
            return Err(Errno::MsgSize);
        };
        let fits = whole <= hop.mtu || packet.segment_size != 0;
        let dont_fragment = send.dont_fragment && (fits || send.never_fragment);
        let header = ipv4::Header {
            dscp_ecn: send.tos,
            total_len,
            id: self.ip_ident(source, send.destination, send.protocol, dont_fragment),
            dont_fragment,
            more_fragments: false,
            fragment_offset: 0,
            ttl: send.ttl,
            protocol: send.protocol,
            source,
            destination: send.destination,
            header_len: u8::try_from(header_len).map_err(|_| Errno::Inval)?,
        };
        // TCP knows what it has sent.
        let flow = (send.protocol != Protocol::TCP && hop.cast == Cast::Unicast)
            .then(|| flow_of(&header, packet.as_slice()));
        header.emit(options, packet.push_front(header_len));
        packet.class = send.class;
        self.ip_counters.sent += 1;
        if send.everywhere && send.destination.is_broadcast() {
            return self.ip_emit_everywhere(send, &header, &packet);
        }
        let local_copy = hop.cast != Cast::Multicast || send.multicast_loop;
        self.ip_emit(hop, &header, local_copy, packet)?;
        if let Some(flow) = flow {
            self.recent.note(self.now, &flow, whole);
        }
        Ok(())
    }

    /// Tells of a packet that may not go out with its source.
    pub(crate) fn bad_source(
        &mut self,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        reason: DropReason,
    ) -> Result<(), Errno> {
        self.ip_counters.output_dropped += 1;
        dropped!(
            self.events,
            self.now,
            reason,
            source = source,
            destination = destination,
            errno = Errno::AddrNotAvail
        );
        Err(Errno::AddrNotAvail)
    }

    /// Sends a broadcast out on every interface that can (`SO_L_BROADCAST`): from the address that this host has there,
    /// unless the sender named one, and no longer than that interface carries. One that fails keeps no other from it; an
    /// error is the caller's if all have failed.
    fn ip_emit_everywhere(
        &mut self,
        send: &Send,
        header: &ipv4::Header,
        packet: &PacketBuf,
    ) -> Result<(), Errno> {
        let able: Vec<InterfaceId> = self
            .routing
            .interfaces
            .iter()
            .filter(|interface| interface.can_broadcast() && interface.is_running())
            .map(|interface| interface.id)
            .collect();
        let (mut any, mut failed) = (false, None);
        // This host gets one of them, not one for each of its networks.
        let mut local_copy = true;
        for interface in able {
            let send = Send {
                interface: Some(interface),
                ..*send
            };
            let sent = self.hop_for(&send).and_then(|hop| {
                let header = ipv4::Header {
                    source: send.source.unwrap_or(hop.source),
                    dont_fragment: header.dont_fragment
                        && (send.never_fragment || packet.len() <= hop.mtu),
                    ..*header
                };
                let mut packet = packet.clone();
                readdress(&mut packet, &header);
                let first = std::mem::take(&mut local_copy);
                self.ip_emit(hop, &header, first, packet)
            });
            match sent {
                Ok(()) => any = true,
                Err(errno) => failed = failed.or(Some(errno)),
            }
        }
        if any {
            return Ok(());
        }
        Err(failed.unwrap_or(Errno::NetUnreach))
    }

    /// Sends a packet with its header: to this host too if it is to several and `local_copy` says so; cut if it must be,
    /// or whole.
    pub(crate) fn ip_emit(
        &mut self,
        hop: Hop,
        header: &ipv4::Header,
        local_copy: bool,
        mut packet: PacketBuf,
    ) -> Result<(), Errno> {
        event!(
            self.events,
            self.now,
            EventId::IpOut,
            interface = hop.interface.0,
            source = header.source,
            destination = header.destination,
            protocol = header.protocol.0,
            len = packet.len()
        );
        if hop.cast == Cast::Multicast {
            // MUL-9: members on this host, if the sender wants it; never after a TTL of zero left the host.
            let routes = self.multicast.is_interested(hop.interface);
            let member = self.igmp.is_member(hop.interface, header.destination) || routes;
            if local_copy && member {
                self.loop_back(hop.interface, packet.clone());
            } else if self.multicast.takes(hop.interface, header.destination) && header.ttl > 1 {
                // A router passes on what it sends itself, whoever wants to hear it here.
                let inbound = Inbound {
                    header: *header,
                    interface: hop.interface,
                    cast: Cast::Multicast,
                    for_us: false,
                    link_unicast: false,
                    local: header.source,
                };
                // But for what asks routers to look at it, where somebody does: they send it to wherever it is to go.
                if self.alerted(&inbound, &packet).is_empty() {
                    self.multicast_forward(&inbound, packet.clone(), true);
                }
            }
            // The loopback interface leads to nobody else.
            if header.ttl == 0 || hop.interface == InterfaceId::LOOPBACK {
                return Ok(());
            }
        } else if hop.cast == Cast::Broadcast && local_copy {
            // RFC 1122 §3.3.6: this host is one of them.
            self.loop_back(hop.interface, packet.clone());
        }
        if packet.len() <= hop.mtu {
            return self.link_output(hop, header.destination, packet);
        }
        if packet.segment_size != 0 {
            let able = self
                .routing
                .interface(hop.interface)
                .is_some_and(|interface| interface.segmentation);
            if able {
                return self.link_output(hop, header.destination, packet);
            }
            checksum::complete(&mut packet);
            let pieces = segment::segment(&packet, hop.mtu);
            return self.emit_pieces(hop, header.destination, pieces);
        }
        if hop.cast == Cast::Broadcast && !self.config.ip.large_broadcasts || header.dont_fragment {
            self.ip_counters.cannot_fragment += 1;
            let reason = if header.dont_fragment {
                DropReason::OutputWhole
            } else {
                DropReason::OutputLargeBroadcast
            };
            dropped!(
                self.events,
                self.now,
                reason,
                source = header.source,
                destination = header.destination,
                len = packet.len(),
                errno = Errno::MsgSize,
                detail = hop.mtu
            );
            return Err(Errno::MsgSize);
        }
        self.ip_fragment(hop, header, packet)
    }

    /// Cuts a packet and sends the pieces.
    pub(crate) fn ip_fragment(
        &mut self,
        hop: Hop,
        header: &ipv4::Header,
        mut packet: PacketBuf,
    ) -> Result<(), Errno> {
        checksum::complete(&mut packet);
        let Ok(pieces) = fragment::fragment(&packet, hop.mtu) else {
            // RFC 791: a fragment carries eight octets at least.
            self.ip_counters.cannot_fragment += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::OutputNarrow,
                source = header.source,
                destination = header.destination,
                len = packet.len(),
                errno = Errno::MsgSize,
                detail = hop.mtu
            );
            return Err(Errno::MsgSize);
        };
        self.ip_counters.fragmented += 1;
        self.ip_counters.fragments_created += u64::try_from(pieces.len()).unwrap_or(0);
        event!(
            self.events,
            self.now,
            EventId::IpFrag,
            interface = hop.interface.0,
            source = header.source,
            destination = header.destination,
            len = packet.len(),
            detail = pieces.len()
        );
        self.emit_pieces(hop, header.destination, pieces)
    }

    fn emit_pieces(
        &mut self,
        hop: Hop,
        destination: Ipv4Addr,
        pieces: Vec<PacketBuf>,
    ) -> Result<(), Errno> {
        let mut pieces = pieces.into_iter();
        let mut result = Ok(());
        while let Some(piece) = pieces.next()
            && result.is_ok()
        {
            result = self.link_output(hop, destination, piece);
            if let Err(errno) = result {
                // Without that one the others are of no use.
                for lost in pieces.as_slice() {
                    dropped!(
                        self.events,
                        self.now,
                        DropReason::OutputPiece,
                        interface = hop.interface.0,
                        destination = destination,
                        len = lost.len(),
                        errno = errno
                    );
                }
            }
        }
        result
    }

    /// Sends a packet for `destination` by a link: finds the link address of the next host, and queues the frame.
    pub(crate) fn link_output(
        &mut self,
        hop: Hop,
        destination: Ipv4Addr,
        mut packet: PacketBuf,
    ) -> Result<(), Errno> {
        let Some(interface) = self.routing.interface(hop.interface) else {
            return Err(Errno::NxIo);
        };
        if !interface.is_running() {
            return self.link_is_down(hop);
        }
        if !interface.trusted {
            checksum::complete(&mut packet);
        }
        match interface.medium {
            Medium::Loopback => {
                self.loop_back(InterfaceId::LOOPBACK, packet);
                Ok(())
            }
            Medium::Point => self.enqueue(hop.interface, packet, hop.cast == Cast::Unicast),
            Medium::Ethernet(own) => {
                let (target, packet) = match hop.cast {
                    Cast::Broadcast => (MacAddr::BROADCAST, packet),
                    Cast::Multicast => (MacAddr::from_multicast_v4(hop.next), packet),
                    Cast::Unicast => {
                        let neighbors = self.neighbors.generation();
                        match self.hops.link(self.now, neighbors, destination, &hop) {
                            Some(address) => (address, packet),
                            None => match self.resolve(hop, packet)? {
                                Some((address, packet)) => {
                                    self.hops.put_link(
                                        self.now,
                                        neighbors,
                                        destination,
                                        &hop,
                                        address,
                                    );
                                    (address, packet)
                                }
                                None => return Ok(()), // It waits for the answer.
                            },
                        }
                    }
                };
                self.ethernet_output(hop.interface, own, target, EtherType::IPV4, packet)
            }
        }
    }

    fn link_is_down(&mut self, hop: Hop) -> Result<(), Errno> {
        if let Some(interface) = self.routing.interface_mut(hop.interface) {
            interface.counters.out_errors += 1;
        }
        dropped!(
            self.events,
            self.now,
            DropReason::OutputDown,
            interface = hop.interface.0,
            destination = hop.next,
            errno = Errno::NetDown
        );
        Err(Errno::NetDown)
    }

    /// Queues a frame with the link header of Ethernet.
    pub(crate) fn ethernet_output(
        &mut self,
        interface: InterfaceId,
        source: MacAddr,
        destination: MacAddr,
        ether_type: EtherType,
        mut packet: PacketBuf,
    ) -> Result<(), Errno> {
        let header = ethernet::Header {
            destination,
            source,
            ether_type,
        };
        if let Some(front) = packet.push_front(ethernet::Header::LEN).as_mut_array() {
            header.emit(front);
        }
        self.enqueue(interface, packet, !destination.is_multicast())
    }

    /// Queues a frame for its turn.
    pub(crate) fn enqueue(
        &mut self,
        id: InterfaceId,
        frame: PacketBuf,
        unicast: bool,
    ) -> Result<(), Errno> {
        let Some(interface) = self.routing.interface_mut(id) else {
            return Err(Errno::NxIo);
        };
        let length = frame.len();
        if let Err(Dropped(_, reason)) = interface.queue.enqueue(self.now, frame) {
            interface.counters.out_discards += 1;
            dropped!(
                self.events,
                self.now,
                reason.told(),
                interface = id.0,
                len = length,
                errno = Errno::NoBufs,
                detail = interface.queue.len()
            );
            return Err(Errno::NoBufs);
        }
        if unicast {
            interface.counters.out_unicast += 1;
        } else {
            interface.counters.out_multicast += 1;
        }
        interface.counters.out_octets += u64::try_from(length).unwrap_or(0);
        // What has come now may go before what is held back.
        if !interface.pending || interface.held_until.take().is_some() {
            interface.pending = true;
            if !interface.suspended {
                self.pending.push_back(id);
            }
        }
        event!(
            self.events,
            self.now,
            EventId::LinkOut,
            interface = id.0,
            len = length
        );
        Ok(())
    }

    /// Gives a packet to this host itself, as if it had come in by that interface. It is taken up after what runs now.
    fn loop_back(&mut self, interface: InterfaceId, packet: PacketBuf) {
        if self.loopback.len() >= self.limits.socket.loopback {
            if let Some(interface) = self.routing.interface_mut(interface) {
                interface.counters.out_discards += 1;
            }
            dropped!(
                self.events,
                self.now,
                DropReason::LoopbackFull,
                interface = interface.0,
                len = packet.len()
            );
            return;
        }
        if interface == InterfaceId::LOOPBACK
            && let Some(interface) = self.routing.interface_mut(interface)
        {
            interface.counters.out_unicast += 1;
            interface.counters.out_octets += u64::try_from(packet.len()).unwrap_or(0);
        }
        self.loopback.push_back((interface, packet));
    }
}
