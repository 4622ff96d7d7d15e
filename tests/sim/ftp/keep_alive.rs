//! An hour for one file: the control connection is kept alive, whatever the server makes of that.

use super::{Lab, octets, secs, there};
use fairway_tests::ftp::{Config, NoopStyle, Reply};

#[test]
fn a_slow_transfer_is_not_lost_to_a_server_that_answers_late_at_once_or_never() {
    let late = Config::new();
    let at_once = late.clone().like_pureftpd();
    let fine = late
        .clone()
        .with(|config| config.noop = NoopStyle::AtOnce("200 Zzz".into()));
    let never = late.clone().on("NOOP", Reply::Nothing);
    for (seed, config) in (0..).zip([late, at_once, fine, never]) {
        // An hour: a hundred octets each twenty seconds.
        let lab = Lab::new(
            seed,
            config.with(|config| config.pace = Some((100, secs(20)))),
        );
        lab.world.network.run(async {
            let file = octets(18_000);
            lab.server.files().put("/a", file.clone());
            let client = lab.client(|_| {});
            let site = client.site(there());
            let start = lab.now();
            let report = site.get("a").to_file("/here").await.unwrap();
            assert!(lab.read("/here").await == file, "{seed}");
            assert_eq!(report.retries, 0, "{seed}");
            let took = lab.now() - start;
            assert!(took >= secs(3570) && took < secs(3610), "{seed}: {took:?}");
            // One is out at a time: who answers late or never is asked once.
            let noops = lab.server.count("NOOP");
            let expected = if matches!(seed, 1 | 2) {
                110..=121
            } else {
                1..=1
            };
            assert!(expected.contains(&noops), "{seed}: {noops}");
            // In step, or replaced.
            assert_eq!(
                site.pwd().await.unwrap(),
                fairway_ftp::Name::from("/"),
                "{seed}"
            );
            let logins = if seed == 3 { 2 } else { 1 };
            assert_eq!(client.connections().logins, logins, "{seed}");
        });
    }
}

/// The same in the other direction, at a rate that we keep.
#[test]
fn a_slow_put_is_kept_alive() {
    for (seed, config) in (10..).zip([Config::new(), Config::new().like_pureftpd()]) {
        let lab = Lab::new(seed, config);
        lab.world.network.run(async {
            let file = octets(36_000);
            let client = lab.client(|_| {});
            let site = client.site(there());
            let report = site.put("a").rate(10).bytes(&file).await.unwrap();
            assert!(
                report.time >= secs(3590) && report.time < secs(3610),
                "{report:?}"
            );
            assert!(lab.server.files().read("/a").unwrap() == file);
            assert_eq!(client.connections().logins, 1);
            assert!(lab.server.count("NOOP") >= 1, "{seed}");
            assert_eq!(site.size("a").await.unwrap(), 36_000);
        });
    }
}
