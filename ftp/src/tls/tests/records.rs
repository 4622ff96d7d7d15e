//! Records of every cipher, of every length, with new keys now and then.

use super::{Authority, HOST, context, control, data, pair};
use crate::tls::record::{Head, MAX_RECORD};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use std::io::{ErrorKind, IoSlice};
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};

/// Octets that tell where they are.
fn octets(n: usize) -> Vec<u8> {
    (0..n).map(|i| u8::try_from(i % 251).unwrap()).collect()
}

#[tokio::test]
async fn every_cipher_carries_octets_both_ways() {
    let authority = Authority::new();
    let server = authority.issue(HOST);
    let file = octets(300_000);
    let provider = rustls::crypto::ring::default_provider();
    let mut seen = 0;
    for suite in provider.cipher_suites.clone() {
        if format!("{:?}", suite.suite()).contains("RSA") {
            continue; // the same ciphers, with certificates of another kind
        }
        let provider = CryptoProvider {
            cipher_suites: vec![suite],
            ..provider.clone()
        };
        let versions: &[_] = &[suite.version()];
        let config = ServerConfig::builder_with_provider(Arc::new(provider))
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![server.certificate.der().clone()],
                server.key.serialize_der().try_into().unwrap(),
            )
            .unwrap();
        let context = context(&authority.trusted());
        let _control = control(&context, &config).await;
        let (client, mut server_end) = data(&context, &config).await;
        let (mut reader, mut writer) = tokio::io::split(client);
        let echo = async {
            let mut buffer = vec![0; 10_000];
            loop {
                let n = server_end.read(&mut buffer).await.unwrap();
                if n == 0 {
                    break;
                }
                server_end.write_all(&buffer[..n]).await.unwrap();
            }
            server_end.shutdown().await.unwrap();
        };
        let send = async {
            let mut rest = &file[..];
            for n in (1..).map(|i| i * 37 % 5000) {
                let (now, later) = rest.split_at(n.min(rest.len()));
                writer.write_all(now).await.unwrap();
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            writer.shutdown().await.unwrap();
        };
        let mut got = Vec::new();
        let (read, (), ()) = tokio::join!(reader.read_to_end(&mut got), send, echo);
        read.unwrap();
        assert!(got == file, "{suite:?}");
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[tokio::test]
async fn new_keys_are_taken_and_answered() {
    let authority = Authority::new();
    let config = authority.issue(HOST).any();
    let (mut client, mut server) = control(&context(&authority.trusted()), &config).await;
    for round in 0..5 {
        // With a wish for ours.
        server.get_mut().1.refresh_traffic_keys().unwrap();
        server.write_all(b"200 new\r\n").await.unwrap();
        let mut line = String::new();
        client.read_line(&mut line).await.unwrap();
        assert_eq!(line, "200 new\r\n");
        client.write_all(&[round; 100]).await.unwrap();
        client.flush().await.unwrap();
        let mut got = [0; 100];
        server.read_exact(&mut got).await.unwrap();
        assert_eq!(got, [round; 100]);
    }
}

#[tokio::test]
async fn many_slices_are_one_stream() {
    let authority = Authority::new();
    let config = authority.issue(HOST).any();
    let context = context(&authority.trusted());
    let _control = control(&context, &config).await;
    let (mut client, mut server) = data(&context, &config).await;
    let file = octets(50_000);
    let slices: Vec<_> = file.chunks(1234).map(IoSlice::new).collect();
    assert_eq!(client.write_vectored(&slices).await.unwrap(), file.len());
    assert_eq!(client.write_vectored(&[]).await.unwrap(), 0);
    client.close_write().await.unwrap();
    let mut got = Vec::new();
    server.read_to_end(&mut got).await.unwrap();
    assert!(got == file);
}

#[tokio::test]
async fn slow_server_stops_the_writer() {
    let authority = Authority::new();
    let config = authority.issue(HOST).any();
    let context = context(&authority.trusted());
    let _control = control(&context, &config).await;
    let (mut client, mut server) = data(&context, &config).await;
    let file = octets(16 << 20);
    tokio::select! {
        biased;
        written = client.write_all(&file) => panic!("{written:?}"),
        () = async { for _ in 0..100 { tokio::task::yield_now().await; } } => {}
    }
    let reader = async {
        let mut got = Vec::new();
        server.read_to_end(&mut got).await.unwrap();
        got.len()
    };
    // What was taken before is sent; how much that was only the writer's caller could know.
    let (closed, got) = tokio::join!(client.close_write(), reader);
    closed.unwrap();
    assert!(got > 0 && got < file.len());
}

#[tokio::test]
async fn octet_changed_on_the_way_breaks_the_connection() {
    let authority = Authority::new();
    let config = authority.issue(HOST).any();
    let context = context(&authority.trusted());
    let _control = control(&context, &config).await;
    let (mut client, mut server) = data(&context, &config).await;
    server.write_all(b"good").await.unwrap();
    let mut record = Vec::new();
    let (stream, connection) = server.get_mut();
    std::io::Write::write_all(&mut connection.writer(), b"evil").unwrap();
    connection.write_tls(&mut record).unwrap();
    *record.last_mut().unwrap() ^= 1;
    stream.write_all(&record).await.unwrap();
    let mut got = [0; 4];
    client.read_exact(&mut got).await.unwrap();
    assert_eq!(&got, b"good");
    let error = client.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    // And stays broken.
    client.read_u8().await.unwrap_err();
    client.write_all(b"x").await.unwrap_err();
    // The server is told why: bad_record_mac.
    let error = server.read_u8().await.unwrap_err();
    assert!(error.to_string().contains("BadRecordMac"), "{error}");
}

#[tokio::test]
async fn plain_text_among_records_breaks_the_connection() {
    let authority = Authority::new();
    let config = authority.issue(HOST).any();
    let (mut client, mut server) = control(&context(&authority.trusted()), &config).await;
    server
        .get_mut()
        .0
        .write_all(b"220 injected\r\n")
        .await
        .unwrap();
    let error = client.read_u8().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.to_string().contains("220 injected"), "{error}");
}

#[tokio::test]
async fn plain_text_before_the_handshake_breaks_it() {
    // RFC 4217 §15: what somebody on the way puts behind the `234` must not be taken for the server's.
    let authority = Authority::new();
    let (client, mut server) = pair().await;
    server.write_all(b"230 welcome\r\n").await.unwrap();
    let refused = context(&authority.trusted()).connect_control(client).await;
    assert!(refused.unwrap_err().to_string().contains("230 welcome"));
}

#[test]
fn heads_are_told_apart() {
    assert_eq!(Head::of(b""), Head::Partial(5));
    assert_eq!(Head::of(b"220 "), Head::NotTls);
    assert_eq!(Head::of(&[23]), Head::Partial(5));
    assert_eq!(Head::of(&[23, 2]), Head::NotTls);
    assert_eq!(Head::of(&[23, 3, 3, 0, 2, 1]), Head::Partial(7));
    assert_eq!(Head::of(&[23, 3, 3, 0, 2, 1, 2, 9]), Head::Record(7));
    let [high, low] = u16::try_from(MAX_RECORD - 5).unwrap().to_be_bytes();
    assert_eq!(Head::of(&[23, 3, 3, high, low]), Head::Partial(MAX_RECORD));
    assert_eq!(Head::of(&[23, 3, 3, high, low + 1]), Head::TooLong);
}
