//! Cutting packets for links that carry less (RFC 791 §3.2).

use crate::pkt::PacketBuf;
use fairway_wire::ipv4::{self, options};

/// Why a packet is not cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FragmentError {
    /// It says that it must not be.
    #[error("must not be fragmented")]
    DontFragment,
    /// The MTU has no room for a header and eight octets: the event `ip_output-shortmsg`.
    #[error("fragments would carry fewer than 8 octets")]
    MtuTooSmall,
    /// It is no IP packet.
    #[error("not an IP packet")]
    BadPacket,
}

/// The fragments of `packet`, which begins with its IP header, for a link that carries `mtu` octets; the packet itself
/// if it fits.
///
/// The packet may be a fragment itself. Its transport checksum must be there: fragments take the packet's
/// [`checksum`](PacketBuf::checksum) state and traffic class over.
///
/// # Errors
/// Why it cannot be cut.
pub fn fragment(packet: &PacketBuf, mtu: usize) -> Result<Vec<PacketBuf>, FragmentError> {
    let octets = packet.as_slice();
    let (header, its_options, data) =
        ipv4::Header::parse(octets).map_err(|_| FragmentError::BadPacket)?;
    if usize::from(header.total_len) <= mtu {
        return Ok(vec![packet.clone()]);
    }
    if header.dont_fragment {
        return Err(FragmentError::DontFragment);
    }
    // RFC 791 §3.1: options with the copied flag are in every fragment, the others in the first one only.
    let copied = options::copied_to_fragments(its_options).map_err(|_| FragmentError::BadPacket)?;
    let mut fragments = Vec::new();
    let mut rest = data;
    let mut at = usize::from(header.fragment_offset);
    let mut options_here = its_options;
    loop {
        let header_len =
            ipv4::Header::len_with_options(options_here.len()).ok_or(FragmentError::BadPacket)?;
        let room = mtu.saturating_sub(usize::from(header_len));
        let last = rest.len() <= room;
        // RFC 791 §3.2: all but the last are multiples of eight octets long.
        let take = if last { rest.len() } else { room & !7 };
        if take == 0 && !last {
            return Err(FragmentError::MtuTooSmall);
        }
        let (now, later) = rest.split_at_checked(take).unwrap_or((rest, &[]));
        let total_len = usize::from(header_len) + now.len();
        let piece_header = ipv4::Header {
            total_len: u16::try_from(total_len).map_err(|_| FragmentError::BadPacket)?,
            more_fragments: header.more_fragments || !last,
            fragment_offset: u16::try_from(at).map_err(|_| FragmentError::BadPacket)?,
            header_len,
            ..header
        };
        let mut piece = PacketBuf::new(total_len);
        piece_header.emit(options_here, piece.grow(usize::from(header_len)));
        piece.extend_from_slice(now);
        piece.checksum = packet.checksum;
        piece.class = packet.class;
        fragments.push(piece);
        if last {
            return Ok(fragments);
        }
        rest = later;
        at += take;
        options_here = copied.as_slice();
    }
}

#[cfg(test)]
mod tests {
    use super::{FragmentError, fragment};
    use crate::pkt::PacketBuf;
    use fairway_wire::{Protocol, ipv4};
    use std::net::Ipv4Addr;

    fn packet(options: &[u8], data: &[u8]) -> PacketBuf {
        let header_len = ipv4::Header::len_with_options(options.len()).unwrap();
        let header = ipv4::Header {
            dscp_ecn: 0x28,
            total_len: u16::try_from(usize::from(header_len) + data.len()).unwrap(),
            id: 77,
            dont_fragment: false,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 9,
            protocol: Protocol::UDP,
            source: Ipv4Addr::new(10, 0, 0, 1),
            destination: Ipv4Addr::new(10, 0, 0, 2),
            header_len,
        };
        let mut packet = PacketBuf::new(2000);
        header.emit(options, packet.grow(usize::from(header_len)));
        packet.extend_from_slice(data);
        packet
    }

    fn parse(packet: &PacketBuf) -> (ipv4::Header, &[u8], &[u8]) {
        ipv4::Header::parse_verified(packet.as_slice()).unwrap()
    }

    /// RFC 791 §3.2.
    #[test]
    fn pieces_are_multiples_of_eight_and_carry_everything_once() {
        let data: Vec<u8> = (0..200).collect();
        let pieces = fragment(&packet(&[], &data), 100).unwrap();
        let mut all = Vec::new();
        for (number, piece) in pieces.iter().enumerate() {
            let (header, _, data) = parse(piece);
            assert!(piece.len() <= 100);
            assert_eq!(usize::from(header.fragment_offset), all.len());
            assert_eq!(header.more_fragments, number + 1 < pieces.len());
            assert_eq!((header.id, header.ttl, header.dscp_ecn), (77, 9, 0x28));
            all.extend_from_slice(data);
        }
        assert_eq!(
            pieces.iter().map(PacketBuf::len).collect::<Vec<_>>(),
            [100, 100, 60]
        );
        assert_eq!(all, data);
    }

    /// RFC 791 §3.1: record route goes into the first fragment only, router alert into all.
    #[test]
    fn only_options_with_the_copied_flag_are_in_every_fragment() {
        let options = [7, 7, 4, 0, 0, 0, 0, 1, 148, 4, 0, 0];
        let pieces = fragment(&packet(&options, &[1; 100]), 68).unwrap();
        let of = |at: usize| parse(&pieces[at]).1.to_vec();
        assert_eq!(of(0), options);
        assert_eq!(of(1), [148, 4, 0, 0]);
        assert_eq!(of(2), [148, 4, 0, 0]);
        let carried: usize = pieces.iter().map(|piece| parse(piece).2.len()).sum();
        assert_eq!(carried, 100);
    }

    #[test]
    fn a_fragment_is_cut_again() {
        let whole: Vec<u8> = (0..160).collect();
        let first = fragment(&packet(&[], &whole), 100).unwrap();
        let again: Vec<_> = first
            .iter()
            .flat_map(|piece| fragment(piece, 60).unwrap())
            .collect();
        let (last, before) = again.split_last().unwrap();
        let mut at = 0;
        for piece in &again {
            let (header, _, data) = parse(piece);
            assert_eq!(usize::from(header.fragment_offset), at);
            assert_eq!(data, &whole[at..at + data.len()]);
            at += data.len();
        }
        assert_eq!(at, 160);
        assert!(before.iter().all(|piece| parse(piece).0.more_fragments));
        assert!(!parse(last).0.more_fragments);
    }

    #[test]
    fn what_fits_stays_whole_and_what_must_not_be_cut_is_not() {
        let mut one = packet(&[], &[0; 80]);
        assert_eq!(fragment(&one, 100).unwrap().len(), 1);
        one.as_mut_slice()[6] |= 0x40;
        assert_eq!(fragment(&one, 99).unwrap_err(), FragmentError::DontFragment);
    }

    /// EVT-20: ip_output-shortmsg: fewer than 8 octets of payload.
    #[test]
    fn an_mtu_without_room_for_eight_octets_is_refused() {
        let one = packet(&[], &[0; 80]);
        assert_eq!(fragment(&one, 27).unwrap_err(), FragmentError::MtuTooSmall);
        assert_eq!(fragment(&one, 28).unwrap().len(), 10);
    }
}
