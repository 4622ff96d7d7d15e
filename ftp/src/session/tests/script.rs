//! Plays a conversation to a session, and checks that the session plays its part.
//!
//! | line | who | meaning |
//! |---|---|---|
//! | `op RETR a type=I via=EPSV,PASV` | us | an operation begins; see [`operation`] |
//! | `S: 220 ready` | server | a line arrives; `\n` in it is CR LF, `\xff` an octet, a `\` at the end leaves CR LF out |
//! | `> connected` | shell | `connected`, `listening 192.0.2.9:4000`, `failed x`, `ended`, `broken x`, `go`, `tls`, `no-tls`, `eof` |
//! | `+ 5s` | time | passes, in steps of `poll_timeout` |
//! | `C: EPSV` | session | a line is sent |
//! | `! connect 2000` | session | another output: `connect`, `listen`, `ready`, `begin`, `preliminary`, `drop`, `start-tls`, `stop-tls` |
//! | `= done 226 via EPSV` | session | the operation is over, with the codes of its replies |
//! | `= error Refused 550` | session | the same; `maybe` behind it: what was asked for may have happened |
//! | `? dead` | test | what is asked of the session: `dead`, `strays`, `pending` (REST), `directory`, `timer`, or a setting such as `TYPE` |
//!
//! The lines of the last five kinds must be exactly what the session does at that point. `drop` before an error goes
//! without saying.

use crate::command::Command;
use crate::error::{Error, ErrorKind};
use crate::session::{
    Announced, DataEvent, LoginSpec, Method, Operation, Output, Session, SessionConfig, Setting,
    Step, Third, Tls, TransferSpec, Verb,
};
use fairway_stack::Instant;
use std::fmt::Write as _;
use std::time::Duration;

/// Plays `script` to a session that is ready (or, if it begins with `op LOGIN`, to a new one).
#[track_caller]
pub(super) fn play(script: &str) {
    let script: Vec<&str> = script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let mut player = Player::new();
    for line in &script {
        player.take(line);
    }
    let expected = script.join("\n");
    assert!(
        expected == player.log,
        "--- what should have happened:\n{expected}\n--- what did:\n{}\n",
        player.log
    );
}

pub(super) struct Player {
    pub(super) session: Session,
    pub(super) now: Instant,
    pub(super) log: String,
}

impl Player {
    pub(super) fn new() -> Self {
        let config = SessionConfig {
            host: "ftp.example".into(),
            ..SessionConfig::default()
        };
        Self {
            session: Session::new(config),
            now: Instant::from_nanos(1),
            log: String::new(),
        }
    }

    fn write(&mut self, line: &str) {
        if !self.log.is_empty() {
            self.log.push('\n');
        }
        self.log.push_str(line);
    }

    /// Does what the line says, and writes what the session does.
    pub(super) fn take(&mut self, line: &str) {
        let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
        if kind == "?" {
            let shown = format!("? {}", self.ask(rest));
            self.write(&shown);
            return;
        }
        if matches!(kind, "C:" | "!" | "=") {
            return;
        }
        self.write(line);
        match kind {
            "#" => {}
            "op" => {
                if rest.split(' ').any(|detail| detail == "pret") {
                    self.session.truth_mut().pre_transfer = true;
                }
                self.session.handle_operation(self.now, operation(rest));
            }
            "S:" => self.session.handle_input(self.now, &octets(rest)),
            ">" => self.event(rest),
            "+" => self.pass(duration(rest)),
            _ => panic!("not a line of a script: {line}"),
        }
        self.drain();
    }

    fn event(&mut self, event: &str) {
        let (kind, rest) = event.split_once(' ').unwrap_or((event, ""));
        let event = match kind {
            "connected" => DataEvent::Connected,
            "listening" => DataEvent::Listening(rest.parse().unwrap()),
            "failed" => DataEvent::Failed(rest.into()),
            "ended" => DataEvent::Ended,
            "broken" => DataEvent::Broken(rest.into()),
            "go" => DataEvent::Go,
            "tls" => return self.session.handle_tls(self.now, Ok(())),
            "no-tls" => {
                let (host, reason) = ("ftp.example".into(), rest.into());
                let error = ErrorKind::Tls { host, reason }.into();
                return self.session.handle_tls(self.now, Err(error));
            }
            "eof" => return self.session.handle_eof(self.now, "closed"),
            _ => panic!("not an event: {event}"),
        };
        self.session.handle_data(self.now, event);
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.session.poll_timeout().filter(|at| *at <= until) {
            assert!(at >= self.now, "a deadline in the past");
            self.now = at;
            self.session.handle_timeout(at);
            self.drain();
            assert_ne!(
                self.session.poll_timeout(),
                Some(at),
                "a deadline that stays"
            );
        }
        self.now = until;
        self.session.handle_timeout(until);
    }

    pub(super) fn drain(&mut self) {
        let mut dropped = false;
        while let Some(output) = self.session.poll_output() {
            if matches!(output, Output::DropData) {
                // Twice is as good as once.
                dropped = true;
                continue;
            }
            let failed = matches!(output, Output::Done(Err(_)));
            if std::mem::take(&mut dropped) && !failed {
                self.write("! drop");
            }
            let line = shown(&output);
            self.write(&line);
        }
        if dropped {
            self.write("! drop");
        }
    }

    fn ask(&self, what: &str) -> String {
        let what = what.split(' ').next().unwrap_or_default();
        let truth = self.session.truth();
        let settings = Setting::ALL;
        let answer = match what {
            "dead" | "alive" => {
                return match self.session.dead() {
                    Some(_) => "dead".into(),
                    None => "alive".into(),
                };
            }
            "strays" => self.session.strays().to_string(),
            "pending" => truth.restart_pending.to_string(),
            "directory" => format!("{:?}", truth.directory),
            "timer" => match self.session.poll_timeout() {
                Some(at) => format!("{:?}", at - self.now),
                None => "none".into(),
            },
            _ => match settings.into_iter().find(|setting| setting.verb() == what) {
                Some(setting) => truth.get(setting).unwrap_or("unknown").to_owned(),
                None => panic!("not a question: {what}"),
            },
        };
        format!("{what} {answer}")
    }
}

fn shown(output: &Output) -> String {
    let announced = |announced: &Announced| match announced.host {
        Some(host) => format!("{host}:{}", announced.port),
        None => announced.port.to_string(),
    };
    match output {
        Output::Transmit(octets) => {
            let line = String::from_utf8_lossy(octets);
            format!("C: {}", line.strip_suffix("\r\n").expect("a line ends so"))
        }
        Output::StartTls => "! start-tls".into(),
        Output::StopTls => "! stop-tls".into(),
        Output::Connect(to) => format!("! connect {}", announced(to)),
        Output::Listen => "! listen".into(),
        Output::Ready(Some(at)) => format!("! ready {}", announced(at)),
        Output::Ready(None) => "! ready".into(),
        Output::Begin(reply) => format!("! begin {}", reply.code()),
        Output::Preliminary(reply) => format!("! preliminary {}", reply.code()),
        Output::DropData => "! drop".into(),
        Output::Note(note) => format!("! note {note:?}"),
        Output::Done(Ok(outcome)) => {
            let mut line = "= done".to_owned();
            for reply in &outcome.replies {
                write!(line, " {}", reply.code()).unwrap();
            }
            if let Some(method) = outcome.method {
                write!(line, " via {}", method.verb()).unwrap();
            }
            line
        }
        Output::Done(Err(error)) => format!("= error {}", named(error)),
    }
}

fn named(error: &Error) -> String {
    let kind = format!("{:?}", error.kind());
    let mut line: String = kind.chars().take_while(char::is_ascii_alphabetic).collect();
    if let Some(reply) = error.reply() {
        write!(line, " {}", reply.code()).unwrap();
    }
    if error.may_have_happened() {
        line.push_str(" maybe");
    }
    line
}

/// An operation and its details.
///
/// `LOGIN tls=explicit private clear utf8 account features=UTF8` · `SAY RNFR a | ?NOOP`, where a step with `?` may be
/// refused · `RECOVER` · `QUIT` · `RETR name type=I mode=S prot=P rest=5 allo=9 pret via=EPSV,PASV third=passive` or
/// `third=192.0.2.7:2000`; without `via` it is `EPSV`.
pub(super) fn operation(text: &str) -> Operation {
    let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
    match name {
        "LOGIN" => Operation::Login(Box::new(login(rest))),
        "SAY" => Operation::Converse(rest.split(" | ").map(step).collect()),
        "RECOVER" => Operation::Recover,
        "QUIT" => Operation::Quit,
        verb => Operation::Transfer(Box::new(transfer(verb, rest))),
    }
}

fn step(text: &str) -> Step {
    let may_be_refused = text.starts_with('?');
    let text = text.trim_start_matches('?');
    let (verb, argument) = text.split_once(' ').unwrap_or((text, ""));
    // Of the commands whose names matter to the session; others as the caller's own words.
    let verbs = [
        "TYPE", "SIZE", "CWD", "CDUP", "PWD", "MKD", "NOOP", "SYST", "RNFR", "RNTO",
    ];
    let command = match verbs.into_iter().find(|known| *known == verb) {
        Some(verb) if argument.is_empty() => Command::new(verb),
        Some(verb) => Command::with(verb, argument).unwrap(),
        None => Command::raw(text).unwrap(),
    };
    Step {
        command,
        may_be_refused,
    }
}

fn login(details: &str) -> LoginSpec {
    let mut spec = LoginSpec {
        user: Command::with("USER", "fred").unwrap(),
        password: Command::secret("PASS", "secret").unwrap(),
        account: None,
        tls: Tls::None,
        private: false,
        clear: false,
        features: None,
        utf8: false,
    };
    for detail in details.split(' ').filter(|word| !word.is_empty()) {
        match detail {
            "tls=if-offered" => spec.tls = Tls::IfOffered,
            "tls=explicit" => spec.tls = Tls::Explicit,
            "tls=implicit" => spec.tls = Tls::Implicit,
            "private" => spec.private = true,
            "clear" => spec.clear = true,
            "utf8" => spec.utf8 = true,
            "account" => spec.account = Some(Command::secret("ACCT", "dept").unwrap()),
            "features=UTF8" => {
                let code = crate::reply::Code::new(211).unwrap();
                let reply = crate::reply::Reply::new(code, "Features\n UTF8\nEnd");
                spec.features = Some(crate::Features::read(&reply));
            }
            _ => panic!("not a detail of a login: {detail}"),
        }
    }
    spec
}

fn transfer(verb: &str, details: &str) -> TransferSpec {
    let verbs = [
        Verb::Retr,
        Verb::Stor,
        Verb::Appe,
        Verb::Stou,
        Verb::List,
        Verb::Nlst,
        Verb::Mlsd,
    ];
    let methods = [
        Method::ExtendedPassive,
        Method::Passive,
        Method::ExtendedActive,
        Method::Active,
        Method::SecurePassive,
    ];
    let mut spec = TransferSpec {
        verb: verbs.into_iter().find(|v| v.as_str() == verb).unwrap(),
        argument: None,
        settings: Vec::new(),
        restart: None,
        allocate: None,
        methods: vec![Method::ExtendedPassive],
        third: None,
    };
    for detail in details.split(' ').filter(|word| !word.is_empty()) {
        let mut set = |setting, value: &str| spec.settings.push((setting, value.to_owned()));
        match detail.split_once('=') {
            // Told to the session, not to the operation.
            None if detail == "pret" => {}
            None => spec.argument = Some(octets(&format!("{detail}\\"))),
            Some(("type", value)) => set(Setting::Type, &value.replace('-', " ")),
            Some(("mode", value)) => set(Setting::Mode, value),
            Some(("stru", value)) => set(Setting::Structure, value),
            Some(("prot", value)) => set(Setting::Protection, value),
            Some(("rest", value)) => spec.restart = Some(value.into()),
            Some(("allo", value)) => spec.allocate = Some(value.parse().unwrap()),
            Some(("via", value)) => {
                let method = |verb| methods.into_iter().find(|m| m.verb() == verb).unwrap();
                spec.methods = value.split(',').map(method).collect();
            }
            Some(("third", "passive")) => spec.third = Some(Third::Passive),
            Some(("third", value)) => spec.third = Some(Third::Active(value.parse().unwrap())),
            Some(_) => panic!("not a detail of a transfer: {detail}"),
        }
    }
    spec
}

fn octets(text: &str) -> Vec<u8> {
    let (text, end) = match text.strip_suffix('\\') {
        Some(text) => (text, ""),
        None => (text, "\r\n"),
    };
    let mut octets = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => octets.extend_from_slice(b"\r\n"),
                Some('x') => {
                    let digits: String = chars.by_ref().take(2).collect();
                    octets.push(u8::from_str_radix(&digits, 16).unwrap());
                }
                other => panic!("not an escape: {other:?}"),
            },
            c => octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    octets.extend_from_slice(end.as_bytes());
    octets
}

fn duration(text: &str) -> Duration {
    match text.strip_suffix("ms") {
        Some(number) => Duration::from_millis(number.parse().unwrap()),
        None => Duration::from_secs(text.strip_suffix('s').unwrap().parse().unwrap()),
    }
}
