//! What a server may send, and what it may not.

use std::time::Duration;

use bytes::Bytes;
use fairway_rpc::msg::{AcceptStat, RejectStat};
use fairway_rpc::xdr::{Limits, Opaque};
use fairway_rpc::{
    AuthStat, CallError, CallOptions, Client, ClientConfig, ClientLimits, ClntStat, RecordLimits,
};

use crate::support::{
    ECHO, accepted, auth_error, begin, denied, echo, fragment, marked, pair, run, run_threaded,
    success,
};

/// RFC 5531 §9: "The xid … the client of an RPC service matches replies with calls".
mod matching {
    use super::*;

    #[test]
    fn replies_come_in_any_order() {
        run(async || {
            let (client, mut peer) = pair(4096, ClientConfig::new());
            let calls: Vec<_> = (0..10).map(|n| tokio::spawn(echo(&client, n))).collect();
            let mut seen = Vec::new();
            for _ in 0..10 {
                seen.push(peer.call().await);
            }
            for call in seen.iter().rev() {
                peer.reply(call.xid(), &call.args).await;
            }
            for (n, call) in (0..).zip(calls) {
                assert_eq!(call.await.unwrap().unwrap(), n);
            }
            assert_eq!(client.load(), (0, 0));
        });
    }

    #[test]
    fn a_reply_nobody_waits_for_is_counted_and_dropped() {
        run(async || {
            let (client, mut peer) = pair(4096, ClientConfig::new());
            let call = tokio::spawn(echo(&client, 7));
            let seen = peer.call().await;
            peer.reply(seen.xid() ^ 0x10, &[0; 4]).await;
            peer.reply(seen.xid().wrapping_add(1 << 20), &[0; 4]).await;
            peer.reply(seen.xid(), &seen.args).await;
            peer.reply(seen.xid(), &[9; 4]).await;
            assert_eq!(call.await.unwrap().unwrap(), 7);
            let next = tokio::spawn(echo(&client, 8));
            let seen = peer.call().await;
            peer.reply(seen.xid(), &seen.args).await;
            assert_eq!(next.await.unwrap().unwrap(), 8);
            assert_eq!(client.counters().stray_replies, 3);
        });
    }

    #[test]
    fn what_is_neither_call_nor_reply_is_counted_and_dropped() {
        run(async || {
            let (client, mut peer) = pair(4096, ClientConfig::new());
            let call = tokio::spawn(echo(&client, 7));
            let seen = peer.call().await;
            peer.octets(&marked(&[])).await;
            peer.octets(&marked(&[1, 2, 3])).await;
            peer.octets(&marked(&[seen.xid().to_be_bytes(), [0, 0, 0, 2]].concat()))
                .await;
            peer.octets(&marked(&[[0; 4], [0; 4]].concat())).await;
            peer.reply(seen.xid(), &seen.args).await;
            assert_eq!(call.await.unwrap().unwrap(), 7);
            let counters = client.counters();
            assert_eq!((counters.malformed, counters.unserved_calls), (3, 1));
        });
    }

    #[test]
    fn a_thousand_at_once_on_two_workers() {
        run_threaded(async {
            let (client, peer) = pair(10_000, ClientConfig::new());
            tokio::spawn(peer.echo());
            let calls: Vec<_> = (0..1000)
                .map(|n| {
                    let client = client.clone();
                    tokio::spawn(async move {
                        for round in 0..10 {
                            assert_eq!(
                                echo(&client, n * 16 + round).await.unwrap(),
                                n * 16 + round
                            );
                        }
                    })
                })
                .collect();
            for call in calls {
                call.await.unwrap();
            }
            assert_eq!(client.counters().replies, 10_000);
            assert_eq!(client.load(), (0, 0));
        });
    }
}

/// RFC 5531 §11.
mod records {
    use super::*;

    fn limited(max_record: usize, max_fragments: u32) -> ClientConfig {
        let mut limits = ClientLimits::default();
        limits.record = RecordLimits {
            max_record,
            max_fragments,
        };
        ClientConfig::new().limits(limits)
    }

    #[test]
    fn a_reply_may_come_octet_by_octet_and_in_many_fragments() {
        run(async || {
            let (client, mut peer) = pair(4096, ClientConfig::new());
            for n in 0..3 {
                let call = tokio::spawn(echo(&client, n));
                let seen = peer.call().await;
                let message = success(seen.xid(), &seen.args);
                let mut octets = fragment(false, b"");
                for piece in message.chunks(5) {
                    octets.extend(fragment(false, piece));
                    octets.extend(fragment(false, b""));
                }
                octets.extend(fragment(true, b""));
                for octet in octets {
                    peer.octets(&[octet]).await;
                    tokio::task::yield_now().await;
                }
                assert_eq!(call.await.unwrap().unwrap(), n);
            }
        });
    }

    /// Every way to break a stream ends its calls, with an error that says they may have run.
    fn breaks(config: &ClientConfig, octets: &[u8], close: bool, text: &str) {
        run(async || breaks_once(config.clone(), octets, close, text).await);
    }

    async fn breaks_once(config: ClientConfig, octets: &[u8], close: bool, text: &str) {
        let (client, mut peer) = pair(1 << 16, config);
        let calls = [1, 2].map(|n| tokio::spawn(echo(&client, n)));
        peer.call().await;
        peer.call().await;
        peer.octets(octets).await;
        let kept = (!close).then_some(peer);
        for call in calls {
            let error = call.await.unwrap().unwrap_err();
            assert!(
                matches!(&error, CallError::Interrupted(why) if why.to_string().contains(text)),
                "{error}"
            );
            assert!(error.may_have_run());
            assert_eq!(error.stat(), ClntStat::CANT_RECV);
        }
        // There is nobody to connect to again: the next call says so, and has not run.
        let error = echo(&client, 3).await.unwrap_err();
        assert!(matches!(error, CallError::Connect(_)), "{error}");
        assert!(!error.may_have_run());
        drop(kept);
        assert_eq!(client.load(), (0, 0));
    }

    #[test]
    fn too_long_a_record_breaks_the_connection_before_it_is_read() {
        let mark = (0x8000_0000u32 | 1001).to_be_bytes();
        breaks(&limited(1000, 8), &mark, false, "at most 1000");
    }

    #[test]
    fn the_sum_of_fragments_counts() {
        let octets = [fragment(false, &[0; 600]), fragment(true, &[0; 401])].concat();
        breaks(&limited(1000, 8), &octets, false, "at most 1000");
    }

    #[test]
    fn too_many_empty_fragments_break_the_connection() {
        let octets = fragment(false, b"").repeat(9);
        breaks(&limited(1000, 8), &octets, false, "more than 8 fragments");
    }

    #[test]
    fn closing_in_mid_record_or_mid_mark_is_told() {
        for octets in [vec![0x80, 0], marked(&[0; 40])[..20].to_vec()] {
            breaks(&ClientConfig::new(), &octets, true, "within a record");
        }
    }

    #[test]
    fn closing_between_records_is_told() {
        breaks(&ClientConfig::new(), &[], true, "closed by the peer");
    }
}

/// RFC 5531 §9.
mod rejections {
    use super::*;

    #[test]
    fn every_refusal_is_an_error_of_its_own() {
        run(async || {
            let (client, mut peer) = pair(4096, ClientConfig::new());
            let mut cases: Vec<(Vec<u8>, ClntStat, bool, &str)> = Vec::new();
            let xid = 0;
            cases.push((
                accepted(xid, AcceptStat::ProgUnavail),
                ClntStat::PROG_UNAVAIL,
                false,
                "RPC: Program unavailable",
            ));
            cases.push((
                accepted(xid, AcceptStat::ProgMismatch { low: 2, high: 4 }),
                ClntStat::PROG_VERS_MISMATCH,
                false,
                "RPC: Program/version mismatch; low version = 2, high version = 4",
            ));
            cases.push((
                accepted(xid, AcceptStat::ProcUnavail),
                ClntStat::PROC_UNAVAIL,
                false,
                "RPC: Procedure unavailable",
            ));
            cases.push((
                accepted(xid, AcceptStat::GarbageArgs),
                ClntStat::CANT_DECODE_ARGS,
                false,
                "RPC: Server can't decode arguments",
            ));
            cases.push((
                accepted(xid, AcceptStat::SystemErr),
                ClntStat::SYSTEM_ERROR,
                true,
                "RPC: Remote system error",
            ));
            cases.push((
                denied(xid, RejectStat::RpcMismatch { low: 3, high: 9 }),
                ClntStat::VERS_MISMATCH,
                false,
                "RPC: Incompatible versions of RPC; low version = 3, high version = 9",
            ));
            cases.push((
                auth_error(xid, AuthStat::TOOWEAK),
                ClntStat::AUTH_ERROR,
                false,
                "RPC: Authentication error; why = Client credential too weak",
            ));
            cases.push((
                auth_error(xid, AuthStat(99)),
                ClntStat::AUTH_ERROR,
                false,
                "RPC: Authentication error; why = (unknown authentication error - 99)",
            ));
            for malformed in [
                success(xid, &[])[..20].to_vec(),
                [&success(xid, &[])[..20], &[0, 0, 0, 6]].concat(),
                [&success(xid, &[])[..8], &[0, 0, 0, 2]].concat(),
                [&success(xid, &[])[..12], &[0, 0, 0, 0, 0, 0, 1, 0x91]].concat(),
                success(xid, &[]),
                success(xid, &[0; 8]),
            ] {
                cases.push((
                    malformed,
                    ClntStat::CANT_DECODE_RES,
                    true,
                    "RPC: Can't decode result",
                ));
            }
            for (mut reply, stat, may_have_run, text) in cases {
                let call = tokio::spawn(echo(&client, 1));
                let seen = peer.call().await;
                reply[..4].copy_from_slice(&seen.xid().to_be_bytes());
                peer.octets(&marked(&reply)).await;
                let error = call.await.unwrap().unwrap_err();
                assert_eq!(error.stat(), stat, "{error}");
                assert_eq!(error.may_have_run(), may_have_run, "{error}");
                assert_eq!(error.classic_text(), text);
            }
        });
    }
}

#[test]
fn large_opaques_go_and_come_without_being_joined() {
    run(async || {
        let (client, mut peer) = pair(1 << 22, ClientConfig::new());
        let blob = Opaque(Bytes::from(vec![0x5a; 1 << 20]));
        let sent = blob.clone();
        let call = tokio::spawn(async move {
            client
                .call::<_, Opaque>(ECHO, &sent, &CallOptions::new())
                .await
        });
        let seen = peer.call().await;
        peer.reply(seen.xid(), &seen.args).await;
        assert_eq!(call.await.unwrap().unwrap(), blob);
    });
}

#[test]
fn raw_calls_pass_octets_through() {
    run(async || {
        let (client, mut peer) = pair(4096, ClientConfig::new());
        let raw = client.clone();
        let args = Bytes::from_static(b"any octets..");
        let call = tokio::spawn(async move { raw.call_raw(ECHO, args, &CallOptions::new()).await });
        let seen = peer.call().await;
        assert_eq!(&seen.args[..], b"any octets..");
        peer.reply(seen.xid(), b"back").await;
        assert_eq!(&call.await.unwrap().unwrap()[..], b"back");
        let odd = client
            .call_raw(ECHO, Bytes::from_static(b"odd"), &CallOptions::new())
            .await;
        assert!(matches!(odd, Err(CallError::Encode(_))));
        assert_eq!(client.load(), (0, 0));
    });
}

#[test]
fn results_over_the_memory_limit_are_refused() {
    run(async || {
        let mut limits = ClientLimits::default();
        limits.decode = Limits {
            memory: 1000,
            ..Limits::default()
        };
        let (client, mut peer) = pair(1 << 16, ClientConfig::new().limits(limits));
        let call = tokio::spawn(async move {
            let options = CallOptions::new();
            client
                .call::<_, fairway_rpc::xdr::Array<u64>>(ECHO, &(), &options)
                .await
        });
        let seen = peer.call().await;
        let count = 200u32.to_be_bytes();
        peer.reply(seen.xid(), &[&count[..], &[0; 1600]].concat())
            .await;
        assert!(matches!(call.await.unwrap(), Err(CallError::Decode(_))));
    });
}

#[test]
fn closing_ends_calls_of_all_clones() {
    run(async || {
        let (client, mut peer) = pair(4096, ClientConfig::new());
        let mut lone = echo(&client, 1);
        begin(&mut lone);
        peer.call().await;
        let other = tokio::spawn(echo(&client, 2));
        peer.call().await;
        client.clone().close().await;
        assert!(matches!(lone.await, Err(CallError::Closed)));
        assert!(matches!(other.await.unwrap(), Err(CallError::Closed)));
        assert!(matches!(echo(&client, 3).await, Err(CallError::Closed)));
    });
}

#[test]
fn dropping_the_last_clone_ends_the_connection() {
    run(async || {
        use tokio::io::AsyncReadExt;
        let (client, mut peer) = pair(4096, ClientConfig::new());
        let clone: Client = client.clone();
        drop(client);
        let call = tokio::spawn(echo(&clone, 1));
        let seen = peer.call().await;
        peer.reply(seen.xid(), &seen.args).await;
        call.await.unwrap().unwrap();
        drop(clone);
        assert_eq!(peer.0.read(&mut [0; 8]).await.unwrap(), 0);
    });
}

/// The seam of RFC 9289 §4.1.
mod exchange {
    use super::*;
    use fairway_rpc::Channel;

    #[test]
    fn stream_is_exchanged_between_records_only() {
        run(async || {
            let (client, mut peer) = pair(4096, ClientConfig::new());
            let call = tokio::spawn(echo(&client, 1));
            let seen = peer.call().await;
            let refused = client.swap(|channel| async { Ok(channel) }).await;
            assert!(matches!(refused, Err(CallError::Overloaded)));
            peer.reply(seen.xid(), &seen.args).await;
            call.await.unwrap().unwrap();

            let (ours, theirs) = tokio::io::duplex(4096);
            let (go, wait) = tokio::sync::oneshot::channel::<()>();
            let swapper = client.clone();
            let swap = tokio::spawn(async move {
                swapper
                    .swap(|_| async {
                        wait.await.unwrap();
                        Ok(Channel::Memory(ours))
                    })
                    .await
            });
            tokio::task::yield_now().await;
            // A call made meanwhile waits, and goes over the new stream.
            let call = tokio::spawn(echo(&client, 2));
            tokio::task::yield_now().await;
            go.send(()).unwrap();
            swap.await.unwrap().unwrap();
            tokio::spawn(crate::support::Peer(theirs).echo());
            assert_eq!(call.await.unwrap().unwrap(), 2);
        });
    }

    #[test]
    fn failed_exchange_breaks_the_connection_off() {
        run(async || {
            let (client, _peer) = pair(4096, ClientConfig::new());
            let failed = client
                .swap(|_| async { Err(std::io::ErrorKind::InvalidData.into()) })
                .await;
            assert!(matches!(failed, Err(CallError::Send(_))));
            let options = CallOptions::new().deadline(Duration::from_secs(5));
            let error = client.call::<_, ()>(ECHO, &(), &options).await.unwrap_err();
            assert!(matches!(error, CallError::Connect(_)), "{error}");
        });
    }
}
