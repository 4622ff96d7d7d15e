//! What can go wrong with a call, and the numbers and texts the C library gives it.

use std::fmt;
use std::io;
use std::sync::Arc;

use fairway_stack::NetError;
use fairway_xdr::{DecodeError, EncodeError};

/// `enum clnt_stat` of the C library: one number for how a call ended.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClntStat(pub u32);

macro_rules! numbers {
    ($type:ident, $unknown:literal: $($name:ident = $value:literal, $symbol:literal, $text:literal;)+) => {
        impl $type {
            $(#[doc = concat!("`", $symbol, "`: ", $text, ".")] pub const $name: Self = Self($value);)+

            /// The message the C library prints for it.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self.0 {
                    $($value => $text,)+
                    _ => $unknown,
                }
            }

            /// The C name, if it has one.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($value => Some($symbol),)+
                    _ => None,
                }
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!(stringify!($type), "({})"), self.0),
                }
            }
        }

        /// The text the C library prints.
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

numbers! { ClntStat, "RPC: (unknown error code)":
    SUCCESS = 0, "RPC_SUCCESS", "RPC: Success";
    CANT_ENCODE_ARGS = 1, "RPC_CANTENCODEARGS", "RPC: Can't encode arguments";
    CANT_DECODE_RES = 2, "RPC_CANTDECODERES", "RPC: Can't decode result";
    CANT_SEND = 3, "RPC_CANTSEND", "RPC: Unable to send";
    CANT_RECV = 4, "RPC_CANTRECV", "RPC: Unable to receive";
    TIMED_OUT = 5, "RPC_TIMEDOUT", "RPC: Timed out";
    VERS_MISMATCH = 6, "RPC_VERSMISMATCH", "RPC: Incompatible versions of RPC";
    AUTH_ERROR = 7, "RPC_AUTHERROR", "RPC: Authentication error";
    PROG_UNAVAIL = 8, "RPC_PROGUNAVAIL", "RPC: Program unavailable";
    PROG_VERS_MISMATCH = 9, "RPC_PROGVERSMISMATCH", "RPC: Program/version mismatch";
    PROC_UNAVAIL = 10, "RPC_PROCUNAVAIL", "RPC: Procedure unavailable";
    CANT_DECODE_ARGS = 11, "RPC_CANTDECODEARGS", "RPC: Server can't decode arguments";
    SYSTEM_ERROR = 12, "RPC_SYSTEMERROR", "RPC: Remote system error";
    UNKNOWN_HOST = 13, "RPC_UNKNOWNHOST", "RPC: Unknown host";
    PMAP_FAILURE = 14, "RPC_PMAPFAILURE", "RPC: Port mapper failure";
    PROG_NOT_REGISTERED = 15, "RPC_PROGNOTREGISTERED", "RPC: Program not registered";
    FAILED = 16, "RPC_FAILED", "RPC: Failed (unspecified error)";
}

/// `auth_stat`, RFC 5531 §9: why authentication failed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AuthStat(pub u32);

numbers! { AuthStat, "Unknown authentication error":
    OK = 0, "AUTH_OK", "Authentication OK";
    BADCRED = 1, "AUTH_BADCRED", "Invalid client credential";
    REJECTEDCRED = 2, "AUTH_REJECTEDCRED", "Server rejected credential";
    BADVERF = 3, "AUTH_BADVERF", "Invalid client verifier";
    REJECTEDVERF = 4, "AUTH_REJECTEDVERF", "Server rejected verifier";
    TOOWEAK = 5, "AUTH_TOOWEAK", "Client credential too weak";
    INVALIDRESP = 6, "AUTH_INVALIDRESP", "Invalid server verifier";
    FAILED = 7, "AUTH_FAILED", "Failed (unspecified error)";
    KERB_GENERIC = 8, "AUTH_KERB_GENERIC", "Kerberos generic error";
    TIMEEXPIRE = 9, "AUTH_TIMEEXPIRE", "Time of credential expired";
    TKT_FILE = 10, "AUTH_TKT_FILE", "Problem with ticket file";
    DECODE = 11, "AUTH_DECODE", "Cannot decode authenticator";
    NET_ADDR = 12, "AUTH_NET_ADDR", "Wrong net address in ticket";
    GSS_CREDPROBLEM = 13, "RPCSEC_GSS_CREDPROBLEM", "No credentials for user";
    GSS_CTXPROBLEM = 14, "RPCSEC_GSS_CTXPROBLEM", "Problem with context";
}

/// Why a call gave no result.
///
/// [`stat`](Self::stat) gives the C library's number; [`may_have_run`](Self::may_have_run) says whether
/// the server may have executed the call.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// The arguments cannot be encoded; nothing was sent.
    #[error("cannot encode the arguments: {0}")]
    Encode(EncodeError),
    /// The results, or the reply around them, cannot be decoded. The call was answered.
    #[error("cannot decode the results: {0}")]
    Decode(DecodeError),
    /// A reply that is none by RFC 5531. The call may have run.
    #[error("malformed reply: {0}")]
    Malformed(&'static str),
    /// The call could not be sent; it did not run.
    #[error("unable to send: {0}")]
    Send(io::Error),
    /// No answer could be received (UDP: the peer's host reported that nobody listens).
    #[error("unable to receive: {0}")]
    Receive(io::Error),
    /// No answer within the call's time; it may have run.
    #[error("no answer in time")]
    TimedOut,
    /// The server speaks other versions of the protocol itself (`RPC_MISMATCH`).
    #[error("server speaks RPC versions {low} to {high}, not 2")]
    VersMismatch {
        /// Lowest protocol version there.
        low: u32,
        /// Highest protocol version there.
        high: u32,
    },
    /// The server refused the credential or verifier, or we the server's
    /// ([`AuthStat::INVALIDRESP`], [`AuthStat::FAILED`]).
    #[error("authentication error: {0}")]
    Auth(AuthStat),
    /// The server does not have the program.
    #[error("program unavailable")]
    ProgUnavail,
    /// The server has the program in other versions.
    #[error("the server has versions {low} to {high}")]
    ProgMismatch {
        /// Lowest version there.
        low: u32,
        /// Highest version there.
        high: u32,
    },
    /// The version has no such procedure.
    #[error("procedure unavailable")]
    ProcUnavail,
    /// The server could not decode the arguments.
    #[error("server cannot decode the arguments")]
    GarbageArgs,
    /// The server failed.
    #[error("remote system error")]
    SystemErr,
    /// The connection was lost while the call was in flight: the call may have run, once.
    #[error("connection lost, the call may have run: {0}")]
    Interrupted(Arc<io::Error>),
    /// The connection could not be made (again); the call was not sent.
    #[error("not connected: {0}")]
    Connect(Box<ConnectError>),
    /// More calls wait than [`ClientLimits::waiting`](crate::ClientLimits::waiting); nothing was sent.
    #[error("too many calls waiting")]
    Overloaded,
    /// The client was closed; the call was not sent, or its answer is not awaited.
    #[error("client closed")]
    Closed,
}

/// Clippy's default `result_large_err` must not fire in the code of users.
const _: () = assert!(size_of::<CallError>() <= 32);

impl CallError {
    /// The C library's number for it (`clnt_call`'s result).
    #[must_use]
    pub fn stat(&self) -> ClntStat {
        match self {
            Self::Encode(_) => ClntStat::CANT_ENCODE_ARGS,
            Self::Decode(_) | Self::Malformed(_) => ClntStat::CANT_DECODE_RES,
            Self::Send(_) => ClntStat::CANT_SEND,
            Self::Receive(_) | Self::Interrupted(_) => ClntStat::CANT_RECV,
            Self::TimedOut => ClntStat::TIMED_OUT,
            Self::VersMismatch { .. } => ClntStat::VERS_MISMATCH,
            Self::Auth(_) => ClntStat::AUTH_ERROR,
            Self::ProgUnavail => ClntStat::PROG_UNAVAIL,
            Self::ProgMismatch { .. } => ClntStat::PROG_VERS_MISMATCH,
            Self::ProcUnavail => ClntStat::PROC_UNAVAIL,
            Self::GarbageArgs => ClntStat::CANT_DECODE_ARGS,
            Self::SystemErr => ClntStat::SYSTEM_ERROR,
            Self::Connect(error) => error.stat(),
            Self::Overloaded | Self::Closed => ClntStat::FAILED,
        }
    }

    /// True if the server may have executed the call although there is no result.
    ///
    /// False after errors that say it was never sent or never looked at: such a call can be made again
    /// without harm.
    #[must_use]
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::Encode(_)
            | Self::Send(_)
            | Self::VersMismatch { .. }
            | Self::ProgUnavail
            | Self::ProgMismatch { .. }
            | Self::ProcUnavail
            | Self::GarbageArgs
            | Self::Connect(_)
            | Self::Overloaded => false,
            // Refused by the server before it ran, but for the two that we say about its answer.
            Self::Auth(why) => matches!(*why, AuthStat::INVALIDRESP | AuthStat::FAILED),
            Self::Decode(_)
            | Self::Malformed(_)
            | Self::Receive(_)
            | Self::TimedOut
            | Self::SystemErr
            | Self::Interrupted(_)
            | Self::Closed => true,
        }
    }

    /// What `clnt_perror` of the C library prints after its prefix.
    #[must_use]
    pub fn classic_text(&self) -> String {
        let stat = self.stat();
        match self {
            Self::Send(error) | Self::Receive(error) => format!("{stat}; errno = {error}"),
            Self::Interrupted(error) => format!("{stat}; errno = {error}"),
            Self::VersMismatch { low, high } | Self::ProgMismatch { low, high } => {
                format!("{stat}; low version = {low}, high version = {high}")
            }
            Self::Auth(why) if why.name().is_none() => {
                format!("{stat}; why = (unknown authentication error - {})", why.0)
            }
            Self::Auth(why) => format!("{stat}; why = {why}"),
            Self::Connect(error) => error.classic_text(),
            _ => stat.to_string(),
        }
    }
}

impl From<EncodeError> for CallError {
    fn from(error: EncodeError) -> Self {
        Self::Encode(error)
    }
}

impl From<DecodeError> for CallError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

/// Why there is no connection to a service.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The name is unknown, or could not be looked up.
    #[error("unknown host: {0}")]
    UnknownHost(NetError),
    /// The host's portmapper could not be asked.
    #[error("{}", portmapper_failed(at, error))]
    Portmapper {
        /// Its address.
        at: Box<str>,
        /// What became of asking.
        error: Box<CallError>,
    },
    /// The host's portmapper does not know the program, or not over this transport.
    #[error("program {program} version {version} is not registered with the portmapper at {at}")]
    NotRegistered {
        /// The portmapper's address.
        at: Box<str>,
        /// The program asked for.
        program: u32,
        /// The version asked for.
        version: u32,
    },
    /// A socket could not be made or bound.
    #[error("{0}")]
    System(NetError),
    /// A socket could not be connected.
    #[error("cannot connect to {peer}: {error}")]
    Connect {
        /// The address.
        peer: Box<str>,
        /// What the system says.
        error: NetError,
    },
    /// No connection within [`ClientConfig::connect_time`](crate::ClientConfig::connect_time).
    #[error("no connection to {peer} in time")]
    TimedOut {
        /// The address.
        peer: Box<str>,
    },
    /// The portmapper answered with an address that cannot be used.
    #[error("unusable address from the portmapper")]
    BadAddress,
}

/// Names the portmapper, and its address once: an error of connecting has it already.
fn portmapper_failed(at: &str, error: &CallError) -> String {
    match error {
        CallError::Connect(why) => format!("no portmapper: {why}"),
        error => format!("portmapper at {at}: {error}"),
    }
}

const _: () = assert!(size_of::<ConnectError>() <= 32);

impl ConnectError {
    /// The C library's number for it (`rpc_createerr.cf_stat`).
    #[must_use]
    pub fn stat(&self) -> ClntStat {
        match self {
            Self::UnknownHost(_) => ClntStat::UNKNOWN_HOST,
            Self::Portmapper { .. } | Self::BadAddress => ClntStat::PMAP_FAILURE,
            Self::NotRegistered { .. } => ClntStat::PROG_NOT_REGISTERED,
            Self::System(_) | Self::Connect { .. } => ClntStat::SYSTEM_ERROR,
            Self::TimedOut { .. } => ClntStat::TIMED_OUT,
        }
    }

    /// What `clnt_pcreateerror` of the C library prints after its prefix.
    #[must_use]
    pub fn classic_text(&self) -> String {
        let stat = self.stat();
        match self {
            Self::Portmapper { error, .. } => format!("{stat} - {}", error.classic_text()),
            Self::System(error) | Self::Connect { error, .. } => {
                format!("{stat} - {}", io::Error::from(*error))
            }
            _ => stat.to_string(),
        }
    }
}

impl From<NetError> for ConnectError {
    fn from(error: NetError) -> Self {
        match error {
            NetError::HostNotFound | NetError::TryAgain => Self::UnknownHost(error),
            error => Self::System(error),
        }
    }
}
