//! Every bound trips, costs the one who reached it, and is counted.

use std::time::Duration;

use fairway_rpc::Limits;

use crate::support::*;

#[test]
fn connections_in_all() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            max_connections: 2,
            ..Limits::default()
        })
        .await;
        let mut first = fixture.connect().await;
        let mut second = fixture.connect().await;
        for peer in [&mut first, &mut second] {
            assert!(peer.ask(&call(1, NULL, &[])).await.is_some());
        }
        assert_eq!(fixture.connect().await.record().await, None);
        assert_eq!(fixture.counters().connections_refused, 1);
        drop(first);
        fixture
            .until(|counters| counters.connections_open == 1)
            .await;
        assert!(
            fixture
                .connect()
                .await
                .ask(&call(1, NULL, &[]))
                .await
                .is_some()
        );
    });
}

#[test]
fn connections_of_one_address() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            max_connections_per_address: 1,
            ..Limits::default()
        })
        .await;
        let mut first = fixture.connect().await;
        assert!(first.ask(&call(1, NULL, &[])).await.is_some());
        assert_eq!(fixture.connect().await.record().await, None);
        assert_eq!(fixture.counters().connections_refused_per_address, 1);
        // Another address of the loopback network has a number of its own.
        let socket = fixture.net.tcp_socket(fairway_stack::Family::V4).unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        let mut other = Peer {
            stream: socket
                .connect(fixture.server.tcp_addr().unwrap())
                .await
                .unwrap(),
        };
        assert!(other.ask(&call(1, NULL, &[])).await.is_some());
    });
}

#[test]
fn calls_of_one_connection() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            max_calls_per_connection: 3,
            ..Limits::default()
        })
        .await;
        let mut peer = fixture.connect().await;
        let calls: Vec<u8> = (0..5)
            .flat_map(|xid| record(&call(xid, WAIT, &[])))
            .collect();
        peer.send(&calls).await;
        let counters = fixture.until(|counters| counters.paused_by_calls > 0).await;
        assert_eq!(counters.calls_running, 3);
        // Another connection is not concerned.
        assert!(
            fixture
                .connect()
                .await
                .ask(&call(9, NULL, &[]))
                .await
                .is_some()
        );
        fixture.service.gate.add_permits(5);
        for _ in 0..5 {
            assert!(peer.record().await.is_some());
        }
    });
}

#[test]
fn calls_in_all_pause_connections_and_each_gets_its_turn() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            max_calls: 2,
            ..Limits::default()
        })
        .await;
        let mut peers = Vec::new();
        for _ in 0..6 {
            let mut peer = fixture.connect().await;
            peer.send(&record(&call(1, WAIT, &[]))).await;
            peers.push(peer);
        }
        let counters = fixture
            .until(|counters| counters.paused_by_calls_in_all >= 4)
            .await;
        assert_eq!(counters.calls_running, 2);
        fixture.service.gate.add_permits(6);
        for peer in &mut peers {
            assert_eq!(peer.record().await.unwrap(), success(1, &words(&[7])));
        }
        assert_eq!(fixture.counters().calls_running, 0);
    });
}

#[test]
fn a_connection_that_waits_for_its_turn_can_go_away() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            max_calls: 1,
            ..Limits::default()
        })
        .await;
        let mut first = fixture.connect().await;
        first.send(&record(&call(1, WAIT, &[]))).await;
        fixture.until(|counters| counters.calls_running == 1).await;
        let mut waiting = Vec::new();
        for _ in 0..3 {
            let mut peer = fixture.connect().await;
            peer.send(&record(&call(1, WAIT, &[]))).await;
            waiting.push(peer);
        }
        fixture
            .until(|counters| counters.paused_by_calls_in_all >= 3)
            .await;
        let mut last = waiting.pop().unwrap();
        drop(waiting);
        fixture.service.gate.add_permits(4);
        assert!(first.record().await.is_some());
        assert!(last.record().await.is_some());
    });
}

#[test]
fn octets_of_half_records_in_all() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            max_receiving_in_all: 100_000,
            ..Limits::default()
        })
        .await;
        // 60 000 octets, the last of which is held back.
        let whole = record(&call(1, NULL, &[0; 60_000 - 40]));
        let (last, most) = whole.split_last().unwrap();
        let mut first = fixture.connect().await;
        first.send(most).await;
        fixture
            .until(|counters| counters.octets_receiving > 59_000)
            .await;
        let mut second = fixture.connect().await;
        second.send(most).await;
        assert!(second.record().await.is_none());
        let counters = fixture
            .until(|counters| counters.octets_receiving < 60_001)
            .await;
        assert_eq!(counters.closed_by_receiving, 1);
        first.send(&[*last]).await;
        assert!(first.record().await.is_some());
        assert_eq!(fixture.counters().octets_receiving, 0);
    });
}

#[test]
fn octets_queued_for_one_peer() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            max_queued: 1 << 16,
            ..Limits::default()
        })
        .await;
        let mut peer = fixture.connect().await;
        let calls: Vec<u8> = (0..64)
            .flat_map(|xid| record(&call(xid, LARGE, &words(&[1 << 20]))))
            .collect();
        peer.send(&calls).await;
        let counters = fixture.until(|counters| counters.paused_by_queue > 0).await;
        // One reply went over the bound; no call after it was started.
        assert!(
            counters.octets_queued <= (1 << 16) + (1 << 20) + 64,
            "{} octets",
            counters.octets_queued
        );
        for xid in 0..64 {
            assert_eq!(peer.record().await.unwrap()[..4], words(&[xid]));
        }
        fixture.until(|counters| counters.octets_queued == 0).await;
    });
}

#[test]
fn octets_queued_in_all() {
    run(async || {
        let limits = Limits {
            max_queued: 64 << 20,
            max_queued_in_all: 4 << 20,
            ..Limits::default()
        };
        let fixture = Fixture::limits(limits).await;
        let mut peer = fixture.connect().await;
        let calls: Vec<u8> = (0..64)
            .flat_map(|xid| record(&call(xid, LARGE, &words(&[1 << 20]))))
            .collect();
        peer.send(&calls).await;
        let counters = fixture
            .until(|counters| counters.closed_by_queue == 1 && counters.connections_open == 0)
            .await;
        assert_eq!(counters.octets_queued, 0);
        assert!(
            fixture
                .connect()
                .await
                .ask(&call(9, NULL, &[]))
                .await
                .is_some()
        );
    });
}

#[test]
fn record_size_and_number_of_fragments() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            max_record: 1000,
            max_fragments: 10,
            ..Limits::default()
        })
        .await;
        let too_many: Vec<u8> = (0..11).flat_map(|_| fragment(false, &[])).collect();
        let sum = [fragment(false, &[0; 600]), words(&[401])].concat();
        for octets in [words(&[0x8000_03e9]), words(&[0xffff_ffff]), too_many, sum] {
            let mut peer = fixture.connect().await;
            peer.send(&octets).await;
            assert_eq!(peer.record().await, None);
        }
        assert_eq!(fixture.counters().closed_by_record, 4);
        let most = call(1, ECHO, &opaque(&[0; 1000 - 44]));
        assert_eq!(most.len(), 1000);
        assert!(fixture.connect().await.ask(&most).await.is_some());
    });
}

#[test]
fn time_to_finish_a_record() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            record_within: Duration::from_millis(50),
            ..Limits::default()
        })
        .await;
        let whole = record(&call(1, NULL, &[]));
        for length in [1, 4, 20, whole.len() - 1] {
            let mut peer = fixture.connect().await;
            peer.send(&whole[..length]).await;
            assert_eq!(peer.record().await, None, "{length} octets");
        }
        assert_eq!(fixture.counters().closed_by_slow_record, 4);
    });
}

#[test]
fn time_to_drain_a_reply() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            drain_within: Duration::from_millis(50),
            ..Limits::default()
        })
        .await;
        let mut peer = fixture.connect().await;
        let calls: Vec<u8> = (0..64)
            .flat_map(|xid| record(&call(xid, LARGE, &words(&[1 << 20]))))
            .collect();
        peer.send(&calls).await;
        let counters = fixture
            .until(|counters| counters.closed_by_slow_reader == 1 && counters.connections_open == 0)
            .await;
        assert_eq!(counters.octets_queued, 0);
    });
}

#[test]
fn idle_connections() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            idle_close: Some(Duration::from_millis(50)),
            ..Limits::default()
        })
        .await;
        let mut idle = fixture.connect().await;
        let mut waits = fixture.connect().await;
        waits.send(&record(&call(1, WAIT, &[]))).await;
        assert_eq!(idle.record().await, None);
        let counters = fixture.counters();
        assert_eq!(
            (counters.closed_idle, counters.connections_open),
            (1, 1),
            "a call that runs is no idleness"
        );
        fixture.service.gate.add_permits(1);
        assert!(waits.record().await.is_some());
        assert_eq!(waits.record().await, None);
        assert_eq!(fixture.counters().closed_idle, 2);
    });
}

#[test]
fn time_for_a_call() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            call_within: Some(Duration::from_millis(50)),
            ..Limits::default()
        })
        .await;
        let mut peer = fixture.connect().await;
        assert_eq!(
            peer.ask(&call(1, WAIT, &[])).await.unwrap(),
            words(&[1, 1, 0, 0, 0, 5])
        );
        let datagrams = fixture.datagrams().await;
        assert_eq!(
            datagrams.ask(&call(1, WAIT, &[])).await,
            words(&[1, 1, 0, 0, 0, 5])
        );
        let counters = fixture.counters();
        assert_eq!((counters.calls_timed_out, counters.calls_running), (2, 0));
    });
}
