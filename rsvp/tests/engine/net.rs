//! Networks to try engines on.
//!
//! Nodes are joined by links; link *l* has the network 10.0.*l*.0/24, and node *n* on it the address 10.0.*l*.*n*, both
//! counted from 1 in the order in which they were made. The interface of a node on link *l* has the index *l*. Routes
//! are the shortest ways, multicast trees those of the sources. A datagram takes a millisecond a link.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use bytes::Bytes;
use fairway_rsvp::api::{ApiError, ApiId, Call, Event, ReserveCall, SenderCall};
use fairway_rsvp::engine::{Config, Engine, LogEntry, Output};
use fairway_rsvp::interface::{IfIndex, Interface, Settings};
use fairway_rsvp::intserv::{
    Bandwidth, ErrorTerms, Flowspec, Latency, LocalControlledLoad, LocalElement, LocalGuaranteed,
    LocalValues, Reading, Tspec,
};
use fairway_rsvp::msg::Message;
use fairway_rsvp::neighbour::{Arrival, Transmit};
use fairway_rsvp::routing::{Route, Routing, Tree};
use fairway_rsvp::tc::{Granted, RHandle, Request, TcError, TrafficControl};
use fairway_rsvp::wire::{Sender, Session, Style};
use fairway_wire::{Instant, Protocol};

pub(crate) const HOP_DELAY: Duration = Duration::from_millis(1);

/// What is joined to what.
#[derive(Debug, Default)]
pub(crate) struct Topology {
    /// By link: the nodes on it.
    links: Vec<BTreeSet<usize>>,
    down: BTreeSet<usize>,
    /// Groups: the nodes that have joined.
    groups: BTreeMap<IpAddr, BTreeSet<usize>>,
    /// Nodes that route and do not know RSVP.
    plain: BTreeSet<usize>,
    /// Asked of each node so far, so that a test sees whether it asks.
    pub(crate) shared_trees: bool,
    pub(crate) silent_routing: bool,
}

impl Topology {
    fn owner(address: IpAddr) -> Option<(usize, usize)> {
        match address {
            IpAddr::V4(address) => match address.octets() {
                [10, 0, link, node] => Some((usize::from(link), usize::from(node))),
                _ => None,
            },
            IpAddr::V6(_) => None,
        }
    }

    fn up_links(&self) -> impl Iterator<Item = (usize, &BTreeSet<usize>)> {
        self.links
            .iter()
            .enumerate()
            .map(|(at, nodes)| (at + 1, nodes))
            .filter(|(link, _)| !self.down.contains(link))
    }

    /// For each node on the way from `from`: the link and node before it.
    fn before(&self, from: usize) -> BTreeMap<usize, (usize, usize)> {
        let mut before = BTreeMap::new();
        let mut seen = BTreeSet::from([from]);
        let mut next = VecDeque::from([from]);
        while let Some(node) = next.pop_front() {
            for (link, nodes) in self.up_links().filter(|(_, nodes)| nodes.contains(&node)) {
                for &other in nodes {
                    if seen.insert(other) {
                        before.insert(other, (link, node));
                        next.push_back(other);
                    }
                }
            }
        }
        before
    }

    /// The first link, and the node behind it, on the way.
    fn step(&self, from: usize, to: usize) -> Option<(usize, usize)> {
        let before = self.before(from);
        let (mut node, mut link) = (to, before.get(&to)?.0);
        while let Some(&(here, previous)) = before.get(&node) {
            link = here;
            if previous == from {
                break;
            }
            node = previous;
        }
        Some((link, node))
    }
}

/// A node's questions about routes.
#[derive(Debug)]
struct Routes(usize, Arc<Mutex<Topology>>);

impl Routing for Routes {
    fn unicast(&mut self, destination: IpAddr, _: Option<IpAddr>) -> Option<Route> {
        let topology = self.1.lock().unwrap();
        let (link, node) = Topology::owner(destination)?;
        if node == self.0 {
            return Some(Route {
                interface: IfIndex::LOCAL,
                gateway: None,
            });
        }
        // The address has to be there, not only the node: its link may be down.
        if topology.down.contains(&link) {
            return None;
        }
        let (link, _) = topology.step(self.0, node)?;
        Some(Route {
            interface: IfIndex(u32::try_from(link).unwrap()),
            gateway: None,
        })
    }

    fn multicast(&mut self, source: IpAddr, group: IpAddr) -> Option<Tree> {
        let topology = self.1.lock().unwrap();
        let (_, source) = Topology::owner(source)?;
        let before = topology.before(source);
        let mut outgoing = BTreeSet::new();
        for member in topology.groups.get(&group).into_iter().flatten() {
            let mut node = *member;
            while let Some(&(link, previous)) = before.get(&node) {
                if previous == self.0 {
                    outgoing.insert(link);
                }
                node = previous;
            }
        }
        let index = |link: usize| IfIndex(u32::try_from(link).unwrap());
        Some(Tree {
            incoming: before.get(&self.0).map(|(link, _)| index(*link)),
            outgoing: outgoing.into_iter().map(index).collect(),
        })
    }

    fn notifies(&self) -> bool {
        !self.1.lock().unwrap().silent_routing
    }

    fn has_shared_trees(&self) -> bool {
        self.1.lock().unwrap().shared_trees
    }
}

/// A reservation and its senders.
pub(crate) type One = (Request, Vec<Option<Sender>>);

/// What is installed at a node.
#[derive(Debug, Default)]
pub(crate) struct Installed {
    pub(crate) reservations: BTreeMap<(IfIndex, RHandle), One>,
    /// Octets per second that can be reserved, where there is a limit.
    pub(crate) capacity: BTreeMap<IfIndex, f64>,
    /// What Adspecs say of an interface, octets per second, where it is not the usual 1.25 million.
    pub(crate) bandwidth: BTreeMap<IfIndex, f32>,
    /// Interfaces without traffic control.
    pub(crate) without: BTreeSet<IfIndex>,
    named: u64,
}

impl Installed {
    pub(crate) fn on(&self, interface: u32) -> Vec<&One> {
        self.reservations
            .iter()
            .filter(|((here, _), _)| here.0 == interface)
            .map(|(_, one)| one)
            .collect()
    }
}

/// Traffic control that keeps what is installed where a test sees it.
#[derive(Debug)]
pub(crate) struct Control(pub(crate) Arc<Mutex<Installed>>);

impl TrafficControl for Control {
    fn advertise(&self, interface: IfIndex) -> LocalElement {
        let installed = self.0.lock().unwrap();
        let has = !installed.without.contains(&interface);
        let bandwidth = installed.bandwidth.get(&interface).copied();
        LocalElement {
            general: LocalValues {
                bandwidth: Bandwidth::new(bandwidth.unwrap_or(1.25e6)).unwrap(),
                latency: Latency::from_micros(1000),
                mtu: 1500,
            },
            guaranteed: has.then(|| LocalGuaranteed {
                terms: ErrorTerms::new(1500, 1200),
                ..LocalGuaranteed::default()
            }),
            controlled_load: has.then(LocalControlledLoad::default),
            after_non_is_hop: false,
        }
    }

    fn install(
        &mut self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
        _: &Session,
        filters: &[Option<Sender>],
    ) -> Result<Granted, TcError> {
        let mut installed = self.0.lock().unwrap();
        assert!(!interface.is_local() && filters.is_sorted() && !filters.is_empty());
        let rate = |request: &Request| f64::from(request.flowspec.rate().get());
        let (mut others, mut own) = (0.0, 0.0);
        for ((here, name), (request, _)) in &installed.reservations {
            if *here == interface && Some(*name) == handle {
                own = rate(request);
            } else if *here == interface {
                others += rate(request);
            }
        }
        let wanted = rate(request);
        if wanted > own
            && installed
                .capacity
                .get(&interface)
                .is_some_and(|capacity| others + wanted > *capacity)
        {
            return Err(TcError::Bandwidth);
        }
        if request.flowspec.tspec().max_packet_size() > 1500 {
            return Err(TcError::Mtu);
        }
        let handle = handle.unwrap_or_else(|| {
            installed.named += 1;
            RHandle(installed.named)
        });
        installed
            .reservations
            .insert((interface, handle), (*request, filters.to_vec()));
        Ok(Granted {
            handle,
            forward: None,
        })
    }

    fn remove(&mut self, interface: IfIndex, handle: RHandle) {
        let mut installed = self.0.lock().unwrap();
        let was = installed.reservations.remove(&(interface, handle));
        assert!(was.is_some(), "{handle:?} on {interface} was not there");
    }
}

#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) engine: Option<Engine>,
    installed: Arc<Mutex<Installed>>,
    pub(crate) events: Vec<(ApiId, Event)>,
    pub(crate) log: Vec<LogEntry>,
    forwards: bool,
    restarts: u64,
}

/// Decides whether a node's message is lost.
type Loses = Box<dyn FnMut(&str, &Message) -> bool>;

/// Some nodes and links.
pub(crate) struct Net {
    pub(crate) nodes: Vec<Node>,
    topology: Arc<Mutex<Topology>>,
    pub(crate) now: Instant,
    flying: BTreeMap<(Instant, u64), (usize, Arrival, Bytes)>,
    sent: u64,
    pub(crate) settings: Settings,
    /// Which datagrams are lost: asked with the sending node's name.
    pub(crate) loses: Option<Loses>,
    /// Datagrams take up to five milliseconds longer, and overtake each other, if this is not zero: a seed.
    pub(crate) jitter: u64,
    /// Every message sent: time, node, what.
    pub(crate) wire: Vec<(Instant, &'static str, Transmit)>,
}

impl Net {
    pub(crate) fn new() -> Self {
        Self {
            nodes: Vec::new(),
            topology: Arc::default(),
            now: Instant::ZERO,
            flying: BTreeMap::new(),
            sent: 0,
            settings: Settings {
                refresh_reduction: false,
                ..Settings::default()
            },
            loses: None,
            jitter: 0,
            wire: Vec::new(),
        }
    }

    /// Nodes and the links between them; a link of one node is its stub.
    pub(crate) fn of(nodes: &[&'static str], links: &[&[&'static str]]) -> Self {
        Self::with(Self::new().settings, nodes, links)
    }

    pub(crate) fn with(
        settings: Settings,
        nodes: &[&'static str],
        links: &[&[&'static str]],
    ) -> Self {
        let mut net = Self::new();
        net.settings = settings;
        for name in nodes {
            net.nodes.push(Node {
                name,
                engine: None,
                installed: Arc::default(),
                events: Vec::new(),
                log: Vec::new(),
                forwards: true,
                restarts: 0,
            });
        }
        for link in links {
            let members = link.iter().map(|name| net.number(name)).collect();
            net.topology().links.push(members);
        }
        for name in nodes {
            net.start(name);
        }
        net
    }

    pub(crate) fn topology(&self) -> MutexGuard<'_, Topology> {
        self.topology.lock().unwrap()
    }

    fn number(&self, name: &str) -> usize {
        1 + self
            .nodes
            .iter()
            .position(|node| node.name == name)
            .unwrap_or_else(|| panic!("no node {name}"))
    }

    pub(crate) fn node(&mut self, name: &str) -> &mut Node {
        let number = self.number(name);
        &mut self.nodes[number - 1]
    }

    pub(crate) fn engine(&mut self, name: &str) -> &mut Engine {
        self.node(name).engine.as_mut().expect("runs")
    }

    pub(crate) fn installed(&self, name: &str) -> MutexGuard<'_, Installed> {
        self.nodes[self.number(name) - 1].installed.lock().unwrap()
    }

    /// The address of a node on a link.
    pub(crate) fn address(&self, name: &str, link: u32) -> Ipv4Addr {
        let node = u8::try_from(self.number(name)).unwrap();
        Ipv4Addr::new(10, 0, u8::try_from(link).unwrap(), node)
    }

    /// A node's address on its first link.
    pub(crate) fn home(&self, name: &str) -> Ipv4Addr {
        let number = self.number(name);
        let at = self
            .topology()
            .links
            .iter()
            .position(|nodes| nodes.contains(&number))
            .expect("a link");
        self.address(name, u32::try_from(at + 1).unwrap())
    }

    /// Makes a node run, with nothing known.
    pub(crate) fn start(&mut self, name: &str) {
        let number = self.number(name);
        let restarts = self.node(name).restarts;
        self.installed(name).reservations.clear();
        let config = Config {
            seed: u64::try_from(number).unwrap() * 1000 + restarts,
            wall_seconds: 1_700_000_000,
            forwards: self.node(name).forwards,
            logs: true,
            ..Config::default()
        };
        let installed = Arc::clone(&self.node(name).installed);
        let routes = Routes(number, Arc::clone(&self.topology));
        let mut engine = Engine::new(config, Box::new(routes), Box::new(Control(installed)));
        let links = self.topology().links.len();
        for link in 1..=links {
            if self.topology().links[link - 1].contains(&number) {
                engine.handle_interface(self.now, self.interface(name, link));
            }
        }
        let node = self.node(name);
        node.engine = Some(engine);
        node.restarts += 1;
        self.collect(name);
    }

    pub(crate) fn interface(&self, name: &str, link: usize) -> Interface {
        let index = u32::try_from(link).unwrap();
        Interface {
            index: IfIndex(index),
            name: format!("if{link}"),
            addresses: vec![self.address(name, index).into()],
            mtu: 1500,
            up: !self.topology().down.contains(&link),
            point_to_point: false,
            settings: self.settings.clone(),
        }
    }

    /// Stops a node, without a word.
    pub(crate) fn crash(&mut self, name: &str) {
        self.node(name).engine = None;
        self.installed(name).reservations.clear();
    }

    /// A node routes, but does not know RSVP.
    pub(crate) fn make_plain(&mut self, name: &str) {
        let number = self.number(name);
        self.crash(name);
        self.topology().plain.insert(number);
    }

    pub(crate) fn join(&mut self, group: IpAddr, names: &[&str]) {
        for name in names {
            let number = self.number(name);
            self.topology()
                .groups
                .entry(group)
                .or_default()
                .insert(number);
        }
    }

    /// A link goes down or comes up, and the nodes hear of the routes that change.
    pub(crate) fn set_link(&mut self, link: u32, up: bool) {
        let link = usize::try_from(link).unwrap();
        if up {
            self.topology().down.remove(&link);
        } else {
            self.topology().down.insert(link);
        }
        self.tell_routes();
    }

    /// The same, and the nodes on it see their interfaces go down or come up.
    pub(crate) fn set_carrier(&mut self, link: u32, up: bool) {
        self.set_link(link, up);
        let index = usize::try_from(link).unwrap();
        let names: Vec<&str> = self.nodes.iter().map(|node| node.name).collect();
        for name in names {
            let number = self.number(name);
            if !self.topology().links[index - 1].contains(&number) {
                continue;
            }
            let (now, interface) = (self.now, self.interface(name, index));
            if let Some(engine) = &mut self.node(name).engine {
                engine.handle_interface(now, interface);
            }
            self.collect(name);
        }
    }

    pub(crate) fn tell_routes(&mut self) {
        let names: Vec<&str> = self.nodes.iter().map(|node| node.name).collect();
        for name in names {
            let now = self.now;
            if let Some(engine) = &mut self.node(name).engine {
                engine.handle_routes_changed(now, None);
            }
            self.collect(name);
        }
    }

    /// What an engine wants done is done.
    pub(crate) fn collect(&mut self, name: &str) {
        let number = self.number(name);
        let mut transmits = Vec::new();
        let node = self.node(name);
        let static_name = node.name;
        if let Some(engine) = &mut node.engine {
            while let Some(output) = engine.poll_output() {
                match output {
                    Output::Transmit(transmit) => transmits.push(transmit),
                    Output::Event { to, event } => node.events.push((to, event)),
                    Output::Log(entry) => node.log.push(entry),
                }
            }
        }
        for transmit in transmits {
            self.wire.push((self.now, static_name, transmit.clone()));
            self.transmit(number, &transmit);
        }
    }

    fn transmit(&mut self, from: usize, transmit: &Transmit) {
        self.sent += 1;
        let message = Message::decode(&transmit.payload).expect("what is sent can be read");
        if let Some(loses) = &mut self.loses
            && loses(self.nodes[from - 1].name, &message)
        {
            return;
        }
        let link = usize::try_from(transmit.interface.0).unwrap();
        if transmit.destination.is_multicast() {
            let peers: Vec<usize> = self.peers(link, from);
            for peer in peers {
                self.fly(peer, link, transmit, transmit.ttl, HOP_DELAY);
            }
            return;
        }
        let Some((_, owner)) = Topology::owner(transmit.destination) else {
            return;
        };
        let topology = self.topology();
        let (mut at, mut ttl, mut delay) = (from, transmit.ttl, Duration::ZERO);
        loop {
            let first = at == from;
            let Some((next_link, next)) = topology.step(at, owner) else {
                return;
            };
            // The first link is the one that was named, where that was asked for.
            let (next_link, next) = if first && transmit.pinned && next_link != link {
                let Some(other) = topology.links[link - 1].iter().find(|node| **node != from)
                else {
                    return;
                };
                (link, *other)
            } else {
                (next_link, next)
            };
            if topology.down.contains(&next_link) {
                return;
            }
            delay += HOP_DELAY;
            let plain = topology.plain.contains(&next);
            let for_it = next == owner || transmit.router_alert && !plain;
            if for_it {
                drop(topology);
                self.fly(next, next_link, transmit, ttl, delay);
                return;
            }
            ttl -= 1;
            at = next;
        }
    }

    fn peers(&self, link: usize, but: usize) -> Vec<usize> {
        let topology = self.topology();
        if topology.down.contains(&link) {
            return Vec::new();
        }
        topology.links[link - 1]
            .iter()
            .copied()
            .filter(|node| *node != but)
            .collect()
    }

    fn fly(&mut self, to: usize, link: usize, transmit: &Transmit, ttl: u8, delay: Duration) {
        let arrival = Arrival {
            interface: IfIndex(u32::try_from(link).unwrap()),
            source: transmit.source,
            destination: transmit.destination,
            ttl: Some(ttl),
            via: transmit.via,
        };
        let mut delay = delay;
        if self.jitter != 0 {
            self.jitter = next_random(self.jitter);
            delay += Duration::from_micros(self.jitter % 5000);
        }
        self.flying.insert(
            (self.now + delay, self.sent),
            (to, arrival, transmit.payload.clone()),
        );
        self.sent += 1;
    }

    /// The next moment at which something happens.
    fn next(&self) -> Option<Instant> {
        let timers = self
            .nodes
            .iter()
            .filter_map(|node| node.engine.as_ref()?.poll_timeout());
        let flying = self.flying.keys().next().map(|(at, _)| *at);
        timers.chain(flying).min()
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        let mut idle = 0;
        while let Some(next) = self.next().filter(|next| *next <= end) {
            idle = if next > self.now { 0 } else { idle + 1 };
            assert!(idle < 1000, "time stands still at {:?}", self.now);
            self.now = self.now.max(next);
            let now = self.now;
            while let Some(entry) = self.flying.first_entry() {
                if entry.key().0 > now {
                    break;
                }
                let (to, arrival, octets) = entry.remove();
                let name = self.nodes[to - 1].name;
                if let Some(engine) = &mut self.node(name).engine {
                    engine.handle_datagram(now, &arrival, &octets);
                }
                self.collect(name);
            }
            let names: Vec<&str> = self.nodes.iter().map(|node| node.name).collect();
            for name in names {
                if let Some(engine) = &mut self.node(name).engine
                    && engine.poll_timeout().is_some_and(|at| at <= now)
                {
                    engine.handle_timeout(now);
                    self.collect(name);
                }
            }
        }
        self.now = end;
    }

    /// Lets messages that follow at once get where they go.
    pub(crate) fn settle(&mut self) {
        self.run(Duration::from_millis(50));
    }

    pub(crate) fn call(&mut self, name: &str, api: u64, call: Call) -> Result<(), ApiError> {
        let now = self.now;
        let done = self.engine(name).handle_call(now, ApiId(api), call);
        self.collect(name);
        done
    }

    /// An application opens a session and sends.
    pub(crate) fn send(&mut self, name: &str, api: u64, session: Session, port: u16, tspec: Tspec) {
        self.call(name, api, Call::Open(session)).unwrap();
        let template = Sender::V4(self.home(name), port);
        self.call(name, api, Call::Sender(Box::new(sender(template, tspec))))
            .unwrap();
    }

    pub(crate) fn reserve(
        &mut self,
        name: &str,
        api: u64,
        style: Style,
        filters: &[Sender],
        flowspecs: &[Flowspec],
    ) {
        let call = ReserveCall {
            style,
            filters: filters.to_vec(),
            flowspecs: flowspecs.to_vec(),
            confirm: false,
            interface: None,
            policy: Vec::new(),
        };
        self.call(name, api, Call::Reserve(Box::new(call))).unwrap();
    }

    /// The events of an application since it was last asked.
    pub(crate) fn events(&mut self, name: &str, api: u64) -> Vec<Event> {
        let node = self.node(name);
        let all = core::mem::take(&mut node.events);
        let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(to, _)| to.0 == api);
        node.events = others;
        own.into_iter().map(|(_, event)| event).collect()
    }
}

/// The number after this one: never zero (xorshift).
pub(crate) const fn next_random(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    state
}

pub(crate) fn sender(template: Sender, tspec: Tspec) -> SenderCall {
    SenderCall {
        template,
        interface: None,
        tspec,
        adspec: None,
        policy: Vec::new(),
        ttl: 63,
    }
}

pub(crate) fn udp(destination: impl Into<IpAddr>, port: u16) -> Session {
    Session {
        destination: destination.into(),
        protocol: Protocol::UDP,
        e_police: false,
        port,
    }
}

/// A Tspec of that rate, in kilo-octets a second.
pub(crate) fn tspec(kilo: f32) -> Tspec {
    Tspec::new(kilo * 1000.0, 10_000.0, kilo * 2000.0, 64, 1500).unwrap()
}

/// Controlled load of that rate.
pub(crate) fn cl(kilo: f32) -> Flowspec {
    let object = Flowspec::ControlledLoad(tspec(kilo)).to_object();
    Flowspec::from_object(&object, Reading::Strict).unwrap()
}
