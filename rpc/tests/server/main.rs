//! The server over real sockets on loopback: what it answers octet by octet, what each bound does, and that one peer's faults
//! cost only that peer.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that fails says so"
)]

mod callbacks;
mod calls;
mod datagrams;
mod limits;
mod registering;
mod rejections;
mod shorthand;
mod slow;
#[path = "../stacks/mod.rs"]
mod stacks;
mod stopping;
mod support;
mod swapping;
