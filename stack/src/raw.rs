//! Raw sockets: packets of one IP protocol.

use crate::backend::Backend;
use crate::error::NetError;
use crate::native::{Host, NativeDatagram};
use crate::net::Family;
use crate::option::{self, Membership};
use crate::system;
use crate::udp::{ARRIVAL, MsgInfo, SendInfo};
use fairway_native::Interest as Wait;
use nix::sys::socket::MsgFlags;
use socket2::SockRef;
use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use tokio::io::Interest;

/// An IP protocol number (IANA, "Assigned Internet Protocol Numbers").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IpProtocol(pub u8);

impl IpProtocol {
    /// ICMP (RFC 792).
    pub const ICMP: Self = Self(1);
    /// IGMP (RFC 1112).
    pub const IGMP: Self = Self(2);
    /// TCP.
    pub const TCP: Self = Self(6);
    /// UDP.
    pub const UDP: Self = Self(17);
    /// RSVP (RFC 2205 §3).
    pub const RSVP: Self = Self(46);
    /// ICMP for IPv6 (RFC 4443).
    pub const ICMPV6: Self = Self(58);
    /// Reserved: a socket of it receives nothing of its own. Over IPv4 it sends packets with their headers included;
    /// over IPv6 it is where [`option::RouterAlert`] gives packets in transit.
    pub const RAW: Self = Self(255);
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A raw socket: every packet of its protocol that this host receives is given to it as well (TYP-2), and packets of
/// that protocol can be sent. Needs the privilege `CAP_NET_RAW`.
///
/// What it receives begins with the IP header over IPv4, and after it over IPv6, except for what router alert gives,
/// which always has its header. What it sends gets a header from the system unless
/// [`option::HeaderIncluded`] is set. Addresses carry port 0.
///
/// To answer for others, as RSVP does with the messages of a session's sender (RFC 2205 §3.11.3), set
/// [`option::Transparent`] and [`bind`](Self::bind) to the foreign address: the system then builds, fragments and
/// routes packets with that source.
pub struct RawSocket {
    inner: Backend<tokio::net::UdpSocket, NativeDatagram>,
    family: Family,
    protocol: IpProtocol,
}

impl RawSocket {
    pub(crate) fn system(family: Family, protocol: IpProtocol) -> Result<Self, NetError> {
        Ok(Self {
            inner: Backend::System(system::raw::open(family, protocol.0)?),
            family,
            protocol,
        })
    }

    pub(crate) fn native(
        host: &Host,
        family: Family,
        protocol: IpProtocol,
    ) -> Result<Self, NetError> {
        family.on_native()?;
        Ok(Self {
            inner: Backend::Native(NativeDatagram::raw(host, protocol.0)?),
            family,
            protocol,
        })
    }

    /// Its protocol.
    #[must_use]
    pub const fn protocol(&self) -> IpProtocol {
        self.protocol
    }

    /// Gives the socket a local address: only what is sent to it arrives, and it is the source of what is sent. The
    /// port is ignored.
    ///
    /// # Errors
    /// [`NetError::AddrNotAvail`] if it is not an address of this host and neither [`option::Transparent`] nor
    /// [`option::FreeBind`] is set.
    pub fn bind(&self, local: SocketAddr) -> Result<(), NetError> {
        on_backend!(&self.inner,
            socket => Ok(SockRef::from(socket).bind(&without_port(local).into())?),
            native => native.socket().bind(without_port(local)),
        )
    }

    /// Fixes the peer: only its packets arrive (CON-6, CON-7).
    ///
    /// # Errors
    /// [`NetError::NetUnreach`] if there is no route.
    pub fn connect(&self, peer: SocketAddr) -> Result<(), NetError> {
        on_backend!(&self.inner,
            socket => Ok(SockRef::from(socket).connect(&without_port(peer).into())?),
            native => native.connect(without_port(peer)),
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

    cancel_method!();

    /// The local address.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> Result<SocketAddr, NetError> {
        on_backend!(&self.inner,
            socket => {
                // Linux gives the protocol as the port.
                SockRef::from(socket).local_addr()?.as_socket().map(without_port).ok_or(NetError::AfNoSupport)
            },
            native => native.socket().local_addr(),
        )
    }

    /// Receives one packet into `buf`; gives its length in `buf`, and what is known of it.
    ///
    /// # Errors
    /// Those that earlier packets met, on a connected socket (RCV-8).
    ///
    /// # Cancel safety
    /// A packet is either returned or still waiting.
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

    /// Sends the octets of `bufs`, joined, as one packet.
    ///
    /// # Errors
    /// `EMSGSIZE` if it is too long: more than 65 535 octets, or more than the interface carries when the header is
    /// included.
    ///
    /// # Cancel safety
    /// It is sent whole or not at all.
    pub fn send_msg<'a>(
        &'a self,
        bufs: &'a [IoSlice<'a>],
        info: &'a SendInfo,
    ) -> impl Future<Output = io::Result<usize>> + Send + 'a {
        let (info, v6) = (portless(info), self.family == Family::V6);
        future_of_backend!(&self.inner,
            socket => socket.async_io(Interest::WRITABLE, move || system::udp::send(socket, bufs, &info, v6)),
            native => poll_fn(move |cx| native.poll_send_msg(cx, bufs, &info)),
        )
    }

    /// [`send_msg`](Self::send_msg) without waiting.
    ///
    /// # Errors
    /// `WouldBlock` if the send buffer is full.
    pub fn try_send_msg(&self, bufs: &[IoSlice<'_>], info: &SendInfo) -> io::Result<usize> {
        let (info, v6) = (portless(info), self.family == Family::V6);
        on_backend!(&self.inner,
            socket => socket.try_io(Interest::WRITABLE, || system::udp::send(socket, bufs, &info, v6)),
            native => native.try_send_msg(bufs, &info),
        )
    }

    /// Waits until receiving may give something.
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

    /// Joins `group` on the interface of that index, 0 for the system's choice (MUL-4).
    ///
    /// # Errors
    /// As [`UdpSocket::join_group`](crate::UdpSocket::join_group).
    pub fn join_group(&self, group: IpAddr, interface: u32) -> Result<(), NetError> {
        self.set(option::JoinGroup, Membership { group, interface })
    }

    /// Leaves `group` on that interface.
    ///
    /// # Errors
    /// [`NetError::AddrNotAvail`] if it had not joined.
    pub fn leave_group(&self, group: IpAddr, interface: u32) -> Result<(), NetError> {
        self.set(option::LeaveGroup, Membership { group, interface })
    }

    option_methods!(Raw);
}

impl fmt::Debug for RawSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let local = self.local_addr();
        f.debug_struct("RawSocket")
            .field("protocol", &self.protocol)
            .field("local", &local)
            .finish_non_exhaustive()
    }
}

/// IPv6 raw sockets refuse a port that is not their protocol's number.
fn without_port(mut address: SocketAddr) -> SocketAddr {
    address.set_port(0);
    address
}

fn portless(info: &SendInfo) -> SendInfo {
    SendInfo {
        peer: info.peer.map(without_port),
        ..*info
    }
}
