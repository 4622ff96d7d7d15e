//! Caps on what a peer can make grow.

/// Caps on records read from a stream (RFC 5531 §11).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordLimits {
    /// The most octets in a record, all its fragments together. Default 16 MiB.
    pub max_record: usize,
    /// The most fragments in a record, empty ones included. Default 4096.
    pub max_fragments: u32,
}

impl Default for RecordLimits {
    fn default() -> Self {
        Self {
            max_record: 16 << 20,
            max_fragments: 4096,
        }
    }
}

/// Caps of one client. What goes over them waits ([`calls`](Self::calls), [`queued`](Self::queued)) or
/// fails ([`record`](Self::record), [`decode`](Self::decode)); nothing grows past them.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ClientLimits {
    /// The most calls in flight at once; further ones wait for a place. Default 4096, at most
    /// 2²⁰.
    pub calls: usize,
    /// The most octets of calls not yet written; further calls wait. One call may be longer when
    /// nothing else is queued. Default 8 MiB.
    pub queued: usize,
    /// The most calls that wait for a place or for octets; one more fails with
    /// [`CallError::Overloaded`](crate::CallError::Overloaded). Default 65 536.
    pub waiting: usize,
    /// Caps on replies over a stream.
    pub record: RecordLimits,
    /// Caps on what results may become in memory.
    pub decode: fairway_xdr::Limits,
    /// The most octets in a call sent over UDP. Default 8800, as `UDPMSGSIZE` of the C library.
    pub udp_send: usize,
    /// The most octets in a reply taken from UDP; longer ones are cut and then refused. Default 65 535.
    pub udp_receive: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            calls: 4096,
            queued: 8 << 20,
            waiting: 65_536,
            record: RecordLimits::default(),
            decode: fairway_xdr::Limits::default(),
            udp_send: 8800,
            udp_receive: 65_535,
        }
    }
}
