//! The classic calls by their names, against a scripted server on a simulated network. Numbers are those of the
//! reference of the classic API.

use super::world::World as Lab;
use fairway_ftp::calls::{
    Calls, LocalMode, M_APPEND, M_OVERLAY, PingError, REST_GET, REST_PUT, T_ASCII, T_BINARY,
    T_EBCDIC, TraceError,
};
use fairway_ftp::{Client, ErrorNumber, Limits};
use fairway_sim::Node;
use fairway_tests::ftp::{Config, FtpServer, Passive, Reply, User};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const USER: &str = "u1";
const PASS: &str = "secret";

/// Runs `test` with calls to a server, whose host is given.
fn with<F: Future<Output = ()>>(
    config: impl FnOnce(Config) -> Config,
    test: impl FnOnce(Calls, Arc<FtpServer>, String, Node) -> F,
) {
    let lab = Lab::new();
    let config = config(lab.config());
    lab.network.run(async {
        let server = Arc::new(lab.start(config));
        let of_test = Arc::clone(&server);
        test(
            Calls::new(lab.client.net()),
            of_test,
            lab.host(),
            lab.client.clone(),
        )
        .await;
    });
}

fn same(config: Config) -> Config {
    config
}

/// §4.1: `ftpget` with `w` replaces, with `a` extends; text gets local line ends.
#[test]
fn section_4_1_get_replaces_or_extends() {
    with(same, |ftp, _server, host, client| async move {
        let files = client.net().files();
        files.write("/l", b"old").await.unwrap();
        let (w, a) = (LocalMode::Overwrite, LocalMode::Append);
        ftp.get(&host, USER, PASS, None, "/l", "a", w, T_ASCII)
            .await
            .unwrap();
        assert_eq!(files.read("/l").await.unwrap(), b"first\nsecond\n");
        ftp.get(&host, USER, PASS, None, "/l", "d/b.txt", a, T_BINARY)
            .await
            .unwrap();
        assert_eq!(files.read("/l").await.unwrap(), b"first\nsecond\nb");
        // A refusal leaves the file as it was.
        let error = ftp
            .get(&host, USER, PASS, None, "/l", "none", w, T_BINARY)
            .await
            .unwrap_err();
        assert_eq!(error.number(), ErrorNumber::COMMAND);
        assert_eq!(files.read("/l").await.unwrap(), b"first\nsecond\nb");
        let refused = ftp
            .get(&host, USER, PASS, None, "/new", "none", w, T_BINARY)
            .await;
        assert_eq!(refused.unwrap_err().number(), ErrorNumber::COMMAND);
        assert!(files.read("/new").await.is_err());
        assert_eq!(ftp.client().connections().logins, 1);
    });
}

/// §4.1: `ftpput`, `ftpappend`, `ftpputunique`.
#[test]
fn section_4_1_put_append_and_unique() {
    with(same, |ftp, server, host, client| async move {
        client.net().files().write("/l", b"one\n").await.unwrap();
        ftp.put(&host, USER, PASS, None, "/l", "p", T_ASCII)
            .await
            .unwrap();
        assert_eq!(server.files().read("/p").unwrap(), b"one\n");
        ftp.append(&host, USER, PASS, None, "/l", "p", T_BINARY)
            .await
            .unwrap();
        assert_eq!(server.files().read("/p").unwrap(), b"one\none\n");
        let name = ftp
            .put_unique(&host, USER, PASS, None, "/l", "p", T_BINARY)
            .await;
        let name = name.unwrap().unwrap().to_string();
        assert_ne!(name, "p");
        assert_eq!(server.files().read(format!("/{name}")).unwrap(), b"one\n");
        assert_eq!(server.files().read("/p").unwrap(), b"one\none\n");
        let missing = ftp
            .put(&host, USER, PASS, None, "/none", "q", T_BINARY)
            .await;
        assert_eq!(missing.unwrap_err().number(), ErrorNumber::LOCALFILE);
        assert_eq!(ftp.last_error(), Some(ErrorNumber::LOCALFILE));
    });
}

/// §2.1, §2.3: type E needs a table, and converts by it.
#[test]
fn section_2_3_ebcdic_wants_a_table() {
    with(same, |ftp, server, host, client| async move {
        client.net().files().write("/l", b"A\n").await.unwrap();
        let refused = ftp.put(&host, USER, PASS, None, "/l", "e", T_EBCDIC).await;
        assert_eq!(refused.unwrap_err().number(), ErrorNumber::NOXLATETBL);
        assert_eq!(server.count("USER"), 0);
        ftp.xlate(37, "").unwrap();
        ftp.put(&host, USER, PASS, None, "/l", "e", T_EBCDIC)
            .await
            .unwrap();
        assert!(server.commands(0).contains(&"TYPE E".to_owned()));
        let w = LocalMode::Overwrite;
        ftp.get(&host, USER, PASS, None, "/m", "e", w, T_EBCDIC)
            .await
            .unwrap();
        assert_eq!(client.net().files().read("/m").await.unwrap(), b"A\n");
        assert_eq!(ftp.xlate(9, "").unwrap_err().number().get(), 12);
    });
}

/// §1, §4.2: the current directory belongs to host, port and user, and outlives a dropped connection.
#[test]
fn section_1_directory_is_of_the_connection() {
    let other = |config: Config| {
        config.with(|config| {
            config.users.push(User {
                name: "u2".into(),
                password: Some("other".into()),
                account: None,
            });
        })
    };
    with(other, |ftp, server, host, _| async move {
        ftp.cd(&host, USER, PASS, None, "d").await.unwrap();
        assert_eq!(
            ftp.pwd(&host, USER, PASS, None)
                .await
                .unwrap()
                .split('"')
                .nth(1),
            Some("/d")
        );
        // The port in the classic form is the same server.
        let same = format!("{host} 21");
        assert_eq!(
            ftp.pwd(&same, USER, PASS, None)
                .await
                .unwrap()
                .split('"')
                .nth(1),
            Some("/d")
        );
        let pwd = ftp.pwd(&host, "u2", "other", None).await.unwrap();
        assert_eq!(pwd.split('"').nth(1), Some("/"));
        assert_eq!(ftp.client().connections().logins, 2);
        server.close_connections();
        assert_eq!(
            ftp.pwd(&host, USER, PASS, None)
                .await
                .unwrap()
                .split('"')
                .nth(1),
            Some("/d")
        );
        ftp.logoff().await;
        assert_eq!(ftp.client().connections().idle, 0);
        let pwd = ftp.pwd(&host, USER, PASS, None).await.unwrap();
        assert_eq!(pwd.split('"').nth(1), Some("/"));
    });
}

/// §4.2: directories and files.
#[test]
fn section_4_2_directories_and_files() {
    with(same, |ftp, server, host, client| async move {
        ftp.mkd(&host, USER, PASS, None, "new").await.unwrap();
        ftp.rename(&host, USER, PASS, None, "a", "new/c")
            .await
            .unwrap();
        assert!(server.files().get("/new/c").is_some() && server.files().get("/a").is_none());
        let full = ftp.rmd(&host, USER, PASS, None, "new").await;
        assert_eq!(full.unwrap_err().number(), ErrorNumber::COMMAND);
        ftp.delete(&host, USER, PASS, None, "new/c").await.unwrap();
        ftp.rmd(&host, USER, PASS, None, "new").await.unwrap();
        let files = client.net().files();
        ftp.ls(&host, USER, PASS, None, "/names", "d")
            .await
            .unwrap();
        let names = String::from_utf8(files.read("/names").await.unwrap()).unwrap();
        assert!(
            names.contains("b.txt\n") && !names.contains('\r'),
            "{names:?}"
        );
        ftp.dir(&host, USER, PASS, None, "/wide", "").await.unwrap();
        let wide = String::from_utf8(files.read("/wide").await.unwrap()).unwrap();
        assert!(wide.ends_with(" d\n") && !wide.contains('\r'), "{wide:?}");
        let (commands, list) = (server.commands(0), "LIST".to_owned());
        assert!(commands.contains(&list) && commands.contains(&"NLST d".to_owned()));
    });
}

/// §4.2: sizes and dates; the date goes by the connection most recently used.
#[test]
fn section_4_2_size_and_date() {
    with(same, |ftp, server, host, client| async move {
        client.net().files().write("/l", b"x").await.unwrap();
        let none = ftp.keep_file_date("/l", "a").await.unwrap_err();
        assert_eq!(none.number(), ErrorNumber::COMMAND);
        let w = LocalMode::Overwrite;
        let size = ftp
            .rem_size(&host, USER, PASS, None, "/l", "a", w, T_BINARY)
            .await;
        assert_eq!(size.unwrap(), 13);
        ftp.keep_file_date("/l", "a").await.unwrap();
        let there = server.files().get("/a").unwrap();
        let here = client.net().files().metadata("/l").await.unwrap();
        let here = here.modified.duration_since(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(i64::try_from(here.as_secs()).unwrap(), there.modified);
        let missing = ftp
            .rem_size(&host, USER, PASS, None, "/l", "none", w, T_BINARY)
            .await;
        assert_eq!(missing.unwrap_err().number(), ErrorNumber::COMMAND);
    });
}

/// §4.1: `ftprestart` goes on where the shorter file ends.
#[test]
fn section_4_1_restart() {
    with(same, |ftp, server, host, client| async move {
        let files = client.net().files();
        files.write("/l", b"firs").await.unwrap();
        let (w, get, put) = (LocalMode::Overwrite, REST_GET, REST_PUT);
        let report = ftp
            .restart(&host, USER, PASS, None, "/l", "a", w, T_BINARY, get)
            .await
            .unwrap();
        assert_eq!((report.from, report.octets), (4, 9));
        assert_eq!(files.read("/l").await.unwrap(), b"first\nsecond\n");
        server.files().put("/p", "first\n");
        let report = ftp
            .restart(&host, USER, PASS, None, "/l", "p", w, T_BINARY, put)
            .await
            .unwrap();
        assert_eq!((report.from, report.octets), (6, 7));
        assert_eq!(server.files().read("/p").unwrap(), b"first\nsecond\n");
        let text = ftp
            .restart(&host, USER, PASS, None, "/l", "a", w, T_ASCII, get)
            .await;
        assert_eq!(text.unwrap_err().number(), ErrorNumber::COMMAND);
    });
}

/// §4.3: SITE, any line, SYST.
#[test]
fn section_4_3_raw_commands() {
    let config = |config: Config| {
        config
            .on("SITE", Reply::line("200 idle"))
            .on("BOGUS", Reply::line("500 what"))
            .on("SYST", Reply::line("215 OS/2 Warp"))
    };
    with(config, |ftp, server, host, _| async move {
        ftp.site(&host, USER, PASS, None, "idle 2000")
            .await
            .unwrap();
        ftp.quote(&host, USER, PASS, None, "site idle 2000")
            .await
            .unwrap();
        let commands = server.commands(0);
        let lines: Vec<_> = commands
            .iter()
            .filter(|line| line.starts_with("SITE"))
            .collect();
        assert_eq!(lines, ["SITE idle 2000", "SITE idle 2000"]);
        let error = ftp
            .quote(&host, USER, PASS, None, "BOGUS x")
            .await
            .unwrap_err();
        assert_eq!(error.number(), ErrorNumber::COMMAND);
        assert!(error.reply().unwrap().is(500));
        assert_eq!(ftp.sys(&host, USER, PASS, None).await.unwrap(), "OS/2 Warp");
        let broken = ftp
            .site(&host, USER, PASS, None, "x\r\nDELE a")
            .await
            .unwrap_err();
        assert_eq!(broken.number(), ErrorNumber::COMMAND);
        assert_eq!(server.count("DELE"), 0);
    });
}

/// §2.3: each number for its cause.
#[test]
fn section_2_3_numbers() {
    let lab = Lab::new();
    lab.network.run(async {
        let server = lab.start(lab.config());
        let (ftp, host) = (Calls::new(lab.client.net()), lab.host());
        let number = async |host: &str, user: &str| {
            let result = ftp.pwd(host, user, PASS, None).await;
            result.unwrap_err().number()
        };
        assert_eq!(ftp.last_error(), None);
        assert_eq!(number("no.such.host", USER).await, ErrorNumber::HOST);
        assert_eq!(number(&format!("{host} x"), USER).await, ErrorNumber::HOST);
        assert_eq!(
            number(&format!("{host} 22"), USER).await,
            ErrorNumber::CONNECT
        );
        assert_eq!(number(&host, "nobody").await, ErrorNumber::LOGIN);
        assert_eq!(ftp.last_error(), Some(ErrorNumber::LOGIN));

        // No data connection.
        server.set(|config| {
            for verb in ["PASV", "EPSV", "PORT", "EPRT"] {
                config.rule(verb, None, Reply::line("425 no"));
            }
        });
        let (w, here) = (LocalMode::Overwrite, "/l");
        let none = ftp
            .get(&host, USER, PASS, None, here, "a", w, T_BINARY)
            .await;
        assert_eq!(none.unwrap_err().number(), ErrorNumber::DATACONN);
        // A transfer that the server gives up.
        server.set(|config| {
            config.forget_rules();
            config.rule("RETR", None, Reply::Final(b"551 disk\r\n".to_vec()));
        });
        let cut = ftp
            .get(&host, USER, PASS, None, here, "a", w, T_BINARY)
            .await;
        assert_eq!(cut.unwrap_err().number(), ErrorNumber::ABORT);
        server.set(Config::forget_rules);
        let local = ftp
            .get(&host, USER, PASS, None, "/", "a", w, T_BINARY)
            .await;
        assert_eq!(local.unwrap_err().number(), ErrorNumber::LOCALFILE);
        // The connection is of use after all that.
        ftp.pwd(&host, USER, PASS, None).await.unwrap();
        server.stop();
    });
}

/// §2.3: what does not greet as FTP does is a server that cannot be connected to.
#[test]
fn section_2_3_bad_greeting_is_no_connection() {
    for greeting in ["nonsense\r\n", "421 too many\r\n"] {
        let config = |config: Config| {
            config.with(|config| config.greeting = Some(greeting.as_bytes().to_vec()))
        };
        with(config, |ftp, _, host, _| async move {
            let error = ftp.pwd(&host, USER, PASS, None).await.unwrap_err();
            assert_eq!(error.number(), ErrorNumber::CONNECT, "{error}");
        });
    }
}

/// §1: an account is sent if the server asks for it.
#[test]
fn section_1_account() {
    let config = |config: Config| {
        config.with(|config| {
            config.users = vec![User {
                name: USER.into(),
                password: Some(PASS.into()),
                account: Some("acct".into()),
            }];
        })
    };
    with(config, |ftp, server, host, _| async move {
        let error = ftp.pwd(&host, USER, PASS, None).await.unwrap_err();
        assert_eq!(error.number(), ErrorNumber::LOGIN);
        ftp.pwd(&host, USER, PASS, Some("acct")).await.unwrap();
        assert_eq!(server.count("ACCT"), 1);
    });
}

/// §1, §6.6: the server behind the last connection that may be fails, and nothing is closed for it.
#[test]
fn section_6_6_no_connection_makes_room() {
    let lab = Lab::new();
    lab.network.run(async {
        let _server = lab.start(lab.config().with(|config| {
            config.users = vec![User {
                name: "*".into(),
                password: None,
                account: None,
            }];
        }));
        let host = lab.host();
        assert_eq!(Calls::limits().connections, 256);
        let ftp = Calls::new(lab.client.net());
        for user in 0..256 {
            ftp.pwd(&host, &format!("u{user}"), "", None).await.unwrap();
        }
        let start = lab.network.now();
        let error = ftp.pwd(&host, "one too many", "", None).await.unwrap_err();
        assert_eq!(error.number(), ErrorNumber::SOCKET);
        assert_eq!(lab.network.now(), start);
        assert_eq!(ftp.client().connections().idle, 256);
        ftp.pwd(&host, "u0", "", None).await.unwrap();
        assert_eq!(ftp.client().connections().logins, 256);
        ftp.logoff().await;
        ftp.pwd(&host, "one too many", "", None).await.unwrap();
    });
}

/// §4.6: the trace has commands and replies of connections old and new, without passwords.
#[test]
fn section_4_6_trace() {
    with(same, |ftp, _server, host, client| async move {
        let files = client.net().files();
        ftp.pwd(&host, USER, PASS, None).await.unwrap();
        ftp.trace_on("/trace", M_OVERLAY).await.unwrap();
        ftp.pwd(&host, USER, PASS, None).await.unwrap();
        ftp.trace_off().await;
        ftp.pwd(&host, USER, PASS, None).await.unwrap();
        let text = String::from_utf8(files.read("/trace").await.unwrap()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(
            lines[0].ends_with("> PWD") && lines[1].contains("< 257 \"/\""),
            "{text}"
        );

        ftp.logoff().await;
        ftp.trace_on("/trace", M_APPEND).await.unwrap();
        ftp.pwd(&host, USER, PASS, None).await.unwrap();
        ftp.trace_off().await;
        ftp.trace_off().await;
        let all = String::from_utf8(files.read("/trace").await.unwrap()).unwrap();
        assert!(all.starts_with(&text), "{all}");
        assert!(
            all.contains("> USER u1\n") && all.contains("> PASS ****\n"),
            "{all}"
        );
        assert!(!all.contains(PASS), "{all}");
        let wrong = ftp.trace_on("/", M_OVERLAY).await.unwrap_err();
        assert!(matches!(wrong, TraceError::Open(_)) && wrong.number() == 2);
    });
}

/// §4.5, §2.4: an echo and its time; silence is noticed within 3 s.
#[test]
fn section_4_5_ping() {
    let lab = Lab::new();
    lab.network.run(async {
        let (ftp, host) = (Calls::new(lab.client.net()), lab.host());
        let (address, time) = ftp.ping(&host, 256).await.unwrap();
        assert_eq!(std::net::IpAddr::V4(address), lab.server.address());
        assert!(
            time >= Duration::from_millis(4) && time < Duration::from_millis(50),
            "{time:?}"
        );
        for len in [0, 8, 9, 4000] {
            ftp.ping_addr(address, len).await.unwrap();
        }
        assert_eq!(
            ftp.ping_addr(address, 70_000).await.unwrap_err().number(),
            -5
        );
        assert_eq!(ftp.ping("no.such.host", 8).await.unwrap_err().number(), -7);
        lab.network.partition(&[&lab.client], &[&lab.server]);
        let start = lab.network.now();
        assert_eq!(ftp.ping_addr(address, 256).await, Err(PingError::NoReply));
        assert_eq!(PingError::NoReply.number(), -1);
        let waited = lab.network.now().saturating_duration_since(start);
        assert_eq!(waited, Duration::from_secs(3));
    });
}

/// §5: active mode only, and progress.
#[test]
fn section_5_active_mode_and_progress() {
    with(same, |ftp, server, host, client| async move {
        server.files().put("/big", vec![7; 1 << 20]);
        ftp.pwd(&host, USER, PASS, None).await.unwrap();
        ftp.set_active_mode(true);
        let seen = Arc::new(Mutex::new(0));
        let sink = Arc::clone(&seen);
        ftp.set_progress(Some(Arc::new(move |progress| {
            *sink.lock().unwrap() = progress.octets;
        })));
        let w = LocalMode::Overwrite;
        ftp.get(&host, USER, PASS, None, "/l", "big", w, T_BINARY)
            .await
            .unwrap();
        assert_eq!(*seen.lock().unwrap(), 1 << 20);
        assert_eq!(
            client.net().files().read("/l").await.unwrap().len(),
            1 << 20
        );
        assert!(server.data_connections()[0].active);
        assert_eq!((server.count("EPSV"), server.count("PASV")), (0, 0));
        ftp.set_active_mode(false);
        ftp.get(&host, USER, PASS, None, "/l", "a", w, T_BINARY)
            .await
            .unwrap();
        assert_eq!(ftp.client().connections().logins, 1);
    });
}

/// Calls beside each other, and over a client with other limits.
#[test]
fn calls_run_beside_each_other() {
    let lab = Lab::new();
    lab.network.run(async {
        let server = lab.start(lab.config().with(|config| config.epsv = Passive::Closed));
        let net = lab.client.net();
        let ftp = Calls::over(Client::with_limits(net.clone(), Limits::default()));
        let tasks: Vec<_> = (0..8)
            .map(|n| {
                let (ftp, host) = (ftp.clone(), lab.host());
                net.spawn(async move {
                    let local = format!("/l{n}");
                    let w = LocalMode::Overwrite;
                    ftp.get(&host, USER, PASS, None, &local, "a", w, T_BINARY)
                        .await
                })
            })
            .collect();
        for task in tasks {
            assert_eq!(task.await.unwrap().unwrap().octets, 13);
        }
        assert_eq!(server.count("RETR"), 8);
    });
}

/// §4.4: the target first, then the source; the file goes from the one to the other.
#[test]
fn section_4_4_proxy() {
    let lab = Lab::new();
    lab.network.run(async {
        let target = lab.start(lab.config());
        let source = lab.start(lab.config().listen((lab.server.address(), 2121)));
        source.files().put("/s", "source\n");
        let (ftp, host1) = (Calls::new(lab.client.net()), lab.host());
        let host2 = format!("{host1} 2121");
        let copy = async |host1: &str, host2: &str, fn2: &str, kind| {
            ftp.proxy(
                host1, USER, PASS, None, host2, USER, PASS, None, "t", fn2, kind,
            )
            .await
        };
        for kind in [T_BINARY, T_ASCII] {
            copy(&host1, &host2, "s", kind).await.unwrap();
            assert_eq!(target.files().read("/t").unwrap(), b"source\n");
            target.files().remove("/t");
        }
        assert_eq!((target.count("STOR"), source.count("RETR")), (2, 2));
        assert_eq!((target.count("RETR"), source.count("STOR")), (0, 0));
        assert_eq!(ftp.client().connections().logins, 2);

        let number = async |host1: &str, host2: &str, fn2: &str, kind| {
            copy(host1, host2, fn2, kind).await.unwrap_err().number()
        };
        assert_eq!(
            number(&host1, &host2, "none", T_BINARY).await,
            ErrorNumber::COMMAND
        );
        assert_eq!(
            number(&host1, &host2, "s", T_EBCDIC).await,
            ErrorNumber::COMMAND
        );
        let nowhere = format!("{host1} 1");
        assert_eq!(
            number(&nowhere, &host2, "s", T_BINARY).await,
            ErrorNumber::NOPRIMARY
        );
        assert_eq!(
            number(&host1, &nowhere, "s", T_BINARY).await,
            ErrorNumber::CONNECT
        );
        source.set(|config| config.rule("RETR", None, Reply::Final(b"551 disk\r\n".to_vec())));
        assert_eq!(
            number(&host1, &host2, "s", T_BINARY).await,
            ErrorNumber::ABORT
        );
        for server in [&source, &target] {
            server.set(|config| {
                config.forget_rules();
                for verb in ["PASV", "EPSV"] {
                    config.rule(verb, None, Reply::line("502 no"));
                }
            });
        }
        assert_eq!(
            number(&host1, &host2, "s", T_BINARY).await,
            ErrorNumber::PROXYTHIRD
        );
    });
}
