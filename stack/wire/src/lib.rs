//! Header codecs and the instant of Fairway's own TCP/IP stack.
//!
//! No I/O, no clock, `no_std`: what is here can be used by an engine that is told the time. For now it holds
//! [`Instant`] only.

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

mod time;

pub use time::Instant;
