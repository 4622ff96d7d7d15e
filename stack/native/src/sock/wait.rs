//! Who waits for a socket, and for what.

use std::collections::BTreeSet;
use std::task::{RawWakerVTable, Waker};

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interest {
    /// Something to receive: data, a connection to accept, the end, an error (SEL-2).
    Read,
    /// Room to send, the end of connecting, an error (SEL-2).
    Write,
    /// Urgent data on its way, or the end (SEL-2, OOB-5).
    Urgent,
}

/// What a socket is ready for: levels, not edges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Readiness {
    /// A receiving call would not wait.
    pub read: bool,
    /// A sending call would not wait.
    pub write: bool,
    /// Urgent data is pending.
    pub urgent: bool,
    /// An error waits to be reported.
    pub error: bool,
    /// Nothing will ever come or go again.
    pub closed: bool,
}

impl Readiness {
    /// Whether a wait for `interest` is over.
    #[must_use]
    pub const fn satisfies(self, interest: Interest) -> bool {
        let asked = match interest {
            Interest::Read => self.read,
            Interest::Write => self.write,
            Interest::Urgent => self.urgent,
        };
        asked || self.error || self.closed
    }
}

/// Lists up to this long are looked through; longer ones have an index.
const SHORT: usize = 16;

/// The wakers of those who wait for a socket, one for each task and direction, in the order in which they came. Only the
/// program's own tasks wait, so that nothing that arrives makes it longer.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    read: Vec<Waker>,
    write: Vec<Waker>,
    urgent: Vec<Waker>,
    /// Who is in those of the lists that are long. Where a waker lies in memory decides whether it is there already, and
    /// nothing else: not the order of waking.
    known: BTreeSet<Known>,
}

/// What tells wakers apart, as [`Waker::will_wake`] does: those that are held live, so that no other has the same.
type Known = (Interest, usize, usize);

fn known(interest: Interest, waker: &Waker) -> Known {
    let table: *const RawWakerVTable = waker.vtable();
    (interest, waker.data() as usize, table as usize)
}

impl Waiters {
    const fn list(&mut self, interest: Interest) -> &mut Vec<Waker> {
        match interest {
            Interest::Read => &mut self.read,
            Interest::Write => &mut self.write,
            Interest::Urgent => &mut self.urgent,
        }
    }

    /// Remembers to wake `waker`.
    pub(crate) fn add(&mut self, interest: Interest, waker: &Waker) {
        let list = self.list(interest);
        if list.len() < SHORT {
            if !list.iter().any(|known| known.will_wake(waker)) {
                list.push(waker.clone());
            }
            return;
        }
        if list.len() == SHORT {
            // It becomes long, or is looked at again before it does.
            let those: Vec<Known> = list.iter().map(|it| known(interest, it)).collect();
            self.known.extend(those);
        }
        if self.known.contains(&known(interest, waker)) {
            return;
        }
        // It is the clone that is held live: it may lie elsewhere than what it was made of.
        let held = waker.clone();
        self.known.insert(known(interest, &held));
        self.list(interest).push(held);
    }

    /// Moves those who wait for `interest` to `woken`.
    #[inline]
    pub(crate) fn wake(&mut self, interest: Interest, woken: &mut Vec<Waker>) {
        let list = self.list(interest);
        if !list.is_empty() {
            woken.append(list);
            if !self.known.is_empty() {
                self.known.retain(|it| it.0 != interest);
            }
        }
    }

    /// Moves all of them to `woken`.
    pub(crate) fn wake_all(&mut self, woken: &mut Vec<Waker>) {
        for interest in [Interest::Read, Interest::Write, Interest::Urgent] {
            self.wake(interest, woken);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Interest, Waiters};
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::{Wake, Waker};

    struct Count(AtomicU32);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn a_task_waits_once_and_every_task_is_woken() {
        let mut waiters = Waiters::default();
        let mut woken = Vec::new();
        let one = Waker::from(Arc::new(Count(AtomicU32::new(0))));
        for _ in 0..10 {
            waiters.add(Interest::Read, &one);
        }
        waiters.wake(Interest::Write, &mut woken);
        assert!(woken.is_empty());
        waiters.wake(Interest::Read, &mut woken);
        assert_eq!(woken.len(), 1);
        woken.clear();
        for _ in 0..2000 {
            let other = Waker::from(Arc::new(Count(AtomicU32::new(0))));
            waiters.add(Interest::Urgent, &other);
        }
        assert!(woken.is_empty(), "nobody is woken for nothing");
        waiters.wake_all(&mut woken);
        assert_eq!(woken.len(), 2000);
    }

    /// So many that looking through them for each would take minutes; all of them again, as tasks that are polled without
    /// reason do.
    #[test]
    fn many_tasks_wait_in_the_order_in_which_they_came() {
        let tasks: Vec<Waker> = std::iter::repeat_with(|| Arc::new(Count(AtomicU32::new(0))))
            .map(Waker::from)
            .take(50_000)
            .collect();
        let mut waiters = Waiters::default();
        let mut woken = Vec::new();
        for _ in 0..2 {
            for task in tasks.iter().chain(&tasks) {
                waiters.add(Interest::Read, task);
            }
            waiters.wake(Interest::Read, &mut woken);
            assert_eq!(woken.len(), tasks.len());
            let mut pairs = woken.drain(..).zip(&tasks);
            assert!(pairs.all(|(one, other)| one.will_wake(other)));
        }
    }
}
