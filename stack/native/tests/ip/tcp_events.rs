//! `events.md` §5.3, "TCP and socket data path", and §5.4 "Naming and connecting" as far as streams meet it.

use crate::scene::{HOST, STRANGER, Scene, declared, header, packet};
use fairway_native::event::{Class, EventId, Level};
use fairway_native::mgmt::Statistics;
use fairway_native::tcp::SocketOptions;
use fairway_native::{Errno, Setup, SocketId, Stack};
use fairway_wire::{Protocol, SeqNumber, tcp};
use std::net::SocketAddrV4;

/// A SYN of the stranger to a listener of the host, changed before its checksum is made (`before`) and after.
fn syn(before: impl FnOnce(&mut [u8]), after: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let header_of_it = tcp::Header {
        source_port: 4000,
        destination_port: 80,
        seq: SeqNumber(1),
        ack: SeqNumber(0),
        header_len: 20,
        flags: tcp::Flags::SYN,
        window: 1000,
        checksum: 0,
        urgent: 0,
    };
    let mut segment = vec![0; 20];
    header_of_it.emit(&[], &mut segment);
    before(&mut segment);
    tcp::fill_checksum(STRANGER, HOST, &mut segment);
    after(&mut segment);
    packet(header(STRANGER, HOST, Protocol::TCP), &[], &segment)
}

fn listener(scene: &mut Scene) -> SocketId {
    let now = scene.lab.now;
    let host = scene.host();
    let socket = host.tcp_socket(now).unwrap();
    host.bind(now, socket, SocketAddrV4::new(HOST, 80)).unwrap();
    host.listen(now, socket, 5).unwrap();
    scene.watch();
    socket
}

fn dropped(id: EventId, name: &str, counter: &str, octets: &[u8]) -> fairway_native::event::Fields {
    declared(id, name, Class::Core, Level::Critical);
    let mut scene = Scene::new();
    listener(&mut scene);
    scene.packet(octets);
    let fields = scene.raised(id);
    assert_eq!(
        (fields.source, fields.destination),
        (Some(STRANGER), Some(HOST))
    );
    assert!(scene.carried(0).is_empty());
    assert_eq!(scene.host().counters().tcp.by_name(counter), Some(1));
    fields
}

/// A good one is answered, so that what is dropped below is dropped for its fault.
#[test]
fn a_good_segment_is_answered() {
    let mut scene = Scene::new();
    listener(&mut scene);
    scene.packet(&syn(|_| {}, |_| {}));
    assert_eq!(scene.carried(0).len(), 1);
}

/// EVT-20, 30.
#[test]
fn tcp_input_badsum() {
    let octets = syn(|_| {}, |segment| segment[15] ^= 1);
    let id = EventId::TcpInputBadsum;
    let fields = dropped(id, "tcp_input-badsum", "received_bad_checksum", &octets);
    assert_eq!((fields.sport, fields.dport), (Some(4000), Some(80)));
}

/// EVT-20, 31: below 20, or beyond the segment.
#[test]
fn tcp_input_badhlen() {
    let id = EventId::TcpInputBadhlen;
    for (octet, length) in [(0x40, 16), (0x60, 24)] {
        let octets = syn(|segment| segment[12] = octet, |_| {});
        let fields = dropped(id, "tcp_input-badhlen", "received_bad_offset", &octets);
        assert_eq!((fields.detail, fields.len), (Some(length), Some(20)));
    }
    let octets = syn(|_| {}, |segment| segment.truncate(19));
    dropped(id, "tcp_input-badhlen", "received_short", &octets);
}

/// EVT-20, 32: a control block lives from creation to close.
#[test]
fn tcp_ctloutput_nopcb() {
    let id = EventId::TcpCtloutputNopcb;
    declared(id, "tcp_ctloutput-nopcb", Class::Aux, Level::Critical);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let socket = scene.host().tcp_socket(now).unwrap();
    scene.host().close(now, socket).unwrap();
    let refused = scene.host().set_tcp_options(now, socket, |_| {});
    assert_eq!(refused, Err(Errno::ConnReset));
    assert_eq!(scene.raised(id).errno, Some(Errno::ConnReset));
}

/// EVT-20, 33: at socket(), and at a connection request.
#[test]
fn tcp_attach_nopcbmem() {
    let id = EventId::TcpAttachNopcbmem;
    declared(id, "tcp_attach-nopcbmem", Class::Aux, Level::Critical);
    let mut setup = Setup::new("host", [9; 32]);
    setup.limits.tcp.endpoints = 1;
    let mut scene = Scene::of(Stack::new(setup));
    listener(&mut scene);
    let now = scene.lab.now;
    let sockets = scene.host().usage().sockets;
    assert_eq!(scene.host().tcp_socket(now), Err(Errno::NoBufs));
    let fields = scene.raised(id);
    assert_eq!(
        (fields.errno, fields.reason),
        (Some(Errno::NoBufs), Some("socket"))
    );
    assert_eq!(scene.host().usage().sockets, sockets);
    // The peer's handshake gets no further than the SYN cache.
    let client = scene.lab.hosts[1].tcp_socket(now).unwrap();
    let begun = scene.lab.hosts[1].connect(now, client, SocketAddrV4::new(HOST, 80));
    assert_eq!(begun, Err(Errno::InProgress));
    scene.lab.settle();
    assert_eq!(scene.raised(id).reason, Some("connection request"));
}

/// EVT-20, 49: both ends equal those of an existing connection.
#[test]
fn in_pcbconnect_badaddr() {
    let id = EventId::InPcbconnectBadaddr;
    declared(id, "in_pcbconnect-badaddr", Class::Aux, Level::Error);
    let mut scene = Scene::new();
    let now = scene.lab.now;
    let peer = SocketAddrV4::new(STRANGER, 80);
    let mut connect = || {
        let host = scene.host();
        let socket = host.tcp_socket(now).unwrap();
        let share = |options: &mut SocketOptions| options.reuse_port = true;
        host.set_tcp_options(now, socket, share).unwrap();
        host.bind(now, socket, SocketAddrV4::new(HOST, 5000))
            .unwrap();
        host.connect(now, socket, peer)
    };
    assert_eq!(connect(), Err(Errno::InProgress));
    assert_eq!(connect(), Err(Errno::AddrInUse));
    let fields = scene.raised(id);
    assert_eq!(
        (fields.source, fields.destination),
        (Some(HOST), Some(STRANGER))
    );
    assert_eq!(
        (fields.dport, fields.errno),
        (Some(80), Some(Errno::AddrInUse))
    );
}
