//! Good programs on a bad network: what is sent arrives, in order, once, and as it was; or both ends are told.
//!
//! The octets are operations: programs send and receive, frames arrive late, in another order, twice, damaged, or never.
//! Then the network is good for as long as it takes, and everything must have arrived.

use std::io::{IoSlice, IoSliceMut};
use std::time::Duration;

use fairway_native::sock::MtuDiscovery;
use fairway_native::tcp::{RecvFlags, SendFlags, Shutdown};
use fairway_native::{Departure, Errno, SocketId};
use fairway_wire::ipv4;

use super::ops::Ops;
use super::world::{Flight, World, name};

const PORT: u16 = 7;
/// Most octets that each end sends.
const MOST: usize = 64 << 10;

/// The octet at that place of what an end sends.
fn octet(end: usize, place: usize) -> u8 {
    let mixed = (place * 31 + place / 251 + end * 97) % 256;
    u8::try_from(mixed).unwrap_or(0)
}

/// One end of the connection.
struct End {
    host: usize,
    id: SocketId,
    sent: usize,
    received: usize,
    /// It has said that it sends no more.
    finished: bool,
    /// It was told that the other one sends no more.
    ended: bool,
    failed: Option<Errno>,
}

struct Talk {
    world: World,
    ends: [End; 2],
    datagrams: [SocketId; 2],
    /// Datagrams sent by each end.
    counts: [u32; 2],
}

/// Whether it came to something new.
pub(in super::super) fn stream(input: &[u8]) -> bool {
    let mut ops = Ops::new(input);
    let [a, b, c, d] = ops.next().unwrap_or_default();
    let mut talk = Talk::new([a, b, c, d]);
    while let Some(op) = ops.next() {
        talk.step(op);
        talk.world.settle();
    }
    talk.come_to_an_end();
    super::is_news("stream", &talk.world.hosts)
}

impl Talk {
    /// A connection from `a` to `b` by `r`, with options by `how`.
    fn new([how, ..]: [u8; 4]) -> Self {
        let mut world = World::new();
        let options = |world: &mut World, host, id| {
            world.step(host, |stack, now| {
                stack.set_tcp_options(now, id, |options| {
                    options.no_delay = how & 1 != 0;
                    options.timestamps = how & 2 == 0;
                    options.window_scale = how & 4 == 0;
                    options.cork = how & 8 != 0;
                    if how & 16 != 0 {
                        options.recv_buffer = 4096;
                        options.send_buffer = 4096;
                    }
                    if how & 32 != 0 {
                        options.max_segment = 100;
                    }
                })
            })
        };
        let listener = world.step(2, |stack, now| {
            let id = stack.tcp_socket(now)?;
            stack.bind(now, id, name([0, 0, 0, 0], PORT))?;
            stack.listen(now, id, 1)?;
            Ok::<_, Errno>(id)
        });
        let listener = listener.expect("a listener");
        options(&mut world, 2, listener).expect("options");
        let client = world
            .step(0, |stack, now| stack.tcp_socket(now))
            .expect("a socket");
        options(&mut world, 0, client).expect("options");
        let begun = world.step(0, |stack, now| {
            stack.connect(now, client, name([10, 0, 2, 1], PORT))
        });
        assert_eq!(begun, Err(Errno::InProgress));
        world.run(64);
        let server = world
            .step(2, |stack, now| stack.accept(now, listener))
            .expect("a connection")
            .0;
        let datagrams = [0, 2].map(|host| {
            let id = world.step(host, |stack, now| {
                let id = stack.udp_socket()?;
                stack.bind(now, id, name([0, 0, 0, 0], PORT))?;
                stack.set_options(now, id, |options| {
                    options.recv_buf = 1 << 20;
                    options.mtu_discovery = MtuDiscovery::Off;
                })?;
                Ok::<_, Errno>(id)
            });
            id.expect("a socket")
        });
        let end = |host, id| End {
            host,
            id,
            sent: 0,
            received: 0,
            finished: false,
            ended: false,
            failed: None,
        };
        Self {
            world,
            ends: [end(0, client), end(2, server)],
            datagrams,
            counts: [0; 2],
        }
    }

    fn step(&mut self, [op, a, b, c]: [u8; 4]) {
        let which = usize::from(a & 1);
        match op % 12 {
            0 => self.send(which, usize::from(b) * 32 + usize::from(c)),
            1 => self.receive(which, usize::from(b) * 16 + 1),
            2 => self.world.run(usize::from(a) + 1),
            3 => {
                if let Some(flight) = self.world.pick(a) {
                    self.world.deliver(flight);
                }
            }
            4 => {
                for _ in 0..=b % 8 {
                    drop(self.world.pick(a));
                }
            }
            5 => {
                if let Some(Flight { from, frame }) = self.world.pick(a) {
                    let copy = frame.clone();
                    self.world.deliver(Flight { from, frame });
                    self.world.flight.push_back(Flight { from, frame: copy });
                }
            }
            6 => {
                let count = self.world.flight.len();
                if count > 0 {
                    self.world
                        .flight
                        .swap(usize::from(a) % count, usize::from(b) % count);
                }
            }
            // The checksums of IP and of the transports find any change of one octet; of two they may miss both. So a
            // packet is damaged before its first router only, and not in several fragments. ARP has no checksum.
            7 => {
                if let Some(Flight { from, mut frame }) = self.world.pick(a) {
                    let head = World::link_header(from);
                    if let Some(packet) = frame.as_mut_slice().get_mut(head..)
                        && from.host != 1
                        && let Ok((header, _, _)) = ipv4::Header::parse(packet)
                        && !header.is_fragment()
                    {
                        let place = (usize::from(b) << 3 | usize::from(c & 7)) % packet.len();
                        packet[place] ^= c | 1;
                    }
                    self.world.deliver(Flight { from, frame });
                }
            }
            8 => self
                .world
                .pass(Duration::from_millis(u64::from(b) << (c % 8)), a & 1 != 0),
            9 => self.send_datagram(which, usize::from(b) * 16),
            10 => self.receive_datagrams(which),
            _ if b == 0 => self.finish(which),
            _ => {}
        }
    }

    fn send(&mut self, which: usize, count: usize) {
        let End {
            host,
            id,
            sent,
            finished,
            ..
        } = self.ends[which];
        let count = count.min(MOST - sent);
        if finished || count == 0 {
            return;
        }
        let octets: Vec<u8> = (sent..sent + count)
            .map(|place| octet(which, place))
            .collect();
        let taken = self.world.step(host, |stack, now| {
            stack.tcp_send(now, id, &[IoSlice::new(&octets)], SendFlags::default())
        });
        let end = &mut self.ends[which];
        match taken {
            Ok(taken) => {
                assert!(taken <= count, "took more than there was");
                end.sent += taken;
            }
            Err(Errno::WouldBlock) => {}
            Err(errno) => end.failed = Some(errno),
        }
    }

    /// Receives, and looks whether it is what comes next.
    fn receive(&mut self, which: usize, most: usize) {
        // Not of the heap: what is counted there shall be the stack's.
        let mut room = [0; 16 << 10];
        let room = &mut room[..most];
        let End { host, id, .. } = self.ends[which];
        let got = self.world.step(host, |stack, now| {
            stack.tcp_recv(now, id, &mut [IoSliceMut::new(room)], RecvFlags::default())
        });
        let sent = self.ends[1 - which].sent;
        let end = &mut self.ends[which];
        match got {
            Ok(0) => end.ended = true,
            Ok(count) => {
                assert!(!end.ended, "more came after the end");
                assert!(end.received + count <= sent, "more came than was sent");
                for (place, got) in (end.received..).zip(&room[..count]) {
                    assert_eq!(*got, octet(1 - which, place), "octet {place}");
                }
                end.received += count;
            }
            Err(Errno::WouldBlock) => {}
            Err(errno) => end.failed = Some(errno),
        }
    }

    fn finish(&mut self, which: usize) {
        let End { host, id, .. } = self.ends[which];
        let shut = self
            .world
            .step(host, |stack, now| stack.shutdown(now, id, Shutdown::Write));
        self.ends[which].finished |= shut.is_ok();
    }

    /// A datagram that says what is in it.
    fn send_datagram(&mut self, which: usize, length: usize) {
        let number = self.counts[which];
        self.counts[which] += 1;
        let mut octets = vec![0; 8 + length];
        octets[..4].copy_from_slice(&number.to_be_bytes());
        octets[4..8].copy_from_slice(&u32::try_from(length).unwrap_or(0).to_be_bytes());
        for (place, octet) in octets[8..].iter_mut().enumerate() {
            *octet = self::octet(which, place + usize::from(number.to_be_bytes()[3]));
        }
        let departure = Departure {
            peer: Some(name([[10, 0, 2, 1], [10, 0, 1, 1]][which], PORT)),
            ..Departure::default()
        };
        let id = self.datagrams[which];
        let _sent = self.world.step(which * 2, |stack, now| {
            stack.send_msg(now, id, &[IoSlice::new(&octets)], &departure)
        });
    }

    fn receive_datagrams(&mut self, which: usize) {
        let id = self.datagrams[which];
        let mut room = [0; 8192];
        loop {
            let got = self
                .world
                .step(which * 2, |stack, _| stack.recv_msg(id, &mut room, false));
            let Ok((count, arrival)) = got else {
                return;
            };
            assert_eq!(arrival.peer.port(), PORT);
            let (head, data) = room[..count].split_first_chunk::<8>().expect("a header");
            let [a, b, c, d, length @ ..] = *head;
            assert!(u32::from_be_bytes([a, b, c, d]) < self.counts[1 - which]);
            assert_eq!(
                u32::from_be_bytes(length),
                u32::try_from(data.len()).unwrap_or(0)
            );
            for (place, got) in data.iter().enumerate() {
                assert_eq!(
                    *got,
                    octet(1 - which, place + usize::from(d)),
                    "a datagram was altered"
                );
            }
        }
    }

    /// The network is good from now on: everything arrives, or both ends know that it never will.
    fn come_to_an_end(&mut self) {
        for which in 0..2 {
            let End { host, id, .. } = self.ends[which];
            // What is corked is let go, and who only waits asks whether the other is still there.
            let set = self.world.step(host, |stack, now| {
                stack.set_tcp_options(now, id, |options| {
                    options.cork = false;
                    options.keepalive = true;
                    options.keep_idle = Duration::from_secs(10);
                    options.keep_interval = Duration::from_secs(10);
                    options.keep_count = 5;
                })
            });
            set.expect("options");
            self.finish(which);
        }
        for round in 0..4000 {
            self.world.pass(
                Duration::from_millis(if round < 2000 { 100 } else { 1000 }),
                true,
            );
            for which in 0..2 {
                self.receive(which, 16 << 10);
                self.receive_datagrams(which);
            }
            let over = |end: &End| end.ended || end.failed.is_some();
            if self.ends.iter().all(over) {
                break;
            }
        }
        let [one, other] = &self.ends;
        if let (None, None) = (one.failed, other.failed) {
            for (end, peer) in [(one, other), (other, one)] {
                assert!(
                    end.ended,
                    "host {}: the end never came\n{:#?}\n{:#?}",
                    end.host,
                    self.world.hosts[one.host].tcp_info(one.id),
                    self.world.hosts[other.host].tcp_info(other.id),
                );
                assert_eq!(end.received, peer.sent, "host {} has not got all", end.host);
            }
        } else {
            for (end, peer) in [(one, other), (other, one)] {
                assert!(
                    end.failed.is_some() || end.received == peer.sent && end.ended,
                    "host {} was not told: {:?} and {:?}",
                    end.host,
                    one.failed,
                    other.failed
                );
            }
        }
    }
}
