//! Groups: RFC 3376.

use super::*;
use fairway_native::ip::multicast::Command;
use fairway_wire::igmp::{Message, Query};

/// RFC 3376 §5.2: an answer is due within a time; more questions make no more answers of it.
#[test]
fn that_are_asked_for_again_and_again_are_answered_no_more_often() {
    let mut flooded = Flooded::new();
    let (now, socket) = (flooded.lab.now, flooded.answers);
    let group = ip("224.1.1.1");
    flooded
        .stack()
        .join(now, socket, group, Some(ETH), None)
        .unwrap();
    flooded.lab.pass(Duration::from_secs(30));
    let before = flooded.count(EventId::IgmpOut);
    for n in 0..5000_u32 {
        for (code, of) in [
            (100, Ipv4Addr::UNSPECIFIED),
            (10, group),
            (1, number(0xe100_0000, n)),
        ] {
            let query = Query {
                max_response_code: code,
                group: of,
                v3: None,
            };
            let to = if of.is_unspecified() {
                ip("224.0.0.1")
            } else {
                of
            };
            flooded.packet(&frames::igmp(ip("10.0.0.99"), to, &Message::Query(query)));
        }
    }
    flooded.lab.pass(Duration::from_secs(30));
    let reports = flooded.count(EventId::IgmpOut) - before;
    assert!((1..=4).contains(&reports), "{reports} reports");
    flooded.serve();
}

/// What a multicast router remembers of others.
#[test]
fn that_others_report_are_remembered_up_to_a_limit() {
    let mut flooded = Flooded::with(|limits| limits.igmp.heard_groups = 16);
    let now = flooded.lab.now;
    let stack = flooded.stack();
    for command in [
        Command::Init,
        Command::AddVif {
            index: 0,
            address: ip("10.0.0.2"),
            threshold: 1,
            tunnel: false,
        },
    ] {
        stack.multicast_command(now, command).unwrap();
    }
    for n in 0..3000 {
        let group = number(0xe100_0000, n);
        flooded.packet(&frames::igmp(
            ip("10.0.0.99"),
            group,
            &Message::V2Report { group },
        ));
        flooded.packet(&frames::igmp(
            ip("10.0.0.99"),
            ip("224.0.0.2"),
            &Message::Leave { group },
        ));
        flooded.sent();
    }
    assert!(flooded.stack().counters().igmp.groups_without_room >= 3000 - 16);
    flooded.serve();
}
