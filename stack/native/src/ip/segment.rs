//! Cutting a TCP segment that is longer than the path carries into segments that are not: what a link does that cannot
//! cut by itself (segmentation offload).

use crate::pkt::{ChecksumState, PacketBuf};
use fairway_wire::{Protocol, ipv4, tcp};

/// The segments of `packet`, an IP packet with a TCP segment whose data is to be cut into pieces of
/// [`segment_size`](PacketBuf::segment_size) octets, or of as many as `mtu` has room for if that is less. The packet
/// itself if there is nothing to cut.
///
/// PSH and FIN stay with the last piece, CWR with the first (RFC 3168 §6.1.2); the identification goes up by one per
/// piece. Each piece has its checksums, unless the packet's were [trusted](ChecksumState::Trusted).
#[must_use]
pub fn segment(packet: &PacketBuf, mtu: usize) -> Vec<PacketBuf> {
    pieces(packet, mtu).unwrap_or_else(|| vec![packet.clone()])
}

/// How long the longest of the segments of `packet` is when they are cut as it says; its own length if there is nothing
/// to cut.
pub(crate) fn longest(packet: &PacketBuf) -> usize {
    let parsed = ipv4::Header::parse(packet.as_slice()).ok();
    let headers = parsed
        .filter(|(ip, _, _)| packet.segment_size != 0 && ip.protocol == Protocol::TCP)
        .and_then(|(ip, _, payload)| {
            let (tcp, _, _) = tcp::Header::parse(payload).ok()?;
            Some(usize::from(ip.header_len) + usize::from(tcp.header_len))
        });
    match headers {
        Some(headers) => packet.len().min(headers + usize::from(packet.segment_size)),
        None => packet.len(),
    }
}

fn pieces(packet: &PacketBuf, mtu: usize) -> Option<Vec<PacketBuf>> {
    let (ip, ip_options, payload) = ipv4::Header::parse(packet.as_slice()).ok()?;
    if ip.protocol != Protocol::TCP || ip.is_fragment() {
        return None;
    }
    let (tcp, tcp_options, data) = tcp::Header::parse(payload).ok()?;
    let headers = usize::from(ip.header_len) + usize::from(tcp.header_len);
    let room = mtu.checked_sub(headers)?;
    let size = match usize::from(packet.segment_size) {
        0 => room,
        size => size.min(room),
    };
    if size == 0 || data.len() <= size {
        return None;
    }
    let count = data.len().div_ceil(size);
    let trusted = packet.checksum == ChecksumState::Trusted;
    let mut pieces = Vec::with_capacity(count);
    let (mut seq, mut id) = (tcp.seq, ip.id);
    for (number, data) in data.chunks(size).enumerate() {
        let mut flags = tcp.flags;
        if number > 0 {
            flags = flags.without(tcp::Flags::CWR);
        }
        if number + 1 < count {
            flags = flags.without(tcp::Flags::FIN | tcp::Flags::PSH);
        }
        let total_len = u16::try_from(headers + data.len()).ok()?;
        let mut piece = PacketBuf::new(usize::from(total_len));
        let ip = ipv4::Header {
            total_len,
            id,
            ..ip
        };
        ip.emit(ip_options, piece.grow(usize::from(ip.header_len)));
        let tcp = tcp::Header {
            seq,
            flags,
            checksum: 0,
            ..tcp
        };
        tcp.emit(tcp_options, piece.grow(usize::from(tcp.header_len)));
        piece.extend_from_slice(data);
        if !trusted
            && let Some(segment) = piece.as_mut_slice().get_mut(usize::from(ip.header_len)..)
        {
            tcp::fill_checksum(ip.source, ip.destination, segment);
        }
        piece.checksum = packet.checksum;
        piece.class = packet.class;
        pieces.push(piece);
        seq += u32::try_from(data.len()).ok()?;
        // Packets that must not be cut need no number (RFC 6864 §4.1).
        if id != 0 {
            id = id.wrapping_add(1);
        }
    }
    Some(pieces)
}

#[cfg(test)]
mod tests {
    use super::{longest, segment};
    use crate::pkt::{ChecksumState, PacketBuf};
    use fairway_wire::{Protocol, SeqNumber, ipv4, tcp};
    use std::net::Ipv4Addr;

    const OPTIONS: [u8; 12] = [1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 2];

    fn long(data: &[u8], flags: tcp::Flags) -> PacketBuf {
        let tcp = tcp::Header {
            source_port: 1,
            destination_port: 2,
            seq: SeqNumber(u32::MAX - 10),
            ack: SeqNumber(7),
            header_len: 32,
            flags,
            window: 100,
            checksum: 0,
            urgent: 0,
        };
        let ip = ipv4::Header {
            dscp_ecn: 2,
            total_len: u16::try_from(52 + data.len()).unwrap(),
            id: 9,
            dont_fragment: true,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            protocol: Protocol::TCP,
            source: Ipv4Addr::new(10, 0, 0, 1),
            destination: Ipv4Addr::new(10, 0, 0, 2),
            header_len: 20,
        };
        let mut packet = PacketBuf::new(data.len() + 52);
        ip.emit(&[], packet.grow(20));
        tcp.emit(&OPTIONS, packet.grow(32));
        packet.extend_from_slice(data);
        packet.segment_size = 1000;
        packet
    }

    #[test]
    fn the_pieces_are_one_stream_with_right_checksums() {
        let data: Vec<u8> = (0..2500_u32).map(|n| n.to_be_bytes()[3]).collect();
        let all = tcp::Flags::ACK | tcp::Flags::PSH | tcp::Flags::FIN | tcp::Flags::CWR;
        let pieces = segment(&long(&data, all), 1500);
        let mut stream = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            let (ip, _, payload) = ipv4::Header::parse_verified(piece.as_slice()).unwrap();
            let (tcp, options, data) = tcp::Header::parse(payload).unwrap();
            let begun = u32::try_from(stream.len()).unwrap();
            assert_eq!(tcp.seq, SeqNumber(u32::MAX - 10) + begun);
            assert_eq!(usize::from(ip.id), 9 + number);
            assert_eq!(options, OPTIONS);
            assert_eq!(tcp.flags.contains(tcp::Flags::CWR), number == 0);
            assert_eq!(tcp.flags.contains(tcp::Flags::FIN), number == 2);
            assert_eq!(tcp.flags.contains(tcp::Flags::PSH), number == 2);
            let mut again = payload.to_vec();
            tcp::fill_checksum(ip.source, ip.destination, &mut again);
            assert_eq!(again, payload);
            stream.extend_from_slice(data);
        }
        assert_eq!((pieces.len(), stream), (3, data));
    }

    #[test]
    fn the_longest_piece_is_known_without_cutting() {
        let mut packet = long(&[0; 2500], tcp::Flags::ACK);
        assert_eq!(longest(&packet), segment(&packet, 1500)[0].len());
        packet.segment_size = 9000;
        assert_eq!(longest(&packet), packet.len());
        packet.segment_size = 0;
        assert_eq!(longest(&packet), packet.len());
    }

    #[test]
    fn a_smaller_mtu_makes_smaller_pieces() {
        let pieces = segment(&long(&[0; 2500], tcp::Flags::ACK), 576);
        assert!(pieces.iter().all(|piece| piece.len() <= 576));
        assert_eq!(pieces.len(), 5);
    }

    #[test]
    fn what_is_short_enough_or_no_tcp_stays_as_it_is() {
        let mut short = long(&[0; 900], tcp::Flags::ACK);
        short.checksum = ChecksumState::Trusted;
        assert_eq!(segment(&short, 1500).len(), 1);
        let mut other = long(&[0; 2500], tcp::Flags::ACK);
        other.as_mut_slice()[9] = 17;
        assert_eq!(segment(&other, 1500).len(), 1);
    }
}
