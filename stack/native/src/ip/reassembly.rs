//! Putting packets together from fragments (RFC 791 §3.2, RFC 815).
//!
//! The fragments of a packet are kept as they came, in order, without copies; the packet is made once, when nothing is
//! missing. Strangers fill this table, so it has limits by memory, per source and over all, and drops the oldest
//! packet where there is no room.
//!
//! Fragments that overlap are no accident of the network: they pass filters that look at one of them only. As RFC 5722
//! asks of IPv6, such a packet is dropped and so is what still comes of it; a mere copy of a fragment is dropped alone.
//! Timers: a packet's time begins with its first fragment, and more fragments do not lengthen it.

use crate::dropped;
use crate::event::{DropReason, Events};
use crate::hash::Key;
use crate::iface::InterfaceId;
use crate::limits::ReassemblyLimits;
use crate::pkt::{ChecksumState, PacketBuf};
use crate::stack::{Inconsistency, ensure};
use fairway_wire::{Instant, Protocol, ipv4};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

/// The longest packet there is, in octets of header and data.
const MAX_PACKET: usize = 65_535;

/// What became of a fragment.
#[derive(Debug)]
pub enum Outcome {
    /// It was the last one missing: the packet, from its IP header on.
    Whole(PacketBuf),
    /// It is kept; others are missing.
    Waiting,
    /// It was dropped, and the event says why.
    Dropped,
}

/// A packet of which fragments did not come in time.
#[derive(Debug)]
pub struct TimedOut {
    /// The interface that its first fragment to arrive came by.
    pub interface: InterfaceId,
    /// The fragment at the beginning, from its IP header on, for the ICMP error "fragment reassembly time exceeded"
    /// (RFC 792); `None` if it did not come, and then no error is sent (RFC 1122 §3.3.2).
    pub first: Option<PacketBuf>,
}

/// What the fragments of one packet have in common (RFC 791 §3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Name {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: Protocol,
    id: u16,
}

/// A fragment that is kept, from its IP header on.
#[derive(Debug)]
struct Piece {
    start: usize,
    end: usize,
    header_len: usize,
    packet: PacketBuf,
}

impl Piece {
    fn data(&self) -> &[u8] {
        self.packet.as_slice().get(self.header_len..).unwrap_or(&[])
    }
}

/// A packet that misses something.
#[derive(Debug)]
struct Partial {
    interface: InterfaceId,
    until: Instant,
    /// Tells apart those that began at the same time.
    number: u64,
    /// In order and disjoint.
    pieces: Vec<Piece>,
    /// Octets of data in them.
    have: usize,
    /// Octets of data of the packet, once the last fragment came.
    total: Option<usize>,
    /// Octets of memory that the pieces hold on to.
    memory: usize,
    /// The ECN fields seen, one bit per value.
    ecn: u8,
    /// It was refused; what still comes is dropped.
    refused: bool,
}

/// The packets of one host that miss fragments.
///
/// After [`Reassembly::handle_timeout`], drain [`Reassembly::poll_output`].
#[derive(Debug)]
pub struct Reassembly {
    limits: ReassemblyLimits,
    life: Duration,
    /// Never iterated.
    partials: HashMap<Name, Partial, Key>,
    /// By end of time: the first is the next to end, and the first to go where there is no room.
    by_age: BTreeMap<(Instant, u64), Name>,
    /// The same for each source.
    by_source: BTreeMap<(Ipv4Addr, u64), Name>,
    /// Octets of memory held for each source; never iterated.
    per_source: HashMap<Ipv4Addr, usize, Key>,
    memory: usize,
    next_number: u64,
    output: VecDeque<TimedOut>,
    /// Packets of which fragments did not come in time.
    timed_out: u64,
}

impl Reassembly {
    /// An empty table, keyed by `key`, whose packets wait for `life` (RFC 1122 §3.3.2: 60 s to 120 s).
    #[must_use]
    pub fn new(limits: ReassemblyLimits, life: Duration, key: Key) -> Self {
        Self {
            limits,
            life,
            partials: HashMap::with_hasher(key),
            by_age: BTreeMap::new(),
            by_source: BTreeMap::new(),
            per_source: HashMap::with_hasher(key),
            memory: 0,
            next_number: 0,
            output: VecDeque::new(),
            timed_out: 0,
        }
    }

    /// How long packets that begin from now on wait.
    pub const fn set_life(&mut self, life: Duration) {
        self.life = life;
    }

    /// How many packets miss something.
    #[must_use]
    pub fn len(&self) -> usize {
        self.partials.len()
    }

    /// Whether none does.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.partials.is_empty()
    }

    /// Octets of memory that fragments hold on to.
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.memory
    }

    /// How many packets missed something when their time was over.
    #[must_use]
    pub const fn timed_out(&self) -> u64 {
        self.timed_out
    }

    /// A fragment came: `packet` begins with its IP header, whose checksum was verified.
    pub fn handle_fragment(
        &mut self,
        now: Instant,
        interface: InterfaceId,
        packet: PacketBuf,
        events: &mut Events,
    ) -> Outcome {
        let Ok((header, _, data)) = ipv4::Header::parse(packet.as_slice()) else {
            // IP input parsed it before; nothing else can come here.
            return Outcome::Dropped;
        };
        let data_len = data.len();
        let mut packet = packet;
        packet.truncate(usize::from(header.total_len));
        if !header.is_fragment() {
            return Outcome::Whole(packet);
        }
        let name = Name {
            source: header.source,
            destination: header.destination,
            protocol: header.protocol,
            id: header.id,
        };
        if let Some(partial) = self.partials.get(&name)
            && partial.refused
        {
            raise(events, now, DropReason::FragmentRefused, interface, &header);
            return Outcome::Dropped;
        }
        // Every fragment but the last carries a multiple of eight octets (RFC 791 §3.2), and none carries nothing.
        let uneven = header.more_fragments && !data_len.is_multiple_of(8);
        if data_len == 0 || uneven {
            raise(events, now, DropReason::FragmentLength, interface, &header);
            return Outcome::Dropped;
        }
        let start = usize::from(header.fragment_offset);
        let end = start + data_len;
        if usize::from(header.header_len) + end > MAX_PACKET {
            // The "ping of death" made receivers write past the end.
            raise(events, now, DropReason::FragmentTooFar, interface, &header);
            self.refuse(&name);
            return Outcome::Dropped;
        }
        if !self.partials.contains_key(&name) {
            self.begin(now, interface, name, events);
        }
        let header_len = usize::from(header.header_len);
        let packet = unpadded(packet);
        let piece = Piece {
            start,
            end,
            header_len,
            packet,
        };
        match self.keep(&name, piece, &header) {
            Ok(true) => self.finish(&name, now, interface, &header, events),
            Ok(false) => {
                self.make_room(now, &name, events);
                Outcome::Waiting
            }
            Err(reason) => {
                raise(events, now, reason, interface, &header);
                if reason != DropReason::FragmentTwice {
                    self.refuse(&name);
                }
                Outcome::Dropped
            }
        }
    }

    /// Drops the packets whose time is over.
    pub fn handle_timeout(&mut self, now: Instant, events: &mut Events) {
        while let Some((&(at, _), &name)) = self.by_age.first_key_value()
            && at <= now
        {
            let Some(partial) = self.take(&name) else {
                return;
            };
            if partial.refused {
                // It was counted when it was refused.
                continue;
            }
            self.timed_out += 1;
            dropped!(
                events,
                now,
                DropReason::FragmentsLate,
                interface = partial.interface.0,
                source = name.source,
                destination = name.destination,
                protocol = name.protocol.0,
                detail = name.id
            );
            let interface = partial.interface;
            let mut pieces = partial.pieces.into_iter();
            let first = pieces.next().filter(|piece| piece.start == 0);
            self.output.push_back(TimedOut {
                interface,
                first: first.map(|piece| piece.packet),
            });
        }
    }

    /// When the next packet's time is over.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.by_age.first_key_value().map(|(&(at, _), _)| at)
    }

    /// The next packet that timed out; ask until `None`.
    pub fn poll_output(&mut self) -> Option<TimedOut> {
        self.output.pop_front()
    }

    /// Whether the memory accounted for is what the fragments hold, within the limits, and each packet has its end.
    pub(crate) fn check(&self) -> Result<(), Inconsistency> {
        let limits = &self.limits;
        ensure!(
            self.partials.len() == self.by_age.len()
                && self.partials.len() == self.by_source.len()
                && self.partials.len() <= limits.datagrams.max(1),
            "{} packets of fragments, {} by age, {} by source, at most {}",
            self.partials.len(),
            self.by_age.len(),
            self.by_source.len(),
            limits.datagrams
        );
        let mut memory = 0;
        let (mut source, mut of_source, mut sources) = (None, 0, 0);
        for name in self.by_source.values() {
            let Some(partial) = self.partials.get(name) else {
                return Err(Inconsistency(format!("{name:?} is not in the table")));
            };
            ensure!(
                self.by_age.get(&(partial.until, partial.number)) == Some(name),
                "{name:?} never ends"
            );
            let held = partial
                .pieces
                .iter()
                .map(|piece| piece.packet.memory())
                .sum();
            let have = partial
                .pieces
                .iter()
                .map(|piece| piece.end - piece.start)
                .sum();
            ensure!(
                (partial.memory, partial.have) == (held, have) || partial.refused,
                "{name:?} has {have} octets in {held}, {} in {} accounted for",
                partial.have,
                partial.memory
            );
            let apart = partial.pieces.iter().zip(partial.pieces.iter().skip(1));
            ensure!(
                apart.clone().all(|(one, next)| one.end <= next.start),
                "fragments of {name:?} overlap"
            );
            ensure!(
                partial.pieces.len() <= limits.fragments,
                "{} fragments of {name:?}, at most {}",
                partial.pieces.len(),
                limits.fragments
            );
            memory += held;
            if source != Some(name.source) {
                (source, of_source) = (Some(name.source), 0);
            }
            sources += usize::from(of_source == 0 && held != 0);
            of_source += held;
            let known = self.per_source.get(&name.source).copied().unwrap_or(0);
            ensure!(
                of_source <= known && known <= limits.memory_per_source,
                "{} holds {of_source} octets, {known} are accounted for, at most {}",
                name.source,
                limits.memory_per_source
            );
        }
        ensure!(
            memory == self.memory && memory <= limits.memory && sources == self.per_source.len(),
            "{memory} octets of {sources} sources, {} of {} are accounted for, at most {}",
            self.memory,
            self.per_source.len(),
            limits.memory
        );
        ensure!(
            self.output.is_empty(),
            "{} fragments were left unanswered",
            self.output.len()
        );
        Ok(())
    }

    /// The first fragment of a packet came; evicts the oldest packets where there are too many.
    fn begin(&mut self, now: Instant, interface: InterfaceId, name: Name, events: &mut Events) {
        while self.partials.len() >= self.limits.datagrams.max(1) {
            self.evict_oldest(now, events, DropReason::FragmentsPackets);
        }
        let until = now + self.life;
        let number = self.next_number;
        self.next_number += 1;
        self.by_age.insert((until, number), name);
        self.by_source.insert((name.source, number), name);
        let partial = Partial {
            interface,
            until,
            number,
            pieces: Vec::new(),
            have: 0,
            total: None,
            memory: 0,
            ecn: 0,
            refused: false,
        };
        self.partials.insert(name, partial);
    }

    /// Adds a fragment to its packet: whether that is whole now, or what is wrong with it.
    fn keep(
        &mut self,
        name: &Name,
        piece: Piece,
        header: &ipv4::Header,
    ) -> Result<bool, DropReason> {
        let Some(partial) = self.partials.get_mut(name) else {
            return Ok(false);
        };
        let at = partial
            .pieces
            .partition_point(|other| other.start < piece.start);
        let before = at.checked_sub(1).and_then(|at| partial.pieces.get(at));
        let after = partial.pieces.get(at);
        if let Some(same) = after
            && (same.start, same.end) == (piece.start, piece.end)
            && same.data() == piece.data()
        {
            return Err(DropReason::FragmentTwice);
        }
        let overlaps = before.is_some_and(|other| other.end > piece.start)
            || after.is_some_and(|other| other.start < piece.end);
        if overlaps {
            return Err(DropReason::FragmentOverlap);
        }
        let reach = partial
            .pieces
            .last()
            .map_or(0, |last| last.end)
            .max(piece.end);
        let total = if header.more_fragments {
            partial.total
        } else {
            Some(piece.end)
        };
        let differs = partial.total.is_some() && partial.total != total;
        if differs || total.is_some_and(|total| reach > total) {
            return Err(DropReason::FragmentTwoEnds);
        }
        if partial.pieces.len() >= self.limits.fragments {
            return Err(DropReason::FragmentTooMany);
        }
        let memory = piece.packet.memory();
        partial.total = total;
        partial.have += piece.end - piece.start;
        partial.memory += memory;
        partial.ecn |= 1 << (header.dscp_ecn & 3);
        partial.pieces.insert(at, piece);
        let whole = partial.total == Some(partial.have);
        self.memory += memory;
        *self.per_source.entry(name.source).or_default() += memory;
        Ok(whole)
    }

    /// Makes the packet of which nothing is missing.
    fn finish(
        &mut self,
        name: &Name,
        now: Instant,
        interface: InterfaceId,
        header: &ipv4::Header,
        events: &mut Events,
    ) -> Outcome {
        let Some(partial) = self.take(name) else {
            return Outcome::Dropped;
        };
        // RFC 3168 §5.3: congestion experienced by one fragment is experienced by the packet, and fragments that could
        // not say so may not be mixed with it.
        const NOT_ECT: u8 = 1;
        const CE: u8 = 1 << 3;
        if partial.ecn & CE != 0 && partial.ecn & NOT_ECT != 0 {
            raise(events, now, DropReason::FragmentMarks, interface, header);
            return Outcome::Dropped;
        }
        let mut pieces = partial.pieces.into_iter();
        let Some(first) = pieces.next() else {
            return Outcome::Dropped;
        };
        let data_len = partial.have;
        let Ok(total_len) = u16::try_from(first.header_len + data_len) else {
            // The first fragment has more options than the others.
            raise(events, now, DropReason::FragmentOptions, interface, header);
            return Outcome::Dropped;
        };
        let mut checksum = first.packet.checksum;
        let class = first.packet.class;
        let mut whole = PacketBuf::new(usize::from(total_len));
        whole.extend_from_slice(first.packet.as_slice());
        for piece in pieces {
            if piece.packet.checksum != checksum {
                checksum = ChecksumState::Unknown;
            }
            whole.extend_from_slice(piece.data());
        }
        whole.checksum = checksum;
        whole.class = class;
        let octets = whole.as_mut_slice();
        if let Some([_, tos, length @ .., _, _, _, _]) = octets.first_chunk_mut::<8>() {
            let [high, low] = length;
            [*high, *low] = total_len.to_be_bytes();
            if partial.ecn & CE != 0 {
                *tos |= 3;
            }
        }
        if let Some([.., flags, offset]) = octets.first_chunk_mut::<8>() {
            (*flags, *offset) = (0, 0);
        }
        ipv4::fill_checksum(octets);
        Outcome::Whole(whole)
    }

    /// Evicts until there is room again, first of the same source.
    fn make_room(&mut self, now: Instant, name: &Name, events: &mut Events) {
        let held = |this: &Self| this.per_source.get(&name.source).copied().unwrap_or(0);
        while held(self) > self.limits.memory_per_source {
            let from = (name.source, 0);
            let Some((_, &oldest)) = self.by_source.range(from..).next() else {
                break;
            };
            self.evict(now, &oldest, events, DropReason::FragmentsOfSource);
        }
        while self.memory > self.limits.memory && !self.partials.is_empty() {
            self.evict_oldest(now, events, DropReason::FragmentsMemory);
        }
    }

    fn evict_oldest(&mut self, now: Instant, events: &mut Events, reason: DropReason) {
        if let Some((_, &oldest)) = self.by_age.first_key_value() {
            self.evict(now, &oldest, events, reason);
        }
    }

    fn evict(&mut self, now: Instant, name: &Name, events: &mut Events, reason: DropReason) {
        if self.take(name).is_some() {
            dropped!(
                events,
                now,
                reason,
                source = name.source,
                destination = name.destination,
                protocol = name.protocol.0
            );
        }
    }

    /// Drops what came of a packet, and will drop what still comes until its time is over (RFC 5722 §4).
    fn refuse(&mut self, name: &Name) {
        let Some(partial) = self.partials.get_mut(name) else {
            return;
        };
        partial.refused = true;
        partial.pieces = Vec::new();
        let memory = std::mem::take(&mut partial.memory);
        self.give_back(name.source, memory);
    }

    /// Takes a packet out of the table.
    fn take(&mut self, name: &Name) -> Option<Partial> {
        let partial = self.partials.remove(name)?;
        self.by_age.remove(&(partial.until, partial.number));
        self.by_source.remove(&(name.source, partial.number));
        self.give_back(name.source, partial.memory);
        Some(partial)
    }

    fn give_back(&mut self, source: Ipv4Addr, memory: usize) {
        self.memory -= memory;
        if let Some(held) = self.per_source.get_mut(&source) {
            *held -= memory;
            if *held == 0 {
                self.per_source.remove(&source);
            }
        }
    }
}

/// The packet in a buffer that is not much larger than what it holds, so that short fragments in long buffers do not
/// pin memory.
fn unpadded(packet: PacketBuf) -> PacketBuf {
    if packet.memory() > 4096 && packet.memory() > 2 * packet.len() {
        packet.clone()
    } else {
        packet
    }
}

fn raise(
    events: &mut Events,
    now: Instant,
    reason: DropReason,
    interface: InterfaceId,
    header: &ipv4::Header,
) {
    dropped!(
        events,
        now,
        reason,
        interface = interface.0,
        source = header.source,
        destination = header.destination,
        protocol = header.protocol.0,
        len = header.total_len,
        detail = header.fragment_offset
    );
}

#[cfg(test)]
mod tests;
