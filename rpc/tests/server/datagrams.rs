//! Calls over UDP: the duplicate cache, sizes, panics, floods.

use std::time::Duration;

use fairway_rpc::{Limits, Server, ServiceOptions};

use crate::support::*;

#[test]
fn a_repeated_call_is_executed_once_and_answered_twice() {
    run(async || {
        let fixture = Fixture::new().await;
        let peer = fixture.datagrams().await;
        let first = peer.ask(&call(1, COUNT, &[])).await;
        assert_eq!(first, success(1, &words(&[0])));
        assert_eq!(peer.ask(&call(1, COUNT, &[])).await, first);
        // Another transaction, other arguments, another socket: other calls.
        assert_eq!(
            peer.ask(&call(2, COUNT, &[])).await,
            success(2, &words(&[1]))
        );
        assert_eq!(
            peer.ask(&call(1, COUNT, &words(&[9]))).await,
            success(1, &words(&[2]))
        );
        assert_eq!(
            fixture.datagrams().await.ask(&call(1, COUNT, &[])).await,
            success(1, &words(&[3]))
        );
        let counters = fixture.counters();
        assert_eq!(
            (counters.replies_repeated, counters.repeats_dropped),
            (1, 0)
        );
    });
}

#[test]
fn a_call_repeated_while_it_runs_is_answered_once() {
    run(async || {
        let fixture = Fixture::new().await;
        let peer = fixture.datagrams().await;
        for _ in 0..3 {
            peer.send(&call(1, WAIT_COUNT, &[])).await;
        }
        fixture
            .until(|counters| counters.repeats_dropped == 2)
            .await;
        fixture.service.gate.add_permits(3);
        assert_eq!(peer.receive().await, success(1, &words(&[0])));
        assert_eq!(
            peer.ask(&call(1, WAIT_COUNT, &[])).await,
            success(1, &words(&[0]))
        );
        assert_eq!(
            peer.ask(&call(2, NULL, &[])).await,
            success(2, &[]),
            "and nothing was in between"
        );
    });
}

#[test]
fn procedure_0_is_never_kept_and_a_service_can_do_without() {
    run(async || {
        let fixture = Fixture::new().await;
        let peer = fixture.datagrams().await;
        for _ in 0..2 {
            peer.ask(&call(1, NULL, &[])).await;
        }
        assert_eq!(fixture.counters().replies_repeated, 0);

        let mut options = ServiceOptions::default();
        options.duplicate_cache_on_datagrams = false;
        let fixture = Fixture::options(options, Limits::default()).await;
        let peer = fixture.datagrams().await;
        assert_eq!(
            peer.ask(&call(1, COUNT, &[])).await,
            success(1, &words(&[0]))
        );
        assert_eq!(
            peer.ask(&call(1, COUNT, &[])).await,
            success(1, &words(&[1]))
        );
    });
}

#[test]
fn over_tcp_calls_are_kept_only_when_asked_for() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        assert_eq!(
            peer.ask(&call(1, COUNT, &[])).await.unwrap(),
            success(1, &words(&[0]))
        );
        assert_eq!(
            peer.ask(&call(1, COUNT, &[])).await.unwrap(),
            success(1, &words(&[1]))
        );

        let mut options = ServiceOptions::default();
        options.duplicate_cache_on_streams = true;
        let fixture = Fixture::options(options, Limits::default()).await;
        let mut peer = fixture.connect().await;
        assert_eq!(
            peer.ask(&call(1, COUNT, &[])).await.unwrap(),
            success(1, &words(&[0]))
        );
        assert_eq!(
            peer.ask(&call(1, COUNT, &[])).await.unwrap(),
            success(1, &words(&[0]))
        );
    });
}

#[test]
fn a_kept_call_outlives_its_connection_and_answers_the_next_one_from_the_same_port() {
    run(async || {
        let mut options = ServiceOptions::default();
        options.duplicate_cache_on_streams = true;
        let fixture = Fixture::options(options, Limits::default()).await;
        let address = fixture.server.tcp_addr().unwrap();
        // A port of one's own, as `bindresvport` would give; reset instead of TIME_WAIT lets it be used again at once.
        let dial = |local: std::net::SocketAddr| {
            let socket = fixture.net.tcp_socket(fairway_stack::Family::V4).unwrap();
            socket.set(fairway_stack::option::ReuseAddr, true).unwrap();
            socket
                .set(fairway_stack::option::Linger, Some(Duration::ZERO))
                .unwrap();
            socket.bind(local).unwrap();
            socket
        };
        let socket = dial("127.0.0.1:0".parse().unwrap());
        let local = socket.local_addr().unwrap();
        let mut first = Peer {
            stream: socket.connect(address).await.unwrap(),
        };
        first.send(&record(&call(1, WAIT_COUNT, &[]))).await;
        fixture.until(|counters| counters.calls_running == 1).await;
        drop(first);
        fixture
            .until(|counters| counters.connections_open == 0)
            .await;
        assert_eq!(fixture.counters().calls_running, 1, "it runs on");

        let mut second = Peer {
            stream: dial(local).connect(address).await.unwrap(),
        };
        second.send(&record(&call(1, WAIT_COUNT, &[]))).await;
        fixture
            .until(|counters| counters.repeats_dropped == 1)
            .await;
        fixture.service.gate.add_permits(1);
        fixture.until(|counters| counters.calls_running == 0).await;
        assert_eq!(
            second.ask(&call(1, WAIT_COUNT, &[])).await.unwrap(),
            success(1, &words(&[0]))
        );
    });
}

#[test]
fn kept_replies_give_way_to_newer_ones() {
    run(async || {
        let limits = Limits {
            reply_cache_octets: 10 * (128 + 4),
            ..Limits::default()
        };
        let fixture = Fixture::limits(limits).await;
        let peer = fixture.datagrams().await;
        for xid in 0..20 {
            assert_eq!(
                peer.ask(&call(xid, COUNT, &[])).await,
                success(xid, &words(&[xid]))
            );
        }
        assert_eq!(fixture.counters().replies_evicted, 10);
        assert_eq!(
            peer.ask(&call(19, COUNT, &[])).await,
            success(19, &words(&[19]))
        );
        assert_eq!(
            peer.ask(&call(0, COUNT, &[])).await,
            success(0, &words(&[20])),
            "forgotten: executed again"
        );
    });
}

#[test]
fn a_reply_longer_than_a_datagram_may_be_is_system_err() {
    run(async || {
        let fixture = Fixture::new().await;
        let peer = fixture.datagrams().await;
        // 8800 octets with header and length are the most by default.
        assert_eq!(
            peer.ask(&call(1, LARGE, &words(&[8800 - 28]))).await.len(),
            8800
        );
        assert_eq!(
            peer.ask(&call(2, LARGE, &words(&[8800 - 24]))).await,
            words(&[2, 1, 0, 0, 0, 5])
        );
        assert_eq!(fixture.counters().replies_too_long, 1);
        // Over TCP there is no such bound.
        let reply = fixture
            .connect()
            .await
            .ask(&call(3, LARGE, &words(&[100_000])))
            .await
            .unwrap();
        assert_eq!(reply.len(), 28 + 100_000);
    });
}

#[test]
fn large_datagrams_arrive_and_longer_ones_than_allowed_are_dropped() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            udp_send: 65_507,
            ..Limits::default()
        })
        .await;
        let peer = fixture.datagrams().await;
        let octets = vec![3; 60_000];
        assert!(peer.ask(&call(1, ECHO, &opaque(&octets))).await == success(1, &opaque(&octets)));

        let fixture = Fixture::limits(Limits {
            udp_receive: 1000,
            ..Limits::default()
        })
        .await;
        let peer = fixture.datagrams().await;
        peer.send(&call(1, ECHO, &opaque(&octets))).await;
        assert_eq!(peer.ask(&call(2, NULL, &[])).await, success(2, &[]));
        assert_eq!(fixture.counters().datagrams_truncated, 1);
    });
}

#[test]
fn a_panicking_handler_is_answered_with_system_err() {
    run(async || {
        let fixture = Fixture::new().await;
        let peer = fixture.datagrams().await;
        let other = fixture.datagrams().await;
        other.send(&call(1, WAIT, &[])).await;
        fixture.until(|counters| counters.calls_running == 1).await;
        for (xid, procedure) in [(2, PANIC), (3, EARLY_PANIC)] {
            let reply = peer.ask(&call(xid, procedure, &[])).await;
            assert_eq!(reply, system_err(xid));
        }
        // Answered like any other call, and so kept: repeated, it is not executed again.
        assert_eq!(peer.ask(&call(2, PANIC, &[])).await, system_err(2));
        fixture.service.gate.add_permits(1);
        assert_eq!(other.receive().await, success(1, &words(&[7])));
        let counters = fixture.counters();
        assert_eq!((counters.handler_panics, counters.replies_repeated), (2, 1));
        assert_eq!((counters.datagram_panics, counters.calls_running), (0, 0));
    });
}

#[test]
fn replies_leave_from_the_address_that_was_asked() {
    run(async || {
        let net = crate::stacks::net();
        let server = Server::builder(&net)
            .service(TestService::new(VERSION))
            .listen_udp("0.0.0.0:0".parse().unwrap())
            .start()
            .await
            .unwrap();
        let port = server.udp_addr().unwrap().port();
        for octet in [1, 2, 77] {
            let peer = DatagramPeer {
                socket: net.bind_udp("127.0.0.1:0".parse().unwrap()).unwrap(),
                server: ([127, 0, 0, octet], port).into(),
            };
            let asked = opaque(format!("127.0.0.{octet}:{port}").as_bytes());
            // Alone, and several at once: the fixture compares the address.
            assert_eq!(peer.ask(&call(1, ASKED, &[])).await, success(1, &asked));
            for xid in 2..12 {
                peer.send(&call(xid, ASKED, &[])).await;
            }
            for xid in 2..12 {
                assert_eq!(peer.receive().await, success(xid, &asked));
            }
        }
    });
}

#[test]
fn a_flood_of_waiting_calls_stops_at_the_bound_and_quick_ones_go_on() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            max_calls: 10,
            ..Limits::default()
        })
        .await;
        let peer = fixture.datagrams().await;
        for xid in 0..100 {
            peer.send(&call(xid, WAIT, &[])).await;
        }
        let counters = fixture
            .until(|counters| counters.datagrams_over_limit == 90)
            .await;
        assert_eq!(counters.calls_running, 10);
        fixture.service.gate.add_permits(10);
        for _ in 0..10 {
            peer.receive().await;
        }
        // What was dropped can be asked again.
        fixture.service.gate.add_permits(1);
        assert_eq!(
            peer.ask(&call(50, WAIT, &[])).await,
            success(50, &words(&[7]))
        );
    });
}
