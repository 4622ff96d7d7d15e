//! Raw sockets: what RSVP needs of the stack (RFC 2205 §3.11.3).

use crate::host::Running;
use crate::{Row, privileged};
use fairway_stack::{Family, IpProtocol, MsgInfo, Net, NetError, SendInfo, option};
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Router alert in an IPv4 header (RFC 2113), and in an IPv6 hop-by-hop header before protocol 46 (RFC 2711).
const ALERT_V4: [u8; 4] = [0x94, 4, 0, 0];
const ALERT_V6: [u8; 8] = [46, 0, 5, 2, 0, 1, 1, 0];

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn to(text: &str) -> SendInfo {
    SendInfo::to(SocketAddr::new(ip(text), 0))
}

/// Receives one packet of `protocol` on `host`, after `ready` has told that it listens.
async fn hear(
    net: Net,
    family: Family,
    protocol: IpProtocol,
    alert: Option<u16>,
) -> (Vec<u8>, MsgInfo) {
    let socket = net.raw_socket(family, protocol).unwrap();
    if alert.is_some() {
        socket.set(option::RouterAlert, alert).unwrap();
    }
    let mut buf = vec![0; 70_000];
    let (n, info) = socket.recv_msg(&mut buf).await.unwrap();
    buf.truncate(n);
    (buf, info)
}

/// Sends until `heard` says that somebody did: the listener may not be there yet.
async fn send_until<T: Send + 'static>(
    net: Net,
    heard: Running<T>,
    mut send: impl AsyncFnMut(),
) -> T {
    let result = net.spawn(async move {
        tokio::task::spawn_blocking(|| heard.result())
            .await
            .unwrap()
    });
    loop {
        send().await;
        net.clock().sleep(Duration::from_millis(5)).await;
        if result.is_finished() {
            return result.await.unwrap();
        }
    }
}

/// TYP-2; the TTL and interface of arrivals.
#[test]
fn packets_of_one_protocol_arrive() {
    if !privileged() {
        return;
    }
    let row = Row::new();
    for (family, peer, payload_at) in [(Family::V4, "10.2.0.2", 20), (Family::V6, "fd02::2", 0)] {
        let heard = row
            .receiver
            .start(move |net| hear(net, family, IpProtocol::RSVP, None));
        let (octets, info) = row.sender.run(move |net| async move {
            let socket = net.raw_socket(family, IpProtocol::RSVP).unwrap();
            assert_eq!(socket.protocol(), IpProtocol::RSVP);
            socket.set(option::Ttl, 30).unwrap();
            send_until(net, heard, async || {
                socket
                    .send_msg(&[IoSlice::new(b"pa"), IoSlice::new(b"th")], &to(peer))
                    .await
                    .unwrap();
            })
            .await
        });
        assert_eq!(octets.get(payload_at..), Some(&b"path"[..]));
        let source = if family == Family::V4 {
            ip("10.1.0.1")
        } else {
            ip("fd01::1")
        };
        assert_eq!(
            (info.peer, info.destination),
            (SocketAddr::new(source, 0), Some(ip(peer)))
        );
        assert_eq!((info.ttl, info.truncated), (Some(29), false), "one hop");
        let interfaces = row
            .receiver
            .run(|net| async move { net.interfaces().unwrap() });
        let left = interfaces
            .iter()
            .find(|interface| interface.name == "left")
            .unwrap();
        assert_eq!(info.interface, Some(left.index));
    }
}

/// RFC 2113: the router is given the packet in transit, and does not forward it.
#[test]
fn router_alert_takes_packets_in_transit_v4() {
    if !privileged() {
        return;
    }
    let row = Row::new();
    let heard = row
        .router
        .start(|net| hear(net, Family::V4, IpProtocol::RSVP, Some(0)));
    let (octets, info) = row.sender.run(|net| async move {
        let socket = net.raw_socket(Family::V4, IpProtocol::RSVP).unwrap();
        socket.set(option::Options, ALERT_V4.to_vec()).unwrap();
        send_until(net, heard, async || {
            socket
                .send_msg(&[IoSlice::new(b"path")], &to("10.2.0.2"))
                .await
                .unwrap();
        })
        .await
    });
    assert_eq!(
        octets.get(20..),
        Some(&[&ALERT_V4[..], b"path"].concat()[..]),
        "header, option, payload"
    );
    assert_eq!(
        info.destination,
        Some(ip("10.2.0.2")),
        "not the router's own"
    );
    let interfaces = row
        .router
        .run(|net| async move { net.interfaces().unwrap() });
    let left = interfaces
        .iter()
        .find(|interface| interface.name == "left")
        .unwrap();
    assert_eq!(info.interface, Some(left.index));
}

/// RFC 2711: over IPv6 the alert socket is one of protocol 255; RSVP's value is 1 in Linux's and our tests.
#[test]
fn router_alert_takes_packets_in_transit_v6() {
    if !privileged() {
        return;
    }
    let row = Row::new();
    let refused = row.router.run(|net| async move {
        net.raw_socket(Family::V6, IpProtocol::RSVP)
            .unwrap()
            .set(option::RouterAlert, Some(1))
    });
    assert_eq!(
        refused,
        Err(NetError::NoProtoOpt),
        "only a socket of protocol 255"
    );
    let heard = row
        .router
        .start(|net| hear(net, Family::V6, IpProtocol::RAW, Some(1)));
    let (octets, info) = row.sender.run(|net| async move {
        // The header is ours, so that it can hold the hop-by-hop option.
        let socket = net.raw_socket(Family::V6, IpProtocol::RAW).unwrap();
        socket.set(option::HeaderIncluded, true).unwrap();
        let packet = ipv6_packet(&[&ALERT_V6[..], b"path"].concat());
        send_until(net, heard, async || {
            socket
                .send_msg(&[IoSlice::new(&packet)], &to("fd02::2"))
                .await
                .unwrap();
        })
        .await
    });
    assert_eq!(
        octets.get(40..),
        Some(&[&ALERT_V6[..], b"path"].concat()[..]),
        "header, option, payload"
    );
    assert_eq!(info.peer.ip(), ip("fd01::1"));
}

/// An IPv6 packet from the sender to the receiver that begins with a hop-by-hop header (RFC 8200 §3).
fn ipv6_packet(payload: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let mut packet = vec![0x60, 0, 0, 0, high, low, 0, 64];
    for address in ["fd01::1", "fd02::2"] {
        let IpAddr::V6(address) = ip(address) else {
            panic!("IPv6")
        };
        packet.extend(address.octets());
    }
    packet.extend(payload);
    packet
}

/// The router sends in the name of a sender elsewhere, and the system fragments what is too long.
#[test]
fn foreign_sources_can_be_bound() {
    if !privileged() {
        return;
    }
    let row = Row::new();
    for (family, foreign, peer, payload_at) in [
        (Family::V4, "192.0.2.9", "10.2.0.2", 20),
        (Family::V6, "2001:db8::9", "fd02::2", 0),
    ] {
        let heard = row
            .receiver
            .start(move |net| hear(net, family, IpProtocol::RSVP, None));
        let (octets, info) = row.router.run(move |net| async move {
            let socket = net.raw_socket(family, IpProtocol::RSVP).unwrap();
            let foreign = SocketAddr::new(ip(foreign), 0);
            assert_eq!(socket.bind(foreign), Err(NetError::AddrNotAvail), "BND-4");
            socket.set(option::Transparent, true).unwrap();
            assert!(socket.get(option::Transparent).unwrap());
            socket.bind(foreign).unwrap();
            assert_eq!(socket.local_addr().unwrap(), foreign);
            send_until(net, heard, async || {
                socket
                    .send_msg(&[IoSlice::new(&[7; 4000])], &to(peer))
                    .await
                    .unwrap();
            })
            .await
        });
        assert_eq!(octets.get(payload_at..), Some(&[7; 4000][..]));
        assert_eq!(info.peer.ip(), ip(foreign));
    }
}

/// RFC 2205 §3.11.5: one socket sends each packet in the name of another sender, with a time to live and by an interface
/// of its own, and with router alert.
#[test]
fn each_packet_can_have_a_foreign_source_of_its_own() {
    if !privileged() {
        return;
    }
    let row = Row::new();
    for (family, foreign, peer, header_len) in [
        (Family::V4, ["192.0.2.9", "192.0.2.10"], "10.2.0.2", 24),
        (Family::V6, ["2001:db8::9", "2001:db8::10"], "fd02::2", 0),
    ] {
        for (foreign, ttl) in foreign.into_iter().zip([7, 200]) {
            let heard = row
                .receiver
                .start(move |net| hear(net, family, IpProtocol::RSVP, None));
            let (octets, info) = row.router.run(move |net| async move {
                let socket = net.raw_socket(family, IpProtocol::RSVP).unwrap();
                socket.set(option::Transparent, true).unwrap();
                if family == Family::V4 {
                    socket.set(option::Options, ALERT_V4.to_vec()).unwrap();
                }
                let interfaces = net.interfaces().unwrap();
                let right = interfaces.iter().find(|one| one.name == "right").unwrap();
                let info = SendInfo {
                    source: Some(ip(foreign)),
                    interface: Some(right.index),
                    ttl: Some(ttl),
                    ..to(peer)
                };
                send_until(net, heard, async || {
                    socket
                        .send_msg(&[IoSlice::new(b"path")], &info)
                        .await
                        .unwrap();
                })
                .await
            });
            assert_eq!(octets.get(header_len..), Some(&b"path"[..]));
            assert_eq!((info.peer.ip(), info.ttl), (ip(foreign), Some(ttl)));
        }
    }
}

/// C-12, IP_HDRINCL: the caller's header goes out; too long a packet is refused.
#[test]
fn headers_can_be_included() {
    if !privileged() {
        return;
    }
    let row = Row::new();
    let heard = row
        .receiver
        .start(|net| hear(net, Family::V4, IpProtocol::RSVP, None));
    let (octets, info) = row.sender.run(|net| async move {
        let socket = net.raw_socket(Family::V4, IpProtocol::RAW).unwrap();
        // Protocol 255 implies it (raw(7)).
        assert!(socket.get(option::HeaderIncluded).unwrap());
        // Version and header length, length, identification, TTL 9, protocol 46, checksum by the system, addresses.
        let header = [
            0x45, 0, 0, 24, 0, 7, 0, 0, 9, 46, 0, 0, 192, 0, 2, 77, 10, 2, 0, 2,
        ];
        let long = [&header[..], &[0; 2000]].concat();
        let error = socket
            .send_msg(&[IoSlice::new(&long)], &to("10.2.0.2"))
            .await
            .unwrap_err();
        assert_eq!(NetError::from(error), NetError::MsgSize);
        send_until(net, heard, async || {
            socket
                .send_msg(
                    &[IoSlice::new(&header), IoSlice::new(b"path")],
                    &to("10.2.0.2"),
                )
                .await
                .unwrap();
        })
        .await
    });
    assert_eq!(octets.get(20..), Some(&b"path"[..]));
    assert_eq!((info.peer.ip(), info.ttl), (ip("192.0.2.77"), Some(8)));
}

/// Without the capability there is no raw socket.
#[test]
fn raw_sockets_need_the_privilege() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _guard = runtime.enter();
    match Net::system().raw_socket(Family::V4, IpProtocol::RSVP) {
        Ok(socket) => assert_eq!(socket.get(option::Type), Ok(option::SocketType::Raw)),
        Err(error) => assert_eq!(error, NetError::Perm),
    }
}
