//! SCOPE: RFC 2205 §A.6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{CType, ClassNum, Content, Object, ObjectError, Reader};

/// The senders to which a message of wildcard scope goes, so that it does not loop.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      Source Address (4 octets; C-Type 2: IPv6, 16 octets)     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// //                             ...                             //
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
///
/// Addresses are kept in ascending order, each once, as the RFC wants them sent; lists that arrive otherwise are put in
/// order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Scope(Addresses);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Addresses {
    V4(Vec<Ipv4Addr>),
    V6(Vec<Ipv6Addr>),
}

impl Scope {
    /// A list of IPv4 senders, in any order.
    #[must_use]
    pub fn v4(addresses: impl IntoIterator<Item = Ipv4Addr>) -> Self {
        Self(Addresses::V4(in_order(addresses.into_iter().collect())))
    }

    /// A list of IPv6 senders, in any order.
    #[must_use]
    pub fn v6(addresses: impl IntoIterator<Item = Ipv6Addr>) -> Self {
        Self(Addresses::V6(in_order(addresses.into_iter().collect())))
    }

    /// The senders, if they are of IPv4.
    #[must_use]
    pub fn as_v4(&self) -> Option<&[Ipv4Addr]> {
        match &self.0 {
            Addresses::V4(list) => Some(list),
            Addresses::V6(_) => None,
        }
    }

    /// The senders, if they are of IPv6.
    #[must_use]
    pub fn as_v6(&self) -> Option<&[Ipv6Addr]> {
        match &self.0 {
            Addresses::V4(_) => None,
            Addresses::V6(list) => Some(list),
        }
    }

    /// The addresses, in order.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        let (v4, v6): (&[Ipv4Addr], &[Ipv6Addr]) = match &self.0 {
            Addresses::V4(list) => (list, &[]),
            Addresses::V6(list) => (&[], list),
        };
        let v4 = v4.iter().copied().map(IpAddr::V4);
        v4.chain(v6.iter().copied().map(IpAddr::V6))
    }

    /// Whether it names that sender.
    #[must_use]
    pub fn names(&self, sender: IpAddr) -> bool {
        match (&self.0, sender) {
            (Addresses::V4(list), IpAddr::V4(sender)) => list.binary_search(&sender).is_ok(),
            (Addresses::V6(list), IpAddr::V6(sender)) => list.binary_search(&sender).is_ok(),
            _ => false,
        }
    }

    /// Whether the list names nobody; such a message is not sent (RFC 2205 §3.4).
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        match &self.0 {
            Addresses::V4(list) => list.is_empty(),
            Addresses::V6(list) => list.is_empty(),
        }
    }
}

fn in_order<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    if !list.is_sorted_by(|a, b| a < b) {
        list.sort_unstable();
        list.dedup();
    }
    list
}

impl Object for Scope {
    const CLASS: ClassNum = ClassNum::SCOPE;

    fn c_type(&self) -> CType {
        match self.0 {
            Addresses::V4(_) => CType::IPV4,
            Addresses::V6(_) => CType::IPV6,
        }
    }

    fn parse(c_type: CType, body: Content<'_>) -> Result<Self, ObjectError> {
        let mut reader = Reader::new(body.octets());
        if c_type.family()? {
            let mut list = Vec::with_capacity(body.octets().len() / 16);
            while !reader.is_empty() {
                list.push(reader.ipv6().ok_or(ObjectError::Size)?);
            }
            Ok(Self::v6(list))
        } else {
            let mut list = Vec::with_capacity(body.octets().len() / 4);
            while !reader.is_empty() {
                list.push(reader.ipv4().ok_or(ObjectError::Size)?);
            }
            Ok(Self::v4(list))
        }
    }

    fn emit(&self, out: &mut Vec<u8>) {
        match &self.0 {
            Addresses::V4(list) => list
                .iter()
                .for_each(|address| out.extend_from_slice(&address.octets())),
            Addresses::V6(list) => list
                .iter()
                .for_each(|address| out.extend_from_slice(&address.octets())),
        }
    }
}
