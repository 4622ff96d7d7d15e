//! The client: a pool of connections, and what is known of servers.

use crate::feature::Features;
use crate::pool::Pool;
use crate::relay::Refusals;
use crate::server::Server;
use crate::session::{Method, Note};
use crate::site::Site;
use fairway_stack::Net;
use std::fmt;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;

/// Time and number limits of a [`Client`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Connections in all, busy and idle; 256. When all are busy, a call waits for [`pool_wait`](Self::pool_wait); when
    /// some are idle, the one that has been so the longest makes room.
    pub connections: usize,
    /// Whether an idle connection to another server is closed to make room; yes. If not, the call fails at once with
    /// [`ErrorKind::PoolFull`](crate::ErrorKind::PoolFull), as in the classic API.
    pub evict: bool,
    /// Connections to one server; 256.
    pub per_server: usize,
    /// How long a connection is kept without use; 5 minutes.
    pub idle: Duration,
    /// How long a call waits for a connection to become free; 60 s.
    pub pool_wait: Duration,
    /// How long looking up a name may take; 20 s.
    pub resolve: Duration,
    /// How long connecting to each address of a server may take; 30 s.
    pub connect: Duration,
    /// How long each reply may take; 60 s.
    pub reply: Duration,
    /// How long making a data connection may take; 15 s.
    pub data_connection: Duration,
    /// How long a transfer may stand still; 60 s.
    pub data_idle: Duration,
    /// How often the control connection is kept alive in a transfer; 30 s.
    pub keep_alive: Option<Duration>,
    /// How often a transfer that broke is taken up again; 3 times.
    pub retries: u32,
    /// How long to wait before it is; doubled each time; 1 s.
    pub retry_wait: Duration,
    /// Octets of an answer that is kept in memory as a whole (a listing, [`Get::bytes`](crate::Get::bytes)); 256 MiB.
    pub in_memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 256,
            evict: true,
            per_server: 256,
            idle: Duration::from_secs(300),
            pool_wait: Duration::from_secs(60),
            resolve: Duration::from_secs(20),
            connect: Duration::from_secs(30),
            reply: Duration::from_secs(60),
            data_connection: Duration::from_secs(15),
            data_idle: Duration::from_secs(60),
            keep_alive: Some(Duration::from_secs(30)),
            retries: 3,
            retry_wait: Duration::from_secs(1),
            in_memory: 256 << 20,
        }
    }
}

/// An FTP client. Cheap to clone; clones share the connections.
///
/// Calls look stateless: each says where and what, and the client finds a connection that is logged in there, or makes
/// one. Connections that broke while idle are replaced without a word.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
}

impl Client {
    /// A client with default [`Limits`].
    #[must_use]
    pub fn new(net: Net) -> Self {
        Self::with_limits(net, Limits::default())
    }

    /// A client with `limits`.
    #[must_use]
    pub fn with_limits(net: Net, limits: Limits) -> Self {
        Self {
            shared: Arc::new(Shared {
                pool: Pool::new(),
                common: Arc::new(Common {
                    net,
                    limits,
                    refusals: Refusals::default(),
                    memories: Mutex::default(),
                    traced: AtomicBool::new(false),
                    trace: Mutex::default(),
                }),
            }),
        }
    }

    /// A handle for calls to `server`. Nothing is sent yet.
    #[must_use]
    pub fn site(&self, server: Server) -> Site {
        Site::new(Arc::clone(&self.shared), server)
    }

    /// Says goodbye on every idle connection and closes it; connections in use are closed when they become idle.
    ///
    /// # Cancel safety
    /// What has not been closed in order is closed without a word.
    pub async fn close(&self) {
        Pool::close(&self.shared).await;
    }

    /// How many connections there are: idle, and in use or being made.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.shared.pool.count()
    }

    /// The limits it was made with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.shared.limits
    }

    /// The network it uses.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.shared.net
    }

    /// Gives every command and reply to `sink`, passwords masked, beginning with the next call on each connection; `None`
    /// ends that.
    ///
    /// `sink` is called while a connection is driven: it must not wait.
    pub fn set_trace(&self, sink: Option<TraceSink>) {
        self.shared.traced.store(sink.is_some(), Ordering::Relaxed);
        *lock(&self.shared.trace) = sink;
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("connections", &self.connections())
            .finish_non_exhaustive()
    }
}

/// What is done with a line of a trace.
pub type TraceSink = Arc<dyn Fn(&Server, &Note) + Send + Sync>;

/// How many connections a client has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// Logged in, and waiting for a call.
    pub idle: usize,
    /// In use, being made, or getting back in step after a call that was dropped.
    pub busy: usize,
    /// Logins since the client was made.
    pub logins: u64,
}

/// What all handles of a client share. Connections do not hold it: it holds them, and they end with its last handle.
pub(crate) struct Shared {
    pub(crate) pool: Pool,
    pub(crate) common: Arc<Common>,
}

impl Deref for Shared {
    type Target = Common;

    fn deref(&self) -> &Common {
        &self.common
    }
}

/// What all handles and connections of a client share.
pub(crate) struct Common {
    pub(crate) net: Net,
    pub(crate) limits: Limits,
    /// Between which servers a transfer works in one way only.
    pub(crate) refusals: Refusals,
    memories: Mutex<Vec<(Arc<Server>, Memory)>>,
    traced: AtomicBool,
    trace: Mutex<Option<TraceSink>>,
}

/// How many servers are remembered.
const MEMORIES: usize = 1024;

/// What was learnt about a server, for the next connection to it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    pub(crate) features: Option<Features>,
    /// The way in which the last data connection was made.
    pub(crate) method: Option<Method>,
    /// Sessions of TLS 1.3 run out there: connections speak TLS 1.2.
    pub(crate) tls_capped: bool,
    /// Logins at a time.
    pub(crate) gate: Gate,
}

/// Lets in a few at a time.
#[derive(Clone, Debug)]
pub(crate) struct Gate(pub(crate) Arc<Semaphore>);

/// Logins to one server at a time. Servers take connections as fast as they can make processes, and vsftpd lets only 32
/// wait for that; the others are told by the retransmission timers of TCP, after seconds.
const LOGINS: usize = 16;

impl Default for Gate {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOGINS)))
    }
}

impl Common {
    pub(crate) fn memory_of(&self, server: &Arc<Server>) -> Memory {
        let memories = lock(&self.memories);
        let known = memories.iter().find(|(known, _)| same(known, server));
        known.map(|(_, memory)| memory.clone()).unwrap_or_default()
    }

    pub(crate) fn memory<T>(
        &self,
        server: &Arc<Server>,
        change: impl FnOnce(&mut Memory) -> T,
    ) -> T {
        let mut memories = lock(&self.memories);
        let at = match memories.iter().position(|(known, _)| same(known, server)) {
            Some(at) => at,
            None => {
                if memories.len() >= MEMORIES {
                    memories.remove(0);
                }
                memories.push((Arc::clone(server), Memory::default()));
                memories.len() - 1
            }
        };
        match memories.get_mut(at) {
            Some((_, memory)) => change(memory),
            None => change(&mut Memory::default()),
        }
    }

    pub(crate) fn is_traced(&self) -> bool {
        self.traced.load(Ordering::Relaxed)
    }

    pub(crate) fn trace(&self, server: &Server, note: &Note) {
        let sink = lock(&self.trace).clone();
        if let Some(sink) = sink {
            sink(server, note);
        }
    }
}

/// Whether two name the same server and identity.
pub(crate) fn same(a: &Arc<Server>, b: &Arc<Server>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

/// A lock that nobody holds while panicking.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::Client;
    use crate::{ListOptions, Name, Server};
    use fairway_stack::Net;

    /// Compiled, not run.
    #[expect(dead_code, reason = "compiling is the test")]
    fn every_call_can_be_spawned(client: &Client, net: &Net) {
        let spawn = |client: Client| async move {
            let site = client.site(Server::new("ftp.example.org"));
            let name = Name::from("a");
            let mut octets: &[u8] = b"octets";
            let mut sink = Vec::new();
            site.pwd().await?;
            site.cd("a").await?;
            site.cdup().await?;
            site.mkdir("a").await?;
            site.rmdir("a").await?;
            site.delete("a").await?;
            site.rename("a", "b").await?;
            site.size("a").await?;
            site.modified("a").await?;
            site.set_modified("a", jiff::Timestamp::UNIX_EPOCH).await?;
            site.chmod("a", 0o644).await?;
            site.quote("NOOP").await?;
            site.status(Some(&name)).await?;
            site.features().await?;
            site.list(None).await?;
            site.names(Some(&name)).await?;
            site.metadata("a").await?;
            let mut entries = site.entries(None, ListOptions::default()).await?;
            entries.next().await?;
            site.get("a").bytes().await?;
            site.get("a").to_file("a").await?;
            site.get("a").to_writer(&mut sink).await?;
            site.get("a").reader().await?.finish().await?;
            site.put("a").bytes(b"octets").await?;
            site.put("a").from_reader(&mut octets).await?;
            site.append("a").from_file("a").await?;
            site.put_unique("a").writer().await?.finish().await?;
            client.close().await;
            Ok::<_, crate::Error>(())
        };
        net.spawn(spawn(client.clone())).detach();
    }
}
