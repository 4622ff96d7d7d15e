//! Names in the access files, and a name server that takes its time.

use std::net::UdpSocket;

use nix::sys::signal::Signal;

use super::{Daemon, Namespace, SOON, Way, built, ready, scratch, uninterrupted, until, words};

/// A question to the name server: what was sent, and from where.
type Query = (Vec<u8>, std::net::SocketAddr);

fn query(server: &UdpSocket) -> Query {
    let mut octets = [0; 512];
    let (n, from) = uninterrupted(|| server.recv_from(&mut octets)).unwrap();
    (octets[..n].to_vec(), from)
}

/// Answers with one address, or with none if another kind of record was asked for (RFC 1035 §4.1).
fn answer(server: &UdpSocket, (query, from): &Query, address: [u8; 4]) {
    let name = query[12..].iter().position(|octet| *octet == 0).unwrap();
    let question = &query[12..12 + name + 5];
    let is_a = question[name + 1..name + 3] == [0, 1];
    let mut reply = query[..2].to_vec();
    reply.extend([0x81, 0x80, 0, 1, 0, u8::from(is_a), 0, 0, 0, 0]);
    reply.extend(question);
    if is_a {
        reply.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
        reply.extend(address);
    }
    server.send_to(&reply, from).unwrap();
}

/// The resolver waits longer for an answer than this test for anything: whatever waited for the resolver would fail it.
#[test]
fn a_slow_name_server_delays_neither_start_nor_service_nor_end() {
    let test = "a_slow_name_server_delays_neither_start_nor_service_nor_end";
    if !ready(test, &["mount"]) {
        return;
    }
    let namespace = Namespace::new();
    let folder = scratch(test);
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let wait = SOON.as_secs() + 10;
    let resolv = file(
        "resolv.conf",
        &format!("nameserver 127.0.0.1\noptions timeout:{wait} attempts:1\n"),
    );
    built(
        namespace
            .command("mount")
            .args(["--bind", &resolv, "/etc/resolv.conf"]),
    );
    let allow = file("hosts.allow", "rpcbind: friend.example\n");
    let deny = file("hosts.deny", "rpcbind: ALL\n");
    let config = file(
        "portmapd.toml",
        &format!("user = []\nhosts_allow = \"{allow}\"\nhosts_deny = \"{deny}\"\n"),
    );
    let server = namespace.enter(|| UdpSocket::bind("127.0.0.1:53").unwrap());
    server.set_read_timeout(Some(SOON)).unwrap();

    let daemon = Daemon::ours(test, &namespace, &["--config", &config]);
    // IPv4 and IPv6 are asked for at once.
    let queries = [query(&server), query(&server)];
    let mut friend = namespace.enter(|| Way::udp("127.0.0.1", "127.0.0.5:0"));
    let mut other = namespace.enter(|| Way::udp("127.0.0.1", "127.0.0.6:0"));
    // GETPORT; the reply is MSG_DENIED or MSG_ACCEPTED (RFC 5531 §9).
    let served = |way: &mut Way| {
        let reply = way.call(1, 2, 3, &words(&[100_000, 2, 6, 0])).unwrap();
        reply[4..8] == [0; 4]
    };
    assert!(!served(&mut friend));
    for query in &queries {
        answer(&server, query, [127, 0, 0, 5]);
    }
    until("the name to be known", SOON, || {
        served(&mut friend).then_some(())
    });
    assert!(!served(&mut other));

    // Another lookup that nobody answers: what is known stays known, and the end does not wait.
    file("hosts.allow", "rpcbind: friend.example, stranger.example\n");
    query(&server);
    assert!(served(&mut friend));
    assert!(!served(&mut other));
    let mut daemon = daemon;
    assert_eq!(daemon.child.stop(Signal::SIGTERM, SOON).code(), Some(0));
}
