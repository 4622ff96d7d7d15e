//! The in-memory transport: a client and a server in one process, without sockets.

use crate::client::{Client, ClientConfig};
use crate::server::{Peer, Server};
use crate::transport::Channel;

/// Octets that each direction holds before the writer waits.
const PIPE: usize = 256 << 10;

impl Client {
    /// A client of a server in this process, over a pipe in memory: for tests, and for programs that use a service of their own.
    ///
    /// The server treats it as any connection: same limits, same counters, callbacks too. The pipe ends with the server, and is
    /// not made again.
    #[must_use]
    pub fn memory(server: &Server) -> Self {
        Self::memory_with(server, ClientConfig::default())
    }

    /// [`memory`](Self::memory) with a configuration.
    #[must_use]
    pub fn memory_with(server: &Server, config: ClientConfig) -> Self {
        let (ours, theirs) = tokio::io::duplex(PIPE);
        server.serve(Channel::Memory(theirs), Peer::Memory);
        Self::from_channel(server.net(), Channel::Memory(ours), config)
    }
}
