//! One control connection and its data connection: the I/O around a [`Session`].

mod control;
mod data;
mod dial;
#[cfg(feature = "tls")]
mod secure;
mod through;

use crate::client::Common;
use crate::error::{Error, ErrorKind, Phase};
use crate::reply::Reply;
use crate::server::Server;
use crate::session::{
    Announced, DataEvent, Method, Operation, Outcome, Output, Session, SessionConfig,
};
use fairway_stack::socks::{Binding, Target};
use fairway_stack::{Family, Instant, Net, TcpListener, TcpStream, Timer, option};
use std::fmt;
use std::future::{Future, poll_fn};
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::ReadBuf;

use control::{Control, Moved};
pub(crate) use data::{DataStream, reset};

/// Octets of the control connection read at once.
const READ: usize = 4096;
/// How long a server may be silent before TLS begins on a data connection without its word.
const SILENCE: Duration = Duration::from_secs(2);
/// How many further preliminary replies of a transfer are kept.
const MARKERS: usize = 4096;
/// How many strangers may knock at an active data port before it is given up.
const STRANGERS: usize = 16;

type Job<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// A connection, and what is under way on it. Whoever holds it drives it; it has no task of its own.
pub(crate) struct Link {
    pub(crate) net: Net,
    pub(crate) server: Arc<Server>,
    pub(crate) shared: Arc<Common>,
    pub(crate) session: Session,
    control: Control,
    outgoing: Vec<u8>,
    sent: usize,
    timer: Timer,
    /// TLS that begins or ends on the control connection.
    moving: Option<Job<Moved>>,
    #[cfg(feature = "tls")]
    tls: Option<crate::tls::TlsContext>,
    job: Option<DataJob>,
    /// A data connection that is to be protected before octets of a file pass it.
    bare: Option<TcpStream>,
    /// When TLS begins on it even without a word of the server.
    protect_at: Option<Instant>,
    pub(crate) data: Option<DataStream>,
    /// TLS that begins on a data connection of no use any more.
    fading: Option<Job<()>>,
    /// The data connection of an upload that was given up before the server said a word of it.
    held: Option<DataStream>,
    /// The server has begun; told as soon as the data connection is ready.
    begun: Option<Reply>,
    /// Whether the octets of the transfer under way go to the server.
    uploading: bool,
    /// Preliminary replies behind the first of a transfer.
    pub(crate) markers: Vec<Reply>,
    /// The other end of the control connection: the server, or the proxy before it.
    pub(crate) peer: SocketAddr,
    /// What the proxy that all connections go through is told of the server.
    pub(crate) far: Option<Target>,
    pub(crate) local: SocketAddr,
    pub(crate) opened_at: Instant,
    /// When it was last of use.
    pub(crate) used_at: Instant,
    /// Whether an operation has succeeded on it before the present lease.
    pub(crate) reused: bool,
}

/// What is to become the data connection.
enum DataJob {
    /// A proxy that is to wait for the server.
    Bind(Job<Result<Binding, String>>),
    /// A connection, made by either side.
    Open(Job<Result<TcpStream, String>>),
    /// TLS on it.
    #[cfg(feature = "tls")]
    Protect(Job<Result<DataStream, String>>),
}

/// What the driver of a link is told.
#[derive(Debug)]
pub(crate) enum Event {
    /// Octets may flow.
    Begin(Reply),
    /// A transfer between servers is ready on this side.
    Ready(Option<Announced>),
    /// The operation is over.
    Done(Result<Outcome, Error>),
}

impl Link {
    /// Connects, at an address of `family` if that matters, and logs in.
    pub(crate) async fn open(
        net: Net,
        server: Arc<Server>,
        shared: Arc<Common>,
        family: Option<Family>,
    ) -> Result<Self, Error> {
        let mut spec = server.login_spec()?;
        spec.features = shared.memory_of(&server).features;
        let (stream, far) = dial::dial(&net, &server, &shared.limits, family).await?;
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
            moving: None,
            #[cfg(feature = "tls")]
            tls: None,
            job: None,
            bare: None,
            protect_at: None,
            data: None,
            fading: None,
            held: None,
            begun: None,
            uploading: false,
            markers: Vec::new(),
            peer,
            far,
            local,
            opened_at: clock.now(),
            used_at: clock.now(),
            reused: false,
            net,
            server,
            shared,
        };
        #[cfg(feature = "tls")]
        link.prepare_tls()?;
        let login = link.run(Operation::Login(Box::new(spec))).await;
        login.map_err(|error| unmet(&link.server, error))?;
        let features = link.session.features();
        if features.are_known() {
            link.shared.memory(&link.server, |memory| {
                memory.features.get_or_insert_with(|| features.clone());
            });
        }
        tracing::info!(server = %link.server, "logged in");
        Ok(link)
    }

    /// The address at which the server is reached; behind a proxy it may not be known.
    pub(crate) fn reached_at(&self) -> Option<IpAddr> {
        match (&self.far, self.server.proxy_before()) {
            (Some(far), _) => far.address().map(|address| address.ip().to_canonical()),
            (None, None) => Some(self.peer.ip().to_canonical()),
            (None, Some(_)) => None,
        }
    }

    /// What kind of address that is.
    pub(crate) fn family(&self) -> Option<Family> {
        let address = self.reached_at()?;
        Some(Family::of(&SocketAddr::new(address, 0)))
    }

    fn now(&self) -> Instant {
        self.net.clock().now()
    }

    /// Begins an operation.
    pub(crate) fn begin(&mut self, operation: Operation) {
        let now = self.now();
        if let Operation::Transfer(spec) = &operation {
            self.uploading = spec.verb.is_upload();
        }
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
            let mut moved = self.poll_moving(cx).is_ready();
            moved |= self.poll_job(cx).is_ready();
            moved |= self.poll_control(cx).is_ready();
            if let Some(fading) = &mut self.fading
                && fading.as_mut().poll(cx).is_ready()
            {
                self.fading = None;
            }
            if !moved {
                // What was done may have set a time limit, or something to be sent: look once more.
                if self.session.has_output() {
                    continue;
                }
                let deadline = [self.session.poll_timeout(), self.protect_at];
                let deadline = deadline.into_iter().flatten().min();
                self.timer.reset(deadline);
                if deadline.is_none() || self.timer.poll_expired(cx).is_pending() {
                    return Poll::Pending;
                }
                let now = self.now();
                if self.protect_at.take_if(|at| *at <= now).is_some() {
                    self.protect();
                }
                self.session.handle_timeout(now);
            }
        }
    }

    fn take_outputs(&mut self) -> Option<Event> {
        while let Some(output) = self.session.poll_output() {
            match output {
                Output::Transmit(line) => self.outgoing.extend_from_slice(&line),
                Output::StartTls => self.move_control(true),
                Output::StopTls => self.move_control(false),
                Output::Connect(announced) => self.connect_data(announced),
                Output::Listen => self.listen(),
                Output::Ready(announced) => return Some(Event::Ready(announced)),
                Output::Begin(reply) => {
                    self.begun = Some(reply);
                    self.markers.clear();
                    self.protect();
                }
                // 110: where in the data the sender's marker stands here (RFC 959 §3.5).
                Output::Preliminary(reply) if self.markers.len() < MARKERS => {
                    self.markers.push(reply);
                }
                Output::Preliminary(_) => {}
                Output::DropData => {
                    self.drop_data();
                }
                Output::Note(note) => self.shared.trace(&self.server, &note),
                Output::Done(result) => {
                    self.begun = None;
                    self.fading = None;
                    self.let_go();
                    self.protect_at = None;
                    self.used_at = self.now();
                    return Some(Event::Done(result));
                }
            }
        }
        None
    }

    /// Whether a transfer that has begun can be told: between servers there is no data connection of ours.
    fn data_is_ready(&self) -> bool {
        self.data.is_some() || (self.job.is_none() && self.bare.is_none())
    }

    /// Reads and writes the control connection as far as it goes. Ready if something was read.
    fn poll_control(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let now = self.net.clock().now();
        if let Err(error) = self.poll_send(cx) {
            // Its last words may be there to be read: a server says 421 and closes.
            self.outgoing.clear();
            self.sent = 0;
            while let Poll::Ready(Some(Ok(()))) = self.poll_read(cx, now) {}
            self.session.handle_eof(now, &error.to_string());
            return Poll::Ready(());
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

    fn poll_send(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.outgoing.is_empty() {
            return Ok(());
        }
        while let Some(rest) = self
            .outgoing
            .get(self.sent..)
            .filter(|rest| !rest.is_empty())
        {
            match self.control.poll_write(cx, rest) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => self.sent += n,
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(()),
            }
        }
        match self.control.poll_flush(cx) {
            Poll::Ready(Ok(())) => {
                self.outgoing.clear();
                self.sent = 0;
                Ok(())
            }
            Poll::Ready(Err(error)) => Err(error),
            Poll::Pending => Ok(()),
        }
    }

    /// Reads once: `None` at the end.
    fn poll_read(&mut self, cx: &mut Context<'_>, now: Instant) -> Poll<Option<io::Result<()>>> {
        let mut room = [MaybeUninit::uninit(); READ];
        let mut buf = ReadBuf::uninit(&mut room);
        match self.control.poll_read(cx, &mut buf) {
            Poll::Ready(Ok(())) if buf.filled().is_empty() => Poll::Ready(None),
            Poll::Ready(Ok(())) => {
                self.let_go();
                self.session.handle_input(now, buf.filled());
                Poll::Ready(Some(Ok(())))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Some(Err(error))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_moving(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(job) = &mut self.moving else {
            return Poll::Pending;
        };
        let Poll::Ready(result) = job.as_mut().poll(cx) else {
            return Poll::Pending;
        };
        self.moving = None;
        let now = self.now();
        match result {
            Ok((control, octets)) => {
                self.control = control;
                self.session.handle_tls(now, Ok(()));
                if !octets.is_empty() {
                    self.session.handle_input(now, &octets);
                }
            }
            Err(error) => self.session.handle_tls(now, Err(error)),
        }
        Poll::Ready(())
    }

    fn poll_job(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.job {
            Some(DataJob::Bind(job)) => {
                let Poll::Ready(result) = job.as_mut().poll(cx) else {
                    return Poll::Pending;
                };
                self.job = None;
                match result {
                    Ok(binding) => self.bound(binding),
                    Err(reason) => self.data_event(DataEvent::Failed(reason)),
                }
                Poll::Ready(())
            }
            Some(DataJob::Open(job)) => {
                let Poll::Ready(result) = job.as_mut().poll(cx) else {
                    return Poll::Pending;
                };
                self.job = None;
                match result {
                    Ok(stream) => self.opened(stream),
                    Err(reason) => self.data_event(DataEvent::Failed(reason)),
                }
                Poll::Ready(())
            }
            #[cfg(feature = "tls")]
            Some(DataJob::Protect(job)) => {
                let Poll::Ready(result) = job.as_mut().poll(cx) else {
                    return Poll::Pending;
                };
                self.job = None;
                match result {
                    Ok(data) => self.data = Some(data),
                    Err(reason) => self.data_event(DataEvent::Broken(reason)),
                }
                Poll::Ready(())
            }
            None => Poll::Pending,
        }
    }

    /// A data connection has been made.
    fn opened(&mut self, stream: TcpStream) {
        if self.protects_data() {
            self.bare = Some(stream);
            if self.begun.is_some() {
                self.protect();
            } else {
                // Most servers begin TLS behind their 1xx, some before it (RFC 4217 §12.7).
                self.protect_at = Some(self.now() + SILENCE);
            }
        } else {
            self.data = Some(DataStream::Plain(stream));
        }
        self.data_event(DataEvent::Connected);
    }

    /// Makes the data connection that the server waits for.
    fn connect_data(&mut self, announced: Announced) {
        if self.far.is_some() {
            self.connect_through(announced);
            return;
        }
        let host = match announced.host {
            Some(host) if self.server.trusts_passive_address() => host,
            // The control connection's other end, whatever the server claims.
            _ => self.peer.ip(),
        };
        let mut address = self.peer;
        address.set_ip(host);
        address.set_port(announced.port);
        let (net, limit) = (self.net.clone(), self.shared.limits.data_connection);
        self.job = Some(DataJob::Open(Box::pin(async move {
            match net.clock().timeout(limit, net.connect_tcp(address)).await {
                Ok(Ok(stream)) => Ok(stream),
                Ok(Err(error)) => Err(format!("{address}: {error}")),
                Err(_) => Err(format!("{address}: no answer within {limit:?}")),
            }
        })));
    }

    /// Listens for the server's data connection.
    fn listen(&mut self) {
        if self.far.is_some() {
            self.listen_through();
            return;
        }
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
                self.job = Some(DataJob::Open(Box::pin(async move {
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
        self.protect_at = None;
        let (bare, data) = (self.bare.take(), self.data.take());
        if self.uploading {
            // Closed in order, what the server has got would be the whole file.
            if let Some(bare) = bare {
                reset(&bare);
            }
            if let Some(data) = data {
                data.reset();
            }
        }
    }

    /// The transfer under way is given up by its caller; what comes next is [`Operation::Recover`].
    pub(crate) fn give_up(&mut self) {
        if self.session.is_transferring() {
            self.fade();
            if self.data.as_ref().is_some_and(DataStream::is_protected) {
                // Of an end and then a reset, mod_tls of ProFTPD hears EPIPE, for which it ends the session; of a reset alone
                // it does not.
                if let Some(data) = self.data.take() {
                    data.reset();
                }
            } else if self.uploading && !self.session.has_begun() {
                // ProFTPD does not accept a connection that is reset before it comes to that, and waits for another.
                self.held = self.data.take();
            }
        }
        self.drop_data();
    }

    /// Breaks off the data connection that was held: the server has accepted it, or will not.
    fn let_go(&mut self) {
        if let Some(data) = self.held.take() {
            data.reset();
        }
    }

    /// The ways to try for a data connection, the one that worked last first.
    pub(crate) fn methods(&self) -> Vec<Method> {
        // What a proxy makes of a name is not known; a server without IPv4 refuses what it cannot.
        let ipv4 = match &self.far {
            Some(far) => far.address().is_none_or(|address| address.is_ipv4()),
            None => self.peer.is_ipv4(),
        };
        let mut methods = self.server.methods(ipv4);
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
        self.bare = None;
        self.data = None;
    }
}

#[cfg(not(feature = "tls"))]
impl Link {
    fn move_control(&mut self, _begin: bool) {
        let now = self.now();
        let error = ErrorKind::Tls {
            host: self.server.authority(),
            reason: "this build has no TLS".into(),
        };
        self.session.handle_tls(now, Err(error.into()));
    }

    fn protect(&mut self) {}

    fn fade(&mut self) {}

    const fn protects_data(&self) -> bool {
        false
    }

    /// Whether the control connection has, or had, TLS.
    pub(crate) const fn is_secure(&self) -> bool {
        false
    }

    /// Whether the next data connection has what it needs.
    pub(crate) const fn can_protect(&self) -> bool {
        true
    }

    pub(crate) const fn wants_resumption(&self, _error: &Error) -> bool {
        false
    }
}

/// A server that falls silent, breaks off or talks nonsense before the login is done was not reached.
fn unmet(server: &Server, error: Error) -> Error {
    match error.kind() {
        ErrorKind::Lost { .. } | ErrorKind::Protocol(_) => ErrorKind::Connect {
            host: server.authority(),
            reason: error.to_string(),
        }
        .into(),
        ErrorKind::TimedOut {
            phase: Phase::Reply,
        } => ErrorKind::TimedOut {
            phase: Phase::Connect,
        }
        .into(),
        _ => error,
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
