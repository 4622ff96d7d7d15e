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

use super::recover::Past;
use super::talk::{DataEvent, End, Outcome, Output, Talk};
use super::truth::Setting;
use crate::answer;
use crate::command::Command;
use crate::error::{Error, ErrorKind};
use crate::reply::{Class, Reply};
use fairway_stack::Instant;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// How long a server may take to end a transfer whose data connection broke, before its reason is not waited for.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long the reply to a keep-alive may take once the transfer is over.
const ECHO: Duration = Duration::from_secs(3);
/// How long the data connection of a finished transfer may still be on its way to us.
const LATE_DATA: Duration = Duration::from_secs(5);

/// The commands that move data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(
    missing_docs,
    reason = "the commands' own names, RFC 959 §4.1.3 and RFC 3659 §7"
)]
pub enum Verb {
    Retr,
    Stor,
    Appe,
    Stou,
    List,
    Nlst,
    Mlsd,
}

impl Verb {
    /// As it is sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retr => "RETR",
            Self::Stor => "STOR",
            Self::Appe => "APPE",
            Self::Stou => "STOU",
            Self::List => "LIST",
            Self::Nlst => "NLST",
            Self::Mlsd => "MLSD",
        }
    }

    /// Whether the octets go to the server.
    #[must_use]
    pub const fn is_upload(self) -> bool {
        matches!(self, Self::Stor | Self::Appe | Self::Stou)
    }

    /// Whether the octets are a listing.
    const fn is_listing(self) -> bool {
        matches!(self, Self::List | Self::Nlst | Self::Mlsd)
    }
}

/// A way of making the data connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Method {
    /// `EPSV`: we connect to the port it names (RFC 2428).
    ExtendedPassive,
    /// `PASV`: we connect (RFC 959).
    Passive,
    /// `EPRT`: the server connects (RFC 2428).
    ExtendedActive,
    /// `PORT`: the server connects (RFC 959).
    Active,
    /// `CPSV`: as `PASV`, and the server will be the TLS client; between servers only.
    SecurePassive,
}

impl Method {
    /// The command.
    #[must_use]
    pub const fn verb(self) -> &'static str {
        match self {
            Self::ExtendedPassive => "EPSV",
            Self::Passive => "PASV",
            Self::ExtendedActive => "EPRT",
            Self::Active => "PORT",
            Self::SecurePassive => "CPSV",
        }
    }

    /// Whether the server is the one that connects.
    #[must_use]
    pub const fn is_active(self) -> bool {
        matches!(self, Self::ExtendedActive | Self::Active)
    }
}

/// Where a passive server says it listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The address it claims, which need not be true; `EPSV` claims none (RFC 2428 §3).
    pub host: Option<IpAddr>,
    /// The port.
    pub port: u16,
}

/// The part in a transfer between servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Third {
    /// This server listens.
    Passive,
    /// This server connects to the other.
    Active(SocketAddr),
}

/// What is to be transferred, and how.
#[derive(Clone, Debug)]
pub struct TransferSpec {
    /// The verb.
    pub verb: Verb,
    /// Its argument.
    pub argument: Option<Vec<u8>>,
    /// What must be set, in this order, where it differs.
    pub settings: Vec<(Setting, String)>,
    /// Where to begin: an offset, or a restart marker.
    pub restart: Option<Vec<u8>>,
    /// How much room the server is told to make, if it wants to be told (`ALLO`).
    pub allocate: Option<u64>,
    /// The ways of making the data connection, the first to be tried first.
    pub methods: Vec<Method>,
    /// Whether the data connection is between two servers.
    pub third: Option<Third>,
}

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

    fn set(&mut self, now: Instant, talk: &mut Talk) -> End {
        while let Some((setting, value)) = self.settings.pop_front() {
            if talk.truth.get(setting) != Some(&*value) {
                let command = match Command::with(setting.verb(), &value) {
                    Ok(command) => command,
                    Err(error) => return fail(Error::argument("setting")(error)),
                };
                // Until its reply is here, and if it is refused, it may or may not have had an effect.
                talk.truth.set(setting, None);
                talk.say(now, &command);
                self.stage = Stage::Setting(setting, value);
                return None;
            }
        }
        if let Some(octets) = self.spec.allocate.take() {
            self.stage = Stage::Allocating;
            return self.say(now, talk, "ALLO", Some(octets.to_string().as_bytes()));
        }
        self.open(now, talk)
    }

    fn open(&mut self, now: Instant, talk: &mut Talk) -> End {
        if talk.truth.pre_transfer && !self.pre_transferred {
            self.pre_transferred = true;
            self.stage = Stage::PreTransfer;
            let mut argument = self.spec.verb.as_str().as_bytes().to_vec();
            if let Some(name) = &self.spec.argument {
                argument.push(b' ');
                argument.extend_from_slice(name);
            }
            return self.say(now, talk, "PRET", Some(&argument));
        }
        let Some(method) = self.methods.pop_front() else {
            let (reason, reply) = self
                .failure
                .take()
                .unwrap_or_else(|| ("no way left to try".into(), None));
            return fail(ErrorKind::DataConnection { reason, reply }.into());
        };
        self.method = Some(method);
        match (method.is_active(), self.spec.third) {
            (false, _) => {
                self.stage = Stage::Asking(method);
                self.say(now, talk, method.verb(), None)
            }
            (true, Some(Third::Active(address))) => self.tell(now, talk, method, address),
            (true, _) => {
                self.stage = Stage::Listening(method);
                talk.late_at = None;
                talk.out.push_back(Output::Listen);
                None
            }
        }
    }

    fn tell(&mut self, now: Instant, talk: &mut Talk, method: Method, address: SocketAddr) -> End {
        let argument = match (method, address) {
            (Method::ExtendedActive, _) => answer::extended_port_argument(address),
            (_, SocketAddr::V4(address)) => answer::port_argument(address),
            (_, SocketAddr::V6(_)) => {
                return self.another_way(now, talk, "PORT carries IPv4 only".into(), None);
            }
        };
        self.stage = Stage::Telling(method);
        self.say(now, talk, method.verb(), Some(argument.as_bytes()))
    }

    fn another_way(
        &mut self,
        now: Instant,
        talk: &mut Talk,
        reason: String,
        reply: Option<Reply>,
    ) -> End {
        tracing::debug!(host = %talk.config.host, method = ?self.method, error = %reason, "no data connection");
        talk.out.push_back(Output::DropData);
        self.data = Data::None;
        self.failure = Some((reason, reply));
        self.open(now, talk)
    }

    fn ready(&mut self, now: Instant, talk: &mut Talk, announced: Option<Announced>) -> End {
        if self.spec.third.is_some() {
            self.stage = Stage::Waiting;
            talk.late_at = None;
            talk.out.push_back(Output::Ready(announced));
            return None;
        }
        self.restart(now, talk)
    }

    fn restart(&mut self, now: Instant, talk: &mut Talk) -> End {
        let marker = match (&self.spec.restart, talk.truth.restart_pending) {
            (Some(marker), _) => marker.clone(),
            // One that an earlier transfer did not use up would be used by this one. Servers without REST have none.
            (None, true) if !self.spec.verb.is_listing() => b"0".to_vec(),
            (None, _) => return self.ask(now, talk),
        };
        talk.truth.restart_pending = true;
        self.stage = Stage::Restarting;
        self.say(now, talk, "REST", Some(&marker))
    }

    fn ask(&mut self, now: Instant, talk: &mut Talk) -> End {
        self.stage = Stage::Asked;
        let argument = self.spec.argument.take();
        let end = self.say(now, talk, self.spec.verb.as_str(), argument.as_deref());
        self.spec.argument = argument;
        end
    }

    #[expect(clippy::unused_self, reason = "says something for this transfer")]
    fn say(
        &mut self,
        now: Instant,
        talk: &mut Talk,
        verb: &'static str,
        argument: Option<&[u8]>,
    ) -> End {
        let command = match argument {
            Some(argument) => Command::with(verb, argument),
            None => Ok(Command::new(verb)),
        };
        match command {
            Ok(command) => {
                talk.say(now, &command);
                None
            }
            Err(error) => fail(Error::argument("path")(error)),
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
                let unset = unknown && setting != Setting::Type && value == setting.at_login();
                if class == Class::Completion || unset {
                    talk.truth.set(setting, Some(&value));
                    return self.set(now, talk);
                }
                if matches!(reply.code().get(), 500 | 502) && setting.at_login() == value {
                    // There is no such command here, so nobody has set anything else.
                    talk.truth.set(setting, Some(&value));
                    return self.set(now, talk);
                }
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

    fn handle_passive(
        &mut self,
        now: Instant,
        talk: &mut Talk,
        method: Method,
        reply: Reply,
    ) -> End {
        let announced = match method {
            _ if reply.class() != Class::Completion => None,
            // The numbers of a 227 would look like a port between commas.
            Method::ExtendedPassive if !reply.is(229) => None,
            Method::ExtendedPassive => {
                answer::extended_passive(&reply).map(|port| Announced { host: None, port })
            }
            _ => answer::passive(&reply).map(|address| Announced {
                host: Some(IpAddr::V4(*address.ip())),
                port: address.port(),
            }),
        };
        let Some(announced) = announced else {
            // Servers behind a distributor want to know first what will be transferred, and say so by name.
            let wants =
                reply.is_negative() && reply.octets().windows(4).any(|word| word == b"PRET");
            if wants && !self.pre_transferred {
                talk.truth.pre_transfer = true;
                self.methods.push_front(method);
                return self.open(now, talk);
            }
            let reason = format!("{}: {reply}", method.verb());
            return self.another_way(now, talk, reason, Some(reply));
        };
        if self.spec.third.is_some() {
            return self.ready(now, talk, Some(announced));
        }
        self.stage = Stage::Connecting(method);
        talk.late_at = None;
        talk.out.push_back(Output::Connect(announced));
        None
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

    /// Whether all is known.
    fn judge(&mut self, now: Instant, talk: &mut Talk) -> End {
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

fn fail(error: Error) -> End {
    Some(Err(error))
}
