//! Who is where: networks, the addresses in them, and the shortest ways between them.

use fairway_native::iface::{InterfaceAddress, InterfaceId};
use fairway_native::route::Prefix;
use fairway_wire::MacAddr;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::net::Ipv4Addr;

/// The map of a network.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    pub(crate) hosts: Vec<Place>,
    pub(crate) nets: Vec<Net>,
    /// Networks of the plan that were tried.
    planned: u32,
}

/// A host on the map.
#[derive(Debug)]
pub(crate) struct Place {
    pub(crate) name: String,
    /// Whether it passes on what is not for it.
    pub(crate) is_router: bool,
}

/// A network: what a link or a segment joins.
#[derive(Debug)]
pub(crate) struct Net {
    pub(crate) attachments: Vec<Attachment>,
    /// What a step across it costs.
    pub(crate) cost: u32,
    pub(crate) is_up: bool,
}

/// An interface of a host in a network.
#[derive(Clone, Debug)]
pub(crate) struct Attachment {
    pub(crate) host: usize,
    pub(crate) interface: InterfaceId,
    pub(crate) address: InterfaceAddress,
}

/// A way from a host to a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) destination: Prefix,
    pub(crate) gateway: Ipv4Addr,
    pub(crate) interface: InterfaceId,
}

impl Topology {
    /// The addresses of a host, in the order of its interfaces; by its name.
    pub(crate) fn addresses(&self, name: &str) -> Vec<Ipv4Addr> {
        let Some(host) = self.hosts.iter().position(|place| place.name == name) else {
            return Vec::new();
        };
        let mut found: Vec<&Attachment> = self
            .attachments()
            .filter(|attachment| attachment.host == host)
            .collect();
        found.sort_by_key(|attachment| attachment.interface);
        found
            .iter()
            .map(|attachment| attachment.address.address)
            .collect()
    }

    /// All addresses and the names of their hosts.
    pub(crate) fn names(&self) -> impl Iterator<Item = (Ipv4Addr, &str)> {
        self.attachments().filter_map(|attachment| {
            let place = self.hosts.get(attachment.host)?;
            Some((attachment.address.address, place.name.as_str()))
        })
    }

    fn attachments(&self) -> impl Iterator<Item = &Attachment> {
        self.nets.iter().flat_map(|net| &net.attachments)
    }

    /// The next network of the plan `10.x.y.0/24` that nobody has an address in; `None` when all are taken.
    pub(crate) fn free_network(&mut self) -> Option<Ipv4Addr> {
        while self.planned < 1 << 16 {
            let network = Ipv4Addr::from_bits(0x0a00_0000 | self.planned << 8);
            self.planned += 1;
            let candidate = InterfaceAddress::new(network, 24);
            let is_used = self.attachments().any(|attachment| {
                candidate.covers(attachment.address.network()) || attachment.address.covers(network)
            });
            if !is_used {
                return Some(network);
            }
        }
        None
    }

    /// The best ways from every host to every network it is not in: fewest costs, and of equal ones by routers that
    /// were made earlier.
    pub(crate) fn ways(&self) -> Vec<Vec<Way>> {
        let mut nets_of: Vec<Vec<usize>> = vec![Vec::new(); self.hosts.len()];
        for (index, net) in self.nets.iter().enumerate().filter(|(_, net)| net.is_up) {
            for attachment in &net.attachments {
                if let Some(nets) = nets_of.get_mut(attachment.host) {
                    nets.push(index);
                }
            }
        }
        (0..self.hosts.len())
            .map(|host| self.shorten(host, self.ways_from(host, &nets_of)))
            .collect()
    }

    /// A host with one first hop to everywhere has one route, as hosts have: the default route. Routers are told all, so
    /// that a packet to nowhere comes back as unreachable and does not go round.
    fn shorten(&self, host: usize, ways: Vec<Way>) -> Vec<Way> {
        let is_router = self.hosts.get(host).is_some_and(|place| place.is_router);
        match ways.as_slice() {
            [first, rest @ ..]
                if !is_router
                    && rest.iter().all(|way| {
                        (way.gateway, way.interface) == (first.gateway, first.interface)
                    }) =>
            {
                vec![Way {
                    destination: Prefix::DEFAULT,
                    ..*first
                }]
            }
            _ => ways,
        }
    }

    /// Dijkstra's algorithm (1959) over the hosts that forward.
    fn ways_from(&self, source: usize, nets_of: &[Vec<usize>]) -> Vec<Way> {
        let mut ways: BTreeMap<Prefix, Way> = BTreeMap::new();
        let connected: BTreeSet<Prefix> = self
            .attachments()
            .filter(|attachment| attachment.host == source)
            .filter_map(|attachment| prefix_of(&attachment.address))
            .collect();
        // The first step to each host that was reached.
        let mut first: BTreeMap<usize, (Ipv4Addr, InterfaceId)> = BTreeMap::new();
        let mut reached = BTreeSet::new();
        let mut heap = BinaryHeap::from([Reverse((0_u64, source, None))]);
        while let Some(Reverse((cost, host, step))) = heap.pop() {
            if !reached.insert(host) {
                continue;
            }
            if let Some(step) = step {
                first.insert(host, step);
            }
            let forwards = self.hosts.get(host).is_some_and(|place| place.is_router);
            if host != source && !forwards {
                continue;
            }
            for &index in nets_of.get(host).into_iter().flatten() {
                let Some(net) = self.nets.get(index) else {
                    continue;
                };
                let Some(own) = net.attachments.iter().find(|it| it.host == host) else {
                    continue;
                };
                if let Some(&(gateway, interface)) = first.get(&host)
                    && let Some(destination) = prefix_of(&own.address)
                    && !connected.contains(&destination)
                {
                    ways.entry(destination).or_insert(Way {
                        destination,
                        gateway,
                        interface,
                    });
                }
                for other in net.attachments.iter().filter(|it| it.host != host) {
                    let step = first
                        .get(&host)
                        .copied()
                        .unwrap_or((other.address.address, own.interface));
                    heap.push(Reverse((
                        cost + u64::from(net.cost),
                        other.host,
                        Some(step),
                    )));
                }
            }
        }
        ways.into_values().collect()
    }
}

/// The network that an address is in.
fn prefix_of(address: &InterfaceAddress) -> Option<Prefix> {
    Prefix::new(address.network(), address.prefix)
}

/// The hardware address of an interface: administered locally, and it tells whose it is.
pub(crate) fn mac(host: usize, interface: u32) -> MacAddr {
    let [.., a, b] = u32::try_from(host + 1).unwrap_or(u32::MAX).to_be_bytes();
    let [.., c, d] = interface.to_be_bytes();
    MacAddr([0x02, 0x00, a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::{Attachment, Net, Place, Topology};
    use fairway_native::iface::{InterfaceAddress, InterfaceId};
    use std::net::Ipv4Addr;

    /// Hosts by name, routers in capitals; networks 10.0.n.0/24 of hosts by number.
    fn topology(hosts: &[&str], nets: &[&[usize]]) -> Topology {
        let mut interfaces = vec![1; hosts.len()];
        Topology {
            hosts: hosts
                .iter()
                .map(|name| Place {
                    name: (*name).into(),
                    is_router: name.starts_with(char::is_uppercase),
                })
                .collect(),
            nets: (0..)
                .zip(nets)
                .map(|(number, members)| Net {
                    attachments: (1..)
                        .zip(*members)
                        .map(|(station, &host)| Attachment {
                            host,
                            interface: {
                                interfaces[host] += 1;
                                InterfaceId(interfaces[host])
                            },
                            address: InterfaceAddress::new(
                                Ipv4Addr::new(10, 0, number, station),
                                24,
                            ),
                        })
                        .collect(),
                    cost: 1,
                    is_up: true,
                })
                .collect(),
            planned: 0,
        }
    }

    /// `network via gateway` of the ways from a host.
    fn ways(topology: &Topology, host: usize) -> Vec<String> {
        topology.ways()[host]
            .iter()
            .map(|way| {
                let network = way.destination.address();
                format!("{network} via {} by {}", way.gateway, way.interface)
            })
            .collect()
    }

    #[test]
    fn ways_are_the_shortest_and_change_with_the_links() {
        // a - R - S - b, and R - T - S the long way round.
        let mut net = topology(
            &["a", "R", "S", "T", "b"],
            &[&[0, 1], &[1, 2], &[1, 3], &[3, 2], &[2, 4]],
        );
        assert_eq!(
            ways(&net, 1),
            ["10.0.3.0 via 10.0.1.2 by 3", "10.0.4.0 via 10.0.1.2 by 3"]
        );
        assert_eq!(ways(&net, 0), ["0.0.0.0 via 10.0.0.2 by 2"]);
        net.nets[1].is_up = false;
        assert_eq!(
            ways(&net, 1),
            ["10.0.3.0 via 10.0.2.2 by 4", "10.0.4.0 via 10.0.2.2 by 4"]
        );
    }

    #[test]
    fn a_host_with_several_first_hops_is_told_which_is_for_what() {
        let net = topology(
            &["R", "a", "S", "b", "c"],
            &[&[0, 1], &[1, 2], &[0, 3], &[2, 4]],
        );
        assert_eq!(
            ways(&net, 1),
            ["10.0.2.0 via 10.0.0.1 by 2", "10.0.3.0 via 10.0.1.2 by 3"]
        );
    }

    #[test]
    fn a_cost_makes_a_way_longer() {
        let mut net = topology(&["R", "S", "T"], &[&[0, 1], &[1, 2], &[0, 2]]);
        // R to the network of S and T: both neighbours are in it; S was made first.
        assert_eq!(ways(&net, 0), ["10.0.1.0 via 10.0.0.2 by 2"]);
        net.nets[0].cost = 5;
        assert_eq!(ways(&net, 0), ["10.0.1.0 via 10.0.2.2 by 3"]);
    }

    #[test]
    fn hosts_that_do_not_forward_are_no_way() {
        let net = topology(&["a", "b", "c"], &[&[0, 1], &[1, 2]]);
        assert!(ways(&net, 0).is_empty());
    }

    #[test]
    fn a_host_has_the_addresses_of_its_interfaces() {
        let net = topology(&["a", "R", "b"], &[&[0, 1], &[1, 2]]);
        let [one, other] = [Ipv4Addr::new(10, 0, 0, 2), Ipv4Addr::new(10, 0, 1, 1)];
        assert_eq!(net.addresses("R"), [one, other]);
        assert!(net.addresses("nobody").is_empty());
        assert_eq!(net.names().count(), 4);
    }

    #[test]
    fn the_plan_leaves_out_what_is_used() {
        let mut net = topology(&["a", "b"], &[&[0, 1]]);
        assert_eq!(net.free_network(), Some(Ipv4Addr::new(10, 0, 1, 0)));
        net.nets[0].attachments[0].address = InterfaceAddress::new(Ipv4Addr::new(10, 0, 9, 1), 20);
        net.nets[0].attachments.truncate(1);
        assert_eq!(net.free_network(), Some(Ipv4Addr::new(10, 0, 16, 0)));
    }
}
