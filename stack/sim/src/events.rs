//! What is going to happen, and when.

use fairway_stack::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Events by time; those of one instant in the order in which they were planned.
///
/// The heap holds small keys, and the events lie still.
#[derive(Debug)]
pub(crate) struct Events<E> {
    heap: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    slots: Vec<Option<E>>,
    free: Vec<usize>,
    planned: u64,
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            planned: 0,
        }
    }
}

impl<E> Events<E> {
    /// Plans an event.
    pub(crate) fn push(&mut self, at: Instant, event: E) {
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(None);
                self.slots.len() - 1
            }
        };
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(event);
        }
        self.planned += 1;
        self.heap.push(Reverse((at, self.planned, slot)));
    }

    /// When the next event is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|&Reverse((at, ..))| at)
    }

    /// Takes the next event if it is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<E> {
        if self.next()? > now {
            return None;
        }
        let Reverse((_, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        self.slots.get_mut(slot)?.take()
    }

    /// How many were ever planned.
    pub(crate) const fn planned(&self) -> u64 {
        self.planned
    }
}

#[cfg(test)]
mod tests {
    use super::Events;
    use fairway_stack::Instant;

    #[test]
    fn events_happen_by_time_and_then_as_planned() {
        let mut events = Events::default();
        let at = Instant::from_nanos;
        for (nanos, name) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            events.push(at(nanos), name);
        }
        assert_eq!(events.next(), Some(at(1)));
        let due: String = std::iter::from_fn(|| events.pop_due(at(4))).collect();
        assert_eq!(due, "ab");
        events.push(at(5), 'e');
        let due: String = std::iter::from_fn(|| events.pop_due(at(5))).collect();
        assert_eq!(due, "cde");
        assert_eq!(events.next(), None);
        assert_eq!(events.planned(), 5);
        assert_eq!(events.slots.len(), 4);
    }
}
