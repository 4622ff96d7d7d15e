//! An Ethernet that several hosts share.

use crate::Framing;
use crate::capture::Capture;
use crate::direction::{DirectionBuilder, LinkDirection};
use crate::interface::{InterfaceNature, add_interface, address, free_network, nth};
use crate::line::{End, LineId};
use crate::map::{Map, NetPlan};
use crate::node::Node;
use crate::pcap::Direction;
use crate::switch::Switch;
use crate::topology::{Attachment, Net};
use fairway_native::iface::{InterfaceAddress, InterfaceId};
use std::sync::Arc;

/// A segment. Cheap to clone: clones are the same segment.
#[derive(Clone, Debug)]
pub struct Segment {
    map: Arc<Map>,
    net: usize,
    name: Arc<str>,
    stations: Arc<[Station]>,
}

/// A host on a segment.
#[derive(Debug)]
struct Station {
    node: Node,
    interface: InterfaceId,
    /// To the switch.
    up: LineId,
    /// From the switch.
    down: LineId,
}

impl Segment {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The cable by which a host sends; `None` for one that is not on it.
    #[must_use]
    pub fn from(&self, node: &Node) -> Option<LinkDirection> {
        self.station(node).map(|station| self.direction(station.up))
    }

    /// The cable by which a host receives; `None` for one that is not on it.
    #[must_use]
    pub fn to(&self, node: &Node) -> Option<LinkDirection> {
        self.station(node)
            .map(|station| self.direction(station.down))
    }

    /// The interface of a host on it; `None` for one that is not.
    #[must_use]
    pub fn interface(&self, node: &Node) -> Option<InterfaceId> {
        self.station(node).map(|station| station.interface)
    }

    /// Cuts a host off, or takes it back. It does not notice.
    pub fn set_connected(&self, node: &Node, connected: bool) {
        let Some(station) = self.station(node) else {
            return;
        };
        self.map.world.change(|state, now| {
            for line in [station.up, station.down] {
                if let Some(line) = state.line_mut(line) {
                    line.channel.set_up(now, connected);
                }
            }
            let what = if connected { "connected" } else { "cut off" };
            state
                .log
                .write(now, format_args!("{}: {} {what}", self.name, node.name()));
        });
    }

    /// Captures what the hosts on it send, from now on: every frame once.
    #[must_use]
    pub fn capture(&self) -> Capture {
        self.map.capture(Some(self.net), None)
    }

    fn station(&self, node: &Node) -> Option<&Station> {
        self.stations
            .iter()
            .find(|station| station.node.index() == node.index())
    }

    fn direction(&self, line: LineId) -> LinkDirection {
        LinkDirection {
            map: self.map.clone(),
            line,
        }
    }
}

/// A segment that is being made: a switch with a cable to each host.
///
/// By default it is ideal, and has addresses of the next free network 10.x.y.0/24, in the order of the hosts.
#[derive(Debug)]
#[must_use = "the segment is made by `build`"]
pub struct SegmentBuilder<'n> {
    map: &'n Arc<Map>,
    stations: Vec<StationPlan>,
    mtu: usize,
    name: Option<String>,
    cost: u32,
    checksums: bool,
    is_hub: bool,
}

/// A host that is going to be on it.
#[derive(Debug)]
struct StationPlan {
    node: Node,
    address: Option<InterfaceAddress>,
    up: DirectionBuilder,
    down: DirectionBuilder,
}

impl<'n> SegmentBuilder<'n> {
    pub(crate) const fn new(map: &'n Arc<Map>) -> Self {
        Self {
            map,
            stations: Vec::new(),
            mtu: 1500,
            name: None,
            cost: 1,
            checksums: false,
            is_hub: false,
        }
    }

    /// A host on it.
    pub fn station(self, node: &Node) -> Self {
        self.add(node, None)
    }

    /// A host on it, and its address there: `"10.0.0.1/24"`.
    ///
    /// # Panics
    /// If that is not an address and a length up to 32.
    pub fn station_at(self, node: &Node, own: &str) -> Self {
        let own = address(own);
        self.add(node, Some(own))
    }

    fn add(mut self, node: &Node, address: Option<InterfaceAddress>) -> Self {
        self.stations.push(StationPlan {
            node: node.clone(),
            address,
            up: DirectionBuilder::default(),
            down: DirectionBuilder::default(),
        });
        self
    }

    /// Says more about the cables by which hosts send; `f` is called for each host named so far.
    pub fn cables(mut self, f: impl Fn(DirectionBuilder) -> DirectionBuilder) -> Self {
        for station in &mut self.stations {
            station.up = f(std::mem::take(&mut station.up));
        }
        self
    }

    /// The longest IP packet, in octets, as the interfaces know it: 68 to 65 535.
    pub const fn mtu(mut self, mtu: usize) -> Self {
        self.mtu = mtu;
        self
    }

    /// What it is called in logs and captures.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What a way across it costs ([`route_all`](crate::Network::route_all)); 1 without it.
    pub const fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    /// Has its interfaces compute and verify checksums, as for a [link](crate::LinkBuilder::checksums).
    pub const fn checksums(mut self) -> Self {
        self.checksums = true;
        self
    }

    /// Makes it a hub: every host gets every frame.
    pub const fn hub(mut self) -> Self {
        self.is_hub = true;
        self
    }

    /// Makes the segment, and an interface of every host on it.
    ///
    /// # Panics
    /// If addresses are not given and all networks of 10.0.0.0/8 are taken.
    pub fn build(self) -> Segment {
        let map = self.map;
        let world = &map.world;
        let (net, network) = {
            let mut plan = map.plan();
            let all_given = self
                .stations
                .iter()
                .all(|station| station.address.is_some());
            let network = (!all_given).then(|| free_network(&mut plan.topology));
            (plan.topology.nets.len(), network)
        };
        let name: Arc<str> = match self.name {
            Some(name) => name.into(),
            None => format!("segment{net}").into(),
        };
        let switch = {
            let mut state = world.lock();
            state.switches.push(Switch::new(self.is_hub));
            state.switches.len() - 1
        };
        let mut stations = Vec::new();
        let mut attachments = Vec::new();
        for (number, station) in (1..).zip(self.stations) {
            let own = station
                .address
                .or_else(|| network.map(|network| InterfaceAddress::new(nth(network, number), 24)));
            let Some(own) = own else {
                continue; // Not reached: without an address there is a network.
            };
            let node = station.node;
            let nature = InterfaceNature {
                framing: Framing::Ethernet,
                mtu: self.mtu,
                trusted: !self.checksums,
                segmentation: false,
            };
            let interface = add_interface(&node, nature, own);
            let host = End::Interface(node.index(), interface);
            let port = world
                .lock()
                .switches
                .get(switch)
                .map_or(0, Switch::next_port);
            let port_end = End::Switch(switch, port);
            let seeds = {
                let mut plan = map.plan();
                [plan.seed(), plan.seed()]
            };
            let [up_seed, down_seed] = seeds;
            let up = world.add_line(
                format!("{name} (from {})", node.name()).into(),
                station.up.build(Framing::Ethernet, up_seed),
                host,
                port_end,
            );
            let down = world.add_line(
                format!("{name} (to {})", node.name()).into(),
                station.down.build(Framing::Ethernet, down_seed),
                port_end,
                host,
            );
            if let Some(switch) = world.lock().switches.get_mut(switch) {
                switch.add(down);
            }
            attachments.push(Attachment {
                host: node.index(),
                interface,
                address: own,
            });
            stations.push(Station {
                node,
                interface,
                up,
                down,
            });
        }
        let lines = stations
            .iter()
            .map(|station| (station.up, Direction::Unknown))
            .collect();
        {
            let mut plan = map.plan();
            plan.topology.nets.push(Net {
                attachments: attachments.clone(),
                cost: self.cost,
                is_up: true,
            });
            plan.nets.push(NetPlan {
                name: name.clone(),
                lines,
            });
        }
        for (station, attachment) in stations.iter().zip(attachments) {
            map.plug_in(
                &station.node,
                station.interface,
                attachment.address,
                station.up,
            );
        }
        Segment {
            map: map.clone(),
            net,
            name,
            stations: stations.into(),
        }
    }
}
