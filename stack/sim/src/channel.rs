//! One direction of a link: what becomes of the frames that are put on it, and when they arrive.
//!
//! ```text
//!  frame ─► down? too long? ─► queue ─► transmitter ─► faults ─► delay ─► arrival
//!              │                │ full     rate          │        jitter
//!              ▼                ▼                        ▼
//!                    dropped, counted by reason
//! ```
//!
//! The queue is not a list of frames. First come, first served at a known rate, it is known at once when a frame will
//! have been sent, so that a frame costs one event, its arrival.

use crate::impair::{Fault, Verdict};
use crate::{BitsPerSec, Frame, Framing, frame};
use fairway_native::PacketBuf;
use fairway_native::rng::Rng;
use fairway_stack::Instant;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

/// The nature of one direction of a link, apart from its faults.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ChannelConfig {
    /// What frames begin with.
    pub framing: Framing,
    /// How fast the transmitter is; `None` sends in no time.
    pub rate: Option<BitsPerSec>,
    /// From the last bit sent to the last bit received.
    pub delay: Duration,
    /// Up to that much longer, evenly distributed; frames do not overtake each other by it.
    pub jitter: Duration,
    /// What happens to a frame while another is sent.
    pub queue: Queue,
    /// The longest IP packet that passes, in octets, if that is less than what the interfaces believe.
    pub narrow: Option<Narrow>,
}

/// Where frames wait for the transmitter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Queue {
    /// In the interface: the link takes a frame when its transmitter is free, and the interface's queueing discipline
    /// decides which one.
    #[default]
    None,
    /// Here, first come, first served; who finds it full is dropped.
    DropTail {
        /// Most frames, beside the one that is being sent.
        frames: usize,
        /// Most octets of them.
        octets: usize,
    },
}

impl Queue {
    /// Room for so many frames of any length.
    #[must_use]
    pub const fn frames(frames: usize) -> Self {
        Self::DropTail {
            frames,
            octets: usize::MAX,
        }
    }

    /// Room for so many octets.
    #[must_use]
    pub const fn octets(octets: usize) -> Self {
        Self::DropTail {
            frames: usize::MAX,
            octets,
        }
    }
}

/// A place on the way that is too narrow for long packets, which the interfaces do not know of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Narrow {
    /// The longest IP packet that passes, in octets.
    pub mtu: u16,
    /// Who reports packets that do not (RFC 1191 §4); with nobody it is a black hole.
    pub reported_by: Option<std::net::Ipv4Addr>,
}

/// What happened to the frames of one direction of a link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ChannelCounters {
    /// Put on the link.
    pub frames: u64,
    /// Their octets, with the link's own headers.
    pub octets: u64,
    /// Arrivals planned: without what is still under way when the link goes down.
    pub delivered: u64,
    /// Dropped because the link was down, on the way or before it.
    pub down: u64,
    /// Frames between hosts that are [separated](crate::Network::partition): they never were on the line, and are not
    /// among the others.
    pub cut: u64,
    /// Dropped because the queue was full.
    pub queue_full: u64,
    /// Dropped as too long, with and without a report.
    pub too_long: u64,
    /// Lost to a fault.
    pub lost: u64,
    /// Arrived with bits turned.
    pub corrupted: u64,
    /// Arrived a second time.
    pub duplicated: u64,
    /// Overtaken by others.
    pub delayed: u64,
    /// Changed places with the next one.
    pub swapped: u64,
}

/// What became of one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fate {
    /// Why it does not arrive.
    pub dropped: Option<DropReason>,
    /// How many of its bits were turned.
    pub corrupted: u32,
    /// How often it arrives beside the first time.
    pub copies: u32,
    /// How much later than others.
    pub delayed: Duration,
    /// Whether it waits for the next one to go first.
    pub swapped: bool,
}

/// Why a frame does not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// The hosts are [separated](crate::Network::partition).
    Cut,
    /// The link was down.
    Down,
    /// The queue was full, or there is none and the transmitter was not free.
    QueueFull,
    /// It was longer than what passes.
    TooLong,
    /// The fault of that name took it.
    Lost(&'static str),
}

impl Fate {
    /// Whether anything happened to it.
    #[must_use]
    pub fn is_remarkable(&self) -> bool {
        *self != Self::default()
    }
}

/// `lost by link: burst loss`, `corrupted (3 bits), 5ms late`; nothing for an ordinary frame.
impl fmt::Display for Fate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        let mut say = |what: fmt::Arguments<'_>| {
            let result = write!(f, "{separator}{what}");
            separator = ", ";
            result
        };
        if let Some(reason) = self.dropped {
            say(format_args!("lost by link: {reason}"))?;
        }
        if self.corrupted > 0 {
            say(format_args!("corrupted ({} bits)", self.corrupted))?;
        }
        if self.copies > 0 {
            say(format_args!("duplicated"))?;
        }
        if self.delayed > Duration::ZERO {
            say(format_args!("{:?} late", self.delayed))?;
        }
        if self.swapped {
            say(format_args!("swapped with the next"))?;
        }
        Ok(())
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cut => "partition",
            Self::Down => "link down",
            Self::QueueFull => "queue full",
            Self::TooLong => "too long",
            Self::Lost(fault) => fault,
        })
    }
}

/// A frame that arrives.
#[derive(Debug)]
pub struct Delivery {
    /// When.
    pub at: Instant,
    /// The frame.
    pub frame: PacketBuf,
    /// Where: at the far end, or, for a report of a narrow place, where the frame came from.
    pub back: bool,
    /// The link's state when it was sent; it is lost on the way unless [`Channel::is_carrying`] it.
    pub carriage: Carriage,
}

/// Names the time from the link's going up to its going down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Carriage(u64);

/// One direction of a link.
pub struct Channel {
    config: ChannelConfig,
    faults: Vec<(Box<dyn Fault>, Rng)>,
    /// Seeds the faults and is the randomness of the rest.
    rng: Rng,
    /// When the transmitter has sent all it was given.
    free_at: Instant,
    /// Parts of a nanosecond of `free_at`: see [`BitsPerSec::time_for`].
    remainder: u64,
    /// The frames that wait: when the transmitter takes each up, and its octets.
    waiting: VecDeque<(Instant, usize)>,
    waiting_octets: usize,
    /// No ordinary frame arrives before the one in front of it.
    last_arrival: Instant,
    /// The frame that waits for the next to go first, and until when.
    held: Option<(Delivery, Instant)>,
    is_up: bool,
    carriage: u64,
    counters: ChannelCounters,
}

impl Channel {
    /// A link that is up; `seed` decides all that is random about it.
    #[must_use]
    pub fn new(config: ChannelConfig, seed: [u8; 32]) -> Self {
        Self {
            config,
            faults: Vec::new(),
            rng: Rng::from_seed(seed),
            free_at: Instant::ZERO,
            remainder: 0,
            waiting: VecDeque::new(),
            waiting_octets: 0,
            last_arrival: Instant::ZERO,
            held: None,
            is_up: true,
            carriage: 0,
            counters: ChannelCounters::default(),
        }
    }

    /// Its nature.
    #[must_use]
    pub const fn config(&self) -> &ChannelConfig {
        &self.config
    }

    /// Its nature, to change: frames already put on the link keep the old one's times.
    pub const fn config_mut(&mut self) -> &mut ChannelConfig {
        &mut self.config
    }

    /// Adds a fault behind those it has.
    pub fn add_fault(&mut self, fault: Box<dyn Fault>) {
        let rng = Rng::from_seed(self.rng.seed());
        self.faults.push((fault, rng));
    }

    /// Takes all faults away.
    pub fn clear_faults(&mut self) {
        self.faults.clear();
    }

    /// What happened so far.
    #[must_use]
    pub const fn counters(&self) -> &ChannelCounters {
        &self.counters
    }

    /// Whether it carries anything.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.is_up
    }

    /// Takes it down, with all that is under way, or up.
    pub fn set_up(&mut self, now: Instant, up: bool) {
        if self.is_up == up {
            return;
        }
        self.is_up = up;
        if !up {
            self.carriage += 1;
            self.counters.down += u64::from(self.held.take().is_some());
            if self.config.queue != Queue::None {
                // What waited on the link itself goes with it.
                self.waiting.clear();
                self.waiting_octets = 0;
                self.free_at = now;
                self.remainder = 0;
            }
            self.last_arrival = now;
        }
    }

    /// Whether a frame sent then is still under way, and arrives when its time has come; if not, it is counted.
    #[must_use]
    pub const fn is_carrying(&mut self, carriage: Carriage) -> bool {
        let carrying = self.carriage == carriage.0;
        if !carrying {
            self.counters.down += 1;
            self.counters.delivered -= 1;
        }
        carrying
    }

    /// When it takes the next frame: in the past if it does so now. With a queue of its own it always does.
    #[must_use]
    pub fn ready_at(&self) -> Instant {
        match self.config.queue {
            Queue::None => self.free_at,
            Queue::DropTail { .. } => Instant::ZERO,
        }
    }

    /// A frame between hosts that are separated.
    pub const fn cut(&mut self) -> Fate {
        self.counters.cut += 1;
        Fate {
            dropped: Some(DropReason::Cut),
            corrupted: 0,
            copies: 0,
            delayed: Duration::ZERO,
            swapped: false,
        }
    }

    /// Puts a frame on the link; its arrivals, one, none or several, go to `deliveries`.
    pub fn transmit(
        &mut self,
        now: Instant,
        mut frame: PacketBuf,
        deliveries: &mut Vec<Delivery>,
    ) -> Fate {
        let length = frame.len();
        self.counters.frames += 1;
        self.counters.octets += u64::try_from(length).unwrap_or(u64::MAX);
        if let Some(narrow) = self.config.narrow
            && length > usize::from(narrow.mtu) + self.config.framing.header_len()
        {
            self.counters.too_long += 1;
            self.report(now, narrow, &frame, deliveries);
            return Fate::dropped(DropReason::TooLong);
        }
        let Some(sent) = self.send(now, length) else {
            self.counters.queue_full += 1;
            return Fate::dropped(DropReason::QueueFull);
        };
        if !self.is_up {
            // Who sends does not notice, and takes the time it takes.
            self.counters.down += 1;
            return Fate::dropped(DropReason::Down);
        }
        let (fate, hold) = self.judge(&frame);
        if fate.dropped.is_some() {
            self.counters.lost += 1;
            return fate;
        }
        let arrival = self.arrival(sent, fate.delayed);
        if fate.corrupted > 0 {
            self.corrupt(&mut frame, fate.corrupted);
        }
        for _ in 0..fate.copies {
            self.deliver(arrival, frame.clone(), deliveries);
        }
        if let Some(wait) = hold
            && self.held.is_none()
        {
            self.counters.swapped += 1;
            let delivery = self.delivery(arrival, frame);
            self.held = Some((delivery, arrival + wait));
        } else {
            self.deliver(arrival, frame, deliveries);
            if let Some((mut held, _)) = self.held.take() {
                held.at = arrival;
                self.counters.delivered += 1;
                deliveries.push(held);
            }
        }
        fate
    }

    /// When a frame that waits for another to overtake it goes on without.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.held.as_ref().map(|&(_, until)| until)
    }

    /// Lets the frame go that has waited long enough for another to overtake it.
    pub fn handle_timeout(&mut self, now: Instant, deliveries: &mut Vec<Delivery>) {
        if let Some((mut held, until)) = self.held.take_if(|&mut (_, until)| until <= now) {
            held.at = until;
            self.counters.delivered += 1;
            deliveries.push(held);
        }
    }

    /// Gives a frame to the transmitter, or to the queue; says when its last bit has been sent, unless the queue is full.
    fn send(&mut self, now: Instant, length: usize) -> Option<Instant> {
        let Some(rate) = self.config.rate else {
            return Some(now);
        };
        if self.free_at <= now {
            self.free_at = now;
            self.remainder = 0;
            self.waiting.clear();
            self.waiting_octets = 0;
        } else {
            while let Some(&(_, octets)) = self.waiting.front().filter(|&&(start, _)| start <= now)
            {
                self.waiting.pop_front();
                self.waiting_octets -= octets;
            }
            let (most, most_octets) = match self.config.queue {
                Queue::None => (0, 0),
                Queue::DropTail { frames, octets } => (frames, octets),
            };
            if self.waiting.len() >= most
                || self.waiting_octets.saturating_add(length) > most_octets
            {
                return None;
            }
            self.waiting.push_back((self.free_at, length));
            self.waiting_octets += length;
        }
        let (span, remainder) = rate.time_for(length, self.remainder);
        self.remainder = remainder;
        self.free_at += span;
        Some(self.free_at)
    }

    /// What the faults make of a frame, and how long it waits for the next to overtake it.
    fn judge(&mut self, frame: &PacketBuf) -> (Fate, Option<Duration>) {
        let mut fate = Fate::default();
        let mut hold = None;
        if self.faults.is_empty() {
            return (fate, hold);
        }
        let view = Frame::new(self.config.framing, frame.as_slice());
        for (fault, rng) in &mut self.faults {
            match fault.judge(&view, rng) {
                Verdict::Pass => {}
                Verdict::Drop => return (Fate::dropped(DropReason::Lost(fault.name())), None),
                Verdict::Duplicate => fate.copies += 1,
                Verdict::Delay(span) => fate.delayed += span,
                Verdict::Swap(wait) => {
                    fate.swapped = true;
                    hold = Some(wait);
                }
                Verdict::Corrupt(bits) => fate.corrupted += bits,
            }
        }
        self.counters.corrupted += u64::from(fate.corrupted > 0);
        self.counters.duplicated += u64::from(fate.copies);
        self.counters.delayed += u64::from(fate.delayed > Duration::ZERO);
        (fate, hold)
    }

    /// When a frame whose last bit was sent then arrives.
    fn arrival(&mut self, sent: Instant, extra: Duration) -> Instant {
        let mut at = sent + self.config.delay;
        if self.config.jitter > Duration::ZERO {
            let most = u64::try_from(self.config.jitter.as_nanos()).unwrap_or(u64::MAX);
            at += Duration::from_nanos(self.rng.below(most.saturating_add(1)));
        }
        // A link that became faster, or whose jitter is less this time, does not let frames overtake each other.
        at = at.max(self.last_arrival);
        if extra > Duration::ZERO {
            return at + extra;
        }
        self.last_arrival = at;
        at
    }

    fn delivery(&self, at: Instant, frame: PacketBuf) -> Delivery {
        Delivery {
            at,
            frame,
            back: false,
            carriage: Carriage(self.carriage),
        }
    }

    fn deliver(&mut self, at: Instant, frame: PacketBuf, deliveries: &mut Vec<Delivery>) {
        self.counters.delivered += 1;
        deliveries.push(self.delivery(at, frame));
    }

    /// Turns bits behind the link's own header, whose damage the link itself would notice; the checksums are those of
    /// the frame as it was.
    fn corrupt(&mut self, frame: &mut PacketBuf, bits: u32) {
        let framing = self.config.framing;
        frame::fill_checksum(framing, frame);
        let Some(octets) = frame.as_mut_slice().get_mut(framing.header_len()..) else {
            return;
        };
        for _ in 0..bits {
            let bit = self
                .rng
                .below(u64::try_from(octets.len()).unwrap_or(0).saturating_mul(8));
            if let Some(octet) = usize::try_from(bit / 8)
                .ok()
                .and_then(|octet| octets.get_mut(octet))
            {
                *octet ^= 1 << (bit % 8);
            }
        }
    }

    /// Reports a packet that was too long to its sender, as the router at the narrow place would.
    fn report(
        &mut self,
        now: Instant,
        narrow: Narrow,
        frame: &PacketBuf,
        deliveries: &mut Vec<Delivery>,
    ) {
        let Some(router) = narrow.reported_by else {
            return;
        };
        let report = frame::fragmentation_needed(self.config.framing, frame, router, narrow.mtu);
        if let Some(report) = report {
            let mut delivery = self.delivery(now + self.config.delay, report);
            delivery.back = true;
            self.counters.delivered += 1;
            deliveries.push(delivery);
        }
    }
}

impl Fate {
    fn dropped(reason: DropReason) -> Self {
        Self {
            dropped: Some(reason),
            ..Self::default()
        }
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let faults: Vec<&str> = self.faults.iter().map(|(fault, _)| fault.name()).collect();
        f.debug_struct("Channel")
            .field("config", &self.config)
            .field("faults", &faults)
            .field("is_up", &self.is_up)
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
