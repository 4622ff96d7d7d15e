//! Sockets of this machine only: names in the file system or in the abstract name space.

use crate::backend::Backend;
use crate::error::{AcceptError, NetError};
use bytes::BufMut;
use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::Shutdown;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::os::unix::net::SocketAddr as UnixAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The name of a local socket.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum LocalAddr {
    /// A file: at most 107 octets.
    Path(PathBuf),
    /// A name outside the file system, gone with its socket; anyone on the machine may connect to it. At most 107
    /// octets, any values.
    Abstract(Vec<u8>),
    /// No name: the usual state of the connecting side.
    Unnamed,
}

impl LocalAddr {
    /// A name in the file system.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        Self::Path(path.into())
    }

    /// A name in the abstract name space, without the leading zero octet.
    pub fn abstract_name(name: impl Into<Vec<u8>>) -> Self {
        Self::Abstract(name.into())
    }

    fn to_system(&self) -> Result<UnixAddr, NetError> {
        Ok(match self {
            Self::Path(path) => UnixAddr::from_pathname(path)?,
            Self::Abstract(name) => UnixAddr::from_abstract_name(name)?,
            Self::Unnamed => UnixAddr::from_pathname("")?,
        })
    }

    fn from_system(address: &UnixAddr) -> Self {
        match (address.as_pathname(), address.as_abstract_name()) {
            (Some(path), _) => Self::Path(path.to_owned()),
            (None, Some(name)) => Self::Abstract(name.to_owned()),
            (None, None) => Self::Unnamed,
        }
    }
}

/// A path as it is, `@name` for an abstract name, `-` for none.
impl fmt::Display for LocalAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => path.display().fmt(f),
            Self::Abstract(name) => write!(f, "@{}", OsStr::from_bytes(name).display()),
            Self::Unnamed => f.write_str("-"),
        }
    }
}

impl fmt::Debug for LocalAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LocalAddr({self})")
    }
}

impl From<&Path> for LocalAddr {
    fn from(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }
}

impl From<PathBuf> for LocalAddr {
    fn from(path: PathBuf) -> Self {
        Self::Path(path)
    }
}

/// Who is at the other end, as the system saw it when the connection was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    /// Process, where the system tells.
    pub pid: Option<i32>,
}

/// A connected local stream socket.
pub struct LocalStream {
    inner: Backend<tokio::net::UnixStream>,
}

stream!(whole LocalStream);

impl LocalStream {
    pub(crate) const fn system(stream: tokio::net::UnixStream) -> Self {
        Self {
            inner: Backend::System(stream),
        }
    }

    pub(crate) async fn connect_system(peer: &LocalAddr) -> Result<Self, NetError> {
        let address = tokio::net::unix::SocketAddr::from(peer.to_system()?);
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
        })
    }

    /// The name of this end.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<LocalAddr, NetError> {
        on_backend!(&self.inner, stream => Ok(LocalAddr::from_system(&stream.local_addr()?.into())))
    }

    /// The name of the other end: the listener's on the connecting side, [`LocalAddr::Unnamed`] mostly on the other.
    ///
    /// # Errors
    /// [`NetError::NotConn`] if the connection is gone.
    pub fn peer_addr(&self) -> Result<LocalAddr, NetError> {
        on_backend!(&self.inner, stream => Ok(LocalAddr::from_system(&stream.peer_addr()?.into())))
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
        }
    }

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
    inner: Backend<tokio::net::unix::OwnedReadHalf>,
}

stream!(reader LocalReadHalf);

/// The writing half of a [`LocalStream`].
#[derive(Debug)]
pub struct LocalWriteHalf {
    inner: Backend<tokio::net::unix::OwnedWriteHalf>,
}

stream!(writer LocalWriteHalf);

/// A listening local socket. Dropping it removes the file it made.
pub struct LocalListener {
    inner: Backend<tokio::net::UnixListener>,
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
        })
    }

    /// The name it listens on.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<LocalAddr, NetError> {
        on_backend!(&self.inner, listener => Ok(LocalAddr::from_system(&listener.local_addr()?.into())))
    }

    option_methods!(Local);
}

impl fmt::Debug for LocalListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalListener")
            .field("local", &self.local_addr())
            .finish()
    }
}

/// Makes a non-blocking socket of type `kind` and binds it; a stale file in the way is removed first.
fn bind_system(
    address: &LocalAddr,
    kind: socket2::Type,
) -> Result<(socket2::Socket, Option<SocketFile>), NetError> {
    let socket = socket2::Socket::new(socket2::Domain::UNIX, kind, None)?;
    socket.set_nonblocking(true)?;
    let system = match address {
        LocalAddr::Path(path) => socket2::SockAddr::unix(path)?,
        // A leading zero octet makes the name abstract (unix(7)).
        LocalAddr::Abstract(name) => {
            socket2::SockAddr::unix(OsStr::from_bytes(&[&[0], name.as_slice()].concat()))?
        }
        LocalAddr::Unnamed => return Err(NetError::Inval),
    };
    match socket.bind(&system) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => match address {
            LocalAddr::Path(path) if remove_stale(path)? => socket.bind(&system)?,
            _ => return Err(NetError::AddrInUse),
        },
        other => other?,
    }
    let file = match address {
        LocalAddr::Path(path) => SocketFile::of(path),
        LocalAddr::Abstract(_) | LocalAddr::Unnamed => None,
    };
    Ok((socket, file))
}

/// Removes the socket file at `path` if nobody listens there any more; says whether it did.
///
/// Anything but a socket is left alone. Two programs that do this at the same moment can remove each other's fresh
/// file; a lock file is the cure where that matters.
///
/// # Errors
/// The system's refusal to remove the file.
pub fn remove_stale(path: &Path) -> Result<bool, NetError> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => {}
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(error.into()),
    }
    // Refused means that the file outlived its socket. A datagram socket answers a stream with "wrong type": in use.
    let probe = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None)?;
    probe.set_nonblocking(true)?;
    match probe.connect(&socket2::SockAddr::unix(path)?) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path)?;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// A file that binding made: removed when dropped, unless another has taken its place.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> Option<Self> {
        let made = fs::symlink_metadata(path).ok()?;
        // An absolute path still means the same file after a change of directory.
        let path = std::path::absolute(path).ok()?;
        Some(Self {
            path,
            device: made.dev(),
            inode: made.ino(),
        })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Ok(now) = fs::symlink_metadata(&self.path)
            && (now.dev(), now.ino()) == (self.device, self.inode)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(target: "net::local", path = %self.path.display(), %error, "socket file stays");
        }
    }
}
