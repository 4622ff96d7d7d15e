//! RFC 4217 §5: back to plain text.

use super::{Authority, HOST, context, control};
use crate::tls::{ControlTls, Idle, TlsError};
use fairway_stack::TcpStream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::server::TlsStream;

async fn session() -> (ControlTls, TlsStream<TcpStream>) {
    let authority = Authority::new();
    let config = authority.issue(HOST).any();
    control(&context(&authority.trusted()), &config).await
}

/// What a server would send for `close_notify`.
fn close_notify(server: &mut TlsStream<TcpStream>) -> Vec<u8> {
    let connection = server.get_mut().1;
    connection.send_close_notify();
    let mut octets = Vec::new();
    connection.write_tls(&mut octets).unwrap();
    octets
}

#[tokio::test]
async fn plain_text_behind_close_notify_is_kept() {
    let (client, mut server) = session().await;
    let mut octets = close_notify(&mut server);
    octets.extend_from_slice(b"220 plain again\r\n");
    server.get_mut().0.write_all(&octets).await.unwrap();
    let (mut stream, rest) = client.clear().await.unwrap();
    assert_eq!(rest, b"220 plain again\r\n");
    // The server sees our end of it, and then plain text.
    let mut octets = Vec::new();
    assert_eq!(server.read_to_end(&mut octets).await.unwrap(), 0);
    stream.write_all(b"NOOP\r\n").await.unwrap();
    let mut got = [0; 6];
    server.get_mut().0.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"NOOP\r\n");
}

#[tokio::test]
async fn close_notify_in_pieces_is_waited_for() {
    let (mut client, mut server) = session().await;
    let octets = close_notify(&mut server);
    let (first, second) = octets.split_at(3);
    server.get_mut().0.write_all(first).await.unwrap();
    client.send_close().await.unwrap();
    tokio::select! {
        biased;
        closed = client.closed() => panic!("{closed:?}"),
        () = tokio::task::yield_now() => {}
    }
    server.get_mut().0.write_all(second).await.unwrap();
    client.closed().await.unwrap();
    assert_eq!(client.into_plain().1, b"");
}

#[tokio::test]
async fn plain_text_instead_of_close_notify_is_understood() {
    let (client, mut server) = session().await;
    server
        .get_mut()
        .0
        .write_all(b"500 plain\r\n")
        .await
        .unwrap();
    let (_stream, rest) = client.clear().await.unwrap();
    assert_eq!(rest, b"500 plain\r\n");
}

#[tokio::test]
async fn end_instead_of_close_notify_is_an_error() {
    let (client, mut server) = session().await;
    server.get_mut().0.shutdown().await.unwrap();
    assert!(matches!(client.clear().await, Err(TlsError::Closed { .. })));
}

#[tokio::test]
async fn idle_tells_what_waits() {
    let (mut client, mut server) = session().await;
    while client.poll_idle().unwrap() != Idle::Nothing {}
    server.write_all(b"421 bye\r\n").await.unwrap();
    client.stream().readable().await.unwrap();
    while client.poll_idle().unwrap() == Idle::Nothing {
        client.stream().readable().await.unwrap();
    }
    assert_eq!(client.poll_idle().unwrap(), Idle::Waiting);
    let mut got = [0; 9];
    client.read_exact(&mut got).await.unwrap();
    server.shutdown().await.unwrap();
    while client.poll_idle().unwrap() == Idle::Nothing {
        client.stream().readable().await.unwrap();
    }
    assert_eq!(client.poll_idle().unwrap(), Idle::Closed);
}
