//! Raw sockets of the system's stack.

use crate::error::NetError;
use crate::net::Family;

/// A raw socket for `protocol`, which reports destination, interface and TTL of arrivals.
///
/// tokio has no raw sockets, and its way to watch any descriptor is unsafe to call; its UDP socket is the same
/// readiness around a datagram descriptor, made safely from the standard library's.
pub(crate) fn open(family: Family, protocol: u8) -> Result<tokio::net::UdpSocket, NetError> {
    let protocol = socket2::Protocol::from(i32::from(protocol));
    let socket = socket2::Socket::new(family.domain(), socket2::Type::RAW, Some(protocol))?;
    socket.set_nonblocking(true)?;
    super::udp::ask_for_arrival(&socket, family == Family::V6)?;
    Ok(tokio::net::UdpSocket::from_std(socket.into())?)
}
