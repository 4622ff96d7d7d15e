//! Files from server to server, between servers of others: the matrix of products, orientations and commands, and what
//! is to be survived.

use fairway_ftp::tls::TlsOptions;
use fairway_ftp::{
    Addressing, Client, Error, ErrorKind, Limits, Orientation, Protection, RelayReport, Server,
    Side, Site, Tls, Verified, Verify,
};
use fairway_stack::Net;
use fairway_tests::ftp::{PRODUCTS, Product, RealConfig, RealServer, RealTls};
use std::time::Duration;

const ORIENTATIONS: [Orientation; 2] = [Orientation::SourcePassive, Orientation::TargetPassive];

/// Runs `body` on the system's network.
fn run<T>(body: impl AsyncFnOnce(Client) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let mut limits = Limits::default();
        limits.data_connection = Duration::from_secs(3);
        body(Client::with_limits(Net::system(), limits)).await
    })
}

fn fxp() -> RealConfig {
    RealConfig {
        fxp: true,
        ..RealConfig::default()
    }
}

/// Who we are at `server`.
fn identity(server: &RealServer) -> Server {
    Server::new(server.address().ip().to_string())
        .on_port(server.address().port())
        .login(server.user(), server.password())
}

fn secure(server: &RealServer) -> Server {
    let pem = server.certificate().pem().as_bytes();
    let options = TlsOptions::new()
        .system_roots(false)
        .roots_pem(pem)
        .unwrap();
    identity(server).tls(Tls::Explicit).tls_options(options)
}

/// Octets that nobody takes for others.
fn content(seed: u32) -> Vec<u8> {
    (0..75_000_u32)
        .map(|n| n.wrapping_mul(2_654_435_761).wrapping_add(seed))
        .flat_map(u32::to_be_bytes)
        .collect()
}

async fn copied(
    client: &Client,
    from: &Site,
    to: &Site,
    change: impl FnOnce(fairway_ftp::Relay) -> fairway_ftp::Relay,
) -> Result<RelayReport, Error> {
    change(client.copy((from, "pub/f"), (to, "w/f")))
        .run()
        .await
}

// G9: every ordered pair of products (of one product, two servers), both ways round, by both pairs of commands.
#[test]
fn every_pair_works_in_every_way() {
    let test = "every_pair_works_in_every_way";
    let start = |product| {
        Some((
            RealServer::start(test, product, &fxp())?,
            RealServer::start(test, product, &fxp())?,
        ))
    };
    let servers: Vec<_> = PRODUCTS.into_iter().filter_map(start).collect();
    if servers.len() < PRODUCTS.len() {
        return;
    }
    run(async |client| {
        let mut seed = 0;
        for (from, _) in &servers {
            for (to, twin) in &servers {
                let to = if from.product() == to.product() {
                    twin
                } else {
                    to
                };
                let (source, target) = (client.site(identity(from)), client.site(identity(to)));
                for orientation in ORIENTATIONS {
                    for addressing in [Addressing::Extended, Addressing::Classic] {
                        seed += 1;
                        let octets = content(seed);
                        from.put("pub/f", &octets);
                        let what = format!(
                            "{:?} to {:?}, {orientation:?}, {addressing:?}",
                            from.product(),
                            to.product()
                        );
                        let report = copied(&client, &source, &target, |relay| {
                            relay.orientation(orientation).addressing(addressing)
                        });
                        let report = report
                            .await
                            .unwrap_or_else(|error| panic!("{what}: {error}"));
                        assert!(to.read("w/f").unwrap() == octets, "{what}: {report:?}");
                        assert_eq!(
                            (report.octets, report.verified, report.tries),
                            (Some(octets.len() as u64), Verified::Size, 1),
                            "{what}"
                        );
                    }
                }
            }
        }
        // One connection to each, used again and again.
        assert_eq!(client.connections().logins, 6);
    });
}

// Those that refuse other servers: the passive side by 425 or by silence, the active side by 500.
#[test]
fn strict_servers_are_got_along_with_or_fail_in_time() {
    let test = "strict_servers_are_got_along_with_or_fail_in_time";
    let strict = RealConfig::default();
    for product in PRODUCTS {
        for other in PRODUCTS {
            let (Some(one), Some(two)) = (
                RealServer::start(test, product, &strict),
                RealServer::start(test, other, &fxp()),
            ) else {
                return;
            };
            run(async |client| {
                for (from, to) in [(&one, &two), (&two, &one)] {
                    let what = format!(
                        "{:?} to {:?}, {product:?} strict",
                        from.product(),
                        to.product()
                    );
                    let octets = content(7);
                    from.put("pub/f", &octets);
                    to.put("w/f", "what was there");
                    let (source, target) = (client.site(identity(from)), client.site(identity(to)));
                    let clock = client.net().clock();
                    let begun = clock.now();
                    let result = copied(&client, &source, &target, |relay| relay).await;
                    let took = clock.now() - begun;
                    assert!(took < Duration::from_secs(40), "{what}: {took:?}");
                    if result.is_ok() {
                        assert!(to.read("w/f").unwrap() == octets, "{what}");
                    } else {
                        let error = result.expect_err(&what);
                        assert!(error.side().is_some(), "{what}: {error}");
                        assert!(
                            matches!(
                                error.number().name(),
                                "FTPPROXYTHIRD" | "FTPDATACONN" | "FTPABORT"
                            ),
                            "{what}: {error}"
                        );
                    }
                    // Whatever happened, both can be used at once.
                    source.noop().await.unwrap();
                    target.noop().await.unwrap();
                    source.names(None).await.unwrap();
                    target.names(None).await.unwrap();
                }
            });
        }
    }
}

// A source that is not there, may not be read, or is a directory leaves the target as it was.
#[test]
fn a_refused_source_leaves_the_target_as_it_was() {
    use std::os::unix::fs::PermissionsExt as _;
    let test = "a_refused_source_leaves_the_target_as_it_was";
    let start = |product| {
        Some((
            RealServer::start(test, product, &fxp())?,
            RealServer::start(test, product, &fxp())?,
        ))
    };
    let servers: Vec<_> = PRODUCTS.into_iter().filter_map(start).collect();
    if servers.len() < PRODUCTS.len() {
        return;
    }
    run(async |client| {
        for (from, _) in &servers {
            from.put("pub/secret", "not for everybody");
            let file = from.root().join("pub/secret");
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o000)).unwrap();
            nix::unistd::chown(&file, Some(0.into()), Some(0.into())).unwrap();
            for (to, twin) in &servers {
                let to = if from.product() == to.product() {
                    twin
                } else {
                    to
                };
                let (source, target) = (client.site(identity(from)), client.site(identity(to)));
                for path in ["pub/missing", "pub", "pub/secret"] {
                    for orientation in ORIENTATIONS {
                        let secret_last =
                            path == "pub/secret" && orientation == Orientation::TargetPassive;
                        to.put("w/f", "what was there");
                        let what = format!(
                            "{path} of {:?} to {:?}, {orientation:?}",
                            from.product(),
                            to.product()
                        );
                        let relay = client.copy((&source, path), (&target, "w/f"));
                        let error = relay.orientation(orientation).run().await.expect_err(&what);
                        assert_eq!(error.side(), Some(Side::Source), "{what}: {error}");
                        // Forced to be told first, a target is emptied before the source can say no.
                        if !secret_last {
                            assert_eq!(
                                to.read("w/f").unwrap(),
                                b"what was there",
                                "{what}: {error}"
                            );
                        }
                    }
                }
                // In step: a copy that can be made is.
                from.put("pub/f", "as ever");
                copied(&client, &source, &target, |relay| relay)
                    .await
                    .unwrap();
                assert_eq!(to.read("w/f").unwrap(), b"as ever");
            }
        }
    });
}

// lftp 4.9.2 stored the deflated octets and called it a success.
#[test]
fn a_mode_left_on_at_one_end_is_noticed() {
    let test = "a_mode_left_on_at_one_end_is_noticed";
    let config = RealConfig {
        mode_z: true,
        ..fxp()
    };
    let (Some(from), Some(to)) = (
        RealServer::start(test, Product::ProFtpd, &config),
        RealServer::start(test, Product::Vsftpd, &fxp()),
    ) else {
        return;
    };
    run(async |client| {
        let octets = vec![b'a'; 300_000];
        from.put("pub/f", &octets);
        let (source, target) = (client.site(identity(&from)), client.site(identity(&to)));
        // From where there is a way back: a connection that is nowhere is not used again.
        source.cd("/").await.unwrap();
        for orientation in ORIENTATIONS {
            assert!(source.quote("MODE Z").await.unwrap().is(200));
            let report = copied(&client, &source, &target, |relay| {
                relay.orientation(orientation)
            });
            assert_eq!(report.await.unwrap().verified, Verified::Size);
            assert!(to.read("w/f").unwrap() == octets);
        }
        assert_eq!(client.connections().logins, 2);
    });
}

/// Servers with private data: plain vsftpd, vsftpd, and ProFTPDs. The second trusts nobody, the first trusts the second,
/// and the third trusts vsftpd.
struct Private {
    plain_vsftpd: RealServer,
    vsftpd: RealServer,
    first: RealServer,
    second: RealServer,
    third: RealServer,
}

impl Private {
    fn start(test: &str, only_tls12: bool) -> Option<Self> {
        let tls = RealConfig {
            tls: RealTls::Explicit,
            only_tls12,
            ..fxp()
        };
        let vsftpd = RealServer::start(test, Product::Vsftpd, &tls)?;
        let second = RealServer::start(test, Product::ProFtpd, &tls)?;
        // One for each that is trusted: our certificates have one name in common, and the first of that name is looked
        // at.
        let trusting = |server: &RealServer| {
            let config = RealConfig {
                trusted: vec![server.certificate().clone()],
                ..tls.clone()
            };
            RealServer::start(test, Product::ProFtpd, &config)
        };
        Some(Self {
            plain_vsftpd: RealServer::start(test, Product::Vsftpd, &fxp())?,
            first: trusting(&second)?,
            third: trusting(&vsftpd)?,
            vsftpd,
            second,
        })
    }

    fn put(&self, octets: &[u8]) {
        let proftpds = [&self.first, &self.second, &self.third];
        for server in proftpds.into_iter().chain([&self.vsftpd]) {
            server.put("pub/f", octets);
        }
    }
}

// SSCN at one of two ProFTPDs, in either role; and with a server that has none of it.
#[test]
fn data_between_two_servers_is_private_where_it_can_be() {
    let test = "data_between_two_servers_is_private_where_it_can_be";
    // With TLS 1.3 there is more to it: see below.
    let Some(servers) = Private::start(test, true) else {
        return;
    };
    let Private {
        plain_vsftpd,
        vsftpd,
        first,
        second,
        third,
    } = &servers;
    run(async |client| {
        let octets = content(3);
        servers.put(&octets);
        let site = |server| client.site(secure(server));
        // Only the first trusts the other, so it has to be the client; where FEAT leaves open who is, the way that works
        // is found by trying the other.
        for (from, to, side) in [(first, second, Side::Source), (second, first, Side::Target)] {
            let (source, target) = (site(from), site(to));
            let report = copied(&client, &source, &target, |relay| {
                relay.verify(Verify::Hash)
            })
            .await;
            let report =
                report.unwrap_or_else(|error| panic!("{error}\n{}\n{}", first.log(), second.log()));
            assert_eq!(report.protection, Protection::SecureClient(side));
            assert!(to.read("w/f").unwrap() == octets);
            assert!(matches!(report.verified, Verified::Hash(_)), "{report:?}");
        }
        for (from, to, side) in [(third, vsftpd, Side::Source), (vsftpd, third, Side::Target)] {
            for orientation in ORIENTATIONS {
                let (source, target) = (site(from), site(to));
                let report = copied(&client, &source, &target, |relay| {
                    relay.orientation(orientation)
                });
                let report = report
                    .await
                    .unwrap_or_else(|error| panic!("{orientation:?}: {error}\n{}", third.log()));
                assert_eq!(report.protection, Protection::SecureClient(side));
                assert_eq!((report.verified, report.tries), (Verified::Size, 1));
                assert!(to.read("w/f").unwrap() == octets);
            }
        }
        // Clear data is never had without being asked for.
        let plain = client.site(identity(plain_vsftpd));
        let error = copied(&client, &site(vsftpd), &plain, |relay| relay)
            .await
            .unwrap_err();
        assert!(
            matches!(error.kind(), ErrorKind::ThirdParty { .. }),
            "{error}"
        );
        let report = copied(&client, &site(vsftpd), &plain, |relay| {
            relay.allow_clear_data(true)
        })
        .await
        .unwrap();
        assert_eq!(report.protection, Protection::Clear);
        assert!(plain_vsftpd.read("w/f").unwrap() == octets);
    });
}

// ProFTPD as the client of TLS 1.3 that sends closes with the tickets of the other unread, and its own closing resets
// the connection under what the other has not read; as the client that receives, it reads all there is. Seen: with the
// source as the client, most copies cut short, by vsftpd with 426, by ProFTPD with 426 or even 226.
#[test]
fn the_client_of_tls_13_had_better_be_the_target() {
    let test = "the_client_of_tls_13_had_better_be_the_target";
    let Some(servers) = Private::start(test, false) else {
        return;
    };
    let Private {
        vsftpd,
        first,
        second,
        third,
        ..
    } = &servers;
    run(async |client| {
        let octets = content(4);
        servers.put(&octets);
        let site = |server| client.site(secure(server));
        for (from, to) in [(second, first), (vsftpd, third)] {
            for wish in [None, None, Some(ORIENTATIONS[0]), Some(ORIENTATIONS[1])] {
                to.put("w/f", "");
                let (source, target) = (site(from), site(to));
                let report = copied(&client, &source, &target, |relay| match wish {
                    Some(orientation) => relay.orientation(orientation),
                    None => relay,
                });
                let report = report
                    .await
                    .unwrap_or_else(|error| panic!("{wish:?}: {error}\n{}", to.log()));
                assert_eq!(report.protection, Protection::SecureClient(Side::Target));
                assert_eq!((report.verified, report.tries), (Verified::Size, 1));
                assert!(to.read("w/f").unwrap() == octets);
            }
        }
        // Where it cannot, what is called a success is one.
        for _ in 0..4 {
            for orientation in ORIENTATIONS {
                vsftpd.put("w/f", "");
                let (source, target) = (site(third), site(vsftpd));
                let result = copied(&client, &source, &target, |relay| {
                    relay.orientation(orientation)
                });
                match result.await {
                    Ok(report) => {
                        assert_eq!(report.protection, Protection::SecureClient(Side::Source));
                        assert_eq!(report.verified, Verified::Size);
                        assert!(vsftpd.read("w/f").unwrap() == octets);
                    }
                    Err(error) => {
                        assert_eq!(error.side(), Some(Side::Target), "{error}");
                        assert_eq!(error.number().name(), "FTPABORT", "{error}");
                        assert!(error.to_string().contains("tickets of TLS 1.3"), "{error}");
                        assert!(vsftpd.read("w/f").unwrap().len() < octets.len(), "{error}");
                    }
                }
            }
        }
    });
}

// Within one server, with text, behind what is there, under a name of the server's.
#[test]
fn one_server_copies_to_itself_in_all_forms() {
    let test = "one_server_copies_to_itself_in_all_forms";
    for product in PRODUCTS {
        let Some(server) = RealServer::start(test, product, &fxp()) else {
            continue;
        };
        server.put("pub/f", "one\ntwo\n");
        run(async |client| {
            let site = client.site(identity(&server));
            let report = copied(&client, &site, &site, |relay| relay).await.unwrap();
            assert_eq!((report.verified, report.octets), (Verified::Size, Some(8)));
            let report = copied(&client, &site, &site, fairway_ftp::Relay::append)
                .await
                .unwrap();
            assert_eq!((report.verified, report.octets), (Verified::Size, Some(8)));
            assert_eq!(server.read("w/f").unwrap(), b"one\ntwo\none\ntwo\n");
            let report = copied(&client, &site, &site, fairway_ftp::Relay::text)
                .await
                .unwrap();
            assert_eq!(report.verified, Verified::NotEmpty);
            assert_eq!(server.read("w/f").unwrap(), b"one\ntwo\n");
            let itself = client
                .copy((&site, "w/f"), (&site, "/w//f"))
                .run()
                .await
                .unwrap_err();
            assert!(
                matches!(itself.kind(), ErrorKind::Unsupported(_)),
                "{itself}"
            );
            assert_eq!(server.read("w/f").unwrap(), b"one\ntwo\n");
            site.cd("w").await.unwrap();
            let unique = client
                .copy((&site, "/pub/f"), (&site, "u"))
                .unique()
                .run()
                .await
                .unwrap();
            let name = unique.name.clone().unwrap();
            let name = format!("w/{name}");
            assert_eq!(server.read(&name).unwrap(), b"one\ntwo\n", "{unique:?}");
        });
    }
}

// Dropped in the middle, both connections are soon of use again.
#[test]
fn a_copy_that_is_dropped_leaves_both_servers_usable() {
    let test = "a_copy_that_is_dropped_leaves_both_servers_usable";
    let servers: Vec<_> = PRODUCTS
        .into_iter()
        .filter_map(|product| RealServer::start(test, product, &fxp()))
        .collect();
    for from in &servers {
        from.put_zeros("pub/f", 400 << 20);
        for to in &servers {
            if from.product() == to.product() {
                continue;
            }
            run(async |client| {
                let (source, target) = (client.site(identity(from)), client.site(identity(to)));
                let what = format!("{:?} to {:?}", from.product(), to.product());
                let clock = client.net().clock();
                let copy = copied(&client, &source, &target, |relay| relay);
                let cut = clock.timeout(Duration::from_millis(60), copy).await;
                if cut.is_ok() {
                    // Faster than that: nothing to be seen here.
                    return;
                }
                let begun = clock.now();
                source.noop().await.unwrap();
                target.noop().await.unwrap();
                assert!(
                    (clock.now() - begun) < Duration::from_secs(8),
                    "{what}: {:?}",
                    (clock.now() - begun)
                );
                source.size("pub/f").await.unwrap();
                target.names(None).await.unwrap();
            });
            let _ = std::fs::remove_file(to.root().join("w/f"));
        }
        from.put("pub/f", "");
    }
}
