//! UDP (RFC 768): ports, arrivals, departures.

use crate::datagram::{Arrival, Departure, Endpoint};
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::ip::{Cast, Inbound, Send, Unreachable};
use crate::pkt::{ChecksumState, PacketBuf, copy};
use crate::sock::{Interest, Kind, SocketId, SocketOptions, Table, size};
use crate::stack::Stack;
use fairway_wire::{Protocol, udp};
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::ops::RangeInclusive;

/// The longest payload of a datagram: 65 535 octets less the headers of IP and UDP (TYP-3).
pub const MAX_PAYLOAD: usize = 65_507;

/// Ports the engine chooses from (RFC 6335 §6, sockets.md §3).
pub(crate) const EPHEMERAL: RangeInclusive<u16> = 49_152..=65_535;

/// What UDP has counted (`udpstat` of sockets.md §11).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct UdpCounters {
    /// Datagrams received, good and bad.
    pub received: u64,
    /// Shorter than a header.
    pub short: u64,
    /// With a wrong checksum.
    pub bad_checksum: u64,
    /// With a length beyond the packet, or below a header.
    pub bad_length: u64,
    /// For a port nobody has.
    pub no_port: u64,
    /// For a port nobody has, sent to many.
    pub no_port_broadcast: u64,
    /// Dropped because the socket's queue was full.
    pub full: u64,
    /// Given to sockets.
    pub delivered: u64,
    /// Sent.
    pub sent: u64,
}

/// The sockets of one port, in the order they were bound.
#[derive(Debug, Default)]
enum Holders {
    #[default]
    None,
    One(SocketId),
    Many(Vec<SocketId>),
}

impl Holders {
    fn as_slice(&self) -> &[SocketId] {
        match self {
            Self::None => &[],
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }

    fn add(&mut self, id: SocketId) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(id),
            Self::One(first) => Self::Many(vec![first, id]),
            Self::Many(mut ids) => {
                ids.push(id);
                Self::Many(ids)
            }
        };
    }

    fn remove(&mut self, id: SocketId) {
        match self {
            Self::One(held) if *held == id => *self = Self::None,
            Self::Many(ids) => ids.retain(|held| *held != id),
            Self::None | Self::One(_) => {}
        }
    }
}

/// Ports of one page.
const PAGE: usize = 256;

/// Which sockets have which port: pages of 256 ports, made when one of them is taken. Nothing is hashed, so nobody can
/// make ports collide, and a lookup is two steps.
#[derive(Debug, Default)]
pub(crate) struct Ports {
    pages: Vec<Option<Box<[Holders; PAGE]>>>,
}

impl Ports {
    fn holders(&self, port: u16) -> &[SocketId] {
        let [page, place] = port.to_be_bytes();
        let page = self.pages.get(usize::from(page)).and_then(Option::as_ref);
        page.and_then(|page| page.get(usize::from(place)))
            .map_or(&[], Holders::as_slice)
    }

    /// How many times that socket is said to have that port.
    pub(crate) fn held_by(&self, port: u16, id: SocketId) -> usize {
        let holders = self.holders(port).iter();
        holders.filter(|&&holder| holder == id).count()
    }

    /// How many sockets are said to have any port.
    pub(crate) fn held(&self) -> usize {
        let pages = self.pages.iter().flatten();
        pages
            .flat_map(|page| page.iter())
            .map(|holders| holders.as_slice().len())
            .sum()
    }

    fn holders_mut(&mut self, port: u16) -> Option<&mut Holders> {
        let [page, place] = port.to_be_bytes();
        if self.pages.is_empty() {
            self.pages.resize_with(PAGE, || None);
        }
        let page = self.pages.get_mut(usize::from(page))?;
        let page = page.get_or_insert_with(|| Box::new(std::array::from_fn(|_| Holders::None)));
        page.get_mut(usize::from(place))
    }

    fn add(&mut self, port: u16, id: SocketId) {
        if let Some(holders) = self.holders_mut(port) {
            holders.add(id);
        }
    }

    pub(crate) fn remove(&mut self, port: u16, id: SocketId) {
        if let Some(holders) = self.holders_mut(port) {
            holders.remove(id);
        }
    }

    /// Whether a socket with `options` may share `address` and `port` with those that have it (sockets.md §7.1).
    fn is_free(
        &self,
        sockets: &Table,
        address: Ipv4Addr,
        port: u16,
        options: &SocketOptions,
    ) -> bool {
        self.holders(port).iter().all(|&holder| {
            sockets.udp(holder).is_none_or(|(held, theirs)| {
                let apart = held.local.ip() != &address
                    && !held.local.ip().is_unspecified()
                    && !address.is_unspecified();
                apart
                    || options.device.is_some()
                        && theirs.device.is_some()
                        && options.device != theirs.device
                    || may_share(address, options, *held.local.ip(), theirs)
            })
        })
    }
}

/// The sharing rules of sockets.md §7.1, for two names that overlap (C-6: the events' rule).
fn may_share(
    address: Ipv4Addr,
    options: &SocketOptions,
    other: Ipv4Addr,
    theirs: &SocketOptions,
) -> bool {
    if options.reuse_port && theirs.reuse_port {
        return true;
    }
    if address.is_multicast() && other == address {
        // For class D the two options mean the same (MUL-10).
        return (options.reuse_addr || options.reuse_port)
            && (theirs.reuse_addr || theirs.reuse_port);
    }
    options.reuse_addr && theirs.reuse_addr && address.is_unspecified() != other.is_unspecified()
}

impl Stack {
    /// A UDP socket without a name.
    ///
    /// # Errors
    /// [`Errno::TooManyFiles`] when the table is full (SOC-2).
    pub fn udp_socket(&mut self) -> Result<SocketId, Errno> {
        let udp = &self.config.udp;
        let options = SocketOptions::new(size(udp.send_buffer), size(udp.recv_buffer), udp.ttl);
        self.add_socket(Kind::Udp(Endpoint::new()), options)
    }

    pub(crate) fn udp_bind(&mut self, id: SocketId, name: SocketAddrV4) -> Result<(), Errno> {
        let draw = self.port_draw();
        let (endpoint, options) = self.sockets.udp(id).ok_or(Errno::NotSock)?;
        let port = match name.port() {
            0 => self
                .udp_free_port(draw, *name.ip(), options)
                .ok_or(Errno::AddrInUse)?,
            port if self.udp.is_free(&self.sockets, *name.ip(), port, options) => port,
            _ => return Err(Errno::AddrInUse),
        };
        let before = endpoint.local.port();
        if before != 0 {
            self.udp.remove(before, id);
        }
        if let Kind::Udp(endpoint) = &mut self.sockets.get_mut(id)?.kind {
            endpoint.local = SocketAddrV4::new(*name.ip(), port);
        }
        self.udp.add(port, id);
        Ok(())
    }

    /// A port nobody has, at random (RFC 6056 §3.3.1): from a random one on, in order.
    fn udp_free_port(&self, draw: u16, address: Ipv4Addr, options: &SocketOptions) -> Option<u16> {
        let count = u16::try_from(EPHEMERAL.len()).ok()?;
        let skip = draw % count;
        (0..count)
            .map(|step| {
                let offset = (u32::from(skip) + u32::from(step)) % u32::from(count);
                EPHEMERAL.start() + u16::try_from(offset).unwrap_or(0)
            })
            .find(|&port| {
                // One that is shared is not free, whatever the options say.
                self.udp.holders(port).is_empty()
                    || self.udp.is_free(
                        &self.sockets,
                        address,
                        port,
                        &SocketOptions {
                            reuse_addr: false,
                            reuse_port: false,
                            ..options.clone()
                        },
                    )
            })
    }

    /// The socket that a datagram is for: of those with its port, the one that names most of it; among equals that
    /// share the port, one by the peer, so that a peer's datagrams go to one socket.
    fn udp_find(&self, inbound: &Inbound, source_port: u16, port: u16) -> Option<SocketId> {
        let header = &inbound.header;
        let peer = SocketAddrV4::new(header.source, source_port);
        let mut best: Option<(u32, SocketId)> = None;
        let mut equals = 0_u64;
        for &id in self.udp.holders(port) {
            let Some((endpoint, options)) = self.sockets.udp(id) else {
                continue;
            };
            let mut score = 1;
            match endpoint.peer {
                Some(connected) if connected == peer => score += 4,
                Some(_) => continue,
                None => {}
            }
            if endpoint.local.ip() == &header.destination {
                score += 2;
            } else if !endpoint.local.ip().is_unspecified() {
                continue;
            }
            match options.device {
                Some(device) if device == inbound.interface => score += 8,
                Some(_) => continue,
                None => {}
            }
            match &mut best {
                Some((found, _)) if *found > score => {}
                Some((found, chosen)) if *found == score => {
                    equals += 1;
                    // Each of n equals with the chance 1/n.
                    if options.reuse_port && self.pick(peer, equals + 1) == equals {
                        *chosen = id;
                    }
                }
                _ => {
                    best = Some((score, id));
                    equals = 0;
                }
            }
        }
        best.map(|(_, id)| id)
    }

    /// A number below `count` that is the same for the same peer.
    fn pick(&self, peer: SocketAddrV4, count: u64) -> u64 {
        let word = u64::from(peer.ip().to_bits()) << 16 | u64::from(peer.port());
        self.key.strong(&[word, count]) % count.max(1)
    }

    /// Takes a UDP datagram; `packet` begins with its header.
    pub(crate) fn udp_input(&mut self, inbound: &Inbound, mut packet: PacketBuf) {
        self.udp_counters.received += 1;
        let header = inbound.header;
        let octets = packet.as_slice();
        let parsed = match udp::Header::parse(octets) {
            Ok((parsed, _)) => parsed,
            Err(error) => {
                let reason = match error {
                    udp::ParseError::Short => {
                        self.udp_counters.short += 1;
                        DropReason::UdpShort
                    }
                    udp::ParseError::Length { .. } => {
                        self.udp_counters.bad_length += 1;
                        DropReason::UdpBadLength
                    }
                };
                dropped!(
                    self.events,
                    self.now,
                    reason,
                    interface = inbound.interface.0,
                    source = header.source,
                    destination = header.destination,
                    len = octets.len()
                );
                return;
            }
        };
        packet.truncate(usize::from(parsed.length));
        // RFC 768: a checksum of zero was not computed.
        if parsed.checksum != 0
            && packet.checksum == ChecksumState::Unknown
            && !udp::verify_checksum(header.source, header.destination, packet.as_slice())
        {
            self.udp_counters.bad_checksum += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::UdpBadChecksum,
                interface = inbound.interface.0,
                source = header.source,
                destination = header.destination,
                sport = parsed.source_port,
                dport = parsed.destination_port
            );
            return;
        }
        let arrival = Arrival {
            peer: SocketAddrV4::new(header.source, parsed.source_port),
            destination: header.destination,
            local: inbound.local,
            interface: inbound.interface,
            ttl: header.ttl,
            tos: header.dscp_ecn,
            truncated: false,
        };
        if inbound.cast != Cast::Unicast {
            return self.udp_input_many(inbound, &parsed, packet, arrival);
        }
        let Some(id) = self.udp_find(inbound, parsed.source_port, parsed.destination_port) else {
            self.udp_counters.no_port += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::UdpNoPort,
                interface = inbound.interface.0,
                source = header.source,
                destination = header.destination,
                sport = parsed.source_port,
                dport = parsed.destination_port
            );
            // RFC 1122 §4.1.3.1: port unreachable.
            return self.unreachable(inbound, packet, Unreachable::Port);
        };
        packet.pull_front(udp::Header::LEN);
        self.udp_deliver(id, packet, arrival);
    }

    /// Gives a datagram sent to a group or to all to everyone who wants it (MUL-5, MUL-10).
    fn udp_input_many(
        &mut self,
        inbound: &Inbound,
        parsed: &udp::Header,
        mut packet: PacketBuf,
        arrival: Arrival,
    ) {
        let wanted = |endpoint: &Endpoint, options: &SocketOptions| {
            let local = endpoint.local.ip();
            let named = local.is_unspecified()
                || local == &arrival.destination
                // A socket bound to its address hears broadcasts to its network too, as in BSD.
                || inbound.cast == Cast::Broadcast && local == &arrival.local;
            named
                && endpoint.peer.is_none_or(|peer| peer == arrival.peer)
                && options
                    .device
                    .is_none_or(|device| device == inbound.interface)
                && (inbound.cast != Cast::Multicast
                    || endpoint.wants_group(
                        arrival.destination,
                        inbound.interface,
                        *arrival.peer.ip(),
                        options.multicast_all,
                    ))
        };
        let receivers: Vec<SocketId> = self
            .udp
            .holders(parsed.destination_port)
            .iter()
            .copied()
            .filter(|&id| {
                let socket = self.sockets.udp(id);
                socket.is_some_and(|(endpoint, options)| wanted(endpoint, options))
            })
            .collect();
        packet.pull_front(udp::Header::LEN);
        let Some((&last, others)) = receivers.split_last() else {
            self.udp_counters.no_port_broadcast += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::UdpNoListener,
                interface = inbound.interface.0,
                source = inbound.header.source,
                destination = inbound.header.destination,
                sport = parsed.source_port,
                dport = parsed.destination_port
            );
            return;
        };
        for &id in others {
            self.udp_deliver(id, packet.clone(), arrival);
        }
        self.udp_deliver(last, packet, arrival);
    }

    fn udp_deliver(&mut self, id: SocketId, packet: PacketBuf, arrival: Arrival) {
        let length = packet.len();
        let Ok(socket) = self.sockets.get_mut(id) else {
            return;
        };
        let Kind::Udp(endpoint) = &mut socket.kind else {
            return;
        };
        if endpoint.push(socket.options.recv_buf, packet, arrival) {
            self.udp_counters.delivered += 1;
            socket.waiters.wake(Interest::Read, &mut self.woken);
            event!(
                self.events,
                self.now,
                EventId::UdpIn,
                interface = arrival.interface.0,
                source = *arrival.peer.ip(),
                destination = arrival.destination,
                sport = arrival.peer.port(),
                len = length
            );
        } else {
            self.udp_counters.full += 1;
            let reason = if endpoint.read_shutdown {
                DropReason::UdpShut
            } else {
                DropReason::UdpFull
            };
            dropped!(
                self.events,
                self.now,
                reason,
                interface = arrival.interface.0,
                source = *arrival.peer.ip(),
                destination = arrival.destination,
                sport = arrival.peer.port(),
                len = length
            );
        }
    }

    /// Sends one datagram.
    pub(crate) fn udp_send(
        &mut self,
        id: SocketId,
        bufs: &[IoSlice<'_>],
        departure: &Departure,
    ) -> Result<usize, Errno> {
        let socket = self.sockets.get_mut(id)?;
        let Kind::Udp(endpoint) = &mut socket.kind else {
            return Err(Errno::OpNotSupp);
        };
        // CON-9: the error of an earlier datagram, once.
        if let Some(error) = endpoint.error.take() {
            return Err(error);
        }
        if endpoint.write_shutdown {
            return Err(Errno::Pipe);
        }
        let peer = match (departure.peer, endpoint.peer) {
            (Some(_), Some(_)) => return Err(Errno::IsConn), // SND-8
            (None, None) => return Err(Errno::DestAddrReq),  // SND-10
            (Some(peer), None) | (None, Some(peer)) => peer,
        };
        if peer.port() == 0 {
            return Err(Errno::Inval);
        }
        let length: usize = bufs.iter().map(|buf| buf.len()).sum();
        if length > MAX_PAYLOAD {
            return Err(Errno::MsgSize); // SND-6
        }
        if endpoint.local.port() == 0 {
            let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
            self.udp_bind(id, any)?; // PRT-5
        }
        let (endpoint, options) = self.sockets.udp(id).ok_or(Errno::NotSock)?;
        let local = endpoint.local;
        let bound = Some(*local.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
        let send = Send::new(options, departure, bound, *peer.ip(), Protocol::UDP);
        let ip_options = options.ip_options.clone();
        let no_checksum = options.no_checksum || !self.config.udp.checksum;
        let hop = self.hop_for(&send)?;
        let source = send.source.unwrap_or(hop.source);
        let mut packet = PacketBuf::new(length);
        let whole = udp::Header::LEN + length;
        for buf in bufs {
            copy(packet.grow(buf.len()), buf);
        }
        let header = udp::Header {
            source_port: local.port(),
            destination_port: peer.port(),
            length: u16::try_from(whole).map_err(|_| Errno::MsgSize)?,
            checksum: 0,
        };
        if let Some(front) = packet.push_front(udp::Header::LEN).as_mut_array() {
            header.emit(front);
        }
        if no_checksum {
            packet.checksum = ChecksumState::Unknown;
        } else if self.is_trusted(&hop) {
            packet.checksum = ChecksumState::Trusted;
        } else {
            udp::fill_checksum(source, *peer.ip(), packet.as_mut_slice());
        }
        self.udp_counters.sent += 1;
        event!(
            self.events,
            self.now,
            EventId::UdpOut,
            interface = hop.interface.0,
            source = source,
            destination = *peer.ip(),
            sport = local.port(),
            dport = peer.port(),
            socket = id.token(),
            len = length
        );
        self.ip_send(&send, hop, source, ip_options.as_deref(), packet)?;
        Ok(length)
    }

    /// Whether a socket of that name is connected to that peer.
    pub(crate) fn udp_is_connected(&self, local: SocketAddrV4, peer: SocketAddrV4) -> bool {
        let mut holders = self.udp.holders(local.port()).iter();
        holders.any(|&id| {
            self.sockets.udp(id).is_some_and(|(endpoint, _)| {
                let own = endpoint.local.ip();
                endpoint.peer == Some(peer) && (own == local.ip() || own.is_unspecified())
            })
        })
    }

    /// Tells the connected sockets that sent the datagram an ICMP error is about (CON-9, RFC 1122 §4.1.3.3). Says whether
    /// there was one.
    pub(crate) fn udp_icmp_error(
        &mut self,
        source: SocketAddrV4,
        destination: SocketAddrV4,
        error: Errno,
    ) -> bool {
        let mut told = false;
        for place in 0.. {
            let Some(&id) = self.udp.holders(source.port()).get(place) else {
                break;
            };
            let Ok(socket) = self.sockets.get_mut(id) else {
                continue;
            };
            if let Kind::Udp(endpoint) = &mut socket.kind
                && endpoint.peer == Some(destination)
                && (endpoint.local.ip() == source.ip() || endpoint.local.ip().is_unspecified())
            {
                told = true;
                endpoint.error = Some(error);
                socket.waiters.wake(Interest::Read, &mut self.woken);
                socket.waiters.wake(Interest::Write, &mut self.woken);
            }
        }
        told
    }
}
