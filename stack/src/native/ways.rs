//! Which way packets go through a host of our own stack, and who waits for that to change.

use super::Host;
use super::manage::v4;
use crate::error::NetError;
use crate::manage::ways::{MulticastRoute, Way};
use fairway_native::InterfaceId;
use fairway_native::ip::multicast::{self, Command, Tree};
use fairway_native::{Errno, Stack, stack};
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::task::Poll;

impl Host {
    pub(crate) fn way_to(&self, destination: IpAddr) -> Result<Option<Way>, NetError> {
        let destination = v4(destination)?;
        self.look(NetError::NetDown, |stack| {
            Ok(stack.way_to(destination).map(|way| match way {
                stack::Way::Here => Way::Here,
                stack::Way::By {
                    interface,
                    gateway,
                    source,
                } => Way::By {
                    interface: interface.0,
                    gateway: gateway.map(IpAddr::V4),
                    source: source.into(),
                },
            }))
        })
    }

    pub(crate) fn changes(&self) -> Result<Changes, NetError> {
        let seen = self.look(NetError::NetDown, |stack| Ok(stack.ways_generation()))?;
        Ok(Changes {
            host: self.clone(),
            seen,
        })
    }

    fn multicast(&self, command: Command) -> Result<(), NetError> {
        self.change(|stack, now| stack.multicast_command(now, command))
    }

    pub(crate) fn start_multicast(&self, interfaces: &[u32]) -> Result<(), NetError> {
        let addresses = interfaces
            .iter()
            .map(|&index| {
                let all = self.interfaces()?;
                let one = all.iter().find(|one| one.index == index);
                let one = one.ok_or(NetError::Nxio)?;
                let own = one.addresses.first().ok_or(NetError::AddrNotAvail)?;
                v4(own.address)
            })
            .collect::<Result<Vec<Ipv4Addr>, NetError>>()?;
        if addresses.len() > usize::from(multicast::MAX_VIFS) {
            return Err(NetError::Inval);
        }
        if interfaces
            .iter()
            .enumerate()
            .any(|(at, one)| interfaces.iter().take(at).any(|other| other == one))
        {
            return Err(NetError::AddrInUse);
        }
        self.change(|stack, now| {
            stack.multicast_command(now, Command::Init)?;
            for (index, address) in (0..).zip(addresses) {
                let add = Command::AddVif {
                    index,
                    address,
                    threshold: 0,
                    tunnel: false,
                };
                if let Err(errno) = stack.multicast_command(now, add) {
                    stack.multicast_command(now, Command::Done)?;
                    return Err(errno);
                }
            }
            Ok(())
        })
    }

    pub(crate) fn stop_multicast(&self) -> Result<(), NetError> {
        self.multicast(Command::Done)
    }

    pub(crate) fn multicast_interfaces(&self) -> Result<Vec<u32>, NetError> {
        self.look(NetError::NetDown, |stack| {
            Ok(stack
                .multicast_vifs()
                .map(|(_, vif)| vif.interface.0)
                .collect())
        })
    }

    pub(crate) fn follow_members(&self, on: bool) -> Result<(), NetError> {
        self.multicast(Command::Membership(on))
    }

    pub(crate) fn set_multicast_route(&self, route: &MulticastRoute) -> Result<(), NetError> {
        let (source, group) = (v4(route.source)?, v4(route.group)?);
        self.change(|stack, now| {
            let outgoing = route
                .outgoing
                .iter()
                .map(|&index| Ok((vif(stack, index)?, 0)));
            let route = multicast::MulticastRoute {
                source,
                group,
                incoming: vif(stack, route.incoming)?,
                outgoing: outgoing.collect::<Result<_, Errno>>()?,
            };
            stack.multicast_command(now, Command::AddRoute(route))
        })
    }

    pub(crate) fn delete_multicast_route(
        &self,
        source: IpAddr,
        group: IpAddr,
    ) -> Result<(), NetError> {
        self.multicast(Command::DeleteRoute(v4(source)?, v4(group)?))
    }

    pub(crate) fn multicast_way(
        &self,
        source: IpAddr,
        group: IpAddr,
    ) -> Result<Option<MulticastRoute>, NetError> {
        let tree = |Tree { incoming, outgoing }| MulticastRoute {
            source,
            group,
            incoming: incoming.0,
            outgoing: outgoing.into_iter().map(|id| id.0).collect(),
        };
        let (from, to) = (v4(source)?, v4(group)?);
        self.look(NetError::NetDown, |stack| {
            Ok(stack.multicast_tree(from, to).map(tree))
        })
    }
}

/// The virtual interface of multicast routing that an interface is.
fn vif(stack: &Stack, interface: u32) -> Result<u8, Errno> {
    let mut vifs = stack.multicast_vifs();
    vifs.find(|(_, vif)| vif.interface == InterfaceId(interface))
        .map(|(index, _)| index)
        .ok_or(Errno::Inval)
}

/// Tells of changes of a host's interfaces, addresses, routes and multicast routes.
#[derive(Debug)]
pub struct Changes {
    host: Host,
    seen: u64,
}

impl Changes {
    /// Waits until something has changed since the last time this ended, or since it was made. Several changes may be
    /// told as one, and now and then one that changes no way: what is behind it is for the caller to look up.
    ///
    /// # Errors
    /// [`NetError::NetDown`] when the host crashes.
    ///
    /// # Cancel safety
    /// A change is either told or still to be told.
    pub async fn changed(&mut self) -> Result<(), NetError> {
        let Self { host, seen } = self;
        *seen = poll_fn(|cx| {
            let polled = host.call(NetError::NetDown, |stack, _| {
                Ok(stack.poll_ways(*seen, cx.waker()))
            });
            match polled {
                Ok(Some(generation)) => Poll::Ready(Ok(generation)),
                Ok(None) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await?;
        Ok(())
    }
}
