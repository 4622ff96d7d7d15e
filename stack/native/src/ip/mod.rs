//! The Internet Protocol, version 4 (RFC 791).

pub mod fragment;
pub mod ident;
pub mod options;
pub mod reassembly;
pub mod segment;
