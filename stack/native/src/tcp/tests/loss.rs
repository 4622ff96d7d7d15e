//! Losses and what is done about them.

use super::*;

fn link() -> Link {
    Link {
        delay: ms(10),
        rate: 12_500_000,
        queue: 170,
        ..Link::default()
    }
}

/// Passes everything but the data segments of A with these counts (from 0 on).
fn drop_data(mut which: Vec<usize>) -> Filter {
    let mut count = 0;
    which.sort_unstable();
    Box::new(move |seen| {
        if seen.from != A || seen.len == 0 {
            return true;
        }
        count += 1;
        !which.contains(&(count - 1))
    })
}

// RFC 8985 §6
#[test]
fn a_single_loss_is_repaired_without_a_timeout() {
    let mut pair = Pair::new(link());
    let (one, other) = pair.connected();
    pair.pass = drop_data(vec![20]);
    let time = pair.transfer(A, one, other, 100_000);
    let counters = pair.hosts[A].tcp.counters();
    assert_eq!(counters.retransmitted_packets, 1);
    assert_eq!(
        (counters.retransmit_timeouts, counters.sack_recoveries),
        (0, 1)
    );
    assert!(time < ms(200), "{time:?}");
}

// RFC 6582
#[test]
fn a_single_loss_without_sack_is_repaired_without_a_timeout() {
    let mut pair = Pair::new(link());
    pair.hosts[B].config.sack = false;
    let (one, other) = pair.connected();
    pair.pass = drop_data(vec![20, 22]);
    pair.transfer(A, one, other, 100_000);
    let counters = pair.hosts[A].tcp.counters();
    assert_eq!(counters.retransmitted_packets, 2);
    assert_eq!(
        (counters.retransmit_timeouts, counters.reno_recoveries),
        (0, 1)
    );
}

// RFC 8985 §7
#[test]
fn a_lost_tail_is_probed() {
    let mut pair = Pair::new(link());
    let (one, other) = pair.connected();
    pair.transfer(A, one, other, 20_000);
    pair.pass = drop_data(vec![3]);
    let time = pair.transfer(A, one, other, 4 * 1448);
    let counters = pair.hosts[A].tcp.counters();
    assert_eq!(
        (counters.tail_loss_probes, counters.retransmit_timeouts),
        (1, 0)
    );
    // The last segment that arrived waits 40 ms for its acknowledgment, then the probe for as long as one may.
    assert!(time < ms(320), "{time:?}");
}

// RFC 6298 §5.3: only new data acknowledged starts the timer again.
#[test]
fn acknowledgments_without_news_do_not_put_off_the_retransmission() {
    let mut pair = Pair::new(link());
    let (one, other) = pair.connected();
    pair.transfer(A, one, other, 20_000);
    let last = pair.last_from(A);
    pair.pass = Box::new(|seen| seen.from != A);
    pair.send(A, one, &pattern(1000)).unwrap();
    for _ in 0..100 {
        pair.inject(A, answering(&last), &Options::default(), b"");
        pair.run(ms(20));
    }
    let counters = pair.hosts[A].tcp.counters();
    assert!(counters.retransmit_timeouts >= 2, "{counters:?}");
}

// RFC 6298 §5
#[test]
fn a_retransmission_that_is_lost_backs_off() {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    });
    for host in &mut pair.hosts {
        host.config.sack = false;
    }
    let (one, _) = pair.connected();
    pair.pass = Box::new(|_| false);
    let start = pair.now;
    pair.send(A, one, b"x").unwrap();
    pair.run(Duration::from_secs(4));
    let times: Vec<u128> = pair
        .seen
        .iter()
        .filter(|seen| seen.len == 1)
        .map(|seen| (seen.at - start).as_millis())
        .collect();
    // RTO is 20 ms + 200 ms; measured once, the variation is below.
    assert_eq!(times, [0, 220, 660, 1540, 3300]);
    assert_eq!(pair.info(A, one).backoff, 4);
}

#[test]
fn reordering_costs_little() {
    let mut pair = Pair::new(Link {
        reorder: 20,
        reorder_by: ms(5),
        ..link()
    });
    pair.record = false;
    let (one, other) = pair.connected();
    let time = pair.transfer(A, one, other, 20 << 20);
    let rate = 8.0 * f64::from(20 << 20) / time.as_secs_f64() / 1e6;
    println!(
        "reordering: {rate} Mbit/s {:?}",
        pair.hosts[A].tcp.counters()
    );
    assert!(rate > 88.0, "{rate}");
}

// RFC 5682, RFC 3522
#[test]
fn a_spurious_timeout_is_undone() {
    let mut pair = Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    });
    let (one, other) = pair.connected();
    pair.transfer(A, one, other, 200_000);
    let before = pair.info(A, one).congestion_window;
    // The link pauses.
    pair.link.delay = ms(500);
    pair.transfer(A, one, other, 60_000);
    pair.link.delay = ms(10);
    pair.transfer(A, one, other, 10_000);
    let counters = pair.hosts[A].tcp.counters();
    assert!(counters.retransmit_timeouts > 0 && counters.undone_recoveries > 0);
    assert!(pair.info(A, one).congestion_window >= before);
}

/// Goodput in Mbit/s.
fn goodput(link: Link, len: usize) -> f64 {
    let mut pair = Pair::new(link);
    pair.record = false;
    let (one, other) = pair.connected();
    let time = pair.transfer(A, one, other, len);
    let bits = f64::from(u32::try_from(len * 8).unwrap());
    let rate = bits / time.as_secs_f64() / 1e6;
    println!(
        "{link:?}: {rate:.1} Mbit/s\n{:?}",
        pair.hosts[A].tcp.counters()
    );
    rate
}

// 100 Mbit/s, 20 ms, 170 packets
#[test]
fn goodput_of_the_table() {
    let cases = [
        (link(), 92.0),
        (
            Link {
                queue: 20,
                ..link()
            },
            20.0,
        ),
        (Link { loss: 1, ..link() }, 15.0),
        (Link { loss: 10, ..link() }, 4.0),
        (Link { loss: 50, ..link() }, 1.0),
        (
            Link {
                duplicate: 20,
                ..link()
            },
            92.0,
        ),
    ];
    let rates = cases.map(|(link, bound)| (goodput(link, 8 << 20), bound));
    assert!(
        rates.iter().all(|&(rate, bound)| rate > bound * 0.8),
        "{rates:?}"
    );
}
