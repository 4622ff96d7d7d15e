//! What arrives, and whose it is: a connection's, one's in TIME-WAIT, a handshake's, a listener's or nobody's.

use std::net::SocketAddrV4;

use fairway_wire::SeqNumber;
use fairway_wire::tcp::{self as wire, Flags, Header, Options};

use super::endpoint::Endpoint;
use super::num::seq_len;
use super::segment::{Segment, reset_for};
use super::table::{ConnId, FourTuple};
use super::tcb::Env;
use super::tcp::{Tcp, env};
use super::timewait::Verdict;
use super::types::{Context, IpInfo, Unreachable};
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::pkt::{ChecksumState, PacketBuf};

impl Tcp {
    /// A segment arrives.
    pub fn handle_packet(&mut self, cx: &mut Context<'_>, ip: &IpInfo, packet: PacketBuf) {
        self.counters.received_packets += 1;
        let Some(segment) = self.parse(cx, ip, packet) else {
            return;
        };
        let tuple = FourTuple::from_parts(
            ip.destination,
            segment.header.destination_port,
            ip.source,
            segment.header.source_port,
        );
        event!(
            cx.events,
            cx.now,
            EventId::TcpIn,
            interface = ip.interface,
            source = ip.source,
            destination = ip.destination,
            sport = segment.header.source_port,
            dport = segment.header.destination_port,
            len = segment.len,
            detail = segment.header.flags.0,
        );
        if let Some(index) = self.find(tuple) {
            if let Some((_, Endpoint::Connection(tcb))) = self.endpoints.at_mut(index) {
                let header = segment.header;
                tcb.segment_arrives(&mut env!(self, cx), segment);
                self.finish(cx, index, Some(&header));
            }
            return;
        }
        self.arrives_without_connection(cx, ip, tuple, segment);
    }

    /// Octets to a segment; counts and drops what is none.
    fn parse(
        &mut self,
        cx: &mut Context<'_>,
        ip: &IpInfo,
        mut packet: PacketBuf,
    ) -> Option<Segment> {
        let octets = packet.as_slice();
        let (header, options, len) = match Header::parse(octets) {
            Ok((header, options, data)) => (header, Options::parse(options), data.len()),
            Err(error) => {
                let (reason, counter, detail) = match error {
                    wire::ParseError::Short => {
                        (DropReason::TcpShort, &mut self.counters.received_short, 0)
                    }
                    wire::ParseError::HeaderLength(len) => (
                        DropReason::TcpBadOffset,
                        &mut self.counters.received_bad_offset,
                        len,
                    ),
                };
                *counter += 1;
                dropped!(
                    cx.events,
                    cx.now,
                    reason,
                    interface = ip.interface,
                    source = ip.source,
                    destination = ip.destination,
                    len = seq_len(octets.len()),
                    detail = detail,
                );
                return None;
            }
        };
        // RFC 9293 §3.1, MUST-3.
        if packet.checksum != ChecksumState::Trusted
            && !wire::verify_checksum(ip.source, ip.destination, octets)
        {
            self.counters.received_bad_checksum += 1;
            dropped!(
                cx.events,
                cx.now,
                DropReason::TcpBadChecksum,
                interface = ip.interface,
                source = ip.source,
                destination = ip.destination,
                sport = header.source_port,
                dport = header.destination_port,
            );
            return None;
        }
        packet.pull_front(usize::from(header.header_len));
        Some(Segment {
            header,
            options,
            len: seq_len(len),
            data: packet,
            marked: ip.tos & 3 == 3,
        })
    }

    #[cold]
    fn arrives_without_connection(
        &mut self,
        cx: &mut Context<'_>,
        ip: &IpInfo,
        tuple: FourTuple,
        segment: Segment,
    ) {
        // RFC 9293 §3.9.2.3, MUST-57.
        if !ip.unicast {
            self.counters.bad_syns += 1;
            return stray(cx, ip, &segment, DropReason::TcpMany);
        }
        let mut least = None;
        match self.time_wait.segment_arrives(cx, ip, tuple, &segment) {
            None => {}
            Some(Verdict::Nothing(reason)) => return stray(cx, ip, &segment, reason),
            Some(Verdict::Answer(answer)) => {
                stray(cx, ip, &segment, DropReason::TimeWaitOld);
                self.reply(cx, answer);
                return;
            }
            Some(Verdict::Over(remains)) => {
                self.counters.received_resets += 1;
                self.release_remains(tuple, remains);
                return;
            }
            Some(Verdict::Succeeded(remains)) => {
                self.counters.time_wait_reused += 1;
                self.release_remains(tuple, remains);
                least = Some(remains.next_sequence());
            }
        }
        let Some(segment) = self.handshake_arrives(cx, ip, tuple, segment) else {
            return;
        };
        self.request_arrives(cx, ip, tuple, segment, least);
    }

    /// RFC 9293 §3.10.7.1: there is nobody for the segment.
    pub(super) fn refuse(&mut self, cx: &mut Context<'_>, ip: &IpInfo, header: &Header, len: u32) {
        self.counters.no_port += 1;
        dropped!(
            cx.events,
            cx.now,
            DropReason::TcpNoPort,
            interface = ip.interface,
            source = ip.source,
            destination = ip.destination,
            sport = header.source_port,
            dport = header.destination_port,
        );
        // A reset is never answered.
        if header.flags.contains(Flags::RST) {
            return;
        }
        let answer = reset_for(header, super::num::octets(len));
        self.reset(cx, ip, &answer);
    }

    /// An ICMP error arrives that quotes a segment from `local` to `peer` with that sequence number. Says whether such a
    /// segment is on its way: only then is the error believed.
    pub fn handle_unreachable(
        &mut self,
        cx: &mut Context<'_>,
        local: SocketAddrV4,
        peer: SocketAddrV4,
        seq: SeqNumber,
        error: Unreachable,
    ) -> bool {
        let believed = self.is_in_flight(local, peer, seq);
        if let Some(index) = self.between(local, peer)
            && let Some((_, Endpoint::Connection(tcb))) = self.endpoints.at_mut(index)
        {
            tcb.unreachable(&mut env!(self, cx), seq, error.errno);
            self.finish(cx, index, None);
        }
        believed
    }

    /// An ICMP error says that the path of the quoted segment takes packets of `mtu` octets only (RFC 1191).
    pub fn handle_path_mtu(
        &mut self,
        cx: &mut Context<'_>,
        local: SocketAddrV4,
        peer: SocketAddrV4,
        seq: SeqNumber,
        mtu: u16,
    ) {
        if !cx.config.path_mtu_discovery {
            return;
        }
        if let Some(index) = self.between(local, peer)
            && let Some((_, Endpoint::Connection(tcb))) = self.endpoints.at_mut(index)
        {
            tcb.path_mtu(&mut env!(self, cx), seq, mtu);
            self.finish(cx, index, None);
        }
    }

    /// A segment of a connection could not be sent.
    pub fn handle_output_error(&mut self, cx: &mut Context<'_>, id: ConnId, error: Errno) {
        let Some(Endpoint::Connection(tcb)) = self.endpoints.get_mut(id) else {
            return;
        };
        // A full queue is a loss like any other; only that there is no way at all ends an attempt to connect.
        if error != Errno::NoBufs {
            let seq = tcb.una;
            tcb.unreachable(&mut env!(self, cx), seq, error);
            self.finish(cx, id.index, None);
        }
    }

    /// Whether a connection has sent that number and has not had it acknowledged: whether an ICMP error that quotes it
    /// can be believed (RFC 5927 §4).
    #[must_use]
    pub fn is_in_flight(&self, local: SocketAddrV4, peer: SocketAddrV4, seq: SeqNumber) -> bool {
        let index = self.between(local, peer);
        match index.and_then(|index| self.endpoints.at(index)) {
            Some((_, Endpoint::Connection(tcb))) => seq.ge(tcb.una) && seq.lt(tcb.nxt),
            _ => false,
        }
    }

    /// The connection of a four-tuple.
    #[inline]
    fn find(&mut self, tuple: FourTuple) -> Option<u32> {
        if let Some((recent, index)) = self.recent
            && recent == tuple
        {
            return Some(index);
        }
        let index = *self.connections.get(&tuple)?;
        self.recent = Some((tuple, index));
        Some(index)
    }

    fn between(&self, local: SocketAddrV4, peer: SocketAddrV4) -> Option<u32> {
        self.connections.get(&FourTuple::new(local, peer)).copied()
    }
}

/// Tells of a segment without a connection that is dropped.
pub(super) fn stray(cx: &mut Context<'_>, ip: &IpInfo, segment: &Segment, reason: DropReason) {
    dropped!(
        cx.events,
        cx.now,
        reason,
        interface = ip.interface,
        source = ip.source,
        destination = ip.destination,
        sport = segment.header.source_port,
        dport = segment.header.destination_port,
        len = segment.len,
    );
}
