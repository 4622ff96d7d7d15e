//! STK-G26: what a seed gives, it gives again.

use super::{Lab, octets, there};
use fairway_ftp::Client;
use fairway_tests::ftp::Config;

#[test]
fn the_same_seed_gives_the_same_packets() {
    let run = |seed| {
        let lab = Lab::new(seed, Config::new());
        lab.world.spoil();
        let capture = lab.world.network.capture_all();
        let net = lab.world.client.net();
        lab.world.network.run(async {
            let clients = [Client::new(net.clone()), Client::new(net.clone())];
            let work = clients.iter().zip(["a", "b"]).map(|(client, name)| {
                let site = client.site(there());
                net.spawn(async move {
                    let file = octets(5000);
                    site.put(name).bytes(&file).await.unwrap();
                    let (got, list) = tokio::join!(site.get(name).bytes(), site.list(None));
                    assert!(got.unwrap() == file);
                    assert!(!list.unwrap().is_empty());
                })
            });
            for task in work.collect::<Vec<_>>() {
                task.await.unwrap();
            }
            for client in clients {
                client.close().await;
            }
        });
        (capture.hash(), lab.world.network.fingerprint())
    };
    let first = run(1);
    for _ in 0..20 {
        assert_eq!(run(1), first);
    }
    assert_ne!(run(2), first);
}
