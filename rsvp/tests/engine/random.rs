//! Networks of any shape in which anything happens: in the end there is what there should be, and nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fairway_rsvp::api::Call;
use fairway_rsvp::interface::{IfIndex, Settings};
use fairway_rsvp::intserv::Flowspec;
use fairway_rsvp::tc::Request;
use fairway_rsvp::wire::{Sender, Session, Style};
use proptest::prelude::*;

use crate::net::{Net, cl, next_random, tspec, udp};

const NAMES: [&str; 8] = ["N1", "N2", "N3", "N4", "N5", "N6", "N7", "N8"];
const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 1, 1, 1));

/// Longer than any state lives that is not refreshed, W and all.
const LIFE: Duration = Duration::from_secs(200);

/// A network.
#[derive(Clone, Debug)]
struct Shape {
    nodes: usize,
    /// Nodes on each link.
    links: Vec<Vec<usize>>,
    multicast: bool,
    style: Style,
    refresh_reduction: bool,
    /// Each link can carry so many kilo-octets a second, and no more.
    limited: bool,
    /// Routing tells nothing of its changes.
    silent: bool,
    shared_trees: bool,
}

/// Something that happens.
#[derive(Clone, Debug)]
enum Step {
    Send(usize, u8),
    Withdraw(usize),
    Reserve(usize, u8, u8),
    Unreserve(usize),
    Release(usize),
    Link(usize, bool, bool),
    Crash(usize),
    Start(usize),
    Lossy(bool),
    Run(u32),
}

fn shape() -> impl Strategy<Value = Shape> {
    let style = prop_oneof![Just(Style::WF), Just(Style::FF), Just(Style::SE)];
    (3_usize..=8)
        .prop_flat_map(move |nodes| {
            // Each node is joined to one before it, on a link of its own or on the other's; some more links make loops.
            let tree: Vec<_> = (1..nodes).map(|node| (0..node, 0_u8..4)).collect();
            let more = prop::collection::vec((0..nodes, 0..nodes), 0..3);
            (
                Just(nodes),
                tree,
                more,
                any::<[bool; 3]>(),
                prop::bool::weighted(0.3),
                prop::bool::weighted(0.2),
                style.clone(),
            )
        })
        .prop_map(|(nodes, tree, more, flags, limited, silent, style)| {
            let mut links: Vec<Vec<usize>> = Vec::new();
            for (node, (other, shares)) in (1..).zip(tree) {
                let old = links
                    .iter_mut()
                    .find(|link| shares == 0 && link.contains(&other));
                match old {
                    Some(link) => link.push(node),
                    None => links.push(vec![other, node]),
                }
            }
            let more = more.into_iter().filter(|(a, b)| a != b);
            links.extend(more.map(|(a, b)| vec![a, b]));
            Shape {
                nodes,
                links,
                multicast: flags[0],
                style,
                refresh_reduction: flags[1],
                limited,
                silent,
                shared_trees: flags[2],
            }
        })
}

fn step() -> impl Strategy<Value = Step> {
    let node = || 0_usize..8;
    prop_oneof![
        8 => (node(), 1_u8..5).prop_map(|(node, rate)| Step::Send(node, rate)),
        1 => node().prop_map(Step::Withdraw),
        10 => (node(), prop_oneof![3 => Just(u8::MAX), 1 => any::<u8>()], 1_u8..9)
            .prop_map(|(node, which, rate)| Step::Reserve(node, which, rate)),
        1 => node().prop_map(Step::Unreserve),
        1 => node().prop_map(Step::Release),
        4 => (0_usize..10, any::<bool>(), any::<bool>())
            .prop_map(|(link, up, carrier)| Step::Link(link, up, carrier)),
        1 => node().prop_map(Step::Crash),
        1 => node().prop_map(Step::Start),
        1 => any::<bool>().prop_map(Step::Lossy),
        6 => (0_u32..60_000).prop_map(Step::Run),
        6 => (0_u32..20).prop_map(Step::Run),
    ]
}

/// What applications want.
#[derive(Clone, Debug, Default)]
struct Wants {
    open: BTreeSet<usize>,
    sends: BTreeMap<usize, u8>,
    reserves: BTreeMap<usize, (u8, u8)>,
}

struct World {
    shape: Shape,
    net: Net,
    session: Session,
    wants: Wants,
}

impl World {
    fn new(shape: &Shape, seed: u64) -> Self {
        let links: Vec<Vec<&'static str>> = shape
            .links
            .iter()
            .map(|link| link.iter().map(|node| NAMES[*node]).collect())
            .collect();
        let links: Vec<&[&'static str]> = links.iter().map(Vec::as_slice).collect();
        let settings = Settings {
            refresh_reduction: shape.refresh_reduction,
            ..Settings::default()
        };
        let mut net = Net::with(settings, &NAMES[..shape.nodes], &links);
        net.jitter = seed;
        net.topology().silent_routing = shape.silent;
        net.topology().shared_trees = shape.shared_trees;
        if shape.limited {
            for name in &NAMES[..shape.nodes] {
                for link in (1..).take(shape.links.len()) {
                    net.installed(name).capacity.insert(IfIndex(link), 6000.0);
                }
            }
        }
        let session = if shape.multicast {
            let receivers: Vec<&str> = (0..shape.nodes)
                .filter(|node| node % 3 != 1)
                .map(|node| NAMES[node])
                .collect();
            net.join(GROUP, &receivers);
            udp(GROUP, 5000)
        } else {
            udp(net.home(NAMES[shape.nodes - 1]), 5000)
        };
        Self {
            shape: shape.clone(),
            net,
            session,
            wants: Wants::default(),
        }
    }

    fn is_up(&mut self, node: usize) -> bool {
        node < self.shape.nodes && self.net.node(NAMES[node]).engine.is_some()
    }

    fn open(&mut self, node: usize) {
        if self.wants.open.insert(node) {
            let call = Call::Open(self.session);
            self.net.call(NAMES[node], 1, call).unwrap();
        }
    }

    fn sender(&self, node: usize) -> Sender {
        Sender::V4(self.net.home(NAMES[node]), 4000)
    }

    fn receives(&self, node: usize) -> bool {
        if self.shape.multicast {
            node % 3 != 1
        } else {
            node == self.shape.nodes - 1
        }
    }

    fn send(&mut self, node: usize, rate: u8) {
        // A unicast destination does not send to itself.
        let node = match self.shape.multicast {
            true => node % self.shape.nodes,
            false => node % (self.shape.nodes - 1),
        };
        if !self.is_up(node) {
            return;
        }
        self.open(node);
        let template = self.sender(node);
        let call = crate::net::sender(template, tspec(f32::from(rate) * 10.0));
        let call = Call::Sender(Box::new(call));
        self.net.call(NAMES[node], 1, call).unwrap();
        self.wants.sends.insert(node, rate);
    }

    /// `which`: of the senders there are, those whose bit is set.
    fn reserve(&mut self, node: usize, which: u8, rate: u8) {
        let node = (0..self.shape.nodes)
            .map(|more| (node + more) % self.shape.nodes)
            .find(|node| self.receives(*node))
            .unwrap_or(0);
        if !self.is_up(node) {
            return;
        }
        self.open(node);
        let filters: Vec<Sender> = self
            .wants
            .sends
            .keys()
            .filter(|sender| **sender != node && which >> **sender & 1 == 1)
            .map(|sender| self.sender(*sender))
            .collect();
        let flowspec = cl(f32::from(rate));
        let (filters, flowspecs): (Vec<Sender>, Vec<Flowspec>) = match self.shape.style {
            Style::WF => (Vec::new(), vec![flowspec]),
            Style::FF => {
                let count = filters.len();
                (filters, vec![flowspec; count])
            }
            _ if filters.is_empty() => (filters, Vec::new()),
            _ => (filters, vec![flowspec]),
        };
        self.net
            .reserve(NAMES[node], 1, self.shape.style, &filters, &flowspecs);
        self.wants.reserves.insert(node, (which, rate));
    }

    fn forget(&mut self, node: usize) {
        self.wants.open.remove(&node);
        self.wants.sends.remove(&node);
        self.wants.reserves.remove(&node);
    }

    fn happens(&mut self, step: &Step) {
        match *step {
            Step::Send(node, rate) => self.send(node, rate),
            Step::Reserve(node, which, rate) => self.reserve(node, which, rate),
            Step::Withdraw(node) => {
                if self.wants.sends.remove(&node).is_some() {
                    let call = Call::WithdrawSender;
                    self.net.call(NAMES[node], 1, call).unwrap();
                }
            }
            Step::Unreserve(node) => {
                if self.wants.reserves.remove(&node).is_some() {
                    self.net.reserve(NAMES[node], 1, self.shape.style, &[], &[]);
                }
            }
            Step::Release(node) => {
                if self.wants.open.contains(&node) {
                    self.net.call(NAMES[node], 1, Call::Release).unwrap();
                    self.forget(node);
                }
            }
            Step::Link(link, up, carrier) => {
                let link = u32::try_from(link % self.shape.links.len() + 1).unwrap();
                if carrier {
                    self.net.set_carrier(link, up);
                } else {
                    self.net.set_link(link, up);
                }
            }
            Step::Crash(node) => {
                if self.is_up(node) {
                    self.net.crash(NAMES[node]);
                    self.forget(node);
                }
            }
            Step::Start(node) => {
                if node < self.shape.nodes && !self.is_up(node) {
                    self.net.start(NAMES[node]);
                }
            }
            Step::Lossy(true) => {
                let mut state = self.net.jitter | 1;
                self.net.loses = Some(Box::new(move |_, _| {
                    state = next_random(state);
                    state.is_multiple_of(4)
                }));
            }
            Step::Lossy(false) => self.net.loses = None,
            Step::Run(millis) => self.net.run(Duration::from_millis(millis.into())),
        }
    }

    /// Everything works again.
    fn heal(&mut self) {
        self.net.loses = None;
        for node in 0..self.shape.nodes {
            self.happens(&Step::Start(node));
        }
        for link in 0..self.shape.links.len() {
            self.happens(&Step::Link(link, true, true));
        }
        self.net.tell_routes();
    }

    /// All that is wanted is asked for once more, since what was refused meanwhile is not tried again by itself.
    fn ask_again(&mut self) {
        for (node, (which, rate)) in self.wants.reserves.clone() {
            self.reserve(node, which, rate);
        }
    }

    /// What is installed where, without names.
    fn installed(&self) -> Vec<(&'static str, IfIndex, Vec<Option<Sender>>, Request)> {
        let mut all = Vec::new();
        for name in &NAMES[..self.shape.nodes] {
            let installed = self.net.installed(name);
            let mut here: Vec<_> = installed
                .reservations
                .iter()
                .map(|((interface, _), (request, filters))| {
                    (*name, *interface, filters.clone(), *request)
                })
                .collect();
            here.sort_by(|a, b| (a.1, &a.2).cmp(&(b.1, &b.2)));
            all.extend(here);
        }
        all
    }

    /// The same wants in a network in which nothing has ever happened.
    fn untouched(&self) -> Self {
        let mut fresh = Self::new(&self.shape, self.net.jitter);
        for (node, rate) in &self.wants.sends {
            fresh.send(*node, *rate);
        }
        for node in &self.wants.open {
            fresh.open(*node);
        }
        fresh.net.run(Duration::from_secs(1));
        for (node, (which, rate)) in &self.wants.reserves {
            fresh.reserve(*node, *which, *rate);
        }
        fresh.net.run(LIFE);
        fresh
    }
}

fn check(shape: &Shape, steps: &[Step], seed: u64) -> Result<(), TestCaseError> {
    let mut world = World::new(shape, seed | 1);
    for step in steps {
        world.happens(step);
    }
    world.heal();
    for node in 0..2 {
        world.send(node, 2);
    }
    world.net.run(LIFE);
    world.reserve(steps.len() % 8, u8::MAX, 3);
    world.ask_again();
    world.net.run(LIFE);
    if !shape.limited {
        // Who came first has what there is: that depends on what has happened.
        let fresh = world.untouched();
        prop_assert_eq!(world.installed(), fresh.installed(), "{:?}", world.wants);
    }
    for name in &NAMES[..shape.nodes] {
        // What is reported is what is installed.
        let now = world.net.now;
        let sessions = world.net.engine(name).sessions(now);
        let reported = sessions
            .iter()
            .flat_map(|session| &session.installed)
            .filter_map(|one| Some((one.outgoing, one.handle?)));
        let reported: BTreeSet<_> = reported.collect();
        let installed = world.net.installed(name);
        prop_assert_eq!(reported, installed.reservations.keys().copied().collect());
    }

    for node in 0..shape.nodes {
        world.happens(&Step::Release(node));
    }
    world.net.run(LIFE);
    for name in &NAMES[..shape.nodes] {
        prop_assert_eq!(world.net.engine(name).session_count(), 0, "{}", name);
        prop_assert!(world.net.installed(name).reservations.is_empty());
    }
    // Neighbours are forgotten later; then nothing is left to wait for.
    world.net.run(Duration::from_secs(1200));
    for name in &NAMES[..shape.nodes] {
        let engine = world.net.engine(name);
        prop_assert_eq!(engine.poll_timeout(), None, "{}", name);
        prop_assert_eq!(engine.neighbours().count(), 0);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: crate::cases(60), failure_persistence: None, ..ProptestConfig::default() })]

    /// RFC 2205 §2.3: soft state. Whatever was lost, overtaken, cut or restarted, after quiet time what is installed is
    /// what it would be had nothing happened; and when all is released, nothing is left.
    #[test]
    fn state_comes_to_what_is_asked_for_and_ends_with_it(
        shape in shape(),
        steps in prop::collection::vec(step(), 0..40),
        seed in any::<u64>(),
    ) {
        check(&shape, &steps, seed)?;
    }
}
