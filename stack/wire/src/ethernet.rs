//! Ethernet II framing: RFC 894; addresses of multicast groups: RFC 1112 §6.4.

use core::fmt;
use core::net::Ipv4Addr;
use core::str::FromStr;

use crate::numbers;

/// The fourteen octets in front of every frame.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                          Destination                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |       Destination, end        |            Source             |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                          Source, end                          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |          EtherType            |          payload …            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Whom the frame is for.
    pub destination: MacAddr,
    /// Who sent it.
    pub source: MacAddr,
    /// What the payload is.
    pub ether_type: EtherType,
}

impl Header {
    /// Octets of the header.
    pub const LEN: usize = 14;

    /// The header and what follows it, which may end in padding (RFC 894: frames are padded to the medium's minimum).
    ///
    /// # Errors
    ///
    /// [`ParseError::Short`] if there are fewer than fourteen octets.
    #[inline]
    pub fn parse(octets: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let Some((header, payload)) = octets.split_first_chunk::<{ Self::LEN }>() else {
            return Err(ParseError::Short);
        };
        let [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1] = *header;
        let header = Self {
            destination: MacAddr([d0, d1, d2, d3, d4, d5]),
            source: MacAddr([s0, s1, s2, s3, s4, s5]),
            ether_type: EtherType(u16::from_be_bytes([t0, t1])),
        };
        Ok((header, payload))
    }

    /// Writes the header.
    #[inline]
    pub fn emit(&self, out: &mut [u8; Self::LEN]) {
        let [d0, d1, d2, d3, d4, d5] = self.destination.0;
        let [s0, s1, s2, s3, s4, s5] = self.source.0;
        let [t0, t1] = self.ether_type.0.to_be_bytes();
        *out = [d0, d1, d2, d3, d4, d5, s0, s1, s2, s3, s4, s5, t0, t1];
    }
}

/// Why a frame has no Ethernet header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer than fourteen octets.
    Short,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("frame shorter than its header"),
        }
    }
}

impl core::error::Error for ParseError {}

/// A 48-bit hardware address.
///
/// ```
/// use fairway_wire::MacAddr;
///
/// let address: MacAddr = "02:00:00:00:00:2a".parse()?;
/// assert_eq!(address, MacAddr([2, 0, 0, 0, 0, 42]));
/// assert_eq!(address.to_string(), "02:00:00:00:00:2a");
/// # Ok::<(), fairway_wire::MacAddrError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MacAddr(pub [u8; 6]);

impl MacAddr {
    /// All stations.
    pub const BROADCAST: Self = Self([0xff; 6]);
    /// All zeros: no address, the target of an ARP request (RFC 826).
    pub const ZERO: Self = Self([0; 6]);

    /// The address that an IPv4 multicast group has on Ethernet: the low 23 bits of the group behind `01:00:5e`.
    ///
    /// RFC 1112 §6.4. 32 groups share each address, so a receiver checks the group again.
    #[must_use]
    pub const fn from_multicast_v4(group: Ipv4Addr) -> Self {
        let [_, b, c, d] = group.octets();
        Self([0x01, 0x00, 0x5e, b & 0x7f, c, d])
    }

    /// Whether this is the address of all stations.
    #[inline]
    #[must_use]
    pub fn is_broadcast(self) -> bool {
        self == Self::BROADCAST
    }

    /// Whether this is a group address; the broadcast address is one.
    #[inline]
    #[must_use]
    pub const fn is_multicast(self) -> bool {
        let [first, ..] = self.0;
        first & 1 != 0
    }

    /// Whether a station may own this address: neither a group nor zero.
    #[inline]
    #[must_use]
    pub fn is_unicast(self) -> bool {
        !self.is_multicast() && self != Self::ZERO
    }

    /// Whether the address was given out locally and not by a maker of hardware.
    #[must_use]
    pub const fn is_local(self) -> bool {
        let [first, ..] = self.0;
        first & 2 != 0
    }
}

impl From<[u8; 6]> for MacAddr {
    fn from(octets: [u8; 6]) -> Self {
        Self(octets)
    }
}

impl From<MacAddr> for [u8; 6] {
    fn from(address: MacAddr) -> Self {
        address.0
    }
}

/// `02:00:00:00:00:2a`.
impl fmt::Display for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for MacAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Six groups of one or two hexadecimal digits between colons or hyphens.
impl FromStr for MacAddr {
    type Err = MacAddrError;

    fn from_str(text: &str) -> Result<Self, MacAddrError> {
        let mut groups = text.split([':', '-']);
        let mut octets = [0; 6];
        for octet in &mut octets {
            let group = groups.next().ok_or(MacAddrError)?;
            // `from_str_radix` alone would take a sign.
            if group.len() > 2 || !group.bytes().all(|digit| digit.is_ascii_hexdigit()) {
                return Err(MacAddrError);
            }
            *octet = u8::from_str_radix(group, 16).map_err(|_| MacAddrError)?;
        }
        match groups.next() {
            None => Ok(Self(octets)),
            Some(_) => Err(MacAddrError),
        }
    }
}

/// The text is not a hardware address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacAddrError;

impl fmt::Display for MacAddrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a hardware address of six hexadecimal groups")
    }
}

impl core::error::Error for MacAddrError {}

numbers! {
    /// What an Ethernet payload is (IANA "EtherTypes"); unknown ones survive and print as numbers.
    EtherType(u16), "{:#06x}" {
        /// IPv4, RFC 894.
        IPV4 = 0x0800, "ip";
        /// ARP, RFC 826.
        ARP = 0x0806, "arp";
        /// A VLAN tag, IEEE 802.1Q.
        VLAN = 0x8100, "vlan";
        /// IPv6, RFC 2464.
        IPV6 = 0x86dd, "ip6";
    }
}

impl EtherType {
    /// Whether the field is the length of an IEEE 802.3 frame (up to 1500) and no type (from 1536).
    #[must_use]
    pub const fn is_length(self) -> bool {
        self.0 < 0x0600
    }
}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;
    use std::string::ToString as _;

    use super::{EtherType, Header, MacAddr, MacAddrError, ParseError};

    const OCTETS: [u8; 16] = [
        0x01, 0x00, 0x5e, 0x00, 0x00, 0x16, 0x02, 0, 0, 0, 0, 0x2a, 0x08, 0x00, 0xab, 0xcd,
    ];
    const HEADER: Header = Header {
        destination: MacAddr([0x01, 0x00, 0x5e, 0x00, 0x00, 0x16]),
        source: MacAddr([0x02, 0, 0, 0, 0, 0x2a]),
        ether_type: EtherType::IPV4,
    };

    #[test]
    fn golden_octets_both_ways() {
        assert_eq!(Header::parse(&OCTETS), Ok((HEADER, &[0xab, 0xcd][..])));
        let mut out = [0xee; Header::LEN];
        HEADER.emit(&mut out);
        assert_eq!(out, OCTETS[..14]);
    }

    #[test]
    fn thirteen_octets_are_too_few() {
        assert_eq!(Header::parse(&OCTETS[..13]), Err(ParseError::Short));
        assert_eq!(Header::parse(&OCTETS[..14]), Ok((HEADER, &[][..])));
    }

    #[test]
    fn a_group_keeps_its_low_23_bits() {
        // RFC 1112 §6.4.
        for group in [[224, 1, 2, 3], [239, 129, 2, 3], [225, 1, 2, 3]] {
            let address = MacAddr::from_multicast_v4(Ipv4Addr::from(group));
            assert_eq!(address, MacAddr([0x01, 0x00, 0x5e, 0x01, 2, 3]));
            assert!(address.is_multicast() && !address.is_broadcast() && !address.is_unicast());
        }
    }

    #[test]
    fn broadcast_is_a_group_and_zero_is_nobody() {
        assert!(MacAddr::BROADCAST.is_multicast() && MacAddr::BROADCAST.is_broadcast());
        assert!(!MacAddr::ZERO.is_unicast() && !MacAddr::ZERO.is_multicast());
        assert!(HEADER.source.is_unicast() && HEADER.source.is_local());
    }

    #[test]
    fn addresses_read_as_they_print() {
        assert_eq!(HEADER.source.to_string(), "02:00:00:00:00:2a");
        assert_eq!("02:00:00:00:00:2a".parse(), Ok(HEADER.source));
        assert_eq!("2-0-0-0-0-2A".parse(), Ok(HEADER.source));
        for bad in [
            "",
            "02:00:00:00:00",
            "02:00:00:00:00:2a:00",
            "02:00:00:00:00:+a",
            "02:00:00:00:00:",
            "02:00:00:00:00:002",
            "02:00:00:00:00:0g",
        ] {
            assert_eq!(bad.parse::<MacAddr>(), Err(MacAddrError), "{bad}");
        }
    }

    #[test]
    fn a_type_below_1536_is_a_length() {
        assert!(EtherType(1500).is_length() && !EtherType::IPV4.is_length());
        assert_eq!(EtherType(0x88cc).to_string(), "0x88cc");
    }
}
