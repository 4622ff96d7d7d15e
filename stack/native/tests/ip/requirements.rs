//! What RFC 1122 §3 asks of a host's IP, and RFC 1812 §5 of a router's, beside what the events show.

use crate::scene::{
    FAR, FAR_LAN, HOST, HOST_TOO, LAN, NOWHERE, PEER, STRANGER, STRANGER_MAC, Scene, datagram,
    datagram_with, echo, header, packet,
};
use fairway_native::event::EventId;
use fairway_native::qos::Fifo;
use fairway_native::route::{Prefix, Route};
use fairway_native::sock::SocketOptions;
use fairway_native::{Departure, Errno, InterfaceId, Setup, SocketId, Stack};
use fairway_wire::icmp::Message;
use fairway_wire::{EtherType, MacAddr, Protocol, ipv4, udp};
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// Sends a datagram to the stranger, whose link address is known: the packet on the wire.
fn sent(scene: &mut Scene, socket: SocketId) -> Vec<u8> {
    scene.lab.carried.clear();
    scene.lab.send(0, socket, "10.0.0.66:9", b"data").unwrap();
    scene.carried(0).remove(0)
}

fn change(
    scene: &mut Scene,
    socket: SocketId,
    change: impl FnOnce(&mut SocketOptions),
) -> Result<(), Errno> {
    let now = scene.lab.now;
    scene.host().set_options(now, socket, change)
}

mod section_3_2_1 {
    use super::*;

    /// RFC 1122 §3.2.1.3: (c) to all of this network, (d) to all of a network of this host, (e) to a group.
    #[test]
    fn what_is_for_all_is_for_this_host_too() {
        for destination in [[255; 4], [10, 0, 0, 255]] {
            let mut scene = Scene::new();
            let socket = scene.udp(1000);
            let octets = datagram(Ipv4Addr::from_octets(destination), 1000, b"hello");
            scene.frame(MacAddr::BROADCAST, EtherType::IPV4, &octets);
            let (data, _) = scene.lab.recv(0, socket).unwrap();
            assert_eq!(data, b"hello");
        }
    }

    /// A broadcast to all networks goes out on each from the address that the host has there, with a checksum that says
    /// so, and as long as each carries; one that is full keeps no other from it, and the host hears it once.
    #[test]
    fn a_broadcast_to_all_networks_is_at_home_in_each() {
        let mut scene = Scene::new();
        let now = scene.lab.now;
        let (socket, hears) = (scene.udp(1000), scene.udp(67));
        change(&mut scene, socket, |it| {
            it.broadcast = true;
            it.limited_broadcast_everywhere = true;
        })
        .unwrap();
        let send = |scene: &mut Scene, length: usize| {
            scene.watch();
            let data = vec![7; length];
            let sent = scene.lab.send(0, socket, "255.255.255.255:67", &data);
            sent.map(drop)
        };
        let heard = |scene: &mut Scene| {
            let mut octets = [0; 2000];
            std::iter::from_fn(|| scene.host().recv_msg(hears, &mut octets, false).ok()).count()
        };
        send(&mut scene, 5).unwrap();
        for (segment, own) in [(0, HOST), (1, HOST_TOO)] {
            let carried = scene.carried(segment);
            assert_eq!(carried.len(), 1, "{own}");
            let (header, _, payload) = ipv4::Header::parse_verified(&carried[0]).unwrap();
            assert_eq!(
                (header.source, header.destination),
                (own, Ipv4Addr::BROADCAST)
            );
            assert!(udp::verify_checksum(own, Ipv4Addr::BROADCAST, payload));
        }
        assert_eq!(heard(&mut scene), 1);
        // The first is full.
        scene.host().set_queue(LAN, Fifo::new(0, 0)).unwrap();
        send(&mut scene, 5).unwrap();
        assert_eq!((scene.carried(0).len(), scene.carried(1).len()), (0, 1));
        // The second carries less, and long broadcasts are not cut: that fails on all.
        scene.host().set_mtu(now, FAR_LAN, 576).unwrap();
        assert_eq!(send(&mut scene, 1000), Err(Errno::NoBufs));
        scene.host().set_queue(LAN, Fifo::default()).unwrap();
        send(&mut scene, 1000).unwrap();
        assert_eq!((scene.carried(0).len(), scene.carried(1).len()), (1, 0));
    }

    /// RFC 1122 §3.2.1.3 (g), of packets whose headers a program made; and what it sends to groups comes back only if
    /// it wants that.
    #[test]
    fn headers_made_by_programs_obey_too() {
        let mut scene = Scene::new();
        let raw = scene.host().raw_socket(Protocol::RAW).unwrap();
        let send = |scene: &mut Scene, source: Ipv4Addr, destination: Ipv4Addr| {
            let whole = packet(header(source, destination, Protocol(200)), &[], b"x");
            let now = scene.lab.now;
            let bufs = [IoSlice::new(&whole)];
            let sent = scene
                .host()
                .send_msg(now, raw, &bufs, &Departure::default());
            scene.lab.settle();
            sent.map(drop)
        };
        let loopback = Ipv4Addr::LOCALHOST;
        scene.watch();
        let refused = Err(Errno::AddrNotAvail);
        assert_eq!(send(&mut scene, loopback, PEER), refused);
        scene.raised(EventId::IpOutputBadaddrtype);
        assert!(scene.carried(0).is_empty());
        send(&mut scene, loopback, loopback).unwrap();

        let group = Ipv4Addr::new(239, 1, 1, 1);
        let member = scene.host().raw_socket(Protocol(200)).unwrap();
        let now = scene.lab.now;
        let joined = scene.host().join(now, member, group, Some(LAN), None);
        joined.unwrap();
        scene.lab.pass(Duration::from_secs(30));
        for looped in [true, false] {
            change(&mut scene, raw, |it| it.multicast_loop = looped).unwrap();
            scene.watch();
            send(&mut scene, HOST, group).unwrap();
            assert_eq!(scene.carried(0).len(), 1);
            let mut octets = [0; 100];
            let got = std::iter::from_fn(|| scene.host().recv_msg(member, &mut octets, false).ok());
            assert_eq!(got.count(), usize::from(looped));
        }
    }

    /// RFC 1122 §3.2.1.3 (g): addresses of 127.0.0.0/8 "MUST NOT appear outside a host".
    #[test]
    fn loopback_addresses_do_not_leave_the_host() {
        let mut scene = Scene::new();
        let socket = scene.lab.udp(0, "127.0.0.1:1000");
        let departed = scene.lab.send(0, socket, "10.0.0.66:9", b"x");
        assert!(departed.is_err(), "{departed:?}");
        assert!(scene.carried(0).is_empty());
        // All of them are this host.
        let other = scene.lab.udp(0, "0.0.0.0:1001");
        scene.lab.send(0, socket, "127.99.0.1:1001", b"x").unwrap();
        assert!(scene.lab.recv(0, other).is_some());
        assert!(scene.carried(0).is_empty());
    }

    /// RFC 1122 §3.2.1.6, §3.2.1.7: the layer above sets type of service and time to live; never 0.
    #[test]
    fn type_of_service_and_time_to_live_are_as_the_socket_wants() {
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        let (first, _, _) = ipv4::Header::parse_verified(&sent(&mut scene, socket)).unwrap();
        assert_eq!((first.ttl, first.dscp_ecn), (64, 0));
        change(&mut scene, socket, |it| (it.ttl, it.tos) = (7, 0x10)).unwrap();
        let (second, _, _) = ipv4::Header::parse_verified(&sent(&mut scene, socket)).unwrap();
        assert_eq!((second.ttl, second.dscp_ecn), (7, 0x10));
        let zero = change(&mut scene, socket, |it| it.ttl = 0);
        assert_eq!(zero, Err(Errno::Inval));
    }

    /// RFC 1122 §3.2.1.7: a host must not discard what has little time left.
    #[test]
    fn a_packet_for_this_host_is_taken_whatever_its_time_to_live() {
        for ttl in [0, 1] {
            let mut scene = Scene::new();
            let socket = scene.udp(1000);
            let header = ipv4::Header {
                ttl,
                ..header(STRANGER, HOST, Protocol::UDP)
            };
            scene.packet(&datagram_with(header, &[], 1000, b"late"));
            assert!(scene.lab.recv(0, socket).is_some());
        }
    }

    /// RFC 1122 §3.2.1.8: options are sent as asked, and what comes with options not known is taken.
    #[test]
    fn options_go_out_and_come_in() {
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        let route = [7, 7, 4, 0, 0, 0, 0, 1];
        change(&mut scene, socket, |it| {
            it.ip_options = Some(Box::new(route));
        })
        .unwrap();
        let octets = sent(&mut scene, socket);
        let (_, options, _) = ipv4::Header::parse_verified(&octets).unwrap();
        assert_eq!(options[..3], [7, 7, 4]);
        let header = header(STRANGER, HOST, Protocol::UDP);
        scene.packet(&datagram_with(header, &[200, 4, 1, 2], 1000, b"x"));
        assert!(scene.lab.recv(0, socket).is_some());
    }

    /// RFC 1122 §3.2.1.5, RFC 6864 §4: no two packets that may be cut have the same identification soon.
    #[test]
    fn identifications_differ() {
        use fairway_native::sock::MtuDiscovery;
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        change(&mut scene, socket, |it| {
            it.mtu_discovery = MtuDiscovery::Off;
        })
        .unwrap();
        let ids: std::collections::BTreeSet<_> = (0..200)
            .map(|_| sent(&mut scene, socket)[4..6].to_vec())
            .collect();
        assert_eq!(ids.len(), 200);
    }
}

mod section_3_3 {
    use super::*;

    /// RFC 1122 §3.3.1.4, §3.3.1.5: another default gateway takes over when the first does not answer.
    #[test]
    fn another_gateway_takes_over_from_a_dead_one() {
        let mut scene = Scene::new();
        let now = scene.lab.now;
        let dead = Ipv4Addr::new(10, 0, 0, 99);
        let mut second = Route::new(Prefix::DEFAULT, Some(STRANGER), LAN);
        second.metric = 10;
        scene
            .host()
            .set_parameter(now, "net.inet.ip.multidefroutes", 1)
            .unwrap();
        scene
            .host()
            .add_route(now, Route::new(Prefix::DEFAULT, Some(dead), LAN))
            .unwrap();
        scene.host().add_route(now, second).unwrap();
        let socket = scene.udp(1000);
        let send = |scene: &mut Scene| {
            scene.lab.carried.clear();
            let _error = scene.lab.send(0, socket, "203.0.113.9:9", b"x");
            scene.carried(0).len()
        };
        assert_eq!(send(&mut scene), 0, "it asks for the first");
        scene.lab.pass(Duration::from_secs(6));
        assert_eq!(send(&mut scene), 1);
        assert_eq!(scene.lab.carried[0].1[..6], STRANGER_MAC.0);
    }

    /// RFC 1122 §3.3.2: a host must be able to put together 576 octets, and should 65 535.
    #[test]
    fn the_longest_datagram_goes_through() {
        let mut scene = Scene::new();
        let receiver = scene.udp(1000);
        let sender = scene.lab.udp(1, "0.0.0.0:2000");
        let data = vec![9; 65_507];
        scene.lab.send(1, sender, "10.0.0.1:1000", &data).unwrap();
        let (received, _) = scene.lab.recv(0, receiver).unwrap();
        assert_eq!(received.len(), 65_507);
    }

    /// RFC 1122 §3.3.4.2: weak hosts take what is for any address of theirs by any interface, strong ones do not.
    #[test]
    fn an_address_is_the_hosts_or_the_interfaces() {
        for strong in [false, true] {
            let mut setup = Setup::new("host", [9; 32]);
            setup.config.ip.strong_host = strong;
            let mut scene = Scene::of(Stack::new(setup));
            scene.packet(&echo(HOST_TOO, b"x"));
            let answered = scene.carried(0).len() == 1;
            assert_eq!(answered, !strong);
        }
    }

    /// RFC 1122 §3.3.6: what goes to all goes as a broadcast of the link, and this host is one of them.
    #[test]
    fn a_broadcast_is_one_on_the_link_too() {
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        change(&mut scene, socket, |it| it.broadcast = true).unwrap();
        scene.lab.carried.clear();
        scene
            .lab
            .send(0, socket, "10.0.0.255:1000", b"all")
            .unwrap();
        assert_eq!(scene.lab.carried[0].1[..6], MacAddr::BROADCAST.0);
        let (data, from) = scene.lab.recv(0, socket).unwrap();
        assert_eq!((data.as_slice(), *from.ip()), (&b"all"[..], HOST));
    }

    /// RFC 1122 §3.3.1.2: a route chosen once is not looked up again, but follows the table.
    #[test]
    fn an_interface_that_goes_down_takes_its_ways_along() {
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        sent(&mut scene, socket);
        let now = scene.lab.now;
        scene.host().set_up(now, LAN, false).unwrap();
        let refused = scene.lab.send(0, socket, "10.0.0.66:9", b"x");
        assert_eq!(refused, Err(Errno::NetDown));
        scene.host().set_up(now, LAN, true).unwrap();
        assert_eq!(scene.lab.send(0, socket, "10.0.0.2:9", b"x"), Ok(1));
    }

    /// RFC 1812 §5.2.4.3: of the routes that match, one whose interface is down does not count.
    #[test]
    fn a_route_that_is_down_gives_way_to_the_next_best() {
        let mut scene = Scene::new();
        let socket = scene.udp(1000);
        let now = scene.lab.now;
        let prefix = Prefix::new(Ipv4Addr::new(192, 0, 2, 0), 24).unwrap();
        let other = InterfaceId(LAN.0 + 1);
        for (gateway, interface, metric) in [("10.0.0.2", LAN, 0), ("10.0.1.2", other, 10)] {
            let mut route = Route::new(prefix, Some(gateway.parse().unwrap()), interface);
            route.metric = metric;
            scene.host().add_route(now, route).unwrap();
        }
        for (up, segment) in [(true, 0), (false, 1), (true, 0)] {
            scene.host().handle_carrier(now, LAN, up);
            scene.lab.pass(Duration::from_secs(1));
            scene.watch();
            assert_eq!(scene.lab.send(0, socket, "192.0.2.1:9", b"x"), Ok(1));
            scene.lab.pass(Duration::from_secs(1));
            assert_eq!(scene.carried(segment).len(), 1, "{up}");
            assert!(scene.carried(1 - segment).is_empty(), "{up}");
        }
    }
}

mod routers {
    use super::*;

    /// RFC 1812 §5.2.4.1, RFC 791 §3.1: options are obeyed with the address of the interface that the packet leaves by.
    #[test]
    fn options_of_what_passes_are_obeyed() {
        let mut scene = Scene::router();
        let header = header(STRANGER, FAR, Protocol::UDP);
        let options = [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        scene.packet(&datagram_with(header, &options, 9, b"x"));
        let on = scene.carried(1);
        let (_, options, _) = ipv4::Header::parse_verified(&on[0]).unwrap();
        assert_eq!(options[..7], [7, 11, 8, 10, 0, 1, 1]);
    }

    /// RFC 2113 §2.1: a router looks more closely at what carries router alert; here, whoever asked for that protocol
    /// gets it in the place of the next hop.
    #[test]
    fn router_alert_stops_a_packet_where_somebody_wants_it() {
        let mut scene = Scene::router();
        let header = header(STRANGER, FAR, Protocol::RSVP);
        let alert = packet(header, &[148, 4, 0, 0], b"path");
        scene.packet(&alert);
        assert_eq!(scene.carried(1).len(), 1, "nobody asked for it");
        let socket = scene.host().raw_socket(Protocol::RSVP).unwrap();
        change(&mut scene, socket, |it| it.router_alert = true).unwrap();
        scene.watch();
        scene.packet(&alert);
        assert!(scene.carried(1).is_empty());
        let mut octets = [0; 100];
        let (length, _) = scene.host().recv_msg(socket, &mut octets, false).unwrap();
        assert!(octets[..length].ends_with(b"path"));
        scene.packet(&packet(header, &[], b"path"));
        assert_eq!(scene.carried(1).len(), 1, "without the option it passes");
        // However far it could still go, whether there is a way, and to a group nobody here is in.
        let last = ipv4::Header { ttl: 1, ..header };
        let nowhere = ipv4::Header {
            destination: Ipv4Addr::new(203, 0, 113, 9),
            ..header
        };
        let group = ipv4::Header {
            destination: Ipv4Addr::new(239, 1, 1, 1),
            ..header
        };
        for header in [last, nowhere, group] {
            scene.watch();
            scene.packet(&packet(header, &[148, 4, 0, 0], b"tear"));
            let (length, _) = scene.host().recv_msg(socket, &mut octets, false).unwrap();
            assert!(octets[..length].ends_with(b"tear"), "{header:?}");
            assert!(scene.carried(0).is_empty(), "no error for {header:?}");
            assert!(scene.carried(1).is_empty(), "{header:?}");
        }
    }

    /// RFC 2113 §2.1, RFC 6398 §5: fragments of what somebody asked for are put together first, like packets for the
    /// router itself; those of anything else pass.
    #[test]
    fn router_alert_stops_fragments_until_they_are_whole() {
        let mut scene = Scene::router();
        let fragment = |offset, more, data: &[u8]| {
            let header = ipv4::Header {
                id: 9,
                fragment_offset: offset,
                more_fragments: more,
                ..header(STRANGER, FAR, Protocol::RSVP)
            };
            packet(header, &[148, 4, 0, 0], data)
        };
        let first = fragment(0, true, &[1; 16]);
        let last = fragment(16, false, &[2; 4]);
        scene.packet(&first);
        assert_eq!(scene.carried(1).len(), 1, "nobody asked for it");
        let socket = scene.host().raw_socket(Protocol::RSVP).unwrap();
        change(&mut scene, socket, |it| it.router_alert = true).unwrap();
        for to in [FAR, Ipv4Addr::new(239, 1, 1, 1)] {
            let mut octets = [0; 100];
            for mut piece in [last.clone(), first.clone()] {
                piece[16..20].copy_from_slice(&to.octets());
                ipv4::fill_checksum(&mut piece);
                let waiting = scene.host().recv_msg(socket, &mut octets, false);
                assert_eq!(waiting.err(), Some(Errno::WouldBlock));
                scene.watch();
                scene.packet(&piece);
                assert!(scene.carried(1).is_empty(), "{to}");
            }
            let (length, arrival) = scene.host().recv_msg(socket, &mut octets, false).unwrap();
            let (header, _, data) = ipv4::Header::parse_verified(&octets[..length]).unwrap();
            assert!(!header.is_fragment());
            assert_eq!(data, [&[1; 16][..], &[2; 4]].concat());
            assert_eq!(arrival.destination, to);
        }
        // One that never comes whole is given up, as for a host.
        scene.watch();
        scene.packet(&first);
        scene.lab.pass(Duration::from_secs(120));
        scene.raised(EventId::IpReassTimeout);
    }

    /// RFC 2644: directed broadcasts are forwarded only if asked for; then the router is one of those they are for.
    #[test]
    fn directed_broadcasts_are_forwarded_if_asked_for() {
        let mut setup = Setup::new("router", [9; 32]);
        setup.config.ip.forwarding = true;
        setup.config.ip.directed_broadcasts = true;
        let mut scene = Scene::of(Stack::new(setup));
        let socket = scene.udp(1000);
        scene.packet(&datagram(Ipv4Addr::new(10, 0, 1, 255), 1000, b"x"));
        let on = scene.lab.carried.iter().find(|(segment, _)| *segment == 1);
        let (_, frame) = on.unwrap();
        assert_eq!(frame[..6], MacAddr::BROADCAST.0);
        assert_eq!(frame[14 + 8], 63);
        assert!(scene.lab.recv(0, socket).is_some());
    }

    /// RFC 1812 §5.3.7: packets from addresses that cannot be are not passed on.
    #[test]
    fn impossible_senders_are_not_passed_on() {
        for source in [[127, 0, 0, 1], [0, 0, 0, 0], [224, 0, 0, 9], [255; 4]] {
            let mut scene = Scene::router();
            let header = header(Ipv4Addr::from_octets(source), FAR, Protocol::UDP);
            scene.packet(&datagram_with(header, &[], 9, b"x"));
            assert!(scene.carried(1).is_empty());
        }
    }

    /// RFC 1812 §4.2.2.7: routers pass fragments on as they are, and cut them again where they must.
    #[test]
    fn fragments_pass_and_are_cut_again() {
        let mut scene = Scene::router();
        let now = scene.lab.now;
        let receiver = scene.lab.udp(2, "0.0.0.0:9");
        scene.host().set_mtu(now, InterfaceId(3), 600).unwrap();
        let data: Vec<u8> = (0..3000_u32).map(|n| n.to_be_bytes()[3]).collect();
        let whole = fairway_native::PacketBuf::from_slice(&datagram(FAR, 9, &data));
        for piece in fairway_native::ip::fragment::fragment(&whole, 1500).unwrap() {
            scene.packet(piece.as_slice());
        }
        let on = scene.carried(1);
        assert!(on.len() > 5 && on.iter().all(|piece| piece.len() <= 600));
        let (received, _) = scene.lab.recv(2, receiver).unwrap();
        assert_eq!(received, data);
    }

    /// RFC 1812 §5.3.2 and the rest of the header: what passes is changed in time to live and checksum only.
    #[test]
    fn nothing_else_of_a_packet_is_changed() {
        let mut scene = Scene::router();
        let header = ipv4::Header {
            dscp_ecn: 0xb9,
            id: 0x4321,
            dont_fragment: true,
            ..header(STRANGER, FAR, Protocol(99))
        };
        let octets = packet(header, &[], b"anything");
        scene.packet(&octets);
        let mut on = scene.carried(1).remove(0);
        assert_eq!(on[8], 63);
        on[8] = 64;
        ipv4::fill_checksum(&mut on);
        assert_eq!(on, octets);
    }

    /// A packet for an address of the router on its other network is for the router.
    #[test]
    fn the_far_address_of_a_router_is_its_own() {
        let mut scene = Scene::router();
        scene.packet(&echo(HOST_TOO, b"x"));
        let answers = scene.carried(0);
        let (header, _, payload) = ipv4::Header::parse_verified(&answers[0]).unwrap();
        assert_eq!((header.source, header.destination), (HOST_TOO, STRANGER));
        let (message, _) = Message::parse(payload).unwrap();
        assert!(matches!(message, Message::EchoReply { .. }));
    }

    /// A reject route tells the sender, a black hole does not (`RTF_REJECT`, `RTF_BLACKHOLE`).
    #[test]
    fn reject_routes_tell_and_black_holes_do_not() {
        use fairway_native::route::RouteKind;
        for (kind, errors) in [(RouteKind::Reject, 1), (RouteKind::Blackhole, 0)] {
            let mut scene = Scene::router();
            let now = scene.lab.now;
            let network = Prefix::new(NOWHERE, 24).unwrap();
            let mut route = Route::new(network, Some(PEER), LAN);
            route.kind = kind;
            scene.host().add_route(now, route).unwrap();
            scene.packet(&datagram(NOWHERE, 9, b"x"));
            assert_eq!(scene.icmp_sent().len(), errors);
            scene.raised(EventId::IpForwardNoroute);
        }
    }
}

/// A datagram to an address of this host never touches a wire.
#[test]
fn a_host_speaks_to_itself_without_a_wire() {
    let mut scene = Scene::new();
    let receiver = scene.udp(1000);
    let sender = scene.udp(1001);
    let now = scene.lab.now;
    let departure = Departure {
        peer: Some(SocketAddrV4::new(HOST, 1000)),
        ..Departure::default()
    };
    let bufs = [IoSlice::new(b"self")];
    scene
        .host()
        .send_msg(now, sender, &bufs, &departure)
        .unwrap();
    let (data, from) = scene.lab.recv(0, receiver).unwrap();
    assert_eq!(
        (data.as_slice(), from),
        (&b"self"[..], SocketAddrV4::new(HOST, 1001))
    );
    scene.lab.settle();
    assert!(scene.carried(0).is_empty());
}
