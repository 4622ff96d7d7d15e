use super::*;
use crate::intserv::{Bandwidth, Rspec};
use crate::wire::{ErrorCode, ErrorFlags, Opaque};
use fairway_wire::Protocol;
use std::net::Ipv6Addr;

pub(crate) fn session() -> Session {
    Session {
        destination: IpAddr::from([10, 0, 0, 2]),
        protocol: Protocol(17),
        e_police: false,
        port: 5000,
    }
}

fn tspec() -> Tspec {
    Tspec::new(125e3, 10e3, 250e3, 64, 1500).unwrap()
}

fn adspec() -> Adspec {
    Adspec::of_link(Bandwidth::new(1.25e6).unwrap(), 1500)
        .with_guaranteed(true)
        .with_controlled_load(false)
}

pub(crate) fn calls() -> Vec<Call> {
    let v4 = Sender::V4([10, 0, 0, 1].into(), 6000);
    let v6 = Sender::V6(Ipv6Addr::LOCALHOST, 6000);
    let policy = PolicyData(Opaque::new(CType(1), vec![0, 4, 0, 0]).unwrap());
    let sender = SenderCall {
        template: v4,
        interface: Some(IpAddr::from([10, 0, 0, 1])),
        tspec: tspec(),
        adspec: Some(adspec()),
        policy: vec![policy.clone()],
        ttl: 63,
    };
    let guaranteed = Flowspec::guaranteed(tspec(), 200e3, 17).unwrap();
    let reserve = ReserveCall {
        style: Style::FF,
        filters: vec![v4, Sender::V4([10, 0, 0, 3].into(), 6000)],
        flowspecs: vec![Flowspec::ControlledLoad(tspec()), guaranteed],
        confirm: true,
        interface: Some(Ipv6Addr::LOCALHOST.into()),
        policy: vec![policy],
    };
    vec![
        Call::Open(session()),
        Call::Sender(sender.clone().into()),
        Call::Sender(
            SenderCall {
                template: Sender::V6(Ipv6Addr::UNSPECIFIED, 0),
                interface: None,
                adspec: None,
                policy: Vec::new(),
                ..sender
            }
            .into(),
        ),
        Call::WithdrawSender,
        Call::Reserve(reserve.clone().into()),
        Call::Reserve(
            ReserveCall {
                style: Style::SE,
                filters: vec![v6, Sender::V6FlowLabel(Ipv6Addr::LOCALHOST, 0xabcde)],
                flowspecs: Vec::new(),
                confirm: false,
                interface: None,
                policy: Vec::new(),
            }
            .into(),
        ),
        Call::Release,
    ]
}

pub(crate) fn events() -> Vec<Event> {
    let sender = Sender::V4([10, 0, 0, 1].into(), 6000);
    let error = ErrorSpec {
        node: [10, 0, 1, 1].into(),
        flags: ErrorFlags::IN_PLACE,
        code: ErrorCode::ADMISSION_CONTROL,
        value: 2,
    };
    let flowspec = Flowspec::Guaranteed(
        tspec(),
        Rspec {
            rate: tspec().rate(),
            slack_micros: 0,
        },
    );
    let path = PathSender {
        template: sender,
        tspec: tspec(),
        adspec: Some(adspec()),
    };
    let without = PathSender {
        adspec: None,
        ..path.clone()
    };
    vec![
        Event::Path(vec![path, without]),
        Event::Path(Vec::new()),
        Event::Resv {
            style: Style::WF,
            filters: Vec::new(),
            flowspec: Some(flowspec),
        },
        Event::Resv {
            style: Style::SE,
            filters: vec![sender],
            flowspec: None,
        },
        Event::PathError {
            error,
            sender,
            tspec: Some(tspec()),
        },
        Event::ResvError {
            error,
            style: Style::FF,
            filters: vec![sender],
            flowspec: Some(flowspec),
        },
        Event::Confirm {
            confirmed_by: error,
            style: Style::FF,
            filters: vec![sender],
            flowspec: None,
        },
    ]
}

fn frames(octets: &[u8]) -> Vec<Frame> {
    let mut frames = Frames::new();
    frames.extend(octets);
    let all = std::iter::from_fn(|| frames.next_frame().unwrap()).collect();
    assert!(frames.is_empty());
    all
}

fn heard(octets: &[u8]) -> Vec<ToLibrary> {
    let mut assembler = Assembler::new();
    frames(octets)
        .iter()
        .filter_map(|frame| assembler.handle_frame(frame).unwrap())
        .collect()
}

#[test]
fn calls_arrive_as_they_were_made() {
    for call in calls() {
        let message = ToDaemon::Request {
            request: 7,
            session: 3,
            call: Some(call),
        };
        let octets = message.encode().unwrap();
        let [frame] = &frames(&octets)[..] else {
            panic!("one frame");
        };
        assert_eq!(ToDaemon::decode(frame).unwrap(), message);
    }
}

#[test]
fn events_arrive_as_they_were_told() {
    for event in events() {
        let message = ToLibrary::Event {
            session: 3,
            event: Some(event),
        };
        assert_eq!(heard(&message.encode()), [message]);
    }
}

#[test]
fn replies_carry_every_error() {
    for code in 0..=255_u8 {
        let Some(error) = ApiError::of_code(code) else {
            continue;
        };
        assert_eq!(error.code(), code);
        let message = ToLibrary::Reply {
            request: 1,
            result: Err(error),
        };
        assert_eq!(heard(&message.encode()), [message]);
        let message = ToLibrary::Refusal { error };
        assert_eq!(heard(&message.encode()), [message]);
    }
    let message = ToLibrary::Reply {
        request: u32::MAX,
        result: Ok(()),
    };
    assert_eq!(heard(&message.encode()), [message]);
}

/// What two versions of this crate must agree on.
#[test]
fn octets_stay_what_they_are() {
    let hello = ToDaemon::Hello { version: VERSION };
    assert_eq!(
        hello.encode().unwrap()[..],
        *b"\0\0\0\x08\x01\0\0\0RAPI\0\x01\0\0"
    );
    let open = ToDaemon::Request {
        request: 1,
        session: 2,
        call: Some(Call::Open(session())),
    };
    let octets =
        b"\0\0\0\x14\x02\0\0\0\0\0\0\x01\0\0\0\x02\0\x0c\x01\x01\x0a\0\0\x02\x11\0\x13\x88";
    assert_eq!(open.encode().unwrap()[..], octets[..]);
}

/// rapi.md §5: a path event carries the complete list, however long.
#[test]
fn long_events_come_in_parts() {
    let senders: Vec<_> = (0..4096_u16)
        .map(|port| PathSender {
            template: Sender::V6(Ipv6Addr::LOCALHOST, port),
            tspec: tspec(),
            adspec: Some(adspec()),
        })
        .collect();
    let message = ToLibrary::Event {
        session: 3,
        event: Some(Event::Path(senders)),
    };
    let octets = message.encode();
    assert!(frames(&octets).len() > 5);
    assert_eq!(heard(&octets), [message]);
}

#[test]
fn calls_with_illegal_values_are_unreadable_not_fatal() {
    let [_, sender, ..] = &calls()[..] else {
        panic!("calls");
    };
    let message = ToDaemon::Request {
        request: 7,
        session: 3,
        call: Some(sender.clone()),
    };
    let good = message.encode().unwrap().to_vec();
    for at in HEADER_LEN + 8..good.len() {
        let mut octets = good.clone();
        octets[at] ^= 0xff;
        match ToDaemon::decode(&frames(&octets)[0]).unwrap() {
            ToDaemon::Request {
                request: 7,
                session: 3,
                ..
            } => {}
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn too_many_filters_do_not_fit() {
    let call = ReserveCall {
        style: Style::SE,
        filters: vec![Sender::V4([10, 0, 0, 1].into(), 1); 6000],
        flowspecs: vec![Flowspec::ControlledLoad(tspec())],
        confirm: false,
        interface: None,
        policy: Vec::new(),
    };
    let message = ToDaemon::Request {
        request: 1,
        session: 1,
        call: Some(Call::Reserve(call.into())),
    };
    assert!(matches!(message.encode(), Err(CallTooLong(72_056))));
}

#[test]
fn strangers_are_told_from_libraries() {
    let mut frames = Frames::new();
    frames.extend(b"GET / HTTP/1.1\r\n\r\n");
    assert_eq!(frames.next_frame(), Err(ProtoError::TooLong(0x4745_5420)));
    let frame = |kind, body: &'static [u8]| Frame {
        kind,
        more: false,
        body: Bytes::from_static(body),
    };
    for (kind, body, error) in [
        (HELLO, &b"RAPJ\0\x01\0\0"[..], ProtoError::Greeting),
        (HELLO, b"RAPI", ProtoError::Greeting),
        (0, b"", ProtoError::Kind(0)),
        (REPLY, b"\0\0\0\0\0\0\0\0", ProtoError::Kind(REPLY)),
        (RELEASE, b"\0\0\0\0\0", ProtoError::Body(RELEASE)),
    ] {
        assert_eq!(ToDaemon::decode(&frame(kind, body)), Err(error));
    }
    let mut assembler = Assembler::new();
    assert_eq!(
        assembler.handle_frame(&frame(OPEN, b"\0\0\0\0\0\0\0\0")),
        Err(ProtoError::Kind(OPEN))
    );
}

#[test]
fn parts_of_different_events_do_not_mix() {
    let part = |kind, session: &'static [u8], more| Frame {
        kind,
        more,
        body: Bytes::from_static(session),
    };
    for second in [
        part(RESV, b"\0\0\0\x01", false),
        part(PATH, b"\0\0\0\x02", false),
        part(REPLY, b"\0\0\0\x01\0\0\0\0", false),
    ] {
        let mut assembler = Assembler::new();
        let first = part(PATH, b"\0\0\0\x01", true);
        assert_eq!(assembler.handle_frame(&first), Ok(None));
        assert_eq!(assembler.handle_frame(&second), Err(ProtoError::Part));
    }
}

/// An event that is too long is told as one that cannot be read, and what follows is heard.
#[test]
fn too_long_an_event_ends_no_connection() {
    let body = vec![7; MAX_BODY - 4];
    let part = |more| frame(RESV, more, &[&9_u32.to_be_bytes(), &body]);
    let parts = MAX_EVENT / body.len() + 3;
    let mut frames = Frames::new();
    let mut assembler = Assembler::new();
    let mut heard = Vec::new();
    for at in 0..parts {
        frames.extend(&part(at + 1 < parts));
        while let Some(frame) = frames.next_frame().unwrap() {
            heard.extend(assembler.handle_frame(&frame).unwrap());
            let kept = assembler
                .partial
                .as_ref()
                .and_then(|(_, _, kept)| kept.as_ref());
            assert!(kept.is_none_or(|kept| kept.len() <= MAX_EVENT));
        }
    }
    let result = Ok(());
    let reply = ToLibrary::Reply { request: 1, result };
    frames.extend(&reply.encode());
    let frame = frames.next_frame().unwrap().unwrap();
    heard.extend(assembler.handle_frame(&frame).unwrap());
    let unreadable = ToLibrary::Event {
        session: 9,
        event: None,
    };
    assert_eq!(heard, [unreadable, reply]);
}
