//! What arrived in order and the program has not read: the packets themselves, small ones put together.
//!
//! Few octets in large frames would take much more memory than the receive buffer has octets. Where it comes to
//! [`HELD`] times as much, all of it is put together anew, as by Linux's `tcp_collapse`.

use std::collections::VecDeque;
use std::io::IoSliceMut;

use super::sendq::KEPT_PLACES;
use crate::limits::HELD;
use crate::pkt::{self, PacketBuf};

/// Payloads up to this long are copied behind the last packet if it has room, so that single octets do not hold a
/// buffer each.
const SMALL: usize = 512;

/// The length of what is put together: buffers that are used again hold it, and lose little room.
const PIECE: usize = 2048;

/// Octets in order.
#[derive(Debug, Default)]
pub(crate) struct RecvQueue {
    packets: VecDeque<PacketBuf>,
    len: usize,
    /// Octets of memory that the packets hold on to.
    memory: usize,
}

impl RecvQueue {
    /// Octets in it.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Appends a packet that holds nothing but data. The memory in use stays below [`HELD`] times `buffer`, the size of
    /// the receive buffer, and some.
    #[inline]
    pub(crate) fn push(&mut self, packet: PacketBuf, buffer: usize) {
        let len = packet.len();
        if len == 0 {
            return;
        }
        self.len += len;
        if len <= SMALL
            && let Some(last) = self.packets.back_mut()
            && last.tailroom() >= len
        {
            last.extend_from_slice(packet.as_slice());
            return;
        }
        self.memory += packet.memory();
        self.packets.push_back(packet);
        if self.memory > buffer.saturating_mul(HELD) {
            self.collapse();
        }
    }

    /// Puts everything together anew, if that gives at least half of the memory back.
    #[cold]
    fn collapse(&mut self) {
        if self.memory / 2 <= self.len.next_multiple_of(PIECE) {
            return;
        }
        let old = std::mem::take(&mut self.packets);
        let (mut left, mut piece) = (self.len, PacketBuf::with_headroom(0, 0));
        self.memory = 0;
        for packet in old {
            let mut rest = packet.as_slice();
            while !rest.is_empty() {
                if piece.tailroom() == 0 || piece.is_empty() {
                    let full =
                        std::mem::replace(&mut piece, PacketBuf::with_headroom(0, left.min(PIECE)));
                    self.keep(full);
                }
                let (now, later) = rest.split_at(rest.len().min(piece.tailroom()));
                piece.extend_from_slice(now);
                left -= now.len();
                rest = later;
            }
        }
        self.keep(piece);
    }

    fn keep(&mut self, packet: PacketBuf) {
        if !packet.is_empty() {
            self.memory += packet.memory();
            self.packets.push_back(packet);
        }
    }

    /// Takes the first packet out.
    #[inline]
    fn drop_front(&mut self) {
        if let Some(packet) = self.packets.pop_front() {
            self.memory -= packet.memory();
        }
    }

    /// Copies the first octets, up to `limit`, into the buffers; takes them out unless it is only a look. Returns how
    /// many.
    pub(crate) fn read(
        &mut self,
        buffers: &mut [IoSliceMut<'_>],
        limit: usize,
        peek: bool,
    ) -> usize {
        let mut done = 0;
        let mut at = 0; // the packet being read, when only looking
        let mut within = 0; // octets of it that were read
        for buffer in buffers {
            let room = buffer.len().min(limit - done);
            let mut rest = buffer.get_mut(..room).unwrap_or_default();
            while !rest.is_empty() {
                let Some(packet) = self.packets.get_mut(at) else {
                    break;
                };
                let data = packet.as_slice().get(within..).unwrap_or_default();
                let count = data.len().min(rest.len());
                let (now, later) = rest.split_at_mut(count);
                pkt::copy(now, data.get(..count).unwrap_or_default());
                rest = later;
                done += count;
                within += count;
                if within == packet.len() {
                    within = 0;
                    if peek {
                        at += 1;
                    } else {
                        self.drop_front();
                    }
                }
            }
            if done == limit {
                break;
            }
        }
        if !peek {
            if within > 0
                && let Some(packet) = self.packets.front_mut()
            {
                packet.pull_front(within);
            }
            self.took(done);
        }
        done
    }

    /// Drops the first `count` octets.
    pub(crate) fn skip(&mut self, count: usize) {
        let mut left = count.min(self.len);
        self.took(left);
        while left > 0 {
            let Some(packet) = self.packets.front_mut() else {
                break;
            };
            if packet.len() > left {
                packet.pull_front(left);
                break;
            }
            left -= packet.len();
            self.drop_front();
        }
    }

    /// The octet at `offset`.
    pub(crate) fn octet(&self, offset: usize) -> Option<u8> {
        let mut left = offset;
        for packet in &self.packets {
            if let Some(&octet) = packet.as_slice().get(left) {
                return Some(octet);
            }
            left -= packet.len();
        }
        None
    }

    #[inline]
    fn took(&mut self, count: usize) {
        self.len -= count;
        if self.len == 0 && self.packets.is_empty() && self.packets.capacity() > KEPT_PLACES {
            self.packets = VecDeque::new();
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self) {
        self.packets = VecDeque::new();
        self.len = 0;
        self.memory = 0;
    }

    /// Octets of memory in use.
    pub(crate) fn memory(&self) -> usize {
        self.packets.capacity() * size_of::<PacketBuf>() + self.memory
    }

    /// What the packets hold, counted anew.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn recount(&self) -> usize {
        let memory: usize = self.packets.iter().map(PacketBuf::memory).sum();
        assert_eq!(memory, self.memory, "memory of what waits");
        self.packets.iter().map(PacketBuf::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::{HELD, RecvQueue};
    use crate::pkt::PacketBuf;
    use proptest::prelude::*;
    use std::io::IoSliceMut;

    #[test]
    fn single_octets_share_a_buffer() {
        let mut queue = RecvQueue::default();
        for octet in 0..100 {
            queue.push(PacketBuf::from_slice(&[octet]), 1 << 16);
        }
        assert_eq!(queue.len(), 100);
        assert!(queue.memory() < 3000, "{}", queue.memory());
        assert_eq!(queue.octet(42), Some(42));
    }

    /// Buffers for the longest packets, with little in each: they are given back, and nothing is lost.
    #[test]
    fn large_frames_with_little_in_them_take_little_memory() {
        const BUFFER: usize = 64 << 10;
        let mut queue = RecvQueue::default();
        let mut model = Vec::new();
        for number in 0..60_u8 {
            // Too long to be put behind another, and nowhere near filling its buffer.
            let mut packet = PacketBuf::new(60_000);
            packet.extend_from_slice(&[number; 1000]);
            model.extend_from_slice(packet.as_slice());
            queue.push(packet, BUFFER);
            assert!(queue.memory() <= HELD * BUFFER + 8192, "{}", queue.memory());
            assert_eq!(queue.recount(), model.len());
        }
        let mut all = vec![0; model.len()];
        queue.read(&mut [IoSliceMut::new(&mut all)], model.len(), false);
        assert_eq!(all, model);
        assert_eq!(queue.recount(), 0);
    }

    proptest! {
        /// Pushing, looking, reading and skipping agree with a plain vector.
        #[test]
        fn agrees_with_a_vector(steps in prop::collection::vec((0_u8..5, 0_usize..3000, 0_usize..3000), 0..80)) {
            let mut queue = RecvQueue::default();
            let mut model = Vec::<u8>::new();
            let mut next = 0_u8;
            for (kind, a, b) in steps {
                match kind {
                    0 | 1 => {
                        let len = if kind == 0 { a } else { a % 40 };
                        let data: Vec<u8> = std::iter::repeat_with(|| { next = next.wrapping_add(1); next }).take(len).collect();
                        queue.push(PacketBuf::from_slice(&data), 2000);
                        model.extend_from_slice(&data);
                    }
                    2 => {
                        queue.skip(a);
                        model.drain(..a.min(model.len()));
                    }
                    _ => {
                        let (mut one, mut other) = (vec![0; a], vec![0; b]);
                        let limit = (a + b / 2).min(model.len());
                        let peek = kind == 3;
                        let count = queue.read(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)], limit, peek);
                        prop_assert_eq!(count, limit);
                        one.extend_from_slice(&other);
                        prop_assert_eq!(&one[..count], &model[..count]);
                        if !peek {
                            model.drain(..count);
                        }
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
                prop_assert_eq!(queue.recount(), model.len());
            }
        }
    }
}
