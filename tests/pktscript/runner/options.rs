//! Names of socket options in scripts.

use super::ast::SocketOption;
use super::cursor::{Cursor, ParseError};

/// Name in scripts and what it means.
const NAMES: [(&str, SocketOption); 22] = [
    ("SO_ERROR", SocketOption::Error),
    ("SO_KEEPALIVE", SocketOption::KeepAlive),
    ("SO_LINGER", SocketOption::Linger),
    ("SO_OOBINLINE", SocketOption::OobInline),
    ("SO_RCVBUF", SocketOption::ReceiveBuffer),
    ("SO_REUSEADDR", SocketOption::ReuseAddress),
    ("SO_SNDBUF", SocketOption::SendBuffer),
    ("SO_RCVLOWAT", SocketOption::ReceiveLowWater),
    ("SO_BROADCAST", SocketOption::Broadcast),
    ("IP_TOS", SocketOption::TypeOfService),
    ("IP_TTL", SocketOption::TimeToLive),
    ("IP_MTU_DISCOVER", SocketOption::MtuDiscover),
    ("IP_MTU", SocketOption::Mtu),
    ("TCP_NODELAY", SocketOption::NoDelay),
    ("TCP_MAXSEG", SocketOption::MaxSegment),
    ("TCP_CORK", SocketOption::Cork),
    ("TCP_KEEPIDLE", SocketOption::KeepIdle),
    ("TCP_KEEPINTVL", SocketOption::KeepInterval),
    ("TCP_KEEPCNT", SocketOption::KeepCount),
    ("TCP_USER_TIMEOUT", SocketOption::UserTimeout),
    ("TCP_QUICKACK", SocketOption::QuickAck),
    ("TCP_CONGESTION", SocketOption::Congestion),
];

/// Reads the name of an option.
pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<SocketOption, ParseError> {
    let at = cursor.mark();
    let word = cursor.word("the name of a socket option")?;
    NAMES
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, option)| *option)
        .ok_or_else(|| cursor.error_at(at, format!("no socket option is called {word}")))
}
