//! Frames for the tests of this crate.

use crate::Framing;
use fairway_native::PacketBuf;
use fairway_wire::{EtherType, MacAddr, Protocol, ethernet, ipv4, udp};
use std::net::Ipv4Addr;

/// A UDP datagram from 10.0.0.1 to 10.0.0.2, without checksums.
pub(crate) fn datagram(framing: Framing, port: u16, data: &[u8]) -> PacketBuf {
    let mut packet = PacketBuf::from_slice(data);
    let length = u16::try_from(data.len() + udp::Header::LEN).unwrap();
    let mut header = [0; udp::Header::LEN];
    udp::Header {
        source_port: 1024,
        destination_port: port,
        length,
        checksum: 0,
    }
    .emit(&mut header);
    packet.push_front(header.len()).copy_from_slice(&header);
    ipv4::Header {
        dscp_ecn: 0,
        total_len: length + 20,
        id: 0,
        dont_fragment: true,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol: Protocol::UDP,
        source: Ipv4Addr::new(10, 0, 0, 1),
        destination: Ipv4Addr::new(10, 0, 0, 2),
        header_len: 20,
    }
    .emit(&[], packet.push_front(20));
    if framing == Framing::Ethernet {
        let mut header = [0; ethernet::Header::LEN];
        ethernet::Header {
            destination: MacAddr([2, 0, 0, 0, 0, 2]),
            source: MacAddr([2, 0, 0, 0, 0, 1]),
            ether_type: EtherType::IPV4,
        }
        .emit(&mut header);
        packet.push_front(header.len()).copy_from_slice(&header);
    }
    packet
}
