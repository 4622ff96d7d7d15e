//! A daemon for tests of applications: the API's server on a real socket, and instead of an engine and a network a
//! table in which senders and receivers of one session find each other.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use fairway_rsvp::api::server::{ClientId, Counters, Limits, Output, Peer, Server};
use fairway_rsvp::api::{ApiError, ApiId, Call, Event, PathSender, ReserveCall, SenderCall};
use fairway_rsvp::intserv::{
    Adspec, Bandwidth, ErrorTerms, Latency, LocalControlledLoad, LocalElement, LocalGuaranteed,
    LocalValues,
};
use fairway_rsvp::wire::{ErrorCode, ErrorFlags, ErrorSpec, Sender, Session, Style};
use rustix::event::{PollFd, PollFlags, poll};

/// An address that is nobody's here.
pub(crate) const STRANGER: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 99));
/// Rates above this are not to be had.
const CAPACITY: f32 = 1e8;
/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// What the daemon has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) calls: Vec<(ApiId, Call)>,
    pub(crate) counters: Counters,
    pub(crate) clients: usize,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Seen>,
    changed: Condvar,
    orders: Mutex<Vec<Order>>,
}

#[derive(Debug)]
enum Order {
    Stop,
    Tell(ApiId, Event, usize),
}

/// A running daemon; dropping it is like killing it.
#[derive(Debug)]
pub(crate) struct Daemon {
    path: PathBuf,
    shared: Arc<Shared>,
    wake: UnixStream,
    thread: Option<JoinHandle<()>>,
}

impl Daemon {
    pub(crate) fn start(path: &Path) -> Self {
        Self::start_limited(path, Limits::default())
    }

    pub(crate) fn start_limited(path: &Path, limits: Limits) -> Self {
        drop(std::fs::remove_file(path));
        let listener = UnixListener::bind(path).unwrap();
        listener.set_nonblocking(true).unwrap();
        let (wake, woken) = UnixStream::pair().unwrap();
        woken.set_nonblocking(true).unwrap();
        let shared = Arc::<Shared>::default();
        let thread = std::thread::spawn({
            let shared = Arc::clone(&shared);
            move || Loop::new(listener, woken, shared, limits).run()
        });
        Self {
            path: path.to_owned(),
            shared,
            wake,
            thread: Some(thread),
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Waits until what was seen is as it should be, and gives what `wanted` gives.
    #[track_caller]
    pub(crate) fn until<T>(&self, mut wanted: impl FnMut(&Seen) -> Option<T>) -> T {
        let seen = self.shared.seen.lock().unwrap();
        let mut found = None;
        let (seen, _) = self
            .shared
            .changed
            .wait_timeout_while(seen, PATIENCE, |seen| {
                found = wanted(seen);
                found.is_none()
            })
            .unwrap();
        found.unwrap_or_else(|| panic!("not seen: {seen:?}"))
    }

    /// Tells a session an event, several times.
    pub(crate) fn tell(&self, id: ApiId, event: Event, times: usize) {
        self.order(Order::Tell(id, event, times));
    }

    fn order(&self, order: Order) {
        self.shared.orders.lock().unwrap().push(order);
        (&self.wake).write_all(&[0]).unwrap();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.order(Order::Stop);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
        drop(std::fs::remove_file(&self.path));
    }
}

#[derive(Debug)]
struct Connection {
    stream: UnixStream,
    sending: Bytes,
}

struct Loop {
    listener: UnixListener,
    woken: UnixStream,
    shared: Arc<Shared>,
    server: Server,
    table: Table,
    connections: BTreeMap<ClientId, Connection>,
}

impl Loop {
    fn new(listener: UnixListener, woken: UnixStream, shared: Arc<Shared>, limits: Limits) -> Self {
        Self {
            listener,
            woken,
            shared,
            server: Server::new(limits, 1),
            table: Table::default(),
            connections: BTreeMap::new(),
        }
    }

    fn run(mut self) {
        loop {
            let ready = self.wait();
            if ready.contains(&None) && self.handle_orders() {
                return;
            }
            self.accept();
            for client in ready.into_iter().flatten() {
                self.read(client);
            }
            self.settle();
            let mut seen = self.shared.seen.lock().unwrap();
            seen.counters = *self.server.counters();
            seen.clients = self.server.clients().count();
            self.shared.changed.notify_all();
        }
    }

    /// Waits for something to do: whose connection can be read, `None` for an order.
    fn wait(&self) -> Vec<Option<ClientId>> {
        let mut of = vec![None, None];
        let mut fds = vec![
            PollFd::new(&self.woken, PollFlags::IN),
            PollFd::new(&self.listener, PollFlags::IN),
        ];
        for (client, connection) in &self.connections {
            let mut wanted = PollFlags::empty();
            wanted.set(PollFlags::IN, self.server.wants_input(*client));
            wanted.set(PollFlags::OUT, !connection.sending.is_empty());
            fds.push(PollFd::new(&connection.stream, wanted));
            of.push(Some(*client));
        }
        poll(&mut fds, None).unwrap();
        let is_ready = |fd: &PollFd<'_>| !fd.revents().is_empty();
        let ready = of.into_iter().zip(&fds).enumerate();
        ready
            .filter(|(at, (_, fd))| *at != 1 && is_ready(fd))
            .map(|(_, (of, _))| of)
            .collect()
    }

    fn handle_orders(&mut self) -> bool {
        let _read = self.woken.read(&mut [0; 64]);
        let orders = std::mem::take(&mut *self.shared.orders.lock().unwrap());
        for order in orders {
            match order {
                Order::Stop => return true,
                Order::Tell(id, event, times) => {
                    for _ in 0..times {
                        self.server.handle_event(id, event.clone());
                    }
                }
            }
        }
        false
    }

    fn accept(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            stream.set_nonblocking(true).unwrap();
            let peer = Peer { uid: 0, pid: None };
            let mut connection = Connection {
                stream,
                sending: Bytes::new(),
            };
            match self.server.handle_connect(peer) {
                Ok(client) => drop(self.connections.insert(client, connection)),
                Err(error) => drop(connection.stream.write(&error.last_words())),
            }
        }
    }

    fn read(&mut self, client: ClientId) {
        let mut buffer = [0; 16 << 10];
        let Some(connection) = self.connections.get_mut(&client) else {
            return;
        };
        match connection.stream.read(&mut buffer) {
            Ok(0) => self.end(client),
            Ok(len) => self.server.handle_octets(client, &buffer[..len]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.end(client),
        }
    }

    fn end(&mut self, client: ClientId) {
        self.connections.remove(&client);
        self.server.handle_disconnect(client);
    }

    /// Does what the server wants, and sends what can be sent.
    fn settle(&mut self) {
        loop {
            while let Some(output) = self.server.poll_output() {
                match output {
                    Output::Ready(_) => {}
                    Output::Call { id, call } => {
                        let (result, events) = self.table.handle(id, &call);
                        self.shared.seen.lock().unwrap().calls.push((id, call));
                        self.server.handle_result(id, result);
                        for (id, event) in events {
                            self.server.handle_event(id, event);
                        }
                    }
                    Output::Close { client, last, .. } => {
                        if let Some(mut connection) = self.connections.remove(&client) {
                            let last = last.unwrap_or_default();
                            let _sent = connection.stream.write(&last);
                        }
                    }
                }
            }
            let clients: Vec<ClientId> = self.connections.keys().copied().collect();
            let mut sent = false;
            for client in clients {
                sent |= self.send(client);
            }
            if !sent {
                return;
            }
        }
    }

    fn send(&mut self, client: ClientId) -> bool {
        let mut sent = false;
        while let Some(connection) = self.connections.get_mut(&client) {
            if connection.sending.is_empty() {
                match self.server.poll_send(client) {
                    Some(octets) => connection.sending = octets,
                    None => break,
                }
            }
            match connection.stream.write(&connection.sending) {
                Ok(len) => {
                    connection.sending.advance(len);
                    sent = true;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.end(client);
                    sent = true;
                }
            }
        }
        sent
    }
}

#[derive(Debug)]
struct Entry {
    session: Session,
    sender: Option<SenderCall>,
    reserve: Option<ReserveCall>,
}

/// Senders and receivers of each session.
#[derive(Debug, Default)]
struct Table(BTreeMap<ApiId, Entry>);

type Events = Vec<(ApiId, Event)>;

impl Table {
    fn handle(&mut self, id: ApiId, call: &Call) -> (Result<(), ApiError>, Events) {
        let result = self.change(id, call);
        let events = match &result {
            Ok(events) => events.clone(),
            Err(_) => Vec::new(),
        };
        (result.map(drop), events)
    }

    fn change(&mut self, id: ApiId, call: &Call) -> Result<Events, ApiError> {
        if let Call::Open(session) = call {
            let entry = Entry {
                session: *session,
                sender: None,
                reserve: None,
            };
            self.0.insert(id, entry);
            let senders = self.senders(session);
            let first = (!senders.is_empty()).then_some((id, Event::Path(senders)));
            return Ok(first.into_iter().collect());
        }
        let entry = self.0.get_mut(&id).ok_or(ApiError::BadSession)?;
        let session = entry.session;
        match call {
            Call::Sender(call) => {
                let mut call = (**call).clone();
                if call.template.address() == STRANGER {
                    return Err(ApiError::BadSender);
                }
                if session.port == 0 && call.template.port() != Some(0) {
                    return Err(ApiError::BadSourcePort);
                }
                call.template = match call.template {
                    Sender::V4(Ipv4Addr::UNSPECIFIED, port) => {
                        Sender::V4(Ipv4Addr::LOCALHOST, port)
                    }
                    Sender::V6(Ipv6Addr::UNSPECIFIED, port) => {
                        Sender::V6(Ipv6Addr::LOCALHOST, port)
                    }
                    other => other,
                };
                entry.sender = Some(call);
                let mut events = self.paths(&session);
                events.extend(self.reservations_of(id));
                Ok(events)
            }
            Call::WithdrawSender => {
                entry.sender = None;
                Ok(self.paths(&session))
            }
            Call::Reserve(call) => {
                if call.interface == Some(STRANGER) {
                    return Err(ApiError::BadReceiver);
                }
                let removed = call.flowspecs.is_empty();
                let old = entry.reserve.take();
                entry.reserve = (!removed).then(|| (**call).clone());
                Ok(self.reserved(id, call, old.as_ref()))
            }
            Call::Release => {
                let gone = self.0.remove(&id);
                let mut events = Vec::new();
                if let Some(entry) = gone {
                    if entry.sender.is_some() {
                        events.extend(self.paths(&session));
                    }
                    if let Some(old) = entry.reserve {
                        events.extend(self.removed(&session, &old));
                    }
                }
                Ok(events)
            }
            Call::Open(_) => Err(ApiError::Invalid),
        }
    }

    fn senders(&self, session: &Session) -> Vec<PathSender> {
        let of_session = |entry: &&Entry| entry.session.is_same(session);
        let entries = self.0.values().filter(of_session);
        entries
            .filter_map(|entry| entry.sender.as_ref())
            .map(|sender| PathSender {
                template: sender.template,
                tspec: sender.tspec,
                adspec: Some(path(sender.adspec.clone())),
            })
            .collect()
    }

    /// Everybody learns who sends.
    fn paths(&self, session: &Session) -> Events {
        let senders = self.senders(session);
        let of_session = self.0.iter().filter(|(_, e)| e.session.is_same(session));
        of_session
            .map(|(id, _)| (*id, Event::Path(senders.clone())))
            .collect()
    }

    /// Senders of these filters, or all.
    fn reached(&self, session: &Session, call: &ReserveCall) -> Vec<(ApiId, Sender)> {
        let of_session = self.0.iter().filter(|(_, e)| e.session.is_same(session));
        of_session
            .filter_map(|(id, entry)| Some((*id, entry.sender.as_ref()?.template)))
            .filter(|(_, sender)| call.style == Style::WF || call.filters.contains(sender))
            .collect()
    }

    fn reserved(&self, id: ApiId, call: &ReserveCall, old: Option<&ReserveCall>) -> Events {
        let session = self.0[&id].session;
        if call.flowspecs.is_empty() {
            return old.map_or_else(Vec::new, |old| self.removed(&session, old));
        }
        let reached = self.reached(&session, call);
        let failed = |code, value, flags| Event::ResvError {
            error: ErrorSpec {
                node: Ipv4Addr::LOCALHOST.into(),
                flags,
                code,
                value,
            },
            style: call.style,
            filters: call.filters.clone(),
            flowspec: call.flowspecs.first().copied(),
        };
        if reached.is_empty() {
            let event = failed(ErrorCode::NO_PATH, 0, ErrorFlags::NONE);
            return vec![(id, event)];
        }
        if call.flowspecs.iter().any(|f| f.rate().get() > CAPACITY) {
            let event = failed(ErrorCode::ADMISSION_CONTROL, 2, ErrorFlags::NOT_GUILTY);
            return vec![(id, event)];
        }
        let mut events: Events = reached
            .iter()
            .map(|(of, sender)| (*of, told(call, *sender, true)))
            .collect();
        if call.confirm {
            let confirmed_by = ErrorSpec {
                node: Ipv4Addr::LOCALHOST.into(),
                flags: ErrorFlags::NONE,
                code: ErrorCode::CONFIRMATION,
                value: 0,
            };
            let confirm = Event::Confirm {
                confirmed_by,
                style: call.style,
                filters: call.filters.clone(),
                flowspec: call.flowspecs.first().copied(),
            };
            events.push((id, confirm));
        }
        events
    }

    fn removed(&self, session: &Session, old: &ReserveCall) -> Events {
        self.reached(session, old)
            .into_iter()
            .map(|(id, sender)| (id, told(old, sender, false)))
            .collect()
    }

    /// What is reserved for a sender that came later, or came back.
    fn reservations_of(&self, id: ApiId) -> Events {
        let session = self.0[&id].session;
        let reserving = self.0.values().filter(|e| e.session.is_same(&session));
        reserving
            .filter_map(|entry| entry.reserve.as_ref())
            .flat_map(|call| {
                let reached = self.reached(&session, call).into_iter();
                reached
                    .filter(|(of, _)| *of == id)
                    .map(|(of, sender)| (of, told(call, sender, true)))
                    .collect::<Vec<_>>()
            })
            .collect()
    }
}

/// What a sender hears of a reservation.
fn told(call: &ReserveCall, sender: Sender, stands: bool) -> Event {
    let at = call.filters.iter().position(|filter| *filter == sender);
    let flowspec = match (call.style, at) {
        (Style::FF, Some(at)) => call.flowspecs.get(at),
        _ => call.flowspecs.first(),
    };
    Event::Resv {
        style: call.style,
        filters: if call.style == Style::WF {
            Vec::new()
        } else {
            vec![sender]
        },
        flowspec: flowspec.copied().filter(|_| stands),
    }
}

/// The Adspec at the receiver: one router away.
fn path(sent: Option<Adspec>) -> Adspec {
    let bandwidth = Bandwidth::new(1.25e6).unwrap();
    let router = LocalElement {
        general: LocalValues {
            bandwidth,
            latency: Latency::from_micros(100),
            mtu: 1500,
        },
        guaranteed: Some(LocalGuaranteed {
            terms: ErrorTerms::new(4500, 3000),
            ..LocalGuaranteed::default()
        }),
        controlled_load: Some(LocalControlledLoad::default()),
        after_non_is_hop: false,
    };
    sent.unwrap_or_else(|| {
        Adspec::of_link(bandwidth, 1500)
            .with_guaranteed(true)
            .with_controlled_load(true)
    })
    .compose(&router)
}
