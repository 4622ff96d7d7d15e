//! Segments that were planned at once and leave one by one.
//!
//! Planning a run of new data as one (a single entry of the scoreboard, a single look at windows and rules) and cutting
//! it when the packets are asked for costs a fraction of planning each segment: what devices with segmentation offload do
//! in hardware. The header is made once; of each packet only number and flags differ.

use fairway_wire::SeqNumber;
use fairway_wire::tcp::Flags;

use super::num::{octets, span};
use super::segment::seal;
use super::table::ConnId;
use super::tcb::Tcb;
use crate::pkt::PacketBuf;

/// The most segments of a train.
pub(crate) const LENGTH: u32 = 16;

/// The longest header.
const HEAD: usize = 60;

/// What is left of a run of segments. Its data is in the send queue of the connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Train {
    pub(crate) id: ConnId,
    /// The number of the next segment.
    seq: SeqNumber,
    /// Octets of data left.
    left: u32,
    /// Octets of data in each segment but the last.
    piece: u32,
    /// Flags of the last segment; the others have neither PSH nor FIN.
    last: Flags,
    head: [u8; HEAD],
    head_len: usize,
}

impl Train {
    pub(crate) fn new(
        id: ConnId,
        (seq, len): (SeqNumber, u32),
        piece: u32,
        last: Flags,
        (head, head_len): ([u8; HEAD], usize),
    ) -> Self {
        Self {
            id,
            seq,
            left: len,
            piece: piece.max(1),
            last,
            head,
            head_len,
        }
    }

    /// Whether nothing is left.
    #[inline]
    pub(crate) const fn is_over(&self) -> bool {
        self.left == 0
    }

    /// The next packet; `None` if the data is gone.
    #[inline]
    pub(crate) fn next(&mut self, tcb: &Tcb) -> Option<PacketBuf> {
        let len = self.left.min(self.piece);
        if len == 0 || self.seq.lt(tcb.queue_start) || (self.seq + len).gt(tcb.data_end()) {
            self.left = 0;
            return None;
        }
        self.left -= len;
        let flags = if self.left == 0 {
            self.last
        } else {
            self.last.without(Flags::PSH.union(Flags::FIN))
        };
        let mut packet = PacketBuf::for_overwrite(self.head_len + octets(len));
        let (head, data) = packet.as_mut_slice().split_at_mut(self.head_len);
        head.copy_from_slice(self.head.get(..self.head_len).unwrap_or_default());
        if let Some(place) = head.get_mut(4..8) {
            place.copy_from_slice(&self.seq.0.to_be_bytes());
        }
        if let Some(place) = head.get_mut(13) {
            *place = flags.0;
        }
        let offset = octets(span(self.seq, tcb.queue_start));
        tcb.send_queue.copy_out(offset, data);
        self.seq += len;
        seal(
            &mut packet,
            tcb.local(),
            *tcb.tuple.peer().ip(),
            tcb.path.trusted_checksums,
        );
        Some(packet)
    }
}
