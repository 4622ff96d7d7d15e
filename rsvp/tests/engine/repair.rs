//! Route changes, losses, restarts, nodes that do not know RSVP: RFC 2205 §3.6, §3.7, §3.8.

use std::net::Ipv4Addr;
use std::time::Duration;

use fairway_rsvp::api::{Call, Event};
use fairway_rsvp::engine::{Config, Direction};
use fairway_rsvp::interface::Settings;
use fairway_rsvp::msg::{Ack, Body, HelloMessage, Message};
use fairway_rsvp::wire::{Hello, HelloKind, MessageType, Sender, Style};

use crate::net::{Net, cl, tspec, udp};
use crate::one::{A, B, C, D, One, ff, loose, se, wf};

/// Two ways from the first router to the last: over A, and, longer, over B and C.
fn diamond(settings: Settings) -> Net {
    Net::with(
        settings,
        &["S", "R1", "A", "B", "C", "R2", "D"],
        &[
            &["S", "R1"],
            &["R1", "A"],
            &["A", "R2"],
            &["R1", "B"],
            &["B", "C"],
            &["C", "R2"],
            &["R2", "D"],
        ],
    )
}

fn plain() -> Settings {
    Settings {
        refresh_reduction: false,
        ..Settings::default()
    }
}

fn reserved(net: &mut Net) -> Sender {
    let session = udp(net.home("D"), 5000);
    net.call("D", 1, Call::Open(session)).unwrap();
    net.send("S", 1, session, 4000, tspec(100.0));
    net.settle();
    let source = Sender::V4(net.home("S"), 4000);
    net.reserve("D", 1, Style::FF, &[source], &[cl(100.0)]);
    net.settle();
    source
}

#[test]
fn a_reservation_moves_to_the_new_way_within_the_wait_and_half_a_second() {
    // RSVP-7: on the new route within W + 0.5 s, W = 2 s; the old one clear within L.
    let mut net = diamond(plain());
    reserved(&mut net);
    assert_eq!(net.installed("R1").on(2).len(), 1);
    assert_eq!(net.installed("A").on(3).len(), 1);
    net.set_link(2, false);
    net.run(Duration::from_millis(2500));
    for (node, link) in [("R1", 4), ("B", 5), ("C", 6), ("R2", 7)] {
        assert_eq!(net.installed(node).on(link).len(), 1, "{node}");
    }
    // Before the fork nothing was torn meanwhile.
    let torn = net.node("S").log.iter().any(|entry| {
        entry.direction == Direction::In && entry.message_type == MessageType::RESV_TEAR
    });
    assert!(!torn);
    assert_eq!(net.events("S", 1).len(), 1);
    net.run(Duration::from_secs(240));
    assert!(net.installed("A").reservations.is_empty());
    assert_eq!(net.installed("R1").on(2).len(), 0);
    assert_eq!(net.installed("R1").on(4).len(), 1);
    assert_eq!(net.events("S", 1), []);
}

#[test]
fn a_way_left_behind_does_not_disturb_the_new_one() {
    // RFC 2205 §3.6: routers on the old way, which hear of nothing, go on refreshing until their state ends, and tear then.
    for refresh_reduction in [false, true] {
        let mut net = diamond(Settings {
            refresh_reduction,
            ..Settings::default()
        });
        reserved(&mut net);
        net.run(Duration::from_secs(100));
        net.set_link(2, false);
        net.run(Duration::from_millis(2500));
        net.events("D", 1);
        for second in 0..240 {
            for (node, link) in [("S", 1), ("R1", 4), ("B", 5), ("C", 6), ("R2", 7)] {
                let installed = net.installed(node).on(link).len();
                assert_eq!(installed, 1, "{node} after {second} s, {refresh_reduction}");
            }
            net.run(Duration::from_secs(1));
        }
        assert!(net.installed("A").reservations.is_empty());
        assert_eq!(net.engine("A").session_count(), 0);
        assert_eq!(net.events("D", 1), []);
        assert_eq!(net.events("S", 1).len(), 1);
    }
}

#[test]
fn a_way_that_comes_back_before_it_was_forgotten_is_reserved_at_once() {
    let mut net = diamond(plain());
    reserved(&mut net);
    for (up, link) in [(false, 4), (true, 2), (false, 4), (true, 2)] {
        net.set_link(2, up);
        net.run(Duration::from_millis(2500));
        assert_eq!(net.installed("R1").on(link).len(), 1);
        net.run(Duration::from_secs(20));
        for (node, link) in [("S", 1), ("R1", link), ("R2", 7)] {
            assert_eq!(net.installed(node).on(link).len(), 1, "{node}");
        }
    }
    // Whatever is still known of either way, a sender that withdraws is gone within L, at the latest.
    net.call("S", 1, Call::WithdrawSender).unwrap();
    net.run(Duration::from_secs(160));
    for name in ["S", "R1", "A", "B", "C", "R2"] {
        assert!(net.installed(name).reservations.is_empty(), "{name}");
    }
    assert!(matches!(net.events("D", 1).last(), Some(Event::Path(senders)) if senders.is_empty()));
}

#[test]
fn two_of_three_refreshes_may_be_lost() {
    // RFC 2205 §3.7: K − 1 in a row.
    let mut net = diamond(plain());
    reserved(&mut net);
    let mut counts = std::collections::BTreeMap::new();
    net.loses = Some(Box::new(move |node, message| {
        let kind = message.body.message_type();
        let count = counts.entry(kind).or_insert(0);
        *count += u32::from(node == "R1");
        node == "R1" && *count % 3 != 0
    }));
    net.run(Duration::from_secs(1800));
    assert_eq!(net.installed("A").on(3).len(), 1);
    assert_eq!(net.events("S", 1).len(), 1);
}

#[test]
fn a_router_that_has_restarted_is_told_again() {
    let second = Duration::from_secs(1);
    for (refresh_reduction, hello_interval) in [(false, None), (true, Some(second)), (true, None)] {
        let mut net = diamond(Settings {
            refresh_reduction,
            hello_interval,
            ..Settings::default()
        });
        reserved(&mut net);
        net.run(Duration::from_secs(200));
        net.crash("A");
        net.run(second);
        net.start("A");
        net.run(Duration::from_secs(46));
        assert_eq!(net.installed("A").on(3).len(), 1, "{refresh_reduction}");
        assert_eq!(net.events("S", 1).len(), 1, "{refresh_reduction}");
    }
}

/// A neighbour asks as that instance; the ports of the sessions that it, or somebody else, is told of within a second.
fn told_after_hello(one: &mut One, number: u8, source_instance: u32) -> Vec<u16> {
    let hello = Hello {
        kind: HelloKind::Request,
        source_instance,
        destination_instance: 0,
    };
    let message = Message::new(1, Body::Hello(HelloMessage { hello }));
    let from = one.neighbour(C, number);
    one.hear_message(C, from, &message);
    one.wait(Duration::from_secs(1));
    one.sent()
        .into_iter()
        .filter(|(_, body)| body.message_type() != MessageType::HELLO)
        .map(|(_, body)| body.session().unwrap().port)
        .collect()
}

#[test]
fn who_restarts_is_told_again_what_it_was_told_and_a_stranger_nothing() {
    // RFC 3209 §5.3. Two sessions leave by C; neighbour 2 has reserved in the second.
    let session = |port| udp(Ipv4Addr::new(10, 8, 8, 8), port);
    let mut one = One::in_session(session(5000), Config::default());
    one.settings.hello_interval = Some(Duration::from_secs(1));
    one.set_interface(C, true);
    one.route(1, A, &[C]);
    for port in [5000, 5001] {
        one.session = session(port);
        one.announce(A, 1, 100.0);
    }
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    let stranger = one.neighbour(C, 9);
    one.hear(C, stranger, Body::Ack(Ack));
    one.sent();
    for instance in 1..4 {
        assert!(told_after_hello(&mut one, 9, instance).is_empty());
    }
    for (instance, told) in [(1, vec![]), (2, vec![5001])] {
        assert_eq!(told_after_hello(&mut one, 2, instance), told);
    }
}

#[test]
fn who_restarts_before_it_has_reserved_is_told_again_if_it_is_known_to_have_heard() {
    // RFC 3209 §5.3. On a link of several, that is the session's destination; on one of two, whoever is there.
    for (host, point_to_point, is_told) in [(2, false, true), (9, false, false), (9, true, true)] {
        let session = udp(Ipv4Addr::new(10, 0, 3, host), 5000);
        let mut one = One::in_session(session, Config::default());
        one.settings.hello_interval = Some(Duration::from_secs(1));
        one.point_to_point = point_to_point;
        one.set_interface(C, true);
        one.route(1, A, &[C]);
        one.announce(A, 1, 100.0);
        let from = one.neighbour(C, 2);
        one.hear(C, from, Body::Ack(Ack));
        one.sent();
        assert!(told_after_hello(&mut one, 2, 1).is_empty());
        let told = if is_told { vec![5000] } else { vec![] };
        assert_eq!(told_after_hello(&mut one, 2, 2), told, "{host}");
    }
}

#[test]
fn a_hop_without_rsvp_breaks_the_adspec_and_nothing_else() {
    // RFC 2205 §3.8: it shows in the TTL. RFC 2210 §3.3.2: the global break bit.
    let mut net = Net::of(
        &["S", "R1", "X", "R2", "D"],
        &[&["S", "R1"], &["R1", "X"], &["X", "R2"], &["R2", "D"]],
    );
    net.make_plain("X");
    let session = udp(net.home("D"), 5000);
    net.call("D", 1, Call::Open(session)).unwrap();
    net.send("S", 1, session, 4000, tspec(100.0));
    net.settle();
    let events = net.events("D", 1);
    let [Event::Path(senders)] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert!(senders[0].adspec.as_ref().unwrap().general.is_broken);
    let source = Sender::V4(net.home("S"), 4000);
    net.reserve("D", 1, Style::FF, &[source], &[cl(100.0)]);
    net.settle();
    assert_eq!(net.installed("R1").on(2).len(), 1);
    assert_eq!(net.installed("S").on(1).len(), 1);
}

#[test]
fn summaries_keep_state_alive() {
    // RFC 2961 §5: no Path and no Resv for ten minutes, and nothing ends.
    let mut net = diamond(Settings::default());
    reserved(&mut net);
    net.run(Duration::from_secs(120));
    net.wire.clear();
    net.run(Duration::from_secs(600));
    assert_eq!(net.installed("A").on(3).len(), 1);
    assert_eq!(net.events("S", 1).len(), 1);
    let mut full = 0;
    let mut summaries = 0;
    for (_, _, transmit) in &net.wire {
        let message = Message::decode(&transmit.payload).unwrap();
        match message.body.message_type() {
            MessageType::PATH | MessageType::RESV => full += 1,
            MessageType::SREFRESH => summaries += 1,
            _ => {}
        }
    }
    assert!(summaries > 50, "{summaries} summaries");
    assert!(full < 20, "{full} full refreshes");
}

/// Every second of ten minutes.
fn stays(net: &mut Net, places: &[(&str, u32)]) {
    for second in 0..600 {
        for (node, link) in places {
            let installed = net.installed(node).on(*link).len();
            assert_eq!(installed, 1, "{node} after {second} s");
        }
        net.run(Duration::from_secs(1));
    }
}

#[test]
fn who_does_not_take_summaries_any_more_is_told_in_full() {
    // RFC 2961 §2: a neighbour may cease to be capable at any time.
    let mut net = diamond(Settings::default());
    reserved(&mut net);
    net.run(Duration::from_secs(200));
    for refresh_reduction in [false, true] {
        net.settings.refresh_reduction = refresh_reduction;
        let now = net.now;
        for link in [2, 3] {
            let interface = net.interface("A", link);
            net.engine("A").handle_interface(now, interface);
        }
        net.collect("A");
        stays(&mut net, &[("S", 1), ("R1", 2), ("A", 3), ("R2", 7)]);
    }
    assert_eq!(net.events("S", 1).len(), 1);
}

#[test]
fn a_next_hop_that_changes_unnoticed_is_told_with_the_next_full_refresh_and_from_then_on() {
    // RFC 2961 §5.5: N1 and N2 are on one link; R1 cannot know which of them takes its data on.
    let mut net = Net::with(
        Settings::default(),
        &["S", "R1", "N1", "N2", "R2", "D"],
        &[
            &["S", "R1"],
            &["R1", "N1", "N2"],
            &["N1", "R2"],
            &["N2", "R2"],
            &["R2", "D"],
        ],
    );
    reserved(&mut net);
    net.run(Duration::from_secs(200));
    let (first, second) = match net.installed("N1").on(3).len() {
        1 => (3, ("N2", 4)),
        _ => (4, ("N1", 3)),
    };
    net.set_link(first, false);
    // Twenty periods, and the jitter of the last.
    net.run(Duration::from_secs(630));
    stays(&mut net, &[("S", 1), ("R1", 2), second, ("R2", 5)]);
}

#[test]
fn a_multicast_tree_that_turns_takes_its_reservations_along() {
    // RSVP-7, with a group: on the new way within W + 0.5 s, the old one clear within L.
    let mut net = diamond(plain());
    let group: std::net::IpAddr = Ipv4Addr::new(224, 1, 1, 1).into();
    net.join(group, &["D", "A"]);
    let session = udp(group, 5000);
    for receiver in ["D", "A"] {
        net.call(receiver, 1, Call::Open(session)).unwrap();
    }
    net.send("S", 1, session, 4000, tspec(100.0));
    net.settle();
    net.reserve("D", 1, Style::WF, &[], &[cl(100.0)]);
    net.settle();
    net.reserve("A", 1, Style::WF, &[], &[cl(50.0)]);
    net.settle();
    assert_eq!(net.installed("R1").on(2)[0].0.flowspec, cl(100.0));
    assert_eq!(net.installed("A").on(3).len(), 1);
    net.set_link(3, false);
    net.run(Duration::from_millis(2500));
    for (node, link) in [("R1", 4), ("B", 5), ("C", 6), ("R2", 7)] {
        assert_eq!(net.installed(node).on(link).len(), 1, "{node}");
    }
    let torn = net.node("S").log.iter().any(|entry| {
        entry.direction == Direction::In && entry.message_type == MessageType::RESV_TEAR
    });
    assert!(!torn);
    net.run(Duration::from_secs(240));
    assert!(net.installed("A").reservations.is_empty());
    // The branch that stays has what its own receiver asks.
    assert_eq!(net.installed("R1").on(2)[0].0.flowspec, cl(50.0));
    assert_eq!(net.installed("S").on(1)[0].0.flowspec, cl(100.0));
    let heard = net.events("S", 1);
    assert!(
        matches!(heard.as_slice(), [Event::Resv { .. }]),
        "{heard:?}"
    );
}

#[test]
fn while_a_new_way_is_tried_another_next_hop_may_tear_and_nothing_ends() {
    // RFC 2205 §3.6: what neighbour 2 has reserved is only on its way to somewhere else, whatever the style.
    for style in [Style::FF, Style::SE, Style::WF] {
        let mut one = One::new();
        one.route(1, A, &[C]);
        one.announce(A, 1, 100.0);
        let s1 = one.sender(1);
        let flows = |times| match style {
            Style::FF => ff(&[(s1, times)]),
            Style::SE => se(times, &[s1]),
            _ => wf(times),
        };
        one.reserve(C, 2, flows(1.0));
        one.reserve(C, 3, flows(1.0));
        one.route(1, A, &[D]);
        one.routes_changed();
        one.sent();
        let named = if style == Style::WF { &[][..] } else { &[s1] };
        one.tear(C, 3, loose(style, None, named));
        assert_eq!(one.sent(), []);
        // The new way takes longer than that: it was no way.
        one.wait(Duration::from_secs(20));
        let torn: Vec<u32> = one
            .sent()
            .into_iter()
            .filter(|(_, body)| matches!(body, Body::ResvTear(_)))
            .map(|(transmit, _)| transmit.interface.0)
            .collect();
        assert_eq!(torn, [A]);
    }
}

#[test]
fn routes_that_turn_and_turn_hold_nothing_for_longer_than_it_lives() {
    // RFC 2205 §3.7: L = (K + 0.5) · 1.5 · R; the last refresh may be 1.5 · R old when the hold begins.
    for (seconds, most) in [(10, 37), (30, 60)] {
        let mut one = One::new();
        one.settings.refresh_period = Duration::from_secs(seconds);
        for interface in [A, B, C, D] {
            one.set_interface(interface, true);
        }
        one.route(1, A, &[C]);
        one.announce(A, 1, 100.0);
        let s1 = one.sender(1);
        one.reserve(C, 2, ff(&[(s1, 1.0)]));
        one.sent();
        let mut torn = false;
        let mut waited = 0;
        while !torn {
            one.route(1, A, &[[B, D][waited % 2]]);
            one.routes_changed();
            one.wait(Duration::from_secs(1));
            waited += 1;
            let sent = one.sent();
            torn = sent
                .iter()
                .any(|(_, body)| matches!(body, Body::ResvTear(_)));
        }
        assert!((most - 1..=most + 1).contains(&waited), "{waited}");
    }
}

#[test]
fn with_all_refreshes_lost_state_ends_between_the_bounds() {
    // RSVP-6: gone between (K + 0.5) · R and (K + 0.5) · 1.5 · R after the last refresh: 105 s and 157.5 s.
    for seconds in [0, 7, 31, 60] {
        let mut net = diamond(plain());
        reserved(&mut net);
        net.run(Duration::from_secs(seconds));
        net.loses = Some(Box::new(|node, _| node == "R1"));
        net.run(Duration::from_secs(105 - 45));
        assert_eq!(net.engine("A").session_count(), 1);
        net.run(Duration::from_millis(157_500 - 60_000));
        assert_eq!(net.engine("A").session_count(), 0);
        assert!(net.installed("A").reservations.is_empty());
    }
}

#[test]
fn a_request_that_fails_again_and_again_does_not_keep_a_small_one_out() {
    // RFC 2205 §2.5, killer reservations I and II; §3.5: every Kb · R the large one is tried again.
    let mut net = Net::of(
        &["S", "R1", "D", "E"],
        &[&["S", "R1"], &["R1", "D"], &["R1", "E"]],
    );
    let group: std::net::IpAddr = Ipv4Addr::new(224, 1, 1, 1).into();
    net.join(group, &["D", "E"]);
    let session = udp(group, 5000);
    for receiver in ["D", "E"] {
        net.call(receiver, 1, Call::Open(session)).unwrap();
    }
    let link = fairway_rsvp::interface::IfIndex(1);
    net.installed("S").capacity.insert(link, 50_000.0);
    net.send("S", 1, session, 4000, tspec(100.0));
    net.settle();
    net.reserve("D", 1, Style::WF, &[], &[cl(80.0)]);
    net.settle();
    assert!(net.installed("S").reservations.is_empty());
    net.reserve("E", 1, Style::WF, &[], &[cl(20.0)]);
    net.settle();
    net.events("E", 1);
    for _ in 0..60 {
        assert_eq!(net.installed("S").on(1)[0].0.flowspec, cl(20.0));
        // What failed stays downstream of the failure.
        assert_eq!(net.installed("R1").on(2)[0].0.flowspec, cl(80.0));
        net.run(Duration::from_secs(10));
    }
    let failures = net
        .events("D", 1)
        .iter()
        .filter(|event| matches!(event, Event::ResvError { .. }))
        .count();
    assert!((4..=7).contains(&failures), "{failures} in ten minutes");
    assert_eq!(net.events("E", 1), []);
    // There is room now.
    net.installed("S").capacity.clear();
    net.run(Duration::from_secs(200));
    assert_eq!(net.installed("S").on(1)[0].0.flowspec, cl(80.0));
}

#[test]
fn of_two_previous_hops_the_one_that_says_something_new_counts_and_none_is_torn_alone() {
    // RFC 2205 §3.1.5 and `rsvp.md` §8: a PathTear is not passed on while another hop announces the sender.
    let session = udp(Ipv4Addr::new(10, 8, 8, 8), 5000);
    let mut one = One::in_session(session, Config::default());
    one.route(1, A, &[C]);
    one.announce(A, 1, 100.0);
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    one.sent();
    let hop = |one: &mut One| {
        let now = one.now;
        one.engine.sessions(now)[0].senders[0].incoming.0
    };
    let to = |one: &mut One, wanted: MessageType| -> Vec<u32> {
        let sent = one.sent().into_iter();
        sent.filter(|(_, body)| body.message_type() == wanted)
            .map(|(transmit, _)| transmit.interface.0)
            .collect()
    };
    // Another way: both are asked for the reservation.
    one.announce(B, 1, 100.0);
    assert_eq!(
        (hop(&mut one), to(&mut one, MessageType::RESV)),
        (B, vec![B])
    );
    one.wait(Duration::from_secs(46));
    let mut asked = to(&mut one, MessageType::RESV);
    asked.sort_unstable();
    asked.dedup();
    assert_eq!(asked, [A, B]);
    // The first is only heard again; then it says something new.
    one.announce(A, 1, 100.0);
    assert_eq!(hop(&mut one), B);
    one.announce(A, 1, 90.0);
    assert_eq!(
        (hop(&mut one), to(&mut one, MessageType::RESV)),
        (A, vec![A])
    );
    // The other tears, and nothing happens; it comes back, and the first tears: the other counts.
    let tear = one.path_tear(one.neighbour(B, 2), 1);
    one.hear(B, s1.address(), Body::PathTear(tear.clone()));
    assert_eq!(
        (hop(&mut one), to(&mut one, MessageType::PATH_TEAR)),
        (A, vec![])
    );
    one.announce(B, 1, 100.0);
    one.announce(A, 1, 90.0);
    one.sent();
    let first = one.path_tear(one.neighbour(A, 2), 1);
    one.hear(A, s1.address(), Body::PathTear(first));
    assert_eq!(
        (hop(&mut one), to(&mut one, MessageType::PATH_TEAR)),
        (B, vec![])
    );
    assert_eq!(one.installed().on(C).len(), 1);
    one.hear(B, s1.address(), Body::PathTear(tear));
    assert_eq!(to(&mut one, MessageType::PATH_TEAR), [C]);
    assert!(one.installed().on(C).is_empty());
}
