//! Servers that are hostile, broken or only odd: a clear error in bounded time and memory, and a connection that is in
//! step again or gone.

use super::lab::{limits, octets, run};
use super::world::World;
use fairway_ftp::data::{Format, Mode, Structure, Type};
use fairway_ftp::tls::TlsOptions;
use fairway_ftp::{
    Client, DataMode, Error, ErrorKind, Limits, Name, Phase, Representation, Server, Site, Tls,
};
use fairway_stack::Net;
use fairway_tests::Random;
use fairway_tests::ftp::{
    Certificate, Config, DataFault, FtpServer, NoopStyle, Passive, Reply, Tls as ServerTls,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;

/// Runs `test` with a server that is as `change` says.
fn with<F: Future<Output = ()>>(
    change: impl FnOnce(Config) -> Config,
    test: impl FnOnce(Arc<FtpServer>, Site) -> F,
) {
    with_limits(limits(), change, test);
}

fn with_limits<F: Future<Output = ()>>(
    limits: Limits,
    change: impl FnOnce(Config) -> Config,
    test: impl FnOnce(Arc<FtpServer>, Site) -> F,
) {
    let world = World::new();
    let config = change(world.config());
    world.network.run(async {
        let server = Arc::new(world.start(config));
        // It runs as long as somebody has it.
        test(Arc::clone(&server), world.site_with(limits)).await;
    });
}

/// What is wrong is over: all goes well.
async fn is_well(site: &Site) {
    assert_eq!(site.pwd().await.unwrap().display(), "/");
    assert_eq!(site.get("a").bytes().await.unwrap(), b"first\nsecond\n");
    assert!(site.list(None).await.unwrap().len() >= 2);
}

fn is_protocol(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Protocol(_))
}

#[test]
fn replies_without_end() {
    for endless in [&b"257-and on\r\n"[..], b"noise\r\n", b"257 x", b"\0"] {
        with(
            |config| config.on("PWD", Reply::Endless(endless.to_vec())),
            |server, site| async move {
                let error = site.pwd().await.unwrap_err();
                let late = matches!(
                    error.kind(),
                    ErrorKind::TimedOut {
                        phase: Phase::Reply
                    }
                );
                assert!(is_protocol(&error) || late, "{error}");
                server.set(Config::forget_rules);
                is_well(&site).await;
            },
        );
    }
}

#[test]
fn greetings_without_end() {
    for greeting in [
        vec![b'x'; 3_000_000],
        b"220-x\r\n".repeat(300_000),
        b"220".repeat(500_000),
    ] {
        with(
            |config| config.with(|config| config.greeting = Some(greeting)),
            |server, site| async move {
                let error = site.pwd().await.unwrap_err();
                assert!(error.to_string().len() < 500, "{}", error.to_string().len());
                server.set(|config| config.greeting = Some(b"220 ready\r\n".to_vec()));
                is_well(&site).await;
            },
        );
    }
    with(
        |config| config.with(|config| config.greeting = None),
        |_, site| async move {
            let error = site.pwd().await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::TimedOut { .. }),
                "{error}"
            );
        },
    );
}

// Clients of others stumble over each of these.
#[test]
fn greetings_of_all_shapes() {
    let shapes: [&[u8]; 8] = [
        b"220-welcome\r\n150 users online\r\n220 ready\r\n",
        b"220-welcome\r\n2201 users\r\n220 ready\r\n",
        b"220\r\n",
        b"220 ready\n",
        b"220-caf\xe9\r\n\xff\xfe\r\n220 \xe9\r\n",
        b"120 in a minute\r\n220 ready\r\n",
        b"220-\r\n\r\n 220 indented\r\n220 \r\n",
        b"220-a\r\n220-b\r\n220 c\r\n",
    ];
    for greeting in shapes {
        with(
            |config| config.with(|config| config.greeting = Some(greeting.to_vec())),
            |_, site| async move { is_well(&site).await },
        );
    }
    for greeting in [
        &b"421 too many\r\n"[..],
        b"530 go away\r\n",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 400 x\r\n\r\n",
    ] {
        with(
            |config| config.with(|config| config.greeting = Some(greeting.to_vec())),
            |_, site| async move {
                let error = site.pwd().await.unwrap_err();
                assert!(error.to_string().len() < 300, "{error}");
            },
        );
    }
}

#[test]
fn files_and_listings_without_end() {
    let mut limits = limits();
    limits.in_memory = 300_000;
    with_limits(
        limits,
        |config| {
            let endless = || Reply::Data(DataFault::Endless);
            config
                .on("MLSD", endless())
                .on("RETR", endless())
                .on("NLST", endless())
        },
        |server, site| async move {
            for error in [
                site.list(None).await.unwrap_err(),
                site.get("a").bytes().await.unwrap_err(),
                site.names(None).await.unwrap_err(),
            ] {
                assert!(matches!(error.kind(), ErrorKind::Unsupported(_)), "{error}");
            }
            server.set(Config::forget_rules);
            is_well(&site).await;
        },
    );
}

#[test]
fn listings_that_are_none() {
    let mut random = Random::for_test("listings_that_are_none", 5);
    let mut listings = vec![
        b"<html><body>404</body></html>\r\n".to_vec(),
        b"\0\0\0\0\r\n".repeat(10),
        vec![b'x'; 1_000_000],
        b"\n".repeat(100_000),
        b"-rw-r--r-- 1 a b 99999999999999999999999 Jan 1 2020 x\r\n".to_vec(),
    ];
    listings.extend((0..30).map(|_| fairway_tests::noise(&mut random, 5_000)));
    with(
        |config| config.without(&["MLSD", "MLST"]),
        |server, site| async move {
            for listing in listings {
                server.set(|config| config.listing = Some(listing));
                match site.list(None).await {
                    Ok(entries) => assert!(entries.len() < 1_000),
                    Err(error) => {
                        assert!(
                            is_protocol(&error) && error.to_string().len() < 500,
                            "{error}"
                        );
                    }
                }
            }
            server.set(|config| config.listing = None);
            is_well(&site).await;
            let data = server.all_commands();
            assert!(
                data.iter().all(|command| command.connection == 0),
                "no new login"
            );
        },
    );
}

// RFC 2577, CVE-2020-8284: the address in a 227 is not believed.
#[test]
fn passive_addresses_are_those_of_the_control_connection() {
    with(
        |config| {
            config.without(&["EPSV"]).with(|config| {
                config.pasv = Passive::Address([192, 0, 2, 7].into());
            })
        },
        |server, site| async move {
            is_well(&site).await;
            assert!(server.data_connections().iter().all(|data| !data.active));
        },
    );
}

#[test]
fn ways_that_lead_nowhere_are_left() {
    // What EPSV and PASV are, and what is said to get the second file.
    let refused = |line: &str| Passive::Refused(line.to_owned());
    for (epsv, pasv, second) in [
        (Passive::Closed, Passive::Works, "PASV"),
        (Passive::Silent, Passive::Works, "PASV"),
        (refused("500 what?"), Passive::Works, "PASV"),
        (refused("229 nonsense"), Passive::Works, "PASV"),
        (refused("229 x (|||0|)"), Passive::Works, "PASV"),
        (refused("229 x (|||99999|)"), refused("227 (1,2,3)"), "EPRT"),
        (Passive::Closed, Passive::Closed, "EPRT"),
    ] {
        let mut limits = limits();
        limits.data_connection = Duration::from_secs(2);
        let silent = epsv == Passive::Silent;
        with_limits(
            limits,
            |config| config.with(|config| (config.epsv, config.pasv) = (epsv, pasv)),
            |server, site| async move {
                let result = site.get("a").bytes().await;
                if silent {
                    // A connection that is taken, and leads nowhere: nobody can tell it from a slow one.
                    assert!(result.is_err());
                    return;
                }
                assert_eq!(result.unwrap(), b"first\nsecond\n");
                let before = server.all_commands().len();
                assert_eq!(site.get("a").bytes().await.unwrap(), b"first\nsecond\n");
                let commands = server.all_commands();
                assert_eq!(commands[before].verb, second);
            },
        );
    }
    with(
        |config| {
            config.without(&["EPRT", "PORT"]).with(|config| {
                (config.epsv, config.pasv) = (Passive::Closed, Passive::Closed);
            })
        },
        |_, site| async move {
            let error = site.get("a").bytes().await.unwrap_err();
            assert!(
                matches!(error.kind(), ErrorKind::DataConnection { .. }),
                "{error}"
            );
            assert_eq!(site.pwd().await.unwrap().display(), "/");
        },
    );
}

// RFC 2577 §4: whoever else knocks at our data port is sent away.
#[test]
fn strangers_at_the_data_port() {
    run(async {
        let net = Net::system();
        let config = Config::new().with(|config| {
            config.active_from = Some([127, 9, 9, 9].into());
            config.data_wait = Duration::from_secs(1);
        });
        let server = FtpServer::start(&net, config).unwrap();
        server.files().put("/a", "x");
        let mut limits = limits();
        limits.data_connection = Duration::from_millis(500);
        let to = Server::new("127.0.0.1").on_port(server.address().port());
        let to = to.login("u1", "secret").data_mode(DataMode::Active);
        let site = Client::with_limits(net, limits).site(to);
        assert!(site.get("a").bytes().await.is_err());
        server.set(|config| config.active_from = None);
        assert_eq!(site.get("a").bytes().await.unwrap(), b"x");
    });
}

#[test]
fn the_server_says_421_at_any_time() {
    for nth in 1..14 {
        for end in [Reply::CloseAfter, Reply::Reset, Reply::line("421 bye")] {
            with(
                |config| config.on_nth("*", nth, end),
                |_, site| async move {
                    for result in [
                        site.pwd().await.map(drop),
                        site.get("a").bytes().await.map(drop),
                        site.put("/d/new").bytes("x").await.map(drop),
                        site.delete("/d/new").await,
                    ] {
                        if let Err(error) = result {
                            assert!(
                                error.is_transient() || error.is_not_found(),
                                "{nth}: {error}"
                            );
                        }
                    }
                    site.delete("/d/new").await.unwrap_or_default();
                    is_well(&site).await;
                },
            );
        }
    }
    // While nobody calls: the next call has a new connection, and says nothing of it.
    let world = World::new();
    world.network.run(async {
        let server = world.start(world.config());
        let site = world.site_with(limits());
        is_well(&site).await;
        server.say(b"421 idle for too long\r\n");
        is_well(&site).await;
        server.close_connections();
        is_well(&site).await;
        server.say(b"200 what nobody asked\r\n");
        // On its way it would be taken for the next answer.
        world.network.clock().sleep(Duration::from_secs(1)).await;
        is_well(&site).await;
        assert_eq!(server.counters().connections, 3);
    });
}

/// Until the server begins, the file that a put replaces is still there: its size does not tell how much has arrived.
#[test]
fn a_put_does_not_go_on_behind_the_file_that_it_replaces() {
    for break_off in [Reply::Close, Reply::Reset] {
        let world = World::new();
        world.network.run(async {
            let server = world.start(world.config().on_nth("STOR", 1, break_off));
            server.files().put("/up", vec![b'z'; 1000]);
            let file = octets(5000);
            let files = world.client.net().files();
            files.write("/l", file.clone()).await.unwrap();
            let put = world.site_with(limits()).put("up").check_size(true);
            let report = put.from_file("/l").await.unwrap();
            assert_eq!((report.octets, report.retries), (5000, 1));
            assert!(server.files().read("/up").unwrap() == file);
        });
    }
}

#[test]
fn slow_transfers_are_kept_alive() {
    let mut limits = limits();
    limits.keep_alive = Some(Duration::from_secs(1));
    for noop in [
        NoopStyle::Late,
        NoopStyle::AtOnce("500 Unknown command".to_owned()),
        NoopStyle::AtOnce("200 yes".to_owned()),
    ] {
        with_limits(
            limits.clone(),
            |config| {
                config.with(|config| {
                    config.noop = noop;
                    config.pace = Some((1_000, Duration::from_millis(700)));
                })
            },
            |server, site| async move {
                server.files().put("/slow", octets(10_000));
                for _ in 0..2 {
                    assert!(site.get("slow").bytes().await.unwrap() == octets(10_000));
                }
                assert!(server.count("NOOP") >= 2, "{}", server.count("NOOP"));
                is_well(&site).await;
                assert_eq!(server.counters().connections, 1);
            },
        );
    }
}

fn tls(change: impl FnOnce(&mut ServerTls)) -> (ServerTls, Certificate) {
    let certificate = Certificate::new(&["server"]);
    let mut tls = ServerTls::new(certificate.clone());
    change(&mut tls);
    (tls, certificate)
}

/// Runs `test` with a server that does TLS as `tls` says.
fn with_tls<F: Future<Output = ()>>(
    (tls, certificate): (ServerTls, Certificate),
    options: impl FnOnce(TlsOptions) -> TlsOptions,
    test: impl FnOnce(Arc<FtpServer>, Site) -> F,
) {
    let world = World::new();
    let config = world.config().with(|config| config.tls = Some(tls));
    let trust = TlsOptions::new().system_roots(false);
    let trust = trust
        .root_der(certificate.der().to_vec())
        .server_name("server");
    let to = Server::new(world.host()).login("u1", "secret");
    let to = to.tls(Tls::Explicit).tls_options(options(trust));
    world.network.run(async {
        let server = Arc::new(world.start(config));
        let client = Client::with_limits(world.client.net(), limits());
        test(Arc::clone(&server), client.site(to)).await;
    });
}

// CVE-2011-0411 and its like: what came before TLS was not said by the server.
#[test]
fn replies_before_tls_are_not_believed() {
    let tls = tls(|tls| tls.injected = b"200 PBSZ=0\r\n230 welcome\r\n".to_vec());
    with_tls(
        tls,
        |options| options,
        |server, site| async move {
            let error = site.pwd().await.unwrap_err();
            let told = matches!(error.kind(), ErrorKind::Tls { .. } | ErrorKind::Protocol(_));
            assert!(told, "{error}");
            assert_eq!(server.count("USER"), 0);
        },
    );
}

// RFC 8446 §6.1: without close_notify, data may be missing.
#[test]
fn truncated_data_are_no_file() {
    with_tls(
        tls(|tls| tls.no_close_notify = true),
        |options| options,
        |_, site| async move {
            let error = site.get("a").bytes().await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Aborted { .. }), "{error}");
            assert!(site.list(None).await.is_err());
            let _report = site.put("new").bytes("x").await.unwrap();
            assert_eq!(site.pwd().await.unwrap().display(), "/");
        },
    );
    let lenient = |options: TlsOptions| options.accept_truncation(true);
    with_tls(
        tls(|tls| tls.no_close_notify = true),
        lenient,
        |_, site| async move {
            is_well(&site).await;
        },
    );
}

#[test]
fn certificates_of_others_are_refused() {
    let (tls, _) = tls(|_| {});
    let other = Certificate::new(&["other"]);
    with_tls(
        (tls, other),
        |options| options,
        |server, site| async move {
            let error = site.pwd().await.unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::Tls { .. }), "{error}");
            assert!(!error.is_transient());
            assert_eq!(
                (server.count("USER"), server.counters().connections),
                (0, 1)
            );
        },
    );
}

#[test]
fn modes_structures_and_types() {
    let page = octets(3_000);
    let text = "a line\nanother one, longer than that\n\n".repeat(200);
    for mode in [Mode::Stream, Mode::Block, Mode::Compressed, Mode::Deflate] {
        for structure in [Structure::File, Structure::Record] {
            for ty in [
                Type::Image,
                Type::Ascii(Format::NonPrint),
                Type::Ebcdic(Format::NonPrint),
            ] {
                let content = if (ty, structure) == (Type::Image, Structure::File) {
                    page.clone()
                } else {
                    text.clone().into_bytes()
                };
                let representation = Representation {
                    ty,
                    mode,
                    structure,
                    ..Representation::default()
                };
                with(
                    |config| config,
                    |server, site| async move {
                        let name = format!("{mode:?} {structure:?} {ty:?}");
                        let put = site.put("f").representation(representation.clone());
                        match put.bytes(&content).await {
                            Ok(_) => {}
                            // What does not go together is refused before anything is sent.
                            Err(error) => {
                                assert!(
                                    matches!(error.kind(), ErrorKind::Unsupported(_)),
                                    "{name}: {error}"
                                );
                                println!("{name}: {error}");
                                return;
                            }
                        }
                        if ty == Type::Image && structure == Structure::File {
                            assert!(server.files().read("/f").unwrap() == content, "{name}");
                        }
                        let back = site.get("f").representation(representation).bytes().await;
                        assert!(back.unwrap() == content, "{name}");
                        // And as ever, on the same connection.
                        is_well(&site).await;
                        assert_eq!(server.counters().connections, 1);
                    },
                );
            }
        }
    }
}

// RFC 959 §3.5.
#[test]
fn restart_markers_come_along() {
    let block = Representation {
        mode: Mode::Block,
        ..Representation::default()
    };
    with(
        |config| config.with(|config| config.format.markers = Some(1_000)),
        |_, site| async move {
            let content = octets(10_000);
            let mut upload = site
                .put("f")
                .representation(block.clone())
                .writer()
                .await
                .unwrap();
            upload.write_all(&content[..5_000]).await.unwrap();
            upload.mark(b"half").unwrap();
            upload.write_all(&content[5_000..]).await.unwrap();
            let _reply = upload.finish().await.unwrap();
            drop(upload);
            let mut download = site.get("f").representation(block).reader().await.unwrap();
            let mut all = Vec::new();
            let _all = tokio::io::AsyncReadExt::read_to_end(&mut download, &mut all)
                .await
                .unwrap();
            assert!(all == content);
            assert!(
                download.markers().len() >= 9,
                "{}",
                download.markers().len()
            );
            assert!(site.put("f").writer().await.unwrap().mark(b"x").is_err());
            assert_eq!(site.pwd().await.unwrap(), Name::from("/"));
        },
    );
}
