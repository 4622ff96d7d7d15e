//! The same seed gives the same octets at the same nanoseconds (G26).

use crate::{any, ask, echo_of, ms, serve_echo};
use fairway_native::event::{Class, Level};
use fairway_sim::{BitsPerSec, Network, Node, Queue};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Four hosts behind a router chatter over links on which everything goes wrong; the hash of log and capture.
fn run(seed: u64) -> (u64, Vec<u8>) {
    run_and_watch(seed, false)
}

/// As [`run`]; `watch` has every host report every event there is.
fn run_and_watch(seed: u64, watch: bool) -> (u64, Vec<u8>) {
    let network = Network::new(seed);
    let r = network.router("r");
    let hosts: Vec<_> = (0..4).map(|n| network.node(&format!("h{n}"))).collect();
    for host in &hosts {
        network
            .link(host, &r)
            .rate(BitsPerSec::mega(10))
            .queue(Queue::frames(20))
            .both(|way| {
                way.delay(ms(3))
                    .jitter(Duration::from_micros(1_234))
                    .loss(0.02)
                    .burst_loss(0.02, 0.3)
                    .reorder(0.05, ms(7))
                    .swap(0.02)
                    .duplicate(0.03)
                    .corrupt(0.02)
            })
            .connect();
        serve_echo(host);
        serve_stream(host);
    }
    if watch {
        for host in hosts.iter().chain([&r]) {
            host.with(|stack, _| {
                let events = stack.events_mut();
                for class in Class::ALL {
                    events.set_class(class, true);
                }
                events.set_threshold(Level::Verbose);
                events.start(1_000, false);
            });
        }
    }
    network.route_all();
    let capture = network.capture_all();
    for (number, host) in hosts.iter().enumerate() {
        let peer = echo_of(&hosts[(number + 1) % hosts.len()]);
        let net = host.net();
        host.spawn(async move {
            let socket = net.bind_udp(any(0)).unwrap();
            let mut rng = net.rng();
            loop {
                let length = usize::try_from(rng.below(1_200)).unwrap();
                ask(&net, &socket, peer, &vec![7; length]).await;
                let pause = Duration::from_micros(rng.below(20_000).into());
                net.clock().sleep(pause).await;
            }
        })
        .detach();
    }
    let (net, server) = (hosts[0].net(), (hosts[2].address(), 80).into());
    hosts[0]
        .spawn(async move {
            let mut stream = net.connect_tcp(server).await?;
            stream.write_all(&[9; 40_000]).await?;
            stream.read_exact(&mut [0; 40_000]).await
        })
        .detach();
    network.run_for(Duration::from_secs(2));
    if watch {
        let reported = r.with(|stack, _| stack.events().ring().iter().count());
        assert!(reported > 100, "{reported}");
    }
    (network.fingerprint(), capture.octets())
}

/// Sends what it gets over a connection back.
fn serve_stream(host: &Node) {
    let listener = host.net().listen_tcp(any(80)).unwrap();
    host.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (mut reader, mut writer) = stream.into_split();
            let _whatever_ends_it = tokio::io::copy(&mut reader, &mut writer).await;
        }
    })
    .detach();
}

#[test]
fn a_hundred_runs_are_one() {
    let (fingerprint, octets) = run(7);
    assert!(octets.len() > 50_000);
    for _ in 1..100 {
        let (again, other) = run(7);
        assert_eq!(again, fingerprint);
        assert_eq!(other, octets);
    }
    assert_ne!(run(8).0, fingerprint);
}

// EVT-27: who watches changes nothing of what happens.
#[test]
fn reporting_every_event_changes_no_octet() {
    assert_eq!(run_and_watch(7, true), run(7));
}

#[test]
fn faults_leave_their_marks() {
    let (_, octets) = run(7);
    let text = String::from_utf8_lossy(&octets);
    for what in [
        "lost by link: loss",
        "lost by link: burst loss",
        "corrupted (1 bits)",
        "duplicated",
        "7ms late",
        "swapped",
    ] {
        assert!(text.contains(what), "{what}");
    }
}
