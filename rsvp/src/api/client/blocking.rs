//! The API for programs without an asynchronous runtime: calls wait for the daemon's answer, events are delivered
//! when the program asks for them.
//!
//! One [`Client`] is one connection to the daemon, made with the first session and ended with the last; any number of
//! threads may use it. Its descriptor is readable while there is something to [`dispatch`](Client::dispatch), and is
//! the same as long as the client lives, also when the daemon is started anew: it is the system's own collection of the
//! connection, of notices that came with an answer, and of a timer that runs while there is no daemon.
//!
//! Calls of several threads wait at once: one of them listens to the connection, for all, and no lock is held while it
//! does, so that [`dispatch`](Client::dispatch) waits for none of them. A call that has no answer after [`PATIENCE`]
//! ends the connection, whatever else the daemon had to say meanwhile.
//!
//! No lock is held while the program hears of an event: it may make calls then, and dispatch, which delivers what has not
//! been delivered yet. A program that forks leaves its sessions to the parent: the child's calls fail with
//! [`CallError::NoDaemon`]; it makes a client of its own. A fork while another thread is in a call leaves the child a
//! client that it can only forget. Who forks and does not execute another program [`hold`]s the connections meanwhile, and
//! [leaves](Held::leave) them in the child: else the child's copy keeps the parent's sessions alive beyond the parent.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read as _};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::{Buf as _, Bytes};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, epoll, eventfd, poll};
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, send, socket_with,
    sockopt,
};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};

use super::{CallError, Core, Notice, RequestId, SessionId};
use crate::api::{Call, ReserveCall, SenderCall};
use crate::wire::Session;

/// How long a call waits for the daemon, connecting included.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// How often a daemon that has gone is looked for.
const RETRY: Duration = Duration::from_secs(1);
/// Reads in one dispatch, of 16 KiB each: a daemon that always has more to say must not keep the program.
const MOST_READS: usize = 64;

/// What [`Client::dispatch`] could not do. What could be delivered, was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DispatchError {
    /// The daemon is not there. It is looked for: the descriptor is readable when it is time to dispatch again.
    #[error("the RSVP daemon does not answer")]
    NoDaemon,
}

/// A connection to the daemon, or the wish for one.
#[derive(Debug)]
pub struct Client {
    path: PathBuf,
    process: u32,
    /// Collects `link`, and `noticed` and `timer` of `state`.
    all: OwnedFd,
    /// Holds the connection, if there is one: who listens waits for this, which lives longer than a connection.
    link: OwnedFd,
    state: Mutex<State>,
    /// Told when nobody listens any more, and when results came.
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    core: Core,
    stream: Option<Connection>,
    /// What was sent in part.
    sending: Bytes,
    /// The collection waits for room in the connection.
    waits_to_send: bool,
    /// Readable while notices wait.
    noticed: OwnedFd,
    is_noticed: bool,
    /// Runs while there should be a daemon and is none.
    timer: OwnedFd,
    timer_runs: bool,
    /// A call waits for the connection, or makes it, without the lock; it alone reads meanwhile, and ends it.
    is_listened_to: bool,
    /// Calls that wait, and results that they have not fetched yet.
    waiting: BTreeSet<RequestId>,
    results: BTreeMap<RequestId, Result<(), CallError>>,
}

const STREAM: epoll::EventData = epoll::EventData::new_u64(0);

/// The connections of this process to daemons, each with another descriptor of its client.
static CONNECTIONS: Mutex<Vec<(RawFd, RawFd)>> = Mutex::new(Vec::new());

fn connections() -> MutexGuard<'static, Vec<(RawFd, RawFd)>> {
    CONNECTIONS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connections of this process, held as they are: no client makes one meanwhile.
#[derive(Debug)]
pub struct Held(MutexGuard<'static, Vec<(RawFd, RawFd)>>);

/// Holds the connections of all clients of this process, for a fork: drop it in the parent, [`leave`](Held::leave) them in the
/// child. Only waits while another thread makes a socket.
#[must_use]
pub fn hold() -> Held {
    Held(connections())
}

impl Held {
    /// Leaves the connections to the parent: calls `replace` for each, which closes the first descriptor and makes it another
    /// name of the second (dup3(2)), so that whoever has it can drop it as ever. Allocates nothing.
    pub fn leave(mut self, mut replace: impl FnMut(RawFd, RawFd)) {
        for (connection, other) in self.0.iter() {
            replace(*connection, *other);
        }
        self.0.clear();
    }
}

/// A connection, listed while it is one.
#[derive(Debug)]
struct Connection {
    stream: UnixStream,
    process: u32,
}

impl Connection {
    /// Connects to the daemon at `path`; the connection does not block. Without patience, making it does not wait. `other` is
    /// for [`Held::leave`].
    fn to(path: &Path, other: &OwnedFd, patience: Option<Duration>) -> io::Result<Self> {
        let mut flags = SocketFlags::CLOEXEC;
        flags.set(SocketFlags::NONBLOCK, patience.is_none());
        let connection = {
            let mut connections = connections();
            let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
            connections.push((socket.as_raw_fd(), other.as_raw_fd()));
            Self {
                stream: socket.into(),
                process: std::process::id(),
            }
        };
        if let Some(patience) = patience {
            // unix(7): also of connecting, while the listener's queue is full. Zero would be for ever.
            let patience = patience.max(Duration::from_millis(1));
            sockopt::set_socket_timeout(&connection, sockopt::Timeout::Send, Some(patience))?;
        }
        connect(&connection, &SocketAddrUnix::new(path)?)?;
        connection.stream.set_nonblocking(true)?;
        Ok(connection)
    }

    /// Ends it, for all who have a copy.
    fn end(&self) {
        // It may have ended by itself.
        drop(self.stream.shutdown(Shutdown::Both));
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            return; // the parent's
        }
        // Between this and closing it there may be a fork.
        self.end();
        let own = self.stream.as_raw_fd();
        connections().retain(|(listed, _)| *listed != own);
    }
}

impl Client {
    /// A client of the daemon at `path`. Nothing is connected yet.
    ///
    /// # Errors
    ///
    /// The system's, of having no descriptors left.
    pub fn new(path: impl Into<PathBuf>) -> io::Result<Self> {
        let all = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let link = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let noticed = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let timer = timerfd_create(
            TimerfdClockId::Monotonic,
            TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK,
        )?;
        for (number, part) in [(0, &link), (1, &noticed), (2, &timer)] {
            let data = epoll::EventData::new_u64(number);
            epoll::add(&all, part, data, epoll::EventFlags::IN)?;
        }
        Ok(Self {
            path: path.into(),
            process: std::process::id(),
            all,
            link,
            state: Mutex::new(State {
                core: Core::new(),
                stream: None,
                sending: Bytes::new(),
                waits_to_send: false,
                noticed,
                is_noticed: false,
                timer,
                timer_runs: false,
                is_listened_to: false,
                waiting: BTreeSet::new(),
                results: BTreeMap::new(),
            }),
            changed: Condvar::new(),
        })
    }

    /// The process that made it, which alone can use it.
    #[must_use]
    pub const fn process(&self) -> u32 {
        self.process
    }

    /// Opens a session.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn open(&self, session: Session) -> Result<SessionId, CallError> {
        self.open_named(session, |_| ())
    }

    /// Opens a session, and tells its number before the daemon is asked: no notice of the session is delivered before
    /// `named` returned. It must not use this client.
    ///
    /// # Errors
    ///
    /// [`CallError`]: there is no such session, even if `named` ran.
    pub fn open_named(
        &self,
        session: Session,
        named: impl FnOnce(SessionId),
    ) -> Result<SessionId, CallError> {
        let mut id = None;
        self.ask(|core| {
            let (session, request) = core.open(session)?;
            named(session);
            id = Some(session);
            Ok(request)
        })?;
        id.ok_or(CallError::NoDaemon)
    }

    /// Becomes a sender, or another one than before.
    ///
    /// # Errors
    ///
    /// [`CallError`]; what was in place stays.
    pub fn sender(&self, session: SessionId, sender: SenderCall) -> Result<(), CallError> {
        self.ask(|core| core.call(session, Call::Sender(sender.into())))
    }

    /// Is no sender any more.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn withdraw(&self, session: SessionId) -> Result<(), CallError> {
        self.ask(|core| core.call(session, Call::WithdrawSender))
    }

    /// Reserves, in place of what was reserved before.
    ///
    /// # Errors
    ///
    /// [`CallError`]; what was in place stays.
    pub fn reserve(&self, session: SessionId, reserve: ReserveCall) -> Result<(), CallError> {
        self.ask(|core| core.call(session, Call::Reserve(reserve.into())))
    }

    /// Ends a session. It is over whatever the daemon answers.
    ///
    /// # Errors
    ///
    /// [`CallError`] if there is no such session.
    pub fn release(&self, session: SessionId) -> Result<(), CallError> {
        self.ask(|core| core.call(session, Call::Release))
    }

    /// Adds a notice, to be delivered behind those that wait: classic calls tell some refusals that way.
    pub fn add_notice(&self, session: SessionId, notice: Notice) {
        if self.is_mine() {
            let mut state = self.lock();
            state.core.add_notice(session, notice);
            state.settle(self);
        }
    }

    /// Whether there is such a session.
    #[must_use]
    pub fn has_session(&self, session: SessionId) -> bool {
        self.is_mine() && self.lock().core.has_session(session)
    }

    /// Delivers what waits, and asks the daemon for no more than what it has sent. Never waits, neither for the daemon
    /// nor for calls of other threads.
    ///
    /// No more than waited at first; if more comes up while `deliver` runs, the descriptor stays readable.
    ///
    /// # Errors
    ///
    /// [`DispatchError`].
    pub fn dispatch(
        &self,
        mut deliver: impl FnMut(SessionId, Notice),
    ) -> Result<(), DispatchError> {
        if !self.is_mine() {
            return Err(DispatchError::NoDaemon);
        }
        let (result, waiting) = {
            let mut state = self.lock();
            let result = if state.core.has_sessions() {
                state.exchange_all(self)
            } else {
                Ok(())
            };
            state.settle(self);
            (result, state.core.notices())
        };
        for _ in 0..waiting {
            // The program may have forked while it heard of the last.
            if !self.is_mine() {
                return Err(DispatchError::NoDaemon);
            }
            // The lock is not held while the notice is delivered.
            let next = {
                let mut state = self.lock();
                let next = state.core.poll_notice();
                state.settle(self);
                next
            };
            let Some((session, notice)) = next else {
                break;
            };
            deliver(session, notice);
        }
        result
    }

    fn is_mine(&self) -> bool {
        self.process == std::process::id()
    }

    /// What a thread that panicked left is as good as any: the core is whole between two of its methods.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call and waits for the answer.
    fn ask(
        &self,
        call: impl FnOnce(&mut Core) -> Result<RequestId, CallError>,
    ) -> Result<(), CallError> {
        if !self.is_mine() {
            return Err(CallError::NoDaemon);
        }
        let due = now() + PATIENCE;
        let mut state = self.connected(due);
        let request = call(&mut state.core);
        let result = match request {
            Ok(request) => {
                let result;
                (state, result) = self.wait_for(state, request, due);
                result
            }
            Err(error) => Err(error),
        };
        state.settle(self);
        result
    }

    /// Sees to a connection. One that ended unnoticed is made anew before a call, not after it failed; if that does not
    /// succeed, the call says so.
    fn connected(&self, due: Instant) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        while state.is_listened_to && state.stream.is_none() {
            // Another call makes one.
            let left = due.saturating_duration_since(now());
            if left.is_zero() {
                return state;
            }
            let waited = self.changed.wait_timeout(state, left);
            (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if state.is_listened_to {
            return state;
        }
        if state.stream.is_some() {
            state.exchange_or_end(self);
        }
        if state.stream.is_none() {
            state.is_listened_to = true;
            drop(state);
            let left = due.saturating_duration_since(now());
            let stream = Connection::to(&self.path, &self.all, Some(left));
            state = self.lock();
            state.is_listened_to = false;
            self.changed.notify_all();
            let _attached = state.attach_or_miss(self, stream);
        }
        state
    }

    /// Waits for the answer to a call. Of all that wait, one listens, and wakes the others.
    fn wait_for<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        request: RequestId,
        due: Instant,
    ) -> (MutexGuard<'a, State>, Result<(), CallError>) {
        state.waiting.insert(request);
        loop {
            // Connected or not: what was to be sent is, and results of all are at hand.
            state.exchange_or_end(self);
            if let Some(result) = state.results.remove(&request) {
                state.waiting.remove(&request);
                return (state, result);
            }
            let left = due.saturating_duration_since(now());
            if left.is_zero() {
                // Then there is a result, and if not at once, who listens hears of it.
                state.end(self);
            }
            if state.is_listened_to {
                let wait = if left.is_zero() { PATIENCE } else { left };
                let waited = self.changed.wait_timeout(state, wait);
                (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            } else if !left.is_zero() {
                state.is_listened_to = true;
                state.settle(self);
                drop(state);
                self.listen(left);
                state = self.lock();
                state.is_listened_to = false;
                self.changed.notify_all();
            }
        }
    }

    /// Waits until the connection can be read, or written if something is to be.
    fn listen(&self, patience: Duration) {
        let patience = Timespec::try_from(patience).ok();
        // After a signal, too, the caller looks what there is.
        let _ready = poll(
            &mut [PollFd::new(&self.link, PollFlags::IN)],
            patience.as_ref(),
        );
    }
}

impl AsFd for Client {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.all.as_fd()
    }
}

impl State {
    /// Reads and writes what can be without waiting. Connects if need be and possible at once.
    fn exchange_all(&mut self, client: &Client) -> Result<(), DispatchError> {
        if self.is_listened_to {
            // What can be read is read there, and whether the connection stands is seen there.
            return Ok(());
        }
        if self.stream.is_some() {
            self.exchange_or_end(client);
        }
        // If it has just ended, the daemon may be back already.
        if self.stream.is_none() {
            let stream = Connection::to(&client.path, &client.all, None);
            self.attach_or_miss(client, stream)?;
        }
        Ok(())
    }

    /// Reads and writes what can be without waiting. An error is the end of the connection.
    fn exchange_or_end(&mut self, client: &Client) {
        let done = if self.is_listened_to {
            self.transmit(client)
        } else if self.stream.is_some() {
            self.exchange(client)
        } else {
            Ok(())
        };
        if done.is_err() {
            self.end(client);
        }
        self.collect(client);
    }

    /// Ends the connection, or has it ended by who listens to it.
    fn end(&mut self, client: &Client) {
        match &self.stream {
            // It becomes readable by that.
            Some(stream) if self.is_listened_to => stream.end(),
            _ => self.disconnect(client),
        }
    }

    /// Takes a new connection, or says why there is none.
    fn attach_or_miss(
        &mut self,
        client: &Client,
        stream: io::Result<Connection>,
    ) -> Result<(), DispatchError> {
        match stream {
            Ok(stream) => self.attach(client, stream),
            Err(error) => {
                self.core.handle_unreachable(missed(&error));
                Err(DispatchError::NoDaemon)
            }
        }
    }

    /// Takes a new connection.
    fn attach(&mut self, client: &Client, stream: Connection) -> Result<(), DispatchError> {
        if epoll::add(&client.link, &stream, STREAM, epoll::EventFlags::IN).is_err() {
            return Err(DispatchError::NoDaemon);
        }
        self.waits_to_send = false;
        self.stream = Some(stream);
        self.core.handle_connected();
        if self.exchange(client).is_err() {
            self.disconnect(client);
            return Err(DispatchError::NoDaemon);
        }
        Ok(())
    }

    /// Closing the connection takes it out of the collection.
    fn disconnect(&mut self, client: &Client) {
        self.stream = None;
        self.sending = Bytes::new();
        self.core.handle_disconnected();
        self.collect(client);
    }

    /// Keeps results for those that wait for them.
    fn collect(&mut self, client: &Client) {
        while let Some((request, result)) = self.core.poll_result() {
            if self.waiting.contains(&request) {
                self.results.insert(request, result);
                client.changed.notify_all();
            }
        }
    }

    /// Sends and reads until neither goes on; an error is the end of the connection.
    fn exchange(&mut self, client: &Client) -> io::Result<()> {
        self.hear()?;
        self.collect(client);
        let sent = self.transmit(client);
        if sent.is_err() {
            // It may have been said why.
            self.hear()?;
        }
        sent
    }

    /// Reads until that does not go on.
    fn hear(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let mut buffer = [0; 16 << 10];
        for _ in 0..MOST_READS {
            match stream.stream.read(&mut buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(len) => {
                    let octets = buffer.get(..len).unwrap_or_default();
                    self.core
                        .handle_octets(octets)
                        .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Sends until that does not go on.
    fn transmit(&mut self, client: &Client) -> io::Result<()> {
        let Some(stream) = &mut self.stream else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let is_full = loop {
            if self.sending.is_empty() {
                match self.core.poll_output() {
                    Some(octets) => self.sending = octets,
                    None => break false,
                }
            }
            // A C program gets SIGPIPE of a plain write when the daemon has gone.
            match send(&*stream, &self.sending, SendFlags::NOSIGNAL) {
                Ok(len) => self.sending.advance(len),
                Err(Errno::AGAIN) => break true,
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        };
        if is_full != self.waits_to_send {
            let mut interest = epoll::EventFlags::IN;
            interest.set(epoll::EventFlags::OUT, is_full);
            epoll::modify(&client.link, &*stream, STREAM, interest)?;
            self.waits_to_send = is_full;
        }
        Ok(())
    }

    /// Before the lock is given back: the descriptor tells whether there is something to dispatch, and without
    /// sessions there is no connection.
    ///
    /// Of the few failures that these calls can have, none can happen to descriptors of their kind.
    fn settle(&mut self, client: &Client) {
        if !self.core.has_sessions() && self.waiting.is_empty() && self.stream.is_some() {
            self.disconnect(client);
        }
        let is_noticed = self.core.notices() > 0;
        if is_noticed != self.is_noticed {
            let done = if is_noticed {
                rustix::io::write(&self.noticed, &1_u64.to_ne_bytes()).is_ok()
            } else {
                rustix::io::read(&self.noticed, &mut [0; 8]).is_ok()
            };
            if done {
                self.is_noticed = is_noticed;
            }
        }
        let is_missed = self.stream.is_none() && self.core.has_sessions();
        // Expirations are read so that the next can be waited for.
        if self.timer_runs {
            let _expirations = rustix::io::read(&self.timer, &mut [0; 8]);
        }
        if is_missed != self.timer_runs {
            let period = if is_missed { RETRY } else { Duration::ZERO };
            let period = Timespec::try_from(period).unwrap_or(Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            });
            let spec = Itimerspec {
                it_interval: period,
                it_value: period,
            };
            if timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &spec).is_ok() {
                self.timer_runs = is_missed;
            }
        }
    }
}

/// What a connection that was not made says of the daemon: that it is not there, or takes none in time, or nothing.
fn missed(error: &io::Error) -> CallError {
    match Errno::from_io_error(error) {
        None | Some(Errno::NOENT | Errno::CONNREFUSED | Errno::AGAIN | Errno::INTR) => {
            CallError::NoDaemon
        }
        Some(errno) => CallError::Unreachable(errno.raw_os_error()),
    }
}

/// The time: programs without a runtime have no `Net` whose clock could be asked.
#[expect(
    clippy::disallowed_methods,
    reason = "a thread of a real program waits for a real socket"
)]
fn now() -> Instant {
    Instant::now()
}
