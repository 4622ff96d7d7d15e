//! What programs can ask of their sockets without changing anything.

use std::net::{Ipv4Addr, SocketAddrV4};

use super::endpoint::Endpoint;
use super::info::TcpInfo;
use super::state::State;
use super::table::ConnId;
use super::tcp::Tcp;
use super::types::Readiness;
use crate::errno::Errno;

impl Tcp {
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
