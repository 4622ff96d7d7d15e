//! Random values of every type, and their octets.

use std::net::Ipv4Addr;

use fairway_wire::icmp::{
    AddressMaskMessage, Message, ParameterCode, RedirectCode, TimeExceededCode, TimestampMessage,
    Type, UnreachableCode,
};
use fairway_wire::ipv4::options::{OptionBuffer, TimestampForm};
use fairway_wire::tcp::{Options, SackBlock, Timestamps};
use fairway_wire::{EtherType, MacAddr, Protocol, SeqNumber, arp, ethernet, ipv4, tcp, udp};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

pub(crate) fn address() -> impl Strategy<Value = Ipv4Addr> + Clone {
    any::<u32>().prop_map(Ipv4Addr::from)
}

pub(crate) fn payload() -> impl Strategy<Value = Vec<u8>> {
    vec(any::<u8>(), 0..100)
}

pub(crate) fn ethernet() -> impl Strategy<Value = ethernet::Header> {
    any::<([u8; 6], [u8; 6], u16)>().prop_map(|(destination, source, ether_type)| {
        ethernet::Header {
            destination: MacAddr(destination),
            source: MacAddr(source),
            ether_type: EtherType(ether_type),
        }
    })
}

pub(crate) fn arp() -> impl Strategy<Value = arp::Packet> {
    (any::<([u8; 6], [u8; 6], u16)>(), address(), address()).prop_map(
        |((sender_mac, target_mac, operation), sender_ip, target_ip)| arp::Packet {
            operation: arp::Operation(operation),
            sender_mac: MacAddr(sender_mac),
            sender_ip,
            target_mac: MacAddr(target_mac),
            target_ip,
        },
    )
}

/// Options of a header, each of which makes sense; a multiple of four octets.
pub(crate) fn ip_options() -> impl Strategy<Value = OptionBuffer> {
    let push = (0..8, 0_u8..6, vec(address(), 0..5), any::<u16>());
    vec(push, 0..6).prop_map(|pushes| {
        let mut options = OptionBuffer::new();
        for (which, slots, addresses, value) in pushes {
            // What does not fit any more is left out.
            match which {
                0 => options.push_no_operation(),
                1 => options.push_router_alert(value),
                2 => options.push_record_route(slots),
                3 => options.push_source_route(value % 2 == 0, addresses),
                4 => options.push_timestamp(TimestampForm::Times, slots),
                5 => options.push_timestamp(TimestampForm::Addressed, slots),
                6 => options.push_prespecified_timestamp(addresses),
                _ => options.push(&[130, 4, slots, slots]),
            };
        }
        options
    })
}

/// A header for so many octets of options and payload.
pub(crate) fn ipv4(options: usize, payload: usize) -> impl Strategy<Value = ipv4::Header> {
    let header_len = ipv4::Header::len_with_options(options).unwrap();
    let total_len = u16::try_from(usize::from(header_len) + payload).unwrap();
    let words = any::<(u8, u16, bool, bool, u8, u8)>();
    (words, 0_u16..0x2000, address(), address()).prop_map(
        move |((dscp_ecn, id, dont, more, ttl, protocol), offset, source, destination)| {
            ipv4::Header {
                dscp_ecn,
                total_len,
                id,
                dont_fragment: dont,
                more_fragments: more,
                fragment_offset: offset * 8,
                ttl,
                protocol: Protocol(protocol),
                source,
                destination,
                header_len,
            }
        },
    )
}

/// A packet: header, options and payload.
pub(crate) fn packet() -> impl Strategy<Value = (ipv4::Header, OptionBuffer, Vec<u8>)> {
    (ip_options(), payload()).prop_flat_map(|(options, payload)| {
        let header = ipv4(options.as_slice().len(), payload.len());
        (header, Just(options), Just(payload))
    })
}

/// The octets of a packet.
pub(crate) fn packet_octets(header: &ipv4::Header, options: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut octets = vec![0xee; usize::from(header.header_len)];
    header.emit(options, &mut octets);
    octets.extend(payload);
    octets
}

pub(crate) fn udp(payload: usize) -> impl Strategy<Value = udp::Header> {
    let length = u16::try_from(8 + payload).unwrap();
    any::<(u16, u16, u16)>().prop_map(move |(source_port, destination_port, checksum)| {
        udp::Header {
            source_port,
            destination_port,
            length,
            checksum,
        }
    })
}

/// Options that fit together into one header.
pub(crate) fn tcp_options() -> impl Strategy<Value = Options> {
    let block = any::<(u32, u32)>().prop_map(|(left, right)| SackBlock {
        left: SeqNumber(left),
        right: SeqNumber(right),
    });
    let timestamps = any::<(u32, u32)>().prop_map(|(value, echo)| Timestamps { value, echo });
    (
        option::of(any::<u16>()),
        option::of(any::<u8>()),
        any::<bool>(),
        option::of(timestamps),
        vec(block, 0..=4),
    )
        .prop_map(|(mss, scale, sack_permitted, timestamps, mut blocks)| {
            let mut options = Options {
                max_segment_size: mss,
                window_scale: scale,
                sack_permitted,
                timestamps,
                ..Options::default()
            };
            blocks.truncate((36 - options.len()) / 8);
            options.sack = blocks.into_iter().collect();
            options
        })
}

pub(crate) fn tcp(options: usize) -> impl Strategy<Value = tcp::Header> {
    let header_len = u8::try_from(20 + options).unwrap();
    any::<(u16, u16, u32, u32, u8, u16, u16, u16)>().prop_map(
        move |(source_port, destination_port, seq, ack, flags, window, checksum, urgent)| {
            tcp::Header {
                source_port,
                destination_port,
                seq: SeqNumber(seq),
                ack: SeqNumber(ack),
                header_len,
                flags: tcp::Flags(flags),
                window,
                checksum,
                urgent,
            }
        },
    )
}

/// A header and its options.
pub(crate) fn tcp_with_options() -> impl Strategy<Value = (tcp::Header, Options)> {
    tcp_options().prop_flat_map(|options| (tcp(options.len()), Just(options)))
}

/// The octets of a segment, without its checksum.
pub(crate) fn segment_octets(header: &tcp::Header, options: &Options, data: &[u8]) -> Vec<u8> {
    let mut room = [0xee; 40];
    let len = options.emit(&mut room);
    let mut octets = vec![0xee; usize::from(header.header_len)];
    header.emit(&room[..len], &mut octets);
    octets.extend(data);
    octets
}

pub(crate) fn icmp() -> impl Strategy<Value = Message> {
    let times =
        any::<(u16, u16, u32, u32, u32)>().prop_map(|(id, seq, originate, receive, transmit)| {
            TimestampMessage {
                id,
                seq,
                originate,
                receive,
                transmit,
            }
        });
    let mask = (any::<(u16, u16)>(), address()).prop_map(|((id, seq), mask)| AddressMaskMessage {
        id,
        seq,
        mask,
    });
    let ids = any::<(u16, u16)>();
    prop_oneof![
        ids.prop_map(|(id, seq)| Message::EchoRequest { id, seq }),
        any::<(u16, u16)>().prop_map(|(id, seq)| Message::EchoReply { id, seq }),
        any::<(u16, u16)>().prop_map(|(id, seq)| Message::InformationRequest { id, seq }),
        any::<(u16, u16)>().prop_map(|(id, seq)| Message::InformationReply { id, seq }),
        (0_u8..16, any::<u16>()).prop_map(|(code, next_hop_mtu)| {
            Message::DestinationUnreachable {
                code: UnreachableCode(code),
                next_hop_mtu,
            }
        }),
        Just(Message::SourceQuench),
        (0_u8..4, address()).prop_map(|(code, gateway)| Message::Redirect {
            code: RedirectCode(code),
            gateway
        }),
        (0_u8..2).prop_map(|code| Message::TimeExceeded {
            code: TimeExceededCode(code)
        }),
        any::<u8>().prop_map(|pointer| Message::ParameterProblem {
            code: ParameterCode::POINTER,
            pointer
        }),
        times.clone().prop_map(Message::TimestampRequest),
        times.prop_map(Message::TimestampReply),
        mask.clone().prop_map(Message::AddressMaskRequest),
        mask.prop_map(Message::AddressMaskReply),
        (19_u8.., any::<(u8, [u8; 4])>()).prop_map(|(message_type, (code, rest))| {
            Message::Other {
                message_type: Type(message_type),
                code,
                rest,
            }
        }),
    ]
}

/// The octets of a message with its payload and checksum.
pub(crate) fn icmp_octets(message: &Message, payload: &[u8]) -> Vec<u8> {
    let mut octets = vec![0xee; message.header_len()];
    octets.extend(payload);
    message.emit(&mut octets);
    octets
}
