//! Datagrams and packets without a connection.

use super::*;

#[test]
fn to_a_socket_that_never_reads_are_dropped_when_its_buffer_is_full() {
    let mut flooded = Flooded::new();
    let mut before = 0;
    for n in 0..3000 {
        let source = (ip("10.0.0.99"), n);
        flooded.packet(&frames::udp(source, (ip("10.0.0.2"), 7), &[], &[0; 512]));
        before = flooded.count(EventId::UdpInputFull).max(before);
    }
    let (victim, answers) = (flooded.victim, flooded.answers);
    let mut there = 0;
    while flooded.lab.recv(victim, answers).is_some() {
        there += 1;
    }
    assert_eq!(before + there, 3000);
    assert!(there * 512 <= 256 << 10, "{there}");
    flooded.serve();
}

/// An empty datagram takes memory too.
#[test]
fn without_data_are_charged_for_what_they_take() {
    let mut flooded = Flooded::new();
    for n in 0..3000 {
        flooded.packet(&frames::udp(
            (ip("10.0.0.99"), n),
            (ip("10.0.0.2"), 7),
            &[],
            b"",
        ));
    }
    assert!(flooded.count(EventId::UdpInputFull) >= 1000);
}

/// RFC 791 §3.1: every kind of option at once, malformed, and options that name us again and again.
#[test]
fn with_options_of_every_kind_are_obeyed_or_refused() {
    let mut flooded = Flooded::new();
    let us = (ip("10.0.0.2"), 7);
    let from = (ip("10.0.0.99"), 9);
    let (mut taken, victim, answers) = (0, flooded.victim, flooded.answers);
    for kind in 0..=255_u8 {
        for length in [0, 1, 2, 3, 4, 7, 8, 11, 39, 40, 41, 255] {
            for pointer in [0, 1, 3, 4, 5, 8, 37, 255] {
                let mut options = [0; 40];
                options[..3].copy_from_slice(&[kind, length, pointer]);
                flooded.packet(&frames::udp(from, us, &options, b"!"));
                taken += usize::from(flooded.lab.recv(victim, answers).is_some());
                flooded.sent();
            }
        }
    }
    let refused = flooded.count(EventId::IpDooptionsBadopt);
    let sent = 256 * 12 * 8;
    assert_eq!(u64::try_from(taken).unwrap() + refused, sent);
    assert!(taken > 0 && refused > 0);
    flooded.serve();
}

/// RFC 1122 §3.2.1.3: what nobody can have sent.
#[test]
fn from_impossible_senders_are_dropped() {
    let mut flooded = Flooded::new();
    let sources = [
        "127.0.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "240.0.0.1",
        "10.0.0.2",
    ];
    for source in sources {
        flooded.packet(&frames::udp(
            (ip(source), 7),
            (ip("10.0.0.2"), 7),
            &[],
            b"?",
        ));
    }
    let (victim, answers) = (flooded.victim, flooded.answers);
    assert_eq!(flooded.lab.recv(victim, answers), None);
    assert_eq!(flooded.count(EventId::IpInputBadsrc), 5);
}
