//! One control connection and what is said on it, without I/O.
//!
//! ```text
//!   operation ─► Session ─► Transmit, Connect, Listen, StartTls … ─► the shell does it
//!   octets    ─►    │
//!   data event ─►   └──────► Begin (octets may flow), Done(outcome)
//! ```
//!
//! An operation is a small machine of its own: `login`, `converse` (commands one after the other), `transfer`,
//! `recover` (back in step after a transfer that was given up). `truth` is what the connection is known to be set
//! to, so that only what differs is said.

mod converse;
mod core;
mod login;
mod recover;
mod talk;
mod transfer;
mod truth;

pub use self::converse::Step;
pub use self::core::{Operation, Session};
pub use self::login::{LoginSpec, Tls};
pub use self::talk::{DataEvent, Note, Outcome, Output, SessionConfig};
pub use self::transfer::{Announced, Method, Third, TransferSpec, Verb};
pub use self::truth::{Directory, Setting, Truth};

#[cfg(test)]
mod tests;
