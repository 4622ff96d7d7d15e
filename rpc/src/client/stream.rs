//! A stream as the client uses it: whole records in, frames out, nothing waited for.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};

use super::core::Output;
use crate::limits::RecordLimits;
use crate::record::RecordReader;
use crate::transport::Channel;

/// Room for one read: more than a usual reply, so that the read comes back short and the runtime knows, without
/// asking again, that nothing is left.
const READ_ROOM: usize = 16 * 1024;
/// Less room than this is not worth a read.
const READ_LEAST: usize = 2048;
/// Room given for an announced record before its octets have come; later four times what has come.
const TRUST: usize = 256 * 1024;
/// Frames taken for one write.
pub(super) const GATHER_FRAMES: usize = 128;
/// Octets of frames after which no further one is taken for the same write.
pub(super) const GATHER_OCTETS: usize = 256 * 1024;

/// A connection's stream, with the octets that belong to neither side yet.
#[derive(Debug)]
pub(super) struct StreamIo {
    pub(super) channel: Channel,
    input: BytesMut,
    reader: RecordReader,
    /// Being written; of the first, `written` octets are.
    pub(super) out: VecDeque<Output>,
    pub(super) out_octets: usize,
    pub(super) written: usize,
    /// Written whole, not yet told to the core.
    pub(super) done: Vec<Output>,
    unflushed: bool,
}

impl StreamIo {
    pub(super) fn new(channel: Channel, limits: RecordLimits) -> Self {
        Self {
            channel,
            input: BytesMut::new(),
            reader: RecordReader::new(limits),
            out: VecDeque::new(),
            out_octets: 0,
            written: 0,
            done: Vec::new(),
            unflushed: false,
        }
    }

    /// Whether the stream stands between two records, both ways.
    pub(super) fn is_between_records(&self) -> bool {
        self.out.is_empty() && !self.unflushed && !self.reader.is_mid_record(&self.input)
    }

    /// Whether nothing written is held back by the stream.
    pub(super) fn is_flushed(&self) -> bool {
        !self.unflushed
    }

    /// Reads once and takes the complete records off.
    pub(super) fn poll_receive(
        &mut self,
        cx: &mut Context<'_>,
        records: &mut Vec<Bytes>,
    ) -> Poll<io::Result<()>> {
        self.make_room();
        match self.channel.poll_read(cx, &mut self.input) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Ready(Ok(0)) => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                if self.reader.is_mid_record(&self.input) {
                    "closed by the peer within a record"
                } else {
                    "closed by the peer"
                },
            ))),
            Poll::Ready(Ok(_)) => loop {
                match self.reader.next(&mut self.input) {
                    Ok(Some(record)) => records.push(record),
                    Ok(None) => return Poll::Ready(Ok(())),
                    Err(error) => {
                        return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, error)));
                    }
                }
            },
        }
    }

    fn make_room(&mut self) {
        let have = self.input.len();
        let spare = self.input.capacity() - have;
        let wanted = self.reader.wanted(have);
        if spare >= wanted.max(READ_LEAST) {
            return;
        }
        let trusted = TRUST.max(have.saturating_mul(4));
        let room = wanted.min(trusted).max(READ_ROOM);
        if spare < room {
            self.input.reserve(room);
        }
    }

    /// Takes one more frame to write.
    pub(super) fn push(&mut self, output: Output) {
        self.out_octets += output.frame.len();
        self.out.push_back(output);
    }

    /// Whether another frame fits into the next write.
    pub(super) fn wants_more(&self) -> bool {
        self.out.len() < GATHER_FRAMES && self.out_octets < GATHER_OCTETS
    }

    /// Writes all frames taken, in as few system calls as the kernel allows; those written whole go to `done`.
    pub(super) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            // What is asked of a frame without octets is only that all before it is written.
            while self
                .out
                .front()
                .is_some_and(|output| output.frame.is_empty())
            {
                self.done.extend(self.out.pop_front());
            }
            if self.out.is_empty() {
                break;
            }
            let count = match write_once(&mut self.channel, cx, &self.out, self.written) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(Ok(count)) => count,
            };
            self.unflushed = true;
            self.advance(count);
        }
        if self.unflushed {
            match self.channel.poll_flush(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(result) => result?,
            }
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }

    fn advance(&mut self, count: usize) {
        let mut left = self.written.saturating_add(count);
        while let Some(first) = self.out.front() {
            let length = first.frame.len();
            if left < length {
                break;
            }
            left -= length;
            self.out_octets -= length;
            self.done.extend(self.out.pop_front());
        }
        self.written = left;
    }
}

/// Slices of one system call, at most.
const SLICES: usize = 2 * GATHER_FRAMES;

fn write_once(
    channel: &mut Channel,
    cx: &mut Context<'_>,
    out: &VecDeque<Output>,
    written: usize,
) -> Poll<io::Result<usize>> {
    // A lone small call is the usual case: no array of slices for it.
    if let (Some(only), 1) = (out.front(), out.len()) {
        let mut pieces = only.frame.segments();
        if let (Some(piece), None) = (pieces.next(), pieces.next())
            && let Some(rest) = piece.get(written..)
        {
            return channel.poll_write(cx, &[IoSlice::new(rest)]);
        }
    }
    let mut skip = written;
    let mut slices = [IoSlice::new(&[]); SLICES];
    let mut count = 0;
    let pieces = out
        .iter()
        .flat_map(|output| output.frame.segments())
        .filter_map(|piece| {
            let rest = piece.get(skip..);
            skip = skip.saturating_sub(piece.len());
            rest.filter(|rest| !rest.is_empty())
        });
    for (slice, piece) in slices.iter_mut().zip(pieces) {
        *slice = IoSlice::new(piece);
        count += 1;
    }
    channel.poll_write(cx, slices.get(..count).unwrap_or(&[]))
}
