//! The daemon's side of the API, pure: connections of applications on one side, the engine's calls and events on the
//! other.
//!
//! ```text
//!   handle_connect, handle_octets, handle_disconnect          handle_result, handle_event
//!        applications ─────────► ┌──────────────────┐ ◄───────── engine
//!                                │      Server      │
//!        applications ◄───────── └──────────────────┘ ─────────► engine
//!      poll_send, Output::Ready, Output::Close                Output::Call
//! ```
//!
//! After any `handle_*` and after [`poll_send`](Server::poll_send), ask [`poll_output`](Server::poll_output) until there
//! is nothing. A client has one call at a time with the engine: its next is not read before
//! [`handle_result`](Server::handle_result), so that a call about a session whose opening failed is refused here.
//!
//! What time it is, [`handle_time`](Server::handle_time) says: before anything else that happens then, and when
//! [`poll_timeout`](Server::poll_timeout) is due.
//!
//! # What a client can cost
//!
//! Itself, first of all. When some events wait for it, of path and reservation events only the newest of each session is
//! kept, since each tells the whole state. While much waits for a client its calls are not read. If more than the limit
//! waits and the client takes nothing for [`PATIENCE`], or if it is far more, the client is disconnected and its sessions
//! are released, as when it dies; so is one that does not greet in that time.
//!
//! Others, within bounds:
//!
//! | What is shared | Bound |
//! |---|---|
//! | connections | [`Limits::clients`]; no user but 0 has more than it leaves to others |
//! | places in a session of RSVP | [`Limits::sessions_of_one`], likewise |
//! | memory | of each client [`Limits::most_queued_octets`] behind an event, and calls of some 128 KiB |
//! | time | clients take turns, a call each |
//!
//! Others, as RSVP has it, and not bounded here: sessions and senders are the engine's, and the bandwidth of interfaces is
//! traffic control's, and neither knows of users. A user has [`Limits::sessions_per_user`], and who comes first is served. So it
//! is with what cannot be together: styles of one session's reservations (RFC 2205 §2.4), and senders of one destination
//! with ports and without (§3.2). Who must not take part in that must not reach the socket: the configuration's `rapi_mode`
//! and `socket_group`.

use std::collections::{BTreeMap, VecDeque};

use core::time::Duration;

use bytes::Bytes;
use fairway_wire::Instant;

use super::proto::{Frames, HEADER_LEN, MAX_BODY, ProtoError, ToDaemon, ToLibrary, VERSION};
use super::queue::{Queue, State};
use super::{ApiError, ApiId, Call, Event};
use crate::state::SessionKey;

/// Names a connection of an application; never given twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(u64);

impl core::fmt::Display for ClientId {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Display::fmt(&self.0, f)
    }
}

/// Who is at the other end of a connection, as the system says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Its user.
    pub uid: u32,
    /// Its process, where the system tells.
    pub pid: Option<i32>,
}

/// Bounds on what applications can make the daemon remember.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections. Default 256.
    pub clients: usize,
    /// Of these, connections that only user 0 can have: others do not shut out the administrator. Default 16.
    pub clients_reserved: usize,
    /// Connections of one user; and never more than it leaves to others, but for user 0. Default 32.
    pub clients_per_user: usize,
    /// Sessions of one connection. Default 1000.
    pub sessions_per_client: usize,
    /// Sessions of one user. Default 4000.
    pub sessions_per_user: usize,
    /// Sessions of applications that are the same session of RSVP: of one user never more than it leaves to others, but for
    /// user 0. Default 256, as many as [the engine's](crate::engine::Limits::applications).
    pub sessions_of_one: usize,
    /// Octets that wait for a client behind the event that it is to get next, and that it takes its time for; if an
    /// event is longer, as many as that has. Default 256 KiB.
    pub queued_octets: usize,
    /// Octets that wait for a client behind the event that it is to get next, however fast it reads. Default 4 MiB: some
    /// of the [longest events](super::proto::MAX_EVENT).
    pub most_queued_octets: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            clients: 256,
            clients_reserved: 16,
            clients_per_user: 32,
            sessions_per_client: 1000,
            sessions_per_user: 4000,
            sessions_of_one: 256,
            queued_octets: 256 << 10,
            most_queued_octets: 4 << 20,
        }
    }
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Ask the engine, and tell the answer to [`Server::handle_result`].
    Call {
        /// Whose session.
        id: ApiId,
        /// What is asked.
        call: Call,
    },
    /// There was nothing for this client and now there is: send what [`Server::poll_send`] gives until it gives nothing.
    Ready(ClientId),
    /// End a connection. Nothing more needs to be told about this client.
    Close {
        /// Which.
        client: ClientId,
        /// Why.
        why: CloseReason,
        /// Send this before, as far as it goes without waiting.
        last: Option<Bytes>,
    },
}

/// Why a client is disconnected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CloseReason {
    /// It says what no library of ours says.
    #[error("{0}")]
    Malformed(#[from] ProtoError),
    /// It speaks another version.
    #[error("version {0}")]
    Version(u16),
    /// It does not read what waits for it.
    #[error("it does not read")]
    NotReading,
    /// It has said nothing that makes it a client.
    #[error("it does not greet")]
    NotGreeting,
    /// It sends more than it was asked to: [`Server::wants_input`].
    #[error("it sends too much at once")]
    Flood,
}

/// Why a connection is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// There are [`Limits::clients`], less those of user 0 for others.
    #[error("too many connections")]
    Full,
    /// The user has [`Limits::clients_per_user`], or as many as are left to others.
    #[error("too many connections of user {0}")]
    User(u32),
}

impl ConnectError {
    /// What to send before the connection is closed, as far as it goes without waiting.
    #[must_use]
    pub fn last_words(self) -> Bytes {
        let error = ApiError::TooManyConnections;
        ToLibrary::Refusal { error }.encode()
    }
}

/// What the server has counted since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counters {
    /// Connections taken.
    pub clients_accepted: u64,
    /// Connections refused for a limit.
    pub clients_refused: u64,
    /// Clients disconnected because they sent what cannot be understood, or another version.
    pub clients_malformed: u64,
    /// Clients disconnected because they did not read, or sent too much at once.
    pub clients_overflowed: u64,
    /// Clients disconnected because they did not greet.
    pub clients_silent: u64,
    /// Calls of all kinds.
    pub calls: u64,
    /// Calls refused, by this server or by the engine.
    pub calls_refused: u64,
    /// Sessions refused for a limit.
    pub sessions_refused: u64,
    /// Sessions released because their client went.
    pub sessions_abandoned: u64,
    /// Events for clients.
    pub events: u64,
    /// Events that took the place of an older one which was not read yet.
    pub events_coalesced: u64,
    /// Events of sessions that were released meanwhile.
    pub events_late: u64,
}

/// One client, to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// Its name here.
    pub client: ClientId,
    /// Who it is.
    pub peer: Peer,
    /// Its sessions.
    pub sessions: usize,
    /// Octets that wait for it.
    pub queued_octets: usize,
}

/// A call that the engine has not answered yet.
#[derive(Clone, Copy, Debug)]
struct Pending {
    request: u32,
    session: u32,
    id: ApiId,
    opens: bool,
    releases: bool,
}

/// A session that a client has, or is about to have.
#[derive(Clone, Copy, Debug)]
struct Opened {
    client: ClientId,
    /// Its number there.
    number: u32,
    of: SessionKey,
}

#[derive(Debug)]
struct Client {
    peer: Peer,
    greeted: bool,
    /// When it connected, took something last, or began to have too much to take: since then it keeps us waiting, if it does.
    moved: Instant,
    /// So much waits that it has to go on taking it.
    is_overfull: bool,
    input: Frames,
    output: Queue<Bytes>,
    sessions: BTreeMap<u32, ApiId>,
    pending: Option<Pending>,
    /// Events of a session whose opening has not been answered: a library does not know it yet.
    early: Vec<Event>,
    /// It is in the list of those with calls to read.
    listed: bool,
}

impl Client {
    fn holds_back(&self, limits: &Limits) -> bool {
        self.output.octets() > limits.queued_octets / 2
    }

    /// Something waits for it, or does not any more: looks whether that is too much.
    fn look(&mut self, limits: &Limits, now: Instant) {
        let waiting = self.output.octets_behind_first();
        let is_overfull = waiting > limits.queued_octets && waiting > self.output.longest();
        if is_overfull && !self.is_overfull {
            self.moved = now;
        }
        self.is_overfull = is_overfull;
    }

    /// What is wrong with it, should nothing happen.
    const fn is_stuck(&self) -> Option<CloseReason> {
        if !self.greeted {
            Some(CloseReason::NotGreeting)
        } else if self.is_overfull {
            Some(CloseReason::NotReading)
        } else {
            None
        }
    }
}

/// The API's server.
#[derive(Debug)]
pub struct Server {
    limits: Limits,
    clients: BTreeMap<ClientId, Client>,
    sessions: BTreeMap<ApiId, Opened>,
    /// Sessions of each user.
    users: BTreeMap<u32, usize>,
    /// Of each session of RSVP, how many sessions each user has.
    shares: BTreeMap<SessionKey, BTreeMap<u32, usize>>,
    outputs: VecDeque<Output>,
    /// Clients with calls to read, in turn.
    turn: VecDeque<ClientId>,
    next_client: u64,
    next_id: u64,
    now: Instant,
    counters: Counters,
}

/// How long a client may not greet, or take nothing while too much waits for it.
pub const PATIENCE: Duration = Duration::from_secs(10);
/// As long as less waits for a client, it hears of every state, not only of the newest.
const FEW_OCTETS: usize = 16 << 10;
/// Calls and greeting that wait beyond one frame.
const INPUT_SLACK: usize = 64 << 10;

impl Server {
    /// A server without clients. Sessions get numbers from `first_id` on, one after another.
    #[must_use]
    pub const fn new(limits: Limits, first_id: u64) -> Self {
        Self {
            limits,
            clients: BTreeMap::new(),
            sessions: BTreeMap::new(),
            users: BTreeMap::new(),
            shares: BTreeMap::new(),
            outputs: VecDeque::new(),
            turn: VecDeque::new(),
            next_client: 0,
            next_id: first_id,
            now: Instant::from_nanos(0),
            counters: Counters {
                clients_accepted: 0,
                clients_refused: 0,
                clients_malformed: 0,
                clients_overflowed: 0,
                clients_silent: 0,
                calls: 0,
                calls_refused: 0,
                sessions_refused: 0,
                sessions_abandoned: 0,
                events: 0,
                events_coalesced: 0,
                events_late: 0,
            },
        }
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Other bounds from now on. What there is already stays.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
        for client in self.clients.values_mut() {
            client.look(&self.limits, self.now);
        }
    }

    /// The clients, in the order in which they came.
    pub fn clients(&self) -> impl Iterator<Item = ClientInfo> + '_ {
        self.clients.iter().map(|(id, client)| ClientInfo {
            client: *id,
            peer: client.peer,
            sessions: client.sessions.len(),
            queued_octets: client.output.octets(),
        })
    }

    /// Who opened a session.
    #[must_use]
    pub fn owner(&self, id: ApiId) -> Option<Peer> {
        let opened = self.sessions.get(&id)?;
        Some(self.clients.get(&opened.client)?.peer)
    }

    /// It is this time: ends clients that have kept it waiting.
    pub fn handle_time(&mut self, now: Instant) {
        self.now = self.now.max(now);
        let stuck: Vec<(ClientId, CloseReason)> = self
            .clients
            .iter()
            .filter(|(_, client)| client.moved + PATIENCE <= self.now)
            .filter_map(|(id, client)| Some((*id, client.is_stuck()?)))
            .collect();
        for (id, why) in stuck {
            self.close(id, why);
        }
    }

    /// When [`handle_time`](Self::handle_time) has something to do, if nothing happens before.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let stuck = |client: &&Client| client.is_stuck().is_some();
        let clients = self.clients.values().filter(stuck);
        clients.map(|client| client.moved + PATIENCE).min()
    }

    /// A connection came.
    ///
    /// # Errors
    ///
    /// [`ConnectError`]: close it, after its [last words](ConnectError::last_words).
    pub fn handle_connect(&mut self, peer: Peer) -> Result<ClientId, ConnectError> {
        let of_user = |client: &&Client| client.peer.uid == peer.uid;
        let reserved = match peer.uid {
            0 => 0,
            _ => self.limits.clients_reserved,
        };
        let own = self.clients.values().filter(of_user).count();
        let (taken, most) = (
            self.clients.len(),
            self.limits.clients.saturating_sub(reserved),
        );
        let refusal = if taken >= most {
            Some(ConnectError::Full)
        } else if own >= self.limits.clients_per_user || !is_fair(peer.uid, own, taken, most) {
            Some(ConnectError::User(peer.uid))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            self.counters.clients_refused += 1;
            return Err(refusal);
        }
        let id = ClientId(self.next_client);
        self.next_client += 1;
        self.counters.clients_accepted += 1;
        self.clients.insert(
            id,
            Client {
                peer,
                greeted: false,
                moved: self.now,
                is_overfull: false,
                input: Frames::new(),
                output: Queue::new(),
                sessions: BTreeMap::new(),
                pending: None,
                early: Vec::new(),
                listed: false,
            },
        );
        Ok(id)
    }

    /// Whether octets of this client should be read now: not while it does not read ours, or has calls waiting.
    #[must_use]
    pub fn wants_input(&self, client: ClientId) -> bool {
        self.clients.get(&client).is_some_and(|client| {
            client.input.len() < HEADER_LEN + MAX_BODY && !client.holds_back(&self.limits)
        })
    }

    /// Octets of a client came: at most 64 KiB at a time, while [`wants_input`](Self::wants_input).
    pub fn handle_octets(&mut self, id: ClientId, octets: &[u8]) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        client.input.extend(octets);
        if client.input.len() > HEADER_LEN + MAX_BODY + INPUT_SLACK {
            self.close(id, CloseReason::Flood);
            return;
        }
        self.list(id);
    }

    /// A connection ended: its sessions are released.
    pub fn handle_disconnect(&mut self, id: ClientId) {
        if let Some(client) = self.clients.remove(&id) {
            self.abandon(client);
        }
    }

    /// How a call went that [`Output::Call`] asked for. Of a session whose client has gone it does not matter.
    pub fn handle_result(&mut self, id: ApiId, result: Result<(), ApiError>) {
        let Some(opened) = self.sessions.get(&id).copied() else {
            return;
        };
        let client_id = opened.client;
        let Some(client) = self.clients.get_mut(&client_id) else {
            return;
        };
        let Some(pending) = client.pending.take_if(|pending| pending.id == id) else {
            return;
        };
        let early = std::mem::take(&mut client.early);
        let closes = pending.releases || (pending.opens && result.is_err());
        if closes {
            client.sessions.remove(&pending.session);
            client.output.forget(pending.session);
            client.look(&self.limits, self.now);
            let uid = client.peer.uid;
            self.forget_session(uid, id);
        }
        self.reply(client_id, pending.request, result);
        for event in early {
            self.handle_event(id, event);
        }
        self.list(client_id);
    }

    /// Something happened in a session.
    pub fn handle_event(&mut self, id: ApiId, event: Event) {
        let Some(opened) = self.sessions.get(&id).copied() else {
            self.counters.events_late += 1;
            return;
        };
        let (client_id, session) = (opened.client, opened.number);
        let Some(client) = self.clients.get_mut(&client_id) else {
            return;
        };
        let opens = |pending: Pending| pending.opens && pending.id == id;
        if client.pending.is_some_and(opens) {
            client.early.push(event);
            return;
        }
        let was_empty = client.output.is_empty();
        let state = State::of(&event);
        let coalesce = client.output.octets() >= FEW_OCTETS;
        let octets = ToLibrary::Event {
            session,
            event: Some(event),
        }
        .encode();
        let len = octets.len();
        self.counters.events += 1;
        if client
            .output
            .push_event(session, state, coalesce, octets, len)
        {
            self.counters.events_coalesced += 1;
        }
        self.queued(client_id, was_empty);
    }

    /// The next thing to do.
    pub fn poll_output(&mut self) -> Option<Output> {
        loop {
            if let Some(output) = self.outputs.pop_front() {
                return Some(output);
            }
            let id = self.turn.pop_front()?;
            self.read_call(id);
        }
    }

    /// The next octets for a client, to be sent whole and in order.
    pub fn poll_send(&mut self, id: ClientId) -> Option<Bytes> {
        let client = self.clients.get_mut(&id)?;
        let held_back = client.holds_back(&self.limits);
        let (_, octets) = client.output.pop()?;
        client.moved = self.now;
        client.look(&self.limits, self.now);
        if held_back {
            self.list(id);
        }
        Some(octets)
    }

    /// Puts a client in the list of those whose calls can be read, if they can.
    fn list(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        if !client.listed
            && client.pending.is_none()
            && !client.input.is_empty()
            && !client.holds_back(&self.limits)
        {
            client.listed = true;
            self.turn.push_back(id);
        }
    }

    /// Reads one message of a client.
    fn read_call(&mut self, id: ClientId) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        client.listed = false;
        let message = match client.input.next_frame() {
            Ok(None) => return,
            Ok(Some(frame)) => ToDaemon::decode(&frame),
            Err(error) => Err(error),
        };
        match message {
            Err(error) => self.close(id, error.into()),
            Ok(ToDaemon::Hello { version }) if !client.greeted => {
                client.greeted = true;
                self.send(id, &ToLibrary::Hello { version: VERSION });
                if version != VERSION {
                    self.close(id, CloseReason::Version(version));
                }
            }
            // A second greeting, or a call without one.
            Ok(ToDaemon::Hello { .. }) => self.close(id, ProtoError::Greeting.into()),
            Ok(ToDaemon::Request { .. }) if !client.greeted => {
                self.close(id, ProtoError::Greeting.into());
            }
            Ok(ToDaemon::Request {
                request,
                session,
                call,
            }) => {
                self.counters.calls += 1;
                match self.admit(id, session, call) {
                    Ok((api_id, call)) => {
                        let pending = Pending {
                            request,
                            session,
                            id: api_id,
                            opens: matches!(call, Call::Open(_)),
                            releases: matches!(call, Call::Release),
                        };
                        if let Some(client) = self.clients.get_mut(&id) {
                            client.pending = Some(pending);
                        }
                        self.outputs.push_back(Output::Call { id: api_id, call });
                    }
                    Err(error) => self.reply(id, request, Err(error)),
                }
            }
        }
        self.list(id);
    }

    /// Checks a call as far as it can be checked without the engine; gives the session its number.
    fn admit(
        &mut self,
        id: ClientId,
        session: u32,
        call: Option<Call>,
    ) -> Result<(ApiId, Call), ApiError> {
        let client = self.clients.get_mut(&id).ok_or(ApiError::BadSession)?;
        let known = client.sessions.get(&session).copied();
        let call = call.ok_or(ApiError::Invalid)?;
        let Call::Open(of) = &call else {
            return Ok((known.ok_or(ApiError::BadSession)?, call));
        };
        let of = SessionKey::of(of);
        if known.is_some() {
            return Err(ApiError::Invalid);
        }
        let uid = client.peer.uid;
        let of_user = self.users.get(&uid).copied().unwrap_or(0);
        let share = self.shares.get(&of);
        let own = share.and_then(|share| share.get(&uid)).copied();
        let taken = share.map_or(0, |share| share.values().sum());
        let most = self.limits.sessions_of_one;
        if client.sessions.len() >= self.limits.sessions_per_client
            || of_user >= self.limits.sessions_per_user
            || !is_fair(uid, own.unwrap_or(0), taken, most)
        {
            self.counters.sessions_refused += 1;
            return Err(ApiError::TooManySessions);
        }
        let api_id = ApiId(self.next_id);
        self.next_id += 1;
        client.sessions.insert(session, api_id);
        let opened = Opened {
            client: id,
            number: session,
            of,
        };
        self.sessions.insert(api_id, opened);
        *self.users.entry(uid).or_default() += 1;
        *self.shares.entry(of).or_default().entry(uid).or_default() += 1;
        Ok((api_id, call))
    }

    /// A session of a user is no more.
    fn forget_session(&mut self, uid: u32, id: ApiId) {
        let Some(opened) = self.sessions.remove(&id) else {
            return;
        };
        one_less(&mut self.users, uid);
        if let Some(share) = self.shares.get_mut(&opened.of) {
            one_less(share, uid);
            if share.is_empty() {
                self.shares.remove(&opened.of);
            }
        }
    }

    fn reply(&mut self, id: ClientId, request: u32, result: Result<(), ApiError>) {
        if result.is_err() {
            self.counters.calls_refused += 1;
        }
        self.send(id, &ToLibrary::Reply { request, result });
    }

    fn send(&mut self, id: ClientId, message: &ToLibrary) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        let was_empty = client.output.is_empty();
        let octets = message.encode();
        let len = octets.len();
        client.output.push(octets, len);
        self.queued(id, was_empty);
    }

    /// Something waits for a client that did not, or more than did.
    fn queued(&mut self, id: ClientId, was_empty: bool) {
        let Some(client) = self.clients.get_mut(&id) else {
            return;
        };
        client.look(&self.limits, self.now);
        if was_empty {
            self.outputs.push_back(Output::Ready(id));
        } else if client.output.octets_behind_first() > self.limits.most_queued_octets {
            self.close(id, CloseReason::NotReading);
        }
    }

    fn close(&mut self, id: ClientId, why: CloseReason) {
        let Some(mut client) = self.clients.remove(&id) else {
            return;
        };
        let last = match why {
            CloseReason::Malformed(_) | CloseReason::Version(_) => {
                self.counters.clients_malformed += 1;
                // So that a library of another version learns that.
                client.output.pop().map(|(_, octets)| octets)
            }
            CloseReason::NotReading | CloseReason::Flood => {
                self.counters.clients_overflowed += 1;
                None
            }
            CloseReason::NotGreeting => {
                self.counters.clients_silent += 1;
                None
            }
        };
        self.abandon(client);
        let client = id;
        self.outputs.push_back(Output::Close { client, why, last });
    }

    /// Releases the sessions of a client that is gone.
    fn abandon(&mut self, client: Client) {
        let uid = client.peer.uid;
        for id in client.sessions.into_values() {
            self.forget_session(uid, id);
            self.counters.sessions_abandoned += 1;
            let call = Call::Release;
            self.outputs.push_back(Output::Call { id, call });
        }
    }
}

/// Whether a user who has `own` of what is `taken` may have one more: nobody has more than he leaves to others, so that for
/// whoever comes next there is something left. User 0 may have all.
const fn is_fair(uid: u32, own: usize, taken: usize, most: usize) -> bool {
    uid == 0 || own + taken < most
}

fn one_less(counts: &mut BTreeMap<u32, usize>, uid: u32) {
    if let Some(count) = counts.get_mut(&uid) {
        *count -= 1;
        if *count == 0 {
            counts.remove(&uid);
        }
    }
}

#[cfg(test)]
mod tests;
