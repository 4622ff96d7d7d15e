//! Segments: RFC 4987, RFC 5961.

use super::*;
use fairway_native::tcp::{RecvFlags, SendFlags, State};
use fairway_wire::{SeqNumber, tcp};
use std::io::{IoSlice, IoSliceMut};

const PORT: u16 = 80;

/// The victim listens.
fn listening(backlog: u32) -> (Flooded, SocketId) {
    let mut flooded = Flooded::with(|limits| {
        limits.tcp.syn_cache = 16;
        limits.tcp.time_wait = 4;
    });
    let now = flooded.lab.now;
    let stack = flooded.stack();
    let listener = stack.tcp_socket(now).unwrap();
    stack.bind(now, listener, addr("10.0.0.2:80")).unwrap();
    stack.listen(now, listener, backlog).unwrap();
    (flooded, listener)
}

/// The honest host connects, and an octet goes each way.
fn converse(flooded: &mut Flooded, listener: SocketId) {
    let now = flooded.lab.now;
    let (honest, victim) = (flooded.honest, flooded.victim);
    let hosts = &mut flooded.lab.hosts;
    let client = hosts[honest].tcp_socket(now).unwrap();
    let begun = hosts[honest].connect(now, client, addr("10.0.0.2:80"));
    assert_eq!(begun, Err(Errno::InProgress));
    flooded.lab.settle();
    let hosts = &mut flooded.lab.hosts;
    let (server, _) = hosts[victim].accept(now, listener).unwrap();
    for (from, to) in [
        ((honest, client), (victim, server)),
        ((victim, server), (honest, client)),
    ] {
        let bufs = [IoSlice::new(b"!")];
        let flags = SendFlags::default();
        assert_eq!(
            flooded.lab.hosts[from.0].tcp_send(now, from.1, &bufs, flags),
            Ok(1)
        );
        flooded.lab.settle();
        let mut room = [0; 8];
        let bufs = &mut [IoSliceMut::new(&mut room)];
        let flags = RecvFlags::default();
        assert_eq!(
            flooded.lab.hosts[to.0].tcp_recv(now, to.1, bufs, flags),
            Ok(1)
        );
    }
    for (host, id) in [(honest, client), (victim, server)] {
        flooded.lab.hosts[host].close(now, id).unwrap();
        flooded.lab.settle();
    }
    flooded.stack().check().unwrap();
}

fn syn(flooded: &mut Flooded, n: u32) {
    // From everywhere, as far as the victim can tell: it has no way back to them, and need not look for one.
    let source = number(0x0a00_0003, n % 200);
    let port = 1024 + u16::try_from(n / 200).unwrap();
    let header = frames::syn(port, PORT, n);
    flooded.packet(&frames::tcp(
        source,
        ip("10.0.0.2"),
        header,
        &[2, 4, 5, 0xb4],
        b"",
    ));
}

/// RFC 4987 §3.3, §3.6: handshakes are remembered up to a limit, and beyond it cookies are sent.
#[test]
fn that_begin_handshakes_are_answered_with_cookies_when_too_many_are_open() {
    let (mut flooded, listener) = listening(64);
    for n in 0..4000 {
        syn(&mut flooded, n);
        assert!(flooded.stack().usage().handshakes <= 16);
        flooded.sent();
    }
    assert_eq!(flooded.stack().usage().sockets, 2, "no socket for a SYN");
    flooded.serve();
    converse(&mut flooded, listener);
}

/// Without cookies a full cache drops what is new; handshakes that nobody completes end by themselves.
#[test]
fn that_begin_handshakes_are_dropped_without_cookies_until_old_ones_end() {
    let (mut flooded, listener) = listening(64);
    let now = flooded.lab.now;
    let stack = flooded.stack();
    stack.set_parameter(now, "net.inet.ip.synattck", 0).unwrap();
    for n in 0..4000 {
        syn(&mut flooded, n);
        flooded.sent();
    }
    assert!(flooded.stack().usage().handshakes <= 16);
    flooded.serve();
    flooded.lab.pass(Duration::from_secs(300));
    assert_eq!(flooded.stack().usage().handshakes, 0);
    converse(&mut flooded, listener);
}

/// LSN-3: who is not accepted waits in a queue of bounded length.
#[test]
fn that_complete_handshakes_fill_the_queue_of_the_listener_and_no_more() {
    let (mut flooded, listener) = listening(2);
    let now = flooded.lab.now;
    let mut clients = Vec::new();
    for _ in 0..50 {
        let honest = &mut flooded.lab.hosts[flooded.honest];
        let client = honest.tcp_socket(now).unwrap();
        let _begun = honest.connect(now, client, addr("10.0.0.2:80"));
        flooded.lab.settle();
        clients.push(client);
        flooded.stack().check().unwrap();
    }
    let stack = flooded.stack();
    let waiting = std::iter::from_fn(|| stack.accept(now, listener).ok()).count();
    assert_eq!(waiting, 3, "the backlog, and one");
    for client in clients {
        let honest = flooded.honest;
        flooded.lab.hosts[honest].close(now, client).unwrap();
    }
    flooded.lab.pass(Duration::from_secs(600));
    flooded.serve();
}

/// Connections that wait out their time are bounded too.
#[test]
fn that_end_connections_leave_few_behind() {
    let (mut flooded, listener) = listening(2);
    for _ in 0..50 {
        converse(&mut flooded, listener);
        let usage = flooded.stack().usage();
        assert!(usage.time_wait <= 4, "{usage:?}");
    }
}

/// RFC 5961 §3, §4, §5: what is forged into a connection by someone who sees nothing of it ends nothing, and is
/// answered at a limited rate.
#[test]
fn that_are_forged_into_a_connection_end_nothing_and_are_answered_at_a_limited_rate() {
    let (mut flooded, listener) = listening(2);
    let now = flooded.lab.now;
    let honest = flooded.honest;
    let hosts = &mut flooded.lab.hosts;
    let client = hosts[honest].tcp_socket(now).unwrap();
    let _begun = hosts[honest].connect(now, client, addr("10.0.0.2:80"));
    flooded.lab.settle();
    let (server, peer) = flooded.stack().accept(now, listener).unwrap();
    let mut answered = 0;
    for n in 0..20_000_u32 {
        // Data from outside the window must be answered, or a lost answer would never be made good.
        let flags =
            [tcp::Flags::RST, tcp::Flags::SYN, tcp::Flags::ACK][usize::try_from(n % 3).unwrap()];
        let header = tcp::Header {
            source_port: peer.port(),
            destination_port: PORT,
            seq: SeqNumber(n.wrapping_mul(0x9e37_79b9)),
            ack: SeqNumber(n.wrapping_mul(0x85eb_ca6b)),
            header_len: 20,
            flags,
            window: 100,
            checksum: 0,
            urgent: 0,
        };
        flooded.packet(&frames::tcp(*peer.ip(), ip("10.0.0.2"), header, &[], b""));
        answered += flooded.sent().len();
    }
    assert!(answered <= 1000, "{answered} answers");
    assert_eq!(
        flooded.stack().tcp_info(server).unwrap().state,
        State::Established
    );
    let bufs = [IoSlice::new(b"still here")];
    assert_eq!(
        flooded
            .stack()
            .tcp_send(now, server, &bufs, SendFlags::default()),
        Ok(10)
    );
    flooded.lab.pass(Duration::from_secs(5));
    let mut room = [0; 16];
    let got = flooded.lab.hosts[honest].tcp_recv(
        flooded.lab.now,
        client,
        &mut [IoSliceMut::new(&mut room)],
        RecvFlags::default(),
    );
    assert_eq!(got, Ok(10));
    flooded.serve();
}

/// Segments without a connection are answered with a reset each, which is no longer than they are.
#[test]
fn to_closed_ports_are_answered_with_resets_and_nothing_else() {
    let (mut flooded, _) = listening(2);
    let mut answered = 0;
    for n in 0..5000_u16 {
        let header = frames::syn(n, 9, 1);
        flooded.packet(&frames::tcp(
            ip("10.0.0.1"),
            ip("10.0.0.2"),
            header,
            &[],
            b"",
        ));
        for frame in flooded.sent() {
            assert_eq!(frame.len(), 14 + 40);
            answered += 1;
        }
    }
    assert_eq!(answered, 5000);
    flooded.serve();
}

/// Every kind of option, of every length, that ends where it should not.
#[test]
fn with_malformed_options_are_taken_without_them() {
    let (mut flooded, listener) = listening(2);
    for kind in 0..=255_u8 {
        for length in [0, 1, 2, 3, 4, 10, 34, 39, 40, 41, 255] {
            let mut options = [0; 40];
            options[..2].copy_from_slice(&[kind, length]);
            let header = frames::syn(u16::from(kind) + 1024, PORT, 7);
            let source = ip("10.0.0.99");
            flooded.packet(&frames::tcp(source, ip("10.0.0.2"), header, &options, b""));
        }
    }
    flooded.sent();
    flooded.serve();
    flooded.lab.pass(Duration::from_secs(300));
    converse(&mut flooded, listener);
}
