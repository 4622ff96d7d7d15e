//! Moving octets between core and wire, by whoever holds the reader role.

use std::io;
use std::sync::{Arc, MutexGuard};
use std::task::{Context, Poll, Waker};

use fairway_stack::Instant;

use super::{Conn, Io, Role, State, Status, Wire, unlock_and_wake};
use crate::client::core::Input;
use crate::client::udp::{DatagramIo, Sent};
use crate::error::CallError;

/// How far a round of moving octets has come.
pub(super) enum Drive {
    /// The caller's own call is done.
    Mine,
    /// Calls of the peer's have come, to be served without any lock.
    Calls,
    /// All is waiting; the context will be woken.
    Waiting,
    /// The connection is gone.
    Lost,
}

/// When the time is next to be looked at.
pub(super) enum Due {
    /// The caller's own call is done: its time is over.
    Mine,
    /// At once: datagrams are to be sent again.
    Now,
    At(Instant),
    Never,
}

/// What sending datagrams leaves behind.
struct Datagrams<'a> {
    /// No more fits into the socket now.
    blocked: bool,
    /// Some have gone, so that there is room for other calls.
    freed: bool,
    /// Still locked: a lock less for a lone call.
    state: MutexGuard<'a, State>,
}

impl Conn {
    /// Moves octets both ways until there is nothing to do but wait, or until the call `me` is done.
    ///
    /// `began` is the time, if it was read a moment ago.
    pub(super) fn drive(
        &self,
        cx: &mut Context<'_>,
        me: Option<u32>,
        mut began: Option<Instant>,
    ) -> Drive {
        let mut guard = self.io();
        // Another thread may have given the task the role since the caller looked. The task must be the last to leave its waker with the
        // stream: it waits for `io` now, or has been woken and will.
        if me.is_some_and(|me| self.state().role != Role::Caller(me)) {
            return Drive::Waiting;
        }
        let io = &mut *guard;
        loop {
            // Reading first: an idle connection that the peer has closed is noticed before a call is written to it.
            if let Some(end) = self.receive(cx, io, me) {
                return end;
            }
            let now = began.take().unwrap_or_else(|| self.clock.now());
            let due = match self.send(cx, io, me, now) {
                Ok(due) => due,
                Err(end) => return end,
            };
            match due {
                Due::Mine => return Drive::Mine,
                Due::Never => return Drive::Waiting,
                Due::Now => {}
                Due::At(at) => {
                    if !watch_time(cx, io, now, at) {
                        return Drive::Waiting;
                    }
                }
            }
        }
    }

    fn receive(&self, cx: &mut Context<'_>, io: &mut Io, me: Option<u32>) -> Option<Drive> {
        loop {
            let polled = match &mut io.wire {
                Wire::Stream(stream) => stream.poll_receive(cx, &mut io.records).map_ok(|()| 0),
                Wire::Datagram(datagram) if me.is_some() => {
                    datagram.poll_receive_one(cx, &mut io.records)
                }
                Wire::Datagram(datagram) => datagram.poll_receive(cx, &mut io.records),
                Wire::None => return Some(Drive::Lost),
            };
            let mut failed = None;
            let cut = match polled {
                Poll::Pending => return None,
                Poll::Ready(Ok(cut)) => cut,
                Poll::Ready(Err(error)) => {
                    failed = Some(error);
                    0
                }
            };
            let mut state = self.state();
            state.core.counters.malformed += cut;
            let had = state.core.counters.replies;
            for record in io.records.drain(..) {
                if let Input::Call(call) = state.core.handle_record(record, me) {
                    io.calls.push(call);
                }
            }
            if state.core.counters.replies != had {
                state.replied = true;
                if state.core.in_flight() <= 1 {
                    state.calm = state.calm.saturating_add(1);
                }
            }
            if let Some(error) = failed {
                match &mut io.wire {
                    Wire::Datagram(_) => state
                        .core
                        .handle_failed(|| CallError::Receive(same_error(&error)), true),
                    wire => {
                        self.lose(&mut state, wire, error);
                        unlock_and_wake(state, &mut io.wakes);
                        return Some(Drive::Lost);
                    }
                }
            }
            let mine = me.is_some_and(|me| state.core.is_done(me));
            // Whoever sends next does so under the lock on `io`, after this.
            let drained = mine && state.core.on_the_wire() == 0;
            if let Wire::Stream(stream) = &io.wire {
                state.busy = !stream.is_between_records();
            }
            let serve = !io.calls.is_empty() && state.server.is_some();
            if !serve && !io.calls.is_empty() {
                state.core.counters.unserved_calls += u64::try_from(io.calls.len()).unwrap_or(0);
                io.calls.clear();
            }
            unlock_and_wake(state, &mut io.wakes);
            if serve {
                return Some(Drive::Calls);
            }
            if mine {
                if let (Wire::Datagram(datagram), true) = (&io.wire, drained) {
                    datagram.assume_drained();
                }
                return Some(Drive::Mine);
            }
        }
    }

    /// Gives the peer's calls that have come to the server. Handlers may do anything with the client.
    pub(super) fn serve_calls(&self) {
        let calls = std::mem::take(&mut self.io().calls);
        let Some(server) = self.state().server.clone() else {
            return;
        };
        for call in calls {
            server.handle_call(&self.back, &call);
        }
    }

    /// Writes what is queued, ends what is over its time, and says when that is next to be done.
    fn send(
        &self,
        cx: &mut Context<'_>,
        io: &mut Io,
        me: Option<u32>,
        now: Instant,
    ) -> Result<Due, Drive> {
        match &mut io.wire {
            Wire::Stream(_) => self.send_stream(cx, io, me, now),
            Wire::Datagram(datagram) => {
                let Datagrams {
                    blocked,
                    freed,
                    mut state,
                } = self.send_datagrams(cx, datagram, now);
                let due = state.due(me, now);
                let again = !blocked && state.core.has_output();
                unlock_and_wake(state, &mut io.wakes);
                if freed {
                    self.tell_room();
                }
                // Calls whose wait is over are queued again.
                Ok(match due {
                    Due::At(_) | Due::Never if again => Due::Now,
                    due => due,
                })
            }
            Wire::None => Err(Drive::Lost),
        }
    }

    fn send_stream(
        &self,
        cx: &mut Context<'_>,
        io: &mut Io,
        me: Option<u32>,
        now: Instant,
    ) -> Result<Due, Drive> {
        let mut blocked = false;
        loop {
            let Wire::Stream(stream) = &mut io.wire else {
                return Err(Drive::Lost);
            };
            let mut state = self.state();
            let mut freed = false;
            for output in stream.done.drain(..) {
                state.core.handle_sent(now, output);
                freed = true;
            }
            if blocked {
                // What is not begun can still be taken back.
                let keep = usize::from(stream.written != 0);
                while stream.out.len() > keep {
                    if let Some(output) = stream.out.pop_back() {
                        stream.out_octets -= output.frame.len();
                        state.core.handle_unsent(output);
                    }
                }
            } else {
                while stream.wants_more() {
                    match state.core.poll_output() {
                        Some(output) => stream.push(output),
                        None => break,
                    }
                }
            }
            state.busy = !stream.is_between_records();
            let ended = blocked || (stream.out.is_empty() && stream.is_flushed());
            let due = ended.then(|| state.due(me, now));
            unlock_and_wake(state, &mut io.wakes);
            if freed {
                self.tell_room();
            }
            if let Some(due) = due {
                return Ok(due);
            }
            match stream.poll_write(cx) {
                Poll::Ready(Ok(())) => {}
                Poll::Pending => blocked = true,
                Poll::Ready(Err(error)) => {
                    let mut state = self.state();
                    self.lose(&mut state, &mut io.wire, error);
                    unlock_and_wake(state, &mut io.wakes);
                    return Err(Drive::Lost);
                }
            }
        }
    }

    fn send_datagrams(
        &self,
        cx: &mut Context<'_>,
        datagram: &mut DatagramIo,
        now: Instant,
    ) -> Datagrams<'_> {
        let mut blocked = false;
        let mut freed = false;
        let mut state = self.state();
        while let Some(output) = state.core.poll_output() {
            drop(state);
            let mut sent = datagram.send(cx, &output);
            if let Sent::Failed(error) = &sent
                && error.kind() != io::ErrorKind::InvalidInput
            {
                // The socket tells of an earlier datagram first (an ICMP message), and has not sent this one.
                self.state()
                    .core
                    .handle_failed(|| CallError::Receive(same_error(error)), true);
                sent = datagram.send(cx, &output);
            }
            state = self.state();
            match sent {
                Sent::Done => state.core.handle_sent(now, output),
                Sent::Failed(error) => state.core.handle_send_failed(output, error),
                Sent::Blocked => {
                    state.core.handle_unsent(output);
                    blocked = true;
                    break;
                }
            }
            freed = true;
        }
        Datagrams {
            blocked,
            freed,
            state,
        }
    }

    /// The connection is gone.
    fn lose(&self, state: &mut State, wire: &mut Wire, error: io::Error) {
        let now = self.clock.now();
        if let Wire::Stream(stream) = wire {
            for output in stream.done.drain(..) {
                state.core.handle_sent(now, output);
            }
            let begun = usize::from(stream.written != 0);
            while stream.out.len() > begun {
                if let Some(output) = stream.out.pop_back() {
                    state.core.handle_unsent(output);
                }
            }
            if let Some(output) = stream.out.pop_front() {
                state.core.handle_sent(now, output);
            }
        }
        *wire = Wire::None;
        let error = Arc::new(error);
        tracing::debug!(error = %error, calls = state.core.on_the_wire(), "connection lost");
        if state.core.handle_lost(&error) {
            state.batch_lost = Some(error);
        }
        if state.status != Status::Closed {
            state.status = Status::Down;
        }
        state.busy = false;
        // A peer that accepts and then closes is not tried again at once.
        state.attempts = if state.replied {
            0
        } else {
            state.attempts.saturating_add(1)
        };
        state.next_attempt = now + self.pause(state.attempts);
        state.replied = false;
        state.hand_to_task();
    }
}

/// Sets the timer to `at`; true if that is over already.
fn watch_time(cx: &mut Context<'_>, io: &mut Io, now: Instant, at: Instant) -> bool {
    // An earlier setting does as well: it is looked at again when it is over.
    let set = io.timer.deadline().filter(|&set| set <= at && set > now);
    let known = io.timer_waker.as_ref();
    if set.is_some() && known.is_some_and(|known| is_same(known, cx.waker())) {
        return false;
    }
    if set.is_none() {
        io.timer.reset(Some(at));
    }
    io.timer_waker = None;
    if io.timer.poll_expired(cx).is_ready() {
        return true;
    }
    io.timer_waker = Some(cx.waker().clone());
    false
}

/// Whether two wakers wake the same task. [`Waker::will_wake`] compares addresses of tables, of which a program may hold several with the same
/// content, and then the future under `block_on` would be taken for another at each poll.
fn is_same(one: &Waker, other: &Waker) -> bool {
    one.data() == other.data() && one.vtable() == other.vtable()
}

/// The same error for another call.
fn same_error(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::new(error.kind(), error.to_string()),
    }
}
