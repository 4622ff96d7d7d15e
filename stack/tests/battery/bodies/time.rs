//! The clock, timers and tasks.

use super::Pair;
use fairway_stack::{Elapsed, TaskEnded};
use std::pin::pin;
use std::time::{Duration, SystemTime};

const SHORT: Duration = Duration::from_millis(15);
const LONG: Duration = Duration::from_secs(3600);

pub(crate) async fn the_clock_never_goes_back(pair: Pair) {
    let clock = pair.client.clock();
    let mut last = clock.now();
    for _ in 0..10_000 {
        let now = clock.now();
        assert!(last <= now);
        last = now;
    }
    assert!(
        pair.client.clone().clock().now() >= last,
        "clones have one beginning"
    );
    assert!(clock.wall() > SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000));
}

pub(crate) async fn sleeping_takes_as_long_as_asked(pair: Pair) {
    let clock = pair.client.clock();
    let start = clock.now();
    clock.sleep(SHORT).await;
    assert!(clock.now() - start >= SHORT);
    clock.sleep_until(start).await;
    clock.sleep(Duration::ZERO).await;
    assert!(
        pair.is_pending(clock.sleep(Duration::MAX)).await,
        "for ever"
    );
}

pub(crate) async fn time_limits_end_what_they_limit(pair: Pair) {
    let clock = pair.client.clock();
    assert_eq!(clock.timeout(LONG, async { 5 }).await, Ok(5));
    assert_eq!(clock.timeout(Duration::MAX, async { 5 }).await, Ok(5));
    let start = clock.now();
    assert_eq!(
        clock.timeout(SHORT, std::future::pending::<()>()).await,
        Err(Elapsed)
    );
    assert!(clock.now() - start >= SHORT);
}

pub(crate) async fn timers_are_set_moved_and_stopped(pair: Pair) {
    let clock = pair.client.clock();
    let mut timer = pin!(clock.timer());
    assert!(pair.is_pending(timer.as_mut()).await, "not set");
    let start = clock.now();

    timer.as_mut().reset(Some(start + LONG));
    assert_eq!(timer.deadline(), Some(start + LONG));
    assert!(pair.is_pending(timer.as_mut()).await);
    timer.as_mut().reset(Some(start + SHORT));
    timer.as_mut().await;
    assert!(clock.now() >= start + SHORT);
    assert_eq!(timer.deadline(), None);
    assert!(pair.is_pending(timer.as_mut()).await, "once per setting");

    timer.as_mut().reset(Some(start));
    timer.as_mut().await;
    timer.as_mut().reset(Some(start + SHORT));
    timer.as_mut().reset(None);
    assert!(pair.is_pending(timer.as_mut()).await, "stopped");
    // Another deadline of the past, and one that never comes.
    timer.as_mut().reset(Some(start));
    std::future::poll_fn(|cx| timer.as_mut().poll_expired(cx)).await;
    timer.as_mut().reset(Some(fairway_stack::Instant::MAX));
    assert!(pair.is_pending(timer.as_mut()).await);
}

pub(crate) async fn tasks_give_results_and_say_how_they_ended(pair: Pair) {
    let net = pair.server;
    assert_eq!(net.spawn(async { 7 }).await, Ok(7));
    let endless = net.spawn(std::future::pending::<()>());
    assert!(!endless.is_finished());
    endless.abort();
    assert_eq!(endless.await, Err(TaskEnded::Stopped));
    assert_eq!(
        net.spawn(async { std::panic::resume_unwind(Box::new(())) })
            .await,
        Err::<(), _>(TaskEnded::Panicked)
    );

    let (sender, receiver) = tokio::sync::oneshot::channel();
    net.spawn(async move { sender.send(1).unwrap() }).detach();
    assert_eq!(receiver.await, Ok(1));
}
