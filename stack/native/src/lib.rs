//! A whole host's TCP/IP stack as one value: it is told what arrived and what time it is, and asked what to send.
//!
//! No I/O, no clock, no threads and no randomness of its own: the same seed, inputs and times give the same octets. So
//! a test needs no sockets and no waiting, a simulation can hold hundreds of hosts, and a program that has frames from
//! somewhere (a TAP device, a radio, a file) has a host.
//!
//! ```text
//!              tcp_socket() bind() connect() send_msg() …        handle_timeout(now)
//!                               │                                       │
//!                 ┌─────────────▼───────────────────────────────────────▼────┐
//!                 │ Stack   sockets · udp · tcp · raw · local · igmp · icmp  │
//!                 │         ip: routes, options, fragments, forwarding       │──► poll_timeout()
//!                 │         arp · queues of interfaces · events · counters   │──► take_wakers()
//!                 └───▲───────────────────────────────────────────────────┬──┘
//!                     │                                                   ▼
//!              handle_frame(now, interface, frame)         poll_frame(now, interface)
//! ```
//!
//! Two hosts on a wire, and a datagram between them:
//!
//! ```
//! use fairway_native::{Departure, InterfaceAddress, InterfaceConfig, Setup, Stack};
//! use fairway_wire::{Instant, MacAddr};
//! use std::io::IoSlice;
//!
//! # fn main() -> Result<(), fairway_native::Errno> {
//! let now = Instant::ZERO;
//! let mut hosts = [1, 2].map(|n: u8| Stack::new(Setup::new("host", [n; 32])));
//! let mut wires = Vec::new();
//! for (host, n) in hosts.iter_mut().zip(1..) {
//!     let wire = host.add_interface(InterfaceConfig::ethernet("eth0", MacAddr([2, 0, 0, 0, 0, n])));
//!     host.add_address(now, wire, InterfaceAddress::new([10, 0, 0, n].into(), 24))?;
//!     wires.push(wire);
//! }
//! let [one, other] = &mut hosts;
//! let (sender, receiver) = (one.udp_socket()?, other.udp_socket()?);
//! other.bind(now, receiver, "10.0.0.2:7".parse().unwrap())?;
//! let to = Departure { peer: Some("10.0.0.2:7".parse().unwrap()), ..Departure::default() };
//! one.send_msg(now, sender, &[IoSlice::new(b"hello")], &to)?;
//! // ARP asks, answers, and the datagram follows.
//! while one.output_pending().is_some() || other.output_pending().is_some() {
//!     while let Some(frame) = one.poll_frame(now, wires[0]) {
//!         other.handle_frame(now, wires[1], frame);
//!     }
//!     while let Some(frame) = other.poll_frame(now, wires[1]) {
//!         one.handle_frame(now, wires[0], frame);
//!     }
//! }
//! let mut buf = [0; 16];
//! let (length, arrival) = other.recv_msg(receiver, &mut buf, false)?;
//! assert_eq!((&buf[..length], arrival.peer.ip().octets()), (&b"hello"[..], [10, 0, 0, 1]));
//! # Ok(())
//! # }
//! ```
//!
//! `fairway-stack` puts asynchronous sockets over it, `fairway-sim` links and virtual time around it.
//!
//! # What it is not
//!
//! IPv4 only; the seams for IPv6 are there. One host is one value behind one lock: it uses one core. Programs that do
//! not wake up in time are not hurried: whoever holds the value calls it.
//!
//! # Where things are
//!
//! | module | holds |
//! |---|---|
//! | [`stack`] | [`Stack`]: the layers together, and every call |
//! | [`tcp`] | TCP whole, as a value of its own |
//! | [`udp`], [`sock`], [`local`] | datagrams, the table of sockets, local sockets |
//! | [`ip`], [`icmp`], [`igmp`], [`route`], [`neigh`] | the network layer and its tables |
//! | [`iface`], [`qos`] | interfaces, and what their queues do |
//! | [`mod@event`], [`counters`], [`config`], [`limits`], [`mgmt`] | what is told, counted, tuned, bounded, and by which name |
//! | [`pkt`], [`hash`], [`rng`] | packets in memory, what strangers cannot guess, what a seed gives |
//!
//! # Limits
//!
//! Whatever a stranger could make grow has a field in [`Limits`], with a default, and a counter or an event that says
//! when it was reached.
//!
//! # Standards
//!
//! RFC 768, 791, 792, 826, 894, 919, 922, 950, 1112, 1122 and 1812 (as far as they are not superseded), 1191, 2113,
//! 2236, 2474, 2644, 3021, 3376, 3678, 5227, 6056, 6633, 6864; those of TCP are listed in [`tcp`]. Exceptions, each
//! with its reason at the place: source routes that are not at their end are refused (RFC 7126), requests for
//! information and masks are not answered by default (RFC 6918), and an initial fragment that overlaps another drops
//! the packet (as RFC 5722 has it for IPv6).

#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

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
