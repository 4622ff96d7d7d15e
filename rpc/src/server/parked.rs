//! Handlers that did not finish at once, and who wakes them.
//!
//! A connection polls each handler once where it stands. One that waits is parked in a slot; every slot has a waker of its own, made once
//! and used for all calls that sit there, so that only those are polled again that were woken.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// Locks what stays whole whatever happens: nothing panics in the sections.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a task is woken from outside, and which of its slots were.
#[derive(Debug, Default)]
pub(crate) struct Wakeups {
    task: Mutex<Option<Waker>>,
    woken: Mutex<Vec<usize>>,
    /// Whether there are any, so that the usual question takes no lock.
    any_woken: AtomicBool,
}

impl Wakeups {
    /// Wakes the task.
    pub(crate) fn wake(&self) {
        let waker = lock(&self.task).clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Says which task to wake; the task does so whenever it is polled, before it looks at anything.
    pub(crate) fn register(&self, cx: &Context<'_>) {
        let mut task = lock(&self.task);
        if !task
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()))
        {
            *task = Some(cx.waker().clone());
        }
    }
}

#[derive(Debug)]
struct SlotWaker {
    slot: usize,
    /// Already among the woken.
    queued: AtomicBool,
    wakeups: Arc<Wakeups>,
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.queued.swap(true, Ordering::AcqRel) {
            lock(&self.wakeups.woken).push(self.slot);
            self.wakeups.any_woken.store(true, Ordering::Release);
            self.wakeups.wake();
        }
    }
}

/// Something that can be polled to an end.
pub(crate) trait Job {
    /// What it ends with.
    type Output;

    /// Polls it.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output>;
}

#[derive(Debug)]
struct Slot<J> {
    waker: Waker,
    own: Arc<SlotWaker>,
    job: Option<J>,
}

/// The slots of one task.
#[derive(Debug)]
pub(crate) struct Parking<J> {
    slots: Vec<Slot<J>>,
    free: Vec<usize>,
    parked: usize,
    wakeups: Arc<Wakeups>,
    /// Scratch: the slots being polled.
    polling: Vec<usize>,
}

impl<J: Job> Parking<J> {
    pub(crate) fn new(wakeups: Arc<Wakeups>) -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            parked: 0,
            wakeups,
            polling: Vec::new(),
        }
    }

    /// How many are parked.
    pub(crate) fn len(&self) -> usize {
        self.parked
    }

    /// Polls a job for the first time; if it waits, [`park`](Self::park) it at once.
    pub(crate) fn poll_first(&mut self, job: &mut J) -> Poll<J::Output> {
        let at = match self.free.last() {
            Some(at) => *at,
            None => self.add_slot(),
        };
        match self.slots.get(at) {
            Some(slot) => job.poll(&mut Context::from_waker(&slot.waker)),
            None => Poll::Pending,
        }
    }

    /// Parks the job that was polled last and waits.
    pub(crate) fn park(&mut self, job: J) {
        let at = self.free.pop();
        if let Some(slot) = at.and_then(|at| self.slots.get_mut(at)) {
            slot.job = Some(job);
            self.parked += 1;
        }
    }

    /// Polls those that were woken, and hands over each that has ended.
    pub(crate) fn poll_woken(&mut self, mut ended: impl FnMut(J, J::Output)) {
        if !self.wakeups.any_woken.swap(false, Ordering::AcqRel) {
            return;
        }
        if self.parked == 0 {
            // Wakers outlive their calls: somebody may still wake a slot whose call has ended.
            self.forget_woken();
            return;
        }
        std::mem::swap(&mut self.polling, &mut *lock(&self.wakeups.woken));
        for at in self.polling.drain(..) {
            let Some(slot) = self.slots.get_mut(at) else {
                continue;
            };
            // Before polling: a wake from now on counts for the next time.
            slot.own.queued.store(false, Ordering::Release);
            let Some(mut job) = slot.job.take() else {
                continue;
            };
            match job.poll(&mut Context::from_waker(&slot.waker)) {
                Poll::Ready(output) => {
                    self.free.push(at);
                    self.parked -= 1;
                    ended(job, output);
                }
                Poll::Pending => slot.job = Some(job),
            }
        }
    }

    fn forget_woken(&mut self) {
        let mut woken = lock(&self.wakeups.woken);
        for at in woken.drain(..) {
            if let Some(slot) = self.slots.get(at) {
                slot.own.queued.store(false, Ordering::Release);
            }
        }
    }

    /// Takes out those that `wanted` says, ended or not.
    pub(crate) fn take_if(&mut self, mut wanted: impl FnMut(&J) -> bool) -> Vec<J> {
        let mut taken = Vec::new();
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if slot.job.as_ref().is_some_and(&mut wanted)
                && let Some(job) = slot.job.take()
            {
                self.free.push(at);
                self.parked -= 1;
                taken.push(job);
            }
        }
        taken
    }

    /// Those that are parked.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &J> {
        self.slots.iter().filter_map(|slot| slot.job.as_ref())
    }

    /// Gives back the memory of the slots when nobody sits in them.
    pub(crate) fn release(&mut self) {
        if self.parked == 0 && self.slots.len() > 1 {
            self.forget_woken();
            self.slots = Vec::new();
            self.free = Vec::new();
            self.polling = Vec::new();
        }
    }

    fn add_slot(&mut self) -> usize {
        let at = self.slots.len();
        let own = Arc::new(SlotWaker {
            slot: at,
            queued: AtomicBool::new(false),
            wakeups: Arc::clone(&self.wakeups),
        });
        self.slots.push(Slot {
            waker: Waker::from(Arc::clone(&own)),
            own,
            job: None,
        });
        self.free.push(at);
        at
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicUsize;

    /// Ends when its number of polls is used up; keeps its waker where the test can reach it.
    struct Steps {
        name: u32,
        left: u32,
        waker: Arc<Mutex<Option<Waker>>>,
    }

    impl Job for Steps {
        type Output = u32;

        fn poll(&mut self, cx: &mut Context<'_>) -> Poll<u32> {
            *self.waker.lock().unwrap() = Some(cx.waker().clone());
            if self.left == 0 {
                return Poll::Ready(self.name);
            }
            self.left -= 1;
            Poll::Pending
        }
    }

    fn steps(name: u32, left: u32) -> (Steps, Arc<Mutex<Option<Waker>>>) {
        let waker = Arc::default();
        (
            Steps {
                name,
                left,
                waker: Arc::clone(&waker),
            },
            waker,
        )
    }

    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn start(parking: &mut Parking<Steps>, mut job: Steps) -> Option<u32> {
        match parking.poll_first(&mut job) {
            Poll::Ready(name) => Some(name),
            Poll::Pending => {
                parking.park(job);
                None
            }
        }
    }

    fn ended(parking: &mut Parking<Steps>) -> Vec<u32> {
        let mut all = Vec::new();
        parking.poll_woken(|_, name| all.push(name));
        all
    }

    #[test]
    fn only_what_was_woken_is_polled() {
        let task = Arc::new(Woken(AtomicUsize::new(0)));
        let task_waker = Waker::from(Arc::clone(&task));
        let wakeups = Arc::new(Wakeups::default());
        let mut parking = Parking::new(Arc::clone(&wakeups));
        wakeups.register(&Context::from_waker(&task_waker));

        let (at_once, _) = steps(1, 0);
        assert_eq!(start(&mut parking, at_once), Some(1));
        let (two, wake_two) = steps(2, 1);
        let (three, wake_three) = steps(3, 2);
        assert!(start(&mut parking, two).is_none());
        assert!(start(&mut parking, three).is_none());
        assert_eq!(ended(&mut parking), [0; 0]);

        wake_three.lock().unwrap().clone().unwrap().wake();
        wake_three.lock().unwrap().clone().unwrap().wake();
        assert_eq!(
            task.0.load(Ordering::Relaxed),
            1,
            "woken once for two wakes"
        );
        assert_eq!(ended(&mut parking), [0; 0], "three has one more step");
        wake_two.lock().unwrap().clone().unwrap().wake();
        wake_three.lock().unwrap().clone().unwrap().wake();
        assert_eq!(ended(&mut parking), [2, 3]);
        assert_eq!(parking.len(), 0);
    }

    #[test]
    fn a_wake_after_the_end_disturbs_nobody() {
        let wakeups = Arc::new(Wakeups::default());
        let mut parking = Parking::new(wakeups);
        let (one, wake_one) = steps(1, 1);
        assert!(start(&mut parking, one).is_none());
        let waker = wake_one.lock().unwrap().clone().unwrap();
        waker.wake_by_ref();
        assert_eq!(ended(&mut parking), [1]);
        waker.wake_by_ref();
        let (two, wake_two) = steps(2, 2);
        assert!(start(&mut parking, two).is_none());
        assert_eq!(
            ended(&mut parking),
            [0; 0],
            "polled once for the stray wake"
        );
        wake_two.lock().unwrap().clone().unwrap().wake();
        assert_eq!(ended(&mut parking), [2]);
        waker.wake();
        parking.release();
    }
}
