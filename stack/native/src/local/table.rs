//! The sockets and names of a host: making, naming, closing, readiness.

use std::collections::VecDeque;
use std::fmt;

use super::name::{LocalName, Names};
use super::socket::{Credentials, LocalKind, LocalNotice, Message, Socket, State};
use crate::Errno;
use crate::config::LocalConfig;
use crate::limits::LocalLimits;
use crate::sock::Readiness;
use crate::stack::{Inconsistency, ensure};

/// The name of a local socket inside the engine: never given to another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId {
    index: u32,
    generation: u32,
}

impl fmt::Debug for LocalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "local {}.{}", self.index, self.generation)
    }
}

/// What was received.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalReceived {
    /// Octets put into the buffers.
    pub len: usize,
    /// The name of the socket that sent a datagram.
    pub from: LocalName,
    /// Whose that is, if the receiving socket asks for it.
    pub credentials: Option<Credentials>,
    /// Whether a datagram was longer than the buffers: the rest is lost (RCV-3).
    pub truncated: bool,
}

#[derive(Debug)]
struct Slot {
    generation: u32,
    socket: Option<Box<Socket>>,
}

/// The local domain of one host.
#[derive(Debug)]
pub struct Local {
    slots: Vec<Slot>,
    free: Vec<u32>,
    pub(super) names: Names,
    notices: VecDeque<LocalId>,
    /// Datagrams dropped since this was last asked.
    pub(super) lost: usize,
    pub(super) limits: LocalLimits,
}

impl Local {
    /// A domain without sockets.
    #[must_use]
    pub fn new(limits: LocalLimits) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            names: Names::default(),
            notices: VecDeque::new(),
            lost: 0,
            limits,
        }
    }

    /// How many datagrams were dropped since this was last asked: what waited of a peer that was exchanged for another.
    pub fn take_lost(&mut self) -> usize {
        std::mem::take(&mut self.lost)
    }

    // The table.

    pub(super) fn add(&mut self, socket: Socket) -> Result<LocalId, Errno> {
        let socket = Some(Box::new(socket));
        if let Some(index) = self.free.pop() {
            let place = usize::try_from(index).map_err(|_| Errno::NoBufs)?;
            let slot = self.slots.get_mut(place).ok_or(Errno::NoBufs)?;
            slot.socket = socket;
            let generation = slot.generation;
            return Ok(LocalId { index, generation });
        }
        if self.slots.len() >= self.limits.sockets {
            return Err(Errno::NoBufs);
        }
        let index = u32::try_from(self.slots.len()).map_err(|_| Errno::NoBufs)?;
        let generation = 0;
        self.slots.push(Slot { generation, socket });
        Ok(LocalId { index, generation })
    }

    pub(super) fn get(&self, id: LocalId) -> Result<&Socket, Errno> {
        let index = usize::try_from(id.index).map_err(|_| Errno::NotSock)?;
        let slot = self.slots.get(index).ok_or(Errno::NotSock)?;
        if slot.generation != id.generation {
            return Err(Errno::NotSock);
        }
        slot.socket.as_deref().ok_or(Errno::NotSock)
    }

    pub(super) fn get_mut(&mut self, id: LocalId) -> Result<&mut Socket, Errno> {
        let index = usize::try_from(id.index).map_err(|_| Errno::NotSock)?;
        let slot = self.slots.get_mut(index).ok_or(Errno::NotSock)?;
        if slot.generation != id.generation {
            return Err(Errno::NotSock);
        }
        slot.socket.as_deref_mut().ok_or(Errno::NotSock)
    }

    pub(super) fn remove(&mut self, id: LocalId) -> Option<Socket> {
        let index = usize::try_from(id.index).ok()?;
        let slot = self.slots.get_mut(index)?;
        if slot.generation != id.generation {
            return None;
        }
        let socket = slot.socket.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        Some(*socket)
    }

    /// How many sockets there are, those that wait to be accepted included.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    // Making, naming, closing.

    /// A new socket without a name.
    ///
    /// # Errors
    /// [`Errno::NoBufs`] when there are as many as there may be.
    pub fn create(
        &mut self,
        kind: LocalKind,
        config: &LocalConfig,
        credentials: Credentials,
    ) -> Result<LocalId, Errno> {
        self.add(Socket::new(kind, config, credentials))
    }

    /// Two sockets connected to each other, without names.
    ///
    /// # Errors
    /// [`Errno::NoBufs`] when there are as many as there may be.
    pub fn pair(
        &mut self,
        kind: LocalKind,
        config: &LocalConfig,
        credentials: Credentials,
    ) -> Result<(LocalId, LocalId), Errno> {
        let one = self.create(kind, config, credentials)?;
        let other = match self.create(kind, config, credentials) {
            Ok(other) => other,
            Err(error) => {
                self.close(one);
                return Err(error);
            }
        };
        for (id, with) in [(one, other), (other, one)] {
            let socket = self.get_mut(id)?;
            socket.peer_credentials = Some(credentials);
            match &mut socket.state {
                State::Datagram { peer, .. } => *peer = Some(with),
                State::Idle
                | State::Listening { .. }
                | State::Connecting(_)
                | State::Connected { .. } => socket.state = Socket::connected(with),
            }
        }
        Ok((one, other))
    }

    /// Marks a socket as `owner`'s: notices about it say so.
    pub fn set_owner(&mut self, id: LocalId, owner: u64) {
        if let Ok(socket) = self.get_mut(id) {
            socket.owner = Some(owner);
        }
    }

    /// Gives a socket its name; no name makes one be chosen (LIP-3).
    ///
    /// # Errors
    /// [`Errno::Inval`] if it has one, or the name is empty or too long (LIP-2); [`Errno::AddrInUse`].
    pub fn bind(&mut self, id: LocalId, name: &LocalName) -> Result<(), Errno> {
        let socket = self.get(id)?;
        let kind = socket.kind();
        if socket.name != LocalName::Unnamed {
            return Err(Errno::Inval); // BND-4: once
        }
        name.check()?;
        let name = match name {
            LocalName::Unnamed => self.names.choose(kind),
            LocalName::Path(_) | LocalName::Abstract(_) => name.clone(),
        };
        if !self.names.hold(kind, &name, id) {
            return Err(Errno::AddrInUse); // BND-3
        }
        self.get_mut(id)?.name = name;
        Ok(())
    }

    /// Closes a socket: its name is free, its peer is told, what waited in it is lost.
    pub fn close(&mut self, id: LocalId) {
        let Some(socket) = self.remove(id) else {
            return;
        };
        let kind = socket.kind();
        match socket.state {
            State::Idle => {}
            State::Listening { queue, waiting, .. } => {
                for connection in queue {
                    self.reset(connection);
                }
                for connecting in waiting {
                    if let Ok(socket) = self.get_mut(connecting) {
                        socket.state = State::Idle;
                        socket.error = Some(Errno::ConnRefused);
                    }
                    self.notice(connecting);
                }
            }
            State::Connecting(listener) => self.give_up(id, listener),
            State::Connected { peer, incoming, .. } => {
                if let Some(peer) = peer {
                    // Linux: what was not read is lost, and its sender is told.
                    self.end(peer, (!incoming.is_empty()).then_some(Errno::ConnReset));
                }
            }
            State::Datagram { waiting, .. } => {
                for sender in waiting {
                    self.unblock(sender, id);
                }
            }
        }
        // The socket that a listener made for a connection has the listener's name, and does not hold it.
        if self.names.find(kind, &socket.name) == Ok(id) {
            self.names.release(kind, &socket.name);
        }
    }

    // Asking.

    /// The socket's name.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn name(&self, id: LocalId) -> Result<&LocalName, Errno> {
        Ok(&self.get(id)?.name)
    }

    /// The name of its peer.
    ///
    /// # Errors
    /// [`Errno::NotSock`]; [`Errno::NotConn`] if it has none.
    pub fn peer_name(&self, id: LocalId) -> Result<&LocalName, Errno> {
        let socket = self.get(id)?;
        match socket.state {
            State::Connected { .. } | State::Datagram { peer: Some(_), .. } => {
                Ok(&socket.peer_name)
            }
            State::Idle
            | State::Listening { .. }
            | State::Connecting(_)
            | State::Datagram { .. } => Err(Errno::NotConn),
        }
    }

    /// Whose its peer is, as of when they were connected.
    ///
    /// # Errors
    /// [`Errno::NotSock`]; [`Errno::NotConn`] if it has none.
    pub fn peer_credentials(&self, id: LocalId) -> Result<Credentials, Errno> {
        self.get(id)?.peer_credentials.ok_or(Errno::NotConn)
    }

    /// What kind of socket it is.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn kind(&self, id: LocalId) -> Result<LocalKind, Errno> {
        Ok(self.get(id)?.kind())
    }

    /// Whether it listens (`SO_ACCEPTCONN`).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn is_listening(&self, id: LocalId) -> Result<bool, Errno> {
        Ok(matches!(self.get(id)?.state, State::Listening { .. }))
    }

    /// Octets that can be received at once; of a datagram socket, those of the first datagram (`FIONREAD`).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn waiting(&self, id: LocalId) -> Result<usize, Errno> {
        Ok(match &self.get(id)?.state {
            State::Connected { incoming, .. } => incoming.len(),
            State::Datagram { queue, .. } => queue.front().map_or(0, |first| first.octets.len()),
            State::Idle | State::Listening { .. } | State::Connecting(_) => 0,
        })
    }

    /// The pending error, which is cleared by that (`SO_ERROR`).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn take_error(&mut self, id: LocalId) -> Result<Option<Errno>, Errno> {
        Ok(self.get_mut(id)?.error.take())
    }

    /// Whether receiving and sending were shut down (SHD-4).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn is_shut(&self, id: LocalId) -> Result<(bool, bool), Errno> {
        let socket = self.get(id)?;
        Ok((socket.recv_shut, socket.send_shut))
    }

    /// Sizes of the receive and the send buffer, octets.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn buffers(&self, id: LocalId) -> Result<(usize, usize), Errno> {
        let socket = self.get(id)?;
        Ok((socket.recv_buffer, socket.send_buffer))
    }

    /// Sets the size of the receive buffer, octets; at least 1 (LIP-6).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn set_recv_buffer(&mut self, id: LocalId, octets: usize) -> Result<(), Errno> {
        self.get_mut(id)?.recv_buffer = octets.max(1);
        self.made_room(id);
        Ok(())
    }

    /// Sets the size of the send buffer, octets; at least 1 (LIP-6).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn set_send_buffer(&mut self, id: LocalId, octets: usize) -> Result<(), Errno> {
        self.get_mut(id)?.send_buffer = octets.max(1);
        self.notice(id);
        Ok(())
    }

    /// Whether datagrams received tell whose they are.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn passes_credentials(&self, id: LocalId) -> Result<bool, Errno> {
        Ok(self.get(id)?.pass_credentials)
    }

    /// Sets whether datagrams received tell whose they are.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn set_pass_credentials(&mut self, id: LocalId, pass: bool) -> Result<(), Errno> {
        self.get_mut(id)?.pass_credentials = pass;
        Ok(())
    }

    /// Ends one direction or both (SHD-1).
    ///
    /// # Errors
    /// [`Errno::NotSock`]; [`Errno::NotConn`] if a stream has no peer.
    pub fn shutdown(&mut self, id: LocalId, recv: bool, send: bool) -> Result<(), Errno> {
        let socket = self.get_mut(id)?;
        match socket.state {
            State::Idle | State::Connecting(_) | State::Listening { .. } => {
                return Err(Errno::NotConn);
            }
            State::Connected { .. } | State::Datagram { .. } => {}
        }
        socket.recv_shut |= recv;
        socket.send_shut |= send;
        let peer = match socket.state {
            State::Connected { peer, .. } => peer,
            State::Idle
            | State::Connecting(_)
            | State::Listening { .. }
            | State::Datagram { .. } => None,
        };
        if let Some(peer) = peer {
            if send
                && let Ok(Socket {
                    state: State::Connected { ended, .. },
                    ..
                }) = self.get_mut(peer)
            {
                *ended = true;
            }
            self.notice(peer);
        }
        if recv {
            // Who waits for room waits in vain.
            self.made_room(id);
        }
        self.notice(id);
        Ok(())
    }

    // Readiness.

    /// What a socket is ready for.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn readiness(&self, id: LocalId) -> Result<Readiness, Errno> {
        let socket = self.get(id)?;
        let error = socket.error.is_some();
        let ready = match &socket.state {
            State::Idle => Readiness {
                write: error,
                ..Readiness::default()
            },
            State::Connecting(_) => Readiness::default(),
            State::Listening { queue, .. } => Readiness {
                read: !queue.is_empty(),
                ..Readiness::default()
            },
            State::Connected {
                peer,
                incoming,
                ended,
            } => {
                let over = *ended || peer.is_none() || socket.recv_shut;
                Readiness {
                    read: !incoming.is_empty() || over,
                    write: self.has_room(socket),
                    closed: incoming.is_empty() && over && (socket.send_shut || peer.is_none()),
                    ..Readiness::default()
                }
            }
            State::Datagram {
                queue, blocked_on, ..
            } => Readiness {
                read: !queue.is_empty() || socket.recv_shut,
                write: blocked_on.is_none(),
                ..Readiness::default()
            },
        };
        Ok(Readiness {
            read: ready.read || error,
            error,
            ..ready
        })
    }

    /// The next socket whose readiness may have changed; ask until `None`.
    pub fn poll_notice(&mut self) -> Option<LocalNotice> {
        loop {
            let id = self.notices.pop_front()?;
            let Ok(socket) = self.get_mut(id) else {
                continue; // closed since
            };
            socket.noticed = false;
            let owner = socket.owner;
            let Ok(readiness) = self.readiness(id) else {
                continue;
            };
            return Some(LocalNotice {
                id,
                owner,
                readiness,
            });
        }
    }

    /// Whether everything fits together: names are held by sockets that have them, connections have two ends, queues
    /// hold what is accounted for, and limits are kept.
    pub(crate) fn check(&self) -> Result<(), Inconsistency> {
        ensure!(
            self.len() <= self.limits.sockets,
            "{} local sockets, at most {}",
            self.len(),
            self.limits.sockets
        );
        for (kind, name, id) in self.names.iter() {
            let socket = self
                .get(id)
                .map_err(|_| Inconsistency(format!("{id:?} is gone and has the name {name:?}")))?;
            ensure!(
                kind.is_none_or(|kind| kind == socket.kind()),
                "{id:?} has a name of the other kind"
            );
        }
        for slot in &self.slots {
            let Some(socket) = &slot.socket else {
                continue;
            };
            match &socket.state {
                State::Datagram { queue, octets, .. } => {
                    let sum: usize = queue.iter().map(Message::charge).sum();
                    ensure!(sum == *octets, "{octets} octets said to wait, {sum} do");
                    ensure!(
                        queue.len() <= self.limits.datagrams.max(1),
                        "{} datagrams wait",
                        queue.len()
                    );
                }
                State::Connected {
                    peer: Some(peer), ..
                } => {
                    let back = self.get(*peer).map(|other| &other.state);
                    ensure!(
                        matches!(back, Ok(State::Connected { peer: Some(_), .. })),
                        "{peer:?} is not connected back"
                    );
                }
                State::Connecting(listener) => {
                    ensure!(
                        self.is_listening(*listener) == Ok(true),
                        "{listener:?} is waited for and does not listen"
                    );
                }
                State::Idle | State::Listening { .. } | State::Connected { .. } => {}
            }
        }
        Ok(())
    }

    pub(super) fn notice(&mut self, id: LocalId) {
        if let Ok(socket) = self.get_mut(id)
            && !socket.noticed
        {
            socket.noticed = true;
            self.notices.push_back(id);
        }
    }
}
