//! The queue itself: packets in, packets out, in the order of the schedule.

use std::collections::{BTreeMap, BTreeSet};

use core::time::Duration;

use fairway_wire::{EtherType, Instant, ethernet, ipv4};

use super::flow::{Excess, Flow, FlowId, Place, Policing, Reservation, Unreserved, Virtual, span};
use crate::hash::Key;
use crate::pkt::PacketBuf;
use crate::qos::classify::Classifier;
use crate::qos::fifo::Fifo;
use crate::qos::qdisc::{DropReason, Dropped, QueueStats, length};

/// Fair queueing with reservations on a link of known rate.
#[derive(Debug)]
pub struct FairQueue {
    /// Octets of frames per second.
    pub(super) link_rate: u64,
    /// Octets of the longest IP packet.
    pub(super) mtu: u32,
    /// Octets in front of the IP packet.
    pub(super) header: u32,
    /// Percent of the link's rate for reservations.
    pub(super) share: u8,
    pub(super) classifier: Classifier,
    pub(super) reservations: BTreeMap<FlowId, Reservation>,
    pub(super) named: u32,
    pub(super) best_effort: Unreserved,
    pub(super) control: Unreserved,
    /// The sum of the rates admitted, in octets of frames per second.
    pub(super) admitted: u64,
    /// The sum of the rates that flows are served with, in octets of frames per second: what best effort has not.
    pub(super) shared: u128,

    /// Virtual time at `free_at`.
    pub(super) virtual_time: Virtual,
    /// The latest finish ever given out: where virtual time goes on when the link was idle.
    pub(super) last_finish: Virtual,
    /// When the link has sent what it was given.
    pub(super) free_at: Instant,
    /// Flows by start: those the fluid server has not started.
    pub(super) waiting: BTreeSet<(Virtual, FlowId)>,
    /// Flows by finish: those it has.
    pub(super) started: BTreeSet<(Virtual, FlowId)>,
    /// Flows by when their token bucket has enough.
    pub(super) held: BTreeSet<(Instant, FlowId)>,

    pub(super) packets: usize,
    pub(super) octets: u64,
    pub(super) stats: QueueStats,
}

impl FairQueue {
    /// Most of a link's rate that can be reserved, in percent; also the default. Best effort and network control keep one
    /// each, and controlled load an eighth of its own rate to drain what a burst left.
    pub const MOST_SHARE: u8 = 87;
    /// Most packets of network control that wait; more are best effort.
    pub const MOST_CONTROL: usize = 200;
    /// Most reservations.
    pub const MOST_FLOWS: usize = 65_536;
    /// Most filters.
    pub const MOST_FILTERS: usize = 262_144;

    /// A queue for a link that sends `link_rate` octets of frames per second, whose longest IP packet has `mtu` octets
    /// and whose frames have `header` octets in front of it (14 for Ethernet, 0 where there are none). `key` is secret.
    #[must_use]
    pub fn new(link_rate: u64, mtu: u32, header: u32, key: Key) -> Self {
        let link_rate = link_rate.max(1);
        Self {
            link_rate,
            mtu,
            header,
            share: Self::MOST_SHARE,
            classifier: Classifier::new(key),
            reservations: BTreeMap::new(),
            named: 0,
            best_effort: Unreserved {
                flow: Flow::new(best_effort_rate(link_rate, 0)),
                queue: Fifo::default(),
            },
            control: Unreserved {
                flow: Flow::new(hundredth(link_rate)),
                queue: Fifo::new(Self::MOST_CONTROL, u64::MAX),
            },
            admitted: 0,
            shared: 0,
            virtual_time: 0,
            last_finish: 0,
            free_at: Instant::ZERO,
            waiting: BTreeSet::new(),
            started: BTreeSet::new(),
            held: BTreeSet::new(),
            packets: 0,
            octets: 0,
            stats: QueueStats::default(),
        }
    }

    /// Reservations get at most that much of the link's rate, in percent; more than
    /// [`MOST_SHARE`](Self::MOST_SHARE) is that. What is reserved already stays.
    pub fn set_share(&mut self, percent: u8) {
        self.share = percent.min(Self::MOST_SHARE);
    }

    /// The link's longest IP packet has so many octets from now on. Reservations for longer ones stay, and get no more
    /// than best effort for those.
    pub fn set_mtu(&mut self, mtu: u32) {
        self.mtu = mtu;
    }

    /// How much may wait as best effort. How many packets waited that now find no room.
    pub fn set_best_effort_limit(&mut self, packets: usize, octets: u64) -> usize {
        let before = self.packets;
        let mut queue = Fifo::new(packets, octets);
        // What waits moves over as far as it fits.
        while let Some(packet) = self.best_effort.queue.dequeue(Instant::ZERO) {
            let octets = length(&packet);
            if queue.enqueue(Instant::ZERO, packet).is_err() {
                self.packets -= 1;
                self.octets -= octets;
            }
        }
        self.best_effort.queue = queue;
        if self.best_effort.queue.is_empty() {
            self.unschedule(FlowId::BEST_EFFORT);
        }
        before - self.packets
    }

    /// See [`Qdisc::enqueue`](crate::qos::Qdisc::enqueue). The packet's class becomes its flow.
    ///
    /// # Errors
    /// [`Dropped`]: the flow's queue is full, or the packet exceeds the reservation and such packets are dropped.
    pub fn enqueue(&mut self, now: Instant, mut packet: PacketBuf) -> Result<(), Dropped> {
        let header = usize::try_from(self.header).unwrap_or(usize::MAX);
        let ip = packet.as_slice().get(header..).unwrap_or_default();
        let flow = if self.classifier.is_empty() || ip.get(1).is_some_and(|&it| is_lower_effort(it))
        {
            None
        } else {
            self.classifier.classify(ip)
        };
        let taken = match flow {
            Some(flow) => {
                packet.class = flow.0;
                self.enqueue_flow(now, flow, packet)
            }
            None if is_control(packet.as_slice(), header) => {
                packet.class = FlowId::CONTROL.0;
                self.enqueue_unreserved(now, FlowId::CONTROL, packet)
                    .or_else(|Dropped(packet, _)| self.enqueue_best_effort(now, packet))
            }
            None => self.enqueue_best_effort(now, packet),
        };
        self.stats.count_in(taken.is_ok());
        taken
    }

    pub(super) fn enqueue_best_effort(
        &mut self,
        now: Instant,
        mut packet: PacketBuf,
    ) -> Result<(), Dropped> {
        packet.class = FlowId::BEST_EFFORT.0;
        self.enqueue_unreserved(now, FlowId::BEST_EFFORT, packet)
    }

    fn enqueue_unreserved(
        &mut self,
        now: Instant,
        id: FlowId,
        packet: PacketBuf,
    ) -> Result<(), Dropped> {
        let octets = length(&packet);
        let Some(one) = self.unreserved(id) else {
            return Ok(()); // these two are there always
        };
        one.queue.enqueue(now, packet)?;
        let idle = one.flow.place == Place::Idle;
        self.packets += 1;
        self.octets += octets;
        if idle {
            self.schedule(now, id, true);
        }
        Ok(())
    }

    /// Best effort or network control, if it is one of these.
    const fn unreserved(&mut self, id: FlowId) -> Option<&mut Unreserved> {
        match id {
            FlowId::BEST_EFFORT => Some(&mut self.best_effort),
            FlowId::CONTROL => Some(&mut self.control),
            _ => None,
        }
    }

    /// A flow's place in the schedule.
    fn flow_mut(&mut self, id: FlowId) -> Option<&mut Flow> {
        match id {
            FlowId::BEST_EFFORT => Some(&mut self.best_effort.flow),
            FlowId::CONTROL => Some(&mut self.control.flow),
            _ => Some(&mut self.reservations.get_mut(&id)?.flow),
        }
    }

    fn enqueue_flow(&mut self, now: Instant, id: FlowId, packet: PacketBuf) -> Result<(), Dropped> {
        let header = u64::from(self.header);
        let Some(one) = self.reservations.get_mut(&id) else {
            return self.enqueue_best_effort(now, packet);
        };
        let frame = length(&packet);
        let octets = frame.saturating_sub(header);
        // RFC 2211, RFC 2212: what is longer than M never conforms.
        let too_long = octets > u64::from(one.spec.tspec.max_packet);
        let full = one.octets.saturating_add(octets) > one.most_octets;
        let police = one.options.policing == Policing::Police;
        if too_long || full || (police && !one.conforms(now, octets)) {
            return self.enqueue_excess(now, id, packet, full && !too_long);
        }
        if police {
            one.spend(octets);
        }
        one.octets += octets;
        one.queue.push_back(packet);
        self.packets += 1;
        self.octets += frame;
        if one.flow.place == Place::Idle {
            self.schedule(now, id, true);
        }
        Ok(())
    }

    fn enqueue_excess(
        &mut self,
        now: Instant,
        id: FlowId,
        mut packet: PacketBuf,
        full: bool,
    ) -> Result<(), Dropped> {
        let Some(one) = self.reservations.get_mut(&id) else {
            return self.enqueue_best_effort(now, packet);
        };
        match one.options.excess {
            Excess::BestEffort => {
                one.stats.demoted += 1;
                self.enqueue_best_effort(now, packet)
            }
            Excess::LowerEffort => {
                one.stats.demoted += 1;
                let header = usize::try_from(self.header).unwrap_or(usize::MAX);
                if let Some(ip) = packet.as_mut_slice().get_mut(header..) {
                    mark(ip);
                }
                self.enqueue_best_effort(now, packet)
            }
            Excess::Drop => {
                one.stats.dropped += 1;
                let reason = if full {
                    DropReason::FlowFull
                } else {
                    DropReason::Policed
                };
                Err(Dropped(packet, reason))
            }
        }
    }

    /// Gives the head of a flow its place. `fresh`: the flow had no packet before, so that the fluid server starts with
    /// it now and not when it finished the flow's last one.
    fn schedule(&mut self, now: Instant, id: FlowId, fresh: bool) {
        // The work that the link has been given is done at `free_at`, when virtual time is `virtual_time`; until then
        // the two run alike.
        let ahead = u128::from(self.free_at.as_nanos().saturating_sub(now.as_nanos())) << 20;
        let current = self.virtual_time.saturating_sub(ahead);
        let header = u64::from(self.header);
        let (flow, frame) = if let Some(one) = self.unreserved(id) {
            let frame = one.queue.front().map(length);
            (&mut one.flow, frame)
        } else {
            let Some(one) = self.reservations.get_mut(&id) else {
                return;
            };
            let frame = one.queue.front().map(length);
            if let Some(frame) = frame
                && one.options.policing == Policing::Reshape
            {
                let octets = frame.saturating_sub(header);
                if !one.conforms(now, octets) {
                    let until = one.conforms_at(now, octets);
                    one.flow.place = Place::Held(until);
                    self.held.insert((until, id));
                    return;
                }
                one.spend(octets);
            }
            (&mut one.flow, frame)
        };
        let Some(frame) = frame else {
            flow.place = Place::Idle;
            return;
        };
        flow.start = if fresh {
            flow.finish.max(current)
        } else {
            flow.finish
        };
        flow.finish = flow.start + span(frame, flow.rate);
        flow.place = Place::Waiting;
        let (start, finish) = (flow.start, flow.finish);
        self.last_finish = self.last_finish.max(finish);
        self.waiting.insert((start, id));
    }

    /// Takes a flow out of the schedule.
    pub(super) fn unschedule(&mut self, id: FlowId) {
        let Some(flow) = self.flow_mut(id) else {
            return;
        };
        let (start, finish) = (flow.start, flow.finish);
        match std::mem::replace(&mut flow.place, Place::Idle) {
            Place::Idle => {}
            Place::Held(until) => {
                self.held.remove(&(until, id));
            }
            Place::Waiting => {
                self.waiting.remove(&(start, id));
            }
            Place::Started => {
                self.started.remove(&(finish, id));
            }
        }
    }

    /// Lets go the flows whose token buckets have enough by now.
    fn let_go(&mut self, now: Instant) {
        while let Some(&(until, id)) = self.held.first()
            && until <= now
        {
            self.held.pop_first();
            // As of then, though the link was busy and it is only seen now.
            self.schedule(until, id, true);
        }
    }

    /// The flow whose head is to be sent.
    fn select(&mut self) -> Option<FlowId> {
        if self.started.is_empty() {
            // The fluid server is never idle while a flow has packets.
            let &(start, _) = self.waiting.first()?;
            self.virtual_time = self.virtual_time.max(start);
        }
        while let Some(&(start, id)) = self.waiting.first()
            && start <= self.virtual_time
        {
            self.waiting.pop_first();
            let Some(flow) = self.flow_mut(id) else {
                continue;
            };
            let finish = flow.finish;
            flow.place = Place::Started;
            self.started.insert((finish, id));
        }
        self.started.pop_first().map(|(_, id)| id)
    }

    /// See [`Qdisc::dequeue`](crate::qos::Qdisc::dequeue).
    pub fn dequeue(&mut self, now: Instant) -> Option<PacketBuf> {
        if now < self.free_at || self.packets == 0 {
            return None;
        }
        self.let_go(now);
        let id = self.select()?;
        let packet = if let Some(one) = self.unreserved(id) {
            one.queue.dequeue(now)?
        } else {
            let one = self.reservations.get_mut(&id)?;
            let packet = one.queue.pop_front()?;
            let frame = length(&packet);
            one.octets -= frame.saturating_sub(self.header.into());
            one.stats.sent += 1;
            one.stats.sent_octets += frame;
            packet
        };
        let frame = length(&packet);
        self.packets -= 1;
        self.octets -= frame;
        self.stats.count_out(&packet);
        let nanos = (u128::from(frame) * 1_000_000_000).div_ceil(u128::from(self.link_rate));
        self.free_at = now + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        self.virtual_time += nanos << 20;
        self.schedule(now, id, false);
        if self.waiting.is_empty() && self.started.is_empty() {
            // Idle: flows that come next start together, whatever they had before.
            self.virtual_time = self.virtual_time.max(self.last_finish);
        }
        Some(packet)
    }

    /// See [`Qdisc::next_ready`](crate::qos::Qdisc::next_ready).
    #[must_use]
    pub fn next_ready(&self, now: Instant) -> Option<Instant> {
        let ready = if self.waiting.is_empty() && self.started.is_empty() {
            self.held.first()?.0
        } else {
            now
        };
        Some(ready.max(self.free_at))
    }

    /// How many packets wait.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.packets
    }

    /// Whether none waits.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.packets == 0
    }

    /// How many packets wait of one flow.
    #[must_use]
    pub fn len_of(&self, id: FlowId) -> usize {
        match self.reservations.get(&id) {
            Some(one) => one.queue.len(),
            None if id == FlowId::BEST_EFFORT => self.best_effort.queue.len(),
            None if id == FlowId::CONTROL => self.control.queue.len(),
            None => 0,
        }
    }

    /// How many octets wait, link headers included.
    #[must_use]
    pub const fn octets(&self) -> u64 {
        self.octets
    }

    /// What it has counted.
    #[must_use]
    pub const fn stats(&self) -> &QueueStats {
        &self.stats
    }

    /// Throws away what waits; how many packets that was. Reservations stay.
    pub fn clear(&mut self) -> usize {
        for one in [&mut self.best_effort, &mut self.control] {
            one.queue.clear();
            one.flow.place = Place::Idle;
        }
        for one in self.reservations.values_mut() {
            one.queue.clear();
            one.octets = 0;
            one.flow.place = Place::Idle;
        }
        self.waiting.clear();
        self.started.clear();
        self.held.clear();
        self.virtual_time = self.virtual_time.max(self.last_finish);
        self.octets = 0;
        std::mem::take(&mut self.packets)
    }
}

/// Whether a frame is network control: see the module.
fn is_control(frame: &[u8], header: usize) -> bool {
    if header == ethernet::Header::LEN
        && let Some(&[.., a, b]) = frame.first_chunk::<{ ethernet::Header::LEN }>()
        && EtherType(u16::from_be_bytes([a, b])) != EtherType::IPV4
    {
        return true;
    }
    // RFC 791 §3.1: the precedence is the upper three bits of the second octet.
    frame.get(header + 1).is_some_and(|&tos| tos >= 0xc0)
}

/// The code point of lower effort (RFC 8622 §11).
const LOWER_EFFORT: u8 = 0b00_0001;

/// Whether a type of service has it.
const fn is_lower_effort(tos: u8) -> bool {
    tos >> 2 == LOWER_EFFORT
}

/// Marks an IP packet as lower effort; congestion notification (RFC 3168) is left as it is.
fn mark(packet: &mut [u8]) {
    if let Some(tos) = packet.get_mut(1) {
        *tos = LOWER_EFFORT << 2 | *tos & 0b11;
        ipv4::fill_checksum(packet);
    }
}

/// A hundredth of a link's rate.
pub(super) fn hundredth(link_rate: u64) -> u64 {
    (link_rate / 100).max(1)
}

/// What a link has left for best effort besides reservations and network control.
pub(super) fn best_effort_rate(link_rate: u64, reserved: u64) -> u64 {
    let least = hundredth(link_rate);
    link_rate
        .saturating_sub(reserved)
        .saturating_sub(least)
        .max(least)
}
