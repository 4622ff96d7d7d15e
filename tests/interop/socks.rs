//! Connections through proxies that others wrote: microsocks for version 5 and its logins, Dante for 4 and 5 and
//! for calls from outside.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::time::Duration;

use fairway_stack::Net;
use fairway_stack::socks::{self, Proxy, Refusal, ReplyV4, ReplyV5, SocksError, Target, Version};
use fairway_tests::{Child, Namespace, have, have_root, scratch, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

const SOON: Duration = Duration::from_secs(20);

/// Where the proxies are, in the namespace of the test.
const PROXY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 1080);

/// Runs `test` in a namespace with a proxy.
fn beside(proxy: &[&str], test: impl AsyncFnOnce(Net) + Send) {
    let namespace = Namespace::new();
    // Proxies have processes of their own, which end with the first. That is the shell: Dante becomes another user, and
    // would not be told.
    let mut command = namespace.command("unshare");
    command
        .args(["--pid", "--fork", "--kill-child"])
        .args(["sh", "-c", "\"$@\"; exit", "sh"])
        .args(proxy);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let _proxy = Child::spawn(&mut command);
    namespace.enter(|| {
        until("the proxy", SOON, || {
            std::net::TcpStream::connect(PROXY).ok()
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let net = Net::system();
            let clock = net.clock();
            clock.timeout(SOON, test(net)).await.unwrap();
        });
    });
}

/// Talks to a server of this test's own through the proxy.
async fn talks(net: &Net, proxy: &Proxy, host: &str) {
    let listener = net.listen_tcp(([127, 0, 0, 1], 0).into()).unwrap();
    let port = listener.local_addr().unwrap().port();
    // The proxy has called before it says so.
    let ours = socks::connect(net, proxy, (host, port)).await.unwrap();
    let (theirs, _) = listener.accept().await.unwrap();
    talk(ours, theirs).await;
}

/// The server speaks first, as those of FTP do.
async fn talk(mut ours: fairway_stack::TcpStream, mut theirs: fairway_stack::TcpStream) {
    let mut heard = [0; 5];
    theirs.write_all(b"hello").await.unwrap();
    ours.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"hello");
    ours.write_all(b"hi").await.unwrap();
    drop(ours);
    let mut rest = Vec::new();
    theirs.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest, b"hi");
}

/// A port on which nobody listens.
fn nobody(net: &Net) -> Target {
    let listener = net.listen_tcp(([127, 0, 0, 1], 0).into()).unwrap();
    listener.local_addr().unwrap().into()
}

async fn refused(net: &Net, proxy: &Proxy, target: impl Into<Target>) -> SocksError {
    socks::connect(net, proxy, target).await.unwrap_err()
}

#[test]
fn microsocks_connects() {
    let test = "microsocks_connects";
    if !have_root(test) || !have(test, &["microsocks", "unshare"]) {
        return;
    }
    beside(&["microsocks", "-i", "127.0.0.1"], async |net| {
        let proxy = Proxy::new(Version::V5, PROXY);
        talks(&net, &proxy, "127.0.0.1").await;
        talks(&net, &proxy, "localhost").await;
        talks(&net, &proxy.clone().names_here(), "localhost").await;
        assert_eq!(
            refused(&net, &proxy, nobody(&net)).await,
            SocksError::Refused(Refusal::V5(ReplyV5::CONN_REFUSED))
        );
    });
}

#[test]
fn microsocks_asks_for_a_login() {
    let test = "microsocks_asks_for_a_login";
    if !have_root(test) || !have(test, &["microsocks", "unshare"]) {
        return;
    }
    let proxy = ["microsocks", "-i", "127.0.0.1", "-u", "anna", "-P", "key"];
    beside(&proxy, async |net| {
        let stranger = Proxy::new(Version::V5, PROXY);
        talks(&net, &stranger.clone().login("anna", "key"), "localhost").await;
        let wrong = stranger.clone().login("anna", "lock");
        assert!(matches!(
            refused(&net, &wrong, nobody(&net)).await,
            SocksError::LoginFailed(_)
        ));
        assert_eq!(
            refused(&net, &stranger, nobody(&net)).await,
            SocksError::NoAcceptableMethod
        );
    });
}

const DANTE: &str = "
logoutput: /dev/null
internal: 127.0.0.1 port = 1080
external: 127.0.0.1
socksmethod: none
clientmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 127.0.0.0/8 to: 0.0.0.0/0 }
socks block { from: 127.0.0.0/8 to: 127.0.0.9/32 }
socks pass { from: 127.0.0.0/8 to: 127.0.0.0/8 command: connect bind bindreply }
";

#[test]
fn dante_connects_and_is_called() {
    let test = "dante_connects_and_is_called";
    if !have_root(test) || !have(test, &["danted", "unshare"]) {
        return;
    }
    let folder = scratch(test);
    let (config, pid) = (folder.join("danted.conf"), folder.join("pid"));
    std::fs::write(&config, DANTE).unwrap();
    let [config, pid] = [&config, &pid].map(|path| path.to_str().unwrap());
    beside(&["danted", "-f", config, "-p", pid], async |net| {
        for version in [Version::V4, Version::V5] {
            let proxy = Proxy::new(version, PROXY);
            talks(&net, &proxy, "127.0.0.1").await;
            talks(&net, &proxy, "localhost").await;

            let binding = socks::bind(&net, &proxy, ("127.0.0.1", 20)).await.unwrap();
            let (ours, theirs) = tokio::join!(net.connect_tcp(binding.address()), binding.accept());
            let (ours, (theirs, peer)) = (ours.unwrap(), theirs.unwrap());
            let caller = ours.local_addr().unwrap();
            assert_eq!(peer, Some(caller), "{version:?}");
            talk(theirs, ours).await;

            let (no, unknown) = match version {
                Version::V4 | Version::V4a => {
                    let no = Refusal::V4(ReplyV4::REJECTED);
                    (no, no)
                }
                Version::V5 => (
                    Refusal::V5(ReplyV5::NOT_ALLOWED),
                    Refusal::V5(ReplyV5::CONN_REFUSED),
                ),
            };
            assert_eq!(
                refused(&net, &proxy, ("127.0.0.9", 21)).await,
                SocksError::Refused(no),
                "by its rules"
            );
            assert_eq!(
                refused(&net, &proxy, nobody(&net)).await,
                SocksError::Refused(unknown)
            );
        }
    });
}
