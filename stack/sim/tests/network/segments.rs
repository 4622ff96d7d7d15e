//! Ethernets that several hosts share.

use crate::{any, ask, echo_of, ms, serve_echo};
use fairway_sim::{Network, Node};

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
