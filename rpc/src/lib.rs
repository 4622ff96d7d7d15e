//! ONC RPC (RFC 5531): asynchronous client and server.
//!
//! Calls, replies and record marking; AUTH_NONE, AUTH_SYS and AUTH_SHORT, with extension points for RPCSEC_GSS (RFC 2203) and
//! TLS (RFC 9289); TCP, UDP, local sockets and pipes in memory; universal addresses (RFC 5665) and the portmapper calls that
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
//! `rpcgen` makes a client and a trait for the server of each version of a program in a `.x` file:
//!
//! ```c
//! typedef opaque echo_blob<>;
//! struct echo_stat { unsigned int calls; unsigned int pad; };
//!
//! program ECHO_PROG {
//!     version ECHO_VERS {
//!         void ECHO_NULL(void) = 0;
//!         echo_blob ECHO_BLOB(echo_blob) = 1;
//!         echo_stat ECHO_STAT(unsigned int) = 2;
//!     } = 1;
//! } = 0x20004321;
//! ```
//!
//! The server implements `EchoV1`, the client calls `EchoV1Client`. Here both are in one process:
//!
//! ```
//! use std::net::Ipv4Addr;
//! use std::time::Duration;
//!
//! use fairway_rpc::{CallContext, Client, ClientConfig, Net, Refusal, Reply, Server};
//! # #[allow(warnings)]
//! # mod echo {
//! #     include!(concat!(env!("CARGO_MANIFEST_DIR"), "/../rpcgen/testdata/output/echo.rs"));
//! # }
//! use echo::{EchoBlob, EchoStat, EchoV1, EchoV1Client, EchoV1Service};
//!
//! struct Echo;
//!
//! impl EchoV1 for Echo {
//!     async fn blob(&self, _: &CallContext, blob: EchoBlob) -> Result<Reply<EchoBlob>, Refusal> {
//!         Ok(blob.into())
//!     }
//!
//!     async fn stat(&self, _: &CallContext, calls: u32) -> Result<Reply<EchoStat>, Refusal> {
//!         Ok(EchoStat { calls, pad: 0 }.into())
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let net = Net::system();
//! let server = Server::builder(&net)
//!     .service(EchoV1Service::new(Echo))
//!     .listen_tcp((Ipv4Addr::LOCALHOST, 0).into())
//!     .start()
//!     .await?;
//!
//! let address = server.tcp_addr().ok_or("no address")?;
//! let echo = EchoV1Client::new(Client::tcp(&net, address, ClientConfig::new()).await?);
//! assert_eq!(echo.stat(42).await?.calls, 42);
//!
//! server.shutdown(Duration::from_secs(5)).await;
//! # Ok(()) }
//! ```
//!
//! [`simple`] does without generated code. A server that is found by its program's number registers
//! ([`Server::register`]), and its clients are made by `EchoV1Client::dial`. `examples/echod.rs` is the service above by
//! hand, `examples/null_calls.rs` a client that keeps many calls in flight.
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
//! AUTH_DH (obsolete, RFC 5531 §8.2) and AUTH_KERB. RPCSEC_GSS and RPC over TLS have extension points
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
