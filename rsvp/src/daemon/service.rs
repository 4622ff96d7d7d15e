//! The shell: one task that drives the engine.
//!
//! ```text
//!   packets ─► PacketIo ─┐                       ┌─► PacketIo ─► packets
//!   applications ─► api::server ─┤    Engine     ├─► api::server ─► applications
//!   rsvpctl ─► control ──────────┤               ├─► parties, rsvpctl, the log
//!   signals, routes, interfaces ─┘               └
//! ```
//!
//! Each turn waits for something, then takes a bounded part of everything that is there, so that a flood of one kind
//! starves no other.

mod answer;
mod classes;
mod interfaces;
mod memberships;
mod notices;
mod parties;
mod rapi;

use core::task::{Context, Poll, Waker};
use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::path::Path;
use std::pin::pin;

use fairway_stack::{Clock, Instant, LocalListener, Net, NetError, Task};
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, info, warn};

use self::interfaces::Logged;
use super::config::{Config, Loaded, NoKey, Router};
use super::connection::{Connection, ConnectionId, FromClient, News};
use super::control::protocol::{Lines, Reply};
use super::io::{OpenError, PacketIo};
use super::metrics;
use super::party::Party;
use super::platform::{Change, Changes, Platform, Shared};
use super::seldom::Seldom;
use super::settling::Settling;
use super::timeline::Timeline;
use super::told::Told;
use crate::api::server::{ClientId, Server};
use crate::api::{ApiError, ApiId, Call};
use crate::engine::{self, Engine, Output};
use crate::interface::{IfIndex, Interface};

/// Datagrams taken in one turn.
const DATAGRAMS: usize = 64;
/// News of connections taken in one turn.
const MESSAGES: usize = 16;
/// News of interfaces and routes taken in one turn; they are only noted.
const CHANGES: usize = 64;
/// What the server of applications wants, carried out in one turn: mostly calls, of which one client can have thousands in
/// its buffer.
const CALLS: usize = 64;
/// Lines that wait for a run of `rsvpctl` that does not read; more end it.
const WAITING_LINES: usize = 1024;
/// Sessions of applications have numbers from here on, those of the daemon's own parties below.
const FIRST_APPLICATION: u64 = 1 << 32;
/// The user of what belongs to none any more.
const NOBODY: u32 = u32::MAX;
/// What goes out when the daemon ends gets this long.
const FLUSH: Duration = Duration::from_secs(1);
/// What this node has refused a party of its own is asked for again after this time.
const RETRY: Duration = Duration::from_secs(5);
/// An error of accepting is not met again sooner.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// No packets.
    #[error(transparent)]
    Packets(#[from] OpenError),
    /// No local socket.
    #[error("{path}: {error}")]
    Socket {
        /// Where.
        path: String,
        /// Why.
        error: NetError,
    },
    /// No place for metrics.
    #[error("metrics at {address}: {error}")]
    Metrics {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        error: NetError,
    },
    /// No list of interfaces.
    #[error("interfaces: {0}")]
    Interfaces(NetError),
}

enum Command {
    Reload(Box<Loaded>, oneshot::Sender<()>),
    Shutdown,
}

/// A running daemon. Dropping it stops it at once; [`shutdown`](Self::shutdown) tears down first.
#[derive(Debug)]
pub struct Daemon {
    commands: mpsc::Sender<Command>,
    task: Task<()>,
}

impl Daemon {
    /// Opens the sockets and starts the task. Afterwards no privilege is needed but those of traffic control.
    ///
    /// # Errors
    /// [`StartError`].
    pub fn start(net: &Net, loaded: Loaded, platform: Platform) -> Result<Self, StartError> {
        let (commands, from_handle) = mpsc::channel(4);
        let service = Service::new(net, loaded, platform)?;
        let task = net.spawn(service.run(from_handle));
        Ok(Self { commands, task })
    }

    /// Takes another configuration: interfaces' settings, senders, reservations, and the limits on applications, runs of
    /// `rsvpctl` and groups. Sockets, the engine's limits, the length of the log and whether this is a router stay as they
    /// were. No state is lost.
    ///
    /// # Cancel safety
    /// It is taken, perhaps a little later, or was not yet.
    pub async fn reload(&self, loaded: Loaded) {
        let (done, wait) = oneshot::channel();
        let command = Command::Reload(Box::new(loaded), done);
        if self.commands.send(command).await.is_ok() {
            // The daemon has ended: nothing to reload.
            let _ = wait.await;
        }
    }

    /// Ends it: what its applications announced and reserved is torn down, and nothing stays in traffic control.
    ///
    /// # Cancel safety
    /// It ends, and nobody waits for it.
    pub async fn shutdown(mut self) {
        // It may have ended by itself.
        let _ = self.commands.send(Command::Shutdown).await;
        let _ = (&mut self.task).await;
    }

    /// Waits until it has ended by itself, which it does not while all is well.
    ///
    /// # Cancel safety
    /// Nothing is changed.
    pub async fn ended(&mut self) {
        let _ = (&mut self.task).await;
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Who is behind a connection.
#[derive(Debug)]
enum Behind {
    /// An application.
    Application(ClientId),
    /// `rsvpctl`.
    Control(Box<Control>),
}

/// A run of `rsvpctl`.
#[derive(Debug, Default)]
struct Control {
    lines: Lines,
    /// What waits to be sent.
    waiting: VecDeque<Vec<u8>>,
    /// What it announced or reserved.
    parties: Vec<ApiId>,
    /// It is among [`Service::asking`].
    is_asking: bool,
    /// Its process, where the system tells.
    pid: Option<i32>,
    uid: u32,
}

/// Who a party is played for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The configuration.
    Fixed,
    /// A run of `rsvpctl`.
    Control(ConnectionId),
}

#[derive(Debug)]
struct Played {
    party: Party,
    owner: Owner,
}

struct Service {
    net: Net,
    clock: Clock,
    started: Instant,
    loaded: Loaded,
    /// What it was started with.
    at_start: Config,
    is_router: bool,
    forwards_multicast: Box<dyn Fn() -> bool + Send + Sync>,
    engine: Engine,
    shaper: Shared,
    changes: Box<dyn Changes>,
    io: PacketIo,
    interfaces: BTreeMap<IfIndex, Interface>,
    /// What the log says of them.
    logged: BTreeMap<IfIndex, Logged>,
    rapi: Server,
    rapi_listener: Option<LocalListener>,
    control_listener: Option<LocalListener>,
    connections: BTreeMap<ConnectionId, (Connection, Behind)>,
    /// The connection of each application.
    applications: BTreeMap<ClientId, ConnectionId>,
    next_connection: u64,
    /// Runs of `rsvpctl` that may have sent a whole line, in turn.
    asking: VecDeque<ConnectionId>,
    /// Runs of `rsvpctl` that are told of messages as they pass, and of which destination's.
    watchers: BTreeMap<ConnectionId, Option<super::config::Endpoint>>,
    inbox: mpsc::Receiver<FromClient>,
    to_inbox: mpsc::Sender<FromClient>,
    parties: BTreeMap<ApiId, Played>,
    next_party: u64,
    /// Parties that are to ask again, and when, the soonest first.
    refused: VecDeque<(Instant, ApiId)>,
    /// Groups that applications take part in, and whose these are; `None`: the daemon's own.
    groups: BTreeMap<ApiId, (IpAddr, Option<u32>)>,
    /// [`join`](Self::join) is owed.
    groups_changed: bool,
    /// Memberships that are too many now.
    groups_left_out: u64,
    timeline: Timeline,
    settling: Settling,
    seldom: Seldom,
    told: Told,
    /// The same of reservations that came and went: they are many where all is well.
    told_installed: Told,
    metrics: Option<metrics::Listener>,
    control_refused: u64,
    parties_refused: u64,
}

impl Service {
    fn new(net: &Net, loaded: Loaded, platform: Platform) -> Result<Self, StartError> {
        let config = loaded.config();
        let clock = net.clock();
        let is_router = match config.router {
            Router::Auto => platform.forwards,
            Router::Yes => true,
            Router::No => false,
        };
        let list = net.interfaces().map_err(StartError::Interfaces)?;
        let io = PacketIo::open(net, is_router, interfaces::encapsulation(&loaded, &list))?;
        let listen = |path: &Path, mode, group: &str| {
            if path.as_os_str().is_empty() {
                return Ok(None);
            }
            let listener = super::permissions::listen(net, path, mode, group);
            listener.map(Some).map_err(|error| StartError::Socket {
                path: path.display().to_string(),
                error,
            })
        };
        let group = &config.socket_group;
        let control_listener = listen(&config.control_socket, config.control_mode, group)?;
        let rapi_listener = listen(&config.rapi_socket, config.rapi_mode, group)?;
        let metrics = match config.metrics {
            Some(address) => {
                let listener = metrics::Listener::open(net, address)
                    .map_err(|error| StartError::Metrics { address, error })?;
                Some(listener)
            }
            None => None,
        };
        let wall = clock.wall().duration_since(std::time::UNIX_EPOCH);
        let now = clock.now();
        let shaper = Shared::new(platform.shaper);
        let engine = Engine::new(
            engine::Config {
                seed: net.rng().next_u64(),
                wall_seconds: wall
                    .map_or(0, |wall| wall.saturating_sub(now.since_start()).as_secs()),
                forwards: is_router,
                logs: config.limits.log_entries > 0,
                limits: config.limits.engine(),
            },
            platform.routing,
            Box::new(shaper.clone()),
        );
        let (to_inbox, inbox) = mpsc::channel(64);
        Ok(Self {
            net: net.clone(),
            clock,
            started: now,
            at_start: config.clone(),
            is_router,
            forwards_multicast: platform.forwards_multicast,
            engine,
            shaper,
            changes: platform.changes,
            io,
            interfaces: BTreeMap::new(),
            logged: BTreeMap::new(),
            rapi: Server::new(config.limits.server(), FIRST_APPLICATION),
            rapi_listener,
            control_listener,
            connections: BTreeMap::new(),
            applications: BTreeMap::new(),
            next_connection: 0,
            asking: VecDeque::new(),
            watchers: BTreeMap::new(),
            inbox,
            to_inbox,
            parties: BTreeMap::new(),
            next_party: 0,
            refused: VecDeque::new(),
            groups: BTreeMap::new(),
            groups_changed: false,
            groups_left_out: 0,
            timeline: Timeline::new(config.limits.log_entries),
            settling: Settling::default(),
            seldom: Seldom::default(),
            told: Told::default(),
            told_installed: Told::default(),
            metrics,
            control_refused: 0,
            parties_refused: 0,
            loaded,
        })
    }

    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        self.read_interfaces();
        self.tell_missing();
        self.tell_keys();
        self.play_fixed();
        info!(
            router = self.is_router,
            interfaces = self
                .interfaces
                .values()
                .filter(|one| one.settings.enabled)
                .count(),
            "ready"
        );
        let mut timer = pin!(self.clock.timer());
        let mut pause = pin!(self.clock.timer());
        let mut accepts = true;
        loop {
            let has_more = self.settle();
            self.tell_notices(self.clock.now());
            if core::mem::take(&mut self.groups_changed) {
                self.join();
            }
            let deadlines = [
                self.engine.poll_timeout(),
                self.settling.poll_timeout(),
                self.rapi.poll_timeout(),
                self.told.poll_timeout(),
                self.told_installed.poll_timeout(),
                self.refused.front().map(|(at, _)| *at),
            ];
            timer.as_mut().reset(deadlines.into_iter().flatten().min());
            tokio::select! { biased;
                command = commands.recv() => match command {
                    Some(Command::Reload(loaded, done)) => {
                        self.reload(*loaded);
                        // Whoever asked may have gone.
                        let _ = done.send(());
                    }
                    Some(Command::Shutdown) | None => break,
                },
                () = &mut pause => accepts = true,
                accepted = accept(self.control_listener.as_ref()), if accepts => match accepted {
                    Ok(stream) => self.connect_control(stream),
                    Err(error) => {
                        warn!(%error, "cannot accept");
                        accepts = false;
                        pause.as_mut().reset(Some(self.clock.now() + ACCEPT_PAUSE));
                    }
                },
                accepted = accept(self.rapi_listener.as_ref()), if accepts => match accepted {
                    Ok(stream) => self.connect_application(stream),
                    Err(error) => {
                        warn!(%error, "cannot accept");
                        accepts = false;
                        pause.as_mut().reset(Some(self.clock.now() + ACCEPT_PAUSE));
                    }
                },
                asked = metrics::asked(self.metrics.as_mut()) => asked.answer(self.metrics()),
                message = self.inbox.recv() => if let Some(message) = message {
                    self.heard(message);
                },
                // What follows is looked after in every turn, and so can wait behind the rest.
                () = &mut timer => {}
                change = self.changes.next() => self.changed(change),
                sent = self.io.sending(), if self.io.has_output() => self.io.sent(sent),
                ready = self.io.readable() => if let Err(error) = ready {
                    debug!(%error, "while waiting for packets");
                },
                // There is no time to wait, but the other tasks get theirs.
                () = tokio::task::yield_now(), if has_more => {}
            }
            // A part of everything that is there, whatever it was that woke us.
            let now = self.clock.now();
            if self.engine.poll_timeout().is_some_and(|due| due <= now) {
                self.engine.handle_timeout(now);
            }
            for _ in 0..CHANGES {
                match at_once(self.changes.next()) {
                    Some(change) => self.changed(change),
                    None => break,
                }
            }
            self.tell_changes(now);
            self.ask_again(now);
            for _ in 0..MESSAGES {
                match self.inbox.try_recv() {
                    Ok(message) => self.heard(message),
                    Err(_) => break,
                }
            }
            self.answer_next();
            self.io.send_on();
            let (engine, now) = (&mut self.engine, self.clock.now());
            self.io.receive(DATAGRAMS, |arrival, datagram| {
                engine.handle_datagram(now, arrival, datagram);
            });
        }
        self.end().await;
    }

    /// Tears down, and sends what comes of it.
    async fn end(mut self) {
        info!("ending");
        // Before signalling: one reservation after the other would take the system too long.
        self.shaper.lock().close();
        self.engine.handle_shutdown(self.clock.now());
        // What applications still want does not matter any more.
        self.carry_out();
        let until = self.clock.now() + FLUSH;
        while self.io.has_output() {
            match self.clock.timeout_at(until, self.io.sending()).await {
                Ok(sent) => self.io.sent(sent),
                Err(_) => {
                    warn!("not all that was to be torn down could be told");
                    break;
                }
            }
        }
        let mut shaper = self.shaper.lock();
        for index in self.interfaces.keys() {
            shaper.interface_gone(*index);
        }
    }

    /// Carries out all that the engine wants, and a part of what the server of applications does; says whether something is
    /// left for the next turn.
    fn settle(&mut self) -> bool {
        self.rapi.handle_time(self.clock.now());
        for _ in 0..CALLS {
            self.carry_out();
            match self.rapi.poll_output() {
                Some(output) => self.serve(output),
                None => return !self.asking.is_empty(),
            }
        }
        self.carry_out();
        true
    }

    /// Carries out what the engine wants, until it wants nothing.
    fn carry_out(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Transmit(datagram) => self.io.send(datagram),
                Output::Event { to, event } if to.0 >= FIRST_APPLICATION => {
                    self.rapi.handle_event(to, event);
                }
                Output::Event { to, event } => self.tell_party(to, &event),
                Output::Log(entry) => self.log(entry),
            }
        }
    }

    /// Asks the engine, and keeps track of the groups that are listened to.
    fn call(&mut self, id: ApiId, call: Call) -> Result<(), ApiError> {
        let opens = match &call {
            Call::Open(session) => Some(*session),
            Call::Release => {
                self.groups_changed |= self.groups.remove(&id).is_some();
                None
            }
            Call::Sender(_) | Call::WithdrawSender | Call::Reserve(_) => None,
        };
        let now = self.clock.now();
        if let Err(error) = self.engine.handle_call(now, id, call) {
            if error == ApiError::TooManySessions && self.seldom.may(now, "calls") {
                let keys = "limits.sessions, limits.senders, limits.senders_in_all, limits.applications_per_session";
                warn!(
                    keys,
                    "limit met: a session or sender of this node is refused"
                );
            }
            return Err(error);
        }
        if let Some(session) = opens.filter(|session| session.destination.is_multicast()) {
            self.groups
                .insert(id, (session.destination, self.user_of(id)));
            self.groups_changed = true;
        }
        Ok(())
    }

    /// Whose a session is; `None`: the configuration's.
    fn user_of(&self, id: ApiId) -> Option<u32> {
        if let Some(played) = self.parties.get(&id) {
            let Owner::Control(connection) = played.owner else {
                return None;
            };
            return match self.connections.get(&connection) {
                Some((_, Behind::Control(control))) => Some(control.uid),
                _ => Some(NOBODY),
            };
        }
        // Who has gone is about to release it.
        Some(self.rapi.owner(id).map_or(NOBODY, |peer| peer.uid))
    }

    /// News of a connection.
    fn heard(&mut self, FromClient { connection, what }: FromClient) {
        self.rapi.handle_time(self.clock.now());
        let Some((socket, behind)) = self.connections.get_mut(&connection) else {
            return; // it was closed meanwhile
        };
        match what {
            News::Octets(octets) => {
                socket.has_read();
                match behind {
                    Behind::Application(client) => {
                        let client = *client;
                        let refused = self.rapi.counters().sessions_refused;
                        self.rapi.handle_octets(client, &octets);
                        if self.rapi.counters().sessions_refused > refused
                            && self
                                .seldom
                                .may(self.clock.now(), "sessions of applications")
                        {
                            let keys = "limits.sessions_per_application, limits.sessions_per_user, limits.applications_per_session";
                            warn!(keys, "limit met: a session of an application is refused");
                        }
                    }
                    Behind::Control(control) => {
                        control.lines.extend(&octets);
                    }
                }
            }
            News::Sent => socket.has_sent(),
            News::Ended => {
                self.disconnect(connection, None);
                return;
            }
        }
        self.move_on(connection);
    }

    /// Sends what waits for a connection, and reads on where that is wanted.
    fn move_on(&mut self, connection: ConnectionId) {
        let Some((socket, behind)) = self.connections.get_mut(&connection) else {
            return;
        };
        match behind {
            Behind::Application(client) => {
                if socket.is_idle()
                    && let Some(octets) = self.rapi.poll_send(*client)
                {
                    socket.send(octets);
                }
                if self.rapi.wants_input(*client) {
                    socket.read();
                }
            }
            Behind::Control(control) => {
                if socket.is_idle() && !control.waiting.is_empty() {
                    // As much as waits: a line each would be slow for who watches.
                    let octets: Vec<u8> = control.waiting.drain(..).flatten().collect();
                    socket.send(octets.into());
                }
                // The next question is looked at when the answer to the one before is on its way.
                if control.waiting.is_empty() && !control.is_asking {
                    if control.lines.has_line() {
                        control.is_asking = true;
                        self.asking.push_back(connection);
                    } else {
                        socket.read();
                    }
                }
            }
        }
    }

    /// A line for a run of `rsvpctl`.
    fn answer(&mut self, connection: ConnectionId, reply: &Reply) {
        let Some((_, Behind::Control(control))) = self.connections.get_mut(&connection) else {
            return;
        };
        if control.waiting.len() >= WAITING_LINES {
            debug!("rsvpctl does not read");
            self.disconnect(connection, None);
            return;
        }
        control.waiting.push_back(reply.to_line());
        self.move_on(connection);
    }

    /// Ends a connection, and what was done for whoever was behind it.
    fn disconnect(&mut self, connection: ConnectionId, last: Option<bytes::Bytes>) {
        let Some((socket, behind)) = self.connections.remove(&connection) else {
            return;
        };
        socket.finish(last);
        match behind {
            Behind::Application(client) => {
                self.applications.remove(&client);
                self.rapi.handle_disconnect(client);
            }
            Behind::Control(control) => {
                for id in control.parties {
                    self.dismiss(id);
                }
                if self.watchers.remove(&connection).is_some() {
                    self.watchers_changed();
                }
            }
        }
    }

    fn connection_id(&mut self) -> ConnectionId {
        let id = ConnectionId(self.next_connection);
        self.next_connection += 1;
        id
    }

    /// A message passed.
    fn log(&mut self, entry: engine::LogEntry) {
        let watching: Vec<ConnectionId> = self
            .watchers
            .iter()
            .filter(|(_, wanted)| super::timeline::concerns(**wanted, entry.session.as_ref()))
            .map(|(id, _)| *id)
            .collect();
        if !watching.is_empty() {
            let line = Reply::Message(self.log_line(&entry));
            for id in watching {
                self.answer(id, &line);
            }
        }
        self.timeline.push(entry);
    }

    /// The engine tells of messages while somebody looks at them, or will.
    fn watchers_changed(&mut self) {
        let is_kept = self.at_start.limits.log_entries > 0;
        self.engine.set_logs(is_kept || !self.watchers.is_empty());
    }

    fn changed(&mut self, change: Change) {
        let now = self.clock.now();
        match change {
            Change::Interfaces => self.settling.handle_interfaces(now),
            Change::Routes(prefix) => {
                debug!(?prefix, "routes changed");
                self.settling.handle_routes(now, prefix);
            }
            Change::All => {
                self.settling.handle_interfaces(now);
                self.settling.handle_routes(now, None);
            }
        }
    }

    /// Changes of interfaces and routes have had their moment.
    fn tell_changes(&mut self, now: Instant) {
        if self.settling.interfaces(now) {
            self.read_interfaces();
            // There may be an address now for a sender of the configuration.
            self.play_fixed();
        }
        for prefix in self.settling.routes(now) {
            self.engine.handle_routes_changed(now, prefix);
        }
    }

    /// Says where nothing can be signed, and nobody believed.
    fn tell_keys(&self) {
        let wall = self.clock.wall().duration_since(std::time::UNIX_EPOCH);
        let now = wall.map_or(0, |wall| wall.as_secs());
        for NoKey { key, line, what } in self.loaded.without_key(now) {
            warn!(file = %self.loaded.file().display(), line, key, "{what}");
        }
    }

    fn reload(&mut self, loaded: Loaded) {
        self.loaded = loaded;
        self.rapi.set_limits(self.loaded.config().limits.server());
        self.read_interfaces();
        self.tell_missing();
        self.tell_keys();
        self.play_fixed();
        info!("configuration read again");
        let keys = self.at_start.only_at_start(self.loaded.config());
        if !keys.is_empty() {
            let keys = keys.join(", ");
            warn!(
                keys,
                "other than at the start: counts at the next start only"
            );
        }
    }
}

/// What a future gives without waiting; it must lose nothing if it is dropped.
fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
    let mut context = Context::from_waker(Waker::noop());
    match pin!(future).poll(&mut context) {
        Poll::Ready(given) => Some(given),
        Poll::Pending => None,
    }
}

/// The next connection; waits for ever where nobody listens.
async fn accept(
    listener: Option<&LocalListener>,
) -> Result<fairway_stack::LocalStream, fairway_stack::AcceptError> {
    match listener {
        Some(listener) => listener.accept().await.map(|(stream, _)| stream),
        None => core::future::pending().await,
    }
}
