//! A message of every type with every object, by the forms there are of each.

use bytes::Bytes;
use fairway_rsvp::intserv::{Adspec, Bandwidth, Flowspec, Tspec};
use fairway_rsvp::msg::{
    Ack, Body, Bundle, FfDescriptor, Flows, HelloMessage, IntegrityChallenge, IntegrityResponse,
    LooseFlows, Message, Path, PathErr, PathTear, Resv, ResvConf, ResvErr, ResvTear,
    SenderDescriptor, Srefresh, TornSender,
};
use fairway_rsvp::wire::{
    AckKind, AdspecObject, CType, Challenge, ClassNum, Epoch, ErrorCode, ErrorFlags, ErrorSpec,
    FilterSpec, FlowspecObject, HeaderFlags, Hello, HelloKind, Id, IdEntries, KeyId, McastId,
    MessageId, MessageIdAck, MessageIdList, ObjectType, Opaque, PolicyData, ResvConfirm, RsvpHop,
    Scope, Sender, SenderTemplate, Session, SrcId, TimeValues, UnknownObject,
};
use fairway_wire::Protocol;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    V4,
    V6,
}

impl Family {
    pub(super) fn address(self, number: u8) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::new(192, 0, 2, number).into(),
            Self::V6 => Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0xabcd, number.into()).into(),
        }
    }

    pub(super) fn sender(self, number: u8, port: u16) -> Sender {
        match self.address(number) {
            IpAddr::V4(address) => Sender::V4(address, port),
            IpAddr::V6(address) => Sender::V6(address, port),
        }
    }

    fn session(self, e_police: bool) -> Session {
        Session {
            destination: self.address(9),
            protocol: if e_police { Protocol(17) } else { Protocol(6) },
            e_police,
            port: 5004,
        }
    }

    fn hop(self) -> RsvpHop {
        RsvpHop {
            address: self.address(1),
            handle: 0x0800_0403,
        }
    }

    fn filter(self, number: u8) -> FilterSpec {
        FilterSpec(self.sender(number, 5000 + u16::from(number)))
    }

    /// The forms of filter, all in one list.
    fn filters(self) -> Vec<FilterSpec> {
        let mut filters: Vec<FilterSpec> = (2..5).map(|number| self.filter(number)).collect();
        if let IpAddr::V6(address) = self.address(6) {
            filters.push(FilterSpec(Sender::V6FlowLabel(address, 0xf_4321)));
        }
        filters
    }

    fn scope(self) -> Scope {
        match self {
            Self::V4 => Scope::v4([4, 2, 3].map(|last| Ipv4Addr::new(192, 0, 2, last))),
            Self::V6 => {
                Scope::v6([7, 5].map(|last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last)))
            }
        }
    }

    fn error(self, flags: ErrorFlags, code: ErrorCode, value: u16) -> ErrorSpec {
        ErrorSpec {
            node: self.address(3),
            flags,
            code,
            value,
        }
    }

    fn confirm(self) -> ResvConfirm {
        ResvConfirm {
            receiver: self.address(9),
        }
    }

    fn descriptor(self, adspec: Option<AdspecObject>) -> SenderDescriptor {
        SenderDescriptor {
            template: SenderTemplate(self.sender(2, 5002)),
            tspec: tspec().to_object(),
            adspec,
        }
    }
}

/// `rsvp.md` §14: 625 000, 20 000, 1 250 000, 100, 1500.
fn tspec() -> Tspec {
    Tspec::new(625_000.0, 20_000.0, 1_250_000.0, 100, 1500).unwrap()
}

fn controlled_load(rate: f32) -> FlowspecObject {
    let tspec = Tspec::new(rate, 20_000.0, f32::INFINITY, 64, 1400).unwrap();
    Flowspec::ControlledLoad(tspec).to_object()
}

fn guaranteed(rate: f32, slack: u32) -> FlowspecObject {
    Flowspec::guaranteed(tspec(), rate, slack)
        .unwrap()
        .to_object()
}

/// Adspecs: general parameters alone, with each service, and with break bits.
fn adspecs() -> Vec<AdspecObject> {
    let general = Adspec::of_link(Bandwidth::new(1.25e6).unwrap(), 1500);
    let broken = [
        0x0000_0013,
        0x0180_0008,
        0x0400_0001,
        3,
        0x0600_0001,
        0x4998_9680,
        0x0800_0001,
        400,
        0x0a00_0001,
        1500,
        0x0280_0008,
        0x8500_0001,
        4500,
        0x8600_0001,
        13_800,
        0x8700_0001,
        1500,
        0x8800_0001,
        1200,
        0x0580_0000_u32,
    ];
    let octets: Vec<u8> = broken.iter().flat_map(|word| word.to_be_bytes()).collect();
    vec![
        general.clone().to_object(),
        general.clone().with_guaranteed(true).to_object(),
        general.clone().with_controlled_load(true).to_object(),
        general
            .with_guaranteed(true)
            .with_controlled_load(true)
            .to_object(),
        AdspecObject(Opaque::new(CType(2), octets).unwrap()),
    ]
}

fn policy() -> Vec<PolicyData> {
    let octets: &[u8] = &[0, 8, 0, 0, 0, 8, 0, 1, b'f', b'a', b'i', b'r'];
    vec![
        PolicyData(Opaque::new(CType(1), Bytes::from_static(octets)).unwrap()),
        PolicyData(Opaque::new(CType(1), Bytes::from_static(&octets[..4])).unwrap()),
    ]
}

/// Of a class 11bbbbbb that nobody knows.
fn unknown() -> Vec<UnknownObject> {
    let of = |class, body| {
        let object_type = ObjectType {
            class: ClassNum(class),
            c_type: CType(3),
        };
        UnknownObject::new(object_type, Bytes::from_static(body)).unwrap()
    };
    vec![of(250, b"abcd"), of(243, b"")]
}

fn time() -> TimeValues {
    TimeValues {
        refresh_millis: 30_000,
    }
}

fn flows(family: Family) -> Vec<Flows> {
    let (small, large) = (controlled_load(100_000.0), guaranteed(700_000.5, 1_000_000));
    let list = [(&small, 2), (&small, 3), (&large, 4), (&small, 5)];
    let ff = list.map(|(flowspec, number)| FfDescriptor {
        flowspec: flowspec.clone(),
        filter: family.filter(number),
    });
    vec![
        Flows::Ff(ff.to_vec()),
        Flows::Se {
            flowspec: large.clone(),
            filters: family.filters(),
        },
        Flows::Se {
            flowspec: small.clone(),
            filters: vec![family.filter(2)],
        },
        Flows::Wf(small),
        Flows::Wf(large),
    ]
}

fn loose(family: Family) -> Vec<LooseFlows> {
    let flowspec = controlled_load(100_000.0);
    let filters = family.filters();
    let ff = |flowspec: Option<FlowspecObject>| {
        let list = filters.iter().map(|filter| FfDescriptor {
            flowspec: flowspec.clone(),
            filter: *filter,
        });
        Flows::Ff(list.collect())
    };
    let se = |flowspec| Flows::Se {
        flowspec,
        filters: filters.clone(),
    };
    vec![
        ff(None),
        ff(Some(flowspec.clone())),
        se(None),
        se(Some(flowspec.clone())),
        Flows::Wf(None),
        Flows::Wf(Some(flowspec)),
    ]
}

/// Every error code of RFC 2205 appendix B, and every flag.
fn errors(family: Family) -> Vec<ErrorSpec> {
    let flags = [
        ErrorFlags::NONE,
        ErrorFlags::IN_PLACE,
        ErrorFlags::NOT_GUILTY,
        ErrorFlags::IN_PLACE.with(ErrorFlags::NOT_GUILTY),
        ErrorFlags::PATH_STATE_REMOVED,
    ];
    let codes = [
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 3),
        (3, 0),
        (4, 0),
        (5, 10),
        (6, 0),
        (7, 0),
        (8, 0),
        (12, 5),
        (13, 0x5001),
        (14, 0x0107),
        (20, 2),
        (21, 1),
        (21, 2),
        (21, 3),
        (21, 4),
        (21, 5),
        (22, 17),
        (23, 4),
    ];
    codes
        .into_iter()
        .zip(flags.into_iter().cycle())
        .map(|((code, value), flags)| family.error(flags, ErrorCode(code), value))
        .collect()
}

/// The messages of RFC 2205 in one family.
fn plain(family: Family) -> Vec<Body> {
    let mut all = Vec::new();
    let mut senders: Vec<_> = adspecs()
        .into_iter()
        .map(|one| Some(family.descriptor(Some(one))))
        .collect();
    senders.push(Some(family.descriptor(None)));
    senders.push(None);
    for (at, sender) in senders.into_iter().enumerate() {
        let rich = at == 0;
        all.push(Body::Path(Path {
            session: family.session(rich),
            hop: family.hop(),
            time_values: time(),
            policy: if rich { policy() } else { Vec::new() },
            sender: sender.clone(),
            unknown: if rich { unknown() } else { Vec::new() },
        }));
        all.push(Body::PathTear(PathTear {
            session: family.session(rich),
            hop: family.hop(),
            sender: sender.map(|sender| TornSender {
                template: sender.template,
                tspec: (!rich).then_some(sender.tspec),
                adspec: sender.adspec.filter(|_| !rich),
            }),
            unknown: if rich { unknown() } else { Vec::new() },
        }));
    }
    for (at, flows) in flows(family).into_iter().enumerate() {
        let rich = at % 2 == 0;
        all.push(Body::Resv(Resv {
            session: family.session(false),
            hop: family.hop(),
            time_values: time(),
            confirm: rich.then(|| family.confirm()),
            scope: matches!(flows, Flows::Wf(_)).then(|| family.scope()),
            policy: if rich { policy() } else { Vec::new() },
            flows: flows.clone(),
            unknown: if rich { unknown() } else { Vec::new() },
        }));
        all.push(Body::ResvConf(ResvConf {
            session: family.session(false),
            error: family.error(ErrorFlags::NONE, ErrorCode(0), 0),
            confirm: family.confirm(),
            flows,
            unknown: if rich { unknown() } else { Vec::new() },
        }));
    }
    for (at, flows) in loose(family).into_iter().enumerate() {
        all.push(Body::ResvTear(ResvTear {
            session: family.session(false),
            hop: family.hop(),
            scope: (at == 4).then(|| family.scope()),
            flows,
            unknown: if at == 0 { unknown() } else { Vec::new() },
        }));
    }
    for (at, error) in errors(family).into_iter().enumerate() {
        all.push(Body::PathErr(PathErr {
            session: family.session(false),
            error,
            policy: if at == 0 { policy() } else { Vec::new() },
            sender: (at != 1).then(|| family.descriptor(None)),
            unknown: if at == 0 { unknown() } else { Vec::new() },
        }));
        let lists = loose(family);
        all.push(Body::ResvErr(ResvErr {
            session: family.session(false),
            hop: family.hop(),
            error,
            scope: (at == 5).then(|| family.scope()),
            policy: if at == 1 { policy() } else { Vec::new() },
            flows: lists[at % lists.len()].clone(),
            unknown: if at == 1 { unknown() } else { Vec::new() },
        }));
    }
    all
}

fn epoch() -> Epoch {
    Epoch::new(0x12_3456)
}

/// The messages between neighbours.
fn neighbourly() -> Vec<Body> {
    let hello = |kind, destination_instance| {
        Body::Hello(HelloMessage {
            hello: Hello {
                kind,
                source_instance: 0x1234_5678,
                destination_instance,
            },
        })
    };
    let list = |entries| MessageIdList {
        epoch: epoch(),
        entries,
    };
    let refresh = |lists: Vec<IdEntries>| {
        Body::Srefresh(Srefresh {
            lists: lists.into_iter().map(list).collect(),
        })
    };
    let ids = || IdEntries::Ids(vec![Id(7), Id(9), Id(u32::MAX)]);
    let (v4, v6) = (Ipv4Addr::new(192, 0, 2, 1), "2001:db8::1".parse().unwrap());
    let (group4, group6) = (Ipv4Addr::new(239, 1, 2, 3), "ff0e::1".parse().unwrap());
    let challenge = Challenge {
        key_id: KeyId::new(1).unwrap(),
        cookie: Bytes::from_static(b"unguess!"),
    };
    vec![
        hello(HelloKind::Request, 0),
        hello(HelloKind::Ack, 0x9abc_def0),
        refresh(vec![ids()]),
        refresh(vec![ids(), ids()]),
        refresh(vec![IdEntries::SrcV4(vec![SrcId {
            id: Id(7),
            source: v4,
        }])]),
        refresh(vec![IdEntries::SrcV6(vec![SrcId {
            id: Id(7),
            source: v6,
        }])]),
        refresh(vec![
            IdEntries::McastV4(vec![McastId {
                id: Id(7),
                source: v4,
                group: group4,
            }]),
            ids(),
        ]),
        refresh(vec![IdEntries::McastV6(vec![McastId {
            id: Id(7),
            source: v6,
            group: group6,
        }])]),
        Body::Challenge(IntegrityChallenge {
            challenge: challenge.clone(),
        }),
        Body::Response(IntegrityResponse { challenge }),
    ]
}

fn acks() -> Vec<MessageIdAck> {
    let ack = |kind, id| MessageIdAck {
        kind,
        epoch: epoch(),
        id: Id(id),
    };
    vec![
        ack(AckKind::Ack, 7),
        ack(AckKind::Nack, 8),
        ack(AckKind::Ack, 0xffff_fffe),
    ]
}

/// As nodes with refresh reduction send them.
fn named(body: Body, at: usize) -> Message {
    Message {
        flags: HeaderFlags::REFRESH_REDUCTION,
        acks: acks().into_iter().take(at % 4).collect(),
        message_id: Some(MessageId {
            ack_desired: at.is_multiple_of(2),
            epoch: epoch(),
            id: Id(u32::try_from(at).unwrap()),
        }),
        ..Message::new(63, body)
    }
}

/// Has to be signed.
pub(super) fn needs_signature(message: &Message) -> bool {
    matches!(message.body, Body::Response(_))
}

/// All of them in one family. What wants to be signed has to be.
pub(super) fn messages(family: Family) -> Vec<Message> {
    let plain = plain(family);
    let mut all: Vec<Message> = plain
        .iter()
        .map(|body| Message::new(63, body.clone()))
        .collect();
    let named: Vec<Message> = plain
        .into_iter()
        .enumerate()
        .map(|(at, body)| named(body, at))
        .collect();
    for part in named.chunks(8) {
        let bundle = Bundle::new(part).unwrap();
        all.push(Message {
            flags: HeaderFlags::REFRESH_REDUCTION,
            ..Message::new(63, Body::Bundle(bundle))
        });
    }
    all.extend(named);
    all.extend(neighbourly().into_iter().map(|body| Message::new(1, body)));
    all.push(Message {
        flags: HeaderFlags::REFRESH_REDUCTION,
        acks: acks(),
        ..Message::new(255, Body::Ack(Ack))
    });
    all
}

/// What `scapy_says.py write` means.
pub(super) fn as_scapy_writes() -> Vec<Message> {
    let v4 = Family::V4;
    let session = v4.session(false);
    let hop = v4.hop();
    let flowspec = Flowspec::ControlledLoad(tspec()).to_object();
    let filter = v4.filter(2);
    let path = || {
        Body::Path(Path {
            session,
            hop,
            time_values: time(),
            policy: Vec::new(),
            sender: Some(v4.descriptor(None)),
            unknown: Vec::new(),
        })
    };
    let ff = || {
        Flows::Ff(vec![FfDescriptor {
            flowspec: flowspec.clone(),
            filter,
        }])
    };
    let loose = || {
        Flows::Ff(vec![FfDescriptor {
            flowspec: Some(flowspec.clone()),
            filter,
        }])
    };
    let resv = |confirm, flows| {
        Body::Resv(Resv {
            session,
            hop,
            time_values: time(),
            confirm,
            scope: None,
            policy: Vec::new(),
            flows,
            unknown: Vec::new(),
        })
    };
    let se = Flows::Se {
        flowspec: flowspec.clone(),
        filters: vec![filter],
    };
    let refused = v4.error(ErrorFlags::IN_PLACE, ErrorCode::ADMISSION_CONTROL, 2);
    let bodies = [
        path(),
        resv(Some(v4.confirm()), ff()),
        resv(None, se),
        resv(None, Flows::Wf(flowspec.clone())),
        Body::PathErr(PathErr {
            session,
            error: refused,
            policy: Vec::new(),
            sender: Some(v4.descriptor(None)),
            unknown: Vec::new(),
        }),
        Body::ResvErr(ResvErr {
            session,
            hop,
            error: refused,
            scope: None,
            policy: Vec::new(),
            flows: loose(),
            unknown: Vec::new(),
        }),
        Body::PathTear(PathTear {
            session,
            hop,
            sender: Some(TornSender {
                template: v4.descriptor(None).template,
                tspec: None,
                adspec: None,
            }),
            unknown: Vec::new(),
        }),
        Body::ResvTear(ResvTear {
            session,
            hop,
            scope: None,
            flows: loose(),
            unknown: Vec::new(),
        }),
        Body::ResvConf(ResvConf {
            session,
            error: v4.error(ErrorFlags::NONE, ErrorCode::CONFIRMATION, 0),
            confirm: v4.confirm(),
            flows: ff(),
            unknown: Vec::new(),
        }),
        path(),
    ];
    bodies.map(|body| Message::new(63, body)).into()
}
