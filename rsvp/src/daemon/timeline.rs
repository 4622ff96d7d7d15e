//! The last messages that passed, for `rsvpctl log`: a ring of bounded length.

use std::collections::VecDeque;

use crate::daemon::config::Endpoint;
use crate::engine::LogEntry;
use crate::wire::Session;

/// The last messages.
#[derive(Debug)]
pub(super) struct Timeline {
    entries: VecDeque<LogEntry>,
    most: usize,
}

/// Whether a session is of that destination.
pub(super) fn concerns(wanted: Option<Endpoint>, session: Option<&Session>) -> bool {
    wanted.is_none_or(|wanted| {
        session.is_some_and(|session| {
            session.destination == wanted.address
                && (wanted.port == 0 || session.port == wanted.port)
        })
    })
}

impl Timeline {
    /// Remembers so many; 0 for none.
    pub(super) const fn new(most: usize) -> Self {
        Self {
            entries: VecDeque::new(),
            most,
        }
    }

    /// One more; the oldest goes.
    pub(super) fn push(&mut self, entry: LogEntry) {
        if self.most == 0 {
            return;
        }
        if self.entries.len() >= self.most {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// The newest of a destination, at most so many, the oldest of them first.
    pub(super) fn last(&self, wanted: Option<Endpoint>, most: usize) -> Vec<&LogEntry> {
        let mut found: Vec<&LogEntry> = self
            .entries
            .iter()
            .rev()
            .filter(|entry| concerns(wanted, entry.session.as_ref()))
            .take(most)
            .collect();
        found.reverse();
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Direction;
    use crate::interface::IfIndex;
    use crate::wire::MessageType;
    use fairway_wire::{Instant, Protocol};

    fn entry(at: u64, port: u16) -> LogEntry {
        LogEntry {
            at: Instant::from_nanos(at),
            direction: Direction::In,
            interface: IfIndex(1),
            peer: "192.0.2.1".parse().unwrap(),
            message_type: MessageType::PATH,
            session: Some(Session {
                destination: "192.0.2.9".parse().unwrap(),
                protocol: Protocol(17),
                e_police: false,
                port,
            }),
            summary: String::new(),
        }
    }

    #[test]
    fn the_oldest_goes_and_the_newest_are_told_in_order() {
        let mut timeline = Timeline::new(3);
        for at in 0..5 {
            timeline.push(entry(at, if at == 3 { 7 } else { 5004 }));
        }
        let times = |wanted: Option<&str>, most| -> Vec<u64> {
            let wanted = wanted.map(|text| text.parse().unwrap());
            let found = timeline.last(wanted, most);
            found.iter().map(|entry| entry.at.as_nanos()).collect()
        };
        assert_eq!(times(None, 10), [2, 3, 4]);
        assert_eq!(times(None, 2), [3, 4]);
        assert_eq!(times(Some("192.0.2.9:5004"), 10), [2, 4]);
        assert_eq!(times(Some("192.0.2.9"), 10), [2, 3, 4]);
        assert!(times(Some("192.0.2.8"), 10).is_empty());
    }
}
