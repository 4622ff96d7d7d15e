//! Header codecs and the instant of Fairway's own TCP/IP stack.
//!
//! No I/O, no clock, no allocation, `no_std`, no unsafe code: octets in, values out, and back. An engine that is told
//! the time builds on it.
//!
//! | Module | Holds | Standards |
//! |---|---|---|
//! | [`ethernet`] | frame header, [`MacAddr`], [`EtherType`] | RFC 894, RFC 1112 §6.4 |
//! | [`arp`] | address resolution | RFC 826, RFC 5227 |
//! | [`ipv4`] | header and options | RFC 791, RFC 2113 |
//! | [`icmp`] | control messages | RFC 792, RFC 950, RFC 1191, RFC 4884 |
//! | [`igmp`] | group membership, versions 1 to 3 | RFC 1112, RFC 2236, RFC 9776 |
//! | [`udp`] | datagram header | RFC 768 |
//! | [`tcp`] | segment header, options, [`SeqNumber`] | RFC 9293, RFC 2018, RFC 7323 |
//! | [`pretty`] | a frame on one line | |
//! | [`checksum`] | the Internet checksum | RFC 1071, RFC 1624 |
//!
//! A header is a `Copy` struct. `parse` takes octets and gives the header with the slices behind it (options,
//! payload); `emit` writes it into octets that the caller has. Options and lists stay slices, with an iterator.
//! Nothing that arrives can make this crate panic, and what is read is never sized by a length that is not there.
//!
//! ```
//! use fairway_wire::{ethernet, ipv4, tcp};
//!
//! fn sequence_number(frame: &[u8]) -> Option<tcp::SeqNumber> {
//!     let (_, packet) = ethernet::Header::parse(frame).ok()?;
//!     let (ip, _options, segment) = ipv4::Header::parse(packet).ok()?;
//!     if !ipv4::Header::verify_checksum(packet) || ip.protocol != fairway_wire::Protocol::TCP {
//!         return None;
//!     }
//!     let (tcp, _options, _data) = tcp::Header::parse(segment).ok()?;
//!     Some(tcp.seq)
//! }
//! # assert_eq!(sequence_number(&[]), None);
//! ```

#![no_std]
#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing)]

#[cfg(test)]
extern crate std;

pub mod arp;
pub mod checksum;
pub mod ethernet;
pub mod icmp;
pub mod igmp;
pub mod ipv4;
mod list;
mod number;
pub mod pretty;
pub mod tcp;
mod time;
pub mod udp;

pub use ethernet::{EtherType, MacAddr, MacAddrError};
pub use number::Protocol;
pub use tcp::SeqNumber;
pub use time::Instant;

/// Fills `out` with `octets` and zeros behind them; octets that do not fit are cut.
#[inline]
fn put_padded(out: &mut [u8], octets: &[u8]) {
    let (head, tail) = out.split_at_mut(octets.len().min(out.len()));
    if let Some(octets) = octets.get(..head.len()) {
        head.copy_from_slice(octets);
    }
    tail.fill(0);
}
