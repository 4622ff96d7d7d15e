//! The settings of a stack that a script can turn (`--set=NAME=VALUE`), and what they are called on Linux.

/// A setting both sides have.
#[derive(Clone, Copy, Debug)]
pub struct Knob {
    /// Name in scripts.
    pub name: &'static str,
    /// Name of the sysctl on Linux.
    pub sysctl: &'static str,
    /// What it is.
    pub about: &'static str,
}

/// All of them, by name.
pub const KNOBS: [Knob; 24] = [
    knob(
        "black_hole_detection",
        "net.ipv4.tcp_mtu_probing",
        "1: try smaller segments when full ones vanish (RFC 4821)",
    ),
    knob(
        "challenge_ack_limit",
        "net.ipv4.tcp_challenge_ack_limit",
        "challenge ACKs a second (RFC 5961 §10)",
    ),
    knob(
        "dsack",
        "net.ipv4.tcp_dsack",
        "1: report duplicates (RFC 2883)",
    ),
    knob(
        "ecn",
        "net.ipv4.tcp_ecn",
        "0 never, 1 ask and answer, 2 answer (RFC 3168)",
    ),
    knob(
        "fin_timeout",
        "net.ipv4.tcp_fin_timeout",
        "seconds an orphan stays in FIN-WAIT-2",
    ),
    knob(
        "fragment_time",
        "net.ipv4.ipfrag_time",
        "seconds that fragments wait for the others",
    ),
    knob(
        "icmp_rate",
        "net.ipv4.icmp_ratelimit",
        "least milliseconds between two errors to a host; 0: no limit",
    ),
    knob(
        "invalid_rate",
        "net.ipv4.tcp_invalid_ratelimit",
        "least milliseconds between two answers to bad segments of a connection",
    ),
    knob(
        "keepalive_interval",
        "net.ipv4.tcp_keepalive_intvl",
        "seconds between probes",
    ),
    knob(
        "keepalive_probes",
        "net.ipv4.tcp_keepalive_probes",
        "probes without answer before giving up",
    ),
    knob(
        "keepalive_time",
        "net.ipv4.tcp_keepalive_time",
        "idle seconds before the first probe",
    ),
    knob(
        "orphan_retries",
        "net.ipv4.tcp_orphan_retries",
        "retransmissions of a connection that no socket holds",
    ),
    knob(
        "path_mtu_discovery_off",
        "net.ipv4.ip_no_pmtu_disc",
        "1: never set don't fragment",
    ),
    knob(
        "recovery",
        "net.ipv4.tcp_recovery",
        "1: RACK (RFC 8985), 0: duplicate ACKs only (RFC 6675)",
    ),
    knob(
        "reordering",
        "net.ipv4.tcp_reordering",
        "duplicate ACKs that mean loss, at first",
    ),
    knob(
        "retries",
        "net.ipv4.tcp_retries2",
        "retransmissions before an established connection is given up",
    ),
    knob(
        "sack",
        "net.ipv4.tcp_sack",
        "1: offer and accept SACK (RFC 2018)",
    ),
    knob(
        "slow_start_after_idle",
        "net.ipv4.tcp_slow_start_after_idle",
        "1: restart after an idle time (RFC 5681 §4.1)",
    ),
    knob(
        "syn_ack_retries",
        "net.ipv4.tcp_synack_retries",
        "retransmissions of a SYN-ACK",
    ),
    knob(
        "syn_cookies",
        "net.ipv4.tcp_syncookies",
        "0 never, 1 when the queue is full, 2 always (RFC 4987 §3.6)",
    ),
    knob(
        "syn_retries",
        "net.ipv4.tcp_syn_retries",
        "retransmissions of a SYN",
    ),
    knob(
        "tail_loss_probe",
        "net.ipv4.tcp_early_retrans",
        "3: probe (RFC 8985 §7), 0: do not",
    ),
    knob(
        "timestamps",
        "net.ipv4.tcp_timestamps",
        "1: offer and accept timestamps (RFC 7323)",
    ),
    knob(
        "window_scaling",
        "net.ipv4.tcp_window_scaling",
        "1: offer and accept window scaling (RFC 7323)",
    ),
];

const fn knob(name: &'static str, sysctl: &'static str, about: &'static str) -> Knob {
    Knob {
        name,
        sysctl,
        about,
    }
}

/// The knob of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Knob> {
    KNOBS.iter().find(|knob| knob.name == name)
}
