//! The clock: the one place that reads it.

mod virtual_clock;

pub use virtual_clock::VirtualClock;

use fairway_wire::Instant;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};
use virtual_clock::VirtualTimer;

/// The time of one [`Net`](crate::Net): monotonic instants, the wall's time, sleeping and time limits.
///
/// Cheap to clone. Sleeping by the machine's clock needs the runtime the `Net` lives on (tokio with time enabled).
#[derive(Clone, Debug)]
pub struct Clock {
    source: Source,
}

/// Whose time it is.
#[derive(Clone, Debug)]
enum Source {
    /// The machine's, with where instants count from.
    System(std::time::Instant),
    /// A simulation's.
    Virtual(VirtualClock),
}

impl From<VirtualClock> for Clock {
    /// The clock of a simulated host: exact to the nanosecond.
    fn from(clock: VirtualClock) -> Self {
        Self {
            source: Source::Virtual(clock),
        }
    }
}

impl Clock {
    pub(crate) fn system() -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the clock is what reads the clock"
        )]
        let start = std::time::Instant::now();
        Self {
            source: Source::System(start),
        }
    }

    /// Now. Never goes back.
    #[must_use]
    pub fn now(&self) -> Instant {
        match &self.source {
            Source::System(start) => {
                Instant::from_nanos(u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX))
            }
            Source::Virtual(clock) => clock.now(),
        }
    }

    /// The calendar's time. May jump; for stamps that people or other machines read.
    #[must_use]
    pub fn wall(&self) -> SystemTime {
        match &self.source {
            #[expect(
                clippy::disallowed_methods,
                reason = "the clock is what reads the clock"
            )]
            Source::System(_) => SystemTime::now(),
            Source::Virtual(clock) => clock.wall(),
        }
    }

    /// Waits for `span`.
    ///
    /// # Cancel safety
    /// Dropping it forgets the wait.
    pub async fn sleep(&self, span: Duration) {
        self.sleep_until(self.now() + span).await;
    }

    /// Waits until `deadline`; returns at once if it has passed.
    ///
    /// # Cancel safety
    /// Dropping it forgets the wait.
    pub async fn sleep_until(&self, deadline: Instant) {
        match &self.source {
            Source::System(start) => match runtime_instant(*start, deadline) {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            },
            Source::Virtual(clock) => {
                let mut timer = clock.timer();
                poll_fn(|cx| timer.poll_until(deadline, cx)).await;
            }
        }
    }

    /// Runs `future` for at most `span`. Spares the timer where `future` is ready at once.
    ///
    /// # Errors
    /// [`Elapsed`] if the time was over first; `future` is dropped then.
    ///
    /// # Cancel safety
    /// That of `future`.
    pub async fn timeout<F: Future>(
        &self,
        span: Duration,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        self.timeout_at(self.now() + span, future).await
    }

    /// Runs `future` until `deadline` at most.
    ///
    /// # Errors
    /// [`Elapsed`] if the time was over first; `future` is dropped then.
    ///
    /// # Cancel safety
    /// That of `future`.
    pub async fn timeout_at<F: Future>(
        &self,
        deadline: Instant,
        future: F,
    ) -> Result<F::Output, Elapsed> {
        match &self.source {
            Source::System(start) => match runtime_instant(*start, deadline) {
                Some(at) => tokio::time::timeout_at(at, future)
                    .await
                    .map_err(|_| Elapsed),
                None => Ok(future.await),
            },
            Source::Virtual(clock) => {
                let mut future = pin!(future);
                let mut timer = clock.timer();
                poll_fn(|cx| match future.as_mut().poll(cx) {
                    Poll::Ready(output) => Poll::Ready(Ok(output)),
                    Poll::Pending => timer.poll_until(deadline, cx).map(|()| Err(Elapsed)),
                })
                .await
            }
        }
    }

    /// A timer that is not set.
    #[must_use]
    pub fn timer(&self) -> Timer {
        Timer {
            deadline: None,
            wait: match &self.source {
                Source::System(start) => Wait::System {
                    start: *start,
                    sleep: None,
                },
                Source::Virtual(clock) => Wait::Virtual(clock.timer()),
            },
        }
    }
}

/// The runtime's instant for ours, which counts from `start`; `None` if it lies beyond what the system can represent,
/// that is, never comes.
fn runtime_instant(start: std::time::Instant, at: Instant) -> Option<tokio::time::Instant> {
    start
        .checked_add(at.since_start())
        .map(tokio::time::Instant::from_std)
}

/// A time limit that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("time limit reached")]
pub struct Elapsed;

/// One timer that can be set again and again: the `poll_timeout` of a core, as a future.
///
/// It completes when its deadline passes, once per setting: afterwards, and before it is set, it is pending. Setting
/// it to the deadline it has costs a comparison.
///
/// ```
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
/// # runtime.block_on(async {
/// use std::pin::pin;
/// use std::time::Duration;
///
/// let clock = fairway_stack::Net::system().clock();
/// let mut timer = pin!(clock.timer());
/// timer.as_mut().reset(Some(clock.now() + Duration::from_millis(1)));
/// timer.as_mut().await;
/// # });
/// ```
pub struct Timer {
    deadline: Option<Instant>,
    wait: Wait,
}

/// What a timer waits with.
enum Wait {
    System {
        start: std::time::Instant,
        /// Made at the first setting, moved by later ones.
        sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    },
    Virtual(VirtualTimer),
}

impl Timer {
    /// Sets the timer to `deadline`, or stops it.
    pub fn reset(&mut self, deadline: Option<Instant>) {
        if deadline == self.deadline {
            return;
        }
        self.deadline = deadline;
        match &mut self.wait {
            Wait::System { start, sleep } => {
                let at = deadline.and_then(|deadline| runtime_instant(*start, deadline));
                self.deadline = deadline.filter(|_| at.is_some());
                match (at, sleep) {
                    (Some(at), Some(sleep)) => sleep.as_mut().reset(at),
                    (Some(at), none) => *none = Some(Box::pin(tokio::time::sleep_until(at))),
                    (None, _) => {}
                }
            }
            // What it is set to counts when it is polled, which whoever sets it does.
            Wait::Virtual(timer) => {
                if deadline.is_none() {
                    timer.stop();
                }
            }
        }
    }

    /// Ready when the deadline has passed, once per setting; for hand-written futures. Remembers one waker.
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else {
            // Whoever sets it polls it again: `reset` needs the same `&mut`.
            return Poll::Pending;
        };
        match &mut self.wait {
            Wait::System { sleep, .. } => {
                if let Some(sleep) = sleep {
                    ready!(sleep.as_mut().poll(cx));
                }
            }
            Wait::Virtual(timer) => ready!(timer.poll_until(deadline, cx)),
        }
        self.deadline = None;
        Poll::Ready(())
    }

    /// What it is set to.
    #[must_use]
    pub const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.get_mut().poll_expired(cx)
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer")
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}
