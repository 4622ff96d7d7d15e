use super::*;
use crate::api::proto::Assembler;
use crate::api::proto::tests::{calls, events, session};
use crate::wire::{Sender, Style};

const ANNA: Peer = Peer {
    uid: 1000,
    pid: Some(42),
};

/// A server with what its clients have read, and an engine that says yes.
struct Rig {
    server: Server,
    read: BTreeMap<ClientId, Vec<ToLibrary>>,
    calls: Vec<(ApiId, Call)>,
    closed: Vec<(ClientId, CloseReason)>,
    answer: Result<(), ApiError>,
    reads: bool,
}

impl Rig {
    fn new(limits: Limits) -> Self {
        Self {
            server: Server::new(limits, 100),
            read: BTreeMap::new(),
            calls: Vec::new(),
            closed: Vec::new(),
            answer: Ok(()),
            reads: true,
        }
    }

    fn connect(&mut self) -> ClientId {
        self.connect_as(ANNA)
    }

    fn connect_as(&mut self, peer: Peer) -> ClientId {
        let client = self.server.handle_connect(peer).unwrap();
        self.say(client, &ToDaemon::Hello { version: VERSION });
        let hello = ToLibrary::Hello { version: VERSION };
        assert_eq!(self.take(client), [hello]);
        client
    }

    fn say(&mut self, client: ClientId, message: &ToDaemon) {
        self.server
            .handle_octets(client, &message.encode().unwrap());
        self.drain();
    }

    fn call(&mut self, client: ClientId, session: u32, call: Call) -> Vec<ToLibrary> {
        let request = ToDaemon::Request {
            request: 1,
            session,
            call: Some(call),
        };
        self.say(client, &request);
        self.take(client)
    }

    fn drain(&mut self) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Call { id, call } => {
                    self.calls.push((id, call));
                    self.server.handle_result(id, self.answer);
                }
                Output::Ready(client) => {
                    if self.reads {
                        self.read_all(client);
                    }
                }
                Output::Close { client, why, last } => {
                    self.closed.push((client, why));
                    let mut frames = Frames::new();
                    frames.extend(&last.unwrap_or_default());
                    self.hear(client, &mut frames);
                }
            }
        }
    }

    fn read_all(&mut self, client: ClientId) {
        let mut frames = Frames::new();
        while let Some(octets) = self.server.poll_send(client) {
            frames.extend(&octets);
        }
        self.hear(client, &mut frames);
    }

    fn hear(&mut self, client: ClientId, frames: &mut Frames) {
        let mut assembler = Assembler::new();
        while let Some(frame) = frames.next_frame().unwrap() {
            let message = assembler.handle_frame(&frame).unwrap();
            self.read.entry(client).or_default().extend(message);
        }
    }

    fn take(&mut self, client: ClientId) -> Vec<ToLibrary> {
        self.read.remove(&client).unwrap_or_default()
    }

    fn event(&mut self, id: u64, event: Event) {
        self.server.handle_event(ApiId(id), event);
        self.drain();
    }
}

fn reply(result: Result<(), ApiError>) -> Vec<ToLibrary> {
    vec![ToLibrary::Reply { request: 1, result }]
}

/// rapi.md §1: session, sender, reserve, release.
#[test]
fn calls_reach_the_engine_and_are_answered() {
    let mut rig = Rig::new(Limits::default());
    let client = rig.connect();
    for call in calls() {
        assert_eq!(rig.call(client, 9, call), reply(Ok(())));
    }
    let expected: Vec<_> = calls().into_iter().map(|call| (ApiId(100), call)).collect();
    assert_eq!(rig.calls, expected);
    // The session is gone, and its number free.
    assert_eq!(
        rig.call(client, 9, Call::Release),
        reply(Err(ApiError::BadSession))
    );
    assert_eq!(rig.call(client, 9, Call::Open(session())), reply(Ok(())));
    assert_eq!(rig.calls.last().unwrap().0, ApiId(101));
}

#[test]
fn events_reach_their_session_only() {
    let mut rig = Rig::new(Limits::default());
    let (one, two) = (rig.connect(), rig.connect());
    rig.call(one, 5, Call::Open(session()));
    rig.call(two, 5, Call::Open(session()));
    for event in events() {
        rig.event(101, event.clone());
        let expected = ToLibrary::Event {
            session: 5,
            event: Some(event),
        };
        assert_eq!(rig.take(two), [expected]);
    }
    assert_eq!(rig.take(one), []);
    rig.event(7, Event::Path(Vec::new()));
    assert_eq!(rig.server.counters().events_late, 1);
}

/// The engine may tell of path state while the session is opened; a library knows it with the reply.
#[test]
fn events_follow_the_reply_that_opens_their_session() {
    for (answer, heard) in [(Ok(()), 2), (Err(ApiError::Invalid), 1)] {
        let mut rig = Rig::new(Limits::default());
        let client = rig.connect();
        let open = ToDaemon::Request {
            request: 1,
            session: 9,
            call: Some(Call::Open(session())),
        };
        rig.server.handle_octets(client, &open.encode().unwrap());
        let Some(Output::Call { id, .. }) = rig.server.poll_output() else {
            panic!("a call");
        };
        rig.server.handle_event(id, Event::Path(Vec::new()));
        rig.server.handle_result(id, answer);
        rig.drain();
        let all = rig.take(client);
        assert_eq!(all.len(), heard);
        assert_eq!(all[..1], reply(answer));
    }
}

/// A library may send its calls without waiting for the answers.
#[test]
fn calls_behind_a_refused_opening_are_refused() {
    let mut rig = Rig::new(Limits::default());
    let client = rig.connect();
    rig.answer = Err(ApiError::DestinationPorts);
    let mut octets = Vec::new();
    for (request, call) in (1..).zip([Call::Open(session()), Call::WithdrawSender]) {
        let call = ToDaemon::Request {
            request,
            session: 1,
            call: Some(call),
        };
        octets.extend_from_slice(&call.encode().unwrap());
    }
    rig.server.handle_octets(client, &octets);
    rig.drain();
    let refused = |request, error| ToLibrary::Reply {
        request,
        result: Err(error),
    };
    assert_eq!(
        rig.take(client),
        [
            refused(1, ApiError::DestinationPorts),
            refused(2, ApiError::BadSession)
        ]
    );
    assert_eq!(rig.calls.len(), 1);
    assert_eq!(rig.server.counters().calls_refused, 2);
}

/// rapi.md §1: when a program ends, its sessions are closed for it.
#[test]
fn sessions_of_the_dead_are_released() {
    let mut rig = Rig::new(Limits::default());
    let client = rig.connect();
    for session_number in 0..3 {
        rig.call(client, session_number, Call::Open(session()));
    }
    rig.calls.clear();
    rig.server.handle_disconnect(client);
    rig.drain();
    let released: Vec<_> = (100..103).map(|id| (ApiId(id), Call::Release)).collect();
    assert_eq!(rig.calls, released);
    assert_eq!(rig.server.counters().sessions_abandoned, 3);
    assert_eq!(rig.server.clients().count(), 0);
}

#[test]
fn limits_of_clients_and_sessions_hold() {
    let mut rig = Rig::new(Limits {
        clients: 4,
        clients_reserved: 1,
        clients_per_user: 2,
        sessions_per_client: 2,
        sessions_per_user: 3,
        ..Limits::default()
    });
    let (one, two) = (rig.connect(), rig.connect());
    assert_eq!(
        rig.server.handle_connect(ANNA),
        Err(ConnectError::User(1000))
    );
    let [bob, carl, root] = [1001, 1002, 0].map(|uid| Peer { uid, pid: None });
    rig.server.handle_connect(bob).unwrap();
    // Others do not shut out the administrator.
    assert_eq!(rig.server.handle_connect(carl), Err(ConnectError::Full));
    rig.server.handle_connect(root).unwrap();
    assert_eq!(rig.server.handle_connect(root), Err(ConnectError::Full));

    let full = reply(Err(ApiError::TooManySessions));
    let open = || Call::Open(session());
    assert_eq!(rig.call(one, 1, open()), reply(Ok(())));
    // A number that is in use.
    assert_eq!(rig.call(one, 1, open()), reply(Err(ApiError::Invalid)));
    assert_eq!(rig.call(one, 2, open()), reply(Ok(())));
    assert_eq!(rig.call(one, 3, open()), full);
    assert_eq!(rig.call(two, 1, open()), reply(Ok(())));
    assert_eq!(rig.call(two, 2, open()), full);
    rig.call(one, 1, Call::Release);
    assert_eq!(rig.call(two, 2, open()), reply(Ok(())));
    let counters = *rig.server.counters();
    assert_eq!(
        (counters.clients_refused, counters.sessions_refused),
        (3, 2)
    );
}

const fn user(uid: u32) -> Peer {
    Peer { uid, pid: None }
}

/// However many connections a few users make, the next one gets some.
#[test]
fn users_leave_connections_to_each_other() {
    let mut server = Server::new(Limits::default(), 100);
    let mut had = Vec::new();
    for uid in 1..=20 {
        let mut count = 0;
        let refused = loop {
            match server.handle_connect(user(uid)) {
                Ok(_) => count += 1,
                Err(refused) => break refused,
            }
        };
        had.push((count, refused));
    }
    let counts: Vec<usize> = had.iter().map(|(count, _)| *count).collect();
    assert_eq!(
        counts,
        [
            32, 32, 32, 32, 32, 32, 24, 12, 6, 3, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0
        ]
    );
    assert_eq!(had[6].1, ConnectError::User(7));
    assert_eq!(had[19].1, ConnectError::Full);
    assert!(server.handle_connect(user(0)).is_ok());
}

/// However many sessions for one destination a user opens, others open theirs; user 0 may have all.
#[test]
fn users_leave_room_in_a_session_to_each_other() {
    let mut rig = Rig::new(Limits {
        sessions_of_one: 8,
        ..Limits::default()
    });
    let open = || Call::Open(session());
    let mut had = Vec::new();
    let mut clients = Vec::new();
    for uid in [1000, 1001, 1002, 1003, 0] {
        let client = rig.connect_as(user(uid));
        let count = (0..10)
            .take_while(|number| rig.call(client, *number, open()) == reply(Ok(())))
            .count();
        had.push(count);
        clients.push(client);
    }
    // The engine, which says yes here, has the last word with user 0.
    assert_eq!(had, [4, 2, 1, 1, 10]);
    assert_eq!(rig.server.counters().sessions_refused, 4);
    // What is given back, and what ends with its connection, is free again; other sessions have room of their own.
    rig.server.handle_disconnect(clients[4]);
    rig.call(clients[0], 0, Call::Release);
    assert_eq!(
        rig.call(clients[3], 7, open()),
        reply(Err(ApiError::TooManySessions))
    );
    rig.call(clients[0], 1, Call::Release);
    assert_eq!(rig.call(clients[3], 7, open()), reply(Ok(())));
    let other = Call::Open(crate::wire::Session {
        port: 9,
        ..session()
    });
    assert_eq!(rig.call(clients[3], 8, other), reply(Ok(())));
    for client in clients {
        rig.server.handle_disconnect(client);
    }
    assert!(rig.server.shares.is_empty() && rig.server.users.is_empty());
}

/// A client that never reads costs only itself.
#[test]
fn state_events_coalesce_and_others_end_a_client_that_does_not_read() {
    let mut rig = Rig::new(Limits {
        most_queued_octets: 256 << 10,
        ..Limits::default()
    });
    let (deaf, other) = (rig.connect(), rig.connect());
    rig.call(deaf, 1, Call::Open(session()));
    rig.call(other, 1, Call::Open(session()));
    rig.reads = false;
    let [path, _, resv, ..] = &events()[..] else {
        panic!("events");
    };
    for _ in 0..1000 {
        rig.event(100, path.clone());
        rig.event(100, resv.clone());
    }
    let coalesced = rig.server.counters().events_coalesced;
    assert!((1800..1998).contains(&coalesced), "{coalesced}");
    assert!(rig.closed.is_empty());
    let error = events().swap_remove(5);
    for _ in 0..10_000 {
        rig.event(100, error.clone());
    }
    assert_eq!(rig.closed, [(deaf, CloseReason::NotReading)]);
    assert_eq!(rig.calls.last().unwrap(), &(ApiId(100), Call::Release));
    rig.reads = true;
    assert_eq!(rig.call(other, 1, Call::WithdrawSender), reply(Ok(())));
}

fn long_event(filters: u16) -> Event {
    Event::Resv {
        style: Style::SE,
        filters: (0..filters)
            .map(|port| Sender::V4([10, 0, 0, 1].into(), port))
            .collect(),
        flowspec: None,
    }
}

fn seconds(count: u64) -> Instant {
    Instant::from_nanos(0) + Duration::from_secs(count)
}

/// A client that reads hears of everything, though a long event waits behind a reply.
#[test]
fn long_events_behind_others_end_nobody_who_reads() {
    let mut rig = Rig::new(Limits {
        queued_octets: 10_000,
        ..Limits::default()
    });
    let client = rig.connect();
    rig.call(client, 1, Call::Open(session()));
    rig.reads = false;
    rig.server.handle_time(seconds(100));
    // A reply that waits, a long event, and another that makes it too much.
    rig.call(client, 1, Call::WithdrawSender);
    rig.event(100, long_event(1000));
    assert_eq!(rig.server.poll_timeout(), None);
    rig.event(100, Event::Path(Vec::new()));
    let due = rig.server.poll_timeout();
    assert_eq!(due, Some(seconds(100) + PATIENCE));
    // It takes one in time, and then the next, for as long as it likes.
    for step in 1..=2 {
        rig.server.handle_time(seconds(100 + 9 * step));
        assert!(rig.server.poll_send(client).is_some());
    }
    rig.server.handle_time(seconds(1000));
    rig.drain();
    assert_eq!(
        (&rig.closed[..], rig.server.poll_timeout()),
        (&[][..], None)
    );
}

#[test]
fn who_takes_nothing_of_too_much_for_a_while_is_disconnected() {
    let mut rig = Rig::new(Limits {
        queued_octets: 100,
        ..Limits::default()
    });
    let client = rig.connect();
    rig.call(client, 1, Call::Open(session()));
    rig.reads = false;
    rig.server.handle_time(seconds(100));
    let error = events().swap_remove(5);
    for _ in 0..100 {
        rig.event(100, error.clone());
    }
    rig.server.handle_time(seconds(109));
    rig.drain();
    assert!(rig.closed.is_empty());
    assert_eq!(rig.server.poll_timeout(), Some(seconds(110)));
    rig.server.handle_time(seconds(110));
    rig.drain();
    assert_eq!(rig.closed, [(client, CloseReason::NotReading)]);
    assert_eq!(rig.server.counters().clients_overflowed, 1);
    assert_eq!(rig.server.poll_timeout(), None);
}

/// What it left waiting while it was not too much is not held against it: a program may be stopped for a while.
#[test]
fn who_was_stopped_has_its_time_when_too_much_comes() {
    let mut rig = Rig::new(Limits {
        queued_octets: 10_000,
        ..Limits::default()
    });
    let client = rig.connect();
    rig.call(client, 1, Call::Open(session()));
    rig.reads = false;
    let error = events().swap_remove(5);
    rig.server.handle_time(seconds(100));
    rig.event(100, error.clone());
    assert_eq!(rig.server.poll_timeout(), None);
    rig.server.handle_time(seconds(111));
    for _ in 0..300 {
        rig.event(100, error.clone());
    }
    rig.server.handle_time(seconds(111));
    assert_eq!(rig.server.poll_timeout(), Some(seconds(111) + PATIENCE));
    rig.server.handle_time(seconds(120));
    rig.drain();
    assert!(rig.closed.is_empty());
    // It goes on in time, and is through.
    rig.reads = true;
    rig.read_all(client);
    assert_eq!(rig.server.poll_timeout(), None);
    // Nor does a limit that is lowered strike at once.
    rig.reads = false;
    for _ in 0..10 {
        rig.event(100, error.clone());
    }
    rig.server.handle_time(seconds(200));
    rig.server.set_limits(Limits {
        queued_octets: 100,
        ..Limits::default()
    });
    assert_eq!(rig.server.poll_timeout(), Some(seconds(200) + PATIENCE));
}

/// However fast it reads.
#[test]
fn there_is_a_most_that_waits() {
    let mut rig = Rig::new(Limits {
        most_queued_octets: 1000,
        ..Limits::default()
    });
    let client = rig.connect();
    rig.call(client, 1, Call::Open(session()));
    rig.reads = false;
    let error = events().swap_remove(5);
    for _ in 0..100 {
        rig.event(100, error.clone());
    }
    assert_eq!(rig.closed, [(client, CloseReason::NotReading)]);
}

#[test]
fn who_does_not_greet_in_time_is_disconnected() {
    let mut rig = Rig::new(Limits::default());
    rig.server.handle_time(seconds(100));
    let silent = rig.server.handle_connect(ANNA).unwrap();
    rig.server.handle_time(seconds(105));
    rig.connect();
    assert_eq!(rig.server.poll_timeout(), Some(seconds(110)));
    rig.server.handle_time(seconds(110));
    rig.drain();
    assert_eq!(rig.closed, [(silent, CloseReason::NotGreeting)]);
    assert_eq!(rig.server.counters().clients_silent, 1);
    rig.server.handle_time(seconds(1000));
    rig.drain();
    assert_eq!((rig.closed.len(), rig.server.poll_timeout()), (1, None));
}

/// One event may be longer than what may wait: it is what the client is to get next.
#[test]
fn a_long_event_ends_nobody() {
    let mut rig = Rig::new(Limits {
        queued_octets: 100,
        ..Limits::default()
    });
    let client = rig.connect();
    rig.call(client, 1, Call::Open(session()));
    let event = long_event(1000);
    rig.event(100, event);
    assert_eq!(rig.take(client).len(), 1);
}

#[test]
fn calls_wait_while_the_client_does_not_read() {
    let mut rig = Rig::new(Limits {
        queued_octets: 100,
        ..Limits::default()
    });
    let client = rig.connect();
    rig.reads = false;
    let call = ToDaemon::Request {
        request: 1,
        session: 1,
        call: Some(Call::Release),
    };
    let octets = call.encode().unwrap();
    for _ in 0..100 {
        rig.server.handle_octets(client, &octets);
        rig.drain();
    }
    assert!(!rig.server.wants_input(client));
    assert!(rig.closed.is_empty());
    // As it reads, they are answered, all of them.
    rig.reads = true;
    rig.read_all(client);
    rig.drain();
    assert_eq!(rig.take(client).len(), 100);
    assert!(rig.server.wants_input(client));
}

#[test]
fn a_client_of_another_version_learns_ours() {
    let mut rig = Rig::new(Limits::default());
    let client = rig.server.handle_connect(ANNA).unwrap();
    rig.say(client, &ToDaemon::Hello { version: 99 });
    assert_eq!(rig.closed, [(client, CloseReason::Version(99))]);
    assert_eq!(rig.take(client), [ToLibrary::Hello { version: VERSION }]);
}

#[test]
fn who_does_not_greet_is_no_client() {
    for octets in [
        &b"GET / HTTP/1.0\r\n"[..],
        b"\0\0\0\x08\x06\0\0\0\0\0\0\x01\0\0\0\x01",
    ] {
        let mut rig = Rig::new(Limits::default());
        let client = rig.server.handle_connect(ANNA).unwrap();
        rig.server.handle_octets(client, octets);
        rig.drain();
        assert_eq!(rig.closed.len(), 1);
        assert_eq!(rig.server.counters().clients_malformed, 1);
    }
}

/// Octets may come in any pieces.
#[test]
fn pieces_do_not_matter() {
    let mut rig = Rig::new(Limits::default());
    let client = rig.connect();
    let open = ToDaemon::Request {
        request: 1,
        session: 1,
        call: Some(Call::Open(session())),
    };
    for octet in open.encode().unwrap() {
        rig.server.handle_octets(client, &[octet]);
        rig.drain();
    }
    assert_eq!(rig.take(client), reply(Ok(())));
}
