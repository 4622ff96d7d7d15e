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
///
/// A program that was started with rights that its caller does not have is not told by its caller's environment: not if
/// its user or group is another than the caller's. The C library asks the system, which also knows of capabilities.
#[must_use]
pub fn socket_path() -> PathBuf {
    use rustix::process::{getegid, geteuid, getgid, getuid};
    if getuid() != geteuid() || getgid() != getegid() {
        return super::SOCKET_PATH.into();
    }
    std::env::var_os(super::SOCKET_VARIABLE)
        .filter(|path| !path.is_empty())
        .map_or_else(|| super::SOCKET_PATH.into(), PathBuf::from)
}
