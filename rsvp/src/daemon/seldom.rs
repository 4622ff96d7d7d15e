//! Lines of the log that would come in crowds.

use core::time::Duration;
use std::collections::BTreeMap;

use fairway_stack::Instant;

/// A line about one reason is written no more often.
const PAUSE: Duration = Duration::from_secs(60);

/// Lets one line pass for each reason and minute. Nobody outside chooses the reasons.
#[derive(Debug, Default)]
pub(super) struct Seldom {
    last: BTreeMap<String, Instant>,
}

impl Seldom {
    /// Whether a line about this may be written now.
    pub(super) fn may(&mut self, now: Instant, reason: &str) -> bool {
        self.last.retain(|_, at| now < *at + PAUSE);
        if self.last.contains_key(reason) {
            return false;
        }
        self.last.insert(reason.to_owned(), now);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// STYLE §7: what others cause is logged at a bounded rate.
    #[test]
    fn a_reason_is_told_once_a_minute() {
        let mut seldom = Seldom::default();
        let at = |secs| Instant::ZERO + Duration::from_secs(secs);
        assert!(seldom.may(at(0), "one"));
        assert!(!seldom.may(at(59), "one"));
        assert!(seldom.may(at(59), "two"));
        assert!(seldom.may(at(60), "one"));
        assert_eq!(seldom.last.len(), 2);
    }
}
