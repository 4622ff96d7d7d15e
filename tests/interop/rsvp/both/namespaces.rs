//! Machines that are namespaces.

use std::collections::BTreeMap;
use std::net::IpAddr;

use fairway_rsvp::daemon::config::CONTROL_SOCKET;
use fairway_stack::{Net, Route};
use fairway_tests::rsvp;

use super::play::{self, Machine, Messages, Pace, Stage};
use super::scenario::{Scenario, What};
use super::simulated::Simulated;

struct Namespaces<'a> {
    scenario: &'a Scenario,
    simulated: &'a Simulated,
    namespaces: BTreeMap<String, rsvp::Machine>,
    machines: BTreeMap<String, Machine>,
    reroutings: usize,
}

impl Namespaces<'_> {
    /// The routes of the simulation at the same time.
    fn reroute(&mut self) {
        let routes = &self.simulated.routes[self.reroutings];
        self.reroutings += 1;
        for (name, routes) in routes {
            for line in routes.iter().filter_map(line) {
                self.namespaces[name].run(&format!("ip route replace {line}"));
            }
        }
    }
}

/// A route as `ip` has it, if there is a gateway.
fn line(route: &Route) -> Option<String> {
    let gateway: IpAddr = route.gateway?;
    Some(format!(
        "{}/{} via {gateway}",
        route.destination, route.prefix
    ))
}

impl Stage for Namespaces<'_> {
    fn change(&mut self, what: &What) {
        match what {
            What::Cut(ends) => {
                let lines = &self.scenario.links;
                let at = lines.iter().position(|line| line.ends == *ends).unwrap();
                let [interface, _] = &self.simulated.links[at];
                self.namespaces[&ends[0]].run(&format!("ip link set {interface} down"));
            }
            _ => self.reroute(),
        }
    }

    fn machines(&self) -> &BTreeMap<String, Machine> {
        &self.machines
    }
}

/// Plays a scenario as it was simulated.
pub(super) fn play(scenario: &Scenario, simulated: &Simulated) -> Vec<Messages> {
    let mut namespaces: BTreeMap<String, rsvp::Machine> = scenario
        .machines()
        .map(|name| (name.clone(), rsvp::Machine::new()))
        .collect();
    let address = |name: &str, interface: &str| {
        let all = &simulated.machines[name].interfaces;
        let found = all.iter().find(|(name, _)| name == interface);
        found.unwrap().1.clone()
    };
    for (line, [here, there]) in scenario.links.iter().zip(&simulated.links) {
        let [one, other] = &line.ends;
        namespaces[one].connect(
            (here, &address(one, here)),
            &namespaces[other],
            (there, &address(other, there)),
        );
    }
    for router in &scenario.routers {
        namespaces[router].forward();
    }
    let mut stage = Namespaces {
        scenario,
        simulated,
        namespaces: BTreeMap::new(),
        machines: BTreeMap::new(),
        reroutings: 0,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let net = Net::system();
        stage.namespaces = std::mem::take(&mut namespaces);
        stage.reroute();
        for (name, machine) in &mut stage.namespaces {
            machine.start(&simulated.machines[name].configuration);
            let first = &simulated.machines[name].interfaces[0].1;
            let machine = Machine {
                net: net.clone(),
                control: machine.local(CONTROL_SOCKET),
                address: first.split_once('/').unwrap().0.parse().unwrap(),
            };
            stage.machines.insert(name.clone(), machine);
        }
        let pace = Pace::As(&simulated.transcript);
        play::play(scenario, &mut stage, &pace).await
    })
}
