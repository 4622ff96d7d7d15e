//! Calls over datagrams: one task per socket.
//!
//! Everything that has arrived is taken in one system call, each handler polled once, and the replies sent in one system call; each
//! leaves from the address that was asked. Nobody waits for anybody: what cannot be served is dropped and counted, as datagrams are.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use fairway_stack::{Instant, MsgInfo, SendInfo, TaskEnded, Timer, UdpSocket};
use tracing::{Instrument, Span, debug, error};

use super::connection::Handle;
use super::context::Origin;
use super::counters::as_u64;
use super::dispatch::{Call, Dispatcher, Verdict};
use super::parked::{Job, Parking};
use super::replies::PeerKey;
use super::server::Shared;
use super::{EncodedReply, Peer, Refusal, TransportKind};

/// Rounds of receiving before other tasks get their turn.
const ROUNDS: usize = 8;

/// Datagrams received before their replies are sent.
const BATCH: usize = 32;

/// How long a socket rests that cannot receive.
const REST: Duration = Duration::from_millis(10);

/// Serves a socket until the server stops. A handler that panics ends the task; another one takes the socket on.
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
                error!("a handler panicked: its socket's calls are lost");
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
    buffer: Vec<u8>,
    timer: Timer,
    /// After an error, until the timer ends.
    resting: bool,
}

impl Datagrams {
    fn new(shared: &Arc<Shared>, socket: &Arc<UdpSocket>) -> Option<Self> {
        let id = shared.new_id();
        let local = socket.local_addr().ok();
        let origin = Origin {
            net: shared.net.clone(),
            transport: TransportKind::Udp,
            peer: Peer::Memory,
            local,
            interface: None,
            id,
            key: PeerKey::Connection(id),
        };
        let handle = Arc::new(Handle::new(Arc::new(origin), 0));
        shared.enlist(&handle).then(|| Self {
            shared: Arc::clone(shared),
            dispatcher: Arc::clone(&shared.dispatcher),
            parking: Parking::new(Arc::clone(&handle.wakeups)),
            handle,
            socket: Arc::clone(socket),
            unsent: Vec::new(),
            buffer: vec![0; shared.dispatcher.limits.udp_receive.min(65_535)],
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

    /// One datagram has arrived.
    fn handle_datagram(&mut self, octets: Bytes, info: &MsgInfo) {
        let tally = &self.dispatcher.tally;
        let now = self.shared.clock.now();
        let local = self.handle.origin.local;
        let asked = info.destination.or(local.map(|local| local.ip()));
        let origin = Arc::new(Origin {
            net: self.shared.net.clone(),
            transport: TransportKind::Udp,
            peer: Peer::Socket(info.peer),
            local: asked
                .zip(local)
                .map(|(ip, local)| (ip, local.port()).into()),
            interface: info.interface,
            id: self.handle.origin.id,
            key: PeerKey::Address(info.peer, false),
        });
        let back = SendInfo::reply_to(info);
        match self.dispatcher.accept(&origin, &octets, now) {
            Verdict::Run(call) => {
                // What does not finish at once needs a place; without one it is not even begun.
                if tally.calls_running.get() >= as_u64(self.dispatcher.limits.max_calls) {
                    tally.datagrams_over_limit.one();
                    return;
                }
                match self.parking.poll_once(Asked { call, back }) {
                    Some((asked, result)) => {
                        let now = self.shared.clock.now();
                        if let Some(reply) = self.dispatcher.finish(asked.call.ticket, now, result)
                        {
                            self.unsent.push((reply, back));
                        }
                    }
                    None => tally.calls_running.one(),
                }
            }
            Verdict::Answer(reply) | Verdict::Swap(reply, _) => self.unsent.push((reply, back)),
            Verdict::Reply => tally.garbage.one(),
            Verdict::Ignore => {}
        }
    }

    /// Receives what is there, some of it at a time; false if nothing was.
    fn receive(&mut self) -> io::Result<bool> {
        let mut any = false;
        for _ in 0..BATCH {
            match self.socket.try_recv_msg(&mut self.buffer) {
                Ok((octets, info)) => {
                    any = true;
                    self.dispatcher.tally.datagrams_received.one();
                    if info.truncated {
                        self.dispatcher.tally.datagrams_truncated.one();
                        continue;
                    }
                    let octets =
                        Bytes::copy_from_slice(self.buffer.get(..octets).unwrap_or_default());
                    self.handle_datagram(octets, &info);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(any)
    }

    /// Sends the replies that wait; false if the system takes no more now.
    fn send(&mut self, cx: &mut Context<'_>) -> bool {
        let tally = &self.dispatcher.tally;
        let mut sent = 0;
        let mut free = true;
        for (reply, back) in &self.unsent {
            let mut slices = [IoSlice::new(&[]); 16];
            let mut joined = Vec::new();
            let slices = gather_slices(reply, &mut slices, &mut joined);
            loop {
                match self.socket.try_send_msg(slices, back) {
                    Ok(_) => tally.datagrams_sent.one(),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                        if self.socket.poll_send_ready(cx).is_ready() {
                            continue;
                        }
                        free = false;
                    }
                    Err(error) => {
                        debug!(peer = ?back.peer, %error, "reply not sent");
                        tally.datagrams_unsent.one();
                    }
                }
                break;
            }
            if !free {
                break;
            }
            sent += 1;
        }
        self.unsent.drain(..sent);
        free
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.handle.is_stopped() {
            return Poll::Ready(());
        }
        self.gather(self.shared.clock.now());
        for _ in 0..ROUNDS {
            let free = self.send(cx);
            if self.handle.is_finishing() && self.parking.len() == 0 && self.unsent.is_empty() {
                return Poll::Ready(());
            }
            if !free || self.resting || self.handle.is_finishing() {
                return Poll::Pending;
            }
            if self.socket.poll_recv_ready(cx).is_pending() {
                return Poll::Pending;
            }
            if let Err(error) = self.receive() {
                // Nothing that a datagram socket reports is the end of it.
                debug!(%error, "cannot receive");
                self.resting = true;
                self.timer.reset(Some(self.shared.clock.now() + REST));
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_deadlines(&mut self, cx: &mut Context<'_>) {
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

/// The pieces of a reply for one system call.
fn gather_slices<'a, 'b>(
    reply: &'a EncodedReply,
    slices: &'b mut [IoSlice<'a>; 16],
    joined: &'a mut Vec<u8>,
) -> &'b [IoSlice<'a>] {
    let mut used = 0;
    let mut all = true;
    {
        let mut room = slices.iter_mut();
        for piece in reply.message().filter(|piece| !piece.is_empty()) {
            let Some(slot) = room.next() else {
                all = false;
                break;
            };
            *slot = IoSlice::new(piece);
            used += 1;
        }
    }
    if !all {
        for piece in reply.message() {
            joined.extend_from_slice(piece);
        }
        if let Some(first) = slices.first_mut() {
            *first = IoSlice::new(joined);
        }
        used = 1;
    }
    slices.get(..used).unwrap_or_default()
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
