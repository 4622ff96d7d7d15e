//! Octets of a transfer, as streams.

use crate::data::{self, Decoder, Encoder, Mode, Structure, Type};
use crate::error::{Error, ErrorKind, Phase};
use crate::link::Event;
use crate::name::Name;
use crate::pool::{Lease, Want};
use crate::reply::Reply;
use crate::session::{DataEvent, Operation, Outcome, Setting, Tls, TransferSpec, Verb};
use crate::site::Site;
use crate::{answer, command};
use fairway_stack::Timer;
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How many times in a row the data connection is served before the control connection is looked at.
const TURNS: u32 = 16;
/// Octets read at once where they are converted.
const CHUNK: usize = 64 * 1024;

/// How the octets of a file are represented on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Representation {
    /// Type; image by default.
    pub ty: Type,
    /// Mode; stream by default.
    pub mode: Mode,
    /// Structure; file by default.
    pub structure: Structure,
    /// Line ends, code pages and limits of the conversion.
    pub options: data::Options,
}

impl Default for Representation {
    fn default() -> Self {
        Self {
            ty: Type::Image,
            mode: Mode::Stream,
            structure: Structure::File,
            options: data::Options::default(),
        }
    }
}

impl Representation {
    /// Text: type A, non-print, with line ends converted (RFC 959 §3.1.1.1).
    #[must_use]
    pub fn text() -> Self {
        Self {
            ty: Type::Ascii(data::Format::NonPrint),
            ..Self::default()
        }
    }

    /// Whether the octets of the file are those on the wire, in number and place.
    #[must_use]
    pub fn is_verbatim(&self) -> bool {
        matches!(self.ty, Type::Image | Type::Local(8)) && self.structure == Structure::File
    }
}

/// What is to be transferred.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) verb: Verb,
    pub(crate) path: Option<Name>,
    pub(crate) representation: Representation,
    /// Whether the type must be as in the representation: a listing in `MLSD` is the same in each.
    pub(crate) any_type: bool,
    pub(crate) restart: Option<Vec<u8>>,
    pub(crate) allocate: Option<u64>,
}

impl Plan {
    pub(crate) fn new(verb: Verb, path: Option<Name>, representation: Representation) -> Self {
        Self {
            verb,
            path,
            representation,
            any_type: false,
            restart: None,
            allocate: None,
        }
    }

    fn spec(&self, site: &Site, lease: &Lease) -> Result<TransferSpec, Error> {
        let charset = site.server.name_charset();
        let path = self.path.as_ref().map(|path| {
            let path = path.encode(charset)?.into_owned();
            // An argument that cannot be sent is refused before anything is.
            command::Command::with(self.verb.as_str(), &path)?;
            Ok(path)
        });
        let mut settings = Vec::new();
        if site.server.tls_plan() != Tls::None && lease.is_secure() {
            let level = if site.server.wants_private_data() {
                "P"
            } else {
                "C"
            };
            settings.push((Setting::Protection, level.to_owned()));
        }
        settings.push((Setting::SecureClient, "OFF".to_owned()));
        if !self.any_type {
            settings.push((Setting::Type, self.representation.ty.to_string()));
        }
        settings.push((Setting::Mode, self.representation.mode.to_string()));
        settings.push((
            Setting::Structure,
            self.representation.structure.to_string(),
        ));
        Ok(TransferSpec {
            verb: self.verb,
            argument: path.transpose().map_err(Error::argument("path"))?,
            settings,
            restart: self.restart.clone(),
            allocate: self.allocate,
            methods: {
                let mut methods = lease.methods();
                methods.retain(|method| !site.active_only || method.is_active());
                methods
            },
            third: None,
        })
    }
}

/// A transfer that has begun, and its connection.
pub(crate) struct Flow {
    lease: Lease,
    idle: Timer,
    turns: u32,
    done: Option<Result<Outcome, Error>>,
    /// The data connection has ended in order.
    ended: bool,
    pub(crate) begun: Option<Reply>,
}

impl Flow {
    /// Begins a transfer on a connection of its own.
    ///
    /// A connection that turns out to be dead before the verb was sent is replaced, once.
    pub(crate) async fn start(site: &Site, plan: &Plan) -> Result<Self, Error> {
        let mut want = Want::Any;
        loop {
            let mut lease = site.lease(want).await?;
            if !lease.can_protect() {
                // Its sessions have run out, and the server may insist: TLS 1.2 has one that can be resumed for ever.
                lease
                    .shared
                    .memory(&lease.server, |memory| memory.tls_capped = true);
                lease.abandon();
                want = Want::New;
                continue;
            }
            let spec = plan.spec(site, &lease)?;
            lease.begin(Operation::Transfer(Box::new(spec)));
            let (begun, done) = loop {
                match lease.event().await {
                    Event::Begin(reply) => break (Some(reply), None),
                    Event::Done(result) => break (None, Some(result)),
                    Event::Ready(_) => {}
                }
            };
            match done {
                Some(Err(error)) if want == Want::Any && lease.is_stale(&error) => want = Want::New,
                Some(Err(error)) if plan.verb != Verb::Stou && lease.wants_resumption(&error) => {
                    lease
                        .shared
                        .memory(&lease.server, |memory| memory.tls_capped = true);
                    lease.abandon();
                    want = Want::New;
                }
                Some(Err(error)) => return Err(error),
                done => {
                    let idle = lease.net.clock().timer();
                    return Ok(Self {
                        lease,
                        idle,
                        turns: 0,
                        done,
                        ended: false,
                        begun,
                    });
                }
            }
        }
    }

    /// Reads octets as they are on the wire; `false` at the end of the data connection.
    fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<bool, Error>> {
        if self.ended || self.done.is_some() {
            return Poll::Ready(Ok(false));
        }
        self.look_at_control(cx)?;
        let before = buf.filled().len();
        let Some(data) = &mut self.lease.data else {
            return Poll::Ready(Ok(false));
        };
        match data.poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                self.idle.reset(None);
                if buf.filled().len() > before {
                    return Poll::Ready(Ok(true));
                }
                self.ended = true;
                // ProFTPD says 226 only when our side is closed too.
                self.lease.forget_data();
                self.lease.data_event(DataEvent::Ended);
                Poll::Ready(Ok(false))
            }
            Poll::Ready(Err(error)) => {
                self.lease.data_event(DataEvent::Broken(error.to_string()));
                Poll::Ready(Err(ready!(self.poll_failure(cx, &error))))
            }
            Poll::Pending => self.wait(cx),
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, octets: &[u8]) -> Poll<Result<usize, Error>> {
        self.look_at_control(cx)?;
        if let Some(Err(error)) = &self.done {
            return Poll::Ready(Err(error.clone()));
        }
        let Some(data) = &mut self.lease.data else {
            return Poll::Ready(Err(broken("no data connection")));
        };
        match data.poll_write(cx, octets) {
            Poll::Ready(Ok(n)) => {
                self.idle.reset(None);
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(error)) => {
                self.lease.data_event(DataEvent::Broken(error.to_string()));
                Poll::Ready(Err(ready!(self.poll_failure(cx, &error))))
            }
            Poll::Pending => self.wait(cx),
        }
    }

    /// The data connection does not move: the control connection may say why, and there is a limit.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        self.turns = 0;
        self.poll_control(cx)?;
        if self.idle.deadline().is_none() {
            let limit = self.lease.shared.limits.data_idle;
            let now = self.lease.net.clock().now();
            self.idle.reset(Some(now + limit));
        }
        ready!(self.idle.poll_expired(cx));
        Poll::Ready(Err(ErrorKind::TimedOut {
            phase: Phase::DataIdle,
        }
        .into()))
    }

    fn look_at_control(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        self.turns += 1;
        if self.turns < TURNS {
            return Ok(());
        }
        self.turns = 0;
        self.poll_control(cx)
    }

    fn poll_control(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while self.done.is_none() {
            match self.lease.poll_event(cx) {
                Poll::Ready(Event::Done(Err(error))) => {
                    self.done = Some(Err(error.clone()));
                    return Err(error);
                }
                Poll::Ready(Event::Done(result)) => self.done = Some(result),
                Poll::Ready(_) => {}
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// The server's reason for a broken data connection is better than the system's.
    fn poll_failure(&mut self, cx: &mut Context<'_>, error: &io::Error) -> Poll<Error> {
        Poll::Ready(match ready!(self.poll_done(cx)) {
            Err(error) => error,
            Ok(_) => broken(&error.to_string()),
        })
    }

    fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outcome, Error>> {
        loop {
            match &mut self.done {
                Some(Err(error)) => return Poll::Ready(Err(error.clone())),
                Some(Ok(outcome)) => return Poll::Ready(Ok(std::mem::take(outcome))),
                None => {}
            }
            if self.ended
                && let Some(data) = &mut self.lease.data
            {
                data.poll_drain(cx);
            }
            if let Event::Done(result) = ready!(self.lease.poll_event(cx)) {
                self.done = Some(result);
            }
        }
    }

    /// Tells the server that all has been sent.
    fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.ended || self.done.is_some() {
            return Poll::Ready(Ok(()));
        }
        let Some(data) = &mut self.lease.data else {
            return Poll::Ready(Ok(()));
        };
        match ready!(data.poll_finish(cx)) {
            Ok(()) => {
                self.ended = true;
                self.lease.data_event(DataEvent::Ended);
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                self.lease.data_event(DataEvent::Broken(error.to_string()));
                Poll::Ready(Err(ready!(self.poll_failure(cx, &error))))
            }
        }
    }

    /// Waits for the server's final reply, and gives the connection back to the pool.
    async fn end(mut self) -> Result<Outcome, Error> {
        let outcome = poll_fn(|cx| self.poll_done(cx)).await;
        if let Ok(outcome) = &outcome
            && let Some(method) = outcome.method
        {
            let lease = &self.lease;
            lease
                .shared
                .memory(&lease.server, |memory| memory.method = Some(method));
        }
        self.lease.forget_data();
        outcome
    }
}

fn broken(reason: &str) -> Error {
    ErrorKind::Aborted {
        reason: reason.into(),
        reply: None,
    }
    .into()
}

/// A file or listing on its way to us.
///
/// Reads to the end like any other stream; the end comes only after the server has said that all was sent, and what is
/// short or broken is an error instead. An error of it holds an [`Error`] (`io::Error::get_ref`).
///
/// # Cancel safety
/// Dropped before its end, the transfer is given up and the connection gets back in step by itself. Unread, it stands
/// still, and the control connection is not kept alive.
pub struct Download {
    flow: Option<Flow>,
    decoder: Decoder,
    transparent: bool,
    /// Octets from the wire, where they are converted.
    wire: Vec<u8>,
    /// Whether the decoder has more to give without new octets.
    again: bool,
    /// Converted octets that have not been read.
    ready: Vec<u8>,
    taken: usize,
    received: u64,
    markers: Vec<Vec<u8>>,
    ending: Ending,
}

/// How far the end of a download has come.
enum Ending {
    Flowing,
    /// All octets are there; the final reply is not.
    Waiting(Pin<Box<dyn Future<Output = Result<Outcome, Error>> + Send>>),
    Ended(Outcome),
    Failed(Error),
}

impl Download {
    pub(crate) fn new(flow: Flow, representation: &Representation) -> Result<Self, Error> {
        let Representation {
            ty,
            mode,
            structure,
            options,
        } = representation;
        let decoder = Decoder::new(*ty, *structure, *mode, *options).map_err(unsupported)?;
        Ok(Self {
            transparent: decoder.is_transparent(),
            decoder,
            flow: Some(flow),
            wire: Vec::new(),
            again: false,
            ready: Vec::new(),
            taken: 0,
            received: 0,
            markers: Vec::new(),
            ending: Ending::Flowing,
        })
    }

    /// The size that the server announced in its preliminary reply, if it did: good for a progress bar.
    #[must_use]
    pub fn announced_size(&self) -> Option<u64> {
        answer::announced_size(self.flow.as_ref()?.begun.as_ref()?)
    }

    /// Octets read from the data connection so far.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// The restart markers that came in block or compressed mode (RFC 959 §3.5).
    #[must_use]
    pub fn markers(&self) -> &[Vec<u8>] {
        &self.markers
    }

    /// Reads what is left and gives the server's final reply.
    ///
    /// # Errors
    /// What made the transfer fail.
    pub async fn finish(mut self) -> Result<Reply, Error> {
        use tokio::io::AsyncReadExt as _;
        let mut rest = vec![0; 8192];
        loop {
            match self.read(&mut rest).await {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) => return Err(self.failure(error)),
            }
        }
        match self.ending {
            Ending::Ended(outcome) => outcome
                .replies
                .into_iter()
                .next_back()
                .ok_or_else(|| broken("no reply")),
            Ending::Failed(error) => Err(error),
            Ending::Flowing | Ending::Waiting(_) => Err(broken("no end")),
        }
    }

    pub(crate) fn failure(&self, error: io::Error) -> Error {
        match &self.ending {
            Ending::Failed(error) => error.clone(),
            _ => Error::local("")(error),
        }
    }

    fn fail(&mut self, error: Error) -> io::Error {
        // What the server still sends is of no interest: the connection gets back in step by itself.
        self.flow = None;
        self.ending = Ending::Failed(error.clone());
        error.into()
    }

    /// Octets of the wire into `buf`, or the end.
    fn poll_transparent(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        if let (Ending::Flowing, Some(flow)) = (&self.ending, &mut self.flow) {
            match ready!(flow.poll_read(cx, buf)) {
                Ok(true) => {
                    self.received += (buf.filled().len() - before) as u64;
                    return Poll::Ready(Ok(()));
                }
                Ok(false) => {}
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
        }
        self.poll_end(cx)
    }

    fn poll_converted(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let left = self.ready.get(self.taken..).unwrap_or_default();
            if !left.is_empty() {
                let n = left.len().min(buf.remaining());
                buf.put_slice(left.get(..n).unwrap_or_default());
                self.taken += n;
                return Poll::Ready(Ok(()));
            }
            self.ready.clear();
            self.taken = 0;
            if !matches!(self.ending, Ending::Flowing) {
                return self.poll_end(cx);
            }
            if self.again || !self.wire.is_empty() {
                if let Err(error) = self.convert() {
                    return Poll::Ready(Err(self.fail(error)));
                }
                continue;
            }
            let Some(flow) = &mut self.flow else {
                return self.poll_end(cx);
            };
            let mut chunk = std::mem::take(&mut self.wire);
            chunk.resize(CHUNK, 0);
            let mut raw = ReadBuf::new(&mut chunk);
            let read = flow.poll_read(cx, &mut raw);
            let n = raw.filled().len();
            chunk.truncate(n);
            self.wire = chunk;
            match ready!(read) {
                Ok(true) => self.received += n as u64,
                Ok(false) => {
                    if let Err(error) = self.decoder.finish(&mut self.ready) {
                        return Poll::Ready(Err(self.fail(codec(error))));
                    }
                    if self.ready.is_empty() {
                        return self.poll_end(cx);
                    }
                    // What the end of the data completes is read first.
                    self.begin_end();
                }
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
        }
    }

    /// Converts what has come from the wire.
    fn convert(&mut self) -> Result<(), Error> {
        let progress = self
            .decoder
            .decode(&self.wire, &mut self.ready)
            .map_err(codec)?;
        self.wire.drain(..progress.consumed);
        self.again = progress.again;
        for event in progress.events {
            if let data::Event::Marker { octets, .. } = event {
                self.markers.push(octets);
            }
        }
        if progress.ended {
            // The mode says so itself; the connection need not end (RFC 959 §3.3).
            if !self.wire.is_empty() {
                return Err(broken("octets behind the end of the file"));
            }
            if let Some(flow) = &mut self.flow {
                flow.ended = true;
                flow.lease.data_event(DataEvent::Ended);
            }
            self.begin_end();
        }
        Ok(())
    }

    fn begin_end(&mut self) {
        if let Some(flow) = self.flow.take() {
            self.ending = Ending::Waiting(Box::pin(flow.end()));
        }
    }

    /// The final reply.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            match &mut self.ending {
                Ending::Flowing => {
                    if self.flow.is_none() {
                        return Poll::Ready(Ok(()));
                    }
                    self.begin_end();
                }
                Ending::Waiting(end) => match ready!(end.as_mut().poll(cx)) {
                    Ok(outcome) => self.ending = Ending::Ended(outcome),
                    Err(error) => self.ending = Ending::Failed(error),
                },
                Ending::Ended(_) => return Poll::Ready(Ok(())),
                Ending::Failed(error) => return Poll::Ready(Err(error.clone().into())),
            }
        }
    }
}

fn codec(error: data::CodecError) -> Error {
    ErrorKind::Aborted {
        reason: error.to_string(),
        reply: None,
    }
    .into()
}

fn unsupported(error: data::Unsupported) -> Error {
    ErrorKind::Unsupported(error.to_string()).into()
}

impl AsyncRead for Download {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.transparent {
            this.poll_transparent(cx, buf)
        } else {
            this.poll_converted(cx, buf)
        }
    }
}

impl fmt::Debug for Download {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download")
            .field("received", &self.received)
            .finish_non_exhaustive()
    }
}

/// A file on its way to the server.
///
/// Write to it, then [`finish`](Self::finish): only that tells whether the server has it. Shutting it down as an
/// `AsyncWrite` does the same.
///
/// # Cancel safety
/// Dropped before that, the transfer is given up in a way that the server does not take for the end of the file. A file
/// that existed before may be cut short there: it is being replaced from the first octet on.
pub struct Upload {
    flow: Option<Flow>,
    encoder: Encoder,
    transparent: bool,
    /// Converted octets that have not been sent.
    wire: Vec<u8>,
    sent_of_wire: usize,
    sent: u64,
    ended: bool,
    ending: Ending,
    name: Option<Vec<u8>>,
}

impl Upload {
    pub(crate) fn new(flow: Flow, representation: &Representation) -> Result<Self, Error> {
        let Representation {
            ty,
            mode,
            structure,
            options,
        } = representation;
        let encoder = Encoder::new(*ty, *structure, *mode, *options).map_err(unsupported)?;
        Ok(Self {
            transparent: encoder.is_transparent(),
            encoder,
            name: flow.begun.as_ref().and_then(answer::unique_name),
            flow: Some(flow),
            wire: Vec::new(),
            sent_of_wire: 0,
            sent: 0,
            ended: false,
            ending: Ending::Flowing,
        })
    }

    /// Octets that the data connection has taken so far.
    #[must_use]
    pub const fn sent(&self) -> u64 {
        self.sent
    }

    /// The name that the server gave to the file, of a put with a unique name.
    #[must_use]
    pub fn unique_name(&self) -> Option<&[u8]> {
        self.name.as_deref()
    }

    /// Puts a restart marker into the data (RFC 959 §3.5), in block or compressed mode.
    ///
    /// # Errors
    /// [`ErrorKind::Unsupported`] in other modes.
    pub fn mark(&mut self, marker: &[u8]) -> Result<(), Error> {
        let marked = self.encoder.insert_marker(marker, &mut self.wire);
        marked
            .map(drop)
            .map_err(|error| ErrorKind::Unsupported(error.to_string()).into())
    }

    /// Says that this was all, and waits until the server has said that it has all.
    ///
    /// # Errors
    /// What made the transfer fail.
    pub async fn finish(&mut self) -> Result<Reply, Error> {
        if let Err(error) = poll_fn(|cx| self.poll_close(cx)).await {
            return Err(self.failure(error));
        }
        match &self.ending {
            Ending::Ended(outcome) => {
                if let (None, Some(reply)) = (&self.name, outcome.replies.last()) {
                    self.name = answer::unique_name(reply);
                }
                outcome
                    .replies
                    .last()
                    .cloned()
                    .ok_or_else(|| broken("no reply"))
            }
            Ending::Failed(error) => Err(error.clone()),
            Ending::Flowing | Ending::Waiting(_) => Err(broken("no end")),
        }
    }

    pub(crate) fn failure(&self, error: io::Error) -> Error {
        match &self.ending {
            Ending::Failed(error) => error.clone(),
            _ => Error::local("")(error),
        }
    }

    fn fail(&mut self, error: Error) -> io::Error {
        self.flow = None;
        self.ending = Ending::Failed(error.clone());
        error.into()
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest) = self
            .wire
            .get(self.sent_of_wire..)
            .filter(|rest| !rest.is_empty())
        {
            let Some(flow) = &mut self.flow else {
                return Poll::Ready(Err(self.gone()));
            };
            match ready!(flow.poll_write(cx, rest)) {
                Ok(n) => {
                    self.sent_of_wire += n;
                    self.sent += n as u64;
                }
                Err(error) => return Poll::Ready(Err(self.fail(error))),
            }
        }
        self.wire.clear();
        self.sent_of_wire = 0;
        Poll::Ready(Ok(()))
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if matches!(self.ending, Ending::Flowing) {
            if !self.ended {
                self.ended = true;
                if let Err(error) = self.encoder.finish(&mut self.wire) {
                    return Poll::Ready(Err(self.fail(codec(error))));
                }
            }
            ready!(self.poll_send(cx))?;
            if let Some(flow) = &mut self.flow {
                match ready!(flow.poll_finish(cx)) {
                    Ok(()) => {}
                    Err(error) => return Poll::Ready(Err(self.fail(error))),
                }
            }
            if let Some(flow) = self.flow.take() {
                self.ending = Ending::Waiting(Box::pin(flow.end()));
            }
        }
        if let Ending::Waiting(end) = &mut self.ending {
            match ready!(end.as_mut().poll(cx)) {
                Ok(outcome) => self.ending = Ending::Ended(outcome),
                Err(error) => self.ending = Ending::Failed(error),
            }
        }
        match &self.ending {
            Ending::Failed(error) => Poll::Ready(Err(error.clone().into())),
            _ => Poll::Ready(Ok(())),
        }
    }

    fn gone(&self) -> io::Error {
        match &self.ending {
            Ending::Failed(error) => error.clone().into(),
            _ => io::ErrorKind::BrokenPipe.into(),
        }
    }
}

impl AsyncWrite for Upload {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        ready!(this.poll_send(cx))?;
        let Some(flow) = &mut this.flow else {
            return Poll::Ready(Err(this.gone()));
        };
        if this.transparent {
            return match ready!(flow.poll_write(cx, octets)) {
                Ok(n) => {
                    this.sent += n as u64;
                    Poll::Ready(Ok(n))
                }
                Err(error) => Poll::Ready(Err(this.fail(error))),
            };
        }
        let part = octets.get(..CHUNK).unwrap_or(octets);
        if let Err(error) = this.encoder.encode(part, &mut this.wire) {
            return Poll::Ready(Err(this.fail(codec(error))));
        }
        Poll::Ready(Ok(part.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_send(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_close(cx)
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("sent", &self.sent)
            .finish_non_exhaustive()
    }
}
