//! Ethernets that several hosts share.

use crate::{any, ask, echo_of, ms, serve_echo};
use fairway_native::route::{Prefix, Route, RouteQuery};
use fairway_sim::{Frame, Framing, Network, Node, pcap};
use fairway_wire::icmp::Message;

fn hosts<const N: usize>(network: &Network) -> [Node; N] {
    std::array::from_fn(|number| network.node(&format!("h{number}")))
}

#[test]
fn everyone_reaches_everyone() {
    for hub in [false, true] {
        let network = Network::new(1);
        let all: [Node; 4] = hosts(&network);
        let mut builder = network.segment();
        for host in &all {
            builder = builder.station(host);
        }
        if hub {
            builder = builder.hub();
        }
        let segment = builder.cables(|way| way.delay(ms(1))).build();
        all.iter().for_each(serve_echo);
        network.run(async {
            for one in &all {
                let net = one.net();
                let socket = net.bind_udp(any(0)).unwrap();
                for other in all.iter().filter(|other| other.name() != one.name()) {
                    assert!(ask(&net, &socket, echo_of(other), b"hello").await);
                }
            }
        });
        // A switch spares who is not meant; a hub does not.
        let to_last = segment.to(&all[3]).unwrap().counters().frames;
        let of_all: u64 = all
            .iter()
            .map(|host| segment.from(host).unwrap().counters().frames)
            .sum();
        assert_eq!(to_last > of_all / 2, hub, "{to_last} of {of_all}");
    }
}

#[test]
fn a_host_can_be_cut_off_and_taken_back() {
    let network = Network::new(1);
    let [a, b]: [Node; 2] = hosts(&network);
    let segment = network
        .segment()
        .station_at(&a, "192.168.0.1/16")
        .station_at(&b, "192.168.1.1/16")
        .name("office")
        .build();
    serve_echo(&b);
    let net = a.net();
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        assert!(ask(&net, &socket, echo_of(&b), b"1").await);
        segment.set_connected(&b, false);
        assert!(!ask(&net, &socket, echo_of(&b), b"2").await);
        segment.set_connected(&b, true);
        assert!(ask(&net, &socket, echo_of(&b), b"3").await);
    });
    assert!(
        network
            .log()
            .iter()
            .any(|line| line.ends_with("office: h1 cut off"))
    );
}

#[test]
fn routers_join_segments() {
    let network = Network::new(1);
    let [a, b]: [Node; 2] = hosts(&network);
    let r = network.router("r");
    network.segment().station(&a).station(&r).build();
    network.segment().station(&b).station(&r).build();
    network.route_all();
    serve_echo(&b);
    let net = a.net();
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        assert!(ask(&net, &socket, echo_of(&b), b"?").await);
    });
}

// RFC 1112 §4: a datagram to a group reaches its members, and nobody else.
#[test]
fn a_group_reaches_its_members() {
    let network = Network::new(1);
    let all: [Node; 4] = hosts(&network);
    let mut builder = network.segment();
    for host in &all {
        builder = builder.station(host);
    }
    let segment = builder.build();
    let group = "239.1.2.3".parse().unwrap();
    network.run(async {
        let sockets: Vec<_> = all
            .iter()
            .map(|host| host.net().bind_udp(any(99)).unwrap())
            .collect();
        for member in [1, 3] {
            let interface = segment.interface(&all[member]).unwrap().0;
            sockets[member].join_group(group, interface).unwrap();
        }
        sockets[0]
            .send_to(b"all", (group, 99).into())
            .await
            .unwrap();
        network.clock().sleep(ms(10)).await;
        let mut buf = [0; 9];
        let got: Vec<bool> = sockets
            .iter()
            .map(|socket| socket.try_recv_from(&mut buf).is_ok())
            .collect();
        assert_eq!(got[1..], [true, false, true]);
    });
}

// RFC 1812 §5.2.7.2, RFC 1122 §3.2.2.2: a router that is not the best first hop says so, and the host believes it.
#[test]
fn a_router_redirects_a_host_to_a_better_one() {
    let network = Network::new(1);
    let [a, b]: [Node; 2] = hosts(&network);
    let [near, far] = ["near", "far"].map(|name| network.router(name));
    let lan = network
        .segment()
        .station(&a)
        .station(&near)
        .station(&far)
        .build();
    let capture = lan.capture();
    network.link(&far, &b).connect();
    network.route_all();
    // The host knows one router only, the wrong one.
    let interface = lan.interface(&a).unwrap();
    a.with(|stack, now| {
        let routes: Vec<Route> = stack.routes().into_iter().cloned().collect();
        for route in routes.iter().filter(|route| route.gateway.is_some()) {
            let query = RouteQuery {
                destination: route.destination,
                gateway: route.gateway,
                interface: None,
                metric: None,
            };
            stack.delete_route(now, &query).unwrap();
        }
        let wrong = Route::new(Prefix::DEFAULT, Some(near.address()), interface);
        stack.add_route(now, wrong).unwrap();
    });
    serve_echo(&b);
    let net = a.net();
    let through_near = || lan.to(&near).unwrap().counters().frames;
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        assert!(ask(&net, &socket, echo_of(&b), b"by the wrong one").await);
        let before = through_near();
        assert!(ask(&net, &socket, echo_of(&b), b"by the right one").await);
        assert_eq!(through_near(), before);
    });
    let file = capture.octets();
    let mut reader = pcap::Reader::new(&file[..]);
    let mut redirects = 0;
    while let Some(packet) = reader.next_packet().unwrap() {
        let frame = Frame::new(Framing::Ethernet, packet.octets);
        if let Some((Message::Redirect { gateway, .. }, _)) = frame.icmp() {
            assert_eq!(gateway, far.address());
            redirects += 1;
        }
    }
    assert_eq!(redirects, 1);
}
