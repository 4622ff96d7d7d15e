//! Why there is no connection through a proxy.

use crate::error::NetError;
use std::fmt;
use std::io;

/// Why there is no connection through a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SocksError {
    /// What was asked for cannot be said in this version of the protocol. The proxy was not asked.
    #[error("cannot be asked of the proxy: {0}")]
    Argument(&'static str),
    /// The name could not be looked up here.
    #[error("name not found: {0}")]
    Lookup(NetError),
    /// The proxy cannot be reached, or the connection to it broke.
    #[error("no connection to the proxy: {0}")]
    Io(NetError),
    /// The proxy said no.
    #[error("refused by the proxy: {0}")]
    Refused(Refusal),
    /// The proxy accepts none of the ways to say who asks: it wants a user and a password, or something that is not
    /// offered (RFC 1928 §3).
    #[error("the proxy wants to know who asks")]
    NoAcceptableMethod,
    /// The proxy does not accept user and password; its status (RFC 1929 §2).
    #[error("user or password not accepted by the proxy (status {0})")]
    LoginFailed(u8),
    /// The proxy closed the connection before it had answered.
    #[error("connection closed by the proxy before it answered")]
    Closed,
    /// What came is not this version of the protocol.
    #[error("not a SOCKS proxy of this version: {0}")]
    Broken(Broken),
}

/// How a proxy broke the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Broken {
    /// Another version than was spoken.
    #[error("version {0}")]
    Version(u8),
    /// A method that was not offered.
    #[error("method {0} chosen, which was not offered")]
    Method(u8),
    /// A reply of version 4 that says neither yes nor no.
    #[error("reply {0}")]
    Reply(u8),
    /// An address of a kind that is not known.
    #[error("address of type {0}")]
    AddressType(u8),
}

/// How a proxy says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// By version 4.
    V4(ReplyV4),
    /// By version 5.
    V5(ReplyV5),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(reply) => fmt::Display::fmt(reply, f),
            Self::V5(reply) => fmt::Display::fmt(reply, f),
        }
    }
}

/// Declares the replies of a version.
macro_rules! replies {
    ($(#[$doc:meta])+ $name:ident: $($code:ident = $number:literal, $text:literal;)+) => {
        $(#[$doc])+
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub struct $name(pub u8);

        impl $name {
            $(#[doc = concat!($number, ": ", $text, ".")] pub const $code: Self = Self($number);)+
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.0 {
                    $($number => f.write_str($text),)+
                    other => write!(f, "reply {other}"),
                }
            }
        }
    };
}

replies! {
    /// A reply of version 4 (its field CD).
    ReplyV4:
    GRANTED = 90, "granted";
    REJECTED = 91, "rejected or failed";
    NO_IDENTD = 92, "the proxy cannot ask this machine who the user is";
    OTHER_USER = 93, "this machine says that the user is somebody else";
}

replies! {
    /// A reply of version 5 (its field REP, RFC 1928 §6).
    ReplyV5:
    SUCCEEDED = 0, "succeeded";
    FAILED = 1, "general failure";
    NOT_ALLOWED = 2, "not allowed by its rules";
    NET_UNREACHABLE = 3, "network unreachable";
    HOST_UNREACHABLE = 4, "host unreachable";
    CONN_REFUSED = 5, "connection refused";
    TTL_EXPIRED = 6, "time to live expired";
    NO_COMMAND = 7, "command not supported";
    NO_ADDRESS_TYPE = 8, "address type not supported";
}

impl From<io::Error> for SocksError {
    fn from(error: io::Error) -> Self {
        Self::Io(error.into())
    }
}

impl From<SocksError> for NetError {
    /// What a connection without a proxy would have failed with. SKS-3, CON-2: a proxy's no is
    /// [`ConnRefused`](Self::ConnRefused), unless it gives a reason that has an error of its own.
    fn from(error: SocksError) -> Self {
        match error {
            SocksError::Argument(_) => Self::Inval,
            SocksError::Lookup(error) | SocksError::Io(error) => error,
            SocksError::Refused(Refusal::V5(ReplyV5::NET_UNREACHABLE)) => Self::NetUnreach,
            SocksError::Refused(Refusal::V5(ReplyV5::HOST_UNREACHABLE | ReplyV5::TTL_EXPIRED)) => {
                Self::HostUnreach
            }
            SocksError::Refused(_) => Self::ConnRefused,
            SocksError::NoAcceptableMethod | SocksError::LoginFailed(_) => Self::Access,
            SocksError::Closed => Self::ConnReset,
            SocksError::Broken(_) => Self::Other(io::ErrorKind::InvalidData),
        }
    }
}
