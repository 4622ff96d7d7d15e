//! What is around an RSVP message in a packet: taken off, and for IPv6 with router alert put on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IP protocol 46.
pub(super) const RSVP: u8 = 46;

/// Router alert (RFC 2113), as the options of an IPv4 header.
pub(super) const ALERT_V4: [u8; 4] = [0x94, 4, 0, 0];

/// A hop-by-hop header with router alert of value 1, RSVP (RFC 2711), and padding, before protocol 46.
const ALERT_V6: [u8; 8] = [RSVP, 0, 5, 2, 0, 1, 1, 0];

/// CS6, network control (RFC 2474, RFC 4594 §3.1), as the octet of the header.
pub(super) const TRAFFIC_CLASS: u8 = 48 << 2;

/// A message and what its IP header said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unwrapped<'a> {
    pub(super) source: IpAddr,
    pub(super) destination: IpAddr,
    pub(super) ttl: u8,
    pub(super) message: &'a [u8],
}

/// Takes an IPv4 header off, options and all. `None` if that is not what it is, or the packet is cut short.
pub(super) fn unwrap_v4(packet: &[u8]) -> Option<Unwrapped<'_>> {
    let (header, _) = packet.split_first_chunk::<20>()?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[0] >> 4 != 4 || header_len < 20 || header[9] != RSVP {
        return None;
    }
    Some(Unwrapped {
        source: Ipv4Addr::new(header[12], header[13], header[14], header[15]).into(),
        destination: Ipv4Addr::new(header[16], header[17], header[18], header[19]).into(),
        ttl: header[8],
        message: packet.get(header_len..total)?,
    })
}

/// Takes an IPv6 header off, and the headers between it and the message. `None` if there is no message of protocol 46, or
/// the packet is cut short, or it is a fragment.
pub(super) fn unwrap_v6(packet: &[u8]) -> Option<Unwrapped<'_>> {
    /// Extension headers that may stand before the message: hop-by-hop, routing, destination options.
    const PASSED: [u8; 3] = [0, 43, 60];

    let (header, rest) = packet.split_first_chunk::<40>()?;
    if header[0] >> 4 != 6 {
        return None;
    }
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let mut rest = rest.get(..length)?;
    let mut next = header[6];
    while next != RSVP {
        if !PASSED.contains(&next) {
            return None;
        }
        let &[following, units, ..] = rest else {
            return None;
        };
        rest = rest.get((usize::from(units) + 1) * 8..)?;
        next = following;
    }
    let address = |at: usize| -> Option<Ipv6Addr> {
        let octets: [u8; 16] = header.get(at..at + 16)?.try_into().ok()?;
        Some(octets.into())
    };
    Some(Unwrapped {
        source: address(8)?.into(),
        destination: address(24)?.into(),
        ttl: header[7],
        message: rest,
    })
}

/// The headers of an IPv6 packet with router alert around `len` octets of message; `None` if it is too long.
pub(super) fn wrap_v6(
    source: Ipv6Addr,
    destination: Ipv6Addr,
    hop_limit: u8,
    len: usize,
) -> Option<[u8; 48]> {
    let payload = u16::try_from(len + ALERT_V6.len()).ok()?;
    let mut headers = [0; 48];
    let (fixed, alert) = headers.split_first_chunk_mut::<40>()?;
    fixed[0] = 0x60 | TRAFFIC_CLASS >> 4;
    fixed[1] = TRAFFIC_CLASS << 4;
    [fixed[4], fixed[5]] = payload.to_be_bytes();
    fixed[6] = 0; // hop-by-hop options
    fixed[7] = hop_limit;
    let addresses = source.octets().into_iter().chain(destination.octets());
    for (out, octet) in fixed.iter_mut().skip(8).zip(addresses) {
        *out = octet;
    }
    alert.copy_from_slice(&ALERT_V6);
    Some(headers)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: [u8; 28] = [
        0x46, 0, 0, 28, 0, 0, 0, 0, 33, 46, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, 0x94, 4, 0, 0, 1, 2, 3,
        4,
    ];

    /// rsvp.md §11: the header comes along, options and all.
    #[test]
    fn ipv4_headers_come_off_with_their_options() {
        let got = unwrap_v4(&V4).unwrap();
        assert_eq!(got.message, [1, 2, 3, 4]);
        assert_eq!(got.ttl, 33);
        assert_eq!(got.source.to_string(), "10.0.0.1");
        assert_eq!(got.destination.to_string(), "10.0.0.2");
    }

    /// STYLE §6: nothing from the network reaches an index.
    #[test]
    fn whatever_is_cut_or_damaged_gives_nothing() {
        let v6: Vec<u8> = [
            &wrap_v6(Ipv6Addr::LOCALHOST, Ipv6Addr::LOCALHOST, 9, 4).unwrap()[..],
            &[1, 2, 3, 4],
        ]
        .concat();
        assert_eq!(unwrap_v6(&v6).unwrap().message, [1, 2, 3, 4]);
        for packet in [&V4[..], &v6] {
            for cut in 0..packet.len() {
                assert_eq!(unwrap_v4(&packet[..cut]), None);
                assert_eq!(unwrap_v6(&packet[..cut]), None);
            }
            for at in 0..packet.len() {
                for value in 0..=255 {
                    let mut damaged = packet.to_vec();
                    damaged[at] = value;
                    let _ = (unwrap_v4(&damaged), unwrap_v6(&damaged));
                }
            }
        }
    }

    /// RFC 2711: the option that is written is the one that is looked for.
    #[test]
    fn ipv6_headers_carry_router_alert() {
        let (from, to) = ("fd00::1".parse().unwrap(), "ff3e::5".parse().unwrap());
        let headers = wrap_v6(from, to, 63, 8).unwrap();
        assert_eq!(headers[..8], [0x6c, 0, 0, 0, 0, 16, 0, 63]);
        assert_eq!(headers[40..], [46, 0, 5, 2, 0, 1, 1, 0]);
        let packet = [&headers[..], &[7; 8]].concat();
        let got = unwrap_v6(&packet).unwrap();
        assert_eq!((got.source, got.destination), (from.into(), to.into()));
        assert_eq!((got.ttl, got.message), (63, &[7; 8][..]));
        assert_eq!(wrap_v6(from, to, 1, 65_530), None);
    }
}
