//! ICMP as a host speaks it: errors about what cannot be delivered, answers to requests, and what errors of others
//! change here (RFC 792, RFC 1122 §3.2.2, RFC 1812 §4.3).

use super::Stack;
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::icmp::errno_of;
use crate::ip::reassembly::TimedOut;
use crate::ip::{Cast, Inbound, Send, Unreachable, flow_of, options};
use crate::pkt::{ChecksumState, PacketBuf};
use crate::route::{Redirect, RedirectError};
use crate::tcp;
use fairway_wire::icmp::{
    self, AddressMaskMessage, Message, Original, ParameterCode, RedirectCode, TimeExceededCode,
    TimestampMessage, UnreachableCode,
};
use fairway_wire::{Protocol, ipv4};
use std::net::{Ipv4Addr, SocketAddrV4};

/// The longest error: what every host takes without reassembly (RFC 1812 §4.3.2.3).
const LONGEST_ERROR: usize = 576;

/// The precedence of errors: internetwork control (RFC 1812 §4.3.2.5).
const ERROR_PRECEDENCE: u8 = 0xc0;

/// Redirects sent in a second and at once; one host gets a quarter of each.
const REDIRECTS: (u32, u32) = (40, 40);

impl Stack {
    /// Says that a packet for this host could not be delivered; `packet` begins behind its IP header.
    pub(crate) fn unreachable(
        &mut self,
        inbound: &Inbound,
        mut packet: PacketBuf,
        what: Unreachable,
    ) {
        // The header is still in front of it.
        packet.push_front(usize::from(inbound.header.header_len));
        self.unreachable_whole(inbound, &packet, what);
    }

    /// Says that a packet could not be delivered; `packet` begins with its IP header.
    pub(crate) fn unreachable_whole(
        &mut self,
        inbound: &Inbound,
        packet: &PacketBuf,
        what: Unreachable,
    ) {
        let (code, next_hop_mtu) = match what {
            Unreachable::Network => (UnreachableCode::NET, 0),
            Unreachable::Host => (UnreachableCode::HOST, 0),
            Unreachable::Protocol => (UnreachableCode::PROTOCOL, 0),
            Unreachable::Port => (UnreachableCode::PORT, 0),
            Unreachable::FragmentationNeeded(mtu) => (UnreachableCode::FRAGMENTATION_NEEDED, mtu),
            Unreachable::SourceRoute => (UnreachableCode::SOURCE_ROUTE_FAILED, 0),
        };
        let message = Message::DestinationUnreachable { code, next_hop_mtu };
        self.icmp_error(inbound, packet, message);
    }

    /// Says that a packet has used up its time to live.
    pub(crate) fn time_exceeded(&mut self, inbound: &Inbound, packet: &PacketBuf) {
        let code = TimeExceededCode::TTL;
        self.icmp_error(inbound, packet, Message::TimeExceeded { code });
    }

    /// Says which octet of a packet is at fault.
    pub(crate) fn parameter_problem(&mut self, inbound: &Inbound, packet: &PacketBuf, pointer: u8) {
        let code = ParameterCode::POINTER;
        self.icmp_error(inbound, packet, Message::ParameterProblem { code, pointer });
    }

    /// Tells the sender of a better first hop.
    pub(crate) fn redirect(&mut self, inbound: &Inbound, packet: &PacketBuf, gateway: Ipv4Addr) {
        // A host that goes on nevertheless does not listen: it is told a few times a second, not with each packet.
        let (rate, burst) = REDIRECTS;
        let sender = inbound.header.source;
        if !self.redirect_limit.allow(self.now, sender, rate, burst) {
            self.icmp_counters.rate_limited += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::RedirectLimited,
                destination = sender,
                request = icmp::Type::REDIRECT.0,
                detail = RedirectCode::HOST.0
            );
            return;
        }
        // RFC 1812 §5.2.7.2: for the host; those for networks are not sent.
        let code = RedirectCode::HOST;
        let before = self.icmp_counters.errors;
        self.icmp_error(inbound, packet, Message::Redirect { code, gateway });
        self.ip_counters.redirects_sent += self.icmp_counters.errors - before;
    }

    /// Sends an error about `packet`, unless RFC 1122 §3.2.2 or the rate limits forbid it.
    pub(crate) fn icmp_error(&mut self, inbound: &Inbound, packet: &PacketBuf, message: Message) {
        let header = &inbound.header;
        let transport = packet.as_slice().get(usize::from(header.header_len)..);
        let about_error = header.protocol == Protocol::ICMP
            && transport.is_none_or(|octets| {
                Message::parse(octets).is_err()
                    || matches!(Message::parse(octets), Ok((about, _)) if about.is_error())
            });
        let [network, ..] = header.source.octets();
        let nobody = network == 0
            || header.source.is_multicast()
            || header.source.is_broadcast()
            || header.source.is_loopback() && !inbound.local.is_loopback()
            || self.routing.broadcast_on(header.source).is_some();
        let to_many = inbound.cast != Cast::Unicast || !inbound.link_unicast;
        if about_error || nobody || to_many || header.fragment_offset != 0 {
            self.icmp_counters.suppressed += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::IcmpSuppressed,
                source = header.source,
                destination = header.destination,
                request = message.message_type().0,
                detail = message.code()
            );
            return;
        }
        let icmp = &self.config.icmp;
        if !self
            .icmp_limit
            .allow(self.now, header.source, icmp.error_rate, icmp.error_burst)
        {
            self.icmp_counters.rate_limited += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::IcmpLimited,
                destination = header.source,
                request = message.message_type().0,
                detail = message.code()
            );
            return;
        }
        let quench = matches!(message, Message::SourceQuench);
        let start = if quench {
            EventId::IcmpErrorStartQuench
        } else {
            EventId::IcmpErrorStart
        };
        event!(
            self.events,
            self.now,
            start,
            source = inbound.local,
            destination = header.source,
            request = message.message_type().0,
            detail = message.code()
        );
        self.icmp_counters.errors += 1;
        let room = LONGEST_ERROR - ipv4::Header::LEN - Message::LEN;
        let quoted = packet.as_slice();
        let quoted = quoted.get(..room).unwrap_or(quoted);
        let mut error = PacketBuf::new(Message::LEN + quoted.len());
        error.grow(Message::LEN);
        error.extend_from_slice(quoted);
        message.emit(error.as_mut_slice());
        self.icmp_counters.count_sent(message.message_type());
        let send = Send {
            // RFC 1812 §4.3.2.4: of the interface that it leaves by; a host answers as who was spoken to.
            source: Some(header.destination).filter(|it| self.routing.is_local(*it)),
            // RFC 1812 §4.3.2.5; the two bits of ECN are not for what is not TCP (RFC 3168 §5).
            tos: ERROR_PRECEDENCE | header.dscp_ecn & 0x1c,
            ..Send::plain(header.source, Protocol::ICMP, self.config.icmp.ttl)
        };
        self.icmp_send(&send, None, error);
    }

    /// Says that fragments of a packet have not come in time, if the first of them has (RFC 1122 §3.3.2).
    pub(crate) fn reassembly_timed_out(&mut self, late: TimedOut) {
        let Some(first) = late.first else {
            return;
        };
        let Ok((header, _, _)) = ipv4::Header::parse(first.as_slice()) else {
            return;
        };
        let inbound = Inbound {
            header,
            interface: late.interface,
            cast: Cast::Unicast,
            for_us: true,
            link_unicast: true,
            local: header.destination,
        };
        let code = TimeExceededCode::REASSEMBLY;
        self.icmp_error(&inbound, &first, Message::TimeExceeded { code });
    }

    fn icmp_send(&mut self, send: &Send, ip_options: Option<&[u8]>, packet: PacketBuf) {
        event!(
            self.events,
            self.now,
            EventId::IcmpOut,
            source = send.source,
            destination = send.destination,
            len = packet.len()
        );
        let Ok(hop) = self.hop_for(send) else {
            return; // Counted there.
        };
        let source = send.source.unwrap_or(hop.source);
        // What cannot be sent is lost, as it could be on its way.
        let _lost = self.ip_send(send, hop, source, ip_options, packet);
    }

    /// Answers whoever sent `inbound`.
    fn icmp_reply(&mut self, inbound: &Inbound, ip_options: Option<&[u8]>, packet: PacketBuf) {
        self.icmp_counters.responses += 1;
        let send = Send {
            // RFC 1122 §3.2.2.6: from the address it was sent to.
            source: Some(inbound.local),
            // RFC 1122 §3.2.2.6 by way of RFC 1812 §4.3.2.5, without the two bits of ECN.
            tos: inbound.header.dscp_ecn & !3,
            ..Send::plain(inbound.header.source, Protocol::ICMP, self.config.icmp.ttl)
        };
        self.icmp_send(&send, ip_options, packet);
    }

    /// Takes an ICMP message; `packet` begins with it. Raw sockets have it already, if `heard`.
    pub(crate) fn icmp_input(&mut self, inbound: &Inbound, mut packet: PacketBuf, heard: bool) {
        let header = inbound.header;
        let octets = packet.as_slice();
        let Ok((message, rest)) = Message::parse(octets) else {
            self.icmp_counters.short += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::IcmpShort,
                source = header.source,
                destination = header.destination,
                len = octets.len()
            );
            return;
        };
        if packet.checksum == ChecksumState::Unknown && !icmp::verify_checksum(octets) {
            self.icmp_counters.bad_checksum += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::IcmpBadChecksum,
                source = header.source,
                destination = header.destination,
                request = message.message_type().0
            );
            return;
        }
        self.icmp_counters.count_received(message.message_type());
        event!(
            self.events,
            self.now,
            EventId::IcmpIn,
            source = header.source,
            destination = header.destination,
            request = message.message_type().0,
            detail = message.code(),
            len = octets.len()
        );
        let many = inbound.cast != Cast::Unicast;
        let config = &self.config.icmp;
        match message {
            Message::EchoRequest { id, seq } => {
                if config.echo_reply && (!many || config.echo_broadcasts) {
                    Message::EchoReply { id, seq }.emit(packet.as_mut_slice());
                    self.icmp_counters.count_sent(icmp::Type::ECHO_REPLY);
                    let ip_options = self.reply_options(inbound, &mut packet);
                    self.icmp_reply(inbound, ip_options.as_deref(), packet);
                } else {
                    self.icmp_ignored(inbound, &message);
                }
            }
            Message::TimestampRequest(times) => {
                if config.timestamp_reply && !many {
                    // RFC 792: a time that does not count from midnight UT has its high bit set.
                    let stamp = options::milliseconds(self.now);
                    let reply = Message::TimestampReply(TimestampMessage {
                        receive: stamp,
                        transmit: stamp,
                        ..times
                    });
                    self.icmp_answer(inbound, reply);
                } else {
                    self.icmp_ignored(inbound, &message);
                }
            }
            Message::AddressMaskRequest(asked) => {
                let mask = self.mask_of(inbound);
                if config.mask_reply
                    && let Some(mask) = mask
                {
                    let reply = Message::AddressMaskReply(AddressMaskMessage { mask, ..asked });
                    self.icmp_answer(inbound, reply);
                } else {
                    self.icmp_ignored(inbound, &message);
                }
            }
            Message::Redirect { gateway, .. } => {
                let about = Original::parse(rest).map(|original| original.header.destination);
                self.redirect_input(inbound, gateway, about.ok());
            }
            Message::SourceQuench => {
                // RFC 6633 §3: ignored.
                dropped!(
                    self.events,
                    self.now,
                    DropReason::IcmpQuench,
                    source = header.source
                );
            }
            Message::DestinationUnreachable { .. }
            | Message::TimeExceeded { .. }
            | Message::ParameterProblem { .. } => match Original::parse(rest) {
                Ok(original) if quotes_enough(&original) => {
                    if let Some(reason) = self.icmp_error_input(&message, &original)
                        && !heard
                    {
                        self.icmp_unused(reason, inbound, &message);
                    }
                }
                Ok(_) | Err(_) => {
                    self.icmp_counters.bad_length += 1;
                    dropped!(
                        self.events,
                        self.now,
                        DropReason::IcmpBadQuote,
                        source = header.source,
                        destination = header.destination,
                        request = message.message_type().0,
                        detail = message.code(),
                        len = rest.len()
                    );
                }
            },
            // Answers are for raw sockets; the rest is obsolete or not known.
            Message::EchoReply { .. }
            | Message::TimestampReply(_)
            | Message::AddressMaskReply(_)
            | Message::InformationReply { .. } => {
                if !heard {
                    self.icmp_unused(DropReason::IcmpUnasked, inbound, &message);
                }
            }
            // RFC 1122 §3.2.2.7: "A host SHOULD NOT implement these messages."
            Message::InformationRequest { .. } => self.icmp_ignored(inbound, &message),
            Message::Other { .. } => {
                // RFC 1122 §3.2.2: "If an ICMP message of unknown type is received, it MUST be silently discarded."
                self.icmp_counters.bad_code += 1;
                if !heard {
                    self.icmp_unused(DropReason::IcmpUnknown, inbound, &message);
                }
            }
        }
    }

    /// Tells of a request that this host does not answer.
    fn icmp_ignored(&mut self, inbound: &Inbound, message: &Message) {
        self.icmp_unused(DropReason::IcmpUnanswered, inbound, message);
    }

    fn icmp_unused(&mut self, reason: DropReason, inbound: &Inbound, message: &Message) {
        let kind = u16::from(message.message_type().0);
        dropped!(
            self.events,
            self.now,
            reason,
            interface = inbound.interface.0,
            source = inbound.header.source,
            destination = inbound.header.destination,
            detail = kind * 256 + u16::from(message.code())
        );
    }

    fn icmp_answer(&mut self, inbound: &Inbound, reply: Message) {
        let mut packet = PacketBuf::new(reply.header_len());
        packet.grow(reply.header_len());
        reply.emit(packet.as_mut_slice());
        self.icmp_counters.count_sent(reply.message_type());
        self.icmp_reply(inbound, None, packet);
    }

    /// The mask of the network that a request came from (RFC 950).
    fn mask_of(&self, inbound: &Inbound) -> Option<Ipv4Addr> {
        let interface = self.routing.interface(inbound.interface)?;
        let own = interface
            .addresses
            .iter()
            .find(|own| own.address == inbound.local)?;
        Some(own.mask())
    }

    /// The options of an answer: what the request's recorded (RFC 1122 §3.2.2.6). `packet` begins behind the header.
    fn reply_options(&self, inbound: &Inbound, packet: &mut PacketBuf) -> Option<Vec<u8>> {
        let header_len = usize::from(inbound.header.header_len);
        if header_len == ipv4::Header::LEN {
            return None;
        }
        let front = packet.push_front(header_len);
        let reply = front.get(ipv4::Header::LEN..).map(options::reply);
        packet.pull_front(header_len);
        reply.map(|options| options.as_slice().to_vec())
    }

    fn redirect_input(&mut self, inbound: &Inbound, gateway: Ipv4Addr, about: Option<Ipv4Addr>) {
        let header = &inbound.header;
        let Some(destination) = about else {
            self.icmp_counters.bad_length += 1;
            dropped!(
                self.events,
                self.now,
                DropReason::IcmpBadQuote,
                source = header.source,
                destination = header.destination,
                request = icmp::Type::REDIRECT.0
            );
            return;
        };
        // A router listens to its routing protocols, not to this (RFC 1812 §5.2.7.2).
        if self.config.ip.forwarding || !self.config.ip.accept_redirects {
            self.icmp_counters.redirects_refused += 1;
            return dropped!(
                self.events,
                self.now,
                DropReason::RedirectUnwanted,
                source = header.source,
                destination = destination
            );
        }
        let redirect = Redirect {
            from: header.source,
            destination,
            gateway,
            interface: inbound.interface,
        };
        let own: Vec<Ipv4Addr> = self.routing.local_addresses().collect();
        let is_ours = |address| own.contains(&address);
        match self
            .routing
            .routes
            .handle_redirect(self.now, &redirect, is_ours)
        {
            Ok(()) => {
                self.icmp_counters.redirects_taken += 1;
                event!(
                    self.events,
                    self.now,
                    EventId::RtChange,
                    source = gateway,
                    destination = destination,
                    reason = "redirect"
                );
            }
            Err(error) => {
                self.icmp_counters.redirects_refused += 1;
                dropped!(
                    self.events,
                    self.now,
                    redirect_refusal(error),
                    source = header.source,
                    destination = destination
                );
            }
        }
    }

    /// An error about a packet that this host is said to have sent. Says why if it is of no use.
    fn icmp_error_input(
        &mut self,
        message: &Message,
        original: &Original<'_>,
    ) -> Option<DropReason> {
        let sent = &original.header;
        if !self.routing.is_local(sent.source) {
            // Not ours: a mistake, or a lie.
            return Some(DropReason::IcmpForeign);
        }
        let Some((errno, hard)) = errno_of(message) else {
            return Some(DropReason::IcmpUnknown);
        };
        let mut believed = false;
        if let Message::DestinationUnreachable {
            code: UnreachableCode::FRAGMENTATION_NEEDED,
            next_hop_mtu,
        } = *message
        {
            if !self.too_big_input(original, next_hop_mtu) {
                return Some(DropReason::IcmpDoubted);
            }
            // Datagrams are told too: EMSGSIZE.
            believed = true;
        }
        let ports = original.ports();
        let (source_port, destination_port) = ports.unwrap_or((0, 0));
        let local = SocketAddrV4::new(sent.source, source_port);
        let peer = SocketAddrV4::new(sent.destination, destination_port);
        match sent.protocol {
            Protocol::TCP => {
                if let Some(seq) = original.tcp_seq()
                    && errno != Errno::MsgSize
                {
                    let error = tcp::Unreachable { errno, hard };
                    let cx = &mut tcp_context!(self);
                    believed |= self.tcp.handle_unreachable(cx, local, peer, seq, error);
                }
            }
            Protocol::UDP if ports.is_some() => believed |= self.udp_icmp_error(local, peer, errno),
            _ => {}
        }
        believed |= self.raw_icmp_error(sent.protocol, sent.destination, errno);
        // TCP knows what it has sent; of the others nobody is connected, and nobody is told.
        let reason = if sent.protocol == Protocol::TCP {
            DropReason::IcmpDoubted
        } else {
            DropReason::IcmpUnasked
        };
        (!believed).then_some(reason)
    }

    /// RFC 1191: a packet was too long for a link further on. Says whether that was believed.
    fn too_big_input(&mut self, original: &Original<'_>, next_hop_mtu: u16) -> bool {
        let sent = &original.header;
        let send = Send::plain(sent.destination, sent.protocol, 1);
        let Ok(hop) = self.routing.hop(&send) else {
            return false;
        };
        let current = u16::try_from(hop.mtu).unwrap_or(u16::MAX);
        // RFC 5927 §7: only if a packet like it is on its way.
        let believed = match (sent.protocol, original.ports()) {
            (Protocol::TCP, Some((source_port, destination_port))) => {
                let local = SocketAddrV4::new(sent.source, source_port);
                let peer = SocketAddrV4::new(sent.destination, destination_port);
                original
                    .tcp_seq()
                    .is_some_and(|seq| self.tcp.is_in_flight(local, peer, seq))
            }
            (Protocol::UDP, Some((source_port, destination_port))) => {
                let local = SocketAddrV4::new(sent.source, source_port);
                let peer = SocketAddrV4::new(sent.destination, destination_port);
                self.udp_is_connected(local, peer)
                    || self.recent.has(self.now, &flow_of(sent, original.payload))
            }
            _ => {
                // What this host speaks itself, or somebody has a socket for.
                let own = matches!(sent.protocol, Protocol::ICMP | Protocol::IGMP);
                let mut sockets = self.raw.of(sent.protocol).chain(self.raw.of(Protocol::RAW));
                (own || sockets.next().is_some())
                    && self.recent.has(self.now, &flow_of(sent, original.payload))
            }
        };
        if !believed {
            return false;
        }
        let changed = self.routing.path_mtu.handle_too_big(
            self.now,
            sent.destination,
            sent.total_len,
            next_hop_mtu,
            current,
        );
        let Some(mtu) = changed else {
            return true;
        };
        self.routing.changed();
        event!(
            self.events,
            self.now,
            EventId::PmtuChange,
            destination = sent.destination,
            detail = mtu
        );
        if let (Protocol::TCP, Some((source_port, destination_port)), Some(seq)) =
            (sent.protocol, original.ports(), original.tcp_seq())
        {
            let local = SocketAddrV4::new(sent.source, source_port);
            let peer = SocketAddrV4::new(sent.destination, destination_port);
            let cx = &mut tcp_context!(self);
            self.tcp.handle_path_mtu(cx, local, peer, seq, mtu);
        }
        true
    }
}

const fn redirect_refusal(error: RedirectError) -> DropReason {
    match error {
        RedirectError::NotFromRouter => DropReason::RedirectStranger,
        RedirectError::GatewayUnreachable => DropReason::RedirectFar,
        RedirectError::Direct => DropReason::RedirectDirect,
        RedirectError::Ours => DropReason::RedirectOurs,
        RedirectError::Full => DropReason::RedirectFull,
    }
}

/// RFC 1122 §3.2.2: an error quotes the header and at least the first eight octets behind it, if there are as many.
fn quotes_enough(original: &Original<'_>) -> bool {
    original.payload.len() >= original.header.payload_len().min(8)
}
