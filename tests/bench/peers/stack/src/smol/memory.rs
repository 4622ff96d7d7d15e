//! Two interfaces joined in memory, on one thread, frame buffers recycled, no clock read while measuring.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use smoltcp::iface::SocketHandle;
use smoltcp::phy::{ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::udp;
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpEndpoint, Ipv4Address};

use super::Host;
use crate::measure::{Timer, much, put};

/// Frames on their way, by the side that receives them, and buffers for new ones.
#[derive(Default)]
struct Cable {
    queues: [VecDeque<Vec<u8>>; 2],
    spare: Vec<Vec<u8>>,
    frames: u64,
}

struct End {
    cable: Rc<RefCell<Cable>>,
    side: usize,
    kind: Kind,
}

#[derive(Clone, Copy)]
struct Kind {
    mtu: usize,
    medium: Medium,
    checksums: bool,
}

struct Received(Vec<u8>, Rc<RefCell<Cable>>);
struct Sender(Rc<RefCell<Cable>>, usize);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let result = f(&self.0);
        self.1.borrow_mut().spare.push(self.0);
        result
    }
}

impl TxToken for Sender {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = self.0.borrow_mut().spare.pop().unwrap_or_default();
        frame.resize(len, 0);
        let result = f(&mut frame);
        let mut cable = self.0.borrow_mut();
        cable.frames += 1;
        cable.queues[self.1 ^ 1].push_back(frame);
        result
    }
}

impl Device for End {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sender;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sender)> {
        let frame = self.cable.borrow_mut().queues[self.side].pop_front()?;
        Some((Received(frame, self.cable.clone()), Sender(self.cable.clone(), self.side)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sender> {
        let room = self.cable.borrow().queues[self.side ^ 1].len() < 1024;
        room.then(|| Sender(self.cable.clone(), self.side))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.kind.medium;
        capabilities.max_transmission_unit = self.kind.mtu + if self.kind.medium == Medium::Ethernet { 14 } else { 0 };
        if !self.kind.checksums {
            capabilities.checksum = ChecksumCapabilities::ignored();
        }
        capabilities
    }
}

/// Virtual time, a microsecond a step.
struct Time(i64);

impl Time {
    fn step(&mut self) -> Instant {
        self.0 += 1;
        Instant::from_micros(self.0)
    }
}

struct Pair {
    a: Host<End>,
    b: Host<End>,
    cable: Rc<RefCell<Cable>>,
    time: Time,
}

fn server(port: u16) -> IpEndpoint {
    IpEndpoint::new(IpAddress::Ipv4(Ipv4Address::new(10, 77, 0, 2)), port)
}

impl Pair {
    fn new(kind: Kind) -> Self {
        let cable = Rc::new(RefCell::new(Cable::default()));
        let end = |side| End { cable: cable.clone(), side, kind };
        let now = Instant::from_millis(0);
        Self { a: Host::new(end(0), 1, now), b: Host::new(end(1), 2, now), cable, time: Time(0) }
    }

    fn step_a(&mut self) {
        self.a.poll(self.time.step());
    }

    fn step_b(&mut self) {
        self.b.poll(self.time.step());
    }

    fn open(&mut self, port: u16, from: u16, buffer: usize) -> (SocketHandle, SocketHandle) {
        let at_b = self.b.stream(buffer, buffer);
        self.b.tcp(at_b).listen(port).unwrap();
        let at_a = self.a.stream(buffer, buffer);
        let Host { interface, sockets, .. } = &mut self.a;
        sockets.get_mut::<smoltcp::socket::tcp::Socket>(at_a).connect(interface.context(), server(port), from).unwrap();
        (at_a, at_b)
    }

    fn settle(&mut self, pairs: &[(SocketHandle, SocketHandle)]) {
        for _ in 0..2000 {
            self.step_a();
            self.step_b();
            self.time.0 += 1000;
            if pairs.iter().all(|(a, b)| self.a.tcp(*a).may_send() && self.b.tcp(*b).may_send()) {
                return;
            }
        }
        panic!("no connection");
    }

    fn connect(&mut self, buffer: usize) -> (SocketHandle, SocketHandle) {
        let pair = self.open(80, 40_000, buffer);
        self.settle(&[pair]);
        pair
    }

    /// Idle established connections before the measured one in both sets of sockets.
    fn idle(&mut self, many: u16) {
        let pairs: Vec<_> = (0..many).map(|i| self.open(1000 + i, 20_000 + i, 64)).collect();
        if many > 0 {
            self.settle(&pairs);
        }
    }
}

/// Gbit per CPU second, and frames.
fn bulk(kind: Kind, buffer: usize, total: usize, idle: u16) -> (f64, f64) {
    let mut pair = Pair::new(kind);
    pair.idle(idle);
    let (at_a, at_b) = pair.connect(buffer);
    let source = vec![7u8; 65_536];
    let mut sink = vec![0u8; 65_536];
    let (mut sent, mut got) = (0, 0);
    let before = pair.cable.borrow().frames;
    let timer = Timer::start();
    while got < total {
        let socket = pair.a.tcp(at_a);
        while sent < total && socket.can_send() {
            sent += socket.send_slice(&source[..source.len().min(total - sent)]).unwrap();
        }
        pair.step_a();
        pair.step_b();
        let socket = pair.b.tcp(at_b);
        while socket.can_recv() {
            got += socket.recv_slice(&mut sink).unwrap();
        }
        pair.step_b();
    }
    let cpu = timer.cpu();
    let frames = pair.cable.borrow().frames - before;
    (got as f64 * 8.0 / cpu / 1e9, frames as f64 / cpu)
}

/// Round trips of 64 octets per CPU second.
fn stream_exchanges(kind: Kind, times: usize, idle: u16) -> f64 {
    let mut pair = Pair::new(kind);
    pair.idle(idle);
    let (at_a, at_b) = pair.connect(8192);
    let mut buffer = [1u8; 64];
    let timer = Timer::start();
    for _ in 0..times {
        pair.a.tcp(at_a).send_slice(&buffer).unwrap();
        pair.step_a();
        pair.step_b();
        let socket = pair.b.tcp(at_b);
        assert_eq!(socket.recv_slice(&mut buffer).unwrap(), 64);
        socket.send_slice(&buffer).unwrap();
        pair.step_b();
        pair.step_a();
        assert_eq!(pair.a.tcp(at_a).recv_slice(&mut buffer).unwrap(), 64);
    }
    times as f64 / timer.cpu()
}

fn datagram_exchanges(kind: Kind, times: usize) -> f64 {
    let mut pair = Pair::new(kind);
    let socket = || {
        let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 16], vec![0; 32_768]);
        udp::Socket::new(buffer(), buffer())
    };
    let at_a = pair.a.sockets.add(socket());
    let at_b = pair.b.sockets.add(socket());
    pair.a.sockets.get_mut::<udp::Socket>(at_a).bind(4000).unwrap();
    pair.b.sockets.get_mut::<udp::Socket>(at_b).bind(4001).unwrap();
    let buffer = [1u8; 64];
    // The neighbours learn each other first.
    pair.a.sockets.get_mut::<udp::Socket>(at_a).send_slice(&buffer, server(4001)).unwrap();
    for _ in 0..10 {
        pair.time.0 += 1_000_000;
        pair.step_a();
        pair.step_b();
    }
    pair.b.sockets.get_mut::<udp::Socket>(at_b).recv().unwrap();
    let timer = Timer::start();
    for _ in 0..times {
        pair.a.sockets.get_mut::<udp::Socket>(at_a).send_slice(&buffer, server(4001)).unwrap();
        pair.step_a();
        pair.step_b();
        let socket = pair.b.sockets.get_mut::<udp::Socket>(at_b);
        let (len, from) = socket.recv().map(|(data, meta)| (data.len(), meta.endpoint)).unwrap();
        socket.send_slice(&buffer[..len], from).unwrap();
        pair.step_b();
        pair.step_a();
        pair.a.sockets.get_mut::<udp::Socket>(at_a).recv().unwrap();
    }
    times as f64 / timer.cpu()
}

const ETHERNET: Kind = Kind { mtu: 1500, medium: Medium::Ethernet, checksums: true };

pub fn all() {
    let large = Kind { mtu: 65_535, medium: Medium::Ip, checksums: true };
    for (name, kind) in [
        ("eth1500.sums", ETHERNET),
        ("eth1500.trusted", Kind { checksums: false, ..ETHERNET }),
        ("ip65535.sums", large),
        ("ip65535.trusted", Kind { checksums: false, ..large }),
    ] {
        // The better of two sizes of the sockets' buffers.
        let total = much(if kind.mtu > 9000 { 2 << 30 } else { 512 << 20 });
        let (small, wide) = (bulk(kind, 65_535, total, 0), bulk(kind, 1 << 20, total, 0));
        let best = if small.0 > wide.0 { small } else { wide };
        put(&format!("smol.{name}.bulk"), best.0, "Gbit/s_cpu");
        put(&format!("smol.{name}.frames"), best.1, "frame/s_cpu");
    }
    put("smol.eth1500.sums.stream", stream_exchanges(ETHERNET, much(300_000), 0), "rtt/s_cpu");
    put("smol.eth1500.sums.datagram", datagram_exchanges(ETHERNET, much(300_000)), "rtt/s_cpu");
}

pub fn beside_idle(many: u16) {
    let total = if many >= 10_000 { 8 << 20 } else { 64 << 20 };
    let times = if many >= 10_000 { 1000 } else { 10_000 };
    put(&format!("smol.idle{many}.bulk"), bulk(ETHERNET, 65_535, much(total), many).0, "Gbit/s_cpu");
    put(&format!("smol.idle{many}.stream"), stream_exchanges(ETHERNET, much(times), many), "rtt/s_cpu");
}
