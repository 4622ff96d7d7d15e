//! Segments, digests, batches, the blocking client and the classic calls against servers of others.

use fairway_ftp::calls::{LocalMode, REST_GET, T_ASCII, T_BINARY};
use fairway_ftp::tls::TlsOptions;
use fairway_ftp::{Client, Server, Tls, Verify, blocking};
use fairway_stack::Net;
use fairway_tests::ftp::{PRODUCTS, Product, RealConfig, RealServer, RealTls};
use std::fs;

fn content(octets: usize) -> Vec<u8> {
    let mut state = 1u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..octets).map(|_| next()).collect()
}

fn server_of(server: &RealServer) -> Server {
    let address = server.address();
    Server::new(address.ip().to_string())
        .on_port(address.port())
        .login(server.user(), server.password())
}

/// What is given up in the middle costs no connection, and all octets are where they belong.
#[test]
fn segments_come_from_all() {
    let test = "segments_come_from_all";
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let protected = [RealTls::None, RealTls::Explicit];
    let kinds = PRODUCTS.into_iter().flat_map(|product| {
        // Pure-FTPd never insists on sessions that are resumed.
        protected.map(|tls| {
            (
                product,
                tls,
                product != Product::PureFtpd && tls != RealTls::None,
            )
        })
    });
    for (product, tls, reuse_required) in kinds {
        let config = RealConfig {
            tls,
            reuse_required,
            ..RealConfig::default()
        };
        let Some(server) = RealServer::start(test, product, &config) else {
            continue;
        };
        let mut known = server_of(&server);
        if tls == RealTls::Explicit {
            let options = TlsOptions::new().root_der(server.certificate().der().to_vec());
            known = known.tls(Tls::Explicit).tls_options(options);
        }
        let big = content(9 << 20);
        server.put("pub/big", &big);
        let local = server.root().with_file_name("local");
        runtime.block_on(async {
            let client = Client::new(Net::system());
            let site = client.site(known);
            for _ in 0..3 {
                let get = site.get("pub/big").segments(4).verify(Verify::Size);
                let report = get.to_file(&local).await.unwrap();
                assert_eq!(
                    (report.octets, report.retries),
                    (9 << 20, 0),
                    "{product:?} {tls:?}"
                );
                assert!(fs::read(&local).unwrap() == big, "{product:?}");
                fs::remove_file(&local).unwrap();
            }
            let mut batch = client.batch(4);
            for n in 0..40 {
                let local = server.root().with_file_name(format!("local{n}"));
                batch.get(site.get("pub/big").from((9 << 20) - n), local);
            }
            for (n, result) in batch.run().await.into_iter().enumerate() {
                assert_eq!(result.unwrap().octets, n as u64, "{product:?}");
            }
            // One that is slow to get back in step is not waited for.
            let logins = client.connections().logins;
            assert!(logins <= 8, "{product:?}: {logins}");
            for algorithm in site.hashes().await.unwrap() {
                let digest = site.hash("pub/big", algorithm).await.unwrap();
                let here = fairway_ftp::verify::Digest::of(&big, algorithm);
                assert_eq!(digest, here, "{product:?}");
            }
            client.close().await;
        });
    }
}

/// The classic calls, waiting.
#[test]
fn classic_calls_work_with_all() {
    let test = "classic_calls_work_with_all";
    for product in PRODUCTS {
        let Some(server) = RealServer::start(test, product, &RealConfig::default()) else {
            continue;
        };
        let ftp = blocking::Calls::new().unwrap();
        let host = format!("{} {}", server.address().ip(), server.address().port());
        let (user, pass) = (server.user(), server.password());
        let local = server.root().with_file_name("l");
        let (w, a) = (LocalMode::Overwrite, LocalMode::Append);
        fs::write(&local, b"one\ntwo\n").unwrap();
        ftp.cd(&host, user, pass, None, "w").unwrap();
        assert!(ftp.pwd(&host, user, pass, None).unwrap().contains("/w\""));
        ftp.put(&host, user, pass, None, &local, "t", T_ASCII)
            .unwrap();
        ftp.append(&host, user, pass, None, &local, "t", T_BINARY)
            .unwrap();
        let size = ftp.rem_size(&host, user, pass, None, &local, "t", w, T_BINARY);
        assert_eq!(size.unwrap(), 16, "{product:?}");
        fs::write(&local, b"one\n").unwrap();
        let report = ftp.restart(&host, user, pass, None, &local, "t", w, T_BINARY, REST_GET);
        assert_eq!(report.unwrap().octets, 12, "{product:?}");
        ftp.get(&host, user, pass, None, &local, "t", a, T_ASCII)
            .unwrap();
        assert_eq!(fs::read(&local).unwrap(), b"one\ntwo\n".repeat(4));
        ftp.keep_file_date(&local, "t").unwrap();
        let name = ftp
            .put_unique(&host, user, pass, None, &local, "t", T_BINARY)
            .unwrap();
        let name = name.unwrap();
        ftp.rename(&host, user, pass, None, name.clone(), "u")
            .unwrap();
        ftp.mkd(&host, user, pass, None, "d").unwrap();
        ftp.ls(&host, user, pass, None, &local, "").unwrap();
        let names = fs::read_to_string(&local).unwrap();
        // Pure-FTPd names the directory itself and the one above, too.
        let named = names.lines().filter(|name| !name.starts_with('.'));
        let mut names: Vec<_> = named.collect();
        names.sort_unstable();
        assert_eq!(names, ["d", "t", "u"], "{product:?}");
        ftp.dir(&host, user, pass, None, &local, "t").unwrap();
        assert!(
            fs::read_to_string(&local).unwrap().ends_with(" t\n"),
            "{product:?}"
        );
        ftp.rmd(&host, user, pass, None, "d").unwrap();
        ftp.delete(&host, user, pass, None, "u").unwrap();
        ftp.sys(&host, user, pass, None).unwrap();
        ftp.quote(&host, user, pass, None, "NOOP").unwrap();
        let error = ftp.delete(&host, user, pass, None, "u").unwrap_err();
        assert_eq!(error.number().name(), "FTPCOMMAND");
        let error = ftp.pwd(&host, "nobody-here", "x", None).unwrap_err();
        assert_eq!(error.number().name(), "FTPLOGIN", "{product:?}: {error}");
        ftp.logoff();
    }
}
