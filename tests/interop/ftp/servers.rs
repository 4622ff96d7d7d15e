//! The servers of others start, and do what clients of others ask of them.

use fairway_tests::ftp::{
    Action, After, Channel, Config, Fault, FaultProxy, FtpServer, PRODUCTS, Product, RealConfig,
    RealServer, RealTls, Sender, Tls,
};
use fairway_tests::{Child, have};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

/// A control connection of the standard library.
struct Raw {
    lines: BufReader<TcpStream>,
}

impl Raw {
    fn login(server: &RealServer) -> Self {
        let stream = TcpStream::connect(server.address()).unwrap();
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut raw = Self {
            lines: BufReader::new(stream),
        };
        assert!(raw.reply().starts_with("220"));
        let reply = raw.ask(&format!("USER {}", server.user()));
        if !reply.starts_with("230") {
            assert!(
                raw.ask(&format!("PASS {}", server.password()))
                    .starts_with("230")
            );
        }
        raw
    }

    fn reply(&mut self) -> String {
        let mut all = String::new();
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "{all}");
            all += &line;
            if line.get(3..4) == Some(" ") && line.get(..3) == all.get(..3) {
                return all;
            }
        }
    }

    fn ask(&mut self, line: &str) -> String {
        write!(self.lines.get_mut(), "{line}\r\n").unwrap();
        self.reply()
    }
}

/// Runs a client, which is to succeed.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Child::output(Command::new(program).args(arguments), LIMIT);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {output:?}"
    );
    output.stdout
}

/// Runs curl with `secure` and `what`.
fn curl(secure: &[&str], what: &[&str]) -> String {
    run("curl", &[&["-sS"], secure, what].concat())
}

#[test]
fn they_greet_and_let_in() {
    for product in PRODUCTS {
        let config = RealConfig::default();
        let Some(server) = RealServer::start("they_greet_and_let_in", product, &config) else {
            continue;
        };
        let mut raw = Raw::login(&server);
        assert!(raw.ask("FEAT").contains("REST STREAM"));
        assert!(raw.ask("PORT 192,0,2,1,4,5").starts_with("500"));
        assert!(raw.ask("QUIT").starts_with("221"));
    }
}

#[test]
fn files_go_both_ways_with_curl() {
    let test = "files_go_both_ways_with_curl";
    if !have(test, &["curl"]) {
        return;
    }
    for product in PRODUCTS {
        for tls in [RealTls::None, RealTls::Explicit, RealTls::Implicit] {
            if (product, tls) == (Product::PureFtpd, RealTls::Implicit) {
                continue;
            }
            let config = RealConfig {
                tls,
                ..RealConfig::default()
            };
            let Some(server) = RealServer::start(test, product, &config) else {
                continue;
            };
            server.put("pub/f", "what is served");
            let (certificate, file) = (server.certificate_file(), server.root().join("pub/f"));
            let certificate = certificate.to_str().unwrap();
            let secure: &[&str] = match tls {
                RealTls::None => &[],
                RealTls::Explicit | RealTls::Implicit => &["--ssl-reqd", "--cacert", certificate],
            };
            let url = |path| match tls {
                RealTls::Implicit => server.url(path).replacen("ftp:", "ftps:", 1),
                RealTls::None | RealTls::Explicit => server.url(path),
            };
            assert_eq!(
                curl(secure, &[&url("pub/f")]),
                "what is served",
                "{}",
                server.log()
            );
            let (file, target) = (file.to_str().unwrap(), url("w/up"));
            let _nothing = curl(secure, &["-T", file, &target]);
            assert_eq!(server.read("w/up").unwrap(), b"what is served");
        }
    }
}

#[test]
fn versions_of_tls_and_sessions_are_as_asked_for() {
    let test = "versions_of_tls_and_sessions_are_as_asked_for";
    if !have(test, &["openssl", "curl"]) {
        return;
    }
    for product in PRODUCTS {
        let config = RealConfig {
            tls: RealTls::Explicit,
            only_tls12: true,
            reuse_required: product != Product::PureFtpd,
            ..RealConfig::default()
        };
        let Some(server) = RealServer::start(test, product, &config) else {
            continue;
        };
        server.put("pub/f", "what is served");
        let file = server.certificate_file();
        let secure = ["--ssl-reqd", "--cacert", file.to_str().unwrap()];
        assert_eq!(curl(&secure, &[&server.url("pub/f")]), "what is served");
        let newer = ["-sS", "-k", "--ssl-reqd", "--tlsv1.3", &server.url("pub/f")];
        let refused = Child::output(Command::new("curl").args(newer), LIMIT);
        assert_eq!(refused.status.code(), Some(35), "{refused:?}");
        if config.reuse_required {
            let alone = [
                "-sS",
                "-k",
                "--ssl-reqd",
                "--no-sessionid",
                &server.url("pub/f"),
            ];
            let refused = Child::output(Command::new("curl").args(alone), LIMIT);
            assert!(!refused.status.success(), "{refused:?}");
        }
    }
}

#[test]
fn limits_are_as_asked_for() {
    for product in PRODUCTS {
        let config = RealConfig {
            max_clients: Some(1),
            idle: (product != Product::PureFtpd).then(|| Duration::from_secs(3)),
            mode_z: product == Product::ProFtpd,
            ..RealConfig::default()
        };
        let Some(server) = RealServer::start("limits_are_as_asked_for", product, &config) else {
            continue;
        };
        let mut raw = Raw::login(&server);
        if product == Product::ProFtpd {
            assert!(raw.ask("FEAT").contains("MODE Z"));
        } else {
            let stream = TcpStream::connect(server.address()).unwrap();
            let mut line = String::new();
            BufReader::new(stream).read_line(&mut line).unwrap();
            assert!(line.starts_with("421"), "{line}");
        }
        if config.idle.is_some() {
            assert!(raw.reply().starts_with("421"));
        }
    }
}

#[test]
fn files_go_from_server_to_server_with_lftp() {
    let test = "files_go_from_server_to_server_with_lftp";
    if !have(test, &["lftp"]) {
        return;
    }
    let config = RealConfig {
        fxp: true,
        ..RealConfig::default()
    };
    let start = |product| RealServer::start(test, product, &config);
    let (Some(from), Some(to)) = (start(Product::Vsftpd), start(Product::PureFtpd)) else {
        return;
    };
    let content: Vec<u8> = (0..100_000_u32).flat_map(u32::to_be_bytes).collect();
    from.put("pub/f", &content);
    let script = format!(
        "set ftp:ssl-allow no; set ftp:use-mode-z no; set ftp:use-fxp yes; set ftp:fxp-force yes; get {} -o {}",
        from.url("pub/f").replace(":@", ":x@"),
        to.url("w/f")
    );
    let _progress = run("lftp", &["--norc", "-c", &script]);
    assert!(to.read("w/f").unwrap() == content);
}

// Ours as curl sees it: what the tests of the client talk to is a server to others, too.
#[test]
fn our_server_serves_curl() {
    let test = "our_server_serves_curl";
    if !have(test, &["curl"]) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let net = fairway_stack::Net::system();
    let certificate = fairway_tests::ftp::Certificate::new(&["127.0.0.1"]);
    let folder = fairway_tests::scratch(test);
    let file = folder.join("cert.pem");
    std::fs::write(&file, certificate.pem()).unwrap();
    for tls in [None, Some(Tls::like_vsftpd(certificate))] {
        let secure: &[&str] = match tls {
            None => &[],
            Some(_) => &["--ssl-reqd", "--cacert", file.to_str().unwrap()],
        };
        let server = FtpServer::start(&net, Config::new().with(|config| config.tls = tls)).unwrap();
        server.files().put("/pub/f", "what is served");
        let url = |path: &str| format!("ftp://u1:secret@{}/{path}", server.address());
        assert_eq!(curl(secure, &[&url("pub/f")]), "what is served");
        let (source, target) = (file.to_str().unwrap(), url("pub/up"));
        let _nothing = curl(secure, &["-T", source, &target]);
        assert_eq!(
            server.files().read("/pub/up").unwrap(),
            std::fs::read(&file).unwrap()
        );
        assert!(curl(secure, &[&url("pub/")]).contains(" up"));
    }
}

#[test]
fn a_proxy_cuts_what_curl_gets() {
    let test = "a_proxy_cuts_what_curl_gets";
    if !have(test, &["curl"]) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let net = fairway_stack::Net::system();
    for product in PRODUCTS {
        let config = RealConfig {
            tls: RealTls::Explicit,
            passive_ports: Some(20),
            ..RealConfig::default()
        };
        let Some(server) = RealServer::start(test, product, &config) else {
            continue;
        };
        server.put("pub/f", vec![b'x'; 1_000_000]);
        let proxy = FaultProxy::start(&net, ([127, 0, 0, 1], 0).into(), server.address()).unwrap();
        let url = server
            .url("pub/f")
            .replace(&server.address().to_string(), &proxy.address().to_string());
        assert_eq!(curl(&[], &[&url]).len(), 1_000_000);
        let cut = After::Octets(500_000);
        proxy.fault(Fault::new(
            Channel::Data,
            Sender::Server,
            cut,
            Action::Reset,
        ));
        let output = Child::output(Command::new("curl").args(["-sS", &url]), LIMIT);
        assert!(!output.status.success(), "{product:?}");
        let (first, last) = server.passive_ports();
        proxy.pass_ports(first..=last).unwrap();
        assert_eq!(curl(&["--ssl-reqd", "-k"], &[&url]).len(), 1_000_000);
        assert_eq!(proxy.passed().faults, 1);
    }
}
