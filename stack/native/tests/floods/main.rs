//! What strangers send too much of: every table stays within its limit, what is dropped is counted, and whoever is
//! honest is served on.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod arp_packets;
mod datagrams;
mod fragments;
mod groups;
mod icmp_messages;
mod segments;
#[path = "../support/mod.rs"]
mod support;
mod this_host;

use fairway_native::event::EventId;
use fairway_native::{Errno, InterfaceId, Limits, PacketBuf, Setup, SocketId, Stack};
use fairway_wire::{EtherType, MacAddr, Protocol, arp, icmp, ipv4};
use std::net::Ipv4Addr;
use std::time::Duration;
use support::frames::{self, STRANGER};
use support::{Lab, addr, ip};

/// The only Ethernet of a host with one.
const ETH: InterfaceId = InterfaceId(2);

/// An honest host, and the one that is flooded, with limits that a test reaches soon. The stranger is on their network.
struct Flooded {
    lab: Lab,
    honest: usize,
    victim: usize,
    /// A socket of the honest host.
    asks: SocketId,
    /// One of the victim's, at port 7.
    answers: SocketId,
}

fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.neighbours.entries = 32;
    limits.reassembly.memory = 256 << 10;
    limits.reassembly.memory_per_source = 64 << 10;
    limits.reassembly.datagrams = 64;
    limits.route.redirects = 8;
    limits.route.path_mtus = 8;
    limits.route.routes = 64;
    limits.socket.sockets = 16;
    limits
}

impl Flooded {
    fn new() -> Self {
        Self::with(|_| {})
    }

    /// With other limits yet.
    fn with(change: impl FnOnce(&mut Limits)) -> Self {
        let mut lab = Lab::new();
        let honest = lab.host("honest");
        let mut setup = Setup::new("victim", [7; 32]);
        setup.limits = limits();
        change(&mut setup.limits);
        lab.hosts.push(Stack::new(setup));
        let victim = lab.hosts.len() - 1;
        lab.ethernet(&[(honest, "10.0.0.1"), (victim, "10.0.0.2")]);
        lab.settle();
        let asks = lab.udp(honest, "0.0.0.0:1000");
        let answers = lab.udp(victim, "0.0.0.0:7");
        let mut flooded = Self {
            lab,
            honest,
            victim,
            asks,
            answers,
        };
        flooded.serve();
        flooded
    }

    fn stack(&mut self) -> &mut Stack {
        &mut self.lab.hosts[self.victim]
    }

    /// The victim's link address.
    fn mac(&self) -> MacAddr {
        MacAddr([2, 0, 0, 0, u8::try_from(self.victim).unwrap(), 1])
    }

    /// An IP packet of the stranger.
    fn packet(&mut self, packet: &[u8]) {
        let frame = frames::frame(self.mac(), EtherType::IPV4, packet);
        self.frame(frame);
    }

    fn frame(&mut self, frame: PacketBuf) {
        let now = self.lab.now;
        self.stack().handle_frame(now, ETH, frame);
        self.stack().check().unwrap();
    }

    /// What the victim sends, which goes nowhere.
    fn sent(&mut self) -> Vec<PacketBuf> {
        let now = self.lab.now;
        let stack = &mut self.lab.hosts[self.victim];
        std::iter::from_fn(|| stack.poll_frame(now, ETH)).collect()
    }

    fn count(&self, id: EventId) -> u64 {
        self.lab.hosts[self.victim].events().count_of(id)
    }

    /// The honest host asks, and is answered: with a datagram in fragments, to use everything.
    fn serve(&mut self) {
        let question = vec![b'?'; 3000];
        let (honest, victim) = (self.honest, self.victim);
        self.lab
            .send(honest, self.asks, "10.0.0.2:7", &question)
            .unwrap();
        let (got, from) = self.lab.recv(victim, self.answers).unwrap();
        assert!(got == question);
        let to = from.to_string();
        self.lab.send(victim, self.answers, &to, &got).unwrap();
        assert!(self.lab.recv(honest, self.asks).unwrap().0 == question);
        self.stack().check().unwrap();
    }
}

fn number(from: u32, n: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(from + n)
}
