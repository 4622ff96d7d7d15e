//! One control connection and its data connection: the I/O around a [`Session`].

mod data;
mod dial;

use crate::client::Shared;
use crate::error::{Error, ErrorKind};
use crate::reply::Reply;
use crate::server::Server;
use crate::session::{
    Announced, DataEvent, Method, Operation, Outcome, Output, Session, SessionConfig,
};
use fairway_stack::{Instant, Net, TcpListener, TcpStream, Timer, option};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

pub(crate) use data::DataStream;

/// Octets of the control connection read at once.
const READ: usize = 4096;
/// How many strangers may knock at an active data port before it is given up.
const STRANGERS: usize = 16;

type Job<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A connection, and what is under way on it. Whoever holds it drives it; it has no task of its own.
pub(crate) struct Link {
    pub(crate) net: Net,
    pub(crate) server: Arc<Server>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) session: Session,
    control: Control,
    outgoing: Vec<u8>,
    sent: usize,
    timer: Timer,
    job: Option<DataJob>,
    pub(crate) data: Option<DataStream>,
    /// The server has begun; told as soon as the data connection is ready.
    begun: Option<Reply>,
    pub(crate) peer: SocketAddr,
    pub(crate) local: SocketAddr,
    pub(crate) opened_at: Instant,
    /// When it was last of use.
    pub(crate) used_at: Instant,
    /// Whether an operation has succeeded on it before the present lease.
    pub(crate) reused: bool,
}

enum Control {
    Plain(TcpStream),
}

/// What is to become the data connection.
enum DataJob {
    Connect(Job<Result<TcpStream, String>>),
    Accept(Job<Result<TcpStream, String>>),
}

/// What the driver of a link is told.
#[derive(Debug)]
pub(crate) enum Event {
    /// Octets may flow.
    Begin(Reply),
    /// A further preliminary reply.
    Preliminary(Reply),
    /// A transfer between servers is ready on this side.
    Ready(Option<Announced>),
    /// The operation is over.
    Done(Result<Outcome, Error>),
}

impl Link {
    /// Connects and logs in.
    pub(crate) async fn open(
        net: Net,
        server: Arc<Server>,
        shared: Arc<Shared>,
    ) -> Result<Self, Error> {
        let mut spec = server.login_spec()?;
        spec.features = shared.memory_of(&server).features;
        let stream = dial::dial(&net, &server, &shared.limits).await?;
        let address = |result: Result<SocketAddr, fairway_stack::NetError>| {
            result.map_err(|error| {
                Error::from(ErrorKind::Connect {
                    host: server.authority(),
                    reason: error.to_string(),
                })
            })
        };
        let (peer, local) = (address(stream.peer_addr())?, address(stream.local_addr())?);
        // Each command is a line that waits for its answer: nothing is gained by holding it back.
        if let Err(error) = stream.set(option::NoDelay, true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let config = SessionConfig {
            host: server.authority(),
            reply_limit: shared.limits.reply,
            keep_alive: shared.limits.keep_alive,
            notes: shared.is_traced(),
            ..SessionConfig::default()
        };
        let clock = net.clock();
        let mut link = Self {
            session: Session::new(config),
            control: Control::Plain(stream),
            outgoing: Vec::new(),
            sent: 0,
            timer: clock.timer(),
            job: None,
            data: None,
            begun: None,
            peer,
            local,
            opened_at: clock.now(),
            used_at: clock.now(),
            reused: false,
            net,
            server,
            shared,
        };
        link.run(Operation::Login(Box::new(spec))).await?;
        let features = link.session.features();
        if features.are_known() {
            link.shared.memory(&link.server, |memory| {
                memory.features.get_or_insert_with(|| features.clone());
            });
        }
        tracing::info!(server = %link.server, "logged in");
        Ok(link)
    }

    fn now(&self) -> Instant {
        self.net.clock().now()
    }

    /// Begins an operation.
    pub(crate) fn begin(&mut self, operation: Operation) {
        let now = self.now();
        self.session.handle_operation(now, operation);
    }

    /// Runs an operation that needs nobody's help to its end.
    ///
    /// Dropped, the operation is under way: what comes next must be [`Operation::Recover`].
    pub(crate) async fn run(&mut self, operation: Operation) -> Result<Outcome, Error> {
        self.begin(operation);
        loop {
            if let Event::Done(result) = self.event().await {
                return result;
            }
        }
    }

    pub(crate) async fn event(&mut self) -> Event {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Whether the server has said or done something since, without waiting: an idle link that is still good stays so.
    pub(crate) fn is_fresh(&mut self) -> bool {
        let waker = std::task::Waker::noop();
        // Nothing is under way, so nothing is told; what matters is whether the session lives.
        let _ = self.poll_control(&mut Context::from_waker(waker));
        self.session.is_idle()
    }

    /// Drives the connection until there is something to tell.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Event> {
        loop {
            if let Some(event) = self.take_outputs() {
                return Poll::Ready(event);
            }
            if self.data_is_ready()
                && let Some(reply) = self.begun.take()
            {
                return Poll::Ready(Event::Begin(reply));
            }
            let mut moved = self.poll_job(cx).is_ready();
            moved |= self.poll_control(cx).is_ready();
            if !moved {
                // What was done may have set a time limit, or something to be sent: look once more.
                if self.session.has_output() {
                    continue;
                }
                let deadline = self.session.poll_timeout();
                self.timer.reset(deadline);
                if deadline.is_none() || self.timer.poll_expired(cx).is_pending() {
                    return Poll::Pending;
                }
                let now = self.now();
                self.session.handle_timeout(now);
            }
        }
    }

    fn take_outputs(&mut self) -> Option<Event> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Transmit(line) => self.outgoing.extend_from_slice(&line),
                Output::StartTls | Output::StopTls => {
                    let now = self.now();
                    let error = ErrorKind::Tls {
                        host: self.server.authority(),
                        reason: "this build has no TLS".into(),
                    };
                    self.session.handle_tls(now, Err(error.into()));
                }
                Output::Connect(announced) => self.connect_data(announced),
                Output::Listen => self.listen(),
                Output::Ready(announced) => return Some(Event::Ready(announced)),
                Output::Begin(reply) => self.begun = Some(reply),
                Output::Preliminary(reply) => return Some(Event::Preliminary(reply)),
                Output::DropData => {
                    self.drop_data();
                }
                Output::Note(note) => self.shared.trace(&self.server, &note),
                Output::Done(result) => {
                    self.begun = None;
                    self.used_at = self.now();
                    return Some(Event::Done(result));
                }
            }
        }
        None
    }

    /// Whether a transfer that has begun can be told: between servers there is no data connection of ours.
    fn data_is_ready(&self) -> bool {
        self.data.is_some() || self.job.is_none()
    }

    /// Reads and writes the control connection as far as it goes. Ready if something was read.
    fn poll_control(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.net.clock().now();
        let Control::Plain(stream) = &mut self.control;
        while self.sent < self.outgoing.len() {
            let rest = self.outgoing.get(self.sent..).unwrap_or_default();
            match Pin::new(&mut *stream).poll_write(cx, rest) {
                Poll::Ready(Ok(n)) if n > 0 => self.sent += n,
                Poll::Ready(Ok(_)) => break,
                Poll::Ready(Err(error)) => {
                    // Its last words may be there to be read: a server says 421 and closes.
                    self.outgoing.clear();
                    self.sent = 0;
                    if self.read_rest(cx, now).is_none() {
                        self.session.handle_eof(now, &error.to_string());
                    }
                    return Poll::Ready(());
                }
                Poll::Pending => break,
            }
        }
        if self.sent == self.outgoing.len() {
            self.outgoing.clear();
            self.sent = 0;
        }
        if self.session.dead().is_some() {
            return Poll::Pending;
        }
        match self.poll_read(cx, now) {
            Poll::Ready(Some(Ok(()))) => Poll::Ready(()),
            Poll::Ready(Some(Err(error))) => {
                self.session.handle_eof(now, &error.to_string());
                Poll::Ready(())
            }
            Poll::Ready(None) => {
                self.session.handle_eof(now, "closed by the server");
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Reads once: `None` at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Option<io::Result<()>>> {
        let mut room = [0; READ];
        let mut buf = ReadBuf::new(&mut room);
        let Control::Plain(stream) = &mut self.control;
        match Pin::new(stream).poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) if buf.filled().is_empty() => Poll::Ready(None),
            Poll::Ready(Ok(())) => {
                self.session.handle_input(now, buf.filled());
                Poll::Ready(Some(Ok(())))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Pending => Poll::Pending,
        }
    }

    /// What the server said before the connection broke. `Some` if the session has ended over it.
    fn read_rest(&mut self, cx: &mut Context<'_>, now: Instant) -> Option<()> {
        while let Poll::Ready(Some(Ok(()))) = self.poll_read(cx, now) {
            if self.session.dead().is_some() {
                return Some(());
            }
        }
        None
    }

    fn poll_job(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let result = match &mut self.job {
            Some(DataJob::Connect(job) | DataJob::Accept(job)) => job.as_mut().poll(cx),
            None => Poll::Pending,
        };
        let Poll::Ready(result) = result else {
            return Poll::Pending;
        };
        self.job = None;
        let now = self.now();
        let event = match result {
            Ok(stream) => {
                self.data = Some(DataStream::Plain(stream));
                DataEvent::Connected
            }
            Err(reason) => DataEvent::Failed(reason),
        };
        self.session.handle_data(now, event);
        Poll::Ready(())
    }

    /// Makes the data connection that the server waits for.
    fn connect_data(&mut self, announced: Announced) {
        let host = match announced.host {
            Some(host) if self.server.trusts_passive_address() => host,
            // The control connection's other end, whatever the server claims.
            _ => self.peer.ip(),
        };
        let mut address = self.peer;
        address.set_ip(host);
        address.set_port(announced.port);
        let (net, limit) = (self.net.clone(), self.shared.limits.data_connection);
        self.job = Some(DataJob::Connect(Box::pin(async move {
            match net.clock().timeout(limit, net.connect_tcp(address)).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(format!("{address}: {error}")),
                Err(_) => Err(format!("{address}: no answer within {limit:?}")),
            }
        })));
    }

    /// Listens for the server's data connection.
    fn listen(&mut self) {
        let now = self.now();
        let mut local = self.local;
        local.set_port(0);
        let listener = self.net.listen_tcp(local).and_then(|listener| {
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        match listener {
            Ok((listener, mut address)) => {
                let (net, limit) = (self.net.clone(), self.shared.limits.data_connection);
                let peer = self.peer.ip();
                self.job = Some(DataJob::Accept(Box::pin(async move {
                    // One deadline for all that may knock.
                    match net.clock().timeout(limit, accept(&listener, peer)).await {
                        Ok(result) => result,
                        Err(_) => Err(format!("the server did not connect within {limit:?}")),
                    }
                })));
                address.set_ip(address.ip().to_canonical());
                self.session.handle_data(now, DataEvent::Listening(address));
            }
            Err(error) => self
                .session
                .handle_data(now, DataEvent::Failed(error.to_string())),
        }
    }

    /// Forgets the data connection, and what was to become one.
    pub(crate) fn drop_data(&mut self) {
        self.job = None;
        if let Some(data) = self.data.take() {
            data.reset();
        }
    }

    /// The ways to try for a data connection, the one that worked last first.
    pub(crate) fn methods(&self) -> Vec<Method> {
        let mut methods = self.server.methods(self.peer.is_ipv4());
        let memory = self.shared.memory_of(&self.server);
        if let Some(best) = memory.method
            && let Some(at) = methods.iter().position(|method| *method == best)
        {
            methods.remove(at);
            methods.insert(0, best);
        }
        methods
    }

    /// Something happened to the data connection.
    pub(crate) fn data_event(&mut self, event: DataEvent) {
        let now = self.now();
        self.session.handle_data(now, event);
    }

    /// The data connection has served its purpose, and is closed in order.
    pub(crate) fn forget_data(&mut self) {
        self.job = None;
        self.data = None;
    }

    /// Whether the control connection has, or had, TLS.
    pub(crate) const fn is_secure(&self) -> bool {
        false
    }

    /// Makes sure that a data connection can be had.
    pub(crate) async fn prepare_data(&mut self, _verb: crate::session::Verb) -> Result<(), Error> {
        Ok(())
    }
}

/// The first connection from `peer`; others are closed at once (RFC 2577 §4: a stranger must not take the server's
/// place).
async fn accept(listener: &TcpListener, peer: IpAddr) -> Result<TcpStream, String> {
    for _ in 0..STRANGERS {
        match listener.accept().await {
            Ok((stream, from)) if from.ip().to_canonical() == peer.to_canonical() => {
                return Ok(stream);
            }
            Ok((_, from)) => tracing::warn!(peer = %from, "stranger at the data port"),
            Err(error) => return Err(error.to_string()),
        }
    }
    Err(format!("{STRANGERS} strangers at the data port"))
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("server", &self.server)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}
