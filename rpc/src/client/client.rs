//! The async API.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fairway_stack::{Family, Instant, LocalAddr, Net, NetError};
use fairway_xdr::{DecodeOwned, Decoder, Encode, EncodeError, Encoder, Mode};

use super::conn::{self, Conn, Target, Wire};
use super::core::{ClientCounters, Terms};
use super::stream::StreamIo;
use super::udp::DatagramIo;
use crate::auth::{AuthNone, CallHead, ClientAuth, Next, Ticket};
use crate::bind::Transport;
use crate::error::{CallError, ConnectError};
use crate::limits::ClientLimits;
use crate::msg::{
    AcceptStat, CallHeader, Procedure, RejectStat, ReplyFault, ReplyHeader, ReplyStat,
};
use crate::portmapper;
use crate::record::{self, MARK_LEN};
use crate::server::{Counters, Limits, Peer, Registry, Served, TransportKind};
use crate::transport::{Channel, Link, Stream};

/// How a client connects and calls, unless a call's [`CallOptions`] say otherwise.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientConfig {
    /// The time for a whole call, waiting, resending and reconnecting included. Default 25 s, as the
    /// stubs of the C `rpcgen`; `Duration::MAX` means no limit.
    pub deadline: Duration,
    /// The time for making a connection. Default 10 s.
    pub connect_time: Duration,
    /// The flavour of authentication. Default [`AuthNone`].
    pub auth: Arc<dyn ClientAuth>,
    /// Send calls again, with the same xid, when their connection was lost. Default `false`: a call may
    /// then run twice, unless the server keeps a duplicate cache for its transport.
    pub resend: bool,
    /// Bind to a port of 512–1023, which old servers take for a sign of privilege. Default `false`.
    pub reserved_port: bool,
    /// Time until a datagram is first sent again; doubled each time. Default 1 s.
    pub first_wait: Duration,
    /// The longest time between two sendings of a datagram. Default 8 s.
    pub longest_wait: Duration,
    /// Datagrams of calls in flight, at most, over UDP; further calls wait in order. Halved when calls have to be sent again, and grown by one for
    /// each window of replies (RFC 8085 §3.1.2). Default 128: half of what the receive buffer of a Linux socket holds.
    pub udp_window: usize,
    /// Pause after the first failed attempt to connect again; doubled each time. Default 100 ms.
    pub first_pause: Duration,
    /// The longest pause between two attempts to connect. Default 10 s.
    pub longest_pause: Duration,
    /// Where portmappers listen. Default 111.
    pub portmapper_port: u16,
    /// How strictly results are decoded.
    pub mode: Mode,
    /// Caps.
    pub limits: ClientLimits,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(25),
            connect_time: Duration::from_secs(10),
            auth: Arc::new(AuthNone),
            resend: false,
            reserved_port: false,
            first_wait: Duration::from_secs(1),
            longest_wait: Duration::from_secs(8),
            udp_window: 128,
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
            portmapper_port: portmapper::PORT,
            mode: Mode::Strict,
            limits: ClientLimits::default(),
        }
    }
}

impl ClientConfig {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this flavour of authentication.
    #[must_use]
    pub fn auth(mut self, auth: impl ClientAuth + 'static) -> Self {
        self.auth = Arc::new(auth);
        self
    }

    /// With this time for a whole call; `Duration::MAX` means no limit.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// With this time for making a connection.
    #[must_use]
    pub fn connect_time(mut self, time: Duration) -> Self {
        self.connect_time = time;
        self
    }

    /// Whether calls are sent again when their connection was lost.
    #[must_use]
    pub fn resend(mut self, resend: bool) -> Self {
        self.resend = resend;
        self
    }

    /// Whether to bind to a port of 512–1023.
    #[must_use]
    pub fn reserved_port(mut self, reserved: bool) -> Self {
        self.reserved_port = reserved;
        self
    }

    /// With so many datagrams of calls in flight, at most.
    #[must_use]
    pub fn udp_window(mut self, datagrams: usize) -> Self {
        self.udp_window = datagrams;
        self
    }

    /// With this time until a datagram is first sent again.
    #[must_use]
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
        self
    }

    /// With portmappers at this port.
    #[must_use]
    pub fn portmapper_port(mut self, port: u16) -> Self {
        self.portmapper_port = port;
        self
    }

    /// With this strictness in decoding results.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// With these caps.
    #[must_use]
    pub fn limits(mut self, limits: ClientLimits) -> Self {
        self.limits = limits;
        self
    }
}

/// How one call, or all calls of one generated client, differ from the [`ClientConfig`].
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CallOptions {
    /// The time for the whole call; `None` is the configured one, `Duration::MAX` none.
    pub deadline: Option<Duration>,
    /// The flavour of authentication; `None` is the configured one.
    pub auth: Option<Arc<dyn ClientAuth>>,
    /// Whether to send again when the connection was lost; `None` is the configured choice.
    pub resend: Option<bool>,
}

impl CallOptions {
    /// As configured.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            deadline: None,
            auth: None,
            resend: None,
        }
    }

    /// With this time for the whole call.
    #[must_use]
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// With this flavour of authentication.
    #[must_use]
    pub fn auth(mut self, auth: Arc<dyn ClientAuth>) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Whether to send again, with the same xid, when the connection was lost.
    #[must_use]
    pub fn resend(mut self, resend: bool) -> Self {
        self.resend = Some(resend);
        self
    }
}

/// A handle on one connection or one UDP socket; clones share it.
///
/// Any number of calls can be in flight at once; replies may come in any order. A lost connection is made again
/// by the next call. The connection ends when the last clone is dropped.
///
/// # Cancel safety
/// The future of a call can be dropped at any time: its place and its octets that are not yet written are given
/// back at once, and a reply that comes later is dropped. If octets of it were written, the call may run.
#[derive(Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

/// Ends the connection with the last client.
struct Handle {
    conn: Arc<Conn>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.conn.close();
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("conn", &self.handle.conn)
            .finish()
    }
}

/// Arguments that are encoded already.
struct Encoded(Bytes);

impl Encode for Encoded {
    fn encoded_len(&self) -> usize {
        self.0.len()
    }

    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        e.raw_shared(&self.0)
    }
}

/// How often a refused credential is made anew for one call, rpc-api §3.2.
const REFUSALS: u32 = 2;

impl Client {
    fn new(
        net: &Net,
        config: ClientConfig,
        target: Target,
        wire: Wire,
        link: Option<Arc<dyn Link>>,
    ) -> Self {
        Self {
            handle: Arc::new(Handle {
                conn: Conn::new(net, config, target, wire, link),
            }),
        }
    }

    fn over_channel(net: &Net, config: ClientConfig, target: Target, channel: Channel) -> Self {
        let wire = Wire::Stream(StreamIo::new(channel, config.limits.record));
        Self::new(net, config, target, wire, None)
    }

    /// Connects to a program at `peer` over TCP.
    ///
    /// # Errors
    /// [`ConnectError::System`] and [`ConnectError::Connect`] as the system refuses; [`ConnectError::TimedOut`].
    ///
    /// # Cancel safety
    /// Dropping it gives the attempt up.
    pub async fn tcp(
        net: &Net,
        peer: SocketAddr,
        config: ClientConfig,
    ) -> Result<Self, ConnectError> {
        let target = Target::Tcp(peer);
        let channel = conn::connect(net, &target, &config).await?;
        Ok(Self::over_channel(net, config, target, channel))
    }

    /// Connects to a program at a local (Unix) stream socket.
    ///
    /// # Errors
    /// As [`Client::tcp`].
    ///
    /// # Cancel safety
    /// Dropping it gives the attempt up.
    pub async fn local(
        net: &Net,
        peer: &LocalAddr,
        config: ClientConfig,
    ) -> Result<Self, ConnectError> {
        let target = Target::Local(peer.clone());
        let channel = conn::connect(net, &target, &config).await?;
        Ok(Self::over_channel(net, config, target, channel))
    }

    /// A client of a program at `peer` over UDP; does not ask whether anybody is there.
    ///
    /// A call is sent again with the same xid, each time after twice the wait, until a reply comes or its time is
    /// over (RFC 5531 §5): it may run more than once, unless the server keeps a duplicate cache.
    ///
    /// # Errors
    /// [`ConnectError::Connect`] if there is no route, [`ConnectError::System`] without a reserved port when asked for one.
    #[expect(clippy::unused_async, reason = "the signature of all ways to connect")]
    pub async fn udp(
        net: &Net,
        peer: SocketAddr,
        config: ClientConfig,
    ) -> Result<Self, ConnectError> {
        let socket = net.udp_socket(Family::of(&peer))?;
        if config.reserved_port {
            socket.bind_reserved(&mut net.rng())?;
        }
        // Connected, so that only this peer's datagrams arrive, and word that nobody listens there.
        socket
            .connect(peer)
            .map_err(|error| ConnectError::Connect {
                peer: peer.to_string().into(),
                error,
            })?;
        let limits = config.limits;
        let wire = Wire::Datagram(DatagramIo::new(socket, limits.udp_send, limits.udp_receive));
        Ok(Self::new(net, config, Target::None, wire, None))
    }

    /// Connects to a program on `host`, a name or an address: asks the host's portmapper where the program is, over the
    /// same transport (`clnt_create`). A host with several addresses is tried at each.
    ///
    /// Over [`Transport::Local`] the machine is this one, and `host` is not looked at.
    ///
    /// # Errors
    /// As [`lookup`](crate::portmapper::lookup) and [`Client::tcp`]; [`ConnectError::UnknownHost`].
    ///
    /// # Cancel safety
    /// Dropping it gives the attempt up.
    pub async fn dial(
        net: &Net,
        host: &str,
        program: u32,
        version: u32,
        transport: Transport,
        config: ClientConfig,
    ) -> Result<Self, ConnectError> {
        if transport == Transport::Local {
            let path = portmapper::lookup_local(net, program, version).await?;
            return Self::local(net, &path, config).await;
        }
        let mut failed = ConnectError::UnknownHost(NetError::HostNotFound);
        for address in net.lookup(host).await? {
            let found =
                portmapper::lookup(net, address, program, version, transport, &config).await;
            let made = match (found, transport) {
                (Ok(peer), Transport::Udp) => Self::udp(net, peer, config.clone()).await,
                (Ok(peer), _) => Self::tcp(net, peer, config.clone()).await,
                (Err(error), _) => Err(error),
            };
            match made {
                Ok(client) => return Ok(client),
                // What the first address says is most to the point, unless nobody was there.
                Err(error) if matches!(failed, ConnectError::UnknownHost(_)) => failed = error,
                Err(_) => {}
            }
        }
        Err(failed)
    }

    /// A client over a stream that is connected already. When it is lost, it is not made again.
    #[must_use]
    pub fn from_stream(net: &Net, stream: impl Stream, config: ClientConfig) -> Self {
        Self::from_channel(net, Channel::Other(Box::new(stream)), config)
    }

    /// [`from_stream`](Self::from_stream) over one of the known kinds.
    #[must_use]
    pub fn from_channel(net: &Net, channel: Channel, config: ClientConfig) -> Self {
        Self::over_channel(net, config, Target::None, channel)
    }

    /// A client over a connection that somebody else reads; its replies come by [`deliver`](Self::deliver).
    pub(crate) fn over(net: &Net, link: Arc<dyn Link>, config: ClientConfig) -> Self {
        Self::new(net, config, Target::None, Wire::None, Some(link))
    }

    /// A reply arrived on the connection under the link; `reply` is the record without its mark.
    pub(crate) fn deliver(&self, reply: Bytes) {
        self.handle.conn.deliver(reply);
    }

    /// The connection under the link has ended: what is in flight fails.
    pub(crate) fn link_closed(&self) {
        self.handle.conn.link_closed();
    }

    /// How it was configured.
    #[must_use]
    pub fn config(&self) -> &ClientConfig {
        &self.handle.conn.config
    }

    /// The network it belongs to.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.handle.conn.net
    }

    /// What it has seen.
    #[must_use]
    pub fn counters(&self) -> ClientCounters {
        self.handle.conn.counters()
    }

    /// Calls in flight, and octets of calls and batched calls that are not yet written.
    #[must_use]
    pub fn load(&self) -> (usize, usize) {
        self.handle.conn.load()
    }

    /// Calls `procedure` with `args` and waits for its results.
    ///
    /// # Errors
    /// See [`CallError`]; [`may_have_run`](CallError::may_have_run) tells whether it can be made again without
    /// harm.
    ///
    /// # Cancel safety
    /// See [`Client`].
    pub async fn call<A, R>(
        &self,
        procedure: Procedure,
        args: &A,
        options: &CallOptions,
    ) -> Result<R, CallError>
    where
        A: Encode + Sync + ?Sized,
        R: DecodeOwned,
    {
        let results = self.exchange(procedure, &args, options).await?;
        let config = self.config();
        let mut d = Decoder::shared(&results)
            .with_limits(config.limits.decode)
            .with_mode(config.mode);
        let value = R::decode(&mut d)?;
        d.finish()?;
        Ok(value)
    }

    /// Calls `procedure` with arguments that are encoded already, and gives the encoded results.
    ///
    /// # Errors
    /// As [`call`](Self::call); [`CallError::Encode`] if `args` is not a multiple of four octets.
    ///
    /// # Cancel safety
    /// See [`Client`].
    pub async fn call_raw(
        &self,
        procedure: Procedure,
        args: Bytes,
        options: &CallOptions,
    ) -> Result<Bytes, CallError> {
        self.exchange(procedure, &Encoded(args), options).await
    }

    fn terms(&self, options: &CallOptions) -> Terms {
        let config = self.config();
        let span = options.deadline.unwrap_or(config.deadline);
        let began = (span != Duration::MAX).then(|| self.handle.conn.clock.now());
        Terms {
            began,
            deadline: began.map(|began| began + span),
            resend: options.resend.unwrap_or(config.resend),
            one_way: false,
        }
    }

    /// The call itself, for every type of arguments and results.
    async fn exchange(
        &self,
        procedure: Procedure,
        args: &(dyn Encode + Sync),
        options: &CallOptions,
    ) -> Result<Bytes, CallError> {
        let conn = &self.handle.conn;
        let mut terms = self.terms(options);
        let auth = match &options.auth {
            Some(auth) => &**auth,
            None => &*conn.config.auth,
        };
        let mut refusals = 0;
        loop {
            if let Some(prepared) = auth.prepare(self) {
                within(conn, terms.deadline, prepared).await??;
                terms.began = None;
            }
            // The header, a credential of AUTH_SYS included, is a trifle beside what one call may take.
            let octets = args.encoded_len().saturating_add(64);
            let (place, frame) = conn.admit(octets, terms).await?;
            let (frame, ticket) = self.encode(place.xid, procedure, args, auth, frame)?;
            let record = place.exchange(frame, &terms).await?;
            // A second round begins later.
            terms.began = None;
            let (header, results) = ReplyHeader::parse(&record).map_err(|fault| match fault {
                ReplyFault::Truncated => CallError::Malformed("cut short"),
                ReplyFault::Unknown { field, .. } => CallError::Malformed(field),
                ReplyFault::BadVerifier { .. } => CallError::Malformed("verifier"),
                ReplyFault::NotAReply(_) => CallError::Malformed("message type"),
            })?;
            match header.stat {
                ReplyStat::Accepted(verifier, stat) => {
                    auth.check_verifier(ticket, &verifier)?;
                    return match stat {
                        AcceptStat::Success if auth.seals() => Ok(auth.unwrap(ticket, results)?),
                        AcceptStat::Success => Ok(results),
                        AcceptStat::ProgUnavail => Err(CallError::ProgUnavail),
                        AcceptStat::ProgMismatch { low, high } => {
                            Err(CallError::ProgMismatch { low, high })
                        }
                        AcceptStat::ProcUnavail => Err(CallError::ProcUnavail),
                        AcceptStat::GarbageArgs => Err(CallError::GarbageArgs),
                        AcceptStat::SystemErr => Err(CallError::SystemErr),
                    };
                }
                ReplyStat::Denied(RejectStat::RpcMismatch { low, high }) => {
                    return Err(CallError::VersMismatch { low, high });
                }
                ReplyStat::Denied(RejectStat::AuthError(why)) => {
                    if refusals == REFUSALS || auth.refused(ticket, why) == Next::GiveUp {
                        return Err(CallError::Auth(why));
                    }
                    refusals += 1;
                }
            }
        }
    }

    /// Writes a whole call, its record mark included where one is wanted.
    fn encode(
        &self,
        xid: u32,
        procedure: Procedure,
        args: &dyn Encode,
        auth: &dyn ClientAuth,
        frame: Encoder,
    ) -> Result<(Encoder, Ticket), CallError> {
        let conn = &self.handle.conn;
        let mode = conn.config.mode;
        let mut e = frame.with_mode(mode);
        let head_at = if conn.framed {
            e.put([0; MARK_LEN]);
            MARK_LEN
        } else {
            0
        };
        CallHeader::put_fixed(xid, procedure, &mut e);
        let (credential, ticket) = auth.credential(&CallHead { xid, procedure })?;
        credential.put(&mut e);
        if auth.seals() {
            let head: Vec<u8> = e.segments().flatten().skip(head_at).copied().collect();
            auth.verifier(ticket, &head)?.put(&mut e);
            let mut plain = Encoder::with_capacity(args.encoded_len()).with_mode(mode);
            args.encode(&mut plain)?;
            e.raw_shared(&auth.wrap(ticket, plain.into_bytes())?)?;
        } else {
            auth.verifier(ticket, &[])?.put(&mut e);
            args.encode(&mut e)?;
        }
        if conn.framed {
            let Some(mark) = record::mark(e.len() - MARK_LEN) else {
                let octets = e.len();
                return Err(CallError::Send(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("call of {octets} octets, at most 2^31-1 in a record"),
                )));
            };
            e.patch_u32(0, u32::from_be_bytes(mark));
        }
        Ok((e, ticket))
    }

    /// Queues a call that the server does not answer (RFC 5531 §8.4.1) without writing it: many of them leave in one
    /// write, by [`flush`](Self::flush), before the next call, or when enough have come together.
    ///
    /// Over UDP it is sent once, and may be lost.
    ///
    /// # Errors
    /// [`CallError::Encode`], [`CallError::Auth`], [`CallError::Closed`]; [`CallError::TimedOut`] if the peer takes
    /// nothing for the call's time.
    ///
    /// # Cancel safety
    /// It is queued whole or not at all.
    pub async fn send_batched<A>(
        &self,
        procedure: Procedure,
        args: &A,
        options: &CallOptions,
    ) -> Result<(), CallError>
    where
        A: Encode + Sync + ?Sized,
    {
        let conn = &self.handle.conn;
        let terms = self.terms(options);
        let auth = match &options.auth {
            Some(auth) => &**auth,
            None => &*conn.config.auth,
        };
        if let Some(prepared) = auth.prepare(self) {
            within(conn, terms.deadline, prepared).await??;
        }
        let octets = args.encoded_len().saturating_add(64);
        while !conn.try_batch(octets, |xid, frame| {
            Ok(self.encode(xid, procedure, &args, auth, frame)?.0)
        })? {
            within(conn, terms.deadline, conn.batch_room()).await??;
        }
        Ok(())
    }

    /// Waits until all batched calls are written.
    ///
    /// # Errors
    /// [`CallError::Interrupted`] if some were lost with their connection since the last flush;
    /// [`CallError::TimedOut`] if the peer takes nothing for the configured time.
    ///
    /// # Cancel safety
    /// What is queued stays queued.
    pub async fn flush(&self) -> Result<(), CallError> {
        let conn = &self.handle.conn;
        let mut terms = self.terms(&CallOptions::new());
        terms.one_way = true;
        if let Some(error) = conn.take_batch_lost() {
            return Err(CallError::Interrupted(error));
        }
        let (place, frame) = conn.admit(0, terms).await?;
        place.exchange(frame, &terms).await?;
        Ok(())
    }

    /// Exchanges the stream for another, between two records: TLS over the old one, for example (RFC 9289 §4.1).
    ///
    /// Calls made meanwhile wait. After an exchange the connection is not made again when it is lost.
    ///
    /// # Errors
    /// [`CallError::Overloaded`] while calls are in flight or octets are unread, or if there is no stream;
    /// [`CallError::Send`] with the error of `f`, and the connection is broken off.
    ///
    /// # Cancel safety
    /// Dropping it breaks the connection off.
    pub async fn swap<F>(&self, f: impl FnOnce(Channel) -> F + Send) -> Result<(), CallError>
    where
        F: Future<Output = io::Result<Channel>> + Send,
    {
        self.handle.conn.swap(f).await
    }

    /// Serves calls that arrive on this client's connection (callbacks), and goes on reading it for as long as the client
    /// lives. Calling again puts the new registry in place of the old one; over UDP it does nothing.
    pub fn serve(&self, registry: Registry) {
        self.serve_with(registry, Limits::default());
    }

    /// [`serve`](Self::serve) with these limits.
    pub fn serve_with(&self, registry: Registry, limits: Limits) {
        let conn = &self.handle.conn;
        let (transport, peer) = match conn.target() {
            Target::Tcp(peer) => (TransportKind::Tcp, Peer::Socket(peer)),
            Target::Local(_) => (TransportKind::Local, Peer::Local(None)),
            Target::None => (TransportKind::Memory, Peer::Memory),
        };
        conn.serve(Served::new(&conn.net, registry, limits, transport, peer));
    }

    /// What has happened to the calls served by [`serve`](Self::serve); `None` if none are.
    #[must_use]
    pub fn served(&self) -> Option<Counters> {
        self.handle.conn.served()
    }

    /// Ends the connection, for all clones: what is in flight fails with [`CallError::Closed`].
    ///
    /// # Cancel safety
    /// It never waits.
    #[expect(
        clippy::unused_async,
        reason = "a goodbye that waits has its place here"
    )]
    pub async fn close(self) {
        self.handle.conn.close();
    }
}

/// Runs `future` until `deadline`.
async fn within<F: Future>(
    conn: &Conn,
    deadline: Option<Instant>,
    future: F,
) -> Result<F::Output, CallError> {
    match deadline {
        None => Ok(future.await),
        Some(deadline) => match conn.clock.timeout_at(deadline, future).await {
            Ok(output) => Ok(output),
            Err(_) => Err(CallError::TimedOut),
        },
    }
}
