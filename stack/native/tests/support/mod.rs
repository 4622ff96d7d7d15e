//! Hosts on wires without delay, for tests of what crosses them.

#![allow(dead_code, reason = "each test binary uses a part")]

pub(crate) mod frames;

use fairway_native::{
    InterfaceAddress, InterfaceConfig, InterfaceId, PacketBuf, Setup, SocketId, Stack,
};
use fairway_wire::{Instant, MacAddr};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// An end of a wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) host: usize,
    pub(crate) interface: InterfaceId,
}

/// Hosts, and the segments that join them: what one end sends arrives at all the others of its segment.
pub(crate) struct Lab {
    pub(crate) hosts: Vec<Stack>,
    pub(crate) segments: Vec<Vec<End>>,
    pub(crate) now: Instant,
    /// Every frame that was carried: the segment, and the frame.
    pub(crate) carried: Vec<(usize, Vec<u8>)>,
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self {
            hosts: Vec::new(),
            segments: Vec::new(),
            now: Instant::from_nanos(1_000_000_000),
            carried: Vec::new(),
        }
    }

    /// A further host.
    pub(crate) fn host(&mut self, name: &str) -> usize {
        let mut seed = [0; 32];
        seed[0] = u8::try_from(self.hosts.len()).unwrap();
        self.hosts.push(Stack::new(Setup::new(name, seed)));
        self.hosts.len() - 1
    }

    /// A host that forwards.
    pub(crate) fn router(&mut self, name: &str) -> usize {
        let mut setup = Setup::new(name, [u8::try_from(self.hosts.len()).unwrap(); 32]);
        setup.config.ip.forwarding = true;
        self.hosts.push(Stack::new(setup));
        self.hosts.len() - 1
    }

    /// An Ethernet with these hosts on it, each by an interface of its own with that address in a /24.
    pub(crate) fn ethernet(&mut self, hosts: &[(usize, &str)]) -> usize {
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
    pub(crate) fn settle(&mut self) {
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
    pub(crate) fn pass(&mut self, span: Duration) {
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
    pub(crate) fn udp(&mut self, host: usize, name: &str) -> SocketId {
        let id = self.hosts[host].udp_socket().unwrap();
        self.hosts[host].bind(self.now, id, addr(name)).unwrap();
        id
    }

    /// Sends one datagram.
    pub(crate) fn send(
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
    pub(crate) fn recv(&mut self, host: usize, id: SocketId) -> Option<(Vec<u8>, SocketAddrV4)> {
        let mut buf = vec![0; 70_000];
        let (length, arrival) = self.hosts[host].recv_msg(id, &mut buf, false).ok()?;
        buf.truncate(length);
        Some((buf, arrival.peer))
    }
}

pub(crate) fn addr(name: &str) -> SocketAddrV4 {
    name.parse().unwrap()
}

pub(crate) fn ip(name: &str) -> Ipv4Addr {
    name.parse().unwrap()
}
