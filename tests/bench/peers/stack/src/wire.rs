//! Parsing one Ethernet, IPv4, TCP header with a timestamp option by smoltcp and etherparse; and the checksum of a full frame.

use std::hint::black_box;

use crate::measure::{Timer, much, put};

fn frame() -> Vec<u8> {
    use etherparse::TcpOptionElement::{Noop, Timestamp};
    let builder = etherparse::PacketBuilder::ethernet2([2; 6], [4; 6])
        .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
        .tcp(40_000, 80, 1000, 65_535)
        .ack(77)
        .psh()
        .options(&[Noop, Noop, Timestamp(1, 2)])
        .unwrap();
    let mut frame = Vec::new();
    builder.write(&mut frame, &[7; 64]).unwrap();
    frame
}

/// What every parser is to find.
#[derive(Debug, PartialEq)]
struct Found {
    source: u32,
    destination: u32,
    ports: (u16, u16),
    seq: u32,
    ack: u32,
    window: u16,
    timestamp: u32,
    len: usize,
}

fn smoltcp(frame: &[u8]) -> Option<Found> {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{EthernetFrame, EthernetProtocol, Ipv4Packet, Ipv4Repr, TcpPacket, TcpRepr};
    let ignored = ChecksumCapabilities::ignored();
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return None;
    }
    let packet = Ipv4Packet::new_checked(ethernet.payload()).ok()?;
    let ip = Ipv4Repr::parse(&packet, &ignored).ok()?;
    let segment = TcpPacket::new_checked(packet.payload()).ok()?;
    let tcp = TcpRepr::parse(&segment, &ip.src_addr.into(), &ip.dst_addr.into(), &ignored).ok()?;
    Some(Found {
        source: ip.src_addr.to_bits(),
        destination: ip.dst_addr.to_bits(),
        ports: (tcp.src_port, tcp.dst_port),
        seq: tcp.seq_number.0 as u32,
        ack: tcp.ack_number?.0 as u32,
        window: tcp.window_len,
        timestamp: tcp.timestamp.map_or(0, |timestamp| timestamp.tsval),
        len: tcp.payload.len(),
    })
}

fn etherparse(frame: &[u8]) -> Option<Found> {
    let sliced = etherparse::SlicedPacket::from_ethernet(frame).ok()?;
    let etherparse::NetSlice::Ipv4(ip) = sliced.net? else { return None };
    let etherparse::TransportSlice::Tcp(tcp) = sliced.transport? else { return None };
    let header = ip.header();
    let timestamp = tcp.options_iterator().flatten().find_map(|option| match option {
        etherparse::TcpOptionElement::Timestamp(value, _) => Some(value),
        _ => None,
    });
    Some(Found {
        source: u32::from_be_bytes(header.source()),
        destination: u32::from_be_bytes(header.destination()),
        ports: (tcp.source_port(), tcp.destination_port()),
        seq: tcp.sequence_number(),
        ack: tcp.acknowledgment_number(),
        window: tcp.window_size(),
        timestamp: timestamp.unwrap_or(0),
        len: tcp.payload().len(),
    })
}

/// RFC 1071 §2(B) as plainly as it goes fast: words of 32 bits into one accumulator of 64.
#[inline(never)]
fn sum(octets: &[u8]) -> u16 {
    let mut total = 0u64;
    let mut words = octets.chunks_exact(4);
    for word in &mut words {
        total += u64::from(u32::from_ne_bytes(word.try_into().unwrap()));
    }
    let mut rest = words.remainder().chunks_exact(2);
    for word in &mut rest {
        total += u64::from(u16::from_ne_bytes(word.try_into().unwrap()));
    }
    if let [last] = rest.remainder() {
        total += u64::from(u16::from_ne_bytes([*last, 0]));
    }
    while total > 0xffff {
        total = (total & 0xffff) + (total >> 16);
    }
    !(total as u16).to_be()
}

/// Nanoseconds of one of many.
fn each(times: usize, mut work: impl FnMut()) -> f64 {
    let timer = Timer::start();
    for _ in 0..times {
        work();
    }
    timer.cpu() * 1e9 / times as f64
}

pub fn all() {
    let frame = frame();
    assert_eq!(smoltcp(&frame), etherparse(&frame));
    let times = much(5_000_000);
    let parse = |parse: fn(&[u8]) -> Option<Found>| each(times, || drop(black_box(parse(black_box(&frame)))));
    put("smol.parse", parse(smoltcp), "ns");
    put("etherparse.parse", parse(etherparse), "ns");
    let octets: Vec<u8> = (0..1460).map(|i| (i * 131) as u8).collect();
    assert_eq!(sum(&octets), !smoltcp::wire::checksum::data(&octets));
    let rate = |sum: fn(&[u8]) -> u16| {
        1460.0
            / each(times, || {
                black_box(sum(black_box(&octets)));
            })
    };
    put("loop.checksum", rate(sum), "GB/s");
    put("smol.checksum", rate(smoltcp::wire::checksum::data), "GB/s");
}
