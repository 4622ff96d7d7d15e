//! Data: what keeps to a token bucket, what does not, and what becomes of it.

use super::lab::Lab;
use fairway_rsvp::intserv::Tspec;
use fairway_sim::fairway_stack::{Clock, Instant, Rng, UdpSocket};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// IP and UDP.
const HEADERS: u64 = 28;

/// A token bucket in whole octets and nanoseconds: what a sender may send, never a bit more.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    /// *r*: octets per second.
    pub(crate) rate: u64,
    /// *b*: octets.
    pub(crate) size: u64,
    /// *p*: octets per second, if any.
    pub(crate) peak: Option<u64>,
    /// *m*: octets of IP packets.
    pub(crate) shortest: u64,
    /// *M*: octets of IP packets.
    pub(crate) longest: u64,
}

impl Bucket {
    pub(crate) fn tspec(&self) -> Tspec {
        #[expect(clippy::cast_precision_loss, reason = "the tests' numbers fit")]
        let float = |value: u64| value as f32;
        let peak = self.peak.map_or(f32::INFINITY, float);
        let [shortest, longest] =
            [self.shortest, self.longest].map(|it| u32::try_from(it).unwrap());
        Tspec::new(float(self.rate), float(self.size), peak, shortest, longest).unwrap()
    }
}

/// When packets of which lengths are sent.
pub(crate) type Plan = Vec<(Duration, u64)>;

/// As much as early as the bucket lets: the worst that keeps to it.
pub(crate) fn greedy(bucket: &Bucket, span: Duration) -> Plan {
    conforming(bucket, span, |_| (Duration::ZERO, bucket.longest))
}

/// Packets of all lengths after pauses of all lengths, now and then one so long that the bucket is full again.
pub(crate) fn at_random(bucket: &Bucket, span: Duration, seed: u64) -> Plan {
    let mut octets = [0; 32];
    octets[..8].copy_from_slice(&seed.to_le_bytes());
    let mut rng = Rng::from_seed(octets);
    conforming(bucket, span, |last| {
        let mut draw = |below: u64| {
            let mut octets = [0; 8];
            rng.fill(&mut octets);
            u64::from_le_bytes(octets) % below.max(1)
        };
        let length = bucket.shortest + draw(bucket.longest + 1 - bucket.shortest);
        let full = bucket.size * 1_000_000_000 / bucket.rate;
        let pause = match draw(40) {
            0 => full,
            1..=4 => last * 1_000_000_000 / bucket.rate,
            _ => draw(2000),
        };
        (Duration::from_nanos(pause), length)
    })
}

/// `next` gives, for the length of the last packet, the pause before the next one and its length.
fn conforming(
    bucket: &Bucket,
    span: Duration,
    mut next: impl FnMut(u64) -> (Duration, u64),
) -> Plan {
    // Tokens in billionths of an octet, so that nothing is rounded.
    const UNIT: u128 = 1_000_000_000;
    let (rate, full) = (u128::from(bucket.rate), u128::from(bucket.size) * UNIT);
    let peak_full = u128::from(bucket.longest) * UNIT;
    let (mut tokens, mut peak_tokens) = (full, peak_full);
    let (mut now, mut last, mut plan) = (Duration::ZERO, 0, Plan::new());
    let nanos = |span: Duration| span.as_nanos();
    loop {
        let (pause, length) = next(last);
        let wanted = u128::from(length) * UNIT;
        let after_pause = tokens + nanos(pause) * rate;
        let mut wait = nanos(pause);
        if after_pause < wanted {
            wait += (wanted - after_pause).div_ceil(rate);
        }
        if let Some(peak) = bucket.peak {
            let missing = wanted.saturating_sub(peak_tokens);
            wait = wait.max(missing.div_ceil(u128::from(peak)));
        }
        now += Duration::from_nanos(u64::try_from(wait).unwrap());
        if now > span {
            return plan;
        }
        tokens = (tokens + wait * rate).min(full) - wanted;
        if let Some(peak) = bucket.peak {
            peak_tokens = (peak_tokens + wait * u128::from(peak)).min(peak_full) - wanted;
        }
        plan.push((now, length));
        last = length;
    }
}

/// Packets of one length at a rate, whatever was reserved.
pub(crate) fn steady(rate: u64, length: u64, span: Duration) -> Plan {
    let gap = Duration::from_nanos(length * 1_000_000_000 / rate);
    let mut at = Duration::ZERO;
    std::iter::from_fn(|| {
        let now = at;
        at += gap;
        (now <= span).then_some((now, length))
    })
    .collect()
}

impl Lab {
    /// Lets a node send by that plan, from now on: each packet has its number and its time in it.
    pub(crate) fn send(&self, from: (&str, u16), to: (&str, u16), plan: Plan) {
        let socket = self.plan_socket(from);
        self.send_by(from.0, socket, (self.address(to.0), to.1).into(), plan);
    }

    pub(crate) fn plan_socket(&self, from: (&str, u16)) -> UdpSocket {
        let net = self.node(from.0).net();
        net.bind_udp(([0, 0, 0, 0], from.1).into())
            .expect("the port is free")
    }

    pub(crate) fn send_by(&self, node: &str, socket: UdpSocket, to: SocketAddr, plan: Plan) {
        let clock = self.node(node).net().clock();
        self.node(node)
            .spawn(async move {
                let start = clock.now();
                let mut buf = [0; 1500];
                for (number, (at, length)) in (0_u64..).zip(plan) {
                    clock.sleep_until(start + at).await;
                    let now = clock.now().as_nanos();
                    buf[..8].copy_from_slice(&now.to_be_bytes());
                    buf[8..16].copy_from_slice(&number.to_be_bytes());
                    let length = usize::try_from(length - HEADERS).unwrap();
                    // A queue that is full, its own even, loses the packet: that is for the receiver to see.
                    let _sent = socket.send_to(&buf[..length], to).await;
                }
            })
            .detach();
    }

    /// Takes what comes to a port of a node.
    pub(crate) fn sink(&self, node: &str, port: u16) -> Sink {
        let net = self.node(node).net();
        Sink {
            socket: net.bind_udp(([0, 0, 0, 0], port).into()).unwrap(),
            clock: net.clock(),
            arrived: Arrived::default(),
        }
    }
}

/// Where data ends.
pub(crate) struct Sink {
    socket: UdpSocket,
    clock: Clock,
    arrived: Arrived,
}

/// What has become of data.
#[derive(Clone, Debug, Default)]
pub(crate) struct Arrived {
    /// The numbers of the packets.
    pub(crate) numbers: BTreeSet<u64>,
    /// Octets of them, as IP packets.
    pub(crate) octets: u64,
    /// The longest that one was on its way.
    pub(crate) slowest: Duration,
    /// How long each was on its way, in the order in which they came.
    pub(crate) delays: Vec<Duration>,
}

impl Sink {
    /// Makes its host a member of a group.
    pub(crate) fn join(&self, group: IpAddr) {
        self.socket.join_group(group, 0).unwrap();
    }

    /// Takes what comes until then.
    pub(crate) async fn until(&mut self, end: Instant) {
        let mut buf = [0; 1500];
        let clock = self.clock.clone();
        let taking = async {
            while let Ok((length, _)) = self.socket.recv_from(&mut buf).await {
                let number = |at: usize| u64::from_be_bytes(buf[at..at + 8].try_into().unwrap());
                let delay = clock.now().since_start() - Duration::from_nanos(number(0));
                let arrived = &mut self.arrived;
                assert!(arrived.numbers.insert(number(8)), "a packet came twice");
                arrived.octets += u64::try_from(length).unwrap() + HEADERS;
                arrived.slowest = arrived.slowest.max(delay);
                arrived.delays.push(delay);
            }
        };
        let _over = clock.timeout_at(end, taking).await;
    }

    pub(crate) fn arrived(self) -> Arrived {
        self.arrived
    }
}

#[test]
fn plans_keep_to_their_bucket() {
    let span = Duration::from_secs(3);
    for peak in [None, Some(40_000)] {
        let bucket = Bucket {
            rate: 20_000,
            size: 6_000,
            peak,
            shortest: 64,
            longest: 1_000,
        };
        for plan in [greedy(&bucket, span), at_random(&bucket, span, 5)] {
            let tspec = bucket.tspec();
            for (first, &(from, _)) in plan.iter().enumerate() {
                let mut sum = 0;
                for &(to, length) in &plan[first..] {
                    sum += length;
                    #[expect(clippy::cast_precision_loss, reason = "small")]
                    let sum = sum as f64;
                    assert!(sum <= tspec.guaranteed_curve(to - from) + 1e-3);
                }
            }
            assert!(plan.len() > 50, "{}", plan.len());
        }
    }
}
