//! One direction of a link: while it is made, and while the network runs.

use crate::channel::{Channel, ChannelConfig, ChannelCounters, Narrow, Queue};
use crate::impair::{
    Burst, Corrupt, Delayed, Duplicated, Fault, Lost, Nth, Swapped, Verdict, When,
};
use crate::line::LineId;
use crate::map::Map;
use crate::{BitsPerSec, Frame, Framing};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// One direction of a link or of a station's cable, while the network runs.
#[derive(Clone, Debug)]
pub struct LinkDirection {
    pub(crate) map: Arc<Map>,
    pub(crate) line: LineId,
}

impl LinkDirection {
    /// Changes its nature: frames already put on it keep their times.
    pub fn set(&self, change: impl FnOnce(&mut ChannelConfig)) {
        self.with(|channel| change(channel.config_mut()));
    }

    /// Adds a fault behind those it has.
    pub fn add_fault(&self, fault: impl Fault + 'static) {
        self.with(|channel| channel.add_fault(Box::new(fault)));
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.with(Channel::clear_faults);
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> ChannelCounters {
        self.with(|channel| *channel.counters()).unwrap_or_default()
    }

    fn with<T>(&self, f: impl FnOnce(&mut Channel) -> T) -> Option<T> {
        let mut state = self.map.world.lock();
        state.line_mut(self.line).map(|line| f(&mut line.channel))
    }
}

/// One direction that is being made: nature and faults.
#[derive(Default)]
#[must_use]
pub struct DirectionBuilder {
    pub(crate) config: ChannelConfig,
    pub(crate) faults: Vec<Box<dyn Fault>>,
}

impl DirectionBuilder {
    /// How fast it sends; without it, in no time.
    pub const fn rate(mut self, rate: BitsPerSec) -> Self {
        self.config.rate = Some(rate);
        self
    }

    /// How long a frame is under way when it has been sent.
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.config.delay = delay;
        self
    }

    /// Up to that much longer, evenly distributed, without overtaking.
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.config.jitter = jitter;
        self
    }

    /// Where frames wait for the transmitter; without it, in the sender's interface.
    pub const fn queue(mut self, queue: Queue) -> Self {
        self.config.queue = queue;
        self
    }

    /// A place on the way that long packets do not pass, unknown to the interfaces.
    pub const fn narrow(mut self, narrow: Narrow) -> Self {
        self.config.narrow = Some(narrow);
        self
    }

    /// A fault, behind those added before.
    pub fn fault(mut self, fault: impl Fault + 'static) -> Self {
        self.faults.push(Box::new(fault));
        self
    }

    /// Loses frames with that probability, 0 to 1.
    ///
    /// # Panics
    /// When it is not from 0 to 1.
    pub fn loss(self, probability: f64) -> Self {
        self.fault(Lost(probability.into()))
    }

    /// Loses frames in bursts that begin and end with these probabilities per frame.
    ///
    /// # Panics
    /// When one is not from 0 to 1.
    pub fn burst_loss(self, begins: f64, ends: f64) -> Self {
        self.fault(Burst::new(begins, ends))
    }

    /// Loses the frames with these numbers, from 1.
    pub fn lose(self, numbers: impl IntoIterator<Item = u64>) -> Self {
        self.fault(Nth::new(numbers))
    }

    /// Delivers frames twice with that probability.
    ///
    /// # Panics
    /// When it is not from 0 to 1.
    pub fn duplicate(self, probability: f64) -> Self {
        self.fault(Duplicated(probability.into()))
    }

    /// Delivers frames late by `late` with that probability; others overtake them.
    ///
    /// # Panics
    /// When it is not from 0 to 1.
    pub fn reorder(self, probability: f64, late: Duration) -> Self {
        self.fault(Delayed(probability.into(), late))
    }

    /// Lets frames change places with the next with that probability, if it comes within a tenth of a second.
    ///
    /// # Panics
    /// When it is not from 0 to 1.
    pub fn swap(self, probability: f64) -> Self {
        self.fault(Swapped(probability.into(), Duration::from_millis(100)))
    }

    /// Turns one bit of frames with that probability.
    ///
    /// # Panics
    /// When it is not from 0 to 1.
    pub fn corrupt(self, probability: f64) -> Self {
        self.fault(Corrupt(probability.into(), 1))
    }

    /// Asks `judge` what becomes of each frame, while the network is locked: see [`Fault`].
    pub fn when(self, judge: impl FnMut(&Frame<'_>) -> Verdict + Send + 'static) -> Self {
        self.fault(When(judge))
    }

    pub(crate) fn build(self, framing: Framing, seed: [u8; 32]) -> Channel {
        let config = ChannelConfig {
            framing,
            ..self.config
        };
        let mut channel = Channel::new(config, seed);
        for fault in self.faults {
            channel.add_fault(fault);
        }
        channel
    }
}

impl fmt::Debug for DirectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectionBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
