//! What all disciplines have in common.

use fairway_wire::Instant;

use super::fair::FairQueue;
use super::fifo::Fifo;
use super::priority::Priority;
use super::shaper::Shaper;
use crate::event;
use crate::pkt::PacketBuf;

/// Why a discipline did not take a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DropReason {
    /// The queue is full.
    QueueFull,
    /// The packet's flow has its share of the queue full.
    FlowFull,
    /// The packet's flow sends more than it reserved.
    Policed,
}

impl DropReason {
    /// The reason to tell.
    #[must_use]
    pub const fn told(self) -> event::DropReason {
        match self {
            Self::QueueFull => event::DropReason::QueueFull,
            Self::FlowFull => event::DropReason::QueueFlowFull,
            Self::Policed => event::DropReason::QueuePoliced,
        }
    }
}

/// A packet that was not taken, and why.
#[derive(Debug)]
pub struct Dropped(pub PacketBuf, pub DropReason);

/// What a discipline has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct QueueStats {
    /// Packets taken.
    pub enqueued: u64,
    /// Packets given out.
    pub dequeued: u64,
    /// Octets given out.
    pub dequeued_octets: u64,
    /// Packets not taken.
    pub dropped: u64,
}

impl QueueStats {
    pub(super) const fn count_in(&mut self, taken: bool) {
        if taken {
            self.enqueued += 1;
        } else {
            self.dropped += 1;
        }
    }

    pub(super) fn count_out(&mut self, packet: &PacketBuf) {
        self.dequeued += 1;
        self.dequeued_octets += length(packet);
    }
}

/// Octets of a packet as a number to calculate with.
pub(super) fn length(packet: &PacketBuf) -> u64 {
    u64::try_from(packet.len()).unwrap_or(u64::MAX)
}

/// A queueing discipline.
///
/// A new one is a [`Fifo`] of 1000 packets.
#[derive(Debug)]
#[non_exhaustive]
pub enum Qdisc {
    /// First come, first served.
    Fifo(Fifo),
    /// The most important first.
    Priority(Priority),
    /// No faster than a token bucket.
    Shaper(Box<Shaper>),
    /// Fair shares and reservations.
    Fair(Box<FairQueue>),
}

impl Default for Qdisc {
    fn default() -> Self {
        Self::Fifo(Fifo::default())
    }
}

impl From<Fifo> for Qdisc {
    fn from(fifo: Fifo) -> Self {
        Self::Fifo(fifo)
    }
}

impl From<Priority> for Qdisc {
    fn from(priority: Priority) -> Self {
        Self::Priority(priority)
    }
}

impl From<Shaper> for Qdisc {
    fn from(shaper: Shaper) -> Self {
        Self::Shaper(Box::new(shaper))
    }
}

impl From<FairQueue> for Qdisc {
    fn from(fair: FairQueue) -> Self {
        Self::Fair(Box::new(fair))
    }
}

/// The same call on whichever it is.
macro_rules! each {
    ($of:expr, $one:ident => $call:expr) => {
        match $of {
            Qdisc::Fifo($one) => $call,
            Qdisc::Priority($one) => $call,
            Qdisc::Shaper($one) => $call,
            Qdisc::Fair($one) => $call,
        }
    };
}

impl Qdisc {
    /// Takes a packet to be sent.
    ///
    /// # Errors
    /// [`Dropped`] with the packet where there is no room for it.
    #[inline]
    pub fn enqueue(&mut self, now: Instant, packet: PacketBuf) -> Result<(), Dropped> {
        each!(self, one => one.enqueue(now, packet))
    }

    /// The next packet to send, if there is one and its time has come.
    #[inline]
    pub fn dequeue(&mut self, now: Instant) -> Option<PacketBuf> {
        each!(self, one => one.dequeue(now))
    }

    /// When [`dequeue`](Self::dequeue) will have a packet: `now` or earlier if it has one already, `None` while it has
    /// none at all.
    #[inline]
    #[must_use]
    pub fn next_ready(&self, now: Instant) -> Option<Instant> {
        each!(self, one => one.next_ready(now))
    }

    /// How many packets wait.
    #[must_use]
    pub fn len(&self) -> usize {
        each!(self, one => one.len())
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many octets wait.
    #[must_use]
    pub fn octets(&self) -> u64 {
        each!(self, one => one.octets())
    }

    /// What it has counted.
    #[must_use]
    pub fn stats(&self) -> &QueueStats {
        each!(self, one => one.stats())
    }

    /// Throws away what waits; how many packets that was.
    pub fn clear(&mut self) -> usize {
        each!(self, one => one.clear())
    }

    /// The fair queue, if that is what it is: where reservations are made.
    pub fn as_fair_mut(&mut self) -> Option<&mut FairQueue> {
        match self {
            Self::Fair(fair) => Some(fair),
            Self::Fifo(_) | Self::Priority(_) | Self::Shaper(_) => None,
        }
    }
}
