//! One stream connection, without its stream: when to read, to start calls, to give up.
//!
//! The core holds the numbers and the times, the shell ([`connection`](super::connection)) the octets and the futures. What it knows:
//!
//! ```text
//!             input                       records                        replies
//!   peer ───────────────► RecordReader ───────────► calls that run ───────────────► queue ───► peer
//!          record_within                             max_calls                 max_queued, drain_within
//! ```
//!
//! A bound that is reached stops the reading, so that the peer's own window fills; nothing is read ahead of what may be started.
//! Three deadlines, of which [`poll_timeout`](StreamCore::poll_timeout) is the earliest:
//! *record* runs while a record is half here, *drain* while octets wait for the peer, *idle* while nothing else happens.
//!
//! Law: after any `handle_*`, ask [`poll_record`](StreamCore::poll_record) until `None` and write what there is; then wait for input or
//! `poll_timeout`. `now` never goes back.

use bytes::{Bytes, BytesMut};
use fairway_stack::Instant;

use super::Limits;
use crate::limits::RecordLimits;
use crate::record::{RecordError, RecordReader};

/// What a peer must take within `drain_within`, unless less is queued.
const DRAIN_STEP: u64 = 64 << 10;

/// Why a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The peer has said all it has to say, and everything is answered.
    Done,
    /// A record is too long or in too many pieces.
    Record(RecordError),
    /// A record took too long to arrive.
    SlowRecord,
    /// The peer does not take its replies.
    SlowReader,
    /// Too many octets wait, over all connections.
    Queue,
    /// Too many octets are no call yet, over all connections.
    Receiving,
    /// Nothing happened for too long.
    Idle,
}

/// Why a connection is not read for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pause {
    /// It has as many calls running as it may.
    Calls,
    /// The peer must read first.
    Queue,
}

/// See the file's head.
#[derive(Debug)]
pub(crate) struct StreamCore {
    reader: RecordReader,
    max_calls: usize,
    max_queued: usize,
    record_within: core::time::Duration,
    drain_within: core::time::Duration,
    idle_close: Option<core::time::Duration>,
    /// Calls that did not finish at once.
    running: usize,
    /// Octets that wait for the peer.
    queued: usize,
    /// Octets that the peer has taken.
    sent: u64,
    /// While the start of a record is here and its end is not.
    record_by: Option<Instant>,
    /// While octets wait: when the peer must have taken them up to this number.
    drain_by: Option<(Instant, u64)>,
    /// When something last happened.
    active: Instant,
    /// Nothing more comes from the peer, or nothing more is wanted from it.
    closing: bool,
    /// A record is here and waits for a place among the calls of all connections.
    waiting: bool,
    pause: Option<Pause>,
}

impl StreamCore {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        let record = RecordLimits {
            max_record: limits.max_record,
            max_fragments: limits.max_fragments,
        };
        Self {
            reader: RecordReader::new(record),
            max_calls: limits.max_calls_per_connection.max(1),
            max_queued: limits.max_queued,
            record_within: limits.record_within,
            drain_within: limits.drain_within,
            idle_close: limits.idle_close,
            running: 0,
            queued: 0,
            sent: 0,
            record_by: None,
            drain_by: None,
            active: now,
            closing: false,
            waiting: false,
            pause: None,
        }
    }

    /// Takes the next record that may be started off the front of what was read.
    ///
    /// # Errors
    /// The stream is lost.
    pub(crate) fn poll_record(
        &mut self,
        now: Instant,
        input: &mut BytesMut,
    ) -> Result<Option<Bytes>, End> {
        self.waiting = false;
        if !self.may_start() {
            // What is not looked at cannot be late.
            self.record_by = None;
            return Ok(None);
        }
        let record = self.reader.next(input).map_err(End::Record)?;
        if record.is_some() {
            self.active = now;
            self.record_by = None;
        } else if self.reader.is_mid_record(input) {
            self.record_by.get_or_insert(now + self.record_within);
        } else {
            self.record_by = None;
        }
        Ok(record)
    }

    /// The connection waits for others: its record is not late, and the connection not idle.
    pub(crate) fn handle_waiting(&mut self) {
        self.record_by = None;
        self.waiting = true;
    }

    /// Octets from the peer that are no call yet, when `have` are here.
    pub(crate) fn receiving(&self, have: usize) -> usize {
        self.reader.held().saturating_add(have)
    }

    /// Octets to make room for before reading, when `have` are here: what the record still needs, but at most three times what has
    /// arrived of it, so that an announcement alone takes no memory.
    pub(crate) fn wanted(&self, have: usize) -> usize {
        self.reader.wanted(have).min(have.saturating_mul(3))
    }

    /// Whether the next record may be looked at; if not, why.
    pub(crate) fn may_start(&mut self) -> bool {
        self.pause = if self.running >= self.max_calls {
            Some(Pause::Calls)
        } else if self.queued > self.max_queued {
            Some(Pause::Queue)
        } else {
            None
        };
        self.pause.is_none()
    }

    /// Whether to read from the peer at all.
    pub(crate) fn may_read(&mut self) -> bool {
        !self.closing && self.may_start()
    }

    pub(crate) fn pause(&self) -> Option<Pause> {
        self.pause
    }

    /// A call has not finished at once.
    pub(crate) fn handle_parked(&mut self) {
        self.running += 1;
    }

    /// Such a call has ended.
    pub(crate) fn handle_finished(&mut self, now: Instant) {
        self.running = self.running.saturating_sub(1);
        self.active = now;
    }

    /// Octets wait for the peer.
    pub(crate) fn handle_queued(&mut self, now: Instant, octets: usize) {
        self.queued = self.queued.saturating_add(octets);
        if self.drain_by.is_none() {
            self.set_drain(now);
        }
    }

    /// The peer has taken octets.
    pub(crate) fn handle_sent(&mut self, now: Instant, octets: usize) {
        self.queued = self.queued.saturating_sub(octets);
        self.sent = self
            .sent
            .saturating_add(u64::try_from(octets).unwrap_or(u64::MAX));
        self.active = now;
        if self.queued == 0 {
            self.drain_by = None;
        } else if self.drain_by.is_none_or(|(_, mark)| self.sent >= mark) {
            self.set_drain(now);
        }
    }

    fn set_drain(&mut self, now: Instant) {
        let queued = u64::try_from(self.queued).unwrap_or(u64::MAX);
        self.drain_by = Some((
            now + self.drain_within,
            self.sent.saturating_add(queued.min(DRAIN_STEP)),
        ));
    }

    /// The peer will send no more, or the server stops: what runs is finished, what is queued is sent.
    pub(crate) fn handle_close(&mut self) {
        self.closing = true;
        self.record_by = None;
    }

    /// Whether everything has been done that can be.
    pub(crate) fn is_done(&self) -> bool {
        self.closing && self.running == 0 && self.queued == 0
    }

    /// Whether something is under way for the peer, or from it.
    pub(crate) fn is_busy(&self) -> bool {
        self.running > 0 || self.queued > 0 || self.waiting || self.record_by.is_some()
    }

    /// Somebody else uses the connection: it is not idle.
    pub(crate) fn handle_activity(&mut self, now: Instant) {
        self.active = now;
    }

    /// Ends the connection if a deadline has passed.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Option<End> {
        if self.drain_by.is_some_and(|(by, _)| by <= now) {
            Some(End::SlowReader)
        } else if self.record_by.is_some_and(|by| by <= now) {
            Some(End::SlowRecord)
        } else if self.idle_by().is_some_and(|by| by <= now) {
            Some(End::Idle)
        } else {
            None
        }
    }

    /// The earliest deadline.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        [
            self.record_by,
            self.drain_by.map(|(by, _)| by),
            self.idle_by(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    fn idle_by(&self) -> Option<Instant> {
        if self.is_busy() {
            None
        } else {
            self.idle_close
                .and_then(|idle| self.active.checked_add(idle))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::time::Duration;

    fn at(seconds: u64) -> Instant {
        Instant::from_nanos(seconds * 1_000_000_000)
    }

    fn limits() -> Limits {
        Limits {
            max_calls_per_connection: 2,
            max_queued: 100,
            max_record: 64,
            max_fragments: 3,
            record_within: Duration::from_secs(5),
            drain_within: Duration::from_secs(7),
            idle_close: Some(Duration::from_secs(60)),
            ..Limits::default()
        }
    }

    fn core() -> StreamCore {
        StreamCore::new(&limits(), at(0))
    }

    fn input(octets: &[u8]) -> BytesMut {
        BytesMut::from(octets)
    }

    const RECORD: [u8; 8] = [0x80, 0, 0, 4, 1, 2, 3, 4];

    #[test]
    fn half_a_mark_and_half_a_record_run_into_the_deadline() {
        for part in [&RECORD[..2], &RECORD[..4], &RECORD[..7]] {
            let mut core = core();
            let mut octets = input(part);
            assert_eq!(core.poll_record(at(1), &mut octets), Ok(None));
            assert_eq!(core.poll_timeout(), Some(at(6)), "{part:?}");
            // More octets do not move it: the whole record has one time.
            assert_eq!(core.poll_record(at(4), &mut octets), Ok(None));
            assert_eq!(core.handle_timeout(at(5)), None);
            assert_eq!(core.handle_timeout(at(6)), Some(End::SlowRecord));
        }
    }

    #[test]
    fn a_complete_record_stops_the_deadline() {
        let mut core = core();
        let mut octets = input(&RECORD[..7]);
        assert_eq!(core.poll_record(at(1), &mut octets), Ok(None));
        octets.extend_from_slice(&RECORD[7..]);
        assert_eq!(
            core.poll_record(at(2), &mut octets).unwrap().unwrap(),
            &[1, 2, 3, 4][..]
        );
        assert_eq!(core.poll_record(at(2), &mut octets), Ok(None));
        assert_eq!(core.poll_timeout(), Some(at(62)), "idle only");
    }

    #[test]
    fn records_too_long_or_in_too_many_pieces_end_the_connection() {
        assert!(matches!(
            core().poll_record(at(0), &mut input(&[0x80, 0, 0, 65])),
            Err(End::Record(RecordError::TooLong { .. }))
        ));
        // Empty fragments count: RFC 5531 §11 allows them, and they cost their sender nothing.
        let empty = [0; 16];
        assert!(matches!(
            core().poll_record(at(0), &mut input(&empty)),
            Err(End::Record(RecordError::TooManyFragments { .. }))
        ));
    }

    #[test]
    fn an_announcement_takes_no_memory() {
        let mut core = core();
        let mut octets = input(&[0x80, 0, 0, 64, 9, 9]);
        assert_eq!(core.poll_record(at(0), &mut octets), Ok(None));
        assert_eq!(core.wanted(octets.len()), 6);
        octets.extend_from_slice(&[9; 30]);
        assert_eq!(core.wanted(octets.len()), 32);
    }

    #[test]
    fn running_calls_stop_the_reading_until_one_ends() {
        let mut core = core();
        core.handle_parked();
        assert!(core.may_read());
        core.handle_parked();
        assert!(!core.may_read());
        assert_eq!(core.pause(), Some(Pause::Calls));
        // A record that is here is not taken, and is not late either.
        let mut octets = input(&RECORD);
        assert_eq!(core.poll_record(at(1), &mut octets), Ok(None));
        assert_eq!(octets.len(), 8);
        assert_eq!(core.poll_timeout(), None, "busy, hence not idle");
        core.handle_finished(at(100));
        assert!(core.poll_record(at(100), &mut octets).unwrap().is_some());
    }

    #[test]
    fn a_connection_that_waits_for_others_is_neither_late_nor_idle() {
        let mut core = core();
        let mut octets = input(&RECORD[..7]);
        assert_eq!(core.poll_record(at(1), &mut octets), Ok(None));
        core.handle_waiting();
        assert_eq!(core.poll_timeout(), None);
        assert_eq!(core.handle_timeout(at(1000)), None);
        assert_eq!(core.poll_record(at(1000), &mut octets), Ok(None));
        assert_eq!(core.poll_timeout(), Some(at(1005)));
    }

    #[test]
    fn queued_octets_stop_the_reading_until_they_are_taken() {
        let mut core = core();
        core.handle_queued(at(0), 101);
        assert!(!core.may_read());
        assert_eq!(core.pause(), Some(Pause::Queue));
        core.handle_sent(at(1), 1);
        assert!(core.may_read());
    }

    #[test]
    fn a_peer_that_does_not_read_is_given_up() {
        let mut core = core();
        core.handle_queued(at(1), 50);
        core.handle_queued(at(5), 50);
        assert_eq!(core.poll_timeout(), Some(at(8)), "the first octets count");
        assert_eq!(core.handle_timeout(at(8)), Some(End::SlowReader));
    }

    #[test]
    fn a_trickle_does_not_keep_a_connection_but_progress_does() {
        let mut core = core();
        core.handle_queued(at(0), 200 << 10);
        core.handle_sent(at(6), 10);
        assert_eq!(core.poll_timeout(), Some(at(7)), "ten octets of 64 KiB");
        core.handle_sent(at(6), 64 << 10);
        assert_eq!(core.poll_timeout(), Some(at(13)));
        core.handle_sent(at(12), 136 << 10);
        assert_eq!(core.poll_timeout(), Some(at(72)), "all taken: idle");
    }

    #[test]
    fn an_idle_connection_ends_and_an_active_one_does_not() {
        let mut core = core();
        assert_eq!(core.handle_timeout(at(59)), None);
        core.handle_activity(at(59));
        assert_eq!(core.handle_timeout(at(118)), None);
        assert_eq!(core.handle_timeout(at(119)), Some(End::Idle));
        core.handle_parked();
        assert_eq!(core.handle_timeout(at(500)), None);
    }

    #[test]
    fn closing_waits_for_calls_and_replies() {
        let mut core = core();
        core.handle_parked();
        core.handle_close();
        assert!(!core.may_read() && !core.is_done());
        core.handle_finished(at(1));
        core.handle_queued(at(1), 10);
        assert!(!core.is_done());
        core.handle_sent(at(2), 10);
        assert!(core.is_done());
    }
}
