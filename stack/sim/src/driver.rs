//! What makes virtual time pass: the loop between a simulated world and the tasks that live in it.
//!
//! Tasks run on one thread, on a tokio runtime whose clock is paused. Such a clock jumps by itself to the runtime's
//! next timer when every task waits; but it knows whole milliseconds only, and nothing of packets. So the runtime's
//! clock is not what tasks and packets go by: the [`VirtualClock`] is, and the driver moves both.
//!
//! The driver is a task that runs when all others wait: the runtime is about to park then, and its hook says so to
//! the driver if the driver has asked (unasked it would be woken at every park, and the runtime never come to rest).
//! Each turn it looks at the earliest thing due, whether of the world or of the clock's timers, and
//!
//! * finds nothing: then the tasks' own runtime timers are all that can happen. It lets the runtime jump to them, and
//!   waits for news. A timer a year ahead catches the case in which there is nothing at all;
//! * finds it more than [`FAR`] away: it lets the runtime jump to timers that lie in between, waits for news of
//!   something earlier, and sets a timer of its own a little before it is due;
//! * finds it near: it moves the clocks there and lets it happen. It never crosses the beginning of a millisecond in
//!   one step, for that is when runtime timers fire. As long as nothing wakes a task, it goes on at once.
//!
//! Runtime timers of applications (`tokio::time`) are late by less than a millisecond; sleeping by
//! [`Clock`](fairway_stack::Clock) is exact.

use fairway_stack::{Instant, VirtualClock};
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The runtime's timers fire at multiples of this.
const TICK: Duration = Duration::from_millis(1);
/// From this far away on, the runtime jumps.
const FAR: Duration = Duration::from_millis(2);
/// No simulation waits that long for the only thing that can happen.
const NEVER: Duration = Duration::from_secs(365 * 86_400);

/// What happens beside the tasks: packets on links, deadlines of engines.
pub(crate) trait World: Send + Sync + 'static {
    /// When the next thing is due. Whatever makes it earlier calls [`VirtualClock::announce`].
    fn next_event(&self) -> Option<Instant>;

    /// Does all that is due at `now`, in a fixed order; the tasks to wake go to `wakers`.
    fn handle_due(&self, now: Instant, wakers: &mut Vec<Waker>);

    /// Who waits, for the message that nothing can ever happen.
    fn waiting(&self) -> String;
}

/// A runtime in virtual time.
#[derive(Debug)]
pub(crate) struct Driver {
    runtime: tokio::runtime::Runtime,
    /// The runtime's name for [`Instant::ZERO`].
    start: tokio::time::Instant,
    clock: VirtualClock,
    idle: Arc<Idle>,
}

impl Driver {
    /// A runtime whose tasks see the time of `clock`, which stands at zero.
    ///
    /// # Errors
    /// The runtime's, if it cannot be built.
    pub(crate) fn new(clock: &VirtualClock) -> std::io::Result<Self> {
        let idle = Arc::new(Idle::default());
        let start = Arc::new(Mutex::new(None));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .on_thread_park({
                let idle = idle.clone();
                move || idle.reached()
            })
            .on_thread_unpark({
                // The runtime may have jumped to a timer, whose tasks run next.
                let (clock, start) = (clock.clone(), start.clone());
                move || {
                    if let Some(start) = *start.lock().unwrap_or_else(PoisonError::into_inner) {
                        clock.set(Instant::ZERO + (runtime_now() - start));
                    }
                }
            })
            .build()?;
        let now = {
            let _entered = runtime.enter();
            runtime_now()
        };
        *start.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        Ok(Self {
            runtime,
            start: now,
            clock: clock.clone(),
            idle,
        })
    }

    /// Where tasks are spawned.
    pub(crate) fn handle(&self) -> &tokio::runtime::Handle {
        self.runtime.handle()
    }

    /// Runs `main` to its end, and the world and all tasks with it. Tasks that remain go on at the next call.
    ///
    /// # Panics
    /// When `main` waits and nothing can ever happen. Inside a runtime.
    pub(crate) fn run<W: World, F: Future>(&self, world: &Arc<W>, main: F) -> F::Output {
        let turns = Turns {
            world: world.clone(),
            clock: self.clock.clone(),
            idle: self.idle.clone(),
            start: self.start,
            wakers: Vec::new(),
        };
        self.runtime.block_on(async {
            let mut turns = OnDrop(tokio::spawn(turns.run()));
            tokio::select! {
                biased;
                output = main => output,
                ended = &mut turns.0 => match ended {
                    Ok(never) => match never {},
                    Err(error) => std::panic::resume_unwind(
                        error.try_into_panic().unwrap_or_else(|_| Box::new("the driver was stopped")),
                    ),
                },
            }
        })
    }
}

/// The runtime's own time.
fn runtime_now() -> tokio::time::Instant {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is what makes the clock of a simulation"
    )]
    tokio::time::Instant::now()
}

/// A task that ends with its owner.
struct OnDrop<T>(tokio::task::JoinHandle<T>);

impl<T> Drop for OnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tells the driver, when it has asked, that every other task waits.
#[derive(Debug, Default)]
struct Idle {
    asked: AtomicBool,
    driver: Mutex<Option<Waker>>,
}

impl Idle {
    /// Called when the runtime is about to park.
    fn reached(&self) {
        if self.asked.swap(false, Ordering::Relaxed) {
            let driver = self
                .driver
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            if let Some(driver) = driver {
                driver.wake();
            }
        }
    }

    /// Waits until every other task waits.
    async fn wait(&self) {
        let mut waited = false;
        poll_fn(|cx| {
            if waited && !self.asked.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            waited = true;
            *self.driver.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
            self.asked.store(true, Ordering::Relaxed);
            Poll::Pending
        })
        .await;
    }
}

/// The loop of one run.
struct Turns<W> {
    world: Arc<W>,
    clock: VirtualClock,
    idle: Arc<Idle>,
    start: tokio::time::Instant,
    wakers: Vec<Waker>,
}

impl<W: World> Turns<W> {
    async fn run(mut self) -> std::convert::Infallible {
        loop {
            self.idle.wait().await;
            match self.next() {
                Some(at) if at <= self.clock.now() + FAR => self.go_near(),
                Some(at) => {
                    // On a whole tick and at least one before: the jump keeps what the runtime's clock is past a tick.
                    let before = at.as_nanos() / nanos(TICK) * nanos(TICK) - nanos(TICK);
                    self.jump(at, Instant::from_nanos(before)).await;
                }
                None => {
                    let end = self.clock.now() + NEVER;
                    self.jump(Instant::MAX, end).await;
                    if self.clock.now() >= end && self.next().is_none() {
                        #[expect(
                            clippy::panic,
                            reason = "documented: the alternative is to wait for ever"
                        )]
                        {
                            panic!("nothing can ever happen; {}", self.world.waiting());
                        }
                    }
                }
            }
        }
    }

    /// The earliest thing due.
    fn next(&self) -> Option<Instant> {
        let event = self.world.next_event();
        let timer = self.clock.next_deadline();
        match (event, timer) {
            (Some(event), Some(timer)) => Some(event.min(timer)),
            (one, other) => one.or(other),
        }
    }

    /// Lets the runtime jump to its timers up to `until`, and returns early when something before `due` is announced.
    async fn jump(&self, due: Instant, until: Instant) {
        let sleep = tokio::time::sleep_until(self.start + until.since_start());
        tokio::select! {
            biased;
            () = self.clock.earlier_than(due) => {}
            () = sleep => {}
        }
    }

    /// Lets happen what is near, until a task is to run or a tick begins.
    fn go_near(&mut self) {
        while let Some(at) = self.next() {
            let now = self.clock.now();
            if at > now + FAR {
                break;
            }
            let tick = Instant::from_nanos((now.as_nanos() / nanos(TICK) + 1) * nanos(TICK));
            let here = at.clamp(now, tick);
            self.clock.set(here);
            if at <= here {
                self.world.handle_due(here, &mut self.wakers);
                self.clock.take_due(&mut self.wakers);
            }
            if here == tick || !self.wakers.is_empty() {
                break;
            }
        }
        self.move_runtime();
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }

    /// Moves the runtime's clock to where ours is.
    fn move_runtime(&self) {
        let here = self.start + self.clock.now().since_start();
        // Moves the clock when first polled; then it only yields, which waiting for idleness does for us.
        let moved = pin!(tokio::time::advance(here - runtime_now()));
        let _yields = moved.poll(&mut Context::from_waker(Waker::noop()));
    }
}

/// As a number of nanoseconds.
fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
