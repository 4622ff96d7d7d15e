//! Mode Z: a zlib stream (RFC 1950) around what mode S would send, one stream to a connection.
//!
//! draft-preston-ftpext-deflate is the source, with `OPTS MODE Z LEVEL n` for the effort of the server. The end of the
//! stream is the end of the file and its checksum covers all of it, so that, unlike in mode S, a connection that breaks
//! is seen. An empty file is a stream, too (eight octets): a connection with nothing on it is one that broke.

use super::error::CodecErrorKind;
use super::options::Level;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// Octets between zlib and what is behind it.
const BUFFER: usize = 32 * 1024;

/// Undoes zlib.
#[derive(Debug)]
pub(super) struct Inflater {
    zlib: Decompress,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
    finished: bool,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Self {
            zlib: Decompress::new(true),
            buffer: vec![0; BUFFER].into(),
            start: 0,
            end: 0,
            finished: false,
        }
    }

    /// Octets that have been inflated and not used.
    pub(super) fn ready(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Of those, all but `left` have been used.
    pub(super) fn leave(&mut self, left: usize) {
        self.start = self.end.saturating_sub(left);
    }

    /// Whether the zlib stream has ended, and its checksum was right.
    pub(super) const fn finished(&self) -> bool {
        self.finished
    }

    /// Inflates off the front of `input` when nothing is ready; says whether there is something then.
    pub(super) fn fill(&mut self, input: &mut &[u8]) -> Result<bool, CodecErrorKind> {
        while self.ready().is_empty() && !self.finished {
            let (read, written) = (self.zlib.total_in(), self.zlib.total_out());
            let status = self
                .zlib
                .decompress(input, &mut self.buffer, FlushDecompress::None)
                .map_err(|_| CodecErrorKind::Zlib)?;
            let read = difference(self.zlib.total_in(), read);
            *input = input.get(read..).unwrap_or_default();
            self.start = 0;
            self.end = difference(self.zlib.total_out(), written);
            self.finished = status == Status::StreamEnd;
            if self.end == 0 && read == 0 && !self.finished {
                break;
            }
        }
        Ok(!self.ready().is_empty())
    }
}

/// Does zlib.
#[derive(Debug)]
pub(super) struct Deflater {
    zlib: Compress,
    buffer: Box<[u8]>,
}

impl Deflater {
    pub(super) fn new(level: Level) -> Self {
        Self {
            zlib: Compress::new(Compression::new(level.get().into()), true),
            buffer: vec![0; BUFFER].into(),
        }
    }

    pub(super) fn write(&mut self, data: &[u8], out: &mut Vec<u8>) {
        let mut rest = data;
        while !rest.is_empty() {
            let read = self.step(rest, FlushCompress::None, out).0;
            rest = rest.get(read..).unwrap_or_default();
        }
    }

    pub(super) fn finish(&mut self, out: &mut Vec<u8>) {
        while !self.step(&[], FlushCompress::Finish, out).1 {}
    }

    /// Says how many octets were read, and whether the stream has ended.
    fn step(&mut self, data: &[u8], flush: FlushCompress, out: &mut Vec<u8>) -> (usize, bool) {
        let (read, written) = (self.zlib.total_in(), self.zlib.total_out());
        // An error means a stream that was not set up, or misuse of flushing: neither exists here.
        let status = self.zlib.compress(data, &mut self.buffer, flush);
        let end = difference(self.zlib.total_out(), written);
        out.extend_from_slice(self.buffer.get(..end).unwrap_or_default());
        let ended = !matches!(status, Ok(Status::Ok | Status::BufError));
        let read = difference(self.zlib.total_in(), read);
        // Lest a fault of the library become a loop without end.
        (if ended { data.len() } else { read }, ended)
    }
}

/// How far a total has moved, which is never further than a buffer is long.
fn difference(now: u64, before: u64) -> usize {
    usize::try_from(now - before).unwrap_or(usize::MAX)
}
