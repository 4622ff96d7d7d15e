//! Two connections at once, for a transfer between servers, and a third that is a luxury.
//!
//! Both places are taken in one step or none is: two calls that each hold one and wait for another would wait for each
//! other. For the same reason nobody who holds a place waits for a further one.

use super::{Decision, Lease, Pool, State, Want, full, goodbye, is_crowded};
use crate::client::{Shared, lock, same};
use crate::error::Error;
use crate::link::Link;
use crate::server::Server;
use crate::session::Directory;
use fairway_stack::Family;
use std::sync::Arc;
use std::time::Duration;

/// What one of two leases is to be.
#[derive(Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) server: &'a Arc<Server>,
    pub(crate) directory: &'a Directory,
    pub(crate) want: Want,
    /// The kind of address it is to be reached at, if that matters.
    pub(crate) family: Option<Family>,
}

/// Which of two leases could not be had; none if the pool is full.
#[derive(Debug)]
pub(crate) struct NoPair {
    pub(crate) which: Option<usize>,
    pub(crate) error: Error,
}

/// Why there is no place now.
enum NoPlace {
    Wait(Duration),
    Full,
}

/// A place that has been taken.
struct Taken {
    /// The connection that was idle.
    link: Option<Link>,
    /// What was closed to make room.
    evicted: Option<Link>,
}

impl Pool {
    /// Connections to two servers, which may be the same, for this caller alone.
    pub(crate) async fn lease_pair(
        shared: &Arc<Shared>,
        wanted: [Wanted<'_>; 2],
    ) -> Result<(Lease, Lease), NoPair> {
        let no_room = || NoPair {
            which: None,
            error: full(shared),
        };
        let pool = &shared.pool;
        let [one, other] = wanted;
        let within_one = same(one.server, other.server) && shared.limits.per_server < 2;
        if shared.limits.connections < 2 || within_one {
            return Err(no_room());
        }
        let clock = shared.net.clock();
        let start = clock.now();
        loop {
            let freed = pool.freed.notified();
            let mut freed = std::pin::pin!(freed);
            freed.as_mut().enable();
            let waited = clock.now().saturating_duration_since(start);
            let decision = lock(&pool.state).decide_both(shared, wanted, waited);
            match decision {
                Ok((taken, taken_too)) => {
                    // From here on both places are given back with the leases.
                    let leases = [one, other].map(|wanted| Lease::of(shared, wanted.server));
                    let filled = {
                        let [one_lease, other_lease] = leases;
                        let of = |which| move |error| (which, error);
                        let filling =
                            async { one_lease.fill(taken, one.family).await.map_err(of(0)) };
                        let filling_too = async {
                            other_lease
                                .fill(taken_too, other.family)
                                .await
                                .map_err(of(1))
                        };
                        tokio::try_join!(filling, filling_too)
                    };
                    let (which, error) = match filled {
                        Ok(leases) => return Ok(leases),
                        Err(failed) => failed,
                    };
                    // Neither place is held any more.
                    let crowded = if which == 0 { one } else { other };
                    let now = clock.now();
                    if is_crowded(&error) && lock(&pool.state).learn(crowded.server, now) {
                        continue;
                    }
                    return Err(NoPair {
                        which: Some(which),
                        error,
                    });
                }
                Err(NoPlace::Wait(limit)) => {
                    let left = limit.saturating_sub(waited);
                    let late = clock.timeout(left, freed).await.is_err();
                    if late && limit == shared.limits.pool_wait {
                        return Err(no_room());
                    }
                }
                Err(NoPlace::Full) => return Err(no_room()),
            }
        }
    }

    /// A connection that can be had without waiting for others or taking theirs.
    pub(crate) async fn try_lease(
        shared: &Arc<Shared>,
        server: &Arc<Server>,
        directory: &Directory,
    ) -> Option<Lease> {
        let wanted = Wanted {
            server,
            directory,
            want: Want::Any,
            family: None,
        };
        let taken = {
            let mut state = lock(&shared.pool.state);
            let taken = state.take(shared, wanted, Duration::MAX).ok()?;
            if taken.evicted.is_some() {
                state.undo(server, taken);
                return None;
            }
            taken
        };
        Lease::of(shared, server).fill(taken, None).await.ok()
    }
}

impl State {
    fn decide_both(
        &mut self,
        shared: &Shared,
        [one, other]: [Wanted<'_>; 2],
        waited: Duration,
    ) -> Result<(Taken, Taken), NoPlace> {
        // Whose connection is idle chooses first, lest the other close it to make room.
        if self.idle.iter().any(|link| same(&link.server, one.server)) {
            self.take_both(shared, one, other, waited)
        } else {
            let (other, one) = self.take_both(shared, other, one, waited)?;
            Ok((one, other))
        }
    }

    fn take_both(
        &mut self,
        shared: &Shared,
        first: Wanted<'_>,
        second: Wanted<'_>,
        waited: Duration,
    ) -> Result<(Taken, Taken), NoPlace> {
        let one = self.take(shared, first, waited)?;
        // What was idle here has been looked through; what is left of it is as good as any.
        match self.take(shared, second, waited) {
            Ok(other) => Ok((one, other)),
            Err(none) => {
                self.undo(first.server, one);
                Err(none)
            }
        }
    }

    fn take(
        &mut self,
        shared: &Shared,
        wanted: Wanted<'_>,
        waited: Duration,
    ) -> Result<Taken, NoPlace> {
        match self.decide(
            shared,
            wanted.server,
            wanted.directory,
            wanted.want,
            wanted.family,
            waited,
        ) {
            Decision::Use(link) => Ok(Taken {
                link: Some(link),
                evicted: None,
            }),
            Decision::Make(evicted) => Ok(Taken {
                link: None,
                evicted,
            }),
            Decision::Wait(limit) => Err(NoPlace::Wait(limit)),
            Decision::Full => Err(NoPlace::Full),
        }
    }

    fn undo(&mut self, server: &Arc<Server>, taken: Taken) {
        self.leave(server);
        // The one idle for the longest stands first.
        if let Some(evicted) = taken.evicted {
            self.idle.insert(0, evicted);
        }
        self.idle.extend(taken.link);
    }
}

impl Lease {
    /// Sees to it that there is a connection in the place.
    async fn fill(mut self, taken: Taken, family: Option<Family>) -> Result<Self, Error> {
        if let Some(evicted) = taken.evicted {
            goodbye(&self.shared, evicted);
        }
        if let Some(mut link) = taken.link {
            if link.is_fresh() {
                link.reused = true;
                link.session.set_notes(self.shared.is_traced());
                self.link = Some(link);
                return Ok(self);
            }
            tracing::debug!(server = %self.server, "an idle connection is stale");
        }
        let (net, server) = (self.shared.net.clone(), Arc::clone(&self.server));
        let link = Link::open(net, server, Arc::clone(&self.shared.common), family).await?;
        lock(&self.shared.pool.state).logins += 1;
        self.link = Some(link);
        Ok(self)
    }
}
