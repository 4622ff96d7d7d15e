use super::*;
use crate::daemon::config::{Endpoint, Span};
use crate::intserv::{
    Adspec, Bandwidth, ErrorTerms, Latency, LocalElement, LocalGuaranteed, LocalValues,
};
use crate::wire::{ErrorCode, ErrorFlags, ErrorSpec};

fn entry(service: ServiceName) -> ReservationEntry {
    ReservationEntry {
        destination: "192.0.2.9:5004".parse().unwrap(),
        protocol: Default::default(),
        style: StyleName::Ff,
        senders: Vec::new(),
        service,
        traffic: None,
        reserve: None,
        delay: None,
        confirm: true,
    }
}

fn sender(address: &str) -> PathSender {
    let router = LocalElement {
        general: LocalValues {
            bandwidth: Bandwidth::new(1.25e6).unwrap(),
            latency: Latency::from_micros(100),
            mtu: 1500,
        },
        guaranteed: Some(LocalGuaranteed {
            terms: ErrorTerms::new(4500, 3000),
            ..LocalGuaranteed::default()
        }),
        controlled_load: None,
        after_non_is_hop: false,
    };
    let adspec = Adspec::of_link(Bandwidth::new(1.25e6).unwrap(), 1500)
        .with_guaranteed(true)
        .compose(&router);
    let endpoint: Endpoint = address.parse().unwrap();
    PathSender {
        template: endpoint.into(),
        tspec: Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap(),
        adspec: Some(adspec),
    }
}

fn reserve(reaction: Reaction) -> Option<ReserveCall> {
    match reaction.call {
        Some(Call::Reserve(call)) => Some(*call),
        None => None,
        other => panic!("{other:?}"),
    }
}

/// rsvp.md §14: Q 0.060 → R 184000, plus the latency of the path.
#[test]
fn a_wished_delay_becomes_a_rate() {
    let mut wish = entry(ServiceName::Guaranteed);
    wish.delay = Some(Span(Duration::from_micros(60_100)));
    let (mut party, calls) = Party::new(Role::Receiver(wish)).unwrap();
    assert!(matches!(calls[..], [Call::Open(_)]));
    let reaction = party.handle_event(&Event::Path(vec![sender("10.0.0.1:5004")]));
    assert!(matches!(
        &reaction.tell[..],
        [
            EventOf::Path { .. },
            EventOf::Asked {
                bound_micros: Some(60_100),
                ..
            }
        ]
    ));
    let call = reserve(reaction).unwrap();
    assert_eq!(call.flowspecs[0].rate().get(), 184_000.0);
    assert!(call.confirm);
}

#[test]
fn what_is_asked_for_already_is_not_asked_for_again() {
    let (mut party, _) = Party::new(Role::Receiver(entry(ServiceName::ControlledLoad))).unwrap();
    let one = Event::Path(vec![sender("10.0.0.1:5004")]);
    assert!(reserve(party.handle_event(&one)).is_some());
    assert!(reserve(party.handle_event(&one)).is_none());
    let two = Event::Path(vec![sender("10.0.0.1:5004"), sender("10.0.0.2:5004")]);
    assert_eq!(reserve(party.handle_event(&two)).unwrap().filters.len(), 2);
    assert!(reserve(party.handle_event(&Event::Path(Vec::new()))).is_none());
    assert!(reserve(party.handle_event(&one)).is_some());
}

/// rapi.md §4: how many filters and flowspecs a style has.
#[test]
fn styles_have_their_counts() {
    for (style, filters, flowspecs) in [
        (StyleName::Ff, 2, 2),
        (StyleName::Se, 2, 1),
        (StyleName::Wf, 0, 1),
    ] {
        let mut wish = entry(ServiceName::ControlledLoad);
        wish.style = style;
        let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
        let two = Event::Path(vec![sender("10.0.0.1:5004"), sender("10.0.0.2:5004")]);
        let call = reserve(party.handle_event(&two)).unwrap();
        assert_eq!(
            (call.filters.len(), call.flowspecs.len()),
            (filters, flowspecs)
        );
    }
}

fn refusal(value: u16, sender: &str) -> Event {
    let endpoint: Endpoint = sender.parse().unwrap();
    Event::ResvError {
        error: ErrorSpec {
            node: [192, 0, 2, 9].into(),
            flags: ErrorFlags::NONE,
            code: ErrorCode::CONFLICTING_STYLE,
            value,
        },
        style: Style::FF,
        filters: vec![endpoint.into()],
        flowspec: None,
    }
}

/// A node keeps nothing of what it refuses: refreshes would not bring it back.
#[test]
fn what_the_node_refuses_is_asked_for_again_and_told_once() {
    let (mut party, _) = Party::new(Role::Receiver(entry(ServiceName::ControlledLoad))).unwrap();
    let two = Event::Path(vec![sender("10.0.0.1:5004"), sender("10.0.0.2:5004")]);
    let first = party.handle_event(&two);
    let told = first.tell[1].clone();
    let call = reserve(first);
    for (sender, retry) in [("10.0.0.1:5004", true), ("10.0.0.2:5004", false)] {
        let reaction = party.handle_refusal(&refusal(1, sender));
        assert_eq!((reaction.tell.len(), reaction.retry), (1, retry));
    }
    // The same path changes nothing.
    assert!(reserve(party.handle_event(&two)).is_none());
    // In vain.
    assert_eq!(party.retry(), call.clone().map(Box::new).map(Call::Reserve));
    let reaction = party.handle_refusal(&refusal(1, "10.0.0.2:5004"));
    assert_eq!((reaction.tell.len(), reaction.retry), (0, true));
    assert_eq!(party.retried(), None);
    // One of them stands now, and is not to be confirmed each time.
    let unconfirmed = call.clone().map(|call| ReserveCall {
        confirm: false,
        ..call
    });
    let unconfirmed = unconfirmed.map(Box::new).map(Call::Reserve);
    assert_eq!(party.retry(), unconfirmed);
    // For another reason.
    let reaction = party.handle_refusal(&refusal(2, "10.0.0.2:5004"));
    assert_eq!((reaction.tell.len(), reaction.retry), (1, true));
    assert_eq!(party.retried(), None);
    // What was not met meanwhile is news.
    assert_eq!(party.retry(), unconfirmed);
    let reaction = party.handle_refusal(&refusal(1, "10.0.0.2:5004"));
    assert_eq!((reaction.tell.len(), reaction.retry), (1, true));
    assert_eq!(party.retried(), None);
    // And with success: now it is to be confirmed.
    assert_eq!(party.retry(), unconfirmed);
    let confirm = call.map(Box::new).map(Call::Reserve);
    assert_eq!(party.retried(), Some((told, confirm)));
    assert_eq!(party.retry(), None);
    // What routers further on refuse is this node's to refresh.
    party.handle_event(&refusal(1, "10.0.0.1:5004"));
    assert_eq!(party.retry(), None);
}

#[test]
fn what_nobody_wants_any_more_is_not_asked_for_again() {
    let (mut party, _) = Party::new(Role::Receiver(entry(ServiceName::ControlledLoad))).unwrap();
    let one = Event::Path(vec![sender("10.0.0.1:5004")]);
    party.handle_event(&one);
    assert!(party.handle_refusal(&refusal(1, "10.0.0.1:5004")).retry);
    party.handle_event(&Event::Path(Vec::new()));
    // Another one meanwhile, which is not refused.
    assert!(reserve(party.handle_event(&one)).is_some());
    assert_eq!(party.retry(), None);
}

#[test]
fn only_senders_that_are_named_count() {
    let mut wish = entry(ServiceName::ControlledLoad);
    wish.senders = vec!["10.0.0.2:5004".parse().unwrap()];
    let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
    let one = Event::Path(vec![sender("10.0.0.1:5004")]);
    assert!(reserve(party.handle_event(&one)).is_none());
}

/// RFC 2210 §3.2.1: nobody is granted more of controlled load than the sender's Tspec.
#[test]
fn who_asks_for_more_than_is_sent_is_told_what_is_granted() {
    let mut wish = entry(ServiceName::ControlledLoad);
    wish.traffic = Some(Traffic::of_rate("8Mbit/s".parse().unwrap()));
    let one = Event::Path(vec![sender("10.0.0.1:5004")]);
    let (mut party, _) = Party::new(Role::Receiver(wish.clone())).unwrap();
    let told = party.handle_event(&one).tell;
    let [
        EventOf::Path { .. },
        EventOf::Asked { .. },
        EventOf::Capped { asked, granted, .. },
    ] = &told[..]
    else {
        panic!("{told:?}");
    };
    assert_eq!(asked.tspec.rate_bytes_per_sec, 1e6);
    assert_eq!(granted.tspec.rate_bytes_per_sec, 125e3);
    // Two that share one reservation send as much together.
    wish.style = StyleName::Wf;
    wish.traffic = Some(Traffic::of_rate("2Mbit/s".parse().unwrap()));
    let two = Event::Path(vec![sender("10.0.0.1:5004"), sender("10.0.0.2:5004")]);
    for (event, told) in [(two, 2), (one, 3)] {
        let (mut party, _) = Party::new(Role::Receiver(wish.clone())).unwrap();
        assert_eq!(party.handle_event(&event).tell.len(), told);
    }
}

#[test]
fn that_nobody_sends_is_said_once_each_time() {
    let mut wish = entry(ServiceName::ControlledLoad);
    wish.senders = vec!["10.0.0.1:5004".parse().unwrap()];
    let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
    let waiting = EventOf::Waiting {
        senders: vec!["10.0.0.1:5004".to_owned()],
    };
    assert_eq!(party.wait(), Some(waiting.clone()));
    assert_eq!(party.wait(), None);
    let other = Event::Path(vec![sender("10.0.0.2:5004")]);
    assert_eq!(party.handle_event(&other).tell.len(), 1);
    let one = Event::Path(vec![sender("10.0.0.1:5004")]);
    party.handle_event(&one);
    assert_eq!(party.wait(), None);
    let told = party.handle_event(&Event::Path(Vec::new())).tell;
    assert_eq!(told.last(), Some(&waiting));
}

#[test]
fn what_cannot_be_promised_is_said() {
    let mut wish = entry(ServiceName::Guaranteed);
    wish.delay = Some(Span(Duration::from_millis(1)));
    let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
    let reaction = party.handle_event(&Event::Path(vec![sender("10.0.0.1:5004")]));
    assert!(reaction.call.is_none());
    assert!(
        matches!(&reaction.tell[1], EventOf::NotAsked { sender: None, why } if why.contains("10.0.0.1:5004"))
    );
}

/// A reservation that does not give what was wished for any more is given up, until the path is as good again.
#[test]
fn what_can_be_promised_no_more_is_taken_back() {
    let mut wish = entry(ServiceName::Guaranteed);
    wish.delay = Some(Span(Duration::from_micros(60_100)));
    let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
    let good = Event::Path(vec![sender("10.0.0.1:5004")]);
    let call = reserve(party.handle_event(&good)).unwrap();
    let mut far = sender("10.0.0.1:5004");
    far.adspec = None;
    let bad = Event::Path(vec![far]);
    let reaction = party.handle_event(&bad);
    assert!(matches!(reaction.tell[1], EventOf::NotAsked { .. }));
    let taken_back = reserve(reaction).unwrap();
    assert_eq!(
        (taken_back.style, taken_back.flowspecs.len()),
        (Style::FF, 0)
    );
    assert!(reserve(party.handle_event(&bad)).is_none());
    assert_eq!(reserve(party.handle_event(&good)), Some(call));
}

/// Anybody can announce a sender: one that cannot be served costs the others nothing.
#[test]
fn a_sender_too_far_away_is_left_out() {
    for style in [StyleName::Ff, StyleName::Se, StyleName::Wf] {
        let mut wish = entry(ServiceName::Guaranteed);
        wish.style = style;
        wish.delay = Some(Span(Duration::from_micros(60_100)));
        let (mut party, _) = Party::new(Role::Receiver(wish)).unwrap();
        let near = sender("10.0.0.1:5004");
        let mut far = sender("10.0.0.2:5004");
        far.adspec = None;
        let alone = Event::Path(vec![near.clone()]);
        let both = Event::Path(vec![near, far.clone()]);
        assert!(reserve(party.handle_event(&alone)).is_some());
        let reaction = party.handle_event(&both);
        assert!(matches!(
            &reaction.tell[..],
            [EventOf::Path { .. }, EventOf::NotAsked { sender: Some(of), .. }] if of == "10.0.0.2:5004"
        ));
        assert!(reserve(reaction).is_none());
        // It is said once, and again when it has been away.
        assert_eq!(party.handle_event(&both).tell.len(), 1);
        assert_eq!(party.handle_event(&alone).tell.len(), 1);
        assert_eq!(party.handle_event(&both).tell.len(), 2);
        let reaction = party.handle_event(&Event::Path(vec![far]));
        assert!(matches!(
            reaction.tell[1],
            EventOf::NotAsked { sender: None, .. }
        ));
        assert_eq!(reserve(reaction).unwrap().flowspecs, []);
    }
}

/// A configuration that is read again: nothing is torn that is wanted still.
#[test]
fn a_changed_entry_changes_what_stands() {
    let before = entry(ServiceName::ControlledLoad);
    let (mut party, _) = Party::new(Role::Receiver(before.clone())).unwrap();
    let one = Event::Path(vec![sender("10.0.0.1:5004")]);
    assert!(reserve(party.handle_event(&one)).is_some());
    let mut after = before.clone();
    after.traffic = Some(Traffic::of_rate("500kbit/s".parse().unwrap()));
    let role = Role::Receiver(after.clone());
    assert!(party.can_become(&role));
    let call = reserve(party.change(role).unwrap()).unwrap();
    assert_eq!(call.flowspecs[0].rate().get(), 62_500.0);
    // Nothing that matters.
    after.traffic = Some(Traffic::of_rate("0.5Mbit/s".parse().unwrap()));
    let reaction = party.change(Role::Receiver(after.clone())).unwrap();
    assert!(reaction.call.is_none() && reaction.tell.is_empty());
    // Only for somebody who is not there.
    after.senders = vec!["10.0.0.2:5004".parse().unwrap()];
    let reaction = party.change(Role::Receiver(after.clone())).unwrap();
    assert!(matches!(reaction.tell[..], [EventOf::Waiting { .. }]));
    assert_eq!(reserve(reaction).unwrap().flowspecs, []);
    // What makes no sense changes nothing.
    let mut wrong = after.clone();
    wrong.delay = Some(Span(Duration::from_millis(1)));
    assert!(party.change(Role::Receiver(wrong)).is_err());
    assert_eq!(party.role(), &Role::Receiver(after));
    let mut other = before;
    other.destination.port = 5005;
    assert!(!party.can_become(&Role::Receiver(other)));
}

#[test]
fn a_changed_sender_says_other_things_of_the_same_source() {
    let before = SenderEntry {
        destination: "192.0.2.9:5004".parse().unwrap(),
        protocol: Default::default(),
        source: Some("10.0.0.1:5004".parse().unwrap()),
        traffic: Traffic::of_rate("1Mbit/s".parse().unwrap()),
        ttl: 9,
    };
    let (mut party, _) = Party::new(Role::Sender(before.clone())).unwrap();
    let mut after = before.clone();
    after.traffic.rate = "2Mbit/s".parse().unwrap();
    assert!(party.can_become(&Role::Sender(after.clone())));
    let Some(Call::Sender(call)) = party.change(Role::Sender(after)).unwrap().call else {
        panic!("no call");
    };
    assert_eq!(call.tspec.rate().get(), 250e3);
    let mut other = before;
    other.source = None;
    assert!(!party.can_become(&Role::Sender(other)));
}

#[test]
fn a_sender_announces_itself_at_once() {
    let entry = SenderEntry {
        destination: "239.1.2.3:5004".parse().unwrap(),
        protocol: Default::default(),
        source: None,
        traffic: Traffic::of_rate("1Mbit/s".parse().unwrap()),
        ttl: 9,
    };
    let (_, calls) = Party::new(Role::Sender(entry.clone())).unwrap();
    let [Call::Open(session), Call::Sender(call)] = &calls[..] else {
        panic!("{calls:?}");
    };
    assert_eq!(session.to_string(), "udp 239.1.2.3:5004");
    assert!(call.template.address().is_unspecified());
    assert_eq!((call.ttl, call.tspec.rate().get()), (9, 125e3));
    let mut wrong = entry;
    wrong.traffic.rate = "0bit/s".parse().unwrap();
    assert!(matches!(
        Party::new(Role::Sender(wrong)),
        Err(PartyError::Traffic(TspecError::Rate))
    ));
}
