//! Back in step after an operation that was given up half-way.
//!
//! Servers answer `ABOR` each in their own way: 426 and 225 (vsftpd), 426 and 226 (ProFTPD), a stray 150 and 226
//! (Pure-FTPd; the stray repeats the last code, so that behind a refused `NOOP` it is a 500), 426 and 451 (the same in an
//! upload), 226 alone if the transfer was over. Nobody can count that. So a marker follows whose reply cannot be
//! mistaken: `PWD`, answered by 257 and by nothing else. All that comes before it belongs to the past. A reply that is
//! still owed to a command other than a transfer's is one, and is counted: it may be a 257 itself.
//!
//! `ABOR` goes out alone, since Pure-FTPd looks only at the first command of what it reads in a transfer; the marker
//! follows when something has been answered, or nothing for a while.
//!
//! A refusal may be the marker's, on a server without `PWD`, or a late one to `ABOR`; and a marker may be overlooked, in
//! which case `ABOR` may have been too. Then a second marker is sent, `SYST` with its 215: not another `PWD`, whose
//! reply could not be told from that of the first. Only when both were refused, and nothing comes for a while, the
//! refusals are believed.

use super::talk::{End, Outcome, Talk};
use super::truth::Directory;
use crate::answer;
use crate::command::Command;
use crate::error::Error;
use crate::reply::{Class, Reply};
use fairway_stack::Instant;
use std::time::Duration;

/// How long `ABOR` may stay without an answer before the marker is sent all the same.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a refusal that may be a marker's waits to be contradicted.
const QUIET: Duration = Duration::from_secs(1);
/// The same when nothing else is left to be asked: longer than any way to the server and back.
const LONG_QUIET: Duration = Duration::from_secs(5);
/// Within this the session is in step again, or given up.
const LIMIT: Duration = Duration::from_secs(20);

/// What the server may still say about what was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Past {
    /// Nothing.
    Silent,
    /// The final reply to one command.
    Reply,
    /// Whatever a transfer that is broken off makes it say.
    Transfer {
        /// And the reply to a keep-alive.
        echo: bool,
    },
}

#[derive(Debug)]
pub(crate) struct Recover {
    stage: Stage,
    /// The reply to a command of the past is still to come.
    owed: bool,
    /// The reply to a keep-alive is still to come.
    echo: bool,
    /// The server has answered `ABOR`, as far as one can tell, or had not to.
    answered: bool,
    /// Refusals since the first marker.
    refusals: usize,
    /// When a refusal is believed.
    believe_at: Option<Instant>,
    give_up_at: Instant,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    /// `ABOR` is out.
    Aborting { mark_at: Instant },
    /// `PWD` is out.
    First { again_at: Instant },
    /// `ABOR` was said once more, as some server may have overlooked it.
    Again { mark_at: Instant },
    /// `SYST` is out.
    Second,
}

impl Recover {
    /// Begins.
    pub(crate) fn begin(now: Instant, talk: &mut Talk, past: Past) -> Self {
        let transfer = matches!(past, Past::Transfer { .. });
        let mut recover = Self {
            stage: Stage::Aborting {
                mark_at: now + PATIENCE,
            },
            owed: past == Past::Reply,
            echo: past == Past::Transfer { echo: true },
            answered: !transfer,
            refusals: 0,
            believe_at: None,
            give_up_at: now + LIMIT,
        };
        if transfer {
            talk.say(now, &Command::new("ABOR"));
        } else {
            recover.first(now, talk);
        }
        recover
    }

    fn first(&mut self, now: Instant, talk: &mut Talk) {
        talk.say(now, &Command::new("PWD"));
        self.stage = Stage::First {
            again_at: now + PATIENCE + PATIENCE,
        };
    }

    fn second(&mut self, now: Instant, talk: &mut Talk) {
        talk.say(now, &Command::new("SYST"));
        self.believe_at = None;
        self.stage = Stage::Second;
    }

    pub(crate) fn handle_reply(&mut self, now: Instant, talk: &mut Talk, reply: &Reply) -> End {
        if reply.class() == Class::Preliminary {
            return None;
        }
        if std::mem::take(&mut self.owed) {
            return None;
        }
        if reply.is(257) && talk.truth.directory.is_none() {
            talk.truth.directory = answer::path(reply).map(Directory::Path);
        }
        match self.stage {
            Stage::Aborting { .. } => {
                let of_keep_alive = matches!(reply.code().get(), 200 | 500..=503);
                if !(of_keep_alive && std::mem::take(&mut self.echo)) {
                    self.answered = true;
                    self.first(now, talk);
                }
            }
            Stage::First { .. } if reply.is(257) => return Some(Ok(Outcome::default())),
            Stage::Second if reply.is(215) => return Some(Ok(Outcome::default())),
            Stage::First { .. } | Stage::Again { .. } | Stage::Second => {
                if reply.class() == Class::PermanentNegative {
                    self.refusals += 1;
                    let last = matches!(self.stage, Stage::Second);
                    self.believe_at = Some(now + if last { LONG_QUIET } else { QUIET });
                } else {
                    self.answered = true;
                }
                if matches!(self.stage, Stage::Again { .. }) {
                    self.second(now, talk);
                }
            }
        }
        None
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, talk: &mut Talk) -> End {
        if self.give_up_at <= now {
            return Some(Err(Error::lost("out of step after what was given up")));
        }
        let believed = self.believe_at.take_if(|at| *at <= now).is_some();
        match self.stage {
            Stage::Aborting { mark_at } if mark_at <= now => self.first(now, talk),
            Stage::First { .. } if believed => self.second(now, talk),
            Stage::First { again_at } if again_at <= now => {
                if self.answered {
                    self.second(now, talk);
                } else {
                    talk.say(now, &Command::new("ABOR"));
                    self.stage = Stage::Again {
                        mark_at: now + PATIENCE,
                    };
                }
            }
            Stage::Again { mark_at } if mark_at <= now => self.second(now, talk),
            // Pure-FTPd refuses everything in a transfer: without an answer to `ABOR` refusals tell nothing.
            Stage::Second if believed && self.answered && self.refusals >= 2 => {
                return Some(Ok(Outcome::default()));
            }
            Stage::Aborting { .. } | Stage::First { .. } | Stage::Again { .. } | Stage::Second => {}
        }
        None
    }

    pub(crate) fn poll_timeout(&self) -> Instant {
        let of_stage = match self.stage {
            Stage::Aborting { mark_at } | Stage::Again { mark_at } => Some(mark_at),
            Stage::First { again_at } => Some(again_at),
            Stage::Second => None,
        };
        [of_stage, self.believe_at]
            .into_iter()
            .flatten()
            .fold(self.give_up_at, Instant::min)
    }
}
