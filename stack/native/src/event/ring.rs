//! The last events, as fixed-size records in memory.

use fairway_wire::Instant;

use super::dictionary::EventId;
use super::fields::Fields;

/// One reported event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When it was raised.
    pub time: Instant,
    /// Which event.
    pub id: EventId,
    /// What it said.
    pub fields: Fields,
}

/// A ring of records: a new one overwrites the oldest. It allocates when its capacity is set, never when it records.
#[derive(Clone, Debug, Default)]
pub struct Ring {
    records: Vec<Record>,
    capacity: usize,
    /// Where the next record goes, once the ring is full.
    next: usize,
    lost: u64,
}

impl Ring {
    /// Forgets everything and makes room for `capacity` records.
    pub(super) fn reset(&mut self, capacity: usize) {
        self.records = Vec::with_capacity(capacity);
        self.capacity = capacity;
        self.next = 0;
        self.lost = 0;
    }

    pub(super) fn push(&mut self, record: Record) {
        if self.records.len() < self.capacity {
            self.records.push(record);
            return;
        }
        let Some(oldest) = self.records.get_mut(self.next) else {
            return; // no capacity at all
        };
        *oldest = record;
        self.lost = self.lost.saturating_add(1);
        self.next += 1;
        if self.next == self.capacity {
            self.next = 0;
        }
    }

    /// The records kept, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        let (newer, older) = self
            .records
            .split_at_checked(self.next)
            .unwrap_or((&[], &[]));
        older.iter().chain(newer)
    }

    /// The records kept, oldest first; none are left.
    pub fn take(&mut self) -> Vec<Record> {
        let taken = self.iter().copied().collect();
        self.records.clear();
        self.next = 0;
        taken
    }

    /// How many records are kept.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether none is kept.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many records fit.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.capacity
    }

    /// How many records were overwritten since the ring was made.
    #[must_use]
    pub const fn lost(&self) -> u64 {
        self.lost
    }
}
