//! Engines in a row, run in memory: what they send while a session comes, is refreshed, is refused and goes.
//!
//! Node *n* is joined to node *n* + 1 by link *n*, whose index is that of the interface at both ends. A datagram takes a
//! millisecond.

use super::all::Family;
use super::packets::Datagram;
use bytes::Bytes;
use fairway_rsvp::api::{ApiId, Call, ReserveCall, SenderCall};
use fairway_rsvp::engine::{Config, Engine, LogEntry, Output};
use fairway_rsvp::interface::{IfIndex, Interface, Settings};
use fairway_rsvp::intserv::{
    Bandwidth, ErrorTerms, Flowspec, Latency, LocalControlledLoad, LocalElement, LocalGuaranteed,
    LocalValues, Tspec,
};
use fairway_rsvp::msg::Message;
use fairway_rsvp::neighbour::{Arrival, Transmit};
use fairway_rsvp::routing::{Route, Routing, Tree};
use fairway_rsvp::tc::{Granted, RHandle, Request, TcError, TrafficControl};
use fairway_rsvp::wire::{Sender, Session, Style, fill_checksum};
use fairway_wire::{Instant, Protocol};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// Sender's host, two routers, receiver's host.
const NODES: u32 = 4;
const NAMES: [&str; 4] = ["sender", "r1", "r2", "receiver"];
/// What can be reserved on a link, octets per second.
const CAPACITY: f32 = 1_000_000.0;

fn address(family: Family, link: u32, node: u32) -> IpAddr {
    let (link, node) = (u8::try_from(link).unwrap(), u8::try_from(node).unwrap());
    match family {
        Family::V4 => Ipv4Addr::new(10, 0, link, node).into(),
        Family::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, link.into(), 0, 0, 0, node.into()).into(),
    }
}

/// The node that has an address.
fn owner(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => address.octets()[3].into(),
        IpAddr::V6(address) => address.segments()[7].into(),
    }
}

#[derive(Debug)]
struct Routes(u32);

impl Routing for Routes {
    fn unicast(&mut self, destination: IpAddr, _: Option<IpAddr>) -> Option<Route> {
        let interface = match owner(destination).cmp(&self.0) {
            std::cmp::Ordering::Less => IfIndex(self.0 - 1),
            std::cmp::Ordering::Equal => IfIndex::LOCAL,
            std::cmp::Ordering::Greater => IfIndex(self.0),
        };
        Some(Route {
            interface,
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

/// Counts what is reserved, and refuses what is too much.
#[derive(Debug, Default)]
struct Control {
    reserved: BTreeMap<(IfIndex, RHandle), f32>,
    named: u64,
}

impl TrafficControl for Control {
    fn advertise(&self, _: IfIndex) -> LocalElement {
        LocalElement {
            general: LocalValues {
                bandwidth: Bandwidth::new(CAPACITY).unwrap(),
                latency: Latency::from_micros(1000),
                mtu: 1500,
            },
            guaranteed: Some(LocalGuaranteed {
                terms: ErrorTerms::new(1500, 1200),
                ..LocalGuaranteed::default()
            }),
            controlled_load: Some(LocalControlledLoad::default()),
            after_non_is_hop: false,
        }
    }

    fn install(
        &mut self,
        interface: IfIndex,
        handle: Option<RHandle>,
        request: &Request,
        _: &Session,
        _: &[Option<Sender>],
    ) -> Result<Granted, TcError> {
        let others = self
            .reserved
            .iter()
            .filter(|((on, name), _)| *on == interface && Some(*name) != handle);
        let wanted = request.flowspec.rate().get();
        if others.map(|(_, rate)| rate).sum::<f32>() + wanted > CAPACITY {
            return Err(TcError::Bandwidth);
        }
        self.named += 1;
        let handle = handle.unwrap_or(RHandle(self.named));
        self.reserved.insert((interface, handle), wanted);
        Ok(Granted {
            handle,
            forward: None,
        })
    }

    fn remove(&mut self, interface: IfIndex, handle: RHandle) {
        self.reserved.remove(&(interface, handle));
    }
}

/// The row.
struct Row {
    family: Family,
    engines: Vec<Engine>,
    now: Instant,
    flying: BTreeMap<(Instant, u64), (usize, Arrival, Bytes)>,
    sent: Vec<Datagram>,
    log: Vec<(usize, LogEntry)>,
}

impl Row {
    fn new(family: Family, settings: &Settings) -> Self {
        let mut row = Self {
            family,
            engines: Vec::new(),
            now: Instant::ZERO,
            flying: BTreeMap::new(),
            sent: Vec::new(),
            log: Vec::new(),
        };
        for node in 1..=NODES {
            let config = Config {
                seed: node.into(),
                wall_seconds: 1_700_000_000,
                forwards: true,
                logs: true,
                ..Config::default()
            };
            let mut engine =
                Engine::new(config, Box::new(Routes(node)), Box::new(Control::default()));
            for link in [node - 1, node]
                .into_iter()
                .filter(|link| (1..NODES).contains(link))
            {
                engine.handle_interface(
                    row.now,
                    Interface {
                        index: IfIndex(link),
                        name: format!("if{link}"),
                        addresses: vec![address(family, link, node)],
                        mtu: 1500,
                        up: true,
                        point_to_point: true,
                        settings: settings.clone(),
                    },
                );
            }
            row.engines.push(engine);
        }
        row
    }

    fn collect(&mut self, at: usize) {
        while let Some(output) = self.engines[at].poll_output() {
            match output {
                Output::Transmit(transmit) => self.transmit(at, &transmit),
                Output::Event { .. } => {}
                Output::Log(entry) => self.log.push((at, entry)),
            }
        }
    }

    fn transmit(&mut self, from: usize, transmit: &Transmit) {
        let since = self.now - Instant::ZERO;
        self.sent.push(Datagram::of(since, transmit));
        // A link has two ends; every neighbour is at the other.
        let link = transmit.interface.0 as usize;
        let to = if from == link { link - 1 } else { link };
        let arrival = Arrival {
            interface: transmit.interface,
            source: transmit.source,
            destination: transmit.destination,
            ttl: Some(transmit.ttl),
            via: transmit.via,
        };
        self.fly(to, arrival, transmit.payload.clone());
    }

    fn fly(&mut self, to: usize, arrival: Arrival, payload: Bytes) {
        let order = self.sent.len() as u64;
        self.flying.insert(
            (self.now + Duration::from_millis(1), order),
            (to, arrival, payload),
        );
    }

    /// Lets time pass.
    fn run(&mut self, span: Duration) {
        let end = self.now + span;
        loop {
            let timers = self.engines.iter().filter_map(Engine::poll_timeout);
            let next = timers.chain(self.flying.keys().map(|(at, _)| *at)).min();
            let Some(next) = next.filter(|next| *next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            while let Some(entry) = self
                .flying
                .first_entry()
                .filter(|entry| entry.key().0 <= self.now)
            {
                let (to, arrival, octets) = entry.remove();
                self.engines[to].handle_datagram(self.now, &arrival, &octets);
                self.collect(to);
            }
            for at in 0..self.engines.len() {
                self.engines[at].handle_timeout(self.now);
                self.collect(at);
            }
        }
        self.now = end;
    }

    fn call(&mut self, node: usize, api: u64, call: Call) {
        self.engines[node]
            .handle_call(self.now, ApiId(api), call)
            .unwrap();
        self.collect(node);
        self.run(Duration::from_secs(2));
    }

    fn sender(&self, port: u16) -> Sender {
        match address(self.family, 1, 1) {
            IpAddr::V4(address) => Sender::V4(address, port),
            IpAddr::V6(address) => Sender::V6(address, port),
        }
    }

    fn reserve(&mut self, style: Style, filters: &[Sender], flowspecs: Vec<Flowspec>) {
        let call = ReserveCall {
            style,
            filters: filters.to_vec(),
            flowspecs,
            confirm: true,
            interface: None,
            policy: Vec::new(),
        };
        self.call(3, 1, Call::Reserve(Box::new(call)));
    }

    /// Somebody damages a Path between the routers: an object of a class that must be refused appears in it.
    fn spoil_a_path(&mut self) {
        let is_path = |one: &&Datagram| {
            let from_r1 = Message::decode(&one.payload.clone().into())
                .ok()
                .and_then(|message| Some(message.body.hop()?.address));
            one.payload[1] == 1 && from_r1 == Some(address(self.family, 2, 2))
        };
        let path = self.sent.iter().rev().find(is_path).unwrap().clone();
        let mut octets = path.payload;
        octets.extend([0, 4, 80, 1]);
        octets[7] += 4;
        octets[2..4].fill(0);
        fill_checksum(&mut octets);
        let arrival = Arrival {
            interface: IfIndex(2),
            source: path.source,
            destination: path.destination,
            ttl: Some(path.ttl),
            via: fairway_rsvp::neighbour::Via::Raw,
        };
        self.fly(2, arrival, octets.into());
        self.run(Duration::from_secs(2));
    }

    /// The messages that came and went, for people.
    fn table(&self) -> String {
        let mut text = format!(
            "{:>10}  {:<8} {:<3} {:<4} {:<26} {}\n",
            "time", "node", "", "if", "peer", "message"
        );
        for (at, entry) in &self.log {
            let line = format!(
                "{:>9.3}s  {:<8} {:<3} {:<4} {:<26} {} {}\n",
                (entry.at - Instant::ZERO).as_secs_f64(),
                NAMES[*at],
                format!("{:?}", entry.direction).to_lowercase(),
                entry.interface,
                entry.peer,
                entry.message_type,
                entry.summary,
            );
            text.push_str(&line);
        }
        text
    }
}

fn tspec(rate: f32) -> Tspec {
    Tspec::new(rate, 10_000.0, 2.0 * rate, 64, 1500).unwrap()
}

fn load(rate: f32) -> Flowspec {
    Flowspec::ControlledLoad(tspec(rate))
}

/// Everything that is sent, and the log of it, while two senders and a receiver do all that there is.
pub(super) fn scenario(family: Family, settings: &Settings) -> (Vec<Datagram>, String) {
    let mut row = Row::new(family, settings);
    let session = Session {
        destination: address(family, 3, 4),
        protocol: Protocol::UDP,
        e_police: false,
        port: 5000,
    };
    row.run(Duration::from_secs(2));
    row.call(3, 1, Call::Open(session));
    let senders = [row.sender(4000), row.sender(4001)];
    for (api, template) in (1..).zip(senders) {
        row.call(0, api, Call::Open(session));
        let sender = SenderCall {
            template,
            interface: None,
            tspec: tspec(100_000.0),
            adspec: None,
            policy: Vec::new(),
            ttl: 63,
        };
        row.call(0, api, Call::Sender(Box::new(sender)));
    }
    let guaranteed = Flowspec::guaranteed(tspec(100_000.0), 150_000.0, 500).unwrap();
    row.reserve(Style::FF, &senders, vec![guaranteed, guaranteed]);
    // Refreshes, also from one node to the next by name.
    row.run(Duration::from_secs(100));
    // More than there is: an error, and what stood stays.
    row.reserve(Style::FF, &senders[..1], vec![load(2.0 * CAPACITY)]);
    if settings.security.is_none() {
        row.spoil_a_path();
    }
    // Other styles, after an end to the one before.
    row.reserve(Style::FF, &senders, Vec::new());
    row.reserve(Style::SE, &senders, vec![load(100_000.0)]);
    row.reserve(Style::SE, &senders[..1], vec![load(200_000.0)]);
    row.reserve(Style::SE, &senders[..1], Vec::new());
    row.reserve(Style::WF, &[], vec![load(100_000.0)]);
    row.run(Duration::from_secs(100));
    row.reserve(Style::WF, &[], Vec::new());
    row.call(0, 1, Call::WithdrawSender);
    row.call(0, 2, Call::Release);
    row.call(3, 1, Call::Release);
    let table = row.table();
    (row.sent, table)
}
