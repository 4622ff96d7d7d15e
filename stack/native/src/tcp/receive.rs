//! The receiver's side of a connection: data in and out of order, the window, and when to acknowledge.
//! RFC 9293 §3.8.6, §3.10.7.4 (seventh and eighth), RFC 2018, RFC 2883, RFC 5681 §4.2.

use fairway_wire::SeqNumber;
use fairway_wire::tcp::{Flags, SackBlock, SackBlocks};

use super::num::{Nanos, octets, seq_len, span};
use super::segment::Segment;
use super::state::State;
use super::tcb::{Env, Tcb};
use super::timers::Timer;
use super::types::Readiness;
use crate::dropped;
use crate::event::DropReason;
use crate::limits::HELD;
use crate::pkt::PacketBuf;

/// Segments acknowledged one by one at the start, when the sender's window is small and needs it.
pub(crate) const QUICK: u8 = 16;

impl Tcb {
    /// Takes the data and the FIN of an acceptable segment.
    pub(crate) fn take_data(&mut self, env: &mut Env<'_, '_>, mut segment: Segment) {
        let mut start = segment.header.seq;
        let len = segment.len;
        let end = start + len;
        let fin = segment.has(Flags::FIN);
        if len == 0 && !fin {
            return;
        }
        if len > 0 && end.gt(self.rcv_nxt) && (self.is.orphan || self.is.peer_done) {
            self.refuse_data(env, &segment);
            return;
        }
        if end.gt(self.rcv_edge) {
            // Beyond the window: what is within counts.
            let over = span(end, self.rcv_edge).min(len);
            env.counters.received_after_window_packets += 1;
            env.counters.received_after_window_octets += u64::from(over);
            if over > 0 {
                self.drop_segment(env, &segment, DropReason::TcpBeyond);
            }
            segment.data.truncate(octets(len - over));
            self.ack_now();
            if over > 0 && fin {
                // The FIN is cut off with it.
                segment.header.flags = segment.header.flags.without(Flags::FIN);
            }
        }
        let fin = segment.has(Flags::FIN);
        let end = start + segment.data.len();
        if start.lt(self.rcv_nxt) {
            start = self.cut_duplicate(env, &mut segment, end, fin);
        }
        if start == self.rcv_nxt {
            if fin && !self.is.peer_done {
                // A FIN in order counts, whatever one beyond a hole has promised; nothing comes after it.
                self.peer_fin = Some(end);
                self.drop_past_fin(env);
            }
            if !segment.data.is_empty() {
                self.take_in_order(env, segment.data);
            }
        } else if start.gt(self.rcv_nxt) {
            if fin && self.peer_fin.is_none() {
                self.peer_fin = Some(end);
            }
            if segment.data.is_empty() {
                self.ack_now();
            } else {
                self.take_early(env, start, segment.data);
            }
        }
        match self.peer_fin {
            Some(fin) if fin == self.rcv_nxt => self.take_fin(env),
            // More has arrived than the promise left room for.
            Some(fin) if fin.lt(self.rcv_nxt) => self.peer_fin = None,
            Some(_) | None => {}
        }
    }

    /// Cuts off what arrived before; returns the number of what is left.
    fn cut_duplicate(
        &mut self,
        env: &mut Env<'_, '_>,
        segment: &mut Segment,
        end: SeqNumber,
        fin: bool,
    ) -> SeqNumber {
        let old = span(self.rcv_nxt, segment.header.seq).min(seq_len(segment.data.len()));
        if old > 0 {
            let duplicate = SackBlock {
                left: segment.header.seq,
                right: segment.header.seq + old,
            };
            self.report_duplicate(env, duplicate);
        }
        if end.le(self.rcv_nxt) {
            if old > 0 {
                self.drop_segment(env, segment, DropReason::TcpTwice);
            }
            env.counters.received_duplicate_packets += 1;
            env.counters.received_duplicate_octets += u64::from(old);
            self.quick = QUICK;
            let fin_again = fin && self.is.peer_done;
            if old > 0 || fin_again {
                self.ack_now();
            }
        } else {
            env.counters.received_part_duplicate_packets += 1;
            env.counters.received_part_duplicate_octets += u64::from(old);
            self.ack_now();
        }
        segment.data.pull_front(octets(old));
        segment.header.seq + old
    }

    fn report_duplicate(&mut self, env: &mut Env<'_, '_>, block: SackBlock) {
        if self.is.sack {
            self.duplicate = Some(block);
            env.counters.dsacks_sent += 1;
        }
    }

    #[inline]
    pub(crate) fn take_in_order(&mut self, env: &mut Env<'_, '_>, data: PacketBuf) {
        let len = seq_len(data.len());
        env.counters.received_in_sequence_packets += 1;
        env.counters.received_in_sequence_octets += u64::from(len);
        self.rcv_nxt += len;
        self.is.hearing = true;
        self.data_at = env.cx.now;
        self.keep(env, data);
        let filled = self.early.is_some();
        if filled {
            self.take_what_was_early(env);
        }
        if self.urgent.is_some() {
            self.find_urgent();
        }
        self.schedule_ack(env, len, filled);
        self.tell_readable();
    }

    /// Keeps data in order for the program, if it wants any.
    #[inline]
    fn keep(&mut self, env: &mut Env<'_, '_>, data: PacketBuf) {
        if self.is.recv_shut {
            // SHD-5: nobody wants it; it is acknowledged all the same.
            self.rcv_edge = self.rcv_edge.max(self.rcv_nxt);
            dropped!(
                env.cx.events,
                env.cx.now,
                DropReason::TcpShut,
                source = *self.tuple.peer().ip(),
                destination = *self.tuple.local().ip(),
                sport = self.tuple.peer().port(),
                dport = self.tuple.local().port(),
                len = data.len(),
            );
        } else {
            self.recv_queue.push(data, octets(self.options.recv_buffer));
        }
    }

    #[inline]
    pub(crate) fn tell_readable(&mut self) {
        if self.recv_queue.len() >= octets(self.options.recv_low_water) {
            self.tell(Readiness::READABLE);
        }
    }

    /// RFC 5681 §4.2: at least every second full segment is acknowledged at once, and what fills a hole, too.
    #[inline]
    fn schedule_ack(&mut self, env: &Env<'_, '_>, len: u32, filled: bool) {
        let len = u16::try_from(len).unwrap_or(u16::MAX);
        if len > self.recv_mss {
            // Super-segments count as what they are made of.
            self.recv_mss = len.min(self.own_mss());
        }
        let waiting = span(self.rcv_nxt, self.last_ack);
        if filled || self.quick > 0 || waiting > u32::from(self.recv_mss) || self.options.quick_ack
        {
            self.ack_now();
        } else if !self.timers.is_set(Timer::DelayedAck) {
            self.timers
                .set(Timer::DelayedAck, env.now() + env.config().delayed_ack);
        }
    }

    fn own_mss(&self) -> u16 {
        Self::announced_mss(&self.options, &self.path)
    }

    /// A segment that arrived before what comes ahead of it.
    fn take_early(&mut self, env: &mut Env<'_, '_>, start: SeqNumber, mut data: PacketBuf) {
        // RFC 5681 §4.2: acknowledged at once, so that the sender learns of the hole.
        self.ack_now();
        self.quick = QUICK;
        env.counters.received_out_of_order_packets += 1;
        env.counters.received_out_of_order_octets += u64::from(seq_len(data.len()));
        let early = self.early.get_or_insert_default();
        let buffer = early.len().max(octets(self.options.recv_buffer));
        let most = buffer.saturating_mul(HELD);
        if early.packets() >= env.cx.limits.out_of_order || !early.make_room(&mut data, most) {
            env.counters.pruned += 1;
            dropped!(
                env.cx.events,
                env.cx.now,
                DropReason::TcpTooEarly,
                source = *self.tuple.peer().ip(),
                destination = *self.tuple.local().ip(),
                sport = self.tuple.peer().port(),
                dport = self.tuple.local().port(),
            );
            if early.is_empty() {
                self.early = None;
            }
            return;
        }
        let end = start + data.len();
        let duplicate = early.insert(start, data);
        early.shrink(most);
        if let Some(duplicate) = duplicate {
            if duplicate.left == start && duplicate.right == end {
                dropped!(
                    env.cx.events,
                    env.cx.now,
                    DropReason::TcpTwice,
                    source = *self.tuple.peer().ip(),
                    destination = *self.tuple.local().ip(),
                    sport = self.tuple.peer().port(),
                    dport = self.tuple.local().port(),
                    len = span(end, start),
                );
            }
            env.counters.received_duplicate_octets +=
                u64::from(span(duplicate.right, duplicate.left));
            self.report_duplicate(env, duplicate);
        }
    }

    /// A hole is filled.
    fn take_what_was_early(&mut self, env: &mut Env<'_, '_>) {
        let Some(mut early) = self.early.take() else {
            return;
        };
        let mut duplicate = None;
        while let Some((packets, end)) = early.take(self.rcv_nxt, &mut duplicate) {
            if end.gt(self.rcv_nxt) {
                self.rcv_nxt = end;
                for packet in packets {
                    self.keep(env, packet);
                }
            }
        }
        if !early.is_empty() {
            self.early = Some(early);
        }
        if self.is.sack && duplicate.is_some() {
            self.duplicate = duplicate;
        }
    }

    /// RFC 9293 §3.10.7.4, eighth: everything before the peer's FIN has arrived.
    fn take_fin(&mut self, env: &mut Env<'_, '_>) {
        self.peer_fin = None;
        self.is.peer_done = true;
        self.drop_past_fin(env);
        self.rcv_nxt += 1_u32;
        self.rcv_edge = self.rcv_edge.max(self.rcv_nxt);
        self.ack_now();
        self.tell(Readiness::READABLE);
        match self.state {
            State::Established | State::SynReceived => {
                self.set_state(env, State::CloseWait, "FIN received");
            }
            State::FinWait1 => self.set_state(env, State::Closing, "FIN received"),
            State::FinWait2 => self.set_state(env, State::TimeWait, "FIN received"),
            State::Closed
            | State::Listen
            | State::SynSent
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => {}
        }
    }

    /// Nothing comes after a FIN.
    fn drop_past_fin(&mut self, env: &mut Env<'_, '_>) {
        let packets = self.early.take().map_or(0, |early| early.packets());
        for _ in 0..packets {
            dropped!(
                env.cx.events,
                env.cx.now,
                DropReason::TcpPastFin,
                source = *self.tuple.peer().ip(),
                destination = *self.tuple.local().ip(),
                sport = self.tuple.peer().port(),
                dport = self.tuple.local().port(),
            );
        }
    }

    /// RFC 9293 §3.6.1: data arrives for which there is nobody any more: the peer must learn that it is lost.
    fn refuse_data(&mut self, env: &mut Env<'_, '_>, segment: &Segment) {
        env.counters.received_after_close += 1;
        self.drop_segment(env, segment, DropReason::TcpClosed);
        if self.is.orphan && !self.is.peer_done {
            self.is.reset_due = true;
            self.reset_seq = Some(segment.header.ack);
            self.set_state(env, State::Closed, "data after close");
        }
    }

    /// RCV.WND to announce now, unscaled to the field of the header; moves the right edge.
    ///
    /// RFC 9293 §3.8.6.2.2: the edge moves by a segment or half the buffer, or not at all. RFC 9293 §3.8.6: it never moves
    /// back.
    #[inline]
    pub(crate) fn announce_window(&mut self) -> u16 {
        let buffer = self.options.recv_buffer;
        let free = buffer.saturating_sub(seq_len(self.recv_queue.len()));
        let announced = span(self.rcv_edge, self.rcv_nxt);
        let step = (buffer / 2).min(u32::from(self.recv_mss));
        let most = u32::from(u16::MAX) << self.recv_shift;
        let wanted = if free >= announced + step {
            free.min(most)
        } else {
            announced
        };
        let mut field = wanted >> self.recv_shift;
        if field << self.recv_shift < announced {
            // Rounding must not take anything back (RFC 7323 §2.4).
            field = announced.min(most).div_ceil(1 << self.recv_shift);
        }
        let field = field.min(u32::from(u16::MAX));
        let edge = self.rcv_nxt + (field << self.recv_shift);
        self.rcv_edge = self.rcv_edge.max(edge);
        self.told_window = span(self.rcv_edge, self.rcv_nxt);
        u16::try_from(field).unwrap_or(u16::MAX)
    }

    /// The program has read: the window may have opened by enough to say so.
    pub(crate) fn window_opened(&mut self, env: &mut Env<'_, '_>) {
        if !self.state.can_receive() || self.is.peer_done {
            return;
        }
        let buffer = self.options.recv_buffer;
        let free = buffer.saturating_sub(seq_len(self.recv_queue.len()));
        let announced = span(self.rcv_edge, self.rcv_nxt);
        let most = u32::from(u16::MAX) << self.recv_shift;
        let mss = u32::from(self.recv_mss);
        let step = (2 * mss).min(buffer / 2);
        // The peer lacks nothing while it has used up less than half of what it was told of.
        if announced > self.told_window / 2 && announced >= 4 * mss {
            return;
        }
        // Nearly closed, a segment or two matter; open, it is enough to say so when the window has doubled.
        if free.min(most) >= announced.saturating_mul(2).max(announced + step) {
            env.counters.sent_window_updates += 1;
            self.ack_now();
        }
    }

    /// The SACK blocks to send: what arrived twice first, once (RFC 2883 §4); then the latest (RFC 2018 §4).
    pub(crate) fn report(&mut self, most: usize) -> SackBlocks {
        let mut blocks = SackBlocks::default();
        if most == 0 {
            return blocks;
        }
        let duplicate = self.duplicate.take();
        if let Some(duplicate) = duplicate {
            blocks.push(duplicate);
        }
        let fin = self.peer_fin.filter(|fin| fin.ge(self.rcv_nxt));
        let Some(early) = &self.early else {
            if let Some(fin) = fin {
                blocks.push(SackBlock {
                    left: fin,
                    right: fin + 1_u32,
                });
            }
            return blocks;
        };
        // A duplicate of what waits is followed by the block that holds it.
        let holder = duplicate.and_then(|duplicate| early.holder(duplicate));
        if let Some(holder) = holder {
            blocks.push(holder);
        }
        for &block in &early.blocks(most) {
            if Some(block) != holder && blocks.len() < most {
                // RFC 2018 §3: the FIN takes up a number like an octet.
                let fin = u32::from(Some(block.right) == fin);
                blocks.push(SackBlock {
                    left: block.left,
                    right: block.right + fin,
                });
            }
        }
        blocks
    }

    /// Growing of the receive buffer while the program leaves it alone: twice what it reads in a round trip, so that the
    /// window is never what holds a sender back.
    pub(crate) fn tune_recv_buffer(&mut self, env: &Env<'_, '_>, taken: usize) {
        if !self.options.recv_auto {
            return;
        }
        let now = env.now();
        self.tuning.taken = self.tuning.taken.saturating_add(seq_len(taken));
        let rtt = self.rtt.smoothed();
        if rtt == Nanos::ZERO || Nanos::between(self.tuning.since, now) < rtt {
            return;
        }
        let wanted = self
            .tuning
            .taken
            .saturating_mul(2)
            .saturating_add(16 * u32::from(self.recv_mss))
            .min(env.config().recv_buffer_max);
        if wanted > self.options.recv_buffer {
            self.options.recv_buffer = wanted;
        }
        self.tuning.taken = 0;
        self.tuning.since = now;
    }
}
