//! What an acknowledgment does to the sender: RFC 9293 §3.10.7.4 (fifth), RFC 5681, RFC 7323 §4.

use fairway_wire::tcp::Flags;
use fairway_wire::{Instant, SeqNumber};

use super::cc::Ack;
use super::num::{Nanos, octets, scale, span};
use super::recovery::{AckFacts, Phase};
use super::sack::{Delivery, is_duplicate_report};
use super::segment::Segment;
use super::tcb::{Env, Tcb};
use super::timers::{LossTimer, Timer};
use super::types::Readiness;
use crate::event::DropReason;

/// The least time before a probe of the tail (Linux's two ticks).
const PROBE_SLACK: Nanos = Nanos::from_millis(2);

impl Tcb {
    /// Takes in the acknowledgment of an acceptable segment. `false`: the segment is to be dropped.
    pub(crate) fn acknowledge(&mut self, env: &mut Env<'_, '_>, segment: &Segment) -> bool {
        let ack = segment.header.ack;
        if ack.gt(self.nxt) {
            // RFC 9293 §3.10.7.4: it acknowledges something not yet sent.
            env.counters.received_acks_for_unsent += 1;
            self.challenge(env, segment, DropReason::TcpAckUnsent);
            return false;
        }
        if ack.lt(self.una) {
            if span(self.una, ack) > self.max_window {
                // RFC 5961 §5.2
                self.challenge(env, segment, DropReason::TcpAckPast);
                return false;
            }
            env.counters.received_duplicate_acks += 1;
            if !segment.options.sack.is_empty() {
                // Late, but what it reports still helps.
                let news = self.take_report(env, segment, ack);
                self.rearm_loss_timer(env, news);
                self.is.dirty = true;
            }
            return true;
        }
        env.counters.received_ack_packets += 1;
        let outstanding = !self.board.is_empty();
        let window_changed = self.update_window(env, segment);
        if self.send_window == 0 {
            // RFC 9293 §3.8.6.1: an answer, even to what was sent before the window was taken back.
            self.probes = 0;
        }
        if outstanding {
            if ack == self.una && segment.options.sack.is_empty() && self.is_calm() {
                let duplicate = segment.len == 0
                    && !window_changed
                    && !segment.header.flags.intersects(Flags::SYN | Flags::FIN);
                if !duplicate {
                    return true;
                }
            }
            let window = self.send_window;
            let news = self.take_report(env, segment, ack);
            debug_assert_eq!(window, self.send_window);
            self.rearm_loss_timer(env, news);
            self.is.dirty = true;
        } else {
            // An answer to a probe, or just data.
            self.probes = 0;
            if !segment.options.sack.is_empty() {
                // Everything is acknowledged; that a retransmission was in vain is still news.
                self.take_report(env, segment, ack);
            }
        }
        true
    }

    /// Scoreboard, round-trip time, recovery and congestion window. Whether anything was delivered that was not known to
    /// be.
    fn take_report(&mut self, env: &mut Env<'_, '_>, segment: &Segment, ack: SeqNumber) -> bool {
        let now = env.now();
        let mut news = Delivery::default();
        let before = self.una;
        let flight = span(self.nxt, before);
        let calm = self.is_calm() && segment.options.sack.is_empty();
        let mut dsack = None;
        if self.is.sack && !segment.options.sack.is_empty() {
            let blocks = &segment.options.sack;
            dsack = is_duplicate_report(blocks, ack).map(|block| (block.left, block.right));
            self.board
                .selectively_acknowledge(blocks, dsack.is_some(), &mut news);
        }
        let advanced = if ack.gt(before) { span(ack, before) } else { 0 };
        if advanced > 0 {
            self.advance(env, ack, advanced, &mut news);
        }
        let echo = match segment.options.timestamps {
            Some(stamps) if self.is.timestamps => Some(stamps.echo),
            _ => None,
        };
        let rtt = self.measure(env, &news, advanced, echo, now);
        if let Some(latest) = news.latest {
            self.rack.update(now, latest, self.rtt.least());
        }
        if news.reordered {
            self.rack.note_reordering();
        }
        let duplicate = advanced == 0
            && segment.len == 0
            && ack == before
            && !self.board.is_empty()
            && !segment.header.flags.intersects(Flags::SYN | Flags::FIN);
        if duplicate {
            env.counters.received_duplicate_acks += 1;
        }
        let growth = if calm && advanced > 0 {
            advanced
        } else {
            let facts = AckFacts {
                advanced,
                before,
                duplicate,
                echo,
                dsack,
                flight,
            };
            self.recover(env, &news, &facts)
        };
        if self.is.ecn && segment.header.flags.contains(Flags::ECE) && advanced > 0 {
            self.take_congestion_mark(env, flight);
        } else if growth > 0 && self.is_window_limited(before, flight) {
            self.control.on_ack(&Ack {
                now,
                octets: growth,
                una: self.una,
                nxt: self.nxt,
                rtt,
                smoothed: self.rtt.smoothed(),
                mss: u32::from(self.mss),
            });
        }
        advanced > 0 || news.delivered > 0
    }

    /// SND.UNA moves.
    fn advance(
        &mut self,
        env: &mut Env<'_, '_>,
        ack: SeqNumber,
        advanced: u32,
        news: &mut Delivery,
    ) {
        self.board.acknowledge(ack, news);
        self.una = ack;
        env.counters.received_ack_octets += u64::from(advanced);
        let end = self.data_end();
        let data = span(ack.min(end), self.queue_start);
        let had_room = self.has_room();
        self.send_queue.advance(octets(data));
        self.queue_start += data;
        if !had_room && self.has_room() {
            self.tell(Readiness::WRITABLE);
        }
        self.retries = 0;
        self.probes = 0;
        self.orphan_probes = 0;
        self.stuck_at = env.now();
        self.soft_error = None;
    }

    /// RFC 6298 §3, RFC 7323 §4: the round-trip time that this acknowledgment shows.
    fn measure(
        &mut self,
        env: &mut Env<'_, '_>,
        news: &Delivery,
        advanced: u32,
        echo: Option<u32>,
        now: Instant,
    ) -> Option<Nanos> {
        let sample = if advanced > 0
            && !news.ambiguous
            && let Some(at) = news.first_sent_at
        {
            Some(Nanos::between(at, now))
        } else if advanced > 0
            && let Some(echo) = echo
            && echo != 0
        {
            // RFC 7323 §4.1 (RTTM): only of an acknowledgment that moves SND.UNA. Timestamps count milliseconds.
            let elapsed = self.timestamp(now).wrapping_sub(echo);
            (elapsed < 1 << 20).then(|| Nanos::from_millis(u64::from(elapsed.max(1))))
        } else {
            news.sacked_sent_at.map(|at| Nanos::between(at, now))
        };
        if let Some(sample) = sample {
            env.counters.rtt_updates += 1;
            self.backoff = 0;
            self.rtt.sample(now, sample);
        }
        sample
    }

    /// RFC 9293 §3.10.7.4: SND.WND, SND.WL1, SND.WL2. Returns whether the window changed.
    #[inline]
    fn update_window(&mut self, env: &mut Env<'_, '_>, segment: &Segment) -> bool {
        let header = &segment.header;
        let newer = self.wl1.lt(header.seq)
            || (self.wl1 == header.seq && (self.wl2.lt(header.ack) || self.wl2 == header.ack));
        if !newer {
            return false;
        }
        self.wl1 = header.seq;
        self.wl2 = header.ack;
        let shift = if header.flags.contains(Flags::SYN) {
            0
        } else {
            self.send_shift
        };
        let window = u32::from(header.window) << shift;
        if window == self.send_window {
            return false;
        }
        if window > self.send_window && header.ack == self.una && segment.len == 0 {
            env.counters.received_window_updates += 1;
        }
        if window > self.send_window && self.timers.waits_for(LossTimer::Persist) {
            self.timers.stop(Timer::Loss);
            self.probes = 0;
            self.backoff = 0;
        }
        self.send_window = window;
        self.max_window = self.max_window.max(window);
        self.is.dirty = true;
        true
    }

    /// RFC 7661 in short: the window grows only if it was what held data back, or is not much larger than what was
    /// outstanding.
    #[inline]
    fn is_window_limited(&self, before: SeqNumber, flight: u32) -> bool {
        if self.control.in_slow_start() && flight >= self.control.window / 2 {
            return true;
        }
        before.lt(self.limited_at) || flight >= self.control.window
    }

    /// RFC 3168 §6.1.2: a router marked instead of dropping; once in a window that counts as a loss.
    fn take_congestion_mark(&mut self, env: &Env<'_, '_>, flight: u32) {
        if self.recovery.phase == Phase::Open && self.una.gt(self.recovery.point) {
            let mss = u32::from(self.mss);
            self.control.window = self.control.on_loss(env.now(), flight, mss).max(mss);
            self.recovery.point = self.nxt;
            self.is.ecn_reduced = true;
        }
    }

    /// Arms the timer that notices the loss of what is outstanding; stops it if nothing is.
    pub(crate) fn arm_loss_timer(&mut self, env: &Env<'_, '_>) {
        if self.board.is_empty() {
            if self.timers.loss != LossTimer::Persist {
                self.timers.stop(Timer::Loss);
            }
            return;
        }
        let now = env.now();
        self.armed_at = self.nxt;
        if self.timers.waits_for(LossTimer::Reordering) && self.is.sack {
            // RACK has just set it, or it is still to come; the retransmission timer follows it.
            return;
        }
        let rto = self.rtt.timeout(self.backoff);
        if self.may_probe_tail() {
            // RFC 8985 §7.2: never after the retransmission timer, whose place the probe takes.
            let probe = self.probe_time(env).min(rto);
            self.timers.set_loss(LossTimer::TailProbe, probe.after(now));
            return;
        }
        // RFC 6298 §5.3
        self.set_patient(LossTimer::Retransmit, rto.after(now));
    }

    /// The same after an acknowledgment; `news`: it says that something was delivered.
    fn rearm_loss_timer(&mut self, env: &Env<'_, '_>, news: bool) {
        let probes = self.timers.waits_for(LossTimer::TailProbe);
        // RFC 6298 §5.3, RFC 8985 §7.2: what brings no news puts nothing off. A peer that asks for the rest, or only
        // whether we are there, would otherwise keep it from being sent.
        if news || !self.timers.is_set(Timer::Loss) || probes && !self.may_probe_tail() {
            self.arm_loss_timer(env);
        }
    }

    /// RFC 8985 §7.2: whether the tail is to be probed before the retransmission timer expires.
    fn may_probe_tail(&self) -> bool {
        self.is.sack
            && self.recovery.phase == Phase::Open
            && self.recovery.probe.is_none()
            && self.retries == 0
            && self.board.sacked() == 0
            && self.board.lost() == 0
            && self.rtt.is_known()
            && self.state.is_synchronized()
    }

    /// RFC 8985 §7.2: PTO. A single segment may be waiting for a delayed acknowledgment.
    fn probe_time(&self, env: &Env<'_, '_>) -> Nanos {
        let single = span(self.nxt, self.una) <= u32::from(self.mss);
        let slack = if single {
            Nanos::from(env.config().min_rto)
        } else {
            PROBE_SLACK
        };
        self.rtt.smoothed().times(2).plus(slack)
    }

    /// After a reordering timer or a probe: the retransmission timer, counted from when the first segment was sent.
    pub(crate) fn arm_retransmit_from_head(&mut self, env: &Env<'_, '_>) {
        let Some(sent_at) = self.board.head_sent_at() else {
            self.timers.stop(Timer::Loss);
            return;
        };
        let rto = self.rtt.timeout(self.backoff);
        let at = rto
            .after(sent_at)
            .max(Nanos::from_millis(1).after(env.now()));
        self.set_patient(LossTimer::Retransmit, at);
    }

    /// Growing of the send buffer while the program leaves it alone: twice what the window lets out.
    pub(crate) fn tune_send_buffer(&mut self, env: &Env<'_, '_>) {
        if !self.options.send_auto {
            return;
        }
        let wanted = scale(self.control.window.min(self.send_window.max(1)), 2, 1)
            .min(env.config().send_buffer_max);
        if wanted > self.options.send_buffer {
            let had_room = self.has_room();
            self.options.send_buffer = wanted;
            if !had_room && self.has_room() {
                self.tell(Readiness::WRITABLE);
            }
        }
    }
}
