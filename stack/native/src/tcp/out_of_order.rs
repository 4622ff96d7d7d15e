//! Segments that arrived before what comes ahead of them, and what to report of them: RFC 2018, RFC 2883.

use std::collections::VecDeque;

use fairway_wire::SeqNumber;
use fairway_wire::tcp::{SackBlock, SackBlocks};

use super::num::{octets, span};
use crate::pkt::PacketBuf;

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
    pub(crate) fn memory(&self) -> usize {
        self.runs
            .iter()
            .flat_map(|run| &run.packets)
            .map(PacketBuf::memory)
            .sum()
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
            let piece = PacketBuf::from_slice(packet.as_slice().get(..len).unwrap_or_default());
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
                    run.packets.push_back(packet);
                    self.packets += 1;
                }
            }
            self.join(before);
            return before;
        }
        self.packets += 1;
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
        let (mut packets, mut len) = (0, 0);
        for run in &self.runs {
            assert!(last.is_none_or(|last| last.lt(run.start)), "runs touch");
            last = Some(run.end);
            let held: usize = run.packets.iter().map(PacketBuf::len).sum();
            assert_eq!(held, octets(span(run.end, run.start)));
            packets += run.packets.len();
            len += held;
        }
        assert_eq!((packets, len), (self.packets, self.octets));
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
                let told = queue.insert(base + start, packet(start, end));
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
