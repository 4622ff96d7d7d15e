//! What arrived in order and the program has not read: the packets themselves, small ones put together.

use std::collections::VecDeque;
use std::io::IoSliceMut;

use super::sendq::KEPT_PLACES;
use crate::pkt::{self, PacketBuf};

/// Payloads up to this long are copied behind the last packet if it has room, so that single octets do not hold a
/// buffer each.
const SMALL: usize = 512;

/// Octets in order.
#[derive(Debug, Default)]
pub(crate) struct RecvQueue {
    packets: VecDeque<PacketBuf>,
    len: usize,
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

    /// Appends a packet that holds nothing but data.
    #[inline]
    pub(crate) fn push(&mut self, packet: PacketBuf) {
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
        self.packets.push_back(packet);
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
                        self.packets.pop_front();
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
            self.packets.pop_front();
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
    }

    /// Octets of memory in use.
    pub(crate) fn memory(&self) -> usize {
        self.packets.capacity() * size_of::<PacketBuf>()
            + self.packets.iter().map(PacketBuf::memory).sum::<usize>()
    }

    /// What the packets hold, counted anew.
    #[cfg(any(test, debug_assertions))]
    pub(crate) fn recount(&self) -> usize {
        self.packets.iter().map(PacketBuf::len).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::RecvQueue;
    use crate::pkt::PacketBuf;
    use proptest::prelude::*;
    use std::io::IoSliceMut;

    #[test]
    fn single_octets_share_a_buffer() {
        let mut queue = RecvQueue::default();
        for octet in 0..100 {
            queue.push(PacketBuf::from_slice(&[octet]));
        }
        assert_eq!(queue.len(), 100);
        assert!(queue.memory() < 3000, "{}", queue.memory());
        assert_eq!(queue.octet(42), Some(42));
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
                        queue.push(PacketBuf::from_slice(&data));
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
