//! A link between two hosts.

use crate::capture::Capture;
use crate::channel::Queue;
use crate::direction::{DirectionBuilder, LinkDirection};
use crate::interface::{InterfaceNature, add_interface, address, free_network, nth};
use crate::line::{End, LineId};
use crate::map::{Map, NetPlan};
use crate::node::Node;
use crate::pcap::Direction;
use crate::topology::{Attachment, Net};
use crate::{BitsPerSec, Framing};
use fairway_native::iface::{InterfaceAddress, InterfaceId};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

/// A link. Cheap to clone: clones are the same link.
#[derive(Clone, Debug)]
pub struct Link {
    map: Arc<Map>,
    net: usize,
    name: Arc<str>,
    ways: [LineId; 2],
    ends: [(Node, InterfaceId); 2],
}

impl Link {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Takes it down in both directions: what is on it is lost, its own queue included, and what is put on it. Its ends
    /// do not notice, and go on sending at its rate: a cable cut between two switches. A stream comes back with its
    /// next retransmission, which after a long cut can be as long again as the cut.
    pub fn down(&self) {
        self.set_up(false);
    }

    /// Takes it up again.
    pub fn up(&self) {
        self.set_up(true);
    }

    /// Takes it down, and its ends notice: their interfaces lose the carrier.
    pub fn unplug(&self) {
        self.set_up(false);
        self.set_carrier(false);
    }

    /// Plugs it in again.
    pub fn plug(&self) {
        self.set_up(true);
        self.set_carrier(true);
    }

    /// Whether it is up.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.map
            .plan()
            .topology
            .nets
            .get(self.net)
            .is_some_and(|net| net.is_up)
    }

    fn set_up(&self, up: bool) {
        if let Some(net) = self.map.plan().topology.nets.get_mut(self.net) {
            net.is_up = up;
        }
        self.map.world.change(|state, now| {
            for way in self.ways {
                if let Some(line) = state.line_mut(way) {
                    line.channel.set_up(now, up);
                }
            }
            let what = if up { "up" } else { "down" };
            state.log.write(now, format_args!("{}: {what}", self.name));
        });
    }

    fn set_carrier(&self, running: bool) {
        for (node, interface) in &self.ends {
            node.with(|stack, now| stack.handle_carrier(now, *interface, running));
        }
    }

    /// The interface of a host that it is plugged in, by the host; `None` for a host that is not at its ends.
    #[must_use]
    pub fn interface(&self, node: &Node) -> Option<InterfaceId> {
        let end = self
            .ends
            .iter()
            .find(|(end, _)| end.index() == node.index());
        end.map(|&(_, interface)| interface)
    }

    /// The direction from the host that was named first.
    #[must_use]
    pub fn there(&self) -> LinkDirection {
        self.direction(0)
    }

    /// The direction to the host that was named first.
    #[must_use]
    pub fn back(&self) -> LinkDirection {
        self.direction(1)
    }

    fn direction(&self, way: usize) -> LinkDirection {
        let [there, back] = self.ways;
        LinkDirection {
            map: self.map.clone(),
            line: if way == 0 { there } else { back },
        }
    }

    /// Captures what is put on it, from now on. Frames from the host that was named first are outbound.
    #[must_use]
    pub fn capture(&self) -> Capture {
        self.map.capture(Some(self.net), None)
    }

    /// As [`capture`](Self::capture), to a file or elsewhere, as it happens; as
    /// [`Network::capture_all_to`](crate::Network::capture_all_to).
    #[must_use]
    pub fn capture_to(&self, writer: Box<dyn Write + Send>) -> Capture {
        self.map.capture(Some(self.net), Some(writer))
    }
}

/// A link that is being made.
///
/// By default it is an ideal Ethernet of 1500 octets: no delay, no limit of rate, nothing lost, and addresses of the
/// next free network 10.x.y.0/24.
#[derive(Debug)]
#[must_use = "the link is made by `connect`"]
pub struct LinkBuilder<'n> {
    map: &'n Arc<Map>,
    ends: [Node; 2],
    ways: [DirectionBuilder; 2],
    framing: Framing,
    mtu: usize,
    addresses: Option<[InterfaceAddress; 2]>,
    name: Option<String>,
    cost: u32,
    checksums: bool,
    offload: bool,
}

impl<'n> LinkBuilder<'n> {
    pub(crate) fn new(map: &'n Arc<Map>, one: &Node, other: &Node) -> Self {
        assert!(
            one.index() != other.index(),
            "a link has two ends at different hosts, not both at {}",
            one.name()
        );
        Self {
            map,
            ends: [one.clone(), other.clone()],
            ways: [DirectionBuilder::default(), DirectionBuilder::default()],
            framing: Framing::Ethernet,
            mtu: 1500,
            addresses: None,
            name: None,
            cost: 1,
            checksums: false,
            offload: false,
        }
    }

    /// Says more about both directions; `f` is called for each.
    pub fn both(mut self, f: impl Fn(DirectionBuilder) -> DirectionBuilder) -> Self {
        self.ways = self.ways.map(f);
        self
    }

    /// Says more about the direction from the host that was named first.
    pub fn there(self, f: impl FnOnce(DirectionBuilder) -> DirectionBuilder) -> Self {
        let [there, back] = self.ways;
        Self {
            ways: [f(there), back],
            ..self
        }
    }

    /// Says more about the direction to the host that was named first.
    pub fn back(self, f: impl FnOnce(DirectionBuilder) -> DirectionBuilder) -> Self {
        let [there, back] = self.ways;
        Self {
            ways: [there, f(back)],
            ..self
        }
    }

    /// How fast either direction sends.
    pub fn rate(self, rate: BitsPerSec) -> Self {
        self.both(|way| way.rate(rate))
    }

    /// How long a frame is under way in either direction.
    pub fn delay(self, delay: Duration) -> Self {
        self.both(|way| way.delay(delay))
    }

    /// Where frames wait for the transmitter.
    pub fn queue(self, queue: Queue) -> Self {
        self.both(|way| way.queue(queue))
    }

    /// Loses frames of either direction with that probability, 0 to 1.
    ///
    /// # Panics
    /// When it is not from 0 to 1.
    pub fn loss(self, probability: f64) -> Self {
        self.both(|way| way.loss(probability))
    }

    /// Makes it a line without link headers and ARP.
    pub const fn point_to_point(mut self) -> Self {
        self.framing = Framing::Ip;
        self
    }

    /// The longest IP packet, in octets, as its interfaces know it: 68 to 65 535.
    pub const fn mtu(mut self, mtu: usize) -> Self {
        self.mtu = mtu;
        self
    }

    /// The addresses of its ends, with the length of the network's prefix: `"10.0.0.1/24"`.
    ///
    /// # Panics
    /// If one is not an address and a length up to 32.
    pub fn addresses(mut self, one: &str, other: &str) -> Self {
        self.addresses = Some([address(one), address(other)]);
        self
    }

    /// What it is called in logs and captures; without it, by the names of its ends.
    pub fn name(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// What a way across it costs ([`route_all`](crate::Network::route_all)); 1 without it.
    pub const fn cost(mut self, cost: u32) -> Self {
        self.cost = cost;
        self
    }

    /// Has its interfaces compute and verify checksums. Without it they trust memory, and only frames that are
    /// corrupted or captured get theirs.
    pub const fn checksums(mut self) -> Self {
        self.checksums = true;
        self
    }

    /// Lets its interfaces put TCP segments of up to 64 KiB on it, uncut, as between virtual machines of one computer:
    /// less work, and less like a wire. Captures show them so.
    pub const fn offload(mut self) -> Self {
        self.offload = true;
        self
    }

    /// Makes the link, and interfaces at its ends.
    ///
    /// # Panics
    /// If addresses are not given and all networks of 10.0.0.0/8 are taken.
    pub fn connect(self) -> Link {
        let map = self.map;
        let (net, addresses, seeds) = {
            let mut plan = map.plan();
            let addresses = self.addresses.unwrap_or_else(|| {
                let network = free_network(&mut plan.topology);
                [1, 2].map(|host| InterfaceAddress::new(nth(network, host), 24))
            });
            let seeds = [plan.seed(), plan.seed()];
            (plan.topology.nets.len(), addresses, seeds)
        };
        let [one, other] = &self.ends;
        let name: Arc<str> = match self.name {
            Some(name) => name.into(),
            None => format!("{}-{}", one.name(), other.name()).into(),
        };
        let nature = InterfaceNature {
            framing: self.framing,
            mtu: self.mtu,
            trusted: !self.checksums,
            segmentation: self.offload,
        };
        let interface = |node: &Node, address| add_interface(node, nature, address);
        let [here, there] = addresses;
        let ids = [interface(one, here), interface(other, there)];
        let ends = [
            End::Interface(one.index(), ids[0]),
            End::Interface(other.index(), ids[1]),
        ];
        let [way_there, way_back] = self.ways;
        let [seed_there, seed_back] = seeds;
        let arrow = |from: &Node, to: &Node| -> Arc<str> {
            format!("{name} ({} to {})", from.name(), to.name()).into()
        };
        let world = &map.world;
        let ways = [
            world.add_line(
                arrow(one, other),
                way_there.build(self.framing, seed_there),
                ends[0],
                ends[1],
            ),
            world.add_line(
                arrow(other, one),
                way_back.build(self.framing, seed_back),
                ends[1],
                ends[0],
            ),
        ];
        let attachment = |node: &Node, interface, address| Attachment {
            host: node.index(),
            interface,
            address,
        };
        let net_plan = NetPlan {
            name: name.clone(),
            lines: vec![
                (ways[0], Direction::Outbound),
                (ways[1], Direction::Inbound),
            ],
        };
        {
            let mut plan = map.plan();
            plan.topology.nets.push(Net {
                attachments: vec![
                    attachment(one, ids[0], here),
                    attachment(other, ids[1], there),
                ],
                cost: self.cost,
                is_up: true,
            });
            plan.nets.push(net_plan);
        }
        map.plug_in(one, ids[0], here, ways[0]);
        map.plug_in(other, ids[1], there, ways[1]);
        let [one, other] = self.ends;
        Link {
            map: map.clone(),
            net,
            name,
            ways,
            ends: [(one, ids[0]), (other, ids[1])],
        }
    }
}
