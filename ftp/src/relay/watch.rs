//! How far a transfer between servers has come, as seen from outside.

use super::proof::Known;
use super::{Job, Side};
use crate::error::Error;
use crate::pool::{Lease, Pool};
use crate::session::Verb;
use crate::site::{enter, size_on};
use crate::transfer::Progress;
use std::time::Duration;

/// How often the size of the target is asked for, if somebody wants to know.
const OFTEN: Duration = Duration::from_secs(1);

impl Job {
    /// Looks at the target from time to time; ends, with how long that took, if it stands still.
    ///
    /// A target that is in the pool only once more is left alone: this is no reason to wait for a connection. And a file
    /// that has the size it had before need not be the one that is being written: some servers write to another, and
    /// rename it.
    pub(super) async fn watch(&self, known: &Known) -> Duration {
        let (clock, limits) = (self.shared.net.clock(), &self.shared.limits);
        let still = limits.data_idle;
        let every = match &self.options.progress {
            Some(_) => OFTEN,
            None => still / 2,
        };
        if self.options.verb == Verb::Stou || every.is_zero() {
            return std::future::pending().await;
        }
        let appended = self.options.verb == Verb::Appe;
        let base = known.before.filter(|_| appended).unwrap_or(0);
        let mut lease = None;
        let mut last = known.before;
        let mut moved_at = clock.now();
        let mut has_grown = false;
        loop {
            clock.sleep(every).await;
            let Ok(size) = self.target_size(&mut lease).await else {
                lease = None;
                continue;
            };
            let now = clock.now();
            if last != Some(size) {
                has_grown = true;
                last = Some(size);
                moved_at = now;
            }
            if let Some(sink) = &self.options.progress {
                sink(&Progress {
                    from: 0,
                    octets: size.saturating_sub(base),
                    total: known.size,
                });
            }
            let complete = known.size == Some(size.saturating_sub(base));
            let quiet = now.saturating_duration_since(moved_at);
            if quiet >= still && !complete && has_grown {
                return quiet;
            }
        }
    }

    async fn target_size(&self, lease: &mut Option<Lease>) -> Result<u64, Error> {
        let site = &self.sites.target;
        let directory = site.wanted_directory();
        if lease.is_none() {
            let mut spare = Pool::try_lease(&self.shared, &site.server, &directory)
                .await
                .ok_or_else(|| Error::lost("no connection to spare"))?;
            if !enter(&mut spare, &directory).await? {
                spare.abandon();
                return Err(Error::lost("no way to the directory"));
            }
            *lease = Some(spare);
        }
        let Some(lease) = lease else {
            return Err(Error::lost("no connection to spare"));
        };
        let command = site.with_path("SIZE", self.names.get(Side::Target))?;
        size_on(lease, command, "I").await
    }
}
