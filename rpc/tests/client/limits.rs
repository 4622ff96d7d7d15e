//! Deadlines, bounds and what happens at them; batches.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fairway_rpc::xdr::Opaque;
use fairway_rpc::{CallError, CallOptions, Client, ClientConfig, ClientLimits};

use crate::support::{Counted, ECHO, Peer, begin, echo, pair, run, settle};

fn within(millis: u64) -> CallOptions {
    CallOptions::new().deadline(Duration::from_millis(millis))
}

fn limited(change: impl FnOnce(&mut ClientLimits)) -> ClientConfig {
    let mut limits = ClientLimits::default();
    change(&mut limits);
    ClientConfig::new().limits(limits)
}

mod deadlines {
    use super::*;

    #[test]
    fn lone_call_ends_in_time_and_the_connection_lives_on() {
        run(async || {
            let (client, mut peer) = pair(4096, ClientConfig::new());
            let clock = client.net().clock();
            let began = clock.now();
            let error = client
                .call::<_, u32>(ECHO, &1u32, &within(40))
                .await
                .unwrap_err();
            assert!(matches!(error, CallError::TimedOut));
            assert!(error.may_have_run());
            let took = clock.now().saturating_duration_since(began);
            assert!(took >= Duration::from_millis(40), "{took:?}");
            let late = peer.call().await;
            peer.reply(late.xid(), &late.args).await;
            let next = tokio::spawn(echo(&client, 2));
            let seen = peer.call().await;
            peer.reply(seen.xid(), &seen.args).await;
            assert_eq!(next.await.unwrap().unwrap(), 2);
            let counters = client.counters();
            assert_eq!((counters.timed_out, counters.stray_replies), (1, 1));
        });
    }

    #[test]
    fn each_call_has_its_own() {
        run(async || {
            let (client, mut peer) = pair(4096, ClientConfig::new());
            let kept = tokio::spawn(echo(&client, 1));
            let seen = peer.call().await;
            let calls: Vec<_> = [90, 30, 60]
                .into_iter()
                .map(|millis| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        let clock = client.net().clock();
                        let began = clock.now();
                        let ended = client.call::<_, u32>(ECHO, &1u32, &within(millis)).await;
                        assert!(matches!(ended, Err(CallError::TimedOut)));
                        clock.now().saturating_duration_since(began)
                            >= Duration::from_millis(millis)
                    })
                })
                .collect();
            for call in calls {
                assert!(call.await.unwrap(), "ended early");
            }
            assert_eq!(client.load().0, 1);
            for _ in 0..3 {
                peer.call().await;
            }
            peer.reply(seen.xid(), &seen.args).await;
            assert_eq!(kept.await.unwrap().unwrap(), 1);
        });
    }

    #[test]
    fn hold_for_calls_that_cannot_be_written() {
        run(async || {
            let (client, _peer) = pair(16, ClientConfig::new());
            let soon = within(40);
            let ended = tokio::join!(
                client.call::<_, u32>(ECHO, &1u32, &soon),
                client.call::<_, u32>(ECHO, &2u32, &soon),
            );
            assert!(matches!(
                ended,
                (Err(CallError::TimedOut), Err(CallError::TimedOut))
            ));
            assert_eq!(client.load().0, 0);
        });
    }
}

mod bounds {
    use super::*;

    #[test]
    fn calls_over_the_limit_wait_for_a_place() {
        run(async || {
            let (client, mut peer) = pair(4096, limited(|limits| limits.calls = 2));
            let calls: Vec<_> = (0..5).map(|n| tokio::spawn(echo(&client, n))).collect();
            settle().await;
            assert_eq!(client.load().0, 2);
            for _ in 0..5 {
                let seen = peer.call().await;
                assert!(client.load().0 <= 2);
                peer.reply(seen.xid(), &seen.args).await;
            }
            for (n, call) in (0..).zip(calls) {
                assert_eq!(call.await.unwrap().unwrap(), n);
            }
        });
    }

    #[test]
    fn waiting_calls_keep_their_deadlines_and_their_number_is_limited() {
        run(async || {
            let config = limited(|limits| {
                limits.calls = 1;
                limits.waiting = 1;
            });
            let (client, mut peer) = pair(4096, config);
            let first = tokio::spawn(echo(&client, 1));
            let seen = peer.call().await;
            let mut waiting = echo(&client, 2);
            begin(&mut waiting);
            let error = echo(&client, 3).await.unwrap_err();
            assert!(matches!(error, CallError::Overloaded));
            assert!(!error.may_have_run());
            drop(waiting);
            let error = client
                .call::<_, u32>(ECHO, &4u32, &within(20))
                .await
                .unwrap_err();
            assert!(matches!(error, CallError::TimedOut));
            peer.reply(seen.xid(), &seen.args).await;
            assert_eq!(first.await.unwrap().unwrap(), 1);
        });
    }

    #[test]
    fn a_waiter_dropped_with_its_turn_passes_it_on() {
        run(async || {
            let (client, mut peer) = pair(4096, limited(|limits| limits.calls = 1));
            let first = tokio::spawn(echo(&client, 1));
            let seen = peer.call().await;
            let mut dropped = echo(&client, 2);
            begin(&mut dropped);
            let third = tokio::spawn(echo(&client, 3));
            settle().await;
            peer.reply(seen.xid(), &seen.args).await;
            first.await.unwrap().unwrap();
            // The second was told of the place, and has not looked.
            drop(dropped);
            let seen = peer.call().await;
            assert_eq!(seen.args[..], 3u32.to_be_bytes());
            peer.reply(seen.xid(), &seen.args).await;
            third.await.unwrap().unwrap();
        });
    }

    #[test]
    fn octets_over_the_limit_wait() {
        run(async || {
            let (client, mut peer) = pair(64, limited(|limits| limits.queued = 10_000));
            let calls: Vec<_> = (0..8u8)
                .map(|n| {
                    let client = client.clone();
                    let blob = Opaque(vec![n; 4000].into());
                    tokio::spawn(async move {
                        client
                            .call::<_, Opaque>(ECHO, &blob, &CallOptions::new())
                            .await
                    })
                })
                .collect();
            for _ in 0..8 {
                settle().await;
                assert!(client.load().1 <= 10_000, "{:?}", client.load());
                let seen = peer.call().await;
                peer.reply(seen.xid(), &seen.args).await;
            }
            for (n, call) in (0..).zip(calls) {
                assert_eq!(call.await.unwrap().unwrap().0[0], n);
            }
        });
    }
}

/// RFC 5531 §8.4.1.
mod batches {
    use super::*;

    fn counted() -> (
        Client,
        Peer<tokio::io::DuplexStream>,
        Arc<Mutex<Vec<usize>>>,
    ) {
        let (inner, theirs) = tokio::io::duplex(1 << 20);
        let writes = Arc::default();
        let stream = Counted {
            inner,
            writes: Arc::clone(&writes),
        };
        let client = Client::from_stream(&crate::stacks::net(), stream, ClientConfig::new());
        (client, Peer(theirs), writes)
    }

    #[test]
    fn batched_calls_leave_together_when_flushed() {
        run(async || {
            let (client, mut peer, writes) = counted();
            for n in 0..100u32 {
                client
                    .send_batched(ECHO, &n, &CallOptions::new())
                    .await
                    .unwrap();
            }
            settle().await;
            assert!(writes.lock().unwrap().is_empty());
            client.flush().await.unwrap();
            assert_eq!(*writes.lock().unwrap(), [4800]);
            let mut xids = std::collections::HashSet::new();
            for n in 0..100u32 {
                let seen = peer.call().await;
                assert_eq!(seen.args[..], n.to_be_bytes());
                assert!(xids.insert(seen.xid()));
            }
            assert_eq!(client.load(), (0, 0));
        });
    }

    #[test]
    fn a_call_takes_the_batch_with_it() {
        run(async || {
            let (client, mut peer, writes) = counted();
            for n in 0..3u32 {
                client
                    .send_batched(ECHO, &n, &CallOptions::new())
                    .await
                    .unwrap();
            }
            let last = tokio::spawn(echo(&client, 9));
            for n in [0, 1, 2, 9u32] {
                let seen = peer.call().await;
                assert_eq!(seen.args[..], n.to_be_bytes());
                if n == 9 {
                    peer.reply(seen.xid(), &seen.args).await;
                }
            }
            assert_eq!(last.await.unwrap().unwrap(), 9);
            assert_eq!(writes.lock().unwrap().len(), 1);
        });
    }

    #[test]
    fn a_batch_over_the_limit_is_written_as_it_goes() {
        run(async || {
            let (client, mut peer) = pair(64, limited(|limits| limits.queued = 1000));
            let sender = client.clone();
            let sending = tokio::spawn(async move {
                for n in 0..200u32 {
                    sender
                        .send_batched(ECHO, &n, &CallOptions::new())
                        .await
                        .unwrap();
                }
                sender.flush().await.unwrap();
            });
            for n in 0..200u32 {
                assert!(client.load().1 <= 1100, "{:?}", client.load());
                assert_eq!(peer.call().await.args[..], n.to_be_bytes());
            }
            sending.await.unwrap();
        });
    }

    #[test]
    fn calls_made_together_are_gathered_into_one_write() {
        run(async || {
            let (client, mut peer, writes) = counted();
            let mut first = echo(&client, 0);
            begin(&mut first);
            let calls: Vec<_> = (1..65).map(|n| tokio::spawn(echo(&client, n))).collect();
            let mut seen = Vec::new();
            for _ in 0..65 {
                seen.push(peer.call().await);
            }
            // The lone first one, and all others.
            assert_eq!(*writes.lock().unwrap(), [48, 64 * 48]);
            for call in seen {
                peer.reply(call.xid(), &call.args).await;
            }
            first.await.unwrap();
            for call in calls {
                call.await.unwrap().unwrap();
            }
        });
    }

    #[test]
    fn a_lost_batch_is_told_of_by_the_next_flush() {
        run(async || {
            let (client, peer) = pair(64, ClientConfig::new());
            client
                .send_batched(ECHO, &1u32, &CallOptions::new())
                .await
                .unwrap();
            drop(peer);
            assert!(matches!(
                client.flush().await,
                Err(CallError::Interrupted(_))
            ));
        });
    }
}
