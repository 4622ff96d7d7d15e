use std::collections::VecDeque;
use std::io::Write as _;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError::Timeout};
use std::time::Duration;

use fairway_rsvp::api::client::blocking::{self, Client, DispatchError};
use fairway_rsvp::api::client::{CallError, Notice, SessionId};
use fairway_rsvp::api::proto::{ToLibrary, VERSION};
use fairway_rsvp::api::server::Limits;
use fairway_rsvp::api::{ApiError, ApiId, Call, Event};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, socket_with};
use rustix::time::{ClockId, clock_gettime};

use crate::daemon::{Daemon, STRANGER};
use crate::{flow, path, sender, socket, wanted};
use fairway_rsvp::api::SenderCall;
use fairway_rsvp::wire::Sender;

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whether the client's descriptor becomes readable.
fn readable(client: &Client, patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).unwrap();
    let mut fds = [PollFd::from_borrowed_fd(client.as_fd(), PollFlags::IN)];
    poll(&mut fds, Some(&patience)).unwrap() > 0
}

/// A program that takes one notice after another.
struct Program {
    client: Client,
    waiting: VecDeque<(SessionId, Notice)>,
}

impl Program {
    fn new(daemon: &Daemon) -> Self {
        Self {
            client: client(daemon),
            waiting: VecDeque::new(),
        }
    }

    /// rapi.md §6: wait for the descriptor, dispatch; until there is a notice.
    #[track_caller]
    fn next(&mut self) -> (SessionId, Notice) {
        loop {
            if let Some(next) = self.waiting.pop_front() {
                return next;
            }
            assert!(readable(&self.client, PATIENCE), "nothing comes");
            self.client
                .dispatch(|session, notice| self.waiting.push_back((session, notice)))
                .unwrap();
        }
    }

    #[track_caller]
    fn event(&mut self) -> (SessionId, Event) {
        match self.next() {
            (session, Notice::Event(event)) => (session, event),
            (_, other) => panic!("{other:?}"),
        }
    }
}

fn client(daemon: &Daemon) -> Client {
    Client::new(daemon.path()).unwrap()
}

/// rapi.md §1: the flow of control.
#[test]
fn senders_and_receivers_find_each_other() {
    let daemon = Daemon::start(&socket());
    let (mut from, mut to) = (Program::new(&daemon), Program::new(&daemon));
    let receiver = to.client.open(flow()).unwrap();
    let source = from.client.open(flow()).unwrap();
    assert!(!readable(&to.client, Duration::ZERO));
    from.client.sender(source, sender(6000)).unwrap();
    let (at, arrived) = to.event();
    assert_eq!(at, receiver);
    let senders = path(arrived);
    assert_eq!(senders[0].template, Sender::V4([127, 0, 0, 1].into(), 6000));
    to.client.reserve(receiver, wanted(&senders)).unwrap();
    assert!(matches!(to.event(), (_, Event::Confirm { .. })));
    assert_eq!(path(from.event().1), senders);
    let (at, arrived) = from.event();
    assert_eq!(at, source);
    let stands = |event: &Event| {
        matches!(
            event,
            Event::Resv {
                flowspec: Some(_),
                ..
            }
        )
    };
    assert!(stands(&arrived), "{arrived:?}");
    to.client.release(receiver).unwrap();
    let gone = from.event().1;
    assert!(matches!(gone, Event::Resv { flowspec: None, .. }));
    // Without sessions there is no connection.
    daemon.until(|seen| (seen.clients == 1).then_some(()));
    from.client.withdraw(source).unwrap();
    assert_eq!(path(from.event().1), []);
}

/// Notices that came while a call waited for its answer are not in the socket any more.
#[test]
fn the_descriptor_tells_of_what_came_with_an_answer() {
    let daemon = Daemon::start(&socket());
    let mut program = Program::new(&daemon);
    let session = program.client.open(flow()).unwrap();
    // The event of the first comes before the answer to the second.
    program.client.sender(session, sender(6000)).unwrap();
    program.client.sender(session, sender(6000)).unwrap();
    assert_eq!(path(program.event().1).len(), 1);
}

#[test]
fn calls_and_dispatch_are_allowed_while_an_event_is_delivered() {
    let daemon = Daemon::start(&socket());
    let client = client(&daemon);
    let one = client.open(flow()).unwrap();
    let two = client.open(flow()).unwrap();
    client.sender(one, sender(6000)).unwrap();
    client.withdraw(two).unwrap();
    let mut heard = Vec::new();
    client
        .dispatch(|session, _| {
            heard.push(session);
            client.dispatch(|inner, _| heard.push(inner)).unwrap();
            if session == one {
                client.release(one).unwrap();
            }
        })
        .unwrap();
    // How often depends on what had come by then.
    assert_eq!(heard[..2], [one, two]);
    assert!(!client.has_session(one) && client.has_session(two));
}

#[test]
fn refusals_are_told_at_once() {
    let limits = Limits {
        sessions_per_client: 2,
        ..Limits::default()
    };
    let daemon = Daemon::start_limited(&socket(), limits);
    let client = client(&daemon);
    let refused = |error| Err(CallError::Refused(error));
    assert_eq!(client.release(SessionId(1)), refused(ApiError::BadSession));
    let session = client.open(flow()).unwrap();
    client.open(flow()).unwrap();
    assert_eq!(
        client.open(flow()),
        Err(CallError::Refused(ApiError::TooManySessions))
    );
    let foreign = SenderCall {
        template: Sender::from(std::net::SocketAddr::new(STRANGER, 1)),
        ..sender(1)
    };
    assert_eq!(
        client.sender(session, foreign),
        refused(ApiError::BadSender)
    );
}

/// rapi.md §2.6: NORSVP.
#[test]
fn without_a_daemon_nothing_can_be_opened() {
    let client = Client::new(socket()).unwrap();
    assert_eq!(client.open(flow()), Err(CallError::NoDaemon));
    assert_eq!(client.dispatch(|_, _| ()), Ok(()));
    assert!(!readable(&client, Duration::ZERO));
}

/// rapi.md §2.6: a daemon that is full, and one that the system keeps us from, are other than none.
#[test]
fn who_is_turned_away_hears_why() {
    let limits = Limits {
        clients: 1,
        ..Limits::default()
    };
    let daemon = Daemon::start_limited(&socket(), limits);
    let (first, second) = (client(&daemon), client(&daemon));
    let session = first.open(flow()).unwrap();
    let full = CallError::Refused(ApiError::TooManyConnections);
    assert_eq!(second.open(flow()), Err(full));
    first.release(session).unwrap();
    daemon.until(|seen| (seen.clients == 0).then_some(()));
    second.open(flow()).unwrap();

    let at = socket();
    let _datagrams = UnixDatagram::bind(&at).unwrap();
    let client = Client::new(&at).unwrap();
    let error = client.open(flow()).unwrap_err();
    assert_eq!(
        error,
        CallError::Unreachable(Errno::PROTOTYPE.raw_os_error())
    );
    let text = error.to_string();
    assert!(
        text.starts_with("the RSVP daemon cannot be reached: "),
        "{text}"
    );
    std::fs::remove_file(at).unwrap();
    assert_eq!(client.open(flow()), Err(CallError::NoDaemon));
}

/// Sessions come back when the daemon does, and the descriptor says when to look.
#[test]
fn a_restarted_daemon_is_asked_again() {
    let at = socket();
    let daemon = Daemon::start(&at);
    let mut program = Program::new(&daemon);
    let session = program.client.open(flow()).unwrap();
    program.client.sender(session, sender(6000)).unwrap();
    assert_eq!(path(program.event().1).len(), 1);
    let client = program.client;
    drop(daemon);
    // It may be back before anybody has looked; here it is not.
    assert!(readable(&client, PATIENCE));
    assert_eq!(
        client.dispatch(|_, notice| panic!("{notice:?}")),
        Err(DispatchError::NoDaemon)
    );
    assert!(!readable(&client, Duration::ZERO), "no busy loop");
    assert_eq!(
        client.sender(session, sender(6001)),
        Err(CallError::NoDaemon)
    );
    let daemon = Daemon::start(&at);
    let mut notices = Vec::new();
    while notices.len() < 2 {
        assert!(readable(&client, PATIENCE));
        client
            .dispatch(|of, notice| notices.push((of, notice)))
            .unwrap();
    }
    assert_eq!(notices[0], (session, Notice::Reestablished));
    assert!(matches!(&notices[1], (_, Notice::Event(Event::Path(senders))) if senders.len() == 1));
    daemon.until(|seen| {
        let asked = [Call::Open(flow()), Call::Sender(sender(6000).into())];
        let calls = seen.calls.iter().map(|(_, call)| call);
        calls.eq(asked.iter()).then_some(())
    });
    client.release(session).unwrap();
}

/// A client that does not read costs only itself, and comes back.
#[test]
fn a_client_that_was_disconnected_for_not_reading_comes_back() {
    let limits = Limits {
        most_queued_octets: 256 << 10,
        ..Limits::default()
    };
    let daemon = Daemon::start_limited(&socket(), limits);
    let client = client(&daemon);
    let session = client.open(flow()).unwrap();
    let error = Event::PathError {
        error: fairway_rsvp::wire::ErrorSpec {
            node: STRANGER,
            flags: fairway_rsvp::wire::ErrorFlags::NONE,
            code: fairway_rsvp::wire::ErrorCode::NO_PATH,
            value: 0,
        },
        sender: Sender::V4([127, 0, 0, 1].into(), 6000),
        tspec: None,
    };
    daemon.tell(ApiId(1), error, 20_000);
    daemon.until(|seen| (seen.counters.clients_overflowed == 1).then_some(()));
    daemon.until(|seen| (seen.calls.last()? == &(ApiId(1), Call::Release)).then_some(()));
    let mut again = false;
    while !again {
        assert!(readable(&client, PATIENCE));
        client
            .dispatch(|_, notice| again |= notice == Notice::Reestablished)
            .unwrap();
    }
    client.release(session).unwrap();
}

/// A daemon that answers no second call, however much it has to say, or has no room for connections; and how long a call
/// of a client of it takes.
fn silent(accepts: bool) -> (Client, Duration) {
    let at = socket();
    let listener = UnixListener::bind(&at).unwrap();
    let client = Client::new(&at).unwrap();
    let mut queue = Vec::new();
    if !accepts {
        // The listener's queue is filled up.
        rustix::net::listen(&listener, 0).unwrap();
        while let Ok(stream) = connect_at_once(&at) {
            queue.push(stream);
        }
    }
    let (done, is_done) = mpsc::channel::<()>();
    let took = std::thread::scope(|scope| {
        let daemon = scope.spawn(move || {
            let mut stream = accepts.then(|| listener.accept().unwrap().0);
            let hello = ToLibrary::Hello { version: VERSION }.encode();
            if let Some(stream) = &mut stream {
                stream.write_all(&hello).unwrap();
            }
            // The first call is answered, over and over; no other is.
            let result = Ok(());
            let reply = ToLibrary::Reply { request: 0, result }.encode();
            while is_done.recv_timeout(Duration::from_millis(50)) == Err(Timeout) {
                // At last nobody reads any more.
                let _sent = stream.as_mut().map(|stream| stream.write_all(&reply));
            }
        });
        if accepts {
            client.open(flow()).unwrap();
        }
        let asking = scope.spawn(|| {
            let start = clock_gettime(ClockId::Monotonic);
            assert_eq!(client.open(flow()), Err(CallError::NoDaemon));
            clock_gettime(ClockId::Monotonic) - start
        });
        // Another thread's dispatch goes on, as often as it likes.
        while !asking.is_finished() {
            let start = clock_gettime(ClockId::Monotonic);
            assert_eq!(client.dispatch(|_, _| ()), Ok(()));
            let took = Duration::try_from(clock_gettime(ClockId::Monotonic) - start).unwrap();
            assert!(took < PATIENCE / 10, "{took:?}");
            std::thread::yield_now();
        }
        done.send(()).unwrap();
        daemon.join().unwrap();
        Duration::try_from(asking.join().unwrap()).unwrap()
    });
    drop(queue);
    std::fs::remove_file(at).unwrap();
    (client, took)
}

/// rapi.md §2.6: NORSVP, in time; and nobody else waits.
#[test]
fn a_call_has_one_deadline_and_dispatch_does_not_wait_for_it() {
    for accepts in [true, false] {
        let (client, took) = silent(accepts);
        assert!(took > blocking::PATIENCE / 2, "{accepts} {took:?}");
        assert!(took < blocking::PATIENCE * 2, "{accepts} {took:?}");
        // Without a session there is nothing to look for.
        assert!(accepts || !readable(&client, Duration::ZERO));
    }
}

/// While the daemon has no room for a connection, dispatch says so at once.
#[test]
fn dispatch_does_not_wait_for_a_connection() {
    let at = socket();
    let daemon = Daemon::start(&at);
    let client = client(&daemon);
    let session = client.open(flow()).unwrap();
    drop(daemon);
    let listener = UnixListener::bind(&at).unwrap();
    rustix::net::listen(&listener, 0).unwrap();
    let mut queue = Vec::new();
    while let Ok(stream) = connect_at_once(&at) {
        queue.push(stream);
    }
    let start = clock_gettime(ClockId::Monotonic);
    assert!(readable(&client, PATIENCE));
    assert_eq!(client.dispatch(|_, _| ()), Err(DispatchError::NoDaemon));
    let took = Duration::try_from(clock_gettime(ClockId::Monotonic) - start).unwrap();
    assert!(took < blocking::PATIENCE / 2, "{took:?}");
    client.release(session).unwrap();
    std::fs::remove_file(at).unwrap();
}

/// Connects, unless that has to wait.
fn connect_at_once(at: &Path) -> rustix::io::Result<OwnedFd> {
    let flags = SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(at)?)?;
    Ok(socket)
}

#[test]
fn threads_share_a_client() {
    let daemon = Daemon::start(&socket());
    let client = client(&daemon);
    std::thread::scope(|scope| {
        for port in 1..9 {
            let client = &client;
            scope.spawn(move || {
                for _ in 0..50 {
                    let session = client.open(flow()).unwrap();
                    client.sender(session, sender(port)).unwrap();
                    client.dispatch(|_, _| ()).unwrap();
                    client.release(session).unwrap();
                }
            });
        }
    });
    daemon.until(|seen| (seen.calls.len() == 8 * 50 * 3 && seen.clients == 0).then_some(()));
}
