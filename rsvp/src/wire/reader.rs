//! Reads fields one after another; never past the end.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What is left of the octets of an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    left: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self { left: octets }
    }

    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.left.split_first_chunk::<N>()?;
        self.left = rest;
        Some(*head)
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[octet]| octet)
    }

    #[inline]
    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    #[inline]
    pub(crate) fn ipv4(&mut self) -> Option<Ipv4Addr> {
        self.array().map(|octets: [u8; 4]| Ipv4Addr::from(octets))
    }

    #[inline]
    pub(crate) fn ipv6(&mut self) -> Option<Ipv6Addr> {
        self.array().map(|octets: [u8; 16]| Ipv6Addr::from(octets))
    }

    /// An address of the family that C-Types 1 (IPv4) and 2 (IPv6) stand for.
    #[inline]
    pub(crate) fn address(&mut self, v6: bool) -> Option<IpAddr> {
        if v6 {
            self.ipv6().map(IpAddr::V6)
        } else {
            self.ipv4().map(IpAddr::V4)
        }
    }

    #[inline]
    pub(crate) fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.left.split_at_checked(len)?;
        self.left = rest;
        Some(head)
    }

    #[inline]
    pub(crate) const fn rest(self) -> &'a [u8] {
        self.left
    }

    #[inline]
    pub(crate) const fn is_empty(&self) -> bool {
        self.left.is_empty()
    }

    /// `value` if nothing is left behind it.
    #[inline]
    pub(crate) fn done<T>(self, value: T) -> Option<T> {
        self.left.is_empty().then_some(value)
    }
}
