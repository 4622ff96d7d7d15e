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
//! `SO_RCVTIMEO` and `SO_SNDTIMEO`: no call of ours blocks; use [`Clock::timeout`](crate::Clock::timeout). The T/TCP
//! option `TCP_CC`, whose successor is [`FastOpenConnect`], and `IP_RECVTRRI`, which told the way through token rings.
//! IPv6 source filters lack a safe wrapper.

use crate::NetError;
use crate::native::Socket as Native;
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
    /// What the system's stack lets do with it.
    pub system: Access,
    /// What our own does.
    pub native: Access,
    /// What it does.
    pub doc: &'static str,
}

/// What can be done with an option on one back end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Access {
    /// It can be read.
    pub get: bool,
    /// It can be set.
    pub set: bool,
    /// Why not.
    pub lacks: Option<&'static str>,
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
    #[doc(hidden)]
    fn get_native(self, socket: &Native) -> Result<Self::Value, NetError>;
}

/// An option that can be set. Implemented by the options of this module only.
pub trait SetOption: SocketOption {
    #[doc(hidden)]
    fn set_system(self, socket: &Socket, value: Self::Value) -> io::Result<()>;
    #[doc(hidden)]
    fn set_native(self, socket: &Native, value: Self::Value) -> Result<(), NetError>;
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
/// `system` and `native` clauses say how a back end reads and sets it; one that has no clause refuses with
/// [`NetError::NoProtoOpt`], and [`TABLE`] tells so, with the reason after `lacks`.
macro_rules! options {
    (@system_get $socket:ident => $get:expr) => {
        fn get_system(self, $socket: &Socket) -> io::Result<Self::Value> {
            $get
        }
    };
    (@system_get) => {
        fn get_system(self, _: &Socket) -> io::Result<Self::Value> {
            Err(NetError::NoProtoOpt.into())
        }
    };
    (@native_get $socket:ident => $get:expr) => {
        fn get_native(self, $socket: &Native) -> Result<Self::Value, NetError> {
            $get
        }
    };
    (@native_get) => {
        fn get_native(self, _: &Native) -> Result<Self::Value, NetError> {
            Err(NetError::NoProtoOpt)
        }
    };
    (@system_set $socket:ident, $value:ident => $set:expr) => {
        fn set_system(self, $socket: &Socket, $value: Self::Value) -> io::Result<()> {
            $set
        }
    };
    (@system_set) => {
        fn set_system(self, _: &Socket, _: Self::Value) -> io::Result<()> {
            Err(NetError::NoProtoOpt.into())
        }
    };
    (@native_set $socket:ident, $value:ident => $set:expr) => {
        fn set_native(self, $socket: &Native, $value: Self::Value) -> Result<(), NetError> {
            $set
        }
    };
    (@native_set) => {
        fn set_native(self, _: &Native, _: Self::Value) -> Result<(), NetError> {
            Err(NetError::NoProtoOpt)
        }
    };
    // Some back end reads it, or sets it.
    (@get_trait $name:ident [] []) => {};
    (@get_trait $name:ident [$($system:ident => $get:expr)?] [$($native:ident => $native_get:expr)?]) => {
        impl GetOption for $name {
            options!(@system_get $($system => $get)?);
            options!(@native_get $($native => $native_get)?);
        }
    };
    (@set_trait $name:ident [] []) => {};
    (@set_trait $name:ident
        [$($system:ident, $value:ident => $set:expr)?]
        [$($native:ident, $native_value:ident => $native_set:expr)?]
    ) => {
        impl SetOption for $name {
            options!(@system_set $($system, $value => $set)?);
            options!(@native_set $($native, $native_value => $native_set)?);
        }
    };
    (@has) => { false };
    (@has $some:ident) => { true };
    (@reason) => { None };
    (@reason $reason:literal) => { Some($reason) };
    // Sets what was read, and reads it again.
    (@walk $get:ident $set:ident $error:ty, $name:ident $socket:ident [$($gets:ident)+] [$($sets:ident)+]) => {{
        let before = $name.$get($socket);
        before.and_then(|value| {
            $name.$set($socket, value.clone())?;
            assert_eq!($name.$get($socket)?, value, stringify!($name));
            Ok(())
        })
    }};
    (@walk $get:ident $set:ident $error:ty, $name:ident $socket:ident [$($gets:ident)+] []) => {
        $name.$get($socket).map(drop)
    };
    (@walk $get:ident $set:ident $error:ty, $name:ident $socket:ident [] [$($sets:ident)*]) => {
        Ok::<(), $error>(())
    };
    ($(
        $(#[doc = $doc:literal])+
        $name:ident: $type:ty = $symbol:literal on [$($kind:ident)+] {
            $(system get |$sg:ident| $system_get:expr;)?
            $(system set |$ss:ident, $sv:ident| $system_set:expr;)?
            $(system lacks $system_reason:literal;)?
            $(native get |$ng:ident| $native_get:expr;)?
            $(native set |$ns:ident, $nv:ident| $native_set:expr;)?
            $(native lacks $native_reason:literal;)?
        }
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
                    system: Access {
                        get: options!(@has $($sg)?),
                        set: options!(@has $($ss)?),
                        lacks: options!(@reason $($system_reason)?),
                    },
                    native: Access {
                        get: options!(@has $($ng)?),
                        set: options!(@has $($ns)?),
                        lacks: options!(@reason $($native_reason)?),
                    },
                    doc: concat!($($doc),+),
                };
            }

            $(impl On<kind::$kind> for $name {})+
            options!(@get_trait $name [$($sg => $system_get)?] [$($ng => $native_get)?]);
            options!(@set_trait $name [$($ss, $sv => $system_set)?] [$($ns, $nv => $native_set)?]);
        )+

        /// Every option, in the order of the documentation.
        pub const TABLE: &[OptionInfo] = &[$($name::INFO),+];

        /// Reads, and sets to what was read, every option that sockets of `kind` have.
        #[cfg(test)]
        fn walk(socket: &Socket, kind: &str, mut report: impl FnMut(OptionInfo, io::Result<()>)) {
            $(if $name::INFO.kinds.contains(&kind) {
                report(
                    $name::INFO,
                    options!(@walk get_system set_system io::Error, $name socket [$($sg)?] [$($ss)?]),
                );
            })+
        }

        /// The same on our own stack.
        #[cfg(test)]
        fn walk_native(socket: &Native, kind: &str, mut report: impl FnMut(OptionInfo, Result<(), NetError>)) {
            $(if $name::INFO.kinds.contains(&kind) {
                report(
                    $name::INFO,
                    options!(@walk get_native set_native NetError, $name socket [$($ng)?] [$($ns)?]),
                );
            })+
        }
    };
}

options! {
    /// The socket listens.
    AcceptConn: bool = "SO_ACCEPTCONN" on [Tcp Local] {
        system get |socket| socket.is_listener();
        native get |socket| socket.is_listening();
    }
    /// Datagrams may be sent to broadcast addresses.
    Broadcast: bool = "SO_BROADCAST" on [Udp Raw] {
        system get |socket| socket.broadcast();
        system set |socket, value| socket.set_broadcast(value);
        native get |socket| socket.common(|options| options.broadcast);
        native set |socket, value| socket.set_common(|options| options.broadcast = value);
    }
    /// Debugging information is recorded. Setting it needs a privilege.
    DebugRecords: bool = "SO_DEBUG" on [Tcp Udp Raw] {
        system get |socket| get(socket, ours::Debug);
        system set |socket, value| set(socket, ours::Debug, &value);
        native get |socket| socket.common(|options| options.debug);
        native set |socket, value| socket.set_common(|options| options.debug = value);
    }
    /// The interface that alone carries the socket's packets, by name; `None` for all.
    Device: Option<String> = "SO_BINDTODEVICE" on [Tcp Udp Raw] {
        system get |socket| Ok(socket.device()?.map(|name| String::from_utf8_lossy(&name).into_owned()));
        system set |socket, value| socket.bind_device(value.as_ref().map(String::as_bytes));
        native get |socket| socket.device();
        native set |socket, value| socket.set_device(value.as_deref());
    }
    /// Packets go straight to the interface of the destination's network, past the routes.
    DontRoute: bool = "SO_DONTROUTE" on [Tcp Udp Raw] {
        system get |socket| get(socket, sockopt::DontRoute);
        system set |socket, value| set(socket, sockopt::DontRoute, &value);
        native get |socket| socket.common(|options| options.dont_route);
        native set |socket, value| socket.set_common(|options| options.dont_route = value);
    }
    /// Idle connections are probed (RFC 9293 §3.8.4).
    KeepAlive: bool = "SO_KEEPALIVE" on [Tcp] {
        system get |socket| socket.keepalive();
        system set |socket, value| socket.set_keepalive(value);
        native get |socket| socket.tcp(|options| options.keepalive);
        native set |socket, value| socket.set_tcp(|options| options.keepalive = value);
    }
    /// What closing does with unsent data: `None` sends it in the background; zero aborts the connection. Whole seconds.
    Linger: Option<Duration> = "SO_LINGER" on [Tcp] {
        system get |socket| socket.linger();
        system set |socket, value| socket.set_linger(value);
        native get |socket| socket.tcp(|options| options.linger);
        native set |socket, value| socket.set_tcp(|options| options.linger = value);
    }
    /// Urgent data stays in the stream instead of being read by itself.
    OobInline: bool = "SO_OOBINLINE" on [Tcp] {
        system get |socket| socket.out_of_band_inline();
        system set |socket, value| socket.set_out_of_band_inline(value);
        native get |socket| socket.tcp(|options| options.oob_inline);
        native set |socket, value| socket.set_tcp(|options| options.oob_inline = value);
    }
    /// Datagrams that arrive carry the sender's credentials.
    PassCredentials: bool = "SO_PASSCRED" on [Local] {
        system get |socket| socket.passcred();
        system set |socket, value| socket.set_passcred(value);
        native get |socket| socket.passes_credentials();
        native set |socket, value| socket.set_pass_credentials(value);
    }
    /// The error that waits to be reported; reading clears it.
    PendingError: Option<NetError> = "SO_ERROR" on [Tcp Udp Raw Local] {
        system get |socket| Ok(socket.take_error()?.map(NetError::from));
        native get |socket| socket.take_error();
    }
    /// Octets of the receive buffer. Linux takes twice what is set, for its own use, and tells that.
    RecvBuf: usize = "SO_RCVBUF" on [Tcp Udp Raw Local] {
        system get |socket| Ok(socket.recv_buffer_size()? / 2);
        system set |socket, value| socket.set_recv_buffer_size(value);
        native get |socket| socket.recv_buf();
        native set |socket, value| socket.set_recv_buf(value);
    }
    /// Octets that must be there before the socket counts as readable.
    RecvLowWater: i32 = "SO_RCVLOWAT" on [Tcp] {
        system get |socket| get(socket, ours::RecvLowWater);
        system set |socket, value| set(socket, ours::RecvLowWater, &value);
        native get |socket| socket.recv_low_water();
        native set |socket, value| socket.set_recv_low_water(value);
    }
    /// A local address that a connection used a short while ago may be bound; several sockets may bind a group's.
    ReuseAddr: bool = "SO_REUSEADDR" on [Tcp Udp Raw] {
        system get |socket| socket.reuse_address();
        system set |socket, value| socket.set_reuse_address(value);
        native get |socket| socket.either(|options| options.reuse_addr, |options| options.reuse_addr);
        native set |socket, value| socket.set_either(|options| options.reuse_addr = value, |options| options.reuse_addr = value);
    }
    /// Address and port may be shared if every socket bound to them sets it; arrivals are spread over them.
    ReusePort: bool = "SO_REUSEPORT" on [Tcp Udp Raw] {
        system get |socket| socket.reuse_port();
        system set |socket, value| socket.set_reuse_port(value);
        native get |socket| socket.either(|options| options.reuse_port, |options| options.reuse_port);
        native set |socket, value| socket.set_either(|options| options.reuse_port = value, |options| options.reuse_port = value);
    }
    /// Octets of the send buffer. Linux takes twice what is set, for its own use, and tells that.
    SendBuf: usize = "SO_SNDBUF" on [Tcp Udp Raw Local] {
        system get |socket| Ok(socket.send_buffer_size()? / 2);
        system set |socket, value| socket.set_send_buffer_size(value);
        native get |socket| socket.send_buf();
        native set |socket, value| socket.set_send_buf(value);
    }
    /// The type of the socket.
    Type: SocketType = "SO_TYPE" on [Tcp Udp Raw Local] {
        system get |socket| socket_type(socket);
        native get |socket| Ok(socket.socket_type());
    }
    /// The traffic class of what is sent, for the queue of the interface: 0 is best effort. The system wants a privilege
    /// above 6.
    Priority: u32 = "SO_PRIORITY" on [Tcp Udp Raw] {
        system get |socket| Ok(get(socket, sockopt::Priority)?.cast_unsigned());
        system set |socket, value| {
            set(socket, sockopt::Priority, &i32::try_from(value).map_err(|_| NetError::Inval)?)
        };
        native get |socket| socket.common(|options| options.class);
        native set |socket, value| socket.set_common(|options| options.class = value);
    }
    /// 255.255.255.255 goes out on every interface that can broadcast; made for clients of DHCP.
    LimitedBroadcast: bool = "SO_L_BROADCAST" on [Udp Raw] {
        system lacks "Linux sends it by the interface of the route, or that of SO_BINDTODEVICE";
        native get |socket| socket.common(|options| options.limited_broadcast_everywhere);
        native set |socket, value| socket.set_common(|options| options.limited_broadcast_everywhere = value);
    }
    /// Hardware is avoided where this host itself can be reached without. It always is: the option only remembers.
    UseLoopback: bool = "SO_USELOOPBACK" on [Tcp Udp Raw] {
        system lacks "Linux has no such option: its own addresses are always reached without hardware";
        native get |socket| socket.common(|options| options.use_loopback);
        native set |socket, value| socket.set_common(|options| options.use_loopback = value);
    }
    /// Octets of free room in the send buffer before the socket counts as writable.
    SendLowWater: usize = "SO_SNDLOWAT" on [Tcp] {
        system lacks "Linux reads it as 1 and refuses to set it";
        native get |socket| socket.send_low_water();
        native set |socket, value| socket.set_send_low_water(value);
    }
    /// Receiving was shut down (SHD-4).
    RecvShutdown: bool = "SO_RCV_SHUTDOWN" on [Tcp Udp Raw Local] {
        system lacks "Linux does not tell";
        native get |socket| Ok(socket.shutdowns()?.0);
    }
    /// Sending was shut down (SHD-4).
    SendShutdown: bool = "SO_SND_SHUTDOWN" on [Tcp Udp Raw Local] {
        system lacks "Linux does not tell";
        native get |socket| Ok(socket.shutdowns()?.1);
    }
    /// Datagrams go without a checksum (RFC 768).
    NoChecksum: bool = "SO_NO_CHECK" on [Udp] {
        system get |socket| get(socket, ours::NoCheck);
        system set |socket, value| set(socket, ours::NoCheck, &value);
        native get |socket| socket.common(|options| options.no_checksum);
        native set |socket, value| socket.set_common(|options| options.no_checksum = value);
    }

    /// Where the checksum lies in the packets of this protocol, for the system to fill in and check; -1 for no
    /// checksum (RFC 3542 §3.1).
    ChecksumOffset: i32 = "IPV6_CHECKSUM" on [Raw] {
        system get |socket| get(of_v6(socket)?, ours::ChecksumOffset);
        system set |socket, value| set(of_v6(socket)?, ours::ChecksumOffset, &value);
        native lacks "IPv4 has no such thing, and the engine speaks IPv4 only";
    }
    /// An address that is not (yet) this host's may be bound.
    FreeBind: bool = "IP_FREEBIND / IPV6_FREEBIND" on [Tcp Udp Raw] {
        system get |socket| by_family(socket, Socket::freebind_v4, Socket::freebind_v6);
        system set |socket, value| by_family(
            socket,
            |socket| socket.set_freebind_v4(value),
            |socket| socket.set_freebind_v6(value),
        );
        native get |socket| socket.common(|options| options.free_bind);
        native set |socket, value| socket.set_common(|options| options.free_bind = value);
    }
    /// What is sent begins with its IP header, which the caller made.
    HeaderIncluded: bool = "IP_HDRINCL / IPV6_HDRINCL" on [Raw] {
        system get |socket| by_family(socket, Socket::header_included_v4, Socket::header_included_v6);
        system set |socket, value| by_family(
            socket,
            |socket| socket.set_header_included_v4(value),
            |socket| socket.set_header_included_v6(value),
        );
        native get |socket| socket.common(|options| options.header_included);
        native set |socket, value| socket.set_common(|options| options.header_included = value);
    }
    /// Joins a group on an interface.
    JoinGroup: Membership = "IP_ADD_MEMBERSHIP / IPV6_JOIN_GROUP" on [Udp Raw] {
        system set |socket, value| membership(socket, value, true);
        native set |socket, value| socket.membership(value, true);
    }
    /// Hears one sender of a group on an interface (RFC 3678 §4.1.1).
    JoinSource: SourceMembership = "IP_ADD_SOURCE_MEMBERSHIP" on [Udp Raw] {
        system set |socket, value| {
            of_v4(socket)?.join_ssm_v4(&value.source, &value.group, &interface_address(value.interface)?)
        };
        native set |socket, value| socket.source_membership(value, true);
    }
    /// Leaves a group on an interface.
    LeaveGroup: Membership = "IP_DROP_MEMBERSHIP / IPV6_LEAVE_GROUP" on [Udp Raw] {
        system set |socket, value| membership(socket, value, false);
        native set |socket, value| socket.membership(value, false);
    }
    /// Hears one sender of a group no longer.
    LeaveSource: SourceMembership = "IP_DROP_SOURCE_MEMBERSHIP" on [Udp Raw] {
        system set |socket, value| {
            of_v4(socket)?.leave_ssm_v4(&value.source, &value.group, &interface_address(value.interface)?)
        };
        native set |socket, value| socket.source_membership(value, false);
    }
    /// Off: only groups that this very socket has joined are delivered to it. On, the system's default: those that any
    /// socket of the host has.
    MulticastAll: bool = "IP_MULTICAST_ALL / IPV6_MULTICAST_ALL" on [Udp Raw] {
        system get |socket| by_family(socket, Socket::multicast_all_v4, Socket::multicast_all_v6);
        system set |socket, value| by_family(
            socket,
            |socket| socket.set_multicast_all_v4(value),
            |socket| socket.set_multicast_all_v6(value),
        );
        native get |socket| socket.common(|options| options.multicast_all);
        native set |socket, value| socket.set_common(|options| options.multicast_all = value);
    }
    /// The index of the interface that multicast leaves by; 0 for that of the route (MUL-7).
    MulticastInterface: u32 = "IP_MULTICAST_IF / IPV6_MULTICAST_IF" on [Udp Raw] {
        system get |socket| multicast_interface(socket);
        system set |socket, value| set_multicast_interface(socket, value);
        native get |socket| socket.multicast_interface();
        native set |socket, value| socket.set_multicast_interface(value);
    }
    /// Multicast is given to members on this host too. Default on (MUL-9).
    MulticastLoop: bool = "IP_MULTICAST_LOOP / IPV6_MULTICAST_LOOP" on [Udp Raw] {
        system get |socket| by_family(socket, Socket::multicast_loop_v4, Socket::multicast_loop_v6);
        system set |socket, value| by_family(
            socket,
            |socket| socket.set_multicast_loop_v4(value),
            |socket| socket.set_multicast_loop_v6(value),
        );
        native get |socket| socket.common(|options| options.multicast_loop);
        native set |socket, value| socket.set_common(|options| options.multicast_loop = value);
    }
    /// Time to live, or hop limit, of multicast. Default 1 (MUL-8).
    MulticastTtl: u8 = "IP_MULTICAST_TTL / IPV6_MULTICAST_HOPS" on [Udp Raw] {
        system get |socket| octet(by_family(socket, Socket::multicast_ttl_v4, Socket::multicast_hops_v6)?);
        system set |socket, value| by_family(
            socket,
            |socket| socket.set_multicast_ttl_v4(value.into()),
            |socket| socket.set_multicast_hops_v6(value.into()),
        );
        native get |socket| socket.common(|options| options.multicast_ttl);
        native set |socket, value| socket.set_common(|options| options.multicast_ttl = value);
    }
    /// IP options of what is sent, as in the header: type, length, data; at most 40 octets (RFC 791 §3.1). What is read
    /// begins with four octets for the first hop of a source route, 0.0.0.0 without one (BSD's way).
    Options: Vec<u8> = "IP_OPTIONS" on [Tcp Udp Raw] {
        system set |socket, value| set(of_v4(socket)?, ours::SendOptions, &OsString::from_vec(value));
        system lacks "reading them has no safe wrapper";
        native get |socket| socket.ip_options();
        native set |socket, value| socket.set_ip_options(value);
    }
    /// The most octets a packet to the connected peer may have.
    PathMtu: u32 = "IP_MTU / IPV6_MTU" on [Tcp Udp Raw] {
        system get |socket| by_family(
            socket,
            |socket| Ok(ip_mtu(socket)?),
            |socket| Ok(ipv6_mtu(socket)?),
        );
        native get |socket| socket.path_mtu();
    }
    /// What is done about the largest packet the path carries.
    PathMtuDiscover: PathMtuDiscovery = "IP_MTU_DISCOVER / IPV6_MTU_DISCOVER" on [Tcp Udp Raw] {
        system get |socket| path_mtu_discovery(socket);
        system set |socket, value| set_path_mtu_discovery(socket, value);
        native get |socket| socket.path_mtu_discovery();
        native set |socket, value| socket.set_path_mtu_discovery(value);
    }
    /// Destination and interface of each arrival are reported. On for every socket made here.
    RecvPacketInfo: bool = "IP_PKTINFO / IPV6_RECVPKTINFO" on [Udp Raw] {
        system get |socket| by_family(
            socket,
            |socket| get(socket, sockopt::Ipv4PacketInfo),
            |socket| get(socket, sockopt::Ipv6RecvPacketInfo),
        );
        system set |socket, value| by_family(
            socket,
            |socket| set(socket, sockopt::Ipv4PacketInfo, &value),
            |socket| set(socket, sockopt::Ipv6RecvPacketInfo, &value),
        );
        native get |socket| socket.common(|options| options.recv_packet_info);
        native set |socket, value| socket.set_common(|options| options.recv_packet_info = value);
    }
    /// The time to live, or hop limit, of each arrival is reported. On for every socket made here.
    RecvTtl: bool = "IP_RECVTTL / IPV6_RECVHOPLIMIT" on [Udp Raw] {
        system get |socket| by_family(
            socket,
            |socket| get(socket, sockopt::Ipv4RecvTtl),
            |socket| get(socket, sockopt::Ipv6RecvHopLimit),
        );
        system set |socket, value| by_family(
            socket,
            |socket| set(socket, sockopt::Ipv4RecvTtl, &value),
            |socket| set(socket, sockopt::Ipv6RecvHopLimit, &value),
        );
        native get |socket| socket.common(|options| options.recv_ttl);
        native set |socket, value| socket.set_common(|options| options.recv_ttl = value);
    }
    /// Packets in transit that carry router alert are given to this socket instead of being forwarded: over IPv4
    /// (RFC 2113) those of the socket's protocol, over IPv6 (RFC 2711) those with this value, on a socket of
    /// [`IpProtocol::RAW`](crate::IpProtocol::RAW). `None` is off; the value is of no meaning over IPv4.
    RouterAlert: Option<u16> = "IP_ROUTER_ALERT / IPV6_ROUTER_ALERT" on [Raw] {
        system set |socket, value| by_family(
            socket,
            |socket| set(socket, ours::RouterAlertV4, &i32::from(value.is_some())),
            |socket| set(socket, ours::RouterAlertV6, &value.map_or(-1, i32::from)),
        );
        system lacks "Linux does not tell";
        native get |socket| socket.common(|options| options.router_alert.then_some(0));
        native set |socket, value| socket.set_common(|options| options.router_alert = value.is_some());
    }
    /// A router-alert socket is given packets of its own network name space only.
    RouterAlertIsolate: bool = "IPV6_ROUTER_ALERT_ISOLATE" on [Raw] {
        system get |socket| get(of_v6(socket)?, ours::RouterAlertIsolate);
        system set |socket, value| set(of_v6(socket)?, ours::RouterAlertIsolate, &value);
        native lacks "IPv4 has no such thing, and the engine speaks IPv4 only";
    }
    /// The octet of differentiated services and congestion marks of what is sent (RFC 2474, RFC 3168).
    TrafficClass: u8 = "IP_TOS / IPV6_TCLASS" on [Tcp Udp Raw] {
        system get |socket| octet(by_family(socket, Socket::tos_v4, Socket::tclass_v6)?);
        system set |socket, value| by_family(
            socket,
            |socket| socket.set_tos_v4(value.into()),
            |socket| socket.set_tclass_v6(value.into()),
        );
        native get |socket| socket.either(|options| options.tos, |options| options.tos);
        native set |socket, value| socket.set_either(|options| options.tos = value, |options| options.tos = value);
    }
    /// An address of another host may be bound, and packets sent from it. Needs a privilege.
    Transparent: bool = "IP_TRANSPARENT / IPV6_TRANSPARENT" on [Tcp Udp Raw] {
        system get |socket| by_family(socket, Socket::ip_transparent_v4, Socket::ip_transparent_v6);
        system set |socket, value| by_family(
            socket,
            |socket| socket.set_ip_transparent_v4(value),
            |socket| socket.set_ip_transparent_v6(value),
        );
        native get |socket| socket.common(|options| options.transparent);
        native set |socket, value| socket.set_common(|options| options.transparent = value);
    }
    /// Time to live, or hop limit, of what is sent to one host.
    Ttl: u8 = "IP_TTL / IPV6_UNICAST_HOPS" on [Tcp Udp Raw] {
        system get |socket| octet(by_family(socket, Socket::ttl_v4, Socket::unicast_hops_v6)?);
        system set |socket, value| by_family(
            socket,
            |socket| socket.set_ttl_v4(value.into()),
            |socket| socket.set_unicast_hops_v6(value.into()),
        );
        native get |socket| socket.either(|options| options.ttl, |options| options.ttl);
        native set |socket, value| socket.set_either(|options| options.ttl = value, |options| options.ttl = value);
    }
    /// An IPv6 socket carries IPv6 only. On for every socket made here; to be cleared before binding.
    V6Only: bool = "IPV6_V6ONLY" on [Tcp Udp] {
        system get |socket| of_v6(socket)?.only_v6();
        system set |socket, value| of_v6(socket)?.set_only_v6(value);
        native lacks "IPv4 has no such thing, and the engine speaks IPv4 only";
    }

    /// The name of the congestion control algorithm.
    Congestion: String = "TCP_CONGESTION" on [Tcp] {
        system get |socket| {
            let name = get(socket, sockopt::TcpCongestion)?;
            Ok(String::from_utf8_lossy(name.as_bytes()).into_owned())
        };
        system set |socket, value| set(socket, sockopt::TcpCongestion, &OsString::from(value));
        native get |socket| socket.congestion();
        native set |socket, value| socket.set_congestion(&value);
    }
    /// Small writes are held back until the option is cleared, a segment is full, or 200 ms have passed.
    Cork: bool = "TCP_CORK" on [Tcp] {
        system get |socket| socket.tcp_cork();
        system set |socket, value| socket.set_tcp_cork(value);
        native get |socket| socket.tcp(|options| options.cork);
        native set |socket, value| socket.set_tcp(|options| options.cork = value);
    }
    /// Connecting waits for the first write and sends it along (RFC 7413).
    FastOpenConnect: bool = "TCP_FASTOPEN_CONNECT" on [Tcp] {
        system get |socket| get(socket, sockopt::TcpFastOpenConnect);
        system set |socket, value| set(socket, sockopt::TcpFastOpenConnect, &value);
        native lacks "TCP Fast Open (RFC 7413) is not implemented";
    }
    /// Probes without an answer after which a connection is given up.
    KeepCount: u32 = "TCP_KEEPCNT" on [Tcp] {
        system get |socket| socket.tcp_keepalive_retries();
        system set |socket, value| set(socket, sockopt::TcpKeepCount, &value);
        native get |socket| socket.tcp(|options| options.keep_count.into());
        native set |socket, value| socket.set_keep_count(value);
    }
    /// How long a connection is idle before the first probe. Whole seconds.
    KeepIdle: Duration = "TCP_KEEPIDLE" on [Tcp] {
        system get |socket| socket.tcp_keepalive_time();
        system set |socket, value| set(socket, sockopt::TcpKeepIdle, &seconds(value)?);
        native get |socket| socket.tcp(|options| options.keep_idle);
        native set |socket, value| socket.set_tcp(|options| options.keep_idle = value);
    }
    /// Time between probes. Whole seconds.
    KeepInterval: Duration = "TCP_KEEPINTVL" on [Tcp] {
        system get |socket| socket.tcp_keepalive_interval();
        system set |socket, value| set(socket, sockopt::TcpKeepInterval, &seconds(value)?);
        native get |socket| socket.tcp(|options| options.keep_interval);
        native set |socket, value| socket.set_tcp(|options| options.keep_interval = value);
    }
    /// The most octets of a segment. Set before connecting; what is read is what is in force.
    MaxSegment: u32 = "TCP_MAXSEG" on [Tcp] {
        system get |socket| socket.tcp_mss();
        system set |socket, value| socket.set_tcp_mss(value);
        native get |socket| socket.max_segment();
        native set |socket, value| socket.set_max_segment(value);
    }
    /// Small writes go out at once instead of being gathered (Nagle's algorithm off).
    NoDelay: bool = "TCP_NODELAY" on [Tcp] {
        system get |socket| socket.tcp_nodelay();
        system set |socket, value| socket.set_tcp_nodelay(value);
        native get |socket| socket.tcp(|options| options.no_delay);
        native set |socket, value| socket.set_tcp(|options| options.no_delay = value);
    }
    /// Acknowledgements go out at once, until the system decides otherwise.
    QuickAck: bool = "TCP_QUICKACK" on [Tcp] {
        system get |socket| socket.tcp_quickack();
        system set |socket, value| socket.set_tcp_quickack(value);
        native get |socket| socket.tcp(|options| options.quick_ack);
        native set |socket, value| socket.set_tcp(|options| options.quick_ack = value);
    }
    /// How long sent data may stay unacknowledged before the connection is given up; `None` for the system's rule
    /// (RFC 5482).
    UserTimeout: Option<Duration> = "TCP_USER_TIMEOUT" on [Tcp] {
        system get |socket| socket.tcp_user_timeout();
        system set |socket, value| socket.set_tcp_user_timeout(value);
        native get |socket| socket.tcp(|options| options.user_timeout);
        native set |socket, value| socket.set_tcp(|options| options.user_timeout = value);
    }
    /// The maximum segment lifetime: TIME-WAIT lasts two of them. 1 s to 120 s.
    MaxSegmentLifetime: Duration = "TCP_MSL" on [Tcp] {
        system lacks "Linux has one for all sockets, and it cannot be changed";
        native get |socket| socket.tcp(|options| options.msl);
        native set |socket, value| socket.set_tcp(|options| options.msl = value);
    }
    /// Timestamps are offered and taken (RFC 7323 §3). Set before connecting (HPX-2).
    Timestamps: bool = "TCP_TIMESTMP" on [Tcp] {
        system lacks "Linux has one switch for all sockets";
        native get |socket| socket.tcp(|options| options.timestamps);
        native set |socket, value| socket.set_tcp(|options| options.timestamps = value);
    }
    /// Scaled windows are offered and taken (RFC 7323 §2). Set before connecting (HPX-1).
    WindowScale: bool = "TCP_WINSCALE" on [Tcp] {
        system lacks "Linux has one switch for all sockets";
        native get |socket| socket.tcp(|options| options.window_scale);
        native set |socket, value| socket.set_tcp(|options| options.window_scale = value);
    }
}

/// [`TABLE`] as tables of Markdown: what there is, and what a back end lacks.
#[cfg(test)]
fn markdown() -> String {
    use std::fmt::Write as _;
    let mut out = String::from(
        "| Option | System's name | Value | System | Native | Sockets | Meaning |\n|---|---|---|---|---|---|---|\n",
    );
    let access = |access: Access| match (access.get, access.set) {
        (true, true) => "get set",
        (true, false) => "get",
        (false, true) => "set",
        (false, false) => "-",
    };
    for info in TABLE {
        let (kinds, doc) = (info.kinds.join(" "), info.doc.trim());
        let (system, native) = (access(info.system), access(info.native));
        writeln!(
            out,
            "| [`{}`] | `{}` | `{}` | {system} | {native} | {kinds} | {doc} |",
            info.name, info.symbol, info.value
        )
        .unwrap();
    }
    out.push_str(
        "\n# What a back end lacks\n\n| Option | Back end | Lacks | Why |\n|---|---|---|---|\n",
    );
    for info in TABLE {
        for (name, here, there) in [
            ("system", info.system, info.native),
            ("native", info.native, info.system),
        ] {
            let missing = match (there.get && !here.get, there.set && !here.set) {
                (true, true) => "get set",
                (true, false) => "get",
                (false, true) => "set",
                (false, false) => continue,
            };
            let why = here.lacks.unwrap_or_default();
            writeln!(out, "| [`{}`] | {name} | {missing} | {why} |", info.name).unwrap();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::native::{Host, NativeDatagram, NativeLocalDatagram, NativeTcpSocket, Stack};
    use fairway_native::Setup;
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

    /// The same on our own stack. OPT-1.
    #[tokio::test]
    async fn every_option_reads_and_sets_what_was_read_on_native() {
        let host = Host::real_time(Stack::new(Setup::new("host", [1; 32])));
        let mut refused = Vec::new();
        for (kind, socket) in [
            ("Tcp", NativeTcpSocket::new(&host).unwrap().into_socket()),
            ("Udp", NativeDatagram::udp(&host).unwrap().into_socket()),
            (
                "Raw",
                NativeDatagram::raw(&host, 253).unwrap().into_socket(),
            ),
            (
                "Local",
                NativeLocalDatagram::new(&host, None).unwrap().into_socket(),
            ),
        ] {
            walk_native(&socket, kind, |info, result| {
                let lacking = !info.native.get && !info.native.set;
                match result {
                    Ok(()) => {}
                    Err(NetError::NoProtoOpt) if lacking => {}
                    // Known only once connected.
                    Err(NetError::NotConn) if info.name == "PathMtu" => {}
                    Err(error) => refused.push((info.name, kind, error)),
                }
            });
        }
        assert_eq!(refused, []);
    }

    #[test]
    fn names_are_unique_and_every_option_is_documented() {
        let mut names: Vec<_> = TABLE.iter().map(|info| info.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), TABLE.len());
        for info in TABLE {
            assert!(!info.doc.trim().is_empty(), "{}", info.name);
            for (here, there) in [(info.system, info.native), (info.native, info.system)] {
                let lacks = there.get && !here.get || there.set && !here.set;
                assert_eq!(
                    here.lacks.is_some(),
                    lacks,
                    "{}: a reason for what is lacking",
                    info.name
                );
            }
        }
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
