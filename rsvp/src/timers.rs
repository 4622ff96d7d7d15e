//! Deadlines, each with a name.

use core::cmp::Reverse;
use core::hash::Hash;
use std::collections::{BinaryHeap, HashMap};

use fairway_wire::Instant;

/// Deadlines by key, at most one each; the earliest is known at any time.
///
/// Made for soft state, whose deadlines are put off again and again and seldom pass: putting one off touches a hash
/// table and nothing else, unless it is the earliest. Deadlines of one instant pass in the order in which they were
/// set. Nothing depends on the order of the hash table.
///
/// ```
/// use core::time::Duration;
/// use fairway_rsvp::timers::Timers;
/// use fairway_wire::Instant;
///
/// let second = |n| Instant::ZERO + Duration::from_secs(n);
/// let mut timers = Timers::new();
/// timers.set("refresh", second(30));
/// timers.set("cleanup", second(15));
/// timers.set("cleanup", second(157));
/// assert_eq!(timers.next(), Some(second(30)));
/// assert_eq!(timers.pop_due(second(29)), None);
/// assert_eq!(timers.pop_due(second(30)), Some("refresh"));
/// assert_eq!(timers.next(), Some(second(157)));
/// ```
#[derive(Clone, Debug)]
pub struct Timers<K> {
    /// Earliest first. Holds one entry that counts for each key, its `queued`, and perhaps some that do not.
    queue: BinaryHeap<Reverse<Queued<K>>>,
    set: HashMap<K, Deadline>,
    /// Given to the next deadline that is set.
    order: u64,
}

/// When, and which of all that were ever set: no two are equal, and the later set is the greater.
type Moment = (Instant, u64);

#[derive(Clone, Copy, Debug)]
struct Deadline {
    /// When it passes.
    at: Moment,
    /// Its entry in the queue, not later than `at`. If it is earlier, the deadline was put off since.
    queued: Moment,
}

#[derive(Clone, Copy, Debug)]
struct Queued<K> {
    at: Moment,
    key: K,
}

impl<K> PartialEq for Queued<K> {
    fn eq(&self, other: &Self) -> bool {
        self.at == other.at
    }
}

impl<K> Eq for Queued<K> {}

impl<K> PartialOrd for Queued<K> {
    fn partial_cmp(&self, other: &Self) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K> Ord for Queued<K> {
    fn cmp(&self, other: &Self) -> core::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self {
            queue: BinaryHeap::new(),
            set: HashMap::new(),
            order: 0,
        }
    }
}

impl<K: Copy + Eq + Hash> Timers<K> {
    /// Entries of the queue that may be without meaning before it is tidied up, beside as many as have one.
    const SLACK: usize = 64;

    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How many are set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.set.len()
    }

    /// Whether none is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// When the deadline of this key passes, if there is one.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<Instant> {
        self.set.get(key).map(|deadline| deadline.at.0)
    }

    /// Sets the deadline of `key`, in place of the one it has.
    pub fn set(&mut self, key: K, at: Instant) {
        let at = (at, self.order);
        self.order = self.order.wrapping_add(1);
        let deadline = self.set.entry(key).or_insert(Deadline {
            at,
            queued: (Instant::MAX, u64::MAX),
        });
        deadline.at = at;
        if at < deadline.queued {
            deadline.queued = at;
            self.queue.push(Reverse(Queued { at, key }));
        }
        self.tidy();
    }

    /// Sets the deadline of `key` unless it has an earlier one.
    pub fn set_no_later(&mut self, key: K, at: Instant) {
        if self.get(&key).is_none_or(|set| at < set) {
            self.set(key, at);
        }
    }

    /// Takes the deadline of `key` away; gives when it would have passed.
    pub fn stop(&mut self, key: &K) -> Option<Instant> {
        let stopped = self.set.remove(key)?;
        self.tidy();
        Some(stopped.at.0)
    }

    /// When the earliest passes.
    #[must_use]
    pub fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse(first)| first.at.0)
    }

    /// Takes the earliest away if it has passed: its instant is `now` or before. Ask until there is none.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let Reverse(Queued { key, .. }) = self.queue.pop()?;
        self.set.remove(&key);
        self.tidy();
        Some(key)
    }

    /// Sees to it that the first of the queue is the earliest deadline, and that what means nothing does not pile up.
    fn tidy(&mut self) {
        while let Some(mut first) = self.queue.peek_mut() {
            let Reverse(Queued { at, key }) = *first;
            match self.set.get_mut(&key) {
                Some(deadline) if deadline.queued == at => {
                    if deadline.at == at {
                        break;
                    }
                    // It was put off: now is the time to say so to the queue.
                    deadline.queued = deadline.at;
                    *first = Reverse(Queued {
                        at: deadline.at,
                        key,
                    });
                }
                _ => {
                    std::collections::binary_heap::PeekMut::pop(first);
                }
            }
        }
        if self.queue.len() > 2 * self.set.len() + Self::SLACK {
            let set = &self.set;
            self.queue.retain(|Reverse(Queued { at, key })| {
                set.get(key).is_some_and(|deadline| deadline.queued == *at)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    const fn at(nanos: u64) -> Instant {
        Instant::from_nanos(nanos)
    }

    fn drained(timers: &mut Timers<u32>, now: u64) -> Vec<u32> {
        core::iter::from_fn(|| timers.pop_due(at(now))).collect()
    }

    #[test]
    fn deadlines_of_one_instant_pass_in_the_order_they_were_set() {
        let mut timers = Timers::new();
        for key in [3, 1, 2, 0] {
            timers.set(key, at(5));
        }
        timers.set(1, at(5));
        assert_eq!(drained(&mut timers, 5), [3, 2, 0, 1]);
        assert!(timers.is_empty());
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn deadline_that_is_put_off_passes_once_and_later() {
        let mut timers = Timers::new();
        timers.set(1, at(10));
        timers.set(2, at(20));
        timers.set(1, at(30));
        assert_eq!(timers.next(), Some(at(20)));
        assert_eq!(timers.get(&1), Some(at(30)));
        assert_eq!(drained(&mut timers, 29), [2]);
        assert_eq!(drained(&mut timers, 30), [1]);
    }

    #[test]
    fn deadline_that_is_brought_forward_passes_once_and_earlier() {
        let mut timers = Timers::new();
        timers.set(1, at(10));
        timers.set(1, at(5));
        timers.set_no_later(1, at(7));
        assert_eq!(drained(&mut timers, 5), [1]);
        assert_eq!(drained(&mut timers, 100), []);
    }

    #[test]
    fn stopped_deadline_does_not_pass() {
        let mut timers = Timers::new();
        timers.set(1, at(10));
        timers.set(2, at(11));
        assert_eq!(timers.stop(&1), Some(at(10)));
        assert_eq!(timers.stop(&1), None);
        assert_eq!(timers.next(), Some(at(11)));
        assert_eq!(timers.len(), 1);
        assert_eq!(drained(&mut timers, 11), [2]);
    }

    #[test]
    fn what_means_nothing_does_not_pile_up() {
        let mut timers = Timers::new();
        timers.set(0, at(0));
        for n in 0..10_000_u32 {
            timers.set(1, at(u64::from(20_000 - n)));
        }
        assert!(timers.queue.len() <= 2 * 2 + Timers::<u32>::SLACK);
        assert_eq!(drained(&mut timers, 20_000), [0, 1]);
    }

    proptest! {
        /// The same as a list that is searched.
        #[test]
        fn does_what_a_list_does(steps in prop::collection::vec((0_u8..4, 0_u32..8, 0_u64..64), 0..200)) {
            let mut timers = Timers::new();
            let mut list: BTreeMap<u32, Moment> = BTreeMap::new();
            for (order, (what, key, time)) in (0..).zip(steps) {
                match what {
                    0 | 1 => {
                        timers.set(key, at(time));
                        list.insert(key, (at(time), order));
                    }
                    2 => prop_assert_eq!(timers.stop(&key), list.remove(&key).map(|found| found.0)),
                    _ => {
                        let mut due: Vec<_> = list.iter().map(|(k, m)| (*m, *k)).filter(|(m, _)| m.0 <= at(time)).collect();
                        due.sort_unstable();
                        let due: Vec<_> = due.into_iter().map(|(_, k)| k).collect();
                        list.retain(|_, m| m.0 > at(time));
                        prop_assert_eq!(drained(&mut timers, time), due);
                    }
                }
                prop_assert_eq!(timers.next(), list.values().min().map(|m| m.0));
                prop_assert_eq!(timers.len(), list.len());
            }
        }
    }
}
