//! The server: it listens, and has a task for each control connection.

use super::config::{Config, Script};
use super::files::Files;
use super::record::{Command, Counters, DataConnection};
use super::session::Session;
use fairway_stack::{Net, NetError, Task, TcpListener, TcpStream};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A running server; stopped when dropped.
pub struct FtpServer {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Mutex<Option<Task<()>>>,
}

/// What all connections of a server share.
pub(super) struct Shared {
    pub(super) net: Net,
    pub(super) files: Files,
    config: Mutex<Arc<Config>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    commands: Vec<Command>,
    replies: BTreeMap<usize, Vec<u8>>,
    data: Vec<DataConnection>,
    counters: Counters,
    /// How often each command came.
    seen: BTreeMap<String, u64>,
    sessions: BTreeMap<usize, (UnboundedSender<Order>, Task<()>)>,
}

/// What a test tells the sessions.
#[derive(Clone, Debug)]
pub(super) enum Order {
    Say(Vec<u8>),
    Close,
}

impl fmt::Debug for FtpServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FtpServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl FtpServer {
    /// Starts a server on `net`, with an empty tree.
    ///
    /// # Errors
    /// Those of listening.
    pub fn start(net: &Net, config: Config) -> Result<Self, NetError> {
        Self::start_with(net, config, Files::new())
    }

    /// Starts a server on `net` that serves `files`.
    ///
    /// # Errors
    /// Those of listening.
    pub fn start_with(net: &Net, config: Config, files: Files) -> Result<Self, NetError> {
        let listener = net.listen_tcp(config.listen)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            net: net.clone(),
            files,
            config: Mutex::new(Arc::new(config)),
            state: Mutex::default(),
        });
        let accepting = net.spawn(accept(Arc::clone(&shared), listener));
        Ok(Self {
            shared,
            address,
            accepting: Mutex::new(Some(accepting)),
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its files.
    #[must_use]
    pub fn files(&self) -> Files {
        self.shared.files.clone()
    }

    /// Changes what it does, from the next command on.
    pub fn set(&self, change: impl FnOnce(&mut Config)) {
        let mut config = lock(&self.shared.config);
        change(Arc::make_mut(&mut config));
    }

    /// The commands of one control connection as text, in order; connections count from 0.
    #[must_use]
    pub fn commands(&self, connection: usize) -> Vec<String> {
        let all = self.all_commands();
        let these = all.iter().filter(|one| one.connection == connection);
        these.map(Command::text).collect()
    }

    /// The commands of all connections, in order.
    #[must_use]
    pub fn all_commands(&self) -> Vec<Command> {
        self.shared.state().commands.clone()
    }

    /// How many `verb` it got.
    #[must_use]
    pub fn count(&self, verb: &str) -> u64 {
        self.shared.state().seen.get(verb).copied().unwrap_or(0)
    }

    /// The octets of replies it sent on one control connection.
    #[must_use]
    pub fn replies(&self, connection: usize) -> Vec<u8> {
        let state = self.shared.state();
        state.replies.get(&connection).cloned().unwrap_or_default()
    }

    /// The data connections that have ended, in that order.
    #[must_use]
    pub fn data_connections(&self) -> Vec<DataConnection> {
        self.shared.state().data.clone()
    }

    /// The numbers.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.state().counters
    }

    /// Sends `octets` on every control connection that waits for a command, unasked.
    pub fn say(&self, octets: &[u8]) {
        self.order(&Order::Say(octets.to_vec()));
    }

    /// Closes every control connection, without a word.
    pub fn close_connections(&self) {
        self.order(&Order::Close);
    }

    /// Resets the count that [`Config::on_nth`] goes by.
    pub fn count_anew(&self) {
        self.shared.state().seen.clear();
    }

    /// Ends it: nobody listens any more, every connection is closed.
    pub fn stop(&self) {
        let accepting = lock(&self.accepting).take();
        if let Some(task) = accepting {
            task.abort();
        }
        // What a task drops may lock the state.
        let sessions = std::mem::take(&mut self.shared.state().sessions);
        for (_orders, task) in sessions.into_values() {
            task.abort();
        }
    }

    fn order(&self, order: &Order) {
        for (orders, _task) in self.shared.state().sessions.values() {
            // A session that has ended needs no orders.
            drop(orders.send(order.clone()));
        }
    }
}

impl Drop for FtpServer {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    /// What to do now.
    pub(super) fn config(&self) -> Arc<Config> {
        Arc::clone(&lock(&self.config))
    }

    /// Remembers a command, and says what the rules want of it.
    pub(super) fn note(&self, command: Command) -> Script {
        let mut state = self.state();
        state.counters.commands += 1;
        let mut count = |verb: &str| {
            let seen = state.seen.entry(verb.to_owned()).or_default();
            *seen += 1;
            *seen
        };
        let (all, these) = (count("*"), count(&command.verb));
        let mut script = Script::default();
        for rule in &self.config().rules {
            let number = match rule.verb.as_str() {
                "*" => all,
                verb if verb == command.verb => these,
                _ => continue,
            };
            if rule.nth.is_none_or(|nth| nth == number) {
                script.add(&rule.reply);
            }
        }
        state.commands.push(command);
        script
    }

    /// Remembers octets of a reply.
    pub(super) fn note_reply(&self, connection: usize, octets: &[u8]) {
        let mut state = self.state();
        state.counters.reply_octets += u64::try_from(octets.len()).unwrap_or(0);
        state.replies.entry(connection).or_default().extend(octets);
    }

    /// Remembers a data connection that ended.
    pub(super) fn note_data(&self, connection: DataConnection) {
        self.state().data.push(connection);
    }

    /// Changes the numbers.
    pub(super) fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.state().counters);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// Locks, whatever became of others who did.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes connections, for ever.
async fn accept(shared: Arc<Shared>, listener: TcpListener) {
    for connection in 0.. {
        let (stream, peer) = loop {
            if let Ok(accepted) = listener.accept().await {
                break accepted;
            }
        };
        let (orders, received) = unbounded_channel();
        let mut state = shared.state();
        let full = usize::try_from(state.counters.open).unwrap_or(usize::MAX)
            >= shared.config().max_connections;
        state.counters.connections += 1;
        if full {
            state.counters.refused += 1;
        } else {
            state.counters.open += 1;
        }
        let run = serve(
            Arc::clone(&shared),
            connection,
            stream,
            peer,
            received,
            full,
        );
        let _new = state
            .sessions
            .insert(connection, (orders, shared.net.spawn(run)));
    }
}

/// Serves one connection to its end.
async fn serve(
    shared: Arc<Shared>,
    connection: usize,
    stream: TcpStream,
    peer: SocketAddr,
    orders: UnboundedReceiver<Order>,
    full: bool,
) {
    let mut session = Session::new(Arc::clone(&shared), connection, stream, peer, orders);
    // How it ended is seen by the client and in the record.
    if full {
        drop(session.refuse().await);
        return;
    }
    drop(session.run().await);
    drop(session);
    shared.count(|counters| counters.open = counters.open.saturating_sub(1));
}
