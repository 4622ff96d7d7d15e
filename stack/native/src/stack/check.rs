//! What holds of a host between any two calls, whatever arrived and whatever was asked of it: the invariants that the
//! fuzz functions and some tests check after every step.

use super::Stack;
use crate::event;
use crate::event::EventId;
use crate::iface::Interface;
use crate::sock::{Kind, SocketId};
use fairway_wire::Instant;

/// An invariant that does not hold: a mistake in the engine, never in its input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Inconsistency(pub(crate) String);

/// `ensure!(condition, "what is wrong otherwise", …)`: leaves the function with an [`Inconsistency`] where the condition
/// does not hold.
macro_rules! ensure {
    ($holds:expr, $($otherwise:tt)+) => {
        if !$holds {
            return Err(crate::stack::Inconsistency(format!($($otherwise)+)));
        }
    };
}
pub(crate) use ensure;

impl Stack {
    /// Looks at everything the host keeps, and whether it fits together: each table is within its limit, what is
    /// accounted for is what is there, whoever is named in one table is in the other, each timer belongs to something,
    /// and no frame waits where nobody would fetch it. Takes time in proportion to all of it: for tests.
    ///
    /// # Errors
    /// [`Inconsistency`] that says what does not fit.
    pub fn check(&self) -> Result<(), Inconsistency> {
        self.look().map_err(|(_, wrong)| wrong)
    }

    /// [`check`](Self::check) for a host in use: what does not fit raises an event of level 1 or 2, which operators hear
    /// of.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn handle_check(&mut self, now: Instant) -> Result<(), Inconsistency> {
        self.tell(now);
        self.look().map_err(|(event, wrong)| {
            event!(self.events, self.now, event);
            wrong
        })
    }

    /// What does not fit, and the event that it is.
    fn look(&self) -> Result<(), (EventId, Inconsistency)> {
        let sockets = |wrong| (EventId::PcbTableCorrupt, wrong);
        let routes = |wrong| (EventId::RtTreeCorrupt, wrong);
        let other = |wrong| (EventId::StackInvariant, wrong);
        self.sockets
            .check(self.limits.socket.buffer)
            .map_err(sockets)?;
        self.check_sockets().map_err(sockets)?;
        self.tcp.check(&self.limits.tcp).map_err(sockets)?;
        self.local.check().map_err(sockets)?;
        self.check_interfaces().map_err(other)?;
        self.neighbors.check().map_err(other)?;
        self.reassembly.check().map_err(other)?;
        self.routing.routes.check().map_err(routes)?;
        self.routing.path_mtu.check().map_err(routes)?;
        self.check_loopback().map_err(other)
    }

    fn check_loopback(&self) -> Result<(), Inconsistency> {
        let most = self.limits.socket.loopback;
        ensure!(
            self.loopback.len() <= most,
            "{} packets of the host to itself, at most {most}",
            self.loopback.len()
        );
        Ok(())
    }

    /// Every socket is known to its protocol by its name, and every name a protocol has is one of such a socket.
    fn check_sockets(&self) -> Result<(), Inconsistency> {
        let (mut raw, mut named) = (0, 0);
        for (id, socket) in self.sockets.iter() {
            match &socket.kind {
                Kind::Udp(endpoint) => {
                    endpoint.check(&self.limits.socket)?;
                    let port = endpoint.local.port();
                    let known = self.udp.held_by(port, id);
                    named += known;
                    ensure!(
                        known == usize::from(port != 0),
                        "{id:?} has port {port} and is known {known} times by it"
                    );
                }
                Kind::Raw(protocol, endpoint) => {
                    raw += 1;
                    endpoint.check(&self.limits.socket)?;
                    let known = self.raw.of(*protocol).filter(|&known| known == id).count();
                    ensure!(known == 1, "{id:?} is known {known} times for {protocol}");
                }
                Kind::Tcp(conn) => self.check_conn(id, *conn)?,
                Kind::Local(local) => {
                    ensure!(
                        self.local.kind(*local).is_ok(),
                        "{id:?} has no local socket"
                    );
                }
            }
        }
        ensure!(
            self.raw.len() == raw,
            "{} raw sockets known, {raw} there",
            self.raw.len()
        );
        ensure!(
            self.udp.held() == named,
            "{} sockets are said to have ports of UDP, {named} have",
            self.udp.held()
        );
        Ok(())
    }

    /// TCP knows the endpoint of a socket.
    fn check_conn(&self, id: SocketId, conn: crate::tcp::ConnId) -> Result<(), Inconsistency> {
        ensure!(
            self.tcp.owner(conn) == Some(id.token()),
            "{id:?} is a stream of TCP whose owner is {:?}",
            self.tcp.owner(conn)
        );
        Ok(())
    }

    /// The list of those that have frames to send names each of them once and nobody else.
    fn check_interfaces(&self) -> Result<(), Inconsistency> {
        for interface in &self.routing.interfaces {
            let Interface { id, pending, .. } = *interface;
            let listed = self.pending.iter().filter(|&&other| other == id).count();
            let waits = interface.held_until.is_some() || interface.suspended;
            ensure!(
                listed == usize::from(pending && !waits),
                "interface {id} is listed {listed} times: pending {pending}, held until {:?}, suspended {}",
                interface.held_until,
                interface.suspended
            );
            ensure!(
                pending || interface.queue.is_empty(),
                "nobody would fetch the {} frames of interface {id}",
                interface.queue.len()
            );
            ensure!(
                interface.is_running() || interface.queue.is_empty(),
                "interface {id} is down and has {} frames",
                interface.queue.len()
            );
            if let Some(until) = interface.held_until {
                ensure!(
                    self.held_until.is_some_and(|first| first <= until),
                    "nobody would wake interface {id}, held until {until:?}"
                );
            }
        }
        for id in &self.pending {
            ensure!(
                self.routing.interface(*id).is_some(),
                "interface {id} has frames and does not exist"
            );
        }
        Ok(())
    }
}
