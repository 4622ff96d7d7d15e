//! What to do about losses: fast recovery, recovery from timeouts, and taking both back when they were a mistake.
//!
//! | phase | entered | window | left |
//! |---|---|---|---|
//! | open | | grows | |
//! | recovery | RACK takes something for lost (RFC 8985), or three duplicate acknowledgments without SACK (RFC 6582) | goes down in proportion to what is delivered (RFC 6937) | all that was sent before is acknowledged |
//! | loss | the retransmission timer (RFC 6298) | one segment, then slow start | the same |
//!
//! A reduction is *undone* when the loss proves not to have been one: a timestamp shows that the acknowledgment answers
//! the first transmission (Eifel, RFC 3522), DSACKs report every retransmission as a duplicate (RFC 3708), or after a
//! timeout data is acknowledged that was never sent again (F-RTO, RFC 5682).

use fairway_wire::{Instant, SeqNumber};

use super::cc::Control;
use super::num::{Nanos, scale, span};
use super::sack::{Delivery, packets};
use super::tcb::{Env, Tcb};
use crate::event;
use crate::event::EventId;

/// Duplicate acknowledgments, or segments selectively acknowledged, that speak for a loss (RFC 5681 §3.2).
pub(crate) const DUP_THRESHOLD: u32 = 3;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Phase {
    #[default]
    Open,
    Recovery,
    Loss,
}

/// RFC 5682: whether a timeout was spurious.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Frto {
    /// Not asked, or answered.
    #[default]
    Off,
    /// The first segment was sent again; the first acknowledgment is awaited.
    Armed,
    /// That one was new: new data is sent instead of old, and the next acknowledgment decides.
    SendingNew,
    /// New data was sent.
    SentNew,
}

/// RFC 8985 §7: the probe of the tail that is on its way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TailProbe {
    /// TLP.end_seq.
    pub(crate) end: SeqNumber,
    /// TLP.is_retrans.
    pub(crate) resent: bool,
}

/// What is needed to take a reduction back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Undo {
    /// Window, threshold and algorithm as they were.
    control: Control,
    /// SND.UNA as it was: what is reported below belongs to an earlier mistake.
    start: SeqNumber,
    /// The timestamp of the first retransmission.
    first_stamp: Option<u32>,
    /// Segments sent again that no DSACK has reported.
    unreported: u32,
    /// Whether anything was sent again.
    resent: bool,
}

/// The state of loss recovery of one connection.
#[derive(Debug)]
pub(crate) struct Recovery {
    pub(crate) phase: Phase,
    /// RecoveryPoint, "recover": SND.NXT when the phase was entered.
    pub(crate) point: SeqNumber,
    /// RecoverFS, prr_delivered, prr_out of RFC 6937, octets.
    prior: u32,
    delivered: u32,
    pub(crate) sent: u32,
    /// Duplicate acknowledgments in a row.
    pub(crate) duplicates: u32,
    /// Without SACK: octets that duplicate acknowledgments speak for.
    pub(crate) reno_sacked: u32,
    pub(crate) frto: Frto,
    pub(crate) probe: Option<TailProbe>,
    /// Segments sent again, and segments reported as duplicates, in the life of the connection.
    resent: u32,
    reported: u32,
    undo: Option<Box<Undo>>,
}

impl Recovery {
    pub(crate) const fn new(start: SeqNumber) -> Self {
        Self {
            phase: Phase::Open,
            point: start,
            prior: 0,
            delivered: 0,
            sent: 0,
            duplicates: 0,
            reno_sacked: 0,
            frto: Frto::Off,
            probe: None,
            resent: 0,
            reported: 0,
            undo: None,
        }
    }

    /// Notes a retransmission, for the undoing.
    pub(crate) fn note_resend(&mut self, len: u32, mss: u32, stamp: Option<u32>) {
        if self.phase == Phase::Recovery {
            self.sent += len;
        }
        self.resent = self.resent.saturating_add(packets(len, mss));
        if let Some(undo) = &mut self.undo {
            undo.unreported = undo.unreported.saturating_add(packets(len, mss));
            if !undo.resent {
                undo.resent = true;
                undo.first_stamp = stamp;
            }
        }
    }
}

/// What happened with an acknowledgment, beside the scoreboard's news.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AckFacts {
    /// Octets by which SND.UNA moved.
    pub(crate) advanced: u32,
    /// SND.UNA before.
    pub(crate) before: SeqNumber,
    /// It is a duplicate in the sense of RFC 5681 §2.
    pub(crate) duplicate: bool,
    /// The timestamp it echoes.
    pub(crate) echo: Option<u32>,
    /// It reports something as arrived twice: where that begins and ends.
    pub(crate) dsack: Option<(SeqNumber, SeqNumber)>,
    /// What was outstanding before it, octets.
    pub(crate) flight: u32,
}

impl Tcb {
    /// Nearly every acknowledgment is dealt with here: nothing is lost, nothing reported, no probe out.
    #[inline]
    pub(crate) fn is_calm(&self) -> bool {
        self.recovery.phase == Phase::Open
            && self.recovery.duplicates == 0
            && self.recovery.probe.is_none()
            && self.recovery.reno_sacked == 0
            && self.board.sacked() == 0
            && self.board.lost() == 0
    }

    /// Takes in what an acknowledgment says about losses. Returns the octets for which the window may grow.
    pub(crate) fn recover(
        &mut self,
        env: &mut Env<'_, '_>,
        news: &Delivery,
        facts: &AckFacts,
    ) -> u32 {
        self.judge_probe(env, facts);
        if let Some(dsack) = facts.dsack {
            self.take_dsack(env, dsack, facts);
        }
        if facts.advanced > 0 {
            self.recovery.duplicates = 0;
        } else if facts.duplicate {
            self.recovery.duplicates += 1;
        }
        if !self.is.sack {
            self.count_duplicates(facts);
        }
        if self.recovery.phase != Phase::Open && facts.advanced > 0 {
            if self.echo_shows_mistake(facts) {
                self.undo(env, "the echoed timestamp is older than the retransmission");
            } else if self.una.ge(self.recovery.point) {
                self.leave_recovery(env);
            }
        }
        if self.recovery.phase == Phase::Loss {
            self.judge_timeout(env, news, facts);
        }
        let newly_lost = self.find_losses(env, facts);
        if newly_lost > 0 && self.recovery.phase == Phase::Open {
            self.enter_recovery(env, facts.flight);
        }
        if self.recovery.phase == Phase::Recovery {
            let delivered = if self.is.sack {
                news.delivered
            } else if facts.advanced > 0 || facts.duplicate {
                // Without SACK each acknowledgment speaks for one segment that nobody has counted.
                u32::from(self.mss)
            } else {
                0
            };
            self.reduce_in_proportion(delivered, newly_lost, facts.advanced > 0);
            return 0;
        }
        // What is only reported makes the window grow once the path is known to reorder; before, it may be the sign of a
        // loss (RFC 3042: one new segment for each report, no more).
        match (self.is.sack, facts.advanced > 0) {
            (false, _) => facts.advanced,
            (true, false) if !self.rack.reordering_seen() => 0,
            (true, _) => news.delivered,
        }
    }

    /// Marks what is lost by now; returns the octets newly so.
    fn find_losses(&mut self, env: &mut Env<'_, '_>, facts: &AckFacts) -> u32 {
        if self.is.sack {
            return self.detect_by_time(env);
        }
        let head = u32::from(self.mss);
        if self.recovery.phase == Phase::Recovery && facts.advanced > 0 {
            // RFC 6582 §3.2 step 3: a partial acknowledgment says that the next segment is lost, too.
            let before = self.board.lost();
            self.board.lose_head(head);
            return self.board.lost().saturating_sub(before);
        }
        if self.recovery.phase == Phase::Open
            && self.recovery.duplicates >= DUP_THRESHOLD
            // RFC 6582 §3.2 step 2: not for what a timeout has sent again already.
            && facts.before.ge(self.recovery.point)
            && self.board.lost() == 0
        {
            self.board.lose_head(head);
            return self.board.lost();
        }
        0
    }

    /// RFC 8985 §6.2: RACK. Arms the timer for the reordering window if something may be lost after it.
    pub(crate) fn detect_by_time(&mut self, env: &Env<'_, '_>) -> u32 {
        if self.board.is_empty() {
            return 0;
        }
        let urgent = self.recovery.phase != Phase::Open
            || self.board.sacked() >= DUP_THRESHOLD * u32::from(self.mss);
        self.rack.update_window(&self.rtt, urgent);
        let now = env.now();
        let (lost, waiting) = self.board.detect_lost(&self.rack, now);
        if waiting {
            let wait = self.rack.wait(now).max(Nanos(1000));
            self.timers
                .set_loss(super::timers::LossTimer::Reordering, wait.after(now));
        }
        lost
    }

    /// Begins fast recovery: RFC 6675 §5, RFC 6937 §3.
    pub(crate) fn enter_recovery(&mut self, env: &mut Env<'_, '_>, flight: u32) {
        let mss = u32::from(self.mss);
        self.remember();
        let recovery = &mut self.recovery;
        recovery.phase = Phase::Recovery;
        recovery.point = self.nxt;
        recovery.prior = flight.max(mss);
        recovery.delivered = 0;
        recovery.sent = 0;
        recovery.frto = Frto::Off;
        recovery.probe = None;
        self.control.on_loss(env.now(), flight, mss);
        if self.is.ecn {
            self.is.ecn_reduced = true;
        }
        if self.is.sack {
            env.counters.sack_recoveries += 1;
        } else {
            env.counters.reno_recoveries += 1;
        }
        event!(
            env.cx.events,
            env.cx.now,
            EventId::TcpFastrexmt,
            source = self.local(),
            destination = *self.tuple.peer().ip(),
            sport = self.tuple.local().port(),
            dport = self.tuple.peer().port(),
            len = self.board.lost(),
        );
    }

    /// RFC 6937 §3.1: for each octet delivered, ssthresh / RecoverFS octets may leave, so that the window has reached the
    /// threshold when all is repaired. Below the threshold, with the reduction bound that suits (slow-start or conservative).
    pub(crate) fn reduce_in_proportion(&mut self, delivered: u32, newly_lost: u32, advanced: bool) {
        let mss = u32::from(self.mss);
        let pipe = self.pipe();
        let threshold = self.control.threshold;
        let recovery = &mut self.recovery;
        recovery.delivered = recovery.delivered.saturating_add(delivered);
        let allowed = if pipe > threshold {
            let due = u64::from(recovery.delivered) * u64::from(threshold);
            let due =
                u32::try_from(due.div_ceil(u64::from(recovery.prior.max(1)))).unwrap_or(u32::MAX);
            // Rounded up to segments, as the RFC's formula counts them.
            due.next_multiple_of(mss).saturating_sub(recovery.sent)
        } else {
            // PRR-SSRB while it goes forward and nothing more is lost; else PRR-CRB.
            let mut limit = recovery
                .delivered
                .saturating_sub(recovery.sent)
                .max(delivered);
            if advanced && newly_lost == 0 {
                limit += mss;
            }
            limit.min(threshold - pipe)
        };
        // The first retransmission goes out whatever the arithmetic says.
        let allowed = if recovery.sent == 0 {
            allowed.max(mss)
        } else {
            allowed
        };
        self.control.window = pipe.saturating_add(allowed).max(mss);
    }

    /// All that was sent when recovery began is acknowledged.
    fn leave_recovery(&mut self, env: &mut Env<'_, '_>) {
        if self.recovery.phase == Phase::Recovery {
            // RFC 6937: the window ends at the threshold.
            self.control.window = self.control.threshold.max(u32::from(self.mss));
        }
        self.recovery.phase = Phase::Open;
        self.recovery.frto = Frto::Off;
        self.recovery.reno_sacked = 0;
        self.recovery.duplicates = 0;
        self.rack.recovery_ended();
        if self.hole.is_some() {
            self.reconsider_black_hole(env.cx.now);
        }
        if self.recovery.undo.as_ref().is_some_and(|undo| !undo.resent) {
            // Nothing was sent again: it was no loss at all.
            self.undo(env, "what was taken for lost arrived by itself");
        }
    }

    /// RFC 6298 §5.4 to §5.6, RFC 5681 §3.1: the retransmission timer has expired. All that the peer has not reported
    /// is taken for lost, and one segment goes out.
    pub(crate) fn enter_loss(&mut self, env: &mut Env<'_, '_>) {
        let mss = u32::from(self.mss);
        let flight = span(self.nxt, self.una);
        // RFC 5681 §3.1: the threshold is not reduced again for a segment that times out again.
        let first = self.recovery.phase == Phase::Open
            || self.recovery.phase == Phase::Recovery
            || self.una.ge(self.recovery.point)
            || self.retries == 0;
        if first {
            self.remember();
            let flight = flight.min(self.control.window.max(mss));
            self.control.on_loss(env.now(), flight, mss);
        }
        self.control.window = mss;
        let reneged = self.board.reneged();
        self.board.lose_all(reneged);
        let recovery = &mut self.recovery;
        recovery.phase = Phase::Loss;
        recovery.point = self.nxt;
        recovery.duplicates = 0;
        recovery.reno_sacked = 0;
        recovery.probe = None;
        recovery.frto = if self.is.sack && !reneged && first {
            Frto::Armed
        } else {
            Frto::Off
        };
        if self.is.ecn {
            self.is.ecn_reduced = true;
        }
    }

    /// RFC 5682 §3.1, the version for SACK: data acknowledged after a timeout that was sent only once was never lost, so
    /// that neither was the rest.
    fn judge_timeout(&mut self, env: &mut Env<'_, '_>, news: &Delivery, facts: &AckFacts) {
        if self.recovery.frto == Frto::Off {
            return;
        }
        if news.originals > 0 && news.revived > 0 {
            env.counters.spurious_timeouts += 1;
            self.undo(env, "data that was not sent again is acknowledged");
            return;
        }
        self.recovery.frto = match self.recovery.frto {
            Frto::Armed if facts.advanced > 0 && (self.unsent() > 0) => {
                // Step 2b: new data instead of old.
                self.recovery.point = self.nxt;
                Frto::SendingNew
            }
            // Step 3a, or nothing new to send.
            Frto::Armed | Frto::SendingNew | Frto::SentNew | Frto::Off => {
                if facts.advanced == 0 && !facts.duplicate && news.sacked == 0 {
                    return;
                }
                Frto::Off
            }
        };
    }

    /// RFC 3522: an acknowledgment that echoes a timestamp from before the first retransmission answers the original.
    fn echo_shows_mistake(&self, facts: &AckFacts) -> bool {
        let (Some(echo), Some(undo)) = (facts.echo, &self.recovery.undo) else {
            return false;
        };
        undo.first_stamp
            .is_some_and(|stamp| SeqNumber(echo).lt(SeqNumber(stamp)))
    }

    fn take_dsack(
        &mut self,
        env: &mut Env<'_, '_>,
        (left, right): (SeqNumber, SeqNumber),
        facts: &AckFacts,
    ) {
        env.counters.dsacks_received += 1;
        let mss = u32::from(self.mss);
        let segments = packets(span(right, left), mss);
        self.recovery.reported = self.recovery.reported.saturating_add(segments);
        if self.recovery.reported > self.recovery.resent {
            // RFC 3708 §3: more duplicates than were sent: the network makes them.
            return;
        }
        let complete = match &mut self.recovery.undo {
            Some(undo) if undo.unreported > 0 && left.ge(undo.start) => {
                undo.unreported = undo.unreported.saturating_sub(segments);
                undo.unreported == 0
            }
            _ => false,
        };
        let probed = self
            .recovery
            .probe
            .is_some_and(|probe| probe.resent && right == probe.end);
        if !probed {
            self.rack.note_dsack(facts.before, self.nxt);
        }
        if complete {
            self.undo(env, "every retransmission is reported as a duplicate");
        }
    }

    /// RFC 8985 §7.4.2: what became of the probe of the tail.
    fn judge_probe(&mut self, env: &Env<'_, '_>, facts: &AckFacts) {
        let Some(probe) = self.recovery.probe else {
            return;
        };
        if self.una.lt(probe.end) {
            return;
        }
        if !probe.resent {
            self.recovery.probe = None;
        } else if facts.dsack.is_some_and(|(_, right)| right == probe.end)
            || facts.advanced == 0 && facts.duplicate
        {
            // Both arrived.
            self.recovery.probe = None;
        } else if self.una.gt(probe.end) {
            // The probe repaired a loss that nobody else has noticed: the window pays for it once.
            self.recovery.probe = None;
            if self.recovery.phase == Phase::Open {
                let mss = u32::from(self.mss);
                let threshold = self.control.on_loss(env.now(), facts.flight, mss);
                self.control.window = threshold.max(mss).min(self.control.window);
            }
        }
    }

    /// RFC 6582: without SACK each duplicate acknowledgment speaks for a segment that has left the network.
    fn count_duplicates(&mut self, facts: &AckFacts) {
        let mss = u32::from(self.mss);
        let recovery = &mut self.recovery;
        if facts.advanced > 0 {
            let behind_the_hole = facts.advanced.saturating_sub(mss);
            recovery.reno_sacked = recovery.reno_sacked.saturating_sub(behind_the_hole);
        } else if facts.duplicate {
            recovery.reno_sacked = recovery.reno_sacked.saturating_add(mss);
        }
        let most = span(self.nxt, self.una).saturating_sub(mss);
        recovery.reno_sacked = recovery.reno_sacked.min(most);
    }

    /// Remembers window, threshold and algorithm, to be brought back by [`undo`](Self::undo).
    fn remember(&mut self) {
        self.recovery.undo = Some(Box::new(Undo {
            control: self.control,
            start: self.una,
            first_stamp: None,
            unreported: 0,
            resent: false,
        }));
    }

    /// Takes the last reduction back.
    fn undo(&mut self, env: &mut Env<'_, '_>, why: &'static str) {
        let Some(undo) = self.recovery.undo.take() else {
            return;
        };
        env.counters.undone_recoveries += 1;
        let window = self.control.window.max(undo.control.window);
        self.control = undo.control;
        self.control.window = window;
        self.board.find_all();
        self.recovery.phase = Phase::Open;
        self.recovery.frto = Frto::Off;
        self.recovery.reno_sacked = 0;
        self.recovery.duplicates = 0;
        self.backoff = 0;
        self.is.dirty = true;
        tracing::debug!(target: "net::tcp", reason = why, peer = %self.tuple.peer(), "recovery undone");
    }

    /// When nothing was sent for a while, the window says nothing about the path any more (RFC 5681 §4.1): it is halved
    /// for every timeout that passed, down to the one of a new connection.
    pub(crate) fn restart_after_idle(&mut self, env: &Env<'_, '_>, now: Instant) {
        let rto = self.rtt.timeout(0);
        let mut idle = Nanos::between(self.sent_at, now);
        if idle <= rto || !self.board.is_empty() {
            return;
        }
        self.control.on_idle(now);
        if !env.config().restart_after_idle {
            return;
        }
        let least = self.initial_window(env.config()).min(self.control.window);
        self.control.threshold = self.control.threshold.max(scale(self.control.window, 3, 4));
        while idle > rto && self.control.window > least {
            self.control.window = (self.control.window / 2).max(least);
            idle = Nanos(idle.0.saturating_sub(rto.0));
        }
    }
}
