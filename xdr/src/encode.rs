//! Writing: the trait, and the encoder that holds the octets.

use crate::error::{EncodeError, EncodeErrorKind};
use crate::limits::Mode;
use crate::run::RunMut;
use alloc::vec::Vec;
use bytes::{Bytes, BytesMut};
use core::fmt;

/// Shared octets of this length and more are kept apart by a [segmented](Encoder::segmented) encoder, not copied.
pub const APART_MIN: usize = 1024;

/// A value that can be written as XDR.
///
/// The trait can be an object. Lengths are exact, so that the whole encoding needs one allocation.
pub trait Encode {
    /// The length of every value of the type, in octets, if they all have the same.
    #[must_use]
    fn fixed_len() -> Option<usize>
    where
        Self: Sized,
    {
        None
    }

    /// The exact length of this value's encoding in octets, a multiple of 4.
    /// (In [`Mode::Lax`] an upper bound: strings that stand for other octets take fewer.)
    ///
    /// Never fails; a length beyond `usize` saturates.
    #[must_use]
    fn encoded_len(&self) -> usize;

    /// Writes the value.
    ///
    /// # Errors
    /// A part is longer than its bound, or is of a length its type does not have. What was written until then stays.
    ///
    /// A value that holds itself is encoded by recursion: how deep it goes is the matter of who built it.
    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError>;

    /// Writes the values one after the other, without a count.
    ///
    /// # Errors
    /// As [`encode`](Encode::encode).
    #[doc(hidden)]
    #[inline]
    fn encode_all(items: &[Self], e: &mut Encoder) -> Result<(), EncodeError>
    where
        Self: Sized,
    {
        for (index, item) in items.iter().enumerate() {
            item.encode(e).map_err(|error| error.index(index))?;
        }
        Ok(())
    }
}

impl<T: Encode + ?Sized> Encode for &T {
    #[inline]
    fn encoded_len(&self) -> usize {
        (**self).encoded_len()
    }

    #[inline]
    fn encode(&self, e: &mut Encoder) -> Result<(), EncodeError> {
        (**self).encode(e)
    }
}

/// Where encoded octets go: one buffer or, if [segmented](Encoder::segmented), a buffer and large shared octets apart.
///
/// ```
/// # fn main() -> Result<(), fairway_xdr::EncodeError> {
/// let mut encoder = fairway_xdr::Encoder::with_capacity(12);
/// encoder.u32(7);
/// encoder.string("abc", 255)?;
/// assert_eq!(encoder.into_vec(), [0, 0, 0, 7, 0, 0, 0, 3, b'a', b'b', b'c', 0]);
/// # Ok(()) }
/// ```
#[derive(Clone, Default)]
pub struct Encoder {
    /// Not a `Vec`, whose appending asks for room by a call that is inlined with link-time optimisation only: without it
    /// that doubles the time of encoding.
    buf: BytesMut,
    apart: Vec<Apart>,
    /// Sum of the lengths of `apart`.
    apart_len: usize,
    keep_apart: bool,
    mode: Mode,
}

/// Octets that come before the octet `at` of the buffer. In order of `at`.
#[derive(Clone)]
struct Apart {
    at: usize,
    octets: Bytes,
}

impl Encoder {
    /// An empty encoder of one buffer.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty encoder of one buffer with room for so many octets; see [`Encode::encoded_len`].
    #[inline]
    #[must_use]
    pub fn with_capacity(octets: usize) -> Self {
        Self {
            buf: BytesMut::with_capacity(octets),
            ..Self::new()
        }
    }

    /// An empty encoder that keeps shared octets of [`APART_MIN`] and more as they are, with room for so many others.
    #[inline]
    #[must_use]
    pub fn segmented(octets: usize) -> Self {
        Self {
            keep_apart: true,
            ..Self::with_capacity(octets)
        }
    }

    /// The same in this mode: [`Mode::Lax`] turns what lax decoding has put into strings back to octets.
    #[inline]
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The mode.
    #[inline]
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Writes a run of fixed-size items as it stands. `N` is a multiple of 4.
    #[inline(always)]
    pub fn put<const N: usize>(&mut self, run: [u8; N]) {
        const { assert!(N.is_multiple_of(4), "a run is a multiple of 4 octets") };
        self.buf.extend_from_slice(&run);
    }

    /// Writes a run of fixed-size items.
    ///
    /// ```
    /// # use fairway_xdr::{Encoder, RunMut};
    /// # let mut encoder = Encoder::new();
    /// let mut run = RunMut::<8>::new();
    /// run.u32::<0>(7);
    /// run.bool::<4>(true);
    /// encoder.put_run(run);
    /// assert_eq!(encoder.into_vec(), [0, 0, 0, 7, 0, 0, 0, 1]);
    /// ```
    #[inline(always)]
    pub fn put_run<const N: usize>(&mut self, run: RunMut<N>) {
        self.put(run.into_octets());
    }

    /// Makes room for so many octets more.
    #[inline]
    pub fn reserve(&mut self, octets: usize) {
        self.buf.reserve(octets);
    }

    /// Writes octets that are XDR already.
    ///
    /// # Errors
    /// Their number is not a multiple of 4.
    pub fn raw(&mut self, already_encoded: &[u8]) -> Result<(), EncodeError> {
        aligned(already_encoded.len())?;
        self.buf.extend_from_slice(already_encoded);
        Ok(())
    }

    /// Writes shared octets that are XDR already; they may be kept apart.
    ///
    /// # Errors
    /// Their number is not a multiple of 4.
    pub fn raw_shared(&mut self, already_encoded: &Bytes) -> Result<(), EncodeError> {
        aligned(already_encoded.len())?;
        if !self.keep(already_encoded) {
            self.buf.extend_from_slice(already_encoded);
        }
        Ok(())
    }

    /// Octets written.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.buf.len().saturating_add(self.apart_len)
    }

    /// True if nothing was written.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All octets in one vector; joins them if some were kept apart.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        if self.apart.is_empty() {
            return self.buf.into();
        }
        let mut joined = Vec::with_capacity(self.len());
        for segment in self.segments() {
            joined.extend_from_slice(segment);
        }
        joined
    }

    /// All octets in one piece; joins them if some were kept apart.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.apart.is_empty() {
            self.buf.freeze()
        } else {
            self.into_vec().into()
        }
    }

    /// The pieces, in order, none of them empty; one piece unless [segmented](Encoder::segmented).
    pub fn segments(&self) -> impl Iterator<Item = &[u8]> {
        let mut apart = self.apart.iter();
        let mut from = 0;
        let mut pending: Option<&[u8]> = None;
        let mut ended = false;
        core::iter::from_fn(move || {
            if let Some(octets) = pending.take() {
                return Some(octets);
            }
            while !ended {
                let to = match apart.next() {
                    Some(next) => {
                        pending = Some(&next.octets);
                        next.at
                    }
                    None => {
                        ended = true;
                        self.buf.len()
                    }
                };
                let own = self.buf.get(from..to).unwrap_or_default();
                from = to;
                if !own.is_empty() {
                    return Some(own);
                }
                if let Some(octets) = pending.take() {
                    return Some(octets);
                }
            }
            None
        })
    }

    /// The pieces, in order, none of them empty, without copying an octet.
    #[must_use]
    pub fn into_segments(self) -> Vec<Bytes> {
        let mut own = self.buf.freeze();
        let mut segments = Vec::with_capacity(self.apart.len().saturating_mul(2).saturating_add(1));
        let mut from = 0;
        for Apart { at, octets } in self.apart {
            let before = own.split_to(at.saturating_sub(from).min(own.len()));
            from = at;
            segments.extend(
                [before, octets]
                    .into_iter()
                    .filter(|piece| !piece.is_empty()),
            );
        }
        if !own.is_empty() {
            segments.push(own);
        }
        segments
    }

    /// Overwrites the four octets at `at`, a multiple of 4 from the start: a record mark, a length known late.
    ///
    /// False, and nothing is changed, if `at` is no such number, or the octets were not written or are kept apart.
    pub fn patch_u32(&mut self, at: usize, value: u32) -> bool {
        if !at.is_multiple_of(4) {
            return false;
        }
        let mut own_at = at;
        for apart in &self.apart {
            if apart.at > own_at {
                break;
            }
            match own_at.checked_sub(apart.octets.len()) {
                Some(less) if less >= apart.at => own_at = less,
                _ => return false,
            }
        }
        match self
            .buf
            .get_mut(own_at..)
            .and_then(|tail| tail.first_chunk_mut())
        {
            Some(place) => {
                *place = value.to_be_bytes();
                true
            }
            None => false,
        }
    }

    /// Forgets what was written and keeps the room.
    pub fn clear(&mut self) {
        self.buf.clear();
        self.apart.clear();
        self.apart_len = 0;
    }

    /// Forgets all but the first `len` octets and keeps the room; nothing if there are fewer.
    pub fn truncate(&mut self, len: usize) {
        if self.apart.is_empty() {
            return self.buf.truncate(len);
        }
        while self.len() > len {
            let own_after = self.apart.last().map_or(0, |last| last.at);
            let surplus = self.len().saturating_sub(len);
            let own = self.buf.len().saturating_sub(own_after);
            if own >= surplus {
                self.buf.truncate(self.buf.len().saturating_sub(surplus));
                return;
            }
            self.buf.truncate(own_after);
            let surplus = surplus.saturating_sub(own);
            let Some(mut last) = self.apart.pop() else {
                return;
            };
            self.apart_len = self.apart_len.saturating_sub(last.octets.len());
            if surplus < last.octets.len() {
                last.octets
                    .truncate(last.octets.len().saturating_sub(surplus));
                self.apart_len = self.apart_len.saturating_add(last.octets.len());
                self.apart.push(last);
            }
        }
    }

    /// Writes octets and their padding (RFC 4506 §3, §4.9).
    #[inline(always)]
    pub(crate) fn padded(&mut self, octets: &[u8]) {
        self.buf.extend_from_slice(octets);
        self.pad(octets.len());
    }

    /// Writes what fills `length` octets up to a multiple of 4.
    #[inline(always)]
    fn pad(&mut self, length: usize) {
        let padding = length.wrapping_neg() & 3;
        let end = self.buf.len().wrapping_add(padding);
        if self.buf.capacity().wrapping_sub(self.buf.len()) >= 4 {
            // One store of four zeros is cheaper than copying up to three.
            self.buf.extend_from_slice(&[0; 4]);
            self.buf.truncate(end);
        } else {
            self.pad_to(end);
        }
    }

    #[cold]
    #[inline(never)]
    fn pad_to(&mut self, end: usize) {
        self.buf.resize(end, 0);
    }

    /// Writes shared octets and their padding; the octets may be kept apart.
    #[inline]
    pub(crate) fn padded_shared(&mut self, octets: &Bytes) {
        if self.keep(octets) {
            self.pad(octets.len());
        } else {
            self.padded(octets);
        }
    }

    /// Keeps the octets apart, if they are many enough and this encoder does so.
    #[inline]
    fn keep(&mut self, octets: &Bytes) -> bool {
        let keep = self.keep_apart && octets.len() >= APART_MIN;
        if keep {
            self.apart.push(Apart {
                at: self.buf.len(),
                octets: octets.clone(),
            });
            self.apart_len = self.apart_len.saturating_add(octets.len());
        }
        keep
    }
}

/// RFC 4506 §3: an encoding is a multiple of four octets.
fn aligned(length: usize) -> Result<(), EncodeError> {
    if length.is_multiple_of(4) {
        Ok(())
    } else {
        Err(EncodeError::new(EncodeErrorKind::Unaligned { length }))
    }
}

/// How much was written, not what.
impl fmt::Debug for Encoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Encoder")
            .field("len", &self.len())
            .field("apart", &self.apart.len())
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// The sum of these lengths; saturates.
#[inline]
#[must_use]
pub const fn sum<const COUNT: usize>(parts: [usize; COUNT]) -> usize {
    let mut sum: usize = 0;
    let mut rest: &[usize] = &parts;
    while let [part, tail @ ..] = rest {
        sum = sum.saturating_add(*part);
        rest = tail;
    }
    sum
}

/// Encodes the value into one vector, allocated once.
///
/// # Errors
/// As [`Encode::encode`].
pub fn to_vec<T: Encode + ?Sized>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut encoder = Encoder::with_capacity(value.encoded_len());
    value.encode(&mut encoder)?;
    Ok(encoder.into_vec())
}

/// Encodes the value into one shared buffer, allocated once.
///
/// # Errors
/// As [`Encode::encode`].
pub fn to_bytes<T: Encode + ?Sized>(value: &T) -> Result<Bytes, EncodeError> {
    let mut encoder = Encoder::with_capacity(value.encoded_len());
    value.encode(&mut encoder)?;
    Ok(encoder.into_bytes())
}
