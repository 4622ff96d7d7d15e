//! Sequence numbers: RFC 9293 §3.4.

use core::fmt;
use core::ops::{Add, AddAssign, Sub, SubAssign};

/// A sequence number: a point on a circle of 2^32.
///
/// There is no order on a circle, so this type has no `<`; [`lt`](Self::lt) and its like compare two points that are
/// less than half the circle apart, which all numbers of one window are.
///
/// ```
/// use fairway_wire::SeqNumber;
///
/// let before = SeqNumber(u32::MAX);
/// let after = before + 2_u32;
/// assert_eq!(after, SeqNumber(1));
/// assert!(before.lt(after));
/// assert_eq!(after - before, 2);
/// assert_eq!(before - after, -2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct SeqNumber(pub u32);

impl SeqNumber {
    /// Whether `self` comes before `other`.
    #[inline]
    #[must_use]
    pub const fn lt(self, other: Self) -> bool {
        self.distance(other) < 0
    }

    /// Whether `self` comes before `other` or is it.
    #[inline]
    #[must_use]
    pub const fn le(self, other: Self) -> bool {
        self.distance(other) <= 0
    }

    /// Whether `self` comes after `other`.
    #[inline]
    #[must_use]
    pub const fn gt(self, other: Self) -> bool {
        self.distance(other) > 0
    }

    /// Whether `self` comes after `other` or is it.
    #[inline]
    #[must_use]
    pub const fn ge(self, other: Self) -> bool {
        self.distance(other) >= 0
    }

    /// The later of two.
    #[inline]
    #[must_use]
    pub const fn max(self, other: Self) -> Self {
        if self.ge(other) { self } else { other }
    }

    /// The earlier of two.
    #[inline]
    #[must_use]
    pub const fn min(self, other: Self) -> Self {
        if self.le(other) { self } else { other }
    }

    /// Whether `self` is one of the `len` numbers from `start` on: `start =< self < start + len`.
    #[inline]
    #[must_use]
    pub const fn is_within(self, start: Self, len: u32) -> bool {
        self.0.wrapping_sub(start.0) < len
    }

    /// How far `self` lies after `other`; negative if before.
    #[inline]
    const fn distance(self, other: Self) -> i32 {
        self.0.wrapping_sub(other.0).cast_signed()
    }
}

impl Add<u32> for SeqNumber {
    type Output = Self;

    #[inline]
    fn add(self, len: u32) -> Self {
        Self(self.0.wrapping_add(len))
    }
}

impl Add<usize> for SeqNumber {
    type Output = Self;

    #[inline]
    fn add(self, len: usize) -> Self {
        self + round_the_circle(len)
    }
}

/// The inverse of the difference of two: `b + (a - b) == a`.
impl Add<i32> for SeqNumber {
    type Output = Self;

    #[inline]
    fn add(self, distance: i32) -> Self {
        Self(self.0.wrapping_add_signed(distance))
    }
}

impl Sub<u32> for SeqNumber {
    type Output = Self;

    #[inline]
    fn sub(self, len: u32) -> Self {
        Self(self.0.wrapping_sub(len))
    }
}

impl Sub<usize> for SeqNumber {
    type Output = Self;

    #[inline]
    fn sub(self, len: usize) -> Self {
        self - round_the_circle(len)
    }
}

/// How far `self` lies after `other`; negative if it lies before. Of two opposite points each lies before the other.
impl Sub for SeqNumber {
    type Output = i32;

    #[inline]
    fn sub(self, other: Self) -> i32 {
        self.distance(other)
    }
}

impl AddAssign<u32> for SeqNumber {
    #[inline]
    fn add_assign(&mut self, len: u32) {
        *self = *self + len;
    }
}

impl AddAssign<usize> for SeqNumber {
    #[inline]
    fn add_assign(&mut self, len: usize) {
        *self = *self + len;
    }
}

impl SubAssign<u32> for SeqNumber {
    #[inline]
    fn sub_assign(&mut self, len: u32) {
        *self = *self - len;
    }
}

impl SubAssign<usize> for SeqNumber {
    #[inline]
    fn sub_assign(&mut self, len: usize) {
        *self = *self - len;
    }
}

/// A step of any length, modulo 2^32.
#[inline]
#[expect(
    clippy::cast_possible_truncation,
    reason = "RFC 9293 §3.4: arithmetic is modulo 2^32"
)]
const fn round_the_circle(len: usize) -> u32 {
    len as u32
}

impl fmt::Display for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SeqNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::SeqNumber;

    const LAST: SeqNumber = SeqNumber(u32::MAX);
    const FIRST: SeqNumber = SeqNumber(0);

    #[test]
    fn order_goes_on_past_the_wrap() {
        // RFC 9293 §3.4: unsigned arithmetic modulo 2^32.
        assert!(LAST.lt(FIRST) && LAST.le(FIRST) && FIRST.gt(LAST) && FIRST.ge(LAST));
        assert!(!FIRST.lt(LAST) && !FIRST.lt(FIRST) && FIRST.le(FIRST) && FIRST.ge(FIRST));
        assert_eq!((LAST.max(FIRST), LAST.min(FIRST)), (FIRST, LAST));
    }

    #[test]
    fn steps_wrap_in_both_directions() {
        assert_eq!(LAST + 1_u32, FIRST);
        assert_eq!(LAST + 2_usize, SeqNumber(1));
        assert_eq!(FIRST - 1_u32, LAST);
        assert_eq!(FIRST - 2_usize, SeqNumber(u32::MAX - 1));
        let mut number = LAST;
        number += 3_u32;
        number -= 1_usize;
        assert_eq!(number, SeqNumber(1));
    }

    #[test]
    fn distances_are_signed_and_add_up() {
        assert_eq!((FIRST - LAST, LAST - FIRST), (1, -1));
        for (a, b) in [(5, 7), (7, 5), (u32::MAX, 3), (0, 0x7fff_ffff)] {
            let (a, b) = (SeqNumber(a), SeqNumber(b));
            assert_eq!(b + (a - b), a);
        }
    }

    #[test]
    fn a_window_holds_its_first_number_and_not_the_one_behind_its_last() {
        assert!(LAST.is_within(LAST, 2) && FIRST.is_within(LAST, 2));
        assert!(!SeqNumber(1).is_within(LAST, 2) && !FIRST.is_within(FIRST, 0));
    }
}
