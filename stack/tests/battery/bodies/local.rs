//! Local sockets.

use super::{Difference, Pair};
use fairway_stack::{LocalAddr, LocalStream, NetError, option};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A directory of the test's own, gone with it.
pub(crate) struct Directory(PathBuf);

impl Directory {
    pub(crate) fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let (process, number) = (std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(format!("fairway-{process}-{number}"));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) async fn echo(pair: &Pair, address: &LocalAddr) -> (LocalStream, LocalStream) {
    let listener = pair.server.listen_local(address).unwrap();
    assert_eq!(&listener.local_addr().unwrap(), address);
    assert!(listener.get(option::AcceptConn).unwrap());
    let mut client = pair.server.connect_local(address).await.unwrap();
    let (mut server, peer) = listener.accept().await.unwrap();
    assert_eq!(peer, LocalAddr::Unnamed);
    assert_eq!(&client.peer_addr().unwrap(), address);
    client.write_all(b"ping").await.unwrap();
    let mut buf = [0; 4];
    server.read_exact(&mut buf).await.unwrap();
    server.write_all(&buf).await.unwrap();
    client.read_exact(&mut buf).await.unwrap();
    assert_eq!(&buf, b"ping");
    (client, server)
}

/// LIP-1, LIP-2, ARC-7.
pub(crate) async fn streams_by_path(pair: Pair) {
    let directory = Directory::new();
    let (client, server) = echo(&pair, &directory.file("s").into()).await;
    let (mut reader, mut writer) = client.into_split();
    let mut server = server;
    writer.write_all(b"half").await.unwrap();
    drop(writer);
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"half");
    drop(server);
    assert_eq!(reader.read(&mut [0; 4]).await.unwrap(), 0);
}

pub(crate) async fn streams_by_abstract_name(pair: Pair) {
    // Zero octets are as good as others.
    let name = [
        b"fairway\0",
        &pair.client.rng().next_u64().to_le_bytes()[..],
    ]
    .concat();
    let address = LocalAddr::abstract_name(name);
    echo(&pair, &address).await;
    assert_eq!(
        pair.server.connect_local(&address).await.err(),
        Some(NetError::ConnRefused),
        "gone with its socket"
    );
}

/// BND-3.
pub(crate) async fn taken_names_are_refused(pair: Pair) {
    let directory = Directory::new();
    let path = LocalAddr::from(directory.file("s"));
    let abstract_name = LocalAddr::abstract_name(pair.client.rng().next_u64().to_le_bytes());
    for address in [&path, &abstract_name] {
        let listener = pair.server.listen_local(address).unwrap();
        assert_eq!(
            pair.server.listen_local(address).err(),
            Some(NetError::AddrInUse)
        );
        assert_eq!(
            pair.server.bind_local_datagram(address).err(),
            Some(NetError::AddrInUse).filter(|_| *address == path)
        );
        // The probe for a stale file was no visitor to speak of.
        pair.server.connect_local(address).await.unwrap();
        while listener
            .accept()
            .await
            .unwrap()
            .0
            .peer_credentials()
            .is_err()
        {}
    }
}

pub(crate) async fn connecting_to_nobody_is_refused(pair: Pair) {
    let directory = Directory::new();
    let path = directory.file("s");
    assert_eq!(
        pair.server.connect_local(&path.clone().into()).await.err(),
        Some(NetError::NotFound)
    );
    if pair.as_system(Difference::LocalFiles) {
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert_eq!(
            pair.server.connect_local(&path.into()).await.err(),
            Some(NetError::ConnRefused)
        );
    }
    assert_eq!(
        pair.server.connect_local(&LocalAddr::Unnamed).await.err(),
        Some(NetError::DestAddrReq)
    );
}

/// LIP-2: 108 octets with the one that ends or begins them.
pub(crate) async fn names_have_a_limit(pair: Pair) {
    for length in [107, 108] {
        let name = vec![b'x'; length];
        let listener = pair.server.listen_local(&LocalAddr::abstract_name(name));
        assert_eq!(listener.err(), (length > 107).then_some(NetError::Inval));
    }
    let missing = Path::new("/nonexistent-directory/s");
    let files = pair.as_system(Difference::LocalFiles);
    assert_eq!(
        pair.server.listen_local(&missing.into()).err(),
        files.then_some(NetError::NotFound)
    );
    assert_eq!(
        pair.server.listen_local(&Path::new("").into()).err(),
        Some(NetError::Inval)
    );
}

/// LIP-4: reliable, and in order; a full queue makes the sender wait.
pub(crate) async fn datagrams_arrive_in_order(pair: Pair) {
    let directory = Directory::new();
    let address = LocalAddr::from(directory.file("d"));
    let server = pair.server.bind_local_datagram(&address).unwrap();
    let client = pair.server.local_datagram().unwrap();
    let send = async {
        client.send_to(b"first", &address).await.unwrap();
        client.connect(&address).unwrap();
        for number in 0..2000_u32 {
            client.send(&number.to_be_bytes()).await.unwrap();
        }
    };
    let receive = async {
        let mut buf = [0; 16];
        assert_eq!(server.recv(&mut buf).await.unwrap(), 5);
        for number in 0..2000_u32 {
            assert_eq!(server.recv(&mut buf).await.unwrap(), 4);
            assert_eq!(buf.get(..4), Some(&number.to_be_bytes()[..]));
        }
    };
    tokio::join!(send, receive);
    drop(server);
    assert_eq!(client.send(b"anyone?").await, Err(NetError::ConnRefused));
}

pub(crate) async fn datagrams_tell_their_sender(pair: Pair) {
    let directory = Directory::new();
    let (one, other) = (
        LocalAddr::from(directory.file("one")),
        LocalAddr::abstract_name(directory.names().concat() + "o"),
    );
    let first = pair.server.bind_local_datagram(&one).unwrap();
    let second = pair.server.bind_local_datagram(&other).unwrap();
    let mut buf = [0; 16];
    second.send_to(b"hello", &one).await.unwrap();
    let (n, info) = first.recv_msg(&mut buf).await.unwrap();
    assert_eq!((n, &info.peer, info.credentials), (5, &other, None));

    second.set(option::PassCredentials, true).unwrap();
    first.send_to(b"and you", &info.peer).await.unwrap();
    let (_, info) = second.recv_msg(&mut buf).await.unwrap();
    assert_eq!(info.peer, one);
    // Those of the process, or nobody's (a difference of the back ends).
    let me = pair.whose;
    assert_eq!(me.pid.is_some(), pair.as_system(Difference::Users));
    assert_eq!(info.credentials, Some(me));
    // Who has no name is known as well.
    let nameless = pair.server.local_datagram().unwrap();
    nameless.send_to(b"guess", &other).await.unwrap();
    let (_, info) = second.recv_msg(&mut buf).await.unwrap();
    assert_eq!(
        (info.peer, info.credentials),
        (LocalAddr::Unnamed, Some(me))
    );
}

/// RCV-3.
pub(crate) async fn long_datagrams_are_cut_and_said_so(pair: Pair) {
    let address = LocalAddr::abstract_name(pair.client.rng().next_u64().to_le_bytes());
    let other = pair.server.bind_local_datagram(&address).unwrap();
    let one = pair.server.local_datagram().unwrap();
    one.send_to(b"0123456789", &address).await.unwrap();
    let mut buf = [0; 4];
    let (n, info) = other.recv_msg(&mut buf).await.unwrap();
    assert_eq!(
        (n, info.truncated, &info.peer, &buf),
        (4, true, &LocalAddr::Unnamed, b"0123")
    );
    assert_eq!(
        other.try_recv_msg(&mut buf).unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

/// LIP-3, PRT-8.
pub(crate) async fn the_stack_chooses_a_name(pair: Pair) {
    let one = pair
        .server
        .bind_local_datagram(&LocalAddr::Unnamed)
        .unwrap();
    let other = pair
        .server
        .bind_local_datagram(&LocalAddr::Unnamed)
        .unwrap();
    let (name, other_name) = (one.local_addr().unwrap(), other.local_addr().unwrap());
    assert!(
        matches!(name, LocalAddr::Abstract(_)) && name != other_name,
        "{name} {other_name}"
    );
    other.send_to(b"x", &name).await.unwrap();
    assert_eq!(one.recv_msg(&mut [0; 4]).await.unwrap().1.peer, other_name);
}

/// ARC-2: a socket is of one type for life, and talks to its like.
pub(crate) async fn kinds_do_not_mix(pair: Pair) {
    let directory = Directory::new();
    let (stream, datagrams) = (
        LocalAddr::from(directory.file("s")),
        LocalAddr::from(directory.file("d")),
    );
    let _listener = pair.server.listen_local(&stream).unwrap();
    let _socket = pair.server.bind_local_datagram(&datagrams).unwrap();
    let refused = pair.server.connect_local(&datagrams).await.err();
    assert_eq!(refused, Some(NetError::Prototype));
    let socket = pair.server.local_datagram().unwrap();
    let refused = socket.send_to(b"?", &stream).await;
    assert_eq!(refused, Err(NetError::Prototype));
}

/// LIP-6, SO_RCVBUF, SO_SNDBUF.
pub(crate) async fn buffers_of_local_sockets(pair: Pair) {
    let directory = Directory::new();
    let (one, _other) = echo(&pair, &directory.file("s").into()).await;
    one.set(option::SendBuf, 20_000).unwrap();
    assert_eq!(one.get(option::SendBuf), Ok(20_000));
    one.set(option::RecvBuf, 30_000).unwrap();
    assert_eq!(one.get(option::RecvBuf), Ok(30_000));
}
