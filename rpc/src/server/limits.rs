//! What a server lets its peers use, each bound with a default and a counter.

use core::time::Duration;

/// Bounds of a [`Server`](crate::Server): whatever a peer can make grow is here.
///
/// Reaching a bound costs the peer that reached it, never another one; each case is counted in
/// [`Counters`](crate::Counters) under the name given. Change what you need and keep the rest:
///
/// ```
/// let limits = fairway_rpc::Limits { max_record: 64 << 10, ..Default::default() };
/// assert_eq!(limits.max_connections, 16_384);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Stream connections open at one time, over all listeners; a further one is closed as soon as it is accepted
    /// (`connections_refused`). Default 16 384.
    pub max_connections: usize,
    /// Stream connections open at one time from one IP address (`connections_refused_per_address`); local sockets count
    /// under the peer's user. Default 4096.
    pub max_connections_per_address: usize,
    /// Calls of one connection whose handlers are running. At the bound the connection is not read until one ends
    /// (`paused_by_calls`). Default 128.
    pub max_calls_per_connection: usize,
    /// Calls whose handlers are running, over all transports; exact on one thread, exceeded by at most one a worker thread.
    /// At the bound no stream is read (`paused_by_calls_in_all`) and datagrams are dropped (`datagrams_over_limit`). Default 4096.
    pub max_calls: usize,
    /// Octets of replies that wait for one peer to read. Above it the connection is not read and none of its calls is started
    /// (`paused_by_queue`); the replies of calls that already run still come on top. Default 1 MiB.
    pub max_queued: usize,
    /// Octets of replies that wait, over all connections. The connection whose reply goes beyond it while its peer does not read is
    /// closed (`closed_by_queue`). Default 256 MiB.
    pub max_queued_in_all: usize,
    /// Octets of one record, its fragments together without their marks; a connection that announces more is closed
    /// (`closed_by_record`). Memory is taken as octets arrive, never by what is announced. Default 4 MiB.
    pub max_record: usize,
    /// Octets of records that are not complete, or whose calls may not start yet, over all connections that have more than 16 KiB of
    /// them. The connection whose octets go beyond it is closed (`closed_by_receiving`). Default 256 MiB.
    pub max_receiving_in_all: usize,
    /// Fragments of one record, empty ones included (`closed_by_record`). Default 1024.
    pub max_fragments: u32,
    /// Time from the first octet of a record mark to the last octet of its record (`closed_by_slow_record`). Default 60 s.
    pub record_within: Duration,
    /// Time in which a peer must take the next 64 KiB of what is queued for it, or all of it if it is less
    /// (`closed_by_slow_reader`). Default 60 s.
    pub drain_within: Duration,
    /// A connection without calls, octets to send, or callbacks in use is closed after this time (`closed_idle`); `None` keeps it.
    /// Default 6 minutes.
    pub idle_close: Option<Duration>,
    /// Time for one call's handler, after which it is dropped and answered with SYSTEM_ERR (`calls_timed_out`); `None`
    /// lets it run. Applies to handlers that do not finish at once. Default `None`.
    pub call_within: Option<Duration>,
    /// Largest datagram sent; a longer reply becomes SYSTEM_ERR (`replies_too_long`). Default 8800, the size of the classic
    /// libraries (`UDPMSGSIZE`), at most 65 507.
    pub udp_send: usize,
    /// Largest datagram received; a longer one is dropped (`datagrams_truncated`). Default 65 535.
    pub udp_receive: usize,
    /// How long a listener rests when the process or the system is out of descriptors or memory (`accept_backoffs`); doubled each
    /// time in a row, up to one second. Default 10 ms.
    pub accept_backoff: Duration,
    /// Octets that replies kept for repeated calls may take, with 128 octets charged to each entry (`replies_evicted`). Default 4 MiB.
    pub reply_cache_octets: usize,
    /// How long a reply is kept for a repeated call (`replies_expired`). Default 120 s.
    pub reply_cache_keep: Duration,
    /// Octets that decoding the arguments of one call may allocate. Default 16 MiB.
    pub max_argument_memory: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_connections: 16_384,
            max_connections_per_address: 4096,
            max_calls_per_connection: 128,
            max_calls: 4096,
            max_queued: 1 << 20,
            max_queued_in_all: 256 << 20,
            max_record: 4 << 20,
            max_receiving_in_all: 256 << 20,
            max_fragments: 1024,
            record_within: Duration::from_secs(60),
            drain_within: Duration::from_secs(60),
            idle_close: Some(Duration::from_secs(360)),
            call_within: None,
            udp_send: 8800,
            udp_receive: 65_535,
            accept_backoff: Duration::from_millis(10),
            reply_cache_octets: 4 << 20,
            reply_cache_keep: Duration::from_secs(120),
            max_argument_memory: 16 << 20,
        }
    }
}
