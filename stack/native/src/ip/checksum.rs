//! The transport checksums of packets that were trusted and leave trusted memory.

use crate::pkt::{ChecksumState, PacketBuf};
use fairway_wire::{Protocol, ipv4, tcp, udp};

/// Fills in the transport checksum of a packet that begins with its IP header, if it was left out. Afterwards the
/// packet's sums are as any other's: to be verified.
pub(crate) fn complete(packet: &mut PacketBuf) {
    if packet.checksum != ChecksumState::Trusted {
        return;
    }
    packet.checksum = ChecksumState::Unknown;
    let Ok((header, _, _)) = ipv4::Header::parse(packet.as_slice()) else {
        return;
    };
    if header.fragment_offset != 0 || header.more_fragments {
        return; // The sum was filled in before it was cut.
    }
    let Some(transport) = packet
        .as_mut_slice()
        .get_mut(usize::from(header.header_len)..)
    else {
        return;
    };
    match header.protocol {
        Protocol::TCP => tcp::fill_checksum(header.source, header.destination, transport),
        Protocol::UDP => udp::fill_checksum(header.source, header.destination, transport),
        _ => {} // The sums of ICMP and IGMP are always there.
    }
}
