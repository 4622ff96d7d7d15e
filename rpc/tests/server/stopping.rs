//! Shutting down.

use std::time::Duration;

use crate::support::*;

const LONG: Duration = Duration::from_secs(20);

#[test]
fn calls_that_run_are_finished_and_answered() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut idle = fixture.connect().await;
        let mut peer = fixture.connect().await;
        let datagrams = fixture.datagrams().await;
        peer.send(&record(&call(1, WAIT, &[]))).await;
        datagrams.send(&call(2, WAIT, &[])).await;
        fixture
            .until(|counters| counters.calls_running == 2 && counters.connections_open == 2)
            .await;
        let stop = fixture.server.shutdown(LONG);
        let watch = async {
            assert_eq!(
                idle.record().await,
                None,
                "nothing runs there: it ends at once"
            );
            // Nothing new is accepted.
            assert!(
                fixture
                    .net
                    .connect_tcp(fixture.server.tcp_addr().unwrap())
                    .await
                    .is_err()
            );
            fixture.service.gate.add_permits(2);
            assert_eq!(peer.record().await.unwrap(), success(1, &words(&[7])));
            assert_eq!(peer.record().await, None);
            assert_eq!(datagrams.receive().await, success(2, &words(&[7])));
        };
        let (clean, ()) = tokio::join!(stop, watch);
        assert!(clean);
        assert_eq!(fixture.counters().calls_cancelled, 0);
    });
}

#[test]
fn a_call_that_waits_for_a_callback_is_finished_and_new_ones_are_not_begun() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        peer.send(&record(&call(1, CALL_BACK, &[]))).await;
        let back = peer.record().await.unwrap();
        let stop = fixture.server.shutdown(LONG);
        let watch = async {
            // Let the stop begin.
            while fixture
                .net
                .connect_tcp(fixture.server.tcp_addr().unwrap())
                .await
                .is_ok()
            {}
            peer.send(&record(&call(2, NULL, &[]))).await;
            let reply = success(u32::from_be_bytes(back[..4].try_into().unwrap()), &[]);
            assert_eq!(peer.ask(&reply).await.unwrap(), success(1, &[]));
            assert_eq!(peer.record().await, None);
        };
        let (clean, ()) = tokio::join!(stop, watch);
        assert!(clean);
    });
}

#[test]
fn what_takes_too_long_is_cut_off() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        let datagrams = fixture.datagrams().await;
        peer.send(&record(&call(1, WAIT, &[]))).await;
        datagrams.send(&call(2, WAIT, &[])).await;
        fixture.until(|counters| counters.calls_running == 2).await;
        assert!(!fixture.server.shutdown(Duration::from_millis(20)).await);
        assert_eq!(peer.record().await, None);
        let counters = fixture.counters();
        assert_eq!(
            (
                counters.calls_cancelled,
                counters.calls_running,
                counters.connections_open
            ),
            (2, 0, 0)
        );
    });
}

#[test]
fn a_dropped_server_stops_at_once() {
    run(async || {
        let fixture = Fixture::new().await;
        let mut peer = fixture.connect().await;
        assert!(peer.ask(&call(1, NULL, &[])).await.is_some());
        let Fixture {
            net,
            server,
            service,
        } = fixture;
        let address = server.tcp_addr().unwrap();
        drop(server);
        assert_eq!(peer.record().await, None);
        while net.connect_tcp(address).await.is_ok() {
            tokio::task::yield_now().await;
        }
        drop(service);
    });
}
