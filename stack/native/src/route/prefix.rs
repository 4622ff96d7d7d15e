use std::fmt;
use std::net::Ipv4Addr;

/// The addresses that share their first `length` bits.
///
/// The bits behind the prefix are zero, so that equal prefixes are equal values. Ordered by address, then length.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Prefix {
    address: Ipv4Addr,
    length: u8,
}

impl Prefix {
    /// Every address: the prefix of a default route.
    pub const DEFAULT: Self = Self {
        address: Ipv4Addr::UNSPECIFIED,
        length: 0,
    };

    /// The network of `length` bits (0 to 32) that `address` belongs to; `None` for a longer one.
    #[must_use]
    pub const fn new(address: Ipv4Addr, length: u8) -> Option<Self> {
        if length > 32 {
            return None;
        }
        Some(Self {
            address: Ipv4Addr::from_bits(address.to_bits() & mask(length)),
            length,
        })
    }

    /// That address alone.
    #[must_use]
    pub const fn host(address: Ipv4Addr) -> Self {
        Self {
            address,
            length: 32,
        }
    }

    /// Its first address: the network's.
    #[must_use]
    pub const fn address(self) -> Ipv4Addr {
        self.address
    }

    /// How many bits are fixed, 0 to 32.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a length in bits, not a count")]
    pub const fn len(self) -> u8 {
        self.length
    }

    /// Ones where the bits are fixed.
    #[must_use]
    pub const fn netmask(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(mask(self.length))
    }

    /// Its last address: the broadcast address of that network (RFC 919 §7), where it has one: prefixes of 31 and 32
    /// bits have none (RFC 3021 §2.1).
    #[must_use]
    pub const fn broadcast(self) -> Option<Ipv4Addr> {
        if self.length > 30 {
            return None;
        }
        Some(Ipv4Addr::from_bits(
            self.address.to_bits() | !mask(self.length),
        ))
    }

    /// Whether `address` is one of them.
    #[inline]
    #[must_use]
    pub const fn contains(self, address: Ipv4Addr) -> bool {
        address.to_bits() & mask(self.length) == self.address.to_bits()
    }
}

/// `length` ones, then zeros.
#[inline]
const fn mask(length: u8) -> u32 {
    match length {
        0 => 0,
        1..=31 => u32::MAX << (32 - length),
        _ => u32::MAX,
    }
}

/// `10.0.0.0/8`.
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::Prefix;
    use std::net::Ipv4Addr;

    #[test]
    fn bits_behind_the_prefix_do_not_count() {
        let prefix = Prefix::new(Ipv4Addr::new(10, 1, 2, 3), 20).unwrap();
        assert_eq!(prefix.to_string(), "10.1.0.0/20");
        assert_eq!(prefix.netmask(), Ipv4Addr::new(255, 255, 240, 0));
        assert_eq!(prefix.broadcast(), Some(Ipv4Addr::new(10, 1, 15, 255)));
        assert!(prefix.contains(Ipv4Addr::new(10, 1, 15, 9)));
        assert!(!prefix.contains(Ipv4Addr::new(10, 1, 16, 0)));
        assert_eq!(Prefix::new(Ipv4Addr::LOCALHOST, 33), None);
    }

    #[test]
    fn the_ends_of_the_range_work_too() {
        assert!(Prefix::DEFAULT.contains(Ipv4Addr::BROADCAST));
        assert_eq!(Prefix::DEFAULT.netmask(), Ipv4Addr::UNSPECIFIED);
        let host = Prefix::host(Ipv4Addr::LOCALHOST);
        assert_eq!(host.netmask(), Ipv4Addr::BROADCAST);
        assert_eq!(host.broadcast(), None);
        assert!(host.contains(Ipv4Addr::LOCALHOST));
    }
}
