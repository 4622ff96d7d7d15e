//! What all handles of a network share: the world, and the map of it.

use crate::capture::Capture;
use crate::line::{LineId, Tap};
use crate::node::Node;
use crate::pcap::Direction;
use crate::topology::{Topology, Way};
use crate::world::{Outlet, World};
use fairway_native::iface::{InterfaceAddress, InterfaceConfig, InterfaceId};
use fairway_native::rng::Rng;
use fairway_native::route::{Route, RouteQuery};
use fairway_native::stack::Setup;
use fairway_stack::native::{Host, Names, Stack};
use fairway_stack::{Instant, VirtualClock};
use std::collections::BTreeSet;
use std::io::Write;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The map and the world.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) world: Arc<World>,
    pub(crate) runtime: tokio::runtime::Handle,
    /// Hosts know each other by name, without a server.
    pub(crate) names: Names,
    plan: Mutex<Plan>,
}

/// The map, and what hosts need to be made again.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) topology: Topology,
    pub(crate) hosts: Vec<HostPlan>,
    /// The lines and the name of each network of the topology, and whether a line is the way back.
    pub(crate) nets: Vec<NetPlan>,
    pub(crate) rng: Rng,
}

/// What a host was made of.
#[derive(Debug)]
pub(crate) struct HostPlan {
    pub(crate) host: Host,
    pub(crate) setup: Setup,
    pub(crate) interfaces: Vec<(InterfaceConfig, InterfaceAddress)>,
    /// The routes it was given.
    ways: Vec<Way>,
}

/// What a network of the topology was made of.
#[derive(Debug)]
pub(crate) struct NetPlan {
    pub(crate) name: Arc<str>,
    /// Each direction once: where hosts send.
    pub(crate) lines: Vec<(LineId, Direction)>,
}

impl Map {
    pub(crate) fn new(
        clock: VirtualClock,
        runtime: tokio::runtime::Handle,
        seed: u64,
    ) -> Arc<Self> {
        let mut octets = [0; 32];
        if let Some(first) = octets.first_chunk_mut() {
            *first = seed.to_le_bytes();
        }
        Arc::new(Self {
            world: World::new(clock),
            runtime,
            names: Names::default(),
            plan: Mutex::new(Plan {
                topology: Topology::default(),
                hosts: Vec::new(),
                nets: Vec::new(),
                rng: Rng::from_seed(octets),
            }),
        })
    }

    /// Locks the map: before a host, and before the world.
    pub(crate) fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn route_all(&self) {
        let changes: Vec<(Host, Vec<Way>, Vec<Way>)> = {
            let mut plan = self.plan();
            let ways = plan.topology.ways();
            let hosts = plan.hosts.iter_mut().zip(ways);
            hosts
                .filter(|(host, ways)| host.ways != *ways)
                .map(|(host, ways)| {
                    let before = std::mem::replace(&mut host.ways, ways.clone());
                    (host.host.clone(), before, ways)
                })
                .collect()
        };
        for (host, before, ways) in changes {
            host.with(|stack, now| {
                for way in before.iter().filter(|way| !ways.contains(way)) {
                    let query = RouteQuery {
                        destination: way.destination,
                        gateway: Some(way.gateway),
                        interface: Some(way.interface),
                        metric: None,
                    };
                    // Who took it away before was quicker.
                    let _gone = stack.delete_route(now, &query);
                }
                for way in ways.iter().filter(|way| !before.contains(way)) {
                    let route = Route::new(way.destination, Some(way.gateway), way.interface);
                    // There may be one made by hand, which then is the one that counts.
                    let _there = stack.add_route(now, route);
                }
            });
        }
        self.world.change(|state, now| {
            state
                .log
                .write(now, format_args!("routes follow the links"));
        });
    }

    /// Captures some networks, or all.
    pub(crate) fn capture(
        &self,
        only: Option<usize>,
        to: Option<Box<dyn Write + Send>>,
    ) -> Capture {
        let wall_start = self.world.clock.wall() - self.world.clock.now().since_start();
        let capture = Capture::begin(to, wall_start);
        let plan = self.plan();
        capture.name(plan.topology.names());
        let mut state = self.world.lock();
        for (_, net) in plan
            .nets
            .iter()
            .enumerate()
            .filter(|(index, _)| only.is_none_or(|only| only == *index))
        {
            let mut interface = None;
            for &(line, direction) in &net.lines {
                let Some(line) = state.line_mut(line) else {
                    continue;
                };
                let config = line.channel.config();
                let interface = *interface.get_or_insert_with(|| {
                    let speed = config.rate.map(crate::BitsPerSec::get);
                    capture.describe(net.name.to_string(), config.framing, speed)
                });
                line.taps.push(Tap {
                    capture: capture.clone(),
                    interface,
                    direction,
                });
            }
        }
        state.captures.push(capture.clone());
        capture
    }

    pub(crate) fn partition(&self, these: &[&Node], those: &[&Node]) {
        let addresses = |nodes: &[&Node]| -> BTreeSet<Ipv4Addr> {
            nodes.iter().flat_map(|node| node.addresses()).collect()
        };
        let (these_names, those_names) = (names(these), names(those));
        let cut = (addresses(these), addresses(those));
        self.world.change(|state, now| {
            state.cuts.push(cut);
            let what = format_args!("partition: {these_names} from {those_names}");
            state.log.write(now, what);
        });
    }

    pub(crate) fn heal(&self) {
        self.world.change(|state, now| {
            state.cuts.clear();
            state.log.write(now, format_args!("partitions healed"));
        });
    }

    /// Plugs an interface of a host into a line, and gives it its address.
    pub(crate) fn plug_in(
        &self,
        node: &Node,
        id: InterfaceId,
        address: InterfaceAddress,
        line: LineId,
    ) {
        let host = node.host();
        host.attach(id, Outlet::new(&self.world, line));
        host.with(|stack, now| {
            let added = stack.add_address(now, id, address);
            debug_assert!(added.is_ok(), "{address:?}: {added:?}");
        });
        self.names.insert(node.name(), address.address.into());
    }
}

fn names(nodes: &[&Node]) -> String {
    let names: Vec<&str> = nodes.iter().map(|node| node.name()).collect();
    names.join(" ")
}

impl Plan {
    /// A seed for a part of the network.
    pub(crate) fn seed(&mut self) -> [u8; 32] {
        self.rng.seed()
    }

    /// Adds a host.
    pub(crate) fn add_host(&mut self, host: Host, setup: Setup) {
        self.hosts.push(HostPlan {
            host,
            setup,
            interfaces: Vec::new(),
            ways: Vec::new(),
        });
    }
}

impl HostPlan {
    /// The engine of the host's next life, with the interfaces, addresses and routes that it had.
    pub(crate) fn rebuild(&mut self, now: Instant) -> Stack {
        self.setup.incarnation += 1;
        let mut stack = Stack::new(self.setup.clone());
        for (config, address) in &self.interfaces {
            let id = stack.add_interface(config.clone());
            let _added = stack.add_address(now, id, *address);
        }
        for way in &self.ways {
            let route = Route::new(way.destination, Some(way.gateway), way.interface);
            let _added = stack.add_route(now, route);
        }
        stack
    }
}
