//! AUTH_SHORT, RFC 5531 appendix A.

use fairway_rpc::{AuthStat, Registry, Shorthand};

use crate::support::*;

/// A call of `WHO` with a credential.
fn who(xid: u32, flavor: u32, body: &[u8]) -> Vec<u8> {
    [
        words(&[xid, 0, 2, PROGRAM, VERSION, WHO, flavor]),
        opaque(body),
        words(&[0, 0]),
    ]
    .concat()
}

/// AUTH_SYS: stamp 1, machine "m", uid, gid 20, groups 30 and 40.
fn sys(uid: u32) -> Vec<u8> {
    [
        words(&[1, 1]),
        b"m\0\0\0".to_vec(),
        words(&[uid, 20, 2, 30, 40]),
    ]
    .concat()
}

/// The shorthand in a reply's verifier.
fn issued(reply: &[u8]) -> Vec<u8> {
    assert_eq!(
        reply[..20],
        words(&[1, 1, 0, 2, 16]),
        "a verifier of 16 octets, flavour AUTH_SHORT"
    );
    reply[20..36].to_vec()
}

#[test]
fn a_shorthand_stands_for_the_credential_until_it_gives_way() {
    run(async || {
        let net = crate::stacks::net();
        let registry = Shorthand::new(&net, 2)
            .add_to(Registry::new())
            .service(TestService::new(VERSION));
        let fixture = Fixture::with(|builder| builder.registry(registry)).await;
        let mut peer = fixture.connect().await;

        let first = peer.ask(&who(1, 1, &sys(500))).await.unwrap();
        let short = issued(&first);
        assert_eq!(first[36..], words(&[0, 500]), "SUCCESS, and the uid");
        assert_eq!(
            issued(&peer.ask(&who(1, 1, &sys(500))).await.unwrap()),
            short,
            "the same again"
        );

        let by_short = peer.ask(&who(2, 2, &short)).await.unwrap();
        assert_eq!(by_short, success(2, &words(&[500])));

        // Another secret, another slot, another length: none of them was issued.
        let mut forged = short.clone();
        forged[5] ^= 1;
        let rejected = words(&[3, 1, 1, 1, AuthStat::REJECTEDCRED.0]);
        for body in [&forged[..], &short[..12], &[9; 16], &[]] {
            assert_eq!(peer.ask(&who(3, 2, body)).await.unwrap(), rejected);
        }

        // Two others, and there is no room for the first.
        peer.ask(&who(1, 1, &sys(501))).await.unwrap();
        peer.ask(&who(1, 1, &sys(502))).await.unwrap();
        assert_eq!(peer.ask(&who(3, 2, &short)).await.unwrap(), rejected);
        let again = issued(&peer.ask(&who(1, 1, &sys(500))).await.unwrap());
        assert_ne!(again, short);
        assert_eq!(
            peer.ask(&who(4, 2, &again)).await.unwrap(),
            success(4, &words(&[500]))
        );
    });
}

#[test]
fn without_it_auth_sys_gets_an_empty_verifier() {
    run(async || {
        let fixture = Fixture::new().await;
        let reply = fixture
            .connect()
            .await
            .ask(&who(1, 1, &sys(7)))
            .await
            .unwrap();
        assert_eq!(reply, success(1, &words(&[7])));
    });
}
