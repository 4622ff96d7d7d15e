//! ICMP and IGMP.

use crate::case::{Case, ETH};
use crate::support::frames;
use crate::support::ip;
use crate::{Line, Taken};
use fairway_native::event::DropReason as Why;
use fairway_native::ip::multicast::Command;
use fairway_native::route::{Prefix, Route};
use fairway_wire::icmp::{Message, RedirectCode, TimeExceededCode, UnreachableCode};
use fairway_wire::{Protocol, igmp};

/// An ICMP message from `from`.
fn message(case: &mut Case, from: &str, message: Message, rest: &[u8]) {
    case.packet(&frames::icmp(ip(from), ip("10.0.0.1"), message, rest));
}

fn unreachable(code: UnreachableCode) -> Message {
    Message::DestinationUnreachable {
        code,
        next_hop_mtu: 0,
    }
}

/// A datagram that the host might have sent.
fn quoted(source: &str) -> Vec<u8> {
    frames::udp((ip(source), 1000), (ip("172.16.0.1"), 7), &[], b"x")
}

/// A redirect of packets to 172.16.0.1 while the way there is by 10.0.0.2.
fn redirect(case: &mut Case, from: &str, gateway: &str, about: &str) {
    let now = case.lab.now;
    let way = Route::new(Prefix::DEFAULT, Some(ip("10.0.0.2")), ETH);
    case.host().add_route(now, way).unwrap();
    let redirect = Message::Redirect {
        code: RedirectCode::HOST,
        gateway: ip(gateway),
    };
    let about = frames::udp((ip("10.0.0.1"), 1000), (ip(about), 7), &[], b"x");
    message(case, from, redirect, &about);
}

fn group_message(case: &mut Case, octets: &[u8]) {
    let header = frames::header(ip("10.0.0.9"), ip("10.0.0.1"), Protocol::IGMP);
    let mut octets = octets.to_vec();
    if octets[2..4] == [0, 0] {
        let sum = fairway_wire::checksum::sum(&octets).finish();
        octets[2..4].copy_from_slice(&sum.to_be_bytes());
    }
    case.packet(&frames::packet(header, &[], &octets));
}

/// The host is a multicast router.
fn multicast_router(case: &mut Case) {
    let now = case.lab.now;
    let vif = Command::AddVif {
        index: 0,
        address: ip("10.0.0.1"),
        threshold: 1,
        tunnel: false,
    };
    for command in [Command::Init, vif] {
        case.host().multicast_command(now, command).unwrap();
    }
}

pub(crate) const TABLE: &[Line] = &[
    (Why::IcmpShort, 1, |case| {
        case.payload(Protocol::ICMP, &[8, 0, 0, 0, 0, 0, 0]);
    }),
    (Why::IcmpBadChecksum, 1, |case| {
        case.payload(Protocol::ICMP, &[8, 0, 1, 2, 3, 4, 5, 6]);
    }),
    (Why::IcmpBadQuote, 1, |case| {
        let host = unreachable(UnreachableCode::HOST);
        message(case, "10.0.0.9", host, &[0x45; 9]);
    }),
    (Why::IcmpUnknown, 1, |case| {
        let mut octets = [200, 0, 0, 0, 1, 2, 3, 4];
        let sum = fairway_wire::checksum::sum(&octets).finish();
        octets[2..4].copy_from_slice(&sum.to_be_bytes());
        case.payload(Protocol::ICMP, &octets);
    }),
    (Why::IcmpQuench, 1, |case| {
        message(case, "10.0.0.9", Message::SourceQuench, &quoted("10.0.0.1"));
    }),
    (Why::IcmpUnanswered, 1, |case| {
        case.again(|setup| setup.config.icmp.echo_reply = false);
        message(
            case,
            "10.0.0.9",
            Message::EchoRequest { id: 1, seq: 1 },
            b"x",
        );
    }),
    (Why::IcmpUnasked, 2, |case| {
        message(case, "10.0.0.9", Message::EchoReply { id: 1, seq: 1 }, b"x");
        // Who sends datagrams without being connected is not told.
        case.send("10.0.0.9:7", 1).unwrap();
        let port = unreachable(UnreachableCode::PORT);
        let sent = frames::udp((ip("10.0.0.1"), 1000), (ip("10.0.0.9"), 7), &[], b"x");
        message(case, "10.0.0.9", port, &sent);
    }),
    (Why::IcmpForeign, 1, |case| {
        let host = unreachable(UnreachableCode::HOST);
        message(case, "10.0.0.9", host, &quoted("10.0.0.77"));
    }),
    (Why::IcmpDoubted, 2, |case| {
        let host = unreachable(UnreachableCode::HOST);
        let syn = frames::syn(1000, 80, 7);
        let segment = frames::tcp(ip("10.0.0.1"), ip("10.0.0.9"), syn, &[], b"");
        message(case, "10.0.0.9", host, &segment);
        let too_long = unreachable(UnreachableCode::FRAGMENTATION_NEEDED);
        message(case, "10.0.0.9", too_long, &quoted("10.0.0.1"));
    }),
    (Why::IcmpSuppressed, 1, |case| {
        // Nobody is told of a fragment but the first.
        let header = fairway_wire::ipv4::Header {
            ttl: 1,
            fragment_offset: 8,
            ..frames::header(ip("10.0.0.9"), ip("10.0.1.2"), Protocol::UDP)
        };
        case.router();
        case.packet(&frames::packet(header, &[], &[0; 8]));
    }),
    (Why::IcmpLimited, 1, |case| {
        case.again(|setup| {
            setup.config.icmp.error_rate = 1;
            setup.config.icmp.error_burst = 1;
        });
        case.payload(Protocol(200), b"x");
        case.payload(Protocol(200), b"x");
    }),
    (Why::RedirectLimited, 1, |case| {
        case.router();
        let now = case.lab.now;
        let way = Route::new(Prefix::DEFAULT, Some(ip("10.0.0.2")), ETH);
        case.host().add_route(now, way).unwrap();
        while case.host().events().drops().of(Why::RedirectLimited) == 0 {
            case.passing("172.16.0.1", |_| {}, 8);
        }
    }),
    (Why::RedirectUnwanted, 1, |case| {
        case.again(|setup| setup.config.ip.accept_redirects = false);
        redirect(case, "10.0.0.2", "10.0.0.3", "172.16.0.1");
    }),
    (Why::RedirectStranger, 1, |case| {
        redirect(case, "10.0.0.9", "10.0.0.3", "172.16.0.1");
    }),
    (Why::RedirectFar, 1, |case| {
        redirect(case, "10.0.0.2", "10.7.0.3", "172.16.0.1");
    }),
    (Why::RedirectDirect, 1, |case| {
        redirect(case, "10.0.0.2", "10.0.0.3", "10.0.0.5");
    }),
    (Why::RedirectOurs, 1, |case| {
        redirect(case, "10.0.0.2", "10.0.0.1", "172.16.0.1");
    }),
    (Why::RedirectFull, 1, |case| {
        case.limited(|limits| limits.route.routes = 4);
        redirect(case, "10.0.0.2", "10.0.0.3", "172.16.0.1");
    }),
    (Why::IgmpShort, 1, |case| {
        group_message(case, &[0x11, 0, 1, 1, 0, 0, 0]);
    }),
    (Why::IgmpBadChecksum, 1, |case| {
        group_message(case, &[0x11, 0, 1, 1, 0, 0, 0, 0]);
    }),
    (Why::IgmpBadLength, 1, |case| {
        group_message(case, &[0x11, 0, 0, 0, 0, 0, 0, 0, 0]);
    }),
    (Why::IgmpNoGroup, 1, |case| {
        group_message(case, &[0x16, 0, 0, 0, 10, 0, 0, 5]);
    }),
    (Why::IgmpUnknown, 1, |case| {
        group_message(case, &[0x77, 0, 0, 0, 0, 0, 0, 0]);
    }),
    (Why::IgmpNoRoom, 1, |case| {
        case.limited(|limits| limits.igmp.heard_groups = 1);
        multicast_router(case);
        for group in ["239.1.1.1", "239.1.1.2"] {
            let group = ip(group);
            let report = igmp::Message::V2Report { group };
            case.packet(&frames::igmp(ip("10.0.0.9"), group, &report));
        }
    }),
];

/// What is none: somebody has it, or it went as far as it was to go.
pub(crate) const TAKEN: &[Taken] = &[
    ("messages that a raw socket hears", |case| {
        case.host().raw_socket(Protocol::ICMP).unwrap();
        message(case, "10.0.0.9", Message::EchoReply { id: 1, seq: 1 }, b"x");
        message(
            case,
            "10.0.0.9",
            Message::TimeExceeded {
                code: TimeExceededCode::TTL,
            },
            &quoted("10.0.0.1"),
        );
    }),
    ("reports that a multicast router hears", |case| {
        multicast_router(case);
        let group = ip("239.1.1.1");
        let report = igmp::Message::V2Report { group };
        case.packet(&frames::igmp(ip("10.0.0.9"), group, &report));
    }),
];
