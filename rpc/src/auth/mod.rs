//! The client's side of authentication (RFC 5531 §8.2): the seam every flavour fits into.

mod none;
mod short;
mod sys;

pub use none::AuthNone;
pub use short::AuthShort;
pub use sys::{AuthSys, MAX_GROUPS, MAX_MACHINE_NAME};

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::client::Client;
use crate::error::{AuthStat, CallError};
use crate::msg::{OpaqueAuth, Procedure};

/// What a credential may depend on: which call it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallHead {
    /// The call's transaction identifier.
    pub xid: u32,
    /// What is called.
    pub procedure: Procedure,
}

/// A flavour's own mark for one sending of one call: RPCSEC_GSS keeps the sequence number in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Ticket(pub u64);

/// Why a flavour could not make a credential or seal, or does not trust an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct AuthFault(pub AuthStat);

impl From<AuthFault> for CallError {
    fn from(fault: AuthFault) -> Self {
        Self::Auth(fault.0)
    }
}

/// What to do when a server answers AUTH_ERROR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Take a new credential and call again; the client does so at most twice a call.
    Retry,
    /// Tell the caller.
    GiveUp,
}

/// A boxed future that borrows its flavour.
pub type PrepareFuture<'a> = Pin<Box<dyn Future<Output = Result<(), AuthFault>> + Send + 'a>>;

/// A flavour of authentication, as a client uses it.
///
/// One value can serve many calls at once, on several clients. For each sending of a call, in this order:
/// [`prepare`](Self::prepare) (before the first use, and after `Retry`), [`credential`](Self::credential),
/// [`verifier`](Self::verifier), and for the answer [`check_verifier`](Self::check_verifier). Flavours that
/// sign or encrypt say so by [`seals`](Self::seals); for them [`wrap`](Self::wrap) and
/// [`unwrap`](Self::unwrap) see arguments and results. A resent call keeps its `xid` and gets a new ticket
/// from a flavour that seals (RFC 2203 §5.3.3.1 wants a new sequence number).
pub trait ClientAuth: Send + Sync + fmt::Debug {
    /// The credential of a call.
    ///
    /// # Errors
    /// There is none: the call fails with [`CallError::Auth`].
    fn credential(&self, head: &CallHead) -> Result<(OpaqueAuth, Ticket), AuthFault>;

    /// The verifier over `head`, the encoded call from `xid` to the credential (RFC 2203 §5.3.1).
    ///
    /// # Errors
    /// It cannot be made: the call fails with [`CallError::Auth`].
    fn verifier(&self, ticket: Ticket, head: &[u8]) -> Result<OpaqueAuth, AuthFault> {
        let _ = (ticket, head);
        Ok(OpaqueAuth::NONE)
    }

    /// Whether [`wrap`](Self::wrap), [`unwrap`](Self::unwrap) and the `head` of
    /// [`verifier`](Self::verifier) matter. Without it arguments are encoded straight behind the header.
    fn seals(&self) -> bool {
        false
    }

    /// Signs or encrypts encoded arguments; a multiple of four octets in and out.
    ///
    /// # Errors
    /// It cannot: the call fails with [`CallError::Auth`].
    fn wrap(&self, ticket: Ticket, args: Bytes) -> Result<Bytes, AuthFault> {
        let _ = ticket;
        Ok(args)
    }

    /// Looks at the verifier of an accepted reply.
    ///
    /// # Errors
    /// The reply is not the server's: the call fails with [`AuthStat::INVALIDRESP`].
    fn check_verifier(&self, ticket: Ticket, verifier: &OpaqueAuth) -> Result<(), AuthFault>;

    /// Checks or decrypts encoded results.
    ///
    /// # Errors
    /// They are not the server's: the call fails with [`CallError::Auth`].
    fn unwrap(&self, ticket: Ticket, results: Bytes) -> Result<Bytes, AuthFault> {
        let _ = ticket;
        Ok(results)
    }

    /// The server refused the credential or verifier of the sending `ticket`.
    fn refused(&self, ticket: Ticket, why: AuthStat) -> Next {
        let _ = (ticket, why);
        Next::GiveUp
    }

    /// What must be done before the flavour can be used, if anything: setting up an RPCSEC_GSS context
    /// takes calls of its own over the same client (RFC 2203 §5.2).
    fn prepare<'a>(&'a self, client: &'a Client) -> Option<PrepareFuture<'a>> {
        let _ = client;
        None
    }
}
