//! A connection moved onto another stream between two records, as RPC over TLS does (RFC 9289 §4.1).

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use fairway_rpc::msg::CallHeader;
use fairway_rpc::{Accepted, AuthFlavor, Channel, Limits, OpaqueAuth, ServerAuth, Upgrade};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::support::*;

/// Answers the probe of RFC 9289 §4.1 and then shakes hands in its own way.
struct Probe;

impl ServerAuth for Probe {
    fn flavor(&self) -> AuthFlavor {
        AuthFlavor::TLS
    }

    fn accept(&self, _: &CallHeader, _: &[u8], _: bytes::Bytes) -> Accepted {
        let verifier = OpaqueAuth::new(AuthFlavor::NONE, (&b"STARTTLS"[..]).into()).unwrap();
        Accepted::Answer {
            verifier,
            body: bytes::Bytes::new(),
            then_swap: Some(Arc::new(Handshake)),
        }
    }
}

struct Handshake;

impl Upgrade for Handshake {
    fn upgrade(
        &self,
        mut channel: Channel,
    ) -> Pin<Box<dyn Future<Output = io::Result<Channel>> + Send>> {
        Box::pin(async move {
            let mut hello = [0; 5];
            channel.read_exact(&mut hello).await?;
            if hello != *b"hello" {
                return Err(io::ErrorKind::InvalidData.into());
            }
            channel.write_all(b"world").await?;
            // The new stream turns every octet over: nothing of the old one is left.
            let (inner, outer) = tokio::io::duplex(1 << 16);
            tokio::spawn(turn_over(channel, outer));
            Ok(Channel::Other(Box::new(inner)))
        })
    }
}

async fn turn_over(outside: Channel, inside: DuplexStream) {
    let (mut from_outside, mut to_outside) = tokio::io::split(outside);
    let (mut from_inside, mut to_inside) = tokio::io::split(inside);
    let inward = async {
        while let Ok(octet) = from_outside.read_u8().await {
            to_inside.write_u8(!octet).await.unwrap();
        }
        let _ = to_inside.shutdown().await;
    };
    let outward = async {
        while let Ok(octet) = from_inside.read_u8().await {
            to_outside.write_u8(!octet).await.unwrap();
        }
        let _ = to_outside.shutdown().await;
    };
    tokio::join!(inward, outward);
}

fn probe() -> Vec<u8> {
    record(&words(&[7, 0, 2, PROGRAM, VERSION, NULL, 7, 0, 0, 0]))
}

/// The reply to the probe: the verifier's body is "STARTTLS".
fn start() -> Vec<u8> {
    [words(&[7, 1, 0, 0, 8]), b"STARTTLS".to_vec(), words(&[0])].concat()
}

#[test]
fn calls_go_on_over_the_new_stream() {
    run(async || {
        let fixture = Fixture::with(|builder| builder.auth(Arc::new(Probe))).await;
        let mut peer = fixture.connect().await;
        assert_eq!(
            peer.ask(&call(6, ECHO, &opaque(b"plain"))).await.unwrap(),
            success(6, &opaque(b"plain"))
        );
        peer.send(&probe()).await;
        assert_eq!(peer.record().await.unwrap(), start());
        peer.send(b"hello").await;
        let mut world = [0; 5];
        peer.stream.read_exact(&mut world).await.unwrap();
        assert_eq!(&world, b"world");
        let turned: Vec<u8> = record(&call(8, ECHO, &opaque(b"turned")))
            .iter()
            .map(|octet| !octet)
            .collect();
        peer.send(&turned).await;
        let mut reply = vec![0; 28 + 12];
        peer.stream.read_exact(&mut reply).await.unwrap();
        let reply: Vec<u8> = reply.iter().map(|octet| !octet).collect();
        assert_eq!(reply, record(&success(8, &opaque(b"turned"))));
    });
}

#[test]
fn octets_sent_before_the_handshake_and_failed_ones_end_the_connection() {
    run(async || {
        let limits = Limits {
            record_within: Duration::from_millis(50),
            ..Limits::default()
        };
        let fixture = Fixture::with(|builder| builder.auth(Arc::new(Probe)).limits(limits)).await;
        // A call smuggled in behind the probe; a bad handshake; one that does not come.
        for (early, late) in [
            (&record(&call(8, NULL, &[]))[..], &b""[..]),
            (b"", b"jello"),
            (b"", b""),
        ] {
            let mut peer = fixture.connect().await;
            peer.send(&[&probe()[..], early].concat()).await;
            assert_eq!(peer.record().await.unwrap(), start());
            peer.send(late).await;
            assert_eq!(peer.record().await, None);
        }
        assert_eq!(fixture.counters().connections_lost, 3);
    });
}

#[test]
fn over_datagrams_the_probe_is_answered_and_nothing_is_swapped() {
    run(async || {
        let fixture = Fixture::with(|builder| builder.auth(Arc::new(Probe))).await;
        let peer = fixture.datagrams().await;
        assert_eq!(peer.ask(&probe()[4..]).await, start());
        assert_eq!(peer.ask(&call(8, NULL, &[])).await, success(8, &[]));
    });
}
