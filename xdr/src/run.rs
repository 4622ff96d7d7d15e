//! Runs: consecutive items of fixed size, behind one bounds check.
//!
//! Where an item lies within its run is a constant, checked by the compiler.

use crate::error::{DecodeError, DecodeErrorKind};
use crate::limits::Mode;
use crate::scalar::{Scalar, XdrEnum};

/// `N` octets that are there: a run of fixed-size items to read.
///
/// ```
/// # fn main() -> Result<(), fairway_xdr::DecodeError> {
/// let mut decoder = fairway_xdr::Decoder::new(&[0, 0, 0, 7, 0, 0, 0, 1]);
/// let run = decoder.run::<8>()?;
/// assert_eq!((run.u32::<0>(), run.bool::<4>()?), (7, true));
/// # Ok(()) }
/// ```
///
/// Reading past the end is a compile-time error:
///
/// ```compile_fail
/// let run = fairway_xdr::Decoder::new(&[0; 8]).run::<8>().unwrap();
/// run.u32::<8>();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Run<'de, const N: usize> {
    octets: &'de [u8; N],
    pub(crate) start: usize,
    pub(crate) mode: Mode,
}

impl<'de, const N: usize> Run<'de, N> {
    #[inline(always)]
    pub(crate) fn new(octets: &'de [u8; N], start: usize, mode: Mode) -> Self {
        Self {
            octets,
            start,
            mode,
        }
    }

    #[inline(always)]
    fn at<const AT: usize, const LEN: usize>(&self) -> &'de [u8; LEN] {
        const { inside(AT, LEN, N) };
        match self.octets.get(AT..).and_then(|tail| tail.first_chunk()) {
            Some(octets) => octets,
            None => &[0; LEN], // not reached, by the assertion
        }
    }

    /// The run of `LEN` octets within this one at octet `AT`: a struct of fixed size.
    #[inline(always)]
    #[must_use]
    pub fn part<const AT: usize, const LEN: usize>(&self) -> Run<'de, LEN> {
        Run {
            octets: self.at::<AT, LEN>(),
            start: self.start.saturating_add(AT),
            mode: self.mode,
        }
    }

    /// The int at octet `AT` of the run.
    #[inline(always)]
    #[must_use]
    pub fn i32<const AT: usize>(&self) -> i32 {
        i32::from_be_bytes(*self.at::<AT, 4>())
    }

    /// The unsigned int at octet `AT` of the run.
    #[inline(always)]
    #[must_use]
    pub fn u32<const AT: usize>(&self) -> u32 {
        u32::from_be_bytes(*self.at::<AT, 4>())
    }

    /// The hyper at octet `AT` of the run.
    #[inline(always)]
    #[must_use]
    pub fn i64<const AT: usize>(&self) -> i64 {
        i64::from_be_bytes(*self.at::<AT, 8>())
    }

    /// The unsigned hyper at octet `AT` of the run.
    #[inline(always)]
    #[must_use]
    pub fn u64<const AT: usize>(&self) -> u64 {
        u64::from_be_bytes(*self.at::<AT, 8>())
    }

    /// The float at octet `AT` of the run.
    #[inline(always)]
    #[must_use]
    pub fn f32<const AT: usize>(&self) -> f32 {
        f32::from_be_bytes(*self.at::<AT, 4>())
    }

    /// The double at octet `AT` of the run.
    #[inline(always)]
    #[must_use]
    pub fn f64<const AT: usize>(&self) -> f64 {
        f64::from_be_bytes(*self.at::<AT, 8>())
    }

    /// The quadruple at octet `AT` of the run.
    #[inline(always)]
    #[must_use]
    pub fn quad<const AT: usize>(&self) -> crate::Quad {
        crate::Quad(*self.at::<AT, 16>())
    }

    /// The bool at octet `AT` of the run.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Bool`] for a number other than 0 and 1, in strict mode.
    #[inline(always)]
    pub fn bool<const AT: usize>(&self) -> Result<bool, DecodeError> {
        match self.u32::<AT>() {
            0 => Ok(false),
            1 => Ok(true),
            other => odd_bool(other, self.mode, self.start.saturating_add(AT)),
        }
    }

    /// The enum at octet `AT` of the run.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Enum`] for a number without a name, in strict mode.
    #[inline(always)]
    pub fn enumeration<const AT: usize, E: XdrEnum>(&self) -> Result<E, DecodeError> {
        let number = self.i32::<AT>();
        match E::from_i32(number) {
            Some(value) => Ok(value),
            None => odd_enum(number, self.mode, self.start.saturating_add(AT)),
        }
    }

    /// The fixed-length opaque of `LEN` octets, a multiple of 4, at octet `AT` of the run.
    #[inline(always)]
    #[must_use]
    pub fn octets<const AT: usize, const LEN: usize>(&self) -> [u8; LEN] {
        const { assert!(LEN.is_multiple_of(4), "use padded_octets") };
        *self.at::<AT, LEN>()
    }

    /// The fixed-length opaque of `LEN` octets, any number, and its padding at octet `AT` of the run.
    ///
    /// # Errors
    /// [`DecodeErrorKind::Padding`] if octets that fill up to a multiple of 4 are not zero, in strict mode.
    #[inline(always)]
    pub fn padded_octets<const AT: usize, const LEN: usize>(
        &self,
    ) -> Result<[u8; LEN], DecodeError> {
        const { inside(AT, LEN.next_multiple_of(4), N) };
        let padding = self
            .octets
            .get(AT + LEN..AT + LEN.next_multiple_of(4))
            .unwrap_or_default();
        if self.mode == Mode::Strict && padding.iter().any(|&octet| octet != 0) {
            return Err(DecodeError::new(
                DecodeErrorKind::Padding,
                self.start.saturating_add(AT),
            ));
        }
        Ok(*self.at::<AT, LEN>())
    }

    /// The fixed-length array of `COUNT` scalars at octet `AT` of the run.
    #[inline(always)]
    #[must_use]
    pub fn scalars<const AT: usize, T: Scalar, const COUNT: usize>(&self) -> [T; COUNT] {
        const { inside(AT, COUNT * T::LEN, N) };
        let octets = self.octets.get(AT..AT + COUNT * T::LEN).unwrap_or_default();
        T::array_from_wire(octets)
    }
}

/// Stops the compiler unless `len` octets at `at` lie in a run of `run` octets.
const fn inside(at: usize, len: usize, run: usize) {
    assert!(at.is_multiple_of(4), "items begin at multiples of 4");
    assert!(at + len <= run, "the item lies outside its run");
}

/// A bool other than 0 and 1: true if lax.
#[cold]
#[inline(never)]
pub(crate) fn odd_bool(number: u32, mode: Mode, offset: usize) -> Result<bool, DecodeError> {
    match mode {
        Mode::Strict => Err(DecodeError::new(DecodeErrorKind::Bool(number), offset)), // RFC 4506 §4.4
        Mode::Lax => Ok(true),
    }
}

/// A number without a name: kept if lax.
#[cold]
#[inline(never)]
pub(crate) fn odd_enum<E: XdrEnum>(
    value: i32,
    mode: Mode,
    offset: usize,
) -> Result<E, DecodeError> {
    match mode {
        // RFC 4506 §4.3: it is an error to encode as an enum any integer other than those with names.
        Mode::Strict => Err(DecodeError::new(
            DecodeErrorKind::Enum {
                name: E::NAME,
                value,
            },
            offset,
        )),
        Mode::Lax => Ok(E::from_i32_lax(value)),
    }
}

/// `N` octets to fill: a run of fixed-size items to write. See [`Encoder::put_run`](crate::Encoder::put_run).
///
/// Items never set are zero.
#[derive(Clone, Copy, Debug)]
pub struct RunMut<const N: usize>([u8; N]);

impl<const N: usize> Default for RunMut<N> {
    #[inline(always)]
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> RunMut<N> {
    /// A run of zeros. `N` is a multiple of 4.
    #[inline(always)]
    #[must_use]
    pub fn new() -> Self {
        const { assert!(N.is_multiple_of(4), "a run is a multiple of 4 octets") };
        Self([0; N])
    }

    /// The octets.
    #[inline(always)]
    #[must_use]
    pub fn into_octets(self) -> [u8; N] {
        self.0
    }

    #[inline(always)]
    fn set<const AT: usize, const LEN: usize>(&mut self, octets: &[u8; LEN]) {
        const { inside(AT, LEN, N) };
        if let Some(place) = self.0.get_mut(AT..).and_then(|tail| tail.first_chunk_mut()) {
            *place = *octets;
        }
    }

    /// Sets the run of `LEN` octets at octet `AT`: a struct of fixed size.
    #[inline(always)]
    pub fn part<const AT: usize, const LEN: usize>(&mut self, part: RunMut<LEN>) {
        self.set::<AT, LEN>(&part.0);
    }

    /// Sets the int at octet `AT`.
    #[inline(always)]
    pub fn i32<const AT: usize>(&mut self, value: i32) {
        self.set::<AT, 4>(&value.to_be_bytes());
    }

    /// Sets the unsigned int at octet `AT`.
    #[inline(always)]
    pub fn u32<const AT: usize>(&mut self, value: u32) {
        self.set::<AT, 4>(&value.to_be_bytes());
    }

    /// Sets the hyper at octet `AT`.
    #[inline(always)]
    pub fn i64<const AT: usize>(&mut self, value: i64) {
        self.set::<AT, 8>(&value.to_be_bytes());
    }

    /// Sets the unsigned hyper at octet `AT`.
    #[inline(always)]
    pub fn u64<const AT: usize>(&mut self, value: u64) {
        self.set::<AT, 8>(&value.to_be_bytes());
    }

    /// Sets the float at octet `AT`.
    #[inline(always)]
    pub fn f32<const AT: usize>(&mut self, value: f32) {
        self.set::<AT, 4>(&value.to_be_bytes());
    }

    /// Sets the double at octet `AT`.
    #[inline(always)]
    pub fn f64<const AT: usize>(&mut self, value: f64) {
        self.set::<AT, 8>(&value.to_be_bytes());
    }

    /// Sets the quadruple at octet `AT`.
    #[inline(always)]
    pub fn quad<const AT: usize>(&mut self, value: crate::Quad) {
        self.set::<AT, 16>(&value.0);
    }

    /// Sets the bool at octet `AT`.
    #[inline(always)]
    pub fn bool<const AT: usize>(&mut self, value: bool) {
        self.u32::<AT>(u32::from(value));
    }

    /// Sets the enum at octet `AT`.
    #[inline(always)]
    pub fn enumeration<const AT: usize, E: XdrEnum>(&mut self, value: E) {
        self.i32::<AT>(value.to_i32());
    }

    /// Sets the fixed-length opaque at octet `AT`; any length, the padding stays zero.
    #[inline(always)]
    pub fn octets<const AT: usize, const LEN: usize>(&mut self, octets: &[u8; LEN]) {
        const { inside(AT, LEN.next_multiple_of(4), N) };
        self.set::<AT, LEN>(octets);
    }

    /// Sets the fixed-length array of scalars at octet `AT`.
    #[inline(always)]
    pub fn scalars<const AT: usize, T: Scalar, const COUNT: usize>(&mut self, values: &[T; COUNT]) {
        const { inside(AT, COUNT * T::LEN, N) };
        let places = self.0.get_mut(AT..).unwrap_or_default();
        for (place, value) in places.chunks_exact_mut(T::LEN).zip(values) {
            value.write_wire(place);
        }
    }
}
