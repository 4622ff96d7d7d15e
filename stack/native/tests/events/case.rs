//! A host, and what its events are asked of.

use crate::support::frames::{self};
use crate::support::{Lab, ip};
use fairway_native::event::Class;
use fairway_native::ip::multicast::Command;
use fairway_native::stack::{Answer, Control};
use fairway_native::{Errno, InterfaceId, SocketId, Stack};
use fairway_wire::{EtherType, MacAddr, Protocol};

/// The first Ethernet of a host.
pub(crate) const ETH: InterfaceId = InterfaceId(2);
/// The host that the events are of.
pub(crate) const HOST: usize = 0;

/// A host, its neighbour, and what the host's events are asked of.
pub(crate) struct Case {
    pub(crate) lab: Lab,
}

impl Case {
    pub(crate) fn new() -> Self {
        let mut lab = Lab::new();
        let (host, other) = (lab.host("host"), lab.host("other"));
        lab.ethernet(&[(host, "10.0.0.1"), (other, "10.0.0.2")]);
        lab.settle();
        lab.hosts[HOST].events_mut().start(256, false);
        Self { lab }
    }

    pub(crate) fn host(&mut self) -> &mut Stack {
        &mut self.lab.hosts[HOST]
    }

    pub(crate) fn own_mac(&self) -> MacAddr {
        MacAddr([2, 0, 0, 0, 0, 1])
    }

    /// An IP packet comes from the stranger.
    pub(crate) fn packet(&mut self, packet: &[u8]) {
        let now = self.lab.now;
        let frame = frames::frame(self.own_mac(), EtherType::IPV4, packet);
        self.host().handle_frame(now, ETH, frame);
        self.lab.settle();
    }

    /// A packet of `payload`, after `spoil` was at it and its header checksum was made right again.
    pub(crate) fn spoiled(
        &mut self,
        protocol: Protocol,
        payload: &[u8],
        spoil: impl FnOnce(&mut Vec<u8>),
    ) {
        let header = frames::header(ip("10.0.0.9"), ip("10.0.0.1"), protocol);
        let mut packet = frames::packet(header, &[], payload);
        spoil(&mut packet);
        self.packet(&packet);
    }

    pub(crate) fn udp(&mut self) -> SocketId {
        self.lab.udp(HOST, "0.0.0.0:1000")
    }

    /// Sends to `to`; gives what that came to.
    pub(crate) fn send(&mut self, to: &str, len: usize) -> Result<(), Errno> {
        let id = self.udp();
        self.lab.send(HOST, id, to, &vec![0; len]).map(drop)
    }

    pub(crate) fn control(&mut self, interface: &str, control: Control) -> Result<Answer, Errno> {
        let now = self.lab.now;
        let id = self.host().udp_socket().unwrap();
        self.host().control(now, id, interface, &control)
    }

    pub(crate) fn router(&mut self) {
        let now = self.lab.now;
        self.host()
            .set_parameter(now, "net.inet.ip.forwarding", 1)
            .unwrap();
    }

    pub(crate) fn command(&mut self, command: Command) -> Result<(), Errno> {
        let now = self.lab.now;
        self.host().multicast_command(now, command)
    }

    pub(crate) fn init(&mut self) {
        self.command(Command::Init).unwrap();
    }

    pub(crate) fn vif(&mut self, index: u8, address: &str, tunnel: bool) -> Result<(), Errno> {
        let address = ip(address);
        self.command(Command::AddVif {
            index,
            address,
            threshold: 1,
            tunnel,
        })
    }
}

/// What raises an event, and gives what the caller got, if there is one.
pub(crate) type Stimulus = fn(&mut Case) -> Result<(), Errno>;

/// Name, level, class, error, and what raises it.
pub(crate) type Line = (&'static str, u8, Class, Option<Errno>, Stimulus);

/// A packet from elsewhere for elsewhere.
pub(crate) fn passing(to: &str) -> Vec<u8> {
    let header = frames::header(ip("10.0.0.9"), ip(to), Protocol::UDP);
    frames::packet(header, &[], &[0; 8])
}

pub(crate) const CORE: Class = Class::Core;
pub(crate) const AUX: Class = Class::Aux;
