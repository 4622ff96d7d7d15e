//! What a [`ConnId`] names: a socket that is idle, listens, or has a connection.

use std::collections::VecDeque;
use std::net::SocketAddrV4;

use fairway_wire::Instant;

use super::options::SocketOptions;
use super::ports::Reuse;
use super::table::ConnId;
use super::tcb::Tcb;
use super::types::{IpChoices, Readiness};
use crate::errno::Errno;

/// One endpoint.
#[derive(Debug)]
pub(crate) enum Endpoint {
    Idle(Box<Idle>),
    Listener(Box<Listener>),
    Connection(Box<Tcb>),
}

/// What every endpoint has.
#[derive(Debug)]
pub(crate) struct Common {
    /// The owner's name for it.
    pub(crate) owner: Option<u64>,
    pub(crate) choices: Option<Box<IpChoices>>,
    pub(crate) binding: Binding,
}

/// How an endpoint holds its local name.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Binding {
    #[default]
    None,
    /// By `bind`, with the options of that moment.
    Bound(SocketAddrV4, Reuse),
    /// Accepted from a listener that has it; whether it may be bound again.
    Held(SocketAddrV4, bool),
    /// Chosen by `connect`.
    Chosen(SocketAddrV4),
}

impl Binding {
    pub(crate) const fn name(self) -> Option<SocketAddrV4> {
        match self {
            Self::None => None,
            Self::Bound(name, _) | Self::Held(name, _) | Self::Chosen(name) => Some(name),
        }
    }

    /// Whether others with the option may bind the name while something is left of it.
    pub(crate) const fn is_reusable(self) -> bool {
        match self {
            Self::None | Self::Chosen(_) => true,
            Self::Bound(_, reuse) => reuse.addr || reuse.port,
            Self::Held(_, reusable) => reusable,
        }
    }
}

/// A socket that does nothing yet, or whose connection attempt has failed.
#[derive(Debug)]
pub(crate) struct Idle {
    pub(crate) common: Common,
    pub(crate) options: SocketOptions,
    pub(crate) error: Option<Errno>,
}

/// A socket that listens.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) common: Common,
    pub(crate) options: SocketOptions,
    pub(crate) name: SocketAddrV4,
    /// How many connections may wait to be accepted (LSN-2).
    pub(crate) backlog: usize,
    /// Those that do.
    pub(crate) queue: VecDeque<ConnId>,
    /// Handshakes in the SYN cache.
    pub(crate) handshakes: usize,
    /// When cookies were last sent.
    pub(crate) cookies_at: Option<Instant>,
    pub(crate) news: Readiness,
    pub(crate) noticed: bool,
}

impl Listener {
    /// The queue is full once it is longer than the backlog, so that even a backlog of zero lets one in.
    pub(crate) fn is_full(&self) -> bool {
        self.queue.len() > self.backlog
    }
}

impl Endpoint {
    pub(crate) const fn common(&self) -> &Common {
        match self {
            Self::Idle(idle) => &idle.common,
            Self::Listener(listener) => &listener.common,
            Self::Connection(tcb) => &tcb.common,
        }
    }

    pub(crate) const fn common_mut(&mut self) -> &mut Common {
        match self {
            Self::Idle(idle) => &mut idle.common,
            Self::Listener(listener) => &mut listener.common,
            Self::Connection(tcb) => &mut tcb.common,
        }
    }

    pub(crate) const fn options(&self) -> &SocketOptions {
        match self {
            Self::Idle(idle) => &idle.options,
            Self::Listener(listener) => &listener.options,
            Self::Connection(tcb) => &tcb.options,
        }
    }

    pub(crate) const fn options_mut(&mut self) -> &mut SocketOptions {
        match self {
            Self::Idle(idle) => &mut idle.options,
            Self::Listener(listener) => &mut listener.options,
            Self::Connection(tcb) => &mut tcb.options,
        }
    }

    /// Whether a program holds it.
    pub(crate) const fn is_held(&self) -> bool {
        match self {
            Self::Idle(_) | Self::Listener(_) => true,
            Self::Connection(tcb) => !tcb.is.orphan && !tcb.is.unaccepted,
        }
    }
}
