//! Calls that are dropped: whenever that is, the next one has the right answer.

use super::{Lab, octets, secs, there};
use fairway_ftp::{Error, Name, Site};
use fairway_tests::ftp::{Config, FtpServer};

/// How many instants.
const INSTANTS: u32 = 200;

/// Drops `call` at as many instants of its life, on one client, whose next calls must go well each time. `after` looks
/// at what the server has.
fn dropped<T>(
    seed: u64,
    config: Config,
    call: impl AsyncFn(Site) -> Result<T, Error>,
    after: impl Fn(&FtpServer),
) {
    let lab = Lab::new(seed, config);
    let file = octets(20_000);
    let files = lab.server.files();
    files.put("/get", file.clone());
    files.put("/from", "one");
    lab.world.network.run(async {
        let client = lab.client(|_| {});
        let site = client.site(there());
        site.noop().await.unwrap();
        let start = lab.now();
        assert!(call(site.clone()).await.is_ok(), "undisturbed");
        let whole = lab.now() - start;
        for instant in 0..INSTANTS {
            files.remove("/to");
            files.put("/from", "one");
            let at = whole * instant / INSTANTS;
            let clock = lab.world.network.clock();
            // Whether it ended just before does not matter.
            drop(clock.timeout(at, call(site.clone())).await);
            let next = lab.now();
            let pwd = site.pwd().await.unwrap();
            assert_eq!(pwd, Name::from("/"), "dropped at {at:?} of {whole:?}");
            let got = site.get("get").bytes().await.unwrap();
            assert!(got == file, "dropped at {at:?}");
            let took = lab.now() - next;
            assert!(took < secs(6), "dropped at {at:?}: {took:?}");
            after(&lab.server);
        }
        // Those that were in the middle got back in step instead of being replaced.
        lab.wait(secs(30)).await;
        let connections = client.connections();
        assert_eq!(connections.busy, 0);
        assert!(connections.logins < 4, "{connections:?}");
    });
}

fn styles() -> [Config; 3] {
    [
        Config::new(),
        Config::new().like_vsftpd(),
        Config::new().like_pureftpd(),
    ]
}

#[test]
fn in_a_get() {
    for (seed, config) in (0..).zip(styles()) {
        dropped(
            seed,
            config,
            async |site| site.get("get").bytes().await,
            |_| {},
        );
    }
}

#[test]
fn in_a_put() {
    let file = octets(20_000);
    for (seed, config) in (10..).zip(styles()) {
        dropped(
            seed,
            config,
            async |site| site.put("to").bytes(&file).await,
            |server| {
                let there = server.files().read("/to").unwrap_or_default();
                assert!(file.starts_with(&there));
            },
        );
    }
}

#[test]
fn in_a_list() {
    for (seed, config) in (20..).zip(styles()) {
        dropped(seed, config, async |site| site.list(None).await, |_| {});
    }
}

#[test]
fn in_a_rename() {
    for (seed, config) in (30..).zip(styles()) {
        dropped(
            seed,
            config,
            async |site| site.rename("from", "to").await,
            |server| {
                let names = ["/from", "/to"];
                let there = names.map(|name| server.files().get(name).is_some());
                assert!(
                    there == [true, false] || there == [false, true],
                    "{there:?}"
                );
            },
        );
    }
}
