//! Calls over local datagrams: one task receives, a handler that waits gets a task of its own.
//!
//! The rare transport, kept plain: nothing is lost on it, and a full queue makes the sender wait.

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::task::Poll;

use bytes::Bytes;
use fairway_stack::{LocalAddr, LocalDatagram, LocalMsgInfo, TaskEnded};
use tracing::{Instrument, Span, debug, error};

use super::context::Origin;
use super::counters::as_u64;
use super::dispatch::{Call, Verdict};
use super::handle::Handle;
use super::parked::Job;
use super::server::Shared;
use super::{EncodedReply, Peer, Refusal, TransportKind};

/// How long a socket rests that cannot receive.
const REST: std::time::Duration = std::time::Duration::from_millis(10);

/// Serves a socket until the server stops. If what judges calls panics (handlers are caught one by one), another task takes the socket on.
pub(crate) async fn serve(shared: Arc<Shared>, socket: LocalDatagram) {
    let socket = Arc::new(socket);
    loop {
        let id = shared.new_id();
        let handle = Handle::new(0, |connection| Origin {
            net: shared.net.clone(),
            transport: TransportKind::LocalDatagram,
            peer: Peer::Local(None),
            local: None,
            interface: None,
            id,
            name: None,
            connection,
        });
        if !shared.enlist(&handle) {
            return;
        }
        let datagrams = Datagrams {
            shared: Arc::clone(&shared),
            socket: Arc::clone(&socket),
            handle,
        };
        let task = datagrams.receive().instrument(Span::current());
        match shared.net.spawn(task).await {
            Err(TaskEnded::Panicked) => {
                shared.dispatcher.tally.datagram_panics.one();
                error!("panic while a datagram was judged: it is lost");
            }
            _ => return,
        }
    }
}

struct Datagrams {
    shared: Arc<Shared>,
    socket: Arc<LocalDatagram>,
    handle: Arc<Handle>,
}

impl Datagrams {
    async fn receive(self) {
        let mut buffer = vec![0; self.shared.dispatcher.limits.udp_receive.min(65_535)];
        loop {
            let received = {
                let mut receiving = pin!(self.socket.recv_msg(&mut buffer));
                std::future::poll_fn(|cx| {
                    self.handle.wakeups.register(cx);
                    if self.handle.is_finishing() {
                        return Poll::Ready(None);
                    }
                    receiving.as_mut().poll(cx).map(Some)
                })
                .await
            };
            match received {
                None => return,
                Some(Ok((length, info))) => {
                    let octets = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
                    self.handle_datagram(&octets, info);
                }
                Some(Err(error)) => {
                    debug!(%error, "cannot receive");
                    self.shared.clock.sleep(REST).await;
                }
            }
        }
    }

    fn handle_datagram(&self, octets: &Bytes, info: LocalMsgInfo) {
        let dispatcher = &self.shared.dispatcher;
        let tally = &dispatcher.tally;
        tally.datagrams_received.one();
        if info.truncated {
            tally.datagrams_truncated.one();
            return;
        }
        let own = &self.handle.origin;
        let origin = Arc::new(Origin {
            net: own.net.clone(),
            transport: own.transport,
            peer: Peer::Local(info.credentials),
            local: None,
            interface: None,
            id: own.id,
            name: Some(Box::new(info.peer.clone())),
            connection: Weak::new(),
        });
        let mut call = match dispatcher.accept(&origin, octets, self.shared.clock.now()) {
            Verdict::Run(call) => call,
            Verdict::Answer(reply) | Verdict::Swap(reply, _) => {
                return self.answer(reply, info.peer);
            }
            Verdict::Reply => return tally.garbage.one(),
            Verdict::Ignore => return,
        };
        if tally.calls_running.get() >= as_u64(dispatcher.limits.max_calls) {
            return tally.datagrams_over_limit.one();
        }
        // A task for every call, even one that ends at once: sending its reply may have to wait.
        let (shared, socket) = (Arc::clone(&self.shared), Arc::clone(&self.socket));
        let deadline = call.ticket.deadline;
        let span = call.span.clone();
        tally.calls_running.one();
        let task = async move {
            let _running = Running(Arc::clone(&shared));
            let handler = std::future::poll_fn(|cx| call.poll(cx));
            let result = match deadline {
                Some(by) => shared.clock.timeout_at(by, handler).await,
                None => Ok(handler.await),
            };
            let result = result.unwrap_or_else(|_| {
                shared.dispatcher.tally.calls_timed_out.one();
                Err(Refusal::SystemErr)
            });
            let Call { ticket, .. } = call;
            if let Some(reply) = shared.dispatcher.finish(ticket, shared.clock.now(), result) {
                send(&shared, &socket, &reply, &info.peer).await;
            }
        };
        self.shared.net.spawn(task.instrument(span)).detach();
    }

    fn answer(&self, reply: EncodedReply, peer: LocalAddr) {
        let (shared, socket) = (Arc::clone(&self.shared), Arc::clone(&self.socket));
        self.shared
            .net
            .spawn(async move { send(&shared, &socket, &reply, &peer).await })
            .detach();
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.shared.forget(&self.handle);
    }
}

/// Sends a reply, waiting while the peer's queue is full, for at most `drain_within`.
async fn send(shared: &Shared, socket: &LocalDatagram, reply: &EncodedReply, peer: &LocalAddr) {
    let octets: Vec<u8> = reply.message().flatten().copied().collect();
    let tally = &shared.dispatcher.tally;
    let within = shared.dispatcher.limits.drain_within;
    match shared
        .clock
        .timeout(within, socket.send_to(&octets, peer))
        .await
    {
        Ok(Ok(_)) => tally.datagrams_sent.one(),
        Ok(Err(error)) => {
            debug!(%error, "reply not sent");
            tally.datagrams_unsent.one();
        }
        Err(_) => tally.datagrams_unsent.one(),
    }
}

/// Counts a running call for as long as it lives, however it ends.
struct Running(Arc<Shared>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.release_call();
    }
}
