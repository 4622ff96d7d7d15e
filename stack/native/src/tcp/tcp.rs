//! The transport of a host: its tables, what a step of a connection entails for them, deadlines.

use std::collections::{HashMap, VecDeque};

use fairway_wire::Instant;
use fairway_wire::tcp::Header;

use super::counters::TcpCounters;
use super::endpoint::{Binding, Endpoint};
use super::isn::Secrets;
use super::listen::Handshake;
use super::ports::Ports;
use super::state::State;
use super::table::{ConnId, FourTuple, Slab, TupleTable};
use super::tcb::{ChallengeLimit, Env};
use super::timers::TimerHeap;
use super::timewait::{Remains, TimeWait};
use super::train::Train;
use super::types::{Context, Notice, Outgoing};
use crate::dropped;
use crate::event::DropReason;
use crate::hash::Key;
use crate::rng::Rng;

/// Answers that wait to be taken, at most; a caller that takes none loses some.
pub(super) const REPLIES: usize = 1024;

/// TCP of one host. See the module's documentation.
#[derive(Debug)]
pub struct Tcp {
    pub(super) endpoints: Slab<Endpoint>,
    pub(super) connections: HashMap<FourTuple, u32, Key>,
    pub(super) handshakes: TupleTable<Handshake>,
    pub(super) time_wait: TimeWait,
    pub(super) ports: Ports,
    pub(super) secrets: Secrets,
    pub(super) counters: TcpCounters,
    /// Connections that nobody holds any more.
    pub(super) orphans: usize,
    pub(super) challenges: ChallengeLimit,
    pub(super) timers: TimerHeap,
    /// Connections that may have something to send, each once.
    pub(super) dirty: VecDeque<u32>,
    /// Segments planned and not taken yet.
    pub(super) train: Option<Train>,
    /// Where the last segment's connection was found: the next is likely to be of the same.
    pub(super) recent: Option<(FourTuple, u32)>,
    pub(super) replies: VecDeque<Outgoing>,
    /// Endpoints with news, each once.
    pub(super) noticed: VecDeque<ConnId>,
    /// News of endpoints that are gone.
    pub(super) last_notices: VecDeque<Notice>,
}

/// `env!(self, cx)`: what a step of a connection works with, borrowed beside the table of endpoints.
macro_rules! env {
    ($tcp:ident, $cx:ident) => {
        Env {
            cx: $cx,
            counters: &mut $tcp.counters,
            secrets: &$tcp.secrets,
            challenges: &mut $tcp.challenges,
        }
    };
}
pub(super) use env;

impl Tcp {
    /// TCP of a new host; its secrets are drawn from `rng`.
    #[must_use]
    pub fn new(rng: &mut Rng) -> Self {
        Self {
            endpoints: Slab::new(),
            connections: HashMap::with_hasher(rng.key()),
            handshakes: TupleTable::new(rng.key()),
            time_wait: TimeWait::new(rng.key()),
            ports: Ports::new(rng.key()),
            secrets: Secrets::new(rng),
            counters: TcpCounters::default(),
            orphans: 0,
            challenges: ChallengeLimit::default(),
            timers: TimerHeap::default(),
            dirty: VecDeque::new(),
            train: None,
            recent: None,
            replies: VecDeque::new(),
            noticed: VecDeque::new(),
            last_notices: VecDeque::new(),
        }
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &TcpCounters {
        &self.counters
    }

    /// Sets all counters to zero.
    pub fn clear_counters(&mut self) {
        self.counters = TcpCounters::default();
    }

    /// Takes a connection out of the table that segments find it by.
    fn unlist(&mut self, tuple: FourTuple, index: u32) {
        if self.connections.get(&tuple) == Some(&index) {
            self.connections.remove(&tuple);
            self.recent = None;
        }
    }

    // After a step.

    /// What a step of a connection entails for the tables. `header`: of the segment that it answers, if any.
    #[inline]
    pub(super) fn finish(&mut self, cx: &mut Context<'_>, index: u32, header: Option<&Header>) {
        let Some((id, Endpoint::Connection(tcb))) = self.endpoints.at_mut(index) else {
            return;
        };
        #[cfg(debug_assertions)]
        tcb.check();
        if tcb.is.dirty && !tcb.is.queued {
            tcb.is.queued = true;
            self.dirty.push_back(index);
        }
        if tcb.news.any() && !tcb.is.noticed && !tcb.is.unaccepted {
            tcb.is.noticed = true;
            self.noticed.push_back(id);
        }
        self.timers.arm(index, tcb.timers.next());
        if tcb.is.reset_due || matches!(tcb.state, State::Closed | State::TimeWait) {
            self.wind_up(cx, id, header);
        }
    }

    /// A connection has ended, or sends a reset.
    #[cold]
    fn wind_up(&mut self, cx: &mut Context<'_>, id: ConnId, header: Option<&Header>) {
        let Some(Endpoint::Connection(tcb)) = self.endpoints.get_mut(id) else {
            return;
        };
        if core::mem::take(&mut tcb.is.reset_due) {
            let seq = tcb.reset_seq.take();
            let answer = tcb.reset_answer(seq, header);
            let outgoing = tcb.wrap_reply(cx.config, &answer);
            self.counters.sent_resets += 1;
            self.reply(cx, outgoing);
        }
        let Some(Endpoint::Connection(tcb)) = self.endpoints.get_mut(id) else {
            return;
        };
        if !matches!(tcb.state, State::Closed | State::TimeWait) {
            return;
        }
        let tuple = tcb.tuple;
        if self.connections.get(&tuple) == Some(&id.index) {
            if tcb.state == State::TimeWait {
                // The last acknowledgment goes out first.
                let last = tcb.next_packet(&mut env!(self, cx), &mut None);
                let reusable = tcb.common.binding.is_reusable();
                self.time_wait.insert(cx, tcb, reusable);
                if let Some(packet) = last {
                    let outgoing = tcb.wrap(cx.config, packet);
                    self.replies.push_back(outgoing);
                }
                let local = tuple.local();
                self.ports.hold(*local.ip(), local.port(), reusable);
                self.limit_time_wait(cx);
            }
            self.unlist(tuple, id.index);
        }
        self.timers.remove(id.index);
        if let Some(Endpoint::Connection(tcb)) = self.endpoints.get(id)
            && tcb.is.orphan
        {
            self.forget(id);
        }
    }

    /// Frees an endpoint and its name.
    pub(super) fn forget(&mut self, id: ConnId) {
        let Some(endpoint) = self.endpoints.remove(id) else {
            return;
        };
        self.timers.remove(id.index);
        if let Endpoint::Connection(tcb) = &endpoint {
            self.orphans -= usize::from(tcb.is.orphan);
            self.unlist(tcb.tuple, id.index);
            if tcb.news.closed {
                self.last_notices.push_back(Notice {
                    id,
                    owner: tcb.common.owner,
                    readiness: tcb.news,
                });
            }
        }
        self.release(endpoint.common().binding);
    }

    /// Gives a local name back.
    pub(super) fn release(&mut self, binding: Binding) {
        match binding {
            Binding::None => {}
            Binding::Bound(name, reuse) => self.ports.unbind(*name.ip(), name.port(), reuse),
            Binding::Held(name, reusable) => {
                self.ports.release(*name.ip(), name.port(), reusable);
            }
            Binding::Chosen(name) => self.ports.release_chosen(*name.ip(), name.port()),
        }
    }

    pub(super) fn release_remains(&mut self, tuple: FourTuple, remains: Remains) {
        let local = tuple.local();
        self.ports
            .release(*local.ip(), local.port(), remains.is_reusable());
    }

    /// Takes a connection out of TIME-WAIT for one that comes after it.
    pub(super) fn succeed(&mut self, tuple: FourTuple) -> Option<Remains> {
        let remains = self.time_wait.table_mut().remove(tuple)?;
        self.release_remains(tuple, remains);
        self.counters.time_wait_reused += 1;
        Some(remains)
    }

    fn limit_time_wait(&mut self, cx: &mut Context<'_>) {
        while self.time_wait.table().len() > cx.limits.time_wait {
            let Some((tuple, remains)) = self.time_wait.table_mut().pop_first() else {
                break;
            };
            self.counters.time_wait_overflows += 1;
            dropped!(
                cx.events,
                cx.now,
                DropReason::TimeWaitFull,
                source = *tuple.peer().ip(),
                destination = *tuple.local().ip(),
                sport = tuple.peer().port(),
                dport = tuple.local().port(),
            );
            self.release_remains(tuple, remains);
        }
    }

    // Deadlines.

    /// When something is due.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let connection = self.timers.first().map(|(at, _)| at);
        let mut next = connection.unwrap_or(Instant::MAX);
        if let Some(at) = self.time_wait.table().next_deadline() {
            next = next.min(at);
        }
        if let Some(at) = self.handshakes.next_deadline() {
            next = next.min(at);
        }
        (next != Instant::MAX).then_some(next)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {
        while let Some((at, index)) = self.timers.first() {
            if at > cx.now {
                break;
            }
            let Some((_, Endpoint::Connection(tcb))) = self.endpoints.at_mut(index) else {
                self.timers.remove(index);
                continue;
            };
            let next = tcb.timers.next();
            if next > cx.now {
                // It was moved meanwhile.
                if next == Instant::MAX {
                    tcb.rest();
                }
                self.timers.put(index, next);
                continue;
            }
            tcb.time_passes(&mut env!(self, cx));
            let next = tcb.timers.next();
            if next == Instant::MAX {
                tcb.rest();
            }
            self.timers.put(index, next);
            self.finish(cx, index, None);
        }
        while let Some((tuple, remains)) = self.time_wait.table_mut().pop_due(cx.now) {
            self.release_remains(tuple, remains);
        }
        self.handshakes_due(cx);
    }
}
