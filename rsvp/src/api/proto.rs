//! What passes between an application's library and the daemon, over a local stream socket.
//!
//! ```text
//!  0                   1                   2                   3
//!  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |                Length of the body, octets                     |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! |     Kind      |0 0 0 0 0 0 0|M|              0                |
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! //                            body                             //
//! +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
//! ```
//!
//! | Kind | From | Body |
//! |---|---|---|
//! | 1 hello | both | "RAPI", version (16), zero (16) |
//! | 2 open | library | request (32), session (32), SESSION |
//! | 3 sender | library | request, session, C-Type of the template (8), TTL (8), family of the interface: 0, 4, 6 (8), zero (8), template, interface, SENDER_TSPEC, \[ADSPEC\], POLICY_DATA… |
//! | 4 withdraw | library | request, session |
//! | 5 reserve | library | request, session, confirm: 0, 1 (8), family of the interface (8), zero (16), interface, STYLE, FILTER_SPEC…, FLOWSPEC…, POLICY_DATA… |
//! | 6 release | library | request, session |
//! | 16 reply | daemon | request, [code](ApiError::code) or zero (8), zero (24) |
//! | 17 path event | daemon | session, (SENDER_TEMPLATE, SENDER_TSPEC, \[ADSPEC\])… |
//! | 18 reservation event | daemon | session, STYLE, FILTER_SPEC…, \[FLOWSPEC\] |
//! | 19 path error | daemon | session, ERROR_SPEC, SENDER_TEMPLATE, \[SENDER_TSPEC\] |
//! | 20 reservation error, 21 confirmation | daemon | session, ERROR_SPEC, STYLE, FILTER_SPEC…, \[FLOWSPEC\] |
//! | 22 refusal | daemon | [code](ApiError::code) (8), zero (24) |
//!
//! Both say hello first; a daemon that does not take the connection says why instead, and ends it. Numbers are in network
//! order; names in capitals are RSVP objects with their headers, so that what an object carries and nobody here knows is
//! kept. The library chooses the numbers of requests and sessions. Events too long for one frame come in several of one kind;
//! M says that more follow, and their bodies behind the session's number, put together, are the whole.

use bytes::Bytes;

use super::{ApiError, Call, Event, PathSender, ReserveCall, SenderCall};
use crate::intserv::{Adspec, Flowspec, Reading, Tspec};
use crate::wire::{
    AdspecObject, CType, ClassNum, Content, ErrorSpec, FilterSpec, FlowspecObject, Object, Objects,
    PolicyData, Reader, Sender, SenderTemplate, SenderTspecObject, Session, Style, append,
};
use std::net::IpAddr;

/// The version spoken here.
pub const VERSION: u16 = 1;
/// Octets in front of a body.
pub const HEADER_LEN: usize = 8;
/// The longest body.
pub const MAX_BODY: usize = 65_536;
/// The longest event, its parts put together: 4096 senders with what is usual, and some more. Of a longer one a library
/// learns that there was one.
pub const MAX_EVENT: usize = 1 << 20;

const MAGIC: [u8; 4] = *b"RAPI";
const MORE: u8 = 1;

const HELLO: u8 = 1;
const OPEN: u8 = 2;
const SENDER: u8 = 3;
const WITHDRAW: u8 = 4;
const RESERVE: u8 = 5;
const RELEASE: u8 = 6;
const REPLY: u8 = 16;
const PATH: u8 = 17;
const RESV: u8 = 18;
const PATH_ERROR: u8 = 19;
const RESV_ERROR: u8 = 20;
const CONFIRM: u8 = 21;
const REFUSAL: u8 = 22;

/// Why what came is no message. Nothing that follows can be understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProtoError {
    /// A body longer than [`MAX_BODY`].
    #[error("{0} octets announced")]
    TooLong(usize),
    /// A kind of message that is not known, or not for this side.
    #[error("message kind {0}")]
    Kind(u8),
    /// Not the greeting of this protocol.
    #[error("no greeting")]
    Greeting,
    /// A body that is not of its kind.
    #[error("malformed body of kind {0}")]
    Body(u8),
    /// An event's next part is of another event.
    #[error("part of another event")]
    Part,
}

/// A call that no frame holds: too many filters, or too much policy data. `RAPI_ERR_OVERFLOW` of the classic calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a call of {0} octets does not fit a message")]
pub struct CallTooLong(pub usize);

/// What the library sends.
#[derive(Clone, Debug, PartialEq)]
pub enum ToDaemon {
    /// First of all.
    Hello {
        /// [`VERSION`] of the library.
        version: u16,
    },
    /// An application's call; a reply follows.
    Request {
        /// Chosen by the library, and in the reply.
        request: u32,
        /// Chosen by the library, and in the events.
        session: u32,
        /// What; `None` if it could not be read, which is answered with [`ApiError::Invalid`].
        call: Option<Call>,
    },
}

/// What the daemon sends.
#[derive(Clone, Debug, PartialEq)]
pub enum ToLibrary {
    /// First of all.
    Hello {
        /// [`VERSION`] of the daemon.
        version: u16,
    },
    /// Instead of a greeting: the connection is not taken.
    Refusal {
        /// Why.
        error: ApiError,
    },
    /// The call was taken, or why not.
    Reply {
        /// Which.
        request: u32,
        /// How it went.
        result: Result<(), ApiError>,
    },
    /// Something happened in a session.
    Event {
        /// Which.
        session: u32,
        /// What; `None` if it could not be read.
        event: Option<Event>,
    },
}

/// One frame as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    kind: u8,
    more: bool,
    body: Bytes,
}

/// Cuts what comes in into frames.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    octets: Vec<u8>,
    /// Octets of whole frames that were handed out.
    taken: usize,
}

impl Frames {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            octets: Vec::new(),
            taken: 0,
        }
    }

    /// Adds what came.
    pub fn extend(&mut self, octets: &[u8]) {
        if self.taken > 0 {
            self.octets.drain(..self.taken.min(self.octets.len()));
            self.taken = 0;
        }
        self.octets.extend_from_slice(octets);
    }

    /// Octets that wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.octets.len() - self.taken
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next frame, if it is all there.
    ///
    /// # Errors
    ///
    /// [`ProtoError::TooLong`], as soon as a header announces it.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, ProtoError> {
        let waiting = self.octets.get(self.taken..).unwrap_or_default();
        let mut reader = Reader::new(waiting);
        let Some(([l0, l1, l2, l3], [kind, flags, _, _])) = reader
            .array::<4>()
            .and_then(|length| Some((length, reader.array::<4>()?)))
        else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes([l0, l1, l2, l3])).unwrap_or(usize::MAX);
        if length > MAX_BODY {
            return Err(ProtoError::TooLong(length));
        }
        let Some(body) = reader.take(length) else {
            return Ok(None);
        };
        let body = Bytes::copy_from_slice(body);
        self.taken += HEADER_LEN + length;
        Ok(Some(Frame {
            kind,
            more: flags & MORE != 0,
            body,
        }))
    }
}

/// One frame of a body that is short enough.
fn frame(kind: u8, more: bool, body: &[&[u8]]) -> Vec<u8> {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let mut out = Vec::with_capacity(HEADER_LEN + length);
    out.extend_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    out.extend_from_slice(&[kind, if more { MORE } else { 0 }, 0, 0]);
    for part in body {
        out.extend_from_slice(part);
    }
    out
}

fn hello(version: u16) -> Vec<u8> {
    let [high, low] = version.to_be_bytes();
    frame(HELLO, false, &[&MAGIC, &[high, low, 0, 0]])
}

fn read_hello(body: &[u8]) -> Result<u16, ProtoError> {
    let mut reader = Reader::new(body);
    if reader.array() != Some(MAGIC) {
        return Err(ProtoError::Greeting);
    }
    // What later versions put behind the version is theirs.
    reader.u16().ok_or(ProtoError::Greeting)
}

impl ToDaemon {
    /// The octets to send.
    ///
    /// # Errors
    ///
    /// [`CallTooLong`].
    pub fn encode(&self) -> Result<Bytes, CallTooLong> {
        let (request, session, call) = match self {
            Self::Hello { version } => return Ok(hello(*version).into()),
            Self::Request {
                request,
                session,
                call,
            } => (request, session, call),
        };
        let mut body = Vec::with_capacity(128);
        body.extend_from_slice(&request.to_be_bytes());
        body.extend_from_slice(&session.to_be_bytes());
        let kind = match call {
            Some(Call::Open(session)) => {
                put(session, &mut body);
                OPEN
            }
            Some(Call::Sender(call)) => {
                put_sender_call(call, &mut body);
                SENDER
            }
            Some(Call::WithdrawSender) => WITHDRAW,
            Some(Call::Reserve(call)) => {
                put_reserve_call(call, &mut body);
                RESERVE
            }
            Some(Call::Release) => RELEASE,
            // Never made here; says nothing that could be read.
            None => OPEN,
        };
        if body.len() > MAX_BODY {
            return Err(CallTooLong(body.len()));
        }
        Ok(frame(kind, false, &[&body]).into())
    }

    /// Reads a frame of the library.
    ///
    /// # Errors
    ///
    /// [`ProtoError`]: the library is not one of ours. A call with values that are not legal is no such error.
    pub fn decode(frame: &Frame) -> Result<Self, ProtoError> {
        if frame.kind == HELLO {
            return read_hello(&frame.body).map(|version| Self::Hello { version });
        }
        if !(OPEN..=RELEASE).contains(&frame.kind) || frame.more {
            return Err(ProtoError::Kind(frame.kind));
        }
        let mut reader = Reader::new(&frame.body);
        let mut numbers = || Some((reader.u32()?, reader.u32()?));
        let (request, session) = numbers().ok_or(ProtoError::Body(frame.kind))?;
        let call = match frame.kind {
            OPEN => read_open(&frame.body, reader),
            SENDER => read_sender_call(&frame.body, reader).map(|call| Call::Sender(call.into())),
            RESERVE => {
                read_reserve_call(&frame.body, reader).map(|call| Call::Reserve(call.into()))
            }
            WITHDRAW => reader.done(Call::WithdrawSender),
            _ => reader.done(Call::Release),
        };
        Ok(Self::Request {
            request,
            session,
            call,
        })
    }
}

impl ToLibrary {
    /// The octets to send; an event may be several frames.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        match self {
            Self::Hello { version } => hello(*version).into(),
            Self::Refusal { error } => frame(REFUSAL, false, &[&[error.code(), 0, 0, 0]]).into(),
            Self::Reply { request, result } => {
                let code = result.map_or_else(ApiError::code, |()| 0);
                frame(REPLY, false, &[&request.to_be_bytes(), &[code, 0, 0, 0]]).into()
            }
            Self::Event { session, event } => encode_event(*session, event.as_ref()),
        }
    }
}

/// The frames of an event. `None` makes one that cannot be read.
fn encode_event(session: u32, event: Option<&Event>) -> Bytes {
    let session = session.to_be_bytes();
    let mut objects = Vec::new();
    let kind = match event {
        None => PATH_ERROR,
        Some(event) => put_event(event, &mut objects),
    };
    let mut out = Vec::with_capacity(HEADER_LEN + 4 + objects.len());
    let mut parts = objects.chunks(MAX_BODY - 4).peekable();
    // Without objects there is one frame, without parts none.
    let first = parts.next().unwrap_or_default();
    out.extend(frame(kind, parts.peek().is_some(), &[&session, first]));
    while let Some(part) = parts.next() {
        out.extend(frame(kind, parts.peek().is_some(), &[&session, part]));
    }
    out.into()
}

/// Reads what the daemon sends: puts the parts of events together.
#[derive(Clone, Debug, Default)]
pub struct Assembler {
    /// Kind, session and body so far of an event whose last part has not come; no body: it is too long.
    partial: Option<(u8, u32, Option<Vec<u8>>)>,
}

impl Assembler {
    /// Nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { partial: None }
    }

    /// What a frame of the daemon says; `None`: more parts follow.
    ///
    /// # Errors
    ///
    /// [`ProtoError`]: the daemon is not one of ours. An event that cannot be read is no such error.
    pub fn handle_frame(&mut self, frame: &Frame) -> Result<Option<ToLibrary>, ProtoError> {
        if !(PATH..=CONFIRM).contains(&frame.kind) {
            if self.partial.is_some() || frame.more {
                return Err(ProtoError::Part);
            }
            return read_single(frame).map(Some);
        }
        let mut reader = Reader::new(&frame.body);
        let session = reader.u32().ok_or(ProtoError::Body(frame.kind))?;
        let body = match self.partial.take() {
            None if !frame.more => frame.body.slice(4..),
            None => {
                self.partial = Some((frame.kind, session, Some(reader.rest().to_vec())));
                return Ok(None);
            }
            Some((kind, of, octets)) => {
                if (kind, of) != (frame.kind, session) {
                    return Err(ProtoError::Part);
                }
                // Too long an event ends no connection: the next one would bring it again.
                let octets = octets
                    .filter(|octets| octets.len() + reader.rest().len() <= MAX_EVENT)
                    .map(|mut octets| {
                        octets.extend_from_slice(reader.rest());
                        octets
                    });
                if frame.more {
                    self.partial = Some((kind, of, octets));
                    return Ok(None);
                }
                let Some(octets) = octets else {
                    let event = None;
                    return Ok(Some(ToLibrary::Event { session, event }));
                };
                octets.into()
            }
        };
        let event = read_event(frame.kind, &body);
        Ok(Some(ToLibrary::Event { session, event }))
    }
}

/// A greeting, a refusal or a reply.
fn read_single(frame: &Frame) -> Result<ToLibrary, ProtoError> {
    match frame.kind {
        HELLO => read_hello(&frame.body).map(|version| ToLibrary::Hello { version }),
        REFUSAL => {
            let code = Reader::new(&frame.body).u8();
            let code = code.ok_or(ProtoError::Body(REFUSAL))?;
            let error = ApiError::of_code(code).unwrap_or(ApiError::Invalid);
            Ok(ToLibrary::Refusal { error })
        }
        REPLY => {
            let mut reader = Reader::new(&frame.body);
            let mut fields = || Some((reader.u32()?, reader.u8()?));
            let (request, code) = fields().ok_or(ProtoError::Body(REPLY))?;
            let result = match code {
                0 => Ok(()),
                // A refusal whose reason is not known is still one.
                code => Err(ApiError::of_code(code).unwrap_or(ApiError::Invalid)),
            };
            Ok(ToLibrary::Reply { request, result })
        }
        kind => Err(ProtoError::Kind(kind)),
    }
}

impl ApiError {
    /// Its number between library and daemon: that of `rapi.md` §2.6 (ISI) where there is one, else 128 and the code
    /// of RFC 2205 appendix B, if it has one of these.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Invalid => 1,
            Self::TooManySessions => 2,
            Self::BadSession => 3,
            Self::Counts => 4,
            Self::BadStyle => 5,
            Self::BadSender => 14,
            Self::BadReceiver => 15,
            Self::BadSourcePort => 16,
            Self::TooManyConnections => 64,
            Self::DestinationPorts => 128 + 7,
            Self::SenderPorts => 128 + 8,
        }
    }

    /// The error of a number.
    #[must_use]
    pub const fn of_code(code: u8) -> Option<Self> {
        Some(match code {
            1 => Self::Invalid,
            2 => Self::TooManySessions,
            3 => Self::BadSession,
            4 => Self::Counts,
            5 => Self::BadStyle,
            14 => Self::BadSender,
            15 => Self::BadReceiver,
            16 => Self::BadSourcePort,
            64 => Self::TooManyConnections,
            135 => Self::DestinationPorts,
            136 => Self::SenderPorts,
            _ => return None,
        })
    }
}

/// Appends an object. One that is too long, which only policy data of a caller's making can be, is left out: what is
/// then missing makes the message unreadable, and the call is refused.
fn put<T: Object>(object: &T, out: &mut Vec<u8>) {
    let start = out.len();
    if append(object, out).is_err() {
        out.truncate(start);
        out.extend_from_slice(&[0; 4]);
    }
}

fn put_address(address: Option<IpAddr>, out: &mut Vec<u8>) {
    match address {
        None => {}
        Some(IpAddr::V4(address)) => out.extend_from_slice(&address.octets()),
        Some(IpAddr::V6(address)) => out.extend_from_slice(&address.octets()),
    }
}

const fn family(address: Option<IpAddr>) -> u8 {
    match address {
        None => 0,
        Some(IpAddr::V4(_)) => 4,
        Some(IpAddr::V6(_)) => 6,
    }
}

fn read_address(family: u8, reader: &mut Reader<'_>) -> Option<Option<IpAddr>> {
    Some(match family {
        0 => None,
        4 => Some(reader.address(false)?),
        6 => Some(reader.address(true)?),
        _ => return None,
    })
}

fn put_sender_call(call: &SenderCall, out: &mut Vec<u8>) {
    let template = SenderTemplate(call.template);
    out.extend_from_slice(&[template.c_type().0, call.ttl, family(call.interface), 0]);
    template.emit(out);
    put_address(call.interface, out);
    put(&call.tspec.to_object(), out);
    if let Some(adspec) = &call.adspec {
        put(&adspec.to_object(), out);
    }
    for policy in &call.policy {
        put(policy, out);
    }
}

fn put_reserve_call(call: &ReserveCall, out: &mut Vec<u8>) {
    out.extend_from_slice(&[call.confirm.into(), family(call.interface), 0, 0]);
    put_address(call.interface, out);
    put(&call.style, out);
    for filter in &call.filters {
        put(&FilterSpec(*filter), out);
    }
    for flowspec in &call.flowspecs {
        put(&flowspec.to_object(), out);
    }
    for policy in &call.policy {
        put(policy, out);
    }
}

fn put_flow(style: Style, filters: &[Sender], flowspec: Option<&Flowspec>, out: &mut Vec<u8>) {
    put(&style, out);
    for filter in filters {
        put(&FilterSpec(*filter), out);
    }
    if let Some(flowspec) = flowspec {
        put(&flowspec.to_object(), out);
    }
}

fn put_event(event: &Event, out: &mut Vec<u8>) -> u8 {
    match event {
        Event::Path(senders) => {
            for sender in senders {
                put(&SenderTemplate(sender.template), out);
                put(&sender.tspec.to_object(), out);
                if let Some(adspec) = &sender.adspec {
                    put(&adspec.to_object(), out);
                }
            }
            PATH
        }
        Event::Resv {
            style,
            filters,
            flowspec,
        } => {
            put_flow(*style, filters, flowspec.as_ref(), out);
            RESV
        }
        Event::PathError {
            error,
            sender,
            tspec,
        } => {
            put(error, out);
            put(&SenderTemplate(*sender), out);
            if let Some(tspec) = tspec {
                put(&tspec.to_object(), out);
            }
            PATH_ERROR
        }
        Event::ResvError {
            error,
            style,
            filters,
            flowspec,
        } => {
            put(error, out);
            put_flow(*style, filters, flowspec.as_ref(), out);
            RESV_ERROR
        }
        Event::Confirm {
            confirmed_by,
            style,
            filters,
            flowspec,
        } => {
            put(confirmed_by, out);
            put_flow(*style, filters, flowspec.as_ref(), out);
            CONFIRM
        }
    }
}

/// Objects in a given order, some of them optional or repeated.
struct Walk<'a> {
    objects: Objects<'a>,
    /// The next object, looked at; `None` at the end.
    next: Option<(ClassNum, CType, Content<'a>)>,
    /// An object had a wrong length: nothing of this is a message.
    is_broken: bool,
}

impl<'a> Walk<'a> {
    fn new(body: &'a Bytes, left: &'a [u8]) -> Self {
        let mut walk = Self {
            objects: Objects::new(body, left),
            next: None,
            is_broken: false,
        };
        walk.advance();
        walk
    }

    fn advance(&mut self) {
        self.next = match self.objects.next() {
            None => None,
            Some(Ok((kind, body))) => Some((kind.class, kind.c_type, body)),
            Some(Err(_)) => {
                self.is_broken = true;
                None
            }
        };
    }

    /// The next object if it is of this class. The outer `None`: it is, and cannot be read.
    fn optional<T: Object>(&mut self) -> Option<Option<T>> {
        match self.next {
            Some((class, c_type, body)) if class == T::CLASS => {
                let object = T::parse(c_type, body).ok()?;
                self.advance();
                Some(Some(object))
            }
            _ => Some(None),
        }
    }

    fn one<T: Object>(&mut self) -> Option<T> {
        self.optional()?
    }

    fn many<T: Object, U>(&mut self, each: impl Fn(T) -> Option<U>) -> Option<Vec<U>> {
        let mut list = Vec::new();
        while let Some(object) = self.optional::<T>()? {
            list.push(each(object)?);
        }
        Some(list)
    }

    fn tspec(&mut self) -> Option<Option<Tspec>> {
        match self.optional::<SenderTspecObject>()? {
            None => Some(None),
            Some(object) => Tspec::from_object(&object, Reading::Strict).ok().map(Some),
        }
    }

    fn adspec(&mut self) -> Option<Option<Adspec>> {
        match self.optional::<AdspecObject>()? {
            None => Some(None),
            // What is kept of it is copied, so that it does not hold the message.
            Some(object) => Adspec::from_object(&AdspecObject(object.0.detach()))
                .ok()
                .map(Some),
        }
    }

    fn flowspec(object: &FlowspecObject) -> Option<Flowspec> {
        Flowspec::from_object(object, Reading::Strict).ok()
    }

    fn policy(&mut self) -> Option<Vec<PolicyData>> {
        self.many(|policy: PolicyData| Some(PolicyData(policy.0.detach())))
    }

    /// Style, filters and perhaps a flowspec.
    fn flow(&mut self) -> Option<(Style, Vec<Sender>, Option<Flowspec>)> {
        let style = self.one()?;
        let filters = self.many(|filter: FilterSpec| Some(filter.0))?;
        let flowspec = match self.optional()? {
            None => None,
            Some(object) => Some(Self::flowspec(&object)?),
        };
        Some((style, filters, flowspec))
    }

    /// `value` if nothing is left.
    fn done<T>(&self, value: T) -> Option<T> {
        (self.next.is_none() && !self.is_broken).then_some(value)
    }
}

fn read_open(body: &Bytes, reader: Reader<'_>) -> Option<Call> {
    let mut walk = Walk::new(body, reader.rest());
    let session = walk.one::<Session>()?;
    walk.done(Call::Open(session))
}

fn read_sender_call(body: &Bytes, mut reader: Reader<'_>) -> Option<SenderCall> {
    let [c_type, ttl, family, _] = reader.array()?;
    // Other than the object, it may have the unspecified address: it stands for this node's.
    let template = match c_type {
        1 => Sender::V4(reader.ipv4()?, low_half(reader.u32()?)),
        2 => Sender::V6(reader.ipv6()?, low_half(reader.u32()?)),
        3 => Sender::V6FlowLabel(reader.ipv6()?, reader.u32()? & 0x00ff_ffff),
        _ => return None,
    };
    let interface = read_address(family, &mut reader)?;
    let mut walk = Walk::new(body, reader.rest());
    let call = SenderCall {
        template,
        interface,
        tspec: walk.tspec()??,
        adspec: walk.adspec()?,
        policy: walk.policy()?,
        ttl,
    };
    walk.done(call)
}

const fn low_half(word: u32) -> u16 {
    let [_, _, high, low] = word.to_be_bytes();
    u16::from_be_bytes([high, low])
}

fn read_reserve_call(body: &Bytes, mut reader: Reader<'_>) -> Option<ReserveCall> {
    let [confirm, family, _, _] = reader.array()?;
    let interface = read_address(family, &mut reader)?;
    let mut walk = Walk::new(body, reader.rest());
    let call = ReserveCall {
        style: walk.one()?,
        filters: walk.many(|filter: FilterSpec| Some(filter.0))?,
        flowspecs: walk.many(|object| Walk::flowspec(&object))?,
        confirm: match confirm {
            0 => false,
            1 => true,
            _ => return None,
        },
        interface,
        policy: walk.policy()?,
    };
    walk.done(call)
}

fn read_event(kind: u8, body: &Bytes) -> Option<Event> {
    let mut walk = Walk::new(body, body);
    let event = match kind {
        PATH => {
            let mut senders = Vec::new();
            while let Some(SenderTemplate(template)) = walk.optional()? {
                senders.push(PathSender {
                    template,
                    tspec: walk.tspec()??,
                    adspec: walk.adspec()?,
                });
            }
            Event::Path(senders)
        }
        RESV => {
            let (style, filters, flowspec) = walk.flow()?;
            Event::Resv {
                style,
                filters,
                flowspec,
            }
        }
        PATH_ERROR => Event::PathError {
            error: walk.one::<ErrorSpec>()?,
            sender: walk.one::<SenderTemplate>()?.0,
            tspec: walk.tspec()?,
        },
        RESV_ERROR => {
            let error = walk.one::<ErrorSpec>()?;
            let (style, filters, flowspec) = walk.flow()?;
            Event::ResvError {
                error,
                style,
                filters,
                flowspec,
            }
        }
        _ => {
            let confirmed_by = walk.one::<ErrorSpec>()?;
            let (style, filters, flowspec) = walk.flow()?;
            Event::Confirm {
                confirmed_by,
                style,
                filters,
                flowspec,
            }
        }
    };
    walk.done(event)
}

#[cfg(test)]
pub(super) mod tests;
