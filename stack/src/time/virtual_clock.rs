//! Time that moves only when it is told to.

use fairway_wire::Instant;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::SystemTime;

/// Entries of dropped or moved timers that may lie in the heap beside as many again as there are live ones.
const STALE: usize = 64;

/// A clock whose time is set by a driver, with the timers of everything that waits for it.
///
/// For drivers of simulations (`fairway-sim`); programs see it as a [`Clock`](crate::Clock), to the nanosecond. Cheap
/// to clone: clones are the same clock.
///
/// A driver works in turns: when every task waits, it takes the earlier of [`next_deadline`](Self::next_deadline) and
/// its own next event, calls [`set`](Self::set) with it and then [`take_due`](Self::take_due), and wakes. While it
/// waits for something else it holds [`earlier_than`](Self::earlier_than), which whoever plans something earlier
/// completes by [`announce`](Self::announce); timers do so themselves.
#[derive(Clone)]
pub struct VirtualClock {
    shared: Arc<Shared>,
}

struct Shared {
    now: AtomicU64,
    /// What the driver waits for; something earlier wakes it. 0 while it does not wait.
    awaited: AtomicU64,
    driver: Mutex<Option<Waker>>,
    wall_start: SystemTime,
    timers: Mutex<Timers>,
}

impl VirtualClock {
    /// A clock that stands at [`Instant::ZERO`], which the calendar calls `wall_start`.
    #[must_use]
    pub fn new(wall_start: SystemTime) -> Self {
        Self {
            shared: Arc::new(Shared {
                now: AtomicU64::new(0),
                awaited: AtomicU64::new(0),
                driver: Mutex::new(None),
                wall_start,
                timers: Mutex::new(Timers::default()),
            }),
        }
    }

    /// Now.
    #[inline]
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::from_nanos(self.shared.now.load(Ordering::Acquire))
    }

    /// The calendar's time.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        self.shared.wall_start + self.now().since_start()
    }

    /// Moves the clock forward to `now`; it never goes back.
    pub fn set(&self, now: Instant) {
        self.shared.now.fetch_max(now.as_nanos(), Ordering::AcqRel);
    }

    /// When the earliest timer is due.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.timers().next().map(|entry| entry.at)
    }

    /// Takes the wakers of the timers that are due, by deadline and then in the order in which they were set.
    pub fn take_due(&self, into: &mut Vec<Waker>) {
        let now = self.now();
        let mut timers = self.timers();
        while let Some(entry) = timers.next().filter(|entry| entry.at <= now) {
            into.extend(timers.fire(entry));
        }
    }

    /// Says that something is due at `at`: the driver wakes if it waits for anything later.
    #[inline]
    pub fn announce(&self, at: Instant) {
        if at.as_nanos() < self.shared.awaited.load(Ordering::Acquire) {
            self.wake_driver();
        }
    }

    #[cold]
    fn wake_driver(&self) {
        self.shared.awaited.store(0, Ordering::Release);
        let driver = lock(&self.shared.driver).take();
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Completes when something earlier than `at` is announced after the first poll; for the one driver of this clock.
    ///
    /// # Cancel safety
    /// Dropping it ends the wait at the next announcement; a later call replaces it.
    pub fn earlier_than(&self, at: Instant) -> impl Future<Output = ()> + Send + '_ {
        let mut begun = false;
        poll_fn(move |cx| {
            let awaited = &self.shared.awaited;
            if begun && awaited.load(Ordering::Acquire) == 0 {
                return Poll::Ready(());
            }
            begun = true;
            *lock(&self.shared.driver) = Some(cx.waker().clone());
            awaited.store(at.as_nanos(), Ordering::Release);
            Poll::Pending
        })
    }

    /// A timer of this clock.
    pub(crate) fn timer(&self) -> VirtualTimer {
        VirtualTimer {
            clock: self.clone(),
            slot: None,
        }
    }

    fn timers(&self) -> MutexGuard<'_, Timers> {
        lock(&self.shared.timers)
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualClock")
            .field("now", &self.now())
            .finish_non_exhaustive()
    }
}

/// Locks; what a panic elsewhere left is whole, for nothing here panics half way.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits for one deadline after the other.
pub(crate) struct VirtualTimer {
    clock: VirtualClock,
    /// Taken when it first has to wait, given back when it is over or dropped.
    slot: Option<usize>,
}

impl VirtualTimer {
    /// Ready once the clock has reached `deadline`; remembers one waker. [`Instant::MAX`] never comes.
    pub(crate) fn poll_until(&mut self, deadline: Instant, cx: &Context<'_>) -> Poll<()> {
        if deadline == Instant::MAX {
            self.stop();
            return Poll::Pending;
        }
        if self.clock.now() >= deadline {
            self.stop();
            return Poll::Ready(());
        }
        let mut timers = self.clock.timers();
        let slot = *self.slot.get_or_insert_with(|| timers.open());
        if timers.arm(slot, deadline, cx.waker()) {
            drop(timers);
            self.clock.announce(deadline);
        }
        Poll::Pending
    }

    /// Forgets the deadline.
    pub(crate) fn stop(&mut self) {
        if let Some(slot) = self.slot.take() {
            self.clock.timers().close(slot);
        }
    }
}

impl Drop for VirtualTimer {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The timers that are set: a slot each, and a heap of what is due when.
///
/// The heap is lazy. A timer that moves to a later time keeps its entry, which moves on when it comes up; one that is
/// dropped leaves its entry, which is then skipped, and swept out when such entries are in the majority.
#[derive(Default)]
struct Timers {
    slots: Vec<Slot>,
    free: Vec<usize>,
    heap: BinaryHeap<Reverse<Entry>>,
    /// Numbers the settings: the order of timers that are due at once.
    settings: u64,
}

#[derive(Default)]
struct Slot {
    deadline: Option<Instant>,
    /// The number of the last setting.
    setting: u64,
    /// Its entry in the heap; other entries that name this slot are stale.
    entry: Option<Entry>,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    at: Instant,
    setting: u64,
    slot: usize,
}

impl Timers {
    fn open(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            self.slots.len() - 1
        })
    }

    fn close(&mut self, slot: usize) {
        if let Some(it) = self.slots.get_mut(slot) {
            *it = Slot::default();
            self.free.push(slot);
        }
        if self.heap.len() > STALE + 2 * (self.slots.len() - self.free.len()) {
            let slots = &self.slots;
            self.heap
                .retain(|Reverse(entry)| is_live(slots, entry).is_some());
        }
    }

    /// Sets a timer; says whether that is news, not the same again.
    fn arm(&mut self, slot: usize, deadline: Instant, waker: &Waker) -> bool {
        let Some(it) = self.slots.get_mut(slot) else {
            return false;
        };
        match &mut it.waker {
            Some(old) => old.clone_from(waker),
            none => *none = Some(waker.clone()),
        }
        if it.deadline == Some(deadline) {
            return false;
        }
        self.settings += 1;
        it.deadline = Some(deadline);
        it.setting = self.settings;
        if it.entry.is_none_or(|entry| deadline <= entry.at) {
            let entry = Entry {
                at: deadline,
                setting: self.settings,
                slot,
            };
            it.entry = Some(entry);
            self.heap.push(Reverse(entry));
        }
        true
    }

    /// The entry that is due first, after those that are no longer true have gone.
    fn next(&mut self) -> Option<Entry> {
        while let Some(&Reverse(entry)) = self.heap.peek() {
            let Some(deadline) = is_live(&self.slots, &entry) else {
                self.heap.pop();
                continue;
            };
            if deadline == entry.at {
                return Some(entry);
            }
            // It has moved to a later time since.
            self.heap.pop();
            if let Some(it) = self.slots.get_mut(entry.slot) {
                let moved = Entry {
                    at: deadline,
                    setting: it.setting,
                    slot: entry.slot,
                };
                it.entry = Some(moved);
                self.heap.push(Reverse(moved));
            }
        }
        None
    }

    /// Takes the waker of an entry that [`next`](Self::next) gave.
    fn fire(&mut self, entry: Entry) -> Option<Waker> {
        self.heap.pop();
        let it = self.slots.get_mut(entry.slot)?;
        it.deadline = None;
        it.entry = None;
        it.waker.take()
    }
}

/// The deadline of the timer that `entry` stands for, unless the entry is stale.
fn is_live(slots: &[Slot], entry: &Entry) -> Option<Instant> {
    let slot = slots.get(entry.slot)?;
    slot.deadline.filter(|_| slot.entry == Some(*entry))
}

#[cfg(test)]
mod tests {
    use super::{STALE, VirtualClock};
    use fairway_wire::Instant;
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};
    use std::time::{Duration, SystemTime};

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn at(micros: u64) -> Instant {
        Instant::ZERO + Duration::from_micros(micros)
    }

    fn clock() -> VirtualClock {
        VirtualClock::new(SystemTime::UNIX_EPOCH)
    }

    fn due(clock: &VirtualClock) -> usize {
        let mut wakers = Vec::new();
        clock.take_due(&mut wakers);
        wakers.len()
    }

    #[test]
    fn time_moves_only_when_it_is_set_and_never_back() {
        let clock = clock();
        clock.set(at(5));
        clock.set(at(3));
        assert_eq!(clock.now(), at(5));
        assert_eq!(
            clock.wall(),
            SystemTime::UNIX_EPOCH + Duration::from_micros(5)
        );
    }

    #[test]
    fn timers_are_due_at_the_nanosecond_they_are_set_to() {
        let clock = clock();
        let cx = Context::from_waker(Waker::noop());
        let mut timer = clock.timer();
        let deadline = at(7) + Duration::from_nanos(1);
        assert!(timer.poll_until(deadline, &cx).is_pending());
        assert_eq!(clock.next_deadline(), Some(deadline));
        clock.set(at(7));
        assert_eq!(due(&clock), 0);
        clock.set(deadline);
        assert_eq!(due(&clock), 1);
        assert_eq!(timer.poll_until(deadline, &cx), Poll::Ready(()));
        assert_eq!(clock.next_deadline(), None);
    }

    #[test]
    fn a_timer_can_be_moved_both_ways_and_dropped() {
        let clock = clock();
        let cx = Context::from_waker(Waker::noop());
        let mut timer = clock.timer();
        for micros in [10, 30, 20, 5, 40] {
            assert!(timer.poll_until(at(micros), &cx).is_pending());
            assert_eq!(clock.next_deadline(), Some(at(micros)));
        }
        assert!(timer.poll_until(Instant::MAX, &cx).is_pending());
        assert_eq!(clock.next_deadline(), None);
        assert!(timer.poll_until(at(9), &cx).is_pending());
        drop(timer);
        assert_eq!(clock.next_deadline(), None);
    }

    #[test]
    fn dropped_timers_do_not_pile_up() {
        let clock = clock();
        let cx = Context::from_waker(Waker::noop());
        let mut kept = clock.timer();
        assert!(kept.poll_until(at(1), &cx).is_pending());
        for _ in 0..10_000 {
            assert!(clock.timer().poll_until(at(30_000_000), &cx).is_pending());
        }
        assert!(clock.timers().heap.len() <= STALE + 4);
        assert_eq!(clock.next_deadline(), Some(at(1)));
    }

    #[test]
    fn timers_due_at_once_fire_in_the_order_they_were_set() {
        let clock = clock();
        let counts: Vec<Arc<Count>> = (0..3).map(|_| Arc::default()).collect();
        let mut timers = Vec::new();
        // The first was set to something else before: its last setting counts.
        for (order, micros) in [(0, 5), (1, 9), (2, 9), (0, 9)] {
            let waker = Waker::from(counts[order].clone());
            if order == timers.len() {
                timers.push(clock.timer());
            }
            let cx = Context::from_waker(&waker);
            assert!(timers[order].poll_until(at(micros), &cx).is_pending());
        }
        clock.set(at(9));
        let mut wakers = Vec::new();
        clock.take_due(&mut wakers);
        let order: Vec<usize> = wakers
            .into_iter()
            .filter_map(|waker| {
                let before: Vec<usize> =
                    counts.iter().map(|c| c.0.load(Ordering::Relaxed)).collect();
                waker.wake();
                (0..3).find(|&i| counts[i].0.load(Ordering::Relaxed) != before[i])
            })
            .collect();
        assert_eq!(order, [1, 2, 0]);
    }

    #[test]
    fn the_driver_hears_of_what_is_earlier_and_of_nothing_else() {
        let clock = clock();
        let count = Arc::new(Count::default());
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        let mut earlier = pin!(clock.earlier_than(at(10)));
        assert!(earlier.as_mut().poll(&mut cx).is_pending());
        clock.announce(at(10));
        assert_eq!(count.0.load(Ordering::Relaxed), 0);
        let mut timer = clock.timer();
        let noop = Context::from_waker(Waker::noop());
        assert!(timer.poll_until(at(9), &noop).is_pending());
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(earlier.as_mut().poll(&mut cx).is_ready());
    }
}
