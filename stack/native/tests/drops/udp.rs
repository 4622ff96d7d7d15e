//! Datagrams: UDP, raw and local.

use crate::Line;
use crate::case::{Case, HOST};
use crate::support::frames;
use crate::support::{addr, ip};
use fairway_native::SocketId;
use fairway_native::event::DropReason as Why;
use fairway_native::local::{Credentials, LocalKind, LocalName};
use fairway_native::tcp::Shutdown;
use fairway_wire::{EtherType, MacAddr, Protocol};
use std::io::IoSlice;

fn datagram(case: &mut Case, spoil: impl FnOnce(&mut Vec<u8>)) {
    let mut packet = frames::udp((ip("10.0.0.9"), 5), (ip("10.0.0.1"), 1000), &[], b"data");
    spoil(&mut packet);
    case.packet(&packet);
}

fn small(case: &mut Case, id: SocketId) {
    let now = case.lab.now;
    case.host()
        .set_options(now, id, |options| options.recv_buf = 1)
        .unwrap();
}

fn shut(case: &mut Case, id: SocketId) {
    let now = case.lab.now;
    case.host().shutdown(now, id, Shutdown::Read).unwrap();
}

fn connect(case: &mut Case, id: SocketId, to: &str) {
    let now = case.lab.now;
    case.host().connect(now, id, addr(to)).unwrap();
}

pub(crate) const TABLE: &[Line] = &[
    (Why::UdpShort, 1, |case| {
        case.payload(Protocol::UDP, &[0; 7]);
    }),
    (Why::UdpBadLength, 1, |case| {
        datagram(case, |it| it[25] = 99);
    }),
    (Why::UdpBadChecksum, 1, |case| {
        datagram(case, |it| it[28] ^= 1);
    }),
    (Why::UdpNoPort, 1, |case| datagram(case, |_| {})),
    (Why::UdpNoListener, 1, |case| {
        let source = (ip("10.0.0.9"), 5);
        let packet = frames::udp(source, (ip("10.0.0.255"), 1000), &[], b"data");
        case.frame_to(MacAddr::BROADCAST, EtherType::IPV4, &packet);
    }),
    (Why::UdpFull, 1, |case| {
        let id = case.udp();
        small(case, id);
        datagram(case, |_| {});
        datagram(case, |_| {});
    }),
    (Why::UdpShut, 1, |case| {
        let id = case.udp();
        connect(case, id, "10.0.0.9:5");
        shut(case, id);
        datagram(case, |_| {});
    }),
    (Why::RawFull, 1, |case| {
        let id = case.host().raw_socket(Protocol(200)).unwrap();
        small(case, id);
        case.payload(Protocol(200), b"x");
        case.payload(Protocol(200), b"x");
    }),
    (Why::RawShut, 1, |case| {
        let id = case.host().raw_socket(Protocol(200)).unwrap();
        connect(case, id, "10.0.0.9:1");
        shut(case, id);
        case.payload(Protocol(200), b"x");
    }),
    (Why::LocalParted, 1, |case| {
        let now = case.lab.now;
        let stack = &mut case.lab.hosts[HOST];
        let mut named = |name: &[u8]| {
            let kind = LocalKind::Datagram;
            let id = stack.local_socket(now, kind, Credentials::default());
            let (id, name) = (id.unwrap(), LocalName::Abstract(name.into()));
            stack.local_bind(now, id, &name).unwrap();
            (id, name)
        };
        let (one, its_name) = named(b"one");
        let (_, other_name) = named(b"other");
        let (sender, sender_name) = named(b"sender");
        stack.local_connect(now, one, &sender_name).unwrap();
        stack
            .local_send(now, sender, &[IoSlice::new(b"x")], Some(&its_name))
            .unwrap();
        stack.local_connect(now, one, &other_name).unwrap();
    }),
];
