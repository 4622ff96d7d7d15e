//! A whole host's TCP/IP stack as one value: it is told what arrived and what time it is, and asked what to send.
//!
//! No I/O, no clock, no threads and no randomness of its own: the same seed, inputs and times give the same octets.

#![forbid(unsafe_code)]

pub mod config;
pub mod counters;
#[macro_use]
mod context;

mod datagram;
pub mod errno;
pub mod event;
pub mod hash;
pub mod icmp;
pub mod iface;
pub mod igmp;
pub mod ip;
pub mod limits;
pub mod local;
pub mod mgmt;
pub mod neigh;
pub mod pkt;
pub mod qos;
mod raw;
pub mod rng;
pub mod route;
pub mod sock;
pub mod stack;
pub mod tcp;
pub mod udp;

pub use config::Config;
pub use datagram::{Arrival, Departure};
pub use errno::Errno;
pub use iface::{Interface, InterfaceAddress, InterfaceConfig, InterfaceId, Medium};
pub use limits::Limits;
pub use pkt::PacketBuf;
pub use sock::{Interest, Readiness, SocketId};
pub use stack::{Ready, Setup, Stack};
