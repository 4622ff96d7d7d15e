//! Rust from RPC language files: types, codecs, clients and servers.
