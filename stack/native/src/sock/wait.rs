//! Who waits for a socket, and for what.

use std::task::Waker;

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The wakers of those who wait for a socket, one for each task and direction. Only the program's own tasks wait, so that
/// nothing that arrives makes it longer.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    read: Vec<Waker>,
    write: Vec<Waker>,
    urgent: Vec<Waker>,
}

impl Waiters {
    fn list(&mut self, interest: Interest) -> &mut Vec<Waker> {
        match interest {
            Interest::Read => &mut self.read,
            Interest::Write => &mut self.write,
            Interest::Urgent => &mut self.urgent,
        }
    }

    /// Remembers to wake `waker`.
    pub(crate) fn add(&mut self, interest: Interest, waker: &Waker) {
        let list = self.list(interest);
        if !list.iter().any(|known| known.will_wake(waker)) {
            list.push(waker.clone());
        }
    }

    /// Moves those who wait for `interest` to `woken`.
    #[inline]
    pub(crate) fn wake(&mut self, interest: Interest, woken: &mut Vec<Waker>) {
        let list = self.list(interest);
        if !list.is_empty() {
            woken.append(list);
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
}
