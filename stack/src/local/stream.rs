//! Local streams and their listeners.

use super::file::{SocketFile, bind_system};
use super::{Credentials, LocalAddr};
use crate::backend::Backend;
use crate::error::{AcceptError, NetError};
use crate::native::{Half, Host, NativeLocalListener, NativeStream};
use bytes::BufMut;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connected local stream socket.
pub struct LocalStream {
    inner: Backend<tokio::net::UnixStream, NativeStream>,
}

stream!(whole LocalStream);

impl LocalStream {
    pub(crate) const fn system(stream: tokio::net::UnixStream) -> Self {
        Self {
            inner: Backend::System(stream),
        }
    }

    pub(crate) async fn connect_native(host: &Host, peer: &LocalAddr) -> Result<Self, NetError> {
        let stream = crate::native::local::connect(host, peer).await?;
        Ok(Self {
            inner: Backend::Native(stream),
        })
    }

    pub(crate) async fn connect_system(peer: &LocalAddr) -> Result<Self, NetError> {
        let address = tokio::net::unix::SocketAddr::from(peer.to_std()?);
        let mut pause = Duration::from_millis(1);
        loop {
            match tokio::net::UnixStream::connect_addr(&address).await {
                Ok(stream) => return Ok(Self::system(stream)),
                // LIP-4: connecting has no time limit. The queue of the listener is full, and Linux tells nobody when
                // there is room again.
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "real time: no other back end has this queue"
                    )]
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(Duration::from_millis(50));
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Two streams connected to each other, on the system back end.
    ///
    /// # Errors
    /// [`NetError::TooManyFiles`].
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O.
    pub fn pair() -> Result<(Self, Self), NetError> {
        let (one, other) = tokio::net::UnixStream::pair()?;
        Ok((Self::system(one), Self::system(other)))
    }

    /// Takes over a stream of the standard library, on the system back end.
    ///
    /// # Errors
    /// The system's refusal to make it non-blocking or to watch it.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O.
    pub fn from_std(stream: std::os::unix::net::UnixStream) -> Result<Self, NetError> {
        stream.set_nonblocking(true)?;
        Ok(Self::system(tokio::net::UnixStream::from_std(stream)?))
    }

    /// Who is at the other end.
    ///
    /// # Errors
    /// The system's.
    pub fn peer_credentials(&self) -> Result<Credentials, NetError> {
        on_backend!(&self.inner, stream => {
            let peer = stream.peer_cred()?;
            Ok(Credentials { uid: peer.uid(), gid: peer.gid(), pid: peer.pid() })
        }, native => native.socket().local_peer_credentials())
    }

    /// The name of this end.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<LocalAddr, NetError> {
        on_backend!(&self.inner, stream => Ok(LocalAddr::from_system(&stream.local_addr()?.into())), native => native.socket().local_name())
    }

    /// The name of the other end: the listener's on the connecting side, [`LocalAddr::Unnamed`] mostly on the other.
    ///
    /// # Errors
    /// [`NetError::NotConn`] if the connection is gone.
    pub fn peer_addr(&self) -> Result<LocalAddr, NetError> {
        on_backend!(&self.inner, stream => Ok(LocalAddr::from_system(&stream.peer_addr()?.into())), native => native.socket().local_peer_name())
    }

    /// Two halves that can live in two tasks. Dropping the writing half ends that direction.
    #[must_use]
    pub fn into_split(self) -> (LocalReadHalf, LocalWriteHalf) {
        match self.inner {
            Backend::System(stream) => {
                let (reader, writer) = stream.into_split();
                (
                    LocalReadHalf {
                        inner: Backend::System(reader),
                    },
                    LocalWriteHalf {
                        inner: Backend::System(writer),
                    },
                )
            }
            Backend::Native(stream) => {
                let (reader, writer) = stream.into_split();
                (
                    LocalReadHalf {
                        inner: Backend::Native(reader),
                    },
                    LocalWriteHalf {
                        inner: Backend::Native(writer),
                    },
                )
            }
        }
    }

    cancel_method!();

    option_methods!(Local);
}

impl fmt::Debug for LocalStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (local, peer) = (self.local_addr(), self.peer_addr());
        f.debug_struct("LocalStream")
            .field("local", &local)
            .field("peer", &peer)
            .finish()
    }
}

/// The reading half of a [`LocalStream`].
#[derive(Debug)]
pub struct LocalReadHalf {
    inner: Backend<tokio::net::unix::OwnedReadHalf, Half>,
}

stream!(reader LocalReadHalf);

/// The writing half of a [`LocalStream`].
#[derive(Debug)]
pub struct LocalWriteHalf {
    inner: Backend<tokio::net::unix::OwnedWriteHalf, Half>,
}

stream!(writer LocalWriteHalf);

/// A listening local socket. Dropping it removes the file it made.
pub struct LocalListener {
    inner: Backend<tokio::net::UnixListener, NativeLocalListener>,
    /// Removed after the socket is closed: fields are dropped in order.
    _file: Option<SocketFile>,
}

impl LocalListener {
    pub(crate) fn listen_system(address: &LocalAddr, backlog: u32) -> Result<Self, NetError> {
        let (socket, file) = bind_system(address, socket2::Type::STREAM)?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        let listener = tokio::net::UnixListener::from_std(socket.into())?;
        Ok(Self {
            inner: Backend::System(listener),
            _file: file,
        })
    }

    pub(crate) fn listen_native(
        host: &Host,
        address: &LocalAddr,
        backlog: u32,
    ) -> Result<Self, NetError> {
        Ok(Self {
            inner: Backend::Native(NativeLocalListener::new(host, address, backlog)?),
            _file: None,
        })
    }

    /// Takes over a listener of the standard library, on the system back end: one that a service manager handed over
    /// (from `OwnedFd` by `.into()`). Its file stays when it is dropped.
    ///
    /// # Errors
    /// The system's refusal to make it non-blocking or to watch it.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O.
    pub fn from_std(listener: std::os::unix::net::UnixListener) -> Result<Self, NetError> {
        listener.set_nonblocking(true)?;
        Ok(Self {
            inner: Backend::System(tokio::net::UnixListener::from_std(listener)?),
            _file: None,
        })
    }

    /// The next connection, and the name of who made it.
    ///
    /// # Errors
    /// By what can be done: see [`AcceptError`].
    ///
    /// # Cancel safety
    /// A connection is either returned or still waiting.
    pub async fn accept(&self) -> Result<(LocalStream, LocalAddr), AcceptError> {
        on_backend!(&self.inner, listener => {
            let (stream, peer) = listener.accept().await?;
            Ok((LocalStream::system(stream), LocalAddr::from_system(&peer.into())))
        }, native => {
            let (stream, peer) = poll_fn(|cx| native.poll_accept(cx)).await?;
            Ok((LocalStream { inner: Backend::Native(stream) }, peer))
        })
    }

    /// [`accept`](Self::accept) for hand-written futures. Remembers one waker.
    ///
    /// # Errors
    /// As [`accept`](Self::accept).
    pub fn poll_accept(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Result<(LocalStream, LocalAddr), AcceptError>> {
        on_backend!(&self.inner, listener => {
            let (stream, peer) = ready!(listener.poll_accept(cx))?;
            Poll::Ready(Ok((LocalStream::system(stream), LocalAddr::from_system(&peer.into()))))
        }, native => {
            let (stream, peer) = ready!(native.poll_accept(cx))?;
            Poll::Ready(Ok((LocalStream { inner: Backend::Native(stream) }, peer)))
        })
    }

    /// The name it listens on.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<LocalAddr, NetError> {
        on_backend!(&self.inner, listener => Ok(LocalAddr::from_system(&listener.local_addr()?.into())), native => native.socket().local_name())
    }

    cancel_method!();

    option_methods!(Local);
}

impl fmt::Debug for LocalListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalListener")
            .field("local", &self.local_addr())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{LocalAddr, LocalListener, LocalStream};
    use crate::Rng;

    /// LIP-4: connecting has no time limit; a full queue is waited out.
    #[tokio::test]
    async fn connecting_waits_for_room_in_the_queue() {
        let address = LocalAddr::abstract_name(Rng::from_system().next_u64().to_le_bytes());
        let listener = LocalListener::listen_system(&address, 0).unwrap();
        // A queue of none holds one.
        let _first = LocalStream::connect_system(&address).await.unwrap();
        let second = tokio::spawn({
            let address = address.clone();
            async move { LocalStream::connect_system(&address).await.map(drop) }
        });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(!second.is_finished());
        listener.accept().await.unwrap();
        assert_eq!(second.await.unwrap(), Ok(()));
        listener.accept().await.unwrap();
    }
}
