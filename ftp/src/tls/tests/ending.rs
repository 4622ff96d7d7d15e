//! How connections end, and how they do not begin.

use super::{Authority, HOST, context, control, data, pair, try_control};
use crate::tls::{DataTls, End, TlsError, TlsOptions, TlsVersion};
use fairway_stack::TcpStream;
use rustls::version::TLS13;
use std::io::ErrorKind;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::server::TlsStream;

async fn transfer(
    change: impl FnOnce(TlsOptions) -> TlsOptions,
) -> (DataTls, TlsStream<TcpStream>) {
    let authority = Authority::new();
    let config = authority.issue(HOST).any();
    let context = context(&change(authority.trusted()));
    let _control = control(&context, &config).await;
    data(&context, &config).await
}

#[tokio::test]
async fn truncation_is_an_error_of_its_own() {
    let (mut client, mut server) = transfer(|options| options).await;
    server.write_all(b"half a file").await.unwrap();
    server.get_mut().0.shutdown().await.unwrap();
    let mut got = Vec::new();
    let error = client.read_to_end(&mut got).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert_eq!(
        (&*got, client.end()),
        (&b"half a file"[..], Some(End::Truncated))
    );
    let error = client.fill_buf().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn truncation_is_accepted_if_asked() {
    let (mut client, mut server) = transfer(|options| options.accept_truncation(true)).await;
    server.write_all(b"a file").await.unwrap();
    server.get_mut().0.shutdown().await.unwrap();
    let mut got = Vec::new();
    client.read_to_end(&mut got).await.unwrap();
    assert_eq!(
        (&*got, client.end()),
        (&b"a file"[..], Some(End::Truncated))
    );
}

#[tokio::test]
async fn part_of_a_record_is_truncation() {
    let (mut client, mut server) = transfer(|options| options).await;
    server
        .get_mut()
        .0
        .write_all(&[23, 3, 3, 0, 99, 1, 2])
        .await
        .unwrap();
    server.get_mut().0.shutdown().await.unwrap();
    let error = client.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[tokio::test]
async fn upload_ends_in_order() {
    let (mut client, mut server) = transfer(|options| options).await;
    client.write_all(&[7; 100_000]).await.unwrap();
    let serve = async {
        let mut got = Vec::new();
        // Fails if the connection ends before `close_notify`.
        server.read_to_end(&mut got).await.unwrap();
        // Then the end of the stream, in an orderly way; the other direction is still open.
        let (stream, _) = server.get_mut();
        assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
        server.write_all(b"ignored").await.unwrap();
        server.shutdown().await.unwrap();
        got
    };
    let (end, got) = tokio::join!(client.finish_upload(), serve);
    assert_eq!(end.unwrap(), End::Closed);
    assert_eq!(got, [7; 100_000]);
    // Nothing can be written any more.
    assert_eq!(
        client.write(b"x").await.unwrap_err().kind(),
        ErrorKind::BrokenPipe
    );
}

#[tokio::test]
async fn end_of_an_upload_can_be_waited_for_again() {
    let (mut client, mut server) = transfer(|options| options).await;
    client.write_all(b"a file").await.unwrap();
    for _ in 0..3 {
        tokio::select! {
            biased;
            end = client.finish_upload() => panic!("{end:?}"),
            () = tokio::task::yield_now() => {}
        }
    }
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert_eq!(got, b"a file");
    drop(server);
    assert_eq!(client.finish_upload().await.unwrap(), End::Truncated);
}

#[tokio::test]
async fn reset_does_not_look_like_an_end() {
    let (mut client, mut server) = transfer(|options| options).await;
    client.write_all(b"half a file").await.unwrap();
    client.reset();
    let mut got = Vec::new();
    let error = server.read_to_end(&mut got).await.unwrap_err();
    assert!(matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof
    ));
}

/// What comes of a server that says `octets` and ends.
async fn instead_of_tls(octets: &[u8]) -> TlsError {
    let (client, mut server) = pair().await;
    server.write_all(octets).await.unwrap();
    server.shutdown(std::net::Shutdown::Write).unwrap();
    let context = context(&Authority::new().trusted());
    context.connect_control(client).await.unwrap_err()
}

#[tokio::test]
async fn what_is_not_tls_is_told_apart() {
    let plain = instead_of_tls(b"220 ProFTPD\r\n").await;
    let text = "ftp.example.org: server does not speak tls: it said \"220 ProFTPD\"";
    assert_eq!(plain.to_string(), text);
    assert_eq!(
        plain.reason(),
        "server does not speak tls: it said \"220 ProFTPD\""
    );
    let garbage = instead_of_tls(&[22, 3, 3, 0, 4, 255, 255, 255, 255]).await;
    assert!(
        matches!(garbage, TlsError::Protocol { .. } | TlsError::Closed { .. }),
        "{garbage:?}"
    );
    let garbage = instead_of_tls(&[22, 3, 3, 255, 255]).await;
    assert!(matches!(garbage, TlsError::NotTls { .. }), "{garbage:?}");
    let end = instead_of_tls(b"").await;
    assert!(matches!(end, TlsError::Closed { .. }), "{end:?}");
    let alert = instead_of_tls(&[21, 3, 3, 0, 2, 2, 40]).await;
    let text = "ftp.example.org: server sent tls alert 40 (handshake failure)";
    assert_eq!(alert.to_string(), text);
}

#[tokio::test]
async fn server_without_our_versions_says_so() {
    let authority = Authority::new();
    let config = authority.issue(HOST).config(&[&TLS13]);
    let options = authority
        .trusted()
        .version(TlsVersion::Tls12..=TlsVersion::Tls12);
    let (client, _) = try_control(&context(&options), &config).await;
    assert!(
        matches!(client, Err(TlsError::Alert { code: 70, .. })),
        "{client:?}"
    );
}
