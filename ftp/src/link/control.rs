//! The control connection: plain, or protected.

use crate::error::Error;
use fairway_stack::TcpStream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

/// A control connection.
pub(super) enum Control {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<crate::tls::ControlTls>),
    /// TLS is beginning or ending: the connection is with whoever does that.
    #[cfg(feature = "tls")]
    Moving,
}

/// What the beginning or end of TLS gives: the connection, and what was read on it and is the session's.
pub(super) type Moved = Result<(Control, Vec<u8>), Error>;

impl Control {
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
            #[cfg(feature = "tls")]
            Self::Moving => Poll::Pending,
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, octets),
            #[cfg(feature = "tls")]
            Self::Moving => Poll::Pending,
        }
    }

    /// Sends what TLS holds back; a plain connection holds back nothing.
    #[cfg(feature = "tls")]
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
            Self::Plain(_) | Self::Moving => Poll::Ready(Ok(())),
        }
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unused_self, reason = "the same call as with TLS")]
    pub(super) const fn poll_flush(&mut self, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
