//! When `send` and `reserve` end, and how: pure, what is heard in and an exit code out.

use std::collections::BTreeSet;

use fairway_rsvp::daemon::control::protocol::Reply;
use fairway_rsvp::daemon::control::value::EventOf;

use crate::Exit;

/// How it stands, and what ends it.
#[derive(Debug)]
pub(crate) struct Goal {
    /// The first failure ends it.
    fails_fast: bool,
    /// Success ends it.
    is_until: bool,
    /// The senders that are asked for, and those that are confirmed; of style WF, the star.
    asked: BTreeSet<String>,
    confirmed: BTreeSet<String>,
    /// What went wrong last, unless it has come right since.
    exit: Exit,
}

impl Goal {
    pub(crate) const fn new(fails_fast: bool, is_until: bool) -> Self {
        Self {
            fails_fast,
            is_until,
            asked: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            exit: Exit::Done,
        }
    }

    /// How it ends when its time is over, or it is interrupted; with success still to come, nobody has answered.
    pub(crate) fn over(&self) -> Exit {
        match (self.is_until, self.exit) {
            (true, Exit::Done) => Exit::TooLate,
            (_, exit) => exit,
        }
    }

    /// Something is heard; whether that ends it, and how.
    pub(crate) fn heard(&mut self, reply: &Reply) -> Option<Exit> {
        let Reply::Event(event) = reply else {
            return None;
        };
        let stands = match event {
            EventOf::ReservationError { senders, .. } => {
                for sender in names(senders) {
                    self.confirmed.remove(&sender);
                }
                return self.failed();
            }
            EventOf::NotAsked { sender: None, .. } => {
                // Nor is anything kept of what was confirmed before.
                self.confirmed.clear();
                return self.failed();
            }
            EventOf::NotAsked { .. } | EventOf::PathError { .. } => return self.failed(),
            EventOf::Asked { senders, .. } => {
                self.asked = names(senders).collect();
                return None;
            }
            EventOf::Confirmed { style, senders, .. } => {
                if style == "WF" {
                    self.confirmed.clone_from(&self.asked);
                } else {
                    self.confirmed.extend(names(senders));
                }
                self.exit = Exit::Done;
                self.asked.is_subset(&self.confirmed)
            }
            EventOf::Reservation { flowspec: None, .. } => {
                // No error, and no good news either: nothing is reserved for what is sent.
                self.exit = Exit::Refused;
                return None;
            }
            EventOf::Reservation { .. } => {
                self.exit = Exit::Done;
                true
            }
            EventOf::Path { .. } | EventOf::PathSent { .. } | EventOf::Waiting { .. } => {
                return None;
            }
            // It stands, though less is granted: a failure only to whoever wants to know whether all can be had.
            EventOf::Capped { .. } if self.fails_fast => return self.failed(),
            EventOf::Capped { .. } => return None,
        };
        (self.is_until && stands).then_some(Exit::Done)
    }

    fn failed(&mut self) -> Option<Exit> {
        self.exit = Exit::Refused;
        self.fails_fast.then_some(Exit::Refused)
    }
}

/// The senders, or the star for all.
fn names(senders: &[String]) -> impl Iterator<Item = String> {
    let star = senders.is_empty().then(|| "*".to_owned());
    senders.iter().cloned().chain(star)
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairway_rsvp::daemon::control::value::{Flowspec, Tspec};

    fn asked(senders: &[&str]) -> Reply {
        Reply::Event(EventOf::Asked {
            style: "FF".to_owned(),
            senders: senders.iter().map(|name| (*name).to_owned()).collect(),
            flowspecs: Vec::new(),
            bound_micros: None,
        })
    }

    fn confirmed(style: &str, senders: &[&str]) -> Reply {
        Reply::Event(EventOf::Confirmed {
            by: [10, 0, 0, 1].into(),
            style: style.to_owned(),
            senders: senders.iter().map(|name| (*name).to_owned()).collect(),
            flowspec: None,
        })
    }

    fn refused() -> Reply {
        Reply::Event(EventOf::NotAsked {
            sender: None,
            why: "no".to_owned(),
        })
    }

    fn of_rate(rate_bytes_per_sec: f32) -> Flowspec {
        Flowspec {
            service: "controlled-load".to_owned(),
            tspec: Tspec {
                rate_bytes_per_sec,
                bucket_bytes: 15e3,
                peak_bytes_per_sec: None,
                min_packet_bytes: 64,
                max_packet_bytes: 1500,
            },
            reserved_bytes_per_sec: None,
            slack_micros: None,
        }
    }

    fn capped() -> Reply {
        Reply::Event(EventOf::Capped {
            senders: vec!["a".to_owned()],
            asked: of_rate(1e6),
            granted: of_rate(625e3),
        })
    }

    /// RFC 2210 §3.2.1: only what is sent is granted.
    #[test]
    fn less_than_is_asked_for_is_a_failure_only_where_the_first_one_counts() {
        let mut goal = Goal::new(true, true);
        assert_eq!(goal.heard(&asked(&["a"])), None);
        assert_eq!(goal.heard(&capped()), Some(Exit::Refused));
        let mut goal = Goal::new(false, true);
        assert_eq!(goal.heard(&asked(&["a"])), None);
        assert_eq!(goal.heard(&capped()), None);
        assert_eq!(goal.heard(&confirmed("FF", &["a"])), Some(Exit::Done));
    }

    #[test]
    fn it_stands_when_all_that_was_asked_for_is_confirmed() {
        let mut goal = Goal::new(false, true);
        assert_eq!(goal.heard(&asked(&["a", "b"])), None);
        assert_eq!(goal.heard(&confirmed("FF", &["a"])), None);
        assert_eq!(goal.over(), Exit::TooLate);
        assert_eq!(goal.heard(&confirmed("FF", &["b"])), Some(Exit::Done));
        let mut goal = Goal::new(false, true);
        assert_eq!(goal.heard(&asked(&[])), None);
        assert_eq!(goal.heard(&confirmed("WF", &[])), Some(Exit::Done));
    }

    /// The path became too long, and short again: what was reserved before has been taken back.
    #[test]
    fn what_was_taken_back_is_to_be_confirmed_anew() {
        let mut goal = Goal::new(false, true);
        assert_eq!(goal.heard(&asked(&["a", "b"])), None);
        assert_eq!(goal.heard(&confirmed("FF", &["a"])), None);
        assert_eq!(goal.heard(&refused()), None);
        assert_eq!(goal.over(), Exit::Refused);
        assert_eq!(goal.heard(&asked(&["a", "b"])), None);
        assert_eq!(goal.heard(&confirmed("FF", &["b"])), None);
        assert_eq!(goal.heard(&confirmed("FF", &["a"])), Some(Exit::Done));
    }

    #[test]
    fn a_reservation_that_has_ended_is_no_good_news() {
        let reserved = |flowspec| {
            Reply::Event(EventOf::Reservation {
                style: "FF".to_owned(),
                senders: vec!["a".to_owned()],
                flowspec,
            })
        };
        let some = Some(of_rate(1e6));
        let mut goal = Goal::new(true, false);
        assert_eq!(goal.heard(&reserved(some.clone())), None);
        assert_eq!(goal.over(), Exit::Done);
        assert_eq!(goal.heard(&reserved(None)), None);
        assert_eq!(goal.over(), Exit::Refused);
        assert_eq!(goal.heard(&reserved(some.clone())), None);
        assert_eq!(goal.over(), Exit::Done);
        let mut goal = Goal::new(true, true);
        assert_eq!(goal.heard(&reserved(None)), None);
        assert_eq!(goal.heard(&reserved(some)), Some(Exit::Done));
    }

    #[test]
    fn a_failure_ends_it_only_where_that_is_wanted() {
        let mut goal = Goal::new(true, false);
        assert_eq!(goal.heard(&refused()), Some(Exit::Refused));
        let mut goal = Goal::new(false, false);
        assert_eq!(goal.heard(&refused()), None);
        assert_eq!(goal.over(), Exit::Refused);
        assert_eq!(goal.heard(&confirmed("FF", &["a"])), None);
        assert_eq!(goal.over(), Exit::Done);
    }
}
