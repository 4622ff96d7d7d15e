//! The calls on local sockets (sockets.md §15). Waiting, readiness, errors, listening and shutting down are those of
//! every socket.

use super::Stack;
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};
use crate::local::{Credentials, LocalId, LocalKind, LocalName, LocalReceived};
use crate::sock::{Interest, Kind, SocketId, SocketOptions, size};
use fairway_wire::Instant;
use std::io::{IoSlice, IoSliceMut};

impl Stack {
    /// A local socket without a name, held by a program that is `whose`.
    ///
    /// # Errors
    /// [`Errno::TooManyFiles`] when the table is full (SOC-2), [`Errno::NoBufs`] when that of local sockets is.
    pub fn local_socket(
        &mut self,
        now: Instant,
        kind: LocalKind,
        whose: Credentials,
    ) -> Result<SocketId, Errno> {
        self.tell(now);
        let local = self.local.create(kind, &self.config.local, whose)?;
        self.adopt_local(local)
    }

    /// Two local sockets connected to each other.
    ///
    /// # Errors
    /// As [`local_socket`](Self::local_socket).
    pub fn local_pair(
        &mut self,
        now: Instant,
        kind: LocalKind,
        whose: Credentials,
    ) -> Result<(SocketId, SocketId), Errno> {
        self.tell(now);
        let (one, other) = self.local.pair(kind, &self.config.local, whose)?;
        let first = match self.adopt_local(one) {
            Ok(first) => first,
            Err(errno) => {
                self.local.close(other);
                return Err(errno);
            }
        };
        match self.adopt_local(other) {
            Ok(second) => Ok((first, second)),
            Err(errno) => {
                self.close(now, first)?;
                Err(errno)
            }
        }
    }

    /// Gives a local socket a place in the table, or closes it.
    fn adopt_local(&mut self, local: LocalId) -> Result<SocketId, Errno> {
        let (recv, send) = self.local.buffers(local)?;
        // A time to live of one stands for "none": such a socket sends no packet.
        let options = SocketOptions::new(send, recv, 1);
        match self.add_socket(Kind::Local(local), options) {
            Ok(id) => {
                self.local.set_owner(local, id.token());
                Ok(id)
            }
            Err(errno) => {
                self.local.close(local);
                self.flush_local();
                Err(errno)
            }
        }
    }

    /// The local socket that `id` names, if that is what it names.
    pub(crate) fn local_id(&self, id: SocketId) -> Option<LocalId> {
        match self.sockets.get(id).ok()?.kind {
            Kind::Local(local) => Some(local),
            Kind::Tcp(_) | Kind::Udp(_) | Kind::Raw(..) => None,
        }
    }

    fn need_local(&self, id: SocketId) -> Result<LocalId, Errno> {
        self.sockets.get(id)?;
        self.local_id(id).ok_or(Errno::AfNoSupport)
    }

    /// Tells the domain the options that the sockets layer keeps for it.
    pub(crate) fn local_take_common(&mut self, local: LocalId, id: SocketId) -> Result<(), Errno> {
        let options = &self.sockets.get(id)?.options;
        let (recv, send) = (options.recv_buf, options.send_buf);
        self.local.set_recv_buffer(local, recv)?;
        self.local.set_send_buffer(local, send)?;
        self.flush_local();
        Ok(())
    }

    /// Wakes those who wait for what the local domain has noticed.
    pub(crate) fn flush_local(&mut self) {
        for _ in 0..self.local.take_lost() {
            dropped!(self.events, self.now, DropReason::LocalParted);
        }
        while let Some(notice) = self.local.poll_notice() {
            let Some(owner) = notice.owner else {
                continue;
            };
            let Ok(socket) = self.sockets.get_mut(SocketId::from_token(owner)) else {
                continue;
            };
            for interest in [Interest::Read, Interest::Write] {
                if notice.readiness.satisfies(interest) {
                    socket.waiters.wake(interest, &mut self.woken);
                }
            }
        }
    }

    /// Gives a local socket its name; [`LocalName::Unnamed`] makes one be chosen (LIP-3).
    ///
    /// # Errors
    /// [`Errno::Inval`] if it has a name, or the name is empty or too long (LIP-2); [`Errno::AddrInUse`];
    /// [`Errno::AfNoSupport`] if it is no local socket.
    pub fn local_bind(
        &mut self,
        now: Instant,
        id: SocketId,
        name: &LocalName,
    ) -> Result<(), Errno> {
        self.tell(now);
        let local = self.need_local(id)?;
        self.local.bind(local, name)?;
        event!(
            self.events,
            self.now,
            EventId::SocketBind,
            socket = id.token()
        );
        Ok(())
    }

    pub(crate) fn local_listen(
        &mut self,
        id: SocketId,
        local: LocalId,
        backlog: u32,
    ) -> Result<(), Errno> {
        let result = self.local.listen(local, size(backlog));
        let event = match result {
            Ok(()) => EventId::SocketListen,
            Err(_) => EventId::ListenBadsock,
        };
        event!(
            self.events,
            self.now,
            event,
            socket = id.token(),
            errno = result.err(),
            detail = backlog
        );
        self.flush_local();
        result
    }

    /// Connects a local stream, or fixes the peer of a datagram socket; see [`Local::connect`](crate::local::Local::connect).
    ///
    /// # Errors
    /// As there; [`Errno::InProgress`] if the listener's queue is full: the socket is ready to write when it has come to
    /// an end, good or bad (CON-4). [`Errno::AfNoSupport`] if it is no local socket.
    pub fn local_connect(
        &mut self,
        now: Instant,
        id: SocketId,
        to: &LocalName,
    ) -> Result<(), Errno> {
        self.tell(now);
        let local = self.need_local(id)?;
        let result = self.local.connect(local, to);
        if matches!(result, Ok(()) | Err(Errno::InProgress)) {
            event!(
                self.events,
                self.now,
                EventId::SocketConnect,
                socket = id.token(),
                errno = result.err()
            );
        }
        self.flush_local();
        result
    }

    /// The first connection that waits at a local listener, and the name of who made it.
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if none waits (ACC-3), [`Errno::Inval`] if it does not listen, [`Errno::OpNotSupp`] if it
    /// is no stream, [`Errno::TooManyFiles`] when the table is full: the connection goes on waiting then.
    pub fn local_accept(
        &mut self,
        now: Instant,
        id: SocketId,
    ) -> Result<(SocketId, LocalName), Errno> {
        self.tell(now);
        let local = self.need_local(id)?;
        if self.sockets.is_full() {
            event!(
                self.events,
                self.now,
                EventId::SocketLimit,
                errno = Errno::TooManyFiles,
                detail = self.sockets.len()
            );
            return Err(Errno::TooManyFiles);
        }
        let (child, peer) = self
            .local
            .accept(local)
            .map_err(|errno| self.not_accepted(id, errno))?;
        let options = self.sockets.get(id)?.options.clone();
        let accepted = self.adopt_local(child)?;
        // ACC-1: it has the options of the listener.
        self.sockets.get_mut(accepted)?.options = options;
        event!(
            self.events,
            self.now,
            EventId::SocketAccept,
            socket = accepted.token()
        );
        self.flush_local();
        Ok((accepted, peer))
    }

    /// Sends octets on a local stream, as many as there is room for, or one datagram: to the peer, or to whom `to`
    /// names.
    ///
    /// # Errors
    /// Those of [`Local::send`](crate::local::Local::send) and
    /// [`Local::send_datagram`](crate::local::Local::send_datagram). [`Errno::IsConn`] on a stream if `to` is given,
    /// [`Errno::AfNoSupport`] if it is no local socket.
    pub fn local_send(
        &mut self,
        now: Instant,
        id: SocketId,
        bufs: &[IoSlice<'_>],
        to: Option<&LocalName>,
    ) -> Result<usize, Errno> {
        self.tell(now);
        let local = self.need_local(id)?;
        let result = match (self.local.kind(local)?, to) {
            (LocalKind::Stream, None) => self.local.send(local, bufs),
            (LocalKind::Stream, Some(_)) => Err(Errno::IsConn),
            (LocalKind::Datagram, to) => self.local.send_datagram(local, bufs, to),
        };
        match result {
            Ok(taken) => {
                event!(
                    self.events,
                    self.now,
                    EventId::SoSend,
                    socket = id.token(),
                    len = taken
                );
            }
            Err(Errno::WouldBlock) => {
                event!(
                    self.events,
                    self.now,
                    EventId::LocalFull,
                    socket = id.token()
                );
            }
            Err(errno) => {
                event!(
                    self.events,
                    self.now,
                    EventId::SosendError,
                    socket = id.token(),
                    errno = errno
                );
            }
        }
        self.flush_local();
        result
    }

    /// Receives octets of a local stream, or one datagram; `peek` leaves it there.
    ///
    /// # Errors
    /// Those of [`Local::recv`](crate::local::Local::recv); [`Errno::AfNoSupport`] if it is no local socket.
    pub fn local_recv(
        &mut self,
        now: Instant,
        id: SocketId,
        bufs: &mut [IoSliceMut<'_>],
        peek: bool,
    ) -> Result<LocalReceived, Errno> {
        self.tell(now);
        let local = self.need_local(id)?;
        let result = self.local.recv(local, bufs, peek);
        match &result {
            Ok(received) => {
                event!(
                    self.events,
                    self.now,
                    EventId::SoRecv,
                    socket = id.token(),
                    len = received.len
                );
            }
            Err(Errno::WouldBlock) => {}
            Err(errno) => {
                event!(
                    self.events,
                    self.now,
                    EventId::SoreceiveError,
                    socket = id.token(),
                    errno = *errno
                );
            }
        }
        self.flush_local();
        result
    }

    pub(crate) fn local_shutdown(
        &mut self,
        local: LocalId,
        recv: bool,
        send: bool,
    ) -> Result<(), Errno> {
        let result = self.local.shutdown(local, recv, send);
        self.flush_local();
        result
    }

    /// The name of a local socket.
    ///
    /// # Errors
    /// [`Errno::NotSock`], [`Errno::AfNoSupport`] if it is no local socket.
    pub fn local_name(&self, id: SocketId) -> Result<&LocalName, Errno> {
        self.local.name(self.need_local(id)?)
    }

    /// The name of the peer of a local socket.
    ///
    /// # Errors
    /// [`Errno::NotConn`] without one, [`Errno::NotSock`], [`Errno::AfNoSupport`] if it is no local socket.
    pub fn local_peer_name(&self, id: SocketId) -> Result<&LocalName, Errno> {
        self.local.peer_name(self.need_local(id)?)
    }

    /// Whose the peer of a local socket is.
    ///
    /// # Errors
    /// [`Errno::NotConn`] without one, [`Errno::NotSock`], [`Errno::AfNoSupport`] if it is no local socket.
    pub fn local_peer_credentials(&self, id: SocketId) -> Result<Credentials, Errno> {
        self.local.peer_credentials(self.need_local(id)?)
    }

    /// Whether datagrams that a local socket receives tell whose they are.
    ///
    /// # Errors
    /// [`Errno::NotSock`], [`Errno::AfNoSupport`] if it is no local socket.
    pub fn local_passes_credentials(&self, id: SocketId) -> Result<bool, Errno> {
        self.local.passes_credentials(self.need_local(id)?)
    }

    /// Sets whether datagrams that a local socket receives tell whose they are.
    ///
    /// # Errors
    /// [`Errno::NotSock`], [`Errno::AfNoSupport`] if it is no local socket.
    pub fn set_local_pass_credentials(&mut self, id: SocketId, pass: bool) -> Result<(), Errno> {
        let local = self.need_local(id)?;
        self.local.set_pass_credentials(local, pass)
    }
}

#[cfg(test)]
mod tests {
    use crate::errno::Errno;
    use crate::local::{Credentials, LocalKind, LocalName};
    use crate::sock::Interest;
    use crate::stack::{Ready, Setup, Stack};
    use crate::tcp::Shutdown;
    use fairway_wire::Instant;
    use std::io::{IoSlice, IoSliceMut};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Wake, Waker};

    const NOW: Instant = Instant::ZERO;

    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn woken(stack: &mut Stack) -> usize {
        let mut wakers = Vec::new();
        stack.take_wakers(&mut wakers);
        wakers.len()
    }

    #[test]
    fn a_stream_from_connecting_to_its_end() {
        let mut stack = Stack::new(Setup::new("one", [0; 32]));
        let waker = Waker::from(Arc::new(Count(AtomicU32::new(0))));
        let whose = Credentials::default();
        let name = LocalName::Abstract(b"s".to_vec());
        let server = stack.local_socket(NOW, LocalKind::Stream, whose).unwrap();
        stack.local_bind(NOW, server, &name).unwrap();
        stack.listen(NOW, server, 0).unwrap();
        assert_eq!(stack.is_listening(server), Ok(true));
        assert_eq!(
            stack.poll_ready(server, Interest::Read, &waker),
            Ok(Ready::Later)
        );
        let client = stack.local_socket(NOW, LocalKind::Stream, whose).unwrap();
        let second = stack.local_socket(NOW, LocalKind::Stream, whose).unwrap();
        stack.local_connect(NOW, client, &name).unwrap();
        assert_eq!(woken(&mut stack), 1, "who waits to accept");
        assert_eq!(
            stack.local_connect(NOW, second, &name),
            Err(Errno::InProgress)
        );
        assert_eq!(
            stack.poll_ready(second, Interest::Write, &waker),
            Ok(Ready::Later)
        );
        let (accepted, _) = stack.local_accept(NOW, server).unwrap();
        assert_eq!(woken(&mut stack), 1, "who waits to be connected");
        assert_eq!(stack.take_error(second), Ok(None));

        assert_eq!(
            stack.poll_ready(accepted, Interest::Read, &waker),
            Ok(Ready::Later)
        );
        assert_eq!(
            stack.local_send(NOW, client, &[IoSlice::new(b"hello")], None),
            Ok(5)
        );
        assert_eq!(
            (woken(&mut stack), stack.readable_octets(accepted)),
            (1, Ok(5))
        );
        let mut buf = [0; 9];
        let received = stack.local_recv(NOW, accepted, &mut [IoSliceMut::new(&mut buf)], false);
        assert_eq!(received.unwrap().len, 5);
        stack.shutdown(NOW, client, Shutdown::Write).unwrap();
        let received = stack.local_recv(NOW, accepted, &mut [IoSliceMut::new(&mut buf)], false);
        assert_eq!(received.unwrap().len, 0);
        stack.close(NOW, accepted).unwrap();
        assert_eq!(
            stack.local_send(NOW, client, &[IoSlice::new(b"x")], None),
            Err(Errno::Pipe)
        );
    }

    #[test]
    fn buffers_follow_the_options() {
        let mut stack = Stack::new(Setup::new("one", [0; 32]));
        let pair = stack.local_pair(NOW, LocalKind::Stream, Credentials::default());
        let (one, other) = pair.unwrap();
        stack
            .set_options(NOW, one, |options| options.send_buf = 10)
            .unwrap();
        stack
            .set_options(NOW, other, |options| options.recv_buf = 10)
            .unwrap();
        assert_eq!(
            stack.local_send(NOW, one, &[IoSlice::new(&[0; 99])], None),
            Ok(20)
        );
    }

    #[test]
    fn calls_of_the_internet_are_for_others() {
        let mut stack = Stack::new(Setup::new("one", [0; 32]));
        let udp = stack.udp_socket().unwrap();
        assert_eq!(
            stack.local_bind(NOW, udp, &LocalName::Unnamed),
            Err(Errno::AfNoSupport)
        );
        let local = stack
            .local_socket(NOW, LocalKind::Datagram, Credentials::default())
            .unwrap();
        assert_eq!(stack.local_addr(local), Err(Errno::AfNoSupport));
        assert_eq!(stack.listen(NOW, local, 1), Err(Errno::OpNotSupp));
    }
}
