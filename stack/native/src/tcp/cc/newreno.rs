//! The window of RFC 5681: one segment more for each round trip, half after a loss.

/// RFC 5681 §3.1, congestion avoidance by counting octets: for each window that is acknowledged, one segment. Returns
/// the octets that are left over.
pub(super) fn grow(window: &mut u32, acknowledged: u32, mss: u32) -> u32 {
    if acknowledged < *window {
        return acknowledged;
    }
    let left = acknowledged - *window;
    *window = window.saturating_add(mss);
    left.min(*window)
}

/// RFC 5681 §3.1, equation (4): half of what was outstanding, at least two segments.
pub(super) fn threshold(flight: u32, mss: u32) -> u32 {
    (flight / 2).max(2 * mss)
}
