//! Connections that end, and are made again.

use std::net::SocketAddr;
use std::time::Duration;

use fairway_rpc::{CallError, CallOptions, Client, ClientConfig, ConnectError};
use fairway_stack::{LocalAddr, Net, TcpListener, TcpStream};

use crate::support::{ECHO, Peer, echo, run, settle};

fn listen(net: &Net) -> (TcpListener, SocketAddr) {
    let listener = net.listen_tcp("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn accept(listener: &TcpListener) -> Peer<TcpStream> {
    Peer(listener.accept().await.unwrap().0)
}

async fn answer(peer: &mut Peer<TcpStream>) -> u32 {
    let seen = peer.call().await;
    peer.reply(seen.xid(), &seen.args).await;
    seen.xid()
}

#[test]
fn idle_connection_closed_by_the_server_costs_no_call() {
    run(async || {
        let net = crate::stacks::net();
        let (listener, address) = listen(&net);
        let client = Client::tcp(&net, address, ClientConfig::new())
            .await
            .unwrap();
        let mut peer = accept(&listener).await;
        for value in 0..5 {
            let call = tokio::spawn(echo(&client, value));
            answer(&mut peer).await;
            assert_eq!(call.await.unwrap().unwrap(), value);
            drop(peer);
            // Word of it has come before the next call.
            settle().await;
            let next = tokio::spawn(echo(&client, value));
            peer = accept(&listener).await;
            answer(&mut peer).await;
            assert_eq!(next.await.unwrap().unwrap(), value);
        }
        assert_eq!(client.counters().connections_lost, 5);
    });
}

#[test]
fn calls_in_flight_fail_and_the_next_connects_again() {
    run(async || {
        let net = crate::stacks::net();
        let (listener, address) = listen(&net);
        let client = Client::tcp(&net, address, ClientConfig::new())
            .await
            .unwrap();
        let mut peer = accept(&listener).await;
        let calls: Vec<_> = (0..5).map(|n| tokio::spawn(echo(&client, n))).collect();
        for _ in 0..5 {
            peer.call().await;
        }
        drop(peer);
        for call in calls {
            let error = call.await.unwrap().unwrap_err();
            assert!(matches!(error, CallError::Interrupted(_)), "{error}");
            assert!(error.may_have_run());
        }
        let next = tokio::spawn(echo(&client, 9));
        let mut peer = accept(&listener).await;
        answer(&mut peer).await;
        assert_eq!(next.await.unwrap().unwrap(), 9);
        let counters = client.counters();
        assert_eq!((counters.connections_lost, counters.reconnects), (1, 1));
    });
}

#[test]
fn resending_keeps_the_xid() {
    run(async || {
        let net = crate::stacks::net();
        let (listener, address) = listen(&net);
        let config = ClientConfig::new().resend(true);
        let client = Client::tcp(&net, address, config).await.unwrap();
        let mut peer = accept(&listener).await;
        let calls: Vec<_> = (0..3).map(|n| tokio::spawn(echo(&client, n))).collect();
        let mut before = Vec::new();
        for _ in 0..3 {
            before.push(peer.call().await.xid());
        }
        drop(peer);
        let mut peer = accept(&listener).await;
        let mut after = Vec::new();
        for _ in 0..3 {
            after.push(answer(&mut peer).await);
        }
        after.sort_unstable();
        before.sort_unstable();
        assert_eq!(before, after);
        for (n, call) in (0..).zip(calls) {
            assert_eq!(call.await.unwrap().unwrap(), n);
        }
        assert_eq!(client.counters().resent, 3);
    });
}

#[test]
fn nobody_there_is_told_and_pauses_grow() {
    run(async || {
        let net = crate::stacks::net();
        let (listener, address) = listen(&net);
        let mut config = ClientConfig::new();
        config.first_pause = Duration::from_millis(20);
        config.longest_pause = Duration::from_millis(40);
        let client = Client::tcp(&net, address, config).await.unwrap();
        drop(accept(&listener).await);
        drop(listener);
        let clock = net.clock();
        let began = clock.now();
        for _ in 0..4 {
            let error = echo(&client, 1).await.unwrap_err();
            let refused = matches!(&error, CallError::Connect(why) if matches!(**why, ConnectError::Connect { .. }));
            assert!(
                refused || matches!(error, CallError::Interrupted(_)),
                "{error}"
            );
        }
        let took = clock.now().saturating_duration_since(began);
        assert!(took >= Duration::from_millis(20 + 40), "{took:?}");
        // A call with less time than the pause ends in its time.
        let options = CallOptions::new().deadline(Duration::from_millis(5));
        let error = client
            .call::<_, u32>(ECHO, &1u32, &options)
            .await
            .unwrap_err();
        assert!(matches!(error, CallError::TimedOut), "{error}");
        assert_eq!(client.load(), (0, 0));
    });
}

#[test]
fn resent_calls_wait_for_a_server_that_comes_back() {
    run(async || {
        let net = crate::stacks::net();
        let (listener, address) = listen(&net);
        let mut config = ClientConfig::new().resend(true);
        config.first_pause = Duration::from_millis(5);
        let client = Client::tcp(&net, address, config).await.unwrap();
        let mut peer = accept(&listener).await;
        let call = tokio::spawn(echo(&client, 5));
        let xid = peer.call().await.xid();
        drop(listener);
        drop(peer);
        // Some attempts fail.
        net.clock().sleep(Duration::from_millis(30)).await;
        let listener = net.listen_tcp(address).unwrap();
        let mut peer = accept(&listener).await;
        assert_eq!(answer(&mut peer).await, xid);
        assert_eq!(call.await.unwrap().unwrap(), 5);
    });
}

#[test]
fn reserved_port_is_bound_or_refused() {
    run(async || {
        let net = crate::stacks::net();
        let (listener, address) = listen(&net);
        let config = ClientConfig::new().reserved_port(true);
        match Client::tcp(&net, address, config).await {
            Ok(_client) => {
                let (_, peer) = listener.accept().await.unwrap();
                assert!((512..1024).contains(&peer.port()), "{peer}");
            }
            Err(ConnectError::System(error)) => {
                assert_eq!(error, fairway_stack::NetError::Access);
            }
            Err(error) => panic!("{error}"),
        }
    });
}

#[test]
fn local_streams_carry_calls() {
    run(async || {
        let net = crate::stacks::net();
        let name = format!("fairway-rpc-test-{}", net.rng().next_u64());
        let address = LocalAddr::abstract_name(name);
        let listener = net.listen_local(&address).unwrap();
        let client = Client::local(&net, &address, ClientConfig::new())
            .await
            .unwrap();
        let (stream, _) = listener.accept().await.unwrap();
        tokio::spawn(Peer(stream).echo());
        assert_eq!(echo(&client, 3).await.unwrap(), 3);
    });
}
