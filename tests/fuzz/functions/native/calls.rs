//! Calls on hosts in any order, with any arguments, on sockets of this host, of others, of earlier lives, and none.

use std::io::{IoSlice, IoSliceMut};
use std::net::SocketAddrV4;
use std::task::Waker;
use std::time::Duration;

use fairway_native::ip::multicast::Command;
use fairway_native::local::{Credentials, LocalKind, LocalName};
use fairway_native::qos::{Fifo, Priority, Shaper};
use fairway_native::route::{Prefix, Route, RouteKind, RouteQuery};
use fairway_native::sock::{MtuDiscovery, SocketOptions};
use fairway_native::tcp::{self, Congestion, RecvFlags, SendFlags, Shutdown};
use fairway_native::{
    Departure, Interest, InterfaceAddress, InterfaceConfig, InterfaceId, SocketId, Stack,
};
use fairway_wire::{Instant, MacAddr, Protocol};

use super::ops::Ops;
use super::world::World;

/// Whether it came to something new.
pub(in super::super) fn calls(input: &[u8]) -> bool {
    let mut ops = Ops::new(input);
    let mut world = World::new();
    let mut lives = 0;
    while let Some(op) = ops.next() {
        step(&mut world, &mut ops, op, &mut lives);
        world.settle();
    }
    world.pass(Duration::from_secs(3600), true);
    for (host, id) in world.sockets.clone() {
        let _closed = world.step(host, |stack, now| stack.close(now, id));
    }
    for host in 0..3 {
        assert_eq!(world.hosts[host].usage().sockets, 0, "a socket is left");
    }
    world.pass(Duration::from_secs(3600), true);
    super::is_news("calls", &world.hosts)
}

/// An address and a port.
fn any_name(ops: &mut Ops<'_>, which: u8) -> SocketAddrV4 {
    let port = [7, 8, 0, 65_535][usize::from(which >> 4 & 3)];
    SocketAddrV4::new(ops.address(which), port)
}

fn local_name(which: u8) -> LocalName {
    match which % 6 {
        0 => LocalName::Unnamed,
        1 => LocalName::Path(b"one".to_vec()),
        2 => LocalName::Path(b"other".to_vec()),
        3 => LocalName::Abstract(vec![]),
        4 => LocalName::Path(vec![]),
        _ => LocalName::Abstract(vec![b'x'; usize::from(which)]),
    }
}

fn step(world: &mut World, ops: &mut Ops<'_>, [op, a, b, c]: [u8; 4], lives: &mut u32) {
    match op % 24 {
        0 => return make(world, usize::from(a) % 3, b, c),
        1 => return manage(world, ops, usize::from(a) % 3, b, c),
        2 => return world.run(usize::from(a) + 1),
        3 => return whatever(world.pick(a)),
        4 => {
            let span = Duration::from_millis(u64::from(a) << (b % 16));
            return world.pass(span, c & 1 != 0);
        }
        5 if a == 0xff => {
            *lives += 1;
            return world.restart(usize::from(b) % 3, *lives);
        }
        _ => {}
    }
    let Some((own, id)) = world.socket(a) else {
        return;
    };
    // The socket of one host is asked of another now and then.
    let host = if op & 0x80 == 0 {
        own
    } else {
        usize::from(c) % 3
    };
    match op % 24 {
        6 => {
            let name = any_name(ops, b);
            let _bound = world.step(host, |stack, now| stack.bind(now, id, name));
        }
        7 => {
            let name = any_name(ops, b);
            let _begun = world.step(host, |stack, now| stack.connect(now, id, name));
        }
        8 => {
            let _listens = world.step(host, |stack, now| {
                stack.listen(now, id, u32::from(c) << (b % 25))
            });
        }
        9 => {
            if let Ok((child, _)) = world.step(host, |stack, now| stack.accept(now, id)) {
                world.keep(host, child);
            }
        }
        10 => {
            let departure = Departure {
                peer: (b & 0x80 == 0).then(|| any_name(ops, b)),
                source: (c & 1 != 0).then(|| ops.address(c >> 4)),
                interface: (c & 2 != 0).then_some(InterfaceId(u32::from(c >> 6))),
                ttl: (c & 4 != 0).then_some(c >> 3),
                dont_route: c & 8 != 0,
            };
            let octets = ops.take(b & 15).repeat(1 << (c >> 5));
            let _sent = world.step(host, |stack, now| {
                stack.send_msg(now, id, &[IoSlice::new(&octets)], &departure)
            });
        }
        11 => {
            let mut room = vec![0; usize::from(b) * 8];
            let _got = world.step(host, |stack, _| stack.recv_msg(id, &mut room, c & 1 != 0));
        }
        12 => {
            let octets = vec![b; usize::from(b) << (c & 7)];
            let flags = SendFlags {
                oob: c & 8 != 0,
                eof: c & 16 != 0,
                more: c & 32 != 0,
            };
            let _sent = world.step(host, |stack, now| {
                stack.tcp_send(now, id, &[IoSlice::new(&octets), IoSlice::new(&[])], flags)
            });
        }
        13 => {
            let mut room = vec![0; usize::from(b) << (c & 7)];
            let flags = RecvFlags {
                peek: c & 8 != 0,
                oob: c & 16 != 0,
                wait_all: c & 32 != 0,
            };
            let _got = world.step(host, |stack, now| {
                stack.tcp_recv(now, id, &mut [IoSliceMut::new(&mut room)], flags)
            });
        }
        14 => {
            let how = [Shutdown::Read, Shutdown::Write, Shutdown::Both][usize::from(b % 3)];
            let _shut = world.step(host, |stack, now| stack.shutdown(now, id, how));
        }
        15 => {
            let _closed = world.step(host, |stack, now| stack.close(now, id));
        }
        16 => {
            let value = ops.number();
            let octets = ops.take(c & 15).to_vec();
            let _set = world.step(host, |stack, now| {
                stack.set_options(now, id, |options| option(options, b, value, &octets))
            });
        }
        17 => {
            let value = ops.number();
            let _set = world.step(host, |stack, now| {
                stack.set_tcp_options(now, id, |options| tcp_option(options, b, value))
            });
        }
        18 => {
            let group = ops.address(b);
            let interface = (c & 1 != 0).then_some(InterfaceId(u32::from(c >> 6)));
            let source = (c & 2 != 0).then(|| ops.address(c >> 2));
            let _joined = world.step(host, |stack, now| {
                if c & 4 == 0 {
                    stack.join(now, id, group, interface, source)
                } else {
                    stack.leave(now, id, group, interface, source)
                }
            });
        }
        19 => world.step(host, |stack, _| ask(stack, id, b)),
        20 => {
            let _none = world.step(host, |stack, _| stack.disconnect(id));
        }
        _ => local(world, host, id, b, c),
    }
}

fn make(world: &mut World, host: usize, kind: u8, detail: u8) {
    let whose = Credentials::default();
    let made = world.step(host, |stack, now| {
        let one = match kind % 6 {
            0 => stack.udp_socket(),
            1 => stack.raw_socket(Protocol(detail)),
            2 => stack.tcp_socket(now),
            3 => stack.local_socket(now, LocalKind::Stream, whose),
            4 => stack.local_socket(now, LocalKind::Datagram, whose),
            _ => {
                let kind = [LocalKind::Stream, LocalKind::Datagram][usize::from(detail & 1)];
                return stack
                    .local_pair(now, kind, whose)
                    .map(|(one, other)| vec![one, other]);
            }
        };
        one.map(|id| vec![id])
    });
    for id in made.unwrap_or_default() {
        world.keep(host, id);
    }
}

fn option(options: &mut SocketOptions, which: u8, value: u32, octets: &[u8]) {
    let on = value & 1 != 0;
    let size = usize::try_from(value).unwrap_or(usize::MAX);
    let [.., small] = value.to_be_bytes();
    match which % 24 {
        0 => options.reuse_addr = on,
        1 => options.reuse_port = on,
        2 => options.broadcast = on,
        3 => options.limited_broadcast_everywhere = on,
        4 => options.dont_route = on,
        5 => options.send_buf = size,
        6 => options.recv_buf = size,
        7 => options.device = on.then_some(InterfaceId(value >> 1)),
        8 => options.class = value,
        9 => options.ttl = small,
        10 => options.tos = small,
        11 => options.ip_options = Some(octets.into()),
        12 => options.multicast_ttl = small,
        13 => options.multicast_loop = on,
        14 => options.multicast_interface = on.then_some(InterfaceId(value >> 1)),
        15 => options.multicast_all = on,
        16 => {
            options.mtu_discovery = [
                MtuDiscovery::Off,
                MtuDiscovery::Want,
                MtuDiscovery::Always,
                MtuDiscovery::Probe,
            ][size % 4];
        }
        17 => options.header_included = on,
        18 => options.router_alert = on,
        19 => options.transparent = on,
        20 => options.free_bind = on,
        21 => options.no_checksum = on,
        22 => options.ip_options = None,
        _ => options.recv_low_water = size,
    }
}

fn tcp_option(options: &mut tcp::SocketOptions, which: u8, value: u32) {
    let on = value & 1 != 0;
    let time = Duration::from_millis(u64::from(value) << (which >> 5));
    let [.., high, low] = value.to_be_bytes();
    match which % 22 {
        0 => options.reuse_addr = on,
        1 => options.reuse_port = on,
        2 => options.keepalive = on,
        3 => options.oob_inline = on,
        4 => options.linger = on.then_some(time),
        5 => options.recv_buffer = value,
        6 => options.send_buffer = value,
        7 => options.recv_low_water = value,
        8 => options.send_low_water = value,
        9 => options.ttl = low,
        10 => options.tos = low,
        11 => options.no_delay = on,
        12 => options.cork = on,
        13 => options.quick_ack = on,
        14 => options.max_segment = u16::from_be_bytes([high, low]),
        15 => options.keep_idle = time,
        16 => options.keep_interval = time,
        17 => options.keep_count = low,
        18 => options.user_timeout = on.then_some(time),
        19 => options.msl = time,
        20 => options.timestamps = on,
        _ => {
            options.congestion = [Congestion::NewReno, Congestion::Cubic][usize::from(low & 1)];
        }
    }
}

/// Whatever a call says is right: what it does to the host is looked at.
fn whatever<T>(_said: T) {}

/// Everything that only asks.
fn ask(stack: &mut Stack, id: SocketId, which: u8) {
    let interest = [Interest::Read, Interest::Write, Interest::Urgent][usize::from(which % 3)];
    let _ready = stack.poll_ready(id, interest, Waker::noop());
    let _name = stack.local_addr(id);
    let _name = stack.peer_addr(id);
    let _error = stack.take_error(id);
    let _octets = stack.readable_octets(id);
    let _ready = stack.readiness(id);
    let _mark = stack.at_mark(id);
    let _info = stack.tcp_info(id);
    let _listens = stack.is_listening(id);
    let _options = stack.options(id).is_ok();
    let _options = stack.tcp_options(id).is_ok();
    let _groups = stack.groups(id);
    let _name = stack.local_name(id).is_ok();
    let _name = stack.local_peer_name(id).is_ok();
    let _whose = stack.local_peer_credentials(id);
    whatever(stack.multicast_routes().count());
    whatever(stack.poll_multicast_upcall());
}

fn local(world: &mut World, host: usize, id: SocketId, b: u8, c: u8) {
    let name = local_name(c);
    let octets = vec![c; usize::from(c) * 64];
    let mut room = vec![0; usize::from(c) * 64];
    let accepted = world.step(host, |stack, now| {
        match b % 8 {
            0 => whatever(stack.local_bind(now, id, &name)),
            1 | 2 => whatever(stack.local_connect(now, id, &name)),
            3 => return stack.local_accept(now, id).ok(),
            4 => whatever(stack.local_send(now, id, &[IoSlice::new(&octets)], None)),
            5 => whatever(stack.local_send(now, id, &[IoSlice::new(&octets)], Some(&name))),
            6 => {
                let bufs = &mut [IoSliceMut::new(&mut room)];
                whatever(stack.local_recv(now, id, bufs, b & 0x80 != 0));
            }
            _ => whatever(stack.set_local_pass_credentials(id, c & 1 != 0)),
        }
        None
    });
    if let Some((child, _)) = accepted {
        world.keep(host, child);
    }
}

/// Changes of the host itself.
fn manage(world: &mut World, ops: &mut Ops<'_>, host: usize, b: u8, c: u8) {
    let interface = InterfaceId(u32::from(c >> 5));
    let on = c & 1 != 0;
    match b % 18 {
        0 | 1 => {
            let address = ops.address(c);
            let own = InterfaceAddress::new(address, c >> 2);
            let _done = world.step(host, |stack, now| {
                if b.is_multiple_of(18) {
                    stack.add_address(now, interface, own)
                } else {
                    stack.remove_address(now, interface, address)
                }
            });
        }
        2 => whatever(world.step(host, |stack, now| stack.set_up(now, interface, on))),
        3 => world.step(host, |stack, now| stack.handle_carrier(now, interface, on)),
        4 => {
            let mtu = usize::try_from(ops.number() & 0x1_ffff).unwrap_or(0);
            whatever(world.step(host, |stack, now| stack.set_mtu(now, interface, mtu)));
        }
        5 => whatever(world.step(host, |stack, _| stack.set_trusted(interface, on))),
        6 => whatever(world.step(host, |stack, _| queue(stack, interface, c))),
        7 => whatever(world.step(host, |stack, now| stack.set_promiscuous(now, interface, on))),
        8 => whatever(world.step(host, |stack, _| stack.set_redirects(interface, on))),
        9 | 10 => {
            let prefix = Prefix::new(ops.address(c), c % 40).unwrap_or(Prefix::DEFAULT);
            let gateway = (c & 2 != 0).then(|| ops.address(c >> 4));
            let mut route = Route::new(prefix, gateway, interface);
            route.kind =
                [RouteKind::Unicast, RouteKind::Reject, RouteKind::Blackhole][usize::from(c % 3)];
            route.mtu = (c & 4 != 0).then_some(u16::from(c) * 16);
            route.source = (c & 8 != 0).then(|| ops.address(c >> 3));
            world.step(host, |stack, now| {
                if b % 18 == 9 {
                    whatever(stack.add_route(now, route));
                } else {
                    whatever(stack.delete_route(now, &RouteQuery::new(prefix)));
                }
            });
        }
        11 | 12 => {
            let address = ops.address(c);
            let link = MacAddr([c, 0, 0, 0, 0, 8]);
            world.step(host, |stack, now| {
                if b % 18 == 11 {
                    whatever(stack.set_neighbor(now, interface, address, link));
                } else {
                    whatever(stack.delete_neighbor(now, interface, address));
                }
            });
        }
        13 => {
            let (one, other) = (ops.address(c), ops.address(c >> 4));
            let command = match c % 7 {
                0 => Command::Init,
                1 => Command::Done,
                2 => Command::AddVif {
                    index: c >> 3,
                    address: one,
                    threshold: c & 3,
                    tunnel: false,
                },
                3 => Command::DeleteVif(c >> 3),
                4 => Command::DeleteRoute(one, other),
                5 => Command::Membership(c & 8 != 0),
                _ => Command::Other(u32::from(c)),
            };
            whatever(world.step(host, |stack, now| stack.multicast_command(now, command)));
        }
        14 if world.hosts[host].interfaces().len() < 7 => {
            let config = match c % 3 {
                0 => InterfaceConfig::point("more", usize::from(c) * 16),
                _ => InterfaceConfig::ethernet("more", MacAddr([2, c, 0, 0, 0, 1])),
            };
            world.step(host, |stack, _| whatever(stack.add_interface(config)));
        }
        15 => world.step(host, |stack, _| stack.suspend(interface)),
        16 => world.step(host, |stack, _| stack.resume(interface)),
        _ => world.step(host, |stack: &mut Stack, now: Instant| {
            stack.handle_timeout(now);
            whatever(stack.interface_by_name("eth0"));
        }),
    }
}

fn queue(
    stack: &mut Stack,
    interface: InterfaceId,
    which: u8,
) -> Result<(), fairway_native::Errno> {
    let fifo = || Fifo::new(usize::from(which & 15), 10_000);
    match which % 3 {
        0 => stack.set_queue(interface, fifo()),
        1 => stack.set_queue(
            interface,
            Shaper::new(u64::from(which) * 100, u64::from(which), fifo()),
        ),
        _ => stack.set_queue(interface, Priority::new(usize::from(which & 3), 16)),
    }
}
