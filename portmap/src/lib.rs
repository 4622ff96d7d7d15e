//! The portmapper: portmap 2 and rpcbind 3 and 4 (RFC 1833), daemon and client.
#![forbid(unsafe_code)]

pub mod access;
pub mod address;
pub mod hosts;
pub mod registry;
pub mod stats;
