//! The control connection under TLS, and back to plain text.

use super::error::{TlsError, io_error};
use super::options::TlsVersion;
use super::record::Head;
use super::stream::{End, Protected, with_chunks};
use fairway_stack::TcpStream;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

/// A protected control connection. Reads and writes like the stream it is made of; flush after writing.
///
/// The end of the connection reads as the end of the stream, with `close_notify` or without: replies say themselves
/// where they end.
#[derive(Debug)]
pub struct ControlTls {
    protected: Protected,
}

/// What waits to be read on a connection where nothing is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    /// Nothing.
    Nothing,
    /// Octets for whoever reads replies.
    Waiting,
    /// The server has gone.
    Closed,
}

impl ControlTls {
    pub(super) fn new(protected: Protected) -> Self {
        Self { protected }
    }

    /// The connection underneath: addresses, options, urgent data. Do not read or write it.
    #[must_use]
    pub fn stream(&self) -> &TcpStream {
        self.protected.stream()
    }

    /// The version spoken.
    #[must_use]
    pub fn version(&self) -> TlsVersion {
        self.protected.records().version()
    }

    /// What waits on a connection that was idle: tickets and other things between the two ends of TLS are dealt with
    /// and are not octets for anybody. Does not wait.
    ///
    /// # Errors
    /// The connection broke.
    pub fn poll_idle(&mut self) -> Result<Idle, TlsError> {
        loop {
            if !self.protected.plain().is_empty() {
                return Ok(Idle::Waiting);
            }
            if self.protected.end().is_some() {
                return Ok(Idle::Closed);
            }
            if self.protected.open_next()? {
                continue;
            }
            let received = self.protected.try_receive();
            if !received.map_err(|error| io_error(self.protected.host(), error))? {
                return Ok(Idle::Nothing);
            }
        }
    }

    /// Goes back to plain text, after the `200` to `CCC` (RFC 4217 §5): [`send_close`](Self::send_close),
    /// [`closed`](Self::closed), [`into_plain`](Self::into_plain). Gives the connection and what came behind the
    /// protected part of it.
    ///
    /// There is no time limit here, and a server may neither send `close_notify` nor anything else before the next
    /// command. Whoever wants to go on all the same uses the three by hand.
    ///
    /// # Errors
    /// The connection broke, or ended.
    ///
    /// # Cancel safety
    /// The connection is closed.
    pub async fn clear(mut self) -> Result<(TcpStream, Vec<u8>), TlsError> {
        self.send_close().await?;
        self.closed().await?;
        Ok(self.into_plain())
    }

    /// Tells the server that nothing protected will follow (`close_notify`).
    ///
    /// # Errors
    /// The connection broke.
    ///
    /// # Cancel safety
    /// Can be called again.
    pub async fn send_close(&mut self) -> Result<(), TlsError> {
        let sent = poll_fn(|cx| self.protected.poll_close(cx)).await;
        sent.map_err(|error| io_error(self.protected.host(), error))
    }

    /// Waits for the server's `close_notify`; or for plain text, from servers that do not send one.
    ///
    /// # Errors
    /// The connection broke; [`TlsError::Closed`] if it ended.
    ///
    /// # Cancel safety
    /// Can be called again; no octet is lost.
    pub async fn closed(&mut self) -> Result<(), TlsError> {
        loop {
            match self.protected.end() {
                Some(End::Closed) => return Ok(()),
                Some(End::Truncated) => {
                    return Err(TlsError::Closed {
                        host: self.protected.host().clone(),
                    });
                }
                None => {}
            }
            // A reply starts with a digit, which no record does. And protected octets are still to be read: they come
            // before everything else.
            if self.protected.head() == Head::NotTls || !self.protected.plain().is_empty() {
                return Ok(());
            }
            if !self.protected.open_next()? {
                let received = poll_fn(|cx| self.protected.poll_receive(cx)).await;
                received.map_err(|error| io_error(self.protected.host(), error))?;
            }
        }
    }

    /// The connection, and what was received on it and not read: protected octets first, then plain ones.
    ///
    /// Without [`closed`](Self::closed) before, the server's `close_notify` may still be among what comes.
    #[must_use]
    pub fn into_plain(self) -> (TcpStream, Vec<u8>) {
        self.protected.into_parts()
    }
}

impl AsyncRead for ControlTls {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().protected.poll_read(cx, buf)
    }
}

impl AsyncBufRead for ControlTls {
    fn poll_fill_buf(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<&[u8]>> {
        let this = self.get_mut();
        ready!(this.protected.poll_fill(cx))?;
        Poll::Ready(Ok(this.protected.plain()))
    }

    fn consume(self: Pin<&mut Self>, n: usize) {
        self.get_mut().protected.consume(n);
    }
}

impl AsyncWrite for ControlTls {
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

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().protected.poll_shutdown(cx)
    }
}
