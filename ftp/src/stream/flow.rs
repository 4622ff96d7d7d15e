//! A transfer that has begun: its data connection, and the control connection that may say why it does not move.

use super::{Plan, broken};
use crate::error::{Error, ErrorKind, Phase};
use crate::link::Event;
use crate::pool::{Lease, Want};
use crate::reply::Reply;
use crate::session::{DataEvent, Operation, Outcome, Verb};
use crate::site::Site;
use fairway_stack::Timer;
use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};
use tokio::io::ReadBuf;

/// How many times in a row the data connection is served before the control connection is looked at.
const TURNS: u32 = 16;

/// A transfer that has begun, and its connection.
pub(crate) struct Flow {
    pub(super) lease: Lease,
    idle: Timer,
    turns: u32,
    done: Option<Result<Outcome, Error>>,
    /// The data connection has ended in order.
    pub(super) ended: bool,
    pub(crate) begun: Option<Reply>,
}

impl Flow {
    /// Begins a transfer on a connection of its own.
    ///
    /// A connection that turns out to be dead before the verb was sent is replaced, once.
    pub(crate) async fn start(site: &Site, plan: &Plan) -> Result<Self, Error> {
        let mut want = Want::Any;
        loop {
            let mut lease = site.lease(want).await?;
            if !lease.can_protect() {
                // Its sessions have run out, and the server may insist: TLS 1.2 has one that can be resumed for ever.
                lease
                    .shared
                    .memory(&lease.server, |memory| memory.tls_capped = true);
                lease.abandon();
                want = Want::New;
                continue;
            }
            let spec = plan.spec(site, &lease)?;
            lease.begin(Operation::Transfer(Box::new(spec)));
            let (begun, done) = loop {
                match lease.event().await {
                    Event::Begin(reply) => break (Some(reply), None),
                    Event::Done(result) => break (None, Some(result)),
                    Event::Ready(_) => {}
                }
            };
            match done {
                Some(Err(error)) if want == Want::Any && lease.is_stale(&error) => want = Want::New,
                Some(Err(error)) if plan.verb != Verb::Stou && lease.wants_resumption(&error) => {
                    lease
                        .shared
                        .memory(&lease.server, |memory| memory.tls_capped = true);
                    lease.abandon();
                    want = Want::New;
                }
                Some(Err(error)) => return Err(error),
                done => {
                    let idle = lease.net.clock().timer();
                    return Ok(Self {
                        lease,
                        idle,
                        turns: 0,
                        done,
                        ended: false,
                        begun,
                    });
                }
            }
        }
    }

    /// Reads octets as they are on the wire; `false` at the end of the data connection.
    pub(super) fn poll_read(
        &mut self,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<bool, Error>> {
        if self.ended || self.done.is_some() {
            return Poll::Ready(Ok(false));
        }
        self.look_at_control(cx)?;
        let before = buf.filled().len();
        let Some(data) = &mut self.lease.data else {
            return Poll::Ready(Ok(false));
        };
        match data.poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                self.idle.reset(None);
                if buf.filled().len() > before {
                    return Poll::Ready(Ok(true));
                }
                self.ended = true;
                // ProFTPD says 226 only when our side is closed too.
                self.lease.forget_data();
                self.lease.data_event(DataEvent::Ended);
                Poll::Ready(Ok(false))
            }
            Poll::Ready(Err(error)) => {
                self.lease.data_event(DataEvent::Broken(error.to_string()));
                Poll::Ready(Err(ready!(self.poll_failure(cx, &error))))
            }
            Poll::Pending => self.wait(cx),
        }
    }

    pub(super) fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        octets: &[u8],
    ) -> Poll<Result<usize, Error>> {
        self.look_at_control(cx)?;
        if let Some(Err(error)) = &self.done {
            return Poll::Ready(Err(error.clone()));
        }
        let Some(data) = &mut self.lease.data else {
            return Poll::Ready(Err(broken("no data connection")));
        };
        match data.poll_write(cx, octets) {
            Poll::Ready(Ok(n)) => {
                self.idle.reset(None);
                Poll::Ready(Ok(n))
            }
            Poll::Ready(Err(error)) => {
                self.lease.data_event(DataEvent::Broken(error.to_string()));
                Poll::Ready(Err(ready!(self.poll_failure(cx, &error))))
            }
            Poll::Pending => self.wait(cx),
        }
    }

    /// The data connection does not move: the control connection may say why, and there is a limit.
    fn wait<T>(&mut self, cx: &mut Context<'_>) -> Poll<Result<T, Error>> {
        self.turns = 0;
        self.poll_control(cx)?;
        if self.idle.deadline().is_none() {
            let limit = self.lease.shared.limits.data_idle;
            let now = self.lease.net.clock().now();
            self.idle.reset(Some(now + limit));
        }
        ready!(self.idle.poll_expired(cx));
        Poll::Ready(Err(ErrorKind::TimedOut {
            phase: Phase::DataIdle,
        }
        .into()))
    }

    fn look_at_control(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        self.turns += 1;
        if self.turns < TURNS {
            return Ok(());
        }
        self.turns = 0;
        self.poll_control(cx)
    }

    fn poll_control(&mut self, cx: &mut Context<'_>) -> Result<(), Error> {
        while self.done.is_none() {
            match self.lease.poll_event(cx) {
                Poll::Ready(Event::Done(Err(error))) => {
                    self.done = Some(Err(error.clone()));
                    return Err(error);
                }
                Poll::Ready(Event::Done(result)) => self.done = Some(result),
                Poll::Ready(_) => {}
                Poll::Pending => break,
            }
        }
        Ok(())
    }

    /// The server's reason for a broken data connection is better than the system's.
    fn poll_failure(&mut self, cx: &mut Context<'_>, error: &io::Error) -> Poll<Error> {
        Poll::Ready(match ready!(self.poll_done(cx)) {
            Err(error) => error,
            Ok(_) => broken(&error.to_string()),
        })
    }

    fn poll_done(&mut self, cx: &mut Context<'_>) -> Poll<Result<Outcome, Error>> {
        loop {
            match &mut self.done {
                Some(Err(error)) => return Poll::Ready(Err(error.clone())),
                Some(Ok(outcome)) => return Poll::Ready(Ok(std::mem::take(outcome))),
                None => {}
            }
            if self.ended
                && let Some(data) = &mut self.lease.data
            {
                data.poll_drain(cx);
            }
            if let Event::Done(result) = ready!(self.lease.poll_event(cx)) {
                self.done = Some(result);
            }
        }
    }

    /// Tells the server that all has been sent.
    pub(super) fn poll_finish(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        if self.ended || self.done.is_some() {
            return Poll::Ready(Ok(()));
        }
        let Some(data) = &mut self.lease.data else {
            return Poll::Ready(Ok(()));
        };
        match ready!(data.poll_finish(cx)) {
            Ok(()) => {
                self.ended = true;
                self.lease.data_event(DataEvent::Ended);
                Poll::Ready(Ok(()))
            }
            Err(error) => {
                self.lease.data_event(DataEvent::Broken(error.to_string()));
                Poll::Ready(Err(ready!(self.poll_failure(cx, &error))))
            }
        }
    }

    /// Waits for the server's final reply, and gives the connection back to the pool.
    pub(super) async fn end(mut self) -> Result<Outcome, Error> {
        let outcome = poll_fn(|cx| self.poll_done(cx)).await;
        if let Ok(outcome) = &outcome
            && let Some(method) = outcome.method
        {
            let lease = &self.lease;
            lease
                .shared
                .memory(&lease.server, |memory| memory.method = Some(method));
        }
        self.lease.forget_data();
        outcome
    }
}
