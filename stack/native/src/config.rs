//! What can be tuned, for the whole host: the typed side of the parameters of `sockets.md` §10.
//!
//! Each layer takes its own part (`&config.ip`). `mgmt/sysctl.rs` reads and sets them by name and checks ranges; who
//! writes to a field directly keeps to the range its documentation names. A change concerns what begins later, except
//! where a field says otherwise.

use core::time::Duration;

/// The tunables of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// SHIM
    pub tcp: crate::tcp::TcpConfig,
    /// Of IP.
    pub ip: IpConfig,
    /// Of ICMP.
    pub icmp: IcmpConfig,
    /// Of ARP.
    pub arp: ArpConfig,
    /// Of IGMP.
    pub igmp: IgmpConfig,
    /// Of UDP.
    pub udp: UdpConfig,
    /// Of local sockets.
    pub local: LocalConfig,
}

/// The tunables of IP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IpConfig {
    /// `forwarding`: whether the host is a router (RFC 1122 §3.3.1.4: off unless asked for). Takes effect at once.
    pub forwarding: bool,
    /// `sendredirects`: whether a router tells hosts of better first hops (RFC 1812 §5.2.7.2). Takes effect at once.
    pub send_redirects: bool,
    /// Whether the host takes such advice (RFC 1122 §3.2.2.2); a router never does.
    pub accept_redirects: bool,
    /// `multidefroutes`: whether there may be several default routes.
    pub multiple_default_routes: bool,
    /// Time to live of what has none of its own, 1 to 255.
    pub ttl: u8,
    /// Time to live of multicast unless a socket says otherwise, 0 to 255 (MUL-1: 1).
    pub multicast_ttl: u8,
    /// `fragttl`: how long the fragments of a packet wait for the rest, 1 s to 255 s (RFC 1122 §3.3.2: 60 s to 120 s).
    pub fragment_time: Duration,
    /// Whether broadcasts larger than the MTU are fragmented and sent (`IP_DO_LARGE_BCAST`).
    pub large_broadcasts: bool,
    /// Whether a router forwards broadcasts to a network of its own (RFC 2644: off).
    pub directed_broadcasts: bool,
    /// Whether a packet is taken only on the interface that has its destination address (RFC 1122 §3.3.4.2, the strong
    /// model).
    pub strong_host: bool,
    /// How long a path's MTU is remembered (RFC 1191 §6.3: ten minutes).
    pub path_mtu_time: Duration,
    /// Whether a packet's header is numbered from a generator even if it may not be fragmented (RFC 6864 §4.1: it need
    /// not be).
    pub number_atomic: bool,
}

impl Default for IpConfig {
    fn default() -> Self {
        Self {
            forwarding: false,
            send_redirects: true,
            accept_redirects: true,
            multiple_default_routes: false,
            ttl: 64,
            multicast_ttl: 1,
            fragment_time: Duration::from_secs(60),
            large_broadcasts: false,
            directed_broadcasts: false,
            strong_host: false,
            path_mtu_time: Duration::from_secs(600),
            number_atomic: false,
        }
    }
}

/// The tunables of ICMP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IcmpConfig {
    /// `echorepl`: whether echo requests are answered (RFC 1122 §3.2.2.6: every host does). Takes effect at once.
    pub echo_reply: bool,
    /// Whether echo requests to a broadcast or multicast address are answered (RFC 1122 §3.2.2.6 lets them be ignored).
    pub echo_broadcasts: bool,
    /// `maskrepl`: whether address-mask requests are answered (deprecated by RFC 6918 §2.1).
    pub mask_reply: bool,
    /// Whether timestamp requests are answered (RFC 1122 §3.2.2.8).
    pub timestamp_reply: bool,
    /// Whether a router that has no room for a packet sends a source quench. RFC 6633 §5 says that it must not; it is
    /// here for what of old equipment listens to nothing else. Takes effect at once.
    pub source_quench: bool,
    /// `ttl`: time to live of ICMP messages, 1 to 255.
    pub ttl: u8,
    /// Errors sent in a second at most, 0 for none (RFC 1812 §4.3.2.8). Takes effect at once.
    pub error_rate: u32,
    /// Errors that may be sent at once after a time of silence.
    pub error_burst: u32,
}

impl Default for IcmpConfig {
    fn default() -> Self {
        Self {
            echo_reply: true,
            echo_broadcasts: false,
            mask_reply: false,
            timestamp_reply: true,
            ttl: 64,
            error_rate: 1000,
            error_burst: 50,
            source_quench: false,
        }
    }
}

/// The tunables of ARP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ArpConfig {
    /// `arpkillc`: how long a known link address is used without hearing of it again, from 1 s (RFC 1122 §2.3.2.1 asks
    /// for a time limit).
    pub complete_time: Duration,
    /// `arpkilli`: how long a neighbour that did not answer is left alone, from 1 s (`arpt_down` of `events.md` §6).
    pub incomplete_time: Duration,
    /// Requests that go unanswered before that, 1 to 100 (`arp_maxtries`).
    pub tries: u8,
    /// Time between requests for one address; at least 1 s (RFC 1122 §2.3.2.1: once a second at most).
    pub retry_time: Duration,
    /// Whether a new address of the host is announced to its neighbours (RFC 5227 §2.3); who has it too will say so.
    pub announce: bool,
}

impl Default for ArpConfig {
    fn default() -> Self {
        Self {
            complete_time: Duration::from_secs(1200),
            incomplete_time: Duration::from_secs(20),
            tries: 5,
            retry_time: Duration::from_secs(1),
            announce: true,
        }
    }
}

/// The tunables of IGMP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct IgmpConfig {
    /// The newest version spoken, 1 to 3; older routers are followed down (RFC 3376 §7.2).
    pub version: u8,
    /// The robustness variable: how often a report is sent, 1 to 7 (RFC 3376 §8.1).
    pub robustness: u8,
    /// Within what time unsolicited reports are repeated (RFC 3376 §8.11).
    pub unsolicited_interval: Duration,
}

impl Default for IgmpConfig {
    fn default() -> Self {
        Self {
            version: 3,
            robustness: 2,
            unsolicited_interval: Duration::from_secs(1),
        }
    }
}

/// The tunables of UDP.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct UdpConfig {
    /// `checksum`: whether checksums are computed (RFC 1122 §4.1.3.4: on unless asked otherwise). Takes effect at once.
    pub checksum: bool,
    /// `ttl`: time to live of datagrams, 1 to 255.
    pub ttl: u8,
    /// `udprwin`: receive buffer of a new socket, octets; 4 KiB to 16 MiB.
    pub recv_buffer: u32,
    /// `udpswin`: send buffer of a new socket, octets; 4 KiB to 16 MiB.
    pub send_buffer: u32,
}

impl Default for UdpConfig {
    fn default() -> Self {
        Self {
            checksum: true,
            ttl: 64,
            recv_buffer: 256 << 10,
            send_buffer: 64 << 10,
        }
    }
}

/// The tunables of local sockets: buffer sizes of new sockets in octets, 1 KiB to 16 MiB (LIP-6).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LocalConfig {
    /// `dg.recvspace`: what may wait to be received from a datagram socket.
    pub datagram_recv: u32,
    /// `dg.sendspace`: the longest datagram.
    pub datagram_send: u32,
    /// `st.recvspace`: what may wait to be received from a stream.
    pub stream_recv: u32,
    /// `st.sendspace`: what of that one sender may fill.
    pub stream_send: u32,
}

impl Default for LocalConfig {
    fn default() -> Self {
        Self {
            datagram_recv: 64 << 10,
            datagram_send: 64 << 10,
            stream_recv: 64 << 10,
            stream_send: 64 << 10,
        }
    }
}
