//! Packets in and out: RFC 2205 §3.11.5, over the sockets of a [`Net`].
//!
//! | Socket | Receives | Sends |
//! |---|---|---|
//! | IPv4, protocol 46, router alert asked for | what is for us, and what passes with the option | without the option |
//! | IPv4, protocol 46, option set | nothing that is looked at | with the option |
//! | IPv6, protocol 46 | what is for us | without the option |
//! | IPv6, protocol 255, router alert 1 | what passes with the option | with the option, headers made here |
//! | UDP 1698 and 1699 | where encapsulation is wanted | the same |
//!
//! Path and PathTear leave with the address of a sender elsewhere: all sockets that send may (`Transparent`).
//!
//! Sending never waits and never fails: what does not fit into the system's buffer waits in a queue of bounded length, what
//! the system refuses is counted. Soft state mends either.

mod groups;
mod packet;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use bytes::Bytes;
use fairway_stack::{
    Family, IpProtocol, MsgInfo, Net, NetError, RawSocket, SendInfo, UdpSocket, option,
};
use tracing::{debug, trace, warn};

use crate::interface::IfIndex;
use crate::neighbour::{Arrival, Transmit, Via};
use groups::Groups;
use packet::{ALERT_V4, TRAFFIC_CLASS, unwrap_v4, unwrap_v6, wrap_v6};

/// *Pu*: to the first router, and to this group of all of them (RFC 2205 appendix C).
pub const PU: u16 = 1698;
/// *Pu′*: from the last router.
pub const PU_PRIME: u16 = 1699;
/// *G\**: all nodes that take RSVP in UDP.
pub const ENCAPSULATION_GROUP: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 14);

/// Datagrams that wait for room in the system's buffer.
const QUEUE: usize = 4096;
/// Octets of the receive buffers: refreshes of many sessions come in bursts.
const RECEIVE_BUFFER: usize = 8 << 20;
/// Octets of the send buffers.
const SEND_BUFFER: usize = 2 << 20;
/// The longest datagram.
const LONGEST: usize = 65_535;

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IoCounters {
    /// Datagrams that came.
    pub received: u64,
    /// Datagrams that went.
    pub sent: u64,
    /// Those that came and made no sense as packets.
    pub malformed: u64,
    /// Those for which there was no room.
    pub queue_full: u64,
    /// Those that the system refused to send, by the error's name.
    pub send_errors: BTreeMap<&'static str, u64>,
    /// Groups that could not be joined.
    pub join_errors: u64,
}

/// Which UDP ports are served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encapsulation {
    /// *Pu*, and the group.
    pub router: bool,
    /// *Pu′*, and no raw sockets are needed.
    pub host: bool,
}

/// The sockets.
#[derive(Debug)]
pub struct PacketIo {
    net: Net,
    v4: Option<RawPair>,
    v6: Option<RawPair>,
    pu: Option<UdpSocket>,
    pu_prime: Option<UdpSocket>,
    groups: Groups,
    queue: VecDeque<Transmit>,
    /// Which socket is asked first; the next one is next time.
    turn: usize,
    buffer: Box<[u8]>,
    counters: IoCounters,
}

/// The two raw sockets of a family.
#[derive(Debug)]
struct RawPair {
    plain: RawSocket,
    alert: RawSocket,
}

impl RawPair {
    fn v4(net: &Net, in_transit: bool) -> Result<Self, NetError> {
        let plain = net.raw_socket(Family::V4, IpProtocol::RSVP)?;
        prepare(&plain)?;
        if in_transit {
            plain.set(option::RouterAlert, Some(0))?;
        }
        let alert = net.raw_socket(Family::V4, IpProtocol::RSVP)?;
        prepare(&alert)?;
        alert.set(option::Options, ALERT_V4.to_vec())?;
        // It gets a copy of what the other one reads, which nobody looks at: as few of them as can be.
        alert.set(option::RecvBuf, 1)?;
        Ok(Self { plain, alert })
    }

    fn v6(net: &Net, in_transit: bool) -> Result<Self, NetError> {
        let plain = net.raw_socket(Family::V6, IpProtocol::RSVP)?;
        prepare(&plain)?;
        // Linux gives packets in transit to sockets of protocol 255 only.
        let alert = net.raw_socket(Family::V6, IpProtocol::RAW)?;
        prepare(&alert)?;
        alert.set(option::HeaderIncluded, true)?;
        if in_transit {
            alert.set(option::RouterAlert, Some(1))?;
            // Else Linux gives it those of every other network namespace, too, as if they were ours.
            alert.set(option::RouterAlertIsolate, true)?;
        }
        Ok(Self { plain, alert })
    }
}

/// What all raw sockets want.
fn prepare(socket: &RawSocket) -> Result<(), NetError> {
    socket.set(option::Transparent, true)?;
    socket.set(option::MulticastLoop, false)?;
    socket.set(option::TrafficClass, TRAFFIC_CLASS)?;
    // As much as the system lets have.
    for result in [
        socket.set(option::RecvBuf, RECEIVE_BUFFER),
        socket.set(option::SendBuf, SEND_BUFFER),
    ] {
        if let Err(error) = result {
            debug!(%error, "buffers stay as they are");
        }
    }
    Ok(())
}

/// Why there are no packets to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {error}")]
pub struct OpenError {
    what: &'static str,
    error: NetError,
}

impl PacketIo {
    /// Opens the sockets. IPv6 is left out where there is none. A router takes what is `in_transit` with router alert, and
    /// must pass it on then; a host lets it pass, should its system forward.
    ///
    /// # Errors
    /// [`OpenError`]: without the privilege there are no raw sockets, and UDP alone serves hosts only.
    pub fn open(
        net: &Net,
        in_transit: bool,
        encapsulation: Encapsulation,
    ) -> Result<Self, OpenError> {
        let failed = |what| move |error| OpenError { what, error };
        let mut io = Self {
            net: net.clone(),
            v4: None,
            v6: None,
            pu: None,
            pu_prime: None,
            groups: Groups::default(),
            queue: VecDeque::new(),
            turn: 0,
            buffer: vec![0; LONGEST].into_boxed_slice(),
            counters: IoCounters::default(),
        };
        match RawPair::v4(net, in_transit) {
            Ok(pair) => io.v4 = Some(pair),
            Err(error) if encapsulation.host => debug!(%error, "no raw sockets: UDP only"),
            Err(error) => return Err(failed("raw sockets for IPv4")(error)),
        }
        match RawPair::v6(net, in_transit) {
            Ok(pair) => io.v6 = Some(pair),
            // No IPv6 at all, or UDP only.
            Err(error) if error == NetError::AfNoSupport || encapsulation.host => {
                debug!(%error, "no raw sockets for IPv6");
            }
            Err(error) => warn!(%error, "no raw sockets for IPv6: RSVP is spoken in IPv4 only"),
        }
        io.encapsulate(encapsulation)
            .map_err(failed("UDP encapsulation"))?;
        Ok(io)
    }

    /// Opens and closes UDP ports as they are wanted now.
    ///
    /// # Errors
    /// The system's; what was open stays.
    pub fn encapsulate(&mut self, wanted: Encapsulation) -> Result<(), NetError> {
        for (open, is_wanted, port) in [
            (&mut self.pu, wanted.router || wanted.host, PU),
            (&mut self.pu_prime, wanted.host, PU_PRIME),
        ] {
            match (is_wanted, open.is_some()) {
                (true, false) => *open = Some(udp(&self.net, port)?),
                (false, true) => *open = None,
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes this host a member of these groups, each on the interface of that index, and of no others.
    pub fn join(&mut self, wanted: &BTreeSet<(IpAddr, u32)>) {
        self.counters.join_errors += self.groups.set(&self.net, wanted);
    }

    /// What was counted.
    #[must_use]
    pub const fn counters(&self) -> &IoCounters {
        &self.counters
    }

    /// Waits until there may be something to receive.
    ///
    /// # Errors
    /// None on a healthy runtime.
    ///
    /// # Cancel safety
    /// Nothing is lost.
    pub async fn readable(&self) -> io::Result<()> {
        tokio::select! { biased;
            ready = raw_ready(self.v4.as_ref().map(|pair| &pair.plain)) => ready,
            ready = raw_ready(self.v6.as_ref().map(|pair| &pair.plain)) => ready,
            ready = raw_ready(self.v6.as_ref().map(|pair| &pair.alert)) => ready,
            ready = udp_ready(self.pu.as_ref()) => ready,
            ready = udp_ready(self.pu_prime.as_ref()) => ready,
        }
    }

    /// Takes up to `most` datagrams that have arrived, each socket in its turn.
    pub fn receive(&mut self, most: usize, mut take: impl FnMut(&Arrival, &Bytes)) {
        let sockets = [
            self.v4.as_ref().map(|pair| Source::V4(&pair.plain)),
            self.v6.as_ref().map(|pair| Source::V6(&pair.plain)),
            self.v6
                .as_ref()
                .map(|pair| Source::V6InTransit(&pair.alert)),
            self.pu.as_ref().map(|socket| Source::Udp(socket, PU)),
            self.pu_prime
                .as_ref()
                .map(|socket| Source::Udp(socket, PU_PRIME)),
        ];
        let count = sockets.len();
        let mut empty = 0;
        let mut left = most;
        while left > 0 && empty < count {
            let socket = sockets.get(self.turn).and_then(Option::as_ref);
            self.turn = (self.turn + 1) % count;
            let Some(got) = socket.and_then(|socket| socket.try_recv(&mut self.buffer)) else {
                empty += 1;
                continue;
            };
            empty = 0;
            left -= 1;
            match got {
                Ok((arrival, message)) => {
                    self.counters.received += 1;
                    trace!(?arrival, len = message.len(), "received");
                    take(&arrival, &message);
                }
                Err(Nonsense) => self.counters.malformed += 1,
            }
        }
    }

    /// Sends, or puts into the queue.
    pub fn send(&mut self, datagram: Transmit) {
        if self.queue.is_empty() && self.try_send(&datagram) {
            return;
        }
        if self.queue.len() == QUEUE {
            self.counters.queue_full += 1;
            return;
        }
        self.queue.push_back(datagram);
    }

    /// Whether something waits to be sent.
    #[must_use]
    pub fn has_output(&self) -> bool {
        !self.queue.is_empty()
    }

    /// Waits until the first datagram of the queue is sent or refused; what comes of it is for [`sent`](Self::sent).
    ///
    /// # Errors
    /// Why it was refused.
    ///
    /// # Cancel safety
    /// It is sent whole or not at all.
    pub async fn sending(&self) -> io::Result<usize> {
        match self.queue.front() {
            Some(first) => self.wait_send(first).await,
            None => core::future::pending().await,
        }
    }

    /// [`sending`](Self::sending) ended so; sends what else can be.
    pub fn sent(&mut self, result: io::Result<usize>) {
        self.count(result);
        self.queue.pop_front();
        self.send_on();
    }

    /// Sends of the queue what can be sent now.
    pub fn send_on(&mut self) {
        while let Some(next) = self.queue.pop_front() {
            if !self.try_send(&next) {
                self.queue.push_front(next);
                return;
            }
        }
    }

    /// Sends without waiting; `false` if there is no room.
    fn try_send(&mut self, datagram: &Transmit) -> bool {
        let sent = self.way(datagram).and_then(|way| {
            let payload = IoSlice::new(&datagram.payload);
            match way {
                Way::Raw(socket, info) => socket.try_send_msg(&[payload], &info),
                Way::Headers(socket, headers, info) => {
                    socket.try_send_msg(&[IoSlice::new(&headers), payload], &info)
                }
                Way::Udp(socket, info) => socket.try_send_msg(&[payload], &info),
            }
        });
        if matches!(&sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock) {
            return false;
        }
        self.count(sent);
        true
    }

    async fn wait_send(&self, datagram: &Transmit) -> io::Result<usize> {
        let payload = IoSlice::new(&datagram.payload);
        match self.way(datagram)? {
            Way::Raw(socket, info) => socket.send_msg(&[payload], &info).await,
            Way::Headers(socket, headers, info) => {
                let parts = [IoSlice::new(&headers), payload];
                socket.send_msg(&parts, &info).await
            }
            Way::Udp(socket, info) => socket.send_msg(&[payload], &info).await,
        }
    }

    fn count(&mut self, sent: io::Result<usize>) {
        match sent {
            Ok(_) => self.counters.sent += 1,
            Err(error) => {
                let error = NetError::from(error);
                debug!(%error, "not sent");
                *self.counters.send_errors.entry(error.name()).or_default() += 1;
            }
        }
    }

    /// The socket that a datagram goes by.
    fn way(&self, datagram: &Transmit) -> io::Result<Way<'_>> {
        let port = match datagram.via {
            Via::Raw => 0,
            Via::Udp(port) => port,
        };
        let info = SendInfo {
            source: Some(datagram.source),
            interface: datagram.pinned.then_some(datagram.interface.0),
            ttl: Some(datagram.ttl),
            ..SendInfo::to(SocketAddr::new(datagram.destination, port))
        };
        let none = || io::Error::from(NetError::AfNoSupport);
        if let Via::Udp(_) = datagram.via {
            return Ok(Way::Udp(self.pu.as_ref().ok_or_else(none)?, info));
        }
        match (datagram.source, datagram.destination) {
            (IpAddr::V4(_), IpAddr::V4(_)) => {
                let pair = self.v4.as_ref().ok_or_else(none)?;
                let socket = if datagram.router_alert {
                    &pair.alert
                } else {
                    &pair.plain
                };
                Ok(Way::Raw(socket, info))
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let pair = self.v6.as_ref().ok_or_else(none)?;
                if !datagram.router_alert {
                    return Ok(Way::Raw(&pair.plain, info));
                }
                let headers = wrap_v6(source, destination, datagram.ttl, datagram.payload.len())
                    .ok_or_else(|| io::Error::from(NetError::MsgSize))?;
                let info = SendInfo {
                    source: None, // in the header
                    ttl: None,
                    ..info
                };
                Ok(Way::Headers(&pair.alert, headers, info))
            }
            _ => Err(none()),
        }
    }
}

enum Way<'a> {
    Raw(&'a RawSocket, SendInfo),
    Headers(&'a RawSocket, [u8; 48], SendInfo),
    Udp(&'a UdpSocket, SendInfo),
}

/// A socket for encapsulated messages. The port is this daemon's alone: with `ReuseAddr` any user could bind it, too, and get
/// what comes for us. Nothing of a UDP socket stays in the system's way when a daemon is started anew.
fn udp(net: &Net, port: u16) -> Result<UdpSocket, NetError> {
    let socket = net.udp_socket(Family::V4)?;
    socket.set(option::MulticastLoop, false)?;
    socket.set(option::TrafficClass, TRAFFIC_CLASS)?;
    if let Err(error) = socket.set(option::Transparent, true) {
        // A host sends its own Paths only.
        debug!(%error, "no messages of others in UDP");
    }
    socket.bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), port))?;
    Ok(socket)
}

async fn raw_ready(socket: Option<&RawSocket>) -> io::Result<()> {
    match socket {
        Some(socket) => socket.readable().await,
        None => core::future::pending().await,
    }
}

async fn udp_ready(socket: Option<&UdpSocket>) -> io::Result<()> {
    match socket {
        Some(socket) => socket.readable().await,
        None => core::future::pending().await,
    }
}

/// A packet that is none of ours, or without what must be known of it.
struct Nonsense;

/// A socket that is read, and how its packets look.
enum Source<'a> {
    /// With their headers.
    V4(&'a RawSocket),
    /// Without.
    V6(&'a RawSocket),
    /// With them.
    V6InTransit(&'a RawSocket),
    /// Without, to this port.
    Udp(&'a UdpSocket, u16),
}

impl Source<'_> {
    /// The next packet, if there is one. Errors of earlier packets that we sent (ICMP: nobody listens there) are passed
    /// over: hosts without a daemon answer so (`field/rsvp.md` §4.2).
    fn try_recv(&self, buffer: &mut [u8]) -> Option<Result<(Arrival, Bytes), Nonsense>> {
        for _ in 0..16 {
            let got = match self {
                Self::V4(socket) | Self::V6(socket) | Self::V6InTransit(socket) => {
                    socket.try_recv_msg(buffer)
                }
                Self::Udp(socket, _) => socket.try_recv_msg(buffer),
            };
            match got {
                Ok((length, info)) => {
                    let packet = buffer.get(..length)?;
                    return Some(self.read(packet, &info).ok_or(Nonsense));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => debug!(%error, "while receiving"),
            }
        }
        None
    }

    fn read(&self, packet: &[u8], info: &MsgInfo) -> Option<(Arrival, Bytes)> {
        let interface = IfIndex(info.interface?);
        if info.truncated {
            return None;
        }
        let unwrapped = match self {
            Self::V4(_) => unwrap_v4(packet),
            Self::V6InTransit(_) => unwrap_v6(packet),
            Self::V6(_) => {
                let arrival = Arrival {
                    interface,
                    source: info.peer.ip(),
                    destination: info.destination?,
                    ttl: Some(info.ttl?),
                    via: Via::Raw,
                };
                return Some((arrival, Bytes::copy_from_slice(packet)));
            }
            Self::Udp(_, port) => {
                let arrival = Arrival {
                    interface,
                    source: info.peer.ip(),
                    destination: info.destination?,
                    ttl: None,
                    via: Via::Udp(*port),
                };
                return Some((arrival, Bytes::copy_from_slice(packet)));
            }
        }?;
        let arrival = Arrival {
            interface,
            source: unwrapped.source,
            destination: unwrapped.destination,
            ttl: Some(unwrapped.ttl),
            via: Via::Raw,
        };
        // A buffer of its own: parts of it may be kept with state.
        Some((arrival, Bytes::copy_from_slice(unwrapped.message)))
    }
}
