//! Queueing disciplines of interfaces decide what a line without a queue of its own sends next.

use crate::{any, ms};
use fairway_native::hash::Key;
use fairway_native::qos::Fifo;
use fairway_native::qos::{FairQueue, Filter, Flowspec, ReserveOptions, Service, Shaper, Tspec};
use fairway_sim::{BitsPerSec, Network};
use fairway_stack::Clock;
use std::time::Duration;

#[test]
fn a_token_bucket_shapes_what_leaves_an_interface() {
    let network = Network::new(1);
    let (a, b) = (network.node("a"), network.node("b"));
    let link = network.link(&a, &b).point_to_point().connect();
    let interface = link.interface(&a).unwrap();
    // 100 000 octets a second, 2000 at once.
    let shaper = Shaper::new(100_000, 2_000, Fifo::new(200, 1 << 20));
    a.with(|stack, _| stack.set_queue(interface, shaper).unwrap());
    let sink = b.net().bind_udp(any(9)).unwrap();
    network.run(async {
        let socket = a.net().bind_udp(any(0)).unwrap();
        // 1000 octets each with IP and UDP.
        for _ in 0..102 {
            let sent = socket.send_to(&[0; 972], (b.address(), 9).into()).await;
            sent.unwrap();
        }
        for _ in 0..102 {
            sink.recv_from(&mut [0; 1000]).await.unwrap();
        }
    });
    // The first two at once, a hundred at the rate.
    assert_eq!(network.now().since_start(), ms(1_000));
}

/// A flow of 100 datagrams a second for three seconds beside a flood that wants twice what the trunk carries: how many
/// arrive, and the longest any of them took.
fn beside_a_flood(reserved: bool) -> (usize, Duration) {
    let network = Network::new(1);
    let [voice, flood, sink] = ["voice", "flood", "sink"].map(|name| network.node(name));
    let router = network.router("router");
    network.link(&voice, &router).connect();
    network.link(&flood, &router).connect();
    let trunk = network
        .link(&router, &sink)
        .rate(BitsPerSec::mega(10))
        .delay(ms(5))
        .connect();
    network.route_all();
    let mut queue = FairQueue::new(1_250_000, 1500, 14, Key([1, 2]));
    if reserved {
        let tspec = Tspec {
            rate: 25_000,
            bucket: 2_000,
            peak: None,
            min_policed: 100,
            max_packet: 500,
        };
        let spec = Flowspec {
            tspec,
            service: Service::Guaranteed { rate: 50_000 },
        };
        let flow = queue.reserve(spec, ReserveOptions::default()).unwrap();
        let filter = Filter {
            source: Some(voice.address()),
            ..Filter::default()
        };
        queue.add_filter(flow, filter).unwrap();
    }
    let interface = trunk.interface(&router).unwrap();
    router.with(|stack, _| stack.set_queue(interface, queue).unwrap());

    let to = |port| (sink.address(), port).into();
    let (net, peer) = (flood.net(), to(10));
    flood
        .spawn(async move {
            let socket = net.bind_udp(any(0)).unwrap();
            loop {
                // 1500 octets each 600 us: 20 Mbit/s.
                let _sent = socket.send_to(&[0; 1472], peer).await;
                net.clock().sleep(Duration::from_micros(600)).await;
            }
        })
        .detach();
    let (net, peer) = (voice.net(), to(9));
    let socket = sink.net().bind_udp(any(9)).unwrap();
    let sending = voice.spawn(async move {
        let from = net.bind_udp(any(0)).unwrap();
        for _ in 0..300 {
            let stamp = net.clock().now().as_nanos().to_be_bytes();
            let _sent = from.send_to(&stamp.repeat(25), peer).await;
            net.clock().sleep(ms(10)).await;
        }
    });
    let clock: Clock = network.clock();
    network.run(async {
        let (mut arrived, mut worst) = (0, Duration::ZERO);
        let mut buf = [0; 500];
        while clock
            .timeout(ms(2_000), socket.recv_from(&mut buf))
            .await
            .is_ok()
        {
            let sent = u64::from_be_bytes(*buf.first_chunk().unwrap());
            arrived += 1;
            worst = worst.max(clock.now().since_start() - Duration::from_nanos(sent));
        }
        assert!(sending.is_finished());
        (arrived, worst)
    })
}

// RFC 2212: a reserved flow loses nothing and keeps its bound, whatever others send.
#[test]
fn a_reserved_flow_is_spared_what_a_flood_does_to_others() {
    let (arrived, worst) = beside_a_flood(true);
    assert_eq!(arrived, 300);
    assert!(worst < ms(15), "{worst:?}");
    let (arrived, worst) = beside_a_flood(false);
    assert!(arrived < 250, "{arrived}");
    assert!(worst > ms(50), "{worst:?}");
}
