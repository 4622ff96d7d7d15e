//! `events.md` §5.4, "Control operations", and what of §5.3 and §5.4 a typed interface can still be asked for.

use crate::scene::{HOST, LAN, STRANGER_MAC, Scene, declared};
use fairway_native::event::{Class, EventId, Level};
use fairway_native::local::{Credentials, LocalKind};
use fairway_native::mgmt::Request;
use fairway_native::route::{Prefix, Route};
use fairway_native::{Departure, Errno, InterfaceAddress, InterfaceId};
use fairway_wire::Protocol;
use std::net::Ipv4Addr;

/// EVT-20, 29: a message to the routing table that makes no sense.
#[test]
fn route_output_error() {
    let id = EventId::RouteOutputError;
    declared(id, "route_output-error", Class::Aux, Level::Critical);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let before = scene.host().routes().len();
    let group = Some(Ipv4Addr::new(224, 0, 0, 1));
    for (route, errno) in [
        (Route::new(Prefix::DEFAULT, group, LAN), Errno::Inval),
        (
            Route::new(Prefix::DEFAULT, None, InterfaceId(99)),
            Errno::NxIo,
        ),
    ] {
        scene.watch();
        assert_eq!(scene.host().add_route(now, route), Err(errno));
        let fields = scene.raised(id);
        assert_eq!(
            (fields.errno, fields.request),
            (Some(errno), Some(Request::ADD_ROUTE.0))
        );
    }
    assert_eq!(scene.host().routes().len(), before);
}

/// EVT-20, 36.
#[test]
fn ifioctl_badifname() {
    let id = EventId::IfioctlBadifname;
    declared(id, "ifioctl-badifname", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    assert_eq!(scene.host().interface_by_name("eth0"), Ok(LAN));
    assert_eq!(scene.host().interface_by_name("lan7"), Err(Errno::NxIo));
    let fields = scene.raised(id);
    assert_eq!(
        (fields.errno, fields.request),
        (Some(Errno::NxIo), Some(Request::GET_FLAGS.0))
    );
}

/// EVT-20, 37: a socket without a protocol of the Internet.
#[test]
fn ifioctl_noproto() {
    let id = EventId::IfioctlNoproto;
    declared(id, "ifioctl-noproto", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let host = scene.host();
    let socket = host
        .local_socket(now, LocalKind::Datagram, Credentials::default())
        .unwrap();
    let group = Ipv4Addr::new(239, 1, 1, 1);
    let refused = host.join(now, socket, group, Some(LAN), None);
    assert_eq!(refused, Err(Errno::OpNotSupp));
    let fields = scene.raised(id);
    assert_eq!(fields.errno, Some(Errno::OpNotSupp));
    assert!(fields.socket.is_some());
}

/// EVT-20, 38: link addresses where the link has none.
#[test]
fn arpioctl_badreq() {
    let id = EventId::ArpioctlBadreq;
    declared(id, "arpioctl-badreq", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let on = InterfaceId::LOOPBACK;
    let refused = scene.host().set_neighbor(now, on, HOST, STRANGER_MAC);
    assert_eq!(refused, Err(Errno::AfNoSupport));
    let fields = scene.raised(id);
    assert_eq!(fields.errno, Some(Errno::AfNoSupport));
    assert_eq!(fields.request, Some(Request::SET_ARP.0));
}

/// EVT-20, 39: a packet of another family than IPv4's, which only a raw socket can make.
#[test]
fn ether_output_afnotsupp() {
    let id = EventId::EtherOutputAfnotsupp;
    declared(id, "ether_output-afnotsupp", Class::Core, Level::Error);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let socket = scene.host().raw_socket(Protocol::RAW).unwrap();
    let departure = Departure {
        peer: Some("10.0.0.2:0".parse().unwrap()),
        ..Departure::default()
    };
    let mut octets = [0; 40];
    octets[0] = 0x60;
    let bufs = [std::io::IoSlice::new(&octets)];
    let sent = scene.host().send_msg(now, socket, &bufs, &departure);
    assert_eq!(sent, Err(Errno::AfNoSupport));
    let fields = scene.raised(id);
    assert_eq!(
        (fields.errno, fields.detail),
        (Some(Errno::AfNoSupport), Some(6))
    );
    scene.lab.settle();
    assert!(scene.carried(0).is_empty());
}

/// EVT-20, 40: the address to delete is not on the interface.
#[test]
fn in_control_noifdata() {
    let id = EventId::InControlNoifdata;
    declared(id, "in_control-noifdata", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let other = Ipv4Addr::new(10, 0, 0, 77);
    let refused = scene.host().remove_address(now, LAN, other);
    assert_eq!(refused, Err(Errno::AddrNotAvail));
    let fields = scene.raised(id);
    assert_eq!(
        (fields.interface, fields.source),
        (Some(LAN.0), Some(other))
    );
    assert_eq!(fields.errno, Some(Errno::AddrNotAvail));
    assert_eq!(fields.request, Some(Request::DELETE_ADDRESS.0));
    assert_eq!(scene.host().interfaces()[1].addresses().len(), 1);
}

/// EVT-20, 41: the address of the other end on a link that has more than one.
#[test]
fn in_control_badflags() {
    let id = EventId::InControlBadflags;
    declared(id, "in_control-badflags", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let mut address = InterfaceAddress::new(Ipv4Addr::new(192, 0, 2, 1), 32);
    address.peer = Some(Ipv4Addr::new(192, 0, 2, 2));
    let refused = scene.host().add_address(now, LAN, address);
    assert_eq!(refused, Err(Errno::Inval));
    let fields = scene.raised(id);
    assert_eq!(fields.errno, Some(Errno::Inval));
    assert_eq!(fields.request, Some(0x8020_690e));
    assert_eq!(scene.host().interfaces()[1].addresses().len(), 1);
}

/// EVT-20, 44: the address of another family is longer.
#[test]
fn in_pcbbind_badaddrlen() {
    let id = EventId::InPcbbindBadaddrlen;
    declared(id, "in_pcbbind-badaddrlen", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let socket = scene.host().udp_socket().unwrap();
    let before = scene.host().local_addr(socket);
    let refused = scene
        .host()
        .bind_any(now, socket, "[::1]:80".parse().unwrap());
    assert_eq!(refused, Err(Errno::Inval));
    let fields = scene.raised(id);
    assert_eq!((fields.errno, fields.len), (Some(Errno::Inval), Some(28)));
    assert_eq!(scene.host().local_addr(socket), before);
}
