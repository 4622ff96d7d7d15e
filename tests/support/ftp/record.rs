//! What a server remembers of its clients.

use fairway_stack::Instant;
use std::net::SocketAddr;

/// A command that arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// When.
    pub at: Instant,
    /// On which connection, from 0.
    pub connection: usize,
    /// Its first word in capitals.
    pub verb: String,
    /// What follows.
    pub argument: Vec<u8>,
    /// The line as it came, with Telnet commands and without its end.
    pub raw: Vec<u8>,
    /// Whether a transfer was under way.
    pub in_transfer: bool,
}

impl Command {
    /// The command and what follows as text.
    #[must_use]
    pub fn text(&self) -> String {
        let argument = String::from_utf8_lossy(&self.argument);
        if argument.is_empty() {
            self.verb.clone()
        } else {
            format!("{} {argument}", self.verb)
        }
    }
}

/// A data connection there was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataConnection {
    /// The control connection it belonged to.
    pub connection: usize,
    /// The other end.
    pub peer: SocketAddr,
    /// This end.
    pub local: SocketAddr,
    /// Whether the server made it.
    pub active: bool,
    /// Octets of data sent, without TLS.
    pub sent: u64,
    /// Octets of data received, without TLS.
    pub received: u64,
    /// How TLS began on it, if it did.
    pub tls: Option<Handshake>,
}

/// How a TLS connection began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// From scratch.
    Full,
    /// From a session there was.
    Resumed,
}

/// Numbers of a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Control connections taken.
    pub connections: u64,
    /// Those of them that are open.
    pub open: u64,
    /// Control connections refused with 421.
    pub refused: u64,
    /// Commands read.
    pub commands: u64,
    /// Transfers that ended well.
    pub completed: u64,
    /// Transfers that did not.
    pub failed: u64,
    /// Octets of replies sent.
    pub reply_octets: u64,
    /// Blocks received that were marked as suspect.
    pub suspect_blocks: u64,
}
