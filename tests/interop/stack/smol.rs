//! A native host and smoltcp, two implementations with nothing in common, on an Ethernet that loses, in virtual time.

use std::collections::VecDeque;
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use fairway_native::tcp::{RecvFlags, SendFlags, Shutdown};
use fairway_native::{
    Departure, Errno, InterfaceAddress, InterfaceConfig, InterfaceId, PacketBuf, Setup, SocketId,
    Stack,
};
use fairway_tests::Random;
use fairway_wire::{Instant, MacAddr};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{icmp, tcp, udp};
use smoltcp::wire::{
    EthernetAddress, HardwareAddress, Icmpv4Packet, Icmpv4Repr, IpAddress, IpCidr,
};

const OURS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const THEIRS: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
/// How long a frame is under way.
const DELAY: Duration = Duration::from_millis(5);
/// No exchange here takes longer.
const LONGEST: Duration = Duration::from_secs(900);

/// smoltcp's end of the cable.
#[derive(Default)]
struct Port {
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
        let mut frame = vec![0; len];
        let result = f(&mut frame);
        self.0.push(frame);
        result
    }
}

impl Device for Port {
    type RxToken<'a> = Arrived;
    type TxToken<'a> = Sender<'a>;

    fn receive(&mut self, _: smoltcp::time::Instant) -> Option<(Arrived, Sender<'_>)> {
        let frame = self.arrived.pop_front()?;
        Some((Arrived(frame), Sender(&mut self.sent)))
    }

    fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<Sender<'_>> {
        Some(Sender(&mut self.sent))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

/// Both hosts, the frames between them and the time.
struct Lab {
    now: Instant,
    random: Random,
    /// Of a hundred frames, how many are lost, how many come twice, how many come late.
    faults: [usize; 3],
    stack: Stack,
    interface: InterfaceId,
    port: Port,
    smol: Interface,
    sockets: SocketSet<'static>,
    /// To ours, and to smoltcp.
    flying: [Vec<(Instant, Vec<u8>)>; 2],
}

impl Lab {
    fn new(seed: u64, faults: [usize; 3]) -> Self {
        let now = Instant::ZERO;
        let mut stack = Stack::new(Setup::new("native", [7; 32]));
        let interface =
            stack.add_interface(InterfaceConfig::ethernet("e0", MacAddr([2, 0, 0, 0, 0, 1])));
        stack
            .add_address(now, interface, InterfaceAddress::new(OURS, 24))
            .unwrap();
        let mut port = Port::default();
        let mut config = Config::new(HardwareAddress::Ethernet(EthernetAddress([
            2, 0, 0, 0, 0, 2,
        ])));
        config.random_seed = seed;
        let mut smol = Interface::new(config, &mut port, smoltcp::time::Instant::ZERO);
        smol.update_ip_addrs(|all| all.push(IpCidr::new(IpAddress::Ipv4(THEIRS), 24)).unwrap());
        Self {
            now,
            random: Random::new(seed),
            faults,
            stack,
            interface,
            port,
            smol,
            sockets: SocketSet::new(vec![]),
            flying: [Vec::new(), Vec::new()],
        }
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.random.below(100) < percent
    }

    /// Puts a frame on the cable, or what becomes of it.
    fn fly(&mut self, to: usize, frame: Vec<u8>) {
        let [lost, twice, late] = self.faults;
        if self.chance(lost) {
            return;
        }
        let mut at = self.now + DELAY;
        if self.chance(late) {
            at += DELAY;
        }
        if self.chance(twice) {
            self.flying[to].push((at, frame.clone()));
        }
        self.flying[to].push((at, frame));
    }

    /// Takes what has arrived by now, in order of arrival.
    fn landed(&mut self, to: usize) -> Vec<Vec<u8>> {
        let now = self.now;
        let (mut due, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.flying[to])
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.flying[to] = rest;
        due.sort_by_key(|(at, _)| *at);
        due.into_iter().map(|(_, frame)| frame).collect()
    }

    /// Lets both do what is due, then lets time pass to what comes next.
    fn step(&mut self) {
        for frame in self.landed(0) {
            self.stack
                .handle_frame(self.now, self.interface, PacketBuf::from_slice(&frame));
        }
        if self.stack.poll_timeout().is_some_and(|at| at <= self.now) {
            self.stack.handle_timeout(self.now);
        }
        while let Some(frame) = self.stack.poll_frame(self.now, self.interface) {
            self.fly(1, frame.as_slice().to_vec());
        }
        for frame in self.landed(1) {
            self.port.arrived.push_back(frame);
        }
        let smol_now =
            smoltcp::time::Instant::from_micros(i64::try_from(self.now.as_nanos() / 1000).unwrap());
        self.smol.poll(smol_now, &mut self.port, &mut self.sockets);
        for frame in std::mem::take(&mut self.port.sent) {
            self.fly(0, frame);
        }
        let next_smol = self
            .smol
            .poll_at(smol_now, &self.sockets)
            .map(|at| Instant::from_nanos(u64::try_from(at.total_micros()).unwrap() * 1000));
        let next = self
            .flying
            .iter()
            .flatten()
            .map(|(at, _)| *at)
            .chain(self.stack.poll_timeout())
            .chain(next_smol)
            .min();
        // At least a little, or the two could answer each other for ever at one time.
        let least = self.now + Duration::from_micros(10);
        let most = self.now + Duration::from_millis(50);
        self.now = next.unwrap_or(most).clamp(least, most);
        assert!(self.now < Instant::ZERO + LONGEST, "it takes too long");
    }

    /// Steps until `done` gives a value.
    fn until<T>(&mut self, mut done: impl FnMut(&mut Self) -> Option<T>) -> T {
        loop {
            if let Some(value) = done(self) {
                return value;
            }
            self.step();
        }
    }

    fn smol_stream(&mut self) -> SocketHandle {
        let buffer = || tcp::SocketBuffer::new(vec![0; 40_000]);
        self.sockets.add(tcp::Socket::new(buffer(), buffer()))
    }

    fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }
}

fn no_wait(result: Result<usize, Errno>) -> Option<usize> {
    match result {
        Ok(len) => Some(len),
        Err(Errno::WouldBlock) => None,
        Err(errno) => panic!("{errno:?}"),
    }
}

/// A direction's octets: what is sent, what has been, what has come.
struct Stream {
    octets: Vec<u8>,
    sent: usize,
    got: Vec<u8>,
}

impl Stream {
    fn new(random: &mut Random, len: usize) -> Self {
        let octets = (0..len)
            .map(|_| u8::try_from(random.below(256)).unwrap())
            .collect();
        Self {
            octets,
            sent: 0,
            got: Vec::new(),
        }
    }
}

/// Streams go both ways at once, whole and in order, and close (RFC 9293 §3.6, §3.8).
fn exchange(lab: &mut Lab, ours: SocketId, theirs: SocketHandle, len: usize) {
    let mut there = Stream::new(&mut lab.random, len);
    let mut back = Stream::new(&mut lab.random, len);
    let (mut we_ended, mut they_ended) = (false, false);
    let mut buffer = vec![0; 10_000];
    lab.until(|lab| {
        let now = lab.now;
        while there.sent < len {
            let rest = IoSlice::new(&there.octets[there.sent..]);
            match no_wait(lab.stack.tcp_send(now, ours, &[rest], SendFlags::default())) {
                Some(sent) => there.sent += sent,
                None => break,
            }
            if there.sent == len {
                lab.stack.shutdown(now, ours, Shutdown::Write).unwrap();
            }
        }
        while !they_ended {
            let into = &mut [IoSliceMut::new(&mut buffer)];
            match no_wait(lab.stack.tcp_recv(now, ours, into, RecvFlags::default())) {
                Some(0) => they_ended = true,
                Some(got) => back.got.extend_from_slice(&buffer[..got]),
                None => break,
            }
        }
        let socket = lab.tcp(theirs);
        while back.sent < len && socket.can_send() {
            back.sent += socket.send_slice(&back.octets[back.sent..]).unwrap();
            if back.sent == len {
                socket.close();
            }
        }
        while socket.can_recv() {
            let got = socket.recv_slice(&mut buffer).unwrap();
            there.got.extend_from_slice(&buffer[..got]);
        }
        we_ended |= !socket.may_recv() && there.got.len() == len;
        (we_ended && they_ended).then_some(())
    });
    assert!(there.got == there.octets, "ours arrives whole and in order");
    assert!(back.got == back.octets, "theirs arrives whole and in order");
    let now = lab.now;
    lab.stack.close(now, ours).unwrap();
    lab.until(|lab| {
        (!lab.tcp(theirs).is_open() || lab.tcp(theirs).state() == tcp::State::TimeWait)
            .then_some(())
    });
}

fn connect_to_smol(lab: &mut Lab) -> (SocketId, SocketHandle) {
    let theirs = lab.smol_stream();
    lab.tcp(theirs).listen(80).unwrap();
    let now = lab.now;
    let ours = lab.stack.tcp_socket(now).unwrap();
    let started = lab.stack.connect(now, ours, SocketAddrV4::new(THEIRS, 80));
    assert_eq!(started, Err(Errno::InProgress));
    lab.until(|lab| lab.stack.readiness(ours).unwrap().write.then_some(()));
    assert_eq!(lab.stack.take_error(ours), Ok(None));
    (ours, theirs)
}

fn connect_to_ours(lab: &mut Lab) -> (SocketId, SocketHandle) {
    let now = lab.now;
    let listener = lab.stack.tcp_socket(now).unwrap();
    lab.stack
        .bind(now, listener, SocketAddrV4::new(OURS, 80))
        .unwrap();
    lab.stack.listen(now, listener, 5).unwrap();
    let theirs = lab.smol_stream();
    let context = lab.smol.context();
    lab.sockets
        .get_mut::<tcp::Socket<'_>>(theirs)
        .connect(context, (IpAddress::Ipv4(OURS), 80), 40_000)
        .unwrap();
    let (ours, peer) = lab.until(|lab| {
        let now = lab.now;
        match lab.stack.accept(now, listener) {
            Ok(accepted) => Some(accepted),
            Err(errno) => {
                assert_eq!(errno, Errno::WouldBlock);
                None
            }
        }
    });
    assert_eq!(peer, SocketAddrV4::new(THEIRS, 40_000));
    (ours, theirs)
}

/// No faults, and of a hundred frames: lost, twice, late.
const FAULTS: [[usize; 3]; 4] = [[0, 0, 0], [3, 0, 0], [0, 5, 10], [10, 2, 5]];

#[test]
fn smoltcp_answers_our_connection() {
    for (seed, faults) in (1..).zip(FAULTS) {
        let mut lab = Lab::new(seed, faults);
        let (ours, theirs) = connect_to_smol(&mut lab);
        exchange(&mut lab, ours, theirs, 300_000);
    }
}

#[test]
fn we_answer_smoltcps_connection() {
    for (seed, faults) in (11..).zip(FAULTS) {
        let mut lab = Lab::new(seed, faults);
        let (ours, theirs) = connect_to_ours(&mut lab);
        exchange(&mut lab, ours, theirs, 300_000);
    }
}

#[test]
fn a_reset_ends_the_connection_at_the_other_end() {
    let mut lab = Lab::new(21, FAULTS[0]);
    let (ours, theirs) = connect_to_ours(&mut lab);
    lab.tcp(theirs).abort();
    lab.until(|lab| lab.stack.readiness(ours).unwrap().error.then_some(()));
    assert_eq!(lab.stack.take_error(ours), Ok(Some(Errno::ConnReset)));

    // A socket that lingers for no time at all is reset when it is closed (CLO-3).
    let mut lab = Lab::new(22, FAULTS[0]);
    let (ours, theirs) = connect_to_smol(&mut lab);
    let now = lab.now;
    lab.stack
        .set_tcp_options(now, ours, |options| options.linger = Some(Duration::ZERO))
        .unwrap();
    lab.stack.close(now, ours).unwrap();
    lab.until(|lab| (!lab.tcp(theirs).is_open()).then_some(()));
}

#[test]
fn a_port_of_ours_where_nobody_listens_refuses() {
    let mut lab = Lab::new(31, FAULTS[0]);
    let theirs = lab.smol_stream();
    let context = lab.smol.context();
    lab.sockets
        .get_mut::<tcp::Socket<'_>>(theirs)
        .connect(context, (IpAddress::Ipv4(OURS), 81), 40_000)
        .unwrap();
    // RFC 9293 §3.10.7.1: a reset, long before it would give up.
    lab.until(|lab| (!lab.tcp(theirs).is_open()).then_some(()));
    assert!(lab.now < Instant::ZERO + Duration::from_secs(2));
}

#[test]
fn datagrams_arrive_also_in_fragments() {
    let mut lab = Lab::new(41, FAULTS[0]);
    let buffer = || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 8], vec![0; 65_536]);
    let theirs = lab.sockets.add(udp::Socket::new(buffer(), buffer()));
    lab.sockets
        .get_mut::<udp::Socket<'_>>(theirs)
        .bind(4001)
        .unwrap();
    let ours = lab.stack.udp_socket().unwrap();
    let now = lab.now;
    lab.stack
        .bind(now, ours, SocketAddrV4::new(OURS, 4000))
        .unwrap();
    for len in [0, 1, 1472, 1473, 5000, 20_000] {
        let octets: Vec<u8> = (0..len).map(|i| u8::try_from(i % 251).unwrap()).collect();
        let now = lab.now;
        let departure = Departure {
            peer: Some(SocketAddrV4::new(THEIRS, 4001)),
            ..Departure::default()
        };
        let sent = lab
            .stack
            .send_msg(now, ours, &[IoSlice::new(&octets)], &departure);
        assert_eq!(sent, Ok(len));
        let (got, meta) = lab.until(|lab| {
            let socket = lab.sockets.get_mut::<udp::Socket<'_>>(theirs);
            socket.recv().ok().map(|(got, meta)| (got.to_vec(), meta))
        });
        assert!(got == octets, "{len} octets there");
        assert_eq!(meta.endpoint, (IpAddress::Ipv4(OURS), 4000).into());
        lab.sockets
            .get_mut::<udp::Socket<'_>>(theirs)
            .send_slice(&octets, meta.endpoint)
            .unwrap();
        let mut back = vec![0; 65_536];
        let (got, arrival) = lab.until(|lab| lab.stack.recv_msg(ours, &mut back, false).ok());
        assert!(back[..got] == octets, "{len} octets back");
        assert_eq!(arrival.peer, SocketAddrV4::new(THEIRS, 4001));
    }
}

#[test]
fn an_echo_request_of_smoltcp_is_answered() {
    let mut lab = Lab::new(51, FAULTS[0]);
    let buffer = || icmp::PacketBuffer::new(vec![icmp::PacketMetadata::EMPTY; 4], vec![0; 16_384]);
    let handle = lab.sockets.add(icmp::Socket::new(buffer(), buffer()));
    let socket = lab.sockets.get_mut::<icmp::Socket<'_>>(handle);
    socket.bind(icmp::Endpoint::Ident(77)).unwrap();
    let data = [0x5a; 3000];
    let request = Icmpv4Repr::EchoRequest {
        ident: 77,
        seq_no: 3,
        data: &data,
    };
    let room = socket
        .send(request.buffer_len(), IpAddress::Ipv4(OURS))
        .unwrap();
    let capabilities = smoltcp::phy::ChecksumCapabilities::default();
    request.emit(&mut Icmpv4Packet::new_unchecked(room), &capabilities);
    let (reply, from) = lab.until(|lab| {
        let socket = lab.sockets.get_mut::<icmp::Socket<'_>>(handle);
        socket
            .recv()
            .ok()
            .map(|(reply, from)| (reply.to_vec(), from))
    });
    assert_eq!(from, IpAddress::Ipv4(OURS));
    let reply = Icmpv4Packet::new_checked(&reply[..]).unwrap();
    let reply = Icmpv4Repr::parse(&reply, &capabilities).unwrap();
    assert_eq!(
        reply,
        Icmpv4Repr::EchoReply {
            ident: 77,
            seq_no: 3,
            data: &data
        }
    );
}
