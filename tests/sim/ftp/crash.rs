//! Servers that crash and come back, with what they had on disk and nothing else.

use super::{Lab, octets, secs, serve, there};
use fairway_sim::BitsPerSec;
use fairway_tests::ftp::{Config, FtpServer};

impl Lab {
    /// The server's host fails, and is up again after a while, with its files.
    async fn crash(&self, down: std::time::Duration) -> FtpServer {
        let files = self.server.files();
        self.world.server.crash();
        self.wait(down).await;
        self.world.server.restart();
        serve(&self.world.server, Config::new(), files)
    }
}

/// The client learns of it by the reset that answers its next octets, and begins again.
#[test]
fn idle_connections_to_it_are_replaced_without_a_word() {
    let lab = Lab::new(1, Config::new());
    lab.world.network.run(async {
        let client = lab.client(|_| {});
        let site = client.site(there());
        site.mkdir("d").await.unwrap();
        site.cd("d").await.unwrap();
        site.put("a").bytes("one").await.unwrap();
        let again = lab.crash(secs(5)).await;
        // What may not happen twice is preceded by something that may.
        lab.wait(secs(10)).await;
        site.mkdir("e").await.unwrap();
        assert!(lab.server.files().get("/d/e").is_some());
        assert_eq!(again.count("MKD"), 1);
        assert_eq!(site.get("a").bytes().await.unwrap(), b"one");
        assert_eq!(client.connections().logins, 2);
    });
}

/// 256 sessions, all of them dead, all of them back.
#[test]
fn a_full_pool_comes_back() {
    let lab = Lab::new(2, Config::new());
    lab.world.network.run(async {
        let client = lab.client(|_| {});
        let site = client.site(there());
        let all = async || {
            let calls: Vec<_> = (0..256)
                .map(|_| {
                    let site = site.clone();
                    client.net().spawn(async move { site.noop().await })
                })
                .collect();
            for call in calls {
                call.await.unwrap().unwrap();
            }
        };
        all().await;
        assert_eq!(client.connections().idle, 256);
        assert_eq!(lab.server.counters().connections, 256);
        let again = lab.crash(secs(2)).await;
        all().await;
        assert_eq!(client.connections().busy, 0);
        // Calls that began late found one that another had made by then.
        let alive = client.connections().idle as u64;
        assert!(alive > 100, "{alive}");
        assert_eq!(again.counters().open, alive);
        assert_eq!(
            client.connections().logins,
            256 + again.counters().connections
        );
        client.close().await;
        lab.wait(secs(1)).await;
        assert_eq!(again.counters().open, 0);
    });
}

#[test]
fn transfers_that_a_crash_cut_go_on() {
    for seed in 3..6 {
        let lab = Lab::new(seed, Config::new());
        for direction in [lab.world.far.there(), lab.world.far.back()] {
            direction.set(|channel| channel.rate = Some(BitsPerSec::mega(4)));
        }
        lab.world.network.run(async {
            let file = octets(1_000_000);
            let expected = [octets(500), file.clone()].concat();
            lab.write("/here", &file).await;
            let client = lab.client(|limits| limits.retries = 6);
            let site = client.site(there());
            let crash = async {
                lab.wait(secs(1)).await;
                lab.crash(secs(20)).await
            };
            match seed {
                3 => {
                    lab.server.files().put("/a", file.clone());
                    let get = site.get("a").check_size(true).to_file("/there");
                    let (report, _again) = tokio::join!(get, crash);
                    assert!(report.unwrap().retries > 0);
                    assert!(lab.read("/there").await == file);
                }
                4 => {
                    let put = site.put("a").check_size(true).from_file("/here");
                    let (report, _again) = tokio::join!(put, crash);
                    assert!(report.unwrap().retries > 0);
                    assert!(lab.server.files().read("/a").unwrap() == file);
                }
                _ => {
                    lab.server.files().put("/a", octets(500));
                    let append = site.append("a").check_size(true).from_file("/here");
                    let (report, _again) = tokio::join!(append, crash);
                    assert!(report.unwrap().retries > 0);
                    assert!(lab.server.files().read("/a").unwrap() == expected);
                }
            }
        });
    }
}
