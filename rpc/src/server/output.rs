//! Replies that wait to be written to a stream.
//!
//! A lone reply is written from where it was encoded. When a second one comes before it has gone, small ones are copied together, so
//! that one write carries many; large opaque data stays where it is and goes out as slices of its own.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use super::EncodedReply;

/// Pieces from this length on are not copied.
const APART: usize = 4096;

/// Most slices of one write.
pub(crate) const SLICES: usize = 16;

/// The queue of one connection.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// The only reply, if there is one only.
    lone: Option<EncodedReply>,
    chunks: VecDeque<Bytes>,
    /// Behind the chunks.
    tail: Vec<u8>,
    /// Octets of the first piece that have been written.
    written: usize,
    octets: usize,
}

impl Output {
    /// Octets that wait.
    pub(crate) fn len(&self) -> usize {
        self.octets
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.octets == 0
    }

    /// Queues a reply as a record; gives its octets, or nothing if it is longer than a record can be.
    pub(crate) fn push(&mut self, mut reply: EncodedReply) -> Option<usize> {
        if !reply.mark() {
            return None;
        }
        let octets = reply.record_len();
        if self.is_empty() {
            self.lone = Some(reply);
        } else {
            self.spill();
            self.append(reply);
        }
        self.octets += octets;
        Some(octets)
    }

    /// Queues octets that are a record already.
    pub(crate) fn push_record(&mut self, record: Bytes) -> usize {
        let octets = record.len();
        self.spill();
        self.append_piece(record);
        self.octets += octets;
        octets
    }

    /// What to write next.
    pub(crate) fn slices<'a>(&'a self, into: &mut [IoSlice<'a>; SLICES]) -> usize {
        let mut skip = self.written;
        let mut used = 0;
        let lone = self.lone.iter().flat_map(EncodedReply::record);
        let pieces = lone
            .chain(self.chunks.iter().map(AsRef::as_ref))
            .chain([self.tail.as_slice()]);
        let mut room = into.iter_mut();
        for piece in pieces {
            let rest = piece.get(skip..).unwrap_or_default();
            skip = skip.saturating_sub(piece.len());
            if rest.is_empty() {
                continue;
            }
            let Some(slot) = room.next() else { break };
            *slot = IoSlice::new(rest);
            used += 1;
        }
        used
    }

    /// The first `octets` have been written.
    pub(crate) fn consume(&mut self, octets: usize) {
        self.octets = self.octets.saturating_sub(octets);
        self.written += octets;
        if self.octets == 0 {
            self.lone = None;
            self.chunks.clear();
            self.tail.clear();
            self.written = 0;
            return;
        }
        while let Some(first) = self.chunks.front()
            && self.lone.is_none()
            && self.written >= first.len()
        {
            self.written -= first.len();
            self.chunks.pop_front();
        }
    }

    /// Gives back the memory of an empty queue.
    pub(crate) fn release(&mut self) {
        if self.is_empty() && self.tail.capacity() > 0 {
            self.tail = Vec::new();
            self.chunks = VecDeque::new();
        }
    }

    /// Moves the lone reply into the queue proper.
    fn spill(&mut self) {
        if let Some(lone) = self.lone.take() {
            self.append(lone);
        }
    }

    fn append(&mut self, reply: EncodedReply) {
        if reply.record_len() < APART {
            for piece in reply.record() {
                self.tail.extend_from_slice(piece);
            }
        } else {
            for piece in reply.into_pieces() {
                self.append_piece(piece);
            }
        }
    }

    fn append_piece(&mut self, piece: Bytes) {
        if piece.len() < APART {
            self.tail.extend_from_slice(&piece);
        } else {
            if !self.tail.is_empty() {
                self.chunks
                    .push_back(Bytes::from(std::mem::take(&mut self.tail)));
            }
            self.chunks.push_back(piece);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::{AcceptStat, OpaqueAuth};

    fn reply(xid: u32, body: usize) -> EncodedReply {
        let octet = u8::try_from(xid).unwrap();
        EncodedReply::accepted(
            xid,
            &OpaqueAuth::NONE,
            AcceptStat::Success,
            &Bytes::from(vec![octet; body]),
        )
        .unwrap()
    }

    fn expected(replies: &[(u32, usize)]) -> Vec<u8> {
        let mut all = Vec::new();
        for &(xid, body) in replies {
            let mark = 0x8000_0000 | u32::try_from(24 + body).unwrap();
            all.extend(mark.to_be_bytes());
            all.extend(xid.to_be_bytes());
            all.extend([0, 0, 0, 1]);
            all.extend([0; 16]);
            all.extend(vec![u8::try_from(xid).unwrap(); body]);
        }
        all
    }

    /// Writes everything in steps of at most `step` octets; more replies come after the first write.
    fn written(first: &[(u32, usize)], then: &[(u32, usize)], step: usize) -> Vec<u8> {
        let mut output = Output::default();
        let mut all = Vec::new();
        for &(xid, body) in first {
            assert_eq!(output.push(reply(xid, body)), Some(28 + body));
        }
        let mut then = Some(then);
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let used = output.slices(&mut slices);
            let mut left = step;
            for slice in &slices[..used] {
                let part = &slice[..left.min(slice.len())];
                all.extend_from_slice(part);
                left -= part.len();
            }
            output.consume(step - left);
            for &(xid, body) in then.take().unwrap_or_default() {
                output.push(reply(xid, body));
            }
        }
        assert_eq!(output.written, 0);
        all
    }

    #[test]
    fn octets_leave_in_order_however_little_the_peer_takes() {
        let cases: [(&[_], &[_]); 5] = [
            (&[(1, 0)], &[]),
            (&[(1, 4), (2, 0), (3, 8)], &[]),
            (&[(1, 8192)], &[(2, 4), (3, 9000), (4, 4)]),
            (&[(1, 4)], &[(2, 1024), (3, 5000)]),
            (&[(1, 2000), (2, 6000)], &[(3, 4), (4, 4)]),
        ];
        for (first, then) in cases {
            for step in [1, 3, 28, 1000, 5000, 1 << 20] {
                assert_eq!(
                    written(first, then, step),
                    expected(&[first, then].concat()),
                    "{first:?} {then:?} by {step}"
                );
            }
        }
    }

    #[test]
    fn many_small_replies_are_one_slice_and_large_data_is_not_copied() {
        let mut output = Output::default();
        for xid in 0..100 {
            output.push(reply(xid, 4));
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        assert_eq!(output.slices(&mut slices), 1);

        let large = Bytes::from(vec![1; 1 << 20]);
        let mut output = Output::default();
        for xid in 0..2 {
            let reply = EncodedReply::accepted(xid, &OpaqueAuth::NONE, AcceptStat::Success, &large)
                .unwrap();
            output.push(reply);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        assert_eq!(output.slices(&mut slices), 4);
        assert_eq!(slices[1].as_ptr(), large.as_ptr());
        assert_eq!(slices[3].as_ptr(), large.as_ptr());
    }

    #[test]
    fn an_empty_queue_keeps_no_memory() {
        let mut output = Output::default();
        output.push(reply(1, 4));
        output.push(reply(2, 4));
        output.consume(64);
        assert!(output.is_empty());
        output.release();
        assert_eq!(output.tail.capacity(), 0);
    }
}
