//! What a connection sends next: RFC 9293 §3.8, RFC 5681, RFC 6675.
//!
//! The order: the SYN; what was lost, as far as the congestion window goes; a probe; new data and the FIN, as far as both
//! windows go and the rules against small segments allow; an acknowledgment if one is due and nothing else carried it.

use fairway_wire::tcp::{Flags, Header, MAX_OPTIONS_LEN, Options, Timestamps};
use fairway_wire::{Instant, SeqNumber};

use super::num;
use super::num::{Nanos, octets, span};
use super::recovery::{Frto, Phase, TailProbe};
use super::segment::seal;
use super::state::State;
use super::tcb::{Env, Tcb};
use super::timers::{LossTimer, Timer};
use super::train::{self, Train};
use crate::event;
use crate::event::EventId;
use crate::pkt::PacketBuf;

/// The least octets of data that a header leaves room for in the longest segment.
const LONGEST: u32 = 65_535 - 20 - 60;

/// How long a cork holds at most.
const CORK: Nanos = Nanos::from_millis(200);

/// A segment to be built.
#[derive(Clone, Copy, Debug)]
struct Plan {
    seq: SeqNumber,
    len: u32,
    flags: Flags,
    again: bool,
    /// Octets of data in each of the packets it becomes; the last may have fewer.
    piece: u32,
}

impl Tcb {
    /// The next segment; `None` if there is none for now.
    pub(crate) fn next_packet(
        &mut self,
        env: &mut Env<'_, '_>,
        train: &mut Option<Train>,
    ) -> Option<PacketBuf> {
        if self.is.syn_due {
            return Some(self.send_syn(env));
        }
        if !self.state.is_synchronized() {
            return self.is.ack_due.then(|| self.send_ack(env, train));
        }
        if self.state != State::TimeWait && self.state != State::Closed {
            if !self.board.is_empty() || self.unsent() > 0 || self.fin_pending() {
                if let Some(plan) = self.plan(env) {
                    return Some(self.send(env, plan, train));
                }
                self.output_ended(env);
            }
            if self.is.nudge_due {
                return Some(self.send_nudge(env, train));
            }
        }
        self.is.ack_due.then(|| self.send_ack(env, train))
    }

    /// What to send now: an old segment, or a new one.
    fn plan(&mut self, env: &mut Env<'_, '_>) -> Option<Plan> {
        if self.is.probe_due {
            self.is.probe_due = false;
            return self.plan_probe(env);
        }
        if self.board.has_unsent_loss()
            && self.recovery.frto != Frto::SendingNew
            && let Some(plan) = self.plan_again()
        {
            return Some(plan);
        }
        self.plan_new(env)
    }

    /// A lost segment, if the congestion window has room.
    fn plan_again(&mut self) -> Option<Plan> {
        let (seq, len) = self.board.next_loss()?;
        let mss = u32::from(self.mss);
        let room = self.control.window.saturating_sub(self.pipe());
        if room < len.min(mss) && self.pipe() > 0 {
            return None;
        }
        // What lies beyond a window that the peer has taken back waits, but for the first segment (RFC 9293 §3.8.6).
        if seq != self.una && span(seq, self.una) >= self.send_window.max(1) {
            return None;
        }
        let most = if self.path.gso_max > 0 {
            (room / mss * mss).clamp(mss, self.most_at_once(mss))
        } else {
            mss
        };
        Some(self.plan_at(seq, len.min(most), true))
    }

    /// A segment of `len` numbers from `seq` on, SYN aside; the FIN is found at its place.
    fn plan_at(&self, seq: SeqNumber, len: u32, again: bool) -> Plan {
        let end = self.data_end();
        let with_fin = self.state.is_closing() && (seq + len).gt(end);
        let data = len - u32::from(with_fin);
        let mut flags = Flags::ACK;
        if with_fin {
            flags |= Flags::FIN;
        }
        // §12.5: PSH when a segment empties the send buffer.
        if data > 0 && (seq + data).ge(end) {
            flags |= Flags::PSH;
        }
        Plan {
            seq,
            len: data,
            flags,
            again,
            piece: u32::from(self.mss),
        }
    }

    /// New data, the FIN, or both.
    fn plan_new(&mut self, env: &mut Env<'_, '_>) -> Option<Plan> {
        let unsent = self.unsent();
        let fin = self.fin_pending();
        if unsent == 0 && !fin {
            return None;
        }
        if unsent > 0 && self.board.is_empty() {
            self.restart_after_idle(env, env.cx.now);
        }
        let mss = self.piece();
        let pipe = self.pipe();
        let mut room = self.control.window.saturating_sub(pipe);
        if self.recovery.phase == Phase::Loss && self.recovery.frto == Frto::SendingNew {
            // RFC 5682 §3.1 step 2b: up to two segments.
            room = room.max(mss.saturating_sub(span(self.nxt, self.recovery.point)));
        }
        let window_end = self.una + self.send_window;
        let usable = span(window_end, self.nxt);
        if unsent == 0 {
            // A FIN alone takes a number of the window, too.
            let fits = usable > 0 && (room > 0 || pipe == 0);
            return fits.then(|| self.plan_at(self.nxt, 1, false));
        }
        let most = self.most_at_once(mss);
        let wanted = unsent.min(usable);
        if room < wanted.min(mss) && pipe > 0 || room == 0 {
            self.limited_at = self.nxt + wanted.min(1);
            return None;
        }
        let mut len = wanted.min(most).min(room.max(mss));
        let part = len % mss;
        if len > mss && part > 0 && (len < unsent || !self.may_send(part, true)) {
            // Whole segments, while more follows or the rest has to wait.
            len -= part;
        }
        if len == 0 {
            return None;
        }
        let last = len == unsent;
        if !self.may_send(len, last) {
            return None;
        }
        let with_fin = last && fin && usable > len;
        let mut plan = self.plan_at(self.nxt, len + u32::from(with_fin), false);
        plan.piece = mss;
        Some(plan)
    }

    /// How much new data is planned at once: what the path cuts itself, or a train that is cut here.
    #[inline]
    fn most_at_once(&self, mss: u32) -> u32 {
        if self.path.gso_max > 0 {
            let most = self.path.gso_max.saturating_sub(60).min(LONGEST);
            (most / mss * mss).max(mss)
        } else if self.urgent.is_some() || self.is.ecn || self.reports() {
            // Each segment has a header of its own.
            mss
        } else {
            mss.saturating_mul(train::LENGTH)
        }
    }

    /// RFC 9293 §3.8.6.2.1 and §3.7.4: the rules against small segments, with Minshall's variant of Nagle's: a small
    /// segment waits only for an earlier small one.
    fn may_send(&self, len: u32, last: bool) -> bool {
        let mss = self.piece();
        if len >= mss || self.is.forced {
            return true;
        }
        if last {
            if self.state.is_closing() {
                return true;
            }
            if self.options.cork || self.is.more {
                return false;
            }
            if self.options.no_delay {
                return true;
            }
            if self.urgent_pending(self.nxt) {
                return true;
            }
            return self.board.is_empty() || self.small_end.le(self.una);
        }
        // The window cuts it short: only if it is at least half of the largest there was, or has been so for long.
        len >= self.max_window / 2
    }

    /// RFC 8985 §7.3: new data if there is some, else the last segment again.
    fn plan_probe(&mut self, env: &mut Env<'_, '_>) -> Option<Plan> {
        let mss = u32::from(self.mss);
        let usable = span(self.una + self.send_window, self.nxt);
        let unsent = self.unsent();
        let fresh = unsent.min(mss).min(usable);
        let plan = if fresh > 0 {
            self.plan_at(self.nxt, fresh, false)
        } else {
            let (start, len) = self.board.tail()?;
            let from = if len > mss {
                start + (len - mss)
            } else {
                start
            };
            self.plan_at(from, span(self.nxt, from), true)
        };
        env.counters.tail_loss_probes += 1;
        let end = plan.seq + plan.len + u32::from(plan.flags.contains(Flags::FIN));
        self.recovery.probe = Some(TailProbe {
            end: end.max(self.nxt),
            resent: plan.again,
        });
        Some(plan)
    }

    /// Builds and notes the segment.
    fn send(&mut self, env: &mut Env<'_, '_>, plan: Plan, train: &mut Option<Train>) -> PacketBuf {
        let now = env.now();
        let numbers = plan.len + u32::from(plan.flags.contains(Flags::FIN));
        let mss = u32::from(self.mss);
        if plan.again {
            let stamp = self.is.timestamps.then(|| self.timestamp(now));
            self.board.resend(plan.seq, numbers, now);
            self.recovery.note_resend(numbers, mss, stamp);
            env.counters.retransmitted_packets += 1;
            env.counters.retransmitted_octets += u64::from(plan.len);
            if self.recovery.phase == Phase::Recovery {
                env.counters.fast_retransmits += 1;
            }
        } else {
            self.send_new(env, plan, numbers);
        }
        self.sent_at = now;
        self.is.forced = false;
        self.build(env, plan, train)
    }

    fn send_new(&mut self, env: &mut Env<'_, '_>, plan: Plan, numbers: u32) {
        let now = env.now();
        if self.board.is_empty() {
            self.stuck_at = now;
        }
        if self.recovery.phase == Phase::Recovery {
            self.recovery.sent += numbers;
        }
        self.board.push(plan.seq, numbers, now);
        self.nxt = plan.seq + numbers;
        if plan.len > 0 {
            let packets = if self.path.gso_max > 0 {
                1
            } else {
                plan.len.div_ceil(plan.piece)
            };
            env.counters.sent_data_packets += u64::from(packets);
            if self.is.hearing
                && Nanos::between(self.data_at, now) < Nanos::from(env.config().delayed_ack)
            {
                // Who answers has the acknowledgment go with the answer from now on.
                self.quick = 0;
            }
            env.counters.sent_data_octets += u64::from(plan.len);
            if !plan.len.is_multiple_of(plan.piece) {
                self.small_end = self.nxt;
            }
        }
        env.counters.sent_control += u64::from(plan.flags.contains(Flags::FIN));
        if !self.timers.is_set(Timer::Loss) || self.timers.waits_for(LossTimer::Persist) {
            self.timers.stop(Timer::Loss);
            self.arm_loss_timer(env);
        }
    }

    /// Whether there is nothing to send until something happens; [`next_packet`](Self::next_packet) need not be asked.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        let is = &self.is;
        let due = is.syn_due || is.ack_due || is.probe_due || is.nudge_due || is.dirty;
        !due && self.unsent() == 0
            && !self.fin_pending()
            && !self.board.has_unsent_loss()
            && self.recovery.frto != Frto::SendingNew
    }

    /// The packet of a plan; of a plan that becomes several, the first, and the rest is left in `train`.
    fn build(&mut self, env: &mut Env<'_, '_>, plan: Plan, train: &mut Option<Train>) -> PacketBuf {
        let (mut flags, mut urgent) = (plan.flags, 0);
        if self.urgent.is_some()
            && let Some(pointer) = self.urgent_pointer(plan.seq)
        {
            flags |= Flags::URG;
            urgent = pointer;
            env.counters.sent_urgent += 1;
        }
        if self.is.ecn {
            flags |= self.ecn_flags(plan.len > 0 && !plan.again);
        }
        let mut room = [0; MAX_OPTIONS_LEN];
        let options_len = self.segment_options(env.cx.now, &plan, &mut room);
        let header_len = Header::LEN + options_len;
        let header = Header {
            source_port: self.tuple.local().port(),
            destination_port: self.tuple.peer().port(),
            seq: plan.seq,
            ack: self.rcv_nxt,
            header_len: u8::try_from(header_len).unwrap_or(u8::MAX),
            flags,
            window: self.announce_window(),
            checksum: 0,
            urgent,
        };
        self.note_acknowledged();
        env.counters.sent_packets += 1;
        let options = room.get(..options_len).unwrap_or_default();
        if plan.len > plan.piece && self.path.gso_max == 0 {
            let mut head = [0; Header::LEN + MAX_OPTIONS_LEN];
            header.emit(options, head.get_mut(..header_len).unwrap_or_default());
            let run = (plan.seq, plan.len);
            let mut rest = Train::new(self.id, run, plan.piece, flags, (head, header_len));
            if let Some(packet) = rest.next(self) {
                *train = Some(rest);
                return packet;
            }
        }
        let len = octets(plan.len);
        let mut packet = PacketBuf::for_overwrite(header_len + len);
        let (head, data) = packet.as_mut_slice().split_at_mut(header_len);
        header.emit(options, head);
        if len > 0 {
            let offset = octets(span(plan.seq, self.queue_start));
            self.send_queue.copy_out(offset, data);
        }
        if plan.len > plan.piece {
            packet.segment_size = u16::try_from(plan.piece).unwrap_or(u16::MAX);
        }
        self.seal(&mut packet);
        packet
    }

    /// Options of any segment but a SYN.
    #[inline]
    fn segment_options(
        &mut self,
        now: Instant,
        plan: &Plan,
        room: &mut [u8; MAX_OPTIONS_LEN],
    ) -> usize {
        if !self.reports() {
            return self.usual_options(now, room);
        }
        let mut options = Options::default();
        if self.is.timestamps {
            options.timestamps = Some(Timestamps {
                value: self.timestamp(now),
                echo: self.ts_recent,
            });
        }
        // RFC 2018 §4: in every acknowledgment; data leaves as much room as it does.
        let free = u32::from(self.mss).saturating_sub(plan.len.min(plan.piece).max(4));
        let most = if plan.len == 0 { 4 } else { free / 8 };
        options.sack = self.report(usize::try_from(most).unwrap_or(4).min(4));
        options.emit(room)
    }

    /// Timestamps or nothing (RFC 7323 appendix A): NOP, NOP, kind 8, length 10, value, echo.
    #[inline]
    fn usual_options(&self, now: Instant, room: &mut [u8; MAX_OPTIONS_LEN]) -> usize {
        if !self.is.timestamps {
            return 0;
        }
        let [a, b, c, d] = self.timestamp(now).to_be_bytes();
        let [e, f, g, h] = self.ts_recent.to_be_bytes();
        if let Some(place) = room.first_chunk_mut() {
            *place = [1, 1, 8, 10, a, b, c, d, e, f, g, h];
        }
        12
    }

    /// Whether the peer is to be told of what arrived out of order or twice.
    #[inline]
    fn reports(&self) -> bool {
        self.is.sack
            && (self.duplicate.is_some() || self.early.is_some() || self.peer_fin.is_some())
    }

    /// The most data in a segment beside the options it has now.
    #[inline]
    fn piece(&self) -> u32 {
        let mss = u32::from(self.mss);
        if self.reports() && mss > 100 {
            mss - 12
        } else {
            mss
        }
    }

    /// Every segment carries an acknowledgment.
    #[inline]
    fn note_acknowledged(&mut self) {
        self.is.ack_due = false;
        self.timers.stop(Timer::DelayedAck);
        self.last_ack = self.rcv_nxt;
    }

    #[inline]
    fn seal(&self, packet: &mut PacketBuf) {
        seal(
            packet,
            self.local(),
            *self.tuple.peer().ip(),
            self.path.trusted_checksums,
        );
    }

    /// An acknowledgment and nothing else.
    fn send_ack(&mut self, env: &mut Env<'_, '_>, train: &mut Option<Train>) -> PacketBuf {
        env.counters.sent_acks += 1;
        self.quick = self.quick.saturating_sub(1);
        let plan = Plan {
            seq: self.nxt,
            len: 0,
            flags: Flags::ACK,
            again: false,
            piece: u32::from(self.mss),
        };
        self.build(env, plan, train)
    }

    /// A segment that must be answered: a number just before those the peer expects (RFC 9293 §3.8.4, §3.8.6.1).
    ///
    /// The RFC's probe of a closed window carries an octet of data. This one carries none, as on other widespread hosts:
    /// it is answered all the same, and nothing of it is ever taken.
    fn send_nudge(&mut self, env: &mut Env<'_, '_>, train: &mut Option<Train>) -> PacketBuf {
        // Urgent data is announced by a segment of its own first: the probe lies outside of the window, where nobody looks
        // for an urgent pointer (RFC 9293 §3.8.5).
        let announcing = core::mem::take(&mut self.is.urgent_due);
        self.is.nudge_due = announcing;
        let plan = Plan {
            seq: self.una - u32::from(!announcing),
            len: 0,
            flags: Flags::ACK,
            again: false,
            piece: u32::from(self.mss),
        };
        self.build(env, plan, train)
    }

    /// The SYN of an active open, or the SYN-ACK of a simultaneous one.
    fn send_syn(&mut self, env: &mut Env<'_, '_>) -> PacketBuf {
        let now = env.now();
        self.is.syn_due = false;
        let mut flags = Flags::SYN;
        if self.state == State::SynReceived {
            flags |= Flags::ACK;
        }
        if self.board.is_empty() {
            self.board.push(self.iss, 1, now);
            self.nxt = self.iss + 1_u32;
            self.stuck_at = now;
        } else {
            self.board.resend(self.iss, 1, now);
            env.counters.retransmitted_packets += 1;
        }
        let passive = self.state == State::SynReceived;
        let options = Options {
            max_segment_size: Some(Self::announced_mss(&self.options, &self.path)),
            window_scale: (self.options.window_scale && (!passive || self.is.scaling))
                .then_some(self.recv_shift),
            sack_permitted: env.config().sack && (!passive || self.is.sack),
            timestamps: (self.options.timestamps && (!passive || self.is.timestamps)).then(|| {
                Timestamps {
                    value: self.timestamp(now),
                    echo: if passive { self.ts_recent } else { 0 },
                }
            }),
            ..Options::default()
        };
        if !passive && env.config().ecn {
            // RFC 3168 §6.1.1
            flags |= Flags::ECE | Flags::CWR;
        }
        let mut room = [0; MAX_OPTIONS_LEN];
        let options_len = options.emit(&mut room);
        let header_len = Header::LEN + options_len;
        let mut packet = PacketBuf::for_overwrite(header_len);
        // RFC 7323 §2.2: the window of a SYN is never scaled.
        let window = num::seq_len(octets(self.options.recv_buffer)).min(65_535);
        let header = Header {
            source_port: self.tuple.local().port(),
            destination_port: self.tuple.peer().port(),
            seq: self.iss,
            ack: if passive { self.rcv_nxt } else { SeqNumber(0) },
            header_len: u8::try_from(header_len).unwrap_or(u8::MAX),
            flags,
            window: u16::try_from(window).unwrap_or(u16::MAX),
            checksum: 0,
            urgent: 0,
        };
        header.emit(
            room.get(..options_len).unwrap_or_default(),
            packet.as_mut_slice(),
        );
        if passive {
            self.rcv_edge = self.rcv_nxt + window;
        }
        env.counters.sent_control += 1;
        let rto = self.rtt.timeout(self.backoff);
        self.set_patient(LossTimer::Retransmit, rto.after(now));
        self.note_acknowledged();
        env.counters.sent_packets += 1;
        self.seal(&mut packet);
        packet
    }

    /// There is nothing more to send for now.
    pub(crate) fn output_ended(&mut self, env: &mut Env<'_, '_>) {
        if self.recovery.frto == Frto::SendingNew {
            self.recovery.frto = if self.nxt.gt(self.recovery.point) {
                Frto::SentNew
            } else {
                Frto::Off
            };
            if self.recovery.frto == Frto::Off {
                self.is.dirty = true;
            }
        }
        if self.armed_at != self.nxt && self.timers.waits_for(LossTimer::TailProbe) {
            // RFC 8985 §7.2: counted from the last data sent.
            self.arm_loss_timer(env);
        }
        if self.board.is_empty()
            && (self.unsent() > 0 || self.fin_pending())
            && !self.timers.is_set(Timer::Loss)
        {
            // RFC 9293 §3.8.6.1: the window keeps everything back; or a cork does, which holds no longer than this.
            self.probes = 0;
            let corked = (self.options.cork || self.is.more) && self.send_window > self.unsent();
            let wait = if corked {
                CORK
            } else {
                event!(
                    env.cx.events,
                    env.cx.now,
                    EventId::TcpZerowindow,
                    source = self.local(),
                    destination = *self.tuple.peer().ip(),
                    sport = self.tuple.local().port(),
                    dport = self.tuple.peer().port(),
                    len = self.send_window,
                );
                self.rtt.timeout(0)
            };
            self.stuck_at = env.now();
            self.set_patient(LossTimer::Persist, wait.after(env.now()));
        }
    }
}
