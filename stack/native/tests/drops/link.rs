//! Frames, ARP, and what waits to be sent.

use crate::Line;
use crate::case::{Case, ETH, HOST, OWN};
use crate::support::frames::{self, STRANGER};
use crate::support::ip;
use fairway_native::event::DropReason as Why;
use fairway_native::hash::Key;
use fairway_native::qos::{
    Excess, FairQueue, Fifo, Filter, Flowspec, Policing, ReserveOptions, Service, Tspec,
};
use fairway_native::route::{Prefix, Route};
use fairway_native::{InterfaceConfig, InterfaceId, PacketBuf};
use fairway_wire::arp::Operation;
use fairway_wire::{EtherType, MacAddr, Protocol};
use std::net::Ipv4Addr;
use std::time::Duration;

fn arp(case: &mut Case, operation: Operation, sender: (MacAddr, Ipv4Addr), target: &str) {
    let packet = frames::arp(operation, sender, (MacAddr([0; 6]), ip(target)));
    case.frame(EtherType::ARP, &packet);
}

/// A reservation of a datagram each ten seconds.
fn reserved(case: &mut Case, policing: Policing) {
    let id = case.acquaint();
    let now = case.lab.now;
    let queue = FairQueue::new(1_000_000, 1500, 14, Key([1, 2]));
    case.host().set_queue(ETH, queue).unwrap();
    let options = ReserveOptions {
        policing,
        excess: Excess::Drop,
        upstream_c: 0,
        upstream_d_micros: 0,
    };
    let spec = Flowspec {
        tspec: Tspec {
            rate: 100,
            bucket: 1000,
            peak: None,
            min_policed: 100,
            max_packet: 1000,
        },
        service: Service::Guaranteed { rate: 100 },
    };
    let flow = case.host().reserve(now, ETH, spec, options).unwrap();
    let filter = Filter {
        destination: Some(ip("10.0.0.2")),
        protocol: Some(Protocol::UDP),
        destination_port: Some(700),
        ..Filter::default()
    };
    case.host().add_filter(ETH, flow, filter).unwrap();
    loop {
        if case.send_by(id, "10.0.0.2:700", 800).is_err() {
            return;
        }
    }
}

pub(crate) const TABLE: &[Line] = &[
    (Why::LinkUnknown, 1, |case| {
        let (now, frame) = (case.lab.now, PacketBuf::from_slice(&[0; 60]));
        case.host().handle_frame(now, InterfaceId(9), frame);
    }),
    (Why::LinkDown, 1, |case| {
        let now = case.lab.now;
        case.host().set_up(now, ETH, false).unwrap();
        case.frame(EtherType::IPV4, &[0x45; 60]);
    }),
    (Why::LinkNotOurs, 1, |case| {
        case.frame_to(MacAddr([2, 9, 9, 9, 9, 9]), EtherType::IPV4, &[0x45; 60]);
    }),
    (Why::LinkShort, 1, |case| {
        let (now, frame) = (case.lab.now, PacketBuf::from_slice(&[2; 13]));
        case.host().handle_frame(now, ETH, frame);
    }),
    (Why::LinkBadType, 1, |case| {
        case.frame(EtherType(0x86dd), &[0x60; 60]);
    }),
    (Why::ArpMalformed, 1, |case| {
        case.frame(EtherType::ARP, &[0; 27]);
    }),
    (Why::ArpBadOperation, 1, |case| {
        arp(case, Operation(3), (STRANGER, ip("10.0.0.9")), "10.0.0.1");
    }),
    (Why::ArpBadSender, 1, |case| {
        let sender = (STRANGER, ip("127.0.0.1"));
        arp(case, Operation::REQUEST, sender, "10.0.0.1");
    }),
    (Why::ArpOwn, 1, |case| {
        arp(case, Operation::REQUEST, (OWN, ip("10.0.0.1")), "10.0.0.2");
    }),
    (Why::ArpGroupSender, 1, |case| {
        let sender = (MacAddr::BROADCAST, ip("10.0.0.9"));
        arp(case, Operation::REQUEST, sender, "10.0.0.1");
    }),
    (Why::ArpNoRoom, 1, |case| {
        // The one place is taken by the stranger, who was set by hand.
        case.limited(|limits| limits.neighbours.entries = 1);
        let sender = (STRANGER, ip("10.0.0.8"));
        arp(case, Operation::REQUEST, sender, "10.0.0.1");
    }),
    (Why::ArpNoAnswer, 1, |case| {
        case.limited(|limits| limits.neighbours.output = 0);
        let sender = (STRANGER, ip("10.0.0.9"));
        arp(case, Operation::REQUEST, sender, "10.0.0.1");
    }),
    (Why::OutputDown, 1, |case| {
        let now = case.lab.now;
        case.host().set_up(now, ETH, false).unwrap();
        case.raw_frame(60).unwrap_err();
    }),
    (Why::OutputBadFamily, 1, |case| {
        let (now, frame) = (case.lab.now, PacketBuf::from_slice(&[0; 60]));
        case.host().send_frame(now, ETH, 10, frame).unwrap_err();
    }),
    (Why::QueueFull, 1, |case| {
        case.host().set_queue(ETH, Fifo::new(0, 0)).unwrap();
        case.raw_frame(60).unwrap_err();
    }),
    (Why::QueueFlowFull, 1, |case| {
        reserved(case, Policing::Reshape);
    }),
    (Why::QueuePoliced, 1, |case| {
        reserved(case, Policing::Police);
    }),
    (Why::QueueDown, 2, |case| {
        let now = case.lab.now;
        for _ in 0..2 {
            let frame = PacketBuf::from_slice(&[0; 60]);
            case.host().send_frame(now, ETH, 0, frame).unwrap();
        }
        case.host().handle_carrier(now, ETH, false);
    }),
    (Why::QueueReplaced, 1, |case| {
        case.raw_frame(60).unwrap();
        case.host().set_queue(ETH, Fifo::default()).unwrap();
    }),
    (Why::QueueRefused, 1, |case| {
        let now = case.lab.now;
        case.raw_frame(60).unwrap();
        let frame = case.host().poll_frame(now, ETH).unwrap();
        case.host().handle_refused(now, ETH, &frame);
    }),
    (Why::LoopbackFull, 1, |case| {
        case.limited(|limits| limits.socket.loopback = 0);
        case.send("127.0.0.1:7", 1).unwrap();
    }),
    (Why::NeighbourWaiting, 2, |case| {
        case.limited(|limits| limits.neighbours.waiting = 1);
        let id = case.udp();
        for _ in 0..3 {
            case.send_by(id, "10.0.0.77:7", 1).unwrap();
        }
    }),
    (Why::NeighbourNoRoom, 1, |case| {
        case.limited(|limits| limits.neighbours.entries = 1);
        case.send("10.0.0.2:7", 1).unwrap();
    }),
    (Why::NeighbourForgotten, 1, |case| {
        case.send("10.0.0.77:7", 1).unwrap();
        let now = case.lab.now;
        case.host()
            .delete_neighbor(now, ETH, ip("10.0.0.77"))
            .unwrap();
    }),
    (Why::NeighbourNoSource, 1, |case| {
        let now = case.lab.now;
        let bare = InterfaceConfig::ethernet("eth9", MacAddr([2; 6]));
        let id = case.host().add_interface(bare);
        let network = Prefix::new(ip("10.9.0.0"), 24).unwrap();
        case.host()
            .add_route(now, Route::new(network, None, id))
            .unwrap();
        let socket = case.lab.udp(HOST, "10.0.0.1:1000");
        case.send_by(socket, "10.9.0.9:7", 1).unwrap_err();
    }),
    (Why::NeighbourSilent, 1, |case| {
        case.send("10.0.0.77:7", 1).unwrap();
        case.lab.pass(Duration::from_secs(10));
    }),
    (Why::NeighbourSuspended, 1, |case| {
        case.send("10.0.0.77:7", 1).unwrap();
        case.lab.pass(Duration::from_secs(10));
        let id = case.lab.udp(HOST, "0.0.0.0:1001");
        case.send_by(id, "10.0.0.77:7", 1).unwrap_err();
    }),
];
