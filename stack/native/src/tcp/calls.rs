//! The calls of programs: `sockets.md` §5, §12. None of them waits.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};

use super::endpoint::{Binding, Common, Endpoint, Idle, Listener};
use super::info::TcpInfo;
use super::num::octets;
use super::options::SocketOptions;
use super::ports::Reuse;
use super::state::State;
use super::table::{ConnId, FourTuple};
use super::tcb::{Env, Path, Tcb};
use super::tcp::{Tcp, env};
use super::timers::Timer;
use super::types::{
    Close, Context, IpChoices, PathInfo, Readiness, RecvFlags, SendFlags, Shutdown,
};
use crate::dropped;
use crate::errno::Errno;
use crate::event;
use crate::event::{DropReason, EventId};

/// `SOMAXCONN` (LSN-2).
const MOST_BACKLOG: usize = 4096;

impl Idle {
    pub(super) const fn new(options: SocketOptions) -> Self {
        Self {
            common: Common {
                owner: None,
                choices: None,
                binding: Binding::None,
            },
            options,
            error: None,
        }
    }
}

impl Tcp {
    fn endpoint(&self, id: ConnId) -> Result<&Endpoint, Errno> {
        self.endpoints
            .get(id)
            .filter(|endpoint| endpoint.is_held())
            .ok_or(Errno::NotSock)
    }

    fn endpoint_mut(&mut self, id: ConnId) -> Result<&mut Endpoint, Errno> {
        self.endpoints
            .get_mut(id)
            .filter(|endpoint| endpoint.is_held())
            .ok_or(Errno::NotSock)
    }

    /// A socket without a name.
    ///
    /// # Errors
    /// [`Errno::NoBufs`] if there are as many as there may be (`tcp_attach-nopcbmem`).
    pub fn create(&mut self, cx: &mut Context<'_>) -> Result<ConnId, Errno> {
        self.attach(cx, SocketOptions::new(cx.config), "socket")
            .ok_or(Errno::NoBufs)
    }

    /// Whether there may be one more endpoint.
    pub(super) fn has_room(&self, cx: &Context<'_>) -> bool {
        self.endpoints.len() < cx.limits.endpoints
    }

    /// Makes room for an endpoint; that there is none is told, with what it was for.
    pub(super) fn attach(
        &mut self,
        cx: &mut Context<'_>,
        options: SocketOptions,
        cause: &'static str,
    ) -> Option<ConnId> {
        let room = self.has_room(cx);
        let idle = || Endpoint::Idle(Box::new(Idle::new(options)));
        let id = room.then(idle).and_then(|idle| self.endpoints.insert(idle));
        if id.is_none() {
            event!(
                cx.events,
                cx.now,
                EventId::TcpAttachNopcbmem,
                errno = Errno::NoBufs,
                reason = cause,
            );
        }
        id
    }

    /// Gives the endpoint its owner's name for it, which its notices bear.
    pub fn set_owner(&mut self, id: ConnId, owner: u64) {
        if let Ok(endpoint) = self.endpoint_mut(id) {
            endpoint.common_mut().owner = Some(owner);
        }
    }

    /// The owner's name for an endpoint.
    pub(crate) fn owner(&self, id: ConnId) -> Option<u64> {
        self.endpoint(id).ok()?.common().owner
    }

    /// Gives the socket a local name; port 0 for any that is free (PRT-3). Whether the address is ours is the caller's to
    /// know.
    ///
    /// # Errors
    /// [`Errno::Inval`] if it has a name (PRT-6), [`Errno::AddrInUse`] (BND-3), [`Errno::AddrNotAvail`] if no port is
    /// free.
    pub fn bind(
        &mut self,
        cx: &mut Context<'_>,
        id: ConnId,
        name: SocketAddrV4,
    ) -> Result<(), Errno> {
        let endpoint = self.endpoint(id)?;
        if !matches!(endpoint, Endpoint::Idle(_)) || endpoint.common().binding.name().is_some() {
            return Err(Errno::Inval);
        }
        let options = endpoint.options();
        let reuse = Reuse {
            addr: options.reuse_addr,
            port: options.reuse_port,
        };
        let port = self.ports.bind(*name.ip(), name.port(), reuse, cx.rng)?;
        let name = SocketAddrV4::new(*name.ip(), port);
        self.endpoint_mut(id)?.common_mut().binding = Binding::Bound(name, reuse);
        Ok(())
    }

    /// Listens, with room for `backlog` connections that are not accepted (LSN-1, LSN-2); again: changes the room.
    ///
    /// # Errors
    /// [`Errno::Inval`] on a socket with a connection, [`Errno::AddrInUse`], [`Errno::AddrNotAvail`].
    pub fn listen(&mut self, cx: &mut Context<'_>, id: ConnId, backlog: i32) -> Result<(), Errno> {
        let backlog = usize::try_from(backlog).unwrap_or(0).min(MOST_BACKLOG);
        match self.endpoint_mut(id)? {
            Endpoint::Listener(listener) => {
                listener.backlog = backlog;
                return Ok(());
            }
            Endpoint::Connection(_) => return Err(Errno::Inval),
            Endpoint::Idle(idle) => {
                if idle.common.binding.name().is_none() {
                    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
                    self.bind(cx, id, any)?;
                }
            }
        }
        let place = self.endpoint_mut(id)?;
        let Endpoint::Idle(idle) = place else {
            return Err(Errno::Inval);
        };
        let name = idle.common.binding.name().ok_or(Errno::Inval)?;
        let common = idle.common.take();
        let options = idle.options;
        *place = Endpoint::Listener(Box::new(Listener {
            common,
            options,
            name,
            backlog,
            queue: VecDeque::new(),
            handshakes: 0,
            cookies_at: None,
            news: Readiness::default(),
            noticed: false,
        }));
        self.ports.add_listener(*name.ip(), name.port(), id);
        event!(
            cx.events,
            cx.now,
            EventId::TcpState,
            source = *name.ip(),
            sport = name.port(),
            from = State::Closed.name(),
            to = State::Listen.name(),
        );
        Ok(())
    }

    /// The first connection that waits to be accepted, and its peer (ACC-1). The new socket has the listener's options.
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if none waits (ACC-3), [`Errno::Inval`] if the socket does not listen,
    /// [`Errno::ConnAborted`] if the connection has died meanwhile (ACC-5).
    pub fn accept(
        &mut self,
        _cx: &mut Context<'_>,
        id: ConnId,
    ) -> Result<(ConnId, SocketAddrV4), Errno> {
        let Endpoint::Listener(listener) = self.endpoint_mut(id)? else {
            return Err(Errno::Inval);
        };
        let child = listener.queue.pop_front().ok_or(Errno::WouldBlock)?;
        let more = !listener.is_idle();
        if more {
            self.tell_listener(id, Readiness::READABLE);
        }
        let Some(Endpoint::Connection(tcb)) = self.endpoints.get_mut(child) else {
            return Err(Errno::ConnAborted);
        };
        if tcb.state == State::Closed && tcb.error.is_some() {
            self.forget(child);
            return Err(Errno::ConnAborted);
        }
        tcb.accepted();
        Ok((child, tcb.tuple.peer()))
    }

    /// Whether a connection may be begun from here: that comes before whereto.
    ///
    /// # Errors
    /// [`Errno::OpNotSupp`] on a listener, [`Errno::Already`] while connecting (CON-4), [`Errno::IsConn`] once there is
    /// or was a connection (CON-1).
    pub(crate) fn may_connect(&self, id: ConnId) -> Result<(), Errno> {
        match self.endpoint(id)? {
            Endpoint::Idle(_) => Ok(()),
            Endpoint::Listener(_) => Err(Errno::OpNotSupp),
            Endpoint::Connection(tcb) => match tcb.state {
                State::SynSent | State::SynReceived => Err(Errno::Already),
                State::Closed if !tcb.is.was_established => Ok(()),
                _ => Err(Errno::IsConn),
            },
        }
    }

    /// Begins a connection to `peer` (CON-1). `local` is the address of the path, unless the socket is bound to one.
    ///
    /// # Errors
    /// [`Errno::InProgress`]: it has begun; the socket becomes writable when it has ended, one way or the other.
    /// [`Errno::Already`], [`Errno::IsConn`], [`Errno::OpNotSupp`] on a listener, [`Errno::AddrInUse`] if there is such
    /// a connection, [`Errno::AddrNotAvail`] if no port is free.
    pub fn connect(
        &mut self,
        cx: &mut Context<'_>,
        id: ConnId,
        local: Ipv4Addr,
        peer: SocketAddrV4,
        path: PathInfo,
    ) -> Result<(), Errno> {
        let generation = cx.paths.generation();
        self.may_connect(id)?;
        match self.endpoint_mut(id)? {
            Endpoint::Listener(_) => return Err(Errno::OpNotSupp),
            Endpoint::Connection(tcb) => {
                if let Some(error) = tcb.error.take() {
                    // The outcome of the last attempt, once.
                    return Err(error);
                }
                self.make_idle(id)?;
            }
            Endpoint::Idle(idle) => {
                if let Some(error) = idle.error.take() {
                    return Err(error);
                }
            }
        }
        let endpoint = self.endpoint(id)?;
        let options = *endpoint.options();
        let bound = endpoint.common().binding;
        let local = match bound.name() {
            Some(name) if !name.ip().is_unspecified() => *name.ip(),
            _ => local,
        };
        let (tuple, binding) = self.name_connection(cx, bound, local, peer)?;
        let least = self.succeed(tuple).map(|remains| remains.next_sequence());
        let mut iss = self.secrets.initial_sequence(cx.now, tuple);
        if let Some(least) = least {
            iss = iss.max(least);
        }
        self.counters.connects_attempted += 1;
        let path = Path::new(&path, generation);
        let mut env = env!(self, cx);
        let mut tcb = Box::new(Tcb::new(id, tuple, iss, options, path, &env));
        tcb.recv_shift = Tcb::shift_for(&options, env.cx.config);
        tcb.set_state(&mut env, State::SynSent, "connect");
        tcb.is.syn_due = true;
        tcb.is.dirty = true;
        tcb.timers
            .set(Timer::Life, env.now() + env.config().connect_time);
        let place = self.endpoints.get_mut(id).ok_or(Errno::NotSock)?;
        tcb.common = place.common_mut().take();
        tcb.common.binding = binding;
        *place = Endpoint::Connection(tcb);
        self.connections.insert(tuple, id.index);
        self.finish(cx, id.index, None);
        Err(Errno::InProgress)
    }

    /// The four-tuple of a new connection, and how its local name is held.
    fn name_connection(
        &mut self,
        cx: &mut Context<'_>,
        bound: Binding,
        local: Ipv4Addr,
        peer: SocketAddrV4,
    ) -> Result<(FourTuple, Binding), Errno> {
        if let Some(name) = bound.name() {
            let tuple = FourTuple::from_parts(local, name.port(), *peer.ip(), peer.port());
            // PRT-2
            let waiting = self.time_wait.table().get(tuple);
            let taken = self.connections.contains_key(&tuple)
                || waiting.is_some_and(|remains| !remains.allows_reuse());
            return if taken {
                Err(Errno::AddrInUse)
            } else {
                Ok((tuple, bound))
            };
        }
        let connections = &self.connections;
        let waiting = self.time_wait.table();
        let port = self
            .ports
            .choose_for(cx.rng, |port| {
                let tuple = FourTuple::from_parts(local, port, *peer.ip(), peer.port());
                !connections.contains_key(&tuple) && waiting.get(tuple).is_none()
            })
            .ok_or(Errno::AddrNotAvail)?;
        self.ports.hold_chosen(local, port);
        let tuple = FourTuple::from_parts(local, port, *peer.ip(), peer.port());
        Ok((tuple, Binding::Chosen(SocketAddrV4::new(local, port))))
    }

    /// A socket whose connection attempt has failed may try again; its name stays (PRT-5).
    fn make_idle(&mut self, id: ConnId) -> Result<(), Errno> {
        let place = self.endpoints.get_mut(id).ok_or(Errno::NotSock)?;
        if let Endpoint::Connection(tcb) = place {
            let mut idle = Idle::new(tcb.options);
            idle.common = tcb.common.take();
            *place = Endpoint::Idle(Box::new(idle));
        }
        Ok(())
    }

    /// Takes octets to send, as many as there is room for (SND-2, SND-4).
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if there is no room or the connection is not yet there, [`Errno::NotConn`] without a
    /// connection, [`Errno::Pipe`] after sending was shut down or the connection has ended, and once the error it ended
    /// with.
    pub fn send(
        &mut self,
        cx: &mut Context<'_>,
        id: ConnId,
        buffers: &[IoSlice<'_>],
        flags: SendFlags,
    ) -> Result<usize, Errno> {
        let tcb = match self.endpoints.get_mut(id) {
            Some(Endpoint::Connection(tcb)) if !tcb.is.orphan && !tcb.is.unaccepted => tcb,
            Some(Endpoint::Idle(idle)) => {
                return Err(idle.error.take().unwrap_or(Errno::NotConn));
            }
            Some(Endpoint::Listener(_)) => return Err(Errno::NotConn),
            Some(Endpoint::Connection(_)) | None => return Err(Errno::NotSock),
        };
        let sent = tcb.write(&mut env!(self, cx), buffers, flags)?;
        self.finish(cx, id.index, None);
        Ok(sent)
    }

    /// Gives octets that have arrived; 0 is the end of the stream (RCV-2).
    ///
    /// # Errors
    /// [`Errno::WouldBlock`] if nothing is there (RCV-4, RCV-6), [`Errno::NotConn`] without a connection,
    /// [`Errno::Inval`] for urgent data where there is none, and once the error the connection ended with.
    pub fn recv(
        &mut self,
        cx: &mut Context<'_>,
        id: ConnId,
        buffers: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<usize, Errno> {
        let tcb = match self.endpoints.get_mut(id) {
            Some(Endpoint::Connection(tcb)) if !tcb.is.orphan && !tcb.is.unaccepted => tcb,
            Some(Endpoint::Idle(idle)) => {
                return Err(idle.error.take().unwrap_or(Errno::NotConn));
            }
            Some(Endpoint::Listener(_)) => return Err(Errno::NotConn),
            Some(Endpoint::Connection(_)) | None => return Err(Errno::NotSock),
        };
        let got = tcb.read(&mut env!(self, cx), buffers, flags)?;
        self.finish(cx, id.index, None);
        Ok(got)
    }

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

    // What can be asked.

    /// The local name; all zero if there is none (GSN-1).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn local_name(&self, id: ConnId) -> Result<SocketAddrV4, Errno> {
        let endpoint = self.endpoint(id)?;
        Ok(match endpoint {
            Endpoint::Connection(tcb) => tcb.tuple.local(),
            Endpoint::Idle(_) | Endpoint::Listener(_) => endpoint
                .common()
                .binding
                .name()
                .unwrap_or(SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0)),
        })
    }

    /// The peer's name.
    ///
    /// # Errors
    /// [`Errno::NotConn`] without a connection (GPN-1), [`Errno::NotSock`].
    pub fn peer_name(&self, id: ConnId) -> Result<SocketAddrV4, Errno> {
        match self.endpoint(id)? {
            Endpoint::Connection(tcb)
                if tcb.state.is_synchronized() || tcb.is.was_established && tcb.error.is_none() =>
            {
                Ok(tcb.tuple.peer())
            }
            _ => Err(Errno::NotConn),
        }
    }

    /// Whether a connection is established: a connect has succeeded.
    #[must_use]
    pub fn is_established(&self, id: ConnId) -> bool {
        matches!(self.endpoint(id), Ok(Endpoint::Connection(tcb)) if tcb.is.was_established)
    }

    /// Whether receiving and sending were shut down (SHD-4).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn is_shut(&self, id: ConnId) -> Result<(bool, bool), Errno> {
        Ok(match self.endpoint(id)? {
            Endpoint::Connection(tcb) => (
                tcb.at_end(),
                tcb.is.was_established && !tcb.state.can_send(),
            ),
            Endpoint::Idle(_) | Endpoint::Listener(_) => (false, false),
        })
    }

    /// `SIOCATMARK`: whether the next octet to read is the urgent one (OOB-2).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn at_mark(&self, id: ConnId) -> Result<bool, Errno> {
        Ok(match self.endpoint(id)? {
            Endpoint::Connection(tcb) => tcb.at_mark(),
            Endpoint::Idle(_) | Endpoint::Listener(_) => false,
        })
    }

    /// `SO_ERROR`: the error that waits to be told; it is told once.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn take_error(&mut self, id: ConnId) -> Result<Option<Errno>, Errno> {
        Ok(match self.endpoint_mut(id)? {
            // RFC 1122 §4.2.4.1: soft errors can be learned of, too.
            Endpoint::Connection(tcb) => tcb.error.take().or_else(|| tcb.soft_error.take()),
            Endpoint::Idle(idle) => idle.error.take(),
            Endpoint::Listener(_) => None,
        })
    }

    /// `FIONREAD`: how many octets a receive would give.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn readable_octets(&self, id: ConnId) -> Result<usize, Errno> {
        Ok(match self.endpoint(id)? {
            Endpoint::Connection(tcb) => tcb.recv_queue.len(),
            Endpoint::Idle(_) | Endpoint::Listener(_) => 0,
        })
    }

    /// What the endpoint is ready for (SEL-2).
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn readiness(&self, id: ConnId) -> Result<Readiness, Errno> {
        Ok(match self.endpoint(id)? {
            Endpoint::Connection(tcb) => tcb.readiness(),
            Endpoint::Listener(listener) => Readiness {
                readable: !listener.is_idle(),
                ..Readiness::default()
            },
            Endpoint::Idle(idle) => Readiness {
                readable: idle.error.is_some(),
                writable: idle.error.is_some(),
                error: idle.error.is_some(),
                ..Readiness::default()
            },
        })
    }

    /// The options of a socket.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn options(&self, id: ConnId) -> Result<&SocketOptions, Errno> {
        Ok(self.endpoint(id)?.options())
    }

    /// Changes options; a buffer outside of its range is moved into it.
    ///
    /// # Errors
    /// [`Errno::Inval`] if another value is out of range, [`Errno::NotSock`].
    pub fn set_options(
        &mut self,
        cx: &mut Context<'_>,
        id: ConnId,
        change: impl FnOnce(&mut SocketOptions),
    ) -> Result<(), Errno> {
        let options = self.endpoint_mut(id)?.options_mut();
        let mut wanted = *options;
        change(&mut wanted);
        let changed = options.change(&wanted, cx.config);
        if changed.is_err() {
            self.counters.option_errors += 1;
        }
        changed?;
        if let Some(Endpoint::Connection(tcb)) = self.endpoints.get_mut(id) {
            tcb.options_changed(&mut env!(self, cx));
            self.finish(cx, id.index, None);
        }
        Ok(())
    }

    /// Takes what the sockets layer keeps about the packets of a socket.
    ///
    /// # Errors
    /// [`Errno::NotSock`].
    pub fn set_ip_choices(
        &mut self,
        _cx: &mut Context<'_>,
        id: ConnId,
        choices: IpChoices,
    ) -> Result<(), Errno> {
        let common = self.endpoint_mut(id)?.common_mut();
        common.choices = (choices != IpChoices::default()).then(|| Box::new(choices));
        Ok(())
    }

    /// A look at a connection.
    ///
    /// # Errors
    /// [`Errno::NotConn`] if there never was one, [`Errno::NotSock`].
    pub fn info(&self, id: ConnId) -> Result<TcpInfo, Errno> {
        match self.endpoint(id)? {
            Endpoint::Connection(tcb) => Ok(tcb.info()),
            Endpoint::Idle(_) | Endpoint::Listener(_) => Err(Errno::NotConn),
        }
    }

    /// The state of an endpoint, also of one that no program holds any more.
    #[must_use]
    pub fn state(&self, id: ConnId) -> Option<State> {
        Some(match self.endpoints.get(id)? {
            Endpoint::Connection(tcb) => tcb.state,
            Endpoint::Listener(_) => State::Listen,
            Endpoint::Idle(_) => State::Closed,
        })
    }

    /// All endpoints with their names and states, for tables that people read; handshakes and TIME-WAIT are only counted.
    pub fn endpoints(
        &self,
    ) -> impl Iterator<Item = (ConnId, SocketAddrV4, Option<SocketAddrV4>, State)> {
        let unnamed = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0);
        self.endpoints
            .iter()
            .map(move |(id, endpoint)| match endpoint {
                Endpoint::Connection(tcb) => {
                    (id, tcb.tuple.local(), Some(tcb.tuple.peer()), tcb.state)
                }
                Endpoint::Listener(listener) => (id, listener.name, None, State::Listen),
                Endpoint::Idle(idle) => {
                    let name = idle.common.binding.name().unwrap_or(unnamed);
                    (id, name, None, State::Closed)
                }
            })
    }

    /// How many endpoints, handshakes and connections in TIME-WAIT there are.
    #[must_use]
    pub fn sizes(&self) -> (usize, usize, usize) {
        (
            self.endpoints.len(),
            self.handshakes.len(),
            self.time_wait.table().len(),
        )
    }
}

impl Common {
    /// Moves it to the endpoint's next form.
    pub(super) const fn take(&mut self) -> Self {
        Self {
            owner: self.owner,
            choices: self.choices.take(),
            binding: self.binding,
        }
    }
}

impl Tcb {
    fn write(
        &mut self,
        env: &mut Env<'_, '_>,
        buffers: &[IoSlice<'_>],
        flags: SendFlags,
    ) -> Result<usize, Errno> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        match self.state {
            State::Established | State::CloseWait => {}
            // SND-3 for a connection that is not there yet.
            State::SynSent | State::SynReceived => return Err(Errno::WouldBlock),
            State::Closed if !self.is.was_established => return Err(Errno::NotConn),
            State::Closed
            | State::Listen
            | State::FinWait1
            | State::FinWait2
            | State::Closing
            | State::LastAck
            | State::TimeWait => return Err(Errno::Pipe),
        }
        let room = self.send_room();
        if room == 0 {
            if self.options.send_auto {
                self.tune_send_buffer(env);
            }
            if self.send_room() == 0 {
                return Err(Errno::WouldBlock);
            }
        }
        let written = self.send_queue.write(buffers, self.send_room());
        let all = buffers.iter().map(|buffer| buffer.len()).sum::<usize>() == written;
        if flags.oob && written > 0 && all {
            self.mark_urgent();
        }
        if flags.eof && all {
            self.close_sending(env, "MSG_EOF");
        }
        self.is.more = flags.more;
        self.is.dirty = true;
        Ok(written)
    }

    fn read(
        &mut self,
        env: &mut Env<'_, '_>,
        buffers: &mut [IoSliceMut<'_>],
        flags: RecvFlags,
    ) -> Result<usize, Errno> {
        if flags.oob {
            let octet = self.take_urgent(flags.peek)?;
            let place = buffers.iter_mut().find_map(|buffer| buffer.first_mut());
            return Ok(match place {
                Some(place) => {
                    *place = octet;
                    1
                }
                None => 0,
            });
        }
        let limit = self.readable_now();
        if limit == 0 {
            return self.nothing_to_read();
        }
        if flags.wait_all && !self.at_end() && self.error.is_none() {
            let wanted: usize = buffers.iter().map(|buffer| buffer.len()).sum();
            let stopped = limit < self.recv_queue.len();
            let full = octets(self.options.recv_buffer) <= self.recv_queue.len();
            if limit < wanted && !stopped && !full {
                return Err(Errno::WouldBlock);
            }
        }
        let got = self.recv_queue.read(buffers, limit, flags.peek);
        if !flags.peek && got > 0 {
            if self.urgent.is_some() {
                self.passed_mark();
            }
            self.tune_recv_buffer(env, got);
            self.window_opened(env);
        }
        Ok(got)
    }

    fn nothing_to_read(&mut self) -> Result<usize, Errno> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if self.at_end() {
            return Ok(0);
        }
        match self.state {
            State::Closed if !self.is.was_established => Err(Errno::NotConn),
            State::Closed | State::TimeWait => Ok(0),
            _ => Err(Errno::WouldBlock),
        }
    }

    /// No more data follows: the FIN goes out behind what is queued.
    fn close_sending(&mut self, env: &mut Env<'_, '_>, why: &'static str) {
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

    /// Options that are in force from now on.
    fn options_changed(&mut self, env: &mut Env<'_, '_>) {
        self.control.set_congestion(self.options.congestion);
        if self.options.keepalive {
            if !self.timers.is_set(Timer::Keepalive) || self.probes == 0 {
                self.restart_keepalive(env);
            }
        } else {
            self.timers.stop(Timer::Keepalive);
        }
        if self.state.is_synchronized() {
            self.fit_mss();
        }
        // Nagle's rule or the cork may have held something back.
        self.is.dirty = true;
        if self.options.quick_ack && self.timers.is_set(Timer::DelayedAck) {
            self.ack_now();
        }
    }
}
