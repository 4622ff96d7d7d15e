//! How a transfer ends: by the final reply and the end of the data together, late, or with the connection.

use super::{Data, Stage, Transfer, fail};
use crate::error::{Error, ErrorKind};
use crate::reply::Class;
use crate::session::talk::{End, Outcome, Talk};
use fairway_stack::Instant;
use std::time::Duration;

/// How long the reply to a keep-alive may take once the transfer is over.
const ECHO: Duration = Duration::from_secs(3);
/// How long the data connection of a finished transfer may still be on its way to us.
const LATE_DATA: Duration = Duration::from_secs(5);

/// What a reply that did not come in time leaves.
#[derive(Debug)]
pub(crate) enum Late {
    /// The transfer is over, and the session in step unless a keep-alive stays unanswered.
    Over {
        /// How it ended.
        end: Result<Outcome, Error>,
        /// Its reply may still come, and would be taken for another's.
        unanswered: bool,
    },
    /// The transfer has failed; what the server will still say is unknown.
    Failed(Error),
    /// Nobody knows what the server is at.
    OutOfStep,
}

impl Transfer {
    /// Whether all is known.
    pub(super) fn judge(&mut self, now: Instant, talk: &mut Talk) -> End {
        let reply = self.ended.as_ref()?;
        let good = reply.class() == Class::Completion;
        let ours = self.spec.third.is_none();
        if good && ours {
            match &self.data {
                Data::Open if self.spec.verb.is_upload() => {
                    return self.finish(now, talk, Some("the server ended it before all was sent"));
                }
                // What is still under way to us is read first.
                Data::Open => return None,
                Data::None if self.data_is_missing() => {
                    // An active server's connection may still be in our queue.
                    talk.late_at.get_or_insert(now + LATE_DATA);
                    return None;
                }
                // Nothing was to be sent, and nothing was.
                Data::Broken(_) if self.begun.is_none() && self.spec.verb.is_listing() => {}
                Data::Broken(reason) => {
                    let reason = reason.clone();
                    return self.finish(now, talk, Some(&reason));
                }
                Data::None | Data::Ended => {}
            }
        }
        self.finish(now, talk, None)
    }

    /// Whether a success without a data connection cannot be one; an empty listing can.
    const fn data_is_missing(&self) -> bool {
        matches!(self.data, Data::None) && (self.begun.is_some() || !self.spec.verb.is_listing())
    }

    fn finish(&mut self, now: Instant, talk: &mut Talk, wrong: Option<&str>) -> End {
        if self.echo_due {
            // Its answer must not be taken for that of the next command.
            talk.late_at.get_or_insert(now + ECHO);
            return None;
        }
        let reply = self.ended.take()?;
        if reply.class() == Class::Completion && wrong.is_none() {
            return Some(Ok(Outcome {
                replies: vec![reply],
                begun: self.begun.take(),
                method: self.method,
            }));
        }
        let reason = wrong.map_or_else(|| reply.to_string(), str::to_owned);
        let error = if self.begun.is_some() || wrong.is_some() {
            let reason = match &self.data {
                Data::Broken(broken) if wrong.is_none() => format!("{reply} ({broken})"),
                _ => reason,
            };
            ErrorKind::Aborted {
                reason,
                reply: Some(reply),
            }
        } else if matches!(reply.code().get(), 425 | 426 | 522) {
            ErrorKind::DataConnection {
                reason,
                reply: Some(reply),
            }
        } else {
            return fail(self.refused(self.spec.verb.as_str(), reply));
        };
        fail(error.into())
    }

    /// What a late reply means.
    pub(crate) fn handle_late(&mut self, now: Instant, talk: &mut Talk) -> Late {
        if let Some(reply) = &self.ended {
            let unanswered = std::mem::take(&mut self.echo_due);
            let good = reply.class() == Class::Completion;
            let missing = good && self.spec.third.is_none() && self.data_is_missing();
            let end = if missing {
                let wrong = "the server reported success and made no data connection";
                self.finish(now, talk, Some(wrong))
            } else {
                self.judge(now, talk)
            };
            return match end {
                Some(end) => Late::Over { end, unanswered },
                None => Late::OutOfStep,
            };
        }
        match &self.data {
            Data::Broken(reason) => Late::Failed(
                ErrorKind::Aborted {
                    reason: reason.clone(),
                    reply: None,
                }
                .into(),
            ),
            _ => Late::OutOfStep,
        }
    }

    /// The control connection has ended behind the final reply.
    pub(crate) fn handle_gone(&mut self, now: Instant, talk: &mut Talk) -> End {
        self.echo_due = false;
        self.judge(now, talk)
    }

    /// The control connection is gone.
    pub(crate) fn lost(&self, reason: &str) -> Error {
        if self.begun.is_some() || self.stage == Stage::Asked {
            return ErrorKind::Aborted {
                reason: format!("control connection lost: {reason}"),
                reply: None,
            }
            .into();
        }
        Error::lost(reason)
    }
}
