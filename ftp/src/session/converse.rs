//! Commands one after the other, each with its reply.

use super::talk::{End, Outcome, Talk};
use super::truth::Truth;
use crate::command::Command;
use crate::error::ErrorKind;
use crate::reply::{Class, Reply};
use fairway_stack::Instant;
use std::collections::VecDeque;

/// One command of a conversation.
#[derive(Clone, Debug)]
pub struct Step {
    /// What is said.
    pub command: Command,
    /// Whether a refusal is an answer like any other, and the conversation goes on.
    pub may_be_refused: bool,
}

impl From<Command> for Step {
    fn from(command: Command) -> Self {
        Self {
            command,
            may_be_refused: false,
        }
    }
}

/// Stops at the first refusal, which is the error.
#[derive(Debug)]
pub(crate) struct Converse {
    steps: VecDeque<Step>,
    /// What the reply is awaited to.
    asked: Option<Step>,
    replies: Vec<Reply>,
    changed: Changed,
}

/// What the commands said so far may have changed, whatever their replies will be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Changed {
    Nothing,
    Directory,
    Anything,
}

impl Changed {
    fn by(command: &Command) -> Self {
        match &*command.verb().to_ascii_uppercase() {
            "CWD" | "CDUP" | "XCWD" | "XCUP" | "SMNT" => Self::Directory,
            "TYPE" | "MODE" | "STRU" | "PROT" | "SSCN" | "REST" | "REIN" | "USER" => Self::Anything,
            _ if command.is_raw() => Self::Anything,
            _ => Self::Nothing,
        }
    }
}

impl Converse {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        Self {
            steps: steps.into(),
            asked: None,
            replies: Vec::new(),
            changed: Changed::Nothing,
        }
    }

    pub(crate) fn next(&mut self, now: Instant, talk: &mut Talk) -> End {
        self.asked = self.steps.pop_front();
        match &self.asked {
            Some(step) => {
                self.changed = self.changed.max(Changed::by(&step.command));
                talk.say(now, &step.command);
                None
            }
            None => Some(Ok(Outcome {
                replies: std::mem::take(&mut self.replies),
                ..Outcome::default()
            })),
        }
    }

    /// Nobody will hear what became of it: what it may have changed is not known any more.
    pub(crate) fn leave(&self, truth: &mut Truth) {
        match self.changed {
            Changed::Nothing => {}
            Changed::Directory => truth.directory = None,
            Changed::Anything => truth.forget(),
        }
    }

    pub(crate) fn handle_reply(&mut self, now: Instant, talk: &mut Talk, reply: Reply) -> End {
        if reply.class() == Class::Preliminary {
            // Some commands take their time and say so (`HASH`, `SITE`).
            talk.await_reply(now);
            return None;
        }
        let step = self.asked.take()?;
        if reply.is_negative() && !step.may_be_refused {
            let command = step.command.to_string();
            return Some(Err(ErrorKind::Refused { command, reply }.into()));
        }
        self.replies.push(reply);
        self.next(now, talk)
    }
}
