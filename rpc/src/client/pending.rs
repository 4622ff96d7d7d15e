//! Calls by transaction identifier: a slab whose keys are the xids.
//!
//! ```text
//!  xid  ┌───────────────────────┬───────────────┐
//!       │ generation of the slot │ index of slot │   a freed slot's next call has the next generation,
//!       └───────────────────────┴───────────────┘   so that a late reply finds nobody
//! ```

use std::collections::VecDeque;

/// Slots used in turn before one is used again, so that the same xid comes back late: a server's
/// duplicate cache must not take a new call for an old one.
const ROTATION: usize = 64;

/// A slab of `T` with xids for keys.
#[derive(Debug)]
pub(crate) struct Pending<T> {
    slots: Vec<Slot<T>>,
    /// Free slots, the longest free first.
    free: VecDeque<u32>,
    /// Bits of an xid that are the index.
    bits: u32,
    max: usize,
    len: usize,
    /// Where generations begin: chance, so that a restarted client does not repeat xids.
    first_generation: u32,
}

#[derive(Debug)]
struct Slot<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Pending<T> {
    /// Room for `max` calls, at most 2²⁰; `seed` is where generations begin.
    pub(crate) fn new(max: usize, seed: u32) -> Self {
        let max = max.clamp(1, 1 << 20);
        Self {
            slots: Vec::new(),
            free: VecDeque::new(),
            // At least 64 slots rotate.
            bits: max.max(ROTATION).next_power_of_two().trailing_zeros(),
            max,
            len: 0,
            first_generation: seed,
        }
    }

    /// Calls in it.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// True if no further call fits.
    pub(crate) fn is_full(&self) -> bool {
        self.len >= self.max
    }

    fn xid(&self, index: u32, generation: u32) -> u32 {
        (generation << self.bits) | index
    }

    fn index(&self, xid: u32) -> usize {
        usize::try_from(xid & ((1 << self.bits) - 1)).unwrap_or(usize::MAX)
    }

    /// Puts a call in and gives its xid, or `None` if it is full.
    pub(crate) fn insert(&mut self, value: T) -> Option<u32> {
        if self.is_full() {
            return None;
        }
        let grow = self.slots.len() < self.max.max(ROTATION)
            && (self.free.is_empty() || self.slots.len() < ROTATION);
        let index = if grow {
            let index = u32::try_from(self.slots.len()).ok()?;
            self.slots.push(Slot {
                generation: self.first_generation,
                value: None,
            });
            index
        } else {
            self.free.pop_front()?
        };
        let slot = self.slots.get_mut(usize::try_from(index).ok()?)?;
        slot.value = Some(value);
        let generation = slot.generation;
        self.len += 1;
        Some(self.xid(index, generation))
    }

    /// The call with this xid.
    pub(crate) fn get(&self, xid: u32) -> Option<&T> {
        let slot = self.slots.get(self.index(xid))?;
        if slot.generation << self.bits != xid & !((1 << self.bits) - 1) {
            return None;
        }
        slot.value.as_ref()
    }

    /// The call with this xid.
    pub(crate) fn get_mut(&mut self, xid: u32) -> Option<&mut T> {
        let index = self.index(xid);
        let bits = self.bits;
        let slot = self.slots.get_mut(index)?;
        if slot.generation << bits != xid & !((1 << bits) - 1) {
            return None;
        }
        slot.value.as_mut()
    }

    /// Takes a call out; its xid is good for nothing from now on.
    pub(crate) fn remove(&mut self, xid: u32) -> Option<T> {
        self.get(xid)?;
        let index = self.index(xid);
        let slot = self.slots.get_mut(index)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push_back(u32::try_from(index).ok()?);
        self.len -= 1;
        Some(value)
    }

    /// All calls with their xids.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        let bits = self.bits;
        (0u32..)
            .zip(&mut self.slots)
            .filter_map(move |(index, slot)| {
                let generation = slot.generation;
                let value = slot.value.as_mut()?;
                Some(((generation << bits) | index, value))
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn freed_xid_finds_nobody() {
        let mut pending = Pending::new(4, 7);
        let first = pending.insert('a').unwrap();
        assert_eq!(pending.get(first), Some(&'a'));
        assert_eq!(pending.remove(first), Some('a'));
        assert_eq!(pending.get(first), None);
        assert_eq!(pending.remove(first), None);
        let xids: HashSet<u32> = (0..1000)
            .map(|_| {
                let xid = pending.insert('b').unwrap();
                pending.remove(xid);
                xid
            })
            .collect();
        assert_eq!(xids.len(), 1000);
        assert!(!xids.contains(&first));
    }

    #[test]
    fn holds_as_many_as_it_may() {
        for max in [1, 3, 64, 100] {
            let mut pending = Pending::new(max, u32::MAX);
            let xids: Vec<u32> = (0..max).map(|n| pending.insert(n).unwrap()).collect();
            assert!(pending.is_full());
            assert_eq!(pending.insert(0), None);
            for (n, xid) in xids.iter().enumerate() {
                assert_eq!(pending.get(*xid), Some(&n));
            }
            assert_eq!(pending.iter_mut().count(), max);
            pending.remove(xids[0]);
            let again = pending.insert(9).unwrap();
            assert_eq!(pending.get_mut(again), Some(&mut 9));
            assert_eq!(pending.len(), max);
        }
    }

    #[test]
    fn lone_calls_walk_many_xids_before_one_repeats() {
        let mut pending = Pending::new(4096, 0);
        let first = pending.insert(()).unwrap();
        pending.remove(first);
        for _ in 0..1_000_000 {
            let xid = pending.insert(()).unwrap();
            assert_ne!(xid, first);
            pending.remove(xid);
        }
    }

    #[test]
    fn generations_wrap() {
        let mut pending = Pending::new(64, u32::MAX);
        let old = pending.insert(1).unwrap();
        pending.remove(old);
        for n in 0..200 {
            let xid = pending.insert(n).unwrap();
            assert_eq!(pending.get(xid), Some(&n));
            assert_eq!(pending.remove(xid), Some(n));
        }
    }
}
