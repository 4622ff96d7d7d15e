//! The server: from octets to services and back.
//!
//! [`dispatch`] judges messages and makes replies, [`core`] knows the times and bounds of a stream, [`replies`] remembers what was
//! answered; none of them does I/O. [`connection`] and [`udp`] drive them over streams and datagrams, [`server`] listens.

mod accept;
mod auth;
mod connection;
mod context;
mod core;
mod counters;
mod dispatch;
mod handle;
mod limits;
mod local;
mod output;
mod parked;
mod register;
mod replies;
mod reply;
mod served;
#[expect(
    clippy::module_inception,
    reason = "the layout names the file of the async API so"
)]
mod server;
mod service;
mod shorthand;
mod udp;

pub use auth::{Accepted, Seal, ServerAuth, Upgrade};
pub use context::{CallContext, Caller, Peer, TransportKind};
pub use counters::{BUCKETS, Counters, Histogram, ProcedureCounters};
pub use dispatch::Registry;
pub use limits::Limits;
pub use register::RegisterError;
pub use reply::{EncodedReply, Refusal, Reply};
pub(crate) use served::Served;
pub use server::{Listener, Server, ServerAddress, ServerBuilder, ServerError};
pub use service::{Args, CallFuture, Proxy, Service, ServiceOptions};
pub use shorthand::Shorthand;
