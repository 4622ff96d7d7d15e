//! The calls of programs: `sockets.md` §5, §12. None of them waits.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};

use super::endpoint::{Binding, Common, Endpoint, Idle, Listener};
use super::options::SocketOptions;
use super::ports::Reuse;
use super::state::State;
use super::table::{ConnId, FourTuple};
use super::tcb::{Env, Path, Tcb};
use super::tcp::{Tcp, env};
use super::timers::Timer;
use super::types::{Context, IpChoices, PathInfo, Readiness};
use crate::errno::Errno;
use crate::event;
use crate::event::EventId;

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
    pub(super) fn endpoint(&self, id: ConnId) -> Result<&Endpoint, Errno> {
        self.endpoints
            .get(id)
            .filter(|endpoint| endpoint.is_held())
            .ok_or(Errno::NotSock)
    }

    pub(super) fn endpoint_mut(&mut self, id: ConnId) -> Result<&mut Endpoint, Errno> {
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
