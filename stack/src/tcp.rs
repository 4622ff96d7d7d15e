//! TCP: streams, listeners, and sockets that are neither yet.

use crate::backend::Backend;
use crate::error::{AcceptError, NetError};
use crate::native::{Half, Host, NativeListener, NativeStream, NativeTcpSocket};
use crate::{Clock, Family, Rng};
use bytes::BufMut;
use fairway_native::Interest as Wait;
use fairway_native::tcp::TcpInfo;
use nix::sys::socket::MsgFlags;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsRawFd as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// How long connecting may take, CON-3 of the socket reference: 75 s, then [`NetError::TimedOut`].
pub const CONNECT_TIME_LIMIT: Duration = Duration::from_secs(75);

/// A TCP connection.
///
/// Reads and writes through tokio's `AsyncRead` and `AsyncWrite`, or without waiting through the `try_…` methods,
/// which need only `&self`. Dropping it closes the connection; what is not yet sent still goes out (CLO-4), unless
/// [`option::Linger`](crate::option::Linger) says otherwise.
pub struct TcpStream {
    inner: Backend<tokio::net::TcpStream, NativeStream>,
}

stream!(whole TcpStream);

impl TcpStream {
    pub(crate) const fn system(stream: tokio::net::TcpStream) -> Self {
        Self {
            inner: Backend::System(stream),
        }
    }

    pub(crate) const fn native(stream: NativeStream) -> Self {
        Self {
            inner: Backend::Native(stream),
        }
    }

    /// Takes over a connection of the standard library, on the system back end.
    ///
    /// # Errors
    /// The system's refusal to make it non-blocking or to watch it.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O.
    pub fn from_std(stream: std::net::TcpStream) -> Result<Self, NetError> {
        stream.set_nonblocking(true)?;
        Ok(Self::system(tokio::net::TcpStream::from_std(stream)?))
    }

    /// The name of this end (GSN-3).
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<SocketAddr, NetError> {
        on_backend!(&self.inner,
            stream => Ok(stream.local_addr()?),
            native => native.socket().local_addr(),
        )
    }

    /// The name of the other end (GPN-1).
    ///
    /// # Errors
    /// [`NetError::NotConn`] if the connection is gone.
    pub fn peer_addr(&self) -> Result<SocketAddr, NetError> {
        on_backend!(&self.inner,
            stream => Ok(stream.peer_addr()?),
            native => native.socket().peer_addr(),
        )
    }

    /// Sends `octet` as urgent data (OOB-1): the peer is told at once that it is on its way. For old protocols only
    /// (RFC 6093 advises against new use).
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// It is sent or not.
    pub async fn send_urgent(&self, octet: u8) -> io::Result<()> {
        self.send_oob(&[octet]).await.map(drop)
    }

    /// Sends octets of which the last is the urgent one (`MSG_OOB`); says how many it took, the last among them only if
    /// it took all.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// Nothing is sent twice: who drops it does not know whether something was sent.
    pub async fn send_oob(&self, octets: &[u8]) -> io::Result<usize> {
        on_backend!(&self.inner,
            stream => {
                let send = || socket2::SockRef::from(stream).send_out_of_band(octets);
                stream.async_io(Interest::WRITABLE, send).await
            },
            native => Ok(native.socket().send_oob(octets).await?),
        )
    }

    /// Reads the urgent octet, unless [`option::OobInline`](crate::option::OobInline) leaves it in the stream (OOB-3).
    /// Only the last one counts if several came (OOB-6).
    ///
    /// # Errors
    /// `WouldBlock` if it has not arrived (OOB-4), `EINVAL` if there is none.
    pub fn try_recv_urgent(&self) -> io::Result<u8> {
        self.urgent_octet(false)
    }

    /// [`try_recv_urgent`](Self::try_recv_urgent) without taking it (OOB-7).
    ///
    /// # Errors
    /// As there.
    pub fn try_peek_urgent(&self) -> io::Result<u8> {
        self.urgent_octet(true)
    }

    fn urgent_octet(&self, peek: bool) -> io::Result<u8> {
        on_backend!(&self.inner,
            stream => {
                let mut flags = MsgFlags::MSG_OOB;
                flags.set(MsgFlags::MSG_PEEK, peek);
                let mut octet = [0];
                // `try_io` on PRIORITY would forget that other data is there.
                match nix::sys::socket::recv(stream.as_raw_fd(), &mut octet, flags)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    _ => Ok(octet[0]),
                }
            },
            native => native.socket().try_recv_urgent(peek),
        )
    }

    /// Whether the next octet to be read is the marked one, or the one behind it where that is read by itself
    /// (`SIOCATMARK`, OOB-2). A read never crosses the mark.
    ///
    /// # Errors
    /// [`NetError::OpNotSupp`] on the system back end, which has no safe way to ask.
    pub fn at_mark(&self) -> Result<bool, NetError> {
        on_backend!(&self.inner,
            _system => Err(NetError::OpNotSupp),
            native => native.socket().at_mark(),
        )
    }

    /// Waits until urgent data is pending (OOB-5), or the stream has ended.
    ///
    /// On the system back end it takes a thread of the blocking pool while it waits. There, too, a read that stops at
    /// the mark is taken for one that found no more: whoever then waits for what is behind it may wait for ever, with
    /// [`option::OobInline`](crate::option::OobInline) too. Read until `WouldBlock` instead of waiting where urgent data may come.
    ///
    /// # Errors
    /// None on a healthy runtime.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn urgent(&self) -> io::Result<()> {
        on_backend!(&self.inner,
            stream => crate::system::stream::urgent(stream).await,
            native => Ok(native.socket().ready(Wait::Urgent).await?),
        )
    }

    /// Reads without taking: the next read gives the same octets again.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn peek(&self, buf: &mut [u8]) -> io::Result<usize> {
        on_backend!(&self.inner,
            stream => stream.peek(buf).await,
            native => Ok(poll_fn(|cx| native.socket().poll_peek(cx, buf)).await?),
        )
    }

    /// How many octets a read would give now (`FIONREAD`).
    ///
    /// # Errors
    /// The system's.
    pub fn readable_octets(&self) -> Result<usize, NetError> {
        on_backend!(&self.inner,
            stream => crate::system::stream::readable_octets(stream),
            native => native.socket().readable_octets(),
        )
    }

    /// Sends the octets of `buf` as the last of this direction, and ends it (`MSG_EOF`): where it can, the end goes in
    /// the segment of the last octets.
    ///
    /// # Errors
    /// Those of writing.
    ///
    /// # Cancel safety
    /// Some of it may have been sent; the direction has not ended then.
    pub async fn send_eof(&self, buf: &[u8]) -> io::Result<()> {
        on_backend!(&self.inner,
            stream => {
                let mut rest = buf;
                while !rest.is_empty() {
                    stream.writable().await?;
                    match crate::system::stream::try_write(stream, rest) {
                        Ok(n) => rest = rest.get(n..).unwrap_or_default(),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(error) => return Err(error),
                    }
                }
                socket2::SockRef::from(stream).shutdown(Shutdown::Write)
            },
            native => Ok(native.socket().send_eof(buf).await?),
        )
    }

    /// Closes the connection and waits as [`option::Linger`](crate::option::Linger) says (CLO-3): until what was
    /// written is acknowledged, or that time is over. Without the option it is over at once, as dropping is (CLO-4).
    ///
    /// # Errors
    /// The system's refusal to let go of the socket.
    ///
    /// # Cancel safety
    /// The connection is closed all the same.
    pub async fn close(self) -> Result<(), NetError> {
        on_backend!(self.inner,
            stream => {
                // The system makes whoever closes wait, be it non-blocking or not.
                let stream = stream.into_std()?;
                let closed = tokio::task::spawn_blocking(move || drop(stream)).await;
                closed.map_err(|_| NetError::Intr)
            },
            native => native.close().await,
        )
    }

    /// What the stack knows of the connection: state, windows, times, losses.
    ///
    /// # Errors
    /// [`NetError::OpNotSupp`] on the system back end, which has no safe way to ask.
    pub fn info(&self) -> Result<TcpInfo, NetError> {
        on_backend!(&self.inner,
            _system => Err(NetError::OpNotSupp),
            native => native.socket().info(),
        )
    }

    cancel_method!();

    /// Two halves that can live in two tasks. Dropping the writing half ends that direction.
    #[must_use]
    pub fn into_split(self) -> (TcpReadHalf, TcpWriteHalf) {
        match self.inner {
            Backend::System(stream) => {
                let (reader, writer) = stream.into_split();
                (
                    TcpReadHalf {
                        inner: Backend::System(reader),
                    },
                    TcpWriteHalf {
                        inner: Backend::System(writer),
                    },
                )
            }
            Backend::Native(stream) => {
                let (reader, writer) = stream.into_split();
                (
                    TcpReadHalf {
                        inner: Backend::Native(reader),
                    },
                    TcpWriteHalf {
                        inner: Backend::Native(writer),
                    },
                )
            }
        }
    }

    option_methods!(Tcp);
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, peer) = (self.local_addr(), self.peer_addr());
        f.debug_struct("TcpStream")
            .field("local", &local)
            .field("peer", &peer)
            .finish()
    }
}

/// The reading half of a [`TcpStream`].
#[derive(Debug)]
pub struct TcpReadHalf {
    inner: Backend<tokio::net::tcp::OwnedReadHalf, Half>,
}

stream!(reader TcpReadHalf);

/// The writing half of a [`TcpStream`].
#[derive(Debug)]
pub struct TcpWriteHalf {
    inner: Backend<tokio::net::tcp::OwnedWriteHalf, Half>,
}

stream!(writer TcpWriteHalf);

/// A listening TCP socket.
pub struct TcpListener {
    inner: Backend<tokio::net::TcpListener, NativeListener>,
}

impl TcpListener {
    pub(crate) const fn system(listener: tokio::net::TcpListener) -> Self {
        Self {
            inner: Backend::System(listener),
        }
    }

    /// Takes over a listener of the standard library, on the system back end: one that a service manager handed over
    /// (from `OwnedFd` by `.into()`), or one bound before privileges were dropped.
    ///
    /// # Errors
    /// The system's refusal to make it non-blocking or to watch it.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O.
    pub fn from_std(listener: std::net::TcpListener) -> Result<Self, NetError> {
        listener.set_nonblocking(true)?;
        Ok(Self::system(tokio::net::TcpListener::from_std(listener)?))
    }

    /// The next connection, and who made it (ACC-1).
    ///
    /// # Errors
    /// By what can be done: see [`AcceptError`]. None of them ends the listener's life by itself.
    ///
    /// # Cancel safety
    /// A connection is either returned or still waiting.
    pub async fn accept(&self) -> Result<(TcpStream, SocketAddr), AcceptError> {
        on_backend!(&self.inner,
            listener => {
                let (stream, peer) = listener.accept().await?;
                Ok((TcpStream::system(stream), peer))
            },
            native => {
                let (stream, peer) = poll_fn(|cx| native.poll_accept(cx)).await?;
                Ok((TcpStream::native(stream), peer))
            },
        )
    }

    /// [`accept`](Self::accept) for hand-written futures. Remembers one waker.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(TcpStream, SocketAddr), AcceptError>> {
        on_backend!(&self.inner,
            listener => {
                let (stream, peer) = ready!(listener.poll_accept(cx))?;
                Poll::Ready(Ok((TcpStream::system(stream), peer)))
            },
            native => {
                let (stream, peer) = ready!(native.poll_accept(cx))?;
                Poll::Ready(Ok((TcpStream::native(stream), peer)))
            },
        )
    }

    cancel_method!();

    /// The address it listens on.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<SocketAddr, NetError> {
        on_backend!(&self.inner,
            listener => Ok(listener.local_addr()?),
            native => native.socket().local_addr(),
        )
    }

    option_methods!(Tcp);
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener")
            .field("local", &self.local_addr())
            .finish()
    }
}

/// A TCP socket before it connects or listens: for options that must be set first, and for binding.
#[derive(Debug)]
pub struct TcpSocket {
    inner: Backend<tokio::net::TcpSocket, NativeTcpSocket>,
    family: Family,
    clock: Clock,
}

impl TcpSocket {
    pub(crate) fn system(family: Family, clock: Clock) -> Result<Self, NetError> {
        let socket = match family {
            Family::V4 => tokio::net::TcpSocket::new_v4()?,
            Family::V6 => tokio::net::TcpSocket::new_v6()?,
        };
        if family == Family::V6 {
            socket2::SockRef::from(&socket).set_only_v6(true)?;
        }
        Ok(Self {
            inner: Backend::System(socket),
            family,
            clock,
        })
    }

    pub(crate) fn native(host: &Host, family: Family) -> Result<Self, NetError> {
        family.on_native()?;
        Ok(Self {
            inner: Backend::Native(NativeTcpSocket::new(host)?),
            family,
            clock: host.clock().clone(),
        })
    }

    /// Gives the socket its local name; port 0 means any free one (BND-1, BND-2).
    ///
    /// # Errors
    /// [`NetError::AddrInUse`], [`NetError::AddrNotAvail`], [`NetError::Inval`] if it has a name already (BND-6),
    /// [`NetError::Access`] for a port below 1024 without the privilege.
    pub fn bind(&self, local: SocketAddr) -> Result<(), NetError> {
        on_backend!(&self.inner,
            socket => Ok(socket.bind(local)?),
            native => native.socket().bind(local),
        )
    }

    /// Binds to a free port of 512–1023 on every local address: the sign, to old services, that the superuser asks.
    /// Tries them in order from a random one.
    ///
    /// # Errors
    /// [`NetError::Access`] without the privilege, [`NetError::AddrInUse`] if none is free.
    pub fn bind_reserved(&self, rng: &mut Rng) -> Result<SocketAddr, NetError> {
        crate::net::bind_reserved(self.family, rng, |local| self.bind(local))?;
        self.local_addr()
    }

    /// The local name; the wildcard with port 0 if it has none (GSN-1).
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<SocketAddr, NetError> {
        on_backend!(&self.inner,
            socket => Ok(socket.local_addr()?),
            native => native.socket().local_addr(),
        )
    }

    /// Connects, binding first if need be (CON-1), within [`CONNECT_TIME_LIMIT`] (CON-3).
    ///
    /// # Errors
    /// [`NetError::ConnRefused`] if nobody listens (CON-2), [`NetError::TimedOut`], [`NetError::NetUnreach`],
    /// [`NetError::HostUnreach`], [`NetError::AddrNotAvail`] if no port is free.
    ///
    /// # Cancel safety
    /// Dropping it abandons the attempt and closes the socket.
    pub async fn connect(self, peer: SocketAddr) -> Result<TcpStream, NetError> {
        on_backend!(self.inner,
            socket => match self.clock.timeout(CONNECT_TIME_LIMIT, socket.connect(peer)).await {
                Ok(stream) => Ok(TcpStream::system(stream?)),
                Err(_) => Err(NetError::TimedOut),
            },
            native => Ok(TcpStream::native(native.connect(peer).await?)),
        )
    }

    /// Listens, binding first if need be (LSN-1), with room for `backlog` connections not yet accepted; the system
    /// caps the number (LSN-2). Further ones are ignored until there is room (LSN-3).
    ///
    /// # Errors
    /// [`NetError::AddrInUse`] if another socket listens there.
    pub fn listen(self, backlog: u32) -> Result<TcpListener, NetError> {
        on_backend!(self.inner,
            socket => Ok(TcpListener::system(socket.listen(backlog)?)),
            native => Ok(TcpListener { inner: Backend::Native(native.listen(backlog)?) }),
        )
    }

    option_methods!(Tcp);
}
