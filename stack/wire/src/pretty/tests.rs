use core::net::Ipv4Addr;
use std::string::{String, ToString as _};
use std::vec;
use std::vec::Vec;

use super::{Frame, Packet};
use crate::igmp::{RecordType, ReportWriter};
use crate::tcp::{Flags, Options, SeqNumber, Timestamps};
use crate::{EtherType, MacAddr, Protocol, ethernet, icmp, ipv4, tcp, udp};

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// A packet from A to B, with `change` made to its header.
fn packet(
    protocol: Protocol,
    options: &[u8],
    payload: &[u8],
    change: impl FnOnce(&mut ipv4::Header),
) -> Vec<u8> {
    let header_len = ipv4::Header::len_with_options(options.len()).unwrap();
    let mut packet = vec![0; usize::from(header_len)];
    packet.extend(payload);
    let mut header = ipv4::Header {
        dscp_ecn: 0,
        total_len: u16::try_from(packet.len()).unwrap(),
        id: 7,
        dont_fragment: false,
        more_fragments: false,
        fragment_offset: 0,
        ttl: 64,
        protocol,
        source: A,
        destination: B,
        header_len,
    };
    change(&mut header);
    header.emit(options, &mut packet[..usize::from(header_len)]);
    packet
}

fn line(protocol: Protocol, payload: &[u8]) -> String {
    Packet(&packet(protocol, &[], payload, |_| {})).to_string()
}

fn frame(ether_type: EtherType, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; 14];
    let header = ethernet::Header {
        destination: MacAddr([2, 0, 0, 0, 0, 2]),
        source: MacAddr([2, 0, 0, 0, 0, 1]),
        ether_type,
    };
    header.emit((&mut frame[..]).try_into().unwrap());
    frame.extend(payload);
    frame
}

fn segment(flags: Flags, options: &Options, data: &[u8]) -> Vec<u8> {
    let mut room = [0; 40];
    let len = options.emit(&mut room);
    let mut segment = vec![0; 20 + len];
    let header = tcp::Header {
        source_port: 80,
        destination_port: 4000,
        seq: SeqNumber(1),
        ack: SeqNumber(9),
        header_len: u8::try_from(20 + len).unwrap(),
        flags,
        window: 65_535,
        checksum: 0,
        urgent: 3,
    };
    header.emit(&room[..len], &mut segment);
    segment.extend(data);
    segment
}

fn datagram(data: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0; 8];
    let header = udp::Header {
        source_port: 53,
        destination_port: 4000,
        length: u16::try_from(8 + data.len()).unwrap(),
        checksum: 0,
    };
    header.emit((&mut datagram[..]).try_into().unwrap());
    datagram.extend(data);
    datagram
}

fn message(message: &icmp::Message, payload: &[u8]) -> Vec<u8> {
    let mut octets = vec![0; message.header_len()];
    octets.extend(payload);
    message.emit(&mut octets);
    octets
}

#[test]
fn a_syn() {
    let options = Options {
        max_segment_size: Some(1460),
        sack_permitted: true,
        timestamps: Some(Timestamps { value: 5, echo: 0 }),
        window_scale: Some(7),
        ..Options::default()
    };
    let segment = segment(Flags::SYN, &options, &[]);
    let packet = packet(Protocol::TCP, &[], &segment, |ip| ip.dont_fragment = true);
    assert_eq!(
        Frame(&frame(EtherType::IPV4, &packet)).to_string(),
        "eth 02:00:00:00:00:01 > 02:00:00:00:00:02 ip ttl 64 id 7 DF tcp 10.0.0.1:80 > 10.0.0.2:4000 \
         S 1:1(0) win 65535 <mss 1460,sackOK,TS val 5 ecr 0,nop,wscale 7>"
    );
}

#[test]
fn data_with_urgent_pointer() {
    let segment = segment(
        Flags::ACK | Flags::PSH | Flags::URG,
        &Options::default(),
        b"hello",
    );
    assert_eq!(
        line(Protocol::TCP, &segment),
        "ip ttl 64 id 7 tcp 10.0.0.1:80 > 10.0.0.2:4000 PU. 1:6(5) ack 9 win 65535 urg 3"
    );
}

#[test]
fn a_datagram() {
    assert_eq!(
        line(Protocol::UDP, &datagram(&[0; 40])),
        "ip ttl 64 id 7 udp 10.0.0.1:53 > 10.0.0.2:4000 len 40"
    );
}

#[test]
fn fragments() {
    let first = packet(Protocol::UDP, &[], &datagram(&[0; 40])[..16], |ip| {
        ip.more_fragments = true;
    });
    assert_eq!(
        Packet(&first).to_string(),
        "ip ttl 64 id 7 frag 0:16+ udp 10.0.0.1 > 10.0.0.2 len 16"
    );
    let last = packet(Protocol::UDP, &[], &[0; 32], |ip| ip.fragment_offset = 16);
    assert_eq!(
        Packet(&last).to_string(),
        "ip ttl 64 id 7 frag 16:48 udp 10.0.0.1 > 10.0.0.2 len 32"
    );
}

#[test]
fn type_of_service_options_and_an_unknown_protocol() {
    let packet = packet(
        Protocol::RSVP,
        &[148, 4, 0, 0, 7, 7, 4, 0, 0, 0, 0, 0],
        &[0; 12],
        |ip| ip.dscp_ecn = 0xb8,
    );
    assert_eq!(
        Packet(&packet).to_string(),
        "ip tos 0xb8 ttl 64 id 7 [ra,rr{},eol] rsvp 10.0.0.1 > 10.0.0.2 len 12"
    );
}

#[test]
fn an_echo_request() {
    let echo = message(&icmp::Message::EchoRequest { id: 1, seq: 2 }, &[0; 56]);
    assert_eq!(
        line(Protocol::ICMP, &echo),
        "ip ttl 64 id 7 icmp 10.0.0.1 > 10.0.0.2 echo-request id 1 seq 2 len 56"
    );
}

#[test]
fn errors_tell_what_they_are_about() {
    let quoted = packet(Protocol::UDP, &[], &datagram(&[0; 40]), |_| {});
    let error = |of: &icmp::Message| line(Protocol::ICMP, &message(of, &quoted[..28]));
    assert_eq!(
        error(&icmp::Message::DestinationUnreachable {
            code: icmp::UnreachableCode::FRAGMENTATION_NEEDED,
            next_hop_mtu: 1400,
        }),
        "ip ttl 64 id 7 icmp 10.0.0.1 > 10.0.0.2 unreachable need-frag mtu 1400 \
         for udp 10.0.0.1:53 > 10.0.0.2:4000"
    );
    assert_eq!(
        error(&icmp::Message::Redirect {
            code: icmp::RedirectCode::HOST,
            gateway: B,
        }),
        "ip ttl 64 id 7 icmp 10.0.0.1 > 10.0.0.2 redirect host to 10.0.0.2 \
         for udp 10.0.0.1:53 > 10.0.0.2:4000"
    );
    assert_eq!(
        error(&icmp::Message::TimeExceeded {
            code: icmp::TimeExceededCode(9),
        }),
        "ip ttl 64 id 7 icmp 10.0.0.1 > 10.0.0.2 time-exceeded 9 for udp 10.0.0.1:53 > 10.0.0.2:4000"
    );
    assert_eq!(
        line(
            Protocol::ICMP,
            &message(&icmp::Message::SourceQuench, &quoted[..9])
        ),
        "ip ttl 64 id 7 icmp 10.0.0.1 > 10.0.0.2 source-quench \
         for ip malformed (packet shorter than its header) len 9"
    );
}

#[test]
fn timestamps_masks_and_parameter_problems() {
    let times = icmp::TimestampMessage {
        id: 1,
        seq: 2,
        originate: 3,
        receive: 4,
        transmit: 5,
    };
    assert_eq!(
        line(
            Protocol::ICMP,
            &message(&icmp::Message::TimestampReply(times), &[])
        ),
        "ip ttl 64 id 7 icmp 10.0.0.1 > 10.0.0.2 timestamp-reply id 1 seq 2 orig 3 recv 4 xmit 5 len 0"
    );
    let mask = icmp::AddressMaskMessage {
        id: 1,
        seq: 2,
        mask: Ipv4Addr::new(255, 255, 255, 0),
    };
    assert_eq!(
        line(
            Protocol::ICMP,
            &message(&icmp::Message::AddressMaskReply(mask), &[])
        ),
        "ip ttl 64 id 7 icmp 10.0.0.1 > 10.0.0.2 mask-reply id 1 seq 2 mask 255.255.255.0 len 0"
    );
    let quoted = packet(Protocol::RSVP, &[], &[0; 8], |_| {});
    let problem = icmp::Message::ParameterProblem {
        code: icmp::ParameterCode::POINTER,
        pointer: 21,
    };
    assert_eq!(
        line(Protocol::ICMP, &message(&problem, &quoted)),
        "ip ttl 64 id 7 icmp 10.0.0.1 > 10.0.0.2 parameter-problem pointer at 21 \
         for rsvp 10.0.0.1 > 10.0.0.2"
    );
}

#[test]
fn membership_messages() {
    assert_eq!(
        line(Protocol::IGMP, &[0x16, 0, 0, 0, 239, 1, 2, 3]),
        "ip ttl 64 id 7 igmp 10.0.0.1 > 10.0.0.2 v2-report 239.1.2.3"
    );
    assert_eq!(
        line(Protocol::IGMP, &[0x11, 15, 0, 0, 0, 0, 0, 0]),
        "ip ttl 64 id 7 igmp 10.0.0.1 > 10.0.0.2 v2-query 0.0.0.0 within 1.5 s"
    );
    assert_eq!(
        line(
            Protocol::IGMP,
            &[0x11, 100, 0, 0, 239, 1, 2, 3, 0x0a, 125, 0, 1, 192, 0, 2, 1]
        ),
        "ip ttl 64 id 7 igmp 10.0.0.1 > 10.0.0.2 v3-query 239.1.2.3 {192.0.2.1} suppress qrv 2 \
         qqi 125 s within 10.0 s"
    );
}

#[test]
fn long_lists_are_cut() {
    let mut room = [0; 400];
    let mut report = ReportWriter::new(&mut room);
    for _ in 0..6 {
        let group = Ipv4Addr::new(239, 1, 2, 3);
        assert!(report.push(RecordType::MODE_IS_INCLUDE, group, [A; 6]));
    }
    let len = report.finish();
    let line = line(Protocol::IGMP, &room[..len]);
    let record = " is_in 239.1.2.3 {10.0.0.1,10.0.0.1,10.0.0.1,10.0.0.1,…+2}";
    assert_eq!(
        line,
        String::from("ip ttl 64 id 7 igmp 10.0.0.1 > 10.0.0.2 v3-report")
            + &record.repeat(4)
            + " and 2 more"
    );
}

#[test]
fn what_cannot_be_read_is_named_and_measured() {
    assert_eq!(
        Frame(&[0; 3]).to_string(),
        "eth malformed (frame shorter than its header) len 3"
    );
    let eth = "eth 02:00:00:00:00:01 > 02:00:00:00:00:02";
    assert_eq!(
        Frame(&frame(EtherType::ARP, &[0; 3])).to_string(),
        String::from(eth) + " arp malformed (packet shorter than 28 octets) len 3"
    );
    assert_eq!(
        Frame(&frame(EtherType::IPV6, &[0; 3])).to_string(),
        String::from(eth) + " ip6 len 3"
    );
    assert_eq!(
        Packet(&[0x60; 40]).to_string(),
        "ip malformed (version 6) len 40"
    );
    assert_eq!(
        line(Protocol::TCP, &[0; 20]),
        "ip ttl 64 id 7 tcp 10.0.0.1 > 10.0.0.2 malformed (header length of 0 octets) len 20"
    );
    let packet = packet(Protocol::UDP, &[7, 1, 0, 0], &[], |_| {});
    assert_eq!(
        Packet(&packet).to_string(),
        "ip ttl 64 id 7 [malformed (length of an option makes no sense, at octet 1)] \
         udp 10.0.0.1 > 10.0.0.2 malformed (datagram shorter than its header) len 0"
    );
}
