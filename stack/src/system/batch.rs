//! Several datagrams in one system call: `recvmmsg`, `sendmmsg`.

use super::control::Arrival;
use crate::udp::{MsgInfo, Outgoing, SendInfo};
use nix::libc;
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, SockaddrIn6, SockaddrLike, recvmmsg};
use rustix::net::{MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrAny, sendmmsg};
use std::cell::RefCell;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};

/// Most datagrams of one call.
pub(crate) const MAX: usize = 32;
/// Up to so many slots are prepared on a short path: who expects one datagram asks for two, to learn that no more are there.
const FEW: usize = 4;

/// Message headers of one family.
struct Headers<S>(Option<MultiHeaders<S>>);

thread_local! {
    /// Message headers for IPv4 and IPv6, kept between calls because making them allocates.
    ///
    /// The kernel shrinks their name and control lengths to what arrived, and nix does not restore them. Arrivals of
    /// one family all have the same lengths, so that is harmless, as long as the two families do not share; should
    /// anything be missing from an arrival all the same, the headers are thrown away.
    static HEADERS: RefCell<(Headers<SockaddrIn>, Headers<SockaddrIn6>)> =
        const { RefCell::new((Headers(None), Headers(None))) };
}

/// Receives up to `octets.len() / size` datagrams of up to `size` octets each, without waiting, and adds what is known
/// of them to `messages`.
pub(crate) fn receive<S: AsRawFd>(
    socket: &S,
    v6: bool,
    octets: &mut [u8],
    size: usize,
    messages: &mut Vec<(usize, MsgInfo)>,
) -> io::Result<()> {
    let few = octets.len() / size <= FEW;
    HEADERS.with_borrow_mut(|(v4_headers, v6_headers)| match (v6, few) {
        (false, true) => v4_headers.receive::<FEW>(socket, octets, size, messages, address_v4),
        (false, false) => v4_headers.receive::<MAX>(socket, octets, size, messages, address_v4),
        (true, true) => v6_headers.receive::<FEW>(socket, octets, size, messages, address_v6),
        (true, false) => v6_headers.receive::<MAX>(socket, octets, size, messages, address_v6),
    })
}

fn address_v4(peer: SockaddrIn) -> SocketAddr {
    SocketAddr::V4(peer.into())
}

fn address_v6(peer: SockaddrIn6) -> SocketAddr {
    SocketAddr::V6(peer.into())
}

impl<A: SockaddrLike + Copy> Headers<A> {
    /// Receives into at most `SLOTS` slots.
    fn receive<const SLOTS: usize>(
        &mut self,
        socket: &impl AsRawFd,
        octets: &mut [u8],
        size: usize,
        messages: &mut Vec<(usize, MsgInfo)>,
        address: fn(A) -> SocketAddr,
    ) -> io::Result<()> {
        let headers = self.0.get_or_insert_with(|| {
            // 12 and 20 octets of packet information, an int of TTL.
            let control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int);
            MultiHeaders::preallocate(MAX, Some(control))
        });
        let mut rooms = octets.chunks_exact_mut(size);
        let mut slots = 0;
        let mut slices: [[IoSliceMut<'_>; 1]; SLOTS] = std::array::from_fn(|_| {
            let room = rooms.next();
            slots += usize::from(room.is_some());
            [IoSliceMut::new(room.unwrap_or_default())]
        });
        let mut whole = true;
        let arrived = recvmmsg(
            socket.as_raw_fd(),
            headers,
            slices.iter_mut().take(slots),
            MsgFlags::empty(),
            None,
        )?;
        for message in arrived {
            let peer = message.address.map(address);
            let arrival = Arrival::of(&message);
            whole &= peer.is_some() && arrival.destination.is_some() && arrival.ttl.is_some();
            let truncated = message.flags.contains(MsgFlags::MSG_TRUNC);
            messages.push((message.bytes, MsgInfo::new(peer, arrival, truncated)));
        }
        if !whole {
            self.0 = None;
        }
        Ok(())
    }
}

/// Sends the first datagrams of `batch` without waiting, and says how many went.
pub(crate) fn send<S: AsFd>(socket: &S, batch: &[Outgoing<'_>], v6: bool) -> io::Result<usize> {
    let plain = batch
        .iter()
        .take_while(|outgoing| is_plain(&outgoing.info))
        .take(MAX)
        .count();
    match batch {
        [] => Ok(0),
        // rustix's form has no room for packet information: what needs it goes by itself.
        [first, ..] if plain < 2 => {
            super::udp::send(socket, &[IoSlice::new(first.octets)], &first.info, v6)?;
            Ok(1)
        }
        _ => {
            let run = batch.get(..plain).unwrap_or(batch);
            let peers: Vec<_> = run
                .iter()
                .map(|outgoing| outgoing.info.peer.map(SocketAddrAny::from))
                .collect();
            let slices: Vec<_> = run
                .iter()
                .map(|outgoing| [IoSlice::new(outgoing.octets)])
                .collect();
            let mut controls: Vec<_> = run.iter().map(|_| SendAncillaryBuffer::default()).collect();
            let mut headers: Vec<_> = peers
                .iter()
                .zip(&slices)
                .zip(&mut controls)
                .map(|((peer, slice), control)| match peer {
                    Some(peer) => MMsgHdr::new_with_addr(peer, slice, control),
                    None => MMsgHdr::new(slice, control),
                })
                .collect();
            Ok(sendmmsg(socket, &mut headers, SendFlags::NOSIGNAL)?)
        }
    }
}

fn is_plain(info: &SendInfo) -> bool {
    info.source.is_none() && info.interface.is_none() && info.ttl.is_none() && !info.dont_route
}
