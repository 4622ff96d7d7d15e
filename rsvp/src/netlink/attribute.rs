//! Attributes of answers.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The type without the bits that say "nested" and "network order".
const KIND: u16 = 0x3fff;

/// The attributes in some octets: type and value. Ends where they make no sense.
#[derive(Clone, Debug)]
pub(crate) struct Attributes<'a>(&'a [u8]);

impl<'a> Attributes<'a> {
    /// Those in `octets`.
    pub(crate) const fn new(octets: &'a [u8]) -> Self {
        Self(octets)
    }

    /// Those behind a fixed header of `header` octets.
    pub(crate) fn behind(octets: &'a [u8], header: usize) -> Self {
        Self(octets.get(header..).unwrap_or_default())
    }

    /// The value of the first of this type.
    pub(crate) fn find(&self, kind: u16) -> Option<&'a [u8]> {
        self.clone()
            .find_map(|(found, value)| (found == kind).then_some(value))
    }

    /// The attributes in the first of this type; none if there is none.
    pub(crate) fn within(&self, kind: u16) -> Self {
        Self(self.find(kind).unwrap_or_default())
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)? & KIND;
        let value = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    }
}

fn array<const N: usize>(octets: &[u8], at: usize) -> Option<[u8; N]> {
    octets.get(at..)?.first_chunk().copied()
}

/// 16 bits at an offset, in the machine's order.
pub(crate) fn u16_at(octets: &[u8], at: usize) -> Option<u16> {
    array(octets, at).map(u16::from_ne_bytes)
}

/// 32 bits at an offset, in the machine's order.
pub(crate) fn u32_at(octets: &[u8], at: usize) -> Option<u32> {
    array(octets, at).map(u32::from_ne_bytes)
}

/// 64 bits at an offset, in the machine's order.
pub(crate) fn u64_at(octets: &[u8], at: usize) -> Option<u64> {
    array(octets, at).map(u64::from_ne_bytes)
}

/// A text, which ends at the first zero.
pub(crate) fn text(octets: &[u8]) -> String {
    let end = octets.split(|octet| *octet == 0).next().unwrap_or_default();
    String::from_utf8_lossy(end).into_owned()
}

/// An address of either family, by its length.
pub(crate) fn address(octets: &[u8]) -> Option<IpAddr> {
    match octets.len() {
        4 => array(octets, 0).map(|octets: [u8; 4]| Ipv4Addr::from(octets).into()),
        16 => array(octets, 0).map(|octets: [u8; 16]| Ipv6Addr::from(octets).into()),
        _ => None,
    }
}
