//! ARP packets: RFC 826, RFC 5227.

use super::*;

fn request(flooded: &mut Flooded, sender: Ipv4Addr, target: Ipv4Addr) {
    let packet = frames::arp(
        arp::Operation::REQUEST,
        (STRANGER, sender),
        (MacAddr::default(), target),
    );
    flooded.frame(frames::frame(MacAddr::BROADCAST, EtherType::ARP, &packet));
}

#[test]
fn that_ask_fill_the_table_and_push_nobody_out_who_was_set_by_hand() {
    let mut flooded = Flooded::new();
    let now = flooded.lab.now;
    let (kept, link) = (ip("10.0.0.77"), MacAddr([2, 0, 0, 0, 0, 77]));
    flooded.stack().set_neighbor(now, ETH, kept, link).unwrap();
    for n in 3..250 {
        request(&mut flooded, number(0x0a00_0000, n), ip("10.0.0.2"));
        flooded.sent();
    }
    assert_eq!(flooded.stack().usage().neighbours, 32);
    // The packet for the one set by hand goes out at once, and to that address.
    let victim = flooded.victim;
    let socket = flooded.answers;
    let now = flooded.lab.now;
    let departure = fairway_native::Departure {
        peer: Some(addr("10.0.0.77:9")),
        ..Default::default()
    };
    flooded.lab.hosts[victim]
        .send_msg(now, socket, &[], &departure)
        .unwrap();
    let sent = flooded.sent();
    assert!(sent[0].as_slice().starts_with(&link.0));
    flooded.serve();
}

/// RFC 826 makes entries of those who ask for us, not of everything that is heard.
#[test]
fn that_nobody_asked_for_make_no_entries() {
    let mut flooded = Flooded::new();
    let before = flooded.stack().usage().neighbours;
    for n in 3..250 {
        let who = number(0x0a00_0000, n);
        for operation in [arp::Operation::REPLY, arp::Operation::REQUEST] {
            let packet = frames::arp(operation, (STRANGER, who), (STRANGER, who));
            flooded.frame(frames::frame(MacAddr::BROADCAST, EtherType::ARP, &packet));
        }
        // Who is not on the network is no neighbour, whatever it asks for.
        request(&mut flooded, number(0x0b00_0000, n), ip("10.0.0.2"));
    }
    assert_eq!(flooded.stack().usage().neighbours, before);
    flooded.sent();
    flooded.serve();
}

/// A packet for each of a whole network that does not answer: a scan from inside.
#[test]
fn that_must_be_sent_to_reach_nobody_hold_few_packets_back() {
    let mut flooded = Flooded::new();
    let victim = flooded.victim;
    let socket = flooded.answers;
    for n in 3..250 {
        let to = format!("{}:9", number(0x0a00_0000, n));
        for _ in 0..80 {
            let now = flooded.lab.now;
            let departure = fairway_native::Departure {
                peer: Some(addr(&to)),
                ..Default::default()
            };
            let data = [0; 1000];
            let bufs = [std::io::IoSlice::new(&data)];
            let _lost = flooded.lab.hosts[victim].send_msg(now, socket, &bufs, &departure);
        }
        flooded.stack().check().unwrap();
    }
    let usage = flooded.stack().usage();
    assert!(usage.neighbours <= 32, "{usage:?}");
    assert!(usage.neighbour_octets <= 32 * 64 * 2048, "{usage:?}");
    assert!(flooded.count(EventId::EtherOutputNomem) > 0);
    flooded.sent();
    flooded.serve();
}

/// RFC 5227 §2.4: an address of ours is defended, but not against every packet.
#[test]
fn that_claim_our_address_are_not_all_answered() {
    let mut flooded = Flooded::new();
    let who = ip("10.0.0.2");
    for _ in 0..1000 {
        request(&mut flooded, who, who);
    }
    assert_eq!(flooded.count(EventId::ArpInputDupaddr), 1000);
    assert!(flooded.sent().len() <= 1);
    flooded.serve();
}
