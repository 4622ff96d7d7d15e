//! Names of socket options in scripts.

use super::ast::SocketOption as Option_;
use super::cursor::{Cursor, ParseError};

/// Name in scripts and what it means.
const NAMES: [(&str, Option_); 22] = [
    ("SO_ERROR", Option_::Error),
    ("SO_KEEPALIVE", Option_::KeepAlive),
    ("SO_LINGER", Option_::Linger),
    ("SO_OOBINLINE", Option_::OobInline),
    ("SO_RCVBUF", Option_::ReceiveBuffer),
    ("SO_REUSEADDR", Option_::ReuseAddress),
    ("SO_SNDBUF", Option_::SendBuffer),
    ("SO_RCVLOWAT", Option_::ReceiveLowWater),
    ("SO_BROADCAST", Option_::Broadcast),
    ("IP_TOS", Option_::TypeOfService),
    ("IP_TTL", Option_::TimeToLive),
    ("IP_MTU_DISCOVER", Option_::MtuDiscover),
    ("IP_MTU", Option_::Mtu),
    ("TCP_NODELAY", Option_::NoDelay),
    ("TCP_MAXSEG", Option_::MaxSegment),
    ("TCP_CORK", Option_::Cork),
    ("TCP_KEEPIDLE", Option_::KeepIdle),
    ("TCP_KEEPINTVL", Option_::KeepInterval),
    ("TCP_KEEPCNT", Option_::KeepCount),
    ("TCP_USER_TIMEOUT", Option_::UserTimeout),
    ("TCP_QUICKACK", Option_::QuickAck),
    ("TCP_CONGESTION", Option_::Congestion),
];

/// Reads the name of an option.
pub(crate) fn parse(cursor: &mut Cursor<'_>) -> Result<Option_, ParseError> {
    let at = cursor.mark();
    let word = cursor.word("the name of a socket option")?;
    NAMES
        .iter()
        .find(|(name, _)| *name == word)
        .map(|(_, option)| *option)
        .ok_or_else(|| cursor.error_at(at, format!("no socket option is called {word}")))
}
