//! Calls that arrive at a client: it serves a registry over the connection on which it calls.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::{Bytes, BytesMut};
use fairway_stack::Net;

use super::context::Origin;
use super::counters::as_u64;
use super::dispatch::{Call, Dispatcher, Verdict};
use super::parked::Job;
use super::{Counters, EncodedReply, Limits, Peer, Refusal, Registry, TransportKind};
use crate::transport::Link;

/// A registry that serves what arrives on a connection somebody else reads.
///
/// Handlers that finish at once are answered at once; others get a task each, at most
/// [`max_calls_per_connection`](Limits::max_calls_per_connection) of them, beyond which calls are answered with SYSTEM_ERR: the
/// connection must be read on for the replies in it.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    net: Net,
    dispatcher: Arc<Dispatcher>,
    origin: Arc<Origin>,
}

impl Served {
    /// Serves `registry` to `peer`.
    pub(crate) fn new(
        net: &Net,
        registry: Registry,
        limits: Limits,
        transport: TransportKind,
        peer: Peer,
    ) -> Self {
        let origin = Origin {
            net: net.clone(),
            transport,
            peer,
            local: None,
            interface: None,
            id: 0,
            name: None,
            connection: std::sync::Weak::new(),
        };
        Self {
            net: net.clone(),
            dispatcher: Dispatcher::new(registry, limits),
            origin: Arc::new(origin),
        }
    }

    /// What has happened so far.
    pub(crate) fn counters(&self) -> Counters {
        self.dispatcher.counters()
    }

    /// Handles a record, its mark taken off, that is a call; the reply goes out by `link`.
    pub(crate) fn handle_call(&self, link: &Arc<dyn Link>, record: &Bytes) {
        let clock = self.net.clock();
        let mut call = match self.dispatcher.accept(&self.origin, record, clock.now()) {
            Verdict::Run(call) => call,
            Verdict::Answer(reply) | Verdict::Swap(reply, _) => return self.send(&**link, reply),
            Verdict::Reply | Verdict::Ignore => return,
        };
        if let Poll::Ready(result) = call.poll(&mut Context::from_waker(Waker::noop())) {
            return self.finish(&**link, call, result);
        }
        let running = &self.dispatcher.tally.calls_running;
        if running.get() >= as_u64(self.dispatcher.limits.max_calls_per_connection) {
            self.dispatcher.tally.paused_by_calls.one();
            return self.finish(&**link, call, Err(Refusal::SystemErr));
        }
        running.one();
        let (own, link) = (self.clone(), Arc::clone(link));
        let task = async move {
            let _running = Running(Arc::clone(&own.dispatcher));
            let result = std::future::poll_fn(|cx| call.poll(cx)).await;
            own.finish(&*link, call, result);
        };
        self.net.spawn(task).detach();
    }

    fn finish(&self, link: &dyn Link, call: Call, result: Result<EncodedReply, Refusal>) {
        let now = self.net.clock().now();
        if let Some(reply) = self.dispatcher.finish(call.ticket, now, result) {
            self.send(link, reply);
        }
    }

    fn send(&self, link: &dyn Link, mut reply: EncodedReply) {
        if !reply.mark() {
            return self.dispatcher.tally.replies_too_long.one();
        }
        let mut record = BytesMut::with_capacity(reply.record_len());
        for piece in reply.record() {
            record.extend_from_slice(piece);
        }
        if let Err(error) = link.send(record.freeze()) {
            tracing::debug!(peer = %self.origin.peer, %error, "reply to a callback not sent");
        }
    }
}

/// Counts a running call for as long as it lives, however it ends.
struct Running(Arc<Dispatcher>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.tally.calls_running.sub(1);
    }
}
