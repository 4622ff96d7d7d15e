//! UDP sockets.

use crate::backend::Backend;
use crate::error::NetError;
use crate::native::{Host, NativeDatagram};
use crate::system;
use crate::{Family, Rng};
use fairway_native::Interest as Wait;
use nix::sys::socket::MsgFlags;
use socket2::SockRef;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, Read as _};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::task::{Context, Poll};
use tokio::io::Interest;

/// What a receiver waits for: a datagram, or the error an earlier one met. Linux announces the latter by itself, and
/// who waits for readability alone sleeps through it.
pub(crate) const ARRIVAL: Interest = Interest::READABLE.add(Interest::ERROR);

/// What is known of a datagram beside its octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MsgInfo {
    /// Who sent it.
    pub peer: SocketAddr,
    /// The destination address in its header; a group or broadcast address if it was sent to one.
    pub destination: Option<IpAddr>,
    /// The address of this host it came in by: `destination`, unless that is a group or broadcast address. A reply
    /// should come from it.
    pub local: Option<IpAddr>,
    /// The index of the interface it came in by.
    pub interface: Option<u32>,
    /// Its time to live, or hop limit.
    pub ttl: Option<u8>,
    /// Whether it was longer than the buffer: the rest is lost (RCV-3).
    pub truncated: bool,
}

impl MsgInfo {
    pub(crate) fn new(
        peer: Option<SocketAddr>,
        arrival: system::control::Arrival,
        truncated: bool,
    ) -> Self {
        Self {
            peer: peer.unwrap_or(SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0)),
            destination: arrival.destination,
            local: arrival.local,
            interface: arrival.interface,
            ttl: arrival.ttl,
            truncated,
        }
    }
}

/// Where and how to send a datagram. Fields left `None` are the system's choice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SendInfo {
    /// The destination; `None` on a connected socket.
    pub peer: Option<SocketAddr>,
    /// The address of this host to send from.
    pub source: Option<IpAddr>,
    /// The index of the interface to send by.
    pub interface: Option<u32>,
    /// The time to live, or hop limit.
    pub ttl: Option<u8>,
    /// Straight to the interface of the destination's network, past the routes (`MSG_DONTROUTE`).
    pub dont_route: bool,
}

impl SendInfo {
    /// To `peer`, the rest as the system chooses.
    #[must_use]
    pub const fn to(peer: SocketAddr) -> Self {
        Self {
            peer: Some(peer),
            source: None,
            interface: None,
            ttl: None,
            dont_route: false,
        }
    }

    /// Back to the sender of `question`, from the address it was sent to; by the interface it came from where only
    /// that makes sense (IPv6 link-local addresses).
    #[must_use]
    pub fn reply_to(question: &MsgInfo) -> Self {
        let link_local =
            matches!(question.peer.ip(), IpAddr::V6(peer) if peer.is_unicast_link_local());
        Self {
            peer: Some(question.peer),
            source: question.local,
            interface: question.interface.filter(|_| link_local),
            ttl: None,
            dont_route: false,
        }
    }
}

/// A datagram of a batch to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// Its octets.
    pub octets: &'a [u8],
    /// Where and how it goes.
    pub info: SendInfo,
}

/// Room for several datagrams received in one system call, and what is known of each.
///
/// Kept and used again: receiving into it then allocates nothing.
#[derive(Debug)]
pub struct RecvBatch {
    octets: Box<[u8]>,
    size: usize,
    messages: Vec<(usize, MsgInfo)>,
}

impl RecvBatch {
    /// The most datagrams one system call gives; more slots are of no use.
    pub const MAX_SLOTS: usize = system::batch::MAX;

    /// Room for `slots` datagrams (1 to [`MAX_SLOTS`](Self::MAX_SLOTS)) of up to `size` octets each (at least 1).
    #[must_use]
    pub fn new(slots: usize, size: usize) -> Self {
        let (slots, size) = (slots.clamp(1, Self::MAX_SLOTS), size.max(1));
        Self {
            octets: vec![0; slots.saturating_mul(size)].into_boxed_slice(),
            size,
            messages: Vec::with_capacity(slots),
        }
    }

    /// The datagrams of the last call: octets, and what is known of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&[u8], &MsgInfo)> {
        self.octets
            .chunks_exact(self.size)
            .zip(&self.messages)
            .map(|(slot, (length, info))| (slot.get(..*length).unwrap_or(slot), info))
    }

    /// How many datagrams the last call gave.
    #[must_use]
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    /// Whether it gave none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }
}

/// A UDP socket. Every method takes `&self`: share it between tasks in an `Arc`.
///
/// A socket made by [`Net`](crate::Net) reports for each arrival the destination address, the interface and the TTL.
pub struct UdpSocket {
    inner: Backend<tokio::net::UdpSocket, NativeDatagram>,
    family: Family,
}

impl UdpSocket {
    /// An unbound socket, and a function to bind it once the options are set.
    pub(crate) fn system(family: Family, local: Option<SocketAddr>) -> Result<Self, NetError> {
        let socket = socket2::Socket::new(
            family.domain(),
            socket2::Type::DGRAM,
            Some(socket2::Protocol::UDP),
        )?;
        if family == Family::V6 {
            socket.set_only_v6(true)?;
        }
        if let Some(local) = local {
            socket.bind(&local.into())?;
        }
        Self::from_std(socket.into())
    }

    pub(crate) fn native(
        host: &Host,
        family: Family,
        local: Option<SocketAddr>,
    ) -> Result<Self, NetError> {
        family.on_native()?;
        let socket = NativeDatagram::udp(host)?;
        if let Some(local) = local {
            socket.socket().bind(local)?;
        }
        Ok(Self {
            inner: Backend::Native(socket),
            family,
        })
    }

    /// Takes over a socket of the standard library, on the system back end (from `OwnedFd` by `.into()`).
    ///
    /// # Errors
    /// The system's refusal to make it non-blocking, to watch it, or to report destinations.
    ///
    /// # Panics
    /// Outside a tokio runtime with I/O.
    pub fn from_std(socket: std::net::UdpSocket) -> Result<Self, NetError> {
        socket.set_nonblocking(true)?;
        let family = Family::of(&socket.local_addr()?);
        system::udp::ask_for_arrival(&socket, family == Family::V6)?;
        Ok(Self {
            inner: Backend::System(tokio::net::UdpSocket::from_std(socket)?),
            family,
        })
    }

    /// Gives the socket its local name; port 0 means any free one (BND-1, BND-2).
    ///
    /// # Errors
    /// [`NetError::AddrInUse`], [`NetError::AddrNotAvail`], [`NetError::Inval`] if it has a name already (BND-6),
    /// [`NetError::Access`] for a port below 1024 without the privilege.
    pub fn bind(&self, local: SocketAddr) -> Result<(), NetError> {
        on_backend!(&self.inner,
            socket => Ok(SockRef::from(socket).bind(&local.into())?),
            native => native.socket().bind(local),
        )
    }

    /// Binds to a free port of 512–1023 on every local address, trying them in order from a random one.
    ///
    /// # Errors
    /// [`NetError::Access`] without the privilege, [`NetError::AddrInUse`] if none is free.
    pub fn bind_reserved(&self, rng: &mut Rng) -> Result<SocketAddr, NetError> {
        crate::net::bind_reserved(self.family, rng, |local| self.bind(local))?;
        self.local_addr()
    }

    /// Fixes the peer: only its datagrams arrive, `send` goes to it, and the errors it causes come back from later
    /// calls (CON-6, CON-7, CON-9). May be repeated to change the peer. Never waits.
    ///
    /// # Errors
    /// [`NetError::NetUnreach`] if there is no route.
    pub fn connect(&self, peer: SocketAddr) -> Result<(), NetError> {
        on_backend!(&self.inner,
            socket => Ok(SockRef::from(socket).connect(&peer.into())?),
            native => native.connect(peer),
        )
    }

    /// Forgets the peer again (CON-8).
    ///
    /// # Errors
    /// The system's.
    pub fn disconnect(&self) -> Result<(), NetError> {
        on_backend!(&self.inner,
            socket => system::udp::disconnect(socket),
            native => native.disconnect(),
        )
    }

    /// Receives one datagram into `buf`; gives its length in `buf`, and what is known of it.
    ///
    /// # Errors
    /// On a connected socket, those that earlier datagrams met: `ConnectionRefused` and the like (CON-9).
    ///
    /// # Cancel safety
    /// A datagram is either returned or still waiting.
    pub fn recv_msg<'a>(
        &'a self,
        buf: &'a mut [u8],
    ) -> impl Future<Output = io::Result<(usize, MsgInfo)>> + Send + 'a {
        future_of_backend!(&self.inner,
            socket => socket.async_io(ARRIVAL, move || system::udp::receive(socket, buf, MsgFlags::empty())),
            native => poll_fn(move |cx| native.poll_recv_msg(cx, buf, false)),
        )
    }

    /// [`recv_msg`](Self::recv_msg) without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there.
    pub fn try_recv_msg(&self, buf: &mut [u8]) -> io::Result<(usize, MsgInfo)> {
        on_backend!(&self.inner,
            socket => system::udp::try_arrival(socket, || {
                system::udp::receive(socket, buf, MsgFlags::empty())
            }),
            native => native.try_recv_msg(buf, false),
        )
    }

    /// Sends the octets of `bufs`, joined, as one datagram.
    ///
    /// # Errors
    /// `EMSGSIZE` if it is too long; nothing is sent then (SND-6). `EACCES` for a broadcast address without
    /// [`option::Broadcast`](crate::option::Broadcast) (SND-5). `EINVAL` if `source` is not an address of this host.
    ///
    /// # Cancel safety
    /// It is sent whole or not at all.
    pub fn send_msg<'a>(
        &'a self,
        bufs: &'a [IoSlice<'a>],
        info: &'a SendInfo,
    ) -> impl Future<Output = io::Result<usize>> + Send + 'a {
        future_of_backend!(&self.inner,
            socket => {
                let v6 = self.family == Family::V6;
                socket.async_io(Interest::WRITABLE, move || system::udp::send(socket, bufs, info, v6))
            },
            native => poll_fn(move |cx| native.poll_send_msg(cx, bufs, info)),
        )
    }

    /// [`send_msg`](Self::send_msg) without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if the send buffer is full.
    pub fn try_send_msg(&self, bufs: &[IoSlice<'_>], info: &SendInfo) -> io::Result<usize> {
        on_backend!(&self.inner,
            socket => {
                let v6 = self.family == Family::V6;
                socket.try_io(Interest::WRITABLE, || system::udp::send(socket, bufs, info, v6))
            },
            native => native.try_send_msg(bufs, info),
        )
    }

    /// [`recv_msg`](Self::recv_msg) without taking: the next call gives the same datagram again (`MSG_PEEK`).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub fn peek_msg<'a>(
        &'a self,
        buf: &'a mut [u8],
    ) -> impl Future<Output = io::Result<(usize, MsgInfo)>> + Send + 'a {
        future_of_backend!(&self.inner,
            socket => socket.async_io(ARRIVAL, move || {
                system::udp::receive(socket, buf, MsgFlags::MSG_PEEK)
            }),
            native => poll_fn(move |cx| native.poll_recv_msg(cx, buf, true)),
        )
    }

    /// How many octets the first datagram has that waits (`FIONREAD`); 0 if none does.
    ///
    /// # Errors
    /// The system's.
    pub fn readable_octets(&self) -> Result<usize, NetError> {
        on_backend!(&self.inner,
            socket => system::stream::readable_octets(socket),
            native => native.socket().readable_octets(),
        )
    }

    /// Ends one direction of a connected socket, or both (SHD-1): receiving then gives an empty datagram, sending
    /// `EPIPE`.
    ///
    /// # Errors
    /// [`NetError::NotConn`] without a peer. [`NetError::OpNotSupp`] for receiving on the system back end: Linux goes on
    /// saying that there is something, and gives nothing.
    pub fn shutdown(&self, how: Shutdown) -> Result<(), NetError> {
        on_backend!(&self.inner,
            socket => match how {
                Shutdown::Write => Ok(SockRef::from(socket).shutdown(how)?),
                Shutdown::Read | Shutdown::Both => Err(NetError::OpNotSupp),
            },
            native => native.socket().shutdown(how),
        )
    }

    cancel_method!();

    /// Receives the datagrams that are there now, up to the slots of `batch`, in one system call; gives their number.
    /// Fewer than the slots tells, without a further system call, that none is left.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there; on a connected socket, errors that earlier datagrams met (CON-9).
    pub fn try_recv_batch(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        let RecvBatch {
            octets,
            size,
            messages,
        } = batch;
        messages.clear();
        on_backend!(&self.inner, socket => {
            let v6 = self.family == Family::V6;
            let slots = octets.len() / *size;
            let mut receive = |messages: &mut Vec<_>| {
                system::batch::receive(socket, v6, octets, *size, messages)?;
                // As for streams: a call that was not filled has drained the socket.
                if messages.len() < slots { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
            };
            let mut result = socket.try_io(Interest::READABLE, || receive(messages));
            let nothing = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
            if messages.is_empty() && result.as_ref().is_err_and(nothing) {
                result = socket.try_io(Interest::ERROR, || receive(messages));
            }
            match result {
                Err(error) if messages.is_empty() => Err(error),
                _ => Ok(messages.len()),
            }
        }, native => native.try_recv_batch(octets.chunks_exact_mut(*size), messages))
    }

    /// [`try_recv_batch`](Self::try_recv_batch), waiting for the first datagram.
    ///
    /// # Errors
    /// As there, without `WouldBlock`.
    ///
    /// # Cancel safety
    /// Datagrams are either in `batch` or still waiting.
    pub async fn recv_batch(&self, batch: &mut RecvBatch) -> io::Result<usize> {
        loop {
            self.readable().await?;
            match self.try_recv_batch(batch) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return result,
            }
        }
    }

    /// Sends the first datagrams of `batch` and says how many went: at least one, or an error. Those whose
    /// [`SendInfo`] only names the peer share a system call; each of the others takes one of its own.
    ///
    /// # Errors
    /// `WouldBlock` if the send buffer is full, and as [`send_msg`](Self::send_msg): the error is the first
    /// datagram's.
    pub fn try_send_batch(&self, batch: &[Outgoing<'_>]) -> io::Result<usize> {
        on_backend!(&self.inner, socket => {
            let v6 = self.family == Family::V6;
            let mut sent = 0;
            let result = socket.try_io(Interest::WRITABLE, || {
                while let Some(rest @ [_, ..]) = batch.get(sent..) {
                    sent += system::batch::send(socket, rest, v6)?;
                }
                Ok(())
            });
            match result {
                Err(error) if sent == 0 => Err(error),
                _ => Ok(sent),
            }
        }, native => native.try_send_batch(batch))
    }

    /// Receives one datagram and its sender.
    ///
    /// # Errors
    /// As [`recv_msg`](Self::recv_msg).
    ///
    /// # Cancel safety
    /// A datagram is either returned or still waiting.
    pub fn recv_from<'a>(
        &'a self,
        buf: &'a mut [u8],
    ) -> impl Future<Output = io::Result<(usize, SocketAddr)>> + Send + 'a {
        let v6 = self.family == Family::V6;
        future_of_backend!(&self.inner,
            socket => socket.async_io(ARRIVAL, move || system::udp::receive_from(socket, buf, v6)),
            native => poll_fn(move |cx| {
                native.poll_recv_msg(cx, buf, false).map_ok(|(n, info)| (n, info.peer))
            }),
        )
    }

    /// [`recv_from`](Self::recv_from) without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there.
    pub fn try_recv_from(&self, buf: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let v6 = self.family == Family::V6;
        on_backend!(&self.inner,
            socket => system::udp::try_arrival(socket, || system::udp::receive_from(socket, buf, v6)),
            native => native.try_recv_msg(buf, false).map(|(n, info)| (n, info.peer)),
        )
    }

    /// Sends one datagram to `peer`, as a temporary connect and send (SND-9).
    ///
    /// # Errors
    /// As [`send_msg`](Self::send_msg).
    ///
    /// # Cancel safety
    /// It is sent whole or not at all.
    pub fn send_to<'a>(
        &'a self,
        buf: &'a [u8],
        peer: SocketAddr,
    ) -> impl Future<Output = io::Result<usize>> + Send + 'a {
        future_of_backend!(&self.inner,
            socket => socket.send_to(buf, peer),
            native => poll_fn(move |cx| native.poll_send_msg(cx, &[IoSlice::new(buf)], &SendInfo::to(peer))),
        )
    }

    /// [`send_to`](Self::send_to) without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if the send buffer is full.
    pub fn try_send_to(&self, buf: &[u8], peer: SocketAddr) -> io::Result<usize> {
        on_backend!(&self.inner,
            socket => socket.try_send_to(buf, peer),
            native => native.try_send_msg(&[IoSlice::new(buf)], &SendInfo::to(peer)),
        )
    }

    /// Receives from the connected peer.
    ///
    /// # Errors
    /// Those that earlier datagrams met (CON-9).
    ///
    /// # Cancel safety
    /// A datagram is either returned or still waiting.
    pub fn recv<'a>(
        &'a self,
        buf: &'a mut [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send + 'a {
        future_of_backend!(&self.inner,
            socket => socket.async_io(ARRIVAL, move || (&*SockRef::from(socket)).read(buf)),
            native => poll_fn(move |cx| native.poll_recv_msg(cx, buf, false).map_ok(|(n, _)| n)),
        )
    }

    /// [`recv`](Self::recv) without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if nothing is there.
    pub fn try_recv(&self, buf: &mut [u8]) -> io::Result<usize> {
        on_backend!(&self.inner,
            socket => system::udp::try_arrival(socket, || (&*SockRef::from(socket)).read(buf)),
            native => native.try_recv_msg(buf, false).map(|(n, _)| n),
        )
    }

    /// Sends to the connected peer.
    ///
    /// # Errors
    /// As [`send_msg`](Self::send_msg); `EDESTADDRREQ` without a peer (SND-10).
    ///
    /// # Cancel safety
    /// It is sent whole or not at all.
    pub fn send<'a>(
        &'a self,
        buf: &'a [u8],
    ) -> impl Future<Output = io::Result<usize>> + Send + 'a {
        future_of_backend!(&self.inner,
            socket => socket.send(buf),
            native => poll_fn(move |cx| native.poll_send_msg(cx, &[IoSlice::new(buf)], &SendInfo::default())),
        )
    }

    /// [`send`](Self::send) without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if the send buffer is full.
    pub fn try_send(&self, buf: &[u8]) -> io::Result<usize> {
        on_backend!(&self.inner,
            socket => socket.try_send(buf),
            native => native.try_send_msg(&[IoSlice::new(buf)], &SendInfo::default()),
        )
    }

    /// Tells the runtime that nothing is left to receive, as far as the caller cares: the next
    /// [`poll_recv_ready`](Self::poll_recv_ready) then waits for a further arrival, and the call that would only say
    /// `WouldBlock` is spared. A datagram that is there all the same stays, and is received after the next arrives.
    pub fn assume_drained(&self) {
        on_backend!(&self.inner,
            socket => {
                let nothing: io::Result<()> =
                    socket.try_io(Interest::READABLE, || Err(io::ErrorKind::WouldBlock.into()));
                debug_assert!(nothing.is_err(), "the closure only fails");
            },
            // Our engine knows without being told.
            _native => {},
        );
    }

    /// Waits for word that an earlier datagram met an error, and takes it (CON-9): on a connected socket, for those who wait by
    /// [`poll_recv_ready`](Self::poll_recv_ready), which the system does not wake for it.
    ///
    /// # Errors
    /// None on a healthy runtime.
    ///
    /// # Cancel safety
    /// The error is either returned or still waiting.
    pub async fn wait_error(&self) -> io::Result<NetError> {
        on_backend!(&self.inner,
            socket => {
                let take = || match SockRef::from(socket).take_error()? {
                    Some(error) => Ok(error.into()),
                    None => Err(io::ErrorKind::WouldBlock.into()),
                };
                socket.async_io(Interest::ERROR, take).await
            },
            native => poll_fn(|cx| native.poll_error(cx)).await,
        )
    }

    /// Waits until receiving may give something. May be wrong; then `try_recv…` says `WouldBlock`.
    ///
    /// # Errors
    /// None on a healthy runtime.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readable(&self) -> io::Result<()> {
        on_backend!(&self.inner,
            socket => socket.ready(ARRIVAL).await.map(drop),
            native => Ok(native.socket().ready(Wait::Read).await?),
        )
    }

    /// Waits until sending may be possible.
    ///
    /// # Errors
    /// None on a healthy runtime.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn writable(&self) -> io::Result<()> {
        on_backend!(&self.inner,
            socket => socket.writable().await,
            native => Ok(native.socket().ready(Wait::Write).await?),
        )
    }

    /// [`readable`](Self::readable) for hand-written futures, but not woken by the error of an earlier datagram alone
    /// (CON-9), for which tokio has no poll function: see [`wait_error`](Self::wait_error). Remembers one waker.
    ///
    /// # Errors
    /// None on a healthy runtime.
    pub fn poll_recv_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_backend!(&self.inner,
            socket => socket.poll_recv_ready(cx),
            native => native.socket().poll_ready(cx, Wait::Read).map_err(io::Error::from),
        )
    }

    /// [`writable`](Self::writable) for hand-written futures. Remembers one waker.
    ///
    /// # Errors
    /// None on a healthy runtime.
    pub fn poll_send_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_backend!(&self.inner,
            socket => socket.poll_send_ready(cx),
            native => native.socket().poll_ready(cx, Wait::Write).map_err(io::Error::from),
        )
    }

    /// The local name (GSN-1, GSN-3).
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<SocketAddr, NetError> {
        on_backend!(&self.inner,
            socket => Ok(socket.local_addr()?),
            native => native.socket().local_addr(),
        )
    }

    /// The connected peer's name (GPN-1).
    ///
    /// # Errors
    /// [`NetError::NotConn`] without one.
    pub fn peer_addr(&self) -> Result<SocketAddr, NetError> {
        on_backend!(&self.inner,
            socket => Ok(socket.peer_addr()?),
            native => native.socket().peer_addr(),
        )
    }

    /// Joins `group` on the interface of that index, 0 for the system's choice (MUL-4).
    ///
    /// # Errors
    /// [`NetError::Inval`] if `group` is no group, [`NetError::AddrInUse`] if it was joined there before,
    /// [`NetError::NoDev`] if there is no such interface, [`NetError::NoBufs`] past the system's limit (MUL-3).
    pub fn join_group(&self, group: IpAddr, interface: u32) -> Result<(), NetError> {
        self.set(
            crate::option::JoinGroup,
            crate::option::Membership { group, interface },
        )
    }

    /// Leaves `group` on that interface.
    ///
    /// # Errors
    /// [`NetError::AddrNotAvail`] if it had not joined.
    pub fn leave_group(&self, group: IpAddr, interface: u32) -> Result<(), NetError> {
        self.set(
            crate::option::LeaveGroup,
            crate::option::Membership { group, interface },
        )
    }

    option_methods!(Udp);
}

impl fmt::Debug for UdpSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket")
            .field("local", &self.local_addr())
            .finish_non_exhaustive()
    }
}
