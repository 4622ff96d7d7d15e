//! Deadlines: a few per connection, one entry in the host's heap for each connection that has any.
//!
//! Moving a deadline later only stores it; the heap learns of it when the old one comes up. Moving it before everything
//! the connection waits for moves its entry up. So acknowledgments, which push the retransmission timer away again and
//! again, cost the heap nothing.

use fairway_wire::Instant;

use super::num::octets;

/// What a connection can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// One of the four below [`LossTimer`]: sent data is not acknowledged, or may not be sent.
    Loss,
    /// An acknowledgment has waited long enough for company (RFC 9293 §3.8.6.3).
    DelayedAck,
    /// It has been silent (RFC 9293 §3.8.4).
    Keepalive,
    /// An end has been set to it: a connect, a lingering close, FIN-WAIT-2 without an owner.
    Life,
}

/// What [`Timer::Loss`] is armed for; it is never needed for two of them at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum LossTimer {
    /// RFC 6298: retransmit the first segment, take all for lost.
    #[default]
    Retransmit,
    /// RFC 8985 §6.2 step 5: the reordering window passes.
    Reordering,
    /// RFC 8985 §7: probe the tail.
    TailProbe,
    /// RFC 9293 §3.8.6.1: probe a closed window.
    Persist,
}

/// The deadlines of one connection; `Instant::MAX` for none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timers {
    at: [Instant; 4],
    pub(crate) loss: LossTimer,
}

impl Default for Timers {
    fn default() -> Self {
        Self {
            at: [Instant::MAX; 4],
            loss: LossTimer::Retransmit,
        }
    }
}

impl Timers {
    const fn index(timer: Timer) -> usize {
        match timer {
            Timer::Loss => 0,
            Timer::DelayedAck => 1,
            Timer::Keepalive => 2,
            Timer::Life => 3,
        }
    }

    #[inline]
    pub(crate) fn set(&mut self, timer: Timer, at: Instant) {
        if let Some(place) = self.at.get_mut(Self::index(timer)) {
            *place = at;
        }
    }

    #[inline]
    pub(crate) fn stop(&mut self, timer: Timer) {
        self.set(timer, Instant::MAX);
    }

    #[inline]
    pub(crate) fn set_loss(&mut self, kind: LossTimer, at: Instant) {
        self.loss = kind;
        self.set(Timer::Loss, at);
    }

    #[inline]
    pub(crate) fn get(&self, timer: Timer) -> Option<Instant> {
        self.at
            .get(Self::index(timer))
            .copied()
            .filter(|&at| at != Instant::MAX)
    }

    #[inline]
    pub(crate) fn is_set(&self, timer: Timer) -> bool {
        self.get(timer).is_some()
    }

    /// Whether the loss timer is armed for that.
    #[inline]
    pub(crate) fn waits_for(&self, kind: LossTimer) -> bool {
        self.loss == kind && self.is_set(Timer::Loss)
    }

    /// Takes a timer whose time has come.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<Timer> {
        let due = [
            Timer::Life,
            Timer::Loss,
            Timer::DelayedAck,
            Timer::Keepalive,
        ]
        .into_iter()
        .find(|&timer| self.get(timer).is_some_and(|at| at <= now))?;
        self.stop(due);
        Some(due)
    }

    /// The earliest; `Instant::MAX` if there is none.
    #[inline]
    pub(crate) fn next(&self) -> Instant {
        let [a, b, c, d] = self.at;
        a.min(b).min(c.min(d))
    }
}

/// The host's heap: at most one entry for each index, no later than what that index waits for.
#[derive(Debug, Default)]
pub(crate) struct TimerHeap {
    entries: Vec<(Instant, u32)>,
    /// Where the entry of an index is; [`ABSENT`] if it has none.
    places: Vec<u32>,
}

const ABSENT: u32 = u32::MAX;

impl TimerHeap {
    /// The earliest entry: when it comes up, and whose it is.
    #[inline]
    pub(crate) fn first(&self) -> Option<(Instant, u32)> {
        self.entries.first().copied()
    }

    #[inline]
    fn place(&self, index: u32) -> Option<usize> {
        let place = *self.places.get(octets(index))?;
        (place != ABSENT).then_some(octets(place))
    }

    /// Whether `index` comes up at `at` or before; at `Instant::MAX` it need not.
    pub(crate) fn is_armed(&self, index: u32, at: Instant) -> bool {
        let place = self.place(index);
        let entry = place.and_then(|place| self.entries.get(place));
        entry.map_or(at == Instant::MAX, |&(there, of)| {
            there <= at && of == index
        })
    }

    /// Sees to it that `index` comes up at `at` or before. Cheap unless `at` is earlier than its entry.
    #[inline]
    pub(crate) fn arm(&mut self, index: u32, at: Instant) {
        let place = self.place(index);
        match place.and_then(|place| self.entries.get(place)) {
            Some(&(there, _)) if there <= at => {}
            Some(_) => self.put(index, at),
            None if at == Instant::MAX => {}
            None => self.put(index, at),
        }
    }

    /// Gives `index` exactly that entry; none for `Instant::MAX`.
    pub(crate) fn put(&mut self, index: u32, at: Instant) {
        match self.place(index) {
            Some(_) if at == Instant::MAX => self.remove(index),
            Some(place) => {
                if let Some(entry) = self.entries.get_mut(place) {
                    entry.0 = at;
                }
                self.up(place);
                if let Some(place) = self.place(index) {
                    self.down(place);
                }
            }
            None if at == Instant::MAX => {}
            None => {
                let wanted = octets(index) + 1;
                if self.places.len() < wanted {
                    self.places.resize(wanted, ABSENT);
                }
                self.entries.push((at, index));
                let place = self.entries.len() - 1;
                self.note(place);
                self.up(place);
            }
        }
    }

    /// Takes the entry of `index` out.
    pub(crate) fn remove(&mut self, index: u32) {
        let Some(place) = self.place(index) else {
            return;
        };
        let last = self.entries.len() - 1;
        self.entries.swap(place, last);
        self.entries.pop();
        if let Some(mine) = self.places.get_mut(octets(index)) {
            *mine = ABSENT;
        }
        if place < last {
            self.note(place);
            self.up(place);
            self.down(place);
        }
    }

    /// Writes down where the entry at `place` is.
    #[inline]
    fn note(&mut self, place: usize) {
        if let Some(&(_, index)) = self.entries.get(place)
            && let Some(mine) = self.places.get_mut(octets(index))
        {
            *mine = u32::try_from(place).unwrap_or(ABSENT);
        }
    }

    fn at(&self, place: usize) -> Instant {
        self.entries.get(place).map_or(Instant::MAX, |&(at, _)| at)
    }

    fn up(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.entries.get(parent) <= self.entries.get(place) {
                break;
            }
            self.entries.swap(parent, place);
            self.note(place);
            place = parent;
        }
        self.note(place);
    }

    fn down(&mut self, mut place: usize) {
        loop {
            let (left, right) = (2 * place + 1, 2 * place + 2);
            let mut least = place;
            for child in [left, right] {
                // Equal times come up in the order of the indices, so that a run depends on nothing else.
                if child < self.entries.len() && self.entries.get(child) < self.entries.get(least) {
                    least = child;
                }
            }
            if least == place {
                break;
            }
            debug_assert!(self.at(least) <= self.at(place));
            self.entries.swap(least, place);
            self.note(place);
            place = least;
        }
        self.note(place);
    }

    #[cfg(test)]
    const fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::{Instant, TimerHeap};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        /// The heap agrees with a sorted list.
        #[test]
        fn heap_agrees_with_a_sorted_list(steps in prop::collection::vec((0_u8..4, 0_u32..12, 0_u64..50), 0..150)) {
            let mut heap = TimerHeap::default();
            let mut model = BTreeMap::<u32, Instant>::new();
            for (kind, index, at) in steps {
                let at = Instant::from_nanos(at);
                match kind {
                    0 => {
                        heap.arm(index, at);
                        let entry = model.entry(index).or_insert(at);
                        *entry = at.min(*entry);
                    }
                    1 => {
                        heap.put(index, at);
                        model.insert(index, at);
                    }
                    2 => {
                        heap.remove(index);
                        model.remove(&index);
                    }
                    _ => {
                        let first = model.iter().map(|(&index, &at)| (at, index)).min();
                        prop_assert_eq!(heap.first(), first);
                    }
                }
                prop_assert_eq!(heap.len(), model.len());
            }
            while let Some((at, index)) = heap.first() {
                let first = model.iter().map(|(&index, &at)| (at, index)).min();
                prop_assert_eq!(Some((at, index)), first);
                heap.remove(index);
                model.remove(&index);
            }
            prop_assert!(model.is_empty());
        }
    }
}
