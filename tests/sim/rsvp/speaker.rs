//! A node that speaks RSVP: the engine with the daemon's packets, our own stack's routes and traffic control, and
//! applications that call it directly.

use super::lab::Lab;
use fairway_rsvp::api::{ApiError, ApiId, Call, Event};
use fairway_rsvp::daemon::io::{Encapsulation, PacketIo};
use fairway_rsvp::engine::{Config, Engine, LogEntry, Output};
use fairway_rsvp::interface::{IfIndex, Interface};
use fairway_rsvp::routing::NativeRouting;
use fairway_rsvp::tc::{NativeTc, TcSettings};
use fairway_sim::fairway_stack::native::Changes;
use fairway_sim::fairway_stack::{Clock, Net, Task};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::Notify;

/// Longer than anything takes that is to happen, lifetimes of state excepted.
const LIMIT: Duration = Duration::from_secs(60);

/// What its task shares with the test.
struct Shared {
    engine: Engine,
    /// Groups that applications take part in.
    groups: BTreeSet<IpAddr>,
    events: VecDeque<(ApiId, Event)>,
    log: Vec<LogEntry>,
}

/// A node that speaks RSVP. It ends when it is dropped, or its host crashes.
pub(crate) struct Speaker {
    shared: Arc<Mutex<Shared>>,
    changed: Arc<Notify>,
    clock: Clock,
    task: Task<()>,
}

impl Drop for Speaker {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Speaker {
    /// Starts it on a node, all of whose interfaces it uses; `change` has a say in what an administrator wants.
    pub(crate) fn start(
        lab: &Lab,
        name: &str,
        change: impl Fn(&mut Interface, &mut TcSettings),
    ) -> Self {
        let node = lab.node(name);
        let net = node.net();
        let manage = net.manage();
        let mut tc = NativeTc::new(manage.clone());
        let mut interfaces = lab.interfaces(name);
        for (interface, settings) in &mut interfaces {
            change(interface, settings);
            tc.set_interface(interface, settings).unwrap();
        }
        let config = Config {
            seed: net.rng().next_u64(),
            wall_seconds: 1_767_225_600,
            forwards: manage.parameter("net.inet.ip.forwarding").unwrap().current != 0,
            logs: true,
            ..Config::default()
        };
        let routing = NativeRouting::new(manage.clone());
        let mut engine = Engine::new(config, Box::new(routing), Box::new(tc));
        let now = net.clock().now();
        let interfaces: BTreeMap<u32, Interface> = interfaces
            .into_iter()
            .map(|(interface, _)| (interface.index.0, interface))
            .collect();
        for interface in interfaces.values() {
            engine.handle_interface(now, interface.clone());
        }
        let shared = Arc::new(Mutex::new(Shared {
            engine,
            groups: BTreeSet::new(),
            events: VecDeque::new(),
            log: Vec::new(),
        }));
        let (changed, clock) = (Arc::new(Notify::new()), net.clock());
        let forwards = manage.parameter("net.inet.ip.forwarding").unwrap().current != 0;
        let shell = Shell {
            io: PacketIo::open(&net, forwards, Encapsulation::default()).unwrap(),
            changes: manage.changes().unwrap(),
            routes_groups: forwards,
            net,
            interfaces,
            shared: shared.clone(),
            changed: changed.clone(),
        };
        Self {
            shared,
            changed,
            clock,
            task: node.spawn(shell.run()),
        }
    }

    /// An application calls. Whoever takes part in a session of a group is a member of it.
    pub(crate) fn call(&self, api: u64, call: Call) -> Result<(), ApiError> {
        let mut shared = self.shared.lock().unwrap();
        if let Call::Open(session) = &call
            && session.destination.is_multicast()
        {
            shared.groups.insert(session.destination);
        }
        let done = shared
            .engine
            .handle_call(self.clock.now(), ApiId(api), call);
        self.changed.notify_waiters();
        self.changed.notify_one();
        done
    }

    /// The next event that an application is told; whoever waits a minute in vain fails.
    pub(crate) async fn event(&self, api: u64) -> Event {
        let waiting = async {
            loop {
                if let Some(event) = self.try_event(api) {
                    return event;
                }
                self.clock.sleep(Duration::from_micros(100)).await;
            }
        };
        match self.clock.timeout(LIMIT, waiting).await {
            Ok(event) => event,
            Err(_) => panic!("no event: {:#?}", self.log()),
        }
    }

    /// The next event that an application is told, if there is one.
    pub(crate) fn try_event(&self, api: u64) -> Option<Event> {
        let mut shared = self.shared.lock().unwrap();
        let at = shared.events.iter().position(|(to, _)| to.0 == api)?;
        shared.events.remove(at).map(|(_, event)| event)
    }

    /// Looks into its engine.
    pub(crate) fn with<T>(&self, look: impl FnOnce(&Engine) -> T) -> T {
        look(&self.shared.lock().unwrap().engine)
    }

    /// The messages that came and went, a line each.
    pub(crate) fn log(&self) -> Vec<String> {
        let shared = self.shared.lock().unwrap();
        let line = |one: &LogEntry| {
            format!(
                "{} {:?} {} {} {}: {}",
                one.at, one.direction, one.interface, one.peer, one.message_type, one.summary
            )
        };
        shared.log.iter().map(line).collect()
    }
}

/// The task.
struct Shell {
    net: Net,
    io: PacketIo,
    changes: Changes,
    /// It is a router of multicast, and hears of Paths to groups in passing.
    routes_groups: bool,
    interfaces: BTreeMap<u32, Interface>,
    shared: Arc<Mutex<Shared>>,
    changed: Arc<Notify>,
}

impl Shell {
    async fn run(mut self) {
        let clock = self.net.clock();
        let mut timer = std::pin::pin!(clock.timer());
        loop {
            let next = {
                let mut shared = self.shared.lock().unwrap();
                shared.drain(&mut self.io);
                if !self.routes_groups {
                    let interfaces = || self.interfaces.keys().copied();
                    let wanted: BTreeSet<(IpAddr, u32)> = shared
                        .groups
                        .iter()
                        .flat_map(|group| interfaces().map(|index| (*group, index)))
                        .collect();
                    self.io.join(&wanted);
                }
                shared.engine.poll_timeout()
            };
            timer.as_mut().reset(next);
            tokio::select! { biased;
                () = &mut timer => {
                    self.shared.lock().unwrap().engine.handle_timeout(clock.now());
                }
                () = self.changed.notified() => {}
                changed = self.changes.changed() => match changed {
                    Ok(()) => self.look_around(&clock),
                    Err(_) => return, // the host has crashed
                },
                sent = self.io.sending(), if self.io.has_output() => self.io.sent(sent),
                ready = self.io.readable() => {
                    if ready.is_err() {
                        return;
                    }
                    let mut shared = self.shared.lock().unwrap();
                    let now = clock.now();
                    self.io.receive(64, |arrival, message| {
                        shared.engine.handle_datagram(now, arrival, message);
                    });
                }
            }
        }
    }

    /// Interfaces or routes have changed.
    fn look_around(&mut self, clock: &Clock) {
        let Ok(known) = self.net.interfaces() else {
            return;
        };
        let mut shared = self.shared.lock().unwrap();
        for one in known {
            let up = one.up && one.running;
            let addresses: Vec<IpAddr> = one.addresses.iter().map(|own| own.address).collect();
            if let Some(interface) = self.interfaces.get_mut(&one.index)
                && (interface.up != up || interface.addresses != addresses)
            {
                interface.up = up;
                interface.addresses = addresses;
                shared
                    .engine
                    .handle_interface(clock.now(), interface.clone());
            }
        }
        shared.engine.handle_routes_changed(clock.now(), None);
    }
}

impl Shared {
    fn drain(&mut self, io: &mut PacketIo) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Transmit(datagram) => io.send(datagram),
                Output::Event { to, event } => self.events.push_back((to, event)),
                Output::Log(entry) => self.log.push(entry),
            }
        }
    }
}

impl Lab {
    /// What is reserved on a node's link to another, flows and octets per second.
    pub(crate) fn reserved(&self, node: &str, peer: &str) -> Vec<u64> {
        let IfIndex(index) = self.interface(node, peer);
        let flows = self.node(node).net().manage().flows(index).unwrap();
        flows.iter().map(|(_, spec)| spec.admitted_rate()).collect()
    }
}
