//! What can go wrong, by what one can do about it.

use crate::command::ArgumentError;
use crate::proxy::ProxyError;
use crate::relay::Side;
use crate::reply::{Class, Reply, ReplyError};
use fairway_stack::NetError;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Why a call failed. One pointer wide; clones share what it says.
///
/// [`kind`](Self::kind) tells what happened, [`reply`](Self::reply) what the server said, if it said something, and
/// [`number`](Self::number) the number that the classic FTP API has for it.
#[derive(Clone)]
pub struct Error(Arc<ErrorKind>);

/// What happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's argument cannot be sent; nothing was.
    #[error("{what}: {source}")]
    Argument {
        /// Which argument.
        what: &'static str,
        /// What is wrong with it.
        source: ArgumentError,
    },
    /// The caller asks for what does not go together, or what the server is known to lack.
    #[error("{0}")]
    Unsupported(String),
    /// The name of the server has no address.
    #[error("{host}: unknown host")]
    Host {
        /// The name.
        host: String,
        /// What the resolver said.
        source: NetError,
    },
    /// This host has no socket left, or may not make one.
    #[error("no socket: {source}")]
    Socket {
        /// What the system said.
        source: NetError,
    },
    /// No connection to the server, or to the proxy before it.
    #[error("{host}: {reason}")]
    Connect {
        /// Whom we called, with the port.
        host: String,
        /// Why it failed.
        reason: String,
    },
    /// No connection through the proxy.
    #[error("proxy {host}: {source}")]
    Proxy {
        /// The proxy, with its port.
        host: String,
        /// Why it failed.
        source: ProxyError,
    },
    /// The server is there and does not want us (its greeting, or 421 to a command).
    #[error("{host}: {reply}")]
    Unavailable {
        /// Who.
        host: String,
        /// Its words.
        reply: Reply,
    },
    /// TLS could not be had: a wrong certificate, no common version, or a server that has none.
    #[error("{host}: {reason}")]
    Tls {
        /// Who.
        host: String,
        /// Why.
        reason: String,
    },
    /// User, password or account are not taken.
    #[error("{host}: login: {reply}")]
    Login {
        /// Who.
        host: String,
        /// Its words.
        reply: Reply,
    },
    /// The server said no to a command. A 4xx may be another answer later.
    #[error("{command}: {reply}")]
    Refused {
        /// The command, without secrets.
        command: String,
        /// Its words.
        reply: Reply,
    },
    /// No data connection came about; no file was touched as far as is known.
    #[error("data connection: {reason}")]
    DataConnection {
        /// Why.
        reason: String,
        /// The server's words, if they were the reason.
        reply: Option<Reply>,
    },
    /// The transfer had begun, and did not come to a good end.
    #[error("transfer ended early: {reason}")]
    Aborted {
        /// Why.
        reason: String,
        /// The server's last words about it.
        reply: Option<Reply>,
    },
    /// A file or a stream on this side.
    #[error("{}: {source}", path.display())]
    Local {
        /// Which; empty for a stream of the caller's.
        path: PathBuf,
        /// What the system said.
        source: Arc<std::io::Error>,
    },
    /// The control connection broke where nothing had begun, or where nobody can know: see `may_have_happened`.
    #[error("connection lost: {reason}{}", if *may_have_happened { "; the command may have been carried out" } else { "" })]
    Lost {
        /// How.
        reason: String,
        /// Whether the server may have carried out the command that was under way.
        may_have_happened: bool,
    },
    /// A time limit.
    #[error("no answer: {phase} took longer than its time limit")]
    TimedOut {
        /// Waiting for what.
        phase: Phase,
    },
    /// The server does not keep to the protocol, in a way that cannot be lived with.
    #[error("protocol: {0}")]
    Protocol(String),
    /// All connections that may exist do, and none became free in time.
    #[error("all {limit} connections are in use")]
    PoolFull {
        /// How many there may be.
        limit: usize,
    },
    /// What arrived is not what was sent.
    #[error("verification: {0}")]
    Verify(String),
    /// Type E was asked for, and no code page was chosen.
    #[error("no code page was chosen for EBCDIC")]
    NoTranslation,
    /// A server cannot take part in a transfer between servers.
    #[error("{host} takes no part in transfers between servers: {reason}")]
    ThirdParty {
        /// Who.
        host: String,
        /// Why.
        reason: String,
        /// Its words.
        reply: Option<Reply>,
    },
    /// It was not begun, because something before it failed.
    #[error("skipped after an error")]
    Skipped,
    /// One side of a transfer between servers failed; [`Error::side`] tells which, and what else is asked of this error
    /// is answered as of the one inside.
    #[error("{side} {host}: {error}{}", first_try(before.as_ref()))]
    Relay {
        /// Which.
        side: Side,
        /// Who.
        host: String,
        /// What happened there.
        error: Error,
        /// What had happened when the other server was the one to listen.
        before: Option<Error>,
    },
    /// The client was closed.
    #[error("client closed")]
    Closed,
}

/// What a time limit was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Phase {
    /// Looking up the server's name.
    Resolve,
    /// Connecting to it.
    Connect,
    /// Its reply to a command.
    Reply,
    /// Making the data connection.
    DataConnection,
    /// The next octet of a transfer.
    DataIdle,
    /// A free connection of the pool.
    Pool,
    /// The whole call.
    Total,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "name lookup",
            Self::Connect => "connecting",
            Self::Reply => "the reply",
            Self::DataConnection => "the data connection",
            Self::DataIdle => "data",
            Self::Pool => "a free connection",
            Self::Total => "the whole call",
        })
    }
}

impl Error {
    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.0
    }

    /// What happened, at whichever side of a transfer between servers.
    fn inner(&self) -> &ErrorKind {
        match &*self.0 {
            ErrorKind::Relay { error, .. } => error.inner(),
            kind => kind,
        }
    }

    /// Which side of a transfer between servers failed, if it was one of them.
    #[must_use]
    pub fn side(&self) -> Option<Side> {
        match &*self.0 {
            ErrorKind::Relay { side, .. } => Some(*side),
            _ => None,
        }
    }

    /// The server's words, where it spoke.
    #[must_use]
    pub fn reply(&self) -> Option<&Reply> {
        match self.inner() {
            ErrorKind::Unavailable { reply, .. }
            | ErrorKind::Login { reply, .. }
            | ErrorKind::Refused { reply, .. } => Some(reply),
            ErrorKind::DataConnection { reply, .. }
            | ErrorKind::Aborted { reply, .. }
            | ErrorKind::ThirdParty { reply, .. } => reply.as_ref(),
            _ => None,
        }
    }

    /// The number of the classic API (`reference` §2.3): `FTPSERVICE` 1 … `FTPNOXLATETBL` 12.
    #[must_use]
    pub fn number(&self) -> ErrorNumber {
        match &*self.0 {
            ErrorKind::Host { .. } => ErrorNumber::HOST,
            ErrorKind::PoolFull { .. } | ErrorKind::Socket { .. } => ErrorNumber::SOCKET,
            ErrorKind::Connect { .. }
            | ErrorKind::Proxy { .. }
            | ErrorKind::Unavailable { .. }
            | ErrorKind::Tls { .. } => ErrorNumber::CONNECT,
            ErrorKind::TimedOut { phase } => match phase {
                Phase::Resolve => ErrorNumber::HOST,
                Phase::Connect => ErrorNumber::CONNECT,
                Phase::Reply => ErrorNumber::COMMAND,
                Phase::DataConnection => ErrorNumber::DATACONN,
                Phase::DataIdle | Phase::Total => ErrorNumber::ABORT,
                Phase::Pool => ErrorNumber::SOCKET,
            },
            ErrorKind::Login { .. } => ErrorNumber::LOGIN,
            ErrorKind::Aborted { .. } | ErrorKind::Verify(_) => ErrorNumber::ABORT,
            ErrorKind::Local { .. } => ErrorNumber::LOCALFILE,
            ErrorKind::DataConnection { .. } => ErrorNumber::DATACONN,
            ErrorKind::Argument { .. }
            | ErrorKind::Unsupported(_)
            | ErrorKind::Refused { .. }
            // No transfer had begun: that would be `Aborted`.
            | ErrorKind::Lost { .. }
            | ErrorKind::Protocol(_) => ErrorNumber::COMMAND,
            ErrorKind::NoTranslation => ErrorNumber::NOXLATETBL,
            ErrorKind::ThirdParty { .. } => ErrorNumber::PROXYTHIRD,
            ErrorKind::Closed | ErrorKind::Skipped => ErrorNumber::NOPRIMARY,
            // The classic API calls the target the primary connection of a third-party transfer.
            ErrorKind::Relay { side, error, .. } => match (side, error.number()) {
                (Side::Target, ErrorNumber::CONNECT) => ErrorNumber::NOPRIMARY,
                (_, number) => number,
            },
        }
    }

    /// Whether the same call may well succeed later: a 4xx, a lost connection, a time limit.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self.inner() {
            ErrorKind::Connect { .. }
            | ErrorKind::Unavailable { .. }
            | ErrorKind::Lost { .. }
            | ErrorKind::TimedOut { .. }
            | ErrorKind::PoolFull { .. } => true,
            ErrorKind::Proxy { source, .. } => source.is_transient(),
            ErrorKind::Login { reply, .. } | ErrorKind::Refused { reply, .. } => {
                reply.class() == Class::TransientNegative
            }
            ErrorKind::Aborted { reply, .. } | ErrorKind::DataConnection { reply, .. } => reply
                .as_ref()
                .is_none_or(|reply| reply.class() != Class::PermanentNegative),
            _ => false,
        }
    }

    /// Whether a broken connection may have left the command carried out.
    #[must_use]
    pub fn may_have_happened(&self) -> bool {
        matches!(
            self.inner(),
            ErrorKind::Lost {
                may_have_happened: true,
                ..
            } | ErrorKind::TimedOut {
                phase: Phase::Reply
            } | ErrorKind::Aborted { .. }
        )
    }

    /// Whether the server said that there is no such file (550 and its like).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self.inner(), ErrorKind::Refused { reply, .. } if reply.is(550) || reply.is(450))
    }

    pub(crate) fn argument(what: &'static str) -> impl FnOnce(ArgumentError) -> Self {
        move |source| ErrorKind::Argument { what, source }.into()
    }

    pub(crate) fn local(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| {
            ErrorKind::Local {
                path,
                source: Arc::new(source),
            }
            .into()
        }
    }

    #[cfg(feature = "tls")]
    pub(crate) fn tls(host: String, error: &crate::tls::TlsError) -> Self {
        use crate::tls::TlsError;
        let reason = tls_reason(error);
        match error {
            // The connection broke, which may be otherwise the next time; nothing is wrong with TLS.
            TlsError::Closed { .. } | TlsError::Io { .. } => ErrorKind::Connect { host, reason },
            _ => ErrorKind::Tls { host, reason },
        }
        .into()
    }

    pub(crate) fn lost(reason: impl Into<String>) -> Self {
        ErrorKind::Lost {
            reason: reason.into(),
            may_have_happened: false,
        }
        .into()
    }
}

fn first_try(before: Option<&Error>) -> String {
    before.map_or_else(String::new, |error| {
        format!(" (the other way round: {error})")
    })
}

/// The whole story of an error of TLS, without the host.
#[cfg(feature = "tls")]
pub(crate) fn tls_reason(error: &crate::tls::TlsError) -> String {
    let text = error.to_string();
    // All but a few begin with the host, as it was given.
    let mut text = text
        .split_once(": ")
        .map_or(text.as_str(), |(_, reason)| reason)
        .to_owned();
    if let Some(source) = std::error::Error::source(error) {
        text = format!("{text}: {source}");
    }
    text
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self(Arc::new(kind))
    }
}

impl From<ReplyError> for Error {
    fn from(error: ReplyError) -> Self {
        ErrorKind::Protocol(error.to_string()).into()
    }
}

impl From<Error> for std::io::Error {
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::TimedOut { .. } => std::io::ErrorKind::TimedOut,
            ErrorKind::Lost { .. } | ErrorKind::Aborted { .. } => {
                std::io::ErrorKind::ConnectionAborted
            }
            ErrorKind::Refused { .. } if error.is_not_found() => std::io::ErrorKind::NotFound,
            _ => std::io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

/// An error number of the classic API, with its name there.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ErrorNumber(u8);

macro_rules! numbers {
    ($($name:ident = $value:literal $classic:literal $text:literal,)+) => {
        impl ErrorNumber {
            $(
                #[doc = concat!("`", $classic, "`: ", $text, ".")]
                pub const $name: Self = Self($value);
            )+

            /// Its name in the classic API.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self.0 {
                    $($value => $classic,)+
                    _ => "unknown",
                }
            }

            /// What it means.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self.0 {
                    $($value => $text,)+
                    _ => "unknown error",
                }
            }
        }
    };
}

numbers! {
    SERVICE = 1 "FTPSERVICE" "unknown service",
    HOST = 2 "FTPHOST" "unknown host",
    SOCKET = 3 "FTPSOCKET" "no socket to be had",
    CONNECT = 4 "FTPCONNECT" "no connection to the server",
    LOGIN = 5 "FTPLOGIN" "login failed",
    ABORT = 6 "FTPABORT" "transfer ended early",
    LOCALFILE = 7 "FTPLOCALFILE" "local file could not be opened, read or written",
    DATACONN = 8 "FTPDATACONN" "no data connection",
    COMMAND = 9 "FTPCOMMAND" "command failed",
    PROXYTHIRD = 10 "FTPPROXYTHIRD" "server takes no part in third-party transfers",
    NOPRIMARY = 11 "FTPNOPRIMARY" "no primary connection for a third-party transfer",
    NOXLATETBL = 12 "FTPNOXLATETBL" "no translation table loaded",
}

impl ErrorNumber {
    /// As a number.
    #[must_use]
    pub const fn get(self) -> u8 {
        self.0
    }
}

impl fmt::Display for ErrorNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

impl fmt::Debug for ErrorNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
