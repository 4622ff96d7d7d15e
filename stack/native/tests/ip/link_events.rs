//! `events.md` §5.3, "Interface and link output" and "ARP control", and the proposals of §8.5 for links and ARP.

use crate::scene::{HOST, LAN, NOWHERE, PEER, STRANGER, STRANGER_MAC, Scene, datagram, declared};
use fairway_native::event::{Class, EventId, Level};
use fairway_native::route::{Prefix, Route};
use fairway_native::{Departure, Errno, InterfaceConfig};
use fairway_wire::arp::{self, Operation};
use fairway_wire::{EtherType, MacAddr};
use std::io::IoSlice;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

/// EVT-20, 2.
#[test]
fn ifpromisc_ifdown() {
    let id = EventId::IfpromiscIfdown;
    declared(id, "ifpromisc-ifdown", Class::Aux, Level::Critical);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    scene.host().set_up(now, LAN, false).unwrap();
    let refused = scene.host().set_promiscuous(now, LAN, true);
    assert_eq!(refused, Err(Errno::NetDown));
    let fields = scene.raised(id);
    assert_eq!((fields.interface, fields.detail), (Some(LAN.0), Some(1)));
    assert_eq!(fields.errno, Some(Errno::NetDown));
    assert!(!scene.host().interfaces()[1].is_promiscuous());
    scene.host().set_up(now, LAN, true).unwrap();
    assert_eq!(scene.host().set_promiscuous(now, LAN, true), Ok(()));
}

/// EVT-20, 3.
#[test]
fn ether_output_ifdown() {
    let id = EventId::EtherOutputIfdown;
    declared(id, "ether_output-ifdown", Class::Core, Level::Critical);
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    let now = scene.lab.now;
    scene.host().handle_carrier(now, LAN, false);
    scene.watch();
    let sent = scene.lab.send(0, socket, "10.0.0.2:9", b"x");
    assert_eq!(sent, Err(Errno::NetDown));
    let fields = scene.raised(id);
    assert_eq!(fields.errno, Some(Errno::NetDown));
    assert_eq!(fields.destination, Some(PEER));
    assert!(scene.carried(0).is_empty());
}

/// EVT-20, 4.
#[test]
fn ether_output_nomem() {
    let id = EventId::EtherOutputNomem;
    declared(id, "ether_output-nomem", Class::Core, Level::Critical);
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    let now = scene.lab.now;
    let discards = scene.host().interfaces()[1].counters().out_discards;
    let departure = Departure {
        peer: Some(SocketAddrV4::new(STRANGER, 9)),
        ..Departure::default()
    };
    // Nothing takes frames off the queue.
    let full = (0..100_000).find_map(|_| {
        let host = &mut scene.lab.hosts[0];
        host.send_msg(now, socket, &[IoSlice::new(b"x")], &departure)
            .err()
    });
    assert_eq!(full, Some(Errno::NoBufs));
    let fields = scene.raised(id);
    assert_eq!(
        (fields.interface, fields.errno),
        (Some(LAN.0), Some(Errno::NoBufs))
    );
    assert_eq!(
        scene.host().interfaces()[1].counters().out_discards,
        discards + 1
    );
}

/// EVT-20, 5: an interface without an address cannot ask for anybody's.
#[test]
fn ether_output_noroute() {
    let id = EventId::EtherOutputNoroute;
    declared(id, "ether_output-noroute", Class::Core, Level::Critical);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let config = InterfaceConfig::ethernet("eth9", MacAddr([2, 0, 0, 0, 9, 9]));
    let bare = scene.host().add_interface(config);
    let network = Prefix::new(Ipv4Addr::new(192, 0, 2, 0), 24).unwrap();
    scene
        .host()
        .add_route(now, Route::new(network, None, bare))
        .unwrap();
    let socket = scene.udp(1000);
    let sent = scene.lab.send(0, socket, "192.0.2.7:9", b"x");
    assert_eq!(sent, Err(Errno::HostUnreach));
    let fields = scene.raised(id);
    assert_eq!(fields.interface, Some(bare.0));
    assert_eq!(fields.destination, Some(Ipv4Addr::new(192, 0, 2, 7)));
    assert_eq!(fields.errno, Some(Errno::HostUnreach));
}

/// EVT-20, 6: five requests, then 20 s of suspension (`events.md` §6).
#[test]
fn ether_output_rtreject() {
    let id = EventId::EtherOutputRtreject;
    declared(id, "ether_output-rtreject", Class::Core, Level::Critical);
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    let now = scene.lab.now;
    let silent = Ipv4Addr::new(10, 0, 0, 99);
    scene
        .host()
        .connect(now, socket, SocketAddrV4::new(silent, 9))
        .unwrap();
    let send = |scene: &mut Scene| {
        let now = scene.lab.now;
        let sent = scene
            .host()
            .send_msg(now, socket, &[IoSlice::new(b"x")], &Departure::default());
        scene.lab.settle();
        sent
    };
    assert_eq!(send(&mut scene), Ok(1));
    scene.lab.pass(Duration::from_secs(6));
    // What waited came back as an error of the socket; the next one is refused at once.
    let error = scene.host().take_error(socket);
    assert_eq!(error, Ok(Some(Errno::HostUnreach)));
    scene.watch();
    assert_eq!(send(&mut scene), Err(Errno::HostDown));
    let fields = scene.raised(id);
    assert_eq!(fields.destination, Some(silent));
    assert_eq!(fields.errno, Some(Errno::HostDown));
    let now = scene.lab.now.as_nanos();
    assert!(fields.detail.is_some_and(|until| until > now));
    scene.lab.pass(Duration::from_secs(20));
    assert_eq!(send(&mut scene), Ok(1));
}

/// EVT-20, 7.
#[test]
fn arpioctl_noentry() {
    let id = EventId::ArpioctlNoentry;
    declared(id, "arpioctl-noentry", Class::Aux, Level::Critical);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let set = scene.host().set_neighbor(now, LAN, NOWHERE, STRANGER_MAC);
    assert_eq!(set, Err(Errno::NetUnreach));
    let fields = scene.raised(id);
    assert_eq!(fields.destination, Some(NOWHERE));
    assert_eq!(fields.errno, Some(Errno::NetUnreach));
    let deleted = scene
        .host()
        .delete_neighbor(now, LAN, Ipv4Addr::new(10, 0, 0, 77));
    assert_eq!(deleted, Err(Errno::AddrNotAvail));
    assert_eq!(scene.raised(id).errno, Some(Errno::AddrNotAvail));
}

/// `events.md` §8.5: frames that are none, of another protocol, or for another.
#[test]
fn frames_that_are_not_for_ip_are_told() {
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let short = fairway_native::PacketBuf::from_slice(&[0; 13]);
    scene.host().handle_frame(now, LAN, short);
    assert_eq!(scene.raised(EventId::LinkInputBadmsg).len, Some(13));
    let mac = scene.mac();
    scene.frame(mac, EtherType(0x1234), &[0; 46]);
    assert_eq!(scene.raised(EventId::LinkInputBadtype).detail, Some(0x1234));
    scene.frame(STRANGER_MAC, EtherType::IPV4, &datagram(HOST, 9, b"x"));
    scene.raised(EventId::LinkInputNotours);
}

fn request(sender: (MacAddr, Ipv4Addr)) -> arp::Packet {
    arp::Packet {
        operation: Operation::REQUEST,
        sender_mac: sender.0,
        sender_ip: sender.1,
        target_mac: MacAddr::ZERO,
        target_ip: HOST,
    }
}

/// `events.md` §8.5: arp_input-dupaddr; RFC 5227 §2.4: defended once.
#[test]
fn arp_input_dupaddr() {
    let id = EventId::ArpInputDupaddr;
    declared(id, "arp_input-dupaddr", Class::Core, Level::Warning);
    let mut scene = Scene::new();
    scene.arp(request((STRANGER_MAC, HOST)));
    let fields = scene.raised(id);
    assert_eq!((fields.interface, fields.source), (Some(LAN.0), Some(HOST)));
    let defences = |scene: &Scene| {
        let frames = scene.lab.carried.iter();
        frames.filter(|(_, frame)| frame[12..14] == [8, 6]).count()
    };
    assert_eq!(defences(&scene), 1);
    scene.arp(request((STRANGER_MAC, HOST)));
    assert_eq!(defences(&scene), 1);
}

/// `events.md` §8.5: arp_input-bcastsrc, arp_input-badmsg.
#[test]
fn arp_packets_that_cannot_be_are_told() {
    let mut scene = Scene::new();
    scene.arp(request((MacAddr::BROADCAST, STRANGER)));
    assert_eq!(
        scene.raised(EventId::ArpInputBcastsrc).source,
        Some(STRANGER)
    );
    scene.arp(request((STRANGER_MAC, Ipv4Addr::new(224, 0, 0, 1))));
    scene.raised(EventId::ArpInputBadmsg);
    scene.frame(MacAddr::BROADCAST, EtherType::ARP, &[0; 27]);
    assert_eq!(scene.raised(EventId::ArpInputBadmsg).len, Some(27));
}

/// Neighbours come and go.
#[test]
fn arp_resolved_and_expired() {
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    scene.lab.send(0, socket, "10.0.0.2:9", b"x").unwrap();
    assert_eq!(scene.raised(EventId::ArpResolved).source, Some(PEER));
    scene.lab.pass(Duration::from_secs(1200));
    assert_eq!(scene.raised(EventId::ArpExpired).source, Some(PEER));
}

mod address_probes {
    use super::*;
    use fairway_native::InterfaceAddress;
    use fairway_native::neigh::ClaimState;

    const WANTED: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 55);

    fn probe(scene: &mut Scene, address: Ipv4Addr) {
        let now = scene.lab.now;
        let address = InterfaceAddress::new(address, 24);
        scene.host().probe_address(now, LAN, address).unwrap();
        scene.lab.settle();
    }

    fn has(scene: &mut Scene, address: Ipv4Addr) -> bool {
        let addresses = scene.host().interfaces()[1].addresses();
        addresses.iter().any(|own| own.address == address)
    }

    /// RFC 5227 §2.1, §2.3: probed, then used, and announced twice.
    #[test]
    fn an_address_that_nobody_has_is_used_a_few_seconds_later() {
        let mut scene = Scene::new();
        probe(&mut scene, WANTED);
        scene.lab.pass(Duration::from_secs(1));
        assert!(!has(&mut scene, WANTED));
        scene.lab.pass(Duration::from_secs(8));
        assert!(has(&mut scene, WANTED));
        assert_eq!(scene.raised(EventId::IfAddrAdd).source, Some(WANTED));
        let claim = scene.host().address_claim(LAN, WANTED);
        assert_eq!(claim, Some(ClaimState::Held));
        let asked = scene.lab.carried.iter();
        let asked = asked.filter(|(_, frame)| frame[38..42] == WANTED.octets());
        let senders: Vec<_> = asked.map(|(_, frame)| frame[28..32] == [0; 4]).collect();
        assert_eq!(senders, [true, true, true, false, false]);
    }

    /// RFC 5227 §2.1.1: "MUST treat this address as being in use by some other host".
    #[test]
    fn an_address_that_somebody_has_is_not_used() {
        let mut scene = Scene::new();
        probe(&mut scene, PEER);
        scene.lab.pass(Duration::from_secs(10));
        assert!(!has(&mut scene, PEER));
        scene.raised(EventId::ArpInputDupaddr);
        let claim = scene.host().address_claim(LAN, PEER);
        assert_eq!(claim, Some(ClaimState::Lost));
    }

    /// RFC 5227 §2.1, §2.3: when a link comes up again, it may be another network, where somebody has the address.
    #[test]
    fn a_link_that_comes_up_again_is_asked_and_told_again() {
        for taken in [false, true] {
            let mut scene = Scene::new();
            probe(&mut scene, WANTED);
            scene.lab.pass(Duration::from_secs(9));
            assert!(has(&mut scene, WANTED));
            let now = scene.lab.now;
            scene.host().handle_carrier(now, LAN, false);
            if taken {
                let own = InterfaceAddress::new(WANTED, 24);
                scene.lab.hosts[1].add_address(now, LAN, own).unwrap();
                scene.lab.pass(Duration::from_secs(9));
            }
            scene.watch();
            let now = scene.lab.now;
            scene.host().handle_carrier(now, LAN, true);
            scene.lab.pass(Duration::from_secs(9));
            let arp = |address: Ipv4Addr, scene: &Scene| -> Vec<bool> {
                let frames = scene.lab.carried.iter();
                frames
                    .filter(|(on, frame)| *on == 0 && frame[12..14] == [8, 6])
                    .filter(|(_, frame)| frame[38..42] == address.octets())
                    .filter(|(_, frame)| frame[6..12] == [2, 0, 0, 0, 0, 1])
                    .map(|(_, frame)| frame[28..32] == [0; 4])
                    .collect()
            };
            // What was set by hand is announced at once.
            assert_eq!(arp(HOST, &scene), [false, false]);
            assert_eq!(has(&mut scene, WANTED), !taken);
            let claim = scene.host().address_claim(LAN, WANTED);
            if taken {
                assert_eq!(claim, Some(ClaimState::Lost));
                assert_eq!(arp(WANTED, &scene), [true]);
                assert_eq!(scene.raised(EventId::IfAddrDel).source, Some(WANTED));
            } else {
                assert_eq!(claim, Some(ClaimState::Held));
                assert_eq!(arp(WANTED, &scene), [true, true, true, false, false]);
            }
        }
    }

    #[test]
    fn a_probe_can_be_called_off() {
        let mut scene = Scene::new();
        probe(&mut scene, WANTED);
        let now = scene.lab.now;
        scene.host().remove_address(now, LAN, WANTED).unwrap();
        scene.lab.pass(Duration::from_secs(10));
        assert!(!has(&mut scene, WANTED));
        assert_eq!(scene.host().address_claim(LAN, WANTED), None);
    }
}
