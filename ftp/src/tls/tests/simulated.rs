//! On a simulated network: its time counts, not the machine's.

use super::{Authority, HOST, accept, with_tickets};
use crate::tls::{CertificateFault, TlsContext, TlsError};
use fairway_sim::Network;
use rustls::version::TLS13;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

#[test]
fn certificates_expire_by_the_network_s_time() {
    let network = Network::new(4217);
    let (alice, bob) = (network.node("alice"), network.node("bob"));
    network
        .link(&alice, &bob)
        .delay(Duration::from_millis(10))
        .connect();
    network.route_all();
    let authority = Authority::new();
    let now = network.clock().wall();
    let server = authority.issue_with(HOST, |params| {
        params.not_before = now.into();
        params.not_after = (now + Duration::from_secs(3600)).into();
    });
    let options = authority.trusted();
    let config = server.any();
    let listener = bob
        .net()
        .listen_tcp("0.0.0.0:990".parse().unwrap())
        .unwrap();
    bob.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = accept(&config, stream).await else {
                continue;
            };
            stream.write_all(b"220 hello\r\n").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    })
    .detach();
    network.run(async {
        let net = alice.net();
        let address = net.lookup("bob").await.unwrap()[0];
        let connect = async || {
            let stream = net.connect_tcp((address, 990).into()).await.unwrap();
            let context = TlsContext::new(&options, &net.clock(), HOST).unwrap();
            context.connect_control(stream).await
        };
        let mut reply = String::new();
        connect()
            .await
            .unwrap()
            .read_to_string(&mut reply)
            .await
            .unwrap();
        assert_eq!(reply, "220 hello\r\n");
        net.clock().sleep(Duration::from_secs(7200)).await;
        let Err(TlsError::Certificate { fault, .. }) = connect().await else {
            panic!("accepted");
        };
        assert_eq!(fault, CertificateFault::Expired);
    });
}

#[test]
fn tickets_expire_by_the_network_s_time() {
    let network = Network::new(8446);
    let (alice, bob) = (network.node("alice"), network.node("bob"));
    network.link(&alice, &bob).connect();
    network.route_all();
    let authority = Authority::new();
    let config = with_tickets(authority.issue(HOST).config(&[&TLS13]), 2);
    let listener = bob
        .net()
        .listen_tcp("0.0.0.0:990".parse().unwrap())
        .unwrap();
    bob.spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = accept(&config, stream).await.unwrap();
        stream.write_all(b"220 hello\r\n").await.unwrap();
        let _ = stream.read_u8().await;
    })
    .detach();
    network.run(async {
        let net = alice.net();
        let address = net.lookup("bob").await.unwrap()[0];
        let stream = net.connect_tcp((address, 990).into()).await.unwrap();
        let context = TlsContext::new(&authority.trusted(), &net.clock(), HOST).unwrap();
        let mut control = context.connect_control(stream).await.unwrap();
        control.read_exact(&mut [0; 11]).await.unwrap();
        assert_eq!((context.tickets(), context.can_resume()), (2, true));
        // Longer than a ticket may be used at all (RFC 8446 §4.6.1).
        net.clock().sleep(Duration::from_secs(8 * 24 * 3600)).await;
        assert_eq!((context.tickets(), context.can_resume()), (0, false));
    });
}
