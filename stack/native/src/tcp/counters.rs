//! What TCP counts: `tcpstat` of `sockets.md` §11, and what later standards added.

/// The counters of one host's TCP. They only grow, but for a clear.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "the groups are explained, the names say the rest"
)]
pub struct TcpCounters {
    // Connections.
    pub connects_attempted: u64,
    pub accepts: u64,
    pub connects_established: u64,
    /// Ended by a reset, a timeout or an error after they were established.
    pub dropped: u64,
    /// Connections reset because too many others were closed and not done.
    pub orphans_dropped: u64,
    /// Ended before they were established.
    pub embryonic_dropped: u64,
    pub closed: u64,
    // Timing.
    pub segments_timed: u64,
    pub rtt_updates: u64,
    pub delayed_acks: u64,
    // Timers.
    pub retransmit_timeouts: u64,
    pub timeout_drops: u64,
    pub persist_timeouts: u64,
    pub persist_drops: u64,
    pub keepalive_timeouts: u64,
    pub keepalive_probes: u64,
    pub keepalive_drops: u64,
    pub tail_loss_probes: u64,
    // Sent.
    pub sent_packets: u64,
    pub sent_data_packets: u64,
    pub sent_data_octets: u64,
    pub retransmitted_packets: u64,
    pub retransmitted_octets: u64,
    pub fast_retransmits: u64,
    pub sent_acks: u64,
    pub sent_window_probes: u64,
    pub sent_urgent: u64,
    pub sent_window_updates: u64,
    /// SYN and FIN segments.
    pub sent_control: u64,
    pub sent_resets: u64,
    pub sent_challenge_acks: u64,
    // Received.
    pub received_packets: u64,
    pub received_in_sequence_packets: u64,
    pub received_in_sequence_octets: u64,
    pub received_bad_checksum: u64,
    pub received_bad_offset: u64,
    pub received_short: u64,
    pub received_duplicate_packets: u64,
    pub received_duplicate_octets: u64,
    pub received_part_duplicate_packets: u64,
    pub received_part_duplicate_octets: u64,
    pub received_out_of_order_packets: u64,
    pub received_out_of_order_octets: u64,
    pub received_after_window_packets: u64,
    pub received_after_window_octets: u64,
    pub received_after_close: u64,
    pub received_window_probes: u64,
    pub received_duplicate_acks: u64,
    pub received_acks_for_unsent: u64,
    pub received_ack_packets: u64,
    pub received_ack_octets: u64,
    pub received_window_updates: u64,
    pub received_resets: u64,
    pub paws_drops: u64,
    /// Header prediction that came true, for acknowledgments and for data.
    pub predicted_acks: u64,
    pub predicted_data: u64,
    /// SYNs that were refused, dropped or made no sense.
    pub bad_syns: u64,
    pub no_port: u64,
    pub listen_overflows: u64,
    pub syn_cookies_sent: u64,
    pub syn_cookies_accepted: u64,
    pub syn_cookies_refused: u64,
    pub path_mtu_resends: u64,
    pub black_holes: u64,
    // Recovery.
    pub sack_recoveries: u64,
    pub reno_recoveries: u64,
    pub dsacks_received: u64,
    pub dsacks_sent: u64,
    pub undone_recoveries: u64,
    pub spurious_timeouts: u64,
    pub time_wait_overflows: u64,
    pub time_wait_reused: u64,
    /// Segments dropped because a limit of memory was reached.
    pub pruned: u64,
    pub option_errors: u64,
}
