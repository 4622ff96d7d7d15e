//! Connections kept, and lent to one call at a time.
//!
//! ```text
//!            lease ────────────────► in use ──── dropped in the middle ──► recovering
//!              ▲                        │                                     │
//!    idle ◄────┴──── dropped, in step ──┘ ◄──────────── in step again ────────┘
//!      └─ too old, the longest idle when room is needed, stale ─► closed
//! ```

mod pair;

use crate::client::{Connections, Shared, lock, same};
use crate::error::{Error, ErrorKind};
use crate::link::Link;
use crate::server::Server;
use crate::session::{Directory, Operation};
use fairway_stack::{Family, Instant};
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};

/// How long a call waits for a connection that is getting back in step, before it makes one of its own.
const RECOVERY_WAIT: Duration = Duration::from_secs(2);
/// How long a server that had enough of us is not asked for more.
const CROWDED: Duration = Duration::from_secs(60);
/// How long saying goodbye may take.
const GOODBYE: Duration = Duration::from_secs(2);

pub(crate) use pair::Wanted;

pub(crate) struct Pool {
    state: Mutex<State>,
    /// A connection has become idle, or is gone.
    freed: Notify,
}

#[derive(Default)]
struct State {
    /// The most recently used last.
    idle: Vec<Link>,
    /// In use, being made, or recovering; a place for each.
    busy: Vec<Arc<Server>>,
    /// Recovering, among the busy.
    recovering: Vec<Arc<Server>>,
    /// To the task that recovers and reaps.
    keeper: Option<mpsc::UnboundedSender<Link>>,
    logins: u64,
    /// Servers that said they had enough of our connections: how many they bear, and until when that is believed.
    caps: Vec<(Arc<Server>, usize, Instant)>,
    /// Connections made before this are closed when they become idle.
    closed_before: Option<Instant>,
}

/// What a lease is to be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Want {
    /// Any connection that is logged in.
    Any,
    /// One that has just been made: the last one turned out to be dead.
    New,
}

impl Pool {
    pub(crate) fn new() -> Self {
        Self {
            state: Mutex::default(),
            freed: Notify::new(),
        }
    }

    pub(crate) fn count(&self) -> Connections {
        let state = lock(&self.state);
        Connections {
            idle: state.idle.len(),
            busy: state.busy.len(),
            logins: state.logins,
        }
    }

    /// A connection to `server`, for this caller alone.
    pub(crate) async fn lease(
        shared: &Arc<Shared>,
        server: &Arc<Server>,
        directory: &Directory,
        want: Want,
    ) -> Result<Lease, Error> {
        let pool = &shared.pool;
        let clock = shared.net.clock();
        let start = clock.now();
        let mut want = want;
        loop {
            let freed = pool.freed.notified();
            let mut freed = std::pin::pin!(freed);
            // Before looking, so that nothing is missed in between.
            freed.as_mut().enable();
            let waited = clock.now().saturating_duration_since(start);
            let decision = lock(&pool.state).decide(shared, server, directory, want, None, waited);
            match decision {
                Decision::Use(mut link) => {
                    let mut lease = Lease::of(shared, server);
                    if link.is_fresh() {
                        link.reused = true;
                        link.session.set_notes(shared.is_traced());
                        lease.link = Some(link);
                        return Ok(lease);
                    }
                    tracing::debug!(%server, "an idle connection is stale");
                    // Its contemporaries are likely to be: one that is new is sure.
                    want = Want::New;
                }
                Decision::Make(evicted) => {
                    let mut lease = Lease::of(shared, server);
                    if let Some(evicted) = evicted {
                        goodbye(shared, evicted);
                    }
                    let link = match pool.make(shared, server).await {
                        Ok(link) => link,
                        Err(error) => {
                            drop(lease);
                            let now = clock.now();
                            if is_crowded(&error) && lock(&pool.state).learn(server, now) {
                                continue;
                            }
                            return Err(error);
                        }
                    };
                    lock(&pool.state).logins += 1;
                    lease.link = Some(link);
                    return Ok(lease);
                }
                Decision::Wait(limit) => {
                    let left = limit.saturating_sub(waited);
                    let late = clock.timeout(left, freed).await.is_err();
                    if late && limit == shared.limits.pool_wait {
                        return Err(full(shared));
                    }
                }
                Decision::Full => return Err(full(shared)),
            }
        }
    }

    /// A new connection, when it is its turn.
    async fn make(&self, shared: &Arc<Shared>, server: &Arc<Server>) -> Result<Link, Error> {
        let gate = shared.memory(server, |memory| Arc::clone(&memory.gate.0));
        // Nobody closes it.
        let _turn = gate.acquire().await.map_err(|_| ErrorKind::Closed)?;
        Link::open(
            shared.net.clone(),
            Arc::clone(server),
            Arc::clone(&shared.common),
            None,
        )
        .await
    }

    /// Closes what is idle, in order; what is not is closed when it becomes idle.
    pub(crate) async fn close(shared: &Arc<Shared>) {
        let idle = {
            let mut state = lock(&shared.pool.state);
            state.closed_before = Some(shared.net.clock().now());
            std::mem::take(&mut state.idle)
        };
        let all = idle.into_iter().map(|mut link| async move {
            let clock = link.net.clock();
            // Whether the server says goodbye too does not matter.
            let _ = clock.timeout(GOODBYE, link.run(Operation::Quit)).await;
        });
        for goodbye in all
            .map(|goodbye| shared.net.spawn(goodbye))
            .collect::<Vec<_>>()
        {
            let _ = goodbye.await;
        }
    }

    /// Takes back a connection, or its place.
    fn give_back(shared: &Arc<Shared>, server: &Arc<Server>, link: Option<Link>) {
        let pool = &shared.pool;
        let mut state = lock(&pool.state);
        let usable = link.filter(|link| link.session.dead().is_none() && !state.is_outdated(link));
        match usable {
            Some(link) if link.session.is_idle() => {
                state.leave(server);
                state.idle.push(link);
                state.keep(shared);
            }
            Some(link) => {
                // The place stays taken until it is in step again.
                state.recovering.push(Arc::clone(server));
                state.keep(shared);
                let sent = match &state.keeper {
                    Some(keeper) => keeper.send(link),
                    None => Err(mpsc::error::SendError(link)),
                };
                if let Err(mpsc::error::SendError(mut link)) = sent {
                    // No runtime to recover in.
                    link.drop_data();
                    state.recovered(server);
                    state.leave(server);
                }
            }
            None => state.leave(server),
        }
        drop(state);
        pool.freed.notify_waiters();
    }
}

/// Whether a server has turned a connection away because there are too many.
fn is_crowded(error: &Error) -> bool {
    match error.kind() {
        ErrorKind::Unavailable { reply, .. } => reply.is(421),
        ErrorKind::Login { reply, .. } => {
            let text = reply.text().to_ascii_lowercase();
            reply.is(421)
                || ["too many", "maximum", "limit"]
                    .iter()
                    .any(|word| text.contains(word))
        }
        _ => false,
    }
}

fn full(shared: &Shared) -> Error {
    ErrorKind::PoolFull {
        limit: shared.limits.connections,
    }
    .into()
}

enum Decision {
    Use(Link),
    /// A place has been taken; this one was closed for it.
    Make(Option<Link>),
    Wait(Duration),
    Full,
}

impl State {
    fn decide(
        &mut self,
        shared: &Shared,
        server: &Arc<Server>,
        directory: &Directory,
        want: Want,
        family: Option<Family>,
        waited: Duration,
    ) -> Decision {
        if want == Want::New {
            // What was idle when one of them was found dead is not trusted either.
            self.idle.retain(|link| !same(&link.server, server));
        } else {
            let here = |link: &Link| {
                let fits = family.is_none() || family == link.family();
                fits && same(&link.server, server)
            };
            let there = |link: &Link| link.session.truth().directory.as_ref() == Some(directory);
            let found = self.idle.iter().rposition(|link| here(link) && there(link));
            let found = found.or_else(|| self.idle.iter().rposition(here));
            if let Some(at) = found {
                self.busy.push(Arc::clone(server));
                return Decision::Use(self.idle.remove(at));
            }
            let recovering = self.recovering.iter().any(|other| same(other, server));
            // Less than the time after which a call is given up.
            let patience = RECOVERY_WAIT.min(shared.limits.pool_wait / 2);
            if recovering && waited < patience {
                return Decision::Wait(patience);
            }
        }
        let now = shared.net.clock().now();
        self.caps.retain(|(_, _, until)| *until > now);
        let limits = &shared.limits;
        let here = self.busy.iter().filter(|other| same(other, server)).count();
        let cap = self.caps.iter().find(|(capped, _, _)| same(capped, server));
        let cap = cap.map_or(limits.per_server, |(_, cap, _)| limits.per_server.min(*cap));
        if here >= cap {
            return Decision::Wait(limits.pool_wait);
        }
        if self.busy.len() + self.idle.len() < limits.connections {
            self.busy.push(Arc::clone(server));
            return Decision::Make(None);
        }
        if self.idle.is_empty() {
            return Decision::Wait(limits.pool_wait);
        }
        if !limits.evict {
            return Decision::Full;
        }
        let evicted = self.idle.remove(0);
        self.busy.push(Arc::clone(server));
        Decision::Make(Some(evicted))
    }

    fn is_outdated(&self, link: &Link) -> bool {
        self.closed_before
            .is_some_and(|before| link.opened_at <= before)
    }

    fn leave(&mut self, server: &Arc<Server>) {
        if let Some(at) = self.busy.iter().position(|other| same(other, server)) {
            self.busy.swap_remove(at);
        }
    }

    /// A server wants no more connections than there are. `false` if there are none, so that waiting for one is no use.
    fn learn(&mut self, server: &Arc<Server>, now: Instant) -> bool {
        self.caps
            .retain(|(capped, _, until)| !same(capped, server) && *until > now);
        let here = self.busy.iter().filter(|other| same(other, server)).count();
        if here > 0 {
            self.caps.push((Arc::clone(server), here, now + CROWDED));
        }
        here > 0
    }

    fn recovered(&mut self, server: &Arc<Server>) {
        if let Some(at) = self.recovering.iter().position(|other| same(other, server)) {
            self.recovering.swap_remove(at);
        }
    }

    /// Sees to it that somebody recovers and reaps, while there is something to.
    fn keep(&mut self, shared: &Arc<Shared>) {
        let running = self
            .keeper
            .as_ref()
            .is_some_and(|keeper| !keeper.is_closed());
        if running || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (keeper, links) = mpsc::unbounded_channel();
        self.keeper = Some(keeper);
        shared
            .net
            .spawn(keep(Arc::downgrade(shared), links))
            .detach();
    }
}

/// Recovers connections that were dropped in the middle, and closes those idle for too long. Ends when there is neither.
async fn keep(pool: Weak<Shared>, mut links: mpsc::UnboundedReceiver<Link>) {
    loop {
        let Some(shared) = pool.upgrade() else { return };
        let clock = shared.net.clock();
        let now = clock.now();
        let (old, next, over) = {
            let mut state = lock(&shared.pool.state);
            let idle = shared.limits.idle;
            let is_old = |link: &Link| link.used_at + idle <= now;
            let mut old = Vec::new();
            while let Some(at) = state.idle.iter().position(is_old) {
                old.push(state.idle.remove(at));
            }
            let next = state.idle.iter().map(|link| link.used_at + idle).min();
            let over = next.is_none() && state.recovering.is_empty() && links.is_empty();
            if over {
                links.close();
                state.keeper = None;
            }
            (old, next, over)
        };
        for link in old {
            goodbye(&shared, link);
        }
        if over {
            return;
        }
        // While it waits, the client may be dropped: only the channel is held.
        let weak = Arc::downgrade(&shared);
        drop(shared);
        let next = next.unwrap_or(now + Duration::from_secs(60));
        let Ok(link) = clock.timeout_at(next, links.recv()).await else {
            continue;
        };
        let (Some(link), Some(shared)) = (link, weak.upgrade()) else {
            return;
        };
        let recovered = recover(Arc::downgrade(&shared), link);
        shared.net.spawn(recovered).detach();
    }
}

async fn recover(pool: Weak<Shared>, mut link: Link) {
    let server = Arc::clone(&link.server);
    let mut place = Place {
        pool: pool.clone(),
        server: Arc::clone(&server),
    };
    let result = link.run(Operation::Recover).await;
    tracing::debug!(%server, ok = result.is_ok(), "back in step");
    if let Some(shared) = pool.upgrade() {
        // From here on the place is given back with the connection.
        place.pool = Weak::new();
        lock(&shared.pool.state).recovered(&server);
        Pool::give_back(&shared, &server, result.is_ok().then_some(link));
    }
}

/// A recovering connection's place, given back even if its task ends early.
struct Place {
    pool: Weak<Shared>,
    server: Arc<Server>,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = self.pool.upgrade() {
            let mut state = lock(&shared.pool.state);
            state.recovered(&self.server);
            state.leave(&self.server);
            drop(state);
            shared.pool.freed.notify_waiters();
        }
    }
}

/// Says goodbye beside what else goes on.
fn goodbye(shared: &Shared, mut link: Link) {
    let net = shared.net.clone();
    let clock = net.clock();
    net.spawn(async move {
        // Whether the server answers does not matter.
        let _ = clock.timeout(GOODBYE, link.run(Operation::Quit)).await;
    })
    .detach();
}

/// A connection lent to one call. Dropped, it goes back to the pool: at once if it is in step, else after it is.
pub(crate) struct Lease {
    shared: Arc<Shared>,
    server: Arc<Server>,
    link: Option<Link>,
}

impl Lease {
    /// A place taken in the pool, without a connection yet.
    fn of(shared: &Arc<Shared>, server: &Arc<Server>) -> Self {
        Self {
            shared: Arc::clone(shared),
            server: Arc::clone(server),
            link: None,
        }
    }

    /// Closes the connection instead of giving it back.
    pub(crate) fn abandon(mut self) {
        self.link = None;
    }
}

impl Deref for Lease {
    type Target = Link;

    #[expect(
        clippy::expect_used,
        reason = "a lease that is handed out has a link until it is dropped"
    )]
    fn deref(&self) -> &Link {
        self.link.as_ref().expect("a link")
    }
}

impl DerefMut for Lease {
    #[expect(
        clippy::expect_used,
        reason = "a lease that is handed out has a link until it is dropped"
    )]
    fn deref_mut(&mut self) -> &mut Link {
        self.link.as_mut().expect("a link")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut link = self.link.take();
        if let Some(link) = &mut link {
            // An upload that was given up must not look complete.
            link.give_up();
        }
        Pool::give_back(&self.shared, &self.server, link);
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease").field("link", &self.link).finish()
    }
}
