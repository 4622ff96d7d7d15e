//! A small internetwork that the fuzz functions play with, one step at a time:
//!
//! ```text
//!   a (10.0.1.1) ── Ethernet, 1500 ── (10.0.1.254) r (10.0.2.254) ── point to point, 600 ── (10.0.2.1) b
//! ```
//!
//! After every step each host that was touched is checked: nothing is inconsistent, no call did an unreasonable amount
//! of work, no counter went back, and time alone brings quiet.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use fairway_native::route::{Prefix, Route};
use fairway_native::{
    InterfaceAddress, InterfaceConfig, InterfaceId, Limits, PacketBuf, Setup, SocketId, Stack,
};
use fairway_wire::{Instant, MacAddr, ethernet};

/// Most events that one call may raise: what it may do is bounded, and every packet raises a few.
const MOST_EVENTS: u64 = 100_000;
/// Most frames on their way; more are lost.
const MOST_FRAMES: usize = 256;
/// Calls at one instant that bring no quiet.
const MOST_AT_ONCE: usize = 64;

/// One end of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) host: usize,
    pub(super) interface: InterfaceId,
}

/// A frame on its way.
pub(super) struct Flight {
    pub(super) from: End,
    pub(super) frame: PacketBuf,
}

/// The hosts, the wires between them, and what is on these.
pub(super) struct World {
    pub(super) hosts: Vec<Stack>,
    wires: Vec<[End; 2]>,
    /// The oldest first.
    pub(super) flight: VecDeque<Flight>,
    pub(super) now: Instant,
    /// Events that each host has raised.
    raised: Vec<u64>,
    /// Sockets by host, those that are closed included: names are used on.
    pub(super) sockets: Vec<(usize, SocketId)>,
}

/// Limits that an input can reach.
fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.tcp.endpoints = 32;
    limits.tcp.syn_cache = 8;
    limits.tcp.time_wait = 8;
    limits.tcp.out_of_order = 16;
    limits.route.routes = 32;
    limits.route.redirects = 4;
    limits.route.path_mtus = 4;
    limits.neighbours.entries = 8;
    limits.neighbours.waiting_octets = 32 << 10;
    limits.reassembly.memory = 64 << 10;
    limits.reassembly.memory_per_source = 32 << 10;
    limits.reassembly.datagrams = 8;
    limits.socket.sockets = 24;
    limits.socket.groups = 4;
    limits.socket.loopback = 64;
    limits.igmp.groups = 8;
    limits.igmp.sources = 4;
    limits.igmp.heard_groups = 8;
    limits.igmp.heard_sources = 4;
    limits.multicast.routes = 4;
    limits.multicast.unresolved = 4;
    limits.local.sockets = 16;
    limits.local.datagrams = 8;
    limits
}

/// A host that starts, or starts again.
pub(super) fn host(number: usize, incarnation: u32) -> Stack {
    let name = ["a", "r", "b"].get(number).copied().unwrap_or("x");
    let seed = u8::try_from(number * 31).unwrap_or(0) ^ incarnation.to_be_bytes()[3];
    let mut setup = Setup::new(name, [seed; 32]);
    setup.limits = limits();
    setup.incarnation = incarnation;
    setup.config.ip.forwarding = number == 1;
    setup.config.tcp.recv_buffer = 8 << 10;
    setup.config.tcp.recv_buffer_max = 32 << 10;
    setup.config.tcp.send_buffer = 8 << 10;
    setup.config.tcp.send_buffer_max = 32 << 10;
    setup.config.udp.recv_buffer = 8 << 10;
    Stack::new(setup)
}

/// The link address of a host on the Ethernet.
pub(super) fn mac(host: usize) -> MacAddr {
    MacAddr([2, 0, 0, 0, 0, u8::try_from(host).unwrap_or(9)])
}

const ETHERNET: InterfaceId = InterfaceId(2);

/// Gives a host its interfaces, addresses and routes.
fn wire_up(stack: &mut Stack, number: usize, now: Instant) {
    let ethernet =
        |stack: &mut Stack| stack.add_interface(InterfaceConfig::ethernet("eth0", mac(number)));
    let point = |stack: &mut Stack| stack.add_interface(InterfaceConfig::point("ppp0", 600));
    let give = |stack: &mut Stack, interface, address: [u8; 4]| {
        let own = InterfaceAddress::new(address.into(), 24);
        stack.add_address(now, interface, own).expect("an address");
    };
    let mut default = None;
    match number {
        0 => {
            let interface = ethernet(stack);
            give(stack, interface, [10, 0, 1, 1]);
            default = Some((interface, Ipv4Addr::new(10, 0, 1, 254)));
        }
        1 => {
            let interface = ethernet(stack);
            give(stack, interface, [10, 0, 1, 254]);
            let interface = point(stack);
            give(stack, interface, [10, 0, 2, 254]);
        }
        _ => {
            let interface = point(stack);
            give(stack, interface, [10, 0, 2, 1]);
            default = Some((interface, Ipv4Addr::new(10, 0, 2, 254)));
        }
    }
    if let Some((interface, gateway)) = default {
        let route = Route::new(Prefix::DEFAULT, Some(gateway), interface);
        stack.add_route(now, route).expect("a route");
    }
}

impl World {
    pub(super) fn new() -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let mut hosts: Vec<Stack> = (0..3).map(|number| host(number, 0)).collect();
        for (number, stack) in hosts.iter_mut().enumerate() {
            wire_up(stack, number, now);
        }
        let end = |host, interface| End {
            host,
            interface: InterfaceId(interface),
        };
        let mut world = Self {
            hosts,
            wires: vec![[end(0, 2), end(1, 2)], [end(1, 3), end(2, 2)]],
            flight: VecDeque::new(),
            now,
            raised: vec![0; 3],
            sockets: Vec::new(),
        };
        for number in 0..3 {
            world.step(number, |_, _| ());
        }
        world.run(64);
        world
    }

    /// Makes one call on a host, looks whether it is all right after it, and takes its frames onto the wires.
    pub(super) fn step<R>(
        &mut self,
        number: usize,
        call: impl FnOnce(&mut Stack, Instant) -> R,
    ) -> R {
        let now = self.now;
        let stack = &mut self.hosts[number];
        let result = call(stack, now);
        let mut woken = Vec::new();
        stack.take_wakers(&mut woken);
        if let Err(wrong) = stack.check() {
            panic!("host {}: {wrong}", stack.name());
        }
        let raised: u64 = stack.events().counts().map(|(_, count)| count).sum();
        let before = std::mem::replace(&mut self.raised[number], raised);
        assert!(before <= raised, "counters went back");
        assert!(
            raised - before <= MOST_EVENTS,
            "host {}: {} events of one call",
            stack.name(),
            raised - before
        );
        let mut sent = false;
        while let Some(interface) = stack.output_pending() {
            sent = true;
            while let Some(frame) = stack.poll_frame(now, interface) {
                let from = End {
                    host: number,
                    interface,
                };
                if self.flight.len() < MOST_FRAMES {
                    self.flight.push_back(Flight { from, frame });
                }
            }
        }
        if sent && let Err(wrong) = stack.check() {
            panic!("host {} after output: {wrong}", stack.name());
        }
        result
    }

    /// Ends a host and starts it again.
    pub(super) fn restart(&mut self, number: usize, incarnation: u32) {
        let now = self.now;
        let stack = &mut self.hosts[number];
        stack.crash();
        *stack = host(number, incarnation);
        wire_up(stack, number, now);
        self.raised[number] = 0;
        self.step(number, |_, _| ());
    }

    /// The frame at that place on the wires, from the oldest on.
    pub(super) fn pick(&mut self, place: u8) -> Option<Flight> {
        let count = self.flight.len();
        if count == 0 {
            return None;
        }
        self.flight.remove(usize::from(place) % count)
    }

    /// Lets a frame arrive at the other end of its wire.
    pub(super) fn deliver(&mut self, flight: Flight) {
        let ends = self.wires.iter().flatten();
        let Some(at) = ends.clone().position(|end| *end == flight.from) else {
            return; // Of an interface that is on no wire.
        };
        let Some(&to) = ends.clone().nth(at ^ 1) else {
            return;
        };
        self.step(to.host, |stack, now| {
            stack.handle_frame(now, to.interface, flight.frame);
        });
    }

    /// Lets frames arrive in order until there are none, or `most` have.
    pub(super) fn run(&mut self, most: usize) {
        for _ in 0..most {
            let Some(flight) = self.flight.pop_front() else {
                return;
            };
            self.deliver(flight);
        }
    }

    /// Lets time pass, with what falls due in it, and frames arriving at once if `carry`.
    pub(super) fn pass(&mut self, span: Duration, carry: bool) {
        let end = self.now + span;
        let mut at_once = 0;
        for _ in 0..1024 {
            if carry {
                self.run(MOST_FRAMES);
            }
            let next = self.hosts.iter().filter_map(Stack::poll_timeout).min();
            let Some(next) = next.filter(|at| *at <= end) else {
                break;
            };
            if next > self.now {
                self.now = next;
                at_once = 0;
            }
            at_once += 1;
            assert!(at_once <= MOST_AT_ONCE, "never quiet");
            for number in 0..self.hosts.len() {
                let due = self.hosts[number].poll_timeout();
                if due.is_some_and(|at| at <= self.now) {
                    self.step(number, |stack, now| stack.handle_timeout(now));
                }
            }
        }
        self.now = self.now.max(end);
    }

    /// Does what a host left over, if anything.
    pub(super) fn settle(&mut self) {
        self.pass(Duration::ZERO, false);
    }

    /// A socket of those there are.
    pub(super) fn socket(&self, which: u8) -> Option<(usize, SocketId)> {
        let count = self.sockets.len();
        (count > 0).then(|| self.sockets[usize::from(which) % count])
    }

    /// Remembers a socket.
    pub(super) fn keep(&mut self, host: usize, id: SocketId) {
        self.sockets.push((host, id));
    }

    /// Octets of link header in front of the packets of an interface.
    pub(super) fn link_header(from: End) -> usize {
        if from.interface == ETHERNET && from.host != 2 {
            ethernet::Header::LEN
        } else {
            0
        }
    }
}

/// A name.
pub(super) const fn name(address: [u8; 4], port: u16) -> SocketAddrV4 {
    let [a, b, c, d] = address;
    SocketAddrV4::new(Ipv4Addr::new(a, b, c, d), port)
}
