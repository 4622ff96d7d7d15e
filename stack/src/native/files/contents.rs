//! What is in a file that is in memory.

use crate::error::NetError;
use std::collections::BTreeMap;

/// How long a file can be: 4 GiB.
pub(super) const MAX_LEN: u64 = 1 << 32;

/// Octets to a piece.
const PIECE: u64 = 64 * 1024;

/// The octets of a file, in pieces: where nothing was written there is none, and zeros are read.
#[derive(Debug, Default)]
pub(super) struct Contents {
    len: u64,
    /// By their number; each as long as what was written to it, at most [`PIECE`]. What a piece lacks is zeros.
    pieces: BTreeMap<u64, Vec<u8>>,
}

impl Contents {
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Appends to `buf` what is from `offset` on, at most `max` octets.
    pub(super) fn read_at(&self, mut offset: u64, max: usize, buf: &mut Vec<u8>) {
        let mut left = usize_of(self.len.saturating_sub(offset)).min(max);
        buf.reserve(left);
        while left > 0 {
            let (piece, start) = (offset / PIECE, usize_of(offset % PIECE));
            let part = left.min(usize_of(PIECE) - start);
            let written = self.pieces.get(&piece).and_then(|octets| {
                let octets = octets.get(start..)?;
                octets.get(..part.min(octets.len()))
            });
            let end = buf.len() + part;
            buf.extend_from_slice(written.unwrap_or_default());
            buf.resize(end, 0);
            left -= part;
            offset += u64_of(part);
        }
    }

    /// Writes `octets` at `offset`, all or none.
    pub(super) fn write_at(&mut self, mut offset: u64, mut octets: &[u8]) -> Result<(), NetError> {
        let end = offset.checked_add(u64_of(octets.len()));
        let end = end.filter(|end| *end <= MAX_LEN).ok_or(NetError::FBig)?;
        if octets.is_empty() {
            return Ok(());
        }
        while !octets.is_empty() {
            let (piece, start) = (offset / PIECE, usize_of(offset % PIECE));
            let (part, rest) = octets.split_at(octets.len().min(usize_of(PIECE) - start));
            let piece = self.pieces.entry(piece).or_default();
            if piece.len() < start {
                piece.resize(start, 0);
            }
            let over = part.len().min(piece.len() - start);
            let (inside, behind) = part.split_at(over);
            if let Some(old) = piece.get_mut(start..start + over) {
                old.copy_from_slice(inside);
            }
            piece.extend_from_slice(behind);
            offset += u64_of(part.len());
            octets = rest;
        }
        self.len = self.len.max(end);
        Ok(())
    }

    pub(super) fn set_len(&mut self, len: u64) -> Result<(), NetError> {
        if len > MAX_LEN {
            return Err(NetError::FBig);
        }
        if len < self.len {
            // What is cut off must not come back when the file grows again.
            drop(self.pieces.split_off(&len.div_ceil(PIECE)));
            if let Some(last) = self.pieces.get_mut(&(len / PIECE)) {
                last.truncate(usize_of(len % PIECE));
            }
        }
        self.len = len;
        Ok(())
    }
}

/// Lengths here are at most [`MAX_LEN`], and where memory cannot hold them they are cut to what it can.
fn usize_of(len: u64) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

fn u64_of(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Contents, MAX_LEN, PIECE};
    use crate::error::NetError;

    fn all(contents: &Contents) -> Vec<u8> {
        let mut buf = Vec::new();
        contents.read_at(0, usize::MAX, &mut buf);
        buf
    }

    #[test]
    fn what_was_not_written_is_zeros_and_takes_no_room() {
        let mut contents = Contents::default();
        contents.write_at(MAX_LEN - 2, b"ab").unwrap();
        assert_eq!((contents.len(), contents.pieces.len()), (MAX_LEN, 1));
        let mut buf = vec![7];
        contents.read_at(MAX_LEN - 4, 100, &mut buf);
        assert_eq!(buf, b"\x07\0\0ab");
        buf.clear();
        contents.read_at(3 * PIECE - 1, 2, &mut buf);
        assert_eq!(buf, [0, 0]);
        contents.read_at(u64::MAX, 2, &mut buf);
        assert_eq!(buf.len(), 2, "nothing is behind the end");
    }

    #[test]
    fn the_limit_is_kept_and_nothing_written_then() {
        let mut contents = Contents::default();
        assert_eq!(contents.write_at(MAX_LEN, b"x"), Err(NetError::FBig));
        assert_eq!(contents.write_at(u64::MAX, b"x"), Err(NetError::FBig));
        assert_eq!(contents.write_at(MAX_LEN - 1, b"xy"), Err(NetError::FBig));
        assert_eq!(contents.set_len(MAX_LEN + 1), Err(NetError::FBig));
        assert_eq!(contents.len(), 0);
    }

    #[test]
    fn what_was_cut_off_does_not_come_back() {
        for cut in [PIECE - 3, PIECE, PIECE + 3] {
            let mut contents = Contents::default();
            let old = vec![7; usize::try_from(3 * PIECE).unwrap()];
            contents.write_at(0, &old).unwrap();
            contents.set_len(cut).unwrap();
            contents.set_len(3 * PIECE).unwrap();
            let mut expected = old;
            expected[usize::try_from(cut).unwrap()..].fill(0);
            assert!(all(&contents) == expected, "{cut}");
        }
    }
}
