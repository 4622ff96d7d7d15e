//! Router alert, foreign sources and groups between simulated routers: what RSVP needs of its hosts (RFC 2205 §3.11.5).

use crate::ms;
use fairway_sim::{Link, Network, Node};
use fairway_stack::{
    Family, IpProtocol, MsgInfo, MulticastRoute, NetError, RawSocket, SendInfo, option,
};
use std::io::IoSlice;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Router alert (RFC 2113).
const ALERT: [u8; 4] = [0x94, 4, 0, 0];

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);

/// sender — router — receiver.
struct Row {
    network: Network,
    sender: Node,
    router: Node,
    receiver: Node,
    left: Link,
    right: Link,
}

impl Row {
    fn new() -> Self {
        let network = Network::new(3);
        let (sender, receiver) = (network.node("sender"), network.node("receiver"));
        let router = network.router("router");
        let left = network.link(&sender, &router).delay(ms(1)).connect();
        let right = network.link(&router, &receiver).delay(ms(1)).connect();
        network.route_all();
        Self {
            network,
            sender,
            router,
            receiver,
            left,
            right,
        }
    }

    /// The indices of the router's interfaces to the left and to the right.
    fn sides(&self) -> [u32; 2] {
        [&self.left, &self.right].map(|link| link.interface(&self.router).unwrap().0)
    }

    fn route_group(&self) {
        let [left, right] = self.sides();
        let manage = self.router.net().manage();
        manage.start_multicast(&[left, right]).unwrap();
        let route = MulticastRoute {
            source: self.sender.address().into(),
            group: GROUP.into(),
            incoming: left,
            outgoing: vec![right],
        };
        manage.set_multicast_route(&route).unwrap();
        assert_eq!(
            manage.multicast_way(route.source, route.group),
            Ok(Some(route))
        );
    }
}

/// A raw socket as a daemon that speaks RSVP has it, with router alert in what it sends.
fn daemon(node: &Node) -> RawSocket {
    let net = node.net();
    let socket = net.raw_socket(Family::V4, IpProtocol::RSVP).unwrap();
    socket.set(option::RouterAlert, Some(0)).unwrap();
    socket.set(option::Transparent, true).unwrap();
    socket.set(option::MulticastLoop, false).unwrap();
    socket.set(option::Options, ALERT.to_vec()).unwrap();
    socket
}

async fn send(socket: &RawSocket, data: &[u8], info: &SendInfo) {
    socket.send_msg(&[IoSlice::new(data)], info).await.unwrap();
}

fn to(address: impl Into<IpAddr>) -> SendInfo {
    SendInfo::to(SocketAddr::new(address.into(), 0))
}

/// What is there once all is quiet: octets from the IP header on, and what is known of them.
async fn heard(row: &Row, socket: &RawSocket) -> Vec<(Vec<u8>, MsgInfo)> {
    row.network.clock().sleep(ms(100)).await;
    let mut all = Vec::new();
    let mut buf = [0; 2000];
    loop {
        match socket.try_recv_msg(&mut buf) {
            Ok((length, info)) => all.push((buf[..length].to_vec(), info)),
            Err(error) => {
                assert_eq!(NetError::from(error), NetError::WouldBlock);
                return all;
            }
        }
    }
}

/// RFC 2113, RFC 2205 §3.11.5: a router takes a Path in transit, with interface and time to live, and sends it on in the
/// name of the sender, by an interface and with a time to live of its choice.
#[test]
fn a_path_goes_from_router_to_router_in_its_senders_name() {
    let row = Row::new();
    let [left, right] = row.sides();
    let sockets = [&row.sender, &row.router, &row.receiver].map(daemon);
    let [sender, router, receiver] = &sockets;
    row.network.run(async {
        let info = SendInfo {
            ttl: Some(63),
            ..to(row.receiver.address())
        };
        send(sender, b"path", &info).await;
        let got = heard(&row, router).await;
        let [(octets, arrival)] = got.as_slice() else {
            panic!("{got:?}")
        };
        assert_eq!((octets[0], &octets[20..]), (0x46, &b"\x94\x04\0\0path"[..]));
        assert_eq!(
            (arrival.interface, arrival.ttl, arrival.peer.ip()),
            (Some(left), Some(63), row.sender.address().into())
        );
        assert_eq!(arrival.destination, Some(row.receiver.address().into()));
        assert!(heard(&row, receiver).await.is_empty(), "not forwarded");

        // One socket sends in the name of several.
        for source in [row.sender.address(), Ipv4Addr::new(192, 0, 2, 9)] {
            let info = SendInfo {
                source: Some(source.into()),
                interface: Some(right),
                ttl: Some(62),
                ..to(row.receiver.address())
            };
            send(router, b"path", &info).await;
            let got = heard(&row, receiver).await;
            assert_eq!(got.len(), 1);
            assert_eq!(
                (got[0].1.peer.ip(), got[0].1.ttl),
                (source.into(), Some(62))
            );
        }
        assert!(heard(&row, router).await.is_empty(), "it hears itself");

        // What asks for no attention passes.
        sender.set(option::Options, Vec::new()).unwrap();
        send(sender, b"resv", &to(row.receiver.address())).await;
        assert!(heard(&row, router).await.is_empty());
        assert_eq!(heard(&row, receiver).await.len(), 1);
    });
}

/// RFC 2205 §3.11.5: it must ask for it, and without that foreign sources are refused (RFC 1122 §3.2.1.3).
#[test]
fn foreign_sources_are_asked_for() {
    let row = Row::new();
    let router = daemon(&row.router);
    router.set(option::Transparent, false).unwrap();
    let info = SendInfo {
        source: Some(row.sender.address().into()),
        ..to(row.receiver.address())
    };
    let refused = router.try_send_msg(&[IoSlice::new(b"path")], &info);
    assert_eq!(refused.map_err(NetError::from), Err(NetError::AddrNotAvail));
}

/// RFC 2113 §2.1: a Path to a group stops at a router that asked for such, whether members are there or not; the router
/// sends it on itself, and nothing of what it sends comes back or goes any further by itself. Data go on.
#[test]
fn a_path_to_a_group_is_the_routers_to_pass_on() {
    for member in [false, true] {
        let row = Row::new();
        let [left, right] = row.sides();
        row.route_group();
        let sockets = [&row.sender, &row.router, &row.receiver].map(daemon);
        let [sender, router, receiver] = &sockets;
        receiver.join_group(GROUP.into(), 0).unwrap();
        let application = row.router.net().bind_udp("0.0.0.0:9".parse().unwrap());
        if member {
            let application = application.as_ref().unwrap();
            application.join_group(GROUP.into(), left).unwrap();
        }
        row.network.run(async {
            let info = SendInfo {
                ttl: Some(20),
                ..to(GROUP)
            };
            send(sender, b"path", &info).await;
            let got = heard(&row, router).await;
            assert_eq!(got.len(), 1, "member: {member}");
            assert_eq!(
                (got[0].1.interface, got[0].1.ttl),
                (Some(left), Some(20)),
                "member: {member}"
            );
            assert!(heard(&row, receiver).await.is_empty(), "member: {member}");

            // From here on it is the router's, by either side, in either name.
            for source in [row.sender.address(), row.router.address()] {
                for interface in [left, right] {
                    let info = SendInfo {
                        source: Some(source.into()),
                        interface: Some(interface),
                        ttl: Some(19),
                        ..to(GROUP)
                    };
                    send(router, b"path", &info).await;
                    let got = heard(&row, receiver).await;
                    let expected = usize::from(interface == right);
                    assert_eq!(got.len(), expected, "member: {member}, {info:?}");
                    assert!(heard(&row, router).await.is_empty(), "{info:?}");
                }
            }

            let data = row.sender.net().bind_udp("0.0.0.0:0".parse().unwrap());
            let data = data.unwrap();
            data.set(option::MulticastTtl, 5).unwrap();
            let inbox = row.receiver.net().bind_udp("0.0.0.0:9".parse().unwrap());
            let inbox = inbox.unwrap();
            inbox.join_group(GROUP.into(), 0).unwrap();
            data.send_to(b"data", (GROUP, 9).into()).await.unwrap();
            inbox.recv_from(&mut [0; 8]).await.unwrap();
        });
    }
}

/// RFC 2205 §3.6: who follows the routes hears of a link that goes down.
#[test]
fn changes_of_a_link_are_told() {
    let row = Row::new();
    let manage = row.router.net().manage();
    let mut changes = manage.changes().unwrap();
    let waiting = row.router.spawn(async move { changes.changed().await });
    row.network.run_for(ms(50));
    assert!(!waiting.is_finished());
    row.right.unplug();
    row.network.run(waiting).unwrap().unwrap();
    assert_eq!(manage.way_to(row.receiver.address().into()), Ok(None));

    // A crash is an end, not a change.
    let mut changes = manage.changes().unwrap();
    row.router.crash();
    let after = row.network.run(async { changes.changed().await });
    assert_eq!(after, Err(NetError::NetDown));
}
