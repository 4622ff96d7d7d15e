//! ONC RPC (RFC 5531): asynchronous client and server.
//!
//! Calls, replies and record marking; AUTH_NONE, AUTH_SYS and AUTH_SHORT, with seams for RPCSEC_GSS (RFC 2203) and TLS
//! (RFC 9289); TCP, UDP, local sockets and pipes in memory; universal addresses (RFC 5665) and the portmapper calls that
//! clients and servers need (RFC 1833). `rpcgen` makes types, clients and server traits from `.x` files for it; the
//! portmapper itself is `fairway-portmap`.
//!
//! ```text
//!  EchoV1Client (rpcgen)        EchoV1 + EchoV1Service (rpcgen)     simple::call   simple::register
//!        │                                │                                 │
//!     Client ── call, batch, serve     Server ── Registry, Service, Proxy   broadcast   Portmapper
//!        │                                │
//!  core (xid, resend, deadlines)    core (bounds), duplicate cache          msg   record   auth   bind
//!        └───────────── stack: Net (TCP, UDP, local), Clock ───────────────┘
//! ```
//!
//! # Example
//! A client and a server in one process, without generated code:
//!
//! ```
//! use fairway_rpc::{CallOptions, Client, ClientConfig, Procedure, simple};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! const DOUBLE: Procedure = Procedure::new(0x2000_0001, 1, 1);
//! let net = fairway_stack::Net::system();
//! let server = simple::register(DOUBLE, |n: u32| async move { n * 2 }).start(&net).await?;
//!
//! let port = server.tcp_addr().ok_or("no address")?.port();
//! let client = Client::tcp(&net, ([127, 0, 0, 1], port).into(), ClientConfig::new()).await?;
//! let twice: u32 = client.call(DOUBLE, &21u32, &CallOptions::new()).await?;
//! assert_eq!(twice, 42);
//! # Ok(()) }
//! ```
//!
//! # The client
//! * Any number of calls are in flight on one connection; replies come in any order. A lone call costs three system
//!   calls and no hand-over between tasks; many are gathered into one write.
//! * Every future can be dropped: the call's place and its unwritten octets come back at once.
//! * Each call has a deadline ([`CallOptions::deadline`]), 25 s unless configured.
//! * A lost connection is made again by the next call. Calls in flight fail with
//!   [`CallError::Interrupted`]: they may have run. [`ClientConfig::resend`] sends them again with the same xid.
//! * Over UDP calls are sent again with growing waits and jitter until their time is over.
//! * [`Client::serve`] answers calls that the server makes over the same connection.
//! * [`Client::swap`] exchanges the stream between two records.
//!
//! # Limits
//! All that a peer can make grow is capped: [`ClientLimits`] and [`RecordLimits`] for clients, [`Limits`] for servers.
//! What goes over them is counted ([`ClientCounters`], [`Counters`]).
//!
//! # Not here
//! AUTH_DH (obsolete, RFC 5531 §8.2) and AUTH_KERB. RPCSEC_GSS and RPC over TLS have their seams
//! ([`ClientAuth`], [`ServerAuth`], [`Channel`]) and no implementation yet.

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

pub use fairway_stack::Net;
pub use fairway_xdr as xdr;
