//! Whole networks in virtual time: what the services of this suite do when the network does its worst. Every run is a
//! function of its seed, which a failure names.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod ftp;
mod portmapper;
mod rpc;
mod rsvp;
mod support;
