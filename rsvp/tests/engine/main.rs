//! Networks of engines in one process, with a queue for the links and a number for the time: RFC 2205 and RFC 2209, rule
//! by rule.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod basics;
mod figures;
mod net;
mod one;
mod repair;
mod steps;
mod upcalls;
