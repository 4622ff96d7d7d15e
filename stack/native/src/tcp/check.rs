//! What holds of TCP's tables between any two calls.

use std::collections::BTreeMap;

use super::endpoint::{Binding, Endpoint, Listener};
use super::state::State;
use super::table::ConnId;
use super::tcb::Tcb;
use super::tcp::{REPLIES, Tcp};
use crate::limits::TcpLimits;
use crate::stack::{Inconsistency, ensure};

impl Tcp {
    /// Whether every endpoint is in the tables that it should be in and in no other, each table is within its limit,
    /// and whoever has news, segments to send or a deadline is on the list for it.
    pub(crate) fn check(&self, limits: &TcpLimits) -> Result<(), Inconsistency> {
        ensure!(
            self.endpoints.len() <= limits.endpoints,
            "{} endpoints, at most {}",
            self.endpoints.len(),
            limits.endpoints
        );
        ensure!(
            self.handshakes.len() <= limits.syn_cache,
            "{} handshakes, at most {}",
            self.handshakes.len(),
            limits.syn_cache
        );
        ensure!(
            self.time_wait.table().len() <= limits.time_wait,
            "{} connections in TIME-WAIT, at most {}",
            self.time_wait.table().len(),
            limits.time_wait
        );
        ensure!(
            self.replies.len() <= REPLIES + 1,
            "{} answers wait to be sent",
            self.replies.len()
        );
        let dirty = counted(self.dirty.iter().copied());
        let noticed = counted(self.noticed.iter().copied());
        let (mut connections, mut names, mut waiting, mut handshakes) = (0, 0, 0, 0);
        for (id, endpoint) in self.endpoints.iter() {
            names += usize::from(!matches!(endpoint.common().binding, Binding::None));
            match endpoint {
                Endpoint::Idle(_) => {}
                Endpoint::Listener(listener) => {
                    waiting += listener.queue.len();
                    handshakes += listener.handshakes;
                    self.check_listener(id, listener)?;
                    ensure!(
                        listener.noticed == (noticed.get(&id) == Some(&1)),
                        "{id:?} listens, noticed {}, and is listed {:?}",
                        listener.noticed,
                        noticed.get(&id)
                    );
                }
                Endpoint::Connection(tcb) => {
                    #[cfg(debug_assertions)]
                    tcb.check();
                    connections += usize::from(self.is_found(id, tcb));
                    self.check_connection(id, tcb)?;
                    let listed = dirty.get(&id.index).copied().unwrap_or(0);
                    ensure!(
                        listed <= 1 && tcb.is.queued == (listed == 1),
                        "{id:?} is listed {listed} times to send, queued {}",
                        tcb.is.queued
                    );
                    ensure!(
                        tcb.is.queued || !tcb.is.dirty,
                        "{id:?} has something to send and is not on the list"
                    );
                    ensure!(
                        tcb.is.noticed == (noticed.get(&id) == Some(&1)),
                        "{id:?} is connected, noticed {}, and is listed {:?}",
                        tcb.is.noticed,
                        noticed.get(&id)
                    );
                }
            }
        }
        ensure!(
            connections == self.connections.len(),
            "{connections} connections, {} in the table",
            self.connections.len()
        );
        ensure!(
            handshakes <= self.handshakes.len(),
            "{} handshakes, {handshakes} of listeners",
            self.handshakes.len()
        );
        let unaccepted = self.endpoints.iter().filter(
            |(_, endpoint)| matches!(endpoint, Endpoint::Connection(tcb) if tcb.is.unaccepted),
        );
        let unaccepted = unaccepted.count();
        ensure!(
            unaccepted == waiting,
            "{unaccepted} connections not accepted, {waiting} wait for it"
        );
        let held = self.ports.held();
        let names = names + self.time_wait.table().len();
        ensure!(held == names, "{held} local names held, {names} in use");
        Ok(())
    }

    /// Whether segments find that connection.
    fn is_found(&self, id: ConnId, tcb: &Tcb) -> bool {
        self.connections.get(&tcb.tuple) == Some(&id.index)
    }

    fn check_connection(&self, id: ConnId, tcb: &Tcb) -> Result<(), Inconsistency> {
        let over = matches!(tcb.state, State::Closed | State::TimeWait);
        ensure!(
            self.is_found(id, tcb) != over,
            "{id:?} is {:?}, and segments find {:?}",
            tcb.state,
            self.connections.get(&tcb.tuple)
        );
        ensure!(
            !(over && tcb.is.orphan),
            "{id:?} is {:?}, nobody holds it, and it is there",
            tcb.state
        );
        ensure!(
            over || self.timers.is_armed(id.index, tcb.timers.next()),
            "{id:?} is {:?}, and nothing comes up at {:?} for it",
            tcb.state,
            tcb.timers.next()
        );
        Ok(())
    }

    fn check_listener(&self, id: ConnId, listener: &Listener) -> Result<(), Inconsistency> {
        // One more than the backlog, and those that came before it was made smaller.
        for child in &listener.queue {
            let there = matches!(
                self.endpoints.get(*child),
                Some(Endpoint::Connection(tcb)) if tcb.is.unaccepted
            );
            ensure!(there, "{child:?} waits at {id:?} and is no connection");
        }
        Ok(())
    }
}

/// How often each is named.
fn counted<T: Ord>(these: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for this in these {
        *counts.entry(this).or_default() += 1;
    }
    counts
}
