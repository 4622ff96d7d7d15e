//! Frames that no honest host sends, into a small internetwork in which honest hosts talk.
//!
//! The octets are operations: frames on their way arrive, late, twice, in another order, changed in a field with or
//! without right checksums, cut, or never; frames come from nowhere; programs send and receive; time passes.

use std::io::{IoSlice, IoSliceMut};
use std::task::Waker;
use std::time::Duration;

use fairway_native::ip::multicast::Command;
use fairway_native::tcp::{RecvFlags, SendFlags, Shutdown};
use fairway_native::{Departure, Interest, InterfaceId, PacketBuf, SocketId, Stack};
use fairway_wire::{EtherType, Instant, Protocol, checksum, ethernet, icmp, ipv4, tcp, udp};

use super::ops::Ops;
use super::world::{End, Flight, World, mac, name};

const ECHO: u16 = 7;
const GROUP: [u8; 4] = [224, 1, 1, 1];

/// Whether it came to something new.
pub(in super::super) fn frames(input: &[u8]) -> bool {
    let mut ops = Ops::new(input);
    let mut world = open();
    while let Some(op) = ops.next() {
        step(&mut world, &mut ops, op);
        world.settle();
    }
    world.pass(Duration::from_secs(300), true);
    super::is_news("frames", &world.hosts)
}

/// Sockets of every kind on every host, and a connection from `a` to `b`.
fn open() -> World {
    let mut world = World::new();
    for host in 0..3 {
        let made = world.step(host, |stack, now| {
            let udp = stack.udp_socket()?;
            stack.bind(now, udp, name([0, 0, 0, 0], ECHO))?;
            stack.join(now, udp, GROUP.into(), Some(InterfaceId(2)), None)?;
            let raw = stack.raw_socket(Protocol::ICMP)?;
            let alert = stack.raw_socket(Protocol::RSVP)?;
            stack.set_options(now, alert, |options| options.router_alert = true)?;
            let listener = stack.tcp_socket(now)?;
            stack.bind(now, listener, name([0, 0, 0, 0], ECHO))?;
            stack.listen(now, listener, 2)?;
            Ok::<_, fairway_native::Errno>([udp, raw, alert, listener])
        });
        for id in made.expect("sockets") {
            world.keep(host, id);
        }
    }
    world.step(1, |stack, now| {
        for command in [
            Command::Init,
            Command::Membership(true),
            vif(0, [10, 0, 1, 254]),
            vif(1, [10, 0, 2, 254]),
        ] {
            stack.multicast_command(now, command).expect("forwarding");
        }
    });
    let id = world
        .step(0, |stack, now| stack.tcp_socket(now))
        .expect("a socket");
    let _begun = world.step(0, |stack, now| {
        stack.connect(now, id, name([10, 0, 2, 1], ECHO))
    });
    world.keep(0, id);
    world.run(64);
    let (host, listener) = world.sockets[11];
    let child = world.step(host, |stack, now| stack.accept(now, listener));
    world.keep(host, child.expect("a connection").0);
    world
}

fn vif(index: u8, address: [u8; 4]) -> Command {
    Command::AddVif {
        index,
        address: address.into(),
        threshold: 1,
        tunnel: false,
    }
}

fn step(world: &mut World, ops: &mut Ops<'_>, [op, a, b, c]: [u8; 4]) {
    match op % 20 {
        0 => world.run(usize::from(a) + 1),
        1 => {
            if let Some(flight) = world.pick(a) {
                world.deliver(flight);
            }
        }
        2 => drop(world.pick(a)),
        3 => {
            if let Some(Flight { from, frame }) = world.pick(a) {
                let copy = frame.clone();
                world.deliver(Flight { from, frame });
                world.flight.push_back(Flight { from, frame: copy });
            }
        }
        4 => {
            let count = world.flight.len();
            if count > 0 {
                world
                    .flight
                    .swap(usize::from(a) % count, usize::from(b) % count);
            }
        }
        // An octet is another, and the checksums are as they were.
        5 => change(world, a, false, |octets| {
            let count = octets.len();
            if let Some(octet) = octets.get_mut(usize::from(b) % count.max(1)) {
                *octet ^= c;
            }
        }),
        // A field of two octets is another, and the checksums are right.
        6 => {
            let value = ops.number().to_be_bytes();
            change(world, a, true, |octets| {
                if let Some(field) = octets
                    .get_mut(usize::from(b) * 2..)
                    .and_then(<[u8]>::first_chunk_mut::<2>)
                {
                    *field = [value[2], value[3]];
                }
            });
        }
        // A number of four octets is so much more or less, and the checksums are right: sequence numbers, timestamps.
        7 => {
            let more = ops.number();
            change(world, a, true, |octets| {
                if let Some(field) = octets
                    .get_mut(usize::from(b) * 4..)
                    .and_then(<[u8]>::first_chunk_mut::<4>)
                {
                    let before = u32::from_be_bytes(*field);
                    *field = before
                        .wrapping_add(more.rotate_right(u32::from(c) & 31))
                        .to_be_bytes();
                }
            });
        }
        // It ends early, and says so or not.
        8 => {
            if let Some(Flight { from, mut frame }) = world.pick(a) {
                let head = World::link_header(from);
                let length = usize::from(b) | usize::from(c & 7) << 8;
                frame.truncate(head + length);
                if c & 0x80 != 0
                    && let Some(packet) = frame.as_mut_slice().get_mut(head..)
                {
                    let total = u16::try_from(packet.len()).unwrap_or(0);
                    if let Some(field) = packet.get_mut(2..4) {
                        field.copy_from_slice(&total.to_be_bytes());
                    }
                    repair(packet);
                }
                world.deliver(Flight { from, frame });
            }
        }
        // A frame, or a packet, from nowhere.
        9 => {
            let frame = PacketBuf::from_slice(ops.take(c));
            arrive(world, a, b, frame);
        }
        10 => {
            let mut packet = ops.take(c).to_vec();
            repair(&mut packet);
            arrive_packet(world, a, b, &packet);
        }
        // A segment that fits the connection more or less.
        11 => {
            let (seq, ack) = (ops.number(), ops.number());
            let data = ops.take(c & 15);
            forge(world, a, b, (seq, ack), data);
        }
        // An error about a packet on its way.
        12 => {
            let kind = ops.next().unwrap_or_default();
            report(world, a, b, kind);
        }
        13 => world.pass(Duration::from_millis(u64::from(a) << (b % 16)), c & 1 != 0),
        14 => {
            let host = usize::from(a) % 3;
            let (interface, on) = (InterfaceId(u32::from(b % 4)), c & 1 != 0);
            world.step(host, |stack, now| stack.handle_carrier(now, interface, on));
        }
        // The whole data of a segment again, beginning earlier or later, with other octets: an overlap.
        15 => {
            let shift = i32::from(i8::from_be_bytes([b]));
            change(world, a, true, |octets| {
                let Some(tcp_at) = transport(octets, Protocol::TCP) else {
                    return;
                };
                if let Some(field) = octets
                    .get_mut(tcp_at + 4..)
                    .and_then(<[u8]>::first_chunk_mut::<4>)
                {
                    let before = u32::from_be_bytes(*field);
                    *field = before.wrapping_add_signed(shift).to_be_bytes();
                }
                if let Some(data) = octets.get_mut(tcp_at + 32..) {
                    data.fill(c);
                }
            });
        }
        _ => program(world, ops, [op, a, b, c]),
    }
}

/// What an honest program does with its sockets.
fn program(world: &mut World, ops: &mut Ops<'_>, [op, a, b, c]: [u8; 4]) {
    let Some((host, id)) = world.socket(a) else {
        return;
    };
    match op % 20 {
        16 => {
            let octets = vec![c; usize::from(b) * 16];
            world.step(host, |stack, now| send(stack, now, id, &octets, c));
        }
        17 => world.step(host, |stack, now| {
            receive(stack, now, id, usize::from(b) * 16, c);
        }),
        18 => match b % 6 {
            0 => {
                let how = [Shutdown::Read, Shutdown::Write, Shutdown::Both][usize::from(c % 3)];
                let _shut = world.step(host, |stack, now| stack.shutdown(now, id, how));
            }
            1 if c == 0 => {
                let _closed = world.step(host, |stack, now| stack.close(now, id));
            }
            2 => {
                let accepted = world.step(host, |stack, now| stack.accept(now, id));
                if let Ok((child, _)) = accepted {
                    world.keep(host, child);
                }
            }
            3 => {
                let made = world.step(host, |stack, now| {
                    let id = stack.tcp_socket(now).ok()?;
                    let _begun = stack.connect(now, id, name([10, 0, c % 3, 1], ECHO));
                    Some(id)
                });
                if let Some(id) = made {
                    world.keep(host, id);
                }
            }
            4 => {
                let group = ops.address(c);
                let _joined = world.step(host, |stack, now| stack.join(now, id, group, None, None));
            }
            _ => {
                let group = ops.address(c);
                let _left = world.step(host, |stack, now| stack.leave(now, id, group, None, None));
            }
        },
        _ => {
            let _ready = world.step(host, |stack, _| {
                let interest = [Interest::Read, Interest::Write, Interest::Urgent];
                stack.poll_ready(id, interest[usize::from(b % 3)], Waker::noop())
            });
        }
    }
}

fn send(stack: &mut Stack, now: Instant, id: SocketId, octets: &[u8], how: u8) {
    let bufs = [IoSlice::new(octets)];
    let flags = SendFlags {
        oob: how & 1 != 0,
        eof: how & 2 != 0,
        more: how & 4 != 0,
    };
    if stack.tcp_send(now, id, &bufs, flags).is_err() {
        let peer = [[10, 0, 1, 1], [10, 0, 2, 1], GROUP, [255; 4]][usize::from(how >> 4 & 3)];
        let departure = Departure {
            peer: Some(name(peer, ECHO)),
            ..Departure::default()
        };
        let _sent = stack.send_msg(now, id, &bufs, &departure);
    }
}

fn receive(stack: &mut Stack, now: Instant, id: SocketId, most: usize, how: u8) {
    let mut room = vec![0; most];
    let flags = RecvFlags {
        peek: how & 1 != 0,
        oob: how & 2 != 0,
        wait_all: how & 4 != 0,
    };
    let got = stack.tcp_recv(now, id, &mut [IoSliceMut::new(&mut room)], flags);
    if got.is_err() {
        let _got = stack.recv_msg(id, &mut room, how & 1 != 0);
    }
}

/// Changes the packet of a frame on its way and lets it arrive.
fn change(world: &mut World, which: u8, right: bool, how: impl FnOnce(&mut [u8])) {
    let Some(Flight { from, mut frame }) = world.pick(which) else {
        return;
    };
    let head = World::link_header(from);
    if let Some(packet) = frame.as_mut_slice().get_mut(head..) {
        how(packet);
        if right {
            repair(packet);
        }
    }
    world.deliver(Flight { from, frame });
}

/// Lets a frame arrive at any interface.
fn arrive(world: &mut World, host: u8, interface: u8, frame: PacketBuf) {
    let interface = InterfaceId(u32::from(interface % 5));
    world.step(usize::from(host) % 3, |stack, now| {
        stack.handle_frame(now, interface, frame);
    });
}

/// Lets a packet arrive at any interface, for that host alone on its link.
fn arrive_packet(world: &mut World, host: u8, interface: u8, packet: &[u8]) {
    let (host, interface) = (usize::from(host) % 3, InterfaceId(u32::from(interface % 5)));
    let mut octets = Vec::new();
    if World::link_header(End { host, interface }) > 0 {
        let header = ethernet::Header {
            destination: mac(host),
            source: mac(8),
            ether_type: EtherType::IPV4,
        };
        octets.resize(ethernet::Header::LEN, 0);
        if let Some(front) = octets.first_chunk_mut() {
            header.emit(front);
        }
    }
    octets.extend_from_slice(packet);
    let frame = PacketBuf::from_slice(&octets);
    world.step(host, |stack, now| stack.handle_frame(now, interface, frame));
}

/// A segment in the name of one end of a connection, its numbers so far from those expected.
fn forge(world: &mut World, which: u8, flags: u8, (seq, ack): (u32, u32), data: &[u8]) {
    let Some((host, id)) = world.socket(which) else {
        return;
    };
    let stack = &world.hosts[host];
    let (Ok(local), Ok(peer)) = (stack.local_addr(id), stack.peer_addr(id)) else {
        return;
    };
    // The numbers that the victim expects are in what it sent last; an attacker who sees it knows them.
    let last = world.flight.iter().rev().find_map(|flight| {
        let head = World::link_header(flight.from);
        let (ip, _, payload) = ipv4::Header::parse(flight.frame.as_slice().get(head..)?).ok()?;
        let (segment, _, _) = tcp::Header::parse(payload).ok()?;
        (ip.protocol == Protocol::TCP
            && ip.source == *local.ip()
            && segment.source_port == local.port()
            && segment.destination_port == peer.port())
        .then_some(segment)
    });
    let (their_seq, their_ack) = last.map_or((0, 0), |last| (last.seq.0, last.ack.0));
    let header = tcp::Header {
        source_port: peer.port(),
        destination_port: local.port(),
        seq: fairway_wire::SeqNumber(their_ack.wrapping_add(seq)),
        ack: fairway_wire::SeqNumber(their_seq.wrapping_add(ack)),
        header_len: 20,
        flags: tcp::Flags(flags),
        window: u16::try_from(seq & 0xffff).unwrap_or(0),
        checksum: 0,
        urgent: u16::try_from(ack & 0xffff).unwrap_or(0),
    };
    let mut packet = vec![0; 40];
    let ip = ipv4::Header {
        dscp_ecn: flags & 3,
        total_len: u16::try_from(40 + data.len()).unwrap_or(40),
        id: 0,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol: Protocol::TCP,
        source: *peer.ip(),
        destination: *local.ip(),
        header_len: 20,
    };
    let (front, back) = packet.split_at_mut(20);
    ip.emit(&[], front);
    header.emit(&[], back);
    packet.extend_from_slice(data);
    repair(&mut packet);
    let at = u8::try_from(host).unwrap_or(0);
    arrive_packet(world, at, 2, &packet);
}

/// An ICMP message to the sender of a packet on its way, about that packet.
fn report(world: &mut World, which: u8, from: u8, [kind, code, b, c]: [u8; 4]) {
    let Some(flight) = world.pick(which) else {
        return;
    };
    let head = World::link_header(flight.from);
    let Some(about) = flight.frame.as_slice().get(head..) else {
        return;
    };
    let Ok((original, _, _)) = ipv4::Header::parse(about) else {
        return;
    };
    let about = about.get(..about.len().min(64)).unwrap_or_default();
    let mut message = vec![kind % 20, code % 16, 0, 0, b, c, c, b];
    message.extend_from_slice(about);
    let sum = checksum::sum(&message).finish().to_be_bytes();
    message[2..4].copy_from_slice(&sum);
    let source = match from % 3 {
        0 => original.destination,
        1 => std::net::Ipv4Addr::new(10, 0, 1, 254),
        _ => std::net::Ipv4Addr::new(10, 0, 2, 254),
    };
    let ip = ipv4::Header {
        total_len: u16::try_from(20 + message.len()).unwrap_or(20),
        protocol: Protocol::ICMP,
        source,
        destination: original.source,
        header_len: 20,
        more_fragments: false,
        fragment_offset: 0,
        ..original
    };
    let mut packet = vec![0; 20];
    ip.emit(&[], &mut packet);
    packet.extend_from_slice(&message);
    let host = u8::try_from(flight.from.host).unwrap_or(0);
    arrive_packet(world, host, 2, &packet);
}

/// Where the transport's header begins, if the packet is of that protocol.
fn transport(packet: &[u8], protocol: Protocol) -> Option<usize> {
    let (&first, &of) = (packet.first()?, packet.get(9)?);
    (Protocol(of) == protocol).then_some(usize::from(first & 15) * 4)
}

/// Makes the checksums of a packet right, as far as it has any.
fn repair(packet: &mut [u8]) {
    let Some(&first) = packet.first() else {
        return;
    };
    let header_len = usize::from(first & 15) * 4;
    if header_len < 20 || packet.len() < header_len {
        return;
    }
    ipv4::fill_checksum(packet);
    let Ok((header, _, payload)) = ipv4::Header::parse(packet) else {
        return;
    };
    let end = header_len + payload.len();
    if header.is_fragment() {
        return;
    }
    let Some(octets) = packet.get_mut(header_len..end) else {
        return;
    };
    match header.protocol {
        Protocol::TCP if octets.len() >= 20 => {
            tcp::fill_checksum(header.source, header.destination, octets);
        }
        Protocol::UDP if octets.len() >= 8 => {
            udp::fill_checksum(header.source, header.destination, octets);
        }
        Protocol::ICMP | Protocol::IGMP if octets.len() >= 4 => {
            octets[2..4].fill(0);
            let sum = checksum::sum(octets).finish().to_be_bytes();
            octets[2..4].copy_from_slice(&sum);
            debug_assert!(icmp::verify_checksum(octets));
        }
        _ => {}
    }
}
