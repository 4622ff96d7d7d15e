//! The client against peers that do as the test says.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests may: the setting for tests does not reach the helpers of an integration test"
)]

mod auth;
mod callbacks;
mod drops;
mod limits;
mod lookup;
mod reconnect;
mod replies;
#[path = "../stacks/mod.rs"]
mod stacks;
mod support;
mod udp;
