//! Octets of the RFCs' figures, read and written again.

use std::fmt::Debug;
use std::net::IpAddr;

use bytes::Bytes;
use fairway_rsvp::msg::{Body, Flows, Message};
use fairway_rsvp::wire::{
    AdspecObject, CType, Challenge, Content, Epoch, ErrorCode, ErrorFlags, ErrorSpec, FilterSpec,
    FlowspecObject, HeaderFlags, Hello, HelloKind, Id, Integrity, KeyId, MessageId, MessageIdAck,
    MessageIdList, Object, ObjectError, PolicyData, ResvConfirm, RsvpHop, Scope, Sender,
    SenderTemplate, SenderTspecObject, Session, Style, TimeValues,
};

use crate::hex::*;

fn parse<T: Object>(text: &str) -> T {
    let octets = octets(text);
    assert_eq!(octets[2], T::CLASS.0, "{text}");
    let body = Bytes::copy_from_slice(&octets[4..]);
    T::parse(CType(octets[3]), Content::of(&body)).unwrap()
}

/// Read, and written to the same octets.
fn both_ways<T: Object + Debug + PartialEq>(text: &str) -> T {
    let value = parse::<T>(text);
    assert_eq!(value.encode().unwrap(), octets(text), "{text}");
    value
}

fn address(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// RFC 2205 appendix A.
#[test]
fn objects_of_rfc_2205() {
    let session: Session = both_ways(SESSION);
    assert_eq!(
        (session.destination, session.protocol.0, session.port),
        (address("239.1.2.3"), 17, 5000)
    );
    assert!(!session.e_police);
    let session: Session = both_ways(SESSION_V6);
    assert_eq!(
        (session.destination, session.e_police),
        (address("2001:db8::9"), true)
    );

    let hop: RsvpHop = both_ways(HOP);
    assert_eq!(
        (hop.address, hop.handle),
        (address("10.0.0.1"), 0x0800_0403)
    );
    both_ways::<RsvpHop>(HOP_V6);

    assert_eq!(both_ways::<TimeValues>(TIME).refresh_period().as_secs(), 30);

    let error: ErrorSpec = both_ways(ERROR);
    assert_eq!((error.code, error.value), (ErrorCode::ADMISSION_CONTROL, 2));
    assert!(
        error.flags.contains(ErrorFlags::IN_PLACE) && !error.flags.contains(ErrorFlags::NOT_GUILTY)
    );
    assert_eq!(
        both_ways::<ErrorSpec>(ERROR_V6).node,
        address("2001:db8::2")
    );

    assert_eq!(both_ways::<Scope>(SCOPE).as_v4().unwrap().len(), 2);
    assert_eq!(both_ways::<Scope>(SCOPE_V6).as_v6().unwrap().len(), 2);
    // RFC 2205 §A.6: ascending.
    assert_eq!(parse::<Scope>("000c 0701 0a000003 0a000002"), parse(SCOPE));

    for (text, style) in [(WF, Style::WF), (FF, Style::FF), (SE, Style::SE)] {
        assert_eq!(both_ways::<Style>(text), style);
    }

    assert_eq!(
        both_ways::<FilterSpec>(FILTER).0,
        Sender::V4("10.0.0.2".parse().unwrap(), 6000)
    );
    assert_eq!(both_ways::<FilterSpec>(FILTER_V6).0.port(), Some(6000));
    assert_eq!(both_ways::<FilterSpec>(FILTER_LABEL).0.port(), None);
    assert_eq!(
        both_ways::<SenderTemplate>(TEMPLATE).0,
        both_ways::<FilterSpec>(FILTER).0
    );
    both_ways::<SenderTemplate>(TEMPLATE_V6);
    both_ways::<SenderTemplate>(TEMPLATE_LABEL);

    both_ways::<FlowspecObject>(FLOWSPEC);
    both_ways::<FlowspecObject>(FLOWSPEC_GS);
    both_ways::<FlowspecObject>("0008 09ff 01020304");
    both_ways::<SenderTspecObject>(TSPEC);
    both_ways::<AdspecObject>(ADSPEC);
    both_ways::<PolicyData>(POLICY);
    assert_eq!(
        both_ways::<ResvConfirm>(CONFIRM).receiver,
        address("10.0.0.254")
    );
    both_ways::<ResvConfirm>(CONFIRM_V6);
}

/// RFC 2205 §3.1.2: an object of one size has that size.
#[test]
fn objects_of_another_size_are_refused() {
    fn refused<T: Object + Debug + PartialEq>(text: &str) {
        let octets = octets(text);
        let longer = [&octets[4..], &[0; 4]].concat();
        for body in [&octets[4..octets.len() - 4], &longer, &[]] {
            let body = Bytes::copy_from_slice(body);
            let read = T::parse(CType(octets[3]), Content::of(&body));
            assert_eq!(
                read,
                Err(ObjectError::Size),
                "{text}: {} octets",
                body.len()
            );
        }
    }
    refused::<Session>(SESSION);
    refused::<Session>(SESSION_V6);
    refused::<RsvpHop>(HOP);
    refused::<RsvpHop>(HOP_V6);
    refused::<TimeValues>(TIME);
    refused::<ErrorSpec>(ERROR);
    refused::<ErrorSpec>(ERROR_V6);
    refused::<Style>(FF);
    refused::<FilterSpec>(FILTER);
    refused::<FilterSpec>(FILTER_V6);
    refused::<SenderTemplate>(TEMPLATE);
    refused::<SenderTemplate>(TEMPLATE_LABEL);
    refused::<ResvConfirm>(CONFIRM);
    refused::<ResvConfirm>(CONFIRM_V6);
    refused::<Hello>(HELLO);
    refused::<MessageId>(MESSAGE_ID);
    refused::<MessageIdAck>(NACK);
}

#[test]
fn texts() {
    assert_eq!(parse::<Session>(SESSION).to_string(), "udp 239.1.2.3:5000");
    assert_eq!(
        parse::<Session>(SESSION_V6).to_string(),
        "tcp [2001:db8::9]:80"
    );
    assert_eq!(
        parse::<RsvpHop>(HOP).to_string(),
        "10.0.0.1 handle 0x8000403"
    );
    assert_eq!(parse::<FilterSpec>(FILTER).to_string(), "10.0.0.2:6000");
    assert_eq!(
        parse::<SenderTemplate>(TEMPLATE_LABEL).to_string(),
        "2001:db8::2 label 0xabcde"
    );
    assert_eq!(
        parse::<ErrorSpec>(ERROR).to_string(),
        "admission control failure (bandwidth not available) at 10.0.0.9, in place"
    );
    assert_eq!(
        parse::<ErrorSpec>(ERROR_V6).to_string(),
        "unknown object class (0x8001) at 2001:db8::2"
    );
}

/// RFC 2747, 2961, 3209.
#[test]
fn objects_of_the_extensions() {
    let integrity: Integrity = both_ways(INTEGRITY);
    assert_eq!(
        (integrity.key_id, integrity.sequence),
        (KeyId::new(1).unwrap(), 0x1_0000_0007)
    );
    assert!(integrity.handshake);
    // The flag where others have it.
    assert!(parse::<Integrity>(&INTEGRITY.replacen("80000000", "01000000", 1)).handshake);
    assert_eq!(both_ways::<Challenge>(CHALLENGE).cookie.len(), 8);
    assert_eq!(
        parse::<Challenge>("0010 4001 0000 000000000001 01234567")
            .cookie
            .len(),
        4
    );

    let id: MessageId = both_ways(MESSAGE_ID);
    assert_eq!(
        (id.ack_desired, id.epoch, id.id),
        (true, Epoch::new(0x12_3456), Id(7))
    );
    both_ways::<MessageIdAck>(ACK);
    both_ways::<MessageIdAck>(NACK);
    for list in [LIST, MCAST_LIST, MCAST_LIST_V6] {
        assert!(!both_ways::<MessageIdList>(list).is_source_list());
    }
    for list in [SRC_LIST, SRC_LIST_V6] {
        assert!(both_ways::<MessageIdList>(list).is_source_list());
    }
    assert_eq!(both_ways::<Hello>(HELLO).kind, HelloKind::Request);
    assert_eq!(both_ways::<Hello>(HELLO_ACK).kind, HelloKind::Ack);
}

/// Every message of RFC 2205 §3.1 and of the extensions, in the order that is recommended.
fn messages() -> Vec<(&'static str, Bytes)> {
    vec![
        (
            "path",
            message(1, &[SESSION, HOP, TIME, TEMPLATE, TSPEC, ADSPEC]),
        ),
        ("path without sender", message(1, &[SESSION, HOP, TIME])),
        (
            "path with all",
            message(
                1,
                &[
                    INTEGRITY, ACK, NACK, MESSAGE_ID, SESSION, HOP, TIME, POLICY, POLICY, DCLASS,
                    TEMPLATE, TSPEC, ADSPEC,
                ],
            ),
        ),
        (
            "path v6",
            message(1, &[SESSION_V6, HOP_V6, TIME, TEMPLATE_V6, TSPEC]),
        ),
        (
            "path v6 label",
            message(1, &[SESSION_V6, HOP_V6, TIME, TEMPLATE_LABEL, TSPEC]),
        ),
        ("resv wf", message(2, &[SESSION, HOP, TIME, WF, FLOWSPEC])),
        (
            "resv wf all",
            message(
                2,
                &[
                    MESSAGE_ID, SESSION, HOP, TIME, CONFIRM, SCOPE, POLICY, DCLASS, WF, FLOWSPEC,
                ],
            ),
        ),
        (
            "resv ff",
            message(
                2,
                &[
                    SESSION,
                    HOP,
                    TIME,
                    FF,
                    FLOWSPEC,
                    FILTER,
                    FLOWSPEC_GS,
                    FILTER_2,
                ],
            ),
        ),
        (
            "resv ff, flowspec repeated",
            message(2, &[SESSION, HOP, TIME, FF, FLOWSPEC, FILTER, FILTER_2]),
        ),
        (
            "resv se",
            message(
                2,
                &[SESSION, HOP, TIME, CONFIRM, SE, FLOWSPEC, FILTER, FILTER_2],
            ),
        ),
        (
            "resv v6",
            message(
                2,
                &[
                    SESSION_V6,
                    HOP_V6,
                    TIME,
                    CONFIRM_V6,
                    SCOPE_V6,
                    SE,
                    FLOWSPEC,
                    FILTER_V6,
                    FILTER_LABEL,
                ],
            ),
        ),
        (
            "path err",
            message(
                3,
                &[SESSION, ERROR, POLICY, DCLASS, TEMPLATE, TSPEC, ADSPEC],
            ),
        ),
        (
            "path err v6",
            message(3, &[SESSION_V6, ERROR_V6, TEMPLATE_V6, TSPEC]),
        ),
        (
            "resv err",
            message(4, &[SESSION, HOP, ERROR, SCOPE, POLICY, WF, FLOWSPEC]),
        ),
        (
            "resv err ff",
            message(4, &[SESSION, HOP, ERROR, FF, FLOWSPEC, FILTER]),
        ),
        (
            "resv err, no descriptor",
            message(4, &[SESSION, HOP, ERROR, SE]),
        ),
        (
            "resv err, style unknown",
            message(
                4,
                &[SESSION, HOP, ERROR, "0008 0801 00000013", FILTER, FLOWSPEC],
            ),
        ),
        ("path tear", message(5, &[SESSION, HOP, TEMPLATE])),
        (
            "path tear, router's",
            message(5, &[SESSION, HOP, TEMPLATE, TSPEC, ADSPEC]),
        ),
        ("resv tear", message(6, &[SESSION, HOP, SE, FILTER])),
        ("resv tear wf", message(6, &[SESSION, HOP, SCOPE, WF])),
        (
            "resv tear, flowspecs",
            message(6, &[SESSION, HOP, FF, FLOWSPEC, FILTER]),
        ),
        (
            "resv conf",
            message(7, &[SESSION, ERROR, CONFIRM, FF, FLOWSPEC, FILTER]),
        ),
        ("ack", message(13, &[ACK, NACK])),
        ("ack signed", message(13, &[INTEGRITY, ACK])),
        (
            "srefresh",
            message(15, &[ACK, MESSAGE_ID, LIST, MCAST_LIST, MCAST_LIST_V6]),
        ),
        ("srefresh of sources", message(15, &[SRC_LIST, SRC_LIST_V6])),
        ("hello", message(20, &[HELLO])),
        ("hello ack", message(20, &[HELLO_ACK])),
        ("challenge", message(25, &[CHALLENGE])),
        ("response", message(26, &[INTEGRITY, CHALLENGE])),
    ]
}

#[test]
fn messages_are_written_as_they_were_read() {
    let all = messages();
    for (name, octets) in &all {
        let message = Message::decode(octets).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(message.encode().unwrap(), *octets, "{name}");
    }
    // RFC 2961 §3: as one.
    let parts: Vec<Message> = all
        .iter()
        .map(|(_, octets)| Message::decode(octets).unwrap())
        .collect();
    let bundle = fairway_rsvp::msg::Bundle::new(&parts).unwrap();
    let bundle = Message::new(64, Body::Bundle(bundle));
    let octets = Bytes::from(bundle.encode().unwrap());
    let Body::Bundle(read) = Message::decode(&octets).unwrap().body else {
        panic!("no bundle");
    };
    let limits = fairway_rsvp::msg::Limits::default();
    assert_eq!(
        read.messages(&limits)
            .collect::<Result<Vec<_>, _>>()
            .unwrap(),
        parts
    );
}

/// RFC 2961 §5.2, whole: checked with another implementation.
#[test]
fn srefresh_whole() {
    let text = "110f614f 40000018 00101901 00123456 00000007 00000009";
    let message = Message::decode(&octets(text).into()).unwrap();
    assert_eq!(message.flags, HeaderFlags::REFRESH_REDUCTION);
    assert_eq!(message.encode().unwrap(), octets(text));
}

/// RFC 2205 §3.1.4: an omitted FLOWSPEC is the one before.
#[test]
fn omitted_flowspecs_are_filled_in() {
    let resv = Message::decode(&message(
        2,
        &[SESSION, HOP, TIME, FF, FLOWSPEC, FILTER, FILTER_2],
    ))
    .unwrap();
    let Body::Resv(resv) = resv.body else {
        panic!("no Resv");
    };
    let Flows::Ff(list) = resv.flows else {
        panic!("no FF");
    };
    assert_eq!(list.len(), 2);
    assert_eq!(list[0].flowspec, list[1].flowspec);
}

#[test]
fn session_hop_and_filters_are_at_hand() {
    let resv = Message::decode(&message(
        2,
        &[SESSION, HOP, TIME, SE, FLOWSPEC, FILTER, FILTER_2],
    ))
    .unwrap();
    assert_eq!(resv.body.session(), Some(&parse(SESSION)));
    assert_eq!(resv.body.hop(), Some(&parse(HOP)));
    let Body::Resv(resv) = resv.body else {
        panic!("no Resv");
    };
    assert!(
        resv.flows
            .filters()
            .eq(&[parse::<FilterSpec>(FILTER), parse(FILTER_2)])
    );
    assert_eq!(
        Message::decode(&message(20, &[HELLO]))
            .unwrap()
            .body
            .session(),
        None
    );
}
