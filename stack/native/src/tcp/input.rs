//! A segment arrives at a connection: RFC 9293 §3.10.7.3 and §3.10.7.4, hardened by RFC 5961.

use core::time::Duration;

use fairway_wire::SeqNumber;
use fairway_wire::tcp::{Flags, Options, SackBlock};

use super::cc::Control;
use super::config::TcpConfig;
use super::num::{Nanos, span};
use super::options::SocketOptions;
use super::rack::Rack;
use super::receive::QUICK;
use super::sack::Delivery;
use super::segment::Segment;
use super::state::State;
use super::tcb::{Env, Path, Tcb};
use super::timers::Timer;
use super::types::Readiness;
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};

/// RFC 7323 §5.5: a timestamp that nothing has followed for this long proves nothing.
const PAWS_LIFE: Duration = Duration::from_secs(24 * 86_400);

impl Tcb {
    /// Takes a segment in. States CLOSED, LISTEN and TIME-WAIT never come here: their segments are answered elsewhere.
    pub(crate) fn segment_arrives(&mut self, env: &mut Env<'_, '_>, segment: Segment) {
        if self.is_expected(&segment) {
            self.take_expected(env, segment);
            return;
        }
        match self.state {
            State::SynSent => self.arrives_in_syn_sent(env, &segment),
            State::Closed | State::Listen | State::TimeWait => {}
            State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck => self.arrives_synchronized(env, segment),
        }
    }

    /// Header prediction: the next segment of a stream in good order, with nothing unusual about it.
    #[inline]
    fn is_expected(&self, segment: &Segment) -> bool {
        self.state == State::Established
            && segment.header.flags.without(Flags::PSH) == Flags::ACK
            && segment.header.seq == self.rcv_nxt
            && self.peer_fin.is_none()
            && (segment.header.seq + segment.len).le(self.rcv_edge)
            && match segment.options.timestamps {
                Some(stamps) => {
                    self.is.timestamps
                        && stamps.value.wrapping_sub(self.ts_recent).cast_signed() >= 0
                }
                None => !self.is.timestamps,
            }
    }

    #[inline]
    fn take_expected(&mut self, env: &mut Env<'_, '_>, segment: Segment) {
        if segment.len == 0 {
            env.counters.predicted_acks += 1;
        } else {
            env.counters.predicted_data += 1;
        }
        if !self.acknowledge(env, &segment) {
            return;
        }
        self.note_heard(env, &segment);
        if self.is.ecn {
            self.note_marks(&segment);
        }
        if segment.len > 0 {
            self.take_in_order(env, segment.data);
        }
    }

    /// What every acceptable segment tells; RFC 5961 §5.2: one whose acknowledgment is no good tells nothing.
    #[inline]
    fn note_heard(&mut self, env: &Env<'_, '_>, segment: &Segment) {
        self.heard_at = env.cx.now;
        if self.options.keepalive {
            self.probes = 0;
            self.restart_keepalive(env);
        }
        if self.is.timestamps
            && let Some(stamps) = segment.options.timestamps
            // RFC 7323 §4.3: only of a segment that begins no later than what was acknowledged last.
            && segment.header.seq.le(self.last_ack)
            && stamps.value.wrapping_sub(self.ts_recent).cast_signed() >= 0
        {
            self.ts_recent = stamps.value;
            self.ts_recent_at = env.cx.now;
        }
    }

    fn arrives_synchronized(&mut self, env: &mut Env<'_, '_>, mut segment: Segment) {
        if self.state == State::SynReceived {
            self.unravel_crossed_syn(&mut segment);
        }
        if !self.is_fresh(env, &segment) || !self.is_acceptable(env, &segment) {
            return;
        }
        // Second: RST.
        if segment.has(Flags::RST) {
            self.reset_arrives(env, &segment);
            return;
        }
        // Fourth: SYN. RFC 5961 §4.2: whatever its number, it is answered with a challenge.
        if segment.has(Flags::SYN) {
            self.challenge(env, &segment, DropReason::TcpSynInside);
            return;
        }
        // Fifth: ACK.
        if !segment.has(Flags::ACK) {
            self.drop_segment(env, &segment, DropReason::TcpNoAck);
            return;
        }
        if self.state == State::SynReceived {
            let ack = segment.header.ack;
            if ack.le(self.una) || ack.gt(self.nxt) {
                // RFC 9293 §3.10.7.4: <SEQ=SEG.ACK><CTL=RST>; the caller sends it.
                self.drop_segment(env, &segment, DropReason::TcpNotOurSynAck);
                self.is.reset_due = true;
                self.reset_seq = Some(ack);
                return;
            }
            self.take_window_of_handshake(&segment);
            self.established(env, "the peer acknowledged our SYN");
        }
        if !self.acknowledge(env, &segment) {
            return;
        }
        self.note_heard(env, &segment);
        self.fin_may_be_acknowledged(env);
        if !self.state.is_synchronized() || self.state == State::TimeWait {
            return;
        }
        if self.is.ecn {
            self.note_marks(&segment);
        }
        // Sixth: URG.
        if segment.has(Flags::URG) {
            self.note_urgent(&segment);
        }
        // Seventh and eighth: data and FIN.
        self.take_data(env, segment);
    }

    /// In a simultaneous open the peer's SYN-ACK repeats a SYN that was taken; what counts is its acknowledgment.
    fn unravel_crossed_syn(&self, segment: &mut Segment) {
        if segment.has(Flags::SYN | Flags::ACK) && segment.header.seq == self.irs {
            segment.header.flags = segment.header.flags.without(Flags::SYN);
            segment.header.seq += 1_u32;
        }
    }

    /// RFC 7323 §5.3: PAWS.
    fn is_fresh(&mut self, env: &mut Env<'_, '_>, segment: &Segment) -> bool {
        let Some(stamps) = segment.options.timestamps else {
            // RFC 7323 §3.2 would have a segment without the option dropped; too many middle boxes lose it.
            return true;
        };
        if !self.is.timestamps
            || segment.has(Flags::RST)
            || stamps.value.wrapping_sub(self.ts_recent).cast_signed() >= 0
        {
            return true;
        }
        if segment.sequence_len() == 0
            && segment.header.seq == self.rcv_nxt
            && segment.header.ack.le(self.una)
        {
            // An acknowledgment that another has overtaken does no harm, and may report something.
            return true;
        }
        if env.now() - self.ts_recent_at > PAWS_LIFE {
            self.ts_recent = stamps.value;
            return true;
        }
        env.counters.paws_drops += 1;
        self.drop_segment(env, segment, DropReason::TcpOldStamp);
        // R1: an acknowledgment says what is expected.
        if segment.sequence_len() > 0 {
            self.ack_now();
        } else {
            self.challenge_silently(env, segment);
        }
        false
    }

    /// RFC 9293 §3.10.7.4, first: the sequence number.
    fn is_acceptable(&mut self, env: &mut Env<'_, '_>, segment: &Segment) -> bool {
        let (start, end) = (segment.header.seq, segment.end());
        // An acknowledgment that was sent when the window was full begins at its edge.
        let acceptable = if segment.sequence_len() == 0 {
            start.ge(self.rcv_nxt) && start.le(self.rcv_edge)
        } else {
            end.gt(self.rcv_nxt) && (start.lt(self.rcv_edge) || start == self.rcv_nxt)
        };
        if acceptable {
            return true;
        }
        if segment.has(Flags::RST) {
            self.drop_segment(env, segment, DropReason::TcpResetOutside);
            return false;
        }
        if segment.has(Flags::SYN) {
            // RFC 5961 §4.2: whatever its number.
            self.challenge(env, segment, DropReason::TcpSynInside);
            return false;
        }
        if end.le(self.rcv_nxt) && segment.len > 0 {
            // A duplicate; its acknowledgment may still be news.
            self.drop_segment(env, segment, DropReason::TcpTwice);
            env.counters.received_duplicate_packets += 1;
            env.counters.received_duplicate_octets += u64::from(segment.len);
            if self.is.sack {
                self.duplicate = Some(SackBlock {
                    left: start,
                    right: start + segment.len,
                });
                env.counters.dsacks_sent += 1;
            }
            self.quick = QUICK;
            self.ack_now();
            if segment.has(Flags::ACK) && self.state.is_synchronized() {
                self.acknowledge(env, segment);
                self.fin_may_be_acknowledged(env);
            }
            return false;
        }
        if start.gt(self.rcv_nxt) {
            env.counters.received_after_window_packets += 1;
            env.counters.received_after_window_octets += u64::from(segment.len);
            if segment.len > 0 && self.rcv_edge == self.rcv_nxt {
                env.counters.received_window_probes += 1;
            }
        }
        self.drop_segment(env, segment, DropReason::TcpOutside);
        if segment.sequence_len() > 0 {
            self.ack_now();
        } else {
            self.challenge_silently(env, segment);
        }
        false
    }

    /// RFC 5961 §3.2: only the very next number resets; any other within the window is asked about.
    fn reset_arrives(&mut self, env: &mut Env<'_, '_>, segment: &Segment) {
        if segment.header.seq != self.rcv_nxt {
            self.challenge(env, segment, DropReason::TcpResetBeside);
            return;
        }
        env.counters.received_resets += 1;
        event!(
            env.cx.events,
            env.cx.now,
            EventId::TcpInputReset,
            source = *self.tuple.peer().ip(),
            destination = self.local(),
            sport = self.tuple.peer().port(),
            dport = self.tuple.local().port(),
        );
        match self.state {
            State::SynReceived => self.fail(env, Errno::ConnRefused, "RST received"),
            State::CloseWait => self.fail(env, Errno::Pipe, "RST received"),
            State::Closing | State::LastAck => {
                // Both have closed: nothing is lost that anybody waits for.
                self.set_state(env, State::Closed, "RST received");
                self.drop_queues();
            }
            State::Closed
            | State::Listen
            | State::SynSent
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::TimeWait => self.fail(env, Errno::ConnReset, "RST received"),
        }
    }

    /// Answers a suspicious segment with an acknowledgment, so that a peer that is really there can put things right.
    pub(crate) fn challenge(
        &mut self,
        env: &mut Env<'_, '_>,
        segment: &Segment,
        reason: DropReason,
    ) {
        self.drop_segment(env, segment, reason);
        self.challenge_silently(env, segment);
    }

    fn challenge_silently(&mut self, env: &mut Env<'_, '_>, segment: &Segment) {
        if env
            .challenges
            .allows(env.cx.now, env.cx.config.challenge_acks, env.cx.rng)
        {
            env.counters.sent_challenge_acks += 1;
            self.ack_now();
        } else {
            // RFC 5961 §7
            self.drop_segment(env, segment, DropReason::TcpUnanswered);
        }
    }

    pub(crate) fn drop_segment(
        &self,
        env: &mut Env<'_, '_>,
        segment: &Segment,
        reason: DropReason,
    ) {
        dropped!(
            env.cx.events,
            env.cx.now,
            reason,
            source = *self.tuple.peer().ip(),
            destination = self.local(),
            sport = self.tuple.peer().port(),
            dport = self.tuple.local().port(),
            len = segment.len,
        );
    }

    /// RFC 9293 §3.10.7.3.
    fn arrives_in_syn_sent(&mut self, env: &mut Env<'_, '_>, segment: &Segment) {
        let header = segment.header;
        // First: ACK.
        let acknowledged = segment.has(Flags::ACK);
        if acknowledged && (header.ack.le(self.iss) || header.ack.gt(self.nxt)) {
            if !segment.has(Flags::RST) {
                self.is.reset_due = true;
                self.reset_seq = Some(header.ack);
            }
            self.drop_segment(env, segment, DropReason::TcpNotOurSyn);
            return;
        }
        // Second: RST. RFC 5961 §3.2 needs the acknowledgment to be right, which it is here.
        if segment.has(Flags::RST) {
            if acknowledged {
                env.counters.received_resets += 1;
                self.fail(env, Errno::ConnRefused, "the peer refused");
            } else {
                self.drop_segment(env, segment, DropReason::TcpResetBlind);
            }
            return;
        }
        // Fourth: SYN.
        if !segment.has(Flags::SYN) {
            self.drop_segment(env, segment, DropReason::TcpNoSyn);
            return;
        }
        if segment.len > 0 {
            // RFC 9293 §3.10.7.3 would keep it; the peer sends it again.
            self.drop_segment(env, segment, DropReason::TcpSynData);
        }
        self.irs = header.seq;
        self.rcv_nxt = header.seq + 1_u32;
        let window = self.options.recv_buffer.min(65_535);
        self.rcv_edge = self.rcv_nxt + window;
        self.last_ack = self.rcv_nxt;
        self.take_syn_options(env.cx.config, &segment.options);
        if let Some(stamps) = segment.options.timestamps {
            self.ts_recent = stamps.value;
            self.ts_recent_at = env.now();
        }
        self.heard_at = env.now();
        self.take_window_of_handshake(segment);
        if !acknowledged {
            // Simultaneous open.
            self.set_state(env, State::SynReceived, "SYNs crossed");
            self.is.syn_due = true;
            self.is.dirty = true;
            return;
        }
        self.is.ecn = env.config().ecn && segment.has(Flags::ECE) && !segment.has(Flags::CWR);
        let mut news = Delivery::default();
        self.board.acknowledge(header.ack, &mut news);
        self.una = header.ack;
        if !news.ambiguous
            && let Some(at) = news.first_sent_at
        {
            self.rtt.sample(env.cx.now, Nanos::between(at, env.cx.now));
        }
        self.established(env, "the peer acknowledged our SYN");
        self.ack_now();
    }

    /// RFC 9293 §3.10.7.3: SND.WND of a SYN, not scaled.
    fn take_window_of_handshake(&mut self, segment: &Segment) {
        let shift = if segment.has(Flags::SYN) {
            0
        } else {
            self.send_shift
        };
        self.send_window = u32::from(segment.header.window) << shift;
        self.max_window = self.send_window;
        self.wl1 = segment.header.seq;
        self.wl2 = segment.header.ack;
    }

    /// What the peer's SYN offers and ours did, too.
    pub(crate) fn take_syn_options(&mut self, config: &TcpConfig, options: &Options) {
        // RFC 9293 §3.7.1, MUST-15; a size that leaves no room for data is not believed.
        self.peer_mss = options
            .max_segment_size
            .unwrap_or(config.default_mss)
            .max(64);
        match options.window_scale {
            // RFC 7323 §2.3: 14 at most.
            Some(shift) if self.options.window_scale => {
                self.is.scaling = true;
                self.send_shift = shift.min(14);
            }
            _ => {
                self.is.scaling = false;
                self.send_shift = 0;
                self.recv_shift = 0;
            }
        }
        self.is.sack = config.sack && options.sack_permitted;
        self.is.timestamps = self.options.timestamps && options.timestamps.is_some();
        self.fit_mss();
    }

    /// Both SYNs are acknowledged: windows and estimators begin.
    pub(crate) fn established(&mut self, env: &mut Env<'_, '_>, why: &'static str) {
        let mut window = self.initial_window(env.cx.config);
        if self.backoff > 0 {
            // RFC 5681 §3.1: a lost SYN says that the path is busy.
            window = u32::from(self.mss);
            self.rtt.after_lost_syn();
        }
        self.backoff = 0;
        self.retries = 0;
        self.timers.stop(Timer::Loss);
        self.control = Control::new(self.options.congestion, window, self.nxt);
        self.rack = Rack::new(self.una);
        self.recovery.point = self.una;
        self.small_end = self.una;
        self.limited_at = self.una;
        self.quick = QUICK;
        self.told_window = span(self.rcv_edge, self.rcv_nxt);
        self.recv_mss = self.recv_mss.min(self.mss).max(1);
        self.tuning.since = env.now();
        self.set_state(env, State::Established, why);
        self.is.dirty = true;
    }

    /// What the acknowledgment of our FIN brings about.
    fn fin_may_be_acknowledged(&mut self, env: &mut Env<'_, '_>) {
        if !self.state.is_closing() || !self.fin_acknowledged() {
            return;
        }
        match self.state {
            State::FinWait1 => self.set_state(env, State::FinWait2, "FIN acknowledged"),
            State::Closing => self.set_state(env, State::TimeWait, "FIN acknowledged"),
            State::LastAck => self.set_state(env, State::Closed, "FIN acknowledged"),
            State::Closed
            | State::Listen
            | State::SynSent
            | State::SynReceived
            | State::Established
            | State::FinWait2
            | State::CloseWait
            | State::TimeWait => {}
        }
    }

    /// RFC 3168 §6.1.3: the receiver echoes a mark until the sender says that it has slowed down.
    #[inline]
    fn note_marks(&mut self, segment: &Segment) {
        if segment.has(Flags::CWR) {
            self.is.ecn_echo = false;
        }
        if segment.marked {
            self.is.ecn_echo = true;
            self.ack_now();
        }
    }

    /// RFC 3168: the bits to send.
    #[inline]
    pub(crate) fn ecn_flags(&mut self, new_data: bool) -> Flags {
        let mut flags = Flags::NONE;
        if self.is.ecn_echo {
            flags |= Flags::ECE;
        }
        if new_data && core::mem::take(&mut self.is.ecn_reduced) {
            flags |= Flags::CWR;
        }
        flags
    }

    /// An ICMP error about a segment of this connection. RFC 5927 §4: only if it quotes what is in flight. RFC 1122
    /// §4.2.3.9: soft errors end nothing; RFC 5461 §4: while connecting, any does.
    pub(crate) fn unreachable(&mut self, env: &mut Env<'_, '_>, seq: SeqNumber, errno: Errno) {
        if !self.quotes_flight(seq) {
            return;
        }
        match self.state {
            State::SynSent | State::SynReceived => {
                self.fail(env, errno, "unreachable");
            }
            State::Closed | State::Listen | State::TimeWait => {}
            State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck => self.soft_error = Some(errno),
        }
    }

    fn quotes_flight(&self, seq: SeqNumber) -> bool {
        seq.ge(self.una) && seq.lt(self.nxt)
    }

    /// RFC 1191 §6.4: the path takes less. What was too long is sent again at once, and is no sign of congestion.
    pub(crate) fn path_mtu(&mut self, env: &mut Env<'_, '_>, seq: SeqNumber, mtu: u16) {
        // RFC 1191 §3: never below 68; RFC 5927 §7.2: only if it quotes what is in flight.
        let mtu = mtu.max(68);
        if !self.quotes_flight(seq) || mtu >= self.path.mtu {
            return;
        }
        self.shrink_path(env, mtu);
    }

    /// Segments are to be shorter from now on.
    pub(crate) fn shrink_path(&mut self, env: &mut Env<'_, '_>, mtu: u16) {
        let old = self.mss;
        self.path.mtu = mtu;
        self.fit_mss();
        if self.mss >= old || !self.state.is_synchronized() {
            return;
        }
        env.counters.path_mtu_resends += 1;
        self.control.window = self.control.window.max(u32::from(self.mss));
        self.board.lose_longer_than(u32::from(self.mss));
        self.is.dirty = true;
    }

    /// What a socket of those options announces as the shift of its windows.
    pub(crate) fn shift_for(options: &SocketOptions, config: &TcpConfig) -> u8 {
        if !options.window_scale {
            return 0;
        }
        let most = if options.recv_auto {
            options.recv_buffer.max(config.recv_buffer_max)
        } else {
            options.recv_buffer
        };
        (0..14).find(|&shift| 65_535 << shift >= most).unwrap_or(14)
    }

    /// Whether the path info of another route is to be used: nothing in flight may become too long.
    pub(crate) fn set_path(&mut self, env: &mut Env<'_, '_>, path: Path) {
        let mtu = path.mtu;
        let old = self.path.mtu;
        self.path = Path { mtu: old, ..path };
        if mtu < old {
            self.shrink_path(env, mtu);
        } else {
            self.path.mtu = mtu;
            self.fit_mss();
        }
    }

    /// An established connection is given to the program.
    pub(crate) fn accepted(&mut self) {
        self.is.unaccepted = false;
        self.parent = None;
        self.news = Readiness::default();
    }
}
