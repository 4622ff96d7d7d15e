//! Routing of our own stack.

use std::net::IpAddr;

use fairway_stack::{Manage, Way};

use super::{Route, Routing, Tree};
use crate::interface::IfIndex;

/// The routes of a host of our own stack, single and multicast. IPv4 only, as the stack is: there is no way to other
/// addresses.
///
/// Whoever owns the engine waits for [`Manage::changes`] and tells it.
#[derive(Debug)]
pub struct NativeRouting {
    manage: Manage,
}

impl NativeRouting {
    /// The routes of that host.
    #[must_use]
    pub const fn new(manage: Manage) -> Self {
        Self { manage }
    }

    fn way(&self, destination: IpAddr) -> Option<Way> {
        // A host that is down, or of another family, has no ways.
        self.manage.way_to(destination).ok().flatten()
    }
}

impl Routing for NativeRouting {
    fn unicast(&mut self, destination: IpAddr, _source: Option<IpAddr>) -> Option<Route> {
        Some(match self.way(destination)? {
            Way::Here => Route {
                interface: IfIndex::LOCAL,
                gateway: None,
            },
            Way::By {
                interface, gateway, ..
            } => Route {
                interface: IfIndex(interface),
                gateway,
            },
        })
    }

    fn multicast(&mut self, source: IpAddr, group: IpAddr) -> Option<Tree> {
        let tree = self.manage.multicast_way(source, group).ok().flatten();
        if self.way(source) != Some(Way::Here) {
            return tree.map(|tree| Tree {
                incoming: Some(IfIndex(tree.incoming)),
                outgoing: tree.outgoing.into_iter().map(IfIndex).collect(),
            });
        }
        // What this host sends leaves by the interface of its choice, and, where it is a router, by those that such data
        // go on by when they come by that one.
        let Some(Way::By { interface, .. }) = self.way(group) else {
            return None;
        };
        let mut outgoing = vec![IfIndex(interface)];
        if let Some(tree) = tree.filter(|tree| tree.incoming == interface) {
            outgoing.extend(tree.outgoing.into_iter().map(IfIndex));
        }
        Some(Tree {
            incoming: Some(IfIndex::LOCAL),
            outgoing,
        })
    }

    fn notifies(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fairway_sim::Network;
    use fairway_stack::MulticastRoute;

    /// RFC 2205 §3.11.3: this node, a neighbour, what is behind a router, and nowhere.
    #[test]
    fn ways_are_those_of_the_host() {
        let network = Network::new(1);
        let (host, far) = (network.node("host"), network.node("far"));
        let router = network.router("router");
        network.link(&host, &router).connect();
        network.link(&router, &far).connect();
        let mut routing = NativeRouting::new(host.net().manage());
        let far = IpAddr::V4(far.address());
        assert_eq!(routing.unicast(far, None), None);
        network.route_all();
        let near = IpAddr::V4(router.address());
        let by = |gateway| Route {
            interface: IfIndex(2),
            gateway,
        };
        assert_eq!(routing.unicast(far, None), Some(by(Some(near))));
        assert_eq!(routing.unicast(near, None), Some(by(None)));
        let here = routing.unicast(host.address().into(), None).unwrap();
        assert!(here.interface.is_local());
        let v6 = routing.unicast("2001:db8::1".parse().unwrap(), None);
        assert_eq!(v6, None);
        assert!(routing.notifies());
        host.crash();
        assert_eq!(routing.unicast(far, None), None);
    }

    /// RFC 2205 §3.11.3: data of others by the multicast routes, and a sender's own by the interface it leaves by.
    #[test]
    fn trees_begin_at_the_sender() {
        let network = Network::new(1);
        let [one, two, three] = ["one", "two", "three"].map(|name| network.node(name));
        let router = network.router("router");
        for node in [&one, &two, &three] {
            network.link(&router, node).connect();
        }
        network.route_all();
        let manage = router.net().manage();
        let mut routing = NativeRouting::new(manage.clone());
        let group: IpAddr = "239.1.1.1".parse().unwrap();
        let source = IpAddr::V4(one.address());
        assert_eq!(routing.multicast(source, group), None);
        manage.start_multicast(&[2, 3, 4]).unwrap();
        let mut route = MulticastRoute {
            source,
            group,
            incoming: 2,
            outgoing: vec![3, 4],
        };
        manage.set_multicast_route(&route).unwrap();
        let tree = |incoming, outgoing: &[u32]| {
            let outgoing = outgoing.iter().copied().map(IfIndex).collect();
            Some(Tree {
                incoming: Some(IfIndex(incoming)),
                outgoing,
            })
        };
        assert_eq!(routing.multicast(source, group), tree(2, &[3, 4]));

        let mut of_host = NativeRouting::new(one.net().manage());
        assert_eq!(of_host.multicast(source, group), tree(0, &[2]));
        assert_eq!(of_host.multicast(two.address().into(), group), None);

        // A router that sends itself: by its first interface, from which its multicast route goes on.
        let own = IpAddr::V4(router.address());
        assert_eq!(routing.multicast(own, group), tree(0, &[2]));
        route.source = own;
        manage.set_multicast_route(&route).unwrap();
        assert_eq!(routing.multicast(own, group), tree(0, &[2, 3, 4]));
    }
}
