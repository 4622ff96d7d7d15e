//! A stream connection of a server: the shell around [`StreamCore`].
//!
//! One task, one future, polled by hand: it reads what is there, starts every complete record in it, polls each handler once, and
//! writes all replies together. A lone call costs three system calls: the wait, one read, one write. Memory for reading and writing
//! is taken when there is something to read or write and given back when there is not.

use std::future::Future;
use std::io::{self, IoSlice};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use fairway_stack::{Instant, Timer};
use tracing::{debug, warn};

use super::auth::Upgrade;
use super::core::{End, Pause, StreamCore};
use super::counters::as_u64;
use super::dispatch::{Call, Dispatcher, Verdict};
use super::handle::Handle;
use super::output::{Output, SLICES};
use super::parked::{Job, Parking};
use super::server::Shared;
use super::{EncodedReply, Refusal};
use crate::msg::ReplyHeader;
use crate::transport::Channel;

/// Room that is made before a read when nothing is known about what comes.
pub(crate) const READ_ROOM: usize = 16 << 10;

/// Reads in a row before other connections get their turn.
const ROUNDS: usize = 16;

impl Job for Call {
    type Output = Result<EncodedReply, Refusal>;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let _entered = self.span.enter();
        // A panic is this call's alone. What it leaves broken is the service's own: the future is not polled again.
        let polled = catch_unwind(AssertUnwindSafe(|| self.future.as_mut().poll(cx)));
        polled.unwrap_or_else(|_| {
            self.ticket.panicked = true;
            Poll::Ready(Err(Refusal::SystemErr))
        })
    }
}

/// What a swap needs: the upgrade that is wanted when the reply has gone, or the one under way.
enum Swap {
    None,
    Wanted(Arc<dyn Upgrade>),
    Running(Pin<Box<dyn Future<Output = io::Result<Channel>> + Send>>),
}

/// The task of one connection.
pub(crate) struct Connection {
    shared: Arc<Shared>,
    dispatcher: Arc<Dispatcher>,
    handle: Arc<Handle>,
    /// None only while a swap is under way.
    channel: Option<Channel>,
    core: StreamCore,
    input: BytesMut,
    output: Output,
    parking: Parking<Call>,
    timer: Timer,
    /// The timer has been polled since it was set.
    armed: bool,
    /// The time of this turn.
    polled_at: Instant,
    swap: Swap,
    /// Octets of `output` that are part of the server's sum.
    counted: usize,
    /// Octets of records not complete that are part of the server's sum.
    receiving: usize,
    /// The peer has ended its direction.
    input_ended: bool,
    /// The server stops: calls that arrive are dropped, replies are not.
    finishing: bool,
    /// Waits for a place among all calls.
    waiting: bool,
    /// Why the connection is not read, as counted.
    paused: Option<Pause>,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>, handle: Arc<Handle>, channel: Channel) -> Self {
        let dispatcher = Arc::clone(&shared.dispatcher);
        let timer = shared.clock.timer();
        let core = StreamCore::new(&dispatcher.limits, shared.clock.now());
        let parking = Parking::new(Arc::clone(&handle.wakeups));
        Self {
            shared,
            dispatcher,
            handle,
            channel: Some(channel),
            core,
            input: BytesMut::new(),
            output: Output::default(),
            parking,
            timer,
            armed: false,
            polled_at: Instant::ZERO,
            swap: Swap::None,
            counted: 0,
            receiving: 0,
            input_ended: false,
            finishing: false,
            waiting: false,
            paused: None,
        }
    }

    fn queue(&mut self, now: Instant, reply: EncodedReply) {
        match self.output.push(reply) {
            Some(octets) => self.core.handle_queued(now, octets),
            // 2 GiB: no record mark can say so. The caller will run into its time limit.
            None => self.dispatcher.tally.replies_too_long.one(),
        }
    }

    /// Takes in what others have left: calls that have ended, records of callbacks.
    fn gather(&mut self, now: Instant) {
        let Self {
            parking,
            dispatcher,
            output,
            core,
            shared,
            ..
        } = self;
        parking.poll_woken(|call, result| {
            core.handle_finished(now);
            shared.release_call();
            let now = shared.clock.now();
            if let Some(reply) = dispatcher.finish(call.ticket, now, result) {
                match output.push(reply) {
                    Some(octets) => core.handle_queued(now, octets),
                    None => dispatcher.tally.replies_too_long.one(),
                }
            }
        });
        self.handle.take_records(|record| {
            let octets = self.output.push_record(record);
            self.core.handle_queued(now, octets);
        });
    }

    /// Starts the records that are here, as far as the limits allow; true if some may be left.
    fn start(&mut self, now: Instant) -> Result<bool, End> {
        let waited = std::mem::take(&mut self.waiting);
        let left = self.start_all(now)?;
        if waited && !self.waiting {
            // Woken for a place, and perhaps it was not needed: the next one may have it.
            self.shared.wake_waiting();
        }
        Ok(left)
    }

    fn start_all(&mut self, mut now: Instant) -> Result<bool, End> {
        loop {
            if matches!(self.swap, Swap::Wanted(_) | Swap::Running(_)) {
                return Ok(true);
            }
            if !self.input.is_empty()
                && self.dispatcher.tally.calls_running.get()
                    >= as_u64(self.dispatcher.limits.max_calls)
            {
                self.shared.wait_for_call(&self.handle);
                // Between the question and the waiting a call may have ended.
                if self.dispatcher.tally.calls_running.get()
                    >= as_u64(self.dispatcher.limits.max_calls)
                {
                    self.dispatcher.tally.paused_by_calls_in_all.one();
                    self.core.handle_waiting();
                    self.waiting = true;
                    return Ok(true);
                }
                self.shared.leave_waiting(&self.handle);
            }
            let Some(record) = self.core.poll_record(now, &mut self.input)? else {
                return Ok(self.core.pause().is_some());
            };
            if self.finishing && !matches!(ReplyHeader::peek(&record), Some((_, Some(false)))) {
                continue;
            }
            match self.dispatcher.accept(&self.handle.origin, &record, now) {
                Verdict::Run(mut call) => match self.parking.poll_first(&mut call) {
                    Poll::Ready(result) => {
                        now = self.shared.clock.now();
                        if let Some(reply) = self.dispatcher.finish(call.ticket, now, result) {
                            self.queue(now, reply);
                        }
                    }
                    Poll::Pending => {
                        self.parking.park(call);
                        self.core.handle_parked();
                        self.dispatcher.tally.calls_running.one();
                    }
                },
                Verdict::Answer(reply) => self.queue(now, reply),
                Verdict::Swap(reply, upgrade) => {
                    self.queue(now, reply);
                    self.swap = Swap::Wanted(upgrade);
                }
                Verdict::Reply => match self.handle.called_back() {
                    Some(client) => client.deliver(record),
                    None => self.dispatcher.tally.garbage.one(),
                },
                Verdict::Ignore => {}
            }
        }
    }

    /// Writes what waits; true if all of it has gone.
    fn flush(&mut self, cx: &mut Context<'_>, now: Instant) -> io::Result<bool> {
        let Some(channel) = &mut self.channel else {
            return Ok(false);
        };
        let mut wrote = false;
        while !self.output.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let used = self.output.slices(&mut slices);
            match channel.poll_write(cx, slices.get(..used).unwrap_or_default()) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(octets)) => {
                    self.output.consume(octets);
                    self.core.handle_sent(now, octets);
                    wrote = true;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        if wrote && channel.poll_flush(cx)?.is_pending() {
            return Ok(false);
        }
        Ok(self.output.is_empty())
    }

    /// Keeps the server's sum of queued octets; false if that is too large and this peer does not read.
    fn count_queued(&mut self) -> bool {
        let queued = &self.dispatcher.tally.octets_queued;
        let now = self.output.len();
        if now > self.counted {
            queued.add(as_u64(now - self.counted));
            self.counted = now;
            return queued.get() <= as_u64(self.dispatcher.limits.max_queued_in_all);
        }
        queued.sub(as_u64(self.counted - now));
        self.counted = now;
        true
    }

    /// Keeps the server's sum of octets that are no calls yet; false if that is too large.
    fn count_receiving(&mut self) -> bool {
        let mut now = self.core.receiving(self.input.len());
        if now <= READ_ROOM {
            // The usual case costs nothing.
            now = 0;
        }
        let sum = &self.dispatcher.tally.octets_receiving;
        let before = std::mem::replace(&mut self.receiving, now);
        if now > before {
            sum.add(as_u64(now - before));
            return sum.get() <= as_u64(self.dispatcher.limits.max_receiving_in_all);
        }
        if now < before {
            sum.sub(as_u64(before - now));
        }
        true
    }

    fn poll_swap(&mut self, cx: &mut Context<'_>, flushed: bool) -> Poll<io::Result<()>> {
        loop {
            match std::mem::replace(&mut self.swap, Swap::None) {
                Swap::None => return Poll::Ready(Ok(())),
                Swap::Wanted(upgrade) => match self.channel.take() {
                    Some(channel) if flushed && self.parking.len() == 0 => {
                        if !self.input.is_empty() {
                            // RFC 9289 §4.1: nothing may come between the probe and the handshake that was not asked for.
                            return Poll::Ready(Err(io::Error::new(
                                io::ErrorKind::InvalidData,
                                "octets before the new stream began",
                            )));
                        }
                        let (clock, within) = (
                            self.shared.clock.clone(),
                            self.dispatcher.limits.record_within,
                        );
                        let upgrade = upgrade.upgrade(channel);
                        self.swap = Swap::Running(Box::pin(async move {
                            let late = || io::Error::from(io::ErrorKind::TimedOut);
                            clock.timeout(within, upgrade).await.map_err(|_| late())?
                        }));
                    }
                    channel => {
                        self.channel = channel;
                        self.swap = Swap::Wanted(upgrade);
                        return Poll::Pending;
                    }
                },
                Swap::Running(mut upgrade) => match upgrade.as_mut().poll(cx) {
                    Poll::Ready(Ok(channel)) => self.channel = Some(channel),
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => {
                        self.swap = Swap::Running(upgrade);
                        return Poll::Pending;
                    }
                },
            }
        }
    }

    /// Reads once; `Pending` if there is nothing to read.
    fn read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(channel) = &mut self.channel else {
            return Poll::Pending;
        };
        if channel.poll_readable(cx)?.is_pending() {
            return Poll::Pending;
        }
        if self.input.capacity() == 0 {
            self.input = self.shared.spare_buffer();
        }
        let have = self.input.len();
        self.input.reserve(self.core.wanted(have).max(READ_ROOM));
        channel.poll_read(cx, &mut self.input)
    }

    fn count_pause(&mut self) {
        let pause = self.core.pause();
        if pause != self.paused {
            match pause {
                Some(Pause::Calls) => self.dispatcher.tally.paused_by_calls.one(),
                Some(Pause::Queue) => self.dispatcher.tally.paused_by_queue.one(),
                None => {}
            }
            self.paused = pause;
        }
    }

    /// Whether calls the other way are under way.
    fn awaits_replies(&self) -> bool {
        self.handle
            .called_back()
            .is_some_and(|client| client.load().0 > 0)
    }

    /// One turn; gives why the connection ends, if it does.
    fn turn(&mut self, cx: &mut Context<'_>) -> Result<Poll<End>, Lost> {
        let mut now = self.shared.clock.now();
        self.polled_at = now;
        if self.handle.is_stopped() {
            return Ok(Poll::Ready(End::Done));
        }
        if self.handle.is_finishing() {
            self.finishing = true;
            self.core.handle_close();
        }
        self.gather(now);
        for round in 0..ROUNDS {
            let left = self.start(now)?;
            if !self.count_receiving() {
                return Err(End::Receiving.into());
            }
            let flushed = self.flush(cx, now)?;
            if !self.count_queued() && !flushed {
                return Err(End::Queue.into());
            }
            match self.poll_swap(cx, flushed) {
                Poll::Ready(done) => done?,
                Poll::Pending => return Ok(Poll::Pending),
            }
            if left && !self.waiting && self.core.may_start() {
                // Writing has made room for what is here.
                continue;
            }
            if self.core.is_done() && !left {
                return Ok(Poll::Ready(End::Done));
            }
            let wanted = if self.finishing {
                self.awaits_replies()
            } else {
                self.core.may_read()
            };
            if left || self.input_ended || !wanted {
                self.count_pause();
                return Ok(Poll::Pending);
            }
            self.paused = None;
            match self.read(cx)? {
                Poll::Ready(0) => {
                    self.input_ended = true;
                    self.core.handle_close();
                    self.handle.close_callback();
                    if !self.input.is_empty() {
                        debug!(peer = %self.handle.origin.peer, len = self.input.len(), "stream ended within a record");
                        self.input.clear();
                    }
                }
                // The first read follows at once on the question for the time.
                Poll::Ready(_) if round == 0 => {}
                Poll::Ready(_) => now = self.shared.clock.now(),
                Poll::Pending => return Ok(Poll::Pending),
            }
        }
        // More may be there, but others want their turn.
        cx.waker().wake_by_ref();
        Ok(Poll::Pending)
    }

    /// Looks at the deadlines, and sees to it that the task is woken for the next one.
    fn poll_deadlines(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            let calls = if self.dispatcher.limits.call_within.is_some() {
                self.parking
                    .iter()
                    .filter_map(|call| call.ticket.deadline)
                    .min()
            } else {
                None
            };
            let next = self.core.poll_timeout().into_iter().chain(calls).min();
            // A timer that goes off too early costs one look; setting it anew for every call costs more.
            if let Some(next) = next
                && self.timer.deadline().is_none_or(|set| next < set)
            {
                self.timer.reset(Some(next));
                self.armed = false;
            }
            if self.armed
                && self
                    .timer
                    .deadline()
                    .is_some_and(|set| self.polled_at < set)
            {
                // It knows this task, and its time has not come.
                return Poll::Pending;
            }
            if Pin::new(&mut self.timer).poll(cx).is_pending() {
                self.armed = true;
                return Poll::Pending;
            }
            self.armed = false;
            let now = self.shared.clock.now();
            match self.core.handle_timeout(now) {
                // Calls the other way are under way.
                Some(End::Idle) if self.awaits_replies() => {
                    self.core.handle_activity(now);
                }
                Some(end) => return Poll::Ready(end),
                None => {}
            }
            for call in self
                .parking
                .take_if(|call| call.ticket.deadline.is_some_and(|by| by <= now))
            {
                self.dispatcher.tally.calls_timed_out.one();
                self.core.handle_finished(now);
                self.shared.release_call();
                if let Some(reply) =
                    self.dispatcher
                        .finish(call.ticket, now, Err(Refusal::SystemErr))
                {
                    self.queue(now, reply);
                }
                // The reply is written in a turn of its own.
                cx.waker().wake_by_ref();
            }
        }
    }

    fn report(&self, end: &Result<End, io::Error>) {
        let tally = &self.dispatcher.tally;
        let (count, why) = match end {
            Ok(End::Done) => return,
            Ok(End::Idle) => return tally.closed_idle.one(),
            Ok(End::Record(_)) => (&tally.closed_by_record, "bad record"),
            Ok(End::SlowRecord) => (&tally.closed_by_slow_record, "a record took too long"),
            Ok(End::SlowReader) => (&tally.closed_by_slow_reader, "the peer does not read"),
            Ok(End::Queue) => (&tally.closed_by_queue, "too many octets wait in all"),
            Ok(End::Receiving) => (
                &tally.closed_by_receiving,
                "too many octets of half records in all",
            ),
            Err(error) => {
                debug!(peer = %self.handle.origin.peer, %error, "connection lost");
                return tally.connections_lost.one();
            }
        };
        count.one();
        let (peer, len) = (&self.handle.origin.peer, self.output.len());
        if self.dispatcher.may_warn(self.shared.clock.now()) {
            warn!(%peer, why, len, "connection closed");
        } else {
            debug!(%peer, why, len, "connection closed");
        }
    }
}

/// Why a turn ends the connection early.
enum Lost {
    End(End),
    Io(io::Error),
}

impl From<End> for Lost {
    fn from(end: End) -> Self {
        Self::End(end)
    }
}

impl From<io::Error> for Lost {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Future for Connection {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.handle.wakeups.register(cx);
        let end = match this.turn(cx) {
            Ok(Poll::Ready(end)) | Err(Lost::End(end)) => Ok(end),
            Err(Lost::Io(error)) => Err(error),
            Ok(Poll::Pending) => match this.poll_deadlines(cx) {
                Poll::Ready(end) => Ok(end),
                Poll::Pending => {
                    if this.input.is_empty() && this.input.capacity() > 0 {
                        this.shared.spare(std::mem::take(&mut this.input));
                    }
                    this.output.release();
                    this.parking.release();
                    return Poll::Pending;
                }
            },
        };
        if matches!(end, Ok(End::Done))
            && let Some(channel) = &mut this.channel
        {
            let _ = channel.poll_shutdown(cx);
        }
        this.report(&end);
        // What the duplicate cache waits for runs on: the caller comes back over another connection and asks again.
        for call in this.parking.take_if(|call| call.ticket.kept.is_some()) {
            let (shared, dispatcher) = (Arc::clone(&this.shared), Arc::clone(&this.dispatcher));
            this.shared
                .net
                .spawn(async move {
                    let mut call = call;
                    let result = std::future::poll_fn(|cx| call.poll(cx)).await;
                    dispatcher.finish(call.ticket, shared.clock.now(), result);
                    shared.release_call();
                })
                .detach();
        }
        Poll::Ready(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let tally = &self.dispatcher.tally;
        if std::thread::panicking() {
            tally.closed_by_panic.one();
            tracing::error!(peer = %self.handle.origin.peer, "connection ended by a panic");
        }
        tally.calls_cancelled.add(as_u64(self.parking.len()));
        for _ in 0..self.parking.len() {
            self.shared.release_call();
        }
        tally.octets_queued.sub(as_u64(self.counted));
        tally.octets_receiving.sub(as_u64(self.receiving));
        self.handle.close();
        self.shared.forget(&self.handle);
    }
}
