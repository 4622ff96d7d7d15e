//! The options of a socket: `sockets.md` §7.1 and §7.3, and what later systems added.

use core::time::Duration;

use super::cc::Congestion;
use super::config::TcpConfig;
use crate::errno::Errno;

/// Least and most octets of a buffer.
const BUFFER: core::ops::RangeInclusive<u32> = 4 << 10..=16 << 20;

/// The options of one socket. A connection that a listener accepts begins with the listener's (ACC-1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketOptions {
    /// `SO_REUSEADDR`: the local name may be in use for another address, or by connections of the past.
    pub reuse_addr: bool,
    /// `SO_REUSEPORT`: sockets that all set it share one local name.
    pub reuse_port: bool,
    /// `SO_KEEPALIVE`.
    pub keepalive: bool,
    /// `SO_OOBINLINE`: urgent data stays in the stream.
    pub oob_inline: bool,
    /// `SO_LINGER`: how long a close waits for what is unsent; zero aborts the connection.
    pub linger: Option<Duration>,
    /// `SO_RCVBUF`, octets. Setting it ends its growing by itself.
    pub recv_buffer: u32,
    /// `SO_SNDBUF`, octets. Setting it ends its growing by itself.
    pub send_buffer: u32,
    /// `SO_RCVLOWAT`, octets.
    pub recv_low_water: u32,
    /// `SO_SNDLOWAT`, octets.
    pub send_low_water: u32,
    /// `IP_TTL`.
    pub ttl: u8,
    /// `IP_TOS`.
    pub tos: u8,
    /// `TCP_NODELAY`: no waiting for more to send at once.
    pub no_delay: bool,
    /// `TCP_CORK`: nothing but full segments, until it is taken off.
    pub cork: bool,
    /// `TCP_QUICKACK`: acknowledge at once.
    pub quick_ack: bool,
    /// `TCP_MAXSEG`: no segment is longer, in either direction, in octets of data; 0 for what the path takes.
    pub max_segment: u16,
    /// `TCP_KEEPIDLE`.
    pub keep_idle: Duration,
    /// `TCP_KEEPINTVL`.
    pub keep_interval: Duration,
    /// `TCP_KEEPCNT`, 1 to 127.
    pub keep_count: u8,
    /// `TCP_USER_TIMEOUT`: how long sent data may stay unacknowledged (RFC 9293 §3.9.1, RFC 5482); none for the number
    /// of retransmissions to decide.
    pub user_timeout: Option<Duration>,
    /// `TCP_MSL`, 1 s to 120 s.
    pub msl: Duration,
    /// `TCP_TIMESTMP`.
    pub timestamps: bool,
    /// `TCP_WINSCALE`.
    pub window_scale: bool,
    /// `TCP_CONGESTION`.
    pub congestion: Congestion,
    /// Whether the buffers grow by themselves: until one is set.
    pub(crate) recv_auto: bool,
    pub(crate) send_auto: bool,
}

impl SocketOptions {
    /// Those of a new socket.
    #[must_use]
    pub fn new(config: &TcpConfig) -> Self {
        Self {
            reuse_addr: false,
            reuse_port: false,
            keepalive: false,
            oob_inline: false,
            linger: None,
            recv_buffer: config.recv_buffer,
            send_buffer: config.send_buffer,
            recv_low_water: 1,
            send_low_water: 1,
            ttl: config.ttl,
            tos: 0,
            no_delay: false,
            cork: false,
            quick_ack: false,
            max_segment: 0,
            keep_idle: config.keep_idle,
            keep_interval: config.keep_interval,
            keep_count: config.keep_count,
            user_timeout: None,
            msl: config.msl,
            timestamps: config.timestamps,
            window_scale: config.window_scale,
            congestion: config.congestion,
            recv_auto: config.recv_buffer_max > config.recv_buffer,
            send_auto: config.send_buffer_max > config.send_buffer,
        }
    }

    /// Takes on `wanted` as far as ranges allow: buffers are moved into theirs, as BSD does; other values out of range
    /// are refused.
    ///
    /// # Errors
    /// [`Errno::Inval`] if a value is out of range; nothing changes then.
    pub(crate) fn change(&mut self, wanted: &Self, config: &TcpConfig) -> Result<(), Errno> {
        let second = Duration::from_secs(1);
        let day = Duration::from_secs(86_400);
        let fine = (1..=127).contains(&wanted.keep_count)
            && wanted.ttl > 0
            && (wanted.keep_idle >= second && wanted.keep_idle <= day)
            && (wanted.keep_interval >= second && wanted.keep_interval <= day)
            && (wanted.msl >= second && wanted.msl <= second * 120)
            && (wanted.max_segment == 0 || (48..=65_495).contains(&wanted.max_segment))
            && wanted.linger.is_none_or(|time| time <= second * 65_535);
        if !fine {
            return Err(Errno::Inval);
        }
        let was = *self;
        *self = *wanted;
        // CLO-3: the configuration bounds how long a close may wait.
        self.linger = wanted.linger.map(|time| time.min(config.linger_time));
        self.recv_buffer = wanted.recv_buffer.clamp(*BUFFER.start(), *BUFFER.end());
        self.send_buffer = wanted.send_buffer.clamp(*BUFFER.start(), *BUFFER.end());
        self.recv_low_water = wanted.recv_low_water.clamp(1, self.recv_buffer);
        self.send_low_water = wanted.send_low_water.clamp(1, self.send_buffer);
        self.recv_auto = was.recv_auto && self.recv_buffer == was.recv_buffer;
        self.send_auto = was.send_auto && self.send_buffer == was.send_buffer;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Duration, Errno, SocketOptions, TcpConfig};

    #[test]
    fn buffers_are_moved_into_their_range_and_then_stay() {
        let config = TcpConfig::default();
        let mut options = SocketOptions::new(&config);
        let mut wanted = options;
        wanted.recv_buffer = 1;
        options.change(&wanted, &config).unwrap();
        assert_eq!(options.recv_buffer, 4096);
        assert!(!options.recv_auto && options.send_auto);
    }

    #[test]
    fn values_out_of_range_change_nothing() {
        let config = TcpConfig::default();
        let mut options = SocketOptions::new(&config);
        let before = options;
        let mut wanted = options;
        wanted.no_delay = true;
        wanted.msl = Duration::from_secs(121);
        assert_eq!(options.change(&wanted, &config), Err(Errno::Inval));
        assert_eq!(options, before);
    }
}
