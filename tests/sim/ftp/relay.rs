//! Files from one FTP server to another, with servers that say no, lie, fall silent and break off.

use fairway_ftp::{
    Client, Error, ErrorKind, Limits, Orientation, Protection, Relay, RelayReport, Server, Side,
    Site, Tls, Verified, Verify, tls::TlsOptions, verify::Algorithm,
};
use fairway_sim::{Network, Node};
use fairway_stack::Instant;
use fairway_tests::ftp::{
    Certificate, Config, DataFault, Foreign, FtpServer, Passive, Reply, Tls as ServerTls,
};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SIZE: usize = 100_000;

/// A client and two servers around a router.
struct World {
    network: Network,
    client: Node,
    source: Node,
    target: Node,
}

/// What a test works with.
struct Bench {
    client: Client,
    source: FtpServer,
    target: FtpServer,
    from: Site,
    to: Site,
}

impl World {
    fn new(seed: u64) -> Self {
        let network = Network::new(seed);
        let [client, source, target] =
            ["client", "source", "target"].map(|name| network.node(name));
        let router = network.router("router");
        for node in [&client, &source, &target] {
            network
                .link(node, &router)
                .delay(Duration::from_millis(5))
                .connect();
        }
        network.route_all();
        Self {
            network,
            client,
            source,
            target,
        }
    }

    /// Runs `body` with these servers; the source has `/f`, the target another.
    fn run<T>(
        &self,
        source: Config,
        target: Config,
        limits: Limits,
        body: impl AsyncFnOnce(Bench) -> T,
    ) -> T {
        self.network.run(async {
            let start = |node: &Node, config: Config| {
                FtpServer::start(&node.net(), config.listen((node.address(), 21))).unwrap()
            };
            let secure = [source.tls.is_some(), target.tls.is_some()];
            let (source, target) = (start(&self.source, source), start(&self.target, target));
            source.files().put("/f", octets());
            target.files().put("/f", "what was there");
            let client = Client::with_limits(self.client.net(), limits);
            let site = |node: &Node, secure: bool| {
                let server = Server::new(node.address().to_string()).login("u1", "secret");
                let options = TlsOptions::new().dangerous_accept_any_certificate(true);
                client.site(if secure {
                    server.tls(Tls::Explicit).tls_options(options)
                } else {
                    server
                })
            };
            let (from, to) = (site(&self.source, secure[0]), site(&self.target, secure[1]));
            body(Bench {
                client,
                source,
                target,
                from,
                to,
            })
            .await
        })
    }
}

/// With servers as they are by default.
fn run<T>(source: Config, target: Config, body: impl AsyncFnOnce(Bench) -> T) -> T {
    World::new(959).run(source, target, Limits::default(), body)
}

impl Bench {
    fn relay(&self) -> Relay {
        self.client.copy((&self.from, "f"), (&self.to, "f"))
    }

    async fn copy(&self) -> Result<RelayReport, Error> {
        self.relay().run().await
    }

    fn now(&self) -> Instant {
        self.client.net().clock().now()
    }

    fn is_copied(&self) -> bool {
        self.target.files().read("/f").unwrap() == octets()
    }

    fn is_untouched(&self) -> bool {
        self.target.files().read("/f").unwrap() == b"what was there"
    }

    /// Both sites answer.
    async fn assert_usable(&self) {
        self.from.noop().await.unwrap();
        self.to.noop().await.unwrap();
        assert_eq!(self.from.size("f").await.unwrap(), SIZE as u64);
    }
}

fn octets() -> Vec<u8> {
    (0..=250).cycle().take(SIZE).collect()
}

/// What was said on the last connection, from the first setting or passive command on.
fn said(server: &FtpServer) -> Vec<String> {
    let all = server.commands(0);
    let at = all.iter().position(|line| line.starts_with("TYPE"));
    all[at.unwrap_or(0)..].to_vec()
}

fn kind(error: &Error) -> &ErrorKind {
    match error.kind() {
        ErrorKind::Relay { error, .. } => error.kind(),
        kind => kind,
    }
}

#[test]
fn octets_go_from_server_to_server_alone() {
    run(Config::new(), Config::new(), async |bench| {
        let report = bench.copy().await.unwrap();
        assert!(bench.is_copied());
        assert_eq!(
            (report.octets, report.verified, report.tries),
            (Some(SIZE as u64), Verified::Size, 1)
        );
        assert_eq!(report.orientation, Orientation::SourcePassive);
        assert_eq!(said(&bench.source), ["TYPE I", "EPSV", "RETR f"]);
        let port = bench.source.data_connections()[0].local.port();
        let address = bench.source.address().ip();
        let there = format!("EPRT |1|{address}|{port}|");
        let all = said(&bench.target);
        assert_eq!(all, ["TYPE I", "SIZE f", &there, "STOR f", "SIZE f"]);
        let connections = [
            bench.source.data_connections(),
            bench.target.data_connections(),
        ];
        assert_eq!(connections.each_ref().map(Vec::len), [1, 1]);
        assert_eq!(connections[0][0].peer, connections[1][0].local);
        assert_eq!(bench.client.connections().logins, 2);
    });
}

// Servers that do not know EPSV and EPRT.
#[test]
fn older_commands_do_as_well() {
    let old = || Config::new().without(&["EPSV", "EPRT"]);
    run(old(), old(), async |bench| {
        bench.copy().await.unwrap();
        assert!(bench.is_copied());
        assert_eq!(
            (bench.source.count("PASV"), bench.target.count("PORT")),
            (1, 1)
        );
    });
}

// What MLST and SIZE cannot prove, RETR can: the target has not been told yet.
#[test]
fn a_refused_source_leaves_the_target_as_it_was() {
    let refusing = Config::new().on("RETR", Reply::line("550 not for you"));
    run(refusing, Config::new(), async |bench| {
        let error = bench.copy().await.unwrap_err();
        assert_eq!(
            (error.side(), error.number().name()),
            (Some(Side::Source), "FTPCOMMAND")
        );
        assert!(error.is_not_found() && bench.is_untouched(), "{error}");
        assert_eq!(bench.target.count("STOR"), 0);
        bench.assert_usable().await;
    });
    for config in [Config::new(), Config::new().without(&["MLST", "MLSD"])] {
        run(config, Config::new(), async |bench| {
            let missing = bench
                .client
                .copy((&bench.from, "missing"), (&bench.to, "f"));
            let error = missing
                .orientation(Orientation::TargetPassive)
                .run()
                .await
                .unwrap_err();
            assert!(error.is_not_found() && bench.is_untouched(), "{error}");
            let root = bench
                .client
                .copy((&bench.from, "/"), (&bench.to, "f"))
                .run()
                .await;
            let error = root.unwrap_err();
            assert!(matches!(kind(&error), ErrorKind::Unsupported(_)), "{error}");
            assert!(bench.is_untouched());
        });
    }
}

#[test]
fn a_target_that_takes_no_foreign_address_listens_instead() {
    let strict = |foreign| Config::new().with(|config| config.foreign = foreign);
    run(Config::new(), strict(Foreign::OnlyPassive), async |bench| {
        let report = bench.copy().await.unwrap();
        assert!(bench.is_copied());
        assert_eq!(
            (report.orientation, report.tries),
            (Orientation::TargetPassive, 2)
        );
        // And is remembered to.
        let report = bench.copy().await.unwrap();
        assert_eq!(
            (report.orientation, report.tries),
            (Orientation::TargetPassive, 1)
        );
        assert_eq!(bench.client.connections().logins, 2);
    });
}

#[test]
fn servers_that_refuse_each_other_fail_in_time_and_stay_usable() {
    for foreign in [Foreign::Refused, Foreign::Ignored] {
        let strict = || Config::new().with(|config| config.foreign = foreign);
        let open = Config::new;
        for (source, target) in [(open(), strict()), (strict(), open()), (strict(), strict())] {
            run(source, target, async |bench| {
                let begun = bench.now();
                let error = bench.copy().await.unwrap_err();
                assert!(
                    matches!(error.number().name(), "FTPPROXYTHIRD" | "FTPDATACONN"),
                    "{error}"
                );
                assert!(error.to_string().contains("the other way round"), "{error}");
                let took = bench.now() - begun;
                assert!(took < Duration::from_secs(50), "{took:?}: {error}");
                bench.assert_usable().await;
            });
        }
    }
}

// Once an append has been told to the target, nobody knows what it did with it.
#[test]
fn an_append_is_told_once() {
    let strict = Config::new().with(|config| config.foreign = Foreign::Refused);
    run(strict, Config::new(), async |bench| {
        let error = bench.relay().append().run().await.unwrap_err();
        assert_eq!(bench.target.count("APPE"), 1, "{error}");
        let error = bench.relay().unique().run().await.unwrap_err();
        assert_eq!(bench.target.count("STOU"), 1, "{error}");
    });
    run(Config::new(), Config::new(), async |bench| {
        let report = bench.relay().append().run().await.unwrap();
        assert_eq!(
            (report.octets, report.verified),
            (Some(SIZE as u64), Verified::Size)
        );
        let whole = bench.target.files().read("/f").unwrap();
        assert_eq!(whole.len(), SIZE + "what was there".len());
        let report = bench.relay().unique().run().await.unwrap();
        let name = report.name.unwrap();
        assert_eq!(
            bench.target.files().read(format!("/{name}")).unwrap(),
            octets()
        );
    });
}

// Pure-FTPd says 226 for nothing; so do others for a part.
#[test]
fn a_success_of_too_few_octets_is_an_error() {
    for arrived in [0, 10] {
        let lying = Config::new()
            .on("STOR", Reply::Data(DataFault::CloseAt(arrived)))
            .on(
                "STOR",
                Reply::Final(b"226 File successfully transferred\r\n".to_vec()),
            );
        let blind = Config::new().on("RETR", Reply::Final(b"226 done\r\n".to_vec()));
        run(blind, lying, async |bench| {
            let error = bench.copy().await.unwrap_err();
            assert!(matches!(kind(&error), ErrorKind::Verify(_)), "{error}");
            assert_eq!(
                (error.side(), error.number().name()),
                (Some(Side::Target), "FTPABORT")
            );
        });
    }
}

// What ProFTPD does to TLS 1.3 as its client and source, and how two servers put it (tests/interop/ftp/fxp.rs).
#[test]
fn what_the_source_cuts_short_as_the_client_of_tls_is_an_error_that_says_so() {
    let tls = |absent: &[&str]| {
        let certificate = Certificate::new(&["localhost"]);
        Config::new()
            .without(absent)
            .with(|config| config.tls = Some(ServerTls::new(certificate)))
    };
    for last in ["426 Failure reading network stream.", "226 All there"] {
        let source = tls(&[])
            .on("RETR", Reply::Data(DataFault::CloseAt(1000)))
            .on("RETR", Reply::Final(b"226 Sent\r\n".to_vec()));
        let target = tls(&["SSCN", "CPSV"]).on("STOR", Reply::Final(format!("{last}\r\n").into()));
        run(source, target, async |bench| {
            let relay = bench.relay().orientation(Orientation::SourcePassive);
            let error = relay.run().await.unwrap_err();
            match kind(&error) {
                ErrorKind::Aborted { .. } => assert!(last.starts_with("426"), "{error}"),
                ErrorKind::Verify(_) => assert!(last.starts_with("226"), "{error}"),
                _ => panic!("{error}"),
            }
            assert_eq!(error.side(), Some(Side::Target), "{error}");
            assert!(error.to_string().contains("tickets of TLS 1.3"), "{error}");
            bench.assert_usable().await;
        });
    }
}

#[test]
fn what_breaks_in_the_middle_is_told_of_the_side_that_broke() {
    let breaking = |fault| Config::new().on("RETR", Reply::Data(fault));
    for fault in [
        DataFault::CloseAt(1000),
        DataFault::ResetAt(1000),
        DataFault::AllCloseAt(1000),
    ] {
        run(breaking(fault), Config::new(), async |bench| {
            let begun = bench.now();
            let error = bench.copy().await.unwrap_err();
            assert!(matches!(kind(&error), ErrorKind::Aborted { .. }), "{error}");
            assert!(bench.now() - begun < Duration::from_secs(20), "{error}");
            if !matches!(fault, DataFault::ResetAt(_)) {
                assert_eq!(error.side(), Some(Side::Source), "{error}");
            }
            bench.source.set(Config::forget_rules);
            bench.copy().await.unwrap();
            assert!(bench.is_copied());
        });
    }
}

#[test]
fn a_transfer_that_stands_still_is_given_up() {
    let stalling = Config::new().on("RETR", Reply::Data(DataFault::StallAt(1000)));
    run(stalling, Config::new(), async |bench| {
        let begun = bench.now();
        let error = bench.copy().await.unwrap_err();
        assert!(matches!(kind(&error), ErrorKind::Aborted { .. }), "{error}");
        let took = bench.now() - begun;
        assert!(
            took > Duration::from_secs(59) && took < Duration::from_secs(130),
            "{took:?}"
        );
        bench.source.set(Config::forget_rules);
        bench.copy().await.unwrap();
        let limited = bench
            .relay()
            .time_limit(Duration::from_millis(15))
            .run()
            .await;
        assert_eq!(
            limited.unwrap_err().to_string(),
            "no answer: the whole call took longer than its time limit"
        );
        bench.assert_usable().await;
    });
}

#[test]
fn progress_is_seen_from_outside() {
    let slow = Config::new().with(|config| config.pace = Some((1000, Duration::from_millis(100))));
    run(slow, Config::new(), async |bench| {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&seen);
        let relay = bench.relay().progress(Arc::new(move |progress| {
            sink.lock().unwrap().push((progress.octets, progress.total));
        }));
        relay.run().await.unwrap();
        let seen = seen.lock().unwrap();
        assert!(seen.len() > 5 && seen.is_sorted(), "{seen:?}");
        assert_eq!(seen.last(), Some(&(SIZE as u64, Some(SIZE as u64))));
        assert_eq!(bench.client.connections().logins, 3);
        // 10 s at 1000 octets each tenth of one: kept alive twice, if that were asked for more often.
        assert_eq!(bench.source.count("NOOP"), 0);
    });
}

#[test]
fn both_control_connections_are_kept_alive() {
    let slow = Config::new().with(|config| config.pace = Some((1000, Duration::from_secs(1))));
    run(slow, Config::new(), async |bench| {
        bench.copy().await.unwrap();
        assert!(bench.is_copied());
        assert!(bench.source.count("NOOP") >= 1 && bench.target.count("NOOP") >= 1);
        bench.assert_usable().await;
    });
}

#[test]
fn a_copy_that_is_dropped_is_broken_off_on_both_sides() {
    let slow = Config::new().with(|config| config.pace = Some((1000, Duration::from_secs(1))));
    run(slow, Config::new(), async |bench| {
        let clock = bench.client.net().clock();
        let copy = clock.timeout(Duration::from_secs(5), bench.copy()).await;
        assert!(copy.is_err());
        bench.assert_usable().await;
        assert_eq!(
            (bench.source.count("ABOR"), bench.target.count("ABOR")),
            (1, 1)
        );
        assert_eq!(bench.client.connections().logins, 2);
    });
}

// Two places are taken in one step, so that nobody waits for whom waits for him.
#[test]
fn more_copies_than_connections_do_not_wait_for_each_other() {
    let mut limits = Limits::default();
    limits.connections = 3;
    World::new(4).run(Config::new(), Config::new(), limits, async |bench| {
        let net = bench.client.net().clone();
        let copies: Vec<_> = (0..8)
            .map(|number| {
                let there = format!("copy{number}");
                let back = number % 2 == 1;
                let relay = if back {
                    bench.client.copy((&bench.to, "f"), (&bench.from, there))
                } else {
                    bench.client.copy((&bench.from, "f"), (&bench.to, there))
                };
                net.spawn(relay.run())
            })
            .collect();
        for copy in copies {
            copy.await.unwrap().unwrap();
        }
        assert!(bench.client.connections().idle <= 3);
    });
    let mut limits = Limits::default();
    limits.connections = 1;
    World::new(5).run(Config::new(), Config::new(), limits, async |bench| {
        let error = bench.copy().await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::PoolFull { limit: 1 }),
            "{error}"
        );
    });
}

// GHSA-w8c5-q2xf-gf7c: what a server claims is not passed on.
#[test]
fn a_claimed_address_is_not_passed_on_unless_it_is_to_be_believed() {
    let lying = || {
        Config::new().without(&["EPSV"]).with(|config| {
            config.pasv = Passive::Address("192.0.2.77".parse().unwrap());
        })
    };
    run(lying(), Config::new(), async |bench| {
        bench.copy().await.unwrap();
        assert!(bench.is_copied());
        let believed = bench.from.server().clone().trust_passive_address(true);
        let believing = bench.client.site(believed);
        let relay = bench.client.copy((&believing, "f"), (&bench.to, "f"));
        let relay = relay.orientation(Orientation::SourcePassive);
        relay.run().await.unwrap_err();
        let all = bench.target.all_commands();
        let told: Vec<_> = all
            .iter()
            .filter(|command| command.verb == "EPRT")
            .collect();
        assert!(!told[0].text().contains("192.0.2.77") && told[1].text().contains("192.0.2.77"));
    });
    let service = Config::new().with(|config| {
        config.epsv = Passive::Port(25);
        config.pasv = Passive::Port(25);
    });
    run(service, Config::new(), async |bench| {
        let report = bench.copy().await.unwrap();
        assert_eq!(
            (report.orientation, report.tries),
            (Orientation::TargetPassive, 2)
        );
        assert_eq!(bench.target.count("EPRT"), 0);
    });
}

#[test]
fn without_sizes_there_is_only_the_word_of_both() {
    let without = || Config::new().without(&["SIZE", "MLST", "MLSD", "MDTM"]);
    run(without(), without(), async |bench| {
        let report = bench.copy().await.unwrap();
        assert_eq!((report.verified, report.octets), (Verified::No, None));
        assert!(bench.is_copied());
    });
}

#[test]
fn hashes_are_compared_where_both_have_them() {
    run(Config::new(), Config::new(), async |bench| {
        let report = bench.relay().verify(Verify::Hash).run().await.unwrap();
        assert_eq!(report.verified, Verified::Hash(Algorithm::Sha256));
    });
    let other = format!("213 SHA-256 0-9 {} f", "ab".repeat(32));
    let wrong = Config::new().on("HASH", Reply::line(&other));
    run(Config::new(), wrong, async |bench| {
        let error = bench.relay().verify(Verify::Hash).run().await.unwrap_err();
        assert!(matches!(kind(&error), ErrorKind::Verify(_)), "{error}");
    });
}

#[test]
fn idle_connections_that_died_are_replaced() {
    run(Config::new(), Config::new(), async |bench| {
        bench.copy().await.unwrap();
        bench.source.close_connections();
        bench.copy().await.unwrap();
        bench.target.close_connections();
        bench
            .client
            .net()
            .clock()
            .sleep(Duration::from_secs(1))
            .await;
        bench.copy().await.unwrap();
        assert_eq!(bench.client.connections().logins, 4);
    });
}

#[test]
fn a_target_that_is_not_there_is_the_missing_primary() {
    run(Config::new(), Config::new(), async |bench| {
        let nobody = bench.client.site(bench.to.server().clone().on_port(22));
        let relay = bench.client.copy((&bench.from, "f"), (&nobody, "f"));
        let error = relay.run().await.unwrap_err();
        assert_eq!(
            (error.side(), error.number().name()),
            (Some(Side::Target), "FTPNOPRIMARY")
        );
    });
}

#[test]
fn private_data_stays_private() {
    let tls = |absent: &[&str]| {
        let certificate = Certificate::new(&["localhost"]);
        Config::new()
            .without(absent)
            .with(|config| config.tls = Some(ServerTls::new(certificate)))
    };
    let none = ["SSCN", "CPSV"];
    for (source, target, expected) in [
        (tls(&[]), tls(&[]), Protection::SecureClient(Side::Target)),
        (tls(&[]), tls(&none), Protection::SecureClient(Side::Source)),
        (tls(&["SSCN"]), tls(&none), Protection::SecurePassive),
        (tls(&none), tls(&["SSCN"]), Protection::SecurePassive),
        (tls(&none), tls(&[]), Protection::SecureClient(Side::Target)),
    ] {
        run(source, target, async |bench| {
            let report = bench.copy().await.unwrap();
            assert_eq!(report.protection, expected);
            assert!(bench.is_copied());
            let connections = bench.target.data_connections();
            assert!(connections[0].tls.is_some());
            // And off again for others.
            bench.from.get("f").bytes().await.unwrap();
            bench.to.get("f").bytes().await.unwrap();
        });
    }
    run(tls(&none), tls(&none), async |bench| {
        let error = bench.copy().await.unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::ThirdParty { .. }),
            "{error}"
        );
        assert!(bench.is_untouched());
        let report = bench.relay().allow_clear_data(true).run().await.unwrap();
        assert_eq!(report.protection, Protection::Clear);
        assert!(bench.is_copied() && bench.target.data_connections()[0].tls.is_none());
    });
    run(tls(&[]), Config::new(), async |bench| {
        let error = bench.copy().await.unwrap_err();
        assert_eq!(error.number().name(), "FTPPROXYTHIRD", "{error}");
        bench.relay().allow_clear_data(true).run().await.unwrap();
        assert!(bench.is_copied());
    });
}
