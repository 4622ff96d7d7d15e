//! Options of the sockets layer and of IP (sockets.md §7.1, §7.2).

use crate::iface::InterfaceId;

/// What a socket does about the largest packet its path carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MtuDiscovery {
    /// Never marks packets "do not fragment".
    Off,
    /// Marks packets that fit; fragments what does not. The default of datagrams.
    #[default]
    Want,
    /// Always marks; what is too long is refused with `EMSGSIZE` (RFC 1191).
    Always,
    /// Marks, and ignores what the path is known to carry (RFC 4821).
    Probe,
}

/// The options that sockets of several kinds have. A field is the option's value; calls take effect at once.
#[derive(Clone, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is an option of its own, with its BSD name"
)]
pub struct SocketOptions {
    /// `SO_REUSEADDR`.
    pub reuse_addr: bool,
    /// `SO_REUSEPORT`.
    pub reuse_port: bool,
    /// `SO_BROADCAST`.
    pub broadcast: bool,
    /// `SO_L_BROADCAST`: 255.255.255.255 goes out on every interface.
    pub limited_broadcast_everywhere: bool,
    /// `SO_DONTROUTE`.
    pub dont_route: bool,
    /// `SO_DEBUG`.
    pub debug: bool,
    /// `SO_USELOOPBACK`.
    pub use_loopback: bool,
    /// `SO_SNDBUF`, octets. TCP keeps its own.
    pub send_buf: usize,
    /// `SO_RCVBUF`, octets. TCP keeps its own.
    pub recv_buf: usize,
    /// `SO_SNDLOWAT`, octets.
    pub send_low_water: usize,
    /// `SO_RCVLOWAT`, octets.
    pub recv_low_water: usize,
    /// `SO_BINDTODEVICE`.
    pub device: Option<InterfaceId>,
    /// `SO_PRIORITY`: the traffic class of what is sent; 0 is best effort.
    pub class: u32,
    /// `IP_TTL`.
    pub ttl: u8,
    /// `IP_TOS`.
    pub tos: u8,
    /// `IP_OPTIONS`: what goes behind the header of each packet, padded to whole words; at most 40 octets.
    pub ip_options: Option<Box<[u8]>>,
    /// `IP_MULTICAST_TTL` (MUL-8: 1).
    pub multicast_ttl: u8,
    /// `IP_MULTICAST_LOOP` (MUL-9: on).
    pub multicast_loop: bool,
    /// `IP_MULTICAST_IF`; `None` is the interface of the route (MUL-7).
    pub multicast_interface: Option<InterfaceId>,
    /// `IP_MULTICAST_ALL`: groups that other sockets joined are delivered here too.
    pub multicast_all: bool,
    /// `IP_MTU_DISCOVER`.
    pub mtu_discovery: MtuDiscovery,
    /// `IP_HDRINCL`.
    pub header_included: bool,
    /// `IP_ROUTER_ALERT`.
    pub router_alert: bool,
    /// `IP_TRANSPARENT`.
    pub transparent: bool,
    /// `IP_FREEBIND`.
    pub free_bind: bool,
    /// `IP_RECVDSTADDR`, `IP_PKTINFO`: destination and interface are reported. On by default here.
    pub recv_packet_info: bool,
    /// `IP_RECVTTL`. On by default here.
    pub recv_ttl: bool,
    /// `SO_NO_CHECK`: datagrams go without a checksum (RFC 768).
    pub no_checksum: bool,
}

impl SocketOptions {
    pub(crate) const fn new(send_buf: usize, recv_buf: usize, ttl: u8) -> Self {
        Self {
            reuse_addr: false,
            reuse_port: false,
            broadcast: false,
            limited_broadcast_everywhere: false,
            dont_route: false,
            debug: false,
            use_loopback: false,
            send_buf,
            recv_buf,
            send_low_water: 1,
            recv_low_water: 1,
            device: None,
            class: 0,
            ttl,
            tos: 0,
            ip_options: None,
            multicast_ttl: 1,
            multicast_loop: true,
            multicast_interface: None,
            multicast_all: true,
            mtu_discovery: MtuDiscovery::Want,
            header_included: false,
            router_alert: false,
            transparent: false,
            free_bind: false,
            recv_packet_info: true,
            recv_ttl: true,
            no_checksum: false,
        }
    }
}

/// A size in octets from the configuration.
pub(crate) fn size(octets: u32) -> usize {
    usize::try_from(octets).unwrap_or(usize::MAX)
}
