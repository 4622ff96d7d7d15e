//! Lines: channels with ends, and the frames under way on them.

use crate::capture::Capture;
use crate::channel::{Channel, Delivery};
use crate::pcap::Direction;
use fairway_native::iface::InterfaceId;
use fairway_stack::Instant;
use std::collections::VecDeque;
use std::sync::Arc;

/// One direction of a link, between its ends.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) name: Arc<str>,
    pub(crate) channel: Channel,
    pub(crate) from: End,
    pub(crate) to: End,
    pub(crate) taps: Vec<Tap>,
    /// Whether the queue has it take the next frame when it is free.
    pub(crate) waits: bool,
    /// When the queue lets a frame go that waits to be overtaken.
    pub(crate) release: Option<Instant>,
    /// The frames under way that none overtakes, by time of arrival.
    flight: VecDeque<Delivery>,
}

/// How an arrival gets into the queue.
#[derive(Debug)]
pub(crate) enum Planned {
    /// As the first of its line at that time.
    First(Instant),
    /// With the one before.
    Along,
    /// By itself: it is overtaken, or goes back.
    Alone(Delivery),
}

impl Line {
    /// A line on which nothing is.
    pub(crate) fn new(name: Arc<str>, channel: Channel, from: End, to: End) -> Self {
        Self {
            name,
            channel,
            from,
            to,
            taps: Vec::new(),
            waits: false,
            release: None,
            flight: VecDeque::new(),
        }
    }

    /// Takes a frame under way. A burst that arrives in one nanosecond is one event.
    pub(crate) fn carry(&mut self, delivery: Delivery) -> Planned {
        let at = delivery.at;
        let last = self.flight.back().map(|last| last.at);
        if delivery.back || last.is_some_and(|last| at < last) {
            return Planned::Alone(delivery);
        }
        self.flight.push_back(delivery);
        if last == Some(at) {
            Planned::Along
        } else {
            Planned::First(at)
        }
    }

    /// The next frame that has arrived by `now`.
    pub(crate) fn arrived(&mut self, now: Instant) -> Option<Delivery> {
        self.flight.pop_front_if(|first| first.at <= now)
    }

    /// Whether another has.
    pub(crate) fn has_arrived(&self, now: Instant) -> bool {
        self.flight.front().is_some_and(|first| first.at <= now)
    }
}

/// The number of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LineId(pub(crate) usize);

/// Where a line begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// At an interface of a host.
    Interface(usize, InterfaceId),
    /// At a port of a switch.
    Switch(usize, usize),
}

/// A capture that records what is put on a line.
#[derive(Debug)]
pub(crate) struct Tap {
    pub(crate) capture: Capture,
    pub(crate) interface: u32,
    pub(crate) direction: Direction,
}
