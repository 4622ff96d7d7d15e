//! Urgent data: RFC 9293 §3.8.5, RFC 6093, `sockets.md` §12.3.
//!
//! The urgent pointer points to the octet after the urgent data (RFC 6093 §4). As everywhere with BSD's sockets, the
//! "out-of-band data" is the one octet before that, and the *mark* is where it lies in the stream. Unless it is read in
//! line, that octet is skipped by those who read the stream, and read with MSG_OOB.

use fairway_wire::SeqNumber;

use super::num::{octets, span};
use super::segment::Segment;
use super::state::State;
use super::tcb::Tcb;
use super::types::Readiness;
use crate::errno::Errno;

/// Urgent data of one connection, in both directions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Urgent {
    /// SND.UP: the number after the last urgent octet we sent.
    sent_end: Option<SeqNumber>,
    /// The number of the urgent octet the peer announced last.
    mark: Option<SeqNumber>,
    /// That octet, once it has arrived.
    octet: Option<u8>,
    /// It was read.
    read: bool,
}

impl Urgent {
    /// Whether urgent data was announced and not read (OOB-5).
    pub(crate) const fn is_pending(&self) -> bool {
        self.mark.is_some() && !self.read
    }
}

impl Tcb {
    /// The number of the next octet that a reader of the stream will see. The peer's FIN has a number too.
    fn unread(&self) -> SeqNumber {
        self.rcv_nxt - u32::from(self.is.peer_done) - self.recv_queue.len()
    }

    /// Everything written so far is urgent, its last octet most of all.
    pub(crate) fn mark_urgent(&mut self) {
        let end = self.data_end();
        self.urgent.get_or_insert_default().sent_end = Some(end);
        if self.nxt.ge(self.una + self.send_window) {
            // RFC 9293 §3.8.5: the peer is told even if it has no room.
            self.ack_now();
        }
    }

    /// Whether urgent data lies at `seq` or after it.
    pub(crate) fn urgent_pending(&self, seq: SeqNumber) -> bool {
        self.urgent
            .as_ref()
            .and_then(|urgent| urgent.sent_end)
            .is_some_and(|end| end.gt(seq))
    }

    /// The urgent pointer of a segment that begins at `seq`, if it is to have one.
    #[inline]
    pub(crate) fn urgent_pointer(&mut self, seq: SeqNumber) -> Option<u16> {
        let urgent = self.urgent.as_mut()?;
        let end = urgent.sent_end?;
        if end.le(self.una) {
            urgent.sent_end = None;
            return None;
        }
        // Too far to be said in 16 bits, it is said that it is far.
        end.gt(seq)
            .then(|| u16::try_from(span(end, seq)).unwrap_or(u16::MAX))
    }

    /// RFC 9293 §3.10.7.4, sixth: an urgent pointer arrived.
    pub(crate) fn note_urgent(&mut self, segment: &Segment) {
        if segment.header.urgent == 0
            || !matches!(
                self.state,
                State::Established | State::FinWait1 | State::FinWait2
            )
        {
            return;
        }
        let mark = segment.header.seq + u32::from(segment.header.urgent) - 1_u32;
        let next = self.unread();
        // What was read is past; what was announced already is not news.
        if mark.lt(next) {
            return;
        }
        let urgent = self.urgent.get_or_insert_default();
        if urgent.mark.is_some_and(|old| mark.le(old)) {
            return;
        }
        // OOB-6: a second announcement moves the mark.
        urgent.mark = Some(mark);
        urgent.octet = None;
        urgent.read = false;
        self.tell(Readiness::EXCEPTIONAL);
    }

    /// Data arrived in order: the urgent octet may be among it.
    pub(crate) fn find_urgent(&mut self) {
        let start = self.unread();
        let Some(urgent) = self.urgent.as_mut() else {
            return;
        };
        if let (Some(mark), None) = (urgent.mark, urgent.octet)
            && mark.ge(start)
            && mark.lt(self.rcv_nxt)
        {
            urgent.octet = self.recv_queue.octet(octets(span(mark, start)));
            self.tell(Readiness::EXCEPTIONAL);
        }
    }

    /// MSG_OOB: the urgent octet.
    ///
    /// # Errors
    /// [`Errno::Inval`] if there is none, it was read, or it is read in line; [`Errno::WouldBlock`] if it was announced
    /// and has not arrived (RCV-6).
    pub(crate) fn take_urgent(&mut self, peek: bool) -> Result<u8, Errno> {
        let inline = self.options.oob_inline;
        let urgent = self.urgent.as_mut().ok_or(Errno::Inval)?;
        if urgent.mark.is_none() || urgent.read || inline {
            return Err(Errno::Inval);
        }
        let octet = urgent.octet.ok_or(if self.is.peer_done {
            Errno::Inval
        } else {
            Errno::WouldBlock
        })?;
        urgent.read = !peek;
        Ok(octet)
    }

    /// Whether the next octet to read is the marked one (SIOCATMARK, OOB-2).
    pub(crate) fn at_mark(&self) -> bool {
        let next = self.unread();
        self.urgent.as_ref().and_then(|urgent| urgent.mark) == Some(next)
    }

    /// How many octets a reader of the stream may take now: reading stops at the mark. Out of line, the marked octet is
    /// skipped first if it is next.
    pub(crate) fn readable_now(&mut self) -> usize {
        let len = self.recv_queue.len();
        let start = self.unread();
        let Some(urgent) = self.urgent.as_mut() else {
            return len;
        };
        let Some(mark) = urgent.mark.filter(|mark| mark.ge(start)) else {
            return len;
        };
        let before = octets(span(mark, start)).min(len);
        if before > 0 || len == 0 {
            return before;
        }
        // At the mark: whoever reads on passes it.
        if !self.options.oob_inline {
            self.recv_queue.skip(1);
        }
        self.recv_queue.len()
    }

    /// The program has read past the mark.
    pub(crate) fn passed_mark(&mut self) {
        let next = self.unread();
        let inline = self.options.oob_inline;
        if let Some(urgent) = self.urgent.as_mut()
            && urgent.mark.is_some_and(|mark| mark.lt(next))
        {
            // Out of line, the octet can still be read with MSG_OOB.
            if inline || urgent.read {
                urgent.mark = None;
                urgent.octet = None;
                urgent.read = false;
            }
        }
    }
}
