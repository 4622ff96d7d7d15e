//! RACK: taking segments for lost by time. RFC 8985 §6.
//!
//! A segment is lost when one that was sent after it has been delivered, and a reordering window has passed since. The
//! window is zero until the path is seen to reorder; then it is a quarter of the least round-trip time, and grows by as
//! much for every round in which a retransmission proves to have been in vain (DSACK), until sixteen recoveries pass
//! without one.

use fairway_wire::{Instant, SeqNumber};

use super::num::Nanos;
use super::rtt::Rtt;

/// Recoveries after which the window goes back to its first size (RFC 8985 §6.2 step 4).
const PERSIST: u8 = 16;

/// What RACK knows of one connection. The names of RFC 8985 §5.3 are in the comments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rack {
    /// RACK.xmit_ts: when the most recently sent segment that was delivered was sent.
    sent_at: Instant,
    /// RACK.end_seq: its end.
    end: SeqNumber,
    /// RACK.rtt: its round-trip time.
    rtt: Nanos,
    /// RACK.reo_wnd.
    window: Nanos,
    /// RACK.reordering_seen.
    reordering_seen: bool,
    /// RACK.reo_wnd_mult.
    multiplier: u8,
    /// RACK.reo_wnd_persist: recoveries for which the multiplier stays.
    persist: u8,
    /// RACK.dsack_round: until it is acknowledged, further DSACKs belong to the same round.
    dsack_round: Option<SeqNumber>,
}

impl Rack {
    pub(crate) const fn new(start: SeqNumber) -> Self {
        Self {
            sent_at: Instant::ZERO,
            end: start,
            rtt: Nanos::ZERO,
            window: Nanos::ZERO,
            reordering_seen: false,
            multiplier: 1,
            persist: 0,
            dsack_round: None,
        }
    }

    /// RFC 8985 §6.2 step 2: takes note of the segment sent last among those just delivered.
    pub(crate) fn update(
        &mut self,
        now: Instant,
        (at, end, twice): (Instant, SeqNumber, bool),
        least_rtt: Nanos,
    ) {
        let rtt = Nanos::between(at, now);
        if twice && rtt < least_rtt {
            // An answer to the first transmission, most likely.
            return;
        }
        if at > self.sent_at || (at == self.sent_at && end.gt(self.end)) {
            self.sent_at = at;
            self.end = end;
            self.rtt = rtt;
        }
    }

    /// RFC 8985 §6.2 step 3.
    pub(crate) const fn note_reordering(&mut self) {
        self.reordering_seen = true;
    }

    pub(crate) const fn reordering_seen(&self) -> bool {
        self.reordering_seen
    }

    /// RFC 8985 §6.2 step 4: a DSACK says that a retransmission was in vain; once per round the window grows.
    pub(crate) fn note_dsack(&mut self, una: SeqNumber, nxt: SeqNumber) {
        if self.dsack_round.is_some_and(|round| una.lt(round)) {
            return;
        }
        self.dsack_round = Some(nxt);
        self.multiplier = self.multiplier.saturating_add(1);
        self.persist = PERSIST;
    }

    /// A recovery has ended.
    pub(crate) const fn recovery_ended(&mut self) {
        self.persist = self.persist.saturating_sub(1);
        if self.persist == 0 {
            self.multiplier = 1;
        }
    }

    /// RFC 8985 §6.2 step 4: the reordering window for now. `urgent`: a recovery is under way, or three segments have
    /// been selectively acknowledged.
    pub(crate) fn update_window(&mut self, rtt: &Rtt, urgent: bool) {
        self.window = if !self.reordering_seen && urgent {
            Nanos::ZERO
        } else {
            Nanos(rtt.least().0 / 4)
                .times(u64::from(self.multiplier))
                .min(rtt.smoothed())
        };
    }

    pub(crate) const fn window(&self) -> Nanos {
        self.window
    }

    /// RACK_sent_after: whether the latest delivered segment was sent after that one.
    #[inline]
    pub(crate) fn sent_after(&self, at: Instant, end: SeqNumber) -> bool {
        self.sent_at > at || (self.sent_at == at && self.end.gt(end))
    }

    /// Whether a segment sent at `at` would have been acknowledged by now, were it not lost.
    #[inline]
    pub(crate) fn is_overdue(&self, at: Instant, now: Instant) -> bool {
        self.rtt.plus(self.window).after(at) <= now
    }

    /// How long to wait at most until everything sent before the latest delivered segment is overdue.
    pub(crate) fn wait(&self, now: Instant) -> Nanos {
        Nanos::between(now, self.rtt.plus(self.window).after(self.sent_at))
    }
}
