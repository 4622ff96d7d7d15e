//! The API for applications, RAPI: RFC 2205 §3.11.1, `rapi.md`.
//!
//! What an application asks ([`Call`]) and hears ([`Event`]), whatever is between it and the engine.

mod call;
mod event;

pub use call::{ApiError, Call, ReserveCall, SenderCall};
pub use event::{Event, PathSender};

use core::fmt;

/// Names an application's session in the engine. Who opens it chooses the number, which must not be in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ApiId(pub u64);

impl fmt::Display for ApiId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
