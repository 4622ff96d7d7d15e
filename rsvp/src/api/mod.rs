//! The API for applications, RAPI: RFC 2205 §3.11.1, `rapi.md`.
//!
//! What an application asks ([`Call`]) and hears ([`Event`]), whatever is between it and the engine.
//!
//! | Module | Holds |
//! |---|---|
//! | [`proto`] | what passes between an application's library and the daemon |
//! | [`server`] | the daemon's side: applications, their sessions, what they may cost |
//! | [`client`] | the application's side, in three forms |
//! | [`text`] | objects as text |

mod call;
pub mod client;
mod event;
pub mod proto;
mod queue;
pub mod server;
pub mod text;

pub use call::{ApiError, Call, ReserveCall, SenderCall, Service};
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

/// Where the daemon listens for applications, unless told otherwise.
pub const SOCKET_PATH: &str = "/run/rsvp/rapi.sock";
/// The environment variable that tells applications otherwise.
pub const SOCKET_VARIABLE: &str = "RSVP_SOCKET";
