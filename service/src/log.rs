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

/// The levels a directive may have.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

/// Whether what is to be logged makes sense: each directive, `LEVEL` or `TARGET=LEVEL`, has one of the six levels. A word of
/// another kind alone would be a target, of which nothing comes: most likely it is a level misspelt.
///
/// # Errors
/// What does not, in words.
pub fn check_directives(directives: &str) -> Result<(), String> {
    for directive in directives.split(',') {
        if directive.trim() != directive {
            return Err(format!("`{directive}`: no spaces expected"));
        }
        let (_, level) = directive.rsplit_once('=').unwrap_or(("", directive));
        let is_one = LEVELS.iter().any(|one| level.eq_ignore_ascii_case(one));
        // A comma too many is no fault.
        if !is_one && !directive.is_empty() {
            let levels = LEVELS.join(", ");
            return Err(format!("`{directive}` has none of the levels {levels}"));
        }
    }
    let filter = EnvFilter::builder().parse(directives);
    filter.map(|_| ()).map_err(|error| error.to_string())
}

/// `RUST_LOG` wins over what is configured; what makes no sense is as if it were not said.
fn filter(directives: &str) -> EnvFilter {
    EnvFilter::try_from_default_env()
        .or_else(|_| EnvFilter::try_new(directives))
        .unwrap_or_else(|_| EnvFilter::new("info"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_has_one_of_six_levels() {
        for good in [
            "",
            "info",
            "DEBUG",
            "off,",
            "warn,fairway_rsvp::engine=trace",
            "fairway_rsvp[call{xid=1}]=debug,info",
        ] {
            assert_eq!(check_directives(good), Ok(()), "{good}");
        }
        for (wrong, named) in [
            ("debgu", "`debgu`"),
            ("foo=bar", "`foo=bar`"),
            ("info,foo=", "`foo=`"),
            ("fairway_rsvp,info", "`fairway_rsvp`"),
            ("[call{xid=1}]", "`[call{xid=1}]`"),
            ("info,5", "`5`"),
        ] {
            let told = check_directives(wrong).unwrap_err();
            let levels = "has none of the levels off, error, warn, info, debug, trace";
            assert_eq!(told, format!("{named} {levels}"));
        }
        let told = check_directives("info, foo=debug").unwrap_err();
        assert_eq!(told, "` foo=debug`: no spaces expected");
        // What else tracing's own parser refuses.
        assert!(check_directives("a[b{c=d=info").is_err());
    }
}
