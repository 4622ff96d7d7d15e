//! TCP.

use super::{Difference, Pair};
use fairway_stack::option::SocketType;
use fairway_stack::{
    AcceptError, Elapsed, Family, IpProtocol, NetError, TcpListener, TcpStream, option,
};
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

/// GSN-1, GSN-3, GPN-1, PRT-3, PRT-5, BND-1, BND-2, ACC-2.
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
    assert_eq!(server.get(option::Type).unwrap(), SocketType::Stream);
    assert_eq!(
        server.get(option::V6Only),
        Err(NetError::NoProtoOpt),
        "OPT-1"
    );
}

/// SOC-3: IPv4 only, and it says so.
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

/// SOC-1, SOC-6, TYP-1, PRT-1, PRT-7: a new socket has a type, and neither name nor peer.
pub(crate) async fn new_sockets_have_nothing_but_a_type(pair: Pair) {
    for family in pair.families() {
        let none = SocketAddr::new(family.unspecified(), 0);
        let stream = pair.client.tcp_socket(family).unwrap();
        assert_eq!(stream.local_addr(), Ok(none));
        assert_eq!(stream.get(option::Type), Ok(SocketType::Stream));
        assert_eq!(stream.get(option::AcceptConn), Ok(false));
        stream.bind(none).unwrap();
        assert_ne!(stream.local_addr().unwrap().port(), 0);

        let datagrams = pair.client.udp_socket(family).unwrap();
        assert_eq!(datagrams.local_addr(), Ok(none));
        assert_eq!(datagrams.peer_addr(), Err(NetError::NotConn));
        assert_eq!(datagrams.get(option::Type), Ok(SocketType::Datagram));
        assert!(pair.is_pending(datagrams.recv_from(&mut [0; 8])).await);
    }
}

/// PRT-2: two connections cannot have the same four numbers.
pub(crate) async fn the_same_connection_twice_is_refused(pair: Pair) {
    let listener = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let first = pair.client.tcp_socket(Family::V4).unwrap();
    first.set(option::ReusePort, true).unwrap();
    first.bind(pair.client_addr(Family::V4)).unwrap();
    let second = pair.client.tcp_socket(Family::V4).unwrap();
    second.set(option::ReusePort, true).unwrap();
    second.bind(first.local_addr().unwrap()).unwrap();
    let _first = first.connect(address).await.unwrap();
    let twice = second.connect(address).await.err();
    if pair.as_system(Difference::SameConnection) {
        assert_eq!(twice, Some(NetError::AddrNotAvail));
    } else {
        assert_eq!(twice, Some(NetError::AddrInUse));
    }
}

/// LSN-1, LSN-2: a socket without a name listens on a port of the stack's choice, whatever the backlog.
pub(crate) async fn listening_binds_and_takes_any_backlog(pair: Pair) {
    for backlog in [0, 1, u32::MAX] {
        let socket = pair.server.tcp_socket(Family::V4).unwrap();
        let listener = socket.listen(backlog).unwrap();
        let mut address = listener.local_addr().unwrap();
        assert_ne!(address.port(), 0);
        address.set_ip(pair.server_addr(Family::V4).ip());
        let _client = pair.client.connect_tcp(address).await.unwrap();
        listener.accept().await.unwrap();
    }
}

/// LSN-3, C-10, CON-4: who finds the queue full is ignored, not refused, and gets in when there is room.
pub(crate) async fn a_full_queue_ignores_the_next(pair: Pair) {
    let socket = pair.server.tcp_socket(Family::V4).unwrap();
    socket.bind(pair.server_addr(Family::V4)).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut in_queue = Vec::new();
    let late = loop {
        let mut connecting = Box::pin(pair.client.connect_tcp(address));
        if pair.is_pending(connecting.as_mut()).await {
            break connecting;
        }
        in_queue.push(());
        assert!(in_queue.len() < 5, "the queue has an end");
    };
    for _ in &in_queue {
        listener.accept().await.unwrap();
    }
    // What was ignored is tried again.
    let late = late.await.unwrap();
    let (_, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, late.local_addr().unwrap());
}

/// ACC-5, ACC-6: a connection that died in the queue says so at once or at the first read.
pub(crate) async fn connections_may_die_in_the_queue(pair: Pair) {
    let listener = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    let client = pair
        .client
        .connect_tcp(listener.local_addr().unwrap())
        .await
        .unwrap();
    client.set(option::Linger, Some(Duration::ZERO)).unwrap();
    drop(client);
    pair.settle().await;
    match listener.accept().await {
        Ok((mut stream, _)) => {
            let error = stream.read(&mut [0; 8]).await.unwrap_err();
            assert_eq!(NetError::from(error), NetError::ConnReset);
        }
        Err(error) => assert_eq!(error, AcceptError::Connection(NetError::ConnAborted)),
    }
    connect_to(&pair, &listener).await;
}

/// CLO-1, OWN-2: dropping a socket closes it, and its name is free.
pub(crate) async fn dropping_closes(pair: Pair) {
    let socket = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    let address = socket.local_addr().unwrap();
    drop(socket);
    let again = pair.server.listen_tcp(address).unwrap();
    assert_eq!(again.local_addr(), Ok(address));

    let datagrams = pair.server.bind_udp(address).unwrap();
    assert_eq!(
        pair.server.bind_udp(address).err(),
        Some(NetError::AddrInUse)
    );
    drop(datagrams);
    pair.server.bind_udp(address).unwrap();
}

/// CLO-2: closing a listener ends what waits in its queue.
pub(crate) async fn closing_a_listener_resets_its_queue(pair: Pair) {
    let listener = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let mut client = pair.client.connect_tcp(address).await.unwrap();
    pair.settle().await;
    drop(listener);
    let error = client.read(&mut [0; 8]).await.unwrap_err();
    assert_eq!(NetError::from(error), NetError::ConnReset);
    assert_eq!(
        pair.client.connect_tcp(address).await.err(),
        Some(NetError::ConnRefused)
    );
}

/// CLO-4, C-1: without linger, closing returns at once, and what was written still arrives.
pub(crate) async fn what_was_written_arrives_after_closing(pair: Pair) {
    let (client, mut server) = connected(&pair, Family::V4).await;
    let block = vec![9; 1 << 16];
    let mut written = 0;
    while let Ok(n) = client.try_write(&block) {
        written += n;
        assert!(written < 100 << 20, "the buffer has no end");
    }
    client.close().await.unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got.len(), written);
}

/// CLO-3, SO_LINGER: with linger, closing waits until everything has arrived; when its time is over, the rest is
/// discarded.
pub(crate) async fn lingering_waits_for_the_peer_or_the_time(pair: Pair) {
    let clock = pair.client.clock();
    let block = vec![9; 1 << 16];
    for reads in [true, false] {
        let (client, mut server) = connected(&pair, Family::V4).await;
        let span = Duration::from_secs(if reads { 10 } else { 1 });
        client.set(option::Linger, Some(span)).unwrap();
        assert_eq!(client.get(option::Linger), Ok(Some(span)));
        let mut written = 0;
        while !pair.is_pending(client.writable()).await {
            while let Ok(n) = client.try_write(&block) {
                written += n;
                assert!(written < 100 << 20, "the buffer has no end");
            }
        }
        let start = clock.now();
        let mut closing = Box::pin(client.close());
        if reads {
            assert!(pair.is_pending(closing.as_mut()).await, "it waits");
            let mut got = Vec::new();
            let read = server.read_to_end(&mut got);
            let (closed, read) = tokio::join!(closing, read);
            closed.unwrap();
            assert_eq!(read.unwrap(), written);
        } else {
            closing.await.unwrap();
            assert!(clock.now() - start >= span);
        }
    }
}

/// SHD-1, SHD-5: who wants no more reads the end.
pub(crate) async fn receiving_can_be_shut_down(pair: Pair) {
    let (mut client, mut server) = connected(&pair, Family::V4).await;
    client.shutdown(Shutdown::Read).unwrap();
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    client.write_all(b"still").await.unwrap();
    let mut buf = [0; 5];
    server.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"still");
}

/// SHD-4: SO_RCV_SHUTDOWN, SO_SND_SHUTDOWN.
pub(crate) async fn shutting_down_can_be_seen(pair: Pair) {
    let (client, _server) = connected(&pair, Family::V4).await;
    let shut = || {
        let recv = client.get(option::RecvShutdown).unwrap();
        (recv, client.get(option::SendShutdown).unwrap())
    };
    assert_eq!(shut(), (false, false));
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(shut(), (false, true));
    client.shutdown(Shutdown::Read).unwrap();
    assert_eq!(shut(), (true, true));
}

/// BLK-1, BLK-2, MSG_DONTWAIT, SO_RCVTIMEO, SO_SNDTIMEO, RCV-4: calls that do not wait, and limits of time on those that
/// do.
pub(crate) async fn waiting_is_the_callers_choice(pair: Pair) {
    let (mut client, server) = connected(&pair, Family::V4).await;
    let error = server.try_read(&mut [0; 8]).unwrap_err();
    assert_eq!(NetError::from(error), NetError::WouldBlock);
    let clock = pair.client.clock();
    let mut buf = [0; 8];
    let limited = clock.timeout(Duration::from_millis(20), client.read(&mut buf));
    assert_eq!(limited.await.err(), Some(Elapsed));
}

/// MSG_WAITALL: all of it, or none before the end.
pub(crate) async fn waiting_for_all_of_it(pair: Pair) {
    let (mut client, mut server) = connected(&pair, Family::V4).await;
    let mut all = [0; 10];
    client.write_all(b"01234").await.unwrap();
    let mut reading = Box::pin(server.read_exact(&mut all));
    assert!(pair.is_pending(reading.as_mut()).await);
    client.write_all(b"56789").await.unwrap();
    reading.await.unwrap();
    assert_eq!(&all, b"0123456789");
}

/// MSG_EOF, TTC: the end behind the last octets.
pub(crate) async fn the_end_goes_with_the_last_octets(pair: Pair) {
    let (mut client, mut server) = connected(&pair, Family::V4).await;
    client.send_eof(b"question").await.unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"question");
    server.send_eof(b"").await.unwrap();
    assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
    let error = client.write_all(b"more").await.unwrap_err();
    assert_eq!(NetError::from(error), NetError::Pipe);
}

/// FIONREAD, RCV-1.
pub(crate) async fn what_can_be_read_is_known(pair: Pair) {
    let (mut client, mut server) = connected(&pair, Family::V4).await;
    assert_eq!(server.readable_octets(), Ok(0));
    client.write_all(b"seven77").await.unwrap();
    server.readable().await.unwrap();
    assert_eq!(server.readable_octets(), Ok(7));
    server.read_exact(&mut [0; 3]).await.unwrap();
    assert_eq!(server.readable_octets(), Ok(4));
}

/// OOB-6, OOB-7, MSG_OOB: looking takes nothing; a second announcement takes the place of the first.
pub(crate) async fn urgent_data_is_looked_at_and_replaced(pair: Pair) {
    let (client, mut server) = connected(&pair, Family::V4).await;
    assert_eq!(client.send_oob(b"ab!").await.unwrap(), 3);
    server.urgent().await.unwrap();
    pair.settle().await;
    for _ in 0..2 {
        assert_eq!(server.try_peek_urgent().unwrap(), b'!');
    }
    client.send_urgent(b'?').await.unwrap();
    pair.settle().await;
    assert_eq!(server.try_recv_urgent().unwrap(), b'?');
    assert!(server.try_recv_urgent().is_err(), "it was taken");
    // Its place taken by another, the first is an octet of the stream.
    let mut got = [0; 3];
    server.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"ab!");
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(server.read(&mut got).await.unwrap(), 0);
}

/// OOB-6: in line nothing is lost.
pub(crate) async fn several_urgent_octets_in_line(pair: Pair) {
    let (mut client, mut server) = connected(&pair, Family::V4).await;
    server.set(option::OobInline, true).unwrap();
    for octets in [b"one!", b"two!"] {
        client.send_oob(octets).await.unwrap();
        client.write_all(b".").await.unwrap();
    }
    client.shutdown(Shutdown::Write).unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"one!.two!.");
}

/// OOB-2, SIOCATMARK: reading stops at the mark, and it can be seen there.
pub(crate) async fn the_mark_can_be_seen(pair: Pair) {
    for inline in [false, true] {
        let (mut client, mut server) = connected(&pair, Family::V4).await;
        server.set(option::OobInline, inline).unwrap();
        client.write_all(b"before").await.unwrap();
        client.send_urgent(b'!').await.unwrap();
        client.write_all(b"after").await.unwrap();
        server.urgent().await.unwrap();
        pair.settle().await;
        assert_eq!(server.at_mark(), Ok(false));
        let mut buf = [0; 32];
        assert_eq!(server.read(&mut buf).await.unwrap(), 6, "up to the mark");
        assert_eq!(server.at_mark(), Ok(true));
        let n = server.read(&mut buf).await.unwrap();
        let rest: &[u8] = if inline { b"!after" } else { b"after" };
        assert_eq!(buf.get(..n), Some(rest));
        assert_eq!(server.at_mark(), Ok(false));
    }
}

/// OOB-1, OOB-4, OOB-5, RCV-6, SEL-2: urgent data is announced before it arrives, when there is no room for it.
pub(crate) async fn urgent_data_is_announced_before_it_arrives(pair: Pair) {
    let listener = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    listener.set(option::RecvBuf, 16 << 10).unwrap();
    let (mut client, mut server) = connect_to(&pair, &listener).await;
    client.set(option::SendBuf, 1 << 18).unwrap();
    let block = vec![7; 128 << 10];
    client.write_all(&block).await.unwrap();
    pair.settle().await;
    client.send_urgent(b'!').await.unwrap();
    if pair.as_system(Difference::UrgentAnnounced) {
        assert!(pair.is_pending(server.urgent()).await);
    } else {
        server.urgent().await.unwrap();
        let error = server.try_recv_urgent().unwrap_err();
        assert_eq!(NetError::from(error), NetError::WouldBlock);
    }
    // Reading makes room for what is before it, and then for itself.
    server.read_exact(&mut vec![0; block.len()]).await.unwrap();
    while server.try_recv_urgent().map_err(NetError::from) != Ok(b'!') {
        server.urgent().await.unwrap();
        pair.settle().await;
    }
}

/// HPX-1, HPX-2, TCP_WINSCALE, TCP_TIMESTMP, TCPCTL_WINSCALE, TCPCTL_TIMESTMP: per socket and for the whole host.
pub(crate) async fn scaled_windows_and_timestamps_can_be_left_out(pair: Pair) {
    for (window_scale, timestamps) in [(true, true), (false, true), (true, false), (false, false)] {
        let listener = pair
            .server
            .listen_tcp(pair.server_addr(Family::V4))
            .unwrap();
        let socket = pair.client.tcp_socket(Family::V4).unwrap();
        socket.set(option::WindowScale, window_scale).unwrap();
        socket.set(option::Timestamps, timestamps).unwrap();
        let client = socket
            .connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        let (server, _) = listener.accept().await.unwrap();
        for end in [&client, &server] {
            let info = end.info().unwrap();
            assert_eq!(
                (info.window_scale, info.timestamps),
                (window_scale, timestamps)
            );
        }
    }
    let manage = pair.client.manage();
    for (name, symbol) in [
        ("net.inet.tcp.winscale", "TCPCTL_WINSCALE"),
        ("net.inet.tcp.timestmp", "TCPCTL_TIMESTMP"),
    ] {
        manage.set_parameter(name, 0).unwrap();
        assert_eq!(manage.parameter(symbol).unwrap().current, 0);
    }
    let (client, _server) = connected(&pair, Family::V4).await;
    let info = client.info().unwrap();
    assert!(!info.window_scale && !info.timestamps);
}

/// Section 5.6, `so_cancel`: one of those who wait is told; if nobody waits, the next is.
pub(crate) async fn cancelling_ends_one_wait(pair: Pair) {
    let listener = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    let mut one = Box::pin(listener.accept());
    let mut other = Box::pin(listener.accept());
    assert!(pair.is_pending(one.as_mut()).await && pair.is_pending(other.as_mut()).await);
    listener.cancel().unwrap();
    assert_eq!(one.await.err().map(NetError::from), Some(NetError::Intr));
    assert!(pair.is_pending(other.as_mut()).await, "one of them only");
    drop(other);

    let (client, _server) = connect_to(&pair, &listener).await;
    client.cancel().unwrap();
    let interrupted = client.readable().await.unwrap_err();
    assert_eq!(NetError::from(interrupted), NetError::Intr);
    assert!(pair.is_pending(client.readable()).await, "once");
}
