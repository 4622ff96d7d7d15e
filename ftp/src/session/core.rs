//! The session: which operation is under way, and what a reply is an answer to.

use super::converse::{Converse, Step};
use super::login::{Login, LoginSpec, injected};
use super::recover::{Past, Recover};
use super::talk::{DataEvent, End, Note, Outcome, Output, SessionConfig, Talk};
use super::transfer::{Late, Transfer, TransferSpec};
use super::truth::Truth;
use crate::command::Command;
use crate::error::{Error, ErrorKind, Phase};
use crate::feature::Features;
use crate::reply::{Reply, ReplyParser};
use fairway_stack::Instant;

/// What a session is asked to do; one at a time.
#[derive(Debug)]
pub enum Operation {
    /// Log in; the first operation of a connection.
    Login(Box<LoginSpec>),
    /// Commands one after the other.
    Converse(Vec<Step>),
    /// One transfer.
    Transfer(Box<TransferSpec>),
    /// Get back in step after an operation whose caller is gone. Allowed at any time.
    Recover,
    /// Say goodbye.
    Quit,
}

/// One control connection (RFC 959 §2.3), without I/O.
///
/// Law: after every `handle_…`, drain [`poll_output`](Self::poll_output); then wait for the earlier of input and
/// [`poll_timeout`](Self::poll_timeout). An operation ends with [`Output::Done`]; until then no other may begin, except
/// [`Operation::Recover`]. `now` never goes back.
#[derive(Debug)]
pub struct Session {
    parser: ReplyParser,
    talk: Talk,
    work: Work,
    dead: Option<Error>,
    strays: u64,
}

#[derive(Debug)]
enum Work {
    Idle,
    Login(Box<Login>),
    Converse(Converse),
    Transfer(Box<Transfer>),
    Recover(Recover),
    Quit,
}

impl Session {
    /// A session over a connection that has just been made.
    #[must_use]
    pub fn new(config: SessionConfig) -> Self {
        Self {
            parser: ReplyParser::new(config.replies),
            talk: Talk::new(config),
            work: Work::Idle,
            dead: None,
            strays: 0,
        }
    }

    /// Begins an operation.
    ///
    /// While another is under way (its caller was dropped), only [`Operation::Recover`] is possible; others fail.
    pub fn handle_operation(&mut self, now: Instant, operation: Operation) {
        if !matches!(self.work, Work::Idle) && !matches!(operation, Operation::Recover) {
            // Nothing happens to the one under way.
            let refusal = Err(Error::lost("another operation is under way"));
            self.talk.out.push_back(Output::Done(refusal));
            return;
        }
        if let Some(error) = &self.dead {
            let error = error.clone();
            self.work = Work::Idle;
            self.done(Err(error));
            return;
        }
        // Of an operation whose caller went between its end and hearing of it.
        self.talk.take_back(true);
        match operation {
            Operation::Login(spec) => {
                self.work = Work::Login(Box::new(Login::begin(now, &mut self.talk, *spec)));
            }
            Operation::Converse(steps) => {
                let mut converse = Converse::new(steps);
                let end = converse.next(now, &mut self.talk);
                self.work = Work::Converse(converse);
                self.settle(end);
            }
            Operation::Transfer(spec) => {
                let (transfer, end) = Transfer::begin(now, &mut self.talk, *spec);
                self.work = Work::Transfer(Box::new(transfer));
                self.settle(end);
            }
            Operation::Recover => self.recover(now),
            Operation::Quit => {
                self.talk.say(now, &Command::new("QUIT"));
                self.work = Work::Quit;
            }
        }
    }

    fn recover(&mut self, now: Instant) {
        let past = match &self.work {
            Work::Idle => {
                self.done(Ok(Outcome::default()));
                return;
            }
            // A login that was given up has no defined place to go on from.
            Work::Login(_) | Work::Quit => {
                self.die(Error::lost("given up in the middle"));
                return;
            }
            Work::Converse(converse) => {
                converse.leave(&mut self.talk.truth);
                Past::Reply
            }
            Work::Transfer(transfer) => transfer.past(),
            Work::Recover(_) => return,
        };
        self.talk.out.push_back(Output::DropData);
        self.work = Work::Recover(Recover::begin(now, &mut self.talk, past));
    }

    /// Octets of the control connection have arrived.
    pub fn handle_input(&mut self, now: Instant, octets: &[u8]) {
        if self.dead.is_some() {
            return;
        }
        self.talk.spoken = false;
        let read = self.parser.handle_input(now, octets);
        self.take_replies(now);
        if let Err(error) = read
            && self.dead.is_none()
        {
            self.gone(now, error.into());
        }
        if self.is_securing() && !self.parser.is_idle() {
            self.die(injected(&self.talk));
        }
    }

    fn is_securing(&self) -> bool {
        matches!(&self.work, Work::Login(login) if login.is_securing())
    }

    /// The server has closed the control connection, or it broke.
    pub fn handle_eof(&mut self, now: Instant, reason: &str) {
        if self.dead.is_some() {
            return;
        }
        self.talk.spoken = false;
        // A reply that is cut is as good as none.
        let _ = self.parser.handle_eof(now);
        self.take_replies(now);
        if self.dead.is_none() {
            let error = self.lost(reason);
            self.gone(now, error);
        }
    }

    /// The control connection is of no use any more. A transfer that has its final reply needs it no longer.
    fn gone(&mut self, now: Instant, error: Error) {
        match &mut self.work {
            Work::Transfer(transfer) if transfer.has_final() => {
                self.dead = Some(error);
                let end = transfer.handle_gone(now, &mut self.talk);
                self.settle(end);
            }
            Work::Quit => {
                self.dead = Some(error);
                self.settle(Some(Ok(Outcome::default())));
            }
            Work::Idle
            | Work::Login(_)
            | Work::Converse(_)
            | Work::Transfer(_)
            | Work::Recover(_) => self.die(error),
        }
    }

    fn lost(&self, reason: &str) -> Error {
        match &self.work {
            Work::Transfer(transfer) if !transfer.has_final() => transfer.lost(reason),
            Work::Converse(_) => ErrorKind::Lost {
                reason: reason.into(),
                may_have_happened: true,
            }
            .into(),
            Work::Login(_) => ErrorKind::Connect {
                host: self.talk.config.host.clone(),
                reason: reason.into(),
            }
            .into(),
            Work::Idle | Work::Transfer(_) | Work::Recover(_) | Work::Quit => Error::lost(reason),
        }
    }

    /// TLS on the control connection has begun (or, after `CCC`, ended), or could not.
    pub fn handle_tls(&mut self, now: Instant, result: Result<(), Error>) {
        match (result, &mut self.work) {
            (Err(error), _) => self.die(error),
            (Ok(()), Work::Login(login)) => {
                let end = login.handle_tls(now, &mut self.talk);
                self.settle(end);
            }
            (Ok(()), _) => {}
        }
    }

    /// Something happened to the data connection.
    pub fn handle_data(&mut self, now: Instant, event: DataEvent) {
        if let Work::Transfer(transfer) = &mut self.work {
            let end = transfer.handle_data(now, &mut self.talk, event);
            self.settle(end);
        }
    }

    /// Time has passed.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.dead.is_some() && matches!(self.work, Work::Idle) {
            return;
        }
        self.talk.spoken = false;
        self.parser.handle_timeout(now);
        self.take_replies(now);
        if let Work::Transfer(transfer) = &mut self.work {
            transfer.handle_timeout(now, &mut self.talk);
        }
        if let Work::Recover(recover) = &mut self.work {
            let end = recover.handle_timeout(now, &mut self.talk);
            if let Some(Err(error)) = end {
                self.die(error);
            } else {
                self.settle(end);
            }
            return;
        }
        if self.talk.late_at.is_some_and(|at| at <= now) {
            self.talk.late_at = None;
            let late = ErrorKind::TimedOut {
                phase: Phase::Reply,
            };
            match &mut self.work {
                Work::Transfer(transfer) => match transfer.handle_late(now, &mut self.talk) {
                    Late::Over { end, unanswered } => {
                        self.settle(Some(end));
                        if unanswered && self.dead.is_none() {
                            self.dead = Some(Error::lost("a keep-alive was never answered"));
                        }
                    }
                    Late::Failed(error) => self.die(error),
                    Late::OutOfStep => self.die(late.into()),
                },
                Work::Idle | Work::Recover(_) => {}
                Work::Login(_) | Work::Converse(_) | Work::Quit => self.die(late.into()),
            }
        }
    }

    /// When to say that time has passed.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let of_work = match &self.work {
            Work::Transfer(transfer) => transfer.poll_timeout(),
            Work::Recover(recover) => {
                let of_parser = self.parser.poll_timeout();
                return [Some(recover.poll_timeout()), of_parser]
                    .into_iter()
                    .flatten()
                    .min();
            }
            Work::Idle if self.dead.is_some() => return None,
            Work::Idle => return self.parser.poll_timeout(),
            Work::Login(_) | Work::Converse(_) | Work::Quit => None,
        };
        [of_work, self.talk.late_at, self.parser.poll_timeout()]
            .into_iter()
            .flatten()
            .min()
    }

    /// The next thing to do or to report.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.talk.out.pop_front()
    }

    /// Whether there is something to do or to report.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.talk.out.is_empty()
    }

    /// Whether an operation can begin.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.work, Work::Idle) && self.dead.is_none()
    }

    /// Whether the verb of a transfer is out, and its end has not been told.
    #[must_use]
    pub fn is_transferring(&self) -> bool {
        matches!(&self.work, Work::Transfer(transfer) if transfer.is_under_way())
    }

    /// Whether the server has said that the transfer under way begins.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        matches!(&self.work, Work::Transfer(transfer) if transfer.has_begun())
    }

    /// Why nothing can begin any more.
    #[must_use]
    pub const fn dead(&self) -> Option<&Error> {
        self.dead.as_ref()
    }

    /// What is set.
    #[must_use]
    pub const fn truth(&self) -> &Truth {
        &self.talk.truth
    }

    /// What is set, to be changed by whoever has said something on his own.
    pub const fn truth_mut(&mut self) -> &mut Truth {
        &mut self.talk.truth
    }

    /// What the server can do.
    #[must_use]
    pub const fn features(&self) -> &Features {
        &self.talk.features
    }

    /// Whether [`Output::Note`]s are wanted from now on.
    pub const fn set_notes(&mut self, wanted: bool) {
        self.talk.config.notes = wanted;
    }

    /// What the session was made with.
    #[must_use]
    pub const fn config(&self) -> &SessionConfig {
        &self.talk.config
    }

    /// Replies that nobody had asked for.
    #[must_use]
    pub const fn strays(&self) -> u64 {
        self.strays
    }

    fn take_replies(&mut self, now: Instant) {
        while let Some(reply) = self.parser.poll_reply() {
            tracing::trace!(host = %self.talk.config.host, %reply, "received");
            if self.talk.config.notes {
                let note = Note::Received(reply.clone());
                self.talk.out.push_back(Output::Note(note));
            }
            if self.dead.is_some() {
                continue;
            }
            if reply.is(421) && !matches!(self.work, Work::Quit) {
                self.closing(now, reply);
                continue;
            }
            if self.talk.spoken {
                // It was there before we spoke, so it answers nothing.
                self.stray(&reply);
                continue;
            }
            let talk = &mut self.talk;
            let end = match &mut self.work {
                Work::Idle => {
                    self.strays += 1;
                    None
                }
                Work::Login(login) => login.handle_reply(now, talk, reply),
                Work::Converse(converse) => converse.handle_reply(now, talk, reply),
                Work::Transfer(transfer) => transfer.handle_reply(now, talk, reply),
                Work::Recover(recover) => recover.handle_reply(now, talk, &reply),
                Work::Quit => {
                    self.dead = Some(Error::lost("closed after QUIT"));
                    Some(Ok(Outcome {
                        replies: vec![reply],
                        ..Outcome::default()
                    }))
                }
            };
            self.settle(end);
        }
    }

    fn stray(&mut self, reply: &Reply) {
        self.strays += 1;
        tracing::debug!(host = %self.talk.config.host, %reply, "stray reply");
    }

    /// 421: the server closes the connection, whatever was under way (RFC 959 §4.2).
    fn closing(&mut self, now: Instant, reply: Reply) {
        let error = match &self.work {
            Work::Transfer(transfer) if transfer.is_under_way() => ErrorKind::Aborted {
                reason: reply.to_string(),
                reply: Some(reply),
            },
            _ => ErrorKind::Unavailable {
                host: self.talk.config.host.clone(),
                reply,
            },
        };
        self.gone(now, error.into());
    }

    fn settle(&mut self, end: End) {
        let Some(result) = end else { return };
        let fatal = matches!(self.work, Work::Login(_)) && result.is_err();
        match result {
            Err(error) if fatal => self.die(error),
            result => {
                self.talk.late_at = None;
                self.work = Work::Idle;
                self.done(result);
            }
        }
    }

    fn die(&mut self, error: Error) {
        let busy = !matches!(self.work, Work::Idle);
        self.talk.take_back(false);
        self.work = Work::Idle;
        self.talk.late_at = None;
        self.dead = Some(error.clone());
        if busy {
            self.done(Err(error));
        }
    }

    fn done(&mut self, result: Result<Outcome, Error>) {
        if result.is_err() {
            self.talk.out.push_back(Output::DropData);
        }
        self.talk.out.push_back(Output::Done(result));
    }
}
