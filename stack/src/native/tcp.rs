//! TCP.

use super::socket::Kind;
use super::{Host, NativeStream, Socket, v4};
use crate::error::{AcceptError, NetError};
use fairway_native::Interest;
use std::net::SocketAddr;
use std::task::{Context, Poll, ready};

/// A socket that neither connects nor listens yet.
#[derive(Debug)]
pub(crate) struct NativeTcpSocket(Socket);

impl NativeTcpSocket {
    pub(crate) fn new(host: &Host) -> Result<Self, NetError> {
        Ok(Self(Socket::new(host, Kind::Tcp, |stack, now| {
            stack.tcp_socket(now)
        })?))
    }

    pub(crate) const fn socket(&self) -> &Socket {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn into_socket(self) -> Socket {
        self.0
    }

    /// The engine's own limit of time is CON-3's; dropping this closes the socket, and the attempt ends.
    pub(crate) async fn connect(self, peer: SocketAddr) -> Result<NativeStream, NetError> {
        let peer = v4(peer)?;
        match self.0.call(|stack, now, id| stack.connect(now, id, peer)) {
            Ok(()) => {}
            Err(NetError::InProgress) => {
                // CON-4: writable when it is over, and then the error tells how.
                self.0.ready(Interest::Write).await?;
                if let Some(error) = self.0.take_error()? {
                    return Err(error);
                }
            }
            Err(error) => return Err(error),
        }
        Ok(NativeStream(self.0))
    }

    pub(crate) fn listen(self, backlog: u32) -> Result<NativeListener, NetError> {
        self.0
            .call(|stack, now, id| stack.listen(now, id, backlog))?;
        Ok(NativeListener(self.0))
    }
}

/// A listener.
#[derive(Debug)]
pub(crate) struct NativeListener(Socket);

impl NativeListener {
    pub(crate) const fn socket(&self) -> &Socket {
        &self.0
    }

    pub(crate) fn poll_accept(
        &self,
        cx: &Context<'_>,
    ) -> Poll<Result<(NativeStream, SocketAddr), AcceptError>> {
        let accepted = self
            .0
            .poll(cx, Interest::Read, |stack, now, id| stack.accept(now, id));
        let (id, peer) = ready!(accepted)?;
        let stream = NativeStream(self.0.sibling(id));
        Poll::Ready(Ok((stream, SocketAddr::V4(peer))))
    }
}
