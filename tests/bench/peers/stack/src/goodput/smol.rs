//! smoltcp at both ends, in virtual time.

use std::collections::VecDeque;

use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::tcp;
use smoltcp::time::Instant;
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use super::path::{Direction, PATHS, Path};
use crate::measure::{median, much, put};

#[derive(Default)]
struct Queues {
    arrived: VecDeque<Vec<u8>>,
    sent: Vec<Vec<u8>>,
}

struct Arrived(Vec<u8>);
struct Sender<'a>(&'a mut Vec<Vec<u8>>);

impl RxToken for Arrived {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

impl TxToken for Sender<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut packet = vec![0; len];
        let result = f(&mut packet);
        self.0.push(packet);
        result
    }
}

impl Device for Queues {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Arrived, Sender<'_>)> {
        let packet = self.arrived.pop_front()?;
        Some((Arrived(packet), Sender(&mut self.sent)))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sender<'_>> {
        Some(Sender(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

struct End {
    device: Queues,
    interface: Interface,
    sockets: SocketSet<'static>,
    handle: SocketHandle,
}

impl End {
    fn new(n: u8, seed: u64) -> Self {
        let mut device = Queues::default();
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = seed + u64::from(n);
        let mut interface = Interface::new(config, &mut device, Instant::ZERO);
        interface.update_ip_addrs(|all| all.push(IpCidr::new(IpAddress::v4(10, 79, 0, n), 24)).unwrap());
        let buffer = || tcp::SocketBuffer::new(vec![0; 1 << 20]);
        let mut socket = tcp::Socket::new(buffer(), buffer());
        socket.set_nagle_enabled(false);
        socket.set_congestion_control(tcp::CongestionControl::Cubic);
        let mut sockets = SocketSet::new(vec![]);
        let handle = sockets.add(socket);
        Self { device, interface, sockets, handle }
    }

    fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(self.handle)
    }

    fn poll(&mut self, now: i64) {
        self.interface.poll(Instant::from_micros(now), &mut self.device, &mut self.sockets);
    }

    fn next(&mut self, now: i64) -> Option<i64> {
        self.interface.poll_at(Instant::from_micros(now), &self.sockets).map(|at| at.total_micros())
    }
}

fn run(path: Path, seconds: i64, seed: u64) -> f64 {
    let (mut a, mut b) = (End::new(1, seed), End::new(2, seed));
    b.socket().listen(80).unwrap();
    let context = a.interface.context();
    a.sockets.get_mut::<tcp::Socket>(a.handle).connect(context, (IpAddress::v4(10, 79, 0, 2), 80), 4000u16).unwrap();
    let (mut there, mut back) = (Direction::new(path, seed), Direction::new(path.back(), seed + 7));
    let source = vec![1u8; 65_536];
    let mut sink = vec![0u8; 65_536];
    let (mut now, mut got) = (0i64, 0usize);
    while now < seconds * 1_000_000 {
        while let Some(packet) = there.pop(now) {
            b.device.arrived.push_back(packet);
        }
        while let Some(packet) = back.pop(now) {
            a.device.arrived.push_back(packet);
        }
        while a.socket().can_send() {
            a.socket().send_slice(&source).unwrap();
        }
        a.poll(now);
        b.poll(now);
        while b.socket().can_recv() {
            got += b.socket().recv_slice(&mut sink).unwrap();
        }
        b.poll(now);
        for packet in a.device.sent.drain(..) {
            there.push(now, packet);
        }
        for packet in b.device.sent.drain(..) {
            back.push(now, packet);
        }
        let next = [there.next(), back.next(), a.next(now), b.next(now)].into_iter().flatten().min();
        now = next.unwrap_or(i64::MAX).clamp(now + 1, now + 1_000_000);
    }
    got as f64 * 8.0 / seconds as f64 / 1e6
}

pub fn all() {
    let seeds = much(90).clamp(3, 9) as u64;
    for path in PATHS {
        let mut rates: Vec<f64> = (0..seeds).map(|seed| run(path, 10, 11 + seed)).collect();
        put(&format!("smol.goodput.{}", path.name), median(&mut rates), "Mbit/s");
    }
}
