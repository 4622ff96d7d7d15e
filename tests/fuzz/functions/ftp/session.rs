//! A whole session: what a server says, what becomes of data connections, and what callers want, in any order.

use std::time::Duration;

use fairway_ftp::command::Command;
use fairway_ftp::session::{
    DataEvent, LoginSpec, Method, Operation, Output, Session, SessionConfig, Setting, Step, Third,
    Tls, TransferSpec, Verb,
};
use fairway_ftp::{Error, ErrorKind};
use fairway_stack::Instant;

/// A line each: `O` and a letter begins an operation, `S` is a line of the server, `s` one without its end, `D` and a
/// letter is an event of the data connection, `T` and a digit is time, `L` is the end of a handshake, good or bad, `E`
/// the end of the connection.
///
/// Each operation ends once, whatever happens; then the next can begin, or the session says that it is dead. What is
/// sent is lines. No deadline lies in the past or stays when it was met. What is to be done is in proportion to what
/// has come.
pub(in super::super) fn session(input: &[u8]) -> bool {
    let mut driver = Driver::new();
    for line in input.split(|octet| *octet == b'\n') {
        let (kind, rest) = line.split_first().unwrap_or((&b' ', &[]));
        match kind {
            b'O' => driver.begin(rest),
            b'S' => driver.hear(&[rest, b"\r\n"].concat()),
            b's' => driver.hear(rest),
            b'D' => driver.data(rest),
            b'T' => driver.pass(rest),
            b'L' => driver.tls(rest == b"+"),
            b'E' => driver.end(),
            _ => driver.hear(&[line, b"\n"].concat()),
        }
    }
    driver.finish(input.last().is_some_and(|octet| octet % 2 == 0));
    driver.good > 0
}

struct Driver {
    session: Session,
    now: Instant,
    /// An operation is under way.
    running: bool,
    /// A handshake is.
    securing: bool,
    /// Operations that ended well.
    good: u32,
    ended: bool,
}

impl Driver {
    fn new() -> Self {
        let config = SessionConfig {
            host: "ftp.example".into(),
            notes: true,
            ..SessionConfig::default()
        };
        Self {
            session: Session::new(config),
            now: Instant::from_nanos(1),
            running: false,
            securing: false,
            good: 0,
            ended: false,
        }
    }

    fn begin(&mut self, which: &[u8]) {
        let Some(operation) = operation(which) else {
            return;
        };
        let refused = self.running && !matches!(operation, Operation::Recover);
        self.session.handle_operation(self.now, operation);
        if refused {
            let output = self.session.poll_output();
            assert!(matches!(output, Some(Output::Done(Err(_)))), "{output:?}");
            assert!(!self.session.has_output());
        } else {
            self.running = true;
        }
        self.drain(8);
    }

    fn hear(&mut self, octets: &[u8]) {
        // In a handshake the connection is not ours to read.
        if self.ended || self.securing {
            return;
        }
        let lines = octets.split(|octet| *octet == b'\n').count();
        self.session.handle_input(self.now, octets);
        self.drain(8 * lines);
    }

    fn data(&mut self, which: &[u8]) {
        let event = match which.first() {
            Some(b'c') => DataEvent::Connected,
            Some(b'l') => DataEvent::Listening(([192, 0, 2, 7], 4000).into()),
            Some(b'f') => DataEvent::Failed("no answer".into()),
            Some(b'e') => DataEvent::Ended,
            Some(b'b') => DataEvent::Broken("reset".into()),
            Some(b'g') => DataEvent::Go,
            _ => return,
        };
        self.session.handle_data(self.now, event);
        self.drain(8);
    }

    fn tls(&mut self, good: bool) {
        if std::mem::take(&mut self.securing) {
            let error = || -> Error {
                ErrorKind::Tls {
                    host: "ftp.example".into(),
                    reason: "no".into(),
                }
                .into()
            };
            let result = if good { Ok(()) } else { Err(error()) };
            self.session.handle_tls(self.now, result);
            self.drain(8);
        }
    }

    fn end(&mut self) {
        self.tls(false);
        if !std::mem::replace(&mut self.ended, true) {
            self.session.handle_eof(self.now, "closed");
            assert!(self.session.dead().is_some());
            self.drain(16);
        }
    }

    /// Up to nine steps of five seconds, and every deadline in them.
    fn pass(&mut self, steps: &[u8]) {
        let steps = steps.first().map_or(1, |digit| u64::from(digit % 16));
        let until = self.now + Duration::from_secs(5 * steps);
        while self.session.poll_timeout().is_some_and(|at| at <= until) {
            self.wake();
        }
        self.now = until;
    }

    fn wake(&mut self) {
        let Some(at) = self.session.poll_timeout() else {
            return;
        };
        assert!(at >= self.now, "a deadline in the past");
        self.now = at;
        self.session.handle_timeout(at);
        self.drain(16);
        assert_ne!(
            self.session.poll_timeout(),
            Some(at),
            "a deadline that stays"
        );
    }

    /// Does nothing of what is to be done, and looks at all of it.
    fn drain(&mut self, most: usize) {
        let mut outputs = 0;
        while let Some(output) = self.session.poll_output() {
            outputs += 1;
            assert!(outputs <= most, "{outputs} things to do, {output:?}");
            match output {
                Output::Transmit(line) => {
                    let text = line.strip_suffix(b"\r\n").expect("a line");
                    assert!(!text.iter().any(|octet| matches!(octet, b'\r' | b'\n' | 0)));
                }
                Output::StartTls | Output::StopTls => {
                    assert!(self.running && !self.securing);
                    self.securing = true;
                }
                Output::Connect(announced) | Output::Ready(Some(announced)) => {
                    assert!(self.running && announced.port != 0);
                }
                Output::Listen | Output::Ready(None) | Output::Begin(_) => assert!(self.running),
                Output::Preliminary(reply) => {
                    assert!(self.running && reply.code().get() < 200);
                }
                Output::DropData | Output::Note(_) => {}
                Output::Done(result) => {
                    assert!(self.running, "over twice: {result:?}");
                    self.running = false;
                    self.securing = false;
                    self.good += u32::from(result.is_ok());
                }
            }
        }
        let ready = !self.running && self.session.dead().is_none();
        assert_eq!(self.session.is_idle(), ready);
    }

    /// Nothing more is heard, or the connection ends; whoever moves the octets gives up. Then it is over.
    fn finish(&mut self, with_end: bool) {
        if with_end {
            self.end();
        }
        for round in 0..200 {
            if !self.running {
                break;
            }
            self.tls(false);
            let events: [&[u8]; 4] = [b"f", b"b", b"g", b"e"];
            self.data(events.get(round % 4).copied().unwrap_or_default());
            self.wake();
        }
        assert!(!self.running, "no end");
        // What the parser still waits for is let go.
        for _ in 0..4 {
            self.wake();
        }
        assert_eq!(self.session.poll_timeout(), None, "a timer for nothing");
        // And the next caller hears something at once, or after the time for a reply.
        self.begin(b"n");
        for _ in 0..4 {
            self.wake();
        }
        assert!(!self.running, "no end of the next one");
    }
}

/// The operations, a letter each, and a further letter for how.
fn operation(which: &[u8]) -> Option<Operation> {
    let how = which.get(1).copied().unwrap_or_default();
    let step = |line: &str| Step {
        command: Command::raw(line).expect("a command"),
        may_be_refused: how % 2 == 1,
    };
    let transfer = |verb| Some(Operation::Transfer(Box::new(transfer(verb, how))));
    match which.first()? {
        b'i' => Some(Operation::Login(Box::new(login(how)))),
        b'n' => Some(Operation::Converse(vec![Command::new("NOOP").into()])),
        b'c' => Some(Operation::Converse(vec![
            step("RNFR a"),
            step("REST 5"),
            step("SITE x"),
        ])),
        b'0' => Some(Operation::Converse(Vec::new())),
        b'r' => transfer(Verb::Retr),
        b's' => transfer(Verb::Stor),
        b'a' => transfer(Verb::Appe),
        b'u' => transfer(Verb::Stou),
        b'l' => transfer(Verb::List),
        b'm' => transfer(Verb::Mlsd),
        b'b' => Some(Operation::Recover),
        b'q' => Some(Operation::Quit),
        _ => None,
    }
}

fn login(how: u8) -> LoginSpec {
    LoginSpec {
        user: Command::with("USER", "fred").expect("a command"),
        password: Command::secret("PASS", "secret").expect("a command"),
        account: (how & 1 != 0).then(|| Command::secret("ACCT", "dept").expect("a command")),
        tls: match how / 2 % 4 {
            0 => Tls::None,
            1 => Tls::IfOffered,
            2 => Tls::Explicit,
            _ => Tls::Implicit,
        },
        private: how & 8 != 0,
        clear: how & 16 != 0,
        features: None,
        utf8: true,
    }
}

fn transfer(verb: Verb, how: u8) -> TransferSpec {
    let methods = [
        Method::ExtendedPassive,
        Method::Passive,
        Method::ExtendedActive,
        Method::Active,
    ];
    let mut methods = methods.to_vec();
    methods.rotate_left(usize::from(how % 4));
    TransferSpec {
        verb,
        argument: Some(b"a file".to_vec()),
        settings: vec![
            (Setting::Type, "I".into()),
            (Setting::Mode, "S".into()),
            (Setting::Structure, "F".into()),
        ],
        restart: (how & 4 != 0).then(|| b"7".to_vec()),
        allocate: (how & 8 != 0).then_some(9),
        methods,
        third: match how / 16 % 4 {
            1 => Some(Third::Passive),
            2 => Some(Third::Active(([192, 0, 2, 9], 2000).into())),
            _ => None,
        },
    }
}
