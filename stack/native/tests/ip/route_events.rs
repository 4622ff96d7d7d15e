//! `events.md` §5.3, "Routing": look-ups, changes and redirects; and what RFC 1122 §3.2.2.2, RFC 1191 ask.

use crate::scene::{
    FAR, HOST, LAN, NOWHERE, PEER, STRANGER, Scene, datagram_with, declared, header, icmp, packet,
};
use fairway_native::event::{Class, EventId, Level};
use fairway_native::route::{Origin, Prefix, Route, RouteQuery};
use fairway_native::{Departure, Errno, InterfaceId};
use fairway_wire::icmp::{Message, RedirectCode, UnreachableCode};
use fairway_wire::{Protocol, ipv4};
use std::net::Ipv4Addr;
use std::time::Duration;

fn default_by(gateway: Ipv4Addr) -> Route {
    Route::new(Prefix::DEFAULT, Some(gateway), LAN)
}

/// EVT-20, 26.
#[test]
fn rtalloc1_miss() {
    let id = EventId::Rtalloc1Miss;
    declared(id, "rtalloc1-miss", Class::Aux, Level::Critical);
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    let sent = scene.lab.send(0, socket, "203.0.113.9:9", b"x");
    assert_eq!(sent, Err(Errno::NetUnreach));
    assert_eq!(scene.raised(id).destination, Some(NOWHERE));
}

mod requests {
    use super::*;

    /// EVT-20, 28: delete of none, add of what is there, of what is unreachable.
    #[test]
    fn rtrequest_error() {
        let id = EventId::RtrequestError;
        declared(id, "rtrequest-error", Class::Aux, Level::Critical);
        let mut scene = Scene::new();
        let now = scene.lab.now;
        let before = scene.host().routes().len();
        let query = RouteQuery::new(Prefix::DEFAULT);
        let deleted = scene.host().delete_route(now, &query);
        assert_eq!(deleted, Err(Errno::Srch));
        let fields = scene.raised(id);
        assert_eq!(fields.errno, Some(Errno::Srch));
        assert_eq!(fields.destination, Some(Ipv4Addr::UNSPECIFIED));
        let far = default_by(NOWHERE);
        assert_eq!(scene.host().add_route(now, far), Err(Errno::NetUnreach));
        assert_eq!(scene.raised(id).source, Some(NOWHERE));
        let connected = Prefix::new(HOST, 24).unwrap();
        let again = scene
            .host()
            .add_route(now, Route::new(connected, None, LAN));
        assert_eq!(again, Err(Errno::Exist));
        assert_eq!(scene.raised(id).errno, Some(Errno::Exist));
        assert_eq!(scene.host().routes().len(), before);
    }

    #[test]
    fn rt_add_and_rt_del() {
        let mut scene = Scene::new();
        let now = scene.lab.now;
        scene.host().add_route(now, default_by(PEER)).unwrap();
        let fields = scene.raised(EventId::RtAdd);
        assert_eq!((fields.source, fields.detail), (Some(PEER), Some(0)));
        let query = RouteQuery::new(Prefix::DEFAULT);
        scene.host().delete_route(now, &query).unwrap();
        scene.raised(EventId::RtDel);
    }
}

mod redirects {
    use super::*;

    /// A host whose default router is the peer.
    fn scene() -> Scene {
        let mut scene = Scene::new();
        let now = scene.lab.now;
        scene.host().add_route(now, default_by(PEER)).unwrap();
        scene.watch();
        scene
    }

    fn redirect(scene: &mut Scene, from: Ipv4Addr, destination: Ipv4Addr, gateway: Ipv4Addr) {
        let code = RedirectCode::HOST;
        let quoted = datagram_with(header(HOST, destination, Protocol::UDP), &[], 9, b"x");
        let header = header(from, HOST, Protocol::ICMP);
        scene.packet(&icmp(header, Message::Redirect { code, gateway }, &quoted));
    }

    fn learned(scene: &mut Scene) -> Vec<Ipv4Addr> {
        let routes = scene.host().routes();
        let redirects = routes.iter().filter(|it| it.origin == Origin::Redirect);
        redirects.filter_map(|route| route.gateway).collect()
    }

    /// RFC 1122 §3.2.2.2: "A host receiving a Redirect message MUST update its routing information accordingly."
    #[test]
    fn a_good_one_is_followed() {
        let mut scene = scene();
        let socket = scene.udp(1000);
        redirect(&mut scene, PEER, NOWHERE, STRANGER);
        assert_eq!(learned(&mut scene), [STRANGER]);
        scene.raised(EventId::RtChange);
        scene.watch();
        scene.lab.send(0, socket, "203.0.113.9:9", b"x").unwrap();
        let (_, frame) = scene.lab.carried.first().unwrap();
        assert_eq!(frame[..6], crate::scene::STRANGER_MAC.0);
        scene.lab.pass(Duration::from_secs(600));
        assert!(learned(&mut scene).is_empty());
    }

    /// EVT-20, 27; `events.md` §6: only from the current router, to a router directly reachable, not for what is
    /// direct.
    #[test]
    fn rtredirect_error() {
        let id = EventId::RtredirectError;
        declared(id, "rtredirect-error", Class::Aux, Level::Critical);
        let cases = [
            (STRANGER, NOWHERE, Ipv4Addr::new(10, 0, 0, 9)),
            (PEER, NOWHERE, FAR),
            (PEER, NOWHERE, NOWHERE),
            (PEER, FAR, STRANGER),
            (PEER, NOWHERE, HOST),
        ];
        for (from, destination, gateway) in cases {
            let mut scene = scene();
            redirect(&mut scene, from, destination, gateway);
            let fields = scene.raised(id);
            assert_eq!(fields.source, Some(from), "{from} {destination} {gateway}");
            assert_eq!(fields.destination, Some(destination));
            assert!(fields.reason.is_some());
            assert!(learned(&mut scene).is_empty());
        }
    }

    /// RFC 1812 §5.2.7.2: sent to a host that has a better first hop on its own network.
    #[test]
    fn a_router_sends_one_where_there_is_a_better_way() {
        let mut scene = Scene::router();
        let now = scene.lab.now;
        scene.host().add_route(now, default_by(PEER)).unwrap();
        scene.watch();
        let header = header(STRANGER, NOWHERE, Protocol::UDP);
        let sent = datagram_with(header, &[], 9, b"x");
        scene.packet(&sent);
        let (_, message, quoted) = scene.icmp_error();
        let code = RedirectCode::HOST;
        let gateway = PEER;
        assert_eq!(message, Message::Redirect { code, gateway });
        assert_eq!(quoted, sent);
        // And the packet goes its way all the same.
        let on = scene.carried(0);
        let passed = on.iter().any(|packet| packet[16..20] == NOWHERE.octets());
        assert!(passed);
    }

    /// A host that does not listen is not told with each packet (RFC 1812 §4.3.2.8).
    #[test]
    fn a_router_does_not_send_one_for_every_packet() {
        let mut scene = Scene::router();
        let now = scene.lab.now;
        scene.host().add_route(now, default_by(PEER)).unwrap();
        scene.watch();
        let header = header(STRANGER, NOWHERE, Protocol::UDP);
        for _ in 0..100 {
            scene.packet(&datagram_with(header, &[], 9, b"x"));
        }
        assert_eq!(scene.icmp_sent().len(), 10);
        let on = scene.carried(0);
        let passed = on
            .iter()
            .filter(|packet| packet[16..20] == NOWHERE.octets());
        assert_eq!(passed.count(), 100);
    }

    /// Not to a sender on another network.
    #[test]
    fn a_router_sends_none_to_strangers_from_elsewhere() {
        let mut scene = Scene::router();
        let now = scene.lab.now;
        scene.host().add_route(now, default_by(PEER)).unwrap();
        scene.watch();
        let header = header(Ipv4Addr::new(198, 51, 100, 1), NOWHERE, Protocol::UDP);
        scene.packet(&datagram_with(header, &[], 9, b"x"));
        assert!(scene.icmp_sent().is_empty());
    }
}

mod path_mtu {
    use super::*;

    fn too_big(scene: &mut Scene, quoted: &[u8], next_hop_mtu: u16) {
        let code = UnreachableCode::FRAGMENTATION_NEEDED;
        let header = header(PEER, HOST, Protocol::ICMP);
        let message = Message::DestinationUnreachable { code, next_hop_mtu };
        scene.packet(&icmp(header, message, quoted));
    }

    fn connected(scene: &mut Scene) -> fairway_native::SocketId {
        let now = scene.lab.now;
        scene.host().add_route(now, default_by(PEER)).unwrap();
        let socket = scene.udp(1000);
        let peer = std::net::SocketAddrV4::new(NOWHERE, 9);
        scene.host().connect(now, socket, peer).unwrap();
        scene.watch();
        socket
    }

    fn sent(scene: &mut Scene, socket: fairway_native::SocketId, length: usize) -> Vec<Vec<u8>> {
        let now = scene.lab.now;
        scene.lab.carried.clear();
        let data = vec![0; length];
        let bufs = [std::io::IoSlice::new(&data)];
        let departure = Departure::default();
        scene
            .host()
            .send_msg(now, socket, &bufs, &departure)
            .unwrap();
        scene.lab.settle();
        scene.carried(0)
    }

    /// RFC 1191 §3, §6.3: what is reported is obeyed, and tried anew after ten minutes. pmtu-change.
    #[test]
    fn a_report_is_obeyed_for_ten_minutes() {
        let mut scene = Scene::new();
        let socket = connected(&mut scene);
        let long = sent(&mut scene, socket, 1400);
        assert_eq!(long.len(), 1);
        too_big(&mut scene, &long[0], 1000);
        assert_eq!(scene.raised(EventId::PmtuChange).detail, Some(1000));
        assert_eq!(scene.host().path_mtu(socket), Ok(1000));
        // The socket hears of it once (RFC 1122 §4.1.3.3); what it sends from then on is cut.
        assert_eq!(scene.host().take_error(socket), Ok(Some(Errno::MsgSize)));
        let pieces = sent(&mut scene, socket, 1400);
        assert!(pieces.iter().all(|piece| piece.len() <= 1000));
        scene.lab.pass(Duration::from_secs(600));
        assert_eq!(scene.host().path_mtu(socket), Ok(1500));
    }

    /// RFC 1191 §7.1: without a number the next plateau is tried; §3: never below 68, here not below 552.
    #[test]
    fn without_a_number_a_plateau_is_tried() {
        let mut scene = Scene::new();
        let socket = connected(&mut scene);
        let long = sent(&mut scene, socket, 1472);
        too_big(&mut scene, &long[0], 0);
        assert_eq!(scene.host().path_mtu(socket), Ok(1492));
        too_big(&mut scene, &long[0], 20);
        assert_eq!(scene.host().path_mtu(socket), Ok(552));
    }

    /// RFC 5927 §7: a report about nothing that was sent from here is a forgery.
    #[test]
    fn forged_reports_are_not_believed() {
        let mut scene = Scene::new();
        let socket = connected(&mut scene);
        let mut long = sent(&mut scene, socket, 1400).remove(0);
        long[20..22].copy_from_slice(&4444_u16.to_be_bytes());
        too_big(&mut scene, &long, 600);
        assert_eq!(scene.host().path_mtu(socket), Ok(1500));
        let other = ipv4::Header {
            source: FAR,
            ..header(HOST, NOWHERE, Protocol::UDP)
        };
        too_big(&mut scene, &datagram_with(other, &[], 9, &[0; 1000]), 600);
        assert_eq!(scene.host().path_mtu(socket), Ok(1500));
    }

    /// RFC 5927 §7, of datagrams: only to whom one was sent of late, or a socket is connected; of other protocols only
    /// those that somebody here has a socket for, too.
    #[test]
    fn reports_are_believed_of_what_was_sent_of_late() {
        let mut scene = Scene::new();
        let connected = connected(&mut scene);
        let elsewhere = Ipv4Addr::new(203, 0, 113, 77);
        let to = std::net::SocketAddrV4::new(elsewhere, 9);
        let raw = scene.host().raw_socket(Protocol(200)).unwrap();
        let udp = scene.udp(2000);
        for (socket, protocol) in [(udp, Protocol::UDP), (raw, Protocol(200))] {
            let now = scene.lab.now;
            let quoted = match protocol {
                Protocol::UDP => {
                    datagram_with(header(HOST, elsewhere, protocol), &[], 9, &[0; 1400])
                }
                _ => packet(header(HOST, elsewhere, protocol), &[], &[0; 1400]),
            };
            let mut quoted = quoted;
            if protocol == Protocol::UDP {
                quoted[20..22].copy_from_slice(&2000_u16.to_be_bytes());
            }
            // Nothing was sent yet.
            scene.watch();
            too_big(&mut scene, &quoted, 600);
            scene.raised(EventId::IcmpInputIgnored);
            let departure = Departure {
                peer: Some(to),
                ..Departure::default()
            };
            let bufs = [std::io::IoSlice::new(&[0; 1400])];
            let sent = scene.host().send_msg(now, socket, &bufs, &departure);
            sent.unwrap();
            scene.watch();
            too_big(&mut scene, &quoted, 1000);
            assert_eq!(scene.raised(EventId::PmtuChange).detail, Some(1000));
            // And not for ever.
            scene.lab.pass(Duration::from_secs(700));
            scene.watch();
            too_big(&mut scene, &quoted, 600);
            scene.raised(EventId::IcmpInputIgnored);
            assert!(scene.silent(EventId::PmtuChange));
            // Nor about what nobody has any more.
            let now = scene.lab.now;
            let sent = scene.host().send_msg(now, socket, &bufs, &departure);
            sent.unwrap();
            scene.host().close(now, socket).unwrap();
            scene.watch();
            too_big(&mut scene, &quoted, 900);
            assert_eq!(scene.silent(EventId::PmtuChange), protocol != Protocol::UDP);
            scene.lab.pass(Duration::from_secs(700));
        }
        assert_eq!(scene.host().path_mtu(connected), Ok(1500));
    }
}

/// The way of a packet follows the routes: longest prefix first (RFC 1812 §5.2.4.3), and changes with them.
#[test]
fn packets_follow_the_routes_as_they_change() {
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let socket = scene.udp(1000);
    scene.host().add_route(now, default_by(PEER)).unwrap();
    let on = |scene: &mut Scene| {
        scene.lab.carried.clear();
        scene.lab.send(0, socket, "203.0.113.9:9", b"x").unwrap();
        let carried = scene.lab.carried.iter();
        let mut of_it = carried.filter(|(_, frame)| frame.get(30..34) == Some(&NOWHERE.octets()));
        of_it.next().map(|(segment, _)| *segment)
    };
    assert_eq!(on(&mut scene), Some(0));
    let network = Prefix::new(NOWHERE, 24).unwrap();
    let by_far = Route::new(network, Some(FAR), InterfaceId(3));
    scene.host().add_route(now, by_far).unwrap();
    assert_eq!(on(&mut scene), Some(1));
    let query = RouteQuery::new(network);
    scene.host().delete_route(now, &query).unwrap();
    assert_eq!(on(&mut scene), Some(0));
}
