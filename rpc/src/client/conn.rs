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
//!
//! Here are the states and who gets the role; `drive` moves the octets, `task` is the connection's task, which also connects again, `place`
//! admits calls and drops them, `link` and `swap` are for callbacks and for exchanged streams.

mod drive;
mod link;
mod place;
mod swap;
mod task;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use fairway_stack::{Clock, Instant, LocalAddr, Net, Task, Timer};
use fairway_xdr::Encoder;
use tokio::sync::Notify;

use self::drive::{Drive, Due};
use self::link::Back;
pub(super) use self::task::connect;
use super::client::ClientConfig;
use super::core::{Backoff, ClientCounters, Core, CoreConfig};
use super::stream::StreamIo;
use super::udp::DatagramIo;
use crate::error::CallError;
use crate::server::{Counters, Served};
use crate::transport::{Link, LinkError};

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

impl Target {
    /// For errors.
    fn name(&self) -> Box<str> {
        match self {
            Self::Tcp(peer) => peer.to_string(),
            Self::Local(peer) => peer.to_string(),
            Self::None => String::from("a peer without an address"),
        }
        .into()
    }
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
            net.spawn(task::run(Arc::clone(&conn))).detach();
        }
        if let Some(socket) = socket {
            let watch = task::watch_errors(Arc::downgrade(&conn), socket);
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

#[cfg(test)]
mod tests;
