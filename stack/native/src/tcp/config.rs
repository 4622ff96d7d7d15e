//! What can be tuned in TCP, for the whole host.

use core::time::Duration;

use super::cc::Congestion;

/// The tunables of TCP (`sockets.md` §10.2, and those that later standards brought).
///
/// A change concerns sockets created later, except where a field says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpConfig {
    /// `tcprwin`: receive buffer of a new socket, octets; 4 KiB to 16 MiB.
    pub recv_buffer: u32,
    /// How far a receive buffer that the program left alone may grow by itself, octets.
    pub recv_buffer_max: u32,
    /// `tcpswin`: send buffer of a new socket, octets; 4 KiB to 16 MiB.
    pub send_buffer: u32,
    /// How far a send buffer that the program left alone may grow by itself, octets.
    pub send_buffer_max: u32,
    /// `timestmp`: offer and take timestamps (RFC 7323 §3).
    pub timestamps: bool,
    /// `winscale`: offer and take scaled windows (RFC 7323 §2).
    pub window_scale: bool,
    /// Offer and take selective acknowledgments (RFC 2018).
    pub sack: bool,
    /// Offer and take explicit congestion notification (RFC 3168).
    pub ecn: bool,
    /// `ttl`: time to live of segments, 1 to 255.
    pub ttl: u8,
    /// `msl`: maximum segment lifetime, 1 s to 120 s; TIME-WAIT lasts two of them (RFC 9293 §3.4.2).
    pub msl: Duration,
    /// `lingertime`: how long a close with `SO_LINGER` waits at most, up to 65 535 s.
    pub linger_time: Duration,
    /// Silence before the first keepalive probe; at least two hours unless asked (RFC 9293 §3.8.4, MUST-28).
    pub keep_idle: Duration,
    /// Time between keepalive probes.
    pub keep_interval: Duration,
    /// `keepcnt`: unanswered keepalive probes that end a connection, 1 to 127.
    pub keep_count: u8,
    /// `mtu`: discover the path's maximum transmission unit (RFC 1191): segments forbid fragmentation.
    pub path_mtu_discovery: bool,
    /// Try smaller segments when full ones vanish without a word (RFC 4821 §7.7 in spirit).
    pub black_hole_detection: bool,
    /// `mssdflt`: what a peer that names no maximum segment size takes (RFC 9293 §3.7.1, MUST-15), 48 to 65 495.
    pub default_mss: u16,
    /// `rttdflt`: retransmission timeout before anything is measured (RFC 6298 §2.1).
    pub initial_rto: Duration,
    /// The least that is added to the smoothed round-trip time for the retransmission timeout. RFC 6298 §2.4 says one
    /// second, as a SHOULD; every widespread host uses a fifth of that, and tail-loss probes rely on it.
    pub min_rto: Duration,
    /// The longest retransmission timeout (RFC 6298 §2.5: at least 60 s).
    pub max_rto: Duration,
    /// How long an acknowledgment waits for company (RFC 9293 §3.8.6.3: below half a second).
    pub delayed_ack: Duration,
    /// How long an active open tries (CON-3).
    pub connect_time: Duration,
    /// SYNs that an active open sends again.
    pub syn_retries: u8,
    /// SYN-ACKs that a listener sends again before it forgets a handshake.
    pub syn_ack_retries: u8,
    /// Timeouts of one segment in a row that end a connection (RFC 9293 §3.8.3, R2).
    pub retries: u8,
    /// The same once nobody holds the socket any more. So many probes are sent, too, to a peer that keeps its window closed
    /// then, whether it answers or not: that takes two minutes if the window has closed just before, and at most nine times
    /// [`max_rto`](Self::max_rto).
    pub orphan_retries: u8,
    /// How long a connection nobody holds waits for the peer's FIN.
    pub fin_wait_2_time: Duration,
    /// `synattck`: answer with cookies when the table of handshakes is full (RFC 4987 §3.6).
    pub syn_cookies: bool,
    /// The congestion control of new sockets.
    pub congestion: Congestion,
    /// Segments that a connection may send before anything is acknowledged (RFC 6928).
    pub initial_window: u8,
    /// Start slowly again after a time of silence (RFC 5681 §4.1).
    pub restart_after_idle: bool,
    /// Challenge acknowledgments the host sends in a second at most (RFC 5961 §7). How many it does send is drawn
    /// for each second, at least half of them.
    pub challenge_acks: u32,
    /// Drop RSTs that arrive in TIME-WAIT (RFC 1337).
    pub protect_time_wait: bool,
}

impl Default for TcpConfig {
    fn default() -> Self {
        Self {
            recv_buffer: 256 << 10,
            recv_buffer_max: 6 << 20,
            send_buffer: 256 << 10,
            send_buffer_max: 4 << 20,
            timestamps: true,
            window_scale: true,
            sack: true,
            ecn: false,
            ttl: 64,
            msl: Duration::from_secs(60),
            linger_time: Duration::from_secs(120),
            keep_idle: Duration::from_secs(7200),
            keep_interval: Duration::from_secs(75),
            keep_count: 8,
            path_mtu_discovery: true,
            black_hole_detection: true,
            default_mss: 536,
            initial_rto: Duration::from_secs(1),
            min_rto: Duration::from_millis(200),
            max_rto: Duration::from_secs(120),
            delayed_ack: Duration::from_millis(40),
            connect_time: Duration::from_secs(75),
            syn_retries: 6,
            syn_ack_retries: 5,
            retries: 15,
            orphan_retries: 8,
            fin_wait_2_time: Duration::from_secs(60),
            syn_cookies: true,
            congestion: Congestion::Cubic,
            initial_window: 10,
            restart_after_idle: true,
            challenge_acks: 100,
            protect_time_wait: false,
        }
    }
}
