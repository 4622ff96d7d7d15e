//! The header codecs of the native stack: frames, and parts of them that a whole frame rarely leads to.

use std::net::Ipv4Addr;

use fairway_wire::ipv4::options::{
    Options, RecordRoute, SourceRoute, Timestamp, copied_to_fragments,
};
use fairway_wire::{EtherType, Protocol, arp, ethernet, icmp, igmp, ipv4, pretty, tcp, udp};

/// The longest line that a frame is printed on, in octets.
const LONGEST_LINE: usize = 2_000;

/// What is understood is written as it was read, but for bits and octets that are ignored; nothing is written outside its
/// place. The octet before the input proper says how it begins.
pub(super) fn decode(input: &[u8]) -> bool {
    let Some((which, octets)) = super::parted(input) else {
        return false;
    };
    match which % 6 {
        0 => {
            one_line(&pretty::Frame(octets));
            frame(octets)
        }
        1 => {
            one_line(&pretty::Packet(octets));
            packet(octets)
        }
        2 => ip_options(octets),
        3 => tcp_options(octets),
        4 => icmp(octets),
        _ => igmp(octets),
    }
}

fn one_line(printed: &dyn std::fmt::Display) {
    let line = printed.to_string();
    assert!(line.len() <= LONGEST_LINE && !line.contains('\n'), "{line}");
}

fn frame(octets: &[u8]) -> bool {
    let Ok((header, payload)) = ethernet::Header::parse(octets) else {
        return false;
    };
    let mut again = [0; ethernet::Header::LEN];
    header.emit(&mut again);
    assert!(octets.starts_with(&again));
    match header.ether_type {
        EtherType::IPV4 => packet(payload),
        EtherType::ARP => arp(payload),
        _ => false,
    }
}

fn arp(octets: &[u8]) -> bool {
    let Ok(packet) = arp::Packet::parse(octets) else {
        return false;
    };
    let mut again = [0; arp::Packet::LEN];
    packet.emit(&mut again);
    assert!(octets.starts_with(&again));
    true
}

fn packet(octets: &[u8]) -> bool {
    let Ok((header, options, payload)) = ipv4::Header::parse(octets) else {
        // What cannot be read whole may still be quoted.
        let _ = ipv4::Header::parse_quoted(octets);
        return false;
    };
    assert_eq!(
        ipv4::Header::parse_quoted(octets),
        Ok((header, options, payload))
    );
    let mut again = vec![0; usize::from(header.header_len)];
    header.emit(options, &mut again);
    again.extend(payload);
    assert_eq!(
        ipv4::Header::parse_verified(&again),
        Ok((header, options, payload))
    );
    if let Some(left) = ipv4::decrease_ttl(&mut again, 1) {
        assert_eq!(left, header.ttl - 1);
        assert!(ipv4::Header::verify_checksum(&again));
    }
    ip_options(options);
    match header.protocol {
        Protocol::TCP => segment(&header, payload),
        Protocol::UDP => datagram(&header, payload),
        Protocol::ICMP => icmp(payload),
        Protocol::IGMP => igmp(payload),
        _ => false,
    }
}

fn segment(ip: &ipv4::Header, octets: &[u8]) -> bool {
    let Ok((header, options, data)) = tcp::Header::parse(octets) else {
        return false;
    };
    let mut again = vec![0; usize::from(header.header_len)];
    header.emit(options, &mut again);
    again.extend(data);
    assert_eq!(tcp::Header::parse(&again), Ok((header, options, data)));
    tcp::fill_checksum(ip.source, ip.destination, &mut again);
    assert!(tcp::verify_checksum(ip.source, ip.destination, &again));
    tcp_options(options);
    true
}

fn datagram(ip: &ipv4::Header, octets: &[u8]) -> bool {
    let Ok((header, data)) = udp::Header::parse(octets) else {
        return false;
    };
    let mut head = [0; udp::Header::LEN];
    header.emit(&mut head);
    assert!(octets.starts_with(&head));
    let mut again = [&head, data].concat();
    udp::fill_checksum(ip.source, ip.destination, &mut again);
    assert!(udp::verify_checksum(ip.source, ip.destination, &again));
    true
}

/// The options are read one behind the other, and each can be written into where it stands.
fn ip_options(octets: &[u8]) -> bool {
    let here = Ipv4Addr::new(192, 0, 2, 1);
    let (mut end, mut sound) = (0, true);
    let mut changed = octets.to_vec();
    for entry in Options::new(octets) {
        let Ok(entry) = entry else {
            sound = false;
            break;
        };
        assert_eq!(entry.offset, end);
        end = entry.range().end;
        assert_eq!(octets.get(entry.range()), Some(entry.octets));
        one_line(&entry.option);
        for record in [
            |option: &mut [u8], here| RecordRoute::record(option, here).is_ok(),
            |option: &mut [u8], here| SourceRoute::advance(option, here).is_ok(),
            |option: &mut [u8], here| Timestamp::record(option, here, 7, |_| true).is_ok(),
        ] {
            if let Some(option) = changed.get_mut(entry.range()) {
                record(option, here);
            }
        }
    }
    // Nothing in front of an option's pointer changes, but the pointer and the overflow.
    for entry in Options::new(octets).map_while(Result::ok) {
        assert_eq!(
            changed
                .get(entry.range())
                .and_then(<[u8]>::first_chunk::<2>),
            entry.octets.first_chunk::<2>()
        );
    }
    // Of more octets than a header has, not all may fit again.
    if octets.len() <= 40 {
        assert_eq!(copied_to_fragments(octets).is_ok(), sound);
    }
    sound && end > 0
}

/// What was understood, written and understood again is the same, but for blocks that had no room.
fn tcp_options(octets: &[u8]) -> bool {
    let options = tcp::Options::parse(octets);
    let mut room = [0; tcp::MAX_OPTIONS_LEN];
    let len = options.emit(&mut room);
    assert_eq!(len, options.len());
    let again = tcp::Options::parse(room.get(..len).unwrap_or_default());
    let blocks = again.sack.as_slice();
    assert!(options.sack.as_slice().starts_with(blocks));
    assert!(blocks.len() == options.sack.len() || len + 8 > tcp::MAX_OPTIONS_LEN - 4);
    assert_eq!(
        again,
        tcp::Options {
            sack: again.sack,
            ..options
        }
    );
    !options.is_empty()
}

fn icmp(octets: &[u8]) -> bool {
    let (original, extensions) = icmp::split_extensions(octets);
    let length: usize = extensions
        .into_iter()
        .flatten()
        .map(|object| object.data.len() + 4)
        .sum();
    assert!(original.len() + length <= octets.len());
    let Ok((message, payload)) = icmp::Message::parse(octets) else {
        return false;
    };
    let mut again = vec![0; message.header_len()];
    again.extend(payload);
    message.emit(&mut again);
    assert_eq!(again.len(), octets.len());
    assert!(icmp::verify_checksum(&again));
    // A code that its message has no use for is sent as zero.
    assert_eq!(icmp::Message::parse(&again), Ok((message, payload)));
    if message.is_error()
        && let Ok(original) = icmp::Original::parse(payload)
    {
        assert!(original.ports().is_some() || original.tcp_seq().is_none());
    }
    true
}

fn igmp(octets: &[u8]) -> bool {
    let Ok(message) = igmp::Message::parse(octets) else {
        return false;
    };
    assert!(message.wire_len() <= octets.len());
    let mut again = vec![0; message.wire_len()];
    message.emit(&mut again);
    assert!(igmp::verify_checksum(&again));
    assert_eq!(igmp::Message::parse(&again), Ok(message));
    true
}
