//! Groups as sockets join them (sockets.md §14.2, RFC 3678).

use super::Stack;
use crate::datagram::{Endpoint, Membership};
use crate::errno::Errno;
use crate::event;
use crate::event::EventId;
use crate::iface::InterfaceId;
use crate::sock::{Kind, SocketId};
use fairway_wire::Instant;
use std::net::Ipv4Addr;

impl Stack {
    /// Leaves every group of an endpoint that is closed.
    pub(crate) fn leave_all(&mut self, endpoint: &Endpoint) {
        for membership in &endpoint.memberships {
            // Leaving cannot fail for lack of room.
            let (interface, group) = (membership.interface, membership.group);
            let _left =
                self.igmp
                    .change(self.now, interface, group, Some(&membership.filter), None);
        }
        self.flush_igmp();
    }

    /// Joins `group` on an interface, or, with `source`, hears that sender of it there (MUL-4, RFC 3678). Without an
    /// interface, on that of the route to it.
    ///
    /// # Errors
    /// [`Errno::Inval`] if it is no group (MUL-2), [`Errno::AddrInUse`] if it was joined there before,
    /// [`Errno::NoDev`] if there is no such interface, [`Errno::NoBufs`] past the limits (MUL-3).
    pub fn join(
        &mut self,
        now: Instant,
        id: SocketId,
        group: Ipv4Addr,
        interface: Option<InterfaceId>,
        source: Option<Ipv4Addr>,
    ) -> Result<(), Errno> {
        self.tell(now);
        if matches!(self.sockets.get(id)?.kind, Kind::Local(_)) {
            // A socket of another domain has no protocol that could do it.
            event!(
                self.events,
                self.now,
                EventId::IfioctlNoproto,
                socket = id.token(),
                destination = group,
                errno = Errno::OpNotSupp
            );
            return Err(Errno::OpNotSupp);
        }
        self.endpoint(id)?; // MUL-1
        if !group.is_multicast() || group == Ipv4Addr::new(224, 0, 0, 0) {
            return Err(Errno::Inval);
        }
        let interface = self.group_interface(id, group, interface)?;
        let most = self.limits.socket.groups;
        let result = self.endpoint_mut(id)?.join(group, interface, source, most);
        match result {
            Ok((before, after)) => {
                let joined =
                    self.igmp
                        .change(self.now, interface, group, before.as_ref(), after.as_ref());
                if let Err(errno) = joined {
                    self.endpoint_mut(id)?.restore(group, interface, before);
                    return Err(self.join_refused(id, group, interface, errno));
                }
                event!(
                    self.events,
                    self.now,
                    EventId::MulticastJoin,
                    socket = id.token(),
                    interface = interface.0,
                    destination = group
                );
                self.flush_igmp();
                self.settle();
                Ok(())
            }
            Err(errno) => Err(self.join_refused(id, group, interface, errno)),
        }
    }

    fn join_refused(
        &mut self,
        id: SocketId,
        group: Ipv4Addr,
        interface: InterfaceId,
        errno: Errno,
    ) -> Errno {
        if errno == Errno::NoBufs {
            event!(
                self.events,
                self.now,
                EventId::MulticastJoinLimit,
                socket = id.token(),
                interface = interface.0,
                destination = group,
                errno = errno
            );
        }
        errno
    }

    /// Leaves `group` on an interface, or, with `source`, hears that sender of it no longer there.
    ///
    /// # Errors
    /// [`Errno::AddrNotAvail`] if it had not joined, [`Errno::NoDev`] if there is no such interface.
    pub fn leave(
        &mut self,
        now: Instant,
        id: SocketId,
        group: Ipv4Addr,
        interface: Option<InterfaceId>,
        source: Option<Ipv4Addr>,
    ) -> Result<(), Errno> {
        self.tell(now);
        self.endpoint(id)?; // MUL-1
        let interface = self.group_interface(id, group, interface)?;
        let (before, after) = self.endpoint_mut(id)?.leave(group, interface, source)?;
        // Leaving cannot fail for lack of room.
        let _left = self
            .igmp
            .change(self.now, interface, group, before.as_ref(), after.as_ref());
        event!(
            self.events,
            self.now,
            EventId::MulticastLeave,
            socket = id.token(),
            interface = interface.0,
            destination = group
        );
        self.flush_igmp();
        self.settle();
        Ok(())
    }

    fn group_interface(
        &mut self,
        id: SocketId,
        group: Ipv4Addr,
        interface: Option<InterfaceId>,
    ) -> Result<InterfaceId, Errno> {
        let chosen = match interface {
            Some(interface) => self
                .routing
                .interface(interface)
                .map(|interface| interface.id),
            None => {
                let send = crate::ip::Send::plain(group, fairway_wire::Protocol::IGMP, 1);
                self.routing.hop(&send).ok().map(|hop| hop.interface)
            }
        };
        chosen.ok_or_else(|| {
            event!(
                self.events,
                self.now,
                EventId::MulticastJoinBadif,
                socket = id.token(),
                destination = group,
                interface = interface.map_or(0, |interface| interface.0),
                errno = Errno::NoDev
            );
            Errno::NoDev
        })
    }

    fn endpoint_mut(&mut self, id: SocketId) -> Result<&mut Endpoint, Errno> {
        match &mut self.sockets.get_mut(id)?.kind {
            Kind::Udp(endpoint) | Kind::Raw(_, endpoint) => Ok(endpoint),
            Kind::Tcp(_) | Kind::Local(_) => Err(Errno::OpNotSupp), // MUL-1
        }
    }

    /// The groups a socket has joined, with their interfaces.
    ///
    /// # Errors
    /// [`Errno::NotSock`], [`Errno::OpNotSupp`] on a stream.
    pub fn groups(&self, id: SocketId) -> Result<Vec<(Ipv4Addr, InterfaceId)>, Errno> {
        let (_, endpoint) = self.endpoint(id)?;
        let name = |joined: &Membership| (joined.group, joined.interface);
        Ok(endpoint.memberships.iter().map(name).collect())
    }
}
