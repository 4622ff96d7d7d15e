//! Flow control and small segments: RFC 9293 §3.7.4, §3.8.4, §3.8.6.

use super::*;

fn quiet() -> Pair {
    Pair::new(Link {
        delay: ms(10),
        ..Link::default()
    })
}

/// Lengths of the data segments that host A has sent.
fn lengths(pair: &Pair) -> Vec<usize> {
    pair.sent_by(A)
        .map(|seen| seen.len)
        .filter(|&len| len > 0)
        .collect()
}

mod nagle {
    use super::*;

    // RFC 9293 §3.7.4
    #[test]
    fn a_small_segment_waits_for_an_earlier_small_one() {
        let mut pair = quiet();
        let (one, _) = pair.connected();
        for _ in 0..5 {
            pair.send(A, one, b"ab").unwrap();
        }
        pair.run(ms(100));
        assert_eq!(lengths(&pair), [2, 8]);
    }

    #[test]
    fn no_delay_sends_at_once() {
        let mut pair = quiet();
        let (one, _) = pair.connected();
        pair.with(A, |tcp, cx| {
            tcp.set_options(cx, one, |options| options.no_delay = true)
        })
        .unwrap();
        for _ in 0..3 {
            pair.send(A, one, b"ab").unwrap();
        }
        assert_eq!(lengths(&pair), [2, 2, 2]);
    }

    // Minshall's variant: full segments in flight do not hold a small one back.
    #[test]
    fn the_end_of_a_long_write_does_not_wait() {
        let mut pair = quiet();
        let (one, _) = pair.connected();
        pair.send(A, one, &pattern(1448 * 2 + 100)).unwrap();
        assert_eq!(lengths(&pair), [1448, 1448, 100]);
    }

    #[test]
    fn a_cork_holds_until_it_is_pulled() {
        let mut pair = quiet();
        let (one, _) = pair.connected();
        pair.with(A, |tcp, cx| {
            tcp.set_options(cx, one, |options| options.cork = true)
        })
        .unwrap();
        pair.send(A, one, &pattern(1548)).unwrap();
        assert_eq!(lengths(&pair), [1448]);
        pair.with(A, |tcp, cx| {
            tcp.set_options(cx, one, |options| options.cork = false)
        })
        .unwrap();
        assert_eq!(lengths(&pair), [1448, 100]);
    }
}

mod acknowledgments {
    use super::*;

    // RFC 9293 §3.8.6.3
    #[test]
    fn a_lone_segment_waits_40_ms_once_the_start_is_over() {
        let mut pair = quiet();
        let (one, other) = pair.connected();
        pair.transfer(A, one, other, 100_000);
        pair.run(ms(500));
        let start = pair.now;
        pair.send(A, one, b"x").unwrap();
        pair.run(ms(200));
        assert_eq!(pair.last_from(B).at - start, ms(50));
        assert_eq!(pair.hosts[B].tcp.counters().delayed_acks, 1);
    }

    // RFC 5681 §4.2
    #[test]
    fn every_second_full_segment_is_acknowledged() {
        let mut pair = quiet();
        let (one, other) = pair.connected();
        pair.transfer(A, one, other, 1 << 20);
        let acks = pair.sent_by(B).filter(|seen| seen.len == 0).count();
        let data = lengths(&pair).len();
        assert!(
            acks * 2 >= data && acks * 2 <= data + 50,
            "{acks} of {data}"
        );
    }

    #[test]
    fn an_answer_carries_the_acknowledgment() {
        let mut pair = quiet();
        let (one, other) = pair.connected();
        for _ in 0..20 {
            pair.send(A, one, b"question").unwrap();
            pair.run(ms(10));
            assert_eq!(pair.recv(B, other, 100).unwrap(), b"question");
            pair.send(B, other, b"answer").unwrap();
            pair.run(ms(10));
            assert_eq!(pair.recv(A, one, 100).unwrap(), b"answer");
        }
        let bare = pair
            .seen
            .iter()
            .skip(3)
            .filter(|seen| seen.len == 0)
            .count();
        assert!(bare <= 2, "{bare}");
    }
}

mod closed_window {
    use super::*;

    fn full() -> (Pair, ConnId, ConnId) {
        let mut pair = quiet();
        let (one, other) = pair.connected();
        pair.with(B, |tcp, cx| {
            tcp.set_options(cx, other, |options| options.recv_buffer = 20_000)
        })
        .unwrap();
        pair.send(A, one, &pattern(120_000)).unwrap();
        pair.run(ms(2000));
        (pair, one, other)
    }

    // RFC 9293 §3.8.6.1
    #[test]
    fn it_is_probed_with_growing_gaps_and_for_ever() {
        let (mut pair, one, other) = full();
        assert_eq!(pair.info(A, one).send_window, 0);
        let before = pair.seen.len();
        pair.run(Duration::from_secs(600));
        let times: Vec<Instant> = pair.seen[before..]
            .iter()
            .filter(|seen| seen.from == A)
            .map(|seen| seen.at)
            .collect();
        assert!(times.len() >= 5 && times.len() <= 20);
        let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        assert!(
            gaps.is_sorted() && gaps.iter().all(|&gap| gap <= Duration::from_secs(120)),
            "{gaps:?}"
        );
        assert_eq!(pair.state(A, one), Some(State::Established));
        let mut got = Vec::new();
        for _ in 0..100 {
            if let Ok(more) = pair.recv(B, other, 65_536) {
                got.extend(more);
            }
            pair.run(ms(100));
        }
        assert_eq!(got, pattern(120_000));
    }

    #[test]
    fn a_peer_that_is_gone_is_given_up() {
        let (mut pair, one, _) = full();
        pair.pass = Box::new(|_| false);
        pair.run(Duration::from_secs(3600));
        assert_eq!(pair.recv(A, one, 1), Err(Errno::TimedOut));
    }

    // RFC 9293 §3.8.6.2.2
    #[test]
    fn the_window_opens_by_a_segment_or_not_at_all() {
        let (mut pair, _, other) = full();
        let before = pair.seen.len();
        pair.recv(B, other, 100).unwrap();
        pair.run(ms(1));
        assert!(
            pair.seen[before..]
                .iter()
                .all(|seen| seen.from == A || seen.header.window == 0)
        );
        pair.recv(B, other, 60_000).unwrap();
        assert!(pair.last_from(B).header.window > 0);
    }

    // RFC 9293 §3.8.3, RFC 5482
    #[test]
    fn the_user_timeout_counts_there_too() {
        let (mut pair, one, _) = full();
        pair.with(A, |tcp, cx| {
            tcp.set_options(cx, one, |options| options.user_timeout = Some(ms(5000)))
        })
        .unwrap();
        pair.run(Duration::from_secs(20));
        assert_eq!(pair.send(A, one, b"x"), Err(Errno::TimedOut));
    }

    // RFC 9293 §3.8.6, §3.8.6.1
    #[test]
    fn one_that_is_taken_back_from_what_is_under_way_is_probed_for_ever() {
        let mut pair = quiet();
        let (one, other) = pair.connected();
        pair.pass = Box::new(|seen| seen.from != A);
        pair.send(A, one, &pattern(5000)).unwrap();
        pair.run(ms(1));
        // As host B acknowledges everything before the first segment that is under way, with that window.
        let answer = |pair: &Pair, from: usize, window| {
            let data = pair.sent_by(A).filter(|seen| seen.len > 0);
            let first = data.map(|seen| seen.header).nth(from).unwrap();
            Header {
                ack: first.seq,
                window,
                ..answering(&pair.last_from(A))
            }
        };
        let options = Options {
            timestamps: pair.last_from(B).options.timestamps,
            ..Options::default()
        };
        let shut = answer(&pair, 0, 0);
        for _ in 0..500 {
            pair.inject(A, shut, &options, b"");
            pair.run(Duration::from_secs(20));
        }
        assert_eq!(pair.state(A, one), Some(State::Established));
        let probes = pair.hosts[A].tcp.counters().retransmit_timeouts;
        assert!((50..200).contains(&probes), "{probes} in 10 000 s");
        pair.pass = Box::new(|_| true);
        pair.inject(A, answer(&pair, 0, 1000), &options, b"");
        pair.run(Duration::from_secs(200));
        assert_eq!(pair.recv(B, other, 8192).unwrap(), pattern(5000));

        // One that answers nothing is gone.
        pair.pass = Box::new(|seen| seen.from != A);
        let sent = pair.sent_by(A).filter(|seen| seen.len > 0).count();
        pair.send(A, one, &pattern(100)).unwrap();
        let options = Options {
            timestamps: pair.last_from(B).options.timestamps,
            ..Options::default()
        };
        pair.inject(A, answer(&pair, sent, 0), &options, b"");
        pair.run(Duration::from_secs(3600));
        assert_eq!(pair.recv(A, one, 1), Err(Errno::TimedOut));
    }

    // RFC 9293 §3.8.6.1 lets it: a peer must not be able to keep the data of a closed connection for ever.
    #[test]
    fn a_closed_connection_does_not_wait_for_it_for_ever() {
        let (mut pair, one, other) = full();
        pair.run(Duration::from_secs(600));
        pair.close(A, one);
        let closed = pair.now;
        pair.run(Duration::from_secs(60));
        assert!(pair.state(A, one).is_some(), "it has some minutes");
        pair.run(Duration::from_secs(1500));
        assert_eq!(pair.state(A, one), None);
        let end = pair.last_from(A).at - closed;
        assert!(end < Duration::from_secs(1200), "{end:?}");
        let drops = pair.hosts[A].events.drops();
        assert_eq!(drops.of(crate::event::DropReason::WindowLate), 1);
        // The peer may read what it has; it was not told of an end.
        assert!(pair.recv(B, other, 65_536).is_ok());
    }
}

mod buffers {
    use super::*;

    #[test]
    fn they_grow_where_the_path_needs_it() {
        let mut pair = Pair::new(Link {
            delay: ms(50),
            rate: 50_000_000,
            queue: 4000,
            ..Link::default()
        });
        pair.record = false;
        let (one, other) = pair.connected();
        let time = pair.transfer(A, one, other, 100 << 20);
        assert!(pair.info(B, other).recv_buffer > 4 << 20);
        assert!(time < ms(4500), "{time:?}");
    }

    #[test]
    fn one_that_was_set_stays() {
        let mut pair = quiet();
        let (one, other) = pair.connected();
        pair.with(B, |tcp, cx| {
            tcp.set_options(cx, other, |options| options.recv_buffer = 30_000)
        })
        .unwrap();
        pair.transfer(A, one, other, 1 << 20);
        assert_eq!(pair.info(B, other).recv_buffer, 30_000);
    }

    // G17
    #[test]
    fn an_idle_connection_is_small() {
        let mut pair = quiet();
        let (one, other) = pair.connected();
        pair.transfer(A, one, other, 1 << 20);
        pair.run(Duration::from_secs(5));
        assert!(
            pair.info(A, one).memory < 960,
            "{}",
            pair.info(A, one).memory
        );
        assert!(
            pair.info(B, other).memory < 960,
            "{}",
            pair.info(B, other).memory
        );
    }
}

mod keepalive {
    use super::*;

    fn kept() -> (Pair, ConnId, ConnId) {
        let mut pair = quiet();
        let (one, other) = pair.connected();
        pair.with(A, |tcp, cx| {
            tcp.set_options(cx, one, |options| {
                options.keepalive = true;
                options.keep_idle = Duration::from_secs(10);
                options.keep_interval = Duration::from_secs(2);
                options.keep_count = 3;
            })
        })
        .unwrap();
        (pair, one, other)
    }

    // RFC 9293 §3.8.4
    #[test]
    fn silence_is_probed_and_a_living_peer_answers() {
        let (mut pair, one, _) = kept();
        pair.run(Duration::from_secs(101));
        assert_eq!(pair.hosts[A].tcp.counters().keepalive_probes, 10);
        let probe = pair.last_from(A);
        assert_eq!(
            (probe.len, probe.header.seq + 1_u32),
            (0, pair.last_from(B).header.ack)
        );
        assert_eq!(pair.state(A, one), Some(State::Established));
    }

    #[test]
    fn a_dead_peer_is_dropped_after_as_many_probes_as_asked() {
        let (mut pair, one, _) = kept();
        let start = pair.now;
        pair.pass = Box::new(|_| false);
        pair.run(Duration::from_secs(60));
        assert_eq!(pair.recv(A, one, 1), Err(Errno::TimedOut));
        let reset = pair.last_from(A);
        assert!(reset.header.flags.contains(Flags::RST));
        let after = reset.at - start;
        assert!(
            after >= Duration::from_secs(15) && after <= Duration::from_secs(16),
            "{after:?}"
        );
    }
}
