//! SHIM
#![allow(missing_docs, dead_code, unused)]
use crate::{errno::Errno, event::Events, limits::TcpLimits, pkt::PacketBuf, rng::Rng};
use fairway_wire::{Instant, SeqNumber};
use std::io::{IoSlice, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddrV4};
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnId(u32);
#[derive(Clone, Copy, Debug)]
pub struct PathInfo {
    pub source: Ipv4Addr,
    pub mtu: usize,
    pub trusted_checksums: bool,
    pub gso_max: usize,
}
pub trait Paths {
    fn path(&self, source: Option<Ipv4Addr>, peer: Ipv4Addr) -> Result<PathInfo, Errno>;
    fn generation(&self) -> u64;
}
#[derive(Debug)]
pub struct IpInfo {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub ttl: u8,
    pub tos: u8,
    pub interface: u32,
    pub unicast: bool,
}
pub struct Context<'a> {
    pub now: Instant,
    pub config: &'a TcpConfig,
    pub limits: &'a TcpLimits,
    pub events: &'a mut Events,
    pub rng: &'a mut Rng,
    pub paths: &'a dyn Paths,
}
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpConfig {
    pub send_buffer: u32,
    pub recv_buffer: u32,
    pub ttl: u8,
}
#[derive(Debug)]
pub struct Outgoing {
    pub source: Ipv4Addr,
    pub destination: Ipv4Addr,
    pub tos: u8,
    pub ttl: u8,
    pub dont_fragment: bool,
    pub packet: PacketBuf,
    pub connection: Option<ConnId>,
    pub ip_options: Option<Box<[u8]>>,
    pub dont_route: bool,
    pub class: u32,
    pub bound_interface: Option<u32>,
    pub transparent: bool,
}
#[derive(Clone, Copy, Debug, Default)]
pub struct Readiness {
    pub readable: bool,
    pub writable: bool,
    pub exceptional: bool,
    pub error: bool,
    pub closed: bool,
}
#[derive(Debug)]
pub struct Notice {
    pub id: ConnId,
    pub owner: Option<u64>,
    pub readiness: Readiness,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    Read,
    Write,
    Both,
}
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Listen,
}
#[derive(Clone, Copy, Debug, Default)]
pub struct SendFlags {
    pub oob: bool,
    pub eof: bool,
    pub more: bool,
}
#[derive(Clone, Copy, Debug, Default)]
pub struct RecvFlags {
    pub peek: bool,
    pub oob: bool,
    pub wait_all: bool,
}
#[derive(Clone, Copy, Debug)]
pub struct Unreachable {
    pub errno: Errno,
    pub hard: bool,
}
#[derive(Debug)]
pub struct TcpInfo;
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Congestion {
    NewReno,
    #[default]
    Cubic,
}
impl core::fmt::Display for Congestion {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("cubic")
    }
}
use core::time::Duration;
/// The options of one socket. A connection that a listener accepts begins with the listener's (ACC-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOptions {
    /// `SO_REUSEADDR`: the local name may be in use for another address, or by connections of the past.
    pub reuse_addr: bool,
    /// `SO_REUSEPORT`: sockets that all set it share one local name.
    pub reuse_port: bool,
    /// `SO_KEEPALIVE`.
    pub keepalive: bool,
    /// `SO_OOBINLINE`: urgent data stays in the stream.
    pub oob_inline: bool,
    /// `SO_LINGER`: how long a close waits for what is unsent; zero aborts the connection.
    pub linger: Option<Duration>,
    /// `SO_RCVBUF`, octets. Setting it ends its growing by itself.
    pub recv_buffer: u32,
    /// `SO_SNDBUF`, octets. Setting it ends its growing by itself.
    pub send_buffer: u32,
    /// `SO_RCVLOWAT`, octets.
    pub recv_low_water: u32,
    /// `SO_SNDLOWAT`, octets.
    pub send_low_water: u32,
    /// `IP_TTL`.
    pub ttl: u8,
    /// `IP_TOS`.
    pub tos: u8,
    /// `TCP_NODELAY`: no waiting for more to send at once.
    pub no_delay: bool,
    /// `TCP_CORK`: nothing but full segments, until it is taken off.
    pub cork: bool,
    /// `TCP_QUICKACK`: acknowledge at once.
    pub quick_ack: bool,
    /// `TCP_MAXSEG`: no segment is longer, in either direction, in octets of data; 0 for what the path takes.
    pub max_segment: u16,
    /// `TCP_KEEPIDLE`.
    pub keep_idle: Duration,
    /// `TCP_KEEPINTVL`.
    pub keep_interval: Duration,
    /// `TCP_KEEPCNT`, 1 to 127.
    pub keep_count: u8,
    /// `TCP_USER_TIMEOUT`: how long sent data may stay unacknowledged (RFC 9293 §3.9.1, RFC 5482); none for the number
    /// of retransmissions to decide.
    pub user_timeout: Option<Duration>,
    /// `TCP_MSL`, 1 s to 120 s.
    pub msl: Duration,
    /// `TCP_TIMESTMP`.
    pub timestamps: bool,
    /// `TCP_WINSCALE`.
    pub window_scale: bool,
    /// `TCP_CONGESTION`.
    pub congestion: Congestion,
    /// Whether the buffers grow by themselves: until one is set.
    pub(crate) recv_auto: bool,
    pub(crate) send_auto: bool,
}

#[derive(Debug)]
pub struct IpChoices {
    pub device: Option<u32>,
    pub dont_route: bool,
    pub class: u32,
    pub ip_options: Option<Box<[u8]>>,
    pub transparent: bool,
}
#[derive(Debug)]
pub struct Tcp;
pub enum Close {
    Done,
}
impl Tcp {
    pub fn new(_: &mut Rng) -> Self {
        Self
    }
    pub fn handle_packet(&mut self, cx: &mut Context<'_>, ip: &IpInfo, p: PacketBuf) {}
    pub fn handle_unreachable(
        &mut self,
        cx: &mut Context<'_>,
        l: SocketAddrV4,
        p: SocketAddrV4,
        s: SeqNumber,
        e: Unreachable,
    ) {
    }
    pub fn handle_path_mtu(
        &mut self,
        cx: &mut Context<'_>,
        l: SocketAddrV4,
        p: SocketAddrV4,
        s: SeqNumber,
        m: u16,
    ) {
    }
    pub fn handle_output_error(&mut self, cx: &mut Context<'_>, c: ConnId, e: Errno) {}
    pub fn handle_timeout(&mut self, cx: &mut Context<'_>) {}
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
    pub fn poll_packet(&mut self, cx: &mut Context<'_>) -> Option<Outgoing> {
        None
    }
    pub fn has_output(&self) -> bool {
        false
    }
    pub fn poll_notice(&mut self) -> Option<Notice> {
        None
    }
    pub fn create(&mut self, cx: &mut Context<'_>) -> Result<ConnId, Errno> {
        Ok(ConnId(0))
    }
    pub fn set_owner(&mut self, c: ConnId, o: u64) {}
    pub fn bind(&mut self, cx: &mut Context<'_>, c: ConnId, n: SocketAddrV4) -> Result<(), Errno> {
        Ok(())
    }
    pub fn listen(&mut self, cx: &mut Context<'_>, c: ConnId, n: i32) -> Result<(), Errno> {
        Ok(())
    }
    pub fn accept(
        &mut self,
        cx: &mut Context<'_>,
        c: ConnId,
    ) -> Result<(ConnId, SocketAddrV4), Errno> {
        Err(Errno::WouldBlock)
    }
    pub fn connect(
        &mut self,
        cx: &mut Context<'_>,
        c: ConnId,
        l: Ipv4Addr,
        p: SocketAddrV4,
        i: PathInfo,
    ) -> Result<(), Errno> {
        Err(Errno::InProgress)
    }
    pub fn send(
        &mut self,
        cx: &mut Context<'_>,
        c: ConnId,
        b: &[IoSlice<'_>],
        f: SendFlags,
    ) -> Result<usize, Errno> {
        Ok(0)
    }
    pub fn recv(
        &mut self,
        cx: &mut Context<'_>,
        c: ConnId,
        b: &mut [IoSliceMut<'_>],
        f: RecvFlags,
    ) -> Result<usize, Errno> {
        Ok(0)
    }
    pub fn shutdown(&mut self, cx: &mut Context<'_>, c: ConnId, s: Shutdown) -> Result<(), Errno> {
        Ok(())
    }
    pub fn close(&mut self, cx: &mut Context<'_>, c: ConnId) -> Result<Close, Errno> {
        Ok(Close::Done)
    }
    pub fn abort(&mut self, cx: &mut Context<'_>, c: ConnId) {}
    pub fn local_name(&self, c: ConnId) -> Result<SocketAddrV4, Errno> {
        Err(Errno::NotSock)
    }
    pub fn peer_name(&self, c: ConnId) -> Result<SocketAddrV4, Errno> {
        Err(Errno::NotSock)
    }
    pub fn is_established(&self, c: ConnId) -> bool {
        false
    }
    pub fn at_mark(&self, c: ConnId) -> Result<bool, Errno> {
        Err(Errno::NotSock)
    }
    pub fn take_error(&mut self, c: ConnId) -> Result<Option<Errno>, Errno> {
        Err(Errno::NotSock)
    }
    pub fn readable_octets(&self, c: ConnId) -> Result<usize, Errno> {
        Err(Errno::NotSock)
    }
    pub fn readiness(&self, c: ConnId) -> Result<Readiness, Errno> {
        Err(Errno::NotSock)
    }
    pub fn options(&self, c: ConnId) -> Result<&SocketOptions, Errno> {
        Err(Errno::NotSock)
    }
    pub fn set_options(
        &mut self,
        cx: &mut Context<'_>,
        c: ConnId,
        f: impl FnOnce(&mut SocketOptions),
    ) -> Result<(), Errno> {
        Ok(())
    }
    pub fn is_shut(&self, c: ConnId) -> Result<(bool, bool), Errno> {
        Err(Errno::NotSock)
    }
    pub fn set_ip_choices(
        &mut self,
        cx: &mut Context<'_>,
        c: ConnId,
        f: IpChoices,
    ) -> Result<(), Errno> {
        Ok(())
    }
    pub fn info(&self, c: ConnId) -> Result<TcpInfo, Errno> {
        Err(Errno::NotSock)
    }
    pub fn state(&self, c: ConnId) -> Option<State> {
        None
    }
    pub fn is_in_flight(&self, l: SocketAddrV4, p: SocketAddrV4, s: SeqNumber) -> bool {
        false
    }
}
