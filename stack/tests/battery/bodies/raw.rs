//! Raw sockets.

use super::Pair;
use fairway_stack::{Family, IpProtocol, NetError, RawSocket, SendInfo, option};
use std::io::IoSlice;

/// A raw socket of either host, unless the system wants a privilege for it.
fn pair_of(pair: &Pair, protocol: IpProtocol) -> Option<(RawSocket, RawSocket)> {
    match pair.client.raw_socket(Family::V4, protocol) {
        Err(NetError::Perm | NetError::Access) if !pair.native => None,
        client => Some((
            client.unwrap(),
            pair.server.raw_socket(Family::V4, protocol).unwrap(),
        )),
    }
}

/// TYP-2: the packets of one protocol, and of no other; each begins with its header.
pub(crate) async fn packets_of_one_protocol(pair: Pair) {
    let (protocol, other) = (IpProtocol(253), IpProtocol(254));
    let Some((client, server)) = pair_of(&pair, protocol) else {
        return;
    };
    let (strange, _) = pair_of(&pair, other).unwrap();
    let to = SendInfo::to(pair.server_addr(Family::V4));
    strange
        .send_msg(&[IoSlice::new(b"not this")], &to)
        .await
        .unwrap();
    client
        .send_msg(&[IoSlice::new(b"hello")], &to)
        .await
        .unwrap();
    let mut buf = [0; 64];
    // Whoever else is on the machine's loopback interface may use the protocol, too.
    let info = loop {
        let (n, info) = server.recv_msg(&mut buf).await.unwrap();
        assert_eq!(buf.get(9), Some(&253));
        // A header of 20 octets, and the data.
        if buf.get(20..n) == Some(&b"hello"[..]) {
            break info;
        }
    };
    assert_eq!(info.peer.ip(), pair.client_addr(Family::V4).ip());
    assert_eq!(info.peer.port(), 0);
    assert_eq!(server.protocol(), protocol);
    assert_eq!(server.get(option::Type), Ok(option::SocketType::Raw));
}

/// ARC-6: the stack leaves data alone; ports are in the byte order of the network.
pub(crate) async fn ports_are_big_endian(pair: Pair) {
    let Some((_, server)) = pair_of(&pair, IpProtocol::UDP) else {
        return;
    };
    let socket = pair.server.bind_udp(pair.server_addr(Family::V4)).unwrap();
    let to = socket.local_addr().unwrap();
    let client = pair.client.bind_udp(pair.client_addr(Family::V4)).unwrap();
    let data = [1, 2, 0, 255, 128];
    client.send_to(&data, to).await.unwrap();
    let mut buf = [0; 64];
    loop {
        let (n, _) = server.recv_msg(&mut buf).await.unwrap();
        let datagram = buf.get(20..n).unwrap();
        if datagram.get(2..4) == Some(&to.port().to_be_bytes()) {
            let from = client.local_addr().unwrap().port();
            assert_eq!(datagram.get(..2), Some(&from.to_be_bytes()[..]));
            assert_eq!(datagram.get(8..), Some(&data[..]));
            break;
        }
    }
}

/// CON-6, CON-7, CON-8, RCV-8, SND-10: raw sockets have peers as others do.
pub(crate) async fn raw_sockets_have_peers(pair: Pair) {
    let Some((client, server)) = pair_of(&pair, IpProtocol(251)) else {
        return;
    };
    let nowhere = SendInfo::default();
    let error = client
        .send_msg(&[IoSlice::new(b"?")], &nowhere)
        .await
        .unwrap_err();
    assert_eq!(NetError::from(error), NetError::DestAddrReq);
    client.connect(pair.server_addr(Family::V4)).unwrap();
    client
        .send_msg(&[IoSlice::new(b"!")], &nowhere)
        .await
        .unwrap();
    server.recv_msg(&mut [0; 64]).await.unwrap();
    client.disconnect().unwrap();
    let error = client
        .send_msg(&[IoSlice::new(b"?")], &nowhere)
        .await
        .unwrap_err();
    assert_eq!(NetError::from(error), NetError::DestAddrReq);
}

/// IP_HDRINCL, C-12: the header is part of what is sent.
pub(crate) async fn headers_can_be_the_callers(pair: Pair) {
    let Some((client, server)) = pair_of(&pair, IpProtocol(252)) else {
        return;
    };
    client.set(option::HeaderIncluded, true).unwrap();
    let (from, to) = (pair.client_addr(Family::V4), pair.server_addr(Family::V4));
    let octets = |ip| match ip {
        std::net::IpAddr::V4(ip) => ip.octets(),
        std::net::IpAddr::V6(_) => [0; 4],
    };
    let mut packet = vec![0x45, 0, 0, 22, 0, 0, 0, 0, 33, 252, 0, 0];
    packet.extend(octets(from.ip()));
    packet.extend(octets(to.ip()));
    packet.extend(b"hi");
    client
        .send_msg(&[IoSlice::new(&packet)], &SendInfo::to(to))
        .await
        .unwrap();
    let mut buf = [0; 64];
    let (n, info) = server.recv_msg(&mut buf).await.unwrap();
    assert_eq!((n, info.ttl), (22, Some(33)));
    assert_eq!(buf.get(20..22), Some(&b"hi"[..]));
}
