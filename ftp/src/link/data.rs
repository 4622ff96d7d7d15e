//! The data connection.

use fairway_stack::{TcpStream, option};
use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};

/// A data connection that octets of a file may pass.
pub(crate) enum DataStream {
    Plain(TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<crate::tls::DataTls>),
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
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }

    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, octets),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, octets),
        }
    }

    /// Tells the server that all has been sent, which in stream mode is the end of the file (RFC 959 §3.4.1).
    pub(crate) fn poll_finish(
        &mut self,
        #[cfg_attr(
            not(feature = "tls"),
            expect(unused_variables, reason = "only TLS waits")
        )]
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => {
                Poll::Ready(stream.shutdown(Shutdown::Write).map_err(io::Error::from))
            }
            #[cfg(feature = "tls")]
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// Reads what a server still sends behind an upload: nothing, and under TLS tickets for the next connection. Closing
    /// with those unread would be a reset, which can take the upload with it.
    pub(crate) fn poll_drain(&mut self, cx: &mut Context<'_>) {
        #[cfg(feature = "tls")]
        if let Self::Tls(stream) = self {
            let mut room = [0; 512];
            loop {
                let mut buf = ReadBuf::new(&mut room);
                match Pin::new(&mut *stream).poll_read(cx, &mut buf) {
                    Poll::Ready(Ok(())) if !buf.filled().is_empty() => {}
                    _ => break,
                }
            }
        }
        #[cfg(not(feature = "tls"))]
        let _ = cx;
    }

    /// Whether it is protected.
    pub(crate) const fn is_protected(&self) -> bool {
        !matches!(self, Self::Plain(_))
    }

    /// Closes it so that the server cannot take what it has got for all there is.
    pub(crate) fn reset(self) {
        match self {
            Self::Plain(stream) => reset(&stream),
            #[cfg(feature = "tls")]
            Self::Tls(stream) => stream.reset(),
        }
    }
}

/// Closing will be a reset.
pub(crate) fn reset(stream: &TcpStream) {
    if let Err(error) = stream.set(option::Linger, Some(Duration::ZERO)) {
        tracing::debug!(%error, "a data connection is closed in order");
    }
}
