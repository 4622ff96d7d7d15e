//! Back in step after an operation that was given up half-way.
//!
//! Servers answer `ABOR` each in their own way: 426 and 225 (vsftpd), 426 and 226 (ProFTPD), a stray 150 and 226
//! (Pure-FTPd), 226 alone if the transfer was over. Nobody can count that. So a marker follows whose reply cannot be
//! mistaken: `PWD`, answered by 257 and by nothing else. All that comes before it belongs to the past.
//!
//! `ABOR` goes out alone, since Pure-FTPd looks only at the first command of what it reads in a transfer; the marker
//! follows when something has been answered, or nothing for a while.

use super::talk::{End, Outcome, Talk};
use crate::command::Command;
use crate::error::Error;
use crate::reply::{Class, Reply};
use fairway_stack::Instant;
use std::time::Duration;

/// How long `ABOR` may stay without an answer before the marker is sent all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a refusal that may be the marker's waits to be contradicted.
const QUIET: Duration = Duration::from_secs(1);
/// Within this the session is in step again, or given up.
const LIMIT: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Recover {
    stage: Stage,
    give_up_at: Instant,
}

#[derive(Debug)]
enum Stage {
    /// `ABOR` is out.
    Aborting { mark_at: Instant },
    /// The marker is out.
    Marking {
        /// A refusal has come that may be the marker's.
        believe_at: Option<Instant>,
        /// When `ABOR` is said once more, as some server may have overlooked it.
        again_at: Option<Instant>,
    },
}

impl Recover {
    /// Begins; `transfer` if the server may be in the middle of one.
    pub(crate) fn begin(now: Instant, talk: &mut Talk, transfer: bool) -> Self {
        let give_up_at = now + LIMIT;
        let mut recover = Self {
            stage: Stage::Aborting {
                mark_at: now + PATIENCE,
            },
            give_up_at,
        };
        talk.truth.restart_pending = true;
        if transfer {
            talk.say(now, &Command::new("ABOR"));
        } else {
            recover.mark(now, talk, false);
        }
        recover
    }

    fn mark(&mut self, now: Instant, talk: &mut Talk, answered: bool) {
        talk.say(now, &Command::new("PWD"));
        self.stage = Stage::Marking {
            believe_at: None,
            again_at: (!answered).then_some(now + PATIENCE + PATIENCE),
        };
    }

    pub(crate) fn handle_reply(&mut self, now: Instant, talk: &mut Talk, reply: &Reply) -> End {
        match &mut self.stage {
            Stage::Aborting { .. } if reply.class() == Class::Preliminary => None,
            Stage::Aborting { .. } => {
                self.mark(now, talk, true);
                None
            }
            Stage::Marking { .. } if reply.is(257) => Some(Ok(Outcome::default())),
            Stage::Marking { believe_at, .. } => {
                if reply.class() == Class::PermanentNegative {
                    *believe_at = Some(now + QUIET);
                }
                None
            }
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, talk: &mut Talk) -> End {
        if self.give_up_at <= now {
            return Some(Err(Error::lost(
                "out of step after a transfer that was given up",
            )));
        }
        match &mut self.stage {
            Stage::Aborting { mark_at } => {
                if *mark_at <= now {
                    self.mark(now, talk, false);
                }
            }
            Stage::Marking {
                believe_at,
                again_at,
            } => {
                if believe_at.is_some_and(|at| at <= now) {
                    return Some(Ok(Outcome::default()));
                }
                if again_at.take_if(|at| *at <= now).is_some() {
                    talk.say(now, &Command::new("ABOR"));
                }
            }
        }
        None
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        let next = match &self.stage {
            Stage::Aborting { mark_at } => Some(*mark_at),
            Stage::Marking {
                believe_at,
                again_at,
            } => believe_at.iter().chain(again_at.iter()).min().copied(),
        };
        next.map_or(self.give_up_at, |at| at.min(self.give_up_at))
    }
}
