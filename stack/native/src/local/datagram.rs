//! Datagrams: messages, whole, in order, never lost.

use std::io::{IoSlice, IoSliceMut};

use super::name::LocalName;
use super::socket::{LocalKind, Message, Socket, State, charge};
use super::table::{Local, LocalId, LocalReceived};
use crate::Errno;

impl Local {
    /// Records the peer of a datagram socket, or forgets it.
    pub(super) fn set_peer(&mut self, id: LocalId, to: &LocalName) -> Result<(), Errno> {
        let new = match to {
            LocalName::Unnamed => None,
            LocalName::Path(_) | LocalName::Abstract(_) => Some(self.find_receiver(id, to)?),
        };
        let credentials = match new {
            Some(new) => Some(self.get(new)?.credentials),
            None => None,
        };
        let socket = self.get_mut(id)?;
        let State::Datagram { peer, .. } = &mut socket.state else {
            return Err(Errno::OpNotSupp);
        };
        let old = std::mem::replace(peer, new);
        socket.peer_name = to.clone();
        socket.peer_credentials = credentials;
        if let Some(old) = old
            && new != Some(old)
        {
            self.part(id, old);
        }
        // Who waits for room may have to wait no more: the queue is empty, or takes nothing of it.
        self.made_room(id);
        self.unblock_any(id);
        Ok(())
    }

    /// `id` is no longer connected to `old`. Linux: what waits of the old peer is lost, and a peer that was connected
    /// back is told.
    fn part(&mut self, id: LocalId, old: LocalId) {
        if let Ok(Socket {
            state: State::Datagram { queue, octets, .. },
            ..
        }) = self.get_mut(id)
        {
            let lost = queue.len();
            queue.clear();
            *octets = 0;
            self.lost += lost;
        }
        if let Ok(socket) = self.get_mut(old)
            && let State::Datagram { peer, .. } = &socket.state
            && *peer == Some(id)
        {
            socket.error = Some(Errno::ConnReset);
            self.notice(old);
        }
    }

    /// The datagram socket of that name, if `id` may send to it.
    fn find_receiver(&self, id: LocalId, to: &LocalName) -> Result<LocalId, Errno> {
        let found = self.names.find(LocalKind::Datagram, to)?;
        match self.get(found)?.state {
            // Linux: who has a peer takes nothing from others.
            State::Datagram {
                peer: Some(peer), ..
            } if peer != id => Err(Errno::Perm),
            State::Datagram { .. } => Ok(found),
            State::Idle
            | State::Listening { .. }
            | State::Connecting(_)
            | State::Connected { .. } => Err(Errno::ProtoType),
        }
    }

    /// Sends one datagram: to the peer, or to whom `to` names.
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] while the receiver's queue is full: the socket is writable when there is room.
    /// [`Errno::MsgSize`] if it is longer than the send buffer. [`Errno::NoEnt`], [`Errno::ConnRefused`] or
    /// [`Errno::ProtoType`] as for [`Local::connect`]; [`Errno::ConnRefused`] also if the peer is gone.
    /// [`Errno::NotConn`] without a peer, [`Errno::IsConn`] with one where `to` is given (SND-8), [`Errno::Perm`] if the
    /// receiver has another peer, [`Errno::Pipe`] if sending, or the receiver's receiving, was shut down.
    /// [`Errno::OpNotSupp`] on a stream.
    pub fn send_datagram(
        &mut self,
        id: LocalId,
        bufs: &[IoSlice<'_>],
        to: Option<&LocalName>,
    ) -> Result<usize, Errno> {
        let socket = self.get(id)?;
        let State::Datagram { peer, .. } = socket.state else {
            return Err(Errno::OpNotSupp);
        };
        if socket.send_shut {
            return Err(Errno::Pipe);
        }
        let len = bufs.iter().map(|buf| buf.len()).sum::<usize>();
        if len > socket.send_buffer {
            return Err(Errno::MsgSize);
        }
        let receiver = match (to, peer) {
            (Some(_), Some(_)) => return Err(Errno::IsConn),
            (Some(to), None) => self.find_receiver(id, to)?,
            (None, None) => return Err(Errno::NotConn),
            (None, Some(peer)) => peer,
        };
        let (from, credentials) = (socket.name.clone(), socket.credentials);
        let most = self.limits.datagrams;
        let Ok(receiving) = self.get_mut(receiver) else {
            // Linux: the peer is forgotten by that.
            if let State::Datagram { peer, .. } = &mut self.get_mut(id)?.state {
                *peer = None;
            }
            return Err(Errno::ConnRefused);
        };
        if receiving.recv_shut {
            return Err(Errno::Pipe);
        }
        let State::Datagram {
            queue,
            octets,
            waiting,
            peer: other,
            ..
        } = &mut receiving.state
        else {
            return Err(Errno::ProtoType);
        };
        if other.is_some_and(|other| other != id) {
            return Err(Errno::Perm);
        }
        // One datagram is taken always, however long, or it could never be sent.
        let charge = charge(len, &from);
        let fits = queue.is_empty()
            || queue.len() < most && octets.saturating_add(charge) <= receiving.recv_buffer;
        if !fits {
            if !waiting.contains(&id) {
                waiting.push(id);
            }
            if let State::Datagram { blocked_on, .. } = &mut self.get_mut(id)?.state {
                *blocked_on = Some(receiver);
            }
            return Err(Errno::WouldBlock);
        }
        let mut message = Vec::with_capacity(len);
        for buf in bufs {
            message.extend_from_slice(buf);
        }
        queue.push_back(Message {
            octets: message.into_boxed_slice(),
            from,
            credentials,
        });
        *octets += charge;
        self.notice(receiver);
        Ok(len)
    }

    /// `sender` need not wait for room in the queue of `receiver` any more.
    pub(super) fn unblock(&mut self, sender: LocalId, receiver: LocalId) {
        if let Ok(Socket {
            state: State::Datagram { blocked_on, .. },
            ..
        }) = self.get_mut(sender)
            && *blocked_on == Some(receiver)
        {
            *blocked_on = None;
            self.notice(sender);
        }
    }

    /// `id` need not wait for room in whatever queue.
    fn unblock_any(&mut self, id: LocalId) {
        if let Ok(Socket {
            state: State::Datagram { blocked_on, .. },
            ..
        }) = self.get_mut(id)
            && blocked_on.take().is_some()
        {
            self.notice(id);
        }
    }

    /// Receives octets of a stream, or one datagram; `peek` leaves it there.
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if nothing is there (RCV-4); [`Errno::NotConn`] on a stream without a peer; the pending
    /// error.
    pub fn recv(
        &mut self,
        id: LocalId,
        bufs: &mut [IoSliceMut<'_>],
        peek: bool,
    ) -> Result<LocalReceived, Errno> {
        let socket = self.get_mut(id)?;
        let State::Datagram { queue, octets, .. } = &mut socket.state else {
            return Ok(LocalReceived {
                len: self.recv_stream(id, bufs, peek)?,
                ..LocalReceived::default()
            });
        };
        let Some(message) = queue.front() else {
            if let Some(error) = socket.error.take() {
                return Err(error);
            }
            return if socket.recv_shut {
                Ok(LocalReceived::default())
            } else {
                Err(Errno::WouldBlock)
            };
        };
        let mut rest: &[u8] = &message.octets;
        for buf in bufs {
            let (now, later) = rest.split_at(rest.len().min(buf.len()));
            if let Some(to) = buf.get_mut(..now.len()) {
                to.copy_from_slice(now);
            }
            rest = later;
        }
        let received = LocalReceived {
            len: message.octets.len() - rest.len(),
            from: message.from.clone(),
            credentials: socket.pass_credentials.then_some(message.credentials),
            truncated: !rest.is_empty(),
        };
        if !peek {
            *octets -= message.charge();
            queue.pop_front();
            self.made_room(id);
        }
        Ok(received)
    }
}
