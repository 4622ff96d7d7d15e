//! One node, and neighbours that say what a test wants them to.
//!
//! The node has the interfaces a, b, c and d, with the indices 1 to 4. On interface *l* it has the addresses 10.0.*l*.1
//! and fd00:*l*::1, and neighbour *n* there has 10.0.*l*.*n* and fd00:*l*::*n*. Sender S*n* is 10.9.0.*n* or fd00:9::*n*,
//! port 4000. What neighbours say lasts for hours.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use fairway_rsvp::api::{ApiError, ApiId, Call, Event};
use fairway_rsvp::engine::{Config, Engine, Output};
use fairway_rsvp::interface::{IfIndex, Interface, Settings};
use fairway_rsvp::intserv::{Flowspec, Tspec};
use fairway_rsvp::msg::{
    Body, FfDescriptor, Flows, LooseFlows, Message, Path, PathTear, Resv, ResvErr, ResvTear,
    SenderDescriptor, TornSender,
};
use fairway_rsvp::neighbour::{Arrival, Transmit, Via};
use fairway_rsvp::routing::{Route, Routing, Tree};
use fairway_rsvp::wire::{
    ErrorCode, ErrorFlags, ErrorSpec, FilterSpec, RsvpHop, Sender, SenderTemplate, Session, Style,
    TimeValues,
};
use fairway_wire::Instant;

use crate::net::{Control, Installed, cl, tspec, udp};

pub(crate) const A: u32 = 1;
pub(crate) const B: u32 = 2;
pub(crate) const C: u32 = 3;
pub(crate) const D: u32 = 4;

const HOUR: TimeValues = TimeValues {
    refresh_millis: 3_600_000,
};

/// Where data goes: what a test has said.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) unicast: BTreeMap<IpAddr, IfIndex>,
    pub(crate) trees: BTreeMap<IpAddr, Tree>,
    pub(crate) shared_trees: bool,
    /// How often trees were asked for.
    pub(crate) asked: usize,
}

#[derive(Debug)]
struct Routes(Arc<Mutex<Table>>);

impl Routing for Routes {
    fn unicast(&mut self, destination: IpAddr, _: Option<IpAddr>) -> Option<Route> {
        let interface = *self.0.lock().unwrap().unicast.get(&destination)?;
        Some(Route {
            interface,
            gateway: None,
        })
    }

    fn multicast(&mut self, source: IpAddr, _: IpAddr) -> Option<Tree> {
        let mut table = self.0.lock().unwrap();
        table.asked += 1;
        table.trees.get(&source).cloned()
    }

    fn notifies(&self) -> bool {
        true
    }

    fn has_shared_trees(&self) -> bool {
        self.0.lock().unwrap().shared_trees
    }
}

/// The node.
pub(crate) struct One {
    pub(crate) engine: Engine,
    pub(crate) now: Instant,
    pub(crate) session: Session,
    pub(crate) settings: Settings,
    pub(crate) point_to_point: bool,
    /// R of the neighbours: an hour, so that what they say lasts.
    pub(crate) period: TimeValues,
    table: Arc<Mutex<Table>>,
    installed: Arc<Mutex<Installed>>,
    /// What it has sent and nobody has looked at.
    sent: Vec<Transmit>,
    pub(crate) events: Vec<(ApiId, Event)>,
}

impl One {
    /// A router in the session 224.1.1.1, UDP, port 5000.
    pub(crate) fn new() -> Self {
        Self::in_session(udp(Ipv4Addr::new(224, 1, 1, 1), 5000), Config::default())
    }

    pub(crate) fn in_session(session: Session, config: Config) -> Self {
        let table: Arc<Mutex<Table>> = Arc::default();
        let installed: Arc<Mutex<Installed>> = Arc::default();
        let routes = Box::new(Routes(Arc::clone(&table)));
        let control = Box::new(Control(Arc::clone(&installed)));
        let settings = Settings {
            refresh_reduction: false,
            ..Settings::default()
        };
        let mut one = Self {
            engine: Engine::new(config, routes, control),
            now: Instant::ZERO,
            session,
            settings,
            point_to_point: false,
            period: HOUR,
            table,
            installed,
            sent: Vec::new(),
            events: Vec::new(),
        };
        for interface in [A, B, C, D] {
            one.set_interface(interface, true);
        }
        one
    }

    pub(crate) fn set_interface(&mut self, index: u32, up: bool) {
        let interface = Interface {
            index: IfIndex(index),
            name: format!("if{index}"),
            addresses: vec![at(index, 1, true), at(index, 1, false)],
            mtu: 1500,
            up,
            point_to_point: self.point_to_point,
            settings: self.settings.clone(),
        };
        self.engine.handle_interface(self.now, interface);
        self.collect();
    }

    pub(crate) fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap()
    }

    pub(crate) fn installed(&self) -> MutexGuard<'_, Installed> {
        self.installed.lock().unwrap()
    }

    fn is_v4(&self) -> bool {
        self.session.destination.is_ipv4()
    }

    pub(crate) fn neighbour(&self, interface: u32, number: u8) -> IpAddr {
        at(interface, number, self.is_v4())
    }

    /// Sender *n*.
    pub(crate) fn sender(&self, number: u8) -> Sender {
        match at(9, number, self.is_v4()) {
            IpAddr::V4(address) => Sender::V4(Ipv4Addr::new(10, 9, 0, address.octets()[3]), 4000),
            IpAddr::V6(address) => Sender::V6(address, 4000),
        }
    }

    /// Data of a sender comes in by one interface and leaves by others.
    pub(crate) fn route(&mut self, sender: u8, from: u32, to: &[u32]) {
        let source = self.sender(sender).address();
        let outgoing: Vec<IfIndex> = to.iter().copied().map(IfIndex).collect();
        if !self.session.destination.is_multicast() {
            let destination = self.session.destination;
            self.table().unicast.insert(destination, outgoing[0]);
            return;
        }
        let tree = Tree {
            incoming: Some(IfIndex(from)),
            outgoing,
        };
        self.table().trees.insert(source, tree);
    }

    pub(crate) fn routes_changed(&mut self) {
        self.engine.handle_routes_changed(self.now, None);
        self.collect();
    }

    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.engine.poll_output() {
            match output {
                Output::Transmit(transmit) => self.sent.push(transmit),
                Output::Event { to, event } => self.events.push((to, event)),
                Output::Log(_) => {}
            }
        }
    }

    /// What was sent since this was last asked.
    pub(crate) fn sent(&mut self) -> Vec<(Transmit, Body)> {
        core::mem::take(&mut self.sent)
            .into_iter()
            .map(|transmit| {
                let body = Message::decode(&transmit.payload)
                    .expect("what is sent can be read")
                    .body;
                (transmit, body)
            })
            .collect()
    }

    /// The same, whole; of a Bundle its parts.
    pub(crate) fn sent_messages(&mut self) -> Vec<Message> {
        let mut all = Vec::new();
        for transmit in core::mem::take(&mut self.sent) {
            let message = Message::decode(&transmit.payload).expect("what is sent can be read");
            if let Body::Bundle(bundle) = &message.body {
                let limits = fairway_rsvp::msg::Limits::default();
                let parts = bundle.parts().iter();
                all.extend(parts.map(|part| Message::decode_bundled(part, &limits).unwrap()));
            } else {
                all.push(message);
            }
        }
        all
    }

    /// The same, without Paths.
    pub(crate) fn replies(&mut self) -> Vec<(Transmit, Body)> {
        let mut sent = self.sent();
        sent.retain(|(_, body)| !matches!(body, Body::Path(_)));
        sent
    }

    pub(crate) fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        let mut idle = 0;
        while let Some(next) = self.engine.poll_timeout().filter(|next| *next <= end) {
            idle = if next > self.now { 0 } else { idle + 1 };
            assert!(idle < 100, "time stands still at {:?}", self.now);
            self.now = self.now.max(next);
            self.engine.handle_timeout(self.now);
            self.collect();
        }
        self.now = end;
    }

    /// A neighbour sends a message: to this node, or to the session if such a message goes there.
    pub(crate) fn hear(&mut self, interface: u32, from: IpAddr, body: Body) {
        self.hear_message(interface, from, &Message::new(64, body));
    }

    pub(crate) fn hear_message(&mut self, interface: u32, from: IpAddr, message: &Message) {
        let destination = match &message.body {
            Body::Path(_) | Body::PathTear(_) => self.session.destination,
            Body::ResvConf(confirm) => confirm.confirm.receiver,
            _ => self.neighbour(interface, 1),
        };
        let payload = message.encode().unwrap();
        let arrival = Arrival {
            interface: IfIndex(interface),
            source: from,
            destination,
            ttl: Some(message.send_ttl),
            via: Via::Raw,
        };
        self.hear_octets(&arrival, payload);
    }

    pub(crate) fn hear_octets(&mut self, arrival: &Arrival, payload: Vec<u8>) {
        self.engine
            .handle_datagram(self.now, arrival, &payload.into());
        self.collect();
    }

    /// The Path of a sender, as neighbour 2 of the interface sends it.
    pub(crate) fn path(&self, interface: u32, sender: u8, tspec: Tspec) -> Path {
        Path {
            session: self.session,
            hop: RsvpHop {
                address: self.neighbour(interface, 2),
                handle: 77,
            },
            time_values: self.period,
            policy: Vec::new(),
            sender: Some(SenderDescriptor {
                template: SenderTemplate(self.sender(sender)),
                tspec: tspec.to_object(),
                adspec: None,
            }),
            unknown: Vec::new(),
        }
    }

    pub(crate) fn hear_path(&mut self, interface: u32, path: Path) {
        let source = path.sender.as_ref().map_or(path.hop.address, |sender| {
            let SenderTemplate(template) = sender.template;
            template.address()
        });
        self.hear(interface, source, Body::Path(path));
    }

    /// A sender comes up behind neighbour 2 of an interface.
    pub(crate) fn announce(&mut self, interface: u32, sender: u8, kilo: f32) {
        let path = self.path(interface, sender, tspec(kilo));
        self.hear_path(interface, path);
    }

    pub(crate) fn path_tear(&self, address: IpAddr, sender: u8) -> PathTear {
        PathTear {
            session: self.session,
            hop: RsvpHop {
                address,
                handle: 77,
            },
            sender: Some(TornSender {
                template: SenderTemplate(self.sender(sender)),
                tspec: None,
                adspec: None,
            }),
            unknown: Vec::new(),
        }
    }

    /// The Resv of a neighbour.
    pub(crate) fn resv(&self, interface: u32, number: u8, flows: Flows) -> Resv {
        Resv {
            session: self.session,
            hop: RsvpHop {
                address: self.neighbour(interface, number),
                handle: interface,
            },
            time_values: self.period,
            confirm: None,
            scope: None,
            policy: Vec::new(),
            flows,
            unknown: Vec::new(),
        }
    }

    pub(crate) fn hear_resv(&mut self, interface: u32, resv: Resv) {
        self.hear(interface, resv.hop.address, Body::Resv(resv));
    }

    pub(crate) fn reserve(&mut self, interface: u32, number: u8, flows: Flows) {
        let resv = self.resv(interface, number, flows);
        self.hear_resv(interface, resv);
    }

    pub(crate) fn tear(&mut self, interface: u32, number: u8, flows: LooseFlows) {
        let tear = ResvTear {
            session: self.session,
            hop: RsvpHop {
                address: self.neighbour(interface, number),
                handle: interface,
            },
            scope: None,
            flows,
            unknown: Vec::new(),
        };
        self.hear(interface, tear.hop.address, Body::ResvTear(tear));
    }

    /// Neighbour 2 of an interface refuses a reservation.
    pub(crate) fn refuse(
        &mut self,
        interface: u32,
        flags: ErrorFlags,
        code: ErrorCode,
        value: u16,
        flows: LooseFlows,
    ) {
        let address = self.neighbour(interface, 2);
        let error = ResvErr {
            session: self.session,
            hop: RsvpHop {
                address,
                handle: 77,
            },
            error: ErrorSpec {
                node: address,
                flags,
                code,
                value,
            },
            scope: None,
            policy: Vec::new(),
            flows,
            unknown: Vec::new(),
        };
        self.hear(interface, address, Body::ResvErr(error));
    }

    pub(crate) fn call(&mut self, api: u64, call: Call) -> Result<(), ApiError> {
        let done = self.engine.handle_call(self.now, ApiId(api), call);
        self.collect();
        done
    }

    pub(crate) fn dropped(&self, why: &str) -> u64 {
        let counters = self.engine.counters();
        counters.dropped.get(why).copied().unwrap_or(0)
    }
}

/// The address with this number on a link.
pub(crate) fn at(link: u32, number: u8, v4: bool) -> IpAddr {
    let link = u8::try_from(link).unwrap();
    if v4 {
        let third = if link == 9 { 0 } else { link };
        let second = if link == 9 { 9 } else { 0 };
        Ipv4Addr::new(10, second, third, number).into()
    } else {
        Ipv6Addr::new(0xfd00, link.into(), 0, 0, 0, 0, 0, number.into()).into()
    }
}

/// *times* B of the RFC's figures.
pub(crate) fn b(times: f32) -> Flowspec {
    cl(10.0 * times)
}

pub(crate) fn wf(times: f32) -> Flows {
    Flows::Wf(b(times).to_object())
}

pub(crate) fn ff(list: &[(Sender, f32)]) -> Flows {
    Flows::Ff(
        list.iter()
            .map(|(sender, times)| FfDescriptor {
                flowspec: b(*times).to_object(),
                filter: FilterSpec(*sender),
            })
            .collect(),
    )
}

pub(crate) fn se(times: f32, senders: &[Sender]) -> Flows {
    Flows::Se {
        flowspec: b(times).to_object(),
        filters: senders.iter().copied().map(FilterSpec).collect(),
    }
}

/// One flow descriptor, as errors and tears have it.
pub(crate) fn loose(style: Style, times: Option<f32>, senders: &[Sender]) -> LooseFlows {
    let flowspec = times.map(|times| b(times).to_object());
    let filters = senders.iter().copied().map(FilterSpec);
    match style {
        Style::WF => Flows::Wf(flowspec),
        Style::FF => Flows::Ff(
            filters
                .map(|filter| FfDescriptor {
                    flowspec: flowspec.clone(),
                    filter,
                })
                .collect(),
        ),
        _ => Flows::Se {
            flowspec,
            filters: filters.collect(),
        },
    }
}
