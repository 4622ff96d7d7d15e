//! `events.md` §5.3, "IP input" and "IP forwarding and output", and the proposals of §8.5 for IP.

use crate::scene::{
    FAR, FAR_LAN, HOST, LAN, Layer, NOWHERE, PEER, STRANGER, Scene, datagram, datagram_with,
    declared, echo, header, packet,
};
use fairway_native::event::{Class, EventId, Level};
use fairway_native::route::{Prefix, Route};
use fairway_native::sock::{MtuDiscovery, SocketOptions};
use fairway_native::{Departure, Errno};
use fairway_wire::icmp::{Message, ParameterCode, TimeExceededCode, UnreachableCode};
use fairway_wire::{EtherType, MacAddr, Protocol, SeqNumber, ipv4, tcp};
use std::net::Ipv4Addr;
use std::time::Duration;

/// A datagram to a socket of the host, changed; the host must drop it without an answer.
fn dropped(
    id: EventId,
    name: &str,
    counter: &str,
    change: impl FnOnce(&mut Vec<u8>),
) -> fairway_native::event::Fields {
    declared(id, name, Class::Core, Level::Critical);
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    let mut octets = datagram(HOST, 1000, b"hello");
    change(&mut octets);
    scene.watch();
    let before = scene.counter(Layer::Ip, counter);
    scene.packet(&octets);
    let fields = scene.raised(id);
    assert_eq!(scene.counter(Layer::Ip, counter), before + 1);
    assert_eq!(fields.interface, Some(LAN.0));
    assert_eq!(scene.lab.recv(0, socket), None);
    assert!(
        scene.carried(0).is_empty(),
        "RFC 1812 §4.3.2.7: no error about a bad header"
    );
    fields
}

mod input {
    use super::*;

    /// EVT-20, 8.
    #[test]
    fn ipintr_shortmsg() {
        let fields = dropped(
            EventId::IpintrShortmsg,
            "ipintr-shortmsg",
            "too_small",
            |octets| octets.truncate(19),
        );
        assert_eq!(fields.len, Some(19));
    }

    /// EVT-20, 9.
    #[test]
    fn ipintr_badvers() {
        let fields = dropped(
            EventId::IpintrBadvers,
            "ipintr-badvers",
            "bad_version",
            |octets| octets[0] = 0x65,
        );
        assert_eq!(fields.detail, Some(6));
    }

    /// EVT-20, 10: below 20, or cut short.
    #[test]
    fn ipintr_badhlen() {
        let id = EventId::IpintrBadhlen;
        let fields = dropped(id, "ipintr-badhlen", "bad_header_length", |octets| {
            octets[0] = 0x44;
        });
        assert_eq!(fields.detail, Some(16));
        let fields = dropped(id, "ipintr-badhlen", "bad_header_length", |octets| {
            octets[0] = 0x4f;
            octets[3] = 60;
            octets.truncate(40);
        });
        assert_eq!(fields.detail, Some(60));
    }

    /// EVT-20, 11.
    #[test]
    fn ipintr_badsum() {
        let fields = dropped(
            EventId::IpintrBadsum,
            "ipintr-badsum",
            "bad_checksum",
            |octets| octets[8] = 63,
        );
        assert_eq!(
            (fields.source, fields.destination),
            (Some(STRANGER), Some(HOST))
        );
    }

    /// EVT-20, 12.
    #[test]
    fn ipintr_badlen() {
        let fields = dropped(
            EventId::IpintrBadlen,
            "ipintr-badlen",
            "bad_length",
            |octets| octets[3] = 19,
        );
        assert_eq!(fields.detail, Some(19));
    }

    /// EVT-20, 13.
    #[test]
    fn ipintr_badmblk() {
        let fields = dropped(
            EventId::IpintrBadmblk,
            "ipintr-badmblk",
            "too_short",
            |octets| {
                octets.pop();
            },
        );
        assert_eq!(
            (fields.source, fields.destination),
            (Some(STRANGER), Some(HOST))
        );
        assert_eq!((fields.detail, fields.len), (Some(33), Some(32)));
    }

    /// EVT-20, 14: with the parameter problem that RFC 1122 §3.2.2.5 asks for.
    #[test]
    fn ip_dooptions_badopt() {
        let id = EventId::IpDooptionsBadopt;
        declared(id, "ip_dooptions-badopt", Class::Core, Level::Critical);
        let mut scene = Scene::new();
        let header = header(STRANGER, HOST, Protocol::UDP);
        let bad = datagram_with(header, &[1, 7, 2, 0], 1000, b"x");
        scene.packet(&bad);
        let fields = scene.raised(id);
        assert_eq!(
            (fields.source, fields.destination),
            (Some(STRANGER), Some(HOST))
        );
        assert_eq!((fields.request, fields.detail), (Some(7), Some(22)));
        assert_eq!(scene.counter(Layer::Ip, "bad_options"), 1);
        let (_, message, quoted) = scene.icmp_error();
        let code = ParameterCode::POINTER;
        assert_eq!(message, Message::ParameterProblem { code, pointer: 22 });
        assert_eq!(quoted, bad);
    }

    /// RFC 1812 §5.2.4.1: source routes are refused.
    #[test]
    fn source_routes_are_answered_with_source_route_failed() {
        let mut scene = Scene::router();
        let header = header(STRANGER, HOST, Protocol::UDP);
        let routed = datagram_with(header, &[131, 7, 4, 10, 0, 1, 2, 0], 1000, b"x");
        scene.packet(&routed);
        assert_eq!(scene.raised(EventId::IpDooptionsBadopt).request, Some(131));
        let (_, message, _) = scene.icmp_error();
        let Message::DestinationUnreachable { code, .. } = message else {
            panic!("{message:?}");
        };
        assert_eq!(code, UnreachableCode::SOURCE_ROUTE_FAILED);
        assert!(scene.carried(1).is_empty());
    }

    /// `events.md` §8.5; RFC 1122 §3.2.1.3.
    #[test]
    fn ip_input_badsrc() {
        let id = EventId::IpInputBadsrc;
        declared(id, "ip_input-badsrc", Class::Core, Level::Warning);
        for source in [[224, 0, 0, 5], [255; 4], [127, 0, 0, 1], [240, 0, 0, 1]] {
            let mut scene = Scene::new();
            let source = Ipv4Addr::from_octets(source);
            scene.packet(&packet(header(source, HOST, Protocol(200)), &[], b"x"));
            assert_eq!(scene.raised(id).source, Some(source));
            assert!(scene.carried(0).is_empty());
        }
    }

    /// `events.md` §8.5: ip_input-notours; RFC 1122 §3.2.1.3: a host does not forward.
    #[test]
    fn ip_input_notours() {
        let mut scene = Scene::new();
        scene.packet(&datagram(FAR, 9, b"x"));
        assert_eq!(scene.raised(EventId::IpInputNotours).destination, Some(FAR));
        assert!(scene.carried(0).is_empty() && scene.carried(1).is_empty());
    }

    /// `events.md` §8.5: ip_input-noproto; RFC 1122 §3.2.2.1: protocol unreachable.
    #[test]
    fn ip_input_noproto() {
        let mut scene = Scene::new();
        let unknown = packet(header(STRANGER, HOST, Protocol(200)), &[], b"what?");
        scene.packet(&unknown);
        assert_eq!(scene.raised(EventId::IpInputNoproto).protocol, Some(200));
        let (_, message, quoted) = scene.icmp_error();
        let Message::DestinationUnreachable { code, .. } = message else {
            panic!("{message:?}");
        };
        assert_eq!((code, quoted), (UnreachableCode::PROTOCOL, unknown));
    }
}

mod reassembly {
    use super::*;

    fn piece(offset: u16, more: bool, data: &[u8]) -> Vec<u8> {
        let header = ipv4::Header {
            more_fragments: more,
            fragment_offset: offset,
            ..header(STRANGER, HOST, Protocol::UDP)
        };
        packet(header, &[], data)
    }

    /// `events.md` §8.5: ip_reass-timeout; RFC 1122 §3.3.2: time exceeded, code 1, if the first fragment came.
    #[test]
    fn ip_reass_timeout() {
        let id = EventId::IpReassTimeout;
        declared(id, "ip_reass-timeout", Class::Core, Level::Warning);
        let mut scene = Scene::new();
        scene.packet(&piece(0, true, &[1; 16]));
        scene.lab.pass(Duration::from_secs(59));
        assert!(scene.silent(id));
        scene.lab.pass(Duration::from_secs(1));
        assert_eq!(scene.raised(id).source, Some(STRANGER));
        let (_, message, quoted) = scene.icmp_error();
        let code = TimeExceededCode::REASSEMBLY;
        assert_eq!(message, Message::TimeExceeded { code });
        assert_eq!(quoted, piece(0, true, &[1; 16]));
        scene.watch();
        scene.packet(&piece(16, true, &[1; 16]));
        scene.lab.pass(Duration::from_secs(60));
        scene.raised(id);
        assert!(scene.carried(0).is_empty());
    }

    /// `events.md` §8.5: ip_reass-overlap, ip_reass-toolong.
    #[test]
    fn fragments_that_cannot_be_are_told() {
        let mut scene = Scene::new();
        scene.packet(&piece(0, true, &[1; 16]));
        scene.packet(&piece(8, true, &[1; 16]));
        scene.raised(EventId::IpReassOverlap);
        scene.packet(&piece(65_528, false, &[1; 16]));
        // Of the same packet: it is refused for good.
        scene.raised(EventId::IpReassOverlap);
        let mut scene = Scene::new();
        scene.packet(&piece(65_528, false, &[1; 16]));
        scene.raised(EventId::IpReassToolong);
    }

    /// ip-reass and ip-frag: a datagram in pieces is one datagram.
    #[test]
    fn a_long_datagram_goes_in_pieces_and_arrives_whole() {
        let mut scene = Scene::new();
        let receiver = scene.udp(1000);
        let sender = scene.lab.udp(1, "0.0.0.0:2000");
        let data: Vec<u8> = (0..5000_u32).map(|n| n.to_be_bytes()[3]).collect();
        scene.lab.send(1, sender, "10.0.0.1:1000", &data).unwrap();
        let (received, _) = scene.lab.recv(0, receiver).unwrap();
        assert_eq!(received, data);
        scene.raised(EventId::IpReass);
        scene.watch();
        let answer = scene.lab.send(0, receiver, "10.0.0.2:2000", &data);
        assert_eq!(answer, Ok(5000));
        assert_eq!(scene.raised(EventId::IpFrag).detail, Some(4));
        assert_eq!(scene.carried(0).len(), 4);
    }
}

mod forwarding {
    use super::*;

    /// EVT-20, 15: classes D and E, networks 0 and 127, broadcasts.
    #[test]
    fn ip_forward_badaddr() {
        let id = EventId::IpForwardBadaddr;
        declared(id, "ip_forward-badaddr", Class::Core, Level::Critical);
        for destination in [[240, 0, 0, 1], [0, 1, 2, 3], [10, 0, 1, 255]] {
            let mut scene = Scene::router();
            let destination = Ipv4Addr::from_octets(destination);
            scene.packet(&datagram(destination, 9, b"x"));
            let fields = scene.raised(id);
            assert_eq!(
                (fields.source, fields.destination),
                (Some(STRANGER), Some(destination))
            );
            assert!(scene.carried(0).is_empty() && scene.carried(1).is_empty());
            assert_eq!(scene.counter(Layer::Ip, "cannot_forward"), 1);
        }
        // What the link carried to all is for nobody further on.
        let mut scene = Scene::router();
        scene.frame(MacAddr::BROADCAST, EtherType::IPV4, &datagram(FAR, 9, b"x"));
        scene.raised(id);
        assert!(scene.carried(1).is_empty());
    }

    /// RFC 1812 §5.3.1: what is forwarded has one hop fewer to live, and is otherwise as it was.
    #[test]
    fn a_packet_for_another_network_is_passed_on() {
        let mut scene = Scene::router();
        let sent = datagram(FAR, 9, b"payload");
        scene.packet(&sent);
        let on = scene.carried(1);
        assert_eq!(on.len(), 1);
        let (header, _, data) = ipv4::Header::parse_verified(&on[0]).unwrap();
        assert_eq!(
            (header.ttl, header.source, header.destination),
            (63, STRANGER, FAR)
        );
        assert_eq!(data, &sent[20..]);
        assert!(scene.icmp_sent().is_empty());
    }

    /// `events.md` §8.5: ip_forward-ttl; RFC 1812 §5.3.1: time exceeded.
    #[test]
    fn ip_forward_ttl() {
        let id = EventId::IpForwardTtl;
        declared(id, "ip_forward-ttl", Class::Core, Level::Warning);
        for ttl in [0, 1] {
            let mut scene = Scene::router();
            let header = ipv4::Header {
                ttl,
                ..header(STRANGER, FAR, Protocol::UDP)
            };
            let late = datagram_with(header, &[], 9, b"x");
            scene.packet(&late);
            assert_eq!(scene.raised(id).source, Some(STRANGER));
            let (_, message, quoted) = scene.icmp_error();
            let code = TimeExceededCode::TTL;
            assert_eq!((message, quoted), (Message::TimeExceeded { code }, late));
            assert!(scene.carried(1).is_empty());
        }
    }

    /// A packet for the router itself may have none left (RFC 1812 §5.3.1).
    #[test]
    fn the_last_hop_may_use_up_the_time_to_live() {
        let mut scene = Scene::router();
        let mut octets = echo(HOST, b"x");
        octets[8] = 1;
        ipv4::fill_checksum(&mut octets);
        scene.packet(&octets);
        let replies = scene.icmp_sent();
        assert!(matches!(replies[..], [(_, Message::EchoReply { .. }, _)]));
    }

    /// `events.md` §8.5: ip_forward-needfrag; RFC 1191 §4: with the MTU of the next hop.
    #[test]
    fn ip_forward_needfrag() {
        let mut scene = Scene::router();
        let now = scene.lab.now;
        scene.host().set_mtu(now, FAR_LAN, 600).unwrap();
        let header = ipv4::Header {
            dont_fragment: true,
            ..header(STRANGER, FAR, Protocol::UDP)
        };
        scene.packet(&datagram_with(header, &[], 9, &[0; 600]));
        assert_eq!(scene.raised(EventId::IpForwardNeedfrag).detail, Some(600));
        let (_, message, _) = scene.icmp_error();
        let code = UnreachableCode::FRAGMENTATION_NEEDED;
        let next_hop_mtu = 600;
        assert_eq!(
            message,
            Message::DestinationUnreachable { code, next_hop_mtu }
        );
        assert!(scene.carried(1).is_empty());
        scene.watch();
        scene.packet(&datagram(FAR, 9, &[0; 600]));
        assert_eq!(scene.carried(1).len(), 2, "without the bit it is cut");
    }

    /// RFC 1191 §4, of a segment that the next link was to cut: its pieces are what must fit, and its sender is told of
    /// the first of them.
    #[test]
    fn segments_still_to_be_cut_are_refused_by_their_pieces() {
        for (mss, fits) in [(536, true), (1460, false)] {
            let mut scene = Scene::router();
            let now = scene.lab.now;
            scene.host().set_mtu(now, FAR_LAN, 576).unwrap();
            let mut segment = vec![0; 20];
            let tcp = tcp::Header {
                source_port: 1,
                destination_port: 2,
                seq: SeqNumber(7),
                ack: SeqNumber(0),
                header_len: 20,
                flags: tcp::Flags::ACK,
                window: 100,
                checksum: 0,
                urgent: 0,
            };
            tcp.emit(&[], &mut segment);
            segment.extend_from_slice(&[0; 4000]);
            tcp::fill_checksum(STRANGER, FAR, &mut segment);
            let header = ipv4::Header {
                dont_fragment: true,
                ..header(STRANGER, FAR, Protocol::TCP)
            };
            scene.watch();
            scene.offloaded(&packet(header, &[], &segment), mss);
            let errors = scene.icmp_sent();
            if fits {
                assert!(errors.is_empty());
                assert_eq!(scene.carried(1).len(), 8);
                continue;
            }
            assert!(scene.carried(1).is_empty());
            let (_, message, quoted) = &errors[0];
            let told = Message::DestinationUnreachable {
                code: UnreachableCode::FRAGMENTATION_NEEDED,
                next_hop_mtu: 576,
            };
            assert_eq!(*message, told);
            assert_eq!(quoted[2..4], 1500_u16.to_be_bytes());
            scene.raised(EventId::IpForwardNeedfrag);
        }
    }

    /// `events.md` §8.5: ip_forward-noroute; RFC 1812 §4.3.3.1: network unreachable.
    #[test]
    fn ip_forward_noroute() {
        let mut scene = Scene::router();
        scene.packet(&datagram(NOWHERE, 9, b"x"));
        assert_eq!(
            scene.raised(EventId::IpForwardNoroute).destination,
            Some(NOWHERE)
        );
        let (header, message, _) = scene.icmp_error();
        let Message::DestinationUnreachable { code, .. } = message else {
            panic!("{message:?}");
        };
        assert_eq!((code, header.destination), (UnreachableCode::NET, STRANGER));
    }

    /// RFC 1812 §5.2.7.1, §4.3.3.1: host unreachable when the next hop does not answer ARP, at once while suspended.
    #[test]
    fn a_silent_neighbour_makes_its_host_unreachable() {
        let mut scene = Scene::router();
        let silent = Ipv4Addr::new(10, 0, 1, 99);
        let code = |scene: &mut Scene| match scene.icmp_error() {
            (_, Message::DestinationUnreachable { code, .. }, _) => code,
            other => panic!("{other:?}"),
        };
        scene.packet(&datagram(silent, 9, b"x"));
        scene.lab.pass(Duration::from_secs(5));
        assert_eq!(code(&mut scene), UnreachableCode::HOST);
        scene.watch();
        scene.packet(&datagram(silent, 9, b"x"));
        assert_eq!(code(&mut scene), UnreachableCode::HOST);
        scene.raised(EventId::EtherOutputRtreject);
    }
}

mod output {
    use super::*;

    /// EVT-20, 16: no route; routing bypassed and not directly reachable.
    #[test]
    fn ip_output_badaddr() {
        let id = EventId::IpOutputBadaddr;
        declared(id, "ip_output-badaddr", Class::Core, Level::Critical);
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        let sent = scene.lab.send(0, socket, "203.0.113.9:9", b"x");
        assert_eq!(sent, Err(Errno::NetUnreach));
        let fields = scene.raised(id);
        assert_eq!(fields.destination, Some(NOWHERE));
        assert_eq!(fields.errno, Some(Errno::NetUnreach));
        let now = scene.lab.now;
        let departure = Departure {
            peer: Some("203.0.113.9:9".parse().unwrap()),
            dont_route: true,
            ..Departure::default()
        };
        let bufs = [std::io::IoSlice::new(b"x")];
        let sent = scene.host().send_msg(now, socket, &bufs, &departure);
        assert_eq!(sent, Err(Errno::NetUnreach));
        assert_eq!(scene.raised(id).reason, Some("routing bypassed"));
        assert_eq!(scene.counter(Layer::Ip, "no_route"), 2);
    }

    /// EVT-20, 17: a broadcast without SO_BROADCAST (SND-5).
    #[test]
    fn ip_output_badaddrtype() {
        let id = EventId::IpOutputBadaddrtype;
        declared(id, "ip_output-badaddrtype", Class::Core, Level::Critical);
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        let sent = scene.lab.send(0, socket, "10.0.0.255:9", b"x");
        assert_eq!(sent, Err(Errno::Access));
        let fields = scene.raised(id);
        assert_eq!(fields.errno, Some(Errno::Access));
        assert_eq!(fields.destination, Some(Ipv4Addr::new(10, 0, 0, 255)));
        assert!(scene.carried(0).is_empty());
        assert_eq!(scene.counter(Layer::Ip, "output_dropped"), 1);
    }

    /// EVT-20, 18: DF, and a large broadcast.
    #[test]
    fn ip_output_badsize() {
        let id = EventId::IpOutputBadsize;
        declared(id, "ip_output-badsize", Class::Core, Level::Critical);
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        let now = scene.lab.now;
        let change = |options: &mut SocketOptions| {
            options.mtu_discovery = MtuDiscovery::Always;
            options.broadcast = true;
        };
        scene.host().set_options(now, socket, change).unwrap();
        let sent = scene.lab.send(0, socket, "10.0.0.2:9", &[0; 1473]);
        assert_eq!(sent, Err(Errno::MsgSize));
        let fields = scene.raised(id);
        assert_eq!((fields.len, fields.detail), (Some(1501), Some(1500)));
        assert_eq!(fields.errno, Some(Errno::MsgSize));
        assert_eq!(
            (fields.source, fields.destination),
            (Some(HOST), Some(PEER))
        );
        let change = |options: &mut SocketOptions| options.mtu_discovery = MtuDiscovery::Off;
        scene.host().set_options(now, socket, change).unwrap();
        let sent = scene.lab.send(0, socket, "10.0.0.255:9", &[0; 1473]);
        assert_eq!(sent, Err(Errno::MsgSize));
        assert_eq!(scene.raised(id).reason, Some("large broadcast"));
        assert_eq!(scene.counter(Layer::Ip, "cannot_fragment"), 2);
        assert!(scene.carried(0).is_empty());
    }

    /// EVT-20, 19: no room for eight octets beside the header and its options.
    #[test]
    fn ip_output_shortmsg() {
        let id = EventId::IpOutputShortmsg;
        declared(id, "ip_output-shortmsg", Class::Core, Level::Critical);
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        let now = scene.lab.now;
        // A link carries 68 octets at least (RFC 791 §3.2), and that is enough; a route may say less.
        let mut route = Route::new(Prefix::host(PEER), None, LAN);
        route.mtu = Some(67);
        scene.host().add_route(now, route).unwrap();
        let change = |options: &mut SocketOptions| {
            options.mtu_discovery = MtuDiscovery::Off;
            options.ip_options = Some(vec![1; 40].into());
        };
        scene.host().set_options(now, socket, change).unwrap();
        let sent = scene.lab.send(0, socket, "10.0.0.2:9", &[0; 100]);
        assert_eq!(sent, Err(Errno::MsgSize));
        let fields = scene.raised(id);
        assert_eq!(
            (fields.source, fields.destination),
            (Some(HOST), Some(PEER))
        );
        assert_eq!((fields.len, fields.detail), (Some(168), Some(67)));
        assert_eq!(scene.counter(Layer::Ip, "cannot_fragment"), 1);
        assert_eq!(fields.errno, Some(Errno::MsgSize));
        assert!(scene.carried(0).is_empty());
    }
}
