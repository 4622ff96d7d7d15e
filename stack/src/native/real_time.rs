//! Calls a host in real time.

use super::host::Alarm;
use crate::Clock;
use fairway_wire::Instant;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::task::Poll;
use tokio::sync::Notify;

/// An alarm that a task waits for.
#[derive(Debug)]
pub(super) struct RealTime {
    /// When, in nanoseconds; the greatest number for never.
    at: AtomicU64,
    earlier: Notify,
}

impl Default for RealTime {
    fn default() -> Self {
        Self {
            at: AtomicU64::new(u64::MAX),
            earlier: Notify::new(),
        }
    }
}

/// What is called.
pub(super) trait Driven: Send + Sync {
    fn handle_timeout(self: Arc<Self>);
}

/// The host's end of an alarm: when the host is gone, the task that waits is told, and ends.
#[derive(Debug)]
pub(super) struct Owned(Arc<RealTime>);

impl Alarm for Owned {
    fn schedule(&self, at: Instant) {
        self.0.schedule(at);
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.0.schedule(Instant::ZERO);
    }
}

impl RealTime {
    /// The end of whoever wants to be called.
    pub(super) fn owned(self: &Arc<Self>) -> Owned {
        Owned(self.clone())
    }

    fn schedule(&self, at: Instant) {
        if self.at.fetch_min(at.as_nanos(), Ordering::AcqRel) > at.as_nanos() {
            self.earlier.notify_one();
        }
    }

    /// Tells the host that its alarm is due, until nobody holds the host any more.
    pub(super) async fn run<T: Driven + 'static>(self: Arc<Self>, host: Weak<T>, clock: Clock) {
        let mut timer = clock.timer();
        loop {
            let at = Instant::from_nanos(self.at.load(Ordering::Acquire));
            timer.reset((at != Instant::MAX).then_some(at));
            let mut earlier = pin!(self.earlier.notified());
            let due = poll_fn(|cx| match earlier.as_mut().poll(cx) {
                Poll::Ready(()) => Poll::Ready(false),
                Poll::Pending => timer.poll_expired(cx).map(|()| true),
            });
            if !due.await {
                continue;
            }
            // The host says again what it wants next, as if it had never said.
            self.at.store(u64::MAX, Ordering::Release);
            match host.upgrade() {
                Some(host) => host.handle_timeout(),
                None => return,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Driven, RealTime};
    use crate::Clock;
    use crate::native::Alarm as _;
    use fairway_wire::Instant;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    #[derive(Default)]
    struct Count(AtomicU32);

    impl Driven for Count {
        fn handle_timeout(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether it waits for nothing, or for something far off.
    #[tokio::test]
    async fn the_task_ends_with_its_host() {
        for far in [None, Some(Duration::from_secs(1 << 30))] {
            let alarm = Arc::new(RealTime::default());
            let (owned, host) = (alarm.owned(), Arc::new(Count::default()));
            let clock = Clock::system();
            let task = tokio::spawn(alarm.run(Arc::downgrade(&host), clock.clone()));
            owned.schedule(Instant::ZERO);
            while host.0.load(Ordering::Relaxed) == 0 {
                tokio::task::yield_now().await;
            }
            if let Some(far) = far {
                owned.schedule(clock.now() + far);
            }
            tokio::task::yield_now().await;
            drop((host, owned));
            task.await.unwrap();
        }
    }
}
