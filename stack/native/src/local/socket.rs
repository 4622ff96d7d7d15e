//! A local socket and its states.

use std::collections::VecDeque;

use super::name::LocalName;
use super::table::LocalId;
use crate::Errno;
use crate::config::LocalConfig;
use crate::sock::Readiness;

/// What a local socket carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LocalKind {
    /// Octets in order, between two ends.
    Stream,
    /// Messages.
    Datagram,
}

/// Whose a socket is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// Effective user.
    pub uid: u32,
    /// Effective group.
    pub gid: u32,
    /// Process, where there is such a thing.
    pub pid: Option<i32>,
}

/// A socket whose readiness may have changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalNotice {
    /// Which socket.
    pub id: LocalId,
    /// Its owner's mark.
    pub owner: Option<u64>,
    /// What it is ready for now.
    pub readiness: Readiness,
}

/// A datagram that waits to be received.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) octets: Box<[u8]>,
    pub(super) from: LocalName,
    pub(super) credentials: Credentials,
}

impl Message {
    /// What it is charged of its receiver's buffer: what it takes of memory.
    pub(super) fn charge(&self) -> usize {
        charge(self.octets.len(), &self.from)
    }
}

/// What a datagram of that length and sender is charged of its receiver's buffer.
pub(super) fn charge(len: usize, from: &LocalName) -> usize {
    let name = match from {
        LocalName::Unnamed => 0,
        LocalName::Path(name) | LocalName::Abstract(name) => name.len(),
    };
    len + name + size_of::<Message>()
}

/// What a socket does.
#[derive(Debug)]
pub(super) enum State {
    /// A stream that has neither connected nor listened.
    Idle,
    /// A stream that accepts connections.
    Listening {
        backlog: usize,
        /// The other ends of connections that were made and wait to be accepted.
        queue: VecDeque<LocalId>,
        /// Sockets that wait for room in the queue.
        waiting: VecDeque<LocalId>,
    },
    /// A stream that waits for room in a listener's queue.
    Connecting(LocalId),
    /// A stream with, or after, a connection.
    Connected {
        /// `None` when it was closed.
        peer: Option<LocalId>,
        incoming: VecDeque<u8>,
        /// The peer will send no more.
        ended: bool,
    },
    /// A datagram socket.
    Datagram {
        peer: Option<LocalId>,
        queue: VecDeque<Message>,
        /// What the messages in the queue are charged.
        octets: usize,
        /// Sockets that wait for room in the queue.
        waiting: Vec<LocalId>,
        /// The socket in whose queue there was no room for what was to be sent.
        blocked_on: Option<LocalId>,
    },
}

#[derive(Debug)]
pub(super) struct Socket {
    pub(super) owner: Option<u64>,
    /// It is in the list of notices.
    pub(super) noticed: bool,
    pub(super) name: LocalName,
    pub(super) peer_name: LocalName,
    pub(super) credentials: Credentials,
    pub(super) peer_credentials: Option<Credentials>,
    pub(super) error: Option<Errno>,
    /// The program wants no more.
    pub(super) recv_shut: bool,
    /// The program sends no more.
    pub(super) send_shut: bool,
    pub(super) recv_buffer: usize,
    pub(super) send_buffer: usize,
    pub(super) pass_credentials: bool,
    pub(super) state: State,
}

fn octets(configured: u32) -> usize {
    usize::try_from(configured).unwrap_or(usize::MAX)
}

impl Socket {
    pub(super) fn new(kind: LocalKind, config: &LocalConfig, credentials: Credentials) -> Self {
        let (recv_buffer, send_buffer, state) = match kind {
            LocalKind::Stream => (config.stream_recv, config.stream_send, State::Idle),
            LocalKind::Datagram => (
                config.datagram_recv,
                config.datagram_send,
                State::Datagram {
                    peer: None,
                    queue: VecDeque::new(),
                    octets: 0,
                    waiting: Vec::new(),
                    blocked_on: None,
                },
            ),
        };
        Self {
            owner: None,
            noticed: false,
            name: LocalName::Unnamed,
            peer_name: LocalName::Unnamed,
            credentials,
            peer_credentials: None,
            error: None,
            recv_shut: false,
            send_shut: false,
            recv_buffer: octets(recv_buffer),
            send_buffer: octets(send_buffer),
            pass_credentials: false,
            state,
        }
    }

    pub(super) const fn kind(&self) -> LocalKind {
        match self.state {
            State::Datagram { .. } => LocalKind::Datagram,
            State::Idle
            | State::Listening { .. }
            | State::Connecting(_)
            | State::Connected { .. } => LocalKind::Stream,
        }
    }

    pub(super) fn connected(peer: LocalId) -> State {
        State::Connected {
            peer: Some(peer),
            incoming: VecDeque::new(),
            ended: false,
        }
    }
}
