//! TCP.

use crate::bodies::Pair;
use fairway_stack::{Family, NetError, TcpListener, TcpStream};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// An IPv6 socket carries IPv6 only, so that both wildcards can be served.
pub(crate) async fn both_families_share_a_port(pair: Pair) {
    let six = pair.server.listen_tcp("[::]:0".parse().unwrap()).unwrap();
    let port = six.local_addr().unwrap().port();
    let four = match pair
        .server
        .listen_tcp(SocketAddr::new(Family::V4.unspecified(), port))
    {
        // Somebody else on this machine has it over IPv4: nothing was shown.
        Err(NetError::AddrInUse) => return println!("skipped: port {port} is taken over IPv4"),
        four => four.unwrap(),
    };
    for (family, listener) in [(Family::V4, &four), (Family::V6, &six)] {
        let peer = SocketAddr::new(pair.server_addr(family).ip(), port);
        let client = pair.client.connect_tcp(peer).await.unwrap();
        let (_, from) = listener.accept().await.unwrap();
        assert_eq!(from, client.local_addr().unwrap());
    }
}

/// OWN-3: what a service manager or an earlier life of the program opened.
pub(crate) async fn sockets_of_the_standard_library_are_adopted(pair: Pair) {
    let std = std::net::TcpListener::bind(pair.server_addr(Family::V4)).unwrap();
    let listener = TcpListener::from_std(std::os::fd::OwnedFd::from(std).into()).unwrap();
    let std = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let mut client = TcpStream::from_std(std).unwrap();
    let (mut server, _) = listener.accept().await.unwrap();
    client.write_all(b"x").await.unwrap();
    assert_eq!(server.read_u8().await.unwrap(), b'x');
}

/// Ports 512–1023 say that the superuser asks.
pub(crate) async fn reserved_ports_are_of_the_superuser(pair: Pair) {
    let mut rng = pair.client.rng();
    let (one, other) = (
        pair.client.tcp_socket(Family::V4).unwrap(),
        pair.client.tcp_socket(Family::V6).unwrap(),
    );
    match (one.bind_reserved(&mut rng), other.bind_reserved(&mut rng)) {
        (Ok(one), Ok(other)) => {
            assert!(
                (512..1024).contains(&one.port()) && (512..1024).contains(&other.port()),
                "{one} {other}"
            );
        }
        (one, other) => assert_eq!((one, other), (Err(NetError::Access), Err(NetError::Access))),
    }
}
