//! What happened in a network, line by line.

use fairway_native::hash::{Key, Sip13};
use fairway_stack::Instant;
use std::collections::VecDeque;
use std::fmt;
use std::hash::{BuildHasher as _, Hasher as _};

/// Lines that are kept; of older ones only the hash remembers.
const KEPT: usize = 100_000;

/// The log of a network: links that went up and down, frames that met something on their way, hosts that crashed.
#[derive(Debug)]
pub(crate) struct Log {
    lines: VecDeque<String>,
    hash: Sip13,
}

impl Default for Log {
    fn default() -> Self {
        Self {
            lines: VecDeque::new(),
            hash: hasher(),
        }
    }
}

/// A hash that is the same in every run.
pub(crate) fn hasher() -> Sip13 {
    Key([0, 0]).build_hasher()
}

impl Log {
    /// Adds a line.
    pub(crate) fn write(&mut self, now: Instant, what: fmt::Arguments<'_>) {
        let line = format!("{now} {what}");
        self.hash.write(line.as_bytes());
        self.hash.write_u8(b'\n');
        if self.lines.len() == KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    /// The lines, oldest first.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// A hash over all lines ever written.
    pub(crate) fn hash(&self) -> u64 {
        self.hash.finish()
    }
}
