//! Servers of every temper, at random: with a seed that repeats what fails.
//!
//! [`anything`] throws words and events at the session in any order. [`in_step`] plays an honest server, slow and in one
//! of the known ways odd, to a client whose callers go away at any time; each reply carries the number of the command it
//! answers, and none may be taken for another's.

use super::script::{Player, operation};
use crate::session::{DataEvent, Outcome, Output, Session, SessionConfig};
use fairway_stack::Instant;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

const OPERATIONS: [&str; 14] = [
    "LOGIN tls=if-offered private utf8 clear account",
    "LOGIN",
    "SAY NOOP",
    "SAY RNFR a | ?RNTO b | PWD",
    "SAY MKD a",
    "RETR f type=I rest=5 via=EPSV,PASV,EPRT,PORT",
    "STOR f type=E allo=9 pret via=PORT,EPSV",
    "LIST type=A-N mode=Z",
    "APPE f via=PASV",
    "RETR f third=passive",
    "STOR f third=192.0.2.7:2000 via=EPRT,PORT",
    "RECOVER",
    "RECOVER",
    "QUIT",
];

const WORDS: [&str; 34] = [
    "110 mark",
    "120 wait",
    "125 go",
    "150 go",
    "150-a\r\n150 b",
    "200 ok",
    "202 no need",
    "213 5",
    "215 UNIX",
    "220 ready",
    "221 bye",
    "225 none",
    "226 done",
    "227 (10,0,0,1,7,208)",
    "227 (10,0,0)",
    "229 (|||2000|)",
    "229 (|||0|)",
    "230 in",
    "234 go",
    "250 ok",
    "257 \"/\"",
    "331 pass",
    "332 acct",
    "350 on",
    "421 bye",
    "425 no",
    "426 cut",
    "500 what",
    "502 no",
    "550 no",
    "633 no",
    "553-a\r\n550 b",
    "220-a",
    "what",
];

#[derive(Clone, Debug)]
enum Stroke {
    Operation(usize),
    Word(usize),
    Words(Vec<usize>),
    Octets(Vec<u8>),
    Event(u8),
    Time(u32),
    Eof,
}

fn stroke() -> impl Strategy<Value = Stroke> {
    prop_oneof![
        3 => (0..OPERATIONS.len()).prop_map(Stroke::Operation),
        9 => (0..WORDS.len()).prop_map(Stroke::Word),
        2 => proptest::collection::vec(0..WORDS.len(), 2..6).prop_map(Stroke::Words),
        1 => proptest::collection::vec(any::<u8>(), 0..40).prop_map(Stroke::Octets),
        5 => any::<u8>().prop_map(Stroke::Event),
        2 => (0u32..40_000).prop_map(Stroke::Time),
        1 => Just(Stroke::Eof),
    ]
}

fn event(number: u8) -> DataEvent {
    match number % 7 {
        0 | 1 => DataEvent::Connected,
        2 => DataEvent::Listening("192.0.2.9:4000".parse().unwrap()),
        3 => DataEvent::Failed("failed".into()),
        4 => DataEvent::Ended,
        5 => DataEvent::Broken("broken".into()),
        _ => DataEvent::Go,
    }
}

/// Takes all outputs; `true` if the operation is over.
fn drain(session: &mut Session) -> (usize, usize) {
    let (mut outputs, mut ends) = (0, 0);
    while let Some(output) = session.poll_output() {
        outputs += 1;
        ends += usize::from(matches!(output, Output::Done(_)));
    }
    (outputs, ends)
}

// RFC 959 §4.2 sets no limits; ours are in `ReplyLimits`.
mod without_end {
    use super::super::script::play;

    #[test]
    fn line_is_cut() {
        let long = "x".repeat(20_000);
        play(&format!(
            "op SAY NOOP\nC: NOOP\nS: 200 {long}\n= done 200\n? alive"
        ));
    }

    #[test]
    fn reply_is_the_end() {
        let most = "211-x\\n".repeat(16_383);
        play(&format!(
            "op SAY STAT\nC: STAT\nS: {most}211 end\n= done 211\n? alive"
        ));
        play(&format!(
            "op SAY STAT\nC: STAT\nS: {most}211-x\\n211 end\n= error Protocol\n? dead"
        ));
        play(&format!(
            "S: {most}211-x\\n211 end\n? dead\nop SAY NOOP\n= error Protocol"
        ));
    }

    #[test]
    fn noise_is_the_end() {
        let noise = "SSH-2.0\\n".repeat(64);
        play(&format!("op LOGIN\nS: {noise}220 ready\nC: USER fred"));
        play(&format!(
            "op LOGIN\nS: {noise}SSH-2.0\n= error Protocol\n? dead"
        ));
    }

    // A preliminary reply is a sign of life; a server that gives nothing else is believed as long as it talks, and one
    // that stops is not.
    #[test]
    fn preliminary_replies() {
        let more = "+ 50s\nS: 150 wait\n".repeat(20);
        play(&format!(
            "op SAY NOOP\nC: NOOP\n{more}+ 60s\n= error TimedOut maybe\n? dead"
        ));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// Whatever comes, each operation has one end, in bounded time once its data connection is at an end too, and no
    /// output is queued without a reason.
    #[test]
    fn anything(strokes in proptest::collection::vec(stroke(), 0..60)) {
        let mut player = Player::new();
        let session = &mut player.session;
        let mut now = player.now;
        let mut busy = false;
        for stroke in strokes {
            let mut most = 12;
            match stroke {
                Stroke::Operation(number) => {
                    let name = OPERATIONS[number];
                    if busy && name != "RECOVER" {
                        continue;
                    }
                    busy = true;
                    session.handle_operation(now, operation(name));
                }
                Stroke::Word(number) => {
                    session.handle_input(now, format!("{}\r\n", WORDS[number]).as_bytes());
                }
                Stroke::Words(numbers) => {
                    most += numbers.len();
                    let words: Vec<&str> = numbers.iter().map(|number| WORDS[*number]).collect();
                    session.handle_input(now, format!("{}\r\n", words.join("\r\n")).as_bytes());
                }
                Stroke::Octets(octets) => session.handle_input(now, &octets),
                Stroke::Event(number) if number % 8 == 7 => session.handle_tls(now, Ok(())),
                Stroke::Event(number) => session.handle_data(now, event(number)),
                Stroke::Time(millis) => {
                    now += Duration::from_millis(millis.into());
                    session.handle_timeout(now);
                }
                Stroke::Eof => session.handle_eof(now, "closed"),
            }
            let (outputs, ends) = drain(session);
            prop_assert!(outputs <= most, "{} outputs at once", outputs);
            prop_assert!(ends <= usize::from(busy), "an end without an operation");
            busy &= ends == 0;
            prop_assert_eq!(session.is_idle(), !busy && session.dead().is_none());
            if let Some(at) = session.poll_timeout() {
                // A deadline that has passed is met by the next call, and is then another one.
                session.handle_timeout(now);
                prop_assert!(at > now || session.poll_timeout() != Some(at));
                let (_, ends) = drain(session);
                busy &= ends == 0;
            }
        }
        // The server says no more, the data connection is at an end, and in the end (a handshake, the other half of a
        // transfer between servers) the caller goes.
        let start = now;
        for round in 0.. {
            let (_, ends) = drain(session);
            prop_assert!(ends <= usize::from(busy));
            busy &= ends == 0;
            if !busy {
                break;
            }
            prop_assert!(round < 100, "no end");
            match (round, session.poll_timeout()) {
                (0, _) => session.handle_data(now, DataEvent::Broken("late".into())),
                (1, _) => session.handle_data(now, DataEvent::Failed("late".into())),
                (2..20, Some(at)) => {
                    now = now.max(at);
                    session.handle_timeout(now);
                }
                (_, Some(at)) if round % 20 != 0 => {
                    now = now.max(at);
                    session.handle_timeout(now);
                }
                _ => session.handle_operation(now, operation("RECOVER")),
            }
        }
        prop_assert!(now - start <= Duration::from_secs(900), "took {:?}", now - start);
    }
}

/// How a server behaves in a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Temper {
    /// Looks at nothing but `ABOR` in a transfer: 426 and 225.
    Vsftpd,
    /// The same: 426 and 226.
    Proftpd,
    /// Refuses everything but `ABOR`, which is answered by 150 and 226; an early close by 150 alone.
    PureFtpd,
    /// Looks at nothing at all in a transfer.
    Deaf,
}

/// What travels, or is going to happen.
#[derive(Debug)]
enum Parcel {
    ToServer(usize, String),
    ToClient(String),
    Data(DataEvent),
    DataDropped,
    /// The server's last octet of transfer number n.
    ServerEnds(usize),
    ClientEnds(usize),
}

#[derive(Debug)]
struct World {
    temper: Temper,
    knows_pwd: bool,
    latency: Duration,
    choices: VecDeque<u16>,
    now: Instant,
    parcels: BTreeMap<(Instant, usize), Parcel>,
    parcel: usize,
    /// Commands that were said, each with the operation it belongs to.
    said: Vec<usize>,
    server_free_at: Instant,
    /// The command whose transfer is under way at the server.
    transfer: Option<usize>,
    upload: bool,
    waiting: VecDeque<(usize, String)>,
}

impl World {
    fn choose(&mut self, of: u16) -> u16 {
        self.choices.pop_front().unwrap_or(0) % of
    }

    fn send(&mut self, at: Instant, parcel: Parcel) {
        self.parcel += 1;
        self.parcels.insert((at, self.parcel), parcel);
    }

    /// Replies leave in order.
    fn reply(&mut self, number: usize, code: u16, text: &str) {
        let busy = Duration::from_millis(u64::from(self.choose(60)) * 5);
        self.server_free_at = self.server_free_at.max(self.now) + busy;
        let at = self.server_free_at + self.latency;
        let line = match self.choose(4) {
            0 => format!("{code}-more\r\n{code} {text} #{number}\r\n"),
            _ => format!("{code} {text} #{number}\r\n"),
        };
        self.send(at, Parcel::ToClient(line));
    }

    fn hear(&mut self, number: usize, line: &str) {
        let Some(transfer) = self.transfer else {
            return self.answer(number, line);
        };
        match self.temper {
            Temper::PureFtpd if line == "ABOR" => {
                self.transfer = None;
                self.reply(transfer, 150, "0.3 seconds");
                self.reply(number, 226, "aborted");
            }
            Temper::PureFtpd => self.reply(number, 500, "Unknown command"),
            Temper::Vsftpd | Temper::Proftpd if line == "ABOR" => {
                self.waiting.push_back((number, line.to_owned()));
                self.over(transfer, 426);
            }
            Temper::Vsftpd | Temper::Proftpd | Temper::Deaf => {
                self.waiting.push_back((number, line.to_owned()));
            }
        }
    }

    fn over(&mut self, transfer: usize, code: u16) {
        self.transfer = None;
        self.reply(transfer, code, "over");
        while self.transfer.is_none()
            && let Some((number, line)) = self.waiting.pop_front()
        {
            self.answer(number, &line);
        }
    }

    fn answer(&mut self, number: usize, line: &str) {
        let verb = line.split(' ').next().unwrap();
        let refused = self.choose(6) == 0;
        match verb {
            "PWD" if !self.knows_pwd => self.reply(number, 500, "what"),
            "PWD" => self.reply(number, 257, "\"/\""),
            "MKD" => self.reply(number, 257, "\"a\""),
            "SYST" => self.reply(number, 215, "UNIX"),
            "ABOR" if self.temper == Temper::Vsftpd => self.reply(number, 225, "none"),
            "ABOR" if self.temper == Temper::Deaf => self.reply(number, 502, "what"),
            "ABOR" => self.reply(number, 226, "none"),
            "NOOP" => self.reply(number, 200, "fine"),
            "REST" => self.reply(number, 350, "on"),
            "EPSV" => self.reply(number, 229, "(|||2000|)"),
            "RETR" | "STOR" | "CWD" | "TYPE" if refused => self.reply(number, 550, "no"),
            "RETR" | "STOR" => {
                self.upload = verb == "STOR";
                self.reply(number, 150, "go");
                self.transfer = Some(number);
                let length = Duration::from_millis(u64::from(self.choose(200)) * 40);
                if !self.upload {
                    let at = self.server_free_at + length;
                    self.send(at, Parcel::ServerEnds(number));
                }
            }
            _ => self.reply(number, 250, "fine"),
        }
    }
}

/// Plays until the operations are done or the session is dead; which it is not allowed to be if `lively`.
fn in_step_with(
    temper: Temper,
    knows_pwd: bool,
    latency: u64,
    choices: Vec<u16>,
) -> Result<bool, TestCaseError> {
    let operations = [
        "SAY PWD | NOOP",
        "SAY MKD a",
        "SAY ?CWD a | MKD b",
        "RETR f type=I",
        "STOR f",
        "RETR f rest=7 type=I",
    ];
    let config = SessionConfig {
        keep_alive: Some(Duration::from_secs(1)),
        ..SessionConfig::default()
    };
    let mut session = Session::new(config);
    let mut world = World {
        temper,
        knows_pwd,
        latency: Duration::from_millis(latency),
        choices: choices.into(),
        now: Instant::from_nanos(1),
        parcels: BTreeMap::new(),
        parcel: 0,
        said: Vec::new(),
        server_free_at: Instant::from_nanos(1),
        transfer: None,
        upload: false,
        waiting: VecDeque::new(),
    };
    for current in 0..12 {
        let choice = usize::from(world.choose(6));
        session.handle_operation(world.now, operation(operations[choice]));
        let mut given_up = false;
        let patience = world.choose(40);
        let mut verb = None;
        for step in 0.. {
            prop_assert!(step < 10_000, "no end");
            let mut end: Option<Result<Outcome, crate::Error>> = None;
            while let Some(output) = session.poll_output() {
                let soon = world.now + world.latency;
                match output {
                    Output::Transmit(line) => {
                        let line = String::from_utf8(line).unwrap().trim_end().to_owned();
                        if line.starts_with("RETR") || line.starts_with("STOR") {
                            verb = Some(world.said.len());
                        }
                        let number = world.said.len();
                        world.said.push(current);
                        world.send(soon, Parcel::ToServer(number, line));
                    }
                    Output::Connect(_) => world.send(soon, Parcel::Data(DataEvent::Connected)),
                    Output::Begin(_) => {
                        if let Some(verb) = verb.filter(|_| world.upload) {
                            let length = Duration::from_millis(u64::from(world.choose(200)) * 40);
                            let at = world.now + length;
                            world.send(at, Parcel::ClientEnds(verb));
                        }
                    }
                    Output::DropData => {
                        world.parcels.retain(|_, parcel| {
                            !matches!(parcel, Parcel::Data(_) | Parcel::ClientEnds(_))
                        });
                        world.send(soon, Parcel::DataDropped);
                    }
                    Output::Done(result) => end = Some(result),
                    _ => {}
                }
            }
            if let Some(result) = end {
                // The point of it all.
                let replies = match &result {
                    Ok(outcome) => outcome.replies.clone(),
                    Err(error) => error.reply().cloned().into_iter().collect(),
                };
                for reply in replies {
                    let text = String::from_utf8_lossy(reply.last_line()).into_owned();
                    let number: usize = text.rsplit_once('#').unwrap().1.parse().unwrap();
                    prop_assert_eq!(world.said[number], current, "reply {} is another's", reply);
                    if let Some(verb) = verb
                        && operations[choice].starts_with(['R'])
                            | operations[choice].starts_with("ST")
                    {
                        prop_assert_eq!(number, verb, "reply {} is not the transfer's", reply);
                    }
                }
                break;
            }
            if step == usize::from(patience) && !given_up {
                given_up = true;
                session.handle_operation(world.now, operation("RECOVER"));
                continue;
            }
            let next = world.parcels.keys().next().copied();
            let timer = session.poll_timeout();
            match (next, timer) {
                (None, None) => prop_assert!(false, "nothing will ever happen"),
                (Some((at, _)), Some(timer)) if timer < at => {
                    world.now = timer;
                    session.handle_timeout(timer);
                }
                (None, Some(timer)) => {
                    world.now = timer;
                    session.handle_timeout(timer);
                }
                (Some(key), _) => {
                    let (now, _) = key;
                    world.now = now;
                    match world.parcels.remove(&key).unwrap() {
                        Parcel::ToServer(number, line) => world.hear(number, &line),
                        Parcel::ToClient(mut octets) => {
                            // What has arrived by the same time may be read at once.
                            while let Some((&key, _)) = world.parcels.first_key_value()
                                && world.choose(2) == 0
                                && key.0 <= now + Duration::from_millis(100)
                                && matches!(world.parcels[&key], Parcel::ToClient(_))
                                && let Some(Parcel::ToClient(more)) = world.parcels.remove(&key)
                            {
                                octets.push_str(&more);
                                world.now = world.now.max(key.0);
                            }
                            session.handle_input(world.now, octets.as_bytes());
                        }
                        Parcel::Data(event) => session.handle_data(now, event),
                        Parcel::ServerEnds(number) => {
                            if world.transfer == Some(number) {
                                let at = now + world.latency;
                                world.send(at, Parcel::Data(DataEvent::Ended));
                                world.over(number, 226);
                            }
                        }
                        Parcel::ClientEnds(number) => {
                            session.handle_data(now, DataEvent::Ended);
                            // The server sees it after a while; it is not the same as a drop.
                            let at = now + world.latency;
                            world.send(at, Parcel::ServerEnds(number));
                        }
                        Parcel::DataDropped => {
                            if let Some(number) = world.transfer {
                                if world.temper == Temper::PureFtpd {
                                    world.transfer = None;
                                    world.reply(number, 150, "0.3 seconds");
                                } else {
                                    world.over(number, 426);
                                }
                            }
                        }
                    }
                }
            }
        }
        if session.dead().is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn in_step(
        temper in prop_oneof![Just(Temper::Vsftpd), Just(Temper::Proftpd), Just(Temper::PureFtpd), Just(Temper::Deaf)],
        knows_pwd in proptest::bool::weighted(0.9),
        latency in prop_oneof![0u64..200, 0u64..2000],
        choices in proptest::collection::vec(any::<u16>(), 0..800),
    ) {
        let alive = in_step_with(temper, knows_pwd, latency, choices)?;
        // Over a quick path there is no reason to give a session up.
        prop_assert!(alive || latency > 200, "given up");
    }
}
