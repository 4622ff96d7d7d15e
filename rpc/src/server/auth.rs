//! The server's side of authentication (RFC 5531 §8.2): the seam, and the two flavours everybody has.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

use super::{Caller, Refusal};
use crate::auth::AuthSys;
use crate::error::AuthStat;
use crate::msg::{AuthFlavor, CallHeader, OpaqueAuth};
use crate::transport::Channel;

/// Decides who calls, for one flavour of credentials.
///
/// Calls whose flavour nobody handles are answered with AUTH_ERROR, AUTH_REJECTEDCRED.
pub trait ServerAuth: Send + Sync + 'static {
    /// The flavour of the credentials it judges.
    fn flavor(&self) -> AuthFlavor;

    /// Judges one call.
    ///
    /// `head` are the octets of the message up to and including the credential, which is what a verifier of RPCSEC_GSS signs
    /// (RFC 2203 §5.3.1); `args` are the arguments as they came.
    fn accept(&self, call: &CallHeader, head: &[u8], args: Bytes) -> Accepted;
}

/// The verdict on a call.
#[non_exhaustive]
pub enum Accepted {
    /// Goes to its service.
    Caller {
        /// Who calls.
        caller: Caller,
        /// The arguments, unsealed.
        args: Bytes,
        /// What the reply is verified with.
        verifier: OpaqueAuth,
        /// What seals the results, if anything does.
        seal: Option<Arc<dyn Seal>>,
    },
    /// Is answered here and goes no further: context set-up (RFC 2203 §5.2), the probe for TLS (RFC 9289 §4.1).
    Answer {
        /// What the reply is verified with.
        verifier: OpaqueAuth,
        /// The results.
        body: Bytes,
        /// Moves the connection onto another stream as soon as the reply has gone out.
        then_swap: Option<Arc<dyn Upgrade>>,
    },
    /// AUTH_ERROR.
    Refuse(AuthStat),
    /// No answer (RFC 2203 §5.3.3.1: a sequence number outside of the window).
    Drop,
}

impl fmt::Debug for Accepted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Caller { caller, .. } => f.debug_tuple("Caller").field(caller).finish(),
            Self::Answer { body, .. } => f.debug_tuple("Answer").field(&body.len()).finish(),
            Self::Refuse(stat) => f.debug_tuple("Refuse").field(stat).finish(),
            Self::Drop => f.write_str("Drop"),
        }
    }
}

/// Seals the results of one call: integrity or privacy (RFC 2203 §5.3.3.4).
pub trait Seal: Send + Sync {
    /// The results as they go out.
    ///
    /// # Errors
    /// What to answer instead.
    fn wrap(&self, results: Bytes) -> Result<Bytes, Refusal>;
}

/// Moves a connection onto another stream between two records (RFC 9289 §4.1).
pub trait Upgrade: Send + Sync {
    /// Gives the new stream. No octet that the peer sent after its call has been read yet. An error closes the connection.
    fn upgrade(
        &self,
        channel: Channel,
    ) -> Pin<Box<dyn Future<Output = io::Result<Channel>> + Send>>;
}

/// AUTH_NONE, RFC 5531 §10.1: anybody.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ServerAuthNone;

impl ServerAuth for ServerAuthNone {
    fn flavor(&self) -> AuthFlavor {
        AuthFlavor::NONE
    }

    fn accept(&self, _: &CallHeader, _: &[u8], args: Bytes) -> Accepted {
        Accepted::Caller {
            caller: Caller::None,
            args,
            verifier: OpaqueAuth::NONE,
            seal: None,
        }
    }
}

/// AUTH_SYS, RFC 5531 appendix A: the caller says who it is, and nobody checks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ServerAuthSys;

impl ServerAuth for ServerAuthSys {
    fn flavor(&self) -> AuthFlavor {
        AuthFlavor::SYS
    }

    fn accept(&self, call: &CallHeader, _: &[u8], args: Bytes) -> Accepted {
        match fairway_xdr::from_slice::<AuthSys>(call.credential.body()) {
            Ok(sys) => Accepted::Caller {
                caller: Caller::Sys(Box::new(sys)),
                args,
                verifier: OpaqueAuth::NONE,
                seal: None,
            },
            Err(error) => {
                tracing::debug!(%error, "malformed AUTH_SYS credential");
                Accepted::Refuse(AuthStat::BADCRED)
            }
        }
    }
}
