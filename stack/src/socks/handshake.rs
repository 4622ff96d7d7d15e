//! The protocol, without a connection.
//!
//! It holds what is to be said and the octets of the answer that has not come whole. There are no timers: how long to
//! wait is the caller's to say. Whatever the proxy does wrong ends it.

use super::wire::{self, Reading};
use super::{Broken, Proxy, SocksError, Target, Version};
use std::collections::VecDeque;

/// What the proxy is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// CONNECT: call the target.
    Connect,
    /// BIND: wait for one call from the target.
    Bind,
}

impl Command {
    /// In both versions.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Connect => 1,
            Self::Bind => 2,
        }
    }
}

/// What a [`Handshake`] wants done, or reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// Send these octets to the proxy.
    Transmit(Vec<u8>),
    /// BIND: the proxy waits for a call at this address; all zeros mean its own.
    Bound(Target),
    /// The connection stands. CONNECT: from this address of the proxy; BIND: with this caller. All zeros mean that the
    /// proxy does not say. What comes now is the caller's.
    Connected(Target),
    /// It is over.
    Failed(SocksError),
}

/// What the proxy has to answer next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// How to say who asks (RFC 1928 §3).
    Method,
    /// Whether user and password will do (RFC 1929 §2).
    Login,
    /// The request (RFC 1928 §6).
    Reply,
    /// BIND: who has called, the second reply.
    Peer,
    /// Nothing: the connection stands.
    Done,
    /// Nothing: there is none.
    Failed,
}

/// One request to a proxy.
///
/// After [`new`](Self::new) and any `handle_…`, drain [`poll_output`](Self::poll_output); then read at most
/// [`wanted`](Self::wanted) octets, for what is behind them may be the caller's.
///
/// ```
/// use fairway_stack::socks::{Command, Handshake, Output, Proxy, Version};
///
/// let proxy = Proxy::new(Version::V5, "192.0.2.1:1080".parse().unwrap());
/// let mut handshake = Handshake::new(&proxy, Command::Connect, &("192.0.2.7", 80).into()).unwrap();
/// assert_eq!(handshake.poll_output(), Some(Output::Transmit(vec![5, 1, 0])));
/// assert_eq!((handshake.poll_output(), handshake.wanted()), (None, 2));
/// assert_eq!(handshake.handle_input(&[5, 0]), 2);
/// let request = vec![5, 1, 0, 1, 192, 0, 2, 7, 0, 80];
/// assert_eq!(handshake.poll_output(), Some(Output::Transmit(request)));
/// let reply = [5, 0, 0, 1, 192, 0, 2, 1, 0, 99];
/// assert_eq!(handshake.handle_input(&[&reply[..], b"data"].concat()), reply.len());
/// assert_eq!(handshake.poll_output(), Some(Output::Connected(("192.0.2.1", 99).into())));
/// ```
pub struct Handshake {
    version: Version,
    command: Command,
    /// Sent when the proxy has chosen it.
    login: Option<Vec<u8>>,
    /// Sent when the proxy knows enough of us.
    request: Vec<u8>,
    state: State,
    /// The answer so far.
    answer: Vec<u8>,
    outputs: VecDeque<Output>,
}

impl Handshake {
    /// A request to `proxy`.
    ///
    /// # Errors
    /// [`SocksError::Argument`] if this version cannot say it: names and IPv6 in version 4, IPv6 in 4a; a user, password
    /// or name that is too long.
    pub fn new(proxy: &Proxy, command: Command, target: &Target) -> Result<Self, SocksError> {
        let request = wire::request(proxy, command, target)?;
        let mut handshake = Self {
            version: proxy.version,
            command,
            login: None,
            request,
            state: State::Reply,
            answer: Vec::new(),
            outputs: VecDeque::new(),
        };
        if proxy.version == Version::V5 {
            handshake.login = wire::login(proxy)?;
            handshake.state = State::Method;
            handshake.transmit(wire::methods(handshake.login.is_some()));
        } else {
            handshake.send_request();
        }
        Ok(handshake)
    }

    /// How many octets to read next at most; 0 when there is nothing to wait for.
    #[must_use]
    pub fn wanted(&self) -> usize {
        match self.step() {
            Some(Ok(Reading::Needs(more))) => more,
            _ => 0,
        }
    }

    /// The proxy has sent `octets`; says how many of them it took. It leaves those behind the last reply.
    pub fn handle_input(&mut self, mut octets: &[u8]) -> usize {
        let all = octets.len();
        loop {
            let (taken, rest) = octets.split_at(self.wanted().min(octets.len()));
            if taken.is_empty() {
                return all - octets.len();
            }
            self.answer.extend_from_slice(taken);
            octets = rest;
            match self.step() {
                None | Some(Ok(Reading::Needs(_))) => {}
                Some(Ok(Reading::Whole(event))) => {
                    self.answer.clear();
                    self.handle_event(event);
                }
                Some(Err(error)) => self.fail(error),
            }
        }
    }

    /// The proxy has ended the connection.
    pub fn handle_end(&mut self) {
        match self.state {
            State::Method | State::Login | State::Reply | State::Peer => {
                self.fail(SocksError::Closed);
            }
            State::Done | State::Failed => {}
        }
    }

    /// What to do or to tell next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Reads the answer so far as what the state waits for, if it waits for something.
    fn step(&self) -> Option<Result<Reading<Event>, SocksError>> {
        let answer = self.answer.as_slice();
        match self.state {
            State::Method => Some(wire::chosen_method(answer).map(|read| read.map(Event::Method))),
            State::Login => Some(wire::login_status(answer).map(|read| read.map(Event::Status))),
            State::Reply | State::Peer => {
                Some(wire::reply(self.version, answer).map(|read| read.map(Event::Granted)))
            }
            State::Done | State::Failed => None,
        }
    }

    fn handle_event(&mut self, event: Event) {
        match (self.state, event) {
            (State::Method, Event::Method(wire::METHOD_NONE)) => self.send_request(),
            (State::Method, Event::Method(wire::METHOD_LOGIN)) => match self.login.take() {
                Some(login) => {
                    self.set_state(State::Login);
                    self.transmit(login);
                }
                None => self.fail(SocksError::Broken(Broken::Method(wire::METHOD_LOGIN))),
            },
            // RFC 1928 §3: the client MUST close the connection.
            (State::Method, Event::Method(wire::METHOD_NO_ACCEPTABLE)) => {
                self.fail(SocksError::NoAcceptableMethod);
            }
            (State::Method, Event::Method(other)) => {
                self.fail(SocksError::Broken(Broken::Method(other)));
            }
            (State::Login, Event::Status(0)) => self.send_request(),
            (State::Login, Event::Status(status)) => self.fail(SocksError::LoginFailed(status)),
            (State::Reply, Event::Granted(address)) => match self.command {
                Command::Connect => {
                    self.set_state(State::Done);
                    self.outputs.push_back(Output::Connected(address));
                }
                Command::Bind => {
                    self.set_state(State::Peer);
                    self.outputs.push_back(Output::Bound(address));
                }
            },
            (State::Peer, Event::Granted(address)) => {
                self.set_state(State::Done);
                self.outputs.push_back(Output::Connected(address));
            }
            // `step` gives each state its own event.
            (
                State::Method
                | State::Login
                | State::Reply
                | State::Peer
                | State::Done
                | State::Failed,
                Event::Method(_) | Event::Status(_) | Event::Granted(_),
            ) => {}
        }
    }

    fn send_request(&mut self) {
        self.set_state(State::Reply);
        let request = std::mem::take(&mut self.request);
        self.transmit(request);
    }

    fn transmit(&mut self, octets: Vec<u8>) {
        self.outputs.push_back(Output::Transmit(octets));
    }

    fn fail(&mut self, error: SocksError) {
        self.set_state(State::Failed);
        self.answer.clear();
        self.outputs.push_back(Output::Failed(error));
    }

    fn set_state(&mut self, state: State) {
        tracing::trace!(target: "net::socks", from = ?self.state, to = ?state, "state");
        self.state = state;
    }
}

impl std::fmt::Debug for Handshake {
    /// Without what is sent, which may be a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handshake")
            .field("version", &self.version)
            .field("command", &self.command)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// What the proxy has said.
enum Event {
    /// How to say who asks.
    Method(u8),
    /// What it thinks of user and password: 0 is well.
    Status(u8),
    /// Yes, with an address.
    Granted(Target),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::socks::{Refusal, ReplyV5};

    const V5_YES: &[u8] = &[5, 0, 0, 1, 192, 0, 2, 1, 4, 0];
    const V4_YES: &[u8] = &[0, 90, 4, 0, 192, 0, 2, 1];

    fn start(version: Version, command: Command, login: bool) -> Handshake {
        let mut proxy = Proxy::new(version, ([192, 0, 2, 1], 1080).into());
        if login {
            proxy = proxy.login("anna", "key");
        }
        let mut handshake = Handshake::new(&proxy, command, &("192.0.2.7", 21).into()).unwrap();
        if version == Version::V5 {
            let methods = wire::methods(login);
            assert_eq!(handshake.poll_output(), Some(Output::Transmit(methods)));
        } else {
            assert!(matches!(handshake.poll_output(), Some(Output::Transmit(_))));
        }
        assert_eq!(handshake.poll_output(), None);
        handshake
    }

    fn outputs(handshake: &mut Handshake) -> Vec<Output> {
        std::iter::from_fn(|| handshake.poll_output()).collect()
    }

    fn yes() -> Target {
        ("192.0.2.1", 1024).into()
    }

    /// RFC 1929 §2, then RFC 1928 §4.
    #[test]
    fn the_request_follows_the_login() {
        let mut handshake = start(Version::V5, Command::Connect, true);
        handshake.handle_input(&[5, 2]);
        assert_eq!(
            outputs(&mut handshake),
            [Output::Transmit(b"\x01\x04anna\x03key".to_vec())]
        );
        handshake.handle_input(&[1, 0]);
        assert_eq!(
            outputs(&mut handshake),
            [Output::Transmit(vec![5, 1, 0, 1, 192, 0, 2, 7, 0, 21])]
        );
        assert_eq!(handshake.handle_input(V5_YES), V5_YES.len());
        assert_eq!(outputs(&mut handshake), [Output::Connected(yes())]);
        assert_eq!(handshake.wanted(), 0);
        handshake.handle_end();
        assert_eq!(handshake.handle_input(b"data"), 0);
        assert_eq!(outputs(&mut handshake), []);
    }

    /// RFC 1928 §6: two replies.
    #[test]
    fn binding_has_two_replies() {
        for version in [Version::V4, Version::V4a, Version::V5] {
            let mut handshake = start(version, Command::Bind, false);
            let reply = match version {
                Version::V4 | Version::V4a => V4_YES,
                Version::V5 => {
                    handshake.handle_input(&[5, 0]);
                    assert_eq!(outputs(&mut handshake).len(), 1);
                    V5_YES
                }
            };
            handshake.handle_input(reply);
            assert_eq!(outputs(&mut handshake), [Output::Bound(yes())]);
            assert!(handshake.wanted() > 0);
            // What the caller said at once is not lost.
            let both = [reply, b"220 hello"].concat();
            assert_eq!(handshake.handle_input(&both), reply.len());
            assert_eq!(outputs(&mut handshake), [Output::Connected(yes())]);
        }
    }

    /// Every state, and everything that can happen in it.
    #[test]
    fn states_and_events() {
        let at = |state: &str| {
            let mut handshake = start(Version::V5, Command::Bind, true);
            let inputs: &[&[u8]] = match state {
                "Method" => &[],
                "Login" => &[&[5, 2]],
                "Reply" => &[&[5, 0]],
                "Peer" => &[&[5, 0], V5_YES],
                "Done" => &[&[5, 0], V5_YES, V5_YES],
                _ => &[&[6]],
            };
            for input in inputs {
                handshake.handle_input(input);
            }
            outputs(&mut handshake);
            assert_eq!(format!("{:?}", handshake.state), state);
            handshake
        };
        let mut table = String::new();
        for state in ["Method", "Login", "Reply", "Peer", "Done", "Failed"] {
            let events: [(&str, &[u8]); 10] = [
                ("end", &[]),
                ("none asked", &[5, 0]),
                ("login asked", &[5, 2]),
                ("no method", &[5, 255]),
                ("other method", &[5, 1]),
                ("login well", &[1, 0]),
                ("login bad", &[1, 1]),
                ("yes", V5_YES),
                ("no", &[5, 4, 0]),
                ("other version", &[4]),
            ];
            for (event, octets) in events {
                let mut handshake = at(state);
                if octets.is_empty() {
                    handshake.handle_end();
                } else {
                    handshake.handle_input(octets);
                }
                let reported: Vec<_> = outputs(&mut handshake)
                    .into_iter()
                    .map(|output| match output {
                        Output::Transmit(octets) => format!(" send {}", octets.len()),
                        Output::Bound(_) => " bound".into(),
                        Output::Connected(_) => " connected".into(),
                        Output::Failed(error) => format!(" {error}"),
                    })
                    .collect();
                let to = handshake.state;
                table += &format!("{state} + {event}: {to:?}{}\n", reported.concat());
            }
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/socks/states.txt");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, &table).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap();
        assert_eq!(written, table, "BLESS=1 writes it anew");
    }

    #[test]
    fn a_login_that_was_not_offered_is_no_choice() {
        let mut handshake = start(Version::V5, Command::Connect, false);
        handshake.handle_input(&[5, 2]);
        let error = SocksError::Broken(Broken::Method(2));
        assert_eq!(outputs(&mut handshake), [Output::Failed(error)]);
    }

    #[test]
    fn octet_by_octet_is_the_same() {
        let mut handshake = start(Version::V5, Command::Connect, true);
        let mut octets = [&[5, 2, 1, 0][..], V5_YES].concat();
        octets[5] = 3;
        for octet in octets.chunks(1).take(6) {
            assert_eq!(handshake.handle_input(octet), 1);
        }
        let error = SocksError::Refused(Refusal::V5(ReplyV5::NET_UNREACHABLE));
        assert_eq!(
            outputs(&mut handshake).pop(),
            Some(Output::Failed(error)),
            "although the rest has not come"
        );
    }
}
