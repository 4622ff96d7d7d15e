//! Streams: reading, writing, ending, and the two halves of one.

use super::{Socket, Stack};
use crate::error::NetError;
use bytes::BufMut;
use fairway_native::tcp::{RecvFlags, SendFlags, Shutdown, TcpInfo};
use fairway_native::{Errno, Interest, SocketId};
use fairway_wire::Instant;
use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::net;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// A connected stream.
#[derive(Debug)]
pub(crate) struct NativeStream(pub(super) Socket);

/// A half of one.
#[derive(Debug)]
pub(crate) struct Half {
    socket: Arc<Socket>,
    /// The writing half: dropping it ends its direction.
    writes: bool,
}

impl NativeStream {
    /// Closes it and waits for that.
    pub(crate) async fn close(self) -> Result<(), NetError> {
        self.0.close().await
    }

    pub(crate) const fn socket(&self) -> &Socket {
        &self.0
    }

    /// The reading half and the writing half.
    pub(crate) fn into_split(self) -> (Half, Half) {
        let socket = Arc::new(self.0);
        let reader = Half {
            socket: socket.clone(),
            writes: false,
        };
        let writer = Half {
            socket,
            writes: true,
        };
        (reader, writer)
    }
}

impl Half {
    pub(crate) fn socket(&self) -> &Socket {
        &self.socket
    }
}

impl Drop for Half {
    fn drop(&mut self) {
        if self.writes {
            // The connection may be gone.
            let _ended = self.socket.shutdown(net::Shutdown::Write);
        }
    }
}

#[inline]
fn recv(
    stack: &mut Stack,
    now: Instant,
    id: SocketId,
    local: bool,
    bufs: &mut [IoSliceMut<'_>],
    flags: RecvFlags,
) -> Result<usize, Errno> {
    if local {
        Ok(stack.local_recv(now, id, bufs, flags.peek)?.len)
    } else {
        stack.tcp_recv(now, id, bufs, flags)
    }
}

#[inline]
fn send(
    stack: &mut Stack,
    now: Instant,
    id: SocketId,
    local: bool,
    bufs: &[IoSlice<'_>],
    flags: SendFlags,
) -> Result<usize, Errno> {
    if local {
        stack.local_send(now, id, bufs, None)
    } else {
        stack.tcp_send(now, id, bufs, flags)
    }
}

/// Octets moved at once where the caller's memory cannot be written to directly.
const ROOM: usize = 64 << 10;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What streams do.
impl Socket {
    #[inline]
    fn recv(&self, bufs: &mut [IoSliceMut<'_>], flags: RecvFlags) -> Result<usize, NetError> {
        let local = self.is_local();
        self.call(|stack, now, id| recv(stack, now, id, local, bufs, flags))
    }

    #[inline]
    fn poll_recv(
        &self,
        cx: &Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Poll<Result<usize, NetError>> {
        let local = self.is_local();
        self.poll(cx, Interest::Read, |stack, now, id| {
            recv(stack, now, id, local, bufs, flags)
        })
    }

    pub(crate) fn poll_read(
        &self,
        cx: &Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = buf.initialize_unfilled();
        if room.is_empty() {
            return Poll::Ready(Ok(()));
        }
        let mut room = [IoSliceMut::new(room)];
        let n = ready!(self.poll_recv(cx, &mut room, RecvFlags::default()))?;
        buf.advance(n);
        Poll::Ready(Ok(()))
    }

    pub(crate) fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        Ok(self.recv(bufs, RecvFlags::default())?)
    }

    pub(crate) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_read_vectored(&mut [IoSliceMut::new(buf)])
    }

    /// Reads through memory of our own: what `buf` has may not be initialised, and there is no safe way to hand it on.
    pub(crate) fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        let wanted = buf.chunk_mut().len().min(ROOM);
        let mut scratch = SCRATCH.try_with(Cell::take).unwrap_or_default();
        if scratch.len() < wanted {
            scratch.resize(wanted, 0);
        }
        let result = self
            .try_read(scratch.get_mut(..wanted).unwrap_or_default())
            .inspect(|&n| buf.put_slice(scratch.get(..n).unwrap_or_default()));
        // A thread that ends has no room any more; then it is dropped.
        let _kept = SCRATCH.try_with(|room| room.set(scratch));
        result
    }

    pub(crate) fn poll_peek(
        &self,
        cx: &Context<'_>,
        buf: &mut [u8],
    ) -> Poll<Result<usize, NetError>> {
        let flags = RecvFlags {
            peek: true,
            ..RecvFlags::default()
        };
        self.poll_recv(cx, &mut [IoSliceMut::new(buf)], flags)
    }

    pub(crate) fn poll_write_vectored(
        &self,
        cx: &Context<'_>,
        bufs: &[IoSlice<'_>],
        flags: SendFlags,
    ) -> Poll<Result<usize, NetError>> {
        let local = self.is_local();
        self.poll(cx, Interest::Write, |stack, now, id| {
            send(stack, now, id, local, bufs, flags)
        })
    }

    pub(crate) fn poll_write(&self, cx: &Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(buf)], SendFlags::default())
            .map_err(io::Error::from)
    }

    pub(crate) fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        let local = self.is_local();
        Ok(self.call(|stack, now, id| send(stack, now, id, local, bufs, SendFlags::default()))?)
    }

    pub(crate) fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_write_vectored(&[IoSlice::new(buf)])
    }

    pub(crate) fn shutdown(&self, how: net::Shutdown) -> Result<(), NetError> {
        let how = match how {
            net::Shutdown::Read => Shutdown::Read,
            net::Shutdown::Write => Shutdown::Write,
            net::Shutdown::Both => Shutdown::Both,
        };
        self.call(|stack, now, id| stack.shutdown(now, id, how))
    }

    /// Sends octets of which the last is urgent.
    pub(crate) async fn send_oob(&self, octets: &[u8]) -> Result<usize, NetError> {
        let flags = SendFlags {
            oob: true,
            ..SendFlags::default()
        };
        poll_fn(|cx| self.poll_write_vectored(cx, &[IoSlice::new(octets)], flags)).await
    }

    /// Sends what `buf` has left, and the end of the stream behind it.
    pub(crate) async fn send_eof(&self, mut buf: &[u8]) -> Result<(), NetError> {
        let flags = SendFlags {
            eof: true,
            ..SendFlags::default()
        };
        while !buf.is_empty() {
            let sent = poll_fn(|cx| self.poll_write_vectored(cx, &[IoSlice::new(buf)], flags));
            buf = buf.get(sent.await?..).unwrap_or_default();
        }
        self.shutdown(net::Shutdown::Write)
    }

    /// Reads the urgent octet, or looks at it.
    pub(crate) fn try_recv_urgent(&self, peek: bool) -> io::Result<u8> {
        let flags = RecvFlags {
            oob: true,
            peek,
            ..RecvFlags::default()
        };
        let mut octet = [0];
        match self.recv(&mut [IoSliceMut::new(&mut octet)], flags)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(octet[0]),
        }
    }

    pub(crate) fn at_mark(&self) -> Result<bool, NetError> {
        self.look(|stack, id| stack.at_mark(id))
    }

    pub(crate) fn info(&self) -> Result<TcpInfo, NetError> {
        self.look(|stack, id| stack.tcp_info(id))
    }
}
