//! Deadlines, each with a name.

use core::cmp::Reverse;
use core::hash::Hash;
use std::collections::HashMap;
use std::collections::binary_heap::{BinaryHeap, PeekMut};

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
    /// Holds one entry that counts for each key, its `queued`, and perhaps some that do not.
    queue: Queue<K>,
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

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self {
            queue: Queue::new(),
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
            self.queue.push(Queued { at, key });
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
        self.queue.near.peek().map(|Reverse(first)| first.at.0)
    }

    /// Takes the earliest away if it has passed: its instant is `now` or before. Ask until there is none.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        if self.next()? > now {
            return None;
        }
        let Reverse(Queued { key, .. }) = self.queue.near.pop()?;
        self.set.remove(&key);
        self.tidy();
        Some(key)
    }

    /// Sees to it that the first of the queue is the earliest deadline, and that what means nothing does not pile up.
    fn tidy(&mut self) {
        loop {
            let Some(first) = self.queue.near.peek_mut() else {
                if self.queue.refill() {
                    continue;
                }
                break;
            };
            let Reverse(Queued { at, key }) = *first;
            match self.set.get_mut(&key) {
                Some(deadline) if deadline.queued == at => {
                    if deadline.at == at {
                        break;
                    }
                    // It was put off: now is the time to say so to the queue.
                    deadline.queued = deadline.at;
                    let at = deadline.at;
                    PeekMut::pop(first);
                    self.queue.push(Queued { at, key });
                }
                _ => {
                    PeekMut::pop(first);
                }
            }
        }
        if self.queue.len() > 2 * self.set.len() + Self::SLACK {
            let set = &self.set;
            self.queue.retain(|Queued { at, key }| {
                set.get(key).is_some_and(|deadline| deadline.queued == *at)
            });
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Queued<K> {
    at: Moment,
    key: K,
}

impl<K> Queued<K> {
    const fn slot(&self) -> u64 {
        self.at.0.as_nanos() >> SLOT_BITS
    }
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

/// A slot is 2²⁰ ns, about a millisecond.
const SLOT_BITS: u32 = 20;
/// The number of a slot is looked at in digits of so many bits.
const DIGIT_BITS: usize = 6;
/// Digits of a slot's number, which has 44 bits.
const LEVELS: usize = 8;

/// What is near in a heap; what is far in lists, which are sorted when they come near.
///
/// A list is found by the highest digit in which the slot differs from `base`, and that digit. So the earliest is in the
/// first list of the lowest level, and moving `base` there moves the entries of that list only, each down one level at
/// least: in the order of memory, where a heap of a million would jump about.
#[derive(Clone, Debug)]
struct Queue<K> {
    /// Slots up to `base`, earliest first.
    near: BinaryHeap<Reverse<Queued<K>>>,
    base: u64,
    levels: Vec<Level<K>>,
}

#[derive(Clone, Debug)]
struct Level<K> {
    /// Which lists have entries.
    used: u64,
    /// Entries in all.
    len: usize,
    /// One for each value of the digit.
    lists: Vec<Vec<Queued<K>>>,
}

impl<K> Queue<K> {
    /// So many entries at most are moved when something earlier than `base` comes; if there are more, it goes to the
    /// heap.
    const MOST_MOVED: usize = 64;

    fn new() -> Self {
        let level = || Level {
            used: 0,
            len: 0,
            lists: (0..1 << DIGIT_BITS).map(|_| Vec::new()).collect(),
        };
        Self {
            near: BinaryHeap::new(),
            base: 0,
            levels: (0..LEVELS).map(|_| level()).collect(),
        }
    }

    fn len(&self) -> usize {
        self.near.len() + self.levels.iter().map(|level| level.len).sum::<usize>()
    }

    fn push(&mut self, entry: Queued<K>) {
        if entry.slot() < self.base {
            self.move_back(entry.slot());
        }
        self.place(entry);
    }

    fn place(&mut self, entry: Queued<K>) {
        let slot = entry.slot();
        if slot > self.base {
            let number = level_of(slot ^ self.base);
            let digit = digit_of(slot, number);
            if let Some(level) = self.levels.get_mut(number)
                && let Some(list) = level.lists.get_mut(digit)
            {
                list.push(entry);
                level.used |= 1 << digit;
                level.len += 1;
                return;
            }
        }
        self.near.push(Reverse(entry));
    }

    /// Moves the base to the first list and what is in it down; whether there was one.
    fn refill(&mut self) -> bool {
        let Some((number, level)) = self
            .levels
            .iter_mut()
            .enumerate()
            .find(|(_, level)| level.used != 0)
        else {
            return false;
        };
        let digit = level.used.trailing_zeros();
        level.used &= level.used - 1;
        let list = usize::try_from(digit)
            .ok()
            .and_then(|digit| level.lists.get_mut(digit))
            .map(core::mem::take)
            .unwrap_or_default();
        level.len -= list.len();
        let shift = number * DIGIT_BITS;
        let above = shift + DIGIT_BITS;
        self.base = self.base >> above << above | u64::from(digit) << shift;
        list.into_iter().for_each(|entry| self.place(entry));
        true
    }

    /// Moves the base back to `slot`, if little has to be moved for it: the base had run ahead to what was the earliest.
    fn move_back(&mut self, slot: u64) {
        let highest = level_of(slot ^ self.base);
        let lower = self.levels.iter().take(highest);
        if self.near.len() + lower.map(|level| level.len).sum::<usize>() > Self::MOST_MOVED {
            return;
        }
        // What differs from the old base in a higher digit differs from the new one in the same.
        let mut moved: Vec<Queued<K>> = self.near.drain().map(|Reverse(entry)| entry).collect();
        for level in self.levels.iter_mut().take(highest) {
            if level.used == 0 {
                continue;
            }
            level.lists.iter_mut().for_each(|list| moved.append(list));
            level.used = 0;
            level.len = 0;
        }
        self.base = slot;
        moved.into_iter().for_each(|entry| self.place(entry));
    }

    fn retain(&mut self, keep: impl Fn(&Queued<K>) -> bool) {
        self.near.retain(|Reverse(entry)| keep(entry));
        for level in &mut self.levels {
            level.used = 0;
            level.len = 0;
            for (digit, list) in level.lists.iter_mut().enumerate() {
                list.retain(&keep);
                level.len += list.len();
                level.used |= u64::from(!list.is_empty()) << digit;
            }
        }
    }
}

/// The highest digit in which two numbers differ, given their difference in bits, which is not zero.
const fn level_of(difference: u64) -> usize {
    let mut level = 0;
    let mut rest = difference >> DIGIT_BITS;
    while rest != 0 {
        level += 1;
        rest >>= DIGIT_BITS;
    }
    level
}

/// This digit of a number.
fn digit_of(slot: u64, level: usize) -> usize {
    let digit = slot >> (level * DIGIT_BITS) & ((1 << DIGIT_BITS) - 1);
    usize::try_from(digit).unwrap_or_default()
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
        assert!(drained(&mut timers, 100).is_empty());
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
        fn does_what_a_list_does(
            scale in 0_u32..58,
            steps in prop::collection::vec((0_u8..4, 0_u32..200, 0_u64..64), 0..400),
        ) {
            let mut timers = Timers::new();
            let mut list: BTreeMap<u32, Moment> = BTreeMap::new();
            for (order, (what, key, time)) in (0..).zip(steps) {
                let time = time << scale;
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
