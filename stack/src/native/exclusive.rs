//! A lock that notices a thread which would wait for itself.

use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of the next thread; 0 is none.
static NEXT: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static MINE: Cell<u64> = const { Cell::new(0) };
}

/// The number of this thread; 0 while it ends.
fn mine() -> u64 {
    let number = MINE.try_with(|mine| {
        if mine.get() == 0 {
            mine.set(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        mine.get()
    });
    number.unwrap_or(0)
}

/// A lock around what programs' callbacks are called from: one that calls back in would wait for itself for ever. Here it
/// panics, and the trace shows the callback.
///
/// What a panic left is whole: it is not poisoned.
pub struct Exclusive<T> {
    value: Mutex<T>,
    /// The number of the thread that holds it, or 0.
    holder: AtomicU64,
    /// What is told of it.
    rule: &'static str,
}

impl<T> Exclusive<T> {
    /// A lock around `value`; `rule` tells whoever breaks it what is not allowed.
    pub const fn new(value: T, rule: &'static str) -> Self {
        Self {
            value: Mutex::new(value),
            holder: AtomicU64::new(0),
            rule,
        }
    }

    /// Waits until no other thread holds it.
    ///
    /// # Panics
    /// When this thread does.
    #[inline]
    pub fn lock(&self) -> Held<'_, T> {
        let mine = mine();
        // Only this thread writes its own number.
        assert!(
            mine == 0 || self.holder.load(Ordering::Relaxed) != mine,
            "{}",
            self.rule
        );
        let value = self.value.lock().unwrap_or_else(PoisonError::into_inner);
        self.holder.store(mine, Ordering::Relaxed);
        Held {
            value,
            holder: &self.holder,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Exclusive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// What an [`Exclusive`] is around, while it is held.
#[derive(Debug)]
pub struct Held<'a, T> {
    value: MutexGuard<'a, T>,
    holder: &'a AtomicU64,
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T> DerefMut for Held<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.value
    }
}

impl<T> Drop for Held<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.holder.store(0, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::Exclusive;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    #[test]
    fn whoever_would_wait_for_himself_panics_and_others_wait() {
        let lock = Exclusive::new(1, "not from within");
        let held = lock.lock();
        let again = catch_unwind(AssertUnwindSafe(|| *lock.lock()));
        let message = again.unwrap_err();
        assert_eq!(message.downcast_ref::<String>().unwrap(), "not from within");
        std::thread::scope(|scope| {
            let other = scope.spawn(|| {
                *lock.lock() += 1;
            });
            drop(held);
            other.join().unwrap();
        });
        assert_eq!(*lock.lock(), 2);
        let broken = catch_unwind(AssertUnwindSafe(|| {
            let _held = lock.lock();
            std::panic::resume_unwind(Box::new("elsewhere"));
        }));
        assert!(broken.is_err());
        assert_eq!(*lock.lock(), 2);
    }
}
