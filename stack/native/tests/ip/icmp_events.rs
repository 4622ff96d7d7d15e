//! `events.md` §5.3, "ICMP and IGMP", the proposals of §8.5 for ICMP, and what RFC 1122 §3.2.2 asks of them.

use crate::scene::{
    FAR, HOST, LAN, Layer, PEER, STRANGER, Scene, datagram, datagram_with, declared, echo, header,
    icmp, icmp_octets, packet,
};
use fairway_native::event::{Class, EventId, Level};
use fairway_wire::icmp::{
    AddressMaskMessage, Message, TimeExceededCode, TimestampMessage, Type, UnreachableCode,
};
use fairway_wire::{EtherType, MacAddr, Protocol, ipv4};
use std::net::Ipv4Addr;
use std::time::Duration;

const PORT_UNREACHABLE: Message = Message::DestinationUnreachable {
    code: UnreachableCode::PORT,
    next_hop_mtu: 0,
};

mod errors {
    use super::*;

    /// EVT-20, 20: anything but a source quench.
    #[test]
    fn icmp_error_start() {
        let id = EventId::IcmpErrorStart;
        declared(id, "icmp_error-start", Class::Core, Level::Critical);
        let quench = EventId::IcmpErrorStartQuench;
        declared(quench, "icmp_error-start", Class::Core, Level::Emergency);
        let mut scene = Scene::new();
        let refused = datagram(HOST, 1, b"x");
        scene.packet(&refused);
        let fields = scene.raised(id);
        assert_eq!(
            (fields.source, fields.destination),
            (Some(HOST), Some(STRANGER))
        );
        assert_eq!((fields.request, fields.detail), (Some(3), Some(3)));
        let (_, message, quoted) = scene.icmp_error();
        assert_eq!((message, quoted), (PORT_UNREACHABLE, refused));
    }

    /// EVT-20, 1: of old, a router without room told the sender to send less; RFC 6633 §5 forbids it.
    #[test]
    fn icmp_error_start_for_lack_of_memory() {
        let id = EventId::IcmpErrorStartQuench;
        for wanted in [false, true] {
            let mut setup = fairway_native::Setup::new("router", [9; 32]);
            setup.config.ip.forwarding = true;
            setup.config.icmp.source_quench = wanted;
            let mut scene = Scene::of(fairway_native::Stack::new(setup));
            let to = Ipv4Addr::new(10, 0, 1, 66);
            let (now, mac) = (scene.lab.now, crate::scene::STRANGER_MAC);
            scene
                .host()
                .set_neighbor(now, crate::scene::FAR_LAN, to, mac)
                .unwrap();
            scene
                .host()
                .set_queue(crate::scene::FAR_LAN, fairway_native::qos::Fifo::new(0, 0))
                .unwrap();
            scene.packet(&datagram(to, 9, b"x"));
            if !wanted {
                assert!(scene.silent(id));
                assert!(scene.icmp_sent().is_empty());
                continue;
            }
            let fields = scene.raised(id);
            assert_eq!(
                (fields.destination, fields.request),
                (Some(STRANGER), Some(4))
            );
            assert_eq!(scene.icmp_error().1, Message::SourceQuench);
            assert_eq!(scene.counter(Layer::Ip, "cannot_forward"), 1);
        }
    }

    /// RFC 1812 §4.3.2.3: as much as fits into 576 octets; §4.3.2.5: precedence 6, the type of service as it was.
    #[test]
    fn errors_quote_up_to_576_octets_and_have_precedence() {
        let mut scene = Scene::new();
        let header = ipv4::Header {
            dscp_ecn: 0x0b,
            ..header(STRANGER, HOST, Protocol::UDP)
        };
        let long = datagram_with(header, &[], 1, &[7; 1000]);
        scene.packet(&long);
        let (header, _, quoted) = scene.icmp_error();
        assert_eq!(
            (header.total_len, header.ttl, header.dscp_ecn),
            (576, 64, 0xc8)
        );
        assert_eq!(quoted, long[..548]);
    }

    /// RFC 1122 §3.2.2: what no error may answer; `events.md` §8.5: icmp_error-suppressed.
    #[test]
    fn some_packets_are_never_answered_with_an_error() {
        let id = EventId::IcmpErrorSuppressed;
        let unicast = |octets: Vec<u8>| {
            let mut scene = Scene::new();
            scene.packet(&octets);
            scene
        };
        let broadcast = |octets: Vec<u8>| {
            let mut scene = Scene::new();
            scene.frame(MacAddr::BROADCAST, EtherType::IPV4, &octets);
            scene
        };
        let to = |destination| packet(header(STRANGER, destination, Protocol(200)), &[], b"x");
        let from = |source| packet(header(source, HOST, Protocol(200)), &[], b"x");
        let mut scenes = [
            ("to all", broadcast(to(Ipv4Addr::BROADCAST))),
            (
                "to all of the network",
                broadcast(to(Ipv4Addr::new(10, 0, 0, 255))),
            ),
            ("to a group", broadcast(to(Ipv4Addr::new(224, 0, 0, 1)))),
            ("by a broadcast of the link", broadcast(to(HOST))),
        ];
        for (what, scene) in &mut scenes {
            scene.raised(id);
            assert!(scene.carried(0).is_empty(), "{what}");
        }
        // RFC 1122 §3.2.1.3: what cannot be a source is dropped before anybody thinks of an answer.
        let nobody = [0, 0, 0, 0];
        for source in [nobody, [0, 0, 0, 7], [10, 0, 0, 255], [10, 0, 0, 0]] {
            let mut scene = unicast(from(source.into()));
            scene.raised(EventId::IpInputBadsrc);
            assert!(scene.carried(0).is_empty(), "{source:?}");
        }
        // An error about an error: time exceeded for one that a router has to drop.
        let mut scene = Scene::router();
        let header = ipv4::Header {
            ttl: 1,
            ..header(STRANGER, FAR, Protocol::ICMP)
        };
        scene.packet(&icmp(header, PORT_UNREACHABLE, &datagram(HOST, 1, b"x")));
        scene.raised(id);
        assert!(scene.carried(0).is_empty());
        // Of a later fragment.
        let mut scene = Scene::router();
        let header = ipv4::Header {
            ttl: 1,
            fragment_offset: 8,
            ..super::header(STRANGER, FAR, Protocol::UDP)
        };
        scene.packet(&packet(header, &[], b"x"));
        scene.raised(id);
        assert!(scene.carried(0).is_empty());
    }

    /// RFC 1812 §4.3.2.8; `events.md` §8.5: icmp_error-ratelimit.
    #[test]
    fn icmp_error_ratelimit() {
        let id = EventId::IcmpErrorRatelimit;
        declared(id, "icmp_error-ratelimit", Class::Core, Level::Warning);
        let mut scene = Scene::new();
        let count = |scene: &mut Scene, id| scene.host().events().count_of(id);
        for _ in 0..1000 {
            scene.packet(&datagram(HOST, 1, b"x"));
        }
        let sent = count(&mut scene, EventId::IcmpErrorStart);
        let limited = count(&mut scene, id);
        assert_eq!(sent + limited, 1000);
        assert!((1..=50).contains(&sent), "{sent}");
        assert_eq!(scene.icmp_sent().len(), usize::try_from(sent).unwrap());
        scene.lab.pass(Duration::from_secs(1));
        scene.watch();
        scene.packet(&datagram(HOST, 1, b"x"));
        assert_eq!(scene.icmp_sent().len(), 1);
    }
}

mod input {
    use super::*;

    /// A bad message, which must be dropped.
    fn dropped(
        id: EventId,
        name: &str,
        counter: &str,
        octets: &[u8],
    ) -> fairway_native::event::Fields {
        declared(id, name, Class::Core, Level::Critical);
        let mut scene = Scene::new();
        scene.packet(&packet(header(STRANGER, HOST, Protocol::ICMP), &[], octets));
        let fields = scene.raised(id);
        assert_eq!(
            (fields.source, fields.destination),
            (Some(STRANGER), Some(HOST))
        );
        assert!(scene.carried(0).is_empty());
        assert_eq!(scene.counter(Layer::Icmp, counter), 1);
        fields
    }

    /// EVT-20, 21: below eight octets, or below what the type needs.
    #[test]
    fn icmp_input_shortmsg() {
        let id = EventId::IcmpInputShortmsg;
        let fields = dropped(
            id,
            "icmp_input-shortmsg",
            "short",
            &[8, 0, 0xf7, 0xff, 0, 0, 0],
        );
        assert_eq!(fields.len, Some(7));
        dropped(
            id,
            "icmp_input-shortmsg",
            "short",
            &[13, 0, 0xf2, 0xff, 0, 0, 0, 0],
        );
    }

    /// EVT-20, 22.
    #[test]
    fn icmp_input_badsum() {
        let mut octets = icmp_octets(Message::EchoRequest { id: 1, seq: 1 }, b"data");
        octets[9] ^= 1;
        let fields = dropped(
            EventId::IcmpInputBadsum,
            "icmp_input-badsum",
            "bad_checksum",
            &octets,
        );
        assert_eq!(fields.request, Some(8));
    }

    /// EVT-20, 23: too short for the header it encloses, or that makes no sense.
    #[test]
    fn icmp_input_badlen() {
        let id = EventId::IcmpInputBadlen;
        for quoted in [
            &[][..],
            &[0x45; 19],
            &[0x44; 28],
            &datagram(PEER, 1, b"x")[..27],
        ] {
            let octets = icmp_octets(PORT_UNREACHABLE, quoted);
            let fields = dropped(id, "icmp_input-badlen", "bad_length", &octets);
            assert_eq!((fields.request, fields.detail), (Some(3), Some(3)));
        }
    }

    /// `events.md` §8.5: icmp_input-badcode; RFC 1122 §3.2.2: unknown types are discarded.
    #[test]
    fn icmp_input_badcode() {
        let mut scene = Scene::new();
        let message = Message::Other {
            message_type: Type(77),
            code: 2,
            rest: [0; 4],
        };
        scene.packet(&icmp(header(STRANGER, HOST, Protocol::ICMP), message, &[]));
        assert_eq!(
            scene.raised(EventId::IcmpInputBadcode).detail,
            Some(77 * 256 + 2)
        );
        assert!(scene.carried(0).is_empty());
    }

    /// `events.md` §8.5: icmp_input-quench; RFC 6633 §3.
    #[test]
    fn icmp_input_quench() {
        let id = EventId::IcmpInputQuench;
        declared(id, "icmp_input-quench", Class::Core, Level::Warning);
        let mut scene = Scene::new();
        let quoted = datagram(STRANGER, 9, b"x");
        let header = header(STRANGER, HOST, Protocol::ICMP);
        scene.packet(&icmp(header, Message::SourceQuench, &quoted));
        assert_eq!(scene.raised(id).source, Some(STRANGER));
    }

    /// `events.md` §8.5: icmp_input-ignored; RFC 6918 §2.1, RFC 1122 §3.2.2.7.
    #[test]
    fn icmp_input_ignored() {
        let mask = AddressMaskMessage {
            id: 1,
            seq: 1,
            mask: Ipv4Addr::UNSPECIFIED,
        };
        for message in [
            Message::AddressMaskRequest(mask),
            Message::InformationRequest { id: 1, seq: 1 },
        ] {
            let mut scene = Scene::new();
            scene.packet(&icmp(header(STRANGER, HOST, Protocol::ICMP), message, &[]));
            scene.raised(EventId::IcmpInputIgnored);
            assert!(scene.carried(0).is_empty());
        }
    }
}

mod answers {
    use super::*;

    /// RFC 1122 §3.2.2.6: from the address it was sent to, with the same data.
    #[test]
    fn echo_requests_are_answered() {
        let mut scene = Scene::new();
        scene.packet(&echo(HOST, b"some data"));
        let sent = scene.icmp_sent();
        let [(header, Message::EchoReply { id: 1, seq: 2 }, data)] = sent.as_slice() else {
            panic!("{sent:?}");
        };
        assert_eq!(
            (header.destination, data.as_slice()),
            (STRANGER, &b"some data"[..])
        );
        scene.raised(EventId::IcmpOut);
    }

    /// RFC 1122 §3.2.2.6: those to all may be ignored, and are: they would multiply a forged request.
    #[test]
    fn echo_requests_to_all_are_not_answered() {
        let mut scene = Scene::new();
        for destination in [[255; 4], [10, 0, 0, 255], [224, 0, 0, 1]] {
            let octets = echo(Ipv4Addr::from_octets(destination), b"x");
            scene.frame(MacAddr::BROADCAST, EtherType::IPV4, &octets);
        }
        assert!(scene.icmp_sent().is_empty());
    }

    /// RFC 1122 §3.2.2.6: a long request is answered whole.
    #[test]
    fn a_request_in_pieces_is_answered_in_pieces() {
        let mut scene = Scene::new();
        let whole = fairway_native::PacketBuf::from_slice(&echo(HOST, &[7; 4000]));
        for piece in fairway_native::ip::fragment::fragment(&whole, 1500).unwrap() {
            scene.packet(piece.as_slice());
        }
        let carried = scene.carried(0);
        assert_eq!(carried.len(), 3);
        let octets: usize = carried.iter().map(|packet| packet.len() - 20).sum();
        assert_eq!(octets, 4008);
    }

    /// RFC 1122 §3.2.2.6: record route and timestamp come back, with this host in them.
    #[test]
    fn options_of_a_request_come_back() {
        let mut scene = Scene::new();
        let options = [
            7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 68, 12, 5, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let octets = icmp_octets(Message::EchoRequest { id: 1, seq: 2 }, b"x");
        let header = header(STRANGER, HOST, Protocol::ICMP);
        scene.packet(&packet(header, &options, &octets));
        let carried = scene.carried(0);
        let (header, options, _) = ipv4::Header::parse_verified(&carried[0]).unwrap();
        assert_eq!(header.header_len, 44);
        assert_eq!(options[..11], [7, 11, 8, 10, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(options[11..19], [68, 12, 13, 1, 10, 0, 0, 1]);
        assert_eq!(options[19] & 0x80, 0x80, "no time since midnight");
    }

    /// RFC 1122 §3.2.2.8.
    #[test]
    fn timestamp_requests_are_answered() {
        let mut scene = Scene::new();
        let times = TimestampMessage {
            id: 3,
            seq: 4,
            originate: 99,
            receive: 0,
            transmit: 0,
        };
        let header = header(STRANGER, HOST, Protocol::ICMP);
        scene.packet(&icmp(header, Message::TimestampRequest(times), &[]));
        let sent = scene.icmp_sent();
        let [(_, Message::TimestampReply(reply), _)] = sent.as_slice() else {
            panic!("{sent:?}");
        };
        assert_eq!((reply.id, reply.seq, reply.originate), (3, 4, 99));
        assert!(reply.receive >= 0x8000_0000 && reply.transmit >= reply.receive);
    }

    /// RFC 1122 §4.1.3.3: an error about a datagram reaches the socket that sent it.
    #[test]
    fn an_error_reaches_its_socket() {
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        let now = scene.lab.now;
        let peer = std::net::SocketAddrV4::new(STRANGER, 9);
        scene.host().connect(now, socket, peer).unwrap();
        let bufs = [std::io::IoSlice::new(b"x")];
        let departure = fairway_native::Departure::default();
        scene
            .host()
            .send_msg(now, socket, &bufs, &departure)
            .unwrap();
        scene.lab.settle();
        let sent = scene.carried(0).pop().unwrap();
        let about = header(STRANGER, HOST, Protocol::ICMP);
        scene.packet(&icmp(about, PORT_UNREACHABLE, &sent));
        let error = scene.host().take_error(socket);
        assert_eq!(error, Ok(Some(fairway_native::Errno::ConnRefused)));
        // One about a packet that this host did not send changes nothing.
        let mut forged = sent.clone();
        forged[15] = 77;
        scene.packet(&icmp(about, PORT_UNREACHABLE, &forged));
        assert_eq!(scene.host().take_error(socket), Ok(None));
    }

    /// RFC 1122 §3.2.2.4: time exceeded is told to the layer above.
    #[test]
    fn time_exceeded_reaches_its_socket() {
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        let now = scene.lab.now;
        let peer = std::net::SocketAddrV4::new(STRANGER, 9);
        scene.host().connect(now, socket, peer).unwrap();
        let quoted = datagram_with(header(HOST, STRANGER, Protocol::UDP), &[], 9, b"x");
        let mut quoted = quoted;
        quoted[20..22].copy_from_slice(&1000_u16.to_be_bytes());
        let code = TimeExceededCode::TTL;
        let about = header(STRANGER, HOST, Protocol::ICMP);
        scene.packet(&icmp(about, Message::TimeExceeded { code }, &quoted));
        let error = scene.host().take_error(socket);
        assert_eq!(error, Ok(Some(fairway_native::Errno::HostUnreach)));
    }
}

mod igmp {
    use super::*;

    fn dropped(id: EventId, name: &str, counter: &str, octets: &[u8]) {
        declared(id, name, Class::Core, Level::Critical);
        let mut scene = Scene::new();
        let to = Ipv4Addr::new(224, 0, 0, 1);
        let header = ipv4::Header {
            ttl: 1,
            ..header(STRANGER, to, Protocol::IGMP)
        };
        let mac = MacAddr::from_multicast_v4(to);
        scene.frame(
            mac,
            EtherType::IPV4,
            &packet(header, &[148, 4, 0, 0], octets),
        );
        let fields = scene.raised(id);
        assert_eq!(
            (fields.interface, fields.source),
            (Some(LAN.0), Some(STRANGER))
        );
        assert!(scene.carried(0).is_empty());
        assert_eq!(scene.counter(Layer::Igmp, counter), 1);
    }

    /// EVT-20, 24: below eight octets, or below what it announces.
    #[test]
    fn igmp_input_shortmsg() {
        let id = EventId::IgmpInputShortmsg;
        dropped(
            id,
            "igmp_input-shortmsg",
            "too_short",
            &[0x11, 0, 0xee, 0xff, 0, 0, 0],
        );
        dropped(
            id,
            "igmp_input-shortmsg",
            "too_short",
            &[0x22, 0, 0xdd, 0xfe, 0, 0, 0, 1],
        );
    }

    /// EVT-20, 25.
    #[test]
    fn igmp_input_badsum() {
        let octets = [0x11, 0, 1, 2, 0, 0, 0, 0];
        dropped(
            EventId::IgmpInputBadsum,
            "igmp_input-badsum",
            "bad_checksum",
            &octets,
        );
    }
}
