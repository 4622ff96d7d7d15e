//! Networks of engines in one process, with a queue for the links and a number for the time: RFC 2205 and RFC 2209, rule
//! by rule.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

#[path = "../codec/any.rs"]
mod any;
mod apps;
mod basics;
mod carried;
mod figures;
mod garbage;
mod ids;
mod net;
mod notices;
mod one;
mod random;
mod refusals;
mod repair;
mod sequences;
mod steps;
mod upcalls;
mod ways;

/// How many cases of a random test are tried: as many as `PROPTEST_CASES` says, or so many.
fn cases(usual: u32) -> u32 {
    let wanted = std::env::var("PROPTEST_CASES").ok();
    wanted.and_then(|count| count.parse().ok()).unwrap_or(usual)
}
