//! The client for programs without async: the same calls, which wait.
//!
//! A [`Client`] has a thread of its own, on which the pool is kept and dropped transfers get back in step while the
//! program does something else. All handles can be cloned, sent and used from several threads at once, and dropped
//! anywhere. The last one dropped ends the thread; connections are then closed without a word, unless
//! [`close`](Client::close) was called.
//!
//! The calls also work on threads of an async runtime, and keep such a thread from everything else as long as they take:
//! better use the [asynchronous client](crate::Client) there.
//!
//! ```no_run
//! use fairway_ftp::{Server, blocking::Client};
//!
//! let client = Client::new()?;
//! let site = client.site(Server::new("ftp.example.org").login("anna", "secret"));
//! site.put("notes.txt").bytes("hello")?;
//! for entry in site.entries(None, Default::default())? {
//!     println!("{:?}", entry?.name);
//! }
//! # Ok::<(), fairway_ftp::Error>(())
//! ```
//!
//! # Panics
//! A call made from within a [`ProgressSink`](crate::ProgressSink) or [`TraceSink`] on the client's own
//! thread can never end, and panics.

mod batch;
mod calls;
mod engine;
mod site;
mod transfer;

pub use batch::Batch;
pub use calls::Calls;
pub use site::{Entries, Site};
pub use transfer::{Get, Put, Reader, Writer};

use crate::client::{Connections, Limits, TraceSink};
use crate::error::Error;
use crate::name::Name;
use crate::relay::{Relay, RelayReport};
use crate::server::Server;
use engine::Engine;
use fairway_stack::Net;
use std::fmt;
use std::sync::Arc;

/// An FTP client whose calls wait. Cheap to clone; clones share the connections.
#[derive(Clone)]
pub struct Client {
    // Before the engine: what is dropped with it may still want to be said on it.
    inner: crate::Client,
    engine: Arc<Engine>,
}

impl Client {
    /// A client on the machine's own network, with default [`Limits`].
    ///
    /// # Errors
    /// [`ErrorKind::Socket`](crate::ErrorKind::Socket) if the system has no thread or no descriptors for it.
    pub fn new() -> Result<Self, Error> {
        Self::with_limits(Limits::default())
    }

    /// The same with `limits`.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_limits(limits: Limits) -> Result<Self, Error> {
        let engine = Arc::new(Engine::start()?);
        let inner = engine.enter(|| crate::Client::with_limits(Net::system(), limits));
        Ok(Self { inner, engine })
    }

    /// A handle for calls to `server`. Nothing is sent yet.
    #[must_use]
    pub fn site(&self, server: Server) -> Site {
        Site::new(self.inner.site(server), &self.engine)
    }

    /// Copies a file from one server to another ([`Client::copy`](crate::Client::copy)) as `options` complete it.
    ///
    /// ```no_run
    /// # fn example(client: &fairway_ftp::blocking::Client, a: &fairway_ftp::blocking::Site, b: &fairway_ftp::blocking::Site)
    /// # -> Result<(), fairway_ftp::Error> {
    /// client.copy((a, "report.txt"), (b, "copy.txt"), |relay| relay.text())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Relay::run`].
    pub fn copy(
        &self,
        from: (&Site, impl Into<Name>),
        to: (&Site, impl Into<Name>),
        options: impl FnOnce(Relay) -> Relay,
    ) -> Result<RelayReport, Error> {
        let relay = self
            .inner
            .copy((from.0.inner(), from.1), (to.0.inner(), to.1));
        self.engine.run(options(relay).run())
    }

    /// The classic calls over this client.
    #[must_use]
    pub fn calls(&self) -> Calls {
        Calls::over(self)
    }

    /// Says goodbye on every idle connection and closes it; connections in use are closed when they become idle.
    pub fn close(&self) {
        self.engine.wait(self.inner.close());
    }

    /// How many connections there are: idle, and in use or being made.
    #[must_use]
    pub fn connections(&self) -> Connections {
        self.inner.connections()
    }

    /// The limits it was made with.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        self.inner.limits()
    }

    /// Gives every command and reply to `sink`, as [`Client::set_trace`](crate::Client::set_trace) does.
    pub fn set_trace(&self, sink: Option<TraceSink>) {
        self.inner.set_trace(sink);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[cfg(test)]
mod tests;
