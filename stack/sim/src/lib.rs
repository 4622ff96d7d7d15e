//! Whole internetworks in one process: simulated hosts on simulated links, in virtual time.
//!
//! A [`Network`] has hosts ([`Node`]), and what joins them: a [`Link`] between two, a [`Segment`] for several. Every
//! host runs the whole TCP/IP engine (`fairway-native`), and programs on it get a [`Net`](fairway_stack::Net), as they
//! do from the machine they run on: the same program, not one line changed. Nothing here needs root, and nothing waits:
//! an hour of idle network is over in a moment, and a busy one takes as long as it is work.
//!
//! ```text
//!   program ── Net ── engine of the host ── interface
//!                                              │ takes the next frame when the line is free
//!                                              ▼
//!        Channel: queue ─ transmitter ─ faults ─ delay ─┐        one for either direction
//!                                                       ▼
//!                       events by (time, order planned) ── Driver ── virtual clock, tasks
//!                                                       ▼
//!                                             engine of the other host
//! ```
//!
//! Three hosts and two routers; a link breaks in the middle of a transfer, and TCP recovers:
//!
//! ```
//! use fairway_sim::{BitsPerSec, Network, Queue};
//! use fairway_stack::NetError;
//! use std::net::Shutdown;
//! use std::time::Duration;
//! use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
//!
//! # fn main() -> std::io::Result<()> {
//! let network = Network::new(42);
//! let [alice, bob, carol] = ["alice", "bob", "carol"].map(|name| network.node(name));
//! let [west, east] = ["west", "east"].map(|name| network.router(name));
//! network.segment().station(&alice).station(&carol).station(&west).build();
//! let trunk = network
//!     .link(&west, &east)
//!     .rate(BitsPerSec::mega(10))
//!     .delay(Duration::from_millis(10))
//!     .queue(Queue::frames(50))
//!     .loss(0.001)
//!     .connect();
//! network.link(&east, &bob).connect();
//! network.route_all();
//! let capture = trunk.capture();
//!
//! // Bob counts what he gets, and answers with the number at the end.
//! let listener = bob.net().listen_tcp("0.0.0.0:80".parse().unwrap())?;
//! bob.spawn(async move {
//!     let (mut stream, _) = listener.accept().await.map_err(NetError::from)?;
//!     let mut all = Vec::new();
//!     stream.read_to_end(&mut all).await?;
//!     stream.write_u64(u64::try_from(all.len()).unwrap()).await
//! })
//! .detach();
//!
//! network.run(async {
//!     let bob = alice.net().lookup("bob").await?[0];
//!     let mut stream = alice.net().connect_tcp((bob, 80).into()).await?;
//!     for part in 0..4 {
//!         stream.write_all(&vec![part; 250_000]).await?;
//!         if part == 1 {
//!             trunk.down();
//!             network.clock().sleep(Duration::from_secs(3)).await;
//!             trunk.up();
//!         }
//!     }
//!     stream.shutdown(Shutdown::Write)?;
//!     assert_eq!(stream.read_u64().await?, 1_000_000);
//!     std::io::Result::Ok(())
//! })?;
//!
//! assert!(trunk.there().counters().down > 0);
//! let file = std::env::temp_dir().join("trunk.pcapng");
//! capture.save(&file)?; // wireshark trunk.pcapng
//! # std::fs::remove_file(&file)?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it is
//!
//! * Virtual time, exact to the nanosecond: [`Clock`](fairway_stack::Clock), its timers and every arrival of a frame.
//!   When nothing can ever happen any more, it panics and says who waits, where a real program would hang.
//! * Deterministic: the seed decides everything random. A run with the same seed gives the same frames, the same
//!   [log](Network::log) and the same [captures](Capture), octet by octet; [`Network::fingerprint`] is a hash of them.
//! * Links with a rate, a delay, jitter, a queue of their own or none (then the interface's queueing discipline is the
//!   queue), places too narrow for long packets, and faults ([`impair`]): independent loss, bursts, chosen frames,
//!   predicates, reordering by delay and by swapping, duplication, corruption; cut, unplugged and repaired while
//!   the network runs; different in either direction.
//! * Hosts that [crash](Node::crash) and [restart](Node::restart), hosts that are [separated](Network::partition).
//! * Addresses, routes ([`Network::route_all`]) and names without configuration, or with it.
//! * Captures as Wireshark reads them ([`pcap`]), with what became of each frame as its comment.
//!
//! # What it is not
//!
//! No model of processors: computing takes no virtual time. No radio, no shared cable with collisions: a segment is a
//! switch, or a hub without collisions. One thread: tasks of all hosts run on it.
//!
//! # Rules for programs
//!
//! * Time comes from [`Net::clock`](fairway_stack::Net::clock), randomness from
//!   [`Net::rng`](fairway_stack::Net::rng), and `select!` is `biased`; otherwise runs differ. Timers of tokio work, but
//!   are late by up to a millisecond.
//! * No system sockets and no blocking calls: virtual time does not wait for them.
//! * [`Network::run`] is a runtime of its own: a test is a plain `#[test]`, not `#[tokio::test]`.
//!
//! # Limits
//!
//! Memory: what is under way on links, captures that are not [written elsewhere](Link::capture_to), and the last
//! 100 000 lines of the log.

#![forbid(unsafe_code)]

/// The sockets of hosts, for those who depend on this crate alone.
pub use fairway_stack;

mod capture;
mod channel;
mod direction;
mod driver;
mod events;
mod frame;
pub mod impair;
mod interface;
mod line;
mod link;
mod log;
mod map;
mod network;
mod node;
pub mod pcap;
mod rate;
mod segment;
mod switch;
#[cfg(test)]
mod testing;
mod topology;
mod world;

pub use capture::Capture;
pub use channel::{
    Carriage, Channel, ChannelConfig, ChannelCounters, Delivery, DropReason, Fate, Narrow, Queue,
};
pub use direction::{DirectionBuilder, LinkDirection};
pub use frame::{Frame, Framing};
pub use link::{Link, LinkBuilder};
pub use network::{Network, WALL_START};
pub use node::{Node, NodeBuilder};
pub use rate::BitsPerSec;
pub use segment::{Segment, SegmentBuilder};
