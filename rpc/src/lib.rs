//! ONC RPC (RFC 5531): asynchronous client and server.

pub mod auth;
mod client;
mod error;
mod limits;
pub mod msg;
pub mod record;

pub use auth::{AuthNone, AuthShort, AuthSys, ClientAuth};
pub use client::{CallOptions, Client, ClientConfig};
pub use error::{AuthStat, CallError, ClntStat, ConnectError};
pub use limits::{ClientLimits, RecordLimits};
pub use msg::{AuthFlavor, OpaqueAuth, Procedure};

pub use fairway_xdr as xdr;
