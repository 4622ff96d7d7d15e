//! Many transfers, some at a time.

use super::engine::Engine;
use super::{Client, Get, Put};
use crate::batch;
use crate::error::Error;
use crate::transfer::Report;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// Transfers of which at most so many run at once; see [`Batch`](crate::Batch). Made by [`Client::batch`].
#[must_use = "nothing is done before it is run"]
pub struct Batch {
    inner: batch::Batch<Report>,
    engine: Arc<Engine>,
}

impl Client {
    /// An empty batch, of which at most `at_once` transfers will run at a time.
    pub fn batch(&self, at_once: usize) -> Batch {
        Batch {
            inner: self.inner.batch(at_once),
            engine: Arc::clone(&self.engine),
        }
    }
}

impl Batch {
    /// Whether an error keeps the transfers that have not begun from beginning.
    pub fn stop_at_error(self, stop: bool) -> Self {
        Self {
            inner: self.inner.stop_at_error(stop),
            ..self
        }
    }

    /// Adds a file to be got into a local one.
    pub fn get(&mut self, get: Get, local: impl Into<PathBuf>) {
        self.inner.get(get.into_inner(), local);
    }

    /// Adds a local file to be put.
    pub fn put(&mut self, put: Put, local: impl Into<PathBuf>) {
        self.inner.put(put.into_inner(), local);
    }

    /// How many transfers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// Runs the transfers; their results in the order in which they were added.
    pub fn run(self) -> Vec<Result<Report, Error>> {
        self.engine.wait(self.inner.run())
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
