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
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum {
    /// Of 32-bit words in the machine's memory order; below 2^33. The carries of 16-bit words are folded in last.
    total: u64,
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
        total: halve(total),
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
        total: halve(total),
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
        total: 0,
        odd: false,
    };

    /// The sum of the octets of `self` followed by those of `next`.
    #[inline]
    #[must_use]
    pub const fn combine(self, next: Self) -> Self {
        // RFC 1071 §2(B): octets moved by one position contribute the same sum with its halves exchanged.
        let next_total = if self.odd {
            swapped(fold(next.total))
        } else {
            next.total
        };
        Self {
            total: halve(self.total + next_total),
            odd: self.odd != next.odd,
        }
    }

    /// The checksum field: the complement of the sum, as the number that is sent high octet first.
    #[inline]
    #[must_use]
    pub const fn finish(self) -> u16 {
        !u16::from_be(fold(self.total))
    }

    /// Whether a sum taken over data *and* its checksum field is the one of an undamaged packet (all ones).
    #[inline]
    #[must_use]
    pub const fn is_valid(self) -> bool {
        fold(self.total) == u16::MAX
    }
}

/// As [`Sum::combine`].
/// Equal sums are those of the same 16 bits, however they were carried.
impl PartialEq for Sum {
    fn eq(&self, other: &Self) -> bool {
        fold(self.total) == fold(other.total) && self.odd == other.odd
    }
}

impl Eq for Sum {}

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

/// The end-around sum of the halves of `total`: below 2^33.
#[inline]
const fn halve(total: u64) -> u64 {
    (total & 0xffff_ffff) + (total >> 32)
}

/// Folds an accumulator to 16 bits; zero only if nothing but zeros was added.
#[inline]
const fn fold(total: u64) -> u16 {
    let total = halve(total);
    let total = (total & 0xffff) + (total >> 16); // below 2^18
    let total = (total & 0xffff) + (total >> 16); // at most 0x10002
    let total = (total & 0xffff) + (total >> 16); // at most 0xffff
    let [.., high, low] = total.to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// A sum with its octets exchanged.
#[inline]
const fn swapped(sum: u16) -> u64 {
    let [high, low] = sum.swap_bytes().to_be_bytes();
    u64::from_be_bytes([0, 0, 0, 0, 0, 0, high, low])
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;

    use super::{Sum, pseudo_header, sum, update, update_u32};
    use crate::Protocol;

    /// RFC 1071 §3.
    const EXAMPLE: [u8; 8] = [0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7];

    /// The definition of RFC 1071 §1, word by word.
    fn defined(octets: &[u8]) -> u16 {
        let mut total = 0_u32;
        for pair in octets.chunks(2) {
            let low = pair.get(1).copied().unwrap_or(0);
            total += u32::from(u16::from_be_bytes([pair[0], low]));
            total = (total & 0xffff) + (total >> 16);
        }
        !u16::try_from(total).unwrap()
    }

    #[test]
    fn rfc_1071_example() {
        // RFC 1071 §3: 0001 + f203 + f4f5 + f6f7 gives ddf2.
        assert_eq!(sum(&EXAMPLE).finish(), !0xddf2);
    }

    #[test]
    fn every_short_length_is_summed_as_defined() {
        let octets: [u8; 70] = core::array::from_fn(|at| u8::try_from(at * 37 % 256).unwrap());
        for len in 0..octets.len() {
            assert_eq!(
                sum(&octets[..len]).finish(),
                defined(&octets[..len]),
                "{len}"
            );
        }
    }

    #[test]
    fn carries_of_a_long_run_of_ones_are_not_lost() {
        let octets = [0xff; 65_535];
        assert_eq!(sum(&octets).finish(), defined(&octets));
    }

    #[test]
    fn pieces_join_at_every_place() {
        // RFC 1071 §2(A), (B): sums are associative, and a piece at an odd place counts with its octets exchanged.
        for first in 0..=EXAMPLE.len() {
            for second in first..=EXAMPLE.len() {
                let mut joined = Sum::ZERO;
                joined += &EXAMPLE[..first];
                joined += sum(&EXAMPLE[first..second]);
                let joined = joined + &EXAMPLE[second..];
                assert_eq!(joined, sum(&EXAMPLE), "{first} {second}");
            }
        }
    }

    #[test]
    fn a_packet_with_its_checksum_is_valid_and_damage_shows() {
        let mut octets = [
            0x45, 0, 0, 20, 0, 1, 0, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2,
        ];
        let [high, low] = sum(&octets).finish().to_be_bytes();
        (octets[10], octets[11]) = (high, low);
        assert!(sum(&octets).is_valid());
        octets[8] -= 1;
        assert!(!sum(&octets).is_valid());
    }

    #[test]
    fn nothing_but_zeros_is_not_valid() {
        // A field of zero is the complement of all ones only; zeros add up to zero.
        assert!(!sum(&[0; 20]).is_valid());
        assert_eq!(sum(&[0; 20]).finish(), 0xffff);
    }

    #[test]
    fn pseudo_header_is_the_sum_of_its_twelve_octets() {
        let octets = [192, 0, 2, 1, 198, 51, 100, 2, 0, 17, 0x12, 0x34];
        let (source, destination) = (Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 2));
        assert_eq!(
            pseudo_header(source, destination, Protocol::UDP, 0x1234),
            sum(&octets)
        );
    }

    #[test]
    fn update_gives_what_a_new_sum_would() {
        let mut octets = EXAMPLE;
        let before = sum(&octets).finish();
        octets[2..4].copy_from_slice(&0x0102_u16.to_be_bytes());
        assert_eq!(update(before, 0xf203, 0x0102), sum(&octets).finish());
        octets[4..8].copy_from_slice(&0x0304_0506_u32.to_be_bytes());
        assert_eq!(
            update_u32(update(before, 0xf203, 0x0102), 0xf4f5_f6f7, 0x0304_0506),
            sum(&octets).finish()
        );
    }

    #[test]
    fn update_is_right_where_rfc_1141_was_not() {
        // RFC 1624 §4: the checksum 0xdd2f, a word from 0x5555 to 0x3285: 0x0000, not 0xffff.
        assert_eq!(update(0xdd2f, 0x5555, 0x3285), 0x0000);
    }
}
