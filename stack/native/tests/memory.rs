//! What waits to be read holds on to little more memory than the receive buffers allow, however few octets come in
//! however large frames ([`HELD`]): counted by the allocator.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use fairway_native::limits::HELD;
use fairway_native::local::{Credentials, LocalKind, LocalName};
use fairway_native::{InterfaceId, PacketBuf, Stack};
use fairway_wire::tcp::{Flags, Header};
use fairway_wire::{EtherType, MacAddr, Protocol, SeqNumber, ipv4};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use std::io::IoSlice;
use support::frames::{self, STRANGER};
use support::{Lab, addr, ip};

#[global_allocator]
static COUNTED: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

const ETH: InterfaceId = InterfaceId(2);
/// The receive buffer of each socket here.
const BUFFER: usize = 256 << 10;
/// What a host and its sockets take without anything that waits.
const HOST: usize = 512 << 10;
/// A packet more.
const PACKET: usize = 66_064;

/// A host at 10.0.0.1 that a stranger at 10.0.0.9 sends to.
struct Victim {
    lab: Lab,
    /// How long the buffers are that frames come in.
    frames: usize,
}

impl Victim {
    fn new(frames: usize) -> Self {
        let mut lab = Lab::new();
        let host = lab.host("host");
        lab.ethernet(&[(host, "10.0.0.1")]);
        lab.settle();
        let now = lab.now;
        let known = lab.hosts[0].set_neighbor(now, ETH, ip("10.0.0.9"), STRANGER);
        known.unwrap();
        Self { lab, frames }
    }

    fn stack(&mut self) -> &mut Stack {
        &mut self.lab.hosts[0]
    }

    /// A packet comes, in a frame as long as frames get, what is behind it being padding.
    fn packet(&mut self, packet: &[u8]) {
        let now = self.lab.now;
        let short = frames::frame(MacAddr([2, 0, 0, 0, 0, 1]), EtherType::IPV4, packet);
        let mut frame = PacketBuf::new(self.frames);
        frame.extend_from_slice(short.as_slice());
        frame
            .grow(self.frames.min(1514).saturating_sub(short.len()))
            .fill(0);
        self.stack().handle_frame(now, ETH, frame);
        self.lab.settle();
        self.lab.carried.clear();
    }

    fn segment(&mut self, flags: Flags, seq: u32, ack: SeqNumber, data: &[u8]) {
        let header = Header {
            flags,
            ack,
            ..frames::syn(5000, 80, seq)
        };
        let (from, to) = (ip("10.0.0.9"), ip("10.0.0.1"));
        self.packet(&frames::tcp(from, to, header, &[], data));
    }

    /// The stranger is connected; what he acknowledges.
    fn connect(&mut self) -> SeqNumber {
        let now = self.lab.now;
        let listener = self.stack().tcp_socket(now).unwrap();
        self.stack()
            .set_tcp_options(now, listener, |options| {
                options.recv_buffer = u32::try_from(BUFFER).unwrap();
            })
            .unwrap();
        self.stack()
            .bind(now, listener, addr("10.0.0.1:80"))
            .unwrap();
        self.stack().listen(now, listener, 5).unwrap();
        let syn = frames::tcp(
            ip("10.0.0.9"),
            ip("10.0.0.1"),
            frames::syn(5000, 80, 0),
            &[3, 3, 7, 1],
            b"",
        );
        let frame = frames::frame(MacAddr([2, 0, 0, 0, 0, 1]), EtherType::IPV4, &syn);
        self.stack().handle_frame(now, ETH, frame);
        let answer = self.stack().poll_frame(now, ETH).unwrap();
        let (_, _, segment) = ipv4::Header::parse(&answer.as_slice()[14..]).unwrap();
        let ack = Header::parse(segment).unwrap().0.seq + 1_u32;
        self.segment(Flags::ACK, 1, ack, b"");
        ack
    }
}

/// How a host is flooded.
type Flood = fn(&mut Victim);

/// Segments in order, too long to be put behind others one by one.
fn in_order(victim: &mut Victim) {
    let ack = victim.connect();
    for n in 0..500 {
        victim.segment(Flags::ACK, 1 + n * 520, ack, &[7; 520]);
    }
}

fn in_order_octets(victim: &mut Victim) {
    let ack = victim.connect();
    for n in 0..10_000 {
        victim.segment(Flags::ACK, 1 + n, ack, b"x");
    }
}

/// Single octets with gaps between them.
fn out_of_order(victim: &mut Victim) {
    let ack = victim.connect();
    for n in 0..5_000 {
        victim.segment(Flags::ACK, 10 + 2 * n, ack, b"x");
    }
}

fn datagrams(victim: &mut Victim) {
    let (id, now) = (victim.lab.udp(0, "0.0.0.0:7"), victim.lab.now);
    victim
        .stack()
        .set_options(now, id, |options| options.recv_buf = BUFFER)
        .unwrap();
    let packet = frames::udp((ip("10.0.0.9"), 5), (ip("10.0.0.1"), 7), &[], b"x");
    for _ in 0..5_000 {
        victim.packet(&packet);
    }
}

fn raw_packets(victim: &mut Victim) {
    let now = victim.lab.now;
    let id = victim.stack().raw_socket(Protocol(200)).unwrap();
    victim
        .stack()
        .set_options(now, id, |options| options.recv_buf = BUFFER)
        .unwrap();
    let header = frames::header(ip("10.0.0.9"), ip("10.0.0.1"), Protocol(200));
    let packet = frames::packet(header, &[], b"x");
    for _ in 0..5_000 {
        victim.packet(&packet);
    }
}

fn local_datagrams(victim: &mut Victim) {
    let now = victim.lab.now;
    let stack = victim.stack();
    let mut ids = Vec::new();
    for name in ["receiver", "sender"] {
        let kind = LocalKind::Datagram;
        let id = stack.local_socket(now, kind, Credentials::default());
        let id = id.unwrap();
        let name = LocalName::Abstract(name.repeat(9).into_bytes());
        stack.local_bind(now, id, &name).unwrap();
        stack
            .set_options(now, id, |options| options.recv_buf = BUFFER)
            .unwrap();
        ids.push((id, name));
    }
    for _ in 0..100_000 {
        let _ = stack.local_send(now, ids[1].0, &[IoSlice::new(b"x")], Some(&ids[0].1));
    }
}

#[test]
fn few_octets_in_large_frames_hold_no_more_than_the_limits_allow() {
    let floods: [(&str, Flood); 6] = [
        ("segments in order", in_order),
        ("octets in order", in_order_octets),
        ("octets out of order", out_of_order),
        ("datagrams", datagrams),
        ("packets of raw sockets", raw_packets),
        ("local datagrams", local_datagrams),
    ];
    for frames in [1514, 60_000] {
        for (name, flood) in floods {
            let region = Region::new(COUNTED);
            // The buffers that wait for their next use are the thread's, and go with it.
            let victim = std::thread::spawn(move || {
                let mut victim = Victim::new(frames);
                flood(&mut victim);
                victim.stack().check().unwrap();
                victim
            });
            let victim = victim.join().unwrap();
            let counted = region.change();
            let held = counted.bytes_allocated - counted.bytes_deallocated;
            let most = HELD * BUFFER + PACKET + HOST;
            assert!(
                held <= most,
                "{name} in {frames}: {held} octets, not {most}"
            );
            drop(victim);
        }
    }
}
