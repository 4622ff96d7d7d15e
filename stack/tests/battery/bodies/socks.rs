//! Connections through proxies that follow a script.

use super::Pair;
use fairway_stack::socks::{
    self, Broken, Proxy, Refusal, ReplyV4, ReplyV5, SocksError, Target, Version,
};
use fairway_stack::{Family, NetError, Task};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// What a proxy does.
enum Step {
    /// Hears exactly this.
    Hear(Vec<u8>),
    /// Says this, in one piece.
    Say(Vec<u8>),
}

fn hear(octets: impl AsRef<[u8]>) -> Step {
    Step::Hear(octets.as_ref().to_vec())
}

fn say(octets: impl AsRef<[u8]>) -> Step {
    Step::Say(octets.as_ref().to_vec())
}

/// Starts a proxy that takes one connection, does `steps`, and then hears to the end: gives what it heard there.
fn play(pair: &Pair, steps: Vec<Step>) -> (SocketAddr, Task<Vec<u8>>) {
    let listener = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    let address = listener.local_addr().unwrap();
    let task = pair.server.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        for step in steps {
            match step {
                Step::Hear(octets) => {
                    let mut heard = vec![0; octets.len()];
                    stream.read_exact(&mut heard).await.unwrap();
                    assert_eq!(heard, octets);
                }
                Step::Say(octets) => stream.write_all(&octets).await.unwrap(),
            }
        }
        let mut rest = Vec::new();
        // Whoever is refused may leave with a reset.
        let _ended = stream.read_to_end(&mut rest).await;
        rest
    });
    (address, task)
}

const V4_YES: [u8; 8] = [0, 90, 4, 0, 192, 0, 2, 1];
const V5_YES: [u8; 10] = [5, 0, 0, 1, 192, 0, 2, 1, 4, 0];

fn target() -> Target {
    SocketAddr::from(([192, 0, 2, 7], 21)).into()
}

/// SKS-2, SKS-3, SKS-4, SKS-5, GSN-4, GPN-3; RFC 1928, RFC 1929.
pub(crate) async fn proxies_connect_and_nothing_is_lost(pair: Pair) {
    let hello = |yes: &[u8]| say([yes, b"220 hello"].concat());
    let scripts = [
        (
            Version::V4,
            vec![
                hear(b"\x04\x01\x00\x15\xc0\x00\x02\x07anna\0"),
                hello(&V4_YES),
            ],
        ),
        (
            Version::V5,
            vec![
                hear([5, 2, 0, 2]),
                say([5, 2]),
                hear(b"\x01\x04anna\x03key"),
                say([1, 0]),
                hear([5, 1, 0, 1, 192, 0, 2, 7, 0, 21]),
                hello(&V5_YES),
            ],
        ),
        (
            // It may ask for nothing, too, and name its end by a name.
            Version::V5,
            vec![
                hear([5, 2, 0, 2]),
                say([5, 0]),
                hear([5, 1, 0, 1, 192, 0, 2, 7, 0, 21]),
                hello(b"\x05\x00\x00\x03\x05proxy\x00\x00"),
            ],
        ),
    ];
    for (version, script) in scripts {
        let (address, proxy) = play(&pair, script);
        let through = Proxy::new(version, address).login("anna", "key");
        assert!(!format!("{through:?}").contains("key"));
        let mut stream = socks::connect(&pair.client, &through, target())
            .await
            .unwrap();
        assert_eq!(stream.peer_addr(), Ok(address), "the proxy's name");
        let local = stream.local_addr().unwrap();
        assert_eq!(local.ip(), pair.client_addr(Family::V4).ip());
        let mut heard = [0; 9];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(&heard, b"220 hello", "not an octet is missing");
        stream.write_all(b"QUIT").await.unwrap();
        drop(stream);
        assert_eq!(proxy.await.unwrap(), b"QUIT");
    }
}

pub(crate) async fn proxies_look_names_up_unless_told_otherwise(pair: Pair) {
    let v5 = |request: &[u8]| vec![hear([5, 1, 0]), say([5, 0]), hear(request), say(V5_YES)];
    let scripts = [
        (
            Version::V4a,
            false,
            vec![
                hear(b"\x04\x01\x00\x15\x00\x00\x00\x01\0localhost\0"),
                say(V4_YES),
            ],
        ),
        (
            Version::V4,
            false,
            vec![hear(b"\x04\x01\x00\x15\x7f\x00\x00\x01\0"), say(V4_YES)],
        ),
        (
            Version::V4a,
            true,
            vec![hear(b"\x04\x01\x00\x15\x7f\x00\x00\x01\0"), say(V4_YES)],
        ),
        (
            Version::V5,
            false,
            v5(b"\x05\x01\x00\x03\x09localhost\x00\x15"),
        ),
    ];
    for (version, here, script) in scripts {
        let (address, proxy) = play(&pair, script);
        let mut through = Proxy::new(version, address);
        if here {
            through = through.names_here();
        }
        let stream = socks::connect(&pair.client, &through, ("localhost", 21)).await;
        drop(stream.unwrap());
        proxy.await.unwrap();
    }
    // What cannot be asked is not: nobody is there who would hear it.
    let nowhere = Proxy::new(Version::V4, pair.server_addr(Family::V4));
    let asked = async |target: Target| {
        let result = socks::connect(&pair.client, &nowhere, target).await;
        result.unwrap_err()
    };
    assert!(matches!(
        asked(("2001:db8::7", 21).into()).await,
        SocksError::Argument(_)
    ));
    assert_eq!(
        asked(("", 21).into()).await,
        SocksError::Lookup(NetError::HostNotFound)
    );
}

/// SKS-5, RFC 1928 §6: two replies.
pub(crate) async fn proxies_wait_for_a_call(pair: Pair) {
    let request = [5, 2, 0, 1, 192, 0, 2, 7, 0, 21];
    let caller = [5, 0, 0, 1, 192, 0, 2, 7, 0, 20];
    let greeting = || vec![hear([5, 1, 0]), say([5, 0]), hear(request)];

    let mut script = greeting();
    // Told at once, the second reply and what the caller says wait for whoever accepts.
    script.push(say([&V5_YES[..], &caller, b"data"].concat()));
    let (address, proxy) = play(&pair, script);
    let through = Proxy::new(Version::V5, address);
    let binding = socks::bind(&pair.client, &through, target()).await.unwrap();
    assert_eq!(binding.address(), SocketAddr::from(([192, 0, 2, 1], 1024)));
    let (mut stream, peer) = binding.accept().await.unwrap();
    assert_eq!(peer, Some(SocketAddr::from(([192, 0, 2, 7], 20))));
    let mut heard = [0; 4];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"data");
    drop(stream);
    assert_eq!(proxy.await.unwrap(), b"");

    // All zeros: the proxy's own address, and nobody in particular.
    let script = vec![
        hear(b"\x04\x02\x00\x15\xc0\x00\x02\x07\0"),
        say([0, 90, 4, 0, 0, 0, 0, 0]),
        say([0, 90, 0, 0, 0, 0, 0, 0]),
    ];
    let (address, _proxy) = play(&pair, script);
    let through = Proxy::new(Version::V4, address);
    let binding = socks::bind(&pair.client, &through, target()).await.unwrap();
    assert_eq!(binding.address(), SocketAddr::new(address.ip(), 1024));
    let (_stream, peer) = binding.accept().await.unwrap();
    assert_eq!(peer, None);

    // By a name.
    let mut script = greeting();
    script.push(say(b"\x05\x00\x00\x03\x09localhost\x04\x00"));
    script.push(say([5, 1]));
    let (address, _proxy) = play(&pair, script);
    let through = Proxy::new(Version::V5, address);
    let binding = socks::bind(&pair.client, &through, target()).await.unwrap();
    assert!(binding.address().ip().is_loopback());
    assert_eq!(
        binding.accept().await.unwrap_err(),
        SocksError::Refused(Refusal::V5(ReplyV5::FAILED))
    );
}

/// SKS-3, CON-2: a refusal is a refused connection.
pub(crate) async fn a_proxy_says_no_and_why(pair: Pair) {
    let connect = |no: &'static [u8]| {
        vec![
            hear([5, 2, 0, 2]),
            say([5, 0]),
            hear([5, 1, 0, 1, 192, 0, 2, 7, 0, 21]),
            say(no),
        ]
    };
    let v4 = |no| {
        vec![
            hear(b"\x04\x01\x00\x15\xc0\x00\x02\x07anna\0"),
            say([0, no]),
        ]
    };
    let login = |status| {
        vec![
            hear([5, 2, 0, 2]),
            say([5, 2]),
            hear(b"\x01\x04anna\x03key"),
            say([1, status]),
        ]
    };
    let v5 = |reply| SocksError::Refused(Refusal::V5(reply));
    let scripts = [
        (
            connect(&[5, 5, 0, 1, 0, 0, 0, 0, 0, 0]),
            v5(ReplyV5::CONN_REFUSED),
            NetError::ConnRefused,
        ),
        (
            connect(&[5, 4]),
            v5(ReplyV5::HOST_UNREACHABLE),
            NetError::HostUnreach,
        ),
        (connect(&[5, 77]), v5(ReplyV5(77)), NetError::ConnRefused),
        (
            vec![hear([5, 2, 0, 2]), say([5, 255])],
            SocksError::NoAcceptableMethod,
            NetError::Access,
        ),
        (login(9), SocksError::LoginFailed(9), NetError::Access),
        (
            v4(93),
            SocksError::Refused(Refusal::V4(ReplyV4::OTHER_USER)),
            NetError::ConnRefused,
        ),
    ];
    for (script, error, plain) in scripts {
        let version = match error {
            SocksError::Refused(Refusal::V4(_)) => Version::V4,
            _ => Version::V5,
        };
        let (address, proxy) = play(&pair, script);
        let through = Proxy::new(version, address).login("anna", "key");
        let result = socks::connect(&pair.client, &through, target()).await;
        assert_eq!(result.unwrap_err(), error);
        assert_eq!(NetError::from(error), plain);
        assert_eq!(proxy.await.unwrap(), b"", "it is closed");
    }
}

pub(crate) async fn a_proxy_that_talks_nonsense_is_left(pair: Pair) {
    let flood = vec![b'x'; 20_000];
    for (script, error) in [
        (vec![say(&flood)], SocksError::Broken(Broken::Version(b'x'))),
        (
            vec![say([5, 0, 5, 0, 0, 9]), say(&flood)],
            SocksError::Broken(Broken::AddressType(9)),
        ),
        (vec![say([5, 1])], SocksError::Broken(Broken::Method(1))),
    ] {
        let (address, proxy) = play(&pair, script);
        let through = Proxy::new(Version::V5, address);
        let result = socks::connect(&pair.client, &through, target()).await;
        assert_eq!(result.unwrap_err(), error);
        drop(proxy);
    }

    let listener = pair
        .server
        .listen_tcp(pair.server_addr(Family::V4))
        .unwrap();
    let through = Proxy::new(Version::V5, listener.local_addr().unwrap());
    let closing = pair.server.spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.read_exact(&mut [0; 3]).await.unwrap();
        stream.write_all(&[5]).await.unwrap();
    });
    let result = socks::connect(&pair.client, &through, target()).await;
    assert_eq!(result.unwrap_err(), SocksError::Closed);
    closing.await.unwrap();
    let result = socks::connect(&pair.client, &through, target()).await;
    assert_eq!(
        result.unwrap_err(),
        SocksError::Io(NetError::ConnRefused),
        "nobody is there any more"
    );
}

pub(crate) async fn giving_up_closes(pair: Pair) {
    let (address, proxy) = play(&pair, vec![hear([5, 1, 0])]);
    let through = Proxy::new(Version::V5, address);
    let asking = socks::connect(&pair.client, &through, target());
    let clock = pair.client.clock();
    let limited = clock.timeout(Duration::from_millis(100), asking).await;
    assert!(limited.is_err(), "a silent proxy");
    assert_eq!(proxy.await.unwrap(), b"");
}
