//! What the program wrote and the peer has not acknowledged: a queue of fixed blocks, made as they are needed.

use std::collections::VecDeque;
use std::io::IoSlice;

use crate::pkt::PacketBuf;

/// Octets of a block: below the length from which copies may be slow (see [`crate::pkt`]), and such that a block is a
/// small buffer of the pool.
const BLOCK: usize = 1984;

/// Places for blocks and packets that a queue keeps while it is empty; more are given back.
pub(crate) const KEPT_PLACES: usize = 4;

/// Octets in order. Every block but the last is full; the first `start` octets of the first are gone.
#[derive(Debug, Default)]
pub(crate) struct SendQueue {
    blocks: VecDeque<PacketBuf>,
    start: usize,
    len: usize,
}

impl SendQueue {
    /// Octets in it.
    #[inline]
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Copies up to `room` octets of the buffers in; returns how many.
    pub(crate) fn write(&mut self, buffers: &[IoSlice<'_>], room: usize) -> usize {
        let mut left = room;
        for buffer in buffers {
            let mut rest: &[u8] = buffer.get(..left.min(buffer.len())).unwrap_or_default();
            left -= rest.len();
            while !rest.is_empty() {
                let block = match self.blocks.back_mut() {
                    Some(block) if block.len() < BLOCK => block,
                    _ => {
                        self.blocks.push_back(PacketBuf::with_headroom(0, BLOCK));
                        let Some(block) = self.blocks.back_mut() else {
                            break;
                        };
                        block
                    }
                };
                let (piece, after) = rest.split_at(rest.len().min(BLOCK - block.len()));
                block.extend_from_slice(piece);
                rest = after;
            }
            if left == 0 {
                break;
            }
        }
        let written = room - left;
        self.len += written;
        written
    }

    /// Copies the octets from `offset` on into `to`, which must not reach past the end.
    #[inline]
    pub(crate) fn copy_out(&self, offset: usize, to: &mut [u8]) {
        debug_assert!(offset + to.len() <= self.len, "copying what is not there");
        let from = self.start + offset;
        let (mut index, mut within) = (from / BLOCK, from % BLOCK);
        let mut rest = to;
        while !rest.is_empty() {
            let Some(block) = self.blocks.get(index) else {
                break;
            };
            let piece = block.as_slice().get(within..).unwrap_or_default();
            let count = piece.len().min(rest.len());
            let (now, later) = rest.split_at_mut(count);
            now.copy_from_slice(piece.get(..count).unwrap_or_default());
            rest = later;
            index += 1;
            within = 0;
        }
    }

    /// Drops the first `count` octets.
    pub(crate) fn advance(&mut self, count: usize) {
        let count = count.min(self.len);
        self.len -= count;
        self.start += count;
        while self.start >= BLOCK {
            self.blocks.pop_front();
            self.start -= BLOCK;
        }
        if self.len == 0 {
            self.clear();
        }
    }

    /// Drops everything, and the memory behind it.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.start = 0;
        if self.blocks.capacity() > KEPT_PLACES {
            self.blocks = VecDeque::new();
        } else {
            while self.blocks.pop_front().is_some() {}
        }
    }

    /// Octets of memory in use.
    pub(crate) fn memory(&self) -> usize {
        self.blocks.capacity() * size_of::<PacketBuf>()
            + self.blocks.iter().map(PacketBuf::memory).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::SendQueue;
    use proptest::prelude::*;
    use std::io::IoSlice;

    #[test]
    fn it_takes_no_more_than_there_is_room_for() {
        let mut queue = SendQueue::default();
        let buffers = [IoSlice::new(b"hello "), IoSlice::new(b"world")];
        assert_eq!(queue.write(&buffers, 8), 8);
        let mut out = [0; 8];
        queue.copy_out(0, &mut out);
        assert_eq!(&out, b"hello wo");
    }

    proptest! {
        /// Writing, reading anywhere and advancing agree with a plain vector.
        #[test]
        fn agrees_with_a_vector(steps in prop::collection::vec((0_u8..3, 0_usize..5000, 0_usize..5000), 0..60)) {
            let mut queue = SendQueue::default();
            let mut model = Vec::<u8>::new();
            let mut next = 0_u8;
            for (kind, a, b) in steps {
                match kind {
                    0 => {
                        let data: Vec<u8> = std::iter::repeat_with(|| { next = next.wrapping_mul(7).wrapping_add(3); next }).take(a).collect();
                        let (one, other) = data.split_at(a / 3);
                        let written = queue.write(&[IoSlice::new(one), IoSlice::new(other)], b);
                        prop_assert_eq!(written, a.min(b));
                        model.extend_from_slice(&data[..written]);
                    }
                    1 => {
                        queue.advance(a);
                        model.drain(..a.min(model.len()));
                    }
                    _ => {
                        let from = a.min(model.len());
                        let to = model.len().min(from + b);
                        let mut out = vec![0; to - from];
                        queue.copy_out(from, &mut out);
                        prop_assert_eq!(&out[..], &model[from..to]);
                    }
                }
                prop_assert_eq!(queue.len(), model.len());
            }
        }
    }
}
