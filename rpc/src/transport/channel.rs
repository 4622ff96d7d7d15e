//! A byte stream between two RPC peers, whatever carries it.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::BytesMut;
use fairway_stack::{LocalStream, TcpStream};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf};

/// A stream that a connection can be moved onto between two records, TLS for example (RFC 9289 §4.1).
///
/// Implemented for every type that can be one.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// The stream under a connection, client's or server's.
///
/// Read and written by polling only, so that what carries the records can be exchanged between two of them.
#[non_exhaustive]
pub enum Channel {
    /// A TCP connection.
    Tcp(TcpStream),
    /// A local (Unix) stream.
    Local(LocalStream),
    /// A pipe within the process.
    Memory(DuplexStream),
    /// Anything else: TLS over one of the others.
    Other(Box<dyn Stream>),
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tcp(_) => "Channel::Tcp",
            Self::Local(_) => "Channel::Local",
            Self::Memory(_) => "Channel::Memory",
            Self::Other(_) => "Channel::Other",
        })
    }
}

impl Channel {
    /// Reads what has arrived into the spare capacity of `into`; 0 is the end of the stream (or no spare capacity).
    ///
    /// A read that does not fill the room given tells the runtime that nothing is left, which saves the read that would only say so.
    pub(crate) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut BytesMut,
    ) -> Poll<io::Result<usize>> {
        use std::future::Future;
        match self {
            Self::Tcp(stream) => pin!(stream.read_buf(into)).poll(cx),
            Self::Local(stream) => pin!(stream.read_buf(into)).poll(cx),
            Self::Memory(stream) => pin!(stream.read_buf(into)).poll(cx),
            Self::Other(stream) => pin!(stream.read_buf(into)).poll(cx),
        }
    }

    /// Writes the slices, or as many octets of them as there is room for.
    pub(crate) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Tcp(stream) => poll_write_to(stream, cx, slices),
            Self::Local(stream) => poll_write_to(stream, cx, slices),
            Self::Memory(stream) => poll_write_to(stream, cx, slices),
            Self::Other(stream) => poll_write_to(stream, cx, slices),
        }
    }

    /// Hands on what the stream itself holds back (TLS); nothing for the others.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(_) | Self::Local(_) | Self::Memory(_) => Poll::Ready(Ok(())),
            Self::Other(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Local(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Memory(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Other(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }

    /// Whether something can be read, without a buffer at hand, so that an idle connection needs none.
    pub(crate) fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_read_ready(cx),
            Self::Local(stream) => stream.poll_read_ready(cx),
            Self::Memory(_) | Self::Other(_) => Poll::Ready(Ok(())),
        }
    }
}

/// For what takes a stream over: a TLS handshake, for example.
impl AsyncRead for Channel {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Local(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Memory(stream) => Pin::new(stream).poll_read(cx, into),
            Self::Other(stream) => Pin::new(stream).poll_read(cx, into),
        }
    }
}

impl AsyncWrite for Channel {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write(cx, &[IoSlice::new(octets)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().poll_write(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Tcp(stream) => stream.is_write_vectored(),
            Self::Local(stream) => stream.is_write_vectored(),
            Self::Memory(stream) => stream.is_write_vectored(),
            Self::Other(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().poll_shutdown(cx)
    }
}

/// One slice is a plain write: the system does less for it.
fn poll_write_to<S: AsyncWrite + Unpin>(
    stream: &mut S,
    cx: &mut Context<'_>,
    slices: &[IoSlice<'_>],
) -> Poll<io::Result<usize>> {
    match slices {
        [one] => Pin::new(stream).poll_write(cx, one),
        many => Pin::new(stream).poll_write_vectored(cx, many),
    }
}
