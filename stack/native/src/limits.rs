//! What a stranger could make grow, and how far it may (DESIGN D6): a field, a default and a counter each.

/// The limits of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Of TCP.
    pub tcp: TcpLimits,
}

/// The limits of TCP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TcpLimits {
    /// Handshakes that a listener remembers; beyond, it answers with cookies.
    pub syn_cache: usize,
    /// Connections that only wait out twice the longest segment lifetime; beyond, the oldest goes.
    pub time_wait: usize,
    /// Segments that arrived before what comes ahead of them, per connection.
    pub out_of_order: usize,
}

impl Default for TcpLimits {
    fn default() -> Self {
        Self {
            syn_cache: 4096,
            time_wait: 32_768,
            out_of_order: 4096,
        }
    }
}
