//! A link between two hosts.

use crate::capture::Capture;
use crate::channel::{Channel, ChannelConfig, ChannelCounters, Narrow, Queue};
use crate::impair::{
    Burst, Corrupt, Delayed, Duplicated, Fault, Lost, Nth, Swapped, Verdict, When,
};
use crate::line::{End, LineId};
use crate::map::{Map, NetPlan};
use crate::node::Node;
use crate::pcap::Direction;
use crate::topology::{Attachment, Net, mac};
use crate::{BitsPerSec, Frame, Framing};
use fairway_native::iface::{InterfaceAddress, InterfaceConfig, InterfaceId};
use std::fmt;
use std::io::Write;
use std::net::Ipv4Addr;
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

    /// Takes it down in both directions: what is on it is lost, and what is put on it. Its ends do not notice: a cable
    /// cut between two switches.
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

    /// As [`capture`](Self::capture), to a file or elsewhere, as it happens.
    #[must_use]
    pub fn capture_to(&self, writer: Box<dyn Write + Send>) -> Capture {
        self.map.capture(Some(self.net), Some(writer))
    }
}

/// One direction of a link or of a station's cable, while the network runs.
#[derive(Clone, Debug)]
pub struct LinkDirection {
    pub(crate) map: Arc<Map>,
    pub(crate) line: LineId,
}

impl LinkDirection {
    /// Changes its nature: frames already put on it keep their times.
    pub fn set(&self, change: impl FnOnce(&mut ChannelConfig)) {
        self.with(|channel| change(channel.config_mut()));
    }

    /// Adds a fault behind those it has.
    pub fn add_fault(&self, fault: impl Fault + 'static) {
        self.with(|channel| channel.add_fault(Box::new(fault)));
    }

    /// Takes all faults away.
    pub fn clear_faults(&self) {
        self.with(Channel::clear_faults);
    }

    /// What happened so far.
    #[must_use]
    pub fn counters(&self) -> ChannelCounters {
        self.with(|channel| *channel.counters()).unwrap_or_default()
    }

    fn with<T>(&self, f: impl FnOnce(&mut Channel) -> T) -> Option<T> {
        let mut state = self.map.world.lock();
        state.line_mut(self.line).map(|line| f(&mut line.channel))
    }
}

/// One direction that is being made: nature and faults.
#[derive(Default)]
#[must_use]
pub struct DirectionBuilder {
    pub(crate) config: ChannelConfig,
    pub(crate) faults: Vec<Box<dyn Fault>>,
}

impl DirectionBuilder {
    /// How fast it sends; without it, in no time.
    pub const fn rate(mut self, rate: BitsPerSec) -> Self {
        self.config.rate = Some(rate);
        self
    }

    /// How long a frame is under way when it has been sent.
    pub const fn delay(mut self, delay: Duration) -> Self {
        self.config.delay = delay;
        self
    }

    /// Up to that much longer, evenly distributed, without overtaking.
    pub const fn jitter(mut self, jitter: Duration) -> Self {
        self.config.jitter = jitter;
        self
    }

    /// Where frames wait for the transmitter; without it, in the sender's interface.
    pub const fn queue(mut self, queue: Queue) -> Self {
        self.config.queue = queue;
        self
    }

    /// A place on the way that long packets do not pass, unknown to the interfaces.
    pub const fn narrow(mut self, narrow: Narrow) -> Self {
        self.config.narrow = Some(narrow);
        self
    }

    /// A fault, behind those added before.
    pub fn fault(mut self, fault: impl Fault + 'static) -> Self {
        self.faults.push(Box::new(fault));
        self
    }

    /// Loses frames with that probability, 0 to 1.
    pub fn loss(self, probability: f64) -> Self {
        self.fault(Lost(probability.into()))
    }

    /// Loses frames in bursts that begin and end with these probabilities per frame.
    pub fn burst_loss(self, begins: f64, ends: f64) -> Self {
        self.fault(Burst::new(begins, ends))
    }

    /// Loses the frames with these numbers, from 1.
    pub fn lose(self, numbers: impl IntoIterator<Item = u64>) -> Self {
        self.fault(Nth::new(numbers))
    }

    /// Delivers frames twice with that probability.
    pub fn duplicate(self, probability: f64) -> Self {
        self.fault(Duplicated(probability.into()))
    }

    /// Delivers frames late by `late` with that probability; others overtake them.
    pub fn reorder(self, probability: f64, late: Duration) -> Self {
        self.fault(Delayed(probability.into(), late))
    }

    /// Lets frames change places with the next with that probability, if it comes within a tenth of a second.
    pub fn swap(self, probability: f64) -> Self {
        self.fault(Swapped(probability.into(), Duration::from_millis(100)))
    }

    /// Turns one bit of frames with that probability.
    pub fn corrupt(self, probability: f64) -> Self {
        self.fault(Corrupt(probability.into(), 1))
    }

    /// Asks `judge` what becomes of each frame.
    pub fn when(self, judge: impl FnMut(&Frame<'_>) -> Verdict + Send + 'static) -> Self {
        self.fault(When(judge))
    }

    pub(crate) fn build(self, framing: Framing, seed: [u8; 32]) -> Channel {
        let config = ChannelConfig {
            framing,
            ..self.config
        };
        let mut channel = Channel::new(config, seed);
        for fault in self.faults {
            channel.add_fault(fault);
        }
        channel
    }
}

impl fmt::Debug for DirectionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DirectionBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
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

/// What the interfaces at a link are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InterfaceNature {
    pub(crate) framing: Framing,
    pub(crate) mtu: usize,
    /// Checksums may be left out.
    pub(crate) trusted: bool,
    /// Long segments go uncut.
    pub(crate) segmentation: bool,
}

/// Adds an interface to a host, still without an address, and to the plan of the host, with it.
pub(crate) fn add_interface(
    node: &Node,
    nature: InterfaceNature,
    address: InterfaceAddress,
) -> InterfaceId {
    let index = node.index();
    let (id, config) = node.with(|stack, _| {
        // The loopback interface is number 1: the first of these is called 0.
        let count = u32::try_from(stack.interfaces().len()).unwrap_or(u32::MAX);
        let number = count.saturating_sub(1);
        let mut config = match nature.framing {
            Framing::Ethernet => {
                InterfaceConfig::ethernet(&format!("eth{number}"), mac(index, count))
            }
            Framing::Ip => InterfaceConfig::point(&format!("p2p{number}"), nature.mtu),
        };
        config.mtu = nature.mtu.clamp(68, 65_535);
        config.trusted = nature.trusted;
        config.segmentation = nature.segmentation;
        (stack.add_interface(config.clone()), config)
    });
    node.remember(config, address);
    id
}

/// The address of a host in a network, by number.
pub(crate) fn nth(network: Ipv4Addr, host: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(network.to_bits() + host)
}

/// The next network of the plan.
///
/// # Panics
/// If all are taken.
pub(crate) fn free_network(topology: &mut crate::topology::Topology) -> Ipv4Addr {
    #[expect(clippy::expect_used, reason = "documented where it is called")]
    topology
        .free_network()
        .expect("a network of 10.0.0.0/8 is free")
}

/// Reads `10.0.0.1/24`.
///
/// # Panics
/// If it is something else.
pub(crate) fn address(text: &str) -> InterfaceAddress {
    let read = || {
        let (address, prefix) = text.split_once('/')?;
        let prefix: u8 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
        Some(InterfaceAddress::new(address.parse().ok()?, prefix))
    };
    #[expect(clippy::panic, reason = "documented where it is called")]
    read().unwrap_or_else(|| panic!("{text:?} is not an address and a prefix length"))
}
