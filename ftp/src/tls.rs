//! TLS on control and data connections (RFC 4217).
//!
//! ```text
//!   TlsOptions ── what to trust, what to offer; shared, cheap to clone
//!       │
//!   TlsContext ── one per control connection: its sessions, and nobody else's
//!       ├─ connect_control ──► ControlTls ── clear ──► TcpStream    (CCC)
//!       └─ connect_data    ──► DataTls                              (PROT P)
//! ```
//!
//! # Sessions
//! Many servers want a data connection to resume the session of *its* control connection: that is how they know that
//! both have the same client behind them. So a [`TlsContext`] keeps its own sessions, and a pool has one context per
//! control connection.
//!
//! TLS 1.2 sessions can be resumed any number of times. TLS 1.3 has tickets, which a client should use once (RFC 8446
//! §C.4: an observer could tell that two connections have the same client; here the control connection tells him
//! anyway). A login brings two, a download mostly one more, an upload on some servers none: the third upload in a row
//! finds no ticket. The context therefore uses fresh tickets as long as it has some and then the newest one again,
//! which servers accept unless they take early data. [`TlsContext::tickets`] counts the fresh ones,
//! [`DataTls::is_resumed`] tells whether it worked, and [`TlsContext::capped`] is the way out if it did not: TLS 1.2.
//!
//! # Records
//! rustls does the handshakes, and all cryptography. The records after them are handled here, with the ciphers of
//! rustls and the keys its [`kernel`](rustls::kernel) interface hands out, for three reasons: only that interface can
//! make a session out of one ticket more than once; CCC goes back to plain text in the middle of a stream, so no octet
//! behind the last record may be touched; and records are decrypted where they were received, which spares a copy.
//!
//! # Time and randomness
//! Certificates are checked by the time of [`Clock::wall`](fairway_stack::Clock::wall). Keys come from the system's
//! random numbers on simulated networks, too: there, what is sent is the same in every run of a seed only in its
//! lengths and times, not in its octets. Time limits are the caller's.

mod certificates;
mod config;
mod context;
mod control;
mod data;
mod error;
mod handshake;
mod options;
mod record;
mod sessions;
mod stream;

#[cfg(test)]
mod tests;

pub use context::TlsContext;
pub use control::{ControlTls, Idle};
pub use data::DataTls;
pub use error::{CertificateFault, TlsError};
pub use options::{IdentityError, Pin, TlsOptions, TlsVersion};
pub use stream::End;
