//! Local datagram sockets.

use super::file::{SocketFile, bind_system};
use super::{Credentials, LocalAddr};
use crate::backend::Backend;
use crate::error::NetError;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, UnixCredentials, recvmsg};
use rustix::net::{RecvFlags, SocketAddrUnix};
use socket2::SockRef;
use std::ffi::OsStr;
use std::fmt;
use std::io::{self, IoSliceMut};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net;
use tokio::io::Interest;

/// What is known of a local datagram beside its octets.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalMsgInfo {
    /// The name of the socket that sent it.
    pub peer: LocalAddr,
    /// Whether it was longer than the buffer: the rest is lost (RCV-3).
    pub truncated: bool,
}

/// A local datagram socket: datagrams are neither lost nor put out of order (LIP-4). Every method takes `&self`.
/// Dropping it removes the file it made.
pub struct LocalDatagram {
    inner: Backend<tokio::net::UnixDatagram>,
    /// Removed after the socket is closed: fields are dropped in order.
    _file: Option<SocketFile>,
}

impl LocalDatagram {
    pub(crate) fn bind_to_system(address: &LocalAddr) -> Result<Self, NetError> {
        let (socket, file) = bind_system(address, socket2::Type::DGRAM)?;
        let socket = tokio::net::UnixDatagram::from_std(socket.into())?;
        Ok(Self {
            inner: Backend::System(socket),
            _file: file,
        })
    }

    pub(crate) fn unbound_system() -> Result<Self, NetError> {
        Ok(Self {
            inner: Backend::System(tokio::net::UnixDatagram::unbound()?),
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
                _file: None,
            },
            Self {
                inner: Backend::System(other),
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
            _file: None,
        })
    }

    /// Fixes the peer; may be repeated to change it (CON-6, CON-7).
    ///
    /// # Errors
    /// [`NetError::NotFound`], [`NetError::ConnRefused`] if nobody holds the name.
    pub fn connect(&self, peer: &LocalAddr) -> Result<(), NetError> {
        let peer = peer.to_socket2()?;
        on_backend!(&self.inner, socket => Ok(SockRef::from(socket).connect(&peer)?))
    }

    /// Receives one datagram into `buf`; gives its length in `buf`, and what is known of it.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// A datagram is either returned or still waiting.
    pub async fn recv_msg(&self, buf: &mut [u8]) -> io::Result<(usize, LocalMsgInfo)> {
        on_backend!(&self.inner, socket => socket.async_io(Interest::READABLE, || receive(socket, buf)).await)
    }

    /// [`recv_msg`](Self::recv_msg) without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there.
    pub fn try_recv_msg(&self, buf: &mut [u8]) -> io::Result<(usize, LocalMsgInfo)> {
        on_backend!(&self.inner, socket => socket.try_io(Interest::READABLE, || receive(socket, buf)))
    }

    /// Receives one datagram and who sent it; `None` without
    /// [`option::PassCredentials`](crate::option::PassCredentials) at the time it was sent.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// A datagram is either returned or still waiting.
    pub async fn recv_credentials(
        &self,
        buf: &mut [u8],
    ) -> io::Result<(usize, Option<Credentials>)> {
        on_backend!(&self.inner, socket => {
            socket.async_io(Interest::READABLE, || receive_credentials(socket, buf)).await
        })
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
        let peer = peer.to_socket2()?;
        on_backend!(&self.inner, socket => {
            let send = || SockRef::from(socket).send_to(buf, &peer);
            Ok(socket.async_io(Interest::WRITABLE, send).await?)
        })
    }

    /// Sends one datagram to the connected peer; waits while its queue is full.
    ///
    /// # Errors
    /// [`NetError::NotConn`] without a peer, [`NetError::ConnRefused`] if it has gone, [`NetError::MsgSize`].
    ///
    /// # Cancel safety
    /// It is sent whole or not at all.
    pub async fn send(&self, buf: &[u8]) -> Result<usize, NetError> {
        on_backend!(&self.inner, socket => Ok(socket.send(buf).await?))
    }

    /// Receives one datagram.
    ///
    /// # Errors
    /// The system's.
    ///
    /// # Cancel safety
    /// A datagram is either returned or still waiting.
    pub async fn recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        on_backend!(&self.inner, socket => socket.recv(buf).await)
    }

    /// The socket's name.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<LocalAddr, NetError> {
        on_backend!(&self.inner, socket => Ok(LocalAddr::from_system(&socket.local_addr()?.into())))
    }

    option_methods!(Local);
}

impl fmt::Debug for LocalDatagram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalDatagram")
            .field("local", &self.local_addr())
            .finish_non_exhaustive()
    }
}

/// One `recvfrom`, which tells the length the datagram had.
fn receive(socket: &tokio::net::UnixDatagram, buf: &mut [u8]) -> io::Result<(usize, LocalMsgInfo)> {
    let room = buf.len();
    let (length, whole, peer) = rustix::net::recvfrom(socket, buf, RecvFlags::TRUNC)?;
    let peer = peer.and_then(|peer| SocketAddrUnix::try_from(peer).ok());
    let peer = peer.as_ref().map_or(LocalAddr::Unnamed, local_addr_of);
    Ok((
        length,
        LocalMsgInfo {
            peer,
            truncated: whole > room,
        },
    ))
}

/// One `recvmsg`. There is room for credentials and nothing else, so no descriptor that a peer sends along is taken.
/// The sender's name is not asked for: nix panics over senders that have none.
fn receive_credentials(
    socket: &tokio::net::UnixDatagram,
    buf: &mut [u8],
) -> io::Result<(usize, Option<Credentials>)> {
    let mut slices = [IoSliceMut::new(buf)];
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
    Ok((message.bytes, credentials))
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
