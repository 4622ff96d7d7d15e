//! The calls on streams of TCP (sockets.md §5.2 to §5.4, §7.3), and its segments' way out.

use super::Stack;
use crate::errno::Errno;
use crate::event;
use crate::event::EventId;
use crate::ip::Send;
use crate::sock::{Interest, Kind, MtuDiscovery, SocketId, SocketOptions, size};
use crate::tcp::{self, ConnId, Outgoing, Paths as _, RecvFlags, SendFlags, Shutdown, TcpInfo};
use fairway_wire::{Instant, Protocol};
use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddrV4;

/// RFC 9293 §3.7.1.
const DEFAULT_SEGMENT: u16 = 536;

impl Stack {
    /// A TCP socket without a name.
    ///
    /// # Errors
    /// [`Errno::TooManyFiles`] when the table is full (SOC-2).
    pub fn tcp_socket(&mut self, now: Instant) -> Result<SocketId, Errno> {
        self.tell(now);
        let cx = &mut tcp_context!(self);
        let conn = self.tcp.create(cx)?;
        self.adopt(conn)
    }

    /// Gives an endpoint of TCP a socket.
    fn adopt(&mut self, conn: ConnId) -> Result<SocketId, Errno> {
        let tcp = &self.config.tcp;
        let options = SocketOptions::new(size(tcp.send_buffer), size(tcp.recv_buffer), tcp.ttl);
        match self.add_socket(Kind::Tcp(conn), options) {
            Ok(id) => {
                self.tcp.set_owner(conn, id.token());
                Ok(id)
            }
            Err(errno) => {
                event!(
                    self.events,
                    self.now,
                    EventId::TcpAttachNopcbmem,
                    errno = errno
                );
                let cx = &mut tcp_context!(self);
                self.tcp.abort(cx, conn);
                Err(errno)
            }
        }
    }

    pub(crate) fn conn(&self, id: SocketId) -> Result<ConnId, Errno> {
        match self.sockets.get(id)?.kind {
            Kind::Tcp(conn) => Ok(conn),
            Kind::Udp(_) | Kind::Raw(..) | Kind::Local(_) => Err(Errno::OpNotSupp),
        }
    }

    /// Tells TCP the options that the sockets layer keeps for it.
    pub(crate) fn tcp_take_common(&mut self, conn: ConnId, id: SocketId) -> Result<(), Errno> {
        let options = &self.sockets.get(id)?.options;
        let taken = tcp::IpChoices {
            device: options.device.map(|device| device.0),
            dont_route: options.dont_route,
            class: options.class,
            ip_options: options.ip_options.clone(),
            transparent: options.transparent,
            may_fragment: options.mtu_discovery == MtuDiscovery::Off,
        };
        let cx = &mut tcp_context!(self);
        self.tcp.set_ip_choices(cx, conn, taken)
    }

    pub(crate) fn tcp_connect(
        &mut self,
        id: SocketId,
        conn: ConnId,
        peer: SocketAddrV4,
    ) -> Result<(), Errno> {
        self.tcp.may_connect(conn)?;
        let address = *peer.ip();
        let many = address.is_multicast()
            || address.is_broadcast()
            || self.routing.broadcast_on(address).is_some();
        if address.is_unspecified() || peer.port() == 0 || many {
            event!(
                self.events,
                self.now,
                EventId::InPcbladdrBadaddr,
                socket = id.token(),
                destination = address,
                dport = peer.port(),
                errno = Errno::AddrNotAvail
            );
            // A broadcast from TCP has no meaning (`ip_output-badaddrtype`).
            return Err(if many {
                Errno::NetUnreach
            } else {
                Errno::AddrNotAvail
            });
        }
        let bound = Some(*self.tcp.local_name(conn)?.ip()).filter(|ip| !ip.is_unspecified());
        let path = self.routing.path(bound, address);
        let path = match path {
            Ok(path) => path,
            Err(errno) => {
                event!(
                    self.events,
                    self.now,
                    EventId::IpOutputBadaddr,
                    socket = id.token(),
                    destination = address,
                    errno = errno
                );
                self.ip_counters.no_route += 1;
                return Err(errno);
            }
        };
        if path.source.is_unspecified() {
            event!(
                self.events,
                self.now,
                EventId::InPcbladdrBadaddr,
                socket = id.token(),
                destination = address,
                errno = Errno::AddrNotAvail,
                reason = "no local address"
            );
            return Err(Errno::AddrNotAvail);
        }
        let cx = &mut tcp_context!(self);
        let result = self.tcp.connect(cx, conn, path.source, peer, path);
        if result == Err(Errno::AddrInUse) {
            event!(
                self.events,
                self.now,
                EventId::InPcbconnectBadaddr,
                socket = id.token(),
                source = path.source,
                destination = address,
                dport = peer.port(),
                errno = Errno::AddrInUse
            );
        } else {
            event!(
                self.events,
                self.now,
                EventId::SocketConnect,
                socket = id.token(),
                destination = address,
                dport = peer.port()
            );
        }
        self.settle();
        // It may have come to an end at once, on this host.
        if result == Err(Errno::InProgress)
            && self.tcp.peer_name(conn).is_ok()
            && self.tcp.is_established(conn)
        {
            return Ok(());
        }
        result
    }

    /// Listens, with room for `backlog` connections not yet accepted (LSN-1 … LSN-5).
    ///
    /// # Errors
    /// [`Errno::OpNotSupp`] if it is no stream (LSN-4), [`Errno::AddrInUse`], [`Errno::Inval`] on a connected one,
    /// [`Errno::NotSock`].
    pub fn listen(&mut self, now: Instant, id: SocketId, backlog: u32) -> Result<(), Errno> {
        self.tell(now);
        if let Some(local) = self.local_id(id) {
            return self.local_listen(id, local, backlog);
        }
        let conn = match self.conn(id) {
            Ok(conn) => conn,
            Err(errno) => {
                event!(
                    self.events,
                    self.now,
                    EventId::ListenBadsock,
                    socket = id.token(),
                    errno = errno
                );
                return Err(errno);
            }
        };
        let cx = &mut tcp_context!(self);
        self.tcp
            .listen(cx, conn, i32::try_from(backlog).unwrap_or(i32::MAX))?;
        event!(
            self.events,
            self.now,
            EventId::SocketListen,
            socket = id.token(),
            detail = backlog
        );
        Ok(())
    }

    /// Takes the first connection that waits (ACC-1), and says whose it is.
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if none waits (ACC-3), [`Errno::Inval`] if the socket does not listen,
    /// [`Errno::OpNotSupp`] if it is no stream, [`Errno::ConnAborted`] (ACC-5), [`Errno::TooManyFiles`] when the table
    /// is full: the connection goes on waiting then.
    pub fn accept(
        &mut self,
        now: Instant,
        id: SocketId,
    ) -> Result<(SocketId, SocketAddrV4), Errno> {
        self.tell(now);
        let conn = self.conn(id)?;
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
        let cx = &mut tcp_context!(self);
        let (child, peer) = self
            .tcp
            .accept(cx, conn)
            .map_err(|errno| self.not_accepted(id, errno))?;
        let options = self.sockets.get(id)?.options.clone();
        let accepted = self.adopt(child)?;
        // ACC-1: it has the options of the listener.
        self.sockets.get_mut(accepted)?.options = options;
        event!(
            self.events,
            self.now,
            EventId::SocketAccept,
            socket = accepted.token(),
            source = *peer.ip(),
            sport = peer.port()
        );
        self.settle();
        Ok((accepted, peer))
    }

    /// Tells of a socket that does not listen; of the other reasons for there being no connection nobody is told.
    pub(super) fn not_accepted(&mut self, id: SocketId, errno: Errno) -> Errno {
        if errno == Errno::Inval {
            event!(
                self.events,
                self.now,
                EventId::AcceptNotlisten,
                socket = id.token(),
                errno = errno
            );
        }
        errno
    }

    /// Takes octets to send, as many as there is room for (SND-2, SND-4).
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if there is no room (SND-3), [`Errno::NotConn`], [`Errno::Pipe`] after sending was shut
    /// down or the peer is gone, and once the error the connection ended with.
    pub fn tcp_send(
        &mut self,
        now: Instant,
        id: SocketId,
        bufs: &[IoSlice<'_>],
        flags: SendFlags,
    ) -> Result<usize, Errno> {
        self.tell(now);
        let conn = self.conn(id)?;
        let cx = &mut tcp_context!(self);
        let result = self.tcp.send(cx, conn, bufs, flags);
        match result {
            Ok(taken) => {
                event!(
                    self.events,
                    self.now,
                    EventId::SoSend,
                    socket = id.token(),
                    len = taken
                );
                self.settle();
            }
            Err(Errno::WouldBlock) => {}
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
        result
    }

    /// Gives octets that have arrived; 0 is the end of the stream (RCV-2).
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if nothing is there (RCV-4, RCV-6), [`Errno::NotConn`], and once the error the connection
    /// ended with.
    pub fn tcp_recv(
        &mut self,
        now: Instant,
        id: SocketId,
        bufs: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<usize, Errno> {
        self.tell(now);
        let conn = self.conn(id)?;
        let cx = &mut tcp_context!(self);
        let result = self.tcp.recv(cx, conn, bufs, flags);
        match result {
            Ok(given) => {
                event!(
                    self.events,
                    self.now,
                    EventId::SoRecv,
                    socket = id.token(),
                    len = given
                );
                // A window that has opened may have to be told.
                self.settle();
            }
            Err(Errno::WouldBlock) => {}
            Err(errno) => {
                event!(
                    self.events,
                    self.now,
                    EventId::SoreceiveError,
                    socket = id.token(),
                    errno = errno
                );
            }
        }
        result
    }

    /// Ends one direction or both (SHD-1).
    ///
    /// # Errors
    /// [`Errno::NotConn`] without a peer, [`Errno::NotSock`].
    pub fn shutdown(&mut self, now: Instant, id: SocketId, how: Shutdown) -> Result<(), Errno> {
        self.tell(now);
        let Ok(conn) = self.conn(id) else {
            let (read, write) = match how {
                Shutdown::Read => (true, false),
                Shutdown::Write => (false, true),
                Shutdown::Both => (true, true),
            };
            if let Some(local) = self.local_id(id) {
                return self.local_shutdown(local, read, write);
            }
            return self.datagram_shutdown(id, read, write);
        };
        let cx = &mut tcp_context!(self);
        self.tcp.shutdown(cx, conn, how)?;
        if how != Shutdown::Write {
            let socket = self.sockets.get_mut(id)?;
            socket.waiters.wake(Interest::Read, &mut self.woken);
        }
        self.settle();
        Ok(())
    }

    /// `SIOCATMARK`: whether the next octet to read is the one behind the urgent data (OOB-2).
    ///
    /// # Errors
    /// [`Errno::NotSock`], [`Errno::OpNotSupp`] if it is no stream.
    pub fn at_mark(&self, id: SocketId) -> Result<bool, Errno> {
        self.tcp.at_mark(self.conn(id)?)
    }

    /// The options of TCP.
    ///
    /// # Errors
    /// [`Errno::NotSock`], [`Errno::OpNotSupp`] if it is no stream.
    pub fn tcp_options(&self, id: SocketId) -> Result<&tcp::SocketOptions, Errno> {
        self.tcp.options(self.conn(id)?)
    }

    /// Changes options of TCP.
    ///
    /// # Errors
    /// [`Errno::Inval`] for values out of range, [`Errno::OpNotSupp`] if it is no stream; [`Errno::ConnReset`] if it is
    /// gone (`tcp_ctloutput-nopcb`).
    pub fn set_tcp_options(
        &mut self,
        now: Instant,
        id: SocketId,
        change: impl FnOnce(&mut tcp::SocketOptions),
    ) -> Result<(), Errno> {
        self.tell(now);
        let conn = match self.conn(id) {
            Err(Errno::NotSock) => {
                event!(
                    self.events,
                    self.now,
                    EventId::TcpCtloutputNopcb,
                    socket = id.token(),
                    errno = Errno::ConnReset
                );
                return Err(Errno::ConnReset);
            }
            conn => conn?,
        };
        let cx = &mut tcp_context!(self);
        let result = self.tcp.set_options(cx, conn, change);
        let event = match result {
            Ok(()) => EventId::SetsockoptSet,
            Err(_) => EventId::SetsockoptBadopt,
        };
        event!(
            self.events,
            self.now,
            event,
            socket = id.token(),
            errno = result.err()
        );
        self.settle();
        result
    }

    /// What TCP knows of a connection.
    ///
    /// # Errors
    /// [`Errno::NotSock`], [`Errno::OpNotSupp`] if it is no stream.
    pub fn tcp_info(&self, id: SocketId) -> Result<TcpInfo, Errno> {
        self.tcp.info(self.conn(id)?)
    }

    /// `TCP_MAXSEG`: the longest segment in octets, as it was set, or what a peer takes that names none.
    ///
    /// # Errors
    /// [`Errno::NotSock`], [`Errno::OpNotSupp`] if it is no stream.
    pub fn tcp_max_segment(&self, id: SocketId) -> Result<u16, Errno> {
        match self.tcp_options(id)?.max_segment {
            0 => Ok(DEFAULT_SEGMENT),
            set => Ok(set),
        }
    }

    /// Whether a socket listens (LSN-5).
    ///
    /// # Errors
    /// [`Errno::NotSock`], [`Errno::OpNotSupp`] if it is no stream.
    pub fn is_listening(&self, id: SocketId) -> Result<bool, Errno> {
        if let Some(local) = self.local_id(id) {
            return self.local.is_listening(local);
        }
        Ok(self.tcp.state(self.conn(id)?) == Some(tcp::State::Listen))
    }

    /// Sends a segment of TCP's.
    pub(crate) fn tcp_output(&mut self, outgoing: Outgoing) {
        let send = Send {
            source: Some(outgoing.source),
            tos: outgoing.tos,
            dont_fragment: outgoing.dont_fragment,
            transparent: outgoing.transparent,
            interface: outgoing.bound_interface.map(crate::iface::InterfaceId),
            dont_route: outgoing.dont_route,
            class: outgoing.class,
            ..Send::plain(outgoing.destination, Protocol::TCP, outgoing.ttl)
        };
        let connection = outgoing.connection;
        let options = outgoing.ip_options.as_deref();
        let result = match self.hop_for(&send) {
            Ok(hop) => self.ip_send(&send, hop, outgoing.source, options, outgoing.packet),
            Err(errno) => Err(errno),
        };
        if let (Err(errno), Some(connection)) = (result, connection) {
            let cx = &mut tcp_context!(self);
            self.tcp.handle_output_error(cx, connection, errno);
        }
    }
}
