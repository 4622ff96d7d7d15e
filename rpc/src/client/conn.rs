//! One connection, or one UDP socket, and who reads it.
//!
//! The calls and their octets are the [`Core`]'s, the stream or socket is the [`Io`]'s; both belong to the connection
//! and never to the future of a call. Who holds the *reader role* moves octets between the two:
//!
//! * `Role::Caller`: the future of the only call in flight writes and reads itself. A lone call costs three system
//!   calls (write, wait, read) and wakes no other task.
//! * `Role::Task`: the connection's task does it for everybody, gathering queued calls into one write. It takes the
//!   role when a second call comes, when the caller that held it is dropped and leaves a half-written or half-read
//!   record or a reply that is still to come, when callbacks are served, and when a connection has to be made. When calls
//!   have come one by one for a while it hands the role to the waiting caller, or lets it go.
//! * `Role::Free`: nothing is in flight.
//! * `Role::Link`: somebody else reads; replies are delivered from outside.
//!
//! A caller never reads for *others*: a future can be alive and yet not polled (in a `select!` that has gone on to
//! something else), and the calls of others must not hang on it. For the same reason the core's deadlines are watched
//! by whoever holds the role, and a role can be taken away at any time: nothing of a record is ever kept in a future.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use fairway_stack::{
    Clock, Family, Instant, LocalAddr, Net, NetError, Task, Timer, UdpSocket, option,
};
use fairway_xdr::Encoder;
use tokio::sync::Notify;

use super::client::ClientConfig;
use super::core::{Backoff, ClientCounters, Core, CoreConfig, Input, Output, Terms};
use super::stream::StreamIo;
use super::udp::{DatagramIo, Sent};
use crate::error::{CallError, ConnectError};
use crate::server::{Counters, Served};
use crate::transport::{Channel, Link, LinkError};

/// Calls one by one after which the task gives the role back.
const CALM: u8 = 4;
/// Times the task steps back to let callers that have their replies queue their next calls.
const PATIENCE: u8 = 2;
/// Batched octets after which they are written without being asked.
const BATCH_OCTETS: usize = 64 * 1024;

/// Whom to connect to again when a connection is lost.
#[derive(Clone, Debug)]
pub(super) enum Target {
    Tcp(SocketAddr),
    Local(LocalAddr),
    /// Nobody: a stream that was given to us.
    None,
}

/// What carries the octets.
#[derive(Debug)]
pub(super) enum Wire {
    Stream(StreamIo),
    Datagram(DatagramIo),
    /// Not connected, or a link.
    None,
}

/// Who moves octets; see the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    Free,
    Caller(u32),
    Task,
    Link,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Up,
    Down,
    /// The stream is being exchanged for another.
    Swapping,
    Closed,
}

#[derive(Debug)]
struct State {
    core: Core,
    role: Role,
    status: Status,
    target: Target,
    /// The connection's task.
    task: Option<Waker>,
    /// The task has been woken and has not run since.
    poked: bool,
    /// The stream stands within a record, one way or the other.
    busy: bool,
    /// Replies in a row that came while no other call was in flight.
    calm: u8,
    patience: u8,
    /// A reply has come over the present connection.
    replied: bool,
    /// Attempts to connect, or connections without a reply, in a row.
    attempts: u32,
    next_attempt: Instant,
    server: Option<Served>,
    /// Waits for errors of a UDP socket.
    watch: Option<Task<()>>,
    /// Batched calls were lost with a connection.
    batch_lost: Option<Arc<io::Error>>,
}

#[derive(Debug)]
struct Io {
    wire: Wire,
    timer: Timer,
    /// Whom the timer wakes.
    timer_waker: Option<Waker>,
    records: Vec<Bytes>,
    calls: Vec<Bytes>,
    wakes: Vec<Waker>,
}

/// See the module.
pub(super) struct Conn {
    pub(super) net: Net,
    pub(super) clock: Clock,
    pub(super) config: Arc<ClientConfig>,
    /// A record mark goes before each call.
    pub(super) framed: bool,
    state: Mutex<State>,
    io: Mutex<Io>,
    link: Option<Arc<dyn Link>>,
    /// Where replies to the peer's calls go.
    back: Arc<dyn Link>,
    room: Notify,
    /// Calls waiting for a place.
    waiting: AtomicUsize,
}

impl fmt::Debug for Conn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        f.debug_struct("Conn")
            .field("target", &state.target)
            .field("role", &state.role)
            .field("status", &state.status)
            .field("in_flight", &state.core.in_flight())
            .finish_non_exhaustive()
    }
}

/// What the task is asked to do.
enum Duty {
    Connect,
    End,
}

/// How far a round of moving octets has come.
enum Drive {
    /// The caller's own call is done.
    Mine,
    /// Calls of the peer's have come, to be served without any lock.
    Calls,
    /// All is waiting; the context will be woken.
    Waiting,
    /// The connection is gone.
    Lost,
}

/// When the time is next to be looked at.
enum Due {
    /// The caller's own call is done: its time is over.
    Mine,
    /// At once: datagrams are to be sent again.
    Now,
    At(Instant),
    Never,
}

impl Conn {
    /// A connection over `wire`, or over `link`, and its task.
    pub(super) fn new(
        net: &Net,
        config: ClientConfig,
        target: Target,
        wire: Wire,
        link: Option<Arc<dyn Link>>,
    ) -> Arc<Self> {
        let clock = net.clock();
        let socket = match &wire {
            Wire::Datagram(datagram) => Some(datagram.socket()),
            Wire::Stream(_) | Wire::None => None,
        };
        let datagram = socket.is_some();
        let core = Core::new(
            CoreConfig {
                max_calls: config.limits.calls,
                max_queued: config.limits.queued,
                resend: datagram.then_some(Backoff {
                    first: config.first_wait,
                    most: config.longest_wait.max(config.first_wait),
                    window: config.udp_window,
                }),
            },
            net.rng().next_u64(),
        );
        let conn = Arc::new_cyclic(|own| Self {
            back: Arc::new(Back(Weak::clone(own))),
            net: net.clone(),
            framed: !datagram,
            state: Mutex::new(State {
                core,
                role: if link.is_some() {
                    Role::Link
                } else {
                    Role::Free
                },
                status: Status::Up,
                target,
                task: None,
                poked: false,
                busy: false,
                calm: 0,
                patience: 0,
                replied: false,
                attempts: 0,
                next_attempt: clock.now(),
                server: None,
                watch: None,
                batch_lost: None,
            }),
            io: Mutex::new(Io {
                wire,
                timer: clock.timer(),
                timer_waker: None,
                records: Vec::new(),
                calls: Vec::new(),
                wakes: Vec::new(),
            }),
            clock,
            config: Arc::new(config),
            link,
            room: Notify::new(),
            waiting: AtomicUsize::new(0),
        });
        if conn.link.is_none() {
            // Kept from the start, so that a call can be dropped anywhere, outside a runtime too.
            net.spawn(run(Arc::clone(&conn))).detach();
        }
        if let Some(socket) = socket {
            let watch = watch_errors(Arc::downgrade(&conn), socket);
            conn.state().watch = Some(net.spawn(watch));
        }
        conn
    }

    // Both locks are held for moves of values only, so a panic cannot leave what they guard half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn io(&self) -> MutexGuard<'_, Io> {
        self.io.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters so far.
    pub(super) fn counters(&self) -> ClientCounters {
        self.state().core.counters
    }

    /// Calls in flight, octets queued.
    pub(super) fn load(&self) -> (usize, usize) {
        let state = self.state();
        (state.core.in_flight(), state.core.queued_octets())
    }

    /// Takes a place for a call of about so many octets, waiting for one if need be.
    pub(super) async fn admit(
        self: &Arc<Self>,
        octets: usize,
        terms: Terms,
    ) -> Result<(Place, Encoder), CallError> {
        if let Some(place) = self.try_admit(octets, terms)? {
            return Ok(place);
        }
        let waiting = Waiting::new(self)?;
        let wait = async {
            loop {
                let mut room = pin!(self.room.notified());
                room.as_mut().enable();
                if let Some((mut place, frame)) = self.try_admit(octets, terms)? {
                    place.began = None;
                    return Ok((place, frame));
                }
                room.await;
            }
        };
        let place = match terms.deadline {
            Some(deadline) => match self.clock.timeout_at(deadline, wait).await {
                Ok(place) => place,
                Err(_) => Err(CallError::TimedOut),
            },
            None => wait.await,
        };
        drop(waiting);
        // There may be room for the next one as well.
        self.tell_room();
        place
    }

    fn try_admit(
        self: &Arc<Self>,
        octets: usize,
        terms: Terms,
    ) -> Result<Option<(Place, Encoder)>, CallError> {
        let mut state = self.state();
        if state.status == Status::Closed {
            return Err(CallError::Closed);
        }
        let Some(xid) = state.core.handle_reserve(octets, terms) else {
            return Ok(None);
        };
        let frame = state.core.frame();
        drop(state);
        Ok(Some((
            Place {
                conn: Arc::clone(self),
                xid,
                began: terms.began,
                done: false,
            },
            frame,
        )))
    }

    /// Queues a call that gets no reply; gives the frame back if there is no room.
    pub(super) fn try_batch(
        &self,
        octets: usize,
        build: impl FnOnce(u32, Encoder) -> Result<Encoder, CallError>,
    ) -> Result<bool, CallError> {
        let mut state = self.state();
        if state.status == Status::Closed {
            return Err(CallError::Closed);
        }
        if !state.core.has_room(octets) {
            // Nobody may be writing what is queued.
            state.hand_to_task();
            return Ok(false);
        }
        let Some(xid) = state.core.loose_xid() else {
            return Ok(false);
        };
        let frame = state.core.frame();
        drop(state);
        let frame = build(xid, frame)?;
        let mut state = self.state();
        // Room was there a moment ago; what came between goes over the limit by one call at most.
        state.core.handle_loose(frame, true);
        if state.role == Role::Link {
            drop(state);
            self.send_by_link();
        } else if state.role != Role::Free || state.core.queued_octets() > BATCH_OCTETS {
            state.hand_to_task();
        }
        Ok(true)
    }

    /// Waits until there may be room.
    pub(super) async fn batch_room(self: &Arc<Self>) -> Result<(), CallError> {
        let _waiting = Waiting::new(self)?;
        self.room.notified().await;
        Ok(())
    }

    /// Queues octets that answer a call of the peer's.
    pub(super) fn send_loose(&self, frame: Encoder) -> Result<(), LinkError> {
        let mut state = self.state();
        if matches!(state.status, Status::Closed | Status::Down) {
            return Err(LinkError::Closed);
        }
        if !state.core.handle_loose(frame, false) {
            return Err(LinkError::Full);
        }
        state.hand_to_task();
        Ok(())
    }

    /// What was lost of the batched calls since this was last asked.
    pub(super) fn take_batch_lost(&self) -> Option<Arc<io::Error>> {
        self.state().batch_lost.take()
    }

    fn tell_room(&self) {
        if self.waiting.load(Ordering::SeqCst) != 0 {
            self.room.notify_one();
        }
    }

    /// Polls a call: queues its frame the first time, then moves octets or waits for whoever does.
    fn poll_call(
        &self,
        cx: &mut Context<'_>,
        xid: u32,
        first: &mut Option<(Encoder, Option<Instant>)>,
    ) -> Poll<Result<Bytes, CallError>> {
        let mut began = None;
        let mut state = self.state();
        if let Some((frame, now)) = first.take() {
            began = now;
            if state.status == Status::Closed {
                state.core.handle_cancel(xid);
                return Poll::Ready(Err(CallError::Closed));
            }
            state.core.handle_call(xid, frame);
            match state.role {
                Role::Free if state.status == Status::Up => {}
                Role::Free => state.hand_to_task(),
                Role::Caller(_) => {
                    state.calm = 0;
                    state.hand_to_task();
                }
                Role::Task => {
                    if state.core.in_flight() > 1 {
                        state.calm = 0;
                    }
                    state.poke();
                }
                Role::Link => {
                    state.core.set_waker(xid, cx.waker());
                    drop(state);
                    self.send_by_link();
                    state = self.state();
                }
            }
        }
        loop {
            if let Some(outcome) = state.core.take(xid) {
                if state.role == Role::Caller(xid) {
                    state.release();
                }
                drop(state);
                self.tell_room();
                return Poll::Ready(outcome);
            }
            state.core.set_waker(xid, cx.waker());
            match state.role {
                Role::Free if state.status == Status::Up => state.role = Role::Caller(xid),
                Role::Caller(holder) if holder == xid => {}
                Role::Free | Role::Caller(_) => {
                    state.hand_to_task();
                    return Poll::Pending;
                }
                Role::Task | Role::Link => return Poll::Pending,
            }
            drop(state);
            match self.drive(cx, Some(xid), began.take()) {
                Drive::Waiting => return Poll::Pending,
                Drive::Calls => self.serve_calls(),
                Drive::Mine | Drive::Lost => {}
            }
            state = self.state();
        }
    }

    /// The future of a call is gone before its outcome was taken.
    fn cancel(&self, xid: u32) {
        let mut state = self.state();
        state.core.handle_cancel(xid);
        if state.role == Role::Caller(xid) {
            state.release();
        }
        state.poke_for_output();
        drop(state);
        self.tell_room();
    }

    /// Moves octets both ways until there is nothing to do but wait, or until the call `me` is done.
    ///
    /// `began` is the time, if it was read a moment ago.
    fn drive(&self, cx: &mut Context<'_>, me: Option<u32>, mut began: Option<Instant>) -> Drive {
        let mut guard = self.io();
        // Another thread may have given the task the role since the caller looked. The task must be the last to leave its waker with the
        // stream: it waits for `io` now, or has been woken and will.
        if me.is_some_and(|me| self.state().role != Role::Caller(me)) {
            return Drive::Waiting;
        }
        let io = &mut *guard;
        loop {
            // Reading first: an idle connection that the peer has closed is noticed before a call is written to it.
            if let Some(end) = self.receive(cx, io, me) {
                return end;
            }
            let now = began.take().unwrap_or_else(|| self.clock.now());
            let due = match self.send(cx, io, me, now) {
                Ok(due) => due,
                Err(end) => return end,
            };
            match due {
                Due::Mine => return Drive::Mine,
                Due::Never => return Drive::Waiting,
                Due::Now => {}
                Due::At(at) => {
                    if !watch_time(cx, io, now, at) {
                        return Drive::Waiting;
                    }
                }
            }
        }
    }

    fn receive(&self, cx: &mut Context<'_>, io: &mut Io, me: Option<u32>) -> Option<Drive> {
        loop {
            let polled = match &mut io.wire {
                Wire::Stream(stream) => stream.poll_receive(cx, &mut io.records).map_ok(|()| 0),
                Wire::Datagram(datagram) if me.is_some() => {
                    datagram.poll_receive_one(cx, &mut io.records)
                }
                Wire::Datagram(datagram) => datagram.poll_receive(cx, &mut io.records),
                Wire::None => return Some(Drive::Lost),
            };
            let mut failed = None;
            let cut = match polled {
                Poll::Pending => return None,
                Poll::Ready(Ok(cut)) => cut,
                Poll::Ready(Err(error)) => {
                    failed = Some(error);
                    0
                }
            };
            let mut state = self.state();
            state.core.counters.malformed += cut;
            let had = state.core.counters.replies;
            for record in io.records.drain(..) {
                if let Input::Call(call) = state.core.handle_record(record, me) {
                    io.calls.push(call);
                }
            }
            if state.core.counters.replies != had {
                state.replied = true;
                if state.core.in_flight() <= 1 {
                    state.calm = state.calm.saturating_add(1);
                }
            }
            if let Some(error) = failed {
                match &mut io.wire {
                    Wire::Datagram(_) => state
                        .core
                        .handle_failed(|| CallError::Receive(same_error(&error)), true),
                    wire => {
                        self.lose(&mut state, wire, error);
                        unlock_and_wake(state, &mut io.wakes);
                        return Some(Drive::Lost);
                    }
                }
            }
            let mine = me.is_some_and(|me| state.core.is_done(me));
            // Whoever sends next does so under the lock on `io`, after this.
            let drained = mine && state.core.on_the_wire() == 0;
            if let Wire::Stream(stream) = &io.wire {
                state.busy = !stream.is_between_records();
            }
            let serve = !io.calls.is_empty() && state.server.is_some();
            if !serve && !io.calls.is_empty() {
                state.core.counters.unserved_calls += u64::try_from(io.calls.len()).unwrap_or(0);
                io.calls.clear();
            }
            unlock_and_wake(state, &mut io.wakes);
            if serve {
                return Some(Drive::Calls);
            }
            if mine {
                if let (Wire::Datagram(datagram), true) = (&io.wire, drained) {
                    datagram.assume_drained();
                }
                return Some(Drive::Mine);
            }
        }
    }

    /// Gives the peer's calls that have come to the server. Handlers may do anything with the client.
    fn serve_calls(&self) {
        let calls = std::mem::take(&mut self.io().calls);
        let Some(server) = self.state().server.clone() else {
            return;
        };
        for call in calls {
            server.handle_call(&self.back, &call);
        }
    }

    /// Writes what is queued, ends what is over its time, and says when that is next to be done.
    fn send(
        &self,
        cx: &mut Context<'_>,
        io: &mut Io,
        me: Option<u32>,
        now: Instant,
    ) -> Result<Due, Drive> {
        match &mut io.wire {
            Wire::Stream(_) => self.send_stream(cx, io, me, now),
            Wire::Datagram(datagram) => {
                let blocked = self.send_datagrams(cx, datagram, now);
                let mut state = self.state();
                let due = state.due(me, now);
                let again = !blocked && state.core.has_output();
                unlock_and_wake(state, &mut io.wakes);
                // Calls whose wait is over are queued again.
                Ok(match due {
                    Due::At(_) | Due::Never if again => Due::Now,
                    due => due,
                })
            }
            Wire::None => Err(Drive::Lost),
        }
    }

    fn send_stream(
        &self,
        cx: &mut Context<'_>,
        io: &mut Io,
        me: Option<u32>,
        now: Instant,
    ) -> Result<Due, Drive> {
        let mut blocked = false;
        loop {
            let Wire::Stream(stream) = &mut io.wire else {
                return Err(Drive::Lost);
            };
            let mut state = self.state();
            let mut freed = false;
            for output in stream.done.drain(..) {
                state.core.handle_sent(now, output);
                freed = true;
            }
            if blocked {
                // What is not begun can still be taken back.
                let keep = usize::from(stream.written != 0);
                while stream.out.len() > keep {
                    if let Some(output) = stream.out.pop_back() {
                        stream.out_octets -= output.frame.len();
                        state.core.handle_unsent(output);
                    }
                }
            } else {
                while stream.wants_more() {
                    match state.core.poll_output() {
                        Some(output) => stream.push(output),
                        None => break,
                    }
                }
            }
            state.busy = !stream.is_between_records();
            let ended = blocked || (stream.out.is_empty() && stream.is_flushed());
            let due = ended.then(|| state.due(me, now));
            unlock_and_wake(state, &mut io.wakes);
            if freed {
                self.tell_room();
            }
            if let Some(due) = due {
                return Ok(due);
            }
            match stream.poll_write(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => blocked = true,
                Poll::Ready(Err(error)) => {
                    let mut state = self.state();
                    self.lose(&mut state, &mut io.wire, error);
                    unlock_and_wake(state, &mut io.wakes);
                    return Err(Drive::Lost);
                }
            }
        }
    }

    fn send_datagrams(
        &self,
        cx: &mut Context<'_>,
        datagram: &mut DatagramIo,
        now: Instant,
    ) -> bool {
        let mut blocked = false;
        let mut freed = false;
        loop {
            let Some(output) = self.state().core.poll_output() else {
                break;
            };
            let mut sent = datagram.send(cx, &output);
            if let Sent::Failed(error) = &sent
                && error.kind() != io::ErrorKind::InvalidInput
            {
                // The socket tells of an earlier datagram first (an ICMP message), and has not sent this one.
                self.state()
                    .core
                    .handle_failed(|| CallError::Receive(same_error(error)), true);
                sent = datagram.send(cx, &output);
            }
            let mut state = self.state();
            match sent {
                Sent::Done => state.core.handle_sent(now, output),
                Sent::Failed(error) => state.core.handle_send_failed(output, error),
                Sent::Blocked => {
                    state.core.handle_unsent(output);
                    blocked = true;
                    break;
                }
            }
            freed = true;
        }
        if freed {
            self.tell_room();
        }
        blocked
    }

    /// The connection is gone.
    fn lose(&self, state: &mut State, wire: &mut Wire, error: io::Error) {
        let now = self.clock.now();
        if let Wire::Stream(stream) = wire {
            for output in stream.done.drain(..) {
                state.core.handle_sent(now, output);
            }
            let begun = usize::from(stream.written != 0);
            while stream.out.len() > begun {
                if let Some(output) = stream.out.pop_back() {
                    state.core.handle_unsent(output);
                }
            }
            if let Some(output) = stream.out.pop_front() {
                state.core.handle_sent(now, output);
            }
        }
        *wire = Wire::None;
        let error = Arc::new(error);
        tracing::debug!(error = %error, calls = state.core.on_the_wire(), "connection lost");
        if state.core.handle_lost(&error) {
            state.batch_lost = Some(error);
        }
        if state.status != Status::Closed {
            state.status = Status::Down;
        }
        state.busy = false;
        // A peer that accepts and then closes is not tried again at once.
        state.attempts = if state.replied {
            0
        } else {
            state.attempts.saturating_add(1)
        };
        state.next_attempt = now + self.pause(state.attempts);
        state.replied = false;
        state.hand_to_task();
    }

    /// The pause before the attempt after so many failed ones.
    fn pause(&self, attempts: u32) -> Duration {
        if attempts == 0 {
            return Duration::ZERO;
        }
        let doubled = 1u32.checked_shl(attempts - 1).unwrap_or(u32::MAX);
        let pause = self
            .config
            .first_pause
            .saturating_mul(doubled)
            .min(self.config.longest_pause);
        // Up to a quarter more, so that the clients of a restarted server do not all come at once.
        pause + pause / 1024 * (self.net.rng().next_u32() % 256)
    }

    fn poll_task(&self, cx: &mut Context<'_>) -> Poll<Duty> {
        loop {
            let mut state = self.state();
            match &mut state.task {
                Some(known) => known.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            state.poked = false;
            if state.status == Status::Closed {
                return Poll::Ready(Duty::End);
            }
            if state.role != Role::Task {
                return Poll::Pending;
            }
            match state.status {
                Status::Up => {}
                Status::Down if state.core.has_output() => return Poll::Ready(Duty::Connect),
                Status::Down | Status::Swapping | Status::Closed => return Poll::Pending,
            }
            if state.core.unclaimed() != 0 && state.core.has_output() && state.patience < PATIENCE {
                // Callers that have their replies are about to queue their next calls: one write for all.
                state.patience += 1;
                state.poked = true;
                drop(state);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            state.patience = 0;
            drop(state);
            match self.drive(cx, None, None) {
                Drive::Waiting => {}
                Drive::Calls => {
                    self.serve_calls();
                    continue;
                }
                Drive::Mine | Drive::Lost => continue,
            }
            let mut state = self.state();
            let needed = state.busy || state.server.is_some() || state.core.has_output();
            if state.role != Role::Task || needed || state.calm < CALM {
                return Poll::Pending;
            }
            if state.core.in_flight() == 0 && !state.core.is_owed() {
                state.role = Role::Free;
            } else if let Some((xid, waker)) = state.core.lone() {
                state.role = Role::Caller(xid);
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            return Poll::Pending;
        }
    }

    /// Makes the connection again while calls wait for it.
    async fn reconnect(&self) {
        let (target, at) = {
            let state = self.state();
            (state.target.clone(), state.next_attempt)
        };
        let mut work = pin!(async {
            self.clock.sleep_until(at).await;
            connect(&self.net, &target, &self.config).await
        });
        let mut timer = self.clock.timer();
        let outcome = std::future::poll_fn(|cx| {
            loop {
                let mut state = self.state();
                state.task = Some(cx.waker().clone());
                state.poked = false;
                state.core.handle_timeout(self.clock.now());
                let check = state.core.poll_timeout();
                let wanted = state.status == Status::Down && state.core.has_output();
                let mut wakes = std::mem::take(&mut state.core.wakes);
                drop(state);
                wake(&mut wakes);
                if !wanted {
                    return Poll::Ready(None);
                }
                timer.reset(check);
                if timer.poll_expired(cx).is_pending() {
                    break;
                }
            }
            work.as_mut().poll(cx).map(Some)
        })
        .await;
        self.tell_room();
        let Some(outcome) = outcome else {
            return;
        };
        let mut io = self.io();
        let mut state = self.state();
        match outcome {
            Ok(channel) if state.status == Status::Down => {
                tracing::debug!("connected again");
                io.wire = Wire::Stream(StreamIo::new(channel, self.config.limits.record));
                state.status = Status::Up;
                state.core.counters.reconnects += 1;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = %error, "cannot connect again");
                state.attempts = state.attempts.saturating_add(1);
                state.next_attempt = self.clock.now() + self.pause(state.attempts);
                let hopeless = matches!(target, Target::None);
                state
                    .core
                    .handle_not_connected(hopeless, || same_connect_error(&error));
            }
        }
        let mut wakes = std::mem::take(&mut state.core.wakes);
        drop(state);
        drop(io);
        wake(&mut wakes);
        self.tell_room();
    }

    /// Gives calls of the peer's to `server` from now on.
    pub(super) fn serve(&self, server: Served) {
        if !self.framed {
            return;
        }
        let mut state = self.state();
        state.server = Some(server);
        state.hand_to_task();
    }

    /// The counters of the server, if calls of the peer's are served.
    pub(super) fn served(&self) -> Option<Counters> {
        let server = self.state().server.clone()?;
        Some(server.counters())
    }

    /// Whom it is connected to.
    pub(super) fn target(&self) -> Target {
        self.state().target.clone()
    }

    /// Ends everything: calls in flight, the task, the connection.
    pub(super) fn close(&self) {
        let mut state = self.state();
        if state.status == Status::Closed {
            return;
        }
        state.status = Status::Closed;
        state.core.handle_failed(|| CallError::Closed, false);
        state.server = None;
        let mut wakes = std::mem::take(&mut state.core.wakes);
        let task = state.task.take();
        if let Some(watch) = state.watch.take() {
            watch.abort();
        }
        drop(state);
        self.io().wire = Wire::None;
        wake(&mut wakes);
        if let Some(task) = task {
            task.wake();
        }
        self.room.notify_waiters();
    }

    /// Exchanges the stream for another between two records; see [`Client::swap`](super::Client::swap).
    pub(super) async fn swap<F>(&self, f: impl FnOnce(Channel) -> F) -> Result<(), CallError>
    where
        F: Future<Output = io::Result<Channel>>,
    {
        let channel = {
            let mut io = self.io();
            let mut state = self.state();
            let idle = state.status == Status::Up
                && state.core.in_flight() == 0
                && !state.core.has_output();
            match std::mem::replace(&mut io.wire, Wire::None) {
                Wire::Stream(stream) if idle && stream.is_between_records() => {
                    state.status = Status::Swapping;
                    stream.channel
                }
                wire => {
                    io.wire = wire;
                    return Err(CallError::Overloaded);
                }
            }
        };
        let _undo = Undo(self);
        let exchanged = f(channel).await;
        let mut io = self.io();
        let mut state = self.state();
        if state.status == Status::Closed {
            return Err(CallError::Closed);
        }
        match exchanged {
            Ok(channel) => {
                io.wire = Wire::Stream(StreamIo::new(channel, self.config.limits.record));
                // A new connection would lack what the exchange has brought.
                state.target = Target::None;
                state.status = Status::Up;
                if state.core.has_output() || state.server.is_some() {
                    state.hand_to_task();
                }
                Ok(())
            }
            Err(error) => {
                drop(state);
                drop(io);
                Err(CallError::Send(error))
            }
        }
    }

    /// A reply that came by the connection under the link.
    pub(super) fn deliver(&self, reply: Bytes) {
        let mut state = self.state();
        state.core.handle_record(reply, None);
        let mut wakes = std::mem::take(&mut state.core.wakes);
        drop(state);
        wake(&mut wakes);
    }

    /// The connection under the link has ended.
    pub(super) fn link_closed(&self) {
        let mut state = self.state();
        let error = Arc::new(io::Error::from(io::ErrorKind::ConnectionAborted));
        state.core.handle_lost(&error);
        state.core.handle_failed(|| CallError::Closed, false);
        state.status = Status::Closed;
        let mut wakes = std::mem::take(&mut state.core.wakes);
        drop(state);
        wake(&mut wakes);
        self.room.notify_waiters();
    }

    fn send_by_link(&self) {
        let Some(link) = &self.link else {
            return;
        };
        let now = self.clock.now();
        loop {
            let Some(Output { xid, frame, octets }) = self.state().core.poll_output() else {
                break;
            };
            let message = frame.into_bytes();
            let sent = if message.is_empty() {
                Ok(())
            } else {
                link.send(message)
            };
            let output = Output {
                xid,
                frame: Encoder::new(),
                octets,
            };
            let mut state = self.state();
            match sent {
                Ok(()) => state.core.handle_sent(now, output),
                Err(error) => state
                    .core
                    .handle_send_failed(output, io::Error::new(io::ErrorKind::BrokenPipe, error)),
            }
            let mut wakes = std::mem::take(&mut state.core.wakes);
            drop(state);
            wake(&mut wakes);
        }
        self.tell_room();
    }
}

/// Sends replies over the connection that their calls came by.
#[derive(Debug)]
struct Back(Weak<Conn>);

impl Link for Back {
    fn send(&self, message: Bytes) -> Result<(), LinkError> {
        let conn = self.0.upgrade().ok_or(LinkError::Closed)?;
        let mut frame = Encoder::segmented(0);
        // A record is a multiple of four octets; anything else would be a fault of the server's.
        frame.raw_shared(&message).map_err(|_| LinkError::Closed)?;
        conn.send_loose(frame)
    }
}

/// Breaks the connection off when an exchange of streams is given up.
struct Undo<'a>(&'a Conn);

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        if state.status == Status::Swapping {
            state.status = Status::Down;
            state.hand_to_task();
        }
    }
}

impl State {
    /// Ends what is over its time, and says when that is next to be done.
    fn due(&mut self, me: Option<u32>, now: Instant) -> Due {
        self.core.handle_timeout(now);
        if me.is_some_and(|me| self.core.is_done(me)) {
            return Due::Mine;
        }
        self.core.poll_timeout().map_or(Due::Never, Due::At)
    }

    fn poke(&mut self) {
        if !self.poked {
            self.poked = true;
            if let Some(task) = &self.task {
                task.wake_by_ref();
            }
        }
    }

    /// A call that ends out of turn may have opened the window of datagrams for others.
    fn poke_for_output(&mut self) {
        if self.role == Role::Task && self.core.has_output() {
            self.poke();
        }
    }

    fn hand_to_task(&mut self) {
        if self.role != Role::Link {
            self.role = Role::Task;
            self.poke();
        }
    }

    /// The caller that holds the role leaves.
    fn release(&mut self) {
        let needed = self.busy
            || self.server.is_some()
            || self.core.has_output()
            || self.core.is_owed()
            || self.core.on_the_wire() != 0;
        if needed {
            self.hand_to_task();
        } else {
            self.role = Role::Free;
        }
    }
}

/// Whether two wakers wake the same task. [`Waker::will_wake`] compares addresses of tables, of which a program may hold several with the same
/// content, and then the future under `block_on` would be taken for another at each poll.
fn is_same(one: &Waker, other: &Waker) -> bool {
    one.data() == other.data() && one.vtable() == other.vtable()
}

/// Sets the timer to `at`; true if that is over already.
fn watch_time(cx: &mut Context<'_>, io: &mut Io, now: Instant, at: Instant) -> bool {
    // An earlier setting does as well: it is looked at again when it is over.
    let set = io.timer.deadline().filter(|&set| set <= at && set > now);
    let known = io.timer_waker.as_ref();
    if set.is_some() && known.is_some_and(|known| is_same(known, cx.waker())) {
        return false;
    }
    if set.is_none() {
        io.timer.reset(Some(at));
    }
    io.timer_waker = None;
    if io.timer.poll_expired(cx).is_ready() {
        return true;
    }
    io.timer_waker = Some(cx.waker().clone());
    false
}

/// Wakes, without the lock, those whose calls are done; `wakes` is an empty vector kept for its memory.
fn unlock_and_wake(mut state: MutexGuard<'_, State>, wakes: &mut Vec<Waker>) {
    if !state.core.wakes.is_empty() {
        std::mem::swap(&mut state.core.wakes, wakes);
        drop(state);
        wake(wakes);
    }
}

fn wake(wakers: &mut Vec<Waker>) {
    for waker in wakers.drain(..) {
        waker.wake();
    }
}

/// The same error for another call.
fn same_error(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}

fn same_connect_error(error: &ConnectError) -> ConnectError {
    match error {
        ConnectError::System(error) => ConnectError::System(*error),
        ConnectError::TimedOut => ConnectError::TimedOut,
        _ => ConnectError::System(NetError::NotConn),
    }
}

/// The connection's task.
async fn run(conn: Arc<Conn>) {
    loop {
        match std::future::poll_fn(|cx| conn.poll_task(cx)).await {
            Duty::Connect => conn.reconnect().await,
            Duty::End => return,
        }
    }
}

/// Tells the calls in flight what became of their datagrams (an ICMP message): the system wakes readers for datagrams
/// only.
async fn watch_errors(conn: Weak<Conn>, socket: Arc<UdpSocket>) {
    while let Ok(error) = socket.wait_error().await {
        let Some(conn) = conn.upgrade() else {
            return;
        };
        let mut state = conn.state();
        state
            .core
            .handle_failed(|| CallError::Receive(error.into()), true);
        state.poke_for_output();
        let mut wakes = std::mem::take(&mut state.core.wakes);
        drop(state);
        wake(&mut wakes);
    }
}

/// Makes a connection.
pub(super) async fn connect(
    net: &Net,
    target: &Target,
    config: &ClientConfig,
) -> Result<Channel, ConnectError> {
    let work = async {
        Ok(match target {
            Target::Tcp(peer) => {
                let stream = if config.reserved_port {
                    let socket = net.tcp_socket(Family::of(peer))?;
                    socket.bind_reserved(&mut net.rng())?;
                    socket.connect(*peer).await?
                } else {
                    net.connect_tcp(*peer).await?
                };
                // A call must not wait for the acknowledgement of the one before.
                stream.set(option::NoDelay, true)?;
                Channel::Tcp(stream)
            }
            Target::Local(peer) => Channel::Local(net.connect_local(peer).await?),
            Target::None => return Err(ConnectError::System(NetError::NotConn)),
        })
    };
    match net.clock().timeout(config.connect_time, work).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::TimedOut),
    }
}

/// A call waits for a place.
struct Waiting<'a>(&'a Conn);

impl<'a> Waiting<'a> {
    fn new(conn: &'a Conn) -> Result<Self, CallError> {
        if conn.waiting.fetch_add(1, Ordering::SeqCst) >= conn.config.limits.waiting {
            conn.waiting.fetch_sub(1, Ordering::SeqCst);
            return Err(CallError::Overloaded);
        }
        Ok(Self(conn))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A call's place among those in flight; dropping it drops the call.
pub(super) struct Place {
    conn: Arc<Conn>,
    pub(super) xid: u32,
    /// The time, if it was read without waiting since: the timer may not have gone off meanwhile.
    began: Option<Instant>,
    /// The outcome was taken, and the place with it.
    done: bool,
}

impl Place {
    /// Queues the call and waits for its reply, or for all before it to be written if it gets none.
    pub(super) async fn exchange(
        mut self,
        frame: Encoder,
        terms: &Terms,
    ) -> Result<Bytes, CallError> {
        let mut first = Some((frame, self.began));
        let (conn, xid) = (&*self.conn, self.xid);
        let call = std::future::poll_fn(|cx| conn.poll_call(cx, xid, &mut first));
        let outcome = match terms.deadline {
            // Nobody else watches the time here.
            Some(deadline) if conn.link.is_some() => {
                match conn.clock.timeout_at(deadline, call).await {
                    Ok(outcome) => outcome,
                    Err(_) => return Err(CallError::TimedOut),
                }
            }
            _ => call.await,
        };
        self.done = true;
        outcome
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.done {
            self.conn.cancel(self.xid);
        }
    }
}

#[cfg(test)]
mod tests;
