//! What options that routers write into have in common: a pointer to where the next entry goes.

use core::net::Ipv4Addr;
use core::ops::Range;

use super::{OptionError, OptionFault};

/// What became of the wish to record something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// It was written.
    Written,
    /// The option was full already; a timestamp option has counted that.
    Full,
    /// The next entry of a timestamp option waits for another node.
    NotForUs,
}

/// Where the pointer octet points, counted from zero and not from one; behind `head`, maybe behind the option.
pub(super) fn pointed(octets: &[u8], head: usize) -> Result<usize, OptionError> {
    let pointer = octets.get(2).copied().map_or(0, usize::from);
    match pointer.checked_sub(1) {
        Some(index) if index >= head => Ok(index),
        _ => Err(OptionError::new(2, OptionFault::Pointer)),
    }
}

/// Where the next entry of so many octets goes; `None` if the option is full: the pointer is greater than the length.
pub(super) fn next_entry(
    octets: &[u8],
    head: usize,
    entry: usize,
) -> Result<Option<Range<usize>>, OptionError> {
    let start = pointed(octets, head)?;
    if start >= octets.len() {
        return Ok(None);
    }
    // RFC 791 §3.1: some room but not enough for a full entry: the datagram is in error.
    if start + entry > octets.len() {
        return Err(OptionError::new(2, OptionFault::Room));
    }
    Ok(Some(start..start + entry))
}

/// Writes `entry` at `range` and moves the pointer behind it.
pub(super) fn write_entry(octets: &mut [u8], range: Range<usize>, entry: &[u8]) {
    // The pointer counts from one; an option has at most 40 octets.
    let pointer = u8::try_from(range.end + 1).unwrap_or(u8::MAX);
    if let Some(place) = octets.get_mut(range)
        && place.len() == entry.len()
    {
        place.copy_from_slice(entry);
        if let Some(field) = octets.get_mut(2) {
            *field = pointer;
        }
    }
}

/// The address at `range`.
pub(super) fn address_at(octets: &[u8], range: Range<usize>) -> Option<Ipv4Addr> {
    let octets: [u8; 4] = octets.get(range)?.try_into().ok()?;
    Some(Ipv4Addr::from(octets))
}
