//! The portmapper: portmap 2 and rpcbind 3 and 4 (RFC 1833), daemon and client.
#![forbid(unsafe_code)]

pub mod access;
pub mod address;
pub mod call_it;
pub mod client;
pub mod config;
pub mod core;
pub mod hosts;
pub mod portmapper;
pub mod registry;
pub mod report;
pub mod stats;
mod v2;
mod v3;
mod v4;
pub mod warm;

pub use portmapper::Portmapper;

/// Portmap, version 2: what `rpcgen` makes of `x/pmap.x`.
#[expect(
    clippy::missing_errors_doc,
    reason = "generated: every call can fail as CallError says"
)]
pub mod pmap {
    include!(concat!(env!("OUT_DIR"), "/pmap.rs"));
}

/// rpcbind, versions 3 and 4: what `rpcgen` makes of `x/rpcb.x`.
#[expect(
    clippy::missing_errors_doc,
    reason = "generated: every call can fail as CallError says"
)]
pub mod rpcb {
    include!(concat!(env!("OUT_DIR"), "/rpcb.rs"));
}
