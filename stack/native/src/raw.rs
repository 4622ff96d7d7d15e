//! Raw sockets: the packets of one IP protocol, as they are.

use crate::datagram::{Arrival, Departure, Endpoint};
use crate::dropped;
use crate::errno::Errno;
use crate::event::DropReason;
use crate::iface::InterfaceId;
use crate::ip::{Cast, Inbound, Send, checksum, flow_of};
use crate::pkt::{ChecksumState, PacketBuf, copy};
use crate::sock::{Interest, Kind, Socket, SocketId, SocketOptions, size};
use crate::stack::Stack;
use fairway_wire::{Protocol, ipv4};
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddrV4};

/// Which raw sockets there are, by protocol.
#[derive(Debug, Default)]
pub(crate) struct Protocols {
    /// In the order they were made.
    sockets: Vec<(Protocol, SocketId)>,
}

impl Protocols {
    pub(crate) fn of(&self, protocol: Protocol) -> impl Iterator<Item = SocketId> {
        self.sockets
            .iter()
            .filter(move |(of, _)| *of == protocol)
            .map(|(_, id)| *id)
    }

    pub(crate) fn len(&self) -> usize {
        self.sockets.len()
    }

    fn is_empty(&self) -> bool {
        self.sockets.is_empty()
    }

    pub(crate) fn remove(&mut self, id: SocketId) {
        self.sockets.retain(|(_, held)| *held != id);
    }
}

impl Stack {
    /// A socket for the packets of `protocol` (TYP-2). [`Protocol::RAW`] receives nothing and sends packets with
    /// their headers included.
    ///
    /// # Errors
    /// [`Errno::TooManyFiles`] when the table is full (SOC-2).
    pub fn raw_socket(&mut self, protocol: Protocol) -> Result<SocketId, Errno> {
        let udp = &self.config.udp;
        let mut options = SocketOptions::new(
            size(udp.send_buffer),
            size(udp.recv_buffer),
            self.config.icmp.ttl,
        );
        options.header_included = protocol == Protocol::RAW;
        // Raw sockets may always broadcast (`ip_output-badaddrtype`).
        options.broadcast = true;
        let id = self.add_socket(Kind::Raw(protocol, Endpoint::new()), options)?;
        self.raw.sockets.push((protocol, id));
        Ok(id)
    }

    /// Gives a packet for this host to the raw sockets of its protocol; `packet` begins with its IP header. Says
    /// whether there was one.
    pub(crate) fn raw_input(&mut self, inbound: &Inbound, packet: &PacketBuf) -> bool {
        if self.raw.is_empty() {
            return false;
        }
        let header = &inbound.header;
        let wants = |socket: &Socket| {
            let Kind::Raw(_, endpoint) = &socket.kind else {
                return false;
            };
            let local = endpoint.local.ip();
            (local.is_unspecified() || local == &header.destination)
                && endpoint.peer.is_none_or(|peer| peer.ip() == &header.source)
                && socket
                    .options
                    .device
                    .is_none_or(|device| device == inbound.interface)
                && (inbound.cast != Cast::Multicast
                    || endpoint.wants_group(
                        header.destination,
                        inbound.interface,
                        header.source,
                        socket.options.multicast_all,
                    ))
        };
        let receivers: Vec<SocketId> = self
            .raw
            .of(header.protocol)
            .filter(|&id| self.sockets.get(id).is_ok_and(wants))
            .collect();
        for &id in &receivers {
            self.raw_deliver(id, inbound, packet);
        }
        !receivers.is_empty()
    }

    /// The sockets that asked for the packets of that protocol that carry router alert (RFC 2113 §2.1).
    pub(crate) fn raw_alert_receivers(&self, inbound: &Inbound) -> Vec<SocketId> {
        self.raw
            .of(inbound.header.protocol)
            .filter(|&id| {
                self.sockets.get(id).is_ok_and(|socket| {
                    let device = socket.options.device;
                    socket.options.router_alert
                        && device.is_none_or(|device| device == inbound.interface)
                })
            })
            .collect()
    }

    pub(crate) fn raw_deliver(&mut self, id: SocketId, inbound: &Inbound, packet: &PacketBuf) {
        let Ok(socket) = self.sockets.get_mut(id) else {
            return;
        };
        let Kind::Raw(_, endpoint) = &mut socket.kind else {
            return;
        };
        let mut copy = packet.clone();
        // Whoever reads it checks the sums, and those of a packet that never left memory were not computed.
        checksum::complete(&mut copy);
        let arrival = Arrival {
            peer: SocketAddrV4::new(inbound.header.source, 0),
            destination: inbound.header.destination,
            local: inbound.local,
            interface: inbound.interface,
            ttl: inbound.header.ttl,
            tos: inbound.header.dscp_ecn,
            truncated: false,
        };
        if endpoint.push(socket.options.recv_buf, copy, arrival) {
            socket.waiters.wake(Interest::Read, &mut self.woken);
        } else {
            let reason = if endpoint.read_shutdown {
                DropReason::RawShut
            } else {
                DropReason::RawFull
            };
            dropped!(
                self.events,
                self.now,
                reason,
                socket = id.token(),
                source = inbound.header.source,
                destination = inbound.header.destination,
                protocol = inbound.header.protocol,
                len = packet.len()
            );
        }
    }

    /// Tells the connected raw sockets of the packet an ICMP error is about. Says whether there was one.
    pub(crate) fn raw_icmp_error(
        &mut self,
        protocol: Protocol,
        destination: Ipv4Addr,
        error: Errno,
    ) -> bool {
        let mut told = false;
        let concerned: Vec<SocketId> = self.raw.of(protocol).collect();
        for id in concerned {
            if let Ok(socket) = self.sockets.get_mut(id)
                && let Kind::Raw(_, endpoint) = &mut socket.kind
                && endpoint.peer.is_some_and(|peer| peer.ip() == &destination)
            {
                told = true;
                endpoint.error = Some(error);
                socket.waiters.wake(Interest::Read, &mut self.woken);
            }
        }
        told
    }

    /// Sends one packet: its payload, or with [`SocketOptions::header_included`] all of it.
    pub(crate) fn raw_send(
        &mut self,
        id: SocketId,
        bufs: &[IoSlice<'_>],
        departure: &Departure,
    ) -> Result<usize, Errno> {
        let socket = self.sockets.get_mut(id)?;
        let Kind::Raw(protocol, endpoint) = &mut socket.kind else {
            return Err(Errno::OpNotSupp);
        };
        if let Some(error) = endpoint.error.take() {
            return Err(error);
        }
        if endpoint.write_shutdown {
            return Err(Errno::Pipe);
        }
        let options = &socket.options;
        let peer = match (departure.peer, endpoint.peer) {
            (Some(_), Some(_)) => return Err(Errno::IsConn), // SND-8
            (Some(peer), None) | (None, Some(peer)) => Some(*peer.ip()),
            (None, None) => None,
        };
        let length: usize = bufs.iter().map(|buf| buf.len()).sum();
        if length > 65_535 {
            return Err(Errno::MsgSize); // SND-6
        }
        let mut packet = PacketBuf::new(length);
        for buf in bufs {
            copy(packet.grow(buf.len()), buf);
        }
        let bound =
            Some(*endpoint.local.ip()).filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
        if options.header_included {
            let interface = departure.interface.or(options.device);
            let looped = options.multicast_loop;
            return self
                .raw_send_whole(packet, peer, interface, looped)
                .map(|()| length);
        }
        let destination = peer.ok_or(Errno::DestAddrReq)?; // SND-10
        let protocol = *protocol;
        let send = Send::new(options, departure, bound, destination, protocol);
        let ip_options = options.ip_options.clone();
        let hop = self.hop_for(&send)?;
        let source = send.source.unwrap_or(hop.source);
        self.ip_send(&send, hop, source, ip_options.as_deref(), packet)?;
        Ok(length)
    }

    /// Sends a packet whose header the caller made. As in BSD the engine fills in the length and the checksum, and the
    /// identification and the source where they are zero.
    fn raw_send_whole(
        &mut self,
        mut packet: PacketBuf,
        peer: Option<Ipv4Addr>,
        interface: Option<InterfaceId>,
        multicast_loop: bool,
    ) -> Result<(), Errno> {
        let length = u16::try_from(packet.len()).map_err(|_| Errno::MsgSize)?;
        // The length in it may be anything: it is ours that counts.
        let mut fixed = packet
            .as_slice()
            .get(..ipv4::Header::LEN)
            .ok_or(Errno::Inval)?
            .to_vec();
        if let Some(field) = fixed.get_mut(2..4) {
            field.copy_from_slice(&length.to_be_bytes());
        }
        if let Some(front) = packet.as_mut_slice().get_mut(..fixed.len()) {
            front.copy_from_slice(&fixed);
        }
        let (mut header, ip_options) = match ipv4::Header::parse(packet.as_slice()) {
            Ok((header, options, _)) => (header, options.to_vec()),
            Err(ipv4::ParseError::Version(version)) => {
                let errno = Errno::AfNoSupport;
                dropped!(
                    self.events,
                    self.now,
                    DropReason::OutputBadFamily,
                    interface = interface.map(|interface| interface.0),
                    errno = errno,
                    detail = version
                );
                return Err(errno);
            }
            Err(_) => return Err(Errno::Inval),
        };
        let destination = peer.unwrap_or(header.destination);
        let send = Send {
            source: Some(header.source).filter(|source| !source.is_unspecified()),
            broadcast: true,
            transparent: true,
            interface,
            ..Send::plain(destination, header.protocol, header.ttl)
        };
        let hop = self.hop_for(&send)?;
        header.source = send.source.unwrap_or(hop.source);
        if header.source.is_loopback() && hop.interface != InterfaceId::LOOPBACK {
            // RFC 1122 §3.2.1.3 (g): such addresses "MUST NOT appear outside a host", whoever made the header.
            return self.bad_source(header.source, destination, DropReason::OutputLoopback);
        }
        if header.id == 0 {
            header.id = self.ip_ident(
                header.source,
                header.destination,
                header.protocol,
                header.dont_fragment,
            );
        }
        if packet.len() > hop.mtu {
            return Err(Errno::MsgSize);
        }
        let emitted = usize::from(header.header_len);
        if let Some(front) = packet.as_mut_slice().get_mut(..emitted) {
            header.emit(&ip_options, front);
        }
        packet.checksum = ChecksumState::Unknown;
        self.ip_counters.raw_output += 1;
        let payload = packet.as_slice().get(emitted..).unwrap_or_default();
        let (flow, length) = (flow_of(&header, payload), packet.len());
        let local_copy = hop.cast != Cast::Multicast || multicast_loop;
        self.ip_emit(hop, &header, local_copy, packet)?;
        self.recent.note(self.now, &flow, length);
        Ok(())
    }
}
