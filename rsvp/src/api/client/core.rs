//! What an application's library knows and does, pure.
//!
//! After any call and any `handle_*`: send what [`Core::poll_output`] gives, tell who waits what
//! [`Core::poll_result`] gives, and the application what [`Core::poll_notice`] gives.
//!
//! # When the daemon goes and comes back
//!
//! With [`Core::handle_disconnected`] all calls that wait fail, and so do new ones, with the daemon's reason if it had
//! no room for the connection; a release succeeds, since the
//! daemon releases by itself what a lost connection held. What was wanted before stays wanted. When a new connection
//! is greeted, it is asked for again, in the order of the sessions: open, sender; each session is told
//! [`Notice::Reestablished`], and the events that follow tell what there is then. What ended in the meantime has no
//! event of its own. What is refused this time is told as [`Notice::Lost`] and wanted no more.
//!
//! A reservation waits for its senders: a daemon that has just begun knows of none before their next Path messages, and
//! who reserves without a path is told an error and has nothing (RFC 2205 §3.1.4). It is asked for at the first path event
//! that names one of its senders, for those that are there, and again when more of them are, until all have been.
//! What the application asks itself takes its place. An error of the network takes nothing from what is wanted: the library
//! cannot tell one that passes from one that lasts.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;

use crate::api::proto::{Assembler, CallTooLong, Frames, ProtoError, ToDaemon, ToLibrary, VERSION};
use crate::api::queue::{Queue, State};
use crate::api::{ApiError, Call, Event, ReserveCall, SenderCall};
use crate::wire::{Sender, Session, Style};

/// Names a session of this library; never given twice until 2³² were opened. Not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u32);

/// Names a call that waits for its reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(u32);

/// What an application hears about one of its sessions.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Notice {
    /// An event of RSVP.
    Event(Event),
    /// The daemon had gone and is back; what was wanted is asked for again.
    ///
    /// That is what the application asked last and the daemon took, whatever events said of it: a reservation is asked for
    /// also for the sender of an [`Event::ResvError`], once a path event names it. Who does not want that any more reserves
    /// without it.
    Reestablished,
    /// The daemon is back, and refuses what it had granted before. It is wanted no more.
    Lost {
        /// What.
        what: Asked,
        /// The sender that is lost.
        sender: Option<Box<SenderCall>>,
        /// The reservation that is lost.
        reservation: Option<Box<ReserveCall>>,
        /// Why.
        error: ApiError,
    },
    /// An event that could not be read; what it would have told is not known.
    Unreadable,
}

/// What an application wants of the daemon for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// The session, and all there is in it.
    Session,
    /// To be a sender.
    Sender,
    /// The reservation.
    Reservation,
}

/// Why a call did not succeed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The daemon refused it.
    #[error("{0}")]
    Refused(#[from] ApiError),
    /// There is no daemon, or none that answers.
    #[error("the RSVP daemon does not answer")]
    NoDaemon,
    /// It may be there, but the system does not let us reach it: the number of its error.
    #[error("the RSVP daemon cannot be reached: {}", std::io::Error::from_raw_os_error(*.0))]
    Unreachable(i32),
    /// It does not fit a message.
    #[error("{0}")]
    TooLong(#[from] CallTooLong),
}

/// Why a connection is of no use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinkError {
    /// What came is not of this protocol.
    #[error("{0}")]
    Protocol(#[from] ProtoError),
    /// The daemon speaks another version.
    #[error("the daemon speaks version {0} of the protocol, this library version {VERSION}")]
    Version(u16),
    /// The daemon does not take it.
    #[error("the RSVP daemon does not take a connection: {0}")]
    Refused(ApiError),
}

/// What is wanted in a session.
#[derive(Clone, Debug)]
struct Wanted {
    session: Session,
    sender: Option<SenderCall>,
    reservation: Option<ReserveCall>,
    /// The reservation is not asked for again as a whole yet.
    due: Option<Due>,
    /// Reservations that the application has asked for and has no answer to yet.
    asking: usize,
}

/// How far a reservation is asked for again.
#[derive(Clone, Debug, Default)]
struct Due {
    /// The senders that this daemon has told of.
    there: BTreeSet<Sender>,
    /// Of these, whom it was asked for.
    asked: BTreeSet<Sender>,
}

impl Due {
    /// What is to be asked for now, and whether that is all; `None`: nothing yet, or nothing more.
    fn next(&mut self, whole: &ReserveCall) -> Option<(ReserveCall, bool)> {
        if self.there.is_empty() {
            self.asked.clear();
            return None;
        }
        let filters = whole.filters.iter();
        let is_there = |filter: &&Sender| self.there.contains(*filter);
        let is_whole = filters.clone().all(|filter| is_there(&filter));
        let named: BTreeSet<Sender> = filters.filter(is_there).copied().collect();
        let is_more = !named.is_subset(&self.asked);
        // What is not there any more is not reserved for, either.
        self.asked = named;
        if !is_more && !is_whole {
            return None;
        }
        let mut part = whole.clone();
        part.filters.retain(|filter| self.there.contains(filter));
        if whole.style == Style::FF {
            let each = whole.filters.iter().zip(&whole.flowspecs);
            let of_those = each.filter(|(filter, _)| self.there.contains(filter));
            part.flowspecs = of_those.map(|(_, flowspec)| *flowspec).collect();
        }
        Some((part, is_whole))
    }
}

/// What a call is for, until it is answered.
#[derive(Debug)]
enum Pending {
    /// Of the application.
    Call { session: u32, call: Call },
    /// Of this library, to re-establish.
    Again { session: u32, what: Asked },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    Down,
    /// Connected; the daemon's greeting has not come. What is called meanwhile is sent behind ours.
    Greeting,
    Up,
}

/// Notices that wait for one reader. When many wait, states coalesce; when too many, the oldest errors and confirmations of
/// the session that has most of them make room. What a session is now is never dropped, nor what it has lost, nor that
/// the daemon was started anew: what the new one tells comes behind that.
#[derive(Debug)]
pub(super) struct Notices {
    queue: Queue<Notice>,
    dropped: u64,
}

/// As long as fewer wait, an application hears of every state, not only of the newest.
const FEW_NOTICES: usize = 256;
/// Notices that wait at most, unless none can be spared: of these a session has but a few.
const MAX_NOTICES: usize = 8192;

impl Notices {
    pub(super) const fn new() -> Self {
        Self {
            queue: Queue::new(),
            dropped: 0,
        }
    }

    pub(super) fn push(&mut self, session: u32, notice: Notice) {
        let coalesce = self.len() >= FEW_NOTICES;
        let state = match &notice {
            Notice::Event(event) => State::of(event),
            Notice::Reestablished => Some(State::Anew),
            Notice::Lost { .. } | Notice::Unreadable => None,
        };
        match (state, &notice) {
            (Some(State::Anew), _) => self.queue.push_anew(session, coalesce, notice, 1),
            (Some(_), _) | (None, Notice::Lost { .. }) => {
                self.queue.push_event(session, state, coalesce, notice, 1);
            }
            (None, _) => self.queue.push_loose(session, notice, 1),
        }
        if self.queue.octets() > MAX_NOTICES && self.queue.shed() {
            self.dropped += 1;
        }
    }

    pub(super) fn pop(&mut self) -> Option<(SessionId, Notice)> {
        let (session, notice) = self.queue.pop()?;
        Some((SessionId(session?), notice))
    }

    /// How many wait.
    pub(super) const fn len(&self) -> usize {
        self.queue.octets()
    }
}

/// The library, pure.
#[derive(Debug)]
pub struct Core {
    link: Link,
    /// Why calls fail while there is no connection.
    missed: CallError,
    frames: Frames,
    assembler: Assembler,
    sessions: BTreeMap<u32, Wanted>,
    pending: BTreeMap<u32, Pending>,
    next_session: u32,
    next_request: u32,
    output: VecDeque<Bytes>,
    results: VecDeque<(RequestId, Result<(), CallError>)>,
    notices: Notices,
}

impl Default for Core {
    fn default() -> Self {
        Self::new()
    }
}

impl Core {
    /// Not connected, without sessions.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            link: Link::Down,
            missed: CallError::NoDaemon,
            frames: Frames::new(),
            assembler: Assembler::new(),
            sessions: BTreeMap::new(),
            pending: BTreeMap::new(),
            next_session: 1,
            next_request: 0,
            output: VecDeque::new(),
            results: VecDeque::new(),
            notices: Notices::new(),
        }
    }

    /// Whether there is a daemon: it has greeted.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.link == Link::Up
    }

    /// Whether there is such a session.
    #[must_use]
    pub fn has_session(&self, session: SessionId) -> bool {
        self.sessions.contains_key(&session.0)
    }

    /// Whether there are sessions, for which a connection is needed.
    #[must_use]
    pub fn has_sessions(&self) -> bool {
        !self.sessions.is_empty()
    }

    /// Opens a session.
    ///
    /// # Errors
    ///
    /// [`CallError`].
    pub fn open(&mut self, session: Session) -> Result<(SessionId, RequestId), CallError> {
        let number = self.next_session;
        // Not zero, and none that is in use.
        self.next_session = (1..=u32::MAX)
            .map(|step| number.wrapping_add(step))
            .find(|next| *next != 0 && !self.sessions.contains_key(next))
            .unwrap_or(1);
        let request = self.request(number, Call::Open(session))?;
        Ok((SessionId(number), request))
    }

    /// Makes a call about a session: any but [`Call::Open`].
    ///
    /// # Errors
    ///
    /// [`CallError`]; what was wanted before stays.
    pub fn call(&mut self, session: SessionId, call: Call) -> Result<RequestId, CallError> {
        if !self.sessions.contains_key(&session.0) {
            return Err(ApiError::BadSession.into());
        }
        match call {
            Call::Open(_) => Err(ApiError::Invalid.into()),
            Call::Release => self.release(session.0),
            Call::Sender(_) | Call::WithdrawSender | Call::Reserve(_) => {
                self.request(session.0, call)
            }
        }
    }

    /// A session is over as soon as the application says so; no notice of it follows.
    fn release(&mut self, session: u32) -> Result<RequestId, CallError> {
        let request = if self.link == Link::Down {
            let request = self.number();
            self.results.push_back((request, Ok(())));
            request
        } else {
            self.request(session, Call::Release)?
        };
        self.sessions.remove(&session);
        self.notices.queue.forget(session);
        Ok(request)
    }

    fn number(&mut self) -> RequestId {
        let request = self.next_request;
        self.next_request = request.wrapping_add(1);
        RequestId(request)
    }

    fn request(&mut self, session: u32, call: Call) -> Result<RequestId, CallError> {
        if self.link == Link::Down {
            return Err(self.missed);
        }
        let request = self.number();
        let message = ToDaemon::Request {
            request: request.0,
            session,
            call: Some(call),
        };
        self.output.push_back(message.encode()?);
        if let ToDaemon::Request {
            call: Some(call), ..
        } = message
        {
            if let (Call::Reserve(_), Some(wanted)) = (&call, self.sessions.get_mut(&session)) {
                wanted.asking += 1;
            }
            self.pending
                .insert(request.0, Pending::Call { session, call });
        }
        Ok(request)
    }

    /// There is a new connection to the daemon.
    pub fn handle_connected(&mut self) {
        self.handle_disconnected();
        self.missed = CallError::NoDaemon;
        self.link = Link::Greeting;
        let hello = ToDaemon::Hello { version: VERSION };
        self.output.extend(hello.encode());
        let sessions: Vec<(u32, Wanted)> = self
            .sessions
            .iter()
            .map(|(number, wanted)| (*number, wanted.clone()))
            .collect();
        for (session, wanted) in sessions {
            self.again(session, Asked::Session, Call::Open(wanted.session));
            if let Some(sender) = wanted.sender {
                self.again(session, Asked::Sender, Call::Sender(sender.into()));
            }
        }
        for wanted in self.sessions.values_mut() {
            wanted.due = wanted.reservation.as_ref().map(|_| Due::default());
        }
    }

    /// Asks again for a reservation, as far as it is due.
    fn reserve_again(&mut self, session: u32) {
        // What the application asks takes its place; if that is refused, this is its turn again.
        let not_asked = |wanted: &&mut Wanted| wanted.asking == 0;
        let Some(wanted) = self.sessions.get_mut(&session).filter(not_asked) else {
            return;
        };
        let (Some(due), Some(whole)) = (&mut wanted.due, &wanted.reservation) else {
            return;
        };
        if let Some((part, is_whole)) = due.next(whole) {
            if is_whole {
                wanted.due = None;
            }
            self.again(session, Asked::Reservation, Call::Reserve(part.into()));
        }
    }

    /// Asks again for what was granted once, which therefore fits a message.
    fn again(&mut self, session: u32, what: Asked, call: Call) {
        let request = self.number();
        let message = ToDaemon::Request {
            request: request.0,
            session,
            call: Some(call),
        };
        if let Ok(octets) = message.encode() {
            self.output.push_back(octets);
            self.pending
                .insert(request.0, Pending::Again { session, what });
        }
    }

    /// There is no new connection: calls fail with this error until there is.
    pub fn handle_unreachable(&mut self, error: CallError) {
        self.handle_disconnected();
        self.missed = error;
    }

    /// The connection is gone.
    pub fn handle_disconnected(&mut self) {
        self.link = Link::Down;
        self.frames = Frames::new();
        self.assembler = Assembler::new();
        self.output.clear();
        for (request, pending) in std::mem::take(&mut self.pending) {
            let result = match pending {
                Pending::Again { .. } => continue,
                Pending::Call {
                    call: Call::Release,
                    ..
                } => Ok(()),
                Pending::Call { .. } => Err(self.missed),
            };
            self.results.push_back((RequestId(request), result));
        }
        for wanted in self.sessions.values_mut() {
            wanted.asking = 0;
        }
    }

    /// Octets came from the daemon.
    ///
    /// # Errors
    ///
    /// [`LinkError`]: end the connection, and say so to [`handle_disconnected`](Self::handle_disconnected).
    pub fn handle_octets(&mut self, octets: &[u8]) -> Result<(), LinkError> {
        self.frames.extend(octets);
        while let Some(frame) = self.frames.next_frame()? {
            if let Some(message) = self.assembler.handle_frame(&frame)? {
                self.handle_message(message)?;
            }
        }
        Ok(())
    }

    fn handle_message(&mut self, message: ToLibrary) -> Result<(), LinkError> {
        match (message, self.link) {
            (ToLibrary::Hello { version }, Link::Greeting) => {
                if version != VERSION {
                    return Err(LinkError::Version(version));
                }
                self.link = Link::Up;
            }
            (ToLibrary::Refusal { error }, Link::Greeting) => {
                self.missed = error.into();
                return Err(LinkError::Refused(error));
            }
            (ToLibrary::Reply { request, result }, Link::Up) => self.handle_reply(request, result),
            (ToLibrary::Event { session, event }, Link::Up) => {
                // Of sessions that were released meanwhile there may still be some.
                if let Some(wanted) = self.sessions.get_mut(&session) {
                    if let (Some(due), Some(Event::Path(senders))) = (&mut wanted.due, &event) {
                        due.there = senders.iter().map(|sender| sender.template).collect();
                        self.reserve_again(session);
                    }
                    let notice = event.map_or(Notice::Unreadable, Notice::Event);
                    self.notices.push(session, notice);
                }
            }
            (ToLibrary::Hello { .. } | ToLibrary::Refusal { .. }, Link::Up | Link::Down)
            | (ToLibrary::Reply { .. } | ToLibrary::Event { .. }, Link::Greeting | Link::Down) => {
                return Err(ProtoError::Greeting.into());
            }
        }
        Ok(())
    }

    fn handle_reply(&mut self, request: u32, result: Result<(), ApiError>) {
        match self.pending.remove(&request) {
            None => {}
            Some(Pending::Call { session, call }) => {
                if let (Call::Reserve(_), Some(wanted)) = (&call, self.sessions.get_mut(&session)) {
                    wanted.asking = wanted.asking.saturating_sub(1);
                }
                if result.is_ok() {
                    self.granted(session, call);
                } else if matches!(call, Call::Reserve(_)) {
                    self.reserve_again(session);
                }
                let result = result.map_err(CallError::Refused);
                self.results.push_back((RequestId(request), result));
            }
            Some(Pending::Again { session, what }) => self.granted_again(session, what, result),
        }
    }

    /// A call succeeded: that is what is wanted now.
    fn granted(&mut self, session: u32, call: Call) {
        if let Call::Open(of) = call {
            let wanted = Wanted {
                session: of,
                sender: None,
                reservation: None,
                due: None,
                asking: 0,
            };
            self.sessions.insert(session, wanted);
            return;
        }
        // It may have been released while the reply was on its way.
        let Some(wanted) = self.sessions.get_mut(&session) else {
            return;
        };
        match call {
            Call::Sender(sender) => wanted.sender = Some(*sender),
            Call::WithdrawSender => wanted.sender = None,
            Call::Reserve(reservation) => {
                wanted.due = None;
                wanted.reservation = (!reservation.flowspecs.is_empty()).then_some(*reservation);
            }
            Call::Open(_) | Call::Release => {}
        }
    }

    fn granted_again(&mut self, session: u32, what: Asked, result: Result<(), ApiError>) {
        let Some(wanted) = self.sessions.get_mut(&session) else {
            return;
        };
        let notice = match (what, result) {
            (Asked::Session, Ok(())) => Notice::Reestablished,
            (Asked::Sender | Asked::Reservation, Ok(())) => return,
            // Told with the session.
            (Asked::Sender | Asked::Reservation, Err(ApiError::BadSession)) => return,
            (_, Err(error)) => {
                let is_over = what == Asked::Session;
                let sender = wanted.sender.take_if(|_| is_over || what == Asked::Sender);
                let reservation = wanted
                    .reservation
                    .take_if(|_| is_over || what == Asked::Reservation);
                if reservation.is_some() {
                    wanted.due = None;
                }
                if is_over {
                    self.sessions.remove(&session);
                }
                Notice::Lost {
                    what,
                    sender: sender.map(Box::new),
                    reservation: reservation.map(Box::new),
                    error,
                }
            }
        };
        self.notices.push(session, notice);
    }

    /// The next octets for the daemon, to be sent whole and in order.
    pub fn poll_output(&mut self) -> Option<Bytes> {
        self.output.pop_front()
    }

    /// How a call went.
    pub fn poll_result(&mut self) -> Option<(RequestId, Result<(), CallError>)> {
        self.results.pop_front()
    }

    /// What happened in a session.
    pub fn poll_notice(&mut self) -> Option<(SessionId, Notice)> {
        self.notices.pop()
    }

    /// Adds a notice of the library's own making: classic calls tell some refusals that way.
    pub fn add_notice(&mut self, session: SessionId, notice: Notice) {
        if self.has_session(session) {
            self.notices.push(session.0, notice);
        }
    }

    /// How many notices wait.
    #[must_use]
    pub const fn notices(&self) -> usize {
        self.notices.len()
    }

    /// Notices that were dropped because the application did not ask for them.
    #[must_use]
    pub const fn notices_dropped(&self) -> u64 {
        self.notices.dropped
    }
}

#[cfg(test)]
mod tests;
