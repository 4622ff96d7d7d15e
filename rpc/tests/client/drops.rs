//! Calls dropped at every point: nothing is lost for the others, and nothing is kept of the dropped.

use std::time::Duration;

use bytes::Bytes;
use fairway_rpc::xdr::Opaque;
use fairway_rpc::{CallOptions, Client, ClientConfig};
use fairway_stack::Rng;

use crate::support::{ECHO, Peer, begin, echo, marked, pair, run, settle, success};

/// A call long enough to fill the pipes of these tests.
fn long(
    client: &Client,
    octets: usize,
) -> tokio::task::JoinHandle<Result<Opaque, fairway_rpc::CallError>> {
    let client = client.clone();
    let blob = Opaque(Bytes::from(vec![7; octets]));
    tokio::spawn(async move { client.call(ECHO, &blob, &CallOptions::new()).await })
}

async fn answers<S>(client: &Client, peer: &mut Peer<S>, value: u32)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let call = tokio::spawn(echo(client, value));
    let seen = peer.call().await;
    assert_eq!(seen.args[..], value.to_be_bytes());
    peer.reply(seen.xid(), &seen.args).await;
    assert_eq!(call.await.unwrap().unwrap(), value);
}

#[test]
fn queued_call_takes_its_octets_with_it() {
    run(async || {
        let (client, mut peer) = pair(64, ClientConfig::new());
        // Fills the pipe, and is half written.
        let first = long(&client, 5000);
        settle().await;
        let second = long(&client, 30_000);
        settle().await;
        assert!(client.load().1 > 30_000);
        second.abort();
        settle().await;
        assert!(client.load().1 < 6000);
        let third = tokio::spawn(echo(&client, 3));
        // The second call is never seen.
        let seen = peer.call().await;
        peer.reply(seen.xid(), &seen.args).await;
        let seen = peer.call().await;
        assert_eq!(seen.args[..], 3u32.to_be_bytes());
        peer.reply(seen.xid(), &seen.args).await;
        assert_eq!(first.await.unwrap().unwrap().0.len(), 5000);
        assert_eq!(third.await.unwrap().unwrap(), 3);
        assert_eq!(client.load(), (0, 0));
    });
}

#[test]
fn half_written_call_is_written_to_its_end() {
    run(async || {
        let (client, mut peer) = pair(64, ClientConfig::new());
        let first = long(&client, 5000);
        settle().await;
        first.abort();
        settle().await;
        assert_eq!(client.load().0, 0);
        let second = tokio::spawn(echo(&client, 2));
        settle().await;
        // The stream keeps its marks: the dropped call comes whole, then the next one.
        let seen = peer.call().await;
        assert_eq!(seen.args.len(), 5004);
        peer.reply(seen.xid(), &[1; 400]).await;
        let seen = peer.call().await;
        peer.reply(seen.xid(), &seen.args).await;
        assert_eq!(second.await.unwrap().unwrap(), 2);
        assert_eq!(client.counters().stray_replies, 1);
    });
}

#[test]
fn half_written_call_ends_without_further_calls() {
    run(async || {
        let (client, mut peer) = pair(64, ClientConfig::new());
        let mut call = Box::pin({
            let client = client.clone();
            async move {
                let blob = Opaque(Bytes::from(vec![7; 5000]));
                client
                    .call::<_, Opaque>(ECHO, &blob, &CallOptions::new())
                    .await
            }
        });
        begin(&mut call);
        drop(call);
        assert_eq!(peer.call().await.args.len(), 5004);
    });
}

#[test]
fn waiting_call_leaves_its_late_reply_to_nobody() {
    run(async || {
        let (client, mut peer) = pair(4096, ClientConfig::new());
        let kept = tokio::spawn(echo(&client, 1));
        let kept_seen = peer.call().await;
        let dropped = tokio::spawn(echo(&client, 2));
        let dropped_seen = peer.call().await;
        dropped.abort();
        assert!(dropped.await.unwrap_err().is_cancelled());
        // Its place goes to others at once, under another xid.
        answers(&client, &mut peer, 3).await;
        peer.reply(dropped_seen.xid(), &dropped_seen.args).await;
        peer.reply(kept_seen.xid(), &kept_seen.args).await;
        assert_eq!(kept.await.unwrap().unwrap(), 1);
        let counters = client.counters();
        assert_eq!((counters.dropped, counters.stray_replies), (1, 1));
        assert_eq!(client.load(), (0, 0));
    });
}

#[test]
fn lone_reader_hands_the_role_on() {
    run(async || {
        let (client, mut peer) = pair(4096, ClientConfig::new());
        let mut reader = echo(&client, 1);
        begin(&mut reader);
        let first = peer.call().await;
        let second = tokio::spawn(echo(&client, 2));
        let third = tokio::spawn(echo(&client, 3));
        let (second_seen, third_seen) = (peer.call().await, peer.call().await);
        drop(reader);
        peer.reply(third_seen.xid(), &third_seen.args).await;
        assert_eq!(third.await.unwrap().unwrap(), 3);
        peer.reply(first.xid(), &first.args).await;
        peer.reply(second_seen.xid(), &second_seen.args).await;
        assert_eq!(second.await.unwrap().unwrap(), 2);
    });
}

#[test]
fn a_reader_that_is_not_polled_holds_nobody_up() {
    run(async || {
        let (client, mut peer) = pair(4096, ClientConfig::new());
        // Alive, holding the role, and never polled until the others are done.
        let mut forgotten = echo(&client, 1);
        begin(&mut forgotten);
        let first = peer.call().await;
        for value in 2..6 {
            answers(&client, &mut peer, value).await;
        }
        // Deadlines of others do not hang on it either.
        let options = CallOptions::new().deadline(Duration::from_millis(30));
        let late = client.call::<_, u32>(ECHO, &9u32, &options).await;
        assert!(matches!(late, Err(fairway_rpc::CallError::TimedOut)));
        peer.call().await;
        peer.reply(first.xid(), &first.args).await;
        assert_eq!(forgotten.await.unwrap(), 1);
    });
}

#[test]
fn a_caller_given_the_role_and_not_polled_holds_nobody_up() {
    run(async || {
        let (client, mut peer) = pair(4096, ClientConfig::new());
        let both = [echo(&client, 1), echo(&client, 2)].map(tokio::spawn);
        for _ in 0..2 {
            let seen = peer.call().await;
            peer.reply(seen.xid(), &seen.args).await;
        }
        for call in both {
            call.await.unwrap().unwrap();
        }
        // One by one, until the task hands the role to callers; each time one is left alone.
        let mut forgotten = Vec::new();
        for value in 0..20 {
            let mut call = echo(&client, 100 + value);
            begin(&mut call);
            let seen = peer.call().await;
            forgotten.push((call, seen));
            answers(&client, &mut peer, value).await;
        }
        for (value, (call, seen)) in (100..).zip(forgotten) {
            peer.reply(seen.xid(), &seen.args).await;
            assert_eq!(call.await.unwrap(), value);
        }
    });
}

#[test]
fn half_read_reply_stays_with_the_connection() {
    run(async || {
        let (client, mut peer) = pair(4096, ClientConfig::new());
        let call = tokio::spawn(echo(&client, 1));
        let seen = peer.call().await;
        let reply = marked(&success(seen.xid(), &seen.args));
        peer.octets(&reply[..9]).await;
        settle().await;
        call.abort();
        settle().await;
        let next = tokio::spawn(echo(&client, 2));
        let next_seen = peer.call().await;
        peer.octets(&reply[9..]).await;
        peer.reply(next_seen.xid(), &next_seen.args).await;
        assert_eq!(next.await.unwrap().unwrap(), 2);
        assert_eq!(client.counters().stray_replies, 1);
    });
}

#[test]
fn late_reply_is_read_though_nobody_calls() {
    run(async || {
        let (client, mut peer) = pair(64, ClientConfig::new());
        let call = tokio::spawn(echo(&client, 1));
        let seen = peer.call().await;
        call.abort();
        settle().await;
        // More than the pipe holds: only comes through if somebody reads.
        peer.reply(seen.xid(), &[0; 4000]).await;
        settle().await;
        assert_eq!(client.counters().stray_replies, 1);
    });
}

#[test]
fn storm_of_cancellations_leaves_the_rest_unharmed() {
    run(async || {
        let seed = [7; 32];
        let mut rng = Rng::from_seed(seed);
        let mut limits = fairway_rpc::ClientLimits::default();
        limits.calls = 50;
        let (client, peer) = pair(300, ClientConfig::new().limits(limits));
        tokio::spawn(peer.echo());
        let mut running = Vec::new();
        let mut done = 0;
        for value in 0..5000 {
            let mut call = echo(&client, value);
            match rng.below(4) {
                0 => drop(call),
                1 => {
                    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
                    let _ = call.as_mut().poll(&mut cx);
                }
                2 => {
                    let task = tokio::spawn(call);
                    for _ in 0..rng.below(6) {
                        tokio::task::yield_now().await;
                    }
                    task.abort();
                }
                _ => running.push((value, tokio::spawn(call))),
            }
            if running.len() > 40 {
                for (value, call) in running.drain(..) {
                    assert_eq!(call.await.unwrap().unwrap(), value, "seed {seed:?}");
                    done += 1;
                }
            }
        }
        for (value, call) in running {
            assert_eq!(call.await.unwrap().unwrap(), value, "seed {seed:?}");
            done += 1;
        }
        settle().await;
        assert!(done > 1000);
        assert_eq!(client.load(), (0, 0));
        assert_eq!(echo(&client, 1).await.unwrap(), 1);
    });
}
