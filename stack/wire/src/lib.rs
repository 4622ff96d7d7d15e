//! Header codecs and the instant of Fairway's own TCP/IP stack.
//!
//! Octets in, values out, and back: no I/O, no clock, no allocation, `no_std`, no unsafe code. The engine, which is told
//! the time, builds on it, and so do the simulation and the tools that show packets.
//!
//! | Module | Holds | Standards |
//! |---|---|---|
//! | [`ethernet`] | frame header, [`MacAddr`], [`EtherType`] | RFC 894, RFC 1112 §6.4 |
//! | [`arp`] | address resolution of IPv4 on Ethernet | RFC 826, RFC 5227 |
//! | [`ipv4`] | header | RFC 791 |
//! | [`ipv4::options`] | options, read, built and rewritten in place | RFC 791 §3.1, RFC 2113 |
//! | [`icmp`] | control messages, what they quote, their extensions | RFC 792, RFC 950, RFC 1191, RFC 4884 |
//! | [`igmp`] | group membership, versions 1 to 3 | RFC 1112, RFC 2236, RFC 9776 |
//! | [`udp`] | datagram header | RFC 768 |
//! | [`tcp`] | segment header, options, [`SeqNumber`] | RFC 9293, RFC 2018, RFC 7323 |
//! | [`checksum`] | the Internet checksum | RFC 1071, RFC 1624 |
//! | [`pretty`] | a frame on one line | |
//!
//! A header is a `Copy` struct. `parse` takes octets and gives the header with the slices behind it: options, payload.
//! `emit` writes it into octets that the caller has. Options and lists stay slices, with an iterator over them. Each
//! protocol has its own `ParseError`, whose variants differ by what a receiver counts.
//!
//! Nothing that arrives can make this crate panic, and nothing is read past the octets that are there, whatever their
//! lengths say. Reserved bits are ignored, as the RFCs want, and sent as zero.
//!
//! ```
//! use fairway_wire::{Protocol, ethernet, ipv4, tcp};
//!
//! /// The number that the first octet of a segment's data has.
//! fn sequence_number(frame: &[u8]) -> Option<tcp::SeqNumber> {
//!     let (_, packet) = ethernet::Header::parse(frame).ok()?;
//!     let (ip, _options, segment) = ipv4::Header::parse_verified(packet).ok()?;
//!     if ip.protocol != Protocol::TCP || ip.is_fragment() {
//!         return None;
//!     }
//!     let (tcp, _options, _data) = tcp::Header::parse(segment).ok()?;
//!     Some(tcp.seq)
//! }
//! # assert_eq!(sequence_number(&[]), None);
//! ```
//!
//! Not here: IPv6, VLAN tags and the frames of IEEE 802.3, which are named and not read; TCP options other than those of
//! the table, which are handed out as octets.

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
