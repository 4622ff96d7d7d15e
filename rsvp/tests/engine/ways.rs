//! A sender that several hops announce: RFC 2205 §3.6, with names (RFC 2961) and without.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fairway_rsvp::engine::Config;
use fairway_rsvp::msg::{Body, FfDescriptor, Flows, LooseFlows};
use fairway_rsvp::wire::{
    AckKind, ErrorCode, ErrorFlags, FilterSpec, MessageType, RsvpHop, Sender, TimeValues,
};

use crate::ids::{acknowledge, named, refuse, summary_from};
use crate::net::{tspec, udp};
use crate::one::{A, B, C, D, One, b, ff, se, wf};

fn unicast(refresh_reduction: bool) -> One {
    let session = udp(Ipv4Addr::new(10, 8, 8, 8), 5000);
    let mut one = One::in_session(session, Config::default());
    one.settings.refresh_reduction = refresh_reduction;
    for interface in [A, B, C, D] {
        one.set_interface(interface, true);
    }
    one.route(1, A, &[C]);
    one
}

/// R of a neighbour, in seconds.
const fn period(seconds: u32) -> TimeValues {
    TimeValues {
        refresh_millis: seconds * 1000,
    }
}

/// The interfaces by which messages of a type have left since this was last asked.
fn sent(one: &mut One, wanted: MessageType) -> Vec<u32> {
    let mut interfaces: Vec<u32> = one
        .sent()
        .into_iter()
        .filter(|(_, body)| body.message_type() == wanted)
        .map(|(transmit, _)| transmit.interface.0)
        .collect();
    interfaces.sort_unstable();
    interfaces.dedup();
    interfaces
}

/// The same, when what a hop has forgotten and hears of again was gathered.
fn sent_soon(one: &mut One, wanted: MessageType) -> Vec<u32> {
    one.wait(Duration::from_millis(300));
    sent(one, wanted)
}

fn named_path(one: &mut One, interface: u32, id: u32, kilo: f32) {
    let path = one.path(interface, 1, tspec(kilo));
    let source = one.sender(1).address();
    one.hear_message(interface, source, &named(Body::Path(path), id));
}

/// The rate that is known of the sender, and the interface it comes in by.
fn known(one: &One) -> (f32, u32) {
    let sessions = one.engine.sessions(one.now);
    let sender = &sessions[0].senders[0];
    (sender.tspec.rate().get() / 1000.0, sender.incoming.0)
}

/// What a ResvErr is about.
fn failed(sender: Sender, times: f32) -> LooseFlows {
    Flows::Ff(vec![FfDescriptor {
        flowspec: Some(b(times).to_object()),
        filter: FilterSpec(sender),
    }])
}

/// Which names were refused since this was last asked.
fn refused(one: &mut One) -> Vec<u32> {
    one.wait(Duration::from_millis(10));
    let messages = one.sent_messages();
    let acks = messages.iter().flat_map(|message| &message.acks);
    acks.filter(|ack| ack.kind == AckKind::Nack)
        .map(|ack| ack.id.0)
        .collect()
}

#[test]
fn a_hop_whose_turn_comes_is_known_by_what_it_has_said() {
    // RFC 2961 §5.3: a name stands for its message. What another hop has said since is not that.
    let mut one = unicast(true);
    named_path(&mut one, A, 1, 90.0);
    named_path(&mut one, B, 1, 100.0);
    assert_eq!(known(&one), (100.0, B));
    let tear = one.path_tear(one.neighbour(B, 2), 1);
    one.hear(B, one.sender(1).address(), Body::PathTear(tear));
    assert_eq!(known(&one).1, A);
    summary_from(&mut one, A, 1);
    assert_eq!(refused(&mut one), [1]);
    named_path(&mut one, A, 1, 90.0);
    assert_eq!(known(&one), (90.0, A));
    // Had it said the same, its name would do.
    named_path(&mut one, B, 2, 90.0);
    let tear = one.path_tear(one.neighbour(B, 2), 1);
    one.hear(B, one.sender(1).address(), Body::PathTear(tear));
    summary_from(&mut one, A, 1);
    assert!(refused(&mut one).is_empty());
}

#[test]
fn a_hop_whose_turn_comes_is_believed_about_its_own_way() {
    // RFC 2205 §3.1.3, §3.8: TTL and E_Police are of the last Path, and this one has come by another way.
    let mut one = unicast(true);
    let hear = |one: &mut One, interface: u32, ttl: u8, e_police: bool| {
        let mut path = one.path(interface, 1, tspec(100.0));
        path.session.e_police = e_police;
        let source = one.sender(1).address();
        let mut message = named(Body::Path(path), 1);
        message.send_ttl = ttl;
        one.hear_message(interface, source, &message);
    };
    let ttl = |one: &One| one.engine.sessions(one.now)[0].senders[0].ttl;
    hear(&mut one, A, 60, true);
    hear(&mut one, B, 50, false);
    let tear = one.path_tear(one.neighbour(B, 2), 1);
    one.hear(B, one.sender(1).address(), Body::PathTear(tear));
    assert_eq!((known(&one).1, ttl(&one)), (A, 50));
    // It is what it has said before, under its name.
    hear(&mut one, A, 60, true);
    assert_eq!(ttl(&one), 60);
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    assert!(one.installed().on(C)[0].0.policing.edge);
}

#[test]
fn the_name_of_a_hop_that_has_fallen_silent_is_forgotten() {
    // RFC 2961 §5.4: who comes back and names what is gone is asked for it.
    let mut one = unicast(true);
    for (interface, millis) in [(A, 1000), (B, 3_600_000)] {
        let mut path = one.path(interface, 1, tspec(100.0));
        path.time_values.refresh_millis = millis;
        let source = one.sender(1).address();
        one.hear_message(interface, source, &named(Body::Path(path), 1));
    }
    // Its time is over, and a datagram comes before the timer is looked at.
    one.now += Duration::from_secs(10);
    named_path(&mut one, B, 2, 90.0);
    one.wait(Duration::from_secs(1));
    refused(&mut one);
    summary_from(&mut one, A, 1);
    assert_eq!(refused(&mut one), [1]);
}

#[test]
fn an_error_of_a_way_that_data_does_not_take_any_more_is_no_failure() {
    // The router before the fork answers the old way with error 4: its sender does not go there.
    for from in [A, B] {
        let mut one = unicast(false);
        one.period = period(30);
        one.announce(A, 1, 100.0);
        one.announce(B, 1, 100.0);
        let s1 = one.sender(1);
        one.reserve(C, 2, ff(&[(s1, 1.0)]));
        assert_eq!(sent(&mut one, MessageType::RESV), [A, B]);
        one.refuse(
            from,
            ErrorFlags::NONE,
            ErrorCode::NO_SENDER,
            0,
            failed(s1, 1.0),
        );
        assert!(sent(&mut one, MessageType::RESV_ERR).is_empty());
        let stays = A + B - from;
        assert_eq!(known(&one).1, stays);
        one.wait(Duration::from_secs(46));
        assert_eq!(sent(&mut one, MessageType::RESV), [stays]);
        // Of the only way it is one, if it lasts.
        for told in [vec![], vec![C]] {
            one.refuse(
                stays,
                ErrorFlags::NONE,
                ErrorCode::NO_SENDER,
                0,
                failed(s1, 1.0),
            );
            assert_eq!(sent(&mut one, MessageType::RESV_ERR), told);
            one.wait(Duration::from_secs(46));
            one.sent();
        }
    }
}

#[test]
fn a_refusal_of_a_way_that_data_does_not_take_is_told_once_it_does() {
    // RFC 2205 §3.1.8, §3.5: who is told asks for less, and so would the way that has room.
    let mut one = unicast(false);
    one.announce(A, 1, 100.0);
    one.announce(B, 1, 100.0);
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 3.0)]));
    one.sent();
    let refuse = |one: &mut One, from: u32| {
        let code = ErrorCode::ADMISSION_CONTROL;
        one.refuse(from, ErrorFlags::NONE, code, 2, failed(s1, 3.0));
        sent(one, MessageType::RESV_ERR)
    };
    assert!(refuse(&mut one, A).is_empty());
    assert_eq!(refuse(&mut one, B), [C]);
    let tear = one.path_tear(one.neighbour(B, 2), 1);
    one.hear(B, s1.address(), Body::PathTear(tear));
    // It is asked again at once, and refuses again.
    assert_eq!(sent(&mut one, MessageType::RESV), [A]);
    assert_eq!(refuse(&mut one, A), [C]);
}

#[test]
fn a_sender_behind_an_interface_that_is_lost_comes_by_the_other() {
    let mut one = unicast(false);
    one.announce(A, 1, 100.0);
    one.announce(B, 1, 100.0);
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    one.sent();
    one.set_interface(B, false);
    assert_eq!(known(&one).1, A);
    assert_eq!(sent(&mut one, MessageType::RESV), [A]);
    assert_eq!(one.installed().on(C).len(), 1);
}

#[test]
fn a_tear_is_of_the_interface_it_comes_in_by() {
    // Unnumbered links, and link-local addresses: two neighbours may have one address.
    let mut one = unicast(false);
    one.announce(A, 1, 100.0);
    let tear = one.path_tear(one.neighbour(A, 2), 1);
    let source = one.sender(1).address();
    one.hear(B, source, Body::PathTear(tear.clone()));
    assert_eq!(known(&one).1, A);
    one.hear(A, source, Body::PathTear(tear));
    assert!(one.engine.sessions(one.now).is_empty());
}

#[test]
fn who_is_one_hop_too_many_is_told_that_nothing_is_asked_of_it() {
    let mut one = unicast(false);
    let s1 = one.sender(1);
    one.announce(A, 1, 100.0);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    for (number, interface) in [(2, B), (3, B), (4, B)] {
        one.sent();
        one.now += Duration::from_secs(1);
        let mut path = one.path(interface, 1, tspec(100.0));
        path.hop = RsvpHop {
            address: one.neighbour(interface, number),
            handle: 77,
        };
        one.hear_path(interface, path);
    }
    assert_eq!(sent(&mut one, MessageType::RESV_TEAR), [A]);
}

#[test]
fn a_way_that_refuses_does_not_swallow_the_confirmation_of_the_other() {
    // RFC 2205 §2.6; style WF is blockaded by previous hop.
    let mut one = unicast(false);
    one.announce(A, 1, 100.0);
    one.reserve(C, 2, wf(3.0));
    let code = ErrorCode::ADMISSION_CONTROL;
    let failed: LooseFlows = Flows::Wf(Some(b(3.0).to_object()));
    one.refuse(A, ErrorFlags::NONE, code, 2, failed);
    one.announce(B, 1, 100.0);
    one.sent();
    let mut resv = one.resv(C, 2, wf(4.0));
    resv.confirm = Some(fairway_rsvp::wire::ResvConfirm {
        receiver: IpAddr::V4(Ipv4Addr::new(10, 8, 8, 8)),
    });
    one.hear_resv(C, resv);
    let asked: Vec<u32> = one
        .sent()
        .into_iter()
        .filter(|(_, body)| matches!(body, Body::Resv(resv) if resv.confirm.is_some()))
        .map(|(transmit, _)| transmit.interface.0)
        .collect();
    assert_eq!(asked, [B]);
}

#[test]
fn a_group_whose_sender_two_hops_announce_needs_a_scope() {
    // `rsvp.md` §10.3: what goes to more than one previous hop could come back.
    let mut one = One::new();
    one.route(1, A, &[C]);
    one.announce(A, 1, 100.0);
    let mut path = one.path(A, 1, tspec(100.0));
    path.hop.address = one.neighbour(A, 3);
    one.hear_path(A, path);
    one.reserve(C, 2, wf(1.0));
    let scopes: Vec<bool> = one
        .sent()
        .into_iter()
        .filter_map(|(_, body)| match body {
            Body::Resv(resv) => Some(resv.scope.is_some()),
            _ => None,
        })
        .collect();
    assert_eq!(scopes, [true, true]);
}

#[test]
fn an_interface_that_is_up_again_is_told_at_once() {
    // What its neighbours know may be of another address, or gone.
    let mut one = unicast(true);
    named_path(&mut one, A, 1, 100.0);
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    one.wait(Duration::from_secs(10));
    one.set_interface(A, false);
    one.wait(Duration::from_secs(1));
    one.sent();
    one.set_interface(A, true);
    one.wait(Duration::from_secs(1));
    assert_eq!(sent(&mut one, MessageType::RESV), [A]);
}

#[test]
fn who_asks_while_routes_turn_is_told_soon_after() {
    // RFC 2961 §5.4, RFC 2205 §3.6: what is held back is not forgotten.
    let mut one = unicast(true);
    named_path(&mut one, A, 1, 100.0);
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    let name = acknowledge(&mut one, A, MessageType::RESV);
    one.wait(Duration::from_secs(60));
    one.route(1, A, &[D]);
    one.routes_changed();
    refuse(&mut one, A, name);
    one.reserve(D, 2, ff(&[(s1, 1.0)]));
    one.wait(Duration::from_secs(46));
    assert_eq!(sent(&mut one, MessageType::RESV), [A]);
}

#[test]
fn of_two_messages_at_one_moment_a_summary_refreshes_what_the_last_has_named() {
    // `rsvp.md` §7: each filter has a deadline of its own.
    let mut one = unicast(true);
    for sender in [1, 2] {
        one.announce(A, sender, 100.0);
    }
    let (s1, s2) = (one.sender(1), one.sender(2));
    let from = one.neighbour(C, 2);
    for (id, senders) in [(5, &[s1, s2][..]), (6, &[s2])] {
        let mut resv = one.resv(C, 2, se(1.0, senders));
        resv.time_values.refresh_millis = 1000;
        one.hear_message(C, from, &named(Body::Resv(resv), id));
    }
    for _ in 0..8 {
        summary_from(&mut one, C, 6);
        one.wait(Duration::from_secs(1));
    }
    assert_eq!(one.installed().on(C)[0].1, [Some(s2)]);
}

#[test]
fn a_hop_that_has_restarted_hears_what_is_reserved_soon_after_it_knows_the_sender() {
    // RFC 2205 §3.1.4 refuses a Resv where there is no path; a refresh period later it would be tried again.
    let mut one = unicast(false);
    one.period = period(30);
    one.announce(A, 1, 100.0);
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    one.sent();
    let refuse = |one: &mut One| {
        one.refuse(A, ErrorFlags::NONE, ErrorCode::NO_PATH, 0, failed(s1, 1.0));
    };
    refuse(&mut one);
    assert!(one.sent().is_empty());
    one.announce(A, 1, 100.0);
    assert_eq!(sent_soon(&mut one, MessageType::RESV), [A]);
    one.announce(A, 1, 100.0);
    assert!(sent_soon(&mut one, MessageType::RESV).is_empty());
    // What it says then is new, or not, or not worth a message of its own.
    refuse(&mut one);
    one.announce(A, 1, 90.0);
    assert_eq!(sent_soon(&mut one, MessageType::RESV), [A]);
    refuse(&mut one);
    let mut path = one.path(A, 1, tspec(90.0));
    path.session.e_police = true;
    one.hear_path(A, path);
    assert_eq!(sent_soon(&mut one, MessageType::RESV), [A]);
    // The other's turn has come: what the first has forgotten is nothing to it.
    one.announce(B, 1, 90.0);
    refuse(&mut one);
    assert!(sent(&mut one, MessageType::RESV_ERR).is_empty());
    one.announce(A, 1, 80.0);
    let tear = one.path_tear(one.neighbour(B, 2), 1);
    one.hear(B, s1.address(), Body::PathTear(tear));
    one.sent();
    // Whoever goes on without knowing it does not reserve.
    refuse(&mut one);
    assert!(sent(&mut one, MessageType::RESV_ERR).is_empty());
    one.wait(Duration::from_secs(46));
    one.sent();
    refuse(&mut one);
    assert_eq!(sent(&mut one, MessageType::RESV_ERR), [C]);
}

#[test]
fn who_knows_nothing_of_a_sender_is_borne_for_a_while_and_not_for_ever() {
    // RFC 2205 appendix B, codes 3 and 4: a hop that has restarted learns of its senders one after the other.
    for code in [ErrorCode::NO_PATH, ErrorCode::NO_SENDER] {
        let mut one = unicast(false);
        let s1 = one.sender(1);
        one.announce(A, 1, 100.0);
        one.reserve(C, 2, ff(&[(s1, 1.0)]));
        one.period = period(30);
        one.announce(A, 1, 100.0);
        let refuse = |one: &mut One| {
            one.sent();
            one.refuse(A, ErrorFlags::NONE, code, 0, failed(s1, 1.0));
            !sent(one, MessageType::RESV_ERR).is_empty()
        };
        let told = |one: &mut One, seconds: u64| {
            one.wait(Duration::from_secs(seconds));
            refuse(one)
        };
        // It says so twice, and again when the next refresh comes before its first Path.
        assert!(!refuse(&mut one) && !refuse(&mut one) && !told(&mut one, 44));
        // It lasts, whatever Paths come between.
        one.announce(A, 1, 100.0);
        assert_eq!(sent_soon(&mut one, MessageType::RESV), [A]);
        assert!(told(&mut one, 1));
        one.announce(A, 1, 100.0);
        assert!(told(&mut one, 40) && told(&mut one, 80));
        // It has known the sender since, and restarts again.
        one.announce(A, 1, 100.0);
        assert!(!told(&mut one, 90) && told(&mut one, 45));
    }
}

#[test]
fn a_hop_that_learns_its_senders_one_after_the_other_is_told_once_what_is_reserved_for_all() {
    // RFC 2205 §3.1.4, appendix B, code 4: it refuses what is asked for senders it does not know yet, each by itself.
    let mut one = unicast(false);
    let all: Vec<u8> = (1..=50).collect();
    for sender in &all {
        one.announce(A, *sender, 100.0);
    }
    let flows: Vec<(Sender, f32)> = all.iter().map(|n| (one.sender(*n), 1.0)).collect();
    one.reserve(C, 2, ff(&flows));
    // It answers what it was told, by what it knows.
    let answer = |one: &mut One, known: &[u8]| -> usize {
        let known: Vec<Sender> = known.iter().map(|n| one.sender(*n)).collect();
        let (mut count, mut unknown) = (0, Vec::new());
        for (_, body) in one.sent() {
            if let Body::Resv(resv) = body {
                count += 1;
                unknown.extend(resv.flows.filters().map(|filter| filter.0));
            }
        }
        unknown.retain(|sender| !known.contains(sender));
        for sender in unknown {
            let code = ErrorCode::NO_SENDER;
            one.refuse(A, ErrorFlags::NONE, code, 0, failed(sender, 1.0));
        }
        count
    };
    answer(&mut one, &[]);
    let mut resvs = 0;
    for (at, sender) in all.iter().enumerate() {
        one.announce(A, *sender, 100.0);
        resvs += answer(&mut one, &all[..=at]);
        one.wait(Duration::from_millis(2));
    }
    one.wait(Duration::from_millis(300));
    resvs += answer(&mut one, &all);
    assert_eq!(resvs, 1);
    one.wait(Duration::from_secs(1));
    assert_eq!(answer(&mut one, &all), 0);
}

#[test]
fn who_hears_of_senders_less_often_than_this_node_is_borne_for_longer() {
    // RFC 2205 §3.7: each node has its own R; a hop that has restarted learns of its senders at the pace of those before.
    for (theirs, ours, borne) in [(30, 5, 45), (5, 30, 45), (10, 10, 15)] {
        let mut one = unicast(false);
        one.settings.refresh_period = Duration::from_secs(ours);
        one.set_interface(A, true);
        let s1 = one.sender(1);
        one.announce(A, 1, 100.0);
        one.reserve(C, 2, ff(&[(s1, 1.0)]));
        one.period = period(theirs);
        one.announce(A, 1, 100.0);
        let refuse = |one: &mut One| {
            one.sent();
            let code = ErrorCode::NO_SENDER;
            one.refuse(A, ErrorFlags::NONE, code, 0, failed(s1, 1.0));
            !sent(one, MessageType::RESV_ERR).is_empty()
        };
        assert!(!refuse(&mut one));
        for second in 1..borne {
            one.wait(Duration::from_secs(1));
            one.announce(A, 1, 100.0);
            assert!(!refuse(&mut one), "{theirs}, {ours}: {second} s");
        }
        one.wait(Duration::from_secs(1));
        assert!(refuse(&mut one), "{theirs}, {ours}");
    }
}
