//! Machines in simulation.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use fairway_rsvp::daemon::config::{CONTROL_SOCKET, Config, ReadSecret};
use fairway_rsvp::daemon::platform::Platform;
use fairway_rsvp::daemon::service::Daemon;
use fairway_sim::{Link, Network, Node};
use fairway_stack::{LocalAddr, Route};

use super::play::{self, Machine, Messages, Pace, SETTINGS, Stage};
use super::scenario::{Scenario, What};

/// How long a step lasts, in virtual time.
const STEP: Duration = Duration::from_secs(5);

/// What came of it, and what another stage needs to do the same.
pub(super) struct Simulated {
    pub(super) transcript: Vec<Messages>,
    pub(super) machines: BTreeMap<String, Built>,
    /// Routes of all machines, first and after each rerouting.
    pub(super) routes: Vec<BTreeMap<String, Vec<Route>>>,
    /// Names of the interfaces at both ends of each link.
    pub(super) links: Vec<[String; 2]>,
}

/// A machine.
pub(super) struct Built {
    /// Names and addresses of its interfaces.
    pub(super) interfaces: Vec<(String, String)>,
    pub(super) configuration: String,
}

struct Simulation<'a> {
    scenario: &'a Scenario,
    network: &'a Network,
    nodes: &'a BTreeMap<String, Node>,
    links: &'a [Link],
    machines: BTreeMap<String, Machine>,
    routes: Vec<BTreeMap<String, Vec<Route>>>,
}

impl Simulation<'_> {
    fn reroute(&mut self) {
        self.network.route_all();
        let of = |node: &Node| node.net().manage().routes().unwrap();
        let all = self
            .nodes
            .iter()
            .map(|(name, node)| (name.clone(), of(node)));
        self.routes.push(all.collect());
    }
}

impl Stage for Simulation<'_> {
    fn change(&mut self, what: &What) {
        match what {
            What::Cut(ends) => {
                let lines = &self.scenario.links;
                let at = lines.iter().position(|line| line.ends == *ends).unwrap();
                self.links[at].unplug();
            }
            _ => self.reroute(),
        }
    }

    fn machines(&self) -> &BTreeMap<String, Machine> {
        &self.machines
    }
}

/// The configurations name no files.
struct NoFiles;

impl ReadSecret for NoFiles {
    fn read(&mut self, file: &Path) -> Result<Vec<u8>, String> {
        Err(format!("{}: no files here", file.display()))
    }
}

/// Plays a scenario.
pub(super) fn play(scenario: &Scenario) -> Simulated {
    let network = Network::new(1);
    let mut nodes = BTreeMap::new();
    for name in &scenario.hosts {
        nodes.insert(name.clone(), network.node(name));
    }
    for name in &scenario.routers {
        nodes.insert(name.clone(), network.router(name));
    }
    let links: Vec<Link> = scenario
        .links
        .iter()
        .map(|line| {
            let [one, other] = line.ends.each_ref().map(|name| &nodes[name]);
            let link = network.link(one, other);
            link.rate(line.rate()).delay(line.delay()).connect()
        })
        .collect();
    let name_of = |link: &Link, node: &Node| {
        let index = link.interface(node).unwrap().0;
        let all = node.net().interfaces().unwrap();
        all.into_iter().find(|one| one.index == index).unwrap().name
    };
    let ends = links
        .iter()
        .zip(&scenario.links)
        .map(|(link, line)| line.ends.each_ref().map(|end| name_of(link, &nodes[end])));
    let ends: Vec<[String; 2]> = ends.collect();
    let built: BTreeMap<String, Built> = nodes
        .iter()
        .map(|(name, node)| (name.clone(), build(scenario, name, node, &ends)))
        .collect();
    let mut simulation = Simulation {
        scenario,
        network: &network,
        nodes: &nodes,
        links: &links,
        machines: BTreeMap::new(),
        routes: Vec::new(),
    };
    simulation.reroute();
    let transcript = network.run(async {
        let mut daemons = Vec::new();
        for (name, node) in &nodes {
            let net = node.net();
            let file = Path::new("rsvpd.toml");
            let text = &built[name].configuration;
            let config = Config::parse(file, text).unwrap();
            let loaded = config.load(file, text, &mut NoFiles).unwrap();
            let platform = Platform::native(&net, false).unwrap();
            daemons.push(Daemon::start(&net, loaded, platform).unwrap());
            let machine = Machine {
                net,
                control: LocalAddr::path(CONTROL_SOCKET),
                address: node.address().into(),
            };
            simulation.machines.insert(name.clone(), machine);
        }
        let transcript = play::play(scenario, &mut simulation, &Pace::Span(STEP)).await;
        for daemon in daemons {
            daemon.shutdown().await;
        }
        transcript
    });
    Simulated {
        transcript,
        machines: built,
        routes: simulation.routes,
        links: ends,
    }
}

fn build(scenario: &Scenario, name: &str, node: &Node, ends: &[[String; 2]]) -> Built {
    let mut configuration = SETTINGS.to_owned();
    for (line, names) in scenario.links.iter().zip(ends) {
        for (machine, interface) in line.ends.iter().zip(names) {
            if machine == name {
                let rate = line.rate;
                write!(
                    configuration,
                    "[interface.{interface}]\nbandwidth = \"{rate}Mbit/s\"\n"
                )
                .unwrap();
            }
        }
    }
    let outside = node.net().interfaces().unwrap();
    let interfaces = outside
        .into_iter()
        .filter(|one| !one.loopback)
        .map(|one| {
            let own = one.addresses[0];
            (one.name, format!("{}/{}", own.address, own.prefix))
        })
        .collect();
    Built {
        interfaces,
        configuration,
    }
}
