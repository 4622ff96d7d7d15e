//! Whether a neighbour is there and has not restarted: RFC 3209 §5.
//!
//! The machine of one neighbour. It knows the neighbour's instance, or none; this node's own is a number for each loss.
//!
//! What was under way when a neighbour was lost still comes after the loss, and tells nothing about the time since. If
//! it did, each node would lose the other for what the other had said before, took a new instance by that, and so be
//! lost in its turn, for ever. So a neighbour that is down comes up by nothing that is meant for another instance than
//! ours (its request is answered, and by the answer it learns of the loss), and an answer to our instance before this
//! one is no loss. Both leave the words of RFC 3209 §5.3, which do not think of messages that cross.
//!
//! A loss has this node say much again, and anybody can say Hello: so the engine hears of one loss of a neighbour, at
//! most, within the time in which silence is a loss. Another instance is taken at once all the same, or a neighbour that
//! restarts twice would be taken for silent; the engine hears of it when the time is over. Our own instance stays then: if
//! each node answered a new one by a new one, that would have no end. Nor is silence overlooked. Whatever else would have
//! the neighbour lost is not heeded until then; if it is true, it is said again.
//!
//! RFC 3209 §5.3 has who is asked look for another instance, too, whether it asks or not (SHOULD). Here a node that does not
//! ask answers, and verifies nothing: what strangers say has no effect on it, and it remembers nobody for that.

use core::time::Duration;

use fairway_wire::Instant;

use crate::wire::{Hello, HelloKind};

/// RFC 3209 §5.3: nothing heard for 3.5 intervals is a loss. In halves of intervals.
const SILENCE_HALVES: u32 = 7;

/// For so many intervals, requests that answer another instance than ours are borne.
const WRONG_INTERVALS: u32 = 3;

/// What is known of a neighbour by its Hellos.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HelloState {
    /// It was never heard, or was lost.
    Down,
    /// It answers as this instance.
    Up {
        /// Never zero.
        instance: u32,
        /// When it was last heard.
        heard: Instant,
        /// Since when its requests have answered another instance than ours.
        wrong_since: Option<Instant>,
    },
}

/// What this node calls itself before a neighbour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OwnInstance {
    pub(super) now: u32,
    /// Until the last loss.
    pub(super) before: u32,
}

/// The machine.
#[derive(Clone, Copy, Debug)]
pub(super) struct HelloMachine {
    state: HelloState,
    /// How often it was lost: each time this node takes a new instance.
    losses: u32,
    /// When the engine last heard of a loss.
    told: Option<Instant>,
    /// The engine has not heard of the last loss yet.
    owed: bool,
    /// When it last asked; while it does, this node need not.
    asked: Option<Instant>,
}

impl HelloMachine {
    pub(super) const fn new() -> Self {
        Self {
            state: HelloState::Down,
            losses: 0,
            told: None,
            owed: false,
            asked: None,
        }
    }

    pub(super) const fn state(&self) -> HelloState {
        self.state
    }

    pub(super) const fn losses(&self) -> u32 {
        self.losses
    }

    /// The neighbour's instance to be told to it; zero if none is known.
    pub(super) const fn theirs(&self) -> u32 {
        match self.state {
            HelloState::Down => 0,
            HelloState::Up { instance, .. } => instance,
        }
    }

    /// Takes a Hello; whether the engine is to hear now of a loss.
    pub(super) fn handle_hello(
        &mut self,
        now: Instant,
        hello: &Hello,
        ours: OwnInstance,
        interval: Duration,
    ) -> bool {
        self.hear(now, hello, ours, interval);
        self.tells(now, interval)
    }

    fn hear(&mut self, now: Instant, hello: &Hello, ours: OwnInstance, interval: Duration) {
        let is_request = hello.kind == HelloKind::Request;
        if is_request {
            self.asked = Some(now);
        }
        let theirs = hello.source_instance;
        let is_wrong = hello.destination_instance != ours.now;
        // A request may know none of us; an answer must.
        let is_of_another = is_wrong && !(is_request && hello.destination_instance == 0);
        let is_recent = self.is_recent(now, interval);
        match self.state {
            HelloState::Down => {
                if theirs != 0 && !is_of_another {
                    self.come_up(now, theirs);
                }
            }
            // RFC 3209 §5.3: another instance, or none, is a restart.
            HelloState::Up { instance, .. } if instance != theirs => {
                if !is_recent {
                    self.lose();
                }
                if theirs != 0 {
                    self.owed = true;
                    self.come_up(now, theirs);
                }
            }
            HelloState::Up { .. } if !is_request && hello.destination_instance == ours.before => {}
            HelloState::Up { .. } if !is_request && is_wrong => {
                if !is_recent {
                    self.lose();
                }
            }
            HelloState::Up {
                instance,
                wrong_since,
                ..
            } => {
                let wrong_since = is_of_another.then(|| wrong_since.unwrap_or(now));
                let borne = interval.saturating_mul(WRONG_INTERVALS);
                if !is_recent && wrong_since.is_some_and(|since| now - since >= borne) {
                    return self.lose();
                }
                self.state = HelloState::Up {
                    instance,
                    heard: now,
                    wrong_since,
                };
            }
        }
    }

    /// Time has passed; whether the engine is to hear now of a loss.
    pub(super) fn handle_timeout(&mut self, now: Instant, interval: Duration) -> bool {
        if let HelloState::Up { heard, .. } = self.state
            && now >= heard + silence(interval)
        {
            self.lose();
        }
        self.tells(now, interval)
    }

    /// Whether it is for this node to ask: the neighbour has not within the interval.
    pub(super) fn is_to_ask(&self, now: Instant, interval: Duration) -> bool {
        self.asked.is_none_or(|asked| now >= asked + interval)
    }

    /// When to look again.
    pub(super) fn next(&self, now: Instant, interval: Duration) -> Instant {
        let silence = silence(interval);
        let owed = self.told.filter(|_| self.owed);
        let heard = match self.state {
            HelloState::Up { heard, .. } => Some(heard),
            HelloState::Down => None,
        };
        let ends = owed.into_iter().chain(heard).map(|since| since + silence);
        ends.fold(now + interval, Instant::min)
    }

    const fn come_up(&mut self, now: Instant, instance: u32) {
        self.state = HelloState::Up {
            instance,
            heard: now,
            wrong_since: None,
        };
    }

    /// The neighbour is lost.
    const fn lose(&mut self) {
        self.state = HelloState::Down;
        self.losses = self.losses.wrapping_add(1);
        self.owed = true;
    }

    /// Whether the engine heard of a loss a moment ago.
    fn is_recent(&self, now: Instant, interval: Duration) -> bool {
        self.told.is_some_and(|told| now < told + silence(interval))
    }

    /// Whether the engine is to hear of a loss, which it does then.
    fn tells(&mut self, now: Instant, interval: Duration) -> bool {
        let tells = self.owed && !self.is_recent(now, interval);
        if tells {
            self.owed = false;
            self.told = Some(now);
        }
        tells
    }

    /// Nobody asks any more.
    pub(super) const fn stop(&mut self) {
        self.state = HelloState::Down;
        self.owed = false;
    }
}

fn silence(interval: Duration) -> Duration {
    interval.saturating_mul(SILENCE_HALVES) / 2
}
