//! Applications and what they hear: RFC 2205 §3.11.1, §3.5 (NotGuilty), §2.6 (confirmations), §3.9 (interfaces).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use fairway_rsvp::api::{ApiError, Call, Event, ReserveCall};
use fairway_rsvp::engine::Config;
use fairway_rsvp::interface::IfIndex;
use fairway_rsvp::intserv::Flowspec;
use fairway_rsvp::msg::Body;
use fairway_rsvp::wire::{ErrorCode, ErrorFlags, Sender, Style};

use crate::net::{Net, cl, sender, tspec, udp};
use crate::one::{A, B, C, One, b, ff, loose, wf};

fn reserve(style: Style, filters: &[Sender], flowspecs: &[Flowspec]) -> ReserveCall {
    ReserveCall {
        style,
        filters: filters.to_vec(),
        flowspecs: flowspecs.to_vec(),
        confirm: false,
        interface: None,
        policy: Vec::new(),
    }
}

fn ask(one: &mut One, api: u64, call: ReserveCall) -> Result<(), ApiError> {
    one.call(api, Call::Reserve(Box::new(call)))
}

fn events(one: &mut One, api: u64) -> Vec<Event> {
    let all = core::mem::take(&mut one.events);
    let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(to, _)| to.0 == api);
    one.events = others;
    own.into_iter().map(|(_, event)| event).collect()
}

/// A member of the group with S1 behind a and S2 behind b, and these applications.
fn host(apps: &[u64]) -> One {
    let mut one = One::new();
    for (number, from) in [(1, A), (2, B)] {
        one.route(number, from, &[]);
        one.announce(from, number, 100.0);
    }
    for app in apps {
        let call = Call::Open(one.session);
        one.call(*app, call).unwrap();
    }
    one.sent();
    one
}

/// The errors an application has heard: code, value, flags.
fn errors(one: &mut One, api: u64) -> Vec<(ErrorCode, u16, ErrorFlags)> {
    let heard = events(one, api)
        .into_iter()
        .filter_map(|event| match event {
            Event::ResvError { error, .. } => Some((error.code, error.value, error.flags)),
            _ => None,
        });
    heard.collect()
}

#[test]
fn applications_of_one_session_share_what_is_asked() {
    // RFC 2205 §2.2: they merge as next hops do, and the last to go takes it along.
    let mut one = host(&[1, 2]);
    for app in [1, 2] {
        assert!(matches!(events(&mut one, app).as_slice(), [Event::Path(list)] if list.len() == 2));
    }
    let s1 = one.sender(1);
    ask(&mut one, 1, reserve(Style::FF, &[s1], &[b(4.0)])).unwrap();
    ask(&mut one, 2, reserve(Style::FF, &[s1], &[b(2.0)])).unwrap();
    assert_eq!(one.replies().len(), 1);
    one.call(1, Call::Release).unwrap();
    let sent = one.replies();
    let [(_, Body::Resv(resv))] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!(resv.flows, ff(&[(s1, 2.0)]));
    one.call(2, Call::Release).unwrap();
    assert!(matches!(one.replies().as_slice(), [(_, Body::ResvTear(_))]));
    // Nobody hears of his own going.
    assert_eq!(one.events, []);
}

#[test]
fn an_application_is_told_what_is_wrong_with_its_reservation() {
    // Appendix B: codes 3, 4, 5; told to applications as to next hops.
    let mut one = One::new();
    let call = Call::Open(one.session);
    one.call(1, call.clone()).unwrap();
    one.call(2, call).unwrap();
    let (s1, s7) = (one.sender(1), one.sender(7));
    ask(&mut one, 1, reserve(Style::WF, &[], &[b(1.0)])).unwrap();
    assert_eq!(
        errors(&mut one, 1),
        [(ErrorCode::NO_PATH, 0, ErrorFlags::NONE)]
    );
    one.route(1, A, &[]);
    one.announce(A, 1, 100.0);
    ask(&mut one, 1, reserve(Style::FF, &[s7], &[b(1.0)])).unwrap();
    assert_eq!(
        errors(&mut one, 1),
        [(ErrorCode::NO_SENDER, 0, ErrorFlags::NONE)]
    );
    ask(&mut one, 1, reserve(Style::FF, &[s1], &[b(1.0)])).unwrap();
    ask(&mut one, 2, reserve(Style::WF, &[], &[b(1.0)])).unwrap();
    assert_eq!(
        errors(&mut one, 2),
        [(
            ErrorCode::CONFLICTING_STYLE,
            Style::FF.option_vector(),
            ErrorFlags::NONE
        )]
    );
    // Its own style it may change: the old goes first.
    one.sent();
    ask(&mut one, 1, reserve(Style::WF, &[], &[b(1.0)])).unwrap();
    let sent = one.replies();
    assert!(
        matches!(
            sent.as_slice(),
            [(_, Body::ResvTear(_)), (_, Body::Resv(_))]
        ),
        "{sent:?}"
    );
}

#[test]
fn calls_that_are_wrong_change_nothing() {
    // `rapi.md` §2.6, §4.
    let mut one = host(&[1]);
    let s1 = one.sender(1);
    let session = one.session;
    assert_eq!(one.call(1, Call::Open(session)), Err(ApiError::Invalid));
    assert_eq!(one.call(9, Call::Release), Err(ApiError::BadSession));
    let wrong = [
        (reserve(Style::WF, &[s1], &[b(1.0)]), ApiError::Counts),
        (
            reserve(Style::FF, &[s1], &[b(1.0), b(1.0)]),
            ApiError::Counts,
        ),
        (reserve(Style::SE, &[], &[b(1.0)]), ApiError::Counts),
        (
            reserve(
                Style::FF,
                &[Sender::V6("fd00::1".parse().unwrap(), 1)],
                &[b(1.0)],
            ),
            ApiError::Invalid,
        ),
        (
            ReserveCall {
                interface: Some(Ipv4Addr::new(192, 0, 2, 1).into()),
                ..reserve(Style::WF, &[], &[b(1.0)])
            },
            ApiError::BadReceiver,
        ),
    ];
    for (call, error) in wrong {
        assert_eq!(ask(&mut one, 1, call), Err(error));
    }
    let strange = sender(s1, tspec(1.0));
    let done = one.call(1, Call::Sender(Box::new(strange)));
    assert_eq!(done, Err(ApiError::BadSender));
    let without_port = fairway_rsvp::wire::Session { port: 0, ..session };
    assert_eq!(
        one.call(2, Call::Open(without_port)),
        Err(ApiError::DestinationPorts)
    );
    assert_eq!(one.sent(), []);
}

#[test]
fn who_asked_for_less_is_not_guilty() {
    // RFC 2205 §3.5, appendix A.5.
    let mut one = host(&[1, 2]);
    ask(&mut one, 1, reserve(Style::WF, &[], &[b(4.0)])).unwrap();
    ask(&mut one, 2, reserve(Style::WF, &[], &[b(2.0)])).unwrap();
    one.events.clear();
    let failed = || loose(Style::WF, Some(4.0), &[]);
    one.refuse(
        A,
        ErrorFlags::NONE,
        ErrorCode::ADMISSION_CONTROL,
        2,
        failed(),
    );
    let code = ErrorCode::ADMISSION_CONTROL;
    assert_eq!(errors(&mut one, 1), [(code, 2, ErrorFlags::NONE)]);
    // It hears nothing where another stays in place, and that it is not its fault where none does.
    assert_eq!(errors(&mut one, 2), [(code, 2, ErrorFlags::NOT_GUILTY)]);
    one.refuse(A, ErrorFlags::IN_PLACE, code, 2, failed());
    assert_eq!(errors(&mut one, 1), [(code, 2, ErrorFlags::IN_PLACE)]);
    assert_eq!(errors(&mut one, 2), []);
}

#[test]
fn two_applications_and_two_senders_are_confirmed_once_each() {
    // RFC 2205 §2.6.
    let mut one = host(&[1, 2]);
    let (s1, s2) = (one.sender(1), one.sender(2));
    for app in [1, 2] {
        let call = ReserveCall {
            confirm: true,
            ..reserve(Style::FF, &[s1, s2], &[b(1.0), b(1.0)])
        };
        ask(&mut one, app, call).unwrap();
    }
    one.events.clear();
    let confirm = fairway_rsvp::msg::ResvConf {
        session: one.session,
        error: fairway_rsvp::wire::ErrorSpec {
            node: one.neighbour(A, 2),
            flags: ErrorFlags::NONE,
            code: ErrorCode::CONFIRMATION,
            value: 0,
        },
        confirm: fairway_rsvp::wire::ResvConfirm {
            receiver: one.neighbour(A, 1),
        },
        flows: ff(&[(s1, 1.0), (s2, 1.0)]),
        unknown: Vec::new(),
    };
    let from = one.neighbour(A, 2);
    one.hear(A, from, Body::ResvConf(confirm));
    for app in [1, 2] {
        let heard = events(&mut one, app);
        assert!(
            matches!(heard.as_slice(), [Event::Confirm { .. }]),
            "{heard:?}"
        );
    }
}

#[test]
fn receiver_that_names_an_interface_reserves_only_there() {
    // RFC 2205 §3.9: a multihomed host.
    let mut one = host(&[1]);
    let call = ReserveCall {
        interface: Some(one.neighbour(B, 1)),
        ..reserve(Style::WF, &[], &[b(1.0)])
    };
    ask(&mut one, 1, call).unwrap();
    let asked: Vec<u32> = one
        .replies()
        .iter()
        .map(|(transmit, _)| transmit.interface.0)
        .collect();
    assert_eq!(asked, [B]);
    let s1 = one.sender(1);
    let call = ReserveCall {
        interface: Some(one.neighbour(B, 1)),
        ..reserve(Style::FF, &[s1], &[b(1.0)])
    };
    one.events.clear();
    ask(&mut one, 1, call).unwrap();
    assert_eq!(
        errors(&mut one, 1),
        [(ErrorCode::NO_SENDER, 0, ErrorFlags::NONE)]
    );
}

#[test]
fn sender_without_traffic_control_is_no_hop_and_asks_the_first_router_to_police() {
    // `rsvp.md` §5: hops 0; RFC 2205 §2.3: E_Police.
    let destination = IpAddr::V4(Ipv4Addr::new(10, 8, 0, 1));
    let mut one = One::in_session(udp(destination, 5000), Config::default());
    one.table().unicast.insert(destination, IfIndex(C));
    one.installed().without.insert(IfIndex(C));
    let call = Call::Open(one.session);
    one.call(1, call).unwrap();
    let template = Sender::V4(Ipv4Addr::UNSPECIFIED, 4000);
    let call = sender(template, tspec(1.0));
    one.call(1, Call::Sender(Box::new(call))).unwrap();
    let sent = one.sent();
    let [(transmit, Body::Path(path))] = sent.as_slice() else {
        panic!("{sent:?}");
    };
    assert_eq!((transmit.interface, transmit.ttl), (IfIndex(C), 63));
    assert!(path.session.e_police);
    let descriptor = path.sender.as_ref().unwrap();
    let fairway_rsvp::wire::SenderTemplate(template) = descriptor.template;
    assert_eq!(template.address(), one.neighbour(C, 1));
    let adspec = descriptor.adspec.as_ref().unwrap();
    let adspec = fairway_rsvp::intserv::Adspec::from_object(adspec).unwrap();
    assert_eq!(adspec.general.values.hops, 0);
    // A reservation for it, with the confirmation answered by the sender's host.
    one.reserve(C, 2, ff(&[(template, 1.0)]));
    assert!(matches!(
        events(&mut one, 1).as_slice(),
        [Event::Resv {
            flowspec: Some(_),
            ..
        }]
    ));
}

#[test]
fn confirmation_comes_from_the_sender_or_from_where_it_merges() {
    // RFC 2205 §2.6, §3.1.9: to a receiver several hops away.
    let mut net = Net::of(
        &["S", "R1", "R2", "D", "E"],
        &[&["S", "R1"], &["R1", "R2"], &["R2", "D"], &["R2", "E"]],
    );
    let group: IpAddr = Ipv4Addr::new(224, 1, 1, 1).into();
    net.join(group, &["D", "E"]);
    let session = udp(group, 5000);
    for receiver in ["D", "E"] {
        net.call(receiver, 1, Call::Open(session)).unwrap();
    }
    net.send("S", 1, session, 4000, tspec(100.0));
    net.settle();
    let source = Sender::V4(net.home("S"), 4000);
    for (receiver, rate, by) in [
        ("D", 10.0, IpAddr::V4(net.address("S", 1))),
        ("E", 5.0, IpAddr::V4(net.address("R2", 4))),
        ("E", 20.0, IpAddr::V4(net.address("S", 1))),
    ] {
        net.events(receiver, 1);
        let call = ReserveCall {
            confirm: true,
            ..reserve(Style::FF, &[source], &[cl(rate)])
        };
        net.call(receiver, 1, Call::Reserve(Box::new(call)))
            .unwrap();
        net.settle();
        let heard = net.events(receiver, 1);
        let [
            Event::Confirm {
                confirmed_by,
                filters,
                ..
            },
        ] = heard.as_slice()
        else {
            panic!("{receiver} {rate}: {heard:?}");
        };
        assert_eq!(
            (confirmed_by.code, confirmed_by.node),
            (ErrorCode::CONFIRMATION, by)
        );
        assert_eq!(*filters, [source]);
    }
    // It is asked for once, not with each refresh.
    net.run(Duration::from_secs(120));
    assert_eq!(net.events("D", 1), []);
}

#[test]
fn one_confirmation_is_asked_for_all_senders_of_a_message() {
    // RFC 2205 §2.6, §3.1.4: style FF; nobody but the senders' host confirms what is merged nowhere.
    let mut net = Net::of(
        &["S", "R1", "R2", "D"],
        &[&["S", "R1"], &["R1", "R2"], &["R2", "D"]],
    );
    let session = udp(net.home("D"), 5000);
    net.call("D", 1, Call::Open(session)).unwrap();
    net.send("S", 1, session, 4000, tspec(100.0));
    net.send("S", 2, session, 4001, tspec(100.0));
    net.settle();
    net.events("D", 1);
    let senders = [4000, 4001].map(|port| Sender::V4(net.home("S"), port));
    let call = ReserveCall {
        confirm: true,
        ..reserve(Style::FF, &senders, &[cl(10.0), cl(20.0)])
    };
    net.call("D", 1, Call::Reserve(Box::new(call))).unwrap();
    net.settle();
    let heard = net.events("D", 1);
    let by = IpAddr::V4(net.home("S"));
    let confirmed = heard.iter().map(|event| match event {
        Event::Confirm {
            confirmed_by,
            filters,
            ..
        } => (confirmed_by.node, filters.clone()),
        other => panic!("{other:?}"),
    });
    let expected = senders.map(|sender| (by, vec![sender]));
    assert_eq!(confirmed.collect::<Vec<_>>(), expected);
}

#[test]
fn who_goes_while_it_reserves_and_sends_leaves_nothing() {
    // RFC 2205 §3.11.1, Release.
    let mut one = host(&[1]);
    one.table().shared_trees = true;
    let own = Sender::V4(Ipv4Addr::new(10, 0, 3, 1), 4000);
    let call = sender(own, tspec(10.0));
    one.call(1, Call::Sender(Box::new(call))).unwrap();
    ask(&mut one, 1, reserve(Style::WF, &[], &[b(1.0)])).unwrap();
    one.reserve(C, 2, wf(2.0));
    assert_eq!(one.installed().on(C).len(), 1);
    one.sent();
    one.events.clear();
    one.call(1, Call::Release).unwrap();
    assert_eq!(one.events, []);
    assert!(one.installed().reservations.is_empty());
    let kinds: Vec<u8> = one
        .replies()
        .iter()
        .map(|(_, body)| body.message_type().0)
        .collect();
    // Two ResvTears, to a and b, and a PathTear by c.
    assert_eq!(kinds, [6, 6, 5]);
}

#[test]
fn node_that_stops_tears_what_is_its_own_and_frees_its_interfaces() {
    // RSVP-5: nothing is left in traffic control; state of others is left to time out.
    let mut one = host(&[1]);
    one.table().shared_trees = true;
    one.route(1, A, &[C]);
    one.routes_changed();
    one.reserve(C, 2, wf(2.0));
    ask(&mut one, 1, reserve(Style::WF, &[], &[b(1.0)])).unwrap();
    assert_eq!(one.installed().on(C).len(), 1);
    one.sent();
    let now = one.now;
    one.engine.handle_shutdown(now);
    one.collect();
    assert!(one.installed().reservations.is_empty());
    let torn: Vec<u32> = one
        .replies()
        .iter()
        .filter(|(_, body)| matches!(body, Body::ResvTear(_)))
        .map(|(transmit, _)| transmit.interface.0)
        .collect();
    // On a, the next hop on c still reserves: that is not this node's to tear.
    assert_eq!(torn, [B]);
}

#[test]
fn what_was_refused_confirms_nothing_and_is_not_confirmed() {
    // RFC 2205 §2.6: a confirmation tells that the reservation is in place; §3.5: what failed further on is left out.
    for style in [Style::FF, Style::SE, Style::WF] {
        let mut net = Net::of(&["S", "R1", "D"], &[&["S", "R1"], &["R1", "D"]]);
        let session = udp(net.home("D"), 5000);
        for app in [1, 2] {
            net.call("D", app, Call::Open(session)).unwrap();
        }
        net.send("S", 1, session, 4000, tspec(100.0));
        net.settle();
        let link = IfIndex(1);
        net.installed("S").capacity.insert(link, 50_000.0);
        let source = Sender::V4(net.home("S"), 4000);
        let filters = match style {
            Style::WF => vec![],
            _ => vec![source],
        };
        for (app, rate) in [(1, 80.0), (2, 20.0)] {
            let call = ReserveCall {
                confirm: true,
                ..reserve(style, &filters, &[cl(rate)])
            };
            net.call("D", app, Call::Reserve(Box::new(call))).unwrap();
            net.settle();
        }
        let heard = net.events("D", 1);
        let is_confirm = |event: &&Event| matches!(event, Event::Confirm { .. });
        assert_eq!(heard.iter().filter(is_confirm).count(), 0, "{heard:?}");
        let heard = net.events("D", 2);
        let by: Vec<_> = heard
            .iter()
            .filter_map(|event| match event {
                Event::Confirm { confirmed_by, .. } => Some(confirmed_by.node),
                _ => None,
            })
            .collect();
        // Who carries it out, and not the receiver's own node, where the greater one counts.
        assert_eq!(by, [IpAddr::V4(net.address("S", 1))], "{style}");
        assert_eq!(net.installed("S").on(1)[0].0.flowspec, cl(20.0));
    }
}
