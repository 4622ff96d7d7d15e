//! Calls that are answered, over every transport.

use std::time::Duration;

use fairway_rpc::{Limits, Peer as RpcPeer, Server};
use fairway_stack::LocalAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::*;

#[test]
fn a_call_and_its_reply_by_octets() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        peer.send(&record(&call(7, ECHO, &opaque(b"hello")))).await;
        let mut octets = vec![0; 4 + 24 + 12];
        peer.stream.read_exact(&mut octets).await.unwrap();
        // RFC 5531 §11: last fragment, 36 octets. xid, REPLY, MSG_ACCEPTED, AUTH_NONE of 0 octets, SUCCESS, "hello".
        assert_eq!(
            octets,
            [
                words(&[0x8000_0024, 7, 1, 0, 0, 0, 0, 5]),
                b"hello\0\0\0".to_vec()
            ]
            .concat()
        );
    });
}

#[test]
fn many_calls_in_one_write_are_all_answered() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        let calls: Vec<u8> = (0..1000)
            .flat_map(|xid| record(&call(xid, ECHO, &opaque(&xid.to_be_bytes()))))
            .collect();
        let Peer { stream } = &mut peer;
        let (mut read, mut write) = tokio::io::split(stream);
        let write = async { write.write_all(&calls).await.unwrap() };
        let read = async {
            for xid in 0..1000u32 {
                let mut reply = vec![0; 36];
                read.read_exact(&mut reply).await.unwrap();
                assert_eq!(reply, record(&success(xid, &opaque(&xid.to_be_bytes()))));
            }
        };
        tokio::join!(write, read);
        let counters = fixture.counters();
        assert_eq!(counters.procedures.len(), 1);
        let procedure = &counters.procedures[0];
        assert_eq!(
            (
                procedure.program,
                procedure.version,
                procedure.procedure,
                procedure.name
            ),
            (PROGRAM, VERSION, Some(ECHO), Some("ECHO"))
        );
        assert_eq!(
            (
                procedure.calls,
                procedure.errors,
                procedure.octets_in,
                procedure.octets_out
            ),
            (1000, 0, 8000, 32_000)
        );
        assert_eq!(procedure.latency.buckets.iter().sum::<u64>(), 1000);
    });
}

#[test]
fn records_in_fragments_of_any_size_and_empty_ones_are_joined() {
    run(async || {
        let fixture = Fixture::new().await;
        let message = call(7, ECHO, &opaque(&[9; 61]));
        for size in [1, 3, 4, 40, 100] {
            let mut peer = fixture.connect().await;
            let mut octets = fragment(false, &[]);
            for piece in message.chunks(size) {
                octets.extend(fragment(false, piece));
            }
            octets.extend(fragment(true, &[]));
            peer.send(&octets).await;
            assert_eq!(
                peer.record().await.unwrap(),
                success(7, &opaque(&[9; 61])),
                "fragments of {size}"
            );
        }
    });
}

#[test]
fn octets_that_come_one_by_one_make_a_call() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        for octet in record(&call(7, ECHO, &opaque(b"slowly"))) {
            peer.send(&[octet]).await;
            tokio::task::yield_now().await;
        }
        assert_eq!(peer.record().await.unwrap(), success(7, &opaque(b"slowly")));
    });
}

#[test]
fn a_mebibyte_goes_there_and_back() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        let octets: Vec<u8> = (0..1u32 << 18).flat_map(u32::to_be_bytes).collect();
        for xid in 0..3 {
            let reply = peer.ask(&call(xid, ECHO, &opaque(&octets))).await.unwrap();
            assert!(reply == success(xid, &opaque(&octets)));
        }
    });
}

#[test]
fn a_waiting_call_does_not_hold_up_those_behind_it() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        peer.send(&record(&call(1, WAIT, &[]))).await;
        peer.send(&record(&call(2, WAIT, &[]))).await;
        assert_eq!(
            peer.ask(&call(3, ECHO, &opaque(b"now"))).await.unwrap(),
            success(3, &opaque(b"now"))
        );
        assert_eq!(fixture.counters().calls_running, 2);
        fixture.service.gate.add_permits(1);
        assert_eq!(peer.record().await.unwrap(), success(1, &words(&[7])));
        fixture.service.gate.add_permits(1);
        assert_eq!(peer.record().await.unwrap(), success(2, &words(&[7])));
        assert_eq!(fixture.counters().calls_running, 0);
    });
}

#[test]
fn batched_calls_are_not_answered() {
    // RFC 5531 §8.4.1, and rpc-api.md §6.
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        let batch: Vec<u8> = (0..100)
            .flat_map(|xid| record(&call(xid, SILENT, &[])))
            .collect();
        peer.send(&batch).await;
        assert_eq!(
            peer.ask(&call(100, NULL, &[])).await.unwrap(),
            success(100, &[])
        );
        let silent = fixture
            .counters()
            .procedures
            .iter()
            .find(|p| p.procedure == Some(SILENT))
            .unwrap()
            .calls;
        assert_eq!(silent, 100);
    });
}

#[test]
fn replies_follow_a_client_that_has_said_all() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        peer.send(&record(&call(1, WAIT, &[]))).await;
        peer.stream.shutdown(std::net::Shutdown::Write).unwrap();
        fixture.until(|counters| counters.calls_running == 1).await;
        fixture.service.gate.add_permits(1);
        assert_eq!(peer.record().await.unwrap(), success(1, &words(&[7])));
        assert_eq!(peer.record().await, None);
        fixture
            .until(|counters| counters.connections_open == 0)
            .await;
    });
}

#[test]
fn local_streams_carry_calls_and_the_peers_credentials() {
    run(async || {
        let net = crate::stacks::net();
        let path =
            std::env::temp_dir().join(format!("fairway-rpc-server-{}.sock", std::process::id()));
        let address = LocalAddr::path(&path);
        let server = Server::builder(&net)
            .service(TestService::new(VERSION))
            .listen_local(address.clone())
            .start()
            .await
            .unwrap();
        let mut stream = net.connect_local(&address).await.unwrap();
        stream
            .write_all(&record(&call(7, ECHO, &opaque(b"local"))))
            .await
            .unwrap();
        let mut reply = vec![0; 28 + 12];
        stream.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply, record(&success(7, &opaque(b"local"))));
        drop(server);
        while path.exists() {
            // The socket file goes with the server.
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_connection_made_elsewhere_is_served() {
    run(async || {
        let fixture = Fixture::new().await;
        let (mut ours, theirs) = tokio::io::duplex(1 << 16);
        fixture
            .server
            .serve(fairway_rpc::Channel::Memory(theirs), RpcPeer::Memory);
        ours.write_all(&record(&call(7, ECHO, &opaque(b"memory"))))
            .await
            .unwrap();
        let mut reply = vec![0; 28 + 12];
        ours.read_exact(&mut reply).await.unwrap();
        assert_eq!(reply, record(&success(7, &opaque(b"memory"))));
    });
}

#[test]
fn a_panicking_handler_is_answered_with_system_err_and_disturbs_no_other_call() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        // In flight on the same connection all the while.
        peer.send(&record(&call(1, WAIT, &[]))).await;
        fixture.until(|counters| counters.calls_running == 1).await;
        for (xid, procedure) in [(2, PANIC), (3, EARLY_PANIC)] {
            let reply = peer.ask(&call(xid, procedure, &[])).await;
            assert_eq!(reply.unwrap(), system_err(xid));
        }
        // The gate is fair: 1 waits longer than 4.
        peer.send(&record(&call(4, WAIT_PANIC, &[]))).await;
        fixture.until(|counters| counters.calls_running == 2).await;
        fixture.service.gate.add_permits(1);
        assert_eq!(peer.record().await.unwrap(), success(1, &words(&[7])));
        fixture.service.gate.add_permits(1);
        assert_eq!(peer.record().await.unwrap(), system_err(4));
        let echo = peer.ask(&call(5, ECHO, &opaque(b"on"))).await;
        assert_eq!(echo.unwrap(), success(5, &opaque(b"on")));

        let counters = fixture.counters();
        assert_eq!((counters.handler_panics, counters.calls_running), (3, 0));
        assert_eq!(
            (counters.closed_by_panic, counters.connections_open),
            (0, 1)
        );
    });
}

#[test]
fn on_several_threads_no_wake_up_is_lost() {
    const CONNECTIONS: u32 = 8;
    const CALLS: u32 = 2000;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(3)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let limits = Limits {
            max_calls_per_connection: 16,
            max_calls: 40,
            ..Limits::default()
        };
        let fixture = Fixture::limits(limits).await;
        let mut clients = Vec::new();
        for _ in 0..CONNECTIONS {
            let (mut read, mut write) = fixture.connect().await.stream.into_split();
            let calls: Vec<u8> = (0..CALLS)
                .flat_map(|xid| record(&call(xid, YIELD, &words(&[xid]))))
                .collect();
            let writing =
                tokio::spawn(async move { write.write_all(&calls).await.map(|()| write) });
            clients.push(tokio::spawn(async move {
                let mut seen = vec![false; usize::try_from(CALLS).unwrap()];
                for _ in 0..CALLS {
                    let mut reply = [0; 32];
                    read.read_exact(&mut reply).await?;
                    let xid = u32::from_be_bytes(reply[4..8].try_into().unwrap());
                    assert_eq!(reply[..], record(&success(xid, &words(&[xid]))));
                    let seen = &mut seen[usize::try_from(xid).unwrap()];
                    assert!(!*seen, "call {xid} answered twice");
                    *seen = true;
                }
                // The writing half must live until now: its end would be the connection's.
                writing.await.unwrap().map(drop)
            }));
        }
        let datagrams = fixture.datagrams().await;
        for xid in 0..CALLS {
            // Dropped if all places are taken: asked again, as UDP clients do.
            let clock = fixture.net.clock();
            while clock
                .timeout(
                    Duration::from_millis(20),
                    datagrams.ask(&call(xid, YIELD, &words(&[xid]))),
                )
                .await
                .is_err()
            {}
        }
        let clock = fixture.net.clock();
        for client in clients {
            let ended = clock.timeout(Duration::from_secs(30), client).await;
            ended.expect("the test hangs").unwrap().unwrap();
        }
        fixture
            .until(|counters| counters.calls_running == 0 && counters.connections_open == 0)
            .await;
    });
}
