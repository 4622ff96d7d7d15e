//! Two hosts joined in memory: what the one sends, the other is handed, on one thread, and time is a number.

use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use fairway_native::tcp::{RecvFlags, SendFlags};
use fairway_native::{
    Errno, InterfaceAddress, InterfaceConfig, InterfaceId, Setup, SocketId, Stack,
};
use fairway_wire::{Instant, MacAddr};

use crate::lab::Error;

/// What joins the two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) ethernet: bool,
    pub(super) mtu: usize,
    /// Whether checksums are computed and looked at.
    pub(super) sums: bool,
}

/// The usual one.
pub(super) const ETHERNET: Kind = Kind {
    ethernet: true,
    mtu: 1500,
    sums: true,
};

#[derive(Debug)]
pub(super) struct Host {
    pub(super) stack: Stack,
    pub(super) interface: InterfaceId,
    pub(super) address: Ipv4Addr,
}

#[derive(Debug)]
pub(super) struct Pair {
    pub(super) a: Host,
    pub(super) b: Host,
    now: Instant,
    pub(super) frames: u64,
}

/// An octet of its own for each host's randomness.
pub(super) fn seed(n: u8) -> [u8; 32] {
    [n; 32]
}

pub(super) fn setup(n: u8) -> Setup {
    let mut setup = Setup::new(&format!("host{n}"), seed(n));
    setup.limits.socket.sockets = 1 << 20;
    setup
}

impl Host {
    fn new(n: u8, kind: Kind, now: Instant) -> Result<Self, Error> {
        let mut stack = Stack::new(setup(n));
        let mut config = if kind.ethernet {
            InterfaceConfig::ethernet("e0", MacAddr([2, 0, 0, 0, 0, n]))
        } else {
            InterfaceConfig::point("p0", kind.mtu)
        };
        config.trusted = !kind.sums;
        let interface = stack.add_interface(config);
        let address = Ipv4Addr::new(10, 77, 0, n);
        stack.add_address(now, interface, InterfaceAddress::new(address, 24))?;
        Ok(Self {
            stack,
            interface,
            address,
        })
    }

    pub(super) fn at(&self, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(self.address, port)
    }

    fn timeout(&mut self, now: Instant) {
        if self.stack.poll_timeout().is_some_and(|at| at <= now) {
            self.stack.handle_timeout(now);
        }
    }

    /// Hands everything that waits to be sent to `other`, at once.
    fn carry(&mut self, other: &mut Self, now: Instant) -> u64 {
        let mut frames = 0;
        let sent = std::iter::from_fn(|| {
            let frame = self.stack.poll_frame(now, self.interface)?;
            frames += 1;
            Some(frame)
        });
        other.stack.handle_frames(now, other.interface, sent);
        frames
    }

    /// Sends as much as there is room for; 0 if there is none.
    pub(super) fn send(
        &mut self,
        now: Instant,
        id: SocketId,
        octets: &[u8],
    ) -> Result<usize, Errno> {
        let sent = self
            .stack
            .tcp_send(now, id, &[IoSlice::new(octets)], SendFlags::default());
        no_wait(sent)
    }

    /// Receives what is there; 0 if nothing is.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        id: SocketId,
        octets: &mut [u8],
    ) -> Result<usize, Errno> {
        let got = self.stack.tcp_recv(
            now,
            id,
            &mut [IoSliceMut::new(octets)],
            RecvFlags::default(),
        );
        no_wait(got)
    }
}

fn no_wait(result: Result<usize, Errno>) -> Result<usize, Errno> {
    match result {
        Err(Errno::WouldBlock) => Ok(0),
        other => other,
    }
}

impl Pair {
    pub(super) fn new(kind: Kind) -> Result<Self, Error> {
        let now = Instant::ZERO;
        let mut pair = Self {
            a: Host::new(1, kind, now)?,
            b: Host::new(2, kind, now)?,
            now,
            frames: 0,
        };
        pair.settle(4);
        Ok(pair)
    }

    /// The time, a microsecond later than the last.
    pub(super) fn step(&mut self) -> Instant {
        self.pass(Duration::from_micros(1))
    }

    pub(super) fn pass(&mut self, span: Duration) -> Instant {
        self.now += span;
        self.now
    }

    pub(super) fn carry_a(&mut self) {
        let now = self.step();
        self.a.timeout(now);
        self.frames += self.a.carry(&mut self.b, now);
    }

    pub(super) fn carry_b(&mut self) {
        let now = self.step();
        self.b.timeout(now);
        self.frames += self.b.carry(&mut self.a, now);
    }

    /// Milliseconds in which the two only talk to each other.
    pub(super) fn settle(&mut self, milliseconds: u32) {
        for _ in 0..milliseconds {
            self.pass(Duration::from_millis(1));
            self.carry_a();
            self.carry_b();
        }
    }

    /// A stream socket of `b`'s that listens.
    pub(super) fn listen(&mut self, port: u16, backlog: u32) -> Result<SocketId, Error> {
        let now = self.step();
        let listener = self.b.stack.tcp_socket(now)?;
        self.b.stack.bind(now, listener, self.b.at(port))?;
        self.b.stack.listen(now, listener, backlog)?;
        Ok(listener)
    }

    /// A connection from `a` to a listener of `b`'s: both ends.
    pub(super) fn connect(
        &mut self,
        listener: SocketId,
        port: u16,
        buffer: Option<u32>,
    ) -> Result<(SocketId, SocketId), Error> {
        let now = self.step();
        let client = self.a.stack.tcp_socket(now)?;
        let tune = |options: &mut fairway_native::tcp::SocketOptions| {
            options.no_delay = true;
            if let Some(buffer) = buffer {
                options.send_buffer = buffer;
                options.recv_buffer = buffer;
            }
        };
        self.b.stack.set_tcp_options(now, listener, tune)?;
        self.a.stack.set_tcp_options(now, client, tune)?;
        match self.a.stack.connect(now, client, self.b.at(port)) {
            Ok(()) | Err(Errno::InProgress) => {}
            Err(errno) => return Err(errno.into()),
        }
        for _ in 0..4 {
            self.carry_a();
            self.carry_b();
        }
        let now = self.step();
        let (server, _) = self.b.stack.accept(now, listener)?;
        Ok((client, server))
    }
}
