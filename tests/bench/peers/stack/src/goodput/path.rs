//! One direction of an impaired path.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

#[derive(Clone, Copy)]
pub struct Path {
    pub name: &'static str,
    /// Packets.
    queue: usize,
    loss: f64,
    /// How many packets come 5 ms late.
    late: f64,
    duplicates: f64,
}

const CLEAN: Path = Path { name: "clean", queue: 170, loss: 0.0, late: 0.0, duplicates: 0.0 };

pub const PATHS: [Path; 7] = [
    CLEAN,
    Path { name: "queue20", queue: 20, ..CLEAN },
    Path { name: "loss0.1", loss: 0.001, ..CLEAN },
    Path { name: "loss1", loss: 0.01, ..CLEAN },
    Path { name: "loss5", loss: 0.05, ..CLEAN },
    Path { name: "late2", late: 0.02, ..CLEAN },
    Path { name: "twice2", duplicates: 0.02, ..CLEAN },
];

/// Octets a microsecond: 100 Mbit/s.
const RATE: f64 = 12.5;
const DELAY: i64 = 10_000;
const LATE: i64 = 5_000;

impl Path {
    /// The way back: the same without the faults.
    pub fn back(self) -> Self {
        Self { loss: 0.0, late: 0.0, duplicates: 0.0, ..self }
    }
}

/// Packets on their way. Times are microseconds.
pub struct Direction {
    path: Path,
    random: u64,
    /// When the transmitter is free.
    free: i64,
    count: u64,
    /// When each that still waits will have been sent.
    waiting: VecDeque<i64>,
    flying: BinaryHeap<Reverse<(i64, u64, Vec<u8>)>>,
}

impl Direction {
    pub fn new(path: Path, seed: u64) -> Self {
        Self {
            path,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            free: 0,
            count: 0,
            waiting: VecDeque::new(),
            flying: BinaryHeap::new(),
        }
    }

    fn chance(&mut self, probability: f64) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        ((self.random >> 11) as f64) / ((1u64 << 53) as f64) < probability
    }

    pub fn push(&mut self, now: i64, packet: Vec<u8>) {
        while self.waiting.front().is_some_and(|&at| at <= now) {
            self.waiting.pop_front();
        }
        if self.waiting.len() >= self.path.queue || self.chance(self.path.loss) {
            return;
        }
        self.free = self.free.max(now) + (packet.len() as f64 / RATE) as i64;
        self.waiting.push_back(self.free);
        let late = if self.chance(self.path.late) { LATE } else { 0 };
        let at = self.free + DELAY + late;
        if self.chance(self.path.duplicates) {
            self.count += 1;
            self.flying.push(Reverse((at, self.count, packet.clone())));
        }
        self.count += 1;
        self.flying.push(Reverse((at, self.count, packet)));
    }

    /// When the next arrives.
    pub fn next(&self) -> Option<i64> {
        self.flying.peek().map(|first| first.0.0)
    }

    /// The next that has arrived.
    pub fn pop(&mut self, now: i64) -> Option<Vec<u8>> {
        if self.next()? > now {
            return None;
        }
        self.flying.pop().map(|first| first.0.2)
    }
}
