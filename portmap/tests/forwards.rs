//! Indirect calls over real sockets: what one caller may keep in flight.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::net::UdpSocket;
use std::time::Duration;

use bytes::Bytes;
use fairway_portmap::Portmapper;
use fairway_portmap::call_it::FORWARDS_PER_ADDRESS;
use fairway_portmap::core::Core;
use fairway_portmap::registry::{Mapping, Owner};
use fairway_rpc::{Server, ServerAddress};
use fairway_stack::Net;
use fairway_xdr::Encoder;

const SOON: Duration = Duration::from_secs(20);
const SYSTEM_ERR: u32 = 5;

/// RPCBPROC_INDIRECT of procedure 1 of program 9 (RFC 1833 §2.2.2), or RPCBPROC_BCAST.
fn question(xid: u32, procedure: u32) -> Vec<u8> {
    let mut e = Encoder::new();
    for word in [xid, 0, 2, 100_000, 4, procedure, 0, 0, 0, 0, 9, 1, 1] {
        e.u32(word);
    }
    e.opaque(&Bytes::new(), 0).unwrap();
    e.into_vec()
}

/// The xid of an answer and its accept_stat.
fn answer(socket: &UdpSocket) -> (u32, u32) {
    let mut octets = [0; 100];
    let n = socket.recv(&mut octets).unwrap();
    let word = |at: usize| {
        let octets = octets
            .get(..n)
            .and_then(|octets| octets.get(at * 4..at * 4 + 4));
        u32::from_be_bytes(octets.unwrap().try_into().unwrap())
    };
    (word(0), word(5))
}

/// Eight calls for a program that does not answer are what a caller's address gets; another's is served on.
#[test]
fn a_caller_cannot_take_all_the_room() {
    let (tell, told) = std::sync::mpsc::channel();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    silent.set_read_timeout(Some(SOON)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let net = Net::system();
            let mut core = Core::default();
            core.indirect = true;
            let address = format!("127.0.0.1.{}.{}", port >> 8, port & 255);
            let mapping = Mapping::new(9, 1, "udp", address, Owner::Superuser);
            assert!(core.registry.set(mapping).answer());
            let portmapper = Portmapper::new(&net, core);
            let server = Server::builder(&net)
                .registry(portmapper.services())
                .listen_udp("127.0.0.1:0".parse().unwrap())
                .start()
                .await
                .unwrap();
            let Some(ServerAddress::Udp(address)) = server.addresses().first() else {
                unreachable!("listens on one address");
            };
            tell.send(*address).unwrap();
            drop(stopped.await);
            portmapper.core().counters()
        })
    });
    let portmapper = told.recv().unwrap();
    let caller = |address: &str| {
        let socket = UdpSocket::bind(address).unwrap();
        socket.connect(portmapper).unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        socket
    };
    let forwarded = || {
        let mut octets = [0; 100];
        silent.recv(&mut octets).unwrap();
    };
    // From several ports: it is the address that counts.
    let (one, two, other) = (
        caller("127.0.0.1:0"),
        caller("127.0.0.1:0"),
        caller("127.0.0.2:0"),
    );
    let most = u32::try_from(FORWARDS_PER_ADDRESS).unwrap();
    for xid in 0..most {
        let socket = if xid % 2 == 0 { &one } else { &two };
        socket.send(&question(xid, 10)).unwrap();
        forwarded();
    }
    one.send(&question(100, 10)).unwrap();
    assert_eq!(answer(&one), (100, SYSTEM_ERR));
    other.send(&question(200, 10)).unwrap();
    forwarded();
    // RFC 1833 §2.2.1: silent if it did not succeed; what comes next is the null call's answer.
    two.send(&question(101, 5)).unwrap();
    two.send(&question(102, 0)).unwrap();
    assert_eq!(answer(&two).0, 102);
    drop(stop);
    let counters = server.join().unwrap();
    assert_eq!(counters.forwards_of_address, 2);
    assert_eq!(counters.forwards_in_all, 0);
}
