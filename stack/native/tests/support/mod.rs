//! Hosts on wires without delay, for tests of what crosses them.

#![allow(dead_code, reason = "each test binary uses a part")]

use fairway_native::{
    InterfaceAddress, InterfaceConfig, InterfaceId, PacketBuf, Setup, SocketId, Stack,
};
use fairway_wire::{Instant, MacAddr};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// An end of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    pub host: usize,
    pub interface: InterfaceId,
}

/// Hosts, and the segments that join them: what one end sends arrives at all the others of its segment.
pub struct Lab {
    pub hosts: Vec<Stack>,
    pub segments: Vec<Vec<End>>,
    pub now: Instant,
    /// Every frame that was carried: the segment, and the frame.
    pub carried: Vec<(usize, Vec<u8>)>,
}

impl Lab {
    pub fn new() -> Self {
        Self {
            hosts: Vec::new(),
            segments: Vec::new(),
            now: Instant::from_nanos(1_000_000_000),
            carried: Vec::new(),
        }
    }

    /// A further host.
    pub fn host(&mut self, name: &str) -> usize {
        let mut seed = [0; 32];
        seed[0] = u8::try_from(self.hosts.len()).unwrap();
        self.hosts.push(Stack::new(Setup::new(name, seed)));
        self.hosts.len() - 1
    }

    /// A host that forwards.
    pub fn router(&mut self, name: &str) -> usize {
        let mut setup = Setup::new(name, [u8::try_from(self.hosts.len()).unwrap(); 32]);
        setup.config.ip.forwarding = true;
        self.hosts.push(Stack::new(setup));
        self.hosts.len() - 1
    }

    /// An Ethernet with these hosts on it, each by an interface of its own with that address in a /24.
    pub fn ethernet(&mut self, hosts: &[(usize, &str)]) -> usize {
        let mut ends = Vec::new();
        for &(host, address) in hosts {
            let number = u8::try_from(self.hosts[host].interfaces().len()).unwrap();
            let mac = MacAddr([2, 0, 0, 0, u8::try_from(host).unwrap(), number]);
            let config = InterfaceConfig::ethernet(&format!("eth{}", number - 1), mac);
            let interface = self.hosts[host].add_interface(config);
            let own = InterfaceAddress::new(address.parse().unwrap(), 24);
            self.hosts[host]
                .add_address(self.now, interface, own)
                .unwrap();
            ends.push(End { host, interface });
        }
        self.segments.push(ends);
        self.segments.len() - 1
    }

    /// Where that end is.
    fn segment_of(&self, end: End) -> Option<usize> {
        self.segments.iter().position(|ends| ends.contains(&end))
    }

    /// Carries frames until no host has any to send.
    pub fn settle(&mut self) {
        loop {
            let mut busy = false;
            for host in 0..self.hosts.len() {
                while let Some(interface) = self.hosts[host].output_pending() {
                    busy = true;
                    while let Some(frame) = self.hosts[host].poll_frame(self.now, interface) {
                        self.carry(End { host, interface }, &frame);
                    }
                }
            }
            if !busy {
                return;
            }
        }
    }

    fn carry(&mut self, from: End, frame: &PacketBuf) {
        let Some(segment) = self.segment_of(from) else {
            return;
        };
        self.carried.push((segment, frame.as_slice().to_vec()));
        for end in self.segments[segment].clone() {
            if end != from {
                self.hosts[end.host].handle_frame(self.now, end.interface, frame.clone());
            }
        }
    }

    /// Lets `span` pass, with whatever happens in it.
    pub fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        self.settle();
        loop {
            let next = self.hosts.iter().filter_map(Stack::poll_timeout).min();
            match next.filter(|at| *at <= end) {
                Some(at) => {
                    self.now = self.now.max(at);
                    for host in &mut self.hosts {
                        host.handle_timeout(self.now);
                    }
                    self.settle();
                }
                None => break,
            }
        }
        self.now = end;
    }

    /// A UDP socket of that host with that name.
    pub fn udp(&mut self, host: usize, name: &str) -> SocketId {
        let id = self.hosts[host].udp_socket().unwrap();
        self.hosts[host].bind(self.now, id, addr(name)).unwrap();
        id
    }

    /// Sends one datagram.
    pub fn send(
        &mut self,
        host: usize,
        id: SocketId,
        to: &str,
        octets: &[u8],
    ) -> Result<usize, fairway_native::Errno> {
        let departure = fairway_native::Departure {
            peer: Some(addr(to)),
            ..Default::default()
        };
        let sent =
            self.hosts[host].send_msg(self.now, id, &[std::io::IoSlice::new(octets)], &departure);
        self.settle();
        sent
    }

    /// What has arrived at that socket: octets, and who sent them.
    pub fn recv(&mut self, host: usize, id: SocketId) -> Option<(Vec<u8>, SocketAddrV4)> {
        let mut buf = vec![0; 70_000];
        let (length, arrival) = self.hosts[host].recv_msg(id, &mut buf, false).ok()?;
        buf.truncate(length);
        Some((buf, arrival.peer))
    }
}

pub fn addr(name: &str) -> SocketAddrV4 {
    name.parse().unwrap()
}

pub fn ip(name: &str) -> Ipv4Addr {
    name.parse().unwrap()
}
