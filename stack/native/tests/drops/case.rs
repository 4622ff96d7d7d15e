//! A host with two Ethernets, a peer on each, and a stranger who sends what nobody should.

use crate::support::frames::{self, STRANGER};
use crate::support::{Lab, addr, ip};
use fairway_native::route::{Prefix, Route};
use fairway_native::tcp::SendFlags;
use fairway_native::{Errno, InterfaceId, Limits, PacketBuf, Setup, SocketId, Stack};
use fairway_wire::tcp::{Flags, Header};
use fairway_wire::{EtherType, MacAddr, Protocol, SeqNumber, ipv4};
use std::io::IoSlice;
use std::net::Ipv4Addr;

/// The host that drops.
pub(crate) const HOST: usize = 0;
/// Its Ethernets, 10.0.0.1/24 and 10.0.1.1/24.
pub(crate) const ETH: InterfaceId = InterfaceId(2);
pub(crate) const FAR: InterfaceId = InterfaceId(3);
/// Its link address on the first.
pub(crate) const OWN: MacAddr = MacAddr([2, 0, 0, 0, 0, 1]);

pub(crate) struct Case {
    pub(crate) lab: Lab,
    /// What the stranger's connection has sent, and what it has heard.
    pub(crate) seq: SeqNumber,
    pub(crate) ack: SeqNumber,
    /// The ports of the stranger and of the host.
    pub(crate) ports: (u16, u16),
}

impl Case {
    pub(crate) fn new() -> Self {
        let mut case = Self {
            lab: Lab::new(),
            seq: SeqNumber(1000),
            ack: SeqNumber(0),
            ports: (5000, 80),
        };
        case.again(|_| {});
        case
    }

    /// Another host in its place.
    pub(crate) fn again(&mut self, change: impl FnOnce(&mut Setup)) {
        let mut lab = Lab::new();
        let mut setup = Setup::new("host", [5; 32]);
        change(&mut setup);
        lab.hosts.push(Stack::new(setup));
        let (near, far) = (lab.host("near"), lab.host("far"));
        lab.ethernet(&[(HOST, "10.0.0.1"), (near, "10.0.0.2")]);
        lab.ethernet(&[(HOST, "10.0.1.1"), (far, "10.0.1.2")]);
        lab.settle();
        let now = lab.now;
        let stranger = lab.hosts[HOST].set_neighbor(now, ETH, ip("10.0.0.9"), STRANGER);
        stranger.unwrap();
        lab.hosts[HOST].events_mut().start(1 << 14, false);
        lab.hosts[HOST].events_mut().clear_counters();
        self.lab = lab;
    }

    pub(crate) fn limited(&mut self, change: impl FnOnce(&mut Limits)) {
        self.again(|setup| change(&mut setup.limits));
    }

    pub(crate) fn router(&mut self) {
        self.again(|setup| setup.config.ip.forwarding = true);
    }

    pub(crate) fn host(&mut self) -> &mut Stack {
        &mut self.lab.hosts[HOST]
    }

    pub(crate) fn frame(&mut self, ether_type: EtherType, octets: &[u8]) {
        self.frame_to(OWN, ether_type, octets);
    }

    pub(crate) fn frame_to(&mut self, to: MacAddr, ether_type: EtherType, octets: &[u8]) {
        let now = self.lab.now;
        let frame = frames::frame(to, ether_type, octets);
        self.host().handle_frame(now, ETH, frame);
        self.lab.settle();
    }

    /// A packet comes from the stranger.
    pub(crate) fn packet(&mut self, packet: &[u8]) {
        self.frame(EtherType::IPV4, packet);
    }

    /// A packet from 10.0.0.9 with this payload.
    pub(crate) fn payload(&mut self, protocol: Protocol, payload: &[u8]) {
        let header = frames::header(ip("10.0.0.9"), ip("10.0.0.1"), protocol);
        self.packet(&frames::packet(header, &[], payload));
    }

    /// A packet of UDP from 10.0.0.9 that `spoil` was at.
    pub(crate) fn spoiled(&mut self, spoil: impl FnOnce(&mut Vec<u8>)) {
        let header = frames::header(ip("10.0.0.9"), ip("10.0.0.1"), Protocol::UDP);
        let mut packet = frames::packet(header, &[], &[0; 8]);
        spoil(&mut packet);
        self.packet(&packet);
    }

    /// A packet from 10.0.0.9 to somebody else.
    pub(crate) fn passing(&mut self, to: &str, change: impl FnOnce(&mut ipv4::Header), len: usize) {
        let mut header = frames::header(ip("10.0.0.9"), ip(to), Protocol::UDP);
        change(&mut header);
        self.packet(&frames::packet(header, &[], &vec![0; len]));
    }

    pub(crate) fn route(&mut self, change: impl FnOnce(&mut Route)) {
        let now = self.lab.now;
        let network = Prefix::new(ip("172.16.0.0"), 12).unwrap();
        let mut route = Route::new(network, Some(ip("10.0.1.2")), FAR);
        change(&mut route);
        self.host().add_route(now, route).unwrap();
    }

    pub(crate) fn udp(&mut self) -> SocketId {
        self.lab.udp(HOST, "0.0.0.0:1000")
    }

    /// Sends a datagram of that length.
    pub(crate) fn send(&mut self, to: &str, len: usize) -> Result<(), Errno> {
        let id = self.udp();
        self.send_by(id, to, len)
    }

    pub(crate) fn send_by(&mut self, id: SocketId, to: &str, len: usize) -> Result<(), Errno> {
        self.lab.send(HOST, id, to, &vec![0; len]).map(drop)
    }

    /// The peer's link address is asked for and known.
    pub(crate) fn acquaint(&mut self) -> SocketId {
        let id = self.udp();
        self.send_by(id, "10.0.0.2:7", 1).unwrap();
        let _ = self.send_by(id, "10.0.0.2:7", 1);
        id
    }

    // Segments between the stranger, 10.0.0.9, and the host.

    pub(crate) fn segment_as(
        &mut self,
        flags: Flags,
        seq: SeqNumber,
        ack: SeqNumber,
        options: &[u8],
        data: &[u8],
    ) {
        let header = Header {
            source_port: self.ports.0,
            destination_port: self.ports.1,
            seq,
            ack,
            header_len: 20,
            flags,
            window: 65_535,
            checksum: 0,
            urgent: 0,
        };
        let packet = frames::tcp(ip("10.0.0.9"), ip("10.0.0.1"), header, options, data);
        self.packet(&packet);
    }

    /// A segment of the stranger's connection, `ahead` octets beyond what it has sent.
    pub(crate) fn segment(&mut self, flags: Flags, ahead: i32, data: &[u8]) {
        let seq = SeqNumber(self.seq.0.wrapping_add_signed(ahead));
        let ack = self.ack;
        self.segment_as(flags, seq, ack, &[], data);
    }

    /// The stranger takes nothing more.
    pub(crate) fn close_window(&mut self) {
        let header = Header {
            source_port: self.ports.0,
            destination_port: self.ports.1,
            seq: self.seq,
            ack: self.ack,
            header_len: 20,
            flags: Flags::ACK,
            window: 0,
            checksum: 0,
            urgent: 0,
        };
        let packet = frames::tcp(ip("10.0.0.9"), ip("10.0.0.1"), header, &[], b"");
        self.packet(&packet);
    }

    pub(crate) fn listen(&mut self, backlog: u32) -> SocketId {
        let now = self.lab.now;
        let listener = self.host().tcp_socket(now).unwrap();
        self.host()
            .bind(now, listener, addr("10.0.0.1:80"))
            .unwrap();
        self.host().listen(now, listener, backlog).unwrap();
        listener
    }

    /// A SYN of the stranger, and what the host answered is noted.
    pub(crate) fn syn(&mut self, options: &[u8]) {
        let seq = self.seq;
        self.segment_as(Flags::SYN, seq, SeqNumber(0), options, b"");
        self.seq += 1_u32;
        self.ack = self.heard().seq + 1_u32;
    }

    /// The last segment that the host has sent to the stranger.
    pub(crate) fn heard(&self) -> Header {
        let segments = self.lab.carried.iter().rev();
        let mut segments = segments.filter_map(|(_, frame)| {
            let (ip, _, payload) = ipv4::Header::parse(frame.get(14..)?).ok()?;
            let ours = ip.source == Ipv4Addr::new(10, 0, 0, 1) && ip.protocol == Protocol::TCP;
            ours.then(|| Header::parse(payload).ok()).flatten()
        });
        segments.next().unwrap().0
    }

    /// The stranger connects, and is accepted.
    pub(crate) fn accepted(&mut self) -> SocketId {
        let listener = self.listen(5);
        self.syn(&[]);
        self.segment(Flags::ACK, 0, b"");
        let now = self.lab.now;
        self.host().accept(now, listener).unwrap().0
    }

    /// The host begins to connect to the stranger.
    pub(crate) fn connecting(&mut self) -> SocketId {
        let now = self.lab.now;
        let id = self.host().tcp_socket(now).unwrap();
        let begun = self.host().connect(now, id, addr("10.0.0.9:5000"));
        assert_eq!(begun, Err(Errno::InProgress));
        self.lab.settle();
        let syn = self.heard();
        self.ports.1 = syn.source_port;
        self.ack = syn.seq + 1_u32;
        id
    }

    pub(crate) fn tcp_send(&mut self, id: SocketId, data: &[u8]) {
        let now = self.lab.now;
        let flags = SendFlags::default();
        let sent = self.host().tcp_send(now, id, &[IoSlice::new(data)], flags);
        assert_eq!(sent, Ok(data.len()));
        self.lab.settle();
    }

    pub(crate) fn close(&mut self, id: SocketId) {
        let now = self.lab.now;
        self.host().close(now, id).unwrap();
        self.lab.settle();
    }

    /// A frame as long as `octets` for an interface's queue.
    pub(crate) fn raw_frame(&mut self, octets: usize) -> Result<(), Errno> {
        let now = self.lab.now;
        let frame = PacketBuf::from_slice(&vec![0; octets]);
        self.host().send_frame(now, ETH, 0, frame)
    }
}
