//! A whole host's TCP/IP stack as one value: it is told what arrived and what time it is, and asked what to send.
//!
//! No I/O, no clock, no threads and no randomness of its own: the same seed, inputs and times give the same octets.

#![forbid(unsafe_code)]

pub mod config;
pub mod counters;
pub mod errno;
pub mod event;
pub mod hash;
pub mod iface;
pub mod ip;
pub mod limits;
pub mod neigh;
pub mod pkt;
pub mod qos;
pub mod rng;
pub mod route;

pub use config::Config;
pub use errno::Errno;
pub use limits::Limits;
pub use pkt::PacketBuf;
