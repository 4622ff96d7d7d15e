//! AUTH_SHORT, RFC 5531 appendix A: a server's shorthand for an AUTH_SYS credential.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use fairway_xdr::EncodeError;

use super::{AuthFault, AuthSys, CallHead, ClientAuth, Next, Ticket};
use crate::error::AuthStat;
use crate::msg::{AuthFlavor, OpaqueAuth};

/// AUTH_SYS that uses the shorthand as soon as the server has given one.
///
/// The full credential goes out until an accepted reply carries an AUTH_SHORT verifier; from then on its
/// body is the credential. When the server has forgotten it (`AUTH_REJECTEDCRED`), the shorthand is dropped
/// and the call made again with the full credential.
///
/// A shorthand is one server's: do not share a value between clients of several servers.
pub struct AuthShort {
    full: OpaqueAuth,
    learned: Mutex<Learned>,
}

#[derive(Default)]
struct Learned {
    short: Option<OpaqueAuth>,
    /// Counts the shorthands, from 1: a ticket says which one a call went out with, 0 the full form.
    generation: u64,
}

impl AuthShort {
    /// Begins with the full credential `parms`.
    ///
    /// # Errors
    /// The name or the groups are longer than the wire allows.
    pub fn new(parms: &AuthSys) -> Result<Self, EncodeError> {
        Ok(Self {
            full: parms.to_credential()?,
            learned: Mutex::default(),
        })
    }

    /// Whether calls go out with a shorthand at present.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.learned().short.is_some()
    }

    // The lock is held for assignments only, so a panic cannot leave it half done.
    fn learned(&self) -> std::sync::MutexGuard<'_, Learned> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for AuthShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthShort")
            .field("short", &self.is_short())
            .finish_non_exhaustive()
    }
}

impl ClientAuth for AuthShort {
    fn credential(&self, _: &CallHead) -> Result<(OpaqueAuth, Ticket), AuthFault> {
        let learned = self.learned();
        Ok(match &learned.short {
            Some(short) => (short.clone(), Ticket(learned.generation)),
            None => (self.full.clone(), Ticket(0)),
        })
    }

    fn check_verifier(&self, _: Ticket, verifier: &OpaqueAuth) -> Result<(), AuthFault> {
        match verifier.flavor() {
            AuthFlavor::NONE | AuthFlavor::SYS => Ok(()),
            AuthFlavor::SHORT => {
                let mut learned = self.learned();
                let known = learned.short.as_ref().map(OpaqueAuth::body);
                if known != Some(verifier.body()) {
                    // A copy: the verifier is a slice of the reply, which must not be kept for it.
                    let body = Bytes::copy_from_slice(verifier.body());
                    learned.short = OpaqueAuth::new(AuthFlavor::SHORT, body);
                    learned.generation += 1;
                }
                Ok(())
            }
            _ => Err(AuthFault(AuthStat::INVALIDRESP)),
        }
    }

    fn refused(&self, ticket: Ticket, why: AuthStat) -> Next {
        // RFC 5531 appendix A: the server may discard a shorthand at any time, with AUTH_REJECTEDCRED; the
        // caller then goes back to the full credential. A refusal of the full one is final.
        if ticket == Ticket(0) || why != AuthStat::REJECTEDCRED {
            return Next::GiveUp;
        }
        let mut learned = self.learned();
        // Another call may have learned a newer one meanwhile.
        if ticket == Ticket(learned.generation) {
            learned.short = None;
        }
        Next::Retry
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::Procedure;

    /// RFC 5531 appendix A.
    mod appendix_a {
        use super::*;

        fn head() -> CallHead {
            CallHead {
                xid: 1,
                procedure: Procedure::new(1, 1, 1),
            }
        }

        fn short(body: &'static [u8]) -> OpaqueAuth {
            OpaqueAuth::new(AuthFlavor::SHORT, Bytes::from_static(body)).unwrap()
        }

        #[test]
        fn shorthand_is_learned_and_dropped_when_rejected() {
            let parms = AuthSys {
                machine_name: "m".into(),
                ..AuthSys::default()
            };
            let auth = AuthShort::new(&parms).unwrap();
            let (full, first) = auth.credential(&head()).unwrap();
            assert_eq!(full, parms.to_credential().unwrap());

            auth.check_verifier(first, &short(b"abcd")).unwrap();
            let (credential, second) = auth.credential(&head()).unwrap();
            assert_eq!(credential, short(b"abcd"));

            assert_eq!(auth.refused(second, AuthStat::REJECTEDCRED), Next::Retry);
            let (credential, third) = auth.credential(&head()).unwrap();
            assert_eq!(credential, full);
            assert_eq!(auth.refused(third, AuthStat::REJECTEDCRED), Next::GiveUp);
        }

        #[test]
        fn late_rejection_of_an_old_shorthand_keeps_the_new_one() {
            let auth = AuthShort::new(&AuthSys::default()).unwrap();
            auth.check_verifier(Ticket(0), &short(b"old!")).unwrap();
            let (_, old) = auth.credential(&head()).unwrap();
            auth.check_verifier(old, &short(b"new!")).unwrap();
            assert_eq!(auth.refused(old, AuthStat::REJECTEDCRED), Next::Retry);
            assert_eq!(auth.credential(&head()).unwrap().0, short(b"new!"));
        }

        #[test]
        fn other_refusals_are_final() {
            let auth = AuthShort::new(&AuthSys::default()).unwrap();
            auth.check_verifier(Ticket(0), &short(b"abcd")).unwrap();
            let (_, ticket) = auth.credential(&head()).unwrap();
            assert_eq!(auth.refused(ticket, AuthStat::TOOWEAK), Next::GiveUp);
            assert!(auth.is_short());
        }

        #[test]
        fn foreign_verifier_is_no_answer() {
            let auth = AuthShort::new(&AuthSys::default()).unwrap();
            let gss = OpaqueAuth::new(AuthFlavor::RPCSEC_GSS, Bytes::new()).unwrap();
            assert_eq!(
                auth.check_verifier(Ticket(0), &gss),
                Err(AuthFault(AuthStat::INVALIDRESP))
            );
        }
    }
}
