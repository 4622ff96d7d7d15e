//! A connection, with TLS or without.

use fairway_stack::TcpStream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::{client, server};

/// A connection.
pub(super) enum Stream {
    Plain(TcpStream),
    /// The server's side of TLS.
    Server(Box<server::TlsStream<Records>>),
    /// The client's side: SSCN and CPSV.
    Client(Box<client::TlsStream<Records>>),
    /// None, while it becomes another.
    Gone,
}

impl Stream {
    /// The connection below.
    pub(super) fn tcp(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(stream) => Some(stream),
            Self::Server(stream) => Some(&stream.get_ref().0.stream),
            Self::Client(stream) => Some(&stream.get_ref().0.stream),
            Self::Gone => None,
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Server(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Client(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Server(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Client(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Gone => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Server(stream) => Pin::new(stream).poll_flush(cx),
            Self::Client(stream) => Pin::new(stream).poll_flush(cx),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Server(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Client(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Gone => Poll::Ready(Ok(())),
        }
    }
}

/// Octets of a TLS record's header.
const HEADER: usize = 5;

/// A connection that is read one TLS record at a time, so that what follows the last one stays in it (CCC).
pub(super) struct Records {
    pub(super) stream: TcpStream,
    header: [u8; HEADER],
    /// How much of the header is read.
    read: usize,
    /// How much of the record is to come.
    rest: usize,
}

impl Records {
    pub(super) const fn new(stream: TcpStream) -> Self {
        Self {
            stream,
            header: [0; HEADER],
            read: 0,
            rest: 0,
        }
    }
}

impl AsyncRead for Records {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let wanted = if this.rest > 0 {
            this.rest
        } else {
            HEADER - this.read
        };
        let mut part = buf.take(wanted);
        ready!(Pin::new(&mut this.stream).poll_read(cx, &mut part))?;
        let count = part.filled().len();
        let octets = part.filled().to_vec();
        buf.put_slice(&octets);
        if this.rest > 0 {
            this.rest -= count;
            return Poll::Ready(Ok(()));
        }
        for octet in octets {
            if let Some(place) = this.header.get_mut(this.read) {
                *place = octet;
            }
            this.read += 1;
        }
        if this.read >= HEADER {
            let [_kind, _major, _minor, high, low] = this.header;
            this.rest = u16::from_be_bytes([high, low]).into();
            this.read = 0;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Records {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}
