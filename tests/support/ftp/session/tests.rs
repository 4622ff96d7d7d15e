use crate::ftp::stream::{Records, Stream};
use crate::ftp::{
    AbortStyle, Certificate, Config, DataFault, EarlyClose, Foreign, FtpServer, Handshake,
    LEAP_DAY, Passive, PwdStyle, Reply, StouStyle, Tls, TlsVersion, User,
};
use fairway_sim::Network;
use fairway_stack::{Net, TcpStream};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsConnector;

/// A client that knows no more than octets and numbers.
struct Raw {
    net: Net,
    control: Stream,
    read: Vec<u8>,
    /// Protects data connections.
    tls: Option<TlsConnector>,
}

/// The client's side of TLS.
async fn secure(connector: &TlsConnector, stream: TcpStream) -> std::io::Result<Stream> {
    let name = ServerName::try_from("server.test").unwrap();
    let stream = connector.connect(name, Records::new(stream)).await?;
    Ok(Stream::Client(Box::new(stream)))
}

/// Who trusts `certificate`, with sessions of its own.
fn connector(certificate: &Certificate) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

impl Raw {
    async fn connect(net: &Net, server: SocketAddr) -> Self {
        let control = net.connect_tcp(server).await.unwrap();
        let net = net.clone();
        let control = Stream::Plain(control);
        Self {
            net,
            control,
            read: Vec::new(),
            tls: None,
        }
    }

    /// Connects, and logs in.
    async fn login(net: &Net, server: SocketAddr) -> Self {
        let mut raw = Self::connect(net, server).await;
        raw.reply("220").await;
        raw.ask("USER u1", "331").await;
        raw.ask("PASS secret", "230").await;
        raw
    }

    /// Connects, begins TLS and logs in; data is protected.
    async fn login_secure(net: &Net, server: SocketAddr, connector: &TlsConnector) -> Self {
        let mut raw = Self::connect(net, server).await;
        raw.reply("220").await;
        raw.ask("AUTH TLS", "234").await;
        raw.secure(connector).await;
        raw.ask("USER u1", "331").await;
        raw.ask("PASS secret", "230").await;
        raw.ask("PBSZ 0", "200").await;
        raw.ask("PROT P", "200").await;
        raw.tls = Some(connector.clone());
        raw
    }

    async fn secure(&mut self, connector: &TlsConnector) {
        let Stream::Plain(control) = std::mem::replace(&mut self.control, Stream::Gone) else {
            panic!("TLS twice");
        };
        self.control = secure(connector, control).await.unwrap();
    }

    /// A transfer with TLS.
    async fn transfer(
        &mut self,
        command: &str,
        octets: &[u8],
    ) -> (Vec<u8>, std::io::Result<()>, String) {
        let Stream::Plain(data) = self.data().await else {
            panic!("no TLS yet");
        };
        self.ask(command, "150").await;
        let connector = self.tls.clone().unwrap();
        let mut data = secure(&connector, data).await.unwrap();
        // After a session that does not count the server says no more.
        drop(data.write_all(octets).await);
        if !octets.is_empty() {
            drop(data.shutdown().await);
        }
        let mut all = Vec::new();
        let end = data.read_to_end(&mut all).await.map(drop);
        (all, end, self.line().await)
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.read.iter().position(|&octet| octet == b'\n') {
                let line = self.read.drain(..=end).collect::<Vec<u8>>();
                return String::from_utf8_lossy(&line).trim_end().to_owned();
            }
            assert_ne!(
                self.control.read_buf(&mut self.read).await.unwrap(),
                0,
                "the end"
            );
        }
    }

    /// A whole reply, which has this code.
    async fn reply(&mut self, code: &str) -> String {
        let first = self.line().await;
        assert!(first.starts_with(code), "{first:?} instead of {code}");
        let mut all = first.clone();
        if first.get(3..4) == Some("-") {
            loop {
                let line = self.line().await;
                all = format!("{all}\n{line}");
                if line.starts_with(&format!("{code} ")) {
                    break;
                }
            }
        }
        all
    }

    async fn send(&mut self, line: impl AsRef<[u8]>) {
        let line = [line.as_ref(), b"\r\n"].concat();
        self.control.write_all(&line).await.unwrap();
    }

    async fn ask(&mut self, line: impl AsRef<[u8]>, code: &str) -> String {
        self.send(line).await;
        self.reply(code).await
    }

    async fn data(&mut self) -> Stream {
        let reply = self.ask("EPSV", "229").await;
        let port = reply.split('|').nth(3).unwrap().parse().unwrap();
        let host = self.control.tcp().unwrap().peer_addr().unwrap().ip();
        Stream::Plain(self.net.connect_tcp((host, port).into()).await.unwrap())
    }

    async fn get(&mut self, command: &str) -> Vec<u8> {
        let mut data = self.data().await;
        self.ask(command, "150").await;
        let mut all = Vec::new();
        data.read_to_end(&mut all).await.unwrap();
        self.reply("226").await;
        all
    }

    async fn put(&mut self, command: &str, octets: &[u8]) -> String {
        let mut data = self.data().await;
        let first = self.ask(command, "150").await;
        data.write_all(octets).await.unwrap();
        drop(data);
        self.reply("226").await;
        first
    }

    /// Whether the server has closed it.
    async fn is_closed(&mut self) -> bool {
        !matches!(self.control.read(&mut [0; 64]).await, Ok(1..))
    }
}

/// Runs `test` over loopback.
fn on_system<F: Future>(test: impl FnOnce(Net, IpAddr) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let net = Net::system();
    let limit = net.clock();
    let test = test(net, Ipv4Addr::LOCALHOST.into());
    let test = async { limit.timeout(Duration::from_secs(20), test).await };
    runtime.block_on(test).unwrap();
}

/// Runs `test`, which gets the server's net and address and the client's net, on two simulated hosts.
fn on_simulated<F: Future>(test: impl FnOnce(Net, IpAddr, Net) -> F) {
    let network = Network::new(7);
    let [client, server] = ["client", "server"].map(|name| network.node(name));
    network
        .link(&client, &server)
        .delay(Duration::from_millis(3))
        .connect();
    network.route_all();
    network.run(test(server.net(), server.address().into(), client.net()));
}

/// Runs `test` both ways.
fn on_both<F: Future>(test: impl Fn(Net, IpAddr, Net) -> F) {
    on_system(|net, host| test(net.clone(), host, net));
    on_simulated(test);
}

fn start(net: &Net, host: IpAddr, config: Config) -> FtpServer {
    let server = FtpServer::start(net, config.listen((host, 0))).unwrap();
    server.files().put("/pub/hello", "hello\nworld\n");
    server
}

#[test]
fn files_go_both_ways() {
    on_both(|net, host, client| async move {
        let server = start(&net, host, Config::new());
        let mut raw = Raw::login(&client, server.address()).await;
        assert_eq!(raw.get("RETR pub/hello").await, b"hello\r\nworld\r\n");
        raw.ask("TYPE I", "200").await;
        assert_eq!(raw.get("RETR pub/hello").await, b"hello\nworld\n");
        raw.ask("REST 6", "350").await;
        assert_eq!(raw.get("RETR pub/hello").await, b"world\n");
        raw.put("STOR /pub/new", b"12").await;
        raw.put("APPE /pub/new", b"34").await;
        raw.ask("REST 3", "350").await;
        raw.put("STOR /pub/new", b"xyz").await;
        assert_eq!(server.files().read("/pub/new").unwrap(), b"123xyz");
        raw.ask("QUIT", "221").await;
        assert!(raw.is_closed().await);
        assert_eq!(server.counters().completed, 6);
        let commands = server.commands(0);
        assert_eq!(commands[..3], ["USER u1", "PASS secret", "EPSV"]);
        let data = server.data_connections();
        assert_eq!((data[0].sent, data[3].received), (14, 2));
    });
}

#[test]
fn the_server_connects_where_port_says() {
    on_both(|net, host, client| async move {
        let server = start(
            &net,
            host,
            Config::new().with(|config| config.foreign = Foreign::Refused),
        );
        let mut raw = Raw::login(&client, server.address()).await;
        let here = raw.control.tcp().unwrap().local_addr().unwrap().ip();
        let listener = client.listen_tcp((here, 0).into()).unwrap();
        let port = listener.local_addr().unwrap().port();
        raw.ask(format!("EPRT |1|{here}|{port}|"), "200").await;
        raw.send("RETR pub/hello").await;
        let (mut data, from) = listener.accept().await.unwrap();
        assert_eq!(from.ip(), host);
        raw.reply("150").await;
        let mut all = Vec::new();
        data.read_to_end(&mut all).await.unwrap();
        raw.reply("226").await;
        assert_eq!(all.len(), 14);
        raw.ask("PORT 192,0,2,1,4,5", "500").await;
        raw.ask("EPRT |3|x|1|", "501").await;
        raw.ask("EPRT |2|::1|1|", "522").await;
    });
}

// RFC 959 §3.5, RFC 1123 §4.1.3.4.
#[test]
fn restart_markers_go_both_ways() {
    on_both(|net, host, client| async move {
        let config = Config::new().with(|config| config.format.markers = Some(6));
        let server = start(&net, host, config);
        let mut raw = Raw::login(&client, server.address()).await;
        raw.ask("MODE B", "200").await;
        assert_eq!(
            raw.get("RETR pub/hello").await,
            b"\0\0\x07hello\r\n\x10\0\x02x6\x40\0\x07world\r\n"
        );
        raw.ask("REST x6", "350").await;
        assert_eq!(raw.get("RETR pub/hello").await, b"\x40\0\x07world\r\n");

        let mut data = raw.data().await;
        raw.ask("STOR up", "150").await;
        data.write_all(b"\0\0\x04ab\r\n\x10\0\x01A\0\0\x01\r\x10\0\x01B")
            .await
            .unwrap();
        assert_eq!(raw.line().await, "110 MARK A = x3");
        assert_eq!(raw.line().await, "110 MARK B = x3c");
        drop(data);
        raw.reply("426").await;
        raw.ask("REST x3c", "350").await;
        raw.put("STOR up", b"\x40\0\x03\ncd").await;
        assert_eq!(server.files().read("/up").unwrap(), b"ab\n\ncd");
    });
}

#[test]
fn a_data_connection_of_mode_b_is_kept() {
    on_both(|net, host, client| async move {
        let config = Config::new().with(|config| config.keep_data = true);
        let server = start(&net, host, config);
        let mut raw = Raw::login(&client, server.address()).await;
        raw.ask("MODE B", "200").await;
        let mut data = raw.data().await;
        for code in ["150", "125"] {
            raw.ask("RETR pub/hello", code).await;
            raw.reply("250").await;
            let mut got = [0; 17];
            data.read_exact(&mut got).await.unwrap();
            assert_eq!(got, *b"\x40\0\x0ehello\r\nworld\r\n");
        }
    });
}

#[test]
fn what_is_there_is_listed() {
    on_both(|net, host, client| async move {
        let server = start(&net, host, Config::new());
        let mut raw = Raw::login(&client, server.address()).await;
        assert_eq!(raw.get("NLST").await, b"pub\r\n");
        assert_eq!(raw.get("NLST pub").await, b"pub/hello\r\n");
        let list = String::from_utf8(raw.get("LIST -al pub").await).unwrap();
        assert!(
            list.starts_with("-rw-r--r--") && list.ends_with(" hello\r\n"),
            "{list}"
        );
        let mlsd = String::from_utf8(raw.get("MLSD pub").await).unwrap();
        assert!(
            mlsd.contains("Type=file;Size=12;Modify=20240229123456;"),
            "{mlsd}"
        );
        raw.ask("OPTS MLST size;", "200 MLST OPTS Size;").await;
        assert_eq!(
            raw.ask("MLST pub/hello", "250")
                .await
                .lines()
                .nth(1)
                .unwrap(),
            " Size=12; /pub/hello"
        );
        raw.ask("MLSD pub/hello", "501").await;
        raw.ask("LIST nothing", "550").await;
        assert!(raw.ask("STAT pub", "213").await.contains("hello"));
        let features = raw.ask("FEAT", "211").await;
        assert!(
            features.contains("\n MLST Type;Size*;Modify;Perm;UNIX.mode;\n"),
            "{features}"
        );
        server.set(|config| config.listing = Some(b"anything\n".to_vec()));
        assert_eq!(raw.get("LIST").await, b"anything\n");
    });
}

#[test]
fn files_are_asked_about_and_changed() {
    on_system(|net, host| async move {
        let server = start(&net, host, Config::new());
        let mut raw = Raw::login(&net, server.address()).await;
        raw.ask("SIZE pub/hello", "213 14").await;
        raw.ask("TYPE I", "200").await;
        raw.ask("SIZE pub/hello", "213 12").await;
        raw.ask("MDTM pub/hello", "213 20240229123456").await;
        raw.ask(
            "MFMT 20000101000000 pub/hello",
            "213 Modify=20000101000000; pub/hello",
        )
        .await;
        assert_eq!(
            server.files().get("/pub/hello").unwrap().modified,
            946_684_800
        );
        raw.ask("OPTS HASH CRC32", "200 CRC32").await;
        raw.ask("HASH pub/hello", "213 CRC32 0-12 ").await;
        raw.ask("XCRC \"pub/hello\" 0 0", "250 00000000").await;
        raw.ask("MKD a\"b", "257 \"/a\"\"b\"").await;
        raw.ask("CWD a\"b", "250").await;
        raw.ask("PWD", "257 \"/a\"\"b\"").await;
        raw.ask("CDUP", "250").await;
        raw.ask("RNFR pub/hello", "350").await;
        raw.ask("RNTO moved", "250").await;
        raw.ask("RNTO moved", "503").await;
        raw.ask("SITE CHMOD 600 moved", "200").await;
        assert_eq!(server.files().get("/moved").unwrap().mode, 0o600);
        raw.ask("RMD moved", "550").await;
        raw.ask("DELE moved", "250").await;
        raw.ask("RMD a\"b", "250").await;
        raw.ask("SYST", "215").await;
        raw.ask("ALLO 5 R 2", "202").await;
        raw.ask("REIN", "220").await;
        raw.ask("PWD", "530").await;
        assert_eq!(LEAP_DAY, 1_709_210_096);
    });
}

#[test]
fn an_account_is_asked_for() {
    on_system(|net, host| async move {
        let user = |password, account: Option<&str>| User {
            name: "a".to_owned(),
            password,
            account: account.map(str::to_owned),
        };
        let config = Config::new().with(|config| config.users = vec![user(None, Some("x"))]);
        let server = start(&net, host, config);
        let mut raw = Raw::connect(&net, server.address()).await;
        raw.reply("220").await;
        raw.ask("ACCT x", "503").await;
        raw.ask("USER a", "332").await;
        raw.ask("ACCT x", "230").await;
    });
}

#[test]
fn rules_take_the_place_of_replies() {
    on_both(|net, host, client| async move {
        let config = Config::new()
            .on_nth("NOOP", 2, Reply::line("450 later"))
            .on("SYST", Reply::Raw(b"215 a\0b\n".to_vec()))
            .on("PWD", Reply::Before(b"150 stray\r\n".to_vec()))
            .on("HELP", Reply::Nothing)
            .on("SITE", Reply::Endless(b"214-on and on\r\n".to_vec()))
            .on("STAT", Reply::Close);
        let server = start(&net, host, config);
        let mut raw = Raw::login(&client, server.address()).await;
        raw.ask("NOOP", "200").await;
        raw.ask("NOOP", "450 later").await;
        raw.ask("NOOP", "200").await;
        raw.ask("SYST", "215 a\0b").await;
        raw.ask("PWD", "150 stray").await;
        raw.reply("257").await;
        raw.send("HELP").await;
        raw.ask("NOOP", "200").await;
        assert_eq!(server.count("NOOP"), 4);
        server.say(b"421 bye\r\n");
        raw.reply("421").await;
        raw.send("SITE").await;
        for _ in 0..1000 {
            assert_eq!(raw.line().await, "214-on and on");
        }
        drop(raw);
        let mut raw = Raw::login(&client, server.address()).await;
        raw.send("STAT").await;
        assert!(raw.is_closed().await);
    });
}

#[test]
fn the_control_connection_has_its_faults() {
    on_both(|net, host, client| async move {
        let config = Config::new().with(|config| {
            config.line_end = b"\n";
            config.dribble = Some(Duration::from_micros(10));
            config.max_connections = 1;
            config.idle = Some(Duration::from_millis(200));
        });
        let server = start(&net, host, config);
        let mut raw = Raw::login(&client, server.address()).await;
        let mut other = Raw::connect(&client, server.address()).await;
        other.reply("421").await;
        assert!(other.is_closed().await);
        raw.ask("NOOP", "200").await;
        raw.reply("421").await;
        assert!(raw.is_closed().await);
        assert!(!server.replies(0)[10..].contains(&b'\r'));
        server.set(|config| {
            config.idle = None;
            config.cut_control = Some(12);
        });
        let mut raw = Raw::connect(&client, server.address()).await;
        raw.reply("220").await;
        raw.send("USER u1").await;
        let mut rest = raw.read.clone();
        raw.control.read_to_end(&mut rest).await.unwrap_or_default();
        assert_eq!(rest, b"3");
    });
}

#[test]
fn passive_ports_are_what_they_are_to_be() {
    on_both(|net, host, client| async move {
        let config = Config::new().with(|config| {
            config.epsv = Passive::Refused("502 no".to_owned());
            config.pasv = Passive::Address([192, 0, 2, 9].into());
            config.pasv_text = "go to {} please".to_owned();
            config.data_wait = Duration::from_millis(20);
        });
        let server = start(&net, host, config);
        let mut raw = Raw::login(&client, server.address()).await;
        raw.ask("EPSV", "502").await;
        raw.ask("PASV", "227 go to 192,0,2,9,").await;
        raw.ask("RETR pub/hello", "425").await;
        server.set(|config| config.epsv = Passive::Closed);
        let port = raw
            .ask("EPSV", "229")
            .await
            .split('|')
            .nth(3)
            .unwrap()
            .parse()
            .unwrap();
        client.connect_tcp((host, port).into()).await.unwrap_err();
        server.set(|config| config.epsv = Passive::Silent);
        drop(raw.data().await);
        raw.ask("RETR pub/hello", "425").await;
        raw.ask("EPSV 2", "522").await;
        raw.ask("EPSV ALL", "200").await;
        raw.ask("PASV", "503").await;
        server.set(|config| {
            config.pret = true;
            config.epsv = Passive::Works;
        });
        raw.ask("EPSV", "503").await;
        raw.ask("PRET RETR x", "200").await;
        raw.ask("EPSV", "229").await;
    });
}

/// A file that takes its time at the [`PACE`].
const LONG: usize = 5_000_000;

/// A thousand octets in a millisecond.
const PACE: Option<(usize, Duration)> = Some((1000, Duration::from_millis(1)));

#[test]
fn abort_is_answered_in_every_style() {
    on_both(|net, host, client| async move {
        let server = start(
            &net,
            host,
            Config::new()
                .like_vsftpd()
                .with(|config| config.pace = PACE),
        );
        server.files().put("/long", vec![0; LONG]);
        let mut raw = Raw::login(&client, server.address()).await;
        for (style, replies) in [
            (AbortStyle::Rfc, ["426", "226"]),
            (AbortStyle::Vsftpd, ["426", "225"]),
            (AbortStyle::PureFtpd, ["150", "226"]),
        ] {
            server.set(|config| config.abort = style);
            let mut data = raw.data().await;
            raw.ask("RETR long", "150").await;
            data.read_exact(&mut [0; 1000]).await.unwrap();
            // RFC 959 §4.1.3: interrupt, synch, the command.
            raw.control.write_all(b"\xff\xf4").await.unwrap();
            raw.control.tcp().unwrap().send_urgent(0xff).await.unwrap();
            raw.send(b"\xf2ABOR").await;
            for reply in replies {
                raw.reply(reply).await;
            }
            raw.ask("NOOP", "200").await;
        }
        raw.ask("ABOR", "226").await;
        let last = server.all_commands();
        let abort = last.iter().find(|command| command.verb == "ABOR").unwrap();
        assert!(abort.in_transfer && abort.raw == b"\xff\xf4\xff\xf2ABOR");
    });
}

#[test]
fn an_early_end_is_answered_in_every_style() {
    on_both(|net, host, client| async move {
        let server = start(
            &net,
            host,
            Config::new()
                .like_pureftpd()
                .with(|config| config.pace = PACE),
        );
        server.files().put("/long", vec![0; LONG]);
        let mut raw = Raw::login(&client, server.address()).await;
        let mut data = raw.data().await;
        raw.ask("RETR long", "150").await;
        data.read_exact(&mut [0; 1000]).await.unwrap();
        raw.ask("NOOP", "500").await;
        drop(data);
        raw.reply("150").await;
        raw.ask("NOOP", "200").await;
        server.set(|config| config.early_close = EarlyClose::Rfc);
        drop(raw.data().await);
        raw.ask("RETR long", "150").await;
        raw.reply("426").await;
    });
}

#[test]
fn data_connections_have_their_faults() {
    on_both(|net, host, client| async move {
        let fault = |fault| Reply::Data(fault);
        let config = Config::new()
            .on_nth("RETR", 1, fault(DataFault::CloseAt(5)))
            .on_nth("RETR", 2, fault(DataFault::ResetAt(5)))
            .on_nth("RETR", 3, fault(DataFault::FinalFirst))
            .on_nth("RETR", 4, fault(DataFault::CloseAt(3)))
            .on_nth("RETR", 4, Reply::Final(b"226 a lie\r\n".to_vec()))
            .on_nth("RETR", 5, fault(DataFault::Endless))
            .on_nth("RETR", 6, fault(DataFault::LeftOpen))
            .on_nth("RETR", 7, fault(DataFault::AllCloseAt(3)))
            .on_nth("STOR", 1, fault(DataFault::CloseAt(2)));
        let server = start(&net, host, config);
        let mut raw = Raw::login(&client, server.address()).await;
        let mut all = Vec::new();
        for (octets, code) in [(5, "426"), (0, "426"), (14, "226"), (3, "226")] {
            let mut data = raw.data().await;
            raw.ask("RETR pub/hello", "150").await;
            all.clear();
            let read = data.read_to_end(&mut all).await;
            assert!(read.is_err() || all.len() == octets, "{all:?}");
            raw.reply(code).await;
        }
        let mut data = raw.data().await;
        raw.ask("RETR pub/hello", "150").await;
        data.read_exact(&mut [0; 5000]).await.unwrap();
        drop(data);
        raw.reply("426").await;
        let mut data = raw.data().await;
        raw.ask("RETR pub/hello", "150").await;
        raw.reply("226").await;
        data.read_exact(&mut [0; 14]).await.unwrap();
        let more = client
            .clock()
            .timeout(Duration::from_millis(50), data.read_u8())
            .await;
        more.unwrap_err();
        let mut data = raw.data().await;
        raw.ask("STOR up", "150").await;
        data.write_all(b"abcd").await.unwrap();
        raw.reply("426").await;
        assert_eq!(server.files().read("/up").unwrap(), b"ab");
        let _data = raw.data().await;
        raw.ask("RETR pub/hello", "150").await;
        assert!(raw.is_closed().await);
    });
}

#[test]
fn unique_files_are_named() {
    on_system(|net, host| async move {
        let server = start(&net, host, Config::new());
        let mut raw = Raw::login(&net, server.address()).await;
        assert_eq!(raw.put("STOU", b"1").await, "150 FILE: unique.1");
        server.set(|config| {
            config.stou = StouStyle::TwoLines;
            config.pwd = PwdStyle::Unquoted;
        });
        // What comes first is no reply by itself.
        let mut data = raw.data().await;
        raw.send("STOU").await;
        assert_eq!(raw.line().await, "150-FILE: unique.2");
        raw.reply("150").await;
        data.write_all(b"2").await.unwrap();
        drop(data);
        raw.reply("226").await;
        assert_eq!(server.files().read("/unique.2").unwrap(), b"2");
        raw.ask("PWD", "257 / ").await;
    });
}

#[test]
fn files_go_from_server_to_server() {
    let network = Network::new(7);
    let [client, from, to] = ["client", "from", "to"].map(|name| network.node(name));
    network
        .segment()
        .station(&client)
        .station(&from)
        .station(&to)
        .build();
    network.route_all();
    network.run(async {
        let [one, other] =
            [&from, &to].map(|node| start(&node.net(), node.address().into(), Config::new()));
        let (mut source, mut sink) = (
            Raw::login(&client.net(), one.address()).await,
            Raw::login(&client.net(), other.address()).await,
        );
        let address = sink.ask("PASV", "227").await;
        let numbers = address.split(['(', ')']).nth(1).unwrap();
        source.ask(format!("PORT {numbers}"), "200").await;
        sink.send("STOR copy").await;
        source.ask("RETR pub/hello", "150").await;
        sink.reply("150").await;
        source.reply("226").await;
        sink.reply("226").await;
        assert_eq!(other.files().read("/copy").unwrap(), b"hello\nworld\n");
        assert_eq!(one.data_connections()[0].peer.ip(), to.address());
    });
}

#[test]
fn a_stopped_server_is_gone() {
    on_both(|net, host, client| async move {
        let server = start(&net, host, Config::new());
        let mut raw = Raw::login(&client, server.address()).await;
        server.close_connections();
        assert!(raw.is_closed().await);
        let mut raw = Raw::login(&client, server.address()).await;
        // In the middle of a transfer.
        server.set(|config| config.pace = PACE);
        server.files().put("/long", vec![0; LONG]);
        let _data = raw.data().await;
        raw.ask("RETR long", "150").await;
        server.stop();
        assert!(raw.is_closed().await);
        client.clock().sleep(Duration::from_millis(20)).await;
        client.connect_tcp(server.address()).await.unwrap_err();
    });
}

fn with_tls(certificate: &Certificate, change: impl FnOnce(&mut Tls)) -> Config {
    let mut tls = Tls::new(certificate.clone());
    change(&mut tls);
    Config::new().with(|config| {
        config.tls = Some(tls);
        config.format.kind = crate::ftp::Type::Image;
    })
}

#[test]
fn tls_protects_control_and_data() {
    let certificate = &Certificate::new(&["server.test"]);
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        for handshake_first in [false, true] {
            on_both(|net, host, client| async move {
                let config = with_tls(certificate, |tls| {
                    tls.version = Some(version);
                    tls.required = true;
                });
                let server = start(&net, host, config);
                let connector = connector(certificate);
                let mut raw = Raw::login_secure(&client, server.address(), &connector).await;
                let (got, end, reply) = raw.transfer("RETR pub/hello", b"").await;
                end.unwrap();
                assert_eq!(
                    (got.as_slice(), reply.as_str()),
                    (&b"hello\nworld\n"[..], "226 sent")
                );
                let (_, end, reply) = raw.transfer("STOR up", b"abc").await;
                end.unwrap();
                assert_eq!(reply, "226 stored");
                assert_eq!(server.files().read("/up").unwrap(), b"abc");
                assert_eq!(server.data_connections()[0].tls, Some(Handshake::Resumed));
                raw.ask("PROT C", "200").await;
                assert_eq!(raw.get("RETR up").await, b"abc");
                raw.ask("AUTH TLS", "503").await;
                let mut other = Raw::connect(&client, server.address()).await;
                other.reply("220").await;
                other.ask("PROT P", "503").await;
                other.ask("USER u1", "530").await;
                if handshake_first {
                    server.set(|config| config.tls.as_mut().unwrap().handshake_first = true);
                    raw.ask("PROT P", "200").await;
                    let Stream::Plain(data) = raw.data().await else {
                        panic!()
                    };
                    raw.send("RETR up").await;
                    let mut data = secure(&connector, data).await.unwrap();
                    raw.reply("150").await;
                    data.read_to_end(&mut Vec::new()).await.unwrap();
                    raw.reply("226").await;
                }
            });
        }
    }
}

#[test]
fn sessions_are_to_be_those_of_the_control_connection() {
    let certificate = &Certificate::new(&["server.test"]);
    for version in [TlsVersion::V1_2, TlsVersion::V1_3] {
        on_system(|net, host| async move {
            let tls = Tls {
                version: Some(version),
                ..Tls::like_vsftpd(certificate.clone())
            };
            let server = start(&net, host, with_tls(certificate, |to| *to = tls));
            let shared = connector(certificate);
            let mut raw = Raw::login_secure(&net, server.address(), &shared).await;
            let (_, _, reply) = raw.transfer("RETR pub/hello", b"").await;
            assert_eq!(reply, "226 sent");
            raw.tls = Some(connector(certificate));
            let (_, _, reply) = raw.transfer("RETR pub/hello", b"").await;
            assert_eq!(reply, "522 SSL connection failed: session reuse required");
            // Of another control connection: it has a session, and it is none here.
            let mut other =
                Raw::login_secure(&net, server.address(), &connector(certificate)).await;
            other.tls = Some(shared);
            let (_, _, reply) = other.transfer("RETR pub/hello", b"").await;
            assert_eq!(reply, "522 SSL connection failed: session reuse required");
        });
    }
}

// Tickets of TLS 1.3 run out where uploads bring none and the client uses each once, as rustls does.
#[test]
fn tickets_run_out_on_uploads() {
    let certificate = &Certificate::new(&["server.test"]);
    on_both(|net, host, client| async move {
        let tls = Tls {
            version: Some(TlsVersion::V1_3),
            ..Tls::like_proftpd(certificate.clone())
        };
        let server = start(&net, host, with_tls(certificate, |to| *to = tls));
        let mut raw = Raw::login_secure(&client, server.address(), &connector(certificate)).await;
        for code in ["226", "226", "425"] {
            let (_, _, reply) = raw.transfer("STOR up", b"abc").await;
            assert!(reply.starts_with(code), "{reply}");
        }
        assert_eq!(server.counters().completed, 2);
    });
}

#[test]
fn tls_has_its_faults() {
    let certificate = &Certificate::new(&["server.test"]);
    on_both(|net, host, client| async move {
        let config = with_tls(certificate, |tls| {
            tls.injected = b"331 injected\r\n".to_vec();
        })
        .on_nth("RETR", 2, Reply::Data(DataFault::TruncateAt(5)))
        .on_nth("RETR", 3, Reply::Data(DataFault::CloseAt(5)));
        let server = start(&net, host, config);
        let connector = connector(certificate);
        let mut raw = Raw::connect(&client, server.address()).await;
        raw.reply("220").await;
        raw.ask("AUTH NONE", "504").await;
        raw.ask("AUTH TLS", "234").await;
        raw.reply("331 injected").await;
        raw.secure(&connector).await;
        raw.ask("USER u1", "331").await;
        raw.ask("PASS secret", "230").await;
        raw.ask("PROT P", "200").await;
        raw.tls = Some(connector);
        server.set(|config| config.tls.as_mut().unwrap().no_close_notify = true);
        let (got, end, reply) = raw.transfer("RETR pub/hello", b"").await;
        assert_eq!((got.len(), reply.as_str()), (12, "226 sent"));
        assert_eq!(end.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
        let (got, end, reply) = raw.transfer("RETR pub/hello", b"").await;
        assert_eq!(
            (got.as_slice(), reply.as_str()),
            (&b"hello"[..], "426 it broke")
        );
        end.unwrap_err();
        let (got, end, _) = raw.transfer("RETR pub/hello", b"").await;
        assert_eq!(got, b"hello");
        end.unwrap();
    });
}

// RFC 4217 §12.3.
#[test]
fn a_control_connection_is_cleared() {
    let certificate = &Certificate::new(&["server.test"]);
    on_both(|net, host, client| async move {
        let server = start(&net, host, with_tls(certificate, |_| {}));
        let mut raw = Raw::login_secure(&client, server.address(), &connector(certificate)).await;
        raw.ask("CCC", "200").await;
        let Stream::Client(mut control) = std::mem::replace(&mut raw.control, Stream::Gone) else {
            panic!();
        };
        assert_eq!(control.read(&mut [0]).await.unwrap(), 0);
        control.get_mut().1.send_close_notify();
        control.flush().await.unwrap();
        let mut control = control.into_inner().0.stream;
        // At once, so that it may be in the segment of the farewell.
        control.write_all(b"NOOP\r\n").await.unwrap();
        raw.control = Stream::Plain(control);
        raw.reply("200").await;
        let (got, end, _) = raw.transfer("RETR pub/hello", b"").await;
        end.unwrap();
        assert_eq!(got.len(), 12);
    });
}

#[test]
fn implicit_tls_comes_first() {
    let certificate = &Certificate::new(&["server.test"]);
    on_both(|net, host, client| async move {
        let server = start(&net, host, with_tls(certificate, |tls| tls.implicit = true));
        let mut raw = Raw::connect(&client, server.address()).await;
        raw.secure(&connector(certificate)).await;
        raw.reply("220").await;
        raw.ask("PBSZ 0", "200").await;
        raw.ask("QUIT", "221").await;
        assert_eq!(raw.control.read(&mut [0]).await.unwrap(), 0);
    });
}

#[test]
fn protected_files_go_from_server_to_server() {
    let certificate = &Certificate::new(&["server.test"]);
    on_system(|net, host| async move {
        let start = || start(&net, host, with_tls(certificate, |_| {}));
        let (one, other) = (start(), start());
        let mut source = Raw::login_secure(&net, one.address(), &connector(certificate)).await;
        let mut sink = Raw::login_secure(&net, other.address(), &connector(certificate)).await;
        for command in ["SSCN ON", "CPSV"] {
            let passive = if command == "CPSV" {
                "CPSV"
            } else {
                sink.ask("SSCN ON", "200 SSCN:CLIENT METHOD").await;
                "PASV"
            };
            let address = sink.ask(passive, "227").await;
            let numbers = address.split(['(', ')']).nth(1).unwrap();
            source.ask(format!("PORT {numbers}"), "200").await;
            sink.send("STOR copy").await;
            source.ask("RETR pub/hello", "150").await;
            sink.reply("150").await;
            source.reply("226").await;
            sink.reply("226").await;
            assert_eq!(other.files().read("/copy").unwrap(), b"hello\nworld\n");
            other.files().remove("/copy");
            sink.ask("SSCN OFF", "200 SSCN:SERVER METHOD").await;
        }
        assert_eq!(one.data_connections()[0].tls, Some(Handshake::Full));
    });
}
