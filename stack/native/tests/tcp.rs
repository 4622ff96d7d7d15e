//! TCP between hosts: through ARP, routers, fragments of paths, and on one host.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod support;

use fairway_native::route::{Prefix, Route};
use fairway_native::tcp::{RecvFlags, SendFlags, Shutdown};
use fairway_native::{Errno, InterfaceId, SocketId};
use std::io::{IoSlice, IoSliceMut};
use std::time::Duration;
use support::{Lab, addr, ip};

/// a — r — b, with default routes.
fn routed() -> (Lab, usize, usize, usize) {
    let mut lab = Lab::new();
    let (a, b, r) = (lab.host("a"), lab.host("b"), lab.router("r"));
    lab.ethernet(&[(a, "10.0.1.1"), (r, "10.0.1.254")]);
    lab.ethernet(&[(b, "10.0.2.1"), (r, "10.0.2.254")]);
    for (host, gateway) in [(a, "10.0.1.254"), (b, "10.0.2.254")] {
        let route = Route::new(Prefix::DEFAULT, Some(ip(gateway)), InterfaceId(2));
        lab.hosts[host].add_route(lab.now, route).unwrap();
    }
    lab.settle();
    (lab, a, b, r)
}

fn listen(lab: &mut Lab, host: usize, name: &str) -> SocketId {
    let now = lab.now;
    let stack = &mut lab.hosts[host];
    let id = stack.tcp_socket(now).unwrap();
    stack.bind(now, id, addr(name)).unwrap();
    stack.listen(now, id, 16).unwrap();
    id
}

fn connect(lab: &mut Lab, host: usize, name: &str) -> SocketId {
    let now = lab.now;
    let id = lab.hosts[host].tcp_socket(now).unwrap();
    let started = lab.hosts[host].connect(now, id, addr(name));
    assert!(
        matches!(started, Ok(()) | Err(Errno::InProgress)),
        "{started:?}"
    );
    lab.settle();
    id
}

fn send(lab: &mut Lab, host: usize, id: SocketId, octets: &[u8]) -> Result<usize, Errno> {
    let now = lab.now;
    let sent = lab.hosts[host].tcp_send(now, id, &[IoSlice::new(octets)], SendFlags::default());
    lab.settle();
    sent
}

fn recv(lab: &mut Lab, host: usize, id: SocketId) -> Result<Vec<u8>, Errno> {
    let mut buf = vec![0; 1 << 20];
    let now = lab.now;
    let mut bufs = [IoSliceMut::new(&mut buf)];
    let length = lab.hosts[host].tcp_recv(now, id, &mut bufs, RecvFlags::default())?;
    buf.truncate(length);
    lab.settle();
    Ok(buf)
}

/// Sends all of `octets` one way and checks that they arrive, letting time pass where nothing moves.
fn transfer(lab: &mut Lab, from: (usize, SocketId), to: (usize, SocketId), octets: &[u8]) {
    let (mut sent, mut got) = (0, Vec::new());
    while got.len() < octets.len() {
        let mut moved = false;
        if sent < octets.len() {
            match send(lab, from.0, from.1, &octets[sent..]) {
                Ok(taken) => {
                    sent += taken;
                    moved = true;
                }
                Err(errno) => assert_eq!(errno, Errno::WouldBlock),
            }
        }
        match recv(lab, to.0, to.1) {
            Ok(more) => {
                assert!(!more.is_empty(), "an early end");
                got.extend(more);
                moved = true;
            }
            Err(errno) => assert_eq!(errno, Errno::WouldBlock),
        }
        if !moved {
            lab.pass(Duration::from_millis(50));
        }
    }
    assert!(got == octets);
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length)
        .map(|i| u8::try_from(i % 251).unwrap())
        .collect()
}

#[test]
fn streams_cross_a_router_both_ways_and_end() {
    let (mut lab, a, b, _) = routed();
    let listener = listen(&mut lab, b, "0.0.0.0:80");
    let client = connect(&mut lab, a, "10.0.2.1:80");
    let (server, peer) = lab.hosts[b].accept(lab.now, listener).unwrap();
    assert_eq!(lab.hosts[a].local_addr(client).unwrap(), peer);
    assert_eq!(*peer.ip(), ip("10.0.1.1"));
    transfer(&mut lab, (a, client), (b, server), &pattern(1_000_000));
    transfer(&mut lab, (b, server), (a, client), &pattern(300_000));
    let now = lab.now;
    lab.hosts[a].shutdown(now, client, Shutdown::Write).unwrap();
    lab.settle();
    assert_eq!(recv(&mut lab, b, server), Ok(Vec::new()));
    send(&mut lab, b, server, b"last").unwrap();
    lab.hosts[b].close(now, server).unwrap();
    lab.settle();
    assert_eq!(recv(&mut lab, a, client), Ok(b"last".to_vec()));
    assert_eq!(recv(&mut lab, a, client), Ok(Vec::new()));
    lab.hosts[a].close(now, client).unwrap();
    lab.pass(Duration::from_secs(200));
}

/// CON-2.
#[test]
fn nobody_listening_is_refused() {
    let (mut lab, a, _, _) = routed();
    let client = connect(&mut lab, a, "10.0.2.1:81");
    assert_eq!(
        lab.hosts[a].take_error(client).unwrap(),
        Some(Errno::ConnRefused)
    );
}

/// CON-3, and that no route is an error at once.
#[test]
fn no_answer_and_no_way() {
    let (mut lab, a, _, r) = routed();
    let lost = Route::new(
        Prefix::host(ip("10.9.9.9")),
        Some(ip("10.0.2.1")),
        InterfaceId(3),
    );
    lab.hosts[r].add_route(lab.now, lost).unwrap();
    let client = connect(&mut lab, a, "10.9.9.9:80");
    lab.pass(Duration::from_secs(74));
    assert_eq!(lab.hosts[a].take_error(client).unwrap(), None);
    lab.pass(Duration::from_secs(80));
    assert_eq!(
        lab.hosts[a].take_error(client).unwrap(),
        Some(Errno::TimedOut)
    );

    let mut alone = Lab::new();
    let host = alone.host("alone");
    let id = alone.hosts[host].tcp_socket(alone.now).unwrap();
    let refused = alone.hosts[host].connect(alone.now, id, addr("10.0.0.1:1"));
    assert_eq!(refused, Err(Errno::NetUnreach));
}

#[test]
fn a_host_talks_to_itself_in_long_segments() {
    let (mut lab, a, _, _) = routed();
    let before = lab.carried.len();
    let listener = listen(&mut lab, a, "127.0.0.1:80");
    let client = connect(&mut lab, a, "127.0.0.1:80");
    let (server, _) = lab.hosts[a].accept(lab.now, listener).unwrap();
    transfer(&mut lab, (a, client), (a, server), &pattern(3_000_000));
    assert_eq!(lab.carried.len(), before, "nothing leaves the host");
}

/// RFC 1191: the narrow link says how narrow it is, and the connection goes on.
#[test]
fn a_narrow_link_on_the_way_is_found() {
    let (mut lab, a, b, r) = routed();
    lab.hosts[r].set_mtu(lab.now, InterfaceId(3), 600).unwrap();
    let listener = listen(&mut lab, b, "0.0.0.0:80");
    let client = connect(&mut lab, a, "10.0.2.1:80");
    let (server, _) = lab.hosts[b].accept(lab.now, listener).unwrap();
    transfer(&mut lab, (a, client), (b, server), &pattern(200_000));
    let longest = lab.carried.iter().filter(|(segment, _)| *segment == 1);
    assert!(longest.map(|(_, frame)| frame.len()).max().unwrap() <= 614);
    let info = lab.hosts[a].tcp_info(client).unwrap();
    assert!(info.send_mss <= 560, "{info:?}");
}

/// ACC-3, LSN-5, and calls that do not fit the state.
#[test]
fn calls_on_sockets_of_the_wrong_state() {
    let (mut lab, a, b, _) = routed();
    let now = lab.now;
    let listener = listen(&mut lab, b, "0.0.0.0:80");
    assert_eq!(
        lab.hosts[b].accept(now, listener).err(),
        Some(Errno::WouldBlock)
    );
    assert!(lab.hosts[b].is_listening(listener).unwrap());
    let idle = lab.hosts[a].tcp_socket(now).unwrap();
    assert_eq!(lab.hosts[a].accept(now, idle).err(), Some(Errno::Inval));
    assert_eq!(send(&mut lab, a, idle, b"x"), Err(Errno::NotConn));
    assert_eq!(recv(&mut lab, a, idle), Err(Errno::NotConn));
    assert_eq!(lab.hosts[a].peer_addr(idle), Err(Errno::NotConn));
    let client = connect(&mut lab, a, "10.0.2.1:80");
    assert_eq!(
        lab.hosts[a].connect(now, client, addr("10.0.2.1:80")),
        Err(Errno::IsConn)
    );
    lab.hosts[a].close(now, client).unwrap();
    assert_eq!(send(&mut lab, a, client, b"x"), Err(Errno::NotSock));
}

/// CLO-3: who lingers waits until the peer has taken everything, or the time is over.
#[test]
fn closing_lingers_as_long_as_it_must() {
    for peer_reads in [true, false] {
        let (mut lab, a, b, _) = routed();
        let listener = listen(&mut lab, b, "0.0.0.0:80");
        let client = connect(&mut lab, a, "10.0.2.1:80");
        let (server, _) = lab.hosts[b].accept(lab.now, listener).unwrap();
        let now = lab.now;
        let linger = |options: &mut fairway_native::tcp::SocketOptions| {
            options.linger = Some(Duration::from_secs(5));
        };
        lab.hosts[a].set_tcp_options(now, client, linger).unwrap();
        while send(&mut lab, a, client, &[7; 65_536]).is_ok() {}
        assert_eq!(lab.hosts[a].begin_close(now, client), Ok(false));
        assert!(!lab.hosts[a].readiness(client).unwrap().closed);
        if peer_reads {
            for _ in 0..20 {
                lab.pass(Duration::from_millis(100));
                while recv(&mut lab, b, server).is_ok_and(|octets| !octets.is_empty()) {}
            }
        } else {
            lab.pass(Duration::from_secs(4));
            assert!(!lab.hosts[a].readiness(client).unwrap().closed);
            lab.pass(Duration::from_secs(2));
        }
        assert!(
            lab.hosts[a].readiness(client).unwrap().closed,
            "{peer_reads}"
        );
        lab.hosts[a].close(lab.now, client).unwrap();
        assert_eq!(lab.hosts[a].readiness(client), Err(Errno::NotSock));
    }
}

/// Who lets a server write and close, and then acknowledges nothing, does not keep its memory without end.
#[test]
fn closed_connections_with_something_to_send_are_bounded() {
    let mut lab = Lab::new();
    let client = lab.host("client");
    let mut setup = fairway_native::Setup::new("server", [9; 32]);
    setup.limits.tcp.orphans = 4;
    lab.hosts.push(fairway_native::Stack::new(setup));
    let server = lab.hosts.len() - 1;
    lab.ethernet(&[(client, "10.0.0.1"), (server, "10.0.0.2")]);
    lab.settle();
    let listener = listen(&mut lab, server, "0.0.0.0:80");
    let mut accepted = Vec::new();
    for _ in 0..10 {
        connect(&mut lab, client, "10.0.0.2:80");
        accepted.push(lab.hosts[server].accept(lab.now, listener).unwrap().0);
    }
    for id in accepted {
        // More than the client has room for, as it never reads.
        while send(&mut lab, server, id, &[7; 65_536]).is_ok() {}
        lab.hosts[server].close(lab.now, id).unwrap();
        lab.settle();
    }
    assert_eq!(lab.hosts[server].counters().tcp.orphans_dropped, 6);
    lab.hosts[server].check().unwrap();
}
