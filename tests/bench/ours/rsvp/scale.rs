//! Many sessions through one node: what it costs to set them up, to keep them, and to remember them.
//!
//! Three engines in a row on a clock of their own: senders on the first, receivers on the last. The one in the middle is
//! measured. Nothing is between them but a queue, so what is measured is the protocol, not sockets.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;
use fairway_rsvp::api::{ApiId, Call, Event, ReserveCall, SenderCall};
use fairway_rsvp::engine::{Config, Engine, Output};
use fairway_rsvp::interface::{IfIndex, Interface, Settings};
use fairway_rsvp::intserv::{
    Bandwidth, Flowspec, Latency, LocalControlledLoad, LocalElement, LocalGuaranteed, LocalValues,
    Tspec,
};
use fairway_rsvp::neighbour::{Arrival, Transmit};
use fairway_rsvp::routing::{Route, Routing, Tree};
use fairway_rsvp::tc::{Granted, RHandle, Request, TcError, TrafficControl};
use fairway_rsvp::wire::{Sender, Session, Style};
use fairway_wire::{Instant, Protocol};

use crate::lab::{Error, thread_cpu};

const HOP: Duration = Duration::from_millis(1);

/// Routes of a row: addresses 10.0.*l*.*n* are on link *l* at node *n*.
#[derive(Debug)]
struct Row(u8);

impl Routing for Row {
    fn unicast(&mut self, destination: IpAddr, _: Option<IpAddr>) -> Option<Route> {
        let IpAddr::V4(destination) = destination else {
            return None;
        };
        let node = destination.octets()[3];
        // The receivers' addresses count from 100.
        let node = if node >= 100 { 3 } else { node };
        let interface = match node.cmp(&self.0) {
            std::cmp::Ordering::Equal => 0,
            std::cmp::Ordering::Greater => self.0,
            std::cmp::Ordering::Less => self.0 - 1,
        };
        Some(Route {
            interface: IfIndex(interface.into()),
            gateway: None,
        })
    }

    fn multicast(&mut self, _: IpAddr, _: IpAddr) -> Option<Tree> {
        None
    }

    fn notifies(&self) -> bool {
        true
    }
}

/// Grants everything.
#[derive(Debug)]
struct Grants(u64);

impl TrafficControl for Grants {
    fn advertise(&self, _: IfIndex) -> LocalElement {
        LocalElement {
            general: LocalValues {
                bandwidth: Bandwidth::new(1.25e9).unwrap_or(Bandwidth::UNKNOWN),
                latency: Latency::from_micros(10),
                mtu: 1500,
            },
            guaranteed: Some(LocalGuaranteed::default()),
            controlled_load: Some(LocalControlledLoad::default()),
            after_non_is_hop: false,
        }
    }

    fn install(
        &mut self,
        _: IfIndex,
        handle: Option<RHandle>,
        _: &Request,
        _: &Session,
        _: &[Option<Sender>],
    ) -> Result<Granted, TcError> {
        self.0 += 1;
        Ok(Granted {
            handle: handle.unwrap_or(RHandle(self.0)),
            forward: None,
        })
    }

    fn remove(&mut self, _: IfIndex, _: RHandle) {}
}

/// The engine of node 1, 2 or 3, with its interfaces.
fn engine(node: u8, refresh_reduction: bool) -> Engine {
    let config = Config {
        seed: node.into(),
        ..Config::default()
    };
    let mut engine = Engine::new(config, Box::new(Row(node)), Box::new(Grants(0)));
    for link in [node - 1, node] {
        if (1..=2).contains(&link) {
            let mut addresses = vec![IpAddr::V4(Ipv4Addr::new(10, 0, link, node))];
            if node == 3 {
                addresses.extend((100..110).map(|n| IpAddr::V4(Ipv4Addr::new(10, 0, 2, n))));
            }
            let interface = Interface {
                index: IfIndex(link.into()),
                name: format!("l{link}"),
                addresses,
                mtu: 1500,
                up: true,
                point_to_point: false,
                settings: Settings {
                    refresh_reduction,
                    ..Settings::default()
                },
            };
            engine.handle_interface(Instant::ZERO, interface);
        }
    }
    engine
}

/// The engine in the middle.
pub(super) fn middle(refresh_reduction: bool) -> Engine {
    engine(2, refresh_reduction)
}

/// A port, of which there are 60 000, and what is beyond.
fn port(number: u32) -> (u8, u16) {
    let (beyond, port) = (number / 60_000, number % 60_000 + 1);
    (
        u8::try_from(beyond).unwrap_or(0),
        u16::try_from(port).unwrap_or(1),
    )
}

/// One of the sessions. There are ten times 60 000.
pub(super) fn session(number: u32) -> Session {
    let (address, port) = port(number);
    Session {
        destination: Ipv4Addr::new(10, 0, 2, 100 + address).into(),
        protocol: Protocol::UDP,
        e_police: false,
        port,
    }
}

/// Its sender.
pub(super) fn sender(number: u32) -> Sender {
    Sender::V4(Ipv4Addr::new(10, 0, 1, 1), port(number).1)
}

/// A datagram on its way.
struct Flying {
    at: Instant,
    to: usize,
    arrival: Arrival,
    octets: Bytes,
}

/// Three nodes in a row.
pub(super) struct Line {
    nodes: Vec<Engine>,
    tspec: Tspec,
    flying: VecDeque<Flying>,
    now: Instant,
    /// Seconds of the processor that the middle one has taken.
    pub(super) busy: f64,
    /// Datagrams it has sent.
    pub(super) sent: u64,
    reserve: VecDeque<(ApiId, Sender)>,
    /// Senders that know of a reservation.
    pub(super) reserved: usize,
    /// Events that would not be if nothing were lost.
    pub(super) lost: usize,
    /// What the middle one has heard, if that is kept.
    pub(super) heard: Option<Vec<(Arrival, Bytes)>>,
}

impl Line {
    pub(super) fn new(refresh_reduction: bool) -> Result<Self, Error> {
        let nodes = (1..=3)
            .map(|node| engine(node, refresh_reduction))
            .collect();
        Ok(Self {
            nodes,
            tspec: Tspec::new(8000.0, 1000.0, 16_000.0, 64, 1000)?,
            flying: VecDeque::new(),
            now: Instant::ZERO,
            busy: 0.0,
            sent: 0,
            reserve: VecDeque::new(),
            reserved: 0,
            lost: 0,
            heard: None,
        })
    }

    /// Opens sessions `from..to`, each with a sender and a receiver.
    pub(super) fn establish(&mut self, from: u32, to: u32) {
        for number in from..to {
            let session = session(number);
            let api = ApiId(number.into());
            let now = self.now;
            let open = self.nodes[2].handle_call(now, api, Call::Open(session));
            let _ = open.and_then(|()| self.nodes[0].handle_call(now, api, Call::Open(session)));
            let call = SenderCall {
                template: sender(number),
                interface: None,
                tspec: self.tspec,
                adspec: None,
                policy: Vec::new(),
                ttl: 63,
            };
            let _ = self.nodes[0].handle_call(now, api, Call::Sender(Box::new(call)));
            self.collect(0);
            self.collect(2);
            if number % 64 == 0 {
                self.run(Duration::from_millis(2));
            }
        }
        self.run(Duration::from_millis(20));
    }

    fn collect(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].poll_output() {
            match output {
                Output::Transmit(transmit) => self.transmit(node, transmit),
                Output::Event { to, event } => match event {
                    Event::Path(senders) => match senders.first() {
                        Some(sender) => self.reserve.push_back((to, sender.template)),
                        None => self.lost += 1,
                    },
                    Event::Resv {
                        flowspec: Some(_), ..
                    } => self.reserved += 1,
                    _ => self.lost += 1,
                },
                Output::Log(_) => {}
            }
        }
    }

    fn transmit(&mut self, from: usize, transmit: Transmit) {
        if from == 1 {
            self.sent += 1;
        }
        let to = match (from, transmit.interface.0) {
            (0, _) | (2, _) => 1,
            (_, 1) => 0,
            _ => 2,
        };
        self.flying.push_back(Flying {
            at: self.now + HOP,
            to,
            arrival: Arrival {
                interface: transmit.interface,
                source: transmit.source,
                destination: transmit.destination,
                ttl: Some(transmit.ttl),
                via: transmit.via,
            },
            octets: transmit.payload,
        });
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let timers = self.nodes.iter().filter_map(Engine::poll_timeout);
            let flying = self.flying.front().map(|next| next.at);
            let Some(next) = timers.chain(flying).min().filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            let now = self.now;
            while let Some(next) = self.flying.pop_front_if(|next| next.at <= now) {
                let began = thread_cpu();
                self.nodes[next.to].handle_datagram(now, &next.arrival, &next.octets);
                if next.to == 1 {
                    if let Some(heard) = &mut self.heard {
                        heard.push((next.arrival, next.octets));
                    }
                    self.busy += thread_cpu() - began;
                }
                self.collect(next.to);
            }
            for node in 0..3 {
                if self.nodes[node].poll_timeout().is_some_and(|at| at <= now) {
                    let began = thread_cpu();
                    self.nodes[node].handle_timeout(now);
                    if node == 1 {
                        self.busy += thread_cpu() - began;
                    }
                    self.collect(node);
                }
            }
            while let Some((api, sender)) = self.reserve.pop_front() {
                let call = ReserveCall {
                    style: Style::FF,
                    filters: vec![sender],
                    flowspecs: vec![Flowspec::ControlledLoad(self.tspec)],
                    confirm: false,
                    interface: None,
                    policy: Vec::new(),
                };
                let _ = self.nodes[2].handle_call(now, api, Call::Reserve(Box::new(call)));
                self.collect(2);
            }
        }
        self.now = end;
    }

    /// Sessions that the middle one knows.
    pub(super) fn sessions(&self) -> usize {
        self.nodes[1].session_count()
    }
}
