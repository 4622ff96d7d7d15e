//! Up to the verb: what must be set, and a data connection in one of the ways there are.

use super::{Announced, Data, Method, Stage, Third, Transfer, fail};
use crate::answer;
use crate::command::Command;
use crate::error::{Error, ErrorKind};
use crate::reply::{Class, Reply};
use crate::session::talk::{End, Output, Talk};
use fairway_stack::Instant;
use std::net::{IpAddr, SocketAddr};

impl Transfer {
    pub(super) fn set(&mut self, now: Instant, talk: &mut Talk) -> End {
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

    pub(super) fn open(&mut self, now: Instant, talk: &mut Talk) -> End {
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

    pub(super) fn tell(
        &mut self,
        now: Instant,
        talk: &mut Talk,
        method: Method,
        address: SocketAddr,
    ) -> End {
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

    pub(super) fn another_way(
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

    pub(super) fn ready(
        &mut self,
        now: Instant,
        talk: &mut Talk,
        announced: Option<Announced>,
    ) -> End {
        if self.spec.third.is_some() {
            self.stage = Stage::Waiting;
            talk.late_at = None;
            talk.out.push_back(Output::Ready(announced));
            return None;
        }
        self.restart(now, talk)
    }

    pub(super) fn restart(&mut self, now: Instant, talk: &mut Talk) -> End {
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

    pub(super) fn ask(&mut self, now: Instant, talk: &mut Talk) -> End {
        self.stage = Stage::Asked;
        let argument = self.spec.argument.take();
        let end = self.say(now, talk, self.spec.verb.as_str(), argument.as_deref());
        self.spec.argument = argument;
        end
    }

    #[expect(clippy::unused_self, reason = "says something for this transfer")]
    pub(super) fn say(
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

    pub(super) fn handle_passive(
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
}
