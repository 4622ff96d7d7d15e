//! Local datagram sockets.

use super::file::{SocketFile, bind_system};
use super::{Credentials, LocalAddr};
use crate::backend::Backend;
use crate::error::NetError;
use crate::native::{Host, NativeLocalDatagram};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg};
use rustix::net::{RecvFlags, SocketAddrUnix};
use socket2::SockRef;
use std::ffi::OsStr;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSliceMut, Read as _};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net;
use std::sync::{Mutex, PoisonError};
use tokio::io::Interest;

/// What is known of a local datagram beside its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalMsgInfo {
    /// The name of the socket that sent it.
    pub peer: LocalAddr,
    /// Who sent it, if [`option::PassCredentials`](crate::option::PassCredentials) was set then.
    pub credentials: Option<Credentials>,
    /// Whether it was longer than the buffer: the rest is lost (RCV-3).
    pub truncated: bool,
}

/// A local datagram socket: datagrams are neither lost nor put out of order (LIP-4). Every method takes `&self`.
/// Dropping it removes the file it made.
pub struct LocalDatagram {
    inner: Backend<tokio::net::UnixDatagram, NativeLocalDatagram>,
    /// Held while a datagram is taken: never over a wait.
    receiving: Mutex<()>,
    /// Removed after the socket is closed: fields are dropped in order.
    _file: Option<SocketFile>,
}

impl LocalDatagram {
    pub(crate) fn bind_to_system(address: &LocalAddr) -> Result<Self, NetError> {
        let (socket, file) = bind_system(address, socket2::Type::DGRAM)?;
        let socket = tokio::net::UnixDatagram::from_std(socket.into())?;
        Ok(Self {
            inner: Backend::System(socket),
            receiving: Mutex::default(),
            _file: file,
        })
    }

    pub(crate) fn unbound_system() -> Result<Self, NetError> {
        Ok(Self {
            inner: Backend::System(tokio::net::UnixDatagram::unbound()?),
            receiving: Mutex::default(),
            _file: None,
        })
    }

    pub(crate) fn native(host: &Host, address: Option<&LocalAddr>) -> Result<Self, NetError> {
        Ok(Self {
            inner: Backend::Native(NativeLocalDatagram::new(host, address)?),
            receiving: Mutex::default(),
            _file: None,
        })
    }

    /// Two sockets connected to each other, on the system back end.
    ///
    /// # Errors
    /// [`NetError::TooManyFiles`].
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O.
    pub fn pair() -> Result<(Self, Self), NetError> {
        let (one, other) = tokio::net::UnixDatagram::pair()?;
        Ok((
            Self {
                inner: Backend::System(one),
                receiving: Mutex::default(),
                _file: None,
            },
            Self {
                inner: Backend::System(other),
                receiving: Mutex::default(),
                _file: None,
            },
        ))
    }

    /// Takes over a socket of the standard library, on the system back end. Its file stays when it is dropped.
    ///
    /// # Errors
    /// The system's refusal to make it non-blocking or to watch it.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O.
    pub fn from_std(socket: net::UnixDatagram) -> Result<Self, NetError> {
        socket.set_nonblocking(true)?;
        Ok(Self {
            inner: Backend::System(tokio::net::UnixDatagram::from_std(socket)?),
            receiving: Mutex::default(),
            _file: None,
        })
    }

    /// Fixes the peer; may be repeated to change it (CON-6, CON-7).
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::ConnRefused`] if nobody holds the name.
    pub fn connect(&self, peer: &LocalAddr) -> Result<(), NetError> {
        on_backend!(&self.inner,
            socket => Ok(SockRef::from(socket).connect(&peer.to_socket2()?)?),
            native => native.connect(peer),
        )
    }

    /// Receives one datagram into `buf`; gives its length in `buf`, and what is known of it.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// A datagram is either returned or still waiting.
    pub async fn recv_msg(&self, buf: &mut [u8]) -> io::Result<(usize, LocalMsgInfo)> {
        on_backend!(&self.inner,
            socket => socket.async_io(Interest::READABLE, || self.one(|| receive(socket, buf))).await,
            native => poll_fn(|cx| native.poll_recv_msg(cx, buf)).await,
        )
    }

    /// [`recv_msg`](Self::recv_msg) without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there.
    pub fn try_recv_msg(&self, buf: &mut [u8]) -> io::Result<(usize, LocalMsgInfo)> {
        on_backend!(&self.inner,
            socket => socket.try_io(Interest::READABLE, || self.one(|| receive(socket, buf))),
            native => native.try_recv_msg(buf),
        )
    }

    /// Sends one datagram to `peer`; waits while the peer's queue is full.
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::ConnRefused`] if nobody holds the name, [`NetError::MsgSize`],
    /// [`NetError::IsConn`] on a connected socket (SND-8).
    ///
    /// # Cancel safety
    /// It is sent whole or not at all.
    pub async fn send_to(&self, buf: &[u8], peer: &LocalAddr) -> Result<usize, NetError> {
        on_backend!(&self.inner,
            socket => {
                let peer = peer.to_socket2()?;
                let send = || SockRef::from(socket).send_to(buf, &peer);
                Ok(socket.async_io(Interest::WRITABLE, send).await?)
            },
            native => {
                let peer = peer.to_native();
                poll_fn(|cx| native.poll_send(cx, buf, Some(&peer))).await
            },
        )
    }

    /// Sends one datagram to the connected peer; waits while its queue is full.
    ///
    /// # Errors
    /// [`NetError::NotConn`] without a peer, [`NetError::ConnRefused`] if it has gone, [`NetError::MsgSize`].
    ///
    /// # Cancel safety
    /// It is sent whole or not at all.
    pub async fn send(&self, buf: &[u8]) -> Result<usize, NetError> {
        on_backend!(&self.inner,
            socket => Ok(socket.send(buf).await?),
            native => poll_fn(|cx| native.poll_send(cx, buf, None)).await,
        )
    }

    /// Receives one datagram.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// A datagram is either returned or still waiting.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        on_backend!(&self.inner,
            socket => {
                let receive = || self.one(|| (&*SockRef::from(socket)).read(buf));
                socket.async_io(Interest::READABLE, receive).await
            },
            native => Ok(poll_fn(|cx| native.poll_recv_msg(cx, buf)).await?.0),
        )
    }

    /// Runs `work` while no other receiver does.
    fn one<R>(&self, work: impl FnOnce() -> R) -> R {
        // A panic within would leave nothing half done.
        let _alone = self
            .receiving
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        work()
    }

    /// The socket's name.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<LocalAddr, NetError> {
        on_backend!(&self.inner, socket => Ok(LocalAddr::from_system(&socket.local_addr()?.into())), native => native.socket().local_name())
    }

    cancel_method!();

    option_methods!(Local);
}

impl fmt::Debug for LocalDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalDatagram")
            .field("local", &self.local_addr())
            .finish_non_exhaustive()
    }
}

/// A look at the datagram for its sender's name and its length, then one `recvmsg` for the rest: the caller holds the
/// lock of all receivers, so both are of the same. (One call would do, but nix panics over senders without a name, and
/// rustix cannot represent credentials of a process that has no number here.)
fn receive(socket: &tokio::net::UnixDatagram, buf: &mut [u8]) -> io::Result<(usize, LocalMsgInfo)> {
    let room = buf.len();
    let look = RecvFlags::PEEK | RecvFlags::TRUNC;
    let (_, whole, peer) = rustix::net::recvfrom(socket, &mut [0; 0], look)?;
    let peer = peer.and_then(|peer| SocketAddrUnix::try_from(peer).ok());
    let peer = peer.as_ref().map_or(LocalAddr::Unnamed, local_addr_of);

    let mut slices = [IoSliceMut::new(buf)];
    // Room for credentials and nothing else: no descriptor that a peer sends along is taken.
    let mut space = CredentialSpace([0; CREDENTIAL_SPACE]);
    let message = recvmsg::<()>(
        socket.as_raw_fd(),
        &mut slices,
        Some(&mut space.0),
        MsgFlags::MSG_CMSG_CLOEXEC,
    )?;
    let credentials = message
        .cmsgs()
        .into_iter()
        .flatten()
        .find_map(|control| match control {
            ControlMessageOwned::ScmCredentials(sender) => Some(credentials(&sender)),
            _ => None,
        });
    Ok((
        message.bytes,
        LocalMsgInfo {
            peer,
            credentials,
            truncated: whole > room,
        },
    ))
}

/// `CMSG_SPACE(sizeof(struct ucred))`.
const CREDENTIAL_SPACE: usize =
    (size_of::<usize>() + 8 + size_of::<nix::libc::ucred>()).next_multiple_of(size_of::<usize>());

/// Room for one control message with credentials, aligned as `cmsghdr` wants it.
#[repr(align(8))]
struct CredentialSpace([u8; CREDENTIAL_SPACE]);

fn credentials(sender: &UnixCredentials) -> Credentials {
    // Zero stands for a process of another name space.
    let pid = Some(sender.pid()).filter(|&pid| pid != 0);
    Credentials {
        uid: sender.uid(),
        gid: sender.gid(),
        pid,
    }
}

fn local_addr_of(address: &SocketAddrUnix) -> LocalAddr {
    match (address.path_bytes(), address.abstract_name()) {
        (Some(path), _) => LocalAddr::path(OsStr::from_bytes(path)),
        (None, Some(name)) => LocalAddr::abstract_name(name),
        (None, None) => LocalAddr::Unnamed,
    }
}
