//! What is going to happen, and when.

use fairway_stack::Instant;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

/// Events by time; those of one instant in the order in which they were planned.
///
/// The heap holds small keys, and the events lie still. Deadlines, of which each host has one at most and which move all
/// the time, are kept apart, so that those that are obsolete do not pile up.
#[derive(Debug)]
pub(crate) struct Events<E> {
    heap: BinaryHeap<Reverse<(Instant, u64, usize)>>,
    slots: Vec<Option<E>>,
    free: Vec<usize>,
    /// By time and plan, with whose they are; and each by whose it is.
    deadlines: BTreeSet<(Instant, u64, usize)>,
    deadline_of: Vec<Option<(Instant, u64)>>,
    planned: u64,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Due<E> {
    Event(E),
    /// The deadline of that host.
    Deadline(usize),
}

impl<E> Default for Events<E> {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            slots: Vec::new(),
            free: Vec::new(),
            deadlines: BTreeSet::new(),
            deadline_of: Vec::new(),
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

    /// Plans the deadline of a host, in the place of the one it had.
    pub(crate) fn set_deadline(&mut self, host: usize, at: Instant) {
        if self.deadline_of.len() <= host {
            self.deadline_of.resize(host + 1, None);
        }
        self.planned += 1;
        let new = (at, self.planned);
        if let Some(place) = self.deadline_of.get_mut(host)
            && let Some((at, planned)) = place.replace(new)
        {
            self.deadlines.remove(&(at, planned, host));
        }
        self.deadlines.insert((at, self.planned, host));
    }

    fn next_planned(&self) -> Option<(Instant, u64)> {
        let event = self
            .heap
            .peek()
            .map(|&Reverse((at, planned, _))| (at, planned));
        let deadline = self
            .deadlines
            .first()
            .map(|&(at, planned, _)| (at, planned));
        match (event, deadline) {
            (Some(event), Some(deadline)) => Some(event.min(deadline)),
            (one, other) => one.or(other),
        }
    }

    /// When the next event is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.next_planned().map(|(at, _)| at)
    }

    /// Takes the next event if it is due at `now`.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Due<E>> {
        let (at, planned) = self.next_planned()?;
        if at > now {
            return None;
        }
        if let Some(&(_, first, host)) = self.deadlines.first()
            && first == planned
        {
            self.deadlines.pop_first();
            if let Some(place) = self.deadline_of.get_mut(host) {
                *place = None;
            }
            return Some(Due::Deadline(host));
        }
        let Reverse((_, _, slot)) = self.heap.pop()?;
        self.free.push(slot);
        self.slots.get_mut(slot)?.take().map(Due::Event)
    }

    /// How many are planned now.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.heap.len() + self.deadlines.len()
    }

    /// How many were ever planned.
    pub(crate) const fn planned(&self) -> u64 {
        self.planned
    }
}

#[cfg(test)]
mod tests {
    use super::{Due, Events};
    use fairway_stack::Instant;

    #[test]
    fn events_happen_by_time_and_then_as_planned() {
        let mut events = Events::default();
        let at = Instant::from_nanos;
        for (nanos, name) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            events.push(at(nanos), name);
        }
        assert_eq!(events.next(), Some(at(1)));
        fn due(events: &mut Events<char>, now: Instant) -> String {
            std::iter::from_fn(|| events.pop_due(now))
                .map(|due| match due {
                    Due::Event(name) => name,
                    Due::Deadline(host) => {
                        char::from_digit(u32::try_from(host).unwrap(), 10).unwrap()
                    }
                })
                .collect()
        }
        assert_eq!(due(&mut events, at(4)), "ab");
        events.push(at(5), 'e');
        assert_eq!(due(&mut events, at(5)), "cde");
        assert_eq!(events.next(), None);
        assert_eq!(events.planned(), 5);
        assert_eq!(events.slots.len(), 4);
    }

    /// A deadline has its place among the events; one that is moved leaves nothing behind.
    #[test]
    fn a_host_has_one_deadline_however_often_it_is_moved() {
        let mut events = Events::default();
        let at = Instant::from_nanos;
        for n in 0..100_000 {
            // A retransmission is expected soon, then a keepalive in hours, and so on.
            events.set_deadline(3, at(n + 7_200_000_000_000));
            events.set_deadline(3, at(n + 200));
            events.set_deadline(4, at(n + 100));
        }
        assert_eq!(events.len(), 2);
        events.push(at(100_100), 'x');
        assert_eq!(events.next(), Some(at(100_099)));
        let due: Vec<_> = std::iter::from_fn(|| events.pop_due(at(200_000))).collect();
        assert_eq!(due, [Due::Deadline(4), Due::Event('x'), Due::Deadline(3)]);
        assert_eq!((events.len(), events.next()), (0, None));
    }
}
