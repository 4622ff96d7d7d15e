//! Local sockets.

use super::socket::Kind;
use super::{Host, NativeStream, Socket};
use crate::error::{AcceptError, NetError};
use crate::local::{Credentials, LocalAddr, LocalMsgInfo};
use fairway_native::Interest;
use fairway_native::local::{self, LocalKind, LocalName};
use std::ffi::OsStr;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::unix::ffi::OsStrExt as _;
use std::task::{Context, Poll, ready};

/// Programs of such a host are its superuser's; their processes have no numbers.
const EVERYBODY: local::Credentials = local::Credentials {
    uid: 0,
    gid: 0,
    pid: None,
};

fn new(host: &Host, kind: LocalKind) -> Result<Socket, NetError> {
    let (of, kind) = match kind {
        LocalKind::Stream => (Kind::LocalStream, kind),
        LocalKind::Datagram => (Kind::LocalDatagram, kind),
    };
    Socket::new(host, of, |stack, now| {
        stack.local_socket(now, kind, EVERYBODY)
    })
}

pub(crate) async fn connect(host: &Host, peer: &LocalAddr) -> Result<NativeStream, NetError> {
    let socket = new(host, LocalKind::Stream)?;
    let peer = peer.to_native();
    match socket.call(|stack, now, id| stack.local_connect(now, id, &peer)) {
        Ok(()) => {}
        // LIP-4: connecting has no time limit.
        Err(NetError::InProgress) => {
            socket.ready(Interest::Write).await?;
            if let Some(error) = socket.take_error()? {
                return Err(error);
            }
        }
        Err(error) => return Err(error),
    }
    Ok(NativeStream(socket))
}

/// A listener.
#[derive(Debug)]
pub(crate) struct NativeLocalListener(Socket);

impl NativeLocalListener {
    pub(crate) fn new(host: &Host, name: &LocalAddr, backlog: u32) -> Result<Self, NetError> {
        let socket = new(host, LocalKind::Stream)?;
        let name = name.to_native();
        socket.call(|stack, now, id| {
            stack.local_bind(now, id, &name)?;
            stack.listen(now, id, backlog)
        })?;
        Ok(Self(socket))
    }

    pub(crate) const fn socket(&self) -> &Socket {
        &self.0
    }

    pub(crate) fn poll_accept(
        &self,
        cx: &Context<'_>,
    ) -> Poll<Result<(NativeStream, LocalAddr), AcceptError>> {
        let accepted = self.0.poll(cx, Interest::Read, |stack, now, id| {
            stack.local_accept(now, id)
        });
        let (id, peer) = ready!(accepted)?;
        let stream = NativeStream(self.0.sibling(id));
        Poll::Ready(Ok((stream, LocalAddr::from_native(&peer))))
    }
}

/// A datagram socket.
#[derive(Debug)]
pub(crate) struct NativeLocalDatagram(Socket);

impl NativeLocalDatagram {
    /// A socket, with a name if one is given; [`LocalAddr::Unnamed`] makes one be chosen.
    pub(crate) fn new(host: &Host, name: Option<&LocalAddr>) -> Result<Self, NetError> {
        let socket = new(host, LocalKind::Datagram)?;
        if let Some(name) = name.map(LocalAddr::to_native) {
            socket.call(|stack, now, id| stack.local_bind(now, id, &name))?;
        }
        Ok(Self(socket))
    }

    pub(crate) const fn socket(&self) -> &Socket {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn into_socket(self) -> Socket {
        self.0
    }

    pub(crate) fn connect(&self, peer: &LocalAddr) -> Result<(), NetError> {
        let peer = peer.to_native();
        self.0
            .call(|stack, now, id| stack.local_connect(now, id, &peer))
    }

    pub(crate) fn poll_recv_msg(
        &self,
        cx: &Context<'_>,
        buf: &mut [u8],
    ) -> Poll<io::Result<(usize, LocalMsgInfo)>> {
        self.0
            .poll(cx, Interest::Read, |stack, now, id| {
                stack.local_recv(now, id, &mut [IoSliceMut::new(buf)], false)
            })
            .map_ok(|received| msg_info(&received))
            .map_err(io::Error::from)
    }

    pub(crate) fn try_recv_msg(&self, buf: &mut [u8]) -> io::Result<(usize, LocalMsgInfo)> {
        let received = self
            .0
            .call(|stack, now, id| stack.local_recv(now, id, &mut [IoSliceMut::new(buf)], false))?;
        Ok(msg_info(&received))
    }

    /// Sends to `peer`, or to the peer it is connected to; waits while the queue there is full.
    pub(crate) fn poll_send(
        &self,
        cx: &Context<'_>,
        buf: &[u8],
        peer: Option<&LocalName>,
    ) -> Poll<Result<usize, NetError>> {
        self.0.poll(cx, Interest::Write, |stack, now, id| {
            stack.local_send(now, id, &[IoSlice::new(buf)], peer)
        })
    }
}

fn msg_info(received: &local::LocalReceived) -> (usize, LocalMsgInfo) {
    let info = LocalMsgInfo {
        peer: LocalAddr::from_native(&received.from),
        credentials: received.credentials.map(credentials),
        truncated: received.truncated,
    };
    (received.len, info)
}

fn credentials(of: local::Credentials) -> Credentials {
    Credentials {
        uid: of.uid,
        gid: of.gid,
        pid: of.pid,
    }
}

/// What local sockets know and can be told.
impl Socket {
    pub(crate) fn local_name(&self) -> Result<LocalAddr, NetError> {
        self.look(|stack, id| Ok(LocalAddr::from_native(stack.local_name(id)?)))
    }

    pub(crate) fn local_peer_name(&self) -> Result<LocalAddr, NetError> {
        self.look(|stack, id| Ok(LocalAddr::from_native(stack.local_peer_name(id)?)))
    }

    pub(crate) fn local_peer_credentials(&self) -> Result<Credentials, NetError> {
        self.look(|stack, id| Ok(credentials(stack.local_peer_credentials(id)?)))
    }

    pub(crate) fn passes_credentials(&self) -> Result<bool, NetError> {
        self.look(|stack, id| stack.local_passes_credentials(id))
    }

    pub(crate) fn set_pass_credentials(&self, pass: bool) -> Result<(), NetError> {
        self.call(|stack, _, id| stack.set_local_pass_credentials(id, pass))
    }
}

impl LocalAddr {
    pub(crate) fn to_native(&self) -> LocalName {
        match self {
            Self::Path(path) => LocalName::Path(path.as_os_str().as_bytes().to_vec()),
            Self::Abstract(name) => LocalName::Abstract(name.clone()),
            Self::Unnamed => LocalName::Unnamed,
        }
    }

    fn from_native(name: &LocalName) -> Self {
        match name {
            LocalName::Path(path) => Self::path(OsStr::from_bytes(path)),
            LocalName::Abstract(name) => Self::abstract_name(name.clone()),
            LocalName::Unnamed => Self::Unnamed,
        }
    }
}
