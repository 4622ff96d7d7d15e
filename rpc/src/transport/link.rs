//! What a client needs of a connection that it does not own: a way to send. Callbacks go over it.

use std::fmt;

use bytes::Bytes;

/// A way to send messages over a connection that somebody else reads.
///
/// [`CallContext::callback`](crate::CallContext::callback) gives a client over the server's connection: its calls go out by the
/// link, and the connection hands it the replies that arrive.
pub(crate) trait Link: Send + Sync + fmt::Debug {
    /// Queues one message with its record mark, and never waits.
    fn send(&self, message: Bytes) -> Result<(), LinkError>;
}

/// Why a link did not take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum LinkError {
    /// The connection has ended.
    #[error("the connection has ended")]
    Closed,
    /// The peer does not read what is queued for it.
    #[error("too many octets wait for the peer")]
    Full,
}
