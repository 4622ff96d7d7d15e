//! Packets in memory: one contiguous buffer each, with room in front for the headers still to come.

use std::cell::RefCell;
use std::fmt;

/// Octets in front of a new packet's payload: Ethernet (14), IPv4 with options (60), and what a transport needs (TCP
/// with options, 60) would be 134; segments start behind their own header, so that this is enough for every layer.
pub const HEADROOM: usize = 136;

/// Whole size of a buffer for packets of an Ethernet: 1500 octets, their header, the headroom, and some to spare.
const SMALL: usize = 2048;
/// Whole size of a buffer for the longest IP packet (65 535 octets) and the headroom.
const LARGE: usize = 65_535 + HEADROOM + 393;

/// How many buffers of each size wait for their next use, per thread.
const KEPT: [usize; 2] = [4096, 64];

/// Copies of 2 KiB and more to a destination that is not aligned to 64 octets run at a twentieth of the speed on some
/// machines (the microcoded string move); pieces below that never do.
const PIECE: usize = 1984;

thread_local! {
    /// Buffers that wait for their next packet, small and large. What they held is never seen: every octet that
    /// becomes visible is written first.
    static SPARE: RefCell<[Vec<Box<[u8]>>; 2]> = const { RefCell::new([Vec::new(), Vec::new()]) };
}

/// Copies `from` into `to` (of the same length), fast wherever they lie.
///
/// # Panics
/// When the lengths differ, as `copy_from_slice` does.
#[inline]
pub fn copy(to: &mut [u8], from: &[u8]) {
    if from.len() <= PIECE {
        return to.copy_from_slice(from);
    }
    for (to, from) in to.chunks_mut(PIECE).zip(from.chunks(PIECE)) {
        to.copy_from_slice(from);
    }
}

/// What is known of a packet's checksums.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ChecksumState {
    /// Nothing: who receives it verifies them.
    #[default]
    Unknown,
    /// The packet has not left memory that can be trusted since it was made: neither computed nor verified. The
    /// fields hold zero.
    Trusted,
}

/// A packet, or a part of one, with its circumstances.
///
/// The octets lie in one buffer with room before and behind, so that a header is added or taken off without a copy.
/// Dropping a packet keeps its buffer for the next one on this thread.
pub struct PacketBuf {
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    /// What is known of its checksums.
    pub checksum: ChecksumState,
    /// The traffic class that the sender's queue puts it in; 0 is best effort.
    pub class: u32,
    /// For a segment longer than the path carries, which the link cuts (segmentation offload): the largest payload
    /// of a piece, in octets; 0 for a packet that goes as it is.
    pub segment_size: u16,
}

impl PacketBuf {
    /// An empty packet with [`HEADROOM`] in front and room for `capacity` octets.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self::with_headroom(HEADROOM, capacity)
    }

    /// An empty packet with `headroom` octets in front and room for `capacity`.
    #[must_use]
    pub fn with_headroom(headroom: usize, capacity: usize) -> Self {
        let whole = headroom + capacity;
        let (size, class) = if whole <= SMALL {
            (SMALL, 0)
        } else {
            (LARGE.max(whole), 1)
        };
        let kept = if size <= LARGE {
            // `try_with`: a thread that ends drops packets too.
            SPARE
                .try_with(|spare| spare.borrow_mut().get_mut(class).and_then(Vec::pop))
                .ok()
                .flatten()
        } else {
            None
        };
        Self {
            buffer: kept.unwrap_or_else(|| vec![0; size].into_boxed_slice()),
            start: headroom,
            end: headroom,
            checksum: ChecksumState::Unknown,
            class: 0,
            segment_size: 0,
        }
    }

    /// A packet that holds `octets`, with [`HEADROOM`] in front.
    #[must_use]
    pub fn from_slice(octets: &[u8]) -> Self {
        let mut packet = Self::new(octets.len());
        packet.extend_from_slice(octets);
        packet
    }

    /// A copy in a buffer that is no longer than the packet, for what waits a while: there is no room around it, and the
    /// buffer is not used again.
    #[must_use]
    pub fn compact(&self) -> Self {
        self.compact_front(self.len())
    }

    /// As [`compact`](Self::compact), of the first `length` octets; of all if there are no more.
    pub(crate) fn compact_front(&self, length: usize) -> Self {
        let octets = self.as_slice();
        let octets = octets.get(..length).unwrap_or(octets);
        Self {
            buffer: octets.into(),
            start: 0,
            end: octets.len(),
            checksum: self.checksum,
            class: self.class,
            segment_size: self.segment_size,
        }
    }

    /// A packet of `length` octets that the caller is about to write; until then they are whatever was there before.
    #[must_use]
    pub fn for_overwrite(length: usize) -> Self {
        let mut packet = Self::new(length);
        packet.end = packet.start + length;
        packet
    }

    /// How many octets it holds.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether it holds none.
    #[inline]
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.end == self.start
    }

    /// Its octets.
    #[inline]
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // start <= end <= buffer.len() always.
        self.buffer.get(self.start..self.end).unwrap_or(&[])
    }

    /// Its octets, to change.
    #[inline]
    #[must_use]
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        self.buffer.get_mut(self.start..self.end).unwrap_or(&mut [])
    }

    /// Room in front, in octets.
    #[inline]
    #[must_use]
    pub const fn headroom(&self) -> usize {
        self.start
    }

    /// Room behind, in octets.
    #[inline]
    #[must_use]
    pub const fn tailroom(&self) -> usize {
        self.buffer.len() - self.end
    }

    /// Octets of memory it holds on to.
    #[inline]
    #[must_use]
    pub const fn memory(&self) -> usize {
        self.buffer.len()
    }

    /// Adds `length` octets in front, for the caller to write. Makes a larger buffer if there is no room.
    #[inline]
    pub fn push_front(&mut self, length: usize) -> &mut [u8] {
        if length > self.start {
            self.make_room(length, 0);
        }
        self.start -= length;
        self.buffer
            .get_mut(self.start..self.start + length)
            .unwrap_or(&mut [])
    }

    /// Takes up to `length` octets off the front.
    #[inline]
    pub fn pull_front(&mut self, length: usize) {
        self.start = self.end.min(self.start.saturating_add(length));
    }

    /// Cuts it to `length` octets; does nothing if it is no longer.
    #[inline]
    pub fn truncate(&mut self, length: usize) {
        self.end = self.end.min(self.start.saturating_add(length));
    }

    /// Adds `octets` behind. Makes a larger buffer if there is no room.
    #[inline]
    pub fn extend_from_slice(&mut self, octets: &[u8]) {
        copy(self.grow(octets.len()), octets);
    }

    /// Adds `length` octets behind, for the caller to write. Makes a larger buffer if there is no room.
    #[inline]
    pub fn grow(&mut self, length: usize) -> &mut [u8] {
        if length > self.tailroom() {
            self.make_room(0, length);
        }
        let from = self.end;
        self.end += length;
        self.buffer.get_mut(from..self.end).unwrap_or(&mut [])
    }

    /// Moves the octets to a buffer with at least that much room before and behind.
    #[cold]
    fn make_room(&mut self, front: usize, behind: usize) {
        let mut other = Self::with_headroom(
            front.max(self.start).max(HEADROOM),
            self.len() + behind.max(self.tailroom().min(SMALL)),
        );
        other.extend_from_slice(self.as_slice());
        other.checksum = self.checksum;
        other.class = self.class;
        other.segment_size = self.segment_size;
        *self = other;
    }
}

impl Clone for PacketBuf {
    fn clone(&self) -> Self {
        let mut copy = Self::with_headroom(self.start.min(HEADROOM), self.len());
        copy.extend_from_slice(self.as_slice());
        copy.checksum = self.checksum;
        copy.class = self.class;
        copy.segment_size = self.segment_size;
        copy
    }
}

impl Drop for PacketBuf {
    fn drop(&mut self) {
        let buffer = std::mem::take(&mut self.buffer);
        let class = match buffer.len() {
            SMALL => 0,
            LARGE => 1,
            _ => return,
        };
        // A thread that is ending has no list any more: the buffer is freed then.
        let _ended = SPARE.try_with(|spare| {
            let mut spare = spare.borrow_mut();
            if let (Some(list), Some(&most)) = (spare.get_mut(class), KEPT.get(class))
                && list.len() < most
            {
                list.push(buffer);
            }
        });
    }
}

impl fmt::Debug for PacketBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketBuf")
            .field("len", &self.len())
            .field("headroom", &self.headroom())
            .field("checksum", &self.checksum)
            .field("class", &self.class)
            .field("segment_size", &self.segment_size)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::{HEADROOM, LARGE, PacketBuf, SMALL};

    #[test]
    fn headers_go_on_and_come_off_without_moving_the_payload() {
        let mut packet = PacketBuf::from_slice(b"payload");
        packet.push_front(4).copy_from_slice(b"head");
        assert_eq!(packet.as_slice(), b"headpayload");
        assert_eq!(packet.headroom(), HEADROOM - 4);
        packet.pull_front(4);
        packet.truncate(3);
        assert_eq!(packet.as_slice(), b"pay");
        packet.pull_front(100);
        assert!(packet.is_empty());
    }

    #[test]
    fn room_is_made_where_there_is_none() {
        let mut packet = PacketBuf::with_headroom(2, 10);
        packet.extend_from_slice(b"0123456789");
        packet.push_front(300).fill(b'x');
        assert_eq!(packet.len(), 310);
        assert!(packet.as_slice().ends_with(b"x0123456789"));
        packet.extend_from_slice(&vec![b'y'; 70_000]);
        assert_eq!(packet.len(), 70_310);
        assert!(packet.as_slice().ends_with(b"yy"));
    }

    #[test]
    fn buffers_are_of_two_sizes_and_used_again() {
        let small = PacketBuf::new(1514);
        assert_eq!(small.memory(), SMALL);
        let large = PacketBuf::new(65_535);
        assert_eq!(large.memory(), LARGE);
        let place = large.buffer.as_ptr();
        drop(large);
        assert_eq!(PacketBuf::new(9000).buffer.as_ptr(), place);
    }

    #[test]
    fn a_compact_copy_takes_what_it_holds() {
        let mut one = PacketBuf::from_slice(b"data");
        one.push_front(3).copy_from_slice(b"the");
        one.class = 3;
        let mut compact = one.compact();
        assert_eq!((compact.as_slice(), compact.memory()), (&b"thedata"[..], 7));
        assert_eq!(compact.class, 3);
        compact.push_front(1).fill(b'+');
        assert_eq!(compact.as_slice(), b"+thedata");
        assert!(PacketBuf::new(0).compact().memory() == 0);
    }

    #[test]
    fn a_copy_is_equal_and_apart() {
        let mut one = PacketBuf::from_slice(&[7; 5000]);
        one.class = 3;
        let mut other = one.clone();
        other.as_mut_slice().fill(8);
        assert_eq!(one.as_slice(), [7; 5000]);
        assert_eq!((other.class, other.len()), (3, 5000));
    }
}
