//! ONC RPC (RFC 5531): asynchronous client and server.

pub mod auth;
pub mod bind;
pub mod broadcast;
mod client;
mod error;
mod limits;
pub mod msg;
pub mod portmapper;
pub mod programs;
pub mod record;
mod server;
pub mod simple;
mod transport;

pub use auth::{AuthNone, AuthShort, AuthSys, ClientAuth};
pub use bind::{Netid, Transport};
pub use broadcast::{BroadcastOptions, broadcast};
pub use client::{CallOptions, Client, ClientConfig, ClientCounters};
pub use error::{AuthStat, CallError, ClntStat, ConnectError};
pub use limits::{ClientLimits, RecordLimits};
pub use msg::{AuthFlavor, OpaqueAuth, Procedure};
pub use portmapper::Portmapper;
pub use transport::{Channel, Stream};

pub use server::{
    Accepted, Args, BUCKETS, CallContext, CallFuture, Caller, Counters, EncodedReply, Histogram,
    Limits, Listener, Peer, ProcedureCounters, Proxy, Refusal, RegisterError, Registry, Reply,
    Seal, Server, ServerAddress, ServerAuth, ServerBuilder, ServerError, Service, ServiceOptions,
    Shorthand, TransportKind, Upgrade,
};

pub use fairway_xdr as xdr;
