//! RFC 3209 §5: Hello.

use super::*;
use crate::msg::HelloMessage;
use crate::wire::{Hello, HelloKind};

const SECOND: Duration = Duration::from_secs(1);

fn asking() -> Settings {
    Settings {
        hello_interval: Some(SECOND),
        ..Settings::default()
    }
}

fn hello(kind: HelloKind, source_instance: u32, destination_instance: u32) -> Bytes {
    let hello = Hello {
        kind,
        source_instance,
        destination_instance,
    };
    octets(&Message::new(1, Body::Hello(HelloMessage { hello })))
}

fn said(transmit: &Transmit) -> Hello {
    match read(transmit).body {
        Body::Hello(message) => message.hello,
        other => panic!("{other:?}"),
    }
}

fn losses(pair: &Pair, node: usize) -> usize {
    pair.delivered[node]
        .iter()
        .filter(|delivery| matches!(delivery, Delivery::Lost { .. }))
        .count()
}

/// RFC 3209 §5.3: every request is answered; a stranger's, too, and costs nothing.
#[test]
fn stranger_is_answered_and_forgotten() {
    let mut node = node_of(1, a(), Settings::default());
    for _ in 0..2 {
        let request = hello(HelloKind::Request, 77, 0);
        node.handle_datagram(ms(0), &raw(b(), a(), 1), &request);
    }
    let sent = transmits(&mut node);
    assert_eq!(sent.len(), 2);
    let answer = said(&sent[0]);
    assert_eq!(answer.kind, HelloKind::Ack);
    assert_eq!(answer.destination_instance, 77);
    assert_ne!(answer.source_instance, 0);
    assert_eq!(said(&sent[1]), answer);
    assert_eq!((sent[0].ttl, read(&sent[0]).send_ttl), (1, 1));
    assert_eq!(node.neighbours().count(), 0);
    // An answer is not answered.
    node.handle_datagram(ms(0), &raw(b(), a(), 1), &hello(HelloKind::Ack, 77, 1));
    assert_eq!(node.poll_transmit(), None);
}

/// A pair in which both know each other, and the first asks.
fn pair() -> Pair {
    let mut pair = Pair::new([asking(), Settings::default()]);
    pair.acquaint();
    pair
}

#[test]
fn neighbour_that_answers_is_up() {
    let mut pair = pair();
    assert_eq!(pair.row(0).hello, None);
    pair.run(ms(10_500));
    assert!(matches!(pair.row(0).hello, Some(HelloRow::Up(_))));
    // Who does not ask concludes nothing.
    assert_eq!(pair.row(1).hello, None);
    let types: Vec<_> = pair.sent[0].iter().map(|sent| said(&sent.1).kind).collect();
    assert_eq!(types, [HelloKind::Request; 10]);
    assert_eq!(losses(&pair, 0), 0);
}

/// RFC 3209 §5.3: while the other asks, there is no need to.
#[test]
fn one_of_two_asks() {
    let mut pair = Pair::new([asking(), asking()]);
    pair.acquaint();
    pair.run(ms(10_500));
    let requests = pair
        .sent
        .iter()
        .flatten()
        .filter(|sent| said(&sent.1).kind == HelloKind::Request)
        .count();
    assert!((10..=13).contains(&requests), "{requests}");
}

/// RFC 3209 §5.3: nothing for 3.5 intervals.
#[test]
fn silence_is_a_loss() {
    let mut pair = pair();
    pair.run(ms(5_000));
    let instance = said(&pair.sent[0][0].1).source_instance;
    let last = pair.sent[1].last().unwrap().0;
    pair.run_losing(last + Duration::from_millis(3_499), |_, _| true);
    assert_eq!(losses(&pair, 0), 0);
    pair.run_losing(last + Duration::from_millis(3_500), |_, _| true);
    assert_eq!(losses(&pair, 0), 1);
    assert_eq!(pair.row(0).hello, Some(HelloRow::Down));
    pair.sent[0].clear();
    pair.run_losing(ms(20_000), |_, _| true);
    assert_eq!(losses(&pair, 0), 1);
    // Begins anew: another instance of its own, and none of the neighbour's.
    let next = said(&pair.sent[0][0].1);
    assert_ne!(next.source_instance, instance);
    assert_eq!(next.destination_instance, 0);
    pair.run(ms(22_000));
    assert!(matches!(pair.row(0).hello, Some(HelloRow::Up(_))));
    // To the other, which does not ask, that is nothing.
    assert_eq!(losses(&pair, 1), 0);
}

/// RFC 3209 §5.1: Hello is said with TTL 1. That of a Bundle is 255, with which it comes from the link, too.
#[test]
fn what_comes_from_afar_is_not_heard() {
    let mut node = node_of(1, a(), asking());
    let request = hello(HelloKind::Request, 77, 0);
    for (ttl, answers) in [(1, 1), (255, 1), (2, 0), (254, 0)] {
        node.handle_datagram(ms(0), &raw(b(), a(), ttl), &request);
        assert_eq!(transmits(&mut node).len(), answers, "{ttl}");
    }
    assert_eq!(node.counters().dropped.get("ttl"), Some(&2));
}

/// Anybody can say it, and a loss has this node say much again.
#[test]
fn neighbour_is_not_lost_twice_within_the_silence_that_is_a_loss() {
    let mut pair = pair();
    pair.run(ms(5_000));
    let count = |pair: &mut Pair, at: u64, instance: u32| {
        let request = hello(HelloKind::Request, instance, 0);
        pair.nodes[0].handle_datagram(ms(at), &raw(b(), a(), 1), &request);
        pair.poll();
        assert_eq!(
            said(&pair.sent[0].last().unwrap().1).destination_instance,
            instance
        );
        losses(pair, 0)
    };
    for instance in 1..10 {
        assert_eq!(count(&mut pair, 5_000, instance), 1);
    }
    assert_eq!(count(&mut pair, 8_499, 10), 1);
    // What is true is said again.
    assert_eq!(count(&mut pair, 8_500, 10), 2);
    assert_eq!(pair.row(0).hello, Some(HelloRow::Up(10)));
}

/// Who does not ask gives answers, and does not heed what they are about.
#[test]
fn nobody_is_lost_where_nobody_asks() {
    let mut pair = Pair::acquainted();
    for instance in 1..10 {
        let request = hello(HelloKind::Request, instance, 0);
        pair.nodes[0].handle_datagram(ms(0), &raw(b(), a(), 1), &request);
        pair.poll();
    }
    assert_eq!((pair.sent[0].len(), losses(&pair, 0)), (9, 0));
    assert_eq!(pair.row(0).hello, None);
}

#[test]
fn restart_is_a_loss() {
    let mut pair = pair();
    pair.run(ms(5_000));
    pair.nodes[1] = node_of(99, b(), Settings::default());
    pair.run(ms(7_000));
    assert_eq!(losses(&pair, 0), 1);
    assert!(matches!(pair.row(0).hello, Some(HelloRow::Up(_))));
}

/// RFC 3209 §5.3: who answers somebody else has not heard us.
#[test]
fn answer_to_another_instance_is_a_loss() {
    let mut pair = pair();
    pair.run(ms(5_000));
    let Some(HelloRow::Up(theirs)) = pair.row(0).hello else {
        panic!();
    };
    let now = pair.now;
    let answer = hello(HelloKind::Ack, theirs, 12_345);
    pair.nodes[0].handle_datagram(now, &raw(b(), a(), 1), &answer);
    pair.poll();
    assert_eq!(losses(&pair, 0), 1);
}

/// RFC 3209 §5.3: requests may be wrong for some time.
#[test]
fn request_to_another_instance_is_a_loss_in_the_end() {
    let mut pair = pair();
    pair.run(ms(5_000));
    let Some(HelloRow::Up(theirs)) = pair.row(0).hello else {
        panic!();
    };
    let wrong = hello(HelloKind::Request, theirs, 12_345);
    for (at, lost) in [(5000, 0), (6000, 0), (7000, 0), (8000, 1)] {
        pair.nodes[0].handle_datagram(ms(at), &raw(b(), a(), 1), &wrong);
        pair.poll();
        assert_eq!(losses(&pair, 0), lost, "{at}");
    }
}

#[test]
fn zero_is_no_instance() {
    let mut pair = pair();
    pair.run(ms(5_000));
    let now = pair.now;
    let none = hello(HelloKind::Request, 0, 0);
    pair.nodes[0].handle_datagram(now, &raw(b(), a(), 1), &none);
    pair.poll();
    assert_eq!(losses(&pair, 0), 1);
    assert_eq!(pair.row(0).hello, Some(HelloRow::Down));
}

#[test]
fn nobody_asks_any_more_when_it_is_off() {
    let mut pair = pair();
    pair.run(ms(1_500));
    let now = pair.now;
    pair.nodes[0].set_interface(now, &interface(a(), Settings::default()));
    pair.sent[0].clear();
    pair.run(ms(9_000));
    assert!(pair.sent[0].is_empty());
}

/// A pair in which both know each other, and both ask.
fn both_asking() -> Pair {
    let mut pair = Pair::new([asking(), asking()]);
    pair.acquaint();
    pair
}

/// From now on, nobody loses anybody, and both are up.
fn assert_at_peace(pair: &mut Pair) {
    let before = [losses(pair, 0), losses(pair, 1)];
    let end = pair.now + 20 * SECOND;
    pair.run(end);
    assert_eq!([losses(pair, 0), losses(pair, 1)], before);
    for node in 0..2 {
        assert!(matches!(pair.row(node).hello, Some(HelloRow::Up(_))));
    }
}

/// RFC 3209 §5.3: one is lost, and the other learns of it; then both are up again. Whoever it was, one or both.
#[test]
fn loss_is_over_once_both_have_heard_of_it() {
    for lost in [[true, false], [false, true], [true, true]] {
        let mut pair = both_asking();
        pair.run(ms(5_000));
        pair.run_losing(ms(9_000), |node, _| lost[node]);
        assert_ne!([losses(&pair, 0), losses(&pair, 1)], [0, 0]);
        pair.run(ms(12_000));
        assert!(losses(&pair, 0) <= 2 && losses(&pair, 1) <= 2);
        assert_at_peace(&mut pair);
    }
}

/// RFC 3209 §5.3: what answers an instance before the loss is no news of the neighbour, but is answered.
#[test]
fn request_to_another_instance_brings_nobody_up() {
    let mut pair = pair();
    pair.run(ms(5_000));
    let old = said(&pair.sent[0].last().unwrap().1).source_instance;
    pair.run_losing(ms(9_000), |_, _| true);
    assert_eq!(pair.row(0).hello, Some(HelloRow::Down));
    let mut ask = |destination_instance| {
        let request = hello(HelloKind::Request, 77, destination_instance);
        pair.nodes[0].handle_datagram(ms(9_000), &raw(b(), a(), 1), &request);
        let answer = said(transmits(&mut pair.nodes[0]).last().unwrap());
        assert_eq!(answer.destination_instance, 77);
        assert_ne!(answer.source_instance, old);
        (answer.source_instance, pair.row(0).hello)
    };
    let (new, row) = ask(old);
    assert_eq!(row, Some(HelloRow::Down));
    assert_eq!(ask(new), (new, Some(HelloRow::Up(77))));
}

/// A restart that shows first by something else than Hello.
#[test]
fn restart_is_over_once_both_have_heard_of_it() {
    for restarted in 0..2 {
        let mut pair = both_asking();
        pair.run(ms(5_000));
        let address = [a(), b()][restarted];
        pair.nodes[restarted] = node_of(99, address, asking());
        let other = 1 - restarted;
        let now = pair.now;
        let path = towards(None, None, true, path([a(), b()][other], 5));
        pair.nodes[other].send(now, path);
        pair.settle();
        assert_eq!(pair.row(restarted).hello, None);
        pair.run(ms(8_000));
        assert_at_peace(&mut pair);
    }
}

/// Requests cross whenever both ask at the same moment.
#[test]
fn requests_that_cross_are_no_loss() {
    for lost in 0..2 {
        let mut pair = both_asking();
        let step = |pair: &mut Pair, second: u64, is_lost: bool| {
            pair.now = ms(second * 1000);
            for node in 0..2 {
                let now = pair.now;
                pair.nodes[node].handle_timeout(now);
            }
            pair.settle_losing(|node, _| is_lost && node == lost);
        };
        for second in 1..5 {
            step(&mut pair, second, false);
        }
        for second in 5..8 {
            step(&mut pair, second, true);
        }
        assert_eq!([losses(&pair, 0), losses(&pair, 1)], [0, 0]);
        // Now one takes note of the loss, and what the other says under its old instance is on the way.
        for second in 8..30 {
            step(&mut pair, second, false);
            assert_eq!([losses(&pair, 0), losses(&pair, 1)], [1, 1]);
        }
    }
}

/// RFC 3209 §5.3: another instance is a loss; so each restart is one, and nothing else is.
#[test]
fn two_restarts_one_soon_after_the_other_are_two_losses() {
    for millis in [1500, 2000, 3000] {
        let mut pair = both_asking();
        for restart in 0..2 {
            pair.run(ms(5_000 + restart * millis));
            pair.nodes[1] = node_of(98 + restart, b(), asking());
            let path = towards(None, None, true, path(a(), 5));
            pair.send(0, path);
            pair.settle();
        }
        // The second is heard of at once, and told when the time is over in which silence is a loss.
        pair.run(ms(8_499));
        assert_eq!([losses(&pair, 0), losses(&pair, 1)], [1, 0], "{millis}");
        pair.run(ms(9_600));
        assert_eq!([losses(&pair, 0), losses(&pair, 1)], [2, 0], "{millis}");
        assert_at_peace(&mut pair);
    }
}

/// Each node hears an instance of the other that it did not know, and answers it by none of its own.
#[test]
fn what_a_stranger_has_said_is_over_once_both_have_heard_of_it() {
    for said in [1, 2, 100] {
        let mut pair = both_asking();
        pair.run(ms(5_000));
        for number in 0..said {
            let request = hello(HelloKind::Request, 1000 + number, 0);
            let now = pair.now;
            pair.nodes[0].handle_datagram(now, &raw(b(), a(), 1), &request);
            pair.run(now + SECOND / 10);
        }
        let end = pair.now + 4 * SECOND;
        pair.run(end);
        // What is said again is limited, however often a stranger speaks.
        let most = (usize::try_from(said).unwrap() / 10 + 4) * 2 / 7 + 1;
        let both = [losses(&pair, 0), losses(&pair, 1)];
        assert!(
            both.iter().all(|lost| (1..=most).contains(lost)),
            "{both:?}"
        );
        assert_at_peace(&mut pair);
    }
}
