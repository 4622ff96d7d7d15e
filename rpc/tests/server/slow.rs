//! R8: clients that are slow in any direction cost only themselves.

use fairway_rpc::Limits;

use crate::support::*;

#[test]
fn a_thousand_calls_complete_while_every_kind_of_slow_client_hangs() {
    run(async || {
        // Nothing is closed meanwhile: the default times are a minute.
        let fixture = Fixture::limits(Limits {
            max_queued: 1 << 16,
            ..Limits::default()
        })
        .await;
        let whole = record(&call(1, NULL, &[]));
        let mut slow = Vec::new();
        for octets in [
            whole[..2].to_vec(),
            whole[..4].to_vec(),
            whole[..whole.len() - 1].to_vec(),
            fragment(false, &call(1, NULL, &[])),
            // Asks for much and never reads it.
            (0..64)
                .flat_map(|xid| record(&call(xid, LARGE, &words(&[1 << 20]))))
                .collect(),
            // Waits for calls that do not end.
            (0..200)
                .flat_map(|xid| record(&call(xid, WAIT, &[])))
                .collect(),
            // Announces the most there may be.
            words(&[0x8040_0000, 1, 2, 3]),
        ] {
            let mut peer = fixture.connect().await;
            peer.send(&octets).await;
            slow.push(peer);
        }
        fixture
            .until(|counters| {
                counters.connections_open == 7
                    && counters.octets_queued > 0
                    && counters.paused_by_calls > 0
            })
            .await;

        let mut peer = fixture.connect().await;
        let datagrams = fixture.datagrams().await;
        for xid in 0..500u32 {
            let arguments = opaque(&xid.to_be_bytes());
            assert_eq!(
                peer.ask(&call(xid, ECHO, &arguments)).await.unwrap(),
                success(xid, &arguments)
            );
            assert_eq!(
                datagrams.ask(&call(xid, ECHO, &arguments)).await,
                success(xid, &arguments)
            );
        }
        assert_eq!(
            fixture.counters().connections_open,
            8,
            "they all hang still"
        );

        // Hanging up with replies unread harms nobody either.
        drop(slow);
        fixture.service.gate.add_permits(200);
        fixture
            .until(|counters| {
                counters.connections_open == 1
                    && counters.octets_queued == 0
                    && counters.calls_running == 0
            })
            .await;
        assert!(peer.ask(&call(1, NULL, &[])).await.is_some());
    });
}

#[test]
fn a_flood_of_connections_leaves_room_for_calls() {
    run(async || {
        let fixture = Fixture::limits(Limits {
            max_connections: 50,
            ..Limits::default()
        })
        .await;
        let mut peer = fixture.connect().await;
        assert!(peer.ask(&call(1, NULL, &[])).await.is_some());
        let mut flood = Vec::new();
        for _ in 0..200 {
            flood.push(fixture.connect().await);
        }
        assert!(peer.ask(&call(2, NULL, &[])).await.is_some());
        let counters = fixture
            .until(|counters| counters.connections_refused == 151)
            .await;
        assert_eq!(counters.connections_open, 50);
        drop(flood);
        fixture
            .until(|counters| counters.connections_open == 1)
            .await;
    });
}
