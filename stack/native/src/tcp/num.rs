//! Conversions between the widths of octet counts, in one place.

/// A count of octets as sequence numbers count them. No queue here is longer than 2^32.
#[inline]
pub(crate) fn seq_len(octets: usize) -> u32 {
    u32::try_from(octets).unwrap_or(u32::MAX)
}

/// A count of sequence numbers as memory counts octets.
#[inline]
pub(crate) fn octets(len: u32) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// How far `a` lies after `b`, where it is known that it does not lie before; 0 if it does.
#[inline]
pub(crate) fn span(a: fairway_wire::SeqNumber, b: fairway_wire::SeqNumber) -> u32 {
    u32::try_from(a - b).unwrap_or(0)
}

/// `a * b / c`, without overflow, at most `u32::MAX`; `c` 0 counts as 1.
#[inline]
pub(crate) fn scale(a: u32, b: u32, c: u32) -> u32 {
    u32::try_from(u64::from(a) * u64::from(b) / u64::from(c.max(1))).unwrap_or(u32::MAX)
}
