//! The API for asynchronous programs, over the local sockets of a [`Net`]: the system's, or a simulated host's.
//!
//! A task owns the connection; handles send it calls and wait for the answers. It ends with the last handle.

use core::future::poll_fn;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use fairway_stack::{LocalAddr, LocalReadHalf, LocalStream, LocalWriteHalf, Net, NetError};
use futures_core::Stream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::select;
use tokio::sync::{mpsc, oneshot};

use super::core::Notices;
use super::{CallError, Core, Notice, RequestId, SessionId};
use crate::api::{Call, ReserveCall, SenderCall};
use crate::wire;
use std::collections::BTreeMap;

/// How long it takes until a daemon that has gone is looked for again: at first, and at most. One that takes connections and
/// does not greet is as good as gone.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// How long a daemon that takes no more is listened to.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A connection to the RSVP daemon.
///
/// When the daemon is started anew it is connected to again, and what was wanted is asked for again.
#[derive(Clone, Debug)]
pub struct Rapi {
    commands: mpsc::UnboundedSender<Command>,
}

/// An application's session, and what happens in it as a [`Stream`]. Dropping it releases it.
#[derive(Debug)]
pub struct Session {
    id: SessionId,
    inbox: Arc<Inbox>,
    commands: mpsc::UnboundedSender<Command>,
    is_released: bool,
}

/// Who opens a session gets it as it is: if it is discarded on the way, it is released.
type Opening = oneshot::Sender<Result<Session, CallError>>;

/// Bounded by who waits for the answers: a handle has one call at a time, and a session is dropped once.
#[derive(Debug)]
enum Command {
    Open(wire::Session, Opening),
    Call(
        SessionId,
        Call,
        Option<oneshot::Sender<Result<(), CallError>>>,
    ),
}

/// Notices of one session.
#[derive(Debug)]
struct Inbox(Mutex<Heard>);

#[derive(Debug)]
struct Heard {
    notices: Notices,
    is_over: bool,
    /// Who waits for the next: a session has one reader.
    reader: Option<Waker>,
}

impl Inbox {
    fn new() -> Self {
        Self(Mutex::new(Heard {
            notices: Notices::new(),
            is_over: false,
            reader: None,
        }))
    }

    fn heard(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, session: SessionId, notice: Notice) {
        self.change(|heard| heard.notices.push(session.0, notice));
    }

    fn end(&self) {
        self.change(|heard| heard.is_over = true);
    }

    fn change(&self, change: impl FnOnce(&mut Heard)) {
        let mut heard = self.heard();
        change(&mut heard);
        let reader = heard.reader.take();
        drop(heard);
        if let Some(reader) = reader {
            reader.wake();
        }
    }

    fn pop(&self) -> Option<Notice> {
        self.heard().notices.pop().map(|(_, notice)| notice)
    }

    /// The next notice; `None`: there will be none.
    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Notice>> {
        let mut heard = self.heard();
        match heard.notices.pop() {
            Some((_, notice)) => Poll::Ready(Some(notice)),
            None if heard.is_over => Poll::Ready(None),
            None => {
                heard.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Rapi {
    /// Connects to the daemon at `path`; [`socket_path`](super::socket_path) is where it usually is.
    ///
    /// # Errors
    ///
    /// The connection's.
    ///
    /// # Cancel safety
    ///
    /// Nothing is left.
    pub async fn connect(net: &Net, path: &LocalAddr) -> Result<Self, NetError> {
        let stream = net.connect_local(path).await?;
        let (commands, receiver) = mpsc::unbounded_channel();
        let mut driver = Driver {
            net: net.clone(),
            path: path.clone(),
            commands: commands.downgrade(),
            pause: RETRY.0,
            core: Core::new(),
            inboxes: BTreeMap::new(),
            answers: BTreeMap::new(),
        };
        // It ends when the last handle does.
        net.spawn(async move { driver.run(stream, receiver).await })
            .detach();
        Ok(Self { commands })
    }

    /// Opens a session.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the session is released.
    pub async fn open(&self, session: wire::Session) -> Result<Session, CallError> {
        let (sender, answer) = oneshot::channel();
        self.commands
            .send(Command::Open(session, sender))
            .map_err(|_| CallError::NoDaemon)?;
        answer.await.map_err(|_| CallError::NoDaemon)?
    }
}

impl Session {
    /// Its number in this library.
    #[must_use]
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Becomes a sender, or another one than before.
    ///
    /// # Errors
    ///
    /// [`CallError`]; what was in place stays.
    ///
    /// # Cancel safety
    ///
    /// The call is made all the same.
    pub async fn sender(&self, sender: SenderCall) -> Result<(), CallError> {
        self.call(Call::Sender(sender.into())).await
    }

    /// Is no sender any more.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// The call is made all the same.
    pub async fn withdraw(&self) -> Result<(), CallError> {
        self.call(Call::WithdrawSender).await
    }

    /// Reserves, in place of what was reserved before; without flowspecs, nothing.
    ///
    /// # Errors
    ///
    /// [`CallError`]; what was in place stays. Whether the network has it is told by notices.
    ///
    /// # Cancel safety
    ///
    /// The call is made all the same.
    pub async fn reserve(&self, reserve: ReserveCall) -> Result<(), CallError> {
        self.call(Call::Reserve(reserve.into())).await
    }

    /// Ends the session and waits until the daemon has heard of it.
    ///
    /// # Errors
    ///
    /// [`CallError`]; the session is over all the same.
    ///
    /// # Cancel safety
    ///
    /// The call is made all the same.
    pub async fn release(mut self) -> Result<(), CallError> {
        self.is_released = true;
        self.call(Call::Release).await
    }

    async fn call(&self, call: Call) -> Result<(), CallError> {
        let (sender, answer) = oneshot::channel();
        self.commands
            .send(Command::Call(self.id, call, Some(sender)))
            .map_err(|_| CallError::NoDaemon)?;
        answer.await.map_err(|_| CallError::NoDaemon)?
    }

    /// What happens next in this session; `None`: nothing any more, the session is lost.
    ///
    /// When many wait, of path and reservation events only the newest of each is kept.
    ///
    /// # Cancel safety
    ///
    /// No notice is lost.
    pub async fn next_event(&mut self) -> Option<Notice> {
        poll_fn(|cx| self.inbox.poll(cx)).await
    }

    /// Delivers what has happened, without waiting, and says how much that was.
    pub fn dispatch(&mut self, mut deliver: impl FnMut(Notice)) -> usize {
        let mut count = 0;
        while let Some(notice) = self.inbox.pop() {
            deliver(notice);
            count += 1;
        }
        count
    }
}

/// As [`next_event`](Session::next_event).
impl Stream for Session {
    type Item = Notice;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Notice>> {
        self.inbox.poll(cx)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_released {
            // Without the task there is no connection that holds it.
            let _sent = self
                .commands
                .send(Command::Call(self.id, Call::Release, None));
        }
    }
}

/// Who waits for an answer.
#[derive(Debug)]
enum Waiting {
    Open(SessionId, Opening),
    Call(oneshot::Sender<Result<(), CallError>>),
}

struct Driver {
    net: Net,
    path: LocalAddr,
    /// For the handles of sessions; keeps nobody waiting for commands.
    commands: mpsc::WeakUnboundedSender<Command>,
    /// Until the daemon is looked for, should it go.
    pause: Duration,
    core: Core,
    inboxes: BTreeMap<SessionId, Arc<Inbox>>,
    answers: BTreeMap<RequestId, Waiting>,
}

impl Driver {
    async fn run(&mut self, stream: LocalStream, mut commands: mpsc::UnboundedReceiver<Command>) {
        let mut stream = Some(stream);
        loop {
            let over = match stream.take() {
                Some(stream) => self.connected(stream, &mut commands).await,
                None => {
                    let looked = self.disconnected(&mut commands).await;
                    stream = looked;
                    stream.is_none()
                }
            };
            if over {
                break;
            }
        }
        for inbox in self.inboxes.values() {
            inbox.end();
        }
    }

    /// Until the connection ends, `false`, or the last handle is gone, `true`.
    async fn connected(
        &mut self,
        stream: LocalStream,
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> bool {
        let (mut reader, mut writer): (LocalReadHalf, LocalWriteHalf) = stream.into_split();
        self.core.handle_connected();
        let mut sending = Bytes::new();
        let mut buffer = vec![0; 16 << 10];
        let is_over = loop {
            self.settle();
            if sending.is_empty() {
                sending = self.core.poll_output().unwrap_or_default();
            }
            select! { biased;
                command = commands.recv() => match command {
                    Some(command) => self.handle_command(command),
                    None => break true,
                },
                sent = writer.write(&sending), if !sending.is_empty() => match sent {
                    Ok(len) if len > 0 => sending.advance(len),
                    _ => break self.last_words(&mut reader, &mut buffer, commands).await,
                },
                got = reader.read(&mut buffer) => match got {
                    Ok(len) if len > 0 => {
                        let octets = buffer.get(..len).unwrap_or_default();
                        if let Err(error) = self.core.handle_octets(octets) {
                            tracing::warn!(%error, "a connection to the RSVP daemon is of no use");
                            break false;
                        }
                        if self.core.is_up() {
                            self.pause = RETRY.0;
                        }
                    }
                    _ => break false,
                },
            }
        };
        self.core.handle_disconnected();
        self.settle();
        is_over
    }

    /// Nothing can be sent any more: the daemon has closed the connection, and may have said why; but it may also keep silent
    /// and the connection open. Whether the last handle is gone meanwhile.
    async fn last_words(
        &mut self,
        reader: &mut LocalReadHalf,
        buffer: &mut [u8],
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> bool {
        let clock = self.net.clock();
        let mut enough = std::pin::pin!(clock.sleep(LAST_WORDS));
        loop {
            self.settle();
            select! { biased;
                () = &mut enough => return false,
                command = commands.recv() => match command {
                    Some(command) => self.handle_command(command),
                    None => return true,
                },
                got = reader.read(buffer) => match got {
                    Ok(len) if len > 0 => {
                        let octets = buffer.get(..len).unwrap_or_default();
                        if self.core.handle_octets(octets).is_err() {
                            return false;
                        }
                    }
                    _ => return false,
                },
            }
        }
    }

    /// Until there is a connection again; `None`: the last handle is gone.
    async fn disconnected(
        &mut self,
        commands: &mut mpsc::UnboundedReceiver<Command>,
    ) -> Option<LocalStream> {
        let (net, path) = (self.net.clone(), self.path.clone());
        let look = async |pause| {
            net.clock().sleep(pause).await;
            net.connect_local(&path).await
        };
        let mut looked = std::pin::pin!(look(self.pause));
        loop {
            select! { biased;
                command = commands.recv() => self.handle_command(command?),
                found = &mut looked => {
                    self.pause = (self.pause * 2).min(RETRY.1);
                    if let Ok(stream) = found {
                        break Some(stream);
                    }
                    // Whatever it said when it was there.
                    self.core.handle_unreachable(CallError::NoDaemon);
                    looked.set(look(self.pause));
                }
            }
            self.settle();
        }
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Open(session, answer) => match self.core.open(session) {
                Ok((id, request)) => {
                    self.answers.insert(request, Waiting::Open(id, answer));
                }
                Err(error) => drop(answer.send(Err(error))),
            },
            Command::Call(id, call, answer) => {
                if matches!(call, Call::Release) {
                    self.inboxes.remove(&id);
                }
                match (self.core.call(id, call), answer) {
                    (Ok(request), Some(answer)) => {
                        self.answers.insert(request, Waiting::Call(answer));
                    }
                    (Err(error), Some(answer)) => drop(answer.send(Err(error))),
                    (_, None) => {}
                }
            }
        }
    }

    /// The handle of a session that is open now.
    fn opened(&mut self, id: SessionId) -> Option<Session> {
        let inbox = Arc::new(Inbox::new());
        self.inboxes.insert(id, Arc::clone(&inbox));
        Some(Session {
            id,
            inbox,
            commands: self.commands.upgrade()?,
            is_released: false,
        })
    }

    /// Hands out what the core has.
    fn settle(&mut self) {
        while let Some((request, result)) = self.core.poll_result() {
            match self.answers.remove(&request) {
                None => {}
                Some(Waiting::Call(answer)) => drop(answer.send(result)),
                Some(Waiting::Open(id, answer)) => {
                    let opened = result.map(|()| self.opened(id));
                    // Whoever does not wait any more drops the session, now or with the answer not looked at. Without
                    // handles there is nobody, nor is there a connection for long.
                    drop(
                        answer.send(opened.and_then(|session| session.ok_or(CallError::NoDaemon))),
                    );
                }
            }
        }
        while let Some((id, notice)) = self.core.poll_notice() {
            let is_open = self.core.has_session(id);
            if let Some(inbox) = self.inboxes.get(&id) {
                inbox.push(id, notice);
                if !is_open {
                    inbox.end();
                }
            }
        }
    }
}
