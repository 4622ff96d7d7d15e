//! Windows over scripted acknowledgments.

use super::{Ack, Congestion, Control};
use crate::tcp::num::Nanos;
use fairway_wire::{Instant, SeqNumber};

const MSS: u32 = 1000;
const RTT: Nanos = Nanos::from_millis(100);

fn ack(millis: u64, octets: u32) -> Ack {
    Ack {
        now: Instant::from_nanos(millis * 1_000_000),
        octets,
        una: SeqNumber(0),
        nxt: SeqNumber(0),
        rtt: Some(RTT),
        smoothed: RTT,
        mss: MSS,
    }
}

/// Acknowledges whole windows, one a round trip, for that long; returns the window.
fn run(control: &mut Control, from: u64, rounds: u64) -> u32 {
    for round in 0..rounds {
        let mut left = control.window;
        while left > 0 {
            let octets = left.min(2 * MSS);
            control.on_ack(&ack(from + round * 100, octets));
            left -= octets;
        }
    }
    control.window
}

// RFC 5681 §3.1
#[test]
fn slow_start_doubles_each_round() {
    let mut control = Control::new(Congestion::NewReno, 10 * MSS, SeqNumber(0));
    assert_eq!(run(&mut control, 0, 3), 80 * MSS);
}

// RFC 5681 §3.1
#[test]
fn newreno_halves_and_adds_a_segment_a_round() {
    let mut control = Control::new(Congestion::NewReno, 100 * MSS, SeqNumber(0));
    control.window = control.on_loss(Instant::ZERO, 100 * MSS, MSS);
    assert_eq!(control.window, 50 * MSS);
    let grown = run(&mut control, 0, 10);
    assert!(grown.abs_diff(60 * MSS) <= MSS, "{grown}");
}

// RFC 9438 §4.6, §4.2
#[test]
fn cubic_keeps_seven_tenths_and_returns_to_the_old_window_after_k() {
    let mut control = Control::new(Congestion::Cubic, 1000 * MSS, SeqNumber(0));
    control.window = control.on_loss(Instant::ZERO, 1000 * MSS, MSS);
    assert!(
        control.window.abs_diff(700 * MSS) < MSS,
        "{}",
        control.window
    );
    // K = cbrt(300 / 0.4) = 9.1 s.
    let before = run(&mut control, 0, 80);
    assert!((950 * MSS..1000 * MSS).contains(&before), "{before}");
    let at = run(&mut control, 8000, 20);
    assert!((995 * MSS..1020 * MSS).contains(&at), "{at}");
    let later = run(&mut control, 10_000, 60);
    assert!(later > 1050 * MSS, "{later}");
}

// RFC 9438 §4.7
#[test]
fn cubic_gives_room_to_new_flows() {
    let mut control = Control::new(Congestion::Cubic, 100 * MSS, SeqNumber(0));
    control.window = control.on_loss(Instant::ZERO, 100 * MSS, MSS);
    control.window = control.on_loss(Instant::ZERO, control.window, MSS);
    let grown = run(&mut control, 0, 25);
    // The maximum remembered is 0.85 · 70 segments, not 70: after 2.5 s the window is flat there.
    assert!((57 * MSS..64 * MSS).contains(&grown), "{grown}");
}

// RFC 9438 §4.3
#[test]
fn cubic_is_no_slower_than_reno_on_a_short_path() {
    let mut cubic = Control::new(Congestion::Cubic, 20 * MSS, SeqNumber(0));
    cubic.window = cubic.on_loss(Instant::ZERO, 20 * MSS, MSS);
    let mut last = cubic.window;
    // With a window this small the cubic part is flat for seconds: growth is that of an AIMD flow with 0.53 a round.
    for round in 0..20 {
        let grown = run(&mut cubic, round * 100, 1);
        assert!(grown >= last);
        last = grown;
    }
    assert!(last >= 22 * MSS, "{last}");
}
