use super::*;
use crate::api::proto::tests::{calls, events, session};
use crate::api::server::{ClientId, Limits, Output, Peer, Server};
use crate::api::{ApiId, PathSender};

/// A library and a daemon without a socket between them.
struct Pair {
    core: Core,
    server: Server,
    client: Option<ClientId>,
    calls: Vec<(ApiId, Call)>,
    /// What the engine says, by the kind of call.
    answer: fn(&Call) -> Result<(), ApiError>,
}

impl Pair {
    fn new() -> Self {
        Self {
            core: Core::new(),
            server: Server::new(Limits::default(), 1),
            client: None,
            calls: Vec::new(),
            answer: |_| Ok(()),
        }
    }

    fn connected() -> Self {
        let mut pair = Self::new();
        pair.connect();
        pair
    }

    fn connect(&mut self) {
        let peer = Peer { uid: 0, pid: None };
        self.client = Some(self.server.handle_connect(peer).unwrap());
        self.core.handle_connected();
        self.pump();
    }

    /// The daemon is started anew: nothing is left of what it knew.
    fn restart(&mut self) {
        self.core.handle_disconnected();
        self.server = Server::new(Limits::default(), 1);
        self.calls.clear();
        self.connect();
    }

    fn pump(&mut self) {
        let client = self.client.unwrap();
        loop {
            let mut goes_on = false;
            while let Some(octets) = self.core.poll_output() {
                self.server.handle_octets(client, &octets);
                goes_on = true;
            }
            while let Some(output) = self.server.poll_output() {
                if let Output::Call { id, call } = output {
                    self.server.handle_result(id, (self.answer)(&call));
                    self.calls.push((id, call));
                }
                goes_on = true;
            }
            while let Some(octets) = self.server.poll_send(client) {
                self.core.handle_octets(&octets).unwrap();
                goes_on = true;
            }
            if !goes_on {
                break;
            }
        }
    }

    fn result(&mut self, request: RequestId) -> Result<(), CallError> {
        self.pump();
        let (of, result) = self.core.poll_result().unwrap();
        assert_eq!(of, request);
        result
    }

    fn open(&mut self) -> SessionId {
        let (id, request) = self.core.open(session()).unwrap();
        self.result(request).unwrap();
        id
    }

    fn call(&mut self, id: SessionId, call: Call) -> Result<(), CallError> {
        let request = self.core.call(id, call)?;
        self.result(request)
    }

    /// What is asked when a session is told of senders.
    fn asked_at(&mut self, api: u64, hosts: &[u8]) -> Vec<Call> {
        self.calls.clear();
        self.server.handle_event(ApiId(api), path(hosts));
        // What the application asks meanwhile is on its way already.
        let client = self.client.unwrap();
        while let Some(octets) = self.server.poll_send(client) {
            self.core.handle_octets(&octets).unwrap();
        }
        self.pump();
        self.calls.drain(..).map(|(_, call)| call).collect()
    }

    fn notices(&mut self) -> Vec<(SessionId, Notice)> {
        self.pump();
        std::iter::from_fn(|| self.core.poll_notice()).collect()
    }
}

fn template(host: u8) -> Sender {
    Sender::V4([10, 0, 0, host].into(), 6000)
}

/// A path event that names these senders.
fn path(hosts: &[u8]) -> Event {
    let Event::Path(some) = events().swap_remove(0) else {
        panic!("a path event");
    };
    let senders = hosts.iter().map(|host| PathSender {
        template: template(*host),
        ..some[0].clone()
    });
    Event::Path(senders.collect())
}

fn sender() -> Call {
    calls().swap_remove(1)
}

fn reserve() -> Call {
    calls().swap_remove(4)
}

#[test]
fn calls_are_made_and_events_heard() {
    let mut pair = Pair::connected();
    let id = pair.open();
    pair.call(id, sender()).unwrap();
    pair.call(id, reserve()).unwrap();
    for event in events() {
        pair.server.handle_event(ApiId(1), event.clone());
        assert_eq!(pair.notices(), [(id, Notice::Event(event))]);
    }
    pair.call(id, Call::Release).unwrap();
    assert!(!pair.core.has_sessions());
    assert_eq!(
        pair.call(id, Call::WithdrawSender),
        Err(CallError::Refused(ApiError::BadSession))
    );
    let asked: Vec<Call> = pair.calls.drain(..).map(|(_, call)| call).collect();
    assert_eq!(
        asked,
        [Call::Open(session()), sender(), reserve(), Call::Release]
    );
}

/// rapi.md §4.4: the session ends; events on their way are for nobody.
#[test]
fn no_notice_follows_a_release() {
    let mut pair = Pair::connected();
    let id = pair.open();
    pair.server.handle_event(ApiId(1), events().swap_remove(0));
    pair.pump();
    assert_eq!(pair.core.notices(), 1);
    pair.call(id, Call::Release).unwrap();
    assert_eq!(pair.notices(), []);
}

#[test]
fn what_is_wanted_is_asked_for_again() {
    let mut pair = Pair::connected();
    let (one, two) = (pair.open(), pair.open());
    pair.call(one, sender()).unwrap();
    pair.call(two, reserve()).unwrap();
    pair.call(two, sender()).unwrap();
    pair.call(two, Call::WithdrawSender).unwrap();
    pair.restart();
    let asked: Vec<_> = std::mem::take(&mut pair.calls);
    assert_eq!(
        asked,
        [
            (ApiId(1), Call::Open(session())),
            (ApiId(1), sender()),
            (ApiId(2), Call::Open(session())),
        ]
    );
    assert_eq!(
        pair.notices(),
        [(one, Notice::Reestablished), (two, Notice::Reestablished)]
    );
    // And the sessions are what they were.
    assert_eq!(pair.asked_at(2, &[1, 3]), [reserve()]);
    assert_eq!(pair.notices().len(), 1);
    pair.call(two, Call::Release).unwrap();
}

/// RFC 2205 §3.1.4: who reserves without a path, or for who does not send, is told an error. A daemon that was started
/// anew knows of no path at first.
mod a_reservation_is_asked_for_again {
    use super::*;

    /// A receiver whose daemon was started anew.
    fn restarted(call: Call) -> (Pair, SessionId) {
        let mut pair = Pair::connected();
        let id = pair.open();
        pair.call(id, call).unwrap();
        pair.restart();
        assert_eq!(pair.notices(), [(id, Notice::Reestablished)]);
        assert_eq!(pair.calls, [(ApiId(1), Call::Open(session()))]);
        (pair, id)
    }

    /// What is wanted, of another style or for some of its filters only.
    fn like(style: Style, filters: &[u8]) -> Call {
        let Call::Reserve(mut call) = reserve() else {
            panic!("a reservation");
        };
        call.style = style;
        if style == Style::FF {
            let both = [1, 3].iter().zip(call.flowspecs);
            let named = both.filter(|(host, _)| filters.contains(host));
            call.flowspecs = named.map(|(_, flowspec)| flowspec).collect();
        } else {
            call.flowspecs.truncate(1);
        }
        call.filters = filters.iter().map(|host| template(*host)).collect();
        Call::Reserve(call)
    }

    #[test]
    fn when_its_senders_are_there_and_once() {
        for style in [Style::FF, Style::SE] {
            let (mut pair, _) = restarted(like(style, &[1, 3]));
            assert_eq!(pair.asked_at(1, &[]), []);
            assert_eq!(pair.asked_at(1, &[2]), []);
            assert_eq!(pair.asked_at(1, &[1, 2, 3]), [like(style, &[1, 3])]);
            assert_eq!(pair.asked_at(1, &[1]), []);
            assert_eq!(pair.asked_at(1, &[1, 3]), []);
        }
    }

    #[test]
    fn for_those_that_are_there_and_then_for_more() {
        for style in [Style::FF, Style::SE] {
            let (mut pair, _) = restarted(like(style, &[1, 3]));
            assert_eq!(pair.asked_at(1, &[1]), [like(style, &[1])]);
            assert_eq!(pair.asked_at(1, &[1, 2]), []);
            // What goes with its path comes with it.
            assert_eq!(pair.asked_at(1, &[2]), []);
            assert_eq!(pair.asked_at(1, &[1]), [like(style, &[1])]);
            assert_eq!(pair.asked_at(1, &[1, 3]), [like(style, &[1, 3])]);
        }
    }

    #[test]
    fn of_style_wf_with_the_first_path() {
        let (mut pair, _) = restarted(like(Style::WF, &[]));
        assert_eq!(pair.asked_at(1, &[]), []);
        assert_eq!(pair.asked_at(1, &[2]), [like(Style::WF, &[])]);
        assert_eq!(pair.asked_at(1, &[1, 2]), []);
    }

    /// What is not asked for again yet is not forgotten with a second restart.
    #[test]
    fn after_the_second_restart_too() {
        let (mut pair, _) = restarted(reserve());
        assert_eq!(pair.asked_at(1, &[1]).len(), 1);
        pair.restart();
        assert_eq!(pair.asked_at(1, &[1, 3]), [reserve()]);
    }

    #[test]
    fn unless_the_application_has_asked_something_else() {
        for call in [like(Style::WF, &[]), calls().swap_remove(5), Call::Release] {
            let (mut pair, id) = restarted(reserve());
            // The path event comes before the answer.
            let request = pair.core.call(id, call.clone()).unwrap();
            assert_eq!(pair.asked_at(1, &[1, 3]), [call]);
            assert_eq!(pair.core.poll_result(), Some((request, Ok(()))));
            assert_eq!(pair.asked_at(1, &[1, 3]), []);
        }
    }

    #[test]
    fn if_what_the_application_asks_instead_is_refused() {
        let (mut pair, id) = restarted(reserve());
        let instead = like(Style::WF, &[]);
        pair.answer = |call| match call {
            Call::Reserve(call) if call.style == Style::WF => Err(ApiError::BadReceiver),
            _ => Ok(()),
        };
        let request = pair.core.call(id, instead.clone()).unwrap();
        assert_eq!(pair.asked_at(1, &[1, 3]), [instead, reserve()]);
        let refused = Err(CallError::Refused(ApiError::BadReceiver));
        assert_eq!(pair.core.poll_result(), Some((request, refused)));
    }

    #[test]
    fn not_as_long_as_the_application_asks_something_else() {
        let (mut pair, id) = restarted(reserve());
        pair.answer = |call| match call {
            Call::Reserve(call) if call.style == Style::WF => Err(ApiError::BadReceiver),
            _ => Ok(()),
        };
        let instead = [like(Style::WF, &[]), like(Style::SE, &[1])];
        for call in &instead {
            pair.core.call(id, call.clone()).unwrap();
        }
        let [first, second] = instead;
        assert_eq!(pair.asked_at(1, &[1, 3]), [first, second]);
        assert_eq!(pair.asked_at(1, &[1, 3]), []);
    }

    /// What the application asked of a daemon that went without an answer is nobody's question any more.
    #[test]
    fn if_what_the_application_asks_instead_has_no_answer() {
        let (mut pair, id) = restarted(reserve());
        pair.core.call(id, like(Style::WF, &[])).unwrap();
        pair.restart();
        assert_eq!(pair.asked_at(1, &[1, 3]), [reserve()]);
    }

    #[test]
    fn and_is_lost_if_it_is_refused_then() {
        let (mut pair, id) = restarted(reserve());
        pair.answer = |_| Err(ApiError::BadReceiver);
        assert_eq!(pair.asked_at(1, &[1]).len(), 1);
        let Call::Reserve(whole) = reserve() else {
            panic!("a reservation");
        };
        let lost = Notice::Lost {
            what: Asked::Reservation,
            sender: None,
            reservation: Some(whole),
            error: ApiError::BadReceiver,
        };
        assert_eq!(pair.notices().pop(), Some((id, lost)));
        assert_eq!(pair.asked_at(1, &[1, 3]), []);
    }
}

#[test]
fn what_was_refused_or_removed_is_not_asked_for_again() {
    let mut pair = Pair::connected();
    let id = pair.open();
    pair.answer = |_| Err(ApiError::BadSender);
    let refused = Err(CallError::Refused(ApiError::BadSender));
    assert_eq!(pair.call(id, sender()), refused);
    pair.answer = |_| Ok(());
    pair.call(id, reserve()).unwrap();
    let Call::Reserve(mut none) = reserve() else {
        panic!("a reservation");
    };
    none.flowspecs.clear();
    pair.call(id, Call::Reserve(none)).unwrap();
    pair.restart();
    assert_eq!(pair.calls, [(ApiId(1), Call::Open(session()))]);
}

#[test]
fn what_is_refused_the_second_time_is_lost() {
    let mut pair = Pair::connected();
    let (one, two) = (pair.open(), pair.open());
    pair.call(one, sender()).unwrap();
    pair.call(two, reserve()).unwrap();
    let error = ApiError::BadSender;
    pair.answer = |call| match call {
        Call::Sender(_) => Err(ApiError::BadSender),
        _ => Ok(()),
    };
    pair.restart();
    let (Call::Sender(was_sender), Call::Reserve(was_reserved)) = (sender(), reserve()) else {
        panic!("a sender and a reservation");
    };
    let lost = |what, sender, reservation, error| Notice::Lost {
        what,
        sender,
        reservation,
        error,
    };
    assert_eq!(
        pair.notices(),
        [
            (one, Notice::Reestablished),
            (one, lost(Asked::Sender, Some(was_sender), None, error)),
            (two, Notice::Reestablished)
        ]
    );
    pair.answer = |call| match call {
        Call::Open(_) => Err(ApiError::TooManySessions),
        _ => Ok(()),
    };
    pair.restart();
    let error = ApiError::TooManySessions;
    assert_eq!(
        pair.notices(),
        [
            (one, lost(Asked::Session, None, None, error)),
            (two, lost(Asked::Session, None, Some(was_reserved), error))
        ]
    );
    assert!(!pair.core.has_session(one));
}

#[test]
fn without_a_daemon_calls_fail_and_releases_do_not() {
    let mut pair = Pair::new();
    assert!(matches!(
        pair.core.open(session()),
        Err(CallError::NoDaemon)
    ));
    pair.connect();
    let (one, two) = (pair.open(), pair.open());
    // Two calls wait when the connection is lost.
    let waits = pair.core.call(one, sender()).unwrap();
    let released = pair.core.call(two, Call::Release).unwrap();
    pair.core.handle_disconnected();
    assert_eq!(
        pair.core.poll_result(),
        Some((waits, Err(CallError::NoDaemon)))
    );
    assert_eq!(pair.core.poll_result(), Some((released, Ok(()))));
    assert_eq!(pair.core.call(one, sender()), Err(CallError::NoDaemon));
    let released = pair.core.call(one, Call::Release).unwrap();
    assert_eq!(pair.core.poll_result(), Some((released, Ok(()))));
    assert!(!pair.core.has_sessions());
}

/// Who is turned away knows why, whether it asks before the daemon says so or after.
#[test]
fn a_daemon_without_room_says_so() {
    let limits = Limits {
        clients: 0,
        ..Limits::default()
    };
    let peer = Peer { uid: 0, pid: None };
    let full = Server::new(limits, 1).handle_connect(peer).unwrap_err();
    let error = ApiError::TooManyConnections;
    let mut pair = Pair::new();
    pair.core.handle_connected();
    let (_, waits) = pair.core.open(session()).unwrap();
    assert_eq!(
        pair.core.handle_octets(&full.last_words()),
        Err(LinkError::Refused(error))
    );
    pair.core.handle_disconnected();
    let refused = CallError::Refused(error);
    assert_eq!(pair.core.poll_result(), Some((waits, Err(refused))));
    assert!(matches!(pair.core.open(session()), Err(of) if of == refused));
    // It may have gone since, or have room.
    pair.core.handle_unreachable(CallError::NoDaemon);
    assert!(matches!(
        pair.core.open(session()),
        Err(CallError::NoDaemon)
    ));
    pair.connect();
    pair.open();
    // There is nothing to be refused any more.
    assert_eq!(
        pair.core.handle_octets(&full.last_words()),
        Err(LinkError::Protocol(ProtoError::Greeting))
    );
}

#[test]
fn a_daemon_of_another_version_is_none() {
    let mut core = Core::new();
    core.handle_connected();
    let hello = ToLibrary::Hello { version: 2 };
    assert_eq!(
        core.handle_octets(&hello.encode()),
        Err(LinkError::Version(2))
    );
    // Nor is one that does not greet.
    core.handle_connected();
    let reply = ToLibrary::Reply {
        request: 0,
        result: Ok(()),
    };
    assert_eq!(
        core.handle_octets(&reply.encode()),
        Err(LinkError::Protocol(ProtoError::Greeting))
    );
}

/// What was told before the daemon was started anew is told before that, and what is told afterwards after it, however much
/// waits; and however often that happens, little waits.
#[test]
fn states_keep_to_their_daemon() {
    let mut pair = Pair::connected();
    let id = pair.open();
    let error = events().swap_remove(4);
    for _ in 0..300 {
        pair.server.handle_event(ApiId(1), error.clone());
        pair.pump();
    }
    for restart in 0..10 {
        pair.server.handle_event(ApiId(1), path(&[restart]));
        pair.pump();
        pair.restart();
    }
    for host in [20, 21] {
        pair.server.handle_event(ApiId(1), path(&[host]));
        pair.pump();
    }
    let states: Vec<Notice> = pair
        .notices()
        .into_iter()
        .filter(|(of, notice)| *of == id && *notice != Notice::Event(error.clone()))
        .map(|(_, notice)| notice)
        .collect();
    let [before, after] = [0, 21].map(|host| Notice::Event(path(&[host])));
    assert_eq!(states, [before, Notice::Reestablished, after]);
}

/// Of a daemon that came and went unheard nothing is told, not even what was told while little waited.
#[test]
fn no_state_is_told_of_a_daemon_between() {
    let mut pair = Pair::connected();
    pair.open();
    let states = |pair: &mut Pair, hosts: [u8; 2]| {
        for host in hosts {
            pair.server.handle_event(ApiId(1), path(&[host]));
            pair.pump();
            pair.server.handle_event(ApiId(1), events().swap_remove(2));
            pair.pump();
        }
    };
    states(&mut pair, [1, 2]);
    pair.restart();
    states(&mut pair, [3, 4]);
    let error = events().swap_remove(4);
    for _ in 0..300 {
        pair.server.handle_event(ApiId(1), error.clone());
        pair.pump();
    }
    pair.restart();
    let resv = Notice::Event(events().swap_remove(2));
    let told: Vec<Notice> = pair.notices().into_iter().map(|(_, told)| told).collect();
    let states = told
        .into_iter()
        .filter(|told| *told != Notice::Event(error.clone()));
    let [one, two] = [1, 2].map(|host| Notice::Event(path(&[host])));
    assert_eq!(
        states.collect::<Vec<_>>(),
        [one, resv.clone(), two, resv, Notice::Reestablished]
    );
    assert_eq!(pair.core.notices(), 0);
}

/// An application that makes calls and never asks for notices does not grow without bound, and still learns how it stands:
/// a path event tells all there is (rapi.md §5), and none follows if nothing changes.
#[test]
fn errors_make_room_and_states_stay() {
    let mut pair = Pair::connected();
    let (loud, quiet) = (pair.open(), pair.open());
    let [path, .., error, _] = &events()[..] else {
        panic!("events");
    };
    assert!(State::of(path).is_some() && State::of(error).is_none());
    for (api, event) in [(1, path), (2, path), (2, error)] {
        pair.server.handle_event(ApiId(api), event.clone());
    }
    for _ in 0..MAX_NOTICES + 10 {
        pair.server.handle_event(ApiId(1), error.clone());
        pair.pump();
    }
    assert_eq!(pair.core.notices(), MAX_NOTICES);
    assert_eq!(pair.core.notices_dropped(), 13);
    for (id, event) in [(loud, path), (quiet, path), (quiet, error), (loud, error)] {
        let expected = Some((id, Notice::Event(event.clone())));
        assert_eq!(pair.core.poll_notice(), expected);
    }
}
