//! Calls the other way over the same connection, the in-memory transport, local datagrams.

use std::time::Duration;

use fairway_rpc::xdr::Opaque;
use fairway_rpc::{CallError, CallOptions, Client, Limits, Procedure, Server};
use fairway_stack::LocalAddr;

use crate::support::*;

/// The xid of a call that arrived, after its other octets were compared.
fn xid_of_callback(record: &[u8], args: &[u8]) -> u32 {
    let xid = u32::from_be_bytes(record[..4].try_into().unwrap());
    assert_eq!(record, call_of(xid, 55, 1, 3, args));
    xid
}

#[test]
fn a_handler_calls_back_over_the_connection_it_was_called_on() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        let arguments = words(&[1, 2, 3]);
        peer.send(&record(&call(7, CALL_BACK, &arguments))).await;
        let xid = xid_of_callback(&peer.record().await.unwrap(), &arguments);
        // Other calls go on meanwhile.
        assert_eq!(
            peer.ask(&call(8, ECHO, &opaque(b"x"))).await.unwrap(),
            success(8, &opaque(b"x"))
        );
        let answered = peer.ask(&success(xid, &words(&[4, 5]))).await.unwrap();
        assert_eq!(answered, success(7, &words(&[4, 5])));
    });
}

#[test]
fn many_callbacks_are_matched_by_xid_in_any_order() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        for xid in 0..20 {
            peer.send(&record(&call(xid, CALL_BACK, &words(&[xid]))))
                .await;
        }
        let mut asked = Vec::new();
        for xid in 0..20 {
            asked.push((
                xid,
                xid_of_callback(&peer.record().await.unwrap(), &words(&[xid])),
            ));
        }
        for (xid, back) in asked.into_iter().rev() {
            assert_eq!(
                peer.ask(&success(back, &words(&[100 + xid])))
                    .await
                    .unwrap(),
                success(xid, &words(&[100 + xid]))
            );
        }
    });
}

#[test]
fn a_callback_fails_with_its_connection_and_there_is_none_over_datagrams() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        peer.send(&record(&call(7, CALL_BACK, &[]))).await;
        xid_of_callback(&peer.record().await.unwrap(), &[]);
        drop(peer);
        fixture
            .until(|counters| counters.connections_open == 0 && counters.calls_running == 0)
            .await;
        let datagrams = fixture.datagrams().await;
        assert_eq!(
            datagrams.ask(&call(7, CALL_BACK, &[])).await,
            words(&[7, 1, 0, 0, 0, 5])
        );
    });
}

#[test]
fn a_connection_with_a_callback_under_way_is_not_idle() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            idle_close: Some(Duration::from_millis(20)),
            ..Limits::default()
        })
        .await;
        let mut peer = fixture.connect().await;
        peer.send(&record(&call(7, CALL_BACK, &[]))).await;
        let xid = xid_of_callback(&peer.record().await.unwrap(), &[]);
        fixture.net.clock().sleep(Duration::from_millis(60)).await;
        assert_eq!(peer.ask(&success(xid, &[])).await.unwrap(), success(7, &[]));
    });
}

const ECHO_PROCEDURE: Procedure = Procedure::new(PROGRAM, VERSION, ECHO);

#[test]
fn a_client_in_memory_calls_without_sockets() {
    run(async || {
        let net = crate::stacks::net();
        let service = TestService::new(VERSION);
        let server = Server::builder(&net)
            .service(service.clone())
            .start()
            .await
            .unwrap();
        let client = Client::memory(&server);
        let octets = Opaque(vec![7; 300_000].into());
        let options = CallOptions::new();
        let echoed: Opaque = client
            .call(ECHO_PROCEDURE, &octets, &options)
            .await
            .unwrap();
        assert_eq!(echoed.0, octets.0);
        let error = client
            .call::<_, ()>(Procedure::new(PROGRAM, 9, 0), &(), &options)
            .await
            .unwrap_err();
        assert!(
            matches!(error, CallError::ProgMismatch { low: 2, high: 2 }),
            "{error}"
        );
        assert_eq!(server.counters().connections_open, 1);
        assert!(server.shutdown(Duration::from_secs(20)).await);
        assert!(
            client
                .call::<_, Opaque>(ECHO_PROCEDURE, &octets, &options)
                .await
                .is_err()
        );
    });
}

#[test]
fn local_datagrams_carry_calls() {
    run(async || {
        let net = crate::stacks::net();
        let name = format!("fairway-rpc-server-{}", std::process::id());
        let address = LocalAddr::abstract_name(name.clone());
        let service = TestService::new(VERSION);
        let server = Server::builder(&net)
            .service(service.clone())
            .listen_local_datagram(address.clone())
            .start()
            .await
            .unwrap();
        let socket = net
            .bind_local_datagram(&LocalAddr::abstract_name(format!("{name}-client")))
            .unwrap();
        let mut buffer = vec![0; 65_535];
        // Repeated: answered from the cache.
        for _ in 0..2 {
            socket
                .send_to(&call(7, COUNT, &[]), &address)
                .await
                .unwrap();
            let (length, _) = socket.recv_msg(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..length], success(7, &words(&[0])));
        }
        // A handler that panics is answered for, and missed by nobody else.
        socket
            .send_to(&call(8, PANIC, &[]), &address)
            .await
            .unwrap();
        let (length, _) = socket.recv_msg(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], system_err(8));
        socket.send_to(&call(9, WAIT, &[]), &address).await.unwrap();
        service.gate.add_permits(1);
        let (length, _) = socket.recv_msg(&mut buffer).await.unwrap();
        assert_eq!(&buffer[..length], success(9, &words(&[7])));
        assert!(server.shutdown(Duration::from_secs(20)).await);
    });
}
