//! Lines on standard error.

use core::fmt;

use tracing::warn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt as lines, registry, reload};

/// The daemon's log, and what is left out of it.
pub struct Log(reload::Handle<EnvFilter, Registry>);

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

impl Log {
    /// From now on what happens is logged on standard error, as far as `directives` want it, in the words of `RUST_LOG`,
    /// which wins.
    ///
    /// # Panics
    /// When there is a log already.
    #[must_use = "it is there to be changed"]
    pub fn to_stderr(directives: &str) -> Self {
        let (filter, handle) = reload::Layer::new(filter(directives));
        let layer = lines::layer()
            .with_target(false)
            .with_ansi(false)
            .with_writer(std::io::stderr);
        // The journal has its own times.
        let journal = std::env::var_os("JOURNAL_STREAM").is_some();
        let layer = if journal {
            layer.without_time().boxed()
        } else {
            layer.boxed()
        };
        registry().with(filter).with(layer).init();
        Self(handle)
    }

    /// What is logged from now on.
    pub fn change(&self, directives: &str) {
        if let Err(error) = self.0.reload(filter(directives)) {
            warn!(%error, "the log stays as it was");
        }
    }
}

/// `RUST_LOG` wins over what is configured; what makes no sense is as if it were not said.
fn filter(directives: &str) -> EnvFilter {
    EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new(directives))
        .unwrap_or_else(|_| EnvFilter::new("info"))
}
