//! `events.md` §5.4, "Naming and connecting", as far as datagram sockets meet them; §5.3, send and receive errors.

use crate::scene::{HOST, LAN, NOWHERE, Scene, declared};
use crate::support::Lab;
use fairway_native::event::{Class, EventId, Level};
use fairway_native::sock::SocketOptions;
use fairway_native::{Errno, SocketId};
use std::net::{Ipv4Addr, SocketAddrV4};

fn name(text: &str) -> SocketAddrV4 {
    text.parse().unwrap()
}

/// Binding must fail so, and leave the name alone.
fn bind_refused(scene: &mut Scene, socket: SocketId, to: &str, errno: Errno, id: EventId) {
    let before = scene.host().local_addr(socket);
    let now = scene.lab.now;
    scene.watch();
    assert_eq!(scene.host().bind(now, socket, name(to)), Err(errno));
    assert_eq!(scene.raised(id).errno, Some(errno));
    assert_eq!(scene.host().local_addr(socket), before);
}

/// EVT-20, 34: sosend-error.
#[test]
fn sosend_error() {
    let id = EventId::SosendError;
    declared(id, "sosend-error", Class::Core, Level::Critical);
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    let sent = scene.lab.send(0, socket, "203.0.113.9:9", b"data");
    assert_eq!(sent, Err(Errno::NetUnreach));
    assert_eq!(scene.raised(id).errno, Some(Errno::NetUnreach));
}

/// EVT-20, 35: soreceive-error.
#[test]
fn soreceive_error() {
    let id = EventId::SoreceiveError;
    declared(id, "soreceive-error", Class::Core, Level::Critical);
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    let now = scene.lab.now;
    scene
        .host()
        .connect(now, socket, name("10.0.0.2:9"))
        .unwrap();
    let bufs = [std::io::IoSlice::new(b"x")];
    let departure = fairway_native::Departure::default();
    scene
        .host()
        .send_msg(now, socket, &bufs, &departure)
        .unwrap();
    scene.lab.settle();
    // Nobody listens at the peer's port.
    let received = scene.host().recv_msg(socket, &mut [0; 10], false);
    assert_eq!(received.map(|_| ()), Err(Errno::ConnRefused));
    assert_eq!(scene.raised(id).errno, Some(Errno::ConnRefused));
}

/// EVT-20, 42: no interface has an address.
#[test]
fn in_pcbbind_noaddr() {
    let id = EventId::InPcbbindNoaddr;
    declared(id, "in_pcbbind-noaddr", Class::Aux, Level::Error);
    let mut lab = Lab::new();
    lab.host("bare");
    let host = &mut lab.hosts[0];
    let loopback = fairway_native::InterfaceId::LOOPBACK;
    let now = lab.now;
    host.remove_address(now, loopback, Ipv4Addr::LOCALHOST)
        .unwrap();
    let socket = host.udp_socket().unwrap();
    let bound = host.bind(now, socket, name("10.0.0.1:1000"));
    assert_eq!(bound, Err(Errno::AddrNotAvail));
    assert_eq!(host.events().count_of(id), 1);
}

/// EVT-20, 43: already bound.
#[test]
fn in_pcbbind_badsock() {
    let id = EventId::InPcbbindBadsock;
    declared(id, "in_pcbbind-badsock", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    bind_refused(&mut scene, socket, "10.0.0.1:1001", Errno::Inval, id);
}

/// EVT-20, 45: neither 0, nor multicast, nor an address or broadcast address of an interface.
#[test]
fn in_pcbbind_badaddr() {
    let id = EventId::InPcbbindBadaddr;
    declared(id, "in_pcbbind-badaddr", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    let socket = scene.host().udp_socket().unwrap();
    bind_refused(
        &mut scene,
        socket,
        "203.0.113.9:1000",
        Errno::AddrNotAvail,
        id,
    );
    let now = scene.lab.now;
    for good in ["0.0.0.0:0", "239.1.1.1:0", "10.0.0.1:0", "10.0.0.255:0"] {
        let socket = scene.host().udp_socket().unwrap();
        assert_eq!(scene.host().bind(now, socket, name(good)), Ok(()), "{good}");
    }
}

/// EVT-20, 46: the port is in exclusive use with a matching address.
#[test]
fn in_pcbbind_badport() {
    let id = EventId::InPcbbindBadport;
    declared(id, "in_pcbbind-badport", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    scene.udp(1000);
    let socket = scene.host().udp_socket().unwrap();
    bind_refused(&mut scene, socket, "10.0.0.1:1000", Errno::AddrInUse, id);
}

/// EVT-20, 47: no local address for a remote one, or one that cannot be.
#[test]
fn in_pcbladdr_badaddr() {
    let id = EventId::InPcbladdrBadaddr;
    declared(id, "in_pcbladdr-badaddr", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    let now = scene.lab.now;
    let refused = scene.host().connect(now, socket, name("0.0.0.0:9"));
    assert_eq!(refused, Err(Errno::AddrNotAvail));
    let fields = scene.raised(id);
    assert_eq!(fields.errno, Some(Errno::AddrNotAvail));
    assert_eq!(scene.host().peer_addr(socket), Err(Errno::NotConn));
    let refused = scene
        .host()
        .connect(now, socket, SocketAddrV4::new(NOWHERE, 9));
    assert_eq!(refused, Err(Errno::NetUnreach));
}

/// EVT-20, 48: the interface chosen for multicast is gone.
#[test]
fn in_pcbladdr_badif() {
    let id = EventId::InPcbladdrBadif;
    declared(id, "in_pcbladdr-badif", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    let socket = scene.udp(1000);
    let now = scene.lab.now;
    let change = |options: &mut SocketOptions| options.multicast_interface = Some(LAN);
    scene.host().set_options(now, socket, change).unwrap();
    scene.host().set_up(now, LAN, false).unwrap();
    scene.watch();
    let refused = scene.host().connect(now, socket, name("239.1.1.1:9"));
    assert_eq!(refused, Err(Errno::AddrNotAvail));
    let fields = scene.raised(id);
    assert_eq!(
        (fields.interface, fields.errno),
        (Some(LAN.0), Some(Errno::AddrNotAvail))
    );
}

/// What a name is good for: the address of the host it was given.
#[test]
fn a_name_is_told() {
    let mut scene = Scene::new();
    let socket = scene.host().udp_socket().unwrap();
    let now = scene.lab.now;
    scene.watch();
    scene
        .host()
        .bind(now, socket, SocketAddrV4::new(HOST, 1000))
        .unwrap();
    let fields = scene.raised(EventId::SocketBind);
    assert_eq!((fields.source, fields.sport), (Some(HOST), Some(1000)));
}
