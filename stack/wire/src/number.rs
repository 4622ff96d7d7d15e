//! Numbers of registries that more than one layer names.

use core::fmt;

/// An IP protocol number (RFC 791 §3.1, IANA "Protocol Numbers"); unknown ones survive and print as numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Protocol(pub u8);

impl Protocol {
    /// Internet Control Message Protocol, RFC 792.
    pub const ICMP: Self = Self(1);
    /// Internet Group Management Protocol, RFC 1112, 2236, 9776.
    pub const IGMP: Self = Self(2);
    /// IPv4 in IPv4, RFC 2003.
    pub const IPV4: Self = Self(4);
    /// Transmission Control Protocol, RFC 9293.
    pub const TCP: Self = Self(6);
    /// User Datagram Protocol, RFC 768.
    pub const UDP: Self = Self(17);
    /// Resource Reservation Protocol, RFC 2205.
    pub const RSVP: Self = Self(46);
    /// Raw IP: never on the wire, the number of a raw socket that writes its own header.
    pub const RAW: Self = Self(255);

    /// The short name in lower case, of the protocols named here.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::ICMP => Some("icmp"),
            Self::IGMP => Some("igmp"),
            Self::IPV4 => Some("ipip"),
            Self::TCP => Some("tcp"),
            Self::UDP => Some("udp"),
            Self::RSVP => Some("rsvp"),
            Self::RAW => Some("raw"),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "protocol {}", self.0),
        }
    }
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
