//! Managing a host by name and number: parameters, statistics, requests.
//!
//! | file | holds |
//! |---|---|
//! | `parameter.rs` | what a parameter is, and how it is found |
//! | `tree.rs` | the declaration of every parameter (`sockets.md` §10.2) |
//! | `mib.rs` | the statistics of a host (`sockets.md` §11), by name too |
//! | `request.rs` | the 32-bit requests of control operations, and the rules of interface flags (`sockets.md` §8.9) |
//!
//! What a host does with them is in `stack/sysctl.rs`, `stack/control.rs` and `stack/manage.rs`.
//!
//! # The parameters
//!
#![doc = include_str!("../../doc/parameters.md")]

mod mib;
mod parameter;
mod request;
mod tree;

#[cfg(test)]
mod tests;

pub use mib::{Counters, MemoryCounters, Statistics};
pub use parameter::{Access, Parameter, ParameterKind, Setting, Table, Unit};
pub use request::{InterfaceFlags, Request};
pub use tree::PARAMETERS;
