//! Data connections that the server makes, through a router.

use super::{Lab, octets, there};
use fairway_ftp::DataMode;
use fairway_tests::ftp::Config;
use fairway_wire::tcp::Flags;

/// RFC 2428 §2, and `PORT` where the server has no `EPRT`.
#[test]
fn the_server_reaches_us_across_the_router() {
    for (seed, config, verb) in [
        (1, Config::new(), "EPRT"),
        (2, Config::new().without(&["EPRT"]), "PORT"),
    ] {
        let lab = Lab::new(seed, config);
        lab.world.network.run(async {
            let client = lab.client(|_| {});
            let site = client.site(there().data_mode(DataMode::Active));
            let file = octets(100_000);
            site.put("a").bytes(&file).await.unwrap();
            assert!(site.get("a").bytes().await.unwrap() == file);
            assert_eq!(site.list(None).await.unwrap().len(), 1);
            let data = lab.server.data_connections();
            assert!(data.len() == 3 && data.iter().all(|data| data.active));
            let client = lab.world.client.address();
            assert!(data.iter().all(|data| data.peer.ip() == client));
            assert!(lab.server.count(verb) >= 3);
        });
    }
}

/// What works is tried first the next time: one time limit is spent, not two.
#[test]
fn where_we_cannot_reach_the_server_it_reaches_us() {
    use fairway_sim::impair::{Verdict, When};
    let lab = Lab::new(3, Config::new());
    // A firewall before the server: port 21 and what belongs to connections made from behind it.
    lab.world
        .far
        .there()
        .add_fault(When(|frame: &fairway_sim::Frame<'_>| {
            let closed = frame.tcp().is_some_and(|(header, _, _)| {
                header.destination_port != 21
                    && header.flags.contains(Flags::SYN)
                    && !header.flags.contains(Flags::ACK)
            });
            if closed { Verdict::Drop } else { Verdict::Pass }
        }));
    lab.world.network.run(async {
        let site = lab.site();
        let start = lab.now();
        site.put("a").bytes("one").await.unwrap();
        let first = lab.now() - start;
        assert!(
            first > super::secs(30) && first < super::secs(31),
            "{first:?}"
        );
        let start = lab.now();
        assert_eq!(site.get("a").bytes().await.unwrap(), b"one");
        assert!(lab.now() - start < super::secs(1));
    });
}
