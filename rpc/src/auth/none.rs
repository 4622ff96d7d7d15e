//! AUTH_NONE, RFC 5531 §10.1.

use super::{AuthFault, CallHead, ClientAuth, Ticket};
use crate::msg::OpaqueAuth;

/// No authentication: empty credential, empty verifier, and no look at the server's verifier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct AuthNone;

impl ClientAuth for AuthNone {
    fn credential(&self, _: &CallHead) -> Result<(OpaqueAuth, Ticket), AuthFault> {
        Ok((OpaqueAuth::NONE, Ticket(0)))
    }

    fn check_verifier(&self, _: Ticket, _: &OpaqueAuth) -> Result<(), AuthFault> {
        // RFC 5531 §10.1: the octets of the body are undefined, and are recommended to be none.
        Ok(())
    }
}
