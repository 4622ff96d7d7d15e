//! Frames made by hand, for what no honest host sends.

use fairway_native::PacketBuf;
use fairway_wire::{
    EtherType, MacAddr, Protocol, SeqNumber, arp, ethernet, icmp, igmp, ipv4, tcp, udp,
};
use std::net::Ipv4Addr;

/// The link address of the stranger who sends them.
pub(crate) const STRANGER: MacAddr = MacAddr([2, 0, 0, 0, 0xee, 0xee]);

/// An IP header for `payload` octets; the rest as a caller wants it.
pub(crate) fn header(source: Ipv4Addr, destination: Ipv4Addr, protocol: Protocol) -> ipv4::Header {
    ipv4::Header {
        dscp_ecn: 0,
        total_len: 0,
        id: 0,
        dont_fragment: false,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol,
        source,
        destination,
        header_len: 20,
    }
}

/// A packet with that header, whose lengths are set here.
pub(crate) fn packet(header: ipv4::Header, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let header_len = 20 + options.len().next_multiple_of(4);
    let mut packet = vec![0; header_len];
    let header = ipv4::Header {
        header_len: u8::try_from(header_len).unwrap(),
        total_len: u16::try_from(header_len + payload.len()).unwrap(),
        ..header
    };
    header.emit(options, &mut packet);
    packet.extend_from_slice(payload);
    packet
}

/// A frame from the stranger.
pub(crate) fn frame(to: MacAddr, ether_type: EtherType, payload: &[u8]) -> PacketBuf {
    let mut head = [0; ethernet::Header::LEN];
    let header = ethernet::Header {
        destination: to,
        source: STRANGER,
        ether_type,
    };
    header.emit(&mut head);
    let mut frame = PacketBuf::from_slice(&head);
    frame.extend_from_slice(payload);
    frame
}

pub(crate) fn udp(
    source: (Ipv4Addr, u16),
    destination: (Ipv4Addr, u16),
    options: &[u8],
    data: &[u8],
) -> Vec<u8> {
    let mut head = [0; udp::Header::LEN];
    let header = udp::Header {
        source_port: source.1,
        destination_port: destination.1,
        length: u16::try_from(udp::Header::LEN + data.len()).unwrap(),
        checksum: 0,
    };
    header.emit(&mut head);
    let mut datagram = [&head, data].concat();
    udp::fill_checksum(source.0, destination.0, &mut datagram);
    packet(
        self::header(source.0, destination.0, Protocol::UDP),
        options,
        &datagram,
    )
}

/// A segment with whatever stands in `header`; its length and checksum are set here.
pub(crate) fn tcp(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    header: tcp::Header,
    options: &[u8],
    data: &[u8],
) -> Vec<u8> {
    let header_len = 20 + options.len().next_multiple_of(4);
    let mut segment = vec![0; header_len];
    let header = tcp::Header {
        header_len: u8::try_from(header_len).unwrap(),
        ..header
    };
    header.emit(options, &mut segment);
    segment.extend_from_slice(data);
    tcp::fill_checksum(source, destination, &mut segment);
    packet(
        self::header(source, destination, Protocol::TCP),
        &[],
        &segment,
    )
}

/// A SYN.
pub(crate) fn syn(source_port: u16, destination_port: u16, seq: u32) -> tcp::Header {
    tcp::Header {
        source_port,
        destination_port,
        seq: SeqNumber(seq),
        ack: SeqNumber(0),
        header_len: 20,
        flags: tcp::Flags::SYN,
        window: 65_535,
        checksum: 0,
        urgent: 0,
    }
}

/// An ICMP message about, or with, `payload`.
pub(crate) fn icmp(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    message: icmp::Message,
    payload: &[u8],
) -> Vec<u8> {
    let mut octets = vec![0; message.header_len()];
    octets.extend_from_slice(payload);
    message.emit(&mut octets);
    packet(header(source, destination, Protocol::ICMP), &[], &octets)
}

/// An IGMP message, as RFC 3376 §4 wants it sent.
pub(crate) fn igmp(
    source: Ipv4Addr,
    destination: Ipv4Addr,
    message: &igmp::Message<'_>,
) -> Vec<u8> {
    let mut octets = vec![0; message.wire_len()];
    message.emit(&mut octets);
    let header = ipv4::Header {
        ttl: 1,
        ..header(source, destination, Protocol::IGMP)
    };
    packet(header, &[148, 4, 0, 0], &octets)
}

pub(crate) fn arp(
    operation: arp::Operation,
    sender: (MacAddr, Ipv4Addr),
    target: (MacAddr, Ipv4Addr),
) -> Vec<u8> {
    let packet = arp::Packet {
        operation,
        sender_mac: sender.0,
        sender_ip: sender.1,
        target_mac: target.0,
        target_ip: target.1,
    };
    let mut octets = [0; arp::Packet::LEN];
    packet.emit(&mut octets);
    octets.to_vec()
}
