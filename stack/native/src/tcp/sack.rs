//! What was sent and is not acknowledged: the scoreboard of RFC 6675, with the times RACK needs (RFC 8985).
//!
//! Every transmitted run of sequence numbers is a [`Sent`], in order and without gaps from SND.UNA to SND.NXT. Four
//! counts are kept beside it, so that "pipe" (RFC 6675 §4) costs nothing:
//!
//! ```text
//! pipe = outstanding - sacked - lost + resent
//! ```
//!
//! A run is *lost* from the moment it is declared so until it is acknowledged; it is also *resent* while a
//! retransmission of it is on its way. RACK may declare that one lost, too.
//!
//! Work per acknowledgment is in proportion to what it newly says: runs below `originals` are settled and not looked at
//! again, retransmissions wait in a queue of their own in the order of their times, and a SACK block that grows is read
//! from where it ended last time.

use std::collections::VecDeque;

use fairway_wire::tcp::{SackBlock, SackBlocks};
use fairway_wire::{Instant, SeqNumber};

use super::num::{octets, span};
use super::rack::Rack;
use super::sendq::KEPT_PLACES;

/// Runs that reports may always cut what is outstanding into, and the octets that there must be for each one more.
const CUTS: usize = 256;
const LEAST: u32 = 256;

/// What is known of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Marks(u8);

impl Marks {
    /// The peer has it (selectively acknowledged).
    const SACKED: u8 = 1;
    /// Taken for lost.
    const LOST: u8 = 2;
    /// A retransmission of it is on its way.
    const RESENT: u8 = 4;
    /// It was sent more than once.
    const TWICE: u8 = 8;

    #[inline]
    const fn has(self, mark: u8) -> bool {
        self.0 & mark != 0
    }
}

/// A run of sequence numbers that was sent at once.
#[derive(Clone, Copy, Debug)]
struct Sent {
    start: SeqNumber,
    len: u32,
    /// When it was last sent.
    at: Instant,
    marks: Marks,
}

impl Sent {
    #[inline]
    fn end(&self) -> SeqNumber {
        self.start + self.len
    }
}

/// What one acknowledgment newly says.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Delivery {
    /// Octets newly acknowledged, by number or selectively: DeliveredData of RFC 6937.
    pub(crate) delivered: u32,
    /// Octets newly acknowledged selectively.
    pub(crate) sacked: u32,
    /// Octets delivered that were sent once only.
    pub(crate) originals: u32,
    /// When the earliest run acknowledged by number was sent, if all of them were sent once: a round-trip time (Karn).
    pub(crate) first_sent_at: Option<Instant>,
    /// When the latest run newly selectively acknowledged was sent, if it was sent once.
    pub(crate) sacked_sent_at: Option<Instant>,
    /// A run that was sent twice was acknowledged by number.
    pub(crate) ambiguous: bool,
    /// Of the delivered runs the one sent last: time, end, and whether it was sent twice.
    pub(crate) latest: Option<(Instant, SeqNumber, bool)>,
    /// A run sent once was delivered after one that was sent later: the path reorders.
    pub(crate) reordered: bool,
    /// Octets delivered though they were taken for lost and not sent again.
    pub(crate) revived: u32,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub(crate) struct Scoreboard {
    runs: VecDeque<Sent>,
    /// Octets (with SYN and FIN) of all runs.
    outstanding: u32,
    sacked: u32,
    lost: u32,
    resent: u32,
    /// The end of the highest run selectively acknowledged; meaningless while `sacked` is 0.
    highest: SeqNumber,
    /// Every run before it that was sent once is sacked or lost.
    originals: SeqNumber,
    /// No run before it is lost and waiting to be sent again.
    unsent: SeqNumber,
    /// What was sent again, in the order of the times; entries that no longer hold are passed over.
    resends: VecDeque<(SeqNumber, Instant)>,
    /// The blocks of the last acknowledgment.
    last_blocks: Option<Box<SackBlocks>>,
}

impl Scoreboard {
    /// Nothing sent; the next number is `start`.
    pub(crate) fn new(start: SeqNumber) -> Self {
        Self {
            originals: start,
            unsent: start,
            ..Self::default()
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Octets sent and not acknowledged by number.
    #[cfg(any(test, debug_assertions))]
    pub(crate) const fn outstanding(&self) -> u32 {
        self.outstanding
    }

    /// Octets selectively acknowledged.
    #[inline]
    pub(crate) const fn sacked(&self) -> u32 {
        self.sacked
    }

    /// Octets taken for lost.
    #[inline]
    pub(crate) const fn lost(&self) -> u32 {
        self.lost
    }

    /// Octets whose retransmission is on its way.
    #[inline]
    pub(crate) const fn resent(&self) -> u32 {
        self.resent
    }

    /// Octets believed to be in the network: "pipe" of RFC 6675 §4.
    #[inline]
    pub(crate) const fn pipe(&self) -> u32 {
        (self.outstanding + self.resent).saturating_sub(self.sacked + self.lost)
    }

    /// Whether something lost waits to be sent again.
    #[inline]
    pub(crate) const fn has_unsent_loss(&self) -> bool {
        self.lost > self.resent
    }

    /// When the first run was last sent.
    #[inline]
    pub(crate) fn head_sent_at(&self) -> Option<Instant> {
        self.runs.front().map(|run| run.at)
    }

    /// Octets of the first run, and whether it was sent more than once.
    pub(crate) fn head(&self) -> Option<(u32, bool)> {
        self.runs
            .front()
            .map(|run| (run.len, run.marks.has(Marks::TWICE)))
    }

    /// Whether the peer has thrown away what it had selectively acknowledged: the first run is sacked though it was not
    /// acknowledged by number (RFC 2018 §8).
    pub(crate) fn reneged(&self) -> bool {
        self.runs
            .front()
            .is_some_and(|run| run.marks.has(Marks::SACKED))
    }

    /// Notes a run that is sent for the first time; it follows all others.
    #[inline]
    pub(crate) fn push(&mut self, start: SeqNumber, len: u32, now: Instant) {
        self.outstanding += len;
        self.runs.push_back(Sent {
            start,
            len,
            at: now,
            marks: Marks::default(),
        });
    }

    /// Index of the run that holds `seq`, or of the first after it.
    fn position(&self, seq: SeqNumber) -> usize {
        let Some(first) = self.runs.front() else {
            return 0;
        };
        if seq.le(first.start) {
            return 0;
        }
        let ahead = span(seq, first.start);
        let base = first.start;
        self.runs
            .partition_point(|run| span(run.end(), base) <= ahead)
    }

    /// Cuts the run at `index` so that one begins at `seq`; returns the index of that one.
    fn split(&mut self, index: usize, seq: SeqNumber) -> usize {
        let Some(run) = self.runs.get_mut(index) else {
            return index;
        };
        let head = span(seq, run.start);
        if head == 0 || head >= run.len {
            return index;
        }
        let mut tail = *run;
        run.len = head;
        tail.start = seq;
        tail.len -= head;
        if tail.marks.has(Marks::TWICE) {
            // Both halves are to be found in the queue of retransmissions.
            let place = self
                .resends
                .iter()
                .rposition(|&(start, at)| at == tail.at && start.le(seq));
            if let Some(place) = place {
                self.resends.insert(place + 1, (seq, tail.at));
            }
        }
        self.runs.insert(index + 1, tail);
        index + 1
    }

    /// Takes away everything before `una`.
    #[inline]
    pub(crate) fn acknowledge(&mut self, una: SeqNumber, news: &mut Delivery) {
        while let Some(run) = self.runs.front_mut() {
            if run.start.ge(una) {
                break;
            }
            let taken = span(una, run.start).min(run.len);
            self.outstanding -= taken;
            let marks = run.marks;
            let (at, end) = (run.at, run.start + taken);
            if taken == run.len {
                self.runs.pop_front();
            } else {
                run.start = una;
                run.len -= taken;
            }
            if marks == Marks::default() {
                // Nearly always.
                news.delivered += taken;
                news.originals += taken;
                if news.first_sent_at.is_none() {
                    news.first_sent_at = Some(at);
                }
                news.note_latest(at, end, false);
                if self.sacked > 0 && end.lt(self.highest) {
                    news.reordered = true;
                }
                continue;
            }
            self.acknowledge_marked(marks, taken, at, end, news);
        }
        if self.runs.is_empty() {
            self.emptied(una);
        } else {
            self.originals = self.originals.max(una);
            self.unsent = self.unsent.max(una);
        }
    }

    fn acknowledge_marked(
        &mut self,
        marks: Marks,
        taken: u32,
        at: Instant,
        end: SeqNumber,
        news: &mut Delivery,
    ) {
        let twice = marks.has(Marks::TWICE);
        if twice {
            news.ambiguous = true;
        } else if news.first_sent_at.is_none() && !marks.has(Marks::SACKED) {
            news.first_sent_at = Some(at);
        }
        if marks.has(Marks::SACKED) {
            self.sacked -= taken;
            return;
        }
        news.delivered += taken;
        if !twice {
            news.originals += taken;
            if self.sacked > 0 && end.lt(self.highest) {
                news.reordered = true;
            }
        }
        if marks.has(Marks::LOST) {
            self.lost -= taken;
            if !marks.has(Marks::RESENT) {
                news.revived += taken;
            }
        }
        if marks.has(Marks::RESENT) {
            self.resent -= taken;
        }
        news.note_latest(at, end, twice);
    }

    #[inline]
    fn emptied(&mut self, una: SeqNumber) {
        self.originals = una;
        self.unsent = una;
        if !self.resends.is_empty() {
            self.resends = VecDeque::new();
        }
        self.last_blocks = None;
        if self.runs.capacity() > KEPT_PLACES * 2 {
            self.runs = VecDeque::new();
        }
    }

    /// Marks what the blocks report. Blocks that lie outside of what is outstanding say nothing.
    pub(crate) fn selectively_acknowledge(
        &mut self,
        blocks: &SackBlocks,
        skip_first: bool,
        news: &mut Delivery,
    ) {
        let (Some(first), Some(last)) = (self.runs.front(), self.runs.back()) else {
            return;
        };
        let (una, nxt) = (first.start, last.end());
        let previous = **self.last_blocks.get_or_insert_default();
        let mut present = SackBlocks::default();
        for block in blocks.as_slice().iter().skip(usize::from(skip_first)) {
            if block.left.ge(block.right) || block.right.gt(nxt) || block.right.le(una) {
                continue;
            }
            let left = block.left.max(una);
            present.push(*block);
            // What the last acknowledgment said need not be read again.
            match previous
                .as_slice()
                .iter()
                .find(|old| old.left.lt(block.right) && old.right.gt(block.left))
            {
                Some(old) => {
                    self.mark_block(left, block.right.min(old.left.max(left)), news);
                    self.mark_block(left.max(old.right), block.right, news);
                }
                None => self.mark_block(left, block.right, news),
            }
        }
        if let Some(last_blocks) = &mut self.last_blocks {
            **last_blocks = present;
        }
    }

    /// Whether reports may cut runs any further. Who reports octets one by one would make of each a run of its own, and
    /// of each report a long walk; what is not cut counts as not reported, and is sent again at the worst.
    fn may_be_cut(&self) -> bool {
        self.runs.len() < CUTS + octets(self.outstanding / LEAST)
    }

    fn mark_block(&mut self, left: SeqNumber, right: SeqNumber, news: &mut Delivery) {
        if left.ge(right) {
            return;
        }
        let mut index = self.position(left);
        if self.may_be_cut() {
            index = self.split(index, left);
        } else if self.runs.get(index).is_some_and(|run| run.start.lt(left)) {
            index += 1;
        }
        while let Some(run) = self.runs.get(index) {
            if run.start.ge(right) {
                break;
            }
            if !run.marks.has(Marks::SACKED) {
                if run.end().gt(right) {
                    if !self.may_be_cut() {
                        break;
                    }
                    self.split(index, right);
                }
                self.mark_sacked(index, news);
            }
            index += 1;
        }
    }

    fn mark_sacked(&mut self, index: usize, news: &mut Delivery) {
        let Some(run) = self.runs.get_mut(index) else {
            return;
        };
        let Sent { len, at, marks, .. } = *run;
        let end = run.end();
        run.marks.0 = (run.marks.0 | Marks::SACKED) & !(Marks::LOST | Marks::RESENT);
        let twice = marks.has(Marks::TWICE);
        if marks.has(Marks::LOST) {
            self.lost -= len;
            if !marks.has(Marks::RESENT) {
                news.revived += len;
            }
        }
        if marks.has(Marks::RESENT) {
            self.resent -= len;
        }
        if !twice {
            news.originals += len;
            news.sacked_sent_at = news.sacked_sent_at.max(Some(at));
            if self.sacked > 0 && end.lt(self.highest) {
                news.reordered = true;
            }
        }
        if self.sacked == 0 || end.gt(self.highest) {
            self.highest = end;
        }
        self.sacked += len;
        news.sacked += len;
        news.delivered += len;
        news.note_latest(at, end, twice);
    }

    /// RFC 8985 §6.2 step 5: what was sent long enough before something that was delivered is lost. Returns octets newly
    /// lost, and whether something may be lost once the reordering window has passed.
    pub(crate) fn detect_lost(&mut self, rack: &Rack, now: Instant) -> (u32, bool) {
        let before = self.lost - self.resent;
        let mut waiting = false;
        // Runs sent once: their order is that of their times.
        let mut index = self.position(self.originals);
        let mut settled = self.originals;
        while let Some(run) = self.runs.get_mut(index) {
            let decided = run.marks.0 & (Marks::SACKED | Marks::LOST | Marks::TWICE) != 0;
            if !decided {
                if !rack.sent_after(run.at, run.end()) {
                    break;
                }
                if !rack.is_overdue(run.at, now) {
                    waiting = true;
                    break;
                }
                run.marks.0 |= Marks::LOST;
                self.lost += run.len;
                self.unsent = self.unsent.min(run.start);
            }
            settled = run.end();
            index += 1;
        }
        self.originals = self.originals.max(settled);
        // Runs sent again.
        while let Some(&(start, at)) = self.resends.front() {
            let index = self.position(start);
            let Some(run) = self.runs.get_mut(index) else {
                self.resends.pop_front();
                continue;
            };
            let waiting_to_be_sent = run.marks.has(Marks::LOST) && !run.marks.has(Marks::RESENT);
            if run.marks.has(Marks::SACKED) || waiting_to_be_sent || run.at != at {
                self.resends.pop_front();
                continue;
            }
            if !rack.sent_after(run.at, run.end()) {
                break;
            }
            if !rack.is_overdue(run.at, now) {
                waiting = true;
                break;
            }
            if run.marks.has(Marks::RESENT) {
                self.resent -= run.len;
            } else {
                self.lost += run.len;
            }
            run.marks.0 = (run.marks.0 | Marks::LOST) & !Marks::RESENT;
            self.unsent = self.unsent.min(run.start);
            self.resends.pop_front();
        }
        ((self.lost - self.resent).saturating_sub(before), waiting)
    }

    /// Takes the first run for lost, up to `len` octets of it, again if it was sent again.
    pub(crate) fn lose_head(&mut self, len: u32) {
        let Some(start) = self.runs.front().map(|run| run.start) else {
            return;
        };
        self.split(0, start + len.max(1));
        if let Some(run) = self.runs.front_mut()
            && !run.marks.has(Marks::SACKED)
        {
            if !run.marks.has(Marks::LOST) {
                self.lost += run.len;
            }
            if run.marks.has(Marks::RESENT) {
                self.resent -= run.len;
            }
            run.marks.0 = (run.marks.0 | Marks::LOST) & !Marks::RESENT;
            self.unsent = self.unsent.min(start);
        }
    }

    /// Takes for lost what is longer than `len` octets and the peer has not reported: the path has refused it.
    pub(crate) fn lose_longer_than(&mut self, len: u32) {
        for run in &mut self.runs {
            let settled = run.marks.0 & (Marks::SACKED | Marks::LOST) != 0;
            if run.len > len && !settled {
                run.marks.0 |= Marks::LOST;
                self.lost += run.len;
                self.unsent = self.unsent.min(run.start);
            }
        }
    }

    /// Takes everything for lost that the peer has not reported, as after a timeout; retransmissions too. With `renege`
    /// what it reported no longer counts.
    pub(crate) fn lose_all(&mut self, renege: bool) {
        for run in &mut self.runs {
            if renege {
                run.marks.0 &= !Marks::SACKED;
            }
            if !run.marks.has(Marks::SACKED) {
                run.marks.0 = (run.marks.0 | Marks::LOST) & !Marks::RESENT;
            }
        }
        if renege {
            self.sacked = 0;
            self.last_blocks = None;
        }
        self.lost = self.outstanding - self.sacked;
        self.resent = 0;
        self.resends = VecDeque::new();
        if let (Some(first), Some(last)) = (self.runs.front(), self.runs.back()) {
            self.unsent = first.start;
            self.originals = last.end();
        }
    }

    /// Takes back every loss that was not sent again: they were only late.
    pub(crate) fn find_all(&mut self) {
        for run in &mut self.runs {
            run.marks.0 &= !(Marks::LOST | Marks::RESENT);
        }
        self.lost = 0;
        self.resent = 0;
        let mut resends: Vec<_> = self
            .runs
            .iter()
            .filter(|run| run.marks.has(Marks::TWICE) && !run.marks.has(Marks::SACKED))
            .map(|run| (run.start, run.at))
            .collect();
        resends.sort_by_key(|&(_, at)| at);
        self.resends = resends.into();
        if let Some(first) = self.runs.front() {
            self.originals = first.start;
            self.unsent = first.start;
        }
    }

    /// The first loss to send again: where it starts, and how long it is.
    pub(crate) fn next_loss(&mut self) -> Option<(SeqNumber, u32)> {
        if !self.has_unsent_loss() {
            return None;
        }
        let mut index = self.position(self.unsent);
        while let Some(run) = self.runs.get(index) {
            if run.marks.has(Marks::LOST) && !run.marks.has(Marks::RESENT) {
                self.unsent = run.start;
                return Some((run.start, run.len));
            }
            index += 1;
        }
        debug_assert!(false, "the count of losses is wrong");
        None
    }

    /// Notes that `len` octets from `start` on are sent again now.
    pub(crate) fn resend(&mut self, start: SeqNumber, len: u32, now: Instant) {
        let mut index = self.position(start);
        index = self.split(index, start);
        self.split(index, start + len);
        let Some(run) = self.runs.get_mut(index) else {
            return;
        };
        run.at = now;
        if run.marks.has(Marks::LOST) && !run.marks.has(Marks::RESENT) {
            run.marks.0 |= Marks::RESENT;
            self.resent += run.len;
        }
        run.marks.0 |= Marks::TWICE;
        self.resends.push_back((run.start, now));
    }

    /// The last run: where it starts, and how long it is.
    pub(crate) fn tail(&self) -> Option<(SeqNumber, u32)> {
        self.runs.back().map(|run| (run.start, run.len))
    }

    /// Gives back room that is not in use.
    pub(crate) fn rest(&mut self) {
        if self.runs.is_empty() {
            self.runs = VecDeque::new();
        }
    }

    /// Octets of memory in use.
    pub(crate) fn memory(&self) -> usize {
        self.runs.capacity() * size_of::<Sent>()
            + self.resends.capacity() * size_of::<(SeqNumber, Instant)>()
    }

    /// Panics if what is kept beside the runs does not agree with them.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn check(&self) {
        let mut counts = [0_u32; 4];
        let mut next = None;
        for run in &self.runs {
            assert!(run.len > 0, "an empty run");
            assert!(next.is_none_or(|next| run.start == next), "a gap");
            next = Some(run.end());
            let [all, sacked, lost, resent] = &mut counts;
            *all += run.len;
            if run.marks.has(Marks::SACKED) {
                assert!(
                    !run.marks.has(Marks::LOST | Marks::RESENT),
                    "sacked and lost"
                );
                *sacked += run.len;
            }
            if run.marks.has(Marks::LOST) {
                *lost += run.len;
            }
            if run.marks.has(Marks::RESENT) {
                assert!(run.marks.has(Marks::LOST) && run.marks.has(Marks::TWICE));
                *resent += run.len;
            }
            if run.start.lt(self.unsent) {
                assert!(
                    !run.marks.has(Marks::LOST) || run.marks.has(Marks::RESENT),
                    "a loss is overlooked"
                );
            }
        }
        assert_eq!(
            counts,
            [self.outstanding, self.sacked, self.lost, self.resent]
        );
    }
}

impl Delivery {
    #[inline]
    fn note_latest(&mut self, at: Instant, end: SeqNumber, twice: bool) {
        let later = match self.latest {
            None => true,
            Some((other, other_end, _)) => at > other || (at == other && end.gt(other_end)),
        };
        if later {
            self.latest = Some((at, end, twice));
        }
    }
}

/// Whether the first block reports data that arrived twice (RFC 2883 §4): it lies below the cumulative acknowledgment,
/// or within the second block.
pub(crate) fn is_duplicate_report(blocks: &SackBlocks, ack: SeqNumber) -> Option<SackBlock> {
    let (first, second) = match blocks.as_slice() {
        [] => return None,
        [first] => (first, None),
        [first, second, ..] => (first, Some(second)),
    };
    if first.left.ge(first.right) {
        return None;
    }
    let below = first.right.le(ack);
    let inside =
        second.is_some_and(|second| first.left.ge(second.left) && first.right.le(second.right));
    (below || inside).then_some(*first)
}

/// How many packets of `mss` octets `len` octets are, at least 1.
pub(crate) fn packets(len: u32, mss: u32) -> u32 {
    len.div_ceil(mss.max(1)).max(1)
}

const _: () = assert!(size_of::<Sent>() == 24);

#[cfg(test)]
mod tests {
    use super::*;

    /// CVE-2019-11477 and its like: the work and the memory of a report are bounded by what was sent, not by how finely
    /// it is reported.
    #[test]
    fn octets_that_are_reported_one_by_one_do_not_cut_what_is_outstanding_to_pieces() {
        let start = SeqNumber(0xffff_0000);
        let mut board = Scoreboard::new(start);
        for segment in 0..50_u32 {
            board.push(start + segment * 1000, 1000, Instant::ZERO);
        }
        for at in (1..50_000_u32).step_by(8) {
            let mut blocks = SackBlocks::default();
            for block in 0..3 {
                let left = start + at + 2 * block;
                blocks.push(SackBlock {
                    left,
                    right: left + 1_u32,
                });
            }
            board.selectively_acknowledge(&blocks, false, &mut Delivery::default());
            board.check();
        }
        assert!(
            board.runs.len() <= CUTS + 50_000 / 256,
            "{}",
            board.runs.len()
        );
        // What is reported whole is marked all the same.
        let before = board.sacked();
        let mut blocks = SackBlocks::default();
        blocks.push(SackBlock {
            left: start + 40_000_u32,
            right: start + 50_000_u32,
        });
        board.selectively_acknowledge(&blocks, false, &mut Delivery::default());
        board.check();
        assert!(board.sacked() >= before + 9000);
    }
}
