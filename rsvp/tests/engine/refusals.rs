//! Errors and who is told of them: RFC 2205 §3.1.7, §3.1.8, §3.2, appendix B.

use fairway_rsvp::api::{ApiError, Call};
use fairway_rsvp::engine::Config;
use fairway_rsvp::intserv::{Flowspec, Tspec};
use fairway_rsvp::msg::{Body, Flows};
use fairway_rsvp::wire::{
    AdspecObject, CType, ErrorCode, ErrorFlags, ErrorSpec, FlowspecObject, Opaque, Sender,
    SenderTemplate, SenderTspecObject,
};

use crate::net::{sender, tspec, udp};
use crate::one::{A, B, C, D, One, ff, loose, se, wf};
use fairway_rsvp::wire::Style;

/// S1 behind a, its data leaves by c.
fn node() -> One {
    let mut one = One::new();
    one.route(1, A, &[C]);
    one.route(2, B, &[C]);
    one.announce(A, 1, 100.0);
    one.sent();
    one
}

/// The one error that was sent: by which interface, to whom, what.
fn error(one: &mut One) -> (u32, std::net::IpAddr, ErrorSpec) {
    let sent = one.replies();
    let [(transmit, body)] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    let error = match body {
        Body::PathErr(error) => error.error,
        Body::ResvErr(error) => error.error,
        other => panic!("{other:?}"),
    };
    (transmit.interface.0, transmit.destination, error)
}

fn flowspec_of_rates(rate: f32, octets: u32) -> Flows {
    let tspec = Tspec::new(rate, 10_000.0, rate * 2.0, 64, octets).unwrap();
    Flows::Wf(Flowspec::ControlledLoad(tspec).to_object())
}

#[test]
fn flowspec_with_packets_over_the_mtu_is_an_admission_failure() {
    // Appendix B, code 1 value 3. The node is the address of the outgoing interface.
    let mut one = node();
    let resv = one.resv(C, 2, flowspec_of_rates(1e4, 1501));
    one.hear_resv(C, resv);
    let (interface, to, spec) = error(&mut one);
    assert_eq!((interface, to), (C, one.neighbour(C, 2)));
    assert_eq!(
        (spec.code, spec.value, spec.flags, spec.node),
        (
            ErrorCode::ADMISSION_CONTROL,
            3,
            ErrorFlags::NONE,
            one.neighbour(C, 1)
        )
    );
}

#[test]
fn another_service_in_one_session_is_a_conflict() {
    // RFC 2210 §3.1.3, appendix B: code 21 value 1.
    let mut one = node();
    one.reserve(C, 2, wf(1.0));
    one.sent();
    let tspec = Tspec::new(1e4, 1e4, 2e4, 64, 1500).unwrap();
    let guaranteed = Flowspec::guaranteed(tspec, 2e4, 0).unwrap();
    one.reserve(C, 3, Flows::Wf(guaranteed.to_object()));
    let (_, to, spec) = error(&mut one);
    assert_eq!(to, one.neighbour(C, 3));
    assert_eq!((spec.code, spec.value), (ErrorCode::TRAFFIC_CONTROL, 1));
    assert_eq!(one.installed().on(C).len(), 1);
}

#[test]
fn flowspecs_and_tspecs_out_of_range_are_refused_to_who_sent_them() {
    // Appendix B, code 21 values 3 (flowspec), 4 (Tspec), 5 (Adspec).
    let mut one = node();
    let junk = || Opaque::new(CType(2), vec![0; 8]).unwrap();
    one.reserve(C, 2, Flows::Wf(FlowspecObject(junk())));
    let (_, to, spec) = error(&mut one);
    assert_eq!(to, one.neighbour(C, 2));
    assert_eq!((spec.code, spec.value), (ErrorCode::TRAFFIC_CONTROL, 3));

    let mut path = one.path(B, 2, tspec(1.0));
    path.sender.as_mut().unwrap().tspec = SenderTspecObject(junk());
    one.hear_path(B, path);
    let (interface, to, spec) = error(&mut one);
    assert_eq!((interface, to), (B, one.neighbour(B, 2)));
    assert_eq!((spec.code, spec.value), (ErrorCode::TRAFFIC_CONTROL, 4));
    assert_eq!(spec.node, one.neighbour(B, 1));

    let mut path = one.path(B, 2, tspec(1.0));
    path.sender.as_mut().unwrap().adspec = Some(AdspecObject(junk()));
    one.hear_path(B, path);
    let (_, _, spec) = error(&mut one);
    assert_eq!((spec.code, spec.value), (ErrorCode::TRAFFIC_CONTROL, 5));
    // None of it made state.
    let now = one.now;
    assert_eq!(one.engine.sessions(now)[0].senders.len(), 1);
}

#[test]
fn a_bad_change_of_a_path_leaves_what_there_was() {
    // RFC 2205 §3.1.7: a PathErr changes no state, and what it answers makes none.
    let mut one = node();
    one.reserve(C, 2, wf(1.0));
    let mut path = one.path(A, 1, tspec(1.0));
    path.sender.as_mut().unwrap().tspec =
        SenderTspecObject(Opaque::new(CType(2), vec![0; 8]).unwrap());
    one.hear_path(A, path);
    let now = one.now;
    assert_eq!(one.engine.sessions(now)[0].senders[0].tspec, tspec(100.0));
    assert_eq!(one.installed().on(C).len(), 1);
}

#[test]
fn sessions_of_one_destination_have_all_ports_or_none() {
    // RFC 2205 §3.2: code 7, in PathErr and ResvErr.
    let mut one = node();
    let with_port = one.session;
    one.session.port = 0;
    let mut path = one.path(A, 1, tspec(1.0));
    let Sender::V4(address, _) = one.sender(1) else {
        panic!("IPv4");
    };
    path.sender.as_mut().unwrap().template = SenderTemplate(Sender::V4(address, 0));
    one.hear_path(A, path);
    let (_, to, spec) = error(&mut one);
    assert_eq!(to, one.neighbour(A, 2));
    assert_eq!(
        (spec.code, spec.value),
        (ErrorCode::CONFLICTING_DEST_PORTS, 0)
    );
    one.reserve(C, 2, wf(1.0));
    let (_, to, spec) = error(&mut one);
    assert_eq!(to, one.neighbour(C, 2));
    assert_eq!(spec.code, ErrorCode::CONFLICTING_DEST_PORTS);
    // Another port is another session.
    one.session = udp(with_port.destination, 5001);
    one.announce(A, 1, 1.0);
    assert_eq!(one.replies(), []);
    assert_eq!(one.engine.session_count(), 2);
}

#[test]
fn applications_with_and_without_a_port_keep_nobody_out() {
    // RFC 2205 §3.2, `rapi.md` §4.1: the rule is about senders, and who was there first has the right.
    let mut one = One::new();
    one.route(1, A, &[C]);
    let group = one.session.destination;
    // One waits for senders without a port; others wait for, or are, senders with one.
    for (app, port) in [(1, 0), (2, 5001), (3, 5001)] {
        one.call(app, Call::Open(udp(group, port))).unwrap();
    }
    let source = std::net::Ipv4Addr::new(10, 0, 3, 1);
    let send = |one: &mut One, app, port| {
        let call = sender(Sender::V4(source, port), tspec(1.0));
        one.call(app, Call::Sender(Box::new(call)))
    };
    send(&mut one, 2, 4000).unwrap();
    assert_eq!(send(&mut one, 1, 0), Err(ApiError::DestinationPorts));
    one.call(2, Call::WithdrawSender).unwrap();
    send(&mut one, 1, 0).unwrap();
    assert_eq!(send(&mut one, 3, 4000), Err(ApiError::DestinationPorts));
    // A sender here that has no port: the network's have ports as ever, and so have those who wait for them.
    one.sent();
    one.session = udp(group, 5002);
    one.announce(A, 1, 1.0);
    assert_eq!(one.replies(), []);
    one.call(4, Call::Open(one.session)).unwrap();
    // What it has announced it may change.
    send(&mut one, 1, 0).unwrap();
}

#[test]
fn a_sender_has_a_port_or_none() {
    // RFC 2205 §3.2: code 8.
    let mut one = node();
    let mut path = one.path(A, 1, tspec(1.0));
    let Sender::V4(address, _) = one.sender(1) else {
        panic!("IPv4");
    };
    path.sender.as_mut().unwrap().template = SenderTemplate(Sender::V4(address, 0));
    one.hear_path(A, path);
    let (_, to, spec) = error(&mut one);
    assert_eq!(to, one.neighbour(A, 2));
    assert_eq!(spec.code, ErrorCode::CONFLICTING_SENDER_PORTS);
}

/// The octets of a message with an object more, of this class, C-Type 1 and no content.
fn with_object(one: &One, body: Body, class: u8) -> Vec<u8> {
    let message = fairway_rsvp::msg::Message::new(64, body);
    let _ = one;
    let mut octets = message.encode_without_checksum().unwrap();
    // Before STYLE, or in a Path, where it stands does not matter: behind the header.
    octets.splice(8..8, [0, 4, class, 1]);
    let length = u16::try_from(octets.len()).unwrap().to_be_bytes();
    octets[6..8].copy_from_slice(&length);
    octets
}

fn hear(
    one: &mut One,
    interface: u32,
    from: std::net::IpAddr,
    to: std::net::IpAddr,
    octets: Vec<u8>,
) {
    let arrival = fairway_rsvp::neighbour::Arrival {
        interface: fairway_rsvp::interface::IfIndex(interface),
        source: from,
        destination: to,
        ttl: Some(64),
        via: fairway_rsvp::neighbour::Via::Raw,
    };
    one.hear_octets(&arrival, octets);
}

#[test]
fn classes_that_must_be_known_are_refused_and_never_in_answer_to_an_error_or_a_tear() {
    // RFC 2205 §3.10: 0bbbbbbb: code 13; 10bbbbbb is ignored.
    let mut one = node();
    let (destination, source) = (one.session.destination, one.sender(2).address());
    let path = Body::Path(one.path(B, 2, tspec(1.0)));
    let octets = with_object(&one, path.clone(), 100);
    hear(&mut one, B, source, destination, octets);
    let (interface, to, spec) = error(&mut one);
    assert_eq!((interface, to), (B, one.neighbour(B, 2)));
    assert_eq!(
        (spec.code, spec.value),
        (ErrorCode::UNKNOWN_CLASS, 100 << 8 | 1)
    );

    let (from, node) = (one.neighbour(C, 2), one.neighbour(C, 1));
    let resv = Body::Resv(one.resv(C, 2, wf(1.0)));
    let octets = with_object(&one, resv.clone(), 100);
    hear(&mut one, C, from, node, octets);
    let (interface, to, spec) = error(&mut one);
    assert_eq!((interface, to), (C, from));
    assert_eq!(
        (spec.code, spec.value),
        (ErrorCode::UNKNOWN_CLASS, 100 << 8 | 1)
    );
    // A Resv on its way to another node is none of this one's business.
    let octets = with_object(&one, resv.clone(), 100);
    let other = one.neighbour(A, 2);
    hear(&mut one, C, from, other, octets);
    assert_eq!(one.sent(), []);

    let octets = with_object(&one, resv, 150);
    hear(&mut one, C, from, node, octets);
    assert_eq!(one.replies().len(), 1);
    assert_eq!(one.installed().on(C).len(), 1);

    let tear = Body::PathTear(one.path_tear(one.neighbour(A, 2), 1));
    let octets = with_object(&one, tear, 100);
    let source = one.sender(1).address();
    hear(&mut one, A, source, destination, octets);
    assert_eq!(one.sent(), []);
    assert_eq!(one.dropped("unknown object"), 1);
}

#[test]
fn unknown_style_is_refused() {
    // Appendix B, code 6.
    let mut one = node();
    let resv = fairway_rsvp::msg::Message::new(64, Body::Resv(one.resv(C, 2, wf(1.0))));
    let mut octets = resv.encode_without_checksum().unwrap();
    let style = [0, 8, 8, 1, 0, 0, 0, 0x11];
    let at = octets
        .windows(8)
        .position(|window| window == style)
        .unwrap();
    octets[at + 7] = 0x09;
    let (from, node) = (one.neighbour(C, 2), one.neighbour(C, 1));
    hear(&mut one, C, from, node, octets);
    let (_, to, spec) = error(&mut one);
    assert_eq!(to, from);
    assert_eq!((spec.code, spec.value), (ErrorCode::UNKNOWN_STYLE, 0));
}

#[test]
fn a_path_error_goes_to_the_previous_hop_and_changes_nothing() {
    // RFC 2205 §3.1.7.
    let mut one = node();
    one.reserve(C, 2, wf(1.0));
    one.sent();
    let path = one.path(A, 1, tspec(1.0));
    let error = |number: u8, one: &One| fairway_rsvp::msg::PathErr {
        session: one.session,
        error: ErrorSpec {
            node: one.neighbour(C, 9),
            flags: ErrorFlags::NONE,
            code: ErrorCode::TRAFFIC_CONTROL,
            value: 4,
        },
        policy: Vec::new(),
        sender: path.sender.clone().map(|mut sender| {
            sender.template = SenderTemplate(one.sender(number));
            sender
        }),
        unknown: Vec::new(),
    };
    let from = one.neighbour(C, 2);
    let known = error(1, &one);
    one.hear(C, from, Body::PathErr(known.clone()));
    let sent = one.sent();
    let [(transmit, body)] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(
        (transmit.interface.0, transmit.destination),
        (A, one.neighbour(A, 2))
    );
    assert_eq!(*body, Body::PathErr(known));
    // About a sender that is not known.
    let unknown = error(7, &one);
    one.hear(C, from, Body::PathErr(unknown));
    assert_eq!(one.sent(), []);
    assert_eq!(one.installed().on(C).len(), 1);
}

#[test]
fn an_error_about_some_filters_blockades_those() {
    // RFC 2205 §3.1.8: of style SE it may name a subset; it goes on with the filters of the reservation it is sent for.
    let mut one = One::new();
    one.route(1, A, &[C, D]);
    one.route(2, B, &[C, D]);
    one.announce(A, 1, 100.0);
    one.announce(B, 2, 100.0);
    let (s1, s2) = (one.sender(1), one.sender(2));
    one.reserve(C, 2, se(4.0, &[s1, s2]));
    one.reserve(D, 2, se(4.0, &[s2]));
    one.sent();
    let failed = loose(Style::SE, Some(4.0), &[s1]);
    one.refuse(A, ErrorFlags::NONE, ErrorCode::ADMISSION_CONTROL, 2, failed);
    let sent = one.replies();
    let [(transmit, Body::ResvErr(error))] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(transmit.interface.0, C);
    assert_eq!(error.flows, loose(Style::SE, Some(4.0), &[s1, s2]));
    let now = one.now;
    let blockades = one.engine.sessions(now)[0].blockades.clone();
    assert_eq!(blockades.len(), 1);
    assert_eq!(blockades[0].sender, Some(s1));
}

#[test]
fn a_hop_that_data_does_not_come_by_any_more_blockades_no_other() {
    // RFC 2209 §1.2: a blockade is of a previous hop; RFC 2205 §3.5.
    for style in [Style::FF, Style::SE, Style::WF] {
        let session = udp(std::net::Ipv4Addr::new(10, 8, 8, 8), 5000);
        let mut one = One::in_session(session, Config::default());
        one.route(1, A, &[C]);
        one.announce(A, 1, 1000.0);
        one.announce(B, 1, 1000.0);
        let s1 = one.sender(1);
        let flows = |times| match style {
            Style::FF => ff(&[(s1, times)]),
            Style::SE => se(times, &[s1]),
            _ => wf(times),
        };
        one.reserve(C, 2, flows(10.0));
        one.reserve(C, 3, flows(1.0));
        one.sent();
        let named = if style == Style::WF { &[][..] } else { &[s1] };
        let failed = loose(style, Some(10.0), named);
        one.refuse(A, ErrorFlags::NONE, ErrorCode::ADMISSION_CONTROL, 2, failed);
        let asked = |one: &mut One| -> Vec<(u32, Flows)> {
            let sent = one.replies().into_iter();
            sent.map(|(transmit, body)| match body {
                Body::Resv(resv) => (transmit.interface.0, resv.flows),
                other => panic!("{other:?}"),
            })
            .collect()
        };
        assert_eq!(asked(&mut one), [(A, flows(1.0))]);
        one.wait(std::time::Duration::from_secs(46));
        let mut all = asked(&mut one);
        all.sort_by_key(|(interface, _)| *interface);
        all.dedup();
        assert_eq!(all, [(A, flows(1.0)), (B, flows(10.0))]);
    }
}

#[test]
fn a_refusal_that_does_not_say_what_failed_is_told_and_not_answered() {
    // RFC 2205 §3.5: the Resv that follows a blockade is another. Here it would be the same, and refused again.
    let mut one = node();
    one.reserve(C, 2, wf(1.0));
    one.sent();
    let failed = loose(Style::WF, None, &[]);
    one.refuse(A, ErrorFlags::NONE, ErrorCode::ADMISSION_CONTROL, 2, failed);
    let (interface, _, spec) = error(&mut one);
    assert_eq!((interface, spec.code), (C, ErrorCode::ADMISSION_CONTROL));
    let now = one.now;
    assert_eq!(one.engine.sessions(now)[0].blockades, []);
}

#[test]
fn scope_of_an_error_is_cut_down_to_the_senders_of_each_interface() {
    // RFC 2205 §3.4: and where none is left, nothing is sent.
    let mut one = One::new();
    for (sender, from, to) in [(1, A, &[C][..]), (2, A, &[C, D])] {
        one.route(sender, from, to);
        one.announce(from, sender, 100.0);
    }
    one.reserve(C, 2, wf(4.0));
    one.reserve(D, 2, wf(4.0));
    one.sent();
    let told = |one: &mut One, numbers: &[u8]| {
        let address = one.neighbour(A, 2);
        let list = numbers
            .iter()
            .filter_map(|number| match one.sender(*number) {
                Sender::V4(address, _) => Some(address),
                _ => None,
            });
        let error = fairway_rsvp::msg::ResvErr {
            session: one.session,
            hop: fairway_rsvp::wire::RsvpHop {
                address,
                handle: 77,
            },
            error: ErrorSpec {
                node: address,
                flags: ErrorFlags::NONE,
                code: ErrorCode::POLICY_CONTROL,
                value: 3,
            },
            scope: Some(fairway_rsvp::wire::Scope::v4(list)),
            policy: Vec::new(),
            flows: loose(Style::WF, Some(4.0), &[]),
            unknown: Vec::new(),
        };
        one.hear(A, address, Body::ResvErr(error));
        let all = one.replies();
        let all = all.into_iter().map(|(transmit, body)| match body {
            Body::ResvErr(error) => (
                transmit.interface.0,
                error.scope.unwrap().addresses().count(),
            ),
            other => panic!("{other:?}"),
        });
        all.collect::<Vec<_>>()
    };
    assert_eq!(told(&mut one, &[1, 2]), [(C, 2), (D, 1)]);
    assert_eq!(told(&mut one, &[1]), [(C, 1)]);
    assert_eq!(told(&mut one, &[3]), []);
}

#[test]
fn what_is_over_a_limit_is_dropped_and_counted() {
    // STYLE §6. The reservation that does not fit is refused, since its receiver waits for an answer.
    let mut config = Config::default();
    config.limits.sessions = 1;
    config.limits.senders = 1;
    config.limits.reservations = 1;
    let mut one = One::in_session(udp(std::net::Ipv4Addr::new(224, 1, 1, 1), 5000), config);
    one.route(1, A, &[C]);
    one.route(2, A, &[C]);
    one.announce(A, 1, 1.0);
    one.announce(A, 2, 1.0);
    assert_eq!(one.dropped("limit: senders"), 1);
    let s1 = one.sender(1);
    one.reserve(C, 2, ff(&[(s1, 1.0)]));
    one.sent();
    one.reserve(C, 3, ff(&[(s1, 1.0)]));
    assert_eq!(one.dropped("limit: reservations"), 1);
    let (_, _, spec) = error(&mut one);
    assert_eq!(spec.code, ErrorCode::RSVP_SYSTEM);
    one.session.port = 5001;
    one.announce(A, 1, 1.0);
    assert_eq!(one.dropped("limit: sessions"), 1);
}
