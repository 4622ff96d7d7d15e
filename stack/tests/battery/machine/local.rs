//! Local sockets and the files they make.

use crate::bodies::Pair;
use crate::bodies::local::{Directory, echo};
use fairway_stack::{LocalStream, NetError};
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

fn is_socket(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

pub(crate) async fn peers_are_known(pair: Pair) {
    let directory = Directory::new();
    let (client, server) = echo(&pair, &directory.file("s").into()).await;
    let me = pair.whose;
    assert_eq!(server.peer_credentials().unwrap(), me);
    assert_eq!(client.peer_credentials().unwrap(), me);
    let (one, _other) = LocalStream::pair().unwrap();
    assert_eq!(one.peer_credentials().unwrap(), me);
}

pub(crate) async fn files_go_with_their_socket(pair: Pair) {
    let directory = Directory::new();
    let path = directory.file("s");
    let listener = pair.server.listen_local(&path.clone().into()).unwrap();
    assert!(is_socket(&path));
    drop(listener);
    assert!(!path.exists());

    // What another has put in its place is not ours to remove.
    let listener = pair.server.listen_local(&path.clone().into()).unwrap();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "another's").unwrap();
    drop(listener);
    assert!(path.exists());

    let path = directory.file("d");
    let socket = pair
        .server
        .bind_local_datagram(&path.clone().into())
        .unwrap();
    assert!(is_socket(&path));
    drop(socket);
    assert!(!path.exists());
}

pub(crate) async fn stale_files_are_replaced_and_others_left_alone(pair: Pair) {
    let directory = Directory::new();
    let path = directory.file("s");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    assert!(is_socket(&path), "the standard library leaves it");
    echo(&pair, &path.clone().into()).await;

    drop(std::os::unix::net::UnixDatagram::bind(&path).unwrap());
    drop(
        pair.server
            .bind_local_datagram(&path.clone().into())
            .unwrap(),
    );

    std::fs::write(&path, "precious").unwrap();
    assert_eq!(
        pair.server.listen_local(&path.clone().into()).err(),
        Some(NetError::AddrInUse)
    );
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    assert_eq!(fairway_stack::remove_stale(&path), Ok(false));
    assert_eq!(
        fairway_stack::remove_stale(&directory.file("none")),
        Ok(true)
    );
}
