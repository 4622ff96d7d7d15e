//! Groups, on interfaces that carry multicast.

use crate::host::Host;
use crate::{Row, privileged};
use fairway_stack::{Family, IpProtocol, MsgInfo, Net, SendInfo, option};
use std::io::IoSlice;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

fn index_of(net: &Net, name: &str) -> u32 {
    net.interfaces()
        .unwrap()
        .into_iter()
        .find(|interface| interface.name == name)
        .unwrap()
        .index
}

/// Receives one datagram to `group` on the interface it joined on, which must be the one of arrival.
fn member(
    host: &Host,
    interface: &'static str,
    group: IpAddr,
    port: u16,
) -> crate::host::Running<MsgInfo> {
    host.start(move |net| async move {
        let family = Family::of(&SocketAddr::new(group, 0));
        let socket = net.udp_socket(family).unwrap();
        socket
            .bind(SocketAddr::new(family.unspecified(), port))
            .unwrap();
        let index = index_of(&net, interface);
        socket.join_group(group, index).unwrap();
        let (_, info) = socket.recv_msg(&mut [0; 16]).await.unwrap();
        assert_eq!(info.interface, Some(index));
        info
    })
}

/// MUL-4, MUL-5, MUL-7: the router sends out of each of its interfaces in turn.
#[test]
fn the_outgoing_interface_is_chosen_by_index() {
    if !privileged() {
        return;
    }
    for (family, group, port) in [
        (Family::V4, "239.1.2.3", 4001),
        (Family::V6, "ff05::1234", 4002),
    ] {
        let row = Row::new();
        let group: IpAddr = group.parse().unwrap();
        let sides = [
            ("left", member(&row.sender, "right", group, port)),
            ("right", member(&row.receiver, "left", group, port)),
        ];
        for (interface, heard) in sides {
            let info = row.router.run(move |net| async move {
                let socket = net.udp_socket(family).unwrap();
                let index = index_of(&net, interface);
                socket.set(option::MulticastInterface, index).unwrap();
                assert_eq!(socket.get(option::MulticastInterface), Ok(index), "MUL-13");
                socket.set(option::MulticastTtl, 3).unwrap();
                let result = net.spawn(async move {
                    tokio::task::spawn_blocking(|| heard.result())
                        .await
                        .unwrap()
                });
                while !result.is_finished() {
                    socket
                        .send_to(b"hello", SocketAddr::new(group, port))
                        .await
                        .unwrap();
                    net.clock().sleep(Duration::from_millis(5)).await;
                }
                result.await.unwrap()
            });
            assert_eq!((info.destination, info.ttl), (Some(group), Some(3)));
            let subnet = info.peer.ip().to_string();
            let expected = match (family, interface) {
                (Family::V4, "left") => "10.1.0.2",
                (Family::V4, _) => "10.2.0.1",
                (Family::V6, "left") => "fd01::2",
                (Family::V6, _) => "fd02::1",
            };
            assert_eq!(subnet, expected);
        }
    }
}

/// MUL-1 `[proj]`: raw sockets join groups too.
#[test]
fn raw_sockets_join_groups() {
    if !privileged() {
        return;
    }
    for (family, group) in [(Family::V4, "239.9.9.9"), (Family::V6, "ff05::99")] {
        let row = Row::new();
        let group: IpAddr = group.parse().unwrap();
        let heard = row.receiver.start(move |net| async move {
            let socket = net.raw_socket(family, IpProtocol::RSVP).unwrap();
            let index = index_of(&net, "left");
            socket.join_group(group, index).unwrap();
            let (_, info) = socket.recv_msg(&mut [0; 64]).await.unwrap();
            socket.leave_group(group, index).unwrap();
            assert_eq!(info.interface, Some(index));
            info
        });
        let info = row.router.run(move |net| async move {
            let socket = net.raw_socket(family, IpProtocol::RSVP).unwrap();
            let peer = SocketAddr::new(group, 0);
            // The interface can be said with each packet as well.
            let info = SendInfo {
                interface: Some(index_of(&net, "right")),
                ..SendInfo::to(peer)
            };
            let result = net.spawn(async move {
                tokio::task::spawn_blocking(|| heard.result())
                    .await
                    .unwrap()
            });
            while !result.is_finished() {
                socket
                    .send_msg(&[IoSlice::new(b"resv")], &info)
                    .await
                    .unwrap();
                net.clock().sleep(Duration::from_millis(5)).await;
            }
            result.await.unwrap()
        });
        assert_eq!(
            (info.destination, info.ttl),
            (Some(group), Some(1)),
            "MUL-8"
        );
    }
}

/// RFC 3678: only the source asked for is heard.
#[test]
fn sources_can_be_chosen() {
    if !privileged() {
        return;
    }
    let row = Row::new();
    let group = "232.1.1.1".parse().unwrap();
    let heard = row.receiver.start(move |net| async move {
        let socket = net.bind_udp("0.0.0.0:4003".parse().unwrap()).unwrap();
        let interface = index_of(&net, "left");
        let membership = option::SourceMembership {
            group,
            source: "10.2.0.77".parse().unwrap(),
            interface,
        };
        socket.set(option::JoinSource, membership).unwrap();
        let (_, info) = socket.recv_msg(&mut [0; 16]).await.unwrap();
        socket.set(option::LeaveSource, membership).unwrap();
        info.peer.ip()
    });
    row.router.address("right", &["10.2.0.77/24"]);
    let source = row.router.run(move |net| async move {
        let index = index_of(&net, "right");
        let socket = net.bind_udp("0.0.0.0:0".parse().unwrap()).unwrap();
        let result = net.spawn(async move {
            tokio::task::spawn_blocking(|| heard.result())
                .await
                .unwrap()
        });
        while !result.is_finished() {
            for source in ["10.2.0.1", "10.2.0.77"] {
                let info = SendInfo {
                    source: Some(source.parse().unwrap()),
                    interface: Some(index),
                    ..SendInfo::to(SocketAddr::new(group.into(), 4003))
                };
                socket.send_msg(&[IoSlice::new(b"x")], &info).await.unwrap();
            }
            net.clock().sleep(Duration::from_millis(5)).await;
        }
        result.await.unwrap()
    });
    assert_eq!(source, "10.2.0.77".parse::<IpAddr>().unwrap());
}
