//! Links, routers, ways that break and heal.

use crate::{any, ask, echo_of, ms, serve_echo};
use fairway_sim::pcap::{Direction, Reader};
use fairway_sim::{BitsPerSec, Frame, Framing, LinkDirection, Narrow, Network, Node, Queue};
use fairway_stack::Instant;
use fairway_wire::{Protocol, tcp, udp};
use std::net::IpAddr;

#[test]
fn a_datagram_takes_as_long_as_its_links() {
    let network = Network::new(1);
    let (a, b, r) = (network.node("a"), network.node("b"), network.router("r"));
    // 8000 bits per millisecond: 966 octets of data make 1008 with IP and UDP, of which 14 are Ethernet's.
    network
        .link(&a, &r)
        .rate(BitsPerSec::mega(8))
        .delay(ms(10))
        .connect();
    network.link(&r, &b).delay(ms(20)).connect();
    network.route_all();
    let net = a.net();
    serve_echo(&b);
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        // The first pays for finding the neighbours.
        assert!(ask(&net, &socket, echo_of(&b), b"first").await);
        let begun = network.now();
        assert!(ask(&net, &socket, echo_of(&b), &[0; 958]).await);
        let frame_bits = (958 + 8 + 20 + 14) * 8;
        let sending = std::time::Duration::from_nanos(frame_bits * 1_000_000_000 / 8_000_000);
        assert_eq!(network.now() - begun, (ms(30) + sending) * 2);
    });
}

#[test]
fn hosts_find_each_other_by_name() {
    let network = Network::new(1);
    let (a, b) = (network.node("alpha"), network.node("beta"));
    network
        .link(&a, &b)
        .addresses("192.0.2.1/30", "192.0.2.2/30")
        .connect();
    network.run(async {
        let beta: IpAddr = "192.0.2.2".parse().unwrap();
        assert_eq!(a.net().lookup("beta").await.unwrap(), [beta]);
        assert_eq!(a.net().reverse_lookup(beta).await.as_deref(), Some("beta"));
        assert!(a.net().lookup("gamma").await.is_err());
        assert_eq!(b.net().host_name(), "beta");
    });
}

#[test]
fn a_broken_way_is_replaced_when_routes_follow() {
    let network = Network::new(1);
    let (a, b) = (network.node("a"), network.node("b"));
    let [r, s, t] = ["r", "s", "t"].map(|name| network.router(name));
    network.link(&a, &r).connect();
    let short = network.link(&r, &s).connect();
    network.link(&r, &t).connect();
    let long = network.link(&t, &s).connect();
    network.link(&s, &b).connect();
    network.route_all();
    serve_echo(&b);
    let net = a.net();
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        let asked = async |question: &[u8]| ask(&net, &socket, echo_of(&b), question).await;
        assert!(asked(b"short").await);
        let before = long.there().counters().delivered;
        short.down();
        assert!(!asked(b"lost").await);
        network.route_all();
        assert!(asked(b"long").await);
        assert!(long.there().counters().delivered > before);
        short.up();
        network.route_all();
        assert!(asked(b"short again").await);
    });
    let log = network.log();
    let said = |what: &str| log.iter().any(|line| line.ends_with(what));
    assert!(said("r-s: down") && said("r-s: up") && said("r-s (r to s): lost by link: link down"));
}

#[test]
fn a_partition_separates_hosts_until_it_is_healed() {
    let network = Network::new(1);
    let [a, b, c] = ["a", "b", "c"].map(|name| network.node(name));
    let r = network.router("r");
    let links = [&a, &b, &c].map(|host| {
        serve_echo(host);
        network.link(host, &r).connect()
    });
    let near = &links[0];
    let capture = near.capture();
    network.route_all();
    let net = a.net();
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        let asked = async |host| ask(&net, &socket, echo_of(host), b"?").await;
        assert!(asked(&b).await && asked(&c).await);
        network.partition(&[&a, &c], &[&b]);
        assert!(!asked(&b).await && asked(&c).await);
        network.heal();
        assert!(asked(&b).await && asked(&c).await);
    });
    // Captures say what was lost so, and counters count it.
    let file = capture.octets();
    let mut reader = Reader::new(&file[..]);
    let mut lost = 0;
    while let Some(packet) = reader.next_packet().unwrap() {
        lost += u64::from(packet.comment == "lost by link: partition");
    }
    assert!(lost > 0);
    assert_eq!(lost, near.there().counters().cut);
}

#[test]
#[should_panic(expected = "a link has two ends at different hosts, not both at alone")]
fn a_host_has_no_link_to_itself() {
    let network = Network::new(1);
    let alone = network.node("alone");
    let _ = network.link(&alone, &alone);
}

/// A predicate that calls into the network, or a host that is locked, panics instead of waiting for itself.
fn asked_from_within(call: impl Fn(&Node, &LinkDirection) + Send + 'static) {
    let network = Network::new(1);
    let (a, b) = (network.node("a"), network.node("b"));
    let link = network.link(&a, &b).connect();
    let (host, there) = (a.clone(), link.there());
    link.there()
        .add_fault(fairway_sim::impair::When(move |_: &Frame<'_>| {
            call(&host, &there);
            fairway_sim::impair::Verdict::Pass
        }));
    let net = a.net();
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        let _sent = socket.send_to(b"?", echo_of(&b)).await;
    });
}

#[test]
#[should_panic(expected = "a network was called from within itself")]
fn a_predicate_that_calls_the_network_panics() {
    asked_from_within(|_, there| {
        let _ = there.counters();
    });
}

#[test]
#[should_panic(expected = "a host was called from within itself")]
fn a_predicate_that_calls_the_host_that_sends_panics() {
    asked_from_within(|host, _| {
        let _ = host.net().bind_udp(any(0));
    });
}

#[test]
fn either_direction_has_its_own_nature_and_can_change() {
    let network = Network::new(1);
    let (a, b) = (network.node("a"), network.node("b"));
    let link = network
        .link(&a, &b)
        .there(|way| way.delay(ms(5)))
        .back(|way| way.delay(ms(40)))
        .connect();
    serve_echo(&b);
    let net = a.net();
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        assert!(ask(&net, &socket, echo_of(&b), b"first").await);
        let begun = network.now();
        assert!(ask(&net, &socket, echo_of(&b), b"?").await);
        assert_eq!(network.now() - begun, ms(45));
        link.there().set(|config| config.delay = ms(100));
        let begun = network.now();
        assert!(ask(&net, &socket, echo_of(&b), b"?").await);
        assert_eq!(network.now() - begun, ms(140));
        link.back().add_fault(fairway_sim::impair::Nth::new([1]));
        assert!(!ask(&net, &socket, echo_of(&b), b"?").await);
        assert!(ask(&net, &socket, echo_of(&b), b"?").await);
    });
    assert_eq!(link.back().counters().lost, 1);
}

#[test]
fn a_queue_drops_what_it_cannot_hold_and_without_one_the_interface_queues() {
    for (queue, expected) in [(Queue::frames(4), 5), (Queue::None, 50)] {
        let network = Network::new(1);
        let (a, b) = (network.node("a"), network.node("b"));
        let link = network
            .link(&a, &b)
            .rate(BitsPerSec::mega(1))
            .queue(queue)
            .point_to_point()
            .connect();
        let sink = b.net().bind_udp(any(9)).unwrap();
        network.run(async {
            let socket = a.net().bind_udp(any(0)).unwrap();
            for _ in 0..50 {
                socket
                    .send_to(&[0; 500], (b.address(), 9).into())
                    .await
                    .unwrap();
            }
            network.clock().sleep(ms(1000)).await;
        });
        let mut received = 0;
        while sink.try_recv_from(&mut [0; 500]).is_ok() {
            received += 1;
        }
        assert_eq!(received, expected);
        assert_eq!(link.there().counters().queue_full, 50 - expected);
    }
}

// RFC 1191 §4.
#[test]
fn a_narrow_place_reports_to_the_sender() {
    let network = Network::new(1);
    let (a, b) = (network.node("a"), network.node("b"));
    let narrow = Narrow {
        mtu: 600,
        reported_by: Some("10.9.9.9".parse().unwrap()),
    };
    let link = network
        .link(&a, &b)
        .there(|way| way.narrow(narrow))
        .connect();
    let capture = link.capture();
    serve_echo(&b);
    let net = a.net();
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        assert!(ask(&net, &socket, echo_of(&b), &[0; 500]).await);
        assert!(!ask(&net, &socket, echo_of(&b), &[0; 1000]).await);
    });
    assert_eq!(link.there().counters().too_long, 1);
    assert!(capture.packets() > 0);
}

#[test]
fn a_capture_tells_times_directions_fates_and_true_checksums() {
    let network = Network::new(1);
    let (a, b) = (network.node("a"), network.node("b"));
    let link = network
        .link(&a, &b)
        .delay(ms(1))
        .there(|way| {
            way.when(|frame| match frame.udp() {
                Some((_, b"lost")) => fairway_sim::impair::Verdict::Drop,
                _ => fairway_sim::impair::Verdict::Pass,
            })
        })
        .connect();
    let capture = link.capture();
    serve_echo(&b);
    let net = a.net();
    network.run(async {
        let socket = net.bind_udp(any(0)).unwrap();
        assert!(ask(&net, &socket, echo_of(&b), b"kept").await);
        assert!(!ask(&net, &socket, echo_of(&b), b"lost").await);
    });
    let file = capture.octets();
    let mut reader = Reader::new(&file[..]);
    let mut datagrams = Vec::new();
    while let Some(packet) = reader.next_packet().unwrap() {
        let frame = Frame::new(Framing::Ethernet, packet.octets);
        let Some((header, payload)) = frame.ipv4() else {
            continue;
        };
        let whole = match header.protocol {
            Protocol::UDP => udp::verify_checksum(header.source, header.destination, payload),
            Protocol::TCP => tcp::verify_checksum(header.source, header.destination, payload),
            _ => continue,
        };
        assert!(whole);
        if let Some((_, data)) = frame.udp() {
            let since = packet.at - fairway_sim::WALL_START;
            let said = packet.comment.to_owned();
            datagrams.push((data.to_vec(), packet.direction, said, since.as_millis()));
        }
    }
    let expected = [
        (b"kept".to_vec(), Direction::Outbound, String::new()),
        (b"kept".to_vec(), Direction::Inbound, String::new()),
        (
            b"lost".to_vec(),
            Direction::Outbound,
            "lost by link: predicate".into(),
        ),
    ];
    let seen: Vec<_> = datagrams
        .iter()
        .map(|(data, direction, said, _)| (data.clone(), *direction, said.clone()))
        .collect();
    assert_eq!(seen, expected);
    assert!(datagrams.is_sorted_by_key(|datagram| datagram.3));
    assert_eq!(reader.interfaces().next().unwrap().name, "a-b");
}

#[test]
fn time_passes_only_in_runs() {
    let network = Network::new(1);
    assert_eq!(network.now(), Instant::ZERO);
    network.run_for(ms(1500));
    network.run_for(ms(1500));
    assert_eq!(network.now(), Instant::ZERO + ms(3000));
    let wall = network.clock().wall();
    let start = std::time::SystemTime::UNIX_EPOCH + fairway_sim::WALL_START;
    assert_eq!(wall.duration_since(start).unwrap(), ms(3000));
}

#[test]
#[should_panic(
    expected = "nothing can ever happen; hosts with tasks: a (stack/sim/tests/network/main.rs:"
)]
fn waiting_for_a_datagram_that_nobody_sends_is_said_at_once() {
    let network = Network::new(1);
    let (a, b) = (network.node("a"), network.node("b"));
    network.link(&a, &b).connect();
    serve_echo(&a);
    network.run(async {
        let socket = b.net().bind_udp(any(9)).unwrap();
        let _never = socket.recv_from(&mut [0; 1]).await;
    });
}
