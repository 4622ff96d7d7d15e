//! Links that fail in the middle of a transfer, for shorter and for longer than anybody waits.

use super::{Lab, octets, secs};
use fairway_ftp::{ErrorKind, Limits, Phase};
use fairway_sim::BitsPerSec;
use fairway_tests::ftp::{Config, DataFault, Reply};
use std::time::Duration;

/// What is transferred: some eight seconds of it.
const LENGTH: usize = 1_000_000;

/// A lab with a slow line, whose clients begin again ten times.
fn lab(seed: u64) -> Lab {
    let lab = Lab::new(seed, Config::new());
    for direction in [lab.world.far.there(), lab.world.far.back()] {
        direction.set(|channel| channel.rate = Some(BitsPerSec::mega(1)));
    }
    lab
}

fn patient(limits: &mut Limits) {
    limits.retries = 10;
}

/// Takes the link down after three seconds, and up again after `outage`.
async fn cut(lab: &Lab, outage: Duration) {
    lab.wait(secs(3)).await;
    lab.world.far.down();
    lab.wait(outage).await;
    lab.world.far.up();
}

/// Half a minute is TCP's affair; three and five are ours.
const OUTAGES: [u64; 3] = [30, 170, 290];

#[test]
fn a_get_goes_on_where_it_was_cut() {
    for (seed, outage) in (0..).zip(OUTAGES) {
        let lab = lab(seed);
        lab.world.network.run(async {
            let file = octets(LENGTH);
            lab.server.files().put("/a", file.clone());
            let site = lab.client(patient).site(super::there());
            let get = site.get("a").check_size(true).to_file("/here");
            let (report, ()) = tokio::join!(get, cut(&lab, secs(outage)));
            let report = report.unwrap();
            assert_eq!(report.octets, LENGTH as u64, "{outage} s");
            assert_eq!(report.retries > 0, outage > 60, "{outage} s: {report:?}");
            assert!(lab.read("/here").await == file, "{outage} s");
            let again: u64 = lab
                .server
                .data_connections()
                .iter()
                .map(|data| data.sent)
                .sum();
            // What was under way is sent twice; the file is not.
            assert!(
                again < LENGTH as u64 * 3 / 2,
                "{outage} s: {again} octets sent"
            );
        });
    }
}

/// Before the first break nothing is known of the file but its announced size, of all of it or of what is left.
#[test]
fn a_file_replaced_before_the_first_break_is_noticed_by_its_announced_size() {
    let offset = 1000;
    for (from, announced, length, fits) in [
        (0, LENGTH, LENGTH, true),
        (offset, LENGTH, LENGTH, true),
        (offset, LENGTH - offset, LENGTH, true),
        (0, LENGTH, LENGTH + 1, false),
        (0, LENGTH, LENGTH - 1, false),
        (offset, LENGTH - offset, LENGTH + 1, false),
    ] {
        let lab = lab(50);
        let what = format!("from {from}, {announced} announced, {length} after the break");
        lab.world.network.run(async {
            lab.server.files().put("/a", octets(LENGTH));
            let opening = format!("150 Opening it ({announced} bytes).\r\n").into();
            lab.server
                .set(|config| config.rule("RETR", Some(1), Reply::Preliminary(opening)));
            let site = lab.client(patient).site(super::there());
            let get = site.get("a").from(from as u64).to_file("/here");
            let replace = async {
                lab.wait(secs(100)).await;
                lab.server.files().put("/a", octets(length));
            };
            let (result, (), ()) = tokio::join!(get, cut(&lab, secs(170)), replace);
            match result {
                Ok(report) => {
                    assert!(fits && report.retries > 0, "{what}");
                    assert_eq!(report.octets, (LENGTH - from) as u64, "{what}");
                }
                Err(error) => {
                    let changed = matches!(error.kind(), ErrorKind::Verify(_));
                    assert!(changed && !fits, "{what}: {error}");
                }
            }
        });
    }
}

/// Four connections, each with its megabyte, cut at once.
#[test]
fn a_get_in_segments_goes_on_where_it_was_cut() {
    for (seed, outage) in (40..).zip(OUTAGES) {
        let lab = lab(seed);
        lab.world.network.run(async {
            for direction in [lab.world.far.there(), lab.world.far.back()] {
                direction.set(|channel| channel.rate = Some(BitsPerSec::mega(4)));
            }
            let length = 4 << 20;
            let file = octets(length);
            lab.server.files().put("/a", file.clone());
            let site = lab.client(patient).site(super::there());
            let get = site.get("a").segments(4).to_file("/here");
            let (report, ()) = tokio::join!(get, cut(&lab, secs(outage)));
            let report = report.unwrap();
            assert_eq!(report.octets, length as u64, "{outage} s");
            assert_eq!(report.retries > 0, outage > 60, "{outage} s: {report:?}");
            assert!(lab.read("/here").await == file, "{outage} s");
            assert!(lab.server.counters().connections >= 4, "{outage} s");
        });
    }
}

#[test]
fn a_put_goes_on_where_it_was_cut() {
    for (seed, outage) in (10..).zip(OUTAGES) {
        let lab = lab(seed);
        lab.world.network.run(async {
            let file = octets(LENGTH);
            lab.write("/here", &file).await;
            // None of the file that replaces it.
            lab.server.files().put("/a", vec![b'z'; 10]);
            let site = lab.client(patient).site(super::there());
            let put = site.put("a").check_size(true).from_file("/here");
            let (report, ()) = tokio::join!(put, cut(&lab, secs(outage)));
            let report = report.unwrap();
            assert_eq!(report.retries > 0, outage > 60, "{outage} s: {report:?}");
            assert!(lab.server.files().read("/a").unwrap() == file, "{outage} s");
        });
    }
}

#[test]
fn an_append_goes_on_and_nothing_is_there_twice() {
    for (seed, outage) in (20..).zip(OUTAGES) {
        let lab = lab(seed);
        lab.world.network.run(async {
            let (before, file) = (octets(1000), octets(LENGTH));
            lab.write("/here", &file).await;
            lab.server.files().put("/a", before.clone());
            let site = lab.client(patient).site(super::there());
            let append = site.append("a").check_size(true).from_file("/here");
            let (report, ()) = tokio::join!(append, cut(&lab, secs(outage)));
            let report = report.unwrap();
            assert_eq!(report.retries > 0, outage > 60, "{outage} s: {report:?}");
            let expected = [before, file].concat();
            assert!(
                lab.server.files().read("/a").unwrap() == expected,
                "{outage} s"
            );
        });
    }
}

/// What never comes back is given up in a time that can be told: the data stood still, and each new attempt ran into the
/// time limit of connecting.
#[test]
fn a_link_that_stays_down_ends_the_call() {
    let lab = lab(30);
    lab.world.network.run(async {
        lab.server.files().put("/a", octets(LENGTH));
        let site = lab.client(|_| {}).site(super::there());
        let start = lab.now();
        let get = site.get("a").to_file("/here");
        let down = async {
            lab.wait(secs(3)).await;
            lab.world.far.down();
        };
        let (report, ()) = tokio::join!(get, down);
        let error = report.unwrap_err();
        let phase = Phase::Connect;
        assert!(
            matches!(error.kind(), ErrorKind::TimedOut { phase: p } if *p == phase),
            "{error:?}"
        );
        let took = lab.now() - start;
        // 3 s, 60 s of silence, and three times a wait and 30 s; what was under way takes a moment more.
        let expected = secs(3 + 60 + 1 + 30 + 2 + 30 + 4 + 30);
        assert!(
            took >= expected && took < expected + secs(2),
            "{took:?}, {expected:?}"
        );
    });
}

/// A partition in the middle of a conversation heals, and nobody has noticed.
#[test]
fn a_partition_that_heals_in_time_is_not_noticed() {
    let lab = lab(31);
    lab.world.network.run(async {
        for name in 0..500 {
            lab.server.files().put(format!("/{name:04}"), "x");
        }
        let client = lab.client(|_| {});
        let site = client.site(super::there());
        site.noop().await.unwrap();
        let network = &lab.world.network;
        network.partition(&[&lab.world.client], &[&lab.world.server]);
        let heal = async {
            lab.wait(secs(10)).await;
            network.heal();
        };
        let (list, pwd, ()) = tokio::join!(site.list(None), site.pwd(), heal);
        assert_eq!(list.unwrap().len(), 500);
        assert_eq!(pwd.unwrap(), fairway_ftp::Name::from("/"));
        // The second call needed a connection of its own.
        assert_eq!(client.connections().logins, 2);
    });
}

/// A server that writes elsewhere and renames at the end shows the old file as long as that takes: its size is not that
/// of what has arrived.
#[test]
fn a_put_does_not_go_on_behind_a_file_that_stays_until_the_end() {
    let config = Config::new()
        .on_nth("STOR", 1, Reply::Data(DataFault::ResetAt(400_000)))
        .on("SIZE", Reply::line("213 300000"));
    let lab = Lab::new(31, config);
    lab.world.network.run(async {
        lab.server.files().put("/f", vec![0; 300_000]);
        let file = octets(600_000);
        lab.write("/local", &file).await;
        let report = lab.site().put("f").from_file("/local").await.unwrap();
        assert_eq!((report.octets, report.retries), (600_000, 1));
        assert!(lab.server.files().read("/f").unwrap() == file);
        assert_eq!(lab.server.count("REST"), 0);
    });
}

/// A file that grows while it is got: what came is what there was, and who asks for the size to be checked is told.
#[test]
fn a_growing_file_is_noticed_by_who_asks() {
    let config = Config::new().on("SIZE", Reply::line("213 2000"));
    let lab = Lab::new(32, config);
    lab.world.network.run(async {
        lab.server.files().put("/f", vec![1; 1000]);
        let site = lab.site();
        assert_eq!(site.get("f").to_file("/a").await.unwrap().octets, 1000);
        let checked = site.get("f").check_size(true).to_file("/b").await;
        let error = checked.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Verify(_)), "{error}");
    });
}
