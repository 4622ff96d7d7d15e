//! Flows: what is reserved for one, and its place in the schedule.

use std::collections::VecDeque;

use fairway_wire::Instant;

use crate::pkt::PacketBuf;
use crate::qos::bucket::TokenBucket;
use crate::qos::fifo::Fifo;
use crate::qos::flowspec::{Flowspec, Tspec};

/// A flow with a reservation: also the traffic class that its packets get. 0 is best effort.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowId(pub u32);

impl FlowId {
    /// Whatever no reservation is for.
    pub const BEST_EFFORT: Self = Self(0);
    /// What holds the network together: see [`FairQueue`](super::FairQueue).
    pub const CONTROL: Self = Self(u32::MAX);
}

/// What happens to packets beyond a reservation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Excess {
    /// They are sent as best effort (RFC 2211, RFC 2212: the better choice).
    #[default]
    BestEffort,
    /// They are sent as best effort, and marked as lower effort (RFC 8622): no reservation further on takes them, so that
    /// they are not in the way of what conforms. At the edge of the network.
    LowerEffort,
    /// They are dropped.
    Drop,
}

/// How a flow is held to what it reserved (`rsvp.md` §6.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policing {
    /// Only its share of the queue is limited: inside a network, where bursts are normal.
    None,
    /// What does not conform on arrival is excess: at the edge of the network.
    #[default]
    Police,
    /// What does not conform waits until it does (RFC 2212's reshaping): where flows merge or branch.
    Reshape,
}

/// How a reservation is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReserveOptions {
    /// How the flow is held to it.
    pub policing: Policing,
    /// What happens to what exceeds it.
    pub excess: Excess,
    /// *Csum*: the rate-dependent error terms of the nodes since the last reshaper, octets.
    pub upstream_c: u64,
    /// *Dsum*: the others, microseconds.
    pub upstream_d_micros: u64,
}

/// The error terms of this queue for one flow (RFC 2212): its part of the path's Ctot and Dtot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorTerms {
    /// *C*, octets.
    pub c: u64,
    /// *D*, microseconds, rounded up.
    pub d_micros: u64,
}

/// What a flow has counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct FlowStats {
    /// Packets sent with the service reserved.
    pub sent: u64,
    /// Octets of these, link headers included.
    pub sent_octets: u64,
    /// Packets beyond the reservation that went as best effort.
    pub demoted: u64,
    /// Packets beyond the reservation that were dropped.
    pub dropped: u64,
}

/// Virtual time: what the fluid server has done, in units of 2⁻²⁰ ns of the whole link's work.
pub(super) type Virtual = u128;

const UNITS_PER_SEC: u128 = 1_000_000_000 << 20;

/// The virtual time that `octets` take at `rate`.
pub(super) fn span(octets: u64, rate: u64) -> Virtual {
    u128::from(octets) * UNITS_PER_SEC / u128::from(rate.max(1))
}

/// Where the head of a flow is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// The flow has no packet.
    Idle,
    /// Its token bucket has not enough for it before then.
    Held(Instant),
    /// The fluid server has not started it.
    Waiting,
    /// The fluid server has.
    Started,
}

#[derive(Debug)]
pub(super) struct Flow {
    /// Octets of frames per second.
    pub(super) rate: u64,
    pub(super) place: Place,
    pub(super) start: Virtual,
    pub(super) finish: Virtual,
}

impl Flow {
    pub(super) const fn new(rate: u64) -> Self {
        Self {
            rate,
            place: Place::Idle,
            start: 0,
            finish: 0,
        }
    }
}

/// A flow without a reservation.
#[derive(Debug)]
pub(super) struct Unreserved {
    pub(super) flow: Flow,
    pub(super) queue: Fifo,
}

/// What is reserved for a flow, beside its place in the schedule.
#[derive(Debug)]
pub(super) struct Reservation {
    pub(super) flow: Flow,
    pub(super) spec: Flowspec,
    pub(super) options: ReserveOptions,
    /// (r, b) and (p, M): a packet conforms if both have enough.
    pub(super) bucket: TokenBucket,
    pub(super) peak: Option<TokenBucket>,
    pub(super) queue: VecDeque<PacketBuf>,
    pub(super) octets: u64,
    /// Octets of IP packets that may wait.
    pub(super) most_octets: u64,
    pub(super) stats: FlowStats,
}

impl Reservation {
    pub(super) fn new(spec: Flowspec, options: ReserveOptions) -> Self {
        let Tspec {
            rate,
            bucket,
            peak,
            max_packet,
            ..
        } = spec.tspec;
        let max_packet = u64::from(max_packet);
        Self {
            flow: Flow::new(0),
            spec,
            options,
            bucket: TokenBucket::new(rate, bucket.max(max_packet)),
            peak: peak.map(|peak| TokenBucket::new(peak, max_packet)),
            queue: VecDeque::new(),
            octets: 0,
            most_octets: 0,
            stats: FlowStats::default(),
        }
    }

    /// What a packet of `octets` counts as (RFC 2212: a shorter one counts as m).
    pub(super) fn policed(&self, octets: u64) -> u64 {
        octets.max(self.spec.tspec.min_policed.into())
    }

    /// Whether a packet of `octets` (of the IP packet) keeps within the token buckets.
    pub(super) fn conforms(&mut self, now: Instant, octets: u64) -> bool {
        let octets = self.policed(octets);
        // Both are asked, so that both know the time.
        let bucket = self.bucket.has(now, octets);
        let peak = self.peak.as_mut().is_none_or(|peak| peak.has(now, octets));
        bucket && peak
    }

    pub(super) fn spend(&mut self, octets: u64) {
        let octets = self.policed(octets);
        self.bucket.spend(octets);
        if let Some(peak) = &mut self.peak {
            peak.spend(octets);
        }
    }

    pub(super) fn conforms_at(&self, now: Instant, octets: u64) -> Instant {
        let octets = self.policed(octets);
        let peak = self
            .peak
            .as_ref()
            .map_or(now, |peak| peak.ready_at(now, octets));
        self.bucket.ready_at(now, octets).max(peak)
    }
}
