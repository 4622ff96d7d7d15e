//! What was counted: one struct per protocol, plain numbers (`sockets.md` §11). A snapshot is a clone, and "read and
//! clear" is [`std::mem::take`].

/// Counters of ARP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArpCounters {
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
    /// Neighbours that asked for us and were not remembered because the table was full of entries set by hand.
    pub no_room: u64,
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

/// Counters of IGMP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IgmpCounters {
    /// Messages received.
    pub received: u64,
    /// Messages received that were not all there.
    pub too_short: u64,
    /// Messages received with a wrong checksum.
    pub bad_checksum: u64,
    /// Queries received.
    pub queries: u64,
    /// Queries received that made no sense.
    pub bad_queries: u64,
    /// Reports and leaves received.
    pub reports: u64,
    /// Reports and leaves received that made no sense.
    pub bad_reports: u64,
    /// Reports received for groups that this host listens to.
    pub reports_for_own_groups: u64,
    /// Reports and leaves sent.
    pub reports_sent: u64,
    /// Queries sent.
    pub queries_sent: u64,
    /// Groups that others listen to and that a router did not remember, because there were too many.
    pub groups_without_room: u64,
}
