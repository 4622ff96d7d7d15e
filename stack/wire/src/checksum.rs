//! The Internet checksum (RFC 1071), its incremental update (RFC 1624) and the pseudo-header (RFC 9293 §3.1, RFC 768).
//!
//! A sum is taken over 16-bit words in the memory order of the machine, since RFC 1071 §2(B) shows that the order
//! does not matter until the end. Four octets at a time go into a 64-bit accumulator, which the compiler turns into
//! vector code.

use core::net::Ipv4Addr;
use core::ops::{Add, AddAssign};

use crate::Protocol;

/// The one's complement sum of a run of octets, not yet inverted.
///
/// Sums of consecutive pieces are joined with `+` (or [`Sum::combine`]); a piece of odd length shifts what follows
/// it by one octet, which the sum remembers.
///
/// ```
/// use fairway_wire::checksum::sum;
///
/// // RFC 1071 §3: the example of the text.
/// let octets = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];
/// assert_eq!(sum(&octets).finish(), !0xddf2);
/// let (head, tail) = octets.split_at(3);
/// assert_eq!((sum(head) + sum(tail)).finish(), !0xddf2);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Sum {
    /// In the machine's memory order, carries folded in.
    words: u16,
    /// Whether the octets summed so far are odd in number.
    odd: bool,
}

/// The sum of `octets`; a last single octet counts as the high half of a word (RFC 1071 §1).
#[inline]
#[must_use]
pub fn sum(octets: &[u8]) -> Sum {
    let (words, rest) = octets.as_chunks::<4>();
    let mut total = 0_u64;
    for word in words {
        total += u64::from(u32::from_ne_bytes(*word));
    }
    let last = match *rest {
        [] => [0; 4],
        [a] => [a, 0, 0, 0],
        [a, b] => [a, b, 0, 0],
        [a, b, c, ..] => [a, b, c, 0],
    };
    total += u64::from(u32::from_ne_bytes(last));
    Sum {
        words: fold(total),
        odd: !octets.len().is_multiple_of(2),
    }
}

/// The sum of the pseudo-header in front of TCP and UDP: `len` is the number of octets of transport header and data.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                         Source address                        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                      Destination address                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      zero     |    Protocol   |             Length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// The field has 16 bits; of a greater `len` all bits are summed, which gives a sum that no receiver accepts.
#[inline]
#[must_use]
pub fn pseudo_header(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    protocol: Protocol,
    len: usize,
) -> Sum {
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    let total = u64::from(u32::from_ne_bytes(source.octets()))
        + u64::from(u32::from_ne_bytes(destination.octets()))
        + u64::from(u32::from(protocol.0).to_be())
        + u64::from(len.to_be());
    Sum {
        words: fold(total),
        odd: false,
    }
}

/// A checksum field brought up to date when one 16-bit word under it changes.
///
/// All three are fields as they read in the packet. RFC 1624 §3, equation 3: `HC' = ~(~HC + ~m + m')`, which is right
/// at the corners where the older equation of RFC 1141 is not.
#[inline]
#[must_use]
pub const fn update(old: u16, from: u16, to: u16) -> u16 {
    !end_around(end_around(!old, !from), to)
}

/// As [`update`], for an aligned 32-bit word such as an address or a sequence number.
#[inline]
#[must_use]
pub const fn update_u32(old: u16, from: u32, to: u32) -> u16 {
    let [a, b, c, d] = from.to_be_bytes();
    let [e, f, g, h] = to.to_be_bytes();
    let half = update(old, u16::from_be_bytes([a, b]), u16::from_be_bytes([e, f]));
    update(half, u16::from_be_bytes([c, d]), u16::from_be_bytes([g, h]))
}

impl Sum {
    /// The sum of nothing.
    pub const ZERO: Self = Self {
        words: 0,
        odd: false,
    };

    /// The sum of the octets of `self` followed by those of `next`.
    #[inline]
    #[must_use]
    pub const fn combine(self, next: Self) -> Self {
        // RFC 1071 §2(B): octets moved by one position contribute the same sum with its halves exchanged.
        let words = if self.odd {
            next.words.swap_bytes()
        } else {
            next.words
        };
        Self {
            words: end_around(self.words, words),
            odd: self.odd != next.odd,
        }
    }

    /// The checksum field: the complement of the sum, as the number that is sent high octet first.
    #[inline]
    #[must_use]
    pub const fn finish(self) -> u16 {
        !u16::from_be(self.words)
    }

    /// Whether a sum taken over data *and* its checksum field is the one of an undamaged packet (all ones).
    #[inline]
    #[must_use]
    pub const fn is_valid(self) -> bool {
        self.words == u16::MAX
    }
}

/// As [`Sum::combine`].
impl Add for Sum {
    type Output = Self;

    #[inline]
    fn add(self, next: Self) -> Self {
        self.combine(next)
    }
}

/// The sum of what `self` covers followed by `octets`.
impl Add<&[u8]> for Sum {
    type Output = Self;

    #[inline]
    fn add(self, octets: &[u8]) -> Self {
        self.combine(sum(octets))
    }
}

impl AddAssign for Sum {
    #[inline]
    fn add_assign(&mut self, next: Self) {
        *self = self.combine(next);
    }
}

impl AddAssign<&[u8]> for Sum {
    #[inline]
    fn add_assign(&mut self, octets: &[u8]) {
        *self = self.combine(sum(octets));
    }
}

/// One's complement addition: a carry out of the top comes back in at the bottom.
#[inline]
const fn end_around(a: u16, b: u16) -> u16 {
    match a.overflowing_add(b) {
        // The sum with a carry is at most 0xfffe.
        (sum, true) => sum + 1,
        (sum, false) => sum,
    }
}

/// Folds an accumulator to 16 bits; zero only if nothing but zeros was added.
#[inline]
const fn fold(total: u64) -> u16 {
    let total = (total & 0xffff_ffff) + (total >> 32); // below 2^33
    let total = (total & 0xffff) + (total >> 16); // below 2^18
    let total = (total & 0xffff) + (total >> 16); // at most 0x10002
    let total = (total & 0xffff) + (total >> 16); // at most 0xffff
    let [.., high, low] = total.to_be_bytes();
    u16::from_be_bytes([high, low])
}
