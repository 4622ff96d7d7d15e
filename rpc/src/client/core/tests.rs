use super::*;
use crate::msg::{AcceptStat, ReplyHeader};

const STREAM: CoreConfig = CoreConfig {
    max_calls: 8,
    max_queued: 1000,
    resend: None,
};

const DATAGRAM: CoreConfig = CoreConfig {
    resend: Some(Backoff {
        first: Duration::from_millis(1000),
        most: Duration::from_millis(4000),
        window: 4,
    }),
    ..STREAM
};

fn at(millis: u64) -> Instant {
    Instant::from_nanos(millis * 1_000_000)
}

fn frame(octets: usize) -> Encoder {
    frame_of(&vec![0; octets])
}

fn frame_of(octets: &[u8]) -> Encoder {
    let mut e = Encoder::new();
    e.raw(octets).unwrap();
    e
}

fn reply(xid: u32) -> Bytes {
    let mut e = Encoder::new();
    ReplyHeader::accepted(xid, AcceptStat::Success).put(&mut e);
    e.into_bytes()
}

/// Begins a call of so many octets.
fn call(core: &mut Core, octets: usize, terms: Terms) -> u32 {
    let xid = core.handle_reserve(octets, terms).unwrap();
    core.handle_call(xid, frame(octets));
    xid
}

/// Writes all that is to be written; gives the xids.
fn write(core: &mut Core, now: Instant) -> Vec<u32> {
    let mut xids = Vec::new();
    while let Some(output) = core.poll_output() {
        xids.extend(output.xid);
        core.handle_sent(now, output);
    }
    xids
}

fn until(millis: u64) -> Terms {
    Terms {
        deadline: Some(at(millis)),
        ..Terms::default()
    }
}

fn assert_empty(core: &Core) {
    assert_eq!(
        (
            core.in_flight(),
            core.queued_octets(),
            core.on_the_wire(),
            core.unclaimed(),
            core.has_output(),
            core.poll_timeout(),
        ),
        (0, 0, 0, 0, false, None)
    );
}

#[test]
fn a_call_goes_out_and_its_reply_comes_back() {
    let mut core = Core::new(STREAM, 1);
    let xid = call(&mut core, 40, Terms::default());
    assert_eq!(core.queued_octets(), 40);
    assert_eq!(write(&mut core, at(0)), [xid]);
    assert_eq!((core.queued_octets(), core.on_the_wire()), (0, 1));
    assert!(core.take(xid).is_none());
    assert_eq!(core.handle_record(reply(xid), None), Input::Reply(xid));
    assert_eq!(core.take(xid).unwrap().unwrap(), reply(xid));
    assert_empty(&core);
}

#[test]
fn frames_leave_in_the_order_of_calling() {
    let mut core = Core::new(STREAM, 1);
    let xids: Vec<u32> = (0..5)
        .map(|_| call(&mut core, 8, Terms::default()))
        .collect();
    assert_eq!(write(&mut core, at(0)), xids);
}

#[test]
fn unwritten_frames_go_back_to_where_they_were() {
    let mut core = Core::new(STREAM, 1);
    let xids: Vec<u32> = (0..4)
        .map(|_| call(&mut core, 8, Terms::default()))
        .collect();
    let taken: Vec<Output> = (0..3).map(|_| core.poll_output().unwrap()).collect();
    for output in taken.into_iter().rev() {
        core.handle_unsent(output);
    }
    assert_eq!((core.queued_octets(), core.on_the_wire()), (32, 0));
    assert_eq!(write(&mut core, at(0)), xids);
}

mod drops {
    use super::*;

    #[test]
    fn every_phase_gives_back_all_it_holds() {
        for phase in [
            Phase::Reserved,
            Phase::Queued,
            Phase::Sending,
            Phase::Sent,
            Phase::Done,
        ] {
            let mut core = Core::new(STREAM, 1);
            let xid = core.handle_reserve(100, Terms::default()).unwrap();
            let mut writing = None;
            if phase != Phase::Reserved {
                core.handle_call(xid, frame(100));
            }
            if !matches!(phase, Phase::Reserved | Phase::Queued) {
                writing = core.poll_output();
            }
            if matches!(phase, Phase::Sent | Phase::Done) {
                core.handle_sent(at(0), writing.take().unwrap());
            }
            if phase == Phase::Done {
                core.handle_record(reply(xid), None);
            }
            assert_eq!(core.calls.get(xid).unwrap().phase, phase);
            core.handle_cancel(xid);
            if let Some(writing) = writing {
                core.handle_sent(at(0), writing);
            }
            assert_empty(&core);
            // The late reply finds nobody.
            assert_eq!(core.handle_record(reply(xid), None), Input::Nobody);
            assert_eq!(core.counters.stray_replies, 1);
            assert!(!core.is_owed());
        }
    }

    #[test]
    fn queue_of_dropped_calls_does_not_grow() {
        let mut core = Core::new(STREAM, 1);
        let first = call(&mut core, 8, Terms::default());
        for _ in 0..100_000 {
            let xid = call(&mut core, 8, Terms::default());
            core.handle_cancel(xid);
        }
        assert!(core.queue.len() < 300, "{}", core.queue.len());
        assert_eq!(write(&mut core, at(0)), [first]);
        assert!(!core.has_output());
    }

    #[test]
    fn late_reply_does_not_reach_the_next_call_of_the_slot() {
        let mut core = Core::new(STREAM, 1);
        let mut old = Vec::new();
        for _ in 0..200 {
            let xid = call(&mut core, 8, Terms::default());
            write(&mut core, at(0));
            core.handle_cancel(xid);
            old.push(xid);
        }
        let xids: Vec<u32> = (0..8)
            .map(|_| call(&mut core, 8, Terms::default()))
            .collect();
        write(&mut core, at(0));
        for xid in old {
            assert_eq!(core.handle_record(reply(xid), None), Input::Nobody);
        }
        assert!(xids.iter().all(|xid| !core.is_done(*xid)));
    }
}

mod bounds {
    use super::*;

    #[test]
    fn calls_and_octets_are_counted_from_the_reservation_on() {
        let mut core = Core::new(STREAM, 1);
        let first = core.handle_reserve(600, Terms::default()).unwrap();
        assert_eq!(core.handle_reserve(401, Terms::default()), None);
        core.handle_reserve(400, Terms::default()).unwrap();
        core.handle_cancel(first);
        for _ in 0..7 {
            core.handle_reserve(10, Terms::default()).unwrap();
        }
        assert_eq!(core.handle_reserve(0, Terms::default()), None);
    }

    #[test]
    fn one_call_may_be_longer_than_the_queue() {
        let mut core = Core::new(STREAM, 1);
        let xid = call(&mut core, 5000, Terms::default());
        assert_eq!(core.handle_reserve(1, Terms::default()), None);
        assert!(!core.handle_loose(frame(4), false));
        assert_eq!(write(&mut core, at(0)), [xid]);
        assert!(core.handle_reserve(1000, Terms::default()).is_some());
    }
}

mod time {
    use super::*;

    #[test]
    fn nothing_happens_before_poll_timeout() {
        let mut core = Core::new(STREAM, 1);
        assert_eq!(core.poll_timeout(), None);
        let late = call(&mut core, 8, until(300));
        let soon = call(&mut core, 8, until(100));
        let never = call(&mut core, 8, Terms::default());
        write(&mut core, at(0));
        assert_eq!(core.poll_timeout(), Some(at(100)));
        core.handle_timeout(at(99));
        assert!(!core.is_done(soon));
        core.handle_timeout(at(100));
        assert!(matches!(core.take(soon), Some(Err(CallError::TimedOut))));
        assert_eq!(core.poll_timeout(), Some(at(300)));
        core.handle_timeout(at(1000));
        assert!(matches!(core.take(late), Some(Err(CallError::TimedOut))));
        assert!(!core.is_done(never));
        assert_eq!(core.poll_timeout(), None);
        assert!(core.is_owed());
    }

    #[test]
    fn a_call_that_is_queued_or_being_encoded_ends_in_time_too() {
        let mut core = Core::new(STREAM, 1);
        let queued = call(&mut core, 8, until(10));
        let reserved = core.handle_reserve(8, until(10)).unwrap();
        core.handle_timeout(at(10));
        core.handle_call(reserved, frame(8));
        for xid in [queued, reserved] {
            assert!(matches!(core.take(xid), Some(Err(CallError::TimedOut))));
        }
        assert_eq!(write(&mut core, at(10)), []);
        assert_empty(&core);
        assert!(!core.is_owed());
    }
}

/// RFC 5531 §5: who wants reliability over datagrams sends again, and may see replies twice.
mod datagrams {
    use super::*;

    /// When a lone unanswered call is sent, in milliseconds, until `end`.
    fn sendings(core: &mut Core, end: u64) -> Vec<u64> {
        let mut sent = Vec::new();
        let mut now = at(0);
        loop {
            for _ in write(core, now) {
                sent.push(now.as_nanos() / 1_000_000);
            }
            match core.poll_timeout() {
                Some(next) if next <= at(end) => now = next,
                _ => return sent,
            }
            core.handle_timeout(now);
        }
    }

    #[test]
    fn waits_double_up_to_the_longest_with_jitter() {
        for seed in 0..20 {
            let mut core = Core::new(DATAGRAM, seed << 32);
            call(&mut core, 40, until(20_000));
            let sent = sendings(&mut core, 30_000);
            let waits: Vec<u64> = sent.windows(2).map(|pair| pair[1] - pair[0]).collect();
            assert!(waits.len() >= 5, "{waits:?}");
            for (wait, nominal) in waits.iter().zip([1000, 2000, 4000, 4000, 4000]) {
                let range = nominal * 7 / 8 - 1..=nominal * 9 / 8 + 1;
                assert!(range.contains(wait), "{waits:?}");
            }
        }
    }

    #[test]
    fn clients_that_begin_together_do_not_stay_together() {
        let times: std::collections::HashSet<Vec<u64>> = (0..20)
            .map(|seed| {
                let mut core = Core::new(DATAGRAM, (seed * 0x9e37_79b9) << 32);
                call(&mut core, 40, until(20_000));
                sendings(&mut core, 30_000)
            })
            .collect();
        assert!(times.len() > 15);
    }

    #[test]
    fn what_the_window_does_not_hold_waits_in_order() {
        // RFC 8085 §3.1.2.
        let mut core = Core::new(DATAGRAM, 1);
        let xids: Vec<u32> = (0..7).map(|_| call(&mut core, 8, until(20_000))).collect();
        assert_eq!(write(&mut core, at(0)), xids[..4]);
        assert!(!core.has_output());
        assert_eq!(core.on_the_wire(), 4);
        // A reply, a call that is dropped: each lets another one go.
        core.handle_record(reply(xids[2]), None);
        assert_eq!(write(&mut core, at(500)), [xids[4]]);
        core.handle_cancel(xids[0]);
        assert!(core.has_output());
        assert_eq!(write(&mut core, at(500)), [xids[5]]);
        // A queued call that is dropped does not.
        core.handle_cancel(xids[6]);
        assert!(!core.has_output());
        assert_eq!(core.on_the_wire(), 4);
    }

    #[test]
    fn the_wait_of_a_queued_call_begins_when_it_is_sent() {
        let mut core = Core::new(DATAGRAM, 1);
        let xids: Vec<u32> = (0..5).map(|_| call(&mut core, 8, until(20_000))).collect();
        write(&mut core, at(0));
        for xid in &xids[..4] {
            core.handle_record(reply(*xid), None);
        }
        assert_eq!(write(&mut core, at(700)), xids[4..]);
        core.handle_timeout(at(1500));
        assert_eq!(core.counters.resent, 0);
        core.handle_timeout(at(700 + 1125));
        assert_eq!(core.counters.resent, 1);
    }

    #[test]
    fn timeouts_halve_the_window_and_replies_grow_it() {
        let mut core = Core::new(DATAGRAM, 1);
        let xids: Vec<u32> = (0..6).map(|_| call(&mut core, 8, until(20_000))).collect();
        write(&mut core, at(0));
        core.handle_timeout(at(1125));
        assert_eq!((core.counters.resent, core.counters.windows_halved), (4, 1));
        // What is sent again goes before what was never sent.
        assert_eq!(write(&mut core, at(1125)), xids[..2]);
        for xid in &xids[..2] {
            core.handle_record(reply(*xid), None);
        }
        assert_eq!(write(&mut core, at(1130)), xids[2..5]);
        for xid in &xids[2..5] {
            core.handle_record(reply(*xid), None);
        }
        assert_eq!(write(&mut core, at(1140)), xids[5..]);
    }

    #[test]
    fn a_deadline_holds_for_a_call_that_the_window_keeps_back() {
        let mut core = Core::new(DATAGRAM, 1);
        for _ in 0..4 {
            call(&mut core, 8, until(20_000));
        }
        write(&mut core, at(0));
        let kept = call(&mut core, 8, until(100));
        assert_eq!(write(&mut core, at(0)), []);
        assert_eq!(core.poll_timeout(), Some(at(100)));
        core.handle_timeout(at(100));
        assert!(matches!(core.take(kept), Some(Err(CallError::TimedOut))));
    }

    #[test]
    fn the_same_octets_go_out_again() {
        let mut core = Core::new(DATAGRAM, 1);
        let xid = core.handle_reserve(8, until(9000)).unwrap();
        core.handle_call(xid, frame_of(b"the call"));
        for _ in 0..3 {
            let output = core.poll_output().unwrap();
            assert_eq!(output.frame.segments().next(), Some(&b"the call"[..]));
            core.handle_sent(at(0), output);
            let next = core.poll_timeout().unwrap();
            core.handle_timeout(next);
        }
        assert_eq!(core.counters.resent, 3);
    }

    #[test]
    fn reply_between_timer_and_sending_ends_the_call() {
        let mut core = Core::new(DATAGRAM, 1);
        let xid = call(&mut core, 8, until(9000));
        write(&mut core, at(0));
        let next = core.poll_timeout().unwrap();
        core.handle_timeout(next);
        assert!(core.has_output());
        assert_eq!(core.handle_record(reply(xid), None), Input::Reply(xid));
        assert_eq!(write(&mut core, next), []);
        assert!(core.take(xid).unwrap().is_ok());
        assert_empty(&core);
    }

    #[test]
    fn second_reply_and_malformed_ones_end_nothing() {
        let mut core = Core::new(DATAGRAM, 1);
        let xid = call(&mut core, 8, until(9000));
        let other = call(&mut core, 8, until(9000));
        write(&mut core, at(0));
        assert_eq!(
            core.handle_record(reply(xid).slice(..20), None),
            Input::Nobody
        );
        assert_eq!(core.counters.malformed, 1);
        assert_eq!(core.handle_record(reply(xid), None), Input::Reply(xid));
        assert_eq!(core.handle_record(reply(xid), None), Input::Nobody);
        assert!(core.take(xid).is_some());
        assert_eq!(core.handle_record(reply(xid), None), Input::Nobody);
        assert!(!core.is_done(other));
        assert_eq!(core.counters.stray_replies, 2);
    }
}

mod connections {
    use super::*;

    fn lost(core: &mut Core) -> bool {
        core.handle_lost(&Arc::new(io::ErrorKind::ConnectionReset.into()))
    }

    #[test]
    fn what_was_only_queued_survives() {
        let mut core = Core::new(STREAM, 1);
        let sent = call(&mut core, 8, Terms::default());
        let sending = call(&mut core, 8, Terms::default());
        let output = core.poll_output().unwrap();
        core.handle_sent(at(0), output);
        let begun = core.poll_output().unwrap();
        let queued = call(&mut core, 8, Terms::default());
        core.handle_sent(at(0), begun);
        assert!(!lost(&mut core));
        for xid in [sent, sending] {
            let outcome = core.take(xid);
            assert!(matches!(outcome, Some(Err(CallError::Interrupted(_)))));
        }
        assert_eq!(write(&mut core, at(0)), [queued]);
    }

    #[test]
    fn calls_that_want_it_are_sent_again_first() {
        let mut core = Core::new(STREAM, 1);
        let terms = Terms {
            resend: true,
            ..Terms::default()
        };
        let sent = call(&mut core, 8, terms);
        write(&mut core, at(0));
        let queued = call(&mut core, 8, Terms::default());
        lost(&mut core);
        assert_eq!(write(&mut core, at(0)), [sent, queued]);
        assert_eq!(core.handle_record(reply(sent), None), Input::Reply(sent));
    }

    #[test]
    fn failed_connecting_ends_calls_but_for_patient_ones() {
        let mut core = Core::new(STREAM, 1);
        let patient = Terms {
            resend: true,
            ..Terms::default()
        };
        let stays = call(&mut core, 8, patient);
        let ends = call(&mut core, 8, Terms::default());
        core.handle_not_connected(false, || ConnectError::TimedOut {
            peer: "127.0.0.1:1".into(),
        });
        assert!(matches!(core.take(ends), Some(Err(CallError::Connect(_)))));
        assert!(!core.is_done(stays));
        core.handle_not_connected(true, || ConnectError::TimedOut {
            peer: "127.0.0.1:1".into(),
        });
        assert!(core.is_done(stays));
    }

    #[test]
    fn batched_calls_are_lost_and_their_flush_fails() {
        let mut core = Core::new(STREAM, 1);
        assert!(core.handle_loose(frame(8), false));
        let terms = Terms {
            one_way: true,
            ..Terms::default()
        };
        let flush = call(&mut core, 0, terms);
        assert!(lost(&mut core));
        let outcome = core.take(flush);
        assert!(matches!(outcome, Some(Err(CallError::Interrupted(_)))));
        assert_empty(&core);
    }
}
