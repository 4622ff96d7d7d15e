//! Reading: the traits, and the decoder that knows its limits and where it is.

use crate::error::{DecodeError, DecodeErrorKind};
use crate::limits::{Limits, Mode};
use crate::run::Run;
use alloc::vec::Vec;
use bytes::Bytes;
use core::fmt;

/// A value that can be read from XDR.
///
/// Owned types implement it for every `'de`; borrowed ones hold slices of the input that lives for `'de`.
pub trait Decode<'de>: Sized {
    /// The fewest octets any value of the type takes: bounds the memory reserved for a vector of them.
    const MIN_LEN: usize;

    /// Reads a value.
    ///
    /// # Errors
    /// The input is not an encoding of the type, or a [limit](Limits) was met.
    fn decode(d: &mut Decoder<'de>) -> Result<Self, DecodeError>;

    /// Reads `count` values, which the caller has charged to the decoder's memory.
    ///
    /// # Errors
    /// As [`decode`](Decode::decode).
    #[doc(hidden)]
    #[inline]
    fn decode_all(count: usize, d: &mut Decoder<'de>) -> Result<Vec<Self>, DecodeError> {
        let mut items = Vec::with_capacity(count.min(d.remaining() / Self::MIN_LEN.max(1)));
        for index in 0..count {
            items.push(Self::decode(d).map_err(|error| error.index(index))?);
        }
        Ok(items)
    }

    /// Reads an array without a count.
    ///
    /// # Errors
    /// As [`decode`](Decode::decode).
    #[doc(hidden)]
    #[inline]
    fn decode_array<const COUNT: usize>(
        d: &mut Decoder<'de>,
    ) -> Result<[Self; COUNT], DecodeError> {
        let offset = d.offset();
        let items = Self::decode_all(COUNT, d)?;
        <[Self; COUNT]>::try_from(items).map_err(|items| {
            let kind = DecodeErrorKind::Truncated {
                needed: COUNT,
                remaining: items.len(),
            };
            DecodeError::new(kind, offset) // only if `decode_all` was overridden and breaks its word
        })
    }
}

/// A value that does not borrow from what it was read from.
pub trait DecodeOwned: for<'de> Decode<'de> {}

impl<T: for<'de> Decode<'de>> DecodeOwned for T {}

/// Reads values from octets, within [`Limits`], and knows where it is.
///
/// ```
/// # fn main() -> Result<(), fairway_xdr::DecodeError> {
/// let mut decoder = fairway_xdr::Decoder::new(&[0, 0, 0, 7, 0, 0, 0, 3, b'a', b'b', b'c', 0]);
/// assert_eq!(decoder.u32()?, 7);
/// assert_eq!(decoder.string(255)?, "abc");
/// decoder.finish()?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Decoder<'de> {
    /// What has not been read.
    rest: &'de [u8],
    /// Length of the whole input: `offset` is this less what is left.
    total: usize,
    /// The input, if opaque data may be slices of it.
    shared: Option<&'de Bytes>,
    /// Octets of memory left.
    memory: usize,
    max_len: u32,
    /// Levels left.
    depth: u16,
    max_depth: u16,
    mode: Mode,
}

impl<'de> Decoder<'de> {
    /// A decoder of these octets, which copies what owned values hold.
    #[inline]
    #[must_use]
    pub const fn new(input: &'de [u8]) -> Self {
        let Limits {
            max_depth,
            memory,
            max_len,
        } = Limits::DEFAULT;
        Self {
            rest: input,
            total: input.len(),
            shared: None,
            memory,
            max_len,
            depth: max_depth,
            max_depth,
            mode: Mode::Strict,
        }
    }

    /// A decoder of these octets, of which opaque data of [`SHARE_MIN`](crate::SHARE_MIN) octets and more are slices.
    /// Less is copied, so that a small field does not keep a whole record in memory.
    #[inline]
    #[must_use]
    pub fn shared(input: &'de Bytes) -> Self {
        Self {
            shared: Some(input),
            ..Self::new(input)
        }
    }

    /// The same with these limits. Call it before reading.
    #[inline]
    #[must_use]
    pub const fn with_limits(mut self, limits: Limits) -> Self {
        let Limits {
            max_depth,
            memory,
            max_len,
        } = limits;
        self.memory = memory;
        self.max_len = max_len;
        self.depth = max_depth;
        self.max_depth = max_depth;
        self
    }

    /// The same in this mode.
    #[inline]
    #[must_use]
    pub const fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// The mode.
    #[inline]
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Octets read.
    #[inline]
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.total.saturating_sub(self.rest.len())
    }

    /// Octets left to read.
    #[inline]
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Reads a run of `N` octets of fixed-size items behind one bounds check. `N` is a multiple of 4.
    ///
    /// # Errors
    /// Truncated input.
    #[inline(always)]
    pub fn run<const N: usize>(&mut self) -> Result<Run<'de, N>, DecodeError> {
        const { assert!(N.is_multiple_of(4), "a run is a multiple of 4 octets") };
        let start = self.offset();
        Ok(Run::new(self.chunk()?, start, self.mode))
    }

    /// Reads so many octets as they stand.
    #[inline(always)]
    pub(crate) fn chunk<const N: usize>(&mut self) -> Result<&'de [u8; N], DecodeError> {
        match self.rest.split_first_chunk() {
            Some((chunk, rest)) => {
                self.rest = rest;
                Ok(chunk)
            }
            None => Err(self.truncated(N)),
        }
    }

    /// Reads so many octets as they stand.
    #[inline(always)]
    pub(crate) fn take(&mut self, octets: usize) -> Result<&'de [u8], DecodeError> {
        match self.rest.split_at_checked(octets) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.truncated(octets)),
        }
    }

    /// Runs `f` one level deeper; generated code does so for types that can hold themselves.
    ///
    /// # Errors
    /// Deeper than [`Limits::max_depth`], or what `f` returns.
    #[inline]
    pub fn nested<R>(
        &mut self,
        f: impl FnOnce(&mut Self) -> Result<R, DecodeError>,
    ) -> Result<R, DecodeError> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(self.error(DecodeErrorKind::Depth {
                max: self.max_depth,
            }));
        };
        self.depth = depth;
        let result = f(self);
        self.depth = depth.saturating_add(1);
        result
    }

    /// Takes so many octets from the memory budget, before they are allocated.
    ///
    /// # Errors
    /// [`Limits::memory`] is used up.
    #[inline(always)]
    pub fn charge(&mut self, octets: usize) -> Result<(), DecodeError> {
        match self.memory.checked_sub(octets) {
            Some(left) => {
                self.memory = left;
                Ok(())
            }
            None => Err(self.out_of_memory(octets)),
        }
    }

    /// Charges so many elements of a vector of `T`; one of no size counts as an octet.
    #[inline(always)]
    pub(crate) fn charge_items<T>(&mut self, count: usize) -> Result<(), DecodeError> {
        self.charge(count.saturating_mul(size_of::<T>().max(1)))
    }

    #[inline(always)]
    pub(crate) fn max_len(&self) -> u32 {
        self.max_len
    }

    /// Input that is shared, from `offset` on; the octets are some of it.
    #[inline]
    pub(crate) fn slice_of_shared(&self, octets: &'de [u8]) -> Option<Bytes> {
        // `slice_ref` refuses octets from elsewhere; all we hand out are of the input.
        self.shared.map(|input| input.slice_ref(octets))
    }

    /// Reads all octets that are left.
    #[inline]
    pub fn rest(&mut self) -> &'de [u8] {
        core::mem::take(&mut self.rest)
    }

    /// Reads all octets that are left, as a slice of shared input, else a copy.
    #[must_use]
    pub fn rest_shared(&mut self) -> Bytes {
        let rest = self.rest();
        self.slice_of_shared(rest)
            .unwrap_or_else(|| Bytes::copy_from_slice(rest))
    }

    /// Ends the reading.
    ///
    /// # Errors
    /// In strict mode, octets that are left.
    #[inline]
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() || self.mode == Mode::Lax {
            return Ok(());
        }
        Err(self.error(DecodeErrorKind::Trailing {
            octets: self.rest.len(),
        }))
    }

    /// The error of this kind at the next octet; for hand-written decoders.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn error(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.offset())
    }

    /// The error of this kind at the number just read.
    #[cold]
    #[inline(never)]
    pub(crate) fn error_behind(&self, kind: DecodeErrorKind) -> DecodeError {
        DecodeError::new(kind, self.offset().saturating_sub(4))
    }

    /// The error of a discriminant, just read, that has no arm; for generated code.
    #[cold]
    #[inline(never)]
    #[must_use]
    pub fn union_arm_error(&self, tag: i64) -> DecodeError {
        self.error_behind(DecodeErrorKind::Arm(tag))
    }

    #[cold]
    #[inline(never)]
    fn truncated(&self, needed: usize) -> DecodeError {
        self.error(DecodeErrorKind::Truncated {
            needed,
            remaining: self.rest.len(),
        })
    }

    #[cold]
    #[inline(never)]
    fn out_of_memory(&self, needed: usize) -> DecodeError {
        self.error(DecodeErrorKind::Memory {
            needed,
            left: self.memory,
        })
    }
}

/// Where it is, not what it reads.
impl fmt::Debug for Decoder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("offset", &self.offset())
            .field("remaining", &self.remaining())
            .field("mode", &self.mode)
            .finish_non_exhaustive()
    }
}

/// Decodes a value that takes up all of the octets.
///
/// # Errors
/// As [`Decode::decode`], or octets follow.
pub fn from_slice<T: DecodeOwned>(input: &[u8]) -> Result<T, DecodeError> {
    complete(Decoder::new(input))
}

/// Decodes a value that takes up all of the octets; large opaque data are slices of them.
///
/// # Errors
/// As [`Decode::decode`], or octets follow.
pub fn from_bytes<T: DecodeOwned>(input: &Bytes) -> Result<T, DecodeError> {
    complete(Decoder::shared(input))
}

/// Decodes a value that takes up all of the octets of the chunks, which are joined first if they are several.
///
/// # Errors
/// As [`Decode::decode`], or octets follow.
pub fn from_chunks<T: DecodeOwned>(chunks: &[Bytes]) -> Result<T, DecodeError> {
    match chunks {
        [chunk] => from_bytes(chunk),
        _ => from_bytes(&chunks.concat().into()),
    }
}

fn complete<'de, T: Decode<'de>>(mut decoder: Decoder<'de>) -> Result<T, DecodeError> {
    let value = T::decode(&mut decoder)?;
    decoder.finish()?;
    Ok(value)
}
