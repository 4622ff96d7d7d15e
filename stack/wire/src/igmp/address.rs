//! Lists of source addresses.

use core::fmt;
use core::net::Ipv4Addr;

/// IPv4 addresses as they stand in a message.
///
/// ```
/// use core::net::Ipv4Addr;
/// use fairway_wire::igmp::Addresses;
///
/// let octets = [[192, 0, 2, 1], [192, 0, 2, 2]];
/// let addresses = Addresses::new(&octets);
/// assert_eq!(addresses.iter().next(), Some(Ipv4Addr::new(192, 0, 2, 1)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Addresses<'a>(&'a [[u8; 4]]);

impl<'a> Addresses<'a> {
    /// The addresses of these octets.
    ///
    /// More than 65 535 cannot be sent; no packet has room for them.
    #[must_use]
    pub const fn new(octets: &'a [[u8; 4]]) -> Self {
        Self(octets)
    }

    /// The first `count` addresses of `octets` and what follows.
    pub(super) fn split(octets: &'a [u8], count: u16) -> Option<(Self, &'a [u8])> {
        let (addresses, rest) = octets.split_at_checked(usize::from(count) * 4)?;
        let (addresses, _) = addresses.as_chunks::<4>();
        Some((Self(addresses), rest))
    }

    /// One after the other.
    pub fn iter(
        &self,
    ) -> impl DoubleEndedIterator<Item = Ipv4Addr> + ExactSizeIterator + Clone + use<'a> {
        self.0.iter().copied().map(Ipv4Addr::from)
    }

    /// How many.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Their octets.
    pub(super) fn as_octets(&self) -> &'a [u8] {
        self.0.as_flattened()
    }

    /// How many, as the field of a message.
    pub(super) fn count(&self) -> u16 {
        u16::try_from(self.0.len()).unwrap_or(u16::MAX)
    }
}

impl fmt::Debug for Addresses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
