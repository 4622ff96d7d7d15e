//! Waiting for something another process does.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

/// Asks `condition` again and again, every few milliseconds, until it gives a value; panics after `limit`, naming `what`.
///
/// # Panics
/// When the time is up.
#[track_caller]
#[expect(
    clippy::disallowed_methods,
    reason = "waits for other processes, in real time"
)]
#[expect(clippy::panic, reason = "a test helper: failing is its job")]
pub fn until<T>(what: &str, limit: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        if start.elapsed() > limit {
            panic!("waited {limit:?} for {what}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Calls again what a signal has interrupted, as those of other tests of this process may: a socket with a time limit is not
/// restarted by the system.
///
/// # Errors
/// Every other error of `call`.
pub fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
