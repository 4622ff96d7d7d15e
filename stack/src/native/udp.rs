//! Datagrams, UDP and raw alike.

use super::socket::Kind;
use super::{Host, Socket, Stack, v4};
use crate::error::NetError;
use crate::udp::{MsgInfo, Outgoing, SendInfo};
use fairway_native::Errno;
use fairway_native::InterfaceId;
use fairway_native::{Arrival, Departure};
use fairway_native::{Interest, SocketId};
use fairway_wire::Protocol;
use std::io::{self, IoSlice};
use std::net::{IpAddr, SocketAddr};
use std::task::{Context, Poll};

/// A socket of datagrams.
#[derive(Debug)]
pub(crate) struct NativeDatagram(Socket);

impl NativeDatagram {
    pub(crate) fn udp(host: &Host) -> Result<Self, NetError> {
        Ok(Self(Socket::new(host, Kind::Udp, |stack, _| {
            stack.udp_socket()
        })?))
    }

    pub(crate) fn raw(host: &Host, protocol: u8) -> Result<Self, NetError> {
        let make = |stack: &mut Stack, _| stack.raw_socket(Protocol(protocol));
        Ok(Self(Socket::new(host, Kind::Raw, make)?))
    }

    pub(crate) const fn socket(&self) -> &Socket {
        &self.0
    }

    #[cfg(test)]
    pub(crate) fn into_socket(self) -> Socket {
        self.0
    }

    pub(crate) fn connect(&self, peer: SocketAddr) -> Result<(), NetError> {
        let peer = v4(peer)?;
        self.0.call(|stack, now, id| stack.connect(now, id, peer))
    }

    pub(crate) fn disconnect(&self) -> Result<(), NetError> {
        self.0.call(|stack, _, id| stack.disconnect(id))
    }

    pub(crate) fn poll_recv_msg(
        &self,
        cx: &Context<'_>,
        buf: &mut [u8],
        peek: bool,
    ) -> Poll<io::Result<(usize, MsgInfo)>> {
        self.0
            .poll(cx, Interest::Read, |stack, _, id| {
                receive(stack, id, buf, peek)
            })
            .map_err(io::Error::from)
    }

    pub(crate) fn try_recv_msg(&self, buf: &mut [u8], peek: bool) -> io::Result<(usize, MsgInfo)> {
        Ok(self.0.call(|stack, _, id| receive(stack, id, buf, peek))?)
    }

    /// Fills `slots`, as far as datagrams are there.
    pub(crate) fn try_recv_batch<'a>(
        &self,
        slots: impl Iterator<Item = &'a mut [u8]>,
        messages: &mut Vec<(usize, MsgInfo)>,
    ) -> io::Result<usize> {
        Ok(self.0.call(|stack, _, id| {
            for slot in slots {
                match receive(stack, id, slot, false) {
                    Ok(message) => messages.push(message),
                    Err(errno) if messages.is_empty() => return Err(errno),
                    // What is wrong comes back from the next call, if it is not just that nothing is left.
                    Err(_) => break,
                }
            }
            Ok(messages.len())
        })?)
    }

    pub(crate) fn poll_send_msg(
        &self,
        cx: &Context<'_>,
        bufs: &[IoSlice<'_>],
        info: &SendInfo,
    ) -> Poll<io::Result<usize>> {
        let departure = departure(info)?;
        self.0
            .poll(cx, Interest::Write, |stack, now, id| {
                stack.send_msg(now, id, bufs, &departure)
            })
            .map_err(io::Error::from)
    }

    pub(crate) fn try_send_msg(&self, bufs: &[IoSlice<'_>], info: &SendInfo) -> io::Result<usize> {
        let departure = departure(info)?;
        Ok(self
            .0
            .call(|stack, now, id| stack.send_msg(now, id, bufs, &departure))?)
    }

    pub(crate) fn try_send_batch(&self, batch: &[Outgoing<'_>]) -> io::Result<usize> {
        let mut sent = 0;
        for outgoing in batch {
            match self.try_send_msg(&[IoSlice::new(outgoing.octets)], &outgoing.info) {
                Ok(_) => sent += 1,
                Err(error) if sent == 0 => return Err(error),
                Err(_) => break,
            }
        }
        Ok(sent)
    }

    /// The error an earlier datagram met.
    pub(crate) fn poll_error(&self, cx: &Context<'_>) -> Poll<io::Result<NetError>> {
        self.0
            .poll(cx, Interest::Read, |stack, _, id| {
                stack.take_error(id)?.ok_or(Errno::WouldBlock)
            })
            .map_ok(NetError::from)
            .map_err(io::Error::from)
    }
}

fn receive(
    stack: &mut Stack,
    id: SocketId,
    buf: &mut [u8],
    peek: bool,
) -> Result<(usize, MsgInfo), Errno> {
    let (n, arrival) = stack.recv_msg(id, buf, peek)?;
    let options = stack.options(id)?;
    Ok((
        n,
        msg_info(&arrival, options.recv_packet_info, options.recv_ttl),
    ))
}

fn msg_info(arrival: &Arrival, packet_info: bool, ttl: bool) -> MsgInfo {
    MsgInfo {
        peer: SocketAddr::V4(arrival.peer),
        destination: packet_info.then_some(IpAddr::V4(arrival.destination)),
        local: packet_info.then_some(IpAddr::V4(arrival.local)),
        interface: packet_info.then_some(arrival.interface.0),
        ttl: ttl.then_some(arrival.ttl),
        truncated: arrival.truncated,
    }
}

fn departure(info: &SendInfo) -> Result<Departure, NetError> {
    let source = match info.source {
        Some(IpAddr::V4(source)) => Some(source),
        Some(IpAddr::V6(_)) => return Err(NetError::AfNoSupport),
        None => None,
    };
    Ok(Departure {
        peer: info.peer.map(v4).transpose()?,
        source,
        interface: info.interface.filter(|&index| index != 0).map(InterfaceId),
        ttl: info.ttl,
        dont_route: info.dont_route,
    })
}
