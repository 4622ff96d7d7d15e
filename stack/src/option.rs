//! Socket options, typed, from one declaration.
//!
//! ```
//! use fairway_stack::{Family, Net, option};
//!
//! # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
//! # let _guard = runtime.enter();
//! let socket = Net::system().tcp_socket(Family::V4)?;
//! socket.set(option::NoDelay, true)?;
//! assert!(socket.get(option::NoDelay)?);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An option is a unit struct; [`set`](crate::TcpStream::set) and [`get`](crate::TcpStream::get) of a socket take it
//! and its value. Options that the kind of socket does not have do not compile; those that its address family does not
//! have give [`NetError::NoProtoOpt`]. Options that mean the same for IPv4 and IPv6 are one
//! here: the socket's family decides which of the system's is used.
//!
#![doc = include_str!("../doc/options.md")]
//!
//! # What is not here
//!
//! `SO_RCVTIMEO` and `SO_SNDTIMEO`: no call of ours blocks; use [`Clock::timeout`](crate::Clock::timeout). What Linux
//! has no per-socket option for: `SO_L_BROADCAST`, `SO_USELOOPBACK`, `SO_SNDLOWAT`, `SO_RCV_SHUTDOWN`,
//! `SO_SND_SHUTDOWN`, `TCP_MSL`, `TCP_TIMESTMP`, `TCP_WINSCALE`, and the T/TCP option `TCP_CC`, whose successor is
//! [`FastOpenConnect`]. Reading `IP_OPTIONS` back and IPv6 source filters lack a safe wrapper.

use crate::NetError;
use crate::system::option::{
    self as ours, by_family, get, interface_address, membership, multicast_interface, octet, of_v4,
    of_v6, path_mtu_discovery, seconds, set, set_multicast_interface, set_path_mtu_discovery,
    socket_type,
};
use nix::sys::socket::sockopt;
use rustix::net::sockopt::{ip_mtu, ipv6_mtu};
use socket2::Socket;
use std::ffi::OsString;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::time::Duration;

/// What an option is, for documentation and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionInfo {
    /// The type's name here.
    pub name: &'static str,
    /// The names in C, the IPv6 one after a slash.
    pub symbol: &'static str,
    /// The type of the value.
    pub value: &'static str,
    /// The kinds of socket that have it.
    pub kinds: &'static [&'static str],
    /// It can be read.
    pub get: bool,
    /// It can be set.
    pub set: bool,
    /// What it does.
    pub doc: &'static str,
}

/// A socket option.
pub trait SocketOption: Copy {
    /// The type of its value.
    type Value;
    /// What it is.
    const INFO: OptionInfo;
}

/// An option that can be read. Implemented by the options of this module only.
pub trait GetOption: SocketOption {
    #[doc(hidden)]
    fn get_system(self, socket: &Socket) -> io::Result<Self::Value>;
}

/// An option that can be set. Implemented by the options of this module only.
pub trait SetOption: SocketOption {
    #[doc(hidden)]
    fn set_system(self, socket: &Socket, value: Self::Value) -> io::Result<()>;
}

/// An option that sockets of kind `K` have.
pub trait On<K>: SocketOption {}

/// Kinds of socket.
pub mod kind {
    /// TCP streams, listeners, and sockets that are neither yet.
    #[derive(Debug)]
    pub enum Tcp {}
    /// UDP sockets.
    #[derive(Debug)]
    pub enum Udp {}
    /// Raw sockets.
    #[derive(Debug)]
    pub enum Raw {}
    /// Local stream and datagram sockets.
    #[derive(Debug)]
    pub enum Local {}
}

/// What a socket does about the largest packet its path carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PathMtuDiscovery {
    /// Never marks packets "do not fragment".
    Off,
    /// Per route, fragmenting what is too long: the system's default.
    Want,
    /// Always marks packets; what is too long is refused with `EMSGSIZE` (RFC 1191).
    Always,
    /// Marks packets and ignores what the path is known to carry: for probing (RFC 4821).
    Probe,
}

/// The type of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketType {
    /// `SOCK_STREAM`.
    Stream,
    /// `SOCK_DGRAM`.
    Datagram,
    /// `SOCK_RAW`.
    Raw,
    /// `SOCK_SEQPACKET`.
    SeqPacket,
}

/// A group, an interface, and the one sender to hear (RFC 3678).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SourceMembership {
    /// The group.
    pub group: Ipv4Addr,
    /// The only sender whose datagrams to the group are wanted.
    pub source: Ipv4Addr,
    /// The interface's index; 0 lets the system choose.
    pub interface: u32,
}

/// A group and the interface to be a member on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Membership {
    /// The group.
    pub group: IpAddr,
    /// The interface's index; 0 lets the system choose.
    pub interface: u32,
}

/// Declares options: the type, its documentation, the traits, a line of [`TABLE`], a step of the test that walks them.
///
/// A second back end adds a clause beside `get` and `set` here.
macro_rules! options {
    (@get $name:ident $socket:ident => $get:expr) => {
        impl GetOption for $name {
            fn get_system(self, $socket: &Socket) -> io::Result<Self::Value> {
                $get
            }
        }
    };
    (@set $name:ident $socket:ident, $value:ident => $set:expr) => {
        impl SetOption for $name {
            fn set_system(self, $socket: &Socket, $value: Self::Value) -> io::Result<()> {
                $set
            }
        }
    };
    (@has) => { false };
    (@has $some:ident) => { true };
    // Sets what was read, and reads it again.
    (@walk $name:ident $socket:ident [$get:ident] [$set:ident]) => {{
        let before = $name.get_system($socket);
        before.and_then(|value| {
            $name.set_system($socket, value.clone())?;
            assert_eq!($name.get_system($socket)?, value, stringify!($name));
            Ok(())
        })
    }};
    (@walk $name:ident $socket:ident [$get:ident] []) => { $name.get_system($socket).map(drop) };
    (@walk $name:ident $socket:ident [] [$set:ident]) => { Ok(()) };
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $type:ty = $symbol:literal on [$($kind:ident)+]
        { $($get:ident |$get_socket:ident| $get_body:expr;)? $(=> $set:ident |$set_socket:ident, $value:ident| $set_body:expr;)? }
    )+) => {
        $(
            $(#[doc = $doc])+
            #[doc = concat!("\n`", $symbol, "`.")]
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
            pub struct $name;

            impl SocketOption for $name {
                type Value = $type;
                const INFO: OptionInfo = OptionInfo {
                    name: stringify!($name),
                    symbol: $symbol,
                    value: stringify!($type),
                    kinds: &[$(stringify!($kind)),+],
                    get: options!(@has $($get)?),
                    set: options!(@has $($set)?),
                    doc: concat!($($doc),+),
                };
            }

            $(impl On<kind::$kind> for $name {})+
            $(options!(@get $name $get_socket => $get_body);)?
            $(options!(@set $name $set_socket, $value => $set_body);)?
        )+

        /// Every option, in the order of the documentation.
        pub const TABLE: &[OptionInfo] = &[$($name::INFO),+];

        /// Reads, and sets to what was read, every option that sockets of `kind` have.
        #[cfg(test)]
        fn walk(socket: &Socket, kind: &str, mut report: impl FnMut(OptionInfo, io::Result<()>)) {
            $(if $name::INFO.kinds.contains(&kind) {
                report($name::INFO, options!(@walk $name socket [$($get)?] [$($set)?]));
            })+
        }
    };
}

options! {
    /// The socket listens.
    AcceptConn: bool = "SO_ACCEPTCONN" on [Tcp Local] { get |socket| socket.is_listener(); }
    /// Datagrams may be sent to broadcast addresses.
    Broadcast: bool = "SO_BROADCAST" on [Udp Raw] {
        get |socket| socket.broadcast();
        => set |socket, value| socket.set_broadcast(value);
    }
    /// Debugging information is recorded. Setting it needs a privilege.
    DebugRecords: bool = "SO_DEBUG" on [Tcp Udp Raw] {
        get |socket| get(socket, ours::Debug);
        => set |socket, value| set(socket, ours::Debug, &value);
    }
    /// The interface that alone carries the socket's packets, by name; `None` for all.
    Device: Option<String> = "SO_BINDTODEVICE" on [Tcp Udp Raw] {
        get |socket| Ok(socket.device()?.map(|name| String::from_utf8_lossy(&name).into_owned()));
        => set |socket, value| socket.bind_device(value.as_ref().map(String::as_bytes));
    }
    /// Packets go straight to the interface of the destination's network, past the routes.
    DontRoute: bool = "SO_DONTROUTE" on [Tcp Udp Raw] {
        get |socket| get(socket, sockopt::DontRoute);
        => set |socket, value| set(socket, sockopt::DontRoute, &value);
    }
    /// Idle connections are probed (RFC 9293 §3.8.4).
    KeepAlive: bool = "SO_KEEPALIVE" on [Tcp] {
        get |socket| socket.keepalive();
        => set |socket, value| socket.set_keepalive(value);
    }
    /// What closing does with unsent data: `None` sends it in the background; zero aborts the connection. Whole seconds.
    Linger: Option<Duration> = "SO_LINGER" on [Tcp] {
        get |socket| socket.linger();
        => set |socket, value| socket.set_linger(value);
    }
    /// Urgent data stays in the stream instead of being read by itself.
    OobInline: bool = "SO_OOBINLINE" on [Tcp] {
        get |socket| socket.out_of_band_inline();
        => set |socket, value| socket.set_out_of_band_inline(value);
    }
    /// Datagrams that arrive carry the sender's credentials.
    PassCredentials: bool = "SO_PASSCRED" on [Local] {
        get |socket| socket.passcred();
        => set |socket, value| socket.set_passcred(value);
    }
    /// The error that waits to be reported; reading clears it.
    PendingError: Option<NetError> = "SO_ERROR" on [Tcp Udp Raw Local] {
        get |socket| Ok(socket.take_error()?.map(NetError::from));
    }
    /// Octets of the receive buffer. Linux takes twice what is set, for its own use, and tells that.
    RecvBuf: usize = "SO_RCVBUF" on [Tcp Udp Raw Local] {
        get |socket| Ok(socket.recv_buffer_size()? / 2);
        => set |socket, value| socket.set_recv_buffer_size(value);
    }
    /// Octets that must be there before the socket counts as readable.
    RecvLowWater: i32 = "SO_RCVLOWAT" on [Tcp] {
        get |socket| get(socket, ours::RecvLowWater);
        => set |socket, value| set(socket, ours::RecvLowWater, &value);
    }
    /// A local address that a connection used a short while ago may be bound; several sockets may bind a group's.
    ReuseAddr: bool = "SO_REUSEADDR" on [Tcp Udp Raw] {
        get |socket| socket.reuse_address();
        => set |socket, value| socket.set_reuse_address(value);
    }
    /// Address and port may be shared if every socket bound to them sets it; arrivals are spread over them.
    ReusePort: bool = "SO_REUSEPORT" on [Tcp Udp Raw] {
        get |socket| socket.reuse_port();
        => set |socket, value| socket.set_reuse_port(value);
    }
    /// Octets of the send buffer. Linux takes twice what is set, for its own use, and tells that.
    SendBuf: usize = "SO_SNDBUF" on [Tcp Udp Raw Local] {
        get |socket| Ok(socket.send_buffer_size()? / 2);
        => set |socket, value| socket.set_send_buffer_size(value);
    }
    /// The type of the socket.
    Type: SocketType = "SO_TYPE" on [Tcp Udp Raw Local] { get |socket| socket_type(socket); }

    /// Where the checksum lies in the packets of this protocol, for the system to fill in and check; -1 for no
    /// checksum (RFC 3542 §3.1).
    ChecksumOffset: i32 = "IPV6_CHECKSUM" on [Raw] {
        get |socket| get(of_v6(socket)?, ours::ChecksumOffset);
        => set |socket, value| set(of_v6(socket)?, ours::ChecksumOffset, &value);
    }
    /// An address that is not (yet) this host's may be bound.
    FreeBind: bool = "IP_FREEBIND / IPV6_FREEBIND" on [Tcp Udp Raw] {
        get |socket| by_family(socket, Socket::freebind_v4, Socket::freebind_v6);
        => set |socket, value| by_family(
            socket,
            |socket| socket.set_freebind_v4(value),
            |socket| socket.set_freebind_v6(value),
        );
    }
    /// What is sent begins with its IP header, which the caller made.
    HeaderIncluded: bool = "IP_HDRINCL / IPV6_HDRINCL" on [Raw] {
        get |socket| by_family(socket, Socket::header_included_v4, Socket::header_included_v6);
        => set |socket, value| by_family(
            socket,
            |socket| socket.set_header_included_v4(value),
            |socket| socket.set_header_included_v6(value),
        );
    }
    /// Joins a group on an interface.
    JoinGroup: Membership = "IP_ADD_MEMBERSHIP / IPV6_JOIN_GROUP" on [Udp Raw] {
        => set |socket, value| membership(socket, value, true);
    }
    /// Hears one sender of a group on an interface (RFC 3678 §4.1.1).
    JoinSource: SourceMembership = "IP_ADD_SOURCE_MEMBERSHIP" on [Udp Raw] {
        => set |socket, value| {
            of_v4(socket)?.join_ssm_v4(&value.source, &value.group, &interface_address(value.interface)?)
        };
    }
    /// Leaves a group on an interface.
    LeaveGroup: Membership = "IP_DROP_MEMBERSHIP / IPV6_LEAVE_GROUP" on [Udp Raw] {
        => set |socket, value| membership(socket, value, false);
    }
    /// Hears one sender of a group no longer.
    LeaveSource: SourceMembership = "IP_DROP_SOURCE_MEMBERSHIP" on [Udp Raw] {
        => set |socket, value| {
            of_v4(socket)?.leave_ssm_v4(&value.source, &value.group, &interface_address(value.interface)?)
        };
    }
    /// Off: only groups that this very socket has joined are delivered to it. On, the system's default: those that any
    /// socket of the host has.
    MulticastAll: bool = "IP_MULTICAST_ALL / IPV6_MULTICAST_ALL" on [Udp Raw] {
        get |socket| by_family(socket, Socket::multicast_all_v4, Socket::multicast_all_v6);
        => set |socket, value| by_family(
            socket,
            |socket| socket.set_multicast_all_v4(value),
            |socket| socket.set_multicast_all_v6(value),
        );
    }
    /// The index of the interface that multicast leaves by; 0 for that of the route (MUL-7).
    MulticastInterface: u32 = "IP_MULTICAST_IF / IPV6_MULTICAST_IF" on [Udp Raw] {
        get |socket| multicast_interface(socket);
        => set |socket, value| set_multicast_interface(socket, value);
    }
    /// Multicast is given to members on this host too. Default on (MUL-9).
    MulticastLoop: bool = "IP_MULTICAST_LOOP / IPV6_MULTICAST_LOOP" on [Udp Raw] {
        get |socket| by_family(socket, Socket::multicast_loop_v4, Socket::multicast_loop_v6);
        => set |socket, value| by_family(
            socket,
            |socket| socket.set_multicast_loop_v4(value),
            |socket| socket.set_multicast_loop_v6(value),
        );
    }
    /// Time to live, or hop limit, of multicast. Default 1 (MUL-8).
    MulticastTtl: u8 = "IP_MULTICAST_TTL / IPV6_MULTICAST_HOPS" on [Udp Raw] {
        get |socket| octet(by_family(socket, Socket::multicast_ttl_v4, Socket::multicast_hops_v6)?);
        => set |socket, value| by_family(
            socket,
            |socket| socket.set_multicast_ttl_v4(value.into()),
            |socket| socket.set_multicast_hops_v6(value.into()),
        );
    }
    /// IP options of what is sent, as in the header: type, length, data; at most 40 octets (RFC 791 §3.1).
    Options: Vec<u8> = "IP_OPTIONS" on [Tcp Udp Raw] {
        => set |socket, value| set(of_v4(socket)?, ours::SendOptions, &OsString::from_vec(value));
    }
    /// The most octets a packet to the connected peer may have.
    PathMtu: u32 = "IP_MTU / IPV6_MTU" on [Tcp Udp Raw] {
        get |socket| by_family(
            socket,
            |socket| Ok(ip_mtu(socket)?),
            |socket| Ok(ipv6_mtu(socket)?),
        );
    }
    /// What is done about the largest packet the path carries.
    PathMtuDiscover: PathMtuDiscovery = "IP_MTU_DISCOVER / IPV6_MTU_DISCOVER" on [Tcp Udp Raw] {
        get |socket| path_mtu_discovery(socket);
        => set |socket, value| set_path_mtu_discovery(socket, value);
    }
    /// Destination and interface of each arrival are reported. On for every socket made here.
    RecvPacketInfo: bool = "IP_PKTINFO / IPV6_RECVPKTINFO" on [Udp Raw] {
        get |socket| by_family(
            socket,
            |socket| get(socket, sockopt::Ipv4PacketInfo),
            |socket| get(socket, sockopt::Ipv6RecvPacketInfo),
        );
        => set |socket, value| by_family(
            socket,
            |socket| set(socket, sockopt::Ipv4PacketInfo, &value),
            |socket| set(socket, sockopt::Ipv6RecvPacketInfo, &value),
        );
    }
    /// The time to live, or hop limit, of each arrival is reported. On for every socket made here.
    RecvTtl: bool = "IP_RECVTTL / IPV6_RECVHOPLIMIT" on [Udp Raw] {
        get |socket| by_family(
            socket,
            |socket| get(socket, sockopt::Ipv4RecvTtl),
            |socket| get(socket, sockopt::Ipv6RecvHopLimit),
        );
        => set |socket, value| by_family(
            socket,
            |socket| set(socket, sockopt::Ipv4RecvTtl, &value),
            |socket| set(socket, sockopt::Ipv6RecvHopLimit, &value),
        );
    }
    /// Packets in transit that carry router alert are given to this socket instead of being forwarded: over IPv4
    /// (RFC 2113) those of the socket's protocol, over IPv6 (RFC 2711) those with this value, on a socket of
    /// [`IpProtocol::RAW`](crate::IpProtocol::RAW). `None` is off; the value is of no meaning over IPv4.
    RouterAlert: Option<u16> = "IP_ROUTER_ALERT / IPV6_ROUTER_ALERT" on [Raw] {
        => set |socket, value| by_family(
            socket,
            |socket| set(socket, ours::RouterAlertV4, &i32::from(value.is_some())),
            |socket| set(socket, ours::RouterAlertV6, &value.map_or(-1, i32::from)),
        );
    }
    /// A router-alert socket is given packets of its own network name space only.
    RouterAlertIsolate: bool = "IPV6_ROUTER_ALERT_ISOLATE" on [Raw] {
        get |socket| get(of_v6(socket)?, ours::RouterAlertIsolate);
        => set |socket, value| set(of_v6(socket)?, ours::RouterAlertIsolate, &value);
    }
    /// The octet of differentiated services and congestion marks of what is sent (RFC 2474, RFC 3168).
    TrafficClass: u8 = "IP_TOS / IPV6_TCLASS" on [Tcp Udp Raw] {
        get |socket| octet(by_family(socket, Socket::tos_v4, Socket::tclass_v6)?);
        => set |socket, value| by_family(
            socket,
            |socket| socket.set_tos_v4(value.into()),
            |socket| socket.set_tclass_v6(value.into()),
        );
    }
    /// An address of another host may be bound, and packets sent from it. Needs a privilege.
    Transparent: bool = "IP_TRANSPARENT / IPV6_TRANSPARENT" on [Tcp Udp Raw] {
        get |socket| by_family(socket, Socket::ip_transparent_v4, Socket::ip_transparent_v6);
        => set |socket, value| by_family(
            socket,
            |socket| socket.set_ip_transparent_v4(value),
            |socket| socket.set_ip_transparent_v6(value),
        );
    }
    /// Time to live, or hop limit, of what is sent to one host.
    Ttl: u8 = "IP_TTL / IPV6_UNICAST_HOPS" on [Tcp Udp Raw] {
        get |socket| octet(by_family(socket, Socket::ttl_v4, Socket::unicast_hops_v6)?);
        => set |socket, value| by_family(
            socket,
            |socket| socket.set_ttl_v4(value.into()),
            |socket| socket.set_unicast_hops_v6(value.into()),
        );
    }
    /// An IPv6 socket carries IPv6 only. On for every socket made here; to be cleared before binding.
    V6Only: bool = "IPV6_V6ONLY" on [Tcp Udp] {
        get |socket| of_v6(socket)?.only_v6();
        => set |socket, value| of_v6(socket)?.set_only_v6(value);
    }

    /// The name of the congestion control algorithm.
    Congestion: String = "TCP_CONGESTION" on [Tcp] {
        get |socket| {
            let name = get(socket, sockopt::TcpCongestion)?;
            Ok(String::from_utf8_lossy(name.as_bytes()).into_owned())
        };
        => set |socket, value| set(socket, sockopt::TcpCongestion, &OsString::from(value));
    }
    /// Small writes are held back until the option is cleared, a segment is full, or 200 ms have passed.
    Cork: bool = "TCP_CORK" on [Tcp] {
        get |socket| socket.tcp_cork();
        => set |socket, value| socket.set_tcp_cork(value);
    }
    /// Connecting waits for the first write and sends it along (RFC 7413).
    FastOpenConnect: bool = "TCP_FASTOPEN_CONNECT" on [Tcp] {
        get |socket| get(socket, sockopt::TcpFastOpenConnect);
        => set |socket, value| set(socket, sockopt::TcpFastOpenConnect, &value);
    }
    /// Probes without an answer after which a connection is given up.
    KeepCount: u32 = "TCP_KEEPCNT" on [Tcp] {
        get |socket| socket.tcp_keepalive_retries();
        => set |socket, value| set(socket, sockopt::TcpKeepCount, &value);
    }
    /// How long a connection is idle before the first probe. Whole seconds.
    KeepIdle: Duration = "TCP_KEEPIDLE" on [Tcp] {
        get |socket| socket.tcp_keepalive_time();
        => set |socket, value| set(socket, sockopt::TcpKeepIdle, &seconds(value)?);
    }
    /// Time between probes. Whole seconds.
    KeepInterval: Duration = "TCP_KEEPINTVL" on [Tcp] {
        get |socket| socket.tcp_keepalive_interval();
        => set |socket, value| set(socket, sockopt::TcpKeepInterval, &seconds(value)?);
    }
    /// The most octets of a segment. Set before connecting; what is read is what is in force.
    MaxSegment: u32 = "TCP_MAXSEG" on [Tcp] {
        get |socket| socket.tcp_mss();
        => set |socket, value| socket.set_tcp_mss(value);
    }
    /// Small writes go out at once instead of being gathered (Nagle's algorithm off).
    NoDelay: bool = "TCP_NODELAY" on [Tcp] {
        get |socket| socket.tcp_nodelay();
        => set |socket, value| socket.set_tcp_nodelay(value);
    }
    /// Acknowledgements go out at once, until the system decides otherwise.
    QuickAck: bool = "TCP_QUICKACK" on [Tcp] {
        get |socket| socket.tcp_quickack();
        => set |socket, value| socket.set_tcp_quickack(value);
    }
    /// How long sent data may stay unacknowledged before the connection is given up; `None` for the system's rule
    /// (RFC 5482).
    UserTimeout: Option<Duration> = "TCP_USER_TIMEOUT" on [Tcp] {
        get |socket| socket.tcp_user_timeout();
        => set |socket, value| socket.set_tcp_user_timeout(value);
    }
}

/// [`TABLE`] as a table of Markdown.
#[cfg(test)]
fn markdown() -> String {
    use std::fmt::Write as _;
    let mut out = String::from(
        "| Option | System's name | Value | | Sockets | Meaning |\n|---|---|---|---|---|---|\n",
    );
    for info in TABLE {
        let access = format!(
            "{}{}",
            if info.get { "get " } else { "" },
            if info.set { "set" } else { "" }
        );
        let (kinds, doc) = (info.kinds.join(" "), info.doc.trim());
        let access = access.trim();
        writeln!(
            out,
            "| [`{}`] | `{}` | `{}` | {access} | {kinds} | {doc} |",
            info.name, info.symbol, info.value
        )
        .unwrap();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Protocol, Type as Kind};

    /// What this crate's other tests do not see: every line of the table, on every kind and family of socket.
    /// OPT-1: what a family lacks gives SOCENOPROTOOPT, and so does what the kernel was built without.
    #[test]
    fn every_option_reads_and_sets_what_was_read() {
        let mut lacking = Vec::new();
        let kinds = [
            ("Tcp", Domain::IPV4, Kind::STREAM, None),
            ("Tcp", Domain::IPV6, Kind::STREAM, None),
            ("Udp", Domain::IPV4, Kind::DGRAM, None),
            ("Udp", Domain::IPV6, Kind::DGRAM, None),
            ("Local", Domain::UNIX, Kind::STREAM, None),
            ("Local", Domain::UNIX, Kind::DGRAM, None),
            ("Raw", Domain::IPV4, Kind::RAW, Some(Protocol::from(253))),
            ("Raw", Domain::IPV6, Kind::RAW, Some(Protocol::from(253))),
        ];
        for (kind, domain, r#type, protocol) in kinds {
            let socket = match Socket::new(domain, r#type, protocol) {
                Err(error) if kind == "Raw" && error.kind() == io::ErrorKind::PermissionDenied => {
                    println!("not walked: raw sockets need CAP_NET_RAW");
                    continue;
                }
                socket => socket.unwrap(),
            };
            walk(&socket, kind, |info, result| {
                match result.map_err(NetError::from) {
                    Ok(()) => {}
                    Err(NetError::NoProtoOpt) => {
                        lacking.push((info.name, kind, domain == Domain::IPV6));
                    }
                    // Known only once connected.
                    Err(NetError::NotConn) if info.name == "PathMtu" => {}
                    // Setting needs CAP_NET_ADMIN, even to what it is.
                    Err(NetError::Perm | NetError::Access)
                        if ["DebugRecords", "Transparent"].contains(&info.name) => {}
                    Err(error) => panic!("{} on {kind} {domain:?}: {error}", info.name),
                }
            });
        }
        let expected: &[(&str, &str)] = &[
            ("V6Only", "Tcp"),
            ("V6Only", "Udp"),
            ("ChecksumOffset", "Raw"),
            ("RouterAlertIsolate", "Raw"),
        ];
        lacking.retain(|&(name, kind, v6)| v6 || !expected.contains(&(name, kind)));
        assert_eq!(lacking, []);
    }

    #[test]
    fn names_are_unique_and_every_option_is_documented() {
        let mut names: Vec<_> = TABLE.iter().map(|info| info.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
        assert!(
            TABLE
                .iter()
                .all(|info| (info.get || info.set) && !info.doc.trim().is_empty())
        );
    }

    /// The table in the documentation is the declaration; `BLESS=1` writes it anew.
    #[test]
    fn documentation_shows_the_declaration() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/doc/options.md");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(path, markdown()).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(path).unwrap(),
            markdown(),
            "BLESS=1 writes it anew"
        );
    }
}
