//! Each reply of RFC 5531 §9 by its octets, in the order of the checks.

use fairway_rpc::{
    Accepted, Args, AuthFlavor, AuthStat, CallContext, CallFuture, Caller, OpaqueAuth, Proxy,
    ServerAuth, msg::CallHeader,
};
use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::support::*;

const XID: u32 = 0x1234_5678;

/// Asks over TCP and over UDP: both must say the same.
async fn ask(fixture: &Fixture, message: &[u8]) -> Vec<u8> {
    let over_tcp = fixture.connect().await.ask(message).await.unwrap();
    let over_udp = fixture.datagrams().await.ask(message).await;
    assert_eq!(over_tcp, over_udp);
    over_tcp
}

#[test]
fn another_protocol_version_is_rpc_mismatch() {
    run(async || {
        let fixture = Fixture::new().await;
        // Whatever follows: it may be laid out differently in another version.
        for version in [0, 1, 3, u32::MAX] {
            for rest in [&[][..], &words(&[PROGRAM, VERSION, NULL, 0, 0, 0, 0])] {
                let message = [words(&[XID, 0, version]), rest.to_vec()].concat();
                // MSG_DENIED, RPC_MISMATCH, low 2, high 2.
                assert_eq!(
                    ask(&fixture, &message).await,
                    words(&[XID, 1, 1, 0, 2, 2]),
                    "version {version}"
                );
            }
        }
        assert_eq!(fixture.counters().rpc_mismatch, 16);
    });
}

#[test]
fn bad_credentials_are_auth_error_before_anything_is_said_about_the_program() {
    run(async || {
        let fixture = Fixture::new().await;
        let with_credential = |flavor: u32, body: &[u8]| {
            [
                words(&[XID, 0, 2, 99, 99, 99, flavor]),
                opaque(body),
                words(&[0, 0]),
            ]
            .concat()
        };
        // A flavour that nobody handles; a shorthand that nobody issued.
        for flavor in [2, 3, 6, 7, 300_000] {
            let reply = ask(&fixture, &with_credential(flavor, &[])).await;
            assert_eq!(
                reply,
                words(&[XID, 1, 1, 1, AuthStat::REJECTEDCRED.0]),
                "flavour {flavor}"
            );
        }
        // AUTH_SYS whose body is none: RFC 5531 appendix A.
        let seventeen_groups = [words(&[1, 0, 1, 1, 17]), words(&[0; 17])].concat();
        for body in [&[][..], &words(&[1, 300]), &seventeen_groups] {
            let reply = ask(&fixture, &with_credential(1, body)).await;
            assert_eq!(reply, words(&[XID, 1, 1, 1, AuthStat::BADCRED.0]));
        }
        // More than 400 octets: RFC 5531 §8.2.
        let reply = ask(&fixture, &with_credential(0, &[0; 404])).await;
        assert_eq!(reply, words(&[XID, 1, 1, 1, AuthStat::BADCRED.0]));
        // The same of a verifier.
        let long_verifier = [words(&[XID, 0, 2, 99, 99, 99, 0, 0, 0]), opaque(&[0; 404])].concat();
        assert_eq!(
            ask(&fixture, &long_verifier).await,
            words(&[XID, 1, 1, 1, AuthStat::BADVERF.0])
        );
    });
}

/// Refuses with the number that the credential names.
struct Refusing;

impl ServerAuth for Refusing {
    fn flavor(&self) -> AuthFlavor {
        AuthFlavor(390_000)
    }

    fn accept(&self, call: &CallHeader, head: &[u8], args: bytes::Bytes) -> Accepted {
        // RFC 2203 §5.3.1: what a verifier signs, up to and including the credential.
        assert_eq!(head.len(), 24 + 8 + 4);
        assert_eq!(&head[28..], &opaque(call.credential.body())[..]);
        match u32::from_be_bytes(call.credential.body()[..].try_into().unwrap()) {
            100 => Accepted::Drop,
            101 => Accepted::Answer {
                verifier: OpaqueAuth::NONE,
                body: words(&[5]).into(),
                then_swap: None,
            },
            102 => Accepted::Caller {
                caller: Caller::Other {
                    principal: "somebody".into(),
                },
                args,
                verifier: OpaqueAuth::new(AuthFlavor(390_000), vec![1, 2, 3].into()).unwrap(),
                seal: None,
            },
            stat => Accepted::Refuse(AuthStat(stat)),
        }
    }
}

#[test]
fn a_flavour_of_ones_own_refuses_answers_drops_and_verifies() {
    run(async || {
        let fixture = Fixture::with(|builder| builder.auth(Arc::new(Refusing))).await;
        let with = |stat: u32| {
            [
                words(&[XID, 0, 2, PROGRAM, VERSION, ECHO, 390_000, 4, stat, 0, 0]),
                opaque(b"hello"),
            ]
            .concat()
        };
        for stat in 1..=14 {
            assert_eq!(
                ask(&fixture, &with(stat)).await,
                words(&[XID, 1, 1, 1, stat])
            );
        }
        // Answered without the service: RFC 2203 §5.2.2.
        assert_eq!(ask(&fixture, &with(101)).await, success(XID, &words(&[5])));
        // The flavour's verifier stands in the reply, with its padding.
        let expected = [
            words(&[XID, 1, 0, 390_000, 3, 0x0102_0300, 0]),
            opaque(b"hello"),
        ]
        .concat();
        assert_eq!(ask(&fixture, &with(102)).await, expected);
        // RFC 2203 §5.3.3.1: silently discarded; the next call is answered.
        let mut peer = fixture.connect().await;
        peer.send(&record(&with(100))).await;
        assert_eq!(
            peer.ask(&call(9, NULL, &[])).await.unwrap(),
            success(9, &[])
        );
        assert_eq!(fixture.counters().auth_dropped, 1);
    });
}

#[test]
fn an_unknown_program_is_prog_unavail() {
    run(async || {
        let fixture = Fixture::new().await;
        for program in [0, PROGRAM - 1, PROGRAM + 1, u32::MAX] {
            let reply = ask(&fixture, &call_of(XID, program, VERSION, NULL, &[])).await;
            assert_eq!(reply, words(&[XID, 1, 0, 0, 0, 1]));
        }
        assert_eq!(fixture.counters().prog_unavail, 8);
    });
}

#[test]
fn an_unknown_version_is_prog_mismatch_with_the_lowest_and_highest_there() {
    run(async || {
        let fixture = Fixture::new().await;
        for version in [0, 1, 3, 5, u32::MAX] {
            let reply = ask(&fixture, &call_of(XID, PROGRAM, version, NULL, &[])).await;
            assert_eq!(
                reply,
                words(&[XID, 1, 0, 0, 0, 2, 2, 4]),
                "version {version}"
            );
        }
        assert_eq!(fixture.counters().prog_mismatch, 10);
    });
}

#[test]
fn an_unknown_procedure_is_proc_unavail() {
    run(async || {
        let fixture = Fixture::new().await;
        for procedure in [99, u32::MAX] {
            assert_eq!(
                ask(&fixture, &call(XID, procedure, &[])).await,
                words(&[XID, 1, 0, 0, 0, 3])
            );
        }
    });
}

#[test]
fn arguments_that_are_none_are_garbage_args() {
    run(async || {
        let fixture = Fixture::new().await;
        // Nothing; a length without octets; padding that is not zero; octets left over.
        let cases = [
            vec![],
            words(&[5]),
            words(&[1, 0x4100_0001]),
            words(&[0, 0]),
        ];
        for args in cases {
            assert_eq!(
                ask(&fixture, &call(XID, ECHO, &args)).await,
                words(&[XID, 1, 0, 0, 0, 4]),
                "{args:?}"
            );
        }
    });
}

#[test]
fn a_handler_can_refuse() {
    run(async || {
        let fixture = Fixture::new().await;
        assert_eq!(
            ask(&fixture, &call(XID, REFUSE_SYSTEM, &[])).await,
            words(&[XID, 1, 0, 0, 0, 5])
        );
        assert_eq!(
            ask(&fixture, &call(XID, REFUSE_AUTH, &[])).await,
            words(&[XID, 1, 1, 1, AuthStat::TOOWEAK.0])
        );
        // No answer: the one after it comes first.
        let mut peer = fixture.connect().await;
        for procedure in [REFUSE_DROP, SILENT] {
            peer.send(&record(&call(1, procedure, &[]))).await;
        }
        assert_eq!(
            peer.ask(&call(2, NULL, &[])).await.unwrap(),
            success(2, &[])
        );
    });
}

#[test]
fn procedure_0_always_answers() {
    run(async || {
        let fixture = Fixture::new().await;
        // The test service itself does not know it. Octets behind are overlooked, as the C library does.
        for args in [&[][..], &[1, 2, 3, 4]] {
            assert_eq!(
                ask(&fixture, &call(XID, NULL, args)).await,
                success(XID, &[])
            );
        }
    });
}

#[test]
fn messages_that_are_no_calls_are_dropped_and_counted() {
    run(async || {
        let fixture = Fixture::new().await;
        let whole = call(XID, NULL, &[]);
        let mut garbage: Vec<Vec<u8>> = (0..whole.len())
            .map(|length| whole[..length].to_vec())
            .collect();
        garbage.push(success(XID, &[]));
        garbage.push(words(&[XID, 2, 2, PROGRAM, VERSION, NULL, 0, 0, 0, 0]));
        let mut peer = fixture.connect().await;
        let datagrams = fixture.datagrams().await;
        for message in &garbage {
            peer.send(&record(message)).await;
            datagrams.send(message).await;
        }
        // Both go on.
        assert_eq!(peer.ask(&whole).await.unwrap(), success(XID, &[]));
        assert_eq!(datagrams.ask(&whole).await, success(XID, &[]));
        assert_eq!(
            fixture.counters().garbage,
            2 * u64::try_from(garbage.len()).unwrap()
        );
    });
}

/// Serves program 77 in versions 3 to 5, by giving back what it was asked.
struct Mirror;

impl Proxy for Mirror {
    fn versions(&self, program: u32) -> Option<RangeInclusive<u32>> {
        (program == 77).then_some(3..=5)
    }

    fn call(&self, cx: CallContext, args: Args) -> CallFuture {
        Box::pin(async move {
            let seen = words(&[cx.program(), cx.version(), cx.procedure()]);
            cx.reply_raw([&seen[..], &args.raw()].concat().into())
        })
    }
}

#[test]
fn a_proxy_takes_programs_that_no_service_is_there_for() {
    run(async || {
        let fixture = Fixture::with(|builder| builder.fallback(Mirror)).await;
        let reply = ask(&fixture, &call_of(XID, 77, 4, 1000, &words(&[8, 9]))).await;
        assert_eq!(reply, success(XID, &words(&[77, 4, 1000, 8, 9])));
        assert_eq!(
            ask(&fixture, &call_of(XID, 77, 6, 0, &[])).await,
            words(&[XID, 1, 0, 0, 0, 2, 3, 5])
        );
        assert_eq!(
            ask(&fixture, &call_of(XID, 78, 3, 0, &[])).await,
            words(&[XID, 1, 0, 0, 0, 1])
        );
        assert_eq!(
            ask(&fixture, &call(XID, ECHO, &opaque(b"x"))).await,
            success(XID, &opaque(b"x"))
        );
    });
}

#[test]
fn a_service_added_twice_does_not_start() {
    run(async || {
        let net = crate::stacks::net();
        let builder = fairway_rpc::Server::builder(&net)
            .service(TestService::new(2))
            .service(TestService::new(2));
        let error = builder.start().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("program {PROGRAM} version 2 is served twice")
        );
    });
}
