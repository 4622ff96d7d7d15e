//! From one server to another, past the client: through bad networks, and when either server fails in the middle.

use super::{millis, octets, secs, serve};
use fairway_ftp::{Client, Server, Side};
use fairway_sim::impair::{Chance, Delayed, Lost};
use fairway_sim::{BitsPerSec, Link, Network, Node};
use fairway_tests::ftp::{Config, Files, FtpServer};

/// client — router — source, target.
struct Three {
    source: FtpServer,
    target: FtpServer,
    network: Network,
    client: Node,
    hosts: [Node; 2],
    links: [Link; 2],
}

impl Three {
    fn new(seed: u64) -> Self {
        let network = Network::new(seed);
        let client = network.node("client");
        let hosts = ["source", "target"].map(|name| network.node(name));
        let router = network.router("router");
        network.link(&client, &router).delay(millis(5)).connect();
        let links = hosts.each_ref().map(|host| {
            let link = network.link(&router, host).delay(millis(5));
            link.rate(BitsPerSec::mega(4)).connect()
        });
        network.route_all();
        let [source, target] = hosts
            .each_ref()
            .map(|host| serve(host, Config::new(), Files::new()));
        Self {
            source,
            target,
            network,
            client,
            hosts,
            links,
        }
    }
}

fn at(host: &str) -> Server {
    Server::new(host).login("u1", "secret")
}

#[test]
fn a_copy_is_octet_equal_through_a_bad_network() {
    let lab = Three::new(1);
    for link in &lab.links {
        for direction in [link.there(), link.back()] {
            direction.add_fault(Lost(Chance::from(0.05)));
            direction.add_fault(Delayed(Chance::from(0.10), millis(20)));
        }
    }
    lab.network.run(async {
        let file = octets(300_000);
        lab.source.files().put("/a", file.clone());
        let client = Client::new(lab.client.net());
        let (source, target) = (client.site(at("source")), client.site(at("target")));
        client
            .copy((&source, "a"), (&target, "b"))
            .run()
            .await
            .unwrap();
        assert!(lab.target.files().read("/b").unwrap() == file);
    });
}

/// Nothing that is not the whole file is called a success, the call ends in time, and the next one works.
#[test]
fn a_crash_of_either_server_is_told_and_survived() {
    for side in [Side::Source, Side::Target] {
        for (seed, instant) in (10..).zip([50, 120, 180, 300, 1000, 2000]) {
            let lab = Three::new(seed);
            lab.network.run(async {
                let file = octets(1_000_000);
                lab.source.files().put("/a", file.clone());
                let client = Client::new(lab.client.net());
                let (source, target) = (client.site(at("source")), client.site(at("target")));
                let clock = lab.network.clock();
                let copy = || client.copy((&source, "a"), (&target, "b")).run();
                let crash = async {
                    clock.sleep(millis(instant)).await;
                    let [first, second] = &lab.hosts;
                    let (host, server) = match side {
                        Side::Source => (first, &lab.source),
                        Side::Target => (second, &lab.target),
                    };
                    host.crash();
                    clock.sleep(secs(5)).await;
                    host.restart();
                    serve(host, Config::new(), server.files())
                };
                let start = lab.network.now();
                let both = async { tokio::join!(copy(), crash) };
                let (copied, _again) = clock.timeout(secs(600), both).await.expect("an end");
                let took = lab.network.now() - start;
                assert!(took < secs(200), "{side:?} at {instant}: {took:?}");
                if copied.is_ok() {
                    let there = lab.target.files().read("/b").unwrap();
                    assert!(there == file, "{side:?} at {instant}");
                }
                copy().await.unwrap();
                let there = lab.target.files().read("/b").unwrap();
                assert!(there == file, "{side:?} at {instant}");
                clock.sleep(secs(60)).await;
                assert_eq!(client.connections().busy, 0, "{side:?} at {instant}");
            });
        }
    }
}
