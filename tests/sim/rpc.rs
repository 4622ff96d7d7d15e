//! Calls through networks that lose, repeat, reorder, and fall apart: RPC-R11, in virtual time.

use crate::support::{Executed, World, double, serve};
use fairway_rpc::{Client, ClientConfig};
use fairway_sim::impair::{Chance, Lost};
use std::collections::BTreeMap;
use std::time::Duration;

/// Every number once.
fn once(numbers: u32) -> BTreeMap<u32, u32> {
    (0..numbers).map(|number| (number, 1)).collect()
}

/// The client waits as long as it takes.
fn patient() -> ClientConfig {
    ClientConfig::new()
        .first_wait(Duration::from_millis(200))
        .deadline(Duration::from_secs(600))
}

/// RPC-R11: with the duplicate cache, a call over UDP is executed exactly once, whatever happens to its packets.
#[test]
fn calls_over_udp_are_executed_exactly_once_through_a_bad_network() {
    for seed in 0..5 {
        let world = World::new(seed);
        world.spoil();
        let executed = Executed::default();
        let (address, net) = (world.address(), world.client.net());
        world.network.run(async {
            let server = serve(&world.server, &executed).await;
            let client = Client::udp(&net, address, patient()).await.unwrap();
            let calls: Vec<_> = (0..200)
                .map(|number| {
                    let client = client.clone();
                    net.spawn(async move { double(&client, number).await })
                })
                .collect();
            for (number, call) in (0..).zip(calls) {
                assert_eq!(call.await.unwrap().unwrap(), 2 * number, "seed {seed}");
            }
            let resent = client.counters().resent;
            let counters = server.counters();
            assert!(
                resent > 0 && counters.replies_repeated > 0,
                "seed {seed}: the network was kind"
            );
        });
        assert_eq!(executed.counts(), once(200), "seed {seed}");
    }
}

/// TCP hides all of it.
#[test]
fn calls_over_tcp_are_executed_exactly_once_through_a_bad_network() {
    for seed in 0..5 {
        let world = World::new(seed);
        world.spoil();
        let executed = Executed::default();
        let (address, net) = (world.address(), world.client.net());
        world.network.run(async {
            let _server = serve(&world.server, &executed).await;
            let client = Client::tcp(&net, address, patient()).await.unwrap();
            for number in 0..200 {
                assert_eq!(
                    double(&client, number).await.unwrap(),
                    2 * number,
                    "seed {seed}"
                );
            }
        });
        assert_eq!(executed.counts(), once(200), "seed {seed}");
    }
}

/// The network falls apart for ten seconds in the middle, and comes together again.
#[test]
fn calls_outlive_a_partition_and_are_executed_once() {
    let world = World::new(7);
    let executed = Executed::default();
    let (address, net) = (world.address(), world.client.net());
    world.network.run(async {
        let _server = serve(&world.server, &executed).await;
        let udp = Client::udp(&net, address, patient()).await.unwrap();
        let tcp = Client::tcp(&net, address, patient()).await.unwrap();
        assert_eq!(double(&udp, 0).await.unwrap(), 0);
        assert_eq!(double(&tcp, 1).await.unwrap(), 2);
        world.network.partition(&[&world.client], &[&world.server]);
        let waiting = [(udp.clone(), 2), (tcp.clone(), 3)]
            .map(|(client, number)| net.spawn(async move { double(&client, number).await }));
        net.clock().sleep(Duration::from_secs(10)).await;
        assert!(waiting.iter().all(|call| !call.is_finished()));
        world.network.heal();
        for (number, call) in (2..).zip(waiting) {
            assert_eq!(call.await.unwrap().unwrap(), 2 * number);
        }
    });
    assert_eq!(executed.counts(), once(4));
}

/// The cache of replies is memory, and goes with the server: a call whose reply was lost is executed once more by the
/// server's next life. At least once is all that can be had across a restart.
#[test]
fn across_a_restart_of_the_server_calls_are_executed_at_least_once() {
    let world = World::new(3);
    let executed = Executed::default();
    let (address, net) = (world.address(), world.client.net());
    world.network.run(async {
        let _first = serve(&world.server, &executed).await;
        let client = Client::udp(&net, address, patient()).await.unwrap();
        assert_eq!(double(&client, 0).await.unwrap(), 0);
        // The question arrives, the answer does not.
        world.far.back().add_fault(Lost(Chance::from(1.0)));
        let call = {
            let client = client.clone();
            net.spawn(async move { double(&client, 1).await })
        };
        net.clock().sleep(Duration::from_secs(1)).await;
        assert_eq!(executed.counts(), once(2));
        world.server.crash();
        net.clock().sleep(Duration::from_secs(5)).await;
        assert!(!call.is_finished());
        world.far.back().clear_faults();
        world.server.restart();
        let _second = serve(&world.server, &executed).await;
        assert_eq!(call.await.unwrap().unwrap(), 2);
    });
    assert_eq!(
        executed.counts(),
        BTreeMap::from([(0, 1), (1, 2)]),
        "the second call ran in both lives"
    );
}

/// The same over TCP, where the client may send again only what may run twice.
#[test]
fn a_connection_that_a_restart_cut_is_made_again_and_its_calls_resent() {
    let world = World::new(4);
    let executed = Executed::default();
    let (address, net) = (world.address(), world.client.net());
    world.network.run(async {
        let _first = serve(&world.server, &executed).await;
        let client = Client::tcp(&net, address, patient().resend(true))
            .await
            .unwrap();
        assert_eq!(double(&client, 0).await.unwrap(), 0);
        world.server.crash();
        let call = {
            let client = client.clone();
            net.spawn(async move { double(&client, 1).await })
        };
        net.clock().sleep(Duration::from_secs(2)).await;
        world.server.restart();
        let _second = serve(&world.server, &executed).await;
        assert_eq!(call.await.unwrap().unwrap(), 2);
        assert_eq!(double(&client, 2).await.unwrap(), 4);
    });
    assert_eq!(executed.counts(), once(3));
}

/// STK-G26: what a seed gives, it gives again, packet by packet.
#[test]
fn the_same_seed_gives_the_same_packets() {
    let run = |seed| {
        let world = World::new(seed);
        world.spoil();
        let capture = world.network.capture_all();
        let (executed, address, net) = (Executed::default(), world.address(), world.client.net());
        world.network.run(async {
            let _server = serve(&world.server, &executed).await;
            let udp = Client::udp(&net, address, patient()).await.unwrap();
            let tcp = Client::tcp(&net, address, patient()).await.unwrap();
            for number in 0..20 {
                double(&udp, number).await.unwrap();
                double(&tcp, 100 + number).await.unwrap();
            }
        });
        (capture.hash(), world.network.fingerprint())
    };
    let first = run(1);
    for _ in 0..5 {
        assert_eq!(run(1), first);
    }
    assert_ne!(run(2), first);
}
