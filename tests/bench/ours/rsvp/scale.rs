//! Many sessions through one node: what it costs to set them up, to keep them, and to remember them.
//!
//! Three engines in a row on a clock of their own: senders on the first, receivers on the last. The one in the middle is
//! measured. Nothing is between them but a queue, so what is measured is the protocol, not sockets.

use std::collections::{BTreeMap, VecDeque};
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
use rustix::time::{ClockId, clock_gettime};

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

/// Processor time that this thread has taken.
fn taken() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let nanos = u32::try_from(time.tv_nsec).unwrap_or(0);
    Duration::new(seconds, nanos)
}

struct Flying {
    at: Instant,
    to: usize,
    arrival: Arrival,
    octets: Bytes,
}

/// Three nodes in a row.
pub(crate) struct Line {
    nodes: Vec<Engine>,
    flying: VecDeque<Flying>,
    now: Instant,
    /// What the middle one has taken of the processor.
    pub(crate) busy: Duration,
    /// Datagrams it has sent.
    pub(crate) sent: u64,
    reserve: VecDeque<(ApiId, Sender)>,
    pub(crate) reserved: usize,
    pub(crate) lost: usize,
}

impl Line {
    pub(crate) fn new(refresh_reduction: bool) -> Self {
        let nodes = (1..=3)
            .map(|node| {
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
            })
            .collect();
        Self {
            nodes,
            flying: VecDeque::new(),
            now: Instant::ZERO,
            busy: Duration::ZERO,
            sent: 0,
            reserve: VecDeque::new(),
            reserved: 0,
            lost: 0,
        }
    }

    /// Opens sessions `from..to`, each with a sender and a receiver.
    pub(crate) fn establish(&mut self, from: u32, to: u32) {
        let tspec = Tspec::new(8000.0, 1000.0, 16_000.0, 64, 1000).expect("legal");
        for number in from..to {
            let (address, port) = (number / 60_000, number % 60_000 + 1);
            let address = u8::try_from(address).unwrap_or(0);
            let port = u16::try_from(port).unwrap_or(1);
            let session = Session {
                destination: Ipv4Addr::new(10, 0, 2, 100 + address).into(),
                protocol: Protocol::UDP,
                e_police: false,
                port,
            };
            let api = ApiId(number.into());
            let now = self.now;
            let open = self.nodes[2].handle_call(now, api, Call::Open(session));
            let _ = open.and_then(|()| self.nodes[0].handle_call(now, api, Call::Open(session)));
            let sender = SenderCall {
                template: Sender::V4(Ipv4Addr::new(10, 0, 1, 1), port),
                interface: None,
                tspec,
                adspec: None,
                policy: Vec::new(),
                ttl: 63,
            };
            let _ = self.nodes[0].handle_call(now, api, Call::Sender(Box::new(sender)));
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
                    Event::Resv { flowspec, .. } => match flowspec {
                        Some(_) => self.reserved += 1,
                        None => self.lost += 1,
                    },
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
    pub(crate) fn run(&mut self, span: Duration) {
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
                let began = taken();
                self.nodes[next.to].handle_datagram(now, &next.arrival, &next.octets);
                if next.to == 1 {
                    self.busy += taken().saturating_sub(began);
                }
                self.collect(next.to);
            }
            for node in 0..3 {
                if self.nodes[node].poll_timeout().is_some_and(|at| at <= now) {
                    let began = taken();
                    self.nodes[node].handle_timeout(now);
                    if node == 1 {
                        self.busy += taken().saturating_sub(began);
                    }
                    self.collect(node);
                }
            }
            while let Some((api, sender)) = self.reserve.pop_front() {
                let tspec = Tspec::new(8000.0, 1000.0, 16_000.0, 64, 1000).expect("legal");
                let call = ReserveCall {
                    style: Style::FF,
                    filters: vec![sender],
                    flowspecs: vec![Flowspec::ControlledLoad(tspec)],
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

    pub(crate) fn sessions(&self) -> usize {
        self.nodes[1].session_count()
    }

    /// Gives the middle node up, and with it what it remembers.
    pub(crate) fn drop_middle(&mut self) {
        let empty = Engine::new(Config::default(), Box::new(Row(2)), Box::new(Grants(0)));
        self.nodes[1] = empty;
    }

    /// Messages of each type the middle node has sent.
    pub(crate) fn sent_by_type(&self) -> BTreeMap<String, u64> {
        self.nodes[1]
            .counters()
            .sent
            .iter()
            .map(|(kind, count)| (kind.to_string(), *count))
            .collect()
    }
}
