//! The data connection.

use fairway_stack::{TcpStream, option};
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

/// A data connection.
pub(crate) enum DataStream {
    Plain(TcpStream),
}

impl DataStream {
    /// Reads; nothing read is the end.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    /// Tells the server that all has been sent, which in stream mode is the end of the file (RFC 959 §3.4.1).
    pub(crate) fn poll_finish(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => {
                Poll::Ready(stream.shutdown(Shutdown::Write).map_err(io::Error::from))
            }
        }
    }

    /// Closes it so that the server cannot take what it has got for all there is.
    pub(crate) fn reset(self) {
        match self {
            Self::Plain(stream) => {
                if let Err(error) = stream.set(option::Linger, Some(Duration::ZERO)) {
                    tracing::debug!(%error, "a data connection is closed in order");
                }
            }
        }
    }
}
