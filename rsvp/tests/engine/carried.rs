//! Path state, what goes along with it, and what does not: RFC 2205 §3.1.3, §3.3, §3.8 to §3.10; RFC 2210 §3.3.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use bytes::Bytes;
use fairway_rsvp::engine::Config;
use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::intserv::{Adspec, Bandwidth};
use fairway_rsvp::msg::{Body, Flows, Message, Path, Resv};
use fairway_rsvp::wire::{
    CType, ClassNum, ObjectType, Opaque, PolicyData, Scope, Sender, SenderTemplate, Style,
    UnknownObject,
};

use crate::net::{tspec, udp};
use crate::one::{A, B, C, D, One, ff, loose, se, wf};

fn policy(octet: u8) -> PolicyData {
    PolicyData(Opaque::new(CType(1), vec![octet; 8]).unwrap())
}

fn unknown(class: u8, octet: u8) -> UnknownObject {
    let object_type = ObjectType {
        class: ClassNum(class),
        c_type: CType(1),
    };
    UnknownObject::new(object_type, Bytes::from(vec![octet; 4])).unwrap()
}

fn paths(one: &mut One) -> Vec<(u32, u8, Path)> {
    one.sent()
        .into_iter()
        .filter_map(|(transmit, body)| match body {
            Body::Path(path) => Some((transmit.interface.0, transmit.ttl, path)),
            _ => None,
        })
        .collect()
}

fn resvs(one: &mut One) -> Vec<(u32, Resv)> {
    one.sent()
        .into_iter()
        .filter_map(|(transmit, body)| match body {
            Body::Resv(resv) => Some((transmit.interface.0, resv)),
            _ => None,
        })
        .collect()
}

#[test]
fn unknown_objects_and_policy_data_stay_with_path_state_and_its_refreshes() {
    // RFC 2205 §3.10: 11bbbbbb; RFC 2750 §4.
    let mut one = One::new();
    one.route(1, A, &[C, D]);
    let mut path = one.path(A, 1, tspec(1.0));
    path.policy = vec![policy(1), policy(2)];
    path.unknown = vec![unknown(200, 7)];
    one.hear_path(A, path.clone());
    for _ in 0..2 {
        for (_, _, sent) in paths(&mut one) {
            assert_eq!((&sent.policy, &sent.unknown), (&path.policy, &path.unknown));
        }
        one.wait(Duration::from_secs(46));
    }
    // A change of them is a change.
    path.unknown = vec![unknown(200, 8)];
    one.sent();
    one.hear_path(A, path);
    let sent = paths(&mut one);
    assert_eq!(sent.len(), 2);
    assert_eq!(sent[0].2.unknown, [unknown(200, 8)]);
}

#[test]
fn unknown_objects_and_policy_data_of_merged_reservations_go_together() {
    // RFC 2205 §3.10: one copy of each; RFC 2750 §4.
    let mut one = One::new();
    one.table().shared_trees = true;
    one.route(1, A, &[C, D]);
    one.announce(A, 1, 100.0);
    let mut first = one.resv(C, 2, wf(4.0));
    first.policy = vec![policy(1)];
    first.unknown = vec![unknown(200, 7), unknown(201, 1)];
    one.hear_resv(C, first);
    one.sent();
    let mut second = one.resv(D, 2, wf(1.0));
    second.policy = vec![policy(2)];
    second.unknown = vec![unknown(200, 7), unknown(202, 2)];
    one.hear_resv(D, second);
    let sent = resvs(&mut one);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1.policy, [policy(1), policy(2)]);
    assert_eq!(
        sent[0].1.unknown,
        [unknown(200, 7), unknown(201, 1), unknown(202, 2)]
    );
}

#[test]
fn what_is_kept_and_not_needed_has_a_limit() {
    // STYLE §6. A Tspec may have more behind the words that are read; a SCOPE may name whomever.
    let mut one = One::new();
    one.route(1, A, &[C]);
    let mut path = one.path(A, 1, tspec(100.0));
    let object = &mut path.sender.as_mut().unwrap().tspec;
    let mut words = object.0.body().to_vec();
    // The message, and the service, say how long they are.
    let extra: u16 = 1100;
    for (at, words_of) in [(2, 7 + extra), (6, 6 + extra)] {
        words.splice(at..at + 2, words_of.to_be_bytes());
    }
    // A parameter that nobody knows.
    words.extend([0x70, 0]);
    words.extend((extra - 1).to_be_bytes());
    words.resize(words.len() + 4 * usize::from(extra - 1), 0);
    object.0 = Opaque::new(CType(2), words).unwrap();
    one.hear_path(A, path);
    assert_eq!(one.dropped("limit: carried octets"), 1);
    assert_eq!(one.engine.session_count(), 0);

    one.announce(A, 1, 100.0);
    let mut scoped = |count: u32| {
        let mut resv = one.resv(C, 2, wf(1.0));
        let list = (0..count).map(|number| Ipv4Addr::from_bits(0x0a09_0001 + number));
        resv.scope = Some(Scope::v4(list));
        one.hear_resv(C, resv);
        let dropped = one.dropped("limit: carried octets");
        (dropped, one.installed().on(C).len())
    };
    assert_eq!(scoped(16_000), (2, 0));
    assert_eq!(scoped(800), (2, 1));
}

#[test]
fn ttl_goes_down_and_a_path_without_any_left_does_not_leave() {
    // RFC 2205 §3.1.3, `rsvp.md` §11: the interface's limit counts, too.
    let mut one = One::new();
    one.route(1, A, &[C, D]);
    one.settings.ttl_limit = 10;
    one.set_interface(D, true);
    one.announce(A, 1, 1.0);
    let sent: Vec<(u32, u8)> = paths(&mut one)
        .into_iter()
        .map(|(interface, ttl, _)| (interface, ttl))
        .collect();
    assert_eq!(sent, [(C, 63), (D, 10)]);
    one.route(2, A, &[C, D]);
    let path = one.path(A, 2, tspec(1.0));
    let source = one.sender(2).address();
    one.hear_message(A, source, &Message::new(1, Body::Path(path)));
    assert_eq!(paths(&mut one), []);
    let now = one.now;
    assert_eq!(one.engine.sessions(now)[0].senders.len(), 2);
}

#[test]
fn own_path_that_comes_back_is_dropped() {
    // RFC 2205 §3.9, loops.
    let mut one = One::new();
    let mut path = one.path(A, 1, tspec(1.0));
    let Sender::V4(_, port) = one.sender(1) else {
        panic!("IPv4");
    };
    path.sender.as_mut().unwrap().template =
        SenderTemplate(Sender::V4(Ipv4Addr::new(10, 0, 3, 1), port));
    one.hear_path(A, path);
    assert_eq!(one.dropped("own Path"), 1);
    assert_eq!(one.engine.session_count(), 0);
}

#[test]
fn addresses_of_two_families_in_one_message_are_dropped() {
    // RFC 2205 appendix A: C-Types 1 and 2 do not mix.
    let mut one = One::new();
    one.route(1, A, &[C]);
    let mut path = one.path(A, 1, tspec(1.0));
    let six = Sender::V6("fd00:9::1".parse().unwrap(), 4000);
    path.sender.as_mut().unwrap().template = SenderTemplate(six);
    one.hear(A, Ipv4Addr::new(10, 9, 0, 1).into(), Body::Path(path));
    assert_eq!(one.dropped("families of addresses"), 1);
    one.announce(A, 1, 1.0);
    one.sent();
    one.reserve(C, 2, ff(&[(six, 1.0)]));
    assert_eq!(one.dropped("families of addresses"), 2);
    let mut resv = one.resv(C, 2, wf(1.0));
    resv.hop.address = "fd00:3::2".parse().unwrap();
    one.hear(C, Ipv4Addr::new(10, 0, 3, 2).into(), Body::Resv(resv));
    assert_eq!(one.dropped("hop address"), 1);
    assert_eq!(one.sent(), []);
}

#[test]
fn path_from_where_it_is_not_expected_serves_only_applications() {
    // RFC 2205 §3.9: Local_Only. RFC 2209 §1.2: of several blocks of a sender at most one is forwarded.
    let mut one = One::new();
    one.route(1, A, &[C]);
    one.announce(B, 1, 1.0);
    assert_eq!(paths(&mut one), []);
    one.announce(A, 1, 1.0);
    assert_eq!(paths(&mut one).len(), 1);
    let now = one.now;
    let senders = one.engine.sessions(now)[0].senders.clone();
    let flags: Vec<(u32, bool)> = senders
        .iter()
        .map(|sender| (sender.incoming.0, sender.local_only))
        .collect();
    assert_eq!(flags, [(A, false), (B, true)]);
    one.reserve(C, 2, wf(1.0));
    // It is asked of the previous hop on a, not of the one on b.
    let asked: Vec<u32> = resvs(&mut one)
        .iter()
        .map(|(interface, _)| *interface)
        .collect();
    assert_eq!(asked, [A]);

    // The tree turns: the other takes over, after W (§3.6).
    one.route(1, B, &[C]);
    one.routes_changed();
    one.wait(Duration::from_millis(2500));
    let now = one.now;
    let senders = one.engine.sessions(now)[0].senders.clone();
    assert!(senders[0].local_only && !senders[1].local_only);
    let sent = one.sent();
    let asked: Vec<u32> = sent
        .iter()
        .filter(|(_, body)| matches!(body, Body::Resv(_)))
        .map(|(transmit, _)| transmit.interface.0)
        .collect();
    assert_eq!(asked, [B]);
    assert!(
        sent.iter()
            .any(|(transmit, body)| matches!(body, Body::Path(_)) && transmit.interface.0 == C)
    );
    assert_eq!(one.installed().on(C).len(), 1);
    // A PathTear from the old side goes no further.
    let tear = one.path_tear(one.neighbour(A, 2), 1);
    let source = one.sender(1).address();
    one.hear(A, source, Body::PathTear(tear));
    assert!(
        !one.sent()
            .iter()
            .any(|(_, body)| matches!(body, Body::PathTear(_)))
    );
    assert_eq!(one.installed().on(C).len(), 1);
}

#[test]
fn a_previous_hop_that_takes_over_hears_of_the_reservation_once() {
    // RFC 2205 §3.6, RFC 2209: a changed PHOP gets an immediate Resv refresh; the old one gets nothing.
    let destination = IpAddr::V4(Ipv4Addr::new(10, 8, 0, 1));
    let mut one = One::in_session(udp(destination, 5000), Config::default());
    one.route(1, A, &[C]);
    one.announce(A, 1, 1.0);
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    one.sent();
    one.announce(B, 1, 1.0);
    let told: Vec<(u32, bool)> = one
        .replies()
        .iter()
        .map(|(transmit, body)| (transmit.interface.0, matches!(body, Body::Resv(_))))
        .collect();
    assert_eq!(told, [(B, true)]);
    // The tear of the old hop, which comes late, does not match (§3.1.5).
    let tear = one.path_tear(one.neighbour(A, 2), 1);
    one.hear(A, s1.address(), Body::PathTear(tear));
    assert_eq!(one.sent(), []);
    assert_eq!(one.installed().on(C).len(), 1);
}

#[test]
fn first_node_that_polices_clears_the_flag() {
    // RFC 2205 §2.3, appendix A.1: E_Police.
    let mut one = One::new();
    one.route(1, A, &[C, D]);
    one.installed().without.insert(IfIndex(D));
    let mut path = one.path(A, 1, tspec(100.0));
    path.session.e_police = true;
    one.hear_path(A, path);
    let flags: Vec<(u32, bool)> = paths(&mut one)
        .into_iter()
        .map(|(interface, _, path)| (interface, path.session.e_police))
        .collect();
    assert_eq!(flags, [(C, false), (D, true)]);
    one.reserve(C, 2, wf(1.0));
    assert!(one.installed().on(C)[0].0.policing.edge);
}

#[test]
fn services_that_are_missing_break_their_fragments_only() {
    // RFC 2210 §3.3.3.
    let mut one = One::new();
    one.route(1, A, &[C, D]);
    one.installed().without.insert(IfIndex(D));
    let mut path = one.path(A, 1, tspec(100.0));
    let adspec = Adspec::of_link(Bandwidth::new(1e6).unwrap(), 1500)
        .with_guaranteed(true)
        .with_controlled_load(true);
    path.sender.as_mut().unwrap().adspec = Some(adspec.to_object());
    one.hear_path(A, path);
    let seen: Vec<(u32, u32, bool, bool, bool)> = paths(&mut one)
        .into_iter()
        .map(|(interface, _, path)| {
            let object = path.sender.unwrap().adspec.unwrap();
            let adspec = Adspec::from_object(&object).unwrap();
            (
                interface,
                adspec.general.values.hops,
                adspec.general.is_broken,
                adspec.guaranteed.unwrap().is_broken,
                adspec.controlled_load.unwrap().is_broken,
            )
        })
        .collect();
    assert_eq!(
        seen,
        [(C, 1, false, false, false), (D, 1, false, true, true)]
    );
}

#[test]
fn a_session_of_ipv6_works_the_same() {
    // RFC 2205 appendix A: C-Type 2 everywhere.
    let session = udp("ff0e::101".parse::<std::net::Ipv6Addr>().unwrap(), 5000);
    let mut one = One::in_session(session, Config::default());
    for (sender, from) in [(1, A), (2, B)] {
        one.route(sender, from, &[C, D]);
        one.announce(from, sender, 100.0);
    }
    for (interface, _, path) in paths(&mut one) {
        assert_eq!(path.hop.address, one.neighbour(interface, 1));
    }
    one.reserve(C, 2, wf(4.0));
    let sent = resvs(&mut one);
    assert_eq!(sent.len(), 2);
    for (interface, resv) in &sent {
        assert_eq!(resv.hop.address, one.neighbour(*interface, 1));
        assert_eq!(resv.hop.handle, 77);
        let scope = resv.scope.as_ref().unwrap().as_v6().unwrap();
        assert_eq!(scope.len(), 1);
    }
    assert_eq!(one.installed().on(C).len(), 1);
    one.tear(C, 2, loose(Style::WF, None, &[]));
    assert_eq!(one.replies().len(), 2);
    assert!(one.installed().reservations.is_empty());
    let (s1, s2) = (one.sender(1), one.sender(2));
    one.reserve(D, 3, se(1.0, &[s1, s2]));
    let sent = resvs(&mut one);
    assert!(
        sent.iter().all(
            |(_, resv)| matches!(&resv.flows, Flows::Se { filters, .. } if filters.len() == 1)
        )
    );
}

#[test]
fn shared_explicit_filters_end_one_by_one() {
    // RFC 2209 §1.2: of style SE each filter has a deadline of its own. L of R = 1 s, K = 3: 5.25 s.
    let mut one = One::new();
    one.route(1, A, &[C]);
    one.route(2, A, &[C]);
    one.announce(A, 1, 100.0);
    one.announce(A, 2, 100.0);
    let (s1, s2) = (one.sender(1), one.sender(2));
    let mut resv = one.resv(C, 2, se(1.0, &[s1, s2]));
    resv.time_values.refresh_millis = 1000;
    one.hear_resv(C, resv.clone());
    one.wait(Duration::from_secs(4));
    resv.flows = se(1.0, &[s2]);
    one.hear_resv(C, resv);
    one.sent();
    one.wait(Duration::from_millis(1200));
    assert_eq!(one.installed().on(C)[0].1.len(), 2);
    one.wait(Duration::from_millis(100));
    assert_eq!(one.installed().on(C)[0].1, [Some(s2)]);
    let sent = one.replies();
    let [(_, Body::ResvTear(tear))] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(tear.flows, loose(Style::SE, None, &[s1]));
    one.wait(Duration::from_secs(4));
    assert!(one.installed().reservations.is_empty());
}

#[test]
fn lifetimes_follow_the_time_values_that_came() {
    // RFC 2205 §3.7: L = (K + 0.5) · 1.5 · R; R is clamped to what can be believed.
    let mut one = One::new();
    one.route(1, A, &[C]);
    let mut path = one.path(A, 1, tspec(1.0));
    for (millis, lives) in [(45_000, 236_250), (1000, 5250), (0, 525), (30_000, 157_500)] {
        path.time_values.refresh_millis = millis;
        one.hear_path(A, path.clone());
        let now = one.now;
        let left = one.engine.sessions(now)[0].senders[0].expires_in.unwrap();
        assert_eq!(left, Duration::from_millis(lives));
    }
    one.wait(Duration::from_millis(157_499));
    assert_eq!(one.engine.session_count(), 1);
    one.sent();
    one.wait(Duration::from_millis(1));
    assert_eq!(one.engine.session_count(), 0);
    // RFC 2209, path timeout: it is told downstream.
    assert!(matches!(one.sent().as_slice(), [(_, Body::PathTear(_))]));
}

#[test]
fn refreshes_are_spread_evenly_from_half_to_one_and_a_half_periods() {
    // RFC 2205 §3.7, RSVP-6: Kolmogorov and Smirnov, at the one per mille level.
    let mut one = One::new();
    one.route(1, A, &[C]);
    let mut path = one.path(A, 1, tspec(1.0));
    path.time_values.refresh_millis = 65_535_000;
    let mut last = one.now;
    let mut waits = Vec::new();
    while waits.len() < 2000 {
        if waits.len() % 1000 == 0 {
            one.hear_path(A, path.clone());
            one.sent();
            last = one.now;
        }
        let next = one.engine.poll_timeout().unwrap();
        one.wait(next.saturating_duration_since(one.now));
        if !paths(&mut one).is_empty() {
            waits.push((one.now - last).as_secs_f64() / 30.0);
            last = one.now;
        }
    }
    // The first of each thousand began with the message that was heard.
    waits.retain(|wait| *wait > 0.0);
    waits.sort_by(f64::total_cmp);
    let count = f64::from(u32::try_from(waits.len()).unwrap());
    let mut most: f64 = 0.0;
    for (at, wait) in (0_u32..).zip(&waits) {
        assert!((0.5..=1.5).contains(wait), "{wait}");
        let below = f64::from(at) / count;
        most = most.max((wait - 0.5 - below).abs());
    }
    assert!(most < 1.95 / count.sqrt(), "{most}");
}

#[test]
fn interface_that_is_lost_and_comes_back() {
    // `rsvp.md` §8: what was reserved there is given up; the hops before keep theirs while another way may be found.
    let mut one = One::new();
    one.table().shared_trees = true;
    one.route(1, A, &[C, D]);
    one.announce(A, 1, 100.0);
    one.reserve(C, 2, wf(4.0));
    one.reserve(D, 2, wf(2.0));
    one.sent();
    one.set_interface(C, false);
    assert_eq!(one.installed().on(C).len(), 0);
    assert_eq!(one.replies(), []);
    // What is left is asked for then.
    one.wait(Duration::from_secs(10));
    let sent = resvs(&mut one);
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].1.flows, wf(2.0));
    one.set_interface(D, false);
    assert_eq!(one.installed().on(D).len(), 0);
    assert_eq!(one.replies(), []);
    one.set_interface(C, true);
    one.set_interface(D, true);
    one.wait(Duration::from_millis(2400));
    assert_eq!(paths(&mut one).len(), 2);
    one.reserve(C, 2, wf(4.0));
    assert_eq!(one.installed().on(C).len(), 1);
    assert_eq!(resvs(&mut one).len(), 1);
    // Without an answer it is torn.
    one.set_interface(C, false);
    assert_eq!(one.replies(), []);
    one.wait(Duration::from_secs(10));
    let sent = one.replies();
    assert!(
        matches!(sent.as_slice(), [(_, Body::ResvTear(_))]),
        "{sent:?}"
    );
}

#[test]
fn unknown_objects_of_tears_and_errors_go_on_at_once() {
    // RFC 2205 §3.10.
    let mut one = One::new();
    one.route(1, A, &[C]);
    one.announce(A, 1, 100.0);
    one.reserve(C, 2, wf(1.0));
    one.sent();
    let objects = vec![unknown(200, 7)];
    let from = one.neighbour(C, 2);
    let tear = fairway_rsvp::msg::ResvTear {
        session: one.session,
        hop: fairway_rsvp::wire::RsvpHop {
            address: from,
            handle: C,
        },
        scope: None,
        flows: loose(Style::WF, None, &[]),
        unknown: objects.clone(),
    };
    one.hear(C, from, Body::ResvTear(tear));
    let sent = one.replies();
    let [(_, Body::ResvTear(tear))] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(tear.unknown, objects);
    // They are not kept.
    one.reserve(C, 2, wf(1.0));
    one.sent();
    one.tear(C, 2, loose(Style::WF, None, &[]));
    let sent = one.replies();
    assert!(matches!(sent.as_slice(), [(_, Body::ResvTear(tear))] if tear.unknown.is_empty()));
    let mut tear = one.path_tear(one.neighbour(A, 2), 1);
    tear.unknown = objects.clone();
    let source = one.sender(1).address();
    one.hear(A, source, Body::PathTear(tear));
    let sent = one.replies();
    assert!(matches!(sent.as_slice(), [(_, Body::PathTear(tear))] if tear.unknown == objects));
}
