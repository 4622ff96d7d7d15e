//! What a host does to itself.

use super::*;
use fairway_native::Departure;

#[test]
fn has_as_many_sockets_as_it_may() {
    let mut flooded = Flooded::new();
    let now = flooded.lab.now;
    let stack = flooded.stack();
    let mut made = Vec::new();
    let refused = loop {
        let id = match made.len() % 3 {
            0 => stack.udp_socket(),
            1 => stack.raw_socket(Protocol::ICMP),
            _ => stack.tcp_socket(now),
        };
        match id {
            Ok(id) => made.push(id),
            Err(errno) => break errno,
        }
    };
    assert_eq!(refused, Errno::TooManyFiles);
    assert_eq!(stack.usage().sockets, 16);
    stack.check().unwrap();
    assert_eq!(stack.events().count_of(EventId::SocketLimit), 1);
    for id in made {
        stack.close(now, id).unwrap();
    }
    assert_eq!(stack.usage().sockets, 1);
    flooded.serve();
}

/// MUL-3: 20 groups for a socket.
#[test]
fn joins_as_many_groups_as_it_may() {
    let mut flooded = Flooded::new();
    let now = flooded.lab.now;
    let socket = flooded.answers;
    let stack = flooded.stack();
    let joined = (0..1000)
        .map(|n| number(0xe001_0000, n))
        .map_while(|group| stack.join(now, socket, group, Some(ETH), None).ok());
    assert_eq!(joined.count(), 20);
    assert_eq!(stack.events().count_of(EventId::MulticastJoinLimit), 1);
    let group = ip("224.2.2.2");
    for _ in 0..2 {
        assert_eq!(
            stack.join(now, socket, group, Some(ETH), None),
            Err(Errno::NoBufs)
        );
    }
    stack.check().unwrap();
    flooded.sent();
    flooded.serve();
}

/// Whoever sends to itself in answer to itself gets somewhere, and every call comes back.
#[test]
fn may_talk_to_itself_without_end() {
    let mut flooded = Flooded::new();
    let now = flooded.lab.now;
    let stack = flooded.stack();
    // Echo requests in the name of this host, to this host: an answer each, and no answer to that.
    let raw = stack.raw_socket(Protocol::RAW).unwrap();
    let us = ip("10.0.0.2");
    let message = icmp::Message::EchoRequest { id: 1, seq: 1 };
    let request = frames::icmp(us, us, message, &[0; 8]);
    // A datagram to a closed port of ours, from a closed port of ours: one error, and none about that.
    let datagram = frames::udp((us, 9), (us, 9), &[], b"?");
    // To all of the network, in the name of all of the network.
    let all = ip("10.0.0.255");
    let many = frames::icmp(all, all, message, &[0; 8]);
    for _ in 0..2000 {
        for packet in [&request, &datagram, &many] {
            let bufs = [std::io::IoSlice::new(packet)];
            let _sent = stack.send_msg(now, raw, &bufs, &Departure::default());
            stack.check().unwrap();
        }
    }
    let mut calls = 0;
    while stack.poll_timeout() == Some(now) {
        stack.handle_timeout(now);
        calls += 1;
        assert!(calls < 10, "never quiet");
    }
    flooded.sent();
    flooded.serve();
}

/// A queue without end would be memory without end.
#[test]
fn queues_as_many_packets_to_itself_as_it_may() {
    let mut flooded = Flooded::new();
    let now = flooded.lab.now;
    let socket = flooded.answers;
    let stack = flooded.stack();
    let departure = Departure {
        peer: Some(addr("10.0.0.2:7")),
        ..Departure::default()
    };
    for _ in 0..2000 {
        stack.send_msg(now, socket, &[], &departure).unwrap();
    }
    assert_eq!(stack.usage().loopback, 0, "taken up within the call");
    assert!(stack.events().count_of(EventId::UdpInputFull) > 0);
    stack.check().unwrap();
}
