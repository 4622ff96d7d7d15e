//! UDP.

use super::{Difference, Pair};
use fairway_stack::{
    Family, Interface, Net, NetError, Outgoing, RecvBatch, SendInfo, UdpSocket, option,
};
use std::io::{ErrorKind, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr};
use std::sync::Arc;

/// A server on every address, and its address as `ip`.
fn everywhere(pair: &Pair, ip: IpAddr) -> (UdpSocket, SocketAddr) {
    let family = if ip.is_ipv4() { Family::V4 } else { Family::V6 };
    let socket = pair
        .server
        .bind_udp(SocketAddr::new(family.unspecified(), 0))
        .unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, SocketAddr::new(ip, port))
}

fn client(pair: &Pair, family: Family) -> UdpSocket {
    pair.client.bind_udp(pair.client_addr(family)).unwrap()
}

/// RCV-7, PRT-4; RFC 3542 §6.
pub(crate) async fn arrivals_tell_destination_interface_and_ttl(pair: Pair) {
    let interfaces = pair.server.interfaces().unwrap();
    for family in pair.families() {
        let ip = pair.server_addr(family).ip();
        let (server, address) = everywhere(&pair, ip);
        let client = client(&pair, family);
        client.send_to(b"hello", address).await.unwrap();
        let mut buf = [0; 64];
        let (n, info) = server.recv_msg(&mut buf).await.unwrap();
        assert_eq!(buf.get(..n), Some(&b"hello"[..]));
        assert_eq!(info.peer, client.local_addr().unwrap());
        assert_eq!((info.destination, info.local), (Some(ip), Some(ip)));
        assert_eq!((info.ttl, info.truncated), (Some(64), false));
        let arrival = interfaces
            .iter()
            .find(|interface| Some(interface.index) == info.interface)
            .unwrap();
        let has = arrival.addresses.iter().any(|own| own.address == ip);
        assert!(
            has || arrival.loopback,
            "what a host sends itself may come by that one"
        );
    }
}

/// The reply comes from the address that was asked, although the server is bound to all.
pub(crate) async fn replies_leave_from_the_address_asked(pair: Pair) {
    let mut ips = pair.server_ips.clone();
    if pair.server_addr(Family::V4).ip().is_loopback() {
        // The whole of 127.0.0.0/8 is local.
        ips.push(IpAddr::from([127, 3, 2, 1]));
    }
    for ip in ips {
        let (server, address) = everywhere(&pair, ip);
        let client = client(&pair, if ip.is_ipv4() { Family::V4 } else { Family::V6 });
        client.send_to(b"?", address).await.unwrap();
        let (_, info) = server.recv_msg(&mut [0; 8]).await.unwrap();
        assert_eq!(info.destination, Some(ip));
        let sent = server
            .send_msg(
                &[IoSlice::new(b"yes"), IoSlice::new(b"!")],
                &SendInfo::reply_to(&info),
            )
            .await;
        assert_eq!(sent.unwrap(), 4);
        let mut buf = [0; 8];
        assert_eq!(client.recv_from(&mut buf).await.unwrap(), (4, address));
        assert_eq!(buf.get(..4), Some(&b"yes!"[..]));
    }
}

/// IP_TTL, IPV6_UNICAST_HOPS, and the control messages of one datagram.
pub(crate) async fn time_to_live_is_per_socket_and_per_datagram(pair: Pair) {
    for family in pair.families() {
        let (server, address) = everywhere(&pair, pair.server_addr(family).ip());
        let client = client(&pair, family);
        client.set(option::Ttl, 17).unwrap();
        assert_eq!(client.get(option::Ttl).unwrap(), 17);
        client.send_to(b"", address).await.unwrap();
        let one = SendInfo {
            ttl: Some(3),
            ..SendInfo::to(address)
        };
        client.send_msg(&[], &one).await.unwrap();
        client.send_to(b"", address).await.unwrap();
        for ttl in [17, 3, 17] {
            assert_eq!(server.recv_msg(&mut [0; 8]).await.unwrap().1.ttl, Some(ttl));
        }
    }
}

/// RCV-3.
pub(crate) async fn long_datagrams_are_cut_and_said_so(pair: Pair) {
    let (server, address) = everywhere(&pair, pair.server_addr(Family::V4).ip());
    let client = client(&pair, Family::V4);
    client.send_to(b"0123456789", address).await.unwrap();
    client.send_to(b"next", address).await.unwrap();
    let mut buf = [0; 4];
    let (n, info) = server.recv_msg(&mut buf).await.unwrap();
    assert_eq!((n, info.truncated, &buf), (4, true, b"0123"));
    let (n, info) = server.recv_msg(&mut buf).await.unwrap();
    assert_eq!((n, info.truncated, &buf), (4, false, b"next"));
}

/// SND-6, TYP-3: 65 507 octets is the most over IPv4 (RFC 791, 768).
pub(crate) async fn too_long_datagrams_are_not_sent(pair: Pair) {
    let (server, address) = everywhere(&pair, pair.server_addr(Family::V4).ip());
    let client = client(&pair, Family::V4);
    client.set(option::SendBuf, 1 << 18).unwrap();
    let error = client.send_to(&[0; 65_508], address).await.unwrap_err();
    assert_eq!(NetError::from(error), NetError::MsgSize);
    assert_eq!(
        client.send_to(&vec![1; 65_507], address).await.unwrap(),
        65_507
    );
    assert_eq!(
        server.recv_msg(&mut vec![0; 70_000]).await.unwrap().0,
        65_507,
        "the first one was not sent"
    );
}

/// SND-5, TYP-4, SO_BROADCAST.
pub(crate) async fn broadcast_needs_the_option(pair: Pair) {
    let (server, address) = everywhere(&pair, pair.server_addr(Family::V4).ip());
    let client = client(&pair, Family::V4);
    let interfaces = pair.server.interfaces().unwrap();
    let mut addresses = interfaces.iter().flat_map(|interface| &interface.addresses);
    let own = addresses
        .find(|own| own.address == pair.server_addr(Family::V4).ip())
        .unwrap();
    let everyone = if pair.as_system(Difference::LoopbackBroadcast) {
        Some(IpAddr::V4(Ipv4Addr::new(127, 255, 255, 255)))
    } else {
        own.broadcast
    };
    let Some(everyone) = everyone else {
        // Nothing but oneself to be reached: the limited broadcast is refused all the same.
        let limited = SocketAddr::new(Ipv4Addr::BROADCAST.into(), address.port());
        let error = client.send_to(b"all", limited).await.unwrap_err();
        assert_eq!(NetError::from(error), NetError::Access);
        return;
    };
    let everyone = SocketAddr::new(everyone, address.port());
    assert_eq!(
        NetError::from(client.send_to(b"all", everyone).await.unwrap_err()),
        NetError::Access
    );
    client.set(option::Broadcast, true).unwrap();
    client.send_to(b"all", everyone).await.unwrap();
    let (_, info) = server.recv_msg(&mut [0; 8]).await.unwrap();
    assert_eq!(info.destination, Some(everyone.ip()));
    assert_eq!(
        info.local,
        Some(own.address),
        "a reply cannot come from a broadcast address"
    );
}

/// CON-6, CON-7, PRT-5, GPN-1.
pub(crate) async fn connected_sockets_hear_their_peer_only(pair: Pair) {
    for family in pair.families() {
        let (friend, stranger, socket) = (
            client(&pair, family),
            client(&pair, family),
            client(&pair, family),
        );
        assert_eq!(socket.peer_addr(), Err(NetError::NotConn));
        socket.connect(friend.local_addr().unwrap()).unwrap();
        assert_eq!(socket.peer_addr().unwrap(), friend.local_addr().unwrap());
        let address = socket.local_addr().unwrap();
        stranger.send_to(b"stranger", address).await.unwrap();
        friend.send_to(b"friend", address).await.unwrap();
        let mut buf = [0; 16];
        let n = socket.recv(&mut buf).await.unwrap();
        assert_eq!(buf.get(..n), Some(&b"friend"[..]));
        assert_eq!(socket.send(b"back").await.unwrap(), 4);
        assert_eq!(friend.recv_from(&mut buf).await.unwrap(), (4, address));
        // To another peer, without a word in between.
        socket.connect(stranger.local_addr().unwrap()).unwrap();
        stranger.send_to(b"now", address).await.unwrap();
        assert_eq!(socket.recv(&mut buf).await.unwrap(), 3);
    }
}

/// SND-8, C-8: who has a peer sends to nobody else, unless it has none again.
pub(crate) async fn a_second_destination_is_refused(pair: Pair) {
    let (friend, stranger) = (client(&pair, Family::V4), client(&pair, Family::V4));
    let socket = client(&pair, Family::V4);
    socket.connect(friend.local_addr().unwrap()).unwrap();
    let sent = socket
        .send_to(b"hey", stranger.local_addr().unwrap())
        .await
        .map_err(NetError::from);
    if pair.as_system(Difference::SendElsewhere) {
        assert_eq!(sent, Ok(3));
        stranger.recv_from(&mut [0; 8]).await.unwrap();
    } else {
        assert_eq!(sent, Err(NetError::IsConn));
        pair.settle().await;
        let nothing = stranger.try_recv_from(&mut [0; 8]).unwrap_err();
        assert_eq!(nothing.kind(), ErrorKind::WouldBlock, "nothing was sent");
    }
    socket.disconnect().unwrap();
    let to = stranger.local_addr().unwrap();
    assert_eq!(socket.send_to(b"now", to).await.unwrap(), 3);
}

/// CON-9, RCV-8: the port's refusal comes back, is told once, and the socket lives on.
pub(crate) async fn errors_of_earlier_datagrams_come_back(pair: Pair) {
    for family in pair.families() {
        let gone = client(&pair, family).local_addr().unwrap();
        let socket = client(&pair, family);
        socket.connect(gone).unwrap();
        socket.send(b"anyone?").await.unwrap();
        let error = socket.recv_msg(&mut [0; 8]).await.unwrap_err();
        assert_eq!(NetError::from(error), NetError::ConnRefused);
        assert_eq!(socket.get(option::PendingError).unwrap(), None);

        // Given to who waits for errors only, once.
        assert!(pair.is_pending(socket.wait_error()).await);
        socket.send(b"anyone?").await.unwrap();
        assert_eq!(socket.wait_error().await.unwrap(), NetError::ConnRefused);
        assert!(pair.is_pending(socket.wait_error()).await);

        let mut batch = RecvBatch::new(4, 64);
        socket.send(b"anyone?").await.unwrap();
        let error = socket.recv_batch(&mut batch).await.unwrap_err();
        assert_eq!(NetError::from(error), NetError::ConnRefused);
        let friend = client(&pair, family);
        socket.connect(friend.local_addr().unwrap()).unwrap();
        friend
            .send_to(b"here", socket.local_addr().unwrap())
            .await
            .unwrap();
        assert_eq!(socket.recv(&mut [0; 8]).await.unwrap(), 4);
    }
}

/// CON-8.
pub(crate) async fn disconnecting_hears_everybody_again(pair: Pair) {
    let (friend, stranger) = (client(&pair, Family::V4), client(&pair, Family::V4));
    let (socket, address) = everywhere(&pair, pair.server_addr(Family::V4).ip());
    socket.connect(friend.local_addr().unwrap()).unwrap();
    socket.disconnect().unwrap();
    assert_eq!(socket.peer_addr(), Err(NetError::NotConn));
    stranger.send_to(b"hi", address).await.unwrap();
    assert_eq!(
        socket.recv_from(&mut [0; 8]).await.unwrap(),
        (2, stranger.local_addr().unwrap())
    );
}

/// SND-10.
pub(crate) async fn sending_without_a_destination_is_refused(pair: Pair) {
    let socket = client(&pair, Family::V4);
    assert_eq!(
        NetError::from(socket.send(b"?").await.unwrap_err()),
        NetError::DestAddrReq
    );
    let nowhere = SendInfo::default();
    let error = socket
        .try_send_msg(&[IoSlice::new(b"?")], &nowhere)
        .unwrap_err();
    assert_eq!(NetError::from(error), NetError::DestAddrReq);
}

pub(crate) async fn batches_carry_what_single_datagrams_do(pair: Pair) {
    for family in pair.families() {
        let ip = pair.server_addr(family).ip();
        let (server, address) = everywhere(&pair, ip);
        let (one, other) = (client(&pair, family), client(&pair, family));
        let texts: Vec<String> = (0..7).map(|i| format!("datagram {i}")).collect();
        let plain = SendInfo::to(address);
        let with_ttl = SendInfo {
            ttl: Some(9),
            source: Some(pair.client_addr(family).ip()),
            ..plain
        };
        let infos = [plain, plain, with_ttl, plain, plain, plain, with_ttl];
        let batch: Vec<_> = texts
            .iter()
            .zip(infos)
            .map(|(text, info)| Outgoing {
                octets: text.as_bytes(),
                info,
            })
            .collect();
        one.writable().await.unwrap();
        assert_eq!(one.try_send_batch(&batch).unwrap(), 7);
        other
            .send_to(b"longer than sixteen octets", address)
            .await
            .unwrap();

        let mut received = RecvBatch::new(5, 16);
        assert!(received.is_empty());
        assert_eq!(server.recv_batch(&mut received).await.unwrap(), 5);
        for (((octets, info), text), sent) in received.iter().zip(&texts).zip(infos) {
            assert_eq!(octets, text.as_bytes());
            assert_eq!(info.peer, one.local_addr().unwrap());
            assert_eq!(
                (info.destination, info.ttl),
                (Some(ip), Some(sent.ttl.unwrap_or(64)))
            );
            assert!(info.interface.is_some() && !info.truncated);
        }
        assert_eq!(server.try_recv_batch(&mut received).unwrap(), 3);
        let (octets, info) = received.iter().last().unwrap();
        assert_eq!((octets, info.truncated), (&b"longer than sixt"[..], true));
        assert_eq!(info.peer, other.local_addr().unwrap());

        // Replies to two peers at once.
        let replies: Vec<_> = received
            .iter()
            .map(|(octets, info)| Outgoing {
                octets,
                info: SendInfo::reply_to(info),
            })
            .collect();
        assert_eq!(server.try_send_batch(&replies).unwrap(), 3);
        let mut buf = [0; 32];
        assert_eq!(one.recv_from(&mut buf).await.unwrap(), (10, address));
        assert_eq!(other.recv_from(&mut buf).await.unwrap(), (16, address));
        assert_eq!(one.try_send_batch(&[]).unwrap(), 0);
    }
}

/// A batch that was not filled is followed by a wait, not by a call that finds nothing; and it gives nothing old.
pub(crate) async fn a_short_batch_waits_for_news(pair: Pair) {
    let (server, address) = everywhere(&pair, pair.server_addr(Family::V4).ip());
    let client = client(&pair, Family::V4);
    let mut batch = RecvBatch::new(2, 64);
    for _ in 0..10 {
        client.send_to(b"one", address).await.unwrap();
        assert_eq!(server.recv_batch(&mut batch).await.unwrap(), 1);
        assert!(pair.is_pending(server.readable()).await);
        assert_eq!(
            server.try_recv_batch(&mut batch).unwrap_err().kind(),
            ErrorKind::WouldBlock
        );
        assert!(batch.is_empty());
        for _ in 0..3 {
            client.send_to(b"three", address).await.unwrap();
        }
        assert_eq!(server.recv_batch(&mut batch).await.unwrap(), 2);
        assert_eq!(server.recv_batch(&mut batch).await.unwrap(), 1);
    }
}

/// The headers that batches keep between calls are of one family each.
pub(crate) async fn batches_of_both_families_do_not_mix(pair: Pair) {
    let mut batch = RecvBatch::new(4, 64);
    for _ in 0..3 {
        for family in pair.families() {
            let ip = pair.server_addr(family).ip();
            let (server, address) = everywhere(&pair, ip);
            let client = client(&pair, family);
            client.send_to(b"x", address).await.unwrap();
            server.recv_batch(&mut batch).await.unwrap();
            let (_, info) = batch.iter().next().unwrap();
            assert_eq!(
                (info.peer, info.destination),
                (client.local_addr().unwrap(), Some(ip))
            );
        }
    }
}

/// MUL-4, MUL-5, MUL-6, MUL-7, MUL-8, MUL-9, MUL-10, MUL-13, TYP-1; IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP,
/// IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_MULTICAST_TTL, SO_REUSEADDR. Linux has no route for IPv6 groups on its loopback
/// interface; the name-space tests have one.
pub(crate) async fn groups_are_heard_by_members(pair: Pair) {
    let (here, there) = (
        interface(&pair.server, &pair),
        interface(&pair.client, &pair),
    );
    let group = IpAddr::from([239, 255, 41, 7]);
    let members: Vec<UdpSocket> = (0..2)
        .map(|_| pair.server.udp_socket(Family::V4).unwrap())
        .collect();
    let mut port = 0;
    for member in &members {
        member.set(option::ReuseAddr, true).unwrap();
        member.bind(SocketAddr::new(group, port)).unwrap();
        port = member.local_addr().unwrap().port();
        member.join_group(group, here).unwrap();
        assert_eq!(member.join_group(group, here), Err(NetError::AddrInUse));
    }
    let sender = client(&pair, Family::V4);
    assert_eq!(sender.get(option::MulticastTtl).unwrap(), 1, "MUL-8");
    assert!(sender.get(option::MulticastLoop).unwrap(), "MUL-9");
    sender.set(option::MulticastInterface, there).unwrap();
    assert_eq!(
        sender.get(option::MulticastInterface).unwrap(),
        there,
        "MUL-13"
    );
    sender.set(option::MulticastTtl, 5).unwrap();
    sender
        .send_to(b"all", SocketAddr::new(group, port))
        .await
        .unwrap();
    for member in &members {
        let (_, info) = member.recv_msg(&mut [0; 8]).await.unwrap();
        assert_eq!(
            (info.destination, info.interface, info.ttl),
            (Some(group), Some(here), Some(5))
        );
        assert!(info.local.is_none_or(|local| !local.is_multicast()));
        // A reply to a group's datagram comes from this host, not from the group.
        member
            .send_msg(&[IoSlice::new(b"me")], &SendInfo::reply_to(&info))
            .await
            .unwrap();
        sender.recv_from(&mut [0; 8]).await.unwrap();
    }
    let [stays, leaves] = &members[..] else {
        panic!("two members")
    };
    leaves.leave_group(group, here).unwrap();
    assert_eq!(leaves.leave_group(group, here), Err(NetError::AddrNotAvail));
    leaves.set(option::MulticastAll, false).unwrap();
    sender
        .send_to(b"rest", SocketAddr::new(group, port))
        .await
        .unwrap();
    assert_eq!(stays.recv_msg(&mut [0; 8]).await.unwrap().0, 4);
    assert!(
        pair.is_pending(leaves.recv_msg(&mut [0; 8])).await,
        "it left"
    );
}

/// MUL-1, MUL-2, MUL-3.
pub(crate) async fn what_is_no_group_is_not_joined(pair: Pair) {
    let here = interface(&pair.server, &pair);
    let socket = pair.server.udp_socket(Family::V4).unwrap();
    assert_eq!(
        socket.join_group("10.0.0.1".parse().unwrap(), here),
        Err(NetError::Inval),
        "MUL-2"
    );
    assert_eq!(
        socket.join_group("ff01::1".parse().unwrap(), here),
        Err(NetError::AfNoSupport)
    );
    let group = |number| IpAddr::from([239, 255, 42, number]);
    assert_eq!(socket.join_group(group(0), 9999), Err(NetError::NoDev));
    // 20 groups per socket; another socket has 20 of its own.
    for number in 0..20 {
        socket.join_group(group(number), here).unwrap();
    }
    assert_eq!(
        socket.join_group(group(20), here),
        Err(NetError::NoBufs),
        "MUL-3"
    );
    socket.leave_group(group(7), here).unwrap();
    socket.join_group(group(20), here).unwrap();
    let another = pair.server.udp_socket(Family::V4).unwrap();
    another.join_group(group(0), here).unwrap();
}

/// The index of the interface that leads to the other host.
fn interface(net: &Net, pair: &Pair) -> u32 {
    let interfaces = net.interfaces().unwrap();
    let ips = [
        pair.client_addr(Family::V4).ip(),
        pair.server_addr(Family::V4).ip(),
    ];
    let leads = |interface: &&Interface| {
        let mut addresses = interface.addresses.iter();
        addresses.any(|own| ips.contains(&own.address))
    };
    interfaces.iter().find(leads).unwrap().index
}

/// Section 7.1, sharing rules.
pub(crate) async fn ports_are_shared_by_agreement(pair: Pair) {
    let first = pair.server.udp_socket(Family::V4).unwrap();
    first.set(option::ReusePort, true).unwrap();
    first.bind(pair.server_addr(Family::V4)).unwrap();
    let address = first.local_addr().unwrap();
    let second = pair.server.udp_socket(Family::V4).unwrap();
    assert_eq!(second.bind(address), Err(NetError::AddrInUse));
    second.set(option::ReusePort, true).unwrap();
    second.bind(address).unwrap();
    assert_eq!(second.bind(address), Err(NetError::Inval), "PRT-6");
}

/// PRT-4, BND-2: who is bound to one address hears what is for that one, who is bound to all hears the rest.
pub(crate) async fn an_address_hears_only_its_own(pair: Pair) {
    let elsewhere = SocketAddr::from(([127, 9, 9, 9], 0));
    let apart = pair.server.bind_udp(elsewhere).unwrap();
    let mut address = pair.server_addr(Family::V4);
    address.set_port(apart.local_addr().unwrap().port());
    let here = pair.server.bind_udp(address).unwrap();
    let client = client(&pair, Family::V4);
    client.send_to(b"x", address).await.unwrap();
    here.recv_from(&mut [0; 8]).await.unwrap();
    assert!(pair.is_pending(apart.recv_from(&mut [0; 8])).await);
}

/// MSG_PEEK, RCV-1, RCV-3: looking takes nothing, and nothing of what is behind.
pub(crate) async fn looking_takes_no_datagram(pair: Pair) {
    let (server, address) = everywhere(&pair, pair.server_addr(Family::V4).ip());
    let client = client(&pair, Family::V4);
    for octets in [&b"first"[..], b"second"] {
        client.send_to(octets, address).await.unwrap();
    }
    for _ in 0..2 {
        let (n, info) = server.peek_msg(&mut [0; 3]).await.unwrap();
        assert_eq!((n, info.truncated), (3, true));
    }
    pair.settle().await;
    assert_eq!(server.readable_octets(), Ok(5), "FIONREAD: of the first");
    assert_eq!(server.recv_from(&mut [0; 8]).await.unwrap().0, 5);
    assert_eq!(server.recv_from(&mut [0; 8]).await.unwrap().0, 6);
    assert_eq!(server.readable_octets(), Ok(0));
}

/// SHD-1 on datagrams: sending has ended, and so has receiving.
pub(crate) async fn directions_of_datagrams_can_be_shut_down(pair: Pair) {
    let (friend, socket) = (client(&pair, Family::V4), client(&pair, Family::V4));
    assert_eq!(socket.shutdown(Shutdown::Write), Err(NetError::NotConn));
    socket.connect(friend.local_addr().unwrap()).unwrap();
    socket.shutdown(Shutdown::Write).unwrap();
    let error = socket.send(b"?").await.unwrap_err();
    assert_eq!(NetError::from(error), NetError::Pipe);
    friend
        .send_to(b"heard", socket.local_addr().unwrap())
        .await
        .unwrap();
    assert_eq!(socket.recv(&mut [0; 8]).await.unwrap(), 5);
    if pair.as_system(Difference::DatagramEnd) {
        assert_eq!(socket.shutdown(Shutdown::Read), Err(NetError::OpNotSupp));
        return;
    }
    socket.shutdown(Shutdown::Read).unwrap();
    assert_eq!(socket.recv(&mut [0; 8]).await.unwrap(), 0);
}

/// SND-9: an unconnected socket stays so whatever it sends.
pub(crate) async fn sending_connects_nobody(pair: Pair) {
    let (one, other) = (client(&pair, Family::V4), client(&pair, Family::V4));
    let socket = pair.client.udp_socket(Family::V4).unwrap();
    for peer in [&one, &other] {
        let peer_addr = peer.local_addr().unwrap();
        assert_eq!(socket.send_to(b"x", peer_addr).await.unwrap(), 1);
        peer.recv_from(&mut [0; 8]).await.unwrap();
        assert_eq!(socket.peer_addr(), Err(NetError::NotConn));
    }
    assert_ne!(socket.local_addr().unwrap().port(), 0, "PRT-5");
}

/// MSG_DONTROUTE, SO_DONTROUTE: only what is on a network of this host can be reached.
pub(crate) async fn routes_can_be_passed_over(pair: Pair) {
    let (server, address) = everywhere(&pair, pair.server_addr(Family::V4).ip());
    let client = client(&pair, Family::V4);
    let straight = SendInfo {
        dont_route: true,
        ..SendInfo::to(address)
    };
    client
        .send_msg(&[IoSlice::new(b"near")], &straight)
        .await
        .unwrap();
    server.recv_from(&mut [0; 8]).await.unwrap();
    let far = SendInfo {
        dont_route: true,
        ..SendInfo::to("192.0.2.9:9".parse().unwrap())
    };
    let error = client.send_msg(&[IoSlice::new(b"far")], &far).await;
    assert!(error.is_err());
    client.set(option::DontRoute, true).unwrap();
    client.send_to(b"near", address).await.unwrap();
    server.recv_from(&mut [0; 8]).await.unwrap();
}

/// MUL-9: without the loop, members on the sender's host hear nothing, whichever program they are of. (Linux's loopback
/// interface comes back by itself; the name-space tests show it on another.)
pub(crate) async fn the_loop_can_be_left_out(pair: Pair) {
    let here = interface(&pair.client, &pair);
    let group = IpAddr::from([239, 255, 41, 8]);
    let member = pair.client.udp_socket(Family::V4).unwrap();
    member.bind(SocketAddr::new(group, 0)).unwrap();
    member.join_group(group, here).unwrap();
    let to = SocketAddr::new(group, member.local_addr().unwrap().port());
    let sender = client(&pair, Family::V4);
    sender.set(option::MulticastInterface, here).unwrap();
    sender.set(option::MulticastLoop, false).unwrap();
    sender.send_to(b"unheard", to).await.unwrap();
    assert!(pair.is_pending(member.recv_from(&mut [0; 8])).await);
    sender.set(option::MulticastLoop, true).unwrap();
    sender.send_to(b"heard", to).await.unwrap();
    assert_eq!(member.recv_from(&mut [0; 8]).await.unwrap().0, 5);
}

/// THR-1: any task on any thread makes any call.
pub(crate) async fn tasks_share_a_socket(pair: Pair) {
    let (server, address) = everywhere(&pair, pair.server_addr(Family::V4).ip());
    let server = Arc::new(server);
    let receivers: Vec<_> = (0..4)
        .map(|_| {
            let server = server.clone();
            pair.server.spawn(async move {
                server.recv_from(&mut [0; 8]).await.unwrap();
            })
        })
        .collect();
    let client = Arc::new(client(&pair, Family::V4));
    for _ in 0..4 {
        let client = client.clone();
        let sender = pair.client.spawn(async move {
            client.send_to(b"x", address).await.unwrap();
        });
        sender.await.unwrap();
    }
    for receiver in receivers {
        receiver.await.unwrap();
    }
}
