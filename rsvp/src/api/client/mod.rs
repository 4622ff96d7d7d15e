//! The application's side of the API.
//!
//! | Module | Holds |
//! |---|---|
//! | [`core`] | requests, replies, events and re-establishing, pure |
//! | [`blocking`] | over a socket of the standard library, for programs with threads and event loops of their own |
//! | `session` | asynchronous, over a `Net`; with feature `service` |
//!
//! All keep what the application wants: when the daemon is started anew, sessions, senders and reservations are asked
//! for again.

pub mod blocking;
pub mod core;
#[cfg(feature = "service")]
mod session;

pub use self::core::{Asked, CallError, Core, LinkError, Notice, RequestId, SessionId};
#[cfg(feature = "service")]
pub use session::{Rapi, Session};

use std::path::PathBuf;

/// Where the daemon is: what `RSVP_SOCKET` says, else [`SOCKET_PATH`](super::SOCKET_PATH).
#[must_use]
pub fn socket_path() -> PathBuf {
    std::env::var_os(super::SOCKET_VARIABLE)
        .filter(|path| !path.is_empty())
        .map_or_else(|| super::SOCKET_PATH.into(), PathBuf::from)
}
