//! One transfer: what must be set, the data connection, the verb, the octets, the final reply.
//!
//! ```text
//!   settings ─► (PRET) ─► EPSV | PASV | EPRT | PORT ─► data connection ─► (REST) ─► verb ─► 1xx ─► octets ─► 2xx
//!                ▲              │ refused or not to be reached: the next way
//!                └──────────────┘
//! ```
//!
//! `REST` stands directly before the verb (RFC 3659 §5.3), after whatever ways were tried. A transfer is good when the
//! final reply is positive *and* all octets have passed; a final reply without a preliminary one, as some servers give
//! for an empty listing, is good if it is positive.
//!
//! The stages, as the tests walk them:
//!
//! ```dot
#![doc = include_str!("tests/transitions.dot")]
//! ```

mod end;
mod prepare;
mod spec;

pub(crate) use end::Late;
pub use spec::{Announced, Method, Third, TransferSpec, Verb};

use super::recover::Past;
use super::talk::{DataEvent, End, Output, Talk};
use super::truth::Setting;
use crate::command::Command;
use crate::error::{Error, ErrorKind};
use crate::reply::{Class, Reply};
use fairway_stack::Instant;
use std::collections::VecDeque;
use std::time::Duration;

/// How long a server may take to end a transfer whose data connection broke, before its reason is not waited for.
const LAST_WORDS: Duration = Duration::from_secs(5);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    Setting(Setting, String),
    Allocating,
    PreTransfer,
    /// `EPSV`, `PASV` or `CPSV` is out.
    Asking(Method),
    /// We are connecting.
    Connecting(Method),
    /// We are about to listen.
    Listening(Method),
    /// `EPRT` or `PORT` is out.
    Telling(Method),
    /// Both servers are being made ready.
    Waiting,
    /// `REST` is out.
    Restarting,
    /// The verb is out.
    Asked,
    /// A preliminary reply has come.
    Flowing,
    /// The final reply has come and does not decide alone.
    Final,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Data {
    None,
    Open,
    Ended,
    Broken(String),
}

#[derive(Debug)]
pub(crate) struct Transfer {
    spec: TransferSpec,
    settings: VecDeque<(Setting, String)>,
    methods: VecDeque<Method>,
    method: Option<Method>,
    stage: Stage,
    data: Data,
    begun: Option<Reply>,
    ended: Option<Reply>,
    /// `PRET` has been said.
    pre_transferred: bool,
    /// Why the last way did not work.
    failure: Option<(String, Option<Reply>)>,
    /// When the next keep-alive goes out.
    keep_alive_at: Option<Instant>,
    /// A keep-alive without its reply.
    echo_due: bool,
    /// The refusal that was taken for the reply to a keep-alive.
    echo: Option<Reply>,
}

impl Transfer {
    pub(crate) fn begin(now: Instant, talk: &mut Talk, spec: TransferSpec) -> (Self, End) {
        let settings = spec.settings.iter().cloned().collect();
        let methods = spec.methods.iter().copied().collect();
        let mut transfer = Self {
            spec,
            settings,
            methods,
            method: None,
            stage: Stage::Allocating,
            data: Data::None,
            begun: None,
            ended: None,
            pre_transferred: false,
            failure: None,
            keep_alive_at: None,
            echo_due: false,
            echo: None,
        };
        let end = match transfer.check() {
            Ok(()) => transfer.set(now, talk),
            Err(error) => fail(error),
        };
        (transfer, end)
    }

    /// Whether all that will be said can be: nothing is said before.
    fn check(&self) -> Result<(), Error> {
        let words = [
            ("path", &self.spec.argument),
            ("restart marker", &self.spec.restart),
        ];
        for (what, word) in words {
            if let Some(word) = word {
                Command::with(self.spec.verb.as_str(), word).map_err(Error::argument(what))?;
            }
        }
        for (setting, value) in &self.settings {
            Command::with(setting.verb(), value).map_err(Error::argument("setting"))?;
        }
        Ok(())
    }

    /// Whether the server may be moving data, or about to.
    pub(crate) fn is_under_way(&self) -> bool {
        matches!(self.stage, Stage::Asked | Stage::Flowing)
    }

    /// Whether a preliminary reply has come.
    pub(crate) const fn has_begun(&self) -> bool {
        self.begun.is_some()
    }

    /// Whether the final reply has come.
    pub(crate) const fn has_final(&self) -> bool {
        self.ended.is_some()
    }

    /// What the server may still say if it is given up now.
    pub(crate) const fn past(&self) -> Past {
        match self.stage {
            Stage::Setting(..)
            | Stage::Allocating
            | Stage::PreTransfer
            | Stage::Asking(_)
            | Stage::Telling(_)
            | Stage::Restarting => Past::Reply,
            Stage::Connecting(_) | Stage::Listening(_) | Stage::Waiting => Past::Silent,
            Stage::Asked | Stage::Flowing => Past::Transfer {
                echo: self.echo_due,
            },
            Stage::Final if self.echo_due => Past::Reply,
            Stage::Final => Past::Silent,
        }
    }

    pub(crate) fn handle_reply(&mut self, now: Instant, talk: &mut Talk, reply: Reply) -> End {
        if self.echo_due && self.is_echo(&reply) {
            self.echo_due = false;
            self.echo = Some(reply).filter(Reply::is_negative);
            return self.judge(now, talk);
        }
        let class = reply.class();
        let asked = matches!(self.past(), Past::Reply) && self.stage != Stage::Final;
        if class == Class::Preliminary && asked {
            talk.await_reply(now);
            return None;
        }
        match self.stage.clone() {
            Stage::Setting(setting, value) => {
                // A server that does not know the command cannot be set to anything else than it is after a login.
                let unknown = matches!(reply.code().get(), 500 | 502);
                if class == Class::Completion || (unknown && value == setting.at_login()) {
                    talk.truth.set(setting, Some(&value));
                    return self.set(now, talk);
                }
                talk.truth.set(setting, None);
                let command = format!("{} {value}", setting.verb());
                fail(ErrorKind::Refused { command, reply }.into())
            }
            // A server that needs no such thing says so in many ways (RFC 959: 202).
            Stage::Allocating
                if reply.is_negative() && !matches!(reply.code().get(), 500..=504) =>
            {
                fail(self.refused("ALLO", reply))
            }
            Stage::Allocating => self.open(now, talk),
            Stage::PreTransfer
                if reply.is_negative() && !matches!(reply.code().get(), 500..=504) =>
            {
                fail(self.refused("PRET", reply))
            }
            Stage::PreTransfer => self.open(now, talk),
            Stage::Asking(method) => self.handle_passive(now, talk, method, reply),
            Stage::Telling(method) => {
                if class != Class::Completion {
                    let reason = format!("{}: {reply}", method.verb());
                    return self.another_way(now, talk, reason, Some(reply));
                }
                self.ready(now, talk, None)
            }
            Stage::Restarting => {
                if reply.is_negative() {
                    if self.spec.restart.is_some() {
                        return fail(self.refused("REST", reply));
                    }
                    // It was to make sure that none is pending, on a server that has none.
                    talk.truth.restart_pending = !matches!(reply.code().get(), 500 | 502 | 504);
                } else if self.spec.restart.is_none() {
                    talk.truth.restart_pending = false;
                }
                self.ask(now, talk)
            }
            Stage::Asked | Stage::Flowing if class == Class::Preliminary => {
                self.await_final(now, talk);
                if self.stage == Stage::Flowing {
                    talk.out.push_back(Output::Preliminary(reply));
                    return None;
                }
                self.stage = Stage::Flowing;
                self.use_restart(talk);
                self.begun = Some(reply.clone());
                if matches!(self.data, Data::None | Data::Open) {
                    self.keep_alive_at = talk.config.keep_alive.map(|every| now + every);
                }
                talk.out.push_back(Output::Begin(reply));
                None
            }
            Stage::Asked | Stage::Flowing => {
                self.keep_alive_at = None;
                talk.late_at = None;
                if class == Class::Completion {
                    self.use_restart(talk);
                    if self.stage == Stage::Asked
                        && self.data == Data::Open
                        && !self.spec.verb.is_upload()
                    {
                        // It has begun and ended; what has arrived is still to be read.
                        talk.out.push_back(Output::Begin(reply.clone()));
                    }
                }
                self.stage = Stage::Final;
                self.ended = Some(match self.echo.take() {
                    // A refusal and a 200, in this order: the transfer was refused, and 200 answers the keep-alive.
                    Some(refusal) if reply.is(200) => refusal,
                    _ => reply,
                });
                self.judge(now, talk)
            }
            // Nothing was asked: a stray.
            Stage::Connecting(_) | Stage::Listening(_) | Stage::Waiting | Stage::Final => {
                tracing::debug!(host = %talk.config.host, %reply, "stray reply");
                None
            }
        }
    }

    /// How long the final reply may take, after a sign of life. While octets flow, that is their affair; and between
    /// servers only the final reply tells, which may take as long as the file is large.
    fn await_final(&self, now: Instant, talk: &mut Talk) {
        match self.data {
            Data::None | Data::Open => talk.late_at = None,
            Data::Ended => talk.await_reply(now),
            Data::Broken(_) => {
                let last_words = now + LAST_WORDS;
                talk.late_at = Some(talk.late_at.map_or(last_words, |at| at.min(last_words)));
            }
        }
    }

    /// The server has begun: a restart that was pending is not any more. A listing does not touch it (vsftpd keeps it for
    /// the next `RETR` or `STOR`).
    fn use_restart(&self, talk: &mut Talk) {
        if !self.spec.verb.is_listing() {
            talk.truth.restart_pending = false;
        }
    }

    /// Pure-FTPd refuses a `NOOP` in a transfer at once, others answer it after the final reply: 200, or a refusal of
    /// the command as such, is never the end of a transfer while an answer to a `NOOP` is due.
    fn is_echo(&self, reply: &Reply) -> bool {
        match self.stage {
            Stage::Flowing => matches!(reply.code().get(), 200 | 500..=503),
            Stage::Final => reply.class() != Class::Preliminary,
            _ => false,
        }
    }

    pub(crate) fn handle_data(&mut self, now: Instant, talk: &mut Talk, event: DataEvent) -> End {
        match (event, self.stage.clone()) {
            (DataEvent::Connected, Stage::Connecting(_)) => {
                self.data = Data::Open;
                self.restart(now, talk)
            }
            (
                DataEvent::Connected,
                Stage::Telling(_)
                | Stage::Restarting
                | Stage::Asked
                | Stage::Flowing
                | Stage::Final,
            ) if self.data == Data::None => {
                self.data = Data::Open;
                if self.stage == Stage::Final {
                    // It is what was waited for.
                    talk.late_at = None;
                }
                self.judge(now, talk)
            }
            (DataEvent::Listening(address), Stage::Listening(method)) => {
                self.tell(now, talk, method, address)
            }
            (DataEvent::Go, Stage::Waiting) => self.restart(now, talk),
            (
                DataEvent::Failed(reason) | DataEvent::Broken(reason),
                Stage::Connecting(_) | Stage::Listening(_),
            ) => self.another_way(now, talk, reason, None),
            (
                DataEvent::Ended,
                Stage::Telling(_)
                | Stage::Restarting
                | Stage::Asked
                | Stage::Flowing
                | Stage::Final,
            ) if matches!(self.data, Data::None | Data::Open) => {
                self.data = Data::Ended;
                self.keep_alive_at = None;
                if self.is_under_way() {
                    talk.await_reply(now);
                }
                self.judge(now, talk)
            }
            (
                DataEvent::Broken(reason) | DataEvent::Failed(reason),
                Stage::Telling(_)
                | Stage::Restarting
                | Stage::Asked
                | Stage::Flowing
                | Stage::Final,
            ) if matches!(self.data, Data::None | Data::Open) => {
                self.data = Data::Broken(reason);
                self.keep_alive_at = None;
                if self.is_under_way() {
                    talk.late_at = Some(now + LAST_WORDS);
                }
                self.judge(now, talk)
            }
            // Of a connection that is of no interest any more, or not yet.
            (
                DataEvent::Connected
                | DataEvent::Listening(_)
                | DataEvent::Go
                | DataEvent::Ended
                | DataEvent::Broken(_)
                | DataEvent::Failed(_),
                _,
            ) => None,
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant, talk: &mut Talk) {
        if self.keep_alive_at.is_some_and(|at| at <= now) {
            self.keep_alive_at = talk.config.keep_alive.map(|every| now + every);
            if !self.echo_due {
                self.echo_due = true;
                talk.mention(&Command::new("NOOP"));
            }
        }
    }

    pub(crate) const fn poll_timeout(&self) -> Option<Instant> {
        self.keep_alive_at
    }

    fn refused(&self, verb: &str, reply: Reply) -> Error {
        let command = match &self.spec.argument {
            Some(name) if verb == self.spec.verb.as_str() => {
                format!("{verb} {}", String::from_utf8_lossy(name))
            }
            _ => verb.to_owned(),
        };
        ErrorKind::Refused { command, reply }.into()
    }
}

fn fail(error: Error) -> End {
    Some(Err(error))
}
