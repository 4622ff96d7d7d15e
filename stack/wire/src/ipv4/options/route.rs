//! Record route, and source routes, which are recorded while they are followed: RFC 791 §3.1.

use core::fmt;
use core::net::Ipv4Addr;

use super::record::{address_at, next_entry, pointed, write_entry};
use super::{OptionError, OptionFault, Recorded};
use crate::list::List;

/// Octets in front of the addresses of a route: type, length, pointer.
const ROUTE_HEAD: usize = 3;

/// A record route option.
///
/// ```text
/// +--------+--------+--------+---------//--------+
/// |00000111| length | pointer|     route data    |
/// +--------+--------+--------+---------//--------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRoute<'a> {
    octets: &'a [u8],
}

impl<'a> RecordRoute<'a> {
    /// Checks length and pointer; `octets` are the whole option.
    pub(super) fn new(octets: &'a [u8]) -> Result<Self, OptionError> {
        if octets.len() < ROUTE_HEAD {
            return Err(OptionError::new(1, OptionFault::Length));
        }
        // Whether the room left is a whole number of addresses matters only to who writes into it.
        pointed(octets, ROUTE_HEAD).map(|_| Self { octets })
    }

    /// The pointer: where the next address goes, counted from one, at least 4.
    #[must_use]
    pub fn pointer(&self) -> u8 {
        self.octets.get(2).copied().unwrap_or_default()
    }

    /// Whether no address can be added.
    #[must_use]
    pub fn is_full(&self) -> bool {
        usize::from(self.pointer()) > self.octets.len()
    }

    /// The addresses written so far.
    pub fn recorded(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> + Clone + use<'a> {
        let end = usize::from(self.pointer())
            .saturating_sub(1)
            .min(self.octets.len());
        addresses(self.octets.get(ROUTE_HEAD..end).unwrap_or_default())
    }

    /// Writes `address` into the option in place; `option` are all its octets.
    ///
    /// # Errors
    ///
    /// RFC 791 §3.1: an option with a bad pointer, or with some room but not enough for an address, makes the whole
    /// packet one to be discarded.
    pub fn record(option: &mut [u8], address: Ipv4Addr) -> Result<Recorded, OptionError> {
        match next_entry(option, ROUTE_HEAD, 4)? {
            None => Ok(Recorded::Full),
            Some(range) => {
                write_entry(option, range, &address.octets());
                Ok(Recorded::Written)
            }
        }
    }
}

/// A loose or strict source route: addresses still to be visited, and those visited.
///
/// ```text
/// +--------+--------+--------+---------//--------+
/// |1000x0x1| length | pointer|     route data    |
/// +--------+--------+--------+---------//--------+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceRoute<'a> {
    route: RecordRoute<'a>,
}

impl<'a> SourceRoute<'a> {
    pub(super) fn new(octets: &'a [u8]) -> Result<Self, OptionError> {
        RecordRoute::new(octets).map(|route| Self { route })
    }

    /// The pointer: where the next address to be visited stands, counted from one, at least 4.
    #[must_use]
    pub fn pointer(&self) -> u8 {
        self.route.pointer()
    }

    /// Whether all addresses were visited: the destination of the packet is the last.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.route.is_full()
    }

    /// The addresses visited, as the routers wrote them.
    pub fn recorded(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> + Clone + use<'a> {
        self.route.recorded()
    }

    /// The addresses still to be visited, without the one that is the packet's destination now.
    pub fn remaining(&self) -> impl DoubleEndedIterator<Item = Ipv4Addr> + Clone + use<'a> {
        let start = usize::from(self.pointer()).saturating_sub(1);
        addresses(self.route.octets.get(start..).unwrap_or_default())
    }

    /// Takes the next address out of the option in place and writes `local`, the router's own address, instead.
    ///
    /// `None` if the route is complete. `option` are all octets of the option.
    ///
    /// # Errors
    ///
    /// As for [`RecordRoute::record`].
    pub fn advance(option: &mut [u8], local: Ipv4Addr) -> Result<Option<Ipv4Addr>, OptionError> {
        let Some(range) = next_entry(option, ROUTE_HEAD, 4)? else {
            return Ok(None);
        };
        let next = address_at(option, range.clone());
        write_entry(option, range, &local.octets());
        Ok(next)
    }

    /// The way back along a complete route: the first hop and the route from there to `source`, who sent the packet.
    ///
    /// RFC 1122 §3.2.1.8(c): a reply goes by the reversed route. With nothing recorded the first hop is `source` and
    /// the list is empty.
    pub fn reversed(
        &self,
        source: Ipv4Addr,
    ) -> (Ipv4Addr, impl Iterator<Item = Ipv4Addr> + Clone + use<'a>) {
        let mut way = self.recorded().rev().chain(core::iter::once(source));
        let first = way.next().unwrap_or(source);
        (first, way)
    }
}

/// `{visited|to be visited}`.
impl fmt::Display for SourceRoute<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{{{}|{}}}",
            List(self.recorded()),
            List(self.remaining())
        )
    }
}

/// Whole addresses of a slice.
fn addresses(octets: &[u8]) -> impl DoubleEndedIterator<Item = Ipv4Addr> + Clone + '_ {
    let (addresses, _) = octets.as_chunks::<4>();
    addresses.iter().copied().map(Ipv4Addr::from)
}
