//! What is written here is read by `etherparse` as the same values, and written by it as the same octets.

use etherparse::{
    ArpPacket, Ethernet2Header, Icmpv4Header, Icmpv4Type, IgmpHeader, IgmpType, Ipv4Header,
    TcpHeader, TcpOptionElement, UdpHeader, icmpv4,
};
use fairway_wire::igmp;
use fairway_wire::{icmp, tcp, udp};
use proptest::prelude::*;

use crate::any;

proptest! {
    #[test]
    fn ethernet(header in any::ethernet()) {
        let mut octets = [0xee; 14];
        header.emit(&mut octets);
        let theirs = Ethernet2Header::from_bytes(octets);
        prop_assert_eq!(theirs.source, header.source.0);
        prop_assert_eq!(theirs.destination, header.destination.0);
        prop_assert_eq!(theirs.ether_type.0, header.ether_type.0);
        prop_assert_eq!(theirs.to_bytes(), octets);
    }

    #[test]
    fn arp(packet in any::arp()) {
        let mut octets = [0xee; 28];
        packet.emit(&mut octets);
        let theirs = ArpPacket::from_slice(&octets).unwrap();
        prop_assert_eq!(&theirs.to_bytes()[..], &octets[..]);
        let theirs = theirs.try_eth_ipv4().unwrap();
        prop_assert_eq!(theirs.operation.0, packet.operation.0);
        prop_assert_eq!(theirs.sender_mac, packet.sender_mac.0);
        prop_assert_eq!(theirs.target_mac, packet.target_mac.0);
        prop_assert_eq!(theirs.sender_ipv4_addr(), packet.sender_ip);
        prop_assert_eq!(theirs.target_ipv4_addr(), packet.target_ip);
    }

    #[test]
    fn ipv4((header, options, payload) in any::packet()) {
        let octets = any::packet_octets(&header, options.as_slice(), &payload);
        let (theirs, rest) = Ipv4Header::from_slice(&octets).unwrap();
        prop_assert_eq!(rest, &payload[..]);
        prop_assert_eq!(theirs.header_len(), usize::from(header.header_len));
        prop_assert_eq!(theirs.dscp.value() << 2 | theirs.ecn.value(), header.dscp_ecn);
        prop_assert_eq!(theirs.total_len, header.total_len);
        prop_assert_eq!(theirs.identification, header.id);
        prop_assert_eq!(theirs.dont_fragment, header.dont_fragment);
        prop_assert_eq!(theirs.more_fragments, header.more_fragments);
        prop_assert_eq!(theirs.fragment_offset.byte_offset(), header.fragment_offset);
        prop_assert_eq!(theirs.is_fragmenting_payload(), header.is_fragment());
        prop_assert_eq!(theirs.time_to_live, header.ttl);
        prop_assert_eq!(theirs.protocol.0, header.protocol.0);
        prop_assert_eq!(theirs.source, header.source.octets());
        prop_assert_eq!(theirs.destination, header.destination.octets());
        prop_assert_eq!(theirs.options.as_slice(), options.as_slice());
        prop_assert_eq!(theirs.calc_header_checksum(), theirs.header_checksum);
        prop_assert_eq!(&theirs.to_bytes()[..], &octets[..theirs.header_len()]);
    }

    #[test]
    fn udp(
        (header, payload) in any::payload()
            .prop_flat_map(|payload| (any::udp(payload.len()), Just(payload))),
        source in any::address(),
        destination in any::address(),
    ) {
        let mut octets = [0xee; 8];
        header.emit(&mut octets);
        let mut octets = [&octets[..], &payload].concat();
        udp::fill_checksum(source, destination, &mut octets);
        let (theirs, rest) = UdpHeader::from_slice(&octets).unwrap();
        prop_assert_eq!(rest, &payload[..]);
        prop_assert_eq!(theirs.source_port, header.source_port);
        prop_assert_eq!(theirs.destination_port, header.destination_port);
        prop_assert_eq!(theirs.length, header.length);
        let checksum = theirs
            .calc_checksum_ipv4_raw(source.octets(), destination.octets(), &payload)
            .unwrap();
        prop_assert_eq!(theirs.checksum, checksum);
        prop_assert_eq!(&theirs.to_bytes()[..], &octets[..8]);
    }

    #[test]
    fn tcp(
        (header, options) in any::tcp_with_options(),
        data in any::payload(),
        source in any::address(),
        destination in any::address(),
    ) {
        use tcp::Flags;

        let mut octets = any::segment_octets(&header, &options, &data);
        tcp::fill_checksum(source, destination, &mut octets);
        let (theirs, rest) = TcpHeader::from_slice(&octets).unwrap();
        prop_assert_eq!(rest, &data[..]);
        prop_assert_eq!(theirs.source_port, header.source_port);
        prop_assert_eq!(theirs.destination_port, header.destination_port);
        prop_assert_eq!(theirs.sequence_number, header.seq.0);
        prop_assert_eq!(theirs.acknowledgment_number, header.ack.0);
        prop_assert_eq!(theirs.window_size, header.window);
        prop_assert_eq!(theirs.urgent_pointer, header.urgent);
        for (theirs, flag) in [
            (theirs.fin, Flags::FIN),
            (theirs.syn, Flags::SYN),
            (theirs.rst, Flags::RST),
            (theirs.psh, Flags::PSH),
            (theirs.ack, Flags::ACK),
            (theirs.urg, Flags::URG),
            (theirs.ece, Flags::ECE),
            (theirs.cwr, Flags::CWR),
        ] {
            prop_assert_eq!(theirs, header.flags.contains(flag));
        }
        let checksum = theirs
            .calc_checksum_ipv4_raw(source.octets(), destination.octets(), &data)
            .unwrap();
        prop_assert_eq!(theirs.checksum, checksum);
        prop_assert_eq!(&theirs.to_bytes()[..], &octets[..theirs.header_len()]);

        let mut found = tcp::Options::default();
        for element in theirs.options_iterator() {
            match element.unwrap() {
                TcpOptionElement::Noop => {}
                TcpOptionElement::MaximumSegmentSize(size) => found.max_segment_size = Some(size),
                TcpOptionElement::WindowScale(shift) => found.window_scale = Some(shift),
                TcpOptionElement::SelectiveAcknowledgementPermitted => found.sack_permitted = true,
                TcpOptionElement::SelectiveAcknowledgement(first, others) => {
                    found.sack = std::iter::once(first)
                        .chain(others.into_iter().flatten())
                        .map(|(left, right)| tcp::SackBlock {
                            left: tcp::SeqNumber(left),
                            right: tcp::SeqNumber(right),
                        })
                        .collect();
                }
                TcpOptionElement::Timestamp(value, echo) => {
                    found.timestamps = Some(tcp::Timestamps { value, echo });
                }
            }
        }
        prop_assert_eq!(found, options);
    }

    #[test]
    fn icmp(message in any::icmp(), payload in any::payload()) {
        // An unused word that is not zero is no message of theirs.
        let message = match message {
            icmp::Message::DestinationUnreachable { code, .. }
                if code != icmp::UnreachableCode::FRAGMENTATION_NEEDED =>
            {
                icmp::Message::DestinationUnreachable { code, next_hop_mtu: 0 }
            }
            message => message,
        };
        // A timestamp message with data is no message of theirs.
        let payload = match message.header_len() {
            20 => Vec::new(),
            _ => payload,
        };
        let octets = any::icmp_octets(&message, &payload);
        let (theirs, rest) = Icmpv4Header::from_slice(&octets).unwrap();
        prop_assert_eq!(theirs.checksum, theirs.icmp_type.calc_checksum(rest));
        prop_assert_eq!(&theirs.to_bytes()[..], &octets[..theirs.header_len()]);
        match theirs.icmp_type {
            Icmpv4Type::EchoRequest(echo) => prop_assert_eq!(
                message,
                icmp::Message::EchoRequest { id: echo.id, seq: echo.seq }
            ),
            Icmpv4Type::EchoReply(echo) => prop_assert_eq!(
                message,
                icmp::Message::EchoReply { id: echo.id, seq: echo.seq }
            ),
            Icmpv4Type::DestinationUnreachable(why) => {
                let next_hop_mtu = match why {
                    icmpv4::DestUnreachableHeader::FragmentationNeeded { next_hop_mtu } => {
                        next_hop_mtu
                    }
                    _ => 0,
                };
                let code = icmp::UnreachableCode(why.code_u8());
                prop_assert_eq!(
                    message,
                    icmp::Message::DestinationUnreachable { code, next_hop_mtu }
                );
            }
            Icmpv4Type::Redirect(redirect) => prop_assert_eq!(
                message,
                icmp::Message::Redirect {
                    code: icmp::RedirectCode(redirect.code.code_u8()),
                    gateway: redirect.gateway_internet_address.into(),
                }
            ),
            Icmpv4Type::TimeExceeded(code) => prop_assert_eq!(
                message,
                icmp::Message::TimeExceeded { code: icmp::TimeExceededCode(code.code_u8()) }
            ),
            Icmpv4Type::ParameterProblem(icmpv4::ParameterProblemHeader::PointerIndicatesError(
                pointer,
            )) => prop_assert_eq!(
                message,
                icmp::Message::ParameterProblem { code: icmp::ParameterCode::POINTER, pointer }
            ),
            Icmpv4Type::TimestampRequest(times) | Icmpv4Type::TimestampReply(times) => {
                let (icmp::Message::TimestampRequest(ours) | icmp::Message::TimestampReply(ours)) =
                    message
                else {
                    return Err(TestCaseError::fail("not a timestamp"));
                };
                prop_assert_eq!((times.id, times.seq), (ours.id, ours.seq));
                prop_assert_eq!(times.originate_timestamp, ours.originate);
                prop_assert_eq!(times.receive_timestamp, ours.receive);
                prop_assert_eq!(times.transmit_timestamp, ours.transmit);
            }
            Icmpv4Type::ParameterProblem(_) | Icmpv4Type::Unknown { .. } => {
                prop_assert_eq!(message.message_type().0, octets[0]);
                prop_assert!(![0, 3, 5, 8, 11, 12, 13, 14].contains(&octets[0]), "{:?}", message);
            }
        }
    }

    #[test]
    fn igmp_of_versions_1_and_2(kind in 0..4, max_response_code: u8, group in any::address()) {
        let message = match kind {
            0 => igmp::Message::V1Report { group },
            1 => igmp::Message::V2Report { group },
            2 => igmp::Message::Leave { group },
            _ => igmp::Message::Query(igmp::Query { max_response_code, group, v3: None }),
        };
        let mut octets = [0xee; 8];
        message.emit(&mut octets);
        let (theirs, _) = IgmpHeader::from_slice(&octets).unwrap();
        prop_assert_eq!(theirs.checksum, theirs.calc_checksum(&[]));
        prop_assert_eq!(&theirs.to_bytes()[..], &octets[..]);
        let same = match theirs.igmp_type {
            IgmpType::MembershipReportV1(_) => kind == 0,
            IgmpType::MembershipReportV2(_) => kind == 1,
            IgmpType::LeaveGroup(_) => kind == 2,
            IgmpType::MembershipQuery(_) => kind == 3,
            _ => false,
        };
        prop_assert!(same);
    }
}
