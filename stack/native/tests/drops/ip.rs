//! Packets in, through and out.

use crate::Line;
use crate::case::{Case, ETH, FAR};
use crate::support::frames;
use crate::support::{addr, ip};
use fairway_native::event::DropReason as Why;
use fairway_native::ip::multicast::{Command, MulticastRoute};
use fairway_native::qos::Fifo;
use fairway_native::route::RouteKind;
use fairway_native::sock::MtuDiscovery;
use fairway_native::{Departure, InterfaceAddress, InterfaceConfig};
use fairway_wire::{EtherType, MacAddr, Protocol, ipv4};
use std::io::IoSlice;
use std::time::Duration;

/// A fragment from 10.0.0.9.
fn fragment(case: &mut Case, offset: u16, more: bool, len: usize) {
    fragment_of(case, 7, offset, more, 0, len);
}

fn fragment_of(case: &mut Case, id: u16, offset: u16, more: bool, tos: u8, len: usize) {
    let header = ipv4::Header {
        id,
        fragment_offset: offset,
        more_fragments: more,
        dscp_ecn: tos,
        ..frames::header(ip("10.0.0.9"), ip("10.0.0.1"), Protocol::UDP)
    };
    case.packet(&frames::packet(header, &[], &vec![7; len]));
}

fn command(case: &mut Case, command: Command) {
    let now = case.lab.now;
    case.host().multicast_command(now, command).unwrap();
}

/// A multicast router between the two networks.
fn multicast(case: &mut Case) {
    multicast_with(case, 64, 3);
}

fn multicast_with(case: &mut Case, unresolved: usize, waiting: usize) {
    case.limited(|limits| {
        limits.multicast.unresolved = unresolved;
        limits.multicast.waiting = waiting;
    });
    command(case, Command::Init);
    for (index, address) in [(0, "10.0.0.1"), (1, "10.0.1.1")] {
        let address = ip(address);
        command(
            case,
            Command::AddVif {
                index,
                address,
                threshold: 1,
                tunnel: false,
            },
        );
    }
}

fn multicast_route(case: &mut Case, incoming: u8, outgoing: Vec<(u8, u8)>) {
    let route = MulticastRoute {
        source: ip("10.0.0.9"),
        group: ip("239.1.1.1"),
        incoming,
        outgoing,
    };
    command(case, Command::AddRoute(route));
}

/// A packet to the group.
fn to_group(case: &mut Case, change: impl FnOnce(&mut ipv4::Header), len: usize) {
    let mut header = frames::header(ip("10.0.0.9"), ip("239.1.1.1"), Protocol::UDP);
    change(&mut header);
    let packet = frames::packet(header, &[], &vec![0; len]);
    let group = MacAddr::from_multicast_v4(header.destination);
    case.frame_to(group, EtherType::IPV4, &packet);
}

pub(crate) const TABLE: &[Line] = &[
    (Why::IpShort, 1, |case| case.packet(&[0x45; 19])),
    (Why::IpBadVersion, 1, |case| {
        case.spoiled(|packet| packet[0] = 0x65);
    }),
    (Why::IpBadHeaderLength, 1, |case| {
        case.spoiled(|packet| packet[0] = 0x44);
    }),
    (Why::IpBadChecksum, 1, |case| {
        case.spoiled(|packet| packet[10] ^= 1);
    }),
    (Why::IpBadLength, 1, |case| {
        case.spoiled(|packet| {
            packet[3] = 19;
            ipv4::fill_checksum(packet);
        });
    }),
    (Why::IpTruncated, 1, |case| {
        case.spoiled(|packet| packet.truncate(24));
    }),
    (Why::IpBadSource, 1, |case| {
        let header = frames::header(ip("10.0.0.1"), ip("10.0.0.1"), Protocol::UDP);
        case.packet(&frames::packet(header, &[], &[0; 8]));
    }),
    (Why::IpBadOptions, 1, |case| {
        let header = frames::header(ip("10.0.0.9"), ip("10.0.0.1"), Protocol::UDP);
        case.packet(&frames::packet(header, &[7, 1, 4, 0], &[0; 8]));
    }),
    (Why::IpSourceRoute, 1, |case| {
        let header = frames::header(ip("10.0.0.9"), ip("10.0.0.1"), Protocol::UDP);
        let route = [131, 7, 4, 10, 0, 0, 2, 0];
        case.packet(&frames::packet(header, &route, &[0; 8]));
    }),
    (Why::IpNotOurs, 1, |case| {
        case.passing("10.0.1.2", |_| {}, 8);
    }),
    (Why::IpNoMember, 1, |case| to_group(case, |_| {}, 8)),
    (Why::IpNoProtocol, 1, |case| {
        case.payload(Protocol(200), b"x");
    }),
    (Why::FragmentRefused, 1, |case| {
        fragment(case, 0, true, 16);
        fragment(case, 8, true, 16);
        fragment(case, 24, true, 16);
    }),
    (Why::FragmentTwice, 1, |case| {
        fragment(case, 0, true, 16);
        fragment(case, 0, true, 16);
    }),
    (Why::FragmentOverlap, 1, |case| {
        fragment(case, 0, true, 16);
        fragment(case, 8, true, 16);
    }),
    (Why::FragmentLength, 1, |case| fragment(case, 0, true, 15)),
    (Why::FragmentTooFar, 1, |case| {
        fragment(case, 65_528, false, 16);
    }),
    (Why::FragmentTwoEnds, 1, |case| {
        fragment(case, 16, false, 16);
        fragment(case, 32, false, 16);
    }),
    (Why::FragmentTooMany, 1, |case| {
        case.limited(|limits| limits.reassembly.fragments = 1);
        fragment(case, 16, true, 16);
        fragment(case, 32, true, 16);
    }),
    (Why::FragmentMarks, 1, |case| {
        fragment_of(case, 7, 0, true, 0, 16);
        fragment_of(case, 7, 16, false, 3, 16);
    }),
    (Why::FragmentOptions, 1, |case| {
        let header = |offset, more| ipv4::Header {
            id: 7,
            fragment_offset: offset,
            more_fragments: more,
            ..frames::header(ip("10.0.0.9"), ip("10.0.0.1"), Protocol::UDP)
        };
        // Whole it has 65 515 octets of data, as many as go behind a header without options; the first has some.
        let first = frames::packet(header(0, true), &[1, 1, 1, 1], &[0; 32_760]);
        case.packet(&first);
        case.packet(&frames::packet(header(32_760, false), &[], &[0; 32_755]));
    }),
    (Why::FragmentsLate, 1, |case| {
        fragment(case, 0, true, 16);
        case.lab.pass(Duration::from_secs(120));
    }),
    (Why::FragmentsOfSource, 1, |case| {
        case.limited(|limits| limits.reassembly.memory_per_source = 3000);
        fragment_of(case, 1, 0, true, 0, 16);
        fragment_of(case, 2, 0, true, 0, 16);
    }),
    (Why::FragmentsMemory, 1, |case| {
        case.limited(|limits| limits.reassembly.memory = 3000);
        fragment_of(case, 1, 0, true, 0, 16);
        fragment_of(case, 2, 0, true, 0, 16);
    }),
    (Why::FragmentsPackets, 1, |case| {
        case.limited(|limits| limits.reassembly.datagrams = 1);
        fragment_of(case, 1, 0, true, 0, 16);
        fragment_of(case, 2, 0, true, 0, 16);
    }),
    (Why::ForwardNever, 1, |case| {
        case.router();
        case.passing("240.0.0.1", |_| {}, 8);
    }),
    (Why::ForwardDirected, 1, |case| {
        case.router();
        case.passing("10.0.1.255", |_| {}, 8);
    }),
    (Why::ForwardTtl, 1, |case| {
        case.router();
        case.passing("10.0.1.2", |header| header.ttl = 1, 8);
    }),
    (Why::ForwardTooLong, 1, |case| {
        case.router();
        let now = case.lab.now;
        case.host().set_mtu(now, FAR, 576).unwrap();
        case.passing("10.0.1.2", |header| header.dont_fragment = true, 1000);
    }),
    (Why::ForwardNoRoute, 1, |case| {
        case.router();
        case.passing("172.16.0.1", |_| {}, 8);
    }),
    (Why::ForwardRejected, 1, |case| {
        case.router();
        case.route(|route| route.kind = RouteKind::Reject);
        case.passing("172.16.0.1", |_| {}, 8);
    }),
    (Why::ForwardBlackHole, 1, |case| {
        case.router();
        case.route(|route| route.kind = RouteKind::Blackhole);
        case.passing("172.16.0.1", |_| {}, 8);
    }),
    (Why::ForwardDown, 1, |case| {
        case.router();
        let now = case.lab.now;
        case.host().set_up(now, FAR, false).unwrap();
        case.passing("10.0.1.2", |_| {}, 8);
    }),
    (Why::MulticastTtl, 1, |case| {
        multicast(case);
        to_group(case, |header| header.ttl = 1, 8);
    }),
    (Why::MulticastTooLong, 1, |case| {
        multicast(case);
        multicast_route(case, 0, vec![(1, 1)]);
        let now = case.lab.now;
        case.host().set_mtu(now, FAR, 576).unwrap();
        to_group(case, |header| header.dont_fragment = true, 1000);
    }),
    (Why::MulticastOffRoute, 1, |case| {
        multicast(case);
        multicast_route(case, 1, vec![(0, 1)]);
        to_group(case, |_| {}, 8);
    }),
    (Why::MulticastOffPath, 1, |case| {
        multicast(case);
        command(case, Command::Membership(true));
        to_group(case, |header| header.source = ip("10.0.1.9"), 8);
    }),
    (Why::MulticastNoRoom, 2, |case| {
        multicast_with(case, 1, 1);
        to_group(case, |_| {}, 8);
        // No more of these wait, nor of others.
        to_group(case, |_| {}, 8);
        to_group(case, |header| header.source = ip("10.0.0.8"), 8);
    }),
    (Why::MulticastNoRoute, 1, |case| {
        multicast(case);
        to_group(case, |_| {}, 8);
        case.lab.pass(Duration::from_secs(60));
    }),
    (Why::MulticastUnwanted, 1, |case| {
        multicast(case);
        multicast_route(case, 0, vec![]);
        to_group(case, |_| {}, 8);
    }),
    (Why::MulticastEnded, 1, |case| {
        multicast(case);
        to_group(case, |_| {}, 8);
        command(case, Command::Done);
    }),
    (Why::MulticastUpcall, 1, |case| {
        multicast_with(case, 1, 1);
        multicast_route(case, 1, vec![(0, 1)]);
        to_group(case, |_| {}, 8);
        to_group(case, |_| {}, 8);
    }),
    (Why::OutputNoRoute, 1, |case| {
        case.send("172.16.0.1:7", 1).unwrap_err();
    }),
    (Why::OutputNotNear, 1, |case| {
        case.route(|_| {});
        let (id, now) = (case.udp(), case.lab.now);
        case.host()
            .set_options(now, id, |options| options.dont_route = true)
            .unwrap();
        case.send_by(id, "172.16.0.1:7", 1).unwrap_err();
    }),
    (Why::OutputRejected, 1, |case| {
        case.route(|route| route.kind = RouteKind::Reject);
        case.send("172.16.0.1:7", 1).unwrap_err();
    }),
    (Why::OutputBlackHole, 1, |case| {
        case.route(|route| route.kind = RouteKind::Blackhole);
        case.send("172.16.0.1:7", 1).unwrap_err();
    }),
    (Why::OutputBadType, 1, |case| {
        case.send("10.0.0.255:7", 1).unwrap_err();
    }),
    (Why::OutputForeign, 1, |case| {
        let (id, now) = (case.udp(), case.lab.now);
        let departure = Departure {
            peer: Some(addr("10.0.0.2:7")),
            source: Some(ip("10.0.0.77")),
            ..Departure::default()
        };
        let sent = case
            .host()
            .send_msg(now, id, &[IoSlice::new(b"x")], &departure);
        sent.unwrap_err();
    }),
    (Why::OutputLoopback, 1, |case| {
        let (id, now) = (case.udp(), case.lab.now);
        let departure = Departure {
            peer: Some(addr("10.0.0.2:7")),
            source: Some(ip("127.0.0.1")),
            ..Departure::default()
        };
        let sent = case
            .host()
            .send_msg(now, id, &[IoSlice::new(b"x")], &departure);
        sent.unwrap_err();
    }),
    (Why::OutputPast, 1, |case| {
        let (id, now) = (case.udp(), case.lab.now);
        case.host()
            .set_options(now, id, |options| options.ip_options = Some([1; 40].into()))
            .unwrap();
        case.send_by(id, "10.0.0.2:7", 65_507).unwrap_err();
    }),
    (Why::OutputWhole, 1, |case| {
        let (id, now) = (case.udp(), case.lab.now);
        let always = MtuDiscovery::Always;
        case.host()
            .set_options(now, id, |options| options.mtu_discovery = always)
            .unwrap();
        case.send_by(id, "10.0.0.2:7", 3000).unwrap_err();
    }),
    (Why::OutputLargeBroadcast, 1, |case| {
        let (id, now) = (case.udp(), case.lab.now);
        case.host()
            .set_options(now, id, |options| options.broadcast = true)
            .unwrap();
        case.send_by(id, "10.0.0.255:7", 3000).unwrap_err();
    }),
    (Why::OutputNarrow, 1, |case| {
        let now = case.lab.now;
        let mut tiny = InterfaceConfig::point("tun0", 1500);
        tiny.mtu = 27;
        let id = case.host().add_interface(tiny);
        let own = InterfaceAddress::new(ip("10.8.0.1"), 24);
        case.host().add_address(now, id, own).unwrap();
        case.send("10.8.0.9:7", 100).unwrap_err();
    }),
    (Why::OutputPiece, 2, |case| {
        let id = case.acquaint();
        case.host().set_queue(ETH, Fifo::new(1, u64::MAX)).unwrap();
        // Four pieces, of which the queue takes the first.
        case.send_by(id, "10.0.0.2:7", 5000).unwrap_err();
    }),
];
