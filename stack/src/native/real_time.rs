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

impl Alarm for RealTime {
    fn schedule(&self, at: Instant) {
        if self.at.fetch_min(at.as_nanos(), Ordering::AcqRel) > at.as_nanos() {
            self.earlier.notify_one();
        }
    }
}

impl RealTime {
    /// Tells the host that its alarm is due, as long as anybody else holds it.
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
