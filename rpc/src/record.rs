//! Record marking (RFC 5531 §11): messages on a stream, without I/O.
//!
//! ```text
//!  1 bit   31 bits            fragment
//! ┌──────┬──────────────────┬──────────────┐
//! │ last │ octets that follow │ … octets …  │   a record is one or more fragments, `last` set in the last
//! └──────┴──────────────────┴──────────────┘
//! ```

use bytes::{Buf, Bytes, BytesMut};

use crate::limits::RecordLimits;

/// Octets of a record mark.
pub const MARK_LEN: usize = 4;

/// The bit of a mark that says the fragment is the record's last, RFC 5531 §11.
const LAST: u32 = 0x8000_0000;

/// The most octets one fragment can hold, 2³¹−1 (RFC 5531 §11).
pub const MAX_FRAGMENT: usize = 0x7fff_ffff;

/// The mark of a record of `len` octets sent as one fragment, or `None` if it is longer than
/// [`MAX_FRAGMENT`].
#[must_use]
pub fn mark(len: usize) -> Option<[u8; MARK_LEN]> {
    let len = u32::try_from(len).ok().filter(|&len| len < LAST)?;
    Some((LAST | len).to_be_bytes())
}

/// Why a stream cannot be read on: there is no way to find the next record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// More octets announced than [`RecordLimits::max_record`].
    #[error("record of {length} octets or more, at most {max}")]
    TooLong {
        /// Octets of the fragments so far, the announced one included.
        length: u64,
        /// The limit.
        max: usize,
    },
    /// More fragments than [`RecordLimits::max_fragments`]; empty ones count.
    #[error("record of more than {max} fragments")]
    TooManyFragments {
        /// The limit.
        max: u32,
    },
}

/// Finds records in the octets of a stream.
///
/// The octets that have arrived stay with the caller, in a buffer that [`next`](Self::next) takes
/// records off; the reader keeps only what spans fragments. After an error the stream is lost.
#[derive(Debug)]
pub struct RecordReader {
    limits: RecordLimits,
    /// Octets of the current fragment not yet taken out of the input; `None` between fragments.
    left: Option<usize>,
    /// The current fragment is the last.
    last: bool,
    /// Fragments begun of the current record.
    fragments: u32,
    /// Octets announced for the current record, at most `max_record`.
    announced: usize,
    /// Octets of the current record already taken out of the input.
    joined: BytesMut,
}

impl RecordReader {
    /// A reader at the start of a stream.
    #[must_use]
    pub fn new(limits: RecordLimits) -> Self {
        Self {
            limits,
            left: None,
            last: false,
            fragments: 0,
            announced: 0,
            joined: BytesMut::new(),
        }
    }

    /// Takes the next complete record off the front of `input`.
    ///
    /// A record of one fragment is a slice of the input's memory; one of several is joined by copying.
    /// `None` means that more octets are needed. A record can be empty.
    ///
    /// # Errors
    /// The record is longer than the limits allow, in octets or fragments. What was announced counts,
    /// so that nothing is kept of a record that will be refused.
    pub fn next(&mut self, input: &mut BytesMut) -> Result<Option<Bytes>, RecordError> {
        loop {
            let left = match self.left {
                Some(left) => left,
                None => match self.begin_fragment(input)? {
                    Some(length) => length,
                    None => return Ok(None),
                },
            };
            if self.last && self.joined.is_empty() {
                // The usual case: all of the record in one piece.
                if input.len() < left {
                    return Ok(None);
                }
                self.end_record();
                return Ok(Some(input.split_to(left).freeze()));
            }
            let have = left.min(input.len());
            self.joined.extend_from_slice(&input.split_to(have));
            if have < left {
                self.left = Some(left - have);
                return Ok(None);
            }
            self.left = None;
            if self.last {
                let record = std::mem::take(&mut self.joined).freeze();
                self.end_record();
                return Ok(Some(record));
            }
        }
    }

    fn begin_fragment(&mut self, input: &mut BytesMut) -> Result<Option<usize>, RecordError> {
        let Some(&octets) = input.first_chunk::<MARK_LEN>() else {
            return Ok(None);
        };
        let mark = u32::from_be_bytes(octets);
        // A fragment without octets is allowed by RFC 5531 §11 and costs its sender nothing: count it.
        if self.fragments >= self.limits.max_fragments {
            return Err(RecordError::TooManyFragments {
                max: self.limits.max_fragments,
            });
        }
        let length = usize::try_from(mark & !LAST).unwrap_or(usize::MAX);
        let announced = self.announced.saturating_add(length);
        if announced > self.limits.max_record {
            return Err(RecordError::TooLong {
                length: u64::try_from(announced).unwrap_or(u64::MAX),
                max: self.limits.max_record,
            });
        }
        input.advance(MARK_LEN);
        self.fragments += 1;
        self.announced = announced;
        self.last = mark & LAST != 0;
        self.left = Some(length);
        Ok(Some(length))
    }

    fn end_record(&mut self) {
        self.left = None;
        self.last = false;
        self.fragments = 0;
        self.announced = 0;
    }

    /// Octets still missing of the current fragment, or of its mark, when `have` octets are in the
    /// input; never more than the limits allow.
    ///
    /// It is what the peer *says*: room for it should grow with what has arrived.
    #[must_use]
    pub fn wanted(&self, have: usize) -> usize {
        self.left.unwrap_or(MARK_LEN).saturating_sub(have)
    }

    /// Octets of the current record that were taken out of the input and are kept here.
    #[must_use]
    pub fn held(&self) -> usize {
        self.joined.len()
    }

    /// True within a record, of which `input` holds what is not yet taken: a stream that ends now
    /// was cut.
    #[must_use]
    pub fn is_mid_record(&self, input: &[u8]) -> bool {
        self.left.is_some() || self.fragments != 0 || !input.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(max_record: usize, max_fragments: u32) -> RecordLimits {
        RecordLimits {
            max_record,
            max_fragments,
        }
    }

    fn fragment(last: bool, octets: &[u8]) -> Vec<u8> {
        let length = u32::try_from(octets.len()).unwrap() | if last { LAST } else { 0 };
        [&length.to_be_bytes()[..], octets].concat()
    }

    /// Feeds `octets` in pieces of `step` and collects the records.
    fn read(limits: RecordLimits, octets: &[u8], step: usize) -> Result<Vec<Bytes>, RecordError> {
        let mut reader = RecordReader::new(limits);
        let mut input = BytesMut::new();
        let mut records = Vec::new();
        for piece in octets.chunks(step) {
            input.extend_from_slice(piece);
            while let Some(record) = reader.next(&mut input)? {
                records.push(record);
            }
        }
        Ok(records)
    }

    /// RFC 5531 §11.
    mod section_11 {
        use super::*;

        #[test]
        fn records_are_found_however_the_stream_is_cut() {
            let stream = [
                fragment(true, b"first record"),
                fragment(false, b"sec"),
                fragment(false, b"ond re"),
                fragment(true, b"cord"),
                fragment(true, b""),
                fragment(false, b""),
                fragment(true, b"last"),
            ]
            .concat();
            for step in 1..=stream.len() {
                let records = read(limits(64, 8), &stream, step).unwrap();
                assert_eq!(
                    records,
                    [&b"first record"[..], b"second record", b"", b"last"],
                    "in pieces of {step}"
                );
            }
        }

        #[test]
        fn a_record_of_one_fragment_is_not_copied() {
            let mut input = BytesMut::from(&fragment(true, &[7; 4096])[..]);
            let at = input.as_ptr().addr() + MARK_LEN;
            let record = RecordReader::new(RecordLimits::default())
                .next(&mut input)
                .unwrap()
                .unwrap();
            assert_eq!(record.as_ptr().addr(), at);
        }

        #[test]
        fn the_sum_of_fragments_is_capped() {
            let stream = [fragment(false, &[0; 40]), fragment(true, &[0; 25])].concat();
            assert_eq!(
                read(limits(64, 8), &stream, 7),
                Err(RecordError::TooLong {
                    length: 65,
                    max: 64
                })
            );
            assert!(read(limits(65, 8), &stream, 7).is_ok());
        }

        #[test]
        fn an_announced_length_is_refused_before_its_octets_arrive() {
            assert_eq!(
                read(limits(1 << 20, 8), &[0x7f, 0xff, 0xff, 0xff], 4),
                Err(RecordError::TooLong {
                    length: 0x7fff_ffff,
                    max: 1 << 20
                })
            );
        }

        #[test]
        fn empty_fragments_count() {
            let stream = fragment(false, b"").repeat(9);
            assert_eq!(
                read(limits(64, 8), &stream, 5),
                Err(RecordError::TooManyFragments { max: 8 })
            );
            let whole = [fragment(false, b"").repeat(7), fragment(true, b"end")].concat();
            assert_eq!(read(limits(64, 8), &whole, 5).unwrap(), [&b"end"[..]]);
        }

        #[test]
        fn counts_start_again_with_each_record() {
            let record = [fragment(false, &[1; 30]), fragment(true, &[1; 30])].concat();
            let records = read(limits(64, 2), &record.repeat(10), 11).unwrap();
            assert_eq!(records.len(), 10);
        }
    }

    #[test]
    fn knows_what_is_missing_and_where_it_stands() {
        let mut reader = RecordReader::new(RecordLimits::default());
        let mut input = BytesMut::new();
        assert!(!reader.is_mid_record(&input));
        assert_eq!(reader.wanted(0), 4);
        input.extend_from_slice(&[0x80, 0]);
        assert_eq!(reader.next(&mut input).unwrap(), None);
        assert!(reader.is_mid_record(&input));
        assert_eq!(reader.wanted(input.len()), 2);
        input.extend_from_slice(&[0, 10, 1, 2]);
        assert_eq!(reader.next(&mut input).unwrap(), None);
        assert_eq!(reader.wanted(input.len()), 8);
        input.extend_from_slice(&[0; 8]);
        assert_eq!(reader.next(&mut input).unwrap().unwrap().len(), 10);
        assert!(!reader.is_mid_record(&input));
    }

    #[test]
    fn a_mark_holds_31_bits_of_length() {
        assert_eq!(mark(40), Some([0x80, 0, 0, 40]));
        assert_eq!(mark(MAX_FRAGMENT), Some([0xff; 4]));
        assert_eq!(mark(MAX_FRAGMENT + 1), None);
    }
}
