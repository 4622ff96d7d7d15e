//! The table of sockets: what a descriptor names.

use super::{SocketOptions, Waiters};
use crate::datagram::Endpoint;
use crate::errno::Errno;
use crate::local::LocalId;
use crate::stack::{Inconsistency, ensure};
use crate::tcp::ConnId;
use fairway_wire::Protocol;
use std::fmt;

/// The name of a socket. It is never given to another one: what it names is there, or gone for good.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId {
    index: u32,
    generation: u32,
}

impl SocketId {
    /// As one number, for owners' marks inside the protocols.
    pub(crate) fn token(self) -> u64 {
        u64::from(self.generation) << 32 | u64::from(self.index)
    }

    /// The socket of that number.
    pub(crate) fn from_token(token: u64) -> Self {
        let [a, b, c, d, e, f, g, h] = token.to_be_bytes();
        Self {
            generation: u32::from_be_bytes([a, b, c, d]),
            index: u32::from_be_bytes([e, f, g, h]),
        }
    }
}

impl fmt::Debug for SocketId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {}.{}", self.index, self.generation)
    }
}

/// What kind of socket it is, and what its protocol keeps of it.
#[derive(Debug)]
pub(crate) enum Kind {
    /// A stream of TCP, a listener, or a socket that is neither yet.
    Tcp(ConnId),
    /// UDP.
    Udp(Endpoint),
    /// The packets of one IP protocol.
    Raw(Protocol, Endpoint),
    /// A local socket.
    Local(LocalId),
}

/// A socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) kind: Kind,
    pub(crate) options: SocketOptions,
    pub(crate) waiters: Waiters,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    socket: Option<Box<Socket>>,
}

/// The table.
#[derive(Debug)]
pub(crate) struct Table {
    slots: Vec<Slot>,
    free: Vec<u32>,
    most: usize,
    first_generation: u32,
}

impl Table {
    /// A table for at most `most` sockets. `incarnation` counts the lives of the host, so that names of an earlier
    /// life name nothing in this one.
    pub(crate) const fn new(most: usize, incarnation: u32) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            most,
            first_generation: incarnation << 20,
        }
    }

    /// Adds a socket (SOC-2: `EMFILE` when the table is full).
    pub(crate) fn add(&mut self, kind: Kind, options: SocketOptions) -> Result<SocketId, Errno> {
        let socket = Some(Box::new(Socket {
            kind,
            options,
            waiters: Waiters::default(),
        }));
        if let Some(index) = self.free.pop()
            && let Some(slot) = self
                .slots
                .get_mut(usize::try_from(index).unwrap_or(usize::MAX))
        {
            slot.socket = socket;
            return Ok(SocketId {
                index,
                generation: slot.generation,
            });
        }
        if self.slots.len() >= self.most {
            return Err(Errno::TooManyFiles);
        }
        let index = u32::try_from(self.slots.len()).map_err(|_| Errno::TooManyFiles)?;
        self.slots.push(Slot {
            generation: self.first_generation,
            socket,
        });
        Ok(SocketId {
            index,
            generation: self.first_generation,
        })
    }

    fn slot(&self, id: SocketId) -> Option<&Slot> {
        let slot = self.slots.get(usize::try_from(id.index).ok()?)?;
        (slot.generation == id.generation).then_some(slot)
    }

    /// The socket of that name; `ENOTSOCK` if it is gone.
    #[inline]
    pub(crate) fn get(&self, id: SocketId) -> Result<&Socket, Errno> {
        let slot = self.slot(id).ok_or(Errno::NotSock)?;
        slot.socket.as_deref().ok_or(Errno::NotSock)
    }

    /// [`get`](Self::get), to change.
    #[inline]
    pub(crate) fn get_mut(&mut self, id: SocketId) -> Result<&mut Socket, Errno> {
        let index = usize::try_from(id.index).map_err(|_| Errno::NotSock)?;
        let slot = self.slots.get_mut(index).ok_or(Errno::NotSock)?;
        if slot.generation != id.generation {
            return Err(Errno::NotSock);
        }
        slot.socket.as_deref_mut().ok_or(Errno::NotSock)
    }

    /// The endpoint of a UDP socket.
    #[inline]
    pub(crate) fn udp(&self, id: SocketId) -> Option<(&Endpoint, &SocketOptions)> {
        match self.get(id) {
            Ok(Socket {
                kind: Kind::Udp(endpoint),
                options,
                ..
            }) => Some((endpoint, options)),
            _ => None,
        }
    }

    /// Takes a socket out of the table.
    pub(crate) fn remove(&mut self, id: SocketId) -> Result<Socket, Errno> {
        let index = usize::try_from(id.index).map_err(|_| Errno::NotSock)?;
        let slot = self.slots.get_mut(index).ok_or(Errno::NotSock)?;
        if slot.generation != id.generation {
            return Err(Errno::NotSock);
        }
        let socket = slot.socket.take().ok_or(Errno::NotSock)?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        Ok(*socket)
    }

    /// Every socket, in the order of the table.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (SocketId, &Socket)> {
        self.slots.iter().zip(0..).filter_map(|(slot, index)| {
            let id = SocketId {
                index,
                generation: slot.generation,
            };
            slot.socket.as_deref().map(|socket| (id, socket))
        })
    }

    /// Moves the wakers of all sockets to `woken`.
    pub(crate) fn wake_all(&mut self, woken: &mut Vec<std::task::Waker>) {
        for slot in &mut self.slots {
            if let Some(socket) = &mut slot.socket {
                socket.waiters.wake_all(woken);
            }
        }
    }

    /// Whether there is no room for another.
    pub(crate) fn is_full(&self) -> bool {
        self.free.is_empty() && self.slots.len() >= self.most
    }

    /// Whether every place is in use or in the list of free ones, and no socket has more than it may.
    pub(crate) fn check(&self, buffer: usize) -> Result<(), Inconsistency> {
        ensure!(
            self.slots.len() <= self.most.max(1),
            "{} places for sockets, at most {}",
            self.slots.len(),
            self.most
        );
        let mut free = self.free.clone();
        free.sort_unstable();
        let empty = self
            .slots
            .iter()
            .zip(0..)
            .filter(|(slot, _)| slot.socket.is_none());
        ensure!(
            empty.map(|(_, index)| index).eq(free.iter().copied()),
            "the free places for sockets are not those of the list, {free:?}"
        );
        for (id, socket) in self.iter() {
            let SocketOptions {
                send_buf, recv_buf, ..
            } = socket.options;
            ensure!(
                send_buf.max(recv_buf) <= buffer,
                "{id:?} has buffers of {send_buf} and {recv_buf} octets, at most {buffer}"
            );
        }
        Ok(())
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
