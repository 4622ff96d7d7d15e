//! Capture files (pcapng, draft-ietf-opsawg-pcapng), as Wireshark and tcpdump read and write them.
//!
//! Written here rather than taken: the reader of `pcap-file` 2.0 ignores an interface's resolution of time, so that
//! microseconds become nanoseconds, and it brings second copies of `thiserror` and `syn`.

mod block;
mod reader;
mod writer;

pub use reader::{ReadError, Reader};
pub use writer::Writer;

use std::time::Duration;

/// What the first octets of a frame are (the LINKTYPE registry).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// An Ethernet header.
    pub const ETHERNET: Self = Self(1);
    /// An IP header, its version in the first four bits.
    pub const RAW_IP: Self = Self(101);
}

/// An interface that frames were captured on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// Its name; empty if it has none.
    pub name: String,
    /// A few words about it; may be empty.
    pub description: String,
    /// What its frames begin with.
    pub link_type: LinkType,
    /// Bits per second; `None` if unknown.
    pub speed: Option<u64>,
}

/// Which way a frame went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Not known.
    #[default]
    Unknown,
    /// It arrived.
    Inbound,
    /// It was sent.
    Outbound,
}

/// A captured frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The index of its interface, in the order in which they were described.
    pub interface: u32,
    /// When, since the beginning of 1970, to the nanosecond.
    pub at: Duration,
    /// Which way it went.
    pub direction: Direction,
    /// Its octets, as many as were captured.
    pub octets: &'a [u8],
    /// How many octets it had on the link.
    pub original_length: usize,
    /// What there is to say about it; may be empty.
    pub comment: &'a str,
}
