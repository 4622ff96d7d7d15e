//! Data connections under TLS, and how they end.

use super::error::{TlsError, io_error};
use super::options::TlsVersion;
use super::stream::{End, Protected, with_chunks};
use fairway_stack::TcpStream;
use fairway_stack::option::Linger;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

/// A protected data connection.
///
/// * A download reads to the end. If the connection ends without `close_notify`, reading fails with `UnexpectedEof`
///   (unless the options [accept](super::TlsOptions::accept_truncation) that), and [`end`](Self::end) says
///   [`End::Truncated`]: whoever knows the length of the file can decide.
/// * An upload writes, then [`close_write`](Self::close_write)s and [`drain`](Self::drain)s; if it must stop in the
///   middle, it [`reset`](Self::reset)s, so that no server takes the part for the whole.
///
/// Written octets are encrypted at once, up to 256 KiB ahead of what the network takes. As
/// [`AsyncBufRead`] it gives decrypted octets where they are, without a copy.
#[derive(Debug)]
pub struct DataTls {
    protected: Protected,
    resumed: bool,
    accept_truncation: bool,
}

impl DataTls {
    pub(super) fn new(protected: Protected, resumed: bool, accept_truncation: bool) -> Self {
        Self {
            protected,
            resumed,
            accept_truncation,
        }
    }

    /// The connection underneath: addresses, options. Do not read or write it.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        self.protected.stream()
    }

    /// The version spoken.
    #[must_use]
    pub fn version(&self) -> TlsVersion {
        self.protected.records().version()
    }

    /// Whether it resumed the session of the control connection, or of a data connection of it.
    #[must_use]
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// How reading came to its end; `None` before it has.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.protected.end()
    }

    /// Ends an upload: sends everything written, `close_notify`, and the end of the sending direction. The connection
    /// stays: closing it with something unread would be a reset, which can destroy what is still on its way.
    /// [`drain`](Self::drain) comes next.
    ///
    /// # Errors
    /// The connection broke: part of the upload may be missing.
    ///
    /// # Cancel safety
    /// Can be called again.
    pub async fn close_write(&mut self) -> Result<(), TlsError> {
        let closed = poll_fn(|cx| self.protected.poll_shutdown(cx)).await;
        closed.map_err(|error| io_error(self.protected.host(), error))
    }

    /// Reads to the end, for the tickets on the way; data is thrown away. Drop the connection afterwards.
    ///
    /// Some servers end only after long: stop waiting a short while after the final reply.
    ///
    /// # Errors
    /// The connection broke. The upload may be complete all the same: the final reply tells.
    ///
    /// # Cancel safety
    /// Can be called again, or not: nothing else is lost.
    pub async fn drain(&mut self) -> Result<End, TlsError> {
        loop {
            let filled = poll_fn(|cx| self.protected.poll_fill(cx)).await;
            filled.map_err(|error| io_error(self.protected.host(), error))?;
            let n = self.protected.plain().len();
            self.protected.consume(n);
            if let Some(end) = self.protected.end() {
                return Ok(end);
            }
        }
    }

    /// [`close_write`](Self::close_write), then [`drain`](Self::drain).
    ///
    /// # Errors
    /// Theirs.
    ///
    /// # Cancel safety
    /// Can be called again. A caller that selects between this and the final reply lets this go on for a short while
    /// after the reply, and then drops the connection.
    pub async fn finish_upload(&mut self) -> Result<End, TlsError> {
        self.close_write().await?;
        self.drain().await
    }

    /// Breaks the connection off: no `close_notify`, and a reset instead of an orderly end, so that a part of a file
    /// does not look like a whole one. What was not sent is not sent any more.
    pub fn reset(self) {
        // Without the option, closing is orderly, but there is still no `close_notify`.
        let _ = self.stream().set(Linger, Some(Duration::ZERO));
    }
}

impl AsyncRead for DataTls {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let (before, room) = (buf.filled().len(), buf.remaining());
        ready!(this.protected.poll_read(cx, buf))?;
        if room > 0 && buf.filled().len() == before {
            this.check_end()?;
        }
        Poll::Ready(Ok(()))
    }
}

impl DataTls {
    /// Whether the end that was read is one to believe.
    fn check_end(&self) -> io::Result<()> {
        match self.protected.end() {
            Some(End::Truncated) if !self.accept_truncation => {
                let message = "connection ended without close_notify: data may be missing";
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, message))
            }
            _ => Ok(()),
        }
    }
}

impl AsyncBufRead for DataTls {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.protected.poll_fill(cx))?;
        if this.protected.plain().is_empty() {
            this.check_end()?;
        }
        Poll::Ready(Ok(this.protected.plain()))
    }

    fn consume(self: Pin<&mut Self>, n: usize) {
        self.get_mut().protected.consume(n);
    }
}

impl AsyncWrite for DataTls {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().protected.poll_write(cx, &buf.into())
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        with_chunks(bufs, |chunks| {
            self.get_mut().protected.poll_write(cx, chunks)
        })
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().protected.poll_flush(cx)
    }

    /// As [`close_write`](DataTls::close_write).
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().protected.poll_shutdown(cx)
    }
}
