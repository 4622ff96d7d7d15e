//! The calls of programs that end connections: RFC 9293 §3.10.4, §3.10.5, `sockets.md` §12.4.

use super::endpoint::Endpoint;
use super::state::State;
use super::table::ConnId;
use super::tcb::{Env, Tcb};
use super::tcp::{Tcp, env};
use super::timers::Timer;
use super::types::{Close, Context, Readiness, Shutdown};
use crate::dropped;
use crate::errno::Errno;
use crate::event::DropReason;

impl Tcp {
    /// Ends one direction or both (SHD-1).
    ///
    /// # Errors
    /// [`Errno::NotConn`] without a connection.
    pub fn shutdown(
        &mut self,
        cx: &mut Context<'_>,
        id: ConnId,
        how: Shutdown,
    ) -> Result<(), Errno> {
        self.endpoint(id)?;
        let Some(Endpoint::Connection(tcb)) = self.endpoints.get_mut(id) else {
            return Err(Errno::NotConn);
        };
        if !tcb.state.is_synchronized() {
            return Err(Errno::NotConn);
        }
        if how != Shutdown::Write {
            tcb.is.recv_shut = true;
            tcb.tell(Readiness::READABLE);
        }
        if how != Shutdown::Read {
            tcb.close_sending(&mut env!(self, cx), "shutdown");
        }
        self.finish(cx, id.index, None);
        Ok(())
    }

    /// Closes: the identity is no longer valid. What was written is still sent (CLO-4), unless the linger option says
    /// otherwise (§12.4), or something was not read: then the peer is told that it is lost (RFC 9293 §3.6.1).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn close(&mut self, cx: &mut Context<'_>, id: ConnId) -> Result<Close, Errno> {
        let (state, linger) = match self.endpoint_mut(id)? {
            Endpoint::Idle(_) => {
                self.forget(id);
                return Ok(Close::Done);
            }
            Endpoint::Listener(_) => {
                self.close_listener(cx, id);
                return Ok(Close::Done);
            }
            Endpoint::Connection(tcb) => (tcb.state, tcb.options.linger),
        };
        let Some(Endpoint::Connection(tcb)) = self.endpoints.get_mut(id) else {
            return Err(Errno::NotSock);
        };
        let mut env = env!(self, cx);
        let unread = !tcb.recv_queue.is_empty();
        let crowded = state.is_synchronized() && self.orphans >= env.cx.limits.orphans;
        if crowded {
            env.counters.orphans_dropped += 1;
            dropped!(
                env.cx.events,
                env.cx.now,
                DropReason::OrphansFull,
                source = *tcb.tuple.peer().ip(),
                destination = *tcb.tuple.local().ip(),
                sport = tcb.tuple.peer().port(),
                dport = tcb.tuple.local().port(),
            );
        }
        self.orphans += 1;
        tcb.is.orphan = true;
        tcb.is.recv_shut = true;
        tcb.recv_queue.clear();
        tcb.urgent = tcb.urgent.take().filter(|_| !tcb.send_queue.is_empty());
        tcb.news = Readiness::default();
        if let Some(early) = tcb.early.take() {
            drop(early);
        }
        let abortive = linger.is_some_and(|time| time.is_zero()) || unread || crowded;
        let mut outcome = Close::Done;
        match state {
            State::Closed | State::TimeWait | State::Listen => {}
            State::SynSent => tcb.set_state(&mut env, State::Closed, "close"),
            _ if abortive => tcb.abort(&mut env, "close"),
            State::SynReceived
            | State::Established
            | State::FinWait1
            | State::FinWait2
            | State::CloseWait
            | State::Closing
            | State::LastAck => {
                tcb.close_sending(&mut env, "close");
                if tcb.state == State::FinWait2 {
                    tcb.timers
                        .set(Timer::Life, env.now() + env.config().fin_wait_2_time);
                } else if let Some(time) = linger {
                    // CLO-3
                    tcb.is.lingering = true;
                    tcb.timers.set(Timer::Life, env.now() + time);
                    outcome = Close::Lingering(time);
                }
            }
        }
        self.finish(cx, id.index, None);
        Ok(outcome)
    }

    /// Whether a closed connection still lingers (CLO-3): what was written is not acknowledged yet, and the time of its
    /// linger option is not over.
    #[must_use]
    pub fn lingers(&self, id: ConnId) -> bool {
        matches!(self.endpoints.get(id), Some(Endpoint::Connection(tcb)) if tcb.is.lingering)
    }

    /// Ends a connection by a reset, or whatever the endpoint is; the identity is no longer valid.
    pub fn abort(&mut self, cx: &mut Context<'_>, id: ConnId) {
        match self.endpoints.get_mut(id) {
            Some(Endpoint::Connection(tcb)) => {
                self.orphans += usize::from(!tcb.is.orphan);
                tcb.is.orphan = true;
                tcb.is.unaccepted = false;
                tcb.news = Readiness::default();
                tcb.recv_queue.clear();
                if !matches!(tcb.state, State::Closed | State::TimeWait) {
                    tcb.abort(&mut env!(self, cx), "abort");
                }
                self.finish(cx, id.index, None);
            }
            Some(Endpoint::Listener(_)) => self.close_listener(cx, id),
            Some(Endpoint::Idle(_)) => self.forget(id),
            None => {}
        }
    }

    /// CLO-2: connections that nobody has accepted are discarded, and so are handshakes.
    fn close_listener(&mut self, cx: &mut Context<'_>, id: ConnId) {
        let Some(Endpoint::Listener(listener)) = self.endpoints.get_mut(id) else {
            return;
        };
        let name = listener.name;
        for child in core::mem::take(&mut listener.queue) {
            self.abort(cx, child);
        }
        // Its handshakes find no listener and go when their time comes.
        self.ports.remove_listener(*name.ip(), name.port(), id);
        self.forget(id);
    }
}

impl Tcb {
    /// No more data follows: the FIN goes out behind what is queued.
    pub(super) fn close_sending(&mut self, env: &mut Env<'_, '_>, why: &'static str) {
        match self.state {
            State::Established | State::SynReceived => {
                self.set_state(env, State::FinWait1, why);
            }
            State::CloseWait => self.set_state(env, State::LastAck, why),
            State::Closed
            | State::Listen
            | State::SynSent
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait => return,
        }
        self.is.dirty = true;
    }

    /// RFC 9293 §3.10.5: ABORT.
    fn abort(&mut self, env: &mut Env<'_, '_>, why: &'static str) {
        // FIN-WAIT-2 and before: the peer may still believe in the connection.
        if self.state != State::SynSent {
            self.is.reset_due = true;
            self.reset_seq = None;
        }
        env.counters.dropped += u64::from(self.is.was_established);
        self.set_state(env, State::Closed, why);
        self.recv_queue.clear();
        self.drop_queues();
    }
}
