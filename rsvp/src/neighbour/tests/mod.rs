//! Two nodes on a link, and no network between them.

mod basics;
mod hello;
mod limits;
mod properties;
mod reduction;
mod signatures;
mod summaries;
mod udp;

use core::time::Duration;
use std::collections::VecDeque;
use std::net::IpAddr;

use bytes::Bytes;
use fairway_wire::{Instant, Protocol};

use super::*;
use crate::engine::Limits;
use crate::interface::{IfIndex, Interface, Settings};
use crate::msg::{
    Body, Flows, Message, Path, PathErr, PathTear, Resv, ResvErr, SenderDescriptor, TornSender,
};
use crate::wire::{
    CType, ErrorCode, ErrorFlags, ErrorSpec, FlowspecObject, MessageType, Opaque, RsvpHop, Sender,
    SenderTemplate, SenderTspecObject, Session, TimeValues,
};

/// The link of both.
pub(super) const LINK: IfIndex = IfIndex(1);

pub(super) fn ms(millis: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(millis)
}

pub(super) fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub(super) fn a() -> IpAddr {
    ip("10.0.0.1")
}

pub(super) fn b() -> IpAddr {
    ip("10.0.0.2")
}

pub(super) fn interface(address: IpAddr, settings: Settings) -> Interface {
    Interface {
        index: LINK,
        name: "eth0".into(),
        addresses: vec![address],
        mtu: 1500,
        up: true,
        point_to_point: false,
        settings,
    }
}

pub(super) fn node_of(seed: u64, address: IpAddr, settings: Settings) -> Neighbours {
    let mut node = Neighbours::new(seed, 1_000_000, &Limits::default());
    node.set_interface(Instant::ZERO, &interface(address, settings));
    node
}

pub(super) fn session(port: u16) -> Session {
    Session {
        destination: ip("10.9.9.9"),
        protocol: Protocol::UDP,
        e_police: false,
        port,
    }
}

pub(super) fn sender() -> SenderDescriptor {
    let tspec = Opaque::new(CType(2), vec![0; 32]).unwrap();
    SenderDescriptor {
        template: SenderTemplate(Sender::V4([10, 8, 8, 8].into(), 4000)),
        tspec: SenderTspecObject(tspec),
        adspec: None,
    }
}

pub(super) fn path(hop: IpAddr, port: u16) -> Body {
    Body::Path(Path {
        session: session(port),
        hop: RsvpHop {
            address: hop,
            handle: 1,
        },
        time_values: TimeValues {
            refresh_millis: 30_000,
        },
        policy: vec![],
        sender: Some(sender()),
        unknown: vec![],
    })
}

pub(super) fn path_tear(hop: IpAddr, port: u16) -> Body {
    Body::PathTear(PathTear {
        session: session(port),
        hop: RsvpHop {
            address: hop,
            handle: 1,
        },
        sender: None,
        unknown: vec![],
    })
}

pub(super) fn resv(hop: IpAddr, port: u16) -> Body {
    Body::Resv(Resv {
        session: session(port),
        hop: RsvpHop {
            address: hop,
            handle: 1,
        },
        time_values: TimeValues {
            refresh_millis: 30_000,
        },
        confirm: None,
        scope: None,
        policy: vec![],
        flows: Flows::Wf(FlowspecObject(Opaque::new(CType(2), vec![0; 32]).unwrap())),
        unknown: vec![],
    })
}

pub(super) fn error_spec(node: IpAddr) -> ErrorSpec {
    ErrorSpec {
        node,
        flags: ErrorFlags::default(),
        code: ErrorCode::ADMISSION_CONTROL,
        value: 2,
    }
}

pub(super) fn path_err(node: IpAddr, port: u16) -> Body {
    Body::PathErr(PathErr {
        session: session(port),
        error: error_spec(node),
        policy: vec![],
        sender: Some(sender()),
        unknown: vec![],
    })
}

pub(super) fn resv_err(hop: IpAddr, port: u16) -> Body {
    Body::ResvErr(ResvErr {
        session: session(port),
        hop: RsvpHop {
            address: hop,
            handle: 1,
        },
        error: error_spec(hop),
        scope: None,
        policy: vec![],
        flows: Flows::Wf(None),
        unknown: vec![],
    })
}

/// To a neighbour.
pub(super) fn to(neighbour: IpAddr, state: Option<u64>, trigger: bool, body: Body) -> Outgoing {
    Outgoing {
        interface: LINK,
        to: Destination::Neighbour(neighbour),
        source: None,
        ttl: 255,
        state: state.map(StateKey),
        trigger,
        body,
    }
}

/// Towards the session's destination, perhaps by way of a known neighbour, from the sender.
pub(super) fn towards(
    neighbour: Option<IpAddr>,
    state: Option<u64>,
    trigger: bool,
    body: Body,
) -> Outgoing {
    let end = body.session().unwrap().destination;
    Outgoing {
        to: Destination::Towards { end, neighbour },
        source: Some(ip("10.8.8.8")),
        ttl: 63,
        ..to(end, state, trigger, body)
    }
}

/// What a datagram becomes at the other end of the link.
pub(super) fn arrival(transmit: &Transmit) -> Arrival {
    Arrival {
        interface: LINK,
        source: transmit.source,
        destination: transmit.destination,
        ttl: (transmit.via == Via::Raw).then_some(transmit.ttl),
        via: transmit.via,
    }
}

pub(super) fn transmits(node: &mut Neighbours) -> Vec<Transmit> {
    core::iter::from_fn(|| node.poll_transmit()).collect()
}

pub(super) fn deliveries(node: &mut Neighbours) -> Vec<Delivery> {
    core::iter::from_fn(|| node.poll_delivery()).collect()
}

/// The states a node was asked to send in full.
pub(super) fn resends(pair: &Pair, node: usize) -> Vec<StateKey> {
    pair.delivered[node]
        .iter()
        .filter_map(|delivery| match delivery {
            Delivery::Resend(key) => Some(*key),
            _ => None,
        })
        .collect()
}

pub(super) fn read(transmit: &Transmit) -> Message {
    Message::decode(&transmit.payload).unwrap()
}

pub(super) fn types(transmits: &[Transmit]) -> Vec<MessageType> {
    transmits
        .iter()
        .map(|transmit| read(transmit).body.message_type())
        .collect()
}

/// The types of what is in a Bundle.
pub(super) fn bundled(transmit: &Transmit) -> Vec<MessageType> {
    let Body::Bundle(bundle) = read(transmit).body else {
        panic!("no bundle");
    };
    bundle
        .messages(&crate::msg::Limits::default())
        .map(|message| message.unwrap().body.message_type())
        .collect()
}

/// Two nodes, and what is on the way between them.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) nodes: [Neighbours; 2],
    /// What each delivered, messages acknowledged when their turn came.
    pub(super) delivered: [Vec<Delivery>; 2],
    /// What each sent, with the time.
    pub(super) sent: [Vec<(Instant, Transmit)>; 2],
    pub(super) way: [VecDeque<Transmit>; 2],
}

impl Pair {
    pub(super) fn new(settings: [Settings; 2]) -> Self {
        let [first, second] = settings;
        Self {
            now: Instant::ZERO,
            nodes: [node_of(1, a(), first), node_of(2, b(), second)],
            delivered: [vec![], vec![]],
            sent: [vec![], vec![]],
            way: [VecDeque::new(), VecDeque::new()],
        }
    }

    /// Two that do refresh reduction and know it of each other.
    pub(super) fn acquainted() -> Self {
        let mut pair = Self::new([Settings::default(), Settings::default()]);
        pair.acquaint();
        pair
    }

    pub(super) fn acquaint(&mut self) {
        self.send(0, towards(None, Some(900), true, path(a(), 9)));
        self.settle();
        self.send(1, to(a(), Some(901), true, resv(b(), 9)));
        self.settle();
        self.send(0, to(b(), None, true, path_err(a(), 9)));
        self.settle();
        for node in 0..2 {
            self.delivered[node].clear();
            self.sent[node].clear();
            self.nodes[node].forget(StateKey(900 + node as u64));
        }
    }

    pub(super) fn send(&mut self, from: usize, outgoing: Outgoing) {
        self.nodes[from].send(self.now, outgoing);
    }

    /// Takes what each node has to say; acknowledges what came.
    pub(super) fn poll(&mut self) {
        for node in 0..2 {
            for delivery in deliveries(&mut self.nodes[node]) {
                if let Delivery::Message { ack: Some(ack), .. } = &delivery {
                    self.nodes[node].acknowledge(self.now, *ack);
                }
                self.delivered[node].push(delivery);
            }
            for transmit in transmits(&mut self.nodes[node]) {
                self.sent[node].push((self.now, transmit.clone()));
                self.way[node].push_back(transmit);
            }
        }
    }

    /// Carries everything over, until nothing is left to say.
    pub(super) fn settle(&mut self) {
        self.settle_losing(|_, _| false);
    }

    /// The same, but for what `lost` says of it: the sending node, and the datagram.
    pub(super) fn settle_losing(&mut self, mut lost: impl FnMut(usize, &Transmit) -> bool) {
        loop {
            self.poll();
            if self.way.iter().all(VecDeque::is_empty) {
                return;
            }
            for node in 0..2 {
                while let Some(transmit) = self.way[node].pop_front() {
                    if !lost(node, &transmit) {
                        let arrival = arrival(&transmit);
                        self.nodes[1 - node].handle_datagram(self.now, &arrival, &transmit.payload);
                    }
                }
            }
        }
    }

    /// Lets time pass until `end`, losing what `lost` says.
    pub(super) fn run_losing(
        &mut self,
        end: Instant,
        mut lost: impl FnMut(usize, &Transmit) -> bool,
    ) {
        self.settle_losing(&mut lost);
        while let Some(next) = self.nodes.iter().filter_map(Neighbours::poll_timeout).min()
            && next <= end
        {
            self.now = self.now.max(next);
            for node in &mut self.nodes {
                node.handle_timeout(self.now);
            }
            self.settle_losing(&mut lost);
        }
        self.now = end;
    }

    pub(super) fn run(&mut self, end: Instant) {
        self.run_losing(end, |_, _| false);
    }

    /// The ports of the messages of this type that a node delivered.
    pub(super) fn ports(&self, node: usize, message_type: MessageType) -> Vec<u16> {
        self.delivered[node]
            .iter()
            .filter_map(|delivery| match delivery {
                Delivery::Message { message, .. } => Some(&message.body),
                _ => None,
            })
            .filter(|body| body.message_type() == message_type)
            .map(|body| body.session().unwrap().port)
            .collect()
    }

    pub(super) fn row(&self, node: usize) -> NeighbourRow {
        self.nodes[node].neighbours().next().unwrap()
    }
}

pub(super) fn raw(source: IpAddr, destination: IpAddr, ttl: u8) -> Arrival {
    Arrival {
        interface: LINK,
        source,
        destination,
        ttl: Some(ttl),
        via: Via::Raw,
    }
}

pub(super) fn octets(message: &Message) -> Bytes {
    message.encode().unwrap().into()
}
