//! What was counted: one struct per protocol, plain numbers (`sockets.md` §11). A snapshot is a clone, and "read and
//! clear" is [`std::mem::take`].

/// Counters of ARP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArpStat {
    /// Requests received.
    pub requests_received: u64,
    /// Replies received.
    pub replies_received: u64,
    /// Packets dropped because their sender is nobody's address.
    pub bad_received: u64,
    /// Requests sent, probes and announcements included.
    pub requests_sent: u64,
    /// Replies sent.
    pub replies_sent: u64,
    /// Replies not sent because too many packets waited.
    pub replies_suppressed: u64,
    /// Other hosts seen to use an address of ours.
    pub conflicts: u64,
    /// Neighbours that did not answer, and were suspended.
    pub suspended: u64,
    /// Neighbours forgotten because their time was over.
    pub expired: u64,
    /// Neighbours forgotten to make room for others.
    pub evicted: u64,
    /// Packets dropped while they waited for an answer: too many, or none came.
    pub dropped_waiting: u64,
}
