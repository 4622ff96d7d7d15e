//! Calls over datagrams: one task per socket.
//!
//! Everything that has arrived is taken in one system call, each handler polled once, and the replies sent in one system call; each
//! leaves from the address that was asked. Nobody waits for anybody: what cannot be served is dropped and counted, as datagrams are.

use std::future::Future;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fairway_stack::{Instant, MsgInfo, Outgoing, RecvBatch, SendInfo, TaskEnded, Timer, UdpSocket};
use tracing::{Instrument, Span, debug, error};

use super::context::Origin;
use super::counters::as_u64;
use super::dispatch::{Call, Dispatcher, Verdict};
use super::handle::Handle;
use super::parked::{Job, Parking};
use super::server::Shared;
use super::{EncodedReply, Peer, Refusal, TransportKind};

/// Rounds of receiving before other tasks get their turn.
const ROUNDS: usize = 8;

/// Datagrams asked for when one is expected: fewer than asked for tells that no more are there.
const FEW: usize = 2;

/// Octets of a block in which short datagrams are kept.
const ARENA: usize = 4096;

/// How long a socket rests that cannot receive.
const REST: Duration = Duration::from_millis(10);

/// Serves a socket until the server stops. If what judges calls panics (handlers are caught one by one), another task takes the socket on.
pub(crate) async fn serve(shared: Arc<Shared>, socket: UdpSocket) {
    let socket = Arc::new(socket);
    loop {
        let Some(datagrams) = Datagrams::new(&shared, &socket) else {
            return;
        };
        match shared
            .net
            .spawn(datagrams.instrument(Span::current()))
            .await
        {
            Err(TaskEnded::Panicked) => {
                shared.dispatcher.tally.datagram_panics.one();
                error!("panic while a datagram was judged: the socket's calls are lost");
            }
            _ => return,
        }
    }
}

/// A call with the way back.
struct Asked {
    call: Call,
    back: SendInfo,
}

impl Job for Asked {
    type Output = Result<EncodedReply, Refusal>;

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.call.poll(cx)
    }
}

struct Datagrams {
    shared: Arc<Shared>,
    dispatcher: Arc<Dispatcher>,
    handle: Arc<Handle>,
    socket: Arc<UdpSocket>,
    parking: Parking<Asked>,
    unsent: Vec<(EncodedReply, SendInfo)>,
    /// Room for one datagram and a look whether there is another; out of its place only while what it holds is handled.
    few: Option<RecvBatch>,
    /// Room for many: preparing it costs too much for a lone call.
    many: Option<RecvBatch>,
    /// Several came the last time.
    busy: bool,
    /// Whence the last datagram came: the same peer mostly asks again.
    origin: Option<Arc<Origin>>,
    /// Memory for the octets of short datagrams; used again when the calls in it have ended.
    arena: BytesMut,
    /// The datagram that is handled is the only one: its reply need not wait for others.
    lone: bool,
    timer: Timer,
    /// After an error, until the timer ends.
    resting: bool,
}

impl Datagrams {
    fn new(shared: &Arc<Shared>, socket: &Arc<UdpSocket>) -> Option<Self> {
        let id = shared.new_id();
        let local = socket.local_addr().ok();
        let handle = Handle::new(0, |connection| Origin {
            net: shared.net.clone(),
            transport: TransportKind::Udp,
            peer: Peer::Memory,
            local,
            interface: None,
            id,
            name: None,
            connection,
        });
        let size = shared.dispatcher.limits.udp_receive.min(65_535);
        shared.enlist(&handle).then(|| Self {
            shared: Arc::clone(shared),
            dispatcher: Arc::clone(&shared.dispatcher),
            parking: Parking::new(Arc::clone(&handle.wakeups)),
            handle,
            socket: Arc::clone(socket),
            unsent: Vec::new(),
            few: Some(RecvBatch::new(FEW, size)),
            many: Some(RecvBatch::new(RecvBatch::MAX_SLOTS, size)),
            busy: false,
            origin: None,
            arena: BytesMut::new(),
            lone: false,
            timer: shared.clock.timer(),
            resting: false,
        })
    }

    /// Takes in the calls that have ended.
    fn gather(&mut self, now: Instant) {
        let Self {
            parking,
            dispatcher,
            shared,
            unsent,
            ..
        } = self;
        parking.poll_woken(|asked, result| {
            shared.release_call();
            if let Some(reply) = dispatcher.finish(asked.call.ticket, now, result) {
                unsent.push((reply, asked.back));
            }
        });
    }

    /// One datagram has arrived; gives the time when it had been handled.
    fn handle_datagram(&mut self, now: Instant, octets: &Bytes, info: &MsgInfo) -> Instant {
        let tally = &self.dispatcher.tally;
        let local = self.handle.origin.local;
        let asked = info.destination.or(local.map(|local| local.ip()));
        let asked = asked
            .zip(local)
            .map(|(ip, local)| SocketAddr::new(ip, local.port()));
        let same = self.origin.take().filter(|origin| {
            origin.peer == Peer::Socket(info.peer)
                && origin.local == asked
                && origin.interface == info.interface
        });
        let origin = same.unwrap_or_else(|| {
            Arc::new(Origin {
                net: self.shared.net.clone(),
                transport: TransportKind::Udp,
                peer: Peer::Socket(info.peer),
                local: asked,
                interface: info.interface,
                id: self.handle.origin.id,
                name: None,
                connection: Weak::new(),
            })
        });
        let back = way_back(info, local);
        let verdict = self.dispatcher.accept(&origin, octets, now);
        self.origin = Some(origin);
        match verdict {
            Verdict::Run(call) => {
                // What does not finish at once needs a place; without one it is not even begun.
                if tally.calls_running.get() >= as_u64(self.dispatcher.limits.max_calls) {
                    tally.datagrams_over_limit.one();
                    return now;
                }
                let mut asked = Asked { call, back };
                match self.parking.poll_first(&mut asked) {
                    Poll::Ready(result) => {
                        let now = self.shared.clock.now();
                        if let Some(reply) = self.dispatcher.finish(asked.call.ticket, now, result)
                        {
                            self.answer(reply, back);
                        }
                        return now;
                    }
                    Poll::Pending => {
                        self.parking.park(asked);
                        tally.calls_running.one();
                    }
                }
            }
            Verdict::Answer(reply) | Verdict::Swap(reply, _) => self.answer(reply, back),
            Verdict::Reply => tally.garbage.one(),
            Verdict::Ignore => {}
        }
        now
    }

    /// Sends a reply now, or leaves it for later.
    fn answer(&mut self, reply: EncodedReply, back: SendInfo) {
        if self.lone && send_one(&self.socket, &reply, &back).is_ok() {
            self.dispatcher.tally.datagrams_sent.one();
        } else {
            self.unsent.push((reply, back));
        }
    }

    /// Receives what is there, in one system call; true if nothing is left, as far as it tells.
    fn receive(&mut self, mut now: Instant) -> io::Result<bool> {
        let place = if self.busy {
            &mut self.many
        } else {
            &mut self.few
        };
        let Some(mut batch) = place.take() else {
            return Ok(true);
        };
        let slots = if self.busy { RecvBatch::MAX_SLOTS } else { FEW };
        let result = self.socket.try_recv_batch(&mut batch);
        if let Ok(count) = result {
            self.dispatcher.tally.datagrams_received.add(as_u64(count));
            self.lone = count == 1 && self.unsent.is_empty();
            for (octets, info) in batch.iter() {
                if info.truncated {
                    debug!(peer = %info.peer, "datagram too long");
                    self.dispatcher.tally.datagrams_truncated.one();
                } else {
                    let octets = copy(&mut self.arena, octets);
                    now = self.handle_datagram(now, &octets, info);
                }
            }
        }
        let place = if self.busy {
            &mut self.many
        } else {
            &mut self.few
        };
        *place = Some(batch);
        match result {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
            Err(error) => Err(error),
            Ok(count) => {
                self.busy = count >= FEW;
                Ok(count < slots)
            }
        }
    }

    /// Sends the replies that wait, one alone by itself, several together; false if the system takes no more now.
    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        let mut sent = 0;
        let mut free = true;
        while let Some(rest @ [first, ..]) = self.unsent.get(sent..) {
            let result = if let [(reply, back)] = rest {
                send_one(&self.socket, reply, back)
            } else if let Some((reply, back)) =
                Some(first).filter(|(reply, _)| reply.as_message().is_none())
            {
                send_one(&self.socket, reply, back)
            } else {
                let run = rest.iter().map_while(|(reply, back)| {
                    reply.as_message().map(|octets| Outgoing {
                        octets,
                        info: *back,
                    })
                });
                self.socket.try_send_batch(&run.collect::<Vec<_>>())
            };
            match result {
                Ok(count) => {
                    self.dispatcher.tally.datagrams_sent.add(as_u64(count));
                    sent += count.max(1);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if self.socket.poll_send_ready(cx).is_pending() {
                        free = false;
                        break;
                    }
                }
                Err(error) => {
                    debug!(peer = ?first.1.peer, %error, "reply not sent");
                    self.dispatcher.tally.datagrams_unsent.one();
                    sent += 1;
                }
            }
        }
        if sent >= self.unsent.len() {
            self.unsent.clear();
        } else {
            self.unsent.drain(..sent);
        }
        free
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.handle.is_stopped() {
            return Poll::Ready(());
        }
        let now = self.shared.clock.now();
        self.gather(now);
        // Who is woken tries at once: mostly a datagram has come, and asking first would cost as much again.
        let mut drained = false;
        for round in 0..ROUNDS {
            let free = self.send(cx);
            if self.handle.is_finishing() && self.parking.len() == 0 && self.unsent.is_empty() {
                return Poll::Ready(());
            }
            if !free || self.resting || self.handle.is_finishing() {
                return Poll::Pending;
            }
            if drained && self.socket.poll_recv_ready(cx).is_pending() {
                return Poll::Pending;
            }
            let now = if round == 0 {
                now
            } else {
                self.shared.clock.now()
            };
            drained = self.receive(now).unwrap_or_else(|error| {
                // Nothing that a datagram socket reports is the end of it.
                debug!(%error, "cannot receive");
                self.resting = true;
                self.timer.reset(Some(self.shared.clock.now() + REST));
                true
            });
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_deadlines(&mut self, cx: &mut Context<'_>) {
        if self.parking.len() == 0 && !self.resting {
            // A timer that is still set wakes the task once for nothing.
            return;
        }
        loop {
            let calls = self
                .parking
                .iter()
                .filter_map(|asked| asked.call.ticket.deadline)
                .min();
            if let Some(next) = calls
                && self.timer.deadline().is_none_or(|set| next < set)
            {
                self.timer.reset(Some(next));
            }
            if Pin::new(&mut self.timer).poll(cx).is_pending() {
                return;
            }
            self.resting = false;
            cx.waker().wake_by_ref();
            let now = self.shared.clock.now();
            for asked in self
                .parking
                .take_if(|asked| asked.call.ticket.deadline.is_some_and(|by| by <= now))
            {
                self.dispatcher.tally.calls_timed_out.one();
                self.shared.release_call();
                if let Some(reply) =
                    self.dispatcher
                        .finish(asked.call.ticket, now, Err(Refusal::SystemErr))
                {
                    self.unsent.push((reply, asked.back));
                }
            }
        }
    }
}

/// The octets of a datagram for whoever keeps them. Short ones share blocks, so that a lone call allocates nothing for them, and keep at
/// most one block each.
fn copy(arena: &mut BytesMut, octets: &[u8]) -> Bytes {
    if octets.len() > ARENA / 4 {
        return Bytes::copy_from_slice(octets);
    }
    if arena.capacity() < octets.len() {
        arena.reserve(ARENA);
    }
    arena.extend_from_slice(octets);
    arena.split().freeze()
}

/// Sends one reply from where its pieces are.
fn send_one(socket: &UdpSocket, reply: &EncodedReply, back: &SendInfo) -> io::Result<usize> {
    if let Some(octets) = reply.as_message() {
        socket.try_send_msg(&[IoSlice::new(octets)], back)?;
    } else {
        let joined: Vec<u8> = reply.message().flatten().copied().collect();
        socket.try_send_msg(&[IoSlice::new(&joined)], back)?;
    }
    Ok(1)
}

/// The way back to whoever asked: from the address that was asked.
///
/// Where the system chooses that address by itself it is not named, because only such replies can share a system call: the socket has
/// one address, or a host talks to itself.
fn way_back(info: &MsgInfo, own: Option<SocketAddr>) -> SendInfo {
    let back = SendInfo::reply_to(info);
    let chosen =
        own.is_some_and(|own| !own.ip().is_unspecified()) || info.local == Some(info.peer.ip());
    if chosen && back.interface.is_none() {
        SendInfo::to(info.peer)
    } else {
        back
    }
}

impl Future for Datagrams {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        this.handle.wakeups.register(cx);
        if this.turn(cx).is_ready() {
            return Poll::Ready(());
        }
        this.poll_deadlines(cx);
        Poll::Pending
    }
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        self.dispatcher
            .tally
            .calls_cancelled
            .add(as_u64(self.parking.len()));
        for _ in 0..self.parking.len() {
            self.shared.release_call();
        }
        self.shared.forget(&self.handle);
    }
}
