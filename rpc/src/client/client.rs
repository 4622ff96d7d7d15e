//! The async API.

use std::sync::Arc;
use std::time::Duration;

use fairway_xdr::Mode;

use crate::auth::{AuthNone, ClientAuth};
use crate::limits::ClientLimits;

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
    /// Pause after the first failed attempt to connect again; doubled each time. Default 100 ms.
    pub first_pause: Duration,
    /// The longest pause between two attempts to connect. Default 10 s.
    pub longest_pause: Duration,
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
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(10),
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

    /// With this time until a datagram is first sent again.
    #[must_use]
    pub fn first_wait(mut self, wait: Duration) -> Self {
        self.first_wait = wait;
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
#[derive(Clone, Debug)]
pub struct Client {
    config: Arc<ClientConfig>,
}

impl Client {
    /// How it was configured.
    #[must_use]
    pub fn config(&self) -> &ClientConfig {
        &self.config
    }
}
