//! A simulated host, from outside.

use crate::map::Map;
use crate::topology::Place;
use crate::world::Bell;
use fairway_native::config::Config;
use fairway_native::iface::{InterfaceAddress, InterfaceConfig};
use fairway_native::limits::Limits;
use fairway_native::stack::Setup;
use fairway_stack::native::{Host, HostConfig, Stack};
use fairway_stack::{Instant, Net, Task};
use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;

/// A host of a network: programs on it get its [`Net`]. Cheap to clone: clones are the same host.
#[derive(Clone, Debug)]
pub struct Node {
    map: Arc<Map>,
    index: usize,
    name: Arc<str>,
    host: Host,
}

impl Node {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What programs on it hold.
    #[must_use]
    pub fn net(&self) -> Net {
        self.host.net()
    }

    /// Runs a program on it. It ends when the host crashes.
    #[track_caller]
    pub fn spawn<F>(&self, program: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.net().spawn(program)
    }

    /// Its addresses, in the order in which it was linked.
    #[must_use]
    pub fn addresses(&self) -> Vec<Ipv4Addr> {
        self.map.plan().topology.addresses(&self.name)
    }

    /// The first of its addresses; unspecified (0.0.0.0) before it is linked.
    #[must_use]
    pub fn address(&self) -> Ipv4Addr {
        let first = self.addresses().first().copied();
        first.unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    /// Looks into its engine, or changes it: tables, tunables, counters, events. `f` gets the time, too.
    pub fn with<T>(&self, f: impl FnOnce(&mut Stack, Instant) -> T) -> T {
        self.host.with(f)
    }

    /// Ends it as a power failure does: its tasks end, its sockets vanish, and nobody is told. Frames to it are lost.
    /// What is in its files stays.
    pub fn crash(&self) {
        self.host.crash();
        let name = &self.name;
        self.map.world.change(|state, now| {
            state.log.write(now, format_args!("{name}: crashed"));
        });
    }

    /// Starts it again after a crash, with its interfaces, addresses and routes, and nothing in its memory.
    pub fn restart(&self) {
        let now = self.map.world.clock.now();
        let rebuilt = {
            let mut plan = self.map.plan();
            plan.hosts.get_mut(self.index).map(|host| host.rebuild(now))
        };
        if let Some(stack) = rebuilt {
            let name = &self.name;
            self.map.world.change(|state, now| {
                state.log.write(now, format_args!("{name}: started again"));
            });
            self.host.restart(stack);
        }
    }

    /// Notes an interface for the next life.
    pub(crate) fn remember(&self, config: InterfaceConfig, address: InterfaceAddress) {
        if let Some(host) = self.map.plan().hosts.get_mut(self.index) {
            host.interfaces.push((config, address));
        }
    }

    pub(crate) const fn index(&self) -> usize {
        self.index
    }

    pub(crate) const fn host(&self) -> &Host {
        &self.host
    }
}

/// A host that is being made.
#[derive(Debug)]
#[must_use = "the host is made by `build`"]
pub struct NodeBuilder<'n> {
    map: &'n Arc<Map>,
    setup: Setup,
}

impl<'n> NodeBuilder<'n> {
    pub(crate) fn new(map: &'n Arc<Map>, name: &str) -> Self {
        let seed = map.plan().seed();
        Self {
            map,
            setup: Setup::new(name, seed),
        }
    }

    /// It passes on packets that are not for it.
    pub fn router(mut self) -> Self {
        self.setup.config.ip.forwarding = true;
        self
    }

    /// Its tunables.
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.setup.config);
        self
    }

    /// What strangers may make grow, and how far.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.setup.limits);
        self
    }

    /// Makes it.
    ///
    /// # Panics
    /// If there is a host of that name already.
    #[must_use]
    pub fn build(self) -> Node {
        let mut plan = self.map.plan();
        let name: Arc<str> = self.setup.name.as_str().into();
        let hosts = &mut plan.topology.hosts;
        assert!(
            hosts.iter().all(|place| place.name != *name),
            "there is a host {name} already"
        );
        let index = hosts.len();
        hosts.push(Place {
            name: name.to_string(),
            is_router: self.setup.config.ip.forwarding,
        });
        self.map.world.reserve_host();
        let host = Host::new(HostConfig {
            stack: Stack::new(self.setup.clone()),
            clock: self.map.world.clock.clone().into(),
            alarm: Bell::new(&self.map.world, index),
            seed: plan.seed(),
            names: self.map.names.clone(),
            runtime: Some(self.map.runtime.clone()),
        });
        plan.add_host(host.clone(), self.setup);
        self.map.world.set_host(index, host.clone());
        drop(plan);
        Node {
            map: self.map.clone(),
            index,
            name,
            host,
        }
    }
}
