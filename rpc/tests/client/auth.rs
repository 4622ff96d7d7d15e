//! Credentials: sent, refused, learned.

use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use fairway_rpc::auth::{AuthFault, CallHead, ClientAuth, Next, Ticket};
use fairway_rpc::{AuthFlavor, AuthShort, AuthStat, AuthSys, CallError, ClientConfig, OpaqueAuth};

use crate::support::{auth_error, echo, marked, pair, run, success_with};

/// A flavour that always has another credential to try.
#[derive(Debug, Default)]
struct Stubborn(AtomicU32);

impl ClientAuth for Stubborn {
    fn credential(&self, _: &CallHead) -> Result<(OpaqueAuth, Ticket), AuthFault> {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let body = Bytes::copy_from_slice(&number.to_be_bytes());
        Ok((OpaqueAuth::new(AuthFlavor(99), body).unwrap(), Ticket(0)))
    }

    fn check_verifier(&self, _: Ticket, _: &OpaqueAuth) -> Result<(), AuthFault> {
        Ok(())
    }

    fn refused(&self, _: Ticket, _: AuthStat) -> Next {
        Next::Retry
    }
}

/// rpc-api §3.2: the credential is refreshed and the call repeated, at most twice.
#[test]
fn refused_credential_is_made_anew_twice_at_most() {
    run(async || {
        let config = ClientConfig::new().auth(Stubborn::default());
        let (client, mut peer) = pair(4096, config);
        let call = tokio::spawn(echo(&client, 1));
        let mut xids = std::collections::HashSet::new();
        for number in 0..3u32 {
            let seen = peer.call().await;
            assert_eq!(seen.header.credential.body()[..], number.to_be_bytes());
            xids.insert(seen.xid());
            peer.octets(&marked(&auth_error(seen.xid(), AuthStat::REJECTEDCRED)))
                .await;
        }
        let error = call.await.unwrap().unwrap_err();
        assert!(
            matches!(error, CallError::Auth(AuthStat::REJECTEDCRED)),
            "{error}"
        );
        assert!(!error.may_have_run());
        assert_eq!(xids.len(), 3, "another call each time, with another xid");
    });
}

/// RFC 5531 appendix A.
#[test]
fn shorthand_is_used_until_it_is_rejected() {
    run(async || {
        let parms = AuthSys::current(&crate::stacks::net());
        let config = ClientConfig::new().auth(AuthShort::new(&parms).unwrap());
        let (client, mut peer) = pair(4096, config);
        let short = OpaqueAuth::new(AuthFlavor::SHORT, Bytes::from_static(b"shorthand!")).unwrap();

        let call = tokio::spawn(echo(&client, 1));
        let seen = peer.call().await;
        let full = seen.header.credential.clone();
        assert_eq!(AuthSys::from_body(full.body()).unwrap(), parms);
        let reply = [success_with(seen.xid(), short.clone()), seen.args.to_vec()].concat();
        peer.octets(&marked(&reply)).await;
        assert_eq!(call.await.unwrap().unwrap(), 1);

        let call = tokio::spawn(echo(&client, 2));
        let seen = peer.call().await;
        assert_eq!(seen.header.credential, short);
        peer.octets(&marked(&auth_error(seen.xid(), AuthStat::REJECTEDCRED)))
            .await;
        let seen = peer.call().await;
        assert_eq!(seen.header.credential, full);
        peer.reply(seen.xid(), &seen.args).await;
        assert_eq!(call.await.unwrap().unwrap(), 2);
    });
}

#[test]
fn verifier_of_a_foreign_flavour_is_no_answer() {
    run(async || {
        let config = ClientConfig::new().auth(AuthSys::default());
        let (client, mut peer) = pair(4096, config);
        let call = tokio::spawn(echo(&client, 1));
        let seen = peer.call().await;
        let foreign = OpaqueAuth::new(AuthFlavor::RPCSEC_GSS, Bytes::new()).unwrap();
        let reply = [success_with(seen.xid(), foreign), seen.args.to_vec()].concat();
        peer.octets(&marked(&reply)).await;
        let error = call.await.unwrap().unwrap_err();
        assert!(matches!(error, CallError::Auth(AuthStat::INVALIDRESP)));
        assert!(error.may_have_run());
    });
}

/// RFC 2203 §5.3: the verifier is over the header, arguments and results are sealed, a context is prepared first.
#[test]
fn a_sealing_flavour_sees_header_arguments_and_results() {
    #[derive(Debug, Default)]
    struct Sealing {
        prepared: AtomicU32,
    }
    fn turned(octets: &[u8]) -> Bytes {
        octets.iter().map(|octet| !octet).collect()
    }
    impl ClientAuth for Sealing {
        fn credential(&self, head: &CallHead) -> Result<(OpaqueAuth, Ticket), AuthFault> {
            let credential = OpaqueAuth::new(AuthFlavor(77), Bytes::from_static(b"cred"));
            Ok((credential.unwrap(), Ticket(u64::from(head.xid))))
        }
        fn verifier(&self, ticket: Ticket, head: &[u8]) -> Result<OpaqueAuth, AuthFault> {
            assert_eq!(
                u64::from(u32::from_be_bytes(head[..4].try_into().unwrap())),
                ticket.0
            );
            assert_eq!(head.len(), 24 + 8 + 4);
            Ok(OpaqueAuth::new(AuthFlavor(77), turned(&head[32..])).unwrap())
        }
        fn seals(&self) -> bool {
            true
        }
        fn wrap(&self, _: Ticket, args: Bytes) -> Result<Bytes, AuthFault> {
            Ok(turned(&args))
        }
        fn unwrap(&self, _: Ticket, results: Bytes) -> Result<Bytes, AuthFault> {
            Ok(turned(&results))
        }
        fn check_verifier(&self, _: Ticket, _: &OpaqueAuth) -> Result<(), AuthFault> {
            Ok(())
        }
        fn prepare<'a>(
            &'a self,
            _: &'a fairway_rpc::Client,
        ) -> Option<fairway_rpc::auth::PrepareFuture<'a>> {
            (self.prepared.fetch_add(1, Ordering::Relaxed) == 0)
                .then(|| Box::pin(async { Ok(()) }) as fairway_rpc::auth::PrepareFuture<'a>)
        }
    }
    run(async || {
        let config = ClientConfig::new().auth(Sealing::default());
        let (client, mut peer) = pair(4096, config);
        let call = tokio::spawn(echo(&client, 5));
        let seen = peer.call().await;
        assert_eq!(seen.args[..], turned(&5u32.to_be_bytes()));
        assert_eq!(seen.header.verifier.body()[..], turned(b"cred"));
        peer.reply(seen.xid(), &turned(&6u32.to_be_bytes())).await;
        assert_eq!(call.await.unwrap().unwrap(), 6);
    });
}
