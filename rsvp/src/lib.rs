//! RSVP (RFC 2205): its messages, and the arithmetic of Integrated Services.
//!
//! This is the ground that an RSVP node stands on, and not yet the node. What is here is pure: octets and numbers in,
//! values out, and back; no I/O, no clock, no unsafe code.
//!
//! | Module | Holds | Standards |
//! |---|---|---|
//! | [`wire`] | the common header, and every object | RFC 2205 appendix A, 2747, 2961, 3097, 3209 §5 |
//! | [`msg`] | every message, read and written | RFC 2205 §3.1, 2747, 2961, 3097, 3209 §5 |
//! | [`integrity`] | digests, the window of sequence numbers | RFC 2747, 2104 |
//! | [`intserv`] | Tspec, flowspec, Adspec; order, sums, merging, composition, delay, slack, buffer | RFC 2210, 2211, 2212, 2215 |
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
//! UDP encapsulation (RFC 2205 appendix C) has nothing of its own on the wire.
//!
//! Diagnostics (RFC 2745), labels (RFC 3209, 3473) and sessions of IPsec (RFC 2207) are named or not known, and
//! treated by §3.10; the insides of POLICY_DATA are for others.

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
mod random;
pub mod routing;
mod state;
pub mod tc;
pub mod timers;
pub mod timing;
pub mod wire;

pub use error::{DecodeError, DecodeErrorKind, Disposition, Fault};
