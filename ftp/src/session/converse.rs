//! Commands one after the other, each with its reply.

use super::talk::{End, Outcome, Talk};
use super::truth::{Setting, Truth};
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
    /// The commands whose replies have come.
    answered: Vec<Command>,
}

impl Converse {
    pub(crate) fn new(steps: Vec<Step>) -> Self {
        Self {
            steps: steps.into(),
            asked: None,
            replies: Vec::new(),
            answered: Vec::new(),
        }
    }

    pub(crate) fn next(&mut self, now: Instant, talk: &mut Talk) -> End {
        self.asked = self.steps.pop_front();
        match &self.asked {
            Some(step) => {
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
        let asked = self.asked.as_ref().map(|step| &step.command);
        for command in self.answered.iter().chain(asked) {
            let verb = command.verb();
            match Setting::ALL.into_iter().find(|s| s.verb() == verb) {
                Some(setting) => truth.set(setting, None),
                None => match &*verb {
                    _ if command.is_raw() => truth.forget(),
                    "REIN" | "USER" => truth.forget(),
                    "CWD" | "CDUP" | "XCWD" | "XCUP" | "SMNT" => truth.directory = None,
                    "REST" => truth.restart_pending = true,
                    _ => {}
                },
            }
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
        self.answered.push(step.command);
        self.next(now, talk)
    }
}
