//! Names of ICMP messages in scripts (RFC 792, RFC 1122 §3.2.2.1).

/// First word, second word, type, code.
const NAMES: [(&str, &str, u8, u8); 22] = [
    ("echo", "request", 8, 0),
    ("echo", "reply", 0, 0),
    ("unreachable", "net", 3, 0),
    ("unreachable", "host", 3, 1),
    ("unreachable", "protocol", 3, 2),
    ("unreachable", "port", 3, 3),
    ("unreachable", "frag", 3, 4),
    ("unreachable", "source-route", 3, 5),
    ("unreachable", "net-unknown", 3, 6),
    ("unreachable", "host-unknown", 3, 7),
    ("unreachable", "host-isolated", 3, 8),
    ("unreachable", "net-prohibited", 3, 9),
    ("unreachable", "host-prohibited", 3, 10),
    ("unreachable", "net-tos", 3, 11),
    ("unreachable", "host-tos", 3, 12),
    ("unreachable", "admin-prohibited", 3, 13),
    ("unreachable", "host-precedence", 3, 14),
    ("unreachable", "precedence-cutoff", 3, 15),
    ("source-quench", "", 4, 0),
    ("time-exceeded", "ttl", 11, 0),
    ("time-exceeded", "reassembly", 11, 1),
    ("parameter-problem", "", 12, 0),
];

/// Whether messages with this first word have a second.
pub(crate) fn takes_two_words(first: &str) -> bool {
    NAMES
        .iter()
        .any(|name| name.0 == first && !name.1.is_empty())
}

/// Type and code.
pub(crate) fn number(first: &str, second: &str) -> Option<(u8, u8)> {
    NAMES
        .iter()
        .find(|name| name.0 == first && name.1 == second)
        .map(|name| (name.2, name.3))
}

/// The two words, the second perhaps empty.
pub(crate) fn name(kind: u8, code: u8) -> Option<(&'static str, &'static str)> {
    NAMES
        .iter()
        .find(|name| name.2 == kind && name.3 == code)
        .map(|name| (name.0, name.1))
}
