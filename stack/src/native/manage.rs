//! What a host of our own stack knows of itself, and how it is changed.

use super::{Host, Stack};
use crate::error::NetError;
use crate::manage::{Interface, InterfaceAddress, Neighbor, Route, RouteOrigin};
use fairway_native::event::{Message, Subscription};
use fairway_native::mgmt::{Counters, Setting};
use fairway_native::neigh::{Neighbour, NeighbourState};
use fairway_native::route::{self, Origin, Prefix, RouteQuery};
use fairway_native::stack::{Clear, Old};
use fairway_native::{Errno, InterfaceAddress as Address, InterfaceId, Medium};
use fairway_wire::{Instant, MacAddr};
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::task::Poll;

impl Host {
    pub(super) fn change<R>(
        &self,
        work: impl FnOnce(&mut Stack, Instant) -> Result<R, Errno>,
    ) -> Result<R, NetError> {
        self.call(NetError::NetDown, |stack, now| Ok(work(stack, now)?))
    }

    /// Its interfaces, by index.
    pub(crate) fn interfaces(&self) -> Result<Vec<Interface>, NetError> {
        self.look(NetError::NetDown, |stack| {
            Ok(stack.interfaces().iter().map(interface).collect())
        })
    }

    pub(crate) fn set_up(&self, interface: u32, up: bool) -> Result<(), NetError> {
        self.change(|stack, now| stack.set_up(now, InterfaceId(interface), up))
    }

    pub(crate) fn set_promiscuous(&self, interface: u32, on: bool) -> Result<(), NetError> {
        self.change(|stack, now| stack.set_promiscuous(now, InterfaceId(interface), on))
    }

    pub(crate) fn set_mtu(&self, interface: u32, mtu: u32) -> Result<(), NetError> {
        let mtu = usize::try_from(mtu).map_err(|_| NetError::Inval)?;
        self.change(|stack, now| stack.set_mtu(now, InterfaceId(interface), mtu))
    }

    pub(crate) fn set_redirects(&self, interface: u32, on: bool) -> Result<(), NetError> {
        self.change(|stack, _| stack.set_redirects(InterfaceId(interface), on))
    }

    pub(crate) fn add_address(
        &self,
        interface: u32,
        address: &InterfaceAddress,
    ) -> Result<(), NetError> {
        if address.prefix > 32 {
            return Err(NetError::Inval);
        }
        let mut own = Address::new(v4(address.address)?, address.prefix);
        own.peer = address.peer.map(v4).transpose()?;
        self.change(|stack, now| stack.add_address(now, InterfaceId(interface), own))
    }

    pub(crate) fn remove_address(&self, interface: u32, address: IpAddr) -> Result<(), NetError> {
        let address = v4(address)?;
        self.change(|stack, now| stack.remove_address(now, InterfaceId(interface), address))
    }

    pub(crate) fn routes(&self) -> Result<Vec<Route>, NetError> {
        self.look(NetError::NetDown, |stack| {
            Ok(stack.routes().into_iter().map(facade_route).collect())
        })
    }

    pub(crate) fn add_route(&self, route: &Route) -> Result<(), NetError> {
        let gateway = route.gateway.map(v4).transpose()?;
        let interface = InterfaceId(route.interface);
        let mut own = route::Route::new(network(route)?, gateway, interface);
        own.metric = route.metric;
        self.change(|stack, now| stack.add_route(now, own))
    }

    pub(crate) fn delete_route(&self, route: &Route) -> Result<(), NetError> {
        let mut query = RouteQuery::new(network(route)?);
        query.gateway = route.gateway.map(v4).transpose()?;
        query.interface = Some(InterfaceId(route.interface));
        self.change(|stack, now| stack.delete_route(now, &query))?;
        Ok(())
    }

    pub(crate) fn flush_routes(&self, interface: Option<u32>) -> Result<usize, NetError> {
        self.change(|stack, now| Ok(stack.flush_routes(now, interface.map(InterfaceId))))
    }

    pub(crate) fn neighbors(&self) -> Result<Vec<Neighbor>, NetError> {
        self.look(NetError::NetDown, |stack| {
            Ok(stack.neighbors().map(|one| neighbor(&one)).collect())
        })
    }

    pub(crate) fn set_neighbor(
        &self,
        interface: u32,
        address: IpAddr,
        link: MacAddr,
    ) -> Result<(), NetError> {
        let address = v4(address)?;
        self.change(|stack, now| stack.set_neighbor(now, InterfaceId(interface), address, link))
    }

    pub(crate) fn delete_neighbor(&self, interface: u32, address: IpAddr) -> Result<(), NetError> {
        let address = v4(address)?;
        self.change(|stack, now| stack.delete_neighbor(now, InterfaceId(interface), address))
    }

    pub(crate) fn counters(&self) -> Result<Counters, NetError> {
        self.look(NetError::NetDown, |stack| Ok(stack.counters()))
    }

    pub(crate) fn clear_counters(&self, what: Clear) -> Result<Counters, NetError> {
        self.change(|stack, _| Ok(stack.clear_counters(what)))
    }

    pub(crate) fn parameter(&self, name: &str) -> Result<Setting, NetError> {
        self.change(|stack, _| stack.parameter(name))
    }

    pub(crate) fn set_parameter(&self, name: &str, value: i64) -> Result<(), NetError> {
        self.change(|stack, now| stack.set_parameter(now, name, value))
    }

    pub(crate) fn sysctl(
        &self,
        path: &[i32],
        old: Old<'_>,
        new: Option<&[u8]>,
    ) -> Result<usize, NetError> {
        self.change(|stack, now| stack.sysctl(now, path, old, new))
    }

    pub(crate) fn messages(&self, capacity: usize) -> Result<Messages, NetError> {
        let subscription = self.change(|stack, _| {
            let events = stack.events_mut();
            events
                .subscribe(capacity, |_| true)
                .map_err(|_| Errno::NoBufs)
        })?;
        Ok(Messages {
            host: self.clone(),
            subscription,
        })
    }
}

/// The messages of a host to its operator, as they come. Dropping it ends the subscription.
#[derive(Debug)]
pub struct Messages {
    host: Host,
    subscription: Subscription,
}

impl Messages {
    /// The next message.
    ///
    /// # Errors
    /// [`NetError::NetDown`] if the host has crashed: it has forgotten who listens.
    ///
    /// # Cancel safety
    /// A message is either returned or still waiting.
    pub async fn next(&mut self) -> Result<Message, NetError> {
        poll_fn(|cx| {
            let polled = self.host.call(NetError::NetDown, |stack, _| {
                let events = stack.events_mut();
                Ok(events.poll_message(self.subscription, Some(cx.waker())))
            });
            match polled {
                Ok(Some(message)) => Poll::Ready(Ok(message)),
                Ok(None) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await
    }

    /// How many were lost because too many waited.
    ///
    /// # Errors
    /// [`NetError::NetDown`] if the host has crashed.
    pub fn lost(&self) -> Result<u64, NetError> {
        self.host.look(NetError::NetDown, |stack| {
            Ok(stack.events().messages_lost(self.subscription))
        })
    }
}

impl Drop for Messages {
    fn drop(&mut self) {
        self.host
            .with(|stack, _| stack.events_mut().unsubscribe(self.subscription));
    }
}

pub(super) fn v4(address: IpAddr) -> Result<Ipv4Addr, NetError> {
    match address {
        IpAddr::V4(address) => Ok(address),
        IpAddr::V6(_) => Err(NetError::AfNoSupport),
    }
}

fn network(route: &Route) -> Result<Prefix, NetError> {
    Prefix::new(v4(route.destination)?, route.prefix).ok_or(NetError::Inval)
}

fn interface(interface: &fairway_native::Interface) -> Interface {
    let medium = interface.medium();
    let broadcast = interface.can_broadcast();
    Interface {
        name: interface.name().to_owned(),
        index: interface.id().0,
        up: interface.is_up(),
        running: interface.is_running(),
        loopback: medium == Medium::Loopback,
        broadcast,
        point_to_point: medium == Medium::Point,
        multicast: interface.can_multicast(),
        promiscuous: interface.is_promiscuous(),
        mtu: u32::try_from(interface.mtu()).ok(),
        link: match medium {
            Medium::Ethernet(link) => Some(link),
            _ => None,
        },
        addresses: interface
            .addresses()
            .iter()
            .map(|own| address(own, broadcast))
            .collect(),
    }
}

fn address(own: &Address, broadcast: bool) -> InterfaceAddress {
    InterfaceAddress {
        address: IpAddr::V4(own.address),
        prefix: own.prefix,
        broadcast: own.broadcast().filter(|_| broadcast).map(IpAddr::V4),
        peer: own.peer.map(IpAddr::V4),
    }
}

fn facade_route(route: &route::Route) -> Route {
    Route {
        destination: IpAddr::V4(route.destination.address()),
        prefix: route.destination.len(),
        gateway: route.gateway.map(IpAddr::V4),
        interface: route.interface.0,
        metric: route.metric,
        origin: match route.origin {
            Origin::Static => RouteOrigin::Static,
            Origin::Connected => RouteOrigin::Connected,
            Origin::Redirect => RouteOrigin::Redirect,
        },
    }
}

fn neighbor(one: &Neighbour) -> Neighbor {
    Neighbor {
        interface: one.interface.0,
        address: IpAddr::V4(one.address),
        link: one.mac,
        permanent: one.state == NeighbourState::Permanent,
        unreachable: one.state == NeighbourState::Suspended,
    }
}
