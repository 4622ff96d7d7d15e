use super::{Driver, World, nanos};
use fairway_stack::{Clock, Instant, VirtualClock};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::poll_fn;
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::time::{Duration, SystemTime};

/// A world of mailboxes: messages arrive after a delay.
struct Post {
    clock: VirtualClock,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    heap: BinaryHeap<Reverse<(Instant, u64, usize, u64)>>,
    sent: u64,
    boxes: Vec<(VecDeque<u64>, Option<Waker>)>,
}

impl Post {
    fn send(&self, to: usize, message: u64, delay: Duration) {
        let at = self.clock.now() + delay;
        {
            let mut inner = self.inner.lock().unwrap();
            inner.sent += 1;
            let number = inner.sent;
            inner.heap.push(Reverse((at, number, to, message)));
        }
        self.clock.announce(at);
    }

    async fn receive(&self, me: usize) -> u64 {
        poll_fn(|cx| {
            let mut inner = self.inner.lock().unwrap();
            match inner.boxes[me].0.pop_front() {
                Some(message) => Poll::Ready(message),
                None => {
                    inner.boxes[me].1 = Some(cx.waker().clone());
                    Poll::Pending
                }
            }
        })
        .await
    }
}

impl World for Post {
    fn next_event(&self) -> Option<Instant> {
        let inner = self.inner.lock().unwrap();
        inner.heap.peek().map(|&Reverse((at, ..))| at)
    }

    fn handle_due(&self, now: Instant, wakers: &mut Vec<Waker>) {
        let mut inner = self.inner.lock().unwrap();
        while let Some(&Reverse((at, _, to, message))) = inner.heap.peek()
            && at <= now
        {
            inner.heap.pop();
            inner.boxes[to].0.push_back(message);
            wakers.extend(inner.boxes[to].1.take());
        }
    }

    fn waiting(&self) -> String {
        "the postman waits".into()
    }
}

fn world(boxes: usize) -> (Arc<Post>, Driver, Clock) {
    let clock = VirtualClock::new(SystemTime::UNIX_EPOCH);
    let post = Arc::new(Post {
        clock: clock.clone(),
        inner: Mutex::new(Inner {
            boxes: (0..boxes).map(|_| (VecDeque::new(), None)).collect(),
            ..Inner::default()
        }),
    });
    let driver = Driver::new(&clock).unwrap();
    (post, driver, clock.into())
}

const fn us(micros: u64) -> Duration {
    Duration::from_micros(micros)
}

fn at(micros: u64) -> Instant {
    Instant::ZERO + us(micros)
}

/// A sleep by the runtime's timers, as an application that does not know better has it.
async fn runtime_sleep(span: Duration) {
    #[expect(
        clippy::disallowed_methods,
        reason = "that such timers work is what is tested"
    )]
    tokio::time::sleep(span).await;
}

#[test]
fn a_lone_runtime_timer_fires_and_nothing_spins() {
    let (post, driver, clock) = world(0);
    let now = driver.run(&post, async {
        runtime_sleep(us(5_000)).await;
        clock.now()
    });
    assert_eq!(now, at(5_000));
}

#[test]
fn a_packet_sent_by_a_timer_before_a_later_event_is_exact() {
    let (post, driver, clock) = world(2);
    let arrivals = driver.run(&post, async {
        post.send(0, 1, Duration::from_secs(10));
        let sender = tokio::spawn({
            let post = post.clone();
            async move {
                runtime_sleep(Duration::from_secs(1)).await;
                post.send(1, 2, us(500));
            }
        });
        post.receive(1).await;
        let first = clock.now();
        post.receive(0).await;
        sender.await.unwrap();
        [first, clock.now()]
    });
    assert_eq!(arrivals, [at(1_000_500), at(10_000_000)]);
}

#[test]
fn a_ping_pong_over_10_us_takes_20_us_each() {
    let (post, driver, clock) = world(2);
    let rounds = 10_000;
    driver.run(&post, async {
        let echo = post.clone();
        tokio::spawn(async move {
            loop {
                let message = echo.receive(1).await;
                echo.send(0, message, us(10));
            }
        });
        for round in 0..rounds {
            post.send(1, round, us(10));
            assert_eq!(post.receive(0).await, round);
            assert_eq!(clock.now(), at(20 * (round + 1)));
        }
    });
}

#[test]
fn runtime_timers_fire_between_packets_late_by_less_than_a_tick() {
    let (post, driver, clock) = world(1);
    driver.run(&post, async {
        let timers = tokio::spawn({
            let clock = clock.clone();
            async move {
                for round in 1..=3 {
                    runtime_sleep(us(700_000)).await;
                    let late = clock.now() - at(700_000 * round);
                    assert!(late < us(1_000 * round), "{late:?}");
                }
            }
        });
        post.send(0, 1, us(1_000_123));
        post.send(0, 2, us(3_000_007));
        post.receive(0).await;
        assert_eq!(clock.now(), at(1_000_123));
        post.receive(0).await;
        assert_eq!(clock.now(), at(3_000_007));
        timers.await.unwrap();
    });
}

#[test]
fn sleeping_by_the_clock_is_exact_to_the_nanosecond() {
    let (post, driver, clock) = world(0);
    driver.run(&post, async {
        let mut due = Instant::ZERO;
        for nanos in [1, 999, 1_000_000, 1_000_001, 7, 123_456_789_012, 1_999_999] {
            due += Duration::from_nanos(nanos);
            clock.sleep_until(due).await;
            assert_eq!(clock.now(), due);
        }
        // Timers that a tick of the runtime would put together keep their order.
        let (later, earlier) = (clock.sleep(us(300)), clock.sleep(us(200)));
        tokio::select! {
            biased;
            () = later => panic!("300 us were over before 200"),
            () = earlier => {}
        }
        assert!(
            clock
                .timeout(us(1), std::future::pending::<()>())
                .await
                .is_err()
        );
        assert_eq!(clock.now(), due + us(201));
    });
}

#[test]
fn the_runtimes_clock_agrees_whenever_a_task_runs() {
    let (post, driver, clock) = world(1);
    driver.run(&post, async {
        for span in [us(10), us(1), us(2_500), us(1_000_000), us(999)] {
            post.send(0, 0, span);
            post.receive(0).await;
            let runtime = super::runtime_now() - driver.start;
            assert_eq!(nanos(runtime), clock.now().as_nanos());
        }
    });
}

#[test]
fn a_second_run_goes_on_where_the_first_ended() {
    let (post, driver, clock) = world(1);
    driver.run(&post, async {
        let clock = clock.clone();
        let post = post.clone();
        tokio::spawn(async move {
            clock.sleep(us(30)).await;
            post.send(0, 9, us(5));
        });
    });
    assert_eq!(clock.now(), Instant::ZERO);
    assert_eq!(driver.run(&post, post.receive(0)), 9);
    assert_eq!(clock.now(), at(35));
}

#[test]
#[should_panic(expected = "nothing can ever happen; the postman waits")]
fn waiting_for_what_cannot_happen_is_said_at_once() {
    let (post, driver, _) = world(1);
    driver.run(&post, post.receive(0));
}

#[test]
fn fifty_hosts_that_speak_once_a_second_take_no_time() {
    let (post, driver, clock) = world(50);
    driver.run(&post, async {
        for me in 1..50 {
            let post = post.clone();
            tokio::spawn(async move {
                loop {
                    post.send(me, 0, Duration::from_secs(1));
                    post.receive(me).await;
                }
            });
        }
        clock.sleep(Duration::from_secs(200)).await;
        assert_eq!(clock.now(), at(200_000_000));
    });
}
