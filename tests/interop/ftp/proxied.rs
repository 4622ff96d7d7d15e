//! The client through proxies of three kinds that a script plays, on a simulated network where there is no other way to
//! the server, and on loopback.

use fairway_ftp::Tls;
use fairway_ftp::proxy::{HttpError, HttpProxy, Proxy, ProxyError};
use fairway_ftp::tls::TlsOptions;
use fairway_ftp::{Client, DataMode, ErrorKind, ErrorNumber, Limits, Server, Site};
use fairway_sim::Network;
use fairway_stack::socks::{self, Version};
use fairway_stack::{Net, TcpStream};
use fairway_tests::ftp::{self, Certificate, Config, FtpServer, Handshake, Passive};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What a proxy was asked for.
type Asked = Arc<Mutex<Vec<String>>>;

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    V4,
    V4a,
    V5,
    /// With a login.
    V5Login,
    Http,
    /// With a login.
    HttpLogin,
}

const KINDS: [Kind; 6] = [
    Kind::V4,
    Kind::V4a,
    Kind::V5,
    Kind::V5Login,
    Kind::Http,
    Kind::HttpLogin,
];

impl Kind {
    fn at(self, address: SocketAddr) -> Proxy {
        let socks = |version| socks::Proxy::new(version, address);
        let http = || HttpProxy::new(address.ip().to_string(), address.port());
        match self {
            Self::V4 => socks(Version::V4).into(),
            Self::V4a => socks(Version::V4a).into(),
            Self::V5 => socks(Version::V5).into(),
            Self::V5Login => socks(Version::V5).login("anna", "key").into(),
            Self::Http => http().into(),
            Self::HttpLogin => http().login("anna", "key").into(),
        }
    }

    const fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::HttpLogin)
    }
}

/// Starts a proxy at `ip`.
fn start(net: &Net, ip: IpAddr, kind: Kind) -> (SocketAddr, Asked) {
    let listener = net.listen_tcp((ip, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let asked = Asked::default();
    let (of_task, of_net) = (Arc::clone(&asked), net.clone());
    net.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (net, asked) = (of_net.clone(), Arc::clone(&of_task));
            of_net
                .spawn(async move {
                    let done = if kind.is_http() {
                        http(&net, stream, &asked, kind == Kind::HttpLogin).await
                    } else {
                        socks(&net, stream, &asked, kind).await
                    };
                    // Whoever is refused may leave as he likes.
                    let _ = done;
                })
                .detach();
        }
    })
    .detach();
    (address, asked)
}

/// Reads up to a zero octet.
async fn text(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut text = String::new();
    loop {
        match stream.read_u8().await? {
            0 => return Ok(text),
            octet => text.push(octet.into()),
        }
    }
}

async fn reach(net: &Net, host: &str, port: u16) -> std::io::Result<TcpStream> {
    // Where `localhost` is the address of IPv6 first, nobody listens there.
    let found = net.lookup(host).await?;
    let ip = found.iter().find(|ip| ip.is_ipv4()).unwrap_or(&found[0]);
    Ok(net.connect_tcp(SocketAddr::new(*ip, port)).await?)
}

/// A yes, with an address.
fn yes(kind: Kind, address: SocketAddr) -> Vec<u8> {
    let IpAddr::V4(ip) = address.ip() else {
        panic!("IPv4 only")
    };
    let port = address.port().to_be_bytes();
    match kind {
        Kind::V4 | Kind::V4a => [&[0, 90], &port[..], &ip.octets()].concat(),
        _ => [&[5, 0, 0, 1], &ip.octets()[..], &port].concat(),
    }
}

async fn socks(net: &Net, mut client: TcpStream, asked: &Asked, kind: Kind) -> std::io::Result<()> {
    let (command, host, port);
    if matches!(kind, Kind::V4 | Kind::V4a) {
        assert_eq!(client.read_u8().await?, 4);
        command = client.read_u8().await?;
        port = client.read_u16().await?;
        let ip = Ipv4Addr::from(client.read_u32().await?);
        let _user = text(&mut client).await?;
        host = match ip.octets() {
            [0, 0, 0, _] => text(&mut client).await?,
            _ => ip.to_string(),
        };
    } else {
        assert_eq!(client.read_u8().await?, 5);
        let mut methods = vec![0; client.read_u8().await?.into()];
        client.read_exact(&mut methods).await?;
        if kind == Kind::V5Login {
            client.write_all(&[5, 2]).await?;
            let mut login = [0; 10];
            client.read_exact(&mut login).await?;
            let right = login == *b"\x01\x04anna\x03key";
            client.write_all(&[1, u8::from(!right)]).await?;
        } else {
            client.write_all(&[5, 0]).await?;
        }
        client.read_u8().await?;
        command = client.read_u8().await?;
        client.read_u8().await?;
        host = match client.read_u8().await? {
            1 => Ipv4Addr::from(client.read_u32().await?).to_string(),
            _ => {
                let mut name = vec![0; client.read_u8().await?.into()];
                client.read_exact(&mut name).await?;
                String::from_utf8(name).unwrap()
            }
        };
        port = client.read_u16().await?;
    }
    let verb = if command == 1 { "CONNECT" } else { "BIND" };
    asked.lock().unwrap().push(format!("{verb} {host} {port}"));
    let server = if command == 1 {
        let mut server = reach(net, &host, port).await?;
        // The server's first octets come in one piece with the proxy's last.
        let mut first = vec![0; 4096];
        let limit = Duration::from_millis(50);
        let read = net.clock().timeout(limit, server.read(&mut first)).await;
        first.truncate(read.unwrap_or(Ok(0))?);
        let yes = yes(kind, server.local_addr()?);
        client.write_all(&[yes, first].concat()).await?;
        server
    } else {
        // Where the server finds it; on loopback everywhere, as far as this proxy says.
        let facing = reach(net, &host, port).await?.local_addr()?.ip();
        let listener = net.listen_tcp((facing, 0).into())?;
        let mut bound = listener.local_addr()?;
        if facing.is_loopback() {
            bound.set_ip(Ipv4Addr::UNSPECIFIED.into());
        }
        client.write_all(&yes(kind, bound)).await?;
        let (server, caller) = listener.accept().await.unwrap();
        client.write_all(&yes(kind, caller)).await?;
        server
    };
    join(client, server).await
}

async fn http(net: &Net, mut client: TcpStream, asked: &Asked, login: bool) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(client.read_u8().await?);
    }
    let head = String::from_utf8(head).unwrap();
    let target = head.split(' ').nth(1).unwrap();
    asked.lock().unwrap().push(target.to_owned());
    if login && !head.contains("\r\nProxy-Authorization: Basic YW5uYTprZXk=\r\n") {
        return client
            .write_all(b"HTTP/1.1 407 Who are you\r\nContent-Length: 3\r\n\r\nno!")
            .await;
    }
    let (host, port) = target.rsplit_once(':').unwrap();
    let Ok(mut server) = reach(net, host, port.parse().unwrap()).await else {
        return client.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
    };
    let mut first = vec![0; 4096];
    let limit = Duration::from_millis(50);
    let read = net.clock().timeout(limit, server.read(&mut first)).await;
    first.truncate(read.unwrap_or(Ok(0))?);
    let yes = b"HTTP/1.1 200 Connection established\r\nVia: test\r\n\r\n";
    client.write_all(&[yes, &first[..]].concat()).await?;
    join(client, server).await
}

async fn join(mut client: TcpStream, mut server: TcpStream) -> std::io::Result<()> {
    tokio::io::copy_bidirectional(&mut client, &mut server).await?;
    Ok(())
}

/// A client, a server, and between them a host for a proxy.
struct World {
    client: Net,
    between: Net,
    proxy: IpAddr,
    server: FtpServer,
    host: String,
}

impl World {
    fn site(&self, proxy: Proxy) -> Site {
        self.site_as(|server| server.proxy(proxy))
    }

    fn site_as(&self, with: impl FnOnce(Server) -> Server) -> Site {
        let server = Server::new(&self.host).on_port(self.server.address().port());
        let mut limits = Limits::default();
        limits.data_connection = Duration::from_secs(2);
        let client = Client::with_limits(self.client.clone(), limits);
        client.site(with(server.login("u1", "secret")))
    }
}

/// Runs `test` on both kinds of networks.
fn everywhere<F: Future<Output = World>>(config: impl Fn() -> Config, test: impl Fn(World) -> F) {
    let network = Network::new(3);
    let (client, server) = (network.node("client"), network.node("server"));
    let between = network.node("between");
    network.link(&client, &between).connect();
    network.link(&between, &server).connect();
    network.run(async {
        let config = config().listen((server.address(), 21));
        let server = FtpServer::start(&server.net(), config).unwrap();
        server.files().put("/a", "first\nsecond\n");
        // Where the client reaches it; the server reaches it at its other address.
        let proxy = between.addresses()[0].into();
        test(World {
            client: client.net(),
            between: between.net(),
            proxy,
            host: server.address().ip().to_string(),
            server,
        })
        .await
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let server = FtpServer::start(&Net::system(), config()).unwrap();
        server.files().put("/a", "first\nsecond\n");
        test(World {
            client: Net::system(),
            between: Net::system(),
            proxy: Ipv4Addr::LOCALHOST.into(),
            host: "localhost".into(),
            server,
        })
        .await
    });
}

/// Control and data go through the proxy, by EPSV, to the server as it was named; nothing behind a reply is lost.
#[test]
fn everything_goes_through_the_proxy() {
    everywhere(Config::new, |world| async move {
        for kind in KINDS {
            let (address, asked) = start(&world.between, world.proxy, kind);
            let site = world.site(kind.at(address));
            assert_eq!(
                site.get("a").bytes().await.unwrap(),
                b"first\nsecond\n",
                "{kind:?}"
            );
            site.put("p").bytes("put").await.unwrap();
            assert_eq!(world.server.files().read("/p").unwrap(), b"put");
            assert_eq!(site.list(None).await.unwrap().len(), 2);
            let asked = asked.lock().unwrap();
            assert_eq!(asked.len(), 4, "{kind:?} {asked:?}");
            let named = if kind == Kind::V4 && world.host == "localhost" {
                "127.0.0.1"
            } else {
                &world.host
            };
            assert!(asked.iter().all(|line| line.contains(named)), "{asked:?}");
        }
        assert_eq!(world.server.count("PASV") + world.server.count("PORT"), 0);
        world
    });
}

/// A 227 names a stranger: the connection goes to the server nevertheless, unless the claim is trusted.
#[test]
fn a_claimed_address_is_not_believed() {
    let config = || {
        Config::new().without(&["EPSV"]).with(|config| {
            config.pasv = Passive::Address(Ipv4Addr::new(192, 0, 2, 99));
        })
    };
    everywhere(config, |world| async move {
        let (address, asked) = start(&world.between, world.proxy, Kind::V5);
        let proxy = Kind::V5.at(address);
        let site = world.site(proxy.clone());
        assert_eq!(site.get("a").bytes().await.unwrap().len(), 13);
        let site = world.site_as(|server| {
            let server = server.proxy(proxy).data_mode(DataMode::Passive);
            server.trust_passive_address(true)
        });
        let error = site.get("a").bytes().await.unwrap_err();
        assert_eq!(error.number(), ErrorNumber::DATACONN);
        let asked = asked.lock().unwrap();
        let strange = |line: &&String| line.contains("192.0.2.99");
        assert_eq!(asked.iter().filter(strange).count(), 1, "{asked:?}");
        world
    });
}

/// SOCKS proxies take the server's connections; HTTP has no way for that.
#[test]
fn active_mode_goes_by_bind() {
    everywhere(Config::new, |world| async move {
        for kind in [Kind::V4, Kind::V4a, Kind::V5] {
            let (address, asked) = start(&world.between, world.proxy, kind);
            let active =
                |server: Server| server.proxy(kind.at(address)).data_mode(DataMode::Active);
            let site = world.site_as(active);
            assert_eq!(site.get("a").bytes().await.unwrap().len(), 13, "{kind:?}");
            site.put("p").bytes("active").await.unwrap();
            assert_eq!(world.server.files().read("/p").unwrap(), b"active");
            let asked = asked.lock().unwrap();
            let bind = |line: &&String| line.starts_with("BIND");
            assert_eq!(asked.iter().filter(bind).count(), 2, "{asked:?}");
        }
        let (address, _asked) = start(&world.between, world.proxy, Kind::Http);
        let active = |server: Server| {
            server
                .proxy(Kind::Http.at(address))
                .data_mode(DataMode::Active)
        };
        let error = world.site_as(active).get("a").bytes().await.unwrap_err();
        assert_eq!(error.number(), ErrorNumber::DATACONN);
        world
    });
}

/// Errors say whose they are.
#[test]
fn a_proxy_says_no() {
    everywhere(Config::new, |world| async move {
        let (address, _asked) = start(&world.between, world.proxy, Kind::HttpLogin);
        let site = world.site(Kind::Http.at(address));
        let error = site.noop().await.unwrap_err();
        let ErrorKind::Proxy { source, .. } = error.kind() else {
            panic!("{error}")
        };
        assert_eq!(
            *source,
            ProxyError::Http(HttpError::Authentication("Who are you".into()))
        );
        assert_eq!(error.number(), ErrorNumber::CONNECT);
        assert!(!error.is_transient());

        let (address, _asked) = start(&world.between, world.proxy, Kind::Http);
        let site = world.site_as(|server| server.on_port(1).proxy(Kind::Http.at(address)));
        let error = site.noop().await.unwrap_err();
        assert!(error.to_string().contains("502 Bad Gateway"), "{error}");
        assert!(error.is_transient());

        let nowhere = SocketAddr::new(world.proxy, 1);
        for kind in [Kind::V5, Kind::Http] {
            let error = world.site(kind.at(nowhere)).noop().await.unwrap_err();
            assert!(matches!(
                error.kind(),
                ErrorKind::Proxy {
                    source: ProxyError::Socks(_) | ProxyError::Unreachable(_),
                    ..
                }
            ));
            assert_eq!(error.number(), ErrorNumber::CONNECT);
        }
        world
    });
}

/// Two servers are the same only through the same proxy.
#[test]
fn a_proxy_is_part_of_the_identity() {
    everywhere(Config::new, |world| async move {
        let (one, asked) = start(&world.between, world.proxy, Kind::V5);
        let (other, _asked) = start(&world.between, world.proxy, Kind::V5);
        let client = Client::new(world.client.clone());
        let port = world.server.address().port();
        let server = || Server::new(&world.host).on_port(port).login("u1", "secret");
        for _ in 0..2 {
            for proxy in [one, other] {
                let site = client.site(server().proxy(Kind::V5.at(proxy)));
                site.noop().await.unwrap();
            }
        }
        assert_eq!(client.connections().logins, 2);
        assert_eq!(asked.lock().unwrap().len(), 1);
        world
    });
}

/// An FTP proxy is logged in to with both names, and makes the data connections.
#[test]
fn an_ftp_proxy_hears_user_at_host() {
    everywhere(Config::new, |world| async move {
        world.server.set(|config| {
            config.users[0].name = "u1@far.example:2121".into();
        });
        let address = world.server.address();
        if world.host != "localhost" {
            return world;
        }
        let client = Client::new(world.client.clone());
        let server = Server::new("far.example")
            .on_port(2121)
            .login("u1", "secret");
        let site = client.site(server.proxy(Proxy::UserAtHost {
            host: world.host.clone(),
            port: address.port(),
        }));
        assert_eq!(site.get("a").bytes().await.unwrap().len(), 13);
        world
    });
}

/// TLS is with the server, by its name, on both kinds of connections.
#[test]
fn tls_goes_through_the_proxy() {
    let certificate = Certificate::new(&["server.test"]);
    let config =
        || Config::new().with(|config| config.tls = Some(ftp::Tls::new(certificate.clone())));
    everywhere(config, |world| {
        let options = TlsOptions::new()
            .root_der(certificate.der().to_vec())
            .server_name("server.test");
        async move {
            for kind in KINDS {
                let (address, _asked) = start(&world.between, world.proxy, kind);
                let site = world.site_as(|server| {
                    let server = server.proxy(kind.at(address));
                    server.tls(Tls::Explicit).tls_options(options.clone())
                });
                assert_eq!(site.get("a").bytes().await.unwrap().len(), 13, "{kind:?}");
                site.put("p").bytes("tls").await.unwrap();
                assert_eq!(world.server.files().read("/p").unwrap(), b"tls");
            }
            let data = world.server.data_connections();
            let resumed = |one: &ftp::DataConnection| one.tls == Some(Handshake::Resumed);
            assert!(data.len() == 12 && data.iter().all(resumed), "{data:?}");
            world
        }
    });
}
