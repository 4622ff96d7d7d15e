//! Time limits, each at its time; and the rate limit.

use super::{Lab, millis, octets, secs, there};
use fairway_ftp::{DataMode, Error, ErrorKind, Phase};
use fairway_sim::impair::{Verdict, When};
use fairway_stack::Instant;
use fairway_tests::ftp::{Config, DataFault, Reply};
use std::time::Duration;

/// What became of a call, and how long it took.
async fn timed<T: std::fmt::Debug>(
    lab: &Lab,
    call: impl Future<Output = Result<T, Error>>,
) -> (Error, Duration) {
    let start = lab.now();
    let error = call.await.unwrap_err();
    (error, lab.now() - start)
}

#[track_caller]
fn late(error: &Error, phase: Phase) {
    assert!(
        matches!(error.kind(), ErrorKind::TimedOut { phase: of } if *of == phase),
        "{error:?}"
    );
}

/// `Limits::connect`: 30 s, to the nanosecond.
#[test]
fn of_connecting() {
    let lab = Lab::new(1, Config::new());
    // Not a link that is down: the router would say so.
    lab.world
        .far
        .there()
        .add_fault(When(|frame: &fairway_sim::Frame<'_>| match frame.tcp() {
            Some(_) => Verdict::Drop,
            None => Verdict::Pass,
        }));
    lab.world.network.run(async {
        let site = lab.site();
        let (error, took) = timed(&lab, site.noop()).await;
        late(&error, Phase::Connect);
        assert_eq!(took, secs(30));
    });
}

/// `Limits::reply`: 60 s from the moment the command is sent, for the greeting and for every command.
#[test]
fn of_a_reply() {
    let lab = Lab::new(2, Config::new().on("PWD", Reply::Nothing));
    lab.world.network.run(async {
        let site = lab.site();
        site.noop().await.unwrap();
        let (error, took) = timed(&lab, site.pwd()).await;
        late(&error, Phase::Reply);
        assert_eq!(took, secs(60));
        // The next call has another connection, and waits for nothing.
        let start = lab.now();
        site.noop().await.unwrap();
        assert!(lab.now() - start < secs(1));
    });
    let lab = Lab::new(3, Config::new().with(|config| config.greeting = None));
    lab.world.network.run(async {
        let (error, took) = timed(&lab, lab.site().noop()).await;
        // A server that says nothing is none.
        late(&error, Phase::Connect);
        // The connection took one way there and back, and who has which address one more.
        assert!(took > secs(60) && took < secs(60) + millis(50), "{took:?}");
    });
}

/// `Limits::data_connection`: 15 s for each way that is tried.
#[test]
fn of_a_data_connection() {
    let lab = Lab::new(4, Config::new());
    let passive = When(|frame: &fairway_sim::Frame<'_>| {
        let data = frame
            .tcp()
            .is_some_and(|(header, _, _)| header.destination_port != 21);
        if data { Verdict::Drop } else { Verdict::Pass }
    });
    lab.world.far.there().add_fault(passive);
    lab.world.network.run(async {
        let client = lab.client(|_| {});
        let site = client.site(there().data_mode(DataMode::Passive));
        site.noop().await.unwrap();
        let (error, took) = timed(&lab, site.list(None)).await;
        assert!(
            matches!(error.kind(), ErrorKind::DataConnection { .. }),
            "{error:?}"
        );
        // EPSV and PASV, 15 s each, and the conversation.
        assert!(
            took >= secs(30) && took <= secs(30) + millis(200),
            "{took:?}"
        );
        site.noop().await.unwrap();
        assert_eq!(client.connections().logins, 1, "in step");
    });
}

/// `Limits::data_idle`: 60 s from the last octet on.
#[test]
fn of_silence_in_a_transfer() {
    let stall = Config::new().on("RETR", Reply::Data(DataFault::StallAt(1000)));
    let lab = Lab::new(5, stall);
    lab.server.files().put("/a", octets(5000));
    lab.world.network.run(async {
        let client = lab.client(|_| {});
        let site = client.site(there());
        use tokio::io::AsyncReadExt as _;
        let mut download = site.get("a").reader().await.unwrap();
        let mut part = vec![0; 1000];
        download.read_exact(&mut part).await.unwrap();
        let last = lab.now();
        let error = download.finish().await.unwrap_err();
        late(&error, Phase::DataIdle);
        assert_eq!(lab.now() - last, secs(60));
        site.noop().await.unwrap();
        assert_eq!(client.connections().logins, 1, "in step");
    });
}

/// `Limits::pool_wait`: 60 s.
#[test]
fn of_a_free_connection() {
    let lab = Lab::new(6, Config::new());
    lab.server.files().put("/a", octets(5000));
    lab.world.network.run(async {
        let client = lab.client(|limits| limits.connections = 1);
        let site = client.site(there());
        let download = site.get("a").reader().await.unwrap();
        let (error, took) = timed(&lab, site.noop()).await;
        assert!(
            matches!(error.kind(), ErrorKind::PoolFull { limit: 1 }),
            "{error:?}"
        );
        assert_eq!(took, secs(60));
        // And one that becomes free is had at once.
        let free = async {
            lab.wait(secs(30)).await;
            download.finish().await.unwrap();
            lab.now()
        };
        let call = async {
            site.noop().await.unwrap();
            lab.now()
        };
        let (freed, had): (Instant, Instant) = tokio::join!(free, call);
        assert!(had - freed < millis(100), "{:?}", had - freed);
    });
}

/// 1 MiB at 64 KiB a second: 16 s, within 2 %.
#[test]
fn a_rate_is_kept() {
    let lab = Lab::new(7, Config::new());
    lab.world.network.run(async {
        let file = octets(1 << 20);
        lab.write("/here", &file).await;
        let site = lab.site();
        site.noop().await.unwrap();
        let near = |report: &fairway_ftp::Report| {
            let time = report.time.as_secs_f64();
            assert!((time - 16.0).abs() < 0.32, "{time} s");
        };
        near(&site.put("a").rate(64 << 10).bytes(&file).await.unwrap());
        near(
            &site
                .put("a")
                .rate(64 << 10)
                .from_file("/here")
                .await
                .unwrap(),
        );
        near(
            &site
                .get("a")
                .rate(64 << 10)
                .to_file("/there")
                .await
                .unwrap(),
        );
        assert!(lab.read("/there").await == file);
        let mut sink = Vec::new();
        let report = site.get("a").rate(64 << 10).to_writer(&mut sink).await;
        near(&report.unwrap());
        assert!(sink == file);
    });
}
