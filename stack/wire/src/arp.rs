//! The Address Resolution Protocol for IPv4 on Ethernet: RFC 826, RFC 5227.

use core::fmt;
use core::net::Ipv4Addr;

use crate::numbers;
use crate::{EtherType, MacAddr};

/// An ARP packet that asks for, or tells, the hardware address of an IPv4 address.
///
/// ```text
///  0                   1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |       Hardware type = 1       |     Protocol type = 0x0800    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Hw. length = 6| Pr. length = 4|           Operation           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Sender hardware address                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Sender hardware, end        |    Sender protocol address    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Sender protocol, end        |    Target hardware address    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Target hardware, end                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                    Target protocol address                    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Question or answer.
    pub operation: Operation,
    /// Hardware address of the sender.
    pub sender_mac: MacAddr,
    /// Protocol address of the sender; 0.0.0.0 in a probe (RFC 5227 §2.1.1).
    pub sender_ip: Ipv4Addr,
    /// Hardware address of the target; without meaning in a request.
    pub target_mac: MacAddr,
    /// Protocol address of the target.
    pub target_ip: Ipv4Addr,
}

impl Packet {
    /// Octets of the packet.
    pub const LEN: usize = 28;

    /// Reads a packet; what follows it (the padding of short frames) is ignored.
    ///
    /// # Errors
    ///
    /// [`ParseError::Short`] with fewer than 28 octets, else the field that is not that of IPv4 on Ethernet.
    #[inline]
    pub fn parse(octets: &[u8]) -> Result<Self, ParseError> {
        let Some(packet) = octets.first_chunk::<{ Self::LEN }>() else {
            return Err(ParseError::Short);
        };
        let [
            h0,
            h1,
            p0,
            p1,
            hardware_len,
            protocol_len,
            o0,
            o1, // the fixed part
            a0,
            a1,
            a2,
            a3,
            a4,
            a5,
            b0,
            b1,
            b2,
            b3, // the sender
            c0,
            c1,
            c2,
            c3,
            c4,
            c5,
            d0,
            d1,
            d2,
            d3, // the target
        ] = *packet;
        // RFC 826, "Packet Reception": each is a question to be answered "yes" before the addresses are looked at.
        let hardware = u16::from_be_bytes([h0, h1]);
        if hardware != HARDWARE_ETHERNET {
            return Err(ParseError::HardwareType(hardware));
        }
        if hardware_len != 6 {
            return Err(ParseError::HardwareLength(hardware_len));
        }
        let protocol = EtherType(u16::from_be_bytes([p0, p1]));
        if protocol != EtherType::IPV4 {
            return Err(ParseError::ProtocolType(protocol));
        }
        if protocol_len != 4 {
            return Err(ParseError::ProtocolLength(protocol_len));
        }
        Ok(Self {
            operation: Operation(u16::from_be_bytes([o0, o1])),
            sender_mac: MacAddr([a0, a1, a2, a3, a4, a5]),
            sender_ip: Ipv4Addr::new(b0, b1, b2, b3),
            target_mac: MacAddr([c0, c1, c2, c3, c4, c5]),
            target_ip: Ipv4Addr::new(d0, d1, d2, d3),
        })
    }

    /// Writes the packet.
    #[inline]
    pub fn emit(&self, out: &mut [u8; Self::LEN]) {
        let [h0, h1] = HARDWARE_ETHERNET.to_be_bytes();
        let [p0, p1] = EtherType::IPV4.0.to_be_bytes();
        let [o0, o1] = self.operation.0.to_be_bytes();
        let [a0, a1, a2, a3, a4, a5] = self.sender_mac.0;
        let [b0, b1, b2, b3] = self.sender_ip.octets();
        let [c0, c1, c2, c3, c4, c5] = self.target_mac.0;
        let [d0, d1, d2, d3] = self.target_ip.octets();
        *out = [
            h0, h1, p0, p1, 6, 4, o0, o1, // the fixed part
            a0, a1, a2, a3, a4, a5, b0, b1, b2, b3, // the sender
            c0, c1, c2, c3, c4, c5, d0, d1, d2, d3, // the target
        ];
    }

    /// Whether this asks if an address is free: no sender address yet (RFC 5227 §2.1.1).
    #[must_use]
    pub fn is_probe(&self) -> bool {
        self.operation == Operation::REQUEST && self.sender_ip.is_unspecified()
    }

    /// Whether the sender tells of its own address, unasked (RFC 5227 §2.3; "gratuitous ARP").
    #[must_use]
    pub fn is_announcement(&self) -> bool {
        self.sender_ip == self.target_ip && !self.sender_ip.is_unspecified()
    }
}

/// Hardware type of Ethernet (RFC 826).
const HARDWARE_ETHERNET: u16 = 1;

numbers! {
    /// What an ARP packet does (RFC 826 `ares_op`); unknown ones survive and print as numbers.
    Operation(u16), "operation {}" {
        /// Who has the target address?
        REQUEST = 1, "request";
        /// The sender has.
        REPLY = 2, "reply";
    }
}

/// `who-has 10.0.0.2 tell 10.0.0.1`, `10.0.0.2 is-at 02:00:00:00:00:02`.
impl fmt::Display for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.operation {
            Operation::REQUEST => {
                write!(f, "who-has {} tell {}", self.target_ip, self.sender_ip)
            }
            Operation::REPLY => write!(f, "{} is-at {}", self.sender_ip, self.sender_mac),
            operation => write!(f, "{operation} {} {}", self.sender_ip, self.target_ip),
        }
    }
}

/// Why octets are no ARP packet of IPv4 on Ethernet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Fewer than 28 octets.
    Short,
    /// Not Ethernet.
    HardwareType(u16),
    /// Hardware addresses that are not six octets long.
    HardwareLength(u8),
    /// Not IPv4.
    ProtocolType(EtherType),
    /// Protocol addresses that are not four octets long.
    ProtocolLength(u8),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("packet shorter than 28 octets"),
            Self::HardwareType(number) => write!(f, "hardware type {number}, not Ethernet"),
            Self::HardwareLength(len) => write!(f, "hardware addresses of {len} octets"),
            Self::ProtocolType(number) => write!(f, "protocol type {number}, not IPv4"),
            Self::ProtocolLength(len) => write!(f, "protocol addresses of {len} octets"),
        }
    }
}

impl core::error::Error for ParseError {}

#[cfg(test)]
mod tests {
    use core::net::Ipv4Addr;
    use std::string::ToString as _;

    use super::{Operation, Packet, ParseError};
    use crate::{EtherType, MacAddr};

    const OCTETS: [u8; 28] = [
        0, 1, 8, 0, 6, 4, 0, 2, // Ethernet, IPv4, reply
        2, 0, 0, 0, 0, 1, 10, 0, 0, 1, // sender
        2, 0, 0, 0, 0, 2, 10, 0, 0, 2, // target
    ];
    const PACKET: Packet = Packet {
        operation: Operation::REPLY,
        sender_mac: MacAddr([2, 0, 0, 0, 0, 1]),
        sender_ip: Ipv4Addr::new(10, 0, 0, 1),
        target_mac: MacAddr([2, 0, 0, 0, 0, 2]),
        target_ip: Ipv4Addr::new(10, 0, 0, 2),
    };

    #[test]
    fn golden_octets_both_ways() {
        assert_eq!(Packet::parse(&OCTETS), Ok(PACKET));
        let mut out = [0xee; Packet::LEN];
        PACKET.emit(&mut out);
        assert_eq!(out, OCTETS);
    }

    #[test]
    fn padding_of_a_short_frame_is_ignored() {
        // RFC 894: the data field is padded to the medium's minimum of 46 octets.
        let mut padded = [0; 46];
        padded[..28].copy_from_slice(&OCTETS);
        assert_eq!(Packet::parse(&padded), Ok(PACKET));
    }

    #[test]
    fn other_media_and_protocols_are_told_apart() {
        // RFC 826, "Packet Reception": ?Do I have the hardware type …? ?Do I speak the protocol …?
        let damaged = |at: usize, value: u8| {
            let mut octets = OCTETS;
            octets[at] = value;
            Packet::parse(&octets)
        };
        assert_eq!(damaged(1, 6), Err(ParseError::HardwareType(6)));
        assert_eq!(damaged(4, 8), Err(ParseError::HardwareLength(8)));
        assert_eq!(
            damaged(2, 0x86),
            Err(ParseError::ProtocolType(EtherType(0x8600)))
        );
        assert_eq!(damaged(5, 16), Err(ParseError::ProtocolLength(16)));
        assert_eq!(Packet::parse(&OCTETS[..27]), Err(ParseError::Short));
    }

    #[test]
    fn an_unknown_operation_survives() {
        let mut octets = OCTETS;
        octets[7] = 9;
        let packet = Packet::parse(&octets).unwrap();
        assert_eq!(packet.operation, Operation(9));
        assert_eq!(packet.to_string(), "operation 9 10.0.0.1 10.0.0.2");
    }

    #[test]
    fn probes_and_announcements_are_recognised() {
        // RFC 5227 §2.1.1, §2.3.
        let probe = Packet {
            operation: Operation::REQUEST,
            sender_ip: Ipv4Addr::UNSPECIFIED,
            ..PACKET
        };
        assert!(probe.is_probe() && !probe.is_announcement());
        let announcement = Packet {
            operation: Operation::REQUEST,
            target_ip: PACKET.sender_ip,
            ..PACKET
        };
        assert!(announcement.is_announcement() && !announcement.is_probe());
        assert!(!PACKET.is_probe() && !PACKET.is_announcement());
    }
}
