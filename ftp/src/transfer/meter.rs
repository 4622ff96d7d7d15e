//! Progress, speed and patience of a transfer.

use super::{BUFFER, Options, Report};
use crate::error::Error;
use crate::reply::Reply;
use crate::site::Site;
use crate::verify::Verify;
use fairway_stack::{Clock, Instant};
use std::sync::Arc;
use std::time::Duration;

/// How far a transfer has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Where in the file it began.
    pub from: u64,
    /// Octets moved since.
    pub octets: u64,
    /// How many the file has in all, if that is known.
    pub total: Option<u64>,
}

/// Is told how far a transfer has come, some times a second. Must not wait.
pub type ProgressSink = Arc<dyn Fn(&Progress) + Send + Sync>;

/// How often to begin again, and how long to wait before.
pub(crate) struct Patience {
    left: u32,
    wait: Duration,
    clock: Clock,
}

impl Patience {
    pub(crate) fn new(site: &Site) -> Self {
        let limits = &site.shared.limits;
        Self {
            left: limits.retries,
            wait: limits.retry_wait,
            clock: site.shared.net.clock(),
        }
    }

    pub(crate) async fn again(&mut self, error: Error, meter: &mut Meter) -> Result<(), Error> {
        self.wait(error).await?;
        meter.retries += 1;
        Ok(())
    }

    pub(crate) async fn wait(&mut self, error: Error) -> Result<(), Error> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(error);
        };
        self.left = left;
        tracing::info!(%error, wait = ?self.wait, "transfer is taken up again");
        self.clock.sleep(self.wait).await;
        self.wait = self.wait.saturating_mul(2);
        Ok(())
    }
}

/// Counts, reports and slows down.
pub(crate) struct Meter {
    clock: Clock,
    start: Instant,
    /// Since when the rate is kept.
    paced_from: Instant,
    pub(crate) from: u64,
    pub(crate) octets: u64,
    total: Option<u64>,
    pub(crate) retries: u32,
    rate: Option<u64>,
    sink: Option<ProgressSink>,
    told_at: Instant,
}

/// How often progress is told.
const TELL: Duration = Duration::from_millis(100);

impl Meter {
    pub(crate) fn new(clock: Clock, options: &Options, from: u64) -> Self {
        let start = clock.now();
        Self {
            clock,
            start,
            paced_from: start,
            from,
            octets: 0,
            total: options.total,
            retries: 0,
            rate: options.rate,
            sink: options.progress.clone(),
            told_at: start,
        }
    }

    pub(crate) fn total(&mut self, announced: Option<u64>) {
        self.total = self.total.or(announced);
    }

    /// How much to move at once: a slow transfer goes in small steps.
    pub(crate) fn chunk(&self) -> usize {
        match self.rate {
            Some(rate) => usize::try_from(rate / 10)
                .unwrap_or(BUFFER)
                .clamp(512, BUFFER),
            None => BUFFER,
        }
    }

    pub(crate) async fn moved(&mut self, octets: usize) {
        self.octets += octets as u64;
        if self.sink.is_none() && self.rate.is_none() {
            return;
        }
        let now = self.clock.now();
        if now.saturating_duration_since(self.told_at) >= TELL {
            self.told_at = now;
            self.tell();
        }
        if let Some(rate) = self.rate {
            let due = self.paced_from + Duration::from_secs_f64(self.octets as f64 / rate as f64);
            self.clock.sleep_until(due).await;
        }
    }

    fn tell(&self) {
        if let Some(sink) = &self.sink {
            sink(&Progress {
                from: self.from,
                octets: self.octets,
                total: self.total,
            });
        }
    }

    /// It begins there.
    pub(crate) const fn restart_at(&mut self, from: u64) {
        (self.from, self.octets) = (from, 0);
    }

    /// What was moved does not count any more.
    pub(crate) fn begin_anew(&mut self, from: u64) {
        self.restart_at(from);
        self.retries += 1;
        self.paced_from = self.clock.now();
    }

    pub(crate) fn report(&self, reply: Option<Reply>) -> Report {
        self.tell();
        Report {
            octets: self.octets,
            from: self.from,
            time: self.clock.now().saturating_duration_since(self.start),
            retries: self.retries,
            reply,
            name: None,
            verified: Verify::No,
            algorithm: None,
        }
    }
}
