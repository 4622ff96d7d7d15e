//! A frame on a link, as those see it who look at what passes.

use fairway_native::PacketBuf;
use fairway_native::pkt::ChecksumState;
use fairway_wire::{EtherType, Protocol, arp, ethernet, icmp, ipv4, tcp, udp};
use std::net::Ipv4Addr;

/// What the frames of a link begin with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// An Ethernet header; neighbours find each other by ARP.
    #[default]
    Ethernet,
    /// The IP header: a line between two interfaces without addresses of its own.
    Ip,
}

impl Framing {
    /// Octets in front of the IP header.
    pub(crate) const fn header_len(self) -> usize {
        match self {
            Self::Ethernet => ethernet::Header::LEN,
            Self::Ip => 0,
        }
    }
}

/// A frame, to look at: what the predicates of impairments and captures judge by.
///
/// ```
/// # use fairway_sim::Frame;
/// /// Acknowledgements that report what arrived out of order.
/// fn is_sack(frame: &Frame<'_>) -> bool {
///     frame.tcp().is_some_and(|(_, options, _)| !options.sack.is_empty())
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    framing: Framing,
    octets: &'a [u8],
}

impl<'a> Frame<'a> {
    /// A view of `octets`.
    #[must_use]
    pub const fn new(framing: Framing, octets: &'a [u8]) -> Self {
        Self { framing, octets }
    }

    /// All of it.
    #[must_use]
    pub const fn octets(&self) -> &'a [u8] {
        self.octets
    }

    /// Its Ethernet header, if its link has them.
    #[must_use]
    pub fn ethernet(&self) -> Option<ethernet::Header> {
        match self.framing {
            Framing::Ethernet => Some(ethernet::Header::parse(self.octets).ok()?.0),
            Framing::Ip => None,
        }
    }

    /// Its IPv4 header and payload. Checksums are not looked at, here and below: they may be left to the link.
    #[must_use]
    pub fn ipv4(&self) -> Option<(ipv4::Header, &'a [u8])> {
        let packet = match self.framing {
            Framing::Ethernet => match ethernet::Header::parse(self.octets) {
                Ok((header, packet)) if header.ether_type == EtherType::IPV4 => packet,
                _ => return None,
            },
            Framing::Ip => self.octets,
        };
        let (header, _options, payload) = ipv4::Header::parse(packet).ok()?;
        Some((header, payload))
    }

    /// From whom to whom: addresses of an IPv4 packet, or of an ARP message.
    #[must_use]
    pub fn addresses(&self) -> Option<(Ipv4Addr, Ipv4Addr)> {
        if let Some((header, _)) = self.ipv4() {
            return Some((header.source, header.destination));
        }
        let (header, packet) = ethernet::Header::parse(self.octets).ok()?;
        if self.framing != Framing::Ethernet || header.ether_type != EtherType::ARP {
            return None;
        }
        let message = arp::Packet::parse(packet).ok()?;
        Some((message.sender_ip, message.target_ip))
    }

    /// What follows the IPv4 header, if it is of that protocol and begins a datagram.
    fn transport(&self, protocol: Protocol) -> Option<&'a [u8]> {
        let (header, payload) = self.ipv4()?;
        (header.protocol == protocol && header.fragment_offset == 0).then_some(payload)
    }

    /// Its TCP header, options and data.
    #[must_use]
    pub fn tcp(&self) -> Option<(tcp::Header, tcp::Options, &'a [u8])> {
        let (header, options, data) = tcp::Header::parse(self.transport(Protocol::TCP)?).ok()?;
        Some((header, tcp::Options::parse(options), data))
    }

    /// Its UDP header and data.
    #[must_use]
    pub fn udp(&self) -> Option<(udp::Header, &'a [u8])> {
        udp::Header::parse(self.transport(Protocol::UDP)?).ok()
    }

    /// Its ICMP message and what that carries.
    #[must_use]
    pub fn icmp(&self) -> Option<(icmp::Message, &'a [u8])> {
        icmp::Message::parse(self.transport(Protocol::ICMP)?).ok()
    }
}

/// Computes the transport checksum of a frame that left it out because nobody on its way would look
/// ([`ChecksumState::Trusted`]); afterwards it holds, and whoever receives it has to look.
pub(crate) fn fill_checksum(framing: Framing, frame: &mut PacketBuf) {
    if frame.checksum != ChecksumState::Trusted {
        return;
    }
    frame.checksum = ChecksumState::Unknown;
    let octets = frame.as_mut_slice();
    let packet = match framing {
        Framing::Ethernet => match ethernet::Header::parse(octets) {
            Ok((header, _)) if header.ether_type == EtherType::IPV4 => {
                octets.get_mut(ethernet::Header::LEN..).unwrap_or_default()
            }
            _ => return,
        },
        Framing::Ip => octets,
    };
    let Ok((header, ..)) = ipv4::Header::parse(packet) else {
        return;
    };
    let payload = usize::from(header.header_len)..usize::from(header.total_len);
    let Some(payload) = packet.get_mut(payload) else {
        return;
    };
    if header.is_fragment() {
        // The checksum is over all the fragments; who cuts a datagram computes it before.
        return;
    }
    match header.protocol {
        Protocol::TCP => tcp::fill_checksum(header.source, header.destination, payload),
        Protocol::UDP => udp::fill_checksum(header.source, header.destination, payload),
        // The others are always there, as that of the IP header is.
        _ => {}
    }
}

/// The message that a router sends about a packet that is too long for the next hop (RFC 1191 §4), as a frame for the
/// packet's sender; `None` about packets that get none.
pub(crate) fn fragmentation_needed(
    framing: Framing,
    frame: &PacketBuf,
    router: Ipv4Addr,
    mtu: u16,
) -> Option<PacketBuf> {
    let view = Frame::new(framing, frame.as_slice());
    let (about, _) = view.ipv4()?;
    // RFC 1812 §4.3.2.7: never about an error message, nor about a fragment that is not the first. A packet that may
    // be cut would have been; here it is only dropped.
    let is_error = view.icmp().is_some_and(|(message, _)| message.is_error());
    if is_error || about.fragment_offset != 0 || !about.dont_fragment {
        return None;
    }
    let mut packet = frame.clone();
    fill_checksum(framing, &mut packet);
    packet.pull_front(framing.header_len());
    // RFC 792: the header and 64 bits of the data.
    packet.truncate(usize::from(about.header_len) + 8);
    packet.push_front(icmp::Message::LEN);
    icmp::Message::DestinationUnreachable {
        code: icmp::UnreachableCode::FRAGMENTATION_NEEDED,
        next_hop_mtu: mtu,
    }
    .emit(packet.as_mut_slice());
    let total_len = u16::try_from(packet.len() + ipv4::Header::LEN).ok()?;
    ipv4::Header {
        dscp_ecn: 0xc0, // RFC 1812 §4.3.2.5: precedence of internetwork control
        total_len,
        id: 0,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol: Protocol::ICMP,
        source: router,
        destination: about.source,
        header_len: 20,
    }
    .emit(&[], packet.push_front(ipv4::Header::LEN));
    if let Some(ethernet) = view.ethernet() {
        let mut header = [0; ethernet::Header::LEN];
        ethernet::Header {
            destination: ethernet.source,
            source: ethernet.destination,
            ether_type: EtherType::IPV4,
        }
        .emit(&mut header);
        packet.push_front(header.len()).copy_from_slice(&header);
    }
    Some(packet)
}

#[cfg(test)]
mod tests {
    use super::{Frame, Framing, fill_checksum};
    use crate::testing;
    use fairway_native::pkt::ChecksumState;
    use fairway_wire::{ipv4, udp};

    #[test]
    fn headers_are_found_behind_either_framing() {
        for framing in [Framing::Ethernet, Framing::Ip] {
            let packet = testing::datagram(framing, 7, b"hello");
            let frame = Frame::new(framing, packet.as_slice());
            let (header, data) = frame.udp().unwrap();
            assert_eq!((header.destination_port, data), (7, &b"hello"[..]));
            assert!(frame.tcp().is_none());
            assert!(frame.icmp().is_none());
        }
    }

    #[test]
    fn a_checksum_left_out_is_computed() {
        for framing in [Framing::Ethernet, Framing::Ip] {
            let mut packet = testing::datagram(framing, 7, b"hello");
            packet.checksum = ChecksumState::Trusted;
            fill_checksum(framing, &mut packet);
            assert_eq!(packet.checksum, ChecksumState::Unknown);
            let ip = &packet.as_slice()[framing.header_len()..];
            assert!(ipv4::Header::verify_checksum(ip));
            let (header, _, datagram) = ipv4::Header::parse(ip).unwrap();
            assert!(udp::verify_checksum(
                header.source,
                header.destination,
                datagram
            ));
            assert_ne!(datagram[6..8], [0, 0]);
        }
    }
}
