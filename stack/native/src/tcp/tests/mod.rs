//! Two hosts, a link between them, and a number for the time.

mod attacks;
mod close;
mod handshake;
mod loss;
mod transfer;
mod urgent;
mod windows;

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};

use fairway_wire::tcp::{Flags, Header, Options};
use fairway_wire::{Instant, SeqNumber};

use super::{
    Close, ConnId, Context, IpInfo, Outgoing, PathInfo, Paths, RecvFlags, SendFlags, Shutdown,
    State, Tcp, TcpConfig, TcpInfo,
};
use crate::errno::Errno;
use crate::event::Events;
use crate::limits::TcpLimits;
use crate::pkt::{ChecksumState, PacketBuf};
use crate::rng::Rng;

pub(crate) const A: usize = 0;
pub(crate) const B: usize = 1;
const ADDRESSES: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 2)];
pub(crate) const PORT: u16 = 80;

pub(crate) const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// The way to the other host.
struct Way {
    source: Ipv4Addr,
    mtu: usize,
    gso_max: usize,
    trusted: bool,
}

impl Paths for Way {
    fn path(&self, source: Option<Ipv4Addr>, _peer: Ipv4Addr) -> Result<PathInfo, Errno> {
        Ok(PathInfo {
            source: source.unwrap_or(self.source),
            mtu: self.mtu,
            trusted_checksums: self.trusted,
            gso_max: self.gso_max,
        })
    }

    fn generation(&self) -> u64 {
        1
    }
}

/// One host: TCP and what it is lent.
pub(crate) struct Host {
    pub(crate) tcp: Tcp,
    pub(crate) config: TcpConfig,
    pub(crate) limits: TcpLimits,
    pub(crate) events: Events,
    rng: Rng,
    way: Way,
}

impl Host {
    fn new(seed: u8, source: Ipv4Addr) -> Self {
        let mut rng = Rng::from_seed([seed; 32]);
        Self {
            tcp: Tcp::new(&mut rng),
            config: TcpConfig::default(),
            limits: TcpLimits::default(),
            events: Events::new(),
            rng,
            way: Way {
                source,
                mtu: 1500,
                gso_max: 0,
                trusted: false,
            },
        }
    }

    fn with<R>(&mut self, now: Instant, f: impl FnOnce(&mut Tcp, &mut Context<'_>) -> R) -> R {
        let mut cx = Context {
            now,
            config: &self.config,
            limits: &self.limits,
            events: &mut self.events,
            rng: &mut self.rng,
            paths: &self.way,
        };
        f(&mut self.tcp, &mut cx)
    }
}

/// What the link does to packets, in either direction; probabilities in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Link {
    pub(crate) delay: Duration,
    /// Octets per second; 0 for no limit.
    pub(crate) rate: u64,
    /// Packets that may wait for the rate; 0 for no limit.
    pub(crate) queue: usize,
    pub(crate) loss: u64,
    pub(crate) duplicate: u64,
    pub(crate) corrupt: u64,
    pub(crate) reorder: u64,
    pub(crate) reorder_by: Duration,
}

/// A segment as a test looks at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    pub(crate) at: Instant,
    pub(crate) from: usize,
    pub(crate) header: Header,
    pub(crate) options: Options,
    pub(crate) len: usize,
}

type Filter = Box<dyn FnMut(&Seen) -> bool>;

/// Two hosts and the link.
pub(crate) struct Pair {
    pub(crate) hosts: [Host; 2],
    pub(crate) now: Instant,
    pub(crate) link: Link,
    rng: Rng,
    flying: BTreeMap<(Instant, u64), (usize, Outgoing)>,
    sent: u64,
    free_at: [Instant; 2],
    /// When the packets that wait for the rate leave.
    leaving: [VecDeque<Instant>; 2],
    /// Every segment that was sent.
    pub(crate) seen: Vec<Seen>,
    pub(crate) record: bool,
    /// Whether a segment gets through.
    pub(crate) pass: Filter,
}

impl Pair {
    pub(crate) fn new(link: Link) -> Self {
        Self::seeded(link, 1)
    }

    pub(crate) fn seeded(link: Link, seed: u8) -> Self {
        Self {
            hosts: [
                Host::new(seed, ADDRESSES[A]),
                Host::new(seed.wrapping_add(100), ADDRESSES[B]),
            ],
            now: Instant::from_nanos(1_000_000_000),
            link,
            rng: Rng::from_seed([seed; 32]),
            flying: BTreeMap::new(),
            sent: 0,
            free_at: [Instant::ZERO; 2],
            leaving: [VecDeque::new(), VecDeque::new()],
            seen: Vec::new(),
            record: true,
            pass: Box::new(|_| true),
        }
    }

    pub(crate) fn trust(&mut self) {
        for host in &mut self.hosts {
            host.way.trusted = true;
        }
    }

    pub(crate) fn set_gso(&mut self, most: usize) {
        for host in &mut self.hosts {
            host.way.gso_max = most;
        }
    }

    pub(crate) fn with<R>(
        &mut self,
        host: usize,
        f: impl FnOnce(&mut Tcp, &mut Context<'_>) -> R,
    ) -> R {
        let now = self.now;
        let result = self.hosts[host].with(now, f);
        self.pump();
        result
    }

    fn chance(&mut self, thousandths: u64) -> bool {
        thousandths > 0 && self.rng.below(1000) < thousandths
    }

    /// Puts what both hosts send onto the link.
    fn pump(&mut self) {
        for from in [A, B] {
            while let Some(outgoing) = {
                let now = self.now;
                self.hosts[from].with(now, |tcp, cx| tcp.poll_packet(cx))
            } {
                self.transmit(from, outgoing);
            }
        }
    }

    pub(crate) fn transmit(&mut self, from: usize, outgoing: Outgoing) {
        let (header, options, data) = Header::parse(outgoing.packet.as_slice()).unwrap();
        let seen = Seen {
            at: self.now,
            from,
            header,
            options: Options::parse(options),
            len: data.len(),
        };
        if self.record {
            self.seen.push(seen);
        }
        if !(self.pass)(&seen) || self.chance(self.link.loss) {
            return;
        }
        let mut at = self.now;
        let rate = self.link.rate;
        if rate > 0 {
            let leaving = &mut self.leaving[from];
            while leaving.front().is_some_and(|&at| at <= self.now) {
                leaving.pop_front();
            }
            if self.link.queue > 0 && leaving.len() > self.link.queue {
                return;
            }
            let octets = u64::try_from(outgoing.packet.len() + 38).unwrap();
            let time = Duration::from_secs(octets) / u32::try_from(rate).unwrap();
            at = self.free_at[from].max(at) + time;
            self.free_at[from] = at;
            self.leaving[from].push_back(at);
        }
        at += self.link.delay;
        if self.chance(self.link.reorder) {
            at += self.link.reorder_by;
        }
        if self.chance(self.link.duplicate) {
            let copy = copy(&outgoing);
            self.fly(at, from, copy);
        }
        let mut outgoing = outgoing;
        if self.chance(self.link.corrupt) {
            let bits = self
                .rng
                .below(u64::try_from(outgoing.packet.len() * 8).unwrap());
            let bits = usize::try_from(bits).unwrap();
            outgoing.packet.as_mut_slice()[bits / 8] ^= 1 << (bits % 8);
        }
        self.fly(at, from, outgoing);
    }

    fn fly(&mut self, at: Instant, from: usize, outgoing: Outgoing) {
        self.sent += 1;
        self.flying.insert((at, self.sent), (from, outgoing));
    }

    /// When something happens next.
    fn next(&self) -> Option<Instant> {
        let packet = self.flying.keys().next().map(|&(at, _)| at);
        let timers = self.hosts.iter().filter_map(|host| host.tcp.poll_timeout());
        packet.into_iter().chain(timers).min()
    }

    /// Does the next thing that happens, if it is not after `until`.
    pub(crate) fn step(&mut self, until: Instant) -> bool {
        let Some(next) = self.next().filter(|&next| next <= until) else {
            return false;
        };
        self.now = self.now.max(next);
        let now = self.now;
        if let Some(first) = self.flying.first_entry()
            && first.key().0 <= now
        {
            let (from, outgoing) = first.remove();
            let to = 1 - from;
            let ip = IpInfo {
                source: outgoing.source,
                destination: outgoing.destination,
                ttl: 64,
                tos: outgoing.tos,
                interface: 1,
                unicast: true,
            };
            for packet in cut(outgoing) {
                self.hosts[to].with(now, |tcp, cx| tcp.handle_packet(cx, &ip, packet));
            }
        } else {
            for host in &mut self.hosts {
                host.with(now, Tcp::handle_timeout);
            }
        }
        self.pump();
        true
    }

    /// Lets that much time pass.
    pub(crate) fn run(&mut self, time: Duration) {
        let until = self.now + time;
        while self.step(until) {}
        self.now = until;
    }

    // Calls.

    pub(crate) fn listen(&mut self, host: usize) -> ConnId {
        let name = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, PORT);
        self.with(host, |tcp, cx| {
            let id = tcp.create(cx).unwrap();
            tcp.bind(cx, id, name).unwrap();
            tcp.listen(cx, id, 16).unwrap();
            id
        })
    }

    pub(crate) fn connect(&mut self, host: usize) -> ConnId {
        let peer = SocketAddrV4::new(ADDRESSES[1 - host], PORT);
        let id = self.with(host, |tcp, cx| tcp.create(cx).unwrap());
        assert_eq!(self.connect_to(host, id, peer), Err(Errno::InProgress));
        id
    }

    pub(crate) fn connect_to(
        &mut self,
        host: usize,
        id: ConnId,
        peer: SocketAddrV4,
    ) -> Result<(), Errno> {
        self.with(host, |tcp, cx| {
            let path = cx.paths.path(None, *peer.ip()).unwrap();
            tcp.connect(cx, id, path.source, peer, path)
        })
    }

    pub(crate) fn accept(&mut self, host: usize, listener: ConnId) -> Result<ConnId, Errno> {
        self.with(host, |tcp, cx| tcp.accept(cx, listener))
            .map(|(id, _)| id)
    }

    /// A connection from host A to host B: both ends.
    pub(crate) fn connected(&mut self) -> (ConnId, ConnId) {
        let listener = self.listen(B);
        let one = self.connect(A);
        for _ in 0..10_000 {
            if let Ok(other) = self.accept(B, listener) {
                assert_eq!(self.state(A, one), Some(State::Established));
                self.with(B, |tcp, cx| tcp.close(cx, listener)).unwrap();
                return (one, other);
            }
            let until = self.now + Duration::from_secs(100);
            assert!(self.step(until), "no connection");
        }
        panic!("no connection");
    }

    pub(crate) fn send(&mut self, host: usize, id: ConnId, data: &[u8]) -> Result<usize, Errno> {
        self.send_with(host, id, data, SendFlags::default())
    }

    pub(crate) fn send_with(
        &mut self,
        host: usize,
        id: ConnId,
        data: &[u8],
        flags: SendFlags,
    ) -> Result<usize, Errno> {
        self.with(host, |tcp, cx| {
            tcp.send(cx, id, &[IoSlice::new(data)], flags)
        })
    }

    pub(crate) fn recv(&mut self, host: usize, id: ConnId, most: usize) -> Result<Vec<u8>, Errno> {
        self.recv_with(host, id, most, RecvFlags::default())
    }

    pub(crate) fn recv_with(
        &mut self,
        host: usize,
        id: ConnId,
        most: usize,
        flags: RecvFlags,
    ) -> Result<Vec<u8>, Errno> {
        let mut data = vec![0; most];
        let got = self.with(host, |tcp, cx| {
            tcp.recv(cx, id, &mut [IoSliceMut::new(&mut data)], flags)
        })?;
        data.truncate(got);
        Ok(data)
    }

    pub(crate) fn shutdown(&mut self, host: usize, id: ConnId) {
        self.with(host, |tcp, cx| tcp.shutdown(cx, id, Shutdown::Write))
            .unwrap();
    }

    pub(crate) fn close(&mut self, host: usize, id: ConnId) -> Close {
        self.with(host, |tcp, cx| tcp.close(cx, id)).unwrap()
    }

    pub(crate) fn state(&self, host: usize, id: ConnId) -> Option<State> {
        self.hosts[host].tcp.state(id)
    }

    pub(crate) fn info(&self, host: usize, id: ConnId) -> TcpInfo {
        self.hosts[host].tcp.info(id).unwrap()
    }

    /// Sends `len` octets of a pattern from `from` to the other host, reading there at once; returns the time it took.
    pub(crate) fn transfer(
        &mut self,
        from: usize,
        sender: ConnId,
        receiver: ConnId,
        len: usize,
    ) -> Duration {
        let data = pattern(len);
        let (mut written, mut read) = (0, 0);
        let start = self.now;
        let limit = self.now + Duration::from_secs(3600);
        let mut buffer = vec![0; 65_536];
        while read < len {
            if written < len {
                match self.send(from, sender, &data[written..len.min(written + 65_536)]) {
                    Ok(more) => written += more,
                    Err(Errno::WouldBlock) => {}
                    Err(error) => panic!("send: {error} after {read} of {len}"),
                }
            }
            loop {
                let got = self.with(1 - from, |tcp, cx| {
                    tcp.recv(
                        cx,
                        receiver,
                        &mut [IoSliceMut::new(&mut buffer)],
                        RecvFlags::default(),
                    )
                });
                match got {
                    Ok(got) => {
                        assert!(got > 0, "the stream ended after {read} of {len}");
                        assert_eq!(buffer[..got], data[read..read + got], "at {read}");
                        read += got;
                    }
                    Err(Errno::WouldBlock) => break,
                    Err(error) => panic!("recv: {error} after {read} of {len}"),
                }
            }
            if read < len {
                assert!(
                    self.step(limit),
                    "stuck after {read} of {len}, written {written}: {:#?} {:#?}",
                    self.info(from, sender),
                    self.info(1 - from, receiver)
                );
            }
        }
        self.now - start
    }

    /// Has a hand-made segment arrive at a host.
    pub(crate) fn inject(&mut self, to: usize, header: Header, options: &Options, data: &[u8]) {
        let mut room = [0; 40];
        let len = options.emit(&mut room);
        let header = Header {
            header_len: u8::try_from(20 + len).unwrap(),
            ..header
        };
        let mut packet = PacketBuf::for_overwrite(20 + len + data.len());
        header.emit(&room[..len], &mut packet.as_mut_slice()[..20 + len]);
        packet.as_mut_slice()[20 + len..].copy_from_slice(data);
        packet.checksum = ChecksumState::Trusted;
        let ip = IpInfo {
            source: ADDRESSES[1 - to],
            destination: ADDRESSES[to],
            ttl: 64,
            tos: 0,
            interface: 1,
            unicast: true,
        };
        self.with(to, |tcp, cx| tcp.handle_packet(cx, &ip, packet));
    }

    /// The last segment that a host sent.
    pub(crate) fn last_from(&self, host: usize) -> Seen {
        *self
            .seen
            .iter()
            .rev()
            .find(|seen| seen.from == host)
            .unwrap()
    }

    pub(crate) fn sent_by(&self, host: usize) -> impl Iterator<Item = &Seen> {
        self.seen.iter().filter(move |seen| seen.from == host)
    }
}

/// A header from the other host that continues after `last`, a segment of `to`.
pub(crate) fn answering(last: &Seen) -> Header {
    Header {
        source_port: last.header.destination_port,
        destination_port: last.header.source_port,
        seq: last.header.ack,
        ack: last.header.seq + last.header.sequence_len(last.len),
        header_len: 20,
        flags: Flags::ACK,
        window: 65_535,
        checksum: 0,
        urgent: 0,
    }
}

fn copy(outgoing: &Outgoing) -> Outgoing {
    Outgoing {
        source: outgoing.source,
        destination: outgoing.destination,
        tos: outgoing.tos,
        ttl: outgoing.ttl,
        dont_fragment: outgoing.dont_fragment,
        packet: outgoing.packet.clone(),
        connection: None,
        ip_options: None,
        dont_route: false,
        class: 0,
        bound_interface: None,
        transparent: false,
    }
}

/// What the device does with a super-segment: here, nothing; the peer takes it whole, as from a loopback.
fn cut(outgoing: Outgoing) -> Vec<PacketBuf> {
    vec![outgoing.packet]
}

pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from((at * 7 + at / 251) % 251).unwrap())
        .collect()
}
