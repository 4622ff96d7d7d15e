//! The client's protocol, without I/O: which call is where, what to send next, whose reply this is.
//!
//! One core serves one connection or one UDP socket. A call is [`Phase::Reserved`] while its caller encodes
//! it, [`Phase::Queued`] until its octets are handed out by [`poll_output`](Core::poll_output), [`Phase::Sending`]
//! until they are written, [`Phase::Sent`] until a reply comes, and [`Phase::Done`] until the caller takes the
//! outcome. Dropping a call removes it from whichever of these it is in; what was begun to be written is written
//! on, because a stream has no way back from half a record, and the reply that comes anyway finds nobody.
//!
//! The frames of queued calls lie in the calls, not in the queue, so that a dropped call gives its octets back at
//! once; the queue keeps xids and is swept when more than half of them are of dropped calls.
//!
//! On datagrams a sent call keeps its frame, and is queued again when its wait is over (RFC 5531 §5); the wait
//! doubles each time, with jitter. No more than a [`Window`] of them is in flight: when it is full, `poll_output` gives nothing, and
//! whatever ends a call that was sent may open it again.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use fairway_stack::Instant;
use fairway_xdr::Encoder;

use super::pending::Pending;
use super::window::Window;
use crate::error::{CallError, ConnectError};
use crate::msg::ReplyHeader;

/// Frames kept for their memory, at most.
const SPARE_FRAMES: usize = 64;
/// A frame with more room than this is not kept.
const SPARE_ROOM: usize = 4096;

/// What a core needs to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CoreConfig {
    /// The most calls in it.
    pub(crate) max_calls: usize,
    /// The most octets queued.
    pub(crate) max_queued: usize,
    /// How to send again, on datagrams.
    pub(crate) resend: Option<Backoff>,
}

/// When to send a datagram again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) most: Duration,
    /// Datagrams in flight, at most.
    pub(crate) window: usize,
}

/// How far a call has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Reserved,
    Queued,
    Sending,
    Sent,
    Done,
}

/// One call.
#[derive(Debug)]
struct Call {
    phase: Phase,
    /// Queued, or kept to be sent again.
    frame: Option<Encoder>,
    /// Octets charged to the queue.
    charged: usize,
    /// When the caller gives up.
    deadline: Option<Instant>,
    /// When to send again, and the wait that leads there.
    again: Option<(Instant, Duration)>,
    /// Send again with the same xid after the connection was lost.
    resend: bool,
    /// No reply comes: it is done when it is written.
    one_way: bool,
    waker: Option<Waker>,
    outcome: Option<Result<Bytes, CallError>>,
}

/// How a call is to be treated.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Terms {
    /// When the caller began, if that was read.
    pub(crate) began: Option<Instant>,
    pub(crate) deadline: Option<Instant>,
    pub(crate) resend: bool,
    pub(crate) one_way: bool,
}

#[derive(Debug)]
enum Queued {
    Call(u32),
    /// Without a call: batched calls, replies to callbacks.
    Loose(Encoder),
}

/// Octets to be written, and whose they are.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) xid: Option<u32>,
    pub(crate) frame: Encoder,
    /// Its length when it was queued.
    pub(crate) octets: usize,
}

/// What arrived.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Input {
    /// The reply of this call.
    Reply(u32),
    /// A call of the peer's.
    Call(Bytes),
    /// Nobody's: late, repeated, foreign or malformed. Counted.
    Nobody,
}

/// What a client has seen since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCounters {
    /// Calls begun.
    pub calls: u64,
    /// Replies that found their call.
    pub replies: u64,
    /// Calls that ended at their deadline.
    pub timed_out: u64,
    /// Calls dropped by their callers before a reply came.
    pub dropped: u64,
    /// Calls sent again.
    pub resent: u64,
    /// Times the window of datagrams in flight was halved because calls had to be sent again.
    pub windows_halved: u64,
    /// Replies nobody waited for: late, repeated or foreign.
    pub stray_replies: u64,
    /// Messages that are neither a reply nor a call by RFC 5531.
    pub malformed: u64,
    /// Calls of the peer's while none are served.
    pub unserved_calls: u64,
    /// Connections lost.
    pub connections_lost: u64,
    /// Connections made again.
    pub reconnects: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Core {
    config: CoreConfig,
    calls: Pending<Call>,
    queue: VecDeque<Queued>,
    /// Of `queue`: those whose call is gone.
    swept: usize,
    /// How many datagrams may be in flight.
    window: Option<Window>,
    /// Octets of calls reserved, queued or being written, and of loose frames.
    queued: usize,
    /// Calls with phase Sending or Sent.
    on_the_wire: usize,
    /// Replies that will come, or may, for calls that are gone.
    owed: usize,
    /// Calls that are done and not yet taken.
    unclaimed: usize,
    /// No call's deadline or resending is earlier than this.
    check: Option<Instant>,
    /// State of the jitter.
    jitter: u32,
    spare: Vec<Encoder>,
    /// Wakers of callers whose calls are done; the shell takes them and wakes outside the lock.
    pub(crate) wakes: Vec<Waker>,
    pub(crate) counters: ClientCounters,
}

impl Core {
    /// An empty core; `seed` is by chance.
    pub(crate) fn new(config: CoreConfig, seed: u64) -> Self {
        let [s0, s1, s2, s3, j0, j1, j2, j3] = seed.to_ne_bytes();
        Self {
            config,
            calls: Pending::new(config.max_calls, u32::from_ne_bytes([s0, s1, s2, s3])),
            queue: VecDeque::new(),
            swept: 0,
            window: config.resend.map(|resend| Window::new(resend.window)),
            queued: 0,
            on_the_wire: 0,
            owed: 0,
            unclaimed: 0,
            check: None,
            jitter: u32::from_ne_bytes([j0, j1, j2, j3]) | 1,
            spare: Vec::new(),
            wakes: Vec::new(),
            counters: ClientCounters::default(),
        }
    }

    /// Calls in it, in whatever phase.
    pub(crate) fn in_flight(&self) -> usize {
        self.calls.len()
    }

    /// Calls done whose callers have not come for the outcome.
    pub(crate) fn unclaimed(&self) -> usize {
        self.unclaimed
    }

    /// Calls, or parts of them, that went out and whose reply has not come.
    pub(crate) fn on_the_wire(&self) -> usize {
        self.on_the_wire
    }

    /// Whether replies may come that nobody waits for, and have to be read all the same: a server that cannot get rid
    /// of a reply gives up the connection. Datagrams are just lost.
    pub(crate) fn is_owed(&self) -> bool {
        self.owed != 0 && self.config.resend.is_none()
    }

    /// Octets of calls that are not yet written.
    pub(crate) fn queued_octets(&self) -> usize {
        self.queued
    }

    /// Whether something waits to be written, and may be.
    pub(crate) fn has_output(&self) -> bool {
        self.queue.len() > self.swept && self.is_open()
    }

    /// Whether another datagram may be in flight.
    fn is_open(&self) -> bool {
        self.window
            .as_ref()
            .is_none_or(|window| self.on_the_wire < window.size())
    }

    /// Whether a call of so many octets may begin. One call may be longer than the whole queue.
    pub(crate) fn has_room(&self, octets: usize) -> bool {
        !self.calls.is_full()
            && (self.queued == 0 || self.queued.saturating_add(octets) <= self.config.max_queued)
    }

    /// An empty frame, with memory if some is spare.
    pub(crate) fn frame(&mut self) -> Encoder {
        self.spare.pop().unwrap_or_else(|| Encoder::segmented(128))
    }

    fn recycle(&mut self, mut frame: Encoder) {
        if self.spare.len() < SPARE_FRAMES && frame.len() <= SPARE_ROOM {
            frame.clear();
            self.spare.push(frame);
        }
    }

    /// Takes a place for a call of about so many octets and gives its xid; `None` if there is no room.
    pub(crate) fn handle_reserve(&mut self, octets: usize, terms: Terms) -> Option<u32> {
        if !self.has_room(octets) {
            return None;
        }
        let xid = self.calls.insert(Call {
            phase: Phase::Reserved,
            frame: None,
            charged: octets,
            deadline: terms.deadline,
            again: None,
            resend: terms.resend,
            one_way: terms.one_way,
            waker: None,
            outcome: None,
        })?;
        self.queued = self.queued.saturating_add(octets);
        if let Some(deadline) = terms.deadline {
            self.check_at(deadline);
        }
        self.counters.calls += u64::from(!terms.one_way);
        Some(xid)
    }

    /// The caller has encoded its call.
    pub(crate) fn handle_call(&mut self, xid: u32, frame: Encoder) {
        let Some(call) = self.calls.get_mut(xid) else {
            return;
        };
        if call.phase != Phase::Reserved {
            return;
        }
        let octets = frame.len();
        self.queued = self
            .queued
            .saturating_sub(call.charged)
            .saturating_add(octets);
        call.charged = octets;
        call.frame = Some(frame);
        call.phase = Phase::Queued;
        self.queue.push_back(Queued::Call(xid));
    }

    /// Queues octets that are no call of ours to match; `false` if the queue is full, and no room was promised.
    pub(crate) fn handle_loose(&mut self, frame: Encoder, promised: bool) -> bool {
        let octets = frame.len();
        let full = self.queued.saturating_add(octets) > self.config.max_queued;
        if full && self.queued != 0 && !promised {
            return false;
        }
        self.queued = self.queued.saturating_add(octets);
        self.queue.push_back(Queued::Loose(frame));
        true
    }

    /// An xid for a call that gets no reply; `None` if all are in use.
    pub(crate) fn loose_xid(&mut self) -> Option<u32> {
        let xid = self.handle_reserve(
            0,
            Terms {
                one_way: true,
                ..Terms::default()
            },
        )?;
        self.forget(xid);
        Some(xid)
    }

    /// The caller has dropped its call.
    pub(crate) fn handle_cancel(&mut self, xid: u32) {
        if self.forget(xid).is_some_and(|phase| phase != Phase::Done) {
            self.counters.dropped += 1;
        }
    }

    /// Takes the outcome, if the call is done; the call is gone then.
    pub(crate) fn take(&mut self, xid: u32) -> Option<Result<Bytes, CallError>> {
        let outcome = self.calls.get_mut(xid)?.outcome.take()?;
        self.forget(xid);
        Some(outcome)
    }

    /// Whether the call is done.
    pub(crate) fn is_done(&self, xid: u32) -> bool {
        self.calls
            .get(xid)
            .is_none_or(|call| call.phase == Phase::Done)
    }

    /// Removes a call and gives back all that it holds.
    fn forget(&mut self, xid: u32) -> Option<Phase> {
        let call = self.calls.remove(xid)?;
        self.queued = self.queued.saturating_sub(call.charged);
        match call.phase {
            Phase::Reserved => {}
            Phase::Queued => self.swept += 1,
            // Its frame is with the shell, which brings it back by `handle_sent`.
            Phase::Sending | Phase::Sent => {
                self.on_the_wire -= 1;
                self.owed += usize::from(!call.one_way);
            }
            Phase::Done => self.unclaimed -= 1,
        }
        if let Some(frame) = call.frame {
            self.recycle(frame);
        }
        self.sweep();
        Some(call.phase)
    }

    /// Keeps the queue in proportion to the calls in it.
    fn sweep(&mut self) {
        if self.swept > 64 && self.swept > self.queue.len() / 2 {
            let calls = &self.calls;
            self.queue.retain(|queued| match queued {
                Queued::Call(xid) => calls
                    .get(*xid)
                    .is_some_and(|call| call.phase == Phase::Queued),
                Queued::Loose(_) => true,
            });
            self.swept = 0;
        }
    }

    /// Keeps the caller's waker, to be woken when the call is done.
    pub(crate) fn set_waker(&mut self, xid: u32, waker: &Waker) {
        if let Some(call) = self.calls.get_mut(xid) {
            match &mut call.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
        }
    }

    /// The waker of the one call in flight, if there is exactly one, with its xid.
    pub(crate) fn lone(&mut self) -> Option<(u32, Option<Waker>)> {
        if self.calls.len() != 1 {
            return None;
        }
        let (xid, call) = self.calls.iter_mut().next()?;
        (call.phase == Phase::Sent).then(|| (xid, call.waker.clone()))
    }

    /// The next frame to write, in the order of calling. The shell brings each back, by
    /// [`handle_sent`](Self::handle_sent) or [`handle_unsent`](Self::handle_unsent).
    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        if !self.is_open() {
            return None;
        }
        while let Some(queued) = self.queue.pop_front() {
            match queued {
                Queued::Loose(frame) => {
                    return Some(Output {
                        xid: None,
                        octets: frame.len(),
                        frame,
                    });
                }
                Queued::Call(xid) => match self.calls.get_mut(xid) {
                    Some(call) if call.phase == Phase::Queued => {
                        if let Some(frame) = call.frame.take() {
                            call.phase = Phase::Sending;
                            self.on_the_wire += 1;
                            return Some(Output {
                                xid: Some(xid),
                                octets: frame.len(),
                                frame,
                            });
                        }
                    }
                    _ => self.swept = self.swept.saturating_sub(1),
                },
            }
        }
        None
    }

    /// A frame has been written, or a part of it that the peer may have seen.
    pub(crate) fn handle_sent(&mut self, now: Instant, output: Output) {
        let Output { xid, frame, octets } = output;
        let Some(xid) = xid else {
            self.queued = self.queued.saturating_sub(octets);
            self.recycle(frame);
            return;
        };
        let jitter = self.next_jitter();
        let Some(call) = self.calls.get_mut(xid) else {
            self.recycle(frame);
            return;
        };
        self.queued = self.queued.saturating_sub(call.charged);
        call.charged = 0;
        // The reply may have overtaken the news of the writing.
        if call.phase == Phase::Sending {
            call.phase = Phase::Sent;
        }
        if call.one_way {
            self.recycle(frame);
            self.finish(xid, Ok(Bytes::new()), None);
            return;
        }
        if let Some(backoff) = self.config.resend {
            let wait = match call.again {
                None => backoff.first,
                Some((_, wait)) => wait.saturating_mul(2).min(backoff.most),
            };
            // Between seven and nine eighths, so that clients that began together do not stay together.
            let spread = wait / 1024 * (jitter % 256);
            let at = now + (wait - wait / 8 + spread);
            call.again = Some((at, wait));
            call.frame = Some(frame);
            self.check_at(at);
        } else if call.resend {
            call.frame = Some(frame);
        } else {
            self.recycle(frame);
        }
    }

    /// A frame of which nothing was written goes back to the head of the queue; bring back the last first.
    pub(crate) fn handle_unsent(&mut self, output: Output) {
        let Output { xid, frame, .. } = output;
        let Some(xid) = xid else {
            self.queue.push_front(Queued::Loose(frame));
            return;
        };
        match self.calls.get_mut(xid) {
            Some(call) if call.phase == Phase::Sending => {
                call.phase = Phase::Queued;
                call.frame = Some(frame);
                self.on_the_wire -= 1;
                self.queue.push_front(Queued::Call(xid));
            }
            Some(_) => self.recycle(frame),
            None => {
                // Dropped meanwhile, and then taken for one that may have run: it has not.
                self.owed = self.owed.saturating_sub(1);
                self.recycle(frame);
            }
        }
    }

    /// A frame could not be sent; the call has not run.
    pub(crate) fn handle_send_failed(&mut self, output: Output, error: io::Error) {
        let Output { xid, frame, octets } = output;
        match xid {
            Some(xid) => {
                self.finish(xid, Err(CallError::Send(error)), None);
            }
            None => self.queued = self.queued.saturating_sub(octets),
        }
        self.recycle(frame);
    }

    /// A record or datagram has arrived. `me` is the call of whoever reads, who needs no waking.
    pub(crate) fn handle_record(&mut self, record: Bytes, me: Option<u32>) -> Input {
        match ReplyHeader::peek(&record) {
            Some((xid, Some(false))) => {
                // On datagrams anybody who guesses can send: only a whole reply ends a call.
                if self.config.resend.is_some() && ReplyHeader::parse(&record).is_err() {
                    self.counters.malformed += 1;
                    return Input::Nobody;
                }
                if self.finish(xid, Ok(record), me) {
                    self.counters.replies += 1;
                    if let Some(window) = &mut self.window {
                        window.handle_reply();
                    }
                    Input::Reply(xid)
                } else {
                    self.owed = self.owed.saturating_sub(1);
                    self.counters.stray_replies += 1;
                    Input::Nobody
                }
            }
            Some((_, Some(true))) => Input::Call(record),
            Some((_, None)) | None => {
                self.counters.malformed += 1;
                Input::Nobody
            }
        }
    }

    /// Ends a call that is on the wire, or queued for another sending. False if there is none.
    fn finish(&mut self, xid: u32, outcome: Result<Bytes, CallError>, me: Option<u32>) -> bool {
        let Some(call) = self.calls.get_mut(xid) else {
            return false;
        };
        match call.phase {
            Phase::Sending | Phase::Sent => self.on_the_wire -= 1,
            // A datagram sent before and queued again; its reply came between.
            Phase::Queued if call.again.is_some() || outcome.is_err() => self.swept += 1,
            Phase::Reserved if outcome.is_err() => {}
            Phase::Queued | Phase::Reserved | Phase::Done => return false,
        }
        call.phase = Phase::Done;
        call.outcome = Some(outcome);
        self.unclaimed += 1;
        self.queued = self.queued.saturating_sub(call.charged);
        call.charged = 0;
        let waker = call.waker.take();
        let frame = call.frame.take();
        if me != Some(xid) {
            self.wakes.extend(waker);
        }
        if let Some(frame) = frame {
            self.recycle(frame);
        }
        true
    }

    /// Time has passed: calls over their deadline end, datagrams whose wait is over are queued again.
    /// Does nothing before [`poll_timeout`](Self::poll_timeout).
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if self.check.is_none_or(|at| now < at) {
            return;
        }
        let mut check: Option<Instant> = None;
        let mut over = Vec::new();
        let mut again = Vec::new();
        for (xid, call) in self.calls.iter_mut() {
            if call.phase == Phase::Done {
                continue;
            }
            if call.deadline.is_some_and(|deadline| deadline <= now) {
                over.push(xid);
                continue;
            }
            if let (Phase::Sent, Some((at, _))) = (call.phase, call.again) {
                if at <= now && call.frame.is_some() {
                    call.phase = Phase::Queued;
                    again.push(xid);
                } else {
                    check = Some(check.map_or(at, |check| check.min(at)));
                }
            }
            if let Some(deadline) = call.deadline {
                check = Some(check.map_or(deadline, |check| check.min(deadline)));
            }
        }
        self.check = check;
        if let (Some(window), Some(resend), [_, ..]) =
            (&mut self.window, &self.config.resend, again.as_slice())
        {
            self.counters.windows_halved += u64::from(window.handle_timeout(now, resend.first));
        }
        self.on_the_wire -= again.len();
        self.counters.resent += u64::try_from(again.len()).unwrap_or(0);
        // Before those that have not been sent at all, in the order of their slots.
        for xid in again.into_iter().rev() {
            self.queue.push_front(Queued::Call(xid));
        }
        for xid in over {
            let sent = self
                .calls
                .get(xid)
                .is_some_and(|call| matches!(call.phase, Phase::Sending | Phase::Sent));
            if self.finish(xid, Err(CallError::TimedOut), None) {
                self.counters.timed_out += 1;
                self.owed += usize::from(sent);
            }
        }
        self.sweep();
    }

    /// When [`handle_timeout`](Self::handle_timeout) next has something to do, at the earliest.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        if self.calls.len() == 0 {
            None
        } else {
            self.check
        }
    }

    fn check_at(&mut self, at: Instant) {
        self.check = Some(self.check.map_or(at, |check| check.min(at)));
    }

    /// Xorshift: spread, not secrecy.
    fn next_jitter(&mut self) -> u32 {
        self.jitter ^= self.jitter << 13;
        self.jitter ^= self.jitter >> 17;
        self.jitter ^= self.jitter << 5;
        self.jitter
    }

    /// The connection is gone: calls on the wire end, or are queued again if they asked for it. What was only
    /// queued stays queued; it has certainly not run. True if batched calls were lost.
    pub(crate) fn handle_lost(&mut self, error: &Arc<io::Error>) -> bool {
        self.counters.connections_lost += 1;
        self.owed = 0;
        let mut again = Vec::new();
        let mut ended = Vec::new();
        for (xid, call) in self.calls.iter_mut() {
            if matches!(call.phase, Phase::Sending | Phase::Sent) {
                if call.resend && call.frame.is_some() {
                    call.phase = Phase::Queued;
                    again.push(xid);
                } else {
                    ended.push(xid);
                }
            }
        }
        self.on_the_wire -= again.len();
        self.counters.resent += u64::try_from(again.len()).unwrap_or(0);
        // Before what was queued later, in the order of their slots.
        for xid in again.into_iter().rev() {
            self.queue.push_front(Queued::Call(xid));
        }
        // Batched calls and replies to callbacks belong to the old connection, and whoever waits for their being
        // written must hear of it.
        let queued = &mut self.queued;
        let mut lost = false;
        self.queue.retain(|item| match item {
            Queued::Call(_) => true,
            Queued::Loose(frame) => {
                *queued = queued.saturating_sub(frame.len());
                lost = true;
                false
            }
        });
        if lost {
            let waiting = self.calls.iter_mut();
            ended.extend(
                waiting
                    .filter(|(_, call)| call.one_way && call.phase == Phase::Queued)
                    .map(|(xid, _)| xid),
            );
        }
        for xid in ended {
            self.finish(xid, Err(CallError::Interrupted(Arc::clone(error))), None);
        }
        lost
    }

    /// No connection could be made: calls end, but for those that asked to be sent again.
    /// Those end too if it is hopeless.
    pub(crate) fn handle_not_connected(
        &mut self,
        hopeless: bool,
        error: impl Fn() -> ConnectError,
    ) {
        let ended: Vec<u32> = self
            .calls
            .iter_mut()
            .filter(|(_, call)| call.phase == Phase::Queued && (hopeless || !call.resend))
            .map(|(xid, _)| xid)
            .collect();
        for xid in ended {
            self.finish(xid, Err(CallError::Connect(Box::new(error()))), None);
        }
        self.sweep();
    }

    /// Every call that is not done ends with this.
    pub(crate) fn handle_failed(&mut self, error: impl Fn() -> CallError, only_sent: bool) {
        let ended: Vec<u32> = self
            .calls
            .iter_mut()
            .filter(|(_, call)| match call.phase {
                Phase::Sending | Phase::Sent => true,
                Phase::Queued => !only_sent || call.again.is_some(),
                Phase::Reserved => !only_sent,
                Phase::Done => false,
            })
            .map(|(xid, _)| xid)
            .collect();
        for xid in ended {
            self.finish(xid, Err(error()), None);
        }
        self.sweep();
    }
}

#[cfg(test)]
mod tests;
