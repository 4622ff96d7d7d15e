//! TCP.

use super::{Difference, Pair};
use fairway_stack::{Family, IpProtocol, NetError, TcpListener, TcpStream, option};
use std::io::{ErrorKind, IoSlice};
use std::net::{Shutdown, SocketAddr};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

async fn connected(pair: &Pair, family: Family) -> (TcpStream, TcpStream) {
    let listener = pair.server.listen_tcp(pair.server_addr(family)).unwrap();
    connect_to(pair, &listener).await
}

async fn connect_to(pair: &Pair, listener: &TcpListener) -> (TcpStream, TcpStream) {
    let client = pair
        .client
        .connect_tcp(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (server, peer) = listener.accept().await.unwrap();
    assert_eq!(client.local_addr().unwrap(), peer);
    (client, server)
}

/// GSN-1, GSN-3, GPN-1, PRT-3, PRT-5, BND-2, ACC-2.
pub(crate) async fn names_of_unbound_bound_and_connected_sockets(pair: Pair) {
    for family in pair.families() {
        let socket = pair.client.tcp_socket(family).unwrap();
        assert_eq!(
            socket.local_addr().unwrap(),
            SocketAddr::new(family.unspecified(), 0)
        );

        let listener = pair.server.listen_tcp(pair.server_addr(family)).unwrap();
        let address = listener.local_addr().unwrap();
        assert_ne!(address.port(), 0);
        assert_eq!(address.ip(), pair.server_addr(family).ip());

        let client = socket.connect(address).await.unwrap();
        let (server, peer) = listener.accept().await.unwrap();
        assert_eq!(client.peer_addr().unwrap(), address);
        assert_eq!(client.local_addr().unwrap(), peer);
        assert_eq!(server.peer_addr().unwrap(), peer);
        assert_eq!(server.local_addr().unwrap(), address);
        assert_eq!(listener.local_addr().unwrap(), address);
        assert!(listener.get(option::AcceptConn).unwrap(), "LSN-5");
    }
}

/// BND-3.
pub(crate) async fn binding_a_taken_address_is_refused(pair: Pair) {
    for family in pair.families() {
        let first = pair.server.listen_tcp(pair.server_addr(family)).unwrap();
        let second = pair.server.tcp_socket(family).unwrap();
        assert_eq!(
            second.bind(first.local_addr().unwrap()),
            Err(NetError::AddrInUse)
        );
    }
}

/// BND-4.
pub(crate) async fn binding_a_foreign_address_is_refused(pair: Pair) {
    for family in pair.families() {
        let foreign = match family {
            Family::V4 => "192.0.2.1:0",
            Family::V6 => "[2001:db8::1]:0",
        };
        let socket = pair.server.tcp_socket(family).unwrap();
        assert_eq!(
            socket.bind(foreign.parse().unwrap()),
            Err(NetError::AddrNotAvail)
        );
    }
}

/// BND-5, BND-6, PRT-6.
pub(crate) async fn binding_twice_or_the_wrong_family_is_refused(pair: Pair) {
    let socket = pair.server.tcp_socket(Family::V4).unwrap();
    assert_eq!(
        socket.bind(SocketAddr::new(Family::V6.loopback(), 0)),
        Err(NetError::AfNoSupport)
    );
    socket.bind(pair.server_addr(Family::V4)).unwrap();
    assert_eq!(
        socket.bind(pair.server_addr(Family::V4)),
        Err(NetError::Inval)
    );
}

/// CON-2.
pub(crate) async fn connecting_to_nobody_is_refused(pair: Pair) {
    for family in pair.families() {
        // Bound, so that nobody else takes the port, and not listening.
        let socket = pair.server.tcp_socket(family).unwrap();
        socket.bind(pair.server_addr(family)).unwrap();
        let result = pair.client.connect_tcp(socket.local_addr().unwrap()).await;
        assert_eq!(result.err(), Some(NetError::ConnRefused));
    }
}

/// ACC-1, ACC-3, ACC-7.
pub(crate) async fn connections_are_accepted_in_order(pair: Pair) {
    let listener = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    assert!(pair.is_pending(listener.accept()).await);
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(
            pair.client
                .connect_tcp(listener.local_addr().unwrap())
                .await
                .unwrap(),
        );
    }
    for client in &clients {
        let (_, peer) = listener.accept().await.unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
    }
}

/// The promise of cancel safety: a connection is either returned or still waiting.
pub(crate) async fn a_dropped_accept_loses_no_connection(pair: Pair) {
    let listener = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    for _ in 0..5 {
        assert!(pair.is_pending(listener.accept()).await);
    }
    connect_to(&pair, &listener).await;
}

/// ARC-3, SND-1, RCV-1.
pub(crate) async fn octets_arrive_whole_and_in_order(pair: Pair) {
    for family in pair.families() {
        let (mut client, mut server) = connected(&pair, family).await;
        let sent: Vec<u8> = (0..1_000_003_u32)
            .map(|i| u8::try_from(i % 251).unwrap())
            .collect();
        let echo = pair.server.spawn(async move {
            let mut buf = vec![0; 4096];
            loop {
                match server.read(&mut buf).await.unwrap() {
                    0 => break server.shutdown(Shutdown::Write).unwrap(),
                    n => server.write_all(buf.get(..n).unwrap()).await.unwrap(),
                }
            }
        });
        let (mut reader, mut writer) = tokio::io::split(&mut client);
        let write = async {
            let (head, tail) = sent.split_at(1000);
            let both = writer
                .write_vectored(&[IoSlice::new(head), IoSlice::new(tail)])
                .await
                .unwrap();
            assert!(both > head.len(), "vectored writes go out as one");
            writer.write_all(sent.get(both..).unwrap()).await.unwrap();
            writer.shutdown().await.unwrap();
        };
        let mut back = Vec::new();
        let read = async { reader.read_to_end(&mut back).await.unwrap() };
        tokio::join!(write, read);
        assert!(back == sent);
        echo.await.unwrap();
    }
}

/// SND-2, SND-3, SND-4, BLK-3.
pub(crate) async fn a_full_buffer_takes_part_of_a_write(pair: Pair) {
    let (client, mut server) = connected(&pair, Family::V4).await;
    client.set(option::SendBuf, 16 * 1024).unwrap();
    let block = vec![7; 1 << 20];
    let mut taken = 0;
    // Until both buffers are full: what the peer's takes makes room here for a while.
    loop {
        match client.try_write(&block) {
            Ok(n) => taken += n,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                if pair.is_pending(client.writable()).await {
                    break;
                }
            }
        }
        assert!(taken < 100 << 20, "the buffer has no end");
    }
    assert!(
        taken > 0 && !taken.is_multiple_of(block.len()),
        "the last write was taken in part"
    );

    let mut room = vec![0; taken];
    server.read_exact(&mut room).await.unwrap();
    client.writable().await.unwrap();
    assert!(
        client
            .try_write_vectored(&[IoSlice::new(b"a"), IoSlice::new(b"b")])
            .unwrap()
            == 2
    );
}

/// SHD-1, RCV-2.
pub(crate) async fn half_close_ends_one_direction_only(pair: Pair) {
    for family in pair.families() {
        let (mut client, mut server) = connected(&pair, family).await;
        client.write_all(b"last").await.unwrap();
        client.shutdown(Shutdown::Write).unwrap();
        let mut got = Vec::new();
        server.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"last");

        server.write_all(b"answer").await.unwrap();
        drop(server);
        got.clear();
        client.read_to_end(&mut got).await.unwrap();
        assert_eq!(got, b"answer");
    }
}

/// RCV-4: a read that took all there was is followed by a wait, not by a read that finds nothing.
pub(crate) async fn a_short_read_waits_for_news(pair: Pair) {
    let (mut client, server) = connected(&pair, Family::V4).await;
    for round in 0..10_u8 {
        client.write_all(&[round; 3]).await.unwrap();
        server.readable().await.unwrap();
        let mut buf = [0; 10];
        assert_eq!(server.try_read(&mut buf).unwrap(), 3);
        assert!(pair.is_pending(server.readable()).await);
        assert_eq!(
            server.try_read(&mut buf).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );

        // A read that filled its room may have left something.
        client.write_all(&[round; 3]).await.unwrap();
        server.readable().await.unwrap();
        assert_eq!(server.try_read(&mut [0; 2]).unwrap(), 2);
        server.readable().await.unwrap();
        let mut vec = Vec::with_capacity(64);
        assert_eq!(server.try_read_buf(&mut vec).unwrap(), 1);
        assert_eq!(vec, [round]);
        assert!(pair.is_pending(server.readable()).await);
    }
}

/// RCV-2: the end that came along with the last octets is not lost with their readiness.
pub(crate) async fn a_short_read_does_not_hide_the_end(pair: Pair) {
    let (mut client, server) = connected(&pair, Family::V4).await;
    client.write_all(b"abc").await.unwrap();
    drop(client);
    let mut got = Vec::new();
    loop {
        server.readable().await.unwrap();
        match server.try_read_buf(&mut got) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        got.reserve(64);
    }
    assert_eq!(got, b"abc");
}

pub(crate) async fn halves_live_in_two_tasks(pair: Pair) {
    let (client, server) = connected(&pair, Family::V4).await;
    let (mut reader, mut writer) = server.into_split();
    let write = pair.server.spawn(async move {
        writer.write_all(b"from the writing half").await.unwrap();
        // Dropping it ends the direction.
    });
    let read = pair.server.spawn(async move {
        let mut got = Vec::new();
        reader.read_to_end(&mut got).await.unwrap();
        got
    });
    let mut client = client;
    client.write_all(b"to the reading half").await.unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.unwrap();
    write.await.unwrap();
    assert_eq!(got, b"from the writing half");
    assert_eq!(read.await.unwrap(), b"to the reading half");
}

/// Section 12.4, C-1: linger on with zero aborts.
pub(crate) async fn zero_linger_aborts(pair: Pair) {
    let (client, mut server) = connected(&pair, Family::V4).await;
    client.set(option::Linger, Some(Duration::ZERO)).unwrap();
    drop(client);
    let error = server.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(NetError::from(error), NetError::ConnReset);
}

/// Section 4: EPIPE and ECONNRESET come from data calls.
pub(crate) async fn writing_to_a_closed_peer_fails(pair: Pair) {
    let (mut client, server) = connected(&pair, Family::V4).await;
    drop(server);
    let error = loop {
        if let Err(error) = client.write_all(b"anyone?").await {
            break NetError::from(error);
        }
        tokio::task::yield_now().await;
    };
    assert!(
        matches!(error, NetError::Pipe | NetError::ConnReset),
        "{error}"
    );
}

/// OOB-1, OOB-3, OOB-4, OOB-5, SEL-2.
pub(crate) async fn urgent_data_is_apart(pair: Pair) {
    let (mut client, mut server) = connected(&pair, Family::V4).await;
    assert!(server.try_recv_urgent().is_err());
    client.write_all(b"before").await.unwrap();
    client.send_urgent(b'!').await.unwrap();
    client.write_all(b"after").await.unwrap();
    client.shutdown(Shutdown::Write).unwrap();

    server.urgent().await.unwrap();
    assert_eq!(server.try_recv_urgent().unwrap(), b'!');
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"beforeafter");
}

/// OOB-3.
pub(crate) async fn urgent_data_in_line(pair: Pair) {
    let (mut client, mut server) = connected(&pair, Family::V4).await;
    server.set(option::OobInline, true).unwrap();
    client.write_all(b"before").await.unwrap();
    client.send_urgent(b'!').await.unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"before!");
}

/// Section 6, MSG_PEEK.
pub(crate) async fn peeking_takes_nothing(pair: Pair) {
    let (mut client, mut server) = connected(&pair, Family::V4).await;
    client.write_all(b"look").await.unwrap();
    let mut seen = [0; 8];
    assert_eq!(server.peek(&mut seen).await.unwrap(), 4);
    let mut got = [0; 4];
    server.read_exact(&mut got).await.unwrap();
    assert_eq!((&got, seen.get(..4)), (b"look", Some(&b"look"[..])));
}

/// ACC-1: the new socket has the options of the listener.
pub(crate) async fn accepted_sockets_inherit_options(pair: Pair) {
    let listener = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    listener.set(option::NoDelay, true).unwrap();
    listener.set(option::KeepAlive, true).unwrap();
    let (client, server) = connect_to(&pair, &listener).await;
    assert!(server.get(option::NoDelay).unwrap() && server.get(option::KeepAlive).unwrap());
    assert!(!client.get(option::NoDelay).unwrap());
    assert!(
        !server.get(option::AcceptConn).unwrap(),
        "ACC-1: it cannot accept"
    );
    assert_eq!(
        server.get(option::Type).unwrap(),
        option::SocketType::Stream
    );
    assert_eq!(
        server.get(option::V6Only),
        Err(NetError::NoProtoOpt),
        "OPT-1"
    );
}

/// DESIGN D8: IPv4 only, and it says so.
pub(crate) async fn other_families_are_refused(pair: Pair) {
    assert!(!pair.as_system(Difference::Ipv6));
    let net = &pair.client;
    assert_eq!(
        net.tcp_socket(Family::V6).err(),
        Some(NetError::AfNoSupport)
    );
    assert_eq!(
        net.udp_socket(Family::V6).err(),
        Some(NetError::AfNoSupport)
    );
    let raw = net.raw_socket(Family::V6, IpProtocol::RSVP);
    assert_eq!(raw.err(), Some(NetError::AfNoSupport));
    let six = SocketAddr::new(Family::V6.loopback(), 7);
    assert_eq!(net.listen_tcp(six).err(), Some(NetError::AfNoSupport));
    assert_eq!(
        net.connect_tcp(six).await.err(),
        Some(NetError::AfNoSupport)
    );
    let socket = net.bind_udp(pair.client_addr(Family::V4)).unwrap();
    let error = socket.send_to(b"?", six).await.unwrap_err();
    assert_eq!(NetError::from(error), NetError::AfNoSupport);
    assert_eq!(socket.connect(six), Err(NetError::AfNoSupport));
}
