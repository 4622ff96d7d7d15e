//! Rust from RPC language files: types, codecs, clients and servers.

pub mod emit;
pub mod model;
