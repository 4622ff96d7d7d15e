//! News that come in crowds, collected for a moment.
//!
//! When a link goes, the system tells of each route that went with it, thousands perhaps. The engine looks at its
//! sessions once for each prefix it is told of, and waits *W* (RFC 2205 §3.6) before it acts: a moment more is nothing.
//! Interfaces are read at once, and again only when they have had that moment, too.

use core::time::Duration;
use std::collections::BTreeSet;
use std::net::IpAddr;

use fairway_stack::Instant;

/// How long news are collected.
const MOMENT: Duration = Duration::from_millis(100);
/// So many prefixes are told one by one; of more it is said that all have changed.
const PREFIXES: usize = 64;

/// Prefixes whose routes have changed; `None`: all.
pub(super) type Prefixes = Vec<Option<(IpAddr, u8)>>;

/// News that wait.
#[derive(Debug, Default)]
pub(super) struct Settling {
    prefixes: BTreeSet<(IpAddr, u8)>,
    all: bool,
    /// When routes are told.
    routes_at: Option<Instant>,
    /// Interfaces were read last.
    read: Option<Instant>,
    /// When they are to be read again.
    interfaces_at: Option<Instant>,
}

impl Settling {
    /// Routes to a network have changed; `None`: to any.
    pub(super) fn handle_routes(&mut self, now: Instant, prefix: Option<(IpAddr, u8)>) {
        match prefix.filter(|_| !self.all) {
            Some(prefix) => {
                self.prefixes.insert(prefix);
                self.all = self.prefixes.len() > PREFIXES;
            }
            None => self.all = true,
        }
        if self.all {
            self.prefixes.clear();
        }
        self.routes_at.get_or_insert(now + MOMENT);
    }

    /// Interfaces have changed.
    pub(super) fn handle_interfaces(&mut self, now: Instant) {
        let at = self.read.map_or(now, |read| now.max(read + MOMENT));
        self.interfaces_at.get_or_insert(at);
    }

    /// When to ask, if ever.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [self.routes_at, self.interfaces_at]
            .into_iter()
            .flatten()
            .min()
    }

    /// The prefixes that are to be told now.
    pub(super) fn routes(&mut self, now: Instant) -> Prefixes {
        if self.routes_at.take_if(|at| *at <= now).is_none() {
            return Vec::new();
        }
        let prefixes = core::mem::take(&mut self.prefixes);
        if core::mem::take(&mut self.all) {
            return vec![None];
        }
        prefixes.into_iter().map(Some).collect()
    }

    /// Whether interfaces are to be read now.
    pub(super) fn interfaces(&mut self, now: Instant) -> bool {
        let is_time = self.interfaces_at.take_if(|at| *at <= now).is_some();
        if is_time {
            self.read = Some(now);
        }
        is_time
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(millis)
    }

    fn prefix(third: u8) -> Option<(IpAddr, u8)> {
        Some((IpAddr::from([10, 0, third, 0]), 24))
    }

    /// RFC 2205 §3.6: routes flap, and repair waits.
    #[test]
    fn routes_are_told_once_after_a_moment() {
        let mut settling = Settling::default();
        assert_eq!(settling.poll_timeout(), None);
        for (millis, third) in [(0, 1), (40, 2), (90, 1)] {
            settling.handle_routes(at(millis), prefix(third));
        }
        assert_eq!(settling.poll_timeout(), Some(at(100)));
        assert_eq!(settling.routes(at(99)), []);
        assert_eq!(settling.routes(at(100)), [prefix(1), prefix(2)]);
        assert_eq!(settling.poll_timeout(), None);
        assert_eq!(settling.routes(at(101)), []);
    }

    #[test]
    fn many_routes_are_all_routes() {
        let mut settling = Settling::default();
        for third in 0..=255 {
            settling.handle_routes(at(0), prefix(third));
        }
        assert!(settling.prefixes.is_empty());
        assert_eq!(settling.routes(at(100)), [None]);
        settling.handle_routes(at(200), prefix(3));
        assert_eq!(settling.routes(at(300)), [prefix(3)]);
        settling.handle_routes(at(400), prefix(3));
        settling.handle_routes(at(400), None);
        assert_eq!(settling.routes(at(500)), [None]);
    }

    #[test]
    fn interfaces_are_read_at_once_and_then_not_for_a_moment() {
        let mut settling = Settling::default();
        settling.handle_interfaces(at(5));
        assert!(settling.interfaces(at(5)));
        settling.handle_interfaces(at(6));
        settling.handle_interfaces(at(7));
        assert_eq!(settling.poll_timeout(), Some(at(105)));
        assert!(!settling.interfaces(at(104)));
        assert!(settling.interfaces(at(105)));
        assert!(!settling.interfaces(at(300)));
        settling.handle_interfaces(at(300));
        assert!(settling.interfaces(at(300)));
    }
}
