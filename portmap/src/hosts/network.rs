//! A range of addresses.

use std::net::IpAddr;

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    address: u128,
    mask: u128,
    v4: bool,
}

impl Network {
    /// The addresses whose first `bits` are those of `address`; `None` if there are not as many bits.
    #[must_use]
    pub fn new(address: IpAddr, bits: u32) -> Option<Self> {
        let width = if address.is_ipv4() { 32 } else { 128 };
        if bits > width {
            return None;
        }
        let ones = u128::MAX.checked_shl(width - bits).unwrap_or(0);
        let mask = if address.is_ipv4() {
            ones & u128::from(u32::MAX)
        } else {
            ones
        };
        Some(Self::masked(address, mask))
    }

    pub(super) fn masked(address: IpAddr, mask: u128) -> Self {
        let (value, v4) = number(address);
        Self {
            address: value & mask,
            mask,
            v4,
        }
    }

    /// Whether `address` is in the range. An IPv4 address in IPv6 clothes counts as IPv4.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let (value, v4) = number(address.to_canonical());
        v4 == self.v4 && value & self.mask == self.address
    }

    /// Reads `192.0.2.7`, `192.0.2.0/24`, `2001:db8::/32`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text.split_once('/') {
            Some((address, bits)) => Self::new(address.parse().ok()?, bits.parse().ok()?),
            None => {
                let address: IpAddr = text.parse().ok()?;
                Self::new(address, if address.is_ipv4() { 32 } else { 128 })
            }
        }
    }
}

fn number(address: IpAddr) -> (u128, bool) {
    match address {
        IpAddr::V4(address) => (u32::from(address).into(), true),
        IpAddr::V6(address) => (address.into(), false),
    }
}
