//! The calls on sockets of every kind, and those on datagrams (sockets.md §5).

use super::Stack;
use crate::datagram::{Arrival, Departure, Endpoint};
use crate::errno::Errno;
use crate::event;
use crate::event::EventId;
use crate::sock::{Interest, Kind, Socket, SocketId, SocketOptions};
use crate::tcp::Close;
use crate::tcp::Paths as _;
use fairway_wire::Instant;
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// The name of a socket that has none (GSN-1).
const NO_NAME: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);

/// Octets of an address of IPv6 (`sockaddr_in6`).
const SOCKADDR_IN6: u32 = 28;

impl Stack {
    /// Gives a socket its name (BND-1, BND-2): address 0.0.0.0 for all of this host's, port 0 for any free one.
    ///
    /// # Errors
    /// [`Errno::Inval`] if it has a name (BND-6), [`Errno::AddrNotAvail`] if the address is not this host's (BND-4),
    /// [`Errno::AddrInUse`] if the name is taken (BND-3), [`Errno::NotSock`].
    pub fn bind(&mut self, now: Instant, id: SocketId, name: SocketAddrV4) -> Result<(), Errno> {
        self.tell(now);
        let socket = self.sockets.get(id)?;
        let named = match &socket.kind {
            Kind::Udp(endpoint) => endpoint.local.port() != 0,
            Kind::Raw(_, endpoint) => endpoint.bound,
            Kind::Tcp(conn) => self.tcp.local_name(*conn)?.port() != 0,
            Kind::Local(_) => return Err(Errno::AfNoSupport),
        };
        if named {
            event!(
                self.events,
                self.now,
                EventId::InPcbbindBadsock,
                socket = id.token(),
                errno = Errno::Inval,
                source = *name.ip(),
                sport = name.port()
            );
            return Err(Errno::Inval);
        }
        self.check_address(id, *name.ip(), name.port())?;
        let result = match &self.sockets.get(id)?.kind {
            Kind::Udp(_) => self.udp_bind(id, name),
            Kind::Tcp(conn) => {
                let conn = *conn;
                let cx = &mut tcp_context!(self);
                self.tcp.bind(cx, conn, name)
            }
            Kind::Raw(..) | Kind::Local(_) => Ok(()),
        };
        if let Err(errno) = result {
            event!(
                self.events,
                self.now,
                EventId::InPcbbindBadport,
                socket = id.token(),
                errno = errno,
                source = *name.ip(),
                sport = name.port()
            );
            return Err(errno);
        }
        match &mut self.sockets.get_mut(id)?.kind {
            Kind::Udp(endpoint) => endpoint.bound = true,
            Kind::Raw(_, endpoint) => {
                endpoint.bound = true;
                endpoint.local = SocketAddrV4::new(*name.ip(), 0);
            }
            Kind::Tcp(_) | Kind::Local(_) => {}
        }
        event!(
            self.events,
            self.now,
            EventId::SocketBind,
            socket = id.token(),
            source = *name.ip(),
            sport = name.port()
        );
        Ok(())
    }

    /// As [`Stack::bind`], for an address of any family: one that is not of 16 octets, as IPv4's are, is refused.
    ///
    /// # Errors
    /// [`Errno::Inval`] for another family (`in_pcbbind-badaddrlen`), and those of [`Stack::bind`].
    pub fn bind_any(&mut self, now: Instant, id: SocketId, name: SocketAddr) -> Result<(), Errno> {
        match name {
            SocketAddr::V4(name) => self.bind(now, id, name),
            SocketAddr::V6(_) => {
                self.tell(now);
                self.sockets.get(id)?;
                event!(
                    self.events,
                    self.now,
                    EventId::InPcbbindBadaddrlen,
                    socket = id.token(),
                    len = SOCKADDR_IN6,
                    errno = Errno::Inval
                );
                Err(Errno::Inval)
            }
        }
    }

    /// Whether a socket may take that address for its name (BND-4; `in_pcbbind-badaddr`, `-noaddr`).
    fn check_address(&mut self, id: SocketId, address: Ipv4Addr, port: u16) -> Result<(), Errno> {
        let options = self.common_options(id)?;
        let datagrams = !matches!(self.sockets.get(id)?.kind, Kind::Tcp(_));
        let any = options.free_bind || options.transparent || address.is_unspecified();
        let own = self.routing.is_local(address);
        let many = datagrams
            && (address.is_multicast()
                || address.is_broadcast()
                || self.routing.broadcast_on(address).is_some());
        if any || own || many {
            return Ok(());
        }
        let event = if self.routing.has_address() {
            EventId::InPcbbindBadaddr
        } else {
            EventId::InPcbbindNoaddr
        };
        event!(
            self.events,
            self.now,
            event,
            socket = id.token(),
            source = address,
            sport = port,
            errno = Errno::AddrNotAvail
        );
        Err(Errno::AddrNotAvail)
    }

    /// The options of the sockets layer and of IP.
    fn common_options(&self, id: SocketId) -> Result<&SocketOptions, Errno> {
        Ok(&self.sockets.get(id)?.options)
    }

    /// The options of a socket that the sockets layer and IP keep; those of TCP are
    /// [`tcp_options`](Self::tcp_options).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn options(&self, id: SocketId) -> Result<&SocketOptions, Errno> {
        self.common_options(id)
    }

    /// Changes options of a socket.
    ///
    /// # Errors
    /// [`Errno::NotSock`]; [`Errno::Inval`] for values out of range, and nothing is changed then.
    pub fn set_options(
        &mut self,
        now: Instant,
        id: SocketId,
        change: impl FnOnce(&mut SocketOptions),
    ) -> Result<(), Errno> {
        self.tell(now);
        let mut options = self.sockets.get(id)?.options.clone();
        change(&mut options);
        let most = self.limits.socket.buffer;
        let ip_options = options.ip_options.as_ref().map_or(0, |octets| octets.len());
        if ip_options > 40 || options.ttl == 0 {
            event!(
                self.events,
                self.now,
                EventId::SetsockoptBadlen,
                socket = id.token(),
                errno = Errno::Inval
            );
            return Err(Errno::Inval);
        }
        options.send_buf = options.send_buf.clamp(1, most);
        options.recv_buf = options.recv_buf.clamp(1, most);
        event!(
            self.events,
            self.now,
            EventId::SetsockoptSet,
            socket = id.token()
        );
        let socket = self.sockets.get_mut(id)?;
        socket.options = options;
        match socket.kind {
            Kind::Tcp(conn) => self.tcp_take_common(conn, id)?,
            Kind::Local(local) => self.local_take_common(local, id)?,
            Kind::Udp(_) | Kind::Raw(..) => {}
        }
        Ok(())
    }

    /// Fixes the peer of a datagram socket (CON-6, CON-7), or starts a connection of a stream (CON-1): the latter is
    /// [`Errno::InProgress`], and the socket is ready to write when it has come to an end, good or bad (CON-4).
    ///
    /// # Errors
    /// [`Errno::AddrNotAvail`] for an address nobody can have, [`Errno::NetUnreach`], [`Errno::HostUnreach`] without
    /// a way, [`Errno::AddrInUse`] if the same connection exists, [`Errno::IsConn`], [`Errno::Already`],
    /// [`Errno::OpNotSupp`] on a listener, [`Errno::AfNoSupport`] on a local socket, [`Errno::NotSock`].
    pub fn connect(&mut self, now: Instant, id: SocketId, peer: SocketAddrV4) -> Result<(), Errno> {
        self.tell(now);
        match self.sockets.get(id)?.kind {
            Kind::Tcp(conn) => return self.tcp_connect(id, conn, peer),
            Kind::Local(_) => return Err(Errno::AfNoSupport),
            Kind::Udp(_) | Kind::Raw(..) => {}
        }
        let options = self.common_options(id)?;
        if peer.ip().is_unspecified() {
            event!(
                self.events,
                self.now,
                EventId::InPcbladdrBadaddr,
                socket = id.token(),
                destination = *peer.ip(),
                errno = Errno::AddrNotAvail
            );
            return Err(Errno::AddrNotAvail);
        }
        let (_, endpoint) = self.endpoint(id)?;
        let bound = Some(*endpoint.local.ip())
            .filter(|ip| !ip.is_unspecified() && !ip.is_multicast() && !endpoint.connected_address);
        let mut send = crate::ip::Send::new(
            options,
            &Departure::default(),
            bound,
            *peer.ip(),
            fairway_wire::Protocol::UDP,
        );
        send.broadcast = true;
        if peer.ip().is_multicast()
            && let Some(chosen) = options.multicast_interface
            && !self
                .routing
                .interface(chosen)
                .is_some_and(crate::iface::Interface::is_running)
        {
            event!(
                self.events,
                self.now,
                EventId::InPcbladdrBadif,
                socket = id.token(),
                interface = chosen.0,
                destination = *peer.ip(),
                errno = Errno::AddrNotAvail
            );
            return Err(Errno::AddrNotAvail);
        }
        let hop = self.hop_for(&send)?;
        let source = bound.unwrap_or(hop.source);
        if source.is_unspecified() {
            event!(
                self.events,
                self.now,
                EventId::InPcbladdrBadaddr,
                socket = id.token(),
                destination = *peer.ip(),
                errno = Errno::AddrNotAvail,
                reason = "no local address"
            );
            return Err(Errno::AddrNotAvail);
        }
        if let Kind::Udp(endpoint) = &self.sockets.get(id)?.kind
            && endpoint.local.port() == 0
        {
            self.udp_bind(id, NO_NAME)?; // PRT-5
        }
        match &mut self.sockets.get_mut(id)?.kind {
            Kind::Udp(endpoint) => {
                if bound.is_none() {
                    endpoint.local.set_ip(source);
                    endpoint.connected_address = true;
                }
                endpoint.peer = Some(peer);
            }
            Kind::Raw(_, endpoint) => {
                if bound.is_none() {
                    endpoint.local.set_ip(source);
                    endpoint.connected_address = true;
                }
                endpoint.peer = Some(SocketAddrV4::new(*peer.ip(), 0));
            }
            Kind::Tcp(_) | Kind::Local(_) => {}
        }
        event!(
            self.events,
            self.now,
            EventId::SocketConnect,
            socket = id.token(),
            destination = *peer.ip(),
            dport = peer.port()
        );
        Ok(())
    }

    /// Forgets the peer of a datagram socket (CON-8).
    ///
    /// # Errors
    /// [`Errno::NotSock`], [`Errno::OpNotSupp`] on a stream.
    pub fn disconnect(&mut self, id: SocketId) -> Result<(), Errno> {
        let socket = self.sockets.get_mut(id)?;
        let (Kind::Udp(endpoint) | Kind::Raw(_, endpoint)) = &mut socket.kind else {
            return Err(Errno::OpNotSupp);
        };
        endpoint.peer = None;
        if std::mem::take(&mut endpoint.connected_address) {
            endpoint.local.set_ip(Ipv4Addr::UNSPECIFIED);
        }
        Ok(())
    }

    pub(crate) fn endpoint(&self, id: SocketId) -> Result<(&Socket, &Endpoint), Errno> {
        let socket = self.sockets.get(id)?;
        match &socket.kind {
            Kind::Udp(endpoint) | Kind::Raw(_, endpoint) => Ok((socket, endpoint)),
            Kind::Tcp(_) | Kind::Local(_) => Err(Errno::OpNotSupp),
        }
    }

    /// Sends the octets of `bufs`, joined, as one datagram; says how many.
    ///
    /// # Errors
    /// [`Errno::MsgSize`] if it is too long; nothing is sent then (SND-6). [`Errno::DestAddrReq`] without a peer
    /// (SND-10), [`Errno::IsConn`] with a second one (SND-8), [`Errno::Access`] for a broadcast without the option
    /// (SND-5), [`Errno::NoBufs`] if the queue of the interface is full, and the errors of finding a way.
    pub fn send_msg(
        &mut self,
        now: Instant,
        id: SocketId,
        bufs: &[IoSlice<'_>],
        departure: &Departure,
    ) -> Result<usize, Errno> {
        self.tell(now);
        let result = match self.sockets.get(id)?.kind {
            Kind::Udp(_) => self.udp_send(id, bufs, departure),
            Kind::Raw(..) => self.raw_send(id, bufs, departure),
            Kind::Tcp(_) | Kind::Local(_) => Err(Errno::OpNotSupp),
        };
        if let Err(errno) = result {
            if errno == Errno::NoBufs && matches!(self.sockets.get(id)?.kind, Kind::Udp(_)) {
                event!(
                    self.events,
                    self.now,
                    EventId::UdpOutputNomem,
                    socket = id.token()
                );
            }
            event!(
                self.events,
                self.now,
                EventId::SosendError,
                socket = id.token(),
                errno = errno,
                len = bufs.iter().map(|buf| buf.len()).sum::<usize>()
            );
        }
        self.settle();
        result
    }

    /// Copies the first datagram that has arrived into `buf`, and forgets it unless `peek`; gives the octets copied
    /// and what is known of it.
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if nothing is there, and what an earlier datagram met (CON-9).
    pub fn recv_msg(
        &mut self,
        id: SocketId,
        buf: &mut [u8],
        peek: bool,
    ) -> Result<(usize, Arrival), Errno> {
        let socket = self.sockets.get_mut(id)?;
        let (Kind::Udp(endpoint) | Kind::Raw(_, endpoint)) = &mut socket.kind else {
            return Err(Errno::OpNotSupp);
        };
        let result = endpoint.receive(buf, peek);
        if let Err(errno) = result
            && errno != Errno::WouldBlock
        {
            event!(
                self.events,
                self.now,
                EventId::SoreceiveError,
                socket = id.token(),
                errno = errno
            );
        }
        result
    }

    /// The name of a socket; 0.0.0.0 and port 0 if it has none (GSN-1).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn local_addr(&self, id: SocketId) -> Result<SocketAddrV4, Errno> {
        match &self.sockets.get(id)?.kind {
            Kind::Udp(endpoint) | Kind::Raw(_, endpoint) => Ok(endpoint.local),
            Kind::Tcp(conn) => self.tcp.local_name(*conn),
            Kind::Local(_) => Err(Errno::AfNoSupport),
        }
    }

    /// The name of the peer.
    ///
    /// # Errors
    /// [`Errno::NotConn`] without one (GPN-1), [`Errno::NotSock`].
    pub fn peer_addr(&self, id: SocketId) -> Result<SocketAddrV4, Errno> {
        match &self.sockets.get(id)?.kind {
            Kind::Udp(endpoint) | Kind::Raw(_, endpoint) => endpoint.peer.ok_or(Errno::NotConn),
            Kind::Tcp(conn) => self.tcp.peer_name(*conn),
            Kind::Local(_) => Err(Errno::AfNoSupport),
        }
    }

    /// `SO_ERROR`: the error that waits to be reported; reading clears it.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn take_error(&mut self, id: SocketId) -> Result<Option<Errno>, Errno> {
        match &mut self.sockets.get_mut(id)?.kind {
            Kind::Udp(endpoint) | Kind::Raw(_, endpoint) => Ok(endpoint.error.take()),
            Kind::Tcp(conn) => {
                let conn = *conn;
                self.tcp.take_error(conn)
            }
            Kind::Local(local) => self.local.take_error(*local),
        }
    }

    /// `FIONREAD`: how many octets a receiving call would give; of datagrams, those of the first.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn readable_octets(&self, id: SocketId) -> Result<usize, Errno> {
        match &self.sockets.get(id)?.kind {
            Kind::Udp(endpoint) | Kind::Raw(_, endpoint) => {
                Ok(endpoint.first_length().unwrap_or(0))
            }
            Kind::Tcp(conn) => self.tcp.readable_octets(*conn),
            Kind::Local(local) => self.local.waiting(*local),
        }
    }

    /// Whether receiving and sending were shut down (SHD-4).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn shutdowns(&self, id: SocketId) -> Result<(bool, bool), Errno> {
        match &self.sockets.get(id)?.kind {
            Kind::Udp(endpoint) | Kind::Raw(_, endpoint) => {
                Ok((endpoint.read_shutdown, endpoint.write_shutdown))
            }
            Kind::Tcp(conn) => self.tcp.is_shut(*conn),
            Kind::Local(local) => self.local.is_shut(*local),
        }
    }

    /// `IP_MTU`: the longest packet that the way to the connected peer carries, octets.
    ///
    /// # Errors
    /// [`Errno::NotConn`] without a peer, [`Errno::NotSock`], and the errors of finding a way.
    pub fn path_mtu(&self, id: SocketId) -> Result<usize, Errno> {
        let peer = self.peer_addr(id)?;
        let own = Some(*self.local_addr(id)?.ip()).filter(|ip| !ip.is_unspecified());
        Ok(self.routing.path(own, *peer.ip())?.mtu)
    }

    /// Ends one direction of a datagram socket, or both (SHD-1); of a stream, see
    /// [`tcp_shutdown`](Self::tcp_shutdown).
    pub(crate) fn datagram_shutdown(
        &mut self,
        id: SocketId,
        read: bool,
        write: bool,
    ) -> Result<(), Errno> {
        let socket = self.sockets.get_mut(id)?;
        let (Kind::Udp(endpoint) | Kind::Raw(_, endpoint)) = &mut socket.kind else {
            return Err(Errno::OpNotSupp);
        };
        if endpoint.peer.is_none() {
            return Err(Errno::NotConn);
        }
        endpoint.write_shutdown |= write;
        if read {
            endpoint.read_shutdown = true;
            endpoint.clear();
            socket.waiters.wake(Interest::Read, &mut self.woken);
        }
        Ok(())
    }

    /// Closes a socket: its name is free, and what was queued for it is gone (CLO-1). A stream goes on by itself with
    /// what was written to it (CLO-4), or as its linger option says (CLO-3).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn close(&mut self, now: Instant, id: SocketId) -> Result<(), Errno> {
        self.tell(now);
        let mut socket = self.sockets.remove(id)?;
        socket.waiters.wake_all(&mut self.woken);
        match socket.kind {
            Kind::Udp(endpoint) => {
                if endpoint.local.port() != 0 {
                    self.udp.remove(endpoint.local.port(), id);
                }
                self.leave_all(&endpoint);
            }
            Kind::Raw(_, endpoint) => {
                self.raw.remove(id);
                self.leave_all(&endpoint);
            }
            Kind::Tcp(conn) => {
                let cx = &mut tcp_context!(self);
                // A stream that lingers is finished by TCP itself, in its time; one that did is not there any more.
                let _lingers = self.tcp.close(cx, conn);
            }
            Kind::Local(local) => {
                self.local.close(local);
                self.flush_local();
            }
        }
        event!(
            self.events,
            self.now,
            EventId::SocketClose,
            socket = id.token()
        );
        self.settle();
        Ok(())
    }

    /// Begins to close a stream as CLO-3 wants, for a caller that waits for it: `Ok(true)` if that is done. If not, the
    /// socket goes on until what was written is acknowledged or the time of its linger option is over; its
    /// [`readiness`](Self::readiness) is `closed` then, and [`close`](Self::close) frees its name.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn begin_close(&mut self, now: Instant, id: SocketId) -> Result<bool, Errno> {
        self.tell(now);
        let Kind::Tcp(conn) = self.sockets.get(id)?.kind else {
            self.close(now, id)?;
            return Ok(true);
        };
        let cx = &mut tcp_context!(self);
        let closed = self.tcp.close(cx, conn);
        self.settle();
        match closed {
            Ok(Close::Lingering(_)) if self.tcp.lingers(conn) => Ok(false),
            _ => {
                self.close(now, id)?;
                Ok(true)
            }
        }
    }
}
