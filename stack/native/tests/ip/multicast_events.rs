//! `events.md` §5.4, "Multicast routing"; groups as hosts and routers on a wire see them.

use crate::scene::{
    FAR_LAN, HOST, HOST_TOO, LAN, NOWHERE, STRANGER, Scene, datagram_with, declared, header,
};
use fairway_native::event::{Class, EventId, Level};
use fairway_native::ip::multicast::{Command, MulticastRoute, UpcallReason};
use fairway_native::sock::SocketOptions;
use fairway_native::{Errno, InterfaceId};
use fairway_wire::igmp::{self, RecordType};
use fairway_wire::{EtherType, MacAddr, Protocol, ipv4};
use std::net::Ipv4Addr;
use std::time::Duration;

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);

fn add_vif(index: u8, address: Ipv4Addr) -> Command {
    Command::AddVif {
        index,
        address,
        threshold: 0,
        tunnel: false,
    }
}

/// A router that forwards between its two networks.
fn scene() -> Scene {
    let mut scene = Scene::router();
    let now = scene.lab.now;
    for command in [Command::Init, add_vif(0, HOST), add_vif(1, HOST_TOO)] {
        scene.host().multicast_command(now, command).unwrap();
    }
    scene.lab.settle();
    scene.watch();
    scene
}

fn refuses(scene: &mut Scene, command: Command, errno: Errno, id: EventId, name: &str) {
    declared(id, name, Class::Aux, Level::Error);
    scene.watch();
    let now = scene.lab.now;
    let vifs = scene.host().multicast_vifs().count();
    assert_eq!(scene.host().multicast_command(now, command), Err(errno));
    assert_eq!(scene.raised(id).errno, Some(errno));
    assert_eq!(scene.host().multicast_vifs().count(), vifs);
}

/// A datagram to the group arrives from the stranger.
fn to_group(scene: &mut Scene, ttl: u8) {
    let header = ipv4::Header {
        ttl,
        ..header(STRANGER, GROUP, Protocol::UDP)
    };
    let octets = datagram_with(header, &[], 5000, b"to all of you");
    scene.frame(MacAddr::from_multicast_v4(GROUP), EtherType::IPV4, &octets);
}

/// EVT-20, 50 and 51.
#[test]
fn ip_mrouter_cmd() {
    let mut scene = Scene::router();
    let (notinit, badcmd) = (EventId::IpMrouterCmdNotinit, EventId::IpMrouterCmdBadcmd);
    refuses(
        &mut scene,
        add_vif(0, HOST),
        Errno::Access,
        notinit,
        "ip_mrouter_cmd-notinit",
    );
    let other = Command::Other(199);
    refuses(
        &mut scene,
        other,
        Errno::OpNotSupp,
        badcmd,
        "ip_mrouter_cmd-badcmd",
    );
}

/// EVT-20, 52 to 56.
#[test]
fn add_vif_and_del_vif() {
    let mut scene = scene();
    let no = &mut scene;
    let (inval, id) = (Errno::Inval, EventId::AddVifBadindex);
    refuses(no, add_vif(32, HOST), inval, id, "add_vif-badindex");
    let (in_use, id) = (Errno::AddrInUse, EventId::AddVifBadentry);
    refuses(no, add_vif(0, HOST), in_use, id, "add_vif-badentry");
    let (not_ours, id) = (Errno::AddrNotAvail, EventId::AddVifBadaddr);
    refuses(no, add_vif(2, NOWHERE), not_ours, id, "add_vif-badaddr");
    let (cannot, id) = (Errno::OpNotSupp, EventId::AddVifBadif);
    let loopback = add_vif(2, Ipv4Addr::LOCALHOST);
    refuses(no, loopback, cannot, id, "add_vif-badif");
    let id = EventId::DelVifBadindex;
    refuses(no, Command::DeleteVif(9), inval, id, "del_vif-badindex");
}

/// MUL-11: a route that was set: to the other network, one hop fewer to live; below the threshold not.
#[test]
fn a_packet_follows_its_route() {
    let mut scene = scene();
    let now = scene.lab.now;
    let route = MulticastRoute {
        source: STRANGER,
        group: GROUP,
        incoming: 0,
        outgoing: vec![(1, 10)],
    };
    scene
        .host()
        .multicast_command(now, Command::AddRoute(route))
        .unwrap();
    assert_eq!(scene.raised(EventId::MrtAdd).destination, Some(GROUP));
    to_group(&mut scene, 64);
    let on = scene.carried(1);
    assert_eq!(on.len(), 1);
    let (header, _, _) = ipv4::Header::parse_verified(&on[0]).unwrap();
    assert_eq!(
        (header.ttl, header.source, header.destination),
        (63, STRANGER, GROUP)
    );
    scene.watch();
    to_group(&mut scene, 10);
    assert!(scene.carried(1).is_empty());
}

/// Without a route it waits, and whoever sets routes is told.
#[test]
fn a_packet_waits_for_its_route() {
    let mut scene = scene();
    to_group(&mut scene, 64);
    scene.raised(EventId::IpMforwardNoroute);
    let upcall = scene.host().poll_multicast_upcall().unwrap();
    assert_eq!(
        (upcall.reason, upcall.source),
        (UpcallReason::NoRoute, STRANGER)
    );
    let now = scene.lab.now;
    let route = MulticastRoute {
        source: STRANGER,
        group: GROUP,
        incoming: 0,
        outgoing: vec![(1, 0)],
    };
    scene
        .host()
        .multicast_command(now, Command::AddRoute(route))
        .unwrap();
    scene.lab.settle();
    assert_eq!(scene.carried(1).len(), 1);
}

/// Membership mode: a host that joins on the other network gets what is sent to the group, and no longer when it left.
#[test]
fn listeners_get_what_is_sent_to_their_group() {
    let mut scene = scene();
    let now = scene.lab.now;
    scene
        .host()
        .multicast_command(now, Command::Membership(true))
        .unwrap();
    let listener = scene.lab.udp(2, "0.0.0.0:5000");
    to_group(&mut scene, 64);
    assert!(scene.carried(1).is_empty());
    let interface = Some(InterfaceId(2));
    scene.lab.hosts[2]
        .join(now, listener, GROUP, interface, None)
        .unwrap();
    scene.lab.settle();
    to_group(&mut scene, 64);
    let (data, from) = scene.lab.recv(2, listener).unwrap();
    assert_eq!(
        (data.as_slice(), *from.ip()),
        (&b"to all of you"[..], STRANGER)
    );
    // As long as the host answers the router's queries.
    scene.lab.pass(Duration::from_secs(1000));
    to_group(&mut scene, 64);
    assert!(scene.lab.recv(2, listener).is_some());
    let now = scene.lab.now;
    scene.lab.hosts[2]
        .leave(now, listener, GROUP, interface, None)
        .unwrap();
    scene.lab.pass(Duration::from_secs(5));
    scene.watch();
    to_group(&mut scene, 64);
    assert!(scene.carried(1).is_empty());
}

/// MUL-9 is about members on this host: what a router sends itself is passed on in any case.
#[test]
fn a_router_passes_on_what_it_sends_itself() {
    for heard_here in [true, false] {
        let mut scene = scene();
        let now = scene.lab.now;
        let route = MulticastRoute {
            source: HOST,
            group: GROUP,
            incoming: 0,
            outgoing: vec![(1, 0)],
        };
        let set = Command::AddRoute(route);
        scene.host().multicast_command(now, set).unwrap();
        let socket = scene.udp(1000);
        let change = |options: &mut SocketOptions| {
            options.multicast_ttl = 5;
            options.multicast_loop = heard_here;
            options.multicast_interface = Some(LAN);
        };
        scene.host().set_options(now, socket, change).unwrap();
        scene.watch();
        scene.lab.send(0, socket, "239.1.1.1:5000", b"x").unwrap();
        assert_eq!(scene.carried(0).len(), 1);
        let on = scene.carried(1);
        assert_eq!(on.len(), 1);
        assert_eq!((on[0][8], &on[0][12..16]), (4, &HOST.octets()[..]));
    }
}

/// MUL-5: by the interface of arrival.
#[test]
fn a_group_is_joined_on_one_interface() {
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let socket = scene.udp(5000);
    scene
        .host()
        .join(now, socket, GROUP, Some(FAR_LAN), None)
        .unwrap();
    to_group(&mut scene, 64);
    assert_eq!(scene.lab.recv(0, socket), None);
    scene
        .host()
        .join(now, socket, GROUP, Some(LAN), None)
        .unwrap();
    to_group(&mut scene, 64);
    assert!(scene.lab.recv(0, socket).is_some());
}

/// RFC 3376 §4, §5.1: a report goes out with a time to live of 1 and router alert, to 224.0.0.22.
#[test]
fn joining_is_reported() {
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let socket = scene.udp(5000);
    scene
        .host()
        .join(now, socket, GROUP, Some(LAN), None)
        .unwrap();
    scene.lab.settle();
    let carried = scene.carried(0);
    let (header, options, payload) = ipv4::Header::parse_verified(&carried[0]).unwrap();
    assert_eq!(
        (header.ttl, header.dscp_ecn, header.source),
        (1, 0xc0, HOST)
    );
    assert_eq!(header.destination, Ipv4Addr::new(224, 0, 0, 22));
    assert_eq!(options, [148, 4, 0, 0]);
    let Ok(igmp::Message::V3Report(report)) = igmp::Message::parse(payload) else {
        panic!("no report");
    };
    let record = report.records().next().unwrap();
    assert_eq!(
        (record.record_type, record.group),
        (RecordType::CHANGE_TO_EXCLUDE, GROUP)
    );
}
