//! The connection's task: it moves octets for everybody, and makes the connection again.

use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use fairway_stack::{Family, Net, NetError, UdpSocket, option};

use super::drive::Drive;
use super::{Conn, Role, Status, Target, Wire, wake};
use crate::client::ClientConfig;
use crate::client::stream::StreamIo;
use crate::error::{CallError, ConnectError};
use crate::transport::Channel;

/// Calls one by one after which the task gives the role back.
const CALM: u8 = 4;

/// Times the task steps back to let callers that have their replies queue their next calls.
const PATIENCE: u8 = 2;

/// What the task is asked to do.
enum Duty {
    Connect,
    End,
}

/// The connection's task.
pub(super) async fn run(conn: Arc<Conn>) {
    loop {
        match std::future::poll_fn(|cx| conn.poll_task(cx)).await {
            Duty::Connect => conn.reconnect().await,
            Duty::End => return,
        }
    }
}

impl Conn {
    fn poll_task(&self, cx: &mut Context<'_>) -> Poll<Duty> {
        loop {
            let mut state = self.state();
            match &mut state.task {
                Some(known) => known.clone_from(cx.waker()),
                none => *none = Some(cx.waker().clone()),
            }
            state.poked = false;
            if state.status == Status::Closed {
                return Poll::Ready(Duty::End);
            }
            if state.role != Role::Task {
                return Poll::Pending;
            }
            match state.status {
                Status::Up => {}
                Status::Down if state.core.has_output() => return Poll::Ready(Duty::Connect),
                Status::Down | Status::Swapping | Status::Closed => return Poll::Pending,
            }
            if state.core.unclaimed() != 0 && state.core.has_output() && state.patience < PATIENCE {
                // Callers that have their replies are about to queue their next calls: one write for all.
                state.patience += 1;
                state.poked = true;
                drop(state);
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            state.patience = 0;
            drop(state);
            match self.drive(cx, None, None) {
                Drive::Waiting => {}
                Drive::Calls => {
                    self.serve_calls();
                    continue;
                }
                Drive::Mine | Drive::Lost => continue,
            }
            let mut state = self.state();
            let needed = state.busy || state.server.is_some() || state.core.has_output();
            if state.role != Role::Task || needed || state.calm < CALM {
                return Poll::Pending;
            }
            if state.core.in_flight() == 0 && !state.core.is_owed() {
                state.role = Role::Free;
            } else if let Some((xid, waker)) = state.core.lone() {
                state.role = Role::Caller(xid);
                drop(state);
                if let Some(waker) = waker {
                    waker.wake();
                }
            }
            return Poll::Pending;
        }
    }

    /// Makes the connection again while calls wait for it.
    async fn reconnect(&self) {
        let (target, at) = {
            let state = self.state();
            (state.target.clone(), state.next_attempt)
        };
        let mut work = pin!(async {
            self.clock.sleep_until(at).await;
            connect(&self.net, &target, &self.config).await
        });
        let mut timer = self.clock.timer();
        let outcome = std::future::poll_fn(|cx| {
            loop {
                let mut state = self.state();
                state.task = Some(cx.waker().clone());
                state.poked = false;
                state.core.handle_timeout(self.clock.now());
                let check = state.core.poll_timeout();
                let wanted = state.status == Status::Down && state.core.has_output();
                let mut wakes = std::mem::take(&mut state.core.wakes);
                drop(state);
                wake(&mut wakes);
                if !wanted {
                    return Poll::Ready(None);
                }
                timer.reset(check);
                if timer.poll_expired(cx).is_pending() {
                    break;
                }
            }
            work.as_mut().poll(cx).map(Some)
        })
        .await;
        self.tell_room();
        let Some(outcome) = outcome else {
            return;
        };
        let mut io = self.io();
        let mut state = self.state();
        match outcome {
            Ok(channel) if state.status == Status::Down => {
                tracing::debug!("connected again");
                io.wire = Wire::Stream(StreamIo::new(channel, self.config.limits.record));
                state.status = Status::Up;
                state.core.counters.reconnects += 1;
            }
            Ok(_) => {}
            Err(error) => {
                tracing::debug!(error = %error, "cannot connect again");
                state.attempts = state.attempts.saturating_add(1);
                state.next_attempt = self.clock.now() + self.pause(state.attempts);
                let hopeless = matches!(target, Target::None);
                state
                    .core
                    .handle_not_connected(hopeless, || same_connect_error(&error));
            }
        }
        let mut wakes = std::mem::take(&mut state.core.wakes);
        drop(state);
        drop(io);
        wake(&mut wakes);
        self.tell_room();
    }

    /// The pause before the attempt after so many failed ones.
    pub(super) fn pause(&self, attempts: u32) -> Duration {
        if attempts == 0 {
            return Duration::ZERO;
        }
        let doubled = 1u32.checked_shl(attempts - 1).unwrap_or(u32::MAX);
        let pause = self
            .config
            .first_pause
            .saturating_mul(doubled)
            .min(self.config.longest_pause);
        // Up to a quarter more, so that the clients of a restarted server do not all come at once.
        pause + pause / 1024 * (self.net.rng().next_u32() % 256)
    }
}

/// Tells the calls in flight what became of their datagrams (an ICMP message): the system wakes readers for datagrams
/// only.
pub(super) async fn watch_errors(conn: Weak<Conn>, socket: Arc<UdpSocket>) {
    while let Ok(error) = socket.wait_error().await {
        let Some(conn) = conn.upgrade() else {
            return;
        };
        let mut state = conn.state();
        state
            .core
            .handle_failed(|| CallError::Receive(error.into()), true);
        state.poke_for_output();
        let mut wakes = std::mem::take(&mut state.core.wakes);
        drop(state);
        wake(&mut wakes);
    }
}

/// Makes a connection.
pub(in crate::client) async fn connect(
    net: &Net,
    target: &Target,
    config: &ClientConfig,
) -> Result<Channel, ConnectError> {
    let failed = |error: NetError| ConnectError::Connect {
        peer: target.name(),
        error,
    };
    let work = async {
        Ok(match target {
            Target::Tcp(peer) => {
                let stream = if config.reserved_port {
                    let socket = net.tcp_socket(Family::of(peer))?;
                    socket.bind_reserved(&mut net.rng())?;
                    socket.connect(*peer).await
                } else {
                    net.connect_tcp(*peer).await
                }
                .map_err(failed)?;
                // A call must not wait for the acknowledgement of the one before.
                stream.set(option::NoDelay, true)?;
                Channel::Tcp(stream)
            }
            Target::Local(peer) => Channel::Local(net.connect_local(peer).await.map_err(failed)?),
            Target::None => return Err(ConnectError::System(NetError::NotConn)),
        })
    };
    match net.clock().timeout(config.connect_time, work).await {
        Ok(result) => result,
        Err(_) => Err(ConnectError::TimedOut {
            peer: target.name(),
        }),
    }
}

fn same_connect_error(error: &ConnectError) -> ConnectError {
    match error {
        ConnectError::System(error) => ConnectError::System(*error),
        ConnectError::Connect { peer, error } => ConnectError::Connect {
            peer: peer.clone(),
            error: *error,
        },
        ConnectError::TimedOut { peer } => ConnectError::TimedOut { peer: peer.clone() },
        _ => ConnectError::System(NetError::NotConn),
    }
}
