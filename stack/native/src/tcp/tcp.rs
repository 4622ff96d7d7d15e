//! The transport of a host: tables, demultiplexing, output, deadlines.

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};

use fairway_wire::tcp::{self as wire, Flags, Header, Options};
use fairway_wire::{Instant, SeqNumber};

use super::counters::TcpCounters;
use super::endpoint::{Binding, Endpoint};
use super::isn::Secrets;
use super::listen::Handshake;
use super::num::seq_len;
use super::ports::Ports;
use super::segment::{Answer, Segment, bare, reset_for};
use super::state::State;
use super::table::{ConnId, FourTuple, Slab, TupleTable};
use super::tcb::{ChallengeLimit, Env, Path, Tcb};
use super::timers::TimerHeap;
use super::timewait::{Remains, TimeWait, Verdict};
use super::train::Train;
use super::types::{Context, IpInfo, Notice, Outgoing, Readiness, Unreachable};
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::hash::Key;
use crate::pkt::{ChecksumState, PacketBuf};
use crate::rng::Rng;

/// Answers that wait to be taken, at most; a caller that takes none loses some.
pub(super) const REPLIES: usize = 1024;

/// TCP of one host. See the module's documentation.
#[derive(Debug)]
pub struct Tcp {
    pub(super) endpoints: Slab<Endpoint>,
    pub(super) connections: HashMap<FourTuple, u32, Key>,
    pub(super) handshakes: TupleTable<Handshake>,
    pub(super) time_wait: TimeWait,
    pub(super) ports: Ports,
    pub(super) secrets: Secrets,
    pub(super) counters: TcpCounters,
    /// Connections that nobody holds any more.
    pub(super) orphans: usize,
    pub(super) challenges: ChallengeLimit,
    pub(super) timers: TimerHeap,
    /// Connections that may have something to send, each once.
    pub(super) dirty: VecDeque<u32>,
    /// Segments planned and not taken yet.
    train: Option<Train>,
    /// Where the last segment's connection was found: the next is likely to be of the same.
    recent: Option<(FourTuple, u32)>,
    pub(super) replies: VecDeque<Outgoing>,
    /// Endpoints with news, each once.
    pub(super) noticed: VecDeque<ConnId>,
    /// News of endpoints that are gone.
    last_notices: VecDeque<Notice>,
}

/// `env!(self, cx)`: what a step of a connection works with, borrowed beside the table of endpoints.
macro_rules! env {
    ($tcp:ident, $cx:ident) => {
        Env {
            cx: $cx,
            counters: &mut $tcp.counters,
            secrets: &$tcp.secrets,
            challenges: &mut $tcp.challenges,
        }
    };
}
pub(super) use env;

impl Tcp {
    /// TCP of a new host; its secrets are drawn from `rng`.
    #[must_use]
    pub fn new(rng: &mut Rng) -> Self {
        Self {
            endpoints: Slab::new(),
            connections: HashMap::with_hasher(rng.key()),
            handshakes: TupleTable::new(rng.key()),
            time_wait: TimeWait::new(rng.key()),
            ports: Ports::new(rng.key()),
            secrets: Secrets::new(rng),
            counters: TcpCounters::default(),
            orphans: 0,
            challenges: ChallengeLimit::default(),
            timers: TimerHeap::default(),
            dirty: VecDeque::new(),
            train: None,
            recent: None,
            replies: VecDeque::new(),
            noticed: VecDeque::new(),
            last_notices: VecDeque::new(),
        }
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &TcpCounters {
        &self.counters
    }

    /// Sets all counters to zero.
    pub fn clear_counters(&mut self) {
        self.counters = TcpCounters::default();
    }

    // Input.

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

    /// Sends a reset for no connection.
    pub(super) fn reset(&mut self, cx: &mut Context<'_>, ip: &IpInfo, answer: &Answer) {
        self.counters.sent_resets += 1;
        let packet = bare(
            (ip.destination, ip.source),
            answer,
            &Options::default(),
            false,
        );
        let reply = Outgoing::reply(ip, cx.config, packet);
        self.reply(cx, reply);
    }

    pub(super) fn reply(&mut self, cx: &mut Context<'_>, reply: Outgoing) {
        if self.replies.len() < REPLIES {
            self.counters.sent_packets += 1;
            self.replies.push_back(reply);
        } else {
            dropped!(
                cx.events,
                cx.now,
                DropReason::TcpRepliesFull,
                source = reply.source,
                destination = reply.destination,
            );
        }
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

    /// Takes a connection out of the table that segments find it by.
    fn unlist(&mut self, tuple: FourTuple, index: u32) {
        if self.connections.get(&tuple) == Some(&index) {
            self.connections.remove(&tuple);
            self.recent = None;
        }
    }

    fn between(&self, local: SocketAddrV4, peer: SocketAddrV4) -> Option<u32> {
        self.connections.get(&FourTuple::new(local, peer)).copied()
    }

    // After a step.

    /// What a step of a connection entails for the tables. `header`: of the segment that it answers, if any.
    #[inline]
    pub(super) fn finish(&mut self, cx: &mut Context<'_>, index: u32, header: Option<&Header>) {
        let Some((id, Endpoint::Connection(tcb))) = self.endpoints.at_mut(index) else {
            return;
        };
        #[cfg(debug_assertions)]
        tcb.check();
        if tcb.is.dirty && !tcb.is.queued {
            tcb.is.queued = true;
            self.dirty.push_back(index);
        }
        if tcb.news.any() && !tcb.is.noticed && !tcb.is.unaccepted {
            tcb.is.noticed = true;
            self.noticed.push_back(id);
        }
        self.timers.arm(index, tcb.timers.next());
        if tcb.is.reset_due || matches!(tcb.state, State::Closed | State::TimeWait) {
            self.wind_up(cx, id, header);
        }
    }

    /// A connection has ended, or sends a reset.
    #[cold]
    fn wind_up(&mut self, cx: &mut Context<'_>, id: ConnId, header: Option<&Header>) {
        let Some(Endpoint::Connection(tcb)) = self.endpoints.get_mut(id) else {
            return;
        };
        if core::mem::take(&mut tcb.is.reset_due) {
            let seq = tcb.reset_seq.take();
            let answer = tcb.reset_answer(seq, header);
            let outgoing = tcb.wrap_reply(cx.config, &answer);
            self.counters.sent_resets += 1;
            self.reply(cx, outgoing);
        }
        let Some(Endpoint::Connection(tcb)) = self.endpoints.get_mut(id) else {
            return;
        };
        if !matches!(tcb.state, State::Closed | State::TimeWait) {
            return;
        }
        let tuple = tcb.tuple;
        if self.connections.get(&tuple) == Some(&id.index) {
            if tcb.state == State::TimeWait {
                // The last acknowledgment goes out first.
                let last = tcb.next_packet(&mut env!(self, cx), &mut None);
                let reusable = tcb.common.binding.is_reusable();
                self.time_wait.insert(cx, tcb, reusable);
                if let Some(packet) = last {
                    let outgoing = tcb.wrap(cx.config, packet);
                    self.replies.push_back(outgoing);
                }
                let local = tuple.local();
                self.ports.hold(*local.ip(), local.port(), reusable);
                self.limit_time_wait(cx);
            }
            self.unlist(tuple, id.index);
        }
        self.timers.remove(id.index);
        if let Some(Endpoint::Connection(tcb)) = self.endpoints.get(id)
            && tcb.is.orphan
        {
            self.forget(id);
        }
    }

    /// Frees an endpoint and its name.
    pub(super) fn forget(&mut self, id: ConnId) {
        let Some(endpoint) = self.endpoints.remove(id) else {
            return;
        };
        self.timers.remove(id.index);
        if let Endpoint::Connection(tcb) = &endpoint {
            self.orphans -= usize::from(tcb.is.orphan);
            self.unlist(tcb.tuple, id.index);
            if tcb.news.closed {
                self.last_notices.push_back(Notice {
                    id,
                    owner: tcb.common.owner,
                    readiness: tcb.news,
                });
            }
        }
        self.release(endpoint.common().binding);
    }

    /// Gives a local name back.
    pub(super) fn release(&mut self, binding: Binding) {
        match binding {
            Binding::None => {}
            Binding::Bound(name, reuse) => self.ports.unbind(*name.ip(), name.port(), reuse),
            Binding::Held(name, reusable) => {
                self.ports.release(*name.ip(), name.port(), reusable);
            }
            Binding::Chosen(name) => self.ports.release_chosen(*name.ip(), name.port()),
        }
    }

    fn release_remains(&mut self, tuple: FourTuple, remains: Remains) {
        let local = tuple.local();
        self.ports
            .release(*local.ip(), local.port(), remains.is_reusable());
    }

    /// Takes a connection out of TIME-WAIT for one that comes after it.
    pub(super) fn succeed(&mut self, tuple: FourTuple) -> Option<Remains> {
        let remains = self.time_wait.table_mut().remove(tuple)?;
        self.release_remains(tuple, remains);
        self.counters.time_wait_reused += 1;
        Some(remains)
    }

    fn limit_time_wait(&mut self, cx: &mut Context<'_>) {
        while self.time_wait.table().len() > cx.limits.time_wait {
            let Some((tuple, remains)) = self.time_wait.table_mut().pop_first() else {
                break;
            };
            self.counters.time_wait_overflows += 1;
            dropped!(
                cx.events,
                cx.now,
                DropReason::TimeWaitFull,
                source = *tuple.peer().ip(),
                destination = *tuple.local().ip(),
                sport = tuple.peer().port(),
                dport = tuple.local().port(),
            );
            self.release_remains(tuple, remains);
        }
    }

    // Deadlines.

    /// When something is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let connection = self.timers.first().map(|(at, _)| at);
        let mut next = connection.unwrap_or(Instant::MAX);
        if let Some(at) = self.time_wait.table().next_deadline() {
            next = next.min(at);
        }
        if let Some(at) = self.handshakes.next_deadline() {
            next = next.min(at);
        }
        (next != Instant::MAX).then_some(next)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        while let Some((at, index)) = self.timers.first() {
            if at > cx.now {
                break;
            }
            let Some((_, Endpoint::Connection(tcb))) = self.endpoints.at_mut(index) else {
                self.timers.remove(index);
                continue;
            };
            let next = tcb.timers.next();
            if next > cx.now {
                // It was moved meanwhile.
                if next == Instant::MAX {
                    tcb.rest();
                }
                self.timers.put(index, next);
                continue;
            }
            tcb.time_passes(&mut env!(self, cx));
            let next = tcb.timers.next();
            if next == Instant::MAX {
                tcb.rest();
            }
            self.timers.put(index, next);
            self.finish(cx, index, None);
        }
        while let Some((tuple, remains)) = self.time_wait.table_mut().pop_due(cx.now) {
            self.release_remains(tuple, remains);
        }
        self.handshakes_due(cx);
    }

    // Output.

    /// Whether [`poll_packet`](Self::poll_packet) may have something.
    #[inline]
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.replies.is_empty() || !self.dirty.is_empty() || self.train.is_some()
    }

    /// Whether there is nothing to send and no news.
    #[inline]
    #[must_use]
    pub fn is_quiet(&self) -> bool {
        !self.has_output() && self.noticed.is_empty() && self.last_notices.is_empty()
    }

    /// The next segment to send.
    pub fn poll_packet(&mut self, cx: &mut Context<'_>) -> Option<Outgoing> {
        if let Some(reply) = self.replies.pop_front() {
            return Some(reply);
        }
        if let Some(mut train) = self.train.take()
            && let Some(Endpoint::Connection(tcb)) = self.endpoints.get(train.id)
            && let Some(packet) = train.next(tcb)
        {
            self.counters.sent_packets += 1;
            if !train.is_over() {
                self.train = Some(train);
            }
            return Some(tcb.outgoing(cx, packet));
        }
        while let Some(&index) = self.dirty.front() {
            let Some((_, Endpoint::Connection(tcb))) = self.endpoints.at_mut(index) else {
                self.dirty.pop_front();
                continue;
            };
            if core::mem::take(&mut tcb.is.dirty) {
                // The beginning of a burst.
                let generation = cx.paths.generation();
                if tcb.path.generation != generation {
                    let path = cx.paths.path(Some(tcb.local()), *tcb.tuple.peer().ip());
                    if let Ok(path) = path {
                        tcb.set_path(&mut env!(self, cx), Path::new(&path, generation));
                    }
                }
            }
            let packet = tcb.next_packet(&mut env!(self, cx), &mut self.train);
            if let Some(packet) = packet {
                if self.train.is_none() && tcb.is_quiet() {
                    // The end of a burst, known at once.
                    tcb.output_ended(&mut env!(self, cx));
                    tcb.is.queued = false;
                    self.dirty.pop_front();
                    #[cfg(debug_assertions)]
                    tcb.check();
                }
                self.timers.arm(index, tcb.timers.next());
                return Some(tcb.outgoing(cx, packet));
            }
            self.timers.arm(index, tcb.timers.next());
            #[cfg(debug_assertions)]
            tcb.check();
            if !tcb.is.dirty {
                tcb.is.queued = false;
                self.dirty.pop_front();
            }
        }
        None
    }

    /// News of an endpoint.
    pub fn poll_notice(&mut self) -> Option<Notice> {
        if let Some(notice) = self.last_notices.pop_front() {
            return Some(notice);
        }
        while let Some(id) = self.noticed.pop_front() {
            let Some(endpoint) = self.endpoints.get_mut(id) else {
                continue;
            };
            let readiness = match endpoint {
                Endpoint::Idle(_) => continue,
                Endpoint::Listener(listener) => {
                    listener.noticed = false;
                    core::mem::take(&mut listener.news)
                }
                Endpoint::Connection(tcb) => {
                    tcb.is.noticed = false;
                    core::mem::take(&mut tcb.news)
                }
            };
            let owner = endpoint.common().owner;
            return Some(Notice {
                id,
                owner,
                readiness,
            });
        }
        None
    }

    /// Tells the holder of a listener something.
    pub(super) fn tell_listener(&mut self, id: ConnId, news: Readiness) {
        if let Some(Endpoint::Listener(listener)) = self.endpoints.get_mut(id) {
            listener.news.add(news);
            if !listener.noticed {
                listener.noticed = true;
                self.noticed.push_back(id);
            }
        }
    }

    /// The host at large, to answer a packet that has no connection: who would have been asked.
    pub(super) fn mirrored(tuple: FourTuple) -> IpInfo {
        IpInfo {
            source: *tuple.peer().ip(),
            destination: *tuple.local().ip(),
            ttl: 0,
            tos: 0,
            interface: 0,
            unicast: true,
        }
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

impl Tcb {
    /// A segment of the connection, on its way.
    #[inline]
    fn outgoing(&self, cx: &mut Context<'_>, packet: PacketBuf) -> Outgoing {
        event!(
            cx.events,
            cx.now,
            EventId::TcpOut,
            source = self.local(),
            destination = *self.tuple.peer().ip(),
            sport = self.tuple.local().port(),
            dport = self.tuple.peer().port(),
            len = seq_len(packet.len()),
        );
        self.wrap(cx.config, packet)
    }

    /// Puts a segment of the connection into its circumstances.
    #[inline]
    pub(super) fn wrap(&self, config: &super::TcpConfig, packet: PacketBuf) -> Outgoing {
        let mut outgoing = Outgoing {
            source: *self.tuple.local().ip(),
            destination: *self.tuple.peer().ip(),
            tos: self.options.tos,
            ttl: self.options.ttl,
            dont_fragment: config.path_mtu_discovery,
            packet,
            connection: Some(self.id),
            ip_options: None,
            dont_route: false,
            class: 0,
            bound_interface: None,
            transparent: false,
        };
        if self.is.ecn && outgoing.packet.len() > 60 {
            // RFC 3168 §6.1.2: ECT(0), on data only.
            outgoing.tos = outgoing.tos & !3 | 2;
        }
        if let Some(choices) = &self.common.choices {
            outgoing.ip_options.clone_from(&choices.ip_options);
            outgoing.dont_route = choices.dont_route;
            outgoing.class = choices.class;
            outgoing.bound_interface = choices.device;
            outgoing.transparent = choices.transparent;
            outgoing.dont_fragment &= !choices.may_fragment;
        }
        outgoing
    }

    /// The reset that this connection sends.
    fn reset_answer(&self, seq: Option<SeqNumber>, header: Option<&Header>) -> Answer {
        // RFC 9293 §3.10.7.3: a reset that answers an acknowledgment takes its number, and needs none of its own.
        let bare_reset = seq.is_some() && header.is_some();
        let flags = if bare_reset {
            Flags::RST
        } else {
            Flags::RST | Flags::ACK
        };
        Answer {
            source_port: self.tuple.local().port(),
            destination_port: self.tuple.peer().port(),
            seq: seq.unwrap_or(self.nxt),
            ack: if bare_reset {
                SeqNumber(0)
            } else {
                self.rcv_nxt
            },
            flags,
            window: 0,
        }
    }

    fn wrap_reply(&self, config: &super::TcpConfig, answer: &Answer) -> Outgoing {
        let pair: (Ipv4Addr, Ipv4Addr) = (*self.tuple.local().ip(), *self.tuple.peer().ip());
        let packet = bare(
            pair,
            answer,
            &Options::default(),
            self.path.trusted_checksums,
        );
        self.wrap(config, packet)
    }
}
