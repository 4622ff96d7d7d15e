//! RSVP (RFC 2205): a node, as host and as router, with its daemon, its API for applications, and the arithmetic of
//! Integrated Services.
//!
//! ```text
//!   programs ── api ──┐           ┌── rsvpctl
//!              ┌──────┴───────────┴──────┐
//!              │         daemon          │  sockets, files, signals, time
//!              └───────────┬─────────────┘
//!              ┌───────────┴─────────────┐  routing  asked where data goes
//!              │         engine          ├─
//!              └───────────┬─────────────┘  tc       asked to reserve
//!                      neighbour            identifiers, signatures, Bundles
//!                    msg, wire, intserv     octets and numbers
//! ```
//!
//! All below the daemon is pure: what happened and what time it is go in, what is to be done comes out; no I/O, no clock,
//! no randomness. The exceptions are the implementations of [`routing`] and [`tc`] that ask a system. There is no unsafe
//! code.
//!
//! | Module | Holds | Standards |
//! |---|---|---|
//! | `daemon` | configuration, packets, local sockets, the task that drives the engine (feature `service`) | RFC 2205 §3.11 |
//! | [`api`] | calls and events of applications, their protocol, client and server | RFC 2205 §3.11.1 |
//! | [`engine`] | path, reservation, blockade and traffic control state, and the rules over them | RFC 2205, 2209 |
//! | `state` | the blocks that the engine keeps, a type each; inside only | RFC 2209 §1 |
//! | [`neighbour`] | what passes between two nodes about messages | RFC 2747, 2961, 3097, 3209 §5, 2205 appendix C |
//! | [`tc`] | traffic control, asked by the engine: Linux (feature `linux-tc`), our own stack, admission only | RFC 2205 §3.11.2 |
//! | [`routing`] | where data goes: Linux, our own stack | RFC 2205 §3.11.4 |
//! | [`interface`], [`timers`] | what is known of an interface; when what is to be done | RFC 2205 §3.9, §3.7 |
//! | [`wire`] | the common header, and every object | RFC 2205 appendix A, 2747, 2961, 3097, 3209 §5 |
//! | [`msg`] | every message, read and written | RFC 2205 §3.1, 2747, 2961, 3097, 3209 §5 |
//! | [`integrity`] | digests, the window of sequence numbers | RFC 2747, 2104 |
//! | [`intserv`] | Tspec, flowspec, Adspec; order, sums, merging, composition, delay, slack, buffer | RFC 2210, 2211, 2212, 2215 |
//! | [`notice`], [`shown`] | why something was refused, for who operates the node; numbers with units | |
//! | [`timing`] | refresh period, lifetime, waits between retransmissions, as numbers | RFC 2205 §3.7, 2961 §6 |
//!
//! ```
//! use bytes::Bytes;
//! use fairway_rsvp::intserv::{Reading, Tspec};
//! use fairway_rsvp::msg::{Body, Message};
//! use fairway_rsvp::{Disposition, Fault};
//!
//! /// The rate that the sender of a Path announces, or what is owed for the message.
//! fn rate(datagram: &Bytes, mtu: u32) -> Result<Option<f32>, Disposition> {
//!     let message = Message::decode(datagram).map_err(|error| Disposition::of_message(&error))?;
//!     let Body::Path(path) = message.body else {
//!         return Ok(None);
//!     };
//!     let Some(sender) = path.sender else {
//!         return Ok(None);
//!     };
//!     let tspec = Tspec::from_object(&sender.tspec, Reading::Deployed { mtu })
//!         .map_err(|error| Disposition::of_tspec(&error))?;
//!     Ok(Some(tspec.rate().get()))
//! }
//! # assert_eq!(rate(&Bytes::new(), 1500), Err(Disposition::Drop(Fault::Length)));
//! ```
//!
//! # Where the engine leaves the RFCs
//!
//! * **Identifiers only for those who know them.** A MESSAGE_ID goes to neighbours that have shown the refresh reduction
//!   bit, and nothing else of RFC 2961 to any other; the RFC leaves it to the sender (§4.6, §2).
//! * **When a request is blockaded.** RFC 2205 §3.5 compares "some component": over all of r, b, p, m and M that would
//!   keep out every smaller request that has one of them in common with the failed one. Here the failed Qb
//!   blockades Qi unless Qb is strictly greater than Qi. It is held against each next hop's request, as RFC 2205 says, not against
//!   what they ask together, as RFC 2209 does. A policy failure makes no blockade. If all is blockaded, the next refresh
//!   asks for the greatest lower bound, which no RFC defines.
//! * **PathTear names the previous hop**, as RFC 2205 §3.1.5 wants and RFC 2209 forgets: one from elsewhere tears
//!   nothing.
//! * **The non-RSVP flag, and a changed Adspec.** The flag is taken from each Path, not from the first; another Adspec goes
//!   on at once (RFC 2205 §3.3). RFC 2209 has neither.
//! * **Path_Te is the Tspec of the senders that reach the interface**, summed after those that left are gone: RFC 2209
//!   has the steps the other way round.
//! * **Routes change: hold, then tear.** What was reserved along the old way is not torn upstream before the new way has
//!   been announced (*W*, spread over 300 ms) and had three seconds for an answer: it may only be on its way to
//!   somewhere else. The RFCs do not speak of that time.
//! * **A hop that Paths do not come from any more is remembered until it is silent.** When a route changes, and both ways
//!   meet again before this node, the routers on the old one go on refreshing until their state ends, and tear then.
//!   RFC 2209 would take each of their refreshes for a new previous hop, and their tear for the sender's. Here a hop
//!   becomes the previous one by saying something new; the others are asked for what is reserved, too, and one of them
//!   takes the place of the first when that tears, falls silent or answers that it knows no such sender.
//! * **Summaries call a roll.** A state whose name a neighbour has acknowledged is named once in a refresh period, with all
//!   others there; one refresh of twenty is in full (RFC 2961 §5.5).
//! * **What was refused further on confirms nothing.** A lesser request beside one that is blockaded has its RESV_CONFIRM
//!   sent on; RFC 2209 answers it here, since the greater counts as in place.
//! * **A hop that knows no path of a sender it has announced has restarted.** Its ResvErr of code 3 is kept here the first
//!   time, and its next Path answered with a Resv at once: RFC 2205 would tell the receivers of a failure, and have the
//!   reservation wait for the refresh after that.
//! * **A host without traffic control is no hop**: it adds nothing to an Adspec, and breaks nothing in it.
//! * **Tears go together.** Of what is torn towards one previous hop at one time, one ResvTear tells (§3.1.6 allows it).
//! * **Limits.** Sessions, state of each and of all, blockades, neighbours, what waits for an acknowledgement, and what is
//!   carried of unknown objects are bounded ([`engine::Limits`]). What is over is refused: a Resv by a ResvErr of code 23,
//!   a Path in silence, counted. ResvErrs to one neighbour for one message are bounded, too.
//!
//! # How it reads
//!
//! * Liberal where RFC 2205 wants it: objects in any permissible order, NULL anywhere, reserved bits ignored, a zero
//!   checksum is none. Strict where a guess could be wrong: lengths, repeated objects, objects that do not belong,
//!   order after STYLE.
//! * Unknown classes by their high bits (§3.10): what is to be forwarded is kept with the message and written with it.
//!   A message that is refused comes back without the object that was not known, for the answer to be made of.
//! * FLOWSPEC, SENDER_TSPEC, ADSPEC and POLICY_DATA stay octets ([`wire::Opaque`]), so that they go on to the bit;
//!   [`intserv`] reads them when their meaning counts. Values that deployed routers send are put right there, and
//!   nowhere else ([`intserv::Reading`]).
//! * [`Disposition`] says for every fault whether it is dropped, and how counted, or answered, and with which code.
//!
//! # How it writes
//!
//! In the order that the RFCs recommend, each value in one form: reading what was written gives the same value, and
//! writing that gives the same octets.
//!
//! # Limits
//!
//! A message has at most 65532 octets. Nothing is allocated for octets that are not there; [`msg::Limits`] bounds what
//! costs more in memory than on the wire. A Bundle in a Bundle is not read. Opaque and unknown objects share the
//! octets of the datagram, which is why each should come in a buffer of its own.
//!
//! # Not here
//!
//! Policy (RFC 2750): POLICY_DATA is carried, and looked at by nobody. Diagnostics (RFC 2745), labels (RFC 3209, 3473)
//! and sessions of IPsec (RFC 2207) are named or not known, and treated by §3.10.

#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

pub mod api;
#[cfg(feature = "service")]
pub mod daemon;
pub mod engine;
mod error;
pub mod integrity;
pub mod interface;
pub mod intserv;
pub mod msg;
pub mod neighbour;
#[cfg(all(feature = "linux-tc", target_os = "linux"))]
mod netlink;
pub mod notice;
mod random;
pub mod routing;
pub mod shown;
mod state;
pub mod tc;
pub mod timers;
pub mod timing;
pub mod wire;

pub use error::{DecodeError, DecodeErrorKind, Disposition, Fault};
