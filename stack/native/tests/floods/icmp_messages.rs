//! ICMP messages: RFC 792, RFC 5927.

use super::*;

/// RFC 1122 §3.2.2.2: only the router in use may redirect, and what it says is bounded all the same.
#[test]
fn redirects_are_few_and_only_of_the_router_in_use() {
    let mut flooded = Flooded::new();
    let now = flooded.lab.now;
    let router = ip("10.0.0.254");
    let route = fairway_native::route::Route::new(
        fairway_native::route::Prefix::DEFAULT,
        Some(router),
        ETH,
    );
    flooded.stack().add_route(now, route).unwrap();
    for n in 0..1000 {
        let about = frames::udp((ip("10.0.0.2"), 7), (number(0x0c00_0000, n), 9), &[], b"");
        for (from, gateway) in [
            (router, ip("10.0.0.253")),
            (ip("10.0.0.252"), ip("10.0.0.253")),
            (router, ip("10.9.9.9")),
            (router, ip("10.0.0.2")),
        ] {
            let code = icmp::RedirectCode::HOST;
            let message = icmp::Message::Redirect { code, gateway };
            flooded.packet(&frames::icmp(from, ip("10.0.0.2"), message, &about));
        }
    }
    let usage = flooded.stack().usage();
    assert_eq!((usage.redirects, usage.routes), (8, 8 + 3), "{usage:?}");
    assert_eq!(flooded.count(EventId::RtredirectError), 3000);
    flooded.serve();
}

/// RFC 1812 §4.3.2.8.
#[test]
fn errors_about_closed_ports_are_limited() {
    let mut flooded = Flooded::new();
    let before = flooded.sent().len();
    assert_eq!(before, 0);
    for n in 0..5000 {
        let source = (number(0x0a00_0003, n % 200), 1);
        flooded.packet(&frames::udp(source, (ip("10.0.0.2"), 9), &[], b"?"));
    }
    assert_eq!(flooded.count(EventId::UdpInputNoport), 5000);
    let errors = flooded.count(EventId::IcmpErrorStart);
    assert!((1..=50).contains(&errors), "{errors}");
    assert_eq!(flooded.count(EventId::IcmpErrorRatelimit), 5000 - errors);
    flooded.sent();
    flooded.serve();
}

/// RFC 1122 §3.2.2: none about errors, nor about what was sent to many or comes from nobody.
#[test]
fn errors_never_answer_errors_or_go_to_many() {
    let mut flooded = Flooded::new();
    let us = ip("10.0.0.2");
    let code = icmp::UnreachableCode::PORT;
    let unreachable = icmp::Message::DestinationUnreachable {
        code,
        next_hop_mtu: 0,
    };
    let about = frames::udp((us, 7), (ip("10.0.0.99"), 9), &[], b"");
    flooded.packet(&frames::icmp(ip("10.0.0.99"), us, unreachable, &about));
    for source in [
        "0.0.0.0",
        "10.0.0.255",
        "10.0.0.0",
        "224.0.0.1",
        "255.255.255.255",
        "127.0.0.1",
    ] {
        flooded.packet(&frames::udp((ip(source), 1), (us, 9), &[], b"?"));
    }
    for to in ["10.0.0.255", "255.255.255.255", "224.0.0.1"] {
        flooded.packet(&frames::udp((ip("10.0.0.99"), 1), (ip(to), 9), &[], b"?"));
    }
    assert_eq!(flooded.count(EventId::IcmpErrorStart), 0);
    assert!(flooded.sent().is_empty());
    flooded.serve();
}

/// RFC 5927 §7: a path MTU is believed about what was sent only, and its table is bounded.
#[test]
fn forged_path_mtus_are_bounded() {
    let mut flooded = Flooded::new();
    let now = flooded.lab.now;
    let route = fairway_native::route::Route::new(
        fairway_native::route::Prefix::DEFAULT,
        Some(ip("10.0.0.254")),
        ETH,
    );
    flooded.stack().add_route(now, route).unwrap();
    let gateway = ip("10.0.0.254");
    let known = flooded.stack().set_neighbor(now, ETH, gateway, STRANGER);
    known.unwrap();
    for n in 0..2000 {
        let to = (number(0x0c00_0000, n), 9);
        if n < 1000 {
            let (victim, answers) = (flooded.victim, flooded.answers);
            let peer = format!("{}:9", to.0);
            flooded
                .lab
                .send(victim, answers, &peer, &[0; 1400])
                .unwrap();
        }
        for port in [7, 8] {
            let about = frames::udp((ip("10.0.0.2"), port), to, &[], &[0; 1400]);
            let code = icmp::UnreachableCode::FRAGMENTATION_NEEDED;
            let message = icmp::Message::DestinationUnreachable {
                code,
                next_hop_mtu: 68,
            };
            flooded.packet(&frames::icmp(
                ip("10.0.0.99"),
                ip("10.0.0.2"),
                message,
                &about,
            ));
        }
    }
    assert_eq!(flooded.stack().usage().path_mtus, 8);
    assert_eq!(flooded.count(EventId::PmtuChange), 1000, "of what was sent");
    assert_eq!(flooded.count(EventId::IcmpInputIgnored), 3000);
    flooded.serve();
}

#[test]
fn answers_to_echo_requests_wait_no_longer_than_the_queue() {
    let mut flooded = Flooded::new();
    for n in 0..3000 {
        let message = icmp::Message::EchoRequest { id: 1, seq: n };
        flooded.packet(&frames::icmp(
            ip("10.0.0.1"),
            ip("10.0.0.2"),
            message,
            &[0; 56],
        ));
    }
    assert_eq!(flooded.stack().usage().queued, 1000);
    assert_eq!(flooded.count(EventId::EtherOutputNomem), 2000);
    flooded.sent();
    flooded.serve();
}
