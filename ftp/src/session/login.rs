//! From the greeting to a session that is ready (RFC 959 §5.4, RFC 4217 §4).

use super::talk::{End, Outcome, Output, Talk};
use super::truth::Setting;
use crate::command::Command;
use crate::error::ErrorKind;
use crate::feature::Features;
use crate::reply::{Class, Reply};
use fairway_stack::Instant;

/// Whether and how a control connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tls {
    /// Plain text.
    #[default]
    None,
    /// `AUTH TLS` is tried; if the server refuses it, the session goes on in plain text (RFC 4217 §4.1).
    ///
    /// Whoever sits on the way can refuse in the server's name, and then reads the password: this protects against
    /// listening only.
    IfOffered,
    /// `AUTH TLS`, and no session without it.
    Explicit,
    /// TLS from the first octet, on a port of its own (990).
    Implicit,
}

/// Who logs in, and how.
#[derive(Clone)]
pub struct LoginSpec {
    /// User.
    pub user: Command,
    /// Password, when asked for.
    pub password: Command,
    /// Account, when asked for (332).
    pub account: Option<Command>,
    /// TLS.
    pub tls: Tls,
    /// Whether data connections are to have TLS too (`PROT P`).
    pub private: bool,
    /// Whether the control connection leaves TLS again after the login (`CCC`).
    pub clear: bool,
    /// What another session has learnt from `FEAT`.
    pub features: Option<Features>,
    /// Whether names are sent in UTF-8.
    pub utf8: bool,
}

impl std::fmt::Debug for LoginSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LoginSpec")
            .field("user", &self.user)
            .field("tls", &self.tls)
            .finish_non_exhaustive()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Greeting,
    /// `AUTH TLS` is out, or the older `AUTH SSL`.
    Auth {
        older: bool,
    },
    Handshake,
    BufferSize,
    Protection,
    User,
    Password,
    Account,
    Features,
    Utf8,
    Clear,
    /// TLS of the control connection is ending.
    Clearing,
}

#[derive(Debug)]
pub(crate) struct Login {
    spec: LoginSpec,
    state: State,
    secure: bool,
    greeting: Option<Reply>,
    welcome: Option<Reply>,
}

impl Login {
    pub(crate) fn begin(now: Instant, talk: &mut Talk, spec: LoginSpec) -> Self {
        talk.await_reply(now);
        if spec.tls == Tls::Implicit {
            talk.out.push_back(Output::StartTls);
        }
        Self {
            secure: spec.tls == Tls::Implicit,
            spec,
            state: State::Greeting,
            greeting: None,
            welcome: None,
        }
    }

    pub(crate) fn handle_reply(&mut self, now: Instant, talk: &mut Talk, reply: Reply) -> End {
        if matches!(self.state, State::Handshake | State::Clearing) {
            return Some(Err(injected(talk)));
        }
        if reply.class() == Class::Preliminary {
            // 120: in some minutes. Each such reply is a sign of life.
            talk.await_reply(now);
            return None;
        }
        if reply.is(220) && matches!(self.state, State::Auth { older: false } | State::User) {
            // A greeting of several lines, each a reply of its own, as some servers have it; 220 answers no command of
            // a login.
            tracing::debug!(host = %talk.config.host, %reply, "more of the greeting");
            talk.await_reply(now);
            return None;
        }
        let host = || talk.config.host.clone();
        let login_refused = |reply: Reply| {
            Some(Err(ErrorKind::Login {
                host: talk.config.host.clone(),
                reply,
            }
            .into()))
        };
        match self.state {
            State::Greeting => {
                if reply.class() != Class::Completion {
                    let host = host();
                    return Some(Err(ErrorKind::Unavailable { host, reply }.into()));
                }
                self.greeting = Some(reply);
                match self.spec.tls {
                    Tls::None => self.user(now, talk),
                    Tls::Implicit => self.buffer_size(now, talk),
                    Tls::IfOffered | Tls::Explicit => {
                        self.auth(now, talk, false);
                    }
                }
            }
            State::Auth { older } => match reply.class() {
                // 234; 334 of some servers means the same where the mechanism needs no data (RFC 4217 §4.1).
                Class::Completion | Class::Intermediate if !reply.is(331) => {
                    self.state = State::Handshake;
                    talk.late_at = None;
                    talk.out.push_back(Output::StartTls);
                }
                _ if !older => self.auth(now, talk, true),
                _ if self.spec.tls == Tls::IfOffered => self.user(now, talk),
                _ => {
                    let (host, reason) = (host(), format!("no TLS: {reply}"));
                    return Some(Err(ErrorKind::Tls { host, reason }.into()));
                }
            },
            State::BufferSize => {
                // RFC 4217 §9: PBSZ must come before PROT. What it answers does not matter: PROT's answer does.
                self.state = State::Protection;
                let level = if self.spec.private { "P" } else { "C" };
                say(now, talk, "PROT", level);
            }
            State::Protection => {
                if reply.class() == Class::Completion {
                    let level = if self.spec.private { "P" } else { "C" };
                    talk.truth.set(Setting::Protection, Some(level));
                } else if self.spec.private {
                    let (host, reason) =
                        (host(), format!("no protected data connections: {reply}"));
                    return Some(Err(ErrorKind::Tls { host, reason }.into()));
                }
                self.user(now, talk);
            }
            State::User => match reply.class() {
                Class::Completion => return self.welcomed(now, talk, reply),
                Class::Intermediate if reply.is(332) => return self.account(now, talk, reply),
                Class::Intermediate => {
                    self.state = State::Password;
                    talk.say(now, &self.spec.password);
                }
                _ => return login_refused(reply),
            },
            State::Password => match reply.class() {
                Class::Completion => return self.welcomed(now, talk, reply),
                Class::Intermediate => return self.account(now, talk, reply),
                _ => return login_refused(reply),
            },
            State::Account => match reply.class() {
                Class::Completion => return self.welcomed(now, talk, reply),
                _ => return login_refused(reply),
            },
            State::Features => {
                talk.features = Features::read(&reply);
                return self.utf8(now, talk);
            }
            // RFC 2640 §3: where UTF8 is a feature it is on already; some servers want to be told. A refusal is fine.
            State::Utf8 => return self.clear(now, talk),
            State::Clear => {
                if reply.class() != Class::Completion {
                    let (host, reason) = (host(), format!("CCC: {reply}"));
                    return Some(Err(ErrorKind::Tls { host, reason }.into()));
                }
                self.state = State::Clearing;
                talk.late_at = None;
                talk.out.push_back(Output::StopTls);
            }
            State::Handshake | State::Clearing => {}
        }
        None
    }

    /// TLS has begun, or has ended after `CCC`.
    pub(crate) fn handle_tls(&mut self, now: Instant, talk: &mut Talk) -> End {
        match self.state {
            State::Handshake => {
                self.secure = true;
                self.buffer_size(now, talk);
                None
            }
            State::Clearing => self.done(),
            _ => None,
        }
    }

    fn auth(&mut self, now: Instant, talk: &mut Talk, older: bool) {
        self.state = State::Auth { older };
        say(now, talk, "AUTH", if older { "SSL" } else { "TLS" });
    }

    fn buffer_size(&mut self, now: Instant, talk: &mut Talk) {
        self.state = State::BufferSize;
        say(now, talk, "PBSZ", "0");
    }

    fn user(&mut self, now: Instant, talk: &mut Talk) {
        self.state = State::User;
        talk.say(now, &self.spec.user);
    }

    fn account(&mut self, now: Instant, talk: &mut Talk, reply: Reply) -> End {
        let Some(account) = &self.spec.account else {
            let host = talk.config.host.clone();
            return Some(Err(ErrorKind::Login { host, reply }.into()));
        };
        self.state = State::Account;
        talk.say(now, account);
        None
    }

    fn welcomed(&mut self, now: Instant, talk: &mut Talk, reply: Reply) -> End {
        self.welcome = Some(reply);
        if let Some(features) = self.spec.features.take() {
            talk.features = features;
            return self.utf8(now, talk);
        }
        self.state = State::Features;
        talk.say(now, &Command::new("FEAT"));
        None
    }

    fn utf8(&mut self, now: Instant, talk: &mut Talk) -> End {
        if self.spec.utf8 && talk.features.has("UTF8") {
            self.state = State::Utf8;
            say(now, talk, "OPTS", "UTF8 ON");
            return None;
        }
        self.clear(now, talk)
    }

    fn clear(&mut self, now: Instant, talk: &mut Talk) -> End {
        if self.spec.clear && self.secure {
            self.state = State::Clear;
            talk.say(now, &Command::new("CCC"));
            return None;
        }
        self.done()
    }

    fn done(&mut self) -> End {
        Some(Ok(Outcome {
            replies: self
                .greeting
                .take()
                .into_iter()
                .chain(self.welcome.take())
                .collect(),
            ..Outcome::default()
        }))
    }

    /// Whether octets that have arrived now would be taken for what comes after TLS has begun.
    pub(crate) fn is_securing(&self) -> bool {
        self.state == State::Handshake
    }
}

/// Plain octets behind the reply to `AUTH`: somebody on the way put them there (as in CVE-2021-22947).
pub(crate) fn injected(talk: &Talk) -> crate::Error {
    ErrorKind::Tls {
        host: talk.config.host.clone(),
        reason: "the server sent more than its answer to AUTH before TLS began".into(),
    }
    .into()
}

/// Says a command of ours, whose argument is fine.
fn say(now: Instant, talk: &mut Talk, verb: &'static str, argument: &str) {
    if let Ok(command) = Command::with(verb, argument) {
        talk.say(now, &command);
    }
}
