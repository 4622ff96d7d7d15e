//! Which tests of one program may run beside which: on two cores, a compiler beside a measurement is in what is measured.

use core::cell::Cell;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// The machine without a compiler on it.
#[derive(Debug)]
pub struct Quiet(#[expect(dead_code, reason = "is held")] RwLockWriteGuard<'static, ()>);

/// The machine without a compiler on it, for a test that measures what real time does to packets. Held until dropped; what
/// the test needs built is built before.
///
/// Tests that only wait run beside it.
#[must_use]
pub fn quiet() -> Quiet {
    // A test that failed has left nothing behind here.
    let all = MACHINE.write().unwrap_or_else(PoisonError::into_inner);
    IS_QUIET.set(true);
    Quiet(all)
}

impl Drop for Quiet {
    fn drop(&mut self) {
        IS_QUIET.set(false);
    }
}

/// A share of the machine for a compiler, while nobody measures. Held until dropped.
///
/// # Panics
/// When this thread measures: it would wait for itself.
pub fn busy() -> RwLockReadGuard<'static, ()> {
    assert!(!IS_QUIET.get(), "built before it is quiet");
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}
