//! Urgent data: RFC 9293 §3.8.5, RFC 6093, sockets.md §12.3.

use super::*;

const OOB: SendFlags = SendFlags {
    oob: true,
    eof: false,
    more: false,
};
const TAKE: RecvFlags = RecvFlags {
    oob: true,
    peek: false,
    wait_all: false,
};

fn sent() -> (Pair, ConnId, ConnId) {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    });
    let (one, other) = pair.connected();
    pair.send(A, one, b"before").unwrap();
    pair.run(ms(50));
    pair.send_with(A, one, b"!", OOB).unwrap();
    pair.send(A, one, b"after").unwrap();
    pair.run(ms(50));
    (pair, one, other)
}

// RFC 6093 §4: the pointer points behind the octet.
#[test]
fn the_pointer_points_behind_the_octet() {
    let (pair, ..) = sent();
    let urgent = pair
        .sent_by(A)
        .find(|seen| seen.header.flags.contains(Flags::URG))
        .unwrap();
    assert_eq!((urgent.len, urgent.header.urgent), (1, 1));
}

// OOB-1, OOB-2, OOB-3
#[test]
fn it_is_apart_from_the_stream_which_stops_at_the_mark() {
    let (mut pair, _, other) = sent();
    assert!(pair.hosts[B].tcp.readiness(other).unwrap().exceptional);
    assert_eq!(pair.hosts[B].tcp.at_mark(other), Ok(false));
    assert_eq!(pair.recv(B, other, 100).unwrap(), b"before");
    assert_eq!(pair.hosts[B].tcp.at_mark(other), Ok(true));
    // OOB-7
    let look = RecvFlags { peek: true, ..TAKE };
    assert_eq!(pair.recv_with(B, other, 9, look).unwrap(), b"!");
    assert_eq!(pair.recv_with(B, other, 9, TAKE).unwrap(), b"!");
    assert_eq!(pair.recv_with(B, other, 9, TAKE), Err(Errno::Inval));
    assert_eq!(pair.recv(B, other, 100).unwrap(), b"after");
    assert!(!pair.hosts[B].tcp.readiness(other).unwrap().exceptional);
}

// OOB-3
#[test]
fn in_line_it_is_read_with_the_stream() {
    let (mut pair, _, other) = sent();
    pair.with(B, |tcp, cx| {
        tcp.set_options(cx, other, |options| options.oob_inline = true)
    })
    .unwrap();
    assert_eq!(pair.recv_with(B, other, 9, TAKE), Err(Errno::Inval));
    assert_eq!(pair.recv(B, other, 100).unwrap(), b"before");
    assert_eq!(pair.hosts[B].tcp.at_mark(other), Ok(true));
    assert_eq!(pair.recv(B, other, 100).unwrap(), b"!after");
}

// OOB-4, OOB-5, RCV-6
#[test]
fn it_is_announced_before_it_arrives() {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    });
    let (one, other) = pair.connected();
    pair.with(B, |tcp, cx| {
        tcp.set_options(cx, other, |options| options.recv_buffer = 4096)
    })
    .unwrap();
    pair.send(A, one, &pattern(100_000)).unwrap();
    pair.run(ms(3000));
    pair.send_with(A, one, b"!", OOB).unwrap();
    pair.run(ms(10_000));
    assert!(pair.hosts[B].tcp.readiness(other).unwrap().exceptional);
    assert_eq!(pair.recv_with(B, other, 9, TAKE), Err(Errno::WouldBlock));
    let mut got = 0;
    while got < 100_000 {
        got += pair.recv(B, other, 65_536).map_or(0, |data| data.len());
        pair.run(ms(100));
    }
    assert_eq!(pair.recv_with(B, other, 9, TAKE).unwrap(), b"!");
}

// OOB-6
#[test]
fn a_second_moves_the_mark() {
    let (mut pair, one, other) = sent();
    pair.send_with(A, one, b"?", OOB).unwrap();
    pair.run(ms(50));
    assert_eq!(pair.recv_with(B, other, 9, TAKE).unwrap(), b"?");
    // The first, which nobody took, is part of the stream again.
    assert_eq!(pair.recv(B, other, 100).unwrap(), b"before!after");
}
