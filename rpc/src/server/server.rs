//! The server itself: listeners, connections, starting and stopping.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::BytesMut;
use fairway_stack::{
    Clock, LocalAddr, LocalDatagram, LocalListener, Net, NetError, Task, TcpListener, UdpSocket,
};
use tokio::sync::Notify;
use tracing::{Instrument, debug, debug_span, info};

use super::connection::{Connection, READ_ROOM};
use super::context::Origin;
use super::dispatch::Dispatcher;
use super::handle::Handle;
use super::parked::lock;
use super::register::Registered;
use super::{
    Counters, Limits, Peer, Proxy, Registry, ServerAuth, Service, ServiceOptions, TransportKind,
};
use super::{accept, local, udp};
use crate::transport::Channel;

/// Buffers that are kept for the next read.
const MAX_SPARE: usize = 16;

/// How long a task that was told to stop may take to notice.
const NOTICE: Duration = Duration::from_secs(1);

/// Something to serve on: made by the builder, or handed over by a service manager.
#[derive(Debug)]
#[non_exhaustive]
pub enum Listener {
    /// TCP connections.
    Tcp(TcpListener),
    /// UDP datagrams.
    Udp(UdpSocket),
    /// Local stream connections.
    Local(LocalListener),
    /// Local datagrams.
    LocalDatagram(LocalDatagram),
}

impl From<LocalDatagram> for Listener {
    fn from(socket: LocalDatagram) -> Self {
        Self::LocalDatagram(socket)
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self::Tcp(listener)
    }
}

impl From<UdpSocket> for Listener {
    fn from(socket: UdpSocket) -> Self {
        Self::Udp(socket)
    }
}

impl From<LocalListener> for Listener {
    fn from(listener: LocalListener) -> Self {
        Self::Local(listener)
    }
}

/// Where a server can be called.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerAddress {
    /// Over TCP.
    Tcp(SocketAddr),
    /// Over UDP.
    Udp(SocketAddr),
    /// Over a local stream socket.
    Local(LocalAddr),
    /// Over a local datagram socket.
    LocalDatagram(LocalAddr),
}

impl fmt::Display for ServerAddress {
    /// `udp 0.0.0.0:111`, `/run/rpcbind.sock`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "tcp {address}"),
            Self::Udp(address) => write!(f, "udp {address}"),
            Self::Local(address) => address.fmt(f),
            Self::LocalDatagram(address) => write!(f, "datagrams {address}"),
        }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// Two services for the same program and version.
    #[error("program {program} version {version} is served twice")]
    Duplicate {
        /// Program number.
        program: u32,
        /// Version number.
        version: u32,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// Which one, as text.
        address: String,
        /// What the system says.
        error: NetError,
    },
}

enum Wanted {
    Tcp(SocketAddr),
    Udp(SocketAddr),
    Local(LocalAddr),
    LocalDatagram(LocalAddr),
    Made(Listener),
}

/// Puts a [`Server`] together.
#[must_use = "a builder does nothing until it is started"]
pub struct ServerBuilder {
    net: Net,
    registry: Registry,
    limits: Limits,
    wanted: Vec<Wanted>,
}

impl fmt::Debug for ServerBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerBuilder")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

impl ServerBuilder {
    /// What to serve, all at once; takes the place of what was added before.
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Adds a service: [`Registry::service`].
    pub fn service(mut self, service: impl Service) -> Self {
        self.registry = self.registry.service(service);
        self
    }

    /// Adds a service with options: [`Registry::service_with`].
    pub fn service_with(mut self, service: impl Service, options: ServiceOptions) -> Self {
        self.registry = self.registry.service_with(service, options);
        self
    }

    /// Serves programs that no service is there for: [`Registry::fallback`].
    pub fn fallback(mut self, proxy: impl Proxy) -> Self {
        self.registry = self.registry.fallback(proxy);
        self
    }

    /// Judges the credentials of one flavour: [`Registry::auth`].
    pub fn auth(mut self, auth: Arc<dyn ServerAuth>) -> Self {
        self.registry = self.registry.auth(auth);
        self
    }

    /// Bounds.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Listens for TCP connections; port 0 lets the system choose ([`Server::addresses`] tells).
    pub fn listen_tcp(mut self, address: SocketAddr) -> Self {
        self.wanted.push(Wanted::Tcp(address));
        self
    }

    /// Listens for UDP datagrams; port 0 lets the system choose.
    pub fn listen_udp(mut self, address: SocketAddr) -> Self {
        self.wanted.push(Wanted::Udp(address));
        self
    }

    /// Listens for local stream connections. A socket file that nobody listens on is replaced.
    pub fn listen_local(mut self, address: LocalAddr) -> Self {
        self.wanted.push(Wanted::Local(address));
        self
    }

    /// Listens for local datagrams. Callers must have a name of their own to be answered.
    pub fn listen_local_datagram(mut self, address: LocalAddr) -> Self {
        self.wanted.push(Wanted::LocalDatagram(address));
        self
    }

    /// Serves on something that listens already (socket activation).
    pub fn adopt(mut self, listener: impl Into<Listener>) -> Self {
        self.wanted.push(Wanted::Made(listener.into()));
        self
    }

    /// Listens and serves: all addresses, or none.
    ///
    /// # Errors
    /// A service that was added twice, or an address that cannot be listened on.
    ///
    /// # Cancel safety
    /// Does not wait.
    #[expect(
        clippy::unused_async,
        reason = "other back ends may have to wait for their listeners"
    )]
    pub async fn start(self) -> Result<Server, ServerError> {
        let Self {
            net,
            registry,
            limits,
            wanted,
        } = self;
        if let Some((program, version)) = registry.clash() {
            return Err(ServerError::Duplicate { program, version });
        }
        let mut made = Vec::new();
        for wanted in wanted {
            let listener = match wanted {
                Wanted::Tcp(address) => net
                    .listen_tcp(address)
                    .map(Listener::Tcp)
                    .map_err(|error| (address.to_string(), error)),
                Wanted::Udp(address) => net
                    .bind_udp(address)
                    .map(Listener::Udp)
                    .map_err(|error| (address.to_string(), error)),
                Wanted::Local(address) => net
                    .listen_local(&address)
                    .map(Listener::Local)
                    .map_err(|error| (format!("{address:?}"), error)),
                Wanted::LocalDatagram(address) => net
                    .bind_local_datagram(&address)
                    .map(Listener::LocalDatagram)
                    .map_err(|error| (format!("{address:?}"), error)),
                Wanted::Made(listener) => Ok(listener),
            };
            let listener =
                listener.map_err(|(address, error)| ServerError::Listen { address, error })?;
            let address = match &listener {
                Listener::Tcp(listener) => listener.local_addr().map(ServerAddress::Tcp),
                Listener::Udp(socket) => socket.local_addr().map(ServerAddress::Udp),
                Listener::Local(listener) => listener.local_addr().map(ServerAddress::Local),
                Listener::LocalDatagram(socket) => {
                    socket.local_addr().map(ServerAddress::LocalDatagram)
                }
            };
            let address = address.map_err(|error| ServerError::Listen {
                address: String::from("a listener"),
                error,
            })?;
            made.push((listener, address));
        }
        let shared = Shared::new(&net, Dispatcher::new(registry, limits));
        let mut addresses = Vec::new();
        let mut tasks = Vec::new();
        for (listener, address) in made {
            let span = debug_span!("listener", local = %address);
            info!(local = %address, "listening");
            let own = Arc::clone(&shared);
            tasks.push(match listener {
                Listener::Tcp(listener) => net.spawn(accept::tcp(own, listener).instrument(span)),
                Listener::Local(listener) => {
                    net.spawn(accept::local(own, listener).instrument(span))
                }
                Listener::Udp(socket) => net.spawn(udp::serve(own, socket).instrument(span)),
                Listener::LocalDatagram(socket) => {
                    net.spawn(local::serve(own, socket).instrument(span))
                }
            });
            addresses.push(address);
        }
        Ok(Server {
            shared,
            tasks: Mutex::new(tasks),
            addresses,
            registered: Mutex::default(),
        })
    }
}

/// A running server: many programs over many transports.
///
/// Dropping it stops everything at once and leaves its registrations; [`shutdown`](Self::shutdown) lets calls end.
#[must_use = "dropping a server stops it"]
pub struct Server {
    shared: Arc<Shared>,
    tasks: Mutex<Vec<Task<()>>>,
    addresses: Vec<ServerAddress>,
    pub(super) registered: Mutex<Option<Registered>>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("addresses", &self.addresses)
            .finish_non_exhaustive()
    }
}

impl Server {
    /// A server on `net` that serves nothing yet, nowhere.
    pub fn builder(net: &Net) -> ServerBuilder {
        ServerBuilder {
            net: net.clone(),
            registry: Registry::new(),
            limits: Limits::default(),
            wanted: Vec::new(),
        }
    }

    /// Where it can be called, in the order in which the builder was told.
    #[must_use]
    pub fn addresses(&self) -> &[ServerAddress] {
        &self.addresses
    }

    /// The first TCP address.
    #[must_use]
    pub fn tcp_addr(&self) -> Option<SocketAddr> {
        self.addresses.iter().find_map(|address| match address {
            ServerAddress::Tcp(address) => Some(*address),
            ServerAddress::Udp(_) | ServerAddress::Local(_) | ServerAddress::LocalDatagram(_) => {
                None
            }
        })
    }

    /// The first UDP address.
    #[must_use]
    pub fn udp_addr(&self) -> Option<SocketAddr> {
        self.addresses.iter().find_map(|address| match address {
            ServerAddress::Udp(address) => Some(*address),
            ServerAddress::Tcp(_) | ServerAddress::Local(_) | ServerAddress::LocalDatagram(_) => {
                None
            }
        })
    }

    /// Program and version of each service, in this order.
    #[must_use]
    pub fn services(&self) -> Vec<(u32, u32)> {
        self.shared.dispatcher.registry().services().collect()
    }

    /// What has happened so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.dispatcher.counters()
    }

    /// The `Net` it lives on.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.shared.net
    }

    /// Serves one more connection, however it came about: from a listener of another kind, or after a handshake.
    pub fn serve(&self, channel: Channel, peer: Peer) {
        let (local, transport) = match &channel {
            Channel::Tcp(stream) => (stream.local_addr().ok(), TransportKind::Tcp),
            Channel::Local(_) => (None, TransportKind::Local),
            Channel::Memory(_) => (None, TransportKind::Memory),
            Channel::Other(_) => (None, TransportKind::Tcp),
        };
        self.shared.admit(channel, peer, local, transport);
    }

    /// Stops: accepts nothing more, lets the calls that run end and their replies go out, for at most `grace`; then ends what is left.
    /// True if nothing was cut off.
    ///
    /// Before that it takes back what [`register`](Self::register) has told the portmapper, for at most 2 s more; what fails of it is
    /// logged.
    ///
    /// # Cancel safety
    /// Dropped while it unregisters, it has done a part of that and stopped nothing; later it leaves a server that accepts nothing more
    /// and whose connections end when their calls have. Call it again to wait.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.unregister_at_end().await;
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
        self.shared.stopping.store(true, Ordering::Release);
        for handle in self.shared.handles() {
            handle.finish();
        }
        if self
            .shared
            .clock
            .timeout(grace, self.shared.ended())
            .await
            .is_ok()
        {
            return true;
        }
        for handle in self.shared.handles() {
            handle.stop();
        }
        // They end as soon as they are polled.
        let _ = self.shared.clock.timeout(NOTICE, self.shared.ended()).await;
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
        self.shared.stopping.store(true, Ordering::Release);
        for handle in self.shared.handles() {
            handle.stop();
        }
    }
}

/// Who is counted together in `max_connections_per_address`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum AddressKey {
    Ip(IpAddr),
    Uid(Option<u32>),
    Memory,
}

fn address_key(peer: &Peer) -> AddressKey {
    match peer {
        Peer::Socket(address) => AddressKey::Ip(address.ip().to_canonical()),
        Peer::Local(credentials) => {
            AddressKey::Uid(credentials.as_ref().map(|credentials| credentials.uid))
        }
        Peer::Memory => AddressKey::Memory,
    }
}

#[derive(Debug, Default)]
struct Table {
    handles: BTreeMap<u64, Arc<Handle>>,
    streams: usize,
    per_address: HashMap<AddressKey, usize>,
}

/// What all tasks of a server share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) net: Net,
    pub(crate) clock: Clock,
    pub(crate) dispatcher: Arc<Dispatcher>,
    table: Mutex<Table>,
    /// Connections that wait for a place among all calls, the longest waiting first.
    waiting: Mutex<VecDeque<Arc<Handle>>>,
    waiting_count: AtomicUsize,
    /// Buffers for reading that no connection needs now.
    spare: Mutex<Vec<BytesMut>>,
    /// A connection, or a call that outlived one, has ended.
    change: Notify,
    stopping: AtomicBool,
    next_id: AtomicU64,
}

impl Shared {
    fn new(net: &Net, dispatcher: Arc<Dispatcher>) -> Arc<Self> {
        Arc::new(Self {
            net: net.clone(),
            clock: net.clock(),
            dispatcher,
            table: Mutex::default(),
            waiting: Mutex::default(),
            waiting_count: AtomicUsize::new(0),
            spare: Mutex::default(),
            change: Notify::new(),
            stopping: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
        })
    }

    /// A number for a connection or socket.
    pub(crate) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// A buffer to read into: one that was used before, if there is one.
    pub(crate) fn spare_buffer(&self) -> BytesMut {
        lock(&self.spare).pop().unwrap_or_default()
    }

    /// Keeps an empty buffer, unless something still points into it or there are enough.
    pub(crate) fn spare(&self, mut buffer: BytesMut) {
        if buffer.capacity() <= 2 * READ_ROOM && buffer.try_reclaim(READ_ROOM) {
            let mut spare = lock(&self.spare);
            if spare.len() < MAX_SPARE {
                spare.push(buffer);
            }
        }
    }

    fn handles(&self) -> Vec<Arc<Handle>> {
        lock(&self.table).handles.values().map(Arc::clone).collect()
    }

    /// Ends when no connection is left and no call runs.
    async fn ended(&self) {
        loop {
            let mut change = pin!(self.change.notified());
            change.as_mut().enable();
            if lock(&self.table).handles.is_empty()
                && self.dispatcher.tally.calls_running.get() == 0
            {
                return;
            }
            change.await;
        }
    }

    /// Makes a datagram socket's task known; false if the server is stopping.
    pub(crate) fn enlist(&self, handle: &Arc<Handle>) -> bool {
        let mut table = lock(&self.table);
        if self.stopping.load(Ordering::Acquire) {
            return false;
        }
        table.handles.insert(handle.origin.id, Arc::clone(handle));
        true
    }

    /// Takes a connection in, or closes it because of a limit.
    pub(crate) fn admit(
        self: &Arc<Self>,
        channel: Channel,
        peer: Peer,
        local: Option<SocketAddr>,
        transport: TransportKind,
    ) {
        let Limits {
            max_connections,
            max_connections_per_address,
            max_queued,
            ..
        } = self.dispatcher.limits;
        let tally = &self.dispatcher.tally;
        let key = address_key(&peer);
        let id = self.new_id();
        let mut table = lock(&self.table);
        if self.stopping.load(Ordering::Acquire) {
            return;
        }
        if table.streams >= max_connections {
            drop(table);
            tally.connections_refused.one();
            debug!(%peer, "connection refused: too many in all");
            return;
        }
        let count = table.per_address.entry(key).or_default();
        if *count >= max_connections_per_address {
            drop(table);
            tally.connections_refused_per_address.one();
            debug!(%peer, "connection refused: too many from its address");
            return;
        }
        *count += 1;
        table.streams += 1;
        let handle = Handle::new(max_queued, |connection| Origin {
            net: self.net.clone(),
            transport,
            peer,
            local,
            interface: None,
            id,
            name: None,
            connection,
        });
        table.handles.insert(id, Arc::clone(&handle));
        drop(table);
        tally.connections_accepted.one();
        tally.connections_open.one();
        let span = debug_span!("conn", peer = %handle.origin.peer);
        let connection = Connection::new(Arc::clone(self), handle, channel);
        self.net.spawn(connection.instrument(span)).detach();
    }

    /// A connection or a datagram socket's task has ended.
    pub(crate) fn forget(&self, handle: &Handle) {
        let mut table = lock(&self.table);
        if table.handles.remove(&handle.origin.id).is_some() && handle.origin.transport.is_stream()
        {
            table.streams = table.streams.saturating_sub(1);
            let key = address_key(&handle.origin.peer);
            if let Some(count) = table.per_address.get_mut(&key) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    table.per_address.remove(&key);
                }
            }
            self.dispatcher.tally.connections_open.sub(1);
        }
        drop(table);
        // It may have been woken for a place that it has not taken.
        self.leave_waiting(handle);
        self.wake_waiting();
        self.change.notify_waiters();
    }

    /// Puts a connection among those that wait for a place among all calls.
    pub(crate) fn wait_for_call(&self, handle: &Arc<Handle>) {
        let mut waiting = lock(&self.waiting);
        if !waiting
            .iter()
            .any(|other| other.origin.id == handle.origin.id)
        {
            waiting.push_back(Arc::clone(handle));
            self.waiting_count.store(waiting.len(), Ordering::Release);
        }
    }

    /// Takes a connection out from among those that wait: woken for a place it has no use for, it would keep that from another one.
    pub(crate) fn leave_waiting(&self, handle: &Handle) {
        if self.waiting_count.load(Ordering::Acquire) == 0 {
            return;
        }
        let mut waiting = lock(&self.waiting);
        waiting.retain(|other| other.origin.id != handle.origin.id);
        self.waiting_count.store(waiting.len(), Ordering::Release);
    }

    /// A parked call has ended: its place is free.
    pub(crate) fn release_call(&self) {
        self.dispatcher.tally.calls_running.sub(1);
        self.wake_waiting();
        if self.stopping.load(Ordering::Acquire) {
            self.change.notify_waiters();
        }
    }

    /// Wakes the connection that has waited longest.
    pub(crate) fn wake_waiting(&self) {
        if self.waiting_count.load(Ordering::Acquire) == 0 {
            return;
        }
        let next = {
            let mut waiting = lock(&self.waiting);
            let next = waiting.pop_front();
            self.waiting_count.store(waiting.len(), Ordering::Release);
            next
        };
        if let Some(handle) = next {
            handle.wakeups.wake();
        }
    }
}
