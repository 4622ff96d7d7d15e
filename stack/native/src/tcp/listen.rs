//! Handshakes of listeners: RFC 9293 §3.10.7.2, and RFC 4987 against floods.
//!
//! A SYN makes an entry of the SYN cache, not a connection; the acknowledgment of the SYN-ACK makes the connection. When
//! the cache is full (or a listener has its share of it), nothing is remembered: the SYN-ACK carries a cookie.

use core::time::Duration;

use fairway_wire::tcp::{Flags, Header, Options, Timestamps};
use fairway_wire::{Instant, SeqNumber};

use super::cookie;
use super::demux::stray;
use super::endpoint::{Binding, Endpoint, Listener};
use super::isn::{low, timestamp_clock};
use super::num::Nanos;
use super::options::SocketOptions;
use super::segment::{Answer, Segment, bare};
use super::state::State;
use super::table::{ConnId, FourTuple};
use super::tcb::{Env, Path, Tcb};
use super::tcp::{Tcp, env};
use super::types::{Context, IpInfo, Outgoing, Readiness};
use crate::dropped;
use crate::event;
use crate::event::{DropReason, EventId};

/// Handshakes of one listener, at least; more if its backlog is longer.
const SHARE: usize = 256;
/// How long after the last cookie acknowledgments may be cookies.
const COOKIE_LIFE: Duration = Duration::from_secs(180);

/// A handshake: what is known between the SYN and the acknowledgment of the SYN-ACK. 48 octets; with its place, 88.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Handshake {
    listener: Option<ConnId>,
    iss: SeqNumber,
    irs: SeqNumber,
    /// The peer's timestamp, and ours of the last SYN-ACK.
    ts_recent: u32,
    sent_at: Instant,
    /// The peer's window, unscaled, and its maximum segment size.
    window: u16,
    mss: u16,
    /// The peer's window scale, if any, and ours.
    send_shift: Option<u8>,
    recv_shift: u8,
    /// SYN-ACKs sent again.
    retries: u8,
    bits: u8,
    path: Path,
}

const SACK: u8 = 1;
const TIMESTAMPS: u8 = 2;
const ECN: u8 = 4;

impl Handshake {
    const fn has(&self, bit: u8) -> bool {
        self.bits & bit != 0
    }
}

/// What a SYN asks for and we offer, in a cookie's SYN-ACK or that of the cache.
struct Offer {
    mss: u16,
    shift: Option<u8>,
    sack: bool,
    timestamps: Option<Timestamps>,
    ecn: bool,
    window: u16,
}

impl Tcp {
    /// A segment that has no connection, and may belong to a handshake. Gives it back if it does not.
    pub(super) fn handshake_arrives(
        &mut self,
        cx: &mut Context<'_>,
        ip: &IpInfo,
        tuple: FourTuple,
        segment: Segment,
    ) -> Option<Segment> {
        let Some(&handshake) = self.handshakes.get(tuple) else {
            return Some(segment);
        };
        let listening = handshake
            .listener
            .is_some_and(|id| matches!(self.endpoints.get(id), Some(Endpoint::Listener(_))));
        if !listening {
            // CLO-2: it went with its listener.
            self.forget_handshake(tuple);
            return Some(segment);
        }
        let header = segment.header;
        if segment.has(Flags::RST) {
            // RFC 5961 §3.2 for SYN-RECEIVED.
            if header.seq == handshake.irs + 1_u32 {
                self.counters.received_resets += 1;
                self.counters.embryonic_dropped += 1;
                self.forget_handshake(tuple);
                stray(cx, ip, &segment, DropReason::HandshakeReset);
            } else {
                stray(cx, ip, &segment, DropReason::HandshakeResetBeside);
            }
            return None;
        }
        if segment.has(Flags::SYN) {
            if header.seq == handshake.irs && !segment.has(Flags::ACK) {
                // Our SYN-ACK was lost, or is late.
                self.answer_handshake(cx, tuple, &handshake);
                return None;
            }
            // RFC 5961 §4.2: if the peer has really begun anew, it will answer with a reset that fits.
            stray(cx, ip, &segment, DropReason::HandshakeSyn);
            self.challenge_handshake(cx, tuple, &handshake);
            return None;
        }
        // RFC 9293 §3.10.7.4, first.
        let start = handshake.irs + 1_u32;
        let old_stamp = handshake.has(TIMESTAMPS)
            && segment
                .options
                .timestamps
                .is_some_and(|stamps| SeqNumber(stamps.value).lt(SeqNumber(handshake.ts_recent)));
        let overlaps = header.seq.lt(start) && segment.end().gt(start);
        if old_stamp || !overlaps && !header.seq.is_within(start, u32::from(u16::MAX)) {
            let reason = if old_stamp {
                DropReason::TcpOldStamp
            } else {
                DropReason::TcpOutside
            };
            stray(cx, ip, &segment, reason);
            self.challenge_handshake(cx, tuple, &handshake);
            return None;
        }
        if !segment.has(Flags::ACK) {
            stray(cx, ip, &segment, DropReason::TcpNoAck);
            return None;
        }
        if header.ack != handshake.iss + 1_u32 {
            // RFC 9293 §3.10.7.4 for SYN-RECEIVED.
            stray(cx, ip, &segment, DropReason::TcpNotOurSynAck);
            self.refuse_ack(cx, ip, &header);
            return None;
        }
        self.complete(cx, tuple, &handshake, segment);
        None
    }

    /// The acknowledgment that a connection in SYN-RECEIVED sends.
    fn challenge_handshake(
        &mut self,
        cx: &mut Context<'_>,
        tuple: FourTuple,
        handshake: &Handshake,
    ) {
        if !self
            .challenges
            .allows(cx.now, cx.config.challenge_acks, cx.rng)
        {
            // RFC 5961 §7
            return dropped!(
                cx.events,
                cx.now,
                DropReason::TcpUnanswered,
                source = *tuple.peer().ip(),
                destination = *tuple.local().ip(),
                sport = tuple.peer().port(),
                dport = tuple.local().port(),
            );
        }
        self.counters.sent_challenge_acks += 1;
        let offset = self.secrets.timestamp_offset(tuple);
        let answer = Answer {
            source_port: tuple.local().port(),
            destination_port: tuple.peer().port(),
            seq: handshake.iss + 1_u32,
            ack: handshake.irs + 1_u32,
            flags: Flags::ACK,
            window: u16::MAX >> handshake.recv_shift,
        };
        let options = Options {
            timestamps: handshake.has(TIMESTAMPS).then(|| Timestamps {
                value: timestamp_clock(cx.now).wrapping_add(offset),
                echo: handshake.ts_recent,
            }),
            ..Options::default()
        };
        let pair = (*tuple.local().ip(), *tuple.peer().ip());
        let packet = bare(pair, &answer, &options, handshake.path.trusted_checksums);
        let reply = Outgoing::reply(&Self::mirrored(tuple), cx.config, packet);
        self.reply(cx, reply);
    }

    fn refuse_ack(&mut self, cx: &mut Context<'_>, ip: &IpInfo, header: &Header) {
        let answer = Answer {
            source_port: header.destination_port,
            destination_port: header.source_port,
            seq: header.ack,
            ack: SeqNumber(0),
            flags: Flags::RST,
            window: 0,
        };
        self.reset(cx, ip, &answer);
    }

    fn forget_handshake(&mut self, tuple: FourTuple) {
        let Some(handshake) = self.handshakes.remove(tuple) else {
            return;
        };
        if let Some(id) = handshake.listener
            && let Some(Endpoint::Listener(listener)) = self.endpoints.get_mut(id)
        {
            listener.handshakes = listener.handshakes.saturating_sub(1);
        }
    }

    /// The listener for that local name, if any.
    fn listener_for(&self, tuple: FourTuple) -> Option<ConnId> {
        let local = tuple.local();
        let [addresses, ports] = tuple.words();
        let hash = low(self.secrets.cookie.strong(&[addresses, ports]));
        self.ports.listener(*local.ip(), local.port(), hash)
    }

    /// RFC 9293 §3.10.7.1 and §3.10.7.2: a segment for no connection and no handshake.
    pub(super) fn request_arrives(
        &mut self,
        cx: &mut Context<'_>,
        ip: &IpInfo,
        tuple: FourTuple,
        segment: Segment,
        least: Option<SeqNumber>,
    ) {
        let header = segment.header;
        let Some(id) = self.listener_for(tuple) else {
            self.refuse(cx, ip, &header, segment.len);
            return;
        };
        // First: RST.
        if segment.has(Flags::RST) {
            return stray(cx, ip, &segment, DropReason::ListenReset);
        }
        // Second: ACK.
        if segment.has(Flags::ACK) {
            if segment.has(Flags::SYN) || !self.take_cookie(cx, ip, id, tuple, segment) {
                self.refuse(cx, ip, &header, 0);
            }
            return;
        }
        // Third: SYN. What has a FIN or no SYN is dropped.
        if !segment.has(Flags::SYN) || segment.has(Flags::FIN) {
            self.counters.bad_syns += 1;
            return stray(cx, ip, &segment, DropReason::ListenNoSyn);
        }
        self.take_syn(cx, ip, id, tuple, &segment, least);
    }

    fn take_syn(
        &mut self,
        cx: &mut Context<'_>,
        ip: &IpInfo,
        id: ConnId,
        tuple: FourTuple,
        segment: &Segment,
        least: Option<SeqNumber>,
    ) {
        let held = self.handshakes.len();
        let Some(Endpoint::Listener(listener)) = self.endpoints.get_mut(id) else {
            return;
        };
        let options = listener.options;
        // LSN-3, C-10: a full queue ignores requests.
        let full = listener.is_full();
        let crowded =
            held >= cx.limits.syn_cache || listener.handshakes >= listener.backlog.max(SHARE);
        if full || crowded && !cx.config.syn_cookies {
            let reason = if full {
                DropReason::ListenFull
            } else {
                DropReason::ListenCrowded
            };
            self.counters.listen_overflows += 1;
            return stray(cx, ip, segment, reason);
        }
        let generation = cx.paths.generation();
        let Ok(path) = cx.paths.path(Some(ip.destination), ip.source) else {
            return stray(cx, ip, segment, DropReason::ListenNoWay);
        };
        let path = Path::new(&path, generation);
        if segment.len > 0 {
            // RFC 9293 §3.10.7.2 would keep it; the peer sends it again.
            stray(cx, ip, segment, DropReason::TcpSynData);
        }
        let Some(Endpoint::Listener(listener)) = self.endpoints.get_mut(id) else {
            return;
        };
        if crowded {
            listener.cookies_at = Some(cx.now);
            self.send_cookie(cx, ip, tuple, segment, &options, path);
            return;
        }
        listener.handshakes += 1;
        let mut iss = self.secrets.initial_sequence(cx.now, tuple);
        if let Some(least) = least {
            iss = iss.max(least);
        }
        let mut bits = 0;
        if cx.config.sack && segment.options.sack_permitted {
            bits |= SACK;
        }
        if options.timestamps && segment.options.timestamps.is_some() {
            bits |= TIMESTAMPS;
        }
        if cx.config.ecn && segment.has(Flags::ECE | Flags::CWR) {
            bits |= ECN;
        }
        let scaling = options.window_scale && segment.options.window_scale.is_some();
        let handshake = Handshake {
            listener: Some(id),
            iss,
            irs: segment.header.seq,
            ts_recent: segment.options.timestamps.map_or(0, |stamps| stamps.value),
            sent_at: cx.now,
            window: segment.header.window,
            mss: segment
                .options
                .max_segment_size
                .unwrap_or(cx.config.default_mss),
            send_shift: segment.options.window_scale.filter(|_| scaling),
            recv_shift: if scaling {
                Tcb::shift_for(&options, cx.config)
            } else {
                0
            },
            retries: 0,
            bits,
            path,
        };
        self.handshakes
            .insert(cx.now, tuple, cx.config.initial_rto, handshake);
        self.answer_handshake(cx, tuple, &handshake);
    }

    /// Sends the SYN-ACK of a handshake.
    fn answer_handshake(&mut self, cx: &mut Context<'_>, tuple: FourTuple, handshake: &Handshake) {
        let Some(Endpoint::Listener(listener)) =
            handshake.listener.and_then(|id| self.endpoints.get(id))
        else {
            return;
        };
        let options = &listener.options;
        let offset = self.secrets.timestamp_offset(tuple);
        let offer = Offer {
            mss: Tcb::announced_mss(options, &handshake.path),
            shift: handshake.send_shift.map(|_| handshake.recv_shift),
            sack: handshake.has(SACK),
            timestamps: handshake.has(TIMESTAMPS).then(|| Timestamps {
                value: timestamp_clock(cx.now).wrapping_add(offset),
                echo: handshake.ts_recent,
            }),
            ecn: handshake.has(ECN),
            window: first_window(options),
        };
        let (tos, ttl) = (options.tos, options.ttl);
        self.counters.sent_control += 1;
        let mut outgoing = syn_ack(
            cx,
            tuple,
            handshake.iss,
            handshake.irs,
            &offer,
            handshake.path,
        );
        outgoing.tos = tos;
        outgoing.ttl = ttl;
        self.reply(cx, outgoing);
    }

    fn send_cookie(
        &mut self,
        cx: &mut Context<'_>,
        ip: &IpInfo,
        tuple: FourTuple,
        segment: &Segment,
        options: &SocketOptions,
        path: Path,
    ) {
        let peer_mss = segment
            .options
            .max_segment_size
            .unwrap_or(cx.config.default_mss);
        let iss = cookie::make(
            self.secrets.cookie,
            cx.now,
            tuple,
            segment.header.seq,
            peer_mss,
        );
        let stamps = segment.options.timestamps.filter(|_| options.timestamps);
        let clock = timestamp_clock(cx.now).wrapping_add(self.secrets.timestamp_offset(tuple));
        let offer = Offer {
            mss: Tcb::announced_mss(options, &path),
            // Without timestamps there is nowhere to remember them.
            shift: stamps
                .filter(|_| options.window_scale && segment.options.window_scale.is_some())
                .map(|_| Tcb::shift_for(options, cx.config)),
            sack: stamps.is_some() && cx.config.sack && segment.options.sack_permitted,
            timestamps: stamps.map(|stamps| Timestamps {
                value: cookie::make_stamp(clock, &segment.options, cx.config.sack),
                echo: stamps.value,
            }),
            ecn: false,
            window: first_window(options),
        };
        self.counters.syn_cookies_sent += 1;
        event!(
            cx.events,
            cx.now,
            EventId::TcpSynCookie,
            source = ip.source,
            destination = ip.destination,
            sport = segment.header.source_port,
            dport = segment.header.destination_port,
        );
        let outgoing = syn_ack(cx, tuple, iss, segment.header.seq, &offer, path);
        self.reply(cx, outgoing);
    }

    /// An acknowledgment that may answer a cookie; `false` if it does not.
    fn take_cookie(
        &mut self,
        cx: &mut Context<'_>,
        ip: &IpInfo,
        id: ConnId,
        tuple: FourTuple,
        segment: Segment,
    ) -> bool {
        let Some(Endpoint::Listener(listener)) = self.endpoints.get(id) else {
            return false;
        };
        let recent = listener
            .cookies_at
            .is_some_and(|at| cx.now - at < COOKIE_LIFE);
        if !recent {
            return false;
        }
        let options = listener.options;
        let (iss, irs) = (segment.header.ack - 1_u32, segment.header.seq - 1_u32);
        let told = cookie::check(self.secrets.cookie, cx.now, tuple, irs, iss);
        let generation = cx.paths.generation();
        let path = cx.paths.path(Some(ip.destination), ip.source);
        let (Some(told), Ok(path)) = (told, path) else {
            self.counters.syn_cookies_refused += 1;
            stray(cx, ip, &segment, DropReason::ListenBadCookie);
            return false;
        };
        self.counters.syn_cookies_accepted += 1;
        let mut bits = 0;
        let mut send_shift = None;
        if options.timestamps
            && let Some(stamps) = segment.options.timestamps
        {
            bits |= TIMESTAMPS;
            let (shift, sack) = cookie::read_stamp(stamps.echo);
            send_shift = shift.filter(|_| options.window_scale);
            if sack {
                bits |= SACK;
            }
        }
        let handshake = Handshake {
            listener: Some(id),
            iss,
            irs,
            ts_recent: segment.options.timestamps.map_or(0, |stamps| stamps.value),
            sent_at: Instant::MAX,
            window: segment.header.window,
            mss: told.mss,
            send_shift,
            recv_shift: send_shift.map_or(0, |_| Tcb::shift_for(&options, cx.config)),
            retries: 0,
            bits,
            path: Path::new(&path, generation),
        };
        self.complete(cx, tuple, &handshake, segment);
        true
    }

    /// A handshake is complete: it becomes a connection that waits to be accepted.
    fn complete(
        &mut self,
        cx: &mut Context<'_>,
        tuple: FourTuple,
        handshake: &Handshake,
        segment: Segment,
    ) {
        let Some(Endpoint::Listener(listener)) =
            handshake.listener.and_then(|id| self.endpoints.get_mut(id))
        else {
            self.forget_handshake(tuple);
            return;
        };
        let full = listener.is_full();
        if full {
            // The SYN-ACK will be sent again, and the peer will acknowledge again.
            self.counters.listen_overflows += 1;
            dropped!(
                cx.events,
                cx.now,
                DropReason::ListenFull,
                source = *tuple.peer().ip(),
                destination = *tuple.local().ip(),
                sport = tuple.peer().port(),
                dport = tuple.local().port(),
            );
            return;
        }
        let binding = Binding::Held(
            tuple.local(),
            listener.options.reuse_addr || listener.options.reuse_port,
        );
        let (options, choices) = (listener.options, listener.common.choices.clone());
        if !self.has_room(cx) {
            // As with a full queue: the peer will acknowledge again.
            return stray(
                cx,
                &Self::mirrored(tuple),
                &segment,
                DropReason::ListenNoRoom,
            );
        }
        let Some(id) = self.attach(cx, options, "connection request") else {
            return;
        };
        let mut env = env!(self, cx);
        let mut tcb = Box::new(Tcb::new(
            id,
            tuple,
            handshake.iss,
            options,
            handshake.path,
            &env,
        ));
        tcb.common.binding = binding;
        tcb.common.choices = choices;
        tcb.parent = handshake.listener;
        tcb.is.unaccepted = true;
        tcb.is.passive = true;
        tcb.take_handshake(&mut env, handshake);
        self.counters.accepts += 1;
        let local = tuple.local();
        if let Some(endpoint) = self.endpoints.get_mut(id) {
            *endpoint = Endpoint::Connection(tcb);
        }
        self.ports
            .hold(*local.ip(), local.port(), binding.is_reusable());
        self.connections.insert(tuple, id.index);
        self.forget_handshake(tuple);
        if let Some(parent) = handshake.listener {
            if let Some(Endpoint::Listener(listener)) = self.endpoints.get_mut(parent) {
                listener.queue.push_back(id);
            }
            self.tell_listener(parent, Readiness::READABLE);
        }
        let header = segment.header;
        if let Some(Endpoint::Connection(tcb)) = self.endpoints.get_mut(id) {
            tcb.segment_arrives(&mut env!(self, cx), segment);
        }
        self.finish(cx, id.index, Some(&header));
    }

    /// SYN-ACKs that nobody has acknowledged are sent again, or given up.
    pub(super) fn handshakes_due(&mut self, cx: &mut Context<'_>) {
        while let Some((tuple, mut handshake)) = self.handshakes.pop_due(cx.now) {
            let listening = handshake
                .listener
                .is_some_and(|id| matches!(self.endpoints.get(id), Some(Endpoint::Listener(_))));
            if !listening || handshake.retries >= cx.config.syn_ack_retries {
                self.counters.embryonic_dropped += 1;
                dropped!(
                    cx.events,
                    cx.now,
                    DropReason::HandshakeLate,
                    source = *tuple.peer().ip(),
                    destination = *tuple.local().ip(),
                    sport = tuple.peer().port(),
                    dport = tuple.local().port(),
                );
                if let Some(id) = handshake.listener
                    && let Some(Endpoint::Listener(listener)) = self.endpoints.get_mut(id)
                {
                    listener.handshakes = listener.handshakes.saturating_sub(1);
                }
                continue;
            }
            handshake.retries += 1;
            // RFC 6298 §5.5
            let wait =
                (cx.config.initial_rto * (1 << handshake.retries.min(16))).min(cx.config.max_rto);
            self.handshakes.insert(cx.now, tuple, wait, handshake);
            self.counters.retransmitted_packets += 1;
            self.answer_handshake(cx, tuple, &handshake);
        }
    }
}

impl Tcb {
    /// Becomes what the handshake has agreed on.
    fn take_handshake(&mut self, env: &mut Env<'_, '_>, handshake: &Handshake) {
        let now = env.now();
        self.irs = handshake.irs;
        self.rcv_nxt = handshake.irs + 1_u32;
        self.rcv_edge = self.rcv_nxt + u32::from(first_window(&self.options));
        self.last_ack = self.rcv_nxt;
        self.una = self.iss + 1_u32;
        self.nxt = self.una;
        self.board = super::sack::Scoreboard::new(self.una);
        self.recv_shift = handshake.recv_shift;
        let options = Options {
            max_segment_size: Some(handshake.mss),
            window_scale: handshake.send_shift,
            sack_permitted: handshake.has(SACK),
            timestamps: handshake.has(TIMESTAMPS).then(Timestamps::default),
            ..Options::default()
        };
        self.take_syn_options(env.cx.config, &options);
        self.is.ecn = handshake.has(ECN);
        self.ts_recent = handshake.ts_recent;
        self.ts_recent_at = now;
        self.send_window = u32::from(handshake.window);
        self.max_window = self.send_window;
        self.wl1 = handshake.irs;
        self.wl2 = self.una;
        self.set_state(env, State::SynReceived, "SYN received");
        if handshake.retries == 0 && handshake.sent_at != Instant::MAX {
            self.rtt.sample(now, Nanos::between(handshake.sent_at, now));
        } else if handshake.retries > 0 {
            self.backoff = 1;
        }
        self.established(env, "the peer acknowledged our SYN-ACK");
    }
}

/// The window of a SYN-ACK: never scaled (RFC 7323 §2.2).
fn first_window(options: &SocketOptions) -> u16 {
    u16::try_from(options.recv_buffer.min(65_535)).unwrap_or(u16::MAX)
}

fn syn_ack(
    cx: &Context<'_>,
    tuple: FourTuple,
    iss: SeqNumber,
    irs: SeqNumber,
    offer: &Offer,
    path: Path,
) -> Outgoing {
    let mut flags = Flags::SYN | Flags::ACK;
    if offer.ecn {
        // RFC 3168 §6.1.1
        flags |= Flags::ECE;
    }
    let answer = Answer {
        source_port: tuple.local().port(),
        destination_port: tuple.peer().port(),
        seq: iss,
        ack: irs + 1_u32,
        flags,
        window: offer.window,
    };
    let options = Options {
        max_segment_size: Some(offer.mss),
        window_scale: offer.shift,
        sack_permitted: offer.sack,
        timestamps: offer.timestamps,
        ..Options::default()
    };
    let pair = (*tuple.local().ip(), *tuple.peer().ip());
    let packet = bare(pair, &answer, &options, path.trusted_checksums);
    Outgoing::reply(&Tcp::mirrored(tuple), cx.config, packet)
}

impl Listener {
    /// Whether nobody waits to be accepted.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }
}
