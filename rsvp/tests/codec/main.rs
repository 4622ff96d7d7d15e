//! The codec by its public API: golden octets, the rules of RFC 2205 §3.10, round trips, garbage.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod any;
mod garbage;
mod golden;
mod hex;
mod rules;
