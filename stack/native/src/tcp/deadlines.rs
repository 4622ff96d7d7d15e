//! What happens when a connection's time is up: RFC 6298 §5, RFC 8985 §7.3, RFC 9293 §3.8.4 and §3.8.6.1.

use core::time::Duration;

use fairway_wire::Instant;

use super::num::span;
use super::recovery::Phase;
use super::state::State;
use super::tcb::{Env, Tcb};
use super::timers::{LossTimer, Timer};
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};

/// A path that swallows long segments without a word (RFC 2923 §2.1).
#[derive(Clone, Copy, Debug)]
pub(crate) struct BlackHole {
    /// The path's MTU before shorter segments were tried.
    mtu: u16,
    /// When that was.
    since: Instant,
    /// It happened again after the MTU was brought back: no mere outage.
    confirmed: bool,
}

/// Timeouts in a row after which shorter segments are tried, and the MTUs tried one after the other.
const SUSPICIOUS: u8 = 2;
const SMALLER: [u16; 2] = [1280, 576];
/// How long a confirmed black hole is respected before the old MTU is tried again (RFC 4821 §7.7: minutes).
const HOLE_LIFE: Duration = Duration::from_secs(600);

impl Tcb {
    /// Does what is due. The caller then looks for output.
    pub(crate) fn time_passes(&mut self, env: &mut Env<'_, '_>) {
        while let Some(timer) = self.timers.take_due(env.cx.now) {
            self.is.dirty = true;
            match timer {
                Timer::Loss => match self.timers.loss {
                    LossTimer::Retransmit => self.retransmission_timeout(env),
                    LossTimer::Reordering => self.reordering_window_passed(env),
                    LossTimer::TailProbe => self.probe_tail(env),
                    LossTimer::Persist => self.probe_window(env),
                },
                Timer::DelayedAck => {
                    env.counters.delayed_acks += 1;
                    self.ack_now();
                }
                Timer::Keepalive => self.probe_peer(env),
                Timer::Life => self.life_is_over(env),
            }
            if matches!(self.state, State::Closed | State::TimeWait) {
                break;
            }
        }
    }

    fn retransmission_timeout(&mut self, env: &mut Env<'_, '_>) {
        if self.board.is_empty() {
            return;
        }
        env.counters.retransmit_timeouts += 1;
        event!(
            env.cx.events,
            env.cx.now,
            EventId::TcpTimerRexmt,
            source = self.local(),
            destination = *self.tuple.peer().ip(),
            sport = self.tuple.local().port(),
            dport = self.tuple.peer().port(),
            detail = u64::from(self.retries),
        );
        let connecting = matches!(self.state, State::SynSent | State::SynReceived);
        // RFC 9293 §3.8.6: a peer should not take its window back, but one that does and answers is there. What is sent
        // again is a probe, and the connection lives "as long as the receiving TCP continues to send acknowledgments"
        // (§3.8.6.1).
        let shut = !connecting && self.send_window == 0;
        let hopeless = if connecting {
            self.retries >= env.config().syn_retries
                || self
                    .options
                    .user_timeout
                    .is_some_and(|limit| env.now() - self.stuck_at >= limit)
        } else if shut {
            self.window_stays_shut(env)
        } else {
            self.has_waited_too_long(env, self.retries)
        };
        if hopeless {
            let reason = if shut {
                DropReason::WindowLate
            } else {
                DropReason::SendLate
            };
            self.give_up(env, reason);
            return;
        }
        if connecting {
            self.is.syn_due = true;
        } else {
            if !shut {
                self.suspect_black_hole(env);
            }
            self.enter_loss(env);
        }
        // RFC 6298 §5.5
        if !shut {
            self.retries = self.retries.saturating_add(1);
        }
        self.backoff = self.backoff.saturating_add(1);
        let rto = self.rtt.timeout(self.backoff);
        self.set_patient(LossTimer::Retransmit, rto.after(env.cx.now));
    }

    /// RFC 9293 §3.8.3, R2: the peer has not answered for too long.
    fn give_up(&mut self, env: &mut Env<'_, '_>, reason: DropReason) {
        env.counters.timeout_drops += 1;
        self.late(env, reason);
        let error = self.soft_error.unwrap_or(Errno::TimedOut);
        self.fail(env, error, "the peer does not answer");
    }

    /// Tells that a connection is dropped because its time is over.
    fn late(&self, env: &mut Env<'_, '_>, reason: DropReason) {
        dropped!(
            env.cx.events,
            env.cx.now,
            reason,
            source = self.local(),
            destination = *self.tuple.peer().ip(),
            sport = self.tuple.local().port(),
            dport = self.tuple.peer().port(),
        );
    }

    fn reordering_window_passed(&mut self, env: &mut Env<'_, '_>) {
        let flight = span(self.nxt, self.una);
        let lost = self.detect_by_time(env);
        if lost > 0 {
            if self.recovery.phase == Phase::Open {
                self.enter_recovery(env, flight);
            }
            if self.recovery.phase == Phase::Recovery {
                let mss = u32::from(self.mss);
                self.reduce_in_proportion(mss, lost, false);
            }
        }
        if !self.timers.is_set(Timer::Loss) {
            self.arm_retransmit_from_head(env);
        }
    }

    fn probe_tail(&mut self, env: &Env<'_, '_>) {
        if self.board.is_empty() {
            return;
        }
        self.is.probe_due = true;
        // RFC 8985 §7.3: the retransmission timer follows, from now on.
        let rto = self.rtt.timeout(self.backoff);
        self.set_patient(LossTimer::Retransmit, rto.after(env.cx.now));
    }

    /// RFC 9293 §3.8.6.1: the window has kept data back for long.
    fn probe_window(&mut self, env: &mut Env<'_, '_>) {
        if !self.board.is_empty() || (self.unsent() == 0 && !self.fin_pending()) {
            self.arm_loss_timer(env);
            return;
        }
        if self.send_window > self.unsent() {
            // The cork comes out, or what kept a small segment back.
            self.is.forced = true;
            return;
        }
        env.counters.persist_timeouts += 1;
        if self.window_stays_shut(env) {
            env.counters.persist_drops += 1;
            self.give_up(env, DropReason::WindowLate);
            return;
        }
        self.backoff = self.backoff.saturating_add(1);
        if self.send_window > 0 {
            self.is.forced = true;
        } else {
            env.counters.sent_window_probes += 1;
            self.is.nudge_due = true;
            self.is.urgent_due = self.urgent_pending(self.una);
        }
        let wait = self.rtt.timeout(self.backoff);
        self.set_patient(LossTimer::Persist, wait.after(env.cx.now));
    }

    /// Counts a probe of a window that is closed; says whether it is hopeless.
    ///
    /// While a program waits, it is if the peer does not answer. A connection that was closed lives on only to get rid of
    /// its data: its peer gets as many probes as it would get retransmissions
    /// ([`orphan_retries`](super::TcpConfig::orphan_retries)) even if it answers every one; it could keep memory here for
    /// ever otherwise (Linux's `tcp_orphan_retries` likewise).
    fn window_stays_shut(&mut self, env: &Env<'_, '_>) -> bool {
        let tries = if self.is.orphan {
            self.orphan_probes
        } else {
            self.probes
        };
        if self.has_waited_too_long(env, tries) {
            return true;
        }
        self.probes = self.probes.saturating_add(1);
        self.orphan_probes = self.orphan_probes.saturating_add(u8::from(self.is.orphan));
        false
    }

    /// Sets the loss timer, no later than the user's patience ends (RFC 5482 §3.1).
    #[inline]
    pub(crate) fn set_patient(&mut self, kind: LossTimer, at: Instant) {
        let at = match self.options.user_timeout {
            Some(limit) => at.min(self.stuck_at + limit),
            None => at,
        };
        self.timers.set_loss(kind, at);
    }

    /// RFC 9293 §3.8.4: keepalive.
    fn probe_peer(&mut self, env: &mut Env<'_, '_>) {
        if !self.options.keepalive || !self.state.is_synchronized() {
            return;
        }
        let now = env.now();
        let quiet_until = self.heard_at + self.options.keep_idle;
        if !self.board.is_empty() || self.unsent() > 0 {
            // Retransmissions and window probes keep it alive, or not.
            self.timers
                .set(Timer::Keepalive, now + self.options.keep_idle);
            return;
        }
        if now < quiet_until {
            self.timers.set(Timer::Keepalive, quiet_until);
            return;
        }
        env.counters.keepalive_timeouts += 1;
        let hopeless = match self.options.user_timeout {
            Some(limit) => self.probes > 0 && now - self.heard_at >= limit,
            None => self.probes >= self.options.keep_count,
        };
        if hopeless {
            env.counters.keepalive_drops += 1;
            self.late(env, DropReason::KeepaliveLate);
            self.is.reset_due = true;
            let error = self.soft_error.unwrap_or(Errno::TimedOut);
            self.fail(env, error, "keepalive probes are not answered");
            return;
        }
        env.counters.keepalive_probes += 1;
        self.probes = self.probes.saturating_add(1);
        self.is.nudge_due = true;
        self.timers
            .set(Timer::Keepalive, now + self.options.keep_interval);
    }

    fn life_is_over(&mut self, env: &mut Env<'_, '_>) {
        match self.state {
            State::SynSent | State::SynReceived => {
                // CON-3
                env.counters.timeout_drops += 1;
                self.late(env, DropReason::ConnectLate);
                let error = self.soft_error.unwrap_or(Errno::TimedOut);
                self.fail(env, error, "the time for connecting is over");
            }
            State::FinWait2 if !self.is.lingering => {
                self.late(env, DropReason::CloseLate);
                self.set_state(env, State::Closed, "the peer does not close");
                self.drop_queues();
            }
            State::Closed
            | State::Listen
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck
            | State::TimeWait => {
                // CLO-3: what could not be sent in time is discarded.
                self.late(env, DropReason::LingerLate);
                self.is.reset_due = true;
                self.set_state(env, State::Closed, "the time for lingering is over");
                self.drop_queues();
            }
        }
    }

    /// Full segments have vanished several times in a row: perhaps only because they are long.
    fn suspect_black_hole(&mut self, env: &mut Env<'_, '_>) {
        let full = self
            .board
            .head()
            .is_some_and(|(len, _)| len >= u32::from(self.mss));
        if !env.config().black_hole_detection
            || !env.config().path_mtu_discovery
            || self.retries < SUSPICIOUS
            || !full
        {
            return;
        }
        let Some(smaller) = SMALLER.into_iter().find(|&mtu| mtu < self.path.mtu) else {
            return;
        };
        env.counters.black_holes += 1;
        let now = env.now();
        match &mut self.hole {
            Some(hole) => {
                hole.confirmed |= hole.mtu == self.path.mtu;
                hole.since = now;
            }
            None => {
                self.hole = Some(Box::new(BlackHole {
                    mtu: self.path.mtu,
                    since: now,
                    confirmed: false,
                }));
            }
        }
        self.shrink_path(env, smaller);
    }

    /// Data gets through again: the long segments are tried again, at once if it may have been an outage.
    pub(crate) fn reconsider_black_hole(&mut self, now: Instant) {
        let Some(hole) = &self.hole else { return };
        if hole.confirmed && now - hole.since < HOLE_LIFE {
            return;
        }
        self.path.mtu = hole.mtu;
        if hole.confirmed {
            self.hole = None;
        }
        self.fit_mss();
    }
}
