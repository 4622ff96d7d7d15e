//! What is known of one neighbour.

use std::net::IpAddr;

use fairway_wire::Instant;

use super::hello::HelloMachine;
use crate::interface::IfIndex;
use crate::wire::{Epoch, Id, MessageType};

/// A neighbour: the interface it is at, and its address there.
pub(super) type PeerKey = (IfIndex, IpAddr);

/// A neighbour.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// Which of all that were ever made here: what is kept by the key of one that is gone is not of the next.
    pub(super) made: u64,
    /// Its last message had the flag of RFC 2961 §2.
    flagged: bool,
    /// What last came from it this way crossed a hop that does not speak RSVP: then a change of the neighbour would go
    /// unnoticed (RFC 2961 §3.3). One who is downstream only sends no Path, and the two ways may differ.
    far_with_data: bool,
    far_to_us: bool,
    /// Its last message came in UDP.
    pub(super) udp: bool,
    pub(super) last_heard: Instant,
    /// Its epoch, and the largest identifier of it.
    largest: Option<(Epoch, Id)>,
    pub(super) hello: HelloMachine,
    /// A Hello of it came.
    pub(super) says_hello: bool,
    /// States named to it.
    pub(super) named: usize,
    /// Messages it has not acknowledged.
    pub(super) waiting: usize,
}

/// What a message tells about its sender beside what it says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heard {
    /// The flag of RFC 2961 §2.
    pub(super) flagged: bool,
    /// Which way it went.
    pub(super) way: Way,
    /// Whether it crossed a hop that does not speak RSVP.
    pub(super) far: bool,
    pub(super) udp: bool,
}

/// Which way a message goes from one neighbour to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// That of the data: Path and PathTear.
    WithData,
    /// To the neighbour's own address.
    ToUs,
}

impl Way {
    pub(super) const fn of(message_type: MessageType) -> Self {
        match message_type {
            MessageType::PATH | MessageType::PATH_TEAR => Self::WithData,
            _ => Self::ToUs,
        }
    }
}

impl Peer {
    pub(super) const fn new(now: Instant, made: u64) -> Self {
        Self {
            made,
            flagged: false,
            far_with_data: false,
            far_to_us: false,
            udp: false,
            last_heard: now,
            largest: None,
            hello: HelloMachine::new(),
            says_hello: false,
            named: 0,
            waiting: 0,
        }
    }

    /// Whether Bundles, identifiers and summaries may be sent to it.
    pub(super) const fn is_capable(&self) -> bool {
        self.flagged && !self.far_with_data && !self.far_to_us
    }

    /// Whether something of this node waits for it or is known to it.
    pub(super) const fn is_in_use(&self) -> bool {
        self.named != 0 || self.waiting != 0
    }

    /// Takes note of a message; whether by it the neighbour has ceased to be capable.
    pub(super) fn hear(&mut self, now: Instant, heard: Heard) -> bool {
        let before = self.is_capable();
        self.last_heard = now;
        self.flagged = heard.flagged;
        match heard.way {
            Way::WithData => self.far_with_data = heard.far,
            Way::ToUs => self.far_to_us = heard.far,
        }
        self.udp = heard.udp;
        before && !self.is_capable()
    }

    /// RFC 2961 §4.4: whether the identifier is less than the largest of its epoch. Keeps the largest.
    pub(super) const fn is_late(&mut self, epoch: Epoch, id: Id) -> bool {
        match self.largest {
            Some((known, largest)) if known.number() == epoch.number() => {
                let late = id.is_older(largest);
                if largest.is_older(id) {
                    self.largest = Some((epoch, id));
                }
                late
            }
            // Another epoch: it has restarted, and what it says is new.
            _ => {
                self.largest = Some((epoch, id));
                false
            }
        }
    }
}
