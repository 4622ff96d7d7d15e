//! Segments that arrived before what comes ahead of them, and what to report of them: RFC 2018, RFC 2883.
//!
//! They are charged for the memory that they hold on to, not for their octets: single octets with gaps between them would
//! else take thousands of times their number.

use std::collections::VecDeque;

use fairway_wire::SeqNumber;
use fairway_wire::tcp::{SackBlock, SackBlocks};

use super::num::{octets, span};
use crate::pkt::PacketBuf;

/// What a packet is charged beside its buffer: its places in the queues.
const OVERHEAD: usize = 256;

/// The longest buffer that packets are put together in.
const PIECE: usize = 65_536;

fn charge(packet: &PacketBuf) -> usize {
    packet.memory() + OVERHEAD
}

/// A run of numbers without gap, and the packets that hold it.
#[derive(Debug)]
struct Run {
    start: SeqNumber,
    end: SeqNumber,
    packets: VecDeque<PacketBuf>,
    /// Greater for the runs that changed later.
    changed: u64,
}

/// What arrived too early. The runs are in order, and between two of them something is missing.
#[derive(Debug, Default)]
pub(crate) struct OutOfOrder {
    runs: Vec<Run>,
    changes: u64,
    packets: usize,
    octets: usize,
    /// What the packets are charged.
    memory: usize,
    /// Memory was short: what comes is kept in buffers of its own size, until there is plenty again.
    short: bool,
}

impl Run {
    /// Puts its packets together; returns what that saves.
    fn compact(&mut self) -> (usize, usize) {
        let before: usize = self.packets.iter().map(charge).sum();
        let mut rest = std::mem::take(&mut self.packets).into_iter().peekable();
        let packets = rest.len();
        while let Some(first) = rest.next() {
            let alone = rest
                .peek()
                .is_none_or(|next| first.len() + next.len() > PIECE);
            if alone {
                let tight = first.memory() == first.len();
                self.packets
                    .push_back(if tight { first } else { first.compact() });
                continue;
            }
            let mut all = PacketBuf::with_headroom(0, PIECE);
            all.extend_from_slice(first.as_slice());
            while let Some(next) = rest.next_if(|next| all.len() + next.len() <= PIECE) {
                all.extend_from_slice(next.as_slice());
            }
            self.packets.push_back(all.compact());
        }
        let after: usize = self.packets.iter().map(charge).sum();
        (packets - self.packets.len(), before - after)
    }
}

impl OutOfOrder {
    pub(crate) const fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// How many packets are kept.
    pub(crate) const fn packets(&self) -> usize {
        self.packets
    }

    /// How many octets.
    pub(crate) const fn len(&self) -> usize {
        self.octets
    }

    /// Octets of memory in use.
    pub(crate) const fn memory(&self) -> usize {
        self.memory
    }

    /// Whether `packet` may be added without more than `most` octets of memory in use; makes room for it as far as
    /// possible.
    pub(crate) fn make_room(&mut self, packet: &mut PacketBuf, most: usize) -> bool {
        if self.short && self.memory < most / 2 {
            self.short = false;
        }
        if self.memory + charge(packet) > most && !self.short {
            self.short = true;
            self.compact();
        }
        if self.short && packet.memory() > packet.len() {
            *packet = packet.compact();
        }
        self.memory + charge(packet) <= most
    }

    /// Gives memory back if more than `most` octets are in use: what fills many holes makes many packets.
    pub(crate) fn shrink(&mut self, most: usize) {
        if self.memory > most {
            self.short = true;
            self.compact();
        }
    }

    /// Puts the packets of every run together, in buffers of their size.
    #[cold]
    fn compact(&mut self) {
        for run in &mut self.runs {
            let (packets, memory) = run.compact();
            self.packets -= packets;
            self.memory -= memory;
        }
    }

    /// Takes the octets of `packet` that are not there yet; the first has the number `start`. Returns the part that was
    /// there already, if any: the first such.
    pub(crate) fn insert(&mut self, start: SeqNumber, mut packet: PacketBuf) -> Option<SackBlock> {
        let end = start + packet.len();
        let mut duplicate = None;
        let mut at = start;
        let mut index = self.runs.partition_point(|run| run.end.le(start));
        self.changes += 1;
        while at.lt(end) {
            let (next, next_end) = match self.runs.get(index) {
                Some(run) => (run.start, run.end),
                None => (end, end),
            };
            if next.le(at) && next_end.gt(at) {
                // Here already.
                let right = next_end.min(end);
                duplicate.get_or_insert(SackBlock { left: at, right });
                packet.pull_front(octets(span(right, at)));
                at = right;
                if let Some(run) = self.runs.get_mut(index) {
                    run.changed = self.changes;
                }
                index += 1;
                continue;
            }
            let right = next.min(end);
            let len = octets(span(right, at));
            if right == end {
                packet.truncate(len);
                self.place(index, at, right, packet);
                return duplicate;
            }
            // What lies across many holes makes as many pieces.
            let piece = packet.compact_front(len);
            packet.pull_front(len);
            at = right;
            index = self.place(index, at - len, right, piece);
        }
        duplicate
    }

    /// Puts a new run before the one at `index`, and joins it with its neighbours; returns the index of the run that
    /// holds it.
    fn place(
        &mut self,
        index: usize,
        start: SeqNumber,
        end: SeqNumber,
        packet: PacketBuf,
    ) -> usize {
        self.octets += packet.len();
        let before = index.wrapping_sub(1);
        if let Some(run) = self.runs.get_mut(before)
            && run.end == start
        {
            run.end = end;
            run.changed = self.changes;
            match run.packets.back_mut() {
                // Small pieces share a buffer.
                Some(last) if packet.len() <= 512 && last.tailroom() >= packet.len() => {
                    last.extend_from_slice(packet.as_slice());
                }
                _ => {
                    self.memory += charge(&packet);
                    run.packets.push_back(packet);
                    self.packets += 1;
                }
            }
            self.join(before);
            return before;
        }
        self.packets += 1;
        self.memory += charge(&packet);
        if let Some(run) = self.runs.get_mut(index)
            && run.start == end
        {
            run.start = start;
            run.changed = self.changes;
            run.packets.push_front(packet);
            return index;
        }
        self.runs.insert(
            index,
            Run {
                start,
                end,
                packets: VecDeque::from([packet]),
                changed: self.changes,
            },
        );
        index
    }

    /// Joins the run at `index` with the next if nothing is missing between them.
    fn join(&mut self, index: usize) {
        let touching = matches!(
            (self.runs.get(index), self.runs.get(index + 1)),
            (Some(run), Some(next)) if run.end == next.start
        );
        if touching {
            let mut next = self.runs.remove(index + 1);
            if let Some(run) = self.runs.get_mut(index) {
                run.end = next.end;
                run.packets.append(&mut next.packets);
            }
        }
    }

    /// Takes out the first run if nothing is missing before it any more: its packets, without what is before `next`, and
    /// the number after it. What of it lies before `next` has arrived twice (RFC 2883 §4.2.1): it is noted in
    /// `duplicate`.
    pub(crate) fn take(
        &mut self,
        next: SeqNumber,
        duplicate: &mut Option<SackBlock>,
    ) -> Option<(VecDeque<PacketBuf>, SeqNumber)> {
        let first = self.runs.first()?;
        if first.start.gt(next) {
            return None;
        }
        if first.start.lt(next) {
            *duplicate = Some(SackBlock {
                left: first.start,
                right: first.end.min(next),
            });
        }
        let mut run = self.runs.remove(0);
        self.packets -= run.packets.len();
        self.memory -= run.packets.iter().map(charge).sum::<usize>();
        self.octets -= octets(span(run.end, run.start));
        let mut old = octets(span(next, run.start));
        while old > 0 {
            let Some(packet) = run.packets.front_mut() else {
                break;
            };
            if packet.len() > old {
                packet.pull_front(old);
                break;
            }
            old -= packet.len();
            run.packets.pop_front();
        }
        Some((run.packets, run.end))
    }

    /// RFC 2018 §4: the runs to report, the one that changed last first.
    pub(crate) fn blocks(&self, most: usize) -> SackBlocks {
        let mut blocks = SackBlocks::default();
        let mut below = u64::MAX;
        while blocks.len() < most {
            let next = self
                .runs
                .iter()
                .filter(|run| run.changed < below)
                .max_by_key(|run| run.changed);
            let Some(run) = next else { break };
            below = run.changed;
            blocks.push(SackBlock {
                left: run.start,
                right: run.end,
            });
        }
        blocks
    }

    /// The run that holds `block`, to be reported behind a duplicate (RFC 2883 §4.2).
    pub(crate) fn holder(&self, block: SackBlock) -> Option<SackBlock> {
        self.runs
            .iter()
            .find(|run| run.start.le(block.left) && run.end.ge(block.right))
            .map(|run| SackBlock {
                left: run.start,
                right: run.end,
            })
    }

    /// Panics if the runs are not in order and apart, or the counts are wrong.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        let mut last: Option<SeqNumber> = None;
        let (mut packets, mut len, mut memory) = (0, 0, 0);
        for run in &self.runs {
            assert!(last.is_none_or(|last| last.lt(run.start)), "runs touch");
            last = Some(run.end);
            let held: usize = run.packets.iter().map(PacketBuf::len).sum();
            assert_eq!(held, octets(span(run.end, run.start)));
            packets += run.packets.len();
            memory += run.packets.iter().map(charge).sum::<usize>();
            len += held;
        }
        assert_eq!(
            (packets, len, memory),
            (self.packets, self.octets, self.memory)
        );
    }
}

#[cfg(test)]
mod tests {
    use super::{OutOfOrder, PacketBuf, SackBlock, SeqNumber};
    use proptest::prelude::*;

    fn octet(at: usize) -> u8 {
        u8::try_from(at * 31 % 251).unwrap()
    }

    fn packet(from: usize, to: usize) -> PacketBuf {
        PacketBuf::from_slice(&(from..to).map(octet).collect::<Vec<_>>())
    }

    fn block(left: u32, right: u32) -> SackBlock {
        SackBlock {
            left: SeqNumber(left),
            right: SeqNumber(right),
        }
    }

    // RFC 2018 §4: the first block is the one of the segment that arrived last.
    #[test]
    fn the_latest_block_is_reported_first() {
        let mut queue = OutOfOrder::default();
        for start in [100, 300, 200] {
            assert_eq!(queue.insert(SeqNumber(start), packet(0, 50)), None);
        }
        queue.insert(SeqNumber(150), packet(0, 10));
        let blocks = queue.blocks(3);
        assert_eq!(
            blocks.as_slice(),
            [block(100, 160), block(200, 250), block(300, 350)]
        );
        assert_eq!(queue.blocks(2).len(), 2);
    }

    // RFC 2883 §4.2: a duplicate within what is queued is found.
    #[test]
    fn a_duplicate_is_told() {
        let mut queue = OutOfOrder::default();
        queue.insert(SeqNumber(100), packet(0, 50));
        assert_eq!(
            queue.insert(SeqNumber(90), packet(0, 30)),
            Some(block(100, 120))
        );
        assert_eq!(queue.holder(block(100, 120)), Some(block(90, 150)));
        queue.check();
    }

    /// One octet of every two, each in a buffer for the longest packets; then those between, in one packet.
    #[test]
    fn single_octets_in_large_frames_take_little_memory() {
        const MOST: usize = 256 << 10;
        let mut queue = OutOfOrder::default();
        let mut kept = 0;
        for number in 1..2000_u32 {
            let mut one = PacketBuf::new(60_000);
            one.extend_from_slice(&[octet(kept)]);
            if queue.make_room(&mut one, MOST) {
                queue.insert(SeqNumber(2 * number), one);
                kept += 1;
            }
            assert!(queue.memory() <= MOST);
            queue.check();
        }
        assert!((900..1100).contains(&kept), "{kept}");
        let between = PacketBuf::from_slice(&vec![0; 2 * kept]);
        queue.insert(SeqNumber(1), between);
        queue.shrink(MOST);
        queue.check();
        assert_eq!(queue.packets(), 1);
        assert!(queue.memory() <= 2 * kept + 300, "{}", queue.memory());
    }

    /// A long packet across many holes does not make as many long ones, not even for a moment.
    #[test]
    fn what_fills_many_holes_takes_little_memory_at_once() {
        let mut queue = OutOfOrder::default();
        for number in 1..=1000_u32 {
            queue.insert(SeqNumber(50 * number), packet(0, 1).compact());
        }
        queue.insert(SeqNumber(1), PacketBuf::from_slice(&[0; 50_100]));
        queue.check();
        assert_eq!(queue.len(), 50_100);
        // The octets, places for twice as many packets, and the buffer that they came in.
        let most = 50_000 + 2001 * 256 + 66_064;
        assert!(queue.memory() <= most, "{}", queue.memory());
    }

    proptest! {
        /// Whatever comes in whatever order: a map of octets agrees.
        #[test]
        fn agrees_with_a_map_of_octets(pieces in prop::collection::vec((1_usize..400, 1_usize..60), 1..60)) {
            let base = SeqNumber(u32::MAX - 200); // the numbers wrap within
            let mut queue = OutOfOrder::default();
            let mut have = [false; 512];
            let mut next = 0;
            for (start, len) in pieces {
                let start = start.max(next + 1);
                let end = (start + len).min(500);
                if start >= end {
                    continue;
                }
                let known = have[start..end].iter().position(|&have| have);
                let mut packet = packet(start, end);
                queue.make_room(&mut packet, 20_000);
                let told = queue.insert(base + start, packet);
                prop_assert_eq!(told.map(|block| block.left), known.map(|at| base + (start + at)));
                have[start..end].fill(true);
                queue.check();
                prop_assert_eq!(queue.len(), have[next..].iter().filter(|&&have| have).count());
                if len % 7 == 0 {
                    // Everything up to the first run, and a little into it, arrives.
                    if let Some(first) = (next..512).find(|&at| have[at]) {
                        next = first + len % 3;
                        let (packets, end) = queue.take(base + next, &mut None).unwrap();
                        let held: Vec<u8> = packets.iter().flat_map(|packet| packet.as_slice().to_vec()).collect();
                        let mut last = first;
                        while have[last] { last += 1; }
                        prop_assert_eq!(end, base + last);
                        let from = next.min(last);
                        prop_assert_eq!(held, (from..last).map(octet).collect::<Vec<_>>());
                        next = last.max(next);
                    }
                }
            }
        }
    }
}
