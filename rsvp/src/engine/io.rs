//! What goes into the engine at its making, and what comes out.

use std::net::IpAddr;

use fairway_wire::Instant;

use crate::api::{ApiId, Event};
use crate::interface::IfIndex;
use crate::neighbour::Transmit;
use crate::wire::{MessageType, Session};

/// What an engine is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where its randomness starts: jitter, epochs, message identifiers, cookies.
    pub seed: u64,
    /// Seconds since 1970 at `Instant` zero. Sequence numbers of signatures and the life of keys are made of it.
    pub wall_seconds: u64,
    /// Messages of others are passed on: it is a router. A host takes only what is for it.
    pub forwards: bool,
    /// [`Output::Log`] is wanted.
    pub logs: bool,
    /// Bounds.
    pub limits: Limits,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            seed: 0,
            wall_seconds: 0,
            forwards: true,
            logs: false,
            limits: Limits::default(),
        }
    }
}

/// Bounds on what others can make the engine remember. What exceeds one is dropped and counted in [`Counters`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Sessions. Default 250 000.
    pub sessions: usize,
    /// Senders of one session. Default 800: a Resv for all of them, of any style, fits one message.
    pub senders: usize,
    /// Reservations of one session, of all next hops together, each filter of style SE counted. Default 4096.
    pub reservations: usize,
    /// Filters of one reservation of style SE. Default 800.
    pub filters: usize,
    /// Path state of all sessions together. Default 500 000.
    pub senders_in_all: usize,
    /// Reservation state of all sessions together. Default 500 000.
    pub reservations_in_all: usize,
    /// Applications that take part in one session. Default 256.
    pub applications: usize,
    /// Blockades of one session. Default 800.
    pub blockades: usize,
    /// Neighbours. Default 16 384.
    pub neighbours: usize,
    /// Messages that wait for an acknowledgement. Default 65 536.
    pub unacknowledged: usize,
    /// Octets of Tspec, Adspec, POLICY_DATA and unknown objects kept with one piece of state, and those of a SCOPE behind
    /// as many addresses as there may be `senders`. Default 4096.
    pub carried_octets: usize,
    /// What decoding keeps of one message.
    pub message: crate::msg::Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            sessions: 250_000,
            senders: 800,
            reservations: 4096,
            filters: 800,
            senders_in_all: 500_000,
            reservations_in_all: 500_000,
            applications: 256,
            blockades: 800,
            neighbours: 16_384,
            unacknowledged: 65_536,
            carried_octets: 4096,
            message: crate::msg::Limits::default(),
        }
    }
}

/// What the engine wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send a datagram.
    Transmit(Transmit),
    /// Tell an application.
    Event {
        /// Which session of which application.
        to: ApiId,
        /// What.
        event: Event,
    },
    /// A line for whoever watches.
    Log(LogEntry),
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// It came.
    In,
    /// It went.
    Out,
}

/// A message as it came or went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When.
    pub at: Instant,
    /// Which way.
    pub direction: Direction,
    /// By which interface.
    pub interface: IfIndex,
    /// From or to whom.
    pub peer: IpAddr,
    /// Its type.
    pub message_type: MessageType,
    /// What it is about; `None` for what passes between neighbours only.
    pub session: Option<Session>,
    /// The rest in words, one line.
    pub summary: String,
}

/// What the engine has counted since it was made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Messages that came, by type.
    pub received: std::collections::BTreeMap<MessageType, u64>,
    /// Messages that went, by type.
    pub sent: std::collections::BTreeMap<MessageType, u64>,
    /// Messages dropped, by reason: names of [`Fault`](crate::Fault)s and of what only the engine can see.
    pub dropped: std::collections::BTreeMap<&'static str, u64>,
    /// Messages dropped, by the interface they came in by, their type and the reason, as in `dropped`. A refusal by traffic
    /// control or with an answer is none.
    pub dropped_at: std::collections::BTreeMap<(IfIndex, MessageType, &'static str), u64>,
    /// Refreshes by summary that came (RFC 2961 §5), a state each.
    pub summary_refreshes: u64,
    /// State that ended for want of refreshes.
    pub expired: u64,
}
