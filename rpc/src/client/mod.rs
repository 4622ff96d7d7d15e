//! The client: many calls over one connection or one socket.

#[expect(
    clippy::module_inception,
    reason = "the layout names the file of the async API so"
)]
mod client;
mod conn;
mod core;
mod pending;
mod stream;
mod udp;
mod window;

pub use client::{CallOptions, Client, ClientConfig};
pub use core::ClientCounters;
