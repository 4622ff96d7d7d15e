//! Messages of all kinds, made at random.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use bytes::Bytes;
use fairway_rsvp::msg::{
    Ack, Body, FfDescriptor, Flows, HelloMessage, IntegrityChallenge, IntegrityResponse,
    LooseFlows, Message, Path, PathErr, PathTear, Resv, ResvConf, ResvErr, ResvTear,
    SenderDescriptor, Srefresh, TornSender,
};
use fairway_rsvp::wire::*;
use fairway_wire::Protocol;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

fn v4() -> impl Strategy<Value = Ipv4Addr> {
    // Unicast, so that it serves as a hop, too.
    (1_u32..0x7fff_ffff).prop_map(Ipv4Addr::from)
}

fn v6() -> impl Strategy<Value = Ipv6Addr> {
    any::<u64>().prop_map(|low| Ipv6Addr::from(0x2001_0db8 << 96 | u128::from(low)))
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![v4().prop_map(IpAddr::V4), v6().prop_map(IpAddr::V6)]
}

fn session() -> impl Strategy<Value = Session> {
    (address(), 1_u8.., any::<bool>(), 1_u16..).prop_map(
        |(destination, protocol, e_police, port)| Session {
            destination,
            protocol: Protocol(protocol),
            e_police,
            port,
        },
    )
}

fn hop() -> impl Strategy<Value = RsvpHop> {
    (address(), any::<u32>()).prop_map(|(address, handle)| RsvpHop { address, handle })
}

fn time() -> impl Strategy<Value = TimeValues> {
    any::<u32>().prop_map(|refresh_millis| TimeValues { refresh_millis })
}

fn words(max: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<[u8; 4]>(), 0..max).prop_map(|words| words.concat().into())
}

fn opaque() -> impl Strategy<Value = Opaque> {
    (any::<u8>(), words(12)).prop_map(|(c_type, body)| Opaque::new(CType(c_type), body).unwrap())
}

fn flowspec() -> impl Strategy<Value = FlowspecObject> {
    opaque().prop_map(FlowspecObject)
}

fn policy() -> impl Strategy<Value = Vec<PolicyData>> {
    vec(opaque().prop_map(PolicyData), 0..3)
}

fn unknown() -> impl Strategy<Value = Vec<UnknownObject>> {
    let object = (192_u8.., any::<u8>(), words(4)).prop_map(|(class, c_type, body)| {
        let object_type = ObjectType {
            class: ClassNum(class),
            c_type: CType(c_type),
        };
        UnknownObject::new(object_type, body).unwrap()
    });
    vec(object, 0..3)
}

fn sender() -> impl Strategy<Value = Sender> {
    prop_oneof![
        (v4(), any::<u16>()).prop_map(|(address, port)| Sender::V4(address, port)),
        (v6(), any::<u16>()).prop_map(|(address, port)| Sender::V6(address, port)),
        (v6(), 0_u32..1 << 24).prop_map(|(address, label)| Sender::V6FlowLabel(address, label)),
    ]
}

fn descriptor() -> impl Strategy<Value = SenderDescriptor> {
    (sender(), words(12), option::of(opaque())).prop_map(|(template, tspec, adspec)| {
        SenderDescriptor {
            template: SenderTemplate(template),
            tspec: SenderTspecObject(Opaque::new(CType(2), tspec).unwrap()),
            adspec: adspec.map(AdspecObject),
        }
    })
}

fn filters() -> impl Strategy<Value = Vec<FilterSpec>> {
    vec(sender().prop_map(FilterSpec), 1..4)
}

fn flows() -> impl Strategy<Value = Flows> {
    prop_oneof![
        flowspec().prop_map(Flows::Wf),
        vec((flowspec(), sender(), any::<bool>()), 1..4).prop_map(|list| {
            let first = list[0].0.clone();
            Flows::Ff(
                list.into_iter()
                    .map(|(flowspec, filter, same)| FfDescriptor {
                        flowspec: if same { first.clone() } else { flowspec },
                        filter: FilterSpec(filter),
                    })
                    .collect(),
            )
        }),
        (flowspec(), filters()).prop_map(|(flowspec, filters)| Flows::Se { flowspec, filters }),
    ]
}

fn loose() -> impl Strategy<Value = LooseFlows> {
    prop_oneof![
        option::of(flowspec()).prop_map(Flows::Wf),
        filters().prop_map(|filters| Flows::Ff(
            filters
                .into_iter()
                .map(|filter| FfDescriptor {
                    flowspec: None,
                    filter
                })
                .collect()
        )),
        vec((flowspec(), sender()), 1..4).prop_map(|list| Flows::Ff(
            list.into_iter()
                .map(|(flowspec, filter)| FfDescriptor {
                    flowspec: Some(flowspec),
                    filter: FilterSpec(filter),
                })
                .collect()
        )),
        (option::of(flowspec()), filters())
            .prop_map(|(flowspec, filters)| Flows::Se { flowspec, filters }),
    ]
}

fn error() -> impl Strategy<Value = ErrorSpec> {
    (address(), 0_u8..8, any::<u8>(), any::<u16>()).prop_map(|(node, flags, code, value)| {
        let all = [
            ErrorFlags::IN_PLACE,
            ErrorFlags::NOT_GUILTY,
            ErrorFlags::PATH_STATE_REMOVED,
        ];
        let set = all
            .into_iter()
            .enumerate()
            .filter(|(bit, _)| flags >> bit & 1 == 1);
        ErrorSpec {
            node,
            flags: set.fold(ErrorFlags::NONE, |flags, (_, flag)| flags.with(flag)),
            code: ErrorCode(code),
            value,
        }
    })
}

fn scope() -> impl Strategy<Value = Scope> {
    prop_oneof![
        vec(v4(), 0..5).prop_map(Scope::v4),
        vec(v6(), 0..5).prop_map(Scope::v6)
    ]
}

fn epoch() -> impl Strategy<Value = Epoch> {
    any::<u32>().prop_map(Epoch::new)
}

fn id() -> impl Strategy<Value = Id> {
    any::<u32>().prop_map(Id)
}

fn ack() -> impl Strategy<Value = MessageIdAck> {
    (any::<bool>(), epoch(), id()).prop_map(|(ack, epoch, id)| MessageIdAck {
        kind: if ack { AckKind::Ack } else { AckKind::Nack },
        epoch,
        id,
    })
}

fn lists() -> impl Strategy<Value = Vec<MessageIdList>> {
    let of = |entries: BoxedStrategy<IdEntries>| {
        vec(
            (epoch(), entries).prop_map(|(epoch, entries)| MessageIdList { epoch, entries }),
            1..4,
        )
    };
    let src4 = (id(), v4()).prop_map(|(id, source)| SrcId { id, source });
    let src6 = (id(), v6()).prop_map(|(id, source)| SrcId { id, source });
    let mcast4 = (id(), v4(), v4()).prop_map(|(id, source, group)| McastId { id, source, group });
    let mcast6 = (id(), v6(), v6()).prop_map(|(id, source, group)| McastId { id, source, group });
    let by_source = prop_oneof![
        vec(src4, 0..4).prop_map(IdEntries::SrcV4),
        vec(src6, 0..4).prop_map(IdEntries::SrcV6)
    ];
    let others = prop_oneof![
        vec(id(), 0..4).prop_map(IdEntries::Ids),
        vec(mcast4, 0..4).prop_map(IdEntries::McastV4),
        vec(mcast6, 0..4).prop_map(IdEntries::McastV6)
    ];
    prop_oneof![of(by_source.boxed()), of(others.boxed())]
}

fn integrity() -> impl Strategy<Value = Integrity> {
    (
        any::<bool>(),
        any::<[u8; 6]>(),
        any::<u64>(),
        vec(any::<[u8; 4]>(), 1..6),
    )
        .prop_map(|(handshake, key, sequence, digest)| Integrity {
            handshake,
            key_id: KeyId::from_octets(key),
            sequence,
            digest: digest.concat().into(),
        })
}

fn challenge() -> impl Strategy<Value = Challenge> {
    (any::<[u8; 6]>(), vec(any::<[u8; 4]>(), 1..4)).prop_map(|(key, cookie)| Challenge {
        key_id: KeyId::from_octets(key),
        cookie: cookie.concat().into(),
    })
}

fn body() -> impl Strategy<Value = Body> {
    let path = (
        session(),
        hop(),
        time(),
        policy(),
        option::of(descriptor()),
        unknown(),
    )
        .prop_map(
            |(session, hop, time_values, policy, sender, unknown)| Path {
                session,
                hop,
                time_values,
                policy,
                sender,
                unknown,
            },
        );
    let confirm = || address().prop_map(|receiver| ResvConfirm { receiver });
    let resv = (
        session(),
        hop(),
        time(),
        option::of(confirm()),
        option::of(scope()),
        policy(),
        flows(),
        unknown(),
    )
        .prop_map(
            |(session, hop, time_values, confirm, scope, policy, flows, unknown)| Resv {
                session,
                hop,
                time_values,
                confirm,
                scope,
                policy,
                flows,
                unknown,
            },
        );
    let path_err = (
        session(),
        error(),
        policy(),
        option::of(descriptor()),
        unknown(),
    )
        .prop_map(|(session, error, policy, sender, unknown)| PathErr {
            session,
            error,
            policy,
            sender,
            unknown,
        });
    let resv_err = (
        session(),
        hop(),
        error(),
        option::of(scope()),
        policy(),
        loose(),
        unknown(),
    )
        .prop_map(
            |(session, hop, error, scope, policy, flows, unknown)| ResvErr {
                session,
                hop,
                error,
                scope,
                policy,
                flows,
                unknown,
            },
        );
    let path_tear = (
        session(),
        hop(),
        option::of((descriptor(), any::<bool>())),
        unknown(),
    )
        .prop_map(|(session, hop, sender, unknown)| PathTear {
            session,
            hop,
            sender: sender.map(|(sender, bare)| TornSender {
                template: sender.template,
                tspec: (!bare).then_some(sender.tspec),
                adspec: sender.adspec,
            }),
            unknown,
        });
    let resv_tear = (session(), hop(), option::of(scope()), loose(), unknown()).prop_map(
        |(session, hop, scope, flows, unknown)| ResvTear {
            session,
            hop,
            scope,
            flows,
            unknown,
        },
    );
    let resv_conf = (session(), error(), confirm(), flows(), unknown()).prop_map(
        |(session, error, confirm, flows, unknown)| ResvConf {
            session,
            error,
            confirm,
            flows,
            unknown,
        },
    );
    let hello =
        (any::<bool>(), any::<u32>(), any::<u32>()).prop_map(|(request, source, destination)| {
            HelloMessage {
                hello: Hello {
                    kind: if request {
                        HelloKind::Request
                    } else {
                        HelloKind::Ack
                    },
                    source_instance: source,
                    destination_instance: destination,
                },
            }
        });
    prop_oneof![
        path.prop_map(Body::Path),
        resv.prop_map(Body::Resv),
        path_err.prop_map(Body::PathErr),
        resv_err.prop_map(Body::ResvErr),
        path_tear.prop_map(Body::PathTear),
        resv_tear.prop_map(Body::ResvTear),
        resv_conf.prop_map(Body::ResvConf),
        Just(Body::Ack(Ack)),
        lists().prop_map(|lists| Body::Srefresh(Srefresh { lists })),
        hello.prop_map(Body::Hello),
        challenge().prop_map(|challenge| Body::Challenge(IntegrityChallenge { challenge })),
        challenge().prop_map(|challenge| Body::Response(IntegrityResponse { challenge })),
    ]
}

/// Any message but a Bundle.
pub(crate) fn any_message() -> impl Strategy<Value = Message> {
    let message_id =
        (any::<bool>(), epoch(), id()).prop_map(|(ack_desired, epoch, id)| MessageId {
            ack_desired,
            epoch,
            id,
        });
    (
        any::<bool>(),
        any::<u8>(),
        (integrity(), any::<bool>()),
        vec(ack(), 0..3),
        ack(),
        option::of(message_id),
        body(),
    )
        .prop_map(
            |(capable, send_ttl, (integrity, signed), mut acks, one, message_id, body)| {
                let flags = if capable {
                    HeaderFlags::REFRESH_REDUCTION
                } else {
                    HeaderFlags::NONE
                };
                let bare = matches!(body, Body::Challenge(_));
                let must = matches!(body, Body::Response(_));
                let (acks, message_id) = match body {
                    Body::Challenge(_) | Body::Response(_) => (Vec::new(), None),
                    Body::Ack(_) => {
                        acks.push(one);
                        (acks, None)
                    }
                    _ => (acks, message_id),
                };
                Message {
                    flags,
                    send_ttl,
                    integrity: (!bare && (signed || must)).then_some(integrity),
                    acks,
                    message_id,
                    body,
                }
            },
        )
}
