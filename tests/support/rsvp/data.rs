//! Data: sources that keep to a bucket, a flood, and what arrives, by one clock.

use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd as _;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::sockopt::{RcvBufForce, ReceiveTimestampns};
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt};
use nix::time::{ClockId, clock_gettime};

use super::Machine;

/// Headers of IPv4 and UDP.
const HEADERS: u32 = 28;
/// A packet that says that there are no more.
const END: u32 = u32::MAX;

/// So many octets wait at the socket that a receiver which is late loses nothing itself: what is missing was lost on the way.
///
/// # Panics
/// When this process is not root.
#[expect(clippy::unwrap_used, reason = "a test helper")]
pub fn receive_late(socket: &UdpSocket) {
    setsockopt(socket, RcvBufForce, &(8 << 20)).unwrap();
}

/// Packets of one length from one machine to another.
#[derive(Clone, Copy, Debug)]
pub struct Flow<'a> {
    /// Where it comes from, and its address there.
    pub from: (&'a Machine, SocketAddr),
    /// Where it goes to, and its address there.
    pub to: (&'a Machine, SocketAddr),
    /// Octets of IP in a packet.
    pub length: u32,
    /// Octets of IP in a second, at most: packets leave late rather than early.
    pub rate: u32,
    /// Octets that may leave at once.
    pub bucket: u32,
    /// How many packets.
    pub packets: u32,
}

/// Packets that nobody waits for, from a socket of this machine to port 9 of an address.
#[derive(Clone, Copy, Debug)]
pub struct Flood<'a> {
    /// Where they come from.
    pub from: (&'a Machine, SocketAddr),
    /// Where they go to.
    pub to: SocketAddr,
    /// Octets of IP in a second: what is late is made good.
    pub rate: u32,
}

/// What became of a flow.
#[derive(Clone, Debug)]
pub struct Carried {
    /// Packets sent.
    pub sent: u32,
    /// Delays of those that arrived, from before the call that sends to the kernel's receipt; sorted.
    pub delays: Vec<Duration>,
}

impl Carried {
    /// The share that was lost.
    #[must_use]
    pub fn loss(&self) -> f64 {
        let arrived = u32::try_from(self.delays.len()).unwrap_or(u32::MAX);
        1.0 - f64::from(arrived) / f64::from(self.sent)
    }

    /// The delay that this share of the packets that arrived did not exceed.
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in a list"
    )]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let at = (self.delays.len() as f64 * share) as usize;
        let last = self.delays.len().checked_sub(1)?;
        self.delays.get(at.min(last)).copied()
    }
}

/// Sends all flows at once, and a flood from before them until they are through, with no compiler beside them.
///
/// # Panics
/// When a socket fails, or a flow's end does not arrive within a minute.
#[must_use]
#[expect(clippy::unwrap_used, reason = "a test helper")]
pub fn carry(flows: &[Flow<'_>], flood: Option<&Flood<'_>>) -> Vec<Carried> {
    // What is left of one run on the way is not the next one's.
    static RUNS: AtomicU32 = AtomicU32::new(0);
    let run = RUNS.fetch_add(1, Ordering::Relaxed);
    let over = AtomicBool::new(false);
    let _quiet = crate::quiet();
    std::thread::scope(|scope| {
        let over = &over;
        let sinks: Vec<_> = flows
            .iter()
            .map(|flow| {
                let socket = flow.to.0.udp(flow.to.1);
                scope.spawn(move || receive(&socket, run, flow.packets))
            })
            .collect();
        if let Some(flood) = flood {
            let socket = flood.from.0.udp(flood.from.1);
            scope.spawn(move || inundate(&socket, run, flood, over));
        }
        let sources: Vec<_> = flows
            .iter()
            .map(|flow| {
                let socket = flow.from.0.udp(flow.from.1);
                scope.spawn(move || {
                    send(&socket, run, flow);
                    socket
                })
            })
            .collect();
        let sockets: Vec<_> = sources
            .into_iter()
            .map(|source| source.join().unwrap())
            .collect();
        over.store(true, Ordering::Relaxed);
        // What was queued goes first; what says the end may be lost, and is said until it is heard.
        crate::until("the ends to arrive", Duration::from_secs(60), || {
            for (socket, flow) in sockets.iter().zip(flows) {
                socket
                    .send_to(&packet(END, run, flow.length), flow.to.1)
                    .unwrap();
            }
            sinks.iter().all(|sink| sink.is_finished()).then_some(())
        });
        let arrived = sinks.into_iter().map(|sink| sink.join().unwrap());
        arrived
            .zip(flows)
            .map(|(delays, flow)| Carried {
                sent: flow.packets,
                delays,
            })
            .collect()
    })
}

/// A packet with its number, that of the run, and the time in it.
fn packet(number: u32, run: u32, length: u32) -> Vec<u8> {
    let length = usize::try_from(length.saturating_sub(HEADERS)).unwrap_or(0);
    let mut octets = number.to_be_bytes().to_vec();
    octets.extend(run.to_be_bytes());
    octets.extend(now().as_nanos().to_be_bytes());
    octets.resize(octets.len().max(length), 0);
    octets
}

/// The clock that the kernel's receipts have, too.
#[expect(clippy::unwrap_used, reason = "a test helper: this clock is there")]
fn now() -> Duration {
    clock_gettime(ClockId::CLOCK_REALTIME).unwrap().into()
}

#[expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "data in real time"
)]
fn send(socket: &UdpSocket, run: u32, flow: &Flow<'_>) {
    let (length, rate) = (f64::from(flow.length), f64::from(flow.rate));
    let bucket = f64::from(flow.bucket.max(flow.length));
    let (mut tokens, mut last) = (bucket, Instant::now());
    for number in 0..flow.packets {
        loop {
            let now = Instant::now();
            tokens = bucket.min(tokens + (now - last).as_secs_f64() * rate);
            last = now;
            if tokens >= length {
                break;
            }
            std::thread::sleep(Duration::from_secs_f64((length - tokens) / rate));
        }
        socket
            .send_to(&packet(number, run, flow.length), flow.to.1)
            .unwrap();
        tokens -= length;
        // Time in the call fills no bucket: what this clock says, the routers on the way must be able to say, too.
        last = Instant::now();
    }
}

#[expect(clippy::disallowed_methods, reason = "data in real time")]
fn inundate(socket: &UdpSocket, run: u32, flood: &Flood<'_>, over: &AtomicBool) {
    const LENGTH: u32 = 1000;
    let octets = packet(0, run, LENGTH);
    let (begun, mut sent) = (Instant::now(), 0.0);
    while !over.load(Ordering::Relaxed) {
        while sent < begun.elapsed().as_secs_f64() * f64::from(flood.rate) {
            // Its own machine's queue may be full.
            let _ = socket.send_to(&octets, flood.to);
            sent += f64::from(LENGTH);
        }
        std::thread::sleep(Duration::from_micros(500));
    }
}

/// Delays of the different packets of a run until one says that there are no more.
#[expect(clippy::unwrap_used, clippy::panic, reason = "a test helper")]
fn receive(socket: &UdpSocket, run: u32, packets: u32) -> Vec<Duration> {
    setsockopt(socket, ReceiveTimestampns, &true).unwrap();
    receive_late(socket);
    socket
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    let mut seen = vec![None; usize::try_from(packets).unwrap()];
    let mut octets = [0; 2000];
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    loop {
        let mut parts = [IoSliceMut::new(&mut octets)];
        let fd = socket.as_raw_fd();
        let got = match recvmsg::<()>(fd, &mut parts, Some(&mut control), MsgFlags::empty()) {
            Ok(got) => got,
            Err(Errno::EINTR) => continue,
            Err(error) => panic!("{socket:?}: {error}"),
        };
        let received = got.cmsgs().unwrap().find_map(|message| match message {
            ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
            _ => None,
        });
        let (number, rest) = octets.split_first_chunk().unwrap();
        let (of, rest) = rest.split_first_chunk().unwrap();
        let [number, of] = [number, of].map(|octets| u32::from_be_bytes(*octets));
        if of != run {
            continue;
        }
        if number == END {
            break;
        }
        let sent = u128::from_be_bytes(*rest.first_chunk().unwrap());
        let sent = Duration::from_nanos(u64::try_from(sent).unwrap());
        let delay = received.unwrap().saturating_sub(sent);
        if let Some(slot) = seen.get_mut(usize::try_from(number).unwrap()) {
            slot.get_or_insert(delay);
        }
    }
    let mut delays: Vec<Duration> = seen.into_iter().flatten().collect();
    delays.sort();
    delays
}
