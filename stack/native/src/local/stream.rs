//! Streams: connecting, accepting, octets.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};

use super::name::LocalName;
use super::socket::{LocalKind, Socket, State};
use super::table::{Local, LocalId};
use crate::Errno;
use crate::pkt::copy;

/// A sender is told of room only when there is this much of it, so that it does not come back for every octet read.
const LOW_WATER: usize = 2048;
/// An empty queue keeps this much memory.
const KEPT: usize = 4096;

impl Local {
    /// Makes a bound stream accept connections; `backlog` of them, and one, may wait. Again changes the backlog.
    ///
    /// # Errors
    /// [`Errno::OpNotSupp`] if it is no stream; [`Errno::Inval`] if it has no name or a peer.
    pub fn listen(&mut self, id: LocalId, backlog: usize) -> Result<(), Errno> {
        let most = self.limits.backlog;
        let socket = self.get_mut(id)?;
        let wanted = backlog.min(most);
        match &mut socket.state {
            State::Datagram { .. } => return Err(Errno::OpNotSupp),
            State::Connecting(_) | State::Connected { .. } => return Err(Errno::Inval),
            State::Listening { backlog, .. } => *backlog = wanted,
            State::Idle if socket.name == LocalName::Unnamed => return Err(Errno::Inval),
            State::Idle => {
                socket.state = State::Listening {
                    backlog: wanted,
                    queue: VecDeque::new(),
                    waiting: VecDeque::new(),
                };
            }
        }
        self.admit(id);
        Ok(())
    }

    /// Connects to the socket of that name. A datagram socket only records its peer, which may be repeated (CON-6);
    /// no name makes it forget the peer (CON-8).
    ///
    /// # Errors
    /// [`Errno::NoEnt`] (a path) or [`Errno::ConnRefused`] (an abstract name) if nobody has it, [`Errno::ConnRefused`]
    /// if its socket does not listen, [`Errno::ProtoType`] if it is of another kind, [`Errno::InProgress`] if its queue
    /// is full: the socket is then writable when it has its turn. [`Errno::Already`] until then, [`Errno::IsConn`]
    /// after, [`Errno::OpNotSupp`] on a listener, [`Errno::NoBufs`].
    pub fn connect(&mut self, id: LocalId, to: &LocalName) -> Result<(), Errno> {
        let socket = self.get(id)?;
        match socket.state {
            State::Datagram { .. } => return self.set_peer(id, to),
            State::Idle => {}
            State::Listening { .. } => return Err(Errno::OpNotSupp),
            State::Connecting(_) => return Err(Errno::Already),
            State::Connected { .. } => return Err(Errno::IsConn),
        }
        let listener = self.names.find(LocalKind::Stream, to)?;
        match &mut self.get_mut(listener)?.state {
            State::Datagram { .. } => Err(Errno::ProtoType),
            State::Idle | State::Connecting(_) | State::Connected { .. } => Err(Errno::ConnRefused),
            State::Listening {
                backlog,
                queue,
                waiting,
            } => {
                if queue.len() <= *backlog && waiting.is_empty() {
                    return self.establish(id, listener);
                }
                waiting.push_back(id);
                self.get_mut(id)?.state = State::Connecting(listener);
                Err(Errno::InProgress)
            }
        }
    }

    /// Makes the other end of a connection and puts it into the listener's queue.
    fn establish(&mut self, id: LocalId, listener: LocalId) -> Result<(), Errno> {
        let client = self.get(id)?;
        let host = self.get(listener)?;
        let (client_name, client_credentials) = (client.name.clone(), client.credentials);
        let (host_name, host_credentials) = (host.name.clone(), host.credentials);
        // ACC-1: it has the properties of the listener.
        let other = self.add(Socket {
            owner: None,
            noticed: false,
            name: host_name.clone(),
            peer_name: client_name,
            credentials: host_credentials,
            peer_credentials: Some(client_credentials),
            error: None,
            recv_shut: false,
            send_shut: false,
            recv_buffer: host.recv_buffer,
            send_buffer: host.send_buffer,
            pass_credentials: host.pass_credentials,
            state: Socket::connected(id),
        })?;
        let client = self.get_mut(id)?;
        client.state = Socket::connected(other);
        client.peer_name = host_name;
        client.peer_credentials = Some(host_credentials);
        if let State::Listening { queue, .. } = &mut self.get_mut(listener)?.state {
            queue.push_back(other);
        }
        self.notice(listener);
        Ok(())
    }

    /// Connects those who wait, as far as there is room in the queue.
    fn admit(&mut self, listener: LocalId) {
        loop {
            let next = match self.get_mut(listener) {
                Ok(Socket {
                    state:
                        State::Listening {
                            backlog,
                            queue,
                            waiting,
                        },
                    ..
                }) if queue.len() <= *backlog => waiting.pop_front(),
                _ => None,
            };
            let Some(id) = next else {
                return;
            };
            if let Err(error) = self.establish(id, listener)
                && let Ok(socket) = self.get_mut(id)
            {
                socket.state = State::Idle;
                socket.error = Some(error);
            }
            self.notice(id);
        }
    }

    /// A socket that waited for room in a listener's queue is gone.
    pub(super) fn give_up(&mut self, id: LocalId, listener: LocalId) {
        if let Ok(Socket {
            state: State::Listening { waiting, .. },
            ..
        }) = self.get_mut(listener)
        {
            waiting.retain(|other| *other != id);
        }
    }

    /// The first connection that waits, and the name of who made it (ACC-1).
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] (ACC-3); [`Errno::Inval`] if it does not listen, [`Errno::OpNotSupp`] if it is no stream
    /// (ACC-5).
    pub fn accept(&mut self, id: LocalId) -> Result<(LocalId, LocalName), Errno> {
        let accepted = match &mut self.get_mut(id)?.state {
            State::Datagram { .. } => return Err(Errno::OpNotSupp),
            State::Idle | State::Connecting(_) | State::Connected { .. } => {
                return Err(Errno::Inval);
            }
            State::Listening { queue, .. } => queue.pop_front().ok_or(Errno::WouldBlock)?,
        };
        self.admit(id);
        let peer = self.get(accepted)?.peer_name.clone();
        Ok((accepted, peer))
    }

    /// The listener is gone before it accepted `connection`.
    pub(super) fn reset(&mut self, connection: LocalId) {
        if let Some(Socket {
            state: State::Connected {
                peer: Some(peer), ..
            },
            ..
        }) = self.remove(connection)
        {
            self.end(peer, Some(Errno::ConnReset));
        }
    }

    /// The peer of `id` is gone.
    pub(super) fn end(&mut self, id: LocalId, error: Option<Errno>) {
        if let Ok(socket) = self.get_mut(id)
            && let State::Connected { peer, ended, .. } = &mut socket.state
        {
            *peer = None;
            *ended = true;
            socket.error = socket.error.or(error);
            self.notice(id);
        }
    }

    /// How much more a connected stream may send now.
    fn room(&self, socket: &Socket) -> Result<usize, Errno> {
        let State::Connected {
            peer: Some(peer), ..
        } = socket.state
        else {
            return Err(Errno::Pipe);
        };
        let receiver = self.get(peer).map_err(|_| Errno::Pipe)?;
        match &receiver.state {
            State::Connected { incoming, .. } if !receiver.recv_shut => {
                let most = receiver.recv_buffer.saturating_add(socket.send_buffer);
                Ok(most.saturating_sub(incoming.len()))
            }
            _ => Err(Errno::Pipe),
        }
    }

    /// Whether a connected stream would be worth sending on: there is room, or an error to learn.
    pub(super) fn has_room(&self, socket: &Socket) -> bool {
        socket.send_shut
            || self
                .room(socket)
                .map_or(true, |room| room >= LOW_WATER.min(socket.send_buffer))
    }

    /// There is room in the queue of `id` that may not have been: its sender is told.
    pub(super) fn made_room(&mut self, id: LocalId) {
        match self.get_mut(id).map(|socket| &mut socket.state) {
            Ok(State::Connected {
                peer: Some(peer), ..
            }) => {
                let peer = *peer;
                self.notice(peer);
            }
            Ok(State::Datagram { waiting, .. }) => {
                for sender in std::mem::take(waiting) {
                    self.unblock(sender, id);
                }
            }
            _ => {}
        }
    }

    /// Sends octets on a stream, as many as there is room for (SND-4).
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] (SND-3), [`Errno::NotConn`], [`Errno::Pipe`] if sending was shut down or the peer takes no
    /// more.
    pub fn send(&mut self, id: LocalId, bufs: &[IoSlice<'_>]) -> Result<usize, Errno> {
        let socket = self.get(id)?;
        let State::Connected { peer, .. } = socket.state else {
            return Err(Errno::NotConn);
        };
        if socket.send_shut {
            return Err(Errno::Pipe);
        }
        let mut room = self.room(socket)?;
        let peer = peer.ok_or(Errno::Pipe)?;
        if room == 0 && bufs.iter().any(|buf| !buf.is_empty()) {
            return Err(Errno::WouldBlock);
        }
        let State::Connected { incoming, .. } = &mut self.get_mut(peer)?.state else {
            return Err(Errno::Pipe);
        };
        let mut taken = 0;
        for buf in bufs {
            let part = buf.get(..buf.len().min(room)).unwrap_or(buf);
            incoming.extend(part);
            taken += part.len();
            room -= part.len();
        }
        if taken > 0 {
            self.notice(peer);
        }
        Ok(taken)
    }

    /// Receives octets from a stream; 0 is its end (RCV-2). `peek` leaves them there.
    pub(super) fn recv_stream(
        &mut self,
        id: LocalId,
        bufs: &mut [IoSliceMut<'_>],
        peek: bool,
    ) -> Result<usize, Errno> {
        let socket = self.get_mut(id)?;
        let State::Connected {
            peer,
            incoming,
            ended,
        } = &mut socket.state
        else {
            return Err(socket.error.take().unwrap_or(Errno::NotConn));
        };
        if bufs.iter().all(|buf| buf.is_empty()) {
            return Ok(0);
        }
        if incoming.is_empty() {
            if let Some(error) = socket.error.take() {
                return Err(error);
            }
            return if *ended || peer.is_none() || socket.recv_shut {
                Ok(0)
            } else {
                Err(Errno::WouldBlock)
            };
        }
        let mut given = 0;
        let (front, back) = incoming.as_slices();
        let mut rest = [front, back];
        for buf in bufs {
            let mut room: &mut [u8] = buf;
            for part in &mut rest {
                let len = part.len().min(room.len());
                let (now, later) = part.split_at(len);
                let (to, left) = std::mem::take(&mut room).split_at_mut(len);
                copy(to, now);
                *part = later;
                room = left;
                given += len;
            }
        }
        if !peek {
            incoming.drain(..given);
            if incoming.is_empty() && incoming.capacity() > KEPT {
                *incoming = VecDeque::new();
            }
            self.made_room(id);
        }
        Ok(given)
    }
}
