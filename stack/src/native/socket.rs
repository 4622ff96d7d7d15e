//! A socket of a host, and the ways to call it: at once, or waiting.

use super::{Host, Stack};
use crate::error::NetError;
use crate::option::SocketType;
use fairway_native::Errno;
use fairway_native::Ready;
use fairway_native::{Interest, SocketId};
use fairway_wire::Instant;
use std::fmt;
use std::future::poll_fn;
use std::net::{SocketAddr, SocketAddrV4};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

/// A socket of a host: closed when dropped, without waiting.
pub struct Socket {
    host: Host,
    id: SocketId,
    kind: Kind,
    /// The next call that may wait is to end with `EINTR`.
    cancelled: AtomicBool,
}

/// What it is a socket of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tcp,
    Udp,
    Raw,
    LocalStream,
    LocalDatagram,
}

impl Socket {
    /// Makes a socket by `make`.
    pub(super) fn new(
        host: &Host,
        kind: Kind,
        make: impl FnOnce(&mut Stack, Instant) -> Result<SocketId, Errno>,
    ) -> Result<Self, NetError> {
        let id = host.call(NetError::NetDown, |stack, now| Ok(make(stack, now)?))?;
        Ok(Self {
            host: host.clone(),
            id,
            kind,
            cancelled: AtomicBool::new(false),
        })
    }

    /// Another socket of the same host and kind.
    pub(super) fn sibling(&self, id: SocketId) -> Self {
        Self {
            host: self.host.clone(),
            id,
            kind: self.kind,
            cancelled: AtomicBool::new(false),
        }
    }

    pub(super) fn is_tcp(&self) -> bool {
        self.kind == Kind::Tcp
    }

    pub(super) fn is_local(&self) -> bool {
        matches!(self.kind, Kind::LocalStream | Kind::LocalDatagram)
    }

    pub(crate) const fn socket_type(&self) -> SocketType {
        match self.kind {
            Kind::Tcp | Kind::LocalStream => SocketType::Stream,
            Kind::Udp | Kind::LocalDatagram => SocketType::Datagram,
            Kind::Raw => SocketType::Raw,
        }
    }

    /// Calls the engine.
    #[inline]
    pub(crate) fn call<R>(
        &self,
        work: impl FnOnce(&mut Stack, Instant, SocketId) -> Result<R, Errno>,
    ) -> Result<R, NetError> {
        self.host.call(NetError::NotSock, |stack, now| {
            Ok(work(stack, now, self.id)?)
        })
    }

    /// Looks at the engine, and changes nothing.
    pub(crate) fn look<R>(
        &self,
        work: impl FnOnce(&Stack, SocketId) -> Result<R, Errno>,
    ) -> Result<R, NetError> {
        self.host
            .look(NetError::NotSock, |stack| Ok(work(stack, self.id)?))
    }

    /// Calls the engine; where it says `EWOULDBLOCK`, remembers to wake the task when `interest` may be satisfied.
    #[inline]
    pub(super) fn poll<R>(
        &self,
        cx: &Context<'_>,
        interest: Interest,
        work: impl FnOnce(&mut Stack, Instant, SocketId) -> Result<R, Errno>,
    ) -> Poll<Result<R, NetError>> {
        self.poll_with(cx, |stack, now, id| match work(stack, now, id) {
            Err(Errno::WouldBlock) => {
                stack.wait(id, interest, cx.waker())?;
                Ok(Poll::Pending)
            }
            result => result.map(Poll::Ready),
        })
    }

    /// Calls the engine by `work`, which may leave the task's waker there; within the task's share of time, so that one
    /// for which there is always something to do does not keep the others waiting.
    #[inline]
    fn poll_with<R>(
        &self,
        cx: &Context<'_>,
        work: impl FnOnce(&mut Stack, Instant, SocketId) -> Result<Poll<R>, Errno>,
    ) -> Poll<Result<R, NetError>> {
        if self.cancelled.load(Ordering::Relaxed) && self.cancelled.swap(false, Ordering::AcqRel) {
            return Poll::Ready(Err(NetError::Intr));
        }
        let share = ready!(tokio::task::coop::poll_proceed(&mut Context::from_waker(
            cx.waker()
        )));
        match self.call(work) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => {
                share.made_progress();
                Poll::Ready(Ok(result))
            }
            Err(error) => {
                share.made_progress();
                Poll::Ready(Err(error))
            }
        }
    }

    /// Ready when a call of that kind would not wait.
    pub(crate) fn poll_ready(
        &self,
        cx: &Context<'_>,
        interest: Interest,
    ) -> Poll<Result<(), NetError>> {
        self.poll_with(cx, |stack, _, id| {
            Ok(match stack.poll_ready(id, interest, cx.waker())? {
                Ready::Now(_) => Poll::Ready(()),
                Ready::Later => Poll::Pending,
            })
        })
    }

    /// Waits until a call of that kind would not wait.
    pub(crate) async fn ready(&self, interest: Interest) -> Result<(), NetError> {
        poll_fn(|cx| self.poll_ready(cx, interest)).await
    }

    /// `so_cancel` (sockets.md §5.6): one of the calls that wait gives `EINTR`; if none waits, the next does.
    pub(crate) fn cancel(&self) -> Result<(), NetError> {
        self.cancelled.store(true, Ordering::Release);
        self.call(|stack, _, id| stack.interrupt(id))
    }

    /// `FIONREAD`.
    pub(crate) fn readable_octets(&self) -> Result<usize, NetError> {
        self.look(|stack, id| stack.readable_octets(id))
    }

    /// Closes as the linger option says, and waits for that (CLO-3).
    pub(crate) async fn close(self) -> Result<(), NetError> {
        if self.call(|stack, now, id| stack.begin_close(now, id))? {
            return Ok(());
        }
        poll_fn(|cx| {
            self.poll_with(cx, |stack, now, id| {
                if stack.readiness(id)?.closed {
                    return Ok(Poll::Ready(stack.close(now, id)?));
                }
                stack.wait(id, Interest::Write, cx.waker())?;
                Ok(Poll::Pending)
            })
        })
        .await
    }

    pub(crate) fn local_addr(&self) -> Result<SocketAddr, NetError> {
        self.look(|stack, id| stack.local_addr(id))
            .map(SocketAddr::V4)
    }

    pub(crate) fn peer_addr(&self) -> Result<SocketAddr, NetError> {
        self.look(|stack, id| stack.peer_addr(id))
            .map(SocketAddr::V4)
    }

    pub(crate) fn bind(&self, local: SocketAddr) -> Result<(), NetError> {
        let local = v4(local)?;
        self.call(|stack, now, id| stack.bind(now, id, local))
    }

    pub(crate) fn take_error(&self) -> Result<Option<NetError>, NetError> {
        let error = self.call(|stack, _, id| stack.take_error(id))?;
        Ok(error.map(NetError::from))
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        // A host that has crashed has closed it already.
        let _gone = self.call(|stack, now, id| stack.close(now, id));
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} of {}", self.id, self.host.name())
    }
}

/// The engine speaks IPv4 only.
pub(crate) fn v4(address: SocketAddr) -> Result<SocketAddrV4, NetError> {
    match address {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(NetError::AfNoSupport),
    }
}
