//! What traffic control says of its own accord: RFC 2205 §3.11.2.

use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::msg::{Body, Flows, LooseFlows};
use fairway_rsvp::tc::RHandle;
use fairway_rsvp::wire::{ErrorCode, ErrorFlags, Style};

use crate::one::{A, B, C, D, One, b, ff, loose, wf};

/// S1 behind a; all data leaves by c and d.
fn reserved() -> One {
    let mut one = One::new();
    one.table().shared_trees = true;
    one.route(1, A, &[C, D]);
    one.announce(A, 1, 100.0);
    one.reserve(C, 2, wf(4.0));
    one.reserve(C, 3, wf(3.0));
    one.reserve(D, 2, wf(2.0));
    one.sent();
    one
}

fn handle_on(one: &One, interface: u32) -> RHandle {
    let installed = one.installed();
    let mut handles = installed.reservations.keys();
    let found = handles.find(|(here, _)| *here == IfIndex(interface));
    found.expect("a reservation").1
}

/// What traffic control does by itself: the reservation is not there any more.
fn take_away(one: &mut One, interface: u32) -> RHandle {
    let handle = handle_on(one, interface);
    one.installed()
        .reservations
        .remove(&(IfIndex(interface), handle));
    handle
}

#[test]
fn preempted_reservation_is_told_to_its_next_hops_and_lessens_what_is_asked() {
    // RFC 2205 §3.11.2, TC_Preempt; appendix B, code 12.
    let mut one = reserved();
    let handle = take_away(&mut one, C);
    let (now, code) = (one.now, ErrorCode::PREEMPTED);
    one.engine
        .handle_reservation_lost(now, IfIndex(C), handle, code, 2);
    one.collect();
    let sent = one.replies();
    let told: Vec<_> = sent
        .iter()
        .filter_map(|(transmit, body)| match body {
            Body::ResvErr(error) => {
                assert_eq!(
                    (error.error.code, error.error.value, error.error.flags),
                    (code, 2, ErrorFlags::NONE)
                );
                Some((transmit.interface.0, transmit.destination))
            }
            _ => None,
        })
        .collect();
    assert_eq!(told, [(C, one.neighbour(C, 2)), (C, one.neighbour(C, 3))]);
    let asked: Vec<_> = sent
        .iter()
        .filter_map(|(_, body)| match body {
            Body::Resv(resv) => Some(resv.flows.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(asked, [Flows::Wf(b(2.0).to_object())]);
    assert_eq!(one.installed().on(C).len(), 0);
    // The branch flag of the other interface has no reason any more.
    assert!(!one.installed().on(D)[0].0.policing.branch);
    // What is refreshed afterwards is a request like any other.
    one.reserve(C, 3, wf(1.0));
    assert_eq!(one.installed().on(C)[0].0.flowspec, b(1.0));
}

#[test]
fn last_reservation_that_is_lost_is_torn_upstream() {
    // RFC 2205 §3.1.8: spontaneous disruption; §3.1.6.
    let mut one = One::new();
    one.route(1, A, &[C]);
    one.announce(A, 1, 100.0);
    let source = one.sender(1);
    one.reserve(C, 2, ff(&[(source, 1.0)]));
    one.sent();
    let handle = take_away(&mut one, C);
    let (now, code) = (one.now, ErrorCode::TRAFFIC_CONTROL_SYSTEM);
    one.engine
        .handle_reservation_lost(now, IfIndex(C), handle, code, 0);
    one.collect();
    let sent = one.replies();
    let [(_, Body::ResvErr(error)), (_, Body::ResvTear(tear))] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(error.flows, loose(Style::FF, Some(1.0), &[source]));
    assert_eq!(tear.flows, loose(Style::FF, None, &[source]));
    let now = one.now;
    assert!(one.engine.sessions(now)[0].reservations.is_empty());
    // It is known no more.
    one.engine
        .handle_reservation_lost(now, IfIndex(C), handle, code, 0);
    one.collect();
    assert_eq!(one.sent(), []);
}

#[test]
fn adspec_that_changes_is_sent_at_once_and_only_there() {
    // RFC 2205 §3.3, RFC 2961 §1.1: a changed Adspec is a change of state.
    let mut one = One::new();
    one.route(1, A, &[C, D]);
    let mut path = one.path(A, 1, crate::net::tspec(100.0));
    let adspec = fairway_rsvp::intserv::Adspec::of_link(
        fairway_rsvp::intserv::Bandwidth::new(1e9).unwrap(),
        1500,
    );
    path.sender.as_mut().unwrap().adspec = Some(adspec.to_object());
    one.hear_path(A, path);
    one.announce(B, 2, 1.0);
    one.sent();
    one.installed().bandwidth.insert(IfIndex(D), 5e5);
    for interface in [A, C, D, D] {
        let now = one.now;
        one.engine
            .handle_traffic_control_changed(now, IfIndex(interface));
    }
    one.collect();
    let sent = one.sent();
    let [(transmit, Body::Path(path))] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(transmit.interface, IfIndex(D));
    let adspec = path.sender.as_ref().unwrap().adspec.as_ref().unwrap();
    let adspec = fairway_rsvp::intserv::Adspec::from_object(adspec).unwrap();
    assert_eq!(adspec.general.values.bandwidth.get(), 5e5);
}

#[test]
fn nothing_is_said_of_a_wildcard_error_without_style() {
    // The list of a ResvErr may be empty; it concerns nobody then.
    let mut one = One::new();
    one.route(1, A, &[C]);
    one.announce(A, 1, 100.0);
    let source = one.sender(1);
    one.reserve(C, 2, ff(&[(source, 1.0)]));
    one.sent();
    let nobody: LooseFlows = Flows::Ff(Vec::new());
    one.refuse(A, ErrorFlags::NONE, ErrorCode::ADMISSION_CONTROL, 2, nobody);
    assert_eq!(one.sent(), []);
}
