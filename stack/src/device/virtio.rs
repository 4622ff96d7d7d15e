//! The header in front of frames that a device and the kernel exchange when either leaves checksums and the cutting of
//! long segments to the other (virtio 1.2 §5.1.6, the legacy form of ten octets, as Linux's TUN driver has it).
//!
//! ```text
//!  0       1       2       3       4       5       6       7       8       9
//! +-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
//! | flags | type  |  header len   | segment size  | checksum from | checksum at   |   in the machine's order
//! +-------+-------+-------+-------+-------+-------+-------+-------+-------+-------+
//! ```

use fairway_native::PacketBuf;
use fairway_native::pkt::ChecksumState;
use fairway_wire::{Protocol, checksum, ipv4, tcp, udp};

/// Octets of the header.
pub(super) const LEN: usize = 10;

/// The checksum field holds the sum of the pseudo-header; the rest is to be added.
const NEEDS_CHECKSUM: u8 = 1;
/// The checksum was verified.
const IS_VALID: u8 = 2;

/// Not a long segment.
const WHOLE: u8 = 0;
/// A TCP segment over IPv4 to be cut.
const TCP_V4: u8 = 1;
/// A run of UDP datagrams to be cut.
const UDP: u8 = 5;
/// Set beside the type for segments with a congestion mark.
const ECN: u8 = 0x80;

/// What the kernel says about a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    flags: u8,
    kind: u8,
    header_len: u16,
    segment_size: u16,
    checksum_start: u16,
    checksum_offset: u16,
}

impl Header {
    /// Reads it.
    pub(super) const fn parse(octets: [u8; LEN]) -> Self {
        let [flags, kind, a, b, c, d, e, f, g, h] = octets;
        Self {
            flags,
            kind,
            header_len: u16::from_ne_bytes([a, b]),
            segment_size: u16::from_ne_bytes([c, d]),
            checksum_start: u16::from_ne_bytes([e, f]),
            checksum_offset: u16::from_ne_bytes([g, h]),
        }
    }

    /// Writes it.
    pub(super) const fn emit(self) -> [u8; LEN] {
        let [a, b] = self.header_len.to_ne_bytes();
        let [c, d] = self.segment_size.to_ne_bytes();
        let [e, f] = self.checksum_start.to_ne_bytes();
        let [g, h] = self.checksum_offset.to_ne_bytes();
        [self.flags, self.kind, a, b, c, d, e, f, g, h]
    }

    /// Notes on a frame what the kernel said about it.
    pub(super) fn apply(self, frame: &mut PacketBuf) {
        if self.flags & (NEEDS_CHECKSUM | IS_VALID) != 0 {
            frame.checksum = ChecksumState::Trusted;
        }
        if self.kind & !ECN == TCP_V4 {
            frame.segment_size = self.segment_size;
        }
    }

    /// How long each datagram is of a run that the kernel left uncut, in octets of data; `None` for other frames.
    pub(super) fn run_of_datagrams(self) -> Option<usize> {
        (self.kind & !ECN == UDP && self.segment_size > 0).then_some(self.segment_size.into())
    }

    /// What to tell the kernel about a frame whose IP header begins at `link`: that its checksum is missing, and how it
    /// is to be cut. The checksum field then holds what the kernel expects there.
    pub(super) fn describe(frame: &mut PacketBuf, link: usize) -> Self {
        let nothing = Self::parse([0; LEN]);
        if frame.checksum != ChecksumState::Trusted {
            return nothing;
        }
        let segment_size = frame.segment_size;
        let packet = frame.as_mut_slice().get_mut(link..).unwrap_or_default();
        let Ok((ip, ..)) = ipv4::Header::parse(packet) else {
            return nothing;
        };
        let offset = match ip.protocol {
            Protocol::TCP => 16,
            Protocol::UDP => 6,
            _ => return nothing,
        };
        let Some(transport) = packet.get_mut(usize::from(ip.header_len)..ip.total_len.into())
        else {
            return nothing;
        };
        let pseudo =
            checksum::pseudo_header(ip.source, ip.destination, ip.protocol, transport.len());
        let Some(field) = transport.get_mut(offset..offset + 2) else {
            return nothing;
        };
        field.copy_from_slice(&(!pseudo.finish()).to_be_bytes());
        let transport_header = match ip.protocol {
            Protocol::TCP => tcp::Header::parse(transport)
                .map_or(tcp::Header::LEN, |(header, ..)| header.header_len.into()),
            _ => udp::Header::LEN,
        };
        let field = |octets: usize| u16::try_from(octets).unwrap_or(0);
        let start = link + usize::from(ip.header_len);
        let cut = segment_size > 0 && ip.protocol == Protocol::TCP;
        Self {
            flags: NEEDS_CHECKSUM,
            kind: if cut { TCP_V4 } else { WHOLE },
            header_len: field(start + transport_header),
            segment_size: if cut { segment_size } else { 0 },
            checksum_start: field(start),
            checksum_offset: field(offset),
        }
    }
}

/// The datagrams of a run, as frames of their own: their IP header begins at `link`, and each but the last carries `each`
/// octets.
pub(super) fn cut(
    frame: &PacketBuf,
    link: usize,
    each: usize,
) -> impl Iterator<Item = PacketBuf> + '_ {
    let whole = frame.as_slice();
    let headers = whole
        .get(link..)
        .and_then(|packet| ipv4::Header::parse(packet).ok())
        .map(|(ip, options, _)| (ip, options));
    let data = headers
        .and_then(|(ip, _)| whole.get(link + usize::from(ip.header_len) + udp::Header::LEN..));
    let chunks = data.unwrap_or_default().chunks(each.max(1));
    (0..)
        .zip(chunks)
        .filter_map(move |(number, chunk): (u16, _)| {
            let (ip, options) = headers?;
            let transport = link + usize::from(ip.header_len);
            let (udp, _) = udp::Header::parse(whole.get(transport..)?).ok()?;
            let mut datagram = PacketBuf::from_slice(chunk);
            datagram.checksum = ChecksumState::Trusted;
            let length = u16::try_from(udp::Header::LEN + chunk.len()).ok()?;
            let mut header = [0; udp::Header::LEN];
            udp::Header {
                length,
                checksum: 0,
                ..udp
            }
            .emit(&mut header);
            datagram.push_front(header.len()).copy_from_slice(&header);
            ipv4::Header {
                total_len: length + u16::from(ip.header_len),
                id: ip.id.wrapping_add(number),
                ..ip
            }
            .emit(options, datagram.push_front(ip.header_len.into()));
            datagram
                .push_front(link)
                .copy_from_slice(whole.get(..link)?);
            Some(datagram)
        })
}

#[cfg(test)]
mod tests {
    use super::{Header, LEN, cut};
    use fairway_native::PacketBuf;
    use fairway_native::pkt::ChecksumState;
    use fairway_wire::{Protocol, checksum, ipv4, tcp, udp};
    use std::net::Ipv4Addr;

    const SOURCE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
    const DESTINATION: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

    fn ip(mut transport: PacketBuf, protocol: Protocol) -> PacketBuf {
        let total_len = u16::try_from(transport.len() + 20).unwrap();
        ipv4::Header {
            dscp_ecn: 0,
            total_len,
            id: 7,
            dont_fragment: true,
            more_fragments: false,
            fragment_offset: 0,
            ttl: 64,
            protocol,
            source: SOURCE,
            destination: DESTINATION,
            header_len: 20,
        }
        .emit(&[], transport.push_front(20));
        transport.checksum = ChecksumState::Trusted;
        transport
    }

    #[test]
    fn the_header_survives_a_round_trip() {
        let octets: [u8; LEN] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
        assert_eq!(Header::parse(octets).emit(), octets);
    }

    #[test]
    fn a_missing_checksum_is_left_to_the_kernel_as_it_wants_it() {
        let mut segment = PacketBuf::from_slice(&[0; 20 + 3000]);
        segment.as_mut_slice()[12] = 5 << 4;
        let mut frame = ip(segment, Protocol::TCP);
        frame.segment_size = 1448;
        frame.push_front(14).fill(0);
        let header = Header::describe(&mut frame, 14);
        assert_eq!(
            header,
            Header {
                flags: 1,
                kind: 1,
                header_len: 54,
                segment_size: 1448,
                checksum_start: 34,
                checksum_offset: 16,
            }
        );
        // Who adds up everything from the start on gets the checksum.
        let sum = checksum::sum(&frame.as_slice()[34..]).finish();
        frame.as_mut_slice()[50..52].copy_from_slice(&sum.to_be_bytes());
        assert!(tcp::verify_checksum(
            SOURCE,
            DESTINATION,
            &frame.as_slice()[34..]
        ));
    }

    #[test]
    fn frames_with_checksums_go_as_they_are() {
        let mut frame = ip(PacketBuf::from_slice(&[0; 20]), Protocol::TCP);
        frame.checksum = ChecksumState::Unknown;
        let before = frame.as_slice().to_vec();
        assert_eq!(Header::describe(&mut frame, 0).emit(), [0; LEN]);
        assert_eq!(frame.as_slice(), before);
        for garbage in [&[][..], &[0; 5], &[0x45; 30]] {
            let mut frame = PacketBuf::from_slice(garbage);
            frame.checksum = ChecksumState::Trusted;
            let _described = Header::describe(&mut frame, 0);
        }
    }

    #[test]
    fn what_the_kernel_vouches_for_is_trusted() {
        let mut frame = PacketBuf::from_slice(&[0; 40]);
        Header::parse([0; LEN]).apply(&mut frame);
        assert_eq!(frame.checksum, ChecksumState::Unknown);
        let [size_low, size_high] = 1448_u16.to_ne_bytes();
        let long = Header::parse([1, 0x81, 0, 0, size_low, size_high, 0, 0, 0, 0]);
        long.apply(&mut frame);
        assert_eq!(frame.checksum, ChecksumState::Trusted);
        assert_eq!(frame.segment_size, 1448);
        assert_eq!(long.run_of_datagrams(), None);
    }

    #[test]
    fn a_run_of_datagrams_is_cut_into_datagrams() {
        let mut run = PacketBuf::from_slice(&[9; 250]);
        let mut header = [0; 8];
        udp::Header {
            source_port: 1,
            destination_port: 2,
            length: 258,
            checksum: 0,
        }
        .emit(&mut header);
        run.push_front(8).copy_from_slice(&header);
        let mut frame = ip(run, Protocol::UDP);
        frame.push_front(14).fill(3);
        let frames: Vec<PacketBuf> = cut(&frame, 14, 100).collect();
        let lengths: Vec<usize> = frames
            .iter()
            .map(|frame| {
                assert_eq!(frame.as_slice()[..14], [3; 14]);
                let (header, _, datagram) =
                    ipv4::Header::parse_verified(&frame.as_slice()[14..]).unwrap();
                assert_eq!(header.destination, DESTINATION);
                udp::Header::parse(datagram).unwrap().1.len()
            })
            .collect();
        assert_eq!(lengths, [100, 100, 50]);
        assert_eq!(cut(&PacketBuf::from_slice(&[1; 5]), 14, 100).count(), 0);
    }
}
