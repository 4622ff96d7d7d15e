//! Groups that this host is a member of so that it hears their Paths.
//!
//! A router of multicast hears what passes, by router alert, and must not join: if it is a member it gets each Path and its
//! system forwards it as well (`field/rsvp.md` §4.2). Who calls decides. A group that an application itself joins on such a
//! router is beyond this: its Paths are delivered here and forwarded by the system, too, and those downstream hear of the
//! sender by two ways until the application leaves.
//!
//! Nobody reads these sockets. Systems limit the memberships of one, Linux to 20 (`net.ipv4.igmp_max_memberships`), so that
//! each has as many as it can, and there are as few sockets as that leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fairway_stack::{Family, Net, NetError, UdpSocket};
use tracing::{debug, warn};

use crate::daemon::seldom::Seldom;

/// Memberships of one socket, where the system does not say earlier that it has enough.
const PER_SOCKET: usize = 20;

/// A group, on the interface of that index.
pub(crate) type Membership = (IpAddr, u32);

/// The sockets, and what each is a member of.
#[derive(Debug, Default)]
pub(super) struct Groups {
    sockets: BTreeMap<u64, Members>,
    joined: BTreeMap<Membership, u64>,
    next: u64,
    seldom: Seldom,
}

#[derive(Debug)]
struct Members {
    socket: UdpSocket,
    family: Family,
    count: usize,
    /// As many as it takes; fewer than it was thought to if the system said so.
    most: usize,
}

impl Groups {
    /// Joins and leaves, so that the memberships are those wanted; says how many could not be had.
    pub(super) fn set(&mut self, net: &Net, wanted: &BTreeSet<Membership>) -> u64 {
        let over: Vec<(Membership, u64)> = self
            .joined
            .iter()
            .filter(|(membership, _)| !wanted.contains(membership))
            .map(|(membership, socket)| (*membership, *socket))
            .collect();
        for (membership, socket) in over {
            self.leave(membership, socket);
        }
        let mut failed = 0;
        for &membership in wanted {
            if self.joined.contains_key(&membership) {
                continue;
            }
            let (group, interface) = membership;
            match self.join(net, membership) {
                Ok(()) => debug!(%group, interface, "joined"),
                Err(error) => {
                    failed += 1;
                    if self.seldom.may(net.clock().now(), error.name()) {
                        warn!(%error, %group, interface, "cannot join");
                    }
                }
            }
        }
        failed
    }

    fn leave(&mut self, membership: Membership, socket: u64) {
        let (group, interface) = membership;
        self.joined.remove(&membership);
        let Some(members) = self.sockets.get_mut(&socket) else {
            return;
        };
        if let Err(error) = members.socket.leave_group(group, interface) {
            // The interface is gone, and the membership with it.
            debug!(%error, %group, interface, "not left");
        }
        members.count = members.count.saturating_sub(1);
        if members.count == 0 {
            self.sockets.remove(&socket);
        }
    }

    fn join(&mut self, net: &Net, membership: Membership) -> Result<(), NetError> {
        let (group, interface) = membership;
        let wanted = match group {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        };
        for (name, members) in &mut self.sockets {
            if members.family != wanted || members.count >= members.most {
                continue;
            }
            match members.socket.join_group(group, interface) {
                Ok(()) => {
                    members.count += 1;
                    self.joined.insert(membership, *name);
                    return Ok(());
                }
                // Enough: IPv4 of Linux says the first, IPv6 the second.
                Err(NetError::NoBufs | NetError::NoMem) => members.most = members.count,
                Err(error) => return Err(error),
            }
        }
        let socket = net.udp_socket(wanted)?;
        socket.join_group(group, interface)?;
        self.sockets.insert(
            self.next,
            Members {
                socket,
                family: wanted,
                count: 1,
                most: PER_SOCKET,
            },
        );
        self.joined.insert(membership, self.next);
        self.next += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairway_sim::Network;

    fn groups(numbers: core::ops::Range<u8>, interface: u32) -> BTreeSet<Membership> {
        let group = |last| (IpAddr::from([239, 1, 1, last]), interface);
        numbers.map(group).collect()
    }

    /// MUL-3: a socket has so many memberships and no more.
    #[test]
    fn sockets_are_shared_and_no_more_than_needed() {
        let network = Network::new(1);
        let (one, other) = (network.node("one"), network.node("other"));
        network.link(&one, &other).connect();
        let net = one.net();
        network.run(async {
            let list = net.interfaces().unwrap();
            let interface = list.iter().find(|one| !one.loopback).unwrap().index;
            let mut groups_here = Groups::default();
            assert_eq!(groups_here.set(&net, &groups(0..45, interface)), 0);
            assert_eq!(groups_here.sockets.len(), 3);
            assert_eq!(groups_here.joined.len(), 45);
            // Others instead of some.
            assert_eq!(groups_here.set(&net, &groups(20..65, interface)), 0);
            assert_eq!(groups_here.sockets.len(), 3);
            assert_eq!(groups_here.joined.len(), 45);
            // Nothing is there to be joined on.
            assert_eq!(groups_here.set(&net, &groups(0..3, 77)), 3);
            assert!(groups_here.sockets.is_empty());
            assert!(groups_here.joined.is_empty());
        });
    }
}
