//! UDP on the system's stack: tokio's socket, and `recvmsg`, `sendmsg`, `recvmmsg`, `sendmmsg` beside it.

use super::control::{Arrival, ReceiveSpace, SendControl, socket_addr};
use crate::error::NetError;
use crate::udp::{MsgInfo, SendInfo};
use nix::sys::socket::{
    MsgFlags, SockaddrIn, SockaddrIn6, SockaddrStorage, recvfrom, recvmsg, setsockopt, sockopt,
};
use socket2::{MsgHdr, SockAddr, SockRef};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use tokio::io::Interest;

/// Asks for the destination, interface and TTL of everything that arrives (RCV-7; RFC 3542 §6).
pub(crate) fn ask_for_arrival<F: AsFd>(socket: &F, v6: bool) -> io::Result<()> {
    if v6 {
        setsockopt(socket, sockopt::Ipv6RecvPacketInfo, &true)?;
        setsockopt(socket, sockopt::Ipv6RecvHopLimit, &true)?;
    } else {
        setsockopt(socket, sockopt::Ipv4PacketInfo, &true)?;
        setsockopt(socket, sockopt::Ipv4RecvTtl, &true)?;
    }
    Ok(())
}

/// One `recvmsg`.
pub(crate) fn receive<S: AsRawFd>(
    socket: &S,
    buf: &mut [u8],
    flags: MsgFlags,
) -> io::Result<(usize, MsgInfo)> {
    let mut slices = [IoSliceMut::new(buf)];
    let mut space = ReceiveSpace::new();
    let message =
        recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut slices, Some(&mut space.0), flags)?;
    let arrival = Arrival::of(&message);
    let peer = message.address.as_ref().and_then(socket_addr);
    Ok((
        message.bytes,
        MsgInfo::new(peer, arrival, message.flags.contains(MsgFlags::MSG_TRUNC)),
    ))
}

/// One `sendmsg`.
pub(crate) fn send<S: AsFd>(
    socket: &S,
    bufs: &[IoSlice<'_>],
    info: &SendInfo,
    v6: bool,
) -> io::Result<usize> {
    let control = control_of(info, v6);
    let peer = info.peer.map(SockAddr::from);
    let mut message = MsgHdr::new()
        .with_buffers(bufs)
        .with_control(control.as_slice());
    if let Some(peer) = &peer {
        message = message.with_addr(peer);
    }
    let flags = if info.dont_route {
        nix::libc::MSG_DONTROUTE
    } else {
        0
    };
    SockRef::from(socket).sendmsg(&message, flags)
}

/// The control messages that say what `info` says.
fn control_of(info: &SendInfo, v6: bool) -> SendControl {
    let mut control = SendControl::new();
    if info.source.is_some() || info.interface.is_some() {
        let interface = info.interface.unwrap_or(0);
        match info.source {
            Some(IpAddr::V4(source)) => control.packet_info_v4(source, interface),
            Some(IpAddr::V6(source)) => control.packet_info_v6(source, interface),
            None if v6 => control.packet_info_v6(Ipv6Addr::UNSPECIFIED, interface),
            None => control.packet_info_v4(Ipv4Addr::UNSPECIFIED, interface),
        }
    }
    match info.ttl {
        Some(ttl) if v6 => control.hop_limit_v6(ttl),
        Some(ttl) => control.ttl_v4(ttl),
        None => {}
    }
    control
}

/// One `recvfrom`. The family is known, which spares the general form of an address.
pub(crate) fn receive_from<S: AsRawFd>(
    socket: &S,
    buf: &mut [u8],
    v6: bool,
) -> io::Result<(usize, SocketAddr)> {
    let (length, peer) = if v6 {
        let (length, peer) = recvfrom::<SockaddrIn6>(socket.as_raw_fd(), buf)?;
        (length, peer.map(|peer| SocketAddr::V6(peer.into())))
    } else {
        let (length, peer) = recvfrom::<SockaddrIn>(socket.as_raw_fd(), buf)?;
        (length, peer.map(|peer| SocketAddr::V4(peer.into())))
    };
    Ok((length, peer.ok_or(io::ErrorKind::InvalidData)?))
}

/// Dissolves the association with a peer.
pub(crate) fn disconnect(socket: &tokio::net::UdpSocket) -> Result<(), NetError> {
    let before = socket.local_addr()?;
    match rustix::net::connect_unspec(socket) {
        // BSD reports this although it worked (C-8 of the socket reference).
        Ok(()) | Err(rustix::io::Errno::ADDRNOTAVAIL) => {}
        Err(error) => return Err(io::Error::from(error).into()),
    }
    let mut after = socket.local_addr()?;
    // Linux takes back a port that it chose itself.
    if after.port() != before.port() {
        after.set_port(before.port());
        SockRef::from(socket).bind(&after.into())?;
    }
    Ok(())
}

/// Runs `work` if a datagram, or the error of an earlier one, seems to be there. tokio's `try_io` takes one kind of
/// readiness at a time.
pub(crate) fn try_arrival<R>(
    socket: &tokio::net::UdpSocket,
    mut work: impl FnMut() -> io::Result<R>,
) -> io::Result<R> {
    match socket.try_io(Interest::READABLE, &mut work) {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            socket.try_io(Interest::ERROR, work)
        }
        result => result,
    }
}
