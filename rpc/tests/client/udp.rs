//! Calls over UDP: lost, repeated, malformed and foreign datagrams.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use fairway_rpc::msg::CallHeader;
use fairway_rpc::xdr::Opaque;
use fairway_rpc::{CallError, CallOptions, Client, ClientConfig, ClntStat};
use fairway_stack::UdpSocket;

use crate::support::{Call, ECHO, begin, echo, run, settle, success};

struct Peer {
    socket: UdpSocket,
    client: Option<SocketAddr>,
}

impl Peer {
    async fn call(&mut self) -> Call {
        let mut octets = vec![0; 65_535];
        let (length, from) = self.socket.recv_from(&mut octets).await.unwrap();
        octets.truncate(length);
        self.client = Some(from);
        let (header, args) = CallHeader::parse(&octets.into()).unwrap();
        Call { header, args }
    }

    async fn send(&self, octets: &[u8]) {
        self.socket
            .send_to(octets, self.client.unwrap())
            .await
            .unwrap();
    }

    async fn reply(&self, call: &Call) {
        self.send(&success(call.xid(), &call.args)).await;
    }
}

async fn pair(config: ClientConfig) -> (Client, Peer) {
    let net = crate::stacks::net();
    let socket = net.bind_udp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = socket.local_addr().unwrap();
    let client = Client::udp(&net, address, config).await.unwrap();
    let peer = Peer {
        socket,
        client: None,
    };
    (client, peer)
}

fn quick() -> ClientConfig {
    ClientConfig::new().first_wait(Duration::from_millis(20))
}

/// RFC 5531 §5.
#[test]
fn lost_call_is_sent_again_with_the_same_xid() {
    run(async || {
        let (client, mut peer) = pair(quick()).await;
        let call = tokio::spawn(echo(&client, 1));
        let lost = peer.call().await;
        let again = peer.call().await;
        assert_eq!((lost.xid(), &lost.args), (again.xid(), &again.args));
        peer.reply(&again).await;
        assert_eq!(call.await.unwrap().unwrap(), 1);
        assert_eq!(client.counters().resent, 1);
    });
}

#[test]
fn many_calls_in_flight_each_with_its_own_waits() {
    run(async || {
        let (client, mut peer) = pair(quick()).await;
        let calls: Vec<_> = (0..20).map(|n| tokio::spawn(echo(&client, n))).collect();
        let mut once = std::collections::HashSet::new();
        let mut answered = 0;
        while answered < 20 {
            let seen = peer.call().await;
            // The first of each is lost, replies go out twice.
            if once.insert(seen.xid()) {
                continue;
            }
            peer.reply(&seen).await;
            peer.reply(&seen).await;
            answered += 1;
        }
        for (n, call) in (0..).zip(calls) {
            assert_eq!(call.await.unwrap().unwrap(), n);
        }
        assert_eq!(client.load(), (0, 0));
    });
}

#[test]
fn repeated_malformed_and_foreign_replies_are_ignored() {
    run(async || {
        let (client, mut peer) = pair(ClientConfig::new()).await;
        for value in 0..3u32 {
            let call = tokio::spawn(echo(&client, value));
            let seen = peer.call().await;
            peer.send(&[]).await;
            peer.send(&[1, 2, 3]).await;
            peer.send(&success(seen.xid(), &[])[..20]).await;
            peer.send(&success(seen.xid() ^ 1, &seen.args)).await;
            // Not the peer's address: the socket is connected.
            let foreign = crate::stacks::net()
                .bind_udp("127.0.0.1:0".parse().unwrap())
                .unwrap();
            foreign
                .send_to(&success(seen.xid(), &[9; 4]), peer.client.unwrap())
                .await
                .unwrap();
            peer.reply(&seen).await;
            peer.send(&success(seen.xid(), &[8; 4])).await;
            assert_eq!(call.await.unwrap().unwrap(), value);
        }
        let counters = client.counters();
        assert_eq!(counters.malformed, 9);
        assert!(counters.stray_replies >= 5, "{counters:?}");
    });
}

/// rpc.rstatd answers a null call a second time, with 132 octets more.
#[test]
fn second_longer_reply_is_harmless() {
    run(async || {
        let (client, mut peer) = pair(ClientConfig::new()).await;
        for _ in 0..5 {
            let null = client.clone();
            let call =
                tokio::spawn(
                    async move { null.call::<_, ()>(ECHO, &(), &CallOptions::new()).await },
                );
            let seen = peer.call().await;
            peer.send(&success(seen.xid(), &[])).await;
            peer.send(&success(seen.xid(), &[0; 108])).await;
            call.await.unwrap().unwrap();
        }
    });
}

#[test]
fn total_time_ends_the_call() {
    run(async || {
        let (client, mut peer) = pair(quick()).await;
        let options = CallOptions::new().deadline(Duration::from_millis(70));
        let error = client
            .call::<_, u32>(ECHO, &1u32, &options)
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::TimedOut));
        // Sent at 0, about 20 and about 60 ms.
        let first = peer.call().await.xid();
        assert_eq!(peer.call().await.xid(), first);
        assert!((1..=2).contains(&client.counters().resent));
    });
}

#[test]
fn nobody_listening_is_told() {
    run(async || {
        // Long before anything would be sent again.
        let patient = ClientConfig::new().first_wait(Duration::from_secs(60));
        let (client, peer) = pair(patient.deadline(Duration::MAX)).await;
        drop(peer);
        let error = echo(&client, 1).await.unwrap_err();
        assert!(matches!(error, CallError::Receive(_)), "{error}");
        assert_eq!(error.stat(), ClntStat::CANT_RECV);
    });
}

#[test]
fn too_long_a_call_is_refused_before_it_is_sent() {
    run(async || {
        let (client, _peer) = pair(quick()).await;
        let blob = Opaque(Bytes::from(vec![0; 8800]));
        let error = client
            .call::<_, ()>(ECHO, &blob, &CallOptions::new())
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::Send(_)), "{error}");
        assert!(!error.may_have_run());
        assert_eq!(client.load(), (0, 0));
    });
}

#[test]
fn dropped_calls_and_unpolled_readers_hold_nobody_up() {
    run(async || {
        let (client, mut peer) = pair(ClientConfig::new()).await;
        // The first call waits for word that the socket can be written to.
        let warm = tokio::spawn(echo(&client, 0));
        let seen = peer.call().await;
        peer.reply(&seen).await;
        warm.await.unwrap().unwrap();
        let mut dropped = echo(&client, 1);
        begin(&mut dropped);
        let first = peer.call().await;
        drop(dropped);
        let mut forgotten = echo(&client, 2);
        begin(&mut forgotten);
        let second = peer.call().await;
        for value in 3..6 {
            let call = tokio::spawn(echo(&client, value));
            let seen = peer.call().await;
            peer.reply(&first).await;
            peer.reply(&seen).await;
            assert_eq!(call.await.unwrap().unwrap(), value);
        }
        peer.reply(&second).await;
        assert_eq!(forgotten.await.unwrap(), 2);
        settle().await;
        assert_eq!(client.load(), (0, 0));
    });
}
